//! What people do in the pod's pages: buyers enter, change, hold, cancel and close orders, receivers receive, somebody
//! corrects a location or weighs an item.
//!
//! A buyer changes an open order by a change order as the interface does, and is refused while another one stands.
//! Correcting a location or an item moves no order's `LastUpdateDate`.

use super::changes::apply;
use super::entering::NewOrder;
use super::model::{Address, ChangeState, Content, Id, Schedule, Status, Uom};
use super::refusal::Refusal;
use super::world::World;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

/// The buyer of every order.
pub const BUYER: &str = "Roth, Calvin";
impl World {
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
        if matches!(status, Status::Canceled | Status::Closed | Status::FinallyClosed) {
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
    pub fn weigh_item(&mut self, number: &str, weight: Option<&(Decimal, Uom)>) -> Result<(), Refusal> {
        let mut known = false;
        for item in self.items.values_mut().filter(|item| item.number == number) {
            item.weight = weight.cloned();
            known = true;
        }
        if known { Ok(()) } else { Err(Refusal::missing()) }
    }

    /// The next submit answers a failure inside a 200, in these words.
    pub fn fail_next_submit(&mut self, result: &str) {
        self.submit_failures.push_back(result.into());
    }
}
