//! Fusion Cloud ERP ships through UPS: purchase orders, their change orders and flexfields, suppliers and accounts.

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::SignedDuration;
use simulators::faults::{Fault, FaultKind};
use simulators::fusion::entering::{NewLine, NewOrder};
use simulators::fusion::model::{ChangeState, Status};
use simulators::fusion::options::{Approval, Options};
use simulators::fusion::world::us;
use simulators::requests::RequestRecord;
use simulators::ups::EventKind;
use tests::fusion::{Pod, document, options};
use tests::tracking::Ways;
use tests::world::{Failure, World};
use waybill::connection::{Connection, Shipper};
use waybill::domain::{AccountRule, CarrierAccount, Payer};
use waybill::job::{HoldReason, Job};

const FIVE: SignedDuration = SignedDuration::from_mins(5);
const AGAIN: SignedDuration = SignedDuration::from_mins(16);

async fn start(change: impl FnOnce(&mut Connection)) -> Result<(World, Pod), Failure> {
    let world = World::start().await?;
    let pod = world.open_pod(options(), change).await?;
    Ok((world, pod))
}

async fn poll_and_work(world: &World, pod: &Pod) -> Result<(), Failure> {
    let report = world.poll_for(&pod.id).await?;
    assert!(report.stopped.is_none(), "{report:?}");
    world.work().await?;
    Ok(())
}

fn job(world: &World, pod: &Pod, order: i64) -> Job {
    let mut jobs = world.jobs_of(&pod.id, &document(order));
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

/// P28, P31, P33: an order that is flagged for UPS is rated, bought, labelled and shown with its tracking number in one change
/// order, in the same moment.
#[tokio::test]
async fn a_flagged_purchase_order_ships_and_shows_its_number_in_one_change_order() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::pumps(2))?;
    let other = pod.enter(NewOrder::pumps(2).by(Some("FedEx")))?;
    let entered = world.now();
    poll_and_work(&world, &pod).await?;
    assert_eq!(world.billed().len(), 1);
    assert!(world.jobs_of(&pod.id, &document(other)).is_empty());
    let calls: Vec<(String, u64)> = ["address_validation", "rate", "ship"]
        .map(|name| (name.to_owned(), world.asked_ups(name)))
        .to_vec();
    assert!(calls.iter().all(|(_, count)| *count == 1), "{calls:?}");
    let order_of = |name: &str| {
        world
            .ups_requests(name)
            .first()
            .map(|request: &RequestRecord| request.at)
    };
    assert!(order_of("rate") <= order_of("ship"));
    let shipped = job(&world, &pod, order);
    assert_eq!(shipped.labels.done().map(Vec::len), Some(1));
    assert_eq!(pod.field(order, "trackingNumber")?, number(&world));
    let page = pod.page(order)?;
    let applied = page.in_state(ChangeState::Applied);
    assert_eq!((applied.len(), page.changes.len()), (1, 1), "{page:?}");
    assert!(applied[0].last_updated.duration_since(entered) < SignedDuration::from_secs(10));
    world.turn(FIVE);
    poll_and_work(&world, &pod).await?;
    assert_eq!(
        (world.billed().len(), pod.page(order)?.changes.len()),
        (1, 1),
        "nothing again"
    );
    Ok(())
}

/// P33: a hundred orders at once: from UPS's answer to the number in Fusion no turn of the clock passes.
#[tokio::test]
async fn a_hundred_orders_show_their_numbers_within_seconds() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let orders: Vec<i64> = (0..100)
        .map(|_| pod.enter(NewOrder::pumps(1)))
        .collect::<Result<_, _>>()?;
    let began = Instant::now();
    poll_and_work(&world, &pod).await?;
    let mut late = Vec::new();
    for order in &orders {
        let shipped = job(&world, &pod, *order);
        let written = shipped.write_back.done().is_some();
        let page = pod.page(*order)?;
        let shown = page.changes.first().map(|change| change.last_updated);
        if !written
            || shown.is_none_or(|shown| shown.duration_since(shipped.created_at) > SignedDuration::from_secs(10))
        {
            late.push(page.id);
        }
    }
    assert!(
        late.is_empty(),
        "{late:?} of {} orders, after {:?}",
        orders.len(),
        began.elapsed()
    );
    assert_eq!(world.billed().len(), 100);
    Ok(())
}

/// P28: ten thousand purchase orders, many with one timestamp, some committed late, by a server that stands in another time
/// zone and sets its clock back in between: none is missed and none is taken twice.
#[tokio::test]
async fn ten_thousand_purchase_orders_lose_none() -> Result<(), Failure> {
    let habits = Options {
        time_zone: "America/New_York".to_owned(),
        ..options()
    };
    let world = World::start().await?;
    // Half past midnight in New York, on the night that has the hour from one to two twice.
    world.clock.set("2026-11-01T04:30:00Z".parse()?);
    let pod = world.open_pod(habits, |_| {}).await?;
    let mut entered = BTreeSet::new();
    let mut number = 0_u32;
    for round in 0..8 {
        let fresh: Vec<NewOrder> = (0..1_250)
            .map(|_| {
                number += 1;
                // Every tenth was committed a quarter of an hour before anybody could see it.
                NewOrder::pumps(1).late_by(if round > 0 && number.is_multiple_of(10) { 900 } else { 0 })
            })
            .collect();
        let ids = pod.person(|account, now| account.add_orders(fresh, now))?;
        entered.extend(ids.into_iter().map(|id| id.to_string()));
        let mut complete = false;
        for _ in 0..20 {
            let report = world.poll_for(&pod.id).await?;
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
    let jobs: Vec<String> = tables.jobs.values().map(|job| job.document.id.clone()).collect();
    assert_eq!((jobs.len(), entered.len()), (10_000, 10_000));
    assert_eq!(jobs.into_iter().collect::<BTreeSet<_>>(), entered);
    Ok(())
}

/// P28: an order that was created long ago and approved only now is found, although its creation lies before the last poll.
#[tokio::test]
async fn an_order_that_is_approved_late_is_found() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::pumps(1).being(Status::PendingApproval))?;
    poll_and_work(&world, &pod).await?;
    world.turn(SignedDuration::from_hours(30));
    poll_and_work(&world, &pod).await?;
    assert_eq!(world.billed().len(), 0);
    pod.person(|account, now| account.reopen(order, now))?;
    world.turn(FIVE);
    poll_and_work(&world, &pod).await?;
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

fn row(supplier: Option<&str>, cost_centre: Option<&str>, number: &str, payer: Option<Payer>) -> AccountRule {
    AccountRule {
        supplier: supplier.map(str::to_owned),
        cost_centre: cost_centre.map(str::to_owned),
        account: CarrierAccount {
            number: number.to_owned(),
            merchant: Some(number.to_owned()),
        },
        payer,
    }
}

/// P32: supplier and cost centre name account and merchant id; a miss is held and nothing is asked of UPS; the merchants' tokens
/// are kept apart and counted together; once the table knows the cost centre the order ships by itself.
#[tokio::test]
async fn each_cost_centre_ships_under_its_own_account_and_a_miss_is_held() -> Result<(), Failure> {
    let (world, pod) = start(|connection| {
        connection.accounts = vec![
            row(None, Some("5110"), "B1B1B1", None),
            row(Some("Lake Michigan Pumps LLC"), Some("5120"), "C1C1C1", None),
        ];
    })
    .await?;
    let charged = |account: &str| NewOrder::of(vec![NewLine::of("PUMP-010", 1).charged_to(account)]);
    let orders =
        ["01-520-5110-0000", "01-520-5120-0000", "01-520-9999-0000"].map(|account| pod.enter(charged(account)));
    let [first, second, miss] = orders;
    let (first, second, miss) = (first?, second?, miss?);
    poll_and_work(&world, &pod).await?;
    let shippers: BTreeSet<String> = world.billed().into_iter().map(|one| one.account).collect();
    assert_eq!(shippers, BTreeSet::from(["B1B1B1".to_owned(), "C1C1C1".to_owned()]));
    for (order, number) in [(first, "B1B1B1"), (second, "C1C1C1")] {
        assert_eq!(
            job(&world, &pod, order)
                .account
                .map(|account| account.number)
                .as_deref(),
            Some(number)
        );
    }
    let (reason, message) = held(&job(&world, &pod, miss));
    assert_eq!(reason, HoldReason::MissingData);
    assert!(
        message.contains("cost centre 9999") && message.contains("[[accounts]]"),
        "{message}"
    );
    assert_eq!(pod.field(miss, "shipError")?, message);
    let merchants: BTreeSet<Option<String>> = world
        .ups
        .read_books()
        .tokens
        .into_values()
        .flatten()
        .map(|token| token.merchant)
        .collect();
    assert!(merchants.is_superset(&BTreeSet::from([Some("B1B1B1".to_owned()), Some("C1C1C1".to_owned())])));
    let ledger: Vec<usize> = world
        .store
        .tables()
        .token_requests
        .values()
        .map(|requests| requests.at.len())
        .collect();
    assert!(
        ledger.iter().any(|count| *count >= 2),
        "one ledger for all merchants of a client: {ledger:?}"
    );

    if let Some(connection) = world.store.tables().connections.get_mut(&pod.id) {
        connection.accounts.push(row(None, None, "D1D1D1", None));
        connection.version += 1;
    }
    world.pass(AGAIN).await?;
    assert_eq!(
        job(&world, &pod, miss).account.map(|account| account.number).as_deref(),
        Some("D1D1D1")
    );
    assert_eq!(pod.field(miss, "shipError")?, "");
    Ok(())
}

/// P32: lines whose cost centres ship under different accounts are shipments of their own; where one account ships all, one.
#[tokio::test]
async fn lines_of_two_accounts_are_two_shipments() -> Result<(), Failure> {
    let two = |connection: &mut Connection| {
        connection.accounts = vec![
            row(None, Some("5110"), "B1B1B1", None),
            row(None, Some("5120"), "C1C1C1", None),
        ];
    };
    let one = |connection: &mut Connection| connection.accounts = vec![row(None, None, "B1B1B1", None)];
    type Change = fn(&mut Connection);
    let changes: [(Change, usize); 2] = [(two, 2), (one, 1)];
    for (change, shipments) in changes {
        let (world, pod) = start(change).await?;
        let lines =
            ["01-520-5110-0000", "01-520-5120-0000"].map(|account| NewLine::of("PUMP-010", 1).charged_to(account));
        let order = pod.enter(NewOrder::of(lines.to_vec()))?;
        poll_and_work(&world, &pod).await?;
        assert_eq!(world.billed().len(), shipments);
        let shown = pod.field(order, "trackingNumber")?;
        for shipment in world.billed() {
            assert!(shown.contains(&shipment.packages[0].tracking_number), "{shown}");
        }
    }
    Ok(())
}

/// Who ships and who pays are rules: the supplier's goods leave the supplier, under our account, at the receiver's charge.
#[tokio::test]
async fn the_supplier_ships_and_the_rule_says_who_pays() -> Result<(), Failure> {
    let (world, pod) = start(|connection| {
        connection.ship_from.of = Shipper::Supplier;
        let payer = Payer::Receiver {
            account: "E1E1E1".to_owned(),
            postal_code: Some("61036".to_owned()),
        };
        connection.accounts = vec![row(None, None, "B1B1B1", Some(payer))];
    })
    .await?;
    pod.enter(NewOrder::pumps(1))?;
    poll_and_work(&world, &pod).await?;
    let request = world.ups_requests("ship").remove(0);
    let body: serde_json::Value = serde_json::from_str(&request.body)?;
    let shipment = &body["ShipmentRequest"]["Shipment"];
    assert_eq!(shipment["ShipFrom"]["Address"]["City"], "Chicago", "{shipment}");
    assert_eq!(shipment["Shipper"]["ShipperNumber"], "B1B1B1");
    assert_eq!(shipment["Shipper"]["Address"]["City"], tests::warehouse().city);
    let paid = shipment["PaymentInformation"]["ShipmentCharge"].to_string();
    assert!(paid.contains("E1E1E1"), "{paid}");
    Ok(())
}

/// P37: a wrong address is flagged on the order and nothing is bought; corrected, it ships on the next cycle and the flag goes.
#[tokio::test]
async fn a_wrong_address_is_flagged_and_ships_on_the_cycle_after_its_correction() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let (wrong, right) = pod.fusion.act(|account, _| {
        let wrong = us("1 Nowhere Lane", "Galena", "IL", "61036");
        let wrong = account.add_location("NOWHERE", "Nowhere", wrong);
        (
            wrong,
            account.add_location("GALENA-2", "Galena", us("221 S Main St", "Galena", "IL", "61036")),
        )
    });
    let order = pod.enter(NewOrder::pumps(1).to(wrong))?;
    poll_and_work(&world, &pod).await?;
    let (reason, message) = held(&job(&world, &pod, order));
    assert_eq!((reason, world.asked_ups("ship")), (HoldReason::BadAddress, 0));
    assert_eq!(pod.field(order, "shipError")?, message);
    for _ in 0..3 {
        world.pass(AGAIN).await?;
        poll_and_work(&world, &pod).await?;
    }
    assert_eq!(
        (world.asked_ups("ship"), pod.page(order)?.changes.len()),
        (0, 1),
        "it does not loop"
    );
    pod.person(|account, now| account.edit_location(order, right, now))?;
    world.turn(SignedDuration::from_secs(1));
    poll_and_work(&world, &pod).await?;
    assert_eq!(world.billed().len(), 1, "without waiting for the hold's own turn");
    assert_eq!(pod.field(order, "shipError")?, "");
    Ok(())
}

/// P37: goods without a weight are held until somebody weighs the item, which moves nothing of the order.
#[tokio::test]
async fn a_line_without_a_weight_is_held_until_the_item_is_weighed() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::of(vec![NewLine::of("GASKET-NEW", 3)]))?;
    poll_and_work(&world, &pod).await?;
    let (reason, message) = held(&job(&world, &pod, order));
    assert_eq!(reason, HoldReason::MissingData);
    assert!(message.contains("GASKET-NEW has no weight"), "{message}");
    let weight = (
        rust_decimal::dec!(0.5),
        simulators::fusion::model::Uom::new("LBS", "Pound"),
    );
    pod.person(|account, _| account.weigh_item("GASKET-NEW", Some(&weight)))?;
    world.pass(AGAIN).await?;
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

/// An item weighed in a unit that nobody has explained is held with the unit and the option that explains it.
#[tokio::test]
async fn an_item_in_an_unknown_unit_is_held_and_says_which() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let weight = (
        rust_decimal::dec!(2),
        simulators::fusion::model::Uom::new("STN", "Stone"),
    );
    pod.person(|account, _| account.weigh_item("PUMP-010", Some(&weight)))?;
    let order = pod.enter(NewOrder::pumps(1))?;
    poll_and_work(&world, &pod).await?;
    let (reason, message) = held(&job(&world, &pod, order));
    assert_eq!((reason, world.asked_ups("rate")), (HoldReason::MissingData, 0));
    assert!(message.contains("weight_units"), "{message}");
    Ok(())
}

/// A schedule whose location has no structured address is held: the formatted text of the order is not taken for one.
#[tokio::test]
async fn a_schedule_without_a_structured_address_is_held() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let nowhere = pod
        .fusion
        .act(|account, _| account.add_location("BARE", "Bare", us("", "", "", "")));
    let order = pod.enter(NewOrder::pumps(1).to(nowhere))?;
    poll_and_work(&world, &pod).await?;
    let (reason, message) = held(&job(&world, &pod, order));
    assert_eq!((reason, world.asked_ups("validate")), (HoldReason::MissingData, 0));
    assert!(message.contains("BARE"), "{message}");
    Ok(())
}

/// P28: an order that changes after it shipped is reported once and never shipped again; what it asks for beyond that waits for
/// a person's word.
#[tokio::test]
async fn an_order_that_changes_after_it_shipped_is_reported_and_not_shipped_again() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::pumps(2))?;
    poll_and_work(&world, &pod).await?;
    let elsewhere = pod
        .fusion
        .act(|account, _| account.add_location("NYC", "New York", us("350 5th Ave", "New York", "NY", "10118")));
    world.turn(FIVE);
    pod.person(|account, now| account.edit_location(order, elsewhere, now))?;
    for _ in 0..4 {
        poll_and_work(&world, &pod).await?;
        world.turn(FIVE);
    }
    let shipped = job(&world, &pod, order);
    let reports = |world: &World| {
        let story = world.story(&shipped.id);
        story
            .iter()
            .filter(|entry| entry.text.contains("changed after this was shipped"))
            .count()
    };
    assert_eq!((world.billed().len(), reports(&world)), (1, 1));
    let schedule = pod.page(order)?.lines[&1].schedules[&1].id;
    pod.person(|account, now| account.edit_quantity(order, schedule, rust_decimal::dec!(5), now))?;
    poll_and_work(&world, &pod).await?;
    assert_eq!(world.billed().len(), 1);
    let jobs = world.jobs_of(&pod.id, &document(order));
    let (reason, message) = held(jobs.get(1).expect("the addition is a unit of its own"));
    assert_eq!(reason, HoldReason::Addition);
    assert!(message.contains("release"), "{message}");
    Ok(())
}

/// A write whose answer was lost: what Fusion may still be working on is waited for, looked for, and then written once.
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_looked_for_and_written_once() -> Result<(), Failure> {
    for (operation, kind) in [
        ("write_flexfield", FaultKind::DropAfter),
        ("write_flexfield", FaultKind::DropBefore),
        ("submit", FaultKind::DropAfter),
        ("submit", FaultKind::DropBefore),
    ] {
        let (world, pod) = start(|_| {}).await?;
        let order = pod.enter(NewOrder::pumps(1))?;
        pod.fault(Fault::new(operation, kind.clone()).at_most(1));
        poll_and_work(&world, &pod).await?;
        world.pass(SignedDuration::from_hours(1)).await?;
        let page = pod.page(order)?;
        let shown = pod.field(order, "trackingNumber")?;
        assert_eq!(shown, number(&world), "{operation} {kind:?}");
        assert_eq!(
            page.in_state(ChangeState::Applied).len(),
            1,
            "{operation} {kind:?}: {page:?}"
        );
        assert_eq!(
            (page.standing().len(), world.billed().len()),
            (0, 1),
            "{operation} {kind:?}"
        );
    }
    Ok(())
}

/// A submit that fails leaves no half-made change order behind that would lock the buyer out.
#[tokio::test]
async fn a_change_order_that_cannot_be_submitted_is_deleted() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::pumps(1))?;
    pod.fusion
        .act(|account, _| account.fail_next_submit("the buyer is inactive"));
    poll_and_work(&world, &pod).await?;
    let page = pod.page(order)?;
    assert!(page.standing().is_empty(), "{page:?}");
    let (reason, message) = held(&job(&world, &pod, order));
    assert_eq!(reason, HoldReason::WriteBackRefused);
    assert!(message.contains("the buyer is inactive"), "{message}");
    world.pass(AGAIN).await?;
    assert_eq!(
        pod.field(order, "trackingNumber")?,
        number(&world),
        "tried again, it works"
    );
    Ok(())
}

/// A buyer's own change order is neither submitted nor deleted: the write waits until the buyer is done.
#[tokio::test]
async fn a_buyers_own_change_order_is_left_alone() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::pumps(1))?;
    pod.person(|account, now| {
        account.begin_change(order, now, |content| {
            content.note_to_supplier = Some("Please hurry".to_owned())
        })
    })?;
    poll_and_work(&world, &pod).await?;
    world.pass(SignedDuration::from_mins(30)).await?;
    let page = pod.page(order)?;
    assert_eq!((page.standing().len(), page.writes), (1, 0), "{page:?}");
    assert_eq!(world.billed().len(), 1);
    pod.person(|account, now| account.finish_change(order, now))?;
    world.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(pod.field(order, "trackingNumber")?, number(&world));
    Ok(())
}

/// P38: a token that ended is renewed once on either side, and the order ships once.
#[tokio::test]
async fn a_token_that_ends_on_either_side_is_one_refresh_and_one_shipment() -> Result<(), Failure> {
    for at_ups in [true, false] {
        let (world, pod) = start(|_| {}).await?;
        let order = pod.enter(NewOrder::pumps(1))?;
        let ended = |operation: &str| Fault::new(operation, FaultKind::ExpireTokens).at_most(1);
        if at_ups {
            world.ups_fault(ended("ship"));
        } else {
            pod.fault(ended("write_flexfield"));
        }
        poll_and_work(&world, &pod).await?;
        let (ups, fusion) = (world.asked_ups("token"), pod.asked("token"));
        assert_eq!((ups, fusion), if at_ups { (2, 1) } else { (1, 2) });
        assert_eq!(
            (world.billed().len(), pod.field(order, "trackingNumber")?),
            (1, number(&world))
        );
    }
    Ok(())
}

/// P39: every exchange that failed stands in the story, with its status and without a credential.
#[tokio::test]
async fn every_failure_stands_in_the_story() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::pumps(1))?;
    let fails = |code| FaultKind::Status {
        code,
        retry_after: None,
    };
    world.ups_fault(Fault::new("rate", fails(503)).at_most(1));
    pod.fault(Fault::new("write_flexfield", fails(500)).at_most(1));
    poll_and_work(&world, &pod).await?;
    world.pass(SignedDuration::from_hours(1)).await?;
    let shipped = job(&world, &pod, order);
    let story = world.story(&shipped.id);
    let exchanges: Vec<_> = story.iter().flat_map(|entry| &entry.exchanges).collect();
    for (system, status) in [("ups", 503), ("fusion", 500)] {
        assert!(
            exchanges
                .iter()
                .any(|one| one.system == system && one.status == Some(status)),
            "{system} {status}"
        );
    }
    let all = serde_json::to_string(&story)?;
    assert!(!all.contains("client-secret") && !all.to_lowercase().contains("bearer "));
    assert!(shipped.write_back.done().is_some());
    Ok(())
}

/// A login page instead of an answer is a refused credential, and nobody follows it.
#[tokio::test]
async fn a_redirect_to_a_login_page_is_not_followed() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    pod.enter(NewOrder::pumps(1))?;
    pod.fault(Fault::new("list_orders", FaultKind::LoginRedirect));
    let report = world.poll_for(&pod.id).await?;
    assert!(report.stopped.is_some(), "{report:?}");
    assert_eq!(pod.asked("login_page"), 0);
    pod.fusion.base.faults.clear();
    world.pass(SignedDuration::from_hours(1)).await?;
    poll_and_work(&world, &pod).await?;
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

/// With our own store as the only place nothing is written, and the order counts as shown.
#[tokio::test]
async fn a_connection_may_write_nothing() -> Result<(), Failure> {
    let (world, pod) = start(|connection| {
        connection.write_back = waybill::connection::WriteBackPolicy {
            store_only: true,
            ..Default::default()
        };
    })
    .await?;
    let order = pod.enter(NewOrder::pumps(1))?;
    poll_and_work(&world, &pod).await?;
    assert!(job(&world, &pod, order).write_back.done().is_some());
    assert_eq!((pod.page(order)?.writes, world.billed().len()), (0, 1));
    Ok(())
}

/// P40: procurement sees where the delivery stands on the order itself.
#[tokio::test]
async fn a_delivery_is_shown_in_the_flexfield() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::pumps(1))?;
    poll_and_work(&world, &pod).await?;
    let number = number(&world);
    world.turn(SignedDuration::from_hours(20));
    world.ups.happen(&number, &[EventKind::PickedUp, EventKind::Delivered]);
    world.follow(SignedDuration::from_hours(30), Ways::PollOnly).await?;
    assert_eq!(pod.field(order, "shipStatus")?, "Delivered");
    assert_eq!(pod.field(order, "trackingNumber")?, number);
    Ok(())
}

/// P32: a table of merchant ids whose tokens cannot fit into a day is refused by the check.
#[tokio::test]
async fn a_table_of_too_many_merchants_is_refused_by_the_check() -> Result<(), Failure> {
    use waybill::ports::Systems as _;
    for (merchants, fits) in [(3, true), (60, false)] {
        let (world, pod) = start(|connection| {
            let rows = (0..merchants).map(|index| row(None, Some(&format!("{index}")), &format!("B{index:05}"), None));
            connection.accounts = rows.collect();
        })
        .await?;
        let connection = world.store.tables().connections[&pod.id].clone();
        let opened = world.registry().open(&connection).await?;
        let findings = opened.carrier.check().await;
        let day = findings
            .iter()
            .find(|finding| finding.what.contains("merchant ids"))
            .expect("it is looked at");
        assert_eq!(day.result.is_ok(), fits, "{day:?}");
    }
    Ok(())
}

/// P32, P38: tokens of several merchants are renewed in the background, each for its own merchant.
#[tokio::test]
async fn each_merchants_token_is_renewed_for_that_merchant() -> Result<(), Failure> {
    let (world, pod) = start(|connection| {
        connection.accounts = vec![row(None, Some("5110"), "B1B1B1", None), row(None, None, "C1C1C1", None)];
    })
    .await?;
    let charged = |account: &str| NewOrder::of(vec![NewLine::of("PUMP-010", 1).charged_to(account)]);
    for account in ["01-520-5110-0000", "01-520-5120-0000"] {
        pod.enter(charged(account))?;
    }
    poll_and_work(&world, &pod).await?;
    let merchants = |world: &World| -> Vec<Option<String>> {
        let tokens = world.ups.read_books().tokens.into_values().flatten();
        tokens.map(|token| token.merchant).collect()
    };
    let before = merchants(&world).len();
    world.turn(SignedDuration::from_secs(3500));
    world.refresher().run().await?;
    let renewed: BTreeSet<Option<String>> = merchants(&world).split_off(before).into_iter().collect();
    assert_eq!(
        renewed,
        BTreeSet::from([Some("B1B1B1".to_owned()), Some("C1C1C1".to_owned())])
    );
    Ok(())
}

/// A job whose lines turn out to ship under different accounts gives way to units of their own, without anybody's word.
#[tokio::test]
async fn a_table_that_is_completed_divides_what_was_held() -> Result<(), Failure> {
    let (world, pod) = start(|connection| {
        connection.accounts = vec![row(None, Some("9999"), "D1D1D1", None)];
    })
    .await?;
    let lines = ["01-520-5110-0000", "01-520-5120-0000"].map(|account| NewLine::of("PUMP-010", 1).charged_to(account));
    let order = pod.enter(NewOrder::of(lines.to_vec()))?;
    poll_and_work(&world, &pod).await?;
    assert_eq!(held(&job(&world, &pod, order)).0, HoldReason::MissingData);
    if let Some(connection) = world.store.tables().connections.get_mut(&pod.id) {
        connection.accounts.push(row(None, Some("5110"), "B1B1B1", None));
        connection.accounts.push(row(None, Some("5120"), "C1C1C1", None));
        connection.version += 1;
    }
    world.pass(AGAIN).await?;
    poll_and_work(&world, &pod).await?;
    let shippers: BTreeSet<String> = world.billed().into_iter().map(|one| one.account).collect();
    assert_eq!(shippers, BTreeSet::from(["B1B1B1".to_owned(), "C1C1C1".to_owned()]));
    Ok(())
}

/// P28: a user who loses sight of the orders cancels none of them: they wait, say so, and ship once they are seen again.
#[tokio::test]
async fn an_order_that_is_out_of_sight_is_not_given_up() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::of(vec![NewLine::of("GASKET-NEW", 1)]))?;
    poll_and_work(&world, &pod).await?;
    assert_eq!(held(&job(&world, &pod, order)).0, HoldReason::MissingData);
    let hidden = || simulators::fusion::access::User::named(tests::fusion::CLIENT).seeing([]);
    pod.fusion.register(|access| access.register_user(hidden()));
    for _ in 0..4 {
        world.pass(AGAIN).await?;
        poll_and_work(&world, &pod).await?;
    }
    assert!(
        job(&world, &pod, order).closed.is_none(),
        "nobody knows that it was cancelled"
    );
    let seen = simulators::fusion::access::User::named(tests::fusion::CLIENT);
    pod.fusion.register(|access| access.register_user(seen));
    let weight = (
        rust_decimal::dec!(0.5),
        simulators::fusion::model::Uom::new("LBS", "Pound"),
    );
    pod.person(|account, _| account.weigh_item("GASKET-NEW", Some(&weight)))?;
    world.pass(AGAIN).await?;
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

/// P28: what was read and has not changed since is not read again by every poll of the overlap.
#[tokio::test]
async fn what_has_not_changed_is_not_read_again() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    for _ in 0..30 {
        pod.enter(NewOrder::pumps(1).by(Some("FedEx")))?;
    }
    world.turn(FIVE);
    poll_and_work(&world, &pod).await?;
    let asked = |pod: &Pod| pod.asked("list_orders") + pod.asked("get_flexfield");
    let first = asked(&pod);
    for _ in 0..3 {
        world.turn(SignedDuration::from_mins(4));
        poll_and_work(&world, &pod).await?;
    }
    assert!(
        asked(&pod) - first <= 6,
        "three polls that find nothing new took {} calls",
        asked(&pod) - first
    );
    Ok(())
}

/// P28: a pod so slow that a poll's time ends in the middle of a page: what was read is stored, and the next goes on there.
#[tokio::test]
async fn a_slow_pod_is_read_in_small_parts() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    for _ in 0..60 {
        pod.enter(NewOrder::pumps(1))?;
    }
    world.turn(FIVE);
    pod.fault(
        Fault::new(
            "list_orders",
            FaultKind::Status {
                code: 503,
                retry_after: None,
            },
        )
        .when(simulators::faults::When::nth([45])),
    );
    let report = world.poll_for(&pod.id).await?;
    assert!(
        report.stopped.is_some() && (20..60).contains(&report.admitted),
        "{report:?}"
    );
    world.turn(FIVE);
    let rest = world.poll_for(&pod.id).await?;
    assert!(rest.complete && rest.admitted == 60 - report.admitted, "{rest:?}");
    Ok(())
}

/// P37: a flag whose submission was lost is ours: once the goods are weighed the order ships, shows its number, and neither the
/// flag nor a change order is left behind.
#[tokio::test]
async fn a_flag_that_was_never_submitted_does_not_lock_the_order() -> Result<(), Failure> {
    let (world, pod) = start(|_| {}).await?;
    let order = pod.enter(NewOrder::of(vec![NewLine::of("GASKET-NEW", 3)]))?;
    pod.fault(Fault::new("submit", FaultKind::DropBefore).at_most(1));
    poll_and_work(&world, &pod).await?;
    assert_eq!(pod.page(order)?.standing().len(), 1, "the flag is half made");
    let weight = (
        rust_decimal::dec!(0.5),
        simulators::fusion::model::Uom::new("LBS", "Pound"),
    );
    pod.person(|account, _| account.weigh_item("GASKET-NEW", Some(&weight)))?;
    world.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(pod.field(order, "trackingNumber")?, number(&world));
    assert_eq!(pod.field(order, "shipError")?, "");
    assert_eq!((pod.page(order)?.standing().len(), world.billed().len()), (0, 1));
    Ok(())
}

/// P33: a number that waits for an approver is not taken for one that somebody has removed; once approved it stands there.
#[tokio::test]
async fn a_write_that_waits_for_an_approver_is_not_written_again() -> Result<(), Failure> {
    let world = World::start().await?;
    let habits = Options {
        approval: Approval::ByPerson,
        ..options()
    };
    let pod = world.open_pod(habits, |_| {}).await?;
    let order = pod.enter(NewOrder::pumps(1))?;
    poll_and_work(&world, &pod).await?;
    let writes = pod.page(order)?.writes;
    for _ in 0..3 {
        world.turn(FIVE);
        poll_and_work(&world, &pod).await?;
    }
    let page = pod.page(order)?;
    assert_eq!((page.writes, page.changes.len()), (writes, 1), "{page:?}");
    pod.person(|account, now| account.approve(order, now))?;
    world.turn(FIVE);
    poll_and_work(&world, &pod).await?;
    assert_eq!(pod.field(order, "trackingNumber")?, number(&world));
    assert_eq!((pod.page(order)?.changes.len(), world.billed().len()), (1, 1));
    Ok(())
}

/// What an approver rejects is taken away and held for a person; it is not submitted again by itself.
#[tokio::test]
async fn a_write_that_an_approver_rejects_is_held_and_not_submitted_again() -> Result<(), Failure> {
    let world = World::start().await?;
    let habits = Options {
        approval: Approval::ByPerson,
        ..options()
    };
    let pod = world.open_pod(habits, |_| {}).await?;
    let order = pod.enter(NewOrder::pumps(1))?;
    pod.fault(Fault::new("submit", FaultKind::DropAfter).at_most(1));
    poll_and_work(&world, &pod).await?;
    pod.person(|account, now| account.reject(order, now))?;
    world.turn(AGAIN);
    world.work().await?;
    let (reason, message) = held(&job(&world, &pod, order));
    assert_eq!((reason, world.billed().len()), (HoldReason::WriteBackRefused, 1));
    assert!(message.contains("approver"), "{message}");
    world.pass(SignedDuration::from_hours(1)).await?;
    let page = pod.page(order)?;
    let asked: Vec<ChangeState> = page
        .changes
        .iter()
        .filter(|change| change.flexfield.contains_key("trackingNumber"))
        .map(|change| change.state)
        .collect();
    assert_eq!(asked, [ChangeState::Deleted], "{page:?}");
    Ok(())
}
