//! The books of the simulated account: every record, who wrote what when, and the rules that keep them consistent.
//!
//! Every change goes through here or through the folders beside it, so that `lastmodified` moves with every write, as
//! it does in the real system, also with our own.

use super::events::{Happening, OrderEvent};
use super::model::{
    Address, Customer, Fulfilment, Id, Integration, Invoice, Item, ItemType, Line, Location, SalesOrder, ShipMethod,
    ShipStatus, Stock, WeightUnit,
};
use super::options::Options;
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Who acts when a person uses the account's pages.
pub const PERSON: &str = "person";

/// A write of a custom body field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomFieldWrite {
    /// `SO10021`, or the number of a fulfilment.
    pub document: String,
    /// The field's script id.
    pub field: String,
    /// What was written; `null` empties the field.
    pub value: Value,
    /// `person`, or the client id of an integration.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A change of what a custom body field of an order says. Writing the same again is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// When.
    pub at: Timestamp,
    /// The field's script id.
    pub field: String,
    /// What it has said since; `null` where it is empty.
    pub value: Value,
    /// `person`, or the client id of an integration.
    pub by: String,
}

/// All records of the account.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The account's settings.
    pub options: Options,
    /// Customers by id.
    pub customers: BTreeMap<Id, Customer>,
    /// Locations by id.
    pub locations: BTreeMap<Id, Location>,
    /// Items by id.
    pub items: BTreeMap<Id, Item>,
    /// Ship items by id.
    pub ship_methods: BTreeMap<Id, ShipMethod>,
    /// Sales orders by id.
    pub orders: BTreeMap<Id, SalesOrder>,
    /// Item fulfilments by id.
    pub fulfilments: BTreeMap<Id, Fulfilment>,
    /// Invoices by id.
    pub invoices: BTreeMap<Id, Invoice>,
    /// What lies where, by item and location; an item that nobody has counted in a place has no entry.
    pub stock: BTreeMap<(Id, Id), Stock>,
    /// Every write of a custom field, oldest first.
    pub field_writes: Vec<CustomFieldWrite>,
    /// What the custom fields of orders have said, by order, oldest first.
    pub field_history: BTreeMap<Id, Vec<FieldChange>>,
    /// What people did to orders that the customer's script has not told of yet.
    pub(super) untold: Vec<OrderEvent>,
    /// Ids whose rows in the query engine are out of date.
    pub(super) stale: BTreeSet<Id>,
    /// Items and locations whose stock is out of date there.
    pub(super) stale_stock: BTreeSet<(Id, Id)>,
    last_id: Id,
    last_number: u64,
    fulfilments_of: BTreeMap<Id, BTreeSet<Id>>,
    named: BTreeMap<String, Id>,
}

/// The items and ship methods that every simulated account starts with.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Basics {
    /// Warehouse in Georgia.
    pub warehouse: Id,
    /// A light item (1.5 lb).
    pub light: Id,
    /// A heavy item (38 lb).
    pub heavy: Id,
    /// An item in kilograms (0.75 kg).
    pub metric: Id,
    /// An assembly (9 lb).
    pub assembly: Id,
    /// A kit of two light items and one metric one.
    pub kit: Id,
    /// A non-inventory item in ounces (6 oz).
    pub loose: Id,
    /// An item that nobody has weighed.
    pub unweighed: Id,
    /// A service.
    pub service: Id,
    /// Ship item without a label integration: sublist `package`.
    pub ground: Id,
    /// Ship item with the UPS integration: sublist `packageUps`.
    pub ups_integrated: Id,
    /// Ship item with the FedEx integration: sublist `packageFedex`.
    pub fedex_integrated: Id,
}

impl World {
    /// An account with the basic items, one warehouse and ship methods, and no orders.
    pub fn new(options: Options) -> (Self, Basics) {
        let mut world = Self {
            options,
            last_id: 100,
            last_number: 10_000,
            ..Self::default()
        };
        let basics = world.furnish();
        (world, basics)
    }

    fn furnish(&mut self) -> Basics {
        use ItemType::{Assembly, InvtPart, Kit, NonInvtPart, Service};
        let warehouse = self.add_location("Alpharetta Warehouse", warehouse_address());
        let beginning = Timestamp::UNIX_EPOCH;
        let light = self.add_item("PUMP-010", "Hand pump", InvtPart, Some((15, 1)), WeightUnit::Lb);
        let metric = self.add_item("SEAL-KG", "Seal ring set", InvtPart, Some((75, 2)), WeightUnit::Kg);
        let kit = self.add_item("KIT-77", "Starter kit", Kit, Some((465, 2)), WeightUnit::Lb);
        if let Some(item) = self.items.get_mut(&kit) {
            item.components = vec![(light, Decimal::TWO), (metric, Decimal::ONE)];
        }
        let heavy = self.add_item("MOTOR-38", "Electric motor", InvtPart, Some((38, 0)), WeightUnit::Lb);
        let assembly = self.add_item("VALVE-9", "Valve assembly", Assembly, Some((9, 0)), WeightUnit::Lb);
        let loose = self.add_item("MANUAL-EN", "Printed manual", NonInvtPart, Some((6, 0)), WeightUnit::Oz);
        let unweighed = self.add_item("GASKET-NEW", "Gasket, new design", InvtPart, None, WeightUnit::Lb);
        for (item, on_hand) in [
            (light, 500),
            (metric, 320),
            (heavy, 45),
            (assembly, 60),
            (unweighed, 75),
        ] {
            self.count(item, warehouse, Decimal::from(on_hand), beginning);
        }
        Basics {
            warehouse,
            light,
            metric,
            kit,
            heavy,
            assembly,
            loose,
            unweighed,
            service: self.add_item("SETUP", "Set-up by phone", Service, None, WeightUnit::Lb),
            ground: self.add_ship_method("UPS Ground", Integration::None),
            ups_integrated: self.add_ship_method("UPS Ground (integrated labels)", Integration::Ups),
            fedex_integrated: self.add_ship_method("FedEx Home Delivery (integrated labels)", Integration::FedEx),
        }
    }

    /// The next free internal id.
    pub fn next_id(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }

    /// The next document number with that prefix, such as `SO10001`.
    pub fn next_number(&mut self, prefix: &str) -> String {
        self.last_number += 1;
        format!("{prefix}{}", self.last_number)
    }

    /// Adds a customer.
    pub fn add_customer(&mut self, company: &str, email: &str, phone: &str) -> Id {
        let id = self.next_id();
        let entity_id = format!("CUST{id} {company}");
        let customer = Customer {
            id,
            entity_id,
            company: company.into(),
            email: email.into(),
            phone: phone.into(),
            ..Customer::default()
        };
        self.customers.insert(id, customer);
        self.stale.insert(id);
        id
    }

    /// Adds a location.
    pub fn add_location(&mut self, name: &str, address: Address) -> Id {
        let id = self.next_id();
        self.locations.insert(
            id,
            Location {
                id,
                name: name.into(),
                address,
            },
        );
        self.stale.insert(id);
        id
    }

    /// Adds an item. The weight is digits and the number of them after the decimal point: `(15, 1)` is 1.5.
    pub fn add_item(
        &mut self,
        sku: &str,
        name: &str,
        kind: ItemType,
        weight: Option<(i64, u32)>,
        unit: WeightUnit,
    ) -> Id {
        let id = self.next_id();
        let item = Item {
            id,
            sku: sku.into(),
            name: name.into(),
            kind,
            weight: weight.map(|(digits, scale)| Decimal::new(digits, scale)),
            weight_unit: unit,
            price: Decimal::new(2_450, 2),
            country_of_manufacture: "US".into(),
            tariff_code: "8413.91.9096".into(),
            components: Vec::new(),
        };
        self.items.insert(id, item);
        self.stale.insert(id);
        id
    }

    /// Adds a ship item.
    pub fn add_ship_method(&mut self, name: &str, integration: Integration) -> Id {
        let id = self.next_id();
        self.ship_methods.insert(
            id,
            ShipMethod {
                id,
                name: name.into(),
                integration,
            },
        );
        self.stale.insert(id);
        id
    }

    /// The order with that number (`SO10021`) or internal id.
    pub fn order_id(&self, number: &str) -> Option<Id> {
        let by_number = self
            .orders
            .values()
            .find(|order| order.tran_id == number)
            .map(|order| order.id);
        by_number.or_else(|| number.parse().ok().filter(|id| self.orders.contains_key(id)))
    }

    /// The fulfilments of an order, oldest first.
    pub fn fulfilments_of(&self, order: Id) -> Vec<&Fulfilment> {
        let ids = self.fulfilments_of.get(&order);
        ids.into_iter()
            .flatten()
            .filter_map(|id| self.fulfilments.get(id))
            .collect()
    }

    /// The fulfilment with that external id, as seen by a look-up that lags: what was made after `seen_until` is not
    /// there yet.
    pub fn fulfilment_by_external_id(&self, external_id: &str, seen_until: Timestamp) -> Option<&Fulfilment> {
        self.fulfilment_named(external_id)
            .filter(|one| one.created <= seen_until)
    }

    /// The fulfilment with this external id.
    pub fn fulfilment_named(&self, external_id: &str) -> Option<&Fulfilment> {
        let found = self.fulfilments.get(self.named.get(external_id)?);
        found.filter(|one| one.external_id.as_deref() == Some(external_id))
    }

    /// Remembers under which external id a fulfilment is found.
    pub(super) fn name(&mut self, external_id: Option<&String>, id: Id) {
        if let Some(external_id) = external_id {
            self.named.insert(external_id.clone(), id);
        }
    }

    /// The carrier integration of a ship item.
    pub fn integration(&self, ship_method: Option<Id>) -> Integration {
        ship_method
            .and_then(|id| self.ship_methods.get(&id))
            .map_or(Integration::None, |method| method.integration)
    }

    /// Notes that a record changed now.
    pub fn touch_order(&mut self, order: Id, now: Timestamp) {
        if let Some(order) = self.orders.get_mut(&order) {
            order.last_modified = now;
            self.stale.insert(order.id);
        }
    }

    /// Writes a custom body field of an order and keeps who did it.
    pub fn set_order_field(&mut self, order: Id, field: &str, value: Value, by: &str, now: Timestamp) {
        let Some(found) = self.orders.get_mut(&order) else {
            return;
        };
        let before = found.custom.get(field).cloned().unwrap_or_default();
        store(&mut found.custom, field, &value);
        let since = found.custom.get(field).cloned().unwrap_or_default();
        let document = found.tran_id.clone();
        if since != before {
            self.field_history.entry(order).or_default().push(FieldChange {
                at: now,
                field: field.into(),
                value: since,
                by: by.into(),
            });
        }
        self.field_writes.push(CustomFieldWrite {
            document,
            field: field.into(),
            value,
            by: by.into(),
            at: now,
        });
        self.touch_order(order, now);
        if by == PERSON {
            self.happened(order, Happening::Edit);
        }
    }

    /// Writes a custom body field of a fulfilment and keeps who did it.
    pub fn set_fulfilment_field(&mut self, fulfilment: Id, field: &str, value: Value, by: &str, now: Timestamp) {
        let Some(found) = self.fulfilments.get_mut(&fulfilment) else {
            return;
        };
        store(&mut found.custom, field, &value);
        found.last_modified = now;
        let document = found.tran_id.clone();
        self.field_writes.push(CustomFieldWrite {
            document,
            field: field.into(),
            value,
            by: by.into(),
            at: now,
        });
        self.stale.insert(fulfilment);
    }

    /// Writes a custom body field of an invoice and keeps who did it.
    pub fn set_invoice_field(&mut self, invoice: Id, field: &str, value: Value, by: &str, now: Timestamp) {
        let Some(found) = self.invoices.get_mut(&invoice) else {
            return;
        };
        store(&mut found.custom, field, &value);
        found.last_modified = now;
        let document = found.tran_id.clone();
        self.field_writes.push(CustomFieldWrite {
            document,
            field: field.into(),
            value,
            by: by.into(),
            at: now,
        });
        self.stale.insert(invoice);
    }

    /// Adds a fulfilment and moves its order: quantities, commitments, status, `lastmodified`.
    pub fn add_fulfilment(&mut self, fulfilment: Fulfilment, now: Timestamp) {
        let (id, order) = (fulfilment.id, fulfilment.order);
        for line in &fulfilment.lines {
            self.commit_line(order, line.order_line, -line.quantity);
        }
        self.fulfilments_of.entry(order).or_default().insert(id);
        self.name(fulfilment.external_id.as_ref(), id);
        let ships = fulfilment.status == ShipStatus::Shipped;
        self.fulfilments.insert(id, fulfilment);
        self.stale.insert(id);
        self.recount(order, now);
        if ships && self.options.bills_at_once {
            self.bill_fulfilments(order, &[id], now);
        }
    }

    /// Deletes a fulfilment: its stock is committed to the order again.
    pub fn remove_fulfilment(&mut self, id: Id, now: Timestamp) -> Option<Fulfilment> {
        let removed = self.fulfilments.remove(&id)?;
        self.fulfilments_of.entry(removed.order).or_default().remove(&id);
        for line in &removed.lines {
            self.commit_line(removed.order, line.order_line, line.quantity);
        }
        self.stale.insert(id);
        self.recount(removed.order, now);
        Some(removed)
    }

    fn commit_line(&mut self, order: Id, line: u32, change: Decimal) {
        if let Some(line) = self.orders.get_mut(&order).and_then(|order| order.line_mut(line)) {
            line.committed = (line.committed + change).max(Decimal::ZERO);
        }
    }

    /// Takes the order's fulfilled and shipped quantities from its fulfilments.
    pub fn recount(&mut self, order: Id, now: Timestamp) {
        let mut fulfilled: BTreeMap<u32, Decimal> = BTreeMap::new();
        let mut shipped: BTreeMap<u32, Decimal> = BTreeMap::new();
        for fulfilment in self.fulfilments_of(order) {
            for line in &fulfilment.lines {
                *fulfilled.entry(line.order_line).or_default() += line.quantity;
                if fulfilment.status == ShipStatus::Shipped {
                    *shipped.entry(line.order_line).or_default() += line.quantity;
                }
            }
        }
        let mut moved = Vec::new();
        if let Some(order) = self.orders.get_mut(&order) {
            for line in &mut order.lines {
                let before = line.shipped;
                recount_line(line, &fulfilled, &shipped);
                moved.push((line.item, line.location, before - line.shipped));
            }
        }
        for (item, location, change) in moved {
            self.move_stock(item, location, change, now);
        }
        self.touch_order(order, now);
    }

    /// A moment in the account's time zone.
    pub fn local(&self, at: Timestamp) -> DateTime {
        let seconds = self.options.utc_offset_minutes.saturating_mul(60);
        Offset::from_seconds(seconds).unwrap_or(Offset::UTC).to_datetime(at)
    }
}

fn recount_line(line: &mut Line, fulfilled: &BTreeMap<u32, Decimal>, shipped: &BTreeMap<u32, Decimal>) {
    line.fulfilled = fulfilled.get(&line.number).copied().unwrap_or_default();
    line.shipped = shipped.get(&line.number).copied().unwrap_or_default();
}

fn store(custom: &mut BTreeMap<String, Value>, field: &str, value: &Value) {
    if value.is_null() || value.as_str() == Some("") {
        custom.remove(field);
    } else {
        custom.insert(field.into(), value.clone());
    }
}

fn warehouse_address() -> Address {
    Address {
        addressee: "Peachtree Robotics".into(),
        attention: "Shipping dock".into(),
        addr1: "12380 Morris Rd".into(),
        city: "Alpharetta".into(),
        state: "GA".into(),
        zip: "30005".into(),
        country: "US".into(),
        phone: "6785551234".into(),
        ..Address::default()
    }
}

/// A decimal as a JSON number with all its digits.
pub fn number(value: Decimal) -> Value {
    value
        .normalize()
        .to_string()
        .parse::<Number>()
        .map_or(Value::Null, Value::Number)
}

/// A JSON number, or a string that holds one, as a decimal.
pub fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
