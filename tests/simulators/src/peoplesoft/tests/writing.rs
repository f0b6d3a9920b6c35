//! The custom write service: what it stores, what it refuses, and what becomes of a write whose connection was lost.

use super::*;

/// A row is created, then replaced; columns that are not named become a blank; the order does not notice.
#[tokio::test]
async fn a_row_is_created_and_replaced() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    let before = stage.lines(&key).await;
    stage.advance(90);
    let first = json!({ "TRACKING": "1Z999AA10123456784", "STATUS": "SHIPPED", "COST": 12.5, "CURRENCY_CD": "USD" });
    assert_eq!(
        stage.write(&key, ENTRY, &first).await,
        (200, json!({ "status": "SUCCESS" }))
    );
    let row = stage.tracked(&key).await.remove(0);
    assert_eq!(
        (&row["TRACKING"], &row["COST"]),
        (&json!("1Z999AA10123456784"), &json!("12.5"))
    );
    assert_eq!((&row["ENTRY"], &row["ERR_TEXT"]), (&json!(ENTRY), &json!(" ")));
    assert_eq!(row["LAST_DTTM_UPDATE"], "2026-02-03-12.01.30.000000");

    let second = json!({ "STATUS": "DELIVERED", "BUSINESS_UNIT": UNIT, "ENTRY": ENTRY });
    assert_eq!(stage.write(&key, ENTRY, &second).await.1["status"], "SUCCESS");
    let row = stage.tracked(&key).await.remove(0);
    assert_eq!((&row["TRACKING"], &row["STATUS"]), (&json!(" "), &json!("DELIVERED")));
    assert_eq!(stage.lines(&key).await, before);
    let books = stage.peoplesoft.books();
    let track = books.track(&key, ENTRY).unwrap();
    assert_eq!((track.writes, track.column("STATUS")), (2, "DELIVERED"));
    assert_eq!(track.history_of("STATUS"), ["SHIPPED", "DELIVERED"]);
    assert_eq!(books.requests["write"], 2);
}

/// What the record cannot hold is refused inside HTTP 200.
#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    let stranger = DocKey {
        id: "79262".into(),
        ..key.clone()
    };
    let refused = [
        (&key, ENTRY, json!({ "CURRENCY_CD": "DOLLAR" })),
        (&key, ENTRY, json!({ "tracking": "1Z" })),
        (&key, ENTRY, json!({ "DOC_ID": "0000000001" })),
        (&key, ENTRY, json!(["TRACKING"])),
        (&key, "SOMETHING", json!({})),
        (&stranger, ENTRY, json!({})),
    ];
    let count = refused.len();
    for (key, entry, body) in refused {
        let (status, answer) = stage.write(key, entry, &body).await;
        assert_eq!((status, &answer["status"]), (200, &json!("ERROR")), "{body}");
        assert!(answer["message"].is_string());
    }
    let books = stage.peoplesoft.books();
    assert_eq!(books.traffic.refused_writes.len(), count);
    assert!(books.document(&key).unwrap().track.is_empty());
    for entry in ["PROBLEM", "DELIVERY"] {
        assert_eq!(
            stage.write(&key, entry, &json!({ "ERR_TEXT": "no weight" })).await.1["status"],
            "SUCCESS"
        );
    }
}

/// A service that fails says so inside HTTP 200, in one form or the other.
#[tokio::test]
async fn a_failing_service_wears_http_200() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    stage.configure(|options| options.write_failure = Some(ErrorForm::Json));
    assert_eq!(stage.write(&key, ENTRY, &json!({})).await.1["status"], "ERROR");
    stage.configure(|options| options.write_failure = Some(ErrorForm::IbResponse));
    assert!(
        stage
            .write(&key, ENTRY, &json!({}))
            .await
            .1
            .as_str()
            .unwrap()
            .contains("IBResponse")
    );
    stage.configure(|options| options.write_failure = None);
    stage.fault("write", FaultKind::ErrorIn200 { after_effect: true });
    assert!(stage.write(&key, ENTRY, &json!({})).await.1.is_string());
    assert_eq!(stage.tracked(&key).await.len(), 1);
}

/// A lost answer means a row that is there, or one that comes later and replaces what was written meanwhile.
#[tokio::test]
async fn a_lost_write_may_land_late() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    stage.fault("write", FaultKind::DropAfter);
    assert!(stage.put(&key, "DELIVERY", &json!({})).send().await.is_err());
    assert_eq!(stage.tracked(&key).await.len(), 1);

    stage.configure(|options| options.lost_writes_land_after_s = Some(120));
    stage.fault("write", FaultKind::DropAfter);
    assert!(
        stage
            .put(&key, ENTRY, &json!({ "STATUS": "OLD" }))
            .send()
            .await
            .is_err()
    );
    stage.advance(119);
    assert_eq!(stage.tracked(&key).await.len(), 1);
    assert_eq!(stage.peoplesoft.books().writes_on_the_way, 1);
    assert_eq!(stage.write(&key, ENTRY, &json!({ "STATUS": "NEW" })).await.0, 200);
    stage.advance(1);
    let rows = stage.tracked(&key).await;
    let shipment = rows.iter().find(|row| row["ENTRY"] == ENTRY).unwrap();
    assert_eq!(shipment["STATUS"], "OLD");
    assert_eq!(stage.peoplesoft.books().track(&key, ENTRY).unwrap().writes, 2);
}

/// A look-up that lags does not see what was just written.
#[tokio::test]
async fn a_stale_look_up_sees_the_past() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    stage.write(&key, ENTRY, &json!({ "STATUS": "SHIPPED" })).await;
    stage.fault("tracking", FaultKind::StaleLookup { seconds: 30 });
    assert_eq!(stage.tracked(&key).await.len(), 0);
    assert_eq!(stage.tracked(&key).await.len(), 1);
}

/// A tracking number in two shipments is noticed.
#[tokio::test]
async fn the_books_show_what_was_shipped_twice() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    let body = json!({ "TRACKING": "1Z999AA10123456784" });
    stage.write(&key, ENTRY, &body).await;
    stage.write(&key, "DELIVERY", &body).await;
    assert!(stage.peoplesoft.books().duplicates.is_empty());
    stage.write(&key, "01JX5ZK3Q8T7V9W2Y4A6B8C0D2", &body).await;
    assert_eq!(stage.peoplesoft.books().duplicates.tracking_numbers.len(), 1);
}

/// People's acts and settings are open to other processes too.
#[tokio::test]
async fn control_routes_do_what_people_do() {
    let stage = Stage::plain().await;
    let control = async |path: &str, body: Value| {
        let request = stage.http.post(format!("{}/_control/{path}", stage.serving.url()));
        read(request.json(&body).send().await.unwrap()).await
    };
    let (status, seeded) = control("seed", json!({ "orders": 10, "seed": 3 })).await;
    assert_eq!((status, seeded["documents"].as_array().unwrap().len()), (200, 10));
    let order = json!({ "lines": [{ "item": "PUMP-010", "quantity": "3" }], "ship_to": "MARFA" });
    let (_, entered) = control("order", order).await;
    let number = entered["number"].as_str().unwrap();
    let (status, acted) = control("act", json!({ "document": number, "act": "cancel" })).await;
    assert_eq!((status, &acted["status"]), (200, &json!("X")));
    assert_eq!(
        control("act", json!({ "document": number, "act": "turn_into_order" }))
            .await
            .0,
        400
    );
    let (_, options) = control("options", json!({ "row_cap": 3, "moments": "dotted" })).await;
    assert_eq!((&options["row_cap"], &options["node"]), (&json!(3), &json!("PSFT_EP")));
    let place = json!({ "description": "New", "address": { "lines": ["1 A St", "", "", ""], "city": "Marfa" } });
    assert_eq!(
        control("location", json!({ "location": "MARFA", "place": place }))
            .await
            .0,
        200
    );
    assert_eq!(
        control("weigh", json!({ "item": "SEAL-KG", "weight": "0.5", "unit": "KG" }))
            .await
            .0,
        200
    );
    assert_eq!(control("reset", json!({})).await.0, 200);
    assert!(stage.peoplesoft.books().documents.is_empty());
    assert_eq!(
        stage.changed("2026-01-01 00:00:00", "2027-01-01 00:00:00").await.len(),
        0
    );
}
