//! News of parcels become milestones, and milestones what the ERP shows.
//!
//! A message names a captured webhook, a parcel, or parcels that the carrier is asked for in one call. Whatever brings
//! news, they are joined with what is known, folded, and stored under the parcel's version; a change is told to the ERP
//! once, a moment later, so that a burst is told as one.

mod ask;
mod hear;
mod tell;

use std::sync::Arc;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::connection::Connection;
use crate::domain::{ConnectionId, Ending, ParcelKey, TrackedParcel};
use crate::flows::LONGEST_UNDER_WAY;
use crate::flows::poll::Poll;
use crate::job::{self, Timing};
use crate::ports::{
    CallError, Captures, Clock, Connections, Controls, Covers, DeadLetters, Documents, Hooks, Later, Nonces, Obstacle,
    Parcels, ReadParcels, StoreError, Systems, Tellings, TrackingMessage, TrackingQueue, Webhooks,
};
use crate::telemetry;

/// How often a parcel is written again when somebody else was faster.
const TRIES: usize = 8;

/// The most parcels of one connection that are looked at together, whatever a message names.
pub(crate) const TOGETHER: usize = 30;

/// When a parcel is looked at again whose connection is paused or gone.
const IDLE: SignedDuration = SignedDuration::from_mins(15);

/// SQS delays a message by at most this; what is due later is found when it is due.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// How long a message may be under way before another one is sent.
pub(crate) const UNDER_WAY: SignedDuration = SignedDuration::from_mins(2);

/// How long a message may be under way about what has waited for so long already: as long again, so that messages do not heap up behind
/// a backlog.
pub(crate) fn under_way(waited: SignedDuration) -> SignedDuration {
    waited.clamp(UNDER_WAY, LONGEST_UNDER_WAY)
}

/// The ports that tracking needs.
#[derive(Clone)]
pub struct Track {
    /// Parcels and their events.
    pub parcels: Arc<dyn Parcels>,
    /// Promises of carriers.
    pub covers: Arc<dyn Covers>,
    /// What ERPs were told.
    pub tellings: Arc<dyn Tellings>,
    /// Units, by which an order's parcels are known.
    pub documents: Arc<dyn Documents>,
    /// Known shipments, by which it shows whether a carrier tells us anything.
    pub controls: Arc<dyn Controls>,
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// ERPs and carriers.
    pub systems: Arc<dyn Systems>,
    /// Captured webhooks.
    pub captures: Arc<dyn Captures>,
    /// Hooks.
    pub hooks: Arc<dyn Hooks>,
    /// What vendors' webhooks look like.
    pub webhooks: Arc<dyn Webhooks>,
    /// Admits documents of which a webhook tells.
    pub poll: Poll,
    /// The queue of webhooks and parcels.
    pub queue: Arc<dyn TrackingQueue>,
    /// Messages that nobody can work on.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// Leases, waits and the ERP's window.
    pub timing: Timing,
    /// How long a change waits for others, before the ERP is told of all of them at once.
    pub tell_after: SignedDuration,
}

impl Track {
    /// Deals with the message of this body.
    ///
    /// # Errors
    /// When the store or the queue fails: the message must then be delivered again.
    pub async fn deliver(&self, body: &str) -> Result<(), StoreError> {
        match serde_json::from_str(body) {
            Ok(TrackingMessage::Hook(id)) => self.open(&id).await,
            Ok(TrackingMessage::Parcel(key)) => self.attend(&key.connection, std::slice::from_ref(&key)).await,
            Ok(TrackingMessage::Parcels(keys)) => self.attend_all(&keys).await,
            Err(_) => {
                let reason = "it names neither a webhook nor a parcel, as our messages do";
                tracing::error!(reason, "a message goes to the dead letters");
                self.dead_letters.keep(body, reason).await
            }
        }
    }

    /// Does what is due for the parcels of a message. Ours name one connection; whoever else's message it is, none of
    /// them is lost.
    async fn attend_all(&self, keys: &[ParcelKey]) -> Result<(), StoreError> {
        let mut failed = None;
        for own in keys.chunk_by(|one, next| one.connection == next.connection) {
            for some in own.chunks(TOGETHER) {
                let connection = some.first().map(|key| &key.connection);
                let done = match connection {
                    Some(connection) => self.attend(connection, some).await,
                    None => Ok(()),
                };
                failed = done.err().or(failed);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Does what is due for parcels of one connection: asks the carrier, tells the ERP.
    async fn attend(&self, id: &ConnectionId, keys: &[ParcelKey]) -> Result<(), StoreError> {
        let (due, failed) = self.due(keys).await?;
        if !due.is_empty() {
            self.attend_to(id, due).await?;
        }
        failed.map_or(Ok(()), Err)
    }

    async fn attend_to(&self, id: &ConnectionId, due: Vec<TrackedParcel>) -> Result<(), StoreError> {
        let Some(gate) = self.connections.gate(id).await? else {
            return each(due, |parcel| self.end(parcel)).await;
        };
        let connection = gate.connection;
        if connection.paused {
            return each(due, |parcel| self.leave_alone(parcel)).await;
        }
        let systems = match self.systems.open(&connection).await {
            Ok(systems) => systems,
            Err(error) => {
                tracing::warn!(connection = %id, parcels = due.len(), %error, "the systems cannot be opened");
                if matches!(error, CallError::Refused(_)) {
                    report_refused();
                }
                return each(due, |parcel| self.leave_alone(parcel)).await;
            }
        };
        let visit = Visit {
            began: self.clock.now(),
            track: self,
            connection: &connection,
            systems: &systems,
        };
        let done = visit.pay(due).await;
        systems.close().await;
        done
    }

    /// Of these parcels, those for which there is something to do now, and what kept any of them from being read: it keeps no other from
    /// its turn.
    async fn due(&self, keys: &[ParcelKey]) -> Result<(Vec<TrackedParcel>, Option<StoreError>), StoreError> {
        let ReadParcels {
            mut parcels,
            unreadable,
        } = self.parcels.readable(keys).await?;
        for key in keys {
            let known = parcels.iter().any(|parcel| parcel.key == *key);
            match unreadable.iter().find(|(unreadable, _)| unreadable == key) {
                Some((_, error)) => tracing::error!(parcel = %key, %error, "the parcel cannot be read"),
                None if !known => tracing::warn!(parcel = %key, "nobody follows this parcel"),
                None => {}
            }
        }
        let now = self.clock.now();
        parcels.retain(|parcel| parcel.is_to_be_asked(now) || parcel.is_to_be_told(now));
        Ok((parcels, unreadable.into_iter().next().map(|(_, error)| error)))
    }

    async fn parcel(&self, key: &ParcelKey) -> Result<Option<TrackedParcel>, StoreError> {
        let found = self.parcels.parcels(std::slice::from_ref(key)).await?;
        Ok(found.into_iter().next())
    }

    /// Looks again later, without asking or telling anybody now.
    async fn leave_alone(&self, parcel: TrackedParcel) -> Result<(), StoreError> {
        let later = self.clock.now() + IDLE;
        let rested = TrackedParcel {
            version: parcel.version + 1,
            next_poll: parcel.next_poll.map(|poll| poll.max(later)),
            tell_at: parcel.tell_at.map(|tell| tell.max(later)),
            queued_until: None,
            minded: None,
            ..parcel.clone()
        };
        // Whoever was faster has decided when to look again.
        self.record(&parcel, &rested).await.map(|_| ())
    }

    /// The connection was removed: nobody can ask or tell any more.
    async fn end(&self, parcel: TrackedParcel) -> Result<(), StoreError> {
        tracing::warn!(parcel = %parcel.key, "the parcel's connection was removed: it is not followed any more");
        let ended = TrackedParcel {
            version: parcel.version + 1,
            next_poll: None,
            tell_at: None,
            queued_until: None,
            minded: None,
            ended: parcel.ended.or(Some((Ending::GivenUp, self.clock.now()))),
            ..parcel.clone()
        };
        self.record(&parcel, &ended).await.map(|_| ())
    }

    /// Changes a parcel as it stands, which is taken to be as it was read; `None` leaves it. Nothing is lost when others write it at
    /// the same time.
    async fn change(
        &self,
        read: TrackedParcel,
        change: impl Fn(&TrackedParcel) -> Option<TrackedParcel> + Send + Sync,
    ) -> Result<Option<TrackedParcel>, StoreError> {
        let key = read.key.clone();
        let mut standing = Some(read);
        for _ in 0..TRIES {
            let Some(parcel) = standing else {
                return Ok(None);
            };
            let Some(changed) = change(&parcel) else {
                return Ok(Some(parcel));
            };
            let next = TrackedParcel {
                version: parcel.version + 1,
                ..changed
            };
            if self.record(&parcel, &next).await? {
                return Ok(Some(next));
            }
            standing = self.parcel(&key).await?;
        }
        Err(StoreError(format!(
            "parcel {key} changes faster than it can be written"
        )))
    }

    /// Stores a parcel in place of what was read; `false` if somebody wrote it in between. The webhook that minded it is done with once
    /// that is not needed any more.
    async fn record(&self, read: &TrackedParcel, next: &TrackedParcel) -> Result<bool, StoreError> {
        if !self.parcels.record(next).await? {
            return Ok(false);
        }
        let minds = |parcel: &TrackedParcel| parcel.minded.clone().and_then(|minded| minded.webhook);
        match minds(read) {
            Some(webhook) if !next.is_minded_by(&webhook) => self.captures.dealt_with(&webhook).await?,
            _ => {}
        }
        Ok(true)
    }

    /// Sends a message about a parcel; if that fails, the parcel is found when it is due.
    pub(super) async fn call_for(&self, parcel: &TrackedParcel, delay: SignedDuration) {
        let message = TrackingMessage::Parcel(parcel.key.clone());
        let delay = std::time::Duration::try_from(delay).unwrap_or_default();
        if let Err(error) = self.queue.send(&message, &parcel.tenant, delay).await {
            tracing::warn!(parcel = %parcel.key, %error, "not queued: it is found when it is due");
        }
    }

    /// When to try again what has failed so often.
    fn again(&self, parcel: &TrackedParcel, later: &Later, failures: u32) -> Timestamp {
        let hint = later.after.and_then(|after| SignedDuration::try_from(after).ok());
        if let (Obstacle::Queued, Some(turn)) = (later.obstacle, hint) {
            return self.clock.now() + turn.max(SignedDuration::from_secs(1));
        }
        let draw = job::draw(&parcel.job, parcel.version);
        let wait = self.timing.backoff.wait(self.timing.retry, hint, failures, draw);
        self.clock.now() + wait.max(SignedDuration::from_secs(1))
    }
}

/// Nobody is told of parcels because of what is ours (a credential, an entitlement, a setting): a person must put it right.
fn report_refused() {
    telemetry::count("TrackingRefused", 1);
}

/// Does the same for each of them, side by side; one that fails does not stop the others.
async fn each<F>(parcels: Vec<TrackedParcel>, what: impl Fn(TrackedParcel) -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let done = join_all(parcels.into_iter().map(what)).await;
    done.into_iter().collect()
}

/// A visit to parcels of one connection, with its systems open.
struct Visit<'a> {
    began: Timestamp,
    track: &'a Track,
    connection: &'a Connection,
    systems: &'a crate::ports::Opened,
}

impl Visit<'_> {
    /// The carrier is asked for all of them together. What is to be told is told at once of a parcel that came alone;
    /// of the others each has a message of its own, for the ERP takes its time with every one.
    async fn pay(&self, parcels: Vec<TrackedParcel>) -> Result<(), StoreError> {
        let (alone, now) = (parcels.len() == 1, self.track.clock.now());
        let (to_ask, others): (Vec<_>, Vec<_>) = parcels.into_iter().partition(|parcel| parcel.is_to_be_asked(now));
        let mut failed = None;
        let mut standing: Vec<TrackedParcel> = others;
        for asked in self.ask(to_ask).await {
            match asked {
                Ok(parcel) => standing.extend(parcel),
                Err(error) => failed = Some(error),
            }
        }
        let now = self.track.clock.now();
        for parcel in standing.iter().filter(|parcel| parcel.is_to_be_told(now)) {
            if alone {
                self.tell(parcel).await?;
            } else {
                self.track.call_for(parcel, SignedDuration::ZERO).await;
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
