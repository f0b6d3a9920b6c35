//! Customers out: open orders say what the ERP says of the customer, and nothing else of them is touched.

use serde_json::{Value, json};

use super::here::{Asked, Said, World, empty, nothing, ok, status};
use super::{connection, fixture, open_order};
use crate::domain::DeskOrder;
use crate::memory::OrderBook;
use crate::ports::{CallError, Placed, ShippingDesk};

const KEY: &str = "/v2/shipments/external_shipment_id/netsuite:1234567:SO:1?";

/// A book that knows that the order of the fixtures was told as it stands there.
fn book() -> OrderBook {
    OrderBook::heard(&open_order().goods())
}

/// An account with one order under our key.
fn with_ours(order: &Value) -> World {
    let order = order.clone();
    World::new(move |asked: &Asked| match asked {
        _ if asked.line.starts_with("PUT") => Said(204, Vec::new(), String::new()),
        _ if asked.has(KEY) => ok(&order),
        _ => nothing(),
    })
}

fn of_another(changes: impl FnOnce(&mut DeskOrder)) -> DeskOrder {
    let mut order = open_order();
    changes(&mut order);
    order
}

/// P45: an open order is told what belongs to the customer; what else stands in it stays.
#[tokio::test]
async fn an_open_order_is_told_of_its_customer() {
    let world = with_ours(&fixture("shipments/order"));
    let placed = world.v2().place(&open_order(), None).await.unwrap();
    assert!(matches!(&placed, Placed::Changed(order) if order.id == "se-501" && order.number == "SO-1001"));
    let sent = &world.sent("PUT")[0];
    assert!(sent.has("/v2/shipments/se-501?"));
    let body = sent.json();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["advanced_options", "ship_to"], "nothing but the customer's part");
    let receiver = &body["ship_to"];
    assert_eq!(receiver["name"], "Nora Quist");
    assert_eq!(receiver["company_name"], "Quist Instruments");
    assert_eq!(
        (&receiver["email"], &receiver["phone"]),
        (&json!("orders@quist.example"), &json!("+1 503 555 0199"))
    );
    assert_eq!(
        (&receiver["address_line1"], &receiver["address_line2"]),
        (&json!("9 Burnside Ave"), &Value::Null)
    );
    assert_eq!(receiver["instructions"], "Ring twice", "what we do not know stays");
    let fields = &body["advanced_options"];
    assert_eq!(fields["custom_field1"], "Quist Holding / Quist Instruments");
    assert_eq!(fields["custom_field3"], "keep");
}

/// P45: telling it again changes nothing.
#[tokio::test]
async fn an_order_that_stands_just_so_is_left_alone() {
    let told = with_ours(&fixture("shipments/order"));
    assert!(matches!(
        told.v2().place(&open_order(), Some(&book())).await,
        Ok(Placed::Changed(_))
    ));
    let change = told.sent("PUT")[0].json();
    let mut order = fixture("shipments/order");
    for (name, value) in change.as_object().unwrap() {
        order[name] = value.clone();
    }
    let world = with_ours(&order);
    assert!(matches!(
        world.v2().place(&open_order(), Some(&book())).await,
        Ok(Placed::Same(_))
    ));
    assert!(world.sent("PUT").is_empty());
}

/// Where the connection makes orders, all of it follows the ERP: fewer pieces are fewer pieces there.
#[tokio::test]
async fn an_order_of_ours_follows_the_erp_whole() {
    let less = of_another(|order| {
        order.lines.truncate(1);
        order.lines[0].quantity = 1.into();
    });
    let world = with_ours(&fixture("shipments/order"));
    assert!(matches!(
        world.v2().place(&less, Some(&book())).await,
        Ok(Placed::Changed(_))
    ));
    let items = world.sent("PUT")[1].json()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1);
    assert_eq!((&items[0]["sku"], &items[0]["quantity"]), (&json!("FM-20"), &json!(1)));
    assert_eq!(items[0]["external_order_item_id"], "11");
    let only_told = with_ours(&fixture("shipments/order"));
    only_told.v2().place(&less, None).await.unwrap();
    assert_eq!(only_told.sent("PUT")[0].json().get("items"), None);
}

/// P45: what the ERP orders more of is more there, and a new line a new one, as long as the order stands there as it was told.
#[tokio::test]
async fn more_goods_are_told_where_nobody_changed_them() {
    let more = of_another(|order| {
        order.lines[0].quantity = 7.into();
        order.lines.push(super::line("13", "NEW-1", 3.into(), 1.into()));
    });
    let (world, book) = (with_ours(&fixture("shipments/order")), book());
    let placed = world.v2().place(&more, Some(&book)).await;
    assert!(matches!(placed, Ok(Placed::Changed(_))), "{placed:?}");
    let items = world.sent("PUT")[1].json()["items"].clone();
    let told: Vec<(&str, i64)> = items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["sku"].as_str().unwrap(), item["quantity"].as_i64().unwrap()))
        .collect();
    assert_eq!(told, [("FM-20", 7), ("GK-1", 10), ("NEW-1", 3)]);
    // It was written down before: whoever comes after a lost answer knows the one and the other.
    assert!(book.goods().are(&open_order().goods()) && book.goods().are(&more.goods()));
    let mut there = fixture("shipments/order");
    there["items"] = items;
    let back = with_ours(&there);
    let placed = back.v2().place(&open_order(), Some(&book)).await;
    assert!(matches!(placed, Ok(Placed::Changed(_))), "{placed:?}");
    assert_eq!(back.sent("PUT")[1].json()["items"][0]["quantity"], 2);
}

/// P45: an order that was split or changed at the desk shows other goods than it was told: neither more nor less is written to it, for
/// what is missing is shipped from another part; what is said of the customer is told all the same, and the order is named.
#[tokio::test]
async fn goods_that_people_changed_or_split_are_left_alone() {
    let mut part = fixture("shipments/order");
    part["items"].as_array_mut().unwrap().truncate(1);
    part["items"][0]["quantity"] = json!(1);
    let more = of_another(|order| order.lines[0].quantity = 7.into());
    let mut raised = fixture("shipments/order");
    raised["items"][0]["quantity"] = json!(5);
    let less = of_another(|order| order.lines[0].quantity = 1.into());
    let by_nobody_known = OrderBook::default();
    for (there, wanted, book) in [
        (&part, &open_order(), &book()),
        (&part, &more, &book()),
        (&raised, &less, &book()),
        (&fixture("shipments/order"), &less, &by_nobody_known),
    ] {
        let world = with_ours(there);
        let refused = world.v2().place(wanted, Some(book)).await.unwrap_err();
        assert!(
            matches!(&refused, CallError::Refused(refusal) if refusal.code == "goods"),
            "{refused:?}"
        );
        let sent = world.sent("PUT");
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!(sent[0].json()["ship_to"]["address_line1"], "9 Burnside Ave");
        assert_eq!(sent[0].json().get("items"), None);
    }
    let as_split = of_another(|order| {
        order.lines.truncate(1);
        order.lines[0].quantity = 1.into();
    });
    let (world, book) = (with_ours(&part), book());
    assert!(world.v2().place(&as_split, Some(&book)).await.is_ok());
    book.settle(&as_split.goods());
    assert!(
        !book.goods().are(&as_split.goods()),
        "a part is not adopted as the whole"
    );
}

/// A receiver without a telephone is told without one, and one that has none any more is emptied.
#[tokio::test]
async fn a_telephone_that_nobody_has_is_left_out() {
    let silent = of_another(|order| {
        order.ship_to.phone = None;
        order.customer.phones.clear();
    });
    let world = maker(false);
    assert!(world.v2().place(&silent, Some(&OrderBook::default())).await.is_ok());
    let made = world.sent("POST")[0].json()["shipments"][0]["ship_to"].clone();
    assert_eq!(
        (made.get("phone"), made["city_locality"].as_str()),
        (None, Some("Portland"))
    );
    let world = with_ours(&fixture("shipments/order"));
    assert!(world.v2().place(&silent, None).await.is_ok());
    assert_eq!(world.sent("PUT")[0].json()["ship_to"]["phone"], "");
}

/// P45: goods that are refused do not take the new address with them.
#[tokio::test]
async fn an_address_is_told_though_the_goods_are_refused() {
    let world = World::new(|asked: &Asked| match asked {
        _ if asked.line.starts_with("PUT") && asked.json().get("items").is_some() => status(
            400,
            &json!({"errors": [{"error_code": "invalid_field_value", "message": "items"}]}),
        ),
        _ if asked.line.starts_with("PUT") => Said(204, Vec::new(), String::new()),
        _ if asked.has(KEY) => ok(&fixture("shipments/order")),
        _ => nothing(),
    });
    let less = of_another(|order| order.lines[0].quantity = 1.into());
    let refused = world.v2().place(&less, Some(&book())).await;
    assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
    let first = world.sent("PUT")[0].json();
    assert_eq!(first["ship_to"]["address_line1"], "9 Burnside Ave");
}

/// An order that has our key and another number is not written to, not even to take it away.
#[tokio::test]
async fn a_key_without_the_orders_number_is_not_ours() {
    let mut other = fixture("shipments/order");
    other["shipment_number"] = json!("SO-9");
    for open in [true, false] {
        let world = with_ours(&other);
        let order = of_another(|order| order.open = open);
        let refused = world.v2().place(&order, Some(&book())).await.unwrap_err();
        assert!(
            matches!(&refused, CallError::Refused(refusal) if refusal.code == "another-number"),
            "{refused:?}"
        );
        assert!(world.sent("PUT").is_empty());
    }
}

/// Whoever receives the goods is called at the address where they go, the customer where that says nothing.
#[tokio::test]
async fn the_receiver_has_the_addresss_own_telephone_and_mail() {
    let order = of_another(|order| {
        order.ship_to.phone = Some("+1 971 555 0100".to_owned());
        order.ship_to.email = Some("dock@quist.example".to_owned());
        order.bill_to = Some(crate::domain::Address {
            name: "Quist Instruments".to_owned(),
            phone: Some("+1 971 555 0999".to_owned()),
            ..order.ship_to.clone()
        });
    });
    let world = with_ours(&fixture("shipments/order"));
    world.v2().place(&order, None).await.unwrap();
    let receiver = world.sent("PUT")[0].json()["ship_to"].clone();
    assert_eq!(
        (&receiver["phone"], &receiver["email"]),
        (&json!("+1 971 555 0100"), &json!("dock@quist.example"))
    );
    let older = with_v1(&fixture("v1/order"));
    let order = DeskOrder {
        number: "SO-1020".to_owned(),
        ..order
    };
    older.v1().place(&order, None).await.unwrap();
    let body = older.sent("POST")[0].json();
    assert_eq!(
        (
            &body["shipTo"]["phone"],
            &body["billTo"]["phone"],
            &body["customerEmail"]
        ),
        (
            &json!("+1 971 555 0100"),
            &json!("+1 503 555 0199"),
            &json!("orders@quist.example")
        )
    );
}

#[tokio::test]
async fn what_was_shipped_or_cancelled_is_fixed() {
    for there in ["label_purchased", "cancelled"] {
        let mut order = fixture("shipments/order");
        order["shipment_status"] = json!(there);
        let world = with_ours(&order);
        assert!(
            matches!(
                world.v2().place(&open_order(), Some(&book())).await,
                Ok(Placed::Fixed(_))
            ),
            "{there}"
        );
        assert!(world.sent("PUT").is_empty());
    }
    let raced = World::new(|asked: &Asked| match asked.line.starts_with("PUT") {
        true => status(
            400,
            &json!({"errors": [{"error_code": "invalid_status", "message": "has a label"}]}),
        ),
        false => ok(&fixture("shipments/order")),
    });
    assert!(matches!(
        raced.v2().place(&open_order(), Some(&book())).await,
        Ok(Placed::Fixed(_))
    ));
}

/// Orders that others made are found by their number, in the connection's own stores; of several nobody is chosen.
#[tokio::test]
async fn an_order_of_others_is_found_by_its_number() {
    let world = |stores: &'static [&'static str]| {
        World::new(move |asked: &Asked| match asked {
            _ if asked.line.starts_with("PUT") => Said(204, Vec::new(), String::new()),
            _ if asked.field("shipment_number").is_some() => {
                let orders = stores.iter().map(|store| {
                    let mut order = fixture("shipments/order");
                    (order["shipment_id"], order["store_id"]) = (json!(format!("se-of-{store}")), json!(store));
                    order["external_shipment_id"] = json!("market-1");
                    order
                });
                ok(&json!({ "shipments": orders.collect::<Vec<_>>(), "page": 1, "pages": 1 }))
            }
            _ => nothing(),
        })
    };
    let one = world(&["se-7"]);
    assert!(matches!(
        one.v2().place(&open_order(), Some(&book())).await,
        Ok(Placed::Changed(_))
    ));
    assert_eq!(
        one.sent("PUT")[0].json().get("items"),
        None,
        "of others only the customer's part is ours"
    );
    let two = world(&["se-7", "se-8"]);
    let refused = two.v2().place(&open_order(), None).await.unwrap_err();
    assert!(
        matches!(&refused, CallError::Refused(why) if why.message.contains("2 orders")),
        "{refused:?}"
    );
    let mut own = connection(&json!({}));
    own.desk =
        Some(serde_json::from_value(json!({"named_by": ["number"], "stores": ["8"], "voids_days": 30})).unwrap());
    let placed = two.open(&own).place(&open_order(), None).await.unwrap();
    assert!(matches!(placed, Placed::Changed(order) if order.id == "se-of-se-8"));
    let none = World::new(|asked: &Asked| match asked.field("shipment_number") {
        Some(_) => empty("shipments"),
        None => nothing(),
    });
    assert_eq!(none.v2().place(&open_order(), None).await, Ok(Placed::Absent));
}

/// An account without the order: made once, whatever becomes of the answer.
fn maker(refused_once: bool) -> World {
    let tried = std::sync::atomic::AtomicBool::new(false);
    World::new(move |asked: &Asked| match asked {
        _ if asked.line.starts_with("POST") => {
            tried.store(true, std::sync::atomic::Ordering::Relaxed);
            let answer = if refused_once {
                "shipments/conflict-inside-success"
            } else {
                "shipments/created"
            };
            ok(&fixture(answer))
        }
        _ if asked.line.starts_with("PUT") => Said(204, Vec::new(), String::new()),
        _ if asked.has(KEY) && refused_once && tried.load(std::sync::atomic::Ordering::Relaxed) => {
            ok(&fixture("shipments/order"))
        }
        _ if asked.has("/v2/warehouses") => ok(
            &json!({"warehouses": [{"warehouse_id": "se-1", "is_default": false}, {"warehouse_id": "se-2", "is_default": true}]}),
        ),
        _ if asked.field("shipment_number").is_some() => empty("shipments"),
        _ => nothing(),
    })
}

/// P45: an order is made under a key that follows from the ERP's document.
#[tokio::test]
async fn an_order_is_made_under_the_erps_own_key() {
    let world = maker(false);
    let mut own = connection(&json!({}));
    own.customers = Some(
        serde_json::from_value(json!({
            "schedule": {"expression": "rate(1 hour)", "time_zone": "UTC"}, "make_orders": true, "store": "1582173"
        }))
        .unwrap(),
    );
    let placed = world.open(&own).place(&open_order(), Some(&book())).await.unwrap();
    assert!(matches!(placed, Placed::Made(order) if order.id == "se-777"));
    let body = world.sent("POST")[0].json();
    let made = &body["shipments"][0];
    assert_eq!(made["external_shipment_id"], "netsuite:1234567:SO:1");
    assert_eq!(
        (&made["shipment_number"], &made["create_sales_order"]),
        (&json!("SO-1001"), &json!(true))
    );
    assert_eq!(
        (&made["store_id"], &made["warehouse_id"]),
        (&json!("1582173"), &json!("se-2"))
    );
    assert_eq!(made["packages"][0]["weight"], json!({"value": 6, "unit": "pound"}));
    assert_eq!(made["ship_to"]["address_residential_indicator"], "unknown");
    assert_eq!(made["items"][1]["unit_price"], json!(0.8));
    assert_eq!(
        made["advanced_options"],
        json!({"custom_field1": "Quist Holding / Quist Instruments"})
    );
}

/// Bad input: a conflict inside a 200 is our own earlier try, whose answer was lost: that order is ours.
#[tokio::test]
async fn an_order_that_is_there_by_now_is_changed_instead() {
    let world = maker(true);
    let placed = world.v2().place(&open_order(), Some(&book())).await.unwrap();
    assert!(matches!(placed, Placed::Changed(order) if order.id == "se-501"));
    assert_eq!(world.sent("POST").len(), 1);
}

#[tokio::test]
async fn an_order_that_cannot_be_told_is_refused_in_words() {
    let world = maker(false);
    let broken = of_another(|order| order.lines[0].quantity = rust_decimal::dec!(1.5));
    let refused = world.v2().place(&broken, Some(&book())).await.unwrap_err();
    assert!(
        matches!(&refused, CallError::Refused(refusal) if refusal.code == "quantity"),
        "{refused:?}"
    );
    let long = of_another(|order| order.number = "N".repeat(51));
    assert!(matches!(
        world.v2().place(&long, Some(&book())).await,
        Err(CallError::Refused(_))
    ));
    let field = of_another(|order| {
        order.customer.fields.insert("colour".into(), "red".into());
    });
    assert!(
        matches!(world.v2().place(&field, Some(&book())).await, Err(CallError::Refused(refusal)) if refusal.code == "custom-field")
    );
    assert!(world.sent("POST").is_empty());
}

/// An order that the ERP has closed is taken away at the desk only if it is ours to make, and was not shipped.
#[tokio::test]
async fn a_closed_order_of_ours_is_taken_away() {
    let closed = of_another(|order| order.open = false);
    let world = with_ours(&fixture("shipments/order"));
    assert!(matches!(
        world.v2().place(&closed, Some(&book())).await,
        Ok(Placed::Changed(_))
    ));
    assert_eq!(
        world.sent("PUT")[0].line,
        "PUT api.shipstation.com/v2/shipments/se-501/cancel?"
    );
    let told_only = with_ours(&fixture("shipments/order"));
    assert!(matches!(
        told_only.v2().place(&closed, None).await,
        Ok(Placed::Fixed(_))
    ));
    assert_eq!(told_only.lines(), Vec::<String>::new());
    for (there, stands) in [("cancelled", true), ("label_purchased", false)] {
        let mut order = fixture("shipments/order");
        order["shipment_status"] = json!(there);
        let world = with_ours(&order);
        let placed = world.v2().place(&closed, Some(&book())).await.unwrap();
        assert_eq!(matches!(placed, Placed::Same(_)), stands, "{placed:?}");
        assert!(world.sent("PUT").is_empty());
    }
    let absent = World::new(|_| nothing());
    assert_eq!(absent.v2().place(&closed, Some(&book())).await, Ok(Placed::Absent));
}

/// An account of V1 with one order.
fn with_v1(order: &Value) -> World {
    let order = order.clone();
    World::new(move |asked: &Asked| match asked {
        _ if asked.line.starts_with("POST") => ok(&asked.json()),
        _ if asked.field("orderNumber").is_some() => ok(&json!({ "orders": [order], "page": 1, "pages": 1 })),
        _ if asked.field("orderId").is_some() => empty("shipments"),
        _ => nothing(),
    })
}

fn on_a_market() -> DeskOrder {
    of_another(|order| order.number = "SO-1020".into())
}

/// P45: V1 takes orders whole: everything that stands in one goes back with it, known to us or not.
#[tokio::test]
async fn an_order_of_v1_goes_back_whole() {
    let there = fixture("v1/order");
    let world = with_v1(&there);
    assert!(matches!(
        world.v1().place(&on_a_market(), None).await,
        Ok(Placed::Changed(_))
    ));
    let sent = &world.sent("POST")[0];
    assert!(sent.has("/orders/createorder"));
    let body = sent.json();
    assert_eq!(body["orderKey"], "3f2a");
    let only_told = [
        "createDate",
        "modifyDate",
        "orderTotal",
        "holdUntilDate",
        "userId",
        "externallyFulfilled",
    ];
    for (name, value) in there.as_object().unwrap() {
        let name = name.as_str();
        let touched = ["customerEmail", "shipTo", "billTo", "advancedOptions"].contains(&name);
        assert_eq!(body.get(name).is_none(), only_told.contains(&name), "{name}");
        assert!(
            touched || only_told.contains(&name) || body[name] == *value,
            "{name} is {}",
            body[name]
        );
    }
    assert_eq!(body["customerEmail"], "orders@quist.example");
    assert_eq!(
        body["customerUsername"], "nora_on_a_market",
        "a market knows its buyer by that"
    );
    assert_eq!(body["shipTo"]["street1"], "9 Burnside Ave");
    assert_eq!(body["shipTo"]["addressVerified"], "Address validated successfully");
    assert_eq!(
        body["advancedOptions"]["customField1"],
        "Quist Holding / Quist Instruments"
    );
    assert_eq!(body["advancedOptions"]["customField3"], "keep");
    assert_eq!(body["advancedOptions"]["storeId"], json!(1_582_173));
    let again = with_v1(&body);
    assert!(matches!(
        again.v1().place(&on_a_market(), None).await,
        Ok(Placed::Same(_))
    ));
    assert!(again.sent("POST").is_empty());
}

#[tokio::test]
async fn an_order_of_v1_without_its_key_is_not_written() {
    let mut order = fixture("v1/order");
    order["orderKey"] = Value::Null;
    let world = with_v1(&order);
    let refused = world.v1().place(&on_a_market(), None).await.unwrap_err();
    assert!(
        matches!(&refused, CallError::Refused(refusal) if refusal.code == "order-key"),
        "{refused:?}"
    );
    for status in ["shipped", "cancelled"] {
        let mut order = fixture("v1/order");
        order["orderStatus"] = json!(status);
        let world = with_v1(&order);
        assert!(
            matches!(world.v1().place(&on_a_market(), None).await, Ok(Placed::Fixed(_))),
            "{status}"
        );
    }
}

/// P45: an order of ours in V1 is made and changed under one key; goods that stay keep what ShipStation knows of them.
#[tokio::test]
async fn an_order_of_v1_is_made_and_changed_under_one_key() {
    let world = World::new(|asked: &Asked| match asked.line.starts_with("POST") {
        true => {
            let mut order = asked.json();
            order["orderId"] = json!(1);
            ok(&order)
        }
        false => empty("orders"),
    });
    assert!(matches!(world.v1().place(&open_order(), Some(&book())).await, Ok(Placed::Made(order)) if order.id == "1"));
    let mut made = world.sent("POST")[0].json();
    assert_eq!(
        (&made["orderKey"], &made["orderStatus"]),
        (&json!("netsuite:1234567:SO:1"), &json!("awaiting_shipment"))
    );
    assert_eq!(made["orderDate"], "2026-11-19T00:00:00.0000000", "Pacific time");
    assert_eq!(
        (&made["customerUsername"], &made["billTo"]["name"]),
        (&json!("C-778"), &json!("Quist Instruments"))
    );
    assert_eq!(made["items"][0]["weight"], json!({"value": 0.5, "units": "pounds"}));
    made["orderId"] = json!(1);
    made["items"][0]["imageUrl"] = json!("https://img.example/1.png");
    let world = with_v1(&made);
    assert!(matches!(
        world.v1().place(&open_order(), Some(&book())).await,
        Ok(Placed::Same(_))
    ));
    let more = of_another(|order| order.lines[0].quantity = 5.into());
    let refused = world.v1().place(&more, Some(&OrderBook::default())).await;
    assert!(
        matches!(&refused, Err(CallError::Refused(refusal)) if refusal.code == "goods"),
        "nobody knows that it was told so: {refused:?}"
    );
    assert!(world.sent("POST").is_empty());
    let book_of_it = book();
    assert!(matches!(
        world.v1().place(&more, Some(&book_of_it)).await,
        Ok(Placed::Changed(_))
    ));
    assert_eq!(world.sent("POST")[0].json()["items"][0]["quantity"], 5);
    assert!(book_of_it.goods().are(&more.goods()));
    let less = of_another(|order| order.lines[0].quantity = 1.into());
    assert!(matches!(
        world.v1().place(&less, Some(&book())).await,
        Ok(Placed::Changed(_))
    ));
    let items = world.sent("POST")[1].json()["items"].clone();
    assert_eq!(
        (&items[0]["quantity"], &items[0]["imageUrl"]),
        (&json!(1), &json!("https://img.example/1.png"))
    );
    let closed = of_another(|order| order.open = false);
    assert!(matches!(
        world.v1().place(&closed, Some(&book())).await,
        Ok(Placed::Changed(_))
    ));
    assert_eq!(world.sent("POST")[2].json()["orderStatus"], "cancelled");
}

/// P45: an order of V1 is shown whole though a part of it was shipped: the ERP's rest is what is left of it, and is not written over
/// the whole.
#[tokio::test]
async fn the_rest_of_an_order_of_v1_is_not_written_over_the_whole() {
    let mut there = fixture("v1/order");
    (there["orderNumber"], there["orderKey"]) = (json!("SO-1001"), json!("netsuite:1234567:SO:1"));
    let shipped = |quantity: u32| {
        let order = there.clone();
        World::new(move |asked: &Asked| match asked {
            _ if asked.line.starts_with("POST") => ok(&asked.json()),
            _ if asked.field("orderNumber").is_some() => ok(&json!({ "orders": [order], "page": 1, "pages": 1 })),
            _ if asked.field("orderId").is_some() => {
                let item = json!({ "lineItemKey": "31", "sku": "FM-20", "quantity": quantity });
                let shipment = json!({ "shipmentId": 5, "orderId": 9320, "voided": false, "shipmentItems": [item] });
                ok(&json!({ "shipments": [shipment], "page": 1, "pages": 1 }))
            }
            _ => nothing(),
        })
    };
    let rest = of_another(|order| {
        order.lines.truncate(1);
        (order.lines[0].line, order.lines[0].quantity) = (crate::domain::LineId::new("31"), 1.into());
    });
    let world = shipped(2);
    let placed = world.v1().place(&rest, Some(&book())).await;
    assert!(matches!(placed, Ok(Placed::Changed(_))), "{placed:?}");
    assert_eq!(world.sent("POST")[0].json()["items"][0]["quantity"], 3);
    let world = shipped(1);
    let refused = world.v1().place(&rest, Some(&book())).await;
    assert!(
        matches!(&refused, Err(CallError::Refused(refusal)) if refusal.code == "goods"),
        "{refused:?}"
    );
    assert_eq!(
        world.sent("POST")[0].json()["items"][0]["quantity"],
        3,
        "the address is told"
    );
    let world = shipped(1);
    let called_off = of_another(|order| order.open = false);
    let placed = world.v1().place(&called_off, Some(&book())).await;
    assert!(matches!(placed, Ok(Placed::Fixed(_))), "{placed:?}");
    assert!(world.sent("POST").is_empty(), "what is under way is not taken away");
}
