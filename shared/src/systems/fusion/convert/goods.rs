//! Items, their weights and sizes, and how many pieces a line's unit holds.

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::{Decimal, dec};

use super::orders::Known;
use crate::domain::{Dimensions, LARGEST_NUMBER, Weight};
use crate::systems::fusion::options::Options;
use crate::systems::fusion::wire::{Item, Line, Schedule};

/// What weighs less weighs nothing: another unit would have no digit for it.
const LIGHTEST: Decimal = dec!(0.000001);

/// An item in an organization: without one Fusion answers a row for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::systems::fusion) struct ItemKey {
    /// The item's number.
    pub(in crate::systems::fusion) number: String,
    /// The attribute that names the organization, and its value.
    pub(in crate::systems::fusion) organization: (&'static str, String),
}

/// The item of a schedule; `None` where its line names no item or nobody names an organization.
pub(in crate::systems::fusion) fn item_key(line: &Line, schedule: &Schedule, options: &Options) -> Option<ItemKey> {
    let id = schedule.organization_id.clone().map(|id| ("OrganizationId", id));
    let code = schedule.organization_code.clone();
    let code = code.or_else(|| options.item_organization.clone());
    Some(ItemKey {
        number: line.item.clone()?,
        organization: id.or_else(|| Some(("OrganizationCode", code?)))?,
    })
}

/// What is known of a line's goods, piece by piece, and what is wrong with that.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Goods {
    pub(super) weight: Option<Weight>,
    pub(super) dimensions: Option<Dimensions>,
    /// Pieces in one unit of the line.
    pub(super) pieces: Decimal,
    pub(super) flaw: Option<String>,
}

/// The goods of a schedule, of which `item` is what was found.
pub(super) fn goods(line: &Line, schedule: &Schedule, item: Option<&Known<Item>>, options: &Options) -> Goods {
    let item = match (&line.item, item) {
        (None, _) => {
            return flawed(
                "it names no item, so that nobody knows its weight: order an item, or ship it by hand".to_owned(),
            );
        }
        (Some(_), Some(Known::There(item))) => item,
        (Some(number), Some(Known::Missing)) => {
            return flawed(format!(
                "item {number} is not to be seen in the organization that receives it: assign it there, or let the \
                 integration's role see the organization"
            ));
        }
        (Some(number), Some(Known::Refused(why))) => {
            return flawed(format!(
                "item {number} cannot be read ({why}): give the integration's role the privilege Get Item"
            ));
        }
        (Some(_), None) => {
            let words = "its schedule names no inventory organization: enter one, or name it in erp.item_organization";
            return flawed(words.to_owned());
        }
    };
    let pieces = match pieces(line, schedule, item, options) {
        Ok(pieces) => pieces,
        Err(flaw) => return flawed(flaw),
    };
    match weight(item, options) {
        Ok(weight) => Goods {
            weight,
            dimensions: dimensions(item, options),
            pieces,
            flaw: None,
        },
        Err(flaw) => Goods { pieces, ..flawed(flaw) },
    }
}

fn flawed(flaw: String) -> Goods {
    Goods {
        pieces: Decimal::ONE,
        flaw: Some(flaw),
        ..Goods::default()
    }
}

/// What does not ship (any more) needs no weight. Its quantities are told in pieces as before, where its item is known, and else in
/// the line's own unit.
pub(super) fn shipped_before(line: &Line, schedule: &Schedule, item: Option<&Known<Item>>, options: &Options) -> Goods {
    let known = match item {
        Some(Known::There(item)) => pieces(line, schedule, item, options).ok().map(|pieces| Goods {
            weight: weight(item, options).ok().flatten(),
            dimensions: dimensions(item, options),
            pieces,
            flaw: None,
        }),
        Some(Known::Missing | Known::Refused(_)) | None => None,
    };
    known.unwrap_or_else(|| Goods {
        pieces: Decimal::ONE,
        ..Goods::default()
    })
}

fn pieces(line: &Line, schedule: &Schedule, item: &Item, options: &Options) -> Result<Decimal, String> {
    let said = units(line, schedule);
    let Some(first) = said.first() else {
        return Err("it names no unit of measure: enter one".to_owned());
    };
    let primary: Vec<&String> = [&item.primary_unit_code, &item.primary_unit]
        .into_iter()
        .flatten()
        .collect();
    let same = |unit: &&String| primary.iter().any(|primary| primary.eq_ignore_ascii_case(unit));
    // An item that does not say its primary unit is counted by the piece.
    let by_piece =
        || said.iter().any(|unit| is_each(unit)) && (primary.is_empty() || primary.iter().any(|unit| is_each(unit)));
    if said.iter().any(same) || by_piece() {
        return Ok(Decimal::ONE);
    }
    if let Some(pieces) = said.iter().find_map(|unit| of_table(&options.unit_conversions, unit)) {
        return Ok(pieces);
    }
    Err(format!(
        "it is ordered by {first}, and nobody says how many pieces of the item that is: name the unit in erp.unit_conversions"
    ))
}

fn is_each(unit: &str) -> bool {
    unit.eq_ignore_ascii_case("each") || unit.eq_ignore_ascii_case("ea")
}

/// What the schedule's unit is called. The line's names are names of the same unit only where one of them is the schedule's, or
/// where the schedule is silent.
fn units<'a>(line: &'a Line, schedule: &'a Schedule) -> Vec<&'a String> {
    let own: Vec<&String> = [&schedule.unit_code, &schedule.unit].into_iter().flatten().collect();
    let of_line: Vec<&String> = [&line.unit_code, &line.unit].into_iter().flatten().collect();
    if own.is_empty() || own.iter().any(|unit| of_line.contains(unit)) {
        own.into_iter().chain(of_line).collect()
    } else {
        own
    }
}

fn of_table<T: Copy>(table: &BTreeMap<String, T>, name: &str) -> Option<T> {
    table.get(&name.trim().to_uppercase()).copied()
}

/// The item's weight, only where its unit is known beyond doubt.
fn weight(item: &Item, options: &Options) -> Result<Option<Weight>, String> {
    let Some(value) = number(item.weight.as_deref()).filter(|value| *value >= LIGHTEST) else {
        return Ok(None);
    };
    let names = [&item.weight_unit_code, &item.weight_unit];
    let mut named = names.into_iter().flatten().peekable();
    let Some(first) = named.peek().copied().cloned() else {
        return Err("its item has a weight without a unit: enter the unit".to_owned());
    };
    let unit = named.find_map(|name| of_table(&options.weight_units, name));
    unit.map(|unit| Some(Weight { value, unit })).ok_or_else(|| {
        format!("its item's weight is in {first}, a unit that nobody knows: name it in erp.weight_units")
    })
}

/// The item's size, only where all of it is known: it may be missing.
fn dimensions(item: &Item, options: &Options) -> Option<Dimensions> {
    let side = |text: &Option<String>| number(text.as_deref()).filter(|side| *side > Decimal::ZERO);
    let names = [&item.length_unit_code, &item.length_unit];
    Some(Dimensions {
        length: side(&item.length)?,
        width: side(&item.width)?,
        height: side(&item.height)?,
        unit: names
            .into_iter()
            .flatten()
            .find_map(|name| of_table(&options.length_units, name))?,
    })
}

/// A number, however it was written.
pub(super) fn number(text: Option<&str>) -> Option<Decimal> {
    let text = text?;
    let number = Decimal::from_str(text)
        .or_else(|_| Decimal::from_scientific(text))
        .ok()?;
    Some(number.normalize()).filter(|number| number.abs() <= LARGEST_NUMBER)
}
