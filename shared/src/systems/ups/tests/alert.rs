//! Track Alert: what is subscribed to, who may push, and what is pushed.

use jiff::civil::{date, time};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::fixture;
use super::stub::{Noon, Stub};
use crate::domain::{Estimate, Meaning, Milestone, TrackingEvent};
use crate::ports::{
    CallError, Carrier, Clock, Hook, HookKeys, Inbound, News, PushedNews, Recorder, Subscribed, Webhooks,
};
use crate::systems::ups::{PushTarget, webhook};
use crate::systems::webhooks::Vendors;

const LEAD: &str = "1ZA1B2C30300000017";
const SECOND: &str = "1ZA1B2C30300000026";

// ---- subscriptions -----------------------------------------------------------------------------------------------

fn numbers() -> Vec<String> {
    vec![LEAD.to_owned(), SECOND.to_owned()]
}

fn target() -> Option<PushTarget> {
    let secret = SecretString::from(r#"{"id":"00ff00ff","keys":["k3y-of-the-hook"]}"#);
    PushTarget::new(&"https://api.example.com".parse().unwrap(), &secret)
}

async fn stub(status: u16, body: String) -> Stub {
    Stub::new(move |asked| match asked.line.contains("/oauth/") {
        true => (200, fixture("token/answer-texts").to_string()),
        false => (status, body.clone()),
    })
    .await
}

async fn subscribed(status: u16, name: &str) -> Result<Subscribed, CallError> {
    let stub = stub(status, fixture(name).to_string()).await;
    stub.ups_with(json!({"track_alert": "v2"}), target(), Recorder::default())
        .subscribe(&numbers())
        .await
}

/// P17: the bodies hold what the two versions document, and nothing else.
#[tokio::test]
async fn a_subscription_of_v1_names_our_address_and_one_of_v2_does_not() {
    for (version, request) in [("v1", "track-alert/request-v1"), ("v2", "track-alert/request-v2")] {
        let stub = stub(200, fixture("track-alert/answer-all").to_string()).await;
        let ups = stub.ups_with(json!({ "track_alert": version }), target(), Recorder::default());
        let subscribed = ups.subscribe(&numbers()).await.unwrap();
        assert_eq!((subscribed.promised, subscribed.refused), (numbers(), Vec::new()));
        let asked = stub.asked();
        let asked = asked.last().unwrap();
        assert_eq!(
            asked.line,
            format!("POST /api/track/{version}/subscription/standard/package")
        );
        assert_eq!(asked.json(), fixture(request));
        assert_eq!(asked.header("transactionsrc"), Some("waybill"));
    }
}

/// P22: neither the address nor the credential of a hook is in the audit.
#[tokio::test]
async fn what_is_recorded_of_a_subscription_holds_no_way_in() {
    let echo = json!({"validTrackingNumbers": numbers(), "destination": {"url": "https://api.example.com/hooks/00ff00ff", "credential": "k3y-of-the-hook"}});
    let (stub, recorder) = (stub(200, echo.to_string()).await, Recorder::default());
    let ups = stub.ups_with(json!({"track_alert": "v1"}), target(), recorder.clone());
    ups.subscribe(&numbers()).await.unwrap();
    let exchanges = recorder.drain();
    let recorded = serde_json::to_string(&exchanges).unwrap();
    assert!(
        recorded.contains("trackingNumberList") && recorded.contains(LEAD),
        "{recorded}"
    );
    assert!(
        !recorded.contains("k3y-of-the-hook") && !recorded.contains("00ff00ff"),
        "{recorded}"
    );
}

#[tokio::test]
async fn each_number_is_promised_or_refused_and_one_that_is_not_mentioned_is_not_promised() {
    let codes = |subscribed: &Subscribed| -> Vec<(String, String)> {
        let each = subscribed.refused.iter();
        each.map(|(number, refusal)| (number.clone(), refusal.code.clone()))
            .collect()
    };
    let pair = |number: &str, code: &str| (number.to_owned(), code.to_owned());
    let partial = subscribed(200, "track-alert/answer-partial").await.unwrap();
    assert_eq!(
        (partial.promised.as_slice(), codes(&partial)),
        (&[LEAD.to_owned()][..], vec![pair(SECOND, "invalid")])
    );
    let missing = subscribed(200, "track-alert/answer-one-missing").await.unwrap();
    assert_eq!(
        (missing.promised.as_slice(), codes(&missing)),
        (&[SECOND.to_owned()][..], vec![pair(LEAD, "not-mentioned")])
    );
    assert!(missing.refused[0].1.message.contains("not mentioned"));
    let none = subscribed(200, "track-alert/answer-none-valid").await.unwrap();
    assert_eq!(codes(&none), [pair(LEAD, "invalid"), pair(SECOND, "invalid")]);
    for (name, code) in [
        ("track-alert/refused-all", "VSS210"),
        ("track-alert/refused-invalid", "VSS000"),
    ] {
        let all = subscribed(400, name).await.unwrap();
        assert!(all.promised.is_empty());
        assert_eq!(codes(&all), [pair(LEAD, code), pair(SECOND, code)]);
    }
}

#[tokio::test]
async fn an_error_that_is_not_about_the_numbers_is_an_error() {
    let refused = subscribed(400, "track-alert/refused-locale").await;
    assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.code == "VSS300"));
    let transient = json!({"response": {"errors": [{"code": "VSS100", "message": "later"}]}}).to_string();
    for (status, body) in [
        (500, transient),
        (200, "{}".to_owned()),
        (200, "[]".to_owned()),
        (200, "<html>".to_owned()),
        (429, String::new()),
    ] {
        let stub = stub(status, body.clone()).await;
        let failed = stub
            .ups_with(json!({"track_alert": "v2"}), target(), Recorder::default())
            .subscribe(&numbers())
            .await;
        assert!(
            matches!(failed, Err(CallError::Later(_))),
            "{status} {body}: {failed:?}"
        );
    }
}

/// P17: fourteen days, renewed a day early, a hundred numbers at a time.
#[tokio::test]
async fn it_pushes_when_it_is_turned_on_and_has_where_to() {
    let stub = Stub::new(|_| (500, String::new())).await;
    let ups = |version: &str, hook| stub.ups_with(json!({ "track_alert": version }), hook, Recorder::default());
    for push in [ups("v1", target()).push(), ups("v2", target()).push()] {
        let push = push.unwrap();
        assert_eq!(
            (push.batch, push.lasts, push.renew_before),
            (100, SignedDuration::from_hours(14 * 24), SignedDuration::from_hours(24))
        );
    }
    let keyless = PushTarget {
        credential: None,
        ..target().unwrap()
    };
    for (without, says) in [
        (ups("off", target()), "track_alert"),
        (ups("v1", None), "waybill hook create"),
        (ups("v2", None), "waybill hook create"),
        (ups("v1", Some(keyless)), "waybill hook create"),
    ] {
        let why = without.push().unwrap_err();
        assert!(why.contains(says) && !why.contains("00ff00ff"), "{why}");
        let refused = without.subscribe(&numbers()).await;
        assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.code == "track-alert"));
    }
    let many = vec![LEAD.to_owned(); 101];
    let refused = ups("v2", target()).subscribe(&many).await;
    assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.code == "VSS220"));
    assert_eq!(ups("v2", target()).subscribe(&[]).await, Ok(Subscribed::default()));
    assert!(stub.asked().is_empty());
}

/// P27: the check says whether news can be pushed, and what to do where they cannot.
#[tokio::test]
async fn a_check_says_whether_news_can_be_pushed() {
    let stub = Stub::new(|_| (500, String::new())).await;
    let found = |version: &str, hook| {
        let ups = stub.ups_with(json!({ "track_alert": version }), hook, Recorder::default());
        ups.check_track_alert().result
    };
    assert!(found("off", None).unwrap().contains("off"));
    assert!(found("v1", target()).unwrap().contains("v1"));
    assert!(found("v2", target()).unwrap().contains("v2"));
    assert!(found("v1", None).unwrap_err().contains("waybill hook create"));
}

// ---- who may push ------------------------------------------------------------------------------------------------

fn hook() -> Hook {
    Hook {
        digest: "d1".into(),
        system: "ups".into(),
        tenant: "acme".parse().unwrap(),
        credential: "waybill/test/acme/ups".into(),
        secret: "waybill/test/acme/ups-hook".into(),
        connections: Vec::new(),
        networks: Vec::new(),
        created_at: Noon.now(),
        retires_at: None,
    }
}

fn keys(body: &Value) -> HookKeys {
    serde_json::from_value(body.clone()).unwrap()
}

fn first() -> HookKeys {
    keys(&json!({"id": "00ff", "keys": ["new", "old"]}))
}

fn second() -> HookKeys {
    keys(&json!({"id": "00ff", "keys": ["new", "old"], "client_id": "ups-calls", "token_key": "t0ken-key"}))
}

fn inbound(headers: &[(&str, &str)], body: &str) -> Inbound {
    Inbound {
        hook: SecretString::from("00ff"),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
        source: None,
    }
}

#[test]
fn v1_is_genuine_by_any_of_the_keys_and_by_nothing_else() {
    let genuine = |keys: &HookKeys, headers: &[(&str, &str)]| {
        Vendors.is_genuine(&hook(), keys, &inbound(headers, "{}"), Noon.now())
    };
    for key in ["new", "old"] {
        assert!(
            genuine(
                &first(),
                &[("user-agent", "UPSPubSubTrackingService"), ("credential", key)]
            ),
            "{key}"
        );
    }
    for headers in [
        &[][..],
        &[("credential", "")],
        &[("credential", "ne")],
        &[("credential", "new ")],
        &[("authorization", "Bearer new")],
        &[("x-api-key", "new")],
    ] {
        assert!(!genuine(&first(), headers), "{headers:?}");
    }
    let empty = keys(&json!({"id": "00ff", "keys": [""]}));
    assert!(!genuine(&empty, &[("credential", "")]), "nothing is no credential");
    assert!(!genuine(&keys(&json!({"id": "00ff"})), &[("credential", "new")]));
    let foreign = Hook {
        system: "netsuite-of-old".into(),
        ..hook()
    };
    assert!(!Vendors.is_genuine(&foreign, &first(), &inbound(&[("credential", "new")], "{}"), Noon.now()));
}

fn issued(keys: &HookKeys, headers: &[(&str, &str)], body: &str) -> Option<Value> {
    Vendors.token(&hook(), keys, &inbound(headers, body), Noon.now())
}

#[test]
fn a_token_is_given_for_client_credentials_in_either_form() {
    let basic = |pair: &str| format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    let form = "grant_type=client_credentials&client_id=ups-calls&client_secret=old";
    for (headers, body) in [
        (
            vec![("authorization", basic("ups-calls:new"))],
            "grant_type=client_credentials",
        ),
        (
            vec![("authorization", basic("ups-calls:old"))],
            "grant_type=client_credentials&scope=x",
        ),
        (vec![], form),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let token = issued(&second(), &headers, body).unwrap();
        assert_eq!(
            (&token["token_type"], &token["expires_in"]),
            (&json!("Bearer"), &json!(3600))
        );
        assert_eq!(token.as_object().unwrap().len(), 3);
    }
    for pair in [
        "ups-calls:bad",
        "other:new",
        "ups-calls:",
        "ups-calls",
        ":",
        "ups-calls:new:x",
    ] {
        assert_eq!(
            issued(
                &second(),
                &[("authorization", &basic(pair))],
                "grant_type=client_credentials"
            ),
            None,
            "{pair}"
        );
    }
    for body in [
        "",
        "grant_type=client_credentials",
        "grant_type=password&client_id=ups-calls&client_secret=new",
        "client_id=ups-calls&client_secret=%00",
    ] {
        assert_eq!(issued(&second(), &[], body), None, "{body}");
    }
    assert_eq!(
        issued(&first(), &[("authorization", &basic("ups-calls:new"))], form),
        None,
        "v1 has no tokens"
    );
    let keyless = keys(&json!({"id": "00ff", "keys": ["new"], "client_id": "ups-calls"}));
    assert_eq!(
        issued(&keyless, &[("authorization", &basic("ups-calls:new"))], form),
        None,
        "nothing to sign with"
    );
}

#[test]
fn v2_is_genuine_by_its_client_and_a_token_of_ours_for_an_hour() {
    let answer = issued(
        &second(),
        &[],
        "grant_type=client_credentials&client_id=ups-calls&client_secret=new",
    )
    .unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let at = |hook: &Hook, keys: &HookKeys, headers: &[(&str, &str)], seconds| {
        Vendors.is_genuine(
            hook,
            keys,
            &inbound(headers, "{}"),
            Noon.now() + SignedDuration::from_secs(seconds),
        )
    };
    let bearer = format!("Bearer {token}");
    for authorization in [bearer.as_str(), token, &format!("bearer  {token} ")] {
        let headers = [("x-api-key", "ups-calls"), ("authorization", authorization)];
        assert!(
            at(&hook(), &second(), &headers, 0) && at(&hook(), &second(), &headers, 3599),
            "{authorization}"
        );
        assert!(!at(&hook(), &second(), &headers, 3600), "it has ended");
    }
    let headers = [("x-api-key", "ups-calls"), ("authorization", bearer.as_str())];
    let other_hook = Hook {
        digest: "d2".into(),
        ..hook()
    };
    assert!(!at(&other_hook, &second(), &headers, 0), "a token is for one hook");
    let other_key = keys(&json!({"id": "00ff", "keys": ["new"], "client_id": "ups-calls", "token_key": "another"}));
    assert!(!at(&hook(), &other_key, &headers, 0));
    let keyless = keys(&json!({"id": "00ff", "keys": ["new"], "client_id": "ups-calls", "token_key": ""}));
    assert!(!at(&hook(), &keyless, &headers, 0));
    let forged = format!(
        "{}.{}",
        data_encoding::BASE64URL_NOPAD.encode(b"99999999999"),
        token.split_once('.').unwrap().1
    );
    for headers in [
        vec![],
        vec![("authorization", bearer.as_str())],
        vec![("x-api-key", "ups-calls")],
        vec![("x-api-key", "other"), ("authorization", bearer.as_str())],
        vec![("x-api-key", "ups-calls"), ("authorization", "Bearer")],
        vec![("x-api-key", "ups-calls"), ("authorization", "Bearer .")],
        vec![("x-api-key", "ups-calls"), ("authorization", "a.b.c")],
        vec![("x-api-key", "ups-calls"), ("authorization", forged.as_str())],
        vec![("x-api-key", "ups-calls"), ("credential", "new")],
    ] {
        assert!(!at(&hook(), &second(), &headers, 0), "{headers:?}");
    }
}

// ---- what is pushed ----------------------------------------------------------------------------------------------

fn pushed(name: &str) -> Vec<PushedNews> {
    Vendors.read("ups", &fixture(name).to_string())
}

fn happened(name: &str) -> TrackingEvent {
    match pushed(name).as_slice() {
        [PushedNews::Happened { number, event }] if number == LEAD => event.as_ref().clone(),
        other => panic!("{name}: {other:?}"),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// P16: an event with its codes, time, place and who took it, as it is pushed.
#[test]
fn a_pushed_event_is_read_whole() {
    let event = happened("webhook/delivered");
    assert_eq!(
        (event.at, event.meaning),
        (at("2026-11-24T21:30:00Z"), Meaning::Reached(Milestone::Delivered))
    );
    assert_eq!(event.code.to_string(), "D/F4/011");
    assert_eq!(
        (event.description.as_deref(), event.signed_by.as_deref()),
        (Some("DELIVERED"), Some("Smith"))
    );
    assert_eq!(event.spot.words().as_deref(), Some("ATLANTA, GA, US"));
    assert_eq!(event.estimate, None, "it is there");
    let label = happened("webhook/label");
    assert_eq!(label.meaning, Meaning::Reached(Milestone::LabelCreated));
    assert_eq!((label.spot.words().as_deref(), label.signed_by), (Some("US"), None));
    let expected = Estimate {
        date: date(2026, 11, 24),
        until: Some(time(17, 0, 0, 0)),
    };
    assert_eq!(label.estimate, Some(expected));
}

#[test]
fn numbers_lists_small_letters_and_offsets_with_a_dot_are_read_alike() {
    let event = happened("webhook/numbers");
    assert_eq!(
        (event.at, event.code.to_string()),
        (at("2026-11-24T07:47:00Z"), "I/AR/005".to_owned())
    );
    assert_eq!(event.estimate.unwrap().until, Some(time(9, 0, 0, 0)));
    let out = happened("webhook/out-for-delivery");
    assert_eq!(
        (out.at, out.meaning),
        (at("2026-11-24T13:30:15Z"), Meaning::Reached(Milestone::OutForDelivery)),
        "type D is not always delivered"
    );
}

/// P16: push and poll agree: the same event has the same key by either way, and says the same.
#[tokio::test]
async fn a_pushed_event_is_the_one_that_tracking_shows() {
    let stub = stub(200, fixture("track/answer-delivered").to_string()).await;
    let News { events, .. } = stub.ups(json!({})).track(LEAD).await.unwrap().unwrap();
    for (name, place) in [
        ("webhook/delivered", 0),
        ("webhook/out-for-delivery", 1),
        ("webhook/numbers", 2),
        ("webhook/label", 5),
    ] {
        let pushed = happened(name);
        assert_eq!(
            (pushed.key(), pushed.meaning),
            (events[place].key(), events[place].meaning),
            "{name}"
        );
    }
}

#[test]
fn what_cannot_be_placed_is_a_hint_and_what_names_no_parcel_is_nothing() {
    assert!(matches!(pushed("webhook/untimed").as_slice(), [PushedNews::Hinted { number, .. }] if number == LEAD));
    let many = pushed("webhook/many");
    let kinds: Vec<&str> = many
        .iter()
        .map(|news| match news {
            PushedNews::Happened { .. } => "happened",
            PushedNews::Hinted { .. } => "hinted",
            PushedNews::Changed(_) => "changed",
            PushedNews::Despatched(_) => "despatched",
            PushedNews::Nothing { .. } => "nothing",
        })
        .collect();
    assert_eq!(
        kinds,
        ["happened", "hinted", "nothing", "nothing", "nothing", "nothing"]
    );
}

#[test]
fn whatever_is_pushed_is_read_without_harm() {
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "null",
        "1",
        "\"x\"",
        "[]",
        "{}",
        "[[]]",
        "[null, 7]",
        "{\"trackingNumber\":{}}",
        "\u{0}",
        &deep,
    ] {
        let news = webhook::read(body);
        assert!(
            !news.is_empty() && news.iter().all(|one| matches!(one, PushedNews::Nothing { .. })),
            "{news:?}"
        );
    }
    let long = "é".repeat(5000);
    let event = json!({"trackingNumber": LEAD, "activityStatus": {"type": long, "code": long, "description": long, "descriptionCode": long},
        "activityLocation": {"city": long}, "gmtActivityDate": "20261124", "gmtActivityTime": "0", "receivedBy": long,
        "scheduledDeliveryDate": long, "deliveryEndTime": long, "gmtOffset": long});
    let news = webhook::read(&event.to_string());
    let [PushedNews::Happened { event, .. }] = news.as_slice() else {
        panic!("{news:?}")
    };
    assert_eq!(event.description.as_ref().unwrap().chars().count(), 120);
    assert!(event.key().len() < 100 && event.meaning == Meaning::Unknown);
    assert_eq!(Vendors.read("netsuite-of-old", "{}").len(), 1);
}

mod whatever_comes {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Value> {
        prop_oneof![
            "[0-9:.+-]{0,9}".prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            Just(Value::Null),
            Just(json!({})),
            Just(json!([])),
        ]
    }

    proptest! {
        #[test]
        fn no_field_can_do_harm(fields in proptest::collection::vec(text(), 12), raw in "\\PC{0,60}") {
            let names = [
                "localActivityDate", "localActivityTime", "gmtActivityDate", "gmtActivityTime", "gmtOffset",
                "scheduledDeliveryDate", "deliveryEndTime", "receivedBy", "activityStatus", "activityLocation",
                "actualDeliveryDate", "trackingNumber",
            ];
            let mut event: serde_json::Map<String, Value> =
                names.iter().map(|name| (*name).to_owned()).zip(fields.clone()).collect();
            prop_assert_eq!(webhook::read(&Value::Object(event.clone()).to_string()).len(), 1);
            event.insert("trackingNumber".to_owned(), LEAD.into());
            let status = json!({"type": fields[8], "code": fields[9], "descriptionCode": fields[10]});
            event.insert("activityStatus".to_owned(), status);
            prop_assert_eq!(webhook::read(&Value::Object(event).to_string()).len(), 1);
            webhook::read(&raw);
            let headers = [("authorization", raw.as_str()), ("credential", raw.as_str()), ("x-api-key", "ups-calls")];
            prop_assert!(!webhook::is_genuine(&hook(), &second(), &inbound(&headers, &raw), Noon.now()));
            prop_assert_eq!(webhook::token(&hook(), &second(), &inbound(&headers, &raw), Noon.now()), None);
        }
    }
}

#[test]
fn of_too_many_events_the_first_are_read_and_the_carrier_is_asked_for_the_others() {
    let event = json!({
        "trackingNumber": LEAD, "activityStatus": { "type": "I", "code": "DP" }, "gmtActivityDate": "20261123",
        "gmtActivityTime": "170000"
    });
    let told = crate::systems::ups::webhook::read(&json!(vec![event; 10_000]).to_string());
    let happened = told.iter().filter(|news| matches!(news, PushedNews::Happened { .. }));
    assert_eq!((told.len(), happened.count()), (101, 100));
    assert!(matches!(told.last(), Some(PushedNews::Hinted { number, .. }) if number == LEAD));
}
