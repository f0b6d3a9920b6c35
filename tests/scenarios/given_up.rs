//! Parcels of which the carrier tells nothing: when one is given up, and when none is.

use jiff::SignedDuration;
use simulators::faults::{Fault, FaultKind};
use simulators::ups::EventKind;
use tests::fedex::seeing_at_once;
use tests::tracking::Ways;
use tests::world::{Failure, World};
use waybill::domain::Ending;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// For how long a parcel is followed that does not arrive.
const LIMIT: SignedDuration = SignedDuration::from_hours(10 * 24);

fn status(code: u16) -> FaultKind {
    FaultKind::Status {
        code,
        retry_after: None,
    }
}

/// So many orders that have shipped, each with its parcel's number.
async fn shipped(world: &World, orders: usize) -> Result<Vec<(u64, String)>, Failure> {
    world.configure(|connection| connection.tracking.give_up_after = LIMIT);
    let mut shipped = Vec::new();
    for _ in 0..orders {
        shipped.push(world.enter(world.plain(1))?);
    }
    world.poll_and_work().await?;
    world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
    let number = |order: &u64| world.parcels(*order).remove(0).key.number;
    Ok(shipped.iter().map(|order| (*order, number(order))).collect())
}

fn ending(world: &World, order: u64) -> Option<Ending> {
    world.parcels(order).remove(0).ended.map(|(why, _)| why)
}

/// P21, P64: while the carrier refuses us, or is not there, parcels grow old and none is given up, however long that takes; once it tells
/// again, what has happened meanwhile is shown.
#[tokio::test]
async fn neither_a_refusal_of_us_nor_an_outage_gives_a_parcel_up() -> Result<(), Failure> {
    for code in [403, 503] {
        let world = World::start().await?;
        let parcels = shipped(&world, 2).await?;
        world.ups_fault(Fault::new("track", status(code)));
        world.follow(LIMIT + DAY * 2, Ways::PollOnly).await?;
        for (order, number) in &parcels {
            let parcel = world.parcels(*order).remove(0);
            assert!(parcel.failures > 0 && parcel.next_poll.is_some(), "{code}: {parcel:?}");
            assert_eq!(ending(&world, *order), None, "{code}");
            assert!(world.ups.happen(number, &[EventKind::Delivered]));
        }
        world.ups.base().faults.clear();
        world.follow(DAY * 2, Ways::PollOnly).await?;
        for (order, _) in parcels {
            assert_eq!(world.field(order, "status")?, "Delivered", "{code}");
            assert_eq!(ending(&world, order), Some(Ending::Final), "{code}");
        }
    }
    Ok(())
}

/// P64: the same where many parcels are asked for in one call, and the account may not track at all.
#[tokio::test]
async fn an_account_that_may_not_track_loses_no_parcel() -> Result<(), Failure> {
    let world = World::start().await?;
    let depot = world
        .open_depot(seeing_at_once(), |connection| connection.tracking.give_up_after = LIMIT)
        .await?;
    let orders = [world.enter(world.plain(1))?, world.enter(world.plain(2))?];
    world.poll_for(&depot.id).await?;
    world.work().await?;
    world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
    depot.fault(Fault::new("track", status(403)));
    world.follow(LIMIT + DAY * 3, Ways::PollOnly).await?;
    for order in orders {
        assert_eq!(ending(&world, order), None);
    }
    depot.fedex.base().faults.clear();
    for shipment in depot.billed() {
        assert!(depot.fedex.deliver(&shipment.master));
    }
    world.follow(DAY, Ways::PollOnly).await?;
    for order in orders {
        assert_eq!(world.field(order, "status")?, "Delivered");
    }
    Ok(())
}

/// A number of which the carrier never tells, neither yes nor no, while it tells of others: it is given up when it is too old, and
/// not before.
#[tokio::test]
async fn a_number_of_which_nothing_is_ever_told_is_given_up_in_the_end() -> Result<(), Failure> {
    for code in [400, 503] {
        let world = World::start().await?;
        let parcels = shipped(&world, 2).await?;
        let (order, number) = parcels[0].clone();
        world.ups_fault(Fault::new("track", status(code)).body_contains(number));
        world.follow(LIMIT - DAY, Ways::PollOnly).await?;
        assert_eq!(ending(&world, order), None, "{code}: it is not too old yet");
        world.follow(DAY * 3, Ways::PollOnly).await?;
        assert_eq!(ending(&world, order), Some(Ending::GivenUp), "{code}");
        let asked = world.asked_ups("track");
        world.follow(DAY * 5, Ways::PollOnly).await?;
        assert_eq!(world.asked_ups("track"), asked, "{code}: neither is asked for any more");
        let status = world.field(order, "status")?;
        assert!(status.ends_with("(not followed any more)"), "{code}: {status}");
    }
    Ok(())
}

/// Where no other shipment shows whether the carrier tells us anything, silence proves nothing.
#[tokio::test]
async fn without_a_control_silence_proves_nothing() -> Result<(), Failure> {
    let world = World::start().await?;
    let (order, number) = shipped(&world, 1).await?.remove(0);
    world.ups_fault(Fault::new("track", status(400)).body_contains(number));
    world.follow(LIMIT + DAY * 2, Ways::PollOnly).await?;
    assert_eq!(ending(&world, order), None);
    Ok(())
}

/// One bad moment on the day on which a parcel becomes too old does not end it: it is asked again.
#[tokio::test]
async fn one_bad_moment_ends_no_parcel() -> Result<(), Failure> {
    let world = World::start().await?;
    let parcels = shipped(&world, 2).await?;
    let (order, number) = parcels[0].clone();
    world.follow(LIMIT - DAY, Ways::PollOnly).await?;
    world.ups_fault(Fault::new("track", status(503)).body_contains(number.clone()));
    world.follow(DAY * 3, Ways::PollOnly).await?;
    assert_eq!(ending(&world, order), None, "for a day or two nothing was told of it");
    assert!(world.ups.happen(&number, &[EventKind::Delivered]));
    world.ups.base().faults.clear();
    world.follow(DAY * 2, Ways::PollOnly).await?;
    assert_eq!(ending(&world, order), Some(Ending::Final));
    Ok(())
}

/// A shipment that a person voided, and of which the carrier shows nothing any more, is over, and nobody is called to look for it.
#[tokio::test]
async fn a_void_shipment_of_which_nothing_is_told_is_not_missed() -> Result<(), Failure> {
    let world = World::start().await?;
    let (order, number) = shipped(&world, 1).await?.remove(0);
    world.operator().void(&world.job(order)?.id, "ann").await?;
    world.work().await?;
    assert!(world.job(order)?.closed.is_some(), "{:?}", world.job(order)?);
    world.ups.forget(&number);
    world.follow(DAY * 5, Ways::PollOnly).await?;
    assert_eq!(ending(&world, order), None, "it may be handed over all the same");
    world.follow(LIMIT, Ways::PollOnly).await?;
    assert_eq!(ending(&world, order), Some(Ending::Final));
    Ok(())
}
