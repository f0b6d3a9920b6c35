//! What every call goes through before its own rules: credentials and limits.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::ShipStation;
use super::answer::{Api, Refusal};
use super::limits::Room;

/// Lets a call of V2 in, if its key is good and the limit leaves room.
pub(super) async fn v2(State(shipstation): State<ShipStation>, request: Request, next: Next) -> Response {
    let key = header(request.headers(), "api-key").map(str::to_owned);
    let (room, tells, tells_retry_after) = {
        let now = shipstation.base.clock.now();
        let mut state = shipstation.state();
        let Some(key) = key.filter(|key| state.options.v2_keys.contains(key)) else {
            return Refusal::unauthorised(Api::V2, false).into_response();
        };
        let limit = if key.starts_with("TEST_") {
            state.options.sandbox_calls
        } else {
            state.options.v2_calls
        };
        let room = state.calls.entry(key).or_default().slide(limit, now);
        (room, state.options.v2_tells_limits, state.options.tells_retry_after)
    };
    let mut response = if room.refused {
        Refusal::too_many(Api::V2, Some(room.reset).filter(|_| tells_retry_after)).into_response()
    } else {
        next.run(request).await
    };
    if tells {
        tell(&mut response, room);
    }
    response
}

/// Lets a call of V1 in, if its key and secret are good and the limit leaves room.
pub(super) async fn v1(State(shipstation): State<ShipStation>, request: Request, next: Next) -> Response {
    let given = basic(request.headers());
    let room = {
        let now = shipstation.base.clock.now();
        let mut state = shipstation.state();
        let known = |(key, secret): &(String, String)| {
            let mut keys = state.options.v1_keys.iter();
            keys.any(|known| known.key == *key && known.secret == *secret)
        };
        let Some((key, _)) = given.filter(known) else {
            return Refusal::unauthorised(Api::V1, state.options.v1_plain_401).into_response();
        };
        let limit = state.options.v1_calls;
        state.calls.entry(key).or_default().in_minute(limit, now)
    };
    let mut response = if room.refused {
        Refusal::too_many(Api::V1, None).into_response()
    } else {
        next.run(request).await
    };
    tell(&mut response, room);
    response
}

/// Tells in the headers how much room is left.
fn tell(response: &mut Response, room: Room) {
    let told = [
        ("x-rate-limit-limit", u64::from(room.limit)),
        ("x-rate-limit-remaining", u64::from(room.remaining)),
        ("x-rate-limit-reset", room.reset),
    ];
    for (name, value) in told {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = header(headers, "authorization")?.strip_prefix("Basic ")?;
    let decoded = BASE64.decode(encoded.as_bytes()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (key, secret) = text.split_once(':')?;
    Some((key.to_owned(), secret.to_owned()))
}
