//! Track by number: what its answers tell of a parcel, in whatever shape they come.

use jiff::Timestamp;
use jiff::civil::{date, time};
use serde_json::json;

use super::fixture;
use super::stub::Stub;
use crate::domain::{Estimate, Meaning, Milestone, Progress, Spot, TrackingEvent, fold};
use crate::ports::{CallError, Carrier, News, Obstacle};

const LEAD: &str = "1ZA1B2C30300000017";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Asks for the lead parcel and answers with a fixture.
async fn tracked(status: u16, name: &'static str) -> (Result<Option<News>, CallError>, Stub) {
    answered(status, fixture(name).to_string()).await
}

async fn answered(status: u16, body: String) -> (Result<Option<News>, CallError>, Stub) {
    let stub = Stub::new(move |asked| match asked.line.contains("/oauth/") {
        true => (200, fixture("token/answer-texts").to_string()),
        false => (status, body.clone()),
    })
    .await;
    (stub.ups(json!({})).track(LEAD).await, stub)
}

async fn news(name: &'static str) -> News {
    tracked(200, name).await.0.unwrap().unwrap()
}

/// What an event says: when, what, and the carrier's codes.
fn said(event: &TrackingEvent) -> (String, Option<Milestone>, String) {
    let milestone = match event.meaning {
        Meaning::Reached(milestone) => Some(milestone),
        Meaning::Told | Meaning::Unknown => None,
    };
    (event.at.to_string(), milestone, event.code.to_string())
}

/// P16: every activity of this parcel in UTC, whichever way its time was written, and nothing of the shipment's others.
#[tokio::test]
async fn every_activity_of_the_parcel_becomes_an_event() {
    let news = news("track/answer-delivered").await;
    let said: Vec<_> = news.events.iter().map(said).collect();
    let event = |at: &str, milestone, code: &str| (at.to_owned(), Some(milestone), code.to_owned());
    assert_eq!(
        said,
        [
            event("2026-11-24T21:30:00Z", Milestone::Delivered, "D/F4/011"),
            event("2026-11-24T13:30:15Z", Milestone::OutForDelivery, "D/OT/021"),
            event("2026-11-24T07:47:00Z", Milestone::InTransit, "I/AR/005"),
            event("2026-11-24T04:00:00Z", Milestone::InTransit, "I/DP/005"),
            event("2026-11-23T23:15:00Z", Milestone::PickedUp, "I/OR/038"),
            event("2026-11-23T17:00:00Z", Milestone::LabelCreated, "M/MP/003"),
        ]
    );
    assert_eq!(
        (news.untimed, news.estimate),
        (0, None),
        "it is there: no day is expected"
    );
    let delivered = &news.events[0];
    assert_eq!(
        delivered.description.as_deref(),
        Some("DELIVERED"),
        "no trailing blanks"
    );
    assert_eq!(delivered.spot.words().as_deref(), Some("ATLANTA, GA, US"));
    assert_eq!(news.events[5].spot.words().as_deref(), Some("US"));
    let signed: Vec<_> = news.events.iter().map(|event| event.signed_by.as_deref()).collect();
    assert_eq!(signed, [Some("SMITH"), None, None, None, None, None]);
}

/// P16: the fold of what Track tells is where the parcel is, with who took it.
#[tokio::test]
async fn the_milestone_is_delivered_and_says_who_took_it() {
    let events = news("track/answer-delivered").await.events;
    assert_eq!(
        fold(&events),
        Some(Progress {
            milestone: Milestone::Delivered,
            at: at("2026-11-24T21:30:00Z"),
            spot: Spot {
                city: Some("ATLANTA".into()),
                state: Some("GA".into()),
                country: Some("US".into()),
            },
            signed_by: Some("SMITH".into()),
            estimate: None,
        })
    );
    assert_eq!(
        fold(&events[1..]).unwrap().milestone,
        Milestone::OutForDelivery,
        "type D"
    );
}

#[tokio::test]
async fn lists_of_one_numbers_blanks_and_small_letters_are_read_alike() {
    let news = news("track/answer-collapsed").await;
    let [event] = news.events.as_slice() else {
        panic!("{news:?}")
    };
    assert_eq!(
        said(event),
        (
            "2026-11-23T12:00:00Z".into(),
            Some(Milestone::InTransit),
            "I/DP/005".into()
        )
    );
    assert_eq!((&event.description, &event.spot), (&None, &Spot::default()));
    assert_eq!(
        news.estimate,
        Some(Estimate {
            date: date(2026, 11, 25),
            until: Some(time(17, 0, 0, 0)),
        }),
        "the later decision counts"
    );
}

/// P16: a time that cannot be placed moves nothing and is counted.
#[tokio::test]
async fn activities_without_a_time_are_counted_and_tell_nothing() {
    let news = news("track/answer-untimed").await;
    let said: Vec<_> = news.events.iter().map(said).collect();
    assert_eq!(said, [("2026-11-23T17:00:00Z".to_owned(), None, "-/-/-".to_owned())]);
    assert_eq!(news.events[0].meaning, Meaning::Unknown);
    assert_eq!((news.untimed, news.estimate), (2, None));
}

#[tokio::test]
async fn not_found_is_nothing_in_every_form() {
    for (status, name) in [
        (200, "track/answer-not-found"),
        (404, "track/refused-not-found"),
        (400, "track/refused-not-found"),
        (200, "track/answer-other-number"),
    ] {
        assert_eq!(tracked(status, name).await.0, Ok(None), "{status} {name}");
    }
    assert_eq!(answered(404, String::new()).await.0, Ok(None));
}

#[tokio::test]
async fn what_is_no_answer_is_no_absence() {
    let (refused, _) = tracked(400, "track/refused-other").await;
    assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.code == "TV1002"));
    for (status, body) in [
        (200, "<html>"),
        (200, "{}"),
        (404, "<html>"),
        (503, ""),
        (200, r#"{"trackResponse":{"shipment":[{}]}}"#),
    ] {
        let (failed, _) = answered(status, body.to_owned()).await;
        assert!(
            matches!(failed, Err(CallError::Later(_))),
            "{status} {body}: {failed:?}"
        );
    }
    let (busy, _) = answered(429, String::new()).await;
    assert!(matches!(busy, Err(CallError::Later(later)) if later.obstacle == Obstacle::Limited));
}

#[tokio::test]
async fn it_is_asked_for_what_happened_and_for_no_pictures() {
    let (_, stub) = tracked(200, "track/answer-delivered").await;
    let asked = stub.asked();
    let asked = asked.last().unwrap();
    assert_eq!(
        asked.line,
        "GET /api/track/v1/details/1ZA1B2C30300000017?locale=en_US&returnSignature=false&returnMilestones=false&returnPOD=false"
    );
    assert_eq!(asked.header("transactionsrc"), Some("waybill"));
    assert!(asked.header("transid").is_some());
}

#[tokio::test]
async fn what_cannot_be_a_number_is_not_asked_for() {
    let stub = Stub::new(|_| (500, String::new())).await;
    let ups = stub.ups(json!({}));
    for number in [
        "",
        "..",
        "1Z/../void",
        "1Z?x=1xxxx",
        "123456",
        "A23456789012345678901234567890123456",
        "1ZÄ123456",
    ] {
        let refused = ups.track(number).await;
        assert!(matches!(refused, Err(CallError::Refused(_))), "{number}: {refused:?}");
    }
    assert!(stub.asked().is_empty());
}
