//! Quantum View (`POST /api/quantumview/v3/events`), by `QuantumView.yaml`: what an account has shipped and voided and what became
//! of its parcels, in files that a subscription collects.
//!
//! Quirks: what fails comes with HTTP 200 and status code 0; files that were fetched are marked as read, and only a request
//! that names a range of time or files gets them again; a range reaches seven days into the past; pages follow by a bookmark
//! that the original request is repeated with; a parcel that was handed to an access point comes as a delivery, told apart by
//! the access point's id and by nobody having signed; times are local to the scan, and no zone is told.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State as Shared;
use data_encoding::BASE64;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Ups;
use super::answer::{Refusal, Reply, put, shaped};
use super::call::Call;
use super::journey::{Event, EventKind, SIGNED_BY};
use super::model::{Package, Shipment, State};
use super::places::Address;
use super::read::{at, many, text, texts};

/// How far a range reaches back, and how long it is when it names no end.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A file takes events of so long a time.
const FILE_OPEN: SignedDuration = SignedDuration::from_mins(15);

/// The number of the only subscription.
const NUMBER: &str = "SIM0001";

/// Something that a file tells.
enum Told<'a> {
    /// A shipment was made.
    Manifest(&'a Shipment),
    /// Something happened to a package.
    Event(&'a Shipment, &'a Package, &'a Event),
    /// A package was held up and is promised for another day.
    Rescheduled(&'a Shipment, &'a Package, &'a Event),
}

struct File<'a> {
    name: String,
    began: Timestamp,
    told: Vec<(Timestamp, Told<'a>)>,
}

/// Why an answer holds no events: code and words.
struct Failed(&'static str, &'static str);

/// What a request asks for.
struct Asked {
    range: Option<(Timestamp, Timestamp)>,
    files: Vec<String>,
    after: Option<String>,
}

/// A page of files.
pub(super) async fn events(Shared(ups): Shared<Ups>, call: Call) -> Reply {
    let now = ups.now();
    let mut state = ups.state();
    state.progress(now);
    let request = at(&call.body, "QuantumViewRequest").ok_or_else(|| Refusal::missing("QuantumViewRequest"))?;
    if text(request, "Request.RequestAction") != Some("QVEvents") {
        return Err(Refusal::missing("RequestAction"));
    }
    let context = text(request, "Request.TransactionReference.CustomerContext").unwrap_or_default();
    let page = asked(request, &state, now).map(|asked| page(&state, &asked, &call, now));
    let (answer, read) = match page {
        Ok((answer, read)) => (answer, read),
        Err(failed) => (failure(&failed), Vec::new()),
    };
    state.read_files.extend(read);
    let mut answer = answer;
    if let Some(response) = answer.get_mut("Response") {
        put(response, "TransactionReference", json!({ "CustomerContext": context }));
    }
    Ok(shaped(json!({ "QuantumViewResponse": answer }), &state.options))
}

fn asked(request: &Value, state: &State, now: Timestamp) -> Result<Asked, Failed> {
    let Some(name) = &state.options.quantum_view else {
        return Err(Failed("330028", "No subscription found for the user"));
    };
    let mut asked = Asked {
        range: None,
        files: Vec::new(),
        after: text(request, "Bookmark").map(file_of_bookmark).transpose()?,
    };
    for wanted in many(request, "SubscriptionRequest") {
        if text(wanted, "Name").is_some_and(|wanted| wanted != name) {
            return Err(Failed("330029", "Subscription name is not found"));
        }
        asked.files.extend(texts(wanted, "FileName"));
        if let Some(range) = at(wanted, "DateTimeRange") {
            asked.range = Some(range_of(range, now)?);
        }
    }
    Ok(asked)
}

fn range_of(range: &Value, now: Timestamp) -> Result<(Timestamp, Timestamp), Failed> {
    let wrong = Failed("330030", "Invalid date time range");
    let Some(begin) = text(range, "BeginDateTime").and_then(moment) else {
        return Err(wrong);
    };
    let end = match text(range, "EndDateTime") {
        Some(end) => moment(end).ok_or(wrong)?,
        None => begin.saturating_add(WEEK).unwrap_or(now),
    };
    let too_far = now.duration_since(begin) > WEEK || end.duration_since(begin) > WEEK;
    if begin > end || too_far {
        return Err(Failed("330031", "The range exceeds 7 days into the past"));
    }
    Ok((begin, end))
}

fn moment(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn file_of_bookmark(bookmark: &str) -> Result<String, Failed> {
    let bytes = BASE64.decode(bookmark.as_bytes()).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or(Failed("330032", "Invalid bookmark"))
}

/// The page and the names of its files.
fn page(state: &State, asked: &Asked, call: &Call, now: Timestamp) -> (Value, Vec<String>) {
    let named = asked.range.is_some() || !asked.files.is_empty();
    let wanted = |file: &File<'_>| match asked.range {
        Some((begin, end)) => begin <= file.began && file.began <= end,
        None if named => asked.files.contains(&file.name),
        None => !state.read_files.contains(&file.name),
    };
    let after = |file: &File<'_>| asked.after.as_ref().is_none_or(|after| file.name > *after);
    let mut files: Vec<File<'_>> = files(state, call, now);
    files.retain(|file| wanted(file) && after(file));
    let most = usize::try_from(state.options.quantum_view_files_per_page.max(1)).unwrap_or(1);
    let more = files.len() > most;
    files.truncate(most);
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    let mut events = json!({
        "Name": state.options.quantum_view,
        "Number": NUMBER,
        "SubscriptionStatus": { "Code": "A", "Description": "Active" },
        "SubscriptionFile": files.iter().map(|file| written(file, &state.read_files)).collect::<Vec<_>>(),
    });
    if let Some((begin, end)) = asked.range {
        let shown = |at: Timestamp| at.strftime("%m-%d-%Y-%H-%M").to_string();
        put(
            &mut events,
            "DateRange",
            json!({ "BeginDate": shown(begin), "EndDate": shown(end) }),
        );
    }
    let mut answer = json!({
        "Response": { "ResponseStatusCode": "1", "ResponseStatusDescription": "Success" },
        "QuantumViewEvents": { "SubscriberID": "simulated", "SubscriptionEvents": [events] },
    });
    if let Some(last) = names.last().filter(|_| more) {
        put(&mut answer, "Bookmark", BASE64.encode(last.as_bytes()).into());
    }
    (answer, names)
}

fn failure(Failed(code, words): &Failed) -> Value {
    let error = json!({
        "ErrorSeverity": "Hard",
        "ErrorCode": code,
        "ErrorDescription": words,
        "ErrorLocation": [{ "ErrorLocationElementName": "QuantumViewRequest" }],
    });
    json!({
        "Response": { "ResponseStatusCode": "0", "ResponseStatusDescription": "Failure", "Error": [error] },
        "QuantumViewEvents": { "SubscriberID": "simulated", "SubscriptionEvents": [] },
    })
}

/// The files of everything that the caller's accounts did, as far as it has come into files by now.
fn files<'a>(state: &'a State, call: &Call, now: Timestamp) -> Vec<File<'a>> {
    let lag = SignedDuration::from_secs(i64::from(state.options.quantum_view_lag_s));
    let most = usize::try_from(state.options.quantum_view_events_per_file.max(1)).unwrap_or(1);
    let own = state
        .shipments
        .iter()
        .filter(|shipment| call.client.may_use(&shipment.account));
    let mut told: Vec<(Timestamp, Told<'a>)> = own.flat_map(told_of).collect();
    told.retain(|(at, _)| now.duration_since(*at) >= lag);
    told.sort_by_key(|(at, _)| *at);
    let mut files: Vec<File<'a>> = Vec::new();
    let mut number = 0_u32;
    for (at, one) in told {
        match files.last_mut() {
            Some(open) if open.told.len() < most && at.duration_since(open.began) <= FILE_OPEN => {
                open.told.push((at, one));
            }
            last => {
                let same_second = last.is_some_and(|last| last.began.as_second() == at.as_second());
                number = if same_second { number + 1 } else { 1 };
                files.push(File {
                    name: format!("{}{number:03}", at.strftime("%y%m%d_%H%M%S")),
                    began: at,
                    told: vec![(at, one)],
                });
            }
        }
    }
    files
}

fn told_of(shipment: &Shipment) -> Vec<(Timestamp, Told<'_>)> {
    let mut told = vec![(shipment.billed_at, Told::Manifest(shipment))];
    for package in &shipment.packages {
        let later = package
            .events
            .iter()
            .filter(|event| event.kind != EventKind::LabelCreated);
        for event in later {
            told.push((event.at, Told::Event(shipment, package, event)));
            if event.kind.delays() {
                told.push((event.at, Told::Rescheduled(shipment, package, event)));
            }
        }
    }
    told
}

fn written(file: &File<'_>, read: &BTreeSet<String>) -> Value {
    let (code, words) = if read.contains(&file.name) {
        ("R", "Read")
    } else {
        ("U", "Unread")
    };
    let mut written = json!({ "FileName": file.name, "StatusType": { "Code": code, "Description": words } });
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (at, told) in &file.told {
        let (key, record) = match told {
            Told::Manifest(shipment) => ("Manifest", manifest(shipment, *at)),
            Told::Event(shipment, package, event) => record(shipment, package, event),
            Told::Rescheduled(shipment, package, event) => {
                let mut moved = generic(shipment, package, event, "UD");
                put_rescheduled(&mut moved, shipment, package, event);
                ("Generic", moved)
            }
        };
        lists.entry(key).or_default().push(record);
    }
    for (key, list) in lists {
        put(&mut written, key, list.into());
    }
    written
}

/// The list that an event stands in, and what stands there.
fn record(shipment: &Shipment, package: &Package, event: &Event) -> (&'static str, Value) {
    let other = |activity: &str| ("Generic", generic(shipment, package, event, activity));
    match event.kind {
        EventKind::LabelCreated | EventKind::PickedUp => ("Origin", origin(shipment, package, event)),
        EventKind::Voided => other("VM"),
        EventKind::Departed => other("AG"),
        EventKind::Arrived => other("DS"),
        EventKind::OutForDelivery => other("OD"),
        EventKind::Returned => other("UR"),
        EventKind::Delivered | EventKind::AtAccessPoint => ("Delivery", delivery(shipment, package, event)),
        EventKind::WeatherDelay
        | EventKind::Attempted
        | EventKind::AddressNeeded
        | EventKind::Refused
        | EventKind::Damaged
        | EventKind::Returning => ("Exception", exception(shipment, package, event)),
    }
}

fn manifest(shipment: &Shipment, made: Timestamp) -> Value {
    let (date, time) = local(&shipment.origin, made);
    let package = |package: &Package| {
        json!({
            "Activity": [{ "Date": date, "Time": time }],
            "PackageWeight": { "Weight": weight(&package.weight) },
            "TrackingNumber": package.tracking_number,
            "ReferenceNumber": references(shipment),
        })
    };
    json!({
        "Shipper": { "Name": "Simulated Shipper", "ShipperNumber": shipment.account },
        "ShipTo": { "CompanyName": clipped(&shipment.consignee), "Address": address(shipment) },
        "ReferenceNumber": references(shipment),
        "Service": { "Code": format!("{:0>3}", shipment.service) },
        "PickupDate": date,
        "Package": shipment.packages.iter().map(package).collect::<Vec<_>>(),
        "BillToAccount": payer(shipment),
        "ConsigneeBillIndicator": "2",
        "CollectBillIndicator": "2",
    })
}

fn generic(shipment: &Shipment, package: &Package, event: &Event, activity: &str) -> Value {
    let (date, time) = local(&event.place, event.at);
    json!({
        "ActivityType": activity,
        "TrackingNumber": package.tracking_number,
        "ShipperNumber": shipment.account,
        "ShipmentReferenceNumber": references(shipment),
        "Activity": { "Date": date, "Time": time },
        "BillToAccount": payer(shipment),
    })
}

fn origin(shipment: &Shipment, package: &Package, event: &Event) -> Value {
    let mut written = scan(shipment, package, event);
    let promised = shipment.promised_at_first().strftime("%Y%m%d").to_string();
    put(&mut written, "ScheduledDeliveryDate", promised.into());
    written
}

fn exception(shipment: &Shipment, package: &Package, event: &Event) -> Value {
    let mut written = scan(shipment, package, event);
    let words = event.kind.wording();
    for (key, value) in [
        ("StatusCode", words.code),
        ("StatusDescription", words.simplified),
        ("ReasonCode", words.code),
        ("ReasonDescription", words.description),
    ] {
        put(&mut written, key, clipped(value).into());
    }
    if event.kind.delays() {
        put_rescheduled(&mut written, shipment, package, event);
    }
    written
}

fn delivery(shipment: &Shipment, package: &Package, event: &Event) -> Value {
    let mut written = scan(shipment, package, event);
    let mut location = json!({ "AddressArtifactFormat": place(&event.place) });
    if event.kind == EventKind::AtAccessPoint {
        put(&mut written, "AccessPointLocationID", "U00000001".into());
        put(&mut location, "Description", "ACCESS POINT".into());
    } else {
        put(&mut location, "Description", "FRONT DOOR".into());
        put(&mut location, "SignedForByName", SIGNED_BY.into());
    }
    put(&mut written, "DeliveryLocation", location);
    written
}

/// What origin scans, exceptions and deliveries have in common.
fn scan(shipment: &Shipment, package: &Package, event: &Event) -> Value {
    let (date, time) = local(&event.place, event.at);
    json!({
        "PackageReferenceNumber": references(shipment),
        "ShipmentReferenceNumber": references(shipment),
        "ShipperNumber": shipment.account,
        "TrackingNumber": package.tracking_number,
        "Date": date,
        "Time": time,
        "ActivityLocation": { "AddressArtifactFormat": place(&event.place) },
        "BillToAccount": payer(shipment),
    })
}

fn put_rescheduled(written: &mut Value, shipment: &Shipment, package: &Package, event: &Event) {
    if let Some(date) = shipment.rescheduled(package, event.at) {
        put(
            written,
            "RescheduledDeliveryDate",
            date.strftime("%Y%m%d").to_string().into(),
        );
    }
}

fn place(address: &Address) -> Value {
    let mut written = json!({ "PoliticalDivision2": clipped(&address.city), "CountryCode": address.country });
    if !address.state.is_empty() {
        put(&mut written, "PoliticalDivision1", address.state.clone().into());
    }
    written
}

/// Date and time at a place; no zone is told.
fn local(place: &Address, at: Timestamp) -> (String, String) {
    let there = at.to_zoned(place.time_zone());
    (
        there.strftime("%Y%m%d").to_string(),
        there.strftime("%H%M%S").to_string(),
    )
}

fn references(shipment: &Shipment) -> Value {
    let mut seen = BTreeSet::new();
    let own = shipment.references.iter().filter(|one| seen.insert(one.value.as_str()));
    let numbered = own.zip(1_u32..).map(|(one, number)| {
        let code = one.code.as_deref().unwrap_or("TN");
        json!({ "Number": number.to_string(), "Code": code, "Value": clipped(&one.value) })
    });
    numbered.collect()
}

fn payer(shipment: &Shipment) -> Value {
    json!({ "Option": "01", "Number": shipment.account })
}

fn address(shipment: &Shipment) -> Value {
    let to = &shipment.destination;
    let mut written = json!({ "CountryCode": to.country });
    let lines = to.lines.iter().zip(1_u32..).take(3);
    let lines = lines.map(|(line, number)| (format!("AddressLine{number}"), line.clone()));
    let postal = to.postal.replace([' ', '-'], "");
    let places = [
        ("City", &to.city),
        ("StateProvinceCode", &to.state),
        ("PostalCode", &postal),
    ];
    let places = places.into_iter().map(|(key, value)| (key.to_owned(), value.clone()));
    for (key, value) in lines.chain(places).filter(|(_, value)| !value.is_empty()) {
        put(&mut written, &key, clipped(&value).into());
    }
    written
}

/// Six characters, as the file wants them.
fn weight(pounds: &str) -> String {
    let value: f64 = pounds.parse().unwrap_or(1.0);
    format!("+{value:05.1}")
}

fn clipped(text: &str) -> String {
    text.chars().take(30).collect()
}
