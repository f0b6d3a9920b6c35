//! Tracking (`GET /api/track/v1/...`), by `Tracking.yaml`: by number, by shipment, by reference.
//!
//! Quirks: keys are lower camel case; `transId` and `transactionSrc` are required; an unknown number is a 404 or a 200
//! with the warning TW0001; descriptions have trailing blanks; local times come without an offset beside GMT ones, whose form
//! is loose; a parcel that was held up shows the new date beside the first one.

use axum::Json;
use axum::extract::{Path, State as Shared};
use http::StatusCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{Refusal, Reply, put, shaped};
use super::call::Call;
use super::journey::{Event, EventKind, SIGNED_BY};
use super::model::{Package, Shipment, State};
use super::places::Address;
use super::{NotFound, Options, Ups};

/// How long tracking data is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(120 * 24);

/// One package.
pub(super) async fn by_number(Shared(ups): Shared<Ups>, Path(number): Path<String>, call: Call) -> Reply {
    call.require_transaction_headers()?;
    let number = checked_number(&number)?;
    let state = looked_up(&ups);
    let Some(shipment) = kept(&state, &number, &ups, &call) else {
        return missing(&state, &number);
    };
    let packages = shipment
        .packages
        .iter()
        .filter(|package| package.tracking_number == number);
    let packages = packages
        .map(|package| package_view(shipment, package, &call, &state.options))
        .collect();
    Ok(answer(&state, vec![shipment_view(&number, packages)]))
}

/// Every package of the shipment that a number belongs to, in pages.
pub(super) async fn by_shipment(Shared(ups): Shared<Ups>, Path(number): Path<String>, call: Call) -> Reply {
    call.require_transaction_headers()?;
    let number = checked_number(&number)?;
    let state = looked_up(&ups);
    let Some(shipment) = kept(&state, &number, &ups, &call) else {
        return missing(&state, &number);
    };
    let parameter = |name: &str, otherwise: usize| {
        call.parameter(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    };
    let page = shipment
        .packages
        .iter()
        .skip(parameter("offset", 0))
        .take(parameter("count", 50));
    let packages = page
        .map(|package| package_view(shipment, package, &call, &state.options))
        .collect();
    Ok(answer(&state, vec![shipment_view(&number, packages)]))
}

/// Every shipment with a reference value in a window of dates.
pub(super) async fn by_reference(Shared(ups): Shared<Ups>, Path(reference): Path<String>, call: Call) -> Reply {
    call.require_transaction_headers()?;
    let state = looked_up(&ups);
    let window = window_of(&call, ups.now())?;
    let mut found = state.with_reference(&reference, state.indexed_until(ups.now(), call.stale));
    found.retain(|shipment| window.holds(shipment) && call.client.may_use(&shipment.account));
    if let Some(account) = call.parameter("shippernum") {
        found.retain(|shipment| shipment.account.eq_ignore_ascii_case(account));
    }
    refuse_several_shippers(&found)?;
    if found.is_empty() {
        return missing(&state, &reference);
    }
    let views = found.into_iter().map(|shipment| {
        let packages = shipment
            .packages
            .iter()
            .map(|package| package_view(shipment, package, &call, &state.options))
            .collect();
        shipment_view(&reference, packages)
    });
    Ok(answer(&state, views.collect()))
}

fn looked_up(ups: &Ups) -> std::sync::MutexGuard<'_, State> {
    let now = ups.now();
    let mut state = ups.state();
    state.progress(now);
    state
}

fn checked_number(number: &str) -> Result<String, Refusal> {
    let plain = number.len() >= 7 && number.len() <= 34 && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain {
        Ok(number.to_uppercase())
    } else {
        Err(Refusal::bad("TV1002", "Invalid inquiry number"))
    }
}

fn kept<'a>(state: &'a State, number: &str, ups: &Ups, call: &Call) -> Option<&'a Shipment> {
    let shipment = state.with_number(number)?;
    let age = ups.now().duration_since(shipment.billed_at);
    (age <= KEPT && age >= call.stale).then_some(shipment)
}

fn missing(state: &State, number: &str) -> Reply {
    const TEXT: &str = "Tracking Information Not Found";
    match state.options.not_found {
        NotFound::Http404 => Err(Refusal::new(StatusCode::NOT_FOUND, "TW0001", TEXT)),
        NotFound::Warning => {
            let warning = json!({ "code": "TW0001", "message": TEXT });
            Ok(answer(
                state,
                vec![json!({ "inquiryNumber": number, "warnings": [warning] })],
            ))
        }
    }
}

fn answer(state: &State, shipments: Vec<Value>) -> Json<Value> {
    shaped(json!({ "trackResponse": { "shipment": shipments } }), &state.options)
}

struct Window {
    from: Date,
    to: Date,
}

impl Window {
    fn holds(&self, shipment: &Shipment) -> bool {
        let date = shipment.billed_at.to_zoned(TimeZone::UTC).date();
        self.from <= date && date <= self.to
    }
}

fn window_of(call: &Call, now: Timestamp) -> Result<Window, Refusal> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let given = |name: &str, otherwise: Date| match call.parameter(name) {
        Some(text) => Date::strptime("%Y%m%d", text).map_err(|_| Refusal::bad("TV1002", format!("Invalid {name}"))),
        None => Ok(otherwise),
    };
    let fortnight_ago = today.saturating_sub(jiff::Span::new().days(14));
    Ok(Window {
        from: given("frompickupdate", fortnight_ago)?,
        to: given("topickupdate", today)?,
    })
}

fn refuse_several_shippers(found: &[&Shipment]) -> Result<(), Refusal> {
    let first = found.first().map(|shipment| shipment.account.as_str());
    let same = found.iter().all(|shipment| Some(shipment.account.as_str()) == first);
    if same {
        Ok(())
    } else {
        Err(Refusal::bad("151085", "Multiple shipper numbers found"))
    }
}

fn shipment_view(inquiry: &str, packages: Vec<Value>) -> Value {
    json!({ "inquiryNumber": inquiry, "userRelation": ["SHIPPER"], "package": packages })
}

fn package_view(shipment: &Shipment, package: &Package, call: &Call, options: &Options) -> Value {
    let (service_code, service_level) = service_numbers(&shipment.service);
    let mut view = json!({
        "trackingNumber": package.tracking_number,
        "packageCount": shipment.packages.len(),
        "activity": package.events.iter().rev().map(|event| activity(event, options)).collect::<Vec<_>>(),
        "referenceNumber": shipment.references.iter().map(reference).collect::<Vec<_>>(),
        "service": { "code": service_code, "levelCode": service_level, "description": service_name(&shipment.service) },
        "weight": { "unitOfMeasurement": package.weight_unit, "weight": package.weight },
        "packageAddress": [
            { "type": "ORIGIN", "name": "", "address": track_address(&shipment.origin) },
            { "type": "DESTINATION", "name": "", "address": track_address(&shipment.destination) },
        ],
    });
    if let Some(last) = package.events.last() {
        put(&mut view, "currentStatus", status(last.kind));
    }
    describe_delivery(&mut view, shipment, package, call);
    if call.parameter("returnmilestones") == Some("true") {
        put(&mut view, "milestones", milestones(package));
    }
    view
}

fn describe_delivery(view: &mut Value, shipment: &Shipment, package: &Package, call: &Call) {
    let delivered = package.events.iter().find(|event| event.kind == EventKind::Delivered);
    let Some(event) = delivered else {
        let dated = |kind: &str, date: Date| json!({ "type": kind, "date": date.strftime("%Y%m%d").to_string() });
        let promised = dated("SDD", shipment.promised_at_first());
        let moved = shipment.rescheduled(package, Timestamp::MAX);
        let moved = moved.map(|date| dated("RDD", date));
        put(view, "deliveryDate", std::iter::once(promised).chain(moved).collect());
        put(
            view,
            "deliveryTime",
            json!({ "type": "EOD", "startTime": "", "endTime": "230000" }),
        );
        return;
    };
    let at = local(event.at, &event.place);
    put(
        view,
        "deliveryDate",
        json!([{ "type": "DEL", "date": at.strftime("%Y%m%d").to_string() }]),
    );
    put(
        view,
        "deliveryTime",
        json!({ "type": "DEL", "startTime": "", "endTime": at.strftime("%H%M%S").to_string() }),
    );
    let mut information = json!({ "location": "Front Door", "receivedBy": SIGNED_BY });
    if call.parameter("returnsignature") == Some("true") {
        put(
            &mut information,
            "signature",
            json!({ "image": "R0lGODlhAQABAAAAACw=" }),
        );
    }
    if call.parameter("returnpod") == Some("true") {
        put(
            &mut information,
            "pod",
            json!({ "content": "PGh0bWw+UHJvb2Ygb2YgRGVsaXZlcnk8L2h0bWw+" }),
        );
    }
    put(view, "deliveryInformation", information);
}

fn local(at: Timestamp, place: &Address) -> jiff::Zoned {
    at.to_zoned(place.time_zone())
}

fn activity(event: &Event, options: &Options) -> Value {
    let at = local(event.at, &event.place);
    let gmt = event.at.to_zoned(TimeZone::UTC);
    json!({
        "location": { "address": scan_address(event), "slic": "0761" },
        "status": status(event.kind),
        "date": at.strftime("%Y%m%d").to_string(),
        "time": at.strftime("%H%M%S").to_string(),
        "gmtDate": gmt.strftime("%Y%m%d").to_string(),
        "gmtTime": gmt_time(&gmt, options),
        "gmtOffset": at.strftime("%:z").to_string(),
    })
}

/// With colons; in the loose form the hours before ten lose their zero and the colons with it.
fn gmt_time(gmt: &jiff::Zoned, options: &Options) -> String {
    let digits = gmt.strftime("%H%M%S").to_string();
    match digits.strip_prefix('0').filter(|_| options.loose_gmt_time) {
        Some(shortened) => shortened.to_owned(),
        None => gmt.strftime("%H:%M:%S").to_string(),
    }
}

fn status(kind: EventKind) -> Value {
    let words = kind.wording();
    json!({
        "type": words.r#type,
        "description": words.description,
        "simplifiedTextDescription": words.simplified,
        "code": words.code,
        "statusCode": words.status_code,
    })
}

/// Billing events name only the country.
fn scan_address(event: &Event) -> Value {
    if event.kind.is_about_billing() {
        return json!({ "countryCode": event.place.country, "country": event.place.country });
    }
    json!({
        "city": event.place.city.to_uppercase(),
        "stateProvince": event.place.state,
        "postalCode": "",
        "countryCode": event.place.country,
        "country": event.place.country,
    })
}

fn track_address(address: &Address) -> Value {
    json!({
        "city": address.city.to_uppercase(),
        "stateProvince": address.state,
        "postalCode": address.postal,
        "countryCode": address.country,
        "country": address.country,
    })
}

fn reference(reference: &super::Reference) -> Value {
    json!({ "type": "PACKAGE", "number": reference.value })
}

fn milestones(package: &Package) -> Value {
    let last = package.events.len();
    let milestone = |(place, event): (usize, &Event)| {
        let words = event.kind.wording();
        json!({
            "code": words.status_code,
            "current": place + 1 == last,
            "state": "complete",
            "description": words.simplified,
            "category": words.r#type,
            "linkedActivity": (last - place - 1).to_string(),
        })
    };
    package.events.iter().enumerate().map(milestone).collect()
}

/// Tracking numbers services differently from shipping: its own code, and a level of three digits.
fn service_numbers(service: &str) -> (&'static str, &'static str) {
    match service {
        "01" => ("501", "001"),
        "02" => ("502", "002"),
        "03" => ("518", "011"),
        "07" => ("507", "007"),
        "08" => ("508", "008"),
        "11" => ("568", "068"),
        "12" => ("512", "012"),
        _ => ("599", "099"),
    }
}

fn service_name(service: &str) -> &'static str {
    match service {
        "01" => "UPS Next Day Air",
        "02" => "UPS 2nd Day Air",
        "03" => "UPS Ground",
        "07" => "UPS Worldwide Express",
        "08" => "UPS Worldwide Expedited",
        "11" => "UPS Standard",
        "12" => "UPS 3 Day Select",
        _ => "UPS Service",
    }
}
