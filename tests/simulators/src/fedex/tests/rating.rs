//! Rates: what is refused and what is quoted.

use serde_json::{Value, json};

use super::{ACCOUNT, RATE, Stage, code, domestic, shipment};

fn asked() -> Value {
    json!({
        "accountNumber": { "value": ACCOUNT },
        "rateRequestControlParameters": { "returnTransitTimes": true },
        "requestedShipment": {
            "shipper": { "address": { "postalCode": "21093", "stateOrProvinceCode": "MD", "countryCode": "US" } },
            "recipient": { "address": { "postalCode": "30005", "countryCode": "US", "residential": false } },
            "pickupType": "DROPOFF_AT_FEDEX_LOCATION",
            "rateRequestType": ["ACCOUNT", "LIST"],
            "shipDateStamp": "2026-11-20",
            "requestedPackageLineItems": [{ "weight": { "units": "LB", "value": 10 },
                "dimensions": { "length": 10, "width": 8, "height": 4, "units": "IN" } }],
        },
    })
}

fn details(answer: &Value) -> &Vec<Value> {
    answer["output"]["rateReplyDetails"].as_array().unwrap()
}

fn services(answer: &Value) -> Vec<&str> {
    details(answer)
        .iter()
        .map(|detail| detail["serviceType"].as_str().unwrap())
        .collect()
}

fn rate<'a>(detail: &'a Value, kind: &str) -> Option<&'a Value> {
    let rates = detail["ratedShipmentDetails"].as_array().unwrap();
    rates.iter().find(|rate| rate["rateType"] == kind)
}

#[tokio::test]
async fn every_service_that_goes_there_is_quoted() {
    let stage = Stage::plain().await;
    let (status, answer) = stage.post(RATE, &asked()).await;
    assert_eq!(status, 200, "{answer}");
    let named = services(&answer);
    assert!(
        named.contains(&"FEDEX_GROUND") && named.contains(&"FIRST_OVERNIGHT"),
        "{named:?}"
    );
    assert!(
        !named.contains(&"GROUND_HOME_DELIVERY") && !named.contains(&"INTERNATIONAL_ECONOMY"),
        "{named:?}"
    );
    for detail in details(&answer) {
        let (list, account) = (rate(detail, "LIST").unwrap(), rate(detail, "ACCOUNT").unwrap());
        assert!(account["totalNetCharge"].as_f64() < list["totalNetCharge"].as_f64());
        assert_eq!(account["currency"], "USD");
        assert!(
            detail["commit"]["dateDetail"]["dayFormat"]
                .as_str()
                .unwrap()
                .starts_with("2026-")
        );
    }
    let overnight = details(&answer)
        .iter()
        .find(|detail| detail["serviceType"] == "PRIORITY_OVERNIGHT")
        .unwrap();
    assert_eq!(overnight["commit"]["daysInTransit"], "ONE_DAY");
    assert_eq!(
        overnight["commit"]["dateDetail"]["dayFormat"], "2026-11-23T10:30:00",
        "a Monday after a Friday"
    );
    assert_eq!(
        details(&answer)[0]["ratedShipmentDetails"][0]["rateType"],
        "LIST",
        "the account's is not the first"
    );
}

#[tokio::test]
async fn what_was_quoted_is_what_is_billed() {
    let stage = Stage::plain().await;
    let mut body = asked();
    body["requestedShipment"]["serviceType"] = json!("FEDEX_GROUND");
    let (_, answer) = stage.post(RATE, &body).await;
    assert_eq!(services(&answer), ["FEDEX_GROUND"]);
    let quoted = rate(&details(&answer)[0], "ACCOUNT").unwrap()["totalNetCharge"].clone();
    let (_, answer) = stage.ship(&domestic("A")).await;
    assert_eq!(shipment(&answer)["pieceResponses"][0]["netChargeAmount"], quoted);
}

#[tokio::test]
async fn only_what_is_asked_for_is_told() {
    let stage = Stage::plain().await;
    let mut body = asked();
    body["rateRequestControlParameters"] = json!({ "returnTransitTimes": false });
    body["requestedShipment"]["rateRequestType"] = json!(["ACCOUNT"]);
    body["requestedShipment"]["recipient"]["address"]["residential"] = json!(true);
    let (_, answer) = stage.post(RATE, &body).await;
    assert!(services(&answer).contains(&"GROUND_HOME_DELIVERY") && !services(&answer).contains(&"FEDEX_GROUND"));
    assert!(
        details(&answer)
            .iter()
            .all(|detail| rate(detail, "LIST").is_none() && detail.get("commit").is_none())
    );
}

#[tokio::test]
async fn abroad_goes_by_other_services() {
    let stage = Stage::plain().await;
    let mut body = asked();
    body["requestedShipment"]["recipient"]["address"] = json!({ "postalCode": "10115", "countryCode": "DE" });
    let (_, answer) = stage.post(RATE, &body).await;
    assert!(services(&answer).contains(&"INTERNATIONAL_ECONOMY") && !services(&answer).contains(&"FEDEX_2_DAY"));
}

#[tokio::test]
async fn what_cannot_be_quoted_is_refused() {
    let stage = Stage::plain().await;
    let with = |key: &str, value: Value| {
        let mut body = asked();
        body["requestedShipment"][key] = value;
        body
    };
    let without = |key: &str| {
        let mut body = asked();
        body["requestedShipment"].as_object_mut().unwrap().remove(key);
        body
    };
    let heavy = json!([{ "weight": { "units": "LB", "value": 151 } }]);
    let many = json!([{ "groupPackageCount": 101, "weight": { "units": "LB", "value": 1 } }]);
    let elsewhere = json!({ "address": { "postalCode": "30005", "stateOrProvinceCode": "CA", "countryCode": "US" } });
    let referenced = json!([{ "weight": { "units": "LB", "value": 1 }, "customerReferences": [] }]);
    let payment = json!({ "paymentType": "SENDER",
        "payor": { "responsibleParty": { "accountNumber": { "value": "222222222" } } } });
    let mut carriers = asked();
    carriers["carrierCodes"] = json!(["FDXE", "FDXG"]);
    let mut nobody = asked();
    nobody["accountNumber"]["value"] = json!("1");
    for (wanted, body) in [
        ("ACCOUNTNUMBER.REGISTRATION.REQUIRED", nobody),
        ("CARRIERCODES.INVALID", carriers),
        ("INVALID.INPUT.EXCEPTION", with("shipDatestamp", json!("2026-11-20"))),
        ("INVALID.INPUT.EXCEPTION", with("recipients", json!([]))),
        ("INVALID.INPUT.EXCEPTION", with("recipient", json!({ "contact": {} }))),
        ("INVALID.INPUT.EXCEPTION", with("requestedPackageLineItems", referenced)),
        ("RECIPIENT.REQUIRED", without("recipient")),
        ("SHIPPER.ADDRESS.REQUIRED", without("shipper")),
        ("PICKUPTYPE.REQUIRED", without("pickupType")),
        ("PICKUPTYPE.INVALID", with("pickupType", json!("DROPOFF"))),
        (
            "REQUESTEDPACKAGELINEITEMS.REQUIRED",
            without("requestedPackageLineItems"),
        ),
        ("PACKAGE.WEIGHT.MAXEXCEEDED", with("requestedPackageLineItems", heavy)),
        ("PACKAGECOUNT.MAXEXCEEDED", with("requestedPackageLineItems", many)),
        ("RATEREQUESTTYPE.INVALID", with("rateRequestType", json!(["CHEAPEST"]))),
        ("SERVICETYPE.INVALID", with("serviceType", json!("GROUND"))),
        (
            "SERVICETYPE.NOTAVAILABLE",
            with("serviceType", json!("INTERNATIONAL_FIRST")),
        ),
        ("PACKAGINGTYPE.INVALID", with("packagingType", json!("BOX"))),
        ("SHIPDATESTAMP.INVALID", with("shipDateStamp", json!("2026-11-19"))),
        ("SHIPDATESTAMP.INVALID", with("shipDateStamp", json!("2026-12-01"))),
        ("RECIPIENT.POSTALCODE.INVALID", with("recipient", elsewhere)),
        ("ACCOUNT.NUMBER.MISMATCH", with("shippingChargesPayment", payment)),
    ] {
        let (status, answer) = stage.post(RATE, &body).await;
        assert_eq!(code(&answer), wanted, "{body}");
        assert_eq!(status, if wanted == "INVALID.INPUT.EXCEPTION" { 422 } else { 400 });
    }
}
