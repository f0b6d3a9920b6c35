//! Where parcels are, asked for and pushed.

use serde_json::json;

use super::fixture;
use super::here::{Asked, World, empty, nothing, ok};
use crate::domain::{DespatchId, Meaning, Milestone};
use crate::ports::{CallError, Carrier, News, PushedNews};
use crate::systems::shipstation::webhook;

const NUMBER: &str = "1Z999AA10123450001";

fn account(asked: &Asked) -> super::here::Said {
    match asked {
        _ if asked.has("/v2/labels/se-701/track") => ok(&fixture("track/on-its-way")),
        _ if asked.field("tracking_number").as_deref() == Some(NUMBER) && asked.has("/v2/labels") => {
            ok(&json!({ "labels": [fixture("labels/label")], "page": 1, "pages": 1 }))
        }
        _ if asked.has("/v2/labels?") => empty("labels"),
        _ if asked.has("/v2/fulfillments?") => ok(&fixture("fulfillments/page")),
        _ => nothing(),
    }
}

fn pushed(name: &str) -> Vec<PushedNews> {
    webhook::read(&fixture(&format!("webhook/{name}")).to_string())
}

/// P16: what is asked for and what is pushed is the same, event by event; DE is a delivery; a new word moves nothing.
#[tokio::test]
async fn a_parcel_is_followed_by_its_label() {
    let world = World::new(account);
    let news = world.v2().track(NUMBER).await.unwrap().unwrap();
    let told: Vec<_> = news
        .events
        .iter()
        .map(|event| (event.at.to_string(), event.meaning))
        .collect();
    assert_eq!(
        told,
        [
            (
                "2026-11-23T18:05:00Z".to_owned(),
                Meaning::Reached(Milestone::Delivered)
            ),
            (
                "2026-11-23T14:00:00Z".to_owned(),
                Meaning::Reached(Milestone::OutForDelivery)
            ),
            ("2026-11-20T20:00:00Z".to_owned(), Meaning::Reached(Milestone::PickedUp)),
            ("2026-11-20T09:00:00Z".to_owned(), Meaning::Unknown),
        ]
    );
    assert_eq!(news.events[0].signed_by.as_deref(), Some("QUIST"));
    assert_eq!(news.events[3].code.to_string(), "-/QQ/NEW_WORD");
    let happened = pushed("track-event-v2");
    assert_eq!(happened.len(), news.events.len());
    for (happened, asked) in happened.iter().zip(&news.events) {
        let PushedNews::Happened { number, event } = happened else {
            panic!("{happened:?}")
        };
        assert_eq!((number.as_str(), event.key()), (NUMBER, asked.key()));
        assert_eq!(event.meaning, asked.meaning);
    }
}

/// A number that was entered by hand has no label: only its delivery is told, and a number that nobody knows is none.
#[tokio::test]
async fn a_number_without_a_label_is_followed_to_its_delivery() {
    let world = World::new(account);
    let news = world.v2().track("9400100000000000000020").await.unwrap().unwrap();
    assert_eq!(news.events.len(), 1);
    assert_eq!(news.events[0].meaning, Meaning::Reached(Milestone::Delivered));
    assert_eq!(world.v2().track("1Z999AA10000000000").await.unwrap(), None);
    assert!(matches!(
        world.v2().track("../labels").await,
        Err(CallError::Refused(_))
    ));
}

/// The second parcel of a label is not where the first one is.
#[tokio::test]
async fn news_of_another_parcel_of_the_label_are_not_this_ones() {
    let world = World::new(|asked: &Asked| match asked.has("/track") {
        true => ok(&fixture("track/on-its-way")),
        false => ok(&json!({ "labels": [fixture("labels/several-parcels")], "page": 1, "pages": 1 })),
    });
    let news = world.v2().track("1Z999AA10123459002").await.unwrap();
    assert_eq!(news, Some(News::default()));
}

#[test]
fn news_without_events_are_a_hint() {
    let told = pushed("track-event-without-events");
    assert!(
        matches!(&told[..], [PushedNews::Hinted { number, .. }] if number == NUMBER),
        "{told:?}"
    );
}

/// What stands as delivered is delivered, though no event says so, at the time that stands beside.
#[test]
fn a_delivery_without_its_event_is_told_all_the_same() {
    let mut body = fixture("webhook/track-event-v2");
    body["data"]["events"] = json!([]);
    let told = webhook::read(&body.to_string());
    let [PushedNews::Happened { event, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(event.at.to_string(), "2026-11-23T18:05:00Z");
    assert_eq!(event.meaning, Meaning::Reached(Milestone::Delivered));
}

/// P41: webhooks are pointers; what is none says so without its content.
#[test]
fn webhooks_of_either_version_point_to_what_was_shipped() {
    for name in [
        "label-created-v2",
        "fulfillment-shipped-v2",
        "batch-processed-v2",
        "ship-notify",
    ] {
        let url = fixture(&format!("webhook/{name}"))["resource_url"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(pushed(name), [PushedNews::Despatched(url)], "{name}");
    }
    assert!(matches!(
        &pushed("shipment-created-v2")[..],
        [PushedNews::Nothing { .. }]
    ));
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "[]",
        "{}",
        "7",
        "<xml/>",
        r#"{"resource_type":"SHIP_NOTIFY"}"#,
        r#"{"resource_type":"NEW","resource_url":"x"}"#,
        deep.as_str(),
    ] {
        assert!(
            matches!(&webhook::read(body)[..], [PushedNews::Nothing { .. }]),
            "{body:.40}"
        );
    }
    let long = json!({"resource_type": "SHIP_NOTIFY", "resource_url": format!("https://ssapi.shipstation.com/{}", "x".repeat(5000))});
    assert!(matches!(
        &webhook::read(&long.to_string())[..],
        [PushedNews::Nothing { .. }]
    ));
}

#[tokio::test]
async fn a_shipment_is_known_by_its_name_or_its_number() {
    let world = World::new(|asked: &Asked| match asked.has("/v2/labels/se-703") {
        true => ok(&fixture("labels/voided")),
        false => account(asked),
    });
    let desk = world.v2();
    let of = |id: &str| crate::domain::CarrierShipmentId::new(id);
    let found = desk.shipment(&of(NUMBER)).await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), "label:se-701");
    let void = desk.shipment(&of("label:se-703")).await;
    assert!(matches!(void, Err(CallError::Refused(refusal)) if refusal.code == "void"));
    assert_eq!(DespatchId::new(found.id.as_str()).as_str(), "label:se-701");
}
