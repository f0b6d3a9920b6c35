//! What is asked of a carrier and what a carrier sold.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Address, CarrierShipmentId, JobId, Money, Parcel};

/// An account at the carrier, where a connection ships under several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CarrierAccount {
    /// The account's number, in its one canonical spelling.
    pub number: String,
    /// The merchant that tokens are asked for (UPS: `x-merchant-id`), where it differs from the connection's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant: Option<String>,
}

/// Whose account pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "payer")]
pub enum Payer {
    /// The account that ships.
    Shipper,
    /// The receiver's account.
    Receiver {
        /// The account number.
        account: String,
        /// The postal code of the account's address.
        postal_code: Option<String>,
    },
    /// Somebody else's account.
    ThirdParty {
        /// The account number.
        account: String,
        /// The postal code of the account's address.
        postal_code: Option<String>,
        /// The country of the account's address, ISO 3166-1 alpha-2.
        country: String,
    },
}

/// Who pays for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    /// The transport.
    pub transport: Payer,
    /// Duties and taxes across a border; `None` leaves them to the receiver.
    pub duties: Option<Payer>,
}

/// The format of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelFormat {
    /// Zebra's printer language.
    Zpl,
    /// Eltron's printer language.
    Epl,
    /// Star's printer language.
    Spl,
    /// A picture.
    Gif,
    /// A document.
    Pdf,
    /// A picture.
    Png,
}

impl LabelFormat {
    /// The extension of a file that holds it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Zpl => "zpl",
            Self::Epl => "epl",
            Self::Spl => "spl",
            Self::Gif => "gif",
            Self::Pdf => "pdf",
            Self::Png => "png",
        }
    }
}

/// What customs wants to know; absent within one customs territory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Customs {
    /// What the goods are, in a few words.
    pub description: String,
    /// Why they leave (`SALE`, `GIFT`, ...).
    pub reason: String,
    /// Who bears what, an Incoterm; none where the connection does not say.
    pub terms: Option<String>,
    /// The invoice's number.
    pub invoice_number: String,
    /// The invoice's day.
    pub invoice_date: Date,
    /// The currency of all values, ISO 4217.
    pub currency: String,
    /// The goods, with description, quantity, value, origin and tariff code.
    pub goods: Vec<super::ConsignmentLine>,
}

/// A shipment to be bought, in our own words. A carrier turns it into its exact request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipmentRequest {
    /// Our reference, by which the shipment can be found again.
    pub reference: JobId,
    /// The order's number, for people.
    pub order_number: String,
    /// The customer's own number.
    pub customer_reference: Option<String>,
    /// Where it leaves.
    pub ship_from: Address,
    /// Where it goes.
    pub ship_to: Address,
    /// What travels.
    pub parcels: Vec<Parcel>,
    /// The carrier's code of the service.
    pub service: String,
    /// Who pays.
    pub billing: Billing,
    /// The label's format.
    pub label: LabelFormat,
    /// The day on which the carrier collects.
    pub ship_date: Date,
    /// Papers across a border.
    pub customs: Option<Customs>,
}

/// A parcel that has a tracking number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedParcel {
    /// The carrier's tracking number.
    pub tracking_number: String,
}

/// A shipment that the carrier sold. Only its identity is certain; the rest is what could be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shipment {
    /// The carrier's number of the whole shipment.
    pub id: CarrierShipmentId,
    /// The parcels, in the order of the request.
    pub parcels: Vec<ShippedParcel>,
    /// The carrier's code of the service.
    pub service: Option<String>,
    /// What the account pays.
    pub cost: Option<Money>,
    /// What the carrier remarked, in its words.
    #[serde(default)]
    pub remarks: Vec<String>,
}

impl Shipment {
    /// Whether two names of a shipment mean the same one: they share its id or a parcel.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.id == other.id
            || self
                .tracking_numbers()
                .any(|number| other.tracking_numbers().any(|one| one == number))
    }

    /// Whether it names every parcel of another.
    pub fn shows_all_of(&self, other: &Self) -> bool {
        other
            .tracking_numbers()
            .all(|number| self.tracking_numbers().any(|own| own == number))
    }

    /// The tracking numbers, in the order of the parcels.
    pub fn tracking_numbers(&self) -> impl Iterator<Item = &str> {
        self.parcels.iter().map(|parcel| parcel.tracking_number.as_str())
    }
}

/// A label, or a paper that travels with the shipment, as the carrier gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelImage {
    /// The parcel it belongs to; `None` for papers of the whole shipment.
    pub tracking_number: Option<String>,
    /// Its format.
    pub format: LabelFormat,
    /// The bytes that a printer takes.
    pub bytes: Vec<u8>,
}

impl LabelImage {
    /// A parcel's label as far as its name says: without its bytes.
    pub fn named(number: &str, format: LabelFormat) -> Self {
        Self {
            tracking_number: Some(number.to_owned()),
            format,
            bytes: Vec::new(),
        }
    }

    /// The name of a file that holds it: its parcel's tracking number, so that another shipment's label cannot take its place.
    pub fn file_name(&self, index: usize) -> String {
        let number = self.tracking_number.iter().flat_map(|number| number.chars());
        let number: String = number.filter(char::is_ascii_alphanumeric).collect();
        let stem = if number.is_empty() {
            format!("papers-{index}")
        } else {
            number
        };
        format!("{stem}.{}", self.format.extension())
    }
}

/// Where a label is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRef {
    /// The parcel it belongs to; `None` for papers of the whole shipment.
    pub tracking_number: Option<String>,
    /// Its format.
    pub format: LabelFormat,
    /// The key in the label store.
    pub key: String,
}

/// A vendor's considered no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refusal {
    /// The vendor's code.
    pub code: String,
    /// The vendor's words.
    pub message: String,
}

impl Refusal {
    /// A refusal with the vendor's code and words.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}
