//! NetSuite with FedEx in the demo: people fulfil their orders themselves and mark what leaves as shipped. Each fulfilment that is
//! marked ships as it stands, and the invoice shows its tracking number, its label and its delivery.
//!
//! Addresses are used as they stand, so that what holds here is what FedEx cannot take: a name that is too long, a weight that is
//! missing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::dec;
use serde_json::{Value, json};
use simulators::netsuite::books::{Books, FulfilmentBook, InvoiceBook, OrderBook};
use simulators::netsuite::demo::{DemoKind, demo_orders};
use simulators::netsuite::keys::KeyKind;
use simulators::netsuite::model::{Address, Id, Integration, ShipStatus, WeightUnit};
use simulators::netsuite::options::Options;
use simulators::netsuite::people::{ItemKey, NewLine, NewOrder};
use simulators::netsuite::refusal::Refusal;
use simulators::netsuite::world::{CustomFieldWrite, World};
use simulators::netsuite::{NetSuite as Account, Running};
use simulators::server::{Base, Serving};
use waybill::domain::DocumentId;

use super::{Correction, Name, Pairing};
use crate::books::Shown;
use crate::carrier::Running as Carrier;
use crate::failure::{Failure, Outcome, While};
use crate::mishaps;

/// An account of its own.
const ACCOUNT: &str = "7654321_SB1";

/// Certificate and client of the connection.
const CERTIFICATE: &str = "demo-fedex-certificate";
const CLIENT: &str = "demo-fedex-client";

/// The order's field in which people see why something of it is held.
const PROBLEM: &str = "custbody_waybill_problem";

/// The invoice's fields.
const TRACKING: &str = "custbody_waybill_tracking";
const LABEL: &str = "custbody_waybill_label";
const STATUS: &str = "custbody_waybill_status";

/// The item that nobody has weighed.
const UNWEIGHED: &str = "GASKET-NEW";

/// What FedEx takes 35 characters of.
const LONG_NAME: &str = "The Considerably Longwinded Trading Company";
const SHORT_NAME: &str = "Longwinded Trading Co";

/// Why a fulfilment is in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Ships without more ado.
    Plain,
    /// Is packed first, and marked as shipped when others have left.
    PackedFirst,
    /// Is billed only after it has shipped.
    BilledLater,
    /// Nobody has weighed what it holds, until it is held.
    NoWeight,
    /// The receiver's name is longer than FedEx takes.
    LongName,
    /// Is taken back while it waits.
    TakenBack,
    /// Goes to another country.
    International,
    /// Needs several parcels.
    SeveralParcels,
    /// The first of two of an order that one invoice bills ...
    First,
    /// ... and the second.
    Second,
    /// Is packed and stays there: nothing of it may ship.
    OnlyPacked,
}

/// The kinds of a set, before as many plain ones as it takes.
const SPECIAL: [Kind; 11] = [
    Kind::Plain,
    Kind::Plain,
    Kind::PackedFirst,
    Kind::BilledLater,
    Kind::NoWeight,
    Kind::LongName,
    Kind::TakenBack,
    Kind::First,
    Kind::Second,
    Kind::International,
    Kind::SeveralParcels,
];

/// A simulated NetSuite with its people.
pub(super) struct NetSuite {
    running: Running,
    secret: Value,
    fulfilments: Vec<Entered>,
    others: Vec<Entered>,
    done: BTreeSet<Id>,
    /// Fulfilments whose shipment a person has voided.
    anew: BTreeSet<Id>,
}

/// A fulfilment that people made of an order.
struct Entered {
    kind: Kind,
    order: Id,
    order_number: String,
    id: Id,
    number: String,
}

impl Entered {
    fn document(&self) -> DocumentId {
        DocumentId::fulfilment(self.id.to_string())
    }
}

impl NetSuite {
    pub(super) async fn start() -> Outcome<Self> {
        let options = Options {
            account: ACCOUNT.to_owned(),
            ..Options::default()
        };
        let running = Account::start(options, Base::default(), 0).await;
        let running = running.doing("starting the second simulated NetSuite")?;
        let key = running.netsuite.make_certificate(KeyKind::P256, CERTIFICATE, CLIENT);
        let key = key.map_err(|_| Failure::new("no key can be made for the second simulated NetSuite"))?;
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
            fulfilments: Vec::new(),
            others: Vec::new(),
            done: BTreeSet::new(),
            anew: BTreeSet::new(),
        })
    }

    /// The fulfilments that stand on the same invoice.
    fn beside(&self, one: &Entered) -> Vec<DocumentId> {
        let others = self.fulfilments.iter();
        let others = others.filter(|other| other.order == one.order && other.id != one.id);
        others.map(Entered::document).collect()
    }

    fn shown_of(&self, one: &Entered, books: &Books) -> Option<Shown> {
        let order = books.orders.get(&one.order_number)?;
        let done = self.done.contains(&one.id);
        let invoices: Vec<&InvoiceBook> = order.invoices.iter().filter(|invoice| shows_any(invoice)).collect();
        Some(Shown {
            number: one.number.clone(),
            document: one.document(),
            tracking_numbers: invoices.iter().flat_map(|invoice| numbers(invoice)).collect(),
            beside: self.beside(one),
            consignments: 1,
            whole: is_shipped(order, one) && invoices.iter().all(|invoice| !labels(invoice).is_empty()),
            cancelled: one.kind == Kind::TakenBack && done,
            corrected: done || self.anew.contains(&one.id),
            problem: problem(order, one),
            status: invoices.first().map(|invoice| text(&invoice.custom_fields, STATUS)),
            writes: invoices.iter().map(|invoice| invoice.number.clone()).collect(),
            last_write: our_writes(books)
                .filter(|write| invoices.iter().any(|invoice| invoice.number == write.document))
                .map(|write| write.at)
                .max(),
        })
    }
}

impl Pairing for NetSuite {
    fn name(&self) -> Name {
        Name::NetSuiteFedEx
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
        let mut orders = Orders::of(count, seed);
        for kind in kinds.chain([Kind::OnlyPacked]) {
            let order = match (kind, self.fulfilments.last()) {
                (Kind::Second, Some(first)) => Err(first.order),
                _ => Ok(orders.next(kind)),
            };
            let made = self.running.netsuite.act(|world, now| enter(world, kind, order, now));
            let made = made.map_err(|refusal| Failure::new(format!("entering a fulfilment: {refusal:?}")))?;
            match kind {
                Kind::OnlyPacked => self.others.push(made),
                _ => self.fulfilments.push(made),
            }
        }
        let bill = |world: &mut World, now: Timestamp| bill_at_once(world, &self.fulfilments, now);
        let billed = self.running.netsuite.act(bill);
        billed.map_err(|refusal| Failure::new(format!("billing fulfilments: {refusal:?}")))
    }

    fn act(&mut self, carrier: &Carrier) -> Outcome<bool> {
        let books = self.running.netsuite.books();
        let before = self.done.len();
        for one in &self.fulfilments {
            let Some(order) = books.orders.get(&one.order_number) else {
                continue;
            };
            if !self.done.contains(&one.id) && wants(one, order, carrier) {
                let acted = self.running.netsuite.act(|world, now| put_right(world, one, now));
                acted.map_err(|refusal| Failure::new(format!("acting on fulfilment {}: {refusal:?}", one.number)))?;
                self.done.insert(one.id);
            }
        }
        Ok(self.done.len() > before)
    }

    fn shown(&self) -> Vec<Shown> {
        let books = self.running.netsuite.books();
        let shown = self.fulfilments.iter().map(|one| self.shown_of(one, &books));
        shown.flatten().collect()
    }

    fn written_twice(&self) -> usize {
        let books = self.running.netsuite.books();
        let invoices: Vec<&InvoiceBook> = books.orders.values().flat_map(|order| &order.invoices).collect();
        let mut known: BTreeSet<(&str, String)> = BTreeSet::new();
        let said = our_writes(&books).map(|write| (write.document.as_str(), write.value.to_string()));
        let again = said.filter(|write| !known.insert(write.clone()));
        again.count() + in_two_places(&invoices)
    }

    fn shipped_elsewhere(&self) -> Vec<DocumentId> {
        Vec::new()
    }

    fn of_other_carriers(&self) -> Vec<DocumentId> {
        self.others.iter().map(Entered::document).collect()
    }

    fn plain(&self) -> Vec<DocumentId> {
        let plain = self.fulfilments.iter().filter(|one| one.kind == Kind::Plain);
        plain.map(Entered::document).collect()
    }

    fn label_links(&self) -> Vec<String> {
        let books = self.running.netsuite.books();
        let invoices = books.orders.values().flat_map(|order| &order.invoices);
        let shown = invoices.filter(|invoice| shows_any(invoice));
        shown.flat_map(labels).collect()
    }

    fn ships_anew(&mut self, document: &DocumentId) {
        let own = self.fulfilments.iter().filter(|one| one.document() == *document);
        self.anew.extend(own.map(|one| one.id));
    }

    fn correction(&self) -> Option<Correction> {
        let one = self.fulfilments.iter().find(|one| one.kind == Kind::LongName)?;
        let address = Address {
            addressee: SHORT_NAME.to_owned(),
            ..first_address()
        };
        Some(Correction {
            number: one.order_number.clone(),
            held_for: "the length of its receiver's name",
            act: json!({
                "order": one.order_number, "act": "edit_fulfilment_address", "fulfilment": one.id, "address": address
            }),
        })
    }

    fn end(self: Box<Self>) -> Serving {
        self.running.serving
    }
}

/// The orders of a set, by what each is for.
struct Orders {
    plain: std::vec::IntoIter<NewOrder>,
    abroad: Option<NewOrder>,
    heavy: Option<NewOrder>,
}

impl Orders {
    /// Enough for `count` fulfilments.
    fn of(count: usize, seed: u64) -> Self {
        // Nine of them are of other kinds, and each of ours may need one.
        let (mut plain, mut abroad, mut heavy) = (Vec::new(), None, None);
        for demo in demo_orders(count + 10, seed) {
            match demo.kind {
                DemoKind::Good => plain.push(demo.order),
                DemoKind::International => abroad = Some(demo.order),
                DemoKind::MultiPackage => heavy = Some(demo.order),
                _ => {}
            }
        }
        Self {
            plain: plain.into_iter(),
            abroad,
            heavy,
        }
    }

    fn next(&mut self, kind: Kind) -> NewOrder {
        let own = match kind {
            Kind::International => self.abroad.take(),
            Kind::SeveralParcels => self.heavy.take(),
            _ => None,
        };
        let next = own.or_else(|| self.plain.next());
        let mut order = next.unwrap_or_else(|| NewOrder::to(first_address(), vec![line("PUMP-010", 1)]));
        match kind {
            Kind::NoWeight => order.lines = vec![line(UNWEIGHED, 2)],
            Kind::First => order.lines = vec![line("PUMP-010", 5)],
            Kind::LongName => {
                order.address = Address {
                    addressee: LONG_NAME.to_owned(),
                    ..first_address()
                }
            }
            Kind::TakenBack => order.address = far_away(),
            _ => {}
        }
        order
    }
}

fn line(sku: &str, quantity: u32) -> NewLine {
    NewLine {
        item: ItemKey::Sku(sku.to_owned()),
        ..NewLine::of(0, quantity)
    }
}

fn first_address() -> Address {
    Address {
        addr1: "2311 York Road".to_owned(),
        city: "Timonium".to_owned(),
        state: "MD".to_owned(),
        zip: "21093".to_owned(),
        country: "US".to_owned(),
        phone: "4105550137".to_owned(),
        ..Address::default()
    }
}

fn far_away() -> Address {
    Address {
        addressee: "Second Thoughts Ltd".to_owned(),
        addr1: "400 Main St".to_owned(),
        city: Name::NetSuiteFedEx.unlucky().to_owned(),
        state: "NM".to_owned(),
        zip: "87901".to_owned(),
        country: "US".to_owned(),
        phone: "5755550166".to_owned(),
        ..Address::default()
    }
}

/// People enter an order, unless it is there, and take its goods for shipping.
fn enter(world: &mut World, kind: Kind, order: Result<NewOrder, Id>, now: Timestamp) -> Result<Entered, Refusal> {
    let order = match order {
        Ok(mut new) => {
            new.ship_method = Some(ground(world));
            world.add_order(new, now)?
        }
        Err(there) => there,
    };
    let id = match kind {
        Kind::First => world.pick(order, &[(1, 3)], ShipStatus::Shipped, now)?,
        _ => world.fulfil_by_hand(order, None, now)?,
    };
    if matches!(kind, Kind::PackedFirst | Kind::OnlyPacked) {
        world.mark(id, ShipStatus::Packed, now)?;
    }
    let order_number = world.orders.get(&order).map(|order| order.tran_id.clone());
    let number = world.fulfilments.get(&id).map(|one| one.tran_id.clone());
    Ok(Entered {
        kind,
        order,
        order_number: order_number.unwrap_or_default(),
        id,
        number: number.unwrap_or_default(),
    })
}

fn ground(world: &mut World) -> Id {
    let mut there = world.ship_methods.values();
    let there = there
        .find(|method| method.name == "FedEx Ground")
        .map(|method| method.id);
    there.unwrap_or_else(|| world.add_ship_method("FedEx Ground", Integration::None))
}

/// Each order's fulfilments are billed together, but for what is billed later.
fn bill_at_once(world: &mut World, fulfilments: &[Entered], now: Timestamp) -> Result<(), Refusal> {
    let mut by_order: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    let later = [Kind::BilledLater, Kind::PackedFirst, Kind::TakenBack];
    for one in fulfilments.iter().filter(|one| !later.contains(&one.kind)) {
        by_order.entry(one.order).or_default().push(one.id);
    }
    for (order, own) in by_order {
        world.invoice(order, &own, now)?;
    }
    Ok(())
}

/// Whether it is time for a person to act on a fulfilment.
fn wants(one: &Entered, order: &OrderBook, carrier: &Carrier) -> bool {
    match one.kind {
        Kind::PackedFirst => !carrier.books(&BTreeMap::new()).shipments.is_empty(),
        Kind::BilledLater => {
            let jobs = crate::books::jobs(Name::NetSuiteFedEx, &one.document());
            !carrier.books(&BTreeMap::new()).under(&jobs).is_empty()
        }
        Kind::NoWeight => problem(order, one).is_some(),
        Kind::TakenBack => mishaps::was_rated(carrier, Name::NetSuiteFedEx),
        _ => false,
    }
}

fn put_right(world: &mut World, one: &Entered, now: Timestamp) -> Result<(), Refusal> {
    match one.kind {
        Kind::PackedFirst => {
            world.mark(one.id, ShipStatus::Shipped, now)?;
            world.invoice(one.order, &[one.id], now).map(|_| ())
        }
        Kind::BilledLater => world.invoice(one.order, &[one.id], now).map(|_| ()),
        Kind::NoWeight => weigh(world),
        Kind::TakenBack => world.mark(one.id, ShipStatus::Packed, now),
        _ => Ok(()),
    }
}

fn weigh(world: &mut World) -> Result<(), Refusal> {
    let item = world
        .items
        .values()
        .find(|item| item.sku == UNWEIGHED)
        .map(|item| item.id);
    match item {
        Some(item) => world.weigh_item(item, Some(dec!(1.5)), WeightUnit::Lb),
        None => Ok(()),
    }
}

fn is_shipped(order: &OrderBook, one: &Entered) -> bool {
    fulfilment(order, one).is_some_and(|found| found.status == ShipStatus::Shipped)
}

fn fulfilment<'a>(order: &'a OrderBook, one: &Entered) -> Option<&'a FulfilmentBook> {
    order.fulfilments.iter().find(|found| found.id == one.id)
}

/// Why people see that the fulfilment is held: problems stand on its order, each with its fulfilment's number.
fn problem(order: &OrderBook, one: &Entered) -> Option<String> {
    let text = text(&order.custom_fields, PROBLEM);
    let own = text.contains(&format!("{} [", one.number));
    own.then_some(text)
}

fn text(fields: &BTreeMap<String, Value>, field: &str) -> String {
    let value = fields.get(field).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn numbers(invoice: &InvoiceBook) -> BTreeSet<String> {
    let shown = text(&invoice.custom_fields, TRACKING);
    let numbers = shown.split([',', ' ']).filter(|number| !number.is_empty());
    numbers.map(str::to_owned).collect()
}

/// The links to labels that an invoice shows.
fn labels(invoice: &InvoiceBook) -> Vec<String> {
    let shown = text(&invoice.custom_fields, LABEL);
    shown.split_whitespace().map(str::to_owned).collect()
}

fn shows_any(invoice: &InvoiceBook) -> bool {
    !invoice.voided && !numbers(invoice).is_empty()
}

/// Our writes of tracking numbers, oldest first.
fn our_writes(books: &Books) -> impl Iterator<Item = &CustomFieldWrite> {
    let writes = books.custom_field_writes.iter();
    writes.filter(|write| write.field == TRACKING && write.by == CLIENT)
}

/// How many tracking numbers stand on more invoices than one.
fn in_two_places(invoices: &[&InvoiceBook]) -> usize {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for number in invoices
        .iter()
        .filter(|invoice| !invoice.voided)
        .flat_map(|invoice| numbers(invoice))
    {
        *places.entry(number).or_default() += 1;
    }
    places.values().filter(|count| **count > 1).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoice(number: &str, tracking: &str) -> InvoiceBook {
        InvoiceBook {
            id: 1,
            number: number.to_owned(),
            voided: false,
            lines: BTreeMap::new(),
            custom_fields: BTreeMap::from([(TRACKING.to_owned(), json!(tracking))]),
        }
    }

    #[test]
    fn a_number_on_two_invoices_is_one_too_many() {
        let (one, other) = (invoice("INV1", "7949, 7950"), invoice("INV2", "7950"));
        assert_eq!(in_two_places(&[&one]), 0);
        assert_eq!(in_two_places(&[&one, &other]), 1);
        assert_eq!(numbers(&one).len(), 2);
        assert!(!shows_any(&invoice("INV3", "")));
    }

    /// What is packed is not shipped, two fulfilments share an invoice, and what is billed later has none yet.
    #[tokio::test]
    async fn people_fulfil_and_bill_what_they_entered() {
        let mut account = NetSuite::start().await.unwrap();
        account.enter(12, 7).unwrap();
        let books = account.running.netsuite.books();
        let kinds = |kind| account.fulfilments.iter().filter(move |one| one.kind == kind);
        let invoices = |one: &Entered| books.orders.get(&one.order_number).map(|order| order.invoices.len());
        let status = |one: &Entered| fulfilment(books.orders.get(&one.order_number)?, one).map(|found| found.status);
        let (first, second) = (kinds(Kind::First).next().unwrap(), kinds(Kind::Second).next().unwrap());
        assert_eq!((first.order, invoices(first)), (second.order, Some(1)));
        assert_eq!(account.beside(first), [second.document()]);
        assert_eq!(invoices(kinds(Kind::BilledLater).next().unwrap()), Some(0));
        for one in &account.fulfilments {
            let packed = one.kind == Kind::PackedFirst;
            let expected = if packed {
                ShipStatus::Packed
            } else {
                ShipStatus::Shipped
            };
            assert_eq!(status(one), Some(expected), "{:?}", one.kind);
        }
        assert_eq!(status(&account.others[0]), Some(ShipStatus::Packed));
        assert_eq!(kinds(Kind::Plain).count(), 3);
        Box::new(account).end().stop().await;
    }
}
