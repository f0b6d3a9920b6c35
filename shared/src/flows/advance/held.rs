//! A held job: whether it still is, and what people see of it in the ERP.

use super::prepare::{Obstacle, Reading};
use super::record::Beside;
use super::{Onward, Run};
use crate::job::{Flag, HoldReason, Outcome, SnapshotRef};
use crate::ports::{CallError, StoreError};

/// How often the flag is written when other units' problems change under the writer's hands.
const FLAG_ROUNDS: usize = 3;

impl Run<'_> {
    /// Reads the held order again: a correction anywhere ends the hold, and so does the order's end.
    pub(super) async fn reread_held(&mut self) -> Result<Onward, StoreError> {
        if self.ledger.job.is_unmatched() {
            return self.match_again().await;
        }
        let reason = self.ledger.job.hold.as_ref().map(|hold| hold.reason);
        let ended_by_order = reason.is_some_and(|reason| reason.ends_by_order() || reason == HoldReason::Addition);
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
            Ok(_) if reason == Some(HoldReason::Addition) => {
                self.ledger
                    .record(
                        Outcome::StillHeld,
                        "the order still asks for more: only a person ends this",
                    )
                    .await
            }
            Ok(reading)
                if self.is_corrected(&reading) || self.brake_was_taken_off() || self.connection_was_changed() =>
            {
                self.release(reading).await
            }
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

    fn is_corrected(&self, reading: &Reading) -> bool {
        let job = &self.ledger.job;
        *job.held_on.as_ref().unwrap_or(&job.snapshot.hash) != reading.snapshot.hash
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

    /// What was missing or wrong may have been so in the connection.
    fn connection_was_changed(&self) -> bool {
        let by_connection = |reason| matches!(reason, HoldReason::MissingData | HoldReason::Rejected);
        self.ledger.job.hold.as_ref().is_some_and(|hold| {
            by_connection(hold.reason) && hold.under.is_some_and(|under| under != self.connection().version)
        })
    }

    async fn release(&mut self, reading: Reading) -> Result<Onward, StoreError> {
        let text = if self.is_corrected(&reading) {
            "the order was corrected: goes on"
        } else if self.connection_was_changed() {
            "the connection was changed: goes on"
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
        let (outcome, story) = match self.show_problems(text.as_ref()).await? {
            Ok(()) => {
                let story = match &text {
                    Some(_) => "flagged the problem in the ERP",
                    None => "cleared the flag in the ERP",
                };
                (Outcome::Flagged { text }, story.to_owned())
            }
            Err(CallError::Later(later)) => {
                let wait = self.ledger.wait_after(&later, self.flag_tries());
                let story = format!("the flag could not be written yet: {}", wait.reason);
                (Outcome::FlagDelayed { wait }, story)
            }
            Err(CallError::Refused(refusal)) => {
                let again_at = self.ledger.now() + self.ledger.ports.timing.held;
                let story = format!("the ERP refused the flag: {refusal}");
                (Outcome::FlagRefused { again_at }, story)
            }
        };
        self.ledger.record(outcome, story).await
    }

    fn flag_tries(&self) -> u32 {
        match self.ledger.job.flag {
            Flag::Wanted { tries, .. } => tries,
            Flag::Clear | Flag::Written(_) | Flag::Refused(_) => 0,
        }
    }

    /// The units of a document share one field: it shows the problems of all. Should another unit's change meanwhile, it is
    /// written again, so that whoever writes last has seen everything.
    async fn show_problems(&self, own: Option<&String>) -> Result<Result<(), CallError>, StoreError> {
        let mut shown = self.problems(own).await?;
        for _ in 0..FLAG_ROUNDS {
            let flagged = self
                .systems
                .source
                .flag(&self.ledger.job.document, shown.as_deref())
                .await;
            let standing = self.problems(own).await?;
            if flagged.is_err() || standing == shown {
                return Ok(flagged);
            }
            shown = standing;
        }
        Ok(Ok(()))
    }

    async fn problems(&self, own: Option<&String>) -> Result<Option<String>, StoreError> {
        let (ports, job) = (self.ledger.ports, &self.ledger.job);
        let units = ports
            .documents
            .units(&job.connection, std::slice::from_ref(&job.document))
            .await?;
        let mut problems = Vec::new();
        for unit in units.iter().flat_map(|units| &units.units) {
            let problem = if unit.number == job.unit {
                own.cloned()
            } else {
                ports.jobs.load(&unit.job).await?.and_then(|other| other.problem())
            };
            problems.extend(problem.map(|problem| (unit.number, problem)));
        }
        Ok(together(&problems))
    }
}

/// One problem as it is; of several each with its unit.
fn together(problems: &[(u32, String)]) -> Option<String> {
    match problems {
        [] => None,
        [(_, only)] => Some(only.clone()),
        several => {
            let each: Vec<String> = several
                .iter()
                .map(|(unit, problem)| format!("unit {unit}: {problem}"))
                .collect();
            Some(each.join("; "))
        }
    }
}
