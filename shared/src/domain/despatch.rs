//! What people shipped at a shipping desk of their own (ShipStation), of which the ERP must hear.
//!
//! A despatch is one parcel, or several under one label, never an order: two parts of one order are two despatches. The desk may
//! tell of the same parcel twice, as the label that was bought and as the order's part that was fulfilled; the tracking number
//! joins the two.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Address, DespatchId, DocumentId, Shipment};

/// One despatch as the desk states it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Despatch {
    /// By what the desk knows it.
    pub id: DespatchId,
    /// The desk's order that it belongs to.
    pub order: DeskOrderRef,
    /// Its parcels, what it cost and by which service it travels. Its id is the despatch's.
    pub shipment: Shipment,
    /// The carrier, in the desk's words.
    pub carrier: Option<String>,
    /// How it stands.
    pub standing: DespatchStanding,
    /// When the desk made it.
    pub created_at: Timestamp,
    /// What is in it; `None` where the desk does not say.
    pub lines: Option<Vec<DespatchLine>>,
    /// Where it goes, where the desk says so.
    pub ship_to: Option<Address>,
}

impl Despatch {
    /// The document under which it is known here.
    pub fn document(&self) -> DocumentId {
        DocumentId::despatch(&self.id)
    }

    /// The documents under which its parcels are known here, by which two tellings of one parcel are joined.
    pub fn parcels(&self) -> Vec<DocumentId> {
        let numbers = self
            .shipment
            .tracking_numbers()
            .filter(|number| !number.trim().is_empty());
        let mut parcels: Vec<DocumentId> = numbers
            .map(|number| DocumentId::despatch(&DespatchId::of_parcel(number)))
            .collect();
        parcels.sort();
        parcels.dedup();
        parcels
    }

    /// What it is, in a few words: its id and its tracking numbers.
    pub fn in_words(&self) -> String {
        let numbers: Vec<&str> = self.shipment.tracking_numbers().collect();
        match numbers.as_slice() {
            [] => self.id.to_string(),
            some => format!("{} ({})", self.id, some.join(", ")),
        }
    }
}

/// How a despatch stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DespatchStanding {
    /// It travels, or is about to.
    Shipped,
    /// Its label is void.
    Voided,
    /// The desk is still at work on it; its own word for that.
    Pending(String),
    /// It concerns no goods of ours that leave: a return, a trial label; the reason in plain words.
    Beside(String),
}

/// An order as the desk knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeskOrderRef {
    /// The desk's id (V1 `orderId`, V2 `shipment_id`).
    pub id: String,
    /// The number that people know.
    pub number: String,
    /// The key that whoever made the order gave it (V1 `orderKey`, V2 `external_shipment_id`); `None` where that is the desk's own.
    pub key: Option<String>,
    /// The store.
    pub store: Option<String>,
}

impl DeskOrderRef {
    /// The number that people know, or where the desk has none, its id.
    pub fn name(&self) -> &str {
        match self.number.trim() {
            "" => &self.id,
            number => number,
        }
    }
}

/// Goods in a despatch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DespatchLine {
    /// The key of the order's line, as whoever made the order gave it.
    pub key: Option<String>,
    /// What people order it by.
    pub sku: String,
    /// What it is, in words.
    pub name: Option<String>,
    /// How many.
    pub quantity: Decimal,
}
