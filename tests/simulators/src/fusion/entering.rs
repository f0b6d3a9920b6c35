//! Orders as buyers enter them: comfortable to write down, with what is usual where nothing is said.

use super::model::{Content, Distribution, Id, Line, Order, Schedule, Status, Uom};
use super::people::BUYER;
use super::refusal::Refusal;
use super::world::World;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const CHARGE_ACCOUNT: &str = "01-520-5110-0000";

/// A part of a line with a destination of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewSchedule {
    /// Quantity.
    pub quantity: Decimal,
    /// Where to; the order's location when left out.
    #[serde(default)]
    pub location: Option<Id>,
}

/// A line that a buyer enters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewLine {
    /// Item number; a number that is not an item's is a description.
    pub item: String,
    /// Quantity.
    pub quantity: Decimal,
    /// Several schedules instead of one.
    #[serde(default)]
    pub schedules: Vec<NewSchedule>,
    /// Charge account; a usual one when left out.
    #[serde(default)]
    pub charge_account: Option<String>,
}

impl NewLine {
    /// So many of an item.
    pub fn of(item: &str, quantity: u32) -> Self {
        Self {
            item: item.into(),
            quantity: quantity.into(),
            schedules: Vec::new(),
            charge_account: None,
        }
    }

    /// The same line charged to another account.
    #[must_use]
    pub fn charged_to(self, account: &str) -> Self {
        Self {
            charge_account: Some(account.into()),
            ..self
        }
    }

    /// The same line, so many to each of these locations.
    #[must_use]
    pub fn split(mut self, parts: &[(u32, Id)]) -> Self {
        let schedule = |(quantity, location): &(u32, Id)| NewSchedule {
            quantity: (*quantity).into(),
            location: Some(*location),
        };
        self.schedules = parts.iter().map(schedule).collect();
        self
    }
}

/// An order that a buyer enters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewOrder {
    /// What.
    pub lines: Vec<NewLine>,
    /// Carrier's name; `UPS` flags it for UPS.
    #[serde(default)]
    pub carrier: Option<String>,
    /// Ship-to location; the first one when left out.
    #[serde(default)]
    pub location: Option<Id>,
    /// Business unit; the first one when left out.
    #[serde(default)]
    pub business_unit: Option<Id>,
    /// Supplier; the first one when left out.
    #[serde(default)]
    pub supplier: Option<Id>,
    /// Supplier's site; its first one when left out.
    #[serde(default)]
    pub site: Option<Id>,
    /// Service level.
    #[serde(default)]
    pub service_level: Option<String>,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// State at first; open when left out.
    #[serde(default)]
    pub status: Option<Status>,
    /// A late commit: it appears now, with dates so many seconds ago.
    #[serde(default)]
    pub late_by_s: u32,
}

impl NewOrder {
    /// An open order of these lines, flagged for UPS.
    pub fn of(lines: Vec<NewLine>) -> Self {
        Self {
            lines,
            carrier: Some("UPS".into()),
            location: None,
            business_unit: None,
            supplier: None,
            site: None,
            service_level: None,
            description: None,
            status: None,
            late_by_s: 0,
        }
    }

    /// An open order of some pumps, flagged for UPS.
    pub fn pumps(quantity: u32) -> Self {
        Self::of(vec![NewLine::of("PUMP-010", quantity)])
    }

    /// The same order to another location.
    #[must_use]
    pub fn to(self, location: Id) -> Self {
        Self {
            location: Some(location),
            ..self
        }
    }

    /// The same order with another carrier, or none.
    #[must_use]
    pub fn by(self, carrier: Option<&str>) -> Self {
        Self {
            carrier: carrier.map(Into::into),
            ..self
        }
    }

    /// The same order in another state.
    #[must_use]
    pub fn being(self, status: Status) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// The same order, committed so late.
    #[must_use]
    pub fn late_by(self, seconds: u32) -> Self {
        Self {
            late_by_s: seconds,
            ..self
        }
    }
}

impl World {
    /// A buyer enters an order; answers its id.
    ///
    /// # Errors
    /// When the business unit, supplier, site or location does not exist.
    pub fn add_order(&mut self, new: NewOrder, now: Timestamp) -> Result<Id, Refusal> {
        let first = |given: Option<Id>, known: Option<&Id>| given.or(known.copied()).ok_or_else(Refusal::missing);
        let business_unit = first(new.business_unit, self.business_units.keys().next())?;
        let supplier = first(new.supplier, self.suppliers.keys().next())?;
        let location = first(new.location, self.locations.keys().next())?;
        let sites = self
            .suppliers
            .get(&supplier)
            .map(|one| &one.sites)
            .ok_or_else(Refusal::missing)?;
        let site = first(new.site, sites.first().map(|site| &site.id))?;
        let bill_to = first(None, self.locations.keys().next())?;
        let lines = self.new_lines(&new, location)?;
        let ago = SignedDuration::from_secs(new.late_by_s.into());
        let then = now.checked_sub(ago).unwrap_or(now);
        let id = self.next_id();
        let order = Order {
            id,
            number: self.next_number(),
            business_unit,
            supplier,
            site,
            buyer: BUYER.into(),
            bill_to,
            revision: 0,
            status: new.status.unwrap_or(Status::Open),
            content: Content {
                description: new.description,
                carrier: new.carrier,
                service_level: new.service_level,
                lines,
                ..Content::default()
            },
            received: BTreeMap::new(),
            changes: Vec::new(),
            created: then,
            last_updated: then,
            version: 1,
            writes: 0,
            communicated: 0,
        };
        self.orders.insert(id, order);
        Ok(id)
    }

    fn new_lines(&mut self, new: &NewOrder, location: Id) -> Result<Vec<Line>, Refusal> {
        let organization = self.organizations.keys().next().copied().ok_or_else(Refusal::missing)?;
        let mut lines = Vec::new();
        for (index, line) in new.lines.iter().enumerate() {
            let known = self.item(&line.item, organization).cloned();
            let parts = if line.schedules.is_empty() {
                vec![NewSchedule {
                    quantity: line.quantity,
                    location: None,
                }]
            } else {
                line.schedules.clone()
            };
            let mut schedules = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                let to = part.location.unwrap_or(location);
                schedules.push(self.new_schedule(number, part.quantity, to, organization, new, line)?);
            }
            lines.push(Line {
                id: self.next_id(),
                number: counted(index),
                item: known.as_ref().map(|item| item.id),
                item_number: known.as_ref().map(|item| item.number.clone()),
                description: known
                    .as_ref()
                    .map_or_else(|| line.item.clone(), |item| item.description.clone()),
                uom: known
                    .as_ref()
                    .map_or_else(|| Uom::new("EA", "Each"), |item| item.uom.clone()),
                price: known.map_or(Decimal::TEN, |item| item.price),
                schedules,
            });
        }
        Ok(lines)
    }

    fn new_schedule(
        &mut self,
        index: usize,
        quantity: Decimal,
        location: Id,
        organization: Id,
        order: &NewOrder,
        line: &NewLine,
    ) -> Result<Schedule, Refusal> {
        if !self.locations.contains_key(&location) {
            return Err(Refusal::missing());
        }
        let account = line.charge_account.clone().unwrap_or_else(|| CHARGE_ACCOUNT.into());
        Ok(Schedule {
            id: self.next_id(),
            number: counted(index),
            quantity,
            location,
            organization,
            carrier: order.carrier.clone(),
            mode_of_transport: None,
            service_level: order.service_level.clone(),
            canceled: false,
            flexfield: None,
            distributions: vec![Distribution {
                id: self.next_id(),
                number: 1,
                quantity,
                charge_account: account,
            }],
        })
    }
}

fn counted(index: usize) -> u32 {
    u32::try_from(index).unwrap_or_default() + 1
}
