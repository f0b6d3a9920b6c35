//! What really happened in the installation, for tests and the demo: documents with what Waybill wrote about them, how often
//! each row was written, requests, tokens, locked accounts.

use super::access::{Access, TokenCounts};
use super::model::{DocKey, DocType, Document, Schedule};
use super::track::{TrackKey, Written};
use super::world::World;
use jiff::civil::DateTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The books of the installation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// Documents by business unit, kind and number, as in `US001/PO/0000079262`.
    pub documents: BTreeMap<String, DocumentBook>,
    /// What should never be there.
    pub duplicates: Duplicates,
    /// Writes whose connection was lost and that have not landed yet.
    pub writes_on_the_way: usize,
    /// Requests by operation.
    pub requests: BTreeMap<String, u64>,
    /// What the token endpoint did.
    pub tokens: TokenCounts,
    /// Locked accounts.
    pub locked_users: Vec<String>,
    /// Refusals and tolerated mistakes.
    pub traffic: Traffic,
}

/// What the installation refused or put up with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests refused with 401 for their credentials.
    pub refused_logins: u64,
    /// Requests refused for the user's permissions.
    pub refused_permissions: u64,
    /// Runs whose prompts did not fit the query.
    pub bad_prompts: Vec<String>,
    /// Writes refused inside HTTP 200.
    pub refused_writes: Vec<String>,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentBook {
    /// Its kind.
    pub doc_type: DocType,
    /// `PO_STATUS` or `REQ_STATUS`
    pub status: String,
    /// `HOLD_STATUS`
    pub hold: bool,
    /// `LAST_DTTM_UPDATE`, the database server's local time.
    pub last_update: DateTime,
    /// Its schedules by line and schedule, as in `1-1`.
    pub schedules: BTreeMap<String, ScheduleBook>,
    /// What Waybill has written about it, by entry.
    pub track: BTreeMap<String, TrackBook>,
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleBook {
    /// `INV_ITEM_ID`
    pub item: String,
    /// `CANCEL_STATUS`
    pub status: String,
    /// Ordered.
    pub quantity: Decimal,
    /// Received.
    pub received: Decimal,
    /// `SHIPTO_ID`
    pub ship_to: String,
    /// `CARRIER_ID`
    pub carrier: String,
}

/// One row of X_SHIP_TRACK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackBook {
    /// How often it was written.
    pub writes: usize,
    /// The columns as they stand; blanks are left out.
    pub columns: BTreeMap<String, String>,
    /// Everything it has said, oldest first.
    pub history: Vec<Written>,
}

impl TrackBook {
    /// A column as it stands; empty where it is blank.
    pub fn column(&self, name: &str) -> &str {
        self.columns.get(name).map(String::as_str).unwrap_or_default()
    }

    /// What one column has said, oldest first.
    pub fn history_of(&self, column: &str) -> Vec<&str> {
        let said = self.history.iter().filter_map(|written| written.columns.get(column));
        said.map(String::as_str).collect()
    }
}

/// Signs that something was done twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Tracking numbers that stand in the shipments of several documents, or several times in those of one.
    pub tracking_numbers: BTreeMap<String, Vec<String>>,
}

impl Duplicates {
    /// Whether there is none of them.
    pub fn is_empty(&self) -> bool {
        self.tracking_numbers.is_empty()
    }
}

impl Books {
    /// The book of a document.
    pub fn document(&self, key: &DocKey) -> Option<&DocumentBook> {
        self.documents.get(&key.to_string())
    }

    /// The row of a document's entry.
    pub fn track(&self, key: &DocKey, entry: &str) -> Option<&TrackBook> {
        self.document(key)?.track.get(entry)
    }
}

/// The books as they stand.
pub(super) fn of(world: &World, access: &Access, traffic: &Traffic, requests: BTreeMap<String, u64>) -> Books {
    let mut documents: BTreeMap<String, DocumentBook> = world
        .documents
        .values()
        .map(|document| (document.key.to_string(), document_book(document)))
        .collect();
    for (key, said) in world.track.rows() {
        if let Some(book) = documents.get_mut(&key.document.to_string()) {
            book.track.insert(key.entry.clone(), track_book(said));
        }
    }
    Books {
        documents,
        duplicates: duplicates(world),
        writes_on_the_way: world.track.on_the_way(),
        requests,
        tokens: access.counts.clone(),
        locked_users: access.locked(),
        traffic: traffic.clone(),
    }
}

fn document_book(document: &Document) -> DocumentBook {
    let schedules = document.lines.iter().flat_map(|line| {
        let named = |schedule: &Schedule| format!("{}-{}", line.number, schedule.number);
        let all = line.schedules.iter();
        all.map(move |schedule| (named(schedule), schedule_book(&line.item, schedule)))
    });
    DocumentBook {
        doc_type: document.key.doc_type,
        status: document.status.clone(),
        hold: document.hold,
        last_update: document.last_update,
        schedules: schedules.collect(),
        track: BTreeMap::new(),
    }
}

fn schedule_book(item: &str, schedule: &Schedule) -> ScheduleBook {
    ScheduleBook {
        item: item.into(),
        status: schedule.status.clone(),
        quantity: schedule.quantity,
        received: schedule.received,
        ship_to: schedule.ship_to.clone(),
        carrier: schedule.carrier.clone(),
    }
}

fn track_book(said: &[Written]) -> TrackBook {
    TrackBook {
        writes: said.len(),
        columns: said.last().map(|last| last.columns.clone()).unwrap_or_default(),
        history: said.to_vec(),
    }
}

fn duplicates(world: &World) -> Duplicates {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, said) in world.track.rows().iter().filter(|(key, _)| key.is_shipment()) {
        let stands = said.last().and_then(|last| last.columns.get("TRACKING"));
        for number in stands.into_iter().flat_map(|numbers| numbers.split([',', ' ', ';'])) {
            if !number.is_empty() {
                places.entry(number.to_owned()).or_default().push(place(key));
            }
        }
    }
    places.retain(|_, places| places.len() > 1);
    Duplicates {
        tracking_numbers: places,
    }
}

fn place(key: &TrackKey) -> String {
    format!("{}/{}", key.document, key.entry)
}
