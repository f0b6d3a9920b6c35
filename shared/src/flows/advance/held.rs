//! A held job: whether it still is, and what people see of it in the ERP.

use super::prepare::{Obstacle, Reading};
use super::record::Beside;
use super::{Onward, Run};
use crate::job::{Flag, HoldReason, Outcome, SnapshotRef, draw};
use crate::ports::StoreError;

impl Run<'_> {
    /// Reads the held order again: a correction anywhere ends the hold, and so does the order's end.
    pub(super) async fn reread_held(&mut self) -> Result<Onward, StoreError> {
        let ended_by_order = self
            .ledger
            .job
            .hold
            .as_ref()
            .is_some_and(|hold| hold.reason.ends_by_order());
        if !ended_by_order || self.ledger.job.purchase.done().is_some() {
            return self
                .ledger
                .record(Outcome::StillHeld, "still held: only a person ends this")
                .await;
        }
        let before = Reading {
            snapshot: self.snapshot(self.ledger.job.snapshot.number).await?,
            is_new: false,
        };
        match self.read_again(&before).await? {
            Ok(reading) if reading.is_new || self.brake_was_taken_off() => self.release(reading).await,
            Ok(_) => {
                self.ledger
                    .record(Outcome::StillHeld, "read the held order again: no change")
                    .await
            }
            Err(obstacle @ Obstacle::Gone(_)) => self.meet(obstacle, None).await,
            Err(_) => {
                self.ledger
                    .record(Outcome::StillHeld, "the held order could not be read")
                    .await
            }
        }
    }

    fn brake_was_taken_off(&self) -> bool {
        let held_by_brake = self
            .ledger
            .job
            .hold
            .as_ref()
            .is_some_and(|hold| hold.reason == HoldReason::Brake);
        held_by_brake && self.gate.brake.is_none()
    }

    async fn release(&mut self, reading: Reading) -> Result<Onward, StoreError> {
        let text = if reading.is_new {
            "the order was corrected: goes on"
        } else {
            "the brake was taken off: goes on"
        };
        let outcome = Outcome::Released {
            snapshot: SnapshotRef::from(&reading.snapshot),
        };
        let beside = Beside {
            draft: None,
            snapshot: reading.is_new.then_some(reading.snapshot),
        };
        Ok(self.ledger.write(outcome, text.to_owned(), beside).await?.onward())
    }

    /// Writes, or clears, the problem on the document. Writing the same again changes nothing, so it needs no intent.
    pub(super) async fn flag(&mut self, text: Option<String>) -> Result<Onward, StoreError> {
        let result = self
            .systems
            .source
            .flag(&self.ledger.job.document, text.as_deref())
            .await;
        let (failed, story) = match result {
            Ok(()) if text.is_some() => (None, "flagged the problem in the ERP".to_owned()),
            Ok(()) => (None, "cleared the flag in the ERP".to_owned()),
            Err(error) => (
                Some(self.flag_again_at()),
                format!("the flag could not be written: {error}"),
            ),
        };
        self.ledger.record(Outcome::Flagged { text, failed }, story).await
    }

    /// Longer after each failure.
    fn flag_again_at(&self) -> jiff::Timestamp {
        let tries = if let Flag::Wanted { tries, .. } = self.ledger.job.flag {
            tries
        } else {
            0
        };
        let timing = &self.ledger.ports.timing;
        let draw = draw(&self.ledger.job.id, self.ledger.job.version);
        self.ledger.now() + timing.backoff.wait(timing.retry, None, tries, draw)
    }
}
