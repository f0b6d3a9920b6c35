//! What Advanced Integrated Visibility sends: who may, and what it says.

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use jiff::Timestamp;
use jiff::civil::{date, time};
use secrecy::SecretString;

use super::tracker::{ONE, fixture};
use crate::domain::{Estimate, Meaning, Milestone, TrackingEvent, fold};
use crate::ports::{Hook, HookKeys, Inbound, PushedNews, Webhooks};
use crate::systems::webhooks::Vendors;

const TOKEN: &str = "Wb1-A-token-that-was-entered-in-the-portal-7";

fn hook() -> Hook {
    Hook {
        digest: "d".into(),
        system: "fedex".into(),
        tenant: "acme".parse().unwrap(),
        credential: "waybill/test/acme/fedex".into(),
        secret: "waybill/test/acme/fedex-hook".into(),
        connections: Vec::new(),
        networks: Vec::new(),
        created_at: now(),
        retires_at: None,
    }
}

fn now() -> Timestamp {
    "2026-11-20T22:00:00Z".parse().unwrap()
}

fn keys(keys: &[&str]) -> HookKeys {
    HookKeys {
        id: SecretString::from("00ff"),
        keys: keys.iter().map(|key| SecretString::from(*key)).collect(),
        client_id: None,
        token_key: None,
        unsigned: false,
    }
}

fn digest(token: &str, body: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    hmac::sign(&key, body).as_ref().to_vec()
}

fn is_genuine(header: Option<&str>, body: &[u8], known: &[&str]) -> bool {
    let inbound = Inbound {
        hook: SecretString::from("00ff"),
        headers: header
            .map(|value| ("fdx-signature".to_owned(), value.to_owned()))
            .into_iter()
            .collect(),
        body: body.to_vec(),
        source: None,
    };
    Vendors.is_genuine(&hook(), &keys(known), &inbound, now())
}

/// P65: a body counts that was signed with a token of ours, in Base64 or hexadecimal; while rotating with either of
/// two.
#[test]
fn a_push_is_genuine_by_the_signature_of_its_very_bytes() {
    let body = b"{\"a\": 1}\n";
    let own = digest(TOKEN, body);
    for spelling in [BASE64.encode(&own), HEXLOWER.encode(&own), HEXUPPER.encode(&own)] {
        assert!(is_genuine(Some(&spelling), body, &[TOKEN]), "{spelling}");
        assert!(is_genuine(
            Some(&spelling),
            body,
            &["Another-token-of-26-chars-1", TOKEN]
        ));
        assert!(!is_genuine(Some(&spelling), b"{\"a\":1}", &[TOKEN]), "other bytes");
        assert!(!is_genuine(Some(&spelling), body, &["Another-token-of-26-chars-1"]));
        assert!(!is_genuine(Some(&spelling), body, &[]));
    }
    // Worked out by another library from this very key and body.
    assert!(is_genuine(
        Some("PPZdQcTRo60MFlN16EovNb7Sgrv6FLft3giOhZxYsSs="),
        body,
        &[TOKEN]
    ));
}

#[test]
fn whatever_else_is_sent_is_not_genuine() {
    let body = b"{}";
    let unkeyed = BASE64.encode(&digest("", body));
    assert!(!is_genuine(Some(&unkeyed), body, &[""]), "an empty key signs nothing");
    assert!(!is_genuine(None, body, &[TOKEN]));
    let own = BASE64.encode(&digest(TOKEN, body));
    for wrong in [
        "",
        "=",
        &own[1..],
        &own[..20],
        &format!("{own}{own}"),
        "zz",
        TOKEN,
        &"0".repeat(64),
        "é",
    ] {
        assert!(!is_genuine(Some(wrong), body, &[TOKEN]), "{wrong}");
    }
}

fn read(body: &str) -> Vec<PushedNews> {
    Vendors.read("fedex", body)
}

fn events(news: &[PushedNews]) -> Vec<TrackingEvent> {
    let happened = |news: &PushedNews| match news {
        PushedNews::Happened { number, event } => {
            assert_eq!(number, ONE);
            event.as_ref().clone()
        }
        other => panic!("{other:?}"),
    };
    news.iter().map(happened).collect()
}

/// P65: an envelope as Track's and a bare object tell the same events that polling would, so that whatever comes twice
/// or late is known again and folds to the same.
#[tokio::test]
async fn pushes_tell_what_polling_tells() {
    let pushed = events(&read(&fixture("track-webhook/pushed-envelope").to_string()));
    let (fedex, _stub) = super::tracker::track(|_| (200, fixture("track/answer-delivered").to_string())).await;
    let polled = crate::ports::Carrier::track(&fedex, ONE).await.unwrap().unwrap().events;
    assert_eq!(pushed, polled);
    let mut backwards = pushed.clone();
    backwards.reverse();
    backwards.extend(pushed.clone());
    let keys = |events: &[TrackingEvent]| {
        events
            .iter()
            .map(TrackingEvent::key)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(keys(&backwards), keys(&pushed), "what comes again is known again");
    assert_eq!(fold(&backwards), fold(&pushed));

    let [bare] = &events(&read(&fixture("track-webhook/pushed-bare").to_string()))[..] else {
        panic!("one event")
    };
    assert_eq!(bare.key(), pushed[1].key());
    assert_eq!(bare.meaning, Meaning::Reached(Milestone::OutForDelivery));
    assert_eq!(
        bare.estimate,
        Some(Estimate {
            date: date(2026, 11, 20),
            until: Some(time(17, 0, 0, 0)),
        })
    );
}

/// Wherever FedEx puts it: the shape has no document.
#[test]
fn a_parcel_is_found_wherever_it_stands() {
    let bare = fixture("track-webhook/pushed-bare");
    for body in [
        serde_json::json!([bare]),
        serde_json::json!({ "notification": { "payload": [{ "trackResults": [bare] }] } }),
        serde_json::json!({ "eventTime": "now", "output": { "completeTrackResults": { "trackResults": bare } } }),
    ] {
        assert_eq!(events(&read(&body.to_string())).len(), 1, "{body}");
    }
    let deep = format!("{}{}{}", "[".repeat(40), bare, "]".repeat(40));
    assert!(matches!(read(&deep)[..], [PushedNews::Nothing { .. }]));
}

/// P65: what does not say when is a hint to ask, once for each parcel.
#[test]
fn what_is_not_told_whole_is_a_hint() {
    let status_only = fixture("track-webhook/pushed-status-only");
    let several = serde_json::json!([status_only, status_only]).to_string();
    let [PushedNews::Hinted { number, .. }] = &read(&several)[..] else {
        panic!("{:?}", read(&several))
    };
    assert_eq!(number, ONE);
    let untimed = fixture("track/answer-untimed").to_string();
    let news = read(&untimed);
    assert!(matches!(news.last(), Some(PushedNews::Hinted { .. })), "{news:?}");
    assert_eq!(news.len(), 3, "two events whose time is certain, and the hint");
}

/// P65: nothing that anybody sends breaks anything.
#[test]
fn what_is_not_understood_is_nothing() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "hello",
        "{\"trackingNumberInfo\":{}}",
        r#"{"trackingNumberInfo":{"trackingNumber":"../x"},"scanEvents":[{"date":"2026-11-20T16:30:00Z"}]}"#,
        r#"{"trackingNumberInfo":{"trackingNumber":{"a":1}}}"#,
        r#"{"test":"push from the portal"}"#,
    ] {
        let news = read(body);
        assert!(matches!(&news[..], [PushedNews::Nothing { .. }]), "{body}: {news:?}");
    }
    let many = serde_json::json!({
        "trackingNumberInfo": { "trackingNumber": ONE },
        "scanEvents": (0..150).map(|minute| serde_json::json!({
            "date": format!("2026-11-20T{:02}:{:02}:00Z", minute / 60, minute % 60), "eventType": "IT"
        })).collect::<Vec<_>>(),
    });
    let news = read(&many.to_string());
    assert_eq!(
        news.len(),
        101,
        "so many are read, and the carrier is asked for the rest"
    );
    assert!(matches!(news.last(), Some(PushedNews::Hinted { .. })));
}
