//! `/shipments`: labels bought in ShipStation, and only those.

use axum::extract::State as Shared;
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::ShipStation;
use super::super::answer::{Api, Refusal, Reply, ok};
use super::super::asked::{Asked, object};
use super::super::model::Label;
use super::shape;

/// `GET /shipments`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let seen = asked.seen_until(shipstation.now());
    let state = shipstation.state();
    let created = asked.span("createDateStart", "createDateEnd")?;
    let shipped = asked.span("shipDateStart", "shipDateEnd")?;
    let voided = asked.span("voidDateStart", "voidDateEnd")?;
    let (order, batch, store) = (asked.id("orderId")?, asked.id("batchId")?, asked.store("storeId")?);
    let with_items = asked.one_of("includeShipmentItems", &["true", "false"])?;
    let with_items = with_items.is_some_and(|word| word.eq_ignore_ascii_case("true"));
    asked.one_of("sortBy", &["ShipDate", "CreateDate"])?;
    let wanted = |label: &&Label| {
        let Some(of) = state.orders.get(&label.order) else {
            return false;
        };
        label.created_at <= seen
            && created.has(label.created_at)
            && shipped.has(label.created_at)
            && voided.has_any(label.voided_at)
            && order.is_none_or(|id| id == label.order)
            && batch.is_none_or(|id| id == label.batch)
            && store.is_none_or(|id| id == of.store)
            && asked.text("orderNumber").is_none_or(|number| number == of.number)
            && asked.is("trackingNumber", label.tracking_number())
            && asked.is("carrierCode", &label.carrier)
            && asked.is("serviceCode", &label.service)
            && asked.within("recipientName", &of.ship_to.name)
            && asked.is("recipientCountryCode", &of.ship_to.country)
    };
    let mut found: Vec<&Label> = state.labels.values().filter(wanted).collect();
    found.sort_by_key(|label| (label.created_at, label.id));
    if asked.descends(false)? {
        found.reverse();
    }
    let shaped = |label: &&Label| shape::shipment(&state, label, with_items);
    asked.v1_page("shipments", state.options.largest_page, &found, shaped)
}

/// `POST /shipments/voidlabel`: a refusal is a 200 too.
pub(super) async fn void_label(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V1, &body)?;
    let id = fields.get("shipmentId").and_then(Value::as_u64);
    let id = id.ok_or_else(|| Refusal::v1_field("shipmentId", "The shipmentId field is required."))?;
    let mut state = shipstation.state();
    let voided = state.void(id, now).map_err(|_| Refusal::v1_not_found())?;
    Ok(ok(match voided {
        Ok(()) => json!({ "approved": true, "message": "Label voided successfully" }),
        Err(refused) => json!({ "approved": false, "message": refused.message }),
    }))
}
