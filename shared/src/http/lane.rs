//! An account's limits, shared by all workers: leased concurrency slots and a pause that everybody keeps after a 429.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Answer;
use crate::ports::{Later, Limits, Obstacle, Slot};

/// The way into one account.
#[derive(Clone)]
pub struct Lane {
    /// The shared state.
    pub limits: Arc<dyn Limits>,
    /// The account (`netsuite:1234567_SB1`).
    pub account: String,
    /// How many calls may be under way at once; `None` where the vendor names no figure.
    pub slots: Option<u16>,
    /// For how long a slot is leased: longer than any call.
    pub lease: Duration,
    /// For how long everybody pauses after a 429 that gives no hint.
    pub pause: Duration,
}

impl Lane {
    /// Enters, unless the account is paused or full.
    pub async fn enter(&self, now: Timestamp) -> Result<Option<Slot>, Later> {
        let paused = self
            .limits
            .paused(&self.account)
            .await
            .map_err(|error| unreachable(&error.to_string()))?;
        if let Some(until) = paused.filter(|until| *until > now) {
            let after = Duration::try_from(until.duration_since(now)).ok();
            return Err(Later {
                reason: "the account is paused after a 429".to_owned(),
                after,
                obstacle: Obstacle::Limited,
            });
        }
        match self.slots {
            None => Ok(None),
            Some(cap) => self.lease_slot(cap).await.map(Some),
        }
    }

    /// Leaves. A slot that cannot be freed frees itself when its lease ends.
    pub async fn leave(&self, slot: Option<Slot>) {
        let Some(slot) = slot else { return };
        if let Err(error) = self.limits.free_slot(slot).await {
            tracing::warn!(account = self.account, %error, "a slot could not be freed");
        }
    }

    async fn lease_slot(&self, cap: u16) -> Result<Slot, Later> {
        let slot = self.limits.lease_slot(&self.account, cap, self.lease).await;
        let slot = slot.map_err(|error| unreachable(&error.to_string()))?;
        slot.ok_or_else(|| Later::new(Obstacle::Limited, format!("all {cap} slots of the account are taken")))
    }

    /// Pauses everybody after a 429.
    pub async fn heed(&self, answer: &Answer, now: Timestamp) {
        if answer.status != 429 {
            return;
        }
        let pause =
            SignedDuration::try_from(answer.retry_after().unwrap_or(self.pause)).unwrap_or(SignedDuration::ZERO);
        if let Err(error) = self.limits.pause(&self.account, now + pause).await {
            tracing::warn!(account = self.account, %error, "a pause could not be shared");
        }
    }
}

fn unreachable(reason: &str) -> Later {
    Later::new(Obstacle::Unreachable, reason.to_owned())
}
