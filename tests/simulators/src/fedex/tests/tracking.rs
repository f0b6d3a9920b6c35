//! Track: what it knows, when it knows it, and how it says so.

use serde_json::{Value, json};

use super::super::{Alerts, EndDate, EventKind, Identifiers, Options};
use super::{ASSOCIATED, BY_REFERENCE, Stage, TRACK, by_reference, code, domestic, numbers, read, shipment};
use crate::carriers::journey::SMOOTH;
use crate::faults::FaultKind;

fn error(result: &Value) -> &str {
    result["error"]["code"].as_str().unwrap_or("no error")
}

fn results(answer: &Value) -> &Vec<Value> {
    answer["output"]["completeTrackResults"].as_array().unwrap()
}

/// What a look-up by reference says: numbers, or the code of the error.
async fn found(stage: &Stage, body: &Value) -> Vec<String> {
    let (status, answer) = stage.post(BY_REFERENCE, body).await;
    assert_eq!(status, 200, "{answer}");
    let one = |complete: &Value| match &complete["trackResults"][0]["error"]["code"] {
        Value::String(code) => code.clone(),
        _ => complete["trackingNumber"].as_str().unwrap().to_owned(),
    };
    results(&answer).iter().map(one).collect()
}

const ABSENT: &str = "TRACKING.REFERENCENUMBER.NOTFOUND";

/// The judge of P64: a parcel is followed from its label to its delivery.
#[tokio::test]
async fn a_parcel_travels_to_its_delivery() {
    let stage = Stage::prompt().await;
    let number = stage.shipped("SO-7").await;
    let codes = ["OC", "PU", "DP", "AR", "OD", "DL"];
    let derived = ["IN", "PU", "IT", "IT", "OD", "DL"];
    for step in 0..codes.len() {
        let result = stage.tracked(&number).await;
        let status = &result["latestStatusDetail"];
        assert_eq!(
            (&status["code"], &status["derivedCode"]),
            (&json!(codes[step]), &json!(derived[step]))
        );
        assert_eq!(result["scanEvents"].as_array().unwrap().len(), step + 1);
        assert_eq!(
            result["scanEvents"][0]["eventType"], codes[step],
            "the latest scan comes first"
        );
        if let Some(next) = SMOOTH.get(step) {
            stage.advance(600);
            assert!(stage.fedex().happen(&number, &[*next]));
        }
    }
    let result = stage.tracked(&number).await;
    assert_eq!(result["deliveryDetails"]["signedByName"], "SMITH");
    let dates = result["dateAndTimes"].as_array().unwrap();
    let date = |kind: &str| {
        dates
            .iter()
            .find(|date| date["type"] == kind)
            .map(|date| date["dateTime"].clone())
    };
    assert_eq!(date("ACTUAL_DELIVERY"), Some(json!("2026-11-20T09:50:00-05:00")));
    assert_eq!(date("ACTUAL_PICKUP"), Some(json!("2026-11-20T09:10:00-05:00")));
    assert_eq!(date("SHIP"), Some(json!("2026-11-20T00:00:00-05:00")));
    assert_eq!(date("ESTIMATED_DELIVERY"), None);
}

#[tokio::test]
async fn parcels_can_travel_by_themselves() {
    let stage = Stage::new(Options {
        auto_progress_s: Some(60),
        ..Options::default()
    })
    .await;
    let number = stage.shipped("SO-7").await;
    stage.advance(120);
    assert_eq!(stage.tracked(&number).await["latestStatusDetail"]["code"], "DP");
    stage.advance(600);
    assert_eq!(stage.tracked(&number).await["latestStatusDetail"]["code"], "DL");
    assert!(stage.books().shipments[0].packages[0].is_finished());
}

#[tokio::test]
async fn troubles_have_their_codes() {
    let stage = Stage::prompt().await;
    for (kind, code, reason) in [
        (EventKind::WeatherDelay, "DY", "083"),
        (EventKind::Attempted, "DE", "08"),
        (EventKind::AddressNeeded, "DE", "03"),
        (EventKind::Refused, "DE", "007"),
        (EventKind::Damaged, "SE", "099"),
        (EventKind::AtAccessPoint, "HL", ""),
        (EventKind::Returning, "RS", ""),
        (EventKind::Returned, "DL", ""),
    ] {
        let number = stage.shipped("SO-7").await;
        assert!(stage.fedex().happen(&number, &[EventKind::PickedUp, kind]));
        let result = stage.tracked(&number).await;
        assert_eq!(result["latestStatusDetail"]["code"], code, "{kind:?}");
        assert_eq!(result["scanEvents"][0]["exceptionCode"], reason);
        let ancillary = result["latestStatusDetail"]["ancillaryDetails"][0]["reason"].as_str();
        assert_eq!(ancillary.unwrap_or_default(), reason);
    }
}

#[tokio::test]
async fn what_is_not_known_is_told_inside_a_success() {
    let stage = Stage::prompt().await;
    let number = stage.shipped("SO-7").await;
    let (status, answer) = stage.post(TRACK, &numbers(&[&number, "794999999999"])).await;
    assert_eq!(status, 200);
    assert_eq!(error(&results(&answer)[0]["trackResults"][0]), "no error");
    assert_eq!(
        error(&results(&answer)[1]["trackResults"][0]),
        "TRACKING.TRACKINGNUMBER.NOTFOUND"
    );
    assert!(
        answer["output"]["alerts"]
            .as_str()
            .unwrap()
            .starts_with("TRACKING.DATA.NOTFOUND")
    );
    stage.fedex().configure(|options| options.alerts = Alerts::Array);
    let (_, answer) = stage.post(TRACK, &numbers(&["794999999999"])).await;
    assert_eq!(answer["output"]["alerts"][0]["code"], "TRACKING.DATA.NOTFOUND");
}

/// The judge of trap f: a look-up right after a create proves nothing.
#[tokio::test]
async fn a_new_label_is_known_late_and_a_scan_at_once() {
    let stage = Stage::plain().await;
    let (number, scanned) = (stage.shipped("SO-7").await, stage.shipped("SO-8").await);
    assert!(stage.fedex().happen(&scanned, &[EventKind::PickedUp]));
    assert_eq!(error(&stage.tracked(&number).await), "TRACKING.TRACKINGNUMBER.NOTFOUND");
    assert_eq!(found(&stage, &by_reference("SO-7")).await, [ABSENT]);
    assert_eq!(found(&stage, &by_reference("SO-8")).await, [scanned]);
    stage.advance(299);
    assert_eq!(found(&stage, &by_reference("SO-7")).await, [ABSENT]);
    stage.advance(1);
    assert_eq!(found(&stage, &by_reference("SO-7")).await, [number.as_str()]);
    assert_eq!(error(&stage.tracked(&number).await), "no error");
    stage.fault("track_reference", FaultKind::StaleLookup { seconds: 60 });
    assert_eq!(found(&stage, &by_reference("SO-7")).await, [ABSENT]);
}

#[tokio::test]
async fn a_recycled_number_has_several_results() {
    let stage = Stage::new(Options {
        distinct_numbers: Some(1),
        index_lag_s: 0,
        ..Options::default()
    })
    .await;
    let number = stage.shipped("OLD").await;
    stage.fedex().deliver(&number);
    stage.advance(3 * 24 * 3600);
    let mut stage = stage;
    stage.token = stage.good_token("fedex-key", "fedex-secret").await;
    assert_eq!(stage.shipped("NEW").await, number);
    let (_, answer) = stage.post(TRACK, &numbers(&[&number])).await;
    let several = results(&answer)[0]["trackResults"].as_array().unwrap().clone();
    assert_eq!(several.len(), 2);
    let id = |result: &Value| {
        result["trackingNumberInfo"]["trackingNumberUniqueId"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_ne!(id(&several[0]), id(&several[1]));
    let status = |result: &Value| result["latestStatusDetail"]["code"].as_str().unwrap().to_owned();
    assert_eq!((status(&several[0]), status(&several[1])), ("OC".into(), "DL".into()));
    let mut dated = numbers(&[&number]);
    dated["trackingInfo"][0]["shipDateBegin"] = json!("2026-11-22");
    dated["trackingInfo"][0]["shipDateEnd"] = json!("2026-11-24");
    let (_, answer) = stage.post(TRACK, &dated).await;
    let dated = results(&answer)[0]["trackResults"].as_array().unwrap();
    assert_eq!((dated.len(), status(&dated[0])), (1, "OC".to_owned()));
    let mut named = numbers(&[&number]);
    named["trackingInfo"][0]["trackingNumberInfo"]["trackingNumberUniqueId"] = json!(id(&several[1]));
    let (_, answer) = stage.post(TRACK, &named).await;
    assert_eq!(status(&results(&answer)[0]["trackResults"][0]), "DL");
}

#[tokio::test]
async fn thirty_numbers_are_a_call_and_no_more() {
    let stage = Stage::plain().await;
    let (status, answer) = stage.post(TRACK, &numbers(&["1"; 30])).await;
    assert_eq!((status, results(&answer).len()), (200, 30));
    let (status, answer) = stage.post(TRACK, &numbers(&["1"; 31])).await;
    assert_eq!((status, code(&answer)), (400, "TRACKING.TRACKINGNUMBERS.MAXEXCEEDED"));
    for body in [numbers(&[]), numbers(&[""])] {
        let (status, answer) = stage.post(TRACK, &body).await;
        assert_eq!((status, code(&answer)), (400, "TRACKING.TRACKINGNUMBER.EMPTY"));
    }
    let unsaid = json!({ "trackingInfo": numbers(&["1"])["trackingInfo"] });
    assert_eq!(
        code(&stage.post(TRACK, &unsaid).await.1),
        "INCLUDEDETAILEDSCANS.REQUIRED"
    );
    let mut odd = numbers(&["1"]);
    odd["trackingInfo"][0]["shipDateBegin"] = json!("11/20/2026");
    assert_eq!(code(&stage.post(TRACK, &odd).await.1), "SHIPDATEBEGIN.INVALID");
    odd["trackingInfo"][0] = json!({ "trackingNumber": "1" });
    assert_eq!(stage.post(TRACK, &odd).await.0, 422);
}

#[tokio::test]
async fn without_details_only_the_latest_scan_is_told() {
    let stage = Stage::plain().await;
    let number = stage.shipped("SO-7").await;
    stage.fedex().deliver(&number);
    let mut brief = numbers(&[&number]);
    brief["includeDetailedScans"] = json!(false);
    let (_, answer) = stage.post(TRACK, &brief).await;
    let scans = &results(&answer)[0]["trackResults"][0]["scanEvents"];
    assert_eq!(
        (scans.as_array().unwrap().len(), &scans[0]["eventType"]),
        (1, &json!("DL"))
    );
}

#[tokio::test]
async fn shapes_drift_as_the_options_say() {
    let stage = Stage::prompt().await;
    let number = stage.shipped("SO-7").await;
    for (identifiers, key, value) in [
        (Identifiers::Values, "values", json!(["SO-7"])),
        (Identifiers::ValueArray, "value", json!(["SO-7"])),
        (Identifiers::ValueText, "value", json!("SO-7")),
    ] {
        stage.fedex().configure(|options| options.identifiers = identifiers);
        let result = stage.tracked(&number).await;
        let identifier = &result["additionalTrackingInfo"]["packageIdentifiers"][0];
        assert_eq!(
            (&identifier["type"], &identifier[key]),
            (&json!("CUSTOMER_REFERENCE"), &value)
        );
    }
    let result = stage.tracked(&number).await;
    assert_eq!(
        (&result["packageDetails"]["count"], &result["scanEvents"][0]["date"]),
        (&json!("1"), &json!("2026-11-20T09:00:00-05:00"))
    );
    stage.fedex().configure(|options| {
        options.numbers_as_numbers = true;
        options.dates_without_offset = true;
    });
    let result = stage.tracked(&number).await;
    assert_eq!(
        (&result["packageDetails"]["count"], &result["scanEvents"][0]["date"]),
        (&json!(1), &json!("2026-11-20T09:00:00"))
    );
}

#[tokio::test]
async fn a_reference_is_found_by_account_and_window() {
    let stage = Stage::prompt().await;
    let (first, second) = (stage.shipped("SO-7").await, stage.shipped("SO-7").await);
    assert_eq!(found(&stage, &by_reference("SO-7")).await, [first, second]);
    assert_eq!(found(&stage, &by_reference("SO-8")).await, [ABSENT]);
    let with = |key: &str, value: &str| {
        let mut body = by_reference("SO-7");
        body["referencesInformation"][key] = json!(value);
        body
    };
    assert_eq!(found(&stage, &with("accountNumber", "222222222")).await, [ABSENT]);
    assert_eq!(found(&stage, &with("shipDateEnd", "2026-11-19")).await, [ABSENT]);
    assert_eq!(found(&stage, &with("shipDateBegin", "2026-11-21")).await, [ABSENT]);
    assert_eq!(found(&stage, &with("type", "CUSTOMER_REFERENCE")).await.len(), 2);
    assert_eq!(found(&stage, &with("type", "PURCHASE_ORDER")).await, [ABSENT]);
    let (status, answer) = stage.post(BY_REFERENCE, &with("type", "P_O_NUMBER")).await;
    assert_eq!(
        (status, code(&answer)),
        (400, "TRACKING.REFERENCETYPE.INVALID"),
        "that is Ship's name for it"
    );
    let mut window = by_reference("SO-7");
    let fields = window["referencesInformation"].as_object_mut().unwrap();
    fields.remove("shipDateBegin");
    fields.remove("shipDateEnd");
    assert_eq!(
        found(&stage, &window).await.len(),
        2,
        "without dates the last thirty days are looked at"
    );
}

#[tokio::test]
async fn a_reference_is_found_by_destination_too() {
    let stage = Stage::prompt().await;
    let number = stage.shipped("SO-7").await;
    let there = json!({ "value": "SO-7", "type": "CUSTOMER_REFERENCE", "carrierCode": "FDXG",
        "shipDateBegin": "2026-11-19", "shipDateEnd": "2026-11-22", "destinationPostalCode": "30005",
        "destinationCountryCode": "US" });
    assert_eq!(
        found(&stage, &json!({ "referencesInformation": there })).await,
        [number]
    );
    for key in ["type", "carrierCode", "destinationPostalCode", "destinationCountryCode"] {
        let mut body = json!({ "referencesInformation": there });
        body["referencesInformation"].as_object_mut().unwrap().remove(key);
        let (status, answer) = stage.post(BY_REFERENCE, &body).await;
        assert_eq!(
            (status, code(&answer)),
            (400, "TRACKING.REFERENCEINFORMATION.INVALID"),
            "{key}"
        );
    }
    let mut empty = by_reference("SO-7");
    empty["referencesInformation"].as_object_mut().unwrap().remove("value");
    assert_eq!(
        code(&stage.post(BY_REFERENCE, &empty).await.1),
        "TRACKING.REFERENCEVALUE.EMPTY"
    );
    let mut object = by_reference("SO-7");
    object["referencesInformation"]["accountNumber"] = json!({ "value": super::ACCOUNT });
    assert_eq!(
        stage.post(BY_REFERENCE, &object).await.0,
        422,
        "the account is a plain text here"
    );
}

#[tokio::test]
async fn the_last_ship_date_is_read_from_the_key_that_the_options_name() {
    let stage = Stage::prompt().await;
    stage.shipped("SO-7").await;
    let past = |key: &str| {
        let mut body = by_reference("SO-7");
        let fields = body["referencesInformation"].as_object_mut().unwrap();
        fields.remove("shipDateEnd");
        fields.insert(key.to_owned(), json!("2026-11-19"));
        body
    };
    for (end, samples, file) in [
        (EndDate::Either, true, true),
        (EndDate::ShipDateEnd, true, false),
        (EndDate::ShipDateEndDate, false, true),
    ] {
        stage.fedex().configure(|options| options.end_date = end);
        assert_eq!(
            found(&stage, &past("shipDateEnd")).await == [ABSENT],
            samples,
            "{end:?}"
        );
        assert_eq!(
            found(&stage, &past("shipDateEndDate")).await == [ABSENT],
            file,
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn an_express_parcel_may_be_known_by_the_shippers_reference() {
    let stage = Stage::new(Options {
        index_lag_s: 0,
        reference_type_by_service: true,
        ..Options::default()
    })
    .await;
    let mut express = domestic("SO-7");
    express["requestedShipment"]["serviceType"] = json!("FEDEX_2_DAY");
    assert_eq!(stage.ship(&express).await.0, 200);
    let mut typed = by_reference("SO-7");
    typed["referencesInformation"]["type"] = json!("CUSTOMER_REFERENCE");
    assert_eq!(found(&stage, &typed).await, [ABSENT]);
    typed["referencesInformation"]["type"] = json!("SHIPPER_REFERENCE");
    assert_ne!(found(&stage, &typed).await, [ABSENT]);
    assert_ne!(found(&stage, &by_reference("SO-7")).await, [ABSENT]);
}

#[tokio::test]
async fn a_master_names_its_children() {
    let stage = Stage::prompt().await;
    let mut body = domestic("SO-7");
    body["requestedShipment"]["requestedPackageLineItems"][0]["groupPackageCount"] = json!(3);
    let (_, answer) = stage.ship(&body).await;
    let master = shipment(&answer)["masterTrackingNumber"].clone();
    let ask = |kind: &str| {
        json!({ "includeDetailedScans": true, "associatedType": kind,
            "masterTrackingNumberInfo": { "trackingNumberInfo": { "trackingNumber": master } } })
    };
    let (status, answer) = stage.post(ASSOCIATED, &ask("STANDARD_MPS")).await;
    assert_eq!((status, results(&answer).len()), (200, 2));
    assert!(results(&answer).iter().all(|one| one["trackingNumber"] != master));
    let result = &results(&answer)[1]["trackResults"][0];
    assert_eq!(
        (
            &result["packageDetails"]["sequenceNumber"],
            &result["packageDetails"]["count"]
        ),
        (&json!("3"), &json!("3"))
    );
    let (_, answer) = stage.post(ASSOCIATED, &ask("GROUP_MPS")).await;
    assert_eq!(
        error(&results(&answer)[0]["trackResults"][0]),
        "TRACKING.TRACKINGNUMBER.NOTFOUND"
    );
    assert_eq!(
        code(&stage.post(ASSOCIATED, &ask("ALL")).await.1),
        "ASSOCIATEDTYPE.INVALID"
    );
}

#[tokio::test]
async fn events_can_be_made_to_happen_from_outside() {
    let stage = Stage::prompt().await;
    let number = stage.shipped("SO-7").await;
    let post = |path: &str, body: Value| {
        stage
            .http
            .post(format!("{}/_control/{path}", stage.running.url))
            .json(&body)
            .send()
    };
    let happened = post(
        "events",
        json!({ "number": number, "events": ["picked_up", "delivered"] }),
    )
    .await
    .unwrap();
    assert_eq!(happened.status(), 200);
    assert_eq!(stage.tracked(&number).await["latestStatusDetail"]["code"], "DL");
    assert_eq!(
        post("events", json!({ "number": "1", "events": [] }))
            .await
            .unwrap()
            .status(),
        404
    );
    let (status, options) = read(post("options", json!({ "index_lag_s": 7 })).await.unwrap()).await;
    assert_eq!((status, &options["index_lag_s"]), (200, &json!(7)));
    assert_eq!(post("options", json!({ "index_lag": 7 })).await.unwrap().status(), 400);
    assert_eq!(stage.fedex().asked("track"), 1, "control routes are not counted");
    post("expire_tokens", json!({})).await.unwrap();
    assert_eq!(stage.post(TRACK, &numbers(&["1"])).await.0, 401);
    post("reset", json!({})).await.unwrap();
    assert!(stage.books().shipments.is_empty());
}

#[tokio::test]
async fn a_look_up_by_reference_tells_places_in_its_own_way() {
    let stage = Stage::plain().await;
    let number = stage.shipped("SO-7").await;
    assert!(stage.fedex().happen(&number, &[EventKind::PickedUp]));
    let place = async || {
        let (_, answer) = stage.post(BY_REFERENCE, &by_reference("SO-7")).await;
        results(&answer)[0]["trackResults"][0]["scanEvents"][0]["scanLocation"].clone()
    };
    assert_eq!(
        place().await["locationContactAndAddress"]["address"]["city"],
        "TIMONIUM"
    );
    assert_eq!(
        stage.tracked(&number).await["scanEvents"][0]["scanLocation"]["city"],
        "TIMONIUM"
    );
    stage.fedex().configure(|options| options.flat_locations = true);
    assert_eq!(place().await["city"], "TIMONIUM");
}
