//! Which quantity of a document belongs to which job: the UNITS item of the design.
//!
//! Three of five shipped today and two next week are two units; two more that become ready while three are being
//! labelled do not ship the three again.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Address, DocumentId, JobId, LineId, LocationId, Order};

/// A quantity for each line.
pub type Quantities = BTreeMap<LineId, Decimal>;

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
    /// The tracking numbers that were written back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracking_numbers: Vec<String>,
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
        }
    }

    /// The number of the next unit.
    pub fn next_number(&self) -> u32 {
        self.units.iter().map(|unit| unit.number).max().unwrap_or(0) + 1
    }

    /// What may be allotted now: what the ERP says is ready less what open units hold, grouped by the place that it
    /// leaves and the address it goes to. A unit that was written back counts only as far as the ERP does not show it as
    /// fulfilled, which is never where write-back makes fulfilments.
    pub fn allottable(&self, order: &Order) -> Vec<Allotment> {
        let mut groups: BTreeMap<(Option<&LocationId>, &Address), Quantities> = BTreeMap::new();
        for line in order.lines.iter().filter(|line| line.shippable) {
            let free = line.ready.min(line.remaining()) - self.spoken_for(&line.id, line.fulfilled);
            if free > Decimal::ZERO {
                let group = groups
                    .entry((line.location.as_ref(), order.ship_to_of(line)))
                    .or_default();
                group.insert(line.id.clone(), free);
            }
        }
        groups
            .into_values()
            .map(|quantities| Allotment { quantities })
            .collect()
    }

    fn spoken_for(&self, line: &LineId, fulfilled: Decimal) -> Decimal {
        let held = |phase| self.sum(line, |unit| unit.phase == phase);
        held(UnitPhase::Open) + (held(UnitPhase::WrittenBack) - fulfilled).max(Decimal::ZERO)
    }

    /// Jobs whose tracking numbers were written to the order and do not stand there any more: somebody edited a field that
    /// is ours.
    pub fn disturbed(&self, order: &Order) -> Vec<&JobId> {
        let shown = order.tracking_shown.as_deref().unwrap_or_default();
        let written = self.units.iter().filter(|unit| unit.phase == UnitPhase::WrittenBack);
        let missing = |unit: &&Unit| {
            unit.tracking_numbers
                .iter()
                .any(|number| !shown.contains(number.as_str()))
        };
        written.filter(missing).map(|unit| &unit.job).collect()
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
