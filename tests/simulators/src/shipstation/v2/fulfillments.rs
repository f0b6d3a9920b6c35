//! `/v2/fulfillments`: what was shipped, by a label or with an external tracking number.
//!
//! Quirks: it filters by `create_date_start` where its siblings have `created_at_start`, and overlooks the latter; its
//! entries carry no items.

use axum::extract::State as Shared;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::ShipStation;
use super::super::answer::{Api, Refusal, Reply, ok, read_se};
use super::super::asked::{Asked, object, text, unknown_key};
use super::super::model::{Fulfilment, Id, State};
use super::super::shipping::{Fault, Leaving};
use super::super::times::read_utc;
use super::shape;

const WANTED: &[&str] = &[
    "carrier_code",
    "notify_customer",
    "notify_order_source",
    "ship_date",
    "shipment_id",
    "tracking_number",
];

/// `GET /v2/fulfillments`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let seen = asked.seen_until(shipstation.now());
    let state = shipstation.state();
    let created = asked.span("create_date_start", "create_date_end")?;
    let shipped = asked.span("ship_date_start", "ship_date_end")?;
    let (shipment, own, batch) = (
        asked.id("shipment_id")?,
        asked.id("fulfillment_id")?,
        asked.id("batch_id")?,
    );
    let store = asked.store("order_source_id")?;
    let sort_by = asked.one_of("sort_by", &["created_at", "modified_at", "shipped_at"])?;
    let batch_of = |one: &Fulfilment| one.label.and_then(|id| state.labels.get(&id)).map(|label| label.batch);
    let wanted = |one: &&Fulfilment| {
        let provider = if one.label.is_none() { "external" } else { "shipstation" };
        one.created_at <= seen
            && created.has(one.created_at)
            && shipped.has(one.shipped_at)
            && shipment.is_none_or(|id| id == one.part)
            && own.is_none_or(|id| id == one.id)
            && batch.is_none_or(|id| Some(id) == batch_of(one))
            && asked.is("tracking_number", &one.tracking_number)
            && asked.is("fulfillment_provider_code", provider)
            && state.part_of(one.order, one.part).is_some_and(|(order, part)| {
                asked.text("shipment_number").is_none_or(|number| number == part.number)
                    && store.is_none_or(|store| store == order.store)
                    && asked.within("ship_to_name", &order.ship_to.name)
                    && asked.is("ship_to_country_code", &order.ship_to.country)
            })
    };
    let mut found: Vec<&Fulfilment> = state.fulfilments.values().filter(wanted).collect();
    found.sort_by_key(|one| (sorting(one, sort_by), one.id));
    if asked.descends(true)? {
        found.reverse();
    }
    let shaped = |one: &&Fulfilment| shape::fulfilment(&state, one);
    asked.page(
        "fulfillments",
        ("page_size", 25),
        state.options.largest_page,
        &found,
        shaped,
    )
}

fn sorting(one: &Fulfilment, by: Option<&str>) -> Timestamp {
    match by {
        Some("shipped_at") => one.shipped_at,
        Some("modified_at") => one.voided_at.or(one.delivered_at).unwrap_or(one.created_at),
        _ => one.created_at,
    }
}

/// `POST /v2/fulfillments`: each on its own.
pub(super) async fn create(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let body = object(Api::V2, &body)?;
    let asked = body
        .get("fulfillments")
        .and_then(Value::as_array)
        .filter(|all| !all.is_empty());
    let asked = asked.ok_or_else(|| Refusal::invalid("field_value_required", "fulfillments is required"))?;
    let mut state = shipstation.state();
    let (mut answers, mut flawed) = (Vec::new(), false);
    for one in asked {
        let fields = one.as_object().cloned().unwrap_or_default();
        let error = made(&mut state, &fields, now).err();
        flawed |= error.is_some();
        let id = text(&fields, "shipment_id").and_then(read_se);
        let number = id.and_then(|id| state.part(id)).map(|(_, part)| part.number.clone());
        answers.push(json!({
            "shipment_id": fields.get("shipment_id"),
            "shipment_number": number,
            "error_message": error,
        }));
    }
    Ok(ok(json!({ "has_errors": flawed, "fulfillments": answers })))
}

fn made(state: &mut State, fields: &Map<String, Value>, now: Timestamp) -> Result<Id, String> {
    if let Some(key) = unknown_key(fields, WANTED).filter(|_| state.options.strict) {
        return Err(format!("{key} is documented nowhere"));
    }
    let required = |key: &str| text(fields, key).ok_or_else(|| format!("{key} is required"));
    let part = read_se(required("shipment_id")?).ok_or("that is no id of a shipment")?;
    let shipped_at = match text(fields, "ship_date") {
        Some(date) => read_utc(date).ok_or("ship_date is no time")?,
        None => now,
    };
    let told = |key: &str| fields.get(key).and_then(Value::as_bool).unwrap_or(false);
    let leaving = Leaving {
        part,
        carrier: required("carrier_code")?.to_owned(),
        tracking_number: required("tracking_number")?.to_owned(),
        shipped_at,
        notify_customer: told("notify_customer"),
        notify_store: told("notify_order_source"),
    };
    state
        .fulfil(leaving, now)
        .map_err(|fault: Fault| fault.words().to_owned())
}
