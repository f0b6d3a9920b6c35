//! Secrets, kept in the process for no longer than five minutes: a rotation is noticed soon, and orders do not pay for a
//! reading each. Whoever asks while somebody else is asking for the same waits for that answer, so that a batch that meets a
//! connection for the first time reads its secrets once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::ports::{CallError, Clock, Mint, Obstacle, Secrets, StoreError, Token, TokenKey, Tokens};

const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// A question that is under way, for everybody who waits for its answer.
type Asked = Shared<BoxFuture<'static, Result<Option<SecretString>, StoreError>>>;

/// What a process knows of secrets.
#[derive(Default)]
struct Known {
    /// What was read, with when it was asked for.
    read: HashMap<String, (SecretString, Timestamp)>,
    /// What is being read, each question with its number.
    asked: HashMap<String, (u64, Asked)>,
    /// How many questions there were.
    questions: u64,
}

/// Secrets with a short memory. That there is no such secret is never remembered.
pub(super) struct CachedSecrets {
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Known>>,
}

impl CachedSecrets {
    pub(super) fn new(secrets: Arc<dyn Secrets>, clock: Arc<dyn Clock>) -> Self {
        Self {
            secrets,
            clock,
            known: Arc::default(),
        }
    }

    /// The same secrets, of which none is remembered yet.
    pub(super) fn forgetful(&self) -> Self {
        Self::new(self.secrets.clone(), self.clock.clone())
    }

    /// Reads it again when it is needed next.
    fn forget(&self, name: &str) {
        let mut known = lock(&self.known);
        known.read.remove(name);
        known.asked.remove(name);
    }

    /// What is known of it, or the question for it: the one that is under way, or a new one.
    fn kept_or_asked(&self, name: &str) -> Result<SecretString, Asked> {
        let (now, mut known) = (self.clock.now(), lock(&self.known));
        if let Some((secret, at)) = known.read.get(name)
            && now.duration_since(*at) < KEPT
        {
            return Ok(secret.clone());
        }
        if let Some((_, asked)) = known.asked.get(name) {
            return Err(asked.clone());
        }
        known.questions += 1;
        let number = known.questions;
        let asked = self.question(number, name.to_owned(), now).boxed().shared();
        known.asked.insert(name.to_owned(), (number, asked.clone()));
        Err(asked)
    }

    fn question(
        &self,
        number: u64,
        name: String,
        at: Timestamp,
    ) -> impl Future<Output = Result<Option<SecretString>, StoreError>> + use<> {
        let (secrets, known) = (self.secrets.clone(), self.known.clone());
        async move {
            let answer = secrets.read(&name).await;
            let mut known = lock(&known);
            // Whoever has forgotten or written it meanwhile knows better than this answer does.
            if known.asked.get(&name).is_some_and(|(asked, _)| *asked == number) {
                known.asked.remove(&name);
                if let Ok(Some(secret)) = &answer {
                    known.read.insert(name, (secret.clone(), at));
                }
            }
            answer
        }
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Secrets for CachedSecrets {
    async fn read(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        match self.kept_or_asked(name) {
            Ok(secret) => Ok(Some(secret)),
            Err(asked) => asked.await,
        }
    }

    async fn write(&self, name: &str, body: &SecretString) -> Result<(), StoreError> {
        self.secrets.write(name, body).await?;
        let now = self.clock.now();
        self.forget(name);
        lock(&self.known).read.insert(name.to_owned(), (body.clone(), now));
        Ok(())
    }
}

/// Tokens that are made from secrets that are remembered: a credential that a vendor refuses is read again before it is tried again,
/// for it may have been rotated.
pub(super) struct FromSecrets {
    /// The tokens.
    pub(super) tokens: Arc<dyn Tokens>,
    /// What they are made from.
    pub(super) secrets: Arc<CachedSecrets>,
}

impl FromSecrets {
    fn heed(&self, key: &TokenKey, token: Result<Token, CallError>) -> Result<Token, CallError> {
        let refused = match &token {
            Ok(_) => false,
            Err(CallError::Refused(_)) => true,
            Err(CallError::Later(later)) => later.obstacle == Obstacle::Unauthorised,
        };
        if refused {
            // Some name the host beside the secret, for which the token is.
            let (secret, _) = key.credential.split_once('@').unwrap_or((&key.credential, ""));
            self.secrets.forget(secret);
            self.secrets.forget(&key.credential);
        }
        token
    }
}

#[async_trait]
impl Tokens for FromSecrets {
    async fn bearer(&self, key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError> {
        let token = self.tokens.bearer(key, mint).await;
        self.heed(key, token)
    }

    async fn renew(&self, key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        let token = self.tokens.renew(key, failed, mint).await;
        self.heed(key, token)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::memory::{TurnedClock, Vault};

    /// Secrets that take a while, and count how often they are asked for.
    #[derive(Default)]
    struct Slow {
        vault: Vault,
        asked: AtomicU32,
        fails: AtomicU32,
    }

    #[async_trait]
    impl Secrets for Slow {
        async fn read(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = self.vault.read(name).await;
            tokio::task::yield_now().await;
            match self.fails.load(Ordering::Relaxed) {
                0 => answer,
                _ => Err(StoreError("throttled".to_owned())),
            }
        }

        async fn write(&self, name: &str, body: &SecretString) -> Result<(), StoreError> {
            self.vault.write(name, body).await
        }
    }

    async fn known(names: &[&str]) -> (Arc<Slow>, CachedSecrets, TurnedClock) {
        let clock = TurnedClock::at(Timestamp::UNIX_EPOCH);
        let slow = Arc::new(Slow::default());
        for name in names {
            slow.write(name, &format!("first of {name}").into()).await.unwrap();
        }
        let secrets = CachedSecrets::new(slow.clone(), Arc::new(clock.clone()));
        (slow, secrets, clock)
    }

    async fn says(secrets: &CachedSecrets, name: &str) -> String {
        let body = secrets.read(name).await.unwrap().unwrap();
        body.expose_secret().to_owned()
    }

    fn asked(slow: &Slow) -> u32 {
        slow.asked.swap(0, Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_batch_reads_each_secret_once_and_the_next_one_none() {
        let (slow, secrets, clock) = known(&["erp", "ups"]).await;
        let batch = || join_all((0..20).map(|number| says(&secrets, if number % 2 == 0 { "erp" } else { "ups" })));
        let all = batch().await;
        assert!(all.iter().step_by(2).all(|body| body == "first of erp"), "{all:?}");
        assert_eq!(asked(&slow), 2);
        clock.turn(KEPT - SignedDuration::from_secs(1));
        batch().await;
        assert_eq!(asked(&slow), 0);
        clock.turn(SignedDuration::from_secs(1));
        batch().await;
        assert_eq!(asked(&slow), 2);
    }

    #[tokio::test]
    async fn what_is_missing_or_cannot_be_read_is_asked_for_again() {
        let (slow, secrets, _) = known(&["ups"]).await;
        for _ in 0..2 {
            assert!(secrets.read("none").await.unwrap().is_none());
        }
        assert_eq!(asked(&slow), 2);
        slow.fails.store(1, Ordering::Relaxed);
        let failed = join_all((0..3).map(|_| secrets.read("ups"))).await;
        assert!(failed.iter().all(Result::is_err) && asked(&slow) > 0);
        slow.fails.store(0, Ordering::Relaxed);
        assert_eq!(
            (says(&secrets, "ups").await.as_str(), asked(&slow)),
            ("first of ups", 1)
        );
    }

    /// An answer that was on its way while the secret was written is older than what was written.
    #[tokio::test]
    async fn what_was_written_meanwhile_is_what_stands() {
        let (_, secrets, _) = known(&["ups"]).await;
        let writes = async { secrets.write("ups", &"second".to_owned().into()).await.unwrap() };
        let (first, ()) = futures::join!(says(&secrets, "ups"), writes);
        assert_eq!(
            (first.as_str(), says(&secrets, "ups").await.as_str()),
            ("first of ups", "second")
        );
    }
}
