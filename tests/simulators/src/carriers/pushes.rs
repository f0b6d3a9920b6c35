//! The pushes of a carrier: when each is due, what goes wrong on the way, and what became of it.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Pushes told of one by one in the books; older ones remain only as counts.
const KEPT: usize = 200;

/// How a push ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushOutcome {
    /// The other side answered with this HTTP status.
    Answered(u16),
    /// There was no answer, for this reason.
    Failed(String),
    /// It never left, or got lost.
    Lost,
}

/// What became of the pushes.
#[derive(Clone, Debug, Serialize)]
pub struct PushBooks<T> {
    /// Handed out to be sent, a doubled one twice.
    pub sent: u64,
    /// Answered with a status of success.
    pub delivered: u64,
    /// Answered with any other status.
    pub refused: u64,
    /// Not answered.
    pub failed: u64,
    /// Lost, as the options wanted it or because no webhook is registered.
    pub lost: u64,
    /// The latest 200, oldest first.
    pub latest: VecDeque<PushEntry<T>>,
}

/// One push in the books.
#[derive(Clone, Debug, Serialize)]
pub struct PushEntry<T> {
    /// The tracking number.
    pub number: String,
    /// The event that it was to tell.
    pub event: T,
    /// When its outcome was known.
    pub at: Timestamp,
    /// The HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: PushOutcome,
}

/// Pushes that wait for their time, in the order in which they are sent.
#[derive(Clone, Debug)]
pub(crate) struct Outbox<T> {
    waiting: BTreeMap<(Timestamp, u64), (T, Fate)>,
    serial: u64,
}

/// What becomes of a push on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Sent,
    SentTwice,
    Lost,
}

/// What goes wrong with pushes, and how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mishaps {
    pub(crate) lose_every: Option<u32>,
    pub(crate) twice_every: Option<u32>,
    pub(crate) delay_s: u32,
    pub(crate) late_every: Option<u32>,
    pub(crate) late_s: u32,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            serial: 0,
        }
    }
}

impl<T> Outbox<T> {
    /// Puts in a push about something that happened `at`.
    pub(crate) fn put(&mut self, push: T, at: Timestamp, mishaps: &Mishaps) {
        self.serial += 1;
        let due = at.saturating_add(mishaps.delay(self.serial)).unwrap_or(Timestamp::MAX);
        let fate = mishaps.fate(self.serial);
        self.waiting.insert((due, self.serial), (push, fate));
    }

    /// Takes out what is due.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> impl Iterator<Item = (T, Fate)> + use<T> {
        let later = self.waiting.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.waiting, later).into_values()
    }
}

impl Mishaps {
    fn fate(&self, serial: u64) -> Fate {
        if strikes(self.lose_every, serial) {
            Fate::Lost
        } else if strikes(self.twice_every, serial) {
            Fate::SentTwice
        } else {
            Fate::Sent
        }
    }

    fn delay(&self, serial: u64) -> SignedDuration {
        let more = if strikes(self.late_every, serial) {
            self.late_s
        } else {
            0
        };
        SignedDuration::from_secs(i64::from(self.delay_s) + i64::from(more))
    }
}

fn strikes(every: Option<u32>, serial: u64) -> bool {
    every.is_some_and(|every| every > 0 && serial.is_multiple_of(u64::from(every)))
}

impl<T> Default for PushBooks<T> {
    fn default() -> Self {
        Self {
            sent: 0,
            delivered: 0,
            refused: 0,
            failed: 0,
            lost: 0,
            latest: VecDeque::new(),
        }
    }
}

impl<T: Clone> PushBooks<T> {
    /// Notes how a push ended.
    pub(crate) fn note(&mut self, number: &str, event: &T, outcome: PushOutcome, now: Timestamp) {
        let status = match outcome {
            PushOutcome::Answered(status) => Some(status),
            PushOutcome::Failed(_) | PushOutcome::Lost => None,
        };
        *self.count_of(&outcome) += 1;
        if self.latest.len() == KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(PushEntry {
            number: number.to_owned(),
            event: event.clone(),
            at: now,
            status,
            outcome,
        });
    }

    fn count_of(&mut self, outcome: &PushOutcome) -> &mut u64 {
        match outcome {
            PushOutcome::Answered(200..=299) => &mut self.delivered,
            PushOutcome::Answered(_) => &mut self.refused,
            PushOutcome::Failed(_) => &mut self.failed,
            PushOutcome::Lost => &mut self.lost,
        }
    }
}
