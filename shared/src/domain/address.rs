//! Where a shipment goes, and what a carrier thinks of that place.

use serde::{Deserialize, Serialize};

/// A postal address with the person who receives there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// The company, or the person where there is none.
    pub name: String,
    /// The person at the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// Street lines in order, without blanks.
    pub lines: Vec<String>,
    /// The town.
    pub city: String,
    /// State or province as the country abbreviates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// Telephone as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Electronic mail of the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether it is a home; `None` where nobody has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residential: Option<bool>,
}

impl Address {
    /// The parts that decide where a parcel arrives, folded so that case, blanks and punctuation cannot differ.
    pub fn folded(&self) -> Vec<String> {
        let parts = self
            .lines
            .iter()
            .chain([&self.city])
            .chain(self.state.iter())
            .chain(self.postal_code.iter());
        parts.chain([&self.country]).map(|part| fold(part)).collect()
    }

    /// Whether both lie in one country, so that no papers are asked for. Puerto Rico is a country of its own here.
    pub fn is_domestic_to(&self, other: &Address) -> bool {
        self.country == other.country
    }
}

fn fold(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_uppercase)
        .collect()
}

/// What differs between an address as given and as the carrier writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// Only case, abbreviations, punctuation or the extension of the postal code.
    Formatting,
    /// The street, the town, the state or the five-digit code.
    Substance,
}

/// What a carrier says of an address.
#[expect(clippy::large_enum_variant, reason = "a job holds one verdict, and most are the large one")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum AddressVerdict {
    /// It stands as given.
    Valid {
        /// Whether the carrier takes it for a home.
        residential: Option<bool>,
    },
    /// The carrier writes it differently.
    Corrected {
        /// The address as the carrier writes it.
        address: Address,
        /// How much differs.
        correction: Correction,
        /// Whether the carrier takes it for a home.
        residential: Option<bool>,
    },
    /// Several places could be meant.
    Ambiguous {
        /// The places, best first.
        candidates: Vec<Address>,
    },
    /// No such place is known.
    NotFound,
    /// The carrier does not validate addresses of this country.
    NotCovered,
}
