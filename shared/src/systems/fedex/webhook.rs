//! What Advanced Integrated Visibility sends to a hook: who may, and what it says. Pure; everything here meets whatever anybody
//! sends.
//!
//! The header `fdx-signature` is the HMAC-SHA256 of the body by the security token that was entered in FedEx's portal.
//! FedEx's own sample writes it as Base64, its prose calls it hexadecimal: both are read. There is neither a time in it
//! nor an id, so that what was sent can be sent again: an event is known by its own time and code, and hearing of it
//! twice changes nothing.

use aws_lc_rs::hmac;
use data_encoding::{BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use secrecy::{ExposeSecret, SecretString};

use super::convert;
use crate::ports::{Hook, HookKeys, Inbound, PushedNews};

/// Where the signature stands.
const SIGNATURE: &str = "fdx-signature";

/// The bytes of a signature.
const BYTES: usize = 32;

/// Whether FedEx sent the request.
pub(crate) fn is_genuine(_hook: &Hook, keys: &HookKeys, inbound: &Inbound) -> bool {
    let Some(given) = inbound.header(SIGNATURE).and_then(signature) else {
        return false;
    };
    // All are compared, so that time does not tell which.
    let each = keys.keys.iter().map(|key| signs(key, &inbound.body, &given));
    each.fold(false, |any, this| any | this)
}

fn signs(key: &SecretString, body: &[u8], signature: &[u8]) -> bool {
    let key = key.expose_secret().as_bytes();
    let own = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::verify(&own, body, signature).is_ok() & !key.is_empty()
}

/// The bytes of a signature in either spelling.
fn signature(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let bytes = match text.len() {
        64 => HEXLOWER_PERMISSIVE.decode(text.as_bytes()),
        _ => BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes()),
    };
    bytes.ok().filter(|bytes| bytes.len() == BYTES)
}

/// What a body tells.
pub(crate) fn read(body: &str) -> Vec<PushedNews> {
    convert::pushed(body)
}
