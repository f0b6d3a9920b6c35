//! What an installation starts with: two business units that share SETIDs, a vendor with two addresses, the company's own
//! locations, and items weighed in the customer's own units.

use super::define::active;
use super::model::{Address, BusinessUnit, Dated, Measures, Place, VendorAddress};
use super::world::{Nonexistent, World};
use jiff::civil::{Date, date};
use rust_decimal::Decimal;

/// The first business unit.
pub const UNIT: &str = "US001";
/// The other one.
pub const OTHER_UNIT: &str = "US002";
/// The first vendor; its address 1 is for orders, 2 for returns.
pub const VENDOR: &str = "0000000042";
/// The location that documents go to when they do not say.
pub const SHIP_TO: &str = "TIMONIUM";
/// The location that invoices go to.
pub const BILL_TO: &str = "HQ";
/// `CARRIER_ID` of UPS.
pub const CARRIER: &str = "UPS";
/// `CARRIER_ID` of another carrier.
pub const OTHER_CARRIER: &str = "YELLOW";

/// Since when the basics hold.
pub const SINCE: Date = date(2015, 1, 1);

/// Id, description, attention, street, city, state, ZIP code, phone.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// The company's locations, all of them where parcels can be brought.
#[rustfmt::skip]
pub(super) const LOCATIONS: [Row; 10] = [
    ("HQ", "Head office", "Accounts payable", "233 South Wacker Drive", "Chicago", "IL", "60606", "3125550109"),
    ("TIMONIUM", "Timonium works", "Receiving", "2311 York Road", "Timonium", "MD", "21093", "4105550137"),
    ("NYC-OFFICE", "New York office", "Mail room", "350 5th Ave", "New York", "NY", "10118", "2125550142"),
    ("MTN-VIEW", "Mountain View lab", "Front desk", "1600 Amphitheatre Parkway", "Mountain View", "CA", "94043", "6505550190"),
    ("CHI-NORTH", "Chicago north store", "Gate K", "1060 W Addison St", "Chicago", "IL", "60613", "7735550172"),
    ("ALISO", "Aliso Viejo optics", "Dock D", "26601 Aliso Creek Road Suite D", "Aliso Viejo", "CA", "92656", "9495550115"),
    ("GALENA-S", "Galena depot", "Otto", "221 S Main St", "Galena", "IL", "61036", "8155550161"),
    ("BISBEE", "Bisbee mine office", "Receiving", "7 Naco Road", "Bisbee", "AZ", "85603", "5205550102"),
    ("MARFA", "Marfa foundry", "Dock 2", "302 W San Antonio St", "Marfa", "TX", "79843", "4325550148"),
    ("ANCHORAGE", "Anchorage depot", "Nils", "825 W 8th Avenue", "Anchorage", "AK", "99501", "9075550151"),
];

/// Item, description, standard unit, weight in hundredths, weight unit, size in inches.
type ItemRow = (&'static str, &'static str, &'static str, i64, &'static str, [i64; 3]);

/// The company's items.
#[rustfmt::skip]
const ITEMS: [ItemRow; 7] = [
    ("PUMP-010", "Transfer pump, 10 gpm", "EA", 1250, "LB", [14, 10, 9]),
    ("VALVE-9", "Ball valve, brass, 3/4 in", "EA", 220, "LBS", [6, 4, 4]),
    ("MOTOR-38", "Gear motor, 1 hp", "EA", 3800, "LB", [16, 12, 12]),
    ("SEAL-KG", "Mechanical seal", "EA", 45, "KG", [0, 0, 0]),
    ("MANUAL-EN", "Service manual, English", "EA", 80, "LBS", [11, 9, 1]),
    ("FILTER-CS", "Filter cartridges, 12 a case", "CS", 900, "LB", [20, 15, 10]),
    ("GASKET-NEW", "Gasket set, not yet weighed", "EA", 0, "", [0, 0, 0]),
];

/// Defines them all.
pub(super) fn define(world: &mut World) {
    for id in [UNIT, OTHER_UNIT] {
        world.add_business_unit(BusinessUnit {
            id: id.into(),
            item_setid: "SHARE".into(),
            vendor_setid: "VND01".into(),
            location_setid: "CORP1".into(),
        });
    }
    // The business unit has just been defined, so nothing can be missing.
    let _ = define_places(world).and_then(|()| define_items(world));
}

fn define_places(world: &mut World) -> Result<(), Nonexistent> {
    for row in &LOCATIONS {
        world.put_location(UNIT, row.0, active(SINCE, place(row)))?;
    }
    world.add_vendor(UNIT, VENDOR, "Cascade Pump Works Inc")?;
    let moved = VendorAddress {
        address: Address::us("12380 Morris Road", "Alpharetta", "GA", "30005"),
        phone: "7705550119".into(),
        email: "orders@cascade.example".into(),
    };
    let before = VendorAddress {
        address: Address::us("1 Old Mill Road", "Macon", "GA", "31201"),
        ..moved.clone()
    };
    let returns = VendorAddress {
        address: Address::us("9 Keawe Street", "Hilo", "HI", "96720"),
        ..moved.clone()
    };
    world.put_vendor_address(UNIT, VENDOR, 1, active(SINCE, before))?;
    world.put_vendor_address(UNIT, VENDOR, 1, active(date(2024, 7, 1), moved))?;
    world.put_vendor_address(UNIT, VENDOR, 2, active(SINCE, returns))
}

fn define_items(world: &mut World) -> Result<(), Nonexistent> {
    for (item, description, unit, weight, weight_unit, size) in ITEMS {
        let measures = Measures {
            size: size.map(Decimal::from),
            size_unit: if size == [0; 3] { String::new() } else { "IN".into() },
            origin: "USA".into(),
            ..Measures::weighing(Decimal::new(weight, 2), weight_unit)
        };
        world.add_item(UNIT, item, (description, unit), measures, SINCE)?;
    }
    Ok(())
}

/// A location from its row.
pub(super) fn place(row: &Row) -> Place {
    let (_, description, attention, street, city, state, postal, phone) = *row;
    Place {
        description: description.into(),
        attention: attention.into(),
        address: Address::us(street, city, state, postal),
        phone: phone.into(),
    }
}

/// A row of a location that is closed from that day on.
pub fn closed(from: Date, place: Place) -> Dated<Place> {
    Dated {
        active: false,
        ..active(from, place)
    }
}
