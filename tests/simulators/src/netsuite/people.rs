//! What people do in the account's pages: they enter orders, correct addresses, cancel, close, fulfil by hand.
//!
//! Each act moves the order's `lastmodified`, except where the real system would not: weighing an item changes the
//! item only, and [`World::backdate`] is the late commit, an order that appears with a `lastmodified` in the past.

use super::events::Happening;
use super::model::{
    Address, Fulfilment, FulfilmentLine, Id, Invoice, InvoiceLine, ItemType, Line, Package, SalesOrder, ShipStatus,
    WeightUnit,
};
use super::refusal::Refusal;
use super::world::{PERSON, World};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A line that a person enters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewLine {
    /// Internal id or SKU of the item.
    pub item: ItemKey,
    /// Ordered.
    pub quantity: Decimal,
    /// Committed; everything that was ordered when left out.
    #[serde(default)]
    pub committed: Option<Decimal>,
    /// From where; the order's header location when left out.
    #[serde(default)]
    pub location: Option<Id>,
    /// Leaves the line without a location, even if the header has one.
    #[serde(default)]
    pub no_location: bool,
    /// The line's own destination in an order with several.
    #[serde(default)]
    pub ship_address: Option<Address>,
}

/// How a line names its item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ItemKey {
    /// Internal id.
    Id(Id),
    /// SKU.
    Sku(String),
}

impl NewLine {
    /// A line that is committed in full.
    pub fn of(item: Id, quantity: u32) -> Self {
        Self {
            item: ItemKey::Id(item),
            quantity: quantity.into(),
            committed: None,
            location: None,
            no_location: false,
            ship_address: None,
        }
    }

    /// The same line with only so much committed.
    #[must_use]
    pub fn committed(self, committed: u32) -> Self {
        Self {
            committed: Some(committed.into()),
            ..self
        }
    }

    /// The same line without a location.
    #[must_use]
    pub fn nowhere(self) -> Self {
        Self {
            no_location: true,
            ..self
        }
    }

    /// The same line with a destination of its own.
    #[must_use]
    pub fn to(self, address: Address) -> Self {
        Self {
            ship_address: Some(address),
            ..self
        }
    }
}

/// An order that a person enters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewOrder {
    /// Where it goes.
    pub address: Address,
    /// What.
    pub lines: Vec<NewLine>,
    /// Who orders; who has the address's name and this telephone when left out.
    #[serde(default)]
    pub customer: Option<Id>,
    /// The phone of the customer's record; the address may have none.
    #[serde(default)]
    pub customer_phone: String,
    /// External id.
    #[serde(default)]
    pub external_id: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: String,
    /// Ship item; the first one of the account when left out.
    #[serde(default)]
    pub ship_method: Option<Id>,
    /// Header location; the first one of the account when left out.
    #[serde(default)]
    pub location: Option<Id>,
    /// Leaves the approval to somebody else: status A.
    #[serde(default)]
    pub pending_approval: bool,
    /// The customer's purchase order number.
    #[serde(default)]
    pub other_ref_num: String,
    /// Memo.
    #[serde(default)]
    pub memo: String,
    /// Custom body fields.
    #[serde(default)]
    pub custom: BTreeMap<String, Value>,
    /// A late commit: it appears now, with a `lastmodified` so many seconds ago.
    #[serde(default)]
    pub late_by_s: u32,
}

impl NewOrder {
    /// An approved order.
    pub fn to(address: Address, lines: Vec<NewLine>) -> Self {
        Self {
            address,
            lines,
            customer: None,
            external_id: None,
            customer_phone: "4045550100".into(),
            email: "buyer@example.com".into(),
            ship_method: None,
            location: None,
            pending_approval: false,
            other_ref_num: String::new(),
            memo: String::new(),
            custom: BTreeMap::new(),
            late_by_s: 0,
        }
    }
}

impl World {
    /// A person enters an order; answers its internal id.
    ///
    /// # Errors
    /// When a line names an item that does not exist.
    pub fn add_order(&mut self, new: NewOrder, now: Timestamp) -> Result<Id, Refusal> {
        let location = new.location.or_else(|| self.locations.keys().next().copied());
        let lines = self.new_lines(&new.lines, location)?;
        let then = now
            .checked_sub(SignedDuration::from_secs(new.late_by_s.into()))
            .unwrap_or(now);
        let known = new.customer.filter(|id| self.customers.contains_key(id));
        let entity =
            known.unwrap_or_else(|| self.customer_named(&new.address.addressee, &new.email, &new.customer_phone));
        let id = self.next_id();
        let order = SalesOrder {
            id,
            tran_id: self.next_number("SO"),
            external_id: new.external_id,
            entity,
            other_ref_num: new.other_ref_num,
            email: new.email,
            memo: new.memo,
            ship_method: new.ship_method.or_else(|| self.ship_methods.keys().next().copied()),
            ship_address: new.address,
            bill_address: None,
            multi_ship_to: new.lines.iter().any(|line| line.ship_address.is_some()),
            location,
            lines,
            approved: !new.pending_approval,
            cancelled: false,
            custom: new.custom,
            tran_date: self.local(now).date(),
            created: then,
            last_modified: then,
        };
        self.orders.insert(id, order);
        self.stale.insert(id);
        self.happened(id, Happening::Create);
        Ok(id)
    }

    fn customer_named(&mut self, company: &str, email: &str, phone: &str) -> Id {
        let known = self
            .customers
            .values()
            .find(|one| one.company == company && one.phone == phone);
        known
            .map(|one| one.id)
            .unwrap_or_else(|| self.add_customer(company, email, phone))
    }

    fn new_lines(&mut self, lines: &[NewLine], location: Option<Id>) -> Result<Vec<Line>, Refusal> {
        let mut groups: Vec<Option<Address>> = Vec::new();
        let mut made = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let group = groups
                .iter()
                .position(|one| *one == line.ship_address)
                .unwrap_or_else(|| {
                    groups.push(line.ship_address.clone());
                    groups.len() - 1
                });
            made.push(self.new_line(index, group, line, location)?);
        }
        Ok(made)
    }

    fn new_line(&mut self, index: usize, group: usize, new: &NewLine, header: Option<Id>) -> Result<Line, Refusal> {
        let item = self.item_by_key(&new.item).ok_or_else(Refusal::nonexistent)?;
        let (item, kind, rate) = (item.id, item.kind, item.price);
        Ok(Line {
            number: line_number(index),
            unique_key: self.next_id(),
            item,
            kind,
            quantity: new.quantity,
            committed: if kind.stocked() {
                new.committed.unwrap_or(new.quantity)
            } else {
                Decimal::ZERO
            },
            fulfilled: Decimal::ZERO,
            shipped: Decimal::ZERO,
            billed: Decimal::ZERO,
            location: new
                .location
                .or(header)
                .filter(|_| !new.no_location && kind != ItemType::Service),
            closed: false,
            rate,
            ship_group: u32::try_from(group).unwrap_or_default() + 1,
            ship_address: new.ship_address.clone(),
        })
    }

    fn item_by_key(&self, key: &ItemKey) -> Option<&super::model::Item> {
        match key {
            ItemKey::Id(id) => self.items.get(id),
            ItemKey::Sku(sku) => self.items.values().find(|item| item.sku == *sku),
        }
    }

    /// A person changes an order: `change` is applied and `lastmodified` moves.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn change_order(
        &mut self,
        order: Id,
        now: Timestamp,
        change: impl FnOnce(&mut SalesOrder),
    ) -> Result<(), Refusal> {
        self.act_on(order, now, Happening::Edit, change)
    }

    fn act_on(
        &mut self,
        order: Id,
        now: Timestamp,
        happening: Happening,
        change: impl FnOnce(&mut SalesOrder),
    ) -> Result<(), Refusal> {
        change(self.orders.get_mut(&order).ok_or_else(Refusal::nonexistent)?);
        self.touch_order(order, now);
        self.happened(order, happening);
        Ok(())
    }

    /// A person changes a line of an order.
    ///
    /// # Errors
    /// When there is no such order or line.
    pub fn change_line(
        &mut self,
        order: Id,
        line: u32,
        now: Timestamp,
        change: impl FnOnce(&mut Line),
    ) -> Result<(), Refusal> {
        let found = self.orders.get_mut(&order).and_then(|order| order.line_mut(line));
        change(found.ok_or_else(Refusal::nonexistent)?);
        self.touch_order(order, now);
        self.happened(order, Happening::Edit);
        Ok(())
    }

    /// Another address.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn edit_address(&mut self, order: Id, address: Address, now: Timestamp) -> Result<(), Refusal> {
        self.change_order(order, now, |order| order.ship_address = address)
    }

    /// Another ship item.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn edit_ship_method(&mut self, order: Id, ship_method: Id, now: Timestamp) -> Result<(), Refusal> {
        self.change_order(order, now, |order| order.ship_method = Some(ship_method))
    }

    /// Another quantity; stock is committed for all of what is not fulfilled.
    ///
    /// # Errors
    /// When there is no such order or line.
    pub fn edit_quantity(&mut self, order: Id, line: u32, quantity: Decimal, now: Timestamp) -> Result<(), Refusal> {
        self.change_line(order, line, now, |line| {
            line.quantity = quantity;
            line.committed = if line.kind.stocked() {
                line.remaining()
            } else {
                Decimal::ZERO
            };
        })
    }

    /// Stock arrives: so much more of the line is committed, at most what is not fulfilled.
    ///
    /// # Errors
    /// When there is no such order or line.
    pub fn commit(&mut self, order: Id, line: u32, quantity: Decimal, now: Timestamp) -> Result<(), Refusal> {
        self.change_line(order, line, now, |line| {
            line.committed = (line.committed + quantity).min(line.remaining());
        })
    }

    /// The order is approved.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn approve(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.act_on(order, now, Happening::Approve, |order| order.approved = true)
    }

    /// The order is cancelled.
    ///
    /// # Errors
    /// When there is no such order, or something of it is on a fulfilment.
    pub fn cancel(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        if !self.fulfilments_of(order).is_empty() {
            return Err(Refusal::user(
                "This transaction has been fulfilled and cannot be cancelled.",
            ));
        }
        self.act_on(order, now, Happening::Cancel, |order| order.cancelled = true)
    }

    /// Every line is closed.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn close(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.change_order(order, now, |order| {
            order.lines.iter_mut().for_each(|line| line.closed = true)
        })
    }

    /// One line is closed.
    ///
    /// # Errors
    /// When there is no such order or line.
    pub fn close_line(&mut self, order: Id, line: u32, now: Timestamp) -> Result<(), Refusal> {
        self.change_line(order, line, now, |line| line.closed = true)
    }

    /// A closed or cancelled order is opened again.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn reopen(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.change_order(order, now, |order| {
            order.cancelled = false;
            order.lines.iter_mut().for_each(|line| line.closed = false);
        })
    }

    /// Everything that has shipped is billed.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn bill(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.change_order(order, now, |order| {
            order.lines.iter_mut().for_each(|line| line.billed = line.shipped)
        })
    }

    /// A person takes so much of an order's lines for shipping: an item fulfilment in this status, with our own tracking number on
    /// none of its packages.
    ///
    /// # Errors
    /// When there is no such order or line, or not so much is left of it.
    pub fn pick(
        &mut self,
        order: Id,
        quantities: &[(u32, u32)],
        status: ShipStatus,
        now: Timestamp,
    ) -> Result<Id, Refusal> {
        let found = self.orders.get(&order).ok_or_else(Refusal::nonexistent)?;
        let mut lines = Vec::new();
        let mut address = found.ship_address.clone();
        for (number, quantity) in quantities {
            let line = found.line(*number).ok_or_else(Refusal::nonexistent)?;
            let quantity = Decimal::from(*quantity);
            if quantity > line.fulfillable(false) {
                return Err(Refusal::user(
                    "The quantity to fulfill cannot exceed what remains of the line.",
                ));
            }
            address = found.destination(line).clone();
            lines.push(FulfilmentLine {
                order_line: line.number,
                item: line.item,
                quantity,
                location: line.location,
            });
        }
        let ship_method = found.ship_method;
        let id = self.next_id();
        let fulfilment = Fulfilment {
            id,
            tran_id: self.next_number("IF"),
            external_id: None,
            order,
            status,
            ship_method,
            memo: String::new(),
            tran_date: self.local(now).date(),
            lines,
            packages: Vec::new(),
            ship_address: address,
            custom: BTreeMap::new(),
            made_by: PERSON.into(),
            created: now,
            last_modified: now,
        };
        self.add_fulfilment(fulfilment, now);
        Ok(id)
    }

    /// A person marks a fulfilment as picked, packed or shipped; backwards too.
    ///
    /// # Errors
    /// When there is no such fulfilment.
    pub fn mark(&mut self, fulfilment: Id, status: ShipStatus, now: Timestamp) -> Result<(), Refusal> {
        self.change_fulfilment(fulfilment, now, |one| one.status = status)?;
        let order = self.fulfilments.get(&fulfilment).map(|one| one.order);
        if let Some(order) = order.filter(|_| status == ShipStatus::Shipped && self.options.bills_at_once) {
            self.bill_fulfilments(order, &[fulfilment], now);
        }
        Ok(())
    }

    /// A person changes a fulfilment: `change` is applied and `lastmodified` moves, and its order's quantities with it.
    ///
    /// # Errors
    /// When there is no such fulfilment.
    pub fn change_fulfilment(
        &mut self,
        fulfilment: Id,
        now: Timestamp,
        change: impl FnOnce(&mut Fulfilment),
    ) -> Result<(), Refusal> {
        let found = self.fulfilments.get_mut(&fulfilment).ok_or_else(Refusal::nonexistent)?;
        change(found);
        found.last_modified = now;
        let order = found.order;
        self.stale.insert(fulfilment);
        self.recount(order, now);
        Ok(())
    }

    /// A person deletes a fulfilment.
    ///
    /// # Errors
    /// When there is no such fulfilment.
    pub fn delete_fulfilment(&mut self, fulfilment: Id, now: Timestamp) -> Result<(), Refusal> {
        let removed = self.remove_fulfilment(fulfilment, now);
        removed.map(|_| ()).ok_or_else(Refusal::nonexistent)
    }

    /// A person bills some fulfilments of an order with one invoice.
    ///
    /// # Errors
    /// When one of them does not exist, or is of another order.
    pub fn invoice(&mut self, order: Id, fulfilments: &[Id], now: Timestamp) -> Result<Id, Refusal> {
        let known = |id: &Id| self.fulfilments.get(id).is_some_and(|one| one.order == order);
        if fulfilments.is_empty() || !fulfilments.iter().all(known) {
            return Err(Refusal::nonexistent());
        }
        Ok(self.bill_fulfilments(order, fulfilments, now))
    }

    /// A person bills so much of an order's lines, whether it has shipped or not.
    ///
    /// # Errors
    /// When there is no such order or line.
    pub fn invoice_lines(&mut self, order: Id, quantities: &[(u32, u32)], now: Timestamp) -> Result<Id, Refusal> {
        let found = self.orders.get(&order).ok_or_else(Refusal::nonexistent)?;
        let mut lines = Vec::new();
        for (number, quantity) in quantities {
            let line = found.line(*number).ok_or_else(Refusal::nonexistent)?;
            lines.push(InvoiceLine {
                order_line: line.number,
                item: line.item,
                quantity: (*quantity).into(),
            });
        }
        Ok(self.add_invoice(order, lines, now))
    }

    /// Makes the invoice of some fulfilments.
    pub(super) fn bill_fulfilments(&mut self, order: Id, fulfilments: &[Id], now: Timestamp) -> Id {
        let mut billed: BTreeMap<u32, InvoiceLine> = BTreeMap::new();
        let taken = fulfilments.iter().filter_map(|id| self.fulfilments.get(id));
        for line in taken.flat_map(|one| &one.lines) {
            let of_line = billed.entry(line.order_line).or_insert(InvoiceLine {
                order_line: line.order_line,
                item: line.item,
                quantity: Decimal::ZERO,
            });
            of_line.quantity += line.quantity;
        }
        self.add_invoice(order, billed.into_values().collect(), now)
    }

    fn add_invoice(&mut self, order: Id, lines: Vec<InvoiceLine>, now: Timestamp) -> Id {
        let id = self.next_id();
        let invoice = Invoice {
            id,
            tran_id: self.next_number("INV"),
            order,
            lines,
            voided: false,
            custom: BTreeMap::new(),
            tran_date: self.local(now).date(),
            created: now,
            last_modified: now,
        };
        self.invoices.insert(id, invoice);
        self.stale.insert(id);
        self.count_billed(order, now);
        id
    }

    /// A person voids an invoice: it stays, and bills nothing any more.
    ///
    /// # Errors
    /// When there is no such invoice.
    pub fn void_invoice(&mut self, invoice: Id, now: Timestamp) -> Result<(), Refusal> {
        let found = self.invoices.get_mut(&invoice).ok_or_else(Refusal::nonexistent)?;
        (found.voided, found.last_modified) = (true, now);
        let order = found.order;
        self.stale.insert(invoice);
        self.count_billed(order, now);
        Ok(())
    }

    /// A person, or somebody else's integration, writes into a custom field of an invoice.
    ///
    /// # Errors
    /// When there is no such invoice.
    pub fn write_on_invoice(&mut self, invoice: Id, field: &str, text: &str, now: Timestamp) -> Result<(), Refusal> {
        let found = self.invoices.get_mut(&invoice).ok_or_else(Refusal::nonexistent)?;
        found.custom.insert(field.to_owned(), Value::String(text.to_owned()));
        found.last_modified = now;
        self.stale.insert(invoice);
        Ok(())
    }

    /// A person deletes an invoice.
    ///
    /// # Errors
    /// When there is no such invoice.
    pub fn delete_invoice(&mut self, invoice: Id, now: Timestamp) -> Result<(), Refusal> {
        let removed = self.invoices.remove(&invoice).ok_or_else(Refusal::nonexistent)?;
        self.stale.insert(invoice);
        self.count_billed(removed.order, now);
        Ok(())
    }

    /// Takes what is billed of each line of an order from its invoices.
    fn count_billed(&mut self, order: Id, now: Timestamp) {
        let in_force = self.invoices.values().filter(|one| one.order == order && !one.voided);
        let mut billed: BTreeMap<u32, Decimal> = BTreeMap::new();
        for line in in_force.flat_map(|one| &one.lines) {
            *billed.entry(line.order_line).or_default() += line.quantity;
        }
        if let Some(order) = self.orders.get_mut(&order) {
            let count = |line: &mut Line| line.billed = billed.get(&line.number).copied().unwrap_or_default();
            order.lines.iter_mut().for_each(count);
        }
        self.touch_order(order, now);
    }

    /// Somebody weighs an item. The orders that contain it do not change.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn weigh_item(&mut self, item: Id, weight: Option<Decimal>, unit: WeightUnit) -> Result<(), Refusal> {
        let item = self.items.get_mut(&item).ok_or_else(Refusal::nonexistent)?;
        (item.weight, item.weight_unit) = (weight, unit);
        self.stale.insert(item.id);
        Ok(())
    }

    /// A late commit: the order's `lastmodified` is so long ago, although it appears only now.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn backdate(&mut self, order: Id, ago: SignedDuration, now: Timestamp) -> Result<(), Refusal> {
        let then = now.checked_sub(ago).unwrap_or(now);
        let found = self.orders.get_mut(&order).ok_or_else(Refusal::nonexistent)?;
        found.created = found.created.min(then);
        self.touch_order(order, then);
        Ok(())
    }

    /// A person ships everything that is left of the order.
    ///
    /// # Errors
    /// When there is no such order, or nothing is left.
    pub fn fulfil_by_hand(&mut self, order: Id, tracking: Option<&str>, now: Timestamp) -> Result<Id, Refusal> {
        let found = self.orders.get(&order).ok_or_else(Refusal::nonexistent)?;
        let lines: Vec<_> = found.lines.iter().filter_map(rest_of).collect();
        if lines.is_empty() {
            return Err(Refusal::user("Nothing is left to fulfill."));
        }
        let (ship_method, ship_address) = (found.ship_method, found.ship_address.clone());
        let package = Package {
            tracking: tracking.map(Into::into),
            ..Package::default()
        };
        let id = self.next_id();
        let fulfilment = Fulfilment {
            id,
            tran_id: self.next_number("IF"),
            external_id: None,
            order,
            status: ShipStatus::Shipped,
            ship_method,
            memo: String::new(),
            tran_date: self.local(now).date(),
            lines,
            packages: tracking.is_some().then_some(package).into_iter().collect(),
            ship_address,
            custom: BTreeMap::new(),
            made_by: PERSON.into(),
            created: now,
            last_modified: now,
        };
        self.add_fulfilment(fulfilment, now);
        Ok(id)
    }
}

fn rest_of(line: &Line) -> Option<FulfilmentLine> {
    let quantity = line.fulfillable(false);
    let some = quantity > Decimal::ZERO;
    some.then_some(FulfilmentLine {
        order_line: line.number,
        item: line.item,
        quantity,
        location: line.location,
    })
}

/// 1, 4, 7, 10: the numbers between belong to the tax and discount rows that NetSuite numbers as well.
fn line_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or_default() * 3 + 1
}
