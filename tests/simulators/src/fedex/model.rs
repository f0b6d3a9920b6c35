//! The state of the simulated FedEx: tokens given out, shipments billed, what became of their parcels.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

use super::limits::{Calls, TokenGate};
use super::push::{Outbox, PushBooks};
use super::{Event, EventKind, Options, Project};
use crate::carriers::journey::SMOOTH;
use crate::carriers::places::Address;
use crate::carriers::prices::business_days_after;

/// Everything that changes; guarded by one lock.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) tokens: Vec<Token>,
    pub(super) gate: TokenGate,
    /// Transactions by project.
    pub(super) calls: BTreeMap<String, Calls>,
    /// The day of the latest transaction of any project, and how many were accepted on it.
    pub(super) day: (i64, u32),
    /// Shipments by their serial number, in the order in which they were billed.
    shipments: BTreeMap<u64, Shipment>,
    /// Shipments by the numbers of their packages, the latest last.
    by_number: HashMap<String, Vec<u64>>,
    /// Shipments by the references of their packages.
    by_reference: HashMap<String, Vec<u64>>,
    /// Asynchronous shipments by job.
    pub(super) jobs: BTreeMap<String, Job>,
    /// Documents that can be fetched by a link.
    pub(super) documents: BTreeMap<String, Document>,
    /// Masters of the shipments that were cancelled, in order.
    pub(super) cancelled: Vec<String>,
    /// Pushes that are not yet sent.
    pub(super) outbox: Outbox,
    /// What became of the pushes that were.
    pub(super) pushed: PushBooks,
    serial: u64,
    numbers: u32,
}

/// A token given out.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) project: String,
    pub(super) value: String,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) revoked: bool,
}

/// An asynchronous shipment.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) account: String,
    pub(super) ready_at: Timestamp,
    /// The `transactionShipments` of its answer.
    pub(super) shipments: Value,
}

/// A document that can be fetched by a link for a day.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) until: Timestamp,
}

/// A billed shipment.
#[derive(Clone, Debug, Serialize)]
pub struct Shipment {
    /// Its place in the order of billing, from 1; nobody is told it.
    pub serial: u64,
    /// The master tracking number: that of its first package.
    pub master: String,
    /// The shipper's account.
    pub account: String,
    /// The account that is billed.
    pub billed_to: String,
    /// The service.
    pub service: &'static str,
    /// `FDXE`, `FDXG` or `FXSP`.
    pub carrier_code: &'static str,
    /// What the caller called the transaction.
    pub transaction: Option<String>,
    /// Where it sets out.
    pub origin: Address,
    /// Where it goes.
    pub destination: Address,
    /// Whom it goes to.
    pub recipient: String,
    /// Its packages, in sequence.
    pub packages: Vec<Package>,
    /// The day it is shipped.
    pub ship_date: Date,
    /// Business days on its way.
    pub business_days: i32,
    /// List charges.
    pub list_charge: Decimal,
    /// What is charged.
    pub charge: Decimal,
    /// SHA-256 of the request's body, hexadecimal: the same request twice shows as the same hash.
    pub request_hash: String,
    /// When it was billed.
    pub billed_at: Timestamp,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
}

/// A reference value on a package.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Reference {
    /// `CUSTOMER_REFERENCE`, `P_O_NUMBER`, ...
    pub kind: String,
    /// The value.
    pub value: String,
}

/// A parcel of a shipment.
#[derive(Clone, Debug, Serialize)]
pub struct Package {
    /// Its tracking number.
    pub tracking_number: String,
    /// Its weight as sent.
    pub weight: Decimal,
    /// `LB` or `KG`.
    pub weight_unit: String,
    /// Its references.
    pub references: Vec<Reference>,
    /// What happened to it, oldest first.
    pub events: Vec<Event>,
}

impl Shipment {
    /// Whether nothing of it is billed any more.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled_at.is_some()
    }

    /// Whether FedEx has any of its packages, so that it cannot be cancelled any more.
    pub fn is_tendered(&self) -> bool {
        self.packages.iter().any(Package::is_scanned)
    }

    /// Whether one of its packages has this reference value.
    pub fn has_reference(&self, value: &str) -> bool {
        self.packages
            .iter()
            .flat_map(|package| &package.references)
            .any(|reference| reference.value == value)
    }

    /// The day of delivery that was promised at first.
    pub(super) fn promised(&self) -> Date {
        business_days_after(self.ship_date, self.business_days)
    }

    /// The id that tells it from others with the same recycled number.
    pub(super) fn unique_id(&self, number: &str) -> String {
        let carrier = if self.carrier_code == "FDXE" { "FX" } else { "FDEG" };
        format!("{:010}~{number}~{carrier}", 2_460_000_000 + self.serial)
    }

    fn numbers(&self) -> Vec<String> {
        self.packages
            .iter()
            .map(|package| package.tracking_number.clone())
            .collect()
    }
}

impl Package {
    /// Whether nothing more happens to it.
    pub(super) fn is_finished(&self) -> bool {
        self.events.iter().any(|event| event.kind.is_final())
    }

    /// Whether it was scanned since its label was made.
    pub(super) fn is_scanned(&self) -> bool {
        self.events.iter().any(|event| !event.kind.is_about_billing())
    }
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// The project that holds a token, if the token is good.
    pub(super) fn holder(&self, value: &str, now: Timestamp) -> Option<Project> {
        let token = self.tokens.iter().rev().find(|token| token.value == value)?;
        let good = !token.revoked && now < token.expires_at;
        let mut projects = self.options.projects.iter().filter(|_| good);
        projects.find(|project| project.key == token.project).cloned()
    }

    /// The next tracking number; they begin again where the options say so.
    pub(super) fn next_number(&mut self) -> String {
        let distinct = self.options.distinct_numbers.unwrap_or(10_000_000).max(1);
        let serial = self.numbers % distinct;
        self.numbers = self.numbers.wrapping_add(1);
        tracking_number(serial)
    }

    /// The next serial number of anything.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Bills a shipment.
    pub(super) fn bill(&mut self, shipment: Shipment) {
        let serial = shipment.serial;
        for package in &shipment.packages {
            let number = package.tracking_number.clone();
            enter(self.by_number.entry(number).or_default(), serial);
            for reference in &package.references {
                enter(self.by_reference.entry(reference.value.clone()).or_default(), serial);
            }
        }
        let numbers = shipment.numbers();
        self.shipments.insert(serial, shipment);
        for number in numbers {
            self.announce(serial, &number);
        }
    }

    /// Every shipment, in the order of billing.
    pub(super) fn shipments(&self) -> impl Iterator<Item = &Shipment> {
        self.shipments.values()
    }

    /// The shipment of this serial number.
    pub(super) fn shipment(&self, serial: u64) -> Option<&Shipment> {
        self.shipments.get(&serial)
    }

    /// Every shipment that ever had this number, the latest first.
    pub(super) fn with_number(&self, number: &str) -> impl Iterator<Item = &Shipment> {
        self.listed(self.by_number.get(number)).rev()
    }

    /// Every shipment with this reference value, in the order of billing.
    pub(super) fn with_reference(&self, value: &str) -> impl Iterator<Item = &Shipment> {
        self.listed(self.by_reference.get(value))
    }

    fn listed(&self, serials: Option<&Vec<u64>>) -> impl DoubleEndedIterator<Item = &Shipment> {
        let serials = serials.map(Vec::as_slice).unwrap_or_default().iter();
        serials.filter_map(|serial| self.shipments.get(serial))
    }

    /// Whether look-ups know a package: the label's data comes late, a scan at once.
    pub(super) fn is_indexed(
        &self,
        shipment: &Shipment,
        package: &Package,
        now: Timestamp,
        stale: SignedDuration,
    ) -> bool {
        let lag = SignedDuration::from_secs(i64::from(self.options.index_lag_s));
        let seen_at = now.saturating_sub(stale).unwrap_or(now);
        // A scan made by hand may lie some seconds ahead of a clock that stands still.
        let scanned = |event: &Event| !event.kind.is_about_billing() && (stale.is_zero() || event.at <= seen_at);
        let indexed_at = shipment.billed_at.saturating_add(lag).unwrap_or(Timestamp::MAX);
        indexed_at <= seen_at || package.events.iter().any(scanned)
    }

    /// Cancels a shipment.
    pub(super) fn cancel(&mut self, serial: u64, now: Timestamp) {
        let Some(shipment) = self.shipments.get_mut(&serial) else {
            return;
        };
        shipment.cancelled_at = Some(now);
        let (master, numbers) = (shipment.master.clone(), shipment.numbers());
        self.cancelled.push(master);
        for number in numbers {
            self.record(serial, &number, EventKind::Voided, now);
        }
    }

    /// A shipment vanishes, as if it had never been made.
    pub(super) fn forget(&mut self, serial: u64) {
        self.shipments.remove(&serial);
    }

    /// Lets every journey go on as far as it has come by `now`, if journeys go on by themselves.
    pub(super) fn progress(&mut self, now: Timestamp) {
        let Some(step) = self.options.auto_progress_s.filter(|step| *step > 0) else {
            return;
        };
        let due = self
            .shipments
            .values()
            .flat_map(|shipment| due_events(shipment, step, now));
        for (serial, number, kind, at) in due.collect::<Vec<_>>() {
            self.record(serial, &number, kind, at);
        }
    }

    /// Records an event of the latest parcel with this number; false if there is none.
    pub(super) fn happen(&mut self, number: &str, kind: EventKind, at: Timestamp) -> bool {
        let latest = self.with_number(number).next().map(|shipment| shipment.serial);
        latest.is_some_and(|serial| self.record(serial, number, kind, at))
    }

    /// Records an event of a parcel where it happens, and tells those who follow it.
    fn record(&mut self, serial: u64, number: &str, kind: EventKind, at: Timestamp) -> bool {
        let Some(shipment) = self.shipments.get_mut(&serial) else {
            return false;
        };
        let place = if kind.is_at_origin() {
            shipment.origin.clone()
        } else {
            shipment.destination.clone()
        };
        let mut packages = shipment.packages.iter_mut();
        let Some(package) = packages.find(|package| package.tracking_number == number) else {
            return false;
        };
        package.events.push(Event { kind, at, place });
        self.announce(serial, number);
        true
    }
}

fn enter(serials: &mut Vec<u64>, serial: u64) {
    if serials.last() != Some(&serial) {
        serials.push(serial);
    }
}

/// The events of the smooth journey that a shipment's packages have not had though their time has come.
fn due_events(shipment: &Shipment, step: u32, now: Timestamp) -> Vec<(u64, String, EventKind, Timestamp)> {
    let mut due = Vec::new();
    for package in shipment.packages.iter().filter(|package| !package.is_finished()) {
        for (place, kind) in (1_i64..).zip(SMOOTH) {
            let at = shipment.billed_at + SignedDuration::from_secs(i64::from(step) * place);
            if at <= now && !package.events.iter().any(|event| event.kind == kind) {
                due.push((shipment.serial, package.tracking_number.clone(), kind, at));
            }
        }
    }
    due
}

/// A number of twelve digits, the last of them a check digit.
fn tracking_number(serial: u32) -> String {
    let body = format!("7949{:07}", serial % 10_000_000);
    format!("{body}{}", check_digit(&body))
}

/// Weights 3, 1, 7 in turn, modulo 11.
fn check_digit(body: &str) -> u32 {
    let digits = body.chars().filter_map(|digit| digit.to_digit(10));
    let weighted = digits
        .zip([3, 1, 7].into_iter().cycle())
        .map(|(digit, weight)| digit * weight);
    weighted.sum::<u32>() % 11 % 10
}

#[cfg(test)]
mod tests {
    use super::{check_digit, tracking_number};

    #[test]
    fn numbers_have_twelve_digits_and_the_check_digit_of_real_ones() {
        // Three packages of one shipment in a published answer.
        for (body, check) in [("79479134181", 8), ("79479134182", 9), ("79479134183", 0)] {
            assert_eq!(check_digit(body), check, "{body}");
        }
        assert_eq!(tracking_number(1).len(), 12);
        assert_ne!(tracking_number(1), tracking_number(2));
    }
}
