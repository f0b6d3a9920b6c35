//! Whoever sends whatever to UPS's hook: it is refused or read, a stranger is never genuine, and what is read can be kept.

#![no_main]

use libfuzzer_sys::fuzz_target;
use waybill::ports::{PushedNews, Webhooks};
use waybill::systems::webhooks::Vendors;
use waybill_fuzz::{Sent, hook, keys, now};

fuzz_target!(|sent: Sent| {
    let (first, second) = (
        keys(r#"{"id":"00","keys":["the-key-of-nobody","the-old-one"]}"#),
        keys(r#"{"id":"00","keys":["the-secret-of-nobody"],"client_id":"portal","token_key":"signs"}"#),
    );
    for keys in [&first, &second] {
        let inbound = sent.inbound(&["credential", "x-api-key", "authorization"]);
        assert!(!Vendors.is_genuine(&hook("ups"), keys, &inbound, now()), "a stranger");
        assert!(
            Vendors.token(&hook("ups"), keys, &inbound, now()).is_none(),
            "a token for a stranger"
        );
    }
    let told = Vendors.read("ups", &String::from_utf8_lossy(&sent.body));
    assert!(
        (1..=200).contains(&told.len()),
        "whatever comes is something or nothing"
    );
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
            PushedNews::Changed(_) => panic!("UPS knows no documents"),
            PushedNews::Nothing { .. } => {}
        }
    }
});

fn is_number(text: &str) -> bool {
    (1..=34).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
