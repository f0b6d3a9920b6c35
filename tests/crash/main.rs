//! The crash exploration: the real flows over the ports in memory, at every point between two effects, enumerated.
//!
//! One worker and two interleaved, deaths, stalls past a lease, saves whose answer is lost, every fault at the carrier and at
//! the ERP, an order edited or cancelled at every point. After the dust settles there is exactly one unvoided shipment, one
//! write-back, and nothing that nobody will ever touch again.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "the whole target is a test"
)]

mod explore;
mod world;

use world::Bounds;

const NOTHING: Bounds = Bounds {
    faults: 0,
    crashes: 0,
    total: 0,
    blind: false,
    erp_slow: true,
    person: false,
    lags: true,
};

fn holds(name: &str, bounds: Bounds) {
    let explored = explore::explore(bounds);
    println!(
        "crash exploration: {name}: {} states, {} transitions",
        explored.states, explored.transitions
    );
    if let Some((broken, path)) = explored.broken {
        let path: Vec<String> = path.iter().map(|choice| format!("  {choice:?}")).collect();
        panic!("{name}: {broken}\n{}", path.join("\n"));
    }
}

/// P20: without any mishap an order ships once, whatever a person does to it and whenever.
#[test]
fn crash_nothing_goes_wrong() {
    holds(
        "a person at every point",
        Bounds {
            person: true,
            ..NOTHING
        },
    );
}

/// P20: one fault, one death or one stall, anywhere, with two workers.
#[test]
fn crash_one_mishap() {
    holds(
        "one mishap",
        Bounds {
            faults: 1,
            crashes: 1,
            total: 1,
            ..NOTHING
        },
    );
}

/// P20: the same where the account's look-up never finds anything.
#[test]
fn crash_one_mishap_blind() {
    holds(
        "one mishap, blind account",
        Bounds {
            faults: 1,
            crashes: 1,
            total: 1,
            blind: true,
            ..NOTHING
        },
    );
}

/// P20: a person changes or cancels the order at every point of a story with one lost or refused answer.
#[test]
fn crash_a_person_and_a_fault() {
    holds(
        "a person and a fault",
        Bounds {
            faults: 1,
            total: 1,
            person: true,
            lags: false,
            erp_slow: false,
            ..NOTHING
        },
    );
}

/// P20: the wider worlds take minutes; `cargo test -p tests --test crash -- --ignored` visits them.
#[test]
#[ignore = "minutes"]
fn crash_two_mishaps() {
    holds(
        "two mishaps",
        Bounds {
            faults: 1,
            crashes: 1,
            total: 2,
            lags: false,
            ..NOTHING
        },
    );
}

/// P20: the same with two faults and no death.
#[test]
#[ignore = "minutes"]
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
