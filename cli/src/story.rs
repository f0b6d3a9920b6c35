//! A job's standing and its story in plain words. Pure.

use std::fmt::Display;

use jiff::Timestamp;
use waybill::domain::{Ending, Gone, Shipment, TrackedParcel};
use waybill::job::{Closing, Flag, Hold, HoldReason, Job, Step, VoidWish, Voiding};
use waybill::ports::{AuditEntry, Exchange, State};

use crate::output::when;

/// How far a job has come, in one word.
pub(crate) fn state(job: &Job) -> &'static str {
    match State::from(job) {
        State::Open => "open",
        State::Held => "held",
        State::Shipped => "shipped",
        State::Closed => "closed",
    }
}

/// Where a job stands, in one line for a table.
pub(crate) fn summary(job: &Job) -> String {
    if let Some(hold) = &job.hold {
        return hold.message.clone();
    }
    if let Some(closing) = &job.closed {
        return closed(closing);
    }
    if let Some(wish) = job.void.as_ref().filter(|_| job.void_pending()) {
        return format!("{} wants it void; the carrier is asked", wish.by);
    }
    match (&job.purchase, &job.wait) {
        (Step::Done(shipment), Some(wait)) if job.parked_since().is_some() => {
            format!("{}: {}", numbers(shipment), wait.reason)
        }
        (Step::Done(shipment), _) => numbers(shipment),
        (_, Some(wait)) => format!("waits: {}", wait.reason),
        (Step::Unknown { .. }, None) => "looks for its purchase".to_owned(),
        (Step::Started(_), None) => "is being bought".to_owned(),
        _ => "is to be bought".to_owned(),
    }
}

/// Where a job stands, why, and what happens next: a sentence each.
pub(crate) fn standing(job: &Job) -> Vec<String> {
    let mut told = Vec::new();
    told.push(purchase(job));
    told.extend(written(job));
    told.extend(job.void.as_ref().map(|wish| wished_void(job, wish)));
    let own = job
        .void
        .as_ref()
        .and_then(|wish| wish.shipment.as_ref())
        .map(|shipment| &shipment.id);
    let extras = job.extras.iter().filter(|extra| Some(&extra.shipment) != own);
    told.extend(extras.map(|extra| extra_shipment(&extra.shipment, &extra.voiding)));
    if let Some(check) = &job.duplicate_check {
        told.push(format!(
            "It was asked for twice: at {} it is looked whether two were bought.",
            when(check.at)
        ));
    }
    if let Some(hold) = &job.hold {
        told.extend(held(job, hold));
    } else if let Some((since, wait)) = job.parked_since().zip(job.wait.as_ref()) {
        told.push(format!(
            "It is {} (since {}). The ERP is asked again at {}.",
            wait.reason,
            when(since),
            when(wait.until)
        ));
    } else if let Some(wait) = &job.wait {
        told.push(format!("It waits until {}: {}.", when(wait.until), wait.reason));
    }
    match job.flag {
        Flag::Written(_) => told.push("The problem stands on the document in the ERP.".to_owned()),
        Flag::Refused(Some(_)) => told.push("The ERP does not let us show the problem on its document.".to_owned()),
        Flag::Refused(None) => told.push(
            "A problem that is over still stands on the document in the ERP, which does not let us clear it."
                .to_owned(),
        ),
        Flag::Clear | Flag::Wanted { .. } => {}
    }
    if let Some(forgotten) = &job.forgotten {
        told.push(format!(
            "{} had its personal data erased at {}.",
            forgotten.by,
            when(forgotten.at)
        ));
    }
    told.extend(next(job));
    told
}

fn wished_void(job: &Job, wish: &VoidWish) -> String {
    let wanted = format!("{} wanted it void at {}", wish.by, when(wish.at));
    match (&wish.voiding, &wish.shipment) {
        (Voiding::Todo { .. }, _) if job.write_back.open_attempt().is_some() => {
            format!("{wanted}: once it is known whether the ERP shows it, the carrier is asked.")
        }
        (Voiding::Todo { at }, _) => format!("{wanted}: the carrier is asked at {}.", when(*at)),
        (Voiding::Done, Some(shipment)) => format!(
            "{wanted}, and it is void: {}{}.",
            numbers(shipment),
            shipment
                .cost
                .as_ref()
                .map(|cost| format!(", {cost}"))
                .unwrap_or_default()
        ),
        (Voiding::Done, None) => format!("{wanted}, and it is void."),
        (Voiding::Refused(why), _) => format!("{wanted}, and the carrier did not void it: {why}."),
    }
}

fn purchase(job: &Job) -> String {
    if let (Some(closing), None) = (&job.closed, job.purchase.done()) {
        return format!("It did not ship: {}.", closed(closing));
    }
    match &job.purchase {
        Step::Done(shipment) => bought(job, shipment),
        Step::Started(attempt) => format!("A shipment has been asked for since {}.", when(attempt.at)),
        Step::Unknown { attempt, looks, .. } => {
            let seen = looks.iter().filter(|look| look.control).count();
            format!(
                "A shipment was asked for at {}, and the answer was lost: nobody knows yet whether it was bought. \
                 Looked {} times without finding it; {seen} of these looks would have shown it.",
                when(attempt.at),
                looks.len()
            )
        }
        Step::Refused(refusal) => format!("The carrier said no: {refusal}."),
        Step::NotNeeded(reason) => format!("Nothing is bought: {reason}."),
        Step::Todo => "Nothing has been bought.".to_owned(),
    }
}

fn bought(job: &Job, shipment: &Shipment) -> String {
    let service = job
        .quote
        .done()
        .map(|quote| quote.offer.name.as_str())
        .or(shipment.service.as_deref());
    let by = service.map(|service| format!(" by {service}")).unwrap_or_default();
    let cost = shipment
        .cost
        .as_ref()
        .map(|cost| format!(" for {cost}"))
        .unwrap_or_default();
    let end = job
        .closed
        .as_ref()
        .map(|closing| format!("; then {}", closed(closing)))
        .unwrap_or_default();
    match &job.at_desk {
        Some(desk) => format!(
            "People shipped it in {}{by}{cost}: {}, {} of its order {}{end}.",
            desk.desk,
            numbers(shipment),
            shipment.id,
            desk.order.name()
        ),
        None => format!("It shipped{by}{cost}: {}{end}.", numbers(shipment)),
    }
}

fn numbers(shipment: &Shipment) -> String {
    let numbers: Vec<&str> = shipment.tracking_numbers().collect();
    if numbers.is_empty() {
        shipment.id.to_string()
    } else {
        numbers.join(", ")
    }
}

fn closed(closing: &Closing) -> String {
    match closing {
        Closing::Order(Gone::Cancelled) => "the order was cancelled".to_owned(),
        Closing::Order(Gone::Closed) => "the order was closed".to_owned(),
        Closing::Order(Gone::Fulfilled) => "somebody else fulfilled it, or took its lines away".to_owned(),
        Closing::Order(Gone::Divided) => "its lines no longer travel together; new units take them".to_owned(),
        Closing::Order(Gone::Unselected(reason)) => format!("the connection does not ship it now ({reason})"),
        Closing::Voided { by } => format!("{by} voided the shipment"),
        Closing::Matched { job } => format!("an order was found for it, whose job {job} it is"),
        Closing::LeftAside { by } => format!("{by} said that the ERP need not hear of it"),
    }
}

fn written(job: &Job) -> Option<String> {
    job.purchase.done()?;
    match &job.write_back {
        Step::Done(place) => Some(format!("The ERP shows it: {}.", place.place)),
        Step::Refused(refusal) => Some(format!("The ERP said no to the write-back: {refusal}.")),
        Step::Unknown { .. } => {
            Some("The write-back's answer was lost; it is looked for before it is tried again.".to_owned())
        }
        _ if job.closed.is_some() || job.is_unmatched() => None,
        _ => Some("It is not written back to the ERP yet.".to_owned()),
    }
}

fn extra_shipment(shipment: &impl Display, voiding: &Voiding) -> String {
    match voiding {
        Voiding::Todo { at } => format!(
            "The shipment {shipment} was bought twice: it is voided at {}.",
            when(*at)
        ),
        Voiding::Done => format!("The shipment {shipment} was bought twice and is void."),
        Voiding::Refused(why) => {
            format!("The shipment {shipment} was bought twice, and the carrier does not void it: {why}.")
        }
    }
}

fn held(job: &Job, hold: &Hold) -> [String; 2] {
    let what = format!(
        "It is held since {}: {}.",
        when(hold.since),
        hold.message.trim_end_matches('.')
    );
    [what, way_out(job, hold)]
}

/// What ends a hold.
fn way_out(job: &Job, hold: &Hold) -> String {
    let release = format!("`waybill job release {}`", job.id);
    match hold.reason {
        HoldReason::Brake => "It goes on by itself after `waybill brake off`.".to_owned(),
        reason if reason.ends_by_order() => format!(
            "Correct the order or the item in the ERP; it is read again at {}. If it is right as it is: {release}.",
            when(hold.again_at)
        ),
        HoldReason::DuplicateCheckBlind => format!(
            "Look at the carrier's own site for reference {}. Void one if there are two; then {release}.",
            job.id
        ),
        reason if reason.is_about_an_unknown_purchase() => format!(
            "Look at the carrier's own site for reference {0}. If it was bought: `waybill job resolve {0} --tracking NUMBER`. If it \
             was not bought: `waybill job resolve {0} --not-created`, which buys it again.",
            job.id
        ),
        HoldReason::VoidRefused => format!(
            "Let it go on as shipped with {release}, or ask again with `waybill job void {}`.",
            job.id
        ),
        HoldReason::VoidStillShown => format!(
            "It ends by itself once the ERP does not show it, and is looked at again at {}; sooner with {release}.",
            when(hold.again_at)
        ),
        HoldReason::WriteBackRefused => format!("It is tried again at {}; sooner with {release}.", when(hold.again_at)),
        HoldReason::LabelLost => format!(
            "Void and ship again with `waybill job void {}`, or try once more with {release}.",
            job.id
        ),
        HoldReason::Unmatched if job.is_left_unmatched() => format!(
            "It is tried by itself no more. Say which order it belongs to with `waybill job resolve {} --order NUMBER`, or close it \
             with {release}, if the ERP need not hear of it.",
            job.id
        ),
        HoldReason::Unmatched => format!(
            "It is tried again at {}. Say which order it belongs to with `waybill job resolve {} --order NUMBER`, or close it with \
             {release}, if the ERP need not hear of it.",
            when(hold.again_at),
            job.id
        ),
        HoldReason::Addition => {
            format!("It ends by itself once the order does not ask for it any more; {release} buys and ships it too.")
        }
        HoldReason::ChangedAfterLabel => {
            format!(
                "Write it back as bought with {release}, or void it with `waybill job void {}`.",
                job.id
            )
        }
        _ => format!("A person ends it with {release}."),
    }
}

fn next(job: &Job) -> Option<String> {
    match job.due_at {
        Some(at) if job.hold.is_none() => Some(format!("Next: a worker looks at it at {}.", when(at))),
        _ => None,
    }
}

/// How the parcels of a job fare on their way: a sentence each.
pub(crate) fn delivery(parcels: &[TrackedParcel]) -> Vec<String> {
    let told = |parcel: &TrackedParcel| {
        let given_up = matches!(parcel.ended, Some((Ending::GivenUp, _)));
        let end = if given_up {
            " It did not arrive and is not followed any more: ask the carrier."
        } else {
            ""
        };
        format!("Parcel {}: {}.{end}", parcel.key.number, heard(parcel))
    };
    parcels.iter().map(told).collect()
}

/// How far a parcel has come, since when and where.
pub(crate) fn heard(parcel: &TrackedParcel) -> String {
    let Some(progress) = &parcel.progress else {
        return "nothing is heard of it yet".to_owned();
    };
    let place = progress
        .spot
        .words()
        .map(|place| format!(" in {place}"))
        .unwrap_or_default();
    format!("{} since {}{place}", progress.milestone.words(), when(progress.at))
}

/// A job's story in time order: a line for each decision, beneath it a line for each call.
pub(crate) fn told(entries: &[AuditEntry], full: bool) -> String {
    let mut entries: Vec<&AuditEntry> = entries.iter().collect();
    entries.sort_by_key(|entry| entry.at);
    let lines: Vec<String> = entries.into_iter().flat_map(|entry| lines(entry, full)).collect();
    lines.join("\n")
}

fn lines(entry: &AuditEntry, full: bool) -> Vec<String> {
    let who = if entry.by == "waybill" {
        String::new()
    } else {
        format!(" [{}]", entry.by)
    };
    let mut exchanges: Vec<&Exchange> = entry.exchanges.iter().collect();
    exchanges.sort_by_key(|exchange| exchange.at);
    let calls = exchanges.into_iter().flat_map(|exchange| call(exchange, full));
    let mut lines = vec![format!("{}{who}  {}", when(entry.at), entry.text)];
    if let (Some(draft), true) = (&entry.draft, full) {
        lines.push(format!("    intends {}:", draft.operation));
        lines.extend(indented(&format!("{:#}", draft.body)));
    }
    lines.extend(calls);
    lines
}

fn call(exchange: &Exchange, full: bool) -> Vec<String> {
    let status = exchange
        .status
        .map_or("no answer".to_owned(), |status| status.to_string());
    let Exchange {
        system,
        operation,
        request,
        milliseconds,
        ..
    } = exchange;
    let ids: String = exchange
        .transaction_ids()
        .map(|(name, id)| format!(", {name} {id}"))
        .collect();
    let mut lines = vec![format!(
        "    {} {system} {operation}: {request} -> {status}, {milliseconds} ms{ids}",
        clock(exchange.at)
    )];
    if full {
        lines.push(format!("      to {}", exchange.base));
        lines.extend(
            exchange
                .headers
                .iter()
                .map(|(name, value)| format!("        {name}: {value}")),
        );
        lines.extend(exchange.sent.iter().flat_map(|sent| indented(sent)));
        lines.push("      answered".to_owned());
        lines.extend(indented(&exchange.received));
    }
    lines
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S%.3f").to_string()
}

fn indented(text: &str) -> Vec<String> {
    let pretty =
        serde_json::from_str::<serde_json::Value>(text).map_or_else(|_| text.to_owned(), |body| format!("{body:#}"));
    pretty.lines().map(|line| format!("        {line}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rust_decimal::dec;
    use waybill::domain::{
        Address, CarrierShipmentId, Consignment, DeskOrderRef, DespatchId, DocumentId, Money, Nonce, Refusal,
        ShippedParcel, Snapshot,
    };
    use waybill::job::{Admission, AtDesk, TRIED_FOR, Wait, WriteBackRef};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    pub(crate) fn job() -> Job {
        let consignment = Consignment {
            document: DocumentId::sales_order("5012"),
            number: "SO5012".to_owned(),
            customer_reference: None,
            ship_method: None,
            ship_to: Address::default(),
            location: None,
            bill_to: None,
            supplier: None,
            lines: Vec::new(),
        };
        let snapshot = Snapshot::new(1, at("2026-08-01T10:00:00Z"), consignment);
        let admission = Admission {
            connection: "acme".parse().unwrap(),
            tenant: "acme".parse().unwrap(),
            unit: 1,
            write: Nonce::new("w"),
        };
        Job::admit(admission, &snapshot, at("2026-08-01T10:00:00Z"))
    }

    /// A parcel that has just been enlisted, changed by these fields.
    pub(crate) fn parcel(changes: serde_json::Value) -> TrackedParcel {
        let mut parcel = serde_json::json!({
            "key": { "connection": "acme", "number": "1Z1" }, "tenant": "acme", "job": job().id, "version": 1,
            "document": DocumentId::sales_order("5012"), "order_number": "SO5012", "since": "2026-08-01T12:00:00Z"
        });
        if let (Some(parcel), serde_json::Value::Object(changes)) = (parcel.as_object_mut(), changes) {
            parcel.extend(changes);
        }
        serde_json::from_value(parcel).unwrap()
    }

    pub(crate) fn shipped() -> Job {
        let shipment = Shipment {
            id: CarrierShipmentId::new("1Z1"),
            parcels: vec![ShippedParcel {
                tracking_number: "1Z1".to_owned(),
            }],
            service: Some("03".to_owned()),
            cost: Some(Money::new(dec!(12.3), "USD")),
            remarks: Vec::new(),
        };
        let place = WriteBackRef {
            place: "item fulfilment 77".to_owned(),
            id: None,
        };
        Job {
            purchase: Step::Done(shipment),
            write_back: Step::Done(place),
            due_at: None,
            ..job()
        }
    }

    pub(crate) fn held_for(reason: HoldReason, message: &str) -> Job {
        let hold = Hold {
            reason,
            message: message.to_owned(),
            since: at("2026-08-01T10:05:00Z"),
            again_at: at("2026-08-01T10:20:00Z"),
            under: None,
        };
        Job {
            hold: Some(hold),
            ..job()
        }
    }

    #[test]
    fn a_shipped_order_is_told_with_its_number_cost_and_place() {
        let told = standing(&shipped());
        assert_eq!(
            told,
            [
                "It shipped by 03 for 12.30 USD: 1Z1.",
                "The ERP shows it: item fulfilment 77."
            ]
        );
        assert_eq!((state(&shipped()), summary(&shipped()).as_str()), ("shipped", "1Z1"));
    }

    /// P56: what waits for its invoice says so everywhere, with what ends it.
    #[test]
    fn what_waits_for_its_invoice_says_so() {
        let wait = Wait::parked(
            at("2026-08-01T11:00:00Z"),
            "shipped; waits for the invoice: NetSuite has none for SO5012 yet",
            at("2026-08-01T10:00:00Z"),
        );
        let parked = Job {
            write_back: Step::Todo,
            wait: Some(wait),
            ..shipped()
        };
        assert_eq!(state(&parked), "open");
        assert!(
            summary(&parked).starts_with("1Z1: shipped; waits for the invoice"),
            "{}",
            summary(&parked)
        );
        let told = standing(&parked).join("\n");
        assert!(
            told.contains("It is shipped; waits for the invoice: NetSuite has none for SO5012 yet (since 2026-08-01"),
            "{told}"
        );
    }

    #[test]
    fn a_delivery_is_told_with_its_milestone_time_and_place() {
        let delivered = serde_json::json!({ "progress": { "milestone": "delivered", "at": "2026-08-03T15:00:00Z",
            "spot": { "city": "RENO", "state": "NV", "country": "US" } } });
        let lost = serde_json::json!({ "ended": ["given-up", "2026-10-01T10:00:00Z"] });
        let told = delivery(&[parcel(delivered), parcel(serde_json::json!({})), parcel(lost)]);
        assert_eq!(
            told[..2],
            [
                "Parcel 1Z1: Delivered since 2026-08-03 15:00:00 UTC in RENO, NV, US.",
                "Parcel 1Z1: nothing is heard of it yet."
            ]
        );
        assert!(told[2].contains("ask the carrier"), "{told:?}");
    }

    #[test]
    fn a_held_order_says_what_to_correct_and_when_it_is_read_again() {
        let told = standing(&held_for(HoldReason::MissingData, "item BOLT has no weight")).join(" ");
        assert!(
            told.contains("held since 2026-08-01 10:05:00 UTC: item BOLT has no weight."),
            "{told}"
        );
        assert!(told.contains("read again at 2026-08-01 10:20:00 UTC"), "{told}");
        assert!(told.contains("waybill job release"), "{told}");
    }

    #[test]
    fn releasing_an_unknown_purchase_is_told_to_buy_again() {
        let told = standing(&held_for(HoldReason::UnknownPurchase, "it cannot be found")).join(" ");
        assert!(told.contains("which buys it again"), "{told}");
    }

    /// What people shipped at a desk is told as theirs, and without an order with what ends that.
    #[test]
    fn what_people_shipped_is_told_as_theirs() {
        let at_desk = AtDesk {
            desk: "shipstation".to_owned(),
            order: DeskOrderRef {
                id: "se-7".to_owned(),
                number: "1001".to_owned(),
                key: None,
                store: None,
            },
            followed: true,
        };
        let written = Job {
            at_desk: Some(at_desk.clone()),
            ..shipped()
        };
        let told = standing(&written).join(" ");
        let whole = "People shipped it in shipstation by 03 for 12.30 USD: 1Z1, 1Z1 of its order 1001.";
        assert!(told.contains(whole), "{told}");
        assert!(told.contains("The ERP shows it"), "{told}");
        let mut parked = Job {
            document: DocumentId::despatch(&DespatchId::new("label:se-7")),
            write_back: Step::Todo,
            at_desk: Some(at_desk),
            ..held_for(HoldReason::Unmatched, "netsuite has no order that this names")
        };
        parked.purchase = shipped().purchase;
        let told = standing(&parked).join(" ");
        assert!(
            told.contains("job resolve") && told.contains("--order NUMBER"),
            "{told}"
        );
        assert!(!told.contains("not written back"), "{told}");
        assert!(told.contains("It is tried again at"), "{told}");
        let mut left = parked.clone();
        if let Some(hold) = &mut left.hold {
            hold.since = left.created_at + TRIED_FOR;
        }
        let told = standing(&left).join(" ");
        assert!(
            !told.contains("tried again") && told.contains("--order NUMBER"),
            "{told}"
        );
        let closed = Job {
            hold: None,
            closed: Some(Closing::Matched { job: job().id }),
            ..parked
        };
        assert!(summary(&closed).contains(job().id.as_str()), "{}", summary(&closed));
    }

    /// What a person wanted void is told with who, with its numbers and money, and what the carrier said.
    #[test]
    fn a_void_is_told_from_the_wish_to_its_end() {
        let wish = |voiding, shipment| VoidWish {
            kept: None,
            by: "ada".to_owned(),
            at: at("2026-08-01T11:00:00Z"),
            voiding,
            shipment,
            shown: None,
        };
        let asked = at("2026-08-01T11:00:00Z");
        let pending = Job {
            void: Some(wish(Voiding::Todo { at: asked }, None)),
            ..shipped()
        };
        assert_eq!(summary(&pending), "ada wants it void; the carrier is asked");
        assert!(
            standing(&pending)
                .join(" ")
                .contains("the carrier is asked at 2026-08-01 11:00:00 UTC")
        );
        let bought = shipped().purchase.done().cloned();
        let void = Job {
            void: Some(wish(Voiding::Done, bought)),
            purchase: Step::Todo,
            write_back: Step::Todo,
            closed: Some(Closing::Voided { by: "ada".to_owned() }),
            ..shipped()
        };
        let told = standing(&void).join(" ");
        assert!(told.contains("It did not ship: ada voided the shipment."), "{told}");
        assert!(told.contains("and it is void: 1Z1, 12.30 USD."), "{told}");
        let refused = Job {
            void: Some(wish(Voiding::Refused("too late (190102)".to_owned()), None)),
            ..held_for(
                HoldReason::VoidRefused,
                "the carrier does not void shipment 1Z1: too late (190102)",
            )
        };
        let told = standing(&refused).join(" ");
        assert!(
            told.contains("did not void it: too late (190102)") && told.contains("go on as shipped"),
            "{told}"
        );
    }

    #[test]
    fn a_refusal_and_a_closed_order_are_told_in_the_vendors_words_and_ours() {
        let refused = Job {
            purchase: Step::Refused(Refusal::new("120100", "no such postal code")),
            ..job()
        };
        assert!(standing(&refused)[0].contains("no such postal code (120100)"));
        let cancelled = Job {
            closed: Some(Closing::Order(Gone::Cancelled)),
            due_at: None,
            ..job()
        };
        assert_eq!(standing(&cancelled), ["It did not ship: the order was cancelled."]);
    }

    /// P22: the story shows every call with its bodies, in time order.
    #[test]
    fn the_story_is_in_time_order_and_shows_bodies_only_when_asked() {
        let exchange = Exchange {
            at: at("2026-08-01T10:00:01Z"),
            system: "ups".to_owned(),
            operation: "ship".to_owned(),
            base: "https://onlinetools.ups.com".to_owned(),
            request: "POST /api/shipments".to_owned(),
            headers: vec![
                ("transId".to_owned(), "7f3a".to_owned()),
                ("x-merchant-id".to_owned(), "ABC123".to_owned()),
            ],
            vendor_ids: Vec::new(),
            sent: Some(r#"{"a":1}"#.to_owned()),
            status: Some(200),
            received: "<html>".to_owned(),
            milliseconds: 12,
        };
        let entry = |at, by: &str, text: &str, exchanges| AuditEntry {
            exchanges,
            ..AuditEntry::new(at, by, text)
        };
        let entries = [
            entry(at("2026-08-01T10:00:02Z"), "ada", "released", Vec::new()),
            entry(at("2026-08-01T10:00:00Z"), "waybill", "admitted", vec![exchange]),
        ];
        let short = told(&entries, false);
        let lines: Vec<&str> = short.lines().collect();
        assert_eq!(lines[0], "2026-08-01 10:00:00 UTC  admitted");
        assert!(
            lines[1].ends_with("ups ship: POST /api/shipments -> 200, 12 ms, transId 7f3a"),
            "{short}"
        );
        assert_eq!(lines[2], "2026-08-01 10:00:02 UTC [ada]  released");
        assert!(!short.contains("\"a\""));
        let full = told(&entries, true);
        assert!(full.contains("\"a\": 1") && full.contains("<html>"), "{full}");
        assert!(
            full.contains("to https://onlinetools.ups.com") && full.contains("x-merchant-id: ABC123"),
            "{full}"
        );
    }
}
