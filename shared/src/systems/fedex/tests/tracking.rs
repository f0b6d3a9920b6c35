//! Track by number: what its answers tell of parcels, in whatever shape they come, and how many calls that takes.

use jiff::Timestamp;
use jiff::civil::{date, time};
use serde_json::Value;

use super::stub::Stub;
use super::tracker::{ONE, THREE, TWO, fixture, track};
use crate::domain::{Estimate, Meaning, Milestone, Pace, TrackingEvent, fold};
use crate::ports::{Asked, CallError, Carrier, News, Obstacle};
use crate::systems::fedex::FedEx;

type Told = Result<Option<News>, CallError>;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A parcel that was shipped on the 18th.
fn lately(number: &str) -> Asked<'_> {
    Asked {
        number,
        shipped: at("2026-11-18T15:00:00Z"),
    }
}

/// Asks for the first parcel and answers with a fixture.
async fn told(status: u16, name: &'static str) -> Told {
    answered(status, fixture(name).to_string()).await
}

async fn answered(status: u16, body: String) -> Told {
    let (fedex, _stub) = track(move |_| (status, body.clone())).await;
    fedex.track_many(&[lately(ONE)]).await.remove(0)
}

async fn news(name: &'static str) -> News {
    told(200, name).await.unwrap().unwrap()
}

/// What an event says: when, what, and the carrier's codes.
fn said(event: &TrackingEvent) -> (String, Option<Milestone>, String) {
    let milestone = match event.meaning {
        Meaning::Reached(milestone) => Some(milestone),
        Meaning::Told | Meaning::Unknown => None,
    };
    (event.at.to_string(), milestone, event.code.to_string())
}

/// P64: every scan in UTC, with its place and what was wrong, and who signed.
#[tokio::test]
async fn every_scan_becomes_an_event() {
    let news = news("track/answer-delivered").await;
    let said: Vec<_> = news.events.iter().map(said).collect();
    let event = |at: &str, milestone, code: &str| (at.to_owned(), Some(milestone), code.to_owned());
    assert_eq!(
        said,
        [
            event("2026-11-20T21:30:00Z", Milestone::Delivered, "-/DL/DL"),
            event("2026-11-20T13:30:15Z", Milestone::OutForDelivery, "-/OD/IT"),
            event("2026-11-20T02:10:00Z", Milestone::Exception, "-/SE/SE"),
            event("2026-11-19T07:47:00Z", Milestone::InTransit, "-/AR/IT"),
            event("2026-11-18T23:15:00Z", Milestone::PickedUp, "-/PU/PU"),
            event("2026-11-18T18:00:00Z", Milestone::LabelCreated, "-/OC/IN"),
        ]
    );
    assert_eq!(
        (news.untimed, news.estimate),
        (0, None),
        "it is there: no day is expected"
    );
    let spots: Vec<_> = news.events.iter().map(|event| event.spot.words()).collect();
    assert_eq!(spots[0].as_deref(), Some("ATLANTA, GA, US"));
    assert_eq!(spots[5].as_deref(), Some("US"));
    assert_eq!(
        news.events[2].description.as_deref(),
        Some("Shipment exception: Weather on the way")
    );
    let signed: Vec<_> = news.events.iter().map(|event| event.signed_by.as_deref()).collect();
    assert_eq!(signed, [Some("SMITH"), None, None, None, None, None]);
    let progress = fold(&news.events).unwrap();
    assert_eq!(
        (progress.milestone, progress.signed_by.as_deref()),
        (Milestone::Delivered, Some("SMITH"))
    );
}

/// A name that only the receiving desk gave counts where nobody signed.
#[tokio::test]
async fn whoever_received_it_is_named_where_nobody_signed() {
    let mut answer = fixture("track/answer-delivered");
    let result = answer
        .pointer_mut("/output/completeTrackResults/0/trackResults/0/deliveryDetails/signedByName")
        .unwrap();
    *result = " ".into();
    let news = answered(200, answer.to_string()).await.unwrap().unwrap();
    assert_eq!(news.events[0].signed_by.as_deref(), Some("FRONT DESK"));
}

/// P64: codes that are not known are kept as they are and move nothing; what comes as one, as a number or as a blank is
/// read.
#[tokio::test]
async fn lists_of_one_numbers_and_unknown_codes_are_read() {
    let news = news("track/answer-collapsed").await;
    let said: Vec<_> = news.events.iter().map(said).collect();
    let event = |at: &str, milestone, code: &str| (at.to_owned(), milestone, code.to_owned());
    assert_eq!(
        said,
        [
            event("2026-11-19T09:00:00Z", Some(Milestone::InTransit), "-/Ow/IT"),
            event("2026-11-19T10:00:00Z", None, "-/Q7/-"),
        ]
    );
    assert_eq!(news.events[1].meaning, Meaning::Unknown);
    assert_eq!(fold(&news.events).unwrap().milestone, Milestone::InTransit);
    assert_eq!(
        news.estimate,
        Some(Estimate {
            date: date(2026, 11, 21),
            until: Some(time(17, 0, 0, 0)),
        }),
        "what the service promises, where nothing else is told"
    );
}

/// P64: a time without its offset is no moment, unless the same event is told with it.
#[tokio::test]
async fn times_without_an_offset_count_only_where_the_offset_is_told_elsewhere() {
    let news = news("track/answer-untimed").await;
    let said: Vec<_> = news.events.iter().map(said).collect();
    let event = |at: &str, milestone, code: &str| (at.to_owned(), Some(milestone), code.to_owned());
    assert_eq!(
        said,
        [
            event("2026-11-20T21:30:00Z", Milestone::Delivered, "-/DL/DL"),
            event("2026-11-19T07:47:00Z", Milestone::InTransit, "-/AR/IT"),
        ],
        "the delivery by its date beside the scans, the arrival by its twin"
    );
    assert_eq!(news.untimed, 2, "out for delivery, and the one without any time");
}

/// A delivery and the scan before it, without their offsets and without a date beside the scans; the answer, changed.
async fn untimed(change: impl Fn(&mut Value)) -> News {
    let mut answer = fixture("track/answer-delivered");
    let result = answer
        .pointer_mut("/output/completeTrackResults/0/trackResults/0")
        .unwrap();
    result["dateAndTimes"] = Value::Array(Vec::new());
    for scan in result["scanEvents"].as_array_mut().unwrap() {
        change(scan);
    }
    answered(200, answer.to_string()).await.unwrap().unwrap()
}

fn without_offset(scan: &mut Value) {
    let local: String = scan["date"].as_str().unwrap().chars().take(19).collect();
    scan["date"] = local.into();
}

/// P64, P66: a time without its offset is read by the clock that another scan of the same place tells.
#[tokio::test]
async fn the_clock_of_a_place_is_told_by_its_other_scans() {
    let news = untimed(|scan| {
        if scan["eventType"] == "DL" {
            without_offset(scan);
        }
    })
    .await;
    let delivered = fold(&news.events).unwrap();
    assert_eq!(
        (delivered.milestone, delivered.at, news.untimed),
        (Milestone::Delivered, at("2026-11-20T21:30:00Z"), 0)
    );
    let of_another_place = untimed(|scan| {
        if scan["eventType"] == "OD" {
            without_offset(scan);
            scan["scanLocation"]["city"] = "MACON".into();
        }
    });
    assert_eq!(of_another_place.await.untimed, 1, "a state may have several clocks");
}

/// P64, P66: that a parcel has arrived is shown though nothing tells when: it was after everything that came before.
#[tokio::test]
async fn a_delivery_without_a_moment_is_a_delivery() {
    let news = untimed(|scan| {
        if scan["scanLocation"]["city"] == "ATLANTA" {
            without_offset(scan);
        }
    })
    .await;
    let delivered = fold(&news.events).unwrap();
    assert_eq!(
        (delivered.milestone, delivered.at, news.untimed),
        (Milestone::Delivered, at("2026-11-20T02:10:01Z"), 1),
        "out for delivery is no moment"
    );
    let day = untimed(|scan| {
        if scan["eventType"] == "DL" {
            scan["date"] = "2026-11-20".into();
        }
    });
    let day = fold(&day.await.events).unwrap();
    assert_eq!(
        (day.milestone, day.at),
        (Milestone::Delivered, at("2026-11-20T02:10:01Z")),
        "a day has no clock"
    );
    let nowhere = untimed(without_offset).await;
    assert_eq!((nowhere.events.len(), nowhere.untimed), (0, 6), "nothing is certain");
}

/// P64: of parcels that went by the same number the one counts that was shipped when ours was.
#[tokio::test]
async fn a_number_that_was_given_before_tells_of_ours_only() {
    let news = news("track/answer-recycled").await;
    assert_eq!(fold(&news.events).unwrap().milestone, Milestone::PickedUp);
    assert_eq!(
        told(200, "track/answer-former-life").await,
        Ok(None),
        "ours is not known yet, and the former one is no news of it"
    );
}

/// What is delivered after it was sent back is back, whatever FedEx calls that.
#[tokio::test]
async fn a_delivery_after_the_return_is_the_return() {
    let news = news("track/answer-returned").await;
    let progress = fold(&news.events).unwrap();
    assert_eq!(progress.milestone, Milestone::Returned);
    assert_eq!(fold(&news.events[1..]).unwrap().milestone, Milestone::Returning);
}

/// A scan without its offset is no moment, but it says that the parcel goes back: nobody is told that it has arrived.
#[tokio::test]
async fn a_delivery_after_an_untimed_return_is_the_return() {
    let milestone = |back: &'static str, delivered: &'static str| async move {
        let mut answer = fixture("track/answer-returned");
        let scans = answer
            .pointer_mut("/output/completeTrackResults/0/trackResults/0/scanEvents")
            .and_then(Value::as_array_mut)
            .unwrap();
        for scan in scans {
            match scan["eventType"].as_str() {
                Some("RS") => {
                    scan["date"] = back.into();
                    scan["scanLocation"]["city"] = "NOWHERE ELSE".into();
                }
                Some("DL") => scan["date"] = delivered.into(),
                _ => {}
            }
        }
        let news = answered(200, answer.to_string()).await.unwrap().unwrap();
        (fold(&news.events).unwrap().milestone, news.untimed)
    };
    let (untimed, late) = ("2026-11-19T21:10:00", "2026-11-20T16:30:00-05:00");
    assert_eq!(milestone(untimed, late).await, (Milestone::Returned, 1));
    assert_eq!(
        milestone("2026-11-19", late).await,
        (Milestone::Returned, 1),
        "a day alone"
    );
    assert_eq!(
        milestone("2026-11-19T21:10:00-05:00", late).await,
        (Milestone::Returned, 0)
    );
    let early = "2026-11-19T08:00:00-05:00";
    assert_eq!(
        milestone(untimed, early).await,
        (Milestone::Delivered, 1),
        "it was there before"
    );
}

#[tokio::test]
async fn a_cancelled_label_is_void() {
    let news = news("track/answer-cancelled").await;
    assert_eq!(fold(&news.events).unwrap().milestone, Milestone::Voided);
    assert_eq!(news.estimate, None);
}

/// P64: a number that is not known is nothing, also inside a 200.
#[tokio::test]
async fn not_found_is_nothing() {
    assert_eq!(told(200, "track/answer-not-found").await, Ok(None));
    let alone = r#"{"output":{"completeTrackResults":[],"alerts":[{"code":"TRACKING.DATA.NOTFOUND"}]}}"#;
    assert_eq!(answered(200, alone.to_owned()).await, Ok(None));
}

#[tokio::test]
async fn what_is_no_answer_is_no_absence() {
    for (status, body) in [
        (200, "<html>"),
        (200, "{}"),
        (200, r#"{"output":{}}"#),
        (
            200,
            r#"{"output":{"completeTrackResults":[{"trackingNumber":"1","trackResults":[{}]}]}}"#,
        ),
        (
            503,
            r#"{"errors":[{"code":"SERVICE.UNAVAILABLE.ERROR","message":"not now"}]}"#,
        ),
        (
            400,
            r#"{"errors":[{"code":"SYSTEM.UNEXPECTED.ERROR","message":"not now"}]}"#,
        ),
        (404, "<html>"),
    ] {
        let failed = answered(status, body.to_owned()).await;
        assert!(
            matches!(failed, Err(CallError::Later(_))),
            "{status} {body}: {failed:?}"
        );
    }
    let busy = answered(429, String::new()).await;
    assert!(matches!(busy, Err(CallError::Later(later)) if later.obstacle == Obstacle::Limited));
}

/// P64: who may not ask is told nothing of any parcel: each waits, and none is taken for one that FedEx does not know.
#[tokio::test]
async fn a_refusal_that_is_about_no_number_says_nothing_of_a_parcel() {
    let inside = r#"{"output":{"completeTrackResults":[{"trackingNumber":"794953535000","trackResults":[
        {"trackingNumberInfo":{"trackingNumber":"794953535000"},"error":{"code":"FORBIDDEN.ERROR","message":"no"}}]}]}}"#;
    let odd = r#"{"errors":[{"code":"BAD.REQUEST.ERROR","message":"The request is invalid"}]}"#;
    for (status, body) in [
        (403, fixture("track/refused-other").to_string()),
        (400, odd.to_owned()),
        (200, inside.to_owned()),
    ] {
        match answered(status, body).await {
            Err(CallError::Later(later)) => assert_eq!(later.obstacle, Obstacle::Unauthorised, "{status} {later}"),
            other => panic!("{status}: {other:?}"),
        }
    }
    let unknown = fixture("track-reference/refused-not-found").to_string();
    assert_eq!(
        answered(404, unknown).await,
        Ok(None),
        "not found is nothing, whatever the status"
    );
}

/// What became of each of three parcels that were asked for together.
async fn three(stub: (FedEx, Stub)) -> (Vec<Told>, Vec<Value>) {
    let (fedex, stub) = stub;
    let asked = [
        lately(ONE),
        Asked {
            number: TWO,
            shipped: at("2026-09-01T00:00:00Z"),
        },
        lately(THREE),
    ];
    let told = fedex.track_many(&asked).await;
    let questions = stub.questions();
    assert!(
        questions
            .iter()
            .all(|asked| asked.line == "POST /track/v1/trackingnumbers"),
        "{questions:?}"
    );
    (told, questions.iter().map(|asked| asked.json()).collect())
}

/// P64: several numbers in one call, each with the days around its shipping, and each told by itself, in whatever order
/// FedEx answers.
#[tokio::test]
async fn several_are_asked_for_in_one_call() {
    let (told, questions) = three(track(|_| (200, fixture("track/answer-three").to_string())).await).await;
    assert_eq!(questions, [fixture("track/request")]);
    let milestone = |told: &Told| Some(fold(&told.as_ref().ok()?.as_ref()?.events)?.milestone);
    let milestones: Vec<_> = told.iter().map(milestone).collect();
    assert_eq!(
        milestones,
        [Some(Milestone::Delivered), None, Some(Milestone::PickedUp)]
    );
    assert_eq!(told[1], Ok(None));
}

/// P64: one number that FedEx refuses with the whole question does not harm the others; what befalls all is told of
/// each, once.
#[tokio::test]
async fn one_refused_number_does_not_harm_the_others() {
    let picky = track(|asked| {
        if asked.body.contains(TWO) {
            (400, fixture("track/refused-number").to_string())
        } else {
            (200, fixture("track/answer-three").to_string())
        }
    });
    let (told, questions) = three(picky.await).await;
    assert!(told[0].as_ref().is_ok_and(Option::is_some) && told[2].as_ref().is_ok_and(Option::is_some));
    assert!(
        matches!(&told[1], Err(CallError::Refused(refusal)) if refusal.code == "TRACKINGNUMBER.ENTERED.INVALID"),
        "{:?}",
        told[1]
    );
    assert_eq!(
        questions.len(),
        5,
        "three together, one alone, two together, and each of them alone"
    );

    let (told, questions) = three(track(|_| (403, fixture("track/refused-other").to_string())).await).await;
    assert!(told.iter().all(|one| matches!(one, Err(CallError::Later(_)))));
    assert_eq!(questions.len(), 1, "whoever may not ask is not asked for halves");
    let (told, questions) = three(track(|_| (503, String::new())).await).await;
    assert!(told.iter().all(|one| matches!(one, Err(CallError::Later(_)))));
    assert_eq!(questions.len(), 1);
}

/// P64: no call names more than thirty, and what cannot be a number is not asked for.
#[tokio::test]
async fn no_call_names_more_than_thirty() {
    let (fedex, stub) = track(|_| (200, fixture("track/answer-delivered").to_string())).await;
    let mut numbers: Vec<String> = (0..64).map(|own| format!("7949535360{own:02}")).collect();
    numbers.insert(7, "7949/../ship".to_owned());
    numbers.insert(40, String::new());
    numbers[20] = ONE.to_owned();
    let asked: Vec<Asked<'_>> = numbers.iter().map(|number| lately(number)).collect();
    let told = fedex.track_many(&asked).await;
    assert_eq!(told.len(), 66);
    assert!(told[20].as_ref().is_ok_and(Option::is_some));
    for (place, one) in told.iter().enumerate() {
        let expected = match place {
            7 | 40 => matches!(one, Err(CallError::Refused(_))),
            20 => matches!(one, Ok(Some(_))),
            _ => matches!(one, Err(CallError::Later(_))),
        };
        assert!(expected, "{place}: {one:?}");
    }
    let sizes: Vec<usize> = stub
        .questions()
        .iter()
        .map(|asked| asked.json()["trackingInfo"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [30, 30, 4]);
    assert_eq!((fedex.tracks_at_once(), fedex.pace()), (30, Pace::Steady));
}
