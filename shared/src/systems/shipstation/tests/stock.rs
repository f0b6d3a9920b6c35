//! Stock out: absolute figures, empty successes, refusals that say what is wrong.

use rust_decimal::dec;
use serde_json::json;

use super::fixture;
use super::here::{Asked, Said, World, status};
use crate::domain::{Level, LevelKey};
use crate::ports::{CallError, ShippingDesk};

fn level() -> Level {
    Level {
        key: LevelKey { item: 7, location: 2 },
        sku: "FM-20".into(),
        quantity: dec!(25),
    }
}

fn code(result: Result<(), CallError>) -> String {
    match result {
        Err(CallError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

/// P44: the figure is set, not added to; an empty answer is a success.
#[tokio::test]
async fn a_level_is_set_and_may_be_set_again() {
    let world = World::new(|_: &Asked| Said(204, Vec::new(), String::new()));
    let desk = world.v2();
    assert_eq!(desk.set_on_hand(&level(), "se-100").await, Ok(()));
    assert_eq!(desk.set_on_hand(&level(), "se-100").await, Ok(()));
    let sent = world.sent("POST");
    let body = json!({"transaction_type": "adjust", "inventory_location_id": "se-100", "sku": "FM-20", "quantity": 25,
                      "reason": "ERP stock"});
    assert!(
        sent.iter()
            .all(|sent| sent.json() == body && sent.has("/v2/inventory?"))
    );
    assert_eq!(sent.len(), 2);
}

#[tokio::test]
async fn a_refused_level_says_what_is_wrong() {
    for (answer, expected) in [
        ("inventory/unknown-sku", "unknown-sku"),
        ("inventory/without", "no-inventory"),
    ] {
        let world = World::new(move |_| status(400, &fixture(answer)));
        assert_eq!(code(world.v2().set_on_hand(&level(), "se-100").await), expected);
    }
    let partly = World::new(|_| status(207, &fixture("inventory/unknown-sku")));
    assert_eq!(code(partly.v2().set_on_hand(&level(), "se-100").await), "unknown-sku");
    let busy = World::new(|_| {
        let error = json!({"error_source": "ShipStation", "error_type": "system", "error_code": "unspecified", "message": "sku"});
        status(200, &json!({"has_errors": true, "errors": [error]}))
    });
    assert!(
        matches!(
            busy.v2().set_on_hand(&level(), "se-100").await,
            Err(CallError::Later(_))
        ),
        "what may pass is no refusal, though it says so within a success"
    );
    let broken = World::new(|_| Said(502, Vec::new(), "<html>".into()));
    assert!(matches!(
        broken.v2().set_on_hand(&level(), "se-100").await,
        Err(CallError::Later(_))
    ));
    let v1 = World::new(|_| -> Said { panic!("V1 has no inventory") });
    assert_eq!(code(v1.v1().set_on_hand(&level(), "se-100").await), "no-inventory");
}
