//! Answers as they go over the wire: media types, entity tags, refusals as JSON or text, the login page.

use super::refusal::Refusal;
use axum::body::Body;
use http::header::{CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::Value;

pub(super) const COLLECTION: &str = "application/vnd.oracle.adf.resourcecollection+json";
pub(super) const ITEM: &str = "application/vnd.oracle.adf.resourceitem+json";
pub(super) const ACTION: &str = "application/vnd.oracle.adf.action+json";
pub(super) const ACTION_RESULT: &str = "application/vnd.oracle.adf.actionresult+json";
pub(super) const DESCRIPTION: &str = "application/vnd.oracle.adf.description+json";
pub(super) const ERROR: &str = "application/vnd.oracle.adf.error+json";
pub(super) const PLAIN: &str = "application/json";

/// What is answered when all went well.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: Value,
    pub(super) tag: Option<String>,
    pub(super) location: Option<String>,
}

impl Answer {
    pub(super) fn of(kind: &'static str, body: Value) -> Self {
        Self {
            status: 200,
            kind,
            body,
            tag: None,
            location: None,
        }
    }
}

pub(super) fn answered(answer: &Answer) -> Response<Body> {
    let mut response = respond(answer.status, answer.kind, answer.body.to_string());
    if let Some(tag) = &answer.tag {
        put(response.headers_mut(), ETAG.as_str(), &format!("\"{tag}\""));
    }
    if let Some(location) = &answer.location {
        put(response.headers_mut(), LOCATION.as_str(), location);
    }
    response
}

pub(super) fn refused(refusal: &Refusal, as_json: bool) -> Response<Body> {
    if as_json {
        respond(refusal.status, ERROR, refusal.body().to_string())
    } else {
        respond(refusal.status, "text/plain;charset=utf-8", refusal.text())
    }
}

/// The login page: the body of some 401s, and what a redirect leads to.
pub(super) fn page(status: u16) -> Response<Body> {
    let html = "<html><head><title>Sign In</title></head><body><form method=\"post\"></form></body></html>";
    respond(status, "text/html;charset=UTF-8", html.to_owned())
}

pub(super) fn respond(status: u16, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

pub(super) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
