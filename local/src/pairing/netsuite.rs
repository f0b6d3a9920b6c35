//! NetSuite in the demo: sales orders, whose shipments become item fulfilments and fields of the order.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::{Decimal, dec};
use serde_json::{Value, json};
use simulators::netsuite::books::OrderBook;
use simulators::netsuite::demo::{DemoKind, DemoOrder, demo_orders};
use simulators::netsuite::keys::KeyKind;
use simulators::netsuite::model::{Id, OrderStatus, WeightUnit};
use simulators::netsuite::options::Options;
use simulators::netsuite::refusal::Refusal;
use simulators::netsuite::world::World;
use simulators::netsuite::{NetSuite as Account, Running};
use simulators::server::{Base, Serving};
use waybill::domain::DocumentId;

use super::{Correction, Name, Pairing};
use crate::books::Shown;
use crate::carrier::Running as Carrier;
use crate::confidential::texts;
use crate::failure::{Failure, Outcome, While};
use crate::mishaps;

/// Certificate and client of the connection.
const CERTIFICATE: &str = "demo-certificate";
const CLIENT: &str = "demo-client";

/// The order's fields in which people see why it is held, and where its delivery stands.
const PROBLEM: &str = "custbody_waybill_problem";
const STATUS: &str = "custbody_waybill_status";

/// A simulated NetSuite with its people.
pub(super) struct NetSuite {
    running: Running,
    secret: Value,
    orders: Vec<Entered>,
    done: BTreeSet<String>,
}

/// An order that people entered.
struct Entered {
    number: String,
    id: Id,
    demo: DemoOrder,
}

impl Entered {
    fn document(&self) -> DocumentId {
        DocumentId::sales_order(self.id.to_string())
    }
}

impl NetSuite {
    pub(super) async fn start() -> Outcome<Self> {
        let running = Account::start(Options::default(), Base::default(), 0).await;
        let running = running.doing("starting the simulated NetSuite")?;
        let key = running.netsuite.make_certificate(KeyKind::P256, CERTIFICATE, CLIENT);
        let key = key.map_err(|_| Failure::new("no key can be made for the simulated NetSuite"))?;
        let secret = json!({
            "kind": "client-credentials",
            "client_id": CLIENT,
            "certificate_id": CERTIFICATE,
            "private_key": key.private_pem,
            "algorithm": "ES256",
        });
        Ok(Self {
            running,
            secret,
            orders: Vec::new(),
            done: BTreeSet::new(),
        })
    }

    fn shown_of(&self, order: &Entered, book: &OrderBook) -> Shown {
        let numbers = book.fulfilments.iter().flat_map(|one| one.tracking_numbers.clone());
        Shown {
            number: order.number.clone(),
            document: order.document(),
            tracking_numbers: numbers.collect(),
            beside: Vec::new(),
            consignments: 1,
            whole: matches!(book.status, OrderStatus::PendingBilling | OrderStatus::Billed),
            cancelled: book.status == OrderStatus::Cancelled,
            corrected: self.done.contains(&order.number),
            problem: text(book, PROBLEM),
            status: text(book, STATUS),
            writes: book.fulfilments.iter().map(|one| one.number.clone()).collect(),
            last_write: book.fulfilments.iter().map(|one| one.created).max(),
        }
    }
}

/// Who receives what an account's orders ship, and who ordered it.
pub(super) fn people_in(world: &World) -> BTreeSet<String> {
    const SAY: [&str; 12] = [
        "addressee",
        "attention",
        "addr1",
        "addr2",
        "addr3",
        "phone",
        "alt_phone",
        "email",
        "alt_email",
        "company",
        "first_name",
        "last_name",
    ];
    let known = json!({
        "orders": world.orders.values().collect::<Vec<_>>(),
        "customers": world.customers.values().collect::<Vec<_>>(),
    });
    texts(&known, &|name| SAY.contains(&name))
}

impl Pairing for NetSuite {
    fn name(&self) -> Name {
        Name::NetSuite
    }

    fn url(&self) -> &str {
        &self.running.url
    }

    fn secret(&self) -> Value {
        self.secret.clone()
    }

    fn tokens(&self) -> Vec<String> {
        self.running.netsuite.tokens()
    }

    fn people(&self) -> BTreeSet<String> {
        self.running.netsuite.act(|world, _| people_in(world))
    }

    fn enter(&mut self, count: usize, seed: u64) -> Outcome<()> {
        for mut demo in demo_orders(count, seed) {
            if demo.kind == DemoKind::CancelledWhileQueued {
                demo.order.address.addressee = Name::NetSuite.unlucky().to_owned();
            }
            let entered = self.running.netsuite.act(|world, now| enter(world, demo, now))?;
            self.orders.push(entered);
        }
        Ok(())
    }

    fn act(&mut self, carrier: &Carrier) -> Outcome<bool> {
        let books = self.running.netsuite.books();
        let before = self.done.len();
        for order in &self.orders {
            let Some(book) = books.orders.get(&order.number) else {
                continue;
            };
            if !self.done.contains(&order.number) && wants(order, book, carrier) {
                self.running
                    .netsuite
                    .act(|world, now| put_right(world, order, book, now))?;
                self.done.insert(order.number.clone());
            }
        }
        Ok(self.done.len() > before)
    }

    fn shown(&self) -> Vec<Shown> {
        let books = self.running.netsuite.books();
        let shown = |order: &Entered| Some(self.shown_of(order, books.orders.get(&order.number)?));
        self.orders.iter().filter_map(shown).collect()
    }

    fn written_twice(&self) -> usize {
        let twice = self.running.netsuite.books().duplicates;
        twice.identical.len() + twice.over_fulfilled.len() + twice.tracking_numbers.len()
    }

    fn shipped_elsewhere(&self) -> Vec<DocumentId> {
        Vec::new()
    }

    fn of_other_carriers(&self) -> Vec<DocumentId> {
        Vec::new()
    }

    fn plain(&self) -> Vec<DocumentId> {
        let plain = self.orders.iter().filter(|order| order.demo.kind == DemoKind::Good);
        plain.map(Entered::document).collect()
    }

    fn correction(&self) -> Option<Correction> {
        let wrong = |order: &&Entered| order.demo.kind == DemoKind::InvalidAddress;
        let order = self.orders.iter().find(wrong)?;
        let address = order.demo.correction.as_ref()?;
        Some(Correction {
            number: order.number.clone(),
            held_for: "its address",
            act: json!({ "order": order.number, "act": "edit_address", "address": address }),
        })
    }

    fn end(self: Box<Self>) -> Serving {
        self.running.serving
    }
}

fn text(book: &OrderBook, field: &str) -> Option<String> {
    let value = book.custom_fields.get(field)?;
    value.as_str().map(str::to_owned)
}

fn is_flagged(book: &OrderBook) -> bool {
    text(book, PROBLEM).is_some_and(|problem| !problem.is_empty())
}

fn enter(world: &mut World, demo: DemoOrder, now: Timestamp) -> Outcome<Entered> {
    let id = demo
        .enter(world, now)
        .map_err(|refusal| Failure::new(format!("entering a sales order: {refusal:?}")))?;
    let number = world
        .orders
        .get(&id)
        .map(|order| order.tran_id.clone())
        .unwrap_or_default();
    Ok(Entered { number, id, demo })
}

/// Whether it is time for a person to act on an order.
fn wants(order: &Entered, book: &OrderBook, carrier: &Carrier) -> bool {
    match order.demo.kind {
        DemoKind::NoWeight | DemoKind::EditedWhileHeld => is_flagged(book),
        DemoKind::TwoWaves => !book.fulfilments.is_empty(),
        DemoKind::CancelledWhileQueued => mishaps::was_rated(carrier, Name::NetSuite),
        DemoKind::Good
        | DemoKind::InvalidAddress
        | DemoKind::AmbiguousAddress
        | DemoKind::International
        | DemoKind::MultiPackage => false,
    }
}

fn put_right(world: &mut World, order: &Entered, book: &OrderBook, now: Timestamp) -> Outcome<()> {
    let line = book.lines.keys().next().copied().unwrap_or(1);
    let result = match order.demo.kind {
        DemoKind::NoWeight => weigh(world, book),
        DemoKind::EditedWhileHeld => match order.demo.correction.clone() {
            Some(address) => world.edit_address(order.id, address, now),
            None => Ok(()),
        },
        DemoKind::TwoWaves => world.commit(order.id, line, Decimal::TWO, now),
        DemoKind::CancelledWhileQueued => world.cancel(order.id, now),
        _ => Ok(()),
    };
    result.map_err(|refusal| Failure::new(format!("acting on sales order {}: {refusal:?}", order.number)))
}

fn weigh(world: &mut World, book: &OrderBook) -> Result<(), Refusal> {
    let sku = book
        .lines
        .values()
        .next()
        .map(|line| line.sku.clone())
        .unwrap_or_default();
    let item = world.items.values().find(|item| item.sku == sku).map(|item| item.id);
    match item {
        Some(item) => world.weigh_item(item, Some(dec!(1.5)), WeightUnit::Lb),
        None => Ok(()),
    }
}
