//! The people of the demo: they enter orders, and act on them while the work goes on, as people do.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::{Decimal, dec};
use simulators::faults::{Fault, FaultKind};
use simulators::netsuite::books::{Books, OrderBook};
use simulators::netsuite::demo::{DemoKind, DemoOrder, demo_orders};
use simulators::netsuite::model::{Address, Id, WeightUnit};
use simulators::netsuite::refusal::Refusal;
use simulators::netsuite::world::World;

use crate::failure::{Failure, Outcome};
use crate::outside::Outside;

/// The field in which people see why an order is held.
pub const PROBLEM: &str = "custbody_waybill_problem";

/// Who receives the order that is cancelled: UPS has a bad minute for his rates, so that the order waits meanwhile.
const UNLUCKY: &str = "Second Thoughts Ltd";

/// An order that people entered.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Its number.
    pub number: String,
    /// Why it is in the set.
    pub kind: DemoKind,
    /// Its internal id.
    pub id: Id,
    demo: DemoOrder,
}

impl Entered {
    /// The right address, where the first one is wrong.
    #[must_use]
    pub fn correction(&self) -> Option<&Address> {
        self.demo.correction.as_ref()
    }
}

/// The people, and what they have done.
pub struct People {
    /// The orders that they entered.
    pub orders: Vec<Entered>,
    done: BTreeSet<String>,
}

impl People {
    /// Enters `count` orders, and tells the carrier which purchases lose their answers.
    ///
    /// # Errors
    /// The account refuses an order.
    pub fn enter(outside: &Outside, count: usize, seed: u64) -> Outcome<Self> {
        let people = Self::enter_undisturbed(outside, count, seed)?;
        people.spoil(outside);
        Ok(people)
    }

    /// Enters `count` orders, and nothing goes wrong on the way.
    ///
    /// # Errors
    /// The account refuses an order.
    pub fn enter_undisturbed(outside: &Outside, count: usize, seed: u64) -> Outcome<Self> {
        let mut orders = Vec::new();
        for mut demo in demo_orders(count, seed) {
            if demo.kind == DemoKind::CancelledWhileQueued {
                demo.order.address.addressee = UNLUCKY.to_owned();
            }
            let entered = outside.netsuite.netsuite.act(|world, now| enter(world, demo, now))?;
            orders.push(entered);
        }
        Ok(Self {
            orders,
            done: BTreeSet::new(),
        })
    }

    /// The order whose purchase loses its answer after the effect: its story is worth telling.
    #[must_use]
    pub fn unluckiest(&self) -> Option<&Entered> {
        self.good().nth(1).or_else(|| self.orders.first())
    }

    fn good(&self) -> impl Iterator<Item = &Entered> {
        self.orders.iter().filter(|order| order.kind == DemoKind::Good)
    }

    /// One create loses its answer before the effect and one after it; the rates of an unlucky order fail for a while.
    fn spoil(&self, outside: &Outside) {
        let mut good = self.good();
        let mut faults = vec![
            Fault::new(
                "rate",
                FaultKind::Status {
                    code: 503,
                    retry_after: None,
                },
            )
            .body_contains(UNLUCKY),
        ];
        for kind in [FaultKind::DropBefore, FaultKind::DropAfter] {
            faults.extend(good.next().map(|order| {
                Fault::new("ship", kind.clone())
                    .body_contains(quoted(&order.demo.order.other_ref_num))
                    .at_most(1)
            }));
        }
        for fault in faults {
            outside.ups.ups.base().faults.add(fault);
        }
    }

    /// How many purchases lost their answers.
    #[must_use]
    pub fn lost_answers(outside: &Outside) -> u32 {
        let reports = outside.ups.ups.base().faults.report();
        reports
            .iter()
            .filter(|report| report.fault.operation == "ship")
            .map(|report| report.strikes)
            .sum()
    }

    /// Whether a person has corrected the order: its hold will be noticed to be over.
    #[must_use]
    pub fn has_put_right(&self, number: &str) -> bool {
        self.done.contains(number)
    }

    /// Does what people would do by now, each thing once.
    ///
    /// # Errors
    /// The account refuses it.
    pub fn act(&mut self, outside: &Outside, books: &Books) -> Outcome<()> {
        for order in &self.orders {
            let Some(book) = books.orders.get(&order.number) else {
                continue;
            };
            if !self.done.contains(&order.number) && wants(order, book, outside) {
                outside
                    .netsuite
                    .netsuite
                    .act(|world, now| put_right(world, order, book, now))?;
                self.done.insert(order.number.clone());
            }
        }
        Ok(())
    }
}

/// A reference's value as it stands in a request.
fn quoted(number: &str) -> String {
    format!("\"{number}\"")
}

fn enter(world: &mut World, demo: DemoOrder, now: Timestamp) -> Outcome<Entered> {
    let id = demo
        .enter(world, now)
        .map_err(|refusal| Failure::new(format!("entering an order: {refusal:?}")))?;
    let number = world
        .orders
        .get(&id)
        .map(|order| order.tran_id.clone())
        .unwrap_or_default();
    Ok(Entered {
        number,
        kind: demo.kind,
        id,
        demo,
    })
}

/// Whether it is time for a person to act on an order.
fn wants(order: &Entered, book: &OrderBook, outside: &Outside) -> bool {
    match order.kind {
        DemoKind::NoWeight | DemoKind::EditedWhileHeld => is_flagged(book),
        DemoKind::TwoWaves => !book.fulfilments.is_empty(),
        DemoKind::CancelledWhileQueued => was_rated(outside),
        DemoKind::Good
        | DemoKind::InvalidAddress
        | DemoKind::AmbiguousAddress
        | DemoKind::International
        | DemoKind::MultiPackage => false,
    }
}

/// Whether people see a problem on the order.
#[must_use]
pub fn is_flagged(book: &OrderBook) -> bool {
    let problem = book.custom_fields.get(PROBLEM).and_then(|value| value.as_str());
    problem.is_some_and(|problem| !problem.is_empty())
}

/// Whether a job waits for the rates that fail.
fn was_rated(outside: &Outside) -> bool {
    outside
        .ups
        .ups
        .base()
        .faults
        .report()
        .iter()
        .any(|report| report.fault.operation == "rate" && report.strikes > 0)
}

fn put_right(world: &mut World, order: &Entered, book: &OrderBook, now: Timestamp) -> Outcome<()> {
    let line = book.lines.keys().next().copied().unwrap_or(1);
    let result = match order.kind {
        DemoKind::NoWeight => weigh(world, book),
        DemoKind::EditedWhileHeld => match order.demo.correction.clone() {
            Some(address) => world.edit_address(order.id, address, now),
            None => Ok(()),
        },
        DemoKind::TwoWaves => world.commit(order.id, line, Decimal::TWO, now),
        DemoKind::CancelledWhileQueued => world.cancel(order.id, now),
        _ => Ok(()),
    };
    result.map_err(|refusal| Failure::new(format!("acting on order {}: {refusal:?}", order.number)))
}

fn weigh(world: &mut World, book: &OrderBook) -> Result<(), Refusal> {
    let sku = book
        .lines
        .values()
        .next()
        .map(|line| line.sku.clone())
        .unwrap_or_default();
    let item = world.items.values().find(|item| item.sku == sku).map(|item| item.id);
    match item {
        Some(item) => world.weigh_item(item, Some(dec!(1.5)), WeightUnit::Lb),
        None => Ok(()),
    }
}
