//! Stock by location, condition and SKU: the Inventory add-on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::model::{Id, Kind, PartState, State};

/// In which condition goods are.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// To be sold.
    #[default]
    Sellable,
    /// Broken.
    Damaged,
    /// Too old.
    Expired,
    /// To be looked at.
    QaHold,
}

/// An inventory warehouse, which is none that parcels leave from, or a location in one.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) id: Id,
    pub(super) name: String,
    /// A location's warehouse.
    pub(super) warehouse: Option<Id>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// What lies at one location of one SKU.
#[derive(Clone, Debug, Default)]
pub(super) struct Pile {
    pub(super) on_hand: BTreeMap<Condition, i64>,
    pub(super) cost: Option<(Decimal, String)>,
}

/// A change of stock that was accepted.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The transaction type, or `shipped`.
    pub kind: String,
    /// The location.
    pub location: u64,
    /// The SKU.
    pub sku: String,
    /// The quantity, as told.
    pub quantity: i64,
}

/// All stock.
#[derive(Clone, Debug)]
pub(super) struct Stock {
    pub(super) warehouses: BTreeMap<Id, Container>,
    pub(super) locations: BTreeMap<Id, Container>,
    pub(super) piles: BTreeMap<(Id, String), Pile>,
    pub(super) changes: Vec<Change>,
}

impl Stock {
    /// A new account has one warehouse with two locations, `se-5001` with `se-5101` and `se-5102`.
    pub(super) fn of_a_new_account() -> Self {
        let container = |id, name: &str, warehouse| {
            let container = Container {
                id,
                name: name.to_owned(),
                warehouse,
                created_at: Timestamp::UNIX_EPOCH,
                updated_at: Timestamp::UNIX_EPOCH,
            };
            (id, container)
        };
        Self {
            warehouses: [container(5001, "Timonium", None)].into(),
            locations: [
                container(5101, "Timonium main", Some(5001)),
                container(5102, "Timonium overflow", Some(5001)),
            ]
            .into(),
            piles: BTreeMap::new(),
            changes: Vec::new(),
        }
    }

    /// What lies there in this condition.
    pub(super) fn in_condition(&self, location: Id, sku: &str, condition: Condition) -> i64 {
        let pile = self.piles.get(&(location, sku.to_owned()));
        pile.and_then(|pile| pile.on_hand.get(&condition)).copied().unwrap_or(0)
    }

    /// Sets what lies there in this condition.
    pub(super) fn set(&mut self, location: Id, sku: &str, condition: Condition, quantity: i64) {
        let pile = self.piles.entry((location, sku.to_owned())).or_default();
        pile.on_hand.insert(condition, quantity);
    }

    /// Where each SKU's orders are filled from: the first location that knows it.
    pub(super) fn homes(&self) -> BTreeMap<&str, Id> {
        let latest_first = self.piles.keys().rev();
        latest_first.map(|(location, sku)| (sku.as_str(), *location)).collect()
    }
}

impl State {
    /// How many of each SKU open orders wait for.
    pub(super) fn ordered(&self) -> BTreeMap<&str, i64> {
        let mut counts = BTreeMap::new();
        for order in self.orders.values().filter(|order| order.may_change()) {
            let open = order.parts.iter().filter(|part| part.state == PartState::Open);
            for (line, count) in open.flat_map(|part| &part.takes) {
                if let Some(sku) = order.line(*line).and_then(|line| line.sku.as_deref()) {
                    *counts.entry(sku).or_default() += i64::from(*count);
                }
            }
        }
        counts
    }

    /// A label takes its contents out of the stock, where the options want that.
    pub(super) fn take_stock(&mut self, label: Id, now: Timestamp) {
        self.move_stock(label, -1, now);
    }

    /// A voided label puts them back.
    pub(super) fn give_stock_back(&mut self, label: Id, now: Timestamp) {
        self.move_stock(label, 1, now);
    }

    fn move_stock(&mut self, label: Id, sign: i64, now: Timestamp) {
        if !(self.options.inventory && self.options.shipping_takes_stock) {
            return;
        }
        let Some(label) = self.labels.get(&label) else { return };
        let Some(order) = self.orders.get(&label.order) else {
            return;
        };
        let moved: Vec<(String, i64)> = label
            .takes
            .iter()
            .filter_map(|(line, count)| Some((order.line(*line)?.sku.clone()?, i64::from(*count) * sign)))
            .collect();
        for (sku, by) in moved {
            let Some(location) = self.stock.homes().get(sku.as_str()).copied() else {
                continue;
            };
            let there = self.stock.in_condition(location, &sku, Condition::Sellable);
            self.stock.set(location, &sku, Condition::Sellable, there + by);
            self.stock.changes.push(Change {
                at: now,
                kind: "shipped".to_owned(),
                location,
                sku,
                quantity: by,
            });
        }
    }

    /// A new inventory warehouse, or a location in one.
    pub(super) fn add_container(&mut self, name: &str, warehouse: Option<Id>, now: Timestamp) -> Id {
        let id = self.next(Kind::Container);
        let container = Container {
            id,
            name: name.to_owned(),
            warehouse,
            created_at: now,
            updated_at: now,
        };
        if warehouse.is_some() {
            self.stock.locations.insert(id, container);
        } else {
            self.stock.warehouses.insert(id, container);
        }
        id
    }
}
