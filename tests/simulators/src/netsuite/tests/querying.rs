//! SuiteQL as a poller uses it.

use super::*;

const HEADERS: &str = r#"SELECT t.id, t.tranid, BUILTIN.CF(t.status) AS statuscode, t.entity,
    BUILTIN.DF(t.entity) AS customer, t.otherrefnum, BUILTIN.DF(t.shipmethod) AS shipmethodname, t.shipmethod, t.email,
    TO_CHAR(t.lastmodifieddate,'YYYY-MM-DD"T"HH24:MI:SS') AS lastmod,
    sa.addressee, sa.attention, sa.addr1, sa.addr2, sa.addr3, sa.city, sa.state, sa.zip, sa.country, sa.addrphone
    FROM transaction t LEFT JOIN transactionShippingAddress sa ON sa.nkey = t.shippingaddress
    WHERE t.type = 'SalesOrd' AND t.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') AND t.id > ?
    ORDER BY t.id"#;
const LINES: &str = r#"SELECT tl.transaction, tl.id AS lineid, tl.linesequencenumber, tl.item, i.itemid AS sku,
    tl.itemtype, ABS(NVL(tl.quantity,0)) AS qty, ABS(NVL(tl.quantityshiprecv,0)) AS shipped, tl.location,
    NVL(tl.isclosed,'F') AS isclosed, i.weight, BUILTIN.DF(i.weightunit) AS weightunit, i.displayname
    FROM transactionline tl JOIN item i ON i.id = tl.item
    WHERE tl.transaction IN (?,?) AND tl.mainline='F' AND NVL(tl.taxline,'F')='F'
    ORDER BY tl.transaction, tl.id"#;

/// The two queries of a poll, as the reference prints them.
#[tokio::test]
async fn orders_and_their_lines() {
    let stage = Stage::plain().await;
    let basics = stage.basics();
    let first = stage.order(&[(basics.light, 2, 2), (basics.metric, 1, 1)]);
    let second = stage.order(&[(basics.unweighed, 4, 3)]);
    // 18:00 UTC is 10:00 in the account's zone, eight hours behind.
    let (status, body) = stage.query(HEADERS, &["2026-02-03 10:00:00", "0"], "?limit=1000").await;
    assert_eq!((status, &body["totalResults"]), (200, &json!(2)), "{body}");
    let row = &body["items"][0];
    assert_eq!(row["id"], first.to_string());
    assert_eq!(
        (&row["statuscode"], &row["lastmod"]),
        (&json!("SalesOrd:B"), &json!("2026-02-03T10:00:00"))
    );
    assert_eq!(
        (&row["shipmethodname"], &row["addr1"]),
        (&json!("UPS Ground"), &json!(address().addr1))
    );
    assert!(row.get("addr3").is_none() && row["links"] == json!([]));
    assert_eq!(
        stage.query(HEADERS, &["2026-02-03 10:00:01", "0"], "").await.1["count"],
        0
    );
    assert_eq!(
        stage
            .query(HEADERS, &["2026-02-03 10:00:00", &first.to_string()], "")
            .await
            .1["count"],
        1
    );

    let (_, body) = stage
        .query(
            LINES,
            &[&first.to_string(), &second.to_string()],
            "?limit=1000&offset=0",
        )
        .await;
    let rows = body["items"].as_array().unwrap();
    let brief: Vec<_> = rows
        .iter()
        .map(|row| (row["sku"].as_str(), row["qty"].as_str(), row["lineid"].as_str()))
        .collect();
    let expected = [
        (Some("PUMP-010"), Some("2"), Some("1")),
        (Some("SEAL-KG"), Some("1"), Some("4")),
        (Some("GASKET-NEW"), Some("4"), Some("1")),
    ];
    assert_eq!(brief, expected, "{body}");
    assert_eq!(
        (&rows[1]["weight"], &rows[1]["weightunit"]),
        (&json!("0.75"), &json!("kg"))
    );
    assert!(rows[2].get("weight").is_none());
}

#[tokio::test]
async fn quantities_are_negative_and_header_tax_and_component_rows_are_there() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().kit, 2, 2)]).to_string();
    let q = "SELECT tl.quantity, tl.mainline, tl.taxline, tl.kitcomponent FROM transactionline tl \
             WHERE tl.transaction = ? ORDER BY tl.uniquekey";
    let (_, body) = stage.query(q, &[&order], "").await;
    let rows = body["items"].as_array().unwrap();
    let with = |name: &str| rows.iter().filter(|row| row[name] == "T").count();
    assert_eq!(
        (rows.len(), with("mainline"), with("taxline"), with("kitcomponent")),
        (6, 1, 1, 2),
        "{body}"
    );
    assert_eq!(rows[0]["quantity"], "-2");
}

/// Pages are cut as asked, overlap without ORDER BY, and none is lost with it.
#[tokio::test]
async fn pages() {
    let stage = Stage::plain().await;
    let orders: Vec<Id> = (0..25).map(|_| stage.order(&[(stage.basics().light, 1, 1)])).collect();
    let ids = |body: &Value| -> Vec<Id> {
        body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().parse().unwrap())
            .collect()
    };
    let q = "SELECT id FROM transaction WHERE type = 'SalesOrd'";
    let ordered = format!("{q} ORDER BY id");
    let mut seen = Vec::new();
    for offset in [0, 10, 20] {
        let (_, body) = stage.query(&ordered, &[], &format!("?limit=10&offset={offset}")).await;
        assert_eq!(
            (&body["hasMore"], &body["totalResults"]),
            (&json!(offset < 20), &json!(25))
        );
        seen.extend(ids(&body));
    }
    assert_eq!(seen, orders);
    let unordered = ids(&stage.query(q, &[], "?limit=10").await.1);
    assert_ne!(unordered, ids(&stage.query(q, &[], "?limit=10").await.1));
    for paging in [
        "?limit=10&offset=5",
        "?limit=1001",
        "?limit=0",
        "?limit=1000&offset=100000",
    ] {
        assert_eq!(stage.query(&ordered, &[], paging).await.0, 400, "{paging}");
    }
}

#[tokio::test]
async fn what_is_refused_is_refused_in_the_vendors_words() {
    let stage = Stage::plain().await;
    let (status, body) = stage.query("SELECT t.trackingno FROM transaction t", &[], "").await;
    assert_eq!((status, code(&body)), (400, "INVALID_PARAMETER"));
    assert!(detail(&body).starts_with("Invalid search query."), "{body}");
    assert!(detail(&body).contains("Unknown identifier 'trackingno'"), "{body}");
    let refused = [
        "SELECT id FROM salesorder",
        "DELETE FROM transaction",
        "SELECT id FROM transaction LIMIT 5",
        "SELECT id FROM transaction WHERE lastmodifieddate >= '2026-02-03'",
        "SELECT id FROM transaction WHERE id = ?",
        "SELECT FROM",
    ];
    stage.order(&[(stage.basics().light, 1, 1)]);
    for q in refused {
        assert_eq!(stage.query(q, &[], "").await.0, 400, "{q}");
    }
    let bare = stage
        .request(Method::POST, SUITEQL)
        .json(&json!({ "q": "SELECT id FROM item" }));
    assert_eq!(bare.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn dates_custom_fields_and_status_forms() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 1, 1)]);
    let number = stage.number(order);
    stage
        .patch(
            &format!("/salesOrder/{order}"),
            json!({ "custbody_waybill_hold": true }),
        )
        .await;
    let q = "SELECT TOP 1 trandate, status, custbody_waybill_hold AS hold, BUILTIN.DF(status) AS shown FROM transaction \
             WHERE tranid = ? AND lastmodifieddate > SYSDATE - 1/24 AND trandate <= '2/3/2026'";
    let row = stage.query(q, &[&number], "").await.1["items"][0].clone();
    assert_eq!(
        (&row["trandate"], &row["hold"]),
        (&json!("2/3/2026"), &json!("T")),
        "{row}"
    );
    assert_eq!(
        (&row["status"], &row["shown"]),
        (&json!("SalesOrd:B"), &json!("Sales Order : Pending Fulfillment"))
    );
    stage
        .netsuite
        .configure(|options| options.status_form = super::super::options::StatusForm::Bare)
        .unwrap();
    let row = stage.query(q, &[&number], "").await.1["items"][0].clone();
    assert_eq!(
        (&row["status"], &row["shown"]),
        (&json!("B"), &json!("Sales Order : Pending Fulfillment"))
    );
    let now = "SELECT TO_CHAR(SYSDATE, 'YYYY-MM-DD HH24:MI:SS') AS now FROM dual";
    assert_eq!(
        stage.query(now, &[], "").await.1["items"][0]["now"],
        "2026-02-03 10:00:00"
    );
}

#[tokio::test]
async fn an_index_that_lags_has_not_the_latest_orders() {
    let stage = Stage::plain().await;
    stage.order(&[(stage.basics().light, 1, 1)]);
    let q = "SELECT id FROM transaction ORDER BY id";
    assert_eq!(stage.query(q, &[], "").await.1["count"], 1);
    stage.advance(60);
    stage.order(&[(stage.basics().light, 1, 1)]);
    stage.fault("suiteql", FaultKind::StaleLookup { seconds: 30 });
    assert_eq!(stage.query(q, &[], "").await.1["count"], 1);
    assert_eq!(stage.query(q, &[], "").await.1["count"], 2);
    // Also an order that an earlier query has seen: look-ups may go to another, slower copy.
    stage.fault("suiteql", FaultKind::StaleLookup { seconds: 30 });
    assert_eq!(stage.query(q, &[], "").await.1["count"], 1);
    assert_eq!(stage.query(q, &[], "").await.1["count"], 2);
}

/// What the account shows of fulfilments is found by order, external id and tracking number.
#[tokio::test]
async fn fulfilments_are_found() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 1, 1), (stage.basics().heavy, 1, 1)]);
    let package = json!({ "items": [{ "packageTrackingNumber": "1ZA", "packageWeight": 1 }] });
    let body = json!({ "externalId": "ship-9", "shipStatus": { "id": "C" }, "package": package });
    stage.transform(order, "?replace=package", &body).send().await.unwrap();
    let q = "SELECT t.id, t.externalid, BUILTIN.CF(t.status) AS status, tl.createdfrom, n.trackingnumber \
             FROM transaction t JOIN transactionline tl ON tl.transaction = t.id AND tl.mainline = 'T' \
             JOIN trackingnumbermap m ON m.transaction = t.id JOIN trackingnumber n ON n.id = m.trackingnumber \
             WHERE t.type = 'ItemShip' AND t.externalid = ?";
    let (_, body) = stage.query(q, &["ship-9"], "").await;
    let row = &body["items"][0];
    assert_eq!(body["count"], 1, "{body}");
    assert_eq!(
        (&row["createdfrom"], &row["trackingnumber"]),
        (&json!(order.to_string()), &json!("1ZA"))
    );
    assert_eq!(row["status"], "ItemShip:C");
    let links = "SELECT previousline FROM nexttransactionlinelink WHERE previousdoc = ? ORDER BY previousline";
    let (_, body) = stage.query(links, &[&order.to_string()], "").await;
    assert_eq!(
        (&body["items"][0]["previousline"], &body["items"][1]["previousline"]),
        (&json!("1"), &json!("4"))
    );
    let exposed = "SELECT t.createdfrom FROM transaction t";
    assert!(detail(&stage.query(exposed, &[], "").await.1).contains("Unknown identifier 'createdfrom'"));
}
