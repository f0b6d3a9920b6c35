//! What people shipped at a desk and no order fits: tried again now and then, as the desk and the ERP stand then. After
//! [`TRIED_FOR`](crate::job::TRIED_FOR) neither is asked any more, until a person or a change of the connection moves it.

use super::{Onward, Run};
use crate::flows::despatches::{Again, intake};
use crate::flows::halt::Halt;
use crate::job::{Closing, HoldReason, Job, Outcome};
use crate::ports::{CallError, Desk, StoreError};

impl Run<'_> {
    /// Looks whether an order fits now. Once one does, it is that order's job.
    pub(super) async fn match_again(&mut self) -> Result<Onward, StoreError> {
        let (outcome, text) = match self.desk_to_ask() {
            Ok(desk) => self.tried_again(&desk).await?,
            Err(why) => (Outcome::StillHeld, why.to_owned()),
        };
        self.ledger.record(outcome, text).await
    }

    /// The desk, where the job is to be tried again; else why not.
    fn desk_to_ask(&self) -> Result<Desk, &'static str> {
        let job = &self.ledger.job;
        let hold = job.hold.as_ref().filter(|hold| hold.reason == HoldReason::Unmatched);
        let (Some(hold), Some(desk)) = (hold, self.systems.desk.clone()) else {
            return Err("still held: only a person ends this");
        };
        if self.connection().paused {
            return Err("still held: the connection is paused");
        }
        // By another rule or in another store there may be an order.
        let under_another = hold.under.is_some_and(|under| under != self.connection().version);
        if job.is_left_unmatched() && !under_another {
            return Err("still held: it is tried by itself no more, only a person ends this");
        }
        Ok(desk)
    }

    async fn tried_again(&self, desk: &Desk) -> Result<(Outcome, String), StoreError> {
        let job = &self.ledger.job;
        let intake = intake!(self.ledger.ports, &self.gate.connection, &self.systems, desk);
        let again = Halt::store_apart(intake.try_again(job).await)?;
        // The last try leaves the hold anew, whatever it says: by that it is known for the last.
        let is_last = !job.is_tried(self.ledger.now());
        Ok(match again {
            Ok(Again::Matched { job, order }) => {
                let text = format!("matched with {order}: it is job {job} from now on");
                (Outcome::Closed(Closing::Matched { job }), text)
            }
            Ok(Again::Voided) => {
                let by = self.connection().carrier.system.clone();
                (Outcome::VoidWished { by }, "it was voided at the desk".to_owned())
            }
            Ok(Again::Unfit(message)) if is_held_with(job, &message) && !is_last => {
                (Outcome::StillHeld, "tried again: no order fits".to_owned())
            }
            Ok(Again::Unfit(message)) => held(message),
            Err(CallError::Later(later)) => {
                let wait = self.ledger.wait(&later);
                let text = format!("could not be tried again yet: {}", wait.reason);
                (Outcome::Waits(wait), text)
            }
            Err(CallError::Refused(refusal)) if is_last => held(intake.not_told(&refusal, &job.id)),
            Err(CallError::Refused(refusal)) => (Outcome::StillHeld, format!("could not be tried again: {refusal}")),
        })
    }
}

fn held(message: String) -> (Outcome, String) {
    let text = format!("held: {message}");
    let outcome = Outcome::Held {
        reason: HoldReason::Unmatched,
        message,
        snapshot: None,
        address: None,
    };
    (outcome, text)
}

fn is_held_with(job: &Job, message: &str) -> bool {
    job.hold.as_ref().is_some_and(|hold| hold.message == message)
}
