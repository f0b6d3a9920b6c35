//! Tokens by OAuth client credentials: `POST /security/v1/oauth/token` with Basic authorisation, on the host that is
//! called and without `/api`. Every value of the answer is a text, numbers included. What a token lives is what
//! `expires_in` says (four hours once, one hour since 2026-04-01).

use std::time::Duration;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use http::Method;
use secrecy::SecretString;

use super::account::{Account, Credential};
use super::convert::envelope;
use super::wire::answer;
use crate::domain::{ConnectionId, Refusal};
use crate::http::{Answer, Basic, Call, Endpoint, read};
use crate::ports::{CallError, Later, Mint, Minted, Obstacle, TokenKey};

/// The figure that users were promised; UPS itself publishes none.
const DAILY_LIMIT: u32 = 250;

/// Issues tokens for one app.
pub(crate) struct Issuer {
    pub(crate) endpoint: Endpoint,
    pub(crate) basic: Basic,
    pub(crate) merchant_id: Option<String>,
}

/// Under which key the fleet shares the token.
pub(crate) fn key(account: &Account, secret_name: &str, client_id: &str, connection: &ConnectionId) -> TokenKey {
    // One app may be used at both hosts, and each host issues its own tokens.
    let credential = match account.base.host_str() {
        Some("onlinetools.ups.com") | None => secret_name.to_owned(),
        Some(host) => format!("{secret_name}@{host}"),
    };
    TokenKey {
        system: "ups".to_owned(),
        credential,
        client: client_digest(client_id),
        merchant: account.options.merchant_id.clone(),
        connection: connection.clone(),
    }
}

/// A client id as it may stand in the table: enough of its digest to tell clients apart.
pub(crate) fn client_digest(client_id: &str) -> String {
    let mut text = HEXLOWER.encode(digest::digest(&digest::SHA256, client_id.as_bytes()).as_ref());
    text.truncate(16);
    text
}

impl Issuer {
    pub(crate) fn new(endpoint: Endpoint, credential: Credential, merchant_id: Option<String>) -> Self {
        let Credential {
            client_id: user,
            client_secret: password,
        } = credential;
        Self {
            endpoint,
            basic: Basic { user, password },
            merchant_id,
        }
    }

    fn call(&self) -> Call {
        let call =
            Call::new("token", Method::POST, "/security/v1/oauth/token").form(&[("grant_type", "client_credentials")]);
        match &self.merchant_id {
            Some(merchant) => call.header("x-merchant-id", merchant.clone()),
            None => call,
        }
    }
}

#[async_trait::async_trait]
impl Mint for Issuer {
    async fn ready(&self) -> Result<(), CallError> {
        self.endpoint.ready().await.map(|_| ())
    }

    async fn mint(&self) -> Result<Minted, CallError> {
        let result = self.endpoint.send(&self.call(), &self.basic, None).await;
        // A 401 here is not a token that has ended but a credential that is wrong: trying again only burns the quota.
        if let Some(refusal) = result.as_ref().ok().and_then(refused) {
            return Err(CallError::Refused(refusal));
        }
        minted(&read(result, envelope)?)
    }

    fn daily_limit(&self) -> Option<u32> {
        Some(DAILY_LIMIT)
    }
}

pub(super) fn refused(answer: &Answer) -> Option<Refusal> {
    let error = envelope(answer).filter(|error| !error.transient);
    match answer.status {
        401 => Some(error.map_or_else(
            || Refusal::new("401", "the credential was refused"),
            |error| error.refusal,
        )),
        400 | 403 => error.map(|error| error.refusal),
        _ => None,
    }
}

pub(super) fn minted(answer: &Answer) -> Result<Minted, CallError> {
    let token: Option<answer::Token> = serde_json::from_slice(&answer.body).ok();
    let lifetime = |text: String| text.split('.').next().and_then(|whole| whole.parse::<u64>().ok());
    let parts = token.and_then(|token| Some((token.access_token?, token.expires_in.and_then(lifetime)?)));
    match parts {
        Some((secret, seconds)) if seconds > 0 => Ok(Minted {
            secret: SecretString::from(secret),
            lives_for: Duration::from_secs(seconds),
        }),
        _ => Err(CallError::Later(Later::new(
            Obstacle::Unreachable,
            "the token answer names no token or no lifetime",
        ))),
    }
}
