//! The life of a change order, and the flexfields that are written through it.

use super::*;
use crate::fusion::model::{ChangeState, Status};
use crate::fusion::options::{Approval, Bypass};

const TRACKING: &str = "1Z999AA10123456784";

impl Stage {
    fn states(&self, order: Id) -> Vec<ChangeState> {
        self.book(order).changes.iter().map(|change| change.state).collect()
    }

    async fn fill(&self, draft: &str) -> (u16, Value) {
        self.post(&format!("{draft}/child/DFF"), json!({ "trackingNumber": TRACKING }))
            .await
    }
}

#[tokio::test]
async fn a_flexfield_of_an_open_order_comes_into_force_by_a_change_order() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let before = stage.book(order).last_updated;
    stage.advance(60);
    let draft = stage.draft(order).await;
    let (status, body) = stage.fill(&draft).await;
    assert_eq!((status, &body["trackingNumber"]), (201, &json!(TRACKING)), "{body}");
    assert_eq!(body["PoHeaderId"], json!(order));
    let book = stage.book(order);
    assert!(book.flexfield.is_empty() && book.last_updated == before);
    assert_eq!(book.changes[0].by, USER);
    assert_eq!(stage.get(&draft).await.1["StatusCode"], "INCOMPLETE");
    assert_eq!(
        stage.action(&draft, "submit").await,
        (200, json!({ "result": "SUCCESS" }))
    );
    let book = stage.book(order);
    assert_eq!(book.flexfield["trackingNumber"], TRACKING);
    assert_eq!((book.revision, book.writes, book.communicated), (1, 2, 1));
    assert!(book.last_updated > before);
    let fields = stage
        .get(&format!("{}?expand=DFF", stage.link("purchaseOrders", order).await))
        .await
        .1;
    assert_eq!(fields["DFF"]["items"][0]["trackingNumber"], TRACKING);
}

#[tokio::test]
async fn the_first_write_of_a_flexfield_is_a_post_and_later_ones_are_patches() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    let row = format!("{draft}/child/DFF/{order}");
    assert_eq!(stage.patch(&row, json!({ "shipStatus": "Shipped" })).await.0, 404);
    assert_eq!(stage.fill(&draft).await.0, 201);
    assert_eq!(stage.fill(&draft).await.0, 400);
    let (status, body) = stage.patch(&row, json!({ "shipStatus": "Shipped" })).await;
    assert_eq!((status, &body["trackingNumber"]), (200, &json!(TRACKING)));
    assert_eq!(stage.get(&row).await.0, 404, "one row cannot be read by itself");
    let (_, rows) = stage.get(&format!("{draft}/child/DFF")).await;
    assert_eq!(rows["items"][0]["shipStatus"], "Shipped");
    assert_eq!(stage.states(order), [ChangeState::Incomplete]);
}

#[tokio::test]
async fn a_schedule_has_a_flexfield_of_its_own() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    let (_, body) = stage.get(&format!("{draft}?expand=lines.schedules.DFF")).await;
    let schedule = &body["lines"]["items"][0]["schedules"]["items"][0];
    assert_eq!(schedule["DFF"]["count"], 0);
    let url = format!("{}/child/DFF", self_link(schedule));
    let (status, body) = stage
        .post(&url, json!({ "trackingNumber": TRACKING, "shipCost": 12.5 }))
        .await;
    assert_eq!(
        (status, &body["LineLocationId"]),
        (201, &schedule["LineLocationId"]),
        "{body}"
    );
    let url = format!("{url}/{}", schedule["LineLocationId"]);
    assert_eq!(stage.patch(&url, json!({ "shipDate": "2026-02-03" })).await.0, 200);
    stage.action(&draft, "submit").await;
    let book = stage.book(order);
    assert!(book.flexfield.is_empty());
    assert_eq!(book.lines[&1].schedules[&1].flexfield.len(), 3);
}

#[tokio::test]
async fn a_flexfield_takes_only_what_the_customer_has_defined() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let url = format!("{}/child/DFF", stage.draft(order).await);
    for (body, named) in [
        (json!({ "nonsense": "x" }), "nonsense"),
        (json!({ "trackingNumber": "x".repeat(151) }), "Tracking Number"),
        (json!({ "shipCost": "much" }), "Shipping Cost"),
        (json!({ "shipDate": "2026-02-03T10:00:00Z" }), "Shipped On"),
    ] {
        let (status, answer) = stage.post(&url, body).await;
        assert_eq!(status, 400);
        assert!(detail(&answer).contains(named), "{answer}");
    }
    assert!(stage.states(order).is_empty(), "a refused write begins no change order");
    stage
        .fusion
        .configure(|options| options.flexfields[0].contexts = vec!["Shipping".into()]);
    assert_eq!(stage.post(&url, json!({ "shipStatus": "x" })).await.0, 400);
    let in_context = json!({ "__FLEX_Context": "Shipping", "shipStatus": "x" });
    assert_eq!(stage.post(&url, in_context).await.0, 201);
}

#[tokio::test]
async fn the_finished_document_is_read_only() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let link = stage.link("purchaseOrders", order).await;
    assert_eq!(stage.patch(&link, json!({ "Carrier": "FedEx" })).await.0, 405);
    assert_eq!(stage.fill(&link).await.0, 405);
}

#[tokio::test]
async fn attributes_are_written_through_the_draft() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    for wrong in [
        json!({ "ReferenceNumber": "x" }),
        json!({ "OrderNumber": "x" }),
        json!({ "Nonsense": "x" }),
        json!({ "Carrier": "Nobody" }),
    ] {
        assert_eq!(stage.patch(&draft, wrong).await.0, 400);
    }
    let (status, body) = stage
        .patch(&draft, json!({ "NoteToReceiver": TRACKING, "ServiceLevel": "Ground" }))
        .await;
    assert_eq!((status, &body["NoteToReceiver"]), (200, &json!(TRACKING)));
    let (_, body) = stage.get(&format!("{draft}?expand=lines.schedules")).await;
    let schedule = self_link(&body["lines"]["items"][0]["schedules"]["items"][0]);
    assert_eq!(stage.patch(&schedule, json!({ "Carrier": "FedEx" })).await.0, 200);
    stage.action(&draft, "submit").await;
    let book = stage.book(order);
    assert_eq!(book.note_to_receiver.as_deref(), Some(TRACKING));
    assert_eq!(book.lines[&1].schedules[&1].carrier.as_deref(), Some("FedEx"));
    assert_eq!(book.carrier.as_deref(), Some("UPS"));
}

#[tokio::test]
async fn a_change_waits_for_its_approval() {
    let stage = Stage::plain().await;
    stage
        .fusion
        .configure(|options| options.approval = Approval::After { seconds: 600 });
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    stage.fill(&draft).await;
    stage.action(&draft, "submit").await;
    assert_eq!(stage.states(order), [ChangeState::PendingApproval]);
    assert_eq!(stage.book(order).status, Status::PendingChangeApproval);
    assert_eq!(stage.patch(&draft, json!({ "NoteToSupplier": "x" })).await.0, 400);
    assert_eq!(stage.action(&draft, "deleteChangeOrder").await.0, 400);
    stage.advance(601);
    let (_, body) = stage.get(&stage.link("purchaseOrders", order).await).await;
    assert_eq!(body["LastUpdateDate"], "2026-02-03T18:10:00+00:00");
    assert_eq!(stage.states(order), [ChangeState::Applied]);
}

#[tokio::test]
async fn a_person_approves_or_rejects() {
    let stage = Stage::plain().await;
    stage.fusion.configure(|options| options.approval = Approval::ByPerson);
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    stage.fill(&draft).await;
    stage.action(&draft, "submit").await;
    stage.fusion.act(|world, now| world.reject(order, now)).unwrap();
    assert_eq!(stage.states(order), [ChangeState::Rejected]);
    assert_eq!(stage.action(&draft, "submit").await.0, 200);
    stage.fusion.act(|world, now| world.approve(order, now)).unwrap();
    assert_eq!(stage.states(order), [ChangeState::Applied]);
}

#[tokio::test]
async fn approvals_are_bypassed_only_where_the_pod_honours_it() {
    let stage = Stage::plain().await;
    stage.fusion.configure(|options| options.approval = Approval::ByPerson);
    let submit = async |order: Id| {
        let draft = stage.draft(order).await;
        stage.fill(&draft).await;
        let request = stage
            .request(Method::POST, &format!("{draft}/action/submit"))
            .header("Content-Type", ACTION);
        let body = json!({ "bypassApprovalsFlag": "true" }).to_string();
        request.body(body).send().await.unwrap().status().as_u16()
    };
    for (bypass, status, state) in [
        (Bypass::Refused, 400, ChangeState::Incomplete),
        (Bypass::Ignored, 200, ChangeState::PendingApproval),
        (Bypass::Honoured, 200, ChangeState::Applied),
    ] {
        stage.fusion.configure(|options| options.bypass = bypass);
        let order = stage.enter(NewOrder::pumps(1));
        assert_eq!(submit(order).await, status);
        assert_eq!(stage.states(order), [state]);
    }
}

#[tokio::test]
async fn a_change_order_can_be_taken_back() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    assert_eq!(stage.action(&draft, "deleteChangeOrder").await.0, 400);
    assert_eq!(stage.action(&draft, "submit").await.0, 400);
    stage.fill(&draft).await;
    assert_eq!(stage.action(&draft, "deleteChangeOrder").await.0, 200);
    assert_eq!(stage.get(&format!("{draft}/child/DFF")).await.1["count"], 0);
    stage.fusion.configure(|options| options.approval = Approval::ByPerson);
    stage.fill(&draft).await;
    stage.action(&draft, "submit").await;
    assert_eq!(stage.action(&draft, "cancelChangeOrder").await.0, 200);
    assert_eq!(stage.states(order), [ChangeState::Deleted, ChangeState::Cancelled]);
    assert!(stage.book(order).flexfield.is_empty());
}

#[tokio::test]
async fn a_failure_can_hide_in_a_success() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    stage.fill(&draft).await;
    stage
        .fusion
        .act(|world, _| world.fail_next_submit("The document failed the submission checks."));
    let (status, body) = stage.action(&draft, "submit").await;
    assert_eq!(status, 200);
    assert_ne!(body["result"], "SUCCESS");
    assert_eq!(stage.states(order), [ChangeState::Incomplete]);
}

#[tokio::test]
async fn a_buyers_own_change_is_not_touched() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let note = |content: &mut crate::fusion::model::Content| content.note_to_supplier = Some("Call first".into());
    stage
        .fusion
        .act(|world, now| world.begin_change(order, now, note))
        .unwrap();
    let draft = stage.draft(order).await;
    let (status, body) = stage.fill(&draft).await;
    assert_eq!(status, 400);
    assert!(detail(&body).contains("Roth"), "{body}");
    for action in ["submit", "deleteChangeOrder", "cancelChangeOrder"] {
        assert_eq!(stage.action(&draft, action).await.0, 400);
    }
    stage.fusion.act(|world, now| world.finish_change(order, now)).unwrap();
    assert_eq!(stage.fill(&draft).await.0, 201);
    let blocked = stage.fusion.act(|world, now| world.flag(order, None, now));
    assert!(blocked.is_err(), "our leftover blocks the buyer");
}

#[tokio::test]
async fn entity_tags_guard_writes() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    let old = stage.tag(&draft).await;
    let (_, body) = stage.get(&draft).await;
    assert_eq!(body["links"][0]["properties"]["changeIndicator"], old.trim_matches('"'));
    stage
        .fusion
        .act(|world, now| world.flag(order, Some("FedEx"), now))
        .unwrap();
    let write = |tag: String| {
        let request = stage.writing(Method::PATCH, &draft, &json!({ "NoteToSupplier": "x" }));
        request.header("If-Match", tag).send()
    };
    assert_eq!(write(old).await.unwrap().status(), 412);
    let fresh = stage.tag(&draft).await;
    let answer = write(fresh.clone()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_ne!(answer.headers()["ETag"].to_str().unwrap(), fresh);
    assert_eq!(
        stage.patch(&draft, json!({ "NoteToSupplier": "y" })).await.0,
        200,
        "the last write wins"
    );
    let row = format!("{draft}/child/DFF");
    let stale = stage
        .writing(Method::POST, &row, &json!({ "shipStatus": "x" }))
        .header("If-Match", fresh);
    assert_eq!(stale.send().await.unwrap().status(), 412);
}

#[tokio::test]
async fn media_types_are_checked() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    let send = async |method: Method, url: &str, kind: &str| {
        let request = stage.request(method, url).header("Content-Type", kind);
        request.body("{}").send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(Method::PATCH, &draft, "text/plain").await, 415);
    assert_eq!(send(Method::PATCH, &draft, "application/json").await, 200);
    let submit = format!("{draft}/action/submit");
    assert_eq!(send(Method::POST, &submit, "application/json").await, 415);
    assert_eq!(send(Method::POST, &submit, ACTION).await, 200);
}

#[tokio::test]
async fn a_closed_or_held_order_cannot_be_changed() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    stage.fill(&draft).await;
    stage.fusion.act(|world, now| world.hold(order, now)).unwrap();
    assert_eq!(stage.states(order), [ChangeState::Incomplete]);
    let row = format!("{draft}/child/DFF/{order}");
    assert_eq!(stage.patch(&row, json!({ "shipStatus": "x" })).await.0, 400);
    stage.fusion.act(|world, now| world.cancel(order, now)).unwrap();
    assert_eq!(stage.states(order), [ChangeState::Cancelled]);
    assert_eq!(stage.fill(&draft).await.0, 400);
    stage.fusion.act(|world, now| world.hold(order, now)).unwrap();
    assert_eq!(stage.fill(&draft).await.0, 400);
}

#[tokio::test]
async fn a_draft_may_get_another_key_with_its_change_order() {
    let stage = Stage::plain().await;
    stage.fusion.configure(|options| options.rekey_on_change = true);
    let order = stage.enter(NewOrder::pumps(2));
    let draft = stage.draft(order).await;
    let (status, body) = stage.patch(&draft, json!({ "NoteToSupplier": "x" })).await;
    assert_eq!(status, 200);
    assert_eq!(stage.get(&draft).await.0, 404);
    let moved = self_link(&body);
    assert_eq!(stage.action(&moved, "submit").await.0, 200);
    assert_eq!(stage.draft(order).await, draft);
}
