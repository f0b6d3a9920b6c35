//! The custom record X_SHIP_TRACK and the write service in front of it: the only thing that Waybill writes.
//!
//! A write creates or replaces the row of its key; it touches nothing else, neither the document nor its
//! `LAST_DTTM_UPDATE`. Columns that are not named become a blank. A write whose connection was lost may land later, and then
//! replaces what has been written meanwhile.

use super::cells::printed;
use super::model::{DocKey, DocType};
use super::options::{MomentForm, Options};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The columns that a write may name, with their lengths.
pub const COLUMNS: [(&str, usize); 13] = [
    ("TRACKING", 254),
    ("CARRIER", 10),
    ("SERVICE", 30),
    ("COST", 17),
    ("CURRENCY_CD", 3),
    ("STATUS", 30),
    ("STATUS_DTTM", 26),
    ("PLACE", 60),
    ("SIGNED_BY", 40),
    ("EST_DELIVERY", 26),
    ("ERR_FLG", 1),
    ("ERR_TEXT", 254),
    (LAST_UPDATE, 26),
];
const LAST_UPDATE: &str = "LAST_DTTM_UPDATE";
const SHIPMENT_ID: usize = 26;

/// The key of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrackKey {
    /// The document.
    pub document: DocKey,
    /// `ENTRY`: a shipment's id, `PROBLEM` or `DELIVERY`.
    pub entry: String,
}

impl TrackKey {
    /// Whether it is the row of a shipment.
    pub fn is_shipment(&self) -> bool {
        self.entry.len() == SHIPMENT_ID
    }
}

/// What a row has said since some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// When it was stored.
    pub at: Timestamp,
    /// Whose write it was.
    pub by: String,
    /// The columns; blanks are left out.
    pub columns: BTreeMap<String, String>,
}

/// The record with everything that was ever stored in it.
#[derive(Debug, Clone, Default)]
pub struct TrackTable {
    rows: BTreeMap<TrackKey, Vec<Written>>,
    on_the_way: Vec<(Timestamp, TrackKey, Written)>,
}

impl TrackTable {
    /// Each row with what it has said, oldest first.
    pub fn rows(&self) -> &BTreeMap<TrackKey, Vec<Written>> {
        &self.rows
    }

    /// Writes that have not landed yet.
    pub fn on_the_way(&self) -> usize {
        self.on_the_way.len()
    }

    /// What each row said at `seen`.
    pub(super) fn seen_at(&self, seen: Timestamp) -> impl Iterator<Item = (&TrackKey, &Written)> {
        self.rows
            .iter()
            .filter_map(move |(key, said)| said.iter().rev().find(|one| one.at <= seen).map(|one| (key, one)))
    }

    /// Stores a row, at once or so many seconds later.
    pub(super) fn store(&mut self, key: TrackKey, written: Written, late_s: i64) {
        if late_s > 0 {
            let at = written
                .at
                .checked_add(SignedDuration::from_secs(late_s))
                .unwrap_or(Timestamp::MAX);
            self.on_the_way.push((at, key, Written { at, ..written }));
        } else {
            self.rows.entry(key).or_default().push(written);
        }
    }

    /// Stores what was to land until `now`, in its order.
    pub(super) fn settle(&mut self, now: Timestamp) {
        if self.on_the_way.iter().all(|(at, ..)| *at > now) {
            return;
        }
        let (mut due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.on_the_way)
            .into_iter()
            .partition(|(at, ..)| *at <= now);
        self.on_the_way = later;
        due.sort_by_key(|(at, ..)| *at);
        for (_, key, written) in due {
            self.store(key, written, 0);
        }
    }
}

/// Reads the key from the four segments after the operation.
///
/// # Errors
/// Why it cannot be the key of a row.
pub(super) fn read_key(segments: &[String]) -> Result<TrackKey, String> {
    let [unit, doc_type, id, entry] = segments else {
        return Err("The URI does not match a template of the operation.".into());
    };
    let doc_type = DocType::of(doc_type).ok_or_else(|| format!("DOC_TYPE {doc_type} is neither PO nor REQ."))?;
    let shipment = entry.len() == SHIPMENT_ID && entry.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !shipment && entry != "PROBLEM" && entry != "DELIVERY" {
        return Err(format!("ENTRY {entry} is neither a shipment nor PROBLEM nor DELIVERY."));
    }
    Ok(TrackKey {
        document: DocKey::new(unit, doc_type, id),
        entry: entry.clone(),
    })
}

/// Reads the columns of a body; the moment of the write is filled in where it is not named.
///
/// # Errors
/// Why the record cannot hold them.
pub(super) fn read_columns(
    body: &[u8],
    key: &TrackKey,
    local: DateTime,
    options: &Options,
) -> Result<BTreeMap<String, String>, String> {
    let body: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| "The message body is not a JSON object.".to_owned())?;
    let mut columns = BTreeMap::from([(LAST_UPDATE.to_owned(), printed(local, MomentForm::Dotted))]);
    for (name, value) in &body {
        let value = text_of(name, value)?;
        if let Some(own) = key_column(key, name) {
            if own != value {
                return Err(format!("{name} is not the one of the URI."));
            }
            continue;
        }
        let length = length_of(name, options).ok_or_else(|| format!("{name} is no property of X_SHIP_TRACK."))?;
        if value.chars().count() > length {
            return Err(format!("The value of {name} is longer than {length} characters."));
        }
        if !value.trim().is_empty() {
            columns.insert(name.clone(), value);
        }
    }
    Ok(columns)
}

fn text_of(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Ok(String::new()),
        _ => Err(format!("{name} is neither text nor a number.")),
    }
}

fn key_column<'a>(key: &'a TrackKey, name: &str) -> Option<&'a str> {
    match name {
        "BUSINESS_UNIT" => Some(&key.document.business_unit),
        "DOC_TYPE" => Some(key.document.doc_type.code()),
        "DOC_ID" => Some(&key.document.id),
        "ENTRY" => Some(&key.entry),
        _ => None,
    }
}

fn length_of(name: &str, options: &Options) -> Option<usize> {
    let usual = COLUMNS
        .iter()
        .find(|(column, _)| *column == name)
        .map(|(_, length)| *length)?;
    Some(options.track_lengths.get(name).copied().unwrap_or(usual))
}
