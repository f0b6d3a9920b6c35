//! Limits of both systems, and of the customer's purse.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::SignedDuration;
use rust_decimal::{Decimal, dec};
use serde_json::json;
use simulators::faults::{Fault, FaultKind, When};
use simulators::{netsuite, ups};
use tests::world::{Failure, World};
use waybill::domain::{JobId, Money, TenantId};

fn too_many(retry_after: Option<u64>) -> FaultKind {
    FaultKind::Status { code: 429, retry_after }
}

/// P19, P62: before the time that a 429 names nobody asks, and a quarter of it later at the latest somebody does.
#[tokio::test]
async fn a_429_with_retry_after_is_obeyed() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("ship", too_many(Some(90))).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_secs(89)).await?;
    assert_eq!(
        (world.asked_ups("ship"), world.billed().len()),
        (1, 0),
        "nobody asks before"
    );
    world.pass(SignedDuration::from_secs(25)).await?;
    assert_eq!((world.asked_ups("ship"), world.billed().len()), (2, 1));
    assert!(world.job(order)?.write_back.done().is_some());
    Ok(())
}

/// P19: a 429 without a hint is not hammered at; the order is kept and ships when the carrier has room.
#[tokio::test]
async fn a_429_without_a_hint_is_no_hot_loop() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("*", too_many(None)).when(When::first(12)));
    let orders: Vec<u64> = (0..3).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_secs(20)).await?;
    let asked: u64 = world.ups.read_books().requests.by_operation.values().sum();
    assert!(asked <= 3 * 2, "{asked} requests in twenty seconds of refusals");
    world.pass(SignedDuration::from_hours(1)).await?;
    for order in orders {
        assert!(world.job(order)?.write_back.done().is_some());
    }
    assert_eq!(world.billed().len(), 3);
    Ok(())
}

/// P19: a carrier that allows few calls a minute is served at its pace, and every order ships.
#[tokio::test]
async fn a_carriers_rate_limit_is_kept_by_waiting() -> Result<(), Failure> {
    let limit = ups::RateLimit {
        requests: 6,
        per_s: 60,
        retry_after: None,
    };
    let options = ups::Options {
        rate_limit: Some(limit),
        ..ups::Options::default()
    };
    let world = World::start_with(options, netsuite::options::Options::default()).await?;
    for _ in 0..8 {
        world.enter(world.plain(1))?;
    }
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(world.billed().len(), 8);
    assert!(world.ups.read_books().duplicates.is_empty());
    Ok(())
}

/// P19: a rate that the connection names is never passed, so that the carrier has nothing to refuse; work waits its turn.
#[tokio::test]
async fn a_rate_that_we_know_is_never_passed() -> Result<(), Failure> {
    let limit = ups::RateLimit {
        requests: 12,
        per_s: 60,
        retry_after: None,
    };
    let options = ups::Options {
        rate_limit: Some(limit),
        ..ups::Options::default()
    };
    let world = World::start_with(options, netsuite::options::Options::default()).await?;
    world.configure(|connection| connection.carrier.options = json!({ "rate_limit": { "calls": 12, "seconds": 60 } }));
    for _ in 0..12 {
        world.enter(world.plain(1))?;
    }
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(6)).await?;
    let refused = |operation: &str| {
        let requests = world.ups_requests(operation);
        requests.iter().filter(|request| request.status == Some(429)).count()
    };
    assert_eq!(refused("ship") + refused("rate") + refused("address_validation"), 0);
    assert_eq!(world.billed().len(), 12);
    Ok(())
}

/// P19: one customer's flood does not starve another: his order is served among the first although it came last.
#[tokio::test]
async fn a_flood_does_not_starve_the_others() -> Result<(), Failure> {
    let world = World::start().await?;
    for _ in 0..30 {
        world.enter(world.plain(1))?;
    }
    world.poll().await?;
    let other: TenantId = "other".parse()?;
    let late = world.connect("other-netsuite-ups", |connection| connection.tenant = other.clone())?;
    world.poll_for(&late).await?;
    let served = |job: &JobId| world.store.tables().jobs.get(job).map(|job| job.tenant.clone());
    let first: Vec<_> = std::iter::from_fn(|| world.store.receive()).take(4).collect();
    let theirs = first.iter().filter(|job| served(job).as_ref() == Some(&other)).count();
    assert_eq!(theirs, 2, "every second turn is theirs");
    Ok(())
}

/// Orders beyond the hour's cap wait for the next hour; no hour spends more.
#[tokio::test]
async fn the_spending_cap_makes_orders_wait() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| connection.spend_cap_per_hour = Money::new(dec!(25), "USD"));
    let orders: Vec<u64> = (0..6).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    world.poll_and_work().await?;
    let first = world.billed().len();
    assert!((1..6).contains(&first), "{first}");
    let waiting = orders.iter().filter_map(|order| world.job(*order).ok()?.wait);
    assert!(waiting.into_iter().all(|wait| wait.reason.contains("spending cap")));

    world.pass(SignedDuration::from_hours(8)).await?;
    let mut spent: BTreeMap<i64, Decimal> = BTreeMap::new();
    for shipment in world.billed() {
        *spent.entry(shipment.billed_at.as_second() / 3600).or_default() += shipment.charge;
    }
    assert_eq!(world.billed().len(), 6);
    assert!(spent.values().all(|sum| *sum <= dec!(25)), "{spent:?}");
    Ok(())
}

/// P20: an account whose concurrency others use up makes work wait; nothing is lost and nothing doubled.
#[tokio::test]
async fn a_full_erp_account_makes_work_wait() -> Result<(), Failure> {
    let options = netsuite::options::Options {
        concurrency: 1,
        latency_ms: 3,
        ..Default::default()
    };
    let world = World::start_with(ups::Options::default(), options).await?;
    let orders: Vec<u64> = (0..6).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    world.poll().await?;
    let worker = world.worker();
    let messages: Vec<_> = std::iter::from_fn(|| world.store.receive()).collect();
    for outcome in join_all(messages.iter().map(|job| worker.run(job))).await {
        outcome?;
    }
    let refused = world.netsuite.books().traffic.refused_for_concurrency;
    assert!(refused > 0, "the account was never full: the story shows nothing");
    world.pass(SignedDuration::from_hours(1)).await?;
    for order in orders {
        assert!(world.job(order)?.write_back.done().is_some());
        assert_eq!(world.page(order)?.fulfilments.len(), 1);
    }
    assert_eq!(world.billed().len(), 6);
    Ok(())
}

/// P2: our own slots keep us below the account's limit, so that nothing is refused.
#[tokio::test]
async fn our_slots_keep_us_below_the_accounts_limit() -> Result<(), Failure> {
    let options = netsuite::options::Options {
        concurrency: 3,
        latency_ms: 2,
        ..Default::default()
    };
    let world = World::start_with(ups::Options::default(), options).await?;
    // The first order brings the tokens, which the others would wait for.
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    for _ in 0..7 {
        world.enter(world.plain(1))?;
    }
    world.poll().await?;
    let worker = world.worker();
    let messages: Vec<_> = std::iter::from_fn(|| world.store.receive()).collect();
    for outcome in join_all(messages.iter().map(|job| worker.run(job))).await {
        outcome?;
    }
    world.pass(SignedDuration::from_mins(30)).await?;
    let traffic = world.netsuite.books().traffic;
    assert_eq!((traffic.refused_for_concurrency, world.billed().len()), (0, 8));
    assert!(traffic.peak_concurrency > 1, "they did work side by side");
    Ok(())
}
