//! Change orders: made, submitted, deleted when refused, and a buyer's left alone.

use rust_decimal::dec;
use serde_json::{Value, json};

use super::{fixture, whole_pod};
use crate::connection::Connection;
use crate::domain::*;
use crate::ports::*;
use crate::systems::fusion::fixture::{Line, Pod, Seen, always, basic, connection, fusion, once, permit};

const ORDER: &str =
    "GET pod.test/fscmRestApi/resources/11.13.18.05/purchaseOrders?q=POHeaderId = 300100555000111&limit=25";
const FLEX: &str = "/purchaseOrders/00020000000EACED00051/child/DFF?";
pub(super) const DRAFT: &str = "/draftPurchaseOrders?q=POHeaderId = 300100555000111&limit=25";
pub(super) const DRAFT_FLEX: &str =
    "GET pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009/child/DFF?";
const MAKE: &str =
    "POST pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009/child/DFF?";
pub(super) const UPDATE: &str = "PATCH pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009/child/DFF/00040000000EACED0007?";
pub(super) const SUBMIT: &str =
    "POST pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009/action/submit?";
pub(super) const DELETE: &str = "POST pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009/action/deleteChangeOrder?";
pub(super) const SUCCESS: &str = r#"{"result": "SUCCESS"}"#;

fn shipment() -> Shipment {
    Shipment {
        id: CarrierShipmentId::new("1Z0002"),
        parcels: vec![ShippedParcel {
            tracking_number: "1Z0002".to_owned(),
        }],
        service: Some("UPS Ground".to_owned()),
        cost: Some(Money::new(dec!(12.34), "USD")),
        remarks: Vec::new(),
    }
}

async fn order() -> Order {
    let pod = Pod::new(whole_pod());
    let document = DocumentId::purchase_order("300100555000111");
    fusion(&pod, &basic(), |_| {})
        .read(&[document])
        .await
        .unwrap()
        .remove(0)
}

/// Does something with the write-back of three pieces to the first place.
async fn with_write_back<T>(act: impl AsyncFnOnce(WriteBack<'_>) -> T) -> T {
    let order = order().await;
    let quantities = Quantities::from([(LineId::new("300100555000301"), dec!(3))]);
    let consignment = Consignment::of(&order, &quantities, &Quantities::new()).unwrap();
    let (shipment, job) = (shipment(), JobId::of(&connection().id, &order.document, 1));
    act(WriteBack {
        job: &job,
        order: &order,
        consignment: &consignment,
        shipment: &shipment,
        quote: None,
        labels: &[],
        label_link: None,
    })
    .await
}

pub(super) async fn found(lines: Vec<Line>, change: impl FnOnce(&mut Connection)) -> Result<Written, CallError> {
    let pod = Pod::new(lines);
    let fusion = fusion(&pod, &basic(), change);
    let found = with_write_back(async |write_back| fusion.find(&write_back).await).await;
    assert!(pod.sent().is_empty());
    found
}

pub(super) async fn written(
    lines: Vec<Line>,
    change: impl FnOnce(&mut Connection),
) -> (Result<WriteBackRef, EffectError>, Vec<Seen>) {
    let pod = Pod::new(lines);
    let fusion = fusion(&pod, &basic(), change);
    let draft = with_write_back(async |write_back| fusion.draft(&write_back, &Written::Nothing))
        .await
        .unwrap();
    let result = fusion.write_back(&draft, permit()).await;
    (result, pod.sent())
}

/// The order in force, of which the flexfield says this.
pub(super) fn in_force(flex: &str) -> Vec<Line> {
    vec![always(ORDER, fixture!("orders/order.json")), always(FLEX, flex)]
}

/// A look at the draft, in this status, of which the flexfield says this.
pub(super) fn look(status: &str, flex: &str) -> Vec<Line> {
    vec![once(DRAFT, 200, draft(status)), once(DRAFT_FLEX, 200, flex)]
}

/// The order as a draft in this status.
pub(super) fn draft(status: &str) -> String {
    let order = fixture!("orders/order.json").replace(
        "purchaseOrders/00020000000EACED00051",
        "draftPurchaseOrders/00030000000EACED0009",
    );
    let order = order.replace("ACED0005737200136A", "ACED0009");
    order.replacen(r#""StatusCode": "OPEN""#, &format!(r#""StatusCode": "{status}""#), 1)
}

pub(super) fn script(parts: &[Vec<Line>]) -> Vec<Line> {
    parts.iter().flatten().cloned().collect()
}

const EMPTY: &str = fixture!("flexfields/empty.json");
pub(super) const OTHERS: &str = fixture!("flexfields/shipped.json");

pub(super) fn ours() -> String {
    OTHERS.replace("1Z0001", "1Z0001, 1Z0002")
}

pub(super) fn plain(_: &mut Connection) {}

/// P33: the number is written into the flexfield with the order's state, in one change order, and that is submitted.
#[tokio::test]
async fn a_write_back_makes_one_change_order_and_submits_it() {
    let lines = script(&[
        in_force(EMPTY),
        look("OPEN", EMPTY),
        vec![once(MAKE, 201, "{}")],
        look("INCOMPLETE", &ours()),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]);
    let (result, sent) = written(lines, plain).await;
    assert_eq!(result.unwrap().place, "flexfields of the order");
    let [write, submit] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(write.header("if-match"), "\"ACED0009\"");
    assert_eq!(
        write.header("content-type"),
        "application/vnd.oracle.adf.resourceitem+json"
    );
    let body: Value = serde_json::from_str(&write.body).unwrap();
    assert_eq!(body, json!({"trackingNumber": "1Z0002", "shipStatus": "Label created"}));
    assert_eq!(submit.header("content-type"), "application/vnd.oracle.adf.action+json");
    assert_eq!(submit.body, "{}");
}

/// P25: what other units wrote is kept, and a status that tells more is too.
#[tokio::test]
async fn other_numbers_are_kept() {
    let lines = script(&[
        in_force(OTHERS),
        look("OPEN", OTHERS),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", &ours()),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]);
    let (result, sent) = written(lines, |connection| {
        connection.erp.options = json!({"change_order": {"bypass_approval": true}});
    })
    .await;
    result.unwrap();
    assert_eq!(sent[0].header("if-match"), "\"ACED0007\"");
    assert_eq!(sent[0].body, r#"{"trackingNumber":"1Z0001, 1Z0002"}"#);
    assert_eq!(sent[1].body, r#"{"bypassApprovalsFlag":"true"}"#);
}

#[tokio::test]
async fn somebody_elses_change_meanwhile_is_read_and_kept() {
    let lines = script(&[
        in_force(EMPTY),
        look("OPEN", EMPTY),
        vec![once(MAKE, 412, "")],
        look("OPEN", OTHERS),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", &ours()),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]);
    let (result, sent) = written(lines, plain).await;
    result.unwrap();
    assert_eq!(sent[1].body, r#"{"trackingNumber":"1Z0001, 1Z0002"}"#);
    let twice = script(&[
        in_force(EMPTY),
        look("OPEN", EMPTY),
        vec![once(MAKE, 412, "")],
        look("OPEN", EMPTY),
        vec![once(MAKE, 412, "")],
    ]);
    let (result, _) = written(twice, plain).await;
    assert!(matches!(result, Err(EffectError::NotSent(_))), "{result:?}");
}

/// A buyer's own change order is waited for: nothing of it is submitted, and nothing is deleted.
#[tokio::test]
async fn a_buyers_change_order_is_left_alone() {
    for status in ["INCOMPLETE", "PENDING CHANGE APPROVAL"] {
        let lines = script(&[in_force(EMPTY), look(status, EMPTY)]);
        let (result, sent) = written(lines, plain).await;
        let Err(EffectError::NotSent(later)) = result else {
            panic!("{result:?}")
        };
        assert!(
            later.reason.contains("change order") && later.after.is_some(),
            "{later}"
        );
        assert!(sent.is_empty());
    }
    let lines = script(&[
        in_force(EMPTY),
        look("OPEN", EMPTY),
        vec![once(MAKE, 412, "")],
        look("INCOMPLETE", EMPTY),
    ]);
    let (result, sent) = written(lines, plain).await;
    assert!(matches!(result, Err(EffectError::NotSent(_))), "{result:?}");
    assert_eq!(sent.len(), 1);
}

#[tokio::test]
async fn a_change_order_that_is_refused_is_deleted() {
    for (status, answer) in [
        (400, fixture!("errors/segment.json")),
        (200, r#"{"result": "The order has errors."}"#),
    ] {
        let lines = script(&[
            in_force(EMPTY),
            look("OPEN", EMPTY),
            vec![once(MAKE, 201, "{}")],
            look("INCOMPLETE", &ours()),
            vec![once(SUBMIT, status, answer)],
            look("INCOMPLETE", &ours()),
            vec![once(DELETE, 200, SUCCESS)],
        ]);
        let (result, _) = written(lines, plain).await;
        assert!(matches!(result, Err(EffectError::Rejected(_))), "{result:?}");
    }
    let lines = script(&[
        in_force(EMPTY),
        look("OPEN", EMPTY),
        vec![once(MAKE, 201, "{}")],
        look("INCOMPLETE", &ours()),
        look("INCOMPLETE", &ours()),
        vec![
            once(SUBMIT, 400, fixture!("errors/segment.json")),
            once(DELETE, 503, "down"),
        ],
    ]);
    let (result, _) = written(lines, plain).await;
    let Err(EffectError::Unknown(words)) = result else {
        panic!("{result:?}")
    };
    assert!(words.contains("27520") && words.contains("still stands"), "{words}");
    let lines = script(&[
        in_force(EMPTY),
        look("OPEN", EMPTY),
        vec![once(MAKE, 400, fixture!("errors/segment.json"))],
    ]);
    let (result, sent) = written(lines, plain).await;
    assert!(
        matches!(result, Err(EffectError::Rejected(_))),
        "nothing was made: {result:?}"
    );
    assert_eq!(sent.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_after_the_first_write_nothing_is_not_sent() {
    let first = |status| script(&[in_force(EMPTY), look("OPEN", EMPTY), vec![once(MAKE, status, "")]]);
    for (status, unknown) in [(0, true), (503, true), (1, false), (302, false), (429, false)] {
        let (result, _) = written(first(status), plain).await;
        match result {
            Err(EffectError::Unknown(_)) => assert!(unknown, "{status}"),
            Err(EffectError::NotSent(_)) => assert!(!unknown, "{status}"),
            other => panic!("{status}: {other:?}"),
        }
    }
    for status in [0, 1, 302, 429, 503] {
        let lines = script(&[
            in_force(EMPTY),
            look("OPEN", EMPTY),
            vec![once(MAKE, 201, "{}")],
            look("INCOMPLETE", &ours()),
            vec![once(SUBMIT, status, "")],
        ]);
        let (result, _) = written(lines, plain).await;
        assert!(matches!(result, Err(EffectError::Unknown(_))), "{status}: {result:?}");
    }
    let unread = vec![once(ORDER, 503, "down")];
    let (result, sent) = written(unread, plain).await;
    assert!(matches!(result, Err(EffectError::NotSent(_))), "{result:?}");
    assert!(sent.is_empty());
}

/// P15, P20: what stands there is found, wherever it has come to, and is not written again.
#[tokio::test]
async fn a_write_back_is_found_wherever_it_has_come_to() {
    let place = |written: Written| match written {
        Written::Whole(there) => format!("whole: {}", there.place),
        Written::Partly(there) => format!("partly: {}", there.place),
        Written::Nothing => "nothing".to_owned(),
        other => format!("{other:?}"),
    };
    let look_at = async |lines| place(found(lines, plain).await.unwrap());
    let there = script(&[in_force(&ours()), look("OPEN", &ours())]);
    assert_eq!(look_at(there).await, "whole: flexfields of the order");
    let waiting = script(&[in_force(EMPTY), look("PENDING CHANGE APPROVAL", &ours())]);
    assert_eq!(look_at(waiting).await, "whole: change order waiting for approval");
    let begun = script(&[in_force(OTHERS), look("INCOMPLETE", &ours())]);
    assert_eq!(look_at(begun).await, "partly: a change order that is not submitted");
    assert_eq!(
        look_at(script(&[in_force(OTHERS), look("OPEN", OTHERS)])).await,
        "nothing"
    );
    assert_eq!(
        look_at(script(&[in_force(EMPTY), look("INCOMPLETE", EMPTY)])).await,
        "nothing"
    );
    let gone = found(vec![once(ORDER, 200, EMPTY)], plain).await;
    assert!(matches!(gone, Err(CallError::Refused(_))), "{gone:?}");
}

#[tokio::test]
async fn a_change_order_of_ours_needs_only_to_be_submitted() {
    let lines = script(&[
        in_force(OTHERS),
        look("INCOMPLETE", &ours()),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]);
    let (result, sent) = written(lines, plain).await;
    result.unwrap();
    assert_eq!(sent.len(), 1);
    let lines = script(&[
        in_force(OTHERS),
        look("INCOMPLETE", &ours()),
        look("INCOMPLETE", &ours()),
        look("INCOMPLETE", &ours()),
        vec![
            once(SUBMIT, 400, fixture!("errors/segment.json")),
            once(DELETE, 200, SUCCESS),
        ],
    ]);
    let (result, _) = written(lines, plain).await;
    assert!(matches!(result, Err(EffectError::Rejected(_))), "{result:?}");
    let there = script(&[in_force(&ours()), look("OPEN", &ours())]);
    let (result, sent) = written(there, plain).await;
    result.unwrap();
    assert!(sent.is_empty(), "it is in force already");
}

#[tokio::test]
async fn a_pod_that_lists_no_draft_is_reached_by_the_orders_id() {
    let by_id = "/draftPurchaseOrders/300100555000111";
    let shown = OTHERS.replace(r#", "shipBy": "UPS""#, "").replace("1Z0001", "1Z0002");
    let lines = script(&[
        in_force(EMPTY),
        vec![
            once(DRAFT, 200, EMPTY),
            once(
                &format!("POST pod.test/fscmRestApi/resources/11.13.18.05{by_id}/child/DFF?"),
                201,
                "{}",
            ),
        ],
        look("INCOMPLETE", &shown),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]);
    let (result, sent) = written(lines, plain).await;
    result.unwrap();
    assert_eq!(sent[0].header("if-match"), "");
}

/// P33: a note instead of a flexfield.
#[tokio::test]
async fn a_note_tells_it_in_a_sentence_beside_what_people_wrote() {
    let noted = |connection: &mut Connection| {
        connection.write_back.fields = Default::default();
        connection.write_back.note = Some("NoteToReceiver".to_owned());
    };
    let note = |text: &str| {
        let draft = draft("OPEN");
        draft.replace(r#""NoteToReceiver": null"#, &format!(r#""NoteToReceiver": "{text}""#))
    };
    let told = note("Ring twice.\\nShipped, tracking 1Z0002.").replacen("\"OPEN\"", "\"INCOMPLETE\"", 1);
    let lines = vec![
        always(ORDER, fixture!("orders/order.json")),
        once(DRAFT, 200, note("Ring twice.")),
        once(
            "PATCH pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009?",
            200,
            "{}",
        ),
        once(DRAFT, 200, told),
        once(SUBMIT, 200, SUCCESS),
    ];
    let (result, sent) = written(lines, noted).await;
    assert_eq!(result.unwrap().place, "a note of the order");
    let body: Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!(
        body,
        json!({"NoteToReceiver": "Ring twice.\nShipped by UPS Ground, tracking 1Z0002, for 12.34 USD."})
    );
}

#[tokio::test]
async fn our_own_store_alone_writes_nothing() {
    let nothing = |connection: &mut Connection| {
        connection.write_back =
            serde_json::from_value(json!({"fulfilment": false, "store_only": true, "fields": {}})).unwrap();
    };
    let seen = found(Vec::new(), nothing).await.unwrap();
    assert!(matches!(seen, Written::Whole(there) if there.place == "our own store"));
    let pod = Pod::new(Vec::new());
    let fusion = fusion(&pod, &basic(), nothing);
    let document = DocumentId::purchase_order("300100555000111");
    fusion.flag(&document, Some("no weight")).await.unwrap();
    fusion
        .tell(&document, &status(Milestone::Delivered), permit())
        .await
        .unwrap();
    assert!(pod.asked().is_empty());
}

/// P33: at the level of schedules the same value stands at each schedule of the shipment, in one change order.
#[tokio::test]
async fn every_schedule_of_the_shipment_carries_the_number_in_one_change_order() {
    let below = "/child/lines/00020000000EACED00052/child/schedules/00020000000EACED00053/child/DFF";
    let expanded = "/draftPurchaseOrders?q=POHeaderId = 300100555000111&limit=25&expand=lines.schedules";
    let shown = OTHERS.replace("1Z0001", "1Z0002");
    let lines = vec![
        always(ORDER, fixture!("orders/order.json")),
        always(&format!("/purchaseOrders/00020000000EACED00051{below}?"), EMPTY),
        once(expanded, 200, draft("OPEN")),
        once(
            &format!("GET pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009{below}?"),
            200,
            EMPTY,
        ),
        once(
            &format!(
                "POST pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009{below}?"
            ),
            201,
            "{}",
        ),
        once(expanded, 200, draft("INCOMPLETE")),
        once(
            &format!("GET pod.test/fscmRestApi/resources/11.13.18.05/draftPurchaseOrders/00030000000EACED0009{below}?"),
            200,
            shown,
        ),
        once(SUBMIT, 200, SUCCESS),
    ];
    let (result, sent) = written(lines, |connection| {
        connection.erp.options = json!({"flex_level": "schedule", "flex_context": "SHIPPING"});
    })
    .await;
    result.unwrap();
    let body: Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!(
        body,
        json!({"trackingNumber": "1Z0002", "shipStatus": "Label created", "__FLEX_Context": "SHIPPING"})
    );
}

/// A delivery that has come so far.
pub(super) fn status(milestone: Milestone) -> DeliveryStatus {
    DeliveryStatus {
        milestone,
        text: milestone.words().to_owned(),
        at: "2026-03-02T14:00:00Z".parse().unwrap(),
        place: None,
        signed_by: None,
        estimate: None,
    }
}
