//! Pushes: signed, and sometimes lost, doubled, late or overtaken.

use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::routing::post;
use data_encoding::BASE64;
use http::HeaderMap;
use serde_json::{Value, json};

use super::super::{EventKind, Options, Push, PushOutcome, Webhook, courier};
use super::{ACCOUNT, Stage};

const SECRET: &str = "Waybill0Waybill0Waybill0Waybill0";

fn webhook(accounts: &[&str]) -> Webhook {
    Webhook {
        url: "https://waybill.example.com/hooks/fedex".to_owned(),
        security_token: SECRET.to_owned(),
        accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
    }
}

async fn registered(options: Options) -> Stage {
    let stage = Stage::new(options).await;
    stage.fedex().register_webhook(webhook(&[ACCOUNT])).unwrap();
    stage
}

fn codes(pushes: &[Push]) -> Vec<&str> {
    pushes.iter().map(|push| push.attempt_of.code.as_str()).collect()
}

/// Ships a box and takes it to its door, a minute from step to step.
async fn travelled(stage: &Stage) -> String {
    let number = stage.shipped("SO-7").await;
    for step in [EventKind::PickedUp, EventKind::Arrived, EventKind::Delivered] {
        stage.advance(60);
        assert!(stage.fedex().happen(&number, &[step]));
    }
    number
}

/// The judge of P65: the signature is the Base64 of an HMAC over the body as it is sent.
#[tokio::test]
async fn each_event_is_pushed_with_its_signature() {
    let stage = registered(Options::default()).await;
    let number = travelled(&stage).await;
    let pushes = stage.fedex().due_pushes();
    assert_eq!(codes(&pushes), ["OC", "PU", "AR", "DL"]);
    assert!(stage.fedex().due_pushes().is_empty(), "each is sent once");
    for push in &pushes {
        let told = push.headers.iter().find(|(name, _)| name == "fdx-signature").unwrap();
        let signature = BASE64.decode(told.1.as_bytes()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        hmac::verify(&key, push.body.as_bytes(), &signature).unwrap();
        assert!(hmac::verify(&key, format!("{} ", push.body).as_bytes(), &signature).is_err());
        let body: Value = serde_json::from_str(&push.body).unwrap();
        let result = &body["output"]["completeTrackResults"][0]["trackResults"][0];
        assert_eq!(result["trackingNumberInfo"]["trackingNumber"], number);
        assert_eq!(result["latestStatusDetail"]["code"], push.attempt_of.code);
    }
}

#[tokio::test]
async fn a_known_signature_comes_out() {
    // Computed apart from this code: printf 'hello' | openssl dgst -sha256 -hmac Waybill0Waybill0Waybill0Waybill0
    // -binary | base64
    let signature = super::super::push::signature(SECRET, b"hello");
    assert_eq!(signature, "sVLor5pY+LXitCkh7ywt9LVM1Sk676qg3yVXYC3yJ74=");
}

#[tokio::test]
async fn a_push_may_be_bare() {
    let stage = registered(Options {
        push_bare: true,
        ..Options::default()
    })
    .await;
    let number = stage.shipped("SO-7").await;
    let body: Value = serde_json::from_str(&stage.fedex().due_pushes()[0].body).unwrap();
    assert_eq!(body["trackingNumberInfo"]["trackingNumber"], number);
    assert!(body.get("output").is_none());
}

#[tokio::test]
async fn pushes_are_lost_doubled_and_overtaken() {
    let stage = registered(Options {
        push_lose_every: Some(4),
        push_twice_every: Some(2),
        push_late_every: Some(3),
        push_late_s: 600,
        push_delay_s: 5,
        ..Options::default()
    })
    .await;
    travelled(&stage).await;
    assert_eq!(
        codes(&stage.fedex().due_pushes()),
        ["OC", "PU", "PU"],
        "the last event is five seconds away"
    );
    stage.advance(5);
    assert!(stage.fedex().due_pushes().is_empty(), "the fourth is lost");
    assert_eq!(stage.books().pushes.lost, 1);
    stage.advance(600);
    let late = stage.fedex().due_pushes();
    assert_eq!(codes(&late), ["AR"], "the third comes after the fourth");
    stage.fedex().record_push(&late[0], PushOutcome::Answered(200));
    let books = stage.books().pushes;
    assert_eq!((books.sent, books.delivered, books.latest.len()), (4, 1, 2));
}

#[tokio::test]
async fn only_the_accounts_of_a_webhook_are_told_of() {
    let stage = Stage::plain().await;
    stage.shipped("A").await;
    stage.fedex().register_webhook(webhook(&["222222222"])).unwrap();
    stage.shipped("B").await;
    assert!(stage.fedex().due_pushes().is_empty());
    assert_eq!(stage.books().pushes.lost, 0, "nothing was to be told");
    stage.fedex().register_webhook(webhook(&[])).unwrap();
    stage.shipped("C").await;
    assert_eq!(stage.fedex().due_pushes().len(), 1, "what was before is never told");
}

#[tokio::test]
async fn the_portal_is_particular() {
    let stage = Stage::plain().await;
    let register = |webhook: Webhook| stage.fedex().register_webhook(webhook).is_ok();
    let with_token = |token: &str| Webhook {
        security_token: token.to_owned(),
        ..webhook(&[])
    };
    let with_url = |url: &str| Webhook {
        url: url.to_owned(),
        ..webhook(&[])
    };
    assert!(!register(with_token("Short0")));
    assert!(!register(with_token(&"waybill0".repeat(4))));
    assert!(!register(with_token(&"WAYBILL0".repeat(4))));
    assert!(!register(with_token(&"Waybills".repeat(4))));
    assert!(!register(with_url("http://waybill.example.com/hooks")));
    assert!(!register(with_url(&format!(
        "https://waybill.example.com/{}",
        "x".repeat(200)
    ))));
    assert!(register(webhook(&["111111111", "222222222"])));
    let second = Webhook {
        url: "https://other.example.com/".to_owned(),
        ..webhook(&["222222222"])
    };
    assert!(!register(second), "an account is told of in one place");
    let control = format!("{}/_control/webhook", stage.running.url);
    let body = json!({ "url": "https://third.example.com/", "security_token": SECRET, "accounts": ["333333333"] });
    assert_eq!(
        stage.http.post(&control).json(&body).send().await.unwrap().status(),
        200
    );
    let taken = json!({ "url": "https://fourth.example.com/", "security_token": SECRET, "accounts": ["333333333"] });
    assert_eq!(
        stage.http.post(&control).json(&taken).send().await.unwrap().status(),
        409
    );
}

#[tokio::test]
async fn the_courier_carries_pushes_and_notes_how_they_ended() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let hear = post(async move |headers: HeaderMap, body: String| {
        let signature = headers["fdx-signature"].to_str().unwrap().to_owned();
        told.send((signature, body)).unwrap();
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().route("/hook", hear)).into_future());
    let stage = Stage::plain().await;
    let local = Webhook { url, ..webhook(&[]) };
    stage.fedex().register_webhook(local).unwrap();
    stage.shipped("SO-7").await;
    let carrying = tokio::spawn(courier(stage.fedex().clone(), Duration::from_millis(10)));
    let (signature, body) = tokio::time::timeout(Duration::from_secs(5), heard.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(signature, super::super::push::signature(SECRET, body.as_bytes()));
    let noted = async {
        while stage.books().pushes.delivered == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), noted).await.unwrap();
    carrying.abort();
}
