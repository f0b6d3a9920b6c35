//! Answers that are lost, refused or unreadable.

use jiff::SignedDuration;
use simulators::faults::{Fault, FaultKind, When};
use simulators::{netsuite, ups};
use tests::world::{Failure, World};
use waybill::job::HoldReason;

/// Four looks, a second purchase, and the look for a duplicate of it.
const EVERYTHING: SignedDuration = SignedDuration::from_hours(10);

/// A world in which one shipment is known, so that a look can be believed.
async fn with_a_known_shipment(ups: ups::Options) -> Result<World, Failure> {
    let world = World::start_with(ups, netsuite::options::Options::default()).await?;
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.turn(SignedDuration::from_hours(1));
    assert_eq!(world.billed().len(), 1);
    Ok(world)
}

async fn one_shipment_in_spite_of(kind: FaultKind, bought_at_first: bool, ups: ups::Options) -> Result<(), Failure> {
    let world = with_a_known_shipment(ups).await?;
    let asked = world.asked_ups("ship");
    world.ups_fault(Fault::new("ship", kind.clone()).at_most(1));
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;
    assert_eq!(
        world.page(order)?.fulfilments.len(),
        0,
        "{kind:?}: nothing is known yet"
    );
    world.pass(EVERYTHING).await?;

    let job = world.job(order)?;
    assert!(job.finished(), "{kind:?}: {job:?}");
    let books = world.ups.read_books();
    assert_eq!(books.unvoided(job.id.as_str()).len(), 1, "{kind:?}");
    let calls = if bought_at_first { 1 } else { 2 };
    assert_eq!(
        world.asked_ups("ship") - asked,
        calls,
        "{kind:?}: a purchase is repeated only after it was looked for"
    );
    let page = world.page(order)?;
    assert_eq!(page.fulfilments.len(), 1, "{kind:?}");
    assert_eq!(
        page.fulfilments[0].tracking_numbers,
        books.unvoided(job.id.as_str()),
        "{kind:?}"
    );
    assert!(
        !job.labels.done().unwrap().is_empty(),
        "{kind:?}: the label was had again"
    );
    Ok(())
}

/// P20: the answer is lost after the effect: the purchase is found by its reference, never repeated.
#[tokio::test]
async fn a_purchase_whose_answer_was_lost_is_found() -> Result<(), Failure> {
    for kind in [FaultKind::DropAfter, FaultKind::Status500After, FaultKind::Unreadable] {
        one_shipment_in_spite_of(kind, true, ups::Options::default()).await?;
    }
    Ok(())
}

/// P20: the request is lost before the effect: after four absences beside a control that is seen, it is bought once.
#[tokio::test]
async fn a_purchase_that_never_arrived_is_made_once() -> Result<(), Failure> {
    let failed = FaultKind::Status {
        code: 500,
        retry_after: None,
    };
    for kind in [FaultKind::DropBefore, FaultKind::Html503, failed] {
        one_shipment_in_spite_of(kind, false, ups::Options::default()).await?;
    }
    Ok(())
}

/// P20: "not found" right after a purchase proves nothing: the carrier's index lags half an hour and nothing is bought twice.
#[tokio::test]
async fn an_index_that_lags_causes_no_second_purchase() -> Result<(), Failure> {
    let lagging = ups::Options {
        index_lag_s: 1800,
        ..ups::Options::default()
    };
    one_shipment_in_spite_of(FaultKind::DropAfter, true, lagging).await
}

/// P20: an index that lags longer than all the looks: the second purchase is noticed and voided.
#[tokio::test]
async fn a_second_purchase_is_voided_when_the_first_turns_up() -> Result<(), Failure> {
    let world = with_a_known_shipment(ups::Options::default()).await?;
    world.turn(SignedDuration::from_hours(4));
    world.ups.configure(|options| options.index_lag_s = 3 * 3600);
    world.ups_fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(14)).await?;
    let (job, books) = (world.job(order)?, world.ups.read_books());
    assert!(job.finished(), "{job:?}");
    let bought = books
        .shipments
        .iter()
        .filter(|one| one.has_reference(job.id.as_str()))
        .count();
    assert_eq!((bought, books.unvoided(job.id.as_str()).len()), (2, 1));
    let page = world.page(order)?;
    assert_eq!(page.fulfilments.len(), 1);
    assert_eq!(page.fulfilments[0].tracking_numbers, books.unvoided(job.id.as_str()));
    Ok(())
}

/// P20: a look that cannot see anything proves nothing: without a known shipment the job is held, not bought again.
#[tokio::test]
async fn without_a_control_a_lost_purchase_is_held() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("ship", FaultKind::DropBefore).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(24)).await?;
    assert_eq!(world.held(order)?.0, HoldReason::UnknownPurchase);
    assert_eq!(world.asked_ups("ship"), 1);

    world
        .operator()
        .release(&world.job(order)?.id, "ann", HoldReason::UnknownPurchase)
        .await?;
    world.work().await?;
    assert_eq!(world.billed().len(), 1, "a person said that nothing was bought");
    Ok(())
}

/// P20, P15: a lost answer of the ERP makes one fulfilment, whether the request arrived or not.
#[tokio::test]
async fn a_lost_write_back_makes_one_fulfilment() -> Result<(), Failure> {
    for kind in [
        FaultKind::DropAfter,
        FaultKind::Status500After,
        FaultKind::DropBefore,
        FaultKind::Html503,
    ] {
        let world = World::start().await?;
        world.netsuite_fault(Fault::new("transform", kind.clone()).at_most(1));
        let order = world.enter(world.plain(1))?;
        world.poll_and_work().await?;
        world.pass(SignedDuration::from_hours(2)).await?;
        let job = world.job(order)?;
        assert!(job.finished(), "{kind:?}: {job:?}");
        assert_eq!(world.page(order)?.fulfilments.len(), 1, "{kind:?}");
        assert_eq!(world.field(order, "tracking")?, world.billed()[0].id, "{kind:?}");
        assert!(world.netsuite.books().duplicates.is_empty(), "{kind:?}");
    }
    Ok(())
}

/// P20: the carrier's plain refusal is final: it is held with the carrier's words, and nobody asks again and again.
#[tokio::test]
async fn a_refusal_is_held_with_the_carriers_words() -> Result<(), Failure> {
    let world = World::start_with(
        ups::Options {
            unbillable_accounts: vec!["A1B2C3".to_owned()],
            ..ups::Options::default()
        },
        netsuite::options::Options::default(),
    )
    .await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(24)).await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::Rejected, "{message}");
    assert_eq!(world.field(order, "problem")?, message);
    assert_eq!(world.asked_ups("ship"), 1);
    Ok(())
}

/// P20: every call of both systems fails now and then, and every order still ships exactly once.
#[tokio::test]
async fn a_bad_day_ships_every_order_once() -> Result<(), Failure> {
    let world = with_a_known_shipment(ups::Options::default()).await?;
    let kinds = [
        FaultKind::DropBefore,
        FaultKind::DropAfter,
        FaultKind::Status500After,
        FaultKind::Unreadable,
    ];
    for (seed, kind) in (1..).zip(kinds) {
        world.ups_fault(Fault::new("*", kind.clone()).when(When::chance(0.05, seed)));
        world.netsuite_fault(Fault::new("*", kind).when(When::chance(0.03, seed + 10)));
    }
    let orders: Vec<u64> = (0..20).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    for _ in 0..12 {
        world.poll().await?;
        world.pass(SignedDuration::from_mins(30)).await?;
    }
    for faults in [&world.ups.base().faults, &world.netsuite.base.faults] {
        let strikes: u32 = faults.report().iter().map(|fault| fault.strikes).sum();
        assert!(strikes > 10, "only {strikes} faults struck");
        faults.clear();
    }
    world.poll().await?;
    world.pass(SignedDuration::from_hours(24)).await?;
    let books = world.ups.read_books();
    for order in orders {
        let job = world.job(order)?;
        assert!(job.finished(), "{job:?}");
        assert_eq!(books.unvoided(job.id.as_str()).len(), 1);
        assert_eq!(world.page(order)?.fulfilments.len(), 1);
    }
    assert!(books.duplicates.is_empty() && world.netsuite.books().duplicates.is_empty());
    Ok(())
}

/// P20: a write-back whose answer is lost again and again, and which never arrives, is held for a person instead of being sent for
/// ever; once a person has mended what swallows it, it is written.
#[tokio::test]
async fn a_write_back_that_never_arrives_is_held_after_some_tries() -> Result<(), Failure> {
    let world = World::start().await?;
    world.netsuite_fault(Fault::new("transform", FaultKind::DropBefore));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(48)).await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::WriteBackInDoubt);
    assert!(
        message.contains("4 times") && message.contains("job audit"),
        "{message}"
    );
    assert_eq!((world.asked_netsuite("transform"), world.billed().len()), (4, 1));
    world.netsuite.base.faults.clear();
    let job = world.job(order)?;
    world.operator().release(&job.id, "ann", reason).await?;
    world.work().await?;
    world.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(world.page(order)?.fulfilments.len(), 1);
    Ok(())
}
