//! An ERP document as the ERP states it at one moment.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Address, Dimensions, DocumentId, LineId, LocationId, Money, Weight};

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

/// Who sells the goods of a purchase order, or is to sell those of a requisition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplier {
    /// The ERP's id, or the number that people know where that is what the ERP names it by.
    pub id: String,
    /// The number that people know, where that is not the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The name that people know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The supplier's site, by the name that people know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Where the goods leave, where the ERP says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// The line of an earlier document that a line came from: a requisition becomes a purchase order, and ships once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The earlier document.
    pub document: DocumentId,
    /// Its line.
    pub line: LineId,
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
    /// Where the invoice goes, where the ERP says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_to: Option<Address>,
    /// Who sells the goods; `None` for our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Supplier>,
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
    /// The outer size of one, where the item has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<Dimensions>,
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
    /// Who bears the cost; several are joined by `+`, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_centre: Option<String>,
    /// The lines of earlier documents that it came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came_from: Vec<Origin>,
    /// Why it cannot ship as it stands, and what mends that, in plain words without personal data: something in the ERP is
    /// missing or cannot be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<String>,
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
    /// The earlier documents that its lines came from, each once.
    pub fn origins(&self) -> BTreeSet<&DocumentId> {
        let origins = self.lines.iter().flat_map(|line| &line.came_from);
        origins.map(|origin| &origin.document).collect()
    }

    /// The line with this id.
    pub fn line(&self, id: &LineId) -> Option<&OrderLine> {
        self.lines.iter().find(|line| line.id == *id)
    }

    /// Where a line goes.
    pub fn ship_to_of<'a>(&'a self, line: &'a OrderLine) -> &'a Address {
        line.ship_to.as_ref().unwrap_or(&self.ship_to)
    }
}
