//! Whoever sends whatever to NetSuite's hook: it is refused or read, and a stranger is never genuine.

#![no_main]

use libfuzzer_sys::fuzz_target;
use waybill::ports::{PushedNews, Webhooks};
use waybill::systems::webhooks::Vendors;
use waybill_fuzz::{Sent, hook, keys, now};

fuzz_target!(|sent: Sent| {
    let keys = keys(r#"{"id":"00","keys":["the-key-of-nobody","the-old-one"]}"#);
    let inbound = sent.inbound(&["x-waybill-timestamp", "x-waybill-signature", "authorization"]);
    assert!(
        !Vendors.is_genuine(&hook("netsuite"), &keys, &inbound, now()),
        "a stranger"
    );
    assert!(
        Vendors.token(&hook("netsuite"), &keys, &inbound, now()).is_none(),
        "NetSuite asks for no token"
    );
    let told = Vendors.read("netsuite", &String::from_utf8_lossy(&sent.body));
    assert!(
        (1..=100).contains(&told.len()),
        "whatever comes is something or nothing"
    );
    for news in told {
        match news {
            PushedNews::Changed(document) => {
                assert!((1..=18).contains(&document.id.len()) && document.id.bytes().all(|byte| byte.is_ascii_digit()));
            }
            PushedNews::Nothing { .. } => {}
            other => panic!("NetSuite knows no parcels: {other:?}"),
        }
    }
});
