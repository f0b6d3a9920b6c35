//! Whatever ShipStation answers, by either of its APIs, every reader of its answers says what it makes of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use waybill::systems::shipstation::fuzzing::answers;

/// Statuses whose bodies are read differently.
const STATUSES: [u16; 7] = [200, 400, 401, 404, 409, 429, 500];

fuzz_target!(|body: &[u8]| {
    for status in STATUSES {
        answers(status, body);
    }
});
