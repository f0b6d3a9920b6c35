//! Orders as they are found and read.

use rust_decimal::dec;
use serde_json::{Value, json};

use super::{fixture, whole_pod};
use crate::connection::{Connection, SelectionRule, Shipper};
use crate::domain::*;
use crate::ports::*;
use crate::systems::fusion::fixture::{Line, Pod, always, basic, fusion, once};

fn id() -> DocumentId {
    DocumentId::purchase_order("300100555000111")
}

pub(super) async fn read(lines: Vec<Line>, change: impl FnOnce(&mut Connection)) -> Order {
    let pod = Pod::new(lines);
    let fusion = fusion(&pod, &basic(), change);
    let orders = fusion.read(&[id()]).await;
    let orders = orders.unwrap_or_else(|error| panic!("{error}: {:#?}", pod.asked()));
    orders.into_iter().next().unwrap()
}

pub(super) fn with_order(change: impl FnOnce(&mut Value)) -> Vec<Line> {
    let mut page: Value = serde_json::from_str(fixture!("orders/order.json")).unwrap();
    change(&mut page["items"][0]);
    let mut lines = vec![always(
        "/purchaseOrders?q=POHeaderId = 300100555000111&",
        page.to_string(),
    )];
    lines.extend(whole_pod());
    lines
}

pub(super) fn cost_centre(connection: &mut Connection) {
    connection.erp.options = json!({ "cost_centre_segment": 2 });
}

/// P30, P4: ship-to of each schedule, bill-to, quantities, weights and the cost centre, as one order.
#[tokio::test]
async fn an_order_is_read_whole() {
    let order = read(whole_pod(), cost_centre).await;
    let expected: Value = serde_json::from_str(fixture!("orders/golden.json")).unwrap();
    let read = serde_json::to_value(&order).unwrap();
    assert_eq!(read, expected, "{}", serde_json::to_string_pretty(&read).unwrap());
}

/// P30: version 1 and 2 show children as arrays, and some pods show numbers as texts.
#[tokio::test]
async fn an_order_is_the_same_in_every_shape() {
    let whole = read(whole_pod(), cost_centre).await;
    let mut lines = vec![always(
        "/purchaseOrders?q=POHeaderId = 300100555000111&",
        fixture!("orders/order_arrays.json"),
    )];
    lines.extend(whole_pod());
    assert_eq!(read(lines, cost_centre).await, whole);
}

#[tokio::test]
async fn every_call_names_the_version_and_the_key_is_the_links_own() {
    let pod = Pod::new(whole_pod());
    let fusion = fusion(&pod, &basic(), |_| {});
    fusion.read(&[id()]).await.unwrap();
    let seen = pod.seen();
    assert!(seen.iter().all(|seen| seen.header("rest-framework-version") == "4"));
    assert!(
        seen.iter().all(|seen| seen.line.starts_with("GET pod.test/")),
        "{:#?}",
        pod.asked()
    );
    assert!(
        seen[0].line.ends_with("&expand=lines.schedules.distributions&limit=1"),
        "{}",
        seen[0].line
    );
    let again = pod.asked().len();
    fusion.read(&[id()]).await.unwrap();
    assert_eq!(
        pod.asked().len(),
        again + 2,
        "places and items are asked for once: {:#?}",
        pod.asked()
    );
}

#[tokio::test]
async fn what_does_not_come_along_is_fetched_page_by_page() {
    let lines = with_order(|order| {
        let all = order["lines"]["items"].clone();
        order["lines"] = json!({"items": [all[0]], "hasMore": true});
    });
    let mut page: Value = serde_json::from_str(fixture!("orders/order.json")).unwrap();
    let all = page["items"][0]["lines"]["items"].take();
    let child = "/purchaseOrders/00020000000EACED00051/child/lines?limit=200&offset=";
    let mut pages = vec![
        once(
            &format!("{child}0&expand=schedules.distributions"),
            200,
            json!({"items": [all[0]], "hasMore": true}).to_string(),
        ),
        once(
            &format!("{child}1&expand=schedules.distributions"),
            200,
            json!({"items": [all[1]], "hasMore": false}).to_string(),
        ),
    ];
    pages.extend(lines);
    assert_eq!(read(pages, |_| {}).await, read(whole_pod(), |_| {}).await);
}

/// P29: the carrier of the schedule or of the order, the supplier by name, id or number, the site, a flexfield.
#[tokio::test]
async fn rules_ask_for_what_the_order_says_of_itself() {
    let ships = async |lines: Vec<Line>, rule: SelectionRule| {
        let mut lines = lines;
        lines.insert(
            0,
            always(
                "/suppliers?q=SupplierId = 300100047572181",
                fixture!("suppliers/supplier.json"),
            ),
        );
        let order = read(lines, |connection| connection.select.rules = vec![rule]).await;
        let lines: Vec<bool> = order.lines.iter().map(|line| line.shippable).collect();
        (order.standing, lines)
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let carrier = |name: &str| SelectionRule {
        carrier: texts(&[name]),
        ..SelectionRule::default()
    };
    let supplier = |name: &str| SelectionRule {
        supplier: texts(&[name]),
        ..SelectionRule::default()
    };
    let field = |name: &str, value: &str| SelectionRule {
        fields: [(name.to_owned(), texts(&[value]))].into(),
        ..SelectionRule::default()
    };
    let both = (Standing::Ready, vec![true, true, false]);
    assert_eq!(ships(whole_pod(), carrier("ups")).await, both);
    for name in ["Lee Supplies", "300100047572181", "1252"] {
        assert_eq!(ships(whole_pod(), supplier(name)).await, both, "{name}");
    }
    assert_eq!(ships(whole_pod(), field("shipBy", "UPS")).await, both);
    assert_eq!(ships(whole_pod(), field("FreightTerms", "prepaid")).await, both);
    let site = SelectionRule {
        supplier_site: texts(&["LEE ATL"]),
        ..SelectionRule::default()
    };
    assert_eq!(ships(whole_pod(), site).await, both);
    let other = with_order(|order| {
        order["lines"]["items"][0]["schedules"]["items"][1]["Carrier"] = json!("FedEx");
    });
    assert_eq!(
        ships(other, carrier("UPS")).await,
        (Standing::Ready, vec![true, false, false])
    );
    let (standing, lines) = ships(whole_pod(), carrier("DHL")).await;
    assert_eq!(lines, [false; 3]);
    let Standing::Waiting(reason) = standing else {
        panic!("{standing:?}")
    };
    assert!(reason.contains("its carrier is UPS"), "{reason}");
}

#[tokio::test]
async fn a_status_is_never_guessed() {
    let standing = async |status: Value| {
        let mut lines = with_order(|order| order["StatusCode"] = status);
        lines.push(always(
            "/draftPurchaseOrders?q=POHeaderId",
            r#"{"items": [], "hasMore": false}"#,
        ));
        read(lines, |_| {}).await.standing
    };
    assert_eq!(standing(json!("OPEN")).await, Standing::Ready);
    assert_eq!(standing(json!("CANCELED")).await, Standing::Cancelled);
    for closed in ["CLOSED", "FINALLY CLOSED", "CLOSED FOR RECEIVING"] {
        assert_eq!(standing(json!(closed)).await, Standing::Closed);
    }
    for other in [
        json!("PENDING CHANGE APPROVAL"),
        json!("ON HOLD"),
        json!("SOMETHING NEW"),
        Value::Null,
    ] {
        assert!(matches!(standing(other).await, Standing::Waiting(_)));
    }
}

#[tokio::test]
async fn an_order_of_another_unit_or_outside_the_condition_waits() {
    let order = read(whole_pod(), |connection| {
        connection.erp.options = json!({"procurement_bu": ["US2 Business Unit"]});
    })
    .await;
    assert!(matches!(&order.standing, Standing::Waiting(reason) if reason.contains("US1 Business Unit")));
    let lines = |found: &str| {
        let mut lines = vec![once(
            "/purchaseOrders?q=POHeaderId = 300100555000111 and (Carrier = 'UPS')&",
            200,
            found,
        )];
        lines.extend(whole_pod());
        lines
    };
    let condition = |connection: &mut Connection| connection.select.condition = Some("Carrier = 'UPS'".to_owned());
    let there = r#"{"items": [{"POHeaderId": 300100555000111}], "hasMore": false}"#;
    assert_eq!(read(lines(there), condition).await.standing, Standing::Ready);
    let order = read(lines(r#"{"items": [], "hasMore": false}"#), condition).await;
    assert!(matches!(&order.standing, Standing::Waiting(reason) if reason.contains("select.condition")));
}

/// P30: what nobody knows is a flaw that says what to do, and never a guess; the other places still ship.
#[tokio::test]
async fn what_is_missing_is_a_flaw_of_its_own_line() {
    let flaws = |order: &Order| order.lines.iter().map(|line| line.flaw.clone()).collect::<Vec<_>>();
    let refused = |part: &str| Line {
        for_good: true,
        ..once(part, 403, fixture!("errors/forbidden.json"))
    };
    let mut lines = vec![
        refused("/locationsV2?q=LocationId = 300100021100002&"),
        refused("/locationsV2?q=LocationCode = 'NYC-ST'"),
    ];
    lines.extend(whole_pod());
    let order = read(lines, |_| {}).await;
    let told = flaws(&order);
    let flaw = told[1].as_deref().unwrap();
    assert!(
        told[0].is_none() && flaw.contains("NYC-ST") && flaw.contains("erp.location_map"),
        "{flaw}"
    );
    assert_eq!(
        order.lines[1].ship_to,
        Some(Address::default()),
        "it keeps no other from leaving"
    );
    let units = |connection: &mut Connection, options: Value| connection.erp.options = options;
    let boxes = || {
        with_order(|order| {
            for schedule in order["lines"]["items"][0]["schedules"]["items"].as_array_mut().unwrap() {
                schedule["UOMCode"] = json!("DZ");
            }
            order["lines"]["items"][0]["UOMCode"] = json!("DZ");
            order["lines"]["items"][0]["UOM"] = json!("Dozen");
        })
    };
    let order = read(boxes(), |_| {}).await;
    assert!(
        flaws(&order)[0].as_deref().unwrap().contains("erp.unit_conversions"),
        "{:?}",
        flaws(&order)
    );
    let order = read(boxes(), |connection| {
        units(connection, json!({"unit_conversions": {"Dozen": 12}}))
    })
    .await;
    let line = &order.lines[0];
    assert_eq!(
        (line.ordered, line.fulfilled, line.ready),
        (dec!(48), dec!(12), dec!(36))
    );
    assert_eq!(line.unit_price, Some(Money::new(dec!(17.520833), "USD")));
    let mixed = with_order(|order| order["lines"]["items"][0]["schedules"]["items"][0]["UOMCode"] = json!("DZ"));
    let order = read(mixed, |_| {}).await;
    assert!(
        flaws(&order)[0].as_deref().unwrap().contains("DZ"),
        "the line's own unit is another: {:?}",
        flaws(&order)
    );
    let mut lines = vec![always(
        "/itemsV2?",
        fixture!("items/desktop.json").replace("\"Each\"", "\"Box\""),
    )];
    lines.extend(whole_pod());
    let told = flaws(&read(lines, |_| {}).await);
    assert!(
        told[0].as_deref().unwrap().contains("erp.unit_conversions"),
        "its weight is that of a box: {told:?}"
    );
    let stones = fixture!("items/desktop.json")
        .replace("\"Pound\"", "\"Stone\"")
        .replace("LBS", "ST");
    let mut lines = vec![always("/itemsV2?", stones)];
    lines.extend(whole_pod());
    let order = read(lines, |_| {}).await;
    assert!(
        flaws(&order)[0].as_deref().unwrap().contains("erp.weight_units"),
        "{:?}",
        flaws(&order)
    );
    let mut lines = vec![always(
        "/itemsV2?",
        r#"{"items": [{"ItemNumber": "AS54888", "PrimaryUOMValue": "Each"}]}"#,
    )];
    lines.extend(whole_pod());
    let order = read(lines, |_| {}).await;
    assert_eq!(
        (&order.lines[0].weight, &order.lines[0].flaw),
        (&None, &None),
        "the packing rule holds it"
    );
    let order = read(
        with_order(|order| order["lines"]["items"][0]["Item"] = Value::Null),
        |_| {},
    )
    .await;
    assert!(flaws(&order)[0].as_deref().unwrap().contains("names no item"));
}

#[tokio::test]
async fn a_pod_that_knows_fewer_attributes_of_items_is_asked_for_fewer() {
    let mut lines = vec![once("PrimaryUOMValue", 400, fixture!("errors/segment.json"))];
    lines.extend(whole_pod());
    let order = read(lines, |_| {}).await;
    assert_eq!(order.lines[0].weight, Some(Weight::pounds(dec!(18.5))));
}

#[tokio::test]
async fn a_table_of_locations_stands_for_hcm() {
    let place =
        |name: &str| json!({"name": name, "lines": ["1 A St"], "city": "Atlanta", "state": "GA", "country": "us"});
    let pod = Pod::new(whole_pod());
    let fusion = fusion(&pod, &basic(), |connection| {
        connection.erp.options = json!({"locations": "map", "location_map": {"ATL-DC": place("Dock")}});
    });
    let order = fusion.read(&[id()]).await.unwrap().remove(0);
    assert_eq!(
        (order.ship_to.name.as_str(), order.ship_to.country.as_str()),
        ("Dock", "US")
    );
    assert!(order.lines[1].flaw.is_some() && order.bill_to.is_none());
    assert!(
        !pod.asked().iter().any(|line| line.contains("hcmRestApi")),
        "{:#?}",
        pod.asked()
    );
}

#[tokio::test]
async fn goods_that_leave_the_supplier_leave_its_site() {
    let mut lines = vec![once(
        "/suppliers?q=SupplierId = 300100047572181&limit=1&expand=addresses,sites",
        200,
        fixture!("suppliers/supplier.json"),
    )];
    lines.extend(whole_pod());
    let order = read(lines, |connection| connection.ship_from.of = Shipper::Supplier).await;
    let address = order.supplier.unwrap().address.unwrap();
    assert_eq!(
        (address.city.as_str(), address.name.as_str()),
        ("Marietta", "Lee Supplies")
    );
    let mut lines = vec![once(
        "/suppliers?",
        200,
        fixture!("suppliers/supplier.json")
            .replace("LEE ATL", "LEE")
            .replace("7572222", "7572229"),
    )];
    lines.extend(whole_pod());
    let order = read(lines, |connection| connection.ship_from.of = Shipper::Supplier).await;
    assert_eq!(
        order.supplier.unwrap().address,
        None,
        "of two addresses none is guessed"
    );
}

#[tokio::test]
async fn an_order_that_is_not_seen_is_missing_and_one_that_cannot_be_read_now_is_not() {
    let pod = Pod::new(vec![
        once("/purchaseOrders?", 200, r#"{"items": [], "hasMore": false}"#),
        once("/purchaseOrders?", 503, "<html>maintenance</html>"),
    ]);
    let fusion = fusion(&pod, &basic(), |_| {});
    assert_eq!(fusion.read(&[id()]).await, Ok(Vec::new()));
    assert!(matches!(fusion.read(&[id()]).await, Err(CallError::Later(_))));
    assert_eq!(fusion.read(&[DocumentId::sales_order("1")]).await, Ok(Vec::new()));
    pod.seen();
}

pub(super) fn heads(ids: &[u64], more: bool) -> String {
    let row =
        |id: &u64| json!({"POHeaderId": id, "LastUpdateDate": "2026-02-01T10:15:00.000+00:00", "StatusCode": "OPEN"});
    json!({"items": ids.iter().map(row).collect::<Vec<_>>(), "count": ids.len(), "hasMore": more}).to_string()
}

/// P28, P2: a scan walks by the key, goes on where a pod gives fewer than asked, and loses none.
#[tokio::test]
async fn a_scan_walks_by_the_key_and_loses_none() {
    let first = "q=LastUpdateDate >= '2026-02-01T00:00:00+00:00' and POHeaderId > 7 and (StatusCode = 'OPEN') and \
                 (ProcurementBU = 'US1')&fields=POHeaderId,OrderNumber,LastUpdateDate,StatusCode&orderBy=POHeaderId:asc&limit=5";
    let pod = Pod::new(vec![
        once(first, 200, heads(&[8, 9], true)),
        once("POHeaderId > 9 and", 200, heads(&[10, 11], true)),
        once("POHeaderId > 11 and", 200, heads(&[12], false)),
    ]);
    let fusion = fusion(&pod, &basic(), |connection| {
        connection.erp.options = json!({"procurement_bu": ["US1"]});
    });
    let scan = Scan {
        since: "2026-02-01T00:00:00Z".parse().unwrap(),
        after: Some("7".to_owned()),
        limit: 5,
    };
    let found = fusion.changed(&scan).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|head| head.document.id.as_str()).collect();
    assert_eq!(ids, ["8", "9", "10", "11", "12"]);
    assert_eq!(found[0].modified, "2026-02-01T10:15:00Z".parse().unwrap());
    let asked = pod.seen();
    assert!(asked[2].line.ends_with("limit=1"), "{}", asked[2].line);
}

#[tokio::test]
async fn an_order_is_found_by_its_number_and_nothing_else_by_a_number_that_is_none() {
    let pod = Pod::new(vec![once("q=OrderNumber = 'O''Neill-7'&", 200, heads(&[8], false))]);
    let fusion = fusion(&pod, &basic(), |_| {});
    assert_eq!(
        fusion.numbered("O'Neill-7").await,
        Ok(vec![DocumentId::purchase_order("8")])
    );
    assert!(matches!(
        fusion.numbered("a\" or 1=1").await,
        Err(CallError::Refused(_))
    ));
    pod.seen();
}
