//! Parcels on their way: what the carrier pushes, what it is asked for, and what the ERP shows of it.

use jiff::{SignedDuration, Timestamp};
use simulators::faults::{Fault, FaultKind, When};
use simulators::ups::EventKind;
use tests::tracking::{TELL_AFTER, Ways};
use tests::world::{Failure, World};
use waybill::domain::{Ending, Milestone};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// An order that has shipped and whose parcel is followed; its id, and the parcel's number.
async fn on_its_way(world: &World, ways: Ways) -> Result<(u64, String), Failure> {
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.follow(SignedDuration::from_mins(2), ways).await?;
    let parcel = world
        .parcels(order)
        .into_iter()
        .next()
        .ok_or("nobody follows a parcel")?;
    Ok((order, parcel.key.number))
}

/// What the ERP shows of a delivery.
fn shown(world: &World, order: u64) -> Result<[String; 5], Failure> {
    let field = |name| world.field(order, name);
    Ok([
        field("status")?,
        field("status_at")?,
        field("place")?,
        field("signed_by")?,
        field("estimated")?,
    ])
}

/// Every status that the order's field has shown, in order.
fn statuses(world: &World, order: u64) -> Result<Vec<String>, Failure> {
    let page = world.page(order)?;
    let history = page.history_of("custbody_waybill_status");
    let text = |value: &&serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Ok(history.iter().map(text).collect())
}

async fn happens(world: &World, number: &str, event: EventKind, ways: Ways) -> Result<(), Failure> {
    world.turn(HOUR);
    assert!(world.ups.happen(number, &[event]), "there is a parcel {number}");
    world.follow(SignedDuration::from_mins(5), ways).await
}

/// P16: picked up, in transit, out for delivery (which UPS also calls type D) and delivered reach the ERP as they are pushed, each
/// once and never backwards, with time, place and who signed.
#[tokio::test]
async fn what_ups_pushes_reaches_the_order_step_by_step() -> Result<(), Failure> {
    for generation in ["v1", "v2"] {
        let world = World::start().await?;
        world.push_by(generation).await?;
        let (order, number) = on_its_way(&world, Ways::Both).await?;
        assert_eq!(world.asked_ups(&format!("subscribe_{generation}")), 1);
        for event in [
            EventKind::PickedUp,
            EventKind::Departed,
            EventKind::OutForDelivery,
            EventKind::Delivered,
        ] {
            happens(&world, &number, event, Ways::Both).await?;
        }
        assert_eq!(
            statuses(&world, order)?,
            [
                "Label created",
                "Picked up",
                "In transit",
                "Out for delivery",
                "Delivered"
            ],
            "{generation}"
        );
        let [_, at, place, signed_by, estimated] = shown(&world, order)?;
        let delivered: Timestamp = at.parse()?;
        assert!(
            world.now().duration_since(delivered) < SignedDuration::from_mins(6),
            "{at}"
        );
        assert!(
            place.contains("US") && !signed_by.is_empty() && estimated.is_empty(),
            "{place} {signed_by} {estimated}"
        );
        let parcel = world.parcels(order).remove(0);
        assert_eq!(parcel.ended.map(|(why, _)| why), Some(Ending::Final));
        let asked = world.asked_ups("track");
        world.follow(DAY * 30, Ways::Both).await?;
        assert_eq!(
            world.asked_ups("track"),
            asked,
            "what has arrived is not asked for any more"
        );
        assert_eq!(
            world.asked_ups(&format!("subscribe_{generation}")),
            1,
            "nor subscribed to"
        );
    }
    Ok(())
}

/// Everything that is to be alike at the end, whichever way the news came.
async fn at_the_end(
    ways: Ways,
    lose_every: Option<u32>,
) -> Result<([String; 5], Vec<(Timestamp, Milestone)>), Failure> {
    let world = World::start().await?;
    if ways != Ways::PollOnly {
        world.push_by("v1").await?;
        world.ups.configure(|options| {
            options.push_lose_every = lose_every;
            options.push_twice_every = lose_every.map(|every| every + 1);
            options.push_late_every = lose_every.map(|every| every + 1);
            options.push_late_s = 5_000;
        });
    }
    let (order, number) = on_its_way(&world, ways).await?;
    let journey = [
        EventKind::PickedUp,
        EventKind::Departed,
        EventKind::WeatherDelay,
        EventKind::Arrived,
        EventKind::OutForDelivery,
        EventKind::Attempted,
        EventKind::OutForDelivery,
        EventKind::Delivered,
    ];
    for event in journey {
        happens(&world, &number, event, ways).await?;
    }
    world.follow(DAY, ways).await?;
    let parcel = world.parcels(order).remove(0);
    assert_eq!(
        parcel.milestone(),
        Some(Milestone::Delivered),
        "{ways:?} {lose_every:?}"
    );
    let reached = world
        .events(&parcel.key)
        .into_iter()
        .filter_map(|event| match event.meaning {
            waybill::domain::Meaning::Reached(milestone) => Some((event.at, milestone)),
            _ => None,
        });
    let mut reached: Vec<(Timestamp, Milestone)> = reached.collect();
    reached.sort();
    Ok((shown(&world, order)?, reached))
}

/// P34: push only, poll only, both, and pushes of which every second is lost, others come twice or late: the ERP shows the same in
/// the end, and the same events are kept.
#[tokio::test]
async fn whichever_way_news_come_they_end_alike() -> Result<(), Failure> {
    let both = at_the_end(Ways::Both, None).await?;
    assert_eq!((both.0[0].as_str(), both.1.len()), ("Delivered", 9), "{both:?}");
    assert_eq!(at_the_end(Ways::PollOnly, None).await?, both);
    assert_eq!(at_the_end(Ways::PushOnly, None).await?, both);
    assert_eq!(at_the_end(Ways::Both, Some(2)).await?, both);
    assert_eq!(at_the_end(Ways::PushOnly, Some(2)).await?, both);
    Ok(())
}

/// P17, P35, P77: a parcel that travels for forty days is subscribed to throughout: again at 13 days, at 26 and at 39, each within an
/// hour, and after each the carrier is asked once for what nobody keeps.
#[tokio::test]
async fn forty_days_are_covered_without_a_gap() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = on_its_way(&world, Ways::Both).await?;
    happens(&world, &number, EventKind::PickedUp, Ways::Both).await?;
    world.follow(DAY * 40, Ways::Both).await?;
    let books = world.ups.read_books();
    let subscription = books.subscriptions.first().ok_or("there is no subscription")?;
    let times = &subscription.log;
    assert_eq!(times.len(), 4, "{times:?}");
    for (before, after) in times.iter().zip(times.iter().skip(1)) {
        let passed = after.duration_since(*before);
        assert!(
            passed >= DAY * 13 && passed <= DAY * 13 + SignedDuration::from_mins(2),
            "{passed}"
        );
    }
    happens(&world, &number, EventKind::Delivered, Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    world.follow(DAY * 20, Ways::Both).await?;
    assert_eq!(
        world.ups.read_books().subscriptions[0].log.len(),
        4,
        "what has arrived is not subscribed to again"
    );
    Ok(())
}

/// P36, P78: renewals fail for three days: the carrier is asked from the first failure on, by Quantum View and parcel by parcel, so
/// that everything arrives; then pushes are back, and what came twice is one.
#[tokio::test]
async fn three_days_of_failing_renewals_lose_nothing() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    world.configure(|connection| {
        connection.carrier.options = serde_json::json!({ "track_alert": "v1", "quantum_view": "OutboundXML" });
    });
    let (order, number) = on_its_way(&world, Ways::Both).await?;
    happens(&world, &number, EventKind::PickedUp, Ways::Both).await?;
    world.follow(DAY * 12, Ways::Both).await?;
    let error = FaultKind::Status {
        code: 500,
        retry_after: None,
    };
    world.ups_fault(Fault::new("subscribe_v1", error));
    world.follow(DAY + HOUR * 3, Ways::Both).await?;
    let parcel = world.parcels(order).remove(0);
    assert_eq!(
        parcel.pushed_until, None,
        "from the first failure on nobody relies on pushes"
    );
    // The subscription has ended by now: nothing is pushed any more.
    world.follow(DAY, Ways::Both).await?;
    for event in [EventKind::Departed, EventKind::WeatherDelay, EventKind::Arrived] {
        world.ups.happen(&number, &[event]);
        world.follow(HOUR * 16, Ways::Both).await?;
    }
    assert_eq!(world.events(&parcel.key).len(), 5, "{:?}", world.events(&parcel.key));
    assert_eq!(world.field(order, "status")?, "In transit");
    assert!(world.asked_ups("quantum_view") > 20);
    assert!(!world.parcels(order)[0].hints.is_empty(), "Quantum View told of it");

    world.ups.base().faults.clear();
    world.follow(HOUR * 3, Ways::Both).await?;
    assert!(world.parcels(order).remove(0).pushed_until.is_some(), "pushes are back");
    happens(&world, &number, EventKind::Delivered, Ways::PushOnly).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    assert_eq!(world.events(&parcel.key).len(), 6);
    Ok(())
}

/// P18: Quantum View is read in stretches of at most seven days, page by page along its bookmarks, and again after a crash in the
/// middle; what it tells of a parcel has the carrier asked for it, once.
#[tokio::test]
async fn quantum_view_tells_of_parcels_page_by_page() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| {
        connection.carrier.options = serde_json::json!({ "quantum_view": "OutboundXML" });
        connection.tracking.every = HOUR * 24;
    });
    world.ups.configure(|options| {
        options.quantum_view_files_per_page = 1;
        options.quantum_view_events_per_file = 1;
    });
    let (order, number) = on_its_way(&world, Ways::PollOnly).await?;
    world.turn(HOUR);
    world
        .ups
        .happen(&number, &[EventKind::PickedUp, EventKind::Departed, EventKind::Arrived]);
    world.turn(HOUR * 12);
    let (asked, pages) = (world.asked_ups("track"), world.asked_ups("quantum_view"));
    // The second page fails: nothing is forgotten, and all of it is read at the next round.
    world.ups_fault(Fault::new("quantum_view", FaultKind::DropBefore).when(When::nth([2])));
    let report = world.make_the_round().await?;
    assert_eq!((report.lists, report.stopped.len()), (0, 1), "{report:?}");
    let report = world.make_the_round().await?;
    assert_eq!(report.lists, 1, "{report:?}");
    world.track().await?;
    assert!(
        world.asked_ups("quantum_view") - pages >= 5,
        "a page for each event, and those that were read in vain"
    );
    assert_eq!(world.parcels(order)[0].milestone(), Some(Milestone::InTransit));
    assert_eq!(
        world.asked_ups("track") - asked,
        1,
        "three news of a parcel, one question"
    );
    world.turn(HOUR * 12);
    world.make_the_round().await?;
    world.track().await?;
    assert_eq!(world.asked_ups("track") - asked, 1, "read again, they are known");
    for request in world.ups_requests("quantum_view") {
        let body: serde_json::Value = serde_json::from_str(&request.body)?;
        let range = &body["QuantumViewRequest"]["SubscriptionRequest"][0]["DateTimeRange"];
        let at = |key: &str| jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", range[key].as_str().unwrap_or_default());
        let length = at("EndDateTime")?.duration_since(at("BeginDateTime")?);
        assert!(length <= DAY * 7, "{length}");
    }
    Ok(())
}

/// P79: from the push to the ERP's field it takes seconds.
#[tokio::test]
async fn a_push_is_in_the_erp_within_thirty_seconds() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = on_its_way(&world, Ways::Both).await?;
    for event in [
        EventKind::PickedUp,
        EventKind::Departed,
        EventKind::OutForDelivery,
        EventKind::Delivered,
    ] {
        world.turn(HOUR);
        world.ups.happen(&number, &[event]);
        let at = world.now();
        world.take_pushes().await?;
        world.track().await?;
        world.turn(TELL_AFTER + SignedDuration::from_secs(1));
        world.track().await?;
        let page = world.page(order)?;
        let told = page
            .field_history
            .iter()
            .filter(|change| change.field == "custbody_waybill_status");
        let told = told.map(|change| change.at).max().ok_or("nothing was told")?;
        assert!(
            told >= at && told.duration_since(at) <= SignedDuration::from_secs(30),
            "{event:?}: {at} {told}"
        );
    }
    Ok(())
}

/// A burst is told as one: five events within seconds are one write.
#[tokio::test]
async fn a_burst_is_told_once() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = on_its_way(&world, Ways::Both).await?;
    let before = (statuses(&world, order)?.len(), world.asked_netsuite("patch_salesorder"));
    world.turn(HOUR);
    let all = [
        EventKind::PickedUp,
        EventKind::Departed,
        EventKind::Arrived,
        EventKind::Departed,
        EventKind::Arrived,
    ];
    world.ups.happen(&number, &all);
    world.take_pushes().await?;
    world.track().await?;
    assert_eq!(statuses(&world, order)?.len(), before.0, "nothing is told yet");
    world.turn(TELL_AFTER + SignedDuration::from_secs(1));
    world.track().await?;
    assert_eq!(statuses(&world, order)?.len(), before.0 + 1);
    assert_eq!(world.field(order, "status")?, "In transit");
    Ok(())
}

/// P21: the carrier is gone for six hours while the parcel travels, and pushes are lost: afterwards every event is there.
#[tokio::test]
async fn an_outage_loses_no_tracking_history() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = on_its_way(&world, Ways::Both).await?;
    world.ups_fault(Fault::new("*", FaultKind::DropBefore));
    for event in [EventKind::PickedUp, EventKind::Departed, EventKind::Arrived] {
        world.ups.happen(&number, &[event]);
        world.follow(HOUR * 2, Ways::PollOnly).await?;
    }
    world.ups.base().faults.clear();
    world.follow(DAY + HOUR * 2, Ways::PollOnly).await?;
    let parcel = world.parcels(order).remove(0);
    assert_eq!(world.events(&parcel.key).len(), 4);
    assert_eq!(world.field(order, "status")?, "In transit");
    Ok(())
}

/// A parcel that never arrives is not followed for ever: somebody hears of it, and the ERP says so.
#[tokio::test]
async fn a_parcel_that_never_arrives_is_given_up_and_reported() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| connection.tracking.give_up_after = DAY * 20);
    let (order, number) = on_its_way(&world, Ways::PollOnly).await?;
    happens(&world, &number, EventKind::PickedUp, Ways::PollOnly).await?;
    world.follow(DAY * 5, Ways::PollOnly).await?;
    let five = world.asked_ups("track");
    world.follow(DAY * 5, Ways::PollOnly).await?;
    let ten = world.asked_ups("track");
    assert!(
        five > 60 && ten - five < 40,
        "{five}, then {ten}: asked more seldom as it grows old"
    );
    world.follow(DAY * 12, Ways::PollOnly).await?;
    let parcel = world.parcels(order).remove(0);
    assert_eq!(parcel.ended.map(|(why, _)| why), Some(Ending::GivenUp));
    assert_eq!(world.field(order, "status")?, "Picked up (not followed any more)");
    let asked = world.asked_ups("track");
    world.follow(DAY * 10, Ways::PollOnly).await?;
    assert_eq!(world.asked_ups("track"), asked);
    // It arrives after all, and somebody tells.
    world.push_by("v1").await?;
    assert_eq!(world.send_news(&number, "D", "FS", "011").await?, 200);
    world.follow(HOUR, Ways::PollOnly).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    assert_eq!(world.parcels(order)[0].ended.map(|(why, _)| why), Some(Ending::Final));
    Ok(())
}

/// What goes back is scanned as on its way there; it stays on its way back until it has arrived.
#[tokio::test]
async fn a_parcel_that_goes_back_is_on_its_way_back() -> Result<(), Failure> {
    let world = World::start().await?;
    let (order, number) = on_its_way(&world, Ways::PollOnly).await?;
    for event in [
        EventKind::PickedUp,
        EventKind::Refused,
        EventKind::Returning,
        EventKind::Arrived,
        EventKind::OutForDelivery,
    ] {
        happens(&world, &number, event, Ways::PollOnly).await?;
        world.follow(HOUR, Ways::PollOnly).await?;
    }
    assert_eq!(world.field(order, "status")?, "Returning");
    happens(&world, &number, EventKind::Returned, Ways::PollOnly).await?;
    world.follow(HOUR, Ways::PollOnly).await?;
    assert_eq!(world.field(order, "status")?, "Returned");
    Ok(())
}

/// A parcel that arrived so long ago that it has expired holds nothing back.
#[tokio::test]
async fn an_expired_parcel_does_not_hold_the_orders_status_back() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| connection.packing.rule = waybill::domain::ParcelRule::PerPiece);
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;
    world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
    let parcels = world.parcels(order);
    world.store.tables().tracked.parcels.remove(&parcels[0].key);
    happens(&world, &parcels[1].key.number, EventKind::Delivered, Ways::PollOnly).await?;
    world.follow(HOUR, Ways::PollOnly).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    Ok(())
}

/// A status whose answer is lost is written again, and looked at once more when the lost request can no longer arrive: what arrives
/// late covers what is newer only until then.
#[tokio::test]
async fn an_older_status_that_arrives_late_does_not_stay() -> Result<(), Failure> {
    let mut world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = on_its_way(&world, Ways::Both).await?;
    world.be_impatient(SignedDuration::from_millis(500))?;
    let late = FaultKind::Delay { ms: 8_000 };
    world.netsuite_fault(Fault::new("patch_salesorder", late).when(When::nth([1])));
    happens(&world, &number, EventKind::PickedUp, Ways::Both).await?;
    assert!(
        world.telling(order).doubtful_until.is_some(),
        "{:?}",
        world.telling(order)
    );
    // At once, because the token of the lost request ends within the hour.
    world.ups.happen(&number, &[EventKind::Delivered]);
    world.follow(SignedDuration::from_mins(5), Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    while world.netsuite.base.requests.running() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        world.field(order, "status")?,
        "Picked up",
        "the lost request has arrived"
    );
    world.follow(HOUR, Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    let telling = world.telling(order);
    assert_eq!((telling.doubtful_until, telling.writing), (None, None));
    Ok(())
}

/// A worker that dies over a status leaves it to others: they write, and look once more.
#[tokio::test]
async fn a_status_that_nobody_finished_is_written_and_looked_at_again() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = on_its_way(&world, Ways::Both).await?;
    let key = world
        .store
        .tables()
        .tracked
        .tellings
        .keys()
        .next()
        .cloned()
        .ok_or("nothing was told")?;
    let until = world.now() + HOUR + SignedDuration::from_mins(2);
    if let Some(telling) = world.store.tables().tracked.tellings.get_mut(&key) {
        telling.version += 1;
        telling.writing = Some((waybill::domain::Nonce::new("who died"), until));
    }
    happens(&world, &number, EventKind::Delivered, Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    world.person(|account, now| {
        let fields = [("custbody_waybill_status".to_owned(), serde_json::json!("Picked up"))];
        account.change_order(order, now, |change| change.custom.extend(fields))
    })?;
    world.follow(HOUR, Ways::Both).await?;
    assert_eq!(
        world.field(order, "status")?,
        "Delivered",
        "what came late is put right"
    );
    assert_eq!(world.telling(order).doubtful_until, None);
    Ok(())
}

/// Several parcels are told as one order: delivered only when all are.
#[tokio::test]
async fn an_order_is_delivered_when_all_of_its_parcels_are() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    world.configure(|connection| connection.packing.rule = waybill::domain::ParcelRule::PerPiece);
    let order = world.enter(world.plain(3))?;
    world.poll_and_work().await?;
    world.follow(SignedDuration::from_mins(2), Ways::Both).await?;
    let numbers: Vec<String> = world
        .parcels(order)
        .into_iter()
        .map(|parcel| parcel.key.number)
        .collect();
    assert_eq!(numbers.len(), 3);
    assert_eq!(world.asked_ups("subscribe_v1"), 1, "three parcels in one request");
    for number in &numbers {
        happens(&world, number, EventKind::PickedUp, Ways::Both).await?;
    }
    assert_eq!(world.field(order, "status")?, "Picked up");
    happens(&world, &numbers[0], EventKind::Delivered, Ways::Both).await?;
    happens(&world, &numbers[1], EventKind::Delivered, Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "Picked up (2 of 3 parcels delivered)");
    happens(&world, &numbers[2], EventKind::WeatherDelay, Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "Exception (1 of 3 parcels)");
    happens(&world, &numbers[2], EventKind::Delivered, Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    Ok(())
}

/// Whatever befalls tracking stops no shipment: neither an app without the product, which UPS answers like a wrong credential, nor a
/// Track API that is gone, nor a limit that is used up.
#[tokio::test]
async fn what_befalls_tracking_stops_no_shipment() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let answers = |code| FaultKind::Status {
        code,
        retry_after: None,
    };
    world.ups_fault(Fault::new("subscribe_v1", answers(401)));
    world.ups_fault(Fault::new("track", answers(429)));
    let (first, _) = on_its_way(&world, Ways::Both).await?;
    world.follow(HOUR * 6, Ways::Both).await?;
    let tokens = world.ups.tokens_of("ups-client").len();
    assert!(tokens < 30, "{tokens} tokens were asked for");
    let second = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!(world.billed().len(), 2, "at once, though nothing of tracking works");
    world.ups.base().faults.clear();
    world.follow(DAY, Ways::Both).await?;
    for order in [first, second] {
        assert!(world.parcels(order)[0].pushed_until.is_some(), "it heals by itself");
    }
    Ok(())
}
