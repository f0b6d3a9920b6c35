//! What came of the documents, counted from the simulators' own books and not from ours.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use waybill::domain::{DocumentId, JobId, Milestone};

use crate::carrier::{Books, Parcel, Shipment};
use crate::counts::PerShipment;
use crate::pairing::{Name, Pairing, shipped};

/// The most units that a document of the demo has.
const UNITS: u32 = 8;

/// How a document ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Not yet.
    Underway,
    /// Everything that was ordered has a shipment, and the ERP shows each with its tracking number.
    Shipped,
    /// No shipment, and people see why.
    Held,
    /// No shipment, and none is wanted.
    Cancelled,
}

/// What an ERP's own books show of one document that is to ship.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its number.
    pub number: String,
    /// As jobs know it.
    pub document: DocumentId,
    /// Every tracking number that stands there.
    pub tracking_numbers: BTreeSet<String>,
    /// Other documents whose tracking numbers stand in the same place: fulfilments that one invoice bills.
    pub beside: Vec<DocumentId>,
    /// How many shipments it takes at least: one for each destination.
    pub consignments: usize,
    /// Whether the ERP, too, sees nothing left to ship, and shows whatever else belongs to a shipment.
    pub whole: bool,
    /// Whether it is cancelled.
    pub cancelled: bool,
    /// Whether a person has put it right: its hold will be noticed to be over.
    pub corrected: bool,
    /// Why it is held.
    pub problem: Option<String>,
    /// Where the delivery stands.
    pub status: Option<String>,
    /// What holds the tracking numbers: fulfilments, change orders, rows, invoices.
    pub writes: Vec<String>,
    /// When the last of these was made.
    pub last_write: Option<Timestamp>,
}

/// One document as the books of both sides show it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its number.
    pub number: String,
    /// How it ended.
    pub end: End,
    /// Where it goes.
    pub ship_to: String,
    /// Unvoided shipments at the carrier: service, cost, tracking numbers.
    pub shipments: Vec<Bought>,
    /// What holds the tracking numbers in the ERP.
    pub writes: Vec<String>,
    /// Whether the ERP shows every tracking number of every unit.
    pub written_back: bool,
    /// Why it is held.
    pub problem: Option<String>,
    /// Where the ERP says that the delivery stands.
    pub status: Option<String>,
    /// Whether the carrier has delivered every parcel, and the ERP says so.
    pub delivered: bool,
    /// From its entry to the last write of a tracking number.
    pub took: Option<Duration>,
}

/// One shipment.
#[derive(Debug, Clone)]
pub struct Bought {
    /// The service's code.
    pub service: String,
    /// What it cost.
    pub charge: Decimal,
    /// Its parcels.
    pub tracking_numbers: Vec<String>,
}

/// A pairing's documents.
#[derive(Debug, Clone)]
pub struct Told {
    /// Which pairing.
    pub name: Name,
    /// Its documents, in the order of their entry.
    pub rows: Vec<Row>,
    /// Extra shipments and writes.
    pub duplicates: usize,
}

/// How documents ended, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Documents.
    pub orders: usize,
    /// Of which shipped.
    pub shipped: usize,
    /// Shipped ones whose every unit the ERP shows with its tracking number.
    pub written_back: usize,
    /// Shipped ones whose every parcel has arrived, and of which the ERP says so.
    pub delivered: usize,
    /// Of which held.
    pub held: usize,
    /// Of which cancelled.
    pub cancelled: usize,
    /// Extra unvoided shipments for a unit, and what the ERP holds twice.
    pub duplicates: usize,
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            orders: self.orders + other.orders,
            shipped: self.shipped + other.shipped,
            written_back: self.written_back + other.written_back,
            delivered: self.delivered + other.delivered,
            held: self.held + other.held,
            cancelled: self.cancelled + other.cancelled,
            duplicates: self.duplicates + other.duplicates,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

/// What `cargo demo -- --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// All pairings together.
    #[serde(flatten)]
    pub counts: Counts,
    /// Each pairing by its name.
    pub pairings: BTreeMap<&'static str, Counts>,
    /// Function processes that were killed while they worked, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub killed: Option<u32>,
    /// Quantities that desks were told, where there are any: by then they show what the ERPs have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock_told: Option<usize>,
    /// What a shipment took of AWS.
    pub per_shipment: PerShipment,
    /// From the start of the deployment to the end of the work.
    pub seconds: f64,
    /// What the deployment ran on.
    pub stack: &'static str,
}

/// Reads the books of both sides for every document of a pairing.
#[must_use]
pub fn told(pairing: &dyn Pairing, carrier: &Books, began: Timestamp) -> Told {
    let name = pairing.name();
    let shown = pairing.shown();
    let again = shipped(name, &pairing.shipped_elsewhere(), carrier);
    Told {
        name,
        duplicates: bought_twice(name, &shown, carrier) + again + pairing.written_twice(),
        rows: shown.iter().map(|shown| row(name, shown, carrier, began)).collect(),
    }
}

fn row(name: Name, shown: &Shown, carrier: &Books, began: Timestamp) -> Row {
    let shipments = shipments(name, &shown.document, carrier);
    let bought = tracking_numbers(&shipments);
    let beside = shown.beside.iter();
    let beside = beside.flat_map(|document| tracking_numbers(&self::shipments(name, document, carrier)));
    let expected: BTreeSet<String> = beside.chain(bought.iter().cloned()).collect();
    let every = shipments.len() >= shown.consignments && shown.whole;
    let written_back = !bought.is_empty() && expected == shown.tracking_numbers && every;
    Row {
        number: shown.number.clone(),
        end: end(shown, &shipments, written_back),
        ship_to: shipments.first().map(|one| place(one)).unwrap_or_default(),
        writes: shown.writes.clone(),
        written_back,
        problem: shown.problem.clone(),
        status: shown.status.clone(),
        delivered: arrived(&shipments) && shown.status.as_deref() == Some(Milestone::Delivered.words()),
        took: shown
            .last_write
            .and_then(|last| Duration::try_from(last.duration_since(began)).ok()),
        shipments: shipments.into_iter().map(bought_as).collect(),
    }
}

fn end(shown: &Shown, shipments: &[&Shipment], written_back: bool) -> End {
    let flagged = shown.problem.as_deref().is_some_and(|problem| !problem.is_empty());
    if !shipments.is_empty() {
        return if written_back { End::Shipped } else { End::Underway };
    }
    if shown.cancelled {
        End::Cancelled
    } else if flagged && !shown.corrected {
        End::Held
    } else {
        End::Underway
    }
}

/// The unvoided shipments of a document's units.
#[must_use]
pub fn shipments<'a>(name: Name, document: &DocumentId, carrier: &'a Books) -> Vec<&'a Shipment> {
    carrier.under(&jobs(name, document))
}

/// The references under which a document's units ship.
#[must_use]
pub fn jobs(name: Name, document: &DocumentId) -> Vec<String> {
    let Ok(connection) = name.connection().parse() else {
        return Vec::new();
    };
    (1..=UNITS)
        .map(|unit| JobId::of(&connection, document, unit).to_string())
        .collect()
}

/// Second unvoided shipments under one job id.
fn bought_twice(name: Name, shown: &[Shown], carrier: &Books) -> usize {
    let jobs: BTreeSet<String> = shown.iter().flat_map(|shown| jobs(name, &shown.document)).collect();
    jobs.iter().map(|job| carrier.extra(job)).sum()
}

fn tracking_numbers(shipments: &[&Shipment]) -> BTreeSet<String> {
    let parcels = shipments.iter().flat_map(|one| &one.parcels);
    parcels.map(|parcel| parcel.tracking_number.clone()).collect()
}

fn arrived(shipments: &[&Shipment]) -> bool {
    let mut parcels = shipments.iter().flat_map(|one| &one.parcels);
    !shipments.is_empty() && parcels.all(|parcel| parcel.delivered)
}

fn place(shipment: &Shipment) -> String {
    format!("{}, {} {}", shipment.consignee, shipment.city, shipment.country)
}

fn bought_as(shipment: &Shipment) -> Bought {
    let number = |parcel: &Parcel| parcel.tracking_number.clone();
    Bought {
        service: shipment.service.clone(),
        charge: shipment.charge,
        tracking_numbers: shipment.parcels.iter().map(number).collect(),
    }
}

impl Told {
    /// Its documents in numbers.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let ended = |end: End| self.rows.iter().filter(move |row| row.end == end);
        Counts {
            orders: self.rows.len(),
            shipped: ended(End::Shipped).count(),
            written_back: ended(End::Shipped).filter(|row| row.written_back).count(),
            delivered: ended(End::Shipped).filter(|row| row.delivered).count(),
            held: ended(End::Held).count(),
            cancelled: ended(End::Cancelled).count(),
            duplicates: self.duplicates,
        }
    }
}

/// Adds the pairings up.
#[must_use]
pub fn totals(told: &[Told], took: Duration, killed: Option<u32>) -> Totals {
    Totals {
        counts: told.iter().map(Told::counts).sum(),
        pairings: told.iter().map(|told| (told.name.id(), told.counts())).collect(),
        killed,
        stock_told: None,
        per_shipment: PerShipment::default(),
        seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
        stack: "ministack",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(end: End, delivered: bool) -> Row {
        Row {
            number: "1".to_owned(),
            end,
            ship_to: String::new(),
            shipments: Vec::new(),
            writes: Vec::new(),
            written_back: end == End::Shipped,
            problem: None,
            status: None,
            delivered,
            took: None,
        }
    }

    #[test]
    fn the_totals_hold_every_pairing_and_their_sum_under_the_same_keys() {
        let told = [
            Told {
                name: Name::NetSuite,
                rows: vec![row(End::Shipped, true), row(End::Held, false)],
                duplicates: 0,
            },
            Told {
                name: Name::Fusion,
                rows: vec![row(End::Shipped, false), row(End::Cancelled, false)],
                duplicates: 1,
            },
        ];
        let json = serde_json::to_value(totals(&told, Duration::from_millis(12_340), None)).unwrap();
        let counts = |shipped: usize, delivered, held, cancelled, duplicates| {
            serde_json::json!({
                "orders": 2, "shipped": shipped, "written_back": shipped, "delivered": delivered,
                "held": held, "cancelled": cancelled, "duplicates": duplicates
            })
        };
        assert_eq!(json["pairings"]["netsuite-ups"], counts(1, 1, 1, 0, 0));
        assert_eq!(json["pairings"]["fusion-ups"], counts(1, 0, 0, 1, 1));
        assert_eq!(json["orders"], 4);
        assert_eq!(json["shipped"], 2);
        assert_eq!(json["duplicates"], 1);
        assert_eq!(json["seconds"], 12.3);
        assert_eq!(json["stack"], "ministack");
        assert!(json.get("killed").is_none());
    }

    fn shown(document: DocumentId, tracking: &[&str], beside: Vec<DocumentId>) -> Shown {
        Shown {
            number: "IF1".to_owned(),
            document,
            tracking_numbers: tracking.iter().map(|number| (*number).to_owned()).collect(),
            beside,
            consignments: 1,
            whole: true,
            cancelled: false,
            corrected: false,
            problem: None,
            status: None,
            writes: Vec::new(),
            last_write: None,
        }
    }

    /// One invoice shows the shipments of two fulfilments: both, and nothing else.
    #[test]
    fn documents_that_share_a_place_are_shown_with_each_others_numbers() {
        let name = Name::NetSuiteFedEx;
        let (one, other) = (DocumentId::fulfilment("1"), DocumentId::fulfilment("2"));
        let bought = |document: &DocumentId, number: &str| Shipment {
            references: jobs(name, document).into_iter().take(1).collect(),
            consignee: String::new(),
            city: String::new(),
            country: String::new(),
            service: String::new(),
            charge: Decimal::ONE,
            parcels: vec![Parcel {
                tracking_number: number.to_owned(),
                delivered: false,
            }],
        };
        let both = Books {
            shipments: vec![bought(&one, "A"), bought(&other, "B")],
        };
        let end_of = |tracking: &[&str], beside: Vec<DocumentId>, books: &Books| {
            super::row(
                name,
                &shown(one.clone(), tracking, beside),
                books,
                Timestamp::UNIX_EPOCH,
            )
            .end
        };
        assert_eq!(end_of(&["A", "B"], vec![other.clone()], &both), End::Shipped);
        assert_eq!(end_of(&["A"], vec![other.clone()], &both), End::Underway);
        assert_eq!(
            end_of(&["A", "B"], Vec::new(), &both),
            End::Underway,
            "a number of nobody"
        );
        assert_eq!(end_of(&["A"], Vec::new(), &both), End::Shipped);
    }

    #[test]
    fn a_document_has_shipped_when_every_destination_has_a_shipment_that_the_erp_shows() {
        let shown = |consignments, cancelled| Shown {
            number: "162901".to_owned(),
            document: DocumentId::purchase_order("1"),
            tracking_numbers: BTreeSet::new(),
            beside: Vec::new(),
            consignments,
            whole: true,
            cancelled,
            corrected: false,
            problem: Some("no such address".to_owned()),
            status: None,
            writes: Vec::new(),
            last_write: None,
        };
        assert_eq!(end(&shown(1, false), &[], false), End::Held);
        assert_eq!(end(&shown(1, true), &[], false), End::Cancelled);
        let corrected = Shown {
            corrected: true,
            ..shown(1, false)
        };
        assert_eq!(end(&corrected, &[], false), End::Underway);
    }
}
