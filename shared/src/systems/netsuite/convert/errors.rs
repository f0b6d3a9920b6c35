//! The error envelope: `o:errorDetails` of the services, `error` of the token endpoint. Anything else is no envelope.

use crate::domain::Refusal;
use crate::http::{Answer, VendorError};
use crate::systems::netsuite::wire::{ErrorDetail, ErrorEnvelope};

/// Codes after which the same request may work.
const TRANSIENT: [&str; 5] = [
    "CONCURRENCY_LIMIT_EXCEEDED",
    "SSS_REQUEST_LIMIT_EXCEEDED",
    "RCRD_HAS_BEEN_CHANGED",
    "UNEXPECTED_ERROR",
    "INVALID_LOGIN",
];

/// Reads the envelope, if the body is one and carries a code.
pub(in crate::systems::netsuite) fn envelope(answer: &Answer) -> Option<VendorError> {
    let envelope: ErrorEnvelope = serde_json::from_slice(&answer.body).ok()?;
    let refusal = match envelope.details.first().and_then(|detail| detail.code.clone()) {
        Some(code) => {
            let words: Vec<String> = envelope.details.iter().map(words).collect();
            Refusal::new(code, words.join("; "))
        }
        None => Refusal::new(envelope.error?, envelope.error_description.unwrap_or_default()),
    };
    let transient = TRANSIENT.contains(&refusal.code.as_str());
    Some(VendorError { refusal, transient })
}

fn words(detail: &ErrorDetail) -> String {
    let text = detail.detail.as_deref().unwrap_or("no details");
    match &detail.path {
        Some(path) => format!("{text} [{path}]"),
        None => text.to_owned(),
    }
}

/// The code of a record that does not exist.
pub(super) const NONEXISTENT: &str = "NONEXISTENT_ID";

/// Whether the record asked for does not exist.
pub(in crate::systems::netsuite) fn does_not_exist(refusal: &Refusal) -> bool {
    refusal.code == NONEXISTENT
}

/// Whether something with our external id is there already. The code is not documented, so the words count too.
pub(in crate::systems::netsuite) fn already_exists(refusal: &Refusal) -> bool {
    let words = refusal.message.to_lowercase();
    refusal.code.contains("DUP") || (words.contains("already exist") && words.contains("external"))
}

/// The column or table that SuiteQL does not know, in lower case and by its last name, where a refusal names one.
pub(in crate::systems::netsuite) fn unknown_identifier(refusal: &Refusal) -> Option<String> {
    let lower = refusal.message.to_lowercase();
    let (_, rest) = match lower.split_once("unknown identifier") {
        Some(parts) => parts,
        None => lower
            .split_once("record '")
            .filter(|(_, rest)| rest.contains("not found"))?,
    };
    let named = rest.trim_start_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let end = named.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '.'));
    let whole = named.get(..end.unwrap_or(named.len()))?.trim_end_matches('.');
    let column = whole.rsplit('.').next()?;
    (!column.is_empty()).then(|| column.to_owned())
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

    const REFUSED: &str = include_str!("../../../../../tests/fixtures/netsuite/errors/invalid_content.json");
    const LIMITED: &str = include_str!("../../../../../tests/fixtures/netsuite/errors/concurrency.json");
    const CHANGED: &str = include_str!("../../../../../tests/fixtures/netsuite/errors/record_changed.json");
    const GRANT: &str = include_str!("../../../../../tests/fixtures/netsuite/errors/invalid_grant.json");
    const DUPLICATE: &str = include_str!("../../../../../tests/fixtures/netsuite/errors/duplicate.json");
    const UNKNOWN: &str = include_str!("../../../../../tests/fixtures/netsuite/errors/unknown_identifier.json");

    #[test]
    fn a_write_is_rejected_only_by_a_final_word_of_netsuite() {
        let rejected = http::effect(Ok(answer(400, REFUSED)), envelope);
        let Err(EffectError::Rejected(refusal)) = rejected else {
            panic!("{rejected:?}")
        };
        assert_eq!(refusal.code, "INVALID_CONTENT");
        assert!(refusal.message.ends_with("[item.items[0].item]"), "{refusal}");
        let page = "<html><body>NetSuite is down for maintenance</body></html>";
        for (status, body) in [(400, CHANGED), (400, page), (404, "{}"), (503, page), (500, REFUSED)] {
            let result = http::effect(Ok(answer(status, body)), envelope);
            assert!(matches!(result, Err(EffectError::Unknown(_))), "{status}: {result:?}");
        }
        let limited = http::effect(Ok(answer(429, LIMITED)), envelope);
        assert!(matches!(limited, Err(EffectError::NotSent(later)) if later.obstacle == Obstacle::Limited));
        let unreadable = http::effect(
            Ok(answer(429, "{\"title\": \"Bad Request\" \"status\": 429}")),
            envelope,
        );
        assert!(matches!(unreadable, Err(EffectError::NotSent(later)) if later.obstacle == Obstacle::Limited));
    }

    #[test]
    fn the_token_endpoint_has_an_envelope_of_its_own() {
        let refused = http::read(Ok(answer(400, GRANT)), envelope);
        assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.code == "invalid_grant"));
    }

    #[test]
    fn a_duplicate_and_an_unknown_column_are_recognised() {
        let refusal = |body| envelope(&answer(400, body)).unwrap().refusal;
        assert!(already_exists(&refusal(DUPLICATE)) && !already_exists(&refusal(REFUSED)));
        assert_eq!(unknown_identifier(&refusal(UNKNOWN)).as_deref(), Some("schedulebcode"));
        assert_eq!(unknown_identifier(&refusal(REFUSED)), None);
    }
}
