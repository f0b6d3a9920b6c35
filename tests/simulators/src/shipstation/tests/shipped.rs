//! What was shipped, as both APIs tell it.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::{Buy, Options, Scan};
use super::{Stage, code};

/// The judge of P43: two partial shipments of one order share the order, and are two.
#[tokio::test]
async fn two_parts_of_one_order_are_two_shipments() {
    let stage = Stage::plain().await;
    let id = stage.entered("SO-1", &[("W-1", 3), ("W-2", 1)]);
    let first = stage.shipstation().buy(&Buy::part_of("SO-1", &[("W-1", 2)])).unwrap();
    assert_eq!(
        (first.order, first.part),
        (id, id),
        "the first label is of the shipment that was there"
    );
    assert_eq!(
        stage.v1_seen(&format!("/orders/{id}")).await["orderStatus"],
        "awaiting_shipment"
    );
    let open = stage.seen("/v2/shipments?shipment_status=pending").await;
    assert_eq!(open["total"], 1, "the rest waits as a shipment of its own");
    let rest = &open["shipments"][0];
    assert_eq!(rest["shipment_number"], "SO-1");
    assert_ne!(rest["shipment_id"], format!("se-{id}"));
    let quantities: Vec<&Value> = rest["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["quantity"])
        .collect();
    assert_eq!(quantities, [&json!(1), &json!(1)]);

    let second = stage.bought("SO-1");
    assert_ne!(second.part, id);
    assert_eq!(stage.v1_seen(&format!("/orders/{id}")).await["orderStatus"], "shipped");
    let labels = stage.seen("/v2/labels?sort_dir=asc").await;
    assert_eq!(labels["total"], 2);
    assert_eq!(labels["labels"][1]["shipment_id"], rest["shipment_id"]);
    let shipments = stage
        .v1_seen(&format!("/shipments?orderId={id}&includeShipmentItems=true"))
        .await;
    let lines: Vec<Vec<(&str, u64)>> = shipments["shipments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shipment| {
            let items = shipment["shipmentItems"].as_array().unwrap().iter();
            items
                .map(|item| (item["sku"].as_str().unwrap(), item["quantity"].as_u64().unwrap()))
                .collect()
        })
        .collect();
    assert_eq!(lines, [vec![("W-1", 2)], vec![("W-1", 1), ("W-2", 1)]]);
    assert!(
        stage.shipstation().buy(&Buy::all_of("SO-1")).is_err(),
        "nothing is left"
    );
}

#[tokio::test]
async fn a_label_is_a_shipment_of_v1_and_a_fulfilment_of_v2() {
    let stage = Stage::plain().await;
    let id = stage.entered("SO-1", &[("W-1", 1)]);
    stage.advance(60);
    let bought = stage.shipstation().buy(&Buy {
        packages: 2,
        carrier: Some("fedex".to_owned()),
        ..Buy::all_of("SO-1")
    });
    let bought = bought.unwrap();
    let number = &bought.tracking_numbers[0];
    let label = stage.seen(&format!("/v2/labels/se-{}", bought.label)).await;
    assert_eq!(label["tracking_number"], number.as_str());
    assert_eq!(
        label["packages"][1]["tracking_number"],
        bought.tracking_numbers[1].as_str()
    );
    assert_eq!(
        (&label["status"], &label["carrier_code"]),
        (&json!("completed"), &json!("fedex"))
    );
    let second = &bought.tracking_numbers[1];
    assert_eq!(
        stage.seen(&format!("/v2/labels?tracking_number={second}")).await["total"],
        1
    );

    let plain = stage.v1_seen("/shipments?orderNumber=SO-1").await;
    let shipment = &plain["shipments"][0];
    assert_eq!(shipment["shipmentId"], bought.label);
    assert_eq!(
        (&shipment["orderId"], &shipment["shipmentItems"]),
        (&json!(id), &Value::Null)
    );
    assert_eq!(shipment["createDate"], "2026-11-20T08:01:00.0000000");
    assert_eq!(shipment["shipDate"], "2026-11-20");

    let fulfilled = stage.seen(&format!("/v2/fulfillments?shipment_id=se-{id}")).await;
    assert_eq!(fulfilled["fulfillments"][0]["tracking_number"], number.as_str());
    assert_eq!(fulfilled["fulfillments"][0]["fulfillment_provider_code"], "shipstation");
    assert_eq!(
        stage.v1_seen("/fulfillments").await["total"],
        0,
        "V1 lists external ones only"
    );
    assert_eq!(stage.seen("/v2/batches").await["batches"][0]["count"], 1);
    let batch = format!("/v2/batches/se-{}", bought.batch);
    assert_eq!(stage.seen(&batch).await["status"], "completed");
}

#[tokio::test]
async fn an_external_number_is_a_fulfilment_and_no_label() {
    let stage = Stage::new(Options {
        labels_are_fulfilments: false,
        ..Options::default()
    })
    .await;
    let (one, two) = (
        stage.entered("SO-1", &[("W-1", 1)]),
        stage.entered("SO-2", &[("W-1", 1)]),
    );
    let body = |id: u64, carrier: &str| {
        json!({ "shipment_id": format!("se-{id}"), "tracking_number": "1Z12345E1234567890", "carrier_code": carrier,
            "ship_date": "2026-11-20T10:00:00Z", "notify_customer": true, "notify_order_source": true })
    };
    let all = json!({ "fulfillments": [body(one, "ups"), body(two, "dhl"), body(7, "ups"), body(one, "ups")] });
    let (status, answer) = stage.v2(Method::POST, "/v2/fulfillments", &all).await;
    assert_eq!((status, &answer["has_errors"]), (200, &json!(true)));
    let errors: Vec<bool> = answer["fulfillments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["error_message"].is_string())
        .collect();
    assert_eq!(errors, [false, true, true, true], "the last one is not idempotent");
    assert_eq!(
        stage.seen(&format!("/v2/shipments/se-{one}")).await["shipment_status"],
        "label_purchased"
    );

    stage.advance(60);
    let mark = json!({ "orderId": two, "carrierCode": "stamps_com", "shipDate": "2026-11-20", "trackingNumber": "94X",
        "notifyCustomer": true, "notifySalesChannel": true });
    let (status, answer) = stage.v1("/orders/markasshipped", &mark).await;
    assert_eq!(
        (status, answer),
        (200, json!({ "orderId": two, "orderNumber": "SO-2" }))
    );
    assert_eq!(stage.v1("/orders/markasshipped", &mark).await.0, 400);
    let fulfilled = stage.v1_seen("/fulfillments?orderNumber=SO-2").await;
    assert_eq!(fulfilled["fulfillments"][0]["trackingNumber"], "94X");
    assert_eq!(stage.v1_seen("/shipments").await["total"], 0);
    assert_eq!(stage.seen("/v2/labels").await["total"], 0);

    let list = |query: &str| format!("/v2/fulfillments?{query}");
    assert_eq!(
        stage.seen(&list("create_date_start=2026-11-20T16:01:00Z")).await["total"],
        1
    );
    assert_eq!(
        stage.seen(&list("create_date_end=2026-11-20T16:00:30Z")).await["total"],
        1
    );
    let misspelt = stage.seen(&list("created_at_start=2026-11-20T16:01:00Z")).await;
    assert_eq!(misspelt["total"], 2, "the siblings' name of the filter is overlooked");
    assert_eq!(
        stage.seen(&list("fulfillment_provider_code=external")).await["total"],
        2
    );
}

#[tokio::test]
async fn a_void_is_granted_or_refused_with_200() {
    let stage = Stage::plain().await;
    for number in ["SO-1", "SO-2", "SO-3"] {
        stage.entered(number, &[("W-1", 1)]);
    }
    let [one, two, three] = ["SO-1", "SO-2", "SO-3"].map(|number| stage.bought(number));
    let void = |label: u64| format!("/v2/labels/se-{label}/void");
    stage.advance(60);
    let (status, answer) = stage.v2(Method::PUT, &void(one.label), &json!({})).await;
    assert_eq!((status, &answer["approved"]), (200, &json!(true)));
    let label = stage.seen(&format!("/v2/labels/se-{}", one.label)).await;
    assert_eq!((&label["voided"], &label["status"]), (&json!(true), &json!("voided")));
    assert_eq!(label["voided_at"], "2026-11-20T16:01:00.000Z");
    assert_eq!(
        stage.seen(&format!("/v2/shipments/se-{}", one.part)).await["shipment_status"],
        "pending"
    );
    assert_eq!(
        stage
            .seen(&format!("/v2/fulfillments?shipment_id=se-{}", one.part))
            .await["fulfillments"][0]["voided"],
        true
    );
    let (status, answer) = stage.v2(Method::PUT, &void(one.label), &json!({})).await;
    assert_eq!((status, &answer["reason_code"]), (200, &json!("label_already_voided")));

    stage
        .shipstation()
        .scan(&two.tracking_numbers[0], Scan::InTransit)
        .unwrap();
    let (status, answer) = stage
        .v1("/shipments/voidlabel", &json!({ "shipmentId": two.label }))
        .await;
    assert_eq!((status, &answer["approved"]), (200, &json!(false)), "it travels");
    stage
        .shipstation()
        .configure(|options| options.refuses_voids = Some("contact_carrier".to_owned()));
    let (_, answer) = stage.v2(Method::PUT, &void(three.label), &json!({})).await;
    assert_eq!(
        (&answer["approved"], &answer["reason_code"]),
        (&json!(false), &json!("contact_carrier"))
    );
    stage.shipstation().configure(|options| options.refuses_voids = None);
    let (_, answer) = stage
        .v1("/shipments/voidlabel", &json!({ "shipmentId": three.label }))
        .await;
    assert_eq!(answer["approved"], true);
    let voided = stage.v1_seen("/shipments?voidDateStart=2026-11-20%2008:00:30").await;
    assert_eq!(voided["total"], 2);
    let (status, answer) = stage.v2(Method::PUT, &void(7), &json!({})).await;
    assert_eq!((status, code(&answer)), (404, "invalid_identifier"));
    let (status, answer) = stage.v2_get("/v2/labels/se-7").await;
    assert_eq!((status, answer), (404, Value::Null), "the file has no body there");
    stage.bought("SO-1");
    assert_eq!(
        stage.books().labels_of(one.order).count(),
        2,
        "it is shipped again, by another label"
    );
}

#[tokio::test]
async fn a_parcel_is_tracked_until_it_is_delivered_and_may_come_back() {
    let stage = Stage::plain().await;
    stage.entered("SO-1", &[("W-1", 1)]);
    let bought = stage.bought("SO-1");
    let track = format!("/v2/labels/se-{}/track", bought.label);
    let told = stage.seen(&track).await;
    assert_eq!((&told["status_code"], &told["events"]), (&json!("NY"), &json!([])));
    stage.advance(3600);
    stage
        .shipstation()
        .scan(&bought.label.to_string(), Scan::Accepted)
        .unwrap();
    stage.advance(3600);
    stage.shipstation().deliver(&bought.tracking_numbers[0]).unwrap();
    let told = stage.seen(&track).await;
    assert_eq!(
        (&told["status_code"], &told["status_detail_code"]),
        (&json!("DE"), &json!("DELIVERED"))
    );
    assert_eq!(told["actual_delivery_date"], "2026-11-20T18:00:00.000Z");
    assert_eq!(told["events"].as_array().unwrap().len(), 2);
    let label = stage.seen(&format!("/v2/labels/se-{}", bought.label)).await;
    assert_eq!(label["tracking_status"], "delivered");
    assert_eq!(
        stage.seen("/v2/fulfillments").await["fulfillments"][0]["delivered_at"],
        "2026-11-20T18:00:00.000Z"
    );

    let path = format!("/v2/labels/se-{}/return", bought.label);
    let (status, back) = stage.v2(Method::POST, &path, &json!({})).await;
    assert_eq!((status, &back["is_return_label"]), (200, &json!(true)));
    let shipments = stage.v1_seen("/shipments?sortDir=DESC").await;
    assert_eq!(shipments["shipments"][0]["isReturnLabel"], true);
    assert_eq!(stage.books().fulfilments.len(), 1, "what comes back is not shipped");
}

#[tokio::test]
async fn v2_buys_a_label_for_a_shipment_that_is_there() {
    let stage = Stage::plain().await;
    let id = stage.entered("SO-1", &[("W-1", 1)]);
    let path = format!("/v2/labels/shipment/se-{id}");
    let body = json!({ "label_format": "pdf", "label_layout": "4x6" });
    let (status, label) = stage.v2(Method::POST, &path, &body).await;
    assert_eq!((status, &label["shipment_id"]), (200, &json!(format!("se-{id}"))));
    assert_eq!(stage.v2(Method::POST, &path, &body).await.0, 400, "once");
    assert_eq!(stage.v2(Method::POST, "/v2/labels/shipment/se-7", &body).await.0, 404);
}
