//! Authorisation as a value that is applied to a call.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use data_encoding::BASE64;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::ports::{CallError, Mint, TokenKey, Tokens};

/// Authorises calls.
#[async_trait]
pub trait Authorise: Send + Sync {
    /// The header for a call to this URL; `None` if it needs none.
    async fn header(&self, method: &Method, url: &Url) -> Result<Option<(&'static str, String)>, CallError>;

    /// Called after a 401: makes a new authorisation and says whether another try makes sense.
    async fn renew(&self) -> Result<bool, CallError> {
        Ok(false)
    }
}

/// For requests that prove who asks in their body, or not at all.
pub struct Unauthorised;

#[async_trait]
impl Authorise for Unauthorised {
    async fn header(&self, _method: &Method, _url: &Url) -> Result<Option<(&'static str, String)>, CallError> {
        Ok(None)
    }
}

/// HTTP Basic.
pub struct Basic {
    /// The user, or the client id.
    pub user: String,
    /// The password, or the client secret.
    pub password: SecretString,
}

#[async_trait]
impl Authorise for Basic {
    async fn header(&self, _method: &Method, _url: &Url) -> Result<Option<(&'static str, String)>, CallError> {
        let pair = format!("{}:{}", self.user, self.password.expose_secret());
        Ok(Some((
            "authorization",
            format!("Basic {}", BASE64.encode(pair.as_bytes())),
        )))
    }
}

/// A bearer token shared by the fleet; remembers the version that it sent, so that only that one is renewed.
pub struct Bearer {
    key: TokenKey,
    tokens: Arc<dyn Tokens>,
    mint: Arc<dyn Mint>,
    sent: Mutex<Option<u64>>,
}

impl Bearer {
    /// Tokens under `key`, made by `mint` where there is none.
    pub fn new(key: TokenKey, tokens: Arc<dyn Tokens>, mint: Arc<dyn Mint>) -> Self {
        Self {
            key,
            tokens,
            mint,
            sent: Mutex::new(None),
        }
    }

    fn sent(&self) -> Option<u64> {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Authorise for Bearer {
    async fn header(&self, _method: &Method, _url: &Url) -> Result<Option<(&'static str, String)>, CallError> {
        let token = self.tokens.bearer(&self.key, self.mint.as_ref()).await?;
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.version);
        Ok(Some((
            "authorization",
            format!("Bearer {}", token.secret.expose_secret()),
        )))
    }

    async fn renew(&self) -> Result<bool, CallError> {
        let Some(failed) = self.sent() else { return Ok(false) };
        let token = self.tokens.renew(&self.key, failed, self.mint.as_ref()).await?;
        Ok(token.version != failed)
    }
}
