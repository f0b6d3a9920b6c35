//! A set of purchase orders and requisitions as a day brings them: most of them plain, and one of each kind that needs
//! attention.
//!
//! The addresses are ones that the UPS simulator judges as the kind says: streets of its table, and streets that do not exist
//! in towns of which it knows every one.

use super::basics::{LOCATIONS, OTHER_CARRIER, UNIT};
use super::model::{Address, DocKey, Place};
use super::people::{NewDocument, NewLine};
use super::world::{Nonexistent, World};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Why a document is in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemoKind {
    /// A purchase order that ships without more ado.
    Good,
    /// A requisition that ships without more ado.
    Requisition,
    /// The address of its location does not exist; a person corrects the location.
    WrongAddress,
    /// Its item has no weight; a person weighs it.
    NoWeight,
    /// Another carrier brings it.
    OtherCarrier,
    /// Cancelled while it waits.
    Cancelled,
    /// A requisition that a buyer turns into a purchase order.
    RequisitionToOrder,
    /// Several lines and departments, one of them to another location.
    Mixed,
}

const SPECIAL: [DemoKind; 8] = [
    DemoKind::WrongAddress,
    DemoKind::NoWeight,
    DemoKind::OtherCarrier,
    DemoKind::Cancelled,
    DemoKind::Requisition,
    DemoKind::RequisitionToOrder,
    DemoKind::Mixed,
    DemoKind::Requisition,
];

/// A document of the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DemoOrder {
    /// Why it is in the set.
    pub kind: DemoKind,
    /// The document as a person enters it.
    pub document: NewDocument,
    /// A location that has to be defined for it.
    pub location: Option<(String, Place)>,
    /// What the location is corrected to, for the kind whose address is wrong.
    pub correction: Option<Place>,
}

impl DemoOrder {
    /// Enters the document into an installation that has the basics, and defines its location.
    ///
    /// # Errors
    /// When the installation has not these items or business units.
    pub fn enter(&self, world: &mut World, now: Timestamp) -> Result<DocKey, Nonexistent> {
        if let Some((location, place)) = &self.location {
            world.correct_location(UNIT, location, place.clone(), now)?;
        }
        match self.kind {
            DemoKind::Requisition | DemoKind::RequisitionToOrder => world.enter_requisition(&self.document, now),
            _ => world.enter_order(&self.document, now),
        }
    }

    /// Does what its kind says that a person does later; answers the purchase order that came out of a requisition.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn play(&self, key: &DocKey, world: &mut World, now: Timestamp) -> Result<Option<DocKey>, Nonexistent> {
        match (self.kind, &self.location, &self.correction) {
            (DemoKind::WrongAddress, Some((location, _)), Some(right)) => {
                world.correct_location(UNIT, location, right.clone(), now)?;
            }
            (DemoKind::NoWeight, ..) => world.weigh_item(UNIT, UNWEIGHED, Decimal::new(4, 1), "LB", now)?,
            (DemoKind::Cancelled, ..) => world.cancel(key, now)?,
            (DemoKind::RequisitionToOrder, ..) => return world.turn_into_order(key, now).map(Some),
            _ => {}
        }
        Ok(None)
    }

    /// Whether a person does something about it later.
    pub fn awaits_a_person(&self) -> bool {
        matches!(
            self.kind,
            DemoKind::WrongAddress | DemoKind::NoWeight | DemoKind::Cancelled | DemoKind::RequisitionToOrder
        )
    }
}

const UNWEIGHED: &str = "GASKET-NEW";

/// `count` documents: the special kinds first in number, the rest good, in an order that the seed decides.
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
    let (location, correction) = if kind == DemoKind::WrongAddress {
        let (wrong, right) = site(dice);
        (Some((format!("SITE-{index:05}"), wrong)), Some(right))
    } else {
        (None, None)
    };
    let ship_to = match &location {
        Some((location, _)) => location.as_str(),
        None => known_location(dice),
    };
    let mut document = NewDocument {
        reference: format!("Q-{}", 48_000 + dice.below(1_000) * 7 + index),
        department: format!("{}", 41_000 + 100 * dice.below(5)),
        ..NewDocument::with(lines(kind, dice)).to(ship_to)
    };
    if kind == DemoKind::OtherCarrier {
        document = document.by(OTHER_CARRIER);
    }
    DemoOrder {
        kind,
        document,
        location,
        correction,
    }
}

fn known_location(dice: &mut Dice) -> &'static str {
    LOCATIONS
        .get(dice.below(LOCATIONS.len()))
        .map_or(super::basics::SHIP_TO, |row| row.0)
}

/// A new site as it was typed first, and as it really is.
fn site(dice: &mut Dice) -> (Place, Place) {
    let (wrong, right) = if dice.below(2) == 0 {
        (
            Address::us("4100 Subway Canyon Rd", "Bisbee", "AZ", "85603"),
            Address::us("41 Subway St", "Bisbee", "AZ", "85603"),
        )
    } else {
        (
            Address::us("1 Nowhere Lane", "Galena", "IL", "61036"),
            Address::us("515 Prospect St", "Galena", "IL", "61036"),
        )
    };
    let place = |address: Address| Place {
        description: "New field site".into(),
        attention: "Site manager".into(),
        address,
        phone: "5205550177".into(),
    };
    (place(wrong), place(right))
}

fn lines(kind: DemoKind, dice: &mut Dice) -> Vec<NewLine> {
    let quantity = u32::try_from(dice.below(3)).unwrap_or_default() + 1;
    match kind {
        DemoKind::NoWeight => vec![NewLine::of(UNWEIGHED, quantity)],
        DemoKind::Mixed => vec![
            NewLine::of("PUMP-010", 2).paid_by(&["41000", "41300"]),
            NewLine::of("VALVE-9", 4).to("MARFA"),
        ],
        _ => match dice.below(5) {
            0 => vec![NewLine::of("VALVE-9", 1), NewLine::of("MANUAL-EN", 1)],
            1 => vec![NewLine::of("SEAL-KG", quantity), NewLine::of("PUMP-010", 1)],
            2 => vec![NewLine::of("FILTER-CS", quantity)],
            3 => vec![NewLine::of("MOTOR-38", 1)],
            _ => vec![NewLine::of("PUMP-010", quantity)],
        },
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
        assert_eq!((count(DemoKind::Good), count(DemoKind::Requisition)), (22, 2));
        assert!(SPECIAL.into_iter().all(|kind| count(kind) >= 1));
    }

    #[test]
    fn all_of_them_can_be_entered_and_played() {
        let mut world = World::default();
        super::super::basics::define(&mut world);
        let now = "2026-02-03T18:00:00Z".parse().unwrap();
        for one in demo_orders(50, 1) {
            let key = one.enter(&mut world, now).unwrap();
            let order = one.play(&key, &mut world, now).unwrap();
            assert_eq!(order.is_some(), one.kind == DemoKind::RequisitionToOrder);
        }
        assert_eq!(world.documents.len(), 51);
    }
}
