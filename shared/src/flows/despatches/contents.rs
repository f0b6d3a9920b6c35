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
