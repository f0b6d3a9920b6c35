//! Secrets, kept in the process for no longer than five minutes: a rotation is noticed soon, and orders do not pay for a
//! reading each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::ports::{Clock, Secrets, StoreError};

const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// Secrets with a short memory. That there is no such secret is never remembered.
pub(super) struct CachedSecrets {
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    read: Mutex<HashMap<String, (SecretString, Timestamp)>>,
}

impl CachedSecrets {
    pub(super) fn new(secrets: Arc<dyn Secrets>, clock: Arc<dyn Clock>) -> Self {
        Self {
            secrets,
            clock,
            read: Mutex::default(),
        }
    }

    /// The same secrets, of which none is remembered yet.
    pub(super) fn forgetful(&self) -> Self {
        Self::new(self.secrets.clone(), self.clock.clone())
    }

    fn kept(&self, name: &str) -> Option<SecretString> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let (secret, at) = read.get(name)?;
        (self.clock.now().duration_since(*at) < KEPT).then(|| secret.clone())
    }

    fn keep(&self, name: &str, secret: &SecretString) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(name.to_owned(), (secret.clone(), self.clock.now()));
    }
}

#[async_trait]
impl Secrets for CachedSecrets {
    async fn read(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        if let Some(secret) = self.kept(name) {
            return Ok(Some(secret));
        }
        let secret = self.secrets.read(name).await?;
        if let Some(secret) = &secret {
            self.keep(name, secret);
        }
        Ok(secret)
    }

    async fn write(&self, name: &str, body: &SecretString) -> Result<(), StoreError> {
        self.secrets.write(name, body).await?;
        self.keep(name, body);
        Ok(())
    }
}
