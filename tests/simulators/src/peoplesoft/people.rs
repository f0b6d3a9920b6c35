//! What people do in the installation's pages: they define, buy, correct, cancel, receive.
//!
//! Each act on a document moves its `LAST_DTTM_UPDATE`, except where the real system would not: a location or an item
//! that is corrected is a record of its own, receiving and dispatching go by batch (options), and
//! [`World::backdate`] is the late commit, a row that appears with a `LAST_DTTM_UPDATE` in the past.

use super::model::{
    BusinessUnit, Dated, Distribution, DocKey, DocType, Document, Item, Line, Measures, Place, RequisitionLink,
    Schedule, Vendor, VendorAddress, VendorRef,
};
use super::world::{Nonexistent, World};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A line that a person enters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewLine {
    /// `INV_ITEM_ID`
    pub item: String,
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

/// Defining what documents refer to. The business unit says under which SETID.
impl World {
    /// Defines a business unit.
    pub fn add_business_unit(&mut self, unit: BusinessUnit) {
        self.business_units.insert(unit.id.clone(), unit);
    }

    /// Defines an item that has been of these measures since `from`.
    ///
    /// # Errors
    /// When the business unit does not exist.
    pub fn add_item(
        &mut self,
        unit: &str,
        item: &str,
        (description, measure): (&str, &str),
        measures: Measures,
        from: Date,
    ) -> Result<(), Nonexistent> {
        let setid = self.business_unit(unit)?.item_setid.clone();
        let mut made = Item {
            description: description.into(),
            unit: measure.into(),
            measures: Default::default(),
        };
        made.measures.put(active(from, measures));
        self.items.insert((setid, item.into()), made);
        Ok(())
    }

    /// A person measures an item: a new effective-dated row of today, or a correction of today's.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn measure_item(
        &mut self,
        unit: &str,
        item: &str,
        measures: Measures,
        now: Timestamp,
    ) -> Result<(), Nonexistent> {
        let today = self.today(now);
        self.put_measures(unit, item, active(today, measures))
    }

    /// Puts an effective-dated row of an item, in the past or future, active or not.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn put_measures(&mut self, unit: &str, item: &str, row: Dated<Measures>) -> Result<(), Nonexistent> {
        let setid = self.business_unit(unit)?.item_setid.clone();
        let known = self.items.get_mut(&(setid, item.to_owned()));
        known
            .ok_or_else(|| Nonexistent::of(format!("item {item}")))?
            .measures
            .put(row);
        Ok(())
    }

    /// A person weighs an item; its size stays.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn weigh_item(
        &mut self,
        unit: &str,
        item: &str,
        weight: Decimal,
        weight_unit: &str,
        now: Timestamp,
    ) -> Result<(), Nonexistent> {
        let setid = self.business_unit(unit)?.item_setid.clone();
        let today = self.today(now);
        let known = self.items.get(&(setid, item.to_owned()));
        let known = known.ok_or_else(|| Nonexistent::of(format!("item {item}")))?;
        let before = known.measures.current(today).map(|row| row.value.clone());
        let measures = Measures {
            weight,
            weight_unit: weight_unit.into(),
            ..before.unwrap_or_default()
        };
        self.measure_item(unit, item, measures, now)
    }

    /// Puts an effective-dated row of a location, which exists from then on.
    ///
    /// # Errors
    /// When the business unit does not exist.
    pub fn put_location(&mut self, unit: &str, location: &str, row: Dated<Place>) -> Result<(), Nonexistent> {
        let setid = self.business_unit(unit)?.location_setid.clone();
        self.locations.entry((setid, location.into())).or_default().put(row);
        Ok(())
    }

    /// A person corrects a location: a new effective-dated row of today, or a correction of today's.
    ///
    /// # Errors
    /// When the business unit does not exist.
    pub fn correct_location(
        &mut self,
        unit: &str,
        location: &str,
        place: Place,
        now: Timestamp,
    ) -> Result<(), Nonexistent> {
        let today = self.today(now);
        self.put_location(unit, location, active(today, place))
    }

    /// Defines a vendor; its addresses come by [`World::put_vendor_address`].
    ///
    /// # Errors
    /// When the business unit does not exist.
    pub fn add_vendor(&mut self, unit: &str, vendor: &str, name: &str) -> Result<(), Nonexistent> {
        let setid = self.business_unit(unit)?.vendor_setid.clone();
        let made = Vendor {
            name: name.into(),
            addresses: Default::default(),
        };
        self.vendors.insert((setid, vendor.into()), made);
        Ok(())
    }

    /// Puts an effective-dated row of one address of a vendor.
    ///
    /// # Errors
    /// When there is no such vendor.
    pub fn put_vendor_address(
        &mut self,
        unit: &str,
        vendor: &str,
        number: i64,
        row: Dated<VendorAddress>,
    ) -> Result<(), Nonexistent> {
        let setid = self.business_unit(unit)?.vendor_setid.clone();
        let known = self.vendors.get_mut(&(setid, vendor.to_owned()));
        let known = known.ok_or_else(|| Nonexistent::of(format!("vendor {vendor}")))?;
        known.addresses.entry(number).or_default().put(row);
        Ok(())
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
            vendor: VendorRef {
                setid: unit.vendor_setid,
                id: new.vendor.clone(),
                location: "MAIN".into(),
                address: new.vendor_address,
            },
            reference: new.reference.clone(),
            bill_location: super::basics::BILL_TO.into(),
            currency: "USD".into(),
            lines,
            last_update: self.local(now.checked_sub(late).unwrap_or(now)),
        };
        self.documents.insert(key.clone(), document);
        Ok(key)
    }

    fn new_line(
        &self,
        number: i64,
        unit: &BusinessUnit,
        document: &NewDocument,
        new: &NewLine,
    ) -> Result<Line, Nonexistent> {
        let item = self.items.get(&(unit.item_setid.clone(), new.item.clone()));
        let item = item.ok_or_else(|| Nonexistent::of(format!("item {}", new.item)))?;
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
            description: item.description.clone(),
            unit: or(&new.unit, &item.unit),
            vendor: None,
            schedules: schedules.map(schedule).collect(),
        })
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

/// Working on documents.
impl World {
    /// A person changes a document: `change` is applied and `LAST_DTTM_UPDATE` moves.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn change(
        &mut self,
        key: &DocKey,
        now: Timestamp,
        change: impl FnOnce(&mut Document),
    ) -> Result<(), Nonexistent> {
        let local = self.local(now);
        let document = self.document(key)?;
        change(document);
        document.last_update = local;
        Ok(())
    }

    /// Sets the status.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn set_status(&mut self, key: &DocKey, status: &str, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| document.status = status.into())
    }

    /// The dispatch batch sends the order to its vendor.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn dispatch(&mut self, key: &DocKey, now: Timestamp) -> Result<(), Nonexistent> {
        if self.options.dispatch_touches_header {
            return self.set_status(key, "D", now);
        }
        self.document(key)?.status = "D".into();
        Ok(())
    }

    /// Puts the document on hold or takes it off.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn hold(&mut self, key: &DocKey, hold: bool, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| document.hold = hold)
    }

    /// Cancels the document with all its schedules.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn cancel(&mut self, key: &DocKey, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| {
            document.status = "X".into();
            schedules(document).for_each(|schedule| schedule.status = "X".into());
        })
    }

    /// Cancels one line.
    ///
    /// # Errors
    /// When there is no such document or line.
    pub fn cancel_line(&mut self, key: &DocKey, line: i64, now: Timestamp) -> Result<(), Nonexistent> {
        self.change_line(key, line, now, |schedule| schedule.status = "X".into())
    }

    /// Changes the quantity of a line's schedules.
    ///
    /// # Errors
    /// When there is no such document or line.
    pub fn change_quantity(
        &mut self,
        key: &DocKey,
        line: i64,
        quantity: Decimal,
        now: Timestamp,
    ) -> Result<(), Nonexistent> {
        self.change_line(key, line, now, |schedule| schedule.quantity = quantity)
    }

    /// Sends the whole document to another location.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn change_ship_to(&mut self, key: &DocKey, location: &str, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| {
            schedules(document).for_each(|schedule| schedule.ship_to = location.into());
        })
    }

    /// Lets another carrier bring the whole document.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn change_carrier(&mut self, key: &DocKey, carrier: &str, now: Timestamp) -> Result<(), Nonexistent> {
        self.change(key, now, |document| {
            schedules(document).for_each(|schedule| schedule.carrier = carrier.into());
        })
    }

    /// Goods of a line come in.
    ///
    /// # Errors
    /// When there is no such document or line.
    pub fn receive(&mut self, key: &DocKey, line: i64, quantity: Decimal, now: Timestamp) -> Result<(), Nonexistent> {
        let before = self.document(key)?.last_update;
        self.change_line(key, line, now, |schedule| schedule.received += quantity)?;
        if !self.options.receiving_touches_header {
            self.document(key)?.last_update = before;
        }
        Ok(())
    }

    /// Puts `LAST_DTTM_UPDATE` back, as a transaction that was committed late has it.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn backdate(&mut self, key: &DocKey, by: SignedDuration) -> Result<(), Nonexistent> {
        let document = self.document(key)?;
        document.last_update = document.last_update.saturating_sub(by);
        Ok(())
    }

    /// A buyer turns a requisition into a purchase order, whose distributions say where they came from; the requisition
    /// completes.
    ///
    /// # Errors
    /// When there is no such requisition.
    pub fn turn_into_order(&mut self, requisition: &DocKey, now: Timestamp) -> Result<DocKey, Nonexistent> {
        let source = self.document(requisition)?.clone();
        let key = DocKey::new(&requisition.business_unit, DocType::Po, &self.next_number());
        let lines = source.lines.iter().map(|line| sourced(line, requisition)).collect();
        let order = Document {
            key: key.clone(),
            status: "D".into(),
            lines,
            last_update: self.local(now),
            ..source
        };
        self.documents.insert(key.clone(), order);
        self.set_status(requisition, "C", now)?;
        Ok(key)
    }

    fn change_line(
        &mut self,
        key: &DocKey,
        line: i64,
        now: Timestamp,
        change: impl Fn(&mut Schedule),
    ) -> Result<(), Nonexistent> {
        let known = self.document(key)?.lines.iter().any(|one| one.number == line);
        if !known {
            return Err(Nonexistent::of(format!("line {line} of {key}")));
        }
        self.change(key, now, |document| {
            let own = document.lines.iter_mut().filter(|one| one.number == line);
            own.flat_map(|line| &mut line.schedules).for_each(change);
        })
    }
}

/// A line of an order that remembers the requisition that it came from.
fn sourced(line: &Line, requisition: &DocKey) -> Line {
    let mut line = line.clone();
    for schedule in &mut line.schedules {
        for share in &mut schedule.distributions {
            share.requisition = Some(RequisitionLink {
                business_unit: requisition.business_unit.clone(),
                id: requisition.id.clone(),
                line: line.number,
                schedule: schedule.number,
            });
        }
    }
    line
}

fn schedules(document: &mut Document) -> impl Iterator<Item = &mut Schedule> {
    document.lines.iter_mut().flat_map(|line| &mut line.schedules)
}

/// A row that is active from `from` on.
pub fn active<T>(from: Date, value: T) -> Dated<T> {
    Dated {
        from,
        active: true,
        value,
    }
}
