//! How an outside account has fared lately, and who may ask it for something now. Pure.
//!
//! A row of failures makes an outage, which is noticed once and for everybody: from then on nothing is sent but one probe at
//! a time, at growing distances. Effects are counted apart from reads, because a carrier whose prices work may lose
//! purchases; and because every effect that is lost is a purchase to be looked for, theirs is the shorter row.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many calls of any kind fail in a row before the account counts as out.
const CALLS_IN_A_ROW: u32 = 5;

/// How many effects fail in a row before no more of them are sent.
const EFFECTS_IN_A_ROW: u32 = 3;

/// When the first probe follows, and how far the last ones are apart. A failed trial of an effect leaves something unknown
/// behind, so there are fewer of them.
const READS: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(30), SignedDuration::from_mins(15));
const EFFECTS: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(2), SignedDuration::from_hours(1));

/// How often a probe of a refused credential may ask for a new token: every so manieth.
const PROBES_PER_TOKEN: u32 = 4;

/// What a call does at the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// It changes nothing, or nothing when it is repeated.
    Read,
    /// It costs money or writes.
    Effect,
}

/// What a call has taught about the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lesson {
    /// It answers.
    Answered,
    /// It did not answer, or not in its own words; why.
    Failed(String),
    /// It refuses our credential; why.
    Refused(String),
    /// Nothing: the call was not made, or came too early.
    Nothing,
}

/// What is wrong with an account that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Nothing works.
    Everything,
    /// Reads work, effects do not.
    Effects,
    /// The credential is refused.
    Credential,
}

/// An account that is out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// What is wrong.
    pub trouble: Trouble,
    /// Since when.
    pub since: Timestamp,
    /// What the last failure said, in plain words.
    pub reason: String,
    /// How many probes have failed.
    pub probes: u32,
    /// When the next probe may be sent.
    pub probe_at: Timestamp,
}

/// How an account has fared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Calls that failed in a row.
    pub calls: u32,
    /// Effects that failed in a row.
    pub effects: u32,
    /// What that has come to.
    pub outage: Option<Outage>,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// Yes.
    Open,
    /// As a probe, by one worker.
    Probe,
    /// Not before this.
    Closed(Timestamp),
}

/// Whether a purchase may be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Ready,
    /// The account is due to be probed: ask it for something harmless first.
    Probe,
}

impl Health {
    /// Whether a call may be made now.
    pub fn entrance(&self, asking: Asking, now: Timestamp) -> Entrance {
        let Some(outage) = &self.outage else {
            return Entrance::Open;
        };
        match (outage.trouble, asking) {
            (Trouble::Effects, Asking::Read) => Entrance::Open,
            (Trouble::Effects, Asking::Effect) | (_, Asking::Read) if outage.probe_at <= now => Entrance::Probe,
            _ => Entrance::Closed(outage.probe_at.max(now)),
        }
    }

    /// Whether a purchase may be prepared now, or when it may.
    pub fn readiness(&self, now: Timestamp) -> Result<Readiness, Timestamp> {
        match &self.outage {
            None => Ok(Readiness::Ready),
            Some(outage) if outage.probe_at > now => Err(outage.probe_at),
            Some(outage) if outage.trouble == Trouble::Effects => Ok(Readiness::Ready),
            Some(_) => Ok(Readiness::Probe),
        }
    }

    /// The same while somebody sends the probe: nobody else does before `until`.
    pub fn probing(&self, until: Timestamp) -> Self {
        let outage = self.outage.clone().map(|outage| Outage {
            probe_at: until,
            ..outage
        });
        Self { outage, ..self.clone() }
    }

    /// Whether the probe that is due may ask for a new token where its own is refused: refusals must not use up the day's
    /// token requests.
    pub fn probe_may_renew(&self) -> bool {
        self.outage.as_ref().is_none_or(|outage| {
            outage.trouble != Trouble::Credential || outage.probes.is_multiple_of(PROBES_PER_TOKEN)
        })
    }

    /// What the account's health is after a lesson; `None` if that is what it was. `draw`, from 0 to 1, spreads the probes.
    ///
    /// A call that was under way when the outage was noticed, and fails too, says nothing new: only a probe does.
    pub fn after(&self, asking: Asking, probe: bool, lesson: &Lesson, now: Timestamp, draw: f64) -> Option<Self> {
        let closed = !probe && self.entrance(asking, now) != Entrance::Open;
        if closed && *lesson != Lesson::Answered {
            return None;
        }
        let after = match lesson {
            Lesson::Nothing => return None,
            Lesson::Answered => self.answered(asking, now),
            Lesson::Failed(reason) => self.failed(asking, reason, now, draw),
            Lesson::Refused(reason) => {
                let trouble = match asking {
                    Asking::Read => Trouble::Credential,
                    Asking::Effect => Trouble::Effects,
                };
                self.out(trouble, reason, now, draw)
            }
        };
        (after != *self).then_some(after)
    }

    /// An answer ends the row. After an outage of everything in which effects were lost, one effect is tried first.
    fn answered(&self, asking: Asking, now: Timestamp) -> Self {
        let (effects, outage) = match (asking, &self.outage) {
            (Asking::Effect, _) => (0, None),
            (Asking::Read, Some(outage)) if outage.trouble == Trouble::Effects => (self.effects, Some(outage.clone())),
            (Asking::Read, Some(outage)) if self.effects >= EFFECTS_IN_A_ROW => {
                let trial = Outage {
                    trouble: Trouble::Effects,
                    probes: 0,
                    probe_at: now,
                    ..outage.clone()
                };
                (self.effects, Some(trial))
            }
            (Asking::Read, _) => (self.effects, None),
        };
        Self {
            calls: 0,
            effects,
            outage,
        }
    }

    fn failed(&self, asking: Asking, reason: &str, now: Timestamp, draw: f64) -> Self {
        let more = Self {
            calls: self.calls.saturating_add(1),
            effects: self.effects.saturating_add(u32::from(asking == Asking::Effect)),
            outage: self.outage.clone(),
        };
        if more.calls >= CALLS_IN_A_ROW {
            more.out(Trouble::Everything, reason, now, draw)
        } else if more.effects >= EFFECTS_IN_A_ROW && asking == Asking::Effect {
            more.out(Trouble::Effects, reason, now, draw)
        } else {
            more
        }
    }

    /// Out, or still out: the next probe is twice as far away.
    fn out(&self, trouble: Trouble, reason: &str, now: Timestamp, draw: f64) -> Self {
        let known = self.outage.as_ref().filter(|outage| outage.trouble == trouble);
        let probes = known.map_or(0, |outage| outage.probes + 1);
        let outage = Outage {
            trouble,
            since: self.outage.as_ref().map_or(now, |outage| outage.since),
            reason: reason.to_owned(),
            probes,
            probe_at: now + distance(trouble, probes, draw),
        };
        Self {
            outage: Some(outage),
            ..self.clone()
        }
    }
}

/// How far the next probe is: twice as far each time, and spread over the later half of that.
fn distance(trouble: Trouble, probes: u32, draw: f64) -> SignedDuration {
    let (first, longest) = if trouble == Trouble::Effects { EFFECTS } else { READS };
    let whole = (first * 2_i32.saturating_pow(probes.min(10))).min(longest);
    whole.mul_f64(0.5 + draw.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn failed() -> Lesson {
        Lesson::Failed("status 503".to_owned())
    }

    fn taught(health: &Health, asking: Asking, lesson: &Lesson, now: i64) -> Health {
        let probe = health.entrance(asking, at(now)) == Entrance::Probe;
        health
            .after(asking, probe, lesson, at(now), 1.0)
            .unwrap_or_else(|| health.clone())
    }

    fn after_failures(asking: Asking, count: u32) -> Health {
        (0..count).fold(Health::default(), |health, _| taught(&health, asking, &failed(), 0))
    }

    #[test]
    fn five_calls_that_fail_in_a_row_are_an_outage_and_four_are_not() {
        assert_eq!(after_failures(Asking::Read, 4).outage, None);
        let out = after_failures(Asking::Read, 5);
        assert_eq!(out.entrance(Asking::Read, at(29)), Entrance::Closed(at(30)));
        assert_eq!(out.entrance(Asking::Read, at(30)), Entrance::Probe);
        assert_eq!(out.entrance(Asking::Effect, at(30)), Entrance::Closed(at(30)));
        let interrupted = taught(&after_failures(Asking::Read, 4), Asking::Read, &Lesson::Answered, 0);
        assert_eq!(interrupted, Health::default());
    }

    #[test]
    fn lost_purchases_stop_purchases_and_nothing_else() {
        let mut health = Health::default();
        for _ in 0..3 {
            health = taught(&health, Asking::Read, &Lesson::Answered, 0);
            health = taught(&health, Asking::Effect, &failed(), 0);
        }
        assert_eq!(health.entrance(Asking::Read, at(1)), Entrance::Open);
        assert_eq!(health.entrance(Asking::Effect, at(119)), Entrance::Closed(at(120)));
        assert_eq!(
            (health.readiness(at(1)), health.readiness(at(120))),
            (Err(at(120)), Ok(Readiness::Ready))
        );
        let still = taught(
            &taught(&health, Asking::Read, &Lesson::Answered, 120),
            Asking::Effect,
            &failed(),
            120,
        );
        assert_eq!(still.entrance(Asking::Effect, at(121)), Entrance::Closed(at(360)));
        let healed = taught(&still, Asking::Effect, &Lesson::Answered, 360);
        assert_eq!(healed, Health::default());
    }

    #[test]
    fn after_an_outage_of_everything_one_purchase_is_tried_before_the_others() {
        let lost = after_failures(Asking::Effect, 3);
        let out = (0..2).fold(lost, |health, _| taught(&health, Asking::Read, &failed(), 0));
        assert_eq!(out.readiness(at(30)), Ok(Readiness::Probe), "a price first");
        let heard = taught(&out, Asking::Read, &Lesson::Answered, 30);
        assert_eq!(heard.entrance(Asking::Effect, at(30)), Entrance::Probe);
        let trying = heard.probing(at(90));
        assert_eq!(trying.entrance(Asking::Effect, at(31)), Entrance::Closed(at(90)));
        assert_eq!(
            taught(&trying, Asking::Effect, &Lesson::Answered, 33),
            Health::default()
        );
    }

    #[test]
    fn probes_are_further_apart_each_time_up_to_a_quarter_of_an_hour() {
        let mut health = after_failures(Asking::Read, 5);
        let mut distances = Vec::new();
        for _ in 0..8 {
            let probe_at = health.outage.clone().unwrap().probe_at;
            health = taught(&health, Asking::Read, &failed(), probe_at.as_second());
            distances.push(
                health
                    .outage
                    .clone()
                    .unwrap()
                    .probe_at
                    .duration_since(probe_at)
                    .as_secs(),
            );
        }
        assert_eq!(distances, [60, 120, 240, 480, 900, 900, 900, 900]);
        let early = health.after(Asking::Read, true, &failed(), at(0), 0.0).unwrap();
        assert_eq!(early.outage.unwrap().probe_at, at(450), "spread over the later half");
        let straggler = health.after(Asking::Read, false, &failed(), at(0), 0.0);
        assert_eq!(straggler, None, "it was sent before the outage was noticed");
    }

    #[test]
    fn one_refusal_of_a_fresh_token_is_enough() {
        let refused = Lesson::Refused("status 401".to_owned());
        let mut health = taught(&Health::default(), Asking::Read, &refused, 0);
        assert_eq!(health.entrance(Asking::Read, at(1)), Entrance::Closed(at(30)));
        let renewals = (0..16).filter(|_| {
            let may = health.probe_may_renew();
            health = health.after(Asking::Read, true, &refused, at(0), 1.0).unwrap();
            may
        });
        assert_eq!(renewals.count(), 4);
        assert_eq!(taught(&health, Asking::Read, &Lesson::Answered, 0), Health::default());
    }

    #[test]
    fn nothing_is_written_while_all_is_well() {
        let well = Health::default();
        assert_eq!(well.after(Asking::Read, false, &Lesson::Answered, at(0), 0.5), None);
        assert_eq!(well.after(Asking::Effect, false, &Lesson::Nothing, at(0), 0.5), None);
    }
}
