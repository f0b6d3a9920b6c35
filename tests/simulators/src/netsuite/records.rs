//! Records as the vendor shows them: `salesOrder`, `itemFulfillment`, `customer` and items as JSON.
//!
//! Quirks kept: ids are strings; empty fields are absent; sublists and subrecords are links unless
//! `expandSubResources=true`; the line of an order has no weight.

use super::model::{Address, Customer, Fulfilment, Invoice, Item, ItemType, Line, Location, Package, SalesOrder};
use super::world::{World, number};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The folder of the record service.
pub const RECORDS: &str = "/services/rest/record/v1";

/// How a record is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Scheme and host for links, such as `http://127.0.0.1:8082`.
    pub base: String,
    /// Sublists and subrecords inline.
    pub expand: bool,
    /// Only these fields; all when empty.
    pub fields: Vec<String>,
}

impl Wanted {
    fn link(&self, path: &str) -> Value {
        json!([{ "rel": "self", "href": format!("{}{RECORDS}{path}", self.base) }])
    }

    /// A sublist or subrecord: inline, or only its link.
    fn part(&self, path: &str, content: Value) -> Value {
        if self.expand {
            content
        } else {
            json!({ "links": self.link(path) })
        }
    }

    fn chosen(&self, mut record: Value) -> Value {
        if let (Some(fields), false) = (record.as_object_mut(), self.fields.is_empty()) {
            fields.retain(|name, _| name == "links" || name == "id" || self.fields.contains(name));
        }
        prune(&mut record);
        record
    }
}

/// Drops fields without a value: NetSuite leaves them out.
fn prune(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
        fields.values_mut().for_each(prune);
    } else if let Some(all) = value.as_array_mut() {
        all.iter_mut().for_each(prune);
    }
}

fn reference(id: impl ToString, name: &str) -> Value {
    json!({ "links": [], "id": id.to_string(), "refName": name })
}

fn moment(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn sublist(items: Vec<Value>) -> Value {
    json!({ "links": [], "count": items.len(), "hasMore": false, "items": items, "offset": 0, "totalResults": items.len() })
}

/// A sales order.
pub fn sales_order(world: &World, order: &SalesOrder, wanted: &Wanted) -> Value {
    let path = format!("/salesOrder/{}", order.id);
    let customer = world
        .customers
        .get(&order.entity)
        .map_or("", |customer| customer.entity_id.as_str());
    let lines = order.lines.iter().map(|line| order_line(world, order, line)).collect();
    let mut record = json!({
        "links": wanted.link(&path),
        "id": order.id.to_string(),
        "tranId": order.tran_id,
        "externalId": order.external_id,
        "otherRefNum": order.other_ref_num,
        "entity": reference(order.entity, customer),
        "email": order.email,
        "memo": order.memo,
        "status": { "id": order.status().letter(), "refName": order.status().name() },
        "orderStatus": { "id": order.status().letter(), "refName": order.status().name() },
        "tranDate": order.tran_date.to_string(),
        "createdDate": moment(order.created),
        "lastModifiedDate": moment(order.last_modified),
        "location": order.location.map(|id| location(world, id)),
        "currency": reference(1, "US Dollar"),
        "shipMethod": order.ship_method.map(|id| ship_method(world, id)),
        "shipComplete": false,
        "isMultiShipTo": order.multi_ship_to,
        "linkedTrackingNumbers": tracking_numbers(world, order).join(" "),
        "shipAddress": block(&order.ship_address),
        "shippingAddress": wanted.part(&format!("{path}/shippingAddress"), address(&order.ship_address)),
        "item": wanted.part(&format!("{path}/item"), sublist(lines)),
    });
    add_custom(&mut record, &order.custom);
    wanted.chosen(record)
}

fn add_custom(record: &mut Value, custom: &BTreeMap<String, Value>) {
    if let Some(fields) = record.as_object_mut() {
        fields.extend(custom.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

fn location(world: &World, id: u64) -> Value {
    reference(
        id,
        world.locations.get(&id).map_or("", |location| location.name.as_str()),
    )
}

fn ship_method(world: &World, id: u64) -> Value {
    reference(
        id,
        world.ship_methods.get(&id).map_or("", |method| method.name.as_str()),
    )
}

/// The tracking numbers of all fulfilments of an order.
pub fn tracking_numbers(world: &World, order: &SalesOrder) -> Vec<String> {
    let fulfilments = world.fulfilments_of(order.id).into_iter();
    fulfilments
        .flat_map(Fulfilment::tracking_numbers)
        .map(str::to_owned)
        .collect()
}

fn order_line(world: &World, order: &SalesOrder, line: &Line) -> Value {
    let item = world.items.get(&line.item);
    let item_name = item.map_or("", |item| item.sku.as_str());
    json!({
        "links": [],
        "line": line.number,
        "lineUniqueKey": line.unique_key,
        "item": reference(line.item, item_name),
        "itemType": { "id": line.kind.code(), "refName": line.kind.code() },
        "description": item.map(|item| item.name.clone()),
        "quantity": number(line.quantity),
        "quantityFulfilled": number(line.fulfilled),
        "quantityCommitted": number(line.committed),
        "quantityBackOrdered": number((line.remaining() - line.committed).max(rust_decimal::Decimal::ZERO)),
        "rate": number(line.rate),
        "amount": number(line.rate * line.quantity),
        "isClosed": line.closed,
        "isOpen": !line.closed,
        "location": line.location.map(|id| location(world, id)),
        "shipGroup": line.ship_group,
        "shipAddress": line.ship_address.as_ref().filter(|_| order.multi_ship_to).map(block),
        "shippingAddress": line.ship_address.as_ref().filter(|_| order.multi_ship_to).map(address),
    })
}

/// An address as one text.
fn block(address: &Address) -> String {
    let city = format!("{} {} {}", address.city, address.state, address.zip);
    let lines = [
        address.attention.as_str(),
        address.addressee.as_str(),
        address.addr1.as_str(),
        address.addr2.as_str(),
        address.addr3.as_str(),
        city.as_str(),
        address.country.as_str(),
    ];
    lines
        .into_iter()
        .filter(|line| !line.trim().is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn address(address: &Address) -> Value {
    json!({
        "links": [],
        "addressee": address.addressee,
        "attention": address.attention,
        "addr1": address.addr1,
        "addr2": address.addr2,
        "addr3": address.addr3,
        "city": address.city,
        "state": address.state,
        "zip": address.zip,
        "country": { "id": address.country, "refName": address.country },
        "addrPhone": address.phone,
        "addrText": block(address),
        "override": false,
    })
}

/// An item fulfilment.
pub fn item_fulfilment(world: &World, fulfilment: &Fulfilment, wanted: &Wanted) -> Value {
    let path = format!("/itemFulfillment/{}", fulfilment.id);
    let carrier = world.integration(fulfilment.ship_method);
    let order = world.orders.get(&fulfilment.order);
    let lines = fulfilment.lines.iter().map(|line| {
        let sku = world.items.get(&line.item).map_or("", |item| item.sku.as_str());
        json!({
            "links": [],
            "line": line.order_line,
            "orderLine": line.order_line,
            "item": reference(line.item, sku),
            "quantity": number(line.quantity),
            "itemReceive": true,
            "location": line.location.map(|id| location(world, id)),
        })
    });
    let mut record = json!({
        "links": wanted.link(&path),
        "id": fulfilment.id.to_string(),
        "tranId": fulfilment.tran_id,
        "externalId": fulfilment.external_id,
        "createdFrom": order.map(|order| reference(order.id, &format!("Sales Order #{}", order.tran_id))),
        "entity": order.map(|order| reference(order.entity, "")),
        "shipStatus": { "id": fulfilment.status.letter(), "refName": fulfilment.status.name() },
        "status": { "id": fulfilment.status.letter(), "refName": fulfilment.status.name() },
        "tranDate": fulfilment.tran_date.to_string(),
        "createdDate": moment(fulfilment.created),
        "lastModifiedDate": moment(fulfilment.last_modified),
        "memo": fulfilment.memo,
        "shipMethod": fulfilment.ship_method.map(|id| ship_method(world, id)),
        "shippingAddress": wanted.part(&format!("{path}/shippingAddress"), address(&fulfilment.ship_address)),
        "item": wanted.part(&format!("{path}/item"), sublist(lines.collect())),
    });
    let packages = fulfilment
        .packages
        .iter()
        .map(|one| package(one, carrier.suffix()))
        .collect();
    let packages = wanted.part(&format!("{path}/{}", carrier.sublist()), sublist(packages));
    record
        .as_object_mut()
        .map(|fields| fields.insert(carrier.sublist().into(), packages));
    add_custom(&mut record, &fulfilment.custom);
    wanted.chosen(record)
}

/// An invoice.
pub fn invoice(world: &World, invoice: &Invoice, wanted: &Wanted) -> Value {
    let path = format!("/invoice/{}", invoice.id);
    let order = world.orders.get(&invoice.order);
    let lines = invoice.lines.iter().map(|line| {
        let sku = world.items.get(&line.item).map_or("", |item| item.sku.as_str());
        json!({ "links": [], "orderLine": line.order_line, "item": reference(line.item, sku), "quantity": number(line.quantity) })
    });
    let (letter, name) = if invoice.voided { ("V", "Voided") } else { ("A", "Open") };
    let mut record = json!({
        "links": wanted.link(&path),
        "id": invoice.id.to_string(),
        "tranId": invoice.tran_id,
        "createdFrom": order.map(|order| reference(order.id, &format!("Sales Order #{}", order.tran_id))),
        "entity": order.map(|order| reference(order.entity, "")),
        "status": { "id": letter, "refName": name },
        "tranDate": invoice.tran_date.to_string(),
        "createdDate": moment(invoice.created),
        "lastModifiedDate": moment(invoice.last_modified),
        "item": wanted.part(&format!("{path}/item"), sublist(lines.collect())),
    });
    add_custom(&mut record, &invoice.custom);
    wanted.chosen(record)
}

fn package(package: &Package, suffix: &str) -> Value {
    let mut fields = Map::from_iter(package.other.clone());
    fields.insert("links".into(), json!([]));
    fields.insert(format!("packageTrackingNumber{suffix}"), json!(package.tracking));
    fields.insert(
        format!("packageWeight{suffix}"),
        package.weight.map_or(Value::Null, number),
    );
    fields.insert(format!("packageDescr{suffix}"), json!(package.description));
    Value::Object(fields)
}

/// A customer.
pub fn customer(customer: &Customer, wanted: &Wanted) -> Value {
    wanted.chosen(json!({
        "links": wanted.link(&format!("/customer/{}", customer.id)),
        "id": customer.id.to_string(),
        "entityId": customer.entity_id,
        "companyName": customer.company,
        "email": customer.email,
        "phone": customer.phone,
        "altPhone": customer.alt_phone,
        "mobilePhone": customer.mobile_phone,
        "isPerson": customer.person,
        "parent": customer.parent.map(|id| reference(id, "")),
        "isInactive": false,
    }))
}

/// A location with its address.
pub fn location_record(location: &Location, wanted: &Wanted) -> Value {
    let path = format!("/location/{}", location.id);
    wanted.chosen(json!({
        "links": wanted.link(&path),
        "id": location.id.to_string(),
        "name": location.name,
        "isInactive": false,
        "mainAddress": wanted.part(&format!("{path}/mainAddress"), address(&location.address)),
    }))
}

/// The record type of an item, such as `inventoryItem`.
pub fn item_record_type(kind: ItemType) -> &'static str {
    match kind {
        ItemType::InvtPart => "inventoryItem",
        ItemType::Assembly => "assemblyItem",
        ItemType::Kit => "kitItem",
        ItemType::NonInvtPart => "nonInventorySaleItem",
        ItemType::Service => "serviceSaleItem",
    }
}

/// An item.
pub fn item(item: &Item, wanted: &Wanted) -> Value {
    wanted.chosen(json!({
        "links": wanted.link(&format!("/{}/{}", item_record_type(item.kind), item.id)),
        "id": item.id.to_string(),
        "itemId": item.sku,
        "displayName": item.name,
        "weight": item.weight.map(number),
        "weightUnit": { "id": item.weight_unit.id().to_string(), "refName": item.weight_unit.name() },
        "countryOfManufacture": item.country_of_manufacture,
        "scheduleBCode": item.tariff_code,
    }))
}
