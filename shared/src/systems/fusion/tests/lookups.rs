//! What an order says of itself only with the help of others: locations, items, suppliers, cost centres, drafts.

use serde_json::{Value, json};

use super::reading::{cost_centre, heads, read, with_order};
use super::{fixture, whole_pod};
use crate::connection::Connection;
use crate::domain::*;
use crate::ports::*;
use crate::systems::fusion::fixture::{Pod, always, basic, fusion, once};

/// P32: a cost centre is known whole or not at all, and the words say what is missing.
#[tokio::test]
async fn a_cost_centre_is_never_known_in_part() {
    let flaw = async |change: &dyn Fn(&mut Value)| {
        let lines =
            with_order(|order| change(&mut order["lines"]["items"][0]["schedules"]["items"][0]["distributions"]));
        let line = read(lines, cost_centre).await.lines.remove(0);
        (line.cost_centre, line.flaw.unwrap_or_default())
    };
    for (change, words) in [
        (json!({"items": [], "hasMore": false}), "shows no distribution"),
        (
            json!([{"POChargeAccount": "01-520"}, {"DistributionNumber": 2}]),
            "shows no charge account",
        ),
        (
            json!([{"POChargeAccount": "01-520"}, {"POChargeAccount": "01"}]),
            "no segment 2",
        ),
    ] {
        let (centre, told) = flaw(&|distributions| *distributions = change.clone()).await;
        assert_eq!(centre, None);
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(flaw(&|_| {}).await, (Some("420+520".to_owned()), String::new()));
}

/// A location is found by its id; another one of the same code is not taken for it.
#[tokio::test]
async fn a_location_with_another_id_is_not_the_one_that_is_meant() {
    let other = fixture!("locations/atlanta.json").replace("300100021100001", "300100021109999");
    let mut lines = vec![always("/locationsV2?q=LocationId = 300100021100001&", other)];
    lines.extend(whole_pod());
    let flaw = read(lines, |_| {}).await.lines.remove(0).flaw.unwrap();
    assert!(flaw.contains("ATL-DC is not known"), "{flaw}");
}

/// P32: accounts may name a supplier by its number; where that cannot be read no other row is taken.
#[tokio::test]
async fn a_suppliers_number_is_read_for_accounts_and_rules() {
    let by_number = |connection: &mut Connection| {
        connection.accounts = vec![AccountRule {
            supplier: Some("1252".to_owned()),
            cost_centre: None,
            account: CarrierAccount {
                number: "B1B1B1".to_owned(),
                merchant: None,
            },
            payer: None,
        }];
    };
    let mut lines = vec![always(
        "/suppliers?q=SupplierId = 300100047572181",
        fixture!("suppliers/supplier.json"),
    )];
    lines.extend(whole_pod());
    let order = read(lines, by_number).await;
    assert_eq!(order.supplier.unwrap().number.as_deref(), Some("1252"));
    assert_eq!(order.lines[0].flaw, None);
    let refused = || {
        let mut lines = vec![once("/suppliers?", 403, fixture!("errors/forbidden.json"))];
        lines.extend(whole_pod());
        lines
    };
    let flaw = read(refused(), by_number).await.lines.remove(0).flaw.unwrap();
    assert!(flaw.contains("View Supplier"), "{flaw}");
    let standing = read(refused(), |connection| {
        connection.select.rules[0].supplier = vec!["1252".to_owned()];
    })
    .await
    .standing;
    assert!(
        matches!(&standing, Standing::Waiting(reason) if reason.contains("View Supplier")),
        "{standing:?}"
    );
}

/// What was shipped of an order that is closed now is still compared with where it goes and in which unit.
#[tokio::test]
async fn a_closed_order_still_says_where_it_went() {
    let lines = with_order(|order| order["StatusCode"] = json!("CLOSED"));
    let (closed, open) = (read(lines, |_| {}).await, read(whole_pod(), |_| {}).await);
    assert_eq!(closed.standing, Standing::Closed);
    assert_eq!(closed.ship_to, open.ship_to);
    assert_eq!(closed.lines[1].ship_to, open.lines[1].ship_to);
    assert_eq!(closed.lines[0].weight, open.lines[0].weight);
}

/// P33: a number that waits for approval counts as shown: nobody has changed the field.
#[tokio::test]
async fn a_number_that_waits_for_approval_is_shown() {
    let mut lines = with_order(|order| order["StatusCode"] = json!("PENDING CHANGE APPROVAL"));
    lines.insert(
        0,
        always("/draftPurchaseOrders?q=POHeaderId", fixture!("orders/draft.json")),
    );
    let waiting = fixture!("flexfields/shipped.json").replace("1Z0001", "1Z0001, 1Z0002");
    lines.insert(
        1,
        always("/draftPurchaseOrders/00030000000EACED0009/child/DFF?", waiting),
    );
    assert_eq!(
        read(lines, |_| {}).await.tracking_shown.as_deref(),
        Some("1Z0001, 1Z0002")
    );
}

/// A pod that gives the first page for ever is asked once more, and no child is taken twice.
#[tokio::test]
async fn a_pod_that_knows_no_offsets_ends() {
    let mut lines = with_order(|order| {
        let all = order["lines"]["items"].clone();
        order["lines"] = json!({"items": [all[0]], "hasMore": true});
    });
    let page: Value = serde_json::from_str(fixture!("orders/order.json")).unwrap();
    let all = json!({"items": page["items"][0]["lines"]["items"], "hasMore": true}).to_string();
    lines.insert(0, always("/purchaseOrders/00020000000EACED00051/child/lines?", all));
    assert_eq!(read(lines, |_| {}).await, read(whole_pod(), |_| {}).await);
}

/// A time without an offset may be the time of any zone.
#[tokio::test]
async fn a_time_without_an_offset_is_taken_for_the_earliest() {
    let page = heads(&[8], false).replace(".000+00:00", "");
    let pod = Pod::new(vec![once("/purchaseOrders?", 200, page)]);
    let scan = Scan {
        since: "2026-01-01T00:00:00Z".parse().unwrap(),
        after: None,
        limit: 5,
    };
    let found = fusion(&pod, &basic(), |_| {}).changed(&scan).await.unwrap();
    assert_eq!(found[0].modified, "2026-01-31T10:15:00Z".parse().unwrap());
}
