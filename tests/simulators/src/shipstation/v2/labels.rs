//! `/v2/labels`: labels bought, tracked, voided and returned.

use axum::extract::{Path, State as Shared};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::super::ShipStation;
use super::super::answer::{Api, Refusal, Reply, ok, read_se};
use super::super::asked::{Asked, object, unknown_key};
use super::super::model::{Id, Label, State};
use super::super::shipping::{Fault, Wish};
use super::shape;

/// What a label for a shipment that is there may be asked with.
const WANTED: &[&str] = &[
    "charge_event",
    "display_scheme",
    "label_download_type",
    "label_format",
    "label_image_id",
    "label_layout",
    "validate_address",
];

/// `GET /v2/labels`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let seen = asked.seen_until(shipstation.now());
    let state = shipstation.state();
    let created = asked.span("created_at_start", "created_at_end")?;
    let (shipment, batch, carrier) = (asked.id("shipment_id")?, asked.id("batch_id")?, asked.id("carrier_id")?);
    let warehouse = asked.id("warehouse_id")?;
    let store = asked.store("store_id")?;
    asked.one_of("label_status", &["processing", "completed", "error", "voided"])?;
    let by_change = asked.one_of("sort_by", &["modified_at", "created_at"])? == Some("modified_at");
    let store_of = |label: &Label| state.orders.get(&label.order).map(|order| order.store);
    let carrier_of = |label: &Label| state.options.carrier(&label.carrier).map(|carrier| carrier.id);
    let status = |label: &Label| {
        if label.voided_at.is_some() {
            "voided"
        } else {
            "completed"
        }
    };
    let wanted = |label: &&Label| {
        label.created_at <= seen
            && created.has(label.created_at)
            && shipment.is_none_or(|id| id == label.part)
            && batch.is_none_or(|id| id == label.batch)
            && carrier.is_none_or(|id| Some(id) == carrier_of(label))
            && warehouse.is_none_or(|id| id == state.options.warehouse.id)
            && store.is_none_or(|id| Some(id) == store_of(label))
            && asked
                .text("tracking_number")
                .is_none_or(|number| label.travels_as(number))
            && asked.is("label_status", status(label))
            && asked.is("service_code", &label.service)
    };
    let mut found: Vec<&Label> = state.labels.values().filter(wanted).collect();
    found.sort_by_key(|label| {
        let time = if by_change { label.modified_at } else { label.created_at };
        (time, label.id)
    });
    if asked.descends(true)? {
        found.reverse();
    }
    let shaped = |label: &&Label| shape::label(&state, label);
    asked.page("labels", ("page_size", 25), state.options.largest_page, &found, shaped)
}

/// `GET /v2/labels/{id}`.
pub(super) async fn get(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    let label = state.labels.get(&label_id(&id)?);
    let label = label.ok_or_else(|| Refusal::empty(StatusCode::NOT_FOUND))?;
    Ok(ok(shape::label(&state, label)))
}

/// `GET /v2/labels/{id}/track`.
pub(super) async fn track(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    let label = state.labels.get(&label_id(&id)?);
    let label = label.ok_or_else(|| Refusal::not_found("label"))?;
    Ok(ok(shape::tracked(&state, label)))
}

/// `PUT /v2/labels/{id}/void`: a refusal is a 200 too.
pub(super) async fn void(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let now = shipstation.now();
    let mut state = shipstation.state();
    let voided = state.void(label_id(&id)?, now).map_err(|fault| refusal(&fault))?;
    Ok(ok(match voided {
        Ok(()) => json!({ "approved": true, "message": "The label is voided; a refund was asked for." }),
        Err(refused) => json!({ "approved": false, "message": refused.message, "reason_code": refused.reason }),
    }))
}

/// `POST /v2/labels/{id}/return`.
pub(super) async fn returns(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let now = shipstation.now();
    let mut state = shipstation.state();
    let outbound = label_id(&id)?;
    if !state.labels.contains_key(&outbound) {
        return Err(Refusal::empty(StatusCode::NOT_FOUND));
    }
    let id = state.return_label(outbound, now).map_err(|fault| refusal(&fault))?;
    Ok(ok(bought(&state, id)?))
}

/// `POST /v2/labels/shipment/{id}`.
pub(super) async fn create(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V2, &body)?;
    let mut state = shipstation.state();
    if let Some(key) = unknown_key(&fields, WANTED).filter(|_| state.options.strict) {
        return Err(Refusal::invalid(
            "invalid_object",
            &format!("{key} is documented nowhere"),
        ));
    }
    let part = read_se(&id).ok_or_else(|| Refusal::invalid("invalid_identifier", "that is no id of a shipment"))?;
    let wish = Wish {
        part,
        ..Wish::default()
    };
    let labels = state.buy(&[wish], false, now).map_err(|fault| refusal(&fault))?;
    let id = labels.first().copied().ok_or_else(|| Refusal::not_found("shipment"))?;
    Ok(ok(bought(&state, id)?))
}

fn bought(state: &State, id: Id) -> Result<Value, Refusal> {
    let label = state.labels.get(&id).ok_or_else(|| Refusal::not_found("label"))?;
    Ok(shape::label(state, label))
}

fn label_id(text: &str) -> Result<Id, Refusal> {
    read_se(text).ok_or_else(|| Refusal::invalid("invalid_identifier", "that is no id of a label"))
}

fn refusal(fault: &Fault) -> Refusal {
    match fault {
        Fault::Missing => Refusal::not_found("label"),
        Fault::Refused(words) => Refusal::wrong_state(words),
    }
}
