//! The three shapes of the secret that holds an account's credentials.

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::Refusal;

/// The secret's three shapes.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind")]
pub(super) enum Credentials {
    /// OAuth 2.0 machine to machine with a certificate.
    #[serde(rename = "client-credentials")]
    Certificate(Certificate),
    /// OAuth 1.0a. No new ones from NetSuite 2027.1 on.
    #[serde(rename = "token-based")]
    TokenBased(TokenBased),
    /// OAuth 2.0 on behalf of a person, with a refresh token that changes.
    #[serde(rename = "authorization-code")]
    Delegated(Delegated),
}

/// What `client-credentials` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Certificate {
    pub(super) client_id: String,
    /// The certificate's id in NetSuite, the assertion's `kid`.
    pub(super) certificate_id: String,
    /// PEM.
    pub(super) private_key: SecretString,
    pub(super) algorithm: Algorithm,
}

/// How an assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Algorithm {
    PS256,
    ES256,
    ES384,
}

/// What `token-based` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TokenBased {
    pub(super) consumer_key: String,
    pub(super) consumer_secret: SecretString,
    pub(super) token_id: String,
    pub(super) token_secret: SecretString,
}

/// What `authorization-code` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Delegated {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    /// Missing until somebody has consented.
    pub(super) refresh_token: Option<SecretString>,
    pub(super) redirect_uri: String,
}

impl Credentials {
    /// Reads a secret's body. What is wrong is said without a word of what stands there.
    pub(super) fn parse(secret: &SecretString) -> Result<Self, Refusal> {
        let malformed = |what: String| Refusal::new("secret-malformed", format!("the NetSuite secret {what}"));
        let value: Value = serde_json::from_str(secret.expose_secret())
            .map_err(|_| malformed("is not a JSON object: enter it again with `waybill secret set`".to_owned()))?;
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let wanted: &[&str] = match kind {
            "client-credentials" => &["client_id", "certificate_id", "private_key", "algorithm"],
            "token-based" => &["consumer_key", "consumer_secret", "token_id", "token_secret"],
            "authorization-code" => &["client_id", "client_secret", "redirect_uri"],
            _ => {
                let kinds = "needs a kind: client-credentials, token-based or authorization-code";
                return Err(malformed(kinds.to_owned()));
            }
        };
        let given = |field: &&&str| {
            value
                .get(**field)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        let missing: Vec<&str> = wanted.iter().filter(|field| !given(field)).copied().collect();
        if !missing.is_empty() {
            return Err(malformed(format!("of kind {kind} lacks {}", missing.join(", "))));
        }
        let algorithm = "of kind client-credentials needs the algorithm PS256, ES256 or ES384";
        serde_json::from_value(value).map_err(|_| malformed(algorithm.to_owned()))
    }

    /// A digest of the client id, by which token requests are counted.
    pub(super) fn client(&self) -> String {
        let id = match self {
            Self::Certificate(certificate) => &certificate.client_id,
            Self::TokenBased(token) => &token.consumer_key,
            Self::Delegated(delegated) => &delegated.client_id,
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, id.as_bytes());
        HEXLOWER.encode(digest.as_ref()).chars().take(16).collect()
    }
}

/// Whether a secret's body has one of the three shapes and a key that signs.
pub fn check_secret(secret: &SecretString) -> Result<(), Refusal> {
    match Credentials::parse(secret)? {
        Credentials::Certificate(certificate) => super::token::signing_key(&certificate).map(|_| ()),
        Credentials::TokenBased(_) | Credentials::Delegated(_) => Ok(()),
    }
}
