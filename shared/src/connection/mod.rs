//! What a customer configures: one pairing of an ERP account and a carrier account.
//!
//! [`Connection`] is what is stored; [`parse()`] makes it from the TOML file that a person writes.

mod cadence;
mod desk;
mod mistake;
mod parse;
mod section;
mod selection;
mod spelling;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::{
    AccountRule, Address, Billing, Cadence, ConnectionId, Consignment, DeliveryStatus, LabelFormat, LocationId, Money,
    Packing, ServicePolicy, TenantId,
};

pub use mistake::{Mistake, list};
pub use parse::{Addressed, SystemCheck, Usual, parse};
pub use selection::{Additions, Selection, SelectionFacts, SelectionRule};

/// Which of the vendors' worlds a connection lives in; the vendors' hosts must match it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// Real orders, real money.
    Production,
    /// The vendors' test systems.
    Sandbox,
    /// Simulators on this machine: any host is allowed.
    Local,
}

/// A valid connection, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name.
    pub id: ConnectionId,
    /// The customer.
    pub tenant: TenantId,
    /// Which of the vendors' worlds.
    pub environment: Environment,
    /// Counts the changes.
    pub version: u64,
    /// Whether it does nothing until it is resumed. A new one is paused.
    pub paused: bool,
    /// Documents last modified before this are left alone.
    pub start_from: Timestamp,
    /// When the ERP is polled.
    pub schedule: Schedule,
    /// The most that may be spent in an hour.
    pub spend_cap_per_hour: Money,
    /// The ERP.
    pub erp: SystemSettings,
    /// The carrier.
    pub carrier: SystemSettings,
    /// Which documents ship.
    pub select: Selection,
    /// Addresses from which goods leave.
    pub ship_from: ShipFrom,
    /// How lines become parcels.
    pub packing: Packing,
    /// Which services may be bought and how to choose.
    pub service: ServicePolicy,
    /// Who pays.
    pub billing: Billing,
    /// The account by supplier and cost centre; empty means that everything ships under the carrier's own settings.
    #[serde(default)]
    pub accounts: Vec<AccountRule>,
    /// The label's format.
    pub label: LabelFormat,
    /// For how many days after the purchase a link to the labels shall open them; [`Connection::link_days`] says for how many it does.
    #[serde(default = "usual_link_days")]
    pub label_link_days: u32,
    /// What papers across a border say.
    pub customs: CustomsPolicy,
    /// Which corrections of an address are accepted.
    pub address: AddressPolicy,
    /// What to do when a purchase cannot be found for an hour.
    pub unknown_purchase: UnknownPurchase,
    /// What is written back and where.
    pub write_back: WriteBackPolicy,
    /// How often the carrier is asked for parcels on their way.
    #[serde(default)]
    pub tracking: Cadence,
    /// How what people ship at the carrier's own desk reaches the ERP; only where the carrier is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desk: Option<DeskPolicy>,
    /// What the desk is told of stock; `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<StockPolicy>,
    /// What the desk is told of customers; `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<CustomersPolicy>,
    /// For how long a quote may be used, in minutes.
    pub quote_valid_minutes: u32,
    /// For how many days personal data is kept.
    pub retention_days: u32,
}

/// By what a desk's order names a document of the ERP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedBy {
    /// The desk's number is the document's.
    Number,
    /// The desk's key, or its number, is the document's external id.
    ExternalId,
    /// The desk's number is the customer's own number for it.
    CustomerReference,
}

/// What happens in the ERP when a label is voided at the desk after the ERP was told of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoidedAtDesk {
    /// A person sees it: the job is held and the order flagged until the ERP does not show the shipment any more.
    #[default]
    Flag,
    /// What was made for it in the ERP is taken away again, if it still stands as it was made.
    Undo,
}

/// How what people ship at a desk reaches the ERP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskPolicy {
    /// By what orders are matched, the surest first.
    pub named_by: Vec<NamedBy>,
    /// Stores whose orders are this connection's; empty means all.
    #[serde(default)]
    pub stores: Vec<String>,
    /// What a void does.
    #[serde(default)]
    pub voided: VoidedAtDesk,
    /// For how many days after it was made a void is looked for.
    pub voids_days: u32,
}

/// Which of an item's quantities a desk is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StockMeasure {
    /// What lies there: the desk itself takes off what its own open orders have been promised.
    #[default]
    OnHand,
    /// What of it nobody has been promised, for a desk that holds no open orders.
    Available,
}

/// What a desk is told of stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockPolicy {
    /// When.
    pub schedule: Schedule,
    /// The desk's place for each location of the ERP; what lies elsewhere is not told.
    pub places: BTreeMap<LocationId, String>,
    /// Which quantity.
    #[serde(default)]
    pub measure: StockMeasure,
    /// Whether assemblies are told as well: what of them was built and lies there. Kits never are, for they have no stock.
    #[serde(default = "usually")]
    pub assemblies: bool,
    /// One more condition on items, in the ERP's language.
    #[serde(default)]
    pub condition: Option<String>,
}

/// What a desk is told of customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomersPolicy {
    /// When.
    pub schedule: Schedule,
    /// Whether open orders are made at the desk, instead of only kept up to date there.
    #[serde(default)]
    pub make_orders: bool,
    /// The store in which orders are made.
    #[serde(default)]
    pub store: Option<String>,
    /// What the desk's own fields say, by their names there: `parent-name`, `parent-number`, `top-name`, `top-number`, `path`, `number`,
    /// `emails`, `phones`, or a field of the ERP's customer.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

fn usually() -> bool {
    true
}

impl Connection {
    /// For how many days after the purchase a link to the labels opens them: not longer than they are kept.
    pub fn link_days(&self) -> u32 {
        self.label_link_days.min(self.retention_days)
    }
}

/// Where a connection does not say for how many days a link to labels opens.
const LINK_DAYS: u32 = 180;

fn usual_link_days() -> u32 {
    LINK_DAYS
}

/// A cadence in a time zone, as EventBridge Scheduler knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// `rate(5 minutes)` or `cron(...)`.
    pub expression: String,
    /// An IANA time zone.
    pub time_zone: String,
}

impl Schedule {
    /// The time between two polls, where the expression names it.
    pub fn interval(&self) -> Option<SignedDuration> {
        let rate = self.expression.strip_prefix("rate(")?.strip_suffix(')')?;
        let (count, unit) = rate.split_once(' ')?;
        let minutes = match unit.trim_end_matches('s') {
            "minute" => 1,
            "hour" => 60,
            "day" => 24 * 60,
            _ => return None,
        };
        let count: i64 = count.parse().ok()?;
        Some(SignedDuration::from_mins(count.checked_mul(minutes)?)).filter(|every| every.is_positive())
    }
}

/// How one outside system is reached. What only that system knows stands in `options`, read by its `account.rs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemSettings {
    /// Which system.
    pub system: String,
    /// The account there, in its one canonical spelling.
    pub account: String,
    /// The name of the secret that holds the credentials.
    pub secret: String,
    /// Another address than the vendor's own.
    pub base_url: Option<Url>,
    /// Hosts that are allowed beside the vendor's own.
    pub allow_host: Vec<String>,
    /// What only this system knows.
    pub options: serde_json::Value,
}

/// Addresses from which goods leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipFrom {
    /// Where no location says otherwise.
    pub default: Address,
    /// By location of the ERP.
    pub locations: BTreeMap<LocationId, Address>,
    /// Who ships.
    #[serde(default)]
    pub of: Shipper,
}

/// Who ships: a purchase order's goods leave the supplier, not us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shipper {
    /// We do, from the location that the document names or the default.
    #[default]
    Location,
    /// The document's supplier, from its own address.
    Supplier,
}

impl ShipFrom {
    /// The address of a location.
    pub fn at(&self, location: Option<&LocationId>) -> &Address {
        location
            .and_then(|location| self.locations.get(location))
            .unwrap_or(&self.default)
    }

    /// The address from which a consignment leaves.
    ///
    /// # Errors
    /// In plain words, where the supplier ships and the ERP does not say from where.
    pub fn for_goods_of<'a>(&'a self, consignment: &'a Consignment) -> Result<&'a Address, String> {
        let supplier = consignment.supplier.as_ref();
        match self.of {
            Shipper::Location => Ok(self.at(consignment.location.as_ref())),
            Shipper::Supplier => supplier.and_then(|supplier| supplier.address.as_ref()).ok_or_else(|| {
                let who = supplier.map_or("no supplier", |supplier| supplier.id.as_str());
                format!("supplier {who} has no address to ship from: enter one at the supplier's site, or set ship_from.of = \"location\"")
            }),
        }
    }
}

/// What papers across a border say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomsPolicy {
    /// Why goods leave (`SALE`).
    pub reason: String,
    /// An Incoterm.
    pub terms: Option<String>,
    /// What the goods are where the items do not say.
    pub description: String,
    /// Where goods were made where the items do not say, ISO 3166-1 alpha-2.
    pub origin_country: Option<String>,
}

/// Which corrections of an address are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressPolicy {
    /// Only what stands as given; everything else is held.
    Exact,
    /// Formatting is accepted and the carrier's spelling used; everything else is held.
    AcceptFormatting,
    /// No validation: the address is used as it stands.
    AsIs,
}

/// What to do when a purchase cannot be found at four looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownPurchase {
    /// Buy again with the same reference, and look for a duplicate later.
    Recreate,
    /// Hold for a person.
    Hold,
}

/// What is written back and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBackPolicy {
    /// Whether a fulfilment is made.
    pub fulfilment: bool,
    /// Whether nothing is written: what was shipped stands in our own store, and people ask for it there.
    #[serde(default)]
    pub store_only: bool,
    /// A field of free text in which everything is told in a sentence, instead of fields of their own.
    #[serde(default)]
    pub note: Option<String>,
    /// Whose fields they are.
    #[serde(default)]
    pub to: WriteBackTarget,
    /// Fields of that document, by what is written there.
    pub fields: FieldMap,
}

/// Whose fields say what was shipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteBackTarget {
    /// The order's.
    #[default]
    Order,
    /// Those of the invoice that bills it; while there is none, the write-back waits.
    Invoice,
}

/// The ERP's field for each thing that we write; `None` writes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldMap {
    /// Tracking numbers, separated by a comma and a blank.
    pub tracking: Option<String>,
    /// What the account pays.
    pub cost: Option<String>,
    /// The service's name.
    pub service: Option<String>,
    /// Where the shipment stands, in words.
    pub status: Option<String>,
    /// Since when it stands there.
    #[serde(default)]
    pub status_at: Option<String>,
    /// The place where that happened.
    #[serde(default)]
    pub place: Option<String>,
    /// Who signed for the delivery.
    #[serde(default)]
    pub signed_by: Option<String>,
    /// The day on which the last parcel is expected.
    #[serde(default)]
    pub estimated_delivery: Option<String>,
    /// Where people open the labels.
    #[serde(default)]
    pub label_link: Option<String>,
    /// Why an order is held; empty when nothing is wrong.
    pub problem: Option<String>,
}

impl FieldMap {
    /// Whether anything about a delivery is written.
    pub fn tells_deliveries(&self) -> bool {
        let fields = [
            &self.status,
            &self.status_at,
            &self.place,
            &self.signed_by,
            &self.estimated_delivery,
        ];
        fields.into_iter().any(Option::is_some)
    }

    /// Whether two statuses look the same in the fields that there are.
    pub fn shows_the_same(&self, one: &DeliveryStatus, other: &DeliveryStatus) -> bool {
        let same = |field: &Option<String>, equal: bool| field.is_none() || equal;
        let days = |status: &DeliveryStatus| status.estimate.map(|estimate| estimate.date);
        same(&self.status, one.text == other.text)
            && same(&self.status_at, one.at == other.at)
            && same(&self.place, one.place == other.place)
            && same(&self.signed_by, one.signed_by == other.signed_by)
            && same(&self.estimated_delivery, days(one) == days(other))
    }
}
