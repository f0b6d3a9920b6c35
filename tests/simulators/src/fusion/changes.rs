//! Change orders: how an open order is written.
//!
//! The first write of an open order begins a change order with a copy of its content; later writes of the same user go
//! into that copy, and nobody else may write until it is submitted, deleted or cancelled. Submitting applies it, at once or
//! after an approval. A document that is still being written has no change orders: it is written itself.

use super::model::{ChangeOrder, ChangeState, Content, Id, Order, Status};
use super::options::Approval;
use super::refusal::Refusal;
use super::world::World;
use jiff::{SignedDuration, Timestamp};

impl World {
    /// Writes into the draft of an order: begins a change order where none stands.
    ///
    /// # Errors
    /// When the order cannot be changed, somebody else is changing it, or `change` refuses; nothing has changed then.
    pub(super) fn write_draft(
        &mut self,
        order: Id,
        by: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Content) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let touches = self.options.change_touches_order;
        let order = self.found(order)?;
        if order.status == Status::Incomplete {
            let mut content = order.content.clone();
            change(&mut content)?;
            order.content = content;
            Self::touch(order, now);
            return Ok(());
        }
        may_change(order, by)?;
        let mut content = order
            .standing()
            .map_or_else(|| order.content.clone(), |one| one.content.clone());
        change(&mut content)?;
        let number = u32::try_from(order.changes.len()).unwrap_or_default() + 1;
        match order.standing_mut() {
            Some(standing) => {
                standing.content = content;
                standing.last_updated = now;
                standing.state = ChangeState::Incomplete;
            }
            None => order.changes.push(ChangeOrder {
                number,
                by: by.into(),
                state: ChangeState::Incomplete,
                content,
                created: now,
                last_updated: now,
                due: None,
            }),
        }
        order.version += 1;
        if touches {
            order.last_updated = now;
        }
        Ok(())
    }

    /// Submits what is being written; `Ok(Some(text))` is a failure that the vendor says inside a success.
    ///
    /// # Errors
    /// When nothing is being written, or by somebody else.
    pub(super) fn submit(
        &mut self,
        order: Id,
        by: &str,
        bypass: bool,
        now: Timestamp,
    ) -> Result<Option<String>, Refusal> {
        let approval = if bypass {
            Approval::AtOnce
        } else {
            self.options.approval
        };
        let found = self.found(order)?;
        if found.status != Status::Incomplete {
            let standing = found.standing().ok_or_else(nothing_to_submit)?;
            not_others(standing, by)?;
            if !standing.state.writable() {
                return Err(Refusal::bad("The change order is already pending approval."));
            }
        }
        if let Some(failure) = self.submit_failures.pop_front() {
            return Ok(Some(failure));
        }
        let found = self.found(order)?;
        let due = match approval {
            Approval::AtOnce => Some(now),
            Approval::ByPerson => None,
            Approval::After { seconds } => now.checked_add(SignedDuration::from_secs(seconds.into())).ok(),
        };
        if found.status == Status::Incomplete {
            found.status = Status::PendingApproval;
            Self::touch(found, now);
            if due == Some(now) {
                found.status = Status::Open;
            }
            return Ok(None);
        }
        if let Some(standing) = found.standing_mut() {
            standing.state = ChangeState::PendingApproval;
            standing.last_updated = now;
            standing.due = due;
        }
        found.version += 1;
        self.settle(now);
        Ok(None)
    }

    /// Deletes the user's change order that was never submitted.
    ///
    /// # Errors
    /// When there is none, it is somebody else's, or it has been submitted.
    pub(super) fn delete_change(&mut self, order: Id, by: &str, now: Timestamp) -> Result<(), Refusal> {
        self.end_change(order, by, now, ChangeState::Deleted)
    }

    /// Cancels the user's change order.
    ///
    /// # Errors
    /// When there is none or it is somebody else's.
    pub(super) fn cancel_change(&mut self, order: Id, by: &str, now: Timestamp) -> Result<(), Refusal> {
        self.end_change(order, by, now, ChangeState::Cancelled)
    }

    fn end_change(&mut self, order: Id, by: &str, now: Timestamp, end: ChangeState) -> Result<(), Refusal> {
        let order = self.found(order)?;
        let none = || Refusal::bad("The purchase order has no change order.");
        let standing = order.standing_mut().ok_or_else(none)?;
        not_others(standing, by)?;
        if end == ChangeState::Deleted && !standing.state.writable() {
            return Err(Refusal::bad("Only an incomplete change order can be deleted."));
        }
        standing.state = end;
        standing.last_updated = now;
        order.version += 1;
        Ok(())
    }

    /// Applies the changes whose approvers are through by now.
    pub(super) fn settle(&mut self, now: Timestamp) {
        for order in self.orders.values_mut() {
            let due = order.standing().filter(|one| one.state == ChangeState::PendingApproval);
            if let Some(at) = due.and_then(|one| one.due).filter(|at| *at <= now) {
                apply(order, at);
            }
        }
    }
}

/// The change that stands comes into force.
pub(super) fn apply(order: &mut Order, at: Timestamp) {
    if let Some(standing) = order.standing_mut() {
        standing.state = ChangeState::Applied;
        standing.last_updated = at;
        order.content = standing.content.clone();
        order.revision += 1;
        order.communicated += 1;
        World::touch(order, at);
    }
}

fn may_change(order: &Order, by: &str) -> Result<(), Refusal> {
    if !order.status.changeable() {
        let status = order.status.code();
        return Err(Refusal::bad(format!(
            "A purchase order of the status {status} can't be changed."
        )));
    }
    match order.standing() {
        Some(standing) => {
            not_others(standing, by)?;
            if standing.state.writable() {
                Ok(())
            } else {
                Err(Refusal::bad(
                    "A change order is pending approval; wait for it or cancel it.",
                ))
            }
        }
        None => Ok(()),
    }
}

fn not_others(standing: &ChangeOrder, by: &str) -> Result<(), Refusal> {
    if standing.by == by {
        Ok(())
    } else {
        Err(Refusal::bad(format!(
            "The purchase order is being changed by {}.",
            standing.by
        )))
    }
}

fn nothing_to_submit() -> Refusal {
    Refusal::bad("The purchase order has nothing to submit.")
}
