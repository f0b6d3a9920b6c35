//! `TRACK#connection#number`: parcels on their way, what happened to them, and the promises of carriers to push news; and
//! `DOC#connection#document` / `TOLD`: what ERPs were told.
//!
//! A parcel stands in the index `due` while somebody must look at it, and in the index `state` once it was given up. What happened to
//! it stands in its own item, so that a write of both is one; what was told of it before it was followed is an item for each event.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Dynamo;
use super::keys::{EVENT, Key, STATE, cover_partition, cover_shard, given_up_partition};
use super::keys::{parcel_of, parcel_partition, parcel_shard, sortable};
use super::table::{Guard, Item, SCHEMA, Search, TRIES, Transacted, Verdict, Write, body, rest};
use super::table::{text, to_body, to_item, with_body};
use crate::domain::{
    ConnectionId, Cover, DeliveryStatus, DocumentId, Ending, JobId, ParcelKey, Shipment, Telling, TrackedParcel,
    TrackingEvent,
};
use crate::ports::{AuditEntry, Covers, DuePage, Jobs, Parcels, ReadParcels, StoreError, Tellings};

/// How long what names a person is kept where the connection's retention is not known, in days.
const KEPT: u32 = 90;

/// How long events are kept whose parcel is not followed, in days.
const SET_ASIDE: u32 = 30;

const DAY: i64 = 24 * 60 * 60;

#[derive(Serialize)]
struct ParcelItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_shard: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_shard: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    body: String,
}

#[derive(Serialize)]
struct EventItem {
    pk: String,
    sk: String,
    schema: u32,
    expires_at: i64,
    body: String,
}

#[derive(Serialize)]
struct CoverItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    due_shard: String,
    due_at: String,
    body: String,
}

#[derive(Serialize)]
struct StoryItem {
    pk: String,
    sk: String,
    schema: u32,
    expires_at: i64,
    body: String,
}

#[derive(Serialize)]
struct TellingItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    expires_at: i64,
    body: String,
}

#[async_trait]
impl Parcels for Dynamo {
    async fn readable(&self, keys: &[ParcelKey]) -> Result<ReadParcels, StoreError> {
        let mut read = ReadParcels::default();
        for item in self.batch(keys.iter().map(Key::parcel)).await? {
            match body(&item) {
                Ok(parcel) => read.parcels.push(parcel),
                Err(error) => {
                    let key = text(&item, "pk").and_then(parcel_of);
                    read.unreadable.push((key.ok_or_else(|| error.clone())?, error));
                }
            }
        }
        Ok(read)
    }

    async fn events(&self, key: &ParcelKey) -> Result<Vec<TrackingEvent>, StoreError> {
        let items = self.search(&Search::partition(&Key::parcel(key).pk)).await?;
        let mut all = BTreeMap::new();
        // The parcel's own say all that was told, those beside it what was told until it was followed.
        for item in items.iter().filter(|item| is_event(item)) {
            let event: TrackingEvent = body(item)?;
            all.insert(event.key(), event);
        }
        for item in items.iter().filter(|item| text(item, "sk") == Some(STATE)) {
            let parcel: TrackedParcel = body(item)?;
            all.extend(parcel.events.into_iter().map(|event| (event.key(), event)));
        }
        Ok(all.into_values().collect())
    }

    async fn record(&self, parcel: &TrackedParcel) -> Result<bool, StoreError> {
        let parcel = self.without_old_names(parcel.clone()).await?;
        match self.put(&self.parcel_write(&parcel).await?).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(verdicts) => is_echo(verdicts, &parcel),
        }
    }

    async fn set_aside(&self, key: &ParcelKey, events: &[TrackingEvent]) -> Result<(), StoreError> {
        self.put_all(self.events_as_items(key, events).await?).await
    }

    async fn due_parcels(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<ParcelKey>, StoreError> {
        let (keys, next) = self.due_page(parcel_partition(shard), now, after, limit).await?;
        let keys = parcels_of(&keys);
        Ok(DuePage { keys, next })
    }

    async fn given_up(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<ParcelKey>, StoreError> {
        let search = Search::index("state", "state_shard", given_up_partition(connection));
        Ok(parcels_of(&self.search(&search.backwards().limit(limit)).await?))
    }
}

#[async_trait]
impl Covers for Dynamo {
    async fn due_covers(&self, shard: u8, now: Timestamp, limit: u16) -> Result<Vec<ParcelKey>, StoreError> {
        Ok(parcels_of(&self.due_in(cover_partition(shard), now, limit).await?))
    }

    async fn covers(&self, keys: &[ParcelKey]) -> Result<Vec<Cover>, StoreError> {
        let items = self.batch(keys.iter().map(Key::cover)).await?;
        items.iter().map(body).collect()
    }

    async fn write_cover(&self, cover: &Cover) -> Result<bool, StoreError> {
        let key = Key::cover(&cover.key);
        let item = CoverItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            version: cover.version,
            due_shard: cover_shard(&cover.key),
            due_at: sortable(cover.renew_at),
            body: to_body(cover)?,
        };
        self.replace(to_item(&item)?, cover.version, cover).await
    }

    async fn end_cover(&self, key: &ParcelKey) -> Result<(), StoreError> {
        self.delete(&Key::cover(key)).await
    }
}

#[async_trait]
impl Tellings for Dynamo {
    async fn telling(&self, connection: &ConnectionId, document: &DocumentId) -> Result<Telling, StoreError> {
        let item = self.get(&Key::telling(connection, document)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn write_telling(
        &self,
        connection: &ConnectionId,
        document: &DocumentId,
        telling: &Telling,
    ) -> Result<bool, StoreError> {
        let key = Key::telling(connection, document);
        let days = self.kept(connection).await?;
        let item = TellingItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            version: telling.version,
            expires_at: later(self.clock.now(), days),
            body: to_body(telling)?,
        };
        self.replace(to_item(&item)?, telling.version, telling).await
    }

    async fn tell_story(&self, connection: &ConnectionId, job: &JobId, entry: &AuditEntry) -> Result<(), StoreError> {
        let key = Key::delivery_audit(job, entry.at, &self.nonces.nonce());
        let days = self.kept(connection).await?;
        let item = StoryItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            expires_at: later(self.clock.now(), days),
            body: to_body(entry)?,
        };
        let item = to_item(&item)?;
        self.put(&Write {
            item,
            guard: Guard::Free,
        })
        .await
        .map(|_| ())
    }
}

impl Dynamo {
    /// For how many days a connection keeps what names a person.
    async fn kept(&self, connection: &ConnectionId) -> Result<u32, StoreError> {
        Ok(self.retention(connection).await?.unwrap_or(KEPT))
    }

    /// Parcels are followed from now on, each by a write of its own; one that is followed already is left as it is.
    pub(super) async fn follow(&self, parcels: &[TrackedParcel]) -> Result<(), StoreError> {
        for parcel in parcels {
            self.put(&self.parcel_write(parcel).await?).await?;
        }
        Ok(())
    }

    /// The write of a parcel. One that has ended expires, because it holds the name of who signed.
    pub(super) async fn parcel_write(&self, parcel: &TrackedParcel) -> Result<Write, StoreError> {
        let key = Key::parcel(&parcel.key);
        let due_at = parcel.due_at();
        let given_up = parcel.ended.filter(|(ending, _)| *ending == Ending::GivenUp);
        let expires_at = match parcel.ended {
            Some((_, at)) => Some(later(at, self.kept(&parcel.key.connection).await?)),
            None => None,
        };
        let item = ParcelItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            version: parcel.version,
            due_shard: due_at.map(|_| parcel_shard(&parcel.key)),
            due_at: due_at.map(sortable),
            state_shard: given_up.map(|_| given_up_partition(&parcel.key.connection)),
            state_at: given_up.map(|(_, at)| sortable(at)),
            expires_at,
            body: to_body(parcel)?,
        };
        Ok(Write {
            item: to_item(&item)?,
            guard: Guard::before(parcel.version),
        })
    }

    /// Erases who signed for a job's parcels, wherever that stands.
    pub(super) async fn erase_tracking(&self, id: &JobId) -> Result<(), StoreError> {
        let Some(job) = self.load(id).await? else { return Ok(()) };
        let voided = job.void.iter().filter_map(|wish| wish.shipment.as_ref());
        let shipments = job.purchase.done().into_iter().chain(voided);
        for number in shipments.flat_map(Shipment::tracking_numbers) {
            let key = ParcelKey {
                connection: job.connection.clone(),
                number: number.to_owned(),
            };
            self.erase_parcel(id, &key).await?;
        }
        self.erase_telling(&job.connection, &job.document).await
    }

    /// The events first: a fold of what is still there would bring the name back to the parcel.
    async fn erase_parcel(&self, job: &JobId, key: &ParcelKey) -> Result<(), StoreError> {
        let standing = self.parcels(std::slice::from_ref(key)).await?;
        if standing.first().is_some_and(|parcel| parcel.job != *job) {
            return Ok(());
        }
        for item in self.event_items(key).await? {
            let event: TrackingEvent = body(&item)?;
            let item = with_body(item, &to_body(&event.without_person())?);
            let guard = Guard::Free;
            self.put(&Write { item, guard }).await?;
        }
        for turn in 0..TRIES {
            let standing = self.parcels(std::slice::from_ref(key)).await?;
            let Some(parcel) = standing.into_iter().next() else {
                return Ok(());
            };
            let erased = parcel.without_person();
            let version = parcel.version + 1;
            if erased == parcel || self.record(&TrackedParcel { version, ..erased }).await? {
                return Ok(());
            }
            rest(turn).await;
        }
        Err(StoreError(format!("parcel {key} changed at each of {TRIES} tries")))
    }

    async fn erase_telling(&self, connection: &ConnectionId, document: &DocumentId) -> Result<(), StoreError> {
        for turn in 0..TRIES {
            let telling = self.telling(connection, document).await?;
            let Some(told) = telling.told.clone().filter(|told| told.signed_by.is_some()) else {
                return Ok(());
            };
            let erased = Telling {
                version: telling.version + 1,
                told: Some(DeliveryStatus {
                    signed_by: None,
                    ..told
                }),
                ..telling
            };
            if self.write_telling(connection, document, &erased).await? {
                return Ok(());
            }
            rest(turn).await;
        }
        Err(StoreError(format!(
            "what was told of {document} changed at each of {TRIES} tries"
        )))
    }

    async fn event_items(&self, key: &ParcelKey) -> Result<Vec<Item>, StoreError> {
        self.search(&Search::beginning(Key::parcel(key).pk, EVENT)).await
    }

    /// Events as items, none twice, kept as long as the connection keeps what names a person, and not for ever.
    async fn events_as_items(&self, key: &ParcelKey, events: &[TrackingEvent]) -> Result<Vec<Item>, StoreError> {
        let days = self.kept(&key.connection).await?.min(SET_ASIDE);
        let expires_at = later(self.clock.now(), days);
        // The same key twice in one request is refused.
        let events: BTreeMap<String, &TrackingEvent> = events.iter().map(|event| (event.key(), event)).collect();
        let item = |event: &TrackingEvent| {
            let key = Key::event(key, event);
            to_item(&EventItem {
                pk: key.pk,
                sk: key.sk,
                schema: SCHEMA,
                expires_at,
                body: to_body(event)?,
            })
        };
        events.into_values().map(item).collect()
    }

    /// The parcel without persons whom its events name for longer than the connection keeps that. Its item itself expires only after
    /// its way has ended.
    async fn without_old_names(&self, parcel: TrackedParcel) -> Result<TrackedParcel, StoreError> {
        if parcel.events.is_empty() {
            return Ok(parcel);
        }
        let days = self.kept(&parcel.key.connection).await?;
        let kept = SignedDuration::from_hours(24 * i64::from(days));
        Ok(parcel.without_persons_before(self.clock.now() - kept))
    }

    /// Puts an item of this version over the one before it. What says the same as ours is our own write, whose answer was
    /// lost, or as good as it.
    async fn replace<T>(&self, item: Item, version: u64, ours: &T) -> Result<bool, StoreError>
    where
        T: serde::de::DeserializeOwned + PartialEq,
    {
        let guard = Guard::before(version);
        match self.put(&Write { item, guard }).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(verdicts) => is_echo(verdicts, ours),
        }
    }
}

/// Whether what stands where the first write was refused is what that write says.
fn is_echo<T>(verdicts: Vec<Verdict>, ours: &T) -> Result<bool, StoreError>
where
    T: serde::de::DeserializeOwned + PartialEq,
{
    match verdicts.into_iter().next() {
        Some(Verdict::Refused(Some(item))) => Ok(body::<T>(&item)? == *ours),
        _ => Ok(false),
    }
}

fn is_event(item: &Item) -> bool {
    text(item, "sk").is_some_and(|sk| sk.starts_with(EVENT))
}

fn parcels_of(keys: &[Item]) -> Vec<ParcelKey> {
    keys.iter().filter_map(|key| parcel_of(text(key, "pk")?)).collect()
}

/// So many days later, in Unix seconds.
fn later(at: Timestamp, days: u32) -> i64 {
    at.as_second() + i64::from(days) * DAY
}
