//! FedEx's error envelope, and which of its codes mean "try again".

use crate::domain::Refusal;
use crate::http::{Answer, VendorError};

/// Reads the envelope, if the body is one.
pub(crate) fn envelope(answer: &Answer) -> Option<VendorError> {
    let body = answer.json()?;
    let error = body.get("errors")?.get(0)?;
    let code = error.get("code")?.as_str()?;
    let message = error.get("message").and_then(serde_json::Value::as_str);
    Some(VendorError {
        refusal: Refusal::new(code, message.unwrap_or("no words given")),
        transient: ["SYSTEM.", "SERVICE.", "INTERNAL."]
            .iter()
            .any(|begin| code.starts_with(begin)),
    })
}
