//! Creating shipments (`POST /api/shipments/v2409/ship`), by `Shipping.yaml`: one call that checks and bills.
//!
//! Quirks: there is no idempotency of any kind, so the same request twice is two billed shipments; negotiated charges
//! come beside the published ones and only when asked for and granted; the international form may be left out.

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State as Shared;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Ups;
use super::answer::{Refusal, Reply, head, put, shaped};
use super::call::Call;
use super::journey::{Event, EventKind};
use super::labels::{form, shipping_label};
use super::model::{Package, Reference, Shipment, State};
use super::prices::{Load, PackagePrice, Quote, money, quote, services};
use super::read::{many, owned, present, text};
use super::ship_rules::{Draft, load_of};

/// Checks and bills a shipment and answers with its labels.
pub(super) async fn ship(Shared(ups): Shared<Ups>, call: Call) -> Reply {
    let now = ups.now();
    let draft = Draft::of(&call.body)?;
    let validates_city = text(draft.request, "Request.RequestOption") == Some("validate")
        || call.parameter("additionaladdressvalidation") == Some("city");
    draft.check(validates_city, now.to_zoned(TimeZone::UTC).date())?;
    let mut state = ups.state();
    check_accounts(&state, &draft, &call)?;
    let loads = draft
        .packages
        .iter()
        .map(|package| load_of(package))
        .collect::<Result<Vec<_>, _>>()?;
    let quote = price(&draft, &loads)?;
    let negotiated = present(draft.shipment, "ShipmentRatingOptions.NegotiatedRatesIndicator");
    let granted = negotiated && state.options.negotiated_rates;
    let shipment = book(&mut state, &draft, &call, &quote, granted, now);
    let mut answer = answer(&draft, &shipment, &quote, &alerts(&loads, negotiated && !granted));
    if granted {
        put_result(
            &mut answer,
            "NegotiatedRateCharges",
            json!({ "TotalCharge": money(quote.negotiated()) }),
        );
    }
    if present(draft.shipment, "ShipmentServiceOptions.InternationalForms") && !state.options.omit_form {
        put_result(&mut answer, "Form", form(&shipment));
    }
    Ok(shaped(answer, &state.options))
}

fn check_accounts(state: &State, draft: &Draft<'_>, call: &Call) -> Result<(), Refusal> {
    if !call.client.may_use(&draft.account) {
        return Err(Refusal::bad(
            "120121",
            "The shipper number may not be used by this user",
        ));
    }
    let unbillable = |account: &str| {
        state
            .options
            .unbillable_accounts
            .iter()
            .any(|other| other.eq_ignore_ascii_case(account))
    };
    for charge in many(draft.shipment, "PaymentInformation.ShipmentCharge") {
        for payer in ["BillShipper", "BillReceiver", "BillThirdParty"] {
            if unbillable(&owned(charge, &format!("{payer}.AccountNumber"))) {
                return Err(Refusal::bad("120413", "The account cannot be billed"));
            }
        }
    }
    Ok(())
}

fn price(draft: &Draft<'_>, loads: &[Load]) -> Result<Quote, Refusal> {
    let code = text(draft.shipment, "Service.Code").unwrap_or_default();
    let service = services(&draft.origin, &draft.destination).find(|service| service.code == code);
    let service = service.ok_or_else(|| Refusal::bad("120500", "Missing or invalid service code"))?;
    let residential = present(draft.shipment, "ShipTo.Address.ResidentialAddressIndicator");
    Ok(quote(service, &draft.origin, &draft.destination, loads, residential))
}

fn book(
    state: &mut State,
    draft: &Draft<'_>,
    call: &Call,
    quote: &Quote,
    negotiated: bool,
    now: Timestamp,
) -> Shipment {
    let packages: Vec<Package> = draft
        .packages
        .iter()
        .map(|package| parcel(state, draft, package, now))
        .collect();
    let shipment = Shipment {
        id: packages
            .first()
            .map(|package| package.tracking_number.clone())
            .unwrap_or_default(),
        account: draft.account.clone(),
        service: quote.service.code.to_owned(),
        context: text(draft.request, "Request.TransactionReference.CustomerContext").map(str::to_owned),
        references: references(draft),
        origin: draft.origin.clone(),
        destination: draft.destination.clone(),
        consignee: owned(draft.shipment, "ShipTo.Name"),
        packages,
        list_charge: quote.total(),
        charge: if negotiated { quote.negotiated() } else { quote.total() },
        request_hash: HEXLOWER.encode(digest(&SHA256, &call.raw).as_ref()),
        billed_at: now,
    };
    state.shipments.push(shipment.clone());
    for package in &shipment.packages {
        state.announce(&package.tracking_number);
    }
    shipment
}

fn parcel(state: &mut State, draft: &Draft<'_>, package: &Value, now: Timestamp) -> Package {
    let service = text(draft.shipment, "Service.Code").unwrap_or_default();
    let created = Event {
        kind: EventKind::LabelCreated,
        at: now,
        place: draft.origin.clone(),
    };
    Package {
        tracking_number: state.next_number(&draft.account, service),
        weight: text(package, "PackageWeight.Weight").unwrap_or("0").to_owned(),
        weight_unit: text(package, "PackageWeight.UnitOfMeasurement.Code")
            .unwrap_or("LBS")
            .to_owned(),
        voided_at: None,
        events: vec![created],
    }
}

/// The references of the shipment and of all its packages, each once.
fn references(draft: &Draft<'_>) -> Vec<Reference> {
    let on_packages = draft
        .packages
        .iter()
        .flat_map(|package| many(package, "ReferenceNumber"));
    let mut found: Vec<Reference> = Vec::new();
    for reference in many(draft.shipment, "ReferenceNumber").into_iter().chain(on_packages) {
        let reference = Reference {
            code: text(reference, "Code").map(str::to_owned),
            value: owned(reference, "Value"),
        };
        if !found.contains(&reference) {
            found.push(reference);
        }
    }
    found
}

fn alerts(loads: &[Load], negotiated_refused: bool) -> Vec<(&'static str, String)> {
    let mut alerts = vec![(
        "120971",
        "Your invoice may vary from the displayed reference rates".to_owned(),
    )];
    if negotiated_refused {
        alerts.push((
            "120900",
            "User Id and Shipper Number combination is not qualified to receive negotiated rates.".to_owned(),
        ));
    }
    for (number, _) in (1..).zip(loads).filter(|(_, load)| load.needs_handling()) {
        alerts.push((
            "129001",
            format!("Additional Handling has automatically been set on Package {number}."),
        ));
    }
    alerts
}

fn answer(draft: &Draft<'_>, shipment: &Shipment, quote: &Quote, alerts: &[(&str, String)]) -> Value {
    let format = text(draft.request, "LabelSpecification.LabelImageFormat.Code").unwrap_or("GIF");
    let packages = shipment.packages.iter().zip(&quote.packages);
    let packages: Vec<Value> = packages
        .map(|(package, price)| package_result(format, shipment, package, price))
        .collect();
    json!({ "ShipmentResponse": {
        "Response": head(draft.request, alerts),
        "ShipmentResults": {
            "ShipmentCharges": charges(quote),
            "BillingWeight": billing_weight(quote.billing_pounds),
            "ShipmentIdentificationNumber": shipment.id,
            "PackageResults": packages,
        },
    } })
}

fn charges(quote: &Quote) -> Value {
    let mut fuel = money(quote.sum(|package| package.fuel));
    put(&mut fuel, "Code", "375".into());
    json!({
        "BaseServiceCharge": money(quote.sum(|package| package.base)),
        "TransportationCharges": money(quote.sum(PackagePrice::transportation)),
        "ItemizedCharges": [fuel],
        "ServiceOptionsCharges": money(quote.sum(|package| package.options)),
        "TotalCharges": money(quote.total()),
    })
}

fn billing_weight(pounds: Decimal) -> Value {
    json!({ "UnitOfMeasurement": { "Code": "LBS", "Description": "Pounds" }, "Weight": format!("{pounds:.1}") })
}

fn package_result(format: &str, shipment: &Shipment, package: &Package, price: &PackagePrice) -> Value {
    json!({
        "TrackingNumber": package.tracking_number,
        "BaseServiceCharge": money(price.base),
        "ServiceOptionsCharges": money(price.options),
        "ShippingLabel": shipping_label(format, shipment, package),
    })
}

fn put_result(answer: &mut Value, key: &str, value: Value) {
    if let Some(results) = answer.pointer_mut("/ShipmentResponse/ShipmentResults") {
        put(results, key, value);
    }
}
