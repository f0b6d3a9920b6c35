//! What ShipStation holds, as V2 writes it.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::answer::{number, se};
use super::super::model::{
    Address, Batch, Fulfilment, Label, Order, Package, Part, PartState, Scan, ScanEvent, Standing, State,
};
use super::super::numbers::tracking_url;
use super::super::options::{Carrier, Options, Place, TrackCodes};
use super::super::times::{utc, utc_day};

/// A part of an order: a shipment.
pub(super) fn shipment(state: &State, order: &Order, part: &Part) -> Value {
    let from = &state.options.warehouse;
    let carrier = order.carrier.as_deref().and_then(|code| state.options.carrier(code));
    let weight = weight_of(order, part);
    json!({
        "shipment_id": se(part.id),
        "external_shipment_id": external_id(order, part),
        "shipment_number": part.number,
        "external_order_id": order.external_order_id,
        "store_id": se(order.store),
        "shipment_status": status(state, order, part),
        "created_at": utc(order.created_at),
        "modified_at": utc(order.modified_at),
        "hold_until_date": order.hold_until.map(utc),
        "ship_date": order.ship_date.map(utc_day),
        "carrier_id": carrier.map(|carrier| se(carrier.id)),
        "service_code": order.service,
        "requested_shipment_service": order.requested_service,
        "ship_to": address(&order.ship_to),
        "ship_from": address(&from.address),
        "return_to": address(&from.address),
        "warehouse_id": se(from.id),
        "is_return": false,
        "confirmation": "none",
        "insurance_provider": "none",
        "customs": null,
        "items": items(order, part),
        "packages": [{
            "package_code": "package",
            "weight": ounces(weight),
            "insured_value": money(Decimal::ZERO, &order.currency),
        }],
        "total_weight": ounces(weight),
        "amount_paid": money(order.amount_paid, &order.currency),
        "shipping_paid": money(order.shipping_paid, &order.currency),
        "tax_paid": money(order.tax_paid, &order.currency),
        "notes_from_buyer": order.notes_from_buyer,
        "is_gift": false,
        "tags": tags(state, order),
        "advanced_options": {
            "custom_field1": order.custom_fields[0],
            "custom_field2": order.custom_fields[1],
            "custom_field3": order.custom_fields[2],
            "contains_alcohol": false,
            "non_machinable": false,
            "saturday_delivery": false,
        },
    })
}

fn external_id(order: &Order, part: &Part) -> String {
    if part.id == order.id {
        order.key.clone()
    } else {
        se(part.id)
    }
}

/// V2's word for where a part stands.
pub(super) fn status<'a>(state: &'a State, order: &Order, part: &Part) -> &'a str {
    match (order.standing, part.state) {
        (Standing::Cancelled, _) => "cancelled",
        (_, PartState::Labelled(_)) => "label_purchased",
        (_, PartState::Fulfilled(_)) => &state.options.fulfilled_status,
        (Standing::Shipped, _) => "label_purchased",
        (Standing::PendingFulfillment, _) => "processing",
        _ => "pending",
    }
}

fn items(order: &Order, part: &Part) -> Vec<Value> {
    let taken = part
        .takes
        .iter()
        .filter_map(|(id, count)| Some((order.line(*id)?, *count)));
    taken
        .map(|(line, count)| {
            json!({
                "name": line.name,
                "sku": line.sku,
                "quantity": count,
                "unit_price": number(line.unit_price),
                "tax_amount": number(line.tax),
                "shipping_amount": number(line.shipping),
                "weight": line.weight.map(ounces),
                "sales_order_id": order.id.to_string(),
                "sales_order_item_id": line.id.to_string(),
                "external_order_id": line.external_order_id,
                "external_order_item_id": line.key,
                "item_id": line.id.to_string(),
                "options": [],
                "fullfilment_sku": null,
            })
        })
        .collect()
}

fn tags(state: &State, order: &Order) -> Vec<Value> {
    let own = state.tags.iter().filter(|tag| order.tags.contains(&tag.id));
    own.map(|tag| json!({ "name": tag.name })).collect()
}

fn weight_of(order: &Order, part: &Part) -> Decimal {
    let whole = part.takes == order.all();
    let lines = part.takes.iter().filter_map(|(id, count)| {
        let one = order.line(*id)?.weight?;
        Some(one * Decimal::from(*count))
    });
    let sum: Decimal = lines.sum();
    let weight = if whole && !order.weight.is_zero() {
        order.weight
    } else {
        sum
    };
    weight.max(Decimal::from(2))
}

fn ounces(weight: Decimal) -> Value {
    json!({ "value": number(weight), "unit": "ounce" })
}

fn money(amount: Decimal, currency: &str) -> Value {
    json!({ "currency": currency, "amount": number(amount) })
}

/// An address.
pub(super) fn address(address: &Address) -> Value {
    json!({
        "name": address.name,
        "phone": address.phone,
        "email": address.email,
        "company_name": address.company,
        "address_line1": address.line(0),
        "address_line2": address.line(1),
        "address_line3": address.line(2),
        "city_locality": address.city,
        "state_province": address.state,
        "postal_code": address.postal_code,
        "country_code": address.country,
        "address_residential_indicator": match address.residential {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        },
    })
}

/// A label.
pub(super) fn label(state: &State, label: &Label) -> Value {
    let found = state.part_of(label.order, label.part);
    let carrier = state.options.carrier(&label.carrier);
    let currency = found.map_or("usd", |(order, _)| order.currency.as_str());
    let international = found.is_some_and(|(order, _)| order.ship_to.country != "US");
    json!({
        "label_id": se(label.id),
        "status": if label.voided_at.is_some() { "voided" } else { "completed" },
        "shipment_id": se(label.part),
        "external_shipment_id": found.map(|(order, part)| external_id(order, part)),
        "external_order_id": found.and_then(|(order, _)| order.external_order_id.clone()),
        "ship_date": utc_day(label.created_at),
        "created_at": utc(label.created_at),
        "shipment_cost": money(label.cost, currency),
        "insurance_cost": money(Decimal::ZERO, currency),
        "tracking_number": label.tracking_number(),
        "is_return_label": label.returns.is_some(),
        "rma_number": null,
        "is_international": international,
        "batch_id": se(label.batch),
        "carrier_id": carrier.map(|carrier| se(carrier.id)),
        "carrier_code": label.carrier,
        "charge_event": "carrier_default",
        "service_code": label.service,
        "package_code": "package",
        "voided": label.voided_at.is_some(),
        "voided_at": label.voided_at.map(utc),
        "label_format": "pdf",
        "display_scheme": "label",
        "label_layout": "4x6",
        "trackable": true,
        "label_image_id": null,
        "confirmation": "none",
        "tracking_status": tracking_status(label),
        "label_download": documents(label.id),
        "form_download": null,
        "qr_code_download": null,
        "paperless_download": null,
        "insurance_claim": null,
        "packages": packages(label),
        "rate_details": [],
        "tracking_url": tracking_url(&label.carrier, label.tracking_number()),
        "ship_to": found.map(|(order, _)| address(&order.ship_to)),
    })
}

fn packages(label: &Label) -> Vec<Value> {
    let one = |(sequence, package): (u32, &Package)| {
        json!({
            "package_id": package.id,
            "package_code": "package",
            "weight": ounces(package.weight),
            "dimensions": { "unit": "inch", "length": 10, "width": 8, "height": 4 },
            "insured_value": money(Decimal::ZERO, "usd"),
            "tracking_number": package.tracking_number,
            "label_download": documents(package.id),
            "sequence": sequence,
            "alternative_identifiers": null,
        })
    };
    (1..).zip(&label.packages).map(one).collect()
}

fn documents(id: u64) -> Value {
    let at = |kind: &str| {
        format!(
            "https://api.shipstation.com/v2/downloads/10/{}/label-{id}.{kind}",
            se(id)
        )
    };
    json!({ "href": at("pdf"), "pdf": at("pdf"), "png": at("png"), "zpl": at("zpl") })
}

fn tracking_status(label: &Label) -> &'static str {
    match label.events.last().map(|event| event.scan) {
        None => "unknown",
        Some(Scan::Delivered) => "delivered",
        Some(Scan::Exception) => "error",
        Some(_) => "in_transit",
    }
}

/// V2's codes and words of a scan.
struct Words {
    short: &'static str,
    long: &'static str,
    carrier: &'static str,
    text: &'static str,
}

fn words(scan: Option<Scan>) -> Words {
    let words = |short, long, carrier, text| Words {
        short,
        long,
        carrier,
        text,
    };
    match scan {
        None => words("NY", "NOT_YET_RECEIVED_BY_CARRIER", "M", "Not Yet In System"),
        Some(Scan::Accepted) => words("AC", "RECEIVED_BY_CARRIER", "P", "Accepted"),
        Some(Scan::InTransit) => words("IT", "IN_TRANSIT", "I", "In Transit"),
        Some(Scan::OutForDelivery) => words("IT", "OUT_FOR_DELIVERY", "O", "Out For Delivery"),
        Some(Scan::Attempted) => words("AT", "ATTEMPTED_DELIVERY", "X", "Delivery Attempt"),
        Some(Scan::Exception) => words("EX", "CARRIER_DELAYS", "X", "Exception"),
        Some(Scan::Delivered) => words("DE", "DELIVERED", "D", "Delivered"),
    }
}

/// Where a parcel is.
pub(in super::super) fn tracked(state: &State, label: &Label) -> Value {
    let to = state.orders.get(&label.order).map(|order| &order.ship_to);
    let latest = words(label.events.last().map(|event| event.scan));
    let exception = label.events.last().filter(|event| event.scan == Scan::Exception);
    json!({
        "tracking_number": label.tracking_number(),
        "tracking_url": tracking_url(&label.carrier, label.tracking_number()),
        "status_code": code(&state.options, &latest),
        "status_detail_code": latest.long,
        "status_description": latest.text,
        "carrier_code": label.carrier,
        "carrier_id": 3,
        "carrier_status_code": latest.carrier,
        "carrier_detail_code": latest.carrier,
        "carrier_status_description": latest.text,
        "ship_date": label.events.first().map(|event| utc(event.at)),
        "estimated_delivery_date": utc(label.created_at + jiff::SignedDuration::from_hours(72)),
        "actual_delivery_date": label.delivered_at().map(utc),
        "exception_description": exception.map(|_| "The parcel is delayed"),
        "events": label.events.iter().rev().map(|one| event(&state.options, one, to)).collect::<Vec<_>>(),
    })
}

fn code(options: &Options, words: &Words) -> &'static str {
    match options.track_codes {
        TrackCodes::TwoLetters => words.short,
        TrackCodes::Long => words.long,
    }
}

fn event(options: &Options, event: &ScanEvent, to: Option<&Address>) -> Value {
    let said = words(Some(event.scan));
    let place = |of: fn(&Address) -> &str| to.map_or("", of);
    json!({
        "occurred_at": utc(event.at),
        "carrier_occurred_at": utc(event.at).trim_end_matches('Z'),
        "city_locality": place(|address| &address.city),
        "state_province": place(|address| &address.state),
        "postal_code": place(|address| &address.postal_code),
        "country_code": place(|address| &address.country),
        "company_name": "",
        "signer": if event.scan == Scan::Delivered { "FRONT DOOR" } else { "" },
        "event_code": said.carrier,
        "carrier_detail_code": said.carrier,
        "status_code": code(options, &said),
        "status_detail_code": said.long,
        "status_description": said.text,
        "carrier_status_code": said.carrier,
        "carrier_status_description": said.text,
    })
}

/// A fulfilment.
pub(super) fn fulfilment(state: &State, one: &Fulfilment) -> Value {
    let found = state.part_of(one.order, one.part);
    let carrier = state.options.carrier(&one.carrier);
    let external = one.label.is_none();
    json!({
        "fulfillment_id": se(one.id),
        "shipment_id": se(one.part),
        "shipment_number": found.map(|(_, part)| part.number.clone()),
        "user_id": "9c1b5c3e-3f2e-4c7d-8f0e-2a5d1f6b7c8d",
        "tracking_number": one.tracking_number,
        "created_at": utc(one.created_at),
        "ship_date": utc(one.shipped_at),
        "voided_at": one.voided_at.map(utc),
        "delivered_at": one.delivered_at.map(utc),
        "fulfillment_carrier_friendly_name": carrier.map(|carrier| carrier.name.clone()),
        "fulfillment_provider_id": null,
        "fulfillment_provider_friendly_name": if external { "External" } else { "ShipStation" },
        "fulfillment_provider_code": if external { "external" } else { "shipstation" },
        "fulfillment_service_code": null,
        "fulfillment_fee": money(Decimal::ZERO, "usd"),
        "void_requested": one.voided_at.is_some(),
        "voided": one.voided_at.is_some(),
        "order_source_notified": one.notify_store,
        "notification_error_message": null,
        "ship_to": found.map(|(order, _)| address(&order.ship_to)),
    })
}

/// A batch.
pub(super) fn batch(base: &str, batch: &Batch) -> Value {
    let id = se(batch.id);
    let link = |kind: &str| json!({ "href": format!("{base}/v2/{kind}?batch_id={id}") });
    json!({
        "label_layout": "4x6",
        "label_format": "pdf",
        "batch_id": id,
        "batch_number": batch.id.to_string(),
        "external_batch_id": null,
        "batch_notes": "",
        "created_at": utc(batch.created_at),
        "processed_at": utc(batch.processed_at),
        "errors": 0,
        "process_errors": [],
        "warnings": 0,
        "completed": batch.labels.len(),
        "forms": 0,
        "count": batch.labels.len(),
        "batch_shipments_url": link("shipments"),
        "batch_labels_url": link("labels"),
        "batch_errors_url": { "href": format!("{base}/v2/batches/{id}/errors") },
        "label_download": documents(batch.id),
        "form_download": {},
        "paperless_download": {},
        "status": "completed",
    })
}

/// A carrier with its services.
pub(super) fn carrier(carrier: &Carrier) -> Value {
    json!({
        "carrier_id": se(carrier.id),
        "carrier_code": carrier.code,
        "account_number": "A1B2C3",
        "requires_funded_amount": false,
        "balance": 0,
        "nickname": carrier.name,
        "friendly_name": carrier.name,
        "funding_source_id": null,
        "primary": carrier.code == "ups",
        "has_multi_package_supporting_services": true,
        "supports_label_messages": false,
        "disabled_by_billing_plan": false,
        "services": services(carrier),
        "packages": [{ "package_code": "package", "name": "Package" }],
        "options": [],
    })
}

/// A carrier's services.
pub(super) fn services(carrier: &Carrier) -> Vec<Value> {
    let one = |service: &String| {
        json!({
            "carrier_id": se(carrier.id),
            "carrier_code": carrier.code,
            "service_code": service,
            "name": service,
            "domestic": true,
            "international": false,
            "is_multi_package_supported": true,
        })
    };
    carrier.services.iter().map(one).collect()
}

/// A ship-from warehouse.
pub(super) fn warehouse(place: &Place) -> Value {
    json!({
        "warehouse_id": se(place.id),
        "is_default": true,
        "name": place.name,
        "created_at": "2025-01-01T00:00:00Z",
        "origin_address": address(&place.address),
        "return_address": address(&place.address),
    })
}
