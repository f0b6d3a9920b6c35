//! A customer as the ERP's master data states it, and an open order at a desk that tells of the customer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Address, DocumentId, LineId, Money};

/// Values of the desk's own fields, by their names there (`custom_field1`).
pub type CustomerFields = BTreeMap<String, String>;

/// Who ordered, by the ERP's master data and as an open order shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The ERP's internal id.
    pub id: String,
    /// The number that people know.
    pub number: String,
    /// The name.
    pub name: String,
    /// The company, where it is one.
    pub company: Option<String>,
    /// Addresses of electronic mail, the first is the main one.
    pub emails: Vec<String>,
    /// Telephone numbers, the first is the main one.
    pub phones: Vec<String>,
    /// The account above, and the one above that, and so on: number and name.
    pub above: Vec<(String, String)>,
    /// What the connection wants in the desk's own fields.
    pub fields: CustomerFields,
}

/// An open sales order as it is to stand at a desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeskOrder {
    /// The ERP's document; its key at the desk follows from it and never changes.
    pub document: DocumentId,
    /// The number that people know.
    pub number: String,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// When the ERP last changed it or its customer.
    pub modified: Timestamp,
    /// Who ordered.
    pub customer: Customer,
    /// Where it goes.
    pub ship_to: Address,
    /// Where the invoice goes.
    pub bill_to: Option<Address>,
    /// The currency of its prices, ISO 4217.
    pub currency: Option<String>,
    /// How it asks to be shipped, in the ERP's words.
    pub ship_method: Option<String>,
    /// What is still to be shipped.
    pub lines: Vec<DeskOrderLine>,
    /// Whether it is open: one that is not is only looked at to be taken away.
    pub open: bool,
}

impl DeskOrder {
    /// Its goods as a desk is told of them.
    pub fn goods(&self) -> Vec<ToldLine> {
        let told = |line: &DeskOrderLine| ToldLine {
            line: line.line.as_str().to_owned(),
            sku: line.sku.clone(),
            quantity: line.quantity,
        };
        self.lines.iter().map(told).collect()
    }
}

/// Goods of an open order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeskOrderLine {
    /// The ERP's line.
    pub line: LineId,
    /// What people order it by.
    pub sku: String,
    /// What it is, in words.
    pub name: Option<String>,
    /// How many are still to be shipped.
    pub quantity: Decimal,
    /// The price of one.
    pub unit_price: Option<Money>,
    /// The weight of one.
    pub weight: Option<super::Weight>,
}

/// Goods of an order as a desk was told of them, or as it shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldLine {
    /// The ERP's line; empty where the desk does not say which.
    pub line: String,
    /// The SKU.
    pub sku: String,
    /// How many.
    pub quantity: Decimal,
}

/// What a desk was last told of the goods of an order that we made there.
///
/// Goods that stand there just as they were told are ours to change. Any others were changed or split there by people, and stay as they
/// are: a part of a split order shows less than the order, and whatever were added to it would be shipped twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldGoods {
    /// What it heard; `None` where nothing is known of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Vec<ToldLine>>,
    /// What it was being told when nobody heard the end of it: it shows the one or the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Vec<ToldLine>>,
}

impl ToldGoods {
    /// Whether goods that stand at the desk are those that it was told.
    pub fn are(&self, there: &[ToldLine]) -> bool {
        [&self.heard, &self.doubt]
            .into_iter()
            .flatten()
            .any(|told| same_goods(told, there))
    }

    /// Other goods are about to be told in place of those that stand there; `None` where nothing is seen to stand there.
    #[must_use]
    pub fn telling(&self, there: Option<&[ToldLine]>, wanted: &[ToldLine]) -> Self {
        let before = there.map(<[ToldLine]>::to_vec);
        Self {
            heard: before.or_else(|| self.doubt.clone()).or_else(|| self.heard.clone()),
            doubt: Some(wanted.to_vec()),
        }
    }

    /// The desk shows what is wanted. Where that is not what it was told, people have made it so, and its goods stay theirs.
    #[must_use]
    pub fn settled(&self, wanted: &[ToldLine]) -> Self {
        let is = |told: &Option<Vec<ToldLine>>| told.as_deref().is_some_and(|told| same_goods(told, wanted));
        if is(&self.heard) || is(&self.doubt) {
            return Self {
                heard: Some(wanted.to_vec()),
                doubt: None,
            };
        }
        self.clone()
    }
}

/// Whether these are the same goods, in whatever order; where a desk does not say which line is which, by SKU and quantity.
fn same_goods(one: &[ToldLine], other: &[ToldLine]) -> bool {
    let tells_lines = |lines: &[ToldLine]| lines.iter().all(|line| !line.line.is_empty());
    let by_line = tells_lines(one) && tells_lines(other);
    let sorted = |lines: &[ToldLine]| {
        let some = lines.iter().filter(|line| line.quantity > Decimal::ZERO);
        let mut sorted: Vec<(String, String, Decimal)> = some
            .map(|line| {
                let key = if by_line { line.line.clone() } else { String::new() };
                (key, line.sku.clone(), line.quantity)
            })
            .collect();
        sorted.sort();
        sorted
    };
    sorted(one) == sorted(other)
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    fn goods(lines: &[(&str, &str, Decimal)]) -> Vec<ToldLine> {
        let line = |(line, sku, quantity): &(&str, &str, Decimal)| ToldLine {
            line: (*line).to_owned(),
            sku: (*sku).to_owned(),
            quantity: *quantity,
        };
        lines.iter().map(line).collect()
    }

    /// P45: goods are ours to change while the desk shows them as it was told, or as it was being told when nobody heard the end of it.
    #[test]
    fn goods_are_known_again_in_any_order_and_without_their_lines() {
        let five = goods(&[("1", "A", dec!(5)), ("2", "B", dec!(1))]);
        let told = ToldGoods::default().telling(None, &five).settled(&five);
        assert_eq!((told.heard.as_ref(), &told.doubt), (Some(&five), &None));
        assert!(told.are(&goods(&[("2", "B", dec!(1.0)), ("1", "A", dec!(5))])));
        assert!(told.are(&goods(&[("", "B", dec!(1)), ("", "A", dec!(5))])));
        for others in [
            goods(&[("1", "A", dec!(2)), ("2", "B", dec!(1))]),
            goods(&[("1", "A", dec!(5))]),
            goods(&[("1", "A", dec!(5)), ("3", "B", dec!(1))]),
            Vec::new(),
        ] {
            assert!(!told.are(&others), "{others:?}");
        }
        let seven = goods(&[("1", "A", dec!(7))]);
        let telling = told.telling(Some(&five), &seven);
        assert!(telling.are(&five) && telling.are(&seven));
        assert_eq!(telling.settled(&seven).heard, Some(seven.clone()));
        assert!(!telling.settled(&seven).are(&five));
        let again = telling.telling(None, &goods(&[("1", "A", dec!(9))]));
        assert!(again.are(&seven), "an order that was being made is known again");
        assert!(!ToldGoods::default().are(&[]), "of what is not known nothing is ours");
    }

    /// P45: what people made of an order stays theirs, though it comes to be what the ERP wants.
    #[test]
    fn what_people_changed_is_not_adopted() {
        let (five, two) = (goods(&[("1", "A", dec!(5))]), goods(&[("1", "A", dec!(2))]));
        let told = ToldGoods {
            heard: Some(five.clone()),
            doubt: None,
        };
        assert_eq!(told.settled(&two), told);
        assert!(!told.settled(&two).are(&two));
    }
}
