//! `/orders`.

use axum::extract::{Path, State as Shared};
use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::ShipStation;
use super::super::answer::{Api, Refusal, Reply, ok, request_id};
use super::super::asked::{Asked, object, text, unknown_key};
use super::super::model::{Id, Order, Standing, State};
use super::super::notices::News;
use super::super::shipping::{Fault, Leaving};
use super::super::times::read_pacific;
use super::reading::{Flaw, read};
use super::shape;

/// The most orders of one call.
const MOST: usize = 100;

/// `GET /orders`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let seen = asked.seen_until(shipstation.now());
    let state = shipstation.state();
    let created = asked.span("createDateStart", "createDateEnd")?;
    let modified = asked.span("modifyDateStart", "modifyDateEnd")?;
    let ordered = asked.span("orderDateStart", "orderDateEnd")?;
    let paid = asked.span("paymentDateStart", "paymentDateEnd")?;
    let store = asked.store("storeId")?;
    let sort_by = asked.one_of("sortBy", &["OrderDate", "ModifyDate", "CreateDate"])?;
    if asked
        .text("orderStatus")
        .is_some_and(|word| Standing::read(word).is_none())
    {
        return Err(Refusal::parameter(Api::V1, "orderStatus"));
    }
    let wanted = |order: &&Order| {
        order.is_sales_order
            && order.created_at <= seen
            && created.has(order.created_at)
            && modified.has(order.modified_at)
            && ordered.has(order.ordered_at)
            && paid.has_any(order.paid_at)
            && store.is_none_or(|store| store == order.store)
            && asked.is("orderStatus", order.status().word())
            && asked
                .text("orderNumber")
                .is_none_or(|start| order.number.starts_with(start))
            && asked.text("importBatch").is_none_or(|import| import == order.import)
            && asked.within("customerName", &order.ship_to.name)
            && asked.text("itemKeyword").is_none_or(|_| {
                let mut lines = order.lines.iter();
                lines.any(|line| {
                    asked.within("itemKeyword", &line.name)
                        || asked.within("itemKeyword", line.sku.as_deref().unwrap_or_default())
                })
            })
    };
    let mut found: Vec<&Order> = state.orders.values().filter(wanted).collect();
    found.sort_by_key(|order| {
        let time = match sort_by.map(str::to_ascii_lowercase).as_deref() {
            Some("modifydate") => order.modified_at,
            Some("createdate") => order.created_at,
            _ => order.ordered_at,
        };
        (time, order.id)
    });
    if asked.descends(false)? {
        found.reverse();
    }
    let shaped = |order: &&Order| shape::order(&state, order);
    asked.v1_page("orders", state.options.largest_page, &found, shaped)
}

/// `GET /orders/{id}`.
pub(super) async fn get(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    shown(&state, &id)
}

fn shown(state: &State, id: &str) -> Reply {
    let order = id.parse().ok().and_then(|id: Id| state.orders.get(&id));
    let order = order.filter(|order| order.is_sales_order);
    Ok(ok(shape::order(state, order.ok_or_else(Refusal::v1_not_found)?)))
}

/// `POST /orders/createorder`: creates, or writes anew what is there.
pub(super) async fn create(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V1, &body)?;
    let mut state = shipstation.state();
    let import = request_id();
    let (id, is_new) = written(&mut state, &fields, &import, now).map_err(|flaw| flaw.refusal())?;
    announce(&mut state, &import, &[(id, is_new)], now);
    shown(&state, &id.to_string())
}

/// `POST /orders/createorders`: each on its own.
pub(super) async fn create_many(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let bad = |message: &str| Refusal::v1(StatusCode::BAD_REQUEST, message);
    let all: Vec<Map<String, Value>> = serde_json::from_slice(&body).map_err(|_| bad("The request is invalid."))?;
    if all.is_empty() || all.len() > MOST {
        return Err(bad("Between 1 and 100 orders are written at once."));
    }
    let mut state = shipstation.state();
    let import = request_id();
    let (mut results, mut ids, mut flawed) = (Vec::new(), Vec::new(), false);
    for fields in &all {
        let outcome = written(&mut state, fields, &import, now);
        flawed |= outcome.is_err();
        let order = outcome.as_ref().ok().and_then(|(id, _)| state.orders.get(id));
        results.push(json!({
            "orderId": order.map(|order| order.id),
            "orderNumber": fields.get("orderNumber"),
            "orderKey": order.map_or_else(|| fields.get("orderKey").cloned(), |order| Some(json!(order.key))),
            "success": outcome.is_ok(),
            "errorMessage": outcome.as_ref().err().map(|flaw| flaw.words().to_owned()),
        }));
        ids.extend(outcome);
    }
    announce(&mut state, &import, &ids, now);
    Ok(ok(json!({ "hasErrors": flawed, "results": results })))
}

fn announce(state: &mut State, import: &str, written: &[(Id, bool)], now: Timestamp) {
    let new = written.iter().filter(|(_, is_new)| *is_new);
    let stores: Vec<u64> = new
        .filter_map(|(id, _)| state.orders.get(id))
        .map(|order| order.store)
        .collect();
    if !stores.is_empty() {
        state.tell(&News::orders(import, stores), now);
    }
}

/// The order that was created or written anew, and whether it is new.
fn written(state: &mut State, fields: &Map<String, Value>, import: &str, now: Timestamp) -> Result<(Id, bool), Flaw> {
    let mut order = read(state, fields, now)?;
    let known = Some(order.key.as_str())
        .filter(|key| !key.is_empty())
        .and_then(|key| state.keyed(key));
    let Some(known) = known else {
        import.clone_into(&mut order.import);
        return Ok((state.enter(order, now), true));
    };
    if !known.may_change() {
        return Err(Flaw::new(
            "orderKey",
            "An order that is shipped or cancelled cannot be updated.",
        ));
    }
    if known.parts.len() > 1 {
        return Err(Flaw::new("orderKey", "An order that is split cannot be updated."));
    }
    let updated = Order {
        id: known.id,
        store: known.store,
        created_at: known.created_at,
        import: known.import.clone(),
        customer: known.customer,
        parts: known.parts.clone(),
        is_sales_order: known.is_sales_order,
        ..order
    };
    let id = updated.id;
    replace(state, updated, now);
    Ok((id, false))
}

fn replace(state: &mut State, mut order: Order, now: Timestamp) {
    let (all, number) = (order.all(), order.number.clone());
    if let Some(part) = order.parts.first_mut() {
        part.takes = all;
        part.number = number;
    }
    order.customer = state.meet_customer(&order, now).or(order.customer);
    let lines = order.lines.clone();
    state.meet_products_of(&lines, now);
    state.orders.insert(order.id, order);
}

/// `DELETE /orders/{id}`: it is only hidden; here, cancelled.
pub(super) async fn delete(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let now = shipstation.now();
    let mut state = shipstation.state();
    let id = id.parse().map_err(|_| Refusal::v1_not_found())?;
    state.cancel(id, now).map_err(|fault| refusal(&fault))?;
    Ok(done("The requested order has been deleted"))
}

/// `POST /orders/markasshipped`.
pub(super) async fn mark_as_shipped(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V1, &body)?;
    let mut state = shipstation.state();
    let known = [
        "carrierCode",
        "notifyCustomer",
        "notifySalesChannel",
        "orderId",
        "shipDate",
        "trackingNumber",
    ];
    if let Some(key) = unknown_key(&fields, &known).filter(|_| state.options.strict) {
        return Err(Refusal::v1_field(key, "The field is documented nowhere."));
    }
    let id = fields.get("orderId").and_then(Value::as_u64);
    let id = id.ok_or_else(|| Refusal::v1_field("orderId", "The orderId field is required."))?;
    let carrier = text(&fields, "carrierCode");
    let carrier = carrier.ok_or_else(|| Refusal::v1_field("carrierCode", "The carrierCode field is required."))?;
    let shipped_at = match text(&fields, "shipDate") {
        Some(date) => read_pacific(date).ok_or_else(|| Refusal::parameter(Api::V1, "shipDate"))?,
        None => now,
    };
    let told = |key: &str| fields.get(key).and_then(Value::as_bool).unwrap_or(false);
    let order = state.orders.get(&id).ok_or_else(Refusal::v1_not_found)?;
    if !order.may_change() {
        return Err(refusal(&Fault::Refused("the order is shipped or cancelled")));
    }
    let number = order.number.clone();
    for part in order.open_parts() {
        let leaving = Leaving {
            part,
            carrier: carrier.to_owned(),
            tracking_number: text(&fields, "trackingNumber").unwrap_or_default().to_owned(),
            shipped_at,
            notify_customer: told("notifyCustomer"),
            notify_store: told("notifySalesChannel"),
        };
        state.fulfil(leaving, now).map_err(|fault| refusal(&fault))?;
    }
    Ok(ok(json!({ "orderId": id, "orderNumber": number })))
}

/// `POST /orders/holduntil`.
pub(super) async fn hold_until(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V1, &body)?;
    let until = text(&fields, "holdUntilDate").and_then(read_pacific);
    let until = until.ok_or_else(|| Refusal::parameter(Api::V1, "holdUntilDate"))?;
    let id = order_id(&fields)?;
    let mut state = shipstation.state();
    state
        .stand(id, Standing::OnHold, Some(until), now)
        .map_err(|fault| refusal(&fault))?;
    Ok(done("The requested order has been held until the requested date"))
}

/// `POST /orders/restorefromhold`.
pub(super) async fn restore_from_hold(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let id = order_id(&object(Api::V1, &body)?)?;
    let mut state = shipstation.state();
    let stood = state.stand(id, Standing::AwaitingShipment, None, now);
    stood.map_err(|fault| refusal(&fault))?;
    Ok(done("The requested order has been restored from on hold"))
}

/// `POST /orders/addtag`.
pub(super) async fn add_tag(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    tagged(&shipstation, &body, |tags, tag| {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    })
}

/// `POST /orders/removetag`.
pub(super) async fn remove_tag(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    tagged(&shipstation, &body, |tags, tag| tags.retain(|own| *own != tag))
}

fn tagged(shipstation: &ShipStation, body: &Bytes, change: impl FnOnce(&mut Vec<Id>, Id)) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V1, body)?;
    let id = order_id(&fields)?;
    let mut state = shipstation.state();
    let tag = fields.get("tagId").and_then(Value::as_u64);
    let tag = tag.filter(|tag| state.tags.iter().any(|known| known.id == *tag));
    let tag = tag.ok_or_else(|| Refusal::parameter(Api::V1, "tagId"))?;
    let order = state.orders.get_mut(&id).ok_or_else(Refusal::v1_not_found)?;
    change(&mut order.tags, tag);
    order.modified_at = now;
    Ok(done("The tag was changed"))
}

fn order_id(fields: &Map<String, Value>) -> Result<Id, Refusal> {
    let id = fields.get("orderId").and_then(Value::as_u64);
    id.ok_or_else(|| Refusal::v1_field("orderId", "The orderId field is required."))
}

fn done(message: &str) -> axum::response::Response {
    ok(json!({ "success": true, "message": message }))
}

fn refusal(fault: &Fault) -> Refusal {
    match fault {
        Fault::Missing => Refusal::v1_not_found(),
        Fault::Refused(words) => Refusal::v1(StatusCode::BAD_REQUEST, words),
    }
}
