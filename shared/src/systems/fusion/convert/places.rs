//! Locations and suppliers' addresses. The formatted text on an order is never taken apart.

use serde_json::Value;

use crate::domain::Address;
use crate::systems::fusion::wire::{Location, PostalAddress, PurchaseOrder, Schedule, Supplier, as_text};

/// A location, by whatever names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::systems::fusion) struct PlaceKey {
    pub(in crate::systems::fusion) id: Option<String>,
    pub(in crate::systems::fusion) code: Option<String>,
}

impl PlaceKey {
    /// What people know it by.
    pub(super) fn name(&self) -> &str {
        self.code.as_deref().or(self.id.as_deref()).unwrap_or("without a name")
    }
}

/// Where a schedule goes; `None` where it does not say.
pub(in crate::systems::fusion) fn place_key(schedule: &Schedule) -> Option<PlaceKey> {
    let code = schedule.location_code.clone().or_else(|| schedule.location.clone());
    let id = schedule.location_id.clone();
    (id.is_some() || code.is_some()).then_some(PlaceKey { id, code })
}

/// Of the rows that were found the location that is meant: one with another id is another location, whatever its code.
pub(in crate::systems::fusion) fn location_of<'a>(rows: &'a [Value], key: &PlaceKey) -> Option<&'a Value> {
    let id = |row: &Value| row.get("LocationId").and_then(as_text);
    let Some(wanted) = &key.id else {
        return match rows {
            [only] => Some(only),
            _ => None,
        };
    };
    let same = rows.iter().find(|row| id(row).as_ref() == Some(wanted));
    same.or_else(|| match rows {
        [only] if id(only).is_none() => Some(only),
        _ => None,
    })
}

/// A location's address; `None` where it has none that a parcel could reach. It stands in the location or in a child of it.
pub(in crate::systems::fusion) fn address_of_location(row: &Value) -> Option<Address> {
    let location: Location = serde_json::from_value(row.clone()).ok()?;
    let flat: PostalAddress = serde_json::from_value(row.clone()).ok()?;
    let nested = location.addresses.items.iter().chain(&location.own.items);
    let postal = nested.chain([&flat]).find(|postal| postal.line_1.is_some())?;
    let name = location.name.clone().or_else(|| location.code.clone())?;
    let mut address = address(postal, name)?;
    address.phone = address.phone.or(location.phone);
    Some(address)
}

/// An address in our words; `None` where a street, a town or a country is missing.
fn address(postal: &PostalAddress, name: String) -> Option<Address> {
    let lines = [&postal.line_1, &postal.line_2, &postal.line_3, &postal.line_4];
    let country = postal
        .country_code
        .clone()
        .or_else(|| postal.country.clone())?
        .to_uppercase();
    let address = Address {
        name,
        attention: None,
        lines: lines.into_iter().flatten().cloned().collect(),
        city: postal.town.clone().or_else(|| postal.city.clone())?,
        state: state(postal, &country),
        postal_code: postal.postal_code.clone(),
        phone: postal.phone.clone(),
        email: None,
        residential: None,
        country,
    };
    let is_code = address.country.len() == 2 && address.country.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_code && !address.lines.is_empty()).then_some(address)
}

/// The state. HCM's regions mean something else in each country: the county is the first in the United States.
fn state(postal: &PostalAddress, country: &str) -> Option<String> {
    let named = postal.state.clone().or_else(|| postal.province.clone());
    let regions = [&postal.region_2, &postal.region_1];
    let mut regions = regions.into_iter().flatten();
    let is_code = |region: &&String| region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_alphabetic());
    named.or_else(|| match country {
        "US" | "CA" | "PR" => regions.find(is_code).map(|code| code.to_uppercase()),
        _ => regions.next().cloned(),
    })
}

/// Where a supplier's goods leave: the address that the order's site names, or where that names none, the supplier's only one.
/// Of several none is guessed.
pub(in crate::systems::fusion) fn address_of_supplier(supplier: &Supplier, order: &PurchaseOrder) -> Option<Address> {
    let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    let mut sites = supplier.sites.items.iter();
    let site = sites.find(|site| same(&site.id, &order.site_id) || same(&site.name, &order.site));
    let named = site.filter(|site| site.address_id.is_some() || site.address.is_some());
    let postal = match (named, supplier.addresses.items.as_slice()) {
        (Some(site), addresses) => addresses
            .iter()
            .find(|address| same(&address.id, &site.address_id) || same(&address.name, &site.address))?,
        (None, [postal]) => postal,
        (None, _) => return None,
    };
    let name = order.supplier.clone().or_else(|| supplier.name.clone())?;
    address(postal, name)
}
