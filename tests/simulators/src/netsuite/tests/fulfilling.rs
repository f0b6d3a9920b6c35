//! Orders become fulfilments: the traps of the transform.

use super::*;
use crate::netsuite::model::{OrderStatus, ShipStatus};

fn shipped(external_id: &str, lines: Value) -> Value {
    json!({
        "externalId": external_id,
        "shipStatus": { "id": "C" },
        "item": { "items": lines },
        "package": { "items": [{ "packageDescr": "Box 1", "packageTrackingNumber": "1Z1", "packageWeight": 7.9 }] },
    })
}

/// A transform answers 204 with a Location, ships, and moves the order.
#[tokio::test]
async fn an_order_is_fulfilled() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 2, 2)]);
    let body = shipped(
        "ship-1",
        json!([{ "orderLine": 1, "quantity": 2, "itemReceive": true }]),
    );
    let answer = stage.transform(order, "?replace=package", &body).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    let (_, by_eid) = stage.get("/itemFulfillment/eid:ship-1?expandSubResources=true").await;
    assert!(place.ends_with(&format!(
        "/record/v1/itemFulfillment/{}",
        by_eid["id"].as_str().unwrap()
    )));
    assert_eq!(by_eid["package"]["items"][0]["packageTrackingNumber"], "1Z1");
    assert_eq!(by_eid["package"]["items"].as_array().unwrap().len(), 1);
    let (_, view) = stage.get(&format!("/salesOrder/{order}?expandSubResources=true")).await;
    assert_eq!(
        (&view["status"]["id"], &view["linkedTrackingNumbers"]),
        (&json!("F"), &json!("1Z1"))
    );
    assert_eq!(view["item"]["items"][0]["quantityCommitted"], 0);
    assert!(stage.netsuite.books().duplicates.is_empty());
}

#[tokio::test]
async fn lines_that_are_not_mentioned_ship_in_full() {
    let stage = Stage::plain().await;
    let basics = stage.basics();
    let order = stage.order(&[(basics.light, 2, 2), (basics.heavy, 3, 3)]);
    let body = shipped("ship-1", json!([{ "orderLine": 1, "quantity": 1 }]));
    assert_eq!(
        stage
            .transform(order, "?replace=package", &body)
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    let books = stage.netsuite.books();
    let lines = &books.orders[&stage.number(order)].fulfilments[0].lines;
    assert_eq!((lines[&1], lines[&4]), (1.into(), 3.into()));

    let careful = stage.order(&[(basics.light, 2, 2), (basics.heavy, 3, 3)]);
    let named = json!([{ "orderLine": 1, "quantity": 1 }, { "orderLine": 4, "itemReceive": false }]);
    let body = shipped("ship-2", named);
    assert_eq!(
        stage
            .transform(careful, "?replace=package", &body)
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    let books = stage.netsuite.books();
    let book = &books.orders[&stage.number(careful)];
    assert_eq!(book.fulfilments[0].lines.len(), 1);
    assert_eq!(book.status, OrderStatus::PendingBillingPartiallyFulfilled);
}

#[tokio::test]
async fn a_package_in_the_wrong_sublist_is_lost_or_refused() {
    let stage = Stage::plain().await;
    let basics = stage.basics();
    let new = NewOrder {
        ship_method: Some(basics.ups_integrated),
        ..NewOrder::to(address(), vec![NewLine::of(basics.light, 1)])
    };
    let order = stage.enter(new);
    let body = shipped("ship-1", json!([{ "orderLine": 1 }]));
    let (status, refusal) = read(stage.transform(order, "?replace=package", &body).send().await.unwrap()).await;
    assert_eq!((status, code(&refusal)), (400, "INVALID_CONTENT"));
    assert_eq!(refusal["o:errorDetails"][0]["o:errorPath"], "package");

    let path = format!("{RECORD}/salesOrder/{order}/!transform/itemFulfillment?replace=package");
    let lenient = stage.request(Method::POST, &path).json(&body).send().await.unwrap();
    assert_eq!(lenient.status(), 204);
    assert!(lenient.headers().contains_key("warning"));
    let books = stage.netsuite.books();
    let fulfilment = &books.orders[&stage.number(order)].fulfilments[0];
    assert!(fulfilment.tracking_numbers.is_empty());
    assert_eq!(
        (fulfilment.empty_packages, books.duplicates.empty_packages.len()),
        (1, 1)
    );
    assert_eq!(books.traffic.warnings.len(), 1);
}

#[tokio::test]
async fn the_carriers_own_sublist_keeps_the_number() {
    let stage = Stage::plain().await;
    let basics = stage.basics();
    let lines = vec![NewLine::of(basics.light, 1)];
    let order = stage.enter(NewOrder {
        ship_method: Some(basics.fedex_integrated),
        ..NewOrder::to(address(), lines)
    });
    let packages = json!({ "items": [{ "packageTrackingNumberFedEx": "794", "packageWeightFedEx": 2 }] });
    let body = json!({ "externalId": "f", "packageFedex": packages });
    assert_eq!(
        stage
            .transform(order, "?replace=packageFedex", &body)
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    let book = stage.netsuite.books().orders[&stage.number(order)].clone();
    assert_eq!(book.fulfilments[0].tracking_numbers, ["794"]);
    // Picked only: the order does not move.
    assert_eq!(
        (book.fulfilments[0].status, book.status),
        (ShipStatus::Picked, OrderStatus::PendingFulfilment)
    );
}

/// A second write of the same shipment is refused, and nothing is added.
#[tokio::test]
async fn an_external_id_is_used_once() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 2, 2)]);
    let body = shipped("ship-1", json!([{ "orderLine": 1, "quantity": 1 }]));
    assert_eq!(
        stage
            .transform(order, "?replace=package", &body)
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    let (status, refusal) = read(stage.transform(order, "?replace=package", &body).send().await.unwrap()).await;
    assert_eq!((status, code(&refusal)), (400, "DUP_RCRD"));
    assert!(detail(&refusal).contains("already exists"));
    assert_eq!(stage.netsuite.books().orders[&stage.number(order)].fulfilments.len(), 1);
}

#[tokio::test]
async fn without_replace_an_empty_package_line_stays_and_a_patch_appends() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 2, 2)]);
    let body = shipped("ship-1", json!([{ "orderLine": 1 }]));
    assert_eq!(stage.transform(order, "", &body).send().await.unwrap().status(), 204);
    let book = |stage: &Stage| stage.netsuite.books().orders[&stage.number(order)].fulfilments[0].clone();
    assert_eq!(
        (book(&stage).empty_packages, book(&stage).tracking_numbers.len()),
        (1, 1)
    );
    let packages = json!({ "package": { "items": [{ "packageTrackingNumber": "1Z1" }] } });
    stage.patch("/itemFulfillment/eid:ship-1", packages.clone()).await;
    assert_eq!(book(&stage).tracking_numbers, ["1Z1", "1Z1"]);
    assert!(stage.netsuite.books().duplicates.tracking_numbers.contains_key("1Z1"));
    stage
        .patch("/itemFulfillment/eid:ship-1?replace=package", packages)
        .await;
    assert_eq!(
        (book(&stage).tracking_numbers.len(), book(&stage).empty_packages),
        (1, 0)
    );
}

#[tokio::test]
async fn what_cannot_ship_is_refused() {
    let stage = Stage::plain().await;
    let basics = stage.basics();
    let refused = |order: Id, lines: Value| {
        let body = json!({ "item": { "items": lines } });
        let request = stage.transform(order, "", &body);
        async move { read(request.send().await.unwrap()).await }
    };
    let waves = stage.order(&[(basics.light, 5, 3)]);
    let (status, body) = refused(waves, json!([{ "orderLine": 1, "quantity": 4 }])).await;
    assert_eq!((status, code(&body)), (400, "USER_ERROR"), "{body}");
    assert_eq!(
        code(&refused(waves, json!([{ "orderLine": 2 }])).await.1),
        "INVALID_CONTENT"
    );
    assert_eq!(
        code(
            &refused(waves, json!([{ "orderLine": 1, "itemReceive": false }]))
                .await
                .1
        ),
        "VALID_LINE_ITEM_REQD"
    );
    let nowhere = stage.enter(NewOrder::to(address(), vec![NewLine::of(basics.light, 1).nowhere()]));
    assert!(detail(&refused(nowhere, json!([{ "orderLine": 1 }])).await.1).contains("Items list: Location"));
    let located = json!([{ "orderLine": 1, "location": { "id": basics.warehouse.to_string() } }]);
    assert_eq!(refused(nowhere, located).await.0, 204);
    let closed = stage.order(&[(basics.light, 1, 1)]);
    stage.netsuite.act(|world, now| world.close(closed, now)).unwrap();
    let (status, body) = refused(closed, json!([])).await;
    assert_eq!((status, code(&body)), (400, "USER_ERROR"));
    assert_eq!(refused(999_999, json!([])).await.0, 404);
}

/// The answer of a transform is lost, the fulfilment is there and is found by its external id; but not while the
/// look-up lags.
#[tokio::test]
async fn a_lost_answer_really_fulfils() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 2, 2)]);
    let body = shipped("ship-1", json!([{ "orderLine": 1, "quantity": 2 }]));
    stage.fault("transform", FaultKind::DropBefore);
    assert!(stage.transform(order, "?replace=package", &body).send().await.is_err());
    assert_eq!(stage.get("/itemFulfillment/eid:ship-1").await.0, 404);
    stage.fault("transform", FaultKind::DropAfter);
    assert!(stage.transform(order, "?replace=package", &body).send().await.is_err());
    assert_eq!(stage.netsuite.books().orders[&stage.number(order)].fulfilments.len(), 1);
    stage.fault("get_itemfulfillment", FaultKind::StaleLookup { seconds: 60 });
    assert_eq!(stage.get("/itemFulfillment/eid:ship-1").await.0, 404);
    assert_eq!(stage.get("/itemFulfillment/eid:ship-1").await.0, 200);
}

#[tokio::test]
async fn an_order_to_several_addresses_ships_group_by_group() {
    let stage = Stage::plain().await;
    let basics = stage.basics();
    let there = Address {
        addr1: "9 Keawe Street".into(),
        ..address()
    };
    let lines = vec![
        NewLine::of(basics.light, 1).to(address()),
        NewLine::of(basics.heavy, 2).to(there),
    ];
    let order = stage.enter(NewOrder::to(address(), lines));
    let body = json!({ "shipGroup": 2, "shipStatus": { "id": "C" } });
    assert_eq!(stage.transform(order, "", &body).send().await.unwrap().status(), 204);
    let book = stage.netsuite.books().orders[&stage.number(order)].clone();
    assert_eq!(
        book.fulfilments[0].lines.clone().into_iter().collect::<Vec<_>>(),
        [(4, 2.into())]
    );
    let (_, view) = stage.get(&format!("/salesOrder/{order}?expandSubResources=true")).await;
    assert_eq!(view["isMultiShipTo"], true);
    assert_eq!(view["item"]["items"][1]["shipGroup"], 2);
}

#[tokio::test]
async fn a_deleted_fulfilment_gives_its_stock_back() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 2, 2)]);
    let body = shipped("ship-1", json!([{ "orderLine": 1 }]));
    stage.transform(order, "?replace=package", &body).send().await.unwrap();
    let path = format!("{RECORD}/itemFulfillment/eid:ship-1");
    assert_eq!(stage.request(Method::DELETE, &path).send().await.unwrap().status(), 204);
    let book = stage.netsuite.books().orders[&stage.number(order)].clone();
    assert_eq!(
        (book.status, book.lines[&1].committed),
        (OrderStatus::PendingFulfilment, 2.into())
    );
    assert_eq!(
        stage
            .transform(order, "?replace=package", &body)
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
}
