//! Looking for purchases whose answer was lost, and for duplicates of them. Nobody repeats a purchase blindly.

use super::{Onward, Run};
use crate::connection::UnknownPurchase;
use crate::domain::CarrierShipmentId;
use crate::job::{HoldReason, Outcome, Step};
use crate::ports::{CallError, Sighting, StoreError};

impl Run<'_> {
    /// One look for the purchase.
    pub(super) async fn look(&mut self) -> Result<Onward, StoreError> {
        match self.sight().await? {
            Ok(Sighting { found, .. }) if found.is_empty() && !self.is_looked_for() => {
                self.ledger.record(Outcome::StillHeld, "looked: not there").await
            }
            Ok(Sighting {
                found,
                control_seen: control,
            }) if found.is_empty() => {
                let recreates = self.connection().unknown_purchase == UnknownPurchase::Recreate;
                let may_recreate = recreates && self.systems.carrier.absence_proves();
                let text = if control {
                    "looked: not there, and the look can see"
                } else {
                    "looked: not there, but the look may be blind"
                };
                self.ledger
                    .record(Outcome::Absent { control, may_recreate }, text)
                    .await
            }
            Ok(Sighting { found, .. }) => {
                let text = format!("looked: found {}", names(found.iter().map(|shipment| &shipment.id)));
                self.ledger.record(Outcome::Found { shipments: found }, text).await
            }
            // A carrier that will not be asked is as one that sees nothing: after the last look a person decides.
            Err(CallError::Refused(refusal)) if self.is_looked_for() => {
                let blind = Outcome::Absent {
                    control: false,
                    may_recreate: false,
                };
                let text = format!("could not look: the carrier refuses to be asked ({refusal})");
                self.ledger.record(blind, text).await
            }
            Err(error) if self.held_as_unknown() && !self.has_looks_to_come() => {
                self.ledger
                    .record(Outcome::StillHeld, format!("could not look: {error}"))
                    .await
            }
            Err(error) => self.ledger.wait_for(&error).await,
        }
    }

    /// Whether an attempt stands whose answer was lost; under a hold a look is worth while without one.
    fn is_looked_for(&self) -> bool {
        matches!(self.ledger.job.purchase, Step::Unknown { .. })
    }

    /// Whether a look is due by its schedule even under a hold: one that failed must wait, or it would be due again at once.
    fn has_looks_to_come(&self) -> bool {
        let planned = self.ledger.ports.timing.looks.len();
        matches!(&self.ledger.job.purchase, Step::Unknown { looks, .. } if looks.len() < planned)
    }

    fn held_as_unknown(&self) -> bool {
        let reason = self.ledger.job.hold.as_ref().map(|hold| hold.reason);
        reason == Some(HoldReason::UnknownPurchase)
    }

    /// One look for duplicates.
    pub(super) async fn check_for_duplicates(&mut self) -> Result<Onward, StoreError> {
        match self.sight().await? {
            Ok(Sighting { found, control_seen }) => {
                let text = format!(
                    "looked for duplicates: saw {}",
                    names(found.iter().map(|shipment| &shipment.id))
                );
                self.ledger
                    .record(
                        Outcome::DuplicatesChecked {
                            shipments: found,
                            control: control_seen,
                        },
                        text,
                    )
                    .await
            }
            Err(CallError::Refused(refusal)) => {
                let blind = Outcome::DuplicatesChecked {
                    shipments: Vec::new(),
                    control: false,
                };
                let text = format!("could not look for duplicates: the carrier refuses to be asked ({refusal})");
                self.ledger.record(blind, text).await
            }
            Err(error) => self.ledger.wait_for(&error).await,
        }
    }

    async fn sight(&self) -> Result<Result<Sighting, CallError>, StoreError> {
        let control = self.ledger.ports.controls.control(&self.ledger.job).await?;
        let carrier = match self.carrier() {
            Ok(carrier) => carrier,
            Err(later) => return Ok(Err(CallError::Later(later))),
        };
        Ok(carrier.find(&self.ledger.job.id, control.as_ref()).await)
    }
}

fn names<'a>(shipments: impl Iterator<Item = &'a CarrierShipmentId>) -> String {
    let names: Vec<&str> = shipments.map(CarrierShipmentId::as_str).collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
