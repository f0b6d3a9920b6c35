//! A round: one telling of everything that a desk is to know of stock, or of customers. Which one it is, how it stands in time, and
//! who is at it. Pure.
//!
//! Whoever goes on with a round holds it for longer than its invocation can live, so that nobody else tells the desk of the same
//! things at the same time: of two that do, the older word might come last.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Nonce;

/// After so long without a write a round that is under way stands still: its message was lost. Longer than any message waits.
const STANDSTILL: SignedDuration = SignedDuration::from_hours(2);

/// Who goes on with a round, and until when nobody else may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grip {
    /// Who.
    pub owner: Nonce,
    /// Until when.
    pub until: Timestamp,
}

/// A round.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Counts the writes; 0 while nothing is stored.
    pub version: u64,
    /// Counts the rounds; 0 before the first.
    pub number: u32,
    /// When it began.
    #[serde(default)]
    pub began: Option<Timestamp>,
    /// When it ended; `None` while it is under way.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// Whether everything is told again, whether it changed or not.
    #[serde(default)]
    pub whole: bool,
    /// Who asked for it; `None` where the schedule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why it waits, or why it ended before everything was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Until when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// Who is at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Grip>,
    /// When it was last written by whoever was at it; `None` where no message is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touched: Option<Timestamp>,
}

impl Round {
    /// Whether it has begun and not ended.
    pub fn is_under_way(&self) -> bool {
        self.began.is_some() && self.ended.is_none()
    }

    /// Whether it ended after everything was told.
    pub fn is_complete(&self) -> bool {
        self.ended.is_some() && self.stopped.is_none()
    }

    /// Until when somebody is at it.
    pub fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.held.as_ref().map(|grip| grip.until);
        until.filter(|until| *until > now)
    }

    /// Whether it is under way and nobody goes on with it.
    pub fn stands_still(&self, now: Timestamp) -> bool {
        let quiet = |touched: Timestamp| now.duration_since(touched) >= STANDSTILL;
        self.is_under_way() && self.held_until(now).is_none() && self.touched.is_none_or(quiet)
    }

    /// The round after this one.
    pub fn next(&self, now: Timestamp, whole: bool) -> Self {
        Self {
            version: self.version + 1,
            number: self.number + 1,
            began: Some(now),
            whole,
            ..Self::default()
        }
    }

    /// It is gone on with: the next write of whoever is at it, or comes to it.
    pub fn taken(&self, owner: &Nonce, now: Timestamp, lease: SignedDuration) -> Self {
        Self {
            version: self.version + 1,
            held: Some(Grip {
                owner: owner.clone(),
                until: now + lease,
            }),
            touched: Some(now),
            stopped: None,
            waits_until: None,
            ..self.clone()
        }
    }

    /// Nobody is at it until then, and why that is.
    pub fn waiting(&self, now: Timestamp, until: Option<Timestamp>, why: Option<String>) -> Self {
        Self {
            version: self.version + 1,
            held: None,
            touched: Some(now),
            stopped: why,
            waits_until: until,
            ..self.clone()
        }
    }

    /// Nobody goes on with it until somebody asks for it again.
    pub fn resting(&self, why: String) -> Self {
        Self {
            version: self.version + 1,
            held: None,
            touched: None,
            stopped: Some(why),
            waits_until: None,
            ..self.clone()
        }
    }

    /// It is over; with words where not everything was told.
    pub fn over(&self, now: Timestamp, why: Option<String>) -> Self {
        Self {
            ended: Some(now),
            ..self.waiting(now, None, why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_round_that_nobody_has_taken_up_is_taken_up_at_once_and_one_that_stands_still_after_two_hours() {
        let begun = Round::default().next(at(0), false);
        assert!(begun.stands_still(at(0)), "its message may not have been sent");
        let taken = begun.taken(&Nonce::new("a"), at(1), SignedDuration::from_mins(5));
        assert_eq!(
            (taken.version, taken.held_until(at(5)), taken.held_until(at(6))),
            (2, Some(at(6)), None)
        );
        assert!(!taken.stands_still(at(60)) && taken.stands_still(at(121)));
        assert!(taken.resting("paused".to_owned()).stands_still(at(2)));
        let waiting = taken.waiting(at(2), Some(at(3)), Some("the limit".to_owned()));
        assert!(!waiting.stands_still(at(3)) && waiting.is_under_way());
    }

    #[test]
    fn a_round_that_was_given_up_is_over_and_not_complete() {
        let taken = Round::default()
            .next(at(0), true)
            .taken(&Nonce::new("a"), at(1), SignedDuration::from_mins(5));
        let done = taken.over(at(2), None);
        assert!(done.is_complete() && !done.is_under_way() && done.held.is_none());
        let given_up = taken.over(at(2), Some("no inventory".to_owned()));
        assert!(!given_up.is_complete() && !given_up.is_under_way());
        let next = given_up.next(at(60), false);
        assert_eq!((next.number, next.stopped, next.whole), (2, None, false));
    }
}
