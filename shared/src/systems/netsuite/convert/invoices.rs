//! Which of an order's invoices says what was shipped.
//!
//! NetSuite does not say which fulfilments an invoice bills: it is told by goods and quantities, and by what the invoices show already.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::orders::{decimal, is_goods, status_letter};
use super::writes::{is_full, numbers_in};
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
        numbers_in(self.shown.as_deref())
    }

    /// Whether its field takes no more numbers.
    fn is_full(&self) -> bool {
        is_full(self.shown.as_deref())
    }

    /// Whether it shows no shipment yet.
    fn is_free(&self) -> bool {
        self.numbers().is_empty() && !self.is_full()
    }

    fn shows_any(&self, numbers: &[String]) -> bool {
        let shown = self.numbers();
        numbers.iter().any(|number| shown.contains(number))
    }

    fn billed(&self) -> Goods {
        goods(&self.lines, |line| line.quantity.as_deref())
    }
}

/// Which invoice a shipment belongs to.
#[derive(Debug)]
pub(in crate::systems::netsuite) enum Billing<'a> {
    /// This one shows it.
    Shows(&'a Invoice),
    /// This one shows a part of it.
    ShowsAPart(&'a Invoice),
    /// It is to stand on this one.
    On(&'a Invoice),
    /// It would stand on this one, whose field takes no more.
    NoRoom(&'a Invoice),
    /// On none that there is.
    NotYet,
}

/// What of an order has left the warehouse, or is about to.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::systems::netsuite) struct Departed<'a> {
    /// The order's lines, with what has left of each.
    pub(in crate::systems::netsuite) order: &'a [LineRow],
    /// The lines of its fulfilments, where some are shipped before they are marked so; the order does not count those.
    pub(in crate::systems::netsuite) fulfilments: &'a [LineRow],
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
        let quantity = decimal(quantity(line)).filter(|quantity| *quantity > Decimal::ZERO);
        if let Some((sku, quantity)) = sku.zip(quantity) {
            *goods.entry(sku).or_default() += quantity;
        }
    }
    goods
}

fn shipped(consignment: &Consignment) -> Goods {
    let mut shipped = Goods::new();
    for line in &consignment.lines {
        *shipped.entry(line.sku.clone()).or_default() += line.quantity;
    }
    shipped
}

/// The invoice of a shipment among those of its order, the oldest first: one that shows it; else one that bills its goods exactly and
/// shows nothing yet. Once everything that has left is billed, also one that shows other shipments, if it bills something of this
/// one; until then only one that shows nothing and bills all of it, for another one is to come.
pub(in crate::systems::netsuite) fn billing<'a>(
    invoices: &'a [Invoice],
    departed: Departed<'_>,
    consignment: &Consignment,
    numbers: &[String],
) -> Billing<'a> {
    if let Some(there) = invoices.iter().find(|invoice| shows_all(invoice, numbers)) {
        return Billing::Shows(there);
    }
    if let Some(there) = invoices.iter().find(|invoice| invoice.shows_any(numbers)) {
        return Billing::ShowsAPart(there);
    }
    match place(invoices, departed, &shipped(consignment)) {
        Some(full) if full.is_full() => Billing::NoRoom(full),
        Some(invoice) => Billing::On(invoice),
        None => Billing::NotYet,
    }
}

fn shows_all(invoice: &Invoice, numbers: &[String]) -> bool {
    let shown: BTreeSet<String> = invoice.numbers().into_iter().collect();
    !numbers.is_empty() && numbers.iter().all(|number| shown.contains(number))
}

fn place<'a>(invoices: &'a [Invoice], departed: Departed<'_>, ours: &Goods) -> Option<&'a Invoice> {
    let free = || invoices.iter().filter(|invoice| invoice.is_free());
    let same = |billed: Decimal, shipped: Decimal| billed == shipped;
    let enough = |billed: Decimal, shipped: Decimal| billed >= shipped;
    let exact = free()
        .find(|invoice| invoice.billed() == *ours)
        .or_else(|| free().find(|invoice| bills(invoice, ours, same)));
    if exact.is_some() {
        return exact;
    }
    if !is_all_billed(invoices, departed, ours) {
        return free().find(|invoice| bills(invoice, ours, enough));
    }
    let shared = || invoices.iter().filter(|invoice| bills_some(invoice, ours));
    let open = || shared().filter(|invoice| !invoice.is_full());
    open()
        .find(|invoice| bills(invoice, ours, enough))
        .or_else(|| open().next())
        .or_else(|| shared().next())
}

/// Whether an invoice bills each of these goods in a quantity that fits.
fn bills(invoice: &Invoice, ours: &Goods, fits: impl Fn(Decimal, Decimal) -> bool) -> bool {
    let billed = invoice.billed();
    let fitting = |(sku, shipped): (&String, &Decimal)| billed.get(sku).is_some_and(|billed| fits(*billed, *shipped));
    !ours.is_empty() && ours.iter().all(fitting)
}

fn bills_some(invoice: &Invoice, ours: &Goods) -> bool {
    invoice.billed().keys().any(|sku| ours.contains_key(sku))
}

/// Whether the invoices bill everything of these items that has left, this shipment included.
fn is_all_billed(invoices: &[Invoice], departed: Departed<'_>, ours: &Goods) -> bool {
    let shipped = goods(departed.order, |line| line.shipped.as_deref());
    let fulfilled = goods(departed.fulfilments, |line| line.quantity.as_deref());
    let billed = goods(invoices.iter().flat_map(|invoice| &invoice.lines), |line| {
        line.quantity.as_deref()
    });
    ours.iter().all(|(sku, own)| {
        let of = |goods: &Goods| goods.get(sku).copied().unwrap_or_default();
        of(&billed) >= of(&shipped).max(of(&fulfilled)).max(*own)
    })
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{Address, ConsignmentLine, DocumentId, LineId};

    fn line(sku: &str, quantity: i64, shipped: i64) -> LineRow {
        serde_json::from_value(json!({
            "sku": sku, "itemtype": "InvtPart", "quantity": quantity.to_string(), "shipped": shipped.to_string()
        }))
        .unwrap()
    }

    fn invoice(id: &str, shown: &str, goods: &[(&str, i64)]) -> Invoice {
        Invoice {
            id: id.to_owned(),
            number: format!("INV{id}"),
            shown: (!shown.is_empty()).then(|| shown.to_owned()),
            lines: goods.iter().map(|(sku, quantity)| line(sku, *quantity, 0)).collect(),
        }
    }

    fn consignment(goods: &[(&str, Decimal)]) -> Consignment {
        let line = |(sku, quantity): &(&str, Decimal)| ConsignmentLine {
            line: LineId::new("1"),
            sku: (*sku).to_owned(),
            description: None,
            quantity: *quantity,
            weight: None,
            unit_price: None,
            origin_country: None,
            tariff_code: None,
            dimensions: None,
            cost_centre: None,
            flaw: None,
        };
        Consignment {
            document: DocumentId::fulfilment("7001"),
            number: "SO5012".to_owned(),
            customer_reference: None,
            ship_method: None,
            ship_to: Address::default(),
            location: None,
            bill_to: None,
            supplier: None,
            lines: goods.iter().map(line).collect(),
        }
    }

    /// What becomes of a shipment of two pumps numbered `1Z2`, of an order that shipped so many pumps in all.
    fn billed(invoices: &[Invoice], left: i64) -> String {
        let order = [line("PUMP", 9, left), line("SEAL", 9, 0)];
        let departed = Departed {
            order: &order,
            fulfilments: &[],
        };
        of_goods(invoices, departed, &[("PUMP", dec!(2))])
    }

    fn of_goods(invoices: &[Invoice], departed: Departed<'_>, goods: &[(&str, Decimal)]) -> String {
        match billing(invoices, departed, &consignment(goods), &["1Z2".to_owned()]) {
            Billing::Shows(invoice) => format!("shows {}", invoice.id),
            Billing::ShowsAPart(invoice) => format!("a part {}", invoice.id),
            Billing::On(invoice) => invoice.id.clone(),
            Billing::NoRoom(invoice) => format!("no room {}", invoice.id),
            Billing::NotYet => "not yet".to_owned(),
        }
    }

    /// P56: which invoice a shipment belongs to.
    #[test]
    fn a_shipment_stands_on_the_invoice_that_bills_it() {
        assert_eq!(billed(&[], 2), "not yet");
        assert_eq!(billed(&[invoice("1", "", &[("PUMP", 9)])], 2), "1", "the only one");
        let two = [invoice("1", "", &[("PUMP", 3)]), invoice("2", "", &[("PUMP", 2)])];
        assert_eq!(billed(&two, 5), "2", "the one that bills exactly that");
        let taken = [invoice("1", "1Z9", &[("PUMP", 2)]), invoice("2", "", &[("PUMP", 2)])];
        assert_eq!(billed(&taken, 4), "2", "one that shows another shipment is that one's");
        let others = [invoice("1", "", &[("SEAL", 2)]), invoice("2", "", &[("PUMP", 5)])];
        assert_eq!(billed(&others, 5), "2", "one that bills something of it");
        let neither = [invoice("1", "", &[("SEAL", 2)]), invoice("2", "", &[("SEAL", 5)])];
        assert_eq!(billed(&neither, 2), "not yet");
    }

    /// P56: an invoice of several shipments takes them all, and one of another shipment alone does not.
    #[test]
    fn an_invoice_is_shared_only_where_it_bills_everything_that_left() {
        let shared = [invoice("1", "1Z9", &[("PUMP", 5)])];
        assert_eq!(billed(&shared, 5), "1");
        let of_others = [invoice("1", "1Z9", &[("PUMP", 3)])];
        assert_eq!(billed(&of_others, 5), "not yet", "two of the five are not billed yet");
    }

    /// P56: an invoice of other goods is another shipment's, be it the only one that there is.
    #[test]
    fn an_invoice_that_does_not_bill_a_shipment_is_left_alone() {
        assert_eq!(billed(&[invoice("1", "", &[("SEAL", 2)])], 2), "not yet", "other goods");
        assert_eq!(
            billed(&[invoice("1", "", &[("PUMP", 1)])], 5),
            "not yet",
            "less than that"
        );
        let two = [invoice("1", "", &[("PUMP", 1)]), invoice("2", "", &[("PUMP", 3)])];
        assert_eq!(billed(&two, 9), "2", "the one that bills at least that");
        let goods = [("PUMP", dec!(2)), ("SEAL", dec!(1))];
        let half = [invoice("1", "", &[("PUMP", 2)])];
        assert_eq!(of_goods(&half, Departed::default(), &goods), "not yet", "half of it");
        let none = [invoice("1", "", &[("SEAL", 1)])];
        assert_eq!(billed(&none, 0), "not yet", "nothing has left, and nothing is billed");
        let own = [
            invoice("1", "", &[("PUMP", 2), ("SEAL", 1)]),
            invoice("2", "", &[("PUMP", 2)]),
        ];
        assert_eq!(billed(&own, 4), "2", "the one that bills that and nothing else");
    }

    /// P56: a fulfilment that is shipped while it is only packed counts, though the order does not count it.
    #[test]
    fn packed_goods_have_left_as_well() {
        let invoices = [invoice("1", "1Z9", &[("PUMP", 3)])];
        let fulfilments = [line("PUMP", 3, 0), line("PUMP", 2, 0)];
        let departed = Departed {
            order: &[],
            fulfilments: &fulfilments,
        };
        assert_eq!(of_goods(&invoices, departed, &[("PUMP", dec!(2))]), "not yet");
        let all = [invoice("1", "1Z9", &[("PUMP", 5)])];
        assert_eq!(of_goods(&all, departed, &[("PUMP", dec!(2))]), "1");
    }

    #[test]
    fn what_an_invoice_shows_already_is_found_before_anything_else() {
        let shown = [
            invoice("1", "", &[("PUMP", 2)]),
            invoice("2", "1Z9, 1Z2", &[("SEAL", 1)]),
        ];
        assert_eq!(billed(&shown, 2), "shows 2");
        let full = [invoice("1", "1Z9, 1Z8, \u{2026}", &[("PUMP", 2)])];
        assert_eq!(billed(&full, 2), "no room 1");
        let roomier = [full[0].clone(), invoice("2", "1Z7", &[("PUMP", 3)])];
        assert_eq!(billed(&roomier, 5), "2", "one that has room is better");
        let brim = [invoice("1", "1Z9, 1Z2\u{2026}", &[("PUMP", 2)])];
        assert_eq!(billed(&brim, 2), "shows 1", "the cut is no part of a number");
        let ours = consignment(&[("PUMP", dec!(2))]);
        let (one, two) = ("1Z2".to_owned(), "1Z3".to_owned());
        let part = billing(&shown, Departed::default(), &ours, &[one, two]);
        assert!(
            matches!(part, Billing::ShowsAPart(invoice) if invoice.id == "2"),
            "{part:?}"
        );
    }

    #[test]
    fn a_void_invoice_bills_nothing_and_costs_are_no_goods() {
        let row =
            |code: Value| serde_json::from_value::<DescendantRow>(json!({ "id": "1", "statuscode": code })).unwrap();
        assert!(!is_in_force(&row(json!("CustInvc:V"))) && !is_in_force(&row(json!("V"))));
        assert!(is_in_force(&row(json!("CustInvc:A"))) && is_in_force(&row(Value::Null)));
        let cost: LineRow =
            serde_json::from_value(json!({ "sku": "PUMP", "itemtype": "InvtPart", "quantity": "2", "iscogs": "T" }))
                .unwrap();
        assert!(goods([&cost], |line| line.quantity.as_deref()).is_empty());
    }
}
