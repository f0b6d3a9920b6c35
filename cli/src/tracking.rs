//! `waybill tracking ...`: parcels on their way.

use std::collections::BTreeSet;

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};
use waybill::domain::{
    ConnectionId, Cover, Ending, Estimate, Meaning, ParcelKey, Shipment, Telling, TrackedParcel, TrackingEvent,
};
use waybill::job::Job;
use waybill::ports::{Covers, Directory, Parcels, Tellings};

use crate::Common;
use crate::output::{Answer, Failure, facts, note, table, when};
use crate::stack::Stack;
use crate::story;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Tells everything that is known of a parcel, or of all parcels of an order
    #[command(after_help = "Examples:
  waybill tracking show 1Z999AA10123456784
  waybill tracking show SO5012 --connection acme-netsuite-ups --json")]
    Show {
        /// A tracking number, or an order's number that people know
        number: String,
        /// Only of this connection
        #[arg(long, value_name = "ID")]
        connection: Option<ConnectionId>,
    },
    /// Makes the round now: queues parcels and webhooks that are due, and reads the carriers' own lists that are due
    #[command(
        after_help = "Examples:\n  waybill tracking poll\n  waybill tracking poll --now\n  waybill tracking poll --json"
    )]
    Poll {
        /// Read every list, and ask the carriers for whatever they tell of, without waiting for pushes
        #[arg(long)]
        now: bool,
    },
    /// Asks the carriers now for every promise to push news that is due
    #[command(after_help = "Examples:\n  waybill tracking renew\n  waybill tracking renew --json")]
    Renew,
    /// Lists parcels that did not arrive and are not followed any more, the latest first
    #[command(after_help = "Examples:
  waybill tracking stalled
  waybill tracking stalled --connection acme-netsuite-ups --json

A person must ask the carrier for them.")]
    Stalled {
        /// Only of this connection
        #[arg(long, value_name = "ID")]
        connection: Option<ConnectionId>,
        /// The most parcels of each connection
        #[arg(long, default_value_t = 50, value_name = "NUMBER")]
        most: u16,
    },
}

/// Everything that is known of a parcel.
#[derive(Debug, Serialize)]
struct Known {
    parcel: TrackedParcel,
    /// The carrier's promise to push news; nothing where it was never asked for.
    push: Option<Cover>,
    /// What the ERP was told of the document's delivery.
    erp: Telling,
    unknown_codes: BTreeSet<String>,
    events: Vec<TrackingEvent>,
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Show { number, connection } => show(&stack, number.trim(), connection.as_ref()).await,
        Verb::Poll { now } => poll(&stack, now).await,
        Verb::Renew => renew(&stack).await,
        Verb::Stalled { connection, most } => stalled(&stack, connection.as_ref(), most).await,
    }
}

async fn show(stack: &Stack, number: &str, connection: Option<&ConnectionId>) -> Result<Answer, Failure> {
    let parcels = find(stack, number, connection).await?;
    if parcels.is_empty() {
        return Err(Failure::new(format!(
            "no parcel and no order {number} is followed: that begins when the shipment is written back. `waybill order explain \
             {number}` tells how far an order is"
        )));
    }
    let mut known = Vec::new();
    for parcel in parcels {
        known.push(about(stack, parcel).await?);
    }
    let text: Vec<String> = known.iter().map(told).collect();
    Answer::new(&json!({ "number": number, "parcels": known }), text.join("\n\n"))
}

/// The parcel of this number, or else those of the orders of this number.
async fn find(stack: &Stack, number: &str, connection: Option<&ConnectionId>) -> Result<Vec<TrackedParcel>, Failure> {
    let store = stack.store()?;
    let ids: Vec<ConnectionId> = stack
        .connections(connection)
        .await?
        .into_iter()
        .map(|one| one.id)
        .collect();
    // Carriers write their numbers in capitals, people do not.
    let spellings = BTreeSet::from([number.to_owned(), number.to_ascii_uppercase()]);
    let keys = ids
        .iter()
        .flat_map(|id| spellings.iter().map(move |number| key(id, number)));
    let parcels = store.parcels(&keys.collect::<Vec<_>>()).await?;
    if !parcels.is_empty() {
        return Ok(sorted(parcels));
    }
    let mut keys = Vec::new();
    for (id, units) in store.numbered(number).await? {
        if ids.contains(&id) {
            let numbers = units.units.iter().flat_map(|unit| &unit.tracking_numbers);
            keys.extend(numbers.map(|number| key(&id, number)));
        }
    }
    Ok(sorted(store.parcels(&keys).await?))
}

/// The parcels of a job that are followed, or were.
pub(crate) async fn of_job(stack: &Stack, job: &Job) -> Result<Vec<TrackedParcel>, Failure> {
    let numbers = job.purchase.done().into_iter().flat_map(Shipment::tracking_numbers);
    let keys: Vec<ParcelKey> = numbers.map(|number| key(&job.connection, number)).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut parcels = sorted(stack.store()?.parcels(&keys).await?);
    parcels.retain(|parcel| parcel.job == job.id);
    Ok(parcels)
}

fn key(connection: &ConnectionId, number: &str) -> ParcelKey {
    ParcelKey {
        connection: connection.clone(),
        number: number.to_owned(),
    }
}

fn sorted(mut parcels: Vec<TrackedParcel>) -> Vec<TrackedParcel> {
    parcels.sort_by(|a, b| a.key.cmp(&b.key));
    parcels
}

async fn about(stack: &Stack, parcel: TrackedParcel) -> Result<Known, Failure> {
    let store = stack.store()?;
    let mut events = store.events(&parcel.key).await?;
    events.sort_by_key(|event| (event.at, event.key()));
    let push = store
        .covers(std::slice::from_ref(&parcel.key))
        .await?
        .into_iter()
        .next();
    let erp = store.telling(&parcel.key.connection, &parcel.document).await?;
    Ok(Known {
        unknown_codes: unknown(&events),
        parcel,
        push,
        erp,
        events,
    })
}

/// The carrier's words that we do not know.
fn unknown(events: &[TrackingEvent]) -> BTreeSet<String> {
    let unknown = events.iter().filter(|event| event.meaning == Meaning::Unknown);
    unknown.map(|event| event.code.to_string()).collect()
}

fn told(known: &Known) -> String {
    let parcel = &known.parcel;
    let head = format!(
        "{} of order {} ({}), job {}",
        parcel.key.number, parcel.order_number, parcel.key.connection, parcel.job
    );
    let rows = rows(known).into_iter().map(|(what, value)| [what.to_owned(), value]);
    let standing = table(["what", "value"], rows);
    let events = table(
        ["when", "milestone", "place", "words"],
        known.events.iter().map(event_row),
    );
    format!("{head}\n\n{standing}\n\n{events}")
}

fn rows(known: &Known) -> Vec<(&'static str, String)> {
    let (parcel, progress) = (&known.parcel, known.parcel.progress.as_ref());
    let milestone = progress.map_or("nothing is heard of it yet", |progress| progress.milestone.words());
    let optional = [
        ("since", progress.map(|progress| when(progress.at))),
        ("place", progress.and_then(|progress| progress.spot.words())),
        ("signed by", progress.and_then(|progress| progress.signed_by.clone())),
        (
            "expected",
            progress.and_then(|progress| progress.estimate.as_ref().map(expected)),
        ),
        ("pushed until", Some(pushed(parcel, known.push.as_ref()))),
        ("followed since", Some(when(parcel.since))),
        ("asked last", parcel.polled_at.map(when)),
        ("asked next", parcel.next_poll.map(when)),
        (
            "failures in a row",
            (parcel.failures > 0).then(|| parcel.failures.to_string()),
        ),
        (
            "the ERP shows",
            known
                .erp
                .told
                .as_ref()
                .map(|told| format!("{} since {}", told.text, when(told.at))),
        ),
        ("the ERP is told at", parcel.tell_at.map(when)),
        (
            "unknown codes",
            (!known.unknown_codes.is_empty()).then(|| list(&known.unknown_codes)),
        ),
        (
            "not followed since",
            parcel
                .ended
                .map(|(ending, at)| format!("{}: {}", when(at), ended(ending))),
        ),
    ];
    let optional = optional.into_iter().filter_map(|(what, value)| Some((what, value?)));
    std::iter::once(("milestone", milestone.to_owned()))
        .chain(optional)
        .collect()
}

fn expected(estimate: &Estimate) -> String {
    match estimate.until {
        Some(until) => format!("{} until {}", estimate.date, until.strftime("%H:%M")),
        None => estimate.date.to_string(),
    }
}

fn pushed(parcel: &TrackedParcel, push: Option<&Cover>) -> String {
    let refused = push.and_then(|cover| cover.refused.as_ref());
    match (parcel.pushed_until, refused, push) {
        (Some(until), _, _) => when(until),
        (None, Some(why), _) => format!("not pushed: {why}"),
        (None, None, Some(cover)) => format!("not pushed yet: asked for at {}", when(cover.renew_at)),
        (None, None, None) => "not pushed: the carrier is asked".to_owned(),
    }
}

fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Final => "nothing more is expected",
        Ending::GivenUp => "it did not arrive, and a person must ask the carrier",
    }
}

fn list(codes: &BTreeSet<String>) -> String {
    codes.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn event_row(event: &TrackingEvent) -> [String; 4] {
    let milestone = match event.meaning {
        Meaning::Reached(milestone) => milestone.words().to_owned(),
        Meaning::Told => event.code.to_string(),
        Meaning::Unknown => format!("{} (unknown)", event.code),
    };
    [
        when(event.at),
        milestone,
        event.spot.words().unwrap_or_default(),
        event.description.clone().unwrap_or_default(),
    ]
}

async fn poll(stack: &Stack, now: bool) -> Result<Answer, Failure> {
    note("making the round ...");
    let lists = if now { "now" } else { "when-due" };
    let report = stack
        .invoke(
            "TrackingPollerFunction",
            "the tracking poller",
            &json!({ "lists": lists }),
        )
        .await?;
    round(&report)
}

/// A round with lists that could not be read is told whole, and is a failure.
fn round(report: &Value) -> Result<Answer, Failure> {
    let stopped = report.get("stopped").and_then(Value::as_object);
    let failed = stopped.is_some_and(|stopped| !stopped.is_empty());
    Ok(Answer::new(report, facts(report))?.failed_if(failed))
}

async fn renew(stack: &Stack) -> Result<Answer, Failure> {
    note("asking for promises ...");
    let report = stack
        .invoke("RenewerFunction", "the subscription renewer", &json!({}))
        .await?;
    promises(&report)
}

fn promises(report: &Value) -> Result<Answer, Failure> {
    let failed = report.get("failed").and_then(Value::as_u64);
    Ok(Answer::new(report, facts(report))?.failed_if(failed.is_some_and(|failed| failed > 0)))
}

async fn stalled(stack: &Stack, connection: Option<&ConnectionId>, most: u16) -> Result<Answer, Failure> {
    let store = stack.store()?;
    let mut parcels = Vec::new();
    for one in stack.connections(connection).await? {
        let keys = store.given_up(&one.id, most).await?;
        parcels.extend(store.parcels(&keys).await?);
    }
    // The index is a moment behind.
    parcels.retain(|parcel| matches!(parcel.ended, Some((Ending::GivenUp, _))));
    parcels.sort_by_key(|parcel| std::cmp::Reverse(parcel.ended.map(|(_, at)| at)));
    let text = if parcels.is_empty() {
        "no parcel was given up".to_owned()
    } else {
        let header = [
            "connection",
            "order",
            "parcel",
            "followed since",
            "given up",
            "last heard",
        ];
        table(header, parcels.iter().map(stalled_row))
    };
    Answer::new(&parcels, text)
}

fn stalled_row(parcel: &TrackedParcel) -> [String; 6] {
    [
        parcel.key.connection.to_string(),
        parcel.order_number.clone(),
        parcel.key.number.clone(),
        when(parcel.since),
        parcel.ended.map(|(_, at)| when(at)).unwrap_or_default(),
        story::heard(parcel),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::tests::parcel;

    fn event(at: &str, meaning: Value, code: &str) -> TrackingEvent {
        serde_json::from_value(json!({
            "at": at, "meaning": meaning, "code": { "kind": "X", "code": code },
            "description": "Held at customs", "spot": { "city": "LOUISVILLE", "state": "KY", "country": "US" }
        }))
        .unwrap()
    }

    fn known(parcel: TrackedParcel) -> Known {
        let events = vec![
            event("2026-08-02T10:00:00Z", json!({ "reached": "in-transit" }), "DP"),
            event("2026-08-02T11:00:00Z", json!("unknown"), "Q9"),
        ];
        Known {
            unknown_codes: unknown(&events),
            parcel,
            push: None,
            erp: Telling::default(),
            events,
        }
    }

    #[test]
    fn a_parcel_is_told_with_what_is_known_what_is_next_and_every_event() {
        let text = told(&known(parcel(json!({
            "progress": { "milestone": "delivered", "at": "2026-08-03T15:00:00Z", "signed_by": "MORGAN",
                          "spot": { "city": "RENO", "state": "NV", "country": "US" } },
            "pushed_until": "2026-08-15T10:00:00Z", "next_poll": "2026-08-04T10:00:00Z",
            "polled_at": "2026-08-03T10:00:00Z", "tell_at": "2026-08-03T15:00:30Z"
        }))));
        for part in [
            "1Z1 of order SO5012 (acme)",
            "Delivered",
            "2026-08-03 15:00:00 UTC",
            "RENO, NV, US",
            "MORGAN",
            "2026-08-15 10:00:00 UTC",
            "2026-08-04 10:00:00 UTC",
            "2026-08-03 15:00:30 UTC",
            "X/Q9/- (unknown)",
            "In transit",
            "Held at customs",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_parcel_of_which_nothing_is_heard_says_so_and_why_it_is_not_pushed() {
        let mut known = known(parcel(json!({})));
        assert!(told(&known).contains("nothing is heard of it yet"));
        let cover = json!({ "key": known.parcel.key, "version": 1, "renew_at": "2026-08-02T00:00:00Z",
                            "refused": "not an UPS number (TA100)" });
        known.push = serde_json::from_value(cover).unwrap();
        assert!(told(&known).contains("not pushed: not an UPS number (TA100)"));
    }

    #[test]
    fn a_round_that_could_not_read_a_list_fails_and_tells_why() {
        let (text, failed) = round(&json!({ "parcels": 3, "stopped": { "acme": "no token" } }))
            .unwrap()
            .for_people();
        assert!(
            failed && text.contains("no token") && text.contains("stopped.acme"),
            "{text}"
        );
        let (_, failed) = round(&json!({ "parcels": 3, "stopped": {} })).unwrap().for_people();
        assert!(!failed);
        let (_, failed) = promises(&json!({ "due": 2, "failed": 1 })).unwrap().for_people();
        assert!(failed);
    }

    #[test]
    fn a_parcel_that_was_given_up_is_told_with_what_was_heard_last() {
        let row = stalled_row(&parcel(json!({
            "ended": ["given-up", "2026-10-01T10:00:00Z"],
            "progress": { "milestone": "in-transit", "at": "2026-08-03T15:00:00Z" }
        })));
        assert_eq!(row[1..3], ["SO5012".to_owned(), "1Z1".to_owned()]);
        assert_eq!(row[5], "In transit since 2026-08-03 15:00:00 UTC");
    }
}
