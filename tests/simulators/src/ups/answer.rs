//! Answers in UPS's forms: the error envelope, the response head, and the awkward shapes seen in practice.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::Options;
use super::read::text;

/// An answer or the refusal to give one.
pub(super) type Reply = Result<Json<Value>, Refusal>;

/// An error answer: `{"response":{"errors":[{"code","message"}]}}`.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u64>,
    /// A key beside the error envelope, and its value.
    beside: Option<(&'static str, Value)>,
}

impl Refusal {
    /// A refusal with this HTTP status.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            beside: None,
        }
    }

    /// Says something more beside the error envelope.
    pub(super) fn beside(mut self, key: &'static str, value: Value) -> Self {
        self.beside = Some((key, value));
        self
    }

    /// A 400: the request is at fault.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A 400 for a missing field without a code of its own.
    pub(super) fn missing(field: &str) -> Self {
        Self::bad("20007", format!("The field, {field}, is required"))
    }

    /// A 400 for a field with bad contents and without a code of its own.
    pub(super) fn invalid(field: &str) -> Self {
        Self::bad("20008", format!("The field, {field}, contains invalid data"))
    }

    /// A 401 with the general code.
    pub(super) fn unauthorised() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "250002",
            "Invalid Authentication Information.",
        )
    }

    /// A 429, with or without `Retry-After`.
    pub(super) fn too_many(retry_after: Option<u64>) -> Self {
        Self {
            retry_after,
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "10429", "Too Many Requests")
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = envelope(self.code, &self.message);
        if let Some((key, value)) = self.beside {
            put(&mut body, key, value);
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The error envelope.
pub(super) fn envelope(code: &str, message: &str) -> Value {
    json!({ "response": { "errors": [{ "code": code, "message": message }] } })
}

/// The `Response` element of a success: status, alerts if any, and the caller's context if one was sent.
pub(super) fn head(request: &Value, alerts: &[(&str, String)]) -> Value {
    let mut head = json!({ "ResponseStatus": { "Code": "1", "Description": "Success" } });
    if !alerts.is_empty() {
        let alert = |(code, description): &(&str, String)| json!({ "Code": code, "Description": description });
        put(&mut head, "Alert", alerts.iter().map(alert).collect());
    }
    if let Some(context) = text(request, "Request.TransactionReference.CustomerContext") {
        put(&mut head, "TransactionReference", json!({ "CustomerContext": context }));
    }
    head
}

/// Sets a key of an object.
pub(super) fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(key.to_owned(), value);
    }
}

/// The answer in the shape that the options ask for.
pub(super) fn shaped(answer: Value, options: &Options) -> Json<Value> {
    let mut answer = answer;
    if options.collapse_single {
        answer = collapsed(answer);
    }
    if options.numbers_as_numbers {
        answer = numbered("", answer);
    }
    Json(answer)
}

/// Arrays of one element become that element, as older versions answer.
fn collapsed(value: Value) -> Value {
    match value {
        Value::Array(elements) => {
            let mut inner: Vec<Value> = elements.into_iter().map(collapsed).collect();
            if inner.len() == 1 {
                inner.pop().unwrap_or_default()
            } else {
                Value::Array(inner)
            }
        }
        Value::Object(fields) => Value::Object(mapped(fields, |_, inner| collapsed(inner))),
        other => other,
    }
}

/// Keys whose numeric strings have been seen as JSON numbers.
const NUMERIC: [&str; 8] = [
    "MonetaryValue",
    "Weight",
    "BusinessDaysInTransit",
    "TotalTransitDays",
    "expires_in",
    "issued_at",
    "refresh_count",
    "gmtTime",
];

fn numbered(key: &str, value: Value) -> Value {
    match value {
        Value::String(text) if NUMERIC.contains(&key) => match serde_json::from_str(text.trim_start_matches('0')) {
            Ok(Value::Number(number)) => Value::Number(number),
            _ => Value::String(text),
        },
        Value::Array(elements) => elements.into_iter().map(|inner| numbered(key, inner)).collect(),
        Value::Object(fields) => Value::Object(mapped(fields, numbered)),
        other => other,
    }
}

fn mapped(fields: Map<String, Value>, change: impl Fn(&str, Value) -> Value) -> Map<String, Value> {
    fields
        .into_iter()
        .map(|(key, value)| (key.clone(), change(&key, value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awkward_shapes_keep_the_contents() {
        let answer = json!({ "A": [{ "MonetaryValue": "9.10" }], "B": ["x", "y"], "Code": "03" });
        let options = Options {
            collapse_single: true,
            numbers_as_numbers: true,
            ..Options::default()
        };
        let Json(shaped) = shaped(answer, &options);
        // A reader may or may not keep the zero at the end of 9.10.
        assert!(shaped["A"]["MonetaryValue"].is_number());
        assert_eq!(shaped["A"]["MonetaryValue"].as_f64(), Some(9.1));
        assert_eq!(
            (&shaped["B"], &shaped["Code"]),
            (&json!(["x", "y"]), &json!("03")),
            "{shaped}"
        );
    }
}
