//! What happens to a parcel on its way, and how the Track API words it.
//!
//! Types, codes and three-digit status codes are those of UPS's status tables; the two-letter codes of exceptions are
//! only examples, since the same letters mean different things under different types.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::places::Address;

/// An event in a parcel's life.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Billing information received.
    LabelCreated,
    /// Billing information voided.
    Voided,
    /// The origin scan.
    PickedUp,
    /// Left a facility.
    Departed,
    /// Came to a facility.
    Arrived,
    /// On the vehicle for delivery.
    OutForDelivery,
    /// Delivered.
    Delivered,
    /// Handed to an access point, where the consignee is to fetch it.
    AtAccessPoint,
    /// Held up by the weather.
    WeatherDelay,
    /// Nobody there at the first attempt.
    Attempted,
    /// The address does not do.
    AddressNeeded,
    /// Refused by the consignee.
    Refused,
    /// Damaged.
    Damaged,
    /// On the way back to the shipper.
    Returning,
    /// Back at the shipper.
    Returned,
}

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

/// An event with its time and place.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub place: Address,
}

/// Who signs for every parcel.
pub(super) const SIGNED_BY: &str = "SMITH";

/// The events of a parcel without trouble, in order, after the label is made.
pub(super) const SMOOTH: [EventKind; 5] = [
    EventKind::PickedUp,
    EventKind::Departed,
    EventKind::Arrived,
    EventKind::OutForDelivery,
    EventKind::Delivered,
];

impl EventKind {
    /// After it nothing more happens to the parcel.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Returned | Self::Voided)
    }

    /// Happens where the parcel set out rather than where it goes.
    pub(super) fn is_at_origin(self) -> bool {
        matches!(
            self,
            Self::LabelCreated | Self::Voided | Self::PickedUp | Self::Departed | Self::Returned
        )
    }

    /// Moves the promised day of delivery.
    pub(super) fn delays(self) -> bool {
        self == Self::WeatherDelay
    }

    /// Tells of the label rather than of the parcel, and so names only a country.
    pub(super) fn is_about_billing(self) -> bool {
        matches!(self, Self::LabelCreated | Self::Voided)
    }

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
