//! What ShipStation sends to a hook: who may, and to what it points. Pure; everything here meets whatever anybody sends.
//!
//! V2 signs with RSA-SHA256 over its timestamp, a full stop and the body; the key is published under the id that the request
//! names. V1 signs nothing: the address alone is the secret, which is why a hook must say that it expects that.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use jiff::{SignedDuration, Timestamp};

use super::convert;
use crate::ports::{HookKeys, Inbound, PushedNews, SigningKey};

/// The id of the key that signed.
const KEY: &str = "x-shipengine-rsa-sha256-key-id";

/// The signature, in Base64.
const SIGNATURE: &str = "x-shipengine-rsa-sha256-signature";

/// When it was signed.
const STAMP: &str = "x-shipengine-timestamp";

/// How far that may be from our own time, either way.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// No id of a key is longer.
const LONGEST_ID: usize = 128;

/// Whether a request needs no proof but the address that it was sent to.
pub(crate) fn is_genuine(keys: &HookKeys) -> bool {
    keys.unsigned
}

/// The id of the published key by which a request says that it is signed; `None` if it cannot be genuine, or need not be signed.
pub(crate) fn signed_by(keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> Option<String> {
    if keys.unsigned {
        return None;
    }
    let id = inbound.header(KEY).filter(|id| (1..=LONGEST_ID).contains(&id.len()))?;
    let stamp = moment(inbound.header(STAMP)?)?;
    signature(inbound.header(SIGNATURE)?)?;
    let distance = now.duration_since(stamp).unsigned_abs();
    (distance <= TOLERANCE.unsigned_abs()).then(|| id.to_owned())
}

/// Whether a key has signed a request.
pub(crate) fn is_signed(key: &SigningKey, inbound: &Inbound) -> bool {
    let (Some(stamp), Some(signature)) = (inbound.header(STAMP), inbound.header(SIGNATURE).and_then(signature)) else {
        return false;
    };
    // The header's text unchanged: it is what was signed.
    let message = [stamp.as_bytes(), b".", &inbound.body].concat();
    let key = RsaPublicKeyComponents {
        n: key.modulus.as_slice(),
        e: key.exponent.as_slice(),
    };
    key.verify(&RSA_PKCS1_2048_8192_SHA256, &message, &signature).is_ok()
}

/// ISO 8601, or seconds since 1970.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok(),
        Err(_) => text.parse().ok(),
    }
}

/// The bytes of a signature in either alphabet.
fn signature(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_end_matches('=').as_bytes();
    let bytes = BASE64_NOPAD
        .decode(text)
        .or_else(|_| BASE64URL_NOPAD.decode(text))
        .ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

/// What a body tells.
pub(crate) fn read(body: &str) -> Vec<PushedNews> {
    convert::pushed(body)
}
