//! Orders that cannot ship as they are, and purchases that an operator has stopped.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::SignedDuration;
use rust_decimal::dec;
use simulators::netsuite::model::{Integration, WeightUnit};
use simulators::netsuite::people::{NewLine, NewOrder};
use tests::world::{Failure, World, new_york, place};
use waybill::job::HoldReason;

const AGAIN: SignedDuration = SignedDuration::from_mins(16);

fn shipped(world: &World, order: u64) -> Result<(), Failure> {
    let job = world.job(order)?;
    assert!(job.hold.is_none() && job.write_back.done().is_some(), "{job:?}");
    assert_eq!(world.field(order, "problem")?, "");
    Ok(())
}

/// P4, P12: without a weight nothing ships; weighing the item, which does not touch the order, is enough.
#[tokio::test]
async fn an_item_without_weight_is_held_until_somebody_weighs_it() -> Result<(), Failure> {
    let world = World::start().await?;
    let gasket = world.basics().unweighed;
    let order = world.enter(NewOrder::to(new_york(), vec![NewLine::of(gasket, 2)]))?;
    world.poll_and_work().await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::MissingData);
    assert!(
        message.contains("GASKET-NEW") && message.contains("weight"),
        "{message}"
    );
    assert_eq!(world.field(order, "problem")?, message);

    world.person(|account, _| account.weigh_item(gasket, Some(dec!(3)), WeightUnit::Lb))?;
    world.pass(AGAIN).await?;
    shipped(&world, order)?;
    assert_eq!(world.billed()[0].packages[0].weight.parse().ok(), Some(dec!(6)));
    Ok(())
}

/// A piece that is heavier than any parcel is held; put right, it ships.
#[tokio::test]
async fn a_piece_that_is_too_heavy_is_held() -> Result<(), Failure> {
    let world = World::start().await?;
    let motor = world.basics().heavy;
    world.person(|account, _| account.weigh_item(motor, Some(dec!(380)), WeightUnit::Lb))?;
    let order = world.enter(NewOrder::to(new_york(), vec![NewLine::of(motor, 1)]))?;
    world.poll_and_work().await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::MissingData);
    assert!(message.contains("MOTOR-38") && message.contains("150"), "{message}");
    assert_eq!(world.asked_ups("ship"), 0);

    world.person(|account, _| account.weigh_item(motor, Some(dec!(38)), WeightUnit::Lb))?;
    world.pass(AGAIN).await?;
    shipped(&world, order)
}

/// A ship method whose service is not offered is held with what is offered; another one ships.
#[tokio::test]
async fn a_service_that_is_not_offered_is_held_with_what_is() -> Result<(), Failure> {
    let world = World::start().await?;
    let ground = world.basics().ground;
    let other = world.person(|account, _| Ok(account.add_ship_method("UPS Cheapest", Integration::None)))?;
    world.configure(|connection| {
        connection.service.by_ship_method = BTreeMap::from([(ground.to_string(), "96".to_owned())]);
    });
    let order = world.enter(NewOrder {
        ship_method: Some(ground),
        ..world.plain(1)
    })?;
    world.poll_and_work().await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::MissingData);
    assert!(message.contains("96") && message.contains("03"), "{message}");

    world.person(|account, now| account.edit_ship_method(order, other, now))?;
    world.pass(AGAIN).await?;
    shipped(&world, order)
}

/// P1: an order that is edited while it is held ships as it stands then, once.
#[tokio::test]
async fn an_order_edited_while_held_ships_as_it_stands_then() -> Result<(), Failure> {
    let world = World::start().await?;
    let ghost = place("Pat Quill", "4100 Subway Canyon Rd", "Bisbee", "AZ", "85603", "US");
    let order = world.enter(NewOrder::to(ghost, vec![NewLine::of(world.basics().light, 4)]))?;
    world.poll_and_work().await?;
    assert_eq!(world.held(order)?.0, HoldReason::BadAddress);

    world.person(|account, now| {
        account.edit_address(
            order,
            place("Pat Quill", "41 Subway St", "Bisbee", "AZ", "85603", "US"),
            now,
        )?;
        account.edit_quantity(order, 1, dec!(2), now)
    })?;
    world.pass(AGAIN).await?;
    world.poll_and_work().await?;
    shipped(&world, order)?;
    let [shipment] = <[_; 1]>::try_from(world.billed()).unwrap();
    assert_eq!(
        shipment.packages[0].weight.parse().ok(),
        Some(dec!(3)),
        "two pumps, not four"
    );
    assert_eq!(world.page(order)?.fulfilments[0].lines[&1], dec!(2));
    Ok(())
}

/// One bad order never stops a batch, whatever is wrong with it.
#[tokio::test]
async fn one_bad_order_never_stops_a_batch() -> Result<(), Failure> {
    let world = World::start().await?;
    let basics = world.basics();
    world.configure(|connection| connection.erp.options = serde_json::json!({ "concurrency": 5 }));
    let nowhere = place("Ida", "1 Nowhere Lane", "Galena", "IL", "61036", "US");
    let bad = [
        world.enter(NewOrder::to(nowhere, vec![NewLine::of(basics.light, 1)]))?,
        world.enter(NewOrder::to(new_york(), vec![NewLine::of(basics.unweighed, 1)]))?,
    ];
    let good: Vec<u64> = (1..=6)
        .map(|pumps| world.enter(world.plain(pumps)))
        .collect::<Result<_, _>>()?;
    world.poll().await?;
    let worker = world.worker();
    let messages: Vec<_> = std::iter::from_fn(|| world.store.receive()).collect();
    assert_eq!(messages.len(), 8);
    for outcome in join_all(messages.iter().map(|job| worker.run(job))).await {
        outcome?;
    }
    world.pass(SignedDuration::from_mins(10)).await?;
    for order in good {
        shipped(&world, order)?;
    }
    for order in bad {
        assert!(!world.held(order)?.1.is_empty());
    }
    assert_eq!(world.billed().len(), 6);
    assert!(world.ups.read_books().duplicates.is_empty() && world.netsuite.books().duplicates.is_empty());
    Ok(())
}

/// The brake stops every purchase at once, and taking it off lets everything go on.
#[tokio::test]
async fn the_brake_stops_every_purchase() -> Result<(), Failure> {
    let world = World::start().await?;
    world.store.tables().brake = Some("stock-taking".to_owned());
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::Brake);
    assert!(message.contains("stock-taking"));
    assert_eq!(
        (world.asked_ups("ship"), world.field(order, "problem")?.as_str()),
        (0, "")
    );

    world.store.tables().brake = None;
    world.pass(AGAIN).await?;
    shipped(&world, order)
}

/// A paused connection reads nothing and buys nothing; resumed, it goes on where it was.
#[tokio::test]
async fn a_paused_connection_does_nothing_until_it_is_resumed() -> Result<(), Failure> {
    let world = World::start().await?;
    let first = world.enter(world.plain(1))?;
    world.poll().await?;
    world.configure(|connection| connection.paused = true);
    let second = world.enter(world.plain(1))?;
    world.work().await?;
    let report = world.poll().await?;
    assert!(report.stopped.unwrap().contains("connection resume"));
    assert_eq!((world.asked_ups("ship"), world.jobs(second).len()), (0, 0));

    world.configure(|connection| connection.paused = false);
    world.pass(AGAIN).await?;
    world.poll_and_work().await?;
    shipped(&world, first)?;
    shipped(&world, second)
}
