//! What only those may read who own it: secrets by name, and seals that are tickets for what lies here.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use secrecy::SecretString;

use super::lock;
use crate::ports::{Sealer, Secrets, StoreError};

/// Secrets and sealed texts.
#[derive(Debug, Default)]
pub struct Vault {
    secrets: Mutex<BTreeMap<String, SecretString>>,
    sealed: Mutex<Vec<(String, SecretString)>>,
    readings: Mutex<u64>,
}

impl Vault {
    /// How often a secret was read.
    pub fn readings(&self) -> u64 {
        *lock(&self.readings)
    }
}

#[async_trait]
impl Secrets for Vault {
    async fn read(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        *lock(&self.readings) += 1;
        Ok(lock(&self.secrets).get(name).cloned())
    }

    async fn write(&self, name: &str, body: &SecretString) -> Result<(), StoreError> {
        lock(&self.secrets).insert(name.to_owned(), body.clone());
        Ok(())
    }
}

#[async_trait]
impl Sealer for Vault {
    async fn seal(&self, owner: &str, plain: &SecretString) -> Result<String, StoreError> {
        let mut sealed = lock(&self.sealed);
        sealed.push((owner.to_owned(), plain.clone()));
        Ok(format!("sealed {}", sealed.len()))
    }

    async fn open(&self, owner: &str, seal: &str) -> Result<SecretString, StoreError> {
        let number: Option<usize> = seal.strip_prefix("sealed ").and_then(|number| number.parse().ok());
        let sealed = lock(&self.sealed);
        let found = number.and_then(|number| sealed.get(number.checked_sub(1)?));
        let own = found.filter(|(sealed_for, _)| sealed_for == owner);
        own.map(|(_, plain)| plain.clone())
            .ok_or_else(|| StoreError("the seal is not this owner's".to_owned()))
    }
}
