//! Whoever sends whatever to ShipStation's hook: nothing passes for signed, no pointer leads the customer's key to a stranger, and what
//! is read of a parcel can be kept.

#![no_main]

use libfuzzer_sys::fuzz_target;
use waybill::ports::{PushedNews, SigningKey, Webhooks};
use waybill::systems::shipstation::fuzzing::led_to;
use waybill::systems::webhooks::Vendors;
use waybill_fuzz::{Sent, hook, keys, now};

/// What a request says of its signature.
const SIGNED: [&str; 3] = [
    "x-shipengine-rsa-sha256-key-id",
    "x-shipengine-rsa-sha256-signature",
    "x-shipengine-timestamp",
];

fuzz_target!(|sent: Sent| {
    let inbound = sent.inbound(&SIGNED);
    let (hook, strict) = (hook("shipstation"), keys(r#"{"id":"00","keys":["the-key-of-nobody"]}"#));
    assert!(!Vendors.is_genuine(&hook, &strict, &inbound, now()), "the address alone is no proof");
    let named = Vendors.signed_by(&hook, &strict, &inbound, now());
    assert!(named.is_none_or(|id| (1..=128).contains(&id.len())), "a key's id is short");
    let nobodys = SigningKey {
        modulus: vec![0xC7; 256],
        exponent: vec![1, 0, 1],
    };
    assert!(!Vendors.is_signed(&hook, &nobodys, &inbound), "a stranger");
    assert!(Vendors.token(&hook, &strict, &inbound, now()).is_none(), "ShipStation asks for no token");
    let unsigned = keys(r#"{"id":"00","unsigned":true}"#);
    assert!(Vendors.signed_by(&hook, &unsigned, &inbound, now()).is_none(), "V1 signs nothing");
    let told = Vendors.read("shipstation", &String::from_utf8_lossy(&sent.body));
    assert!((1..=200).contains(&told.len()), "whatever comes is something or nothing");
    for news in told {
        match news {
            PushedNews::Happened { number, event } => {
                assert!(is_number(&number));
                let _ = event.is_possible(now());
                let kept = serde_json::to_string(&event).expect("an event can be written");
                assert_eq!(
                    serde_json::from_str::<waybill::domain::TrackingEvent>(&kept).expect("and read"),
                    *event
                );
                assert_eq!(event.joined(&event), *event);
            }
            PushedNews::Hinted { number, .. } => assert!(is_number(&number)),
            PushedNews::Despatched(pointer) => {
                assert!(pointer.len() <= 2_000);
                for host in led_to(&pointer) {
                    assert!(is_shipstations(&host), "the key is sent to {host}");
                }
            }
            PushedNews::Changed(_) => panic!("ShipStation knows no documents"),
            PushedNews::Nothing { .. } => {}
        }
    }
});

fn is_number(text: &str) -> bool {
    (4..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_shipstations(host: &str) -> bool {
    let numbered = host.strip_prefix("ssapi").and_then(|rest| rest.strip_suffix(".shipstation.com"));
    host == "api.shipstation.com" || numbered.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
