//! The public keys by which ShipStation signs its webhooks, as it publishes them (a set of JWK): read once, and again when a
//! request names one that is not known, at most once a minute, so that nobody can make us ask by inventing names.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use url::Url;

use super::convert;
use crate::http::{self, Client};
use crate::ports::{CallError, Clock, Later, Obstacle, SigningKey, SigningKeys};

/// Where the keys are published.
const PUBLISHED: &str = "https://api.shipengine.com/jwks";

/// How long a vendor waits for our answer is not known: it should not wait for this one.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How soon keys may be asked for again.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// How long keys are believed without a look: one that was taken back is not good for ever.
const BELIEVED: SignedDuration = SignedDuration::from_hours(6);

/// The published keys, kept by the process.
pub struct PublishedKeys {
    client: Client,
    clock: Arc<dyn Clock>,
    url: Option<Url>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, SigningKey>,
    /// When they were read.
    read: Option<Timestamp>,
    /// When they were last asked for, whatever came of it.
    asked: Option<Timestamp>,
}

impl Known {
    fn is_believed(&self, now: Timestamp) -> bool {
        self.read.is_some_and(|read| now.duration_since(read) < BELIEVED)
    }

    fn may_ask(&self, now: Timestamp) -> bool {
        self.asked.is_none_or(|asked| now.duration_since(asked) >= AGAIN)
    }
}

impl PublishedKeys {
    /// The keys at the vendor's address, or, on a machine of one's own, at a simulator's.
    pub fn new(client: Client, clock: Arc<dyn Clock>, elsewhere: Option<Url>) -> Self {
        Self {
            client,
            clock,
            url: elsewhere.or_else(|| Url::parse(PUBLISHED).ok()),
            known: Mutex::default(),
        }
    }

    async fn ask(&self) -> Result<HashMap<String, SigningKey>, Later> {
        let unreadable = |why: String| Later::new(Obstacle::Unreachable, why);
        let url = self.url.as_ref();
        let url = url.ok_or_else(|| unreadable("there is no address of the keys".to_owned()))?;
        let answer = http::document(&self.client, url, TIMEOUT).await;
        let answer = answer.map_err(|lost| unreadable(format!("ShipStation's signing keys: {lost}")))?;
        let keys = (answer.status == 200)
            .then(|| convert::signing_keys(&answer.body))
            .flatten();
        keys.ok_or_else(|| {
            unreadable(format!(
                "ShipStation's signing keys cannot be read: status {}",
                answer.status
            ))
        })
    }
}

#[async_trait]
impl SigningKeys for PublishedKeys {
    async fn signing_key(&self, system: &str, id: &str) -> Result<Option<SigningKey>, CallError> {
        if system != "shipstation" {
            return Ok(None);
        }
        let now = self.clock.now();
        // Whoever comes meanwhile waits for the same answer.
        let mut known = self.known.lock().await;
        let key = known.keys.get(id).cloned();
        if key.is_some() && known.is_believed(now) {
            return Ok(key);
        }
        if !known.may_ask(now) {
            return match key {
                Some(key) => Ok(Some(key)),
                None => Err(CallError::Later(Later::new(
                    Obstacle::Limited,
                    "the signing key is not known, and the keys were asked for within the last minute",
                ))),
            };
        }
        known.asked = Some(now);
        match self.ask().await {
            Ok(keys) => {
                known.keys = keys;
                known.read = Some(now);
                Ok(known.keys.get(id).cloned())
            }
            // What was good a while ago is better than to lose what is pushed.
            Err(later) => key.map(Some).ok_or(CallError::Later(later)),
        }
    }
}
