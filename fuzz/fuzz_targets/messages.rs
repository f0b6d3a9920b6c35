//! Whatever lies in a queue or a hook's secret, it is read or refused; what is read can be written and read again.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use waybill::ports::{Captured, Hook, HookKeys, Message, TrackingMessage};
use waybill::systems::ups::PushTarget;

fn same_again<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    if let Ok(read) = serde_json::from_str::<T>(text) {
        let written = serde_json::to_string(&read).expect("what was read can be written");
        assert_eq!(
            serde_json::from_str::<T>(&written).expect("what was written can be read"),
            read
        );
    }
}

fuzz_target!(|text: &str| {
    same_again::<Message>(text);
    same_again::<TrackingMessage>(text);
    same_again::<Hook>(text);
    same_again::<Captured>(text);
    if let Ok(keys) = serde_json::from_str::<HookKeys>(text) {
        assert_eq!(format!("{keys:?}"), "HookKeys { .. }", "keys are never shown");
    }
    PushTarget::new(
        &"https://api.example.com".parse().expect("an address"),
        &text.to_owned().into(),
    );
});
