//! Turning orders into fulfilments and changing what is there: the rules of the transform and of PATCH and DELETE.
//!
//! Quirks kept: lines that the request does not mention are fulfilled in full; a new fulfilment has an empty package
//! line of its own unless the sublist is replaced; PATCH appends packages unless the sublist is replaced.

use super::body::{FulfilmentBody, LineBody, OrderBody, patch_address};
use super::model::{Fulfilment, FulfilmentLine, Id, Line, Package, SalesOrder, ShipStatus};
use super::refusal::Refusal;
use super::world::World;
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

impl World {
    /// The transform of a sales order into an item fulfilment; answers the new id.
    ///
    /// # Errors
    /// 404 for an order that does not exist, 400 for everything that NetSuite refuses.
    pub fn transform(
        &mut self,
        order: Id,
        body: FulfilmentBody,
        replace: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<Id, Refusal> {
        let found = self.orders.get(&order).ok_or_else(Refusal::nonexistent)?;
        check_status(found)?;
        self.check_external_id(body.external_id.as_deref(), None)?;
        self.check_ship_method(body.ship_method)?;
        let lines = self.fulfilment_lines(found, &body)?;
        let ship_method = body.ship_method.or(found.ship_method);
        let first = lines.first().and_then(|line| found.line(line.order_line));
        let ship_address = first
            .map_or(&found.ship_address, |line| found.destination(line))
            .clone();
        let mut packages = body.packages.unwrap_or_default();
        if !replace || packages.is_empty() {
            packages.insert(0, Package::default());
        }
        let default_status = ShipStatus::from_letter(&self.options.default_ship_status).unwrap_or(ShipStatus::Picked);
        let id = self.next_id();
        let fulfilment = Fulfilment {
            id,
            tran_id: self.next_number("IF"),
            external_id: body.external_id,
            order,
            status: body.ship_status.unwrap_or(default_status),
            ship_method,
            memo: body.memo.unwrap_or_default(),
            tran_date: body.tran_date.unwrap_or_else(|| self.local(now).date()),
            lines,
            packages,
            ship_address,
            custom: BTreeMap::new(),
            made_by: by.into(),
            created: now,
            last_modified: now,
        };
        self.add_fulfilment(fulfilment, now);
        for (field, value) in body.custom {
            self.set_fulfilment_field(id, &field, value, by, now);
        }
        Ok(id)
    }

    fn check_external_id(&self, external_id: Option<&str>, own: Option<Id>) -> Result<(), Refusal> {
        let Some(wanted) = external_id.filter(|id| !id.is_empty()) else {
            return Ok(());
        };
        if self.fulfilment_named(wanted).is_some_and(|one| Some(one.id) != own) {
            let detail = format!("This record already exists. A record with the external id {wanted} already exists.");
            return Err(Refusal {
                path: Some("externalId".into()),
                ..Refusal::new(400, "DUP_RCRD", detail)
            });
        }
        Ok(())
    }

    fn check_ship_method(&self, id: Option<Id>) -> Result<(), Refusal> {
        match id.filter(|id| !self.ship_methods.contains_key(id)) {
            Some(id) => {
                let detail = format!("Invalid Field Value {id} for the following field: shipMethod");
                Err(Refusal::content("shipMethod", detail))
            }
            None => Ok(()),
        }
    }

    fn fulfilment_lines(&self, order: &SalesOrder, body: &FulfilmentBody) -> Result<Vec<FulfilmentLine>, Refusal> {
        let group = order.multi_ship_to.then_some(body.ship_group.unwrap_or(1));
        let in_group = |line: &Line| group.is_none_or(|group| line.ship_group == group);
        for (index, asked) in body.lines.iter().enumerate() {
            let line = order.line(asked.order_line).filter(|line| in_group(line));
            self.check_line(line, asked, index)?;
        }
        let mut lines = Vec::new();
        for line in order.lines.iter().filter(|line| in_group(line)) {
            let asked = body.lines.iter().find(|asked| asked.order_line == line.number);
            let quantity = self.quantity_of(line, asked);
            if quantity > Decimal::ZERO {
                lines.push(self.fulfilment_line(line, asked, quantity)?);
            }
        }
        if lines.is_empty() {
            let detail = "You must have at least one valid line item for this transaction.";
            return Err(Refusal::new(400, "VALID_LINE_ITEM_REQD", detail));
        }
        Ok(lines)
    }

    fn quantity_of(&self, line: &Line, asked: Option<&LineBody>) -> Decimal {
        let possible = line.fulfillable(self.options.limit_to_committed);
        match asked {
            None => possible,
            Some(asked) if asked.receive => asked.quantity.unwrap_or(possible),
            Some(_) => Decimal::ZERO,
        }
    }

    fn check_line(&self, line: Option<&Line>, asked: &LineBody, index: usize) -> Result<(), Refusal> {
        let path = |name: &str| format!("item.items[{index}].{name}");
        let Some(line) = line else {
            let detail = format!(
                "Invalid Field Value {} for the following field: orderLine",
                asked.order_line
            );
            return Err(Refusal::content(path("orderLine"), detail));
        };
        if asked.receive && self.quantity_of(line, Some(asked)) > line.fulfillable(self.options.limit_to_committed) {
            let detail = "The quantity to fulfill cannot exceed what remains of the line.";
            return Err(Refusal {
                path: Some(path("quantity")),
                ..Refusal::user(detail)
            });
        }
        Ok(())
    }

    fn fulfilment_line(
        &self,
        line: &Line,
        asked: Option<&LineBody>,
        quantity: Decimal,
    ) -> Result<FulfilmentLine, Refusal> {
        let location = asked.and_then(|asked| asked.location).or(line.location);
        if location.is_none() && self.options.require_line_location {
            return Err(Refusal::user("Please enter value(s) for: Items list: Location"));
        }
        if let Some(unknown) = location.filter(|id| !self.locations.contains_key(id)) {
            let detail = format!("Invalid Field Value {unknown} for the following field: location");
            return Err(Refusal::content("item.items.location", detail));
        }
        Ok(FulfilmentLine {
            order_line: line.number,
            item: line.item,
            quantity,
            location,
        })
    }

    /// A change of a fulfilment. All of it happens or nothing.
    ///
    /// # Errors
    /// 404 or 400.
    pub fn patch_fulfilment(
        &mut self,
        id: Id,
        body: FulfilmentBody,
        replace: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.check_external_id(body.external_id.as_deref(), Some(id))?;
        self.check_ship_method(body.ship_method)?;
        self.name(body.external_id.as_ref(), id);
        if !body.lines.is_empty() {
            return Err(Refusal::content(
                "item",
                "Lines of a fulfillment cannot be changed here.",
            ));
        }
        let found = self.fulfilments.get_mut(&id).ok_or_else(Refusal::nonexistent)?;
        found.status = body.ship_status.unwrap_or(found.status);
        found.ship_method = body.ship_method.or(found.ship_method);
        found.tran_date = body.tran_date.unwrap_or(found.tran_date);
        found.external_id = body.external_id.or_else(|| found.external_id.take());
        if let Some(memo) = body.memo {
            found.memo = memo;
        }
        if let Some(packages) = body.packages {
            if replace {
                found.packages.clear();
            }
            found.packages.extend(packages);
        }
        found.last_modified = now;
        let order = found.order;
        self.stale.insert(id);
        for (field, value) in body.custom {
            self.set_fulfilment_field(id, &field, value, by, now);
        }
        self.recount(order, now);
        Ok(())
    }

    /// A change of an invoice's custom fields.
    ///
    /// # Errors
    /// 404.
    pub fn patch_invoice(
        &mut self,
        id: Id,
        custom: BTreeMap<String, serde_json::Value>,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if !self.invoices.contains_key(&id) {
            return Err(Refusal::nonexistent());
        }
        for (field, value) in custom {
            self.set_invoice_field(id, &field, value, by, now);
        }
        Ok(())
    }

    /// A change of a sales order. All of it happens or nothing.
    ///
    /// # Errors
    /// 404 or 400.
    pub fn patch_order(&mut self, id: Id, body: OrderBody, by: &str, now: Timestamp) -> Result<(), Refusal> {
        self.check_ship_method(body.ship_method)?;
        let order = self.orders.get_mut(&id).ok_or_else(Refusal::nonexistent)?;
        let texts = [
            (&mut order.memo, body.memo),
            (&mut order.email, body.email),
            (&mut order.other_ref_num, body.other_ref_num),
        ];
        for (target, text) in texts {
            if let Some(text) = text {
                *target = text;
            }
        }
        order.ship_method = body.ship_method.or(order.ship_method);
        if let Some(fields) = body.shipping_address {
            patch_address(&mut order.ship_address, &fields);
        }
        for (field, value) in body.custom {
            self.set_order_field(id, &field, value, by, now);
        }
        self.touch_order(id, now);
        Ok(())
    }
}

fn check_status(order: &SalesOrder) -> Result<(), Refusal> {
    if order.status().shippable() {
        return Ok(());
    }
    let status = order.status().name();
    Err(Refusal::user(format!(
        "Invalid reference: the sales order cannot be fulfilled, its status is {status}."
    )))
}
