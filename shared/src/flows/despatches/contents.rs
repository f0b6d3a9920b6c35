//! What of an order a despatch ships: pure. By the line's own key where the desk has it, else by SKU, over what is nobody's yet.

use rust_decimal::Decimal;

use crate::domain::{Despatch, DespatchLine, LineId, Order, OrderLine, Quantities, Standing, Units};
use crate::ports::Meant;

/// Why a despatch is no unit of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The ERP has no order that it names; what looks like it.
    NoOrder(Vec<Meant>),
    /// It has several.
    SeveralOrders(Vec<Meant>),
    /// Several stores have an order of this number.
    SeveralStores(Vec<String>),
    /// The desk does not get done with it, or stands at a word that nobody knows; that word.
    Unfinished(String),
    /// The ERP, or the desk, refuses to be asked which order it is; its words.
    Refused(String),
    /// The ERP does not show the order of this number any more.
    NotShown(String),
    /// The order does not ship as it stands; the order's number, and why.
    NotShipping(String, String),
    /// Everything of it is shown as fulfilled; the order's number.
    Fulfilled(String),
    /// The desk does not say what is in it, and it cannot only be the whole order.
    Untold(String),
    /// The order has no such goods: the order's number and the SKU.
    UnknownSku(String, String),
    /// More was shipped than the order has left: the order's number, the SKU, how many were shipped, how many are left.
    TooMany {
        /// The order's number.
        order: String,
        /// The SKU.
        sku: String,
        /// How many were shipped.
        shipped: Decimal,
        /// How many are nobody's yet.
        left: Decimal,
        /// How many the ERP shows as fulfilled.
        fulfilled: Decimal,
    },
}

impl Unfit {
    /// A short name for logs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NoOrder(_) => "no order",
            Self::SeveralOrders(_) => "several orders",
            Self::SeveralStores(_) => "several stores",
            Self::Unfinished(_) => "unfinished",
            Self::Refused(_) => "refused",
            Self::NotShown(_) => "not shown",
            Self::NotShipping(..) => "does not ship",
            Self::Fulfilled(_) => "fulfilled",
            Self::Untold(_) => "contents untold",
            Self::UnknownSku(..) => "unknown SKU",
            Self::TooMany { .. } => "too many",
        }
    }
}

/// What of the order's lines a despatch ships; `whole` where it can only be all that remains.
pub(super) fn of(despatch: &Despatch, order: &Order, units: &Units, whole: bool) -> Result<Quantities, Unfit> {
    let open: Vec<Open<'_>> = order.lines.iter().map(|line| Open::of(line, units)).collect();
    let number = || order.number.clone();
    let everything_is_fulfilled = || {
        let goods = |line: &&OrderLine| line.ordered > Decimal::ZERO;
        let mut lines = order.lines.iter().filter(goods).peekable();
        lines.peek().is_some() && lines.all(|line| line.fulfilled >= line.ordered)
    };
    match &order.standing {
        Standing::Cancelled => return Err(Unfit::NotShipping(number(), "it is cancelled".to_owned())),
        Standing::Waiting(why) => return Err(Unfit::NotShipping(number(), why.clone())),
        _ if everything_is_fulfilled() => return Err(Unfit::Fulfilled(number())),
        Standing::Closed => return Err(Unfit::NotShipping(number(), "it is closed".to_owned())),
        Standing::Ready => {}
    }
    match &despatch.lines {
        Some(lines) if !lines.is_empty() => told(lines, order, open),
        _ if whole => Ok(open
            .into_iter()
            .filter(|open| open.left > Decimal::ZERO)
            .map(|open| (open.line.id.clone(), open.left))
            .collect()),
        _ => Err(Unfit::Untold(number())),
    }
}

/// A line and how many of it are nobody's yet.
struct Open<'a> {
    line: &'a OrderLine,
    left: Decimal,
}

impl<'a> Open<'a> {
    fn of(line: &'a OrderLine, units: &Units) -> Self {
        let left = units.left_of(line);
        Self { line, left }
    }

    /// Gives at most so many of it to the despatch.
    fn give(&mut self, wanted: &mut Decimal, to: &mut Quantities) {
        let given = self.left.min(*wanted);
        if given > Decimal::ZERO {
            self.left -= given;
            *wanted -= given;
            *to.entry(self.line.id.clone()).or_default() += given;
        }
    }

    fn is_of(&self, sku: &str) -> bool {
        self.line.sku.trim().eq_ignore_ascii_case(sku.trim())
    }

    /// Whether it is the line that the desk's key names. Other shops number their lines too, so the goods must agree.
    fn is_named_by(&self, line: &DespatchLine) -> bool {
        let key = line.key.as_deref().map(LineId::new);
        key.as_ref() == Some(&self.line.id) && self.is_of(&line.sku)
    }
}

fn told(lines: &[DespatchLine], order: &Order, mut open: Vec<Open<'_>>) -> Result<Quantities, Unfit> {
    let mut shipped = Quantities::new();
    let goods = || lines.iter().filter(|line| line.quantity > Decimal::ZERO);
    let mut wanted: Vec<(&DespatchLine, Decimal)> = goods().map(|line| (line, line.quantity)).collect();
    // What names its line takes from it before anything that may be of any.
    for (line, wanted) in &mut wanted {
        let named = open.iter_mut().find(|open| open.is_named_by(line));
        if let Some(open) = named {
            open.give(wanted, &mut shipped);
        }
    }
    for (line, wanted) in &mut wanted {
        let own = || open.iter().filter(|open| open.is_of(&line.sku));
        if own().next().is_none() {
            let sku = match (line.sku.trim(), &line.name) {
                ("", Some(name)) => format!("without SKU ({name})"),
                (sku, _) => sku.to_owned(),
            };
            return Err(Unfit::UnknownSku(order.number.clone(), sku));
        }
        let fulfilled = own().map(|open| open.line.fulfilled).sum();
        for open in open.iter_mut().filter(|open| open.is_of(&line.sku)) {
            open.give(wanted, &mut shipped);
        }
        if *wanted > Decimal::ZERO {
            return Err(Unfit::TooMany {
                order: order.number.clone(),
                sku: line.sku.clone(),
                shipped: line.quantity,
                left: line.quantity - *wanted,
                fulfilled,
            });
        }
    }
    if shipped.is_empty() {
        return Err(Unfit::Untold(order.number.clone()));
    }
    Ok(shipped)
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::domain::{
        Address, CarrierShipmentId, DeskOrderRef, DespatchId, DespatchStanding, DocumentId, JobId, Shipment, Unit,
        UnitPhase,
    };

    fn line(id: &str, sku: &str, ordered: Decimal) -> OrderLine {
        OrderLine {
            id: LineId::new(id),
            sku: sku.to_owned(),
            description: None,
            ordered,
            fulfilled: Decimal::ZERO,
            ready: Decimal::ZERO,
            shippable: true,
            weight: None,
            dimensions: None,
            unit_price: None,
            origin_country: None,
            tariff_code: None,
            location: None,
            ship_to: None,
            cost_centre: None,
            came_from: Vec::new(),
            flaw: None,
        }
    }

    fn order(lines: Vec<OrderLine>) -> Order {
        Order {
            document: DocumentId::sales_order("7"),
            number: "SO7".to_owned(),
            standing: Standing::Ready,
            customer_reference: None,
            tracking_shown: None,
            ship_method: None,
            currency: None,
            ship_to: Address::default(),
            bill_to: None,
            supplier: None,
            lines,
        }
    }

    fn despatch(lines: &[(Option<&str>, &str, Decimal)]) -> Despatch {
        let line = |(key, sku, quantity): &(Option<&str>, &str, Decimal)| DespatchLine {
            key: key.map(str::to_owned),
            sku: (*sku).to_owned(),
            name: None,
            quantity: *quantity,
        };
        Despatch {
            id: DespatchId::new("label:1"),
            order: DeskOrderRef {
                id: "1".to_owned(),
                number: "SO7".to_owned(),
                key: None,
                store: None,
            },
            shipment: Shipment {
                id: CarrierShipmentId::new("label:1"),
                parcels: Vec::new(),
                service: None,
                cost: None,
                remarks: Vec::new(),
            },
            carrier: None,
            standing: DespatchStanding::Shipped,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            lines: Some(lines.iter().map(line).collect()),
            ship_to: None,
        }
    }

    fn none() -> Units {
        Units::none(DocumentId::sales_order("7"), "SO7")
    }

    fn given(shipped: &[(Option<&str>, &str, Decimal)], order: &Order, units: &Units) -> Result<String, Unfit> {
        let quantities = of(&despatch(shipped), order, units, false)?;
        let words: Vec<String> = quantities
            .iter()
            .map(|(line, quantity)| format!("{line}:{}", quantity.normalize()))
            .collect();
        Ok(words.join(" "))
    }

    fn holding(phase: UnitPhase, quantity: Decimal) -> Units {
        let mut units = none();
        units.units.push(Unit {
            number: 1,
            job: JobId::of(&"acme".parse().unwrap(), &units.document, 1),
            quantities: Quantities::from([(LineId::new("1"), quantity)]),
            phase,
            tracking_numbers: Vec::new(),
            terms: None,
            reported: None,
        });
        units
    }

    #[test]
    fn goods_are_found_by_sku_over_the_lines_in_order() {
        let order = order(vec![
            line("1", "PUMP", dec!(3)),
            line("4", "VALVE", dec!(2)),
            line("7", "PUMP", dec!(5)),
        ]);
        assert_eq!(given(&[(None, "PUMP", dec!(2))], &order, &none()).unwrap(), "1:2");
        assert_eq!(given(&[(None, " pump ", dec!(4))], &order, &none()).unwrap(), "1:3 7:1");
        let twice = [
            (None, "PUMP", dec!(2)),
            (None, "PUMP", dec!(3)),
            (None, "VALVE", dec!(0)),
        ];
        assert_eq!(given(&twice, &order, &none()).unwrap(), "1:3 7:2");
    }

    #[test]
    fn the_lines_own_key_counts_where_the_goods_agree() {
        let order = order(vec![
            line("1", "PUMP", dec!(3)),
            line("2", "PUMP", dec!(3)),
            line("3", "VALVE", dec!(3)),
        ]);
        assert_eq!(given(&[(Some("2"), "PUMP", dec!(2))], &order, &none()).unwrap(), "2:2");
        // A shop's own numbering means nothing here.
        assert_eq!(given(&[(Some("2"), "VALVE", dec!(2))], &order, &none()).unwrap(), "3:2");
        // What may be of any line leaves to a named one what is its own.
        let both = [(None, "PUMP", dec!(4)), (Some("1"), "PUMP", dec!(2))];
        assert_eq!(given(&both, &order, &none()).unwrap(), "1:3 2:3");
    }

    #[test]
    fn what_others_hold_or_have_shipped_is_not_given_twice() {
        let mut asked = order(vec![line("1", "PUMP", dec!(5))]);
        let two = [(None, "PUMP", dec!(2))];
        let too_many = |left: Decimal, fulfilled: Decimal| {
            Err(Unfit::TooMany {
                order: "SO7".to_owned(),
                sku: "PUMP".to_owned(),
                shipped: dec!(2),
                left,
                fulfilled,
            })
        };
        assert_eq!(
            given(&two, &asked, &holding(UnitPhase::Open, dec!(4))),
            too_many(dec!(1), dec!(0))
        );
        assert_eq!(
            given(&two, &asked, &holding(UnitPhase::Closed, dec!(4))).unwrap(),
            "1:2"
        );
        // Written, and not shown yet; then shown.
        let written = holding(UnitPhase::WrittenBack, dec!(4));
        assert_eq!(given(&two, &asked, &written), too_many(dec!(1), dec!(0)));
        asked.lines[0].fulfilled = dec!(4);
        assert_eq!(given(&two, &asked, &written), too_many(dec!(1), dec!(4)));
        asked.lines[0].fulfilled = dec!(3);
        assert_eq!(given(&two, &asked, &none()).unwrap(), "1:2");
    }

    #[test]
    fn an_order_says_why_it_takes_nothing() {
        let mut asked = order(vec![line("1", "PUMP", dec!(5))]);
        let unknown = given(&[(None, "KIT", dec!(1))], &asked, &none());
        assert_eq!(unknown, Err(Unfit::UnknownSku("SO7".to_owned(), "KIT".to_owned())));
        assert_eq!(given(&[], &asked, &none()), Err(Unfit::Untold("SO7".to_owned())));
        let whole = of(&despatch(&[]), &asked, &none(), true).unwrap();
        assert_eq!(whole, Quantities::from([(LineId::new("1"), dec!(5))]));
        asked.standing = Standing::Cancelled;
        let pump = [(None, "PUMP", dec!(1))];
        let why = given(&pump, &asked, &none()).unwrap_err();
        assert_eq!(why.name(), "does not ship");
        asked.standing = Standing::Closed;
        assert_eq!(given(&pump, &asked, &none()).unwrap_err().name(), "does not ship");
        asked.lines[0].fulfilled = dec!(5);
        assert_eq!(given(&pump, &asked, &none()), Err(Unfit::Fulfilled("SO7".to_owned())));
    }
}
