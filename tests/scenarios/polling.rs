//! Finding orders: pages, late commits, equal timestamps, and each customer by itself.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use simulators::netsuite::people::NewOrder;
use simulators::netsuite::{NetSuite, keys::KeyKind};
use simulators::server::Base;
use tests::world::{Failure, World};
use waybill::domain::ConnectionId;
use waybill::job::Job;

const FIVE: SignedDuration = SignedDuration::from_mins(5);

fn documents(world: &World) -> BTreeSet<String> {
    let tables = world.store.tables();
    tables.jobs.values().map(|job: &Job| job.document.id.clone()).collect()
}

/// P2: more than a thousand orders over many pages, most with equal timestamps, some committed late: none is lost, none
/// is taken twice.
#[tokio::test]
async fn a_thousand_orders_over_pages_lose_none() -> Result<(), Failure> {
    let world = World::start().await?;
    let mut entered = BTreeSet::new();
    for number in 0..1100_i64 {
        entered.insert(world.enter(world.plain(1))?.to_string());
        if number % 400 == 399 {
            world.turn(SignedDuration::from_secs(1));
        }
    }
    let report = world.poll().await?;
    assert!(report.complete, "{report:?}");
    assert_eq!((report.seen, report.admitted), (1100, 1100));
    assert_eq!(documents(&world), entered);

    world.turn(FIVE);
    for late_by_s in [0, 240, 900] {
        let late = NewOrder {
            late_by_s,
            ..world.plain(1)
        };
        entered.insert(world.enter(late)?.to_string());
    }
    let report = world.poll().await?;
    assert_eq!(
        report.admitted, 3,
        "committed late, before the scan's published maximum"
    );
    assert_eq!(documents(&world), entered);
    world.turn(FIVE);
    assert_eq!(world.poll().await?.admitted, 0);
    assert_eq!(world.store.tables().queue.len(), 1103, "one message each");
    Ok(())
}

/// P2: a poll that runs out of time goes on where it stopped, and what is committed meanwhile is found by the next.
#[tokio::test]
async fn a_poll_that_runs_out_of_time_goes_on_where_it_stopped() -> Result<(), Failure> {
    let world = World::start().await?;
    for _ in 0..600 {
        world.enter(world.plain(1))?;
    }
    world.turn(FIVE);
    world.netsuite_fault(
        simulators::faults::Fault::new(
            "suiteql",
            simulators::faults::FaultKind::Status {
                code: 500,
                retry_after: None,
            },
        )
        .when(simulators::faults::When::nth([8])),
    );
    let report = world.poll().await?;
    assert!(
        report.stopped.is_some() && (1..600).contains(&report.admitted),
        "{report:?}"
    );
    world.enter(world.plain(1))?;
    world.turn(FIVE);
    let rest = world.poll().await?;
    assert!(rest.complete, "{rest:?}");
    world.turn(FIVE);
    world.poll().await?;
    assert_eq!(documents(&world).len(), 601);
    Ok(())
}

/// P2: two customers with schedules, accounts and cursors of their own: polling one neither reads nor moves the other.
#[tokio::test]
async fn two_tenants_are_polled_each_on_its_own() -> Result<(), Failure> {
    let world = World::start().await?;
    let base = Base {
        clock: world.clock.clone(),
        ..Base::default()
    };
    let options = simulators::netsuite::options::Options {
        account: "7654321".to_owned(),
        ..Default::default()
    };
    let other = NetSuite::start(options, base, 0).await?;
    let key = other
        .netsuite
        .make_certificate(KeyKind::P384, "certificate-2", "client-2")?;
    let secret = serde_json::json!({
        "kind": "client-credentials", "client_id": "client-2", "certificate_id": "certificate-2",
        "private_key": key.private_pem, "algorithm": "ES384"
    });
    world.secret("waybill/test/bolt/netsuite", &secret).await?;
    let (acme, bolt): (ConnectionId, _) = (
        tests::world::CONNECTION.parse()?,
        world.connect("bolt-netsuite-ups", |connection| {
            connection.tenant = "bolt".parse().unwrap();
            connection.schedule.expression = "rate(1 hour)".to_owned();
            connection.erp.account = "7654321".to_owned();
            connection.erp.secret = "waybill/test/bolt/netsuite".to_owned();
            connection.erp.base_url = other.url.parse().ok();
        })?,
    );
    world.enter(world.plain(1))?;
    let order = NewOrder {
        ship_method: None,
        ..world.plain(1)
    };
    other
        .netsuite
        .act(|account, now| account.add_order(order, now))
        .unwrap();

    // An hour of schedules: Acme every five minutes, Bolt once.
    for minute in 0..60 {
        match minute {
            0 => assert_eq!(world.poll_for(&bolt).await?.admitted, 1),
            minute if minute % 5 == 0 => {
                assert_eq!(world.poll_for(&acme).await?.admitted, u64::from(minute == 5));
            }
            _ => {}
        }
        world.turn(SignedDuration::from_mins(1));
    }
    let tables = world.store.tables();
    let of = |id: &ConnectionId| tables.jobs.values().filter(|job| job.connection == *id).count();
    assert_eq!((of(&acme), of(&bolt)), (1, 1));
    let asked = (
        world.asked_netsuite("suiteql"),
        other.netsuite.base.requests.count("suiteql"),
    );
    assert!(asked.0 >= 10 + asked.1, "eleven polls and one: {asked:?}");
    // What the later polls saw was known.
    let version = |id: &ConnectionId| tables.cursors[&(id.clone(), "orders".to_owned())].version;
    assert_eq!((version(&acme), version(&bolt)), (1, 1));
    assert_eq!(
        tables.jobs.values().filter(|job| job.tenant.as_str() == "bolt").count(),
        1
    );
    Ok(())
}

/// P1: what was modified before the connection's `start_from` is left alone.
#[tokio::test]
async fn back_orders_are_left_alone() -> Result<(), Failure> {
    let world = World::start().await?;
    let old = world.enter(NewOrder {
        late_by_s: 3 * 86_400,
        ..world.plain(1)
    })?;
    let new = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!((world.jobs(old).len(), world.jobs(new).len()), (0, 1));
    Ok(())
}

/// A sweep queues its share of every shard and no more than it may; what is left is due at the next.
#[tokio::test]
async fn a_sweep_queues_no_more_than_it_may() -> Result<(), Failure> {
    let world = World::start().await?;
    for _ in 0..40 {
        world.enter(world.plain(1))?;
    }
    world.poll().await?;
    world.store.tables().queue.clear();
    let mut sweeps = 0;
    let mut queued = 0;
    while queued < 40 {
        let report = world
            .sweeper()
            .at_most(16, world.now() + SignedDuration::from_mins(1))
            .await?;
        assert!((1..=16).contains(&report.requeued), "{report:?}");
        (sweeps, queued) = (sweeps + 1, queued + report.requeued);
    }
    assert!(sweeps >= 3 && queued == 40, "{sweeps} {queued}");
    Ok(())
}
