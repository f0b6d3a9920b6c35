//! Address validation: judged in the order of the request.

use serde_json::{Value, json};

use super::{RESOLVE, Stage, code, georgia, germany, maryland};

fn asked(addresses: &[Value]) -> Value {
    let entries: Vec<Value> = (1..)
        .zip(addresses)
        .map(|(row, address)| json!({ "address": address, "clientReferenceId": format!("row-{row}") }))
        .collect();
    json!({ "addressesToValidate": entries })
}

fn galena(line: &str) -> Value {
    json!({ "streetLines": [line], "city": "Galena", "stateOrProvinceCode": "IL", "postalCode": "61036",
        "countryCode": "US" })
}

#[tokio::test]
async fn addresses_are_judged_in_the_order_of_the_request() {
    let stage = Stage::plain().await;
    let addresses = [georgia(), galena("221 Main St"), galena("1 Nowhere Ln"), germany()];
    let (status, answer) = stage.post(RESOLVE, &asked(&addresses)).await;
    assert_eq!(status, 200, "{answer}");
    let resolved = answer["output"]["resolvedAddresses"].as_array().unwrap();
    let told = |row: usize, key: &str| resolved[row]["attributes"][key].clone();
    assert_eq!(resolved.len(), 4);
    assert_eq!(resolved[1]["clientReferenceId"], "row-2");
    assert_eq!(
        (told(0, "Resolved"), told(0, "DPV"), told(0, "AddressType")),
        (json!(true), json!(true), json!("STANDARDIZED"))
    );
    assert_eq!(resolved[0]["streetLinesToken"], json!(["12380 MORRIS RD"]));
    assert_eq!(
        (&resolved[0]["postalCode"], &resolved[0]["parsedPostalCode"]["addOn"]),
        (&json!("30005-4616"), &json!("4616"))
    );
    assert_eq!(resolved[0]["classification"], "BUSINESS");
    assert_eq!(
        (told(1, "Resolved"), told(1, "MultipleMatches")),
        (json!(false), json!(true))
    );
    assert_eq!(
        (told(2, "Resolved"), told(2, "AddressType")),
        (json!(false), json!("RAW"))
    );
    assert_eq!(
        (told(3, "CountrySupported"), &resolved[3]["classification"]),
        (json!(false), &json!("UNKNOWN"))
    );
    assert_eq!(
        resolved[2]["customerMessage"][0]["code"],
        "STANDARDIZED.ADDRESS.NOTFOUND"
    );
}

#[tokio::test]
async fn flags_and_messages_may_be_texts() {
    let stage = Stage::plain().await;
    stage.fedex().configure(|options| {
        options.attributes_as_text = true;
        options.messages_as_text = true;
    });
    let (_, answer) = stage.post(RESOLVE, &asked(&[maryland(), galena("1 Nowhere Ln")])).await;
    let resolved = &answer["output"]["resolvedAddresses"];
    assert_eq!(
        (
            &resolved[0]["attributes"]["Resolved"],
            &resolved[1]["attributes"]["DPV"]
        ),
        (&json!("true"), &json!("false"))
    );
    assert_eq!(resolved[1]["customerMessage"], json!(["STANDARDIZED.ADDRESS.NOTFOUND"]));
}

#[tokio::test]
async fn a_missing_unit_is_told() {
    let stage = Stage::plain().await;
    let house = json!({ "streetLines": ["100 Main St"], "city": "Montpelier", "stateOrProvinceCode": "VT",
        "postalCode": "05602", "countryCode": "US" });
    let (_, answer) = stage.post(RESOLVE, &asked(&[house])).await;
    assert_eq!(
        answer["output"]["resolvedAddresses"][0]["attributes"]["SuiteRequiredButMissing"],
        true
    );
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let stage = Stage::plain().await;
    for (key, wanted) in [
        ("streetLines", "ADDRESS.STREETLINES.REQUIRED"),
        ("city", "ADDRESS.CITY.REQUIRED"),
        ("postalCode", "ADDRESS.POSTALCODE.REQUIRED"),
        ("countryCode", "ADDRESS.COUNTRYCODE.REQUIRED"),
    ] {
        let mut address = georgia();
        address.as_object_mut().unwrap().remove(key);
        let (status, answer) = stage.post(RESOLVE, &asked(&[address])).await;
        assert_eq!((status, code(&answer)), (400, wanted));
    }
    for count in [0, 101] {
        let (status, answer) = stage.post(RESOLVE, &asked(&vec![georgia(); count])).await;
        assert_eq!((status, code(&answer)), (400, "ADDRESSESTOVALIDATE.COUNT.INVALID"));
    }
    assert_eq!(stage.post(RESOLVE, &asked(&vec![georgia(); 100])).await.0, 200);
    assert_eq!(stage.post(RESOLVE, &json!({ "addresses": [] })).await.0, 422);
}
