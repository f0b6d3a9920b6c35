//! Tokens in memory: one lease at a time, versions, and the ledger of requests by compare-and-set.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Memory;
use crate::domain::Nonce;
use crate::ports::{
    RefreshLease, SealedToken, StoreError, StoredToken, TokenInUse, TokenKey, TokenRequests, TokenStore, TokensInUse,
};

/// What is kept of a token.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// Whose it is, with the connection that used it last.
    pub key: TokenKey,
    /// How far it has come.
    pub stored: StoredToken,
}

impl TokenRow {
    fn new(key: &TokenKey) -> Self {
        let stored = StoredToken {
            version: 0,
            token: None,
            lease: None,
            used_at: None,
        };
        Self {
            key: key.clone(),
            stored,
        }
    }

    fn is_leased_by(&self, owner: &Nonce) -> bool {
        self.stored.lease.as_ref().is_some_and(|lease| lease.owner == *owner)
    }

    fn in_use(&self, since: Timestamp) -> Option<TokenInUse> {
        let used_at = self.stored.used_at.filter(|at| *at >= since)?;
        let token = self.stored.token.as_ref()?;
        Some(TokenInUse {
            key: self.key.clone(),
            version: self.stored.version,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            used_at,
        })
    }
}

#[async_trait]
impl TokenStore for Memory {
    async fn read(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        Ok(self.tables().tokens.get(&key.owner()).map(|row| row.stored.clone()))
    }

    async fn lease(
        &self,
        key: &TokenKey,
        version: u64,
        lease: &RefreshLease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let row = tables.tokens.entry(key.owner()).or_insert_with(|| TokenRow::new(key));
        let taken = row.stored.lease.as_ref();
        let free = taken.is_none_or(|held| held.until <= now || held.owner == lease.owner);
        let fits = free && row.stored.version == version;
        if fits {
            row.stored.lease = Some(lease.clone());
            row.key = key.clone();
        }
        Ok(fits)
    }

    async fn save(&self, key: &TokenKey, owner: &Nonce, version: u64, token: &SealedToken) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let Some(row) = tables
            .tokens
            .get_mut(&key.owner())
            .filter(|row| row.is_leased_by(owner))
        else {
            return Ok(false);
        };
        row.stored.version = version;
        row.stored.token = Some(token.clone());
        row.stored.lease = None;
        Ok(true)
    }

    async fn free(&self, key: &TokenKey, owner: &Nonce) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if let Some(row) = tables
            .tokens
            .get_mut(&key.owner())
            .filter(|row| row.is_leased_by(owner))
        {
            row.stored.lease = None;
        }
        Ok(())
    }

    async fn mark_used(&self, key: &TokenKey, at: Timestamp) -> Result<(), StoreError> {
        if let Some(row) = self.tables().tokens.get_mut(&key.owner()) {
            row.stored.used_at = Some(at);
            row.key = key.clone();
        }
        Ok(())
    }

    async fn requests(&self, system: &str, client: &str) -> Result<TokenRequests, StoreError> {
        let key = (system.to_owned(), client.to_owned());
        Ok(self.tables().token_requests.get(&key).cloned().unwrap_or_default())
    }

    async fn write_requests(&self, system: &str, client: &str, requests: &TokenRequests) -> Result<bool, StoreError> {
        let key = (system.to_owned(), client.to_owned());
        let mut tables = self.tables();
        let fits = tables.token_requests.get(&key).map_or(0, |current| current.version) + 1 == requests.version;
        if fits {
            tables.token_requests.insert(key, requests.clone());
        }
        Ok(fits)
    }
}

#[async_trait]
impl TokensInUse for Memory {
    async fn in_use(&self, since: Timestamp) -> Result<Vec<TokenInUse>, StoreError> {
        let tables = self.tables();
        Ok(tables.tokens.values().filter_map(|row| row.in_use(since)).collect())
    }
}
