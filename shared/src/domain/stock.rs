//! What lies where, as the ERP counts it, and what a desk was told of it.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{LocationId, Round};

/// How many levels that a desk does not take a run names; the others are counted.
const MOST_UNPLACED: usize = 100;

/// How many levels that were shown under another name than before a run remembers: more than are told within the minute in which the
/// books may not find them yet by their SKU.
const MOST_SHOWN: usize = 300;

/// How long the telling of everything may take before it is late, and that of a schedule with short intervals.
const FIRST_TAKES: SignedDuration = SignedDuration::from_hours(24);
const RUN_TAKES: SignedDuration = SignedDuration::from_hours(2);

/// By what the stock of one item in one place is known, in the order in which it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LevelKey {
    /// The ERP's id of the item, which is a whole number there.
    pub item: u64,
    /// The place, by the ERP's id, which is a whole number there.
    pub location: u64,
}

impl LevelKey {
    /// Before every other.
    pub const FIRST: Self = Self { item: 0, location: 0 };

    /// After every other.
    pub const LAST: Self = Self {
        item: u64::MAX,
        location: u64::MAX,
    };

    /// The next one that could be.
    pub fn successor(&self) -> Self {
        match self.location.checked_add(1) {
            Some(location) => Self { location, ..*self },
            None => Self {
                item: self.item.saturating_add(1),
                location: 0,
            },
        }
    }

    /// The last one that could be before it.
    pub fn predecessor(&self) -> Self {
        match self.location.checked_sub(1) {
            Some(location) => Self { location, ..*self },
            None => Self {
                item: self.item.saturating_sub(1),
                location: u64::MAX,
            },
        }
    }

    /// The last one that its item could have.
    pub fn end_of_item(&self) -> Self {
        Self {
            location: u64::MAX,
            ..*self
        }
    }
}

/// The stock of one item in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Which item, where.
    pub key: LevelKey,
    /// What people order the item by.
    pub sku: String,
    /// How many, by the measure that the connection wants (on hand, or available), never less than nothing.
    pub quantity: Decimal,
}

impl Level {
    /// The place, as connections name it.
    pub fn location(&self) -> LocationId {
        LocationId::new(self.key.location.to_string())
    }
}

/// What the desk was last told of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLevel {
    /// Which item, where.
    pub key: LevelKey,
    /// Under which SKU.
    pub sku: String,
    /// To which of the desk's places; empty once the ERP shows nothing there any more and the desk was told so.
    pub place: String,
    /// How many.
    pub quantity: Decimal,
    /// When.
    pub at: Timestamp,
    /// Why the desk did not take it, where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl SentLevel {
    /// Whether this is why the desk shows something under this name.
    pub fn stands_as(&self, sku: &str, place: &str) -> bool {
        self.refused.is_none() && !self.place.is_empty() && self.sku == sku && self.place == place
    }
}

/// A level that is being told, written down before it is: if nobody hears what became of it, it is told again, whatever the books
/// say, for the quantity may have gone back to what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Which item, where.
    pub key: LevelKey,
    /// Under which SKU; empty where nothing is shown of it any more.
    pub sku: String,
    /// In which of the desk's places.
    pub place: String,
}

/// A level that a run has shown under a name of which the books know nothing before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownAnew {
    /// Which item, where.
    pub key: LevelKey,
    /// Under which SKU.
    pub sku: String,
    /// In which of the desk's places.
    pub place: String,
}

/// A level that the desk does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unplaced {
    /// The SKU.
    pub sku: String,
    /// The ERP's place.
    pub location: LocationId,
    /// Why, in plain words.
    pub why: String,
}

/// One telling of all stock: where it stands and what it did. A crash goes on where it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRun {
    /// Which run it is, and who is at it.
    #[serde(flatten)]
    pub round: Round,
    /// The last level that was dealt with.
    pub after: Option<LevelKey>,
    /// Levels that are being told, or whose telling nobody heard the end of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub telling: Vec<Doubt>,
    /// Levels that were shown under another name than before, the latest last: the books find them by their SKU only after a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown_anew: Vec<ShownAnew>,
    /// Levels that were read.
    pub read: u64,
    /// Of them, those that had changed since they were last told; those that the ERP shows no more as well.
    pub changed: u64,
    /// Of those, those that the desk took.
    pub told: u64,
    /// Levels in places that the connection does not name.
    #[serde(default)]
    pub elsewhere: u64,
    /// Levels that the desk does not take, as many as are kept.
    #[serde(default)]
    pub unplaced: Vec<Unplaced>,
    /// How many there are in all.
    #[serde(default)]
    pub unplaced_in_all: u64,
    /// When the last run before this one that told everything began: nothing that the desk shows is older.
    #[serde(default)]
    pub last_whole: Option<Timestamp>,
    /// Since when a first telling of everything is waited for; `None` once there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited_since: Option<Timestamp>,
    /// How old what the desk showed had become at worst when this run ended, in seconds.
    #[serde(default)]
    pub worst_age_seconds: Option<u64>,
}

impl StockRun {
    /// The run after this one. What nobody heard the end of, where this one was given up, is its business too.
    pub fn next(&self, now: Timestamp, whole: bool) -> Self {
        let fresh_since = self.fresh_since();
        let awaited_since = self.awaited_since.or(self.round.began).unwrap_or(now);
        Self {
            round: self.round.next(now, whole),
            telling: self.telling.clone(),
            last_whole: fresh_since,
            awaited_since: fresh_since.is_none().then_some(awaited_since),
            ..Self::default()
        }
    }

    /// Since when everything that the desk shows has been read from the ERP; `None` before all of it was told once.
    pub fn fresh_since(&self) -> Option<Timestamp> {
        if self.round.is_complete() {
            self.round.began
        } else {
            self.last_whole
        }
    }

    /// How old what the desk shows is at worst, in seconds.
    pub fn age_seconds(&self, now: Timestamp) -> Option<u64> {
        let age = now.duration_since(self.fresh_since()?);
        Some(u64::try_from(age.as_secs()).unwrap_or(0))
    }

    /// For how long everything should have been told by now, in seconds, where runs are begun at least so often: half of that may a run
    /// take, at least two hours, and the first one a day. 0 where all is well.
    pub fn overdue_seconds(&self, now: Timestamp, every: SignedDuration) -> u64 {
        let takes = (every / 2).max(RUN_TAKES);
        let due = match (self.fresh_since(), self.awaited_since) {
            (Some(fresh), _) => fresh.checked_add(every + takes),
            (None, Some(awaited)) => awaited.checked_add((every + takes).max(FIRST_TAKES)),
            (None, None) => return 0,
        };
        let late = due.map_or(0, |due| now.duration_since(due).as_secs());
        u64::try_from(late).unwrap_or(0)
    }

    /// Notes under which name a level is shown now.
    pub fn note_shown_anew(&mut self, level: ShownAnew) {
        if self.shown_anew.len() >= MOST_SHOWN {
            self.shown_anew.remove(0);
        }
        self.shown_anew.push(level);
    }

    /// Notes a level that the desk does not take.
    pub fn note_unplaced(&mut self, level: Unplaced) {
        self.unplaced_in_all += 1;
        if self.unplaced.len() < MOST_UNPLACED {
            self.unplaced.push(level);
        }
    }
}

impl AsRef<Round> for StockRun {
    fn as_ref(&self) -> &Round {
        &self.round
    }
}

impl AsMut<Round> for StockRun {
    fn as_mut(&mut self) -> &mut Round {
        &mut self.round
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_each_other_without_a_gap() {
        let key = |item, location| LevelKey { item, location };
        assert_eq!(key(7, 3).successor(), key(7, 4));
        assert_eq!(key(7, 3).end_of_item().successor(), key(8, 0));
        assert_eq!(LevelKey::LAST.successor().item, u64::MAX);
        assert_eq!(key(7, 3).predecessor().successor(), key(7, 3));
        assert_eq!(key(7, 0).predecessor(), key(6, u64::MAX));
        assert!(LevelKey::FIRST < key(0, 1) && key(7, u64::MAX) < key(8, 0));
    }

    /// What the first version stored, to the letter.
    #[test]
    fn what_the_first_version_stored_is_read_for_ever() {
        let run = r#"{"version":3,"number":2,"began":"2026-03-02T09:00:00Z","ended":null,
            "after":{"item":7,"location":1},"telling":[{"key":{"item":8,"location":1},"sku":"A","place":"P"}],
            "read":1,"changed":1,"told":1,"unplaced":[{"sku":"B","location":"1","why":"unknown"}]}"#;
        let run: StockRun = serde_json::from_str(run).unwrap();
        assert_eq!((run.round.version, run.round.number, run.telling.len()), (3, 2, 1));
        let again: StockRun = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
        assert_eq!(again, run);
        let sent =
            r#"{"key":{"item":7,"location":1},"sku":"A","place":"P","quantity":"5","at":"2026-03-02T09:00:00Z"}"#;
        assert!(serde_json::from_str::<SentLevel>(sent).unwrap().stands_as("A", "P"));
    }

    #[test]
    fn what_the_desk_shows_is_as_old_as_the_last_run_that_told_all() {
        let at = |hour: i64| Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(hour);
        let mut first = StockRun::default().next(at(0), false);
        assert_eq!(first.age_seconds(at(9)), None);
        first.round.ended = Some(at(2));
        let mut second = first.next(at(24), false);
        assert_eq!(
            second.age_seconds(at(25)),
            Some(25 * 3600),
            "until it ends, the run before counts"
        );
        (second.round.ended, second.round.stopped) = (Some(at(25)), Some("no inventory".to_owned()));
        assert_eq!(second.next(at(48), false).fresh_since(), Some(at(0)), "it told nothing");
    }

    /// P53: lateness is measured by the connection's own schedule, and a first run that never ends is late as well.
    #[test]
    fn a_run_is_late_by_its_own_schedule() {
        let hours = SignedDuration::from_hours;
        let at = |hour: i64| Timestamp::UNIX_EPOCH + hours(hour);
        let late = |run: &StockRun, hour: i64, every: i64| run.overdue_seconds(at(hour), hours(every)) / 3600;
        let first = StockRun::default().next(at(0), false);
        assert_eq!((late(&first, 36, 24), late(&first, 40, 24)), (0, 4));
        assert_eq!(
            (late(&first, 23, 1), late(&first, 30, 1)),
            (0, 6),
            "the first may take a day"
        );
        let mut given_up = first.clone();
        given_up.round = given_up.round.over(at(2), Some("no inventory".to_owned()));
        let second = given_up.next(at(24), false);
        assert_eq!(late(&second, 40, 24), 4, "since the first was begun nothing was told");
        let mut done = first.clone();
        done.round = done.round.over(at(2), None);
        let next = done.next(at(24), false);
        assert_eq!(next.awaited_since, None);
        assert_eq!((late(&next, 36, 24), late(&next, 37, 24)), (0, 1));
        assert_eq!((late(&done, 3, 1), late(&done, 5, 1)), (0, 2), "every hour");
        assert_eq!(
            (late(&done, 11 * 24 - 12, 168), late(&done, 11 * 24, 168)),
            (0, 12),
            "every week"
        );
        assert_eq!(
            StockRun::default().overdue_seconds(at(999), hours(1)),
            0,
            "it was never begun"
        );
    }

    #[test]
    fn what_nobody_heard_the_end_of_is_the_next_runs_business() {
        let mut given_up = StockRun::default().next(Timestamp::UNIX_EPOCH, false);
        given_up.telling.push(Doubt {
            key: LevelKey::FIRST,
            sku: "A".to_owned(),
            place: "P".to_owned(),
        });
        given_up.round = given_up
            .round
            .over(Timestamp::UNIX_EPOCH, Some("no inventory".to_owned()));
        assert_eq!(given_up.next(Timestamp::UNIX_EPOCH, false).telling, given_up.telling);
    }

    #[test]
    fn levels_that_are_not_taken_are_counted_beyond_those_that_are_named() {
        let mut run = StockRun::default();
        for number in 0..250 {
            run.note_unplaced(Unplaced {
                sku: format!("S{number}"),
                location: LocationId::new("1"),
                why: "unknown".to_owned(),
            });
        }
        assert_eq!((run.unplaced.len(), run.unplaced_in_all), (MOST_UNPLACED, 250));
    }
}
