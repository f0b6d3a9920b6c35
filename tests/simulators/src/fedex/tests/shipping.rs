//! Shipments: what is refused, what is billed, what comes back.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::super::{NotReady, Options};
use super::{ACCOUNT, RESULTS, Stage, VALIDATE, abroad, code, contact, domestic, georgia, package, shipment};

/// A request changed at a place.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Array(elements) => elements[key.parse::<usize>().unwrap()] = value,
        object => object[key] = value,
    }
    body
}

/// A request without what stands at a place.
fn without(mut body: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let removed = body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    assert!(removed.is_some(), "{pointer} is not there");
    body
}

const RS: &str = "/requestedShipment";
const PKG: &str = "/requestedShipment/requestedPackageLineItems/0";
const FROM: &str = "/requestedShipment/shipper";
const TO: &str = "/requestedShipment/recipients/0";

/// The judge of P63: nothing is idempotent: the same request twice is two shipments.
#[tokio::test]
async fn a_shipment_is_billed_each_time_it_is_asked_for() {
    let stage = Stage::plain().await;
    let (first, second) = (stage.shipped("SO-7").await, stage.shipped("SO-7").await);
    assert_ne!(first, second);
    let books = stage.books();
    assert_eq!(books.unvoided("SO-7"), [first.clone(), second.clone()]);
    assert_eq!(books.duplicates["SO-7"], [second]);
    assert_eq!(books.shipments[0].request_hash, books.shipments[1].request_hash);
    assert_eq!(books.asked("ship"), 2);
    assert!(books.shipments[0].charge < books.shipments[0].list_charge);
}

#[tokio::test]
async fn the_answer_has_the_documented_shape() {
    let stage = Stage::plain().await;
    let (_, answer) = stage.ship(&domestic("SO-7")).await;
    let shipment = shipment(&answer);
    let piece = &shipment["pieceResponses"][0];
    let number = shipment["masterTrackingNumber"].as_str().unwrap();
    assert_eq!(number.len(), 12);
    assert_eq!(piece["trackingNumber"], number);
    assert_eq!(
        (&piece["packageSequenceNumber"], &piece["masterTrackingNumber"]),
        (&json!(1), &json!(number))
    );
    assert_eq!(piece["customerReferences"][0]["value"], "SO-7");
    let label = &piece["packageDocuments"][0];
    assert_eq!(
        (&label["contentType"], &label["docType"]),
        (&json!("LABEL"), &json!("PDF"))
    );
    let bytes = BASE64
        .decode(label["encodedLabel"].as_str().unwrap().as_bytes())
        .unwrap();
    assert!(bytes.starts_with(b"%PDF-1.4"));
    let rates = &shipment["completedShipmentDetail"]["shipmentRating"];
    let account = rates["shipmentRateDetails"].as_array().unwrap();
    let account = account
        .iter()
        .find(|rate| rate["rateType"] == rates["actualRateType"])
        .unwrap();
    assert!(account["totalNetCharge"].is_number() && account["currency"] == "USD");
    assert_eq!(piece["netChargeAmount"], account["totalNetCharge"]);
    assert_eq!(answer["output"]["alerts"], json!([]));
    assert_eq!(shipment["shipDatestamp"], "2026-11-20");
}

#[tokio::test]
async fn rates_may_be_left_out_and_names_be_those_of_older_captures() {
    let options = Options {
        omit_rates: true,
        old_names: true,
        ..Options::default()
    };
    let (_, answer) = Stage::new(options).await.ship(&domestic("A")).await;
    let shipment = shipment(&answer);
    assert!(shipment["completedShipmentDetail"].get("shipmentRating").is_none());
    let piece = &shipment["pieceResponses"][0];
    assert!(piece["netListRateAmount"].is_number() && piece.get("listRateAmount").is_none());
    assert!(piece["codcollectionAmount"].is_number());
}

#[tokio::test]
async fn labels_come_in_the_format_asked_for() {
    let stage = Stage::plain().await;
    let starts: [(&str, &str, &[u8]); 4] = [
        ("PDF", "PAPER_4X6", b"%PDF"),
        ("PNG", "PAPER_LETTER", b"\x89PNG"),
        ("ZPLII", "STOCK_4X6", b"^XA"),
        ("EPL2", "STOCK_4X675", b"N\n"),
    ];
    for (image, stock, start) in starts {
        let body = with(
            domestic("A"),
            &format!("{RS}/labelSpecification"),
            json!({ "imageType": image, "labelStockType": stock }),
        );
        let (status, answer) = stage.ship(&body).await;
        assert_eq!(status, 200, "{answer}");
        let label = &shipment(&answer)["pieceResponses"][0]["packageDocuments"][0];
        let bytes = BASE64
            .decode(label["encodedLabel"].as_str().unwrap().as_bytes())
            .unwrap();
        assert!(bytes.starts_with(start), "{image}");
    }
}

/// The judge of P56: FedEx's own link stops working after a day.
#[tokio::test]
async fn a_link_to_a_label_works_for_a_day() {
    let stage = Stage::plain().await;
    let body = with(domestic("A"), "/labelResponseOptions", json!("URL_ONLY"));
    let (_, answer) = stage.ship(&body).await;
    let label = &shipment(&answer)["pieceResponses"][0]["packageDocuments"][0];
    assert!(label.get("encodedLabel").is_none());
    let url = label["url"].as_str().unwrap();
    let fetched = stage.http.get(url).send().await.unwrap();
    assert_eq!(fetched.status(), 200);
    assert!(fetched.bytes().await.unwrap().starts_with(b"%PDF"));
    stage.advance(24 * 3600);
    assert_eq!(stage.http.get(url).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_item_for_n_packages_stands_for_n_of_them() {
    let stage = Stage::plain().await;
    let two = |reference: &str| with(json!({ "p": package(reference) }), "/p/groupPackageCount", json!(2))["p"].clone();
    let items = json!([two("A"), two("A")]);
    let (status, answer) = stage
        .ship(&with(domestic("A"), &format!("{RS}/requestedPackageLineItems"), items))
        .await;
    assert_eq!(status, 200, "{answer}");
    let shipment = shipment(&answer);
    let pieces = shipment["pieceResponses"].as_array().unwrap();
    assert_eq!(pieces.len(), 4, "two items for two packages each are four");
    assert_eq!(pieces[0]["trackingNumber"], shipment["masterTrackingNumber"]);
    let sequence: Vec<_> = pieces
        .iter()
        .map(|piece| piece["packageSequenceNumber"].as_u64().unwrap())
        .collect();
    assert_eq!(sequence, [1, 2, 3, 4]);
    let books = stage.books();
    assert_eq!((books.shipments.len(), books.shipments[0].packages.len()), (1, 4));
    assert_eq!(books.unvoided("A").len(), 1);
}

#[tokio::test]
async fn references_come_back_only_where_the_number_of_packages_was_given() {
    let stage = Stage::plain().await;
    let (_, answer) = stage
        .ship(&without(domestic("A"), &format!("{PKG}/groupPackageCount")))
        .await;
    assert!(
        shipment(&answer)["pieceResponses"][0]
            .get("customerReferences")
            .is_none()
    );
}

#[tokio::test]
async fn many_packages_need_a_job_and_take_a_while() {
    let body = with(domestic("A"), &format!("{PKG}/groupPackageCount"), json!(41));
    for not_ready in [NotReady::Empty, NotReady::Refused] {
        let stage = Stage::new(Options {
            not_ready,
            ..Options::default()
        })
        .await;
        let (status, answer) = stage.ship(&body).await;
        assert_eq!((status, code(&answer)), (400, "PACKAGECOUNT.MAXEXCEEDED"));
        let patient = with(body.clone(), "/processingOptionType", json!("ALLOW_ASYNCHRONOUS"));
        let (status, answer) = stage.ship(&patient).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["output"]["transactionShipments"], json!([]));
        assert_eq!(stage.books().unvoided("A").len(), 1, "it is billed at once");
        let job = json!({ "accountNumber": { "value": ACCOUNT }, "jobId": answer["output"]["jobId"] });
        let (status, answer) = stage.post(RESULTS, &job).await;
        match not_ready {
            NotReady::Empty => assert_eq!((status, &answer["output"]["transactionShipments"]), (200, &json!([]))),
            NotReady::Refused => assert_eq!((status, code(&answer)), (400, "JOBID.NOTREADY")),
        }
        stage.advance(5);
        let (status, answer) = stage.post(RESULTS, &job).await;
        assert_eq!(status, 200);
        assert_eq!(shipment(&answer)["pieceResponses"].as_array().unwrap().len(), 41);
        let unknown = json!({ "accountNumber": { "value": ACCOUNT }, "jobId": "nothing" });
        let (status, answer) = stage.post(RESULTS, &unknown).await;
        assert_eq!((status, code(&answer)), (400, "JOBID.INVALID"));
    }
}

#[tokio::test]
async fn few_packages_are_answered_at_once_though_they_might_wait() {
    let stage = Stage::plain().await;
    let patient = with(domestic("A"), "/processingOptionType", json!("ALLOW_ASYNCHRONOUS"));
    let (_, answer) = stage.ship(&patient).await;
    assert!(answer["output"].get("jobId").is_none());
    stage.fedex().configure(|options| options.always_asynchronous = true);
    let (_, answer) = stage.ship(&patient).await;
    assert!(answer["output"]["jobId"].is_string());
    let (_, answer) = stage.ship(&domestic("B")).await;
    assert!(
        answer["output"].get("jobId").is_none(),
        "nobody waits who did not offer to"
    );
}

#[tokio::test]
async fn a_shipment_abroad_has_its_customs_and_its_invoice() {
    let stage = Stage::plain().await;
    let (status, answer) = stage.ship(&abroad("A")).await;
    assert_eq!(status, 200, "{answer}");
    let invoice = &shipment(&answer)["shipmentDocuments"][0];
    assert_eq!(
        (&invoice["contentType"], &invoice["docType"]),
        (&json!("COMMERCIAL_INVOICE"), &json!("PDF"))
    );
    assert!(
        BASE64
            .decode(invoice["encodedLabel"].as_str().unwrap().as_bytes())
            .unwrap()
            .starts_with(b"%PDF")
    );
    assert_eq!(shipment(&answer)["completedShipmentDetail"]["usDomestic"], false);
    assert_eq!(stage.books().shipments[0].carrier_code, "FDXE");
}

#[tokio::test]
async fn a_day_that_has_passed_silently_becomes_today() {
    let stage = Stage::plain().await;
    let (_, answer) = stage
        .ship(&with(
            domestic("A"),
            &format!("{RS}/shipDatestamp"),
            json!("2026-11-01"),
        ))
        .await;
    assert_eq!(shipment(&answer)["shipDatestamp"], "2026-11-20");
    let (_, answer) = stage
        .ship(&without(domestic("A"), &format!("{RS}/shipDatestamp")))
        .await;
    assert_eq!(shipment(&answer)["shipDatestamp"], "2026-11-20");
    let (_, answer) = stage
        .ship(&with(
            domestic("A"),
            &format!("{RS}/shipDatestamp"),
            json!("2026-11-24"),
        ))
        .await;
    assert_eq!(shipment(&answer)["shipDatestamp"], "2026-11-24");
}

#[tokio::test]
async fn street_lines_after_the_third_are_not_read() {
    let stage = Stage::plain().await;
    let lines = json!(["Dock 4", "Hall B", "12380 Morris Rd", "Suite 9"]);
    assert_eq!(
        stage
            .ship(&with(domestic("A"), &format!("{TO}/address/streetLines"), lines))
            .await
            .0,
        200
    );
    assert_eq!(
        stage.books().shipments[0].destination.lines,
        ["Dock 4", "Hall B", "12380 Morris Rd"]
    );
}

#[tokio::test]
async fn numbers_are_recycled_where_the_options_say_so() {
    let stage = Stage::new(Options {
        distinct_numbers: Some(1),
        ..Options::default()
    })
    .await;
    assert_eq!(stage.shipped("A").await, stage.shipped("B").await);
    assert_eq!(stage.books().shipments.len(), 2);
    assert!(stage.books().duplicates.is_empty());
}

#[tokio::test]
async fn a_valid_request_is_validated_without_an_effect() {
    let stage = Stage::plain().await;
    let body = without(domestic("A"), "/labelResponseOptions");
    let (status, answer) = stage.post(VALIDATE, &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["output"]["alerts"][0]["code"], "SHIPMENT.VALIDATION.SUCCESS");
    let (status, answer) = stage
        .post(
            VALIDATE,
            &with(body.clone(), &format!("{PKG}/groupPackageCount"), json!(2)),
        )
        .await;
    assert_eq!((status, code(&answer)), (400, "PACKAGECOUNT.INVALID"));
    let (status, _) = stage.post(VALIDATE, &without(body, &format!("{RS}/pickupType"))).await;
    assert_eq!(status, 400);
    assert!(stage.books().shipments.is_empty());
}

#[tokio::test]
async fn others_pay_with_their_account() {
    let stage = Stage::plain().await;
    let payment = json!({ "paymentType": "THIRD_PARTY",
        "payor": { "responsibleParty": { "accountNumber": { "value": "222222222" } } } });
    let body = with(domestic("A"), &format!("{RS}/shippingChargesPayment"), payment);
    assert_eq!(stage.ship(&body).await.0, 200);
    assert_eq!(stage.books().shipments[0].billed_to, "222222222");
    stage
        .fedex()
        .configure(|options| options.unbillable_accounts = vec!["222222222".to_owned()]);
    let (status, answer) = stage.ship(&body).await;
    assert_eq!((status, code(&answer)), (400, "ACCOUNTNUMBER.NOTBILLABLE"));
}

async fn assert_refused(stage: &Stage, cases: Vec<(&str, Value)>) {
    for (wanted, body) in cases {
        let (status, answer) = stage.ship(&body).await;
        assert_eq!(code(&answer), wanted, "{body}");
        assert_eq!(status, if wanted == "INVALID.INPUT.EXCEPTION" { 422 } else { 400 });
    }
    assert!(stage.books().shipments.is_empty(), "what is refused is not billed");
}

#[tokio::test]
async fn a_request_without_its_parts_is_refused() {
    let stage = Stage::plain().await;
    let d = || domestic("A");
    let cases = vec![
        ("ACCOUNTNUMBER.REGISTRATION.REQUIRED", without(d(), "/accountNumber")),
        (
            "ACCOUNTNUMBER.REGISTRATION.REQUIRED",
            with(d(), "/accountNumber/value", json!("12345")),
        ),
        ("LABELRESPONSEOPTIONS.REQUIRED", without(d(), "/labelResponseOptions")),
        (
            "LABELRESPONSEOPTIONS.INVALID",
            with(d(), "/labelResponseOptions", json!("BASE64")),
        ),
        ("REQUESTEDSHIPMENT.REQUIRED", without(d(), "/requestedShipment")),
        ("SHIPPER.REQUIRED", without(d(), FROM)),
        ("RECIPIENTS.COUNT.INVALID", without(d(), &format!("{RS}/recipients"))),
        (
            "RECIPIENTS.COUNT.INVALID",
            with(d(), &format!("{RS}/recipients"), json!([d(), d()])),
        ),
        ("SERVICETYPE.REQUIRED", without(d(), &format!("{RS}/serviceType"))),
        (
            "SERVICETYPE.INVALID",
            with(d(), &format!("{RS}/serviceType"), json!("INTERNATIONAL_PRIORITY")),
        ),
        ("PACKAGINGTYPE.REQUIRED", without(d(), &format!("{RS}/packagingType"))),
        ("PICKUPTYPE.REQUIRED", without(d(), &format!("{RS}/pickupType"))),
        (
            "PICKUPTYPE.INVALID",
            with(d(), &format!("{RS}/pickupType"), json!("REGULAR_PICKUP")),
        ),
        (
            "SHIPPINGCHARGESPAYMENT.REQUIRED",
            without(d(), &format!("{RS}/shippingChargesPayment")),
        ),
        (
            "LABELSPECIFICATION.REQUIRED",
            without(d(), &format!("{RS}/labelSpecification")),
        ),
        (
            "REQUESTEDPACKAGELINEITEMS.REQUIRED",
            with(d(), &format!("{RS}/requestedPackageLineItems"), json!([])),
        ),
        (
            "MERGELABELDOCOPTION.INVALID",
            with(d(), "/mergeLabelDocOption", json!("LABELS_ONLY")),
        ),
        ("SHIPACTION.INVALID", with(d(), "/shipAction", json!("TRANSFER"))),
        (
            "PROCESSINGOPTIONTYPE.INVALID",
            with(d(), "/processingOptionType", json!("LATER")),
        ),
        ("ONELABELATATIME.INVALID", with(d(), "/oneLabelAtATime", json!(true))),
    ];
    assert_refused(&stage, cases).await;
}

#[tokio::test]
async fn keys_that_are_not_documented_and_values_of_another_type_are_refused() {
    let stage = Stage::plain().await;
    let d = || domestic("A");
    let cases = vec![
        ("INVALID.INPUT.EXCEPTION", with(d(), "/idempotencyKey", json!("A"))),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{RS}/shipDateStamp"), json!("2026-11-20")),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{RS}/recipient"), json!({})),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{RS}/labelSpecification/labelFormat"), json!("PDF")),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(abroad("A"), &format!("{RS}/customsClearanceDetail/invoice"), json!({})),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(
                abroad("A"),
                &format!("{RS}/customsClearanceDetail/commodities/0/hsCode"),
                json!("610910"),
            ),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{TO}/accountNumber"), json!({})),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{TO}/address/street"), json!("x")),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{TO}/address/residential"), json!("true")),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{TO}/contact/phoneNumber"), json!(6_785_551_234_u64)),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{PKG}/weight/value"), json!("10")),
        ),
        (
            "INVALID.INPUT.EXCEPTION",
            with(d(), &format!("{PKG}/groupPackageCount"), json!("1")),
        ),
    ];
    assert_refused(&stage, cases).await;
}

#[tokio::test]
async fn parties_are_looked_at_closely() {
    let stage = Stage::plain().await;
    let long = "x".repeat(36);
    let to = |key: &str, value: Value| with(domestic("A"), &format!("{TO}/{key}"), value);
    let phone = |number: &str| to("contact/phoneNumber", json!(number));
    let nobody = json!({ "phoneNumber": "4105551234" });
    let sydney = json!({ "streetLines": ["1 George St"], "city": "Sydney", "stateOrProvinceCode": "NSW",
        "postalCode": "2000", "countryCode": "AU" });
    let quebec = json!({ "streetLines": ["1 Rue Sherbrooke"], "city": "Montreal", "stateOrProvinceCode": "QC",
        "postalCode": "H3A 1B1", "countryCode": "CA" });
    let cases = vec![
        (
            "RECIPIENT.CONTACT.REQUIRED",
            without(domestic("A"), &format!("{TO}/contact")),
        ),
        (
            "RECIPIENT.ADDRESS.REQUIRED",
            without(domestic("A"), &format!("{TO}/address")),
        ),
        ("RECIPIENT.PERSONNAME.REQUIRED", to("contact", nobody)),
        (
            "RECIPIENT.PERSONNAME.MAXCHAREXCEEDED",
            to("contact/personName", json!("x".repeat(71))),
        ),
        (
            "RECIPIENT.COMPANYNAME.MAXCHAREXCEEDED",
            to("contact/companyName", json!(long)),
        ),
        (
            "RECIPIENT.PHONENUMBER.REQUIRED",
            without(domestic("A"), &format!("{TO}/contact/phoneNumber")),
        ),
        ("RECIPIENT.PHONENUMBER.INVALID", phone("+1 (410) 555-1234")),
        ("RECIPIENT.PHONENUMBER.INVALID", phone("410555123")),
        ("RECIPIENT.PHONENUMBER.INVALID", phone("24105551234")),
        ("RECIPIENT.STREETLINES.REQUIRED", to("address/streetLines", json!([]))),
        (
            "RECIPIENT.STREETLINES.INVALID",
            to("address/streetLines", json!(["1 Main St", ""])),
        ),
        (
            "RECIPIENT.STREETLINES.MAXCHAREXCEEDED",
            to("address/streetLines", json!([long])),
        ),
        (
            "RECIPIENT.CITY.REQUIRED",
            without(domestic("A"), &format!("{TO}/address/city")),
        ),
        ("RECIPIENT.CITY.MAXCHAREXCEEDED", to("address/city", json!(long))),
        ("RECIPIENT.COUNTRYCODE.INVALID", to("address/countryCode", json!("USA"))),
        (
            "RECIPIENT.STATEORPROVINCECODE.REQUIRED",
            without(domestic("A"), &format!("{TO}/address/stateOrProvinceCode")),
        ),
        (
            "RECIPIENT.ADDRESSSTATEORPROVINCECODE.MAXCHAREXCEEDED",
            to("address", sydney),
        ),
        ("RECIPIENT.STATEORPROVINCECODE.INVALID", to("address", quebec)),
        (
            "RECIPIENT.POSTALCODE.REQUIRED",
            without(domestic("A"), &format!("{TO}/address/postalCode")),
        ),
        ("RECIPIENT.POSTALCODE.INVALID", to("address/postalCode", json!("94043"))),
        (
            "SHIPPER.POSTALCODE.INVALID",
            with(domestic("A"), &format!("{FROM}/address/postalCode"), json!("94043")),
        ),
    ];
    assert_refused(&stage, cases).await;
    for number in ["4105551234", "14105551234", "+14105551234"] {
        assert_eq!(stage.ship(&phone(number)).await.0, 200, "{number}");
    }
}

#[tokio::test]
async fn services_packagings_and_payments_go_together() {
    let stage = Stage::plain().await;
    let rs = |key: &str, value: Value| with(domestic("A"), &format!("{RS}/{key}"), value);
    let service = |name: &str| rs("serviceType", json!(name));
    let payment = |payment: Value| rs("shippingChargesPayment", payment);
    let payor = |account: &str| json!({ "responsibleParty": { "accountNumber": { "value": account } } });
    let express = service("FEDEX_2_DAY");
    let cases = vec![
        ("PACKAGINGTYPE.INVALID", rs("packagingType", json!("FEDEX_BOX"))),
        ("PACKAGINGTYPE.INVALID", rs("packagingType", json!("BOX"))),
        ("SERVICETYPE.NOTAVAILABLE", service("INTERNATIONAL_ECONOMY")),
        ("RECIPIENT.RESIDENTIAL.REQUIRED", service("GROUND_HOME_DELIVERY")),
        ("SMARTPOSTINFODETAIL.REQUIRED", service("SMART_POST")),
        ("PAYMENTTYPE.INVALID", payment(json!({ "paymentType": "CASH" }))),
        (
            "PAYOR.ACCOUNTNUMBER.REQUIRED",
            payment(json!({ "paymentType": "THIRD_PARTY" })),
        ),
        (
            "PAYOR.ACCOUNTNUMBER.REQUIRED",
            payment(json!({ "paymentType": "RECIPIENT", "payor": payor("1") })),
        ),
        (
            "ACCOUNT.NUMBER.MISMATCH",
            payment(json!({ "paymentType": "SENDER", "payor": payor("222222222") })),
        ),
        (
            "PAYMENTTYPE.INVALID",
            with(
                express,
                &format!("{RS}/shippingChargesPayment"),
                json!({ "paymentType": "COLLECT", "payor": payor("222222222") }),
            ),
        ),
        ("SHIPDATESTAMP.INVALID", rs("shipDatestamp", json!("20261120"))),
        ("SHIPDATESTAMP.INVALID", rs("shipDatestamp", json!("2026-12-01"))),
        (
            "LABELSTOCKTYPE.INVALID",
            rs(
                "labelSpecification",
                json!({ "imageType": "PDF", "labelStockType": "STOCK_4X6" }),
            ),
        ),
        (
            "LABELSTOCKTYPE.INVALID",
            rs(
                "labelSpecification",
                json!({ "imageType": "ZPLII", "labelStockType": "PAPER_4X6" }),
            ),
        ),
        (
            "IMAGETYPE.INVALID",
            rs(
                "labelSpecification",
                json!({ "imageType": "GIF", "labelStockType": "PAPER_4X6" }),
            ),
        ),
        (
            "RESOLUTION.INVALID",
            rs(
                "labelSpecification",
                json!({ "imageType": "PDF", "labelStockType": "PAPER_4X6", "resolution": 300 }),
            ),
        ),
    ];
    assert_refused(&stage, cases).await;
    let home = with(
        service("GROUND_HOME_DELIVERY"),
        &format!("{TO}/address/residential"),
        json!(true),
    );
    let economy = with(
        service("SMART_POST"),
        &format!("{RS}/smartPostInfoDetail"),
        json!({ "hubId": "5531", "indicia": "PARCEL_SELECT" }),
    );
    for body in [
        home,
        economy,
        with(
            service("FEDEX_2_DAY"),
            &format!("{RS}/packagingType"),
            json!("FEDEX_BOX"),
        ),
    ] {
        let (status, answer) = stage.ship(&body).await;
        assert_eq!(status, 200, "{answer}");
    }
}

#[tokio::test]
async fn packages_are_weighed_and_measured() {
    let stage = Stage::plain().await;
    let pkg = |key: &str, value: Value| with(domestic("A"), &format!("{PKG}/{key}"), value);
    let kilograms = with(json!({ "p": package("A") }), "/p/weight/units", json!("KG"))["p"].clone();
    let mixed = with(
        domestic("A"),
        &format!("{RS}/requestedPackageLineItems"),
        json!([package("A"), kilograms]),
    );
    let size = |length: Value| {
        pkg(
            "dimensions",
            json!({ "length": length, "width": 30, "height": 30, "units": "IN" }),
        )
    };
    let reference = |kind: &str, value: String| {
        pkg(
            "customerReferences",
            json!([{ "customerReferenceType": kind, "value": value }]),
        )
    };
    let cases = vec![
        ("WEIGHT.REQUIRED", without(domestic("A"), &format!("{PKG}/weight"))),
        ("PACKAGE.WEIGHT.UNITS.INVALID", pkg("weight/units", json!("LBS"))),
        ("PACKAGE.WEIGHT.UNITS.INVALID", mixed),
        ("PACKAGE.WEIGHT.INVALID", pkg("weight/value", json!(0))),
        ("PACKAGE.WEIGHT.MAXEXCEEDED", pkg("weight/value", json!(150.1))),
        ("PACKAGE.DIMENSION.ERROR", pkg("dimensions/length", json!(0.4))),
        ("PACKAGE.DIMENSION.ERROR", pkg("dimensions/length", json!(0))),
        ("PACKAGE.DIMENSION.ERROR", pkg("dimensions/units", json!("FT"))),
        ("PACKAGE.DIMENSION.ERROR", size(json!(46))),
        ("GROUPPACKAGECOUNT.INVALID", pkg("groupPackageCount", json!(0))),
        (
            "TOTALPACKAGECOUNT.MISMATCH",
            with(domestic("A"), &format!("{RS}/totalPackageCount"), json!(2)),
        ),
        ("CUSTOMERREFERENCETYPE.INVALID", reference("PURCHASE_ORDER", "A".into())),
        (
            "CUSTOMERREFERENCE.MAXCHAREXCEEDED",
            reference("CUSTOMER_REFERENCE", "x".repeat(31)),
        ),
        (
            "CUSTOMERREFERENCE.MAXCHAREXCEEDED",
            reference("RMA_ASSOCIATION", "x".repeat(21)),
        ),
    ];
    assert_refused(&stage, cases).await;
    let express = with(
        reference("CUSTOMER_REFERENCE", "x".repeat(40)),
        &format!("{RS}/serviceType"),
        json!("FEDEX_2_DAY"),
    );
    assert_eq!(stage.ship(&express).await.0, 200);
    assert_eq!(stage.ship(&pkg("weight/value", json!(150))).await.0, 200);
}

#[tokio::test]
async fn customs_details_belong_to_borders_and_add_up() {
    let stage = Stage::plain().await;
    let customs = format!("{RS}/customsClearanceDetail");
    let commodity = format!("{customs}/commodities/0");
    let block = abroad("A").pointer(&customs).unwrap().clone();
    let cases = vec![
        ("CUSTOMSCLEARANCEDETAIL.REQUIRED", without(abroad("A"), &customs)),
        (
            "CUSTOMSCLEARANCEDETAIL.NOTALLOWED",
            with(domestic("A"), &customs, block),
        ),
        (
            "TOTALWEIGHT.REQUIRED",
            without(abroad("A"), &format!("{RS}/totalWeight")),
        ),
        (
            "DUTIESPAYMENT.REQUIRED",
            without(abroad("A"), &format!("{customs}/dutiesPayment")),
        ),
        (
            "COMMODITIES.REQUIRED",
            with(abroad("A"), &format!("{customs}/commodities"), json!([])),
        ),
        (
            "COMMODITY.DESCRIPTION.REQUIRED",
            without(abroad("A"), &format!("{commodity}/description")),
        ),
        (
            "COMMODITY.COUNTRYOFMANUFACTURE.REQUIRED",
            without(abroad("A"), &format!("{commodity}/countryOfManufacture")),
        ),
        (
            "COMMODITY.QUANTITY.REQUIRED",
            with(abroad("A"), &format!("{commodity}/quantity"), json!(0)),
        ),
        (
            "COMMODITY.WEIGHT.REQUIRED",
            without(abroad("A"), &format!("{commodity}/weight")),
        ),
        (
            "COMMODITY.CUSTOMSVALUE.INVALID",
            with(abroad("A"), &format!("{commodity}/quantity"), json!(3)),
        ),
        (
            "TOTALCUSTOMSVALUE.INVALID",
            with(abroad("A"), &format!("{customs}/totalCustomsValue/amount"), json!(99)),
        ),
        (
            "SHIPMENTPURPOSE.INVALID",
            with(
                abroad("A"),
                &format!("{customs}/commercialInvoice/shipmentPurpose"),
                json!("SALE"),
            ),
        ),
        (
            "TERMSOFSALE.INVALID",
            with(
                abroad("A"),
                &format!("{customs}/commercialInvoice/termsOfSale"),
                json!("DELIVERED"),
            ),
        ),
        (
            "DOCUMENTFORMAT.INVALID",
            without(
                abroad("A"),
                &format!("{RS}/shippingDocumentSpecification/commercialInvoiceDetail"),
            ),
        ),
        (
            "SERVICETYPE.NOTAVAILABLE",
            with(abroad("A"), &format!("{RS}/serviceType"), json!("FEDEX_2_DAY")),
        ),
    ];
    assert_refused(&stage, cases).await;
}

#[tokio::test]
async fn ground_to_a_home_is_carried_with_a_note() {
    let stage = Stage::plain().await;
    let mut home = georgia();
    home["residential"] = json!(true);
    let body = with(
        domestic("A"),
        TO,
        json!({ "contact": contact("Jo Buyer"), "address": home }),
    );
    let (status, answer) = stage.ship(&body).await;
    assert_eq!(status, 200);
    assert_eq!(shipment(&answer)["alerts"][0]["alertType"], "NOTE");
}
