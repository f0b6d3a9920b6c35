//! The records of the simulated account as plain values, and what follows from them alone: the status of an order,
//! what of a line can still ship. Nothing here knows HTTP or JSON bodies.
//!
//! Quirks kept: line numbers are not sequential; the phone may stand on the customer only; `committed` is what is
//! committed now and falls as lines are fulfilled; only a fulfilment with status C moves the order's status.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// An internal id. Ids of different record types never collide in one account.
pub type Id = u64;

/// A postal address; an empty field is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Company or person at the top of the address.
    pub addressee: String,
    /// The contact.
    pub attention: String,
    /// First street line.
    pub addr1: String,
    /// Second street line.
    pub addr2: String,
    /// Third street line.
    pub addr3: String,
    /// City.
    pub city: String,
    /// State or province code.
    pub state: String,
    /// Postal code.
    pub zip: String,
    /// ISO country code of two letters.
    pub country: String,
    /// Phone; often empty here and present on the customer.
    pub phone: String,
}

/// A customer; an empty field is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// Internal id.
    pub id: Id,
    /// The number and name that people see, such as `CUST-12 Hudson Supply`.
    pub entity_id: String,
    /// Company name.
    pub company: String,
    /// First name, of a person.
    pub first_name: String,
    /// Last name, of a person.
    pub last_name: String,
    /// Whether it is a person, and no company.
    pub person: bool,
    /// E-mail address.
    pub email: String,
    /// Another one.
    pub alt_email: String,
    /// Phone.
    pub phone: String,
    /// Another one.
    pub alt_phone: String,
    /// Mobile phone.
    pub mobile_phone: String,
    /// The customer that it belongs to.
    pub parent: Option<Id>,
    /// Custom entity fields.
    pub custom: BTreeMap<String, Value>,
    /// When anything last changed; the beginning of time where nobody has changed it since the account began.
    pub last_modified: Timestamp,
}

/// What lies of an item in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// What was counted, less what has shipped since; it may be less than nothing.
    pub on_hand: Decimal,
    /// When that last changed.
    pub changed: Timestamp,
}

/// A place that goods ship from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Internal id.
    pub id: Id,
    /// Name.
    pub name: String,
    /// Its main address.
    pub address: Address,
}

/// The kinds of item, in the vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemType {
    /// Inventory item.
    InvtPart,
    /// Assembly item.
    Assembly,
    /// Kit; its components appear as rows of their own in SuiteQL.
    Kit,
    /// Non-inventory item.
    NonInvtPart,
    /// Service; never fulfilled.
    Service,
}

impl ItemType {
    /// The vendor's code.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvtPart => "InvtPart",
            Self::Assembly => "Assembly",
            Self::Kit => "Kit",
            Self::NonInvtPart => "NonInvtPart",
            Self::Service => "Service",
        }
    }

    /// Whether lines of this kind are fulfilled at all.
    pub fn ships(self) -> bool {
        self != Self::Service
    }

    /// Whether stock is committed to lines of this kind.
    pub fn stocked(self) -> bool {
        matches!(self, Self::InvtPart | Self::Assembly | Self::Kit)
    }
}

/// The unit of an item's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightUnit {
    /// Pounds.
    Lb,
    /// Ounces.
    Oz,
    /// Kilograms.
    Kg,
    /// Grams.
    G,
}

impl WeightUnit {
    /// All units with the vendor's ids and names.
    pub const ALL: [(Self, u64, &'static str); 4] = [
        (Self::Lb, 1, "lb"),
        (Self::Oz, 2, "oz"),
        (Self::Kg, 3, "kg"),
        (Self::G, 4, "g"),
    ];

    /// The vendor's id.
    pub fn id(self) -> u64 {
        self as u64 + 1
    }

    /// The vendor's name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(unit, ..)| *unit == self)
            .map_or("lb", |(_, _, name)| name)
    }
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Internal id.
    pub id: Id,
    /// What people call the SKU (`itemid`).
    pub sku: String,
    /// Display name.
    pub name: String,
    /// Kind.
    pub kind: ItemType,
    /// Weight of one, in `weight_unit`; `None` where nobody entered one.
    pub weight: Option<Decimal>,
    /// Unit of the weight.
    pub weight_unit: WeightUnit,
    /// Base price in the account's currency.
    pub price: Decimal,
    /// ISO country code.
    pub country_of_manufacture: String,
    /// Schedule B / HS code.
    pub tariff_code: String,
    /// What one kit consists of: item and quantity.
    pub components: Vec<(Id, Decimal)>,
}

/// Which carrier's label integration a ship method has; it decides the package sublist of a fulfilment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Integration {
    /// None: sublist `package`.
    None,
    /// UPS: sublist `packageUps`.
    Ups,
    /// FedEx: sublist `packageFedex`.
    FedEx,
}

impl Integration {
    /// The name of the package sublist.
    pub fn sublist(self) -> &'static str {
        match self {
            Self::None => "package",
            Self::Ups => "packageUps",
            Self::FedEx => "packageFedex",
        }
    }

    /// What the names of the sublist's fields end with.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Ups => "Ups",
            Self::FedEx => "FedEx",
        }
    }
}

/// A ship item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipMethod {
    /// Internal id.
    pub id: Id,
    /// Name.
    pub name: String,
    /// Label integration.
    pub integration: Integration,
}

/// The states of a sales order, by the vendor's letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OrderStatus {
    /// A
    PendingApproval,
    /// B
    PendingFulfilment,
    /// C
    Cancelled,
    /// D
    PartiallyFulfilled,
    /// E
    PendingBillingPartiallyFulfilled,
    /// F
    PendingBilling,
    /// G
    Billed,
    /// H
    Closed,
}

impl OrderStatus {
    /// All states with their letters and names.
    pub const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::PendingApproval, "A", "Pending Approval"),
        (Self::PendingFulfilment, "B", "Pending Fulfillment"),
        (Self::Cancelled, "C", "Cancelled"),
        (Self::PartiallyFulfilled, "D", "Partially Fulfilled"),
        (
            Self::PendingBillingPartiallyFulfilled,
            "E",
            "Pending Billing/Partially Fulfilled",
        ),
        (Self::PendingBilling, "F", "Pending Billing"),
        (Self::Billed, "G", "Billed"),
        (Self::Closed, "H", "Closed"),
    ];

    /// The vendor's letter.
    pub fn letter(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(status, ..)| *status == self)
            .map_or("", |(_, letter, _)| letter)
    }

    /// The vendor's name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(status, ..)| *status == self)
            .map_or("", |(_, _, name)| name)
    }

    /// Whether a fulfilment can be made of an order in this state.
    pub fn shippable(self) -> bool {
        matches!(
            self,
            Self::PendingFulfilment | Self::PartiallyFulfilled | Self::PendingBillingPartiallyFulfilled
        )
    }
}

/// A line of a sales order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The line number (`line`, `orderLine`, `transactionline.id`): unique in the order, not sequential.
    pub number: u32,
    /// Unique in the account.
    pub unique_key: Id,
    /// The item.
    pub item: Id,
    /// The item's kind.
    pub kind: ItemType,
    /// Ordered.
    pub quantity: Decimal,
    /// Committed now and not yet on a fulfilment.
    pub committed: Decimal,
    /// On fulfilments of any status.
    pub fulfilled: Decimal,
    /// On fulfilments that have shipped.
    pub shipped: Decimal,
    /// Billed.
    pub billed: Decimal,
    /// Where it ships from.
    pub location: Option<Id>,
    /// Closed by a person.
    pub closed: bool,
    /// Price of one.
    pub rate: Decimal,
    /// The group of lines that go to one address.
    pub ship_group: u32,
    /// The line's own address, in an order with several.
    pub ship_address: Option<Address>,
}

impl Line {
    /// Ordered and on no fulfilment yet.
    pub fn remaining(&self) -> Decimal {
        (self.quantity - self.fulfilled).max(Decimal::ZERO)
    }

    /// What a fulfilment may take now.
    pub fn fulfillable(&self, limit_to_committed: bool) -> Decimal {
        if self.closed || !self.kind.ships() {
            return Decimal::ZERO;
        }
        let limited = limit_to_committed && self.kind.stocked();
        if limited {
            self.remaining().min(self.committed)
        } else {
            self.remaining()
        }
    }

    fn settled(&self) -> bool {
        self.closed || !self.kind.ships() || self.shipped >= self.quantity
    }
}

/// A sales order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SalesOrder {
    /// Internal id.
    pub id: Id,
    /// The number that people see, such as `SO10021`.
    pub tran_id: String,
    /// External id.
    pub external_id: Option<String>,
    /// The customer.
    pub entity: Id,
    /// The customer's purchase order number.
    pub other_ref_num: String,
    /// E-mail address.
    pub email: String,
    /// Memo.
    pub memo: String,
    /// The ship item.
    pub ship_method: Option<Id>,
    /// Where it goes.
    pub ship_address: Address,
    /// Where the invoice goes, if not there.
    #[serde(default)]
    pub bill_address: Option<Address>,
    /// Whether lines go to addresses of their own.
    pub multi_ship_to: bool,
    /// The location in the header.
    pub location: Option<Id>,
    /// The lines.
    pub lines: Vec<Line>,
    /// Approved by a person.
    pub approved: bool,
    /// Cancelled by a person.
    pub cancelled: bool,
    /// Custom body fields.
    pub custom: BTreeMap<String, Value>,
    /// The date of the document, in the account's time zone.
    pub tran_date: Date,
    /// When it was made.
    pub created: Timestamp,
    /// When anything last changed.
    pub last_modified: Timestamp,
}

impl SalesOrder {
    /// The state that follows from approval, lines and what has shipped and been billed.
    pub fn status(&self) -> OrderStatus {
        if self.cancelled {
            OrderStatus::Cancelled
        } else if !self.approved {
            OrderStatus::PendingApproval
        } else if self.lines.iter().all(|line| line.closed) {
            OrderStatus::Closed
        } else {
            self.progress()
        }
    }

    fn progress(&self) -> OrderStatus {
        let complete = self.lines.iter().all(Line::settled);
        let started = self.lines.iter().any(|line| line.shipped > Decimal::ZERO);
        let billed = self.lines.iter().all(|line| line.billed >= line.shipped);
        match (started, complete, billed) {
            (true, true, true) => OrderStatus::Billed,
            (_, true, _) => OrderStatus::PendingBilling,
            (true, false, true) => OrderStatus::PartiallyFulfilled,
            (true, false, false) => OrderStatus::PendingBillingPartiallyFulfilled,
            (false, false, _) => OrderStatus::PendingFulfilment,
        }
    }

    /// The line of that number.
    pub fn line(&self, number: u32) -> Option<&Line> {
        self.lines.iter().find(|line| line.number == number)
    }

    /// The line of that number, to be changed.
    pub fn line_mut(&mut self, number: u32) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.number == number)
    }

    /// The address that the line goes to.
    pub fn destination<'a>(&'a self, line: &'a Line) -> &'a Address {
        line.ship_address
            .as_ref()
            .filter(|_| self.multi_ship_to)
            .unwrap_or(&self.ship_address)
    }
}

/// How far a fulfilment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShipStatus {
    /// A
    Picked,
    /// B
    Packed,
    /// C: relieves stock and moves the order's status.
    Shipped,
}

impl ShipStatus {
    /// The vendor's letter.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Picked => "A",
            Self::Packed => "B",
            Self::Shipped => "C",
        }
    }

    /// The vendor's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Picked => "Picked",
            Self::Packed => "Packed",
            Self::Shipped => "Shipped",
        }
    }

    /// Reads the vendor's letter.
    pub fn from_letter(letter: &str) -> Option<Self> {
        [Self::Picked, Self::Packed, Self::Shipped]
            .into_iter()
            .find(|status| status.letter() == letter)
    }
}

/// A line of a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentLine {
    /// The line of the order.
    pub order_line: u32,
    /// The item.
    pub item: Id,
    /// How many.
    pub quantity: Decimal,
    /// From where.
    pub location: Option<Id>,
}

/// A parcel noted on a fulfilment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// Tracking number; `None` on the empty line that NetSuite adds by itself.
    pub tracking: Option<String>,
    /// Weight in pounds.
    pub weight: Option<Decimal>,
    /// Description.
    pub description: Option<String>,
    /// Further fields as they were sent, by the vendor's names.
    pub other: BTreeMap<String, Value>,
}

/// An item fulfilment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Internal id.
    pub id: Id,
    /// The number that people see.
    pub tran_id: String,
    /// External id, unique among fulfilments.
    pub external_id: Option<String>,
    /// The order.
    pub order: Id,
    /// How far it is.
    pub status: ShipStatus,
    /// The ship item.
    pub ship_method: Option<Id>,
    /// Memo.
    pub memo: String,
    /// The date of the document.
    pub tran_date: Date,
    /// What it ships.
    pub lines: Vec<FulfilmentLine>,
    /// The parcels, in the sublist that the ship method's integration decides.
    pub packages: Vec<Package>,
    /// Where it goes: what stood on the order when it was made, until somebody changes it.
    pub ship_address: Address,
    /// Custom body fields.
    pub custom: BTreeMap<String, Value>,
    /// Who made it: `person`, or the client id of an integration.
    pub made_by: String,
    /// When it was made.
    pub created: Timestamp,
    /// When anything last changed.
    pub last_modified: Timestamp,
}

/// A line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The line of the order.
    pub order_line: u32,
    /// The item.
    pub item: Id,
    /// How many it bills.
    pub quantity: Decimal,
}

/// An invoice of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// Internal id.
    pub id: Id,
    /// The number that people see.
    pub tran_id: String,
    /// The order.
    pub order: Id,
    /// What it bills.
    pub lines: Vec<InvoiceLine>,
    /// Whether somebody has voided it: it stays, and bills nothing any more.
    pub voided: bool,
    /// Custom body fields.
    pub custom: BTreeMap<String, Value>,
    /// The date of the document.
    pub tran_date: Date,
    /// When it was made.
    pub created: Timestamp,
    /// When anything last changed.
    pub last_modified: Timestamp,
}

impl Fulfilment {
    /// The tracking numbers of its parcels.
    pub fn tracking_numbers(&self) -> Vec<&str> {
        self.packages
            .iter()
            .filter_map(|package| package.tracking.as_deref())
            .collect()
    }
}
