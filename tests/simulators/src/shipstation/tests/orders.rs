//! Orders, by both APIs.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::{Conflict, NewOrder, Options, Standing};
use super::{Stage, code, v1_order, v2_address, v2_order};
use crate::faults::FaultKind;

async fn created(stage: &Stage, shipment: Value) -> Value {
    let (status, answer) = stage
        .v2(Method::POST, "/v2/shipments", &json!({ "shipments": [shipment] }))
        .await;
    assert_eq!((status, &answer["has_errors"]), (200, &json!(false)), "{answer}");
    answer["shipments"][0].clone()
}

#[tokio::test]
async fn one_order_is_seen_by_both() {
    let stage = Stage::plain().await;
    let shipment = created(&stage, v2_order("SO10045", "netsuite:SO:10045")).await;
    let id = shipment["shipment_id"].as_str().unwrap();
    assert_eq!(shipment["shipment_status"], "pending");
    assert_eq!(shipment["store_id"], "se-1582173");
    let order = stage.v1_seen(&format!("/orders/{}", &id[3..])).await;
    assert_eq!(order["orderNumber"], "SO10045");
    assert_eq!(order["orderKey"], "netsuite:SO:10045");
    assert_eq!(order["orderStatus"], "awaiting_shipment");
    assert_eq!(
        order["createDate"], "2026-11-20T08:00:00.0000000",
        "Pacific, seven digits, no offset"
    );
    assert_eq!(shipment["created_at"], "2026-11-20T16:00:00.000Z");
    assert_eq!(order["shipTo"]["city"], "San Jose");
    assert_eq!(order["items"][0]["lineItemKey"], "1");

    let (status, order) = stage
        .v1("/orders/createorder", &v1_order("SO10046", "netsuite:SO:10046"))
        .await;
    assert_eq!(status, 200, "{order}");
    let seen = stage.seen("/v2/shipments/external_shipment_id/netsuite:SO:10046").await;
    assert_eq!(seen["shipment_id"], format!("se-{}", order["orderId"]));
    assert_eq!(seen["advanced_options"]["custom_field1"], "SO 10045");
    let other = stage.entered("SO10047", &[("W-2", 1)]);
    let seen = stage.seen(&format!("/v2/shipments/se-{other}")).await;
    assert_eq!(
        seen["external_shipment_id"],
        format!("se-{other}"),
        "its own id stands for a missing key"
    );
}

#[tokio::test]
async fn v2_reports_a_conflict_within_200_and_takes_the_others() {
    let stage = Stage::plain().await;
    created(&stage, v2_order("SO-1", "key-1")).await;
    let both =
        json!({ "shipments": [v2_order("SO-2", "key-1"), v2_order("SO-3", "key-3"), v2_order("SO-1", "key-4")] });
    let (status, answer) = stage.v2(Method::POST, "/v2/shipments", &both).await;
    assert_eq!((status, &answer["has_errors"]), (200, &json!(true)));
    let errors: Vec<usize> = answer["shipments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["errors"].as_array().unwrap().len())
        .collect();
    assert_eq!(errors, [1, 0, 1], "a key and a number are taken: {answer}");
    assert_eq!(stage.books().orders.len(), 2);

    stage
        .shipstation()
        .configure(|options| options.conflict = Conflict::Status400);
    let one = json!({ "shipments": [v2_order("SO-9", "key-1")] });
    let (status, answer) = stage.v2(Method::POST, "/v2/shipments", &one).await;
    assert_eq!((status, code(&answer)), (400, "identifier_conflict"));
}

#[tokio::test]
async fn v2_takes_only_what_is_documented_and_complete() {
    let stage = Stage::plain().await;
    let broken = |change: fn(&mut Value)| {
        let mut shipment = v2_order("SO-1", "key-1");
        change(&mut shipment);
        shipment
    };
    for shipment in [
        broken(|shipment| shipment["order_number"] = json!("SO-1")),
        broken(|shipment| shipment["ship_to"]["street"] = json!("x")),
        broken(|shipment| shipment["ship_to"]["phone"] = Value::Null),
        broken(|shipment| shipment["ship_from"] = Value::Null),
        broken(|shipment| shipment["store_id"] = json!(1_582_173)),
        broken(|shipment| shipment["store_id"] = json!("77")),
        broken(|shipment| shipment["carrier_id"] = json!("se-1")),
        broken(|shipment| shipment["items"][0]["quantity"] = json!("2")),
        broken(|shipment| shipment["amount_paid"]["currency"] = json!("USD")),
        broken(|shipment| shipment["external_shipment_id"] = json!("x".repeat(51))),
    ] {
        let body = json!({ "shipments": [shipment] });
        let (status, answer) = stage.v2(Method::POST, "/v2/shipments", &body).await;
        assert_eq!((status, &answer["has_errors"]), (200, &json!(true)), "{body}");
    }
    assert!(stage.books().orders.is_empty());
    let (status, answer) = stage.v2(Method::POST, "/v2/shipments", &json!({})).await;
    assert_eq!((status, code(&answer)), (400, "field_value_required"));
}

#[tokio::test]
async fn v2_updates_what_is_mentioned_until_there_is_a_label() {
    let stage = Stage::plain().await;
    let shipment = created(&stage, v2_order("SO-1", "key-1")).await;
    let path = format!("/v2/shipments/{}", shipment["shipment_id"].as_str().unwrap());
    stage.advance(60);
    let mut address = v2_address();
    address["name"] = json!("John Doe");
    let change = json!({ "ship_to": address, "advanced_options": { "custom_field2": "two" } });
    let (status, answer) = stage.v2(Method::PUT, &path, &change).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["ship_to"]["name"], "John Doe");
    assert_eq!(answer["items"][0]["sku"], "W-1", "what is not mentioned stays");
    assert_eq!(answer["modified_at"], "2026-11-20T16:01:00.000Z");
    let (status, answer) = stage
        .v2(Method::PUT, &path, &json!({ "external_shipment_id": "other" }))
        .await;
    assert_eq!((status, code(&answer)), (400, "field_conflict"));

    stage.bought("SO-1");
    let (status, answer) = stage.v2(Method::PUT, &path, &change).await;
    assert_eq!((status, code(&answer)), (400, "invalid_status"));
    let (status, answer) = stage.v2(Method::PUT, &format!("{path}/cancel"), &json!({})).await;
    assert_eq!((status, code(&answer)), (400, "invalid_status"));
}

#[tokio::test]
async fn an_update_may_answer_nothing_and_a_cancelled_order_stays_so() {
    let stage = Stage::new(Options {
        update_answers_nothing: true,
        ..Options::default()
    })
    .await;
    let id = stage.entered("SO-1", &[("W-1", 1)]);
    let path = format!("/v2/shipments/se-{id}");
    let (status, answer) = stage
        .v2(Method::PUT, &path, &json!({ "notes_from_buyer": "Ring" }))
        .await;
    assert_eq!((status, answer), (204, Value::Null));
    assert_eq!(stage.books().orders[0].notes_from_buyer.as_deref(), Some("Ring"));
    assert_eq!(
        stage.v2(Method::PUT, &format!("{path}/cancel"), &json!({})).await.0,
        204
    );
    assert_eq!(stage.seen(&path).await["shipment_status"], "cancelled");
    assert_eq!(
        stage.v1_seen(&format!("/orders/{id}")).await["orderStatus"],
        "cancelled"
    );
    assert_eq!(stage.v2(Method::PUT, &path, &json!({})).await.0, 400);
}

#[tokio::test]
async fn v1_writes_an_order_whole() {
    let stage = Stage::plain().await;
    let (_, first) = stage.v1("/orders/createorder", &v1_order("SO-1", "key-1")).await;
    let mut again = v1_order("SO-1", "key-1");
    again["customerEmail"] = Value::Null;
    again["advancedOptions"] = json!({ "storeId": 1_582_174 });
    again["items"] = json!([{ "sku": "W-2", "name": "Gadget", "quantity": 1 }]);
    stage.advance(60);
    let (status, second) = stage.v1("/orders/createorder", &again).await;
    assert_eq!(status, 200, "{second}");
    assert_eq!(second["orderId"], first["orderId"], "the key names the order");
    assert_eq!(second["customerEmail"], Value::Null, "what is left out is lost");
    assert_eq!(second["advancedOptions"]["customField1"], Value::Null);
    assert_eq!(
        second["advancedOptions"]["storeId"], 1_582_173,
        "the store is chosen at creation"
    );
    assert_eq!(second["items"][0]["sku"], "W-2");
    assert_eq!(second["modifyDate"], "2026-11-20T08:01:00.0000000");
    assert_eq!(second["createDate"], "2026-11-20T08:00:00.0000000");

    let mut keyless = v1_order("SO-1", "");
    keyless["orderKey"] = Value::Null;
    let (_, third) = stage.v1("/orders/createorder", &keyless).await;
    assert_ne!(
        third["orderId"], first["orderId"],
        "without a key each call makes an order"
    );
    assert_eq!(stage.books().numbered("SO-1").count(), 2);
}

#[tokio::test]
async fn v1_refuses_what_is_incomplete_undocumented_shipped_or_cancelled() {
    let stage = Stage::plain().await;
    for field in ["orderNumber", "orderDate", "orderStatus", "billTo", "shipTo"] {
        let mut order = v1_order("SO-1", "key-1");
        order.as_object_mut().unwrap().remove(field);
        let (status, answer) = stage.v1("/orders/createorder", &order).await;
        assert_eq!(status, 400, "{field}");
        assert!(answer["ModelState"][format!("apiOrder.{field}")].is_array(), "{answer}");
    }
    for (field, value) in [
        ("orderDate", json!("2026-11-20T16:46:27Z")),
        ("orderStatus", json!("open")),
        ("ship_to", json!({})),
        ("amountPaid", json!("20.2")),
    ] {
        let mut order = v1_order("SO-1", "key-1");
        order[field] = value;
        assert_eq!(stage.v1("/orders/createorder", &order).await.0, 400, "{field}");
    }
    assert!(stage.books().orders.is_empty());

    stage.v1("/orders/createorder", &v1_order("SO-1", "key-1")).await;
    stage.v1("/orders/createorder", &v1_order("SO-2", "key-2")).await;
    stage.bought("SO-1");
    stage.shipstation().cancel("SO-2").unwrap();
    let all = json!([
        v1_order("SO-1", "key-1"),
        v1_order("SO-2", "key-2"),
        v1_order("SO-3", "key-3")
    ]);
    let (status, answer) = stage.v1("/orders/createorders", &all).await;
    assert_eq!((status, &answer["hasErrors"]), (200, &json!(true)));
    let succeeded: Vec<&Value> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["success"])
        .collect();
    assert_eq!(succeeded, [&json!(false), &json!(false), &json!(true)]);
}

#[tokio::test]
async fn v1_finds_what_begins_with_a_number_in_pacific_time_page_by_page() {
    let stage = Stage::plain().await;
    for number in ["SO-1", "SO-10", "SO-2", "PO-1"] {
        stage.entered(number, &[("W-1", 1)]);
        stage.advance(3600);
    }
    let list = |query: &str| format!("/orders?{query}");
    let found = stage.v1_seen(&list("orderNumber=SO-1")).await;
    assert_eq!(found["total"], 2, "SO-10 begins with SO-1 too");
    let found = stage
        .v1_seen(&list(
            "createDateStart=2026-11-20%2009:00:00&createDateEnd=2026-11-20%2010:00:00",
        ))
        .await;
    assert_eq!(found["total"], 2, "both ends belong to the span");
    assert_eq!(stage.v1_get(&list("createDateStart=2026-11-20T09:00:00Z")).await.0, 400);
    let found = stage
        .v1_seen(&list("pageSize=3&page=2&sortBy=CreateDate&sortDir=DESC"))
        .await;
    assert_eq!(found["orders"][0]["orderNumber"], "SO-1");
    assert_eq!(
        (&found["total"], &found["page"], &found["pages"]),
        (&json!(4), &json!(2), &json!(2))
    );
    assert_eq!(stage.v1_get(&list("pageSize=501")).await.0, 400);
}

#[tokio::test]
async fn v2_lists_by_time_status_and_number_and_links_to_the_next_page() {
    let stage = Stage::plain().await;
    for number in 0..5 {
        stage.entered(&format!("SO-{number}"), &[("W-1", 1)]);
        stage.advance(60);
    }
    stage.shipstation().cancel("SO-4").unwrap();
    let first = stage
        .seen("/v2/shipments?page_size=2&shipment_status=pending&sort_dir=asc")
        .await;
    assert_eq!((&first["total"], &first["pages"]), (&json!(4), &json!(2)));
    assert_eq!(first["links"]["prev"], json!({}));
    let next = first["links"]["next"]["href"].as_str().unwrap();
    let second = stage.seen(next.strip_prefix(&stage.running.url).unwrap()).await;
    assert_eq!(second["shipments"][1]["shipment_number"], "SO-3");
    assert_eq!(second["links"]["next"], json!({}));
    let found = stage
        .seen("/v2/shipments?created_at_start=2026-11-20T16:01:00Z&created_at_end=2026-11-20T16:02:00Z")
        .await;
    assert_eq!(found["total"], 2);
    let found = stage.seen("/v2/shipments?modified_at_start=2026-11-20T16:05:00Z").await;
    assert_eq!(found["shipments"][0]["shipment_number"], "SO-4");
    assert_eq!(
        stage.seen("/v2/shipments?shipment_number=SO-").await["total"],
        0,
        "equality here"
    );
    assert_eq!(
        stage.seen("/v2/shipments?colour=red").await["total"],
        5,
        "an unknown filter is overlooked"
    );
    assert_eq!(stage.v2_get("/v2/shipments?created_at_start=soon").await.0, 400);
    assert_eq!(stage.v2_get("/v2/shipments?shipment_status=open").await.0, 400);
}

#[tokio::test]
async fn one_number_may_be_used_in_two_stores() {
    let stage = Stage::plain().await;
    let mut other = v1_order("SO-1", "wholesale-1");
    other["advancedOptions"]["storeId"] = json!(1_582_174);
    stage.v1("/orders/createorder", &v1_order("SO-1", "web-1")).await;
    stage.v1("/orders/createorder", &other).await;
    assert_eq!(stage.v1_seen("/orders?orderNumber=SO-1").await["total"], 2);
    assert_eq!(
        stage.v1_seen("/orders?orderNumber=SO-1&storeId=1582174").await["total"],
        1
    );
    assert_eq!(stage.seen("/v2/shipments?shipment_number=SO-1").await["total"], 2);
    assert_eq!(stage.seen("/v2/shipments?store_id=1582174").await["total"], 1);
}

#[tokio::test]
async fn orders_are_held_tagged_and_deleted() {
    let stage = Stage::plain().await;
    let id = stage.entered("SO-1", &[("W-1", 1)]);
    let hold = json!({ "orderId": id, "holdUntilDate": "2026-12-01" });
    assert_eq!(stage.v1("/orders/holduntil", &hold).await.0, 200);
    assert_eq!(stage.books().statuses[&id], Standing::OnHold);
    assert!(stage.shipstation().buy(&super::Buy::all_of("SO-1")).is_err());
    assert_eq!(
        stage.v1("/orders/restorefromhold", &json!({ "orderId": id })).await.0,
        200
    );
    let tagged = stage
        .v2(Method::POST, &format!("/v2/shipments/se-{id}/tags/rush"), &json!({}))
        .await;
    assert_eq!(tagged.1["tag"]["name"], "rush");
    let tags = stage.v1_seen("/accounts/listtags").await;
    let order = stage.v1_seen(&format!("/orders/{id}")).await;
    assert_eq!(order["tagIds"][0], tags[0]["tagId"]);
    let untag = json!({ "orderId": id, "tagId": tags[0]["tagId"] });
    assert_eq!(stage.v1("/orders/removetag", &untag).await.0, 200);
    assert_eq!(stage.seen(&format!("/v2/shipments/se-{id}")).await["tags"], json!([]));
    let deleted = stage
        .v1_request(Method::DELETE, &format!("/orders/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 200);
    assert_eq!(stage.books().statuses[&id], Standing::Cancelled);
}

#[tokio::test]
async fn a_shipment_that_is_no_sales_order_is_unknown_to_v1_and_lists_may_lag() {
    let stage = Stage::plain().await;
    let mut shipment = v2_order("SO-1", "key-1");
    shipment["create_sales_order"] = json!(false);
    created(&stage, shipment).await;
    assert_eq!(stage.v1_seen("/orders").await["total"], 0);
    assert_eq!(stage.seen("/v2/shipments").await["total"], 1);
    stage.fault("v2_shipments", FaultKind::StaleLookup { seconds: 60 });
    assert_eq!(stage.seen("/v2/shipments").await["total"], 0);
    let wrong = stage.shipstation().enter(NewOrder {
        store: Some(7),
        ..NewOrder::default()
    });
    assert!(wrong.is_err());
}
