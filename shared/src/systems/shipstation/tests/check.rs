//! `connection check` against accounts in which something is wrong: each finding says what to do.

use serde_json::{Value, json};

use super::here::{Asked, Said, World, empty, nothing, ok, status};
use super::{connection, fixture};
use crate::connection::Connection;
use crate::ports::{Carrier, Finding};

fn whole(options: &Value) -> Connection {
    let mut whole = connection(options);
    whole.desk =
        Some(serde_json::from_value(json!({"named_by": ["number"], "stores": ["1582173"], "voids_days": 30})).unwrap());
    let schedule = json!({"expression": "rate(1 hour)", "time_zone": "UTC"});
    whole.stock =
        Some(serde_json::from_value(json!({"schedule": schedule, "places": {"1": "se-100", "2": "se-200"}})).unwrap());
    whole.customers = Some(serde_json::from_value(json!({"schedule": schedule, "make_orders": true})).unwrap());
    whole
}

fn account(asked: &Asked) -> Said {
    let path = asked.line.split(['?', ' ']).nth(1).unwrap().split_once('/').unwrap().1;
    match path {
        "v2/labels" => empty("labels"),
        "v2/fulfillments" => empty("fulfillments"),
        "v2/shipments" => ok(&json!({"shipments": [], "total": 12, "page": 1, "pages": 12})),
        "v2/inventory" => ok(&json!({"inventory": []})),
        "v2/inventory_locations" => {
            ok(&json!({"inventory_locations": [{"inventory_location_id": "se-100", "name": "Shelf A"}]}))
        }
        "v2/warehouses" => ok(&json!({"warehouses": [{"warehouse_id": "se-2", "is_default": true}]})),
        "shipments" => ok(&json!({"shipments": [], "page": 1, "pages": 0})),
        "fulfillments" => ok(&json!({"fulfillments": [], "page": 1, "pages": 0})),
        "stores" => ok(&json!([{"storeId": 42, "storeName": "Market"}])),
        _ => nothing(),
    }
}

async fn check(world: &World, connection: &Connection) -> Vec<Finding> {
    world.open(connection).check().await
}

fn result<'a>(findings: &'a [Finding], what: &str) -> &'a Result<String, String> {
    let found = findings.iter().find(|finding| finding.what.contains(what));
    &found
        .unwrap_or_else(|| panic!("no finding about {what}: {findings:#?}"))
        .result
}

fn wrong(findings: &[Finding], what: &str) -> String {
    result(findings, what).clone().unwrap_err()
}

/// What works is said, and what is missing: a place that is not there, and that customers cannot be written. Nothing is changed.
#[tokio::test]
async fn everything_that_the_connection_needs_is_tried() {
    let world = World::new(account);
    let findings = check(&world, &whole(&json!({}))).await;
    assert!(result(&findings, "the key").is_ok());
    assert_eq!(result(&findings, "location se-100").as_deref(), Ok("Shelf A"));
    let place = wrong(&findings, "location se-200");
    assert!(
        place.contains("se-100 (Shelf A)") && place.contains("not a ship-from warehouse"),
        "{place}"
    );
    assert!(
        result(&findings, "store 1582173")
            .as_ref()
            .unwrap()
            .contains("12 orders")
    );
    assert!(
        result(&findings, "customers")
            .as_ref()
            .unwrap()
            .contains("lets nobody write its customers")
    );
    assert!(
        result(&findings, "ship-from warehouse")
            .as_ref()
            .unwrap()
            .contains("se-2")
    );
    assert!(world.asked().iter().all(|asked| asked.line.starts_with("GET")));
}

/// Bad input: a key of the wrong version is told as that, with where to get the right one; nothing more is tried.
#[tokio::test]
async fn a_key_of_the_wrong_version_is_told_as_such() {
    for (options, expected, other) in [
        (json!({}), "api_key", "V1"),
        (json!({"api": "v1"}), "key and secret", "V2"),
    ] {
        let world = World::new(|_| status(401, &fixture("error/unauthorized")));
        let findings = check(&world, &whole(&options)).await;
        assert_eq!(findings.len(), 1);
        let words = wrong(&findings, "the key");
        assert!(
            words.contains(expected) && words.contains(other) && words.contains("API Settings"),
            "{words}"
        );
    }
}

#[tokio::test]
async fn an_account_without_inventory_is_told_as_such() {
    let world = World::new(|asked: &Asked| match asked.has("/v2/inventory") {
        true => status(403, &fixture("inventory/without")),
        false => account(asked),
    });
    let words = wrong(&check(&world, &whole(&json!({}))).await, "the inventory");
    assert!(words.contains("add-on"), "{words}");
}

/// What V1 cannot do at all is said before anybody waits for it.
#[tokio::test]
async fn what_v1_lacks_is_said_plainly() {
    let world = World::new(account);
    let findings = check(&world, &whole(&json!({"api": "v1"}))).await;
    assert!(wrong(&findings, "stock").contains("V1"));
    assert!(wrong(&findings, "store 1582173").contains("42 (Market)"));
    assert!(
        result(&findings, "deliveries")
            .as_ref()
            .unwrap()
            .contains("tells no deliveries")
    );
}
