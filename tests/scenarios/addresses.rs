//! Addresses that do not stand.

use jiff::SignedDuration;
use simulators::faults::{Fault, FaultKind};
use simulators::netsuite::people::{NewLine, NewOrder};
use tests::world::{Failure, World, place};
use waybill::job::HoldReason;

const AGAIN: SignedDuration = SignedDuration::from_mins(16);

fn galena(street: &str) -> simulators::netsuite::model::Address {
    place("Galena Books Co", street, "Galena", "IL", "61036", "US")
}

async fn held_until_corrected(wrong: &str, right: &str) -> Result<String, Failure> {
    let world = World::start().await?;
    let order = world.enter(NewOrder::to(galena(wrong), vec![NewLine::of(world.basics().light, 1)]))?;
    world.poll_and_work().await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::BadAddress);
    assert_eq!(world.field(order, "problem")?, message, "people see it on the order");
    let flagged = world.page(order)?;

    for _ in 0..4 {
        world.pass(AGAIN).await?;
        world.poll_and_work().await?;
    }
    assert_eq!((world.asked_ups("ship"), world.asked_ups("rate")), (0, 0));
    assert_eq!(
        world.page(order)?,
        flagged,
        "held and read again, it writes nothing more"
    );
    let job = world.job(order)?;
    assert_eq!(job.snapshot.number, 1, "our own flag is no change of the order");

    world.person(|account, now| account.edit_address(order, galena(right), now))?;
    world.pass(AGAIN).await?;
    let job = world.job(order)?;
    assert!(job.hold.is_none() && job.write_back.done().is_some(), "{job:?}");
    assert_eq!(world.billed().len(), 1);
    assert_eq!(world.field(order, "problem")?, "", "the flag is cleared");
    Ok(message)
}

/// A flag that the ERP is too busy to clear is cleared once it has time, however long that takes.
#[tokio::test]
async fn a_flag_outlives_a_busy_erp() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(NewOrder::to(
        galena("1 Nowhere Lane"),
        vec![NewLine::of(world.basics().light, 1)],
    ))?;
    world.poll_and_work().await?;
    assert_ne!(world.field(order, "problem")?, "");
    let busy = FaultKind::Status {
        code: 429,
        retry_after: None,
    };
    world.netsuite_fault(Fault::new("patch_salesorder", busy).at_most(20));
    world.person(|account, now| account.edit_address(order, galena("515 Prospect St"), now))?;
    world.pass(AGAIN).await?;
    assert_ne!(world.field(order, "problem")?, "", "nobody could clear it yet");
    world.pass(SignedDuration::from_hours(6)).await?;
    assert!(world.job(order)?.finished());
    assert_eq!(world.field(order, "problem")?, "", "the flag is cleared");
    Ok(())
}

/// P12: an ambiguous address buys nothing; the order says which addresses could be meant, and ships once one is chosen.
#[tokio::test]
async fn an_ambiguous_address_is_held_with_its_candidates_until_it_is_corrected() -> Result<(), Failure> {
    let message = held_until_corrected("221 Main St", "221 N Main St").await?;
    assert!(
        message.contains("221 N MAIN ST") && message.contains("221 S MAIN ST"),
        "{message}"
    );
    Ok(())
}

/// P12: an address that does not exist buys nothing, and ships once it is corrected.
#[tokio::test]
async fn an_address_that_does_not_exist_is_held_until_it_is_corrected() -> Result<(), Failure> {
    let message = held_until_corrected("1 Nowhere Lane", "515 Prospect St").await?;
    assert!(message.contains("no such address"), "{message}");
    Ok(())
}

/// P12: under the default policy UPS's spelling of the same place is taken; under `exact` a person decides.
#[tokio::test]
async fn formatting_is_accepted_or_held_as_the_connection_says() -> Result<(), Failure> {
    for (policy, ships) in [
        (waybill::connection::AddressPolicy::AcceptFormatting, 1),
        (waybill::connection::AddressPolicy::Exact, 0),
    ] {
        let world = World::start().await?;
        world.configure(|connection| connection.address = policy);
        let order = NewOrder::to(
            galena("221 North Main Street"),
            vec![NewLine::of(world.basics().light, 1)],
        );
        world.enter(order)?;
        world.poll_and_work().await?;
        assert_eq!(world.billed().len(), ships, "{policy:?}");
    }
    Ok(())
}
