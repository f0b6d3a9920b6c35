//! Rows to an order.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::keys::{Key, is_key};
use super::lines;
use super::places;
use super::standing::{self, Condition, Schedule};
use crate::connection::Selection;
use crate::domain::{Address, Order, OrderLine, ShipMethod, Standing, Supplier};
use crate::systems::peoplesoft::needs::{self, Needs};
use crate::systems::peoplesoft::options::Options;
use crate::systems::peoplesoft::wire::Row;

/// A set and an id within it.
pub(in crate::systems::peoplesoft) type Id = (String, String);

/// What documents refer to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::systems::peoplesoft) struct Reference<T = Vec<Row>> {
    /// Ship-to and bill-to locations.
    pub(in crate::systems::peoplesoft) locations: BTreeMap<Id, T>,
    pub(in crate::systems::peoplesoft) vendors: BTreeMap<Id, T>,
    pub(in crate::systems::peoplesoft) items: BTreeMap<Id, T>,
}

/// Everything that was read of one document.
#[derive(Debug, Clone, Copy)]
pub(in crate::systems::peoplesoft) struct Read<'a> {
    pub(in crate::systems::peoplesoft) key: &'a Key,
    /// The rows of its lines.
    pub(in crate::systems::peoplesoft) rows: &'a [Row],
    /// Whether rows may be missing.
    pub(in crate::systems::peoplesoft) cut_off: bool,
    /// What its rows refer to.
    pub(in crate::systems::peoplesoft) reference: &'a Reference,
    /// The tracking numbers that we have written.
    pub(in crate::systems::peoplesoft) tracking_shown: Option<&'a str>,
    pub(in crate::systems::peoplesoft) select: &'a Selection,
    pub(in crate::systems::peoplesoft) options: &'a Options,
    pub(in crate::systems::peoplesoft) needs: &'a Needs,
    /// The day at the database server.
    pub(in crate::systems::peoplesoft) today: Date,
}

/// What was read, and what follows for every line.
pub(super) struct Facts<'a> {
    read: &'a Read<'a>,
    /// Whether the document may ship.
    pub(super) ready: bool,
    /// Who sells it.
    pub(super) vendor: Option<&'a str>,
    /// That the address is closed from which the supplier would ship.
    pub(super) closed_supplier: Option<String>,
}

impl<'a> std::ops::Deref for Facts<'a> {
    type Target = Read<'a>;

    fn deref(&self) -> &Read<'a> {
        self.read
    }
}

/// What must be read beside the rows of a document. One that does not ship any more, or not now, may have been shipped: where it
/// goes and how much it is must read as before, except of a document that is canceled as a whole. `shipped` says that we have
/// written of it.
pub(in crate::systems::peoplesoft) fn needed(
    key: &Key,
    rows: &[Row],
    shipped: bool,
    select: &Selection,
    options: &Options,
) -> Reference<()> {
    let schedules = standing::schedules(rows);
    let mut needed = Reference::default();
    let standing = standing::standing(key.kind, rows, &schedules, select, options);
    if standing == Standing::Cancelled {
        return needed;
    }
    let counts = |schedule: &&Schedule<'_>| shipped || schedule.fits(select).is_ok();
    for schedule in schedules.iter().filter(counts) {
        let id = |set: &str, id: &str| named(schedule.get(set)?, schedule.get(id)?);
        needed
            .locations
            .extend(id("SHIPTO_SETID", "SHIPTO_ID").map(|id| (id, ())));
        needed
            .locations
            .extend(id("SHIPTO_SETID", "BILL_LOCATION").map(|id| (id, ())));
        if standing == Standing::Ready && ships(schedule, select) {
            needed
                .vendors
                .extend(id("VENDOR_SETID", "VENDOR_ID").map(|id| (id, ())));
        }
        needed.items.extend(id("ITM_SETID", "INV_ITEM_ID").map(|id| (id, ())));
    }
    needed
}

/// Whether a schedule ships as soon as it may.
fn ships(schedule: &Schedule<'_>, select: &Selection) -> bool {
    let over = matches!(schedule.condition(), Condition::Closed | Condition::Cancelled);
    !over && schedule.fits(select).is_ok()
}

/// What can be asked for: an id with a comma in it cannot.
fn named(set: &str, id: &str) -> Option<Id> {
    (is_key(set) && !id.contains(',')).then(|| (set.to_owned(), id.to_owned()))
}

/// The order as these facts state it; `None` where the document is not there.
pub(in crate::systems::peoplesoft) fn order(read: &Read<'_>) -> Option<Order> {
    read.rows.first()?;
    let schedules = standing::schedules(read.rows);
    let standing = standing(read, &schedules);
    let vendor = vendor(read, &schedules);
    let facts = Facts {
        read,
        ready: standing == Standing::Ready,
        vendor,
        closed_supplier: closed_supplier(read, vendor),
    };
    let get = |column: &str| facts.rows.iter().find_map(|row| row.text(column));
    let currency = get("CURRENCY_CD").filter(|currency| currency.len() == 3);
    let lines: Vec<OrderLine> = schedules
        .iter()
        .map(|schedule| lines::line(&facts, schedule, currency.as_deref()))
        .collect();
    let ship_to = common_address(&lines);
    let bill_to = get("BILL_LOCATION").and_then(|location| {
        let rows = facts.reference.locations.get(&(get("SHIPTO_SETID")?, location))?;
        places::of_location(rows, facts.today, facts.options)
    });
    Some(Order {
        document: facts.key.document(),
        number: facts.key.id.clone(),
        standing,
        customer_reference: get("PO_REF"),
        tracking_shown: facts.tracking_shown.map(str::to_owned),
        ship_method: get("SHIP_TYPE_ID")
            .or_else(|| get("CARRIER_ID"))
            .map(|id| ShipMethod { id, name: None }),
        currency,
        bill_to,
        supplier: supplier(&facts),
        lines: lines.into_iter().map(|line| going_elsewhere(line, &ship_to)).collect(),
        ship_to,
    })
}

/// The supplier of what ships, or of anything where nothing does.
fn vendor<'a>(read: &Read<'a>, schedules: &[Schedule<'a>]) -> Option<&'a str> {
    let shipping = schedules.iter().filter(|schedule| ships(schedule, read.select));
    let rows = shipping.flat_map(|schedule| schedule.rows.iter().copied());
    let mut named = rows.chain(read.rows).filter_map(|row| row.get("VENDOR_ID"));
    named.next()
}

fn standing(facts: &Read<'_>, schedules: &[Schedule<'_>]) -> Standing {
    let (query, options) = (facts.key.kind.lines(), facts.options);
    let lacking = facts.needs.lacking(query, facts.rows, options);
    match standing::standing(facts.key.kind, facts.rows, schedules, facts.select, options) {
        standing @ (Standing::Cancelled | Standing::Closed) => standing,
        // Whatever else was decided was decided without what is lacking.
        _ if !lacking.is_empty() => Standing::Waiting(needs::words(query, &lacking, options)),
        _ if facts.cut_off => Standing::Waiting(format!(
            "it has {} rows or more, so that some may be missing: raise erp.max_rows, and the row limit of the user's query \
             profile",
            facts.rows.len()
        )),
        standing => standing,
    }
}

/// Where the first line goes that ships at all; the others say so where they go elsewhere.
fn common_address(lines: &[OrderLine]) -> Address {
    let told = |line: &&OrderLine| line.ship_to.as_ref().is_some_and(|address| !address.lines.is_empty());
    let shipping = lines.iter().filter(|line| line.shippable).find(told);
    let any = shipping.or_else(|| lines.iter().find(told));
    any.and_then(|line| line.ship_to.clone()).unwrap_or_default()
}

fn going_elsewhere(line: OrderLine, ship_to: &Address) -> OrderLine {
    let own = line.ship_to.clone().filter(|address| address != ship_to);
    OrderLine { ship_to: own, ..line }
}

/// What the rows of a vendor's lines say first in a column.
fn of_vendor<'a>(read: &Read<'a>, id: &str, column: &str) -> Option<&'a str> {
    let mut own = read.rows.iter().filter(|row| row.get("VENDOR_ID") == Some(id));
    own.find_map(|row| row.get(column))
}

/// The rows that the query of vendors shows of one.
fn vendor_rows<'a>(read: &Read<'a>, id: &str) -> &'a [Row] {
    let set = of_vendor(read, id, "VENDOR_SETID");
    let rows = set.and_then(|set| read.reference.vendors.get(&(set.to_owned(), id.to_owned())));
    rows.map_or(&[], Vec::as_slice)
}

/// A flaw of everything that the supplier ships.
fn closed_supplier(read: &Read<'_>, vendor: Option<&str>) -> Option<String> {
    let id = vendor.filter(|_| read.needs.supplier_ships)?;
    let sequence = of_vendor(read, id, "ADDRESS_SEQ_NUM");
    let closed = places::is_vendor_closed(vendor_rows(read, id), sequence, read.today, read.options);
    closed.then(|| {
        let address = sequence.map_or_else(|| "the first address".to_owned(), |number| format!("address {number}"));
        format!("{address} of its supplier {id} is inactive today: see its newest effective date in PeopleSoft")
    })
}

fn supplier(facts: &Facts<'_>) -> Option<Supplier> {
    let id = facts.vendor?;
    let get = |column: &str| of_vendor(facts, id, column);
    let rows = vendor_rows(facts, id);
    let (name, address) = places::of_vendor(rows, get("ADDRESS_SEQ_NUM"), facts.today, facts.options);
    Some(Supplier {
        number: None,
        id: id.to_owned(),
        name: get("VENDOR_NAME").map(str::to_owned).or(name),
        site: get("VNDR_LOC").map(str::to_owned),
        address,
    })
}

impl<T> Reference<T> {
    /// The ids that are not known to another reference yet.
    pub(in crate::systems::peoplesoft) fn without<U>(&self, known: &Reference<U>) -> [BTreeSet<Id>; 3] {
        let new = |wanted: &BTreeMap<Id, T>, known: &BTreeMap<Id, U>| {
            wanted.keys().filter(|id| !known.contains_key(*id)).cloned().collect()
        };
        [
            new(&self.locations, &known.locations),
            new(&self.vendors, &known.vendors),
            new(&self.items, &known.items),
        ]
    }
}
