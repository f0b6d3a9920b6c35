//! ShipStation is told what to push: what is asked of either API to the letter, and in how many shapes its lists are read.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::here::{Asked, Said, World, nothing, ok, status};
use crate::ports::{CallError, DeskPush, ShippingDesk};
use crate::systems::shipstation::ShipStation;

const OURS: &str = "https://api.acme.example/hooks/00112233445566778899aabbccddeeff";
const NEW: &str = "https://api.acme.example/hooks/ffeeddccbbaa99887766554433221100";

fn address(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn push(id: &str, event: &str, store: Option<&str>) -> DeskPush {
    DeskPush {
        id: id.to_owned(),
        event: event.to_owned(),
        address: address(OURS),
        store: store.map(str::to_owned),
        on: true,
    }
}

/// Whatever is told is taken.
fn taken(asked: &Asked) -> Said {
    match asked.line.split(' ').next() {
        Some("GET") => ok(&json!([])),
        Some("POST") => ok(&json!({"id": 5})),
        _ => Said(204, Vec::new(), String::new()),
    }
}

async fn shown(desk: &ShipStation) -> Vec<(String, String, Option<String>, bool)> {
    let pushes = desk.pushes().await.unwrap().into_iter();
    pushes.map(|push| (push.id, push.event, push.store, push.on)).collect()
}

fn row(id: &str, event: &str, store: Option<&str>, on: bool) -> (String, String, Option<String>, bool) {
    (id.to_owned(), event.to_owned(), store.map(str::to_owned), on)
}

/// P41: V2 is told by exactly what its file documents: an event and an address, later another address, or no more.
#[tokio::test]
async fn v2_is_told_by_its_own_words() {
    let world = World::new(taken);
    let desk = world.v2();
    let events: Vec<&str> = desk.pushable().iter().map(|event| event.name).collect();
    assert_eq!(events, ["label_created_v2", "fulfillment_shipped_v2", "track_event_v2"]);
    desk.push_to(&desk.pushable()[0], &address(OURS)).await.unwrap();
    let standing = push("se-28529731", "label_created_v2", None);
    desk.push_elsewhere(&standing, &address(NEW)).await.unwrap();
    desk.push_no_more(&standing).await.unwrap();
    let asked = world.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST api.shipstation.com/v2/environment/webhooks?",
            "PUT api.shipstation.com/v2/environment/webhooks/se-28529731?",
            "DELETE api.shipstation.com/v2/environment/webhooks/se-28529731?",
        ]
    );
    assert_eq!(asked[0].json(), json!({"event": "label_created_v2", "url": OURS}));
    assert_eq!(asked[1].json(), json!({ "url": NEW }));
}

/// V1 changes no address: it is told the new one before the old one goes, of the same store.
#[tokio::test]
async fn v1_is_told_the_new_address_before_the_old_one_goes() {
    let world = World::new(taken);
    let desk = world.v1();
    let events: Vec<&str> = desk.pushable().iter().map(|event| event.name).collect();
    assert_eq!(events, ["SHIP_NOTIFY", "FULFILLMENT_SHIPPED"]);
    desk.push_to(&desk.pushable()[1], &address(OURS)).await.unwrap();
    desk.push_elsewhere(&push("123", "SHIP_NOTIFY", Some("1582173")), &address(NEW))
        .await
        .unwrap();
    let asked = world.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST ssapi.shipstation.com/webhooks/subscribe?",
            "POST ssapi.shipstation.com/webhooks/subscribe?",
            "DELETE ssapi.shipstation.com/webhooks/123?",
        ]
    );
    let wish = |event: &str, store: Option<u64>, url: &str| json!({"target_url": url, "event": event, "store_id": store, "friendly_name": "Waybill"});
    assert_eq!(asked[0].json(), wish("FULFILLMENT_SHIPPED", None, OURS));
    assert_eq!(asked[1].json(), wish("SHIP_NOTIFY", Some(1_582_173), NEW));
}

/// Lists are read in more shapes than are documented; what cannot be read of one is nothing of ours.
#[tokio::test]
async fn lists_are_read_in_more_shapes_than_are_documented() {
    let one = json!({"webhook_id": "se-1", "event": "label_created_v2", "url": OURS, "store_id": 1_582_173});
    for list in [
        json!([one]),
        json!({"webhooks": [one]}),
        json!([7, null, {"url": OURS}, "x", one]),
    ] {
        let world = World::new(move |_: &Asked| ok(&list));
        let read = shown(&world.v2()).await;
        assert_eq!(read, [row("se-1", "label_created_v2", Some("1582173"), true)]);
    }
    let listed = json!({"webhooks": [
        {"WebHookID": 123, "StoreID": null, "HookType": "SHIP_NOTIFY", "Url": OURS, "Active": true},
        {"WebHookID": "124", "StoreID": 42, "HookType": "FULFILLMENT_SHIPPED", "Url": OURS, "Active": "false"},
        {"WebHookID": 125, "HookType": "SHIP_NOTIFY"},
    ]});
    let world = World::new(move |_: &Asked| ok(&listed));
    let desk = world.v1();
    assert_eq!(
        shown(&desk).await,
        [
            row("123", "SHIP_NOTIFY", None, true),
            row("124", "FULFILLMENT_SHIPPED", Some("42"), false)
        ]
    );
    let pushes = desk.pushes().await.unwrap();
    assert!(pushes[0].address.expose_secret() == OURS);
    assert!(
        !format!("{pushes:?}").contains("00112233"),
        "an address is as good as a key"
    );
    for list in [json!("x"), json!({"shipments": []}), Value::Null] {
        let world = World::new(move |_: &Asked| ok(&list));
        assert!(matches!(world.v2().pushes().await, Err(CallError::Later(_))));
        assert!(matches!(world.v1().pushes().await, Err(CallError::Later(_))));
    }
}

/// What is not there any more pushes no more; what is refused is told in the vendor's words.
#[tokio::test]
async fn what_is_gone_is_done_and_what_is_refused_is_told() {
    let world = World::new(|_: &Asked| nothing());
    let gone = push("se-1", "label_created_v2", None);
    assert!(world.v2().push_no_more(&gone).await.is_ok() && world.v1().push_no_more(&gone).await.is_ok());
    let conflict = json!({"errors": [{"error_source": "ShipStation", "error_type": "business_rules",
        "error_code": "webhook_event_type_conflict", "message": "one URL per event"}]});
    let world = World::new(move |_: &Asked| status(409, &conflict));
    let desk = world.v2();
    let refused = desk.push_to(&desk.pushable()[0], &address(OURS)).await;
    assert!(
        matches!(&refused, Err(CallError::Refused(refusal)) if refusal.code == "webhook_event_type_conflict"),
        "{refused:?}"
    );
    assert!(matches!(desk.push_no_more(&gone).await, Err(CallError::Refused(_))));
}
