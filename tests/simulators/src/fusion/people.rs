//! What people do in the pod's pages: buyers enter, change, hold, cancel and close orders, receivers receive, somebody
//! corrects a location or weighs an item.
//!
//! A buyer changes an open order by a change order as the interface does, and is refused while another one stands.
//! Correcting a location or an item moves no order's `LastUpdateDate`.

use super::changes::apply;
use super::model::{Address, ChangeState, Content, Distribution, Id, Line, Order, Schedule, Status, Uom};
use super::refusal::Refusal;
use super::world::World;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The buyer of every order.
pub const BUYER: &str = "Roth, Calvin";
const CHARGE_ACCOUNT: &str = "01-520-5110-0000";

/// A part of a line with a destination of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewSchedule {
    /// Quantity.
    pub quantity: Decimal,
    /// Where to; the order's location when left out.
    #[serde(default)]
    pub location: Option<Id>,
}

/// A line that a buyer enters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewLine {
    /// Item number; a number that is not an item's is a description.
    pub item: String,
    /// Quantity.
    pub quantity: Decimal,
    /// Several schedules instead of one.
    #[serde(default)]
    pub schedules: Vec<NewSchedule>,
    /// Charge account; a usual one when left out.
    #[serde(default)]
    pub charge_account: Option<String>,
}

impl NewLine {
    /// So many of an item.
    pub fn of(item: &str, quantity: u32) -> Self {
        Self {
            item: item.into(),
            quantity: quantity.into(),
            schedules: Vec::new(),
            charge_account: None,
        }
    }

    /// The same line charged to another account.
    #[must_use]
    pub fn charged_to(self, account: &str) -> Self {
        Self {
            charge_account: Some(account.into()),
            ..self
        }
    }

    /// The same line, so many to each of these locations.
    #[must_use]
    pub fn split(mut self, parts: &[(u32, Id)]) -> Self {
        let schedule = |(quantity, location): &(u32, Id)| NewSchedule {
            quantity: (*quantity).into(),
            location: Some(*location),
        };
        self.schedules = parts.iter().map(schedule).collect();
        self
    }
}

/// An order that a buyer enters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewOrder {
    /// What.
    pub lines: Vec<NewLine>,
    /// Carrier's name; `UPS` flags it for UPS.
    #[serde(default)]
    pub carrier: Option<String>,
    /// Ship-to location; the first one when left out.
    #[serde(default)]
    pub location: Option<Id>,
    /// Business unit; the first one when left out.
    #[serde(default)]
    pub business_unit: Option<Id>,
    /// Supplier; the first one when left out.
    #[serde(default)]
    pub supplier: Option<Id>,
    /// Supplier's site; its first one when left out.
    #[serde(default)]
    pub site: Option<Id>,
    /// Service level.
    #[serde(default)]
    pub service_level: Option<String>,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// State at first; open when left out.
    #[serde(default)]
    pub status: Option<Status>,
    /// A late commit: it appears now, with dates so many seconds ago.
    #[serde(default)]
    pub late_by_s: u32,
}

impl NewOrder {
    /// An open order of these lines, flagged for UPS.
    pub fn of(lines: Vec<NewLine>) -> Self {
        Self {
            lines,
            carrier: Some("UPS".into()),
            location: None,
            business_unit: None,
            supplier: None,
            site: None,
            service_level: None,
            description: None,
            status: None,
            late_by_s: 0,
        }
    }

    /// An open order of some pumps, flagged for UPS.
    pub fn pumps(quantity: u32) -> Self {
        Self::of(vec![NewLine::of("PUMP-010", quantity)])
    }

    /// The same order to another location.
    #[must_use]
    pub fn to(self, location: Id) -> Self {
        Self {
            location: Some(location),
            ..self
        }
    }

    /// The same order with another carrier, or none.
    #[must_use]
    pub fn by(self, carrier: Option<&str>) -> Self {
        Self {
            carrier: carrier.map(Into::into),
            ..self
        }
    }

    /// The same order in another state.
    #[must_use]
    pub fn being(self, status: Status) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// The same order, committed so late.
    #[must_use]
    pub fn late_by(self, seconds: u32) -> Self {
        Self {
            late_by_s: seconds,
            ..self
        }
    }
}

impl World {
    /// A buyer enters an order; answers its id.
    ///
    /// # Errors
    /// When the business unit, supplier, site or location does not exist.
    pub fn add_order(&mut self, new: NewOrder, now: Timestamp) -> Result<Id, Refusal> {
        let first = |given: Option<Id>, known: Option<&Id>| given.or(known.copied()).ok_or_else(Refusal::missing);
        let business_unit = first(new.business_unit, self.business_units.keys().next())?;
        let supplier = first(new.supplier, self.suppliers.keys().next())?;
        let location = first(new.location, self.locations.keys().next())?;
        let sites = self
            .suppliers
            .get(&supplier)
            .map(|one| &one.sites)
            .ok_or_else(Refusal::missing)?;
        let site = first(new.site, sites.first().map(|site| &site.id))?;
        let bill_to = first(None, self.locations.keys().next())?;
        let lines = self.new_lines(&new, location)?;
        let ago = SignedDuration::from_secs(new.late_by_s.into());
        let then = now.checked_sub(ago).unwrap_or(now);
        let id = self.next_id();
        let order = Order {
            id,
            number: self.next_number(),
            business_unit,
            supplier,
            site,
            buyer: BUYER.into(),
            bill_to,
            revision: 0,
            status: new.status.unwrap_or(Status::Open),
            content: Content {
                description: new.description,
                carrier: new.carrier,
                service_level: new.service_level,
                lines,
                ..Content::default()
            },
            received: BTreeMap::new(),
            changes: Vec::new(),
            created: then,
            last_updated: then,
            version: 1,
            writes: 0,
            communicated: 0,
        };
        self.orders.insert(id, order);
        Ok(id)
    }

    fn new_lines(&mut self, new: &NewOrder, location: Id) -> Result<Vec<Line>, Refusal> {
        let organization = self.organizations.keys().next().copied().ok_or_else(Refusal::missing)?;
        let mut lines = Vec::new();
        for (index, line) in new.lines.iter().enumerate() {
            let known = self.item(&line.item, organization).cloned();
            let parts = if line.schedules.is_empty() {
                vec![NewSchedule {
                    quantity: line.quantity,
                    location: None,
                }]
            } else {
                line.schedules.clone()
            };
            let mut schedules = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                let to = part.location.unwrap_or(location);
                schedules.push(self.new_schedule(number, part.quantity, to, organization, new, line)?);
            }
            lines.push(Line {
                id: self.next_id(),
                number: counted(index),
                item: known.as_ref().map(|item| item.id),
                item_number: known.as_ref().map(|item| item.number.clone()),
                description: known
                    .as_ref()
                    .map_or_else(|| line.item.clone(), |item| item.description.clone()),
                uom: known
                    .as_ref()
                    .map_or_else(|| Uom::new("EA", "Each"), |item| item.uom.clone()),
                price: known.map_or(Decimal::TEN, |item| item.price),
                schedules,
            });
        }
        Ok(lines)
    }

    fn new_schedule(
        &mut self,
        index: usize,
        quantity: Decimal,
        location: Id,
        organization: Id,
        order: &NewOrder,
        line: &NewLine,
    ) -> Result<Schedule, Refusal> {
        if !self.locations.contains_key(&location) {
            return Err(Refusal::missing());
        }
        let account = line.charge_account.clone().unwrap_or_else(|| CHARGE_ACCOUNT.into());
        Ok(Schedule {
            id: self.next_id(),
            number: counted(index),
            quantity,
            location,
            organization,
            carrier: order.carrier.clone(),
            mode_of_transport: None,
            service_level: order.service_level.clone(),
            canceled: false,
            flexfield: None,
            distributions: vec![Distribution {
                id: self.next_id(),
                number: 1,
                quantity,
                charge_account: account,
            }],
        })
    }

    /// Several orders that were committed at one moment.
    ///
    /// # Errors
    /// As for [`World::add_order`].
    pub fn add_orders(&mut self, new: Vec<NewOrder>, now: Timestamp) -> Result<Vec<Id>, Refusal> {
        new.into_iter().map(|one| self.add_order(one, now)).collect()
    }

    /// A buyer changes an order by a change order that is applied at once.
    ///
    /// # Errors
    /// When the order cannot be changed or another change order stands.
    pub fn change_order(
        &mut self,
        order: Id,
        now: Timestamp,
        change: impl FnOnce(&mut Content),
    ) -> Result<(), Refusal> {
        self.begin_change(order, now, change)?;
        let order = self.found(order)?;
        if order.status != Status::Incomplete {
            apply(order, now);
        }
        Ok(())
    }

    /// A buyer begins to change an order and leaves it so.
    ///
    /// # Errors
    /// When the order cannot be changed or another change order stands.
    pub fn begin_change(
        &mut self,
        order: Id,
        now: Timestamp,
        change: impl FnOnce(&mut Content),
    ) -> Result<(), Refusal> {
        self.write_draft(order, BUYER, now, |content| {
            change(content);
            Ok(())
        })
    }

    /// The buyer finishes the change that was left.
    ///
    /// # Errors
    /// When the buyer has left none.
    pub fn finish_change(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        let order = self.found(order)?;
        let own = order.standing().is_some_and(|change| change.by == BUYER);
        if own {
            apply(order, now);
            Ok(())
        } else {
            Err(Refusal::bad("The buyer has no change order there."))
        }
    }

    /// The buyer deletes the change that was left.
    ///
    /// # Errors
    /// When the buyer has left none.
    pub fn abandon_change(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.delete_change(order, BUYER, now)
    }

    /// An approver approves what waits: the order, or its change. `CreationDate` stays.
    ///
    /// # Errors
    /// When nothing waits.
    pub fn approve(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        let order = self.found(order)?;
        if order.status == Status::PendingApproval {
            order.status = Status::Open;
            Self::touch(order, now);
            return Ok(());
        }
        let waits = order
            .standing()
            .is_some_and(|one| one.state == ChangeState::PendingApproval);
        if waits {
            apply(order, now);
            Ok(())
        } else {
            Err(Refusal::bad("Nothing waits for approval."))
        }
    }

    /// An approver rejects what waits: the order, or its change.
    ///
    /// # Errors
    /// When nothing waits.
    pub fn reject(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        let order = self.found(order)?;
        if order.status == Status::PendingApproval {
            order.status = Status::Rejected;
            Self::touch(order, now);
            return Ok(());
        }
        let nothing = || Refusal::bad("Nothing waits for approval.");
        let waits = order
            .standing_mut()
            .filter(|one| one.state == ChangeState::PendingApproval);
        waits.ok_or_else(nothing)?.state = ChangeState::Rejected;
        order.version += 1;
        Ok(())
    }

    fn put(&mut self, order: Id, status: Status, now: Timestamp) -> Result<(), Refusal> {
        let order = self.found(order)?;
        order.status = status;
        if !status.changeable() {
            let standing = order.changes.iter_mut().filter(|change| change.state.stands());
            standing.for_each(|change| change.state = ChangeState::Cancelled);
        }
        Self::touch(order, now);
        Ok(())
    }

    /// The order is cancelled; a change order that stands is cancelled with it.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn cancel(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.put(order, Status::Canceled, now)
    }

    /// One schedule is cancelled.
    ///
    /// # Errors
    /// When there is no such order or schedule, or another change order stands.
    pub fn cancel_schedule(&mut self, order: Id, schedule: Id, now: Timestamp) -> Result<(), Refusal> {
        self.change_schedule(order, schedule, now, |schedule| schedule.canceled = true)
    }

    /// The order is put on hold.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn hold(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.put(order, Status::OnHold, now)
    }

    /// A held, closed or cancelled order is open again.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn reopen(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.put(order, Status::Open, now)
    }

    /// The order is closed.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn close(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.put(order, Status::Closed, now)
    }

    /// The order is closed for good.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn close_finally(&mut self, order: Id, now: Timestamp) -> Result<(), Refusal> {
        self.put(order, Status::FinallyClosed, now)
    }

    fn change_schedule(
        &mut self,
        order: Id,
        schedule: Id,
        now: Timestamp,
        change: impl FnOnce(&mut Schedule),
    ) -> Result<(), Refusal> {
        let known = self.found(order)?.content.schedules().any(|one| one.id == schedule);
        if !known {
            return Err(Refusal::missing());
        }
        self.change_order(order, now, |content| {
            if let Some(found) = content.schedule_mut(schedule) {
                change(found);
            }
        })
    }

    /// Another quantity of a schedule.
    ///
    /// # Errors
    /// When there is no such order or schedule, or another change order stands.
    pub fn edit_quantity(&mut self, order: Id, schedule: Id, quantity: Decimal, now: Timestamp) -> Result<(), Refusal> {
        self.change_schedule(order, schedule, now, |schedule| {
            schedule.quantity = quantity;
            if let [only] = schedule.distributions.as_mut_slice() {
                only.quantity = quantity;
            }
        })
    }

    /// Another location for every schedule.
    ///
    /// # Errors
    /// When there is no such order or location, or another change order stands.
    pub fn edit_location(&mut self, order: Id, location: Id, now: Timestamp) -> Result<(), Refusal> {
        if !self.locations.contains_key(&location) {
            return Err(Refusal::missing());
        }
        self.change_order(order, now, |content| {
            content
                .schedules_mut()
                .for_each(|schedule| schedule.location = location);
        })
    }

    /// Another carrier for the order and its schedules; `None` takes the flag away.
    ///
    /// # Errors
    /// When there is no such order or another change order stands.
    pub fn flag(&mut self, order: Id, carrier: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
        self.change_order(order, now, |content| {
            let carrier = carrier.map(str::to_owned);
            content
                .schedules_mut()
                .for_each(|schedule| schedule.carrier.clone_from(&carrier));
            content.carrier = carrier;
        })
    }

    /// Goods of a schedule are received; an order that is received in full closes for receiving.
    ///
    /// # Errors
    /// When there is no such order or schedule.
    pub fn receive(&mut self, order: Id, schedule: Id, quantity: Decimal, now: Timestamp) -> Result<(), Refusal> {
        let order = self.found(order)?;
        if !order.content.schedules().any(|one| one.id == schedule) {
            return Err(Refusal::missing());
        }
        *order.received.entry(schedule).or_default() += quantity;
        let full = order
            .content
            .schedules()
            .all(|one| one.canceled || order.received(one.id) >= one.quantity);
        if full && order.status == Status::Open {
            order.status = Status::ClosedForReceiving;
        }
        Self::touch(order, now);
        Ok(())
    }

    /// A late commit: what was changed last becomes visible only now, with a `LastUpdateDate` so long ago.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn backdate(&mut self, order: Id, ago: SignedDuration, now: Timestamp) -> Result<(), Refusal> {
        let then = now.checked_sub(ago).unwrap_or(now);
        let order = self.found(order)?;
        order.created = order.created.min(then);
        Self::touch(order, then);
        Ok(())
    }

    /// Somebody corrects the address of a location. The orders that go there do not change.
    ///
    /// # Errors
    /// When there is no such location.
    pub fn correct_location(&mut self, location: Id, address: Address) -> Result<(), Refusal> {
        self.locations.get_mut(&location).ok_or_else(Refusal::missing)?.address = address;
        Ok(())
    }

    /// Somebody weighs an item in every organization. The orders that contain it do not change.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn weigh_item(&mut self, number: &str, weight: Option<(Decimal, Uom)>) -> Result<(), Refusal> {
        let mut known = false;
        for item in self.items.values_mut().filter(|item| item.number == number) {
            item.weight.clone_from(&weight);
            known = true;
        }
        if known { Ok(()) } else { Err(Refusal::missing()) }
    }

    /// The next submit answers a failure inside a 200, in these words.
    pub fn fail_next_submit(&mut self, result: &str) {
        self.submit_failures.push_back(result.into());
    }
}

fn counted(index: usize) -> u32 {
    u32::try_from(index).unwrap_or_default() + 1
}
