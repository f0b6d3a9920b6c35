//! The minute's round of tracking: webhooks and parcels that are due are queued again, so that a lost message costs
//! latency only, and parcels for which their carrier can be asked together in one message; and carriers that keep a
//! list of their own are read for parcels of which there are news.
//!
//! What is due is queued page by page, the shards side by side, so that a fuller one takes no time from the others; lists are read
//! beside it, some at a time. A page, its messages and its writes are all that is in memory.
//!
//! The list's times have no zone, so that an entry says that something happened, and the carrier is asked when. Reading marks
//! nothing here: a stretch of time is asked for, which may be read again at any time, and the cursor moves once all of it is
//! dealt with. What the list says was sold or is void is noted for the reconciliation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{join, join_all};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::count;
use super::sweep::SHARDS;
use super::track::{TOGETHER, Track, UNDER_WAY, under_way};
use crate::connection::Connection;
use crate::domain::{ConnectionId, ParcelKey, Stretch, TenantId, TrackedParcel};
use crate::ports::{
    CallError, Captured, Cursor, Cursors, ListPage, Moved, Opened, ReadParcels, Reconciliations, ScanProgress,
    StoreError, TrackingMessage,
};

/// How many of a shard are in memory at a time.
const PAGE: u16 = 250;

/// How many of a shard are queued at the same time: as many messages as one request to the queue brings.
const AT_ONCE: usize = 10;

/// How many parcels wait in memory for others of their connection, at most.
const MOST_WAITING: usize = 3_000;

/// How long a run queues at most: what is in hand when the next one begins, a minute later, would be queued twice.
const QUEUES_FOR: SignedDuration = SignedDuration::from_secs(55);

/// How many lists are read at the same time.
const LISTS_AT_ONCE: usize = 16;

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

impl Report {
    fn and(mut self, other: Self) -> Self {
        self.webhooks += other.webhooks;
        self.parcels += other.parcels;
        self.lists += other.lists;
        self.moved += other.moved;
        self.stopped.extend(other.stopped);
        self
    }
}

/// What a part of the round did, and what kept it from doing more.
#[derive(Default)]
struct Part {
    report: Report,
    failed: Option<StoreError>,
}

impl Part {
    fn and(self, other: Self) -> Self {
        Self {
            report: self.report.and(other.report),
            failed: other.failed.or(self.failed),
        }
    }

    /// The same after something else that was tried.
    fn after<T>(mut self, tried: Result<T, StoreError>) -> Self {
        self.failed = tried.err().or(self.failed);
        self
    }

    fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::default(), Self::and)
    }
}

impl TrackPoll {
    /// Makes the round, until it is done or `deadline` is near.
    ///
    /// # Errors
    /// When the store fails; what was not done is due still. One connection that fails does not stop the others.
    pub async fn run(&self, lists: Lists, deadline: Timestamp) -> Result<Report, StoreError> {
        let began = self.track.clock.now();
        let until = deadline.min(began + QUEUES_FOR);
        // Whoever comes last when time is short comes first another time.
        let turn = usize::try_from(began.as_second() / 60).unwrap_or_default();
        let (queued, read) = join(self.queue_due(until), self.lists(lists, turn, deadline)).await;
        let Part { report, failed } = queued.and(read);
        failed.map_or(Ok(report), Err)
    }

    /// Queues what is due, in all shards side by side.
    async fn queue_due(&self, until: Timestamp) -> Part {
        let together = Mutex::default();
        let webhooks = join_all((0..SHARDS).map(|shard| self.webhooks(shard, until)));
        let parcels = join_all((0..SHARDS).map(|shard| self.parcels(shard, until, &together)));
        let (webhooks, parcels) = join(webhooks, parcels).await;
        // Parcels of one connection lie in all shards: no others join them any more.
        let rest = lock(&together).rest();
        let rest = rest.into_iter().map(|parcels| self.queue_together(parcels));
        let rest: Vec<Part> = stream::iter(rest).buffer_unordered(AT_ONCE).collect().await;
        Part::all(webhooks.into_iter().chain(parcels).chain(rest))
    }

    async fn webhooks(&self, shard: u8, until: Timestamp) -> Part {
        let (mut part, mut after) = (Part::default(), None);
        while let Some(now) = self.in_time(shard, until) {
            let due = self
                .track
                .captures
                .due_captures(shard, now, after.as_deref(), PAGE)
                .await;
            let page = match due {
                Ok(page) => page,
                Err(error) => return part.after::<()>(Err(error)),
            };
            for some in page.keys.chunks(AT_ONCE) {
                part = part.and(self.queue_webhooks(some).await);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        part
    }

    /// The messages go first: if a write is lost its webhook is queued again, which is harmless.
    async fn queue_webhooks(&self, ids: &[String]) -> Part {
        let captures = &self.track.captures;
        let tenants = join_all(ids.iter().map(|id| captures.captured_for(id))).await;
        let (mut part, mut known, mut messages) = (Part::default(), Vec::new(), Vec::new());
        for (id, tenant) in ids.iter().zip(tenants) {
            match tenant {
                Ok(Some(tenant)) => {
                    messages.push((TrackingMessage::Hook(id.clone()), tenant));
                    known.push(id);
                }
                Ok(None) => {}
                Err(error) => part.failed = Some(error),
            }
        }
        if let Err(error) = self.track.queue.send_all(&messages).await {
            return part.after::<()>(Err(error));
        }
        part.report.webhooks = count(known.len());
        let now = self.track.clock.now();
        let again = |id: &str| now + under_way(Captured::waited(id, now));
        let marked = join_all(known.into_iter().map(|id| captures.capture_again(id, again(id)))).await;
        marked.into_iter().fold(part, Part::after)
    }

    async fn parcels(&self, shard: u8, until: Timestamp, together: &Mutex<Together>) -> Part {
        let (mut part, mut after) = (Part::default(), None);
        while let Some(now) = self.in_time(shard, until) {
            let due = self.track.parcels.due_parcels(shard, now, after.as_deref(), PAGE).await;
            let page = match due {
                Ok(page) => page,
                Err(error) => return part.after::<()>(Err(error)),
            };
            part = part.and(self.queue_parcels(&page.keys, together).await);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        part
    }

    /// The time, while there is some left for another page of a shard.
    fn in_time(&self, shard: u8, until: Timestamp) -> Option<Timestamp> {
        let now = self.track.clock.now();
        if now >= until {
            tracing::warn!(
                shard,
                "no time is left for the rest of the shard: it is due at the next round"
            );
        }
        Some(now).filter(|now| *now < until)
    }

    async fn queue_parcels(&self, keys: &[ParcelKey], together: &Mutex<Together>) -> Part {
        let (mut part, mut alone) = (Part::default(), Vec::new());
        let parcels = match self.read_parcels(keys, &mut part).await {
            Ok(parcels) => parcels,
            Err(error) => return part.after::<()>(Err(error)),
        };
        let now = self.track.clock.now();
        for parcel in parcels.into_iter().filter(|parcel| parcel.is_to_be_queued(now)) {
            match self.at_once(&parcel.key.connection, together).await {
                Ok(most) if most > 1 && parcel.is_to_be_asked(now) => {
                    let enough = lock(together).add(parcel, most);
                    if let Some(parcels) = enough {
                        part = part.and(self.queue_together(parcels).await);
                    }
                }
                Ok(_) => alone.push(parcel),
                Err(error) => part.failed = Some(error),
            }
        }
        for some in alone.chunks(AT_ONCE) {
            let message = |parcel: &TrackedParcel| {
                let message = TrackingMessage::Parcel(parcel.key.clone());
                (message, parcel.tenant.clone())
            };
            let messages: Vec<(TrackingMessage, TenantId)> = some.iter().map(message).collect();
            part = part.and(self.queue(&messages, some).await);
        }
        part
    }

    /// Queues parcels by these messages, which go first: if a write is lost its parcel is queued again, which is harmless.
    async fn queue(&self, messages: &[(TrackingMessage, TenantId)], parcels: &[TrackedParcel]) -> Part {
        let mut part = Part::default();
        if let Err(error) = self.track.queue.send_all(messages).await {
            return part.after::<()>(Err(error));
        }
        part.report.parcels = count(parcels.len());
        let marked = parcels
            .chunks(AT_ONCE)
            .map(|some| join_all(some.iter().map(|parcel| self.mark(parcel))));
        for some in marked {
            part = some.await.into_iter().fold(part, Part::after);
        }
        part
    }

    /// Nobody sends another message about a parcel for as long again as it has waited. Of one that has become due since the round
    /// before this is not noted: nearly always somebody has looked at it before the next round, and if not it is noted then.
    async fn mark(&self, parcel: &TrackedParcel) -> Result<(), StoreError> {
        let now = self.track.clock.now();
        if parcel.due_at().is_some_and(|due| now.duration_since(due) < ROUND) {
            return Ok(());
        }
        let queued = TrackedParcel {
            version: parcel.version + 1,
            queued_until: Some(now + under_way(parcel.waited(now))),
            ..parcel.clone()
        };
        // A conflict means that somebody is at work on it, and has decided himself when it is due.
        self.track.parcels.record(&queued).await.map(|_| ())
    }

    /// Of these parcels, those that can be read. One that cannot keeps no other from its turn, and nobody is sent to it, for whoever came
    /// could not read it either.
    async fn read_parcels(&self, keys: &[ParcelKey], part: &mut Part) -> Result<Vec<TrackedParcel>, StoreError> {
        let ReadParcels { parcels, unreadable } = self.track.parcels.readable(keys).await?;
        for (key, error) in unreadable {
            tracing::error!(parcel = %key, %error, "the parcel cannot be read: nobody asks for it");
            part.failed = Some(error);
        }
        Ok(parcels)
    }

    /// How many parcels of a connection are asked for in one call.
    async fn at_once(&self, id: &ConnectionId, together: &Mutex<Together>) -> Result<usize, StoreError> {
        let known = lock(together).at_once.get(id).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let gate = self.track.connections.gate(id).await?;
        let most = gate.map_or(1, |gate| self.track.systems.tracks_at_once(&gate.connection));
        let most = most.min(TOGETHER);
        lock(together).at_once.insert(id.clone(), most);
        Ok(most)
    }

    /// Queues parcels of one connection in one message.
    async fn queue_together(&self, mut parcels: Vec<TrackedParcel>) -> Part {
        let now = self.track.clock.now();
        parcels.retain(|parcel| parcel.is_to_be_queued(now));
        let message = match parcels.as_slice() {
            [] => return Part::default(),
            [alone] => (TrackingMessage::Parcel(alone.key.clone()), alone.tenant.clone()),
            [first, ..] => {
                let keys = parcels.iter().map(|parcel| parcel.key.clone()).collect();
                (TrackingMessage::Parcels(keys), first.tenant.clone())
            }
        };
        self.queue(&[message], &parcels).await
    }

    /// Reads the carriers' lists, some of them side by side.
    async fn lists(&self, lists: Lists, turn: usize, deadline: Timestamp) -> Part {
        let ids = match self.track.connections.ids().await {
            Ok(ids) => turned(ids, turn),
            Err(error) => return Part::default().after::<()>(Err(error)),
        };
        let each = ids.into_iter().map(|id| self.list_in_time(id, lists, deadline));
        let read: Vec<Option<Part>> = stream::iter(each).buffer_unordered(LISTS_AT_ONCE).collect().await;
        let left = read.iter().filter(|part| part.is_none()).count();
        if left > 0 {
            tracing::warn!(
                lists = left,
                "no time is left for the other lists: they are read at the next round"
            );
        }
        Part::all(read.into_iter().flatten())
    }

    async fn list_in_time(&self, id: ConnectionId, lists: Lists, deadline: Timestamp) -> Option<Part> {
        if self.track.clock.now() >= deadline {
            return None;
        }
        let mut part = Part::default();
        if let Err(error) = self.list(&id, lists, deadline, &mut part).await {
            tracing::error!(connection = %id, %error, "the carrier's list was not read to its end");
            part.failed = Some(error);
        }
        Some(part)
    }

    async fn list(
        &self,
        id: &ConnectionId,
        lists: Lists,
        deadline: Timestamp,
        part: &mut Part,
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
                    .read((&gate.connection, lists), &systems, cursor, deadline, part)
                    .await;
                systems.close().await;
                read
            }
            Err(error) => {
                part.report.stopped.insert(id.clone(), error.to_string());
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
        part: &mut Part,
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
        self.walk((connection, lists), systems, cursor, scan, (deadline, part))
            .await
    }

    /// Reads page after page, and keeps after each how far it has come: a large list takes several rounds.
    async fn walk(
        &self,
        (connection, lists): (&Connection, Lists),
        systems: &Opened,
        mut cursor: Cursor,
        mut scan: ScanProgress,
        (deadline, part): (Timestamp, &mut Part),
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
                    part.report.stopped.insert(connection.id.clone(), error.to_string());
                    // A place that the carrier does not know any more is not asked for again.
                    let begun = scan.after.is_some() && matches!(error, CallError::Refused(_));
                    return match begun {
                        true => self.advance(connection, &mut cursor, None).await.map(|_| ()),
                        false => Ok(()),
                    };
                }
            };
            self.runs.note_listed(&connection.id, &entries).await?;
            let asked = self.follow_up(&connection.id, lists, moved, part).await?;
            part.report.moved += asked;
            if next.is_none() {
                part.report.lists += 1;
                return self.publish(connection, &cursor, stretch.to).await.map(|_| ());
            }
            scan.after = next;
            if !self.advance(connection, &mut cursor, Some(scan.clone())).await? {
                part.report
                    .stopped
                    .insert(connection.id.clone(), "another round reads it".to_owned());
                return Ok(());
            }
            if self.track.clock.now() >= deadline {
                part.report
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

    /// Asks for parcels with news that were not known. The list goes on past one that cannot be read, which another reading would not
    /// mend; while the store does not answer it stands still, so that no news are lost.
    async fn follow_up(
        &self,
        connection: &ConnectionId,
        lists: Lists,
        moved: Vec<Moved>,
        part: &mut Part,
    ) -> Result<u64, StoreError> {
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
        for parcel in self.read_parcels(&keys, part).await? {
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
            self.track.call_for(&next, SignedDuration::ZERO).await;
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
    /// How many wait in all.
    all: usize,
}

impl Together {
    /// Adds a parcel; answers all that wait with it once they are as many as one call takes, and the most that wait for one
    /// connection once too many do.
    fn add(&mut self, parcel: TrackedParcel, most: usize) -> Option<Vec<TrackedParcel>> {
        let id = parcel.key.connection.clone();
        let waiting = self.waiting.entry(id.clone()).or_default();
        waiting.push(parcel);
        self.all += 1;
        let full = if waiting.len() >= most {
            Some(id)
        } else if self.all >= MOST_WAITING {
            let longest = self.waiting.iter().max_by_key(|(_, waiting)| waiting.len());
            longest.map(|(id, _)| id.clone())
        } else {
            None
        };
        let parcels = self.waiting.remove(&full?)?;
        self.all = self.all.saturating_sub(parcels.len());
        Some(parcels)
    }

    /// All that wait still.
    fn rest(&mut self) -> Vec<Vec<TrackedParcel>> {
        self.all = 0;
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}

fn lock(together: &Mutex<Together>) -> MutexGuard<'_, Together> {
    together.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same things, beginning elsewhere at each turn.
pub(super) fn turned<T>(mut things: Vec<T>, turn: usize) -> Vec<T> {
    let count = things.len();
    if count > 0 {
        things.rotate_left(turn % count);
    }
    things
}
