//! What people do with documents: they dispatch, correct, cancel, receive, and buy what was requisitioned.
//!
//! Each act moves `LAST_DTTM_UPDATE`, except where the real system would not: receiving and dispatching go by batch
//! (options), and [`World::backdate`] is the late commit, a row that appears with a `LAST_DTTM_UPDATE` in the past.

use super::model::{DocKey, DocType, Document, Line, RequisitionLink, Schedule};
use super::world::{Nonexistent, World};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

/// Working on documents.
impl World {
    /// A person changes a document: `change` is applied and `LAST_DTTM_UPDATE` moves.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn change(
        &mut self,
        key: &DocKey,
        now: Timestamp,
        change: impl FnOnce(&mut Document),
    ) -> Result<(), Nonexistent> {
        let local = self.local(now);
        let document = self.document(key)?;
        change(document);
        document.last_update = local;
        Ok(())
    }

    /// Sets the status.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn set_status(&mut self, key: &DocKey, status: &str, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| document.status = status.into())
    }

    /// The dispatch batch sends the order to its vendor.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn dispatch(&mut self, key: &DocKey, now: Timestamp) -> Result<(), Nonexistent> {
        if self.options.dispatch_touches_header {
            return self.set_status(key, "D", now);
        }
        self.document(key)?.status = "D".into();
        Ok(())
    }

    /// Puts the document on hold or takes it off.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn hold(&mut self, key: &DocKey, hold: bool, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| document.hold = hold)
    }

    /// Cancels the document with all its schedules.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn cancel(&mut self, key: &DocKey, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| {
            document.status = "X".into();
            schedules(document).for_each(|schedule| schedule.status = "X".into());
        })
    }

    /// Cancels one line.
    ///
    /// # Errors
    /// When there is no such document or line.
    pub fn cancel_line(&mut self, key: &DocKey, line: i64, now: Timestamp) -> Result<(), Nonexistent> {
        self.change_line(key, line, now, |schedule| schedule.status = "X".into())
    }

    /// Closes one line: nothing more of it is expected.
    ///
    /// # Errors
    /// When there is no such document or line.
    pub fn close_line(&mut self, key: &DocKey, line: i64, now: Timestamp) -> Result<(), Nonexistent> {
        self.change_line(key, line, now, |schedule| schedule.status = "C".into())
    }

    /// Changes the quantity of a line's schedules.
    ///
    /// # Errors
    /// When there is no such document or line.
    pub fn change_quantity(
        &mut self,
        key: &DocKey,
        line: i64,
        quantity: Decimal,
        now: Timestamp,
    ) -> Result<(), Nonexistent> {
        self.change_line(key, line, now, |schedule| schedule.quantity = quantity)
    }

    /// Sends the whole document to another location.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn change_ship_to(&mut self, key: &DocKey, location: &str, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| {
            schedules(document).for_each(|schedule| schedule.ship_to = location.into());
        })
    }

    /// Lets another carrier bring the whole document.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn change_carrier(&mut self, key: &DocKey, carrier: &str, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| {
            schedules(document).for_each(|schedule| schedule.carrier = carrier.into());
        })
    }

    /// Goods of a line come in.
    ///
    /// # Errors
    /// When there is no such document or line.
    pub fn receive(&mut self, key: &DocKey, line: i64, quantity: Decimal, now: Timestamp) -> Result<(), Nonexistent> {
        let before = self.document(key)?.last_update;
        self.change_line(key, line, now, |schedule| schedule.received += quantity)?;
        if !self.options.receiving_touches_header {
            self.document(key)?.last_update = before;
        }
        Ok(())
    }

    /// Puts `LAST_DTTM_UPDATE` back, as a transaction that was committed late has it.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn backdate(&mut self, key: &DocKey, by: SignedDuration) -> Result<(), Nonexistent> {
        let document = self.document(key)?;
        document.last_update = document.last_update.saturating_sub(by);
        Ok(())
    }

    /// A buyer turns a requisition into a purchase order, whose distributions say where they came from; the requisition
    /// completes.
    ///
    /// # Errors
    /// When there is no such requisition.
    pub fn turn_into_order(&mut self, requisition: &DocKey, now: Timestamp) -> Result<DocKey, Nonexistent> {
        let source = self.document(requisition)?.clone();
        let key = DocKey::new(&requisition.business_unit, DocType::Po, &self.next_number());
        let lines = source.lines.iter().map(|line| sourced(line, requisition)).collect();
        let order = Document {
            key: key.clone(),
            status: "D".into(),
            lines,
            last_update: self.local(now),
            ..source
        };
        self.documents.insert(key.clone(), order);
        self.set_status(requisition, "C", now)?;
        Ok(key)
    }

    fn change_line(
        &mut self,
        key: &DocKey,
        line: i64,
        now: Timestamp,
        change: impl Fn(&mut Schedule),
    ) -> Result<(), Nonexistent> {
        let known = self.document(key)?.lines.iter().any(|one| one.number == line);
        if !known {
            return Err(Nonexistent::of(format!("line {line} of {key}")));
        }
        self.change(key, now, |document| {
            let own = document.lines.iter_mut().filter(|one| one.number == line);
            own.flat_map(|line| &mut line.schedules).for_each(change);
        })
    }
}

/// A line of an order that remembers the requisition that it came from.
fn sourced(line: &Line, requisition: &DocKey) -> Line {
    let mut line = line.clone();
    for schedule in &mut line.schedules {
        for share in &mut schedule.distributions {
            share.requisition = Some(RequisitionLink {
                business_unit: requisition.business_unit.clone(),
                id: requisition.id.clone(),
                line: line.number,
                schedule: schedule.number,
            });
        }
    }
    line
}

fn schedules(document: &mut Document) -> impl Iterator<Item = &mut Schedule> {
    document.lines.iter_mut().flat_map(|line| &mut line.schedules)
}
