//! Who may come in: service users with passwords, and the clients of the identity domain with the tokens that it gives out.
//!
//! Follows OCI IAM's token endpoint: client credentials for a configured scope, and user assertions signed with a
//! certificate that the client's application trusts. Quirks: with client credentials the pod looks for a user who is
//! called like the client; the audience of every assertion is Oracle's own URL, not the domain's.

use super::model::Id;
use super::options::Options;
use crate::netsuite::keys::{self, KeyKind, MadeKey};
use aws_lc_rs::rand;
use data_encoding::{BASE64, HEXLOWER};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The path of the identity domain's token endpoint.
pub const TOKEN_PATH: &str = "/oauth2/v1/token";
/// Whom every assertion is for.
pub const AUDIENCE: &str = "https://identity.oraclecloud.com/";
const USER_ASSERTION: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SKEW_S: i64 = 300;

/// A user of the pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// User name.
    pub name: String,
    /// Password; without one there is no basic authentication.
    #[serde(default)]
    pub password: Option<String>,
    /// The procurement business units whose data the user sees; all when left out.
    #[serde(default)]
    pub business_units: Option<BTreeSet<Id>>,
    /// Operations that the user has no privilege for.
    #[serde(default)]
    pub denied: BTreeSet<String>,
}

impl User {
    /// A user who may do and see everything.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            password: None,
            business_units: None,
            denied: BTreeSet::new(),
        }
    }

    /// The same user with a password.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        Self {
            password: Some(password.into()),
            ..self
        }
    }

    /// The same user with access to the data of these business units only.
    #[must_use]
    pub fn seeing(self, business_units: impl IntoIterator<Item = Id>) -> Self {
        Self {
            business_units: Some(business_units.into_iter().collect()),
            ..self
        }
    }

    /// The same user without the privilege for an operation.
    #[must_use]
    pub fn without(mut self, operation: &str) -> Self {
        self.denied.insert(operation.into());
        self
    }

    /// Whether the user sees the documents of a business unit.
    pub fn sees(&self, business_unit: Id) -> bool {
        self.business_units
            .as_ref()
            .is_none_or(|seen| seen.contains(&business_unit))
    }
}

/// Counts of what the token endpoint did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Requests by grant type, good or bad.
    pub requests: BTreeMap<String, u64>,
    /// Tokens given out.
    pub issued: u64,
    /// Requests refused.
    pub refused: u64,
    /// When each token was given out.
    pub issued_at: Vec<Timestamp>,
}

/// The users, the clients and what they hold.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What the token endpoint did.
    pub counts: TokenCounts,
    users: BTreeMap<String, User>,
    clients: BTreeMap<String, String>,
    certificates: BTreeMap<(String, String), Certificate>,
    tokens: BTreeMap<String, Grant>,
}

#[derive(Clone)]
struct Certificate(DecodingKey);

impl std::fmt::Debug for Certificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Certificate")
    }
}

#[derive(Debug, Clone)]
struct Grant {
    user: String,
    by_client: bool,
    until: Timestamp,
}

/// A refused token request, in OAuth's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    /// `invalid_grant`, `invalid_request`, `invalid_client`, `invalid_scope` or `unsupported_grant_type`.
    pub error: &'static str,
    /// Why, as the body says it.
    pub description: String,
}

impl OAuthError {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            error,
            description: description.into(),
        }
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        if self.error == "invalid_client" { 401 } else { 400 }
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        json!({ "error": self.error, "error_description": self.description })
    }
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    prn: Option<String>,
    #[serde(default)]
    aud: Value,
    #[serde(default)]
    iat: Option<i64>,
    exp: i64,
}

impl Claims {
    fn subject(&self) -> &str {
        self.sub.as_deref().or(self.prn.as_deref()).unwrap_or_default()
    }
}

/// A form of the token endpoint.
pub type Form = BTreeMap<String, String>;

impl Access {
    /// Registers a user, in place of any of the same name.
    pub fn register_user(&mut self, user: User) {
        self.users.insert(user.name.to_lowercase(), user);
    }

    /// Takes a user's password away, as its expiry does.
    pub fn expire_password(&mut self, name: &str) {
        if let Some(user) = self.users.get_mut(&name.to_lowercase()) {
            user.password = None;
        }
    }

    /// Registers a confidential application: client id and secret.
    pub fn register_client(&mut self, id: &str, secret: &str) {
        self.clients.insert(id.into(), secret.into());
    }

    /// Registers a certificate of a client's under an alias: an RSA public key as PEM.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn register_certificate(
        &mut self,
        alias: &str,
        client_id: &str,
        public_pem: &str,
    ) -> Result<(), jsonwebtoken::errors::Error> {
        let key = DecodingKey::from_rsa_pem(public_pem.as_bytes())?;
        self.certificates
            .insert((client_id.into(), alias.into()), Certificate(key));
        Ok(())
    }

    /// Makes an RSA key pair for a client's certificate.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn make_key() -> Result<MadeKey, aws_lc_rs::error::Unspecified> {
        keys::generate(KeyKind::Rsa3072)
    }

    /// The access tokens that were given out and not revoked.
    pub fn given(&self) -> Vec<String> {
        self.tokens.keys().cloned().collect()
    }

    /// Stops accepting every access token given out so far.
    pub fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Forgets what was given out and counted; users, clients and certificates stay.
    pub fn forget_tokens(&mut self) {
        self.tokens.clear();
        self.counts = TokenCounts::default();
    }

    /// The token endpoint: answers the body of a 200.
    ///
    /// # Errors
    /// The refusal.
    pub fn token(
        &mut self,
        form: &Form,
        basic: Option<&str>,
        options: &Options,
        now: Timestamp,
    ) -> Result<Value, OAuthError> {
        let grant = form.get("grant_type").cloned().unwrap_or_default();
        *self.counts.requests.entry(grant.clone()).or_default() += 1;
        match self.granted(&grant, form, basic, options, now) {
            Ok(granted) => Ok(self.issue(granted, options, now)),
            Err(refused) => {
                self.counts.refused += 1;
                Err(refused)
            }
        }
    }

    fn granted(
        &self,
        grant: &str,
        form: &Form,
        basic: Option<&str>,
        options: &Options,
        now: Timestamp,
    ) -> Result<(String, bool), OAuthError> {
        let client = self.client(form, basic, now)?;
        let granted = match grant {
            "client_credentials" => (client, true),
            USER_ASSERTION => (self.asserted_user(form, &client, now)?, false),
            "" => return Err(OAuthError::new("invalid_request", "grant_type is missing.")),
            _ => {
                return Err(OAuthError::new(
                    "unsupported_grant_type",
                    "grant_type is not supported.",
                ));
            }
        };
        if form.get("scope") != Some(&options.scope) {
            return Err(OAuthError::new(
                "invalid_scope",
                "The scope is not one of the application's.",
            ));
        }
        Ok(granted)
    }

    fn issue(&mut self, (user, by_client): (String, bool), options: &Options, now: Timestamp) -> Value {
        let token = secret();
        let life = SignedDuration::from_secs(options.token_life_s);
        let until = now.checked_add(life).unwrap_or(Timestamp::MAX);
        self.tokens.insert(token.clone(), Grant { user, by_client, until });
        self.counts.issued += 1;
        self.counts.issued_at.push(now);
        json!({ "access_token": token, "token_type": "Bearer", "expires_in": options.token_life_s })
    }

    fn client(&self, form: &Form, basic: Option<&str>, now: Timestamp) -> Result<String, OAuthError> {
        let refused = || OAuthError::new("invalid_client", "Client authentication failed.");
        if let Some(header) = basic {
            let (id, secret) = basic_pair(header).ok_or_else(refused)?;
            let known = self.clients.get(&id).is_some_and(|known| *known == secret);
            return if known { Ok(id) } else { Err(refused()) };
        }
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if get("client_assertion_type") != CLIENT_ASSERTION {
            return Err(refused());
        }
        let id = get("client_id").to_owned();
        let claims = self
            .verified(get("client_assertion"), &id, now)
            .map_err(|_| refused())?;
        if claims.subject() == id { Ok(id) } else { Err(refused()) }
    }

    fn asserted_user(&self, form: &Form, client: &str, now: Timestamp) -> Result<String, OAuthError> {
        let assertion = form.get("assertion").map(String::as_str).unwrap_or_default();
        let claims = self
            .verified(assertion, client, now)
            .map_err(|why| OAuthError::new("invalid_grant", why))?;
        let known = self.users.contains_key(&claims.subject().to_lowercase());
        if known {
            Ok(claims.subject().to_owned())
        } else {
            Err(OAuthError::new("invalid_grant", "The user is not known."))
        }
    }

    /// The claims of an assertion that the client has signed and that is valid now.
    fn verified(&self, assertion: &str, client: &str, now: Timestamp) -> Result<Claims, &'static str> {
        let header = decode_header(assertion).map_err(|_| "The assertion is not a JWT.")?;
        if header.alg != Algorithm::RS256 {
            return Err("The algorithm is not RS256.");
        }
        let alias = header.kid.unwrap_or_default();
        let certificate = self.certificates.get(&(client.to_owned(), alias));
        let Certificate(key) = certificate.ok_or("The application trusts no certificate of this alias.")?;
        let mut rules = Validation::new(Algorithm::RS256);
        (rules.validate_exp, rules.validate_aud) = (false, false);
        rules.required_spec_claims.clear();
        let claims = decode::<Claims>(assertion, key, &rules).map_err(|_| "The signature does not verify.")?;
        check_claims(&claims.claims, client, now)?;
        Ok(claims.claims)
    }

    /// Who asks, if the header says it and is right.
    pub fn admit(&self, authorization: &str, options: &Options, now: Timestamp) -> Option<User> {
        if let Some((name, password)) = basic_pair(authorization) {
            let user = self.users.get(&name.to_lowercase())?;
            return (user.password.as_deref() == Some(password.as_str())).then(|| user.clone());
        }
        let token = authorization.strip_prefix("Bearer ")?;
        let grant = self.tokens.get(token).filter(|grant| now < grant.until)?;
        let known = self.users.get(&grant.user.to_lowercase()).cloned();
        let stands_in = grant.by_client && !options.client_user_required;
        known.or_else(|| stands_in.then(|| User::named(&grant.user)))
    }
}

fn check_claims(claims: &Claims, client: &str, now: Timestamp) -> Result<(), &'static str> {
    let now = now.as_second();
    let audience = match &claims.aud {
        Value::Array(all) => all.iter().any(|one| one == AUDIENCE),
        one => one == AUDIENCE,
    };
    if claims.iss != client {
        Err("The issuer is not the client.")
    } else if !audience {
        Err("The audience is not the identity service.")
    } else if claims.exp <= now || claims.iat.is_some_and(|at| at > now + SKEW_S) {
        Err("The assertion is expired or not yet valid.")
    } else {
        Ok(())
    }
}

/// User and password of a basic authorization header.
fn basic_pair(header: &str) -> Option<(String, String)> {
    let decoded = BASE64.decode(header.strip_prefix("Basic ")?.as_bytes()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

fn secret() -> String {
    let mut bytes = [0_u8; 32];
    // A random source that fails leaves zeroes: in a simulator two equal tokens are a wrong test, not a danger.
    let _ = rand::fill(&mut bytes);
    HEXLOWER.encode(&bytes)
}
