//! Items: how many pieces a quantity is, what one weighs, how large it is.

use rust_decimal::{Decimal, dec};

use crate::domain::{Dimensions, Weight};
use crate::systems::peoplesoft::options::Options;
use crate::systems::peoplesoft::wire::Row;

/// What weighs less weighs nothing: another unit would have no digit for it.
const LIGHTEST: Decimal = dec!(0.000001);

/// How many of the item's standard unit one of the ordered unit is.
///
/// # Errors
/// What is missing, and where it can be said.
pub(super) fn pieces(sku: &str, unit: Option<&str>, item: Option<&Row>, options: &Options) -> Result<Decimal, String> {
    let (Some(unit), Some(item)) = (unit, item) else {
        return Ok(Decimal::ONE);
    };
    let Some(standard) = item.get("UNIT_MEASURE_STD") else {
        return Err(format!(
            "it is ordered by {unit}, and UNIT_MEASURE_STD of item {sku} is blank: enter it in PeopleSoft"
        ));
    };
    let (unit, standard) = (unit.to_uppercase(), standard.to_uppercase());
    if unit == standard {
        return Ok(Decimal::ONE);
    }
    let keys = [
        format!("{}/{unit}", sku.to_uppercase()),
        format!("{unit}:{standard}"),
        unit.clone(),
    ];
    let known = keys.iter().find_map(|key| options.unit_conversions.get(key));
    known.copied().ok_or_else(|| {
        format!(
            "it is ordered by {unit} and item {sku} is kept by {standard}: say in erp.unit_conversions how many {standard} one \
             {unit} is"
        )
    })
}

/// The weight of one; `None` where the item has none.
///
/// # Errors
/// When its unit is not known.
pub(super) fn weight(sku: &str, item: &Row, options: &Options) -> Result<Option<Weight>, String> {
    let Some(value) = item.number("INV_ITEM_WEIGHT").filter(|value| *value >= LIGHTEST) else {
        return Ok(None);
    };
    let Some(code) = item.get("UNIT_MEASURE_WT") else {
        return Err(format!(
            "the weight of item {sku} has no unit: enter UNIT_MEASURE_WT in PeopleSoft"
        ));
    };
    let unit = options.weight_units.get(&code.to_uppercase());
    unit.map(|unit| Some(Weight { value, unit: *unit }))
        .ok_or_else(|| format!("the weight of item {sku} is in {code}: say in erp.weight_units what that is"))
}

/// The outer size of one, the longest side first; `None` where a side or the unit is missing.
///
/// # Errors
/// When its unit is not known.
pub(super) fn dimensions(sku: &str, item: &Row, options: &Options) -> Result<Option<Dimensions>, String> {
    let sides = ["INV_ITEM_LENGTH", "INV_ITEM_WIDTH", "INV_ITEM_HEIGHT"];
    let sides: Option<Vec<Decimal>> = sides
        .into_iter()
        .map(|side| item.number(side).filter(|side| *side > Decimal::ZERO))
        .collect();
    let (Some(mut sides), Some(code)) = (sides, item.get("UNIT_MEASURE_DIM")) else {
        return Ok(None);
    };
    let Some(unit) = options.length_units.get(&code.to_uppercase()) else {
        return Err(format!(
            "the size of item {sku} is in {code}: say in erp.length_units what that is"
        ));
    };
    sides.sort_unstable_by(|one, other| other.cmp(one));
    let [length, width, height] = sides.as_slice() else {
        return Ok(None);
    };
    Ok(Some(Dimensions {
        length: *length,
        width: *width,
        height: *height,
        unit: *unit,
    }))
}
