//! Turns at slots that are all taken: who comes in vain is told when to come again, one after another, so that a crowd
//! neither storms the slots nor leaves them empty. Pure.

use jiff::{SignedDuration, Timestamp};

/// How long a slot is held as long as nobody has measured it.
const USUAL: SignedDuration = SignedDuration::from_secs(1);

/// A turn is never further away: what slots are held for changes, and a message can be delayed by a quarter of an hour at most.
const FURTHEST: SignedDuration = SignedDuration::from_mins(14);

/// How long a slot of an account is held, as this process has seen it lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding(SignedDuration);

impl Default for Holding {
    fn default() -> Self {
        Self(USUAL)
    }
}

impl Holding {
    /// After another slot was held for so long: the newest counts for a quarter.
    pub fn after(self, held: SignedDuration) -> Self {
        Self((self.0 * 3 + held.max(SignedDuration::ZERO)) / 4)
    }

    /// How far turns at so many slots are apart: at least a millisecond.
    pub fn spacing(self, slots: u16) -> SignedDuration {
        (self.0 / i32::from(slots.max(1))).max(SignedDuration::from_millis(1))
    }

    /// The turn after the last that was given.
    pub fn turn(self, slots: u16, last: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let next = last.unwrap_or(now).max(now) + self.spacing(slots);
        next.min(now + FURTHEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn turns_follow_each_other_as_fast_as_slots_become_free() {
        let mut last = None;
        let turns: Vec<Timestamp> = (0..3)
            .map(|_| {
                let turn = Holding::default().turn(4, last, at(1000));
                last = Some(turn);
                turn
            })
            .collect();
        assert_eq!(turns, [at(1250), at(1500), at(1750)]);
        assert_eq!(
            Holding::default().turn(4, last, at(9000)),
            at(9250),
            "nobody waits any more"
        );
        assert_eq!(Holding::default().turn(4, Some(at(9_000_000)), at(0)), at(840_000));
    }

    #[test]
    fn what_was_measured_counts() {
        let slow = (0..20).fold(Holding::default(), |holding, _| {
            holding.after(SignedDuration::from_secs(8))
        });
        assert!(slow.spacing(4) > SignedDuration::from_millis(1900), "{slow:?}");
        let fast = (0..40).fold(slow, |holding, _| holding.after(SignedDuration::ZERO));
        assert_eq!(fast.spacing(4), SignedDuration::from_millis(1));
    }
}
