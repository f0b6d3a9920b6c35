//! Who may come in: integrations with their certificates, tokens and secrets; access tokens, codes and refresh tokens
//! given out; and the checks of each of the three ways to authenticate.
//!
//! Quirks: a machine-to-machine token has no refresh token; a refresh token works once and is replaced; errors of the
//! token endpoint have OAuth's shape; a refused request learns nothing but INVALID_LOGIN.

use super::keys::PublicKey;
use super::options::Options;
use super::tba;
use aws_lc_rs::{digest, rand};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The path of the token endpoint.
pub const TOKEN_PATH: &str = "/services/rest/auth/oauth2/v1/token";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);
const TBA_WINDOW_S: i64 = 300;
const SKEW_S: i64 = 300;

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

/// The registered integrations and what they hold.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What the token endpoint did.
    pub counts: TokenCounts,
    certificates: BTreeMap<String, (String, PublicKey)>,
    clients: BTreeMap<String, Client>,
    consumers: BTreeMap<(String, String), TokenSecrets>,
    access_tokens: BTreeMap<String, Grant>,
    refresh_tokens: BTreeMap<String, Grant>,
    codes: BTreeMap<String, Code>,
    nonces: BTreeSet<(String, String, String)>,
}

#[derive(Debug, Clone)]
struct Client {
    secret: String,
    redirect_uri: String,
}

#[derive(Debug, Clone)]
struct TokenSecrets {
    consumer: String,
    token: String,
}

#[derive(Debug, Clone)]
struct Grant {
    client: String,
    until: Timestamp,
}

#[derive(Debug, Clone)]
struct Code {
    client: String,
    redirect_uri: String,
    challenge: String,
    until: Timestamp,
}

/// A refused token request, in OAuth's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    /// `invalid_grant`, `invalid_request`, `invalid_client` or `unsupported_grant_type`.
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

    /// The body of the answer.
    pub fn body(&self) -> Value {
        json!({ "error": self.error, "error_description": self.description })
    }
}

/// What of a request is signed or checked.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The `Host` header.
    pub host: &'a str,
    /// The path as it was sent.
    pub path: &'a str,
    /// The query as it was sent.
    pub query: &'a str,
    /// The `Authorization` header.
    pub authorization: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    aud: Value,
    #[serde(default)]
    scope: Value,
    iat: i64,
    exp: i64,
}

type Form = BTreeMap<String, String>;

impl Access {
    /// Registers a certificate: its id, the client id of its integration, its public key.
    pub fn register_certificate(&mut self, kid: &str, client_id: &str, key: PublicKey) {
        self.certificates.insert(kid.into(), (client_id.into(), key));
    }

    /// Registers an integration for the authorization code grant.
    pub fn register_client(&mut self, client_id: &str, secret: &str, redirect_uri: &str) {
        let client = Client {
            secret: secret.into(),
            redirect_uri: redirect_uri.into(),
        };
        self.clients.insert(client_id.into(), client);
    }

    /// Registers a consumer and a token for token-based authentication.
    pub fn register_tba(&mut self, consumer: (&str, &str), token: (&str, &str)) {
        let secrets = TokenSecrets {
            consumer: consumer.1.into(),
            token: token.1.into(),
        };
        self.consumers.insert((consumer.0.into(), token.0.into()), secrets);
    }

    /// The access tokens that were given out and not revoked.
    pub fn given(&self) -> Vec<String> {
        self.access_tokens.keys().cloned().collect()
    }

    /// Stops accepting every access token given out so far.
    pub fn expire_tokens(&mut self) {
        self.access_tokens.clear();
    }

    /// Forgets everything that was given out and counted; registered integrations stay.
    pub fn forget_tokens(&mut self) {
        let registered = (
            std::mem::take(&mut self.certificates),
            std::mem::take(&mut self.clients),
            std::mem::take(&mut self.consumers),
        );
        let (certificates, clients, consumers) = registered;
        *self = Self {
            certificates,
            clients,
            consumers,
            ..Self::default()
        };
    }

    /// The token endpoint: answers the body of a 200.
    ///
    /// # Errors
    /// The refusal, for a 400 (401 for `invalid_client`).
    pub fn token(
        &mut self,
        form: &Form,
        basic: Option<&str>,
        options: &Options,
        now: Timestamp,
    ) -> Result<Value, OAuthError> {
        let grant = form.get("grant_type").cloned().unwrap_or_default();
        *self.counts.requests.entry(grant.clone()).or_default() += 1;
        let answer = match grant.as_str() {
            "client_credentials" => self.client_credentials(form, now).map(|client| (client, false)),
            "authorization_code" => self.authorization_code(form, basic, now).map(|client| (client, true)),
            "refresh_token" => self.refresh(form, basic, now).map(|client| (client, true)),
            "" => Err(OAuthError::new("invalid_request", "grant_type is missing")),
            _ => Err(OAuthError::new("unsupported_grant_type", "grant_type is not supported")),
        };
        match answer {
            Ok((client, refreshable)) => Ok(self.issue(&client, refreshable, options, now)),
            Err(refused) => {
                self.counts.refused += 1;
                Err(refused)
            }
        }
    }

    fn issue(&mut self, client: &str, refreshable: bool, options: &Options, now: Timestamp) -> Value {
        let token = secret();
        let life = SignedDuration::from_secs(options.token_life_s);
        self.access_tokens.insert(
            token.clone(),
            Grant {
                client: client.into(),
                until: later(now, life),
            },
        );
        self.counts.issued += 1;
        self.counts.issued_at.push(now);
        let expires_in = match options.expires_in_as_string {
            true => json!(options.token_life_s.to_string()),
            false => json!(options.token_life_s),
        };
        let mut body = json!({ "access_token": token, "expires_in": expires_in, "token_type": "Bearer" });
        if refreshable {
            let refresh = secret();
            let until = later(now, SignedDuration::from_secs(options.refresh_life_s));
            self.refresh_tokens.insert(
                refresh.clone(),
                Grant {
                    client: client.into(),
                    until,
                },
            );
            body.as_object_mut()
                .map(|fields| fields.insert("refresh_token".into(), json!(refresh)));
        }
        body
    }

    fn client_credentials(&self, form: &Form, now: Timestamp) -> Result<String, OAuthError> {
        if form.get("client_assertion_type").map(String::as_str) != Some(ASSERTION) {
            return Err(OAuthError::new(
                "invalid_request",
                "client_assertion_type is missing or wrong",
            ));
        }
        let assertion = form.get("client_assertion").map(String::as_str).unwrap_or_default();
        let grant = |why: &str| OAuthError::new("invalid_grant", why);
        let header = decode_header(assertion).map_err(|_| grant("The assertion is not a JWT of a known algorithm."))?;
        let kid = header.kid.unwrap_or_default();
        let (client, key) = self
            .certificates
            .get(&kid)
            .ok_or_else(|| grant("Unknown certificate id."))?;
        let key = key
            .for_algorithm(header.alg)
            .ok_or_else(|| grant("The algorithm is not accepted."))?;
        let mut rules = Validation::new(header.alg);
        (rules.validate_exp, rules.validate_aud) = (false, false);
        rules.required_spec_claims.clear();
        let claims = decode::<Claims>(assertion, key, &rules).map_err(|_| grant("The signature does not verify."))?;
        check_claims(&claims.claims, client, now).map_err(grant)?;
        Ok(client.clone())
    }

    /// The page on which a person allows access: answers where the browser is sent.
    ///
    /// # Errors
    /// Why the page shows an error instead.
    pub fn authorize(&mut self, query: &Form, now: Timestamp) -> Result<String, OAuthError> {
        let get = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let client = self.clients.get(get("client_id"));
        let client = client.ok_or_else(|| OAuthError::new("invalid_client", "unknown client_id"))?;
        let bad = |what: &str| {
            Err(OAuthError::new(
                "invalid_request",
                format!("{what} is missing or wrong"),
            ))
        };
        if get("redirect_uri") != client.redirect_uri {
            return bad("redirect_uri");
        }
        if get("response_type") != "code" || !get("scope").contains("rest_webservices") {
            return bad("response_type or scope");
        }
        if get("state").is_empty() {
            return bad("state");
        }
        if get("code_challenge").is_empty() || get("code_challenge_method") != "S256" {
            return bad("code_challenge");
        }
        let code = secret();
        let granted = Code {
            client: get("client_id").into(),
            redirect_uri: client.redirect_uri.clone(),
            challenge: get("code_challenge").into(),
            until: later(now, CODE_LIFE),
        };
        let target = format!(
            "{}?code={code}&state={}",
            client.redirect_uri,
            tba::encode(get("state"))
        );
        self.codes.insert(code, granted);
        Ok(target)
    }

    fn authorization_code(&mut self, form: &Form, basic: Option<&str>, now: Timestamp) -> Result<String, OAuthError> {
        let client = self.client_by_basic(basic)?;
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        // A code works once, whatever comes of it.
        let code = self
            .codes
            .remove(get("code"))
            .filter(|code| code.client == client && now < code.until);
        let code = code.ok_or_else(|| OAuthError::new("invalid_grant", "The code is unknown, used or expired."))?;
        if get("redirect_uri") != code.redirect_uri {
            return Err(OAuthError::new("invalid_grant", "redirect_uri differs."));
        }
        let digest = digest::digest(&digest::SHA256, get("code_verifier").as_bytes());
        if BASE64URL_NOPAD.encode(digest.as_ref()) != code.challenge {
            return Err(OAuthError::new("invalid_grant", "The code verifier does not fit."));
        }
        Ok(client)
    }

    fn refresh(&mut self, form: &Form, basic: Option<&str>, now: Timestamp) -> Result<String, OAuthError> {
        let client = self.client_by_basic(basic)?;
        let token = form.get("refresh_token").map(String::as_str).unwrap_or_default();
        let fits = self
            .refresh_tokens
            .get(token)
            .is_some_and(|grant| grant.client == client && now < grant.until);
        if !fits {
            return Err(OAuthError::new(
                "invalid_grant",
                "The refresh token is unknown, used or expired.",
            ));
        }
        self.refresh_tokens.remove(token);
        Ok(client)
    }

    fn client_by_basic(&self, basic: Option<&str>) -> Result<String, OAuthError> {
        let refused = || OAuthError::new("invalid_client", "Client authentication failed.");
        let encoded = basic
            .and_then(|header| header.strip_prefix("Basic "))
            .ok_or_else(refused)?;
        let pair = BASE64
            .decode(encoded.trim().as_bytes())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = pair.ok_or_else(refused)?;
        let (id, secret) = pair.split_once(':').ok_or_else(refused)?;
        let known = self.clients.get(id).is_some_and(|client| client.secret == secret);
        known.then(|| id.to_owned()).ok_or_else(refused)
    }

    /// Who asks; `None` for whoever may not come in.
    pub fn admit(&mut self, asked: &Asked<'_>, options: &Options, now: Timestamp) -> Option<String> {
        if let Some(token) = asked.authorization.strip_prefix("Bearer ") {
            let grant = self.access_tokens.get(token.trim())?;
            return (now < grant.until).then(|| grant.client.clone());
        }
        self.admit_signed(asked, options, now)
    }

    fn admit_signed(&mut self, asked: &Asked<'_>, options: &Options, now: Timestamp) -> Option<String> {
        let oauth = tba::parse(asked.authorization)?;
        let get = |name: &str| oauth.get(name).map(String::as_str).unwrap_or_default();
        let at: i64 = get("oauth_timestamp").parse().ok()?;
        let proper = get("realm") == options.account.to_ascii_uppercase()
            && get("oauth_signature_method") == "HMAC-SHA256"
            && matches!(get("oauth_version"), "1.0" | "")
            && (now.as_second() - at).abs() <= TBA_WINDOW_S;
        let (consumer, token, nonce) = (get("oauth_consumer_key"), get("oauth_token"), get("oauth_nonce"));
        let secrets = self.consumers.get(&(consumer.to_owned(), token.to_owned()))?;
        let signed = url_forms(asked, options).iter().any(|url| {
            let base = tba::base_string(asked.method, url, asked.query, &oauth);
            tba::verify(&base, &secrets.consumer, &secrets.token, get("oauth_signature"))
        });
        let once = (token.to_owned(), at.to_string(), nonce.to_owned());
        (proper && signed && !nonce.is_empty() && self.nonces.insert(once)).then(|| consumer.to_owned())
    }
}

/// The URL as the client may have signed it: the real host, which a local test replaces, or the one it called.
fn url_forms(asked: &Asked<'_>, options: &Options) -> [String; 3] {
    let (host, path) = (asked.host, asked.path);
    [
        format!("https://{}{path}", options.rest_host()),
        format!("http://{host}{path}"),
        format!("https://{host}{path}"),
    ]
}

fn check_claims(claims: &Claims, client: &str, now: Timestamp) -> Result<(), &'static str> {
    let now = now.as_second();
    let fits = |aud: &Value| aud.as_str().is_some_and(|url| url.ends_with(TOKEN_PATH));
    let aud = claims
        .aud
        .as_array()
        .map_or_else(|| fits(&claims.aud), |all| all.iter().any(fits));
    let scope = match &claims.scope {
        Value::Array(all) => all.iter().any(|one| one == "rest_webservices"),
        Value::String(text) => text.split([',', ' ']).any(|one| one == "rest_webservices"),
        _ => false,
    };
    if claims.iss != client {
        Err("The issuer is not the client of the certificate.")
    } else if !aud {
        Err("The audience is not the token URL.")
    } else if !scope {
        Err("The scope is not rest_webservices.")
    } else if !(1..3600).contains(&(claims.exp - claims.iat)) {
        Err("The assertion is valid for an hour or longer.")
    } else if claims.iat > now + SKEW_S || claims.exp <= now {
        Err("The assertion is expired or not yet valid.")
    } else {
        Ok(())
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn secret() -> String {
    let mut bytes = [0_u8; 32];
    // A random source that fails leaves zeroes: in a simulator two equal tokens are a wrong test, not a danger.
    let _ = rand::fill(&mut bytes);
    HEXLOWER.encode(&bytes)
}
