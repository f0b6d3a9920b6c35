//! How NetSuite says no: an HTTP status and a body with `o:errorDetails`.
//!
//! Quirk: the body of a 429 is titled "Bad Request".

use serde_json::{Value, json};

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The vendor's code, such as `INVALID_CONTENT`.
    pub code: &'static str,
    /// The text for people.
    pub detail: String,
    /// The place in the body (`item.items[0].item`), where there is one.
    pub path: Option<String>,
    /// The query parameter at fault, where there is one.
    pub query_param: Option<&'static str>,
}

impl Refusal {
    /// A refusal that points at nothing in particular.
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            path: None,
            query_param: None,
        }
    }

    /// 400 INVALID_CONTENT at a place in the body.
    pub fn content(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::new(400, "INVALID_CONTENT", detail)
        }
    }

    /// 400 USER_ERROR, the vendor's catch-all; only the text says what is wrong.
    pub fn user(detail: impl Into<String>) -> Self {
        Self::new(400, "USER_ERROR", detail)
    }

    /// 400 INVALID_PARAMETER about one query parameter.
    pub fn parameter(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            query_param: Some(name),
            ..Self::new(400, "INVALID_PARAMETER", detail)
        }
    }

    /// 404 NONEXISTENT_ID.
    pub fn nonexistent() -> Self {
        Self::new(
            404,
            "NONEXISTENT_ID",
            "The record instance does not exist. Provide a valid record instance ID.",
        )
    }

    /// 401 INVALID_LOGIN, which never says why; the reason stands in the login audit trail.
    pub fn login() -> Self {
        Self::new(
            401,
            "INVALID_LOGIN",
            "Invalid login attempt. For more details, see the Login Audit Trail.",
        )
    }

    /// 429 above the account's concurrency limit.
    pub fn concurrency() -> Self {
        let detail = "Concurrent request limit exceeded. Request blocked.";
        Self::new(429, "CONCURRENCY_LIMIT_EXCEEDED", detail)
    }

    /// 403 for an operation that the role may not do.
    pub fn permission(operation: &str) -> Self {
        let detail = format!("Permission Violation: your role does not permit {operation}.");
        Self::new(403, "INSUFFICIENT_PERMISSION", detail)
    }

    /// The body as the vendor writes it.
    pub fn body(&self) -> Value {
        let mut detail = json!({ "detail": self.detail });
        if let Some(fields) = detail.as_object_mut() {
            self.path
                .as_ref()
                .map(|path| fields.insert("o:errorPath".into(), json!(path)));
            self.query_param
                .map(|name| fields.insert("o:errorQueryParam".into(), json!(name)));
            fields.insert("o:errorCode".into(), json!(self.code));
        }
        json!({
            "type": "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5",
            "title": self.title(),
            "status": self.status,
            "o:errorDetails": [detail],
        })
    }

    fn title(&self) -> &'static str {
        match self.status {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            400..=499 => "Bad Request",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}: {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Refusal {}
