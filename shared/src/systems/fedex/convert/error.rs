//! FedEx's error envelope in its variants, and which of its codes mean "try again".

use serde_json::Value;

use crate::domain::Refusal;
use crate::http::{Answer, VendorError};

/// Codes that begin so are faults of FedEx's own, whatever the status: the same request may work later.
const TRANSIENT: [&str; 3] = ["SYSTEM.", "SERVICE.", "INTERNAL."];

/// Codes that end so are about what was asked, however they begin: `SERVICE.PACKAGECOMBINATION.INVALID` is FedEx's word for a service
/// that does not go with a packaging, a weight or a place, and the same request is never taken.
const ABOUT_THE_REQUEST: &str = ".INVALID";

/// Reads the envelope, if the body is one. Of several errors the first names the code; one transient makes all so.
pub(crate) fn envelope(answer: &Answer) -> Option<VendorError> {
    let body: Value = serde_json::from_str(&String::from_utf8_lossy(&answer.body)).ok()?;
    let errors = errors(&body);
    let (code, _) = errors.first()?;
    Some(VendorError {
        refusal: Refusal::new(code, words(&errors)),
        transient: errors.iter().any(|(code, _)| is_transient(code)),
    })
}

/// Whether an answer refuses the project or the account, whatever is asked: no order is at fault then, and asking for another one is
/// refused as well.
pub(crate) fn forbids(answer: &Answer) -> bool {
    answer.status == 403 && envelope(answer).is_some_and(|error| is_permission(&error.refusal.code))
}

/// Whether a code says that the project, or the account, may not do this.
pub(crate) fn is_permission(code: &str) -> bool {
    code.starts_with("FORBIDDEN") || code.starts_with("UNAUTHORIZED")
}

/// Whether a code is of a fault of FedEx's own.
pub(super) fn is_transient(code: &str) -> bool {
    TRANSIENT.iter().any(|beginning| code.starts_with(beginning)) && !code.ends_with(ABOUT_THE_REQUEST)
}

fn words(errors: &[(String, String)]) -> String {
    match errors {
        [(_, message)] => message.clone(),
        several => several
            .iter()
            .map(|(code, message)| format!("{message} ({code})"))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn errors(body: &Value) -> Vec<(String, String)> {
    let listed = match body.get("errors") {
        Some(Value::Array(errors)) => errors.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    let listed = listed.into_iter().filter_map(|error| pair(error, "code", "message"));
    // Validation of a label answers in another shape.
    listed.chain(pair(body, "error", "error_detail")).collect()
}

fn pair(error: &Value, code: &str, message: &str) -> Option<(String, String)> {
    let code = match error.get(code)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let words = error.get(message).and_then(Value::as_str).map(str::trim);
    let words = words.filter(|words| !words.is_empty()).unwrap_or("no words given");
    (!code.is_empty()).then(|| (code, words.to_owned()))
}
