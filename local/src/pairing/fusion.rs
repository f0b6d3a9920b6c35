//! Oracle Fusion in the demo: purchase orders that suppliers send by UPS, whose tracking numbers come back as one change order
//! for each shipment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use simulators::fusion::access::User;
use simulators::fusion::books::{Books, ChangeBook, OrderBook};
use simulators::fusion::demo::{DemoKind, DemoOrder, Entered as Placed, Place, demo_orders};
use simulators::fusion::model::{ChangeState, Status};
use simulators::fusion::options::Options;
use simulators::fusion::{Fusion as Pod, Running};
use simulators::server::{Base, Serving};
use waybill::domain::DocumentId;

use super::{Correction, Name, Pairing};
use crate::books::Shown;
use crate::carrier::Running as Carrier;
use crate::confidential::texts;
use crate::failure::{Failure, Outcome, While};
use crate::mishaps;

/// The confidential application, and the user of the same name as whom it works.
const CLIENT: &str = "waybill-demo";
const CLIENT_SECRET: &str = "demo-secret";

/// Segments of the order's flexfield.
const TRACKING: &str = "trackingNumber";
const STATUS: &str = "shipStatus";
const PROBLEM: &str = "shipError";

const UPS: &str = "UPS";

/// A simulated pod with its people.
pub(super) struct Fusion {
    running: Running,
    orders: Vec<Entered>,
    others: Vec<Entered>,
    done: BTreeSet<String>,
}

/// An order that people entered.
struct Entered {
    number: String,
    placed: Placed,
    demo: DemoOrder,
}

impl Entered {
    fn document(&self) -> DocumentId {
        DocumentId::purchase_order(self.placed.order.to_string())
    }

    fn is(&self, kind: DemoKind) -> bool {
        self.demo.kind == kind
    }
}

impl Fusion {
    pub(super) async fn start() -> Outcome<Self> {
        let running = Pod::start(Options::default(), Base::default(), 0).await;
        let running = running.doing("starting the simulated Fusion")?;
        running.fusion.register(|access| {
            access.register_client(CLIENT, CLIENT_SECRET);
            access.register_user(User::named(CLIENT));
        });
        Ok(Self {
            running,
            orders: Vec::new(),
            others: Vec::new(),
            done: BTreeSet::new(),
        })
    }

    fn place(&self, demo: DemoOrder) -> Outcome<Entered> {
        let placed = self.running.fusion.act(|world, now| {
            let placed = demo.enter(world, now)?;
            let number = world.orders.get(&placed.order).map(|order| order.number.clone());
            Ok((placed, number.unwrap_or_default()))
        });
        let (placed, number) = placed.map_err(|refusal: simulators::fusion::refusal::Refusal| {
            Failure::new(format!("entering a purchase order: {refusal}"))
        })?;
        Ok(Entered { number, placed, demo })
    }

    /// Whether it is time for a person to act on an order. Of the wrong addresses only the first is corrected.
    fn wants(&self, order: &Entered, book: &OrderBook, carrier: &Carrier) -> bool {
        match order.demo.kind {
            DemoKind::WrongAddress => {
                let first = self.orders.iter().find(|one| one.is(DemoKind::WrongAddress));
                is_flagged(book) && first.is_some_and(|first| first.number == order.number)
            }
            DemoKind::NoWeight => is_flagged(book),
            DemoKind::Cancelled => mishaps::was_rated(carrier, Name::Fusion),
            DemoKind::Good | DemoKind::NotFlagged | DemoKind::TwoDestinations | DemoKind::ApprovedLate => false,
        }
    }

    fn shown_of(&self, order: &Entered, book: &OrderBook) -> Shown {
        let writes: Vec<&ChangeBook> = tracked_changes(book);
        Shown {
            number: order.number.clone(),
            document: order.document(),
            tracking_numbers: numbers(&book.flexfield),
            beside: Vec::new(),
            consignments: destinations(book).len(),
            whole: true,
            cancelled: book.status == Status::Canceled,
            corrected: self.done.contains(&order.number),
            problem: text(&book.flexfield, PROBLEM),
            status: text(&book.flexfield, STATUS),
            writes: writes.iter().map(|change| format!("CO {}", change.number)).collect(),
            last_write: writes.iter().map(|change| change.last_updated).max(),
        }
    }
}

impl Pairing for Fusion {
    fn name(&self) -> Name {
        Name::Fusion
    }

    fn url(&self) -> &str {
        &self.running.url
    }

    fn secret(&self) -> Value {
        json!({ "kind": "client-credentials", "client_id": CLIENT, "client_secret": CLIENT_SECRET })
    }

    fn tokens(&self) -> Vec<String> {
        self.running.fusion.tokens()
    }

    fn people(&self) -> BTreeSet<String> {
        let known = self.running.fusion.act(|world, _| {
            let locations: Vec<_> = world.locations.values().collect();
            json!({ "locations": locations, "suppliers": world.suppliers.values().collect::<Vec<_>>() })
        });
        texts(&known, &|name| ["name", "line1", "line2", "phone"].contains(&name))
    }

    fn enter(&mut self, count: usize, seed: u64) -> Outcome<()> {
        let (others, mut ours): (Vec<_>, Vec<_>) = demo_orders(count + 1, seed)
            .into_iter()
            .partition(|demo| demo.kind == DemoKind::NotFlagged);
        ours.truncate(count);
        self.others = others
            .into_iter()
            .map(|demo| self.place(demo))
            .collect::<Outcome<_>>()?;
        self.orders = ours
            .into_iter()
            .map(|demo| self.place(unlucky(demo)))
            .collect::<Outcome<_>>()?;
        Ok(())
    }

    fn act(&mut self, carrier: &Carrier) -> Outcome<bool> {
        let books = self.running.fusion.books();
        let due = |order: &&Entered| {
            let book = books.orders.get(&order.number);
            !self.done.contains(&order.number) && book.is_some_and(|book| self.wants(order, book, carrier))
        };
        let due: Vec<&Entered> = self.orders.iter().filter(due).collect();
        let mut done = BTreeSet::new();
        for order in due {
            let acted = self
                .running
                .fusion
                .act(|world, now| order.demo.later(world, order.placed, now));
            acted.map_err(|refusal| Failure::new(format!("acting on purchase order {}: {refusal}", order.number)))?;
            done.insert(order.number.clone());
        }
        let acted = !done.is_empty();
        self.done.append(&mut done);
        Ok(acted)
    }

    fn shown(&self) -> Vec<Shown> {
        let books = self.running.fusion.books();
        let shown = |order: &Entered| Some(self.shown_of(order, books.orders.get(&order.number)?));
        self.orders.iter().filter_map(shown).collect()
    }

    fn written_twice(&self) -> usize {
        let books = self.running.fusion.books();
        books.orders.values().map(repeated_changes).sum::<usize>() + shared_numbers(&books)
    }

    fn shipped_elsewhere(&self) -> Vec<DocumentId> {
        Vec::new()
    }

    fn of_other_carriers(&self) -> Vec<DocumentId> {
        self.others.iter().map(Entered::document).collect()
    }

    fn plain(&self) -> Vec<DocumentId> {
        let plain = self.orders.iter().filter(|order| order.is(DemoKind::Good));
        plain.map(Entered::document).collect()
    }

    fn correction(&self) -> Option<Correction> {
        let order = self.orders.iter().find(|order| order.is(DemoKind::WrongAddress))?;
        let location = self.running.fusion.basics().location;
        Some(Correction {
            number: order.number.clone(),
            held_for: "its location's address",
            act: json!({ "order": order.number, "act": "edit_location", "location": location }),
        })
    }

    fn end(self: Box<Self>) -> Serving {
        self.running.serving
    }
}

/// The order that is cancelled goes to a place of its own, whose rates fail.
fn unlucky(demo: DemoOrder) -> DemoOrder {
    if demo.kind != DemoKind::Cancelled {
        return demo;
    }
    let place = Place {
        code: "SECOND_THOUGHTS".to_owned(),
        name: Name::Fusion.unlucky().to_owned(),
        address: demo.place.address.clone(),
    };
    DemoOrder { place, ..demo }
}

fn text(flexfield: &BTreeMap<String, Value>, segment: &str) -> Option<String> {
    flexfield.get(segment)?.as_str().map(str::to_owned)
}

fn is_flagged(book: &OrderBook) -> bool {
    text(&book.flexfield, PROBLEM).is_some_and(|problem| !problem.is_empty())
}

fn numbers(flexfield: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let text = text(flexfield, TRACKING).unwrap_or_default();
    let numbers = text.split([',', ' ', ';']).filter(|number| !number.is_empty());
    numbers.map(str::to_owned).collect()
}

/// Where what UPS brings goes.
fn destinations(book: &OrderBook) -> BTreeSet<&str> {
    let schedules = book.lines.values().flat_map(|line| line.schedules.values());
    let ours = schedules.filter(|schedule| {
        let carrier = schedule.carrier.as_deref().or(book.carrier.as_deref());
        !schedule.canceled && carrier == Some(UPS)
    });
    ours.map(|schedule| schedule.location.as_str()).collect()
}

/// Our change orders that are in force or wait for an approver, each with the one before it.
fn our_changes(book: &OrderBook) -> Vec<(&ChangeBook, Option<&ChangeBook>)> {
    let counts = |change: &&ChangeBook| matches!(change.state, ChangeState::Applied | ChangeState::PendingApproval);
    let changes: Vec<&ChangeBook> = book.changes.iter().filter(counts).collect();
    let before = std::iter::once(None).chain(changes.iter().copied().map(Some));
    let pairs = changes.iter().copied().zip(before);
    pairs.filter(|(change, _)| change.by == CLIENT).collect()
}

/// Our change orders that brought a tracking number.
fn tracked_changes(book: &OrderBook) -> Vec<&ChangeBook> {
    let brings = |(change, before): &(&ChangeBook, Option<&ChangeBook>)| {
        let known = before.map(|before| numbers(&before.flexfield)).unwrap_or_default();
        !numbers(&change.flexfield).is_subset(&known)
    };
    let tracked = our_changes(book).into_iter().filter(brings);
    tracked.map(|(change, _)| change).collect()
}

/// Our change orders that say what the order said already.
fn repeated_changes(book: &OrderBook) -> usize {
    let says_nothing = |(change, before): &(&ChangeBook, Option<&ChangeBook>)| {
        before.is_some_and(|before| before.flexfield == change.flexfield)
    };
    our_changes(book).iter().filter(|pair| says_nothing(pair)).count()
}

/// Tracking numbers that stand in more than one order.
fn shared_numbers(books: &Books) -> usize {
    let mut orders: BTreeMap<String, usize> = BTreeMap::new();
    for number in books.orders.values().flat_map(|book| numbers(&book.flexfield)) {
        *orders.entry(number).or_default() += 1;
    }
    orders.values().filter(|orders| **orders > 1).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use simulators::fusion::books::{LineBook, ScheduleBook};

    use super::*;

    fn change(number: u32, by: &str, state: ChangeState, segments: &[(&str, &str)]) -> ChangeBook {
        let segment = |(name, value): &(&str, &str)| ((*name).to_owned(), json!(value));
        ChangeBook {
            number,
            by: by.to_owned(),
            state,
            flexfield: segments.iter().map(segment).collect(),
            schedule_flexfields: BTreeMap::new(),
            note_to_supplier: None,
            note_to_receiver: None,
            created: Timestamp::UNIX_EPOCH,
            last_updated: Timestamp::UNIX_EPOCH,
        }
    }

    fn order(changes: Vec<ChangeBook>) -> OrderBook {
        OrderBook {
            id: 1,
            status: Status::Open,
            revision: 0,
            created: Timestamp::UNIX_EPOCH,
            last_updated: Timestamp::UNIX_EPOCH,
            carrier: Some(UPS.to_owned()),
            note_to_supplier: None,
            note_to_receiver: None,
            flexfield: changes.last().map(|last| last.flexfield.clone()).unwrap_or_default(),
            lines: BTreeMap::new(),
            changes,
            writes: 0,
            communicated: 0,
        }
    }

    #[test]
    fn a_change_order_that_says_nothing_new_is_one_too_many() {
        let (one, both) = ([(TRACKING, "1Z1")], [(TRACKING, "1Z1, 1Z2")]);
        let applied = ChangeState::Applied;
        let once = order(vec![
            change(1, CLIENT, ChangeState::Deleted, &one),
            change(2, CLIENT, applied, &one),
            change(3, "buyer", applied, &one),
            change(4, CLIENT, applied, &both),
        ]);
        assert_eq!(repeated_changes(&once), 0);
        let tracked: Vec<u32> = tracked_changes(&once).iter().map(|change| change.number).collect();
        assert_eq!(tracked, [2, 4]);
        let twice = order(vec![change(1, CLIENT, applied, &one), change(2, CLIENT, applied, &one)]);
        assert_eq!(repeated_changes(&twice), 1);
    }

    #[test]
    fn an_order_takes_a_shipment_for_each_destination_of_ours() {
        let schedule = |location: &str, carrier: Option<&str>, canceled| ScheduleBook {
            id: 1,
            quantity: 1.into(),
            received: 0.into(),
            location: location.to_owned(),
            carrier: carrier.map(str::to_owned),
            canceled,
            flexfield: BTreeMap::new(),
        };
        let schedules = [
            schedule("GALENA_DC", None, false),
            schedule("MARFA_PLANT", Some(UPS), false),
            schedule("HILO_DEPOT", Some("FedEx"), false),
            schedule("NEW_YORK", None, true),
        ];
        let line = LineBook {
            item: None,
            quantity: 4.into(),
            schedules: (1..).zip(schedules).collect(),
        };
        let book = OrderBook {
            lines: BTreeMap::from([(1, line)]),
            ..order(Vec::new())
        };
        assert_eq!(destinations(&book), BTreeSet::from(["GALENA_DC", "MARFA_PLANT"]));
    }
}
