//! The keys by which V2 signs its notices, and the page that tells the public ones.
//!
//! RSA with 2048 bits; RSASSA-PKCS1-v1_5 with SHA-256 over `{timestamp}.{body}`. Making a key takes a while, so all
//! simulators of a process share those of the same generation.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaPair, KeySize};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256};
use axum::extract::State;
use axum::response::Response;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};

use super::ShipStation;
use super::answer::ok;

static PAIRS: Mutex<Vec<Arc<RsaPair>>> = Mutex::new(Vec::new());

/// Which keys there are.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// Those that are told; the last one signs.
    generations: Vec<usize>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { generations: vec![0] }
    }
}

impl Keys {
    fn current(&self) -> usize {
        self.generations.last().copied().unwrap_or_default()
    }

    /// Signs by a new key from now on; the old ones are still told, or not.
    pub(super) fn rotate(&mut self, keep_old: bool) {
        let next = self.current() + 1;
        if !keep_old {
            self.generations.clear();
        }
        self.generations.push(next);
    }

    /// The three headers of a signed notice.
    pub(super) fn signed(&self, time: &str, body: &str) -> [(String, String); 3] {
        let message = format!("{time}.{body}");
        let signature = sign(self.current(), message.as_bytes()).unwrap_or_default();
        [
            ("x-shipengine-rsa-sha256-key-id".to_owned(), id(self.current())),
            (
                "x-shipengine-rsa-sha256-signature".to_owned(),
                BASE64.encode(&signature),
            ),
            ("x-shipengine-timestamp".to_owned(), time.to_owned()),
        ]
    }

    fn page(&self) -> Value {
        let keys: Vec<Value> = self.generations.iter().filter_map(|own| jwk(*own)).collect();
        json!({ "keys": keys })
    }
}

/// `GET /jwks`.
pub(super) async fn jwks(State(shipstation): State<ShipStation>) -> Response {
    let keys = shipstation.state().keys.clone();
    ok(keys.page())
}

fn id(generation: usize) -> String {
    format!("5f0c9dd2-1b1c-4a1e-9a53-{generation:012x}")
}

fn pair(generation: usize) -> Option<Arc<RsaPair>> {
    let mut pairs = PAIRS.lock().unwrap_or_else(PoisonError::into_inner);
    while pairs.len() <= generation {
        pairs.push(Arc::new(RsaPair::generate(KeySize::Rsa2048).ok()?));
    }
    pairs.get(generation).cloned()
}

fn sign(generation: usize, message: &[u8]) -> Option<Vec<u8>> {
    let pair = pair(generation)?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .ok()?;
    Some(signature)
}

fn jwk(generation: usize) -> Option<Value> {
    let pair = pair(generation)?;
    let (modulus, exponent) = components(pair.public_key().as_ref())?;
    Some(json!({
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": id(generation),
        "n": BASE64URL_NOPAD.encode(modulus),
        "e": BASE64URL_NOPAD.encode(exponent),
    }))
}

/// Modulus and exponent of an `RSAPublicKey`: a sequence of two integers.
fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = element(der, 0x30)?;
    let (modulus, rest) = element(sequence, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    Some((without_zero(modulus), without_zero(exponent)))
}

/// The inside of a DER element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    if *first != tag {
        return None;
    }
    if *length < 0x80 {
        return rest.split_at_checked(usize::from(*length));
    }
    let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
    let length = octets.iter().fold(0, |sum, octet| (sum << 8) | usize::from(*octet));
    rest.split_at_checked(length)
}

fn without_zero(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}
