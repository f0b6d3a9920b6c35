//! Answers in FedEx's forms: `{transactionId, customerTransactionId, output}` or the same with `errors`.
//!
//! Handlers give the inside; [`sealed`] adds the two ids, since the second is the caller's and stands on refusals as
//! well.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// An answer or the refusal to give one.
pub(super) type Reply = Result<Output, Refusal>;

/// The `output` of a success.
#[derive(Clone, Debug)]
pub(super) struct Output(pub(super) Value);

/// The inside of an answer, on its way to [`sealed`].
#[derive(Clone, Debug)]
struct Inside(Value);

/// An error answer: `{"errors":[{"code","message","parameterList"}]}`.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: String,
    message: String,
    parameter: Option<(String, String)>,
    retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with this HTTP status.
    pub(super) fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            parameter: None,
            retry_after: None,
        }
    }

    /// A 400: the request is at fault.
    pub(super) fn bad(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A 422: a field that is not in the documents, or one of another type.
    pub(super) fn unreadable(field: &str) -> Self {
        let refusal = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "INVALID.INPUT.EXCEPTION",
            format!("The input is invalid at {field}"),
        );
        refusal.naming("field", field)
    }

    /// A 401: the token is not good, or no longer.
    pub(super) fn unauthorised(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "NOT.AUTHORIZED.ERROR", message)
    }

    /// A 403: the project may not.
    pub(super) fn forbidden() -> Self {
        let text = "The credentials do not permit this; check the permissions of the project";
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN.ERROR", text)
    }

    /// A 429, with or without `Retry-After`.
    pub(super) fn too_many(message: &str, retry_after: Option<u64>) -> Self {
        let code = "TOO.MANY.REQUESTS.ERROR";
        Self {
            retry_after,
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
        }
    }

    /// Names a parameter and its value.
    pub(super) fn naming(mut self, key: &str, value: &str) -> Self {
        self.parameter = Some((key.to_owned(), value.to_owned()));
        self
    }
}

impl IntoResponse for Output {
    fn into_response(self) -> Response {
        inside(StatusCode::OK, json!({ "output": self.0 }))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let parameters = self.parameter.iter();
        let parameters: Vec<Value> = parameters
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        let mut error = json!({ "code": self.code, "message": self.message });
        if !parameters.is_empty() {
            put(&mut error, "parameterList", parameters.into());
        }
        let mut response = inside(self.status, json!({ "errors": [error] }));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn inside(status: StatusCode, inside: Value) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(Inside(inside));
    response
}

/// Gives every answer its ids and its body.
pub(super) async fn sealed(request: Request, next: Next) -> Response {
    let own = customer_transaction(request.headers());
    let mut response = next.run(request).await;
    let Some(Inside(mut answer)) = response.extensions_mut().remove::<Inside>() else {
        return response;
    };
    put(&mut answer, "transactionId", transaction_id().into());
    if let Some(own) = own {
        put(&mut answer, "customerTransactionId", own.into());
    }
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    *response.body_mut() = answer.to_string().into();
    response
}

/// What the caller calls the transaction.
pub(super) fn customer_transaction(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-customer-transaction-id")?.to_str().ok()?;
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

/// An id in the form of a UUID, of no other answer.
pub(super) fn transaction_id() -> String {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    format!("624deea6-0000-4000-8000-{serial:012x}")
}

/// The error envelope with an id of its own.
pub(super) fn envelope(code: &str, message: &str) -> Value {
    json!({ "transactionId": transaction_id(), "errors": [{ "code": code, "message": message }] })
}

/// Sets a key of an object.
pub(super) fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(key.to_owned(), value);
    }
}

/// The object without the keys whose value is null.
pub(super) fn told(object: Value) -> Value {
    match object {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// An amount or a weight as the plain number that FedEx writes.
pub(super) fn number(amount: Decimal) -> Value {
    serde_json::from_str(&amount.normalize().to_string()).unwrap_or_default()
}
