//! The adapter against a PeopleSoft in this process.

use rust_decimal::dec;
use serde_json::{Value, json};

use super::fixture::{Bench, Line, always, basic, connection, once, rows};
use crate::connection::{Addressed, Connection, Environment};
use crate::domain::*;
use crate::ports::*;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/fixtures/peoplesoft/",
            $name
        ))
    };
}

mod settings;
mod writes;

const HEADS: &str =
    "GET /site/fs/PSIGW/RESTListeningConnector/PSFT_EP/ExecuteQuery.v1/public/X_SHIP_PO_HDR/JSON/NONFILE";

fn scan(since: &str, after: Option<&str>, limit: u16) -> Scan {
    Scan {
        since: since.parse().unwrap(),
        after: after.map(str::to_owned),
        limit,
    }
}

fn head(unit: &str, id: &str, changed: &str) -> Value {
    json!({"BUSINESS_UNIT": unit, "PO_ID": id, "PO_STATUS": "D", "LAST_DTTM_UPDATE": changed})
}

fn ids(heads: &[DocumentHead]) -> Vec<&str> {
    heads.iter().map(|head| head.document.id.as_str()).collect()
}

/// What everything else refers to.
fn reference() -> Vec<Line> {
    vec![
        always("X_SHIP_PO_LINE", fixture!("read/purchase_order.json")),
        always("X_SHIP_LOC", fixture!("read/location_dock1.json")),
        always("X_SHIP_VENDOR", fixture!("read/vendor.json")),
        always("X_SHIP_ITEM", fixture!("read/item_10012.json")),
    ]
}

/// P70: a scan asks by the server's clock, kind by kind and business unit by business unit, and the address is the one that
/// live systems take.
#[tokio::test]
async fn a_scan_asks_every_business_unit_by_the_servers_clock() {
    let bench = Bench::new(vec![once("X_SHIP_PO_HDR", 200, fixture!("read/purchase_orders.json"))]);
    let heads = bench
        .peoplesoft
        .changed(&scan("2026-02-27T22:00:00Z", None, 250))
        .await
        .unwrap();
    assert_eq!(ids(&heads), ["US001.0000079262", "US001.0000079263"]);
    assert_eq!(heads[0].modified, "2026-02-27T22:05:11Z".parse().unwrap());
    assert_eq!(heads[1].modified, heads[0].modified);
    let seen = bench.script.seen();
    assert!(bench.script.asked(HEADS).len() == 3, "twice in US001, once in US002");
    let first = &seen[0];
    assert_eq!(
        first.url.as_str(),
        "https://erp.acme.example:8443/site/fs/PSIGW/RESTListeningConnector/PSFT_EP/ExecuteQuery.v1/public/X_SHIP_PO_HDR/JSON/\
         NONFILE?isconnectedquery=n&maxrows=250&prompt_psqueryname=&prompt_uniquepromptname=BUSINESS_UNIT,FROM_DTTM,TO_DTTM,\
         LAST_KEY&prompt_fieldvalue=US001,2026-02-27%2016%3A00%3A00,2026-03-04%2006%3A00%3A00,%20&filterfields=&json_resp=true"
    );
    assert_eq!(seen[1].prompt("LAST_KEY"), "0000079263");
    let asked: Vec<(bool, String)> = seen
        .iter()
        .map(|seen| (seen.url.path().contains("X_SHIP_REQ_HDR"), seen.prompt("BUSINESS_UNIT")))
        .collect();
    let asked: Vec<(bool, &str)> = asked
        .iter()
        .map(|(requisition, unit)| (*requisition, unit.as_str()))
        .collect();
    assert_eq!(
        asked,
        [
            (false, "US001"),
            (false, "US001"),
            (false, "US002"),
            (true, "US001"),
            (true, "US002")
        ]
    );
}

/// P70: none is missed at a cap that cuts off silently, at equal times, or between two kinds of one number.
#[tokio::test]
async fn nothing_is_missed_at_a_cap_and_pages_join() {
    let all: Vec<Value> = (1..=5)
        .map(|n| head("US001", &format!("000000000{n}"), "2026-02-27 16:00:00"))
        .collect();
    let requisition = json!({"BUSINESS_UNIT": "US001", "REQ_ID": "0000000001", "REQ_STATUS": "A",
                             "LAST_DTTM_UPDATE": "2026-02-27 16:00:00"});
    // The user's query profile shows two rows at most, whatever is asked for.
    let bench = Bench::new(vec![
        once("X_SHIP_PO_HDR", 200, rows(&all[..2])),
        once("X_SHIP_PO_HDR", 200, rows(&all[2..4])),
        once("X_SHIP_PO_HDR", 200, rows(&all[4..])),
        once("X_SHIP_PO_HDR", 200, rows(&[])),
        once("X_SHIP_PO_HDR", 200, rows(&[])),
        once("X_SHIP_REQ_HDR", 200, rows(&[requisition])),
    ]);
    let heads = bench
        .peoplesoft
        .changed(&scan("2026-02-27T00:00:00Z", None, 250))
        .await
        .unwrap();
    assert_eq!(heads.len(), 6);
    assert_eq!(heads[5].document, DocumentId::requisition("REQ:US001.0000000001"));
    // Page by page: each begins behind the last id, and the requisition comes after every purchase order.
    let bench = Bench::new(vec![
        once("X_SHIP_PO_HDR", 200, rows(&all[..3])),
        once("X_SHIP_PO_HDR", 200, rows(&all[3..])),
    ]);
    let first = bench
        .peoplesoft
        .changed(&scan("2026-02-27T00:00:00Z", None, 3))
        .await
        .unwrap();
    assert_eq!(
        ids(&first),
        ["US001.0000000001", "US001.0000000002", "US001.0000000003"]
    );
    let rest = bench
        .peoplesoft
        .changed(&scan("2026-02-27T00:00:00Z", Some(&first[2].document.id), 3))
        .await
        .unwrap();
    assert_eq!(ids(&rest), ["US001.0000000004", "US001.0000000005"]);
    assert_eq!(bench.script.seen()[1].prompt("LAST_KEY"), "0000000003");
    let bench = Bench::new(Vec::new());
    let behind = scan("2026-02-27T00:00:00Z", Some("REQ:US001.0000000001"), 3);
    assert_eq!(bench.peoplesoft.changed(&behind).await.unwrap(), []);
    let asked: Vec<String> = bench.script.seen().iter().map(|seen| seen.prompt("LAST_KEY")).collect();
    assert_eq!(asked, ["0000000001", " "], "no purchase order is asked for again");
}

/// P70: a query that ignores its prompts ships nothing that is old or another's, and does not turn in circles.
#[tokio::test]
async fn prompts_that_are_ignored_are_noticed() {
    let mixed = rows(&[
        head("US001", "0000000001", "2019-01-01 00:00:00"),
        head("EU001", "0000000002", "2026-02-27 16:00:00"),
        head("US001", "0000000003", "yesterday"),
        head("US001", "0000000004", "2026-02-26 23:30:00"),
    ]);
    let bench = Bench::new(vec![once("X_SHIP_PO_HDR", 200, mixed.clone())]);
    let since = "2026-02-27T06:00:00Z";
    let heads = bench.peoplesoft.changed(&scan(since, None, 250)).await.unwrap();
    assert_eq!(
        ids(&heads),
        ["US001.0000000003", "US001.0000000004"],
        "only what is certainly older is left out"
    );
    assert_eq!(heads[0].modified, since.parse().unwrap());
    let bench = Bench::new(vec![always("X_SHIP_PO_HDR", mixed)]);
    let result = bench.peoplesoft.changed(&scan(since, None, 250)).await;
    let Err(CallError::Refused(refusal)) = result else {
        panic!("{result:?}")
    };
    assert!(
        refusal.message.contains("LAST_KEY") && refusal.message.contains("PO_ID > :4"),
        "{refusal}"
    );
}

/// P70: the hour that the clock shows twice is asked for from its beginning.
#[tokio::test]
async fn a_scan_across_a_change_of_the_clock_begins_early_enough() {
    let bench = Bench::new(Vec::new());
    bench.clock.turn("2026-11-01T08:00:00Z");
    bench
        .peoplesoft
        .changed(&scan("2026-11-01T06:50:00Z", None, 250))
        .await
        .unwrap();
    assert_eq!(bench.script.seen()[0].prompt("FROM_DTTM"), "2026-11-01 00:50:00");
    assert_eq!(bench.script.seen()[0].prompt("TO_DTTM"), "2026-11-03 02:00:00");
}

#[tokio::test]
async fn what_waits_is_what_may_ship_by_its_head() {
    let mut cancelled = head("US001", "0000000002", "2026-02-27 16:00:00");
    cancelled["PO_STATUS"] = json!("Canceled");
    let two = [head("US001", "0000000001", "2026-02-27 16:00:00"), cancelled];
    let bench = Bench::new(vec![once("X_SHIP_PO_HDR", 200, rows(&two))]);
    let heads = bench
        .peoplesoft
        .waiting(&scan("2026-02-27T00:00:00Z", None, 250))
        .await
        .unwrap();
    assert_eq!(ids(&heads), ["US001.0000000001"]);
}

/// P73: what several documents refer to is read once; a document that is not there is missing.
#[tokio::test]
async fn documents_are_read_with_what_they_refer_to() {
    let bench = Bench::new(reference());
    let order = DocumentId::purchase_order("US001.0000079262");
    let gone = DocumentId::purchase_order("US001.0000000001");
    let foreign = DocumentId::sales_order("5012");
    let orders = bench
        .peoplesoft
        .read(&[order.clone(), gone, foreign, order])
        .await
        .unwrap();
    assert_eq!(orders.len(), 2);
    assert_eq!(orders[0].ship_to.city, "Chicago");
    assert_eq!(orders[0].lines[0].weight, Some(Weight::pounds(dec!(2.5))));
    let count = |query: &str| bench.script.asked(query).len();
    assert_eq!((count("X_SHIP_PO_LINE"), count("X_SHIP_TRACK")), (3, 2));
    assert_eq!(
        (count("X_SHIP_LOC"), count("X_SHIP_VENDOR"), count("X_SHIP_ITEM")),
        (3, 1, 2)
    );
}

#[tokio::test]
async fn the_numbers_that_stand_in_the_record_are_shown_with_the_order() {
    let mut lines = reference();
    let entry = |entry: &str, numbers: &str| {
        json!({"BUSINESS_UNIT": "US001", "DOC_TYPE": "PO", "DOC_ID": "0000079262", "ENTRY": entry, "TRACKING": numbers,
               "STATUS": " ", "ERR_TEXT": " "})
    };
    let entries = [
        entry("A", "1Z1, 1Z2"),
        entry("B", "1Z3"),
        entry("PROBLEM", " "),
        entry("DELIVERY", " "),
    ];
    lines.push(always("X_SHIP_TRACK", rows(&entries)));
    let bench = Bench::new(lines);
    let orders = bench
        .peoplesoft
        .read(&[DocumentId::purchase_order("US001.0000079262")])
        .await
        .unwrap();
    assert_eq!(orders[0].tracking_shown.as_deref(), Some("1Z1, 1Z2, 1Z3"));
}

#[tokio::test]
async fn a_number_is_looked_for_in_every_business_unit_or_in_the_one_that_is_named() {
    let bench = Bench::new(vec![always("X_SHIP_PO_LINE", fixture!("read/purchase_order.json"))]);
    let found = bench.peoplesoft.numbered("79262").await.unwrap();
    assert_eq!(found, [DocumentId::purchase_order("US001.0000079262")]);
    assert_eq!(
        bench.script.seen().len(),
        8,
        "two kinds, two business units, with its zeros and without"
    );
    let bench = Bench::new(vec![always("X_SHIP_PO_LINE", fixture!("read/purchase_order.json"))]);
    let found = bench.peoplesoft.numbered("US001/0000079262").await.unwrap();
    assert_eq!(found, [DocumentId::purchase_order("US001.0000079262")]);
    assert_eq!(bench.script.seen().len(), 2);
    assert_eq!(bench.peoplesoft.numbered("1,2").await.unwrap(), []);
}

/// Errors come inside a 200, and what they mean is in their words.
#[tokio::test]
async fn an_error_inside_a_200_is_an_error() {
    let asked = async |status: u16, body: &str| {
        let bench = Bench::new(vec![once("X_SHIP_PO_HDR", status, body)]);
        bench.peoplesoft.changed(&scan("2026-02-27T00:00:00Z", None, 250)).await
    };
    for (status, body) in [
        (200, fixture!("errors/security.xml")),
        (500, fixture!("errors/security.xml")),
        (200, fixture!("errors/not_active.xml")),
        (200, fixture!("errors/query.json")),
        (404, fixture!("errors/query.json")),
        (200, "<?xml version=\"1.0\"?><QAS_GETQUERYRESULTS_RESP_MSG/>"),
    ] {
        let result = asked(status, body).await;
        assert!(
            matches!(result, Err(CallError::Refused(_))),
            "{status} {body}: {result:?}"
        );
    }
    for (status, body) in [
        (200, fixture!("errors/handler.xml")),
        (200, fixture!("errors/fault.xml")),
        (200, fixture!("errors/page.html")),
        (200, ""),
        (200, "{}"),
        (500, ""),
        (502, fixture!("errors/page.html")),
        (404, fixture!("errors/page.html")),
        (0, ""),
    ] {
        let result = asked(status, body).await;
        assert!(
            matches!(result, Err(CallError::Later(_))),
            "{status} {body}: {result:?}"
        );
    }
}

/// P71: a 401 is asked once: a few failures lock the account.
#[tokio::test]
async fn nothing_is_repeated_after_a_401() {
    let bench = Bench::new(vec![once("X_SHIP_PO_HDR", 401, fixture!("errors/security.xml"))]);
    let result = bench.peoplesoft.changed(&scan("2026-02-27T00:00:00Z", None, 250)).await;
    assert!(matches!(result, Err(CallError::Later(later)) if later.obstacle == Obstacle::Unauthorised));
    let seen = bench.script.seen();
    assert_eq!(seen.len(), 1);
    // WAYBILL:pass:word
    assert_eq!(seen[0].authorization.as_deref(), Some("Basic V0FZQklMTDpwYXNzOndvcmQ="));
}

/// P71: OAuth by the customer's own identity provider, or a token of somebody else's.
#[tokio::test]
async fn a_bearer_token_comes_from_the_identity_provider_or_stands_in_the_secret() {
    let token = once(
        "POST /oauth2/token",
        200,
        r#"{"access_token": "made", "expires_in": 3600}"#,
    );
    let secret = json!({"kind": "client-credentials", "client_id": "app", "client_secret": "s"});
    let bench = Bench::with(&secret, vec![token], |connection| {
        connection.erp.options["identity_url"] = json!("https://login.acme.example");
        connection.erp.options["scope"] = json!("psft");
        connection.erp.options["client_authentication"] = json!("form");
    });
    assert!(bench.peoplesoft.mint().is_some());
    bench
        .peoplesoft
        .changed(&scan("2026-02-27T00:00:00Z", None, 250))
        .await
        .unwrap();
    let seen = bench.script.seen();
    assert_eq!(seen[0].url.as_str(), "https://login.acme.example/oauth2/token");
    assert_eq!(
        seen[0].body,
        "grant_type=client_credentials&scope=psft&client_id=app&client_secret=s"
    );
    assert_eq!(seen[1].authorization.as_deref(), Some("Bearer made"));
    let bench = Bench::with(&json!({"kind": "bearer", "token": "given"}), Vec::new(), |_| {});
    bench
        .peoplesoft
        .changed(&scan("2026-02-27T00:00:00Z", None, 250))
        .await
        .unwrap();
    assert_eq!(bench.script.seen()[0].authorization.as_deref(), Some("Bearer given"));
    assert!(bench.peoplesoft.mint().is_none() && basic()["kind"] == "basic");
}

fn failing(findings: &[Finding]) -> Vec<String> {
    let wrong = findings
        .iter()
        .filter_map(|finding| Some((&finding.what, finding.result.as_ref().err()?)));
    wrong.map(|(what, why)| format!("{what}: {why}")).collect()
}

#[tokio::test]
async fn a_check_reads_a_document_whole_and_writes_nothing() {
    let heads = |line: &mut Vec<Line>, days: usize| {
        for _ in 0..days {
            line.push(once("X_SHIP_PO_HDR", 200, fixture!("read/purchase_orders.json")));
        }
    };
    let mut lines = reference();
    heads(&mut lines, 2);
    lines.push(always("X_SHIP_LOC", fixture!("read/location_dock1.json")));
    let bench = Bench::with(&basic(), lines, |connection| {
        connection.erp.options["business_units"] = json!(["US001"]);
        connection.erp.options["documents"] = json!(["purchase-orders"]);
    });
    let findings = bench.peoplesoft.check().await;
    let wrong = failing(&findings);
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    assert!(wrong[0].contains("DOCK2"), "{wrong:#?}");
    assert!(findings.iter().any(|finding| finding.what == "the service that writes"));
    assert!(bench.script.seen().iter().all(|seen| seen.method == "GET"));
    let days: Vec<String> = bench
        .script
        .asked("X_SHIP_PO_HDR")
        .iter()
        .map(|seen| seen.prompt("FROM_DTTM"))
        .collect();
    assert!(
        days[2].starts_with("2998-12") || days[2].starts_with("2999-01"),
        "{days:?}"
    );
}

#[tokio::test]
async fn a_check_says_what_to_do() {
    let checked = async |lines: Vec<Line>| {
        let bench = Bench::with(&basic(), lines, |connection| {
            connection.erp.options["business_units"] = json!(["US001"]);
            connection.erp.options["documents"] = json!(["purchase-orders"]);
        });
        failing(&bench.peoplesoft.check().await).join("\n")
    };
    let told = checked(vec![once("X_SHIP_PO_HDR", 404, fixture!("errors/page.html"))]).await;
    assert!(told.contains("erp.node") && told.contains("PSFT_EP"), "{told}");
    let told = checked(vec![once("X_SHIP_PO_HDR", 401, "")]).await;
    assert!(told.contains("upper case") && told.contains("locked"), "{told}");
    let told = checked(vec![once("X_SHIP_PO_HDR", 200, fixture!("errors/security.xml"))]).await;
    assert!(told.contains("permission list"), "{told}");
    let told = checked(Vec::new()).await;
    assert!(
        told.contains("business unit US001") && told.contains("row-level security"),
        "{told}"
    );
    let bare = json!({"BUSINESS_UNIT": "US001", "PO_ID": "0000079262", "PO_STATUS": "D"});
    let told = checked(vec![always("X_SHIP_PO_HDR", rows(&[bare]))]).await;
    assert!(told.contains("does not heed its prompt LAST_KEY"), "{told}");
    assert!(
        told.contains("LAST_DTTM_UPDATE") && told.contains("does not heed its prompt FROM_DTTM"),
        "{told}"
    );
}

/// What an analyst's query gets wrong without anybody's seeing it: the order of ids, times that nobody can read, rows that the
/// user's profile cuts off.
#[tokio::test]
async fn a_check_looks_at_the_order_the_times_and_the_number_of_rows() {
    let page = |ids: &[&str], changed: &str| rows(&ids.iter().map(|id| head("US001", id, changed)).collect::<Vec<_>>());
    let checked = async |first: String, behind: String| {
        let lines = vec![
            once("X_SHIP_PO_HDR", 200, first.clone()),
            once("X_SHIP_PO_HDR", 200, first),
            once("X_SHIP_PO_HDR", 200, rows(&[])),
            once("X_SHIP_PO_HDR", 200, behind),
        ];
        let bench = Bench::with(&basic(), lines, |connection| {
            connection.erp.options["business_units"] = json!(["US001"]);
            connection.erp.options["documents"] = json!(["purchase-orders"]);
        });
        failing(&bench.peoplesoft.check().await).join("\n")
    };
    let usual = "2026-02-27 16:00:00";
    let told = checked(page(&["01", "02"], usual), rows(&[])).await;
    for words in ["smallest", "LAST_KEY", "cannot be read", "query profile"] {
        assert!(!told.contains(words), "{told}");
    }
    for (first, behind) in [
        (page(&["02", "01"], usual), rows(&[])),
        (page(&["01", "A3", "02"], usual), page(&["A3"], usual)),
    ] {
        let told = checked(first, behind).await;
        assert!(told.contains("smallest PO_ID first"), "{told}");
    }
    let told = checked(page(&["01", "02"], usual), page(&["01", "02"], usual)).await;
    assert!(told.contains("does not heed its prompt LAST_KEY"), "{told}");
    let told = checked(page(&["01"], "27/02/2026"), rows(&[])).await;
    assert!(told.contains("\"27/02/2026\", which cannot be read"), "{told}");
    let told = checked(page(&["01", "02"], usual), page(&["03", "04"], usual)).await;
    assert!(told.contains("erp.max_rows = 2"), "{told}");
}

/// An answer that nobody can read is none: what it may have shown would look as if it were not there.
#[tokio::test]
async fn rows_that_cannot_be_read_are_no_empty_list() {
    let document = DocumentId::purchase_order("US001.0000079262");
    let read = async |query: &'static str, body: &str| {
        let mut lines = reference();
        lines.push(once(query, 200, body));
        let bench = Bench::new(lines);
        bench.peoplesoft.read(std::slice::from_ref(&document)).await
    };
    let unreadable = r#"{"status": "success", "data": {"query": {"numrows": 1, "rows": "A.PO_ID"}}}"#;
    let uncounted = r#"{"status": "success", "data": {"query": {"numrows": 1, "rows": []}}}"#;
    for query in [
        "X_SHIP_PO_LINE",
        "X_SHIP_LOC",
        "X_SHIP_ITEM",
        "X_SHIP_VENDOR",
        "X_SHIP_TRACK",
    ] {
        for body in [unreadable, uncounted] {
            let result = read(query, body).await;
            assert!(matches!(result, Err(CallError::Later(_))), "{query} {body}: {result:?}");
        }
    }
    let cut = fixture!("read/purchase_order.json").replace("\"numrows\": 5", "\"numrows\": 9");
    let orders = read("X_SHIP_PO_LINE", &cut).await.unwrap();
    assert!(
        matches!(&orders[0].standing, Standing::Waiting(why) if why.contains("may be missing")),
        "{:?}",
        orders[0].standing
    );
}

/// Ids are the customer's own: what a prompt cannot take is left out, and said; everything else is encoded.
#[tokio::test]
async fn an_id_is_encoded_and_one_with_a_comma_is_left_out() {
    let page = ["A/1 %", "B,2", "C3"].map(|id| head("US001", id, "2026-02-27 16:00:00"));
    let bench = Bench::new(vec![once("X_SHIP_PO_HDR", 200, rows(&page))]);
    let heads = bench
        .peoplesoft
        .changed(&scan("2026-02-27T00:00:00Z", None, 250))
        .await
        .unwrap();
    assert_eq!(ids(&heads), ["US001.A/1 %", "US001.C3"]);
    bench.peoplesoft.read(&[heads[0].document.clone()]).await.unwrap();
    let seen = bench.script.asked("X_SHIP_PO_LINE");
    assert_eq!(seen[0].prompt("PO_ID"), "A/1 %");
    assert!(seen[0].url.as_str().contains("US001,A%2F1%20%25"), "{}", seen[0].url);
    assert_eq!(bench.peoplesoft.reads_at_once(), 20);
}

/// The usual connection as others see it.
fn mistakes(change: impl FnOnce(&mut Connection)) -> Vec<String> {
    let mut connection = connection();
    change(&mut connection);
    let found = super::mistakes(&Addressed::erp(&connection));
    found.into_iter().map(|mistake| mistake.path).collect()
}

fn at(environment: Environment, base: &str, private: bool) -> Vec<String> {
    mistakes(|connection| {
        connection.environment = environment;
        connection.erp.base_url = Some(base.parse().unwrap());
        connection.erp.options["private_network"] = json!(private);
    })
}
