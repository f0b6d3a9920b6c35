//! OAuth client credentials (`POST /security/v1/oauth/token`), by `OAuthClientCredentials.yaml`.
//!
//! Quirks: every value is a string, numbers too; no more than 250 tokens in 24 hours (reported, not published);
//! errors come in the same envelope as everywhere.

use axum::Json;
use axum::extract::State as Shared;
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::answer::{Refusal, Reply, shaped};
use super::model::{State, Token};
use super::{Client, Ups};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Gives out a token.
pub(super) async fn token(Shared(ups): Shared<Ups>, headers: HeaderMap, body: Bytes) -> Reply {
    let now = ups.now();
    let mut state = ups.state();
    let client = authenticate(&state, &headers)?;
    require_client_credentials(&body)?;
    let merchant = merchant_of(&headers, &client)?;
    enforce_daily_limit(&state, &client.id, now)?;
    let token = issue(&mut state, &client.id, merchant, now);
    Ok(answer(&state, &token))
}

fn authenticate(state: &State, headers: &HeaderMap) -> Result<Client, Refusal> {
    let (id, secret) = basic(headers).ok_or_else(|| Refusal::bad("10400", "Invalid/Missing Authorization Header"))?;
    let known = state
        .options
        .clients
        .iter()
        .find(|client| client.id == id && client.secret == secret);
    known
        .cloned()
        .ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "10401", "ClientId is Invalid"))
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = BASE64.decode(value.strip_prefix("Basic ")?.trim().as_bytes()).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn require_client_credentials(body: &Bytes) -> Result<(), Refusal> {
    let mut pairs = url::form_urlencoded::parse(body);
    let granted = pairs.any(|(key, value)| key == "grant_type" && value == "client_credentials");
    if granted {
        Ok(())
    } else {
        Err(Refusal::bad("10400", "Invalid or missing grant_type"))
    }
}

fn merchant_of(headers: &HeaderMap, client: &Client) -> Result<Option<String>, Refusal> {
    let Some(merchant) = headers.get("x-merchant-id").and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    if client.may_use(merchant) {
        Ok(Some(merchant.to_owned()))
    } else {
        Err(Refusal::new(StatusCode::FORBIDDEN, "10403", "Blocked Merchant"))
    }
}

fn enforce_daily_limit(state: &State, client_id: &str, now: Timestamp) -> Result<(), Refusal> {
    let within =
        |token: &&Token| token.client_id == client_id && token.issued_at.saturating_add(DAY).is_ok_and(|end| end > now);
    let given = state.tokens.iter().filter(within).count();
    let limit = usize::try_from(state.options.token_limit_per_day).unwrap_or(usize::MAX);
    if given < limit {
        Ok(())
    } else {
        Err(Refusal::too_many(None))
    }
}

fn issue(state: &mut State, client_id: &str, merchant: Option<String>, now: Timestamp) -> Token {
    let life = SignedDuration::from_secs(i64::from(state.options.token_life_s));
    let token = Token {
        client_id: client_id.to_owned(),
        value: format!("sim-{client_id}-{}-{}", now.as_millisecond(), state.tokens.len() + 1),
        merchant,
        issued_at: now,
        expires_at: now.saturating_add(life).unwrap_or(Timestamp::MAX),
        revoked: false,
    };
    state.tokens.push(token.clone());
    token
}

fn answer(state: &State, token: &Token) -> Json<serde_json::Value> {
    let answer = json!({
        "token_type": "Bearer",
        "issued_at": token.issued_at.as_millisecond().to_string(),
        "client_id": token.client_id,
        "access_token": token.value,
        "scope": "",
        "expires_in": state.options.token_life_s.to_string(),
        "refresh_count": "0",
        "status": "approved",
    });
    shaped(answer, &state.options)
}
