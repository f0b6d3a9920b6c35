//! People act while Waybill works: they cancel, fulfil by hand, edit, release and void.

use jiff::SignedDuration;
use rust_decimal::dec;
use simulators::faults::{Fault, FaultKind};
use tests::world::{Failure, World, place};
use waybill::domain::Gone;
use waybill::job::{Closing, HoldReason};

/// Longer than a reading may be old when something is bought on it.
const OLD: SignedDuration = SignedDuration::from_mins(11);

/// P1: an order that is cancelled while it waits in the queue buys nothing.
#[tokio::test]
async fn an_order_cancelled_while_queued_buys_nothing() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    world.turn(OLD);
    world.person(|account, now| account.cancel(order, now))?;
    world.work().await?;
    let job = world.job(order)?;
    assert_eq!(job.closed, Some(Closing::Order(Gone::Cancelled)));
    assert_eq!((job.due_at, world.asked_ups("ship")), (None, 0));

    world.person(|account, now| account.reopen(order, now))?;
    world.poll_and_work().await?;
    let jobs = world.jobs(order);
    assert_eq!(
        jobs.len(),
        2,
        "its quantity was given back, so that it ships as a new unit"
    );
    assert!(jobs[1].write_back.done().is_some());
    Ok(())
}

/// P1: an order that somebody fulfils by hand while it waits is not shipped again.
#[tokio::test]
async fn an_order_fulfilled_by_hand_is_recognised() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    world.turn(OLD);
    world.person(|account, now| account.fulfil_by_hand(order, Some("1ZBYHAND0000000001"), now))?;
    world.work().await?;
    world.poll_and_work().await?;
    let job = world.job(order)?;
    assert!(matches!(job.closed, Some(Closing::Order(_))), "{job:?}");
    assert_eq!((world.asked_ups("ship"), world.page(order)?.fulfilments.len()), (0, 1));
    Ok(())
}

/// P1: an order that is edited between its reading and its purchase ships as it stands, judged by the clock of the intent.
#[tokio::test]
async fn an_order_edited_while_queued_ships_as_it_stands() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(5))?;
    world.poll().await?;
    world.turn(OLD);
    world.person(|account, now| account.edit_quantity(order, 1, dec!(2), now))?;
    world.work().await?;
    assert_eq!(world.billed()[0].packages[0].weight.parse().ok(), Some(dec!(3)));
    assert_eq!(world.job(order)?.snapshot.number, 2);
    Ok(())
}

/// An order that changes after its label exists is held and reported, never shipped again; a person's word ends it.
#[tokio::test]
async fn an_order_edited_after_its_label_is_held_for_a_person() -> Result<(), Failure> {
    let world = World::start().await?;
    let busy = FaultKind::Status {
        code: 429,
        retry_after: Some(60),
    };
    world.netsuite_fault(Fault::new("transform", busy).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (1, 0));
    let elsewhere = place("Hudson Supply Co", "233 S Wacker Dr", "Chicago", "IL", "60606", "US");
    world.person(|account, now| account.edit_address(order, elsewhere, now))?;
    world.pass(SignedDuration::from_hours(1)).await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::ChangedAfterLabel);
    assert_eq!(world.field(order, "problem")?, message);
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (1, 0));

    let job = world.job(order)?.id;
    world
        .operator()
        .release(&job, "ann", HoldReason::ChangedAfterLabel)
        .await?;
    world.work().await?;
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (1, 1));
    assert_eq!(world.field(order, "problem")?, "");
    assert!(
        world.story(&job).iter().any(|entry| entry.by == "ann"),
        "who said so is on record"
    );
    Ok(())
}

/// A person voids a shipment: it is void at the carrier, and the order ships anew.
#[tokio::test]
async fn a_voided_shipment_is_void_and_its_order_ships_anew() -> Result<(), Failure> {
    let world = World::start().await?;
    let busy = FaultKind::Status {
        code: 429,
        retry_after: Some(600),
    };
    world.netsuite_fault(Fault::new("transform", busy).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let first = world.billed()[0].id.clone();
    world.operator().void(&world.job(order)?.id, "ann").await?;
    world.work().await?;
    assert_eq!(world.billed().len(), 0);

    world.pass(SignedDuration::from_mins(11)).await?;
    world.poll_and_work().await?;
    let [again] = <[_; 1]>::try_from(world.billed()).unwrap();
    assert_ne!(again.id, first);
    assert_eq!(world.page(order)?.fulfilments[0].tracking_numbers, [again.id]);
    Ok(())
}

/// P20: replaying is always safe, at any time and any number of times.
#[tokio::test]
async fn replaying_a_job_makes_no_duplicate() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    for _ in 0..3 {
        world.operator().replay(&world.job(order)?.id, "ann").await?;
        world.pass(SignedDuration::from_hours(1)).await?;
    }
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (1, 1));
    assert_eq!(world.asked_ups("ship"), 1);
    Ok(())
}

/// P12: a good address that will not validate is a person's to accept; the label then carries it as it stands.
#[tokio::test]
async fn a_person_accepts_an_address_that_the_carrier_does_not_know() -> Result<(), Failure> {
    let world = World::start().await?;
    let unknown = place("Ida", "1 Nowhere Lane", "Galena", "IL", "61036", "US");
    let order = world.enter(simulators::netsuite::people::NewOrder {
        address: unknown,
        ..world.plain(1)
    })?;
    world.poll_and_work().await?;
    assert_eq!(
        (world.held(order)?.0, world.billed().len()),
        (HoldReason::BadAddress, 0)
    );
    let job = world.job(order)?.id;
    world.operator().release(&job, "ann", HoldReason::BadAddress).await?;
    world.work().await?;
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (1, 1));
    Ok(())
}

/// A word about a hold that no longer stands is not taken: a person who saw one thing does not decide another.
#[tokio::test]
async fn a_release_ends_only_the_hold_that_was_seen() -> Result<(), Failure> {
    let world = World::start().await?;
    let unknown = place("Ida", "1 Nowhere Lane", "Galena", "IL", "61036", "US");
    let order = world.enter(simulators::netsuite::people::NewOrder {
        address: unknown,
        ..world.plain(1)
    })?;
    world.poll_and_work().await?;
    let job = world.job(order)?.id;
    assert!(
        world
            .operator()
            .release(&job, "ann", HoldReason::UnknownPurchase)
            .await
            .is_err()
    );
    world.work().await?;
    assert_eq!(world.billed().len(), 0);
    Ok(())
}
