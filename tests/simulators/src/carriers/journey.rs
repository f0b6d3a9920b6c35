//! What happens to a parcel on its way, whoever carries it.

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
pub(crate) const SIGNED_BY: &str = "SMITH";

/// The events of a parcel without trouble, in order, after the label is made.
pub(crate) const SMOOTH: [EventKind; 5] = [
    EventKind::PickedUp,
    EventKind::Departed,
    EventKind::Arrived,
    EventKind::OutForDelivery,
    EventKind::Delivered,
];

impl EventKind {
    /// After it nothing more happens to the parcel.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Returned | Self::Voided)
    }

    /// Happens where the parcel set out rather than where it goes.
    pub(crate) fn is_at_origin(self) -> bool {
        matches!(
            self,
            Self::LabelCreated | Self::Voided | Self::PickedUp | Self::Departed | Self::Returned
        )
    }

    /// Moves the promised day of delivery.
    pub(crate) fn delays(self) -> bool {
        self == Self::WeatherDelay
    }

    /// Tells of the label rather than of the parcel, and so names only a country.
    pub(crate) fn is_about_billing(self) -> bool {
        matches!(self, Self::LabelCreated | Self::Voided)
    }
}
