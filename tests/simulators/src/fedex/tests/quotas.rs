//! Quotas of transactions, and what goes wrong on the wire.

use serde_json::json;

use super::super::Options;
use super::{SHIP, Stage, TRACK, code, domestic, numbers, read};
use crate::faults::FaultKind;

/// The judge of P61: so many transactions in a window of ten seconds, and the next is refused until the window ends.
#[tokio::test]
async fn a_window_of_ten_seconds_holds_so_many_transactions() {
    let options = Options {
        calls_per_window: 5,
        tells_retry_after: true,
        ..Options::default()
    };
    let stage = Stage::new(options).await;
    stage.advance(7);
    for _ in 0..5 {
        assert_eq!(stage.post(TRACK, &numbers(&["1"])).await.0, 200);
    }
    let refused = stage
        .request(reqwest::Method::POST, TRACK)
        .json(&numbers(&["1"]))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.headers()["retry-after"], "3");
    assert_eq!(refused.status(), 429);
    stage.advance(3);
    for _ in 0..5 {
        assert_eq!(stage.post(TRACK, &numbers(&["1"])).await.0, 200);
    }
    let traffic = &stage.books().traffic["fedex-key"];
    assert_eq!((traffic.calls, traffic.refused), (11, 1));
    assert_eq!((traffic.most_in_10_s, traffic.most_in_a_window), (11, 6));
}

#[tokio::test]
async fn the_standard_window_holds_fourteen_hundred() {
    let options = Options::default();
    assert_eq!(
        (options.calls_per_window, options.track_daily_quota, options.daily_quota),
        (1_400, 100_000, 500_000)
    );
}

#[tokio::test]
async fn a_day_has_its_quota_and_track_its_own() {
    let options = Options {
        daily_quota: 4,
        track_daily_quota: 2,
        ..Options::default()
    };
    let stage = Stage::new(options).await;
    for _ in 0..2 {
        assert_eq!(stage.post(TRACK, &numbers(&["1"])).await.0, 200);
    }
    let (status, answer) = stage.post(TRACK, &numbers(&["1"])).await;
    assert_eq!(status, 429);
    let text = answer["errors"][0]["message"].as_str().unwrap();
    assert!(text.contains("Daily transaction quota exceeded"), "{text}");
    stage.shipped("A").await;
    stage.shipped("B").await;
    assert_eq!(stage.ship(&domestic("C")).await.0, 429);
    // Fourteen hours have passed since midnight; at the next the count begins again.
    stage.advance(10 * 3600);
    let mut stage = stage;
    stage.token = stage.good_token("fedex-key", "fedex-secret").await;
    assert_eq!(stage.post(TRACK, &numbers(&["1"])).await.0, 200);
}

#[tokio::test]
async fn an_answer_can_be_lost_before_or_after_its_effect() {
    let stage = Stage::plain().await;
    let lost = |stage: &Stage| stage.request(reqwest::Method::POST, SHIP).json(&domestic("A")).send();
    stage.fault("ship", FaultKind::DropBefore);
    assert!(lost(&stage).await.is_err());
    assert_eq!(stage.books().unvoided("A").len(), 0);
    stage.fault("ship", FaultKind::DropAfter);
    assert!(lost(&stage).await.is_err());
    assert_eq!(stage.books().unvoided("A").len(), 1);
    stage.fault("ship", FaultKind::Status500After);
    let (status, answer) = stage.ship(&domestic("A")).await;
    assert_eq!((status, code(&answer)), (500, "INTERNAL.SERVER.ERROR"));
    stage.fault("ship", FaultKind::Unreadable);
    let answer = lost(&stage).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(serde_json::from_str::<serde_json::Value>(&answer.text().await.unwrap()).is_err());
    assert_eq!(stage.books().unvoided("A").len(), 3);
    assert_eq!(stage.books().duplicates["A"].len(), 2);
}

#[tokio::test]
async fn gateways_answer_in_html_and_faults_in_the_vendors_form() {
    let stage = Stage::plain().await;
    for (kind, status) in [(FaultKind::Html401, 401), (FaultKind::Html503, 503)] {
        stage.fault("track", kind);
        let answer = stage
            .request(reqwest::Method::POST, TRACK)
            .json(&numbers(&["1"]))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "text/html");
        assert!(answer.text().await.unwrap().starts_with("<html>"));
    }
    for (status, wanted) in [
        (429, "TOO.MANY.REQUESTS.ERROR"),
        (500, "INTERNAL.SERVER.ERROR"),
        (503, "SERVICE.UNAVAILABLE.ERROR"),
    ] {
        let retry_after = (status == 429).then_some(7);
        stage.fault(
            "track",
            FaultKind::Status {
                code: status,
                retry_after,
            },
        );
        let answer = stage
            .request(reqwest::Method::POST, TRACK)
            .json(&numbers(&["1"]))
            .send()
            .await
            .unwrap();
        let told = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(told.as_deref(), retry_after.map(|_| "7"));
        let (found, answer) = read(answer).await;
        assert_eq!((found, code(&answer)), (status, wanted));
        assert!(answer["transactionId"].is_string());
    }
}

#[tokio::test]
async fn an_answer_may_come_compressed_whether_it_says_so_or_not() {
    let stage = Stage::plain().await;
    for told in [true, false] {
        stage.fault("track", FaultKind::Gzip { told });
        let answer = stage
            .request(reqwest::Method::POST, TRACK)
            .json(&numbers(&["1"]))
            .send()
            .await
            .unwrap();
        let bytes = answer.bytes().await.unwrap();
        // The client unpacks what it is told is packed, and leaves the rest.
        assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), !told);
        assert_eq!(bytes.starts_with(b"{"), told);
    }
}

#[tokio::test]
async fn every_answer_has_an_id_and_echoes_the_callers() {
    let stage = Stage::plain().await;
    let mut ids = Vec::new();
    for body in [domestic("A"), json!({})] {
        let request = stage
            .request(reqwest::Method::POST, SHIP)
            .header("x-customer-transaction-id", "job-7");
        let (_, answer) = read(request.json(&body).send().await.unwrap()).await;
        assert_eq!(answer["customerTransactionId"], "job-7", "{answer}");
        ids.push(answer["transactionId"].as_str().unwrap().to_owned());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(stage.books().shipments[0].transaction.as_deref(), Some("job-7"));
    let (_, answer) = stage.post(TRACK, &numbers(&["1"])).await;
    assert!(answer.get("customerTransactionId").is_none(), "{answer}");
}

#[tokio::test]
async fn what_is_not_json_or_not_there_is_refused() {
    let stage = Stage::plain().await;
    let text = stage
        .request(reqwest::Method::POST, SHIP)
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(read(text.send().await.unwrap()).await.0, 400);
    let broken = stage
        .request(reqwest::Method::POST, SHIP)
        .header("content-type", "application/json")
        .body("{");
    assert_eq!(read(broken.send().await.unwrap()).await.0, 400);
    let (status, answer) = stage.post("/ship/v1/packages/results", &json!({})).await;
    assert_eq!((status, code(&answer)), (404, "NOT.FOUND.ERROR"));
}

#[tokio::test]
async fn the_same_exchanges_go_without_sockets() {
    let (fedex, local) = super::super::FedEx::here(Options::default(), crate::server::Base::default());
    let form = "grant_type=client_credentials&client_id=fedex-key&client_secret=fedex-secret";
    let ask = || {
        let request = http::Request::post("/oauth/token").header("content-type", "application/x-www-form-urlencoded");
        request.body(bytes::Bytes::from(form)).unwrap()
    };
    let answer = local.exchange(ask()).await.unwrap();
    assert_eq!(answer.status(), 200);
    fedex
        .base()
        .faults
        .add(crate::faults::Fault::new("token", FaultKind::DropAfter));
    assert!(local.exchange(ask()).await.is_none());
    assert_eq!(fedex.tokens_of("fedex-key").len(), 2);
}
