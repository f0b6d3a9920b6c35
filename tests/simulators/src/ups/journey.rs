//! How UPS's Track API words what happens to a parcel.
//!
//! Types, codes and three-digit status codes are those of UPS's status tables; the two-letter codes of exceptions are
//! only examples, since the same letters mean different things under different types.

pub use crate::carriers::journey::{Event, EventKind};
pub(super) use crate::carriers::journey::{SIGNED_BY, SMOOTH};

/// The Track API's words for an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wording {
    pub(super) r#type: &'static str,
    pub(super) code: &'static str,
    pub(super) status_code: &'static str,
    pub(super) description: &'static str,
    pub(super) simplified: &'static str,
}

/// The words for a promised day that was moved; only Track Alert tells it.
pub(super) const UPDATED_DATE: Wording = Wording {
    r#type: "U",
    code: "UP",
    status_code: "154",
    description: "The delivery date was updated",
    simplified: "Updated Delivery Date",
};

impl EventKind {
    /// The Track API's words.
    pub(super) fn wording(self) -> Wording {
        let (r#type, code, status_code, description, simplified) = self.words();
        Wording {
            r#type,
            code,
            status_code,
            description,
            simplified,
        }
    }

    fn words(self) -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::LabelCreated => (
                "M",
                "MP",
                "003",
                "Shipper created a label, UPS has not received the package yet. ",
                "Label Created",
            ),
            Self::Voided => ("MV", "VP", "007", "Shipment information voided", "Voided"),
            Self::PickedUp => ("I", "OR", "038", "Origin Scan", "We Have Your Package"),
            Self::Departed => ("I", "DP", "005", "Departed from Facility", "On the Way"),
            Self::Arrived => ("I", "AR", "005", "Arrived at Facility", "On the Way"),
            Self::OutForDelivery => ("I", "OT", "021", "Out For Delivery Today", "Out for Delivery"),
            Self::Delivered => ("D", "FS", "011", "DELIVERED ", "Delivered"),
            Self::AtAccessPoint => (
                "D",
                "2Q",
                "161",
                "Delivered to UPS Access Point",
                "Delivered to Access Point",
            ),
            Self::WeatherDelay => (
                "X",
                "WX",
                "032",
                "Severe weather has delayed delivery.",
                "Weather Delay",
            ),
            Self::Attempted => (
                "X",
                "48",
                "022",
                "The receiver was not available for delivery.",
                "Delivery Attempted",
            ),
            Self::AddressNeeded => (
                "X",
                "AI",
                "050",
                "The address is incomplete or incorrect.",
                "Address Information Required",
            ),
            Self::Refused => ("X", "RF", "064", "The receiver refused the delivery.", "Refused"),
            Self::Damaged => ("X", "DM", "059", "Damage has been reported.", "Damage Reported"),
            Self::Returning => ("X", "RS", "035", "Returning to sender", "Returning to Sender"),
            Self::Returned => ("X", "RT", "034", "Returned to shipper", "Returned to Sender"),
        }
    }
}
