//! What really happened in the account, for tests and the demo: orders with their fulfilments, duplicates, writes of
//! custom fields, tokens and load.

use super::access::TokenCounts;
use super::model::{Fulfilment, OrderStatus, SalesOrder, ShipStatus};
use super::world::{CustomFieldWrite, FieldChange, World};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The books of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// Orders by number.
    pub orders: BTreeMap<String, OrderBook>,
    /// What should never be there.
    pub duplicates: Duplicates,
    /// Every write of a custom field, oldest first.
    pub custom_field_writes: Vec<CustomFieldWrite>,
    /// What the token endpoint did.
    pub tokens: TokenCounts,
    /// Load and tolerated mistakes.
    pub traffic: Traffic,
}

/// How busy the account was, and what it put up with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The most requests in progress at once, refused ones not counted.
    pub peak_concurrency: u32,
    /// Requests refused with 429 for the concurrency limit.
    pub refused_for_concurrency: u64,
    /// Requests refused with 401.
    pub refused_logins: u64,
    /// Unknown field names that were only warned about.
    pub warnings: Vec<String>,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderBook {
    /// Internal id.
    pub id: u64,
    /// State.
    pub status: OrderStatus,
    /// When anything last changed.
    pub last_modified: Timestamp,
    /// Lines by line number.
    pub lines: BTreeMap<u32, LineBook>,
    /// Its fulfilments, oldest first.
    pub fulfilments: Vec<FulfilmentBook>,
    /// Its invoices, oldest first.
    #[serde(default)]
    pub invoices: Vec<InvoiceBook>,
    /// Custom fields as they stand.
    pub custom_fields: BTreeMap<String, Value>,
    /// What its custom fields have said, oldest first.
    pub field_history: Vec<FieldChange>,
}

impl OrderBook {
    /// What one custom field has said, oldest first; `null` where it was emptied.
    pub fn history_of(&self, field: &str) -> Vec<&Value> {
        let own = self.field_history.iter().filter(|change| change.field == field);
        own.map(|change| &change.value).collect()
    }
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineBook {
    /// SKU.
    pub sku: String,
    /// Ordered.
    pub quantity: Decimal,
    /// Committed and not on a fulfilment.
    pub committed: Decimal,
    /// On fulfilments.
    pub fulfilled: Decimal,
    /// Closed by a person.
    pub closed: bool,
}

/// One fulfilment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FulfilmentBook {
    /// Internal id.
    pub id: u64,
    /// Number.
    pub number: String,
    /// External id.
    pub external_id: Option<String>,
    /// `person`, or the client id of an integration.
    pub made_by: String,
    /// How far it is.
    pub status: ShipStatus,
    /// Quantities by line number of the order.
    pub lines: BTreeMap<u32, Decimal>,
    /// Tracking numbers of its packages.
    pub tracking_numbers: Vec<String>,
    /// Package lines without a tracking number.
    pub empty_packages: usize,
    /// Custom fields.
    pub custom_fields: BTreeMap<String, Value>,
    /// When it was made.
    pub created: Timestamp,
}

/// One invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceBook {
    /// Internal id.
    pub id: u64,
    /// Number.
    pub number: String,
    /// Whether somebody has voided it.
    pub voided: bool,
    /// Billed quantities by line number of the order.
    pub lines: BTreeMap<u32, Decimal>,
    /// Custom fields.
    pub custom_fields: BTreeMap<String, Value>,
}

/// Signs that something was done twice or half.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Tracking numbers that stand on several package lines, with the fulfilments' numbers.
    pub tracking_numbers: BTreeMap<String, Vec<String>>,
    /// Orders with a line that is fulfilled beyond what was ordered.
    pub over_fulfilled: Vec<String>,
    /// Fulfilments with an empty package line.
    pub empty_packages: Vec<String>,
    /// Pairs of fulfilments of one order with the same lines and tracking numbers.
    pub identical: Vec<(String, String)>,
}

impl Duplicates {
    /// Whether there is none of them.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The books as they stand.
pub fn of(world: &World, tokens: TokenCounts, traffic: Traffic) -> Books {
    let orders = world
        .orders
        .values()
        .map(|order| (order.tran_id.clone(), order_book(world, order)))
        .collect();
    Books {
        duplicates: duplicates(world, &orders),
        orders,
        custom_field_writes: world.field_writes.clone(),
        tokens,
        traffic,
    }
}

fn order_book(world: &World, order: &SalesOrder) -> OrderBook {
    let sku = |item: &u64| world.items.get(item).map(|item| item.sku.clone()).unwrap_or_default();
    let lines = order.lines.iter().map(|line| {
        let book = LineBook {
            sku: sku(&line.item),
            quantity: line.quantity,
            committed: line.committed,
            fulfilled: line.fulfilled,
            closed: line.closed,
        };
        (line.number, book)
    });
    OrderBook {
        id: order.id,
        status: order.status(),
        last_modified: order.last_modified,
        lines: lines.collect(),
        fulfilments: world
            .fulfilments_of(order.id)
            .into_iter()
            .map(fulfilment_book)
            .collect(),
        invoices: invoice_books(world, order.id),
        custom_fields: order.custom.clone(),
        field_history: world.field_history.get(&order.id).cloned().unwrap_or_default(),
    }
}

fn invoice_books(world: &World, order: u64) -> Vec<InvoiceBook> {
    let own = world.invoices.values().filter(|invoice| invoice.order == order);
    own.map(|invoice| InvoiceBook {
        id: invoice.id,
        number: invoice.tran_id.clone(),
        voided: invoice.voided,
        lines: invoice
            .lines
            .iter()
            .map(|line| (line.order_line, line.quantity))
            .collect(),
        custom_fields: invoice.custom.clone(),
    })
    .collect()
}

fn fulfilment_book(fulfilment: &Fulfilment) -> FulfilmentBook {
    FulfilmentBook {
        id: fulfilment.id,
        number: fulfilment.tran_id.clone(),
        external_id: fulfilment.external_id.clone(),
        made_by: fulfilment.made_by.clone(),
        status: fulfilment.status,
        lines: fulfilment
            .lines
            .iter()
            .map(|line| (line.order_line, line.quantity))
            .collect(),
        tracking_numbers: fulfilment.tracking_numbers().into_iter().map(str::to_owned).collect(),
        empty_packages: fulfilment
            .packages
            .iter()
            .filter(|package| package.tracking.is_none())
            .count(),
        custom_fields: fulfilment.custom.clone(),
        created: fulfilment.created,
    }
}

fn duplicates(world: &World, orders: &BTreeMap<String, OrderBook>) -> Duplicates {
    let over = |order: &SalesOrder| order.lines.iter().any(|line| line.fulfilled > line.quantity);
    let empty = |one: &&Fulfilment| one.packages.iter().any(|package| package.tracking.is_none());
    Duplicates {
        tracking_numbers: repeated_numbers(world),
        over_fulfilled: world
            .orders
            .values()
            .filter(|order| over(order))
            .map(|order| order.tran_id.clone())
            .collect(),
        empty_packages: world
            .fulfilments
            .values()
            .filter(empty)
            .map(|one| one.tran_id.clone())
            .collect(),
        identical: orders
            .values()
            .flat_map(|order| identical(&order.fulfilments))
            .collect(),
    }
}

fn repeated_numbers(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for fulfilment in world.fulfilments.values() {
        for number in fulfilment.tracking_numbers() {
            found
                .entry(number.to_owned())
                .or_default()
                .push(fulfilment.tran_id.clone());
        }
    }
    found.retain(|_, places| places.len() > 1);
    found
}

fn identical(fulfilments: &[FulfilmentBook]) -> Vec<(String, String)> {
    let same = |one: &FulfilmentBook, other: &FulfilmentBook| {
        one.lines == other.lines && one.tracking_numbers == other.tracking_numbers
    };
    let pairs = fulfilments
        .iter()
        .enumerate()
        .flat_map(|(index, one)| fulfilments.iter().skip(index + 1).map(move |other| (one, other)));
    pairs
        .filter(|(one, other)| same(one, other))
        .map(|(one, other)| (one.number.clone(), other.number.clone()))
        .collect()
}
