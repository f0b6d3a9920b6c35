//! `/v2/shipments`: orders and the parts of split ones.

use axum::extract::{Path, State as Shared};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::ShipStation;
use super::super::answer::{Api, Refusal, Reply, nothing, ok, read_se, request_id, se};
use super::super::asked::{Asked, object, text};
use super::super::model::{Id, Order, Part, PartState, State};
use super::super::notices::News;
use super::super::options::Conflict;
use super::reading::{Flaw, apply, new_order};
use super::shape;

/// `GET /v2/shipments`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let seen = asked.seen_until(shipstation.now());
    let state = shipstation.state();
    let created = asked.span("created_at_start", "created_at_end")?;
    let modified = asked.span("modified_at_start", "modified_at_end")?;
    let paid = asked.span("payment_date_start", "payment_date_end")?;
    let store = asked.store("store_id")?;
    let batch = asked.id("batch_id")?;
    asked.one_of(
        "shipment_status",
        &["pending", "processing", "label_purchased", "cancelled"],
    )?;
    let by_creation = asked.one_of("sort_by", &["modified_at", "created_at"])? != Some("modified_at");
    let wanted = |(order, part): &(&Order, &Part)| {
        order.created_at <= seen
            && created.has(order.created_at)
            && modified.has(order.modified_at)
            && paid.has_any(order.paid_at)
            && store.is_none_or(|store| store == order.store)
            && batch.is_none_or(|batch| is_in_batch(&state, part, batch))
            && asked.is("shipment_status", shape::status(&state, order, part))
            && asked.text("shipment_number").is_none_or(|number| number == part.number)
            && asked
                .text("external_shipment_id")
                .is_none_or(|key| key == order.key && part.id == order.id)
            && asked.text("sales_order_id").is_none_or(|id| id == order.id.to_string())
            && asked
                .text("import_batch_id")
                .is_none_or(|import| import == order.import)
            && asked.within("ship_to_name", &order.ship_to.name)
            && asked.text("item_keyword").is_none_or(|_| {
                let mut lines = order.lines.iter();
                lines.any(|line| {
                    asked.within("item_keyword", &line.name)
                        || asked.within("item_keyword", line.sku.as_deref().unwrap_or_default())
                })
            })
    };
    let orders = state.orders.values();
    let mut found: Vec<(&Order, &Part)> = orders
        .flat_map(|order| order.parts.iter().map(move |part| (order, part)))
        .filter(wanted)
        .collect();
    let time = |order: &Order| {
        if by_creation {
            order.created_at
        } else {
            order.modified_at
        }
    };
    found.sort_by_key(|(order, part)| (time(order), part.id));
    if asked.descends(true)? {
        found.reverse();
    }
    let shaped = |(order, part): &(&Order, &Part)| shape::shipment(&state, order, part);
    asked.page(
        "shipments",
        ("page_size", 25),
        state.options.largest_page,
        &found,
        shaped,
    )
}

fn is_in_batch(state: &State, part: &Part, batch: Id) -> bool {
    match part.state {
        PartState::Labelled(label) => state.labels.get(&label).is_some_and(|label| label.batch == batch),
        _ => false,
    }
}

/// `GET /v2/shipments/{id}`.
pub(super) async fn get(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    shown(&state, part_id(&id)?)
}

/// `GET /v2/shipments/external_shipment_id/{key}`.
pub(super) async fn by_external_id(Shared(shipstation): Shared<ShipStation>, Path(key): Path<String>) -> Reply {
    let state = shipstation.state();
    let own = state.keyed(&key).map(|order| order.id);
    let split = read_se(&key).filter(|id| state.part(*id).is_some_and(|(order, _)| order.id != *id));
    let id = own.or(split).ok_or_else(|| Refusal::not_found("shipment"))?;
    shown(&state, id)
}

fn shown(state: &State, id: Id) -> Reply {
    let (order, part) = state.part(id).ok_or_else(|| Refusal::not_found("shipment"))?;
    Ok(ok(shape::shipment(state, order, part)))
}

fn part_id(text: &str) -> Result<Id, Refusal> {
    read_se(text).ok_or_else(|| Refusal::invalid("invalid_identifier", "that is no id of a shipment"))
}

/// `POST /v2/shipments`.
pub(super) async fn create(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let body = object(Api::V2, &body)?;
    let asked = body
        .get("shipments")
        .and_then(Value::as_array)
        .filter(|all| !all.is_empty());
    let asked = asked.ok_or_else(|| Refusal::invalid("field_value_required", "shipments is required"))?;
    let mut state = shipstation.state();
    let import = request_id();
    let (mut answers, mut stores, mut flawed) = (Vec::new(), Vec::new(), false);
    for one in asked {
        let fields = one.as_object().cloned().unwrap_or_default();
        match entered(&mut state, &fields, &import, now) {
            Ok(id) => {
                let (order, part) = state.part(id).ok_or_else(|| Refusal::not_found("shipment"))?;
                stores.push(order.store);
                answers.push(with(shape::shipment(&state, order, part), &[]));
            }
            Err(flaw) if is_conflict(&flaw) && state.options.conflict == Conflict::Status400 => {
                return Err(Refusal::invalid(flaw.code, &flaw.words));
            }
            Err(flaw) => {
                flawed = true;
                answers.push(with(one.clone(), &[flaw.words]));
            }
        }
    }
    if !stores.is_empty() {
        state.tell(&News::orders(&import, stores), now);
    }
    Ok(ok(json!({ "has_errors": flawed, "shipments": answers })))
}

fn is_conflict(flaw: &Flaw) -> bool {
    flaw.code == "identifier_conflict"
}

fn with(mut shipment: Value, errors: &[String]) -> Value {
    if let Value::Object(fields) = &mut shipment {
        fields.insert("errors".to_owned(), json!(errors));
        fields.insert("address_validation".to_owned(), Value::Null);
    }
    shipment
}

fn entered(state: &mut State, fields: &Map<String, Value>, import: &str, now: Timestamp) -> Result<Id, Flaw> {
    let mut order = new_order(state, fields, now)?;
    if !order.key.is_empty() && state.keyed(&order.key).is_some() {
        let words = "external_shipment_id is that of another shipment";
        return Err(Flaw::new("identifier_conflict", words));
    }
    if state.has_number(&order.number, None) {
        let words = "shipment_number is that of another shipment";
        return Err(Flaw::new("identifier_conflict", words));
    }
    import.clone_into(&mut order.import);
    Ok(state.enter(order, now))
}

/// `PUT /v2/shipments/{id}`: what is not mentioned stays.
pub(super) async fn update(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let id = part_id(&id)?;
    let fields = object(Api::V2, &body)?;
    let mut state = shipstation.state();
    let (order, part) = state.part(id).ok_or_else(|| Refusal::not_found("shipment"))?;
    if part.state != PartState::Open || !order.may_change() {
        return Err(Refusal::wrong_state("the shipment has a label or is cancelled"));
    }
    if order.parts.len() > 1 && fields.contains_key("items") {
        return Err(Refusal::wrong_state("the items of a split order cannot be replaced"));
    }
    let mut order = order.clone();
    if text(&fields, "external_shipment_id").is_some_and(|key| key != order.key) {
        return Err(Refusal::invalid(
            "field_conflict",
            "external_shipment_id cannot be changed",
        ));
    }
    apply(&mut state, &mut order, &fields).map_err(|flaw| Refusal::invalid(flaw.code, &flaw.words))?;
    if state.has_number(&order.number, Some(order.id)) {
        let words = "shipment_number is that of another shipment";
        return Err(Refusal::invalid("identifier_conflict", words));
    }
    if fields.contains_key("items") {
        let all = order.all();
        if let Some(part) = order.parts.first_mut() {
            part.takes = all;
        }
        let lines = order.lines.clone();
        state.meet_products_of(&lines, now);
    }
    let number = order.number.clone();
    if let Some(part) = order.parts.iter_mut().find(|part| part.id == order.id) {
        part.number = number;
    }
    order.modified_at = now;
    state.orders.insert(order.id, order);
    if state.options.update_answers_nothing {
        return Ok(nothing());
    }
    shown(&state, id)
}

/// `PUT /v2/shipments/{id}/cancel`.
pub(super) async fn cancel(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let now = shipstation.now();
    let mut state = shipstation.state();
    let order = state.order_of_part(part_id(&id)?);
    let order = order.ok_or_else(|| Refusal::not_found("shipment"))?;
    state
        .cancel(order, now)
        .map_err(|fault| Refusal::wrong_state(fault.words()))?;
    Ok(nothing())
}

/// `POST /v2/shipments/{id}/tags/{name}`.
pub(super) async fn tag(Shared(shipstation): Shared<ShipStation>, Path((id, name)): Path<(String, String)>) -> Reply {
    let now = shipstation.now();
    let mut state = shipstation.state();
    let part = part_id(&id)?;
    let order = state
        .order_of_part(part)
        .ok_or_else(|| Refusal::not_found("shipment"))?;
    let tag = state.tag(&name);
    if let Some(order) = state.orders.get_mut(&order)
        && !order.tags.contains(&tag)
    {
        order.tags.push(tag);
        order.modified_at = now;
    }
    Ok(ok(json!({ "shipment_id": se(part), "tag": { "name": name } })))
}

/// `DELETE /v2/shipments/{id}/tags/{name}`.
pub(super) async fn untag(Shared(shipstation): Shared<ShipStation>, Path((id, name)): Path<(String, String)>) -> Reply {
    let now = shipstation.now();
    let mut state = shipstation.state();
    let order = state.order_of_part(part_id(&id)?);
    let order = order.ok_or_else(|| Refusal::not_found("shipment"))?;
    let tag = state.tags.iter().find(|tag| tag.name == name).map(|tag| tag.id);
    let tag = tag.ok_or_else(|| Refusal::not_found("tag"))?;
    if let Some(order) = state.orders.get_mut(&order) {
        order.tags.retain(|own| *own != tag);
        order.modified_at = now;
    }
    Ok(nothing())
}
