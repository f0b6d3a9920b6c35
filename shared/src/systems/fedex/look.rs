//! Looking for shipments and asking where parcels are: Track, by number and by reference.

use super::client::FedEx;
use crate::domain::{CarrierShipmentId, JobId, Refusal, Shipment};
use crate::ports::{CallError, News};

impl FedEx {
    /// The shipments that carry a reference.
    pub(super) async fn by_reference(&self, _reference: &JobId) -> Result<Vec<Shipment>, CallError> {
        Err(unwritten())
    }

    /// Everything that Track tells of a parcel.
    pub(super) async fn news(&self, _number: &str) -> Result<Option<News>, CallError> {
        Err(unwritten())
    }

    /// Whether Track shows a shipment as cancelled.
    pub(super) async fn is_cancelled(&self, _number: &str) -> Result<bool, CallError> {
        Ok(false)
    }

    /// The shipment of a number that a person read somewhere.
    pub(super) async fn known(&self, _id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        Err(unwritten())
    }
}

fn unwritten() -> CallError {
    CallError::Refused(Refusal::new("unwritten", "not yet"))
}
