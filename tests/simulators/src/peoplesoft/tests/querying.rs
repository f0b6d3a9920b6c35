//! Queries: what the prompts select, caps, effective dates, the database server's clock.

use super::super::basics::closed;
use super::super::queries::QUERIES;
use super::*;

const CHANGED: &str = "BUSINESS_UNIT,FROM_DTTM,TO_DTTM,LAST_KEY";

/// The simulator offers what the project's page asks the analyst to build, no more and no less.
#[test]
fn the_queries_are_the_ones_of_the_example() {
    let text = include_str!("../../../../../examples/peoplesoft/queries.toml");
    let asked: toml::Table = text.parse().unwrap();
    assert_eq!(asked.len(), QUERIES.len());
    let texts = |list: Option<&toml::Value>| -> Vec<String> {
        let list = list.and_then(toml::Value::as_array).cloned().unwrap_or_default();
        list.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    for query in QUERIES {
        let one = &asked[query.operation];
        assert_eq!(one["name"].as_str(), Some(query.name));
        assert_eq!(texts(one.get("prompts")), query.prompts);
        let mut columns = ["columns", "sometimes", "optional"]
            .map(|list| texts(one.get(list)))
            .concat();
        let mut offered: Vec<&str> = query.columns.iter().map(|(_, field)| *field).collect();
        columns.sort_unstable();
        offered.sort_unstable();
        assert_eq!(columns, offered, "{}", query.name);
    }
}

/// From is included, to is not; both forms of a moment are read; keys go upwards from the last one.
#[tokio::test]
async fn changed_orders_are_found_by_span_and_last_key() {
    let stage = Stage::plain().await;
    let first = stage.order(&NewDocument::of("PUMP-010", 1));
    stage.advance(1);
    let second = stage.order(&NewDocument::of("PUMP-010", 1));
    let (one, two) = ("2026-02-03 12:00:00", "2026-02-03 12:00:01");
    assert_eq!(stage.changed(one, two).await, std::slice::from_ref(&first.id));
    assert_eq!(
        stage
            .changed("2026-02-03-12.00.00.000000", "2026-02-03-12.00.02.000000")
            .await
            .len(),
        2
    );
    assert_eq!(first.id, "0000079262");
    let values = format!("{UNIT},{one},2026-02-04 00:00:00,{}", first.id);
    let rows = stage.rows("X_SHIP_PO_HDR", CHANGED, &values).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["PO_ID"], second.id);
    // The lists are parallel: any order of the prompts will do.
    let values = format!("{},2026-02-04 00:00:00,{UNIT},{one}", first.id);
    let shuffled = stage.rows("X_SHIP_PO_HDR", "LAST_KEY,TO_DTTM,BUSINESS_UNIT,FROM_DTTM", &values);
    assert_eq!(shuffled.await.len(), 1);
}

/// Names and values are case-sensitive, and a list that does not fit is treated as the customer's installation does.
#[tokio::test]
async fn bad_prompts_give_no_rows_or_all_or_an_error() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    stage.order(&NewDocument::of("VALVE-9", 1));
    let good = format!("{UNIT},{}", key.id);
    let wrong = [
        ("business_unit,PO_ID", good.clone()),
        ("BUSINESS_UNIT,PO_ID", format!("{good},more")),
        ("BUSINESS_UNIT", UNIT.to_owned()),
    ];
    for (names, values) in wrong {
        stage.configure(|options| options.bad_prompt = BadPrompt::NoRows);
        assert_eq!(stage.rows("X_SHIP_PO_LINE", names, &values).await.len(), 0);
        stage.configure(|options| options.bad_prompt = BadPrompt::AllRows);
        assert_eq!(stage.rows("X_SHIP_PO_LINE", names, &values).await.len(), 2);
        stage.configure(|options| options.bad_prompt = BadPrompt::Error);
        let (status, body) = stage.query("X_SHIP_PO_LINE", names, &values).await;
        assert_eq!((status, &body["status"]), (200, &json!("error")), "{names}");
    }
    assert_eq!(
        stage
            .rows("X_SHIP_PO_LINE", "BUSINESS_UNIT,PO_ID", &good.to_lowercase())
            .await
            .len(),
        0
    );
    let values = format!("{UNIT},yesterday,today,");
    assert_eq!(
        stage.query("X_SHIP_PO_HDR", CHANGED, &values).await.1["status"],
        "error"
    );
    stage.configure(|options| {
        options.ignoring_prompts.insert("X_SHIP_PO_HDR".into());
    });
    assert_eq!(
        stage.changed("1900-01-01 00:00:00", "1900-01-02 00:00:00").await.len(),
        2
    );
}

/// Rows beyond `maxrows` or the user's own cap are cut off without a word.
#[tokio::test]
async fn caps_cut_off_silently() {
    let stage = Stage::plain().await;
    let many = stage.act(|world, now| world.enter_many(&NewDocument::of("PUMP-010", 1), 12, now));
    let span = ("2026-02-03 12:00:00", "2026-02-03 12:00:01");
    assert_eq!(stage.changed(span.0, span.1).await.len(), many.len());
    stage.configure(|options| options.row_cap = Some(5));
    let capped = stage.changed(span.0, span.1).await;
    assert_eq!(capped, many[..5].iter().map(|key| key.id.clone()).collect::<Vec<_>>());
    stage.configure(|options| options.row_cap = None);
    let values = format!("{UNIT},{},{},", span.0, span.1);
    let url = stage.query_url("X_SHIP_PO_HDR", CHANGED, &values);
    for (max_rows, expected) in [("3", 3), ("0", 12)] {
        let url = url.replace("maxrows=1000", &format!("maxrows={max_rows}"));
        let (_, body) = read(stage.request(Method::GET, &url).send().await.unwrap()).await;
        assert_eq!(body["data"]["query"]["numrows"], expected);
    }
}

/// A late commit appears behind a mark that has already passed it; receiving leaves the header alone.
#[tokio::test]
async fn late_commits_and_batches_hide_from_the_mark() {
    let stage = Stage::plain().await;
    let late = stage.order(&NewDocument::of("PUMP-010", 1).late_by(600));
    assert!(
        stage
            .changed("2026-02-03 11:55:00", "2026-02-03 12:00:01")
            .await
            .is_empty()
    );
    assert_eq!(
        stage.changed("2026-02-03 11:50:00", "2026-02-03 12:00:01").await,
        std::slice::from_ref(&late.id)
    );
    stage.advance(60);
    stage.act(|world, now| world.receive(&late, 1, Decimal::ONE, now));
    assert_eq!(stage.lines(&late).await[0]["QTY_RECV"], 1);
    assert!(
        stage
            .changed("2026-02-03 12:00:00", "2026-02-03 12:05:00")
            .await
            .is_empty()
    );
    stage.act(|world, now| world.change_quantity(&late, 1, Decimal::TWO, now));
    assert_eq!(
        stage.changed("2026-02-03 12:00:00", "2026-02-03 12:05:00").await.len(),
        1
    );
}

/// In autumn an hour of local time comes twice: what is later in truth may be earlier in the database.
#[tokio::test]
async fn local_time_goes_back_in_autumn() {
    let stage = Stage::plain().await;
    stage.set("2026-11-01T06:45:00Z");
    let before = stage.order(&NewDocument::of("PUMP-010", 1));
    stage.set("2026-11-01T07:15:00Z");
    let after = stage.order(&NewDocument::of("PUMP-010", 1));
    let at = async |key: &DocKey| stage.lines(key).await[0]["LAST_DTTM_UPDATE"].clone();
    assert_eq!(at(&before).await, "2026-11-01T01:45:00");
    assert_eq!(at(&after).await, "2026-11-01T01:15:00");
    stage.configure(|options| options.zone = "Europe/Berlin".into());
    let abroad = stage.order(&NewDocument::of("PUMP-010", 1));
    stage.configure(|options| options.moments = MomentForm::Dotted);
    assert_eq!(at(&abroad).await, "2026-11-01-08.15.00.000000");
}

/// The automatic criterion takes the newest row that is not in the future; without it every row comes back.
#[tokio::test]
async fn effective_dates_are_the_analysts_business() {
    let stage = Stage::plain().await;
    let place = |street: &str| Place {
        description: "Depot".into(),
        address: Address::us(street, "Galena", "IL", "61036"),
        ..Place::default()
    };
    stage.act(|world, _| {
        world.put_location(UNIT, "DEPOT", active(date(2020, 1, 1), place("221 S Main St")))?;
        world.put_location(UNIT, "DEPOT", active(date(2026, 2, 4), place("515 Prospect St")))
    });
    let rows = async || stage.rows("X_SHIP_LOC", "SETID,LOCATION", "CORP1,DEPOT").await;
    assert_eq!(rows().await[0]["ADDRESS1"], "221 S Main St");
    // The server's day has not begun, whatever UTC says.
    stage.set("2026-02-04T05:59:00Z");
    assert_eq!(rows().await[0]["ADDRESS1"], "221 S Main St");
    stage.set("2026-02-04T06:00:00Z");
    assert_eq!(rows().await[0]["ADDRESS1"], "515 Prospect St");
    stage.act(|world, _| world.put_location(UNIT, "DEPOT", closed(date(2026, 3, 1), place("515 Prospect St"))));
    stage.set("2026-03-02T12:00:00Z");
    assert_eq!(rows().await[0]["EFF_STATUS"], "I");
    stage.configure(|options| options.effective_rows = EffectiveRows::CurrentActive);
    assert_eq!(rows().await[0]["EFFDT"], "2026-02-04");
    stage.configure(|options| options.effective_rows = EffectiveRows::All);
    let all: Vec<Value> = rows().await.iter().map(|row| row["EFFDT"].clone()).collect();
    assert_eq!(all, ["2020-01-01", "2026-02-04", "2026-03-01"]);
}

/// Items, vendors and locations stand under SETIDs; a vendor has several addresses.
#[tokio::test]
async fn references_lead_to_items_and_vendors() {
    let stage = Stage::plain().await;
    stage.act(|world, now| world.weigh_item(UNIT, "GASKET-NEW", Decimal::new(4, 1), "KG", now));
    let item = stage.rows("X_SHIP_ITEM", "SETID,INV_ITEM_ID", "SHARE,GASKET-NEW").await;
    assert_eq!(
        (&item[0]["INV_ITEM_WEIGHT"], &item[0]["UNIT_MEASURE_WT"]),
        (&json!(0.4), &json!("KG"))
    );
    assert_eq!(
        stage
            .rows("X_SHIP_ITEM", "SETID,INV_ITEM_ID", &format!("{UNIT},GASKET-NEW"))
            .await
            .len(),
        0
    );
    let vendor = stage
        .rows("X_SHIP_VENDOR", "SETID,VENDOR_ID", &format!("VND01,{VENDOR}"))
        .await;
    let cities: Vec<&Value> = vendor.iter().map(|row| &row["CITY"]).collect();
    assert_eq!(cities, ["Alpharetta", "Hilo"]);
    assert_eq!(
        stage.rows("X_SHIP_VENDOR", "SETID,VENDOR_ID", "VND01,42").await.len(),
        0
    );
}

/// A row for each distribution of each schedule; those of an order that was a requisition say so.
#[tokio::test]
async fn a_requisition_becomes_an_order() {
    let stage = Stage::plain().await;
    let line = NewLine::of("FILTER-CS", 2).paid_by(&["41000", "41300"]).and(1, "MARFA");
    let requisition = stage.act(|world, now| world.enter_requisition(&NewDocument::with(vec![line]), now));
    let values = format!("{UNIT},{}", requisition.id);
    let rows = async || stage.rows("X_SHIP_REQ_LINE", "BUSINESS_UNIT,REQ_ID", &values).await;
    let before = rows().await;
    let shape = |row: &Value| (row["SCHED_NBR"].clone(), row["QTY_REQ"].clone(), row["DEPTID"].clone());
    assert_eq!(
        before.iter().map(shape).collect::<Vec<_>>(),
        [
            (json!(1), json!(2), json!("41000")),
            (json!(1), json!(2), json!("41300")),
            (json!(2), json!(1), json!("41000")),
            (json!(2), json!(1), json!("41300")),
        ]
    );
    assert_eq!(
        (&before[0]["REQ_STATUS"], &before[0]["UNIT_OF_MEASURE"]),
        (&json!("A"), &json!("CS"))
    );
    let order = stage.act(|world, now| world.turn_into_order(&requisition, now));
    assert_eq!(rows().await[0]["REQ_STATUS"], "C");
    let lines = stage.lines(&order).await;
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[2]["REQ_ID"], requisition.id);
    assert_eq!(
        (&lines[2]["REQ_SCHED_NBR"], &lines[2]["BUSINESS_UNIT_REQ"]),
        (&json!(2), &json!(UNIT))
    );
    assert_eq!(lines[0]["VENDOR_NAME"], "Cascade Pump Works Inc");
}

/// A line may buy something that is no item, and a requisition may have a vendor for each line.
#[tokio::test]
async fn lines_without_an_item_and_with_a_vendor_of_their_own() {
    let stage = Stage::plain().await;
    stage.act(|world, _| world.add_vendor(UNIT, "0000000077", "Harbor Fasteners LLC"));
    let lines = vec![
        NewLine::described("Banner for the trade fair", 1),
        NewLine::of("VALVE-9", 2).sold_by("0000000077"),
    ];
    let key = stage.order(&NewDocument::with(lines));
    let rows = stage.lines(&key).await;
    assert_eq!(
        (&rows[0]["INV_ITEM_ID"], &rows[0]["UNIT_OF_MEASURE"]),
        (&json!(" "), &json!("EA"))
    );
    assert_eq!(rows[0]["DESCR254_MIXED"], "Banner for the trade fair");
    assert_eq!(
        (&rows[1]["VENDOR_ID"], &rows[1]["VENDOR_NAME"]),
        (&json!("0000000077"), &json!("Harbor Fasteners LLC"))
    );
    stage.act(|world, now| world.close_line(&key, 1, now));
    assert_eq!(stage.lines(&key).await[0]["CANCEL_STATUS"], "C");
}
