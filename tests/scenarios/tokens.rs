//! Tokens that end while work is under way, and tokens that do not.

use jiff::SignedDuration;
use serde_json::json;
use simulators::faults::{Fault, FaultKind};
use tests::world::{Failure, World};

const REFUSED: FaultKind = FaultKind::Status {
    code: 401,
    retry_after: None,
};

/// P11: a token that ends in mid-flight: one refresh, one more try, one shipment.
#[tokio::test]
async fn a_401_on_the_ship_call_is_one_refresh_one_retry_one_shipment() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("ship", FaultKind::ExpireTokens).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!((world.asked_ups("token"), world.asked_ups("ship")), (2, 2));
    assert_eq!(world.billed().len(), 1);
    assert!(world.job(order)?.write_back.done().is_some());
    Ok(())
}

/// P11: the same at the ERP.
#[tokio::test]
async fn a_401_on_the_transform_is_one_refresh_one_retry_one_fulfilment() -> Result<(), Failure> {
    let world = World::start().await?;
    world.netsuite_fault(Fault::new("transform", FaultKind::ExpireTokens).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!(
        (world.asked_netsuite("token"), world.asked_netsuite("transform")),
        (2, 2)
    );
    assert_eq!(world.page(order)?.fulfilments.len(), 1);
    Ok(())
}

/// P11: a second 401 stops: nothing is bought, the job waits and says why; it ships once the credential works again.
#[tokio::test]
async fn a_second_401_stops() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("ship", REFUSED));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!((world.asked_ups("token"), world.asked_ups("ship")), (2, 2));
    let job = world.job(order)?;
    assert!(
        job.hold.is_none() && job.wait.as_ref().is_some_and(|wait| wait.reason.contains("401")),
        "{job:?}"
    );
    assert_eq!(world.work().await?, 0, "nothing is tried again at once");

    world.ups.base().faults.clear();
    world.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

/// P11: a credential that was refused is not believed for the minutes for which one is remembered: once it is right, orders ship as soon
/// as the account is tried again.
#[tokio::test]
async fn a_credential_that_was_refused_is_read_again() -> Result<(), Failure> {
    const UPS: &str = "waybill/test/acme/ups";
    let body = |secret: &str| json!({ "client_id": "ups-client", "client_secret": secret });
    let world = World::start().await?;
    world.secret(UPS, &body("a-typing-error")).await?;
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!((world.asked_ups("token"), world.billed().len()), (1, 0));

    world.secret(UPS, &body("ups-secret")).await?;
    world.turn(SignedDuration::from_mins(1));
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!((world.asked_ups("token"), world.billed().len()), (2, 2), "both ship");
    Ok(())
}

/// P10: a day of orders after the first never waits for a token: the refresher has renewed it before.
#[tokio::test]
async fn no_order_waits_for_a_token() -> Result<(), Failure> {
    let world = World::start().await?;
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let (mut in_the_way, mut behind) = (0, 0);
    let requests = |world: &World| world.asked_ups("token") + world.asked_netsuite("token");
    for minute in 1..=24 * 60_i64 {
        world.turn(SignedDuration::from_mins(1));
        let before = requests(&world);
        world.refresher().run().await?;
        behind += requests(&world) - before;
        if minute % 20 == 0 {
            world.enter(world.plain(1))?;
            let before = requests(&world);
            world.poll_and_work().await?;
            in_the_way += requests(&world) - before;
        }
    }
    assert_eq!(world.billed().len(), 73);
    assert_eq!(in_the_way, 0, "requests that an order waited for");
    assert!(
        (46..=50).contains(&behind),
        "{behind} requests in the background for two tokens of an hour each"
    );
    Ok(())
}

/// P9: while a credential is refused for hours the retries do not use up the day's token requests.
#[tokio::test]
async fn hours_of_refusals_leave_token_requests_for_the_others() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("ship", REFUSED));
    for _ in 0..5 {
        world.enter(world.plain(1))?;
    }
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(24)).await?;
    assert!(world.asked_ups("token") <= 250, "{}", world.asked_ups("token"));
    world.ups.base().faults.clear();
    world.pass(SignedDuration::from_hours(25)).await?;
    assert_eq!(world.billed().len(), 5);
    Ok(())
}
