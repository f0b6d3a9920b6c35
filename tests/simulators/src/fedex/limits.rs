//! What FedEx counts and when it has had enough.
//!
//! | Limit | Counted | Answer |
//! |---|---|---|
//! | 1,400 transactions in a fixed window of 10 seconds | per project | 429 until the window ends |
//! | transactions in a day, from midnight GMT | over all projects; Track per project too | 429 until midnight |
//! | more than 3 token requests a second, five seconds in a row | per address, and there is one | 403 for 10 minutes |
//! | more than 120 token requests in 120 seconds | the same | the same; each further violation begins it again |

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Capability;
use super::answer::Refusal;
use super::model::State;

/// The length of a window of transactions, in seconds.
const WINDOW_S: i64 = 10;
/// The length of a day, in seconds.
const DAY_S: i64 = 24 * 60 * 60;
/// Seconds in a row with more than the burst that bring the penalty.
const BURST_SECONDS: i64 = 5;
/// Token requests in a second that are still good.
const BURST: usize = 3;
/// The time over which token requests are averaged, in seconds, and so many of them are still good.
const AVERAGE_S: i64 = 120;
/// How long no token is given out after a violation.
const PENALTY: SignedDuration = SignedDuration::from_mins(10);

/// Token requests of the one address that all callers share.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenGate {
    /// When, the latest last; refused ones too.
    hits: Vec<Timestamp>,
    blocked_until: Option<Timestamp>,
    refused: u64,
}

/// How token requests came.
#[derive(Clone, Debug, Serialize)]
pub struct TokenTraffic {
    /// All of them, refused ones too.
    pub requests: usize,
    /// Refused for their number.
    pub refused: u64,
    /// The most in any second, wherever it begins.
    pub most_in_a_second: usize,
    /// The most in any 120 seconds.
    pub most_in_120_s: usize,
    /// When tokens are given out again, if there was a penalty.
    pub blocked_until: Option<Timestamp>,
}

/// A project's transactions.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    /// When, refused ones too.
    times: Vec<Timestamp>,
    /// The window of the latest one, and how many were accepted in it.
    window: (i64, u32),
    /// The day of the latest one of Track, and how many were accepted on it.
    track_day: (i64, u32),
    refused: u64,
}

/// How a project's transactions came.
#[derive(Clone, Debug, Serialize)]
pub struct Traffic {
    /// All of them, refused ones too.
    pub calls: usize,
    /// Refused for their number.
    pub refused: u64,
    /// The most in any ten seconds, wherever they begin.
    pub most_in_10_s: usize,
    /// The most in one of FedEx's own windows.
    pub most_in_a_window: usize,
}

impl TokenGate {
    /// Counts a token request, and refuses it during a penalty.
    pub(super) fn pass(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.hits.push(now);
        if self.is_violated(now) {
            self.blocked_until = now.checked_add(PENALTY).ok();
        }
        if self.blocked_until.is_some_and(|until| now < until) {
            self.refused += 1;
            let text = "Too many token requests came from this address";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN.ERROR", text));
        }
        Ok(())
    }

    fn is_violated(&self, now: Timestamp) -> bool {
        let second = now.as_second();
        let recent: Vec<i64> = self
            .hits
            .iter()
            .rev()
            .map(|hit| hit.as_second())
            .take_while(|hit| second - hit < AVERAGE_S)
            .collect();
        let busy = |back: i64| recent.iter().filter(|hit| **hit == second - back).count() > BURST;
        let average = usize::try_from(AVERAGE_S).unwrap_or(usize::MAX);
        (0..BURST_SECONDS).all(busy) || recent.len() > average
    }

    pub(super) fn traffic(&self) -> TokenTraffic {
        TokenTraffic {
            requests: self.hits.len(),
            refused: self.refused,
            most_in_a_second: most_within(&self.hits, SignedDuration::from_secs(1)),
            most_in_120_s: most_within(&self.hits, SignedDuration::from_secs(AVERAGE_S)),
            blocked_until: self.blocked_until,
        }
    }
}

impl Calls {
    pub(super) fn traffic(&self) -> Traffic {
        let mut windows: BTreeMap<i64, usize> = BTreeMap::new();
        for time in &self.times {
            *windows.entry(window_of(*time)).or_default() += 1;
        }
        Traffic {
            calls: self.times.len(),
            refused: self.refused,
            most_in_10_s: most_within(&self.times, SignedDuration::from_secs(WINDOW_S)),
            most_in_a_window: windows.into_values().max().unwrap_or_default(),
        }
    }

    fn in_window(&mut self, now: Timestamp) -> &mut u32 {
        counter(&mut self.window, window_of(now))
    }

    fn in_track_day(&mut self, now: Timestamp) -> &mut u32 {
        counter(&mut self.track_day, day_of(now))
    }
}

impl State {
    /// Counts a transaction of a project, and refuses it when there were enough.
    pub(super) fn count_call(&mut self, project: &str, capability: Capability, now: Timestamp) -> Result<(), Refusal> {
        let today = *counter(&mut self.day, day_of(now));
        let calls = self.calls.entry(project.to_owned()).or_default();
        calls.times.push(now);
        let tracked = capability == Capability::Track;
        let enough_today = today >= self.options.daily_quota
            || (tracked && *calls.in_track_day(now) >= self.options.track_daily_quota);
        if enough_today {
            calls.refused += 1;
            let text = "Too many requests - Daily transaction quota exceeded. Retry after 12:00AM GMT";
            return Err(Refusal::too_many(text, None));
        }
        if *calls.in_window(now) >= self.options.calls_per_window {
            calls.refused += 1;
            let left = WINDOW_S - now.as_second().rem_euclid(WINDOW_S);
            let left = u64::try_from(left).ok().filter(|_| self.options.tells_retry_after);
            let text = "Too many requests in a short duration; try again later";
            return Err(Refusal::too_many(text, left));
        }
        *calls.in_window(now) += 1;
        if tracked {
            *calls.in_track_day(now) += 1;
        }
        *counter(&mut self.day, day_of(now)) += 1;
        Ok(())
    }
}

/// The count of this span of time: nought if the latest count was of another.
fn counter(count: &mut (i64, u32), span: i64) -> &mut u32 {
    if count.0 != span {
        *count = (span, 0);
    }
    &mut count.1
}

fn window_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(WINDOW_S)
}

fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(DAY_S)
}

/// The most of these that lie within less than `span` of one another.
fn most_within(times: &[Timestamp], span: SignedDuration) -> usize {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let mut most = 0;
    let mut first = sorted.iter().enumerate();
    let mut from = first.next();
    for (place, at) in sorted.iter().enumerate() {
        while from.is_some_and(|(_, begin)| at.duration_since(*begin) >= span) {
            from = first.next();
        }
        let begin = from.map_or(place, |(begin, _)| begin);
        most = most.max(place + 1 - begin);
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
        let times = [at(0), at(900), at(1100), at(1800), at(1899), at(3000)];
        assert_eq!(most_within(&times, SignedDuration::from_secs(1)), 4);
        assert_eq!(most_within(&[], SignedDuration::from_secs(1)), 0);
        assert_eq!(most_within(&[at(0), at(1000)], SignedDuration::from_secs(1)), 1);
    }
}
