//! The books of the simulated ShipStation: what really came, left, was voided, counted and told.

use std::collections::BTreeMap;

use serde::Serialize;

use super::limits::Traffic;
use super::model::{Batch, Customer, Fulfilment, Hook, Label, Order, Product, Standing, State, Tag};
use super::notices::PushBooks;
use super::stock::{Change, Condition};
use crate::requests::RequestCounts;

/// What really happened, whatever callers were told.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    /// Every order, in the order of coming, with its parts.
    pub orders: Vec<Order>,
    /// Where each stands.
    pub statuses: BTreeMap<u64, Standing>,
    /// Every label, voided ones too.
    pub labels: Vec<Label>,
    /// Every fulfilment, voided ones too.
    pub fulfilments: Vec<Fulfilment>,
    /// Every batch.
    pub batches: Vec<Batch>,
    /// Every customer's profile.
    pub customers: Vec<Customer>,
    /// Every product.
    pub products: Vec<Product>,
    /// Every tag.
    pub tags: Vec<Tag>,
    /// What lies where.
    pub stock: Vec<Level>,
    /// Every change of stock that was accepted, in order.
    pub stock_changes: Vec<Change>,
    /// The subscriptions.
    pub hooks: Vec<Hook>,
    /// How the calls of each key came.
    pub traffic: BTreeMap<String, Traffic>,
    /// What became of the notices.
    pub pushes: PushBooks,
    /// Requests by operation and how many ran at once.
    pub requests: RequestCounts,
}

/// What lies at one location of one SKU in one condition.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Level {
    /// The SKU.
    pub sku: String,
    /// The location.
    pub location: u64,
    /// The condition.
    pub condition: Condition,
    /// How many.
    pub on_hand: i64,
}

impl Books {
    pub(super) fn of(state: &State, requests: RequestCounts) -> Self {
        let calls = state.calls.iter();
        Self {
            orders: state.orders.values().cloned().collect(),
            statuses: state.orders.values().map(|order| (order.id, order.status())).collect(),
            labels: state.labels.values().cloned().collect(),
            fulfilments: state.fulfilments.values().cloned().collect(),
            batches: state.batches.values().cloned().collect(),
            customers: state.customers.values().cloned().collect(),
            products: state.products.values().cloned().collect(),
            tags: state.tags.clone(),
            stock: levels(state),
            stock_changes: state.stock.changes.clone(),
            hooks: state.hooks.clone(),
            traffic: calls.map(|(key, calls)| (key.clone(), calls.traffic())).collect(),
            pushes: state.pushed.clone(),
            requests,
        }
    }

    /// The orders with this number, the oldest first.
    pub fn numbered<'a>(&'a self, number: &'a str) -> impl Iterator<Item = &'a Order> {
        self.orders.iter().filter(move |order| order.number == number)
    }

    /// The labels of an order, voided ones too.
    pub fn labels_of(&self, order: u64) -> impl Iterator<Item = &Label> {
        self.labels.iter().filter(move |label| label.order == order)
    }

    /// What lies at a location of a SKU, in all conditions; nothing if it was never told of.
    pub fn on_hand(&self, sku: &str, location: u64) -> Option<i64> {
        let own = self
            .stock
            .iter()
            .filter(|level| level.sku == sku && level.location == location);
        own.map(|level| level.on_hand).reduce(|sum, count| sum + count)
    }

    /// The most calls of a key in any 60 seconds, refused ones too.
    pub fn most_in_60_s(&self, key: &str) -> usize {
        self.traffic.get(key).map_or(0, |traffic| traffic.most_in_60_s)
    }

    /// How many requests asked for an operation.
    pub fn asked(&self, operation: &str) -> u64 {
        self.requests.by_operation.get(operation).copied().unwrap_or_default()
    }
}

fn levels(state: &State) -> Vec<Level> {
    let piles = state.stock.piles.iter();
    let of_pile = piles.flat_map(|((location, sku), pile)| {
        pile.on_hand.iter().map(|(condition, on_hand)| Level {
            sku: sku.clone(),
            location: *location,
            condition: *condition,
            on_hand: *on_hand,
        })
    });
    of_pile.collect()
}
