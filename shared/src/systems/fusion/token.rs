//! Tokens in the name of a user, by a signed assertion.
//!
//! Follows Oracle's description of the JWT user assertion of an identity domain: RS256, `kid` is the name under which the
//! certificate was uploaded, the audience is that of all identity domains.

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::credentials::Assertion;
use crate::domain::Refusal;
use crate::http::{Basic, Call, Endpoint, issued};
use crate::ports::{CallError, Mint, Minted};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How far in the past an assertion begins, for clocks that differ.
const SKEW: i64 = 10;

/// How long an assertion lives, in seconds; it is used at once.
const LIFE: i64 = 300;

/// The private key of an assertion, or what is wrong with it.
pub(super) fn signing_key(assertion: &Assertion) -> Result<EncodingKey, Refusal> {
    let words = "the Fusion secret's private_key cannot be read: an RSA key in PEM is needed";
    let wrong = |_| Refusal::new("secret-malformed", words);
    let key = EncodingKey::from_rsa_pem(assertion.private_key.expose_secret().as_bytes()).map_err(wrong)?;
    // A key that is too short is noticed only when it signs.
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &(), &key).map_err(wrong)?;
    Ok(key)
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    prn: &'a str,
    aud: [&'a str; 1],
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(rename = "user.tenant.name", skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
}

/// Makes tokens by assertions.
pub(super) struct AssertionMint {
    endpoint: Endpoint,
    assertion: Assertion,
    key: EncodingKey,
    client: Basic,
    path: String,
    audience: String,
    scope: Option<String>,
}

impl AssertionMint {
    /// For an identity domain that takes assertions for `audience` at `path`.
    pub(super) fn new(
        endpoint: Endpoint,
        assertion: Assertion,
        path: String,
        audience: String,
        scope: Option<String>,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            key: signing_key(&assertion)?,
            client: Basic {
                user: assertion.client_id.clone(),
                password: assertion.client_secret.clone(),
            },
            endpoint,
            assertion,
            path,
            audience,
            scope,
        })
    }

    fn assertion(&self) -> Result<String, Refusal> {
        let issued = self.endpoint.clock.now().as_second() - SKEW;
        let user = self.assertion.user.as_str();
        let claims = Claims {
            iss: &self.assertion.client_id,
            sub: user,
            prn: user,
            aud: [&self.audience],
            iat: issued,
            exp: issued + LIFE,
            jti: random_text()?,
            tenant: self.assertion.tenant.as_deref(),
        };
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.assertion.certificate_alias.clone());
        header.x5t = self.assertion.x5t.clone();
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| Refusal::new("secret-malformed", "the private_key of the Fusion secret does not sign"))
    }
}

fn random_text() -> Result<String, Refusal> {
    let mut bytes = [0u8; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Refusal::new("no-randomness", "the machine gives no random bytes"))?;
    Ok(HEXLOWER.encode(&bytes))
}

#[async_trait]
impl Mint for AssertionMint {
    async fn mint(&self) -> Result<Minted, CallError> {
        let assertion = self.assertion().map_err(CallError::Refused)?;
        let mut fields = vec![("grant_type", GRANT), ("assertion", assertion.as_str())];
        fields.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let call = Call::new("token", Method::POST, self.path.clone()).form(&fields);
        issued(self.endpoint.send(&call, &self.client, None).await)
    }

    fn daily_limit(&self) -> Option<u32> {
        None
    }
}
