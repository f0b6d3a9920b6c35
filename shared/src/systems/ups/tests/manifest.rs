//! Quantum View as the carrier's own list: what is asked, and what its answers say in whatever shape they come.

use std::time::Duration;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::stub::{Noon, Stub};
use super::{fixture, reference};
use crate::domain::{CarrierShipmentId, ListEntry, Stretch};
use crate::ports::{CallError, Carrier, Clock, ListPage, Obstacle};

const LEAD: &str = "1ZA1B2C30300000017";
const SECOND: &str = "1ZA1B2C30300000026";

fn stretch() -> Stretch {
    let time = |text: &str| -> Timestamp { text.parse().unwrap() };
    Stretch {
        from: time("2026-03-01T12:00:00Z"),
        to: time("2026-03-07T18:00:00Z"),
    }
}

/// Asks for a page and answers with a fixture; the requests that were made beside the token's.
async fn listed(name: &'static str, page: Option<&str>) -> (Result<ListPage, CallError>, Stub) {
    let stub = Stub::new(move |asked| {
        let token = asked.line.contains("/oauth/");
        let name = if token { "token/answer-texts" } else { name };
        (200, fixture(name).to_string())
    })
    .await;
    let ups = stub.ups(json!({ "quantum_view": "Outbound" }));
    (ups.list(stretch(), page).await, stub)
}

/// P18: always with an explicit range, so that files that were read before are told again; the bookmark stands beside the
/// original request.
#[tokio::test]
async fn a_page_is_asked_for_by_range_and_bookmark() {
    let (page, stub) = listed("quantum-view/answer-page", Some("cGFnZSAx")).await;
    assert_eq!(page.unwrap().next.as_deref(), Some("cGFnZSAy"));
    let asked = stub.asked();
    let asked = asked.last().unwrap();
    assert_eq!(asked.line, "POST /api/quantumview/v3/events");
    assert_eq!(asked.json(), fixture("quantum-view/request"));
}

/// P18: shipments with their parcels, shipments that are not ours, and notices of void; everything else is passed over.
#[tokio::test]
async fn a_page_is_what_was_sold_and_what_was_voided() {
    let (page, _) = listed("quantum-view/answer-page", None).await;
    let sold = ListEntry {
        reference: Some(reference()),
        shipment: Some(CarrierShipmentId::new(LEAD)),
        tracking_numbers: vec![LEAD.to_owned(), SECOND.to_owned()],
        on: Some(date(2026, 3, 2)),
        voided: false,
    };
    let foreign = ListEntry {
        reference: None,
        shipment: None,
        tracking_numbers: vec!["1ZA1B2C30300000035".to_owned()],
        on: Some(date(2026, 3, 3)),
        voided: false,
    };
    let voided = ListEntry {
        reference: Some(reference()),
        shipment: None,
        tracking_numbers: vec![SECOND.to_owned()],
        on: Some(date(2026, 3, 4)),
        voided: true,
    };
    assert_eq!(page.unwrap().entries, [sold, foreign, voided]);
}

/// P18: scans, exceptions, deliveries and notices of every kind say that something happened, known by their time however
/// often the list is read; what was sold does not.
#[tokio::test]
async fn a_page_says_of_which_parcels_there_are_news() {
    let (page, _) = listed("quantum-view/answer-news", None).await;
    let moved: Vec<(String, String)> = page
        .unwrap()
        .moved
        .into_iter()
        .map(|one| (one.number, one.hint))
        .collect();
    let news = |number: &str, hint: &str| (number.to_owned(), hint.to_owned());
    assert_eq!(
        moved,
        [
            news(LEAD, "20260302181500 origin"),
            news(LEAD, "20260304091000 exception 48"),
            news(LEAD, "20260304063000 exception X1"),
            news(LEAD, "20260305103000 delivery"),
            news(SECOND, "20260304063000 generic OD"),
            news(SECOND, "20260304090000 generic UD"),
            news(SECOND, "20260304085959 generic VM"),
        ]
    );
    let (page, _) = listed("quantum-view/answer-page", None).await;
    let hints: Vec<String> = page.unwrap().moved.into_iter().map(|one| one.hint).collect();
    assert_eq!(
        hints,
        [
            "20260302181500 origin",
            "20260304085959 generic VM",
            "20260304090000 generic OD",
            "20260304090000 generic ZZ"
        ],
        "without a time of its own it has that of its file"
    );
}

#[tokio::test]
async fn lists_of_one_numbers_and_blanks_are_read_alike() {
    let (page, _) = listed("quantum-view/answer-collapsed", None).await;
    let page = page.unwrap();
    assert_eq!(page.next, None, "a blank bookmark is none");
    let [entry] = page.entries.as_slice() else {
        panic!("{page:?}")
    };
    assert_eq!(entry.reference, Some(reference()));
    assert_eq!(
        (entry.tracking_numbers.as_slice(), entry.on),
        ([LEAD.to_owned()].as_slice(), Some(date(2026, 3, 3)))
    );
    let (nothing, _) = listed("quantum-view/answer-nothing", None).await;
    assert_eq!(nothing.unwrap(), ListPage::default());
}

/// Failures come with HTTP 200: they must not pass for an empty list.
#[tokio::test]
async fn a_failure_inside_a_success_is_no_empty_list() {
    let (refused, _) = listed("quantum-view/refused-name", None).await;
    assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.code == "330029"));
    let (busy, _) = listed("quantum-view/refused-transient", None).await;
    let Err(CallError::Later(later)) = busy else {
        panic!("{busy:?}")
    };
    assert_eq!(later.after, Some(Duration::from_secs(90)));
    let (foreign, _) = listed("void/answer-voided", None).await;
    assert!(matches!(foreign, Err(CallError::Later(_))), "{foreign:?}");
}

/// A bookmark that leads to itself would be followed for ever.
#[tokio::test]
async fn the_same_bookmark_again_is_an_error() {
    let (page, _) = listed("quantum-view/answer-page", Some("cGFnZSAy")).await;
    assert!(matches!(page, Err(CallError::Later(later)) if later.obstacle == Obstacle::Unreachable));
}

#[tokio::test]
async fn without_a_subscription_it_says_how_to_turn_the_list_on() {
    let stub = Stub::new(|_| (500, String::new())).await;
    let ups = stub.ups(json!({}));
    let why = ups.listing().unwrap_err();
    assert!(why.contains("quantum_view"), "{why}");
    let to = Noon.now();
    let from = to - SignedDuration::from_hours(1);
    assert!(matches!(
        ups.list(Stretch { from, to }, None).await,
        Err(CallError::Refused(_))
    ));
    assert!(stub.asked().is_empty());
    let reach = stub.ups(json!({ "quantum_view": "Outbound" })).listing().unwrap();
    assert!(reach.reach <= SignedDuration::from_hours(7 * 24) && reach.longest <= reach.reach);
}
