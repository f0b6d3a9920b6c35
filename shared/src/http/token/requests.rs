//! How many tokens may be asked for: exactly as many as the limit in any 24 hours. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::ports::TokenRequests;

/// For how long a request counts. A request is noted before it is sent, and the note of a later one may be sent at once:
/// two minutes, longer than any call lives, keep their distance at the vendor above 24 hours.
const COUNTS: SignedDuration = SignedDuration::from_mins(24 * 60 + 2);

/// No request is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted {
    /// When the next one is.
    pub(super) until: Timestamp,
}

/// How much of the limit a request may use. Renewals of tokens that had not ended, which a vendor that refuses every
/// token would ask for without end, leave a fifth for tokens that end by themselves: so it heals by itself.
pub(super) fn share(limit: u32, forced: bool) -> u32 {
    if forced { limit - limit / 5 } else { limit }
}

/// The requests with one more, of at most `limit`.
pub(super) fn reserve(requests: &TokenRequests, limit: u32, now: Timestamp) -> Result<TokenRequests, Exhausted> {
    let counts = |at: &&Timestamp| now.duration_since(**at) < COUNTS;
    let mut at: Vec<Timestamp> = requests.at.iter().filter(counts).copied().collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if at.len() >= limit {
        let leaves = at.get(at.len() - limit).copied().unwrap_or(now);
        return Err(Exhausted { until: leaves + COUNTS });
    }
    at.push(now);
    at.sort_unstable();
    Ok(TokenRequests {
        version: requests.version + 1,
        at,
    })
}

/// Whether four fifths of the limit are used.
pub(super) fn is_nearly_exhausted(requests: &TokenRequests, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    requests.at.len().saturating_mul(5) >= limit.saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn the_limit_holds_in_every_window_of_a_day_not_only_by_the_calendar() {
        let (mut requests, mut made) = (TokenRequests::default(), Vec::new());
        for minute in 0..3 * 24 * 60 {
            if let Ok(reserved) = reserve(&requests, 10, at(minute)) {
                made.push(minute);
                requests = reserved;
            }
        }
        assert_eq!(made.len(), 30);
        assert!(
            made.windows(11).all(|window| window[10] - window[0] > 24 * 60),
            "{made:?}"
        );
        assert_eq!(requests.version, 30);
    }

    #[test]
    fn whoever_comes_too_late_is_told_when_to_come_again() {
        let requests = TokenRequests {
            version: 2,
            at: vec![at(0), at(60)],
        };
        let refused = reserve(&requests, 2, at(70)).unwrap_err();
        assert_eq!(refused.until, at(24 * 60 + 2));
        assert!(reserve(&requests, 2, refused.until).is_ok());
    }

    #[test]
    fn refusals_cannot_use_what_ends_by_itself() {
        assert_eq!((share(250, true), share(250, false)), (200, 250));
        assert_eq!(share(1, true), 1);
    }

    #[test]
    fn four_fifths_are_nearly_all() {
        let requests = |count| TokenRequests {
            version: 1,
            at: vec![at(0); count],
        };
        assert!(!is_nearly_exhausted(&requests(199), 250));
        assert!(is_nearly_exhausted(&requests(200), 250));
    }
}
