//! An order's ordinary way.

use tests::world::{Failure, World};

/// P1, P14: an order that is released for fulfilment is one shipment within one poll, and its number is on it.
#[tokio::test]
async fn one_order_ships_once_and_is_written_back() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;

    let job = world.job(order)?;
    let [shipment] = <[_; 1]>::try_from(world.billed()).unwrap();
    assert!(shipment.id.starts_with("1Z"));
    assert!(shipment.has_reference(job.id.as_str()));
    assert_eq!(world.asked_ups("ship"), 1);
    let page = world.page(order)?;
    assert_eq!(page.fulfilments.len(), 1);
    assert_eq!(page.fulfilments[0].tracking_numbers, [shipment.id.clone()]);
    assert_eq!(page.fulfilments[0].external_id.as_deref(), Some(job.id.as_str()));
    assert_eq!(world.field(order, "tracking")?, shipment.id);
    assert_eq!(job.due_at, None);

    world.turn(jiff::SignedDuration::from_mins(5));
    world.poll_and_work().await?;
    assert_eq!((world.jobs(order).len(), world.billed().len()), (1, 1), "the next poll finds nothing new");
    Ok(())
}
