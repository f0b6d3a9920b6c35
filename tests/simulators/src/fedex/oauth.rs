//! OAuth client credentials (`POST /oauth/token`).
//!
//! Quirks: the credentials stand in the form, not in a header; a refusal for too many requests is a 403 that looks like
//! any other.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::answer::Refusal;
use super::model::{State, Token};
use super::{FedEx, Project};

/// Gives out a token.
pub(super) async fn token(Shared(fedex): Shared<FedEx>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let now = fedex.now();
    let mut state = fedex.state();
    if state.options.limits_tokens {
        state.gate.pass(now)?;
    }
    let project = authenticate(&state, &headers, &body)?;
    let token = issue(&mut state, &project, now);
    let answer = json!({
        "access_token": token.value,
        "token_type": "bearer",
        "expires_in": state.options.token_life_s,
        "scope": "CXS",
    });
    Ok(Json(answer).into_response())
}

fn authenticate(state: &State, headers: &HeaderMap, body: &Bytes) -> Result<Project, Refusal> {
    let kind = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(Refusal::bad("BAD.REQUEST.ERROR", "The content type must be a form"));
    }
    let field = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(body);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if field("grant_type").as_deref() != Some("client_credentials") {
        return Err(Refusal::bad(
            "BAD.REQUEST.ERROR",
            "The grant type is missing or not known",
        ));
    }
    let (key, secret) = (field("client_id"), field("client_secret"));
    let good = |project: &&Project| Some(&project.key) == key.as_ref() && Some(&project.secret) == secret.as_ref();
    let known = state.options.projects.iter().find(good);
    known
        .cloned()
        .ok_or_else(|| Refusal::unauthorised("The client credentials are not valid"))
}

fn issue(state: &mut State, project: &Project, now: Timestamp) -> Token {
    let life = SignedDuration::from_secs(i64::from(state.options.token_life_s));
    let serial = state.tokens.len() + 1;
    let token = Token {
        project: project.key.clone(),
        value: format!("sim-{}-{}-{serial}", project.key, now.as_millisecond()),
        issued_at: now,
        expires_at: now.saturating_add(life).unwrap_or(Timestamp::MAX),
        revoked: false,
    };
    state.tokens.push(token.clone());
    token
}
