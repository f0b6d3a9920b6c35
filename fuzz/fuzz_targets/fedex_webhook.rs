//! Whoever sends whatever to FedEx's hook: it is refused or read, a stranger is never genuine, and what is read can be kept.

#![no_main]

use libfuzzer_sys::fuzz_target;
use waybill::ports::{PushedNews, Webhooks};
use waybill::systems::webhooks::Vendors;
use waybill_fuzz::{Sent, hook, keys, now};

fuzz_target!(|sent: Sent| {
    let keys = keys(r#"{"id":"00","keys":["the-key-of-nobody","the-old-one"]}"#);
    let inbound = sent.inbound(&["fdx-signature", "authorization", "content-type"]);
    assert!(!Vendors.is_genuine(&hook("fedex"), &keys, &inbound, now()), "a stranger");
    let told = Vendors.read("fedex", &String::from_utf8_lossy(&sent.body));
    assert!(!told.is_empty(), "whatever comes is something or nothing");
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
            PushedNews::Changed(_) => panic!("FedEx knows no documents"),
            PushedNews::Nothing { .. } => {}
        }
    }
});

fn is_number(text: &str) -> bool {
    (1..=34).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
