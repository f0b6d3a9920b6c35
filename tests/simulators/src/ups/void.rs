//! Voiding shipments and packages (`DELETE /api/shipments/v2409/void/cancel/{shipment}`), by `Shipping.yaml`.
//!
//! Quirks: `trackingnumber` takes one number or a JSON list of them; the package list is called `PackageLevelResults`
//! by the file and `PackageLevelResult` in answers that people have seen.

use axum::extract::{Path, State as Shared};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Ups;
use super::answer::{Refusal, Reply, head, put, shaped};
use super::call::Call;
use super::journey::EventKind;
use super::model::{Shipment, State};
use super::number::is_tracking_number;

/// Voids a shipment, or some of its packages.
pub(super) async fn cancel(Shared(ups): Shared<Ups>, Path(id): Path<String>, call: Call) -> Reply {
    let now = ups.now();
    let mut state = ups.state();
    state.progress(now);
    if !is_tracking_number(&id) {
        return Err(Refusal::bad("190100", "Invalid shipment identification number"));
    }
    let wanted = wanted_numbers(call.parameter("trackingnumber"))?;
    check_voidable(&state, &id, &call, now)?;
    let singular = state.options.void_result_singular;
    let numbers = numbers_to_void(state.with_number(&id).ok_or_else(no_shipment)?, &wanted)?;
    for number in &numbers {
        void_package(&mut state, number, now);
    }
    let answer = answer(&numbers, singular);
    Ok(shaped(answer, &state.options))
}

fn no_shipment() -> Refusal {
    Refusal::bad("190102", "No shipment found within the allowed void period")
}

/// The numbers in the query: one, or a JSON list of up to twenty.
fn wanted_numbers(parameter: Option<&str>) -> Result<Vec<String>, Refusal> {
    let Some(text) = parameter else { return Ok(Vec::new()) };
    let bad = || Refusal::bad("190109", "Invalid tracking number");
    let numbers = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|_| bad())?
    } else {
        vec![text.to_owned()]
    };
    if numbers.len() > 20 {
        return Err(Refusal::bad(
            "190111",
            "The number of tracking numbers exceeds the limit",
        ));
    }
    if numbers.iter().all(|number| is_tracking_number(number)) {
        Ok(numbers)
    } else {
        Err(bad())
    }
}

fn check_voidable(state: &State, id: &str, call: &Call, now: Timestamp) -> Result<(), Refusal> {
    let shipment = state
        .shipments
        .iter()
        .find(|shipment| shipment.id == id)
        .ok_or_else(no_shipment)?;
    let window = SignedDuration::from_hours(24 * i64::from(state.options.void_window_days));
    if !call.client.may_use(&shipment.account) || now.duration_since(shipment.billed_at) > window {
        return Err(no_shipment());
    }
    if shipment.is_voided() {
        return Err(Refusal::bad("190117", "The shipment has already been voided"));
    }
    if shipment.packages.iter().any(super::Package::is_delivered) {
        return Err(Refusal::bad("190101", "Time for voiding has expired."));
    }
    Ok(())
}

fn numbers_to_void(shipment: &Shipment, wanted: &[String]) -> Result<Vec<String>, Refusal> {
    let own: Vec<String> = shipment
        .packages
        .iter()
        .map(|package| package.tracking_number.clone())
        .collect();
    if wanted.is_empty() {
        return Ok(own);
    }
    if shipment.origin.country != shipment.destination.country && wanted.len() < own.len() {
        return Err(Refusal::bad(
            "190113",
            "International shipments cannot be voided at package level",
        ));
    }
    let belongs = wanted.iter().all(|number| own.contains(number));
    if belongs {
        Ok(wanted.to_vec())
    } else {
        Err(Refusal::bad("190109", "Invalid tracking number"))
    }
}

fn void_package(state: &mut State, number: &str, now: Timestamp) {
    let packages = state
        .with_number_mut(number)
        .map(|shipment| shipment.packages.iter_mut());
    let live = packages
        .into_iter()
        .flatten()
        .find(|package| package.tracking_number == number && package.voided_at.is_none());
    if let Some(package) = live {
        package.voided_at = Some(now);
        state.happen(number, EventKind::Voided, now);
    }
}

fn answer(numbers: &[String], singular: bool) -> Value {
    let status = json!({ "Code": "1", "Description": "Voided" });
    let mut answer = json!({ "Response": head(&Value::Null, &[]), "SummaryResult": { "Status": status } });
    let key = if singular {
        "PackageLevelResult"
    } else {
        "PackageLevelResults"
    };
    let results = numbers
        .iter()
        .map(|number| json!({ "TrackingNumber": number, "Status": status }));
    put(&mut answer, key, results.collect());
    json!({ "VoidShipmentResponse": answer })
}
