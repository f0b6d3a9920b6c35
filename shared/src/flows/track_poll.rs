//! The minute's round of tracking: webhooks and parcels that are due are queued again, so that a lost message costs
//! latency only, and parcels for which their carrier can be asked together in one message; and carriers that keep a
//! list of their own are read for parcels of which there are news.
//!
//! The list's times have no zone, so that an entry says that something happened, and the carrier is asked when. Reading marks
//! nothing here: a stretch of time is asked for, which may be read again at any time, and the cursor moves once all of it is
//! dealt with. What the list says was sold or is void is noted for the reconciliation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::sweep::SHARDS;
use super::track::{TOGETHER, Track, UNDER_WAY};
use crate::connection::Connection;
use crate::domain::{ConnectionId, ParcelKey, Stretch, TenantId, TrackedParcel};
use crate::ports::{
    CallError, Cursor, Cursors, ListPage, Moved, Opened, Reconciliations, ScanProgress, StoreError, TrackingMessage,
};

/// The most of a shard that are queued in one run.
const LIMIT: u16 = 500;

/// How many are queued at the same time.
const AT_ONCE: usize = 16;

/// How far each reading reaches into the one before: the list's clock may be that of any zone.
const OVERLAP: SignedDuration = SignedDuration::from_hours(14);

/// How often the list is read at most: the times of its entries are no finer.
const SELDOM: SignedDuration = SignedDuration::from_mins(5);

/// How soon the carrier is asked for a parcel with news that should have been pushed.
const PUSH_MAY_COME: SignedDuration = SignedDuration::from_mins(30);

/// The time between two rounds.
const ROUND: SignedDuration = SignedDuration::from_mins(1);

/// The name of the cursor.
const CURSOR: &str = "news";

/// When a list is read, and the carrier asked for what it tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lists {
    /// Each at its time; for a parcel of which news are pushed, the push is waited for.
    #[default]
    WhenDue,
    /// All of them now: a person does not want to wait.
    Now,
}

/// The ports that the round needs.
#[derive(Clone)]
pub struct TrackPoll {
    /// Everything that tracking needs.
    pub track: Track,
    /// How far each list was read.
    pub cursors: Arc<dyn Cursors>,
    /// Where it is noted what the lists say of shipments.
    pub runs: Arc<dyn Reconciliations>,
}

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Webhooks that were queued again.
    pub webhooks: u64,
    /// Parcels that were queued.
    pub parcels: u64,
    /// Lists that were read to their end.
    pub lists: u64,
    /// Parcels that the carrier is asked for because its list tells of them.
    pub moved: u64,
    /// Lists that could not be read, each with the reason.
    pub stopped: BTreeMap<ConnectionId, String>,
}

impl TrackPoll {
    /// Makes the round, until it is done or `deadline` is near.
    ///
    /// # Errors
    /// When the store fails; what was not done is due still. One connection that fails does not stop the others.
    pub async fn run(&self, lists: Lists, deadline: Timestamp) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let mut failed = None;
        let began = self.track.clock.now();
        let half = began + deadline.duration_since(began) / 2;
        // Whoever comes last when time is short comes first another time.
        let turn = usize::try_from(began.as_second() / 60).unwrap_or_default();
        let mut together = Together::default();
        for shard in turned((0..SHARDS).collect(), turn) {
            if self.track.clock.now() >= half {
                tracing::warn!(
                    shard,
                    "no time is left for the other shards: they are due at the next round"
                );
                break;
            }
            for outcome in [
                self.webhooks(shard, &mut report).await,
                self.parcels(shard, &mut together, &mut report).await,
            ] {
                failed = outcome.err().or(failed);
            }
        }
        // Parcels of one connection lie in all shards: they are together only now.
        for parcels in together.rest() {
            failed = self.queue_together(parcels, &mut report).await.err().or(failed);
        }
        for id in turned(self.track.connections.ids().await?, turn) {
            if self.track.clock.now() >= deadline {
                tracing::warn!(connection = %id, "no time is left for the other lists: they are read at the next round");
                break;
            }
            if let Err(error) = self.list(&id, lists, deadline, &mut report).await {
                tracing::error!(connection = %id, %error, "the carrier's list was not read to its end");
                failed = Some(error);
            }
        }
        failed.map_or(Ok(report), Err)
    }

    async fn webhooks(&self, shard: u8, report: &mut Report) -> Result<(), StoreError> {
        let now = self.track.clock.now();
        let ids = self.track.captures.due_captures(shard, now, LIMIT).await?;
        for some in ids.chunks(AT_ONCE) {
            for queued in join_all(some.iter().map(|id| self.queue_webhook(id, now))).await {
                report.webhooks += u64::from(queued?);
            }
        }
        Ok(())
    }

    async fn queue_webhook(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let captures = &self.track.captures;
        let Some(tenant) = captures.captured_for(id).await? else {
            return Ok(false);
        };
        let message = TrackingMessage::Hook(id.to_owned());
        self.track.queue.send(&message, &tenant, Duration::ZERO).await?;
        captures.capture_again(id, now + UNDER_WAY).await?;
        Ok(true)
    }

    async fn parcels(&self, shard: u8, together: &mut Together, report: &mut Report) -> Result<(), StoreError> {
        let keys = self
            .track
            .parcels
            .due_parcels(shard, self.track.clock.now(), LIMIT)
            .await?;
        let now = self.track.clock.now();
        let (known, unread) = self.read_parcels(&keys).await;
        let mut parcels = Vec::new();
        for parcel in known.into_iter().filter(|parcel| parcel.is_to_be_queued(now)) {
            let most = self.at_once(&parcel.key.connection, together).await?;
            if most < 2 || !parcel.is_to_be_asked(now) {
                parcels.push(parcel);
            } else if let Some(full) = together.add(parcel, most) {
                self.queue_together(full, report).await?;
            }
        }
        while !parcels.is_empty() {
            let some: Vec<TrackedParcel> = parcels.drain(..parcels.len().min(AT_ONCE)).collect();
            for queued in join_all(some.into_iter().map(|parcel| self.queue(parcel))).await {
                report.parcels += u64::from(queued?);
            }
        }
        unread.map_or(Ok(()), Err)
    }

    /// These parcels, and what kept any of them from being read: one that cannot be read keeps no other from its turn, and is not
    /// queued, for whoever receives it could not read it either.
    async fn read_parcels(&self, keys: &[ParcelKey]) -> (Vec<TrackedParcel>, Option<StoreError>) {
        if let Ok(parcels) = self.track.parcels.parcels(keys).await {
            return (parcels, None);
        }
        let (mut parcels, mut failed) = (Vec::new(), None);
        for some in keys.chunks(AT_ONCE) {
            let each = some
                .iter()
                .map(|key| self.track.parcels.parcels(std::slice::from_ref(key)));
            for (key, read) in some.iter().zip(join_all(each).await) {
                match read {
                    Ok(read) => parcels.extend(read),
                    Err(error) => {
                        tracing::error!(parcel = %key, %error, "the parcel cannot be read: nobody asks for it");
                        failed = Some(error);
                    }
                }
            }
        }
        (parcels, failed)
    }

    /// The message goes first: if the write is lost the parcel is queued again, which is harmless.
    async fn queue(&self, parcel: TrackedParcel) -> Result<bool, StoreError> {
        let now = self.track.clock.now();
        if !parcel.is_to_be_queued(now) {
            return Ok(false);
        }
        let message = TrackingMessage::Parcel(parcel.key.clone());
        self.track.queue.send(&message, &parcel.tenant, Duration::ZERO).await?;
        self.mark(parcel, now).await?;
        Ok(true)
    }

    /// Nobody sends another message about a parcel for a while. Of one that has become due since the round before this is not noted:
    /// nearly always somebody has looked at it before the next round, and if not it is noted then.
    async fn mark(&self, parcel: TrackedParcel, now: Timestamp) -> Result<(), StoreError> {
        if parcel.due_at().is_some_and(|due| now.duration_since(due) < ROUND) {
            return Ok(());
        }
        let queued = TrackedParcel {
            version: parcel.version + 1,
            queued_until: Some(now + UNDER_WAY),
            ..parcel
        };
        // A conflict means that somebody is at work on it, and has decided himself when it is due.
        self.track.parcels.record(&queued).await.map(|_| ())
    }

    /// How many parcels of a connection are asked for in one call.
    async fn at_once(&self, id: &ConnectionId, together: &mut Together) -> Result<usize, StoreError> {
        if let Some(known) = together.at_once.get(id) {
            return Ok(*known);
        }
        let gate = self.track.connections.gate(id).await?;
        let most = gate.map_or(1, |gate| self.track.systems.tracks_at_once(&gate.connection));
        together.at_once.insert(id.clone(), most.min(TOGETHER));
        Ok(most.min(TOGETHER))
    }

    /// Queues parcels of one connection in one message, which goes first, as a single one's does.
    async fn queue_together(&self, mut parcels: Vec<TrackedParcel>, report: &mut Report) -> Result<(), StoreError> {
        let now = self.track.clock.now();
        parcels.retain(|parcel| parcel.is_to_be_queued(now));
        let Some(tenant) = parcels.first().map(|parcel| parcel.tenant.clone()) else {
            return Ok(());
        };
        self.send_together(&parcels, &tenant).await?;
        report.parcels += u64::try_from(parcels.len()).unwrap_or_default();
        let marked = join_all(parcels.into_iter().map(|parcel| self.mark(parcel, now))).await;
        marked.into_iter().collect()
    }

    async fn send_together(&self, parcels: &[TrackedParcel], tenant: &TenantId) -> Result<(), StoreError> {
        let message = match parcels {
            [alone] => TrackingMessage::Parcel(alone.key.clone()),
            several => TrackingMessage::Parcels(several.iter().map(|parcel| parcel.key.clone()).collect()),
        };
        self.track.queue.send(&message, tenant, Duration::ZERO).await
    }

    async fn list(
        &self,
        id: &ConnectionId,
        lists: Lists,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let Some(gate) = self.track.connections.gate(id).await? else {
            return Ok(());
        };
        if gate.connection.paused {
            return Ok(());
        }
        let cursor = self.cursors.cursor(id, CURSOR).await?;
        let now = self.track.clock.now();
        let every = (gate.connection.tracking.every / 2).max(SELDOM);
        let early = cursor
            .published
            .is_some_and(|published| now.duration_since(published) < every);
        if early && cursor.scan.is_none() && lists == Lists::WhenDue {
            return Ok(());
        }
        match self.track.systems.open(&gate.connection).await {
            Ok(systems) => {
                let read = self
                    .read((&gate.connection, lists), &systems, cursor, deadline, report)
                    .await;
                systems.close().await;
                read
            }
            Err(error) => {
                report.stopped.insert(id.clone(), error.to_string());
                Ok(())
            }
        }
    }

    async fn read(
        &self,
        (connection, lists): (&Connection, Lists),
        systems: &Opened,
        cursor: Cursor,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let now = self.track.clock.now();
        let Ok(listing) = systems.carrier.listing() else {
            // Nothing to read is read: the connection need not be opened again before its time.
            return self.publish(connection, &cursor, now).await.map(|_| ());
        };
        let scan = cursor.scan.clone().unwrap_or_else(|| {
            let oldest = (now - listing.reach).max(connection.start_from);
            let since = cursor
                .published
                .map_or(oldest, |published| published - OVERLAP)
                .max(oldest);
            let candidate = Stretch { from: since, to: now }.at_most(listing.longest).to;
            ScanProgress {
                since,
                candidate,
                after: None,
                began: None,
                settled: BTreeMap::new(),
            }
        });
        self.walk((connection, lists), systems, cursor, scan, (deadline, report))
            .await
    }

    /// Reads page after page, and keeps after each how far it has come: a large list takes several rounds.
    async fn walk(
        &self,
        (connection, lists): (&Connection, Lists),
        systems: &Opened,
        mut cursor: Cursor,
        mut scan: ScanProgress,
        (deadline, report): (Timestamp, &mut Report),
    ) -> Result<(), StoreError> {
        let stretch = Stretch {
            from: scan.since,
            to: scan.candidate,
        };
        loop {
            let page = systems.carrier.list(stretch, scan.after.as_deref()).await;
            let ListPage { entries, moved, next } = match page {
                Ok(page) => page,
                Err(error) => {
                    report.stopped.insert(connection.id.clone(), error.to_string());
                    // A place that the carrier does not know any more is not asked for again.
                    let begun = scan.after.is_some() && matches!(error, CallError::Refused(_));
                    return match begun {
                        true => self.advance(connection, &mut cursor, None).await.map(|_| ()),
                        false => Ok(()),
                    };
                }
            };
            self.runs.note_listed(&connection.id, &entries).await?;
            report.moved += self.follow_up(&connection.id, lists, moved).await?;
            if next.is_none() {
                report.lists += 1;
                return self.publish(connection, &cursor, stretch.to).await.map(|_| ());
            }
            scan.after = next;
            if !self.advance(connection, &mut cursor, Some(scan.clone())).await? {
                report
                    .stopped
                    .insert(connection.id.clone(), "another round reads it".to_owned());
                return Ok(());
            }
            if self.track.clock.now() >= deadline {
                report
                    .stopped
                    .insert(connection.id.clone(), "no time was left: it is gone on with".to_owned());
                return Ok(());
            }
        }
    }

    /// All of the list up to here has been dealt with; whoever was faster has read as much.
    async fn publish(&self, connection: &Connection, cursor: &Cursor, to: Timestamp) -> Result<bool, StoreError> {
        let read = Cursor {
            version: cursor.version + 1,
            settled: BTreeMap::new(),
            published: Some(to),
            scan: None,
        };
        self.cursors.advance(&connection.id, CURSOR, &read).await
    }

    async fn advance(
        &self,
        connection: &Connection,
        cursor: &mut Cursor,
        scan: Option<ScanProgress>,
    ) -> Result<bool, StoreError> {
        cursor.version += 1;
        cursor.scan = scan;
        self.cursors.advance(&connection.id, CURSOR, cursor).await
    }

    /// Asks for parcels with news that were not known.
    async fn follow_up(&self, connection: &ConnectionId, lists: Lists, moved: Vec<Moved>) -> Result<u64, StoreError> {
        let mut hints: BTreeMap<ParcelKey, Vec<String>> = BTreeMap::new();
        for Moved { number, hint } in moved {
            let key = ParcelKey {
                connection: connection.clone(),
                number,
            };
            hints.entry(key).or_default().push(hint);
        }
        let keys: Vec<ParcelKey> = hints.keys().cloned().collect();
        let mut asked = 0;
        for parcel in self.track.parcels.parcels(&keys).await? {
            let own = hints.get(&parcel.key).map(Vec::as_slice).unwrap_or_default();
            asked += u64::from(self.ask_for_news(parcel, lists, own).await?);
        }
        Ok(asked)
    }

    async fn ask_for_news(
        &self,
        mut parcel: TrackedParcel,
        lists: Lists,
        hints: &[String],
    ) -> Result<bool, StoreError> {
        let new = hints.iter().filter(|hint| parcel.learn_hint(hint)).count();
        let known = new == 0 && lists == Lists::WhenDue;
        if known || !parcel.is_followed() {
            return Ok(false);
        }
        let now = self.track.clock.now();
        let pushed = lists == Lists::WhenDue && parcel.pushed_until.is_some_and(|until| until > now);
        let at = if pushed { now + PUSH_MAY_COME } else { now };
        let sooner = parcel.next_poll.is_none_or(|poll| poll > at);
        let next = TrackedParcel {
            version: parcel.version + 1,
            queued_until: if pushed {
                parcel.queued_until
            } else {
                Some(now + UNDER_WAY)
            },
            ..parcel.asked_at(at)
        };
        if !self.track.parcels.record(&next).await? {
            // Somebody is at work on it; the list is read again and tells of it again.
            return Ok(false);
        }
        if !pushed {
            let message = TrackingMessage::Parcel(next.key.clone());
            self.track.queue.send(&message, &next.tenant, Duration::ZERO).await?;
        }
        Ok(sooner)
    }
}

/// Parcels that wait in a round for others of their connection.
#[derive(Default)]
struct Together {
    /// How many parcels of a connection are asked for in one call.
    at_once: BTreeMap<ConnectionId, usize>,
    waiting: BTreeMap<ConnectionId, Vec<TrackedParcel>>,
}

impl Together {
    /// Adds a parcel; answers all that wait with it once they are as many as one call takes.
    fn add(&mut self, parcel: TrackedParcel, most: usize) -> Option<Vec<TrackedParcel>> {
        let waiting = self.waiting.entry(parcel.key.connection.clone()).or_default();
        waiting.push(parcel);
        (waiting.len() >= most).then(|| std::mem::take(waiting))
    }

    /// Those that nobody else joins any more.
    fn rest(self) -> impl Iterator<Item = Vec<TrackedParcel>> {
        self.waiting.into_values().filter(|parcels| !parcels.is_empty())
    }
}

/// The same things, beginning elsewhere at each turn.
fn turned<T>(mut things: Vec<T>, turn: usize) -> Vec<T> {
    let count = things.len();
    if count > 0 {
        things.rotate_left(turn % count);
    }
    things
}
