//! An ERP document as the ERP states it at one moment.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Address, DocumentId, LineId, LocationId, Money, Weight};

/// Whether a document may ship, by the ERP's state and the connection's choice of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "standing", content = "reason")]
pub enum Standing {
    /// It is selected and its state allows shipping.
    Ready,
    /// It is not selected, or not yet; the reason in plain words.
    Waiting(String),
    /// It was cancelled.
    Cancelled,
    /// It was closed, or everything has been billed and shipped.
    Closed,
}

/// How the order asks to be shipped, in the ERP's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipMethod {
    /// The ERP's id of the method.
    pub id: String,
    /// The name that people know.
    pub name: Option<String>,
}

/// One document with its lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The document.
    pub document: DocumentId,
    /// The number that people know.
    pub number: String,
    /// Whether it may ship.
    pub standing: Standing,
    /// The customer's own number for it.
    pub customer_reference: Option<String>,
    /// What stands in the field that we write tracking numbers to; `None` where there is no such field, or it is empty.
    pub tracking_shown: Option<String>,
    /// How it asks to be shipped.
    pub ship_method: Option<ShipMethod>,
    /// The currency of its prices, ISO 4217.
    pub currency: Option<String>,
    /// Where it goes, where a line does not say otherwise.
    pub ship_to: Address,
    /// Every line that names goods, shipped or not.
    pub lines: Vec<OrderLine>,
}

/// One line of goods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The ERP's id of the line.
    pub id: LineId,
    /// What a person orders it by.
    pub sku: String,
    /// What it is, in words.
    pub description: Option<String>,
    /// How many the customer ordered.
    pub ordered: Decimal,
    /// How many the ERP shows as shipped.
    pub fulfilled: Decimal,
    /// How many of the rest are ready to ship now.
    pub ready: Decimal,
    /// Whether the line is goods that travel (a service does not) and is not closed.
    pub shippable: bool,
    /// The weight of one, where the item has one.
    pub weight: Option<Weight>,
    /// The price of one.
    pub unit_price: Option<Money>,
    /// Where it was made, ISO 3166-1 alpha-2.
    pub origin_country: Option<String>,
    /// The tariff code.
    pub tariff_code: Option<String>,
    /// Where it leaves.
    pub location: Option<LocationId>,
    /// Where this line goes, if not where the order goes.
    pub ship_to: Option<Address>,
}

impl OrderLine {
    /// How many the ERP still expects to be shipped.
    pub fn remaining(&self) -> Decimal {
        if self.shippable {
            (self.ordered - self.fulfilled).max(Decimal::ZERO)
        } else {
            Decimal::ZERO
        }
    }
}

impl Order {
    /// The line with this id.
    pub fn line(&self, id: &LineId) -> Option<&OrderLine> {
        self.lines.iter().find(|line| line.id == *id)
    }

    /// Where a line goes.
    pub fn ship_to_of<'a>(&'a self, line: &'a OrderLine) -> &'a Address {
        line.ship_to.as_ref().unwrap_or(&self.ship_to)
    }
}
