//! What came of the orders, counted from the simulators' own books and not from ours.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use simulators::netsuite::books::{Books as NetSuiteBooks, OrderBook};
use simulators::netsuite::model::OrderStatus;
use simulators::ups::{Books as UpsBooks, Event, EventKind, Shipment};

use waybill::domain::{DocumentId, JobId, Milestone};

use crate::operator::CONNECTION;
use crate::people::{Entered, PROBLEM, is_flagged};

/// The order's field that says where its delivery stands.
const STATUS: &str = "custbody_waybill_status";

/// The most units that an order of the demo has.
const UNITS: u32 = 8;

/// How an order ended.
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

/// One order as the books show it.
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
    /// Fulfilments in the ERP.
    pub fulfilments: Vec<String>,
    /// Whether the ERP shows every tracking number of every unit.
    pub written_back: bool,
    /// Why it is held.
    pub problem: Option<String>,
    /// Where the ERP says that the delivery stands.
    pub status: Option<String>,
    /// Whether the carrier has delivered every parcel, and the ERP says so.
    pub delivered: bool,
    /// From its entry to its last fulfilment.
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

/// What `cargo demo -- --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
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
    /// Extra unvoided shipments for a unit.
    pub duplicates: usize,
    /// Function processes that were killed while they worked, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub killed: Option<u32>,
    /// From the start of the deployment to the end of the work.
    pub seconds: f64,
    /// What the deployment ran on.
    pub stack: &'static str,
}

/// Reads the books of both sides for each order.
#[must_use]
pub fn rows(orders: &[Entered], erp: &NetSuiteBooks, carrier: &UpsBooks, began: Timestamp) -> Vec<Row> {
    let row = |order: &Entered| {
        erp.orders
            .get(&order.number)
            .map(|book| row(&order.number, book, carrier, began))
    };
    orders.iter().filter_map(row).collect()
}

fn row(number: &str, book: &OrderBook, carrier: &UpsBooks, began: Timestamp) -> Row {
    let jobs = jobs(book.id);
    let shipments: Vec<&Shipment> = carrier
        .shipments
        .iter()
        .filter(|one| is_for(one, &jobs) && !one.is_voided())
        .collect();
    let shown: BTreeSet<&str> = book
        .fulfilments
        .iter()
        .flat_map(|one| one.tracking_numbers.iter().map(String::as_str))
        .collect();
    let bought = tracking_numbers(&shipments);
    let written_back = !bought.is_empty() && bought == shown && whole(book);
    let last = book.fulfilments.iter().map(|one| one.created).max();
    Row {
        number: number.to_owned(),
        end: end(book, &shipments, written_back),
        ship_to: shipments.first().map(|one| place(one)).unwrap_or_default(),
        written_back,
        fulfilments: book.fulfilments.iter().map(|one| one.number.clone()).collect(),
        problem: text(book, PROBLEM),
        delivered: arrived(&shipments) && text(book, STATUS).as_deref() == Some(Milestone::Delivered.words()),
        status: text(book, STATUS),
        took: last.and_then(|last| Duration::try_from(last.duration_since(began)).ok()),
        shipments: shipments.into_iter().map(bought_as).collect(),
    }
}

fn text(book: &OrderBook, field: &str) -> Option<String> {
    let value = book.custom_fields.get(field)?;
    value.as_str().map(str::to_owned)
}

fn arrived(shipments: &[&Shipment]) -> bool {
    let delivered = |event: &Event| event.kind == EventKind::Delivered;
    let mut parcels = shipments.iter().flat_map(|one| &one.packages);
    !shipments.is_empty() && parcels.all(|parcel| parcel.events.iter().any(delivered))
}

/// The references under which an order's units ship.
#[must_use]
pub fn jobs(order: u64) -> Vec<String> {
    let Ok(connection) = CONNECTION.parse() else {
        return Vec::new();
    };
    let document = DocumentId::sales_order(order.to_string());
    (1..=UNITS)
        .map(|unit| JobId::of(&connection, &document, unit).to_string())
        .collect()
}

/// Whether a shipment carries one of these references.
fn is_for(shipment: &Shipment, jobs: &[String]) -> bool {
    shipment
        .references
        .iter()
        .any(|reference| jobs.contains(&reference.value))
}

fn end(book: &OrderBook, shipments: &[&Shipment], written_back: bool) -> End {
    match (shipments.is_empty(), book.status) {
        (true, OrderStatus::Cancelled) => End::Cancelled,
        (true, _) if is_flagged(book) => End::Held,
        (false, _) if written_back => End::Shipped,
        _ => End::Underway,
    }
}

/// Whether every line that travels is fulfilled.
fn whole(book: &OrderBook) -> bool {
    matches!(book.status, OrderStatus::PendingBilling | OrderStatus::Billed)
}

fn tracking_numbers<'a>(shipments: &[&'a Shipment]) -> BTreeSet<&'a str> {
    shipments
        .iter()
        .flat_map(|one| one.packages.iter().map(|package| package.tracking_number.as_str()))
        .collect()
}

fn place(shipment: &Shipment) -> String {
    let to = &shipment.destination;
    format!("{}, {} {}", shipment.consignee, to.city, to.country)
}

fn bought_as(shipment: &Shipment) -> Bought {
    Bought {
        service: shipment.service.clone(),
        charge: shipment.charge,
        tracking_numbers: shipment
            .packages
            .iter()
            .map(|package| package.tracking_number.clone())
            .collect(),
    }
}

/// Adds the rows up. A duplicate is a second unvoided shipment under one job id, or anything that the ERP has twice.
#[must_use]
pub fn totals(rows: &[Row], erp: &NetSuiteBooks, carrier: &UpsBooks, took: Duration) -> Totals {
    let ended = |end: End| rows.iter().filter(|row| row.end == end).count();
    let per_job = carrier.duplicates.iter().filter(|(reference, _)| is_job(reference));
    let at_the_carrier: usize = per_job.map(|(_, extra)| extra.len()).sum();
    let in_the_erp =
        erp.duplicates.identical.len() + erp.duplicates.over_fulfilled.len() + erp.duplicates.tracking_numbers.len();
    Totals {
        orders: rows.len(),
        shipped: ended(End::Shipped),
        written_back: rows
            .iter()
            .filter(|row| row.end == End::Shipped && row.written_back)
            .count(),
        delivered: rows
            .iter()
            .filter(|row| row.end == End::Shipped && row.delivered)
            .count(),
        held: ended(End::Held),
        cancelled: ended(End::Cancelled),
        duplicates: at_the_carrier + in_the_erp,
        killed: None,
        seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
        stack: "ministack",
    }
}

fn is_job(reference: &str) -> bool {
    reference.parse::<JobId>().is_ok()
}
