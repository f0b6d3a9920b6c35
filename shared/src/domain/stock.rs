//! What lies where, as the ERP counts it, and what a desk was told of it.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::LocationId;

/// By what the stock of one item in one place is known, in the order in which it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LevelKey {
    /// The ERP's id of the item, which is a whole number there.
    pub item: u64,
    /// The place, by the ERP's id, which is a whole number there.
    pub location: u64,
}

/// The stock of one item in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Which item, where.
    pub key: LevelKey,
    /// What people order the item by.
    pub sku: String,
    /// How many, by the measure that the connection wants (on hand, or available), never less than nothing.
    pub quantity: Decimal,
}

impl Level {
    /// The place, as connections name it.
    pub fn location(&self) -> LocationId {
        LocationId::new(self.key.location.to_string())
    }
}

/// What the desk was last told of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLevel {
    /// Which item, where.
    pub key: LevelKey,
    /// Under which SKU.
    pub sku: String,
    /// To which of the desk's places.
    pub place: String,
    /// How many.
    pub quantity: Decimal,
    /// When.
    pub at: Timestamp,
    /// Why the desk did not take it, where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A level that the desk does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unplaced {
    /// The SKU.
    pub sku: String,
    /// The ERP's place.
    pub location: LocationId,
    /// Why, in plain words.
    pub why: String,
}

/// One telling of all stock: where it stands and what it did. A crash goes on where it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRun {
    /// Counts the writes; 0 while nothing is stored.
    pub version: u64,
    /// Counts the runs; 0 before the first.
    pub number: u32,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended; `None` while it is under way.
    pub ended: Option<Timestamp>,
    /// The last level that was dealt with.
    pub after: Option<LevelKey>,
    /// Whether everything is told again, whether it changed or not.
    #[serde(default)]
    pub whole: bool,
    /// Levels that were read.
    pub read: u64,
    /// Of them, those that had changed since they were last told.
    pub changed: u64,
    /// Of those, those that the desk took.
    pub told: u64,
    /// Levels in places that the connection does not name.
    #[serde(default)]
    pub elsewhere: u64,
    /// Levels that the desk does not take, as many as are kept.
    #[serde(default)]
    pub unplaced: Vec<Unplaced>,
    /// How many there are in all.
    #[serde(default)]
    pub unplaced_in_all: u64,
    /// Why it waits, where it does.
    #[serde(default)]
    pub stopped: Option<String>,
    /// Until when the run before this one had everything told, for how old what the desk shows can be.
    #[serde(default)]
    pub last_whole: Option<Timestamp>,
}
