//! How FedEx's Track words what happens to a parcel.
//!
//! Codes are those of FedEx's table of tracking status codes. The exception numbers are examples.

use super::EventKind;

/// Track's words for an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wording {
    /// The fine code.
    pub(super) code: &'static str,
    /// The coarse code that customers are shown.
    pub(super) derived: &'static str,
    /// The coarse code's name.
    pub(super) status: &'static str,
    /// What happened.
    pub(super) description: &'static str,
    /// The exception's number and description; blank where it is none.
    pub(super) exception: (&'static str, &'static str),
}

/// Track's words for an event.
pub(super) fn wording(kind: EventKind) -> Wording {
    let (code, derived, status, description, exception) = words(kind);
    Wording {
        code,
        derived,
        status,
        description,
        exception,
    }
}

type Words = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    (&'static str, &'static str),
);

const NONE: (&str, &str) = ("", "");

fn words(kind: EventKind) -> Words {
    match kind {
        EventKind::LabelCreated => ("OC", "IN", "Label created", "Shipment information sent to FedEx", NONE),
        EventKind::Voided => ("CA", "CA", "Cancelled", "Shipment cancelled by sender", NONE),
        EventKind::PickedUp => ("PU", "PU", "Picked up", "Picked up", NONE),
        EventKind::Departed => ("DP", "IT", "In transit", "Left FedEx origin facility", NONE),
        EventKind::Arrived => ("AR", "IT", "In transit", "Arrived at FedEx location", NONE),
        EventKind::OutForDelivery => ("OD", "OD", "Out for delivery", "On FedEx vehicle for delivery", NONE),
        // What went back is delivered too: to its shipper.
        EventKind::Delivered | EventKind::Returned => ("DL", "DL", "Delivered", "Delivered", NONE),
        EventKind::AtAccessPoint => ("HL", "HP", "Ready for pickup", "Ready for recipient pickup", NONE),
        EventKind::WeatherDelay => ("DY", "DY", "Delayed", "Delay", ("083", "Local weather delay")),
        EventKind::Attempted => (
            "DE",
            "DE",
            "Delivery exception",
            "Delivery exception",
            ("08", "Customer not available"),
        ),
        EventKind::AddressNeeded => (
            "DE",
            "DE",
            "Delivery exception",
            "Delivery exception",
            ("03", "Incorrect address"),
        ),
        EventKind::Refused => (
            "DE",
            "DE",
            "Delivery exception",
            "Delivery exception",
            ("007", "Shipment refused by recipient"),
        ),
        EventKind::Damaged => (
            "SE",
            "SE",
            "Shipment exception",
            "Shipment exception",
            ("099", "Damaged"),
        ),
        EventKind::Returning => ("RS", "RS", "Returning", "Returning package to shipper", NONE),
    }
}
