//! A published limit as fixed windows that a fleet can share.
//!
//! A vendor counts calls in any stretch of its length; a fleet can only count in fixed windows. A stretch of length `per`
//! touches one window more than fit into it, and one more again because a call arrives a moment after it was counted. So
//! the length is cut into `parts` windows, and `parts + 2` of them together hold no more than the limit. Pure.

use jiff::{SignedDuration, Timestamp};

/// The most windows that a limit's length is cut into: with ten of them five sixths of the limit are used, and a call may
/// arrive a tenth of the length late.
const MOST_PARTS: u32 = 10;

/// A window holds at least so many calls, if the limit allows it: what one order asks for in a row.
const ENOUGH: u32 = 5;

/// So many calls in any stretch of so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    calls: u32,
    per: SignedDuration,
    in_a_row: u32,
}

/// A fixed window of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Which one, counted since 1970.
    pub number: i64,
    /// When it ends, and with it whatever was reserved in it.
    pub ends: Timestamp,
    /// How many calls it holds.
    pub room: u32,
    /// How many of them a worker reserves at a time.
    pub chunk: u32,
}

impl Rate {
    /// A rate; `None` for fewer than two calls, which fixed windows cannot keep, or less than a second.
    pub fn new(calls: u32, per: SignedDuration) -> Option<Self> {
        (calls >= 2 && per >= SignedDuration::from_secs(1)).then_some(Self {
            calls,
            per,
            in_a_row: ENOUGH,
        })
    }

    /// The same for whoever must make so many calls in a row: a window holds them, if the limit allows it. Work that finds too small
    /// a window again and again never ends.
    #[must_use]
    pub fn with_room_for(self, in_a_row: u32) -> Self {
        Self { in_a_row, ..self }
    }

    /// One part of so many of the rate. A part that does not hold in its length what must be asked in a row is counted over a longer one.
    #[must_use]
    pub fn part(self, of: u32) -> Self {
        let calls = self.calls.checked_div(of).unwrap_or(self.calls).max(2);
        let times = self.in_a_row.saturating_mul(3).div_ceil(calls).max(1);
        Self {
            calls: calls.saturating_mul(times),
            per: self.per.saturating_mul(i32::try_from(times).unwrap_or(i32::MAX)),
            ..self
        }
    }

    /// The window of a moment.
    pub fn window(&self, now: Timestamp) -> Window {
        let (length, room) = self.cut();
        let number = now.as_millisecond().div_euclid(length);
        let ends = Timestamp::from_millisecond((number + 1).saturating_mul(length)).unwrap_or(Timestamp::MAX);
        let chunk = (room / 10).max(1);
        Window {
            number,
            ends,
            room,
            chunk,
        }
    }

    /// A window's length in milliseconds and the calls that it holds: of all cuts the one that wastes least.
    fn cut(&self) -> (i64, u32) {
        let per = i64::try_from(self.per.as_millis()).unwrap_or(i64::MAX / 4);
        let room = |parts: u32| self.calls / (parts + 2);
        let enough = self.in_a_row.min(room(1));
        let best = (1..=MOST_PARTS)
            .filter(|parts| room(*parts) >= enough)
            .max_by_key(|parts| (parts * room(*parts), *parts));
        match best.filter(|parts| room(*parts) > 0) {
            Some(parts) => {
                let parts_long = i64::from(parts);
                ((per + parts_long - 1) / parts_long, room(parts))
            }
            // Two calls: one in a window of twice the length.
            None => (per * 2, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(calls: u32, seconds: i64) -> Rate {
        Rate::new(calls, SignedDuration::from_secs(seconds)).unwrap()
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn most_of_a_limit_is_used() {
        assert_eq!(rate(1400, 10).cut(), (1000, 116));
        assert_eq!(rate(50, 10).cut(), (1250, 5));
        assert_eq!(rate(200, 60).cut(), (6667, 18));
        assert_eq!(rate(40, 60).cut(), (10_000, 5));
        assert_eq!(rate(40, 60).with_room_for(8).cut(), (20_000, 8));
        assert_eq!(rate(12, 60).cut(), (60_000, 4), "an order's calls fit into a window");
        assert_eq!(rate(3, 1).cut(), (1000, 1));
        assert_eq!(rate(2, 1).cut(), (2000, 1));
        assert_eq!(Rate::new(1, SignedDuration::from_secs(10)), None);
        assert_eq!(rate(200, 60).part(2).cut(), (6667, 9), "half of each window");
        assert_eq!(
            rate(40, 60).with_room_for(8).part(2).cut(),
            (40_000, 8),
            "over a longer stretch"
        );
        assert_eq!(
            rate(20, 60).part(2).cut(),
            (60_000, 5),
            "a sandbox's share holds what one new order asks for"
        );
        assert_eq!(rate(3, 1).part(2).cut(), (8000, 5));
    }

    #[test]
    fn a_window_says_when_it_ends() {
        let window = rate(1400, 10).window(at(1_250));
        assert_eq!((window.ends, window.room, window.chunk), (at(2_000), 116, 11));
        assert_eq!(rate(1400, 10).window(at(2_000)).number, window.number + 1);
    }

    proptest! {
        /// P61: whatever the moments at which calls are counted, and however late each of them arrives within a window's
        /// length, no stretch of the limit's length ever sees more than the limit.
        #[test]
        fn no_stretch_sees_more_than_the_limit(
            calls in 2_u32..1500,
            seconds in 1_i64..120,
            in_a_row in 1_u32..20,
            wishes in proptest::collection::vec((0_i64..40, 0_i64..=100), 200..2000),
        ) {
            let rate = rate(calls, seconds).with_room_for(in_a_row);
            let (length, _) = rate.cut();
            let mut taken = std::collections::HashMap::new();
            let mut arrivals = Vec::new();
            let (mut now, step) = (0, (length / 8).max(1));
            for (gap, late) in wishes {
                now += gap * step / 20;
                let window = rate.window(at(now));
                let used: &mut u32 = taken.entry(window.number).or_default();
                if *used < window.room {
                    *used += 1;
                    arrivals.push(now + length * late / 100);
                }
            }
            arrivals.sort_unstable();
            let most = usize::try_from(calls).unwrap();
            for (first, start) in arrivals.iter().enumerate() {
                let within = arrivals[first..].iter().take_while(|at| **at - start < seconds * 1000).count();
                prop_assert!(within <= most, "{within} calls in {seconds} s");
            }
        }
    }
}
