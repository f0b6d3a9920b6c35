//! What every API call goes through before its own rules: the bearer token, the rate limit, the form of the body.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::answer::Refusal;
use super::model::State;
use super::{Client, Ups};
use crate::server::StaleBy;

/// An authenticated call.
pub(super) struct Call {
    pub(super) client: Client,
    /// Query parameters, names in lower case.
    pub(super) query: BTreeMap<String, String>,
    /// The JSON body; `Null` for a call without one.
    pub(super) body: Value,
    /// The body as sent.
    pub(super) raw: Bytes,
    /// How far behind look-ups are during this call.
    pub(super) stale: SignedDuration,
    pub(super) headers: HeaderMap,
}

impl FromRequest<Ups> for Call {
    type Rejection = Refusal;

    async fn from_request(request: Request, ups: &Ups) -> Result<Self, Refusal> {
        let headers = request.headers().clone();
        let client = ups.admit(&headers)?;
        let query = query_of(&request);
        let stale = request
            .extensions()
            .get::<StaleBy>()
            .map_or(SignedDuration::ZERO, |by| by.0);
        let posted = request.method() == Method::POST;
        let raw = Bytes::from_request(request, ups)
            .await
            .map_err(|_| Refusal::bad("10013", "The request is too large"))?;
        let body = if posted { json_of(&headers, &raw)? } else { Value::Null };
        Ok(Self {
            client,
            query,
            body,
            raw,
            stale,
            headers,
        })
    }
}

impl Call {
    /// The query parameter of this name, unless blank.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Refuses unless the headers that tracking needs are there.
    pub(super) fn require_transaction_headers(&self) -> Result<(), Refusal> {
        for (name, longest) in [("transId", 32), ("transactionSrc", 512)] {
            let value = self
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            if value.is_empty() {
                return Err(Refusal::missing(name));
            }
            if value.len() > longest {
                return Err(Refusal::invalid(name));
            }
        }
        Ok(())
    }
}

impl Ups {
    /// The client whose token the call carries, if the token is good and the rate limit leaves room.
    fn admit(&self, headers: &HeaderMap) -> Result<Client, Refusal> {
        let now = self.now();
        let mut state = self.state();
        let client = bearer(headers)
            .and_then(|value| holder(&state, value, now))
            .ok_or_else(Refusal::unauthorised)?;
        enforce_rate_limit(&mut state, &client.id, now)?;
        Ok(client)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(http::header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn holder(state: &State, value: &str, now: Timestamp) -> Option<Client> {
    let good = state
        .tokens
        .iter()
        .find(|token| token.value == value && !token.revoked && token.expires_at > now)?;
    state
        .options
        .clients
        .iter()
        .find(|client| client.id == good.client_id)
        .cloned()
}

fn enforce_rate_limit(state: &mut State, client_id: &str, now: Timestamp) -> Result<(), Refusal> {
    let Some(limit) = state.options.rate_limit.clone() else {
        return Ok(());
    };
    let window = SignedDuration::from_secs(i64::from(limit.per_s));
    state
        .recent
        .retain(|(_, at)| at.saturating_add(window).is_ok_and(|end| end > now));
    let used = state.recent.iter().filter(|(of, _)| of == client_id).count();
    if used >= usize::try_from(limit.requests).unwrap_or(usize::MAX) {
        return Err(Refusal::too_many(limit.retry_after));
    }
    state.recent.push((client_id.to_owned(), now));
    Ok(())
}

fn query_of(request: &Request) -> BTreeMap<String, String> {
    let pairs = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    pairs
        .map(|(name, value)| (name.to_lowercase(), value.into_owned()))
        .collect()
}

fn json_of(headers: &HeaderMap, raw: &Bytes) -> Result<Value, Refusal> {
    let kind = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Refusal::bad("10007", "The Content-Type is not supported"));
    }
    if raw.is_empty() {
        return Err(Refusal::bad("10003", "The document is empty"));
    }
    serde_json::from_slice(raw).map_err(|_| Refusal::bad("10001", "The document is not well formed"))
}
