//! Whatever stands in a connection's file, it is a connection or a list of mistakes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use waybill::connection::{SystemCheck, parse};
use waybill::systems::check::Checks;

fuzz_target!(|text: &str| {
    match parse(text, "dev", &Checks) {
        Ok(_) => {}
        Err(mistakes) => assert!(!mistakes.is_empty(), "refused without a word"),
    }
    for system in ["ups", "netsuite", "unknown"] {
        let _ = Checks.check_secret(system, &SecretString::from(text));
    }
});
