//! Parcels that are followed on their way: what is known of each, when somebody looks again, and what the ERP was told.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ConnectionId, DocumentId, JobId, Milestone, Progress, TenantId, TrackingEvent};

/// How many hints of a carrier's list are remembered, so that the same one asks only once.
const HINTS: usize = 48;

/// How many events are kept of a parcel: more than any has, and as many as an item holds with ease.
const EVENTS: usize = 1_000;

/// The identity of a parcel that is followed: which connection shipped it, under which number of its carrier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParcelKey {
    /// The connection that shipped it.
    pub connection: ConnectionId,
    /// The tracking number.
    pub number: String,
}

impl fmt::Display for ParcelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.connection, self.number)
    }
}

/// Why a parcel is not followed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It arrived, came back, or never travelled.
    Final,
    /// It became too old without arriving: a person must ask the carrier.
    GivenUp,
}

/// Why a parcel need not be due for what comes next: that follows at once, and the entry of the index by which it is found stays where
/// it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minded {
    /// The webhook that stays due until the ERP was told: whoever opens it again finds its parcel. `None` where the parcel itself stays
    /// due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// When somebody must look at the parcel all the same: when it was due before.
    pub due_at: Timestamp,
}

/// A parcel that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedParcel {
    /// Its identity.
    pub key: ParcelKey,
    /// The customer.
    pub tenant: TenantId,
    /// The job that shipped it.
    pub job: JobId,
    /// The document that it belongs to.
    pub document: DocumentId,
    /// The document's number that people know.
    pub order_number: String,
    /// Counts the writes.
    pub version: u64,
    /// Since when it is followed: its shipment was written back then.
    pub since: Timestamp,
    /// Whether somebody has looked at it for the first time, and asked for news to be pushed where the carrier does that.
    #[serde(default)]
    pub enlisted: bool,
    /// Everything that happened to it, in the order of the events' keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<TrackingEvent>,
    /// Whether what was told of it before it was followed is among its events.
    #[serde(default)]
    pub gathered: bool,
    /// How far it has come.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Until when the carrier pushes news of it, as far as that is in order; `None` while it must be asked for.
    #[serde(default)]
    pub pushed_until: Option<Timestamp>,
    /// When the carrier is to be asked next; `None` once nothing more is asked.
    #[serde(default)]
    pub next_poll: Option<Timestamp>,
    /// When the carrier last answered for it.
    #[serde(default)]
    pub polled_at: Option<Timestamp>,
    /// How often asking has failed since it last worked.
    #[serde(default)]
    pub failures: u32,
    /// News of the carrier's own list that were acted upon.
    #[serde(default)]
    pub hints: BTreeSet<String>,
    /// Since when the ERP is to be told of a change.
    #[serde(default)]
    pub untold_since: Option<Timestamp>,
    /// When telling the ERP is to be tried.
    #[serde(default)]
    pub tell_at: Option<Timestamp>,
    /// Until when a message about it is under way: before that nobody sends another.
    #[serde(default)]
    pub queued_until: Option<Timestamp>,
    /// Who minds it meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minded: Option<Minded>,
    /// Whether what is personal about it was erased, and is not to be learnt again.
    #[serde(default)]
    pub forgotten: bool,
    /// Why it is not followed any more, and since when.
    #[serde(default)]
    pub ended: Option<(Ending, Timestamp)>,
}

impl TrackedParcel {
    /// When somebody must look at it, but for the webhook that minds it; `None` once nothing is left to do.
    pub fn due_at(&self) -> Option<Timestamp> {
        let minded = self.minded.as_ref().map(|minded| minded.due_at);
        minded.or(self.turn())
    }

    /// When the carrier is to be asked or the ERP told, whichever comes first.
    fn turn(&self) -> Option<Timestamp> {
        [self.next_poll, self.tell_at].into_iter().flatten().min()
    }

    /// For how long its turn has come.
    pub fn waited(&self, now: Timestamp) -> SignedDuration {
        let since = self.turn().unwrap_or(now);
        now.duration_since(since).max(SignedDuration::ZERO)
    }

    /// Whether a message about it is to be sent now: it is due, and none is under way.
    pub fn is_to_be_queued(&self, now: Timestamp) -> bool {
        let is_due = self.due_at().is_some_and(|due| due <= now);
        is_due && self.queued_until.is_none_or(|until| until <= now)
    }

    /// Whether the carrier is to be asked now.
    pub fn is_to_be_asked(&self, now: Timestamp) -> bool {
        self.next_poll.is_some_and(|poll| poll <= now)
    }

    /// Whether the ERP is to be told now.
    pub fn is_to_be_told(&self, now: Timestamp) -> bool {
        self.tell_at.is_some_and(|tell| tell <= now)
    }

    /// Whether the carrier is still asked for it.
    pub fn is_followed(&self) -> bool {
        self.ended.is_none()
    }

    /// How far it has come, if anything is known.
    pub fn milestone(&self) -> Option<Milestone> {
        self.progress.as_ref().map(|progress| progress.milestone)
    }

    /// The parcel as somebody who has not heard of it yet must ask at once.
    #[must_use]
    pub fn asked_at(mut self, at: Timestamp) -> Self {
        if self.is_followed() {
            self.next_poll = Some(self.next_poll.map_or(at, |poll| poll.min(at)));
        }
        self
    }

    /// The parcel as it is minded from now on, by a webhook or by itself, which was due at `due_at` until now. Whoever minds it already
    /// goes on, and one at which nobody looks again is due for its telling.
    #[must_use]
    pub fn minded_by(mut self, webhook: Option<&str>, due_at: Option<Timestamp>) -> Self {
        let minded = due_at.map(|due_at| Minded {
            webhook: webhook.map(str::to_owned),
            due_at,
        });
        self.minded = self.minded.or(minded);
        self
    }

    /// Whether this webhook minds it.
    pub fn is_minded_by(&self, webhook: &str) -> bool {
        let minds = self.minded.as_ref().and_then(|minded| minded.webhook.as_deref());
        minds == Some(webhook)
    }

    /// The parcel after a question: nobody minds it any longer than something is to be told.
    #[must_use]
    pub fn minded_while_untold(mut self) -> Self {
        self.minded = self.minded.filter(|_| self.tell_at.is_some());
        self
    }

    /// The parcel with everything that is known to have happened to it; of far too much the latest.
    #[must_use]
    pub fn with_events(mut self, mut all: Vec<TrackingEvent>) -> Self {
        all.sort_by_cached_key(TrackingEvent::key);
        self.events = all.split_off(all.len().saturating_sub(EVENTS));
        self.gathered = true;
        self
    }

    /// The parcel without persons in what happened to it before a time.
    #[must_use]
    pub fn without_persons_before(mut self, time: Timestamp) -> Self {
        let old = self.events.iter_mut().filter(|event| event.at < time);
        old.for_each(|event| *event = event.without_person());
        self
    }

    /// Remembers a hint of the carrier's list; `false` if it was known.
    pub fn learn_hint(&mut self, hint: &str) -> bool {
        let new = self.hints.insert(hint.to_owned());
        while self.hints.len() > HINTS {
            self.hints.pop_first();
        }
        // What is older than all that are remembered was acted upon.
        new && self.hints.contains(hint)
    }

    /// The same parcel without what is personal about it, which is not learnt again.
    #[must_use]
    pub fn without_person(&self) -> Self {
        let progress = self.progress.clone().map(|progress| Progress {
            signed_by: None,
            ..progress
        });
        Self {
            progress,
            events: self.events.iter().map(TrackingEvent::without_person).collect(),
            forgotten: true,
            ..self.clone()
        }
    }

    /// For how long nobody would have heard of news until `now`: neither were they pushed, nor was the carrier asked as often as
    /// `cadence` says, with so much patience for a queue.
    pub fn gap(&self, (cadence, pace): (&Cadence, Pace), patience: SignedDuration, now: Timestamp) -> SignedDuration {
        let asked = self.polled_at.unwrap_or(self.since);
        let unpushed = Self {
            pushed_until: None,
            ..self.clone()
        };
        let heard_until = (cadence.next(pace, &unpushed, asked) + patience).max(self.pushed_until.unwrap_or(asked));
        now.duration_since(heard_until).max(SignedDuration::ZERO)
    }
}

/// A carrier's promise to push news of a parcel: a lease that is renewed before it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The parcel.
    pub key: ParcelKey,
    /// Counts the writes.
    pub version: u64,
    /// Until when it is promised; `None` while it never was.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// When to ask for it (again).
    pub renew_at: Timestamp,
    /// How often asking has failed since it last worked.
    #[serde(default)]
    pub failures: u32,
    /// What the carrier said when it did not promise.
    #[serde(default)]
    pub refused: Option<String>,
}

/// How a carrier is asked as its parcels grow old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// Ever more seldom: each parcel costs a call of its own.
    #[default]
    Slowing,
    /// As often as at first until the end: many parcels cost one call.
    Steady,
}

/// How often the carrier is asked for a parcel that nobody pushes news of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cadence {
    /// At first, and while it is out for delivery.
    pub every: SignedDuration,
    /// For how long a parcel is followed that does not arrive.
    pub give_up_after: SignedDuration,
}

impl Default for Cadence {
    fn default() -> Self {
        Self {
            every: SignedDuration::from_hours(1),
            give_up_after: SignedDuration::from_hours(60 * 24),
        }
    }
}

impl Cadence {
    /// When to ask next for a parcel that the carrier has just been asked for.
    pub fn next(&self, pace: Pace, parcel: &TrackedParcel, now: Timestamp) -> Timestamp {
        match pace {
            Pace::Slowing => self.slowing(parcel, now),
            // A twelfth sooner, so that what the schedule, the queue and the ERP take is still within the time that is
            // promised.
            Pace::Steady => now + (self.every - self.every / 12),
        }
    }

    /// How soon what happened is known, in words, where the carrier is asked steadily.
    pub fn words(&self, pace: Pace) -> Option<String> {
        let (minutes, hour) = (self.every.as_mins(), SignedDuration::from_hours(1));
        match pace {
            Pace::Slowing => None,
            Pace::Steady if self.every <= hour => {
                Some(format!("what happens to a parcel is shown within {minutes} minutes"))
            }
            Pace::Steady => Some(format!(
                "what happens to a parcel is shown after up to {minutes} minutes: with every = \"1 hour\" under [tracking] it is shown \
                 within the hour, which costs nothing"
            )),
        }
    }

    fn slowing(&self, parcel: &TrackedParcel, now: Timestamp) -> Timestamp {
        let pushed = parcel.pushed_until.is_some_and(|until| until > now);
        let age = now.duration_since(parcel.since);
        let times = match (pushed, parcel.milestone()) {
            // The net below the pushes, which carriers lose now and then.
            (true, _) => 24,
            (false, Some(Milestone::OutForDelivery)) => 1,
            (false, Some(Milestone::Voided)) => 12,
            (false, _) if age < SignedDuration::from_hours(3 * 24) => 1,
            (false, _) if age < SignedDuration::from_hours(10 * 24) => 4,
            (false, _) => 12,
        };
        let next = now + self.every * times;
        // A promise that ends is followed by asking at once, whatever the net's turn would be.
        match parcel.pushed_until {
            Some(until) if pushed => next.min(until),
            _ => next,
        }
    }
}

/// What the ERP was told of a document's delivery, and who is telling it now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// 0 while nothing is stored.
    pub version: u64,
    /// What it shows, as far as we know.
    #[serde(default)]
    pub told: Option<super::DeliveryStatus>,
    /// Who is writing, and until when nobody else may.
    #[serde(default)]
    pub writing: Option<(super::Nonce, Timestamp)>,
    /// Until when a write whose answer was lost may still arrive: what stands there is looked at once more afterwards.
    #[serde(default)]
    pub doubtful_until: Option<Timestamp>,
    /// How often telling has failed since it last worked.
    #[serde(default)]
    pub failures: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Spot;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn since() -> Timestamp {
        "2026-03-02T14:00:00Z".parse().unwrap()
    }

    fn parcel() -> TrackedParcel {
        let connection: ConnectionId = "acme-netsuite-ups".parse().unwrap();
        let document = DocumentId::sales_order("5012");
        TrackedParcel {
            key: ParcelKey {
                connection: connection.clone(),
                number: "1Z204W4R0308071865".to_owned(),
            },
            tenant: "acme".parse().unwrap(),
            job: JobId::of(&connection, &document, 1),
            document,
            order_number: "SO5012".to_owned(),
            version: 1,
            since: since(),
            enlisted: true,
            events: Vec::new(),
            gathered: false,
            progress: None,
            pushed_until: None,
            next_poll: Some(since()),
            polled_at: None,
            failures: 0,
            hints: BTreeSet::new(),
            untold_since: None,
            tell_at: None,
            queued_until: None,
            minded: None,
            forgotten: false,
            ended: None,
        }
    }

    fn at(milestone: Milestone) -> TrackedParcel {
        let progress = Progress {
            milestone,
            at: since(),
            spot: Spot::default(),
            signed_by: None,
            estimate: None,
        };
        TrackedParcel {
            progress: Some(progress),
            ..parcel()
        }
    }

    #[test]
    fn the_carrier_is_asked_ever_more_seldom_but_for_what_is_out_for_delivery() {
        let cadence = Cadence::default();
        let wait = |parcel: &TrackedParcel, age: SignedDuration| {
            cadence
                .next(Pace::Slowing, parcel, since() + age)
                .duration_since(since() + age)
        };
        assert_eq!(wait(&parcel(), HOUR), HOUR);
        assert_eq!(wait(&parcel(), DAY * 4), HOUR * 4);
        assert_eq!(wait(&parcel(), DAY * 30), HOUR * 12);
        assert_eq!(wait(&at(Milestone::OutForDelivery), DAY * 30), HOUR);
    }

    /// P64, P66: whom many parcels cost one call is asked for each of them as often at the end as at the beginning, and
    /// early enough that what is found is told within the time that the connection names.
    #[test]
    fn a_steady_pace_is_kept_until_the_end() {
        let cadence = Cadence::default();
        let parcels = [
            parcel(),
            at(Milestone::LabelCreated),
            at(Milestone::InTransit),
            at(Milestone::Voided),
        ];
        for (parcel, age) in parcels.iter().zip([HOUR, DAY * 4, DAY * 30, DAY * 59]) {
            let asked = since() + age;
            let wait = cadence.next(Pace::Steady, parcel, asked).duration_since(asked);
            assert_eq!(wait, HOUR - SignedDuration::from_mins(5));
        }
        let seldom = Cadence { every: DAY, ..cadence };
        assert_eq!(seldom.next(Pace::Steady, &parcel(), since()), since() + HOUR * 22);
        let words = |cadence: Cadence| cadence.words(Pace::Steady).unwrap();
        assert!(words(cadence).ends_with("within 60 minutes"), "{}", words(cadence));
        assert!(words(seldom).contains("up to 1440 minutes") && words(seldom).contains("every = \"1 hour\""));
        assert_eq!(cadence.words(Pace::Slowing), None);
    }

    /// P17: while news are pushed the carrier is asked once a day, and at the latest when the promise ends.
    #[test]
    fn a_promise_spares_questions_until_it_ends() {
        let cadence = Cadence::default();
        let pushed = TrackedParcel {
            pushed_until: Some(since() + DAY * 14),
            ..parcel()
        };
        let next = |now| cadence.next(Pace::Slowing, &pushed, now);
        assert_eq!(next(since()), since() + DAY);
        assert_eq!(next(since() + DAY * 14 - HOUR), since() + DAY * 14);
        assert_eq!(next(since() + DAY * 14), since() + DAY * 14 + HOUR * 12);
    }

    #[test]
    fn a_gap_is_the_time_in_which_nobody_would_have_heard() {
        let (cadence, patience) = (Cadence::default(), SignedDuration::from_mins(15));
        let asked = TrackedParcel {
            polled_at: Some(since()),
            ..parcel()
        };
        let gap = |parcel: &TrackedParcel, age: SignedDuration| {
            parcel.gap((&cadence, Pace::Slowing), patience, since() + age)
        };
        assert_eq!(gap(&asked, HOUR), SignedDuration::ZERO);
        assert_eq!(gap(&asked, HOUR + patience), SignedDuration::ZERO);
        assert_eq!(gap(&asked, HOUR * 3), HOUR * 2 - patience);
        let pushed = TrackedParcel {
            pushed_until: Some(since() + DAY * 14),
            ..asked
        };
        assert_eq!(gap(&pushed, DAY * 14), SignedDuration::ZERO);
        assert_eq!(gap(&pushed, DAY * 14 + HOUR), HOUR);
    }

    #[test]
    fn a_parcel_is_due_for_whatever_comes_first_and_queued_but_while_a_message_is_under_way() {
        let mut parcel = parcel();
        parcel.tell_at = Some(since() - HOUR);
        assert_eq!(parcel.due_at(), Some(since() - HOUR));
        assert!(parcel.is_to_be_queued(since()) && !parcel.is_to_be_queued(since() - DAY));
        parcel.queued_until = Some(since() + HOUR);
        assert_eq!(parcel.due_at(), Some(since() - HOUR));
        assert!(!parcel.is_to_be_queued(since()) && parcel.is_to_be_queued(since() + HOUR));
        (parcel.tell_at, parcel.next_poll) = (None, None);
        assert_eq!(parcel.due_at(), None);
    }

    #[test]
    fn a_parcel_that_a_webhook_minds_is_due_when_it_was_before() {
        let parcel = parcel();
        let before = parcel.due_at();
        let told = |tell_at| TrackedParcel {
            tell_at,
            next_poll: None,
            ..parcel.clone().minded_by(Some("first"), before)
        };
        let minded = told(Some(since() - HOUR));
        assert_eq!(minded.due_at(), before);
        assert!(
            minded.minded_by(Some("second"), before).is_minded_by("first"),
            "one webhook is enough"
        );
        assert_eq!(told(None).minded_while_untold().due_at(), None);
        let over = TrackedParcel {
            tell_at: Some(since()),
            ..parcel.minded_by(None, None)
        };
        assert_eq!(over.minded, None, "what is not due otherwise is due by itself");
    }

    #[test]
    fn a_parcel_has_waited_since_its_turn_came_and_not_since_it_is_minded() {
        let mut parcel = parcel().minded_by(None, Some(since() - DAY));
        assert_eq!(parcel.waited(since() + HOUR), HOUR);
        assert_eq!(parcel.waited(since() - HOUR), SignedDuration::ZERO);
        parcel.tell_at = Some(since() - HOUR);
        assert_eq!(parcel.waited(since() + HOUR), HOUR * 2);
    }

    #[test]
    fn hints_are_known_again_and_the_oldest_are_forgotten() {
        let mut parcel = parcel();
        assert!(parcel.learn_hint("20260302100000 origin") && !parcel.learn_hint("20260302100000 origin"));
        for number in 0..HINTS {
            parcel.learn_hint(&format!("202603031000{number:02} generic DS"));
        }
        assert_eq!(parcel.hints.len(), HINTS);
        assert!(!parcel.hints.contains("20260302100000 origin"));
        assert!(
            !parcel.learn_hint("20260302100000 origin"),
            "what is older than all of them is not new"
        );
    }
}
