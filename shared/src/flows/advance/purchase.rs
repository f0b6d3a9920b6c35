//! The purchase itself, its labels, and the voiding of what was bought too often.

use super::{Onward, Run};
use crate::domain::{CarrierShipmentId, LabelImage, LabelRef, Shipment};
use crate::job::{HoldReason, Outcome};
use crate::ports::{
    CallError, Draft, EffectError, LabelError, Later, Obstacle, Permit, Purchased, StoreError, VoidError,
};

impl Run<'_> {
    /// Sends the intent that stands as ours.
    pub(super) async fn buy(&mut self, draft: &Draft) -> Result<Onward, StoreError> {
        let Some(attempt) = self.ledger.job.purchase.open_attempt().cloned() else {
            return Ok(Onward::Go);
        };
        let number = attempt.number;
        let permit = Permit { until: attempt.until };
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

    /// Keeps the labels; `None` if one is missing or cannot be kept now, which must not lose the purchase.
    async fn store_labels(&self, shipment: &Shipment, labels: &[LabelImage]) -> Option<Vec<LabelRef>> {
        if !are_complete(shipment, labels) {
            return None;
        }
        let mut kept = Vec::new();
        for (index, label) in labels.iter().enumerate() {
            match self.ledger.ports.labels.put(&self.ledger.job.id, index, label).await {
                Ok(reference) => kept.push(reference),
                Err(error) => {
                    tracing::warn!(job.id = %self.ledger.job.id, %error, "a label could not be kept; it is fetched again");
                    return None;
                }
            }
        }
        Some(kept)
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
            Err(LabelError::Gone(refusal)) => {
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
        }
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

/// Whether every parcel has its label.
fn are_complete(shipment: &Shipment, labels: &[LabelImage]) -> bool {
    labels.iter().filter(|label| label.tracking_number.is_some()).count() >= shipment.parcels.len()
}

fn later(reason: &str) -> Later {
    Later::new(Obstacle::Unreachable, reason)
}
