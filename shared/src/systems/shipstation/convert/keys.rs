//! Published keys as a set of JWK.

use std::collections::HashMap;

use data_encoding::BASE64URL_NOPAD;

use crate::ports::SigningKey;
use crate::systems::shipstation::wire::v2::{PublishedKey, PublishedKeys};

/// The keys of RSA by their ids; `None` where the body is no set of keys.
pub(crate) fn signing_keys(body: &[u8]) -> Option<HashMap<String, SigningKey>> {
    let published: PublishedKeys = serde_json::from_slice(body).ok()?;
    let keys = published.keys?;
    Some(keys.iter().filter_map(key).collect())
}

fn key(published: &PublishedKey) -> Option<(String, SigningKey)> {
    if published.kty.as_deref() != Some("RSA") {
        return None;
    }
    let bytes = |text: &Option<String>| {
        let text = text.as_deref()?.trim_end_matches('=');
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()
    };
    let key = SigningKey {
        modulus: bytes(&published.n)?,
        exponent: bytes(&published.e)?,
    };
    Some((published.kid.clone()?, key))
}
