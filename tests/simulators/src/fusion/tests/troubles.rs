//! Faults on the wire, and the answers that a client must not misread.

use super::*;
use crate::fusion::model::ChangeState;

#[tokio::test]
async fn a_lost_answer_has_had_its_effect() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(1));
    let draft = stage.draft(order).await;
    let url = format!("{draft}/child/DFF");
    stage.fault("write_flexfield", FaultKind::DropBefore);
    let write = || stage.writing(Method::POST, &url, &json!({ "waybillJob": "J1" })).send();
    assert!(write().await.is_err());
    assert!(stage.book(order).changes.is_empty());
    stage.fault("write_flexfield", FaultKind::DropAfter);
    assert!(write().await.is_err());
    assert_eq!(stage.book(order).changes[0].flexfield["waybillJob"], "J1");
    stage.fault("submit", FaultKind::Status500After);
    assert_eq!(stage.action(&draft, "submit").await.0, 500);
    assert_eq!(stage.book(order).changes[0].state, ChangeState::Applied);
}

#[tokio::test]
async fn floods_gateways_and_logins_strike_by_operation() {
    let stage = Stage::plain().await;
    let orders = format!("{ROOT}/purchaseOrders");
    let slow = FaultKind::Status {
        code: 429,
        retry_after: Some(7),
    };
    stage.fault("list_orders", slow);
    let answer = stage.request(Method::GET, &orders).send().await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["Retry-After"].to_str().unwrap()
        ),
        (429, "7")
    );
    stage.fault("list_orders", FaultKind::Html503);
    assert_eq!(stage.get(&orders).await.0, 503);
    stage.fault("list_orders", FaultKind::LoginRedirect);
    assert_eq!(stage.get(&orders).await.0, 302);
    stage.fault("list_orders", FaultKind::Unreadable);
    let (status, body) = stage.get(&orders).await;
    assert!(status == 200 && body.is_string());
    assert_eq!(stage.get(&orders).await.0, 200);
    assert_eq!(stage.fusion.books().requests["list_orders"], 5);
}

#[tokio::test]
async fn errors_are_text_for_old_versions_and_json_for_new_ones() {
    let stage = Stage::plain().await.at_version(Some(3));
    let (status, body) = stage.query("Nonsense = 1").await;
    assert!(status == 400 && body.is_string());
    let stage = stage.at_version(Some(9));
    let (status, body) = stage.query("Nonsense = 1").await;
    assert_eq!((status, &body["title"]), (400, &json!("Bad Request")));
    let stage = stage.at_version(Some(12));
    assert_eq!(stage.query("POHeaderId = 1").await.0, 400);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let stage = Stage::plain().await;
    for path in [
        "/fscmRestApi/resources/11.12.0.0/purchaseOrders",
        "/fscmRestApi/resources/11.13.18.05/nothing",
        "/fscmRestApi/resources/11.13.18.05/locationsV2",
        "/elsewhere",
    ] {
        assert_eq!(stage.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_reset_leaves_who_may_come_in() {
    let stage = Stage::plain().await;
    stage.enter(NewOrder::pumps(1));
    stage.fusion.configure(|options| options.german = true);
    stage.fusion.reset();
    let (status, body) = stage.get(&format!("{ROOT}/purchaseOrders")).await;
    assert_eq!((status, &body["count"]), (200, &json!(0)));
}
