//! The crash exploration: the real flows over the ports in memory, at every point between two effects, enumerated.
//!
//! One worker and two interleaved, deaths, stalls past a lease, saves whose answer is lost, every fault at the carrier and at
//! the ERP, an order edited or cancelled at every point. After the dust settles there is exactly one unvoided shipment, one
//! write-back, and nothing that nobody will ever touch again.

mod explore;
mod world;

use world::Bounds;

const NOTHING: Bounds = Bounds {
    faults: 0,
    crashes: 0,
    total: 0,
    blind: false,
    erp_slow: true,
    person: true,
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

/// P20: without any mishap an order ships once, whatever a person does to it.
#[test]
fn crash_nothing_goes_wrong() {
    holds("nothing goes wrong", NOTHING);
}

/// P20: one fault or one death, anywhere.
#[test]
fn crash_one_mishap() {
    holds(
        "one mishap",
        Bounds {
            faults: 1,
            crashes: 1,
            total: 1,
            person: false,
            ..NOTHING
        },
    );
}

/// P20: the account's look-up finds nothing, ever.
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
