//! What people do shows in the resources as the real pod would show it.

use super::*;
use crate::fusion::model::Status;

#[tokio::test]
async fn an_order_is_seen_once_it_is_approved_and_keeps_its_creation_date() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(1).being(Status::PendingApproval));
    assert!(stage.numbers("POHeaderId > 0").await.is_empty());
    stage.advance(86_400);
    stage.fusion.act(|world, now| world.approve(order, now)).unwrap();
    let (_, body) = stage.query("LastUpdateDate >= '2026-02-04T18:00:00+00:00'").await;
    assert_eq!(body["items"][0]["CreationDate"], "2026-02-03T18:00:00+00:00");
    assert_eq!(body["items"][0]["StatusCode"], "OPEN");
}

#[tokio::test]
async fn a_late_commit_appears_with_an_old_date() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(1).late_by(300));
    assert_eq!(stage.book(order).last_updated.to_string(), "2026-02-03T17:55:00Z");
    assert!(
        stage
            .numbers("LastUpdateDate >= '2026-02-03T18:00:00Z'")
            .await
            .is_empty()
    );
    let orders = vec![NewOrder::pumps(1); 3];
    let together = stage.fusion.act(|world, now| world.add_orders(orders, now)).unwrap();
    assert_eq!(together.len(), 3);
    assert_eq!(stage.numbers("LastUpdateDate = '2026-02-03T18:00:00Z'").await.len(), 3);
}

#[tokio::test]
async fn a_buyers_changes_move_the_order() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(5));
    let schedule = stage.book(order).lines[&1].schedules[&1].id;
    stage.advance(60);
    stage
        .fusion
        .act(|world, now| world.edit_quantity(order, schedule, 3.into(), now))
        .unwrap();
    stage.fusion.act(|world, now| world.flag(order, None, now)).unwrap();
    let book = stage.book(order);
    assert_eq!((book.revision, book.lines[&1].quantity), (2, 3.into()));
    assert!(book.last_updated > start() && book.carrier.is_none());
    assert!(stage.numbers("Carrier = 'UPS'").await.is_empty());
}

#[tokio::test]
async fn goods_are_received_in_parts() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(5));
    let schedule = stage.book(order).lines[&1].schedules[&1].id;
    let receive = |quantity: u32| {
        stage
            .fusion
            .act(|world, now| world.receive(order, schedule, quantity.into(), now))
    };
    receive(2).unwrap();
    let link = format!("{}?expand=lines.schedules", stage.link("purchaseOrders", order).await);
    let (_, body) = stage.get(&link).await;
    let shown = &body["lines"]["items"][0]["schedules"]["items"][0];
    assert_eq!(
        (&shown["ReceivedQuantity"], &shown["StatusCode"]),
        (&json!(2), &json!("OPEN"))
    );
    receive(3).unwrap();
    assert_eq!(stage.book(order).status, Status::ClosedForReceiving);
    assert!(receive(1).is_ok());
}

#[tokio::test]
async fn states_are_compared_by_code_because_the_other_name_is_translated() {
    let stage = Stage::plain().await;
    stage.fusion.configure(|options| options.german = true);
    let order = stage.enter(NewOrder::pumps(1));
    stage.fusion.act(|world, now| world.cancel(order, now)).unwrap();
    let (_, body) = stage.query("StatusCode = 'CANCELED'").await;
    assert_eq!(body["items"][0]["Status"], "Storniert");
}

/// The same acts by the control routes, as tests in other languages do them.
#[tokio::test]
async fn people_can_be_moved_over_http() {
    let stage = Stage::plain().await;
    let control = async |path: &str, body: Value| {
        let request = stage.http.post(stage.url(&format!("/_control/{path}"))).json(&body);
        read(request.send().await.unwrap()).await
    };
    let (status, made) = control(
        "order",
        json!({ "lines": [{ "item": "PUMP-010", "quantity": "2" }], "carrier": "UPS" }),
    )
    .await;
    assert_eq!(status, 200, "{made}");
    let number = made["number"].as_str().unwrap();
    let (status, body) = control("act", json!({ "order": number, "act": "cancel" })).await;
    assert_eq!((status, &body["status"]), (200, &json!("CANCELED")), "{body}");
    let (status, body) = control("seed", json!({ "orders": 8, "seed": 1 })).await;
    assert_eq!((status, body["orders"].as_array().unwrap().len()), (200, 8));
    let (status, body) = control("options", json!({ "time_zone": "-08:00" })).await;
    assert_eq!((status, &body["time_zone"]), (200, &json!("-08:00")));
    let (status, _) = control("user", json!({ "name": "other", "password": "p" })).await;
    assert_eq!(status, 200);
    let books = read(stage.http.get(stage.url("/_control/books")).send().await.unwrap())
        .await
        .1;
    assert_eq!(books["orders"][number]["status"], "CANCELED");
}
