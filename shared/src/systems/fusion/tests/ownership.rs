//! Whose a change order is, and what becomes of one that is ours.

use serde_json::{Value, json};

use super::fixture;
use super::writing::{
    DELETE, DRAFT, DRAFT_FLEX, OTHERS, SUBMIT, SUCCESS, UPDATE, draft, found, in_force, look, ours, plain, script,
    written,
};
use crate::connection::Connection;
use crate::ports::*;
use crate::systems::fusion::fixture::once;

/// A change order that changes anything but our own fields is a buyer's, even where our wish stands in it as well.
#[tokio::test]
async fn a_buyers_change_order_that_holds_our_wish_is_left_alone() {
    type Edit = fn(&str) -> String;
    let edits: [(Edit, &str); 4] = [
        (
            |draft| draft.replace(r#""Quantity": 4"#, r#""Quantity": 5"#),
            "Quantity",
        ),
        (
            |draft| draft.replace(r#""SupplierOrder": "LS-7781""#, r#""SupplierOrder": null"#),
            "SupplierOrder",
        ),
        (
            |draft| draft.replace(r#""NoteToReceiver": null"#, r#""NoteToReceiver": "Call first""#),
            "NoteToReceiver",
        ),
        (
            |draft| {
                draft.replace(
                    r#""ShipToLocationId": 300100021100002"#,
                    r#""ShipToLocationId": 300100021100001"#,
                )
            },
            "ShipToLocationId",
        ),
    ];
    for (edit, name) in edits {
        let begun = vec![
            once(DRAFT, 200, edit(&draft("INCOMPLETE"))),
            once(DRAFT_FLEX, 200, ours()),
        ];
        let (result, sent) = written(script(&[in_force(OTHERS), begun]), plain).await;
        let Err(EffectError::NotSent(later)) = result else {
            panic!("{name}: {result:?}")
        };
        assert!(
            later.reason.contains("a buyer") && later.reason.contains(name),
            "{later}"
        );
        assert!(sent.is_empty(), "{name}");
    }
    let other = ours().replace(r#""shipBy": "UPS""#, r#""shipBy": "FedEx""#);
    let (result, sent) = written(script(&[in_force(OTHERS), look("INCOMPLETE", &other)]), plain).await;
    assert!(
        matches!(result, Err(EffectError::NotSent(_))) && sent.is_empty(),
        "{result:?}"
    );
}

/// A write-back that stands in force cleans up a change order of ours that was never submitted.
#[tokio::test]
async fn a_leftover_is_submitted_even_where_the_wish_stands_in_force() {
    let more = ours().replace("In transit", "Delivered");
    let lines = script(&[
        in_force(&ours()),
        look("INCOMPLETE", &more),
        vec![once(SUBMIT, 200, SUCCESS)],
    ]);
    let (result, sent) = written(lines, plain).await;
    result.unwrap();
    assert_eq!(sent.len(), 1);
}

/// What was sent proves nothing: a draft that does not show it is not submitted.
#[tokio::test]
async fn a_draft_that_does_not_show_what_was_written_is_not_submitted() {
    let lines = script(&[
        in_force(OTHERS),
        look("OPEN", OTHERS),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", OTHERS),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", OTHERS),
        vec![once(DELETE, 200, SUCCESS)],
    ]);
    let (result, _) = written(lines, plain).await;
    assert!(matches!(result, Err(EffectError::Rejected(refusal)) if refusal.code == "draft-does-not-show"));
}

/// What an approver has rejected is deleted and held for a person, and never submitted again by itself.
#[tokio::test]
async fn what_an_approver_rejects_is_deleted_and_held() {
    for status in ["REJECTED", "RETURNED"] {
        let lines = script(&[
            in_force(OTHERS),
            look(status, &ours()),
            vec![once(DELETE, 200, SUCCESS)],
        ]);
        let (result, sent) = written(lines, plain).await;
        assert!(matches!(result, Err(EffectError::Rejected(refusal)) if refusal.message.contains("approver")));
        assert_eq!(sent.len(), 1);
    }
}

/// An action without a result is not taken for a failure: what stands there tells.
#[tokio::test]
async fn an_action_without_a_result_is_looked_at() {
    let begun = || {
        script(&[
            look("OPEN", OTHERS),
            vec![once(UPDATE, 200, "{}")],
            look("INCOMPLETE", &ours()),
        ])
    };
    let lines = script(&[
        in_force(OTHERS),
        begun(),
        vec![once(SUBMIT, 204, "")],
        look("PENDING CHANGE APPROVAL", &ours()),
    ]);
    written(lines, plain).await.0.unwrap();
    let lines = script(&[
        in_force(OTHERS),
        begun(),
        vec![once(SUBMIT, 204, "")],
        look("INCOMPLETE", &ours()),
    ]);
    let (result, _) = written(lines, plain).await;
    assert!(matches!(result, Err(EffectError::Unknown(_))), "{result:?}");
}

/// What stands in another context is somebody else's.
#[tokio::test]
async fn a_row_of_another_context_is_not_overwritten() {
    let shipping = |connection: &mut Connection| connection.erp.options = json!({"flex_context": "SHIPPING"});
    let of = |context: &str| {
        OTHERS.replacen(
            r#""__FLEX_Context": null"#,
            &format!(r#""__FLEX_Context": "{context}""#),
            1,
        )
    };
    let lines = script(&[in_force(&of("CUSTOMS")), look("OPEN", &of("CUSTOMS"))]);
    let (result, sent) = written(lines, shipping).await;
    assert!(matches!(result, Err(EffectError::Rejected(refusal)) if refusal.message.contains("CUSTOMS")));
    assert!(sent.is_empty());
    let mut both: Value = serde_json::from_str(&of("CUSTOMS")).unwrap();
    let own: Value = serde_json::from_str(&of("SHIPPING").replace("1Z0001", "1Z0002")).unwrap();
    both["items"].as_array_mut().unwrap().push(own["items"][0].clone());
    let both = both.to_string();
    let seen = found(script(&[in_force(&both), look("OPEN", &both)]), shipping)
        .await
        .unwrap();
    assert!(matches!(seen, Written::Whole(_)), "{seen:?}");
}

/// Two units of one order at once: the other is through in seconds, and whoever submits submits for both.
#[tokio::test]
async fn another_unit_of_ours_is_waited_for_in_seconds() {
    let other = OTHERS.replace("1Z0001", "1Z0001, 1Z0009");
    let lines = script(&[
        in_force(OTHERS),
        look("OPEN", OTHERS),
        vec![once(UPDATE, 412, "")],
        look("INCOMPLETE", &other),
    ]);
    let (result, _) = written(lines, plain).await;
    let Err(EffectError::NotSent(later)) = result else {
        panic!("{result:?}")
    };
    assert!(later.reason.contains("another write of ours"), "{later}");
    assert_eq!(later.after, Some(std::time::Duration::from_secs(3)));
    let both = OTHERS.replace("1Z0001", "1Z0001, 1Z0009, 1Z0002");
    let lines = script(&[
        in_force(OTHERS),
        look("INCOMPLETE", &other),
        vec![once(UPDATE, 200, "{}")],
        look("INCOMPLETE", &both),
        vec![once(SUBMIT, 400, fixture!("errors/segment.json"))],
        look("PENDING CHANGE APPROVAL", &both),
    ]);
    let (result, sent) = written(lines, plain).await;
    result.unwrap();
    assert_eq!(sent[0].body, r#"{"trackingNumber":"1Z0001, 1Z0009, 1Z0002"}"#);
}
