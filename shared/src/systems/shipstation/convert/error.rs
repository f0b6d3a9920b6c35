//! The error envelopes of both APIs, and the errors that stand inside successes.

use serde_json::Value;

use crate::domain::Refusal;
use crate::http::{Answer, VendorError};
use crate::ports::{CallError, Later, Obstacle};
use crate::systems::shipstation::wire::lenient::read_text;
use crate::systems::shipstation::wire::v2::{Fault, Page};

/// Codes and types under which the same request may work later.
const TRANSIENT: [&str; 2] = ["rate_limit_exceeded", "meter_failure"];

/// Reads the envelope of either API, if the body is one.
pub(crate) fn envelope(answer: &Answer) -> Option<VendorError> {
    let body: Value = serde_json::from_str(&String::from_utf8_lossy(&answer.body)).ok()?;
    of_v2(&body).or_else(|| of_v1(&body, answer.status))
}

fn of_v2(body: &Value) -> Option<VendorError> {
    let page: Page = serde_json::from_value(body.clone()).ok()?;
    let first = page.errors.iter().find(|fault| fault.error_code.is_some())?;
    Some(VendorError {
        refusal: Refusal::new(first.error_code.as_deref().unwrap_or_default(), words(&page.errors)),
        transient: page.errors.iter().any(is_transient),
    })
}

fn is_transient(fault: &Fault) -> bool {
    let code = fault.error_code.as_deref().unwrap_or_default();
    TRANSIENT.contains(&code) || fault.error_type.as_deref() == Some("system")
}

/// V1 gives words and no code: the status stands for it.
fn of_v1(body: &Value, status: u16) -> Option<VendorError> {
    let text = |name: &str| body.get(name).and_then(read_text);
    let message = text("Message").or_else(|| text("message"))?;
    let more = [text("ExceptionMessage"), body.get("ModelState").map(Value::to_string)];
    let more: Vec<String> = more.into_iter().flatten().collect();
    let words = match more.is_empty() {
        true => message,
        false => format!("{message}: {}", more.join("; ")),
    };
    Some(VendorError {
        refusal: Refusal::new(format!("status-{status}"), words),
        transient: false,
    })
}

fn words(faults: &[Fault]) -> String {
    let each = faults.iter().map(|fault| {
        let message = fault.message.as_deref().unwrap_or("no words given");
        match fault.field.as_ref().or(fault.field_name.as_ref()) {
            Some(field) if !message.contains(field.as_str()) => format!("{field}: {message}"),
            _ => message.to_owned(),
        }
    });
    each.collect::<Vec<_>>().join("; ")
}

/// What a success says is wrong with it (`has_errors`, status 207).
pub(crate) fn page_fault(page: &Page) -> Option<Refusal> {
    if page.errors.is_empty() && page.has_errors != Some(true) {
        return None;
    }
    let code = page.errors.iter().find_map(|fault| fault.error_code.as_deref());
    let words = match page.errors.is_empty() {
        true => "the answer says that it has errors, and not which".to_owned(),
        false => words(&page.errors),
    };
    Some(Refusal::new(code.unwrap_or("has_errors"), words))
}

/// The same as whoever asked comes to know it: some of it may work later.
pub(crate) fn page_error(page: &Page) -> Option<CallError> {
    let fault = page_fault(page)?;
    Some(match page.errors.iter().any(is_transient) {
        true => later(&fault),
        false => CallError::Refused(fault),
    })
}

fn later(fault: &Refusal) -> CallError {
    CallError::Later(Later::new(Obstacle::Unreachable, fault.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Bad input: what ShipStation could not do just now, said within a success, is no refusal.
    #[test]
    fn an_error_of_the_system_within_a_success_is_for_later() {
        let page = |kind: &str, code: &str| {
            let error =
                json!({ "error_source": "ShipStation", "error_type": kind, "error_code": code, "message": "no" });
            page_error(&serde_json::from_value(json!({ "has_errors": true, "errors": [error] })).unwrap())
        };
        assert!(matches!(page("system", "unspecified"), Some(CallError::Later(_))));
        assert!(matches!(
            page("business_rules", "rate_limit_exceeded"),
            Some(CallError::Later(_))
        ));
        assert!(matches!(
            page("validation", "invalid_field_value"),
            Some(CallError::Refused(refusal)) if refusal.code == "invalid_field_value"
        ));
        assert_eq!(page_error(&Page::default()), None);
    }
}
