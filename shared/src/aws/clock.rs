//! The machine's clock and its random numbers.

use aws_lc_rs::rand;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;

use crate::domain::Nonce;
use crate::ports::{Clock, Nonces};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Nonces of 128 random bits.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomNonces;

impl Nonces for RandomNonces {
    fn nonce(&self) -> Nonce {
        let mut bits = [0_u8; 16];
        // The generator of AWS-LC does not fail on a running machine; a nonce of the time would still be one.
        if rand::fill(&mut bits).is_err() {
            bits = Timestamp::now().as_nanosecond().to_be_bytes();
        }
        Nonce::new(BASE32_NOPAD.encode(&bits))
    }
}

/// A random number below `bound`, for jitter and for where to begin; 0 where `bound` is 0.
pub(super) fn random(bound: u64) -> u64 {
    let mut bits = [0_u8; 8];
    match rand::fill(&mut bits) {
        Ok(()) => u64::from_be_bytes(bits).checked_rem(bound).unwrap_or(0),
        Err(_) => 0,
    }
}
