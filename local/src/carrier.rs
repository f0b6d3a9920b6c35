//! The carriers of the demo: which there are, one that runs, and what its books say, the same way for each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::faults::FaultPlan;
use simulators::server::Base;
use simulators::{fedex, shipstation, ups};
use tokio::task::JoinHandle;
use waybill::domain::{DocumentId, JobId};
use waybill::systems;

pub use simulators::ups::EventKind;

use crate::failure::{Failure, Outcome, While};
use crate::pairing::PRODUCTS;

/// Which carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// UPS.
    Ups,
    /// FedEx.
    FedEx,
    /// ShipStation, where people ship themselves.
    ShipStation,
}

impl Carrier {
    /// As connections and secrets name it.
    #[must_use]
    pub fn system(self) -> &'static str {
        match self {
            Self::Ups => "ups",
            Self::FedEx => "fedex",
            Self::ShipStation => "shipstation",
        }
    }

    /// As people name it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Ups => "UPS",
            Self::FedEx => "FedEx",
            Self::ShipStation => "ShipStation",
        }
    }

    /// Our credentials there.
    #[must_use]
    pub fn secret(self) -> Value {
        match self {
            Self::Ups => json!({ "client_id": "ups-client", "client_secret": "ups-secret" }),
            Self::FedEx => json!({ "api_key": "fedex-key", "secret_key": "fedex-secret" }),
            Self::ShipStation => json!({ "api_key": "shipstation-v2-key" }),
        }
    }
}

/// What people call a service, whichever carrier's code it is.
#[must_use]
pub fn service_name(code: &str) -> &str {
    let of_ups = systems::ups::service_name(code);
    of_ups.or_else(|| systems::fedex::service_name(code)).unwrap_or(code)
}

/// A simulated carrier that runs.
pub enum Running {
    /// UPS.
    Ups(ups::Running),
    /// FedEx.
    FedEx(fedex::Running),
    /// ShipStation.
    ShipStation(shipstation::Running),
}

impl Running {
    /// Starts it on this port; 0 takes any free one.
    ///
    /// # Errors
    /// The port cannot be listened on.
    pub async fn start(which: Carrier, port: u16) -> Outcome<Self> {
        let doing = format!("starting the simulated {}", which.words());
        Ok(match which {
            Carrier::Ups => {
                let running = ups::Ups::start(ups::Options::default(), Base::default(), port).await;
                Self::Ups(running.doing(doing)?)
            }
            Carrier::FedEx => {
                let running = fedex::FedEx::start(quick(), Base::default(), port).await;
                Self::FedEx(running.doing(doing)?)
            }
            Carrier::ShipStation => {
                let running = shipstation::ShipStation::start(forgetful(), Base::default(), port).await;
                let running = running.doing(doing)?;
                for sku in PRODUCTS {
                    running.shipstation.add_product(sku, sku);
                }
                Self::ShipStation(running)
            }
        })
    }

    /// The tokens that it has given out.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        match self {
            Self::Ups(running) => running.ups.tokens(),
            Self::FedEx(running) => running.fedex.tokens(),
            // Its keys are sent as they are.
            Self::ShipStation(_) => Vec::new(),
        }
    }

    /// Which it is.
    #[must_use]
    pub fn which(&self) -> Carrier {
        match self {
            Self::Ups(_) => Carrier::Ups,
            Self::FedEx(_) => Carrier::FedEx,
            Self::ShipStation(_) => Carrier::ShipStation,
        }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Ups(running) => &running.url,
            Self::FedEx(running) => &running.url,
            Self::ShipStation(running) => &running.url,
        }
    }

    /// What goes wrong there.
    #[must_use]
    pub fn faults(&self) -> &FaultPlan {
        match self {
            Self::Ups(running) => &running.ups.base().faults,
            Self::FedEx(running) => &running.fedex.base().faults,
            Self::ShipStation(running) => &running.shipstation.base().faults,
        }
    }

    /// The desk at which people ship, where it is one.
    #[must_use]
    pub fn desk(&self) -> Option<&shipstation::ShipStation> {
        match self {
            Self::ShipStation(running) => Some(&running.shipstation),
            Self::Ups(_) | Self::FedEx(_) => None,
        }
    }

    /// What it has billed and not voided. What people shipped at a desk is known there by the numbers of their orders: `left` says
    /// which document each means, of which connection.
    #[must_use]
    pub fn books(&self, left: &BTreeMap<String, Left>) -> Books {
        match self {
            Self::Ups(running) => of_ups(&running.ups.read_books()),
            Self::FedEx(running) => of_fedex(&running.fedex.read_books()),
            Self::ShipStation(running) => of_shipstation(&running.shipstation.read_books(), left),
        }
    }

    /// Lets this happen to a parcel now; false if there is no such parcel.
    pub fn happen(&self, number: &str, event: EventKind) -> bool {
        match self {
            Self::Ups(running) => running.ups.happen(number, &[event]),
            Self::FedEx(running) => running.fedex.happen(number, &[event]),
            Self::ShipStation(running) => running.shipstation.scan(number, scanned(event)).is_ok(),
        }
    }

    /// Carries its pushes to where it was told, until that is aborted.
    #[must_use]
    pub fn courier(&self, every: Duration) -> JoinHandle<()> {
        match self {
            Self::Ups(running) => tokio::spawn(ups::courier(running.ups.clone(), every)),
            Self::FedEx(running) => tokio::spawn(fedex::courier(running.fedex.clone(), every)),
            Self::ShipStation(running) => tokio::spawn(shipstation::courier(running.shipstation.clone(), every)),
        }
    }

    /// How many of its parcels somebody was promised news of. UPS promises that number by number, FedEx and ShipStation for a
    /// whole account.
    #[must_use]
    pub fn followed(&self) -> usize {
        match self {
            Self::Ups(running) => running.ups.read_books().subscriptions.len(),
            Self::FedEx(running) => running
                .fedex
                .read_books()
                .shipments
                .iter()
                .map(|one| one.packages.len())
                .sum(),
            Self::ShipStation(running) => {
                let books = running.shipstation.read_books();
                let alive = books.labels.iter().filter(|label| label.voided_at.is_none());
                alive.map(|label| label.packages.len()).sum()
            }
        }
    }

    /// A person enters the address of our hook in the carrier's portal, where it has one: FedEx. UPS is told by subscriptions, and
    /// ShipStation by `waybill hook create` itself.
    ///
    /// # Errors
    /// The portal refuses it.
    pub fn register_hook(&self, address: &str, key: &str) -> Outcome<()> {
        let Self::FedEx(running) = self else { return Ok(()) };
        let webhook = fedex::Webhook {
            url: address.to_owned(),
            security_token: key.to_owned(),
            accounts: Vec::new(),
        };
        let registered = running.fedex.register_webhook(webhook);
        registered.map_err(|fault| Failure::new(format!("FedEx's portal does not take the hook: {fault}")))
    }

    /// Stops it.
    pub async fn stop(self) {
        match self {
            Self::Ups(running) => running.serving.stop().await,
            Self::FedEx(running) => running.serving.stop().await,
            Self::ShipStation(running) => running.serving.stop().await,
        }
    }
}

/// A FedEx whose tracking knows a label after a second: whoever looks for a lost answer does not wait for minutes here.
fn quick() -> fedex::Options {
    fedex::Options {
        index_lag_s: 1,
        ..fedex::Options::default()
    }
}

/// Every so-manieth notice of ShipStation is lost on its way, so that its list must be read for what it told of.
const LOST: u32 = 5;

/// A ShipStation whose notices do not all arrive, and whose minute is as short as everything else here: it takes a day's calls
/// in one.
fn forgetful() -> shipstation::Options {
    shipstation::Options {
        push_lose_every: Some(LOST),
        v2_calls: 6_000,
        ..shipstation::Options::default()
    }
}

/// What ShipStation's Track says of what happens to a parcel.
fn scanned(event: EventKind) -> shipstation::Scan {
    match event {
        EventKind::PickedUp => shipstation::Scan::Accepted,
        EventKind::OutForDelivery => shipstation::Scan::OutForDelivery,
        EventKind::WeatherDelay => shipstation::Scan::Exception,
        EventKind::Delivered => shipstation::Scan::Delivered,
        _ => shipstation::Scan::InTransit,
    }
}

/// The document that an order at a desk means, and the connection that keeps them in step.
#[derive(Debug, Clone)]
pub struct Left {
    /// The connection.
    pub connection: &'static str,
    /// The document.
    pub document: DocumentId,
}

/// What a carrier has billed and not voided, in the order of billing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Books {
    /// The shipments.
    pub shipments: Vec<Shipment>,
}

/// A billed shipment.
#[derive(Debug, Clone, PartialEq)]
pub struct Shipment {
    /// The references on it.
    pub references: BTreeSet<String>,
    /// Whom it goes to.
    pub consignee: String,
    /// The city that it goes to.
    pub city: String,
    /// The country's code.
    pub country: String,
    /// The service's code.
    pub service: String,
    /// What it cost.
    pub charge: Decimal,
    /// Its parcels.
    pub parcels: Vec<Parcel>,
}

/// A parcel of a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Its tracking number.
    pub tracking_number: String,
    /// Whether it has arrived.
    pub delivered: bool,
}

impl Books {
    /// The shipments that carry one of these references.
    #[must_use]
    pub fn under(&self, references: &[String]) -> Vec<&Shipment> {
        let carries = |one: &&Shipment| references.iter().any(|reference| one.references.contains(reference));
        self.shipments.iter().filter(carries).collect()
    }

    /// Shipments under a reference beyond the first.
    #[must_use]
    pub fn extra(&self, reference: &str) -> usize {
        let own = self.shipments.iter().filter(|one| one.references.contains(reference));
        own.count().saturating_sub(1)
    }
}

fn of_ups(books: &ups::Books) -> Books {
    let alive = books.shipments.iter().filter(|one| !one.is_voided());
    let shipments = alive.map(|one| Shipment {
        references: one.references.iter().map(|reference| reference.value.clone()).collect(),
        consignee: one.consignee.clone(),
        city: one.destination.city.clone(),
        country: one.destination.country.clone(),
        service: one.service.clone(),
        charge: one.charge,
        parcels: one
            .packages
            .iter()
            .map(|package| parcel(&package.tracking_number, &package.events))
            .collect(),
    });
    Books {
        shipments: shipments.collect(),
    }
}

fn of_fedex(books: &fedex::Books) -> Books {
    let alive = books.shipments.iter().filter(|one| !one.is_cancelled());
    let references = |one: &fedex::Shipment| {
        let all = one.packages.iter().flat_map(|package| &package.references);
        all.map(|reference| reference.value.clone()).collect()
    };
    let shipments = alive.map(|one| Shipment {
        references: references(one),
        consignee: one.recipient.clone(),
        city: one.destination.city.clone(),
        country: one.destination.country.clone(),
        service: one.service.to_owned(),
        charge: one.charge,
        parcels: one
            .packages
            .iter()
            .map(|package| parcel(&package.tracking_number, &package.events))
            .collect(),
    });
    Books {
        shipments: shipments.collect(),
    }
}

/// Each label is a unit of its order, in the order of buying, void ones included.
fn of_shipstation(books: &shipstation::Books, left: &BTreeMap<String, Left>) -> Books {
    let mut units: BTreeMap<u64, u32> = BTreeMap::new();
    let mut shipments = Vec::new();
    for label in books.labels.iter().filter(|label| label.returns.is_none()) {
        let unit = units.entry(label.order).and_modify(|unit| *unit += 1).or_insert(1);
        let Some(order) = books.orders.iter().find(|order| order.id == label.order) else {
            continue;
        };
        if label.voided_at.is_some() {
            continue;
        }
        let job = left.get(&order.number).and_then(|left| {
            let connection = left.connection.parse().ok()?;
            Some(JobId::of(&connection, &left.document, *unit).to_string())
        });
        let arrived = label
            .events
            .iter()
            .any(|event| event.scan == shipstation::Scan::Delivered);
        shipments.push(Shipment {
            references: job.into_iter().collect(),
            consignee: order.ship_to.name.clone(),
            city: order.ship_to.city.clone(),
            country: order.ship_to.country.clone(),
            service: label.service.clone(),
            charge: label.cost,
            parcels: label
                .packages
                .iter()
                .map(|package| Parcel {
                    tracking_number: package.tracking_number.clone(),
                    delivered: arrived,
                })
                .collect(),
        });
    }
    Books { shipments }
}

fn parcel(number: &str, events: &[ups::Event]) -> Parcel {
    Parcel {
        tracking_number: number.to_owned(),
        delivered: events.iter().any(|event| event.kind == EventKind::Delivered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipment(references: &[&str]) -> Shipment {
        Shipment {
            references: references.iter().map(|one| (*one).to_owned()).collect(),
            consignee: "Ann".to_owned(),
            city: "Galena".to_owned(),
            country: "US".to_owned(),
            service: "03".to_owned(),
            charge: Decimal::ONE,
            parcels: Vec::new(),
        }
    }

    #[test]
    fn shipments_are_found_by_any_of_their_references_and_counted_beyond_the_first() {
        let books = Books {
            shipments: vec![shipment(&["A", "PO-1"]), shipment(&["A"]), shipment(&["B"])],
        };
        assert_eq!(books.under(&["A".to_owned()]).len(), 2);
        assert_eq!(books.under(&["PO-1".to_owned(), "B".to_owned()]).len(), 2);
        assert_eq!(["A", "B", "C"].map(|reference| books.extra(reference)), [1, 0, 0]);
    }

    #[test]
    fn services_have_names_whichever_carrier_sells_them() {
        assert_eq!(service_name("08"), "UPS Worldwide Expedited");
        assert_ne!(service_name("FEDEX_GROUND"), "FEDEX_GROUND");
        assert_eq!(service_name("anything else"), "anything else");
    }

    /// UPS is told by subscriptions, FedEx in its portal, ShipStation by its own API.
    #[tokio::test]
    async fn each_carrier_runs_and_takes_the_address_of_a_hook_its_own_way() {
        for which in [Carrier::Ups, Carrier::FedEx, Carrier::ShipStation] {
            let running = Running::start(which, 0).await.unwrap();
            assert_eq!(running.which(), which);
            assert_eq!(running.books(&BTreeMap::new()), Books::default());
            let key = "Wb1aaaaaaaaaaaaaaaaaaaaaaaaaaa";
            let taken = running.register_hook("http://hooks.localhost:1/hooks/x", key);
            assert!(taken.is_ok(), "{which:?}");
            let wrong = running.register_hook("http://elsewhere.example/hooks/x", "short");
            assert_eq!(wrong.is_err(), which == Carrier::FedEx);
            assert!(!running.happen("1", EventKind::Delivered));
            running.stop().await;
        }
    }
}
