//! Parcels that FedEx carries: asked for together, as often at the end as at the beginning, and pushed where somebody
//! pays for that. What is told here are the rounds, the messages and what the ERP shows.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulators::faults::{Fault, FaultKind};
use simulators::fedex::{EventKind, Webhook};
use tests::fedex::{CONNECTION, Depot, seeing_at_once};
use tests::tracking::{API, UPS_HOOK, Ways};
use tests::world::{self, Failure, World};
use waybill::connection::Connection;
use waybill::domain::{Ending, Milestone, TrackedParcel};
use waybill::ports::TrackingMessage;

use crate::fedex::{TOKEN, hook, take};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// FedEx as these stories see it: what happens to parcels, and when it was asked for how many.
struct Desk(Depot);

impl Desk {
    /// Something happens to a parcel now.
    fn happens(&self, number: &str, kind: EventKind) {
        assert!(self.0.fedex.happen(number, &[kind]), "there is no parcel {number}");
    }

    /// For how many it was asked in each question since.
    fn sizes_since(&self, since: Timestamp) -> Result<Vec<usize>, Failure> {
        let asked = self.0.fedex.base().requests.latest(Some("track"));
        let size = |body: &str| -> Result<usize, Failure> {
            let body: Value = serde_json::from_str(body)?;
            Ok(body["trackingInfo"].as_array().map_or(0, Vec::len))
        };
        let since = asked.iter().filter(|request| request.at >= since);
        since.map(|request| size(&request.body)).collect()
    }

    /// How often it was asked.
    fn questions(&self) -> u64 {
        self.0.fedex.asked("track")
    }

    /// Changes the connection that ships with it.
    fn configure(&self, world: &World, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = world.store.tables().connections.get_mut(&self.0.id) {
            change(connection);
        }
    }
}

/// So many orders that have shipped; each with its parcel's number.
async fn shipped(orders: u32) -> Result<(World, Desk, Vec<(u64, String)>), Failure> {
    let world = World::start().await?;
    let own: Vec<_> = world.store.tables().connections.values().cloned().collect();
    let usual = own
        .iter()
        .find(|one| one.id.as_str() == world::CONNECTION)
        .ok_or("no connection")?;
    let every = usual.tracking.every;
    let depot = world
        .open_depot(seeing_at_once(), |connection| connection.tracking.every = every)
        .await?;
    let mut entered = Vec::new();
    for _ in 0..orders {
        entered.push(world.enter(world.plain(1))?);
    }
    world.poll_for(&depot.id).await?;
    world.work().await?;
    let mut parcels = Vec::new();
    for order in entered {
        let parcel = parcel(&world, order)?;
        parcels.push((order, parcel.key.number));
    }
    Ok((world, Desk(depot), parcels))
}

fn parcel(world: &World, order: u64) -> Result<TrackedParcel, Failure> {
    let mut parcels = world.parcels(order).into_iter();
    Ok(parcels.next().ok_or("nobody follows a parcel")?)
}

/// How long it takes until the order shows this, looked at every minute.
async fn shown_after(world: &World, order: u64, text: &str) -> Result<SignedDuration, Failure> {
    let since = world.now();
    while world.field(order, "status")? != text {
        if world.now().duration_since(since) > HOUR * 3 {
            return Err(format!("the order never shows {text:?}").into());
        }
        world.follow(MINUTE, Ways::PollOnly).await?;
    }
    Ok(world.now().duration_since(since))
}

/// P64: parcels that are due together are asked for by thirties, each is told by itself, and those that have arrived
/// are not asked for any more.
#[tokio::test]
async fn parcels_that_are_due_together_are_asked_for_in_one_call() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(45).await?;
    let start = world.now();
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    assert_eq!(desk.sizes_since(start)?, [30, 15], "as soon as they had shipped");
    let since = world.now();
    for (_, number) in parcels.iter().take(40) {
        desk.happens(number, EventKind::Delivered);
    }
    world.follow(HOUR, Ways::PollOnly).await?;
    assert_eq!(desk.sizes_since(since)?, [30, 15]);
    for (place, (order, _)) in parcels.iter().enumerate() {
        let status = if place < 40 { "Delivered" } else { "Label created" };
        assert_eq!(world.field(*order, "status")?, status, "{place}");
    }
    let since = world.now();
    world.follow(HOUR * 3, Ways::PollOnly).await?;
    let sizes = desk.sizes_since(since)?;
    assert!(
        sizes.len() >= 3 && sizes.iter().all(|size| *size == 5),
        "what has arrived is left alone: {sizes:?}"
    );
    Ok(())
}

/// P66: whatever its age, a delivery is shown in the ERP within the hour, at worst one that happens just after FedEx
/// was asked.
#[tokio::test]
async fn a_delivery_is_shown_within_the_hour_however_old_the_parcel_is() -> Result<(), Failure> {
    for age in [HOUR * 2, DAY * 5, DAY * 20] {
        let (world, desk, parcels) = shipped(1).await?;
        let (order, number) = parcels.first().cloned().ok_or("one")?;
        desk.happens(&number, EventKind::PickedUp);
        world.follow(age, Ways::PollOnly).await?;
        let asked = desk.questions();
        while desk.questions() == asked {
            world.follow(MINUTE, Ways::PollOnly).await?;
        }
        desk.happens(&number, EventKind::Delivered);
        let late = shown_after(&world, order, "Delivered").await?;
        assert!(late <= HOUR, "{age:#}: {late:#}");
        assert!(
            late > MINUTE * 50,
            "the worst case was not the one that was looked at: {late:#}"
        );
        assert_eq!(world.field(order, "signed_by")?, "SMITH");
    }
    Ok(())
}

/// P64: the cadence is the connection's own.
#[tokio::test]
async fn the_cadence_is_the_connections_own() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(1).await?;
    let (_, number) = parcels.first().cloned().ok_or("one")?;
    desk.happens(&number, EventKind::PickedUp);
    for (every, least, most) in [(MINUTE * 15, 6, 10), (HOUR * 4, 0, 1)] {
        desk.configure(&world, |connection| connection.tracking.every = every);
        world.follow(HOUR, Ways::PollOnly).await?;
        let since = world.now();
        world.follow(HOUR * 2, Ways::PollOnly).await?;
        let asked = desk.sizes_since(since)?.len();
        assert!((least..=most).contains(&asked), "{every:#}: {asked}");
    }
    Ok(())
}

/// P64: while FedEx is away each parcel is asked for again by its own patience, and nothing is lost; a number that
/// FedEx refuses does not harm the others.
#[tokio::test]
async fn a_question_that_fails_harms_no_parcel() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(6).await?;
    for (_, number) in &parcels {
        desk.happens(number, EventKind::PickedUp);
    }
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    let away = FaultKind::Status {
        code: 503,
        retry_after: None,
    };
    desk.0.fault(Fault::new("track", away));
    world.follow(HOUR, Ways::PollOnly).await?;
    let failing: Vec<TrackedParcel> = parcels
        .iter()
        .map(|(order, _)| parcel(&world, *order))
        .collect::<Result<_, _>>()?;
    assert!(
        failing.iter().all(|parcel| parcel.failures > 0),
        "each has its own count"
    );
    let times: std::collections::BTreeSet<_> = failing.iter().map(|parcel| parcel.next_poll).collect();
    assert!(times.len() > 1, "and its own time: {times:?}");

    let (refused_order, refused) = parcels.first().cloned().ok_or("six")?;
    for (_, number) in &parcels {
        desk.happens(number, EventKind::Delivered);
    }
    desk.0.fedex.base().faults.clear();
    desk.0
        .fedex
        .configure(|options| options.refused_numbers = vec![refused]);
    world.follow(HOUR * 2, Ways::PollOnly).await?;
    for (order, _) in parcels.iter().skip(1) {
        let parcel = parcel(&world, *order)?;
        assert_eq!(parcel.ended.map(|(why, _)| why), Some(Ending::Final), "{parcel:?}");
        assert_eq!(world.field(*order, "status")?, "Delivered");
    }
    let alone = parcel(&world, refused_order)?;
    assert_eq!((alone.milestone(), alone.ended), (Some(Milestone::PickedUp), None));
    desk.0.fedex.configure(|options| options.refused_numbers.clear());
    world.follow(HOUR, Ways::PollOnly).await?;
    assert_eq!(world.field(refused_order, "status")?, "Delivered");
    Ok(())
}

/// P64: a message names keys and nothing else, so that late, double and foreign ones are harmless.
#[tokio::test]
async fn messages_of_several_parcels_are_harmless() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(3).await?;
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    let keys: Vec<_> = parcels
        .iter()
        .map(|(order, _)| parcel(&world, *order).map(|parcel| parcel.key))
        .collect::<Result<_, _>>()?;
    let asked = desk.questions();
    let message = serde_json::to_string(&TrackingMessage::Parcels(keys.clone()))?;
    world.tracker().deliver(&message).await?;
    assert_eq!(desk.questions(), asked, "none of them is due");

    world.turn(HOUR);
    let mut foreign = keys.clone();
    let mut unknown = keys.first().cloned().ok_or("three")?;
    unknown.number = "794900000000".to_owned();
    foreign.push(unknown.clone());
    unknown.connection = "somebody-else".parse()?;
    foreign.push(unknown);
    let since = world.now();
    let message = serde_json::to_string(&TrackingMessage::Parcels(foreign))?;
    world.tracker().deliver(&message).await?;
    world.tracker().deliver(&message).await?;
    assert_eq!(desk.sizes_since(since)?, [3], "once, and for those that are followed");
    world.tracker().deliver(r#"{"parcels":[]}"#).await?;
    Ok(())
}

/// A connection that pauses is left alone by the whole message, and its parcels are found again.
#[tokio::test]
async fn parcels_of_a_paused_connection_wait() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(3).await?;
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    desk.configure(&world, |connection| connection.paused = true);
    let since = world.now();
    world.follow(HOUR * 2, Ways::PollOnly).await?;
    assert_eq!(desk.sizes_since(since)?, [0_usize; 0]);
    desk.configure(&world, |connection| connection.paused = false);
    for (_, number) in &parcels {
        desk.happens(number, EventKind::Delivered);
    }
    world.follow(HOUR, Ways::PollOnly).await?;
    for (order, _) in &parcels {
        assert_eq!(world.field(*order, "status")?, "Delivered");
    }
    Ok(())
}

/// P65: pushes come late, twice and in any order, and lead to what polling leads to, only sooner; who does not know the
/// token is not listened to; polling goes on all the while.
#[tokio::test]
async fn pushes_come_sooner_and_polling_goes_on() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(1).await?;
    let (order, number) = parcels.first().cloned().ok_or("one")?;
    hook(&world, &desk.0, UPS_HOOK, "fedex", TOKEN, &[]).await?;
    desk.happens(&number, EventKind::PickedUp);
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    assert_eq!(world.field(order, "status")?, "Picked up");

    desk.0.fedex.register_webhook(Webhook {
        url: format!("{API}/hooks/{UPS_HOOK}"),
        security_token: TOKEN.to_owned(),
        accounts: vec!["740561073".to_owned()],
    })?;
    world.turn(MINUTE * 50);
    desk.happens(&number, EventKind::OutForDelivery);
    world.turn(MINUTE * 10);
    desk.happens(&number, EventKind::Delivered);
    let mut pushes = desk.0.fedex.due_pushes();
    pushes.reverse();
    let [delivered, loaded] = pushes.as_slice() else {
        return Err(format!("not two pushes: {pushes:?}").into());
    };
    assert_eq!(take(&world, delivered, &format!("{} ", delivered.body)).await, 401);
    for push in [delivered, loaded, delivered, loaded] {
        assert_eq!(take(&world, push, &push.body).await, 200);
    }
    world.track().await?;
    world.turn(SignedDuration::from_secs(10));
    world.track().await?;
    assert_eq!(world.field(order, "status")?, "Delivered", "within seconds");
    let parcel = parcel(&world, order)?;
    assert_eq!(
        world.events(&parcel.key).len(),
        4,
        "label created, picked up, loaded, delivered, each once"
    );
    assert_eq!(parcel.milestone(), Some(Milestone::Delivered));

    let since = world.now();
    world.follow(HOUR * 3, Ways::PollOnly).await?;
    assert!(!desk.sizes_since(since)?.is_empty(), "FedEx is asked all the same");
    assert_eq!(world.field(order, "status")?, "Delivered");
    assert_eq!(parcel.key.connection.as_str(), CONNECTION);
    Ok(())
}
