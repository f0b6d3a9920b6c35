//! Keeps carriers' promises to push news: asked for soon after shipping, again a day before each ends, and given up once the
//! parcel has arrived. Many parcels of a connection are asked for at once.
//!
//! A carrier keeps no history for its pushes, so that after every promise the parcel is asked for once. A promise that cannot be
//! had is tried again, and until then the carrier is asked at the connection's cadence, from that moment on.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::sweep::SHARDS;
use super::track::Track;
use crate::domain::{ConnectionId, Cover, ParcelKey, Refusal, TrackedParcel};
use crate::ports::{CallError, Covers, Opened, Push, StoreError, Subscribed};
use crate::telemetry;

/// The most of a shard that are asked for in one run.
const LIMIT: u16 = 400;

/// When a promise is asked for again that could not be had, in first waits of everything else.
const RETRY: i32 = 5;

/// When the carrier is asked again that refused one.
const REFUSED: SignedDuration = SignedDuration::from_hours(6);

/// When a connection is looked at again that is paused.
const IDLE: SignedDuration = SignedDuration::from_mins(15);

/// The ports that renewing needs.
#[derive(Clone)]
pub struct Renew {
    /// Parcels, connections, systems, the queue and the time.
    pub track: Track,
    /// Promises.
    pub covers: Arc<dyn Covers>,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Promises that were due.
    pub due: u64,
    /// Promises that were made.
    pub promised: u64,
    /// Parcels that the carrier refused.
    pub refused: u64,
    /// Promises that could not be had now.
    pub failed: u64,
    /// Parcels that need none any more.
    pub ended: u64,
}

/// A promise that is due, and its parcel.
struct Due {
    cover: Cover,
    parcel: TrackedParcel,
}

impl Renew {
    /// Asks for every promise that is due, until it is done or `deadline` is near.
    ///
    /// # Errors
    /// When the store fails; what was not done is due still.
    pub async fn run(&self, deadline: Timestamp) -> Result<Report, StoreError> {
        let (mut report, mut failed) = (Report::default(), None);
        for (connection, keys) in self.due_by_connection().await? {
            if self.track.clock.now() >= deadline {
                break;
            }
            report.due += count(keys.len());
            if let Err(error) = self.renew(&connection, &keys, deadline, &mut report).await {
                tracing::error!(%connection, %error, "promises of the connection were not all asked for");
                failed = Some(error);
            }
        }
        failed.map_or(Ok(report), Err)
    }

    async fn due_by_connection(&self) -> Result<BTreeMap<ConnectionId, Vec<ParcelKey>>, StoreError> {
        let mut due: BTreeMap<ConnectionId, Vec<ParcelKey>> = BTreeMap::new();
        for shard in 0..SHARDS {
            for key in self.covers.due_covers(shard, self.track.clock.now(), LIMIT).await? {
                due.entry(key.connection.clone()).or_default().push(key);
            }
        }
        Ok(due)
    }

    async fn renew(
        &self,
        id: &ConnectionId,
        keys: &[ParcelKey],
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let due = self.needed(keys, report).await?;
        if due.is_empty() {
            return Ok(());
        }
        let Some(gate) = self.track.connections.gate(id).await? else {
            return self.stop(due, "the connection was removed", report).await;
        };
        let connection = gate.connection;
        if connection.paused {
            return self.leave_alone(due).await;
        }
        match self.track.systems.open(&connection).await {
            Ok(systems) => {
                let done = self.ask(&systems, due, deadline, report).await;
                systems.close().await;
                done
            }
            Err(error) => self.fail(due, &error.to_string(), report).await,
        }
    }

    /// The promises that are due and still needed: parcels that have arrived need none.
    async fn needed(&self, keys: &[ParcelKey], report: &mut Report) -> Result<Vec<Due>, StoreError> {
        let now = self.track.clock.now();
        let parcels = self.track.parcels.parcels(keys).await?;
        let mut parcels: BTreeMap<ParcelKey, TrackedParcel> =
            parcels.into_iter().map(|parcel| (parcel.key.clone(), parcel)).collect();
        let mut needed = Vec::new();
        for cover in self.covers.covers(keys).await? {
            match parcels.remove(&cover.key).filter(needs_news) {
                Some(parcel) if cover.renew_at <= now => needed.push(Due { cover, parcel }),
                Some(_) => {}
                None => {
                    self.covers.end_cover(&cover.key).await?;
                    report.ended += 1;
                }
            }
        }
        Ok(needed)
    }

    async fn ask(
        &self,
        systems: &Opened,
        due: Vec<Due>,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let push = match systems.carrier.push() {
            Ok(push) => push,
            Err(why) => return self.stop(due, &why, report).await,
        };
        let mut left = due.into_iter();
        loop {
            let batch: Vec<Due> = left.by_ref().take(push.batch.max(1)).collect();
            if batch.is_empty() || self.track.clock.now() >= deadline {
                return Ok(());
            }
            let numbers: Vec<String> = batch.iter().map(|one| one.cover.key.number.clone()).collect();
            let asked_at = self.track.clock.now();
            match systems.carrier.subscribe(&numbers).await {
                Ok(subscribed) => self.settle(batch, &push, asked_at, subscribed, report).await?,
                Err(CallError::Later(later)) => {
                    // The others would meet the same: they are not sent into it.
                    let all = batch.into_iter().chain(left).collect();
                    return self.fail(all, &later.to_string(), report).await;
                }
                Err(CallError::Refused(refusal)) => self.fail(batch, &refusal.to_string(), report).await?,
            }
        }
    }

    async fn settle(
        &self,
        batch: Vec<Due>,
        push: &Push,
        asked_at: Timestamp,
        subscribed: Subscribed,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let refused: BTreeMap<String, Refusal> = subscribed.refused.into_iter().collect();
        let mut unanswered = Vec::new();
        for due in batch {
            let number = &due.cover.key.number;
            if let Some(refusal) = refused.get(number) {
                report.refused += 1;
                telemetry::count("PushesRefused", 1);
                self.refused(due, refusal).await?;
            } else if subscribed.promised.contains(number) {
                report.promised += 1;
                telemetry::count("PushesPromised", 1);
                self.promised(due, push, asked_at).await?;
            } else {
                unanswered.push(due);
            }
        }
        if unanswered.is_empty() {
            return Ok(());
        }
        self.fail(unanswered, "the carrier's answer does not speak of them", report)
            .await
    }

    /// News are pushed from now on. What happened before is asked for: at once, because nobody keeps it.
    async fn promised(&self, due: Due, push: &Push, asked_at: Timestamp) -> Result<(), StoreError> {
        let until = asked_at + push.lasts;
        tracing::info!(job = %due.parcel.job, parcel = %due.cover.key, %until, "news of the parcel are pushed");
        let cover = Cover {
            version: due.cover.version + 1,
            until: Some(until),
            renew_at: until - push.renew_before,
            failures: 0,
            refused: None,
            ..due.cover
        };
        let covered = |parcel: &TrackedParcel| TrackedParcel {
            pushed_until: Some(until),
            ..parcel.clone()
        };
        self.ask_at_once(due.parcel, covered).await?;
        // Lost here, the promise is asked for again, which prolongs it.
        self.covers.write_cover(&cover).await.map(|_| ())
    }

    /// The carrier is asked instead, at the connection's cadence.
    async fn refused(&self, due: Due, refusal: &Refusal) -> Result<(), StoreError> {
        tracing::warn!(parcel = %due.cover.key, error = %refusal, "the carrier does not push news of the parcel: it is asked instead");
        let cover = Cover {
            version: due.cover.version + 1,
            renew_at: self.track.clock.now() + REFUSED,
            failures: due.cover.failures.saturating_add(1),
            refused: Some(refusal.to_string()),
            ..due.cover
        };
        self.ask_at_once(due.parcel, uncovered).await?;
        self.covers.write_cover(&cover).await.map(|_| ())
    }

    /// The promises are asked for again soon; until one is had, the carrier is asked for the parcels, from now on.
    async fn fail(&self, batch: Vec<Due>, why: &str, report: &mut Report) -> Result<(), StoreError> {
        telemetry::count("RenewalsFailed", count(batch.len()));
        tracing::error!(
            parcels = batch.len(),
            reason = why,
            "news of these parcels cannot be had pushed: they are asked for instead"
        );
        for due in batch {
            report.failed += 1;
            let times = 2_i32.saturating_pow(due.cover.failures.min(4));
            let cover = Cover {
                version: due.cover.version + 1,
                renew_at: self.track.clock.now() + self.track.timing.retry * RETRY * times,
                failures: due.cover.failures.saturating_add(1),
                ..due.cover
            };
            if due.cover.failures == 0 {
                self.ask_at_once(due.parcel, uncovered).await?;
            }
            self.covers.write_cover(&cover).await?;
        }
        Ok(())
    }

    /// The connection wants no pushes (any more).
    async fn stop(&self, due: Vec<Due>, why: &str, report: &mut Report) -> Result<(), StoreError> {
        tracing::info!(
            reason = why,
            parcels = due.len(),
            "nothing is pushed: the carrier is asked instead"
        );
        for Due { cover, parcel } in due {
            self.ask_at_once(parcel, uncovered).await?;
            self.covers.end_cover(&cover.key).await?;
            report.ended += 1;
        }
        Ok(())
    }

    async fn leave_alone(&self, due: Vec<Due>) -> Result<(), StoreError> {
        for Due { cover, .. } in due {
            let later = Cover {
                version: cover.version + 1,
                renew_at: self.track.clock.now() + IDLE,
                ..cover
            };
            self.covers.write_cover(&later).await?;
        }
        Ok(())
    }

    async fn ask_at_once(
        &self,
        parcel: TrackedParcel,
        change: impl Fn(&TrackedParcel) -> TrackedParcel + Send + Sync,
    ) -> Result<(), StoreError> {
        self.track.ask_now(parcel, change).await
    }
}

/// Whether news of a parcel are still wanted.
fn needs_news(parcel: &TrackedParcel) -> bool {
    parcel.is_followed() && !parcel.milestone().is_some_and(crate::domain::Milestone::is_final)
}

fn uncovered(parcel: &TrackedParcel) -> TrackedParcel {
    TrackedParcel {
        pushed_until: None,
        ..parcel.clone()
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
