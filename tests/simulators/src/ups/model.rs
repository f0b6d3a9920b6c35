//! The state of the simulated UPS: tokens given out, shipments billed, what became of their parcels.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;

use super::Options;
use super::journey::{Event, EventKind, SMOOTH};
use super::number::tracking_number;
use super::places::Address;
use super::prices::business_days_after;
use super::push::{Outbox, PushBooks};
use super::subscription::Subscriptions;

/// Everything that changes; guarded by one lock.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) tokens: Vec<Token>,
    pub(super) shipments: Vec<Shipment>,
    /// Times of requests per client within the window of the rate limit.
    pub(super) recent: Vec<(String, Timestamp)>,
    /// Names of Quantum View's files that were fetched.
    pub(super) read_files: BTreeSet<String>,
    /// Who follows which number by Track Alert.
    pub(super) subscriptions: Subscriptions,
    /// Pushes that are not yet sent.
    pub(super) outbox: Outbox,
    /// What became of the pushes that were.
    pub(super) pushed: PushBooks,
    serial: u32,
}

/// A token given out.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) client_id: String,
    pub(super) value: String,
    pub(super) merchant: Option<String>,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) revoked: bool,
}

/// A billed shipment.
#[derive(Clone, Debug, Serialize)]
pub struct Shipment {
    /// The shipment's number: that of its first package.
    pub id: String,
    /// The shipper's account.
    pub account: String,
    /// The service code.
    pub service: String,
    /// The caller's context, as sent.
    pub context: Option<String>,
    /// Reference values with their codes, of the shipment and of its packages.
    pub references: Vec<Reference>,
    /// Where it sets out.
    pub origin: Address,
    /// Where it goes.
    pub destination: Address,
    /// The consignee's name.
    pub consignee: String,
    /// Its packages, in the order of the request.
    pub packages: Vec<Package>,
    /// Published charges.
    pub list_charge: Decimal,
    /// What is charged: negotiated charges if they were asked for and granted.
    pub charge: Decimal,
    /// SHA-256 of the request's body, hexadecimal: the same request twice shows as the same hash.
    pub request_hash: String,
    /// When it was billed.
    pub billed_at: Timestamp,
}

/// A reference value on a shipment or package.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Reference {
    /// The two-letter code, if one was sent.
    pub code: Option<String>,
    /// The value.
    pub value: String,
}

/// A parcel of a shipment.
#[derive(Clone, Debug, Serialize)]
pub struct Package {
    /// Its tracking number.
    pub tracking_number: String,
    /// Its weight as sent.
    pub weight: String,
    /// `LBS` or `KGS`.
    pub weight_unit: String,
    /// When it was voided.
    pub voided_at: Option<Timestamp>,
    /// What happened to it, oldest first.
    pub events: Vec<Event>,
}

impl Shipment {
    /// Whether nothing of it is billed any more.
    pub fn is_voided(&self) -> bool {
        self.packages.iter().all(|package| package.voided_at.is_some())
    }

    /// Whether one of its reference values is this.
    pub fn has_reference(&self, value: &str) -> bool {
        self.references.iter().any(|reference| reference.value == value)
    }

    /// The day of delivery that was promised at first.
    pub(super) fn promised_at_first(&self) -> Date {
        let billed = self.billed_at.to_zoned(self.destination.time_zone());
        business_days_after(billed.date(), 3)
    }

    /// The day that a parcel is promised for since it was held up, by what has happened until then; nothing if it was not.
    pub(super) fn rescheduled(&self, package: &Package, until: Timestamp) -> Option<Date> {
        let delays = package
            .events
            .iter()
            .filter(|event| event.kind.delays() && event.at <= until);
        let days = i32::try_from(delays.count()).unwrap_or(i32::MAX);
        (days > 0).then(|| business_days_after(self.promised_at_first(), days))
    }

    /// Records an event for one of its packages at the place where that happens.
    fn happen(&mut self, number: &str, kind: EventKind, at: Timestamp) -> bool {
        let place = if kind.is_at_origin() {
            self.origin.clone()
        } else {
            self.destination.clone()
        };
        match self
            .packages
            .iter_mut()
            .find(|package| package.tracking_number == number)
        {
            Some(package) => {
                package.events.push(Event { kind, at, place });
                true
            }
            None => false,
        }
    }
}

impl Package {
    /// Whether nothing more happens to it.
    pub(super) fn is_finished(&self) -> bool {
        self.events.iter().any(|event| event.kind.is_final())
    }

    /// Whether it was delivered.
    pub(super) fn is_delivered(&self) -> bool {
        self.events.iter().any(|event| event.kind == EventKind::Delivered)
    }
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// The next tracking number of an account.
    pub(super) fn next_number(&mut self, account: &str, service: &str) -> String {
        self.serial += 1;
        tracking_number(account, service, self.serial)
    }

    /// The shipment that has a package or, the same, an id with this number.
    pub(super) fn with_number(&self, number: &str) -> Option<&Shipment> {
        self.shipments.iter().find(|shipment| {
            shipment
                .packages
                .iter()
                .any(|package| package.tracking_number == number)
        })
    }

    pub(super) fn with_number_mut(&mut self, number: &str) -> Option<&mut Shipment> {
        let holds = |shipment: &&mut Shipment| shipment.packages.iter().any(|p| p.tracking_number == number);
        self.shipments.iter_mut().find(holds)
    }

    /// Shipments with this reference value that look-ups see at `seen_at`.
    pub(super) fn with_reference(&self, value: &str, seen_at: Timestamp) -> Vec<&Shipment> {
        let found = |shipment: &&Shipment| shipment.has_reference(value) && shipment.billed_at <= seen_at;
        self.shipments.iter().filter(found).collect()
    }

    /// The moment up to which look-ups see what was billed.
    pub(super) fn indexed_until(&self, now: Timestamp, stale: SignedDuration) -> Timestamp {
        let lag = SignedDuration::from_secs(i64::from(self.options.index_lag_s));
        now.saturating_sub(lag.saturating_add(stale)).unwrap_or(now)
    }

    /// Lets every journey go on as far as it has come by `now`, if journeys go on by themselves.
    pub(super) fn progress(&mut self, now: Timestamp) {
        let Some(step) = self.options.auto_progress_s.filter(|step| *step > 0) else {
            return;
        };
        let due = self
            .shipments
            .iter()
            .flat_map(|shipment| due_events(shipment, step, now));
        for (number, kind, at) in due.collect::<Vec<_>>() {
            self.happen(&number, kind, at);
        }
    }

    /// Records an event of a parcel and tells those who follow it; false if there is no such parcel.
    pub(super) fn happen(&mut self, number: &str, kind: EventKind, at: Timestamp) -> bool {
        let known = self
            .with_number_mut(number)
            .is_some_and(|shipment| shipment.happen(number, kind, at));
        if known {
            self.announce(number);
        }
        known
    }
}

/// The events of the smooth journey that a shipment's packages have not had though their time has come.
fn due_events(shipment: &Shipment, step: u32, now: Timestamp) -> Vec<(String, EventKind, Timestamp)> {
    let mut due = Vec::new();
    for package in shipment.packages.iter().filter(|package| !package.is_finished()) {
        for (place, kind) in (1_i64..).zip(SMOOTH) {
            let at = shipment.billed_at + SignedDuration::from_secs(i64::from(step) * place);
            if at <= now && !package.events.iter().any(|event| event.kind == kind) {
                due.push((package.tracking_number.clone(), kind, at));
            }
        }
    }
    due
}
