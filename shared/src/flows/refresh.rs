//! Renews tokens that are in use before they expire, so that no order waits for one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::count;
use crate::ports::{CallError, Clock, Later, Obstacle, StoreError, TokenInUse, TokenRefresh};

/// How long a run goes on: not until the next one begins, a minute later.
const PATIENCE: SignedDuration = SignedDuration::from_secs(50);

/// How many tokens of a vendor are renewed at the same time. Each is asked for under a lease, and what clients and addresses may ask
/// for is reserved in the table, so that more of them pass no limit.
const AT_ONCE: usize = 8;

/// The longest wait for one request: whoever must wait longer waits for the next run.
const MOMENT: Duration = Duration::from_millis(1500);

/// How often one token is tried in a run.
const TRIES: u8 = 5;

/// The ports that refreshing needs.
#[derive(Clone)]
pub struct Refresh {
    /// Tokens in use.
    pub tokens: Arc<dyn TokenRefresh>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What a refresh did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Tokens in use that end soon.
    pub ending: u64,
    /// Tokens that were renewed.
    pub renewed: u64,
    /// Why the others were not.
    pub failures: Vec<String>,
}

/// A token that is to be renewed, and what stands in the way.
type Waiting<'a> = (&'a TokenInUse, CallError);

/// A token, and what came of it.
type Tried<'a> = (&'a TokenInUse, Result<(), CallError>);

impl Refresh {
    /// Renews every token in use that ends soon; one that cannot be renewed does not stop the others, and those of a vendor that hangs,
    /// or takes them one after another, wait for each other only.
    ///
    /// # Errors
    /// When the tokens in use cannot be listed.
    pub async fn run(&self) -> Result<Report, StoreError> {
        let until = self.clock.now() + PATIENCE;
        let mut ending = self.tokens.ending_soon().await?;
        ending.sort_by_key(|token| token.expires_at);
        let mut vendors: BTreeMap<&str, Vec<&TokenInUse>> = BTreeMap::new();
        for token in &ending {
            vendors.entry(&token.key.system).or_default().push(token);
        }
        let mut report = Report {
            ending: count(ending.len()),
            ..Report::default()
        };
        let renewed = join_all(vendors.into_values().map(|own| self.vendor(own, until))).await;
        for (token, renewed) in renewed.into_iter().flatten() {
            report.note(token, renewed);
        }
        Ok(report)
    }

    /// Renews the tokens of one vendor: side by side, and then one after another those for which there was no window.
    async fn vendor<'a>(&self, tokens: Vec<&'a TokenInUse>, until: Timestamp) -> Vec<Tried<'a>> {
        let each = tokens
            .into_iter()
            .map(async |token| (token, self.renew(token, until).await));
        let tried: Vec<Tried<'a>> = stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
        let (mut done, mut waiting) = (Vec::with_capacity(tried.len()), Vec::new());
        for (token, renewed) in tried {
            match renewed {
                Err(error) if moment(&error).is_some() => waiting.push((token, error)),
                renewed => done.push((token, renewed)),
            }
        }
        done.extend(self.one_after_another(waiting, until).await);
        done
    }

    async fn renew(&self, token: &TokenInUse, until: Timestamp) -> Result<(), CallError> {
        if self.clock.now() >= until {
            let words = "no time was left in this run";
            return Err(CallError::Later(Later::new(Obstacle::Limited, words)));
        }
        self.tokens.refresh(token).await
    }

    /// Renews tokens that wait for the same vendor's windows. A moment's wait for the next one is cheaper here than an order's wait
    /// for its token.
    async fn one_after_another<'a>(&self, waiting: Vec<Waiting<'a>>, until: Timestamp) -> Vec<Tried<'a>> {
        let mut done = Vec::with_capacity(waiting.len());
        for (token, error) in waiting {
            let mut result = Err(error);
            for _ in 1..TRIES {
                let wait = result.as_ref().err().and_then(moment);
                let Some(wait) = wait.filter(|wait| self.clock.now() + *wait < until) else {
                    break;
                };
                tokio::time::sleep(wait).await;
                result = self.renew(token, until).await;
            }
            done.push((token, result));
        }
        done
    }
}

impl Report {
    fn note(&mut self, token: &TokenInUse, renewed: Result<(), CallError>) {
        let key = &token.key;
        match renewed {
            Ok(()) => self.renewed += 1,
            Err(error) => {
                tracing::error!(system = key.system, connection = %key.connection, %error, "a token in use was not renewed");
                self.failures
                    .push(format!("{} of connection {}: {error}", key.system, key.connection));
            }
        }
    }
}

/// How long until the vendor's next window, where that is a moment.
fn moment(error: &CallError) -> Option<Duration> {
    match error {
        CallError::Later(Later {
            obstacle: Obstacle::Limited,
            after: Some(after),
            ..
        }) if *after <= MOMENT => Some((*after).max(Duration::from_millis(50))),
        _ => None,
    }
}
