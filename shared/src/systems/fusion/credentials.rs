//! The three shapes of the secret that holds a pod's credentials.

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::options::Options;
use crate::domain::Refusal;

/// The secret's three shapes.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Credentials {
    /// A user of Fusion with a password.
    Basic(User),
    /// OAuth 2.0 of a confidential application by itself; Fusion maps the client to a user of the same name.
    #[serde(rename = "client-credentials")]
    Client(Client),
    /// OAuth 2.0 of a confidential application in the name of a user, by a signed assertion.
    JwtAssertion(Assertion),
}

/// What `basic` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub(super) user: String,
    pub(super) password: SecretString,
}

/// What `client-credentials` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Client {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
}

/// What `jwt-assertion` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Assertion {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    /// The user in whose name calls are made.
    pub(super) user: String,
    /// PEM.
    pub(super) private_key: SecretString,
    /// The name of the certificate in the identity domain, the assertion's `kid`.
    pub(super) certificate_alias: String,
    /// The certificate's thumbprint, where the identity domain asks for it.
    #[serde(default)]
    pub(super) x5t: Option<String>,
    /// The identity domain's tenant, where it asks for it.
    #[serde(default)]
    pub(super) tenant: Option<String>,
}

impl Credentials {
    /// Reads a secret's body. What is wrong is said without a word of what stands there.
    pub(super) fn parse(secret: &SecretString) -> Result<Self, Refusal> {
        let malformed = |what: String| Refusal::new("secret-malformed", format!("the Fusion secret {what}"));
        let value: Value = serde_json::from_str(secret.expose_secret())
            .map_err(|_| malformed("is not a JSON object: enter it again with `waybill secret set`".to_owned()))?;
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let wanted: &[&str] = match kind {
            "basic" => &["user", "password"],
            "client-credentials" => &["client_id", "client_secret"],
            "jwt-assertion" => &["client_id", "client_secret", "user", "private_key", "certificate_alias"],
            _ => {
                let kinds = "needs a kind: basic, client-credentials or jwt-assertion";
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
        if kind == "basic"
            && value
                .get("user")
                .and_then(Value::as_str)
                .is_some_and(|user| user.contains(':'))
        {
            return Err(malformed(
                "of kind basic has a colon in user, which HTTP Basic cannot carry".to_owned(),
            ));
        }
        let optional = "of kind jwt-assertion needs texts in x5t and tenant, or neither";
        serde_json::from_value(value).map_err(|_| malformed(optional.to_owned()))
    }

    /// A digest of everything beside the secret's name that a token is for: one secret may be used with two identity domains or
    /// scopes, and what is issued for one is nothing to the other.
    pub(super) fn giver(&self, options: &Options) -> String {
        let domain = options.identity_url.as_ref().map(url::Url::as_str).unwrap_or_default();
        let scope = options.scope.as_deref().unwrap_or_default();
        let user = match self {
            Self::Basic(user) => user.user.as_str(),
            Self::Client(_) => "",
            Self::JwtAssertion(assertion) => assertion.user.as_str(),
        };
        short_digest(&[domain, options.token_path.as_str(), scope, user].join("\n"))
    }

    /// A digest of the client's or the user's name, by which token requests are counted.
    pub(super) fn client(&self) -> String {
        let id = match self {
            Self::Basic(user) => &user.user,
            Self::Client(client) => &client.client_id,
            Self::JwtAssertion(assertion) => &assertion.client_id,
        };
        short_digest(id)
    }
}

fn short_digest(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    HEXLOWER.encode(digest.as_ref()).chars().take(16).collect()
}

/// Whether a secret's body has one of the three shapes and a key that signs.
///
/// # Errors
/// What is wrong with it, without a word of what stands there.
pub fn check_secret(secret: &SecretString) -> Result<(), Refusal> {
    match Credentials::parse(secret)? {
        Credentials::JwtAssertion(assertion) => super::token::signing_key(&assertion).map(|_| ()),
        Credentials::Basic(_) | Credentials::Client(_) => Ok(()),
    }
}
