//! The database of the installation: what is defined, what was entered, what was written by Waybill.

use super::model::{BusinessUnit, DocKey, Document, History, Item, Place, Vendor};
use super::options::Options;
use super::track::TrackTable;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Something was named that the database does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonexistent(pub String);

impl Nonexistent {
    /// The refusal to act on `what`.
    pub fn of(what: impl std::fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl std::fmt::Display for Nonexistent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} does not exist", self.0)
    }
}

impl std::error::Error for Nonexistent {}

/// A SETID and the identifier under it.
pub type SetKey = (String, String);

/// The database.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The settings in force.
    pub options: Options,
    /// Business units by their id.
    pub business_units: BTreeMap<String, BusinessUnit>,
    /// Vendors by SETID and id.
    pub vendors: BTreeMap<SetKey, Vendor>,
    /// Locations by SETID and id.
    pub locations: BTreeMap<SetKey, History<Place>>,
    /// Items by SETID and id.
    pub items: BTreeMap<SetKey, Item>,
    /// Purchase orders and requisitions.
    pub documents: BTreeMap<DocKey, Document>,
    /// The custom record that Waybill writes.
    pub track: TrackTable,
    numbers: u32,
}

impl World {
    /// An empty database.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// The database server's local time at `at`, which is all that is stored of a moment.
    pub fn local(&self, at: Timestamp) -> DateTime {
        let zone = TimeZone::get(&self.options.zone).unwrap_or(TimeZone::UTC);
        zone.to_datetime(at)
    }

    /// The database server's day.
    pub fn today(&self, now: Timestamp) -> Date {
        self.local(now).date()
    }

    /// The business unit of that id.
    ///
    /// # Errors
    /// When there is none.
    pub fn business_unit(&self, id: &str) -> Result<&BusinessUnit, Nonexistent> {
        self.business_units
            .get(id)
            .ok_or_else(|| Nonexistent::of(format!("business unit {id}")))
    }

    /// The document of that key.
    ///
    /// # Errors
    /// When there is none.
    pub fn document(&mut self, key: &DocKey) -> Result<&mut Document, Nonexistent> {
        self.documents.get_mut(key).ok_or_else(|| Nonexistent::of(key))
    }

    /// The document that a person calls by this number, of whatever unit and kind.
    pub fn named(&self, id: &str) -> Option<DocKey> {
        self.documents.keys().find(|key| key.id == id).cloned()
    }

    /// Writes what has been on its way until now.
    pub fn settle(&mut self, now: Timestamp) {
        self.track.settle(now);
    }

    /// The next document number: ten digits.
    pub(super) fn next_number(&mut self) -> String {
        self.numbers += 1;
        format!("{:010}", 79_261 + self.numbers)
    }
}
