//! NetSuite with ShipStation in the demo: orders are entered in NetSuite, Waybill makes them in ShipStation, people ship them there,
//! and NetSuite follows. One order leaves in two parts, one label is voided and bought anew, one customer moves while the order is open,
//! one order is cancelled, and one leaves under a number that NetSuite does not know, so that a person must say which is meant.
//!
//! Stock goes the other way: people count it in NetSuite, and ShipStation follows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};
use simulators::netsuite::books::OrderBook;
use simulators::netsuite::demo::{DemoKind, demo_orders};
use simulators::netsuite::keys::KeyKind;
use simulators::netsuite::model::{Address, Id, ItemType, OrderStatus};
use simulators::netsuite::options::Options;
use simulators::netsuite::people::{ItemKey, NewLine, NewOrder};
use simulators::netsuite::world::World;
use simulators::netsuite::{NetSuite as Account, Running};
use simulators::server::{Base, Serving};
use simulators::shipstation::{self, Buy, ShipStation};
use waybill::domain::DocumentId;

use super::{Correction, Name, Pairing};
use crate::books::Shown;
use crate::carrier::Running as Carrier;
use crate::failure::{Failure, Outcome, While};

/// An account of its own.
const ACCOUNT: &str = "5551234_SB1";

/// Certificate and client of the connection.
const CERTIFICATE: &str = "demo-shipstation-certificate";
const CLIENT: &str = "demo-shipstation-client";

/// The order's fields in which people see why something of it is held, and where its delivery stands.
const PROBLEM: &str = "custbody_waybill_problem";
const STATUS: &str = "custbody_waybill_status";

/// ShipStation's inventory location for NetSuite's one warehouse, as the connection's file names it.
const PLACE: u64 = 5_101;

/// The item of which ShipStation has no product.
const UNKNOWN: &str = "GASKET-NEW";

/// The number under which people ship an order that NetSuite knows by another.
const BY_HAND: &str = "WEB-4711";

/// Why an order is in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Ships without more ado.
    Plain,
    /// Leaves in two parts.
    TwoParts,
    /// Its label is voided after NetSuite has heard of it, and bought anew.
    Voided,
    /// Its customer moves while it is open.
    Moves,
    /// People enter it in ShipStation once more, under another number, and ship that one.
    ByHand,
    /// Is cancelled in NetSuite while it is open.
    Cancelled,
}

/// The kinds of a set, before as many plain ones as it takes.
const SPECIAL: [Kind; 7] = [
    Kind::Plain,
    Kind::Plain,
    Kind::TwoParts,
    Kind::Voided,
    Kind::Moves,
    Kind::ByHand,
    Kind::Cancelled,
];

/// A simulated NetSuite with its people, who ship in ShipStation.
pub(super) struct NetSuite {
    running: Running,
    secret: Value,
    orders: Vec<Entered>,
    /// How far people have come with an order.
    steps: BTreeMap<Id, u32>,
}

/// An order that people entered.
struct Entered {
    kind: Kind,
    id: Id,
    number: String,
}

impl Entered {
    fn document(&self) -> DocumentId {
        DocumentId::sales_order(self.id.to_string())
    }

    /// The number under which it leaves.
    fn leaves_as(&self) -> &str {
        match self.kind {
            Kind::ByHand => BY_HAND,
            _ => &self.number,
        }
    }
}

impl NetSuite {
    pub(super) async fn start() -> Outcome<Self> {
        let options = Options {
            account: ACCOUNT.to_owned(),
            ..Options::default()
        };
        let running = Account::start(options, Base::default(), 0).await;
        let running = running.doing("starting the third simulated NetSuite")?;
        let key = running.netsuite.make_certificate(KeyKind::P256, CERTIFICATE, CLIENT);
        let key = key.map_err(|_| Failure::new("no key can be made for the third simulated NetSuite"))?;
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
            steps: BTreeMap::new(),
        })
    }

    fn shown_of(&self, order: &Entered, book: &OrderBook) -> Shown {
        let numbers = book.fulfilments.iter().flat_map(|one| one.tracking_numbers.clone());
        Shown {
            number: order.number.clone(),
            document: order.document(),
            tracking_numbers: numbers.collect(),
            beside: Vec::new(),
            consignments: if order.kind == Kind::TwoParts { 2 } else { 1 },
            whole: matches!(book.status, OrderStatus::PendingBilling | OrderStatus::Billed),
            cancelled: book.status == OrderStatus::Cancelled,
            corrected: true,
            problem: text(book, PROBLEM),
            status: text(book, STATUS),
            writes: book.fulfilments.iter().map(|one| one.number.clone()).collect(),
            last_write: book.fulfilments.iter().map(|one| one.created).max(),
        }
    }

    /// The next thing that people do about an order, if it is time for it; says whether they did it.
    fn next(&self, order: &Entered, book: &OrderBook, desk: &ShipStation) -> Outcome<bool> {
        let step = self.steps.get(&order.id).copied().unwrap_or_default();
        let there = desk.read_books();
        let Some(placed) = there.numbered(&order.number).next() else {
            return Ok(false);
        };
        let fulfilled = book.fulfilments.len();
        match (order.kind, step) {
            (Kind::Plain, 0) => buy(desk, &Buy::all_of(&order.number)),
            (Kind::TwoParts, 0) => buy(desk, &Buy::part_of(&order.number, &[("PUMP-010", 3)])),
            (Kind::TwoParts, 1) if fulfilled == 1 => buy(desk, &Buy::all_of(&order.number)),
            (Kind::Voided, 0) => buy(desk, &Buy::all_of(&order.number)),
            (Kind::Voided, 1) if fulfilled == 1 => {
                let label = there.labels_of(placed.id).next().map(|label| label.id.to_string());
                desk.void(&label.unwrap_or_default()).map_err(refused(order))?;
                Ok(true)
            }
            (Kind::Voided, 2) if fulfilled == 0 => buy(desk, &Buy::all_of(&order.number)),
            (Kind::Moves, 0) => {
                let moved = self
                    .running
                    .netsuite
                    .act(|world, now| world.edit_address(order.id, elsewhere(), now));
                moved.map_err(|refusal| Failure::new(format!("{}: {refusal:?}", order.number)))?;
                Ok(true)
            }
            (Kind::Moves, 1) if placed.ship_to.postal_code == elsewhere().zip => buy(desk, &Buy::all_of(&order.number)),
            (Kind::ByHand, 0) => {
                let goods = [("VALVE-9", 2)];
                desk.enter(shipstation::NewOrder::of(BY_HAND, &goods))
                    .map_err(refused(order))?;
                buy(desk, &Buy::all_of(BY_HAND))
            }
            (Kind::Cancelled, 0) => {
                let cancelled = self.running.netsuite.act(|world, now| world.cancel(order.id, now));
                cancelled.map_err(|refusal| Failure::new(format!("{}: {refusal:?}", order.number)))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// What lies in the warehouse of the items whose stock is told, by SKU.
    fn stock(&self) -> BTreeMap<String, Decimal> {
        self.running.netsuite.act(|world, _| {
            let counted = world.stock.iter();
            let named = counted.filter_map(|((item, _), stock)| {
                let item = world.items.get(item).filter(|item| is_told(item.kind))?;
                Some((item.sku.clone(), stock.on_hand))
            });
            named.collect()
        })
    }
}

impl Pairing for NetSuite {
    fn name(&self) -> Name {
        Name::NetSuiteShipStation
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
        self.running.netsuite.act(|world, _| super::netsuite::people_in(world))
    }

    fn enter(&mut self, count: usize, seed: u64) -> Outcome<()> {
        let kinds = SPECIAL.into_iter().chain(std::iter::repeat(Kind::Plain)).take(count);
        let mut plain = demo_orders(count + 10, seed)
            .into_iter()
            .filter(|demo| demo.kind == DemoKind::Good);
        for kind in kinds {
            let order = plain.next().map(|demo| demo.order);
            let order = ordered(kind, order.unwrap_or_else(|| NewOrder::to(elsewhere(), Vec::new())));
            let entered = self.running.netsuite.act(|world, now| enter(world, kind, order, now))?;
            self.orders.push(entered);
        }
        Ok(())
    }

    fn act(&mut self, carrier: &Carrier) -> Outcome<bool> {
        let Some(desk) = carrier.desk() else { return Ok(false) };
        let books = self.running.netsuite.books();
        let mut acted = false;
        for order in &self.orders {
            let Some(book) = books.orders.get(&order.number) else {
                continue;
            };
            if self.next(order, book, desk)? {
                *self.steps.entry(order.id).or_default() += 1;
                acted = true;
            }
        }
        Ok(acted)
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
        let plain = self.orders.iter().filter(|order| order.kind == Kind::Plain);
        plain.map(Entered::document).collect()
    }

    fn leaves_as(&self) -> BTreeMap<String, DocumentId> {
        let left = self.orders.iter();
        left.map(|order| (order.leaves_as().to_owned(), order.document()))
            .collect()
    }

    fn meant(&self) -> Option<(&str, &str)> {
        let order = self.orders.iter().find(|order| order.kind == Kind::ByHand)?;
        Some((BY_HAND, &order.number))
    }

    fn move_stock(&mut self) {
        self.running.netsuite.act(|world, now| {
            let key = world.stock.keys().next().copied();
            if let Some((item, place)) = key {
                world.count(item, place, Decimal::from(3), now);
            }
        });
    }

    fn out_of_step(&self, carrier: &Carrier) -> Vec<String> {
        let Some(desk) = carrier.desk() else { return Vec::new() };
        let books = desk.read_books();
        let mut wrong = Vec::new();
        for (sku, count) in self.stock().into_iter().filter(|(sku, _)| sku != UNKNOWN) {
            let shown = books.on_hand(&sku, PLACE);
            if shown != count.to_i64() {
                wrong.push(format!(
                    "{sku}: {count} lie there, ShipStation shows {}",
                    shown.unwrap_or_default()
                ));
            }
        }
        wrong
    }

    fn correction(&self) -> Option<Correction> {
        None
    }

    fn end(self: Box<Self>) -> Serving {
        self.running.serving
    }
}

/// Kits have no stock of their own.
fn is_told(kind: ItemType) -> bool {
    matches!(kind, ItemType::InvtPart | ItemType::Assembly)
}

/// Products that ShipStation knows before anything is ordered: all that are counted but [`UNKNOWN`].
pub(crate) const PRODUCTS: [&str; 4] = ["PUMP-010", "SEAL-KG", "MOTOR-38", "VALVE-9"];

fn buy(desk: &ShipStation, what: &Buy) -> Outcome<bool> {
    let bought = desk.buy(what);
    bought.map_err(|why| Failure::new(format!("buying a label for {}: {why}", what.order)))?;
    Ok(true)
}

fn refused(order: &Entered) -> impl Fn(String) -> Failure + '_ {
    |why| Failure::new(format!("acting on sales order {}: {why}", order.number))
}

fn text(book: &OrderBook, field: &str) -> Option<String> {
    let value = book.custom_fields.get(field)?;
    value.as_str().map(str::to_owned)
}

fn line(sku: &str, quantity: u32) -> NewLine {
    NewLine {
        item: ItemKey::Sku(sku.to_owned()),
        ..NewLine::of(0, quantity)
    }
}

/// The order with goods that suit its kind.
fn ordered(kind: Kind, order: NewOrder) -> NewOrder {
    let lines = match kind {
        Kind::TwoParts => vec![line("PUMP-010", 5)],
        Kind::ByHand => vec![line("VALVE-9", 2)],
        _ if order.lines.is_empty() => vec![line("MOTOR-38", 1)],
        _ => order.lines,
    };
    NewOrder { lines, ..order }
}

fn enter(world: &mut World, kind: Kind, order: NewOrder, now: Timestamp) -> Outcome<Entered> {
    let id = world
        .add_order(order, now)
        .map_err(|refusal| Failure::new(format!("entering a sales order: {refusal:?}")))?;
    let number = world.orders.get(&id).map(|order| order.tran_id.clone());
    Ok(Entered {
        kind,
        id,
        number: number.unwrap_or_default(),
    })
}

/// Where the customer moves.
fn elsewhere() -> Address {
    Address {
        addressee: "Moved Away Ltd".to_owned(),
        addr1: "2311 York Road".to_owned(),
        city: "Timonium".to_owned(),
        state: "MD".to_owned(),
        zip: "21093".to_owned(),
        country: "US".to_owned(),
        phone: "4105550137".to_owned(),
        ..Address::default()
    }
}
