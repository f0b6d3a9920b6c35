//! The three shapes of the secret that holds a PeopleSoft's credentials.

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::Refusal;

/// The secret's three shapes.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Credentials {
    /// HTTP Basic with a PeopleSoft user.
    Basic(User),
    /// OAuth 2.0 client credentials of the customer's identity provider.
    #[serde(rename = "client-credentials")]
    OAuth(Application),
    /// A token that somebody else has made and that does not end by itself.
    Bearer(Static),
}

/// What `basic` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    /// The user id (OPRID), in upper case.
    pub(super) user: String,
    pub(super) password: SecretString,
}

/// What `client-credentials` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Application {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
}

/// What `bearer` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Static {
    pub(super) token: SecretString,
}

impl Credentials {
    /// Whether too many refusals lock somebody's account.
    pub(super) fn locks_out(&self) -> bool {
        matches!(self, Self::Basic(_))
    }

    /// Reads a secret's body. What is wrong is said without a word of what stands there.
    pub(super) fn parse(secret: &SecretString) -> Result<Self, Refusal> {
        let malformed = |what: String| Refusal::new("secret-malformed", format!("the PeopleSoft secret {what}"));
        let value: Value = serde_json::from_str(secret.expose_secret())
            .map_err(|_| malformed("is not a JSON object: enter it again with `waybill secret set`".to_owned()))?;
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let wanted: &[&str] = match kind {
            "basic" => &["user", "password"],
            "client-credentials" => &["client_id", "client_secret"],
            "bearer" => &["token"],
            _ => {
                let kinds = "needs a kind: basic, client-credentials or bearer";
                return Err(malformed(kinds.to_owned()));
            }
        };
        let text = |field: &str| value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let missing: Vec<&str> = wanted.iter().copied().filter(|field| text(field).is_none()).collect();
        if !missing.is_empty() {
            return Err(malformed(format!("of kind {kind} lacks {}", missing.join(", "))));
        }
        if let Some(field) = wanted.iter().find(|field| text(field).is_some_and(has_controls)) {
            return Err(malformed(format!(
                "has a control character in {field}, which no header can hold"
            )));
        }
        if kind == "basic" {
            let user = text("user").unwrap_or_default();
            if user != user.trim() || user.contains(':') || user != user.to_uppercase() {
                let words =
                    "needs the user as PeopleSoft spells it: in upper case, without blanks around it or a colon";
                return Err(malformed(words.to_owned()));
            }
        }
        let unreadable = malformed(format!("of kind {kind} cannot be read"));
        serde_json::from_value(value).map_err(|_| unreadable)
    }

    /// A digest of who asks, by which token requests are counted.
    pub(super) fn client(&self) -> String {
        let id = match self {
            Self::Basic(user) => &user.user,
            Self::OAuth(application) => &application.client_id,
            Self::Bearer(_) => "bearer",
        };
        digest(id, 16)
    }
}

/// The first letters of a text's digest.
pub(super) fn digest(text: &str, letters: usize) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    HEXLOWER.encode(digest.as_ref()).chars().take(letters).collect()
}

fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Whether a secret's body has one of the three shapes.
pub fn check_secret(secret: &SecretString) -> Result<(), Refusal> {
    Credentials::parse(secret).map(|_| ())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_has_one_of_three_shapes_and_what_is_wrong_never_shows_it() {
        let judged = |value: Value| check_secret(&SecretString::from(value.to_string()));
        for good in [
            json!({"kind": "basic", "user": "WAYBILL", "password": "s3cret-word"}),
            json!({"kind": "client-credentials", "client_id": "app", "client_secret": "s3cret-word"}),
            json!({"kind": "bearer", "token": "s3cret-word"}),
        ] {
            assert_eq!(judged(good), Ok(()));
        }
        for bad in [
            json!({"kind": "basic", "user": "waybill", "password": "s3cret-word"}),
            json!({"kind": "basic", "user": "WAY:BILL", "password": "s3cret-word"}),
            json!({"kind": "basic", "password": "s3cret-word"}),
            json!({"kind": "bearer", "token": "s3cret-word\n"}),
            json!({"kind": "password", "password": "s3cret-word"}),
            json!("s3cret-word"),
        ] {
            let refusal = judged(bad).unwrap_err();
            assert!(!refusal.to_string().contains("s3cret-word"), "{refusal}");
        }
    }
}
