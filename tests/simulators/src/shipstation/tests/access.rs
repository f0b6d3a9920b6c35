//! Keys and limits.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::Options;
use super::{SANDBOX_KEY, Stage, V1_KEY, V1_SECRET, V2_KEY, code, read};
use crate::faults::FaultKind;

#[tokio::test]
async fn each_api_knows_its_own_keys_only() {
    let stage = Stage::plain().await;
    assert_eq!(stage.v2_get("/v2/labels").await.0, 200);
    assert_eq!(stage.v1_get("/orders").await.0, 200);

    let url = |path: &str| format!("{}{path}", stage.running.url);
    let wrong = stage.http.get(url("/v2/labels")).header("API-Key", V1_KEY);
    let (status, answer) = read(wrong.send().await.unwrap()).await;
    assert_eq!((status, code(&answer)), (401, "unauthorized"));
    assert_eq!(answer["request_id"].as_str().unwrap().len(), 36);

    let basic = stage.http.get(url("/v2/labels")).basic_auth(V1_KEY, Some(V1_SECRET));
    assert_eq!(basic.send().await.unwrap().status(), 401);

    for request in [
        stage.http.get(url("/orders")).header("API-Key", V2_KEY),
        stage.http.get(url("/orders")).basic_auth(V2_KEY, Some("")),
        stage.http.get(url("/orders")).basic_auth(V1_KEY, Some("wrong")),
    ] {
        let answer = request.send().await.unwrap();
        assert!(
            answer.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Basic")
        );
        let (status, body) = read(answer).await;
        assert_eq!((status, body), (401, Value::String("401 Unauthorized".to_owned())));
    }
    assert!(
        stage.books().traffic.values().all(|traffic| traffic.calls == 1),
        "strangers are not counted"
    );
}

/// The judge of P49: 200 calls in any 60 seconds, wherever they begin, and when there is room again.
#[tokio::test]
async fn v2_lets_200_calls_in_during_any_minute() {
    let stage = Stage::plain().await;
    for call in 0..200 {
        assert_eq!(stage.v2_get("/v2/labels").await.0, 200, "call {call}");
        if call == 99 {
            stage.advance(30);
        }
    }
    stage.advance(20);
    let refused = stage.v2_request(Method::GET, "/v2/labels").send().await.unwrap();
    assert_eq!(
        refused.headers()["retry-after"],
        "10",
        "the first hundred age in ten seconds"
    );
    assert!(!refused.headers().contains_key("x-rate-limit-limit"));
    let (status, answer) = read(refused).await;
    assert_eq!((status, code(&answer)), (429, "rate_limit_exceeded"));

    stage.advance(10);
    for _ in 0..100 {
        assert_eq!(stage.v2_get("/v2/labels").await.0, 200);
    }
    assert_eq!(
        stage.v2_get("/v2/labels").await.0,
        429,
        "the second hundred is thirty seconds old"
    );
    let books = stage.books();
    let traffic = &books.traffic[V2_KEY];
    assert_eq!(
        (traffic.calls, traffic.refused, traffic.most_let_in_60_s),
        (302, 2, 200)
    );
    assert_eq!(books.most_in_60_s(V2_KEY), 202);
}

#[tokio::test]
async fn the_sandbox_lets_20_in_and_each_key_counts_for_itself() {
    let stage = Stage::plain().await;
    let ask = || {
        let request = stage.http.get(format!("{}/v2/labels", stage.running.url));
        request.header("api-key", SANDBOX_KEY).send()
    };
    for _ in 0..20 {
        assert_eq!(ask().await.unwrap().status(), 200);
    }
    assert_eq!(ask().await.unwrap().headers()["retry-after"], "60");
    assert_eq!(stage.v2_get("/v2/labels").await.0, 200);
}

#[tokio::test]
async fn retry_after_may_be_missing_and_v2_may_tell_its_limits() {
    let stage = Stage::new(Options {
        v2_calls: 1,
        tells_retry_after: false,
        v2_tells_limits: true,
        ..Options::default()
    })
    .await;
    let first = stage.v2_request(Method::GET, "/v2/labels").send().await.unwrap();
    assert_eq!(first.headers()["x-rate-limit-remaining"], "0");
    let second = stage.v2_request(Method::GET, "/v2/labels").send().await.unwrap();
    assert_eq!(second.status(), 429);
    assert!(!second.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn v1_tells_on_every_answer_how_much_is_left() {
    let stage = Stage::plain().await;
    for call in 1..=40_u32 {
        let answer = stage.v1_request(Method::GET, "/orders/1").send().await.unwrap();
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.headers()["x-rate-limit-limit"], "40");
        assert_eq!(
            answer.headers()["x-rate-limit-remaining"],
            (40 - call).to_string().as_str()
        );
    }
    stage.advance(45);
    let refused = stage.v1_request(Method::GET, "/orders/1").send().await.unwrap();
    assert_eq!(refused.headers()["x-rate-limit-reset"], "15");
    assert!(!refused.headers().contains_key("retry-after"));
    assert_eq!(refused.status(), 429);
    stage.advance(15);
    assert_eq!(stage.v1_get("/orders/1").await.0, 404);
}

#[tokio::test]
async fn faults_strike_one_operation_with_or_without_its_effect() {
    let stage = Stage::plain().await;
    stage.entered("SO-1", &[("W-1", 1)]);
    stage.fault(
        "v2_labels",
        FaultKind::Status {
            code: 503,
            retry_after: None,
        },
    );
    assert_eq!(stage.v2_get("/v2/shipments").await.0, 200);
    let (status, answer) = stage.v2_get("/v2/labels").await;
    assert_eq!((status, code(&answer)), (503, "unspecified"));
    stage.fault(
        "v1_orders",
        FaultKind::Status {
            code: 503,
            retry_after: None,
        },
    );
    let (status, answer) = stage.v1_get("/orders").await;
    assert_eq!(status, 503);
    assert!(answer["Message"].is_string(), "a fault takes the form of its API");
    stage.fault("v1_mark_as_shipped", FaultKind::DropAfter);
    let order = stage.books().orders[0].id;
    let body = json!({ "orderId": order, "carrierCode": "ups", "trackingNumber": "1ZX" });
    let lost = stage
        .v1_request(Method::POST, "/orders/markasshipped")
        .json(&body)
        .send()
        .await;
    assert!(lost.is_err());
    assert_eq!(stage.books().fulfilments.len(), 1, "the effect came");
    stage.fault("v2_fulfillments", FaultKind::Unreadable);
    let (status, body) = stage.v2_get("/v2/fulfillments").await;
    assert!(status == 200 && body.get("fulfillments").is_none());
}

#[tokio::test]
async fn a_path_that_is_not_served_is_refused_in_the_form_of_its_api() {
    let stage = Stage::plain().await;
    let (status, answer) = stage.v2_get("/v2/customers").await;
    assert_eq!((status, code(&answer)), (404, "invalid_identifier"));
    let (status, answer) = stage.v1("/customers", &json!({ "name": "Jane" })).await;
    assert_eq!(status, 405, "customers are only read");
    assert!(answer["Message"].is_string());
}
