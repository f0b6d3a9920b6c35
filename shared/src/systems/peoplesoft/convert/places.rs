//! Locations and vendors to addresses: of rows by effective date, the one that holds today.

use std::cmp::Ordering;

use jiff::civil::Date;

use super::countries;
use super::moments::{day, wall};
use crate::domain::Address;
use crate::systems::peoplesoft::options::Options;
use crate::systems::peoplesoft::wire::Row;

/// Of rows with an effective date the newest that is not yet to come, unless it is inactive: then nothing holds any more. Rows
/// without a date hold always.
pub(in crate::systems::peoplesoft) fn effective<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    today: Date,
    options: &Options,
) -> Option<&'a Row> {
    newest(rows, today, options).filter(|row| is_active(row))
}

/// Whether the newest row that is not yet to come is inactive.
pub(in crate::systems::peoplesoft) fn is_closed<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    today: Date,
    options: &Options,
) -> bool {
    newest(rows, today, options).is_some_and(|row| !is_active(row))
}

fn is_active(row: &Row) -> bool {
    row.get("EFF_STATUS")
        .is_none_or(|status| matches!(status.to_lowercase().as_str(), "a" | "active"))
}

fn newest<'a>(rows: impl IntoIterator<Item = &'a Row>, today: Date, options: &Options) -> Option<&'a Row> {
    let date = |row: &Row| {
        let text = row.get("EFFDT")?;
        day(text).or_else(|| wall(text, options).map(|wall| wall.date()))
    };
    let holds = |row: &&Row| date(row).is_none_or(|date| date <= today);
    let later = |one: &&Row, other: &&Row| match (date(one), date(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    };
    rows.into_iter()
        .filter(holds)
        .max_by(|one, other| match later(one, other) {
            // Of two of one day the first: the order in which they come is the only other one.
            Ordering::Equal => Ordering::Greater,
            other => other,
        })
}

/// The address of a location as it holds today; `None` where there is none that a parcel can be sent to.
pub(in crate::systems::peoplesoft) fn of_location(rows: &[Row], today: Date, options: &Options) -> Option<Address> {
    let row = effective(rows, today, options)?;
    let name = row.text("DESCR").or_else(|| row.text("ATTN_TO"))?;
    let attention = row.text("ATTN_TO").filter(|attention| *attention != name);
    address(row, name, attention)
}

/// Whether the address of this sequence, or the first, is closed.
pub(in crate::systems::peoplesoft) fn is_vendor_closed(
    rows: &[Row],
    sequence: Option<&str>,
    today: Date,
    options: &Options,
) -> bool {
    is_closed(of_sequence(rows, sequence), today, options)
}

fn of_sequence<'a>(rows: &'a [Row], sequence: Option<&str>) -> impl Iterator<Item = &'a Row> {
    let number = |row: &Row| row.number("ADDRESS_SEQ_NUM").unwrap_or_default();
    let wanted = match sequence.and_then(crate::systems::peoplesoft::wire::number) {
        Some(sequence) => Some(sequence),
        None => rows.iter().map(number).min(),
    };
    rows.iter().filter(move |row| Some(number(row)) == wanted)
}

/// The name of a vendor, and the address of this sequence, or of the first.
pub(in crate::systems::peoplesoft) fn of_vendor(
    rows: &[Row],
    sequence: Option<&str>,
    today: Date,
    options: &Options,
) -> (Option<String>, Option<Address>) {
    let name = rows.iter().find_map(|row| row.text("NAME1"));
    let row = effective(of_sequence(rows, sequence), today, options);
    let address = row.zip(name.clone()).and_then(|(row, name)| {
        let mut address = address(row, name, None)?;
        address.email = row.text("EMAILID");
        Some(address)
    });
    (name, address)
}

fn address(row: &Row, name: String, attention: Option<String>) -> Option<Address> {
    let columns = ["ADDRESS1", "ADDRESS2", "ADDRESS3", "ADDRESS4"];
    let lines: Vec<String> = columns.iter().filter_map(|column| row.text(column)).collect();
    if lines.is_empty() {
        return None;
    }
    Some(Address {
        name,
        attention,
        lines,
        city: row.text("CITY")?,
        state: row.text("STATE"),
        postal_code: row.text("POSTAL"),
        country: countries::alpha2(row.get("COUNTRY")?)?.to_owned(),
        phone: row.text("PHONE"),
        email: None,
        residential: None,
    })
}
