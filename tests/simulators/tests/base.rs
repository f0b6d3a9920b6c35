//! The common base on real connections, with a simulator that only counts.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::routing::post;
use axum::{Extension, Json, Router};
use http::Method;
use serde_json::{Value, json};
use simulators::faults::{Fault, FaultKind, When};
use simulators::server::{Base, Serving, Simulator, StaleBy, serve};

#[derive(Default)]
struct Counter {
    effects: AtomicU32,
    expiries: AtomicU32,
}

impl Simulator for Counter {
    fn operation(&self, method: &Method, path: &str) -> &'static str {
        if method == Method::POST && path == "/count" {
            "count"
        } else {
            "unknown"
        }
    }

    fn error_body(&self, status: u16) -> Value {
        json!({ "error": status })
    }

    fn expire_tokens(&self) {
        self.expiries.fetch_add(1, Ordering::SeqCst);
    }

    fn books(&self) -> Value {
        json!({ "effects": self.effects.load(Ordering::SeqCst), "expiries": self.expiries.load(Ordering::SeqCst) })
    }

    fn reset(&self) {
        self.effects.store(0, Ordering::SeqCst);
    }
}

struct Stage {
    counter: Arc<Counter>,
    base: Base,
    serving: Serving,
    client: reqwest::Client,
}

impl Stage {
    async fn open() -> Self {
        let counter = Arc::new(Counter::default());
        let counted = counter.clone();
        let count = async move |stale: Option<Extension<StaleBy>>| {
            let effects = counted.effects.fetch_add(1, Ordering::SeqCst) + 1;
            Json(json!({ "effects": effects, "stale_s": stale.map(|Extension(by)| by.0.as_secs()) }))
        };
        let base = Base::default();
        let routes = Router::new().route("/count", post(count));
        let serving = serve(counter.clone(), routes, base.clone(), 0).await.unwrap();
        Self {
            counter,
            base,
            serving,
            client: reqwest::Client::new(),
        }
    }

    async fn count(&self) -> reqwest::Result<reqwest::Response> {
        self.client
            .post(format!("{}/count", self.serving.url()))
            .body("SO-1")
            .send()
            .await
    }

    fn effects(&self) -> u32 {
        self.counter.effects.load(Ordering::SeqCst)
    }

    fn plan(&self, kind: FaultKind) {
        self.base
            .faults
            .replace(vec![Fault::new("count", kind).when(When::nth([1]))]);
    }
}

#[tokio::test]
async fn a_connection_dropped_before_has_no_effect_and_one_dropped_after_has() {
    let stage = Stage::open().await;
    stage.plan(FaultKind::DropBefore);
    assert!(stage.count().await.is_err());
    assert_eq!(stage.effects(), 0);

    stage.plan(FaultKind::DropAfter);
    assert!(stage.count().await.is_err());
    assert_eq!(stage.effects(), 1);

    assert_eq!(stage.count().await.unwrap().status(), 200);
    let statuses: Vec<_> = stage
        .base
        .requests
        .latest(Some("count"))
        .iter()
        .map(|r| r.status)
        .collect();
    assert_eq!(statuses, [None, None, Some(200)]);
}

#[tokio::test]
async fn a_refusal_carries_the_vendors_error_and_retry_after() {
    let stage = Stage::open().await;
    stage.plan(FaultKind::Status {
        code: 429,
        retry_after: Some(3),
    });
    let answer = stage.count().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "error": 429 }));

    stage.plan(FaultKind::Html503);
    let answer = stage.count().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().starts_with("<html>"));
    assert_eq!(stage.effects(), 0);
}

#[tokio::test]
async fn a_spoilt_answer_still_had_its_effect() {
    let stage = Stage::open().await;
    stage.plan(FaultKind::Status500After);
    assert_eq!(stage.count().await.unwrap().status(), 500);
    stage.plan(FaultKind::Unreadable);
    let answer = stage.count().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.json::<Value>().await.is_err());
    assert_eq!(stage.effects(), 2);
}

#[tokio::test]
async fn a_delayed_effect_comes_after_the_caller_has_left() {
    let stage = Stage::open().await;
    stage.plan(FaultKind::Delay { ms: 60 });
    let impatient = stage
        .client
        .post(format!("{}/count", stage.serving.url()))
        .timeout(Duration::from_millis(15));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(stage.effects(), 0);
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(stage.effects(), 1);
}

#[tokio::test]
async fn look_ups_can_be_stale_and_tokens_expire() {
    let stage = Stage::open().await;
    stage.plan(FaultKind::StaleLookup { seconds: 30 });
    assert_eq!(
        stage.count().await.unwrap().json::<Value>().await.unwrap()["stale_s"],
        30
    );
    stage.plan(FaultKind::ExpireTokens);
    assert_eq!(
        stage.count().await.unwrap().json::<Value>().await.unwrap()["stale_s"],
        Value::Null
    );
    assert_eq!(stage.counter.books(), json!({ "effects": 2, "expiries": 1 }));
}

#[tokio::test]
async fn the_log_knows_how_many_ran_at_once() {
    let stage = Stage::open().await;
    stage.base.faults.add(Fault::new("*", FaultKind::Delay { ms: 40 }));
    let answers = tokio::join!(stage.count(), stage.count(), stage.count());
    assert!(answers.0.is_ok() && answers.1.is_ok() && answers.2.is_ok());
    assert_eq!(stage.base.requests.counts().peak_concurrency, 3);
    assert_eq!(stage.base.requests.count("count"), 3);
}

#[tokio::test]
async fn control_routes_turn_the_clock_plan_faults_and_show_the_books() {
    let stage = Stage::open().await;
    let control = |path: &str| format!("{}/_control/{path}", stage.serving.url());
    let turn = json!({ "freeze": true, "set": "2026-07-21T12:00:00Z", "advance_s": 60 });
    let face: Value = stage
        .client
        .post(control("clock"))
        .json(&turn)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(face, json!({ "now": "2026-07-21T12:01:00Z", "frozen": true }));

    let plan = json!({ "faults": [{ "operation": "*", "kind": "drop_after" }] });
    assert_eq!(
        stage
            .client
            .post(control("faults"))
            .json(&plan)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert!(stage.count().await.is_err());

    let books: Value = stage
        .client
        .get(control("books"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(books["effects"], 1);
    let seen: Value = stage
        .client
        .get(control("requests?op=count&bodies=true"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(seen["requests"][0]["body"], "SO-1");
    assert_eq!(seen["requests"][0]["at"], "2026-07-21T12:01:00Z");

    assert_eq!(stage.client.post(control("reset")).send().await.unwrap().status(), 200);
    assert_eq!(stage.count().await.unwrap().status(), 200);
    assert_eq!(stage.base.requests.count("count"), 1);
}

#[tokio::test]
async fn a_stopped_server_lets_the_running_request_finish_and_frees_its_port() {
    let stage = Stage::open().await;
    let address = stage.serving.address();
    stage.plan(FaultKind::Delay { ms: 50 });
    let url = format!("{}/count", stage.serving.url());
    let running = tokio::spawn(stage.client.post(url).send());
    tokio::time::sleep(Duration::from_millis(20)).await;
    stage.serving.stop().await;
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    assert!(tokio::net::TcpListener::bind(address).await.is_ok());
}
