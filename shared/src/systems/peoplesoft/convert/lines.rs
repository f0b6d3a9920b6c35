//! Schedules to lines of an order.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::countries;
use super::goods;
use super::keys::Key;
use super::orders::Facts;
use super::places;
use super::standing::{Condition, Schedule};
use crate::domain::{Address, LARGEST_NUMBER, LineId, Money, OrderLine, Origin};
use crate::systems::peoplesoft::needs;
use crate::systems::peoplesoft::queries::{self, Kind};
use crate::systems::peoplesoft::wire::Row;

/// How many letters of a description name goods that are no item.
const SHORT: usize = 40;

/// One schedule as a line; where it goes stands in its `ship_to`, whether or not others go there too.
pub(super) fn line(facts: &Facts<'_>, schedule: &Schedule<'_>, currency: Option<&str>) -> OrderLine {
    let condition = schedule.condition();
    let fits = schedule.fits(facts.select).is_ok();
    let sku = sku(schedule);
    let item = item(facts, schedule);
    let pieces = goods::pieces(&sku, schedule.get("UNIT_OF_MEASURE"), item, facts.options);
    let each = *pieces.as_ref().unwrap_or(&Decimal::ONE);
    let weight = item.map_or(Ok(None), |item| goods::weight(&sku, item, facts.options));
    let dimensions = item.map_or(Ok(None), |item| goods::dimensions(&sku, item, facts.options));
    let ship_to = ship_to(facts, schedule);
    let origins = came_from(facts.key, schedule);
    let found = item.is_some() || schedule.get("INV_ITEM_ID").is_none();
    let flaws = [
        known(&condition).err(),
        (!found).then(|| no_item(facts, schedule, &sku)),
        item.and_then(|item| unshown(facts, item)),
        readable(facts.key.kind, schedule).err(),
        facts.closed_supplier.clone(),
        origins.as_ref().err().cloned(),
        pieces.err(),
        weight.as_ref().err().cloned(),
        dimensions.as_ref().err().cloned(),
        ship_to.as_ref().err().cloned(),
        one_supplier(facts, schedule).err(),
    ];
    // What does not ship was not looked up: nothing can be said against it.
    let counts = facts.ready && fits && !matches!(condition, Condition::Closed | Condition::Cancelled);
    let flaws: Vec<String> = flaws.into_iter().flatten().filter(|_| counts).collect();
    let (ordered, fulfilled) = quantities(facts.key.kind, schedule, &condition, each);
    let remaining = (ordered - fulfilled).max(Decimal::ZERO);
    let price = schedule
        .number(facts.key.kind.price_column())
        .filter(|price| *price >= Decimal::ZERO);
    OrderLine {
        id: LineId::new(schedule.id.clone()),
        description: schedule
            .get("DESCR254_MIXED")
            .or_else(|| item.and_then(|item| item.get("DESCR254")))
            .map(str::to_owned),
        sku,
        ordered,
        fulfilled,
        ready: if condition == Condition::Open {
            remaining
        } else {
            Decimal::ZERO
        },
        shippable: fits && !matches!(condition, Condition::Closed | Condition::Cancelled),
        weight: weight.ok().flatten(),
        dimensions: dimensions.ok().flatten(),
        unit_price: price
            .zip(currency)
            .map(|(price, currency)| Money::new((price / each).normalize(), currency)),
        origin_country: item
            .and_then(|item| countries::alpha2(item.get("COUNTRY_IST_ORIGIN")?))
            .map(str::to_owned),
        tariff_code: item.and_then(|item| item.text("HARMONIZED_CD")),
        location: None,
        ship_to: Some(ship_to.unwrap_or_default()),
        cost_centre: cost_centre(schedule),
        came_from: origins.unwrap_or_default(),
        flaw: (!flaws.is_empty()).then(|| flaws.join("; ")),
    }
}

fn known(condition: &Condition) -> Result<(), String> {
    match condition {
        Condition::Unknown(status) => Err(format!("its CANCEL_STATUS is {status:?}, which is not known")),
        _ => Ok(()),
    }
}

/// What the query of items does not show at all.
fn unshown(facts: &Facts<'_>, item: &Row) -> Option<String> {
    let (query, options) = (&queries::ITEM, facts.options);
    let lacking = facts.needs.lacking(query, std::slice::from_ref(item), options);
    (!lacking.is_empty()).then(|| needs::words(query, &lacking, options))
}

/// A quantity that cannot be read would be none.
fn readable(kind: Kind, schedule: &Schedule<'_>) -> Result<(), String> {
    let unread = |column: &&str| schedule.get(column).is_some() && schedule.number(column).is_none();
    match [kind.quantity_column(), "QTY_RECV"]
        .iter()
        .find(|column| unread(column))
    {
        Some(column) => Err(format!(
            "its {column} is {:?}, which is no number",
            schedule.get(column).unwrap_or_default()
        )),
        None => Ok(()),
    }
}

fn no_item(facts: &Facts<'_>, schedule: &Schedule<'_>, sku: &str) -> String {
    let query = facts.options.query(&queries::ITEM);
    let rows = schedule
        .get("ITM_SETID")
        .and_then(|set| facts.reference.items.get(&(set.to_owned(), sku.to_owned())));
    if rows.is_some_and(|rows| places::is_closed(rows, facts.today, facts.options)) {
        return format!("item {sku} is inactive today: see its newest effective date in PeopleSoft");
    }
    format!("item {sku} is not there as it holds today: see whether the query {query} shows it under its SETID")
}

/// A requisition may be bought from several suppliers, and an order has one.
fn one_supplier(facts: &Facts<'_>, schedule: &Schedule<'_>) -> Result<(), String> {
    match (schedule.get("VENDOR_ID"), facts.vendor) {
        (Some(own), Some(common)) if own != common => Err(format!(
            "its supplier is {own}, and that of other lines {common}: one document ships from one supplier"
        )),
        _ => Ok(()),
    }
}

/// Goods that are no item are named by what they are.
fn sku(schedule: &Schedule<'_>) -> String {
    let described = || {
        let text = schedule.get("DESCR254_MIXED")?;
        Some(text.chars().take(SHORT).collect::<String>().trim().to_owned())
    };
    let item = schedule.get("INV_ITEM_ID").map(str::to_owned);
    item.or_else(described)
        .unwrap_or_else(|| format!("line {}", schedule.id))
}

fn item<'a>(facts: &Facts<'a>, schedule: &Schedule<'_>) -> Option<&'a Row> {
    let id = (
        schedule.get("ITM_SETID")?.to_owned(),
        schedule.get("INV_ITEM_ID")?.to_owned(),
    );
    places::effective(facts.reference.items.get(&id)?, facts.today, facts.options)
}

/// Where a schedule goes.
fn ship_to(facts: &Facts<'_>, schedule: &Schedule<'_>) -> Result<Address, String> {
    let (Some(set), Some(id)) = (schedule.get("SHIPTO_SETID"), schedule.get("SHIPTO_ID")) else {
        return Err("it names no ship-to location: enter one in PeopleSoft".to_owned());
    };
    let rows = facts.reference.locations.get(&(set.to_owned(), id.to_owned()));
    if rows.is_some_and(|rows| places::is_closed(rows, facts.today, facts.options)) {
        return Err(format!(
            "its ship-to location {id} (SETID {set}) is inactive today: see its newest effective date in PeopleSoft"
        ));
    }
    let address = rows.and_then(|rows| places::of_location(rows, facts.today, facts.options));
    address.ok_or_else(|| {
        format!(
            "its ship-to location {id} (SETID {set}) has no whole address that holds today: it needs a description, a street, a \
             city and a country; the query {} must show it",
            facts.options.query(&queries::LOCATION)
        )
    })
}

/// How many pieces are ordered and received.
fn quantities(kind: Kind, schedule: &Schedule<'_>, condition: &Condition, each: Decimal) -> (Decimal, Decimal) {
    if *condition == Condition::Cancelled {
        return (Decimal::ZERO, Decimal::ZERO);
    }
    let quantity =
        |column: &str| (schedule.number(column).unwrap_or_default().max(Decimal::ZERO) * each).min(LARGEST_NUMBER);
    (
        quantity(kind.quantity_column()).normalize(),
        quantity("QTY_RECV").normalize(),
    )
}

fn cost_centre(schedule: &Schedule<'_>) -> Option<String> {
    let centres: BTreeSet<&str> = schedule.rows.iter().filter_map(|row| row.get("DEPTID")).collect();
    let joined = centres.into_iter().collect::<Vec<_>>().join("+");
    (!joined.is_empty()).then_some(joined)
}

/// The requisitions' schedules that became this one, each once.
///
/// # Errors
/// A requisition without its line: the same goods might ship as both.
fn came_from(key: &Key, schedule: &Schedule<'_>) -> Result<Vec<Origin>, String> {
    if key.kind == Kind::Requisition {
        return Ok(Vec::new());
    }
    let origin = |row: &&Row| {
        let unit = row.get("BUSINESS_UNIT_REQ").unwrap_or(&key.business_unit);
        let id = row.get("REQ_ID")?;
        let Some(line) = row.ordinal("REQ_LINE_NBR").filter(|line| line != "0") else {
            return Some(Err(format!(
                "it came from requisition {id}, and its REQ_LINE_NBR does not say from which line"
            )));
        };
        let number = row.ordinal("REQ_SCHED_NBR").filter(|number| number != "0");
        Some(Ok(Origin {
            document: Key::new(Kind::Requisition, unit, id).document(),
            line: LineId::new(format!("{line}.{}", number.as_deref().unwrap_or("1"))),
        }))
    };
    let origins: Result<BTreeSet<Origin>, String> = schedule.rows.iter().filter_map(origin).collect();
    Ok(origins?.into_iter().collect())
}
