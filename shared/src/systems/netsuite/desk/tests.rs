//! What no simulated account does: columns that stay empty, pages that lie, refusals in the middle.

use serde_json::json;

use crate::connection::{Connection, DeskPolicy, NamedBy, StockPolicy, VoidedAtDesk};
use crate::domain::{
    CarrierShipmentId, Consignment, DeskOrderRef, DocumentId, JobId, LevelKey, LineId, Quantities, Shipment,
    ShippedParcel,
};
use crate::ports::{CallError, DeskSource as _, OrderSource as _, WriteBack, Written};
use crate::systems::netsuite::fixture::{Bench, Line, Script, line, token_based};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/fixtures/netsuite/", $name))
    };
}

const TEN: &str = "POST /services/rest/query/v1/suiteql?limit=10&offset=0 ";
const ONE: &str = "POST /services/rest/query/v1/suiteql?limit=1&offset=0 ";
const PAGE: &str = "POST /services/rest/query/v1/suiteql?limit=1000&offset=0 ";
const EID: &str = "GET /services/rest/record/v1/itemFulfillment/eid:";
const DELETE: &str = "DELETE /services/rest/record/v1/itemFulfillment/7001 ";

fn desk(connection: &mut Connection) {
    connection.desk = Some(DeskPolicy {
        named_by: vec![NamedBy::Number, NamedBy::ExternalId],
        stores: Vec::new(),
        voided: VoidedAtDesk::Undo,
        voids_days: 30,
    });
    connection.stock = serde_json::from_value::<Option<StockPolicy>>(json!({
        "schedule": {"expression": "rate(1 day)", "time_zone": "UTC"}, "places": {"6": "se-1", "7": "se-2"}
    }))
    .unwrap();
}

async fn bench(lines: Vec<Line>) -> (Bench, Script) {
    let script = Script::start(lines).await;
    (Bench::new(&script.base, &token_based(), desk), script)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, CallError>) -> (String, String) {
    match result {
        Err(CallError::Refused(refusal)) => (refusal.code, refusal.message),
        other => panic!("{other:?}"),
    }
}

/// P44: negative stock is none, a part of a piece is none, and so is an item that nobody has counted where others were.
#[tokio::test]
async fn stock_is_whole_and_never_less_than_nothing() {
    let (bench, script) = bench(vec![line(TEN, 200, fixture!("read/levels.json"))]).await;
    let levels = bench.netsuite.levels(None, 10).await.unwrap();
    let shown: Vec<(u64, u64, &str, String)> = levels
        .iter()
        .map(|level| {
            (
                level.key.item,
                level.key.location,
                level.sku.as_str(),
                level.quantity.to_string(),
            )
        })
        .collect();
    let expected = [
        (31, 6, "PUMP-010", "12"),
        (31, 7, "PUMP-010", "0"),
        (32, 6, "HOSE-M", "7"),
        (33, 6, "GASKET-NEW", "0"),
    ];
    assert_eq!(
        shown,
        expected.map(|(item, place, sku, quantity)| (item, place, sku, quantity.to_owned()))
    );
    let asked = &script.seen()[0];
    assert!(
        asked.contains("ail.quantityonhand") && asked.contains(r#""params":["6","7"]"#),
        "{asked}"
    );
}

/// P44: a role that may not see quantities sees empty ones. That is no stock of nothing: it is refused, and says what to do.
#[tokio::test]
async fn what_is_not_shown_is_never_told_as_nothing() {
    let empty = r#"{"items": [{"item": "31", "location": "6", "sku": "PUMP-010"}], "hasMore": false}"#;
    let (hidden, script) = bench(vec![line(TEN, 200, empty), line(ONE, 200, r#"{"items": [{}]}"#)]).await;
    let (code, words) = refusal(hidden.netsuite.levels(None, 10).await);
    assert_eq!(code, "no-quantities-visible");
    assert!(words.contains("Lists > Items"), "{words}");
    script.seen();
    let (counted, _) = bench(vec![
        line(TEN, 200, empty),
        line(ONE, 200, r#"{"items": [{"id": "40"}]}"#),
    ])
    .await;
    assert_eq!(
        counted.netsuite.levels(None, 10).await.unwrap().len(),
        1,
        "others are counted: this one is not"
    );
    let unknown = fixture!("errors/unknown_identifier.json").replace("i.schedulebcode", "ail.quantityonhand");
    let (unseen, _) = bench(vec![line(TEN, 400, unknown)]).await;
    assert!(
        refusal(unseen.netsuite.levels(None, 10).await)
            .1
            .contains("Lists > Items")
    );
    let end = LevelKey { item: 31, location: 6 };
    for after in [None, Some(&end)] {
        let (ended, _) = bench(vec![line(TEN, 200, r#"{"items": []}"#)]).await;
        assert_eq!(ended.netsuite.levels(after, 10).await.unwrap(), []);
    }
    for row in [
        r#"{"item": "31", "sku": "P", "quantity": "1"}"#,
        r#"{"item": "31", "location": "6", "sku": "P", "quantity": "many"}"#,
    ] {
        let (strange, _) = bench(vec![line(TEN, 200, format!("{{\"items\": [{row}]}}"))]).await;
        assert_eq!(refusal(strange.netsuite.levels(None, 10).await).0, "stock-unreadable");
    }
}

/// Whoever asks for more rows than a page holds gets them, and fewer than were asked for only at the end.
#[tokio::test]
async fn more_than_a_page_is_several_pages() {
    let row =
        |item: u32| format!("{{\"item\": \"{item}\", \"location\": \"6\", \"sku\": \"S{item}\", \"quantity\": \"1\"}}");
    let rows = |items: std::ops::Range<u32>| items.map(row).collect::<Vec<_>>().join(",");
    let page = |items: std::ops::Range<u32>| format!("{{\"hasMore\": true, \"items\": [{}]}}", rows(items));
    let rest = "POST /services/rest/query/v1/suiteql?limit=500&offset=0 ";
    let last = format!("{{\"hasMore\": false, \"items\": [{}]}}", rows(1001..1401));
    let (bench, script) = bench(vec![line(PAGE, 200, page(1..1001)), line(rest, 200, last)]).await;
    let levels = bench.netsuite.levels(None, 1500).await.unwrap();
    assert_eq!(levels.len(), 1400);
    assert!(script.seen()[1].contains(r#""params":["6","7","1000","1000","6"]"#));
}

/// P42: what a desk's order says is bound, and an order that cannot be asked for now is asked for later, never held to be missing.
#[tokio::test]
async fn an_order_that_cannot_be_asked_for_is_not_missing() {
    let order = DeskOrderRef {
        id: "9".to_owned(),
        number: " SO1' OR '1'='1 ".to_owned(),
        key: Some("netsuite:1234567_SB1:SO:12345678901234567890".to_owned()),
        store: None,
    };
    let none = || line(PAGE, 200, r#"{"items": []}"#);
    let (bench_of_none, script) = bench(vec![none(), none(), none(), none()]).await;
    assert_eq!(bench_of_none.netsuite.meant(&order).await.unwrap(), []);
    let (by_key, by_number): (Vec<String>, Vec<String>) = script
        .seen()
        .into_iter()
        .partition(|asked| asked.contains(r#":SO:12345678901234567890"]"#));
    assert_eq!((by_key.len(), by_number.len()), (1, 3));
    for asked in by_number {
        assert!(
            asked.contains(r#"SO1' OR '1'='1"]"#) || asked.contains(r#"SO1' OR '1'='1","#),
            "{asked}"
        );
        assert!(!asked.contains("tranid = 'SO1"), "{asked}");
    }
    let (busy, _) = bench(vec![none(), line(PAGE, 503, "down")]).await;
    assert!(matches!(busy.netsuite.meant(&order).await, Err(CallError::Later(_))));
}

const MADE: &str = r#"{"id": "7001", "tranId": "IF88", "externalId": "EID", "createdFrom": {"id": "5012"},
    "item": {"items": [{"item": {"id": "31"}, "quantity": 2}]},
    "packageUps": {"items": [{"packageTrackingNumberUps": "1Z0002", "packageTrackingNumberUpsReturn": "1Z0009"}]}}"#;

fn made(job: &JobId) -> Line {
    line(EID, 200, MADE.replace("EID", job.as_str()))
}

fn billed(quantity: &str) -> Line {
    let row = format!(r#"{{"items": [{{"item": "31", "shipped": "5", "billed": "{quantity}"}}]}}"#);
    line(PAGE, 200, row)
}

fn shipment(number: &str) -> Shipment {
    Shipment {
        id: CarrierShipmentId::new("label:se-1"),
        parcels: vec![ShippedParcel {
            tracking_number: number.to_owned(),
        }],
        service: None,
        cost: None,
        remarks: Vec::new(),
    }
}

const FIELD: &str = "GET /services/rest/record/v1/salesOrder/5012?fields=custbody_ups_tracking ";
const PATCH: &str = "PATCH /services/rest/record/v1/salesOrder/5012 ";
const ABSENT: &str = r#"{"status": 404, "o:errorDetails": [{"detail": "no", "o:errorCode": "NONEXISTENT_ID"}]}"#;

fn shown(numbers: &str) -> Line {
    line(FIELD, 200, format!("{{\"custbody_ups_tracking\": \"{numbers}\"}}"))
}

/// The only job of the order, its document and its shipment.
fn voided() -> (JobId, DocumentId, Shipment) {
    let id: crate::domain::ConnectionId = "acme-netsuite-ups".parse().unwrap();
    let document = DocumentId::sales_order("5012");
    (JobId::of(&id, &document, 1), document, shipment("1Z0002"))
}

/// P42: a fulfilment is taken away, and its numbers with it; what is billed, locked or not ours stays with them and says why; what is
/// gone is gone.
#[tokio::test]
async fn a_fulfilment_is_taken_away_unless_somebody_has_built_upon_it() {
    let (job, document, shipment) = voided();
    let lines = vec![
        made(&job),
        billed("3"),
        line(DELETE, 204, ""),
        shown("1Z0001, 1Z0002"),
        line(PATCH, 204, ""),
    ];
    let (taken, script) = bench(lines).await;
    taken.netsuite.unmake(&job, &document, &shipment).await.unwrap();
    let seen = script.seen();
    assert!(
        seen[4].ends_with(r#"{"custbody_ups_tracking":"1Z0001"}"#),
        "{}",
        seen[4]
    );
    let alone = vec![
        made(&job),
        billed("0"),
        line(DELETE, 204, ""),
        shown("1Z0002"),
        line(PATCH, 204, ""),
    ];
    let (emptied, script) = bench(alone).await;
    emptied.netsuite.unmake(&job, &document, &shipment).await.unwrap();
    let patched = script.seen().swap_remove(4);
    assert!(
        patched.contains(r#""custbody_ups_cost":null"#) && patched.contains(r#""custbody_ups_tracking":null"#),
        "{patched}"
    );
    let (invoiced, script) = bench(vec![made(&job), billed("4")]).await;
    assert_eq!(
        refusal(invoiced.netsuite.unmake(&job, &document, &shipment).await).0,
        "invoiced"
    );
    assert_eq!(script.seen().len(), 2, "nothing was deleted, and no number taken off");
    let locked = line(DELETE, 400, fixture!("errors/invalid_content.json"));
    let (locked, script) = bench(vec![made(&job), billed("3"), locked]).await;
    let (code, words) = refusal(locked.netsuite.unmake(&job, &document, &shipment).await);
    assert!(
        code == "not-deleted" && words.contains("IF88") && words.contains("period"),
        "{words}"
    );
    assert_eq!(script.seen().len(), 3, "what stays keeps its number");
    let (foreign, script) = bench(vec![line(EID, 200, MADE)]).await;
    assert_eq!(
        refusal(foreign.netsuite.unmake(&job, &document, &shipment).await).0,
        "not-ours"
    );
    assert_eq!(script.seen().len(), 1);
    let (lost, script) = bench(vec![made(&job), billed("3"), line(DELETE, 503, "down")]).await;
    let later = lost.netsuite.unmake(&job, &document, &shipment).await;
    assert!(matches!(later, Err(CallError::Later(_))), "{later:?}");
    assert_eq!(script.seen().len(), 3);
}

/// P42: whoever dies between the deletion and the numbers, or finds the fulfilment gone by other hands, is followed by a try that knows
/// the numbers by the shipment; where nothing is left nothing is written.
#[tokio::test]
async fn what_is_gone_leaves_no_number_behind() {
    let (job, document, shipment) = voided();
    let down = line(FIELD, 503, "down");
    let (broken_off, script) = bench(vec![made(&job), billed("0"), line(DELETE, 204, ""), down]).await;
    let later = broken_off.netsuite.unmake(&job, &document, &shipment).await;
    assert!(matches!(later, Err(CallError::Later(_))), "{later:?}");
    assert!(script.seen().iter().any(|asked| asked.starts_with("DELETE")));

    let gone = || line(EID, 404, ABSENT);
    let (again, script) = bench(vec![gone(), shown("1Z0001, 1Z0002"), line(PATCH, 204, "")]).await;
    again.netsuite.unmake(&job, &document, &shipment).await.unwrap();
    let patched = script.seen().swap_remove(2);
    assert!(patched.ends_with(r#"{"custbody_ups_tracking":"1Z0001"}"#), "{patched}");

    let (done, script) = bench(vec![gone(), shown("1Z0001")]).await;
    done.netsuite.unmake(&job, &document, &shipment).await.unwrap();
    assert_eq!(script.seen().len(), 2, "nothing is written where nothing is left");

    let locked = line(PATCH, 400, fixture!("errors/invalid_content.json"));
    let (locked, _) = bench(vec![gone(), shown("1Z0002"), locked]).await;
    let (code, words) = refusal(locked.netsuite.unmake(&job, &document, &shipment).await);
    assert!(code == "not-taken-off" && words.contains("is deleted"), "{words}");
}

#[tokio::test]
async fn a_connection_that_makes_no_fulfilments_takes_none_away() {
    let script = Script::start(Vec::new()).await;
    let bench = Bench::new(&script.base, &token_based(), |connection| {
        desk(connection);
        connection.write_back.fulfilment = false;
    });
    let (job, document, shipment) = voided();
    assert_eq!(
        refusal(bench.netsuite.unmake(&job, &document, &shipment).await).0,
        "makes-nothing"
    );
    assert!(script.seen().is_empty());
}

/// P42: a parcel that people packed from two places is one fulfilment: each line from its own place and exactly so many, whatever else
/// is open is not taken, and neither a weight nor a number is made up.
#[tokio::test]
async fn a_parcel_from_two_places_is_one_fulfilment() {
    let pages = [
        fixture!("read/orders.json"),
        fixture!("read/lines.json"),
        fixture!("read/customers.json"),
    ];
    let (bench, _) = bench(pages.map(|body| line(PAGE, 200, body)).into()).await;
    let document = DocumentId::sales_order("5012");
    let order = bench
        .netsuite
        .read(std::slice::from_ref(&document))
        .await
        .unwrap()
        .remove(0);
    let part = |line: &str, quantity: u32| {
        let quantities = Quantities::from([(LineId::new(line), quantity.into())]);
        Consignment::of(&order, &quantities, &Quantities::new()).unwrap()
    };
    let mut consignment = part("1", 2);
    consignment.lines.extend(part("5", 1).lines);
    let job = JobId::of(&bench.connection.id, &document, 1);
    let shipment = Shipment {
        id: CarrierShipmentId::new("se-1"),
        parcels: Vec::new(),
        service: None,
        cost: None,
        remarks: Vec::new(),
    };
    let write_back = WriteBack {
        job: &job,
        order: &order,
        consignment: &consignment,
        shipment: &shipment,
        quote: None,
        labels: &[],
        label_link: None,
    };
    let draft = bench.netsuite.draft(&write_back, &Written::Nothing).unwrap();
    let body = &draft.body["transform"]["body"];
    let expected = json!([
        {"orderLine": 1, "location": {"id": "6"}, "itemReceive": true, "quantity": 2},
        {"orderLine": 4, "location": {"id": "6"}, "itemReceive": false},
        {"orderLine": 5, "location": {"id": "7"}, "itemReceive": true, "quantity": 1}
    ]);
    assert_eq!(body["item"]["items"], expected);
    assert_eq!(body["package"], json!({"items": []}));
    assert_eq!(
        (&body["externalId"], &body["shipStatus"]["id"]),
        (&json!(job.as_str()), &json!("C"))
    );
}
