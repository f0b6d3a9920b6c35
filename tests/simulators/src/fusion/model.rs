//! What the pod keeps: purchase orders with their lines, schedules and distributions, change orders, and the master data
//! that they refer to.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The pod's own ids: 18 digits, more than a float holds.
pub type Id = i64;

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Street.
    pub line1: String,
    /// Suite, building.
    pub line2: String,
    /// City.
    pub city: String,
    /// State or province.
    pub state: String,
    /// Postal code.
    pub postal_code: String,
    /// Two letters.
    pub country: String,
}

impl Address {
    /// As an order shows it: one text, made for people.
    pub fn formatted(&self) -> String {
        let place = format!("{}, {} {}", self.city, self.state, self.postal_code);
        let parts = [&self.line1, &self.line2, &place, &self.country];
        let shown: Vec<String> = parts
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| part.to_uppercase())
            .collect();
        shown.join(",")
    }
}

/// A procurement business unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessUnit {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: String,
}

/// An inventory organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Id.
    pub id: Id,
    /// Code.
    pub code: String,
}

/// A ship-to or bill-to location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Id.
    pub id: Id,
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Where it is.
    pub address: Address,
}

/// A supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplier {
    /// Id.
    pub id: Id,
    /// Number.
    pub number: String,
    /// Name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<SupplierAddress>,
    /// Its sites.
    pub sites: Vec<Site>,
}

/// An address of a supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierAddress {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Phone.
    pub phone: String,
}

/// A site of a supplier: an address that it sells from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: String,
    /// The address's id.
    pub address: Id,
}

/// A unit of measure: its code, and the name that is translated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uom {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
}

impl Uom {
    /// A unit.
    pub fn new(code: &str, name: &str) -> Self {
        Self {
            code: code.into(),
            name: name.into(),
        }
    }
}

/// An item in one organization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Id, the same in every organization.
    pub id: Id,
    /// Number.
    pub number: String,
    /// Organization's id.
    pub organization: Id,
    /// Description.
    pub description: String,
    /// What it is counted in.
    pub uom: Uom,
    /// Price of one.
    pub price: Decimal,
    /// Weight of one.
    pub weight: Option<(Decimal, Uom)>,
    /// Length, width and height of one.
    pub size: Option<([Decimal; 3], Uom)>,
}

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Being written.
    #[serde(rename = "INCOMPLETE")]
    Incomplete,
    /// Waits for approvers.
    #[serde(rename = "PENDING APPROVAL")]
    PendingApproval,
    /// With the supplier.
    #[serde(rename = "OPEN")]
    Open,
    /// Held by a person.
    #[serde(rename = "ON HOLD")]
    OnHold,
    /// A change waits for approvers.
    #[serde(rename = "PENDING CHANGE APPROVAL")]
    PendingChangeApproval,
    /// All received.
    #[serde(rename = "CLOSED FOR RECEIVING")]
    ClosedForReceiving,
    /// Done.
    #[serde(rename = "CLOSED")]
    Closed,
    /// Done for good.
    #[serde(rename = "FINALLY CLOSED")]
    FinallyClosed,
    /// Cancelled.
    #[serde(rename = "CANCELED")]
    Canceled,
    /// Refused by the approvers.
    #[serde(rename = "REJECTED")]
    Rejected,
}

impl Status {
    /// `StatusCode`.
    pub fn code(self) -> &'static str {
        self.names().0
    }

    /// `Status`, which is translated.
    pub fn label(self, german: bool) -> &'static str {
        let (_, english, german_name) = self.names();
        if german { german_name } else { english }
    }

    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Incomplete => ("INCOMPLETE", "Incomplete", "Unvollständig"),
            Self::PendingApproval => ("PENDING APPROVAL", "Pending Approval", "Genehmigung ausstehend"),
            Self::Open => ("OPEN", "Open", "Offen"),
            Self::OnHold => ("ON HOLD", "On Hold", "Zurückgestellt"),
            Self::PendingChangeApproval => (
                "PENDING CHANGE APPROVAL",
                "Pending Change Approval",
                "Änderung in Prüfung",
            ),
            Self::ClosedForReceiving => ("CLOSED FOR RECEIVING", "Closed for Receiving", "Empfang abgeschlossen"),
            Self::Closed => ("CLOSED", "Closed", "Geschlossen"),
            Self::FinallyClosed => ("FINALLY CLOSED", "Finally Closed", "Endgültig geschlossen"),
            Self::Canceled => ("CANCELED", "Canceled", "Storniert"),
            Self::Rejected => ("REJECTED", "Rejected", "Abgelehnt"),
        }
    }

    /// Whether the order is one that the resource of finished documents shows.
    pub fn finished(self) -> bool {
        !matches!(self, Self::Incomplete | Self::PendingApproval | Self::Rejected)
    }

    /// Whether a change order can be begun.
    pub fn changeable(self) -> bool {
        matches!(self, Self::Open | Self::ClosedForReceiving)
    }
}

/// The values of a flexfield.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FlexValues {
    /// The context in which the segments stand.
    pub context: Option<String>,
    /// Values by the segments' names; empty ones are absent.
    pub segments: BTreeMap<String, Value>,
}

/// What of an order a change order can change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Description.
    pub description: Option<String>,
    /// Carrier's name.
    pub carrier: Option<String>,
    /// Mode of transport.
    pub mode_of_transport: Option<String>,
    /// Service level.
    pub service_level: Option<String>,
    /// Note to the supplier.
    pub note_to_supplier: Option<String>,
    /// Note to the receiver.
    pub note_to_receiver: Option<String>,
    /// The supplier's own order number.
    pub supplier_order: Option<String>,
    /// The flexfield, once it has been filled.
    pub flexfield: Option<FlexValues>,
    /// Lines.
    pub lines: Vec<Line>,
}

impl Content {
    /// Every schedule of every line.
    pub fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        self.lines.iter().flat_map(|line| &line.schedules)
    }

    /// Every schedule of every line, to change it.
    pub fn schedules_mut(&mut self) -> impl Iterator<Item = &mut Schedule> {
        self.lines.iter_mut().flat_map(|line| &mut line.schedules)
    }

    /// The schedule of that id.
    pub fn schedule_mut(&mut self, id: Id) -> Option<&mut Schedule> {
        self.schedules_mut().find(|schedule| schedule.id == id)
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Id.
    pub id: Id,
    /// Number, from 1.
    pub number: u32,
    /// The item's id; a described good or service has none.
    pub item: Option<Id>,
    /// The item's number.
    pub item_number: Option<String>,
    /// Description.
    pub description: String,
    /// Unit.
    pub uom: Uom,
    /// Price of one.
    pub price: Decimal,
    /// When and where parts of it go.
    pub schedules: Vec<Schedule>,
}

impl Line {
    /// Ordered in all schedules.
    pub fn quantity(&self) -> Decimal {
        self.schedules.iter().map(|schedule| schedule.quantity).sum()
    }
}

/// A schedule of a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// `LineLocationId`.
    pub id: Id,
    /// Number, from 1.
    pub number: u32,
    /// Ordered.
    pub quantity: Decimal,
    /// Ship-to location's id.
    pub location: Id,
    /// Organization's id.
    pub organization: Id,
    /// Carrier's name.
    pub carrier: Option<String>,
    /// Mode of transport.
    pub mode_of_transport: Option<String>,
    /// Service level.
    pub service_level: Option<String>,
    /// Cancelled by itself.
    pub canceled: bool,
    /// The flexfield, once it has been filled.
    pub flexfield: Option<FlexValues>,
    /// Who pays.
    pub distributions: Vec<Distribution>,
}

/// A distribution of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Id.
    pub id: Id,
    /// Number, from 1.
    pub number: u32,
    /// Quantity.
    pub quantity: Decimal,
    /// Charge account, segments between dashes.
    pub charge_account: String,
}

/// How far a change order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeState {
    /// Being written.
    Incomplete,
    /// Submitted.
    PendingApproval,
    /// Refused by the approvers; can be written or deleted again.
    Rejected,
    /// In force.
    Applied,
    /// Deleted before it was submitted.
    Deleted,
    /// Cancelled.
    Cancelled,
}

impl ChangeState {
    /// Whether it still keeps others from changing the order.
    pub fn stands(self) -> bool {
        matches!(self, Self::Incomplete | Self::PendingApproval | Self::Rejected)
    }

    /// Whether its maker may still write it.
    pub fn writable(self) -> bool {
        matches!(self, Self::Incomplete | Self::Rejected)
    }
}

/// A change of an order: a copy that replaces it when applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeOrder {
    /// Number within the order, from 1.
    pub number: u32,
    /// Who made it.
    pub by: String,
    /// How far it is.
    pub state: ChangeState,
    /// What the order will be.
    pub content: Content,
    /// When it was begun.
    pub created: Timestamp,
    /// When it was last written.
    pub last_updated: Timestamp,
    /// When the approvers will be through; `None` when a person decides.
    pub due: Option<Timestamp>,
}

/// A purchase order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// `POHeaderId`.
    pub id: Id,
    /// `OrderNumber`.
    pub number: String,
    /// Procurement business unit's id.
    pub business_unit: Id,
    /// Supplier's id.
    pub supplier: Id,
    /// Site's id.
    pub site: Id,
    /// Buyer's name.
    pub buyer: String,
    /// Bill-to location's id.
    pub bill_to: Id,
    /// Changes applied.
    pub revision: u32,
    /// State.
    pub status: Status,
    /// What is in force.
    pub content: Content,
    /// Received, by schedule.
    pub received: BTreeMap<Id, Decimal>,
    /// Change orders, oldest first.
    pub changes: Vec<ChangeOrder>,
    /// When it was entered; approval does not move it.
    pub created: Timestamp,
    /// When anything of it was last committed.
    pub last_updated: Timestamp,
    /// Moves with every write, for entity tags.
    pub version: u64,
    /// Writes through the interface that succeeded.
    pub writes: u64,
    /// Times that it was sent to the supplier.
    pub communicated: u64,
}

impl Order {
    /// The change order that stands, if any.
    pub fn standing(&self) -> Option<&ChangeOrder> {
        self.changes.iter().find(|change| change.state.stands())
    }

    /// The change order that stands, to write it.
    pub fn standing_mut(&mut self) -> Option<&mut ChangeOrder> {
        self.changes.iter_mut().find(|change| change.state.stands())
    }

    /// The schedule's received quantity.
    pub fn received(&self, schedule: Id) -> Decimal {
        self.received.get(&schedule).copied().unwrap_or_default()
    }
}
