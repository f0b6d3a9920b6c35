//! Customers: profiles that V1's orders make, and that nobody can write.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::Options;
use super::{Stage, v1_order};

#[tokio::test]
async fn an_order_with_a_user_name_makes_a_profile_once() {
    let stage = Stage::plain().await;
    let (_, order) = stage.v1("/orders/createorder", &v1_order("SO-1", "key-1")).await;
    let id = order["customerId"].as_u64().unwrap();
    let customer = stage.v1_seen(&format!("/customers/{id}")).await;
    assert_eq!(
        (&customer["name"], &customer["email"]),
        (&json!("Jane Doe"), &json!("jane@example.com"))
    );
    assert_eq!(customer["marketplaceUsernames"][0]["username"], "C-778");

    let mut moved = v1_order("SO-2", "key-2");
    moved["shipTo"]["city"] = json!("Oakland");
    let (_, order) = stage.v1("/orders/createorder", &moved).await;
    assert_eq!(order["customerId"], id);
    let listed = stage.v1_seen("/customers?stateCode=CA&countryCode=US").await;
    assert_eq!(listed["total"], 1);
    assert_eq!(
        listed["customers"][0]["city"], "San Jose",
        "the profile stays as it was"
    );

    let mut nameless = v1_order("SO-3", "key-3");
    nameless["customerUsername"] = Value::Null;
    let (_, order) = stage.v1("/orders/createorder", &nameless).await;
    assert_eq!(order["customerId"], Value::Null);
}

#[tokio::test]
async fn a_profile_may_be_brought_up_to_date_by_a_later_order() {
    let stage = Stage::new(Options {
        refreshes_customers: true,
        ..Options::default()
    })
    .await;
    stage.v1("/orders/createorder", &v1_order("SO-1", "key-1")).await;
    let mut moved = v1_order("SO-1", "key-1");
    moved["shipTo"]["city"] = json!("Oakland");
    stage.v1("/orders/createorder", &moved).await;
    assert_eq!(stage.v1_seen("/customers").await["customers"][0]["city"], "Oakland");
}

#[tokio::test]
async fn nobody_writes_a_profile() {
    let stage = Stage::plain().await;
    stage.v1("/orders/createorder", &v1_order("SO-1", "key-1")).await;
    let id = stage.books().customers[0].id;
    for method in [Method::PUT, Method::POST, Method::DELETE] {
        let path = format!("/customers/{id}");
        let answer = stage
            .v1_request(method, &path)
            .json(&json!({ "name": "X" }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 405);
    }
    assert_eq!(stage.v1_get("/customers/7").await.0, 404);
}
