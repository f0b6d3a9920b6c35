//! Tokens shared by the whole fleet: cached in the process, sealed in the store, asked for by one worker at a time and
//! never more often than the ledger allows.

mod requests;
mod rules;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::ports::{
    CallError, Clock, Later, Mint, Minted, Nonces, Obstacle, RefreshLease, SealedToken, Sealer, StoreError, Token,
    TokenKey, TokenStore, Tokens,
};
use crate::telemetry;
use rules::Decision;

/// For how long a refresh is leased: longer than any token request.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// How often the use of a token is noted.
const MARK: SignedDuration = SignedDuration::from_mins(10);

/// How often a note of a request, that somebody else's came before, is tried.
const TRIES: u64 = 10;

/// The rests while somebody else asks for a token, in milliseconds: about as long as a token request takes. Whoever has a
/// queue to go back to comes again; a scan, or a person at the command line, would have to give up.
const RESTS: [u64; 4] = [50, 100, 200, 400];

/// When to come again while somebody else asks for a token: a request takes a second. If its worker died, the lease ends
/// after a few visits.
const TOKEN_IS_THERE_IN: SignedDuration = SignedDuration::from_secs(2);

/// When to come again, at the latest, once the requests for tokens that are refused are used up: a token that ends by itself
/// may be replaced earlier.
const USED_UP: SignedDuration = SignedDuration::from_mins(15);

/// [`Tokens`] over a [`TokenStore`].
pub struct SharedTokens {
    store: Arc<dyn TokenStore>,
    sealer: Arc<dyn Sealer>,
    clock: Arc<dyn Clock>,
    nonces: Arc<dyn Nonces>,
    cache: Mutex<HashMap<String, Cached>>,
    rests: &'static [u64],
}

#[derive(Clone)]
struct Cached {
    token: Token,
    client: String,
    marked_at: Timestamp,
}

impl SharedTokens {
    /// Tokens kept in `store`, sealed by `sealer`; nothing is cached yet.
    pub fn new(
        store: Arc<dyn TokenStore>,
        sealer: Arc<dyn Sealer>,
        clock: Arc<dyn Clock>,
        nonces: Arc<dyn Nonces>,
    ) -> Self {
        Self {
            store,
            sealer,
            clock,
            nonces,
            cache: Mutex::default(),
            rests: &RESTS,
        }
    }

    /// The same, but whoever needs a token that somebody else is asking for comes again at once instead of resting.
    #[must_use]
    pub fn without_rests(self) -> Self {
        Self { rests: &[], ..self }
    }
}

fn percent(made: usize, limit: u32) -> u64 {
    u64::try_from(made).unwrap_or(u64::MAX).saturating_mul(100) / u64::from(limit.max(1))
}

#[async_trait]
impl Tokens for SharedTokens {
    async fn bearer(&self, key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError> {
        let cached = match self.cached(key) {
            Some(cached) => cached,
            None => self.obtain(key, None, mint).await?,
        };
        self.mark(key, cached.marked_at).await;
        Ok(cached.token)
    }

    async fn renew(&self, key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        // Not noted as a use: the refresher renews too, and would keep alive what nobody uses.
        Ok(self.obtain(key, Some(failed), mint).await?.token)
    }
}

impl SharedTokens {
    /// The good token of the store, or a new one, or the one that somebody else is asking for.
    async fn obtain(&self, key: &TokenKey, failed: Option<u64>, mint: &dyn Mint) -> Result<Cached, CallError> {
        let mut rests = self.rests.iter().copied();
        loop {
            let (stored, now) = (self.store.read(key).await.map_err(our_store)?, self.clock.now());
            match rules::decide(stored.as_ref(), &key.client, failed, now) {
                Decision::Use(token, version) => {
                    let used_at = stored.as_ref().and_then(|stored| stored.used_at);
                    return self.open(key, token, version, used_at).await;
                }
                Decision::Mint(version) => {
                    if let Some(lease) = self.lease(key, version, now).await? {
                        return self.make(key, version, &lease, mint, failed.is_some()).await;
                    }
                }
                Decision::Wait => {}
            }
            match rests.next() {
                Some(rest) => tokio::time::sleep(Duration::from_millis(rest)).await,
                None => return Err(somebody_else()),
            }
        }
    }

    async fn lease(&self, key: &TokenKey, version: u64, now: Timestamp) -> Result<Option<RefreshLease>, CallError> {
        let lease = RefreshLease {
            owner: self.nonces.nonce(),
            until: now + LEASE,
        };
        let leased = self.store.lease(key, version, &lease, now).await.map_err(our_store)?;
        Ok(leased.then_some(lease))
    }

    /// Asks for a token under a lease, which is free again afterwards whatever came of it.
    async fn make(
        &self,
        key: &TokenKey,
        version: u64,
        lease: &RefreshLease,
        mint: &dyn Mint,
        forced: bool,
    ) -> Result<Cached, CallError> {
        match self.ask(key, mint, forced).await {
            Ok((minted, issued_at)) => self.keep(key, version + 1, lease, minted, issued_at).await,
            Err(error) => {
                if let Err(error) = self.store.free(key, &lease.owner).await {
                    tracing::warn!(system = key.system, %error, "a refresh lease could not be freed");
                }
                Err(error)
            }
        }
    }

    async fn ask(&self, key: &TokenKey, mint: &dyn Mint, forced: bool) -> Result<(Minted, Timestamp), CallError> {
        mint.ready().await?;
        if let Some(limit) = mint.daily_limit() {
            self.reserve(key, limit, forced).await?;
        }
        let asked_at = self.clock.now();
        Ok((mint.mint().await?, asked_at))
    }

    /// Notes a request before it is made. A note whose request is never made counts all the same.
    async fn reserve(&self, key: &TokenKey, limit: u32, forced: bool) -> Result<(), CallError> {
        let share = requests::share(limit, forced);
        for _ in 0..TRIES {
            let requests = self.store.requests(&key.system, &key.client).await.map_err(our_store)?;
            let now = self.clock.now();
            let reserved = requests::reserve(&requests, share, now).map_err(|exhausted| {
                tracing::warn!(
                    system = key.system,
                    share,
                    limit,
                    "the token requests of 24 hours are used up"
                );
                let left = exhausted.until.duration_since(now);
                used_up(share, if forced { left.min(USED_UP) } else { left })
            })?;
            if self
                .store
                .write_requests(&key.system, &key.client, &reserved)
                .await
                .map_err(our_store)?
            {
                let made = reserved.at.len();
                telemetry::percent_of(&key.system, "TokenBudgetUsed", percent(made, limit));
                if requests::is_nearly_exhausted(&reserved, limit) {
                    telemetry::count("TokenLedgerNearlyUsed", 1);
                    tracing::warn!(
                        system = key.system,
                        made,
                        limit,
                        "the token requests of 24 hours are running out"
                    );
                }
                return Ok(());
            }
        }
        Err(somebody_else())
    }

    /// Stores a new token, if the lease is still ours. If it is not, somebody has made another in the meantime, or our
    /// own was stored and only the answer was lost: either way the store knows the one to use.
    async fn keep(
        &self,
        key: &TokenKey,
        version: u64,
        lease: &RefreshLease,
        minted: Minted,
        issued_at: Timestamp,
    ) -> Result<Cached, CallError> {
        let sealed = self
            .sealer
            .seal(&key.owner(), &minted.secret)
            .await
            .map_err(our_store)?;
        let expires_at = issued_at.checked_add(minted.lives_for).unwrap_or(Timestamp::MAX);
        let token = SealedToken {
            sealed,
            client: key.client.clone(),
            issued_at,
            expires_at,
        };
        let mut saved = self.store.save(key, &lease.owner, version, &token).await;
        if saved.is_err() {
            saved = self.store.save(key, &lease.owner, version, &token).await;
        }
        if !saved.map_err(our_store)? {
            return self.reread(key).await;
        }
        tracing::info!(system = key.system, credential = key.credential, version, until = %expires_at, "a new token");
        let token = Token {
            secret: minted.secret,
            version,
            issued_at,
            expires_at,
        };
        Ok(self.remember(key, token, None))
    }

    async fn reread(&self, key: &TokenKey) -> Result<Cached, CallError> {
        let stored = self.store.read(key).await.map_err(our_store)?;
        match rules::decide(stored.as_ref(), &key.client, None, self.clock.now()) {
            Decision::Use(token, version) => self.open(key, token, version, None).await,
            _ => Err(somebody_else()),
        }
    }

    async fn open(
        &self,
        key: &TokenKey,
        stored: &SealedToken,
        version: u64,
        used_at: Option<Timestamp>,
    ) -> Result<Cached, CallError> {
        let secret = self
            .sealer
            .open(&key.owner(), &stored.sealed)
            .await
            .map_err(our_store)?;
        let (issued_at, expires_at) = (stored.issued_at, stored.expires_at);
        let token = Token {
            secret,
            version,
            issued_at,
            expires_at,
        };
        Ok(self.remember(key, token, used_at))
    }

    fn cached(&self, key: &TokenKey) -> Option<Cached> {
        let now = self.clock.now();
        let cached = self.cache().get(&key.owner()).cloned()?;
        let good = rules::is_good(cached.token.issued_at, cached.token.expires_at, now);
        (good && cached.client == key.client).then_some(cached)
    }

    /// Caches a token that the store has just given or taken.
    fn remember(&self, key: &TokenKey, token: Token, used_at: Option<Timestamp>) -> Cached {
        let marked_at = used_at.unwrap_or(Timestamp::MIN);
        let cached = Cached {
            token,
            client: key.client.clone(),
            marked_at,
        };
        self.cache().insert(key.owner(), cached.clone());
        cached
    }

    /// Notes a use, if none was noted lately. The note only tells the refresher what to renew: failing to make it must
    /// not fail a call.
    async fn mark(&self, key: &TokenKey, marked_at: Timestamp) {
        let now = self.clock.now();
        if marked_at != Timestamp::MIN && now.duration_since(marked_at) < MARK {
            return;
        }
        if let Err(error) = self.store.mark_used(key, now).await {
            tracing::warn!(system = key.system, %error, "the use of a token could not be noted");
        }
        if let Some(cached) = self.cache().get_mut(&key.owner()) {
            cached.marked_at = now;
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<String, Cached>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn our_store(error: StoreError) -> CallError {
    CallError::Later(Later::our_store(&error))
}

fn somebody_else() -> CallError {
    limited("somebody else is asking for a token".to_owned(), TOKEN_IS_THERE_IN)
}

fn used_up(share: u32, left: SignedDuration) -> CallError {
    CallError::Later(Later {
        reason: format!("all {share} token requests of the last 24 hours are used up"),
        after: Duration::try_from(left).ok(),
        // As good as a refused credential: nobody can do anything at this account before it passes.
        obstacle: Obstacle::Unauthorised,
    })
}

fn limited(reason: String, after: SignedDuration) -> CallError {
    let after = Duration::try_from(after).ok();
    CallError::Later(Later {
        reason,
        after,
        obstacle: Obstacle::Limited,
    })
}
