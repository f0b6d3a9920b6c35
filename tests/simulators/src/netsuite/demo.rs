//! A set of orders as a day brings them: most of them plain, and one or two of each kind that needs attention.
//!
//! The addresses are ones that the UPS simulator judges as the kind says: streets of its table, towns of which it knows
//! every street (so that another street is invalid), a street whose direction is missing (ambiguous).

use super::model::{Address, Id};
use super::people::{ItemKey, NewLine, NewOrder};
use super::refusal::Refusal;
use super::world::World;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why an order is in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemoKind {
    /// Ships without more ado.
    Good,
    /// Its address does not exist.
    InvalidAddress,
    /// Its address could be several.
    AmbiguousAddress,
    /// Goes to another country.
    International,
    /// Needs several parcels.
    MultiPackage,
    /// Its item has no weight.
    NoWeight,
    /// Five ordered, three committed: the rest ships later.
    TwoWaves,
    /// Its address is wrong at first and put right while the order is held.
    EditedWhileHeld,
    /// Will be cancelled while it waits.
    CancelledWhileQueued,
}

const SPECIAL: [DemoKind; 9] = [
    DemoKind::InvalidAddress,
    DemoKind::AmbiguousAddress,
    DemoKind::International,
    DemoKind::MultiPackage,
    DemoKind::NoWeight,
    DemoKind::TwoWaves,
    DemoKind::EditedWhileHeld,
    DemoKind::CancelledWhileQueued,
    DemoKind::InvalidAddress,
];

/// An order of the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DemoOrder {
    /// Why it is in the set.
    pub kind: DemoKind,
    /// The order as a person enters it.
    pub order: NewOrder,
    /// The right address, for the kinds whose first one is wrong.
    pub correction: Option<Address>,
}

impl DemoOrder {
    /// Enters the order into an account that has the basic items; answers its internal id.
    ///
    /// # Errors
    /// When the account has not these items.
    pub fn enter(&self, world: &mut World, now: Timestamp) -> Result<Id, Refusal> {
        world.add_order(self.order.clone(), now)
    }
}

/// `count` orders: the special kinds first in number, the rest good, in an order that the seed decides.
pub fn demo_orders(count: usize, seed: u64) -> Vec<DemoOrder> {
    let good = std::iter::repeat(DemoKind::Good);
    let mut dice = Dice(seed);
    let mut kinds: Vec<DemoKind> = SPECIAL.into_iter().chain(good).take(count).collect();
    for last in (1..kinds.len()).rev() {
        kinds.swap(last, dice.below(last + 1));
    }
    kinds
        .into_iter()
        .enumerate()
        .map(|(index, kind)| demo_order(kind, index, &mut dice))
        .collect()
}

fn demo_order(kind: DemoKind, index: usize, dice: &mut Dice) -> DemoOrder {
    let (address, correction) = addresses(kind, index, dice);
    let order = NewOrder {
        customer_phone: format!("404555{:04}", 100 + index),
        email: format!("orders+{index}@example.com"),
        other_ref_num: format!("PO-{}", 48_000 + dice.below(1_000) * 7 + index),
        memo: String::new(),
        custom: BTreeMap::new(),
        ..NewOrder::to(address, lines(kind, dice))
    };
    DemoOrder {
        kind,
        order,
        correction,
    }
}

fn addresses(kind: DemoKind, index: usize, dice: &mut Dice) -> (Address, Option<Address>) {
    match kind {
        DemoKind::InvalidAddress if index.is_multiple_of(2) => (us(&NO_SUCH_STREET), Some(us(&PROSPECT))),
        DemoKind::InvalidAddress => (us(&WRONG_STATE), Some(us(&SAN_ANTONIO))),
        DemoKind::EditedWhileHeld => (us(&GHOST_ROAD), Some(us(&SUBWAY))),
        DemoKind::AmbiguousAddress => (us(&MAIN), Some(us(&NORTH_MAIN))),
        DemoKind::International if dice.below(2) == 0 => (toronto(), None),
        DemoKind::International => (berlin(), None),
        _ => {
            let chosen = GOOD.get(dice.below(GOOD.len())).unwrap_or(&PROSPECT);
            let mut address = us(chosen);
            // Every fourth order has its phone on the customer only.
            if index.is_multiple_of(4) {
                address.phone = String::new();
            }
            (address, None)
        }
    }
}

fn lines(kind: DemoKind, dice: &mut Dice) -> Vec<NewLine> {
    match kind {
        DemoKind::MultiPackage => vec![line("MOTOR-38", 6), line("VALVE-9", 4)],
        DemoKind::NoWeight => vec![line("GASKET-NEW", 2)],
        DemoKind::TwoWaves => vec![line("PUMP-010", 5).committed(3)],
        _ => plain_lines(dice),
    }
}

fn plain_lines(dice: &mut Dice) -> Vec<NewLine> {
    let quantity = u32::try_from(dice.below(3)).unwrap_or_default() + 1;
    match dice.below(5) {
        0 => vec![line("VALVE-9", 1), line("MANUAL-EN", 1)],
        1 => vec![line("SEAL-KG", quantity), line("PUMP-010", 1)],
        2 => vec![line("KIT-77", quantity), line("SETUP", 1)],
        3 => vec![line("MOTOR-38", 1)],
        _ => vec![line("PUMP-010", quantity)],
    }
}

fn line(sku: &str, quantity: u32) -> NewLine {
    NewLine {
        item: ItemKey::Sku(sku.into()),
        quantity: Decimal::from(quantity),
        ..NewLine::of(0, quantity)
    }
}

/// Company, contact, street, city, state, ZIP code, phone.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const GOOD: [Row; 14] = [
    (
        "Hudson Supply Co",
        "Ann Lee",
        "350 5th Ave",
        "New York",
        "NY",
        "10118",
        "2125550142",
    ),
    (
        "York Road Pharmacy",
        "R. Bell",
        "2311 York Road",
        "Timonium",
        "MD",
        "21093",
        "4105550137",
    ),
    (
        "Shoreline Software Inc",
        "Mail room",
        "1600 Amphitheatre Parkway",
        "Mountain View",
        "CA",
        "94043",
        "6505550190",
    ),
    (
        "Lakeside Dental Group",
        "Front desk",
        "233 South Wacker Drive",
        "Chicago",
        "IL",
        "60606",
        "3125550109",
    ),
    (
        "Friendly Confines Store",
        "Gate K",
        "1060 W Addison St",
        "Chicago",
        "IL",
        "60613",
        "7735550172",
    ),
    (
        "",
        "Lena Petrov",
        "742 Evergreen Terrace",
        "Springfield",
        "OR",
        "97477",
        "5415550133",
    ),
    (
        "Aliso Optics LLC",
        "Kim Tran",
        "26601 Aliso Creek Road Suite D",
        "Aliso Viejo",
        "CA",
        "92656",
        "9495550115",
    ),
    (
        "Galena Hardware Co",
        "Otto",
        "221 S Main St",
        "Galena",
        "IL",
        "61036",
        "8155550161",
    ),
    (
        "Copper Queen Supply",
        "Receiving",
        "7 Naco Road",
        "Bisbee",
        "AZ",
        "85603",
        "5205550102",
    ),
    (
        "High Desert Foundry Inc",
        "Dock 2",
        "302 W San Antonio St",
        "Marfa",
        "TX",
        "79843",
        "4325550148",
    ),
    (
        "",
        "Abby Field",
        "100 Main Street Apt 2",
        "Montpelier",
        "VT",
        "05602",
        "8025550129",
    ),
    ("", "Jo Redd", "75 North 200 West", "Moab", "UT", "84532", "4355550166"),
    (
        "Aurora Outfitters LLC",
        "Nils",
        "825 W 8th Avenue",
        "Anchorage",
        "AK",
        "99501",
        "9075550151",
    ),
    (
        "Hamakua Coffee Co",
        "Leilani",
        "9 Keawe Street",
        "Hilo",
        "HI",
        "96720",
        "8085550184",
    ),
];
const PROSPECT: Row = (
    "",
    "Ida Marsh",
    "515 Prospect St",
    "Galena",
    "IL",
    "61036",
    "8155550111",
);
const NO_SUCH_STREET: Row = ("", "Ida Marsh", "1 Nowhere Lane", "Galena", "IL", "61036", "8155550111");
const SAN_ANTONIO: Row = (
    "",
    "Sue Ortega",
    "1411 W San Antonio St",
    "Marfa",
    "TX",
    "79843",
    "4325550101",
);
const WRONG_STATE: Row = (
    "",
    "Sue Ortega",
    "1411 W San Antonio St",
    "Marfa",
    "NY",
    "79843",
    "4325550101",
);
const SUBWAY: Row = ("", "Pat Quill", "41 Subway St", "Bisbee", "AZ", "85603", "5205550177");
const GHOST_ROAD: Row = (
    "",
    "Pat Quill",
    "4100 Subway Canyon Rd",
    "Bisbee",
    "AZ",
    "85603",
    "5205550177",
);
const MAIN: Row = (
    "Galena Books Co",
    "Ruth",
    "221 Main St",
    "Galena",
    "IL",
    "61036",
    "8155550190",
);
const NORTH_MAIN: Row = (
    "Galena Books Co",
    "Ruth",
    "221 N Main St",
    "Galena",
    "IL",
    "61036",
    "8155550190",
);

fn us(row: &Row) -> Address {
    let (company, contact, street, city, state, zip, phone) = *row;
    let addressee = if company.is_empty() { contact } else { company };
    Address {
        addressee: addressee.into(),
        attention: if company.is_empty() {
            String::new()
        } else {
            contact.into()
        },
        addr1: street.into(),
        city: city.into(),
        state: state.into(),
        zip: zip.into(),
        country: "US".into(),
        phone: phone.into(),
        ..Address::default()
    }
}

fn toronto() -> Address {
    Address {
        addressee: "Maple Tools Ltd".into(),
        attention: "R. Tremblay".into(),
        addr1: "150 King St W".into(),
        city: "Toronto".into(),
        state: "ON".into(),
        zip: "M5H 1J9".into(),
        country: "CA".into(),
        phone: "4165550134".into(),
        ..Address::default()
    }
}

fn berlin() -> Address {
    Address {
        addressee: "Spree Maschinen GmbH".into(),
        attention: "Jo Kaefer".into(),
        addr1: "Friedrichstrasse 43".into(),
        city: "Berlin".into(),
        zip: "10117".into(),
        country: "DE".into(),
        phone: "4930123456".into(),
        ..Address::default()
    }
}

/// Numbers that depend on the seed only.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % (limit.max(1) as u64)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_there_and_a_seed_repeats_itself() {
        let orders = demo_orders(30, 7);
        assert_eq!(orders, demo_orders(30, 7));
        assert_ne!(orders, demo_orders(30, 8));
        let count = |kind| orders.iter().filter(|one| one.kind == kind).count();
        assert_eq!((count(DemoKind::Good), count(DemoKind::InvalidAddress)), (21, 2));
        assert!(SPECIAL.into_iter().all(|kind| count(kind) >= 1));
        assert!(
            orders
                .iter()
                .filter(|one| one.kind == DemoKind::EditedWhileHeld)
                .all(|one| one.correction.is_some())
        );
    }

    #[test]
    fn all_of_them_can_be_entered() {
        let (mut world, _) = World::new(Default::default());
        let now = "2026-02-03T18:00:00Z".parse().unwrap();
        for one in demo_orders(50, 1) {
            one.enter(&mut world, now).unwrap();
        }
        assert_eq!(world.orders.len(), 50);
    }
}
