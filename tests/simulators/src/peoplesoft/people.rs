//! What people enter: purchase orders and requisitions. What they do with them later stands in [`super::acts`].

use super::model::{BusinessUnit, Distribution, DocKey, DocType, Document, Line, Schedule, VendorRef};
use super::world::{Nonexistent, World};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A line that a person enters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewLine {
    /// `INV_ITEM_ID`; empty: something is bought that is no item.
    pub item: String,
    /// What it is; the item's description when left out.
    pub description: String,
    /// A vendor of the line's own, as requisitions have it; the document's when left out.
    pub vendor: String,
    /// How many.
    pub quantity: Decimal,
    /// In what; the item's standard unit when left out.
    pub unit: String,
    /// Where to; where the document goes when left out.
    pub ship_to: String,
    /// By whom; the document's carrier when left out.
    pub carrier: String,
    /// The departments that pay, a distribution for each; the document's when left out.
    pub departments: Vec<String>,
    /// Further schedules: how many, and where to.
    pub more_schedules: Vec<(Decimal, String)>,
}

impl NewLine {
    /// So many of an item.
    pub fn of(item: &str, quantity: u32) -> Self {
        Self {
            item: item.into(),
            quantity: quantity.into(),
            ..Self::default()
        }
    }

    /// So many of something that is no item.
    pub fn described(description: &str, quantity: u32) -> Self {
        Self {
            description: description.into(),
            ..Self::of("", quantity)
        }
    }

    /// The same line, from a vendor of its own.
    #[must_use]
    pub fn sold_by(self, vendor: &str) -> Self {
        Self {
            vendor: vendor.into(),
            ..self
        }
    }

    /// The same line, counted in another unit.
    #[must_use]
    pub fn in_unit(self, unit: &str) -> Self {
        Self {
            unit: unit.into(),
            ..self
        }
    }

    /// The same line, which goes somewhere of its own.
    #[must_use]
    pub fn to(self, location: &str) -> Self {
        Self {
            ship_to: location.into(),
            ..self
        }
    }

    /// The same line, paid by several departments.
    #[must_use]
    pub fn paid_by(self, departments: &[&str]) -> Self {
        Self {
            departments: departments.iter().map(|one| (*one).to_owned()).collect(),
            ..self
        }
    }

    /// The same line with one more schedule.
    #[must_use]
    pub fn and(mut self, quantity: u32, location: &str) -> Self {
        self.more_schedules.push((quantity.into(), location.into()));
        self
    }
}

/// A purchase order or requisition that a person enters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewDocument {
    /// `BUSINESS_UNIT`
    pub business_unit: String,
    /// The status; dispatched for an order and approved for a requisition when left out.
    pub status: Option<String>,
    /// `VENDOR_ID`
    pub vendor: String,
    /// `ADDRESS_SEQ_NUM` of the vendor.
    pub vendor_address: i64,
    /// `SHIPTO_ID`
    pub ship_to: String,
    /// `CARRIER_ID`
    pub carrier: String,
    /// `SHIP_TYPE_ID`
    pub ship_type: String,
    /// `FREIGHT_TERMS`
    pub freight_terms: String,
    /// `DEPTID`
    pub department: String,
    /// `PO_REF`
    pub reference: String,
    /// `HOLD_STATUS`
    pub hold: bool,
    /// What.
    pub lines: Vec<NewLine>,
    /// A late commit: it appears now, with a `LAST_DTTM_UPDATE` so many seconds ago.
    pub late_by_s: u32,
}

impl Default for NewDocument {
    fn default() -> Self {
        Self {
            business_unit: super::basics::UNIT.into(),
            status: None,
            vendor: super::basics::VENDOR.into(),
            vendor_address: 1,
            ship_to: super::basics::SHIP_TO.into(),
            carrier: super::basics::CARRIER.into(),
            ship_type: "GROUND".into(),
            freight_terms: "FOB".into(),
            department: "41000".into(),
            reference: String::new(),
            hold: false,
            lines: Vec::new(),
            late_by_s: 0,
        }
    }
}

impl NewDocument {
    /// A document of one line, for the first business unit, its first vendor and its first location, by UPS.
    pub fn of(item: &str, quantity: u32) -> Self {
        Self::with(vec![NewLine::of(item, quantity)])
    }

    /// A document of these lines.
    pub fn with(lines: Vec<NewLine>) -> Self {
        Self {
            lines,
            ..Self::default()
        }
    }

    /// The same, for another business unit.
    #[must_use]
    pub fn for_unit(self, business_unit: &str) -> Self {
        Self {
            business_unit: business_unit.into(),
            ..self
        }
    }

    /// The same, to another location.
    #[must_use]
    pub fn to(self, location: &str) -> Self {
        Self {
            ship_to: location.into(),
            ..self
        }
    }

    /// The same, by another carrier.
    #[must_use]
    pub fn by(self, carrier: &str) -> Self {
        Self {
            carrier: carrier.into(),
            ..self
        }
    }

    /// The same, in this status.
    #[must_use]
    pub fn in_status(self, status: &str) -> Self {
        Self {
            status: Some(status.into()),
            ..self
        }
    }

    /// The same, committed so many seconds after its `LAST_DTTM_UPDATE`.
    #[must_use]
    pub fn late_by(self, seconds: u32) -> Self {
        Self {
            late_by_s: seconds,
            ..self
        }
    }
}

/// Entering documents.
impl World {
    /// A person enters a purchase order: dispatched unless it says otherwise.
    ///
    /// # Errors
    /// When the business unit or an item does not exist.
    pub fn enter_order(&mut self, new: &NewDocument, now: Timestamp) -> Result<DocKey, Nonexistent> {
        self.enter(DocType::Po, new, now)
    }

    /// A person enters a requisition: approved unless it says otherwise.
    ///
    /// # Errors
    /// When the business unit or an item does not exist.
    pub fn enter_requisition(&mut self, new: &NewDocument, now: Timestamp) -> Result<DocKey, Nonexistent> {
        self.enter(DocType::Req, new, now)
    }

    /// A batch enters so many equal purchase orders, all with the same `LAST_DTTM_UPDATE`.
    ///
    /// # Errors
    /// When the business unit or an item does not exist.
    pub fn enter_many(&mut self, new: &NewDocument, count: usize, now: Timestamp) -> Result<Vec<DocKey>, Nonexistent> {
        (0..count).map(|_| self.enter_order(new, now)).collect()
    }

    fn enter(&mut self, doc_type: DocType, new: &NewDocument, now: Timestamp) -> Result<DocKey, Nonexistent> {
        let unit = self.business_unit(&new.business_unit)?.clone();
        let lines = (1..)
            .zip(&new.lines)
            .map(|(number, line)| self.new_line(number, &unit, new, line))
            .collect::<Result<Vec<_>, _>>()?;
        let usual = match doc_type {
            DocType::Po => "D",
            DocType::Req => "A",
        };
        let late = SignedDuration::from_secs(new.late_by_s.into());
        let key = DocKey::new(&unit.id, doc_type, &self.next_number());
        let document = Document {
            key: key.clone(),
            status: new.status.clone().unwrap_or_else(|| usual.into()),
            hold: new.hold,
            vendor: vendor_of(&unit, new, &new.vendor),
            reference: new.reference.clone(),
            bill_location: super::basics::BILL_TO.into(),
            currency: "USD".into(),
            lines,
            last_update: self.local(now.checked_sub(late).unwrap_or(now)),
        };
        self.documents.insert(key.clone(), document);
        Ok(key)
    }

    /// Description and standard unit of what a line buys.
    fn described(&self, unit: &BusinessUnit, new: &NewLine) -> Result<(&str, &str), Nonexistent> {
        if new.item.is_empty() {
            return Ok(("", "EA"));
        }
        let item = self.items.get(&(unit.item_setid.clone(), new.item.clone()));
        item.map(|item| (item.description.as_str(), item.unit.as_str()))
            .ok_or_else(|| Nonexistent::of(format!("item {}", new.item)))
    }

    fn new_line(
        &self,
        number: i64,
        unit: &BusinessUnit,
        document: &NewDocument,
        new: &NewLine,
    ) -> Result<Line, Nonexistent> {
        let (description, measure) = self.described(unit, new)?;
        let or = |own: &str, other: &str| {
            if own.is_empty() {
                other.to_owned()
            } else {
                own.to_owned()
            }
        };
        let first = (new.quantity, new.ship_to.clone());
        let schedules = (1..).zip(std::iter::once(&first).chain(&new.more_schedules));
        let schedule = |(number, (quantity, ship_to)): (i64, &(Decimal, String))| Schedule {
            number,
            status: "A".into(),
            ship_to_setid: unit.location_setid.clone(),
            ship_to: or(ship_to, &document.ship_to),
            quantity: *quantity,
            price: Decimal::new(4_250, 2),
            received: Decimal::ZERO,
            carrier: or(&new.carrier, &document.carrier),
            ship_type: document.ship_type.clone(),
            freight_terms: document.freight_terms.clone(),
            distributions: distributions(document, new),
        };
        Ok(Line {
            number,
            item_setid: unit.item_setid.clone(),
            item: new.item.clone(),
            description: or(&new.description, description),
            unit: or(&new.unit, measure),
            vendor: (!new.vendor.is_empty()).then(|| vendor_of(unit, document, &new.vendor)),
            schedules: schedules.map(schedule).collect(),
        })
    }
}

fn vendor_of(unit: &BusinessUnit, document: &NewDocument, vendor: &str) -> VendorRef {
    VendorRef {
        setid: unit.vendor_setid.clone(),
        id: vendor.into(),
        location: "MAIN".into(),
        address: document.vendor_address,
    }
}

fn distributions(document: &NewDocument, line: &NewLine) -> Vec<Distribution> {
    let only = [document.department.clone()];
    let departments = if line.departments.is_empty() {
        &only[..]
    } else {
        &line.departments
    };
    let share = |(number, department): (i64, &String)| Distribution {
        number,
        department: department.clone(),
        requisition: None,
    };
    (1..).zip(departments).map(share).collect()
}
