//! What people shipped, by V2: pointers, lists, one parcel known by two names.

use rust_decimal::dec;
use serde_json::{Value, json};

use super::here::{Asked, Said, World, empty, nothing, ok, status};
use super::{fixture, in_full, that_day};
use crate::domain::{Despatch, DespatchId, DespatchStanding, Money};
use crate::ports::{CallError, Despatched, Obstacle, ShippingDesk};

const LABELS: &str = "https://api.shipstation.com/v2/labels?batch_id=se-64000001";
const FULFILMENTS: &str = "https://api.shipstation.com/v2/fulfillments?fulfillment_id=se-902&shipment_id=se-520";

/// The account of the fixtures: every order is alike but for its id and number.
fn account(asked: &Asked) -> Said {
    if let Some((_, id)) = asked.line.split_once("/v2/shipments/se-") {
        let id = id.trim_end_matches('?');
        let mut order = fixture("shipments/order");
        order["shipment_id"] = json!(format!("se-{id}"));
        order["shipment_number"] = json!(format!("SO-{id}"));
        order["external_shipment_id"] = json!(format!("netsuite:1234567:SO:{id}"));
        return ok(&order);
    }
    if let Some(number) = asked.field("tracking_number") {
        let mut page = fixture("labels/page");
        let labels = page["labels"].as_array_mut().unwrap();
        labels.retain(|label| label["tracking_number"] == json!(number));
        return ok(&page);
    }
    match asked {
        _ if asked.has("GET api.shipstation.com/v2/labels?") => ok(&fixture("labels/page")),
        _ if asked.has("/v2/fulfillments?") => ok(&fixture("fulfillments/page")),
        _ => nothing(),
    }
}

fn by_id<'a>(despatches: &'a [Despatch], id: &str) -> &'a Despatch {
    let found = despatches.iter().find(|despatch| despatch.id.as_str() == id);
    found.unwrap_or_else(|| panic!("{id} is not among {despatches:#?}"))
}

fn voided(id: &str) -> Value {
    let mut label = fixture("labels/label");
    label["label_id"] = json!(id);
    label["status"] = json!("voided");
    label
}

/// P41: a pointer is followed with the connection's key to where it leads, exactly as it was sent, by one call; what is in each order
/// is read where somebody wants to know it.
#[tokio::test]
async fn a_pointer_is_followed_and_the_whole_record_is_read() {
    let world = World::new(account);
    let desk = world.v2();
    let page = desk.pointed_to(LABELS, None).await.unwrap();
    assert_eq!(
        world.lines(),
        ["GET api.shipstation.com/v2/labels?batch_id=se-64000001"],
        "nothing is asked for that nobody wants to know"
    );
    assert_eq!(page.next, None);
    let told = by_id(&page.despatches, "label:se-701");
    assert_eq!(
        (told.order.id.as_str(), told.standing.clone()),
        ("se-501", DespatchStanding::Shipped)
    );
    let all = in_full(&desk, &page.despatches).await;
    let asked = world.asked();
    assert!(asked.iter().all(|asked| asked.headers["api-key"] == "s3cret-v2"));
    let label = by_id(&all, "label:se-701");
    assert_eq!(label.standing, DespatchStanding::Shipped);
    assert_eq!(
        (label.order.id.as_str(), label.order.number.as_str()),
        ("se-501", "SO-501")
    );
    assert_eq!(label.order.key.as_deref(), Some("netsuite:1234567:SO:1"));
    assert_eq!(label.order.store.as_deref(), Some("1582173"));
    assert_eq!(label.shipment.id.as_str(), "label:se-701");
    assert_eq!(label.shipment.cost, Some(Money::new(dec!(12.25), "USD")));
    assert_eq!(label.created_at.to_string(), "2026-11-20T09:01:00Z");
    let lines = label.lines.as_ref().unwrap();
    let first = (lines[0].key.as_deref(), lines[0].sku.as_str(), lines[0].quantity);
    assert_eq!((lines.len(), first), (2, (Some("11"), "FM-20", dec!(2))));
    let address = label.ship_to.as_ref().unwrap();
    assert_eq!(
        (address.name.as_str(), address.attention.as_deref()),
        ("Quist Instruments", Some("Nora Quist"))
    );
    let orders = world
        .lines()
        .iter()
        .filter(|line| line.contains("/v2/shipments/"))
        .count();
    assert_eq!(
        orders,
        3,
        "only what travels has its order asked for: {:#?}",
        world.lines()
    );
}

/// Everything that a label can be has its standing, and what is not known is looked at again.
#[tokio::test]
async fn labels_that_do_not_travel_say_so() {
    let world = World::new(account);
    let page = world.v2().pointed_to(LABELS, None).await.unwrap();
    let standing = |id: &str| by_id(&page.despatches, id).standing.clone();
    let several = by_id(&page.despatches, "label:se-702");
    let numbers: Vec<&str> = several.shipment.tracking_numbers().collect();
    assert_eq!(numbers, ["1Z999AA10123450002", "1Z999AA10123459002"]);
    assert_eq!(standing("label:se-703"), DespatchStanding::Voided);
    for id in ["label:se-704", "label:se-705", "label:se-706"] {
        assert!(matches!(standing(id), DespatchStanding::Beside(_)), "{id}");
    }
    assert_eq!(standing("label:se-707"), DespatchStanding::Pending("processing".into()));
    assert_eq!(
        standing("label:se-708"),
        DespatchStanding::Pending("quarantined".into())
    );
    let canadian = by_id(&page.despatches, "label:se-709");
    assert_eq!(canadian.shipment.cost, Some(Money::new(dec!(20.00), "CAD")));
    assert_eq!(canadian.order.key, None, "the order's own id is nobody's key");
}

/// P41: whatever a webhook points to elsewhere is not followed, and nothing is sent: neither the key nor a question.
#[tokio::test]
async fn a_foreign_pointer_is_refused_before_anything_is_sent() {
    let world = World::new(account);
    for pointer in [
        "https://evil.example/v2/labels?batch_id=se-1",
        "http://api.shipstation.com/v2/labels?batch_id=se-1",
        "https://api.shipstation.com@evil.example/v2/labels?batch_id=se-1",
        "https://api.shipstation.com/v2/labels/se-701/track",
        "https://api.shipstation.com/v2/shipments?import_batch_id=1",
        "http://169.254.169.254/v2/labels?batch_id=se-1",
    ] {
        let refused = world.v2().pointed_to(pointer, None).await;
        assert!(matches!(refused, Err(CallError::Refused(_))), "{pointer}: {refused:?}");
        let page = world.v2().pointed_to(LABELS, Some(pointer)).await;
        assert!(
            matches!(page, Err(CallError::Refused(_))),
            "{pointer} as a page: {page:?}"
        );
    }
    assert_eq!(world.lines(), Vec::<String>::new());
}

/// P41: a list of several pages is read to its end, and the link to the next is looked at like the pointer itself.
#[tokio::test]
async fn the_next_page_is_followed_only_to_shipstation() {
    let paged = |next: &'static str| {
        World::new(move |asked: &Asked| {
            let mut page =
                json!({ "labels": [voided("se-1")], "page": 1, "pages": 2, "links": {"next": {"href": next}} });
            if asked.field("page").as_deref() == Some("2") {
                page = json!({ "labels": [voided("se-2")], "page": 2, "pages": 2, "links": {"next": {}} });
            }
            ok(&page)
        })
    };
    let world = paged("https://api.shipstation.com/v2/labels?batch_id=se-64000001&page=2");
    let first = world.v2().pointed_to(LABELS, None).await.unwrap();
    let second = world.v2().pointed_to(LABELS, first.next.as_deref()).await.unwrap();
    assert_eq!((second.despatches[0].id.as_str(), second.next), ("label:se-2", None));
    let world = paged("https://evil.example/v2/labels?page=2");
    let first = world.v2().pointed_to(LABELS, None).await.unwrap();
    let second = world.v2().pointed_to(LABELS, first.next.as_deref()).await;
    assert!(matches!(second, Err(CallError::Refused(refusal)) if refusal.code == "foreign-pointer"));
    assert!(world.lines().iter().all(|line| line.contains("api.shipstation.com")));
}

#[tokio::test]
async fn a_batch_leads_to_its_labels() {
    let world = World::new(account);
    let page = world
        .v2()
        .pointed_to("https://api.shipstation.com/v2/batches/se-64000001", None)
        .await;
    assert_eq!(page.unwrap().despatches.len(), 9);
    assert_eq!(
        world.lines()[0],
        "GET api.shipstation.com/v2/labels?batch_id=se-64000001"
    );
}

/// Bad input: `has_errors` inside a 200, and errors inside a 207.
#[tokio::test]
async fn errors_inside_a_success_are_no_empty_list() {
    for code in [200, 207] {
        let world = World::new(move |_| status(code, &fixture("error/page-with-errors")));
        let refused = world.v2().pointed_to(LABELS, None).await.unwrap_err();
        assert!(
            matches!(&refused, CallError::Refused(refusal) if refusal.code == "invalid_field_value"),
            "{refused:?}"
        );
    }
    let partly = World::new(|_| {
        let mut page = fixture("error/page-with-errors");
        page["labels"] = json!([voided("se-1")]);
        status(207, &page)
    });
    let page = partly.v2().pointed_to(LABELS, None).await.unwrap();
    assert_eq!(page.despatches.len(), 1, "what is right beside the error is not lost");
    let unreadable = World::new(|_| Said(200, Vec::new(), "<html>".into()));
    let later = unreadable.v2().pointed_to(LABELS, None).await.unwrap_err();
    assert!(matches!(later, CallError::Later(_)), "{later:?}");
}

/// P43: the label's event and the fulfilment's are one despatch, joined by the tracking number: the label names it.
#[tokio::test]
async fn a_fulfilment_of_a_labelled_parcel_is_that_label() {
    let world = World::new(account);
    let desk = world.v2();
    let page = desk.pointed_to(FULFILMENTS, None).await.unwrap();
    let ids: Vec<&str> = page.despatches.iter().map(|despatch| despatch.id.as_str()).collect();
    assert_eq!(
        (ids.as_slice(), world.lines().len()),
        (["fulfilment:se-901", "fulfilment:se-902"].as_slice(), 1)
    );
    let all = in_full(&desk, &page.despatches).await;
    let ids: Vec<&str> = all.iter().map(|despatch| despatch.id.as_str()).collect();
    assert_eq!(ids, ["label:se-701", "fulfilment:se-902"]);
    assert!(all[0].lines.is_some(), "it is the label with what is in it");
    let own = by_id(&all, "fulfilment:se-902");
    assert_eq!(
        (own.order.number.as_str(), own.carrier.as_deref()),
        ("SO-1020", Some("USPS"))
    );
    assert_eq!(own.lines.as_ref().map(Vec::len), Some(2));
    assert_eq!(own.shipment.cost, None, "a fee of nothing is no cost");
}

/// A number that a merchant typed may be refused: that row is told without a look at labels, and the others as ever.
#[tokio::test]
async fn a_row_whose_number_is_refused_keeps_none_waiting() {
    let world = World::new(|asked: &Asked| match asked.field("tracking_number") {
        Some(number) if number.contains('?') => {
            let fault = json!({"error_code": "invalid_field_value", "message": "no such number"});
            status(400, &json!({ "errors": [fault] }))
        }
        None if asked.has("/v2/fulfillments?") => {
            let mut page = fixture("fulfillments/page");
            page["fulfillments"][0]["tracking_number"] = json!("by our own van?");
            ok(&page)
        }
        _ => account(asked),
    });
    let desk = world.v2();
    let page = desk.pointed_to(FULFILMENTS, None).await.unwrap();
    let all = in_full(&desk, &page.despatches).await;
    let ids: Vec<&str> = all.iter().map(|despatch| despatch.id.as_str()).collect();
    assert_eq!(ids, ["fulfilment:se-901", "fulfilment:se-902"]);
    assert!(all[0].lines.is_some(), "its order was asked for");
}

/// A number that another order's label bears does not make the parcel that label's.
#[tokio::test]
async fn a_label_of_another_order_is_another_parcel() {
    let world = World::new(|asked: &Asked| {
        if asked.field("tracking_number").is_some() {
            let mut label = fixture("labels/label");
            label["shipment_id"] = json!("se-999");
            return ok(&json!({ "labels": [label], "page": 1, "pages": 1 }));
        }
        account(asked)
    });
    let desk = world.v2();
    let page = desk.pointed_to(FULFILMENTS, None).await.unwrap();
    let all = in_full(&desk, &page.despatches).await;
    let ids: Vec<&str> = all.iter().map(|despatch| despatch.id.as_str()).collect();
    assert_eq!(ids, ["fulfilment:se-901", "fulfilment:se-902"]);
}

/// P41: what a lost webhook did not tell is found by asking for a stretch of time: labels first, then fulfilments, each by the
/// filters that it has.
#[tokio::test]
async fn a_stretch_is_read_from_both_lists() {
    let world = World::new(account);
    let desk = world.v2();
    let first = desk.despatched(Despatched::Made(that_day()), None).await.unwrap();
    assert_eq!(
        (first.despatches.len(), first.next.as_deref()),
        (9, Some("fulfilments:1"))
    );
    let second = desk
        .despatched(Despatched::Made(that_day()), first.next.as_deref())
        .await
        .unwrap();
    assert_eq!((second.despatches.len(), second.next), (2, None));
    let asked = world.asked();
    assert_eq!(
        asked.len(),
        2,
        "a list costs a call for each page: {:#?}",
        world.lines()
    );
    let labels = asked
        .iter()
        .find(|asked| asked.has("/v2/labels?created_at_start"))
        .unwrap();
    assert_eq!(
        labels.field("created_at_start").as_deref(),
        Some("2026-11-20T00:00:00Z")
    );
    assert_eq!(labels.field("created_at_end").as_deref(), Some("2026-11-21T00:00:01Z"));
    assert_eq!(labels.field("sort_dir").as_deref(), Some("asc"));
    let fulfilments = asked.iter().find(|asked| asked.has("/v2/fulfillments?")).unwrap();
    assert!(fulfilments.field("create_date_start").is_some() && fulfilments.field("created_at_start").is_none());
    assert!(matches!(
        desk.despatched(Despatched::Made(that_day()), Some("orders:1")).await,
        Err(CallError::Refused(_))
    ));
}

#[tokio::test]
async fn voids_are_asked_for_as_such_and_cost_no_orders() {
    let world = World::new(|asked: &Asked| match asked.field("label_status").as_deref() {
        Some("voided") => ok(&json!({ "labels": [fixture("labels/voided")], "page": 1, "pages": 1 })),
        _ => account(asked),
    });
    let desk = world.v2();
    let page = desk.despatched(Despatched::Voided(that_day()), None).await.unwrap();
    let page_2 = desk
        .despatched(Despatched::Voided(that_day()), page.next.as_deref())
        .await
        .unwrap();
    let found = [page.despatches, page_2.despatches].concat();
    assert_eq!((found.len(), &found[0].standing), (1, &DespatchStanding::Voided));
    assert_eq!(world.lines().len(), 2, "{:#?}", world.lines());
    let sizes: Vec<_> = world.asked().iter().map(|asked| asked.field("page_size")).collect();
    assert_eq!(sizes, [Some("100".to_owned()), Some("100".to_owned())]);
}

/// A filter that is not read gives everything that was ever shipped: that is noticed by the dates of what comes.
#[tokio::test]
async fn a_filter_that_is_ignored_is_noticed() {
    let world = World::new(|_| {
        let mut label = fixture("labels/label");
        label["created_at"] = json!("2024-02-01T00:00:00Z");
        ok(&json!({ "labels": [label], "page": 1, "pages": 900 }))
    });
    let refused = world
        .v2()
        .despatched(Despatched::Made(that_day()), None)
        .await
        .unwrap_err();
    assert!(matches!(refused, CallError::Refused(refusal) if refusal.code == "filter-ignored"));
}

/// P49: where the limit ends before an order is read, the list is told all the same, and the order is asked for later.
#[tokio::test]
async fn what_is_in_a_despatch_waits_for_the_limit() {
    let open = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let gate = open.clone();
    let world = World::new(move |asked: &Asked| {
        let closed = !gate.load(std::sync::atomic::Ordering::Relaxed);
        if closed && asked.has("/v2/shipments/se-502") {
            return Said(
                429,
                vec![("retry-after", "7".into())],
                fixture("error/limit").to_string(),
            );
        }
        account(asked)
    });
    let desk = world.v2();
    let page = desk.despatched(Despatched::Made(that_day()), None).await.unwrap();
    assert_eq!(page.despatches.len(), 9);
    let told = by_id(&page.despatches, "label:se-702");
    let paused = desk.in_full(told).await.unwrap_err();
    assert!(
        matches!(&paused, CallError::Later(later) if later.obstacle == Obstacle::Limited && later.after.is_some_and(|wait| wait.as_secs() == 7)),
        "{paused:?}"
    );
    open.store(true, std::sync::atomic::Ordering::Relaxed);
    world.clock.turn(jiff::SignedDuration::from_secs(8));
    let label = desk.in_full(told).await.unwrap();
    assert_eq!(
        (label.id.as_str(), label.order.number.as_str()),
        ("label:se-702", "SO-502")
    );
}

/// What somebody else says of an order stands beside what the label itself says: a number that the label bears is not replaced, and an
/// order that may not be seen leaves the label as it was told.
#[tokio::test]
async fn an_order_that_may_not_be_seen_leaves_the_label_as_it_was_told() {
    let world = World::new(|asked: &Asked| match asked {
        _ if asked.has("/v2/shipments/") => {
            let fault = json!({"error_source": "ShipStation", "error_type": "security", "error_code": "forbidden", "message": "no"});
            status(403, &json!({ "errors": [fault] }))
        }
        _ => account(asked),
    });
    let desk = world.v2();
    let page = desk.pointed_to(LABELS, None).await.unwrap();
    let told = by_id(&page.despatches, "label:se-701");
    assert_eq!(desk.in_full(told).await.unwrap(), *told);
}

#[tokio::test]
async fn a_despatch_is_read_as_it_stands_now() {
    let world = World::new(|asked: &Asked| match asked {
        _ if asked.has("/v2/labels/se-703") => ok(&fixture("labels/voided")),
        _ if asked.has("/v2/labels/se-0") => nothing(),
        _ => account(asked),
    });
    let desk = world.v2();
    let read = |id: &str| {
        let (desk, id) = (&desk, DespatchId::new(id));
        async move { desk.despatch(&id, None).await }
    };
    assert_eq!(
        read("label:se-703").await.unwrap().unwrap().standing,
        DespatchStanding::Voided
    );
    assert_eq!(read("label:se-0").await.unwrap(), None);
    let fulfilment = read("fulfilment:se-902").await.unwrap().unwrap();
    assert_eq!(fulfilment.id.as_str(), "fulfilment:se-902");
    assert_eq!(read("fulfilment:se-1").await.unwrap(), None);
    for id in ["shipment:44", "label:../void", "pallet:1", "label:"] {
        assert!(matches!(read(id).await, Err(CallError::Refused(_))), "{id}");
    }
}

/// Everything that an order was shipped in, each parcel once.
#[tokio::test]
async fn an_order_knows_its_despatches() {
    let world = World::new(account);
    let desk = world.v2();
    let label = desk
        .despatch(&DespatchId::new("fulfilment:se-901"), None)
        .await
        .unwrap()
        .unwrap();
    let all = desk.despatches_of(&label.order).await.unwrap().unwrap();
    let ids: Vec<&str> = all.iter().map(|despatch| despatch.id.as_str()).collect();
    assert_eq!(ids, ["label:se-701"], "the label and its fulfilment are one");
}

/// P42: an order is found by exactly its number, in whichever store: there may be two.
#[tokio::test]
async fn orders_are_found_by_exactly_their_number() {
    let world = World::new(|asked: &Asked| {
        let mut orders = Vec::new();
        for (id, number, store) in [
            ("se-1", "SO-1001", "se-7"),
            ("se-2", "SO-10011", "se-7"),
            ("se-3", "SO-1001", "se-8"),
        ] {
            let mut order = fixture("shipments/order");
            (order["shipment_id"], order["shipment_number"]) = (json!(id), json!(number));
            order["store_id"] = json!(store);
            orders.push(order);
        }
        assert_eq!(asked.field("shipment_number").as_deref(), Some("SO-1001"));
        ok(&json!({ "shipments": orders, "page": 1, "pages": 1 }))
    });
    let desk = world.v2();
    let found = desk.numbered("SO-1001").await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|order| (order.id.as_str(), order.store.as_deref()))
        .collect();
    assert_eq!(found, [("se-1", Some("7")), ("se-3", Some("8"))]);
    assert!(desk.numbers_repeat());
    let none = World::new(|_| empty("shipments")).v2().numbered("SO-9").await;
    assert!(none.unwrap().is_empty());
}

/// P47, P50: the key stands in no record of what was asked, and a failing answer is there for the audit.
#[tokio::test]
async fn the_key_is_never_recorded() {
    let world = World::new(|_| status(500, &json!({"errors": []})));
    let failed = world.v2().pointed_to(LABELS, None).await;
    assert!(matches!(failed, Err(CallError::Later(_))));
    let exchanges = world.recorder.drain();
    assert_eq!((exchanges.len(), exchanges[0].status), (1, Some(500)));
    let text = format!("{exchanges:?}");
    assert!(!text.contains("s3cret"), "{text}");
}
