//! What FedEx carries: orders of the simulated NetSuite that become shipments of the simulated FedEx, and what goes wrong between them.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::dec;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulators::faults::{Fault, FaultKind, When};
use simulators::fedex::{EventKind, Options, Push, Shipment, Webhook};
use simulators::netsuite::options::EventHook;
use simulators::netsuite::people::NewOrder;
use tests::fedex::{Depot, seeing_at_once};
use tests::tracking::{API, NETSUITE_HOOK, UPS_HOOK, Ways};
use tests::world::{Failure, World, place};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use waybill::connection::AddressPolicy;
use waybill::domain::{Milestone, ParcelRule, Payer};
use waybill::job::{HoldReason, history};
use waybill::ports::{Exchange, Hook, Inbound, Limits, Sealer};
use waybill::systems::ways_of;

use crate::safety::{Told, exchanges, ours, theirs};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The key that a person entered in FedEx's portal.
pub(crate) const TOKEN: &str = "Wb1-a-token-of-the-portal-000";

/// A world with a FedEx of these habits, and an order that its connection has taken in.
async fn with_an_order(options: Options) -> Result<(World, Depot, u64), Failure> {
    let world = World::start().await?;
    let depot = world.open_depot(options, |_| {}).await?;
    let order = world.enter(world.plain(2))?;
    world.poll_for(&depot.id).await?;
    Ok((world, depot, order))
}

/// Polls and works off what that brought.
async fn poll_and_work(world: &World, depot: &Depot) -> Result<(), Failure> {
    world.poll_for(&depot.id).await?;
    world.work().await?;
    Ok(())
}

/// What is billed and not cancelled.
fn live(depot: &Depot) -> Vec<Shipment> {
    let mut shipments = depot.billed();
    shipments.retain(|shipment| !shipment.is_cancelled());
    shipments
}

fn status(code: u16) -> FaultKind {
    FaultKind::Status {
        code,
        retry_after: None,
    }
}

/// P54: an order becomes one shipment with its address and items; its number stands in the ERP and its label is stored.
#[tokio::test]
async fn an_order_becomes_one_shipment() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    world.work().await?;
    let [shipment] = <[_; 1]>::try_from(depot.billed()).unwrap();
    let job = world.job(order)?;
    assert!(job.finished() && shipment.has_reference(job.id.as_str()), "{job:?}");
    // Two pumps of 1.5 lb.
    let [package] = &shipment.packages[..] else {
        panic!("{shipment:?}")
    };
    assert_eq!((package.weight, package.weight_unit.as_str()), (dec!(3), "LB"));
    assert_eq!(
        (shipment.account.as_str(), shipment.destination.city.as_str()),
        ("740561073", "New York")
    );
    assert_eq!(world.field(order, "tracking")?, shipment.master);
    assert_eq!(
        world.page(order)?.fulfilments[0].tracking_numbers,
        std::slice::from_ref(&shipment.master)
    );
    let labels = job.labels.done().ok_or("no label is stored")?;
    assert_eq!(labels[0].tracking_number, Some(shipment.master.clone()));

    for _ in 0..3 {
        world.turn(MINUTE * 5);
        poll_and_work(&world, &depot).await?;
    }
    assert_eq!((depot.fedex.asked("ship"), world.asked_ups("ship")), (1, 0));
    Ok(())
}

/// P55: the address is that of the order, byte for byte, and nobody judges it.
#[tokio::test]
async fn the_address_goes_as_it_stands() -> Result<(), Failure> {
    let world = World::start().await?;
    let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
    let odd = place(
        "hudson supply CO.",
        "350 5th ave., Ste. #3-b",
        "new YORK",
        "NY",
        "10118",
        "US",
    );
    world.enter(NewOrder {
        address: odd,
        ..world.plain(1)
    })?;
    poll_and_work(&world, &depot).await?;
    let [request] = <[_; 1]>::try_from(depot.fedex.base().requests.latest(Some("ship"))).unwrap();
    let body: Value = serde_json::from_str(&request.body)?;
    let to = &body["requestedShipment"]["recipients"][0];
    assert_eq!(to["contact"]["companyName"], "hudson supply CO.");
    assert_eq!(to["address"]["streetLines"], json!(["350 5th ave., Ste. #3-b"]));
    assert_eq!(
        (&to["address"]["city"], &to["address"]["postalCode"]),
        (&json!("new YORK"), &json!("10118"))
    );
    assert_eq!(depot.fedex.asked("address_validation"), 0);
    Ok(())
}

/// P57: a connection whose account is none ships nothing and says what an account is.
#[tokio::test]
async fn without_an_account_nothing_ships() -> Result<(), Failure> {
    let world = World::start().await?;
    let depot = world
        .open_depot(seeing_at_once(), |connection| {
            connection.carrier.account = "74056107".to_owned()
        })
        .await?;
    world.enter(world.plain(1))?;
    let report = world.poll_for(&depot.id).await?;
    let why = format!("{:?}", report.stopped);
    assert!(why.contains("nine digits"), "{why}");
    assert_eq!((report.admitted, depot.fedex.asked("token")), (0, 0));
    Ok(())
}

/// P58: where a role is denied OAuth nothing switches by itself: everything waits, a job's story says so with the answer of NetSuite, and
/// token-based authentication takes over once a person has entered it.
#[tokio::test]
async fn token_based_authentication_takes_over_when_it_is_entered() -> Result<(), Failure> {
    let (world, depot, waiting) = with_an_order(seeing_at_once()).await?;
    world
        .netsuite
        .register(|access| access.register_tba(("ck", "cs"), ("ti", "ts")));
    world.turn(HOUR + MINUTE);
    let before = world.asked_netsuite("token");
    world.netsuite_fault(Fault::new("token", status(401)));
    world.work().await?;
    let job = world.job(waiting)?;
    let story = world.story(&job.id);
    let denied = story.last().ok_or("no story")?;
    let refused = |exchange: &Exchange| exchange.operation == "token" && exchange.status == Some(401);
    assert!(
        denied.text.starts_with("waits: ") && denied.text.contains("401"),
        "{}",
        denied.text
    );
    assert!(denied.exchanges.iter().any(refused), "{:?}", denied.exchanges);
    assert!(job.purchase.done().is_none() && job.hold.is_none(), "{job:?}");

    let order = world.enter(world.plain(1))?;
    for _ in 0..3 {
        let report = world.poll_for(&depot.id).await?;
        assert!(report.stopped.is_some() && report.admitted == 0, "{report:?}");
        world.turn(MINUTE * 30);
    }
    let asked = world.asked_netsuite("token");
    assert!((1..=6).contains(&(asked - before)), "{asked} token requests");
    let tba = json!({
        "kind": "token-based", "consumer_key": "ck", "consumer_secret": "cs", "token_id": "ti", "token_secret": "ts"
    });
    world.secret("waybill/test/acme/netsuite", &tba).await?;
    world.turn(MINUTE * 6);
    poll_and_work(&world, &depot).await?;
    world.pass(HOUR).await?;
    for order in [order, waiting] {
        let job = world.job(order)?;
        assert!(job.write_back.done().is_some(), "{job:?}");
    }
    assert_eq!(world.asked_netsuite("token"), asked, "OAuth is not asked any more");
    Ok(())
}

/// P59: a day of orders takes 25 tokens at most, and none of the orders waits for one.
#[tokio::test]
async fn a_day_of_orders_takes_twenty_five_tokens() -> Result<(), Failure> {
    let (world, depot, _) = with_an_order(seeing_at_once()).await?;
    world.work().await?;
    let mut in_the_way = 0;
    for minute in 1..=24 * 60_i64 {
        world.turn(MINUTE);
        world.refresher().run().await?;
        if minute % 20 == 0 {
            world.enter(world.plain(1))?;
            let before = depot.fedex.asked("token");
            poll_and_work(&world, &depot).await?;
            in_the_way += depot.fedex.asked("token") - before;
        }
    }
    let asked = depot.fedex.asked("token");
    assert!((24..=25).contains(&asked), "{asked} token requests");
    let jobs = world.store.tables().jobs.clone();
    let waiting: Vec<_> = jobs
        .values()
        .filter(|job| !job.finished())
        .map(|job| (&job.wait, &job.hold))
        .collect();
    assert_eq!(
        (jobs.len(), depot.billed().len(), in_the_way),
        (73, 73, 0),
        "{waiting:?}"
    );
    Ok(())
}

/// P11, P59: a token that ends in mid-flight: one more token, one more try, one shipment.
#[tokio::test]
async fn a_401_on_the_purchase_is_one_retry_and_one_shipment() -> Result<(), Failure> {
    let (world, depot, _) = with_an_order(seeing_at_once()).await?;
    world.work().await?;
    // Our own limit on token requests allows another one a second later.
    world.turn(MINUTE);
    depot.fault(Fault::new("ship", FaultKind::ExpireTokens).at_most(1));
    let order = world.enter(world.plain(1))?;
    poll_and_work(&world, &depot).await?;
    assert_eq!((depot.fedex.asked("token"), depot.fedex.asked("ship")), (2, 3));
    assert_eq!(depot.billed().len(), 2);
    assert!(world.job(order)?.finished());
    Ok(())
}

/// P62: those whom FedEx refuses at the same moment come back spread out, and further apart the second time.
#[tokio::test]
async fn those_who_wait_do_not_come_back_together() -> Result<(), Failure> {
    let world = World::start().await?;
    let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
    let orders: Vec<u64> = (0..60).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    world.poll_for(&depot.id).await?;
    depot.fault(Fault::new("rate", status(429)));
    world.work().await?;
    let dues = || -> Result<Vec<Timestamp>, Failure> {
        let due = |order: &u64| -> Result<Timestamp, Failure> {
            let job = world.job(*order)?;
            Ok(job.due_at.ok_or("it does not wait")?)
        };
        let mut dues = orders.iter().map(due).collect::<Result<Vec<_>, Failure>>()?;
        dues.sort_unstable();
        Ok(dues)
    };
    let (first, now) = (dues()?, world.now());
    let span = |dues: &[Timestamp]| dues[59].duration_since(dues[0]);
    let crowd = |dues: &[Timestamp]| {
        let tenths = dues.iter().map(|due| due.as_millisecond() / 100);
        let near = |tenth: i64| dues.iter().filter(|due| due.as_millisecond() / 100 == tenth).count();
        tenths.map(near).max().unwrap_or_default()
    };
    assert!(
        first[0] > now && span(&first) > SignedDuration::from_millis(1500),
        "{first:?}"
    );
    assert!(crowd(&first) <= 12, "{} of 60 in a tenth of a second", crowd(&first));
    world.pass(first[59].duration_since(now)).await?;
    let second = dues()?;
    assert!(
        span(&second) > span(&first),
        "{:?} after {:?}",
        span(&second),
        span(&first)
    );

    depot.fedex.base().faults.clear();
    world.pass(HOUR * 2).await?;
    assert_eq!(
        (depot.billed().len(), depot.fedex.read_books().duplicates.len()),
        (60, 0)
    );
    Ok(())
}

/// P20, P63: whatever becomes of the answer, there is one shipment at most and nobody buys again by himself. One that was made is
/// found and held because its label is lost, one that was not is held as unknown.
#[tokio::test]
async fn whatever_befalls_a_purchase_it_is_made_once_or_held() -> Result<(), Failure> {
    let made = [FaultKind::DropAfter, FaultKind::Status500After, FaultKind::Unreadable];
    let lost = [FaultKind::DropBefore, FaultKind::Html503, status(500), status(503)];
    let kinds = made.into_iter().map(|kind| (kind, 1)).chain(lost.map(|kind| (kind, 0)));
    for (kind, billed) in kinds {
        let (world, depot, order) = with_an_order(seeing_at_once()).await?;
        depot.fault(Fault::new("ship", kind.clone()).at_most(1));
        world.work().await?;
        world.pass(HOUR * 26).await?;
        let (reason, message) = world.held(order)?;
        let expected = if billed == 1 {
            HoldReason::LabelLost
        } else {
            HoldReason::UnknownPurchase
        };
        assert_eq!(
            (reason, depot.billed().len()),
            (expected, billed),
            "{kind:?}: {message}"
        );
        assert!(
            billed == 0 || message.contains("waybill job void"),
            "{kind:?}: {message}"
        );
        assert_eq!(depot.fedex.asked("ship"), 1, "{kind:?}");
        assert_eq!(world.page(order)?.fulfilments.len(), 0, "{kind:?}");
    }
    Ok(())
}

/// P20, P63: a worker that dies over its purchase leaves one shipment, which is found once its lease has ended.
#[tokio::test]
async fn a_worker_that_dies_over_its_purchase_leaves_one_shipment() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    depot.fault(Fault::new("ship", FaultKind::SlowAnswer { ms: 600_000 }).at_most(1));
    let sold = async {
        while depot.billed().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        worked = world.work() => return Err(format!("it did not die: {worked:?}").into()),
        () = sold => {}
    }
    world.pass(HOUR * 26).await?;
    assert_eq!(world.held(order)?.0, HoldReason::LabelLost);
    assert_eq!((depot.billed().len(), depot.fedex.asked("ship")), (1, 1));
    Ok(())
}

/// P20, P63: a project that may not ask Track leaves nobody waiting for ever: the lost purchase is held as unknown, the
/// parcels go on being asked for, and both are found once the project may.
#[tokio::test]
async fn a_project_without_tracking_holds_what_it_cannot_look_for() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    let other = world.enter(world.plain(1))?;
    depot.fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    for operation in ["track", "track_reference", "track_associated"] {
        depot.fault(Fault::new(operation, status(403)));
    }
    poll_and_work(&world, &depot).await?;
    world.pass(HOUR * 5).await?;
    assert_eq!(world.held(order)?.0, HoldReason::UnknownPurchase);
    assert!(world.job(other)?.finished(), "{:?}", world.job(other)?);
    world.follow(HOUR * 5, Ways::PollOnly).await?;
    let [parcel] = <[_; 1]>::try_from(world.parcels(other)).unwrap();
    assert!(
        parcel.failures > 0 && parcel.ended.is_none(),
        "it does not grow old: {parcel:?}"
    );

    depot.fedex.base().faults.clear();
    world.pass(HOUR * 26).await?;
    assert_eq!(world.held(order)?.0, HoldReason::LabelLost, "it was found");
    let number = depot
        .billed()
        .iter()
        .map(|one| one.master.clone())
        .find(|one| *one == parcel.key.number);
    assert!(depot.fedex.deliver(&number.ok_or("not billed")?));
    world.follow(HOUR * 3, Ways::PollOnly).await?;
    assert_eq!(world.field(other, "status")?, "Delivered");
    assert_eq!(depot.fedex.asked("ship"), 2);
    Ok(())
}

/// P20, P54: a project that may not ship, as in production before FedEx has validated its labels, is no order's fault: nobody is held,
/// one purchase at a time is tried, it is said once, and everything ships once it may.
#[tokio::test]
async fn a_project_that_may_not_ship_holds_no_order() -> Result<(), Failure> {
    let lines = Lines::default();
    let _listening = lines.listen();
    let world = World::start().await?;
    let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
    let orders: Vec<u64> = (0..5).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    depot.fault(Fault::new("ship", status(403)));
    poll_and_work(&world, &depot).await?;
    world.pass(HOUR * 3).await?;
    for order in &orders {
        let job = world.job(*order)?;
        assert!(job.hold.is_none() && job.purchase.done().is_none(), "{job:?}");
        assert!(world.field(*order, "problem")?.is_empty(), "no order is told of it");
    }
    let asked = depot.fedex.asked("ship");
    assert!((2..=9).contains(&asked), "{asked} purchases were tried in three hours");
    let standing = world.store.standing("fedex:740561073").await?;
    let outage = standing.health.outage.ok_or("nobody is told")?;
    assert!(outage.reason.contains("403"), "{outage:?}");
    let logged = lines.text();
    assert_eq!(
        logged.matches("message=the account is paused and probed").count(),
        1,
        "it rings once"
    );
    let said = world.story(&world.job(orders[0])?.id);
    assert!(said.iter().any(|entry| entry.text.contains("does not let")), "{said:?}");

    depot.fedex.base().faults.clear();
    world.pass(HOUR * 3).await?;
    for order in &orders {
        assert!(world.job(*order)?.finished(), "{:?}", world.job(*order)?);
    }
    assert_eq!((live(&depot).len(), depot.billed().len()), (5, 5));
    Ok(())
}

/// P20, P63: who may buy but not cancel goes on buying: a refused cancellation is the answer to one question, and says nothing about the
/// account.
#[tokio::test]
async fn a_cancellation_that_is_forbidden_stops_no_purchase() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    poll_and_work(&world, &depot).await?;
    depot.fault(Fault::new("cancel", status(403)));
    world.operator().void(&world.job(order)?.id, "ann").await?;
    world.pass(HOUR).await?;
    assert!(depot.fedex.asked("cancel") > 0, "it was tried");
    assert!(world.job(order)?.purchase.done().is_some(), "what was bought stays");
    let standing = world.store.standing("fedex:740561073").await?;
    assert!(standing.health.outage.is_none(), "{:?}", standing.health);
    let other = world.enter(world.plain(1))?;
    poll_and_work(&world, &depot).await?;
    assert!(world.job(other)?.finished(), "{:?}", world.job(other)?);
    Ok(())
}

/// P60: an address that is shut out of token requests stops everybody, and that is said once, however long it lasts.
#[tokio::test]
async fn an_address_that_is_shut_out_is_heard_of() -> Result<(), Failure> {
    let lines = Lines::default();
    let _listening = lines.listen();
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    depot.fault(Fault::new("token", status(403)));
    world.work().await?;
    world.pass(HOUR * 2).await?;
    let waits = world.job(order)?.wait.ok_or("it does not wait")?;
    assert!(waits.reason.contains("FedEx"), "{waits:?}");
    let told = lines.text();
    assert_eq!(
        told.matches("message=the account is paused\n").count(),
        1,
        "it rings once: {told}"
    );
    let connection = world.store.tables().connections.get(&depot.id).cloned();
    let ways = ways_of(&connection.ok_or("no connection")?);
    assert_eq!(
        ways[1..],
        ["fedex:740561073", "fedex-track:740561073", "fedex-token:address"],
        "whoever looks at the connection sees the address too"
    );
    let address = world.store.standing(&ways[3]).await?;
    assert!(address.health.outage.is_some(), "{address:?}");

    depot.fedex.base().faults.clear();
    world.pass(HOUR * 4).await?;
    assert!(world.job(order)?.finished(), "{:?}", world.job(order)?);
    assert_eq!(world.store.standing(&ways[3]).await?.health.outage, None);
    Ok(())
}

/// P2, P54: an ERP that refuses to be read is heard of, for that does not heal by itself; one that does not answer is only waited for.
#[tokio::test]
async fn an_erp_that_refuses_to_be_read_is_heard_of() -> Result<(), Failure> {
    let lines = Lines::default();
    let _listening = lines.listen();
    let world = World::start().await?;
    let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
    world.enter(world.plain(1))?;
    let heard = || lines.text().matches("message=the ERP refuses to be read").count();
    for (code, rings) in [(503, 0), (403, 1)] {
        world.netsuite_fault(Fault::new("suiteql", status(code)).at_most(1));
        let report = world.poll_for(&depot.id).await?;
        assert!(report.stopped.is_some() && report.admitted == 0, "{code}: {report:?}");
        assert_eq!(heard(), rings, "{code}");
    }
    world.turn(MINUTE * 5);
    assert_eq!(world.poll_for(&depot.id).await?.admitted, 1, "nothing is lost by it");
    Ok(())
}

/// P63: Track knows a label late: what no look has found is held as unknown, and once it turns up it is the job's.
#[tokio::test]
async fn a_shipment_that_turns_up_late_is_the_jobs() -> Result<(), Failure> {
    let late = Options {
        index_lag_s: 9 * 3600,
        ..Options::default()
    };
    let (world, depot, order) = with_an_order(late).await?;
    depot.fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    world.work().await?;
    world.pass(HOUR * 5).await?;
    assert_eq!(world.held(order)?.0, HoldReason::UnknownPurchase);
    world.pass(HOUR * 30).await?;
    assert_eq!(world.held(order)?.0, HoldReason::LabelLost);
    let job = world.job(order)?;
    let bought = job.purchase.done().ok_or("it was not adopted")?;
    assert_eq!(
        (bought.id.as_str(), depot.fedex.asked("ship")),
        (depot.billed()[0].master.as_str(), 1)
    );
    Ok(())
}

/// P63: a person voids what has lost its label, and the order ships anew: one shipment is billed, and the ERP shows that one.
#[tokio::test]
async fn a_person_voids_what_lost_its_label_and_it_ships_anew() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    depot.fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    world.work().await?;
    world.pass(HOUR * 3).await?;
    let first = depot.billed()[0].master.clone();
    world.operator().void(&world.job(order)?.id, "ann").await?;
    world.work().await?;
    assert_eq!((live(&depot).len(), depot.fedex.asked("cancel")), (0, 1));

    world.pass(MINUTE * 11).await?;
    poll_and_work(&world, &depot).await?;
    let [again] = <[_; 1]>::try_from(live(&depot)).unwrap();
    assert_ne!(again.master, first);
    assert_eq!(
        (depot.billed().len(), world.field(order, "tracking")?),
        (2, again.master.clone())
    );
    assert_eq!(world.page(order)?.fulfilments[0].tracking_numbers, [again.master]);
    Ok(())
}

/// P63: a person who has looked says that nothing was bought, and it is bought once.
#[tokio::test]
async fn a_person_says_that_nothing_was_bought() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    depot.fault(Fault::new("ship", FaultKind::DropBefore).at_most(1));
    world.work().await?;
    world.pass(HOUR * 5).await?;
    let job = world.job(order)?.id;
    world
        .operator()
        .release(&job, "ann", HoldReason::UnknownPurchase)
        .await?;
    world.work().await?;
    world.pass(HOUR).await?;
    assert_eq!((depot.billed().len(), depot.fedex.asked("ship")), (1, 2));
    assert_eq!(world.field(order, "tracking")?, depot.billed()[0].master);
    Ok(())
}

/// P20, P63: every call of both systems fails now and then; no order is billed twice, and what is not shipped is held with its reason.
#[tokio::test]
async fn a_bad_day_bills_no_order_twice() -> Result<(), Failure> {
    let world = World::start().await?;
    let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
    let kinds = [
        FaultKind::DropBefore,
        FaultKind::DropAfter,
        FaultKind::Status500After,
        FaultKind::Unreadable,
    ];
    for (seed, kind) in (1..).zip(kinds) {
        depot.fault(Fault::new("*", kind.clone()).when(When::chance(0.05, seed)));
        world.netsuite_fault(Fault::new("*", kind).when(When::chance(0.03, seed + 10)));
    }
    let orders: Vec<u64> = (0..20).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    for _ in 0..12 {
        world.poll_for(&depot.id).await?;
        world.pass(MINUTE * 30).await?;
    }
    let faults = &depot.fedex.base().faults;
    let strikes: u32 = faults.report().iter().map(|fault| fault.strikes).sum();
    assert!(strikes > 5, "only {strikes} faults struck");
    faults.clear();
    world.netsuite.base.faults.clear();
    world.poll_for(&depot.id).await?;
    world.pass(HOUR * 30).await?;
    let books = depot.fedex.read_books();
    let mut shipped = 0;
    for order in orders {
        let (job, billed) = (world.job(order)?, books.unvoided(world.job(order)?.id.as_str()).len());
        let held = job.hold.as_ref().map(|hold| hold.reason);
        match held {
            None => assert!(job.finished() && billed == 1, "{billed} billed: {job:?}"),
            Some(HoldReason::LabelLost) => assert_eq!(billed, 1, "{job:?}"),
            Some(reason) => assert_eq!((reason, billed), (HoldReason::UnknownPurchase, 0), "{job:?}"),
        }
        shipped += usize::from(held.is_none());
        assert_eq!(world.page(order)?.fulfilments.len(), usize::from(held.is_none()));
    }
    assert!(books.duplicates.is_empty() && shipped >= 10, "{shipped} shipped");
    Ok(())
}

/// P64, P66: thirty-five parcels are asked for by thirty and five, a delivery is shown within the hour, and what has arrived is left
/// alone.
#[tokio::test]
async fn parcels_are_polled_by_thirties_until_they_arrive() -> Result<(), Failure> {
    let world = World::start().await?;
    let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
    let orders: Vec<u64> = (0..35).map(|_| world.enter(world.plain(1))).collect::<Result<_, _>>()?;
    poll_and_work(&world, &depot).await?;
    let sizes = || -> Result<Vec<usize>, Failure> {
        let asked = depot.fedex.base().requests.latest(Some("track"));
        depot.fedex.base().requests.clear();
        let size = |body: &str| -> Result<usize, Failure> {
            let body: Value = serde_json::from_str(body)?;
            Ok(body["trackingInfo"].as_array().map_or(0, Vec::len))
        };
        asked.iter().map(|request| size(&request.body)).collect()
    };
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    assert_eq!(sizes()?, [30, 5], "as soon as they had shipped");
    for shipment in depot.billed() {
        assert!(depot.fedex.deliver(&shipment.master));
    }
    let since = world.now();
    while world.field(orders[34], "status")? != "Delivered" && world.now().duration_since(since) < HOUR * 2 {
        world.follow(MINUTE, Ways::PollOnly).await?;
    }
    world.follow(MINUTE, Ways::PollOnly).await?;
    assert!(
        world.now().duration_since(since) <= HOUR,
        "{:#}",
        world.now().duration_since(since)
    );
    for order in &orders {
        assert_eq!(world.field(*order, "status")?, "Delivered", "{order}");
    }
    assert!(sizes()?.iter().all(|size| *size <= 30));
    world.follow(HOUR * 3, Ways::PollOnly).await?;
    assert_eq!(sizes()?, [0_usize; 0], "what has arrived is left alone");
    Ok(())
}

/// A hook of this system for FedEx's connection, with this key.
pub(crate) async fn hook(
    world: &World,
    depot: &Depot,
    id: &str,
    system: &str,
    key: &str,
    networks: &[&str],
) -> Result<(), Failure> {
    let keys = json!({ "id": id, "keys": [key] });
    world.secret(&format!("waybill/test/acme/{system}-hook"), &keys).await?;
    world.hook(id, system, networks);
    if let Some(hook) = world.store.tables().tracked.hooks.get_mut(&Hook::digest_of(id)) {
        hook.connections = vec![depot.id.clone()];
    }
    Ok(())
}

/// FedEx's push comes in; answers the status.
pub(crate) async fn take(world: &World, push: &Push, body: &str) -> u16 {
    let inbound = Inbound {
        hook: UPS_HOOK.to_owned().into(),
        headers: push.headers.clone(),
        body: body.as_bytes().to_vec(),
        source: None,
    };
    world.receiver().run(inbound).await.status
}

/// P65: pushes that come twice and overtake each other lead to what polling leads to; with a body that was touched they are refused.
#[tokio::test]
async fn pushes_that_come_twice_and_late_end_in_the_same() -> Result<(), Failure> {
    let options = Options {
        push_twice_every: Some(1),
        push_late_every: Some(2),
        push_late_s: 900,
        ..seeing_at_once()
    };
    let (world, depot, order) = with_an_order(options).await?;
    hook(&world, &depot, UPS_HOOK, "fedex", TOKEN, &[]).await?;
    let webhook = Webhook {
        url: format!("{API}/hooks/{UPS_HOOK}"),
        security_token: TOKEN.to_owned(),
        accounts: vec!["740561073".to_owned()],
    };
    depot.fedex.register_webhook(webhook)?;
    world.work().await?;
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    let number = depot.billed()[0].master.clone();
    let mut told = Vec::new();
    for minute in 0..60 {
        world.turn(MINUTE);
        match minute {
            1 => assert!(depot.fedex.happen(&number, &[EventKind::PickedUp])),
            6 => assert!(depot.fedex.happen(&number, &[EventKind::Departed, EventKind::Arrived])),
            11 => assert!(
                depot
                    .fedex
                    .happen(&number, &[EventKind::OutForDelivery, EventKind::Delivered])
            ),
            _ => {}
        }
        for push in depot.fedex.due_pushes() {
            assert_eq!(take(&world, &push, &format!("{} ", push.body)).await, 401);
            assert_eq!(take(&world, &push, &push.body).await, 200);
            told.push((push.attempt_of.at, push.attempt_of.code.clone()));
        }
        world.track().await?;
    }
    let once: BTreeSet<_> = told.iter().cloned().collect();
    assert!(told.len() >= once.len() * 2 && once.len() >= 5, "{told:?}");
    assert!(!told.is_sorted(), "none overtook another: the story shows nothing");
    world.turn(MINUTE);
    world.track().await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    let [parcel] = <[_; 1]>::try_from(world.parcels(order)).unwrap();
    assert_eq!(parcel.milestone(), Some(Milestone::Delivered));
    let events = world.events(&parcel.key);
    let different: BTreeSet<String> = events.iter().map(|event| format!("{event:?}")).collect();
    assert_eq!(events.len(), different.len(), "{events:?}");
    assert!(events.len() <= once.len() + 1, "{events:?}");
    Ok(())
}

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<String>>);

/// Listens where nobody else does: what nobody at all listens to, when it is first said, is switched off for everybody.
struct Deaf;

impl tracing::Subscriber for Deaf {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &tracing::Event<'_>) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

impl Lines {
    /// Hears what this thread logs, for as long as what is answered is kept.
    pub(crate) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        // Another test may have set it before.
        let _ = tracing::subscriber::set_global_default(Deaf);
        tracing::subscriber::set_default(self.clone())
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Visit for &Lines {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(text, "{}={value:?}", field.name()).unwrap();
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut &*self);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// P67: an event of NetSuite counts from its own network and under its own address, and signed; it admits the order once, however
/// often it comes; and the secret in the address is in no log and in no table.
#[tokio::test]
async fn an_event_of_netsuite_ships_once_and_its_secret_is_not_told() -> Result<(), Failure> {
    let lines = Lines::default();
    let _listening = lines.listen();
    let world = World::start().await?;
    let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
    hook(
        &world,
        &depot,
        NETSUITE_HOOK,
        "netsuite",
        "api-secret",
        &["203.0.113.0/24"],
    )
    .await?;
    world.person(|account, _| {
        account.options.event_hook = Some(EventHook {
            url: format!("{API}/hooks/{NETSUITE_HOOK}"),
            key: Some("api-secret".to_owned()),
        });
        Ok(())
    })?;
    let order = world.enter(world.plain(1))?;
    let events = world.netsuite.due_events();
    assert!(!events.is_empty());
    let send = async |hook: &str, source: &str| -> Result<Vec<u16>, Failure> {
        let mut replies = Vec::new();
        for event in &events {
            let inbound = Inbound {
                hook: hook.to_owned().into(),
                headers: event.headers.clone(),
                body: event.body.clone().into_bytes(),
                source: Some(source.to_owned()),
            };
            replies.push(world.receiver().run(inbound).await.status);
        }
        world.track().await?;
        Ok(replies)
    };
    let elsewhere = send(NETSUITE_HOOK, "198.51.100.1").await?;
    let unknown = send(&NETSUITE_HOOK.replace('f', "e"), "203.0.113.9").await?;
    assert!(elsewhere.iter().all(|status| *status == 401), "{elsewhere:?}");
    assert!(unknown.iter().all(|status| (400..500).contains(status)), "{unknown:?}");
    assert!(world.jobs(order).is_empty());
    for _ in 0..2 {
        let taken = send(NETSUITE_HOOK, "203.0.113.9").await?;
        assert!(taken.iter().all(|status| *status == 200), "{taken:?}");
    }
    world.work().await?;
    assert_eq!((world.jobs(order).len(), depot.billed().len()), (1, 1));
    let stored = format!("{:?} {:?}", *world.store.tables(), world.vault);
    let logged = lines.text();
    assert!(logged.lines().count() > 10, "nothing is logged: {logged}");
    for secret in [NETSUITE_HOOK, "api-secret"] {
        assert!(!stored.contains(secret) && !logged.contains(secret), "{secret}");
    }
    Ok(())
}

/// P68: every call of a job, those that fail included, is told as FedEx saw it, the job can be shown as it stood at any moment,
/// and replaying it makes no duplicate.
#[tokio::test]
async fn the_audit_tells_every_call_and_a_replay_is_safe() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    world.netsuite_fault(Fault::new("transform", FaultKind::DropAfter).at_most(1));
    depot.fault(Fault::new("rate", status(503)).at_most(1));
    depot.fault(Fault::new("ship", FaultKind::ExpireTokens).at_most(1));
    world.work().await?;
    world.pass(HOUR * 3).await?;
    let job = world.job(order)?;
    assert!(job.finished(), "{job:?}");
    let told: Vec<Told> = exchanges(&world, order, "fedex")?.iter().map(ours).collect();
    let seen = depot.fedex.base().requests.latest(None);
    let seen: Vec<Told> = seen.iter().filter(|one| one.operation != "token").map(theirs).collect();
    assert_eq!(told, seen);
    let master = depot.billed()[0].master.clone();
    let answers = exchanges(&world, order, "fedex")?;
    assert!(
        answers.iter().any(|call| call.received.contains(&master)),
        "the answers themselves are kept"
    );
    let story = world.story(&job.id);
    assert_eq!(
        history::after(story.iter().filter_map(|entry| entry.change.as_ref())),
        Some(job)
    );

    for _ in 0..3 {
        world.operator().replay(&world.job(order)?.id, "ann").await?;
        world.pass(HOUR).await?;
    }
    assert_eq!((depot.billed().len(), world.page(order)?.fulfilments.len()), (1, 1));
    Ok(())
}

/// P69: neither the table nor the audit nor any log holds a key or a token of FedEx in a readable form.
#[tokio::test]
async fn no_credential_is_readable_anywhere() -> Result<(), Failure> {
    let lines = Lines::default();
    let _listening = lines.listen();
    let (world, depot, order) = with_an_order(seeing_at_once()).await?;
    depot.fault(Fault::new("token", status(500)).at_most(1));
    depot.fault(Fault::new("ship", FaultKind::ExpireTokens).at_most(1));
    world.work().await?;
    world.pass(HOUR).await?;
    assert!(world.job(order)?.finished());
    let mut secrets = vec!["fedex-secret".to_owned(), "Bearer ".to_owned()];
    let tokens = world.store.tables().tokens.clone();
    assert_eq!(tokens.len(), 2, "NetSuite's and FedEx's");
    for (owner, row) in &tokens {
        let token = row.stored.token.as_ref().ok_or("it is issued")?;
        assert!(
            world.vault.open("another", &token.sealed).await.is_err(),
            "it opens for its owner only"
        );
        secrets.push(world.vault.open(owner, &token.sealed).await?.expose_secret().to_owned());
    }
    let mut stored = format!("{:?} {:?}", *world.store.tables(), world.vault);
    for entries in world.store.tables().audit.values() {
        stored.push_str(&serde_json::to_string(entries)?);
    }
    let logged = lines.text();
    assert!(logged.lines().count() > 10, "nothing is logged: {logged}");
    for secret in secrets {
        assert!(
            secret.len() > 5 && !stored.contains(&secret),
            "{} readable characters",
            secret.len()
        );
        assert!(!logged.contains(&secret), "{} characters in the logs", secret.len());
    }
    Ok(())
}

/// Everything that is asked of FedEx, once: what `contract_proxy/run.py` holds against FedEx's own files, with a proxy before the port.
#[tokio::test]
#[ignore = "needs the contract proxy"]
async fn everything_that_is_asked_of_fedex() -> Result<(), Failure> {
    let (port, url) = (
        std::env::var("WAYBILL_FEDEX_PORT")?.parse()?,
        std::env::var("WAYBILL_FEDEX_URL")?,
    );
    let world = World::start().await?;
    let depot = world
        .open_depot_at(port, Some(url), seeing_at_once(), |connection| {
            connection.address = AddressPolicy::AcceptFormatting;
            connection.packing.rule = ParcelRule::PerPiece;
            connection.customs.reason = "SOLD".to_owned();
            connection.billing.duties = Some(Payer::Shipper);
        })
        .await?;
    let toronto = place("Maple Works", "100 King St W", "Toronto", "ON", "M5X 1C7", "CA");
    let abroad = NewOrder {
        address: toronto,
        ..world.plain(1)
    };
    let plain = world.enter(world.plain(3))?;
    let abroad = world.enter(abroad)?;
    poll_and_work(&world, &depot).await?;
    for order in [plain, abroad] {
        let job = world.job(order)?;
        assert!(job.finished(), "{job:?}");
    }
    depot.fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    let lost = world.enter(world.plain(1))?;
    poll_and_work(&world, &depot).await?;
    world.pass(HOUR * 3).await?;
    world.operator().void(&world.job(lost)?.id, "ann").await?;
    world.work().await?;
    for shipment in live(&depot) {
        assert!(depot.fedex.deliver(&shipment.master));
    }
    world.follow(HOUR, Ways::PollOnly).await?;
    let asked = [
        "token",
        "address_validation",
        "rate",
        "ship",
        "cancel",
        "track",
        "track_reference",
    ];
    for operation in asked {
        assert!(depot.fedex.asked(operation) > 0, "{operation} is never asked");
    }
    Ok(())
}
