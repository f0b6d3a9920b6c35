//! Rules broken on purpose, one at a time: the exploration must find each break, or it is blind.

use std::fmt::Debug;

use jiff::SignedDuration;
use waybill::rules::{Rule, without};

use super::NOTHING;
use super::explore::{Explored, Order, explore};
use super::outside::{Absences, Habits};
use super::store::Promise;
use super::world::{Bounds, World};

/// A world in which one lost answer is allowed.
const ONE_FAULT: Bounds = Bounds {
    faults: 1,
    total: 1,
    ..NOTHING
};

/// A world in which one death or stall is allowed.
const ONE_CRASH: Bounds = Bounds {
    crashes: 1,
    total: 1,
    ..NOTHING
};

/// A world in which one of each is allowed.
const ONE_OF_EACH: Bounds = Bounds {
    faults: 1,
    crashes: 1,
    total: 2,
    ..NOTHING
};

/// Says what was found, and fails if nothing was.
pub fn found<C: Debug>(name: &str, expected: &str, explored: Explored<C>) {
    let Some((broken, path)) = explored.broken else {
        panic!("{name}: {} states, and nothing was found", explored.states);
    };
    let (states, steps) = (explored.states, path.len());
    println!("crash break: {name}: {states} states: {broken}, after {steps} steps");
    assert_eq!(broken, expected, "{name}\n{}", super::in_lines(&path));
}

/// The world holds as it is, and is found broken without the rule.
fn finds(rule: Rule, bounds: Bounds, expected: &str) {
    let explored = without(rule, || explore(World::new(bounds), Order::Breadth));
    found(&format!("without {rule:?}"), expected, explored);
}

fn finds_promise(promise: Promise, bounds: Bounds, expected: &str) {
    let bounds = Bounds {
        broken: Some(promise),
        ..bounds
    };
    found(
        &format!("without {promise:?}"),
        expected,
        explore(World::new(bounds), Order::Breadth),
    );
}

const SECOND: &str = "a second purchase outside the recreate policy";
const TWO_WRITES: &str = "two write-backs for one unit";
const FORGOTTEN: &str = "nothing will ever touch the unit again";

#[test]
fn crash_finds_a_purchase_that_is_repeated_instead_of_looked_up() {
    finds(Rule::LookUp, ONE_FAULT, SECOND);
}

#[test]
fn crash_finds_a_version_that_is_not_checked() {
    finds_promise(
        Promise::VersionCheck,
        ONE_FAULT,
        "the story does not tell of every purchase attempt with its request",
    );
}

#[test]
fn crash_finds_an_intent_that_is_forgotten() {
    finds_promise(
        Promise::IntentKept,
        ONE_CRASH,
        "a request was sent that the story does not tell",
    );
}

#[test]
fn crash_finds_a_lease_that_is_too_short() {
    let habits = Habits {
        erp_slow: false,
        ..NOTHING.habits
    };
    let short = Bounds {
        lease: SignedDuration::from_mins(4),
        habits,
        ..ONE_OF_EACH
    };
    found(
        "a lease shorter than a call",
        TWO_WRITES,
        explore(World::new(short), Order::Breadth),
    );
}

#[test]
fn crash_finds_a_lease_that_is_not_checked_before_sending() {
    let habits = Habits {
        checks_lease: false,
        ..NOTHING.habits
    };
    let unchecked = Bounds { habits, ..ONE_CRASH };
    found(
        "a lease that is not checked",
        TWO_WRITES,
        explore(World::new(unchecked), Order::Breadth),
    );
}

#[test]
fn crash_finds_a_late_fact_that_is_thrown_away() {
    let habits = Habits {
        blind: true,
        ..NOTHING.habits
    };
    finds(
        Rule::LateFacts,
        Bounds { habits, ..ONE_CRASH },
        "a tracking number that was known is not in the job",
    );
}

#[test]
fn crash_finds_an_absence_without_a_control() {
    let habits = Habits {
        blind: true,
        ..NOTHING.habits
    };
    finds(Rule::ControlAtEachLook, Bounds { habits, ..ONE_FAULT }, SECOND);
}

#[test]
fn crash_finds_an_absence_that_proves_nothing() {
    let habits = Habits {
        absences: Absences::ClaimToProve,
        labels_again: false,
        ..NOTHING.habits
    };
    let unproved = Bounds {
        lags: true,
        habits,
        ..ONE_FAULT
    };
    found(
        "an absence that proves nothing",
        SECOND,
        explore(World::new(unproved), Order::Breadth),
    );
}

#[test]
fn crash_finds_an_owner_taken_for_an_echo() {
    let habits = Habits {
        blind: true,
        ..NOTHING.habits
    };
    finds(
        Rule::EchoByContent,
        Bounds { habits, ..ONE_CRASH },
        "a tracking number that was known is not in the job",
    );
}

#[test]
fn crash_finds_a_duplicate_check_that_is_forgotten() {
    finds(
        Rule::DuplicateCheck,
        Bounds {
            lags: true,
            ..ONE_FAULT
        },
        "two unvoided shipments at rest",
    );
}

#[test]
fn crash_finds_an_intent_that_is_not_due() {
    finds(Rule::DueWhenStarted, ONE_CRASH, FORGOTTEN);
}

#[test]
fn crash_finds_an_order_that_is_not_read_again() {
    finds(
        Rule::FreshSnapshot,
        Bounds {
            acts: 1,
            order: true,
            ..NOTHING
        },
        "a purchase long after the order was changed, cancelled or fulfilled",
    );
}

#[test]
fn crash_finds_a_closed_unit_that_stays_allotted() {
    finds(
        Rule::GiveBack,
        Bounds {
            acts: 1,
            order: true,
            ..NOTHING
        },
        "the document's units do not say what the job says",
    );
}

#[test]
fn crash_finds_units_that_are_marked_by_another_write() {
    finds_promise(
        Promise::MarkWithDone,
        ONE_CRASH,
        "the document's units do not say what the job says",
    );
}

#[test]
fn crash_finds_an_erp_that_is_not_waited_for() {
    let impatient = Bounds {
        impatient: true,
        ..ONE_FAULT
    };
    found(
        "no waiting for the ERP's window",
        TWO_WRITES,
        explore(World::new(impatient), Order::Breadth),
    );
}
