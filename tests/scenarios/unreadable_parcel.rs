//! A parcel whose item no version here can read.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use simulators::ups::EventKind;
use tests::tracking::Ways;
use tests::world::{CONNECTION, Failure, World};
use waybill::domain::{ConnectionId, ParcelKey, TrackedParcel, TrackingEvent};
use waybill::flows::track::Track;
use waybill::flows::track_poll::{Lists, TrackPoll};
use waybill::memory::Memory;
use waybill::ports::{DuePage, Parcels, StoreError, TrackingMessage};

/// A table in which one parcel cannot be read.
struct OneUnreadable(Arc<Memory>, ParcelKey);

#[async_trait]
impl Parcels for OneUnreadable {
    async fn parcels(&self, keys: &[ParcelKey]) -> Result<Vec<TrackedParcel>, StoreError> {
        match keys.contains(&self.1) {
            true => Err(StoreError("an item cannot be read".to_owned())),
            false => self.0.parcels(keys).await,
        }
    }

    async fn events(&self, key: &ParcelKey) -> Result<Vec<TrackingEvent>, StoreError> {
        self.0.events(key).await
    }

    async fn record(&self, parcel: &TrackedParcel) -> Result<bool, StoreError> {
        self.0.record(parcel).await
    }

    async fn set_aside(&self, key: &ParcelKey, events: &[TrackingEvent]) -> Result<(), StoreError> {
        self.0.set_aside(key, events).await
    }

    async fn due_parcels(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<ParcelKey>, StoreError> {
        self.0.due_parcels(shard, now, after, limit).await
    }

    async fn given_up(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<ParcelKey>, StoreError> {
        self.0.given_up(connection, limit).await
    }
}

/// It is named in the round's error and queued for nobody, and the parcels beside it have their turn.
#[tokio::test]
async fn a_parcel_that_cannot_be_read_stops_no_other() -> Result<(), Failure> {
    let world = World::start().await?;
    let orders = [world.enter(world.plain(1))?, world.enter(world.plain(2))?];
    world.poll_and_work().await?;
    world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
    let keys = orders.map(|order| world.parcels(order).remove(0).key);
    assert!(world.ups.happen(&keys[1].number, &[EventKind::Delivered]));
    world.turn(SignedDuration::from_hours(2));
    let store = Arc::new(world.store.clone());
    let round = TrackPoll {
        track: Track {
            parcels: Arc::new(OneUnreadable(store, keys[0].clone())),
            ..world.tracker()
        },
        ..world.track_poller()
    };
    for _ in 0..3 {
        world.turn(SignedDuration::from_mins(3));
        let failed = round
            .run(Lists::WhenDue, world.now() + SignedDuration::from_mins(1))
            .await;
        assert!(failed.is_err_and(|error| error.0.contains("cannot be read")));
        let queued: Vec<TrackingMessage> = {
            let tables = world.store.tables();
            tables
                .tracked
                .queue
                .iter()
                .map(|(message, _)| message.clone())
                .collect()
        };
        assert!(
            !queued.contains(&TrackingMessage::Parcel(keys[0].clone())),
            "{queued:?}"
        );
        world.track().await?;
    }
    world.turn(SignedDuration::from_mins(1));
    world.track().await?;
    assert_eq!(world.field(orders[1], "status")?, "Delivered");
    assert_eq!(keys[0].connection.as_str(), CONNECTION);
    Ok(())
}
