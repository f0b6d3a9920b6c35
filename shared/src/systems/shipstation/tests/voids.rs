//! Voids: a refusal is a success that says so, and what is void already is void.

use serde_json::json;

use super::fixture;
use super::here::{Asked, Said, World, empty, nothing, ok, status};
use crate::domain::{CarrierShipmentId, Refusal};
use crate::ports::{Carrier, Obstacle, VoidError};

async fn void(world: &World, id: &str) -> Result<(), VoidError> {
    world.v2().void(&CarrierShipmentId::new(id)).await
}

async fn void_v1(world: &World, id: &str) -> Result<(), VoidError> {
    world.v1().void(&CarrierShipmentId::new(id)).await
}

fn refusal(result: Result<(), VoidError>) -> Refusal {
    match result {
        Err(VoidError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Bad input: `approved: false` inside a 200 is a refusal, with the vendor's words.
#[tokio::test]
async fn a_void_that_is_not_approved_is_refused() {
    let world = World::new(|asked: &Asked| match asked.line.starts_with("PUT") {
        true => ok(&fixture("void/refused")),
        false => ok(&fixture("labels/label")),
    });
    let refusal = refusal(void(&world, "label:se-701").await);
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("label_already_used", "The carrier has scanned the parcel")
    );
    assert_eq!(
        world.sent("PUT")[0].line,
        "PUT api.shipstation.com/v2/labels/se-701/void?"
    );
}

#[tokio::test]
async fn a_label_is_voided_once_and_one_that_is_void_is_void() {
    let world = World::new(|asked: &Asked| match asked.line.starts_with("PUT") {
        true => ok(&fixture("void/approved")),
        false => ok(&fixture("labels/label")),
    });
    assert_eq!(void(&world, "label:se-701").await, Ok(()));
    let gone = World::new(|_| ok(&fixture("labels/voided")));
    assert_eq!(void(&gone, "label:se-703").await, Ok(()));
    assert!(gone.sent("PUT").is_empty(), "nothing is sent for what is void");
}

/// Whatever the answer says, a label that is void afterwards is void: somebody was faster.
#[tokio::test]
async fn a_refused_void_of_a_label_that_is_void_by_now_is_done() {
    let asked_before = std::sync::atomic::AtomicBool::new(false);
    let world = World::new(move |asked: &Asked| {
        let before = asked_before.swap(true, std::sync::atomic::Ordering::Relaxed);
        match asked.line.starts_with("PUT") {
            true => ok(&fixture("void/refused")),
            false if before => ok(&fixture("labels/voided")),
            false => ok(&fixture("labels/label")),
        }
    });
    assert_eq!(void(&world, "label:se-703").await, Ok(()));
}

#[tokio::test]
async fn what_cannot_be_voided_is_refused_in_words_and_what_is_unclear_waits() {
    let none = World::new(|_| nothing());
    assert_eq!(refusal(void(&none, "label:se-1").await).code, "no-label");
    let unclear = World::new(|asked: &Asked| match asked.line.starts_with("PUT") {
        true => ok(&json!({})),
        false => ok(&fixture("labels/label")),
    });
    assert!(matches!(void(&unclear, "label:se-701").await, Err(VoidError::Later(_))));
    let limited = World::new(|_| status(429, &fixture("error/limit")));
    let later = void(&limited, "label:se-701").await;
    assert!(matches!(later, Err(VoidError::Later(later)) if later.obstacle == Obstacle::Limited));
    let marked = World::new(|asked: &Asked| match asked.field("tracking_number") {
        Some(_) => empty("labels"),
        None if asked.has("/v2/fulfillments") => ok(&fixture("fulfillments/page")),
        None => nothing(),
    });
    let words = refusal(void(&marked, "fulfilment:se-902").await).message;
    assert!(words.contains("no label"), "{words}");
    assert!(marked.sent("PUT").is_empty());
    assert_eq!(refusal(void(&marked, "shipment:44").await).code, "despatch");
}

/// V1 is not asked to void what is among its voids; else its answer is read like V2's.
#[tokio::test]
async fn v1_voids_by_the_shipments_number() {
    let answer = |body: &'static str, voids: bool| {
        World::new(move |asked: &Asked| match asked.line.starts_with("POST") {
            true => ok(&fixture(body)),
            false if voids => {
                let mut page = fixture("v1/shipments");
                page["shipments"]
                    .as_array_mut()
                    .unwrap()
                    .retain(|one| one["voided"] == json!(true));
                ok(&page)
            }
            false => empty("shipments"),
        })
    };
    let world = answer("void/approved", false);
    assert_eq!(void_v1(&world, "shipment:4402").await, Ok(()));
    let sent = &world.sent("POST")[0];
    assert_eq!(
        (sent.has("/shipments/voidlabel"), sent.json()),
        (true, json!({"shipmentId": 4402}))
    );
    let world = answer("void/refused", false);
    assert_eq!(
        refusal(void_v1(&world, "shipment:4402").await).code,
        "label_already_used"
    );
    let world = answer("void/refused", true);
    assert_eq!(void_v1(&world, "shipment:4402").await, Ok(()));
    assert!(world.sent("POST").is_empty());
    assert!(world.asked()[0].field("voidDateStart").is_some());
}

/// Where the filter by void date is not read, everything that was ever shipped comes: it is not walked through.
#[tokio::test]
async fn a_list_of_voids_that_holds_others_is_not_read_on() {
    let world = World::new(|asked: &Asked| match asked.line.starts_with("POST") {
        true => ok(&fixture("void/approved")),
        false => {
            let mut page = fixture("v1/shipments");
            page["pages"] = json!(500);
            ok(&page)
        }
    });
    assert_eq!(void_v1(&world, "shipment:9999").await, Ok(()));
    assert_eq!(world.lines().len(), 2);
}

/// P52: nothing is ever bought in ShipStation: whatever would buy is refused in words, and nothing is sent.
#[tokio::test]
async fn nothing_is_ever_bought() {
    let world = World::new(|_| -> Said { panic!("nothing is to be sent") });
    let desk = world.v2();
    let draft = crate::ports::Draft {
        operation: "ship".into(),
        body: json!({}),
    };
    let permit = crate::ports::Permit {
        until: "2027-01-01T00:00:00Z".parse().unwrap(),
    };
    let refused = desk.create(&draft, permit).await.unwrap_err();
    assert!(refused.to_string().contains("people ship in ShipStation"), "{refused}");
    assert!(desk.validate(&crate::domain::Address::default()).await.is_err());
    assert!(desk.listing().is_err() && desk.push().is_err());
    assert!(!desk.absence_proves());
    assert_eq!(world.lines(), Vec::<String>::new());
}
