//! The shapes of an answer, option by option, and the failures that wear HTTP 200.

use super::*;

const NAMES: &str = "SETID,INV_ITEM_ID";

impl Stage {
    async fn item(&self, item: &str) -> Value {
        let (status, body) = self.query("X_SHIP_ITEM", NAMES, &format!("SHARE,{item}")).await;
        assert_eq!(status, 200);
        body
    }
}

/// The shape of the reference: a numbered row, plain field names, numbers as numbers, a blank as one space.
#[tokio::test]
async fn the_usual_shape() {
    let stage = Stage::plain().await;
    let body = stage.item("SEAL-KG").await;
    assert_eq!(body["status"], "success");
    let query = &body["data"]["query"];
    assert_eq!(
        (&query["numrows"], &query["queryname"]),
        (&json!(1), &json!("X_SHIP_ITEM"))
    );
    let row = &query["rows"][0];
    assert_eq!(
        (&row["attr:rownumber"], &row["INV_ITEM_WEIGHT"]),
        (&json!(1), &json!(0.45))
    );
    assert_eq!(
        (&row["HARMONIZED_CD"], &row["INV_ITEM_LENGTH"]),
        (&json!(" "), &json!(0))
    );
}

/// Each habit by itself.
#[tokio::test]
async fn every_habit_can_be_set() {
    let stage = Stage::plain().await;
    stage.configure(|options| options.prefixed_keys = true);
    assert_eq!(
        stage.item("SEAL-KG").await["data"]["query"]["rows"][0]["B.UNIT_MEASURE_WT"],
        "KG"
    );
    stage.configure(|options| {
        *options = Options {
            numbers_as_strings: true,
            one_row_as_object: true,
            blank_is_space: false,
            old_name_key: true,
            ..Options::default()
        };
    });
    let body = stage.item("SEAL-KG").await;
    let row = &body["data"]["query"]["rows"];
    assert_eq!(
        (&row["INV_ITEM_WEIGHT"], &row["HARMONIZED_CD"]),
        (&json!("0.4500"), &json!(""))
    );
    assert_eq!(body["data"]["query"]["queryname="], "X_SHIP_ITEM");
    assert_eq!(stage.item("NONE").await["data"]["query"]["rows"], json!([]));
    stage.configure(|options| options.no_rows = NoRows::Missing);
    assert!(stage.item("NONE").await["data"]["query"].get("rows").is_none());
    stage.configure(|options| {
        let forgotten = options.missing_columns.entry("X_SHIP_ITEM".into()).or_default();
        forgotten.insert("INV_ITEM_WEIGHT".into());
    });
    assert!(
        stage.item("SEAL-KG").await["data"]["query"]["rows"]
            .get("INV_ITEM_WEIGHT")
            .is_none()
    );
}

/// Codes may come as their long names.
#[tokio::test]
async fn codes_may_be_long_names() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    stage.configure(|options| options.descriptions = true);
    let row = stage.lines(&key).await.remove(0);
    assert_eq!(
        (&row["PO_STATUS"], &row["CANCEL_STATUS"]),
        (&json!("Dispatched"), &json!("Active"))
    );
    assert_eq!(
        (&row["HOLD_STATUS"], &row["UNIT_OF_MEASURE"]),
        (&json!("N"), &json!("EA"))
    );
}

/// Countries are stored with three letters, but a view may have shortened them.
#[tokio::test]
async fn countries_have_three_letters_or_two() {
    let stage = Stage::plain().await;
    let country = async || {
        let rows = stage.rows("X_SHIP_LOC", "SETID,LOCATION", "CORP1,MARFA").await;
        rows[0]["COUNTRY"].clone()
    };
    assert_eq!(country().await, "USA");
    stage.configure(|options| options.two_letter_countries = true);
    assert_eq!(country().await, "US");
}

/// The XML types, and what comes when the flag for JSON is forgotten.
#[tokio::test]
async fn xml_is_there_for_those_who_ask() {
    let stage = Stage::plain().await;
    let url = stage.query_url("X_SHIP_ITEM", NAMES, "SHARE,SEAL-KG");
    let text = async |url: String| {
        stage
            .request(Method::GET, &url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let web = text(url.replace("/JSON/", "/WEBROWSET/")).await;
    assert!(web.contains("<column-count>14</column-count>"), "{web}");
    assert!(web.contains("<currentRow><columnValue>SHARE</columnValue>"), "{web}");
    let forgotten = text(url.replace("json_resp", "json_response")).await;
    assert!(
        forgotten.contains("queryname=\"X_SHIP_ITEM\"><row rownumber=\"1\"><SETID>SHARE</SETID>"),
        "{forgotten}"
    );
}

/// What the query service refuses wears HTTP 200, in whatever form.
#[tokio::test]
async fn refusals_wear_http_200() {
    let stage = Stage::plain().await;
    assert_eq!(stage.query("X_SHIP_NONE", NAMES, "a,b").await.1["status"], "error");
    let private = stage
        .query_url("X_SHIP_ITEM", NAMES, "SHARE,SEAL-KG")
        .replace("/public/", "/private/");
    let (status, body) = read(stage.request(Method::GET, &private).send().await.unwrap()).await;
    assert_eq!((status, &body["status"]), (200, &json!("error")));
    stage.configure(|options| {
        options.missing_queries.insert("X_SHIP_ITEM".into());
        options.query_errors = ErrorForm::IbResponse;
    });
    let body = stage.item("SEAL-KG").await;
    assert!(body.as_str().unwrap().contains("<IBResponse type=\"error\">"), "{body}");
    stage.configure(|options| options.query_errors = ErrorForm::Fault);
    assert!(stage.item("SEAL-KG").await.as_str().unwrap().contains("Fault"));
}

/// Faults on the wire that this vendor knows beside the usual ones.
#[tokio::test]
async fn faults_strike_by_what_a_query_tells() {
    let stage = Stage::plain().await;
    let ask = async || stage.query("X_SHIP_ITEM", NAMES, "SHARE,SEAL-KG").await;
    stage.fault("vendor", FaultKind::Empty { code: 500 });
    assert_eq!(ask().await.0, 200);
    stage.fault("item", FaultKind::Empty { code: 500 });
    assert_eq!(ask().await, (500, json!("")));
    stage.fault("item", FaultKind::ErrorIn200 { after_effect: false });
    let (status, body) = ask().await;
    assert!(status == 200 && body.as_str().unwrap().contains("<IBResponse type=\"error\">"));
    stage.fault("item", FaultKind::Html503);
    assert_eq!(ask().await.0, 503);
    assert_eq!(ask().await.0, 200);
}
