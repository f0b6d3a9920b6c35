//! What is written: entries of the customer's record, one for each shipment of a document, one for its problem and one for its
//! delivery. An entry's name is a part of its key, so that writing it again changes it and makes no second one.

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::keys::Key;
use super::moments::{day, shown, wall};
use super::template::Escape;
use crate::connection::FieldMap;
use crate::domain::{DeliveryStatus, DocumentId, Refusal};
use crate::ports::{WriteBack, WriteBackRef, Written};
use crate::systems::peoplesoft::account::Settings;
use crate::systems::peoplesoft::options::Options;
use crate::systems::peoplesoft::wire::{Row, number};

/// The entry that says why a document is held.
const PROBLEM: &str = "PROBLEM";

/// The entry that says how a document's delivery fares.
const DELIVERY: &str = "DELIVERY";

/// One entry as it is to stand.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems::peoplesoft) struct Entry {
    key: Key,
    name: String,
    /// By the names that templates use.
    values: BTreeMap<&'static str, String>,
    /// By the record's columns.
    columns: Map<String, Value>,
    /// The columns that the connection names, by which the entry is recognised.
    told: Vec<(String, String)>,
}

/// The request that writes an entry, exactly as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::systems::peoplesoft) struct Plan {
    /// Path with query, behind the base.
    pub(in crate::systems::peoplesoft) path: String,
    pub(in crate::systems::peoplesoft) method: String,
    /// The content type.
    pub(in crate::systems::peoplesoft) media: String,
    pub(in crate::systems::peoplesoft) body: String,
    /// The entry's name.
    pub(in crate::systems::peoplesoft) entry: String,
    /// The document that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::systems::peoplesoft) document: Option<DocumentId>,
    /// What the entry shows once it is written, by column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::systems::peoplesoft) told: Vec<(String, String)>,
}

impl Entry {
    fn of(key: &Key, name: &str) -> Self {
        Self {
            key: key.clone(),
            name: name.to_owned(),
            values: BTreeMap::new(),
            columns: Map::new(),
            told: Vec::new(),
        }
    }

    /// What nobody should read in an error: places and names.
    pub(in crate::systems::peoplesoft) fn hidden(&self) -> Vec<String> {
        let names = ["place", "signed_by", "problem"].into_iter();
        names.filter_map(|name| self.values.get(name).cloned()).collect()
    }

    /// Says something in the column that the connection names for it, if it names one.
    fn say(&mut self, name: &'static str, column: Option<&String>, text: String) {
        if let Some(column) = column {
            self.told.push((column.clone(), text.clone()));
            self.also(name, Some(column), text);
        }
    }

    /// Says something beside: the entry is not recognised by it.
    fn also(&mut self, name: &'static str, column: Option<&String>, text: String) {
        if let Some(column) = column {
            let value = if name == "cost" {
                number_value(&text)
            } else {
                json!(text)
            };
            self.columns.insert(column.clone(), value);
            self.values.insert(name, text);
        }
    }
}

fn number_value(text: &str) -> Value {
    let number = number(text).and_then(|number| number.to_f64());
    number.map_or_else(|| json!(text), |number| json!(number))
}

fn impossible(words: String) -> Refusal {
    Refusal::new("write-back-impossible", words)
}

/// The key of a document that is written about.
fn key_of(document: &DocumentId) -> Result<Key, Refusal> {
    Key::of(document).ok_or_else(|| impossible(format!("{document} is no document of PeopleSoft")))
}

/// A shipment's own entry.
///
/// # Errors
/// When the document is none of PeopleSoft, or the tracking numbers do not fit their column.
pub(in crate::systems::peoplesoft) fn shipped(
    write_back: &WriteBack<'_>,
    fields: &FieldMap,
    options: &Options,
    carrier: &str,
) -> Result<Entry, Refusal> {
    let mut entry = Entry::of(&key_of(&write_back.order.document)?, write_back.job.as_str());
    let numbers: Vec<&str> = write_back.shipment.tracking_numbers().collect();
    let joined = numbers.join(", ");
    if joined.chars().count() > options.text_limit {
        return Err(impossible(format!(
            "{} tracking numbers take {} characters, and the column takes {}: lengthen it and raise erp.text_limit",
            numbers.len(),
            joined.chars().count(),
            options.text_limit
        )));
    }
    let service = &options.write;
    entry.say("tracking", fields.tracking.as_ref(), joined);
    if fields.tracking.is_some() {
        entry.also("carrier", service.carrier_column.as_ref(), carrier.to_owned());
    }
    let offer = write_back.quote.map(|quote| &quote.offer);
    if let Some(cost) = write_back.shipment.cost.as_ref().or(offer.map(|offer| &offer.cost)) {
        entry.say(
            "cost",
            fields.cost.as_ref(),
            cost.amount.round_dp(2).normalize().to_string(),
        );
        if fields.cost.is_some() {
            entry.also("currency", service.currency_column.as_ref(), cost.currency.clone());
        }
    }
    let named = offer
        .map(|offer| offer.name.as_str())
        .or(write_back.shipment.service.as_deref());
    if let Some(named) = named {
        entry.say("service", fields.service.as_ref(), one_line(named, options.text_limit));
    }
    entry.say(
        "status",
        fields.status.as_ref(),
        one_line(&options.status_text, options.text_limit),
    );
    Ok(entry)
}

/// The entry that sets or clears the problem; `None` where the connection names no column for it.
///
/// # Errors
/// When the document is none of PeopleSoft.
pub(in crate::systems::peoplesoft) fn problem(
    document: &DocumentId,
    problem: Option<&str>,
    fields: &FieldMap,
    options: &Options,
) -> Result<Option<Entry>, Refusal> {
    if fields.problem.is_none() {
        return Ok(None);
    }
    let mut entry = Entry::of(&key_of(document)?, PROBLEM);
    let text = one_line(problem.unwrap_or_default(), options.text_limit);
    let flag = if problem.is_some() { "Y" } else { "N" };
    entry.say("problem", fields.problem.as_ref(), text);
    entry.also("flag", options.write.flag_column.as_ref(), flag.to_owned());
    Ok(Some(entry))
}

/// The entry that says how the delivery fares; `None` where the connection names no column for it. What is not known (any more)
/// is empty.
///
/// # Errors
/// When the document is none of PeopleSoft.
pub(in crate::systems::peoplesoft) fn delivery(
    document: &DocumentId,
    status: &DeliveryStatus,
    fields: &FieldMap,
    options: &Options,
) -> Result<Option<Entry>, Refusal> {
    if !fields.tells_deliveries() {
        return Ok(None);
    }
    let mut entry = Entry::of(&key_of(document)?, DELIVERY);
    let words = |text: Option<&str>| one_line(text.unwrap_or_default(), options.text_limit);
    let at = shown(status.at, options).unwrap_or_default();
    let expected = status.estimate.map(|estimate| estimate.date.to_string());
    entry.say("status", fields.status.as_ref(), words(Some(&status.text)));
    entry.say("status_at", fields.status_at.as_ref(), at);
    entry.say("place", fields.place.as_ref(), words(status.place.as_deref()));
    entry.say(
        "signed_by",
        fields.signed_by.as_ref(),
        words(status.signed_by.as_deref()),
    );
    entry.say(
        "estimated_delivery",
        fields.estimated_delivery.as_ref(),
        expected.unwrap_or_default(),
    );
    Ok(Some(entry))
}

/// A text on one line that fits a column, cut between letters.
fn one_line(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= limit {
        return line;
    }
    let kept: String = line.chars().take(limit.saturating_sub(3)).collect();
    format!("{kept}...")
}

/// The request that writes an entry.
pub(in crate::systems::peoplesoft) fn drafted(entry: &Entry, settings: &Settings) -> Plan {
    let service = &settings.options.write;
    let names: BTreeMap<&str, String> = [
        ("business_unit", entry.key.business_unit.clone()),
        ("doc_type", entry.key.kind.code().to_owned()),
        ("doc_id", entry.key.id.clone()),
        ("entry", entry.name.clone()),
    ]
    .into();
    let path = service.path.filled(&names, Escape::Url);
    let body = match &service.body {
        Some(template) => {
            let values = names
                .into_iter()
                .chain(entry.values.iter().map(|(name, text)| (*name, text.clone())));
            template.filled(&values.collect(), Escape::of(&service.media))
        }
        None => Value::Object(whole_row(entry)).to_string(),
    };
    Plan {
        path: format!("{}/{}{path}", settings.connector(), service.name),
        method: service.method.clone(),
        media: service.media.clone(),
        body,
        entry: entry.name.clone(),
        document: Some(entry.key.document()),
        told: entry.told.clone(),
    }
}

/// The record's row: its key and what the entry says.
fn whole_row(entry: &Entry) -> Map<String, Value> {
    let key = [
        ("BUSINESS_UNIT", &entry.key.business_unit),
        ("DOC_ID", &entry.key.id),
        ("ENTRY", &entry.name),
    ];
    let mut row: Map<String, Value> = key
        .into_iter()
        .map(|(name, text)| (name.to_owned(), json!(text)))
        .collect();
    row.insert("DOC_TYPE".to_owned(), json!(entry.key.kind.code()));
    row.extend(entry.columns.clone());
    row
}

/// The row of an entry among those of a document.
fn row_of<'a>(rows: &'a [Row], name: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.get("ENTRY") == Some(name))
}

/// What a document's rows show of a shipment: all of its tracking numbers, or an entry without them.
pub(in crate::systems::peoplesoft) fn shows(
    rows: &[Row],
    job: &str,
    numbers: &[&str],
    fields: &FieldMap,
    options: &Options,
) -> Written {
    let Some(row) = row_of(rows, job) else {
        return Written::Nothing;
    };
    let there = fields.tracking.as_ref().and_then(|column| said(row, column, options));
    let there = split(there.unwrap_or_default());
    if fields.tracking.is_none() || numbers.iter().all(|number| there.contains(number)) {
        Written::Whole(place(job))
    } else {
        Written::Partly(place(job))
    }
}

/// Where an entry stands.
pub(in crate::systems::peoplesoft) fn place(name: &str) -> WriteBackRef {
    WriteBackRef {
        place: format!("entry {name} of X_SHIP_TRACK"),
        id: Some(name.to_owned()),
    }
}

/// The tracking numbers that the entries of a document's shipments show.
pub(in crate::systems::peoplesoft) fn numbers_shown(
    rows: &[Row],
    fields: &FieldMap,
    options: &Options,
) -> Option<String> {
    let column = fields.tracking.as_ref()?;
    let shipments = rows
        .iter()
        .filter(|row| !matches!(row.get("ENTRY"), Some(PROBLEM | DELIVERY)));
    let shown: Vec<&str> = shipments.filter_map(|row| said(row, column, options)).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

fn split(text: &str) -> Vec<&str> {
    let parts = text.split([',', ' ', ';', '\n']);
    parts.filter(|part| !part.is_empty()).collect()
}

/// What a row says in a column of the record, by whichever name the query gives it.
fn said<'a>(row: &'a Row, column: &str, options: &Options) -> Option<&'a str> {
    row.get(column).or_else(|| row.get(renamed(column, options)?))
}

/// Our name of a column that the connection renames.
fn renamed<'a>(column: &str, options: &'a Options) -> Option<&'a str> {
    let mut all = options.columns.iter();
    all.find(|(_, theirs)| *theirs == column).map(|(ours, _)| ours.as_str())
}

/// Whether a document's rows say already what an entry says. No row says nothing, and so does an entry that clears.
pub(in crate::systems::peoplesoft) fn says_already(rows: &[Row], entry: &Entry, options: &Options) -> bool {
    let nothing = Row::default();
    let row = row_of(rows, &entry.name).unwrap_or(&nothing);
    entry.told.iter().all(|(column, ours)| {
        let there = said(row, column, options).unwrap_or_default();
        is_same(there, ours, options)
    })
}

/// Whether a document's rows show what was written. A column that the query does not have at all tells nothing either way; of
/// an entry that only clears, no row says the same.
pub(in crate::systems::peoplesoft) fn is_shown(rows: &[Row], plan: &Plan, options: &Options) -> bool {
    let Some(row) = row_of(rows, &plan.entry) else {
        return !plan.told.is_empty() && plan.told.iter().all(|(_, ours)| ours.trim().is_empty());
    };
    let shows = |column: &str| row.has(column) || renamed(column, options).is_some_and(|ours| row.has(ours));
    let told: Vec<&(String, String)> = plan.told.iter().filter(|(column, _)| shows(column)).collect();
    let same =
        |(column, ours): &&(String, String)| is_same(said(row, column, options).unwrap_or_default(), ours, options);
    told.iter().all(same) && (plan.told.is_empty() || !told.is_empty())
}

/// Whether two texts say the same: a column of numbers or of times has a spelling of its own.
fn is_same(there: &str, ours: &str, options: &Options) -> bool {
    let (there, ours) = (there.trim(), ours.trim());
    let same_number = || number(there).is_some() && number(there) == number(ours);
    let same_time = || match (wall(there, options), wall(ours, options)) {
        (Some(there), Some(ours)) => there == ours,
        _ => false,
    };
    let same_day = || match day(ours) {
        Some(day) => wall(there, options).is_some_and(|there| there.date() == day),
        None => false,
    };
    there == ours || (!ours.is_empty() && (same_number() || same_time() || same_day()))
}
