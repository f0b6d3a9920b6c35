//! What really happened in the pod, for tests and the demo: orders with their change orders, the flexfields in force,
//! notes, writes, tokens and load.

use super::access::TokenCounts;
use super::model::{ChangeState, Content, FlexValues, Id, Order, Status};
use super::world::World;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The books of the pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// Orders by number.
    pub orders: BTreeMap<String, OrderBook>,
    /// What the token endpoint did.
    pub tokens: TokenCounts,
    /// Requests by operation.
    pub requests: BTreeMap<String, u64>,
    /// Load and refusals.
    pub traffic: Traffic,
}

/// What the pod put up with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The most requests in progress at once.
    pub peak_concurrency: u32,
    /// Requests refused for their credentials.
    pub refused_logins: u64,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderBook {
    /// `POHeaderId`.
    pub id: Id,
    /// State.
    pub status: Status,
    /// Changes applied.
    pub revision: u32,
    /// When it was entered.
    pub created: Timestamp,
    /// When anything of it was last committed.
    pub last_updated: Timestamp,
    /// Carrier of the header.
    pub carrier: Option<String>,
    /// Note to the supplier in force.
    pub note_to_supplier: Option<String>,
    /// Note to the receiver in force.
    pub note_to_receiver: Option<String>,
    /// The header's flexfield in force.
    pub flexfield: BTreeMap<String, Value>,
    /// Lines by number.
    pub lines: BTreeMap<u32, LineBook>,
    /// Change orders, oldest first.
    pub changes: Vec<ChangeBook>,
    /// Writes through the interface that succeeded, actions included.
    pub writes: u64,
    /// Times that a change of it went to the supplier.
    pub communicated: u64,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineBook {
    /// Item number.
    pub item: Option<String>,
    /// Ordered in all schedules.
    pub quantity: Decimal,
    /// Schedules by number.
    pub schedules: BTreeMap<u32, ScheduleBook>,
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleBook {
    /// `LineLocationId`.
    pub id: Id,
    /// Ordered.
    pub quantity: Decimal,
    /// Received.
    pub received: Decimal,
    /// Code of the ship-to location.
    pub location: String,
    /// Carrier.
    pub carrier: Option<String>,
    /// Cancelled by itself.
    pub canceled: bool,
    /// Its flexfield in force.
    pub flexfield: BTreeMap<String, Value>,
}

/// One change order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeBook {
    /// Number within the order.
    pub number: u32,
    /// Who made it.
    pub by: String,
    /// How far it is.
    pub state: ChangeState,
    /// What it says in the header's flexfield.
    pub flexfield: BTreeMap<String, Value>,
    /// What it says in the flexfields of schedules, by `LineLocationId`; schedules without one are absent.
    pub schedule_flexfields: BTreeMap<Id, BTreeMap<String, Value>>,
    /// What it says to the supplier.
    pub note_to_supplier: Option<String>,
    /// What it says to the receiver.
    pub note_to_receiver: Option<String>,
    /// When it was begun.
    pub created: Timestamp,
    /// When it last moved.
    pub last_updated: Timestamp,
}

impl OrderBook {
    /// The change orders that stand.
    pub fn standing(&self) -> Vec<&ChangeBook> {
        self.changes.iter().filter(|change| change.state.stands()).collect()
    }

    /// The change orders by their states.
    pub fn in_state(&self, state: ChangeState) -> Vec<&ChangeBook> {
        self.changes.iter().filter(|change| change.state == state).collect()
    }
}

/// The orders as they stand, by number.
pub(super) fn orders(world: &World) -> BTreeMap<String, OrderBook> {
    let book = |order: &Order| (order.number.clone(), order_book(world, order));
    world.orders.values().map(book).collect()
}

fn order_book(world: &World, order: &Order) -> OrderBook {
    let content = &order.content;
    OrderBook {
        id: order.id,
        status: world.shown_status(order),
        revision: order.revision,
        created: order.created,
        last_updated: order.last_updated,
        carrier: content.carrier.clone(),
        note_to_supplier: content.note_to_supplier.clone(),
        note_to_receiver: content.note_to_receiver.clone(),
        flexfield: segments(content.flexfield.as_ref()),
        lines: lines(world, order, content),
        changes: order.changes.iter().map(change_book).collect(),
        writes: order.writes,
        communicated: order.communicated,
    }
}

fn change_book(change: &super::model::ChangeOrder) -> ChangeBook {
    let schedules = change
        .content
        .schedules()
        .filter(|schedule| schedule.flexfield.is_some());
    let filled = schedules.map(|schedule| (schedule.id, segments(schedule.flexfield.as_ref())));
    ChangeBook {
        number: change.number,
        by: change.by.clone(),
        state: change.state,
        flexfield: segments(change.content.flexfield.as_ref()),
        schedule_flexfields: filled.collect(),
        note_to_supplier: change.content.note_to_supplier.clone(),
        note_to_receiver: change.content.note_to_receiver.clone(),
        created: change.created,
        last_updated: change.last_updated,
    }
}

fn lines(world: &World, order: &Order, content: &Content) -> BTreeMap<u32, LineBook> {
    let location = |id: &Id| world.locations.get(id).map(|one| one.code.clone()).unwrap_or_default();
    let book = |line: &super::model::Line| {
        let schedules = line.schedules.iter().map(|schedule| {
            let book = ScheduleBook {
                id: schedule.id,
                quantity: schedule.quantity,
                received: order.received(schedule.id),
                location: location(&schedule.location),
                carrier: schedule.carrier.clone(),
                canceled: schedule.canceled,
                flexfield: segments(schedule.flexfield.as_ref()),
            };
            (schedule.number, book)
        });
        let book = LineBook {
            item: line.item_number.clone(),
            quantity: line.quantity(),
            schedules: schedules.collect(),
        };
        (line.number, book)
    };
    content.lines.iter().map(book).collect()
}

fn segments(values: Option<&FlexValues>) -> BTreeMap<String, Value> {
    values.map(|values| values.segments.clone()).unwrap_or_default()
}
