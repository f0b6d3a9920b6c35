//! The pod's books and master data, and how they start: one business unit, one organization, a supplier with a site, a
//! few items, a location.

use super::model::{
    Address, BusinessUnit, Id, Item, Location, Order, Organization, Site, Status, Supplier, SupplierAddress, Uom,
};
use super::options::Options;
use super::refusal::Refusal;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The first id: beyond what a 64-bit float can tell from its neighbours.
const FIRST_ID: Id = 300_000_047_871_921_043;

/// Number, description, price in cents, weight in hundredths of a pound, sides in inches.
type BasicItem = (&'static str, &'static str, i64, Option<i64>, Option<[i64; 3]>);

/// Everything that the pod keeps.
#[derive(Debug, Clone)]
pub struct World {
    /// Settings.
    pub options: Options,
    /// Procurement business units.
    pub business_units: BTreeMap<Id, BusinessUnit>,
    /// Inventory organizations.
    pub organizations: BTreeMap<Id, Organization>,
    /// Locations.
    pub locations: BTreeMap<Id, Location>,
    /// Suppliers.
    pub suppliers: BTreeMap<Id, Supplier>,
    /// Items by item and organization.
    pub items: BTreeMap<(Id, Id), Item>,
    /// Orders.
    pub orders: BTreeMap<Id, Order>,
    /// Failures of the next submits, said inside a 200.
    pub(super) submit_failures: VecDeque<String>,
    last_id: Id,
    last_number: u64,
}

/// Ids of what the pod started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basics {
    /// Business unit.
    pub business_unit: Id,
    /// Organization.
    pub organization: Id,
    /// Location that orders go to.
    pub location: Id,
    /// Supplier.
    pub supplier: Id,
    /// Its site.
    pub site: Id,
}

impl World {
    /// A pod with the basic master data and no orders.
    pub fn new(options: Options) -> (Self, Basics) {
        let mut world = Self {
            options,
            business_units: BTreeMap::new(),
            organizations: BTreeMap::new(),
            locations: BTreeMap::new(),
            suppliers: BTreeMap::new(),
            items: BTreeMap::new(),
            orders: BTreeMap::new(),
            submit_failures: VecDeque::new(),
            last_id: FIRST_ID,
            last_number: 162_900,
        };
        let business_unit = world.add_business_unit("US1 Business Unit");
        let organization = world.add_organization("001");
        let location = world.add_location("GALENA_DC", "Galena Distribution", galena());
        let supplier = world.add_supplier("Lake Michigan Pumps LLC", chicago(), "3125550109");
        let site = world
            .suppliers
            .get(&supplier)
            .and_then(|one| one.sites.first())
            .map_or(0, |site| site.id);
        world.add_basic_items(organization);
        let basics = Basics {
            business_unit,
            organization,
            location,
            supplier,
            site,
        };
        (world, basics)
    }

    fn add_basic_items(&mut self, organization: Id) {
        let pounds = || Uom::new("LBS", "Pound");
        let inches = || Uom::new("INC", "Inch");
        let rows: [BasicItem; 4] = [
            (
                "PUMP-010",
                "Transfer pump, 10 gpm",
                18_900,
                Some(1_250),
                Some([14, 9, 8]),
            ),
            ("VALVE-9", "Ball valve, 9 mm", 2_150, Some(225), None),
            (
                "MOTOR-38",
                "Electric motor, 3/8 hp",
                24_500,
                Some(3_800),
                Some([18, 12, 12]),
            ),
            ("GASKET-NEW", "Gasket, new", 350, None, None),
        ];
        for (number, description, cents, weight, size) in rows {
            let id = self.next_id();
            let item = Item {
                id,
                number: number.into(),
                organization,
                description: description.into(),
                uom: Uom::new("EA", "Each"),
                price: Decimal::new(cents, 2),
                weight: weight.map(|hundredths| (Decimal::new(hundredths, 2), pounds())),
                size: size.map(|sides| (sides.map(Decimal::from), inches())),
            };
            self.items.insert((id, organization), item);
        }
    }

    /// Defines a procurement business unit.
    pub fn add_business_unit(&mut self, name: &str) -> Id {
        let id = self.next_id();
        let unit = BusinessUnit { id, name: name.into() };
        self.business_units.insert(id, unit);
        id
    }

    /// Defines an inventory organization.
    pub fn add_organization(&mut self, code: &str) -> Id {
        let id = self.next_id();
        let organization = Organization { id, code: code.into() };
        self.organizations.insert(id, organization);
        id
    }

    /// Defines a location.
    pub fn add_location(&mut self, code: &str, name: &str, address: Address) -> Id {
        let id = self.next_id();
        let location = Location {
            id,
            code: code.into(),
            name: name.into(),
            address,
        };
        self.locations.insert(id, location);
        id
    }

    /// Defines a supplier with one address and a site there.
    pub fn add_supplier(&mut self, name: &str, address: Address, phone: &str) -> Id {
        let (id, address_id, site) = (self.next_id(), self.next_id(), self.next_id());
        let place = address.city.to_uppercase();
        let supplier = Supplier {
            id,
            number: format!("{}", 1_250 + self.suppliers.len()),
            name: name.into(),
            addresses: vec![SupplierAddress {
                id: address_id,
                name: place.clone(),
                address,
                phone: phone.into(),
            }],
            sites: vec![Site {
                id: site,
                name: place,
                address: address_id,
            }],
        };
        self.suppliers.insert(id, supplier);
        id
    }

    /// Adds a site at another address to a supplier.
    ///
    /// # Errors
    /// When there is no such supplier.
    pub fn add_site(&mut self, supplier: Id, name: &str, address: Address, phone: &str) -> Result<Id, Refusal> {
        let (address_id, site) = (self.next_id(), self.next_id());
        let found = self.suppliers.get_mut(&supplier).ok_or_else(Refusal::missing)?;
        found.addresses.push(SupplierAddress {
            id: address_id,
            name: name.into(),
            address,
            phone: phone.into(),
        });
        found.sites.push(Site {
            id: site,
            name: name.into(),
            address: address_id,
        });
        Ok(site)
    }

    /// Defines an item in an organization; its id is the one that the number has in other organizations.
    pub fn add_item(&mut self, item: Item) -> Id {
        let known = self
            .items
            .values()
            .find(|one| one.number == item.number)
            .map(|one| one.id);
        let id = known.unwrap_or_else(|| self.next_id());
        self.items.insert((id, item.organization), Item { id, ..item });
        id
    }

    /// The item of that number in an organization.
    pub fn item(&self, number: &str, organization: Id) -> Option<&Item> {
        self.items
            .values()
            .find(|one| one.number == number && one.organization == organization)
    }

    /// The order of that number, or of that id.
    pub fn order_id(&self, name: &str) -> Option<Id> {
        let by_number = self.orders.values().find(|order| order.number == name);
        by_number
            .map(|order| order.id)
            .or_else(|| name.parse().ok().filter(|id| self.orders.contains_key(id)))
    }

    /// The order's state as it is shown.
    pub fn shown_status(&self, order: &Order) -> Status {
        let pending = order
            .standing()
            .is_some_and(|change| change.state == super::model::ChangeState::PendingApproval);
        if pending && order.status == Status::Open && self.options.order_shows_pending {
            Status::PendingChangeApproval
        } else {
            order.status
        }
    }

    /// The next id; ids are not consecutive.
    pub(super) fn next_id(&mut self) -> Id {
        self.last_id += 1 + self.last_id % 7;
        self.last_id
    }

    /// The next order number.
    pub(super) fn next_number(&mut self) -> String {
        self.last_number += 1;
        self.last_number.to_string()
    }

    pub(super) fn found(&mut self, order: Id) -> Result<&mut Order, Refusal> {
        self.orders.get_mut(&order).ok_or_else(Refusal::missing)
    }

    /// Something of the order is committed.
    pub(super) fn touch(order: &mut Order, now: Timestamp) {
        order.last_updated = now;
        order.version += 1;
    }
}

fn galena() -> Address {
    us("221 S Main St", "Galena", "IL", "61036")
}

fn chicago() -> Address {
    us("233 South Wacker Drive", "Chicago", "IL", "60606")
}

/// An address in the United States.
pub fn us(line1: &str, city: &str, state: &str, postal_code: &str) -> Address {
    Address {
        line1: line1.into(),
        line2: String::new(),
        city: city.into(),
        state: state.into(),
        postal_code: postal_code.into(),
        country: "US".into(),
    }
}
