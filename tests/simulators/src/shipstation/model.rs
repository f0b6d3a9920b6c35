//! What ShipStation holds: orders and their parts, labels, fulfilments, customers, products, subscriptions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::limits::Calls;
use super::notices::{Outbox, PushBooks, Waiting};
use super::options::Options;
use super::stock::Stock;

/// An id: V2 writes it with `se-` before it.
pub(super) type Id = u64;

/// Everything that changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    /// Where it listens.
    pub(super) home: Option<String>,
    pub(super) orders: BTreeMap<Id, Order>,
    pub(super) labels: BTreeMap<Id, Label>,
    pub(super) fulfilments: BTreeMap<Id, Fulfilment>,
    pub(super) batches: BTreeMap<Id, Batch>,
    pub(super) customers: BTreeMap<Id, Customer>,
    pub(super) products: BTreeMap<String, Product>,
    pub(super) tags: Vec<Tag>,
    pub(super) stock: Stock,
    pub(super) hooks: Vec<Hook>,
    pub(super) outbox: Outbox,
    pub(super) sent: Vec<Waiting>,
    pub(super) pushed: PushBooks,
    pub(super) keys: Keys,
    pub(super) calls: BTreeMap<String, Calls>,
    serial: u64,
}

/// An address, of a person or of a warehouse.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Address {
    /// Who.
    pub name: String,
    /// Of which company.
    pub company: Option<String>,
    /// By telephone.
    pub phone: Option<String>,
    /// By e-mail.
    pub email: Option<String>,
    /// Up to three lines.
    pub lines: Vec<String>,
    /// The city.
    pub city: String,
    /// The state or province.
    pub state: String,
    /// The postal code.
    pub postal_code: String,
    /// The country, two letters.
    pub country: String,
    /// Whether people live there, if known.
    pub residential: Option<bool>,
}

/// An order, as V1 sees it whole.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// V1's `orderId`; V2's first `shipment_id` without `se-`.
    pub id: u64,
    /// The number that people know.
    pub number: String,
    /// The caller's key: V1's `orderKey`, V2's `external_shipment_id`.
    pub key: String,
    /// Its store.
    pub store: u64,
    /// Where it stands as long as it is open.
    pub standing: Standing,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// Until when it is held.
    pub hold_until: Option<Timestamp>,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// The import that brought it.
    pub import: String,
    /// Where it goes.
    pub ship_to: Address,
    /// Who pays, if told.
    pub bill_to: Option<Address>,
    /// The customer's profile.
    pub customer: Option<u64>,
    /// The customer's name for himself.
    pub username: Option<String>,
    /// The customer's e-mail.
    pub email: Option<String>,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// The parts that are shipped on their own; one, unless people split it.
    pub parts: Vec<Part>,
    /// Three fields for whatever people want.
    pub custom_fields: [Option<String>; 3],
    /// Ids of its tags.
    pub tags: Vec<u64>,
    /// What the buyer says.
    pub notes_from_buyer: Option<String>,
    /// What nobody else reads.
    pub internal_notes: Option<String>,
    /// The service in the buyer's words.
    pub requested_service: Option<String>,
    /// The carrier that is to ship it.
    pub carrier: Option<String>,
    /// The service that is to ship it.
    pub service: Option<String>,
    /// What was paid.
    pub amount_paid: Decimal,
    /// Of it, for shipping.
    pub shipping_paid: Decimal,
    /// Of it, taxes.
    pub tax_paid: Decimal,
    /// The currency, in lower case.
    pub currency: String,
    /// Its weight in ounces.
    pub weight: Decimal,
    /// The name of the system that it came from.
    pub source: Option<String>,
    /// Another sales order's id, as V2's items carry it.
    pub external_order_id: Option<String>,
    /// Whether it is an order for people and V1, and not only a shipment of V2.
    pub is_sales_order: bool,
    /// When V2's caller wants it to leave.
    pub ship_date: Option<Timestamp>,
}

/// A line of an order.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// V1's `orderItemId`.
    pub id: u64,
    /// The caller's key: V1's `lineItemKey`, V2's `external_order_item_id`.
    pub key: Option<String>,
    /// The SKU.
    pub sku: Option<String>,
    /// What it is.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// What one costs.
    pub unit_price: Decimal,
    /// The tax on it.
    pub tax: Decimal,
    /// The shipping of it.
    pub shipping: Decimal,
    /// What one weighs, in ounces.
    pub weight: Option<Decimal>,
    /// V2's `external_order_id`.
    pub external_order_id: Option<String>,
}

/// A part of an order that is shipped on its own: V2's shipment.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// V2's `shipment_id` without `se-`.
    pub id: u64,
    /// V2's `shipment_number`.
    pub number: String,
    /// Ids of lines and how many of each.
    pub takes: Vec<(u64, u32)>,
    /// What became of it.
    pub state: PartState,
}

/// What became of a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It waits.
    Open,
    /// This label was bought for it.
    Labelled(u64),
    /// It was shipped with an external tracking number, by this fulfilment.
    Fulfilled(u64),
}

/// Where an open order stands; V1's `orderStatus`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not paid.
    AwaitingPayment,
    /// To be shipped.
    #[default]
    AwaitingShipment,
    /// Not to be shipped yet.
    OnHold,
    /// Somebody else ships it.
    PendingFulfillment,
    /// Nothing of it is left to ship.
    Shipped,
    /// Not to be shipped at all.
    Cancelled,
}

/// A label: V2's label, V1's shipment.
#[derive(Clone, Debug, Serialize)]
pub struct Label {
    /// V1's `shipmentId`; V2's `label_id` without `se-`.
    pub id: u64,
    /// The order.
    pub order: u64,
    /// The part of it: V2's `shipment_id` without `se-`.
    pub part: u64,
    /// The batch in which it was bought.
    pub batch: u64,
    /// Whether people bought it together with others.
    pub in_batch: bool,
    /// What is inside: ids of lines and how many of each.
    pub takes: Vec<(u64, u32)>,
    /// The carrier's code.
    pub carrier: String,
    /// The service's code.
    pub service: String,
    /// Its packages, at least one.
    pub packages: Vec<Package>,
    /// What it cost.
    pub cost: Decimal,
    /// When it was bought.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// When it was voided.
    pub voided_at: Option<Timestamp>,
    /// The label whose parcel it brings back.
    pub returns: Option<u64>,
    /// Where the parcel was seen.
    pub events: Vec<ScanEvent>,
}

/// A package under a label.
#[derive(Clone, Debug, Serialize)]
pub struct Package {
    /// Its id.
    pub id: u64,
    /// Its tracking number.
    pub tracking_number: String,
    /// Its weight in ounces.
    pub weight: Decimal,
}

/// What a carrier scanned.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scan {
    /// The carrier has it.
    Accepted,
    /// On its way.
    InTransit,
    /// On the van.
    OutForDelivery,
    /// Nobody was there.
    Attempted,
    /// Something is wrong.
    Exception,
    /// At its door.
    Delivered,
}

/// A scan and its time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ScanEvent {
    /// What.
    pub scan: Scan,
    /// When.
    pub at: Timestamp,
}

/// A part shipped, as V2's fulfilments list it: with an external tracking number, or by a label.
#[derive(Clone, Debug, Serialize)]
pub struct Fulfilment {
    /// Its id.
    pub id: u64,
    /// The order.
    pub order: u64,
    /// The part of it.
    pub part: u64,
    /// The label by which it was shipped; without one the tracking number is external.
    pub label: Option<u64>,
    /// The carrier's code.
    pub carrier: String,
    /// The tracking number.
    pub tracking_number: String,
    /// When it left.
    pub shipped_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was voided.
    pub voided_at: Option<Timestamp>,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
    /// Whether the buyer was to be told.
    pub notify_customer: bool,
    /// Whether the store was to be told.
    pub notify_store: bool,
}

/// Labels that people bought together.
#[derive(Clone, Debug, Serialize)]
pub struct Batch {
    /// Its id.
    pub id: u64,
    /// Its labels.
    pub labels: Vec<u64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was done.
    pub processed_at: Timestamp,
}

/// A customer's profile.
#[derive(Clone, Debug, Serialize)]
pub struct Customer {
    /// V1's `customerId`.
    pub id: u64,
    /// The customer's name for himself.
    pub username: String,
    /// Name, company, telephone, e-mail and address.
    pub address: Address,
    /// When the profile was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// A product.
#[derive(Clone, Debug, Serialize)]
pub struct Product {
    /// Its id.
    pub id: u64,
    /// Its SKU.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// Whether it is still sold.
    pub active: bool,
    /// When it appeared.
    pub created_at: Timestamp,
}

/// A tag.
#[derive(Clone, Debug, Serialize)]
pub struct Tag {
    /// Its id, V1.
    pub id: u64,
    /// Its name, V2.
    pub name: String,
}

/// A subscription to notices.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hook {
    /// Its id.
    pub id: u64,
    /// 1 or 2: which API it belongs to.
    pub api: u8,
    /// The event.
    pub event: String,
    /// Where its notices are posted.
    pub url: String,
    /// What people call it.
    pub name: Option<String>,
    /// The store that it is about; without one, all.
    pub store: Option<u64>,
    /// Headers of its own, V2 only.
    pub headers: Vec<(String, String)>,
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        Self {
            home: None,
            orders: BTreeMap::new(),
            labels: BTreeMap::new(),
            fulfilments: BTreeMap::new(),
            batches: BTreeMap::new(),
            customers: BTreeMap::new(),
            products: BTreeMap::new(),
            tags: Vec::new(),
            stock: Stock::of_a_new_account(),
            hooks: Vec::new(),
            outbox: Outbox::default(),
            sent: Vec::new(),
            pushed: PushBooks::default(),
            keys: Keys::default(),
            calls: BTreeMap::new(),
            serial: 0,
            options,
        }
    }

    /// An id that nothing else has; those of one kind lie near one another.
    pub(super) fn next(&mut self, kind: Kind) -> Id {
        self.serial += 1;
        kind.first() + self.serial
    }

    /// How many ids were given out.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// The order that this part belongs to, and the part.
    pub(super) fn part(&self, id: Id) -> Option<(&Order, &Part)> {
        let own = self.orders.get(&id);
        let order = own.or_else(|| self.orders.values().find(|order| order.has_part(id)))?;
        self.part_of(order.id, id)
    }

    /// An order and this part of it.
    pub(super) fn part_of(&self, order: Id, id: Id) -> Option<(&Order, &Part)> {
        let order = self.orders.get(&order)?;
        let part = order.parts.iter().find(|part| part.id == id)?;
        Some((order, part))
    }

    /// The order that this part belongs to.
    pub(super) fn order_of_part(&self, id: Id) -> Option<Id> {
        if self.orders.contains_key(&id) {
            return Some(id);
        }
        self.part(id).map(|(order, _)| order.id)
    }

    /// The order with this key.
    pub(super) fn keyed(&self, key: &str) -> Option<&Order> {
        self.orders.values().find(|order| order.key == key)
    }

    /// Whether a number is taken, over all stores and states.
    pub(super) fn has_number(&self, number: &str, but: Option<Id>) -> bool {
        let mut others = self.orders.values().filter(|order| Some(order.id) != but);
        others.any(|order| order.number == number)
    }

    /// The id of the tag with this name, made if there is none.
    pub(super) fn tag(&mut self, name: &str) -> Id {
        if let Some(tag) = self.tags.iter().find(|tag| tag.name == name) {
            return tag.id;
        }
        let id = self.next(Kind::Tag);
        self.tags.push(Tag {
            id,
            name: name.to_owned(),
        });
        id
    }

    /// The product appears, if it is not there.
    pub(super) fn meet_product(&mut self, sku: &str, name: &str, now: Timestamp) {
        if self.products.contains_key(sku) {
            return;
        }
        let id = self.next(Kind::Product);
        self.products.insert(
            sku.to_owned(),
            Product {
                id,
                sku: sku.to_owned(),
                name: name.to_owned(),
                active: true,
                created_at: now,
            },
        );
    }

    /// What an order's lines name as products appears among them.
    pub(super) fn meet_products_of(&mut self, lines: &[Line], now: Timestamp) {
        for line in lines {
            if let Some(sku) = line.sku.as_deref().filter(|sku| !sku.is_empty()) {
                self.meet_product(sku, &line.name, now);
            }
        }
    }
}

/// What an id is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Order,
    Line,
    Label,
    Package,
    Batch,
    Fulfilment,
    Customer,
    Product,
    Tag,
    Hook,
    Container,
}

impl Kind {
    fn first(self) -> u64 {
        match self {
            Self::Order => 412_000_000,
            Self::Line => 198_000_000,
            Self::Label => 64_000_000,
            Self::Package => 77_000_000,
            Self::Batch => 187_000_000,
            Self::Fulfilment => 16_000_000,
            Self::Customer => 368_000_000,
            Self::Product => 10_000_000,
            Self::Tag => 94_000,
            Self::Hook => 28_000_000,
            Self::Container => 9_000_000,
        }
    }
}

impl Order {
    /// Whether it has this part.
    pub(super) fn has_part(&self, id: Id) -> bool {
        self.parts.iter().any(|part| part.id == id)
    }

    /// Where it stands: shipped when no part is open.
    pub fn status(&self) -> Standing {
        let done = !self.parts.is_empty() && self.parts.iter().all(|part| part.state != PartState::Open);
        match self.standing {
            Standing::Cancelled => Standing::Cancelled,
            _ if done => Standing::Shipped,
            standing => standing,
        }
    }

    /// Whether its fields may still be changed.
    pub(super) fn may_change(&self) -> bool {
        !matches!(self.status(), Standing::Shipped | Standing::Cancelled)
    }

    /// Ids of the parts that wait.
    pub(super) fn open_parts(&self) -> Vec<Id> {
        let open = self.parts.iter().filter(|part| part.state == PartState::Open);
        open.map(|part| part.id).collect()
    }

    /// The line with this id.
    pub(super) fn line(&self, id: Id) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// What it costs.
    pub(super) fn total(&self) -> Decimal {
        let goods = self
            .lines
            .iter()
            .map(|line| line.unit_price * Decimal::from(line.quantity));
        goods.sum::<Decimal>() + self.shipping_paid + self.tax_paid
    }

    /// All that was ordered, as one part takes it.
    pub(super) fn all(&self) -> Vec<(Id, u32)> {
        self.lines.iter().map(|line| (line.id, line.quantity)).collect()
    }
}

impl Standing {
    /// V1's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::AwaitingPayment => "awaiting_payment",
            Self::AwaitingShipment => "awaiting_shipment",
            Self::OnHold => "on_hold",
            Self::PendingFulfillment => "pending_fulfillment",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads V1's word.
    pub(super) fn read(word: &str) -> Option<Self> {
        let all = [
            Self::AwaitingPayment,
            Self::AwaitingShipment,
            Self::OnHold,
            Self::PendingFulfillment,
            Self::Shipped,
            Self::Cancelled,
        ];
        all.into_iter().find(|standing| standing.word() == word)
    }
}

impl Label {
    /// The tracking number: its first package's.
    pub fn tracking_number(&self) -> &str {
        self.packages.first().map_or("", |package| &package.tracking_number)
    }

    /// Whether this is the tracking number of one of its packages.
    pub(super) fn travels_as(&self, number: &str) -> bool {
        self.packages.iter().any(|package| package.tracking_number == number)
    }

    /// When it was delivered.
    pub(super) fn delivered_at(&self) -> Option<Timestamp> {
        let mut events = self.events.iter();
        events.find(|event| event.scan == Scan::Delivered).map(|event| event.at)
    }
}

impl Hook {
    /// Whether it is about this store.
    pub(super) fn is_about(&self, store: u64) -> bool {
        self.store.is_none_or(|own| own == store)
    }
}

impl Address {
    /// Where Acme ships from.
    pub(super) fn of_acme() -> Self {
        Self {
            name: "Shipping Dock".to_owned(),
            company: Some("Acme Inc".to_owned()),
            phone: Some("4105551234".to_owned()),
            email: None,
            lines: vec!["2311 York Rd".to_owned()],
            city: "Timonium".to_owned(),
            state: "MD".to_owned(),
            postal_code: "21093".to_owned(),
            country: "US".to_owned(),
            residential: Some(false),
        }
    }

    /// A buyer in Georgia.
    pub(super) fn of_a_buyer() -> Self {
        Self {
            name: "Jo Buyer".to_owned(),
            company: Some("Buyer LLC".to_owned()),
            phone: Some("7705550100".to_owned()),
            email: Some("jo@buyer.example".to_owned()),
            lines: vec!["12380 Morris Rd".to_owned()],
            city: "Alpharetta".to_owned(),
            state: "GA".to_owned(),
            postal_code: "30005".to_owned(),
            country: "US".to_owned(),
            residential: None,
        }
    }

    /// A line of the street, from 0.
    pub(super) fn line(&self, place: usize) -> Option<&str> {
        self.lines
            .get(place)
            .map(String::as_str)
            .filter(|line| !line.is_empty())
    }
}
