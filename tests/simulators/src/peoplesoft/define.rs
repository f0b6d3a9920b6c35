//! What people define before anybody buys: business units, items, locations, vendors.
//!
//! A correction is a new effective-dated row, or the correction of today's; no document notices.

use super::model::{BusinessUnit, Dated, Item, Measures, Place, Vendor, VendorAddress};
use super::world::{Nonexistent, World};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

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

/// A row that is active from `from` on.
pub fn active<T>(from: Date, value: T) -> Dated<T> {
    Dated {
        from,
        active: true,
        value,
    }
}
