//! Whatever FedEx answers, every reader of its answers says what it makes of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use waybill::systems::fedex::fuzzing::answers;

/// Statuses whose bodies are read differently.
const STATUSES: [u16; 7] = [200, 400, 401, 403, 404, 429, 500];

fuzz_target!(|body: &[u8]| {
    for status in STATUSES {
        answers(status, body);
    }
});
