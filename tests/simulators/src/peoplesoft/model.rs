//! The records of the installation: documents with their lines, schedules and distributions, and the effective-dated
//! addresses and weights that they refer to.
//!
//! Quirks: identifiers have leading zeros; items, vendors and locations belong to a SETID that is not the business unit;
//! `LAST_DTTM_UPDATE` is the database server's local time and is stored without an offset.

use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The two kinds of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DocType {
    /// A purchase order.
    Po,
    /// A requisition.
    Req,
}

impl DocType {
    /// `PO` or `REQ`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Po => "PO",
            Self::Req => "REQ",
        }
    }

    /// The kind of that code.
    pub fn of(code: &str) -> Option<Self> {
        [Self::Po, Self::Req].into_iter().find(|kind| kind.code() == code)
    }
}

/// What names a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocKey {
    /// `BUSINESS_UNIT`
    pub business_unit: String,
    /// Its kind.
    pub doc_type: DocType,
    /// `PO_ID` or `REQ_ID`: ten digits with leading zeros.
    pub id: String,
}

impl DocKey {
    /// The key of a document.
    pub fn new(business_unit: &str, doc_type: DocType, id: &str) -> Self {
        Self {
            business_unit: business_unit.into(),
            doc_type,
            id: id.into(),
        }
    }
}

impl std::fmt::Display for DocKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}/{}", self.business_unit, self.doc_type.code(), self.id)
    }
}

/// A business unit with the SETIDs that its record groups point to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessUnit {
    /// Five characters.
    pub id: String,
    /// The SETID of its items.
    pub item_setid: String,
    /// The SETID of its vendors.
    pub vendor_setid: String,
    /// The SETID of its locations.
    pub location_setid: String,
}

/// A purchase order or requisition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// What names it.
    pub key: DocKey,
    /// `PO_STATUS` or `REQ_STATUS`.
    pub status: String,
    /// `HOLD_STATUS`
    pub hold: bool,
    /// The vendor of the whole document.
    pub vendor: VendorRef,
    /// `PO_REF`
    pub reference: String,
    /// `BILL_LOCATION`
    pub bill_location: String,
    /// `CURRENCY_CD`
    pub currency: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// `LAST_DTTM_UPDATE`, in the database server's local time.
    pub last_update: DateTime,
}

/// Which vendor, and which of its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorRef {
    /// `VENDOR_SETID`
    pub setid: String,
    /// `VENDOR_ID`, with leading zeros.
    pub id: String,
    /// `VNDR_LOC`
    pub location: String,
    /// `ADDRESS_SEQ_NUM`
    pub address: i64,
}

/// A line of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// `LINE_NBR`
    pub number: i64,
    /// `ITM_SETID`
    pub item_setid: String,
    /// `INV_ITEM_ID`; empty where something is bought that is no item.
    pub item: String,
    /// `DESCR254_MIXED`
    pub description: String,
    /// `UNIT_OF_MEASURE`, in the customer's own codes.
    pub unit: String,
    /// A vendor of its own: the lines of a requisition may have several.
    pub vendor: Option<VendorRef>,
    /// Its schedules.
    pub schedules: Vec<Schedule>,
}

/// When and where a part of a line is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// `SCHED_NBR`
    pub number: i64,
    /// `CANCEL_STATUS`: `A` active, `C` closed, `H` hold, `X` cancelled.
    pub status: String,
    /// `SHIPTO_SETID`
    pub ship_to_setid: String,
    /// `SHIPTO_ID`
    pub ship_to: String,
    /// `QTY_PO` or `QTY_REQ`
    pub quantity: Decimal,
    /// `PRICE_PO` or `PRICE_REQ`
    pub price: Decimal,
    /// `QTY_RECV`
    pub received: Decimal,
    /// `CARRIER_ID`
    pub carrier: String,
    /// `SHIP_TYPE_ID`
    pub ship_type: String,
    /// `FREIGHT_TERMS`
    pub freight_terms: String,
    /// Who pays for it.
    pub distributions: Vec<Distribution>,
}

/// A share of a schedule that one department pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// `DISTRIB_LINE_NUM`
    pub number: i64,
    /// `DEPTID`
    pub department: String,
    /// The requisition that it came from.
    pub requisition: Option<RequisitionLink>,
}

/// Where a distribution of an order came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequisitionLink {
    /// `BUSINESS_UNIT_REQ`
    pub business_unit: String,
    /// `REQ_ID`
    pub id: String,
    /// `REQ_LINE_NBR`
    pub line: i64,
    /// `REQ_SCHED_NBR`
    pub schedule: i64,
}

/// A postal address as the records spell it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// `ADDRESS1` to `ADDRESS4`
    pub lines: [String; 4],
    /// `CITY`
    pub city: String,
    /// `STATE`
    pub state: String,
    /// `POSTAL`
    pub postal: String,
    /// `COUNTRY`, three letters.
    pub country: String,
}

impl Address {
    /// An address in the United States with one line of street.
    pub fn us(street: &str, city: &str, state: &str, postal: &str) -> Self {
        Self {
            lines: [street.into(), String::new(), String::new(), String::new()],
            city: city.into(),
            state: state.into(),
            postal: postal.into(),
            country: "USA".into(),
        }
    }
}

/// What holds from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated<T> {
    /// `EFFDT`
    pub from: Date,
    /// `EFF_STATUS` is `A`.
    pub active: bool,
    /// What holds.
    pub value: T,
}

/// The rows of one key, the oldest first; one for each day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History<T>(Vec<Dated<T>>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> History<T> {
    /// Adds a row; one of the same day is corrected.
    pub fn put(&mut self, row: Dated<T>) {
        self.0.retain(|one| one.from != row.from);
        self.0.push(row);
        self.0.sort_by_key(|one| one.from);
    }

    /// All rows, the oldest first.
    pub fn all(&self) -> &[Dated<T>] {
        &self.0
    }

    /// The newest row that is not in the future.
    pub fn current(&self, today: Date) -> Option<&Dated<T>> {
        self.0.iter().rev().find(|row| row.from <= today)
    }

    /// The newest row that is not in the future, among the active ones.
    pub fn current_active(&self, today: Date) -> Option<&Dated<T>> {
        self.0.iter().rev().find(|row| row.from <= today && row.active)
    }
}

/// A location: where goods go, or where the invoice goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// `DESCR`
    pub description: String,
    /// `ATTN_TO`
    pub attention: String,
    /// Where it is.
    pub address: Address,
    /// `PHONE`
    pub phone: String,
}

/// A vendor with its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vendor {
    /// `NAME1`
    pub name: String,
    /// The addresses by `ADDRESS_SEQ_NUM`.
    pub addresses: std::collections::BTreeMap<i64, History<VendorAddress>>,
}

/// An address of a vendor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VendorAddress {
    /// Where it is.
    pub address: Address,
    /// `PHONE`
    pub phone: String,
    /// `EMAILID`
    pub email: String,
}

/// An item: its master record and the effective-dated measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// `DESCR254`
    pub description: String,
    /// `UNIT_MEASURE_STD`
    pub unit: String,
    /// The measures.
    pub measures: History<Measures>,
}

/// Weight and size of one standard unit of an item; nought where nobody has measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measures {
    /// `INV_ITEM_WEIGHT`
    pub weight: Decimal,
    /// `UNIT_MEASURE_WT`, in the customer's own codes.
    pub weight_unit: String,
    /// `INV_ITEM_LENGTH`, `INV_ITEM_WIDTH` and `INV_ITEM_HEIGHT`
    pub size: [Decimal; 3],
    /// `UNIT_MEASURE_DIM`
    pub size_unit: String,
    /// `HARMONIZED_CD`
    pub harmonized: String,
    /// `COUNTRY_IST_ORIGIN`
    pub origin: String,
}

impl Measures {
    /// A weight without a size.
    pub fn weighing(weight: Decimal, unit: &str) -> Self {
        Self {
            weight,
            weight_unit: unit.into(),
            ..Self::default()
        }
    }
}
