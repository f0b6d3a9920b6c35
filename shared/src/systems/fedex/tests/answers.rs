//! Answers as FedEx sends them, documented and otherwise.

use ::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::date;
use rust_decimal::dec;
use serde_json::{Value, json};

use super::{buyer, fixture};
use crate::domain::{Address, AddressVerdict, Choice, Correction, LabelFormat, Money, Offer, ServicePolicy};
use crate::http::{Answer, effect, read};
use crate::ports::{CallError, EffectError, Purchased};
use crate::systems::fedex::convert::{self, Void};

const MASTER: &str = "794953530017";
const SECOND: &str = "794953530028";

fn answer(status: u16, body: &Value) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_string()),
    }
}

/// An answer as a call that changes nothing sees it.
fn called(status: u16, name: &str) -> Result<Answer, CallError> {
    read(Ok(answer(status, &fixture(name))), convert::envelope)
}

// ---- purchases ---------------------------------------------------------------------------------------------------

fn bought(name: &str) -> Option<Purchased> {
    let body = fixture(name).to_string();
    convert::purchased(body.as_bytes(), &fixture("ship/request-domestic"))
}

fn numbers(bought: &Purchased) -> Vec<&str> {
    bought.shipment.tracking_numbers().collect()
}

/// P54: numbers in the order of the parcels, the account's own price, labels, and what FedEx remarked.
#[test]
fn a_purchase_of_two_parcels_is_read_whole() {
    let bought = bought("ship/answer-two-parcels").unwrap();
    assert_eq!(bought.shipment.id.as_str(), MASTER);
    assert_eq!(numbers(&bought), [MASTER, SECOND]);
    assert_eq!(bought.shipment.service.as_deref(), Some("GROUND_HOME_DELIVERY"));
    assert_eq!(
        bought.shipment.cost,
        Some(Money::new(dec!(22.45), "USD")),
        "not the list price"
    );
    assert_eq!(
        bought.shipment.remarks,
        [
            "The recipient's town was put right. (SHIP.RECIPIENT.POSTALCITY.MISMATCH)",
            "This is a canned answer. (VIRTUAL.RESPONSE)"
        ]
    );
    let labels: Vec<_> = bought
        .labels
        .iter()
        .map(|label| label.tracking_number.as_deref())
        .collect();
    assert_eq!(labels, [Some(SECOND), Some(MASTER)]);
    assert_eq!(bought.labels[1].format, LabelFormat::Zpl);
    assert_eq!(bought.labels[1].bytes, format!("^XA^FD{MASTER}^FS^XZ").into_bytes());
}

#[test]
fn a_single_parcel_as_an_object_with_texts_for_numbers_is_the_same_purchase() {
    let bought = bought("ship/answer-collapsed").unwrap();
    assert_eq!((bought.shipment.id.as_str(), numbers(&bought)), (MASTER, vec![MASTER]));
    assert_eq!(bought.shipment.cost, Some(Money::new(dec!(9.30), "USD")));
    assert_eq!(
        bought.shipment.service.as_deref(),
        Some("GROUND_HOME_DELIVERY"),
        "as it was asked for"
    );
    assert_eq!(bought.labels.len(), 1);
}

/// What else sticks on a parcel must not take its label's place.
#[test]
fn papers_belong_to_the_whole_shipment_and_one_label_to_each_parcel() {
    let bought = bought("ship/answer-international").unwrap();
    let told: Vec<_> = bought
        .labels
        .iter()
        .map(|label| (label.tracking_number.as_deref(), label.format))
        .collect();
    assert_eq!(
        told,
        [
            (Some(MASTER), LabelFormat::Zpl),
            (None, LabelFormat::Zpl),
            (None, LabelFormat::Pdf)
        ]
    );
    assert_eq!(bought.labels[2].bytes, b"%PDF-1.4 invoice");
}

/// A parse failure after a purchase must never lose the purchase.
#[test]
fn a_purchase_survives_whatever_else_cannot_be_read() {
    let odd = bought("ship/answer-odd-rest").unwrap();
    assert_eq!((odd.shipment.id.as_str(), numbers(&odd)), (MASTER, vec![MASTER]));
    assert_eq!((odd.shipment.cost.clone(), odd.labels.len()), (None, 0));
    assert!(odd.shipment.remarks.is_empty(), "{:?}", odd.shipment.remarks);
    let details = bought("ship/answer-only-details").unwrap();
    assert_eq!(details.shipment.id.as_str(), MASTER, "not the postal service's number");
    assert_eq!(numbers(&details), [MASTER, SECOND]);
    let documents = bought("ship/answer-only-documents").unwrap();
    assert_eq!(numbers(&documents), [MASTER, SECOND]);
    assert_eq!(documents.labels[1].tracking_number.as_deref(), Some(SECOND));
}

/// P20, P63: the only label of the only parcel is its own, though it names no parcel: it would be lost otherwise, for it is given once.
#[test]
fn the_label_of_an_only_parcel_needs_no_number() {
    let said = |documents: Value, pieces: Value| {
        let body = json!({ "output": { "transactionShipments": [
            { "masterTrackingNumber": MASTER, "pieceResponses": pieces, "shipmentDocuments": documents }
        ] } });
        convert::purchased(body.to_string().as_bytes(), &fixture("ship/request-domestic")).unwrap()
    };
    let label = json!([{ "contentType": "LABEL", "docType": "ZPLII", "encodedLabel": "XlhBXlha" }]);
    let nothing = json!([]);
    let with_the_piece = said(nothing.clone(), json!([{ "packageDocuments": label.clone() }]));
    let with_the_shipment = said(label, nothing);
    for bought in [with_the_piece, with_the_shipment] {
        let labels: Vec<_> = bought
            .labels
            .iter()
            .map(|label| label.tracking_number.as_deref())
            .collect();
        assert_eq!((numbers(&bought), labels), (vec![MASTER], vec![Some(MASTER)]));
    }
}

/// P63: where the parcels are answered in part and all of them are completed, all are told.
#[test]
fn parcels_count_where_most_of_them_are_named() {
    let mut body = fixture("ship/answer-two-parcels");
    let pieces = body.pointer_mut("/output/transactionShipments/0/pieceResponses");
    pieces.and_then(Value::as_array_mut).unwrap().truncate(1);
    let completed = "/output/transactionShipments/0/completedShipmentDetail/completedPackageDetails";
    *body.pointer_mut(completed).unwrap() = json!([
        { "sequenceNumber": 1, "trackingIds": [{ "trackingIdType": "FEDEX", "trackingNumber": MASTER }] },
        { "sequenceNumber": 2, "trackingIds": [{ "trackingIdType": "FEDEX", "trackingNumber": SECOND }] },
    ]);
    let bought = convert::purchased(body.to_string().as_bytes(), &fixture("ship/request-multi")).unwrap();
    assert_eq!(numbers(&bought), [MASTER, SECOND]);
}

#[test]
fn an_answer_without_a_shipment_is_no_purchase() {
    for name in ["ship/answer-without-identifier", "ship/answer-job", "error/one"] {
        assert_eq!(bought(name), None, "{name}");
    }
    assert_eq!(convert::purchased(b"<html>", &json!({})), None);
    let job = |name: &str| convert::job(fixture(name).to_string().as_bytes());
    assert_eq!(job("ship/answer-job").as_deref(), Some("89d0000233ae24ff31"));
    assert_eq!(job("ship/answer-two-parcels"), None);
}

// ---- prices ------------------------------------------------------------------------------------------------------

fn offered(name: &str) -> Result<Vec<Offer>, CallError> {
    convert::offers(&answer(200, &fixture(name)), date(2026, 11, 20))
}

/// P54: of five offers the cheapest that arrives in time is chosen, at the account's own price; days are named or
/// counted.
#[test]
fn of_five_offers_the_cheapest_in_time_is_chosen() {
    let offers = offered("rate/answer-five-services").unwrap();
    let summary: Vec<_> = offers
        .iter()
        .map(|offer| (offer.service.as_str(), offer.cost.amount, offer.arrives))
        .collect();
    assert_eq!(
        summary,
        [
            ("FIRST_OVERNIGHT", dec!(88.1), Some(date(2026, 11, 23))),
            ("FEDEX_2_DAY", dec!(21.35), Some(date(2026, 11, 24))),
            ("FEDEX_EXPRESS_SAVER", dec!(14.7), Some(date(2026, 11, 25))),
            ("GROUND_HOME_DELIVERY", dec!(9.94), Some(date(2026, 11, 25))),
            ("SMART_POST", dec!(7.2), Some(date(2026, 11, 27))),
        ]
    );
    assert!(offers.iter().all(|offer| offer.negotiated));
    assert_eq!(offers[1].name, "FedEx 2Day");
    let choose = |choice| {
        let policy = ServicePolicy {
            allowed: Vec::new(),
            choice,
            by_ship_method: Default::default(),
        };
        policy.choose(&offers, &[], date(2026, 11, 20)).unwrap().service
    };
    assert_eq!(choose(Choice::Cheapest), "SMART_POST");
    assert_eq!(choose(Choice::CheapestBy { days: 5 }), "GROUND_HOME_DELIVERY");
    assert_eq!(choose(Choice::Fastest), "FIRST_OVERNIGHT");
}

#[test]
fn a_single_offer_as_an_object_is_read_at_the_list_price_without_a_day() {
    let expected = Offer {
        service: "FEDEX_GROUND".into(),
        name: "FedEx Ground".into(),
        cost: Money::new(dec!(14.2), "USD"),
        negotiated: false,
        arrives: None,
    };
    assert_eq!(offered("rate/answer-collapsed").unwrap(), [expected]);
}

#[test]
fn an_offer_that_cannot_be_read_hides_no_other_and_none_at_all_is_later() {
    let one = offered("rate/answer-one-unreadable").unwrap();
    assert_eq!((one.len(), one[0].service.as_str()), (1, "FEDEX_2_DAY"));
    assert!(matches!(offered("rate/answer-unreadable"), Err(CallError::Later(_))));
    assert!(matches!(offered("error/one"), Err(CallError::Later(_))));
}

// ---- addresses ---------------------------------------------------------------------------------------------------

fn verdict(status: u16, name: &str) -> Result<AddressVerdict, CallError> {
    convert::verdict(&buyer(), called(status, name))
}

#[test]
fn an_address_is_valid_only_in_the_customers_spelling() {
    let valid = |residential| Ok(AddressVerdict::Valid { residential });
    assert_eq!(verdict(200, "validate/answer-valid"), valid(Some(true)));
    assert_eq!(verdict(200, "validate/answer-texts"), valid(Some(false)));
    let written = Address {
        lines: vec!["77 PEACHTREE WALK".into(), "STE 4".into()],
        city: "ATLANTA".into(),
        residential: None,
        ..buyer()
    };
    let corrected = |address: Address, correction, residential| {
        Ok(AddressVerdict::Corrected {
            address: Address { residential, ..address },
            correction,
            residential,
        })
    };
    assert_eq!(
        verdict(200, "validate/answer-formatting"),
        corrected(written.clone(), Correction::Formatting, None)
    );
    let other = Address {
        lines: vec!["78 PEACHTREE WALK".into(), "STE 4".into()],
        ..written
    };
    assert_eq!(
        verdict(200, "validate/answer-substance"),
        corrected(other, Correction::Substance, Some(true))
    );
}

#[test]
fn an_address_that_fedex_does_not_stand_by_is_not_valid() {
    let found = |name: &str| verdict(200, name);
    assert!(
        matches!(found("validate/answer-suite-missing"), Ok(AddressVerdict::Ambiguous { candidates }) if candidates.len() == 1)
    );
    assert_eq!(found("validate/answer-no-delivery-point"), Ok(AddressVerdict::NotFound));
    assert_eq!(found("validate/answer-raw"), Ok(AddressVerdict::NotFound));
    assert_eq!(found("validate/answer-not-covered"), Ok(AddressVerdict::NotCovered));
    assert_eq!(verdict(400, "validate/refused-not-found"), Ok(AddressVerdict::NotFound));
    assert!(matches!(found("validate/answer-bare"), Err(CallError::Later(_))));
    assert!(matches!(verdict(400, "error/one"), Err(CallError::Refused(_))));
}

// ---- cancellations -----------------------------------------------------------------------------------------------

#[test]
fn a_cancellation_is_judged_by_its_flag() {
    let judged = |name: &str| convert::cancelled(&answer(200, &fixture(name)));
    assert_eq!(judged("cancel/answer-cancelled"), Void::Done);
    assert_eq!(judged("cancel/answer-cancelled-texts"), Void::Done);
    let Void::NotDone(refusal) = judged("cancel/answer-not-cancelled") else {
        panic!("it is not cancelled")
    };
    assert_eq!(refusal.message, "It has been handed over.");
    assert_eq!(judged("cancel/answer-junk"), Void::Unclear);
    assert_eq!(judged("error/one"), Void::Unclear);
}

// ---- errors ------------------------------------------------------------------------------------------------------

#[test]
fn the_envelope_is_read_in_its_variants() {
    let error = |name: &str| convert::envelope(&answer(400, &fixture(name))).unwrap();
    let one = error("error/one");
    assert_eq!(
        (one.refusal.code.as_str(), one.transient),
        ("ACCOUNTNUMBER.REGISTRATION.REQUIRED", false)
    );
    let several = error("error/several");
    assert_eq!(several.refusal.code, "PACKAGE.DIMENSION.ERROR");
    assert_eq!(
        several.refusal.message,
        "A side is no whole number. (PACKAGE.DIMENSION.ERROR); no words given (SHIPPER.PHONE.MISSING)"
    );
    assert_eq!(error("error/bare").refusal.message, "There is no such resource.");
    assert!(error("error/system").transient && error("token/unavailable").transient);
    assert!(
        !error("error/combination").transient,
        "the service is not away: it does not go with the packaging, and asking again would never end"
    );
    assert_eq!(
        convert::envelope(&answer(200, &fixture("ship/answer-two-parcels"))),
        None
    );
}

/// P63: only FedEx's own final word means that nothing was bought; its own faults and everybody's pages may have
/// bought.
#[test]
fn what_a_failed_purchase_means() {
    let bought = |status, body: &str| {
        let answer = Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        };
        effect(Ok(answer), convert::envelope)
    };
    let canned = |status, name: &str| bought(status, &fixture(name).to_string());
    assert!(matches!(canned(400, "error/one"), Err(EffectError::Rejected(_))));
    assert!(matches!(canned(422, "error/several"), Err(EffectError::Rejected(_))));
    assert!(matches!(canned(400, "error/system"), Err(EffectError::Unknown(_))));
    assert!(matches!(
        canned(400, "error/combination"),
        Err(EffectError::Rejected(_))
    ));
    assert!(matches!(canned(503, "error/combination"), Err(EffectError::Unknown(_))));
    assert!(matches!(canned(500, "error/one"), Err(EffectError::Unknown(_))));
    assert!(matches!(canned(401, "error/expired"), Err(EffectError::NotSent(_))));
    assert!(matches!(
        bought(404, "<html>Not found</html>"),
        Err(EffectError::Unknown(_))
    ));
    assert!(matches!(bought(403, ""), Err(EffectError::Unknown(_))));
}

/// A 403 in FedEx's own words is about who asks; a page, another code or another status is not.
#[test]
fn a_403_is_no_orders_fault() {
    let forbids = |status, name: &str| convert::forbids(&answer(status, &fixture(name)));
    assert!(forbids(403, "track/refused-other"));
    assert!(!forbids(400, "track/refused-other") && !forbids(403, "error/one"));
    let page = Answer {
        status: 403,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"<html>Forbidden</html>"),
    };
    assert!(!convert::forbids(&page));
}

/// P61: a window is over after ten seconds, a day at midnight in Greenwich, and a hint is taken.
#[test]
fn the_words_tell_which_quota_is_used_up() {
    let now: Timestamp = "2026-11-20T21:30:00Z".parse().unwrap();
    let left = |status, name: &str, hint: Option<&'static str>| {
        let mut answer = answer(status, &fixture(name));
        if let Some(hint) = hint {
            answer
                .headers
                .insert("retry-after", ::http::HeaderValue::from_static(hint));
        }
        convert::quota(&answer, now).map(|quota| (quota.left(now).unwrap().as_secs(), quota.is_daily))
    };
    assert_eq!(left(429, "error/quota-window", None), Some((10, false)));
    assert_eq!(left(429, "error/quota-window", Some("4")), Some((4, false)));
    assert_eq!(left(429, "error/quota-day", None), Some((9000, true)));
    assert_eq!(left(429, "error/quota-day", Some("4")), Some((9000, true)));
    assert_eq!(left(400, "error/quota-day", None), None);
}
