//! What lies where, customers with accounts above them, and fulfilments that are deleted.

use super::*;
use crate::netsuite::stock::NewCustomer;

const STOCK: &str = "SELECT ail.item, ail.quantityonhand AS onhand, ail.quantityavailable AS available FROM aggregateItemLocation ail \
                     WHERE ail.item = ? ORDER BY ail.item, ail.location";

/// What is promised lies there and is not available; what shipped is gone, and back when its fulfilment is deleted.
#[tokio::test]
async fn stock_follows_orders_and_fulfilments() {
    let stage = Stage::plain().await;
    let (light, warehouse) = (stage.basics().light, stage.basics().warehouse);
    let row = async |stage: &Stage| {
        let (_, body) = stage.query(STOCK, &[&light.to_string()], "").await;
        let row = body["items"][0].clone();
        (
            row["onhand"].as_str().unwrap().to_owned(),
            row["available"].as_str().unwrap().to_owned(),
        )
    };
    let shown = |on_hand: &str, available: &str| (on_hand.to_owned(), available.to_owned());
    assert_eq!(row(&stage).await, shown("500", "500"));
    let order = stage.order(&[(light, 10, 10)]);
    assert_eq!(row(&stage).await, shown("500", "490"));
    let body = json!({ "externalId": "e-1", "shipStatus": { "id": "C" }, "item": { "items": [{ "orderLine": 1, "quantity": 4 }] } });
    stage.transform(order, "", &body).send().await.unwrap();
    assert_eq!(row(&stage).await, shown("496", "490"));
    let delete = async |eid: &str| {
        let path = format!("{RECORD}/itemFulfillment/eid:{eid}");
        read(stage.request(Method::DELETE, &path).send().await.unwrap()).await
    };
    let made = stage.netsuite.act(|world, _| world.fulfilment_named("e-1").unwrap().id);
    let invoice = stage
        .netsuite
        .act(|world, now| world.invoice(order, &[made], now))
        .unwrap();
    let (status, body) = delete("e-1").await;
    assert_eq!((status, code(&body)), (400, "USER_ERROR"), "it is billed");
    stage
        .netsuite
        .act(|world, now| world.void_invoice(invoice, now))
        .unwrap();
    assert_eq!(delete("e-1").await.0, 204);
    assert_eq!(row(&stage).await, shown("500", "490"));
    assert_eq!(delete("e-1").await.0, 404);
    stage
        .netsuite
        .act(|world, now| world.count(light, warehouse, 7.into(), now));
    assert_eq!(row(&stage).await, shown("7", "-3"));
}

#[tokio::test]
async fn a_customers_change_is_seen_on_the_customer_and_not_on_its_orders() {
    let stage = Stage::plain().await;
    let (parent, own) = stage.netsuite.act(|world, now| {
        let company = |company: &str, parent| NewCustomer {
            company: company.into(),
            parent,
            ..NewCustomer::default()
        };
        let parent = world.enter_customer(company("Above", None), now);
        (parent, world.enter_customer(company("Below", Some(parent)), now))
    });
    let order = stage.enter(NewOrder {
        customer: Some(own),
        ..NewOrder::to(address(), vec![NewLine::of(stage.basics().light, 1)])
    });
    let ordered = stage.modified(order);
    stage.advance(600);
    let change = |world: &mut crate::netsuite::world::World, now| {
        world.change_customer(parent, now, |customer| {
            customer.company = "Far above".into();
            customer
                .custom
                .insert("custentity_account_manager".into(), json!("Kim"));
        })
    };
    stage.netsuite.act(change).unwrap();
    assert_eq!(stage.modified(order), ordered);
    let q = "SELECT c.id, p.companyname AS above, p.custentity_account_manager AS manager, \
             TO_CHAR(p.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS modified FROM customer c JOIN customer p ON p.id = c.parent \
             WHERE c.id = ? AND p.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') ORDER BY c.id";
    let (_, body) = stage.query(q, &[&own.to_string(), "2026-02-03 10:10:00"], "").await;
    let row = &body["items"][0];
    assert_eq!(
        (&row["above"], &row["manager"]),
        (&json!("Far above"), &json!("Kim")),
        "{body}"
    );
    assert_eq!(row["modified"], "2026-02-03 10:10:00");
    stage
        .netsuite
        .configure(|options| options.unseen_columns.extend(["lastmodifieddate".to_owned()]))
        .unwrap();
    let (status, body) = stage.query(q, &[&own.to_string(), "2026-02-03 10:10:00"], "").await;
    assert!(
        status == 400 && detail(&body).contains("Unknown identifier 'lastmodifieddate'"),
        "{body}"
    );
}
