//! Identities. A [`JobId`] is replay key, correlation id, the carrier's reference and the ERP's external id in one.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};

/// A name that a person wrote and that is not a legal identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a {what}: {allowed}")]
pub struct IdError {
    /// What was asked for, in words.
    pub what: &'static str,
    /// What stood there.
    pub value: String,
    /// What is allowed, in words.
    pub allowed: &'static str,
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(value: String) -> Result<Self, IdError> {
                if is_slug(&value) {
                    Ok(Self(value))
                } else {
                    Err(IdError { what: $what, value, allowed: "1 to 48 of a-z, 0-9 and -, beginning with a letter or digit" })
                }
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(value: &str) -> Result<Self, IdError> {
                Self::try_from(value.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! vendor_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the vendor's identifier as it stands.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The identifier as the vendor writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug!(
    /// One configured pairing of an ERP account and a carrier account.
    ConnectionId,
    "connection id"
);
slug!(
    /// The customer to whom connections and secrets belong; the message group of the fair queue.
    TenantId,
    "tenant id"
);
vendor_id!(
    /// A line of a document, as the ERP identifies it when a fulfilment refers to it.
    LineId
);
vendor_id!(
    /// A place from which goods leave, as the ERP identifies it.
    LocationId
);
vendor_id!(
    /// The number by which the carrier knows a whole shipment (UPS: `ShipmentIdentificationNumber`).
    CarrierShipmentId
);
vendor_id!(
    /// By what a shipping desk knows one parcel that people shipped there, the kind before the number (`label:se-123`,
    /// `shipment:123`, `fulfilment:se-9`). Never an order: parts of one order are despatches of their own.
    DespatchId
);

impl DespatchId {
    /// By what a parcel is known, however the desk tells of it.
    pub fn of_parcel(tracking_number: &str) -> Self {
        let bare = tracking_number.chars().filter(|c| !c.is_whitespace());
        Self::new(format!("parcel:{}", bare.collect::<String>().to_ascii_uppercase()))
    }

    /// The kind before the number.
    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or("", |(kind, _)| kind)
    }
}

fn is_slug(value: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=48).contains(&value.len()) && value.chars().all(legal) && !value.starts_with('-')
}

/// What kind of ERP document ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// A customer's order.
    SalesOrder,
    /// An order to a supplier.
    PurchaseOrder,
    /// An internal request for goods.
    Requisition,
    /// What a warehouse has taken for a sales order, of goods that people ship.
    Fulfilment,
    /// What people shipped at a desk and no document of the ERP fits: no ERP knows it. Its id is the despatch's.
    Despatch,
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SalesOrder => "sales-order",
            Self::PurchaseOrder => "purchase-order",
            Self::Requisition => "requisition",
            Self::Fulfilment => "fulfilment",
            Self::Despatch => "despatch",
        })
    }
}

/// One ERP document: its kind and the ERP's internal id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentId {
    /// The kind of document.
    pub kind: DocumentKind,
    /// The ERP's internal id, not the number that people know.
    pub id: String,
}

impl DocumentId {
    /// A sales order by its internal id.
    pub fn sales_order(id: impl Into<String>) -> Self {
        Self::of(DocumentKind::SalesOrder, id)
    }

    /// A purchase order by its internal id.
    pub fn purchase_order(id: impl Into<String>) -> Self {
        Self::of(DocumentKind::PurchaseOrder, id)
    }

    /// A requisition by its internal id.
    pub fn requisition(id: impl Into<String>) -> Self {
        Self::of(DocumentKind::Requisition, id)
    }

    /// An item fulfilment by its internal id.
    pub fn fulfilment(id: impl Into<String>) -> Self {
        Self::of(DocumentKind::Fulfilment, id)
    }

    /// What people shipped at a desk and no document fits.
    pub fn despatch(id: &DespatchId) -> Self {
        Self::of(DocumentKind::Despatch, id.as_str())
    }

    fn of(kind: DocumentKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.kind, self.id)
    }
}

/// The identity of shipping one unit of one document: 26 characters of `A-Z2-7`, legal in every vendor's reference field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(String);

impl JobId {
    const LENGTH: usize = 26;

    /// The job of `unit` (counted from 1) of a document in a connection.
    pub fn of(connection: &ConnectionId, document: &DocumentId, unit: u32) -> Self {
        let identity = format!("{connection}\n{document}\n{unit}");
        let mut text = BASE32_NOPAD.encode(digest::digest(&digest::SHA256, identity.as_bytes()).as_ref());
        text.truncate(Self::LENGTH);
        Self(text)
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for JobId {
    type Error = IdError;

    fn try_from(value: String) -> Result<Self, IdError> {
        let legal = |c: char| c.is_ascii_uppercase() || ('2'..='7').contains(&c);
        if value.len() == Self::LENGTH && value.chars().all(legal) {
            Ok(Self(value))
        } else {
            Err(IdError {
                what: "job id",
                value,
                allowed: "26 characters of A-Z and 2-7",
            })
        }
    }
}

impl FromStr for JobId {
    type Err = IdError;

    fn from_str(value: &str) -> Result<Self, IdError> {
        Self::try_from(value.to_owned())
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> String {
        id.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value that nobody else has: the owner of an intent, the identity of one write.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(String);

impl Nonce {
    /// A nonce of this text; who makes it answers for its being new.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The nonce as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A digest of everything in a snapshot that decides what ships.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentHash(String);

impl ContentHash {
    /// The SHA-256 of `content`, in lower-case hexadecimal.
    pub fn of(content: &[u8]) -> Self {
        Self(HEXLOWER.encode(digest::digest(&digest::SHA256, content).as_ref()))
    }

    /// The digest as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> ConnectionId {
        "acme-netsuite-ups".parse().unwrap()
    }

    #[test]
    fn a_job_id_is_legal_in_every_reference_field_and_differs_by_unit() {
        let order = DocumentId::sales_order("5012");
        let first = JobId::of(&connection(), &order, 1);
        let second = JobId::of(&connection(), &order, 2);
        assert_eq!(first.as_str().len(), 26);
        assert_ne!(first, second);
        assert_eq!(first, JobId::of(&connection(), &order, 1));
        assert_eq!(first.as_str().parse::<JobId>().unwrap(), first);
    }

    #[test]
    fn names_that_could_leave_a_key_or_a_path_are_refused() {
        for bad in ["", "-a", "A", "a/b", "a#b", "ä", &"a".repeat(49)] {
            assert!(bad.parse::<ConnectionId>().is_err(), "{bad:?}");
        }
        assert!("short".parse::<JobId>().is_err());
        assert!("abcdefghijklmnopqrstuvwxyz".parse::<JobId>().is_err());
    }
}
