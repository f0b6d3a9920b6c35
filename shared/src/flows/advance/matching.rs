//! What people shipped at a desk and no order fits: tried again now and then, as the desk and the ERP stand then.

use super::{Onward, Run};
use crate::flows::despatches::{Again, Intake};
use crate::job::{Closing, HoldReason, Outcome};
use crate::ports::StoreError;

impl Run<'_> {
    /// Looks whether an order fits now. Once one does, it is that order's job.
    pub(super) async fn match_again(&mut self) -> Result<Onward, StoreError> {
        let reason = self.ledger.job.hold.as_ref().map(|hold| hold.reason);
        let Some(desk) = self
            .systems
            .desk
            .clone()
            .filter(|_| reason == Some(HoldReason::Unmatched))
        else {
            let text = "still held: only a person ends this";
            return self.ledger.record(Outcome::StillHeld, text).await;
        };
        if self.connection().paused {
            let text = "still held: the connection is paused";
            return self.ledger.record(Outcome::StillHeld, text).await;
        }
        let ports = self.ledger.ports;
        let intake = Intake {
            connection: &self.gate.connection,
            systems: &self.systems,
            desk: &desk,
            jobs: ports.jobs.as_ref(),
            documents: ports.documents.as_ref(),
            queue: ports.queue.as_ref(),
            clock: ports.clock.as_ref(),
            nonces: ports.nonces.as_ref(),
            timing: &ports.timing,
        };
        let again = intake.try_again(&self.ledger.job).await?;
        let (outcome, text) = match again {
            Ok(Again::Matched { job, order }) => {
                let text = format!("matched with {order}: it is job {job} from now on");
                (Outcome::Closed(Closing::Matched { job }), text)
            }
            Ok(Again::Voided) => {
                let by = self.connection().carrier.system.clone();
                (Outcome::VoidWished { by }, "it was voided at the desk".to_owned())
            }
            Ok(Again::Unfit(message)) if self.is_held_with(&message) => {
                (Outcome::StillHeld, "tried again: no order fits".to_owned())
            }
            Ok(Again::Unfit(message)) => {
                let text = format!("held: {message}");
                let outcome = Outcome::Held {
                    reason: HoldReason::Unmatched,
                    message,
                    snapshot: None,
                    address: None,
                };
                (outcome, text)
            }
            Err(error) => (Outcome::StillHeld, format!("could not be tried again: {error}")),
        };
        self.ledger.record(outcome, text).await
    }

    fn is_held_with(&self, message: &str) -> bool {
        self.ledger
            .job
            .hold
            .as_ref()
            .is_some_and(|hold| hold.message == message)
    }
}
