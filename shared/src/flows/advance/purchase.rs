//! The purchase itself, its labels, and the voiding of what was bought too often.
//!
//! Some carriers give a label once, with the purchase. So the carrier is asked only while enough of the invocation is left to store
//! what it answers; storing is tried again, and what was stored before somebody died is found again. Whatever becomes of the
//! labels, the purchase is recorded.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, join_all, select};

use super::{Onward, Run, images};
use crate::domain::{CarrierShipmentId, LabelImage, LabelRef, Refusal, Shipment};
use crate::job::{HoldReason, Outcome};
use crate::ports::{
    CallError, Draft, EffectError, LabelError, Later, Obstacle, Permit, Purchased, StoreError, VoidError,
};

/// The rests before a label that could not be stored is tried again, in milliseconds.
const RESTS: [u64; 3] = [100, 400, 1_500];

/// The longest that storing the labels of a purchase may take: what must be recorded afterwards is the purchase.
pub(super) const STORING: Duration = Duration::from_secs(10);

impl Run<'_> {
    /// Sends the intent that stands as ours.
    pub(super) async fn buy(&mut self, draft: &Draft) -> Result<Onward, StoreError> {
        let Some(attempt) = self.ledger.job.purchase.open_attempt().cloned() else {
            return Ok(Onward::Go);
        };
        let number = attempt.number;
        let permit = Permit {
            until: self.answered_by.map_or(attempt.until, |by| by.min(attempt.until)),
        };
        let bought = match self.carrier() {
            Ok(carrier) => carrier.create(draft, permit).await,
            Err(later) => Err(EffectError::NotSent(later)),
        };
        match bought {
            Ok(purchased) => self.keep(purchased).await,
            Err(EffectError::Rejected(refusal)) => {
                let text = format!("the carrier refused attempt {number}: {refusal}");
                self.ledger
                    .record(
                        Outcome::Rejected {
                            attempt: number,
                            refusal,
                        },
                        text,
                    )
                    .await
            }
            Err(EffectError::NotSent(later)) => {
                let wait = self.ledger.wait(&later);
                let text = format!("attempt {number} was not sent: {}", wait.reason);
                self.ledger
                    .record(Outcome::NotSent { attempt: number, wait }, text)
                    .await
            }
            Err(EffectError::Unknown(reason)) => {
                let text = format!("nobody knows what became of attempt {number} ({reason}): it is looked up");
                self.ledger.record(Outcome::Unknown { attempt: number }, text).await
            }
        }
    }

    async fn keep(&mut self, purchased: Purchased) -> Result<Onward, StoreError> {
        let Purchased { shipment, labels } = purchased;
        let labels = self.store_labels(&shipment, &labels).await;
        let text = format!("bought shipment {}", shipment.id);
        self.ledger.record(Outcome::Bought { shipment, labels }, text).await
    }

    /// Keeps the labels side by side; `None` if one is missing or cannot be kept now, which must not lose the purchase.
    async fn store_labels(&self, shipment: &Shipment, labels: &[LabelImage]) -> Option<Vec<LabelRef>> {
        let (store, job) = (self.ledger.ports.labels.as_ref(), &self.ledger.job.id);
        let days = self.connection().retention_days;
        // Also those of an answer that lacks one: they may be the only ones that there will ever be.
        let each = labels.iter().enumerate();
        let each = each.map(|(index, label)| patiently(move || store.put(job, index, label, days)));
        let stored: Option<Result<Vec<LabelRef>, StoreError>> =
            in_time(join_all(each)).await.map(|stored| stored.into_iter().collect());
        match stored {
            Some(Ok(kept)) if are_complete(shipment, labels) => {
                images::refer(&self.ledger.recorder, labels, &kept);
                Some(kept)
            }
            // Those that are there may be stored over by what is fetched: the story keeps them.
            Some(Ok(_)) => None,
            Some(Err(error)) => {
                tracing::error!(job = %job, %error, "a label could not be kept; it is fetched again, where the carrier allows that");
                None
            }
            None => {
                tracing::error!(job = %job, "the labels could not be kept in time; they are fetched again, where the carrier allows that");
                None
            }
        }
    }

    /// The labels of a shipment that somebody stored who could not record it any more; `None` unless they are all there.
    async fn stored_labels(&self, shipment: &Shipment) -> Option<Vec<LabelRef>> {
        let (store, job) = (self.ledger.ports.labels.as_ref(), &self.ledger.job.id);
        let format = self.connection().label;
        let each = shipment.parcels.iter();
        let each = each.map(|parcel| patiently(move || store.stored(job, &parcel.tracking_number, format)));
        let found = in_time(join_all(each)).await?;
        let found: Option<Result<Vec<LabelRef>, StoreError>> = found.into_iter().map(Result::transpose).collect();
        match found? {
            Ok(labels) => Some(labels).filter(|labels| !labels.is_empty()),
            Err(error) => {
                tracing::warn!(job = %job, %error, "nobody can say whether the labels are kept");
                None
            }
        }
    }

    /// Asks the carrier for the labels again.
    pub(super) async fn fetch_labels(&mut self) -> Result<Onward, StoreError> {
        let Some(shipment) = self.ledger.job.purchase.done().cloned() else {
            return Ok(Onward::Rest);
        };
        let fetched = match self.carrier() {
            Ok(carrier) => carrier.labels(&shipment, self.connection().label).await,
            Err(later) => Err(LabelError::Later(later)),
        };
        match fetched {
            Ok(labels) if !are_complete(&shipment, &labels) => {
                let wait = self.ledger.wait(&later("its labels are not all there"));
                let text = format!("waits: {}", wait.reason);
                self.ledger.record(Outcome::LabelsIncomplete(wait), text).await
            }
            Ok(labels) => match self.store_labels(&shipment, &labels).await {
                Some(kept) => {
                    self.ledger
                        .record(Outcome::LabelsKept(kept), "fetched the labels again")
                        .await
                }
                None => {
                    let unkept = CallError::Later(later("the labels could not be stored"));
                    self.ledger.wait_for(&unkept).await
                }
            },
            Err(LabelError::Later(later)) => self.ledger.wait_for(&CallError::Later(later)).await,
            Err(LabelError::Gone(refusal)) => match self.stored_labels(&shipment).await {
                Some(kept) => {
                    self.ledger
                        .record(
                            Outcome::LabelsKept(kept),
                            "the labels were stored before the purchase was recorded",
                        )
                        .await
                }
                None => self.lose_labels(&shipment, &refusal).await,
            },
        }
    }

    async fn lose_labels(&mut self, shipment: &Shipment, refusal: &Refusal) -> Result<Onward, StoreError> {
        let message = format!(
            "shipment {} exists but its label cannot be had again ({refusal}): `waybill job void {}` and it ships anew",
            shipment.id, self.ledger.job.id
        );
        let text = format!("held: {message}");
        let outcome = Outcome::Held {
            reason: HoldReason::LabelLost,
            message,
            snapshot: None,
            address: None,
        };
        self.ledger.record(outcome, text).await
    }

    /// Voids a shipment that must not be: one too many, or one that a person wants void.
    pub(super) async fn void(&mut self, shipment: CarrierShipmentId) -> Result<Onward, StoreError> {
        let voided = match self.carrier() {
            Ok(carrier) => carrier.void(&shipment).await,
            Err(later) => Err(VoidError::Later(later)),
        };
        match voided {
            Ok(()) => {
                let text = self.void_in_words(&shipment);
                let onward = self.ledger.record(Outcome::Voided(shipment), text).await?;
                if self.is_to_be_undone() {
                    return self.look_whether_shown().await;
                }
                Ok(onward)
            }
            Err(VoidError::Later(later)) => {
                let wait = self.ledger.wait(&later);
                let text = format!("shipment {shipment} could not be voided yet: {}", wait.reason);
                self.ledger
                    .record(Outcome::VoidDelayed(shipment, wait.until), text)
                    .await
            }
            Err(VoidError::Refused(refusal)) => {
                let text = format!("the carrier does not void shipment {shipment}: {refusal}");
                self.ledger.record(Outcome::VoidRefused(shipment, refusal), text).await
            }
        }
    }

    fn void_in_words(&self, shipment: &CarrierShipmentId) -> String {
        let wish = self.ledger.job.void.as_ref();
        match wish.filter(|_| {
            self.ledger
                .job
                .purchase
                .done()
                .is_some_and(|bought| bought.id == *shipment)
        }) {
            Some(wish) => format!("voided shipment {shipment}, as {} wanted: the job ends", wish.by),
            None => format!("voided shipment {shipment}, which was bought twice"),
        }
    }
}

/// Asks the store again for a while.
async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut answer = call().await;
    for rest in RESTS {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(rest)).await;
        answer = call().await;
    }
    answer
}

/// What comes of it within [`STORING`]. No timer runs where it is there at once.
async fn in_time<F: Future>(storing: F) -> Option<F::Output> {
    let enough = async { tokio::time::sleep(STORING).await };
    match select(pin!(storing), pin!(enough)).await {
        Either::Left((stored, _)) => Some(stored),
        Either::Right(_) => None,
    }
}

/// Whether every parcel has its label.
fn are_complete(shipment: &Shipment, labels: &[LabelImage]) -> bool {
    labels.iter().filter(|label| label.tracking_number.is_some()).count() >= shipment.parcels.len()
}

fn later(reason: &str) -> Later {
    Later::new(Obstacle::Unreachable, reason)
}
