//! An outage is noticed once: who notices it stops everybody, one probe at a time finds out when it is over.

use jiff::SignedDuration;
use simulators::faults::{Fault, FaultKind};
use tests::world::{CONNECTION, Failure, World};
use waybill::domain::Trouble;
use waybill::job::Step;

const SIX_HOURS: SignedDuration = SignedDuration::from_hours(6);
/// Looks, second purchases and duplicate checks included.
const AFTERWARDS: SignedDuration = SignedDuration::from_hours(12);
const ACCOUNT: &str = "ups:A1B2C3";

async fn with_a_known_shipment() -> Result<World, Failure> {
    let world = World::start().await?;
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.turn(SignedDuration::from_hours(1));
    Ok(world)
}

fn calls(world: &World) -> u64 {
    world.ups.read_books().requests.by_operation.values().sum()
}

fn trouble(world: &World) -> Option<Trouble> {
    let tables = world.store.tables();
    let health = tables.health.get(ACCOUNT).map(|(_, health)| health.clone());
    health.and_then(|health| health.outage).map(|outage| outage.trouble)
}

/// P21: six hours without the carrier: nothing is sent but a probe now and then, no purchase is unknown, every order waits
/// and ships afterwards, and nobody has to release one.
#[tokio::test]
async fn six_hours_without_the_carrier_leave_nothing_unknown() -> Result<(), Failure> {
    let world = with_a_known_shipment().await?;
    world.ups_fault(Fault::new("*", FaultKind::DropBefore));
    let orders: Vec<u64> = (0..20).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    let before = calls(&world);
    world.poll_and_work().await?;
    assert_eq!(trouble(&world), Some(Trouble::Everything));
    assert_eq!(calls(&world) - before, 5, "the others are stopped by the first five");
    world.pass(SIX_HOURS).await?;
    let probes = calls(&world) - before - 5;
    assert!((10..=40).contains(&probes), "{probes} probes in six hours");
    for order in &orders {
        let job = world.job(*order)?;
        assert!(job.hold.is_none() && matches!(job.purchase, Step::Todo), "{job:?}");
        let writes = world.store.tables().jobs.get(&job.id).map_or(0, |job| job.version);
        assert!(writes < 80, "{writes} writes");
    }

    world.ups.base().faults.clear();
    world.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(
        (trouble(&world), world.billed().len()),
        (None, 21),
        "an hour later everything has shipped"
    );
    for order in orders {
        assert!(world.job(order)?.write_back.done().is_some());
    }
    Ok(())
}

/// P21: a carrier that answers questions and loses purchases: three are lost until it is noticed, then one now and then is
/// tried; all others wait, and nobody has to release one.
#[tokio::test]
async fn a_carrier_that_loses_purchases_gets_a_handful_of_them() -> Result<(), Failure> {
    let world = with_a_known_shipment().await?;
    world.ups_fault(Fault::new("ship", FaultKind::DropBefore));
    let orders: Vec<u64> = (0..30).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    let asked = world.asked_ups("ship");
    world.poll_and_work().await?;
    assert_eq!(
        (trouble(&world), world.asked_ups("ship") - asked),
        (Some(Trouble::Effects), 3)
    );
    world.pass(SIX_HOURS).await?;
    let lost = world.asked_ups("ship") - asked;
    assert!(lost <= 3 + 14, "{lost} purchases were sent in six hours");

    world.ups.base().faults.clear();
    world.pass(AFTERWARDS).await?;
    assert_eq!((trouble(&world), world.billed().len()), (None, 31));
    for order in orders {
        let job = world.job(order)?;
        assert!(job.finished(), "{job:?}");
        assert_eq!(world.ups.read_books().unvoided(job.id.as_str()).len(), 1);
    }
    Ok(())
}

/// P21: the purchases that were under way when the carrier went away are looked up, and none is bought twice, whether they
/// had arrived or not.
#[tokio::test]
async fn purchases_under_way_at_the_beginning_are_settled_without_a_person() -> Result<(), Failure> {
    for kind in [FaultKind::DropBefore, FaultKind::DropAfter] {
        let world = with_a_known_shipment().await?;
        world.ups_fault(Fault::new("ship", kind.clone()).at_most(1));
        let order = world.enter(world.plain(1))?;
        world.poll_and_work().await?;
        world.ups_fault(Fault::new("*", FaultKind::Html503));
        world.pass(SIX_HOURS).await?;
        assert!(world.job(order)?.hold.is_none(), "{kind:?}");
        world.ups.base().faults.clear();
        world.pass(AFTERWARDS).await?;
        let job = world.job(order)?;
        assert!(job.finished(), "{kind:?}: {job:?}");
        assert_eq!(world.ups.read_books().unvoided(job.id.as_str()).len(), 1, "{kind:?}");
    }
    Ok(())
}

/// P11: a credential that is refused with a fresh token pauses the account for everybody and is probed until it heals; all
/// that time it costs a handful of token requests.
#[tokio::test]
async fn a_refused_credential_pauses_the_account_until_it_heals() -> Result<(), Failure> {
    let world = World::start().await?;
    let refused = FaultKind::Status {
        code: 401,
        retry_after: None,
    };
    for operation in ["address_validation", "rate", "ship"] {
        world.ups_fault(Fault::new(operation, refused.clone()));
    }
    let orders: Vec<u64> = (0..10).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    world.poll_and_work().await?;
    assert_eq!(trouble(&world), Some(Trouble::Credential));
    assert_eq!(
        (world.asked_ups("address_validation"), world.asked_ups("token")),
        (2, 2),
        "one order found out for all"
    );
    let waits = orders.iter().filter_map(|order| world.job(*order).ok()?.wait);
    assert!(
        waits
            .into_iter()
            .skip(1)
            .all(|wait| wait.reason.contains("refuses our credential"))
    );
    world.pass(SIX_HOURS).await?;
    assert!(
        world.asked_ups("token") <= 2 + 6 + 10,
        "{} token requests",
        world.asked_ups("token")
    );

    world.ups.base().faults.clear();
    world.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!((trouble(&world), world.billed().len()), (None, 10));
    Ok(())
}

/// P9: a thousand cold starts and five hundred forced refusals in a day: no client asks for more than 250 tokens in any 24
/// hours, no order fails, and those that could not ship ship when the refusals end.
#[tokio::test]
async fn a_thousand_cold_starts_and_five_hundred_refusals_stay_within_the_ledger() -> Result<(), Failure> {
    let mut world = World::start().await?;
    for turn in 0..1000 {
        world.turn(SignedDuration::from_secs(86));
        world.restart()?;
        if turn % 2 == 0 {
            world
                .ups
                .base()
                .faults
                .add(Fault::new("rate", FaultKind::ExpireTokens).at_most(1));
        }
        if turn % 4 == 0 {
            world.enter(world.plain(1))?;
            world.poll_for(&CONNECTION.parse()?).await?;
        }
        world.work().await?;
    }
    let issued: Vec<_> = world.ups.tokens_of("ups-client");
    assert!((150..=250).contains(&issued.len()), "{} tokens", issued.len());
    let held = world
        .store
        .tables()
        .jobs
        .values()
        .filter(|job| job.hold.is_some())
        .count();
    assert_eq!(held, 0, "no order fails");
    world.ups.base().faults.clear();
    world.pass(SignedDuration::from_hours(30)).await?;
    assert_eq!(world.billed().len(), 250, "and in the end all have shipped");
    let issued = world.ups.tokens_of("ups-client");
    let day = SignedDuration::from_hours(24);
    let most = issued
        .iter()
        .map(|at| issued.iter().filter(|one| *one >= at && **one < *at + day).count())
        .max();
    assert!(most <= Some(250), "{most:?}");
    Ok(())
}
