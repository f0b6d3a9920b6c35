//! What Track Alert sends to a hook: who may, and what it says. Pure; everything here meets whatever anybody sends.
//!
//! v1 sends the string that the subscription named in the header `credential`. v2 asks our token endpoint for a token first
//! (client credentials) and sends its client id as `x-api-key` beside it. Our tokens hold their end and are signed with it and
//! the hook, so that nobody has to remember them.

use aws_lc_rs::{constant_time, digest, hmac};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::convert;
use crate::ports::{Hook, HookKeys, Inbound, PushedNews};

/// For how long a token is good, in seconds.
const LIFE: i64 = 3600;

/// What our tokens are signed for, so that a signature of something else is none.
const PURPOSE: &str = "waybill-hook-token";

/// Whether UPS sent the request: by its credential, or where the hook has a client id, by that and a token of ours.
pub(crate) fn is_genuine(hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> bool {
    let Some(client) = &keys.client_id else {
        return inbound
            .header("credential")
            .is_some_and(|given| is_one_of(given, &keys.keys));
    };
    let known = inbound.header("x-api-key").is_some_and(|given| is_same(given, client));
    let token = inbound.header("authorization").map(without_scheme);
    known & token.is_some_and(|token| is_token(token, hook, keys, now))
}

/// The answer to a request for a token, by HTTP Basic or by the form; `None` if it may not have one.
pub(crate) fn token(hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> Option<Value> {
    let asked = Asked::of(inbound);
    let client = keys.client_id.as_deref()?;
    let known = is_same(asked.id.as_deref()?, client) & is_one_of(asked.secret.as_deref()?, &keys.keys);
    if !known || asked.grant.is_some_and(|grant| grant != "client_credentials") {
        return None;
    }
    let end = now.as_second().checked_add(LIFE)?.to_string();
    let signature = hmac::sign(&signing_key(keys)?, signed(hook, &end).as_bytes());
    let (end, signature) = (
        BASE64URL_NOPAD.encode(end.as_bytes()),
        BASE64URL_NOPAD.encode(signature.as_ref()),
    );
    Some(json!({ "access_token": format!("{end}.{signature}"), "token_type": "Bearer", "expires_in": LIFE }))
}

/// What a body tells.
pub(crate) fn read(body: &str) -> Vec<PushedNews> {
    convert::pushed(body)
}

// ---- tokens ------------------------------------------------------------------------------------------------------

fn is_token(token: &str, hook: &Hook, keys: &HookKeys, now: Timestamp) -> bool {
    let end = end_of(token, hook, keys);
    end.is_some_and(|end| end > now.as_second())
}

/// The end of a token that we signed.
fn end_of(token: &str, hook: &Hook, keys: &HookKeys) -> Option<i64> {
    let (end, signature) = token.split_once('.')?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
    let end = String::from_utf8(BASE64URL_NOPAD.decode(end.as_bytes()).ok()?).ok()?;
    hmac::verify(&signing_key(keys)?, signed(hook, &end).as_bytes(), &signature).ok()?;
    end.parse().ok()
}

fn signed(hook: &Hook, end: &str) -> String {
    format!("{PURPOSE}\n{}\n{end}", hook.digest)
}

fn signing_key(keys: &HookKeys) -> Option<hmac::Key> {
    let secret = keys.token_key.as_ref()?.expose_secret();
    (!secret.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
}

fn without_scheme(header: &str) -> &str {
    let header = header.trim();
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => header,
    }
}

/// What a request for a token says.
#[derive(Default)]
struct Asked {
    id: Option<String>,
    secret: Option<String>,
    grant: Option<String>,
}

impl Asked {
    fn of(inbound: &Inbound) -> Self {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(&inbound.body) {
            match name.as_ref() {
                "client_id" => asked.id = Some(value.into_owned()),
                "client_secret" => asked.secret = Some(value.into_owned()),
                "grant_type" => asked.grant = Some(value.into_owned()),
                _ => {}
            }
        }
        if let Some((id, secret)) = inbound.header("authorization").and_then(basic) {
            (asked.id, asked.secret) = (Some(id), Some(secret));
        }
        asked
    }
}

fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, text) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64.decode(text.trim().as_bytes()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

// ---- comparing ---------------------------------------------------------------------------------------------------

/// Whether it is one of the keys; all are compared, so that time does not tell which.
fn is_one_of(given: &str, keys: &[SecretString]) -> bool {
    let each = keys.iter().map(|key| is_same(given, key.expose_secret()));
    each.fold(false, |any, this| any | this)
}

/// Compares digests, so that time tells nothing of what is alike, nor of lengths. Nothing is the same as nothing.
fn is_same(given: &str, own: &str) -> bool {
    let digest = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
    let equal = constant_time::verify_slices_are_equal(digest(given).as_ref(), digest(own).as_ref()).is_ok();
    equal & !own.is_empty()
}
