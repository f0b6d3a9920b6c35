//! Parcels on their way, promises of carriers, what ERPs were told, and webhooks, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Memory, Shared, answered};
use crate::domain::{
    ConnectionId, Cover, DocumentId, Ending, JobId, ParcelKey, Telling, TenantId, TrackedParcel, TrackingEvent,
};
use crate::ports::{
    AuditEntry, Captured, Captures, Covers, DuePage, Hook, Hooks, Parcels, ReadParcels, StoreError, Tellings,
    TrackingMessage, TrackingQueue,
};

/// What is stored of parcels on their way.
#[derive(Debug, Clone, Default)]
pub struct Tracked {
    /// Parcels that are followed.
    pub parcels: Shared<BTreeMap<ParcelKey, TrackedParcel>>,
    /// What happened to parcels that are not followed, by parcel and the event's own key.
    pub events: Shared<BTreeMap<ParcelKey, BTreeMap<String, TrackingEvent>>>,
    /// Promises of carriers.
    pub covers: BTreeMap<ParcelKey, Cover>,
    /// What ERPs were told.
    pub tellings: BTreeMap<(ConnectionId, DocumentId), Telling>,
    /// Hooks by the digest of their id.
    pub hooks: BTreeMap<String, Hook>,
    /// Captured webhooks, and when each is due.
    pub captures: BTreeMap<String, (Captured, Option<Timestamp>)>,
    /// Messages with the time before which nobody receives them, in the order in which they were sent.
    pub queue: VecDeque<(TrackingMessage, Timestamp)>,
}

impl Tracked {
    pub(super) fn follow(&mut self, parcels: &[TrackedParcel]) {
        for parcel in parcels {
            self.parcels.insert(parcel.key.clone(), parcel.clone());
        }
    }

    pub(super) fn erase(&mut self, job: &JobId) {
        let own = self.parcels.values_mut().filter(|parcel| parcel.job == *job);
        let mut keys = Vec::new();
        for parcel in own {
            *parcel = parcel.without_person();
            keys.push(parcel.key.clone());
        }
        for key in keys {
            let events = self.events.get_mut(&key).into_iter().flat_map(BTreeMap::values_mut);
            events.for_each(|event| *event = event.without_person());
        }
    }

    /// Everything that happened to a parcel.
    #[must_use]
    pub fn events_of(&self, key: &ParcelKey) -> Vec<TrackingEvent> {
        let mut all = self.events.get(key).cloned().unwrap_or_default();
        let own = self.parcels.get(key).into_iter().flat_map(|parcel| &parcel.events);
        all.extend(own.map(|event| (event.key(), event.clone())));
        all.into_values().collect()
    }

    fn record(&mut self, parcel: &TrackedParcel) -> bool {
        let fits = self.parcels.get(&parcel.key).map_or(0, |current| current.version) + 1 == parcel.version;
        if fits {
            self.parcels.insert(parcel.key.clone(), parcel.clone());
        }
        fits
    }

    fn cover(&mut self, cover: &Cover) -> bool {
        let fits = self.covers.get(&cover.key).map_or(0, |current| current.version) + 1 == cover.version;
        if fits {
            self.covers.insert(cover.key.clone(), cover.clone());
        }
        fits
    }

    fn tell(&mut self, key: (ConnectionId, DocumentId), telling: &Telling) -> bool {
        let fits = self.tellings.get(&key).map_or(0, |current| current.version) + 1 == telling.version;
        if fits {
            self.tellings.insert(key, telling.clone());
        }
        fits
    }

    fn keep(&mut self, key: &ParcelKey, events: &[TrackingEvent]) {
        let kept = self.events.entry(key.clone()).or_default();
        for event in events {
            kept.insert(event.key(), event.clone());
        }
    }
}

impl Memory {
    /// Takes the next tracking message that may be received now.
    pub fn receive_tracking(&self) -> Option<TrackingMessage> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let queue = &mut tables.tracked.queue;
        let index = queue.iter().position(|(_, visible_at)| *visible_at <= now)?;
        queue.remove(index).map(|(message, _)| message)
    }
}

/// A page of the keys whose time has come, the longest overdue first. Everything lies in one shard here.
pub(super) fn due<K: Clone + Ord + Serialize + DeserializeOwned>(
    (shard, now): (u8, Timestamp),
    after: Option<&str>,
    limit: u16,
    all: impl Iterator<Item = (K, Option<Timestamp>)>,
) -> Result<DuePage<K>, StoreError> {
    let unreadable = |error: serde_json::Error| StoreError(error.to_string());
    let after: Option<(Timestamp, K)> = after.map(serde_json::from_str).transpose().map_err(unreadable)?;
    let due = all.filter_map(|(key, due_at)| Some((due_at.filter(|due| shard == 0 && *due <= now)?, key)));
    let mut due: Vec<(Timestamp, K)> = due
        .filter(|place| after.as_ref().is_none_or(|after| place > after))
        .collect();
    due.sort();
    let more = due.len() > usize::from(limit);
    due.truncate(usize::from(limit));
    let last = due.last().filter(|_| more).map(serde_json::to_string);
    Ok(DuePage {
        next: last.transpose().map_err(unreadable)?,
        keys: due.into_iter().map(|(_, key)| key).collect(),
    })
}

#[async_trait]
impl Parcels for Memory {
    async fn readable(&self, keys: &[ParcelKey]) -> Result<ReadParcels, StoreError> {
        let fate = self.pass("parcels").await;
        let found = keys
            .iter()
            .filter_map(|key| self.tables().tracked.parcels.get(key).cloned());
        let read = ReadParcels {
            parcels: found.collect(),
            unreadable: Vec::new(),
        };
        answered(fate, read).await
    }

    async fn events(&self, key: &ParcelKey) -> Result<Vec<TrackingEvent>, StoreError> {
        let fate = self.pass("events").await;
        let events = self.tables().tracked.events_of(key);
        answered(fate, events).await
    }

    async fn record(&self, parcel: &TrackedParcel) -> Result<bool, StoreError> {
        let fate = self.pass("record").await;
        let recorded = self.tables().tracked.record(parcel);
        answered(fate, recorded).await
    }

    async fn set_aside(&self, key: &ParcelKey, events: &[TrackingEvent]) -> Result<(), StoreError> {
        let fate = self.pass("set_aside").await;
        self.tables().tracked.keep(key, events);
        answered(fate, ()).await
    }

    async fn due_parcels(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<ParcelKey>, StoreError> {
        let tables = self.tables();
        let all = tables.tracked.parcels.values();
        let all = all.map(|parcel| (parcel.key.clone(), parcel.due_at()));
        due((shard, now), after, limit, all)
    }

    async fn given_up(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<ParcelKey>, StoreError> {
        let tables = self.tables();
        let own = tables
            .tracked
            .parcels
            .values()
            .filter(|parcel| parcel.key.connection == *connection);
        let given_up = own.filter_map(|parcel| match parcel.ended {
            Some((Ending::GivenUp, at)) => Some((std::cmp::Reverse(at), parcel.key.clone())),
            _ => None,
        });
        let mut given_up: Vec<_> = given_up.collect();
        given_up.sort();
        Ok(given_up
            .into_iter()
            .take(usize::from(limit))
            .map(|(_, key)| key)
            .collect())
    }
}

#[async_trait]
impl Covers for Memory {
    async fn due_covers(&self, shard: u8, now: Timestamp, limit: u16) -> Result<Vec<ParcelKey>, StoreError> {
        let tables = self.tables();
        let all = tables.tracked.covers.values();
        let all = all.map(|cover| (cover.key.clone(), Some(cover.renew_at)));
        Ok(due((shard, now), None, limit, all)?.keys)
    }

    async fn covers(&self, keys: &[ParcelKey]) -> Result<Vec<Cover>, StoreError> {
        let tables = self.tables();
        Ok(keys
            .iter()
            .filter_map(|key| tables.tracked.covers.get(key).cloned())
            .collect())
    }

    async fn write_cover(&self, cover: &Cover) -> Result<bool, StoreError> {
        let fate = self.pass("write_cover").await;
        let fits = self.tables().tracked.cover(cover);
        answered(fate, fits).await
    }

    async fn end_cover(&self, key: &ParcelKey) -> Result<(), StoreError> {
        let fate = self.pass("end_cover").await;
        self.tables().tracked.covers.remove(key);
        answered(fate, ()).await
    }
}

#[async_trait]
impl Tellings for Memory {
    async fn telling(&self, connection: &ConnectionId, document: &DocumentId) -> Result<Telling, StoreError> {
        let fate = self.pass("telling").await;
        let key = (connection.clone(), document.clone());
        let telling = self.tables().tracked.tellings.get(&key).cloned();
        answered(fate, telling.unwrap_or_default()).await
    }

    async fn write_telling(
        &self,
        connection: &ConnectionId,
        document: &DocumentId,
        telling: &Telling,
    ) -> Result<bool, StoreError> {
        let fate = self.pass("write_telling").await;
        let key = (connection.clone(), document.clone());
        let fits = self.tables().tracked.tell(key, telling);
        answered(fate, fits).await
    }

    async fn tell_story(&self, _connection: &ConnectionId, job: &JobId, entry: &AuditEntry) -> Result<(), StoreError> {
        let fate = self.pass("tell_story").await;
        self.tables().audit.entry(job.clone()).or_default().push(entry.clone());
        answered(fate, ()).await
    }
}

#[async_trait]
impl TrackingQueue for Memory {
    async fn send(&self, message: &TrackingMessage, _tenant: &TenantId, delay: Duration) -> Result<(), StoreError> {
        let fate = self.pass("send_tracking").await;
        let delay = jiff::SignedDuration::try_from(delay).unwrap_or_default();
        let visible_at = self.clock.now() + delay;
        self.tables().tracked.queue.push_back((message.clone(), visible_at));
        answered(fate, ()).await
    }
}

#[async_trait]
impl Hooks for Memory {
    async fn hook(&self, digest: &str) -> Result<Option<Hook>, StoreError> {
        Ok(self.tables().tracked.hooks.get(digest).cloned())
    }
}

#[async_trait]
impl Captures for Memory {
    async fn capture(&self, captured: &Captured, due_at: Timestamp) -> Result<(), StoreError> {
        let fate = self.pass("capture").await;
        let row = (captured.clone(), Some(due_at));
        self.tables().tracked.captures.insert(captured.id.clone(), row);
        answered(fate, ()).await
    }

    async fn captured(&self, id: &str) -> Result<Option<Captured>, StoreError> {
        let fate = self.pass("captured").await;
        let found = self
            .tables()
            .tracked
            .captures
            .get(id)
            .map(|(captured, _)| captured.clone());
        answered(fate, found).await
    }

    async fn captured_for(&self, id: &str) -> Result<Option<TenantId>, StoreError> {
        let tables = self.tables();
        Ok(tables
            .tracked
            .captures
            .get(id)
            .map(|(captured, _)| captured.tenant.clone()))
    }

    async fn dealt_with(&self, id: &str) -> Result<(), StoreError> {
        let fate = self.pass("dealt_with").await;
        self.tables().tracked.captures.remove(id);
        answered(fate, ()).await
    }

    async fn of_no_use(&self, id: &str) -> Result<(), StoreError> {
        let fate = self.pass("of_no_use").await;
        if let Some((_, due_at)) = self.tables().tracked.captures.get_mut(id) {
            *due_at = None;
        }
        answered(fate, ()).await
    }

    async fn due_captures(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<String>, StoreError> {
        let tables = self.tables();
        let all = tables.tracked.captures.iter();
        let all = all.map(|(id, (_, due_at))| (id.clone(), *due_at));
        due((shard, now), after, limit, all)
    }

    async fn capture_again(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        if let Some((_, due_at @ Some(_))) = self.tables().tracked.captures.get_mut(id) {
            *due_at = Some(at);
        }
        Ok(())
    }
}
