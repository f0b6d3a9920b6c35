//! Every reader of answers, and the hook, against whatever ShipStation answers and against what nobody should send: the same calls that
//! `fuzz/` makes.

use std::path::{Path, PathBuf};

use crate::ports::{HookKeys, Inbound, PushedNews, SigningKey, Webhooks};
use crate::systems::shipstation::fuzzing::{answers, led_to};
use crate::systems::webhooks::Vendors;

const STATUSES: [u16; 7] = [200, 400, 401, 404, 409, 429, 500];

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(folder)
}

/// Every file below a folder, by its name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push((path.display().to_string(), std::fs::read(&path).unwrap())),
        }
    }
    files.sort();
    files
}

/// What ShipStation answers is understood by somebody; what it never should leaves every reader standing.
#[test]
fn every_reader_says_what_it_makes_of_an_answer() {
    let vendors = files(&fixtures("shipstation"));
    assert!(vendors.len() > 20);
    for (name, body) in vendors.iter().filter(|(name, _)| name.ends_with(".json")) {
        let understood = STATUSES.map(|status| answers(status, body));
        assert!(understood.iter().any(|understood| *understood > 0), "{name}");
    }
    let hostile = files(&fixtures("hostile/shipstation"));
    assert!(hostile.len() > 50);
    for (name, body) in &hostile {
        let understood = STATUSES.map(|status| answers(status, body));
        assert!(understood.iter().all(|understood| *understood < 14), "{name}");
    }
}

/// A hostile body is something or nothing, and leads the customer's key to ShipStation's own hosts or nowhere.
#[test]
fn no_hostile_body_leads_to_a_stranger() {
    let mut pointers = 0;
    for (name, body) in files(&fixtures("hostile/shipstation")) {
        let told = Vendors.read("shipstation", &String::from_utf8_lossy(&body));
        assert!((1..=200).contains(&told.len()), "{name}");
        for news in told {
            match news {
                PushedNews::Despatched(pointer) => {
                    pointers += 1;
                    for host in led_to(&pointer) {
                        let own = ["api.shipstation.com", "ssapi.shipstation.com", "ssapi6.shipstation.com"];
                        assert!(own.contains(&host.as_str()), "{name} leads to {host}");
                    }
                }
                PushedNews::Nothing { .. } | PushedNews::Hinted { .. } => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }
    assert!(pointers > 15, "only {pointers} of them point anywhere");
    let own = "https://ssapi6.shipstation.com/shipments?batchId=1";
    assert_eq!(led_to(own), ["ssapi6.shipstation.com"]);
    assert_eq!(
        led_to("https://api.shipstation.com/v2/labels?batch_id=se-1"),
        ["api.shipstation.com"]
    );
}

/// The headers of a signature may say anything: nobody passes by them, and nothing stumbles.
#[test]
fn nobody_passes_by_the_headers_of_a_signature() {
    let now = "2026-03-02T14:00:00Z".parse().unwrap();
    let hook = serde_json::from_value(serde_json::json!({
        "digest": "d", "system": "shipstation", "tenant": "acme", "credential": "c", "secret": "s", "connections": ["acme"],
        "created_at": "2026-01-01T00:00:00Z"
    }))
    .unwrap();
    let keys: HookKeys = serde_json::from_str(r#"{"id":"00","keys":["the-key-of-nobody"]}"#).unwrap();
    let nobodys = SigningKey {
        modulus: vec![0xC7; 256],
        exponent: vec![1, 0, 1],
    };
    let mut named = 0;
    let (longest, huge) = ("k".repeat(129), "A".repeat(100_000));
    for id in ["k", "", longest.as_str()] {
        for signature in ["AAAA", "====", "", "\u{0}", "-_-_", "AAA", huge.as_str()] {
            for stamp in [
                "2026-03-02T14:00:00Z",
                "1772460000",
                "9223372036854775807",
                "-9223372036854775808",
                "-009999-01-01T00:00:00Z",
                "now",
                "",
            ] {
                let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                let inbound = Inbound {
                    hook: "00".to_owned().into(),
                    headers: vec![
                        header("x-shipengine-rsa-sha256-key-id", id),
                        header("x-shipengine-rsa-sha256-signature", signature),
                        header("x-shipengine-timestamp", stamp),
                    ],
                    body: b"{}".to_vec(),
                    source: None,
                };
                assert!(!Vendors.is_genuine(&hook, &keys, &inbound, now));
                assert!(!Vendors.is_signed(&hook, &nobodys, &inbound));
                named += usize::from(Vendors.signed_by(&hook, &keys, &inbound, now).is_some());
            }
        }
    }
    assert_eq!(
        named, 8,
        "a short id, a signature of some bytes and a time that is near"
    );
}
