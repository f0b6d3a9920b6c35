//! A parcel or a job whose item no version here can read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use simulators::ups::EventKind;
use tests::tracking::Ways;
use tests::world::{CONNECTION, Failure, World};
use waybill::domain::{ConnectionId, JobId, ParcelKey, TrackedParcel, TrackingEvent, Units};
use waybill::flows::sweep::Sweep;
use waybill::flows::track::Track;
use waybill::flows::track_poll::{Lists, TrackPoll};
use waybill::job::Job;
use waybill::memory::{Fate, Memory, Switch};
use waybill::ports::{
    AuditEntry, Directory, DuePage, JobPage, Parcels, ReadParcels, State, Steps, StoreError, TrackingMessage,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn unreadable() -> StoreError {
    StoreError("an item cannot be read".to_owned())
}

/// A table in which one parcel cannot be read.
struct OneUnreadable(Arc<Memory>, ParcelKey);

#[async_trait]
impl Parcels for OneUnreadable {
    async fn readable(&self, keys: &[ParcelKey]) -> Result<ReadParcels, StoreError> {
        let others: Vec<ParcelKey> = keys.iter().filter(|key| **key != self.1).cloned().collect();
        let mut read = self.0.readable(&others).await?;
        if keys.contains(&self.1) {
            read.unreadable.push((self.1.clone(), unreadable()));
        }
        Ok(read)
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
    let round = over(&world, one_unreadable(&world, &keys[0]));
    for _ in 0..3 {
        world.turn(SignedDuration::from_mins(3));
        let failed = round.run(Lists::WhenDue, world.now() + MINUTE).await;
        assert!(failed.is_err_and(|error| error.0.contains("cannot be read")));
        assert!(!queued(&world).contains(&keys[0]), "{:?}", queued(&world));
        world.track().await?;
    }
    world.turn(SignedDuration::from_mins(1));
    world.track().await?;
    assert_eq!(world.field(orders[1], "status")?, "Delivered");
    assert_eq!(keys[0].connection.as_str(), CONNECTION);
    Ok(())
}

/// Two orders on their way whose carrier keeps a list, each entry a page of its own; answers their parcels.
async fn listed(world: &World) -> Result<[ParcelKey; 2], Failure> {
    world.configure(|connection| {
        connection.carrier.options = serde_json::json!({ "quantum_view": "OutboundXML" });
        connection.tracking.every = HOUR * 24;
    });
    world.ups.configure(|options| {
        options.quantum_view_files_per_page = 1;
        options.quantum_view_events_per_file = 1;
    });
    let orders = [world.enter(world.plain(1))?, world.enter(world.plain(2))?];
    world.poll_and_work().await?;
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    let keys = orders.map(|order| world.parcels(order).remove(0).key);
    world.turn(HOUR);
    for key in &keys {
        assert!(
            world
                .ups
                .happen(&key.number, &[EventKind::PickedUp, EventKind::Departed])
        );
    }
    // Until the list is to be read again.
    world.turn(HOUR * 12);
    Ok(keys)
}

/// The table, in which this parcel cannot be read.
fn one_unreadable(world: &World, key: &ParcelKey) -> Arc<dyn Parcels> {
    Arc::new(OneUnreadable(Arc::new(world.store.clone()), key.clone()))
}

/// A message of several parcels does for all others what is due, and comes again for the one that cannot be read.
#[tokio::test]
async fn a_message_is_done_for_all_parcels_that_can_be_read() -> Result<(), Failure> {
    let world = World::start().await?;
    let orders = [world.enter(world.plain(1))?, world.enter(world.plain(2))?];
    world.poll_and_work().await?;
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    let keys = orders.map(|order| world.parcels(order).remove(0).key);
    for key in &keys {
        assert!(world.ups.happen(&key.number, &[EventKind::Delivered]));
    }
    world.turn(HOUR * 2);
    let worker = Track {
        parcels: one_unreadable(&world, &keys[0]),
        ..world.tracker()
    };
    let message = serde_json::to_string(&TrackingMessage::Parcels(keys.to_vec()))?;
    let failed = worker.deliver(&message).await;
    assert!(failed.is_err_and(|error| error.0.contains("cannot be read")));
    let left = orders.map(|order| world.parcels(order).remove(0).is_to_be_asked(world.now()));
    assert_eq!(left, [true, false]);
    Ok(())
}

/// The round over these parcels.
fn over(world: &World, parcels: Arc<dyn Parcels>) -> TrackPoll {
    TrackPoll {
        track: Track {
            parcels,
            ..world.tracker()
        },
        ..world.track_poller()
    }
}

/// The parcels for which messages wait.
fn queued(world: &World) -> BTreeSet<ParcelKey> {
    let tables = world.store.tables();
    let keys = tables.tracked.queue.iter().filter_map(|(message, _)| match message {
        TrackingMessage::Parcel(key) => Some(key.clone()),
        _ => None,
    });
    keys.collect()
}

/// A carrier's list goes on past a parcel that cannot be read: it is named in the round's error, and what the list tells of the
/// others is followed up.
#[tokio::test]
async fn a_list_goes_on_past_a_parcel_that_cannot_be_read() -> Result<(), Failure> {
    let world = World::start().await?;
    let keys = listed(&world).await?;
    let round = over(&world, one_unreadable(&world, &keys[0]));
    let began = world.now();
    let failed = round.run(Lists::WhenDue, began + MINUTE).await;
    assert!(failed.is_err_and(|error| error.0.contains("cannot be read")));
    assert_eq!(queued(&world), BTreeSet::from([keys[1].clone()]));
    let cursor = read_to(&world)?;
    assert_eq!(cursor, Some(began), "all of the list was read");
    Ok(())
}

/// Up to when the list was read.
fn read_to(world: &World) -> Result<Option<Timestamp>, Failure> {
    let tables = world.store.tables();
    let cursor = tables.cursors.get(&(CONNECTION.parse()?, "news".to_owned()));
    Ok(cursor.and_then(|cursor| cursor.published))
}

/// A store that answers for no parcel.
struct NoParcels;

#[async_trait]
impl Switch for NoParcels {
    async fn before(&self, call: &'static str) -> Fate {
        match call {
            "parcels" => Fate::LoseAnswer,
            _ => Fate::Work,
        }
    }
}

/// While the store does not answer the list stands still, so that what it tells is followed up once the store is back.
#[tokio::test]
async fn a_list_waits_for_a_store_that_does_not_answer() -> Result<(), Failure> {
    let world = World::start().await?;
    let keys = listed(&world).await?;
    let before = read_to(&world)?;
    let down = over(&world, Arc::new(world.store.behind(Arc::new(NoParcels))));
    let failed = down.run(Lists::WhenDue, world.now() + MINUTE).await;
    assert!(failed.is_err_and(|error| error.0.contains("the answer was lost")));
    assert_eq!((read_to(&world)?, queued(&world).len()), (before, 0));
    world.make_the_round().await?;
    assert_eq!(queued(&world), BTreeSet::from(keys));
    Ok(())
}

/// A table in which some jobs cannot be read, and in which reading takes a moment of everybody's time.
struct SomeUnreadable {
    store: Memory,
    unreadable: BTreeSet<JobId>,
    clock: simulators::clock::Clock,
    moment: SignedDuration,
}

/// A table that does not answer, and counts how often it is asked.
#[derive(Default)]
struct Down(AtomicUsize);

#[async_trait]
impl Directory for SomeUnreadable {
    async fn in_state(&self, connection: &ConnectionId, state: State, limit: u16) -> Result<Vec<Job>, StoreError> {
        self.store.in_state(connection, state, limit).await
    }

    async fn walk(&self, connection: &ConnectionId, steps: &Steps, limit: u16) -> Result<JobPage, StoreError> {
        self.store.walk(connection, steps, limit).await
    }

    async fn these(&self, ids: &[JobId]) -> Result<JobPage, StoreError> {
        self.clock.advance(self.moment);
        let mut page = self.store.these(ids).await?;
        page.jobs.retain(|job| !self.unreadable.contains(&job.id));
        page.unreadable = ids.iter().filter(|id| self.unreadable.contains(id)).cloned().collect();
        Ok(page)
    }

    async fn numbered(&self, number: &str) -> Result<Vec<(ConnectionId, Units)>, StoreError> {
        Directory::numbered(&self.store, number).await
    }

    async fn audit(&self, id: &JobId) -> Result<Vec<AuditEntry>, StoreError> {
        self.store.audit(id).await
    }
}

#[async_trait]
impl Directory for Down {
    async fn in_state(&self, _: &ConnectionId, _: State, _: u16) -> Result<Vec<Job>, StoreError> {
        self.asked()
    }

    async fn walk(&self, _: &ConnectionId, _: &Steps, _: u16) -> Result<JobPage, StoreError> {
        self.asked()
    }

    async fn these(&self, _: &[JobId]) -> Result<JobPage, StoreError> {
        self.asked()
    }

    async fn numbered(&self, _: &str) -> Result<Vec<(ConnectionId, Units)>, StoreError> {
        self.asked()
    }

    async fn audit(&self, _: &JobId) -> Result<Vec<AuditEntry>, StoreError> {
        self.asked()
    }
}

impl Down {
    fn asked<T>(&self) -> Result<T, StoreError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(StoreError("the table does not answer".to_owned()))
    }
}

/// A sweeper over jobs of which the longest overdue cannot be read; answers the others, too.
async fn sweeper(
    world: &World,
    (unreadable, others): (usize, usize),
    moment: SignedDuration,
) -> Result<(Sweep, BTreeSet<JobId>), Failure> {
    for _ in 0..unreadable + others {
        world.enter(world.plain(1))?;
    }
    world.poll().await?;
    let mut tables = world.store.tables();
    tables.queue.clear();
    let mut due: Vec<_> = tables.jobs.values().map(|job| (job.due_at, job.id.clone())).collect();
    due.sort();
    let ids: Vec<JobId> = due.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), unreadable + others);
    let (first, rest) = ids.split_at(unreadable);
    let sweep = Sweep {
        directory: Arc::new(SomeUnreadable {
            store: world.store.clone(),
            unreadable: first.iter().cloned().collect(),
            clock: world.clock.clone(),
            moment,
        }),
        ..world.sweeper()
    };
    Ok((sweep, rest.iter().cloned().collect()))
}

/// Jobs that cannot be read are named in the sweep's error and keep no other from its turn, though they stand at the head of their
/// shard and are more than its share.
#[tokio::test]
async fn jobs_that_cannot_be_read_keep_no_other_from_being_swept() -> Result<(), Failure> {
    let world = World::start().await?;
    let (sweep, others) = sweeper(&world, (25, 15), SignedDuration::ZERO).await?;
    for queued in [4, 8, 12, 15] {
        let failed = sweep.at_most(16 * 4, world.now() + MINUTE).await;
        assert!(failed.is_err_and(|error| error.0.contains("cannot be read")));
        assert_eq!(world.store.tables().queue.len(), queued, "its share, and no more");
    }
    let queued: BTreeSet<JobId> = world.store.tables().queue.iter().map(|one| one.job.clone()).collect();
    assert_eq!(queued, others);
    Ok(())
}

/// A table that does not answer is asked once, and not for each of the jobs that wait in it.
#[tokio::test]
async fn a_sweep_does_not_press_a_table_that_does_not_answer() -> Result<(), Failure> {
    let world = World::start().await?;
    let (sweep, others) = sweeper(&world, (0, 400), SignedDuration::ZERO).await?;
    let down = Arc::new(Down::default());
    let in_vain = Sweep {
        directory: down.clone(),
        ..sweep.clone()
    };
    let failed = in_vain.at_most(u32::MAX, world.now() + MINUTE).await;
    assert!(failed.is_err_and(|error| error.0.contains("does not answer")));
    assert_eq!(down.0.load(Ordering::Relaxed), 1, "in memory all jobs are in one shard");
    assert_eq!(sweep.at_most(u32::MAX, world.now() + MINUTE).await?.requeued, 400);
    assert_eq!(others.len(), 400);
    Ok(())
}

/// However many they are, a sweep ends in time.
#[tokio::test]
async fn a_sweep_past_jobs_that_cannot_be_read_ends_in_time() -> Result<(), Failure> {
    let world = World::start().await?;
    let (sweep, _) = sweeper(&world, (90, 1), SignedDuration::from_secs(1)).await?;
    let began = world.now();
    assert!(sweep.at_most(16, began + SignedDuration::from_secs(30)).await.is_err());
    let took = world.now().duration_since(began);
    assert!(took <= SignedDuration::from_secs(40), "{took:#}");
    Ok(())
}
