//! Queries, pages and shapes, by framework version.

use super::*;
use crate::fusion::entering::NewLine;
use crate::fusion::options::TimeLiteral;

#[tokio::test]
async fn version_one_asks_by_example() {
    let stage = Stage::plain().await.at_version(None);
    let first = stage.number(stage.enter(NewOrder::pumps(1)));
    let second = stage.number(stage.enter(NewOrder::pumps(2).by(Some("FedEx"))));
    assert_eq!(
        stage.numbers("Carrier=UPS;StatusCode=OPEN").await,
        std::slice::from_ref(&first)
    );
    assert_eq!(stage.numbers("Carrier='F*'").await, std::slice::from_ref(&second));
    assert_eq!(stage.numbers(&format!("OrderNumber>\"{first}\"")).await, [second]);
    let (status, body) = stage.query("Carrier='UPS' and StatusCode='OPEN'").await;
    assert_eq!(status, 400);
    assert!(body.is_string(), "old versions answer text: {body}");
}

#[tokio::test]
async fn later_versions_take_expressions() {
    let stage = Stage::plain().await;
    let first = stage.number(stage.enter(NewOrder::pumps(1)));
    let order = stage.enter(NewOrder::pumps(2).by(Some("FedEx")));
    let second = stage.number(order);
    let third = stage.number(stage.enter(NewOrder::pumps(3).by(None)));
    let all = [first.clone(), second.clone(), third.clone()];
    assert_eq!(stage.numbers("StatusCode = 'OPEN'").await, all);
    assert_eq!(stage.numbers("Carrier in ('UPS','FedEx')").await, all[..2]);
    assert_eq!(stage.numbers("Carrier is null").await, [third]);
    assert_eq!(
        stage.numbers(&format!("POHeaderId = {order}")).await,
        std::slice::from_ref(&second)
    );
    let q = format!("StatusCode = 'OPEN' and (Carrier like 'Fed%' or OrderNumber = '{first}')");
    assert_eq!(stage.numbers(&q).await, all[..2]);
    assert_eq!(
        stage.numbers("not (Carrier = 'UPS') and Carrier != 'x'").await,
        [second]
    );
    for wrong in [
        "Carrier=UPS",
        "Carrier='UPS';StatusCode='OPEN'",
        "Nonsense = 'x'",
        "Total > 5",
        "ShipToLocationAddress = 'x'",
        "lines.Item = 'PUMP-010'",
        "POHeaderId = 'abc'",
        "LastUpdateDate > 'yesterday'",
        "LastUpdateDate >= '2026-02-01T00:00:00 00:00'",
        "(Carrier = 'UPS'",
    ] {
        let (status, body) = stage.query(wrong).await;
        assert_eq!(status, 400, "{wrong}");
        assert!(!detail(&body).is_empty() && body["status"] == "400", "{body}");
    }
    stage.fusion.configure(|options| options.child_filters = true);
    assert_eq!(stage.numbers("lines.Item = 'PUMP-010'").await, all);
}

#[tokio::test]
async fn times_compare_as_instants_whatever_the_server_prints() {
    let stage = Stage::plain().await;
    stage
        .fusion
        .configure(|options| options.time_zone = "America/New_York".into());
    let first = stage.number(stage.enter(NewOrder::pumps(1)));
    stage.advance(60);
    let second = stage.number(stage.enter(NewOrder::pumps(1)));
    let (_, body) = stage.query(&format!("OrderNumber = '{first}'")).await;
    assert_eq!(body["items"][0]["LastUpdateDate"], "2026-02-03T13:00:00-05:00");
    let both = [first.clone(), second.clone()];
    assert_eq!(
        stage.numbers("LastUpdateDate >= '2026-02-03T13:00:00-05:00'").await,
        both
    );
    assert_eq!(
        stage.numbers("LastUpdateDate > '2026-02-03T18:00:00+00:00'").await,
        [second]
    );
    let window = "LastUpdateDate >= '2026-02-03T19:00:00+01:00' and LastUpdateDate < '2026-02-03T18:01:00Z'";
    assert_eq!(stage.numbers(window).await, [first]);
    assert_eq!(stage.numbers("CreationDate > '2026-02-03'").await, both);
    stage
        .fusion
        .configure(|options| options.time_literal = TimeLiteral::Day);
    assert_eq!(stage.query("CreationDate > '2026-02-03T13:00:00-05:00'").await.0, 400);
}

#[tokio::test]
async fn pages_are_cut_and_ordered() {
    let stage = Stage::plain().await;
    for _ in 0..30 {
        stage.enter(NewOrder::pumps(1));
    }
    let (_, body) = stage.list("purchaseOrders", &[("totalResults", "true")]).await;
    assert_eq!(
        (&body["count"], &body["hasMore"], &body["limit"]),
        (&json!(25), &json!(true), &json!(25))
    );
    assert_eq!(body["totalResults"], 30);
    let page = [
        ("limit", "20"),
        ("offset", "20"),
        ("orderBy", "LastUpdateDate:asc,POHeaderId:desc"),
    ];
    let (_, body) = stage.list("purchaseOrders", &page).await;
    assert_eq!(
        (&body["count"], &body["hasMore"], &body["offset"]),
        (&json!(10), &json!(false), &json!(20))
    );
    assert!(body.get("totalResults").is_none());
    let ids: Vec<i64> = body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["POHeaderId"].as_i64().unwrap())
        .collect();
    assert!(ids.is_sorted_by(|one, other| one > other));
    let (_, body) = stage.list("purchaseOrders", &[("limit", "9999")]).await;
    assert_eq!(body["limit"], 500);
    assert_eq!(stage.list("purchaseOrders", &[("orderBy", "Nonsense")]).await.0, 400);
}

#[tokio::test]
async fn children_are_arrays_before_version_three_and_collections_from_it() {
    let stage = Stage::plain().await;
    stage.enter(NewOrder::of(vec![
        NewLine::of("PUMP-010", 2),
        NewLine::of("VALVE-9", 3),
    ]));
    let expand = [("expand", "lines.schedules.distributions")];
    let (_, body) = stage.list("purchaseOrders", &expand).await;
    let lines = &body["items"][0]["lines"];
    assert_eq!((&lines["count"], &lines["hasMore"]), (&json!(2), &json!(false)));
    let schedule = &lines["items"][0]["schedules"]["items"][0];
    assert_eq!(schedule["ShipToLocationCode"], "GALENA_DC");
    let account = &schedule["distributions"]["items"][0]["POChargeAccount"];
    assert_eq!(account, "01-520-5110-0000");
    assert!(schedule.get("DFF").is_none());
    let stage = stage.at_version(Some(2));
    let (_, body) = stage.list("purchaseOrders", &expand).await;
    assert_eq!(body["items"][0]["lines"][1]["Item"], "VALVE-9");
    assert_eq!(
        stage.list("purchaseOrders", &[("expand", "lines.nothing")]).await.0,
        400
    );
}

#[tokio::test]
async fn chosen_fields_outrank_expansion_and_data_alone_has_no_links() {
    let stage = Stage::plain().await;
    stage.enter(NewOrder::pumps(2));
    let fields = "OrderNumber;lines:LineNumber;lines.schedules:Quantity";
    let (_, body) = stage
        .list(
            "purchaseOrders",
            &[("fields", fields), ("expand", "DFF"), ("onlyData", "true")],
        )
        .await;
    let item = &body["items"][0];
    assert!(
        item.get("links").is_none() && item.get("DFF").is_none() && item.get("Carrier").is_none(),
        "{item}"
    );
    let line = &item["lines"]["items"][0];
    assert_eq!(line["LineNumber"], 1);
    assert!(line.get("Item").is_none() && line.get("links").is_none());
    assert_eq!(line["schedules"]["items"][0], json!({ "Quantity": 2 }));
    assert_eq!(stage.list("purchaseOrders", &[("fields", "Nonsense")]).await.0, 400);
}

#[tokio::test]
async fn keys_are_opaque_and_differ_between_the_two_resources() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let (final_link, draft_link) = (stage.link("purchaseOrders", order).await, stage.draft(order).await);
    let key = |link: &str| link.rsplit('/').next().unwrap().to_owned();
    assert_ne!(key(&final_link), key(&draft_link));
    assert_eq!(stage.get(&final_link).await.1["POHeaderId"], json!(order));
    let by_id = format!("{ROOT}/purchaseOrders/{order}");
    assert_eq!(stage.get(&by_id).await.0, 404);
    stage.fusion.configure(|options| options.id_keys = true);
    assert_eq!(stage.get(&by_id).await.0, 200);
    let latest = format!("/fscmRestApi/resources/latest/purchaseOrders/{}", key(&final_link));
    assert_eq!(stage.get(&latest).await.0, 200);
    assert_eq!(
        stage
            .get(&format!("{ROOT}/purchaseOrders/{}", key(&draft_link)))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn children_can_be_read_by_themselves() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    let link = stage.link("purchaseOrders", order).await;
    let (_, lines) = stage.get(&format!("{link}/child/lines")).await;
    let line = self_link(&lines["items"][0]);
    let (_, schedules) = stage.get(&format!("{line}/child/schedules?expand=distributions")).await;
    let schedule = &schedules["items"][0];
    assert_eq!(schedule["distributions"]["items"][0]["Quantity"], 2);
    let (status, distributions) = stage.get(&format!("{}/child/distributions", self_link(schedule))).await;
    assert_eq!((status, &distributions["count"]), (200, &json!(1)));
    let (status, item) = stage.get(&self_link(schedule)).await;
    assert_eq!((status, &item["Quantity"]), (200, &json!(2)));
    assert_eq!(stage.get(&format!("{link}/child/nothing")).await.0, 404);
}

#[tokio::test]
async fn a_long_expanded_collection_says_that_it_goes_on() {
    let stage = Stage::plain().await;
    stage.fusion.configure(|options| options.child_limit = 1);
    stage.enter(NewOrder::of(vec![
        NewLine::of("PUMP-010", 2),
        NewLine::of("VALVE-9", 3),
    ]));
    let (_, body) = stage.list("purchaseOrders", &[("expand", "lines")]).await;
    assert_eq!(body["items"][0]["lines"]["hasMore"], json!(true));
}

#[tokio::test]
async fn describe_tells_what_can_be_queried_and_written() {
    let stage = Stage::plain().await;
    let (_, body) = stage.get(&format!("{ROOT}/draftPurchaseOrders/describe")).await;
    let resource = &body["Resources"]["draftPurchaseOrders"];
    let find = |all: &Value, name: &str| {
        all.as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name)
            .cloned()
            .unwrap()
    };
    let carrier = find(&resource["attributes"], "Carrier");
    assert_eq!(
        (&carrier["queryable"], &carrier["updatable"]),
        (&json!(true), &json!(true))
    );
    let total = find(&resource["attributes"], "Total");
    assert_eq!(
        (&total["queryable"], &total["updatable"]),
        (&json!(false), &json!(false))
    );
    let segment = find(&resource["children"]["DFF"]["attributes"], "trackingNumber");
    assert_eq!(
        (&segment["title"], &segment["maxLength"]),
        (&json!("Tracking Number"), &json!(150))
    );
}

/// What no document vouches for can be missing from a pod.
#[tokio::test]
async fn an_attribute_that_the_pod_has_not_is_unknown_everywhere() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(2));
    stage.fusion.configure(|options| {
        options.absent = ["schedules.Carrier", "purchaseOrders.Carrier"]
            .map(str::to_owned)
            .into();
    });
    assert_eq!(stage.query("Carrier = 'UPS'").await.0, 400);
    assert_eq!(stage.list("purchaseOrders", &[("fields", "Carrier")]).await.0, 400);
    let link = format!("{}?expand=lines.schedules", stage.link("purchaseOrders", order).await);
    let (_, body) = stage.get(&link).await;
    assert!(body.get("Carrier").is_none());
    assert!(
        body["lines"]["items"][0]["schedules"]["items"][0]
            .get("Carrier")
            .is_none()
    );
    let (_, body) = stage.get(&format!("{ROOT}/purchaseOrders/describe")).await;
    assert!(
        !body["Resources"]["purchaseOrders"]["attributes"]
            .to_string()
            .contains("\"Carrier\"")
    );
    assert_eq!(
        stage
            .list("purchaseOrders", &[("finder", "PrimaryKey;POHeaderId=1")])
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn links_may_name_another_host() {
    let stage = Stage::plain().await;
    stage
        .fusion
        .configure(|options| options.link_base = Some("https://pod.fa.example.com".into()));
    let order = stage.enter(NewOrder::pumps(2));
    let link = stage.link("purchaseOrders", order).await;
    assert!(
        link.starts_with("https://pod.fa.example.com/fscmRestApi/resources/"),
        "{link}"
    );
}
