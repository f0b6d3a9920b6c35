//! What lies where, and the customers' master data: what people count and correct beside the orders, and what follows from it.
//!
//! Quirks kept: an item that nobody has counted in a place has no row there; what shipped is taken from the stock of the line's
//! place, a kit's from that of its components; stock may fall below nothing; a customer's change leaves its orders' `lastmodified` as
//! it is; a fulfilment whose goods are billed cannot be deleted.

use super::model::{Customer, Id, ItemType, Stock};
use super::refusal::Refusal;
use super::world::World;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A customer as a person enters it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewCustomer {
    /// The number and name that people see; made from the internal id when empty.
    pub entity_id: String,
    /// Company name.
    pub company: String,
    /// E-mail address.
    pub email: String,
    /// Phone.
    pub phone: String,
    /// The customer that it belongs to, by internal id.
    pub parent: Option<Id>,
}

impl World {
    /// A person counts what lies of an item in a place.
    pub fn count(&mut self, item: Id, location: Id, on_hand: Decimal, now: Timestamp) {
        let stock = Stock { on_hand, changed: now };
        self.stock.insert((item, location), stock);
        self.stale_stock.insert((item, location));
    }

    /// So much more of an item lies in a place; less, where it is negative. What nobody has counted stays uncounted.
    pub(super) fn move_stock(&mut self, item: Id, location: Option<Id>, change: Decimal, now: Timestamp) {
        let Some(location) = location.filter(|_| !change.is_zero()) else {
            return;
        };
        let kit = self.items.get(&item).filter(|item| item.kind == ItemType::Kit);
        let moved = match kit {
            Some(kit) => kit
                .components
                .iter()
                .map(|(part, each)| (*part, *each * change))
                .collect(),
            None => vec![(item, change)],
        };
        for (item, change) in moved {
            if let Some(stock) = self.stock.get_mut(&(item, location)) {
                stock.on_hand += change;
                stock.changed = now;
                self.stale_stock.insert((item, location));
            }
        }
    }

    /// What orders have been promised of these.
    pub(super) fn promised(&self, keys: &BTreeSet<(Id, Id)>) -> BTreeMap<(Id, Id), Decimal> {
        let mut promised: BTreeMap<(Id, Id), Decimal> = BTreeMap::new();
        for line in self.orders.values().flat_map(|order| &order.lines) {
            let key = line.location.map(|location| (line.item, location));
            if let Some(key) = key.filter(|key| !line.closed && !line.committed.is_zero() && keys.contains(key)) {
                *promised.entry(key).or_default() += line.committed;
            }
        }
        promised
    }

    /// What these orders want of an item in a place may have changed with them.
    pub(super) fn stale_stock_of(&mut self, records: &BTreeSet<Id>) {
        let orders = records.iter().filter_map(|id| self.orders.get(id));
        let lines = orders.flat_map(|order| &order.lines);
        let keys = lines.filter_map(|line| Some((line.item, line.location?)));
        let counted = keys.filter(|key| self.stock.contains_key(key));
        let counted: Vec<(Id, Id)> = counted.collect();
        self.stale_stock.extend(counted);
    }

    /// A person enters a customer.
    pub fn enter_customer(&mut self, new: NewCustomer, now: Timestamp) -> Id {
        let id = self.add_customer(&new.company, &new.email, &new.phone);
        if let Some(customer) = self.customers.get_mut(&id) {
            customer.parent = new.parent;
            customer.last_modified = now;
            if !new.entity_id.is_empty() {
                customer.entity_id = new.entity_id;
            }
        }
        id
    }

    /// A person changes a customer: its own `lastmodified` moves, that of its orders does not.
    ///
    /// # Errors
    /// When there is no such customer.
    pub fn change_customer(
        &mut self,
        customer: Id,
        now: Timestamp,
        change: impl FnOnce(&mut Customer),
    ) -> Result<(), Refusal> {
        let found = self.customers.get_mut(&customer).ok_or_else(Refusal::nonexistent)?;
        change(found);
        found.last_modified = now;
        self.stale.insert(customer);
        Ok(())
    }

    /// Whether a fulfilment may be deleted: not once its goods are billed.
    ///
    /// # Errors
    /// When there is no such fulfilment, or its goods are billed.
    pub(super) fn check_deletable(&self, fulfilment: Id) -> Result<(), Refusal> {
        let found = self.fulfilments.get(&fulfilment).ok_or_else(Refusal::nonexistent)?;
        let order = self.orders.get(&found.order);
        let billed = found.lines.iter().any(|taken| {
            let line = order.and_then(|order| order.line(taken.order_line));
            line.is_some_and(|line| line.billed > line.shipped - taken.quantity)
        });
        if billed {
            let detail = "This transaction cannot be deleted because it is linked to by one or more transactions.";
            return Err(Refusal::user(detail));
        }
        Ok(())
    }
}
