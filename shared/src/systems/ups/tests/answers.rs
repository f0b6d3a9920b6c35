//! Answers as UPS sends them, documented and otherwise.

use ::http::HeaderMap;
use bytes::Bytes;
use jiff::civil::date;
use rust_decimal::dec;
use serde_json::{Value, json};

use super::{buyer, fixture};
use crate::domain::{Address, AddressVerdict, Choice, Correction, LabelFormat, Money, Offer, Refusal, ServicePolicy};
use crate::http::{Answer, Lost, VendorError, effect, read};
use crate::ports::{CallError, EffectError, LabelError, Obstacle, Purchased, VoidError};
use crate::systems::ups::convert::{self, Recovered, Recovery, Tracked};

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

const LEAD: &str = "1ZA1B2C30300000017";
const SECOND: &str = "1ZA1B2C30300000026";

// ---- purchases ---------------------------------------------------------------------------------------------------

fn bought(name: &str) -> Option<Purchased> {
    let body = fixture(name).to_string();
    convert::purchased(body.as_bytes(), &fixture("ship/request-domestic"))
}

#[test]
fn a_purchase_of_two_parcels_is_read_whole() {
    let bought = bought("ship/answer-two-parcels").unwrap();
    assert_eq!(bought.shipment.id.as_str(), LEAD);
    assert_eq!(bought.shipment.tracking_numbers().collect::<Vec<_>>(), [LEAD, SECOND]);
    assert_eq!(bought.shipment.service.as_deref(), Some("03"));
    assert_eq!(bought.shipment.cost, Some(Money::new(dec!(21.07), "USD")));
    assert_eq!(
        bought.shipment.remarks,
        ["Additional handling was set on package 2. (129001)"]
    );
    assert_eq!(bought.labels.len(), 2);
    assert_eq!(bought.labels[1].tracking_number.as_deref(), Some(SECOND));
    assert_eq!(bought.labels[1].format, LabelFormat::Zpl);
    assert_eq!(bought.labels[1].bytes, format!("^XA^FD{SECOND}^FS^XZ").into_bytes());
}

#[test]
fn a_single_parcel_as_an_object_with_numbers_as_numbers_is_the_same_purchase() {
    let bought = bought("ship/answer-collapsed-numbers").unwrap();
    assert_eq!(bought.shipment.tracking_numbers().collect::<Vec<_>>(), [LEAD]);
    assert_eq!(bought.shipment.cost, Some(Money::new(dec!(12.35), "USD")));
    assert_eq!(bought.shipment.remarks, ["No negotiated rates. (120900)"]);
    assert_eq!(bought.labels[0].format, LabelFormat::Gif);
    assert_eq!(bought.labels[0].bytes, b"GIF89a-label");
}

#[test]
fn papers_belong_to_the_whole_shipment() {
    let bought = bought("ship/answer-international").unwrap();
    let papers: Vec<_> = bought
        .labels
        .iter()
        .filter(|label| label.tracking_number.is_none())
        .collect();
    assert_eq!(
        papers.iter().map(|paper| paper.format).collect::<Vec<_>>(),
        [LabelFormat::Pdf, LabelFormat::Zpl]
    );
    assert_eq!(papers[0].bytes, b"%PDF-1.4 invoice");
}

/// A parse failure after a purchase must never lose the purchase.
#[test]
fn a_purchase_survives_whatever_else_cannot_be_read() {
    let odd = bought("ship/answer-odd-rest").unwrap();
    assert_eq!(odd.shipment.id.as_str(), LEAD);
    assert_eq!(odd.shipment.tracking_numbers().collect::<Vec<_>>(), [LEAD]);
    assert_eq!((odd.shipment.cost, odd.labels.len()), (None, 0));
    let bare = bought("ship/answer-only-tracking-numbers").unwrap();
    assert_eq!(bare.shipment.id.as_str(), LEAD);
    assert_eq!(bare.shipment.tracking_numbers().count(), 2);
}

#[test]
fn an_answer_without_a_shipment_is_no_purchase() {
    assert_eq!(bought("ship/answer-without-identifier"), None);
    assert_eq!(bought("error/wrapped"), None);
    assert_eq!(convert::purchased(b"<html>", &json!({})), None);
}

// ---- prices ------------------------------------------------------------------------------------------------------

fn offered(name: &str) -> Result<Vec<Offer>, CallError> {
    convert::offers(&answer(200, &fixture(name)))
}

/// P13: of five offers the cheapest that arrives in time is chosen, at the account's own price.
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
            ("03", dec!(9.94), Some(date(2026, 11, 27))),
            ("12", dec!(14.70), Some(date(2026, 11, 25))),
            ("02", dec!(21.35), Some(date(2026, 11, 24))),
            ("13", dec!(36.47), Some(date(2026, 11, 23))),
            ("01", dec!(42.00), Some(date(2026, 11, 23))),
        ]
    );
    assert!(offers.iter().all(|offer| offer.negotiated));
    assert_eq!(offers[1].name, "UPS 3 Day Select");
    let choose = |choice| {
        let policy = ServicePolicy {
            allowed: Vec::new(),
            choice,
            by_ship_method: Default::default(),
        };
        policy.choose(&offers, &[], date(2026, 11, 20)).unwrap().service
    };
    assert_eq!(choose(Choice::Cheapest), "03");
    assert_eq!(choose(Choice::CheapestBy { days: 5 }), "12");
    assert_eq!(choose(Choice::Fastest), "13");
}

#[test]
fn a_single_offer_as_an_object_with_numbers_is_read_at_the_published_price() {
    let offers = offered("rate/answer-collapsed-numbers").unwrap();
    let expected = Offer {
        service: "03".into(),
        name: "UPS Ground".into(),
        cost: Money::new(dec!(14.2), "USD"),
        negotiated: false,
        arrives: Some(date(2026, 11, 27)),
    };
    assert_eq!(offers, [expected]);
}

#[test]
fn an_offer_without_service_or_price_is_left_out_and_an_unknown_service_keeps_its_code() {
    let offers = offered("rate/answer-one-unreadable").unwrap();
    assert_eq!(offers.len(), 1);
    assert_eq!(
        (offers[0].name.as_str(), offers[0].arrives),
        ("UPS service 99", Some(date(2026, 11, 24)))
    );
    assert!(matches!(offered("error/wrapped"), Err(CallError::Later(_))));
}

// ---- addresses ---------------------------------------------------------------------------------------------------

fn verdict(status: u16, name: &str) -> AddressVerdict {
    convert::verdict(&buyer(), called(status, name)).unwrap()
}

fn corrected(name: &str) -> (Address, Correction) {
    match verdict(200, name) {
        AddressVerdict::Corrected {
            address, correction, ..
        } => (address, correction),
        other => panic!("{other:?}"),
    }
}

/// P12: an address is valid only as it stands; what UPS writes differently is reported, with how much differs.
#[test]
fn valid_means_as_it_stands_and_a_correction_says_how_much_it_changes() {
    assert_eq!(
        verdict(200, "validate/answer-valid"),
        AddressVerdict::Valid {
            residential: Some(true)
        }
    );
    assert_eq!(
        verdict(200, "validate/answer-collapsed"),
        AddressVerdict::Valid {
            residential: Some(false)
        }
    );
    let (address, correction) = corrected("validate/answer-formatting");
    assert_eq!(correction, Correction::Formatting);
    assert_eq!(address.lines, ["77 PEACHTREE WALK STE 4"]);
    assert_eq!(address.postal_code.as_deref(), Some("30309-1299"));
    assert_eq!(
        (address.name, address.phone, address.attention),
        (buyer().name, buyer().phone, buyer().attention)
    );
    assert_eq!(corrected("validate/answer-substance").1, Correction::Substance);
}

/// P12: a suite that UPS loses is never lost silently.
#[test]
fn a_lost_suite_is_a_correction_of_substance() {
    assert_eq!(corrected("validate/answer-suite-lost").1, Correction::Substance);
}

/// P12: several candidates and none are both reasons for a person to look.
#[test]
fn ambiguous_and_unknown_addresses_are_reported_with_their_candidates() {
    let AddressVerdict::Ambiguous { candidates } = verdict(200, "validate/answer-ambiguous") else {
        panic!()
    };
    let lines: Vec<_> = candidates.iter().map(|candidate| candidate.lines[0].as_str()).collect();
    assert_eq!(lines, ["77 N PEACHTREE WALK", "77 S PEACHTREE WALK"]);
    assert_eq!(
        candidates
            .iter()
            .map(|candidate| candidate.residential)
            .collect::<Vec<_>>(),
        [None, Some(false)]
    );
    assert_eq!(verdict(200, "validate/answer-none"), AddressVerdict::NotFound);
}

#[test]
fn an_unsupported_country_is_not_covered_and_an_unreadable_verdict_is_none() {
    assert_eq!(verdict(400, "validate/refused-country"), AddressVerdict::NotCovered);
    assert!(matches!(
        convert::verdict(&buyer(), called(400, "error/wrapped")),
        Err(CallError::Refused(_))
    ));
    let unreadable = convert::verdict(&buyer(), called(200, "validate/answer-without-indicator"));
    assert!(matches!(unreadable, Err(CallError::Later(_))));
    assert!(!convert::covers("CA") && convert::covers("PR"));
}

// ---- look-ups ----------------------------------------------------------------------------------------------------

fn recovered(status: u16, name: &str) -> Option<Recovery> {
    convert::recovery(called(status, name)).ok()
}

#[test]
fn label_recovery_says_which_shipment_several_none_or_not_yet() {
    let whole = Recovered {
        id: LEAD.into(),
        numbers: vec![LEAD.into(), SECOND.into()],
    };
    assert_eq!(
        recovered(200, "recover/answer-two-parcels"),
        Some(Recovery::Shipment(whole))
    );
    let single = Recovered {
        id: LEAD.into(),
        numbers: vec![LEAD.into()],
    };
    assert_eq!(
        recovered(200, "recover/answer-collapsed"),
        Some(Recovery::Shipment(single))
    );
    let candidates = vec![SECOND.to_owned(), "1ZA1B2C30300000044".to_owned()];
    assert_eq!(
        recovered(200, "recover/answer-candidates"),
        Some(Recovery::Candidates(candidates))
    );
    assert_eq!(recovered(400, "recover/refused-absent"), Some(Recovery::Absent));
    assert_eq!(recovered(400, "recover/refused-voided"), Some(Recovery::Voided));
    assert!(matches!(
        recovered(400, "recover/refused-delivered"),
        Some(Recovery::Exists(_))
    ));
    for unclear in [
        "recover/refused-transient",
        "recover/refused-not-processed",
        "error/wrapped",
    ] {
        assert_eq!(recovered(400, unclear), None, "{unclear}");
    }
    assert_eq!(recovered(200, "error/wrapped"), None);
}

fn tracked(status: u16, name: &str) -> Option<Vec<Tracked>> {
    let answer = answer(status, &fixture(name));
    convert::tracked(read(Ok(answer), convert::track_envelope)).ok()
}

#[test]
fn tracking_says_which_parcels_whether_they_are_voided_or_that_there_are_none() {
    let shown = |alive: &[&str], voided: &[&str]| {
        let numbers = |numbers: &[&str]| numbers.iter().map(|number| (*number).to_owned()).collect();
        Some(vec![Tracked {
            alive: numbers(alive),
            voided: numbers(voided),
        }])
    };
    assert_eq!(tracked(200, "track/answer-two-parcels"), shown(&[SECOND, LEAD], &[]));
    assert_eq!(tracked(200, "track/answer-voided"), shown(&[], &[LEAD]));
    assert_eq!(tracked(200, "track/answer-voided-number"), shown(&[], &[LEAD]));
    assert_eq!(tracked(200, "track/answer-voided-in-part"), shown(&[SECOND], &[LEAD]));
    assert_eq!(tracked(200, "track/answer-not-found"), Some(Vec::new()));
    assert_eq!(tracked(404, "track/refused-not-found"), Some(Vec::new()));
    assert_eq!(tracked(400, "track/refused-other"), None);
    assert_eq!(tracked(200, "error/empty"), None);
    let bare = Answer {
        status: 404,
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    assert_eq!(
        convert::tracked(read(Ok(bare), convert::track_envelope)),
        Ok(Vec::new())
    );
    let page = Answer {
        status: 404,
        headers: HeaderMap::new(),
        body: Bytes::from("<html>no such page</html>"),
    };
    assert!(convert::tracked(read(Ok(page), convert::track_envelope)).is_err());
}

#[test]
fn a_label_may_come_later_or_be_gone() {
    let pictures = |status, name| convert::pictures(called(status, name), LabelFormat::Zpl);
    let labels = pictures(200, "recover/answer-collapsed").unwrap();
    assert_eq!(
        (labels[0].tracking_number.as_deref(), labels[0].format),
        (Some(LEAD), LabelFormat::Zpl)
    );
    for later in [
        "recover/refused-transient",
        "recover/refused-absent",
        "recover/refused-not-processed",
    ] {
        assert!(matches!(pictures(400, later), Err(LabelError::Later(_))), "{later}");
    }
    for gone in [
        "recover/refused-delivered",
        "recover/refused-expired",
        "recover/refused-voided",
    ] {
        assert!(matches!(pictures(400, gone), Err(LabelError::Gone(_))), "{gone}");
    }
}

// ---- voids -------------------------------------------------------------------------------------------------------

#[test]
fn a_void_is_judged_by_its_summary_and_every_package() {
    let voided = |status, name| convert::voided(called(status, name));
    assert_eq!(voided(200, "void/answer-voided"), Ok(()));
    assert_eq!(voided(200, "void/answer-junk"), Ok(()));
    assert_eq!(voided(400, "void/refused-already"), Ok(()));
    let Err(VoidError::Refused(partial)) = voided(200, "void/answer-partial") else {
        panic!()
    };
    assert!(
        partial.message.contains(SECOND) && !partial.message.contains(LEAD),
        "{partial}"
    );
    assert!(matches!(
        voided(200, "void/answer-not-voided"),
        Err(VoidError::Refused(_))
    ));
    assert!(matches!(voided(400, "void/refused-period"), Err(VoidError::Refused(_))));
    assert!(matches!(
        voided(400, "void/refused-transient"),
        Err(VoidError::Later(_))
    ));
    assert!(matches!(voided(200, "error/empty"), Err(VoidError::Later(_))));
}

// ---- errors ------------------------------------------------------------------------------------------------------

#[test]
fn every_form_of_the_envelope_is_the_same_error() {
    let expected = VendorError {
        refusal: Refusal::new("120100", "Missing or invalid shipper number"),
        transient: false,
    };
    for name in ["error/wrapped", "error/bare", "error/fault", "error/old"] {
        assert_eq!(
            convert::envelope(&answer(400, &fixture(name))),
            Some(expected.clone()),
            "{name}"
        );
    }
    assert_eq!(convert::envelope(&answer(400, &fixture("error/empty"))), None);
    assert_eq!(
        convert::envelope(&answer(200, &fixture("ship/answer-two-parcels"))),
        None
    );
}

/// Only an envelope with a final code says that nothing was bought.
#[test]
fn a_purchase_is_rejected_not_sent_or_unknown() {
    let outcome = |status, name: &str| effect(Ok(answer(status, &fixture(name))), convert::envelope).unwrap_err();
    let EffectError::Rejected(refusal) = outcome(400, "error/several") else {
        panic!()
    };
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("120202", "First (120202); Second (120205)")
    );
    assert!(matches!(
        outcome(400, "error/several-with-transient"),
        EffectError::Unknown(_)
    ));
    assert!(matches!(outcome(400, "error/empty"), EffectError::Unknown(_)));
    assert!(matches!(outcome(500, "error/wrapped"), EffectError::Unknown(_)));
    assert!(
        matches!(outcome(429, "token/refused-quota"), EffectError::NotSent(later) if later.obstacle == Obstacle::Limited)
    );
    let lost = effect(Err(Lost::Unknown("no answer in time".into())), convert::envelope);
    assert!(matches!(lost, Err(EffectError::Unknown(_))));
}
