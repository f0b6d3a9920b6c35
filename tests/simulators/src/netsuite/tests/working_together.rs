//! People and programs in one account: changes, custom fields, the concurrency limit, the control routes.

use super::*;
use crate::netsuite::model::{OrderStatus, WeightUnit};
use futures::future::join_all;

/// Whatever is done to an order moves its `lastmodified`; what is done to its item does not.
#[tokio::test]
async fn every_act_moves_lastmodified() {
    let stage = Stage::plain().await;
    let (order, basics) = (stage.order(&[(stage.basics().light, 5, 3)]), stage.basics());
    let moved = |act: &dyn Fn(&mut crate::netsuite::world::World, Timestamp)| {
        stage.advance(60);
        let before = stage.modified(order);
        stage.netsuite.act(|world, now| act(world, now));
        stage.modified(order) > before
    };
    assert!(moved(&|world, now| world.edit_address(order, address(), now).unwrap()));
    assert!(moved(&|world, now| world
        .edit_ship_method(order, basics.ups_integrated, now)
        .unwrap()));
    assert!(moved(&|world, now| world.commit(order, 1, 2.into(), now).unwrap()));
    assert!(moved(&|world, now| world
        .edit_quantity(order, 1, 6.into(), now)
        .unwrap()));
    assert!(moved(&|world, now| world.set_order_field(
        order,
        "custbody_waybill_job",
        json!("x"),
        "person",
        now
    )));
    assert!(moved(&|world, now| world.cancel(order, now).unwrap()));
    assert!(moved(&|world, now| world.reopen(order, now).unwrap()));
    assert!(moved(
        &|world, now| _ = world.fulfil_by_hand(order, Some("1ZHAND"), now).unwrap()
    ));
    assert!(moved(&|world, now| world.bill(order, now).unwrap()));
    assert!(!moved(&|world, _| world
        .weigh_item(basics.light, Some(3.into()), WeightUnit::Kg)
        .unwrap()));
    let book = stage.netsuite.books().orders[&stage.number(order)].clone();
    assert_eq!(
        (book.status, book.fulfilments[0].made_by.as_str()),
        (OrderStatus::Billed, "person")
    );
    stage.netsuite.act(|world, now| {
        assert!(world.cancel(order, now).is_err());
    });
}

#[tokio::test]
async fn a_late_commit_appears_in_the_past() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 1, 1)]);
    stage
        .netsuite
        .act(|world, now| world.backdate(order, SignedDuration::from_mins(20), now))
        .unwrap();
    stage.enter(NewOrder {
        late_by_s: 1200,
        ..NewOrder::to(address(), vec![NewLine::of(stage.basics().light, 1)])
    });
    let q = "SELECT id FROM transaction WHERE lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') ORDER BY id";
    assert_eq!(stage.query(q, &["2026-02-03 09:50:00"], "").await.1["count"], 0);
    assert_eq!(stage.query(q, &["2026-02-03 09:40:00"], "").await.1["count"], 2);
}

/// Five ordered, three committed: three ship, two more are committed, two ship.
#[tokio::test]
async fn two_waves() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 5, 3)]);
    let ship = |eid: &'static str| {
        let request = stage.transform(order, "", &json!({ "externalId": eid, "shipStatus": { "id": "C" } }));
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(ship("wave-1").await, 204);
    assert_eq!(ship("too-early").await, 400);
    stage
        .netsuite
        .act(|world, now| world.commit(order, 1, 2.into(), now))
        .unwrap();
    assert_eq!(ship("wave-2").await, 204);
    let book = stage.netsuite.books().orders[&stage.number(order)].clone();
    let quantities: Vec<_> = book.fulfilments.iter().map(|one| one.lines[&1]).collect();
    assert_eq!(
        (quantities, book.status),
        (vec![3.into(), 2.into()], OrderStatus::PendingBilling)
    );
}

#[tokio::test]
async fn custom_fields_are_written_and_remembered() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 1, 1)]);
    let path = format!("/salesOrder/{order}");
    stage.advance(30);
    let (status, _) = stage.patch(&path, json!({ "custbody_waybill_status": "ERROR" })).await;
    assert_eq!((status, stage.modified(order)), (204, stage.netsuite.base.clock.now()));
    // A name that the account does not have is only a warning, unless an error is asked for.
    assert_eq!(
        stage.patch(&path, json!({ "custbody_waybil_status": "x" })).await.0,
        204
    );
    let strict = stage
        .request(Method::PATCH, &format!("{RECORD}{path}"))
        .header("X-NetSuite-PropertyNameValidation", "Error")
        .json(&json!({ "custbody_waybil_status": "x" }));
    assert_eq!(strict.send().await.unwrap().status(), 400);
    let long = "x".repeat(301);
    assert_eq!(
        stage.patch(&path, json!({ "custbody_waybill_status": long })).await.0,
        400
    );
    let (_, view) = stage
        .get(&format!("{path}?fields=tranId,custbody_waybill_status"))
        .await;
    assert_eq!(
        (&view["custbody_waybill_status"], view.get("entity")),
        (&json!("ERROR"), None)
    );
    let books = stage.netsuite.books();
    assert_eq!(books.custom_field_writes.len(), 1);
    let write = &books.custom_field_writes[0];
    assert_eq!(
        (write.document.as_str(), write.by.as_str()),
        (stage.number(order).as_str(), "client-1")
    );
}

/// Above the limit of the account requests are refused; the books know the peak.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_concurrency_limit_holds() {
    let stage = Stage::new(Options {
        latency_ms: 200,
        ..Options::default()
    })
    .await;
    let ask = || async {
        let answer = stage
            .request(Method::GET, "/services/rest/system/v1/serverTime")
            .send()
            .await
            .unwrap();
        read(answer).await
    };
    let answers = join_all((0..9).map(|_| ask())).await;
    let refused: Vec<_> = answers.iter().filter(|(status, _)| *status == 429).collect();
    assert_eq!(refused.len(), 4);
    assert_eq!(
        (&refused[0].1["title"], code(&refused[0].1)),
        (&json!("Bad Request"), "CONCURRENCY_LIMIT_EXCEEDED")
    );
    let traffic = stage.netsuite.books().traffic;
    assert_eq!((traffic.peak_concurrency, traffic.refused_for_concurrency), (5, 4));
}

#[tokio::test]
async fn the_control_routes_do_what_people_do() {
    let stage = Stage::plain().await;
    let control = |path: &str, body: Value| {
        let request = stage
            .http
            .post(format!("{}/_control/{path}", stage.serving.url()))
            .json(&body);
        async move { read(request.send().await.unwrap()).await }
    };
    let (_, seeded) = control("seed", json!({ "orders": 12, "seed": 4 })).await;
    let number = seeded["orders"][0]["number"].as_str().unwrap().to_owned();
    let (_, acted) = control("act", json!({ "order": number, "act": "cancel" })).await;
    assert_eq!(acted["status"], "Cancelled");
    assert_eq!(control("act", json!({ "order": "SO0", "act": "cancel" })).await.0, 400);
    assert_eq!(
        control("weigh", json!({ "item": "GASKET-NEW", "weight": "0.4" }))
            .await
            .0,
        200
    );
    let (_, options) = control("options", json!({ "concurrency": 2 })).await;
    assert_eq!(
        (&options["concurrency"], &options["account"]),
        (&json!(2), &json!("1234567_SB1"))
    );
    let edit = json!({ "order": number, "act": "edit_address", "address": { "city": "Hilo", "country": "US" } });
    assert_eq!(control("act", edit).await.0, 200);
    let fields = json!({ "order": number, "act": "set_field", "field": "custbody_waybill_job", "value": "j" });
    assert_eq!(control("act", fields).await.0, 200);
    let (_, made) = control("keypair", json!({ "kind": "ES256", "kid": "k2", "client_id": "c2" })).await;
    assert!(made["private_pem"].as_str().unwrap().contains("PRIVATE KEY"));
    let books = stage
        .http
        .get(format!("{}/_control/books", stage.serving.url()))
        .send()
        .await
        .unwrap();
    let books: crate::netsuite::books::Books = serde_json::from_value(read(books).await.1).unwrap();
    assert_eq!(
        (books.orders.len(), books.orders[&number].status),
        (12, OrderStatus::Cancelled)
    );
    control("reset", json!({})).await;
    assert!(stage.netsuite.books().orders.is_empty());
}
