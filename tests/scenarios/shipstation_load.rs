//! ShipStation's limit with very many at once: a burst of calls from a fleet over one shared table, each worker a process of its own.
//!
//! They ask a ShipStation in this process, so that the clock is turned instead of waited for. Nobody counts but ShipStation itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::clock::Clock as Hands;
use simulators::server::{Base, Local};
use simulators::shipstation::{NewOrder, Options, ShipStation};
use tests::shipstation::{Api, Shop, V1_KEY};
use tests::world::{Failure, SharedClock, World};
use waybill::connection::Connection;
use waybill::domain::{Level, LevelKey};
use waybill::flows::poll::Report;
use waybill::http::{self, Fate, SharedTokens, Vendor};
use waybill::memory::CountedNonces;
use waybill::ports::{CallError, Secrets, ShippingDesk, Systems};
use waybill::systems::Registry;

/// How many workers there are, and how many calls.
const WORKERS: usize = 50;
const CALLS: u64 = 2_000;

/// The V2 key with which every story begins, and one of the sandbox.
const KEY: &str = "shipstation-v2-key";
const SANDBOX_KEY: &str = "TEST_shipstation-key";

/// ShipStation in this process: a call takes some turns of the scheduler and a moment of everybody's time.
struct Near {
    shipstation: Local,
    clock: Hands,
}

#[async_trait]
impl Vendor for Near {
    async fn ask(&self, request: ::http::Request<Bytes>) -> Fate {
        tokio::task::yield_now().await;
        let answer = self.shipstation.exchange(request).await;
        self.clock.advance(SignedDuration::from_millis(2));
        tokio::task::yield_now().await;
        answer.map_or(Fate::Broken, Fate::Answered)
    }
}

struct Fleet {
    world: World,
    shipstation: ShipStation,
    workers: Vec<Arc<dyn ShippingDesk>>,
}

impl Fleet {
    /// Workers that all have just begun, under one key of V2.
    async fn start(key: &str, options: Options) -> Result<Self, Failure> {
        Self::start_by("v2", &json!({ "api_key": key }), options).await
    }

    /// The same by an API of this name, under these keys.
    async fn start_by(api: &str, keys: &Value, options: Options) -> Result<Self, Failure> {
        let world = World::start().await?;
        let base = Base {
            clock: world.clock.clone(),
            ..Default::default()
        };
        let (shipstation, local) = ShipStation::here(options, base);
        let near = Near {
            shipstation: local,
            clock: world.clock.clone(),
        };
        let client = http::client()?.asking(Arc::new(near));
        let secret = "waybill/test/acme/shipstation";
        let keys = SecretString::from(keys.to_string());
        world.vault.write(secret, &keys).await?;
        let id = world.connect("acme-netsuite-shipstation", |connection| {
            connection.carrier.system = "shipstation".to_owned();
            connection.carrier.account = "acme".to_owned();
            connection.carrier.secret = secret.to_owned();
            connection.carrier.base_url = "http://shipstation.here".parse().ok();
            connection.carrier.options = json!({ "api": api });
        })?;
        let connection = world.store.tables().connections.get(&id).cloned();
        let connection = connection.ok_or("it was just made")?;
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(cold(&world, &client, &connection).await?);
        }
        for sku in 0..CALLS {
            shipstation.add_product(&format!("SKU-{sku}"), "Ball valve");
        }
        Ok(Self {
            world,
            shipstation,
            workers,
        })
    }

    /// Every level is told by whoever is free.
    async fn tell(&self, calls: u64) -> Result<u64, Failure> {
        let tell = async |one: u64, worker: &Arc<dyn ShippingDesk>| {
            let level = Level {
                key: LevelKey { item: one, location: 1 },
                sku: format!("SKU-{one}"),
                quantity: Decimal::from(one + 1),
            };
            worker.set_on_hand(&level, "se-5101").await
        };
        self.make(calls, tell).await
    }

    /// Every call is made by whoever is free; who is told to wait comes again when the hint says so, and not before.
    async fn make(
        &self,
        calls: u64,
        call: impl AsyncFn(u64, &Arc<dyn ShippingDesk>) -> Result<(), CallError>,
    ) -> Result<u64, Failure> {
        let (clock, call) = (&self.world.clock, &call);
        let mut due: BTreeMap<(Timestamp, u64), ()> = (0..calls).map(|one| ((clock.now(), one), ())).collect();
        let mut visits = 0;
        while let Some(((first, _), ())) = due.first_key_value() {
            clock.set((*first).max(clock.now()));
            let now = clock.now();
            let taken: Vec<u64> = due
                .keys()
                .filter(|(at, _)| *at <= now)
                .map(|(_, one)| *one)
                .take(WORKERS)
                .collect();
            due.retain(|(_, one), ()| !taken.contains(one));
            visits += u64::try_from(taken.len())?;
            let told = taken
                .into_iter()
                .zip(&self.workers)
                .map(async |(one, worker)| (one, call(one, worker).await));
            for (one, told) in join_all(told).await {
                match told {
                    Ok(()) => {}
                    Err(CallError::Later(later)) => {
                        let hint = later.after.and_then(|after| SignedDuration::try_from(after).ok());
                        let wait = hint
                            .unwrap_or(SignedDuration::from_mins(1))
                            .max(SignedDuration::from_secs(1));
                        due.insert((clock.now() + wait, one), ());
                    }
                    Err(error) => return Err(error.to_string().into()),
                }
            }
        }
        Ok(visits)
    }

    /// Every level is shown as it was told last.
    fn nothing_is_lost(&self, calls: u64) -> bool {
        let books = self.shipstation.read_books();
        (0..calls).all(|one| books.on_hand(&format!("SKU-{one}"), 5101) == i64::try_from(one + 1).ok())
    }
}

/// The desk as a process that has just begun reaches it.
async fn cold(world: &World, client: &http::Client, connection: &Connection) -> Result<Arc<dyn ShippingDesk>, Failure> {
    let (store, clock) = (
        Arc::new(world.store.clone()),
        Arc::new(SharedClock(world.clock.clone())),
    );
    let (vault, nonces) = (world.vault.clone(), Arc::new(CountedNonces::default()));
    let tokens = SharedTokens::new(store.clone(), vault.clone(), clock.clone(), nonces).without_rests();
    let (timeout, tokens) = (Duration::from_secs(30), Arc::new(tokens));
    let registry = Registry::new(client.clone(), clock, timeout, tokens, store, vault);
    let desk = registry.open(connection).await?.desk.ok_or("it is no desk")?;
    Ok(desk.desk)
}

/// P49: a burst of 2,000 calls from 50 workers: ShipStation never sees more than 200 in any 60 seconds, refuses none or a few, and
/// every call is made in the end.
#[tokio::test]
async fn two_thousand_calls_from_fifty_workers_keep_the_limit_of_a_minute() -> Result<(), Failure> {
    let fleet = Fleet::start(KEY, Options::default()).await?;
    let began = fleet.world.now();
    let visits = fleet.tell(CALLS).await?;
    let books = fleet.shipstation.read_books();
    let traffic = books.traffic.get(KEY).ok_or("nothing was asked")?;
    assert!(traffic.most_in_60_s <= 200, "{} in 60 s", traffic.most_in_60_s);
    assert_eq!(traffic.refused, 0);
    assert!(fleet.nothing_is_lost(CALLS));
    let took = fleet.world.now().duration_since(began);
    assert!(took < SignedDuration::from_mins(40), "{took:#}, {visits} visits");
    Ok(())
}

/// P49: a key of the sandbox takes 20 calls a minute.
#[tokio::test]
async fn a_key_of_the_sandbox_takes_twenty_calls_a_minute() -> Result<(), Failure> {
    let fleet = Fleet::start(SANDBOX_KEY, Options::default()).await?;
    fleet.tell(150).await?;
    let books = fleet.shipstation.read_books();
    let traffic = books.traffic.get(SANDBOX_KEY).ok_or("nothing was asked")?;
    assert!(
        traffic.most_in_60_s <= 20 && traffic.refused == 0,
        "{} in 60 s",
        traffic.most_in_60_s
    );
    assert!(fleet.nothing_is_lost(150));
    Ok(())
}

/// P49: where ShipStation grants less than it publishes, its 429 pauses the whole fleet for as long as it says, and nothing is lost.
#[tokio::test]
async fn a_refusal_for_the_limit_pauses_everybody() -> Result<(), Failure> {
    let options = Options {
        v2_calls: 120,
        ..Options::default()
    };
    let fleet = Fleet::start(KEY, options).await?;
    fleet.tell(600).await?;
    let books = fleet.shipstation.read_books();
    let traffic = books.traffic.get(KEY).ok_or("nothing was asked")?;
    assert!(traffic.refused > 0, "the limit is lower than what is published");
    assert!(traffic.most_let_in_60_s <= 120, "{}", traffic.most_let_in_60_s);
    // A refusal is heard by whoever asked at the same moment, and by nobody after it.
    assert!(traffic.refused <= 10 * 50, "{} were refused", traffic.refused);
    assert!(fleet.nothing_is_lost(600));
    Ok(())
}

/// P49: V1 takes 40 calls a minute and says in every answer how many are left: 50 workers keep to that, and nothing is lost.
#[tokio::test]
async fn v1_takes_forty_calls_a_minute() -> Result<(), Failure> {
    let keys = json!({ "key": "shipstation-v1-key", "secret": "shipstation-v1-secret" });
    let fleet = Fleet::start_by("v1", &keys, Options::default()).await?;
    for number in 0..300 {
        fleet
            .shipstation
            .enter(NewOrder::of(&format!("SO-{number:03}"), &[("W-1", 1)]))?;
    }
    let found = AtomicU64::new(0);
    let look = async |one: u64, worker: &Arc<dyn ShippingDesk>| {
        let orders = worker.numbered(&format!("SO-{one:03}")).await?;
        found.fetch_add(u64::try_from(orders.len()).unwrap_or_default(), Ordering::Relaxed);
        Ok(())
    };
    fleet.make(300, look).await?;
    let books = fleet.shipstation.read_books();
    let traffic = books.traffic.get("shipstation-v1-key").ok_or("nothing was asked")?;
    assert!(traffic.most_in_60_s <= 40, "{} in 60 s", traffic.most_in_60_s);
    assert_eq!((traffic.refused, found.into_inner()), (0, 300));
    Ok(())
}

/// P49: by V1 and its list alone, every push being lost: a poll says how long the limit lasts that stopped it, a few seconds, and goes on
/// then; of forty calls a minute most are used, none is refused, and each parcel is taken in once.
#[tokio::test]
async fn v1_alone_keeps_up_with_a_parcel_every_few_seconds() -> Result<(), Failure> {
    let shop = Shop::start(Api::V1).await?;
    let mut orders = Vec::new();
    for number in 0..24 {
        let order = shop.ordered()?;
        match number % 3 {
            0 => shop
                .shipstation
                .mark_shipped(&order.number, "ups", &format!("1Z999AA1012345{number:04}"))
                .map(|_| ())?,
            _ => shop.ship(&order.number).map(|_| ())?,
        }
        orders.push(order);
    }
    shop.world.turn(SignedDuration::from_mins(1));
    shop.lose_notices();
    let (begin, mut all) = (shop.world.now(), Report::default());
    for _ in 0..60 {
        let report = shop.poll().await?;
        let limited_for = report.limited_for;
        all = all.and(report);
        let Some(wait) = limited_for else { break };
        assert!(
            wait.as_secs() <= 10,
            "a part of the limit is ten seconds long, and not {wait:?}"
        );
        shop.world.turn(SignedDuration::try_from(wait)?);
    }
    let took = shop.world.now().duration_since(begin).as_secs();
    assert!(all.complete && all.stopped.is_none(), "{all:?}");
    assert_eq!((all.admitted, all.parked), (24, 0), "{all:?}");
    assert!(took <= 240, "24 parcels took {took} seconds");
    let books = shop.books();
    let traffic = books.traffic.get(V1_KEY).ok_or("nothing was asked")?;
    assert!(traffic.most_in_60_s <= 40 && traffic.refused == 0, "{traffic:?}");
    shop.work().await?;
    for order in orders {
        assert_eq!(shop.fulfilled(order.id)?.len(), 1, "{}", order.number);
    }
    Ok(())
}
