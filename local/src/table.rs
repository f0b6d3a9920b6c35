//! What came of the documents, as a person reads it: a table for each pairing that fits 120 columns, why some are held, the sums.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::books::{Bought, Counts, End, Row, Told, Totals};
use crate::carrier::{Carrier, service_name};
use crate::pairing::Name;

const HEADER: [&str; 8] = [
    "order",
    "ship to",
    "service",
    "cost",
    "tracking number",
    "written",
    "took",
    "delivery",
];
/// The columns that hold numbers.
const NUMBERS: [usize; 2] = [3, 6];
/// The most characters of a consignee and a city.
const SHIP_TO: usize = 15;

/// Every pairing's documents beneath its name and its sums.
#[must_use]
pub fn pairings(told: &[Told]) -> String {
    let of_one = |told: &Told| {
        let heading = format!("{}: {}", told.name.words(), sums(&told.counts()));
        format!("{heading}\n\n{}", orders(&told.rows))
    };
    told.iter().map(of_one).collect::<Vec<_>>().join("\n\n")
}

/// Documents, a line for each shipment; beneath them why some are held.
fn orders(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(HEADER);
    table.add_rows(rows.iter().map(cells));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if NUMBERS.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    [table.trim_fmt(), held(rows)].concat()
}

fn cells(row: &Row) -> [String; 8] {
    let each = |what: fn(&Bought) -> String| row.shipments.iter().map(what).collect::<Vec<_>>().join("\n");
    [
        row.number.clone(),
        place(row),
        each(|one| service_name(&one.service).to_owned()),
        each(|one| format!("{:.2}", one.charge)),
        each(parcels),
        row.writes.join("\n"),
        row.took.map(seconds).unwrap_or_default(),
        row.status
            .clone()
            .filter(|_| row.end == End::Shipped)
            .unwrap_or_default(),
    ]
}

fn seconds(took: Duration) -> String {
    format!("{:.1}", took.as_secs_f64())
}

fn place(row: &Row) -> String {
    match row.end {
        End::Held => "(held)".to_owned(),
        End::Cancelled => "(cancelled)".to_owned(),
        End::Underway if row.shipments.is_empty() => "(under way)".to_owned(),
        End::Underway | End::Shipped => shortened(&row.ship_to),
    }
}

fn shortened(ship_to: &str) -> String {
    if ship_to.chars().count() <= SHIP_TO {
        return ship_to.to_owned();
    }
    ship_to.chars().take(SHIP_TO - 1).chain(['…']).collect()
}

/// The first tracking number, and how many more there are.
fn parcels(one: &Bought) -> String {
    match one.tracking_numbers.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, others @ ..] => format!("{first} (+{})", others.len()),
    }
}

fn held(rows: &[Row]) -> String {
    let held = rows.iter().filter(|row| row.end == End::Held);
    let why = |row: &Row| {
        format!(
            "\n{} is held: {}",
            row.number,
            row.problem.as_deref().unwrap_or_default()
        )
    };
    held.map(why).collect()
}

/// How far the work is, pairing by pairing.
#[must_use]
pub fn in_short(told: &[Told]) -> String {
    each(told, |told| {
        let ended = told.rows.iter().filter(|row| row.end != End::Underway).count();
        format!("{ended} of {} ended", told.rows.len())
    })
}

/// How far the deliveries are, pairing by pairing.
#[must_use]
pub fn deliveries_in_short(told: &[Told]) -> String {
    each(told, |told| {
        let shipped = told.rows.iter().filter(|row| row.end == End::Shipped);
        let mut standing: BTreeMap<&str, usize> = BTreeMap::new();
        for row in shipped {
            *standing.entry(row.status.as_deref().unwrap_or("unknown")).or_default() += 1;
        }
        let words = standing.into_iter().map(|(status, count)| format!("{count} {status}"));
        words.collect::<Vec<_>>().join(", ")
    })
}

fn each(told: &[Told], words: impl Fn(&Told) -> String) -> String {
    let told = told
        .iter()
        .map(|told| format!("{}: {}", in_a_word(told.name), words(told)));
    told.collect::<Vec<_>>().join("; ")
}

/// The ERP, and where it ships with another carrier than most, that one too.
fn in_a_word(name: Name) -> String {
    match name.carrier() {
        Carrier::Ups => name.erp().to_owned(),
        Carrier::FedEx | Carrier::ShipStation => name.words(),
    }
}

/// The sums in a sentence.
#[must_use]
pub fn in_words(totals: &Totals) -> String {
    let killed = totals
        .killed
        .map(|killed| format!("; {killed} functions were killed on the way"));
    format!(
        "All together in {:.1} s: {}{}",
        totals.seconds,
        sums(&totals.counts),
        killed.unwrap_or_default()
    )
}

fn sums(counts: &Counts) -> String {
    format!(
        "{} orders, {} shipped, {} written back, {} delivered, {} held, {} cancelled, {} duplicates",
        counts.orders,
        counts.shipped,
        counts.written_back,
        counts.delivered,
        counts.held,
        counts.cancelled,
        counts.duplicates
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rust_decimal::dec;

    use super::*;

    fn shipped(parcels: usize) -> Row {
        let number = |parcel| format!("1ZA1B2C303{parcel:08}");
        let bought = Bought {
            service: "08".to_owned(),
            charge: dec!(1210.67),
            tracking_numbers: (0..parcels).map(number).collect(),
        };
        Row {
            number: "SO10013".to_owned(),
            end: End::Shipped,
            ship_to: "The Considerably Longwinded Trading Company, MOUNTAIN VIEW US".to_owned(),
            shipments: vec![bought],
            writes: vec!["IF10026".to_owned()],
            written_back: true,
            problem: None,
            status: Some("Out for delivery".to_owned()),
            delivered: false,
            took: Some(Duration::from_millis(104_310)),
        }
    }

    #[test]
    fn an_order_of_many_parcels_fits_the_screen_and_names_its_service() {
        let told = orders(&[shipped(7)]);
        assert!(told.lines().all(|line| line.chars().count() <= 120), "{told}");
        assert!(told.contains("1ZA1B2C30300000000 (+6)"), "{told}");
        assert!(told.contains("UPS Worldwide Expedited"), "{told}");
        assert!(told.contains("IF10026") && told.contains("104.3"), "{told}");
    }

    /// PeopleSoft's numbers are the longest.
    #[test]
    fn a_document_with_a_long_number_fits_too() {
        let row = Row {
            number: "0000079262".to_owned(),
            ..shipped(7)
        };
        let told = orders(&[row]);
        assert!(told.lines().all(|line| line.chars().count() <= 120), "{told}");
    }

    #[test]
    fn every_pairing_has_a_heading_with_its_sums() {
        let told = |name| Told {
            name,
            rows: vec![shipped(1)],
            duplicates: 0,
        };
        assert!(pairings(&[told(Name::NetSuiteFedEx)]).starts_with("NetSuite and FedEx: 1 orders"));
        let all = [told(Name::NetSuite), told(Name::PeopleSoft)];
        let words = pairings(&all);
        assert!(
            words.starts_with("NetSuite and UPS: 1 orders, 1 shipped, 1 written back, 0 delivered"),
            "{words}"
        );
        assert!(words.contains("\n\nPeopleSoft and UPS: 1 orders"), "{words}");
        assert!(words.lines().all(|line| line.chars().count() <= 120), "{words}");
        assert_eq!(in_short(&all), "NetSuite: 1 of 1 ended; PeopleSoft: 1 of 1 ended");
        assert_eq!(
            deliveries_in_short(&all),
            "NetSuite: 1 Out for delivery; PeopleSoft: 1 Out for delivery"
        );
    }

    #[test]
    fn one_parcel_is_its_number_alone() {
        assert_eq!(parcels(&shipped(1).shipments[0]), "1ZA1B2C30300000000");
    }

    #[test]
    fn the_whole_reason_of_a_hold_is_told_beneath_the_table() {
        let reason = "the carrier knows no such address. ".repeat(5);
        let held = Row {
            end: End::Held,
            shipments: Vec::new(),
            problem: Some(reason.clone()),
            ..shipped(1)
        };
        let told = orders(&[held]);
        assert!(told.contains("(held)"), "{told}");
        assert!(told.contains(&format!("\nSO10013 is held: {reason}")), "{told}");
    }
}
