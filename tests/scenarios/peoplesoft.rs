//! PeopleSoft ships through UPS: purchase orders and requisitions, read by queries and written to a record of the customer's.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::civil::date;
use rust_decimal::dec;
use serde_json::json;
use simulators::faults::{Fault, FaultKind};
use simulators::peoplesoft::basics::{OTHER_UNIT, UNIT, VENDOR, closed};
use simulators::peoplesoft::model::{Address, DocKey, Place};
use simulators::peoplesoft::options::{EffectiveRows, ErrorForm, MomentForm, NoRows, Options};
use simulators::peoplesoft::people::{NewDocument, NewLine};
use simulators::ups::EventKind;
use tests::peoplesoft::{Installation, document};
use tests::tracking::Ways;
use tests::world::{Failure, World};
use waybill::connection::{Connection, Shipper};
use waybill::domain::{ParcelRule, Weight};
use waybill::job::{HoldReason, Job};

const FIVE: SignedDuration = SignedDuration::from_mins(5);
const AGAIN: SignedDuration = SignedDuration::from_mins(16);

async fn start(options: Options, change: impl FnOnce(&mut Connection)) -> Result<(World, Installation), Failure> {
    let world = World::start().await?;
    let installation = world.open_installation(options, change).await?;
    Ok((world, installation))
}

async fn poll_and_work(world: &World, installation: &Installation) -> Result<(), Failure> {
    let report = world.poll_for(&installation.id).await?;
    assert!(report.stopped.is_none(), "{report:?}");
    world.work().await?;
    Ok(())
}

fn jobs(world: &World, installation: &Installation, key: &DocKey) -> Vec<Job> {
    world.jobs_of(&installation.id, &document(key))
}

fn job(world: &World, installation: &Installation, key: &DocKey) -> Job {
    let mut jobs = jobs(world, installation, key);
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

fn held(job: &Job) -> (HoldReason, String) {
    let hold = job.hold.as_ref().unwrap_or_else(|| panic!("not held: {job:?}"));
    (hold.reason, hold.message.clone())
}

fn number(world: &World) -> String {
    world.billed().remove(0).packages.remove(0).tracking_number
}

/// P70, P80: purchase orders and requisitions ship, show their numbers in the customer's record under our job's id, and tell
/// their whole story.
#[tokio::test]
async fn orders_and_requisitions_ship_and_show_their_numbers() -> Result<(), Failure> {
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let order = installation.order(&NewDocument::of("PUMP-010", 2))?;
    let requisition = installation.requisition(&NewDocument::of("VALVE-9", 3).for_unit(OTHER_UNIT))?;
    let by_truck = installation.order(&NewDocument::of("PUMP-010", 1).by("YELLOW"))?;
    poll_and_work(&world, &installation).await?;
    assert_eq!(world.billed().len(), 2);
    assert!(jobs(&world, &installation, &by_truck).is_empty());
    for key in [&order, &requisition] {
        let shipped = job(&world, &installation, key);
        let bought = shipped.purchase.done().expect("it was bought").id.clone();
        let row = installation.track(key, shipped.id.as_str()).expect("it is shown");
        assert_eq!((row.column("TRACKING"), row.writes), (bought.as_str(), 1));
        let story = world.story(&shipped.id);
        let systems: BTreeSet<&str> = story
            .iter()
            .flat_map(|entry| &entry.exchanges)
            .map(|one| one.system.as_str())
            .collect();
        assert_eq!(systems, BTreeSet::from(["peoplesoft", "ups"]));
        assert!(!serde_json::to_string(&story)?.contains("client-secret"));
    }
    world.turn(FIVE);
    poll_and_work(&world, &installation).await?;
    assert_eq!(
        (
            world.billed().len(),
            installation.peoplesoft.books().duplicates.is_empty()
        ),
        (2, true)
    );
    Ok(())
}

/// P80: a call that failed is replayed by a person's word, and makes nothing twice.
#[tokio::test]
async fn what_failed_is_replayed_and_makes_nothing_twice() -> Result<(), Failure> {
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let order = installation.order(&NewDocument::of("PUMP-010", 1))?;
    installation.fault(Fault::new("write", FaultKind::ErrorIn200 { after_effect: false }).at_most(1));
    poll_and_work(&world, &installation).await?;
    let unfinished = job(&world, &installation, &order);
    assert!(unfinished.write_back.done().is_none());
    world.turn(SignedDuration::from_mins(20));
    world.operator().replay(&unfinished.id, "ann").await?;
    world.work().await?;
    world.pass(SignedDuration::from_hours(1)).await?;
    let shipped = job(&world, &installation, &order);
    assert!(shipped.write_back.done().is_some(), "{shipped:?}");
    assert_eq!(
        installation.column(&order, shipped.id.as_str(), "TRACKING"),
        number(&world)
    );
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

/// P70: ten thousand documents, many with one timestamp, some committed late, by a server in Los Angeles on the night that has
/// an hour twice, through a query that shows a thousand rows: none is missed and none is taken twice.
#[tokio::test]
async fn ten_thousand_documents_lose_none() -> Result<(), Failure> {
    let habits = Options {
        zone: "America/Los_Angeles".to_owned(),
        moments: MomentForm::Dotted,
        numbers_as_strings: true,
        ..Options::default()
    };
    let world = World::start().await?;
    world.clock.set("2026-11-01T07:30:00Z".parse()?);
    let installation = world.open_installation(habits, |_| {}).await?;
    let mut entered = BTreeSet::new();
    for round in 0..8 {
        let (unit, late) = (
            if round % 2 == 0 { UNIT } else { OTHER_UNIT },
            NewDocument::of("PUMP-010", 1),
        );
        let at_once =
            installation.person(|database, now| database.enter_many(&late.clone().for_unit(unit), 1_250 - 125, now))?;
        entered.extend(at_once.iter().map(document));
        let late = if round > 0 { late.late_by(900) } else { late };
        let late = installation.person(|database, now| database.enter_many(&late.for_unit(unit), 100, now))?;
        entered.extend(late.iter().map(document));
        for _ in 0..25 {
            let requisition = installation.requisition(&NewDocument::of("VALVE-9", 1).for_unit(unit))?;
            entered.insert(document(&requisition));
        }
        let mut complete = false;
        for _ in 0..20 {
            let report = world.poll_for(&installation.id).await?;
            assert!(report.stopped.is_none(), "{report:?}");
            complete = report.complete;
            if complete {
                break;
            }
        }
        assert!(complete);
        world.turn(SignedDuration::from_mins(15));
    }
    let tables = world.store.tables();
    let jobs: Vec<_> = tables.jobs.values().map(|job| job.document.clone()).collect();
    assert_eq!((jobs.len(), entered.len()), (10_000, 10_000));
    assert_eq!(jobs.into_iter().collect::<BTreeSet<_>>(), entered);
    Ok(())
}

/// P71: user and password, a token from the customer's identity provider, or a token that stays; a wrong password is tried once
/// and does not lock the account.
#[tokio::test]
async fn basic_and_bearer_both_work_and_a_wrong_password_is_tried_once() -> Result<(), Failure> {
    for secret in [
        json!({ "kind": "basic", "user": "WAYBILL", "password": "password" }),
        json!({ "kind": "client-credentials", "client_id": "waybill-client", "client_secret": "client-secret" }),
    ] {
        let (world, installation) = start(Options::default(), |_| {}).await?;
        world.secret("waybill/test/acme/peoplesoft", &secret).await?;
        installation.order(&NewDocument::of("PUMP-010", 1))?;
        poll_and_work(&world, &installation).await?;
        assert_eq!(world.billed().len(), 1, "{secret}");
    }
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let wrong = json!({ "kind": "basic", "user": "WAYBILL", "password": "wrong" });
    world.secret("waybill/test/acme/peoplesoft", &wrong).await?;
    for _ in 0..4 {
        let report = world.poll_for(&installation.id).await?;
        assert!(report.stopped.is_some(), "{report:?}");
        world.turn(SignedDuration::from_mins(14));
    }
    let books = installation.peoplesoft.books();
    assert!(
        books.locked_users.is_empty() && books.traffic.refused_logins <= 2,
        "{:?}",
        books.traffic
    );
    Ok(())
}

/// P72: an odd port (every simulator has one), a path prefix, another gateway path, another node: all of it is configuration.
#[tokio::test]
async fn a_path_prefix_a_gateway_and_a_node_of_the_customers_own() -> Result<(), Failure> {
    let habits = Options {
        path_prefix: "/fin/site1".to_owned(),
        gateway: "/PSIGW2/RESTListeningConnector".to_owned(),
        node: "FS92PRD".to_owned(),
        query_operation: "ExecuteQuery.v2".to_owned(),
        prefixed_keys: true,
        descriptions: true,
        one_row_as_object: true,
        no_rows: NoRows::Missing,
        effective_rows: EffectiveRows::All,
        ..Options::default()
    };
    let (world, installation) = start(habits, |connection| {
        connection.erp.options["gateway"] = "PSIGW2".into();
        connection.erp.options["node"] = "FS92PRD".into();
        connection.erp.options["query_service"] = "ExecuteQuery.v2".into();
    })
    .await?;
    let order = installation.order(&NewDocument::of("PUMP-010", 1))?;
    poll_and_work(&world, &installation).await?;
    assert_eq!(
        installation.column(&order, job(&world, &installation, &order).id.as_str(), "TRACKING"),
        number(&world)
    );
    Ok(())
}

/// P73: the parcel leaves the vendor's address that is in force today, goes to the location that is, and weighs and measures what
/// the item master says; an item without a weight is held.
#[tokio::test]
async fn ship_from_ship_to_weight_and_size_come_from_the_master_data() -> Result<(), Failure> {
    let habits = Options {
        effective_rows: EffectiveRows::All,
        ..Options::default()
    };
    let (world, installation) = start(habits, |connection| {
        connection.ship_from.of = Shipper::Supplier;
        connection.packing.rule = ParcelRule::PerPiece;
    })
    .await?;
    installation.order(&NewDocument::of("PUMP-010", 1))?;
    let weightless = installation.order(&NewDocument::of("GASKET-NEW", 1))?;
    poll_and_work(&world, &installation).await?;
    assert_eq!(world.billed().len(), 1);
    let body: serde_json::Value = serde_json::from_str(&world.ups_requests("ship").remove(0).body)?;
    let shipment = &body["ShipmentRequest"]["Shipment"];
    assert_eq!(
        shipment["ShipFrom"]["Address"]["City"], "Alpharetta",
        "the newest that is active: {VENDOR}"
    );
    assert_eq!(
        shipment["ShipTo"]["Address"]["City"]
            .as_str()
            .map(str::to_uppercase)
            .as_deref(),
        Some("TIMONIUM")
    );
    let package = &shipment["Package"];
    let package = package.get(0).unwrap_or(package);
    assert_eq!(
        package["PackageWeight"]["Weight"]
            .as_str()
            .and_then(|text| text.parse::<f64>().ok()),
        Some(12.5)
    );
    assert_eq!(
        package["Dimensions"]["Length"]
            .as_str()
            .and_then(|text| text.parse::<f64>().ok()),
        Some(14.0)
    );
    let (reason, message) = held(&job(&world, &installation, &weightless));
    assert_eq!(reason, HoldReason::MissingData);
    assert!(message.contains("GASKET-NEW has no weight"), "{message}");
    installation.person(|database, now| database.weigh_item(UNIT, "GASKET-NEW", dec!(0.4), "LB", now))?;
    world.pass(AGAIN).await?;
    assert_eq!(world.billed().len(), 2);
    Ok(())
}

/// P74: many pieces of one line are one box as long as it may weigh, many lines one box, and what weighs more than a parcel may
/// is divided; what no parcel can carry is held.
#[tokio::test]
async fn lines_become_parcels_by_the_rule() -> Result<(), Failure> {
    let cases: [(ParcelRule, Vec<NewLine>, usize); 4] = [
        (ParcelRule::PerOrder, vec![NewLine::of("VALVE-9", 20)], 1),
        (
            ParcelRule::PerOrder,
            vec![
                NewLine::of("VALVE-9", 2),
                NewLine::of("PUMP-010", 1),
                NewLine::of("SEAL-KG", 4),
            ],
            1,
        ),
        (
            ParcelRule::PerLine,
            vec![NewLine::of("VALVE-9", 2), NewLine::of("PUMP-010", 1)],
            2,
        ),
        // 38 pounds each, at most 150 in a parcel: three in each.
        (ParcelRule::PerOrder, vec![NewLine::of("MOTOR-38", 7)], 3),
    ];
    for (rule, lines, parcels) in cases {
        let (world, installation) = start(Options::default(), |connection| connection.packing.rule = rule).await?;
        installation.order(&NewDocument::with(lines))?;
        poll_and_work(&world, &installation).await?;
        assert_eq!(
            world.billed().iter().map(|one| one.packages.len()).collect::<Vec<_>>(),
            [parcels],
            "{rule:?}"
        );
    }
    let (world, installation) = start(Options::default(), |connection| {
        connection.packing.rule = ParcelRule::PerPiece;
    })
    .await?;
    let many = installation.order(&NewDocument::of("VALVE-9", 201))?;
    poll_and_work(&world, &installation).await?;
    let (reason, message) = held(&job(&world, &installation, &many));
    assert_eq!((reason, world.asked_ups("ship")), (HoldReason::MissingData, 0));
    assert!(message.contains("200"), "{message}");
    let (world, installation) = start(Options::default(), |connection| {
        connection.packing.maximum_weight = Weight::pounds(dec!(30));
    })
    .await?;
    let heavy = installation.order(&NewDocument::of("MOTOR-38", 1))?;
    poll_and_work(&world, &installation).await?;
    assert_eq!(held(&job(&world, &installation, &heavy)).0, HoldReason::MissingData);
    Ok(())
}

/// P75: an address that is not one is never shipped to: it is held and flagged in the customer's record until it is corrected.
#[tokio::test]
async fn an_invalid_address_is_held_and_flagged() -> Result<(), Failure> {
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let nowhere = Place {
        description: "Nowhere".to_owned(),
        attention: "Nobody".to_owned(),
        address: Address::us("1 Nowhere Lane", "Galena", "IL", "61036"),
        phone: "8155550161".to_owned(),
    };
    installation.person(|database, now| database.correct_location(UNIT, "GALENA-S", nowhere.clone(), now))?;
    let order = installation.order(&NewDocument::of("PUMP-010", 1).to("GALENA-S"))?;
    poll_and_work(&world, &installation).await?;
    let (reason, message) = held(&job(&world, &installation, &order));
    assert_eq!((reason, world.asked_ups("ship")), (HoldReason::BadAddress, 0));
    assert_eq!(installation.column(&order, "PROBLEM", "ERR_TEXT"), message);
    let right = Place {
        address: Address::us("221 S Main St", "Galena", "IL", "61036"),
        ..nowhere
    };
    world.turn(SignedDuration::from_hours(24));
    installation.person(|database, now| database.correct_location(UNIT, "GALENA-S", right, now))?;
    world.pass(AGAIN).await?;
    assert_eq!(
        (world.billed().len(), installation.column(&order, "PROBLEM", "ERR_TEXT")),
        (1, String::new())
    );
    Ok(())
}

/// P76: a day's documents share one token of four hours: far below what a day may take.
#[tokio::test]
async fn a_days_documents_share_tokens() -> Result<(), Failure> {
    let (world, installation) = start(Options::default(), |_| {}).await?;
    world.ups.configure(|options| options.token_life_s = 4 * 3600);
    for _ in 0..48 {
        installation.order(&NewDocument::of("VALVE-9", 1))?;
        poll_and_work(&world, &installation).await?;
        world.turn(SignedDuration::from_mins(30));
        world.refresher().run().await?;
    }
    let tokens = world.asked_ups("token");
    assert_eq!(world.billed().len(), 48);
    assert!((6..=8).contains(&tokens), "{tokens}");
    Ok(())
}

/// A requisition that becomes a purchase order ships once, whichever of the two is seen first.
#[tokio::test]
async fn a_requisition_that_becomes_an_order_ships_once() -> Result<(), Failure> {
    // Shipped as a requisition, then sourced.
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let requisition = installation.requisition(&NewDocument::of("PUMP-010", 2))?;
    poll_and_work(&world, &installation).await?;
    assert_eq!(world.billed().len(), 1);
    let order = installation.person(|database, now| database.turn_into_order(&requisition, now))?;
    for _ in 0..3 {
        world.turn(FIVE);
        poll_and_work(&world, &installation).await?;
    }
    assert_eq!(world.billed().len(), 1);
    assert!(jobs(&world, &installation, &order).is_empty());
    // Sourced before anybody shipped it.
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let requisition = installation.requisition(&NewDocument::of("PUMP-010", 2))?;
    let order = installation.person(|database, now| database.turn_into_order(&requisition, now))?;
    for _ in 0..3 {
        poll_and_work(&world, &installation).await?;
        world.turn(FIVE);
    }
    assert_eq!(world.billed().len(), 1);
    let both = jobs(&world, &installation, &order).len() + jobs(&world, &installation, &requisition).len();
    assert_eq!(both, 1);
    Ok(())
}

/// A requisition is sourced while its own job is held: the order does not ship beside it, and ships once it has ended.
#[tokio::test]
async fn an_order_waits_for_its_requisitions_held_job() -> Result<(), Failure> {
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let requisition = installation.requisition(&NewDocument::of("GASKET-NEW", 2))?;
    poll_and_work(&world, &installation).await?;
    assert_eq!(
        held(&job(&world, &installation, &requisition)).0,
        HoldReason::MissingData
    );
    world.turn(FIVE);
    let order = installation.person(|database, now| database.turn_into_order(&requisition, now))?;
    poll_and_work(&world, &installation).await?;
    installation.person(|database, now| database.weigh_item(UNIT, "GASKET-NEW", dec!(0.4), "LB", now))?;
    for _ in 0..8 {
        world.pass(FIVE).await?;
        poll_and_work(&world, &installation).await?;
    }
    assert_eq!(world.billed().len(), 1, "one of the two ships");
    let shipped = |key: &DocKey| {
        jobs(&world, &installation, key)
            .iter()
            .filter(|job| job.write_back.done().is_some())
            .count()
    };
    assert_eq!(shipped(&requisition) + shipped(&order), 1);
    Ok(())
}

/// A write whose answer was lost lands later: it is waited for and looked for, and not written a second time.
#[tokio::test]
async fn a_write_that_lands_late_is_waited_for() -> Result<(), Failure> {
    for (kind, lands_after) in [
        (FaultKind::DropAfter, None),
        (FaultKind::DropBefore, None),
        (FaultKind::DropAfter, Some(600)),
    ] {
        let habits = Options {
            lost_writes_land_after_s: lands_after,
            ..Options::default()
        };
        let (world, installation) = start(habits, |_| {}).await?;
        let order = installation.order(&NewDocument::of("PUMP-010", 1))?;
        installation.fault(Fault::new("write", kind.clone()).at_most(1));
        poll_and_work(&world, &installation).await?;
        world.pass(SignedDuration::from_hours(1)).await?;
        let shipped = job(&world, &installation, &order);
        let row = installation.track(&order, shipped.id.as_str()).expect("it is shown");
        assert_eq!(
            (row.column("TRACKING"), row.writes),
            (number(&world).as_str(), 1),
            "{kind:?} {lands_after:?}"
        );
        assert_eq!((world.billed().len(), shipped.write_back.done().is_some()), (1, true));
    }
    Ok(())
}

/// An error inside HTTP 200 is no success: the query's stops the poll, the write's leads to another look.
#[tokio::test]
async fn errors_inside_200_are_no_success() -> Result<(), Failure> {
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let order = installation.order(&NewDocument::of("PUMP-010", 1))?;
    installation.fault(Fault::new("purchase_orders", FaultKind::ErrorIn200 { after_effect: false }).at_most(1));
    let report = world.poll_for(&installation.id).await?;
    assert!(report.stopped.is_some(), "{report:?}");
    world.pass(SignedDuration::from_mins(10)).await?;
    for form in [ErrorForm::Json, ErrorForm::IbResponse] {
        installation
            .peoplesoft
            .configure(|options| options.write_failure = Some(form));
        poll_and_work(&world, &installation).await?;
        assert!(job(&world, &installation, &order).write_back.done().is_none());
        world.pass(SignedDuration::from_mins(20)).await?;
    }
    installation
        .peoplesoft
        .configure(|options| options.write_failure = None);
    world.pass(SignedDuration::from_hours(1)).await?;
    let shipped = job(&world, &installation, &order);
    assert!(shipped.write_back.done().is_some(), "{shipped:?}");
    assert_eq!(
        (
            world.billed().len(),
            installation.column(&order, shipped.id.as_str(), "TRACKING")
        ),
        (1, number(&world))
    );
    Ok(())
}

/// A query that lacks a column, and one that ignores its prompts, are named by the check.
#[tokio::test]
async fn the_check_names_what_the_analyst_forgot() -> Result<(), Failure> {
    use waybill::ports::Systems as _;
    let mut habits = Options::default();
    habits
        .missing_columns
        .insert("X_SHIP_ITEM".to_owned(), BTreeSet::from(["UNIT_MEASURE_WT".to_owned()]));
    habits.ignoring_prompts.insert("X_SHIP_PO_HDR".to_owned());
    habits.missing_queries.insert("X_SHIP_LOC".to_owned());
    let (world, installation) = start(habits, |_| {}).await?;
    installation.order(&NewDocument::of("PUMP-010", 1))?;
    let connection = world.store.tables().connections[&installation.id].clone();
    let opened = world.registry().open(&connection).await?;
    let findings = opened.source.check().await;
    let wrong: String = findings
        .iter()
        .filter_map(|finding| finding.result.as_ref().err())
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    for word in ["UNIT_MEASURE_WT", "X_SHIP_LOC", "prompt"] {
        assert!(wrong.contains(word), "{word}: {findings:#?}");
    }
    Ok(())
}

/// A ship-to location that was closed is not shipped to as it was before.
#[tokio::test]
async fn goods_for_a_place_that_is_closed_are_held() -> Result<(), Failure> {
    let habits = Options {
        effective_rows: EffectiveRows::All,
        ..Options::default()
    };
    let (world, installation) = start(habits, |_| {}).await?;
    let place = Place {
        description: "Galena South".to_owned(),
        attention: "Receiving".to_owned(),
        address: Address::us("221 S Main St", "Galena", "IL", "61036"),
        phone: "8155550161".to_owned(),
    };
    let shut = closed(date(2025, 1, 1), place);
    installation.person(|database, _| database.put_location(UNIT, "GALENA-S", shut))?;
    let order = installation.order(&NewDocument::of("PUMP-010", 1).to("GALENA-S"))?;
    poll_and_work(&world, &installation).await?;
    let (reason, message) = held(&job(&world, &installation, &order));
    assert_eq!((reason, world.asked_ups("ship")), (HoldReason::MissingData, 0));
    assert!(
        message.contains("GALENA-S") && message.contains("inactive"),
        "{message}"
    );
    Ok(())
}

/// Without a column by which it is decided whether something ships nothing does, and the check says which.
#[tokio::test]
async fn nothing_ships_without_a_column_that_decides() -> Result<(), Failure> {
    let mut habits = Options::default();
    habits
        .missing_columns
        .insert("X_SHIP_PO_LINE".to_owned(), BTreeSet::from(["REQ_LINE_NBR".to_owned()]));
    let (world, installation) = start(habits, |_| {}).await?;
    let order = installation.order(&NewDocument::of("PUMP-010", 1))?;
    poll_and_work(&world, &installation).await?;
    assert!(jobs(&world, &installation, &order).is_empty());
    installation
        .peoplesoft
        .configure(|options| options.missing_columns.clear());
    world.turn(FIVE);
    installation.person(|database, now| database.change_quantity(&order, 1, dec!(2), now))?;
    poll_and_work(&world, &installation).await?;
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

/// P79: what UPS tells of a parcel stands in the customer's record within seconds of the push.
#[tokio::test]
async fn a_delivery_is_told_to_peoplesoft() -> Result<(), Failure> {
    let (world, installation) = start(Options::default(), |_| {}).await?;
    let order = installation.order(&NewDocument::of("PUMP-010", 1))?;
    poll_and_work(&world, &installation).await?;
    let number = number(&world);
    world.turn(SignedDuration::from_hours(20));
    world.ups.happen(&number, &[EventKind::PickedUp, EventKind::Delivered]);
    world.follow(SignedDuration::from_hours(30), Ways::PollOnly).await?;
    assert_eq!(installation.column(&order, "DELIVERY", "STATUS"), "Delivered");
    Ok(())
}
