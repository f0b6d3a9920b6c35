//! What only NetSuite knows of a connection's settings.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::connection::Mistake;

/// What makes goods ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// An order of which something is ready to ship.
    Ready,
    /// An order of which people have fulfilled something in NetSuite.
    OrderShipped,
    /// An item fulfilment that people have marked as shipped: each is a document of its own.
    FulfilmentShipped,
}

impl Trigger {
    const ALL: [Self; 3] = [Self::Ready, Self::OrderShipped, Self::FulfilmentShipped];

    /// As a connection names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::OrderShipped => "order-shipped",
            Self::FulfilmentShipped => "fulfilment-shipped",
        }
    }

    /// The letters of the statuses in which its documents may ship.
    pub(super) fn statuses(self) -> &'static [&'static str] {
        match self {
            Self::Ready => &["B", "D", "E"],
            Self::OrderShipped => &["D", "E", "F", "G"],
            Self::FulfilmentShipped => &["A", "B", "C"],
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.name() == name)
    }
}

/// Which quantity of a line is ready to ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadyQuantity {
    /// What stock is committed to.
    Committed,
    /// Everything that has not been shipped.
    Remaining,
}

/// The sublist of a fulfilment that takes its packages; it depends on the ship method's carrier integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PackageSublist {
    Package,
    PackageUps,
    PackageFedex,
    PackageUsps,
}

impl PackageSublist {
    const ALL: [Self; 4] = [Self::Package, Self::PackageUps, Self::PackageFedex, Self::PackageUsps];

    /// The sublist's name in a fulfilment.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::PackageUps => "packageUps",
            Self::PackageFedex => "packageFedex",
            Self::PackageUsps => "packageUsps",
        }
    }

    /// What its fields' names end with.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Package => "",
            Self::PackageUps => "Ups",
            Self::PackageFedex => "FedEx",
            Self::PackageUsps => "Usps",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sublist| sublist.name() == name)
    }
}

/// What only NetSuite knows, of `SystemSettings::options`.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// How many requests of ours may be under way at once in the account.
    pub(super) concurrency: u16,
    pub(super) trigger: Trigger,
    pub(super) ready: ReadyQuantity,
    /// By ship method, id or name.
    pub(super) package_sublist: BTreeMap<String, PackageSublist>,
    /// The status of a new fulfilment: `A` picked, `B` packed, `C` shipped.
    pub(super) ship_status: String,
    /// The zone of the integration's user; measured where it is not given.
    pub(super) time_zone: Option<TimeZone>,
    /// Whether the field for the cost takes text instead of a number.
    pub(super) cost_as_text: bool,
    /// The most characters that a text field takes.
    pub(super) text_limit: usize,
    /// The most characters that the field of links to labels takes, a long one.
    pub(super) link_limit: usize,
    /// What the status field says once the shipment is bought.
    pub(super) status_text: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 3,
            trigger: Trigger::Ready,
            ready: ReadyQuantity::Committed,
            package_sublist: BTreeMap::new(),
            ship_status: "C".to_owned(),
            time_zone: None,
            cost_as_text: false,
            text_limit: 300,
            link_limit: 4000,
            status_text: "Label created".to_owned(),
        }
    }
}

impl Options {
    /// The sublist for an order's ship method.
    pub(super) fn sublist(&self, method: &[&str]) -> PackageSublist {
        let chosen = method.iter().find_map(|name| self.package_sublist.get(*name));
        chosen.copied().unwrap_or(PackageSublist::Package)
    }

    /// Reads the options; what is wrong goes to `mistakes` and keeps its default.
    pub(super) fn read(value: &Value, mistakes: &mut Vec<Mistake>) -> Self {
        let mut options = Self::default();
        let empty = serde_json::Map::new();
        let table = match value {
            Value::Null => &empty,
            Value::Object(table) => table,
            _ => {
                mistakes.push(Mistake::new("erp.options", "this is not a table", "a table"));
                &empty
            }
        };
        for (key, value) in table {
            if let Err(allowed) = options.set(key, value) {
                mistakes.push(Mistake::new(
                    format!("erp.options.{key}"),
                    format!("{value} is not allowed here"),
                    allowed,
                ));
            }
        }
        options
    }

    /// Sets one option, or says what is allowed.
    fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let text = value.as_str();
        match key {
            "concurrency" => self.concurrency = whole(value, 1, 100).ok_or("a whole number from 1 to 100")?,
            "trigger" => {
                let trigger = text.and_then(Trigger::named);
                self.trigger = trigger.ok_or("\"ready\", \"order-shipped\" or \"fulfilment-shipped\"")?;
            }
            "ready_quantity" => self.ready = text.and_then(ready).ok_or("\"committed\" or \"remaining\"")?,
            "package_sublist" => self.package_sublist = sublists(value)?,
            "ship_status" => {
                let status = text.filter(|text| ["A", "B", "C"].contains(text));
                self.ship_status = status
                    .ok_or("\"A\" (picked), \"B\" (packed) or \"C\" (shipped)")?
                    .to_owned();
            }
            "time_zone" => {
                let zone = text.and_then(|name| TimeZone::get(name).ok());
                self.time_zone = Some(zone.ok_or("an IANA time zone, such as \"America/Los_Angeles\"")?);
            }
            "cost_as_text" => self.cost_as_text = value.as_bool().ok_or("true or false")?,
            "text_limit" => self.text_limit = whole(value, 20, 4000).ok_or("a whole number from 20 to 4000")?.into(),
            "link_limit" => {
                self.link_limit = whole(value, 20, 65_535)
                    .ok_or("a whole number from 20 to 65535")?
                    .into()
            }
            "status_text" => {
                let text = text.map(str::trim).filter(|text| (1..=100).contains(&text.len()));
                self.status_text = text.ok_or("a text of 1 to 100 characters")?.to_owned();
            }
            _ => {
                return Err(
                    "concurrency, trigger, ready_quantity, package_sublist, ship_status, time_zone, cost_as_text, text_limit, \
                            link_limit, status_text"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

fn whole(value: &Value, least: u16, most: u16) -> Option<u16> {
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok())?;
    (least..=most).contains(&number).then_some(number)
}

fn ready(text: &str) -> Option<ReadyQuantity> {
    match text {
        "committed" => Some(ReadyQuantity::Committed),
        "remaining" => Some(ReadyQuantity::Remaining),
        _ => None,
    }
}

fn sublists(value: &Value) -> Result<BTreeMap<String, PackageSublist>, String> {
    let allowed = "a table of ship methods (id or name) to package, packageUps, packageFedex or packageUsps";
    let table = value.as_object().ok_or(allowed)?;
    let entry = |(method, name): (&String, &Value)| {
        let sublist = name.as_str().and_then(PackageSublist::named).ok_or(allowed)?;
        Ok((method.clone(), sublist))
    };
    table.iter().map(entry).collect()
}
