//! Notices: pointers, signed by V2, and sometimes lost, doubled, late or repeated.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use axum::Router;
use axum::routing::post;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use http::HeaderMap;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::{Buy, NewOrder, Options, Push, PushOutcome, Scan, courier};
use super::{Stage, code};

const HOOK: &str = "https://waybill.example.com/hooks/shipstation";

async fn subscribed(options: Options, events: &[&str]) -> Stage {
    let stage = Stage::new(options).await;
    for event in events {
        let body = json!({ "event": event, "url": HOOK, "headers": [{ "key": "X-Token", "value": "secret" }] });
        let (status, answer) = stage.v2(Method::POST, "/v2/environment/webhooks", &body).await;
        assert_eq!(status, 200, "{answer}");
    }
    stage
}

fn due(stage: &Stage) -> Vec<Push> {
    stage.shipstation().due_pushes()
}

fn told(push: &Push) -> (String, String) {
    let body: Value = serde_json::from_str(&push.body).unwrap();
    let url = body["resource_url"].as_str().unwrap().to_owned();
    (body["resource_type"].as_str().unwrap().to_owned(), url)
}

fn header<'a>(push: &'a Push, name: &str) -> &'a str {
    let found = push.headers.iter().find(|(own, _)| own == name);
    found.map_or("", |(_, value)| value)
}

/// Whether a notice's signature is good by the keys that the page tells now.
async fn verifies(stage: &Stage, push: &Push) -> bool {
    let page = stage
        .http
        .get(format!("{}/jwks", stage.running.url))
        .send()
        .await
        .unwrap();
    let page: Value = page.json().await.unwrap();
    let kid = header(push, "x-shipengine-rsa-sha256-key-id");
    let Some(key) = page["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid) else {
        return false;
    };
    let part = |name: &str| BASE64URL_NOPAD.decode(key[name].as_str().unwrap().as_bytes()).unwrap();
    let public = RsaPublicKeyComponents {
        n: part("n"),
        e: part("e"),
    };
    let message = format!("{}.{}", header(push, "x-shipengine-timestamp"), push.body);
    let signature = BASE64
        .decode(header(push, "x-shipengine-rsa-sha256-signature").as_bytes())
        .unwrap();
    let good = |message: &str| {
        public
            .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
            .is_ok()
    };
    assert!(!good(&format!("{message} ")), "a changed body is not signed");
    good(&message)
}

/// The judge of P41: a pointer that leads to the whole record, and the signature over time and body.
#[tokio::test]
async fn v2_points_to_what_happened_and_signs() {
    let events = [
        "label_created_v2",
        "fulfillment_shipped_v2",
        "shipment_created_v2",
        "track_event_v2",
        "batch_processed_v2",
    ];
    let stage = subscribed(Options::default(), &events).await;
    stage.entered("SO-1", &[("W-1", 1)]);
    stage.entered("SO-2", &[("W-1", 1)]);
    let both = [Buy::all_of("SO-1"), Buy::all_of("SO-2")];
    let bought = stage.shipstation().buy_batch(&both).unwrap();
    stage
        .shipstation()
        .scan(&bought[0].label.to_string(), Scan::InTransit)
        .unwrap();
    let pushes = due(&stage);
    let kinds: Vec<String> = pushes.iter().map(|push| told(push).0).collect();
    assert_eq!(
        kinds,
        [
            "SHIPMENT_CREATED_V2",
            "SHIPMENT_CREATED_V2",
            "LABEL_CREATED_V2",
            "BATCH_PROCESSED_V2",
            "FULFILLMENT_SHIPPED_V2",
            "FULFILLMENT_SHIPPED_V2",
            "TRACK_EVENT_V2"
        ]
    );
    for push in &pushes {
        assert!(verifies(&stage, push).await);
        assert_eq!(header(push, "X-Token"), "secret");
        assert_eq!(header(push, "x-shipengine-timestamp"), "2026-11-20T16:00:00Z");
        assert_eq!(push.url, HOOK);
    }
    let follow = |push: &Push| told(push).1.strip_prefix(&stage.running.url).unwrap().to_owned();
    let shipments = stage.seen(&follow(&pushes[1])).await;
    assert_eq!(shipments["shipments"][0]["shipment_number"], "SO-2");
    assert_eq!(shipments["total"], 1);
    let labels = stage.seen(&follow(&pushes[2])).await;
    assert_eq!(labels["total"], 2, "one pointer leads to both labels of the batch");
    assert_eq!(
        stage.seen(&follow(&pushes[3])).await["batch_id"],
        labels["labels"][0]["batch_id"]
    );
    let fulfilled = stage.seen(&follow(&pushes[4])).await;
    let numbers: Vec<&Value> = labels["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["tracking_number"])
        .collect();
    assert!(
        numbers.contains(&&fulfilled["fulfillments"][0]["tracking_number"]),
        "both events tell one parcel"
    );
    let track: Value = serde_json::from_str(&pushes[6].body).unwrap();
    assert_eq!(track["data"]["status_code"], "IT");
    assert_eq!(stage.seen(&follow(&pushes[6])).await, track["data"]);
    assert!(due(&stage).is_empty());
}

#[tokio::test]
async fn an_external_number_is_told_of_as_a_fulfilment_only_and_a_void_not_at_all() {
    let stage = subscribed(Options::default(), &["label_created_v2", "fulfillment_shipped_v2"]).await;
    stage.entered("SO-1", &[("W-1", 1)]);
    stage.entered("SO-2", &[("W-1", 1)]);
    stage.shipstation().mark_shipped("SO-1", "ups", "1ZX").unwrap();
    let pushes = due(&stage);
    assert_eq!(pushes.len(), 1);
    assert!(told(&pushes[0]).1.contains("/v2/fulfillments?fulfillment_id=se-"));
    let bought = stage.bought("SO-2");
    assert_eq!(due(&stage).len(), 2);
    stage.shipstation().void(&bought.label.to_string()).unwrap();
    assert!(due(&stage).is_empty());
}

#[tokio::test]
async fn v1_points_without_a_signature_to_a_host_of_the_tests_choice() {
    let stage = Stage::new(Options {
        v1_base: Some("https://ssapi6.shipstation.com".to_owned()),
        ..Options::default()
    })
    .await;
    for event in ["SHIP_NOTIFY", "ITEM_SHIP_NOTIFY", "ORDER_NOTIFY", "FULFILLMENT_SHIPPED"] {
        let body = json!({ "target_url": HOOK, "event": event, "store_id": null, "friendly_name": "Waybill" });
        let (status, answer) = stage.v1("/webhooks/subscribe", &body).await;
        assert!(status == 201 && answer["id"].is_u64(), "{answer}");
    }
    let listed = stage.v1_seen("/webhooks").await;
    assert_eq!(listed["webhooks"][0]["HookType"], "SHIP_NOTIFY");
    let id = stage.entered("SO-1", &[("W-1", 1)]);
    let bought = stage.bought("SO-1");
    stage.shipstation().buy_return(&bought.label.to_string()).unwrap();
    stage.entered("SO-2", &[("W-1", 1)]);
    stage.shipstation().mark_shipped("SO-2", "ups", "1ZX").unwrap();
    let pushes = due(&stage);
    let kinds: Vec<String> = pushes.iter().map(|push| told(push).0).collect();
    let expected = [
        "ORDER_NOTIFY",
        "SHIP_NOTIFY",
        "ITEM_SHIP_NOTIFY",
        "ORDER_NOTIFY",
        "FULFILLMENT_SHIPPED",
    ];
    assert_eq!(kinds, expected, "what comes back is not told of");
    assert!(pushes.iter().all(|push| push.headers.len() == 1), "no signature");
    let (_, url) = told(&pushes[1]);
    let path = url.strip_prefix("https://ssapi6.shipstation.com").unwrap();
    assert_eq!(
        path,
        format!("/shipments?batchId={}&includeShipmentItems=False", bought.batch)
    );
    let found = stage.v1_seen(path).await;
    assert_eq!(
        (
            &found["shipments"][0]["orderId"],
            &found["shipments"][0]["shipmentItems"]
        ),
        (&json!(id), &Value::Null)
    );
    let (_, url) = told(&pushes[4]);
    let found = stage
        .v1_seen(url.strip_prefix("https://ssapi6.shipstation.com").unwrap())
        .await;
    assert_eq!(found["fulfillments"][0]["trackingNumber"], "1ZX");

    let hook = listed["webhooks"][0]["WebHookID"].as_u64().unwrap();
    let path = format!("/webhooks/{hook}");
    assert_eq!(
        stage.v1_request(Method::DELETE, &path).send().await.unwrap().status(),
        200
    );
    assert_eq!(
        stage.v1_seen("/webhooks").await["webhooks"].as_array().unwrap().len(),
        3
    );
    let wrong = json!({ "target_url": HOOK, "event": "label_created_v2" });
    assert_eq!(stage.v1("/webhooks/subscribe", &wrong).await.0, 400);
}

#[tokio::test]
async fn subscriptions_are_kept_changed_and_not_doubled() {
    let stage = subscribed(Options::default(), &["label_created_v2"]).await;
    let body = json!({ "event": "label_created_v2", "url": HOOK });
    let (status, answer) = stage.v2(Method::POST, "/v2/environment/webhooks", &body).await;
    assert_eq!((status, code(&answer)), (409, "webhook_event_type_conflict"));
    let of_a_store = json!({ "event": "label_created_v2", "url": "https://other.example.com/", "store_id": 1_582_174,
        "name": "wholesale" });
    let (_, second) = stage.v2(Method::POST, "/v2/environment/webhooks", &of_a_store).await;
    let path = format!("/v2/environment/webhooks/{}", second["webhook_id"].as_str().unwrap());
    assert_eq!(
        stage
            .v2(Method::PUT, &path, &json!({ "url": "https://third.example.com/" }))
            .await
            .0,
        204
    );
    assert_eq!(stage.seen(&path).await["url"], "https://third.example.com/");
    assert_eq!(
        stage.seen("/v2/environment/webhooks").await.as_array().unwrap().len(),
        2
    );

    stage.entered("SO-1", &[("W-1", 1)]);
    stage.bought("SO-1");
    assert_eq!(due(&stage).len(), 1, "the web shop is not wholesale");
    let wholesale = NewOrder {
        store: Some(1_582_174),
        ..NewOrder::of("SO-2", &[("W-1", 1)])
    };
    stage.shipstation().enter(wholesale).unwrap();
    stage.bought("SO-2");
    let pushes = due(&stage);
    assert_eq!(pushes.len(), 2);
    assert!(told(&pushes[1]).1.ends_with("&store_id=se-1582174"));
    assert_eq!(stage.v2(Method::DELETE, &path, &json!({})).await.0, 204);
    assert_eq!(stage.v2_get(&path).await.0, 404);
    for wrong in [
        json!({ "event": "label", "url": HOOK }),
        json!({ "event": "track", "url": "waybill" }),
    ] {
        assert_eq!(stage.v2(Method::POST, "/v2/environment/webhooks", &wrong).await.0, 400);
    }
}

#[tokio::test]
async fn keys_rotate_with_or_without_the_old_ones() {
    let stage = subscribed(Options::default(), &["label_created_v2"]).await;
    let push_of = |number: &str| {
        stage.entered(number, &[("W-1", 1)]);
        stage.bought(number);
        due(&stage).remove(0)
    };
    let old = push_of("SO-1");
    stage.shipstation().rotate_key(true);
    let new = push_of("SO-2");
    let kid = |push: &Push| header(push, "x-shipengine-rsa-sha256-key-id").to_owned();
    assert_ne!(kid(&old), kid(&new));
    assert!(verifies(&stage, &old).await && verifies(&stage, &new).await);
    stage.shipstation().rotate_key(false);
    assert!(!verifies(&stage, &new).await, "its key is told no more");
    assert!(verifies(&stage, &push_of("SO-3")).await);
    stage.shipstation().configure(|options| options.timestamp_skew_s = -600);
    let stale = push_of("SO-4");
    assert_eq!(header(&stale, "x-shipengine-timestamp"), "2026-11-20T15:50:00Z");
    assert!(verifies(&stage, &stale).await, "old, but signed");
}

#[tokio::test]
async fn notices_are_lost_doubled_late_and_sent_again() {
    let stage = subscribed(
        Options {
            push_lose_every: Some(4),
            push_twice_every: Some(2),
            push_late_every: Some(3),
            push_late_s: 600,
            push_delay_s: 5,
            labels_are_fulfilments: false,
            ..Options::default()
        },
        &["label_created_v2"],
    )
    .await;
    let batches: Vec<String> = (1..=4)
        .map(|number| {
            stage.entered(&format!("SO-{number}"), &[("W-1", 1)]);
            format!("se-{}", stage.bought(&format!("SO-{number}")).batch)
        })
        .collect();
    let seen = |pushes: &[Push]| -> Vec<usize> {
        let place = |push: &Push| batches.iter().position(|batch| told(push).1.ends_with(batch)).unwrap() + 1;
        pushes.iter().map(place).collect()
    };
    assert!(due(&stage).is_empty(), "they take five seconds");
    stage.advance(5);
    assert_eq!(seen(&due(&stage)), [1, 2, 2]);
    assert_eq!(stage.books().pushes.lost, 1);
    stage.advance(600);
    let late = due(&stage);
    assert_eq!(seen(&late), [3]);
    stage.shipstation().record_push(&late[0], PushOutcome::Answered(200));
    assert_eq!(stage.shipstation().again(&batches[3], 5), 5, "the lost one, five times");
    assert_eq!(seen(&due(&stage)), [4; 5]);
    let books = stage.books().pushes;
    assert_eq!((books.sent, books.delivered, books.lost), (9, 1, 1));
}

#[tokio::test]
async fn what_was_not_answered_with_success_is_sent_again_as_often_as_wanted() {
    let stage = subscribed(
        Options {
            push_retries: 1,
            labels_are_fulfilments: false,
            ..Options::default()
        },
        &["label_created_v2"],
    )
    .await;
    stage.entered("SO-1", &[("W-1", 1)]);
    stage.bought("SO-1");
    let first = due(&stage).remove(0);
    stage.shipstation().record_push(&first, PushOutcome::Answered(503));
    assert!(due(&stage).is_empty());
    stage.advance(60);
    let second = due(&stage).remove(0);
    assert_ne!(
        header(&first, "x-shipengine-timestamp"),
        header(&second, "x-shipengine-timestamp"),
        "it is signed anew"
    );
    stage
        .shipstation()
        .record_push(&second, PushOutcome::Failed("no answer".to_owned()));
    stage.advance(600);
    assert!(due(&stage).is_empty(), "once only");
    assert_eq!((stage.books().pushes.refused, stage.books().pushes.failed), (1, 1));
}

#[tokio::test]
async fn the_courier_carries_them() {
    let received: Arc<Mutex<Vec<(HeaderMap, String)>>> = Arc::default();
    let kept = received.clone();
    let receive = move |headers: HeaderMap, body: String| {
        let kept = kept.clone();
        async move { kept.lock().unwrap().push((headers, body)) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = tokio::spawn(async move {
        let _ = axum::serve(listener, Router::new().route("/", post(receive))).await;
    });
    let stage = Stage::plain().await;
    stage
        .shipstation()
        .subscribe(2, "label_created_v2", &format!("http://{address}/"));
    stage.entered("SO-1", &[("W-1", 1)]);
    stage.bought("SO-1");
    let carrying = tokio::spawn(courier(stage.shipstation().clone(), Duration::from_millis(10)));
    tokio::time::timeout(Duration::from_secs(10), async {
        while stage.books().pushes.delivered == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    carrying.abort();
    receiver.abort();
    let received = received.lock().unwrap();
    assert_eq!(received.len(), 1);
    assert!(received[0].0.contains_key("x-shipengine-rsa-sha256-signature"));
    assert!(received[0].1.contains("LABEL_CREATED_V2"));
}
