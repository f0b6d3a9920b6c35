//! Answers and refusals in the forms of both APIs.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// An answer or the refusal to give one.
pub(super) type Reply = Result<Response, Refusal>;

/// Which API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Api {
    V1,
    V2,
}

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Body,
    retry_after: Option<u64>,
    challenges: bool,
}

#[derive(Clone, Debug)]
enum Body {
    Json(Value),
    Text(&'static str),
    Nothing,
}

impl Refusal {
    fn new(status: StatusCode, body: Body) -> Self {
        Self {
            status,
            body,
            retry_after: None,
            challenges: false,
        }
    }

    /// V2's envelope with one error.
    pub(super) fn v2(status: StatusCode, kind: &str, code: &str, message: &str) -> Self {
        Self::new(status, Body::Json(v2_envelope(kind, code, message)))
    }

    /// V2's 400.
    pub(super) fn invalid(code: &str, message: &str) -> Self {
        Self::v2(StatusCode::BAD_REQUEST, "validation", code, message)
    }

    /// V2's 400 for a state in which this cannot be done.
    pub(super) fn wrong_state(message: &str) -> Self {
        Self::v2(StatusCode::BAD_REQUEST, "business_rules", "invalid_status", message)
    }

    /// V2's 404.
    pub(super) fn not_found(what: &str) -> Self {
        let message = format!("there is no such {what}");
        Self::v2(StatusCode::NOT_FOUND, "validation", "invalid_identifier", &message)
    }

    /// V1's error with a message.
    pub(super) fn v1(status: StatusCode, message: &str) -> Self {
        Self::new(status, Body::Json(json!({ "Message": message })))
    }

    /// V1's 400 that names a field.
    pub(super) fn v1_field(field: &str, message: &str) -> Self {
        let mut fields = serde_json::Map::new();
        fields.insert(field.to_owned(), json!([message]));
        let body = json!({ "Message": "The request is invalid.", "ModelState": fields });
        Self::new(StatusCode::BAD_REQUEST, Body::Json(body))
    }

    /// V1's 404.
    pub(super) fn v1_not_found() -> Self {
        Self::v1(StatusCode::NOT_FOUND, "The resource was not found")
    }

    /// A status without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self::new(status, Body::Nothing)
    }

    /// A 401 in the form of that API.
    pub(super) fn unauthorised(api: Api, plain: bool) -> Self {
        let status = StatusCode::UNAUTHORIZED;
        match api {
            Api::V2 => Self::v2(
                status,
                "security",
                "unauthorized",
                "the API key is missing or not known",
            ),
            Api::V1 => Self {
                challenges: true,
                ..Self::new(
                    status,
                    if plain {
                        Body::Text("401 Unauthorized")
                    } else {
                        Body::Json(json!({ "message": "Unauthorized" }))
                    },
                )
            },
        }
    }

    /// A 429 in the form of that API.
    pub(super) fn too_many(api: Api, retry_after: Option<u64>) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let refusal = match api {
            Api::V2 => Self::v2(
                status,
                "system",
                "rate_limit_exceeded",
                "too many requests came in a minute",
            ),
            Api::V1 => Self::v1(status, "Too Many Requests"),
        };
        Self { retry_after, ..refusal }
    }

    /// A 400 about a parameter in the form of that API.
    pub(super) fn parameter(api: Api, name: &str) -> Self {
        match api {
            Api::V2 => Self::invalid("invalid_field_value", &format!("the value of {name} is not one of it")),
            Api::V1 => Self::v1_field(name, "The value is not valid."),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Body::Json(body) => (self.status, Json(body)).into_response(),
            Body::Text(text) => (self.status, text).into_response(),
            Body::Nothing => self.status.into_response(),
        };
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.challenges {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"ShipStation\""),
            );
        }
        response
    }
}

/// HTTP 200 with JSON.
pub(super) fn ok(body: Value) -> Response {
    let mut response = Response::new(body.to_string().into());
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

/// HTTP 204.
pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// What a fault answers, in V2's form.
pub(super) fn v2_error(status: u16) -> Value {
    match status {
        401 => v2_envelope("security", "unauthorized", "the API key is missing or not known"),
        403 => v2_envelope("security", "forbidden", "the API key does not permit this"),
        404 => v2_envelope("validation", "invalid_identifier", "there is no such thing"),
        429 => v2_envelope("system", "rate_limit_exceeded", "too many requests came in a minute"),
        400..=499 => v2_envelope("validation", "unspecified", "the request is invalid"),
        _ => v2_envelope("system", "unspecified", "something unexpected went wrong"),
    }
}

/// The same in V1's form.
pub(super) fn v1_error(status: u16) -> Value {
    let message = match status {
        401 => "Unauthorized",
        404 => "The resource was not found",
        429 => "Too Many Requests",
        400..=499 => "The request is invalid.",
        _ => "An error has occurred.",
    };
    json!({ "Message": message })
}

fn v2_envelope(kind: &str, code: &str, message: &str) -> Value {
    let error = json!({ "error_source": "ShipStation", "error_type": kind, "error_code": code, "message": message });
    json!({ "request_id": request_id(), "errors": [error] })
}

/// An id in the form of a UUID, of no other answer.
pub(super) fn request_id() -> String {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    format!("aa3d8e8e-462b-4476-9618-{serial:012x}")
}

/// A path that ShipStation does not serve.
pub(super) async fn unknown_path(OriginalUri(uri): OriginalUri) -> Refusal {
    if uri.path().starts_with("/v2/") {
        Refusal::not_found("resource")
    } else {
        Refusal::v1(
            StatusCode::NOT_FOUND,
            "No HTTP resource was found that matches the request URI",
        )
    }
}

/// A path that ShipStation serves by another method.
pub(super) async fn wrong_method(OriginalUri(uri): OriginalUri) -> Refusal {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    if uri.path().starts_with("/v2/") {
        Refusal::v2(
            status,
            "validation",
            "unspecified",
            "the method is not one of that resource",
        )
    } else {
        Refusal::v1(status, "The requested resource does not support the http method")
    }
}

/// An id as V2 writes it.
pub(super) fn se(id: u64) -> String {
    format!("se-{id}")
}

/// Reads an id of V2.
pub(super) fn read_se(text: &str) -> Option<u64> {
    text.strip_prefix("se-")?.parse().ok()
}

/// An amount as a plain number.
pub(super) fn number(amount: Decimal) -> Value {
    serde_json::from_str(&amount.normalize().to_string()).unwrap_or_default()
}
