//! Rows and records to orders.

use std::str::FromStr;

use rust_decimal::{Decimal, dec};

use crate::connection::Selection;
use crate::domain::{
    Address, DocumentId, LARGEST_NUMBER, LineId, LocationId, Money, Order, OrderLine, ShipMethod, Standing, Weight,
    WeightUnit,
};
use crate::systems::netsuite::options::{ReadyQuantity, Trigger};
use crate::systems::netsuite::suiteql::{COSTS, Missing, PARTS};
use crate::systems::netsuite::wire::{Customer, CustomerRow, LineRow, OrderRow, PostalAddress, SalesOrder};

/// Item types that travel; shipping, discount, tax and service lines do not.
const GOODS: [&str; 4] = ["InvtPart", "Assembly", "Kit", "NonInvtPart"];

/// What weighs less weighs nothing: another unit would have no digit for it.
const LIGHTEST: Decimal = dec!(0.000001);

/// Everything that was read about one order.
#[derive(Debug, Clone, Copy)]
pub(in crate::systems::netsuite) struct Facts<'a> {
    /// The order itself.
    pub(in crate::systems::netsuite) row: &'a OrderRow,
    /// Its lines, of whatever kind.
    pub(in crate::systems::netsuite) lines: &'a [LineRow],
    /// The customer, where the address lacks something.
    pub(in crate::systems::netsuite) customer: Option<&'a CustomerRow>,
    /// The record, where the rows do not say enough.
    pub(in crate::systems::netsuite) record: Option<&'a SalesOrder>,
    /// Whether the connection's own condition selects it.
    pub(in crate::systems::netsuite) selected: bool,
}

/// The letter of a status: what follows the colon, where there is one.
pub(in crate::systems::netsuite) fn status_letter(code: &str) -> &str {
    code.rsplit(':').next().unwrap_or(code).trim()
}

/// Whether only the record can say where an order that may ship goes.
pub(in crate::systems::netsuite) fn needs_record(row: &OrderRow, trigger: Trigger) -> bool {
    let code = status_letter(row.statuscode.as_deref().unwrap_or_default());
    let unsaid = is_true(row.ismultishipto.as_deref()) || (row.addr1.is_none() && row.city.is_none());
    unsaid && trigger.statuses().contains(&code)
}

/// The order as these facts state it; `None` if they do not even name it.
pub(in crate::systems::netsuite) fn order(
    facts: &Facts<'_>,
    select: &Selection,
    ready: ReadyQuantity,
) -> Option<Order> {
    let currency = currency(facts.row);
    let goods = facts.lines.iter().filter(|line| is_goods(line));
    let lines = goods.filter_map(|row| line(row, currency.as_deref(), ready)).collect();
    whole(facts, standing(facts, select, Trigger::Ready), lines)
}

/// The order of which ships what people have fulfilled: that is what it asks for, and nothing of it is done yet. `None` if the
/// facts do not even name it.
pub(in crate::systems::netsuite) fn fulfilled_order(facts: &Facts<'_>, select: &Selection) -> Option<Order> {
    let currency = currency(facts.row);
    let goods = facts.lines.iter().filter(|line| is_goods(line));
    let lines = goods.filter_map(|row| shipped_line(row, row.shipped.as_deref(), currency.as_deref()));
    whole(facts, standing(facts, select, Trigger::OrderShipped), lines.collect())
}

fn whole(facts: &Facts<'_>, standing: Standing, lines: Vec<OrderLine>) -> Option<Order> {
    let row = facts.row;
    let id = row.id.clone()?;
    Some(Order {
        number: row.tranid.clone().unwrap_or_else(|| id.clone()),
        document: DocumentId::sales_order(id),
        standing,
        customer_reference: row.otherrefnum.clone(),
        tracking_shown: row.trackingshown.clone(),
        ship_method: ship_method(row),
        ship_to: ship_to(facts),
        bill_to: None,
        supplier: None,
        lines,
        currency: currency(row),
    })
}

pub(super) fn currency(row: &OrderRow) -> Option<String> {
    row.currency.clone().filter(|currency| currency.len() == 3)
}

pub(super) fn ship_method(row: &OrderRow) -> Option<ShipMethod> {
    row.shipmethod.clone().map(|id| ShipMethod {
        id,
        name: row.shipmethodname.clone(),
    })
}

fn is_true(flag: Option<&str>) -> bool {
    matches!(flag, Some("T" | "true"))
}

/// Whether a line names goods that travel, each once: neither a kit's parts beside the kit, nor what a line cost beside the line.
pub(super) fn is_goods(line: &LineRow) -> bool {
    let goods = line.itemtype.as_deref().is_some_and(|kind| GOODS.contains(&kind));
    goods && !is_true(line.kitcomponent.as_deref()) && !is_true(line.iscogs.as_deref())
}

/// What a fulfilment or an invoice waits for whose lines cannot be told from what they cost.
pub(in crate::systems::netsuite) const COSTS_UNKNOWN: &str = "NetSuite does not show which lines are costs (the column iscogs of \
    transaction lines), so that all goods would be counted twice. `waybill connection check` says what to enable";

const PARTS_UNKNOWN: &str = "it has a kit, and NetSuite does not show which lines are its parts (the column kitcomponent of transaction \
    lines), so that they would ship beside it. Show that column to the integration's role";

/// Why a document's goods would be counted twice, for want of a column that the account does not show; what it is made of
/// (`with_costs`: fulfilments and invoices have a second line for each) decides which one is needed.
pub(in crate::systems::netsuite) fn counted_twice(
    lines: &[LineRow],
    with_costs: bool,
    missing: &Missing,
) -> Option<&'static str> {
    let is_kit = |line: &LineRow| line.itemtype.as_deref() == Some("Kit");
    if with_costs && missing.contains(COSTS) {
        Some(COSTS_UNKNOWN)
    } else if missing.contains(PARTS) && lines.iter().any(is_kit) {
        Some(PARTS_UNKNOWN)
    } else {
        None
    }
}

fn standing(facts: &Facts<'_>, select: &Selection, trigger: Trigger) -> Standing {
    let code = status_letter(facts.row.statuscode.as_deref().unwrap_or_default());
    let shipping = trigger.statuses();
    match code {
        "C" => Standing::Cancelled,
        _ if shipping.contains(&code) => {
            let statuses: Vec<&str> = select.statuses.iter().map(|status| status_letter(status)).collect();
            let wrong = !statuses.is_empty() && !statuses.contains(&code);
            let why = wrong.then(|| wrong_status(code, &statuses));
            why.or_else(|| unselected(facts, select))
                .map_or(Standing::Ready, Standing::Waiting)
        }
        "F" | "G" | "H" => Standing::Closed,
        _ => Standing::Waiting(wrong_status(code, shipping)),
    }
}

/// Why what is in a shipping status does not ship through this connection.
pub(super) fn unselected(facts: &Facts<'_>, select: &Selection) -> Option<String> {
    let method = (facts.row.shipmethod.as_deref(), facts.row.shipmethodname.as_deref());
    let asked = |wanted: &String| [method.0, method.1].contains(&Some(wanted.as_str()));
    if !select.ship_methods.is_empty() && !select.ship_methods.iter().any(asked) {
        let name = method.1.or(method.0).unwrap_or("none");
        return Some(format!(
            "its ship method is {name}; this connection ships {}",
            select.ship_methods.join(", ")
        ));
    }
    (!facts.selected).then(|| "it does not meet the connection's own condition (select.condition)".to_owned())
}

fn wrong_status(code: &str, shipped: &[&str]) -> String {
    let shipped: Vec<&str> = shipped.iter().map(|code| status_name(code)).collect();
    let status = match status_name(code) {
        "unknown" => format!("unknown ({code})"),
        name => name.to_owned(),
    };
    format!("its status is {status}; this connection ships {}", shipped.join(", "))
}

fn status_name(code: &str) -> &'static str {
    match code {
        "A" => "Pending Approval",
        "B" => "Pending Fulfillment",
        "C" => "Cancelled",
        "D" => "Partially Fulfilled",
        "E" => "Pending Billing/Partially Fulfilled",
        "F" => "Pending Billing",
        "G" => "Billed",
        "H" => "Closed",
        _ => "unknown",
    }
}

pub(super) fn ship_to(facts: &Facts<'_>) -> Address {
    let row = facts.row;
    let of_row = PostalAddress {
        addressee: row.addressee.clone(),
        attention: row.attention.clone(),
        addr1: row.addr1.clone(),
        addr2: row.addr2.clone(),
        addr3: row.addr3.clone(),
        city: row.city.clone(),
        state: row.state.clone(),
        zip: row.zip.clone(),
        country: row.country.clone(),
        addr_phone: row.addrphone.clone(),
    };
    let has_row = row.addr1.is_some() || row.city.is_some();
    let of_record = facts.record.and_then(|record| record.shipping_address.clone());
    let postal = of_record.filter(|_| !has_row).unwrap_or(of_row);
    let mut ship_to = address(&postal, row.customer.as_deref());
    ship_to.phone = ship_to.phone.or_else(|| facts.customer?.phone.clone());
    ship_to.email = row.email.clone().or_else(|| facts.customer?.email.clone());
    ship_to
}

/// An address in our words; `otherwise` names the receiver where the address does not.
pub(super) fn address(postal: &PostalAddress, otherwise: Option<&str>) -> Address {
    let (name, attention) = match (&postal.addressee, &postal.attention) {
        (Some(addressee), attention) => (addressee.clone(), attention.clone()),
        (None, Some(attention)) => (attention.clone(), None),
        (None, None) => (otherwise.unwrap_or_default().to_owned(), None),
    };
    let lines = [&postal.addr1, &postal.addr2, &postal.addr3];
    Address {
        attention: attention.filter(|attention| *attention != name),
        name,
        lines: lines.into_iter().flatten().cloned().collect(),
        city: postal.city.clone().unwrap_or_default(),
        state: postal.state.clone(),
        postal_code: postal.zip.clone(),
        country: postal.country.clone().unwrap_or_default().to_uppercase(),
        phone: postal.addr_phone.clone(),
        email: None,
        residential: None,
    }
}

fn line(row: &LineRow, currency: Option<&str>, ready: ReadyQuantity) -> Option<OrderLine> {
    let ordered = decimal(row.quantity.as_deref()).unwrap_or_default();
    let fulfilled = decimal(row.shipped.as_deref()).unwrap_or_default();
    let price = decimal(row.rate.as_deref()).filter(|rate| *rate >= Decimal::ZERO);
    Some(OrderLine {
        id: LineId::new(row.lineid.clone()?),
        sku: row.sku.clone().or_else(|| row.item.clone())?,
        description: row.displayname.clone(),
        ordered,
        fulfilled,
        ready: ready_quantity(row, (ordered - fulfilled).max(Decimal::ZERO), ready),
        shippable: !is_true(row.isclosed.as_deref()),
        weight: weight(row),
        unit_price: price.zip(currency).map(|(price, currency)| Money::new(price, currency)),
        origin_country: row.origin.clone().filter(|code| is_country(code)),
        tariff_code: row.tariff.clone(),
        location: row.location.clone().map(LocationId::new),
        ship_to: None,
        dimensions: None,
        cost_centre: None,
        came_from: Vec::new(),
        flaw: None,
    })
}

/// A line that people have marked as shipped, so many of it: that is what it asks for, and all of it is ready.
pub(super) fn shipped_line(row: &LineRow, quantity: Option<&str>, currency: Option<&str>) -> Option<OrderLine> {
    let shipped = decimal(quantity).filter(|quantity| *quantity > Decimal::ZERO)?;
    Some(OrderLine {
        ordered: shipped,
        fulfilled: Decimal::ZERO,
        ready: shipped,
        shippable: true,
        ..line(row, currency, ReadyQuantity::Remaining)?
    })
}

/// What may ship now of what remains. Stock is committed to stocked items only; an account that does not show
/// commitments is taken at its word about what remains.
fn ready_quantity(row: &LineRow, remaining: Decimal, ready: ReadyQuantity) -> Decimal {
    let stocked = matches!(row.itemtype.as_deref(), Some("InvtPart" | "Assembly"));
    match (ready, decimal(row.committed.as_deref())) {
        (ReadyQuantity::Committed, Some(committed)) if stocked => committed.min(remaining),
        _ => remaining,
    }
}

pub(super) fn decimal(text: Option<&str>) -> Option<Decimal> {
    let text = text?;
    let number = Decimal::from_str(text)
        .or_else(|_| Decimal::from_scientific(text))
        .ok()?;
    Some(number.normalize()).filter(|number| number.abs() <= LARGEST_NUMBER)
}

/// The item's weight, only where its unit is known beyond doubt.
fn weight(row: &LineRow) -> Option<Weight> {
    let value = decimal(row.weight.as_deref()).filter(|value| *value >= LIGHTEST)?;
    let unit = match row.weightunit.as_deref()?.to_lowercase().as_str() {
        "lb" | "lbs" => WeightUnit::Lb,
        "oz" => WeightUnit::Oz,
        "kg" => WeightUnit::Kg,
        "g" => WeightUnit::G,
        _ => return None,
    };
    Some(Weight { value, unit })
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Gives each line of an order to several places its own address; an order of which one cannot be read waits, because
/// sending goods to the order's own address would be a guess.
pub(in crate::systems::netsuite) fn add_lines_addresses(order: &mut Order, record: &SalesOrder, customer: &Customer) {
    let lines = record.item.iter().flat_map(|sublist| &sublist.items);
    let addresses: Vec<(Option<&String>, Option<&PostalAddress>)> = lines
        .map(|line| {
            let own = line.shipping_address.as_ref().filter(|address| address.city.is_some());
            (
                line.line.as_ref(),
                own.or_else(|| in_book(customer, line.ship_address.as_deref()?)),
            )
        })
        .collect();
    for line in &mut order.lines {
        let found = addresses
            .iter()
            .find(|(id, _)| id.is_some_and(|id| id == line.id.as_str()));
        match found.and_then(|(_, postal)| *postal) {
            Some(postal) => {
                let mut own = address(postal, Some(&order.ship_to.name));
                own.phone = own.phone.or_else(|| order.ship_to.phone.clone());
                own.email = order.ship_to.email.clone();
                line.ship_to = Some(own);
            }
            None if line.remaining() > Decimal::ZERO && order.standing == Standing::Ready => {
                let reason = format!(
                    "it ships to several places, and that of line {} cannot be read",
                    line.id
                );
                order.standing = Standing::Waiting(reason);
            }
            None => {}
        }
    }
}

fn in_book<'a>(customer: &'a Customer, id: &str) -> Option<&'a PostalAddress> {
    let entries = customer.address_book.as_ref()?.items.iter();
    let mut matching = entries.filter(|entry| {
        let ids = [&entry.internal_id, &entry.address_id, &entry.id];
        ids.into_iter().flatten().any(|known| known == id)
    });
    matching.next()?.address_book_address.as_ref()
}
