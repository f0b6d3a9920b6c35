//! Locations and vendors to addresses: of rows by effective date, the one that holds today.

use std::cmp::Ordering;

use jiff::civil::Date;

use super::countries;
use super::moments::{day, wall};
use crate::domain::Address;
use crate::systems::peoplesoft::options::Options;
use crate::systems::peoplesoft::wire::Row;

/// Of rows with an effective date the newest that is active and not yet to come; rows without a date hold always.
pub(in crate::systems::peoplesoft) fn effective<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    today: Date,
    options: &Options,
) -> Option<&'a Row> {
    let date = |row: &Row| {
        let text = row.get("EFFDT")?;
        day(text).or_else(|| wall(text, options).map(|wall| wall.date()))
    };
    let active = |row: &&Row| {
        row.get("EFF_STATUS")
            .is_none_or(|status| matches!(status.to_lowercase().as_str(), "a" | "active"))
    };
    let holds = |row: &&Row| date(row).is_none_or(|date| date <= today);
    let newest = |one: &&Row, other: &&Row| match (date(one), date(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    };
    rows.into_iter()
        .filter(active)
        .filter(holds)
        .max_by(|one, other| match newest(one, other) {
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

/// The name of a vendor, and the address of this sequence, or of the first.
pub(in crate::systems::peoplesoft) fn of_vendor(
    rows: &[Row],
    sequence: Option<&str>,
    today: Date,
    options: &Options,
) -> (Option<String>, Option<Address>) {
    let name = rows.iter().find_map(|row| row.text("NAME1"));
    let number = |row: &Row| row.number("ADDRESS_SEQ_NUM").unwrap_or_default();
    let wanted = match sequence.and_then(crate::systems::peoplesoft::wire::number) {
        Some(sequence) => Some(sequence),
        None => rows.iter().map(number).min(),
    };
    let of_sequence = rows.iter().filter(|row| Some(number(row)) == wanted);
    let row = effective(of_sequence, today, options);
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
