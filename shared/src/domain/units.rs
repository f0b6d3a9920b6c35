//! Which quantity of a document belongs to which job: the UNITS item of the design.
//!
//! Three of five shipped today and two next week are two units; two more that become ready while three are being
//! labelled do not ship the three again.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    AccountRule, Address, Consignment, ContentHash, DocumentId, DocumentKind, JobId, LineId, LocationId, Order,
    OrderLine, Origin, Standing, account_of,
};

/// A quantity for each line.
pub type Quantities = BTreeMap<LineId, Decimal>;

/// How adapters end a text that does not fit into its field.
const CUT: char = '…';

/// How far a unit has come, as far as allotment is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitPhase {
    /// Its quantity is spoken for.
    Open,
    /// The ERP shows it.
    WrittenBack,
    /// It ended without shipping and gave its quantity back.
    Closed,
}

/// One part of a document that ships together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Counted from 1.
    pub number: u32,
    /// Its job.
    pub job: JobId,
    /// What it ships.
    pub quantities: Quantities,
    /// How far it has come.
    pub phase: UnitPhase,
    /// The tracking numbers that were written back, or wait for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracking_numbers: Vec<String>,
    /// The digest of what was shipped to whom, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<ContentHash>,
    /// The digest of what the document asks for now, where that differs and was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<ContentHash>,
}

/// What a unit of a later document holds of this one: a requisition that became a purchase order ships once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOn {
    /// The later document.
    pub document: DocumentId,
    /// Its unit; 0 where it holds nothing yet and waits for this document's units to end.
    pub unit: u32,
    /// What that unit holds, by this document's lines.
    pub quantities: Quantities,
}

/// All units of a document, changed by compare-and-set on `version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// The document.
    pub document: DocumentId,
    /// The number that people know.
    pub number: String,
    /// 0 while nothing is stored.
    pub version: u64,
    /// In the order of their numbers.
    pub units: Vec<Unit>,
    /// What later documents hold of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_on: Vec<PassedOn>,
    /// What the document ordered when a unit was last allotted, by line.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    pub ordered: Quantities,
}

/// A quantity that may become a unit: lines that leave one place for one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allotment {
    /// What it ships.
    pub quantities: Quantities,
}

impl Units {
    /// A document of which nothing has been allotted.
    pub fn none(document: DocumentId, number: impl Into<String>) -> Self {
        Self {
            document,
            number: number.into(),
            version: 0,
            units: Vec::new(),
            passed_on: Vec::new(),
            ordered: Quantities::new(),
        }
    }

    /// The number of the next unit.
    pub fn next_number(&self) -> u32 {
        self.units.iter().map(|unit| unit.number).max().unwrap_or(0) + 1
    }

    /// What may be allotted now: what the ERP says is ready less what open units hold, grouped by the place that it
    /// leaves, the address it goes to and the account that ships it. A unit that was written back counts only as far as the ERP
    /// does not show it as fulfilled, which is never where write-back makes fulfilments. `kin` are the units of the documents
    /// that this one came from, and of those that came from it.
    pub fn allottable(&self, order: &Order, accounts: &[AccountRule], kin: &[Units]) -> Vec<Allotment> {
        let mut groups: BTreeMap<(Option<&LocationId>, &Address, usize), Quantities> = BTreeMap::new();
        let mut elsewhere = Elsewhere::of(self, kin);
        for line in order.lines.iter().filter(|line| line.shippable) {
            let earlier = elsewhere.take(line);
            let free = line.ready.min(line.remaining()) - self.spoken_for(&line.id, line.fulfilled, earlier);
            if free > Decimal::ZERO {
                let group = (
                    line.location.as_ref(),
                    order.ship_to_of(line),
                    account_row(accounts, order, line),
                );
                groups.entry(group).or_default().insert(line.id.clone(), free);
            }
        }
        groups
            .into_values()
            .map(|quantities| Allotment { quantities })
            .collect()
    }

    /// What of a line is nobody's yet, whether it is ready or not: what people have shipped is as ready as can be.
    pub fn left_of(&self, line: &OrderLine) -> Decimal {
        let held = self.spoken_for(&line.id, line.fulfilled, Held::default());
        (line.remaining() - held).max(Decimal::ZERO)
    }

    /// Whether any unit ships, or has shipped, something of it.
    pub fn is_under_way(&self) -> bool {
        self.units.iter().any(|unit| unit.phase != UnitPhase::Closed)
    }

    /// The later document that took it over last.
    pub fn passed_to(&self) -> Option<&PassedOn> {
        self.passed_on.last()
    }

    /// `earlier` is what units of other documents hold of the same goods.
    fn spoken_for(&self, line: &LineId, fulfilled: Decimal, earlier: Held) -> Decimal {
        let held = |phase| self.sum(line, |unit| unit.phase == phase);
        let shipped = held(UnitPhase::WrittenBack) + earlier.shipped;
        held(UnitPhase::Open) + earlier.open + (shipped - fulfilled).max(Decimal::ZERO)
    }

    /// Later documents that hold, or wait for, something of this one.
    pub fn heirs(&self) -> impl Iterator<Item = &DocumentId> {
        self.passed_on.iter().map(|passed| &passed.document)
    }

    /// The same units, of which a unit of a later document holds these quantities; unit 0 waits for what is held here.
    pub fn passing_on(&self, passed: PassedOn) -> Self {
        let mut changed = self.clone();
        changed
            .passed_on
            .retain(|known| known.document != passed.document || known.unit != passed.unit);
        changed.passed_on.push(passed);
        changed
    }

    /// Of these documents' units, those that hold goods of the order's lines back for now, or have taken them: once they end
    /// without shipping, the order must be read again.
    pub fn awaited<'k>(&self, order: &Order, kin: &'k [Units]) -> Vec<&'k Units> {
        let origins = order.origins();
        let sibling = |units: &Units| {
            let earlier = kin.iter().filter(|earlier| origins.contains(&earlier.document));
            let mut passed = earlier.flat_map(|earlier| &earlier.passed_on);
            let alive = units.units.iter().any(|unit| unit.phase != UnitPhase::Closed);
            alive
                && units.document != order.document
                && passed.any(|passed| passed.document == units.document && passed.unit > 0)
        };
        let holds = |units: &&Units| {
            let origins = order.lines.iter().flat_map(|line| &line.came_from);
            let open = |line: &LineId| units.sum(line, |unit| unit.phase == UnitPhase::Open) > Decimal::ZERO;
            let mut own = origins.filter(|origin| origin.document == units.document);
            let known = units
                .passed_on
                .iter()
                .any(|passed| passed.document == order.document && passed.unit == 0);
            !known && (own.any(|origin| open(&origin.line)) || sibling(units))
        };
        kin.iter().filter(holds).collect()
    }

    /// Lines of which more is ordered than when a unit was last allotted, after a part of the document was or is being shipped.
    pub fn additions<'o>(&self, order: &'o Order) -> Vec<&'o LineId> {
        if !self.is_under_way() || self.ordered.is_empty() {
            return Vec::new();
        }
        let grown = |line: &&OrderLine| {
            let before = self.ordered.get(&line.id).copied().unwrap_or_default();
            line.shippable && line.ordered > before
        };
        order.lines.iter().filter(grown).map(|line| &line.id).collect()
    }

    /// Units that were shipped and of which the document asks for something else now, or nothing, with the digest of what it asks
    /// for.
    pub fn changed_since_shipped(&self, order: &Order) -> Vec<(&Unit, ContentHash)> {
        let shipped = self.units.iter().filter(|unit| unit.phase == UnitPhase::WrittenBack);
        let changed = shipped.filter_map(|unit| {
            let terms = unit.terms.as_ref()?;
            let now = self.asked_for_now(order, unit, terms);
            (now != *terms).then_some((unit, now))
        });
        changed.collect()
    }

    /// The digest of what an order asks for now where a unit was shipped on these terms.
    fn asked_for_now(&self, order: &Order, unit: &Unit, terms: &ContentHash) -> ContentHash {
        if order.standing == Standing::Cancelled {
            return ContentHash::of(b"cancelled");
        }
        // A fulfilment that does not stand as shipped any more has taken back what it asked for.
        if order.document.kind == DocumentKind::Fulfilment && matches!(order.standing, Standing::Waiting(_)) {
            return ContentHash::of(b"unshipped");
        }
        let shipped = |line: &LineId| self.sum(line, |unit| unit.phase == UnitPhase::WrittenBack);
        let ordered = |line: &LineId| order.line(line).map(|line| line.ordered).unwrap_or_default();
        if unit.quantities.keys().any(|line| shipped(line) > ordered(line)) {
            return ContentHash::of(b"less");
        }
        match Consignment::as_shipped(order, &unit.quantities) {
            // What does not ship any more need not say where it went.
            Some(asked) if asked.ship_to.lines.is_empty() => terms.clone(),
            Some(asked) => asked.terms(),
            None => ContentHash::of(b"less"),
        }
    }

    /// The same units, of which one is reported to be asked for otherwise, or as it was shipped again.
    pub fn with_reported(&self, number: u32, terms: Option<ContentHash>) -> Self {
        self.changing(number, |unit| unit.reported = terms)
    }

    /// The same units, of which one was shipped on these terms.
    pub fn with_terms(&self, number: u32, terms: Option<ContentHash>) -> Self {
        self.changing(number, |unit| unit.terms = terms)
    }

    /// Jobs whose tracking numbers were written to the order and do not stand there any more: somebody edited a field that
    /// is ours.
    pub fn disturbed(&self, order: &Order) -> Vec<&JobId> {
        let shown = order.tracking_shown.as_deref().unwrap_or_default();
        // A field that is full ends with its cut, and shows no more.
        if shown.trim_end().ends_with(CUT) {
            return Vec::new();
        }
        let written = self.units.iter().filter(|unit| unit.phase == UnitPhase::WrittenBack);
        let missing = |unit: &&Unit| {
            unit.tracking_numbers
                .iter()
                .any(|number| !shown.contains(number.as_str()))
        };
        written.filter(missing).map(|unit| &unit.job).collect()
    }

    /// What other units have shipped of each line and the ERP does not show as fulfilled yet: nothing of that ships again.
    pub fn shipped_beside(&self, number: u32, order: &Order) -> Quantities {
        let others = |unit: &Unit| unit.phase == UnitPhase::WrittenBack && unit.number != number;
        let of_line = |line: &OrderLine| {
            let shipped = self.sum(&line.id, others) - line.fulfilled;
            (shipped > Decimal::ZERO).then(|| (line.id.clone(), shipped))
        };
        order.lines.iter().filter_map(of_line).collect()
    }

    /// What open units with a smaller number hold of each line: they come first when an order has shrunk.
    pub fn ahead_of(&self, number: u32) -> Quantities {
        let mut ahead = Quantities::new();
        for unit in self
            .units
            .iter()
            .filter(|unit| unit.phase == UnitPhase::Open && unit.number < number)
        {
            for (line, quantity) in &unit.quantities {
                *ahead.entry(line.clone()).or_default() += quantity;
            }
        }
        ahead
    }

    /// The same units with one of them in another phase.
    pub fn with_phase(&self, number: u32, phase: UnitPhase) -> Self {
        self.changing(number, |unit| unit.phase = phase)
    }

    /// The units whose parcels the document shows: those that are written back, or where none is any more, those that were.
    pub fn shown(&self) -> Vec<&Unit> {
        let written_back: Vec<&Unit> = self
            .units
            .iter()
            .filter(|unit| unit.phase == UnitPhase::WrittenBack)
            .collect();
        if written_back.is_empty() {
            self.units
                .iter()
                .filter(|unit| !unit.tracking_numbers.is_empty())
                .collect()
        } else {
            written_back
        }
    }

    /// The tracking numbers of a unit, as far as they are written back.
    pub fn tracking_numbers(&self, number: u32) -> &[String] {
        let unit = self.units.iter().find(|unit| unit.number == number);
        unit.map_or(&[], |unit| &unit.tracking_numbers)
    }

    /// The same units with the tracking numbers of one of them.
    pub fn with_tracking(&self, number: u32, tracking_numbers: Vec<String>) -> Self {
        self.changing(number, |unit| unit.tracking_numbers = tracking_numbers)
    }

    /// The same units with one of them shipping something else.
    pub fn with_quantities(&self, number: u32, quantities: Quantities) -> Self {
        self.changing(number, |unit| unit.quantities = quantities)
    }

    fn changing(&self, number: u32, change: impl FnOnce(&mut Unit)) -> Self {
        let mut changed = self.clone();
        if let Some(unit) = changed.units.iter_mut().find(|unit| unit.number == number) {
            change(unit);
        }
        changed
    }

    fn sum(&self, line: &LineId, which: impl Fn(&Unit) -> bool) -> Decimal {
        self.units
            .iter()
            .filter(|unit| which(unit))
            .filter_map(|unit| unit.quantities.get(line))
            .sum()
    }
}

/// What is held of some goods, by how far it has come.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    open: Decimal,
    shipped: Decimal,
}

/// What other documents' units hold of this document's goods, used up line by line.
struct Elsewhere<'a> {
    units: &'a Units,
    kin: &'a [Units],
    left: BTreeMap<&'a Origin, Held>,
}

impl<'a> Elsewhere<'a> {
    fn of(units: &'a Units, kin: &'a [Units]) -> Self {
        Self {
            units,
            kin,
            left: BTreeMap::new(),
        }
    }

    /// What others hold of a line's goods, at most as much as it orders.
    fn take(&mut self, line: &'a OrderLine) -> Held {
        let mut taken = self.passed_on(&line.id);
        let mut room = line.ordered - taken.open - taken.shipped;
        for origin in &line.came_from {
            let held = self.held_by_origin(origin, line.ordered);
            let left = self.left.entry(origin).or_insert(held);
            for (left, taken) in [
                (&mut left.shipped, &mut taken.shipped),
                (&mut left.open, &mut taken.open),
            ] {
                let part = (*left).min(room).max(Decimal::ZERO);
                *left -= part;
                *taken += part;
                room -= part;
            }
        }
        taken
    }

    /// What units of later documents hold of this document's line.
    fn passed_on(&self, line: &LineId) -> Held {
        let mut held = Held::default();
        for passed in &self.units.passed_on {
            let quantity = passed.quantities.get(line).copied().unwrap_or_default();
            match self.phase_of(passed) {
                Some(UnitPhase::Closed) => {}
                Some(UnitPhase::WrittenBack) => held.shipped += quantity,
                Some(UnitPhase::Open) | None => held.open += quantity,
            }
        }
        held
    }

    /// What the earlier document's own units hold of a line that orders so much. Where several documents came from it, each of them
    /// may ship what the earlier line ordered, less what it and the others hold.
    fn held_by_origin(&self, origin: &Origin, ordered: Decimal) -> Held {
        let Some(earlier) = self.kin.iter().find(|kin| kin.document == origin.document) else {
            return Held::default();
        };
        let own = Held {
            open: earlier.sum(&origin.line, |unit| unit.phase == UnitPhase::Open),
            shipped: earlier.sum(&origin.line, |unit| unit.phase == UnitPhase::WrittenBack),
        };
        let others = self.passed_to_others(earlier, &origin.line);
        match earlier.ordered.get(&origin.line) {
            Some(whole) if others > Decimal::ZERO => {
                let left = (*whole - own.open - own.shipped - others).max(Decimal::ZERO);
                Held {
                    open: (ordered - left).max(Decimal::ZERO),
                    shipped: Decimal::ZERO,
                }
            }
            _ => own,
        }
    }

    fn passed_to_others(&self, earlier: &Units, line: &LineId) -> Decimal {
        let others = earlier.passed_on.iter().filter(|passed| {
            passed.document != self.units.document && self.phase_of(passed) != Some(UnitPhase::Closed)
        });
        others.filter_map(|passed| passed.quantities.get(line)).sum()
    }

    fn phase_of(&self, passed: &PassedOn) -> Option<UnitPhase> {
        let units = self.kin.iter().find(|kin| kin.document == passed.document)?;
        units
            .units
            .iter()
            .find(|unit| unit.number == passed.unit)
            .map(|unit| unit.phase)
    }
}

/// The row of the table under which a line ships; those without one go together, to be held.
fn account_row(accounts: &[AccountRule], order: &Order, line: &OrderLine) -> usize {
    let row = account_of(accounts, order.supplier.as_ref(), line.cost_centre.as_deref());
    let Ok(row) = row else { return usize::MAX };
    let same = |one: &AccountRule| row.is_some_and(|row| one.account == row.account && one.payer == row.payer);
    accounts.iter().position(same).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    fn line(id: &str, ordered: Decimal, came_from: &[(&DocumentId, &str)]) -> OrderLine {
        OrderLine {
            id: LineId::new(id),
            sku: "A".to_owned(),
            description: None,
            ordered,
            fulfilled: Decimal::ZERO,
            ready: ordered,
            shippable: true,
            weight: None,
            dimensions: None,
            unit_price: None,
            origin_country: None,
            tariff_code: None,
            location: None,
            ship_to: None,
            cost_centre: None,
            came_from: came_from
                .iter()
                .map(|(document, line)| Origin {
                    document: (*document).clone(),
                    line: LineId::new(*line),
                })
                .collect(),
            flaw: None,
        }
    }

    fn order(document: &DocumentId, lines: Vec<OrderLine>) -> Order {
        Order {
            document: document.clone(),
            number: document.id.clone(),
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

    fn unit(document: &DocumentId, number: u32, quantities: &[(&str, Decimal)], phase: UnitPhase) -> Unit {
        let quantities = quantities
            .iter()
            .map(|(line, quantity)| (LineId::new(*line), *quantity));
        Unit {
            number,
            job: JobId::of(&"acme".parse().unwrap(), document, number),
            quantities: quantities.collect(),
            phase,
            tracking_numbers: Vec::new(),
            terms: None,
            reported: None,
        }
    }

    fn free(units: &Units, order: &Order, kin: &[Units]) -> Vec<(String, Decimal)> {
        let allotments = units.allottable(order, &[], kin);
        let lines = allotments.into_iter().flat_map(|allotment| allotment.quantities);
        lines.map(|(line, quantity)| (line.to_string(), quantity)).collect()
    }

    fn shipped(units: Units, unit: Unit) -> Units {
        Units {
            units: vec![unit],
            ..units
        }
    }

    /// P70: a requisition that becomes purchase orders ships once between them, in whatever parts.
    #[test]
    fn goods_that_a_requisition_shipped_are_not_shipped_by_the_orders_that_it_became() {
        let (requisition, order_id) = (DocumentId::requisition("R1"), DocumentId::purchase_order("P1"));
        let nothing = Units::none(order_id.clone(), "P1");
        let became = order(
            &order_id,
            vec![
                line("1", dec!(6), &[(&requisition, "1")]),
                line("2", dec!(4), &[(&requisition, "1")]),
                line("3", dec!(1), &[]),
            ],
        );
        let text = |pairs: &[(&str, Decimal)]| {
            pairs
                .iter()
                .map(|(line, quantity)| ((*line).to_owned(), *quantity))
                .collect::<Vec<_>>()
        };
        let before = Units::none(requisition.clone(), "R1");
        let all = text(&[("1", dec!(6)), ("2", dec!(4)), ("3", dec!(1))]);
        assert_eq!(free(&nothing, &became, std::slice::from_ref(&before)), all);
        for phase in [UnitPhase::Open, UnitPhase::WrittenBack] {
            let whole = shipped(before.clone(), unit(&requisition, 1, &[("1", dec!(10))], phase));
            assert_eq!(free(&nothing, &became, &[whole]), text(&[("3", dec!(1))]), "{phase:?}");
            let half = shipped(before.clone(), unit(&requisition, 1, &[("1", dec!(5))], phase));
            let rest = text(&[("1", dec!(1)), ("2", dec!(4)), ("3", dec!(1))]);
            assert_eq!(free(&nothing, &became, &[half]), rest, "{phase:?}");
        }
        let closed = shipped(before, unit(&requisition, 1, &[("1", dec!(10))], UnitPhase::Closed));
        assert_eq!(free(&nothing, &became, &[closed]), all);
    }

    #[test]
    fn what_an_order_took_over_its_requisition_does_not_ship_unless_the_order_gives_it_back() {
        let (requisition, order_id) = (DocumentId::requisition("R1"), DocumentId::purchase_order("P1"));
        let asked = order(&requisition, vec![line("1", dec!(10), &[])]);
        let passed = PassedOn {
            document: order_id.clone(),
            unit: 1,
            quantities: Quantities::from([(LineId::new("1"), dec!(10))]),
        };
        let units = Units::none(requisition, "R1").passing_on(passed);
        let later = |phase| {
            let none = Units::none(order_id.clone(), "P1");
            [shipped(none, unit(&order_id, 1, &[("1", dec!(10))], phase))]
        };
        assert_eq!(free(&units, &asked, &later(UnitPhase::Open)), []);
        assert_eq!(free(&units, &asked, &later(UnitPhase::WrittenBack)), []);
        assert_eq!(free(&units, &asked, &later(UnitPhase::Closed)).len(), 1);
        assert_eq!(
            free(&units, &asked, &[]),
            [],
            "an order that is not known yet may hold it"
        );
    }

    #[test]
    fn what_is_added_to_an_order_of_which_something_was_shipped_is_an_addition() {
        let id = DocumentId::purchase_order("P1");
        let grown = order(&id, vec![line("1", dec!(7), &[]), line("2", dec!(1), &[])]);
        let mut units = Units::none(id.clone(), "P1");
        units.ordered = Quantities::from([(LineId::new("1"), dec!(5))]);
        assert!(units.additions(&grown).is_empty(), "nothing was shipped yet");
        units.units = vec![unit(&id, 1, &[("1", dec!(5))], UnitPhase::WrittenBack)];
        assert_eq!(units.additions(&grown), [&LineId::new("1"), &LineId::new("2")]);
        units.ordered = grown.lines.iter().map(|line| (line.id.clone(), line.ordered)).collect();
        assert!(
            units.additions(&grown).is_empty(),
            "what was seen once is no addition any more"
        );
    }

    #[test]
    fn an_order_that_asks_for_something_else_than_was_shipped_is_noticed() {
        let id = DocumentId::purchase_order("P1");
        let mut now = order(&id, vec![line("1", dec!(5), &[])]);
        now.ship_to.lines = vec!["1 Dock Road".to_owned()];
        let there = now.ship_to.clone();
        let quantities = Quantities::from([(LineId::new("1"), dec!(5))]);
        let sold = Consignment::of(&now, &quantities, &Quantities::new()).unwrap();
        let mut one = unit(&id, 1, &[("1", dec!(5))], UnitPhase::WrittenBack);
        one.terms = Some(sold.terms());
        let units = shipped(Units::none(id, "P1"), one);
        let changed = |order: &Order| !units.changed_since_shipped(order).is_empty();
        assert!(!changed(&now));
        now.lines[0].fulfilled = dec!(5);
        now.standing = Standing::Closed;
        assert!(!changed(&now), "that it arrived and was closed is what was wanted");
        now.lines[0].ordered = dec!(8);
        assert!(!changed(&now), "more goods are another unit's matter");
        now.lines[0].ordered = dec!(4);
        assert!(changed(&now));
        now.lines[0].ordered = dec!(5);
        now.ship_to.city = "Elsewhere".to_owned();
        assert!(changed(&now));
        now.ship_to = Address::default();
        assert!(!changed(&now), "what does not ship any more need not say where it went");
        now.ship_to = there;
        now.standing = Standing::Cancelled;
        assert!(changed(&now));
    }

    /// P70: a requisition that becomes two orders: each ships its own part, and together no more than was asked for.
    #[test]
    fn two_orders_of_one_requisition_ship_their_parts() {
        let requisition = DocumentId::requisition("R1");
        let (first, second) = (DocumentId::purchase_order("P1"), DocumentId::purchase_order("P2"));
        let part = |document: &DocumentId, quantity| order(document, vec![line("1", quantity, &[(&requisition, "1")])]);
        let taken = |document: &DocumentId, quantity| PassedOn {
            document: document.clone(),
            unit: 1,
            quantities: Quantities::from([(LineId::new("1"), quantity)]),
        };
        let none = |document: &DocumentId| Units::none(document.clone(), "");
        // Nobody shipped anything as a requisition.
        let earlier = none(&requisition).passing_on(taken(&first, dec!(6)));
        let shipped_first = shipped(none(&first), unit(&first, 1, &[("1", dec!(6))], UnitPhase::WrittenBack));
        let kin = [earlier, shipped_first.clone()];
        assert_eq!(
            free(&none(&second), &part(&second, dec!(4)), &kin),
            [("1".to_owned(), dec!(4))]
        );
        // Five of ten were shipped as a requisition, one by the first order: four are left for the second.
        let mut earlier = shipped(
            none(&requisition),
            unit(&requisition, 1, &[("1", dec!(5))], UnitPhase::WrittenBack),
        );
        earlier.ordered = Quantities::from([(LineId::new("1"), dec!(10))]);
        assert_eq!(
            free(&none(&first), &part(&first, dec!(6)), std::slice::from_ref(&earlier)),
            [("1".to_owned(), dec!(1))]
        );
        let kin = [earlier.passing_on(taken(&first, dec!(1))), shipped_first];
        assert_eq!(
            free(&none(&second), &part(&second, dec!(4)), &kin),
            [("1".to_owned(), dec!(4))]
        );
    }

    #[test]
    fn what_siblings_have_shipped_is_not_shipped_again_when_an_order_shrinks() {
        let id = DocumentId::purchase_order("P1");
        let mut shrunk = order(&id, vec![line("1", dec!(5), &[])]);
        let mut units = Units::none(id.clone(), "P1");
        units.units = vec![
            unit(&id, 1, &[("1", dec!(5))], UnitPhase::WrittenBack),
            unit(&id, 2, &[("1", dec!(2))], UnitPhase::Open),
        ];
        let two = Quantities::from([(LineId::new("1"), dec!(2))]);
        let of = |order: &Order| Consignment::of(order, &two, &units.shipped_beside(2, order));
        assert!(of(&shrunk).is_err(), "all five were shipped by the first unit");
        shrunk.lines[0].ordered = dec!(7);
        assert_eq!(of(&shrunk).map(|consignment| consignment.quantities()), Ok(two.clone()));
        shrunk.lines[0].fulfilled = dec!(5);
        assert_eq!(
            of(&shrunk).map(|consignment| consignment.quantities()),
            Ok(two.clone()),
            "received, it is not counted twice"
        );
    }

    #[test]
    fn a_field_that_is_full_is_not_disturbed() {
        let id = DocumentId::purchase_order("P1");
        let mut shown = order(&id, Vec::new());
        let mut one = unit(&id, 1, &[], UnitPhase::WrittenBack);
        one.tracking_numbers = vec!["1Z1".to_owned(), "1Z2".to_owned()];
        let units = shipped(Units::none(id, "P1"), one);
        for (text, disturbed) in [("1Z1, 1Z2", false), ("1Z1", true), ("1Z1, …", false), ("", true)] {
            shown.tracking_shown = Some(text.to_owned());
            assert_eq!(!units.disturbed(&shown).is_empty(), disturbed, "{text}");
        }
    }
}
