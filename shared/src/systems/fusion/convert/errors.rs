//! The error envelope: `o:errorDetails`, or a line of text that begins with a code of the database's tools. Anything else is no
//! word of Fusion.

use crate::domain::{DocumentId, Refusal};
use crate::http::{Answer, VendorError};
use crate::systems::fusion::wire::{ErrorDetail, ErrorEnvelope};

/// Codes after which the same request may work: somebody else has changed the row.
const TRANSIENT: [&str; 2] = ["JBO-25014", "JBO-26010"];

/// The most that is kept of a plain text.
const LONGEST: usize = 300;

/// Reads the envelope, if the body is one.
pub(in crate::systems::fusion) fn envelope(answer: &Answer) -> Option<VendorError> {
    let refusal = of_json(answer).or_else(|| of_text(answer))?;
    let words = refusal.to_string().to_lowercase();
    let changed = TRANSIENT.iter().any(|code| refusal.to_string().contains(code));
    let transient =
        changed || words.contains("another user has changed") || matches!(answer.status, 408 | 409 | 412 | 429);
    Some(VendorError { refusal, transient })
}

fn of_json(answer: &Answer) -> Option<Refusal> {
    let envelope: ErrorEnvelope = serde_json::from_slice(&answer.body).ok()?;
    let details = &envelope.details.items;
    let code = details.iter().find_map(|detail| detail.code.clone()).or(envelope.code);
    let words: Vec<String> = details.iter().filter_map(words).collect();
    let told = match words.is_empty() {
        true => envelope.detail.or(envelope.title.clone())?,
        false => words.join("; "),
    };
    let code = code.or(envelope.title)?;
    Some(Refusal::new(code, told))
}

fn words(detail: &ErrorDetail) -> Option<String> {
    let text = detail.detail.as_ref().or(detail.title.as_ref())?;
    Some(match &detail.path {
        Some(path) => format!("{text} [{path}]"),
        None => text.clone(),
    })
}

/// `JBO-27024: ...`, `FND-2: ...`, `Not Found`. What a gateway or a limit answers is another's word, whatever it says.
fn of_text(answer: &Answer) -> Option<Refusal> {
    if !(400..=499).contains(&answer.status) || matches!(answer.status, 401 | 408 | 409 | 412 | 429) {
        return None;
    }
    let text = std::str::from_utf8(&answer.body).ok()?.trim();
    if answer.status == 404 && text.trim_end_matches('.').eq_ignore_ascii_case("not found") {
        return Some(Refusal::new("not-found", "Fusion does not find it"));
    }
    let begins = text.starts_with("JBO-") || text.starts_with("FND-");
    let (code, rest) = text.split_once(':').filter(|_| begins)?;
    let digits = code
        .get(4..)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let rest: String = rest.trim().chars().take(LONGEST).collect();
    digits.then(|| Refusal::new(code, rest))
}

/// Why an order could not be told of its delivery, in words for a person.
pub(in crate::systems::fusion) fn told_nothing(document: &DocumentId, refusal: &Refusal) -> Refusal {
    let words = format!(
        "Fusion does not take the delivery's fields of {document}: {}. `waybill connection check` says which segment is missing; \
         each must take what is written into it",
        refusal.message.trim_end_matches('.')
    );
    Refusal::new(refusal.code.clone(), words)
}

#[cfg(test)]
mod tests {
    use ::http::HeaderMap;
    use bytes::Bytes;

    use super::*;
    use crate::http;
    use crate::ports::{CallError, EffectError, Obstacle};

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    const REFUSED: &str = include_str!("../../../../../tests/fixtures/fusion/errors/segment.json");
    const NUMBERED: &str = include_str!("../../../../../tests/fixtures/fusion/errors/forbidden.json");
    const CHANGED: &str = include_str!("../../../../../tests/fixtures/fusion/errors/changed.txt");
    const PAGE: &str = include_str!("../../../../../tests/fixtures/fusion/errors/login.html");

    #[test]
    fn a_write_is_rejected_only_by_a_final_word_of_fusion() {
        let rejected = http::effect(Ok(answer(400, REFUSED)), envelope);
        let Err(EffectError::Rejected(refusal)) = rejected else {
            panic!("{rejected:?}")
        };
        assert_eq!(refusal.code, "27520");
        assert!(refusal.message.ends_with("[/DFF/trackingNumber]"), "{refusal}");
        let forbidden = http::effect(Ok(answer(403, NUMBERED)), envelope);
        assert!(matches!(forbidden, Err(EffectError::Rejected(_))), "{forbidden:?}");
        let plain = http::effect(Ok(answer(400, "JBO-27024: Failed to validate a row")), envelope);
        assert!(matches!(plain, Err(EffectError::Rejected(refusal)) if refusal.code == "JBO-27024"));
        for (status, body) in [(404, "Not Found"), (404, "JBO-25002: gone"), (403, "FND-2: no access")] {
            let result = http::effect(Ok(answer(status, body)), envelope);
            assert!(matches!(result, Err(EffectError::Rejected(_))), "{status}: {result:?}");
        }
        for (status, body) in [
            (400, CHANGED),
            (403, PAGE),
            (403, "Forbidden"),
            (404, "no route"),
            (412, "JBO-27024: Failed to validate a row"),
            (409, REFUSED),
            (412, REFUSED),
            (503, PAGE),
            (500, REFUSED),
        ] {
            let result = http::effect(Ok(answer(status, body)), envelope);
            assert!(matches!(result, Err(EffectError::Unknown(_))), "{status}: {result:?}");
        }
        let limited = http::effect(Ok(answer(429, "slow down")), envelope);
        assert!(matches!(limited, Err(EffectError::NotSent(later)) if later.obstacle == Obstacle::Limited));
    }

    #[test]
    fn a_read_that_a_firewall_forbids_may_work_later() {
        let page = http::read(Ok(answer(403, PAGE)), envelope);
        assert!(matches!(page, Err(CallError::Later(_))), "{page:?}");
        let word = http::read(Ok(answer(403, NUMBERED)), envelope);
        assert!(matches!(word, Err(CallError::Refused(_))), "{word:?}");
    }
}
