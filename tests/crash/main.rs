//! The crash exploration: the real flows over the ports in memory, at every point between two effects, enumerated.
//!
//! One worker and two interleaved, deaths, stalls past a lease, saves whose answer is lost, every fault at the carrier and at
//! the ERP, a person who changes the order or has a word with the job at every point. After the dust settles there is exactly
//! one unvoided shipment, one write-back, a story that tells it, and nothing that nobody will ever touch again.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "the whole target is a test"
)]

mod admission;
mod breaks;
mod desk;
mod despatch;
mod dynamo;
mod explore;
mod judge;
mod key;
mod matrix;
mod outside;
mod store;

mod world;

use std::time::Instant;

use explore::{Order, Scene, explore};
use outside::{Absences, Habits, LEASE};
use world::{Bounds, World};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A world in which nothing goes wrong and nobody does anything.
pub const NOTHING: Bounds = Bounds {
    faults: 0,
    crashes: 0,
    total: 0,
    acts: 0,
    order: false,
    holds: false,
    voids: false,
    lags: false,
    refusals: false,
    habits: Habits {
        blind: false,
        erp_slow: true,
        stale_looks: false,
        absences: Absences::Prove,
        labels_again: true,
        checks_lease: true,
    },
    lease: LEASE,
    impatient: false,
    broken: None,
};

/// One fault, death or stall, of every kind.
const ONE_MISHAP: Bounds = Bounds {
    faults: 1,
    crashes: 1,
    total: 1,
    lags: true,
    refusals: true,
    habits: Habits {
        stale_looks: true,
        ..NOTHING.habits
    },
    ..NOTHING
};

fn holds(name: &str, bounds: Bounds) {
    report(name, bounds, World::new);
}

/// Visits a whole scene, and shows the shortest way to what is broken, if anything is.
fn report<B: Copy, S: Scene>(name: &str, bounds: B, scene: impl Fn(B) -> S) {
    let began = Instant::now();
    let explored = explore(scene(bounds), Order::Depth);
    println!(
        "crash exploration: {name}: {} states, {} transitions, {:.1} s",
        explored.states,
        explored.transitions,
        began.elapsed().as_secs_f32()
    );
    if explored.broken.is_some() {
        let (broken, path) = explore(scene(bounds), Order::Breadth).broken.unwrap();
        panic!("{name}: {broken}\n{}", in_lines(&path));
    }
}

fn in_lines<C: std::fmt::Debug>(path: &[C]) -> String {
    let lines: Vec<String> = path.iter().map(|choice| format!("  {choice:?}")).collect();
    lines.join("\n")
}

/// P20: without any mishap an order ships once, whatever a person does to it and whenever.
#[test]
fn crash_nothing_goes_wrong() {
    holds(
        "a person at every point",
        Bounds {
            acts: 1,
            order: true,
            holds: true,
            voids: true,
            ..NOTHING
        },
    );
}

/// P20: one fault, one death or one stall, anywhere, with two workers.
#[test]
fn crash_one_mishap() {
    holds("one mishap", ONE_MISHAP);
}

/// P20: the same where the account's look-up never finds anything.
#[test]
fn crash_one_mishap_blind() {
    let habits = Habits {
        blind: true,
        ..ONE_MISHAP.habits
    };
    holds("one mishap, blind account", Bounds { habits, ..ONE_MISHAP });
}

/// A carrier as FedEx: what is not found proves nothing, and a label is given once.
const LIKE_FEDEX: Habits = Habits {
    absences: Absences::ProveNothing,
    labels_again: false,
    ..NOTHING.habits
};

/// P63: at a carrier as FedEx one mishap leads to one shipment or to a hold, never to two, however late its look-up sees.
#[test]
fn crash_one_mishap_like_fedex() {
    let habits = Habits {
        stale_looks: true,
        ..LIKE_FEDEX
    };
    holds("one mishap, like FedEx", Bounds { habits, ..ONE_MISHAP });
}

/// One act of a person, and one answer that is lost, at a carrier as FedEx.
const A_WORD_LIKE_FEDEX: Bounds = Bounds {
    refusals: false,
    habits: LIKE_FEDEX,
    ..AN_ACT_AND_A_FAULT
};

/// P63: there a person voids what was found without its label, or anything else, at every point after a lost answer.
#[test]
#[ignore = "minutes"]
fn crash_a_void_and_a_fault_like_fedex() {
    let word = Bounds {
        voids: true,
        ..A_WORD_LIKE_FEDEX
    };
    holds("a void and one fault, like FedEx", word);
}

/// P63: there a person holds the job, or ends its hold, at every point; wider worlds are visited with `--ignored`.
#[test]
fn crash_a_hold_and_a_fault_like_fedex() {
    let word = Bounds {
        holds: true,
        ..A_WORD_LIKE_FEDEX
    };
    holds("a hold or a release and one fault, like FedEx", word);
}

/// P63: there a person changes, cancels or fulfils the order at every point.
#[test]
#[ignore = "minutes"]
fn crash_an_order_that_changes_and_a_fault_like_fedex() {
    let changes = Bounds {
        order: true,
        ..A_WORD_LIKE_FEDEX
    };
    holds("an order that changes and one fault, like FedEx", changes);
}

/// P63: there a person says any of it, and somebody dies or stalls.
#[test]
#[ignore = "minutes"]
fn crash_a_word_and_a_crash_like_fedex() {
    let word = Bounds {
        holds: true,
        voids: true,
        habits: LIKE_FEDEX,
        ..AN_ACT_AND_A_CRASH
    };
    holds("a person's word and one crash, like FedEx", word);
}

/// P20: the same where the ERP has stopped working on a request when its caller is gone.
#[test]
fn crash_one_mishap_quick_erp() {
    let habits = Habits {
        erp_slow: false,
        ..NOTHING.habits
    };
    holds(
        "one mishap, quick ERP",
        Bounds {
            habits,
            lags: false,
            ..ONE_MISHAP
        },
    );
}

/// One act of a person, and one lost answer or refusal.
const AN_ACT_AND_A_FAULT: Bounds = Bounds {
    acts: 1,
    faults: 1,
    total: 1,
    refusals: true,
    ..NOTHING
};

/// One act of a person, and one death or stall.
const AN_ACT_AND_A_CRASH: Bounds = Bounds {
    acts: 1,
    crashes: 1,
    total: 1,
    ..NOTHING
};

/// P20: a person changes, cancels or fulfils the order at every point of a story with one fault.
#[test]
fn crash_an_order_that_changes_and_a_fault() {
    holds(
        "an order that changes and one fault",
        Bounds {
            order: true,
            ..AN_ACT_AND_A_FAULT
        },
    );
}

/// P20: the same with one death or stall.
#[test]
fn crash_an_order_that_changes_and_a_crash() {
    holds(
        "an order that changes and one crash",
        Bounds {
            order: true,
            ..AN_ACT_AND_A_CRASH
        },
    );
}

/// P20: a person holds or releases the job at every point of a story with one fault.
#[test]
fn crash_a_hold_and_a_fault() {
    holds(
        "a hold or a release and one fault",
        Bounds {
            holds: true,
            ..AN_ACT_AND_A_FAULT
        },
    );
}

/// P20: the same with one death or stall.
#[test]
fn crash_a_hold_and_a_crash() {
    holds(
        "a hold or a release and one crash",
        Bounds {
            holds: true,
            ..AN_ACT_AND_A_CRASH
        },
    );
}

/// P20: a person voids the shipment at every point of a story with one fault.
#[test]
fn crash_a_void_and_a_fault() {
    holds(
        "a void and one fault",
        Bounds {
            voids: true,
            ..AN_ACT_AND_A_FAULT
        },
    );
}

/// P20: the same with one death or stall.
#[test]
fn crash_a_void_and_a_crash() {
    holds(
        "a void and one crash",
        Bounds {
            voids: true,
            ..AN_ACT_AND_A_CRASH
        },
    );
}

/// P20: two answers are lost.
#[test]
fn crash_two_faults() {
    holds(
        "two faults",
        Bounds {
            faults: 2,
            total: 2,
            ..NOTHING
        },
    );
}

/// P20: an answer is lost, and somebody dies or stalls. Whoever has minutes to spare visits this world and the wider ones with
/// `--ignored`.
#[test]
#[ignore = "minutes"]
fn crash_a_fault_and_a_crash() {
    holds(
        "one fault and one crash",
        Bounds {
            faults: 1,
            crashes: 1,
            total: 2,
            ..NOTHING
        },
    );
}

/// P20: two deaths or stalls.
#[test]
#[ignore = "minutes"]
fn crash_two_crashes() {
    holds(
        "two crashes",
        Bounds {
            crashes: 2,
            total: 2,
            ..NOTHING
        },
    );
}

/// P20: a person changes the order and says a word about the job, or says two.
#[test]
#[ignore = "minutes"]
fn crash_two_acts() {
    holds(
        "a person does two things",
        Bounds {
            acts: 2,
            order: true,
            holds: true,
            voids: true,
            ..NOTHING
        },
    );
}
