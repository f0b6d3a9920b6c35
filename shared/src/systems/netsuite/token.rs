//! Tokens: by a signed assertion (OAuth 2.0 machine to machine), or by a refresh token that changes with every use.
//!
//! NetSuite takes PS256, ES256 and ES384 (and others) and no longer RS256; an assertion lives less than an hour.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use http::Method;
use jsonwebtoken::{EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::sync::Mutex;

use super::convert::envelope;
use super::credentials::{Algorithm, Certificate, Credentials, Delegated};
use super::wire::TokenAnswer;
use crate::domain::Refusal;
use crate::http::{self as web, Authorise, Basic, Call, Endpoint, Unauthorised};
use crate::ports::{CallError, Later, Mint, Minted, Obstacle, Secrets};

/// Where tokens are asked for.
pub(super) const TOKEN_PATH: &str = "/services/rest/auth/oauth2/v1/token";

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far in the past an assertion begins, for clocks that differ.
const SKEW: i64 = 10;

/// How long an assertion lives, in seconds; it is used at once.
const ASSERTION_LIFE: i64 = 300;

/// What is assumed where an answer does not say how long its token lives.
const SHORT_LIFE: u64 = 1800;

/// Random text for nonces and verifiers: 64 characters of hexadecimal.
pub(super) fn random_text() -> Result<String, Refusal> {
    let mut bytes = [0u8; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Refusal::new("no-randomness", "the machine gives no random bytes"))?;
    Ok(HEXLOWER.encode(&bytes))
}

/// The private key of a certificate, or what is wrong with it.
pub(super) fn signing_key(certificate: &Certificate) -> Result<EncodingKey, Refusal> {
    let pem = certificate.private_key.expose_secret().as_bytes();
    let (key, kind) = match certificate.algorithm {
        Algorithm::PS256 => (
            EncodingKey::from_rsa_pem(pem),
            "an RSA key of 3072 or 4096 bits (not rsa-pss)",
        ),
        Algorithm::ES256 => (EncodingKey::from_ec_pem(pem), "an EC key of the curve P-256 in PKCS#8"),
        Algorithm::ES384 => (EncodingKey::from_ec_pem(pem), "an EC key of the curve P-384 in PKCS#8"),
    };
    let wrong = |_| {
        let message = format!("the NetSuite secret's private_key cannot be read: {kind} in PEM is needed");
        Refusal::new("secret-malformed", message)
    };
    let key = key.map_err(wrong)?;
    let name = digest_of(certificate);
    if !proven().contains(&name) {
        // A key of another curve is noticed only when it signs.
        let probe = jsonwebtoken::encode(&Header::new(algorithm(certificate.algorithm)), &(), &key);
        probe.map_err(wrong)?;
        let mut proven = proven();
        if proven.len() >= MOST_PROVEN {
            proven.clear();
        }
        proven.insert(name);
    }
    Ok(key)
}

/// How many keys are remembered to sign.
const MOST_PROVEN: usize = 1024;

/// The keys of which this process has seen that they sign, by their digests alone: each order opens its account anew, and a
/// signature of RSA takes milliseconds.
fn proven() -> MutexGuard<'static, BTreeSet<[u8; 32]>> {
    static PROVEN: StdMutex<BTreeSet<[u8; 32]>> = StdMutex::new(BTreeSet::new());
    PROVEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn digest_of(certificate: &Certificate) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(format!("{:?}\n", algorithm(certificate.algorithm)).as_bytes());
    context.update(certificate.private_key.expose_secret().as_bytes());
    context.finish().as_ref().try_into().unwrap_or_default()
}

fn algorithm(named: Algorithm) -> jsonwebtoken::Algorithm {
    match named {
        Algorithm::PS256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::ES384 => jsonwebtoken::Algorithm::ES384,
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: [&'a str; 1],
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
}

/// Makes tokens by assertions.
pub(super) struct CertificateMint {
    endpoint: Endpoint,
    certificate: Certificate,
    key: EncodingKey,
    audience: String,
}

impl CertificateMint {
    /// For a certificate; `audience` is the account's own token address, whatever the endpoint's is.
    pub(super) fn new(endpoint: Endpoint, certificate: Certificate, audience: String) -> Result<Self, Refusal> {
        let key = signing_key(&certificate)?;
        Ok(Self {
            endpoint,
            certificate,
            key,
            audience,
        })
    }

    fn assertion(&self) -> Result<String, Refusal> {
        let issued = self.endpoint.clock.now().as_second() - SKEW;
        let claims = Claims {
            iss: &self.certificate.client_id,
            scope: ["rest_webservices"],
            aud: &self.audience,
            iat: issued,
            exp: issued + ASSERTION_LIFE,
            jti: &random_text()?,
        };
        let mut header = Header::new(algorithm(self.certificate.algorithm));
        header.kid = Some(self.certificate.certificate_id.clone());
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| {
            Refusal::new(
                "secret-malformed",
                "the private_key of the NetSuite secret does not sign",
            )
        })
    }
}

#[async_trait]
impl Mint for CertificateMint {
    async fn mint(&self) -> Result<Minted, CallError> {
        let assertion = self.assertion().map_err(CallError::Refused)?;
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        Ok(minted(ask(&self.endpoint, &fields, &Unauthorised).await?))
    }

    fn daily_limit(&self) -> Option<u32> {
        None
    }
}

async fn ask(endpoint: &Endpoint, fields: &[(&str, &str)], auth: &dyn Authorise) -> Result<TokenAnswer, CallError> {
    let call = Call::new("token", Method::POST, TOKEN_PATH).form(fields);
    let answer = web::read(endpoint.send(&call, auth, None).await, envelope)?;
    let unreadable = Later::new(Obstacle::Unreachable, "the token endpoint's answer holds no token");
    serde_json::from_slice(&answer.body).map_err(|_| CallError::Later(unreadable))
}

pub(super) fn minted(answer: TokenAnswer) -> Minted {
    let seconds = answer
        .expires_in
        .and_then(|text| text.parse().ok())
        .unwrap_or(SHORT_LIFE);
    Minted {
        secret: answer.access_token,
        lives_for: Duration::from_secs(seconds),
    }
}

/// Makes tokens by a refresh token and keeps the one that follows it.
pub(super) struct RefreshMint {
    endpoint: Endpoint,
    secret: String,
    secrets: Arc<dyn Secrets>,
    /// A body that could not be stored yet: it holds the only refresh token that is good.
    unsaved: Mutex<Option<SecretString>>,
}

impl RefreshMint {
    /// For the secret of this name, which is read again for every token: another worker may have replaced it.
    pub(super) fn new(endpoint: Endpoint, secret: impl Into<String>, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            endpoint,
            secret: secret.into(),
            secrets,
            unsaved: Mutex::new(None),
        }
    }

    async fn stored(&self) -> Result<SecretString, CallError> {
        if let Some(body) = self.unsaved.lock().await.take() {
            self.store(body.clone()).await?;
            return Ok(body);
        }
        let body = self.secrets.read(&self.secret).await;
        let body = body.map_err(|error| ours(&error.to_string()))?;
        let gone = || Refusal::new("secret-missing", format!("there is no secret {}", self.secret));
        body.ok_or_else(|| CallError::Refused(gone()))
    }

    /// Stores a body, or keeps it for the next try.
    async fn store(&self, body: SecretString) -> Result<(), CallError> {
        let mut failure = String::new();
        for _ in 0..3 {
            match self.secrets.write(&self.secret, &body).await {
                Ok(()) => return Ok(()),
                Err(error) => failure = error.to_string(),
            }
        }
        *self.unsaved.lock().await = Some(body);
        Err(ours(&format!("the new refresh token could not be stored: {failure}")))
    }
}

#[async_trait]
impl Mint for RefreshMint {
    async fn mint(&self) -> Result<Minted, CallError> {
        let body = self.stored().await?;
        let delegated = delegated(&body).map_err(CallError::Refused)?;
        let consent = "nobody has consented yet: run `waybill connection authorize`";
        let refresh = delegated
            .refresh_token
            .as_ref()
            .ok_or_else(|| CallError::Refused(Refusal::new("no-refresh-token", consent)))?;
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_secret()),
        ];
        let answer = ask(&self.endpoint, &fields, &basic(&delegated)).await?;
        if let Some(next) = &answer.refresh_token {
            self.store(with_refresh_token(&body, next).map_err(CallError::Refused)?)
                .await?;
        }
        Ok(minted(answer))
    }

    fn daily_limit(&self) -> Option<u32> {
        None
    }
}

/// Exchanges a code for the first refresh token and returns the secret's body with it.
pub(super) async fn exchange(
    endpoint: &Endpoint,
    body: &SecretString,
    code: &SecretString,
    verifier: &SecretString,
) -> Result<SecretString, CallError> {
    let delegated = delegated(body).map_err(CallError::Refused)?;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.expose_secret()),
        ("redirect_uri", &delegated.redirect_uri),
        ("code_verifier", verifier.expose_secret()),
    ];
    let answer = ask(endpoint, &fields, &basic(&delegated)).await?;
    let none = "NetSuite gave no refresh token: the integration record must allow the authorization code grant";
    let refresh = answer
        .refresh_token
        .ok_or_else(|| CallError::Refused(Refusal::new("no-refresh-token", none)))?;
    with_refresh_token(body, &refresh).map_err(CallError::Refused)
}

/// The secret's body as the kind `authorization-code`.
pub(super) fn delegated(body: &SecretString) -> Result<Delegated, Refusal> {
    match Credentials::parse(body)? {
        Credentials::Delegated(delegated) => Ok(delegated),
        _ => Err(Refusal::new(
            "secret-kind",
            "the NetSuite secret is not of the kind authorization-code, which is the only one that is authorised so",
        )),
    }
}

fn basic(delegated: &Delegated) -> Basic {
    Basic {
        user: delegated.client_id.clone(),
        password: delegated.client_secret.clone(),
    }
}

fn with_refresh_token(body: &SecretString, refresh: &SecretString) -> Result<SecretString, Refusal> {
    let malformed = |_| Refusal::new("secret-malformed", "the NetSuite secret is not a JSON object");
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(body.expose_secret()).map_err(malformed)?;
    fields.insert("refresh_token".to_owned(), refresh.expose_secret().into());
    Ok(serde_json::Value::Object(fields).to_string().into())
}

/// What failed on our side, not on NetSuite's.
fn ours(reason: &str) -> CallError {
    CallError::Later(Later::new(Obstacle::OurStore, reason))
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    };
    use data_encoding::BASE64;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::{Value, json};

    use crate::ports::OrderSource;
    use crate::systems::netsuite::check_secret;
    use crate::systems::netsuite::fixture::{Bench, Script, line};

    /// A secret with a new key, and what verifies its signatures.
    pub(in crate::systems::netsuite) fn certificate(algorithm: &str) -> (Value, DecodingKey) {
        let (der, public) = match algorithm {
            "PS256" => {
                let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa3072).unwrap();
                let der: Pkcs8V1Der = pair.as_der().unwrap();
                (
                    der.as_ref().to_vec(),
                    DecodingKey::from_rsa_der(pair.public_key().as_ref()),
                )
            }
            _ => {
                let curve = if algorithm == "ES256" {
                    &ECDSA_P256_SHA256_FIXED_SIGNING
                } else {
                    &ECDSA_P384_SHA384_FIXED_SIGNING
                };
                let document = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()).unwrap();
                let pair = EcdsaKeyPair::from_pkcs8(curve, document.as_ref()).unwrap();
                (
                    document.as_ref().to_vec(),
                    DecodingKey::from_ec_der(pair.public_key().as_ref()),
                )
            }
        };
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            BASE64.encode(&der)
        );
        let secret = json!({"kind": "client-credentials", "client_id": "client", "certificate_id": "certificate",
                            "private_key": pem, "algorithm": algorithm});
        (secret, public)
    }

    /// P5: client credentials are proved by an assertion whose signature, audience and times a verifier accepts.
    #[tokio::test]
    async fn an_assertion_is_signed_as_netsuite_wants_it() {
        for algorithm in ["PS256", "ES256", "ES384"] {
            let (secret, public) = certificate(algorithm);
            let token = r#"{"access_token": "access", "expires_in": 3600, "token_type": "Bearer"}"#;
            let script = Script::start(vec![
                line("POST /services/rest/auth/oauth2/v1/token ", 200, token),
                line("POST /services/rest/query/v1/suiteql", 200, r#"{"items": []}"#),
            ])
            .await;
            let bench = Bench::new(&script.base, &secret, |_| {});
            bench.netsuite.numbered("SO1").await.unwrap();
            let seen = script.seen();
            assert!(seen[1].contains("authorization: Bearer access"));
            let body = seen[0].rsplit("\r\n").next().unwrap();
            let form: std::collections::BTreeMap<String, String> =
                url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            assert_eq!(form["grant_type"], "client_credentials");
            assert_eq!(
                form["client_assertion_type"],
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            let jwt = &form["client_assertion"];
            let header = jsonwebtoken::decode_header(jwt).unwrap();
            assert_eq!(
                (header.typ.as_deref(), header.kid.as_deref()),
                (Some("JWT"), Some("certificate"))
            );
            let mut validation = Validation::new(algorithm.parse().unwrap());
            validation
                .set_audience(&["https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token"]);
            validation.set_issuer(&["client"]);
            let claims = jsonwebtoken::decode::<Value>(jwt, &public, &validation).unwrap().claims;
            assert_eq!(claims["scope"], json!(["rest_webservices"]));
            let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert!((60..3600).contains(&life));
            let age = jiff::Timestamp::now().as_second() - claims["iat"].as_i64().unwrap();
            assert!((10..20).contains(&age), "it begins {age} s in the past");
            let (_, other) = certificate(algorithm);
            assert!(jsonwebtoken::decode::<Value>(jwt, &other, &validation).is_err());
        }
    }

    #[test]
    fn a_secret_is_refused_with_what_is_missing_and_without_what_is_there() {
        let told = |secret: Value| check_secret(&secret.to_string().into()).map_err(|refusal| refusal.message);
        let (good, _) = certificate("ES256");
        assert_eq!(told(good.clone()), Ok(()));
        assert_eq!(
            told(json!({"kind": "client-credentials", "client_id": "hush"})),
            Err(
                "the NetSuite secret of kind client-credentials lacks certificate_id, private_key, algorithm"
                    .to_owned()
            )
        );
        assert!(
            told(json!({"client_id": "hush"}))
                .unwrap_err()
                .contains("client-credentials, token-based or authorization-code")
        );
        let changed = |field: &str, value: &str| {
            let mut secret = good.clone();
            secret[field] = json!(value);
            told(secret).unwrap_err()
        };
        assert!(changed("algorithm", "RS256").contains("PS256, ES256 or ES384"));
        assert!(changed("algorithm", "PS256").contains("RSA key"));
        assert!(changed("algorithm", "ES384").contains("P-384"));
        let leak = changed("private_key", "hush hush");
        assert!(leak.contains("P-256") && !leak.contains("hush"), "{leak}");
        assert!(check_secret(&"no json".to_owned().into()).is_err());
    }
}
