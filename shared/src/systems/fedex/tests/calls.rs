//! The adapter over HTTP: paths, headers, tokens, and what becomes of a purchase that is made while we wait.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::stub::{Asked, Rings, Said, Stub};
use super::{buyer, domestic, fixture, rating, secret, two_secrets};
use crate::domain::{AddressVerdict, CarrierAccount, CarrierShipmentId, LabelFormat, ShipmentRequest, Stretch};
use crate::http::Call;
use crate::ports::{
    CallError, Carrier, Clock, EffectError, LabelError, Obstacle, Permit, Purchased, Recorder, VoidError,
};

const MASTER: &str = "794953530017";

pub(super) fn canned(status: u16, name: &str) -> Said {
    (status, fixture(name).to_string().into_bytes())
}

/// Answers token requests, and everything else by `answers`.
async fn stub(answers: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Stub {
    Stub::new(move |asked| match asked.line.as_str() {
        "POST /oauth/token" => canned(200, "token/answer"),
        _ => answers(asked),
    })
    .await
}

fn permit(stub: &Stub, seconds: i64) -> Permit {
    Permit {
        until: stub.clock.now() + SignedDuration::from_secs(seconds),
    }
}

async fn buy(stub: &Stub) -> Result<Purchased, EffectError> {
    buy_with(stub, &[1, 2, 4, 6, 7], 60).await
}

/// Buys under a permit of so many seconds, with these rests in milliseconds.
async fn buy_with(stub: &Stub, rests: &'static [u64], seconds: i64) -> Result<Purchased, EffectError> {
    let mut fedex = stub.fedex(json!({}));
    fedex.rests = rests;
    let draft = fedex.draft(&domestic()).unwrap();
    fedex.create(&draft, permit(stub, seconds)).await
}

/// P54, P63: one call with the drafted body; our name for it goes along, and FedEx's own comes back into the audit.
#[tokio::test]
async fn a_purchase_is_one_call_with_the_drafted_body_and_our_headers() {
    let stub = stub(|_| canned(200, "ship/answer-two-parcels")).await;
    let recorder = Recorder::default();
    let fedex = stub.fedex_with(json!({}), &secret(), recorder.clone(), Vec::new());
    let draft = fedex.draft(&domestic()).unwrap();
    assert_eq!(draft.operation, "fedex.ship");
    let bought = fedex.create(&draft, permit(&stub, 60)).await.unwrap();
    assert_eq!(bought.shipment.id.as_str(), MASTER);
    assert_eq!(stub.lines(), ["POST /ship/v1/shipments"]);
    let asked = stub.asked();
    let ship = asked.last().unwrap();
    assert_eq!(ship.json(), fixture("ship/request-domestic"));
    assert_eq!(ship.header("authorization"), Some("Bearer token-1"));
    assert_eq!(ship.header("x-locale"), Some("en_US"));
    let ours = ship.header("x-customer-transaction-id").unwrap().to_owned();
    assert!(
        ours.len() == 32 && ours.chars().all(|c| c.is_ascii_hexdigit()),
        "{ours}"
    );
    let exchanges = recorder.drain();
    let ids: Vec<_> = exchanges.last().unwrap().transaction_ids().cloned().collect();
    let theirs = "5f0c1a2e-7d7b-4c8e-9a55-0a1b2c3d4e5f";
    assert_eq!(
        ids,
        [
            ("x-customer-transaction-id".to_owned(), ours),
            ("transactionId".to_owned(), theirs.to_owned())
        ]
    );
}

/// P69: neither keys nor tokens are kept in what is recorded.
#[tokio::test]
async fn nothing_that_is_recorded_holds_a_credential() {
    let stub = stub(|_| canned(200, "rate/answer-five-services")).await;
    let recorder = Recorder::default();
    let fedex = stub.fedex_with(json!({}), &secret(), recorder.clone(), Vec::new());
    fedex.offers(&rating()).await.unwrap();
    let exchanges = recorder.drain();
    assert_eq!(exchanges.len(), 2);
    let kept = serde_json::to_string(&exchanges).unwrap();
    for hidden in ["l7-ship", "s3cret", "token-1"] {
        assert!(!kept.contains(hidden), "{hidden} is in {kept}");
    }
}

#[tokio::test]
async fn an_unreadable_success_is_unknown() {
    for body in ["<html>OK</html>", "{}", r#"{"output":{"transactionShipments":[{}]}}"#] {
        let stub = stub(move |_| (200, body.as_bytes().to_vec())).await;
        assert!(matches!(buy(&stub).await, Err(EffectError::Unknown(_))), "{body}");
        assert_eq!(stub.lines().len(), 1, "nothing is sent again");
    }
}

#[tokio::test]
async fn a_body_that_is_gzip_without_saying_so_is_a_purchase_all_the_same() {
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    let plain = fixture("ship/answer-two-parcels").to_string();
    zipped.write_all(plain.as_bytes()).unwrap();
    let zipped = zipped.finish().unwrap();
    let stub = stub(move |_| (200, zipped.clone())).await;
    assert_eq!(buy(&stub).await.unwrap().shipment.id.as_str(), MASTER);
}

/// P59: a token that has ended is renewed once, and the call is sent once more.
#[tokio::test]
async fn an_ended_token_is_renewed_once() {
    let first = AtomicUsize::new(0);
    let stub = stub(move |_| match first.fetch_add(1, Ordering::SeqCst) {
        0 => canned(401, "error/expired"),
        _ => canned(200, "ship/answer-two-parcels"),
    })
    .await;
    assert_eq!(buy(&stub).await.unwrap().shipment.id.as_str(), MASTER);
    let tokens: Vec<bool> = stub
        .asked()
        .iter()
        .map(|asked| asked.line == "POST /oauth/token")
        .collect();
    assert_eq!(tokens, [true, false, true, false]);
}

// ---- a shipment that is made while we wait -----------------------------------------------------------------------

fn results(asked: &Asked) -> bool {
    asked.line == "POST /ship/v1/shipments/results"
}

#[tokio::test]
async fn a_shipment_that_is_made_while_we_wait_is_asked_for_until_it_is_there() {
    let looks = AtomicUsize::new(0);
    let stub = stub(move |asked| match results(asked) {
        false => canned(200, "ship/answer-job"),
        true => match looks.fetch_add(1, Ordering::SeqCst) {
            0 => canned(400, "results/refused-too-early"),
            1 => canned(200, "results/answer-nothing-yet"),
            _ => canned(200, "ship/answer-two-parcels"),
        },
    })
    .await;
    assert_eq!(buy(&stub).await.unwrap().shipment.id.as_str(), MASTER);
    let asked = stub.asked();
    assert_eq!(asked.last().unwrap().json(), fixture("results/request"));
    assert_eq!(asked.iter().filter(|asked| results(asked)).count(), 3);
}

/// P63: what is not there in time is unknown, never bought again: the job's name is told.
#[tokio::test]
async fn a_shipment_that_is_not_there_in_time_is_unknown_and_named() {
    let stub = stub(|asked| match results(asked) {
        false => canned(200, "ship/answer-job"),
        true => canned(200, "results/answer-nothing-yet"),
    })
    .await;
    let Err(EffectError::Unknown(words)) = buy(&stub).await else {
        panic!("it may be made yet")
    };
    assert!(words.contains("89d0000233ae24ff31"), "{words}");
    assert_eq!(stub.lines().len(), 6, "one purchase and five looks");
    let short = buy_with(&stub, &[1, 2, 4_000], 8).await;
    assert!(matches!(short, Err(EffectError::Unknown(_))));
    assert_eq!(
        stub.lines().len(),
        9,
        "a rest that would outlive the permit is not begun"
    );
}

/// Some of the parcels of an answer, of three that were asked for.
fn some_of(places: &[usize]) -> Value {
    let mut answer = fixture("ship/answer-two-parcels");
    let mut third = answer["output"]["transactionShipments"][0]["pieceResponses"][0].clone();
    third["trackingNumber"] = "794953530039".into();
    third["packageSequenceNumber"] = 3.into();
    third["packageDocuments"][0]["trackingNumber"] = "794953530039".into();
    let pieces = answer["output"]["transactionShipments"][0]["pieceResponses"]
        .as_array_mut()
        .unwrap();
    pieces.sort_by_key(|piece| piece["packageSequenceNumber"].to_string());
    pieces.push(third);
    *pieces = places.iter().map(|place| pieces[*place].clone()).collect();
    answer
}

/// Which parcels each look tells of: all so far, or the new ones.
const GROWING: &[&[usize]] = &[&[0], &[0, 1], &[0, 1, 2]];
const NEW_ONES: &[&[usize]] = &[&[1], &[0], &[2]];

/// Buys three parcels; each look after the first answer tells of the next ones.
async fn buy_three(answers: &'static [&'static [usize]], job: Option<&'static str>) -> (Purchased, Vec<String>) {
    buy_three_with(answers, job, &[1, 2, 4, 6, 7]).await
}

/// The same with these rests in milliseconds, under a permit of eight seconds.
async fn buy_three_with(
    answers: &'static [&'static [usize]],
    job: Option<&'static str>,
    rests: &'static [u64],
) -> (Purchased, Vec<String>) {
    let looks = AtomicUsize::new(0);
    let stub = stub(move |_| {
        let look = looks.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let mut answer = some_of(answers[look]);
        if let (0, Some(job)) = (look, job) {
            answer["output"]["jobId"] = job.into();
        }
        (200, answer.to_string().into_bytes())
    })
    .await;
    let mut fedex = stub.fedex(json!({}));
    fedex.rests = rests;
    let wanted = ShipmentRequest {
        parcels: vec![domestic().parcels[0].clone(); 3],
        ..domestic()
    };
    let draft = fedex.draft(&wanted).unwrap();
    (fedex.create(&draft, permit(&stub, 8)).await.unwrap(), stub.lines())
}

fn told(bought: &Purchased) -> (Vec<&str>, usize) {
    let labels = bought.labels.iter().filter(|label| label.tracking_number.is_some());
    (bought.shipment.tracking_numbers().collect(), labels.count())
}

/// P63: FedEx may tell of some parcels while it makes the rest: it is asked on until all are told, whether each answer
/// tells of all or of the new ones.
#[tokio::test]
async fn parcels_that_are_made_one_after_another_are_waited_for() {
    let all = ["794953530017", "794953530028", "794953530039"];
    for answers in [GROWING, NEW_ONES] {
        let (bought, lines) = buy_three(answers, Some("89d0")).await;
        assert_eq!(told(&bought), (all.to_vec(), 3), "{answers:?}");
        assert_eq!(lines.len(), 3, "{answers:?}");
        assert!(!bought.shipment.remarks.iter().any(|remark| remark.contains("of the 3")));
    }
    let (bought, lines) = buy_three(&[&[0, 1, 2]], Some("89d0")).await;
    assert_eq!(
        (told(&bought), lines.len()),
        ((all.to_vec(), 3), 1),
        "nothing is missing"
    );
}

/// P63: what is told of a purchase is never lost, and labels of some parcels never pass for those of all: the order
/// would leave with a part of them.
#[tokio::test]
async fn a_purchase_that_is_told_in_part_is_kept_without_its_labels() {
    const SHORT: &[u64] = &[1, 2, 4, 6, 7];
    const LONG: &[u64] = &[4_000];
    for (job, rests, asked) in [(Some("89d0"), SHORT, 6), (Some("89d0"), LONG, 1), (None, SHORT, 1)] {
        let (bought, lines) = buy_three_with(&[&[0], &[0, 1]], job, rests).await;
        assert_eq!(bought.shipment.id.as_str(), MASTER);
        assert_eq!(
            (bought.shipment.parcels.len(), bought.labels.len(), lines.len()),
            (2, 0, asked),
            "{job:?}: what was completed is named, be its label told or not"
        );
        let remarks = bought.shipment.remarks.join("; ");
        assert!(remarks.contains("told of 2 of the 3 parcels"), "{remarks}");
    }
}

// ---- cancellations and labels ------------------------------------------------------------------------------------

async fn void(said: (u16, &'static str), number: &str) -> (Result<(), VoidError>, Vec<Asked>) {
    void_while_tracked_as(said, "track/answer-delivered", number).await
}

/// Cancels a shipment that Track shows so.
async fn void_while_tracked_as(
    said: (u16, &'static str),
    tracked: &'static str,
    number: &str,
) -> (Result<(), VoidError>, Vec<Asked>) {
    let shown = fixture(tracked).to_string().replace("794953535000", MASTER);
    let stub = stub(move |asked| match asked.line.as_str() {
        "POST /track/v1/trackingnumbers" => (200, shown.clone().into_bytes()),
        _ => canned(said.0, said.1),
    })
    .await;
    let voided = stub.fedex(json!({})).void(&CarrierShipmentId::new(number)).await;
    (voided, stub.asked())
}

#[tokio::test]
async fn a_shipment_is_cancelled_with_all_its_parcels() {
    let (voided, asked) = void((200, "cancel/answer-cancelled"), MASTER).await;
    assert_eq!(voided, Ok(()));
    let cancel = asked.last().unwrap();
    assert_eq!(cancel.line, "PUT /ship/v1/shipments/cancel");
    assert_eq!(cancel.json(), fixture("cancel/request"));
}

/// A shipment that is cancelled already is cancelled, though FedEx does not cancel it once more.
#[tokio::test]
async fn what_was_cancelled_before_is_cancelled() {
    for said in [
        (200, "cancel/answer-not-cancelled"),
        (400, "cancel/refused-unauthorised"),
    ] {
        let (voided, asked) = void_while_tracked_as(said, "track/answer-cancelled", MASTER).await;
        assert_eq!(voided, Ok(()), "{said:?}");
        assert_eq!(asked.last().unwrap().line, "POST /track/v1/trackingnumbers");
        let (voided, _) = void_while_tracked_as(said, "track/answer-not-found", MASTER).await;
        assert!(
            matches!(voided, Err(VoidError::Refused(_))),
            "silence says nothing: {voided:?}"
        );
    }
}

#[tokio::test]
async fn a_success_that_cancelled_nothing_is_a_refusal() {
    let refused = |voided: Result<(), VoidError>| match voided {
        Err(VoidError::Refused(refusal)) => refusal.message,
        other => panic!("{other:?}"),
    };
    let (voided, _) = void((200, "cancel/answer-not-cancelled"), MASTER).await;
    assert_eq!(refused(voided), "It has been handed over.");
    let (voided, _) = void((400, "cancel/refused-unauthorised"), MASTER).await;
    assert_eq!(refused(voided), "The user may not do this.");
    let (voided, _) = void((200, "cancel/answer-junk"), MASTER).await;
    assert!(matches!(voided, Err(VoidError::Later(_))));
    let (voided, _) = void((500, "error/system"), MASTER).await;
    assert!(matches!(voided, Err(VoidError::Later(_))));
    let (voided, asked) = void((200, "cancel/answer-cancelled"), "../../x").await;
    assert!(matches!(voided, Err(VoidError::Refused(_))) && asked.is_empty());
}

#[tokio::test]
async fn labels_lists_and_subscriptions_cannot_be_had() {
    let stub = stub(|_| canned(200, "ship/answer-two-parcels")).await;
    let bought = buy(&stub).await.unwrap();
    let fedex = stub.fedex(json!({}));
    let before = stub.asked().len();
    let gone = fedex.labels(&bought.shipment, LabelFormat::Zpl).await.unwrap_err();
    assert!(
        matches!(&gone, LabelError::Gone(why) if why.message.contains("void the shipment and ship again")),
        "{gone}"
    );
    let now = stub.clock.now();
    assert!(matches!(
        fedex.list(Stretch { from: now, to: now }, None).await,
        Err(CallError::Refused(_))
    ));
    assert!(matches!(
        fedex.subscribe(&[MASTER.into()]).await,
        Err(CallError::Refused(_))
    ));
    assert!(!fedex.absence_proves() && fedex.listing().is_err() && fedex.push().is_err());
    assert_eq!(stub.asked().len(), before, "nobody is asked");
}

// ---- quotas, projects and accounts -------------------------------------------------------------------------------

/// P61: a call that meets a used-up quota was not processed, and waits as long as that lasts; the day's stops
/// everybody, and somebody hears of that.
#[tokio::test]
async fn a_used_up_quota_waits_for_its_end() {
    let waits = |name: &'static str| async move {
        let rings = Rings::default();
        let _listening = metrics::set_default_local_recorder(&rings);
        let stub = stub(move |_| canned(429, name)).await;
        let Err(EffectError::NotSent(later)) = buy(&stub).await else {
            panic!("it was not processed")
        };
        assert_eq!(later.obstacle, Obstacle::Limited);
        let paused = stub.limits.paused("fedex:700257037").unwrap();
        let paused = paused.duration_since(stub.clock.now());
        (later.after.unwrap().as_secs(), paused.as_secs(), rings.heard())
    };
    assert_eq!(waits("error/quota-window").await, (10, 10, 0));
    assert_eq!(waits("error/quota-day").await, (12 * 3600, 12 * 3600, 1));
}

/// P20, P61: a 403 in FedEx's own words was not processed, and is no order's fault: it is not sent again until somebody has probed.
#[tokio::test]
async fn a_403_on_a_purchase_stops_purchases() {
    let stub = stub(|_| canned(403, "track/refused-other")).await;
    let Err(EffectError::NotSent(later)) = buy(&stub).await else {
        panic!("it is no order's fault")
    };
    assert_eq!(later.obstacle, Obstacle::Unauthorised);
    let Err(EffectError::NotSent(waits)) = buy(&stub).await else {
        panic!("it is not sent at once")
    };
    assert!(waits.after.is_some() && waits.reason.contains("403"), "{waits:?}");
    assert_eq!(stub.lines(), ["POST /ship/v1/shipments"]);
    let page = self::stub(|_| (403, b"<html>Forbidden</html>".to_vec())).await;
    assert!(
        matches!(buy(&page).await, Err(EffectError::Unknown(_))),
        "a gateway's page may have bought"
    );
}

/// P61, P64: both ways into one project share one count; a project of Track's own has a token and a count of its own,
/// and what befalls Track stops no purchase.
#[tokio::test]
async fn calls_are_counted_by_project() {
    let ask = |secret: fn() -> secrecy::SecretString| async move {
        let stub = stub(|asked| match asked.line.starts_with("POST /track/") {
            true => canned(429, "error/quota-day"),
            false => canned(200, "ship/answer-two-parcels"),
        })
        .await;
        let fedex = stub.fedex_with(json!({}), &secret(), Recorder::default(), Vec::new());
        let call = Call::new("track", ::http::Method::POST, "/track/v1/trackingnumbers").json(&json!({}));
        assert!(fedex.ask_track(call).await.is_err());
        let draft = fedex.draft(&domestic()).unwrap();
        assert!(fedex.create(&draft, permit(&stub, 60)).await.is_ok());
        let keys: Vec<bool> = stub
            .asked()
            .iter()
            .filter(|asked| asked.line == "POST /oauth/token")
            .map(|asked| asked.body.contains("client_id=l7-track&client_secret=0ther"))
            .collect();
        let project = Some("track".to_owned());
        (keys, stub.limits.counted(), fedex.mint_for(project.as_ref()).is_some())
    };
    let (keys, counted, own) = ask(secret).await;
    assert_eq!((keys, own), (vec![false], false));
    let [token, track, ship] = counted.as_slice() else {
        panic!("{counted:?}")
    };
    assert_eq!((token.as_str(), track), ("fedex-token:address", ship));
    assert!(ship.starts_with("fedex:") && !ship.contains("l7"), "{ship}");
    let (keys, counted, own) = ask(two_secrets).await;
    assert_eq!((keys, own), (vec![true, false], true));
    let [token, track, other, ship] = counted.as_slice() else {
        panic!("{counted:?}")
    };
    assert_eq!(
        (token, token.as_str()),
        (other, "fedex-token:address"),
        "one address, one count"
    );
    assert_ne!(track, ship);
}

/// P57: rows of the connection name further accounts of the same credential.
#[tokio::test]
async fn the_same_credential_ships_under_another_account() {
    let stub = stub(|_| canned(200, "ship/answer-two-parcels")).await;
    let fedex = stub.fedex(json!({}));
    let of = |number: &str| CarrierAccount {
        number: number.into(),
        merchant: None,
    };
    let other = fedex.under(&of("700211111")).unwrap();
    let draft = other.draft(&domestic()).unwrap();
    assert_eq!(draft.body["accountNumber"], json!({"value": "700211111"}));
    assert!(other.create(&draft, permit(&stub, 60)).await.is_ok());
    assert!(fedex.under(&of("A1B2C3")).is_err());
}

#[tokio::test]
async fn an_address_is_validated_where_that_is_asked_for() {
    let stub = stub(|_| canned(200, "validate/answer-valid")).await;
    let verdict = stub.fedex(json!({})).validate(&buyer()).await;
    assert_eq!(
        verdict,
        Ok(AddressVerdict::Valid {
            residential: Some(true)
        })
    );
    assert_eq!(stub.lines(), ["POST /address/v1/addresses/resolve"]);
}

// ---- connection check --------------------------------------------------------------------------------------------

/// P27, P57: every account is priced under, nothing is bought, and what to do about a failure is said.
#[tokio::test]
async fn a_check_tries_everything_and_buys_nothing() {
    let answers = |asked: &Asked| match asked.line.as_str() {
        "POST /rate/v1/rates/quotes" if asked.body.contains("700211111") => canned(400, "error/one"),
        "POST /rate/v1/rates/quotes" => canned(200, "rate/answer-five-services"),
        "POST /address/v1/addresses/resolve" => canned(200, "validate/answer-not-covered"),
        "POST /track/v1/referencenumbers" if asked.body.contains("700211111") => canned(403, "track/refused-other"),
        "POST /track/v1/referencenumbers" => canned(200, "track-reference/answer-not-found"),
        line => panic!("{line}"),
    };
    let stub = stub(answers).await;
    let rows = vec![CarrierAccount {
        number: "700211111".into(),
        merchant: None,
    }];
    let fedex = stub.fedex_with(json!({}), &two_secrets(), Recorder::default(), rows);
    let findings = fedex.check().await;
    let failed: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding.result.as_ref().err())
        .map(String::as_str)
        .collect();
    assert_eq!(findings.len(), 8);
    let [account, tracking] = failed.as_slice() else {
        panic!("{failed:?}")
    };
    assert!(account.contains("Check `account`"), "{account}");
    assert!(
        tracking.contains("Basic Integrated Visibility") && tracking.contains("track_api_key"),
        "{tracking}"
    );
    assert!(
        findings[7]
            .result
            .as_ref()
            .is_ok_and(|words| words.contains("test labels"))
    );
}

#[tokio::test]
async fn a_check_with_wrong_keys_says_which() {
    let stub = Stub::new(|_| canned(401, "token/refused-client")).await;
    let findings = stub.fedex(Value::Null).check().await;
    let words = findings[0].result.clone().unwrap_err();
    assert!(
        words.contains("api_key and secret_key") && words.contains("not known"),
        "{words}"
    );
    assert_eq!(findings.len(), 1);
}
