//! UPS's error envelope in all its variants, and which of its codes mean "try again".

use serde_json::Value;

use crate::domain::Refusal;
use crate::http::{Answer, VendorError};

/// Codes that UPS calls transient: system not available, quota, internal failure.
const TRANSIENT: [&str; 7] = ["10004", "10429", "20001", "120001", "190001", "300000", "VSS100"];

/// Reads the envelope, if the body is one. Of several errors the first names the code; one transient makes all so.
pub(crate) fn envelope(answer: &Answer) -> Option<VendorError> {
    let body = answer.json()?;
    let errors = errors(&body);
    let (code, _) = errors.first()?;
    Some(VendorError {
        refusal: Refusal::new(code, words(&errors)),
        transient: errors.iter().any(|(code, _)| TRANSIENT.contains(&code.as_str())),
    })
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
    let wrapped = body.pointer("/response/errors").or_else(|| body.get("errors"));
    let fault = body.pointer("/Fault/detail/Errors/ErrorDetail");
    let old = body.as_object().and_then(|object| {
        let inner = object.values().find_map(|value| value.pointer("/Response/Error"));
        inner.or_else(|| body.pointer("/Response/Error"))
    });
    let plain = list(wrapped)
        .into_iter()
        .filter_map(|error| pair(error, "code", "message"));
    let fault = list(fault)
        .into_iter()
        .filter_map(|detail| pair(detail.get("PrimaryErrorCode").unwrap_or(detail), "Code", "Description"));
    let old = list(old)
        .into_iter()
        .filter_map(|error| pair(error, "ErrorCode", "ErrorDescription"));
    plain.chain(fault).chain(old).collect()
}

fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

fn pair(error: &Value, code: &str, message: &str) -> Option<(String, String)> {
    let code = match error.get(code)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let message = error
        .get(message)
        .and_then(Value::as_str)
        .unwrap_or("no words given")
        .trim()
        .to_owned();
    (!code.is_empty()).then_some((code, message))
}
