//! Look-ups by our reference after a lost answer, and by a number that a person read.

use serde_json::{Value, json};

use super::stub::{Asked, Stub};
use super::tracker::{ONE, OTHER, THREE, TWO, fixture, reference, track};
use crate::domain::{CarrierShipmentId, Shipment};
use crate::ports::{CallError, Carrier};
use crate::systems::fedex::FedEx;

/// Answers look-ups by reference with one fixture, those for whole shipments with another.
async fn shows(by_reference: &'static str, by_master: Option<&'static str>) -> (FedEx, Stub) {
    track(move |asked: &Asked| match (asked.line.as_str(), by_master) {
        ("POST /track/v1/referencenumbers", _) => (200, fixture(by_reference).to_string()),
        ("POST /track/v1/associatedshipments", Some(name)) => (200, fixture(name).to_string()),
        _ => (503, String::new()),
    })
    .await
}

async fn looked(by_reference: &'static str, by_master: Option<&'static str>) -> Result<Vec<Shipment>, CallError> {
    let (fedex, _stub) = shows(by_reference, by_master).await;
    let sighting = fedex.find(&reference(), None).await?;
    assert!(!sighting.control_seen);
    Ok(sighting.found)
}

/// The number of each shipment with those of its parcels.
fn numbers(found: &[Shipment]) -> Vec<(&str, Vec<&str>)> {
    found
        .iter()
        .map(|shipment| (shipment.id.as_str(), shipment.tracking_numbers().collect()))
        .collect()
}

/// P20, P63: what carries our reference is found after a lost answer, by one question with the account and the days.
#[tokio::test]
async fn a_lost_shipment_is_found_by_our_reference() {
    let (fedex, stub) = shows("track-reference/answer-one", None).await;
    let found = fedex.find(&reference(), None).await.unwrap().found;
    assert_eq!(numbers(&found), [(ONE, vec![ONE])]);
    assert!(found[0].remarks.is_empty(), "{:?}", found[0].remarks);
    let questions = stub.questions();
    assert_eq!(questions.len(), 1);
    assert_eq!(questions[0].json(), fixture("track-reference/request"));
    assert!(!fedex.absence_proves(), "what is not found proves nothing");
}

/// P20: parcels of one shipment are one shipment, in their order, whether each names the whole or the first alone
/// stands for it.
#[tokio::test]
async fn parcels_of_one_shipment_never_pass_for_several() {
    for name in [
        "track-reference/answer-all-three",
        "track-reference/answer-without-lead",
    ] {
        let (fedex, stub) = shows(name, None).await;
        let found = fedex.find(&reference(), None).await.unwrap().found;
        assert_eq!(numbers(&found), [(ONE, vec![ONE, TWO, THREE])], "{name}");
        assert!(found[0].remarks.is_empty());
        assert_eq!(stub.questions().len(), 1, "nothing more is to be asked");
    }
}

/// P20: where only some parcels are shown, the whole shipment is asked for.
#[tokio::test]
async fn the_whole_shipment_is_asked_for_where_some_of_it_is_shown() {
    for name in [
        "track-reference/answer-one-of-three",
        "track-reference/answer-two-of-three",
    ] {
        let (fedex, stub) = shows(name, Some("track-shipment/answer-three")).await;
        let found = fedex.find(&reference(), None).await.unwrap().found;
        assert_eq!(numbers(&found), [(ONE, vec![ONE, TWO, THREE])], "{name}");
        let questions = stub.questions();
        assert_eq!(questions.len(), 2, "{name}");
        assert_eq!(questions[1].json(), fixture("track-shipment/request"));
    }
}

/// P20: of a shipment of which the first package alone is shown, FedEx names the others; two shipments of as many
/// packages are told apart by that.
#[tokio::test]
async fn the_other_packages_of_a_first_one_are_its_shipments() {
    let found = looked(
        "track-reference/answer-first-of-three",
        Some("track-shipment/answer-others"),
    )
    .await
    .unwrap();
    assert_eq!(numbers(&found), [(ONE, vec![ONE, TWO, THREE])]);
    let (fedex, stub) = track(|asked: &Asked| match asked.line.as_str() {
        "POST /track/v1/referencenumbers" => (200, fixture("track-reference/answer-two-pairs").to_string()),
        _ if asked.body.contains(ONE) => (200, fixture("track-shipment/answer-second-of-one").to_string()),
        _ => (200, fixture("track-shipment/answer-second-of-other").to_string()),
    })
    .await;
    let found = fedex.find(&reference(), None).await.unwrap().found;
    assert_eq!(numbers(&found), [(ONE, vec![ONE, TWO]), (OTHER, vec![OTHER, THREE])]);
    assert_eq!(stub.questions().len(), 3);
}

/// P20: a shipment that exists is not lost because not all is told of it; several parcels that nobody tells apart are
/// no answer, and nothing to wait for either.
#[tokio::test]
async fn what_cannot_be_told_apart_is_left_to_a_person() {
    let single = looked(
        "track-reference/answer-one-of-three",
        Some("track-reference/answer-not-found"),
    )
    .await
    .unwrap();
    assert_eq!(numbers(&single), [(TWO, vec![TWO])]);
    let remarks = single[0].remarks.join("; ");
    assert!(
        remarks.contains("did not confirm") && remarks.contains("1 of the 3 parcels"),
        "{remarks}"
    );
    for by_master in ["track-reference/answer-not-found", "track-reference/answer-one"] {
        let unclear = looked("track-reference/answer-two-of-three", Some(by_master)).await;
        let Err(CallError::Refused(refusal)) = unclear else {
            panic!("{by_master}: {unclear:?}")
        };
        assert_eq!(refusal.code, "not-told-apart");
        assert!(
            refusal.message.contains(TWO) && refusal.message.contains(THREE),
            "{refusal}"
        );
    }
    let away = looked("track-reference/answer-two-of-three", None).await;
    assert!(matches!(away, Err(CallError::Later(_))), "{away:?}");
}

/// A package as Track shows it: where it stands among how many, as far as that is told, and other things of it.
fn package(number: &str, sequence: Option<&str>, count: Option<&str>, identifiers: &[(&str, &str)]) -> Value {
    let identifier = |(kind, value): &(&str, &str)| json!({ "type": kind, "values": [value] });
    let identifiers: Vec<Value> = identifiers.iter().map(identifier).collect();
    let result = json!({
        "trackingNumberInfo": { "trackingNumber": number },
        "additionalTrackingInfo": { "packageIdentifiers": identifiers },
        "latestStatusDetail": { "code": "OC" },
        "packageDetails": { "sequenceNumber": sequence, "count": count },
    });
    json!({ "trackingNumber": number, "trackResults": [result] })
}

fn shown(packages: &[Value]) -> String {
    json!({ "output": { "completeTrackResults": packages } }).to_string()
}

/// What is found where the reference leads to some packages, and FedEx names others, or nothing, for the whole.
async fn found_among(by_reference: Vec<Value>, by_master: Option<Vec<Value>>) -> Result<Vec<Shipment>, CallError> {
    let (fedex, _stub) = track(move |asked: &Asked| match (asked.line.as_str(), &by_master) {
        ("POST /track/v1/referencenumbers", _) => (200, shown(&by_reference)),
        (_, Some(packages)) => (200, shown(packages)),
        (_, None) => (200, fixture("track-reference/answer-not-found").to_string()),
    })
    .await;
    fedex.find(&reference(), None).await.map(|sighting| sighting.found)
}

/// P20: where FedEx does not say how many packages a shipment has, none of them passes for a shipment of its own: all
/// but one would be voided, and the kept one with them.
#[tokio::test]
async fn packages_without_their_count_never_pass_for_shipments() {
    let reference = reference();
    let ours = ("CUSTOMER_REFERENCE", reference.as_str());
    let loose = |number, sequence| package(number, sequence, None, &[ours]);
    let three = vec![loose(ONE, None), loose(TWO, None), loose(THREE, None)];
    let apart = found_among(three.clone(), None).await;
    assert!(
        matches!(&apart, Err(CallError::Refused(refusal)) if refusal.code == "not-told-apart"),
        "{apart:?}"
    );

    let named = |number| package(number, None, None, &[ours, ("STANDARD_MPS", ONE)]);
    let found = found_among(vec![named(ONE), named(TWO), named(THREE)], None)
        .await
        .unwrap();
    assert_eq!(numbers(&found), [(ONE, vec![ONE, TWO, THREE])], "each names the whole");
    assert!(
        found[0].remarks.join("; ").contains("does not say how many"),
        "{:?}",
        found[0].remarks
    );

    let whole = |number, sequence| package(number, Some(sequence), Some("3"), &[]);
    let others = vec![whole(ONE, "1"), whole(TWO, "2"), whole(THREE, "3")];
    let found = found_among(three, Some(others)).await.unwrap();
    assert_eq!(
        numbers(&found),
        [(ONE, vec![ONE, TWO, THREE])],
        "FedEx names the whole when it is asked for it"
    );
    let first = found_among(vec![loose(ONE, Some("1")), loose(TWO, Some("2"))], None).await;
    assert!(
        matches!(&first, Err(CallError::Refused(_))),
        "the second may be of another: {first:?}"
    );
    let impossible = package(TWO, Some("2"), Some("1"), &[ours]);
    let odd = found_among(vec![loose(ONE, Some("1")), impossible], None).await;
    assert!(
        matches!(&odd, Err(CallError::Refused(_))),
        "a count below the place is none: {odd:?}"
    );
}

/// P20: one package alone is found although nobody says that it is the only one: nothing waits for a count for ever.
#[tokio::test]
async fn one_package_alone_is_found_without_its_count() {
    let reference = reference();
    let alone = || vec![package(ONE, None, None, &[("CUSTOMER_REFERENCE", reference.as_str())])];
    let found = found_among(alone(), None).await.unwrap();
    assert_eq!(numbers(&found), [(ONE, vec![ONE])]);
    assert!(
        found[0].remarks.join("; ").contains("did not confirm"),
        "{:?}",
        found[0].remarks
    );
}

/// P20: a shipment is not lost because we may not ask for the rest of it.
#[tokio::test]
async fn what_is_known_counts_where_the_rest_is_refused() {
    let (fedex, _stub) = track(|asked: &Asked| match asked.line.as_str() {
        "POST /track/v1/referencenumbers" => (200, fixture("track-reference/answer-one-of-three").to_string()),
        _ => (403, fixture("track/refused-other").to_string()),
    })
    .await;
    let found = fedex.find(&reference(), None).await.unwrap().found;
    assert_eq!(numbers(&found), [(TWO, vec![TWO])]);
}

/// P20, P63: our reference is ours under whichever name FedEx keeps it, and what does not show it is not ours.
#[tokio::test]
async fn only_what_shows_our_reference_is_ours() {
    let reference = reference();
    let ours = reference.as_str().to_lowercase();
    for kind in [
        "CUSTOMER_REFERENCE",
        "SHIPPER_REFERENCE",
        "PURCHASE_ORDER",
        "INVOICE",
        "A_NEW_KIND",
    ] {
        let shows = package(ONE, Some("1"), Some("1"), &[("DEPARTMENT", "7"), (kind, &ours)]);
        assert_eq!(
            numbers(&found_among(vec![shows], None).await.unwrap()),
            [(ONE, vec![ONE])],
            "{kind}"
        );
    }
    for others in [
        vec![],
        vec![("PURCHASE_ORDER", "PO-4711")],
        vec![("INVOICE", "SO-5012")],
    ] {
        let foreign = package(ONE, Some("1"), Some("1"), &others);
        assert_eq!(found_among(vec![foreign], None).await, Ok(Vec::new()), "{others:?}");
    }
}

#[tokio::test]
async fn several_shipments_are_several() {
    let found = looked("track-reference/answer-two-shipments", None).await.unwrap();
    assert_eq!(numbers(&found), [(ONE, vec![ONE]), (OTHER, vec![OTHER])]);
}

/// P63: what was cancelled is not found, also while some of its parcels do not show it yet.
#[tokio::test]
async fn what_was_cancelled_is_not_found() {
    let found = looked("track-reference/answer-one-cancelled", None).await.unwrap();
    assert_eq!(numbers(&found), [(OTHER, vec![OTHER])]);
    assert_eq!(looked("track-reference/answer-cancelled", None).await, Ok(Vec::new()));
}

/// The sandbox answers what it likes: what shows other references is not ours.
#[tokio::test]
async fn a_parcel_that_carries_another_reference_is_not_ours() {
    assert_eq!(looked("track-reference/answer-foreign", None).await, Ok(Vec::new()));
}

/// P20: FedEx says "not found" in several ways; whatever says neither yes nor no is looked at again, and what FedEx will
/// not answer at all is no absence.
#[tokio::test]
async fn nothing_is_found_only_where_fedex_says_so() {
    let told = |status: u16, body: &str| {
        let body = body.to_owned();
        async move {
            let (fedex, _stub) = track(move |_| (status, body.clone())).await;
            match fedex.find(&reference(), None).await {
                Ok(sighting) if sighting.found.is_empty() => "absent",
                Ok(_) => "found",
                Err(CallError::Later(_)) => "later",
                Err(CallError::Refused(_)) => "refused",
            }
        }
    };
    assert_eq!(looked("track-reference/answer-not-found", None).await, Ok(Vec::new()));
    let text = |name: &str| fixture(name).to_string();
    let fault = |code: &str| {
        json!({ "output": { "completeTrackResults": [{ "trackResults": [{ "error": { "code": code } }] }] } })
            .to_string()
    };
    let no_address = r#"{"errors":[{"code":"NOT.FOUND.ERROR","message":"no such address"}]}"#;
    for (status, body, expected) in [
        (404, text("track-reference/refused-not-found"), "absent"),
        (200, fault("TRACKING.REFERENCENUMBER.NOTFOUND"), "absent"),
        (404, no_address.to_owned(), "refused"),
        (400, text("track/refused-number"), "refused"),
        (403, text("track/refused-other"), "refused"),
        (200, fault("TRACKING.REFERENCETYPE.INVALID"), "refused"),
        (200, fault("SYSTEM.UNEXPECTED.ERROR"), "later"),
        (500, String::new(), "later"),
        (403, "<html>Forbidden</html>".to_owned(), "later"),
        (200, "{}".to_owned(), "later"),
        (200, r#"{"output":{"completeTrackResults":[]}}"#.to_owned(), "later"),
    ] {
        assert_eq!(told(status, &body).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn without_an_account_no_reference_can_be_looked_for() {
    let stub = Stub::new(|_| (500, String::new())).await;
    let refused = stub.under("").find(&reference(), None).await;
    assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.code == "account"));
    assert!(stub.asked().is_empty());
}

/// Answers look-ups by number with one fixture, those for whole shipments with another.
async fn known(id: &str, by_number: &'static str) -> (Result<Option<Shipment>, CallError>, Stub) {
    let (fedex, stub) = track(move |asked: &Asked| match asked.line.as_str() {
        "POST /track/v1/trackingnumbers" => (200, fixture(by_number).to_string()),
        "POST /track/v1/associatedshipments" => (200, fixture("track-shipment/answer-three").to_string()),
        _ => (500, String::new()),
    })
    .await;
    (fedex.shipment(&CarrierShipmentId::new(id)).await, stub)
}

/// A number that a person read leads to its whole shipment, without days: nobody knows when it was made.
#[tokio::test]
async fn a_number_that_a_person_read_leads_to_its_shipment() {
    let (found, stub) = known("7949 5353 5000", "track/answer-delivered").await;
    assert_eq!(numbers(&[found.unwrap().unwrap()]), [(ONE, vec![ONE])]);
    assert_eq!(stub.questions()[0].json(), fixture("track/request-known"));
    let (found, stub) = known(TWO, "track-reference/answer-one-of-three").await;
    assert_eq!(numbers(&[found.unwrap().unwrap()]), [(ONE, vec![ONE, TWO, THREE])]);
    assert_eq!(stub.questions().len(), 2);
    let (found, _) = known(ONE, "track/answer-not-found").await;
    assert_eq!(found, Ok(None));
    let (found, _) = known(ONE, "track/answer-recycled").await;
    assert_eq!(numbers(&[found.unwrap().unwrap()]), [(ONE, vec![ONE])]);
    let (other, _) = known(OTHER, "track/answer-delivered").await;
    assert!(matches!(other, Err(CallError::Later(_))), "{other:?}");
}

#[tokio::test]
async fn a_number_that_cannot_be_one_and_a_cancelled_one_are_refused_in_words() {
    for id in ["", "1Z204W4R0308071865", "79495353500", "7949535350000", "../ship"] {
        let (refused, stub) = known(id, "track/answer-delivered").await;
        assert!(matches!(&refused, Err(CallError::Refused(_))), "{id}: {refused:?}");
        assert!(stub.questions().is_empty(), "{id}");
    }
    let (refused, _) = known(ONE, "track/answer-cancelled").await;
    let Err(CallError::Refused(refusal)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        refusal.message.contains(ONE) && refusal.message.contains("cancelled"),
        "{refusal}"
    );
}

/// What the void of a shipment falls back on.
#[tokio::test]
async fn a_cancelled_shipment_shows_as_such_and_silence_says_nothing() {
    for (name, cancelled) in [
        ("track/answer-cancelled", true),
        ("track/answer-delivered", false),
        ("track/answer-not-found", false),
    ] {
        let (fedex, _stub) = track(move |_| (200, fixture(name).to_string())).await;
        assert_eq!(fedex.is_cancelled(ONE).await, Ok(cancelled), "{name}");
    }
    let (fedex, _stub) = track(|_| (503, String::new())).await;
    assert!(matches!(fedex.is_cancelled(ONE).await, Err(CallError::Later(_))));
}
