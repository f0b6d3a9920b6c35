//! What people mark as shipped in NetSuite ships, as it stands there, and the invoice says so.

use jiff::SignedDuration;
use rust_decimal::dec;
use simulators::faults::{Fault, FaultKind, When};
use simulators::netsuite::books::InvoiceBook;
use simulators::netsuite::model::ShipStatus;
use simulators::netsuite::people::{NewLine, NewOrder};
use simulators::ups::EventKind;
use tests::tracking::Ways;
use tests::world::{CONNECTION, Failure, World, new_york, place};
use waybill::connection::{AddressPolicy, WriteBackTarget};
use waybill::domain::{DocumentId, Gap, GapKind, Gone, Milestone};
use waybill::job::{Closing, HoldReason, Job, Step};
use waybill::ports::State;

const FIVE: SignedDuration = SignedDuration::from_mins(5);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A world whose connection ships what people mark as shipped, at the address as it stands.
async fn start(trigger: &str, to: WriteBackTarget) -> Result<World, Failure> {
    let world = World::start().await?;
    world.configure(|connection| {
        connection.erp.options = serde_json::json!({ "trigger": trigger });
        connection.address = AddressPolicy::AsIs;
        connection.write_back.fulfilment = false;
        connection.write_back.to = to;
    });
    Ok(world)
}

async fn by_fulfilment() -> Result<World, Failure> {
    start("fulfilment-shipped", WriteBackTarget::Invoice).await
}

/// A person takes so many pumps of an order's first line.
fn pick(world: &World, order: u64, pumps: u32, status: ShipStatus) -> Result<u64, Failure> {
    world.person(|account, now| account.pick(order, &[(1, pumps)], status, now))
}

fn bill(world: &World, order: u64, fulfilments: &[u64]) -> Result<u64, Failure> {
    world.person(|account, now| account.invoice(order, fulfilments, now))
}

fn jobs(world: &World, fulfilment: u64) -> Result<Vec<Job>, Failure> {
    let document = DocumentId::fulfilment(fulfilment.to_string());
    Ok(world.jobs_of(&CONNECTION.parse()?, &document))
}

/// The only job of a fulfilment.
fn job(world: &World, fulfilment: u64) -> Result<Job, Failure> {
    let jobs = jobs(world, fulfilment)?;
    <[Job; 1]>::try_from(jobs)
        .map(|[job]| job)
        .map_err(|jobs| format!("fulfilment {fulfilment} has {} jobs", jobs.len()).into())
}

fn invoice(world: &World, order: u64, id: u64) -> Result<InvoiceBook, Failure> {
    let page = world.page(order)?;
    let found = page.invoices.into_iter().find(|one| one.id == id);
    found.ok_or_else(|| format!("order {order} has no invoice {id}").into())
}

fn text(invoice: &InvoiceBook, name: &str) -> String {
    let value = invoice.custom_fields.get(&format!("custbody_waybill_{name}"));
    value.map_or_else(String::new, |value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// How often one field of an invoice was written.
fn writes(world: &World, invoice: &InvoiceBook, name: &str) -> usize {
    let field = format!("custbody_waybill_{name}");
    let writes = world.netsuite.books().custom_field_writes;
    let own = writes
        .iter()
        .filter(|write| write.document == invoice.number && write.field == field);
    own.count()
}

fn number_of(world: &World, shipped: &Job) -> Result<String, Failure> {
    let bought = shipped.purchase.done().ok_or("nothing was bought")?;
    assert!(world.billed().iter().any(|one| one.id == bought.id.as_str()));
    Ok(bought.id.to_string())
}

async fn gaps(world: &World) -> Result<Vec<Gap>, Failure> {
    use waybill::ports::Reconciliations as _;
    let id = CONNECTION.parse()?;
    let report = world
        .reconciler()
        .run(&id, world.now() + SignedDuration::from_mins(2))
        .await?;
    assert!(report.complete, "{report:?}");
    let run = world.store.run(&id, report.run).await?.ok_or("the run was not kept")?;
    let mut gaps = Vec::new();
    for step in &run.pages {
        gaps.extend(world.store.gaps(&id, report.run, *step).await?);
    }
    // UPS's own list is not asked here.
    gaps.retain(|gap| gap.kind != GapKind::NotCompared);
    Ok(gaps)
}

/// P54: an order's goods ship once people have marked them as shipped, within one poll and once; what is only packed does not.
#[tokio::test]
async fn what_is_marked_as_shipped_ships_once_and_what_is_packed_does_not() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(NewOrder {
        other_ref_num: "PO-4711".to_owned(),
        ..world.plain(5)
    })?;
    let fulfilment = pick(&world, order, 2, ShipStatus::Packed)?;
    world.poll_and_work().await?;
    assert_eq!((world.asked_ups("ship"), jobs(&world, fulfilment)?.len()), (0, 0));

    world.turn(FIVE);
    world.person(|account, now| account.mark(fulfilment, ShipStatus::Shipped, now))?;
    world.poll_and_work().await?;
    let shipped = job(&world, fulfilment)?;
    let [shipment] = <[_; 1]>::try_from(world.billed()).unwrap();
    assert!(shipment.has_reference(shipped.id.as_str()));
    // Two pumps of 1.5 lb, of the five that were ordered.
    assert_eq!(shipment.packages[0].weight.parse().ok(), Some(dec!(3)));
    assert_eq!(Some(shipped.number.as_str()), order_number(&world, order).as_deref());
    assert!(world.ups_requests("ship")[0].body.contains("PO-4711"));
    assert!(
        world.jobs(order).is_empty(),
        "the order itself is no document that ships"
    );

    for _ in 0..3 {
        world.turn(FIVE);
        world.poll_and_work().await?;
    }
    assert_eq!((world.asked_ups("ship"), jobs(&world, fulfilment)?.len()), (1, 1));
    assert_eq!(world.page(order)?.fulfilments.len(), 1, "people make the fulfilments");
    Ok(())
}

fn order_number(world: &World, order: u64) -> Option<String> {
    let books = world.netsuite.books();
    let found = books.orders.into_iter().find(|(_, page)| page.id == order);
    found.map(|(number, _)| number)
}

/// P55: the address is that of the fulfilment, byte for byte, and nobody judges it.
#[tokio::test]
async fn the_address_is_used_as_it_stands_on_the_fulfilment() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(1))?;
    let fulfilment = pick(&world, order, 1, ShipStatus::Packed)?;
    let odd = place(
        "hudson supply CO.",
        "350 5th ave., Ste. #3-b",
        "new YORK",
        "NY",
        "10118",
        "US",
    );
    world.person(|account, now| {
        account.change_fulfilment(fulfilment, now, |one| {
            one.ship_address = odd.clone();
            one.status = ShipStatus::Shipped;
        })
    })?;
    world.poll_and_work().await?;

    let [request] = <[_; 1]>::try_from(world.ups_requests("ship")).unwrap();
    let body: serde_json::Value = serde_json::from_str(&request.body)?;
    let to = &body["ShipmentRequest"]["Shipment"]["ShipTo"];
    assert_eq!(to["Name"], "hudson supply CO.");
    assert_eq!(
        to["Address"]["AddressLine"],
        serde_json::json!(["350 5th ave., Ste. #3-b"])
    );
    assert_eq!(to["Address"]["City"], "new YORK");
    assert_eq!(world.asked_ups("address_validation"), 0);
    assert!(matches!(job(&world, fulfilment)?.address, Step::NotNeeded(_)));
    Ok(())
}

/// P56: an invoice that is there already shows the shipment at once, and once; the order's own fields stay as they are.
#[tokio::test]
async fn the_invoice_shows_the_shipment() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(2))?;
    let fulfilment = pick(&world, order, 2, ShipStatus::Shipped)?;
    let billed = bill(&world, order, &[fulfilment])?;
    world.poll_and_work().await?;

    let shipped = job(&world, fulfilment)?;
    let shown = invoice(&world, order, billed)?;
    assert_eq!(text(&shown, "tracking"), number_of(&world, &shipped)?);
    assert_eq!(text(&shown, "status"), "Label created");
    assert!(!text(&shown, "cost").is_empty() && !text(&shown, "service").is_empty());
    assert_eq!(world.field(order, "tracking")?, "");
    assert!(shipped.finished(), "{shipped:?}");
    let place = shipped.write_back.done().ok_or("it is not written back")?;
    assert_eq!(place.place, format!("fields of invoice {}", shown.number));

    let before = world.netsuite.books().custom_field_writes.len();
    world.turn(FIVE);
    world.poll_and_work().await?;
    world.turn(DAY);
    assert_eq!(gaps(&world).await?, []);
    assert_eq!(world.netsuite.books().custom_field_writes.len(), before);
    Ok(())
}

/// P56: while there is no invoice the shipment waits for it: nobody is alarmed, everybody sees it, and it is written once.
#[tokio::test]
async fn an_invoice_that_comes_two_days_later_is_waited_for() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(2))?;
    let fulfilment = pick(&world, order, 2, ShipStatus::Shipped)?;
    world.poll_and_work().await?;
    let parked = job(&world, fulfilment)?;
    let since = parked.parked_since().ok_or("it does not wait")?;
    assert_eq!(
        parked.due_at,
        Some(world.now() + FIVE),
        "looked for as often as is polled"
    );
    let reason = parked.wait.clone().ok_or("it does not wait")?.reason;
    assert!(reason.contains("shipped; waits for the invoice"), "{reason}");
    assert!(reason.contains("once these goods are billed"), "{reason}");

    world.pass(2 * DAY).await?;
    let parked = job(&world, fulfilment)?;
    assert_eq!((State::of(&parked), parked.parked_since()), (State::Open, Some(since)));
    assert!(parked.hold.is_none() && parked.due_at.is_some_and(|due| due <= world.now() + HOUR));
    let looks = world
        .story(&parked.id)
        .iter()
        .filter(|one| one.text.contains("waits for the invoice"))
        .count();
    assert!((48..=80).contains(&looks), "{looks} looks in two days");
    assert_eq!(gaps(&world).await?, [], "two days are nothing");

    let billed = bill(&world, order, &[fulfilment])?;
    world.pass(HOUR).await?;
    let shipped = job(&world, fulfilment)?;
    assert!(shipped.finished(), "{shipped:?}");
    let shown = invoice(&world, order, billed)?;
    assert_eq!(text(&shown, "tracking"), number_of(&world, &shipped)?);
    assert_eq!((writes(&world, &shown, "tracking"), world.asked_ups("ship")), (1, 1));
    Ok(())
}

/// P56: after some days the reconciliation names what still waits for its invoice; a person may void it then.
#[tokio::test]
async fn what_waits_too_long_is_named_and_can_be_voided() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(1))?;
    let fulfilment = pick(&world, order, 1, ShipStatus::Shipped)?;
    world.poll_and_work().await?;
    world.pass(4 * DAY).await?;
    let parked = job(&world, fulfilment)?;
    let [gap] = <[Gap; 1]>::try_from(gaps(&world).await?).map_err(|gaps| format!("{gaps:#?}"))?;
    assert_eq!((gap.kind, gap.job.as_ref()), (GapKind::Parked, Some(&parked.id)));
    assert!(gap.reason.contains("waits for the invoice"), "{gap:?}");

    world.operator().void(&parked.id, "ann").await?;
    world.pass(FIVE).await?;
    let voided = job(&world, fulfilment)?;
    assert!(matches!(voided.closed, Some(Closing::Voided { .. })), "{voided:?}");
    assert!(world.billed().is_empty() && voided.finished());
    Ok(())
}

/// P56: two shipments that one invoice bills both stand on it, and neither takes the other's number away.
#[tokio::test]
async fn two_fulfilments_of_one_order_share_an_invoice() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(5))?;
    let first = pick(&world, order, 3, ShipStatus::Shipped)?;
    let second = pick(&world, order, 2, ShipStatus::Shipped)?;
    let billed = bill(&world, order, &[first, second])?;
    world.poll_and_work().await?;
    world.pass(HOUR).await?;

    let shown = invoice(&world, order, billed)?;
    let tracking = text(&shown, "tracking");
    let numbers: Vec<&str> = tracking.split(", ").collect();
    let (one, other) = (
        number_of(&world, &job(&world, first)?)?,
        number_of(&world, &job(&world, second)?)?,
    );
    assert_eq!((numbers.len(), world.billed().len()), (2, 2), "{tracking}");
    assert!(numbers.contains(&one.as_str()) && numbers.contains(&other.as_str()));
    assert_eq!(writes(&world, &shown, "tracking"), 2);
    world.turn(FIVE);
    world.poll_and_work().await?;
    world.turn(DAY);
    assert_eq!(gaps(&world).await?, []);
    Ok(())
}

/// P56: two workers who write to one invoice at the same time do not lose each other's numbers.
#[tokio::test]
async fn two_workers_at_one_invoice_lose_nothing() -> Result<(), Failure> {
    for round in 0..5 {
        let world = by_fulfilment().await?;
        world
            .netsuite
            .configure(|options| options.turns = 5)
            .map_err(|refusal| format!("{refusal:?}"))?;
        let order = world.enter(world.plain(5))?;
        let first = pick(&world, order, 3, ShipStatus::Shipped)?;
        let second = pick(&world, order, 2, ShipStatus::Shipped)?;
        let billed = bill(&world, order, &[first, second])?;
        world.poll().await?;
        let (one, other) = (job(&world, first)?.id, job(&world, second)?.id);
        let worker = world.worker();
        let (ran, also) = tokio::join!(worker.run(&one), worker.run(&other));
        ran?;
        also?;
        world.pass(HOUR).await?;
        let tracking = text(&invoice(&world, order, billed)?, "tracking");
        for fulfilment in [first, second] {
            let number = number_of(&world, &job(&world, fulfilment)?)?;
            assert!(tracking.contains(&number), "round {round}: {tracking}");
        }
    }
    Ok(())
}

/// P27: the check tries what fulfilments and invoices need, and says which permission is missing.
#[tokio::test]
async fn the_check_tries_fulfilments_and_invoices() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(1))?;
    let fulfilment = pick(&world, order, 1, ShipStatus::Shipped)?;
    bill(&world, order, &[fulfilment])?;
    let connection = world.store.tables().connections[&CONNECTION.parse()?].clone();
    let check = async || -> Result<Vec<String>, Failure> {
        let opened = world.systems().open(&connection).await?;
        let findings = opened.source.check().await;
        opened.close().await;
        let wrong = findings.into_iter().filter_map(|one| one.result.err());
        Ok(wrong.collect())
    };
    assert_eq!(check().await?, [""; 0]);
    for (denied, needed) in [
        ("get_invoice", "Transactions > Invoice (Edit)"),
        ("get_salesorder", "Transactions > Sales Order (Edit)"),
    ] {
        world
            .netsuite
            .configure(|options| options.denied = [denied.to_owned()].into())
            .map_err(|refusal| format!("{refusal:?}"))?;
        let wrong = check().await?;
        assert!(wrong.len() == 1 && wrong[0].contains(needed), "{wrong:?}");
    }
    let mut gone = connection.clone();
    gone.write_back.fields.label_link = Some("custbody_nothing".to_owned());
    let opened = world.systems().open(&gone).await?;
    let findings = opened.source.check().await;
    let told: Vec<String> = findings.into_iter().filter_map(|one| one.result.err()).collect();
    assert!(told.iter().any(|one| one.contains("applied to invoices")), "{told:?}");
    Ok(())
}

/// P56: where each fulfilment is billed by an invoice of its own, the second one waits for its own, though the order has one.
#[tokio::test]
async fn a_fulfilment_that_is_billed_later_waits_for_its_own_invoice() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(5))?;
    let first = pick(&world, order, 3, ShipStatus::Shipped)?;
    let of_first = bill(&world, order, &[first])?;
    world.poll_and_work().await?;
    world.turn(FIVE);
    let second = pick(&world, order, 2, ShipStatus::Shipped)?;
    world.poll_and_work().await?;
    assert!(job(&world, second)?.parked_since().is_some());

    let of_second = bill(&world, order, &[second])?;
    world.pass(HOUR).await?;
    for (fulfilment, billed) in [(first, of_first), (second, of_second)] {
        let number = number_of(&world, &job(&world, fulfilment)?)?;
        assert_eq!(text(&invoice(&world, order, billed)?, "tracking"), number);
    }
    Ok(())
}

/// P56: an invoice that is voided or deleted shows nothing: the shipment waits for the next one.
#[tokio::test]
async fn a_void_invoice_does_not_count() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(1))?;
    let fulfilment = pick(&world, order, 1, ShipStatus::Shipped)?;
    let wrong = bill(&world, order, &[fulfilment])?;
    world.person(|account, now| account.void_invoice(wrong, now))?;
    world.poll_and_work().await?;
    assert!(job(&world, fulfilment)?.parked_since().is_some());
    let right = bill(&world, order, &[fulfilment])?;
    world.pass(HOUR).await?;
    let number = number_of(&world, &job(&world, fulfilment)?)?;
    assert_eq!(text(&invoice(&world, order, right)?, "tracking"), number);
    assert_eq!(text(&invoice(&world, order, wrong)?, "tracking"), "");

    // Deleted afterwards, it is missed, and the next one shows the shipment again.
    world.person(|account, now| account.delete_invoice(right, now))?;
    world.turn(HOUR);
    let named = gaps(&world).await?;
    assert_eq!(
        named.iter().map(|gap| gap.kind).collect::<Vec<_>>(),
        [GapKind::WriteBackChanged]
    );
    world.pass(FIVE).await?;
    assert!(job(&world, fulfilment)?.parked_since().is_some());
    let last = bill(&world, order, &[fulfilment])?;
    world.pass(HOUR).await?;
    assert_eq!(text(&invoice(&world, order, last)?, "tracking"), number);
    assert_eq!(world.asked_ups("ship"), 1);
    Ok(())
}

/// P56: an answer that is lost leads to a look, not to a second write.
#[tokio::test]
async fn an_invoice_whose_answer_is_lost_is_written_once() -> Result<(), Failure> {
    for kind in [FaultKind::DropAfter, FaultKind::Status500After, FaultKind::DropBefore] {
        let world = by_fulfilment().await?;
        let order = world.enter(world.plain(1))?;
        let fulfilment = pick(&world, order, 1, ShipStatus::Shipped)?;
        let billed = bill(&world, order, &[fulfilment])?;
        world.netsuite_fault(Fault {
            operation: "patch_invoice".to_owned(),
            kind: kind.clone(),
            when: When::default(),
            body_contains: None,
            max: Some(1),
        });
        world.poll_and_work().await?;
        assert!(
            matches!(job(&world, fulfilment)?.write_back, Step::Unknown { .. }),
            "{kind:?}"
        );
        world.pass(HOUR).await?;
        let shipped = job(&world, fulfilment)?;
        let shown = invoice(&world, order, billed)?;
        assert!(shipped.finished(), "{kind:?} {shipped:?}");
        assert_eq!(text(&shown, "tracking"), number_of(&world, &shipped)?, "{kind:?}");
        assert_eq!(writes(&world, &shown, "tracking"), 1, "{kind:?}");
    }
    Ok(())
}

/// P54: what people take back before there is a label does not ship, and the job says why.
#[tokio::test]
async fn what_is_taken_back_before_the_label_closes() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(3))?;
    let unshipped = pick(&world, order, 1, ShipStatus::Shipped)?;
    let deleted = pick(&world, order, 2, ShipStatus::Shipped)?;
    world.poll().await?;
    world.person(|account, now| account.mark(unshipped, ShipStatus::Packed, now))?;
    world.person(|account, now| account.delete_fulfilment(deleted, now))?;
    world.turn(SignedDuration::from_mins(11));
    world.work().await?;

    assert_eq!(world.asked_ups("ship"), 0);
    let closed = job(&world, unshipped)?.closed;
    let Some(Closing::Order(Gone::Unselected(why))) = &closed else {
        return Err(format!("{closed:?}").into());
    };
    assert!(why.contains("marked Packed"), "{why}");
    assert_eq!(job(&world, deleted)?.closed, Some(Closing::Order(Gone::Cancelled)));

    world.person(|account, now| account.mark(unshipped, ShipStatus::Shipped, now))?;
    world.poll_and_work().await?;
    assert_eq!(world.billed().len(), 1, "marked again, it ships after all");
    Ok(())
}

/// P54: a change after the shipment is told, and nothing is shipped again.
#[tokio::test]
async fn what_changes_after_it_shipped_is_told_and_never_shipped_again() -> Result<(), Failure> {
    let elsewhere = place(
        "Hudson Supply Co",
        "1600 Pennsylvania Ave NW",
        "Washington",
        "DC",
        "20500",
        "US",
    );
    let changes: [&dyn Fn(&mut simulators::netsuite::model::Fulfilment); 3] = [
        &|one| one.ship_address = elsewhere.clone(),
        &|one| one.lines[0].quantity = dec!(1),
        &|one| one.status = ShipStatus::Packed,
    ];
    for (index, change) in changes.iter().enumerate() {
        let world = by_fulfilment().await?;
        let order = world.enter(world.plain(2))?;
        let fulfilment = pick(&world, order, 2, ShipStatus::Shipped)?;
        bill(&world, order, &[fulfilment])?;
        world.poll_and_work().await?;
        world.turn(FIVE);
        world.person(|account, now| account.change_fulfilment(fulfilment, now, |one| change(one)))?;
        world.poll_and_work().await?;
        let shipped = job(&world, fulfilment)?;
        let told = |entry: &&waybill::ports::AuditEntry| entry.text.contains("changed after this was shipped");
        assert_eq!(
            world.story(&shipped.id).iter().filter(told).count(),
            1,
            "change {index}"
        );
        world.pass(HOUR).await?;
        assert_eq!(world.asked_ups("ship"), 1, "change {index}");
        let kinds: Vec<GapKind> = gaps(&world).await?.iter().map(|gap| gap.kind).collect();
        assert_eq!(kinds, [GapKind::ChangedAfterShipment], "change {index}");
    }
    // More on the same fulfilment is a person's decision.
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(3))?;
    let fulfilment = pick(&world, order, 2, ShipStatus::Shipped)?;
    bill(&world, order, &[fulfilment])?;
    world.poll_and_work().await?;
    world.turn(FIVE);
    world.person(|account, now| account.change_fulfilment(fulfilment, now, |one| one.lines[0].quantity = dec!(3)))?;
    world.poll_and_work().await?;
    let [_, more] = <[Job; 2]>::try_from(jobs(&world, fulfilment)?).unwrap();
    assert_eq!(more.hold.map(|hold| hold.reason), Some(HoldReason::Addition));
    assert_eq!(world.asked_ups("ship"), 1);
    Ok(())
}

/// P54: by orders, what people have fulfilled of each ships, once, and more when they fulfil more.
#[tokio::test]
async fn an_orders_fulfilled_quantities_ship_as_people_fulfil_them() -> Result<(), Failure> {
    let world = start("order-shipped", WriteBackTarget::Order).await?;
    let order = world.enter(world.plain(5))?;
    world.poll_and_work().await?;
    assert_eq!(world.asked_ups("ship"), 0, "what is only ordered does not ship");
    pick(&world, order, 2, ShipStatus::Shipped)?;
    world.turn(FIVE);
    world.poll_and_work().await?;
    world.turn(FIVE);
    world.poll_and_work().await?;
    assert_eq!(world.jobs(order).len(), 1);
    pick(&world, order, 3, ShipStatus::Shipped)?;
    world.turn(FIVE);
    world.poll_and_work().await?;
    world.turn(FIVE);
    world.poll_and_work().await?;

    let weights: Vec<_> = world
        .billed()
        .iter()
        .map(|one| one.packages[0].weight.parse().ok())
        .collect();
    assert_eq!(weights, [Some(dec!(3)), Some(dec!(4.5))]);
    assert_eq!(world.field(order, "tracking")?.split(", ").count(), 2);
    assert_eq!(world.page(order)?.fulfilments.len(), 2, "people make the fulfilments");
    assert!(world.jobs(order).iter().all(Job::finished));
    Ok(())
}

/// P54, P56: billing changes the order, which a poll sees: what waited for the invoice is written at once.
#[tokio::test]
async fn a_poll_that_sees_the_order_billed_wakes_what_waits() -> Result<(), Failure> {
    let world = start("order-shipped", WriteBackTarget::Invoice).await?;
    let order = world.enter(world.plain(2))?;
    let fulfilment = pick(&world, order, 2, ShipStatus::Shipped)?;
    world.poll_and_work().await?;
    world.pass(DAY).await?;
    assert!(world.job(order)?.parked_since().is_some());
    world.turn(SignedDuration::from_secs(1));
    let billed = bill(&world, order, &[fulfilment])?;
    world.poll_and_work().await?;
    let shipped = world.job(order)?;
    assert!(shipped.finished(), "{shipped:?}");
    let number = number_of(&world, &shipped)?;
    assert_eq!(text(&invoice(&world, order, billed)?, "tracking"), number);
    Ok(())
}

/// Where fulfilling makes the invoice at once, as without Advanced Shipping, nothing waits.
#[tokio::test]
async fn an_account_that_bills_at_once_is_written_to_at_once() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    world
        .netsuite
        .configure(|options| options.bills_at_once = true)
        .map_err(|refusal| format!("{refusal:?}"))?;
    let order = world.enter(world.plain(1))?;
    let fulfilment = pick(&world, order, 1, ShipStatus::Packed)?;
    world.person(|account, now| account.mark(fulfilment, ShipStatus::Shipped, now))?;
    world.poll_and_work().await?;
    let [shown] = <[InvoiceBook; 1]>::try_from(world.page(order)?.invoices).unwrap();
    assert_eq!(text(&shown, "tracking"), number_of(&world, &job(&world, fulfilment)?)?);
    Ok(())
}

/// P54: more than a thousand fulfilments over many pages: none is lost, none is taken twice.
#[tokio::test]
async fn a_thousand_fulfilments_over_pages_lose_none() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let mut made = std::collections::BTreeSet::new();
    for number in 0..1100_i64 {
        let order = world.enter(world.plain(1))?;
        made.insert(pick(&world, order, 1, ShipStatus::Shipped)?.to_string());
        if number % 400 == 399 {
            world.turn(SignedDuration::from_secs(1));
        }
    }
    let report = world.poll().await?;
    assert!(report.complete, "{report:?}");
    assert_eq!((report.seen, report.admitted), (1100, 1100));
    let admitted = || -> std::collections::BTreeSet<String> {
        let tables = world.store.tables();
        tables.jobs.values().map(|job| job.document.id.clone()).collect()
    };
    assert_eq!(admitted(), made);
    world.turn(FIVE);
    assert_eq!(world.poll().await?.admitted, 0);
    Ok(())
}

/// A fulfilment is found by its order's number and by its own.
#[tokio::test]
async fn a_fulfilment_is_found_by_both_numbers() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(2))?;
    let one = pick(&world, order, 1, ShipStatus::Shipped)?;
    let other = pick(&world, order, 1, ShipStatus::Picked)?;
    let page = world.page(order)?;
    let number = page.fulfilments[0].number.clone();
    let by_order = order_number(&world, order).ok_or("no number")?;
    let admitted = world
        .poller()
        .admit_number(&CONNECTION.parse()?, &number, "ann")
        .await?;
    assert_eq!((admitted.admitted, admitted.seen), (1, 1), "{admitted:?}");
    let again = world
        .poller()
        .admit_number(&CONNECTION.parse()?, &by_order, "ann")
        .await?;
    assert_eq!((again.admitted, again.seen, again.waiting), (0, 2, 1), "{again:?}");
    assert_eq!((jobs(&world, one)?.len(), jobs(&world, other)?.len()), (1, 0));
    Ok(())
}

/// The problems of an order's fulfilments stand on the order together, each with its number, and go one by one.
#[tokio::test]
async fn problems_stand_on_the_order_with_the_fulfilments_number() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let unweighed = world.basics().unweighed;
    let lines = vec![NewLine::of(unweighed, 2), NewLine::of(world.basics().light, 1)];
    let order = world.enter(NewOrder::to(new_york(), lines))?;
    let one = world.person(|account, now| account.pick(order, &[(1, 1)], ShipStatus::Shipped, now))?;
    let other = world.person(|account, now| account.pick(order, &[(1, 1)], ShipStatus::Shipped, now))?;
    world.poll_and_work().await?;
    let page = world.page(order)?;
    let numbers: Vec<String> = page
        .fulfilments
        .iter()
        .map(|one| format!("{} [{}]: ", one.number, one.id))
        .collect();
    assert_eq!(
        job(&world, one)?.hold.map(|hold| hold.reason),
        Some(HoldReason::MissingData)
    );
    let problem = world.field(order, "problem")?;
    assert!(numbers.iter().all(|number| problem.contains(number)), "{problem}");

    world.person(|account, now| account.mark(one, ShipStatus::Packed, now))?;
    world.turn(FIVE);
    world.poll_and_work().await?;
    world.pass(FIVE).await?;
    let problem = world.field(order, "problem")?;
    assert!(
        !problem.contains(&numbers[0]) && problem.contains(&numbers[1]),
        "{problem}"
    );
    assert!(job(&world, other)?.hold.is_some());

    world.person(|account, now| account.delete_fulfilment(other, now))?;
    world.pass(HOUR).await?;
    assert_eq!(
        world.field(order, "problem")?,
        "",
        "a fulfilment that is gone has no problem"
    );
    Ok(())
}

/// How the delivery fares stands on the invoice that shows the parcel.
#[tokio::test]
async fn the_delivery_stands_on_the_same_invoice() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(1))?;
    let fulfilment = pick(&world, order, 1, ShipStatus::Shipped)?;
    let billed = bill(&world, order, &[fulfilment])?;
    world.poll_and_work().await?;
    let number = number_of(&world, &job(&world, fulfilment)?)?;
    world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
    world.turn(HOUR);
    assert!(world.ups.happen(&number, &[EventKind::PickedUp, EventKind::Delivered]));
    world.follow(2 * HOUR, Ways::PollOnly).await?;
    let shown = invoice(&world, order, billed)?;
    assert_eq!(
        (text(&shown, "status").as_str(), text(&shown, "tracking")),
        ("Delivered", number)
    );
    assert_eq!(world.field(order, "status")?, "");
    Ok(())
}

/// P56, P66: a parcel is followed while its invoice is waited for; once there is one, it shows how the parcel fares.
#[tokio::test]
async fn a_parcel_whose_invoice_comes_after_it_has_arrived_is_shown_as_delivered() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let order = world.enter(world.plain(1))?;
    let fulfilment = pick(&world, order, 1, ShipStatus::Shipped)?;
    world.poll_and_work().await?;
    let parked = job(&world, fulfilment)?;
    assert!(parked.parked_since().is_some());
    let number = number_of(&world, &parked)?;
    world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
    world.turn(HOUR);
    assert!(world.ups.happen(&number, &[EventKind::PickedUp, EventKind::Delivered]));
    world.follow(4 * HOUR, Ways::PollOnly).await?;
    let told = world
        .story(&parked.id)
        .iter()
        .filter(|one| one.text.contains("told later"))
        .count();
    assert_eq!(told, 0, "it waits quietly");
    let followed: Vec<Option<Milestone>> = {
        let tables = world.store.tables();
        let own = tables.tracked.parcels.values().filter(|parcel| parcel.job == parked.id);
        own.map(|parcel| parcel.progress.as_ref().map(|progress| progress.milestone))
            .collect()
    };
    assert_eq!(followed, [Some(Milestone::Delivered)]);

    let billed = bill(&world, order, &[fulfilment])?;
    world.pass(HOUR).await?;
    world.follow(2 * HOUR, Ways::PollOnly).await?;
    let shown = invoice(&world, order, billed)?;
    assert_eq!(
        (text(&shown, "status").as_str(), text(&shown, "tracking")),
        ("Delivered", number)
    );
    assert_eq!(writes(&world, &shown, "tracking"), 1);
    Ok(())
}

/// What our own write-backs made before people took over is nothing that they have marked as shipped.
#[tokio::test]
async fn a_fulfilment_that_we_made_does_not_ship_again() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!(world.page(order)?.fulfilments.len(), 1);
    for trigger in ["fulfilment-shipped", "order-shipped"] {
        world.configure(|connection| {
            connection.erp.options = serde_json::json!({ "trigger": trigger });
            connection.write_back.fulfilment = false;
        });
        world.turn(SignedDuration::from_secs(1));
        world.person(|account, now| account.change_order(order, now, |order| order.memo.push('.')))?;
        world.poll_and_work().await?;
        assert_eq!((world.asked_ups("ship"), trigger), (1, trigger));
    }
    Ok(())
}

/// P56: an invoice of other goods is another shipment's, be it the only one that the order has.
#[tokio::test]
async fn an_invoice_of_other_goods_takes_no_number() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let lines = vec![
        NewLine::of(world.basics().light, 2),
        NewLine::of(world.basics().heavy, 1),
    ];
    let order = world.enter(NewOrder::to(new_york(), lines))?;
    let of_others = world.person(|account, now| account.invoice_lines(order, &[(4, 1)], now))?;
    let fulfilment = pick(&world, order, 2, ShipStatus::Shipped)?;
    world.poll_and_work().await?;
    assert!(job(&world, fulfilment)?.parked_since().is_some());
    assert_eq!(text(&invoice(&world, order, of_others)?, "tracking"), "");

    let own = bill(&world, order, &[fulfilment])?;
    world.pass(HOUR).await?;
    let number = number_of(&world, &job(&world, fulfilment)?)?;
    assert_eq!(text(&invoice(&world, order, own)?, "tracking"), number);
    assert_eq!(text(&invoice(&world, order, of_others)?, "tracking"), "");
    Ok(())
}

/// P54, P56: goods that ship while they are only packed have left as well: an invoice of one packed fulfilment is not the other's.
#[tokio::test]
async fn what_ships_packed_waits_for_its_own_invoice() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    world.configure(|connection| connection.select.statuses = vec!["B".to_owned()]);
    let order = world.enter(world.plain(5))?;
    let first = pick(&world, order, 3, ShipStatus::Packed)?;
    let of_first = bill(&world, order, &[first])?;
    world.poll_and_work().await?;
    world.turn(FIVE);
    let second = pick(&world, order, 2, ShipStatus::Packed)?;
    world.poll_and_work().await?;
    assert!(job(&world, second)?.parked_since().is_some());
    let of_second = bill(&world, order, &[second])?;
    world.pass(HOUR).await?;
    for (fulfilment, billed) in [(first, of_first), (second, of_second)] {
        let number = number_of(&world, &job(&world, fulfilment)?)?;
        assert_eq!(text(&invoice(&world, order, billed)?, "tracking"), number);
    }
    Ok(())
}

/// Two workers run at once, while NetSuite takes its time with each request.
async fn at_once(world: &World, fulfilments: [u64; 2]) -> Result<(), Failure> {
    world
        .netsuite
        .configure(|options| options.turns = 5)
        .map_err(|refusal| format!("{refusal:?}"))?;
    let [one, other] = [job(world, fulfilments[0])?.id, job(world, fulfilments[1])?.id];
    let worker = world.worker();
    let (ran, also) = tokio::join!(worker.run(&one), worker.run(&other));
    ran?;
    also?;
    Ok(())
}

/// P56: two workers who choose the same invoice at the same moment do not both write to it: one of them waits for its own.
#[tokio::test]
async fn two_workers_do_not_claim_one_invoice() -> Result<(), Failure> {
    for round in 0..5 {
        let world = by_fulfilment().await?;
        let order = world.enter(world.plain(4))?;
        let first = pick(&world, order, 2, ShipStatus::Shipped)?;
        let second = pick(&world, order, 2, ShipStatus::Shipped)?;
        let billed = bill(&world, order, &[first])?;
        world.poll().await?;
        at_once(&world, [first, second]).await?;
        world.pass(HOUR).await?;
        // Whoever looked before the other one wrote is put right by the reconciliation.
        gaps(&world).await?;
        world.pass(FIVE).await?;
        let shown = text(&invoice(&world, order, billed)?, "tracking");
        let parked = |fulfilment| -> Result<bool, Failure> { Ok(job(&world, fulfilment)?.parked_since().is_some()) };
        let (waiting, there) = match (parked(first)?, parked(second)?) {
            (true, false) => (first, second),
            (false, true) => (second, first),
            both => return Err(format!("round {round}: {both:?}, the invoice shows {shown}").into()),
        };
        assert_eq!(shown, number_of(&world, &job(&world, there)?)?, "round {round}");

        let own = bill(&world, order, &[waiting])?;
        world.pass(HOUR).await?;
        let number = number_of(&world, &job(&world, waiting)?)?;
        assert_eq!(text(&invoice(&world, order, own)?, "tracking"), number, "round {round}");
    }
    Ok(())
}

/// P15: fulfilments of one order share its fields, and workers who write at once do not lose each other's numbers.
#[tokio::test]
async fn two_workers_at_one_orders_fields_lose_nothing() -> Result<(), Failure> {
    for round in 0..5 {
        let world = start("fulfilment-shipped", WriteBackTarget::Order).await?;
        let order = world.enter(world.plain(5))?;
        let first = pick(&world, order, 3, ShipStatus::Shipped)?;
        let second = pick(&world, order, 2, ShipStatus::Shipped)?;
        world.poll().await?;
        at_once(&world, [first, second]).await?;
        // Whoever looked before the other one wrote is put right by the reconciliation.
        world.pass(HOUR).await?;
        gaps(&world).await?;
        world.pass(FIVE).await?;
        let tracking = world.field(order, "tracking")?;
        for fulfilment in [first, second] {
            let number = number_of(&world, &job(&world, fulfilment)?)?;
            assert!(tracking.contains(&number), "round {round}: {tracking:?}");
            assert!(job(&world, fulfilment)?.finished(), "round {round}");
        }
    }
    Ok(())
}

/// P15: links to labels that do not fit their field never keep a number from being written, and the job says what is missing.
#[tokio::test]
async fn a_link_that_is_refused_does_not_block_the_number() -> Result<(), Failure> {
    let world = start("fulfilment-shipped", WriteBackTarget::Order).await?;
    world.configure(|connection| connection.write_back.fields.label_link = Some("custbody_waybill_job".to_owned()));
    let order = world.enter(world.plain(5))?;
    let mut fulfilments = Vec::new();
    for _ in 0..5 {
        fulfilments.push(pick(&world, order, 1, ShipStatus::Shipped)?);
    }
    world.poll_and_work().await?;
    world.pass(FIVE).await?;
    let (tracking, links) = (world.field(order, "tracking")?, world.field(order, "job")?);
    assert_eq!(
        (tracking.split(", ").count(), links.split(' ').count()),
        (5, 3),
        "{links}"
    );
    let mut lacking = 0;
    for fulfilment in fulfilments {
        let shipped = job(&world, fulfilment)?;
        assert!(shipped.finished(), "{shipped:?}");
        let place = shipped.write_back.done().ok_or("it is not written back")?.place.clone();
        lacking += usize::from(place.contains("without the link to its labels"));
    }
    assert_eq!(lacking, 2);
    Ok(())
}

/// P54: an account that does not show which lines are costs would ship everything twice: nothing ships, and the check says why.
#[tokio::test]
async fn without_the_cost_lines_nothing_ships() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    let hide = |columns: &[&str]| {
        let hidden = columns.iter().map(|column| (*column).to_owned()).collect();
        world
            .netsuite
            .configure(|options| options.unknown_columns = hidden)
            .map_err(|refusal| format!("{refusal:?}"))
    };
    hide(&["iscogs"])?;
    let order = world.enter(world.plain(2))?;
    let fulfilment = pick(&world, order, 2, ShipStatus::Shipped)?;
    world.poll_and_work().await?;
    assert_eq!((world.asked_ups("ship"), jobs(&world, fulfilment)?.len()), (0, 0));
    let connection = world.store.tables().connections[&CONNECTION.parse()?].clone();
    let opened = world.systems().open(&connection).await?;
    let findings = opened.source.check().await;
    opened.close().await;
    let wrong: Vec<String> = findings.into_iter().filter_map(|one| one.result.err()).collect();
    assert!(
        wrong.len() == 1 && wrong[0].contains("iscogs") && wrong[0].contains("Enable Features"),
        "{wrong:?}"
    );

    hide(&[])?;
    world.turn(FIVE);
    world.poll_and_work().await?;
    let [shipment] = <[_; 1]>::try_from(world.billed()).unwrap();
    assert_eq!(
        shipment.packages[0].weight.parse().ok(),
        Some(dec!(3)),
        "two pumps, once"
    );
    Ok(())
}

/// Parts of a kit stand beside it: where they cannot be told from goods, an order with a kit waits, and others ship.
#[tokio::test]
async fn without_the_kits_parts_no_kit_ships() -> Result<(), Failure> {
    let world = World::start().await?;
    world
        .netsuite
        .configure(|options| options.unknown_columns = ["kitcomponent".to_owned()].into())
        .map_err(|refusal| format!("{refusal:?}"))?;
    let lines = vec![NewLine::of(world.basics().kit, 1)];
    let with_kit = world.enter(NewOrder::to(new_york(), lines))?;
    let plain = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert_eq!((world.jobs(with_kit).len(), world.jobs(plain).len()), (0, 1));
    Ok(())
}

/// The delivery of a parcel, step by step, as the carrier sees it.
async fn deliver(world: &World, number: &str, events: &[EventKind]) -> Result<(), Failure> {
    assert!(world.ups.happen(number, events));
    world.follow(2 * HOUR, Ways::PollOnly).await
}

/// P56, P66: a record that shows parcels of several fulfilments tells of all of them: the least advanced, and how many have arrived.
#[tokio::test]
async fn a_shared_record_tells_of_all_its_parcels() -> Result<(), Failure> {
    for to in [WriteBackTarget::Invoice, WriteBackTarget::Order] {
        let world = start("fulfilment-shipped", to).await?;
        let order = world.enter(world.plain(5))?;
        let first = pick(&world, order, 3, ShipStatus::Shipped)?;
        let second = pick(&world, order, 2, ShipStatus::Shipped)?;
        let billed = bill(&world, order, &[first, second])?;
        world.poll_and_work().await?;
        world.pass(HOUR).await?;
        let one = number_of(&world, &job(&world, first)?)?;
        let other = number_of(&world, &job(&world, second)?)?;
        let status = || -> Result<String, Failure> {
            match to {
                WriteBackTarget::Invoice => Ok(text(&invoice(&world, order, billed)?, "status")),
                WriteBackTarget::Order => world.field(order, "status"),
            }
        };
        world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
        world.turn(HOUR);
        deliver(&world, &other, &[EventKind::PickedUp]).await?;
        assert!(
            !status()?.starts_with("Picked up"),
            "{to:?}: the other one is not: {}",
            status()?
        );
        deliver(&world, &one, &[EventKind::PickedUp, EventKind::Delivered]).await?;
        assert_eq!(status()?, "Picked up (1 of 2 parcels delivered)", "{to:?}");
        deliver(&world, &other, &[EventKind::Delivered]).await?;
        assert_eq!(status()?, "Delivered", "{to:?}");
    }
    Ok(())
}

/// P56: a number that does not fit is told of once and no more, its delivery ends as well, and so does the wait after a void.
#[tokio::test]
async fn a_number_that_does_not_fit_ends_visibly() -> Result<(), Failure> {
    let world = by_fulfilment().await?;
    world.configure(|connection| {
        connection.erp.options = serde_json::json!({ "trigger": "fulfilment-shipped", "text_limit": 25 });
    });
    let order = world.enter(world.plain(5))?;
    let first = pick(&world, order, 3, ShipStatus::Shipped)?;
    let second = pick(&world, order, 2, ShipStatus::Packed)?;
    let billed = bill(&world, order, &[first, second])?;
    world.poll_and_work().await?;
    world.turn(FIVE);
    world.person(|account, now| account.mark(second, ShipStatus::Shipped, now))?;
    world.poll_and_work().await?;
    let one = number_of(&world, &job(&world, first)?)?;
    let late = job(&world, second)?;
    let other = number_of(&world, &late)?;
    assert_eq!(
        text(&invoice(&world, order, billed)?, "tracking"),
        format!("{one}, \u{2026}")
    );
    let place = late.write_back.done().ok_or("it is not written back")?.place.clone();
    assert!(place.contains("is full"), "{place}");

    world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
    world.turn(HOUR);
    deliver(&world, &other, &[EventKind::PickedUp]).await?;
    deliver(&world, &other, &[EventKind::Departed]).await?;
    world.follow(DAY, Ways::PollOnly).await?;
    let told = |text: &str| {
        world
            .story(&late.id)
            .iter()
            .filter(|entry| entry.text.contains(text))
            .count()
    };
    assert_eq!(told("no more is told of it"), 1);
    let untold = |number: &str| {
        let tables = world.store.tables();
        let parcel = tables
            .tracked
            .parcels
            .values()
            .find(|parcel| parcel.key.number == number);
        parcel.map(|parcel| parcel.tell_at)
    };
    assert_eq!(untold(&other), Some(None), "it is not told again and again");

    world.operator().void(&late.id, "ann").await?;
    world.pass(DAY).await?;
    let voided = job(&world, second)?;
    assert!(matches!(voided.closed, Some(Closing::Voided { .. })), "{voided:?}");
    assert!(voided.finished() && voided.hold.is_none(), "{voided:?}");
    Ok(())
}
