//! Which of an order's invoices says what was shipped.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::orders::{decimal, is_goods, status_letter};
use super::writes::{CUT, numbers_in};
use crate::domain::Consignment;
use crate::systems::netsuite::wire::{DescendantRow, LineRow};

/// An invoice of the order.
#[derive(Debug, Clone)]
pub(in crate::systems::netsuite) struct Invoice {
    /// Its internal id.
    pub(in crate::systems::netsuite) id: String,
    /// The number that people know.
    pub(in crate::systems::netsuite) number: String,
    /// What stands in its field of tracking numbers.
    pub(in crate::systems::netsuite) shown: Option<String>,
    /// Its lines, of whatever kind.
    pub(in crate::systems::netsuite) lines: Vec<LineRow>,
}

impl Invoice {
    fn numbers(&self) -> Vec<String> {
        numbers_in(self.shown.clone())
    }

    /// Whether its field takes no more numbers.
    fn is_full(&self) -> bool {
        self.shown.as_deref().is_some_and(|text| text.trim_end().ends_with(CUT))
    }

    /// Whether it shows one of these numbers.
    pub(in crate::systems::netsuite) fn shows_any(&self, numbers: &[String]) -> bool {
        let shown = self.numbers();
        numbers.iter().any(|number| shown.contains(number))
    }
}

/// Which invoice a shipment belongs to.
#[derive(Debug)]
pub(in crate::systems::netsuite) enum Billing<'a> {
    /// This one shows it, or takes no more.
    Shows(&'a Invoice),
    /// This one shows a part of it.
    ShowsAPart(&'a Invoice),
    /// It is to stand on this one.
    On(&'a Invoice),
    /// On none that there is.
    NotYet,
}

/// Whether an invoice counts: a void one bills nothing.
pub(in crate::systems::netsuite) fn is_in_force(row: &DescendantRow) -> bool {
    status_letter(row.statuscode.as_deref().unwrap_or_default()) != "V"
}

/// Quantities by item.
type Goods = BTreeMap<String, Decimal>;

fn goods<'a>(lines: impl IntoIterator<Item = &'a LineRow>, quantity: impl Fn(&LineRow) -> Option<&str>) -> Goods {
    let mut goods = Goods::new();
    for line in lines.into_iter().filter(|line| is_goods(line)) {
        let sku = line.sku.clone().or_else(|| line.item.clone());
        if let Some((sku, quantity)) = sku.zip(decimal(quantity(line))) {
            *goods.entry(sku).or_default() += quantity;
        }
    }
    goods
}

fn billed(invoice: &Invoice) -> Goods {
    goods(&invoice.lines, |line| line.quantity.as_deref())
}

fn shipped(consignment: &Consignment) -> Goods {
    let mut shipped = Goods::new();
    for line in &consignment.lines {
        *shipped.entry(line.sku.clone()).or_default() += line.quantity;
    }
    shipped
}

/// The invoice of a shipment among those of its order, the oldest first: one that shows it; else the oldest that bills exactly
/// its goods and shows nothing yet; else the only one, or the oldest that bills something of it. As long as goods of it are not
/// billed, an invoice that shows other shipments is theirs, and another one is to come.
pub(in crate::systems::netsuite) fn billing<'a>(
    invoices: &'a [Invoice],
    order: &[LineRow],
    consignment: &Consignment,
    numbers: &[String],
) -> Billing<'a> {
    if let Some(there) = invoices.iter().find(|invoice| shows_all(invoice, numbers)) {
        return Billing::Shows(there);
    }
    if let Some(there) = invoices.iter().find(|invoice| invoice.shows_any(numbers)) {
        return Billing::ShowsAPart(there);
    }
    match place(invoices, order, &shipped(consignment)) {
        Some(full) if full.is_full() => Billing::Shows(full),
        Some(invoice) => Billing::On(invoice),
        None => Billing::NotYet,
    }
}

fn shows_all(invoice: &Invoice, numbers: &[String]) -> bool {
    let shown: BTreeSet<String> = invoice.numbers().into_iter().collect();
    !numbers.is_empty() && numbers.iter().all(|number| shown.contains(number))
}

fn place<'a>(invoices: &'a [Invoice], order: &[LineRow], ours: &Goods) -> Option<&'a Invoice> {
    let is_free = |invoice: &&Invoice| invoice.numbers().is_empty();
    let exact = invoices.iter().filter(is_free).find(|invoice| bills_exactly(invoice, ours));
    if exact.is_some() {
        return exact;
    }
    let complete = is_all_billed(invoices, order, ours);
    let mut fitting = invoices.iter().filter(|invoice| complete || is_free(invoice));
    match invoices {
        [_] => fitting.next(),
        _ => fitting.find(|invoice| billed(invoice).keys().any(|sku| ours.contains_key(sku))),
    }
}

fn bills_exactly(invoice: &Invoice, ours: &Goods) -> bool {
    let billed = billed(invoice);
    ours.iter().all(|(sku, quantity)| billed.get(sku) == Some(quantity))
}

/// Whether the invoices bill everything of these items that left the warehouse.
fn is_all_billed(invoices: &[Invoice], order: &[LineRow], ours: &Goods) -> bool {
    let left = goods(order, |line| line.shipped.as_deref());
    let all = goods(invoices.iter().flat_map(|invoice| &invoice.lines), |line| line.quantity.as_deref());
    ours.keys().all(|sku| {
        let of = |goods: &Goods| goods.get(sku).copied().unwrap_or_default();
        of(&all) >= of(&left)
    })
}
