//! The books as rows of the resources: which attribute says what.
//!
//! Quirks: the same order has another key in each of the two order resources; the draft shows the change order that
//! stands; the ship-to of an order's header is text for people, the schedule has the location.

use super::model::{ChangeState, Content, Distribution, FlexValues, Id, Line, Order, Schedule, Status};
use super::resources::{DISTRIBUTIONS, DRAFTS, PURCHASE_ORDERS, Resource};
use super::shape::{Node, hash};
use super::world::World;
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Which of the two order resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Final,
    Draft,
}

impl View {
    pub(super) fn resource(self) -> &'static Resource {
        match self {
            Self::Final => &PURCHASE_ORDERS,
            Self::Draft => &DRAFTS,
        }
    }
}

/// What stands in an order resource: the order, or its draft.
struct Shown<'a> {
    world: &'a World,
    order: &'a Order,
    content: &'a Content,
    view: View,
    status: Status,
    last_updated: Timestamp,
}

impl<'a> Shown<'a> {
    fn of(world: &'a World, order: &'a Order, view: View) -> Self {
        let plain = Self {
            world,
            order,
            content: &order.content,
            view,
            status: world.shown_status(order),
            last_updated: order.last_updated,
        };
        let standing = order.standing().filter(|_| view == View::Draft);
        let Some(change) = standing else {
            return plain;
        };
        let status = match change.state {
            ChangeState::Rejected if world.options.draft_shows_change => Status::Rejected,
            ChangeState::Incomplete if world.options.draft_shows_change => Status::Incomplete,
            _ => plain.status,
        };
        Self {
            content: &change.content,
            status,
            last_updated: change.last_updated.max(order.last_updated),
            ..plain
        }
    }
}

const KEY_HEAD: &str = "00020000000EACED00057708";

/// The key of an order in a resource: like the vendor's own it holds the id, and more that differs by resource.
pub(super) fn order_key(world: &World, order: &Order, view: View) -> String {
    let change = order
        .standing()
        .filter(|_| view == View::Draft && world.options.rekey_on_change);
    let change = change.map_or(0, |change| change.number);
    let name = view.resource().name;
    let rest = hash(&format!("{name} {} {change}", order.id), 8);
    format!("{KEY_HEAD}{:016X}{rest}", order.id)
}

/// The order that a key can only be of.
pub(super) fn id_in(key: &str) -> Option<Id> {
    let digits = key.strip_prefix(KEY_HEAD)?.get(..16)?;
    Id::from_str_radix(digits, 16).ok()
}

/// When what a resource shows of an order changed.
pub(super) fn last_updated(world: &World, order: &Order, view: View) -> Timestamp {
    Shown::of(world, order, view).last_updated
}

/// The row of an order, with everything below it if `deep`.
pub(super) fn order(world: &World, order: &Order, view: View, deep: bool) -> Node {
    let shown = Shown::of(world, order, view);
    let mut children = BTreeMap::new();
    if deep {
        children.insert(
            "lines",
            shown.content.lines.iter().map(|line| shown.line(line)).collect(),
        );
        let flexfield = shown.flexfield(
            view.resource(),
            "PoHeaderId",
            order.id,
            shown.content.flexfield.as_ref(),
        );
        children.insert("DFF", flexfield);
    }
    Node {
        resource: view.resource(),
        key: order_key(world, order, view),
        id: order.id,
        version: order.version,
        attributes: object(shown.header()),
        children,
    }
}

impl Shown<'_> {
    fn header(&self) -> Value {
        let (world, order, content) = (self.world, self.order, self.content);
        let unit = world
            .business_units
            .get(&order.business_unit)
            .map(|one| one.name.as_str());
        let supplier = world.suppliers.get(&order.supplier);
        let site = supplier.and_then(|one| one.sites.iter().find(|site| site.id == order.site));
        let bill_to = world.locations.get(&order.bill_to);
        let total: Decimal = content.lines.iter().map(|line| line.quantity() * line.price).sum();
        let header = json!({
            "POHeaderId": order.id,
            "OrderNumber": order.number,
            "Revision": order.revision,
            "Description": content.description,
            "DocumentStyle": "Purchase Order",
            "StatusCode": self.status.code(),
            "Status": self.status.label(world.options.german),
            "SoldToLegalEntity": "US1 Legal Entity",
            "ProcurementBUId": order.business_unit,
            "ProcurementBU": unit,
            "RequisitioningBUId": order.business_unit,
            "RequisitioningBU": unit,
            "BillToBUId": order.business_unit,
            "BillToBU": unit,
            "Buyer": order.buyer,
            "BuyerDisplayName": order.buyer,
            "SupplierId": order.supplier,
            "Supplier": supplier.map(|one| one.name.as_str()),
            "SupplierSiteId": order.site,
            "SupplierSite": site.map(|one| one.name.as_str()),
            "SupplierOrder": content.supplier_order,
            "CurrencyCode": "USD",
            "OrderDate": order.created.to_string(),
            "CreationDate": order.created.to_string(),
            "LastUpdateDate": self.last_updated.to_string(),
            "CreatedBy": order.buyer,
            "LastUpdatedBy": order.buyer,
            "BillToLocationId": order.bill_to,
            "BillToLocation": bill_to.map(|one| one.code.as_str()),
            "BillToLocationAddress": bill_to.map(|one| one.address.formatted()),
        });
        merged([
            header,
            self.transport(),
            self.ship_to(),
            json!({ "TotalTax": null, "Ordered": decimal(total), "Total": decimal(total) }),
        ])
    }

    fn transport(&self) -> Value {
        let content = self.content;
        json!({
            "Carrier": content.carrier,
            "ModeOfTransport": content.mode_of_transport,
            "ServiceLevel": content.service_level,
            "FreightTerms": null,
            "NoteToSupplier": content.note_to_supplier,
            "NoteToReceiver": content.note_to_receiver,
            "ReferenceNumber": null,
        })
    }

    /// The first schedule's location, which stands for all of them.
    fn ship_to(&self) -> Value {
        let first = self.content.schedules().next();
        let location = first.and_then(|one| self.world.locations.get(&one.location));
        let code = location.map(|one| one.code.as_str());
        match self.view {
            View::Final => json!({
                "ShipToLocationCode": code,
                "ShipToLocationAddress": location.map(|one| one.address.formatted()),
            }),
            View::Draft => json!({
                "DefaultShipToLocationId": location.map(|one| one.id),
                "DefaultShipToLocation": code,
                "DefaultShipToLocationCode": code,
            }),
        }
    }

    fn line(&self, line: &Line) -> Node {
        let attributes = json!({
            "POLineId": line.id,
            "POHeaderId": self.order.id,
            "LineNumber": line.number,
            "LineType": "Goods",
            "ItemId": line.item,
            "Item": line.item_number,
            "Description": line.description,
            "Category": "Miscellaneous",
            "UOM": line.uom.name,
            "UOMCode": line.uom.code,
            "Quantity": decimal(line.quantity()),
            "BasePrice": decimal(line.price),
            "Price": decimal(line.price),
            "Ordered": decimal(line.quantity() * line.price),
            "Total": decimal(line.quantity() * line.price),
            "StatusCode": self.status.code(),
            "Status": self.status.label(self.world.options.german),
        });
        let schedules = line.schedules.iter().map(|schedule| self.schedule(line, schedule));
        Node {
            resource: child(self.view.resource(), "lines"),
            key: line.id.to_string(),
            id: line.id,
            version: self.order.version,
            attributes: object(attributes),
            children: BTreeMap::from([("schedules", schedules.collect())]),
        }
    }

    fn schedule(&self, line: &Line, schedule: &Schedule) -> Node {
        let location = self.world.locations.get(&schedule.location);
        let code = location.map(|one| one.code.as_str());
        let organization = self
            .world
            .organizations
            .get(&schedule.organization)
            .map(|one| one.code.as_str());
        let received = self.order.received(schedule.id);
        let status = self.schedule_status(schedule, received);
        let attributes = json!({
            "LineLocationId": schedule.id,
            "POHeaderId": self.order.id,
            "POLineId": line.id,
            "ScheduleNumber": schedule.number,
            "StatusCode": status.code(),
            "Status": status.label(self.world.options.german),
            "Quantity": decimal(schedule.quantity),
            "SecondaryQuantity": null,
            "ReceivedQuantity": decimal(received),
            "UOM": line.uom.name,
            "UOMCode": line.uom.code,
            "ShipToLocationId": schedule.location,
            "ShipToLocation": code,
            "ShipToLocationCode": code,
            "ShipToOrganizationId": schedule.organization,
            "ShipToOrganization": organization,
            "ShipToOrganizationCode": organization,
            "RequestedDeliveryDate": null,
            "PromisedDeliveryDate": null,
            "Carrier": schedule.carrier,
            "ModeOfTransport": schedule.mode_of_transport,
            "ServiceLevel": schedule.service_level,
            "CountryOfOriginCode": null,
            "LastUpdateDate": self.last_updated.to_string(),
        });
        let resource = child(child(self.view.resource(), "lines"), "schedules");
        let distributions = schedule
            .distributions
            .iter()
            .map(|one| self.distribution(schedule, one, code));
        let flexfield = self.flexfield(resource, "LineLocationId", schedule.id, schedule.flexfield.as_ref());
        Node {
            resource,
            key: format!(
                "0002000000{}",
                hash(&format!("{} {}", self.view.resource().name, schedule.id), 16)
            ),
            id: schedule.id,
            version: self.order.version,
            attributes: object(attributes),
            children: BTreeMap::from([("distributions", distributions.collect()), ("DFF", flexfield)]),
        }
    }

    fn schedule_status(&self, schedule: &Schedule, received: Decimal) -> Status {
        if schedule.canceled {
            Status::Canceled
        } else if self.status == Status::Open && received >= schedule.quantity {
            Status::ClosedForReceiving
        } else {
            self.status
        }
    }

    fn distribution(&self, schedule: &Schedule, one: &Distribution, location: Option<&str>) -> Node {
        let attributes = json!({
            "PODistributionId": one.id,
            "LineLocationId": schedule.id,
            "DistributionNumber": one.number,
            "Quantity": decimal(one.quantity),
            "POChargeAccount": one.charge_account,
            "POChargeAccountId": one.id + 1,
            "DeliverToLocation": location,
            "DeliverToLocationCode": location,
        });
        Node {
            resource: &DISTRIBUTIONS,
            key: one.id.to_string(),
            id: one.id,
            version: self.order.version,
            attributes: object(attributes),
            children: BTreeMap::new(),
        }
    }

    /// The flexfield's row, once there is one.
    fn flexfield(&self, parent: &Resource, key: &str, id: Id, values: Option<&FlexValues>) -> Vec<Node> {
        let resource = child(parent, "DFF");
        let level = resource.flexfield;
        let defined = level.and_then(|level| self.world.options.flexfield(level));
        let (Some(values), Some(defined)) = (values, defined) else {
            return Vec::new();
        };
        let mut attributes = object(json!({
            key: id,
            "__FLEX_Context": values.context,
            "__FLEX_Context_DisplayValue": values.context,
        }));
        for segment in &defined.segments {
            let value = values.segments.get(&segment.api_name).cloned();
            attributes.insert(segment.api_name.clone(), value.unwrap_or(Value::Null));
        }
        vec![Node {
            resource,
            key: id.to_string(),
            id,
            version: self.order.version,
            attributes,
            children: BTreeMap::new(),
        }]
    }
}

/// The child of a resource that has it by its definition.
fn child(parent: &Resource, name: &str) -> &'static Resource {
    parent.child(name).unwrap_or(&DISTRIBUTIONS)
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

pub(super) fn merged<const N: usize>(parts: [Value; N]) -> Value {
    Value::Object(parts.into_iter().flat_map(object).collect())
}

/// A number as JSON has it: whole where it is.
pub(super) fn decimal(number: Decimal) -> Value {
    let number = number.normalize();
    match number.to_i64().filter(|_| number.is_integer()) {
        Some(whole) => json!(whole),
        None => json!(number.to_f64()),
    }
}
