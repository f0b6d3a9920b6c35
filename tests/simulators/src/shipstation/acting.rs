//! What people do in ShipStation, as data: for tests in process and for the control route.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::model::{Address, Scan, Standing};

/// What a person does.
///
/// As JSON: `{"act":"buy","order":"SO10045","takes":[{"item":"W-1","quantity":1}],"packages":2}`. An `order` is named by
/// its number, its key, its id or, to mean one part of a split order, the part's id (with or without `se-`); where two
/// orders have the same number, the older one is meant. A `label` is named by its id or a tracking number.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Enters an order.
    Enter(Box<NewOrder>),
    /// Changes an open order.
    Edit {
        /// The order.
        order: String,
        /// Where it goes from now on.
        #[serde(default)]
        ship_to: Option<Address>,
        /// Its new number.
        #[serde(default)]
        number: Option<String>,
    },
    /// Buys a label.
    Buy(Buy),
    /// Buys labels together, in one batch.
    BuyBatch {
        /// Each of them.
        buys: Vec<Buy>,
    },
    /// Marks what is left of an order as shipped, with an external tracking number.
    MarkShipped {
        /// The order, or a part of it.
        order: String,
        /// The carrier's code.
        carrier: String,
        /// The tracking number.
        tracking_number: String,
    },
    /// Buys a return label.
    ReturnLabel {
        /// The outbound label.
        label: String,
    },
    /// Voids a label.
    Void {
        /// The label.
        label: String,
    },
    /// Takes back an external tracking number.
    VoidFulfilment {
        /// The fulfilment.
        fulfilment: u64,
    },
    /// The carrier scans a parcel.
    Scan {
        /// The label.
        label: String,
        /// What it says.
        scan: Scan,
    },
    /// The carrier takes a parcel to its door.
    Deliver {
        /// The label.
        label: String,
    },
    /// Cancels an order.
    Cancel {
        /// The order.
        order: String,
    },
    /// Holds an order.
    Hold {
        /// The order.
        order: String,
        /// Until when.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// Releases an order, or notes that it is paid.
    Release {
        /// The order.
        order: String,
    },
    /// Tags an order.
    Tag {
        /// The order.
        order: String,
        /// The tag's name.
        tag: String,
    },
    /// Enters a product.
    Product {
        /// Its SKU.
        sku: String,
        /// Its name.
        name: String,
    },
    /// Counts what lies at a location and is to be sold.
    Count {
        /// The SKU.
        sku: String,
        /// The inventory location.
        location: u64,
        /// How many there are.
        on_hand: i64,
    },
    /// ShipStation signs by a new key.
    RotateKey {
        /// Whether the page of keys still tells the old ones.
        #[serde(default)]
        keep_old: bool,
    },
    /// ShipStation sends notices of the past again.
    Again {
        /// Those whose body contains this text.
        #[serde(default)]
        containing: String,
        /// How often.
        times: usize,
    },
}

/// An order that people enter.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewOrder {
    /// Its number.
    pub number: String,
    /// Its store; left out: the first.
    pub store: Option<u64>,
    /// The key of the system that it came from; left out: its own id.
    pub key: Option<String>,
    /// Where it goes; left out: to a buyer in Georgia.
    pub ship_to: Option<Address>,
    /// The customer's e-mail.
    pub email: Option<String>,
    /// The customer's name for himself.
    pub username: Option<String>,
    /// What was ordered.
    pub items: Vec<NewItem>,
    /// Three fields for whatever people want.
    pub custom_fields: [Option<String>; 3],
    /// The carrier's code.
    pub carrier: Option<String>,
    /// The service's code.
    pub service: Option<String>,
    /// Where it stands.
    pub standing: Standing,
    /// The number of the sales order that it stands for.
    pub external_order_id: Option<String>,
}

/// A line of an order that people enter.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewItem {
    /// The SKU.
    pub sku: String,
    /// What it is; left out: the SKU.
    pub name: Option<String>,
    /// How many.
    pub quantity: u32,
    /// What one costs.
    pub unit_price: Option<Decimal>,
    /// The key of the system that it came from.
    pub key: Option<String>,
    /// What one weighs, in ounces.
    pub weight: Option<Decimal>,
}

/// A label that people buy.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Buy {
    /// The order, or a part of it.
    pub order: String,
    /// What is to be inside; empty: all that is left.
    pub takes: Vec<Take>,
    /// How many packages; 0 is one.
    pub packages: usize,
    /// The carrier's code; left out: the order's, or UPS.
    pub carrier: Option<String>,
    /// The service's code; left out: the order's, or the carrier's usual one.
    pub service: Option<String>,
}

/// So many of a line.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// The line, by its key or its SKU.
    pub item: String,
    /// How many.
    pub quantity: u32,
}

/// What was bought.
#[derive(Clone, Debug, Serialize)]
pub struct Bought {
    /// The label: V2's `label_id` without `se-`, V1's `shipmentId`.
    pub label: u64,
    /// The order.
    pub order: u64,
    /// The part: V2's `shipment_id` without `se-`.
    pub part: u64,
    /// The batch.
    pub batch: u64,
    /// The tracking number of each package.
    pub tracking_numbers: Vec<String>,
}

impl NewOrder {
    /// An order of one line for each SKU and quantity.
    pub fn of(number: &str, items: &[(&str, u32)]) -> Self {
        let item = |(sku, quantity): &(&str, u32)| NewItem {
            sku: (*sku).to_owned(),
            quantity: *quantity,
            ..NewItem::default()
        };
        Self {
            number: number.to_owned(),
            items: items.iter().map(item).collect(),
            ..Self::default()
        }
    }
}

impl Buy {
    /// A label for all that is left of an order.
    pub fn all_of(order: &str) -> Self {
        Self {
            order: order.to_owned(),
            ..Self::default()
        }
    }

    /// A label for so many of some lines.
    pub fn part_of(order: &str, takes: &[(&str, u32)]) -> Self {
        let take = |(item, quantity): &(&str, u32)| Take {
            item: (*item).to_owned(),
            quantity: *quantity,
        };
        Self {
            order: order.to_owned(),
            takes: takes.iter().map(take).collect(),
            ..Self::default()
        }
    }
}
