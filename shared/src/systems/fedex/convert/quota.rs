//! Two quotas answer with the same status: so many calls in a window of ten seconds, and so many in a day that ends
//! at midnight in Greenwich. Only the words tell them apart.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::http::Answer;

/// The window in which calls are counted: whatever of it is left, it is over after its length.
const WINDOW: SignedDuration = SignedDuration::from_secs(10);

const DAY: i64 = 24 * 60 * 60;

/// A quota that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// When it begins anew.
    pub(crate) ends: Timestamp,
    /// Whether it is the day's.
    pub(crate) is_daily: bool,
}

/// Which quota an answer says is used up, if it says so.
pub(crate) fn quota(answer: &Answer, now: Timestamp) -> Option<Quota> {
    if answer.status != 429 {
        return None;
    }
    let words = String::from_utf8_lossy(&answer.body).to_lowercase();
    let is_daily = words.contains("daily") || words.contains("12:00am gmt");
    let named = answer.retry_after().map(SignedDuration::try_from);
    let ends = match named {
        _ if is_daily => midnight_after(now),
        Some(Ok(wait)) => now + wait,
        _ => now + WINDOW,
    };
    Some(Quota { ends, is_daily })
}

impl Quota {
    /// How long that is from now.
    pub(crate) fn left(self, now: Timestamp) -> Option<Duration> {
        Duration::try_from(self.ends.duration_since(now)).ok()
    }
}

fn midnight_after(now: Timestamp) -> Timestamp {
    let days = now.as_second().div_euclid(DAY) + 1;
    Timestamp::from_second(days * DAY).unwrap_or(now + WINDOW)
}
