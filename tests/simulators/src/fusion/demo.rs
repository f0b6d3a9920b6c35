//! A set of purchase orders as a day brings them: most of them plain, and one or two of each kind that needs attention.
//!
//! The addresses are ones that the UPS simulator judges as the kind says: streets of its table, and towns of which it knows
//! every street, so that another street there does not exist.

use super::entering::{NewLine, NewOrder};
use super::model::{Address, Id, Uom};
use super::refusal::Refusal;
use super::world::{World, us};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Why an order is in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemoKind {
    /// Ships without more ado.
    Good,
    /// Its location's address does not exist; somebody corrects the location.
    WrongAddress,
    /// Its item has no weight; somebody weighs it.
    NoWeight,
    /// Flagged for another carrier: never ours.
    NotFlagged,
    /// Cancelled while it waits.
    Cancelled,
    /// One line that goes to two locations.
    TwoDestinations,
    /// Entered some time ago and approved only now: its `CreationDate` is old.
    ApprovedLate,
}

const SPECIAL: [DemoKind; 7] = [
    DemoKind::WrongAddress,
    DemoKind::NoWeight,
    DemoKind::NotFlagged,
    DemoKind::Cancelled,
    DemoKind::TwoDestinations,
    DemoKind::ApprovedLate,
    DemoKind::WrongAddress,
];

/// A place that orders go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The location's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Address,
}

/// An order of the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DemoOrder {
    /// Why it is in the set.
    pub kind: DemoKind,
    /// The order as a buyer enters it; supplier and locations are filled in by [`DemoOrder::enter`].
    pub order: NewOrder,
    /// Where it goes.
    pub place: Place,
    /// Where its second half goes, for the kind that has two destinations.
    pub second: Option<Place>,
    /// Who sells: name, address, phone.
    pub supplier: (String, Address, String),
    /// The right address, for the kind whose first one is wrong.
    pub correction: Option<Address>,
}

/// What entering made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    /// The order's id.
    pub order: Id,
    /// Its location's id.
    pub location: Id,
}

impl DemoOrder {
    /// Enters the order and, where they are missing, its supplier and locations.
    ///
    /// # Errors
    /// When the pod has not the basic master data.
    pub fn enter(&self, world: &mut World, now: Timestamp) -> Result<Entered, Refusal> {
        let location = located(world, &self.place);
        let (name, address, phone) = &self.supplier;
        let known = world.suppliers.values().find(|one| one.name == *name).map(|one| one.id);
        let supplier = known.unwrap_or_else(|| world.add_supplier(name, address.clone(), phone));
        let mut new = NewOrder {
            supplier: Some(supplier),
            ..self.order.clone().to(location)
        };
        if let Some(second) = &self.second {
            let second = located(world, second);
            new.lines = new
                .lines
                .into_iter()
                .map(|line| line.split(&[(1, location), (1, second)]))
                .collect();
        }
        let order = world.add_order(new, now)?;
        if self.kind == DemoKind::ApprovedLate {
            // Its dates are old by then; approval moves only the last update.
            world.found(order)?.last_updated = now;
        }
        Ok(Entered { order, location })
    }

    /// What a person does later: corrects the location, weighs the item, cancels the order; nothing for the other kinds.
    ///
    /// # Errors
    /// When the order is not there.
    pub fn later(&self, world: &mut World, entered: Entered, now: Timestamp) -> Result<(), Refusal> {
        match (self.kind, &self.correction) {
            (DemoKind::WrongAddress, Some(right)) => world.correct_location(entered.location, right.clone()),
            (DemoKind::NoWeight, _) => {
                let weight = (Decimal::new(35, 2), Uom::new("LBS", "Pound"));
                world.weigh_item("GASKET-NEW", Some(&weight))
            }
            (DemoKind::Cancelled, _) => world.cancel(entered.order, now),
            _ => Ok(()),
        }
    }
}

fn located(world: &mut World, place: &Place) -> Id {
    let known = world
        .locations
        .values()
        .find(|one| one.code == place.code)
        .map(|one| one.id);
    known.unwrap_or_else(|| world.add_location(&place.code, &place.name, place.address.clone()))
}

/// `count` orders: the special kinds first in number, the rest good, in an order that the seed decides.
pub fn demo_orders(count: usize, seed: u64) -> Vec<DemoOrder> {
    let good = std::iter::repeat(DemoKind::Good);
    let mut dice = Dice(seed);
    let mut kinds: Vec<DemoKind> = SPECIAL.into_iter().chain(good).take(count).collect();
    for last in (1..kinds.len()).rev() {
        kinds.swap(last, dice.below(last + 1));
    }
    let numbered = kinds.into_iter().enumerate();
    numbered
        .map(|(index, kind)| demo_order(kind, index, &mut dice))
        .collect()
}

fn demo_order(kind: DemoKind, index: usize, dice: &mut Dice) -> DemoOrder {
    let (place, correction) = match kind {
        DemoKind::WrongAddress => wrong(index),
        _ => (place(dice.choose(&PLACES)), None),
    };
    let second = (kind == DemoKind::TwoDestinations).then(|| {
        let others: Vec<&Row> = PLACES.iter().filter(|row| row.0 != place.code).collect();
        self::place(others.get(dice.below(others.len())).copied().or(PLACES.first()))
    });
    let mut order = NewOrder {
        description: Some(format!("Replenishment {}", 4_100 + index)),
        ..NewOrder::of(lines(kind, dice))
    };
    match kind {
        DemoKind::NotFlagged => order = order.by(Some("Hill Country Freight")),
        DemoKind::ApprovedLate => order = order.late_by(3 * 86_400),
        _ => {}
    }
    let seller = dice.choose(&SUPPLIERS);
    DemoOrder {
        kind,
        order,
        place,
        second,
        supplier: supplier(seller),
        correction,
    }
}

fn lines(kind: DemoKind, dice: &mut Dice) -> Vec<NewLine> {
    let quantity = u32::try_from(dice.below(3)).unwrap_or_default() + 1;
    match (kind, dice.below(4)) {
        (DemoKind::NoWeight, _) => vec![NewLine::of("PUMP-010", 1), NewLine::of("GASKET-NEW", 4)],
        (DemoKind::TwoDestinations, _) => vec![NewLine::of("VALVE-9", 2)],
        (_, 0) => vec![NewLine::of("VALVE-9", quantity), NewLine::of("PUMP-010", 1)],
        (_, 1) => vec![NewLine::of("MOTOR-38", 1).charged_to("01-540-5110-0000")],
        (_, 2) => vec![NewLine::of("VALVE-9", quantity + 2)],
        _ => vec![NewLine::of("PUMP-010", quantity)],
    }
}

/// Code, name, street, city, state, ZIP code.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const PLACES: [Row; 8] = [
    (
        "GALENA_DC",
        "Galena Distribution",
        "221 S Main St",
        "Galena",
        "IL",
        "61036",
    ),
    (
        "MARFA_PLANT",
        "Marfa Plant",
        "302 W San Antonio St",
        "Marfa",
        "TX",
        "79843",
    ),
    ("BISBEE_MILL", "Bisbee Mill", "7 Naco Road", "Bisbee", "AZ", "85603"),
    (
        "CHICAGO_HQ",
        "Chicago Head Office",
        "233 South Wacker Drive",
        "Chicago",
        "IL",
        "60606",
    ),
    (
        "TIMONIUM_LAB",
        "Timonium Laboratory",
        "2311 York Road",
        "Timonium",
        "MD",
        "21093",
    ),
    ("HILO_DEPOT", "Hilo Depot", "9 Keawe Street", "Hilo", "HI", "96720"),
    (
        "ANCHORAGE_YARD",
        "Anchorage Yard",
        "825 W 8th Avenue",
        "Anchorage",
        "AK",
        "99501",
    ),
    ("NEW_YORK", "New York Office", "350 5th Ave", "New York", "NY", "10118"),
];

const SUPPLIERS: [Row; 3] = [
    (
        "3125550109",
        "Lake Michigan Pumps LLC",
        "233 South Wacker Drive",
        "Chicago",
        "IL",
        "60606",
    ),
    (
        "4105550137",
        "Chesapeake Valve Co",
        "2311 York Road",
        "Timonium",
        "MD",
        "21093",
    ),
    (
        "4325550148",
        "High Desert Foundry Inc",
        "302 W San Antonio St",
        "Marfa",
        "TX",
        "79843",
    ),
];

fn place(row: Option<&Row>) -> Place {
    let (code, name, street, city, state, zip) = row.copied().unwrap_or_default();
    Place {
        code: code.into(),
        name: name.into(),
        address: us(street, city, state, zip),
    }
}

fn supplier(row: Option<&Row>) -> (String, Address, String) {
    let (phone, name, street, city, state, zip) = row.copied().unwrap_or_default();
    (name.into(), us(street, city, state, zip), phone.into())
}

/// A location of its own whose street does not exist, and the right one.
fn wrong(index: usize) -> (Place, Option<Address>) {
    let (bad, good) = if index.is_multiple_of(2) {
        (
            us("1 Nowhere Lane", "Galena", "IL", "61036"),
            us("515 Prospect St", "Galena", "IL", "61036"),
        )
    } else {
        (
            us("4100 Subway Canyon Rd", "Bisbee", "AZ", "85603"),
            us("41 Subway St", "Bisbee", "AZ", "85603"),
        )
    };
    let place = Place {
        code: format!("SITE_{index}"),
        name: format!("Project site {index}"),
        address: bad,
    };
    (place, Some(good))
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

    fn choose<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fusion::options::Options;

    #[test]
    fn every_kind_is_there_and_a_seed_repeats_itself() {
        let orders = demo_orders(30, 7);
        assert_eq!(orders, demo_orders(30, 7));
        assert_ne!(orders, demo_orders(30, 8));
        let count = |kind| orders.iter().filter(|one| one.kind == kind).count();
        assert_eq!((count(DemoKind::Good), count(DemoKind::WrongAddress)), (23, 2));
        assert!(SPECIAL.into_iter().all(|kind| count(kind) >= 1));
    }

    #[test]
    fn all_of_them_can_be_entered_and_mended() {
        let (mut world, _) = World::new(Options::default());
        let now = "2026-02-03T18:00:00Z".parse().unwrap();
        for one in demo_orders(50, 1) {
            let entered = one.enter(&mut world, now).unwrap();
            one.later(&mut world, entered, now).unwrap();
        }
        assert_eq!(world.orders.len(), 50);
        assert!(world.items.values().all(|item| item.weight.is_some()));
        assert_eq!(world.suppliers.len(), 3);
    }
}
