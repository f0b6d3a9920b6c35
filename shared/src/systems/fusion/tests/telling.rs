//! Problems and deliveries, told by change orders as well.

use std::sync::Arc;

use serde_json::json;

use super::fixture;
use super::writing::{OTHERS, SUBMIT, SUCCESS, UPDATE, in_force, look, script, status};
use crate::domain::*;
use crate::ports::*;
use crate::systems::fusion::Fusion;
use crate::systems::fusion::fixture::{Line, Pod, basic, fusion, once, permit};

fn flagging(lines: Vec<Line>) -> (Arc<Pod>, Fusion, DocumentId) {
    let pod = Pod::new(lines);
    let fusion = fusion(&pod, &basic(), |_| {});
    (pod, fusion, DocumentId::purchase_order("300100555000111"))
}

fn problem(text: &str) -> String {
    OTHERS.replace(
        r#""shipBy": "UPS""#,
        &format!(r#""shipBy": "UPS", "shipProblem": "{text}""#),
    )
}

/// P37: a problem is flagged once, whether it is in force or still waits for approval.
#[tokio::test]
async fn the_same_flag_is_not_written_again() {
    let lines = script(&[
        in_force(OTHERS),
        look("OPEN", OTHERS),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", &problem("no weight")),
        vec![once(SUBMIT, 200, SUCCESS)],
        look("PENDING CHANGE APPROVAL", &problem("no weight")),
    ]);
    let (pod, fusion, document) = flagging(lines);
    fusion.flag(&document, Some("no weight")).await.unwrap();
    fusion.flag(&document, Some("no weight")).await.unwrap();
    let sent = pod.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].body, r#"{"shipProblem":"no weight"}"#);
    let there = problem("no weight");
    let (pod, fusion, document) = flagging(script(&[in_force(&there), look("OPEN", &there)]));
    fusion.flag(&document, Some("no weight")).await.unwrap();
    assert!(pod.sent().is_empty());
    let (pod, fusion, document) = flagging(script(&[in_force(OTHERS), look("INCOMPLETE", OTHERS)]));
    fusion.flag(&document, None).await.unwrap();
    assert!(
        pod.sent().is_empty(),
        "there is nothing to clear, and a buyer is at work"
    );
    let (pod, fusion, document) = flagging(script(&[in_force(OTHERS), look("PENDING CHANGE APPROVAL", &there)]));
    let later = fusion.flag(&document, None).await;
    assert!(
        matches!(later, Err(CallError::Later(_))),
        "what waits would set it again: {later:?}"
    );
    assert!(pod.sent().is_empty());
}

/// P34, P16: what a delivery came to in the end is told; every stage on the way would be a change order.
#[tokio::test]
async fn a_delivery_is_told_as_often_as_the_connection_wants() {
    let told = async |tell: &str, milestone: Milestone, lines: Vec<Line>| {
        let pod = Pod::new(lines);
        let fusion = fusion(&pod, &basic(), |connection| {
            connection.erp.options = json!({ "tell": tell })
        });
        let document = DocumentId::purchase_order("300100555000111");
        fusion.tell(&document, &status(milestone), permit()).await.unwrap();
        pod.sent().iter().map(|sent| sent.body.clone()).collect::<Vec<_>>()
    };
    let change = |words: &str| {
        let after = OTHERS.replace("In transit", words);
        script(&[
            in_force(OTHERS),
            look("OPEN", OTHERS),
            vec![once(UPDATE, 200, "{}")],
            look("INCOMPLETE", &after),
            vec![once(SUBMIT, 200, SUCCESS)],
        ])
    };
    let none: [String; 0] = [];
    assert_eq!(told("end", Milestone::InTransit, in_force(OTHERS)).await, none);
    let delivered = OTHERS.replace("In transit", "Delivered");
    let again = script(&[
        in_force(&delivered),
        look("OPEN", &delivered),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", OTHERS),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]);
    let bodies = told("end", Milestone::InTransit, again).await;
    assert_eq!(bodies[0], r#"{"shipStatus":"In transit"}"#, "a second shipment travels");
    assert_eq!(told("never", Milestone::Delivered, Vec::new()).await, none);
    let bodies = told("end", Milestone::Delivered, change("Delivered")).await;
    assert_eq!(bodies, [r#"{"shipStatus":"Delivered"}"#, "{}"]);
    let bodies = told("every", Milestone::OutForDelivery, change("Out for delivery")).await;
    assert_eq!(bodies[0], r#"{"shipStatus":"Out for delivery"}"#);
    let same = script(&[in_force(OTHERS), look("OPEN", OTHERS)]);
    assert_eq!(told("every", Milestone::InTransit, same).await, none);
}

#[tokio::test]
async fn what_cannot_be_told_says_what_to_look_at() {
    let lines = script(&[
        in_force(OTHERS),
        look("OPEN", OTHERS),
        vec![once(UPDATE, 400, fixture!("errors/segment.json"))],
    ]);
    let (pod, fusion, document) = flagging(lines);
    let told = fusion.tell(&document, &status(Milestone::Delivered), permit()).await;
    let Err(EffectError::Rejected(refusal)) = told else {
        panic!("{told:?}")
    };
    assert!(refusal.message.contains("connection check"), "{refusal}");
    pod.seen();
}

#[tokio::test]
async fn a_draft_of_another_system_is_not_sent() {
    let (pod, fusion, _) = flagging(Vec::new());
    let draft = Draft {
        operation: "netsuite.transform".to_owned(),
        body: json!({"transform": null}),
    };
    let result = fusion.write_back(&draft, permit()).await;
    assert!(matches!(result, Err(EffectError::Rejected(_))), "{result:?}");
    assert!(pod.asked().is_empty());
    assert_eq!(fusion.made(&[]).await, Ok(None));
    assert_eq!(fusion.lost_request_window(), Some(std::time::Duration::from_secs(900)));
}

/// A flag whose submission was lost is ours: it is brought to what is wanted now, or deleted where nothing is wanted.
#[tokio::test]
async fn a_leftover_flag_is_mended_or_deleted() {
    let old = problem("no weight");
    let delete = "POST pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009/action/deleteChangeOrder?";
    let (pod, fusion, document) = flagging(script(&[
        in_force(OTHERS),
        look("INCOMPLETE", &old),
        look("INCOMPLETE", &old),
        vec![once(delete, 200, SUCCESS)],
    ]));
    fusion.flag(&document, None).await.unwrap();
    assert_eq!(pod.sent().len(), 1);
    let (pod, fusion, document) = flagging(script(&[
        in_force(OTHERS),
        look("INCOMPLETE", &old),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", &problem("bad address")),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]));
    fusion.flag(&document, Some("bad address")).await.unwrap();
    assert_eq!(pod.sent()[0].body, r#"{"shipProblem":"bad address"}"#);
    let after = OTHERS.replace("In transit", "Delivered");
    let (pod, fusion, document) = flagging(script(&[
        in_force(OTHERS),
        look("INCOMPLETE", &old),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", &after),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]));
    fusion
        .tell(&document, &status(Milestone::Delivered), permit())
        .await
        .unwrap();
    let body: serde_json::Value = serde_json::from_str(&pod.sent()[0].body).unwrap();
    assert_eq!(
        body,
        json!({"shipStatus": "Delivered", "shipProblem": null}),
        "an old problem does not come into force"
    );
}
