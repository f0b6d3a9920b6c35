//! Fulfilments that people make, and the invoices that bill them.

use super::*;
use crate::netsuite::model::{OrderStatus, ShipStatus};

const MADE_FROM: &str = "SELECT t.id, t.tranid, BUILTIN.CF(t.status) AS statuscode, tl.createdfrom, t.custbody_waybill_tracking \
                         FROM transaction t JOIN transactionline tl ON tl.transaction = t.id AND tl.mainline = 'T' \
                         WHERE t.type = ? AND tl.createdfrom = ? ORDER BY t.id";

const LINES: &str = "SELECT tl.item, ABS(NVL(tl.quantity, 0)) AS quantity, NVL(tl.iscogs, 'F') AS iscogs FROM transactionline tl \
                     WHERE tl.transaction = ? AND tl.mainline = 'F' ORDER BY tl.id";

async fn made_from(stage: &Stage, kind: &str, order: Id) -> Vec<Value> {
    let (status, body) = stage.query(MADE_FROM, &[kind, &order.to_string()], "").await;
    assert_eq!(status, 200, "{body}");
    body["items"].as_array().unwrap().clone()
}

/// What people pick, pack and ship moves the order only once it has shipped; backwards too.
#[tokio::test]
async fn people_pick_pack_and_ship() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 5, 5)]);
    let status = || stage.netsuite.act(|world, _| world.orders[&order].status());
    let pick = |pumps, status| {
        stage
            .netsuite
            .act(|world, now| world.pick(order, &[(1, pumps)], status, now))
    };
    let id = pick(2, ShipStatus::Packed).unwrap();
    assert_eq!(status(), OrderStatus::PendingFulfilment);
    assert!(pick(4, ShipStatus::Picked).is_err(), "only three are left");
    let mark = |status| stage.netsuite.act(|world, now| world.mark(id, status, now)).unwrap();
    mark(ShipStatus::Shipped);
    assert_eq!(status(), OrderStatus::PendingBillingPartiallyFulfilled);
    let rows = made_from(&stage, "ItemShip", order).await;
    assert_eq!(
        (rows[0]["id"].as_str(), rows[0]["statuscode"].as_str()),
        (Some(id.to_string().as_str()), Some("ItemShip:C"))
    );
    let (_, lines) = stage.query(LINES, &[&id.to_string()], "").await;
    let costs: Vec<(&str, &str)> = lines["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["quantity"].as_str().unwrap(), row["iscogs"].as_str().unwrap()))
        .collect();
    assert_eq!(
        costs,
        [("2", "F"), ("2", "T")],
        "each line stands there again with its cost"
    );
    mark(ShipStatus::Picked);
    assert_eq!(status(), OrderStatus::PendingFulfilment);
    stage
        .netsuite
        .act(|world, now| world.delete_fulfilment(id, now))
        .unwrap();
    assert!(made_from(&stage, "ItemShip", order).await.is_empty());
}

/// An invoice bills what it says, shows its custom fields to both services, and nothing once it is void or gone.
#[tokio::test]
async fn people_bill_fulfilments_together_or_one_by_one() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 5, 5)]);
    let act = |pumps| {
        stage
            .netsuite
            .act(|world, now| world.pick(order, &[(1, pumps)], ShipStatus::Shipped, now))
    };
    let (one, other) = (act(3).unwrap(), act(2).unwrap());
    let status = || stage.netsuite.act(|world, _| world.orders[&order].status());
    let bill = |fulfilments: &[Id]| stage.netsuite.act(|world, now| world.invoice(order, fulfilments, now));
    let invoice = bill(&[one]).unwrap();
    assert_eq!(status(), OrderStatus::PendingBilling);
    let rest = bill(&[other]).unwrap();
    assert_eq!(status(), OrderStatus::Billed);
    assert!(bill(&[]).is_err() && bill(&[order]).is_err());

    let (status_of_patch, _) = stage
        .patch(
            &format!("/invoice/{invoice}"),
            json!({ "custbody_waybill_tracking": "1Z1" }),
        )
        .await;
    assert_eq!(status_of_patch, 204);
    let (_, record) = stage
        .get(&format!(
            "/invoice/{invoice}?fields=custbody_waybill_tracking,createdFrom"
        ))
        .await;
    assert_eq!(
        (&record["custbody_waybill_tracking"], &record["createdFrom"]["id"]),
        (&json!("1Z1"), &json!(order.to_string()))
    );
    let rows = made_from(&stage, "CustInvc", order).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["custbody_waybill_tracking"], &rows[0]["statuscode"]),
        (&json!("1Z1"), &json!("CustInvc:A"))
    );
    let books = stage.netsuite.books();
    let page = &books.orders[&stage.number(order)];
    assert_eq!(
        page.invoices.iter().map(|one| one.id).collect::<Vec<_>>(),
        [invoice, rest]
    );
    assert_eq!(
        page.invoices[0].custom_fields["custbody_waybill_tracking"],
        json!("1Z1")
    );

    stage.netsuite.act(|world, now| world.void_invoice(rest, now)).unwrap();
    assert_eq!(status(), OrderStatus::PendingBilling);
    assert_eq!(
        made_from(&stage, "CustInvc", order).await[1]["statuscode"],
        "CustInvc:V"
    );
    stage
        .netsuite
        .act(|world, now| world.delete_invoice(rest, now))
        .unwrap();
    assert_eq!(made_from(&stage, "CustInvc", order).await.len(), 1);
    assert_eq!(stage.get(&format!("/invoice/{rest}")).await.0, 404);
    let (refused, body) = stage
        .patch(
            &format!("/invoice/{rest}"),
            json!({ "custbody_waybill_tracking": "1Z2" }),
        )
        .await;
    assert_eq!((refused, code(&body)), (404, "NONEXISTENT_ID"));
}

/// Without Advanced Shipping what ships is billed at once.
#[tokio::test]
async fn an_account_may_bill_what_ships_at_once() {
    let stage = Stage::new(Options {
        bills_at_once: true,
        ..Options::default()
    })
    .await;
    let order = stage.order(&[(stage.basics().light, 2, 2)]);
    let body = json!({ "shipStatus": { "id": "C" } });
    let made = stage.transform(order, "?replace=package", &body).send().await.unwrap();
    assert_eq!(made.status().as_u16(), 204);
    assert_eq!(made_from(&stage, "CustInvc", order).await.len(), 1);
}
