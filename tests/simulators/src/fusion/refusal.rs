//! How Fusion says no: an HTTP status and, by the framework version of the request, a JSON body or a line of text.
//!
//! Quirk: `status` is a string in the body.

use serde_json::{Value, json};

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The text for people.
    pub detail: String,
    /// The place in the body at fault, such as `/Carrier`, where there is one.
    pub path: Option<String>,
}

impl Refusal {
    /// A refusal that points at nothing in particular.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            path: None,
        }
    }

    /// 400.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(400, detail)
    }

    /// 400 at an attribute of the body.
    pub fn at(attribute: &str, detail: impl Into<String>) -> Self {
        Self {
            path: Some(format!("/{attribute}")),
            ..Self::bad(detail)
        }
    }

    /// 404 for a key, child or resource that does not exist.
    pub fn missing() -> Self {
        Self::new(404, "The requested resource was not found.")
    }

    /// 401.
    pub fn login() -> Self {
        Self::new(401, "The request is not authenticated.")
    }

    /// 403 for a privilege that the user has not.
    pub fn forbidden(operation: &str) -> Self {
        Self::new(403, format!("The user has no privilege for {operation}."))
    }

    /// 412 for an entity tag that is no longer the item's.
    pub fn stale() -> Self {
        Self::new(412, "The item has changed since the entity tag was read.")
    }

    /// 415 for a body of another media type.
    pub fn media(wanted: &str) -> Self {
        Self::new(415, format!("The request body must be of the type {wanted}."))
    }

    /// The body as newer framework versions write it.
    pub fn body(&self) -> Value {
        let mut detail = json!({ "detail": self.detail, "o:errorCode": self.code() });
        if let (Some(fields), Some(path)) = (detail.as_object_mut(), &self.path) {
            fields.insert("o:errorPath".into(), json!(path));
        }
        json!({
            "title": self.title(),
            "status": self.status.to_string(),
            "o:errorDetails": [detail],
        })
    }

    /// The body as older framework versions write it.
    pub fn text(&self) -> String {
        self.detail.clone()
    }

    fn code(&self) -> &'static str {
        match self.status {
            400 => "27520",
            404 => "27521",
            412 => "25014",
            _ => "27500",
        }
    }

    fn title(&self) -> &'static str {
        match self.status {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            412 => "Precondition Failed",
            415 => "Unsupported Media Type",
            429 => "Too Many Requests",
            400..=499 => "Bad Request",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.status, self.detail)
    }
}

impl std::error::Error for Refusal {}
