//! What ShipStation counts and when it has had enough.
//!
//! | API | Limit | Answer |
//! |---|---|---|
//! | V2 | 200 calls in any 60 seconds, per key; 20 for a key of the sandbox | 429 with `Retry-After` |
//! | V1 | 40 calls in a minute that begins with the first call after the last one ended, per key | 429; every answer tells limit, rest and seconds until the next minute |
//!
//! A refused call does not count against the limit.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// The length of the span over which calls are counted.
const SPAN: SignedDuration = SignedDuration::from_secs(60);

/// The calls of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    /// When, refused ones too.
    times: Vec<Timestamp>,
    /// When those came that were let in during the last span.
    recent: VecDeque<Timestamp>,
    let_in: Vec<Timestamp>,
    /// The minute that runs, and how many were let in during it.
    minute: Option<(Timestamp, u32)>,
    refused: u64,
}

/// How the calls of a key came.
#[derive(Clone, Debug, Serialize)]
pub struct Traffic {
    /// All of them.
    pub calls: usize,
    /// When, in order, refused ones too; not in the books as JSON.
    #[serde(skip)]
    pub times: Vec<Timestamp>,
    /// Refused for their number.
    pub refused: u64,
    /// The most in any 60 seconds, refused ones too.
    pub most_in_60_s: usize,
    /// The most in any 60 seconds that were let in.
    pub most_let_in_60_s: usize,
}

/// How much of a limit is left after a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Seconds until there is more.
    pub(super) reset: u64,
    pub(super) refused: bool,
}

impl Calls {
    /// Counts a call against a limit over any 60 seconds.
    pub(super) fn slide(&mut self, limit: u32, now: Timestamp) -> Room {
        self.times.push(now);
        while self
            .recent
            .front()
            .is_some_and(|first| now.duration_since(*first) >= SPAN)
        {
            self.recent.pop_front();
        }
        let counted = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        let refused = counted >= limit;
        if refused {
            self.refused += 1;
        } else {
            self.recent.push_back(now);
            self.let_in.push(now);
        }
        let first = self.recent.front().copied().unwrap_or(now);
        Room {
            limit,
            remaining: limit.saturating_sub(counted + u32::from(!refused)),
            reset: seconds_until(first, now),
            refused,
        }
    }

    /// Counts a call against a limit over a minute that begins with its first call.
    pub(super) fn in_minute(&mut self, limit: u32, now: Timestamp) -> Room {
        self.times.push(now);
        let running = self.minute.filter(|(began, _)| now.duration_since(*began) < SPAN);
        let (began, counted) = running.unwrap_or((now, 0));
        let refused = counted >= limit;
        let counted = if refused { counted } else { counted + 1 };
        self.minute = Some((began, counted));
        if refused {
            self.refused += 1;
        } else {
            self.let_in.push(now);
        }
        Room {
            limit,
            remaining: limit.saturating_sub(counted),
            reset: seconds_until(began, now),
            refused,
        }
    }

    /// How they came.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            calls: self.times.len(),
            times: self.times.clone(),
            refused: self.refused,
            most_in_60_s: most_within(&self.times, SPAN),
            most_let_in_60_s: most_within(&self.let_in, SPAN),
        }
    }
}

/// Whole seconds, rounded up, until the span that began then has passed.
fn seconds_until(began: Timestamp, now: Timestamp) -> u64 {
    let left = SPAN - now.duration_since(began);
    let seconds = left.as_secs() + i64::from(left.subsec_nanos() > 0);
    u64::try_from(seconds).unwrap_or(0)
}

/// The most of these that lie within less than `span` of one another.
fn most_within(times: &[Timestamp], span: SignedDuration) -> usize {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let mut window = VecDeque::new();
    let mut most = 0;
    for at in sorted {
        window.push_back(at);
        while window
            .front()
            .is_some_and(|first: &Timestamp| at.duration_since(*first) >= span)
        {
            window.pop_front();
        }
        most = most.max(window.len());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_785_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn the_busiest_span_is_found_wherever_it_begins() {
        let times = [at(0), at(59_000), at(60_500), at(61_000), at(118_999), at(190_000)];
        assert_eq!(most_within(&times, SPAN), 4);
        assert_eq!(most_within(&[at(0), at(60_000)], SPAN), 1);
        assert_eq!(most_within(&[], SPAN), 0);
    }

    #[test]
    fn a_sliding_limit_gives_room_as_the_oldest_call_ages() {
        let mut calls = Calls::default();
        assert!(!calls.slide(2, at(0)).refused);
        assert!(!calls.slide(2, at(30_000)).refused);
        let room = calls.slide(2, at(40_500));
        assert!(room.refused);
        assert_eq!(room.reset, 20, "the first call is sixty seconds old then");
        assert!(!calls.slide(2, at(60_000)).refused);
        assert!(calls.slide(2, at(60_001)).refused);
        let traffic = calls.traffic();
        assert_eq!(
            (traffic.refused, traffic.most_let_in_60_s, traffic.times.len()),
            (2, 2, 5)
        );
    }

    #[test]
    fn a_minute_begins_with_its_first_call() {
        let mut calls = Calls::default();
        assert_eq!(calls.in_minute(2, at(0)).remaining, 1);
        assert_eq!(calls.in_minute(2, at(50_000)).remaining, 0);
        let room = calls.in_minute(2, at(59_000));
        assert!(room.refused);
        assert_eq!((room.remaining, room.reset), (0, 1));
        assert!(!calls.in_minute(2, at(60_000)).refused);
    }
}
