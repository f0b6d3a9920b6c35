//! `/v2/inventory` and its containers: the Inventory add-on.
//!
//! Quirks: a change answers 204 without a body; its lists take `limit` for the size of a page; an inventory warehouse is
//! none that parcels leave from.

use std::collections::BTreeMap;

use axum::extract::{Path, State as Shared};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::ShipStation;
use super::super::answer::{Api, Refusal, Reply, nothing, number, ok, read_se, se};
use super::super::asked::{Asked, given, object, text, unknown_key};
use super::super::model::{Id, State};
use super::super::stock::{Change, Condition, Container};
use super::super::times::{read_utc, utc};
use super::reading::decimal;

/// What a change of stock may say.
const CHANGE: &[&str] = &[
    "condition",
    "cost",
    "effective_at",
    "inventory_location_id",
    "lot",
    "new_condition",
    "new_cost",
    "new_inventory_location_id",
    "notes",
    "quantity",
    "reason",
    "sku",
    "transaction_type",
    "usable_end_date",
    "usable_start_date",
];

/// The most that a page of inventory holds.
const MOST: usize = 1_000;

/// `GET /v2/inventory`.
pub(super) async fn levels(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let state = shipstation.state();
    let warehouse = asked.id("inventory_warehouse_id")?;
    let location = asked.id("inventory_location_id")?;
    let by_warehouse = asked.one_of("group_by", &["warehouse", "location"])? == Some("warehouse");
    let (homes, ordered) = (state.stock.homes(), state.ordered());
    let mut found: BTreeMap<(&str, Id), Level> = BTreeMap::new();
    for ((place, sku), pile) in &state.stock.piles {
        let within = state.stock.locations.get(place).and_then(|location| location.warehouse);
        let Some(within) = within else { continue };
        let wanted = asked.text("sku").is_none_or(|wanted| wanted == sku)
            && location.is_none_or(|wanted| wanted == *place)
            && warehouse.is_none_or(|wanted| wanted == within);
        if !wanted {
            continue;
        }
        let group = if by_warehouse { within } else { *place };
        let level = found.entry((sku, group)).or_default();
        level.on_hand += pile.on_hand.values().sum::<i64>();
        level.sellable += pile.on_hand.get(&Condition::Sellable).copied().unwrap_or(0);
        if homes.get(sku.as_str()) == Some(place) {
            level.allocated = ordered.get(sku.as_str()).copied().unwrap_or(0);
        }
        level.warehouse = within;
        level.location = (!by_warehouse).then_some(*place);
        level.cost = pile.cost.clone().or(level.cost.take());
    }
    let found: Vec<(&str, Level)> = found.into_iter().map(|((sku, _), level)| (sku, level)).collect();
    asked.page("inventory", ("limit", 100), MOST, &found, |(sku, level)| {
        level.shown(sku)
    })
}

#[derive(Default)]
struct Level {
    on_hand: i64,
    sellable: i64,
    allocated: i64,
    warehouse: Id,
    location: Option<Id>,
    cost: Option<(rust_decimal::Decimal, String)>,
}

impl Level {
    fn shown(&self, sku: &str) -> Value {
        let cost = self.cost.as_ref();
        let mut shown = json!({
            "sku": sku,
            "on_hand": self.on_hand,
            "allocated": self.allocated,
            "available": self.sellable - self.allocated,
            "average_cost": {
                "amount": cost.map_or_else(|| json!(0), |(amount, _)| number(*amount)),
                "currency": cost.map_or("usd", |(_, currency)| currency),
            },
            "inventory_warehouse_id": se(self.warehouse),
        });
        if let (Some(location), Value::Object(fields)) = (self.location, &mut shown) {
            fields.insert("inventory_location_id".to_owned(), json!(se(location)));
        }
        shown
    }
}

/// A change of stock, read.
struct Wanted {
    kind: String,
    location: Id,
    sku: String,
    quantity: i64,
    condition: Condition,
    new_location: Option<Id>,
    new_condition: Option<Condition>,
}

/// `POST /v2/inventory`.
pub(super) async fn change(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V2, &body)?;
    let mut state = shipstation.state();
    let wanted = read(&state, &fields)?;
    if !state.products.contains_key(&wanted.sku) {
        if state.options.refuses_unknown_skus {
            return Err(Refusal::invalid(
                "invalid_field_value",
                "there is no product with that sku",
            ));
        }
        let sku = wanted.sku.clone();
        state.meet_product(&sku, &sku, now);
    }
    apply(&mut state, &wanted)?;
    if let Some(cost) = fields.get("cost").or_else(|| fields.get("new_cost")) {
        let amount = decimal(cost.get("amount")).unwrap_or_default();
        let currency = cost.get("currency").and_then(Value::as_str).unwrap_or("usd");
        if let Some(pile) = state.stock.piles.get_mut(&(wanted.location, wanted.sku.clone())) {
            pile.cost = Some((amount, currency.to_owned()));
        }
    }
    state.stock.changes.push(Change {
        at: now,
        kind: wanted.kind,
        location: wanted.location,
        sku: wanted.sku,
        quantity: wanted.quantity,
    });
    Ok(nothing())
}

fn read(state: &State, fields: &Map<String, Value>) -> Result<Wanted, Refusal> {
    if let Some(key) = unknown_key(fields, CHANGE).filter(|_| state.options.strict) {
        return Err(Refusal::invalid(
            "invalid_object",
            &format!("{key} is documented nowhere"),
        ));
    }
    for key in ["transaction_type", "inventory_location_id", "sku", "quantity"] {
        if !given(fields, key) {
            return Err(Refusal::invalid("field_value_required", &format!("{key} is required")));
        }
    }
    let invalid =
        |key: &str| Refusal::invalid("invalid_field_value", &format!("{key} has a value that it cannot have"));
    let kind = text(fields, "transaction_type").unwrap_or_default();
    if !["increment", "decrement", "adjust", "modify"].contains(&kind) {
        return Err(invalid("transaction_type"));
    }
    let quantity = fields
        .get("quantity")
        .and_then(Value::as_i64)
        .filter(|count| *count >= 0);
    let quantity = quantity.ok_or_else(|| invalid("quantity"))?;
    if let Some(at) = fields.get("effective_at").filter(|at| !at.is_null()) {
        at.as_str().and_then(read_utc).ok_or_else(|| invalid("effective_at"))?;
    }
    let new_location = match text(fields, "new_inventory_location_id") {
        Some(id) => Some(location_id(state, id)?),
        None => None,
    };
    Ok(Wanted {
        kind: kind.to_owned(),
        location: location_id(state, text(fields, "inventory_location_id").unwrap_or_default())?,
        sku: text(fields, "sku").ok_or_else(|| invalid("sku"))?.to_owned(),
        quantity,
        condition: condition(fields, "condition")?.unwrap_or_default(),
        new_location,
        new_condition: condition(fields, "new_condition")?,
    })
}

fn location_id(state: &State, text: &str) -> Result<Id, Refusal> {
    let id = read_se(text).filter(|id| state.stock.locations.contains_key(id));
    id.ok_or_else(|| Refusal::invalid("invalid_identifier", "there is no such inventory location"))
}

fn condition(fields: &Map<String, Value>, key: &str) -> Result<Option<Condition>, Refusal> {
    let Some(value) = fields.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let read = serde_json::from_value(value.clone());
    read.map(Some)
        .map_err(|_| Refusal::invalid("invalid_field_value", &format!("{key} is no condition")))
}

fn apply(state: &mut State, wanted: &Wanted) -> Result<(), Refusal> {
    let (location, sku, condition) = (wanted.location, wanted.sku.as_str(), wanted.condition);
    let there = state.stock.in_condition(location, sku, condition);
    let enough = there >= wanted.quantity;
    match wanted.kind.as_str() {
        "increment" => state.stock.set(location, sku, condition, there + wanted.quantity),
        "adjust" => state.stock.set(location, sku, condition, wanted.quantity),
        _ if !enough => {
            return Err(Refusal::invalid(
                "invalid_field_value",
                "there is not so much of it at that location",
            ));
        }
        "decrement" => state.stock.set(location, sku, condition, there - wanted.quantity),
        _ => {
            state.stock.set(location, sku, condition, there - wanted.quantity);
            let to = (
                wanted.new_location.unwrap_or(location),
                wanted.new_condition.unwrap_or(condition),
            );
            let before = state.stock.in_condition(to.0, sku, to.1);
            state.stock.set(to.0, sku, to.1, before + wanted.quantity);
        }
    }
    Ok(())
}

/// `GET /v2/inventory_warehouses`.
pub(super) async fn warehouses(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let state = shipstation.state();
    let all: Vec<&Container> = state.stock.warehouses.values().collect();
    asked.page("inventory_warehouses", ("limit", 100), MOST, &all, |one| shown(one))
}

/// `GET /v2/inventory_locations`.
pub(super) async fn locations(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let state = shipstation.state();
    let all: Vec<&Container> = state.stock.locations.values().collect();
    asked.page("inventory_locations", ("limit", 100), MOST, &all, |one| shown(one))
}

fn shown(container: &Container) -> Value {
    let times = json!({ "created_at": utc(container.created_at), "updated_at": utc(container.updated_at) });
    let own = match container.warehouse {
        None => json!({ "inventory_warehouse_id": se(container.id), "name": container.name }),
        Some(warehouse) => json!({
            "inventory_location_id": se(container.id),
            "name": container.name,
            "inventory_warehouse_id": se(warehouse),
        }),
    };
    match (own, times) {
        (Value::Object(mut own), Value::Object(times)) => {
            own.extend(times);
            Value::Object(own)
        }
        (own, _) => own,
    }
}

/// `GET /v2/inventory_warehouses/{id}`.
pub(super) async fn warehouse(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    one(&state.stock.warehouses, &id)
}

/// `GET /v2/inventory_locations/{id}`.
pub(super) async fn location(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    one(&state.stock.locations, &id)
}

fn one(containers: &BTreeMap<Id, Container>, id: &str) -> Reply {
    let container = read_se(id).and_then(|id| containers.get(&id));
    Ok(ok(shown(container.ok_or_else(|| Refusal::not_found("container"))?)))
}

/// `POST /v2/inventory_warehouses`.
pub(super) async fn add_warehouse(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V2, &body)?;
    let mut state = shipstation.state();
    let id = state.add_container(named(&fields)?, None, now);
    one(&state.stock.warehouses, &se(id))
}

/// `POST /v2/inventory_locations`.
pub(super) async fn add_location(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let now = shipstation.now();
    let fields = object(Api::V2, &body)?;
    let mut state = shipstation.state();
    let warehouse = text(&fields, "inventory_warehouse_id").and_then(read_se);
    let warehouse = warehouse.filter(|id| state.stock.warehouses.contains_key(id));
    let missing = || Refusal::invalid("invalid_identifier", "there is no such inventory warehouse");
    let id = state.add_container(named(&fields)?, Some(warehouse.ok_or_else(missing)?), now);
    one(&state.stock.locations, &se(id))
}

fn named(fields: &Map<String, Value>) -> Result<&str, Refusal> {
    text(fields, "name").ok_or_else(|| Refusal::invalid("field_value_required", "name is required"))
}

/// `PUT /v2/inventory_warehouses/{id}`.
pub(super) async fn rename_warehouse(
    Shared(shipstation): Shared<ShipStation>,
    Path(id): Path<String>,
    body: Bytes,
) -> Reply {
    let now = shipstation.now();
    rename(&mut shipstation.state().stock.warehouses, &id, &body, now)
}

/// `PUT /v2/inventory_locations/{id}`.
pub(super) async fn rename_location(
    Shared(shipstation): Shared<ShipStation>,
    Path(id): Path<String>,
    body: Bytes,
) -> Reply {
    let now = shipstation.now();
    rename(&mut shipstation.state().stock.locations, &id, &body, now)
}

fn rename(containers: &mut BTreeMap<Id, Container>, id: &str, body: &Bytes, now: Timestamp) -> Reply {
    let fields = object(Api::V2, body)?;
    let name = named(&fields)?;
    let container = read_se(id).and_then(|id| containers.get_mut(&id));
    let container = container.ok_or_else(|| Refusal::not_found("container"))?;
    name.clone_into(&mut container.name);
    container.updated_at = now;
    Ok(nothing())
}

/// `DELETE /v2/inventory_warehouses/{id}`: only an empty one.
pub(super) async fn remove_warehouse(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let mut state = shipstation.state();
    let id = read_se(&id).filter(|id| state.stock.warehouses.contains_key(id));
    let id = id.ok_or_else(|| Refusal::not_found("container"))?;
    if state
        .stock
        .locations
        .values()
        .any(|location| location.warehouse == Some(id))
    {
        return Err(Refusal::wrong_state("it has locations"));
    }
    state.stock.warehouses.remove(&id);
    Ok(nothing())
}

/// `DELETE /v2/inventory_locations/{id}`: only an empty one.
pub(super) async fn remove_location(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let mut state = shipstation.state();
    let id = read_se(&id).filter(|id| state.stock.locations.contains_key(id));
    let id = id.ok_or_else(|| Refusal::not_found("container"))?;
    let mut piles = state.stock.piles.iter();
    if piles.any(|((place, _), pile)| *place == id && pile.on_hand.values().any(|count| *count != 0)) {
        return Err(Refusal::wrong_state("there is stock at it"));
    }
    state.stock.locations.remove(&id);
    Ok(nothing())
}
