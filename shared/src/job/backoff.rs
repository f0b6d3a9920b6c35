//! How long to wait before the next try: longer each time, and never in step with anybody else. Pure.

use jiff::SignedDuration;

use crate::domain::JobId;

/// What begins at a second has come to a quarter of an hour after so many tries.
const COUNTED: u32 = 10;

/// How waits grow and spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait, in multiples of the first.
    pub most: u32,
    /// Whether waits are spread; a test that compares times turns it off.
    pub jitter: bool,
}

impl Default for Backoff {
    fn default() -> Self {
        // A quarter of an hour where the first wait is a minute: what a queue can delay.
        Self { most: 15, jitter: true }
    }
}

impl Backoff {
    /// Waits that neither grow nor spread.
    pub const STEADY: Self = Self { most: 1, jitter: false };

    /// How long to wait after so many tries. A hint of the other side is a minimum: waits are spread beyond it, the more the
    /// more often it was in vain, because then a crowd waits for the same.
    ///
    /// `draw` is the job's, and differs between jobs and between its writes.
    pub fn wait(self, first: SignedDuration, hint: Option<SignedDuration>, tries: u32, draw: u32) -> SignedDuration {
        let share = if self.jitter { draw % 1024 } else { 1024 };
        let longer = 2_u32.saturating_pow(tries).min(self.most.max(1));
        match hint {
            None => {
                let whole = times(first, longer);
                whole / 2 + part(whole / 2, share)
            }
            Some(hint) if self.jitter => {
                // Nobody comes back within a second: a shorter hint is lengthened before it is spread, or all would come at once.
                let hint = hint.max(SignedDuration::from_secs(1));
                let quarter = (hint / 4).max(SignedDuration::from_secs(1));
                let spread = times(quarter, 2_u32.saturating_pow(tries)).min(times(first, self.most.max(1)));
                hint + part(spread, share)
            }
            Some(hint) => hint,
        }
    }

    /// The tries that are worth counting: beyond them nothing grows.
    pub fn counted(self, tries: u32) -> u32 {
        match self.most {
            0 | 1 => 0,
            _ => tries.min(COUNTED),
        }
    }
}

/// A number that differs between jobs and between the writes of one.
pub fn draw(job: &JobId, version: u64) -> u32 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ version.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = job.as_str().bytes().fold(start, |mixed, byte| {
        (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    u32::try_from(mixed >> 32).unwrap_or(0)
}

fn times(duration: SignedDuration, by: u32) -> SignedDuration {
    duration * i32::try_from(by).unwrap_or(i32::MAX)
}

fn part(duration: SignedDuration, share: u32) -> SignedDuration {
    let milliseconds = duration.as_millis() * i128::from(share) / 1024;
    SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{ConnectionId, DocumentId};

    const MINUTE: SignedDuration = SignedDuration::from_mins(1);

    fn job(number: u32) -> JobId {
        let connection: ConnectionId = "acme".parse().unwrap();
        JobId::of(&connection, &DocumentId::sales_order(number.to_string()), 1)
    }

    fn seconds(wait: SignedDuration) -> i64 {
        wait.as_secs()
    }

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let steady = Backoff {
            jitter: false,
            ..Backoff::default()
        };
        let waits: Vec<i64> = (0..7)
            .map(|tries| seconds(steady.wait(MINUTE, None, tries, 0)))
            .collect();
        assert_eq!(waits, [60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(
            (0..20).map(|tries| steady.counted(tries)).max(),
            Some(COUNTED),
            "more is not worth a write"
        );
        let same: Vec<i64> = (0..3)
            .map(|tries| seconds(Backoff::STEADY.wait(MINUTE, None, tries, 7)))
            .collect();
        assert_eq!((same, Backoff::STEADY.counted(9)), (vec![60; 3], 0));
    }

    /// P62: those who wait for the end of a window that is nearly over do not come back together either.
    #[test]
    fn a_hint_of_less_than_a_second_is_spread_too() {
        let hint = Some(SignedDuration::from_millis(50));
        let waits = (0..1000).map(|number| Backoff::default().wait(MINUTE, hint, 0, draw(&job(number), 3)));
        let mut tenths: BTreeMap<i128, u32> = BTreeMap::new();
        for wait in waits {
            assert!(wait >= SignedDuration::from_secs(1), "{wait:?}");
            *tenths.entry(wait.as_millis() / 100).or_default() += 1;
        }
        let most = tenths.values().max().copied().unwrap_or_default();
        assert!(most < 200, "{most} of 1,000 come back within a tenth of a second");
    }

    #[test]
    fn a_hint_is_a_minimum() {
        let hint = SignedDuration::from_secs(90);
        for number in 0..200 {
            for tries in 0..6 {
                let wait = Backoff::default().wait(MINUTE, Some(hint), tries, draw(&job(number), 3));
                assert!(wait >= hint && wait <= hint + MINUTE * 15, "{wait:?}");
            }
        }
        assert_eq!(Backoff::STEADY.wait(MINUTE, Some(hint), 3, 9), hint);
    }

    /// P62: a thousand jobs that fail at the same moment come back spread over the whole of the later half of their wait, no
    /// second of which sees more than a small crowd, and those that come back together part again at the next try.
    #[test]
    fn retries_are_not_synchronised() {
        let at = |number: u32, version: u64, tries: u32| {
            seconds(Backoff::default().wait(MINUTE, None, tries, draw(&job(number), version)))
        };
        for tries in 0..5_u32 {
            let longest = [60, 120, 240, 480, 900][usize::try_from(tries).unwrap()];
            let mut crowd: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
            for number in 0..1000 {
                crowd.entry(at(number, 4, tries)).or_default().push(number);
            }
            let (first, last) = (*crowd.keys().next().unwrap(), *crowd.keys().last().unwrap());
            assert!(
                first >= longest / 2 && last <= longest,
                "{first} to {last} of {longest}"
            );
            assert!(last - first > longest * 2 / 5, "{first} to {last} of {longest}");
            let mean = usize::try_from(1000 / (longest / 2)).unwrap();
            let most = crowd.values().map(Vec::len).max().unwrap();
            assert!(most <= mean * 2 + 8, "{most} at once where {mean} are the mean");
            let together = crowd.values().max_by_key(|jobs| jobs.len()).unwrap();
            let next: std::collections::BTreeSet<i64> =
                together.iter().map(|number| at(*number, 5, tries.max(2))).collect();
            assert!(
                next.len() * 10 > together.len() * 6,
                "{} of {} part",
                next.len(),
                together.len()
            );
        }
    }
}
