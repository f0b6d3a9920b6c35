//! A customer as the ERP's master data states it, and an open order at a desk that tells of the customer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Address, DocumentId, LineId, Money};

/// Values of the desk's own fields, by their names there (`custom_field1`).
pub type CustomerFields = BTreeMap<String, String>;

/// Who ordered, by the ERP's master data and as an open order shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The ERP's internal id.
    pub id: String,
    /// The number that people know.
    pub number: String,
    /// The name.
    pub name: String,
    /// The company, where it is one.
    pub company: Option<String>,
    /// Addresses of electronic mail, the first is the main one.
    pub emails: Vec<String>,
    /// Telephone numbers, the first is the main one.
    pub phones: Vec<String>,
    /// The account above, and the one above that, and so on: number and name.
    pub above: Vec<(String, String)>,
    /// What the connection wants in the desk's own fields.
    pub fields: CustomerFields,
}

/// An open sales order as it is to stand at a desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeskOrder {
    /// The ERP's document; its key at the desk follows from it and never changes.
    pub document: DocumentId,
    /// The number that people know.
    pub number: String,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// When the ERP last changed it or its customer.
    pub modified: Timestamp,
    /// Who ordered.
    pub customer: Customer,
    /// Where it goes.
    pub ship_to: Address,
    /// Where the invoice goes.
    pub bill_to: Option<Address>,
    /// The currency of its prices, ISO 4217.
    pub currency: Option<String>,
    /// How it asks to be shipped, in the ERP's words.
    pub ship_method: Option<String>,
    /// What is still to be shipped.
    pub lines: Vec<DeskOrderLine>,
    /// Whether it is open: one that is not is only looked at to be taken away.
    pub open: bool,
}

/// Goods of an open order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeskOrderLine {
    /// The ERP's line.
    pub line: LineId,
    /// What people order it by.
    pub sku: String,
    /// What it is, in words.
    pub name: Option<String>,
    /// How many are still to be shipped.
    pub quantity: Decimal,
    /// The price of one.
    pub unit_price: Option<Money>,
    /// The weight of one.
    pub weight: Option<super::Weight>,
}
