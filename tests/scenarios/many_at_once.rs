//! Very much of everything at once: what is dealt with side by side, what stops in time, and what is left for the next run.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use simulators::clock::Clock as Hands;
use simulators::faults::{Fault, FaultKind};
use tests::world::{CONNECTION, Failure, World};
use tokio::sync::Barrier;
use tokio::time::timeout;
use waybill::connection::Connection;
use waybill::domain::{ConnectionId, Cover, JobId, ParcelKey, Run, TrackedParcel, TrackingEvent};
use waybill::flows::poll::Poll;
use waybill::flows::reconcile::Reconcile;
use waybill::flows::refresh::Refresh;
use waybill::flows::renew::Renew;
use waybill::flows::sweep::Sweep;
use waybill::flows::track::Track;
use waybill::flows::track_poll::{Lists, TrackPoll};
use waybill::memory::{Fate, Memory, Switch};
use waybill::ports::{
    CallError, Clock, Cursors, Due, DuePage, Later, Obstacle, Opened, Parcels, ReadParcels, StoreError, Systems,
    TokenInUse, TokenKey, TokenRefresh, TrackingMessage,
};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Nobody waits longer in a story that goes wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// A call of the store that takes a moment of everybody's time.
struct Takes {
    clock: Hands,
    call: &'static str,
    moment: SignedDuration,
}

#[async_trait]
impl Switch for Takes {
    async fn before(&self, call: &'static str) -> Fate {
        if call == self.call {
            self.clock.advance(self.moment);
        }
        tokio::task::yield_now().await;
        Fate::Work
    }
}

/// The world's store, of which such a call takes a moment.
fn slowly(world: &World, call: &'static str, moment: SignedDuration) -> Arc<Memory> {
    let clock = world.clock.clone();
    Arc::new(world.store.behind(Arc::new(Takes { clock, call, moment })))
}

/// Systems of which those of one connection open only once something else is done.
struct Slow<W> {
    systems: Arc<dyn Systems>,
    whose: ConnectionId,
    other_is_done: W,
}

#[async_trait]
impl<W: Fn() -> bool + Send + Sync> Systems for Slow<W> {
    async fn open(&self, connection: &Connection) -> Result<Opened, CallError> {
        while connection.id == self.whose && !(self.other_is_done)() {
            tokio::task::yield_now().await;
        }
        self.systems.open(connection).await
    }

    fn tracks_at_once(&self, connection: &Connection) -> usize {
        self.systems.tracks_at_once(connection)
    }
}

/// The store as if all jobs and parcels lay in the first shard, but for the last one, which lies in the last.
struct FullFirst(Arc<Memory>);

fn lies_in<K: PartialEq>(shard: u8, last: Option<K>, page: DuePage<K>) -> DuePage<K> {
    let (keys, next) = match shard {
        0 => (page.keys, page.next),
        15 => {
            return DuePage {
                keys: last.into_iter().collect(),
                next: None,
            };
        }
        _ => (Vec::new(), None),
    };
    let keys = keys.into_iter().filter(|key| Some(key) != last.as_ref()).collect();
    DuePage { keys, next }
}

#[async_trait]
impl Due for FullFirst {
    async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<JobId>, StoreError> {
        let last = Due::due(self.0.as_ref(), 0, now, None, u16::MAX).await?.keys.pop();
        Ok(lies_in(
            shard,
            last,
            Due::due(self.0.as_ref(), 0, now, after, limit).await?,
        ))
    }
}

#[async_trait]
impl Parcels for FullFirst {
    async fn readable(&self, keys: &[ParcelKey]) -> Result<ReadParcels, StoreError> {
        self.0.readable(keys).await
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
        let last = self.0.due_parcels(0, now, None, u16::MAX).await?.keys.pop();
        Ok(lies_in(shard, last, self.0.due_parcels(0, now, after, limit).await?))
    }

    async fn given_up(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<ParcelKey>, StoreError> {
        self.0.given_up(connection, limit).await
    }
}

/// Ships one order, and has so many parcels like its own, all due for some minutes, so that nobody is under way to them.
async fn many_parcels(world: &World, count: usize) -> Result<Vec<ParcelKey>, Failure> {
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let sample = world.parcels(order).remove(0);
    let now = world.now();
    let mut tables = world.store.tables();
    tables.tracked.parcels.clear();
    let mut keys = Vec::with_capacity(count);
    for number in 0..count {
        let mut parcel = TrackedParcel {
            next_poll: Some(now - MINUTE * 3),
            queued_until: None,
            version: 1,
            ..sample.clone()
        };
        parcel.key.number = format!("1ZMANY{number:06}");
        keys.push(parcel.key.clone());
        tables.tracked.parcels.insert(parcel.key.clone(), parcel);
    }
    Ok(keys)
}

/// The parcels for which messages wait, each as often as it is named.
fn queued(world: &World) -> Vec<ParcelKey> {
    let tables = world.store.tables();
    let keys = tables.tracked.queue.iter().flat_map(|(message, _)| match message {
        TrackingMessage::Parcel(key) => vec![key.clone()],
        TrackingMessage::Parcels(keys) => keys.clone(),
        TrackingMessage::Hook(_) => Vec::new(),
    });
    keys.collect()
}

fn still_due(world: &World) -> usize {
    let (tables, now) = (world.store.tables(), world.now());
    let all = tables.tracked.parcels.values();
    all.filter(|parcel| parcel.is_to_be_queued(now)).count()
}

/// Twenty thousand parcels that are due together are queued in one round, each once; nothing is left to the next.
#[tokio::test]
async fn twenty_thousand_due_parcels_are_queued_in_one_round() -> Result<(), Failure> {
    let world = World::start().await?;
    let keys = many_parcels(&world, 20_000).await?;
    let report = world.make_the_round().await?;
    assert_eq!(report.parcels, 20_000);
    let mut queued = queued(&world);
    queued.sort();
    assert_eq!(queued.len(), keys.len());
    assert!(queued == keys, "each once");
    assert_eq!(still_due(&world), 0);
    assert_eq!(world.make_the_round().await?.parcels, 0);
    Ok(())
}

/// A round whose store is slow ends in time: what it has not queued is due still and queued by the next ones, and a shard with one
/// parcel does not wait for a full one.
#[tokio::test]
async fn a_round_ends_in_time_and_serves_every_shard() -> Result<(), Failure> {
    let world = World::start().await?;
    let keys = many_parcels(&world, 3_000).await?;
    let store = slowly(&world, "record", SignedDuration::from_millis(50));
    let round = TrackPoll {
        track: Track {
            parcels: Arc::new(FullFirst(store)),
            ..world.tracker()
        },
        ..world.track_poller()
    };
    let began = world.now();
    let report = round.run(Lists::WhenDue, began + MINUTE * 2).await?;
    let took = world.now().duration_since(began);
    assert!(took < MINUTE + SignedDuration::from_secs(15), "{took:#}");
    assert!((500..2_000).contains(&report.parcels), "{report:?}");
    assert!(queued(&world).contains(&keys[2_999]), "the other shard's");
    assert_eq!(still_due(&world), 3_000 - usize::try_from(report.parcels)?);
    for _ in 0..6 {
        round.run(Lists::WhenDue, world.now() + MINUTE * 2).await?;
    }
    assert_eq!(queued(&world).into_iter().collect::<BTreeSet<_>>().len(), 3_000);
    Ok(())
}

/// A connection whose carrier takes its time does not keep the round from another's list.
#[tokio::test]
async fn a_slow_list_keeps_no_other_from_being_read() -> Result<(), Failure> {
    let world = World::start().await?;
    let other = world.connect("zeta-netsuite-ups", |_| {})?;
    let store = Arc::new(world.store.clone());
    let read = move || {
        let tables = store.tables();
        let cursor = tables.cursors.get(&(other.clone(), "news".to_owned()));
        cursor.is_some_and(|cursor| cursor.published.is_some())
    };
    let round = TrackPoll {
        track: Track {
            systems: Arc::new(Slow {
                systems: world.systems(),
                whose: CONNECTION.parse()?,
                other_is_done: read,
            }),
            ..world.tracker()
        },
        ..world.track_poller()
    };
    // Whichever of the two has its turn first.
    for _ in 0..2 {
        world.store.tables().cursors.clear();
        timeout(PATIENCE, round.run(Lists::WhenDue, world.now() + MINUTE)).await??;
        world.turn(MINUTE);
    }
    assert_eq!(world.store.tables().cursors.len(), 2);
    Ok(())
}

/// A connection whose systems take their time does not keep another from being reconciled.
#[tokio::test]
async fn a_slow_connection_keeps_no_other_from_being_reconciled() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| connection.erp.account = "7654321".to_owned());
    let other = world.connect("zeta-netsuite-ups", |_| {})?;
    world.turn(MINUTE);
    let store = Arc::new(world.store.clone());
    let reconciled = move || {
        let tables = store.tables();
        let standing = tables.reconciled.standing.get(&other);
        standing.is_some_and(|standing| standing.run.as_ref().is_some_and(Run::is_finished))
    };
    let reconciler = Reconcile {
        systems: Arc::new(Slow {
            systems: world.systems(),
            whose: CONNECTION.parse()?,
            other_is_done: reconciled,
        }),
        ..world.reconciler()
    };
    reconciler.begin_all().await?;
    let reports = timeout(PATIENCE, reconciler.go_on(world.now() + MINUTE)).await??;
    let turns: Vec<&str> = reports.iter().map(|report| report.connection.as_str()).collect();
    assert_eq!(turns, ["zeta-netsuite-ups", CONNECTION]);
    assert!(reports[0].complete, "{reports:?}");
    Ok(())
}

/// Systems that count how many are being opened at the same time.
struct Counted {
    systems: Arc<dyn Systems>,
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Systems for Counted {
    async fn open(&self, connection: &Connection) -> Result<Opened, CallError> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::Relaxed);
        self.systems.open(connection).await
    }
}

/// Runs of so many connections that are unfinished; answers how many were opened at the same time, and how many are finished then.
async fn reconciled(world: &World, accounts: impl Fn(usize) -> String) -> Result<(usize, usize), Failure> {
    for number in 0..19 {
        world.connect(&format!("c{number}-netsuite-ups"), |connection| {
            connection.erp.account = accounts(number);
        })?;
    }
    let most = Arc::new(AtomicUsize::new(0));
    let reconciler = Reconcile {
        systems: Arc::new(Counted {
            systems: world.systems(),
            now: AtomicUsize::new(0),
            most: most.clone(),
        }),
        ..world.reconciler()
    };
    reconciler.begin_all().await?;
    assert!(reconciler.go_on(world.now()).await?.is_empty(), "no time was left");
    let reports = reconciler.go_on(world.now() + MINUTE).await?;
    assert_eq!(reports.len(), 20, "each has had its turn");
    let complete = reports.iter().filter(|report| report.complete).count();
    Ok((most.load(Ordering::Relaxed), complete))
}

/// However many accounts have unfinished runs, some of them are at it at the same time and not all.
#[tokio::test]
async fn accounts_are_reconciled_side_by_side_within_bounds() -> Result<(), Failure> {
    let world = World::start().await?;
    let (most, _) = reconciled(&world, |number| format!("10000{number:02}")).await?;
    assert_eq!(most, 8);
    Ok(())
}

/// Connections of one account do not take its slots from each other: one is reconciled after another, and none goes without.
#[tokio::test]
async fn connections_of_one_account_are_reconciled_one_after_another() -> Result<(), Failure> {
    let world = World::start().await?;
    let own = {
        let tables = world.store.tables();
        let connection = tables
            .connections
            .values()
            .next()
            .ok_or("every story begins with one")?;
        connection.erp.account.clone()
    };
    assert_eq!(reconciled(&world, |_| own.clone()).await?, (1, 20));
    Ok(())
}

/// A sweep ends at its deadline with what is left still due, and a shard with one job does not wait for a full one.
#[tokio::test]
async fn a_sweep_ends_in_time_and_serves_every_shard() -> Result<(), Failure> {
    let world = World::start().await?;
    for _ in 0..120 {
        world.enter(world.plain(1))?;
    }
    world.poll().await?;
    world.store.tables().queue.clear();
    let store = Arc::new(world.store.clone());
    let last = Due::due(store.as_ref(), 0, world.now(), None, u16::MAX)
        .await?
        .keys
        .pop()
        .ok_or("there are jobs")?;
    let sweeper = Sweep {
        due: Arc::new(FullFirst(store.clone())),
        jobs: slowly(&world, "save", SignedDuration::from_secs(1)),
        ..world.sweeper()
    };
    let began = world.now();
    let report = sweeper.at_most(u32::MAX, began + SignedDuration::from_secs(30)).await?;
    let took = world.now().duration_since(began);
    assert!(took <= SignedDuration::from_secs(45), "{took:#}");
    assert!((21..60).contains(&report.requeued), "{report:?}");
    let queued: Vec<JobId> = world.store.tables().queue.iter().map(|one| one.job.clone()).collect();
    assert!(queued.contains(&last), "the other shard's");
    assert_eq!(u64::try_from(queued.len())?, report.requeued, "each once");
    let due = Due::due(store.as_ref(), 0, world.now(), None, u16::MAX).await?;
    assert_eq!(due.keys.len(), 120 - queued.len(), "the others are due still");
    // However much time there is, the next sweep is a minute away.
    let began = world.now();
    sweeper.at_most(u32::MAX, began + MINUTE * 10).await?;
    assert!(world.now().duration_since(began) < MINUTE + SignedDuration::from_secs(15));
    Ok(())
}

/// In an outage a run ends in time as well: promises that were not tried are due still, and the next run goes on with them.
#[tokio::test]
async fn renewing_ends_in_time_in_an_outage() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let keys = many_parcels(&world, 300).await?;
    let now = world.now();
    let cover = |key: &ParcelKey| Cover {
        key: key.clone(),
        version: 1,
        until: None,
        renew_at: now,
        failures: 1,
        refused: None,
    };
    let covers = keys.iter().map(|key| (key.clone(), cover(key)));
    world.store.tables().tracked.covers = covers.collect();
    let error = FaultKind::Status {
        code: 503,
        retry_after: None,
    };
    world.ups_fault(Fault::new("subscribe_v1", error));
    let renewer = Renew {
        covers: slowly(&world, "write_cover", SignedDuration::from_secs(1)),
        ..world.renewer()
    };
    let report = renewer.run(now + MINUTE).await?;
    assert_eq!((report.due, report.failed), (100, 100), "{report:?}");
    let tried = |world: &World| {
        let tables = world.store.tables();
        tables
            .tracked
            .covers
            .values()
            .filter(|cover| cover.failures > 1)
            .count()
    };
    assert_eq!(tried(&world), 100);
    for _ in 0..2 {
        renewer.run(world.now() + MINUTE).await?;
    }
    assert!(tried(&world) >= 200, "{}", tried(&world));
    Ok(())
}

/// A connection whose carrier takes its time does not keep the promises of another's parcels from being asked for.
#[tokio::test]
async fn a_slow_connection_keeps_no_others_promises_from_being_renewed() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let other = world.connect("zeta-netsuite-ups", |_| {})?;
    let keys = many_parcels(&world, 2).await?;
    let now = world.now();
    {
        let mut tables = world.store.tables();
        let mut parcel = tables
            .tracked
            .parcels
            .get(&keys[1])
            .cloned()
            .ok_or("it was just made")?;
        parcel.key.connection = other.clone();
        let both = [keys[0].clone(), parcel.key.clone()];
        tables.tracked.parcels.insert(parcel.key.clone(), parcel);
        let cover = |key: &ParcelKey| Cover {
            key: key.clone(),
            version: 1,
            until: None,
            renew_at: now,
            failures: 0,
            refused: None,
        };
        tables.tracked.covers = both.iter().map(|key| (key.clone(), cover(key))).collect();
    }
    let store = Arc::new(world.store.clone());
    let ended = move || !store.tables().tracked.covers.keys().any(|key| key.connection == other);
    let renewer = Renew {
        track: Track {
            systems: Arc::new(Slow {
                systems: world.systems(),
                whose: CONNECTION.parse()?,
                other_is_done: ended,
            }),
            ..world.tracker()
        },
        ..world.renewer()
    };
    let report = timeout(PATIENCE, renewer.run(now + MINUTE)).await??;
    // The other connection wants no pushes, so that its promise ends; the slow one's carrier was asked.
    assert_eq!((report.due, report.ended), (2, 1), "{report:?}");
    assert_eq!(world.asked_ups("subscribe_v1"), 1);
    Ok(())
}

/// Vendors of which one answers only once two are asked at the same time, and another has no window free.
struct Vendors {
    ending: Vec<TokenInUse>,
    two: Barrier,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl TokenRefresh for Vendors {
    async fn ending_soon(&self) -> Result<Vec<TokenInUse>, StoreError> {
        Ok(self.ending.clone())
    }

    async fn refresh(&self, token: &TokenInUse) -> Result<(), CallError> {
        self.asked.lock().unwrap().push(token.key.credential.clone());
        if token.key.system == "fedex" {
            return Err(CallError::Later(Later {
                reason: "the window is used up".to_owned(),
                after: Some(Duration::from_millis(60)),
                obstacle: Obstacle::Limited,
            }));
        }
        self.two.wait().await;
        Ok(())
    }
}

/// A token of this system and credential that ends in two minutes.
fn token(system: &str, name: &str, now: Timestamp) -> Result<TokenInUse, Failure> {
    Ok(TokenInUse {
        key: TokenKey {
            system: system.to_owned(),
            credential: name.to_owned(),
            client: name.to_owned(),
            merchant: None,
            connection: CONNECTION.parse()?,
        },
        version: 1,
        issued_at: now - MINUTE * 58,
        expires_at: now + MINUTE * 2,
        used_at: now,
    })
}

/// P10: tokens are renewed side by side, and those that wait for a vendor's windows keep no others waiting.
#[tokio::test]
async fn tokens_are_renewed_side_by_side() -> Result<(), Failure> {
    let world = World::start().await?;
    let now = world.now();
    let mut ending = Vec::new();
    for number in 0..20 {
        ending.push(token("fedex", &format!("fedex-{number}"), now)?);
    }
    ending.push(token("netsuite", "one", now)?);
    ending.push(token("ups", "two", now)?);
    let vendors = Arc::new(Vendors {
        ending,
        two: Barrier::new(2),
        asked: Mutex::default(),
    });
    let refresh = Refresh {
        tokens: vendors.clone(),
        ..world.refresher()
    };
    let report = timeout(PATIENCE, refresh.run()).await??;
    assert_eq!((report.ending, report.renewed, report.failures.len()), (22, 2, 20));
    let asked = vendors.asked.lock().unwrap().clone();
    let first: BTreeSet<&String> = asked.iter().take(22).collect();
    assert_eq!(first.len(), 22, "everybody once, before anybody a second time");
    Ok(())
}

/// Vendors of which UPS answers nobody until NetSuite has answered.
struct UpsHangs {
    ending: Vec<TokenInUse>,
    netsuite_answered: AtomicBool,
    hanging: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl TokenRefresh for UpsHangs {
    async fn ending_soon(&self) -> Result<Vec<TokenInUse>, StoreError> {
        Ok(self.ending.clone())
    }

    async fn refresh(&self, token: &TokenInUse) -> Result<(), CallError> {
        if token.key.system == "netsuite" {
            // Everybody who may ask UPS has done so by then.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            self.netsuite_answered.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let hanging = self.hanging.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(hanging, Ordering::Relaxed);
        while !self.netsuite_answered.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        self.hanging.fetch_sub(1, Ordering::Relaxed);
        Err(CallError::Later(Later::new(Obstacle::Unreachable, "no answer")))
    }
}

/// P10: a vendor that hangs keeps the tokens of no other from being renewed, and is asked for some at a time only.
#[tokio::test]
async fn a_vendor_that_hangs_keeps_no_other_tokens_from_being_renewed() -> Result<(), Failure> {
    let world = World::start().await?;
    let mut ending = Vec::new();
    for number in 0..20 {
        ending.push(token("ups", &format!("ups-{number}"), world.now())?);
    }
    ending.push(token("netsuite", "one", world.now() + MINUTE)?);
    let vendors = Arc::new(UpsHangs {
        ending,
        netsuite_answered: AtomicBool::new(false),
        hanging: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let refresh = Refresh {
        tokens: vendors.clone(),
        ..world.refresher()
    };
    let report = timeout(PATIENCE, refresh.run()).await??;
    assert_eq!((report.ending, report.renewed, report.failures.len()), (21, 1, 20));
    assert_eq!(vendors.most.load(Ordering::Relaxed), 8);
    Ok(())
}

/// Counts the writes of cursors.
struct Writes(Arc<AtomicUsize>);

#[async_trait]
impl Switch for Writes {
    async fn before(&self, call: &'static str) -> Fate {
        self.0.fetch_add(usize::from(call == "advance"), Ordering::Relaxed);
        Fate::Work
    }
}

/// A clock that goes on by a second each time that somebody looks at it.
struct Ticking(Hands);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        self.0.advance(SignedDuration::from_secs(1));
        self.0.now()
    }
}

/// Pages of which all is known cost no write of the cursor; a poll that must stop among them keeps its place.
#[tokio::test]
async fn what_says_nothing_new_is_not_written() -> Result<(), Failure> {
    let world = World::start().await?;
    for _ in 0..600 {
        world.enter(world.plain(1))?;
    }
    assert_eq!(world.poll().await?.admitted, 600);
    world.turn(MINUTE * 4);
    assert_eq!(world.poll().await?.seen, 600, "read again, for they were young");
    world.turn(MINUTE * 4);
    let writes = Arc::new(AtomicUsize::new(0));
    let cursors = Arc::new(world.store.behind(Arc::new(Writes(writes.clone()))));
    let poller = Poll {
        cursors: cursors.clone(),
        ..world.poller()
    };
    let id: ConnectionId = CONNECTION.parse()?;
    let report = poller.run(&id, world.now() + MINUTE).await?;
    assert_eq!((report.seen, report.complete), (0, true));
    assert_eq!(writes.load(Ordering::Relaxed), 0);

    let short = Poll {
        clock: Arc::new(Ticking(world.clock.clone())),
        ..poller.clone()
    };
    let report = short.run(&id, world.now() + SignedDuration::from_secs(6)).await?;
    assert_eq!((report.seen, report.complete), (0, false));
    assert_eq!(writes.load(Ordering::Relaxed), 1);
    let place = Cursors::cursor(cursors.as_ref(), &id, "orders").await?.scan;
    assert!(
        place.is_some_and(|place| place.after.is_some()),
        "the next poll goes on there"
    );
    let report = poller.run(&id, world.now() + MINUTE).await?;
    assert_eq!((report.seen, report.complete), (0, true));
    Ok(())
}
