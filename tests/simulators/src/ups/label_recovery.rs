//! Label recovery (`POST /api/labels/v1903/recovery`), part of `Shipping.yaml`: the way back to a shipment whose
//! creation was never answered.
//!
//! Quirks: 300007 also means "not yet"; several matches come as `TrackingCandidate` without labels; a single package
//! has been seen as an object and the format in lower case ([`super::Options`] turns these on); as PDF only the first
//! package has an image.

use axum::extract::State as Shared;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{Refusal, Reply, head, put, shaped};
use super::call::Call;
use super::labels::{RECOVERY_FORMATS, form, html_page, image};
use super::model::{Package, Shipment, State};
use super::read::{at, present, text};
use super::{Options, Ups};

/// Finds a shipment by tracking number or by reference and gives its labels again.
pub(super) async fn recover(Shared(ups): Shared<Ups>, call: Call) -> Reply {
    let now = ups.now();
    let mut state = ups.state();
    state.progress(now);
    let request = at(&call.body, "LabelRecoveryRequest").ok_or_else(|| Refusal::missing("LabelRecoveryRequest"))?;
    let format = format_of(request)?;
    let seen_at = state.indexed_until(now, call.stale);
    let found = find(&state, request, &call, seen_at)?;
    let answer = match found.as_slice() {
        [] => return Err(not_found()),
        [one] => labels(request, one, &format, &state.options)?,
        several => candidates(request, several, &state.options)?,
    };
    Ok(shaped(json!({ "LabelRecoveryResponse": answer }), &state.options))
}

fn not_found() -> Refusal {
    Refusal::bad(
        "300007",
        "The shipment was not found; check the data or wait until the shipment is processed",
    )
}

fn format_of(request: &Value) -> Result<String, Refusal> {
    let format = text(request, "LabelSpecification.LabelImageFormat.Code")
        .unwrap_or("GIF")
        .to_uppercase();
    if RECOVERY_FORMATS.contains(&format.as_str()) {
        Ok(format)
    } else {
        Err(Refusal::bad("300014", "Invalid label image format"))
    }
}

fn find<'a>(state: &'a State, request: &Value, call: &Call, seen_at: Timestamp) -> Result<Vec<&'a Shipment>, Refusal> {
    if present(request, "Translate") && present(request, "Locale") {
        return Err(Refusal::invalid("Locale"));
    }
    let found: Vec<&Shipment> = match text(request, "TrackingNumber") {
        Some(number) => state
            .with_number(number)
            .filter(|shipment| shipment.billed_at <= seen_at)
            .into_iter()
            .collect(),
        None => by_reference(state, request, seen_at)?,
    };
    let own: Vec<&Shipment> = found
        .into_iter()
        .filter(|shipment| call.client.may_use(&shipment.account))
        .collect();
    let live: Vec<&Shipment> = own.iter().copied().filter(|shipment| !shipment.is_voided()).collect();
    if live.is_empty() && !own.is_empty() {
        return Err(Refusal::bad("300033", "The shipment has been voided"));
    }
    Ok(live)
}

fn by_reference<'a>(state: &'a State, request: &Value, seen_at: Timestamp) -> Result<Vec<&'a Shipment>, Refusal> {
    if !present(request, "ReferenceValues") {
        return Err(Refusal::bad(
            "300005",
            "A tracking number, or a reference number and shipper number, is required",
        ));
    }
    let value = text(request, "ReferenceValues.ReferenceNumber.Value").filter(|value| value.len() <= 35);
    let value = value.ok_or_else(|| Refusal::bad("300030", "Missing or invalid reference number"))?;
    let account = text(request, "ReferenceValues.ShipperNumber").filter(|account| account.len() == 6);
    let account = account.ok_or_else(|| Refusal::bad("300031", "Missing or invalid shipper number"))?;
    let mut found = state.with_reference(value, seen_at);
    found.retain(|shipment| shipment.account.eq_ignore_ascii_case(account));
    Ok(found)
}

fn labels(request: &Value, shipment: &Shipment, format: &str, options: &Options) -> Result<Value, Refusal> {
    if shipment.packages.len() > 100 {
        return Err(Refusal::bad(
            "300003",
            "Labels of shipments with more than 100 packages cannot be recovered",
        ));
    }
    if shipment.packages.iter().any(Package::is_delivered) {
        return Err(Refusal::bad(
            "300002",
            "The label is not available: the package has already been delivered",
        ));
    }
    // The number of the shipment asks for all of it, the number of another package for that package.
    let only = text(request, "TrackingNumber").filter(|number| *number != shipment.id);
    let wanted = |package: &&Package| only.is_none_or(|number| package.tracking_number == number);
    let live = shipment
        .packages
        .iter()
        .filter(|package| package.voided_at.is_none())
        .filter(wanted)
        .enumerate();
    let results: Vec<Value> = live
        .map(|(place, package)| result(shipment, package, format, place, options))
        .collect();
    let mut answer = json!({ "Response": head(request, &[]), "ShipmentIdentificationNumber": shipment.id });
    let single = if let [one] = results.as_slice() {
        options.single_label_as_object.then(|| one.clone())
    } else {
        None
    };
    put(&mut answer, "LabelResults", single.unwrap_or(Value::Array(results)));
    if shipment.origin.territory() != shipment.destination.territory() && !options.omit_form {
        let image = form(shipment).get("Image").cloned().unwrap_or_default();
        put(&mut answer, "Form", json!({ "Image": image }));
    }
    Ok(answer)
}

fn result(shipment: &Shipment, package: &Package, format: &str, place: usize, options: &Options) -> Value {
    let mut result = json!({ "TrackingNumber": package.tracking_number });
    if format != "PDF" || place == 0 {
        let code = if options.lower_case_format {
            format.to_lowercase()
        } else {
            format.to_owned()
        };
        let mut label =
            json!({ "LabelImageFormat": { "Code": code }, "GraphicImage": image(format, shipment, package) });
        if format == "GIF" {
            put(&mut label, "HTMLImage", html_page(package).into());
        }
        put(&mut result, "LabelImage", label);
    }
    result
}

fn candidates(request: &Value, several: &[&Shipment], options: &Options) -> Result<Value, Refusal> {
    if options.refuse_several_matches {
        return Err(Refusal::bad("300001", "Multiple shipments were found"));
    }

    let listed: Vec<Value> = several.iter().map(|shipment| candidate(shipment)).collect();
    Ok(json!({ "Response": head(request, &[]), "LabelResults": [], "TrackingCandidate": listed }))
}

fn candidate(shipment: &Shipment) -> Value {
    let until = shipment
        .billed_at
        .saturating_add(SignedDuration::from_hours(30 * 24))
        .unwrap_or(Timestamp::MAX);
    json!({
        "TrackingNumber": shipment.id,
        "DestinationPostalCode": shipment.destination.postal.replace([' ', '-'], ""),
        "DestinationCountryCode": shipment.destination.country,
        "PickupDateRange": {
            "BeginDate": shipment.billed_at.strftime("%Y%m%d").to_string(),
            "EndDate": until.strftime("%Y%m%d").to_string(),
        },
    })
}
