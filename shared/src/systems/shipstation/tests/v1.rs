//! What people shipped, by V1: another key, other hosts, Pacific time, orders that say what was in them only if asked.

use rust_decimal::dec;
use serde_json::{Value, json};

use super::here::{Asked, Said, World, empty, nothing, ok, status};
use super::{fixture, in_full, that_day};
use crate::domain::{DeskOrderRef, DespatchId, DespatchStanding, Money};
use crate::ports::{CallError, Carrier, Despatched, ShippingDesk};

const NOTIFIED: &str = "https://ssapi6.shipstation.com/shipments?batchId=187000001&includeShipmentItems=False";
const MARKED: &str = "https://ssapi.shipstation.com/fulfillments?batchId=187000002";

fn account(asked: &Asked) -> Said {
    match asked {
        _ if asked.has("/orders?orderNumber=SO-1020") => {
            ok(&json!({"orders": [fixture("v1/order")], "page": 1, "pages": 1}))
        }
        _ if asked.has("/orders/9320") => ok(&fixture("v1/order")),
        _ if asked.has("trackingNumber=") || asked.has("shipments?orderId=") => empty("shipments"),
        _ if asked.has("/shipments?") => ok(&fixture("v1/shipments")),
        _ if asked.has("/fulfillments?") => ok(&fixture("v1/fulfillments")),
        _ => nothing(),
    }
}

/// P41: the pointer's host is one of ShipStation's numbered ones, the key is HTTP Basic, and what is in the shipments is asked
/// for, whatever the pointer says.
#[tokio::test]
async fn a_notification_is_followed_with_what_is_in_the_shipments() {
    let world = World::new(account);
    let page = world.v1().pointed_to(NOTIFIED, None).await.unwrap();
    let asked = world.asked();
    let line = "GET ssapi6.shipstation.com/shipments?batchId=187000001&includeShipmentItems=True";
    assert_eq!((asked.len(), asked[0].line.as_str()), (1, line));
    assert_eq!(asked[0].headers["authorization"], "Basic dXNlcjpzM2NyZXQtdjE=");
    let [first, void, back, bare] = page.despatches.as_slice() else {
        panic!("{page:#?}")
    };
    assert_eq!(
        (first.id.as_str(), &first.standing),
        ("shipment:4401", &DespatchStanding::Shipped)
    );
    assert_eq!(
        first.created_at.to_string(),
        "2026-11-20T09:30:00Z",
        "Pacific time without saying so"
    );
    assert_eq!(
        (first.order.id.as_str(), first.order.number.as_str()),
        ("9301", "SO-1001")
    );
    assert_eq!(first.order.store.as_deref(), Some("1582173"));
    assert_eq!(first.shipment.cost, Some(Money::new(dec!(12.25), "USD")));
    let lines = first.lines.as_ref().unwrap();
    assert_eq!(
        (lines.len(), lines[0].sku.as_str(), lines[0].quantity),
        (1, "FM-20", dec!(1)),
        "a discount is no goods"
    );
    assert_eq!(void.standing, DespatchStanding::Voided);
    assert!(matches!(back.standing, DespatchStanding::Beside(_)));
    assert_eq!(bare.lines, None);
}

/// P43: a fulfilment says not what was in it: it is the whole order if it is the only despatch of it, else nobody knows.
#[tokio::test]
async fn a_fulfilment_is_the_whole_order_only_where_it_is_alone() {
    let world = World::new(account);
    let desk = world.v1();
    let page = desk.pointed_to(MARKED, None).await.unwrap();
    assert_eq!((world.lines().len(), &page.despatches[0].lines), (1, &None));
    let all = in_full(&desk, &page.despatches).await;
    let only = &all[0];
    assert_eq!(
        (only.id.as_str(), only.order.key.as_deref()),
        ("fulfilment:330001", Some("3f2a"))
    );
    assert_eq!(only.lines.as_ref().unwrap()[0].quantity, dec!(3));
    let beside = World::new(|asked: &Asked| match asked {
        _ if asked.has("shipments?orderId=9320") => {
            let mut page = fixture("v1/shipments");
            page["shipments"][0]["orderId"] = json!(9320);
            ok(&page)
        }
        _ => account(asked),
    });
    let desk = beside.v1();
    let page = desk.pointed_to(MARKED, None).await.unwrap();
    let all = in_full(&desk, &page.despatches).await;
    assert_eq!((&all[0].lines, all[0].order.key.as_deref()), (&None, Some("3f2a")));
}

/// P43: a fulfilment whose number is a shipment's of the same order is that shipment.
#[tokio::test]
async fn a_fulfilment_of_a_labelled_parcel_is_that_shipment() {
    let world = World::new(|asked: &Asked| match asked {
        _ if asked.has("shipments?orderId=9320") => {
            let mut page = fixture("v1/shipments");
            let shipment = &mut page["shipments"][0];
            (shipment["orderId"], shipment["trackingNumber"]) = (json!(9320), json!("9400100000000000000020"));
            ok(&page)
        }
        _ => account(asked),
    });
    let desk = world.v1();
    let page = desk.pointed_to(MARKED, None).await.unwrap();
    let all = in_full(&desk, &page.despatches).await;
    assert_eq!(all[0].id.as_str(), "shipment:4401");
}

/// What is refused of its order is not known: the row is told all the same, and keeps none behind it waiting.
#[tokio::test]
async fn a_row_whose_order_is_refused_keeps_none_waiting() {
    for refused in ["/shipments?orderId=", "/orders", "/fulfillments?orderId="] {
        let world = World::new(move |asked: &Asked| match asked {
            _ if asked.has(refused) => status(400, &json!({"Message": "The request is invalid."})),
            _ => account(asked),
        });
        let desk = world.v1();
        let page = desk.pointed_to(MARKED, None).await.unwrap();
        let all = in_full(&desk, &page.despatches).await;
        assert_eq!(all[0].id.as_str(), "fulfilment:330001", "{refused}");
        assert_eq!(all[0].lines, None, "{refused}");
    }
}

/// P49: V1 takes so few calls that of an order that was marked as shipped each thing is asked once, what the flow asks next as well. It
/// is believed for a moment; whoever looks at one despatch, or writes an order, asks anew.
#[tokio::test]
async fn everything_of_a_marked_order_is_asked_once() {
    let world = World::new(account);
    let desk = world.v1();
    let page = desk.pointed_to(MARKED, None).await.unwrap();
    let marked = in_full(&desk, &page.despatches).await.remove(0);
    assert_eq!(marked.order.store.as_deref(), Some("1582173"));
    assert!(marked.lines.is_some());
    let same_number = desk.numbered("SO-1020").await.unwrap();
    assert_eq!((same_number.len(), same_number[0].id.as_str()), (1, "9320"));
    let all = desk.despatches_of(&marked.order).await.unwrap().unwrap();
    assert_eq!(all.as_slice(), std::slice::from_ref(&marked));
    let paths: Vec<String> = world
        .lines()
        .iter()
        .map(|line| line.chars().take(62).collect())
        .collect();
    assert_eq!(
        paths,
        [
            "GET ssapi.shipstation.com/fulfillments?batchId=187000002",
            "GET ssapi.shipstation.com/shipments?orderId=9320&includeShipme",
            "GET ssapi.shipstation.com/orders?orderNumber=SO-1020&page=1&pa",
            "GET ssapi.shipstation.com/fulfillments?orderId=9320&pageSize=5",
        ]
    );
    desk.despatch(&marked.id, None).await.unwrap().unwrap();
    assert_eq!(world.lines().len(), 4 + 4, "one despatch is looked at anew");
    world.clock.turn(jiff::SignedDuration::from_secs(61));
    desk.numbered("SO-1020").await.unwrap();
    desk.despatches_of(&marked.order).await.unwrap();
    assert_eq!(world.lines().len(), 8 + 3, "a minute later it is asked anew");
}

/// An order that is not among those of its number is asked for by its id.
#[tokio::test]
async fn an_order_of_another_number_is_found_by_its_id() {
    let world = World::new(|asked: &Asked| match asked {
        _ if asked.has("/orders?orderNumber=") => empty("orders"),
        _ => account(asked),
    });
    let desk = world.v1();
    let page = desk.pointed_to(MARKED, None).await.unwrap();
    let marked = in_full(&desk, &page.despatches).await.remove(0);
    assert_eq!(marked.order.key.as_deref(), Some("3f2a"));
    let by_id = world.lines().into_iter().filter(|line| line.contains("/orders/9320"));
    assert_eq!(by_id.count(), 1);
}

#[tokio::test]
async fn an_order_knows_its_despatches() {
    let world = World::new(account);
    let desk = world.v1();
    let told = desk.pointed_to(MARKED, None).await.unwrap().despatches;
    let marked = in_full(&desk, &told).await.remove(0);
    let all = desk.despatches_of(&marked.order).await.unwrap().unwrap();
    assert_eq!(all, [marked]);
}

#[tokio::test]
async fn a_stretch_is_asked_for_in_pacific_time() {
    let world = World::new(account);
    let desk = world.v1();
    let first = desk.despatched(Despatched::Made(that_day()), None).await.unwrap();
    assert_eq!(
        (first.despatches.len(), first.next.as_deref()),
        (4, Some("fulfilments:1"))
    );
    let second = desk
        .despatched(Despatched::Made(that_day()), first.next.as_deref())
        .await
        .unwrap();
    assert_eq!((second.despatches.len(), second.next), (1, None));
    let asked = &world.asked()[0];
    assert_eq!(asked.field("createDateStart").as_deref(), Some("2026-11-19 16:00:00"));
    assert_eq!(asked.field("createDateEnd").as_deref(), Some("2026-11-20 16:00:01"));
    assert_eq!(asked.field("includeShipmentItems").as_deref(), Some("true"));
    let voids = desk.despatched(Despatched::Voided(that_day()), None).await.unwrap();
    let ids: Vec<&str> = voids.despatches.iter().map(|despatch| despatch.id.as_str()).collect();
    assert_eq!(ids, ["shipment:4402"]);
    let asked = world.asked();
    let asked = asked.last().unwrap();
    assert_eq!(asked.field("voidDateStart").as_deref(), Some("2026-11-19 16:00:00"));
    assert_eq!(asked.field("pageSize").as_deref(), Some("500"));
}

#[tokio::test]
async fn pages_of_a_notification_are_read_to_the_end() {
    let world = World::new(|asked: &Asked| {
        let mut page = fixture("v1/shipments");
        page["pages"] = json!(2);
        if asked.field("page").as_deref() == Some("2") {
            page["page"] = json!(2);
        }
        ok(&page)
    });
    let first = world.v1().pointed_to(NOTIFIED, None).await.unwrap();
    let second = world.v1().pointed_to(NOTIFIED, first.next.as_deref()).await.unwrap();
    assert_eq!((second.despatches.len(), second.next), (4, None));
    assert_eq!(
        world.lines()[1],
        "GET ssapi6.shipstation.com/shipments?batchId=187000001&page=2&includeShipmentItems=True"
    );
}

/// Pages are counted as far as they can be: what is told beyond that is no page.
#[tokio::test]
async fn pages_that_cannot_be_counted_are_none() {
    for (page, pages) in [
        (json!(4_294_967_295_u64), json!("10000000000")),
        (json!(-1), json!(5)),
        (json!("1e20"), json!("1e25")),
        (json!({}), json!([])),
    ] {
        let told = json!({"shipments": [], "page": page, "pages": pages});
        let world = World::new(move |_: &Asked| ok(&told));
        let read = world.v1().pointed_to(NOTIFIED, None).await.unwrap();
        assert_eq!(read.next, None, "{page} of {pages}");
    }
}

/// V1's number filter is a beginning: only an equal number counts, on whichever page it stands.
#[tokio::test]
async fn a_number_is_a_whole_number() {
    let order = |id: u32, number: &str| json!({"orderId": id, "orderNumber": number, "orderKey": format!("k{id}"), "orderStatus": "awaiting_shipment"});
    let world = World::new(move |asked: &Asked| {
        let page: Value = match asked.field("page").as_deref() {
            Some("1") => json!({ "orders": [order(1, "SO-10"), order(2, "SO-100")], "page": 1, "pages": 2 }),
            _ => json!({ "orders": [order(3, "SO-10")], "page": 2, "pages": 2 }),
        };
        ok(&page)
    });
    let found = world.v1().numbered("SO-10").await.unwrap();
    let ids: Vec<&str> = found.iter().map(|order| order.id.as_str()).collect();
    assert_eq!(ids, ["1", "3"]);
}

/// P42: a parked shipment is looked up among those of its order, for V1 does not read a shipment's id: it would show the first few of
/// everything that was ever shipped.
#[tokio::test]
async fn a_shipment_is_found_by_its_order() {
    let world = World::new(|asked: &Asked| {
        let mut page = fixture("v1/shipments");
        let old = page["shipments"][0].clone();
        page["shipments"] = match asked.field("orderId").as_deref() {
            Some("9399") => json!([{"shipmentId": 999_401, "orderId": 9399, "orderNumber": "SO-1099"}]),
            Some("9400") => json!([]),
            _ => json!([old]),
        };
        ok(&page)
    });
    let desk = world.v1();
    let of = |order: &str| DeskOrderRef {
        id: order.into(),
        number: "SO-1099".into(),
        key: None,
        store: None,
    };
    let id = DespatchId::new("shipment:999401");
    let found = desk.despatch(&id, Some(&of("9399"))).await.unwrap().unwrap();
    assert_eq!((found.id, found.order.id.as_str()), (id.clone(), "9399"));
    assert_eq!(desk.despatch(&id, Some(&of("9400"))).await.unwrap(), None);
    for unread in [Some(of("1")), None] {
        let refused = desk.despatch(&id, unread.as_ref()).await;
        assert!(
            matches!(&refused, Err(CallError::Refused(refusal)) if refusal.code == "no-look-up"),
            "{refused:?}"
        );
    }
}

/// What V1 cannot answer is said in words; nothing is concluded from a filter that was not read.
#[tokio::test]
async fn what_v1_cannot_tell_is_said_in_words() {
    let world = World::new(account);
    let desk = world.v1();
    let of = |id: &str| {
        let (desk, id) = (&desk, DespatchId::new(id));
        async move { desk.despatch(&id, None).await }
    };
    assert_eq!(of("shipment:4401").await.unwrap().unwrap().id.as_str(), "shipment:4401");
    let unread = of("shipment:9").await;
    assert!(
        matches!(&unread, Err(CallError::Refused(refusal)) if refusal.code == "no-look-up"),
        "{unread:?}"
    );
    assert!(matches!(of("label:se-1").await, Err(CallError::Refused(_))));
    assert!(!desk.tells_deliveries());
    let untold = desk.track("1Z999AA10123450001").await;
    assert!(matches!(untold, Err(CallError::Refused(refusal)) if refusal.code == "no-tracking"));
    assert!(world.v2().tells_deliveries());
}
