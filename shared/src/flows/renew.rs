//! Keeps carriers' promises to push news: asked for soon after shipping, again a day before each ends, and given up once the
//! parcel has arrived. Many parcels of a connection are asked for at once.
//!
//! A carrier keeps no history for its pushes, so that after every promise the parcel is asked for once. A promise that cannot be
//! had is tried again, and until then the carrier is asked at the connection's cadence, from that moment on.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::count;
use super::sweep::SHARDS;
use super::track::Track;
use super::track_poll::turned;
use crate::domain::{ConnectionId, Cover, ParcelKey, Refusal, TrackedParcel};
use crate::ports::{CallError, Covers, Opened, Push, StoreError, Subscribed};
use crate::telemetry;

/// The most of a shard that are asked for in one run.
const LIMIT: u16 = 400;

/// How many parcels of a connection are in hand at a time: what one request to a carrier names.
const IN_HAND: usize = 100;

/// How many connections are dealt with at the same time.
const CONNECTIONS_AT_ONCE: usize = 8;

/// How many parcels of a connection are written at the same time.
const AT_ONCE: usize = 8;

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

impl Report {
    fn and(self, other: Self) -> Self {
        Self {
            due: self.due + other.due,
            promised: self.promised + other.promised,
            refused: self.refused + other.refused,
            failed: self.failed + other.failed,
            ended: self.ended + other.ended,
        }
    }
}

/// How promises of a connection are had now.
enum Means {
    /// The carrier is asked.
    Ask(Opened, Push),
    /// The connection wants none (any more), for a reason.
    Stop(String),
    /// The connection is paused.
    LeaveAlone,
    /// Not now, for a reason.
    Fail(String),
}

/// A promise that is due, and its parcel.
struct Due {
    cover: Cover,
    parcel: TrackedParcel,
}

impl Renew {
    /// Asks for every promise that is due, for some connections side by side, until it is done or `deadline` is near.
    ///
    /// # Errors
    /// When the store fails; what was not done is due still.
    pub async fn run(&self, deadline: Timestamp) -> Result<Report, StoreError> {
        let due = self.due_by_connection().await?;
        let each = due.into_iter().map(|(id, keys)| self.connection(id, keys, deadline));
        let done: Vec<_> = stream::iter(each).buffer_unordered(CONNECTIONS_AT_ONCE).collect().await;
        let (mut report, mut failed) = (Report::default(), None);
        for (renewed, error) in done {
            report = report.and(renewed);
            failed = error.or(failed);
        }
        failed.map_or(Ok(report), Err)
    }

    /// What is due, the connections in another order each minute: whoever comes last when time is short comes first another time.
    async fn due_by_connection(&self) -> Result<Vec<(ConnectionId, Vec<ParcelKey>)>, StoreError> {
        let now = self.track.clock.now();
        let mut due: BTreeMap<ConnectionId, Vec<ParcelKey>> = BTreeMap::new();
        for keys in join_all((0..SHARDS).map(|shard| self.covers.due_covers(shard, now, LIMIT))).await {
            for key in keys? {
                due.entry(key.connection.clone()).or_default().push(key);
            }
        }
        let turn = usize::try_from(now.as_second() / 60).unwrap_or_default();
        Ok(turned(due.into_iter().collect(), turn))
    }

    /// What came of a connection's promises, and what kept any of them from being asked for.
    async fn connection(
        &self,
        id: ConnectionId,
        keys: Vec<ParcelKey>,
        deadline: Timestamp,
    ) -> (Report, Option<StoreError>) {
        let mut report = Report::default();
        let failed = self.renew(&id, &keys, deadline, &mut report).await.err();
        if let Some(error) = &failed {
            tracing::error!(connection = %id, %error, "promises of the connection were not all asked for");
        }
        (report, failed)
    }

    async fn renew(
        &self,
        id: &ConnectionId,
        keys: &[ParcelKey],
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let mut means = None;
        let mut done = Ok(());
        for some in keys.chunks(IN_HAND) {
            if self.track.clock.now() >= deadline {
                break;
            }
            report.due += count(some.len());
            if self.renew_some(id, some, &mut means, deadline, report).await.is_err() {
                done = done.and(self.renew_each(id, some, &mut means, deadline, report).await);
            }
        }
        if let Some(Means::Ask(systems, _)) = &means {
            systems.close().await;
        }
        done
    }

    /// One by one, where not all of them could be dealt with together: a parcel that cannot be read keeps no other from its promise.
    async fn renew_each(
        &self,
        id: &ConnectionId,
        keys: &[ParcelKey],
        means: &mut Option<Means>,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let mut done = Ok(());
        for key in keys {
            if self.track.clock.now() >= deadline {
                break;
            }
            let one = std::slice::from_ref(key);
            done = done.and(self.renew_some(id, one, means, deadline, report).await);
        }
        done
    }

    /// The systems are opened once something needs them.
    async fn renew_some(
        &self,
        id: &ConnectionId,
        keys: &[ParcelKey],
        means: &mut Option<Means>,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let due = self.needed(keys, report).await?;
        if due.is_empty() {
            return Ok(());
        }
        let known = match means {
            Some(known) => known,
            None => means.insert(self.means(id).await?),
        };
        let (systems, push) = match known {
            Means::Ask(systems, push) => (systems, push),
            Means::Stop(why) => return self.stop(due, why, report).await,
            Means::LeaveAlone => return self.leave_alone(due).await,
            Means::Fail(why) => return self.fail(due, why, report).await,
        };
        if let Some(why) = self.ask(systems, push, due, deadline, report).await? {
            systems.close().await;
            *known = Means::Fail(why);
        }
        Ok(())
    }

    async fn means(&self, id: &ConnectionId) -> Result<Means, StoreError> {
        let Some(gate) = self.track.connections.gate(id).await? else {
            return Ok(Means::Stop("the connection was removed".to_owned()));
        };
        if gate.connection.paused {
            return Ok(Means::LeaveAlone);
        }
        Ok(match self.track.systems.open(&gate.connection).await {
            Ok(systems) => match systems.carrier.push() {
                Ok(push) => Means::Ask(systems, push),
                Err(why) => {
                    systems.close().await;
                    Means::Stop(why)
                }
            },
            Err(error) => Means::Fail(error.to_string()),
        })
    }

    /// The promises that are due and still needed: parcels that have arrived need none.
    async fn needed(&self, keys: &[ParcelKey], report: &mut Report) -> Result<Vec<Due>, StoreError> {
        let now = self.track.clock.now();
        let parcels = self.track.parcels.parcels(keys).await?;
        let mut parcels: BTreeMap<ParcelKey, TrackedParcel> =
            parcels.into_iter().map(|parcel| (parcel.key.clone(), parcel)).collect();
        let (mut needed, mut needless) = (Vec::new(), Vec::new());
        for cover in self.covers.covers(keys).await? {
            match parcels.remove(&cover.key).filter(needs_news) {
                Some(parcel) if cover.renew_at <= now => needed.push(Due { cover, parcel }),
                Some(_) => {}
                None => needless.push(cover),
            }
        }
        report.ended += count(needless.len());
        each(needless, async |cover| self.covers.end_cover(&cover.key).await).await?;
        Ok(needed)
    }

    /// Asks the carrier for these; answers in plain words what stands in the way, where others would meet the same: they are not
    /// sent into it.
    async fn ask(
        &self,
        systems: &Opened,
        push: &Push,
        due: Vec<Due>,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<Option<String>, StoreError> {
        let mut left = due.into_iter();
        loop {
            let batch: Vec<Due> = left.by_ref().take(push.batch.max(1)).collect();
            if batch.is_empty() || self.track.clock.now() >= deadline {
                return Ok(None);
            }
            let numbers: Vec<String> = batch.iter().map(|one| one.cover.key.number.clone()).collect();
            let asked_at = self.track.clock.now();
            match systems.carrier.subscribe(&numbers).await {
                Ok(subscribed) => self.settle(batch, push, asked_at, subscribed, report).await?,
                Err(CallError::Later(later)) => {
                    let why = later.to_string();
                    self.fail(batch.into_iter().chain(left).collect(), &why, report).await?;
                    return Ok(Some(why));
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
        let (mut promised, mut not_promised, mut unanswered) = (Vec::new(), Vec::new(), Vec::new());
        for due in batch {
            let number = &due.cover.key.number;
            if let Some(refusal) = refused.get(number) {
                report.refused += 1;
                telemetry::count("PushesRefused", 1);
                not_promised.push((due, refusal));
            } else if subscribed.promised.contains(number) {
                report.promised += 1;
                telemetry::count("PushesPromised", 1);
                promised.push(due);
            } else {
                unanswered.push(due);
            }
        }
        each(not_promised, |(due, refusal)| self.refused(due, refusal)).await?;
        each(promised, |due| self.promised(due, push, asked_at)).await?;
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
        report.failed += count(batch.len());
        each(batch, |due| self.failed(due)).await
    }

    async fn failed(&self, due: Due) -> Result<(), StoreError> {
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
        self.covers.write_cover(&cover).await.map(|_| ())
    }

    /// The connection wants no pushes (any more).
    async fn stop(&self, due: Vec<Due>, why: &str, report: &mut Report) -> Result<(), StoreError> {
        tracing::info!(
            reason = why,
            parcels = due.len(),
            "nothing is pushed: the carrier is asked instead"
        );
        report.ended += count(due.len());
        each(due, |due| self.ended(due)).await
    }

    async fn ended(&self, due: Due) -> Result<(), StoreError> {
        self.ask_at_once(due.parcel, uncovered).await?;
        self.covers.end_cover(&due.cover.key).await
    }

    async fn leave_alone(&self, due: Vec<Due>) -> Result<(), StoreError> {
        each(due, |due| self.rested(due)).await
    }

    async fn rested(&self, Due { cover, .. }: Due) -> Result<(), StoreError> {
        let later = Cover {
            version: cover.version + 1,
            renew_at: self.track.clock.now() + IDLE,
            ..cover
        };
        self.covers.write_cover(&later).await.map(|_| ())
    }

    async fn ask_at_once(
        &self,
        parcel: TrackedParcel,
        change: impl Fn(&TrackedParcel) -> TrackedParcel + Send + Sync,
    ) -> Result<(), StoreError> {
        self.track.ask_now(parcel, change).await
    }
}

/// Does the same for each of them, some side by side; one that fails does not stop the others.
async fn each<T>(things: Vec<T>, what: impl AsyncFn(T) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let each = things.into_iter().map(|thing| what(thing));
    let done: Vec<Result<(), StoreError>> = stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
    done.into_iter().collect()
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
