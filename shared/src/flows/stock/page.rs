//! What is to be done about a page of the ERP's stock, beside what the desk was told of the same stretch. Pure.
//!
//! What is done is thought of by item: what one of its levels was told as may by now be another one's name (two places were
//! exchanged), and must then not be emptied.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::connection::StockPolicy;
use crate::domain::{Doubt, Level, LevelKey, LocationId, SentLevel, Unplaced};

/// How long after it was refused a level whose SKU or place is not known is tried again though nothing of it has changed: somebody
/// may have made it known. A bit less than a day, so that a run of every day finds it. Any other refusal is tried by the next run.
const TRIED_AGAIN: SignedDuration = SignedDuration::from_hours(20);

/// How a refusal ends whose SKU, or place, the desk does not know: with its code.
const UNKNOWN: [&str; 2] = ["(unknown-sku)", "(unknown-place)"];

/// Why neither of two levels is told.
const TWICE: &str = "two items of the ERP have this SKU in this place, and what the one holds would be overwritten by the other's: give \
                     them SKUs of their own, or leave one out by stock.condition";

/// Fewer levels that vanish at once are no loss of sight, where a page is not the whole stock.
const FEW: usize = 10;

/// Under what the desk shows a quantity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shelf {
    /// The SKU.
    pub(super) sku: String,
    /// The desk's place.
    pub(super) place: String,
}

/// What is to be done about one level, so that the desk shows it as the ERP does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Errand {
    /// Which level.
    pub(super) key: LevelKey,
    /// What is to be shown, and in which place; `None` where the ERP shows nothing any more.
    pub(super) shown: Option<(Level, String)>,
    /// Whether it is not known to be shown so already: then the name may be another one's.
    pub(super) anew: bool,
    /// Under what it was shown, and must be shown no more unless another level is.
    pub(super) empty: Vec<Shelf>,
}

impl Errand {
    /// What is written down before it is done.
    pub(super) fn doubt(&self) -> Doubt {
        let (sku, place) = match (&self.shown, self.empty.first()) {
            (Some((level, place)), _) => (level.sku.clone(), place.clone()),
            (None, Some(shelf)) => (shelf.sku.clone(), shelf.place.clone()),
            (None, None) => (String::new(), String::new()),
        };
        let key = self.key.clone();
        Doubt { key, sku, place }
    }

    /// What is kept where the desk would not let go of it: it is emptied again.
    pub(super) fn still_shown(&self, at: Timestamp, shelf: &Shelf, refused: String) -> SentLevel {
        SentLevel {
            key: self.key.clone(),
            sku: shelf.sku.clone(),
            place: shelf.place.clone(),
            quantity: Decimal::ZERO,
            at,
            refused: Some(refused),
        }
    }

    /// What is kept once it is done.
    pub(super) fn kept(&self, at: Timestamp, refused: Option<String>) -> SentLevel {
        let key = self.key.clone();
        match &self.shown {
            Some((level, place)) => SentLevel {
                key,
                sku: level.sku.clone(),
                place: place.clone(),
                quantity: level.quantity,
                at,
                refused,
            },
            None => SentLevel {
                key,
                sku: self.empty.first().map(|shelf| shelf.sku.clone()).unwrap_or_default(),
                place: String::new(),
                quantity: Decimal::ZERO,
                at,
                refused: None,
            },
        }
    }
}

/// What is known of a level once it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It lies where the connection names no place, and nothing is to be done about it.
    Elsewhere,
    /// The desk shows it.
    Unchanged,
    /// The desk was told of it earlier in this run.
    Told,
    /// The desk has refused it, earlier in this run or not, and is not asked again.
    Refused { unplaced: Unplaced, in_this_run: bool },
    /// Something is to be done about it.
    Errand(Errand),
}

/// A level, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Which level.
    pub(super) key: LevelKey,
    /// Whether the ERP shows it.
    pub(super) read: bool,
    /// What is known.
    pub(super) finding: Finding,
}

impl Entry {
    pub(super) fn errand(&self) -> Option<&Errand> {
        match &self.finding {
            Finding::Errand(errand) => Some(errand),
            _ => None,
        }
    }
}

/// Levels that are dealt with together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) levels: Vec<Level>,
    /// The last key of which it is known what the ERP shows.
    pub(super) to: LevelKey,
    /// After what the next ones are read; `None` where there is nothing.
    pub(super) next: Option<LevelKey>,
}

/// Of the levels that were read, those that are dealt with together. A full page ends with the last item of which it surely has
/// everything; an item that fills a page is dealt with as far as it was read, and no further.
pub(super) fn whole_items(mut levels: Vec<Level>, limit: u16) -> Cut {
    let Some(last) = levels.last().map(|level| level.key.clone()) else {
        return Cut {
            levels,
            to: LevelKey::LAST,
            next: None,
        };
    };
    if levels.len() < usize::from(limit) {
        return Cut {
            levels,
            to: LevelKey::LAST,
            next: None,
        };
    }
    let whole = levels.partition_point(|level| level.key.item != last.item);
    levels.truncate(if whole > 0 { whole } else { levels.len() });
    let end = levels.last().map_or(last, |level| level.key.clone());
    Cut {
        levels,
        to: if whole > 0 { end.end_of_item() } else { end.clone() },
        next: Some(end),
    }
}

/// Why a level is not told whose name the desk shows for another item.
pub(super) fn taken_by(other: &LevelKey) -> String {
    format!(
        "item {} has this SKU in this place too, and is what the desk shows: give them SKUs of their own, or leave one out by \
         stock.condition",
        other.item
    )
}

/// In plain words what would vanish from the desk at once, where that looks as if the ERP no more shows what it has: every level of a
/// place, or most of a page. `all` says whether the page is the whole stock.
pub(super) fn lost_from_sight(entries: &[Entry], all: bool) -> Option<String> {
    let mut places: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for entry in entries {
        let (read, gone) = places.entry(entry.key.location).or_default();
        *read += usize::from(entry.read);
        *gone += usize::from(!entry.read && empties(entry));
    }
    let few = if all { 2 } else { FEW };
    let place = places.iter().find(|(_, (read, gone))| *read == 0 && *gone >= few);
    if let Some((place, (_, gone))) = place {
        return Some(format!("all {gone} levels of location {place}"));
    }
    let gone: usize = places.values().map(|(_, gone)| gone).sum();
    (gone > 2 * FEW && 2 * gone > entries.len()).then(|| format!("{gone} of {} levels", entries.len()))
}

fn empties(entry: &Entry) -> bool {
    entry
        .errand()
        .is_some_and(|errand| errand.shown.is_none() && !errand.empty.is_empty())
}

/// A page of the ERP's stock with everything that is known of it.
pub(super) struct Page<'a> {
    pub(super) levels: &'a [Level],
    /// What the desk was told of the same stretch.
    pub(super) sent: &'a [SentLevel],
    /// What nobody heard the end of.
    pub(super) doubts: &'a [Doubt],
    pub(super) policy: &'a StockPolicy,
    /// Whether everything is told again.
    pub(super) whole: bool,
    /// When the run began.
    pub(super) began: Timestamp,
    pub(super) now: Timestamp,
}

impl Page<'_> {
    /// Every level of the stretch from one to another, both within, in their order.
    pub(super) fn entries(&self, from: &LevelKey, to: &LevelKey) -> Vec<Entry> {
        let levels: BTreeMap<&LevelKey, &Level> = self.levels.iter().map(|level| (&level.key, level)).collect();
        let sent: BTreeMap<&LevelKey, &SentLevel> = self.sent.iter().map(|sent| (&sent.key, sent)).collect();
        let doubts: BTreeMap<&LevelKey, &Doubt> = self.doubts.iter().map(|doubt| (&doubt.key, doubt)).collect();
        let keys: BTreeSet<&LevelKey> = levels.keys().chain(sent.keys()).chain(doubts.keys()).copied().collect();
        let within = keys.into_iter().filter(|key| (from..=to).contains(key));
        let (wanted, twice) = self.wanted();
        let mut entries = Vec::new();
        for key in within {
            let (sent, doubt) = (sent.get(key).copied(), doubts.get(key).copied());
            let finding = match levels.get(key) {
                Some(level) => Some(self.found(level, sent, doubt, &wanted, &twice)),
                None => self.gone(key, sent, doubt, &wanted).map(Finding::Errand),
            };
            entries.extend(finding.map(|finding| Entry {
                key: key.clone(),
                read: levels.contains_key(key),
                finding,
            }));
        }
        entries
    }

    fn place(&self, location: &LocationId) -> Option<&String> {
        self.policy.places.get(location)
    }

    /// Under what the levels of this page are to be shown, and what of that is meant by more than one of them.
    fn wanted(&self) -> (BTreeSet<Shelf>, BTreeSet<Shelf>) {
        let shelf = |level: &Level| {
            let place = self.place(&level.location())?.clone();
            let sku = level.sku.clone();
            Some(Shelf { sku, place })
        };
        let (mut wanted, mut twice) = (BTreeSet::new(), BTreeSet::new());
        for shelf in self.levels.iter().filter_map(shelf) {
            if !wanted.insert(shelf.clone()) {
                twice.insert(shelf);
            }
        }
        (wanted, twice)
    }

    fn found(
        &self,
        level: &Level,
        sent: Option<&SentLevel>,
        doubt: Option<&Doubt>,
        wanted: &BTreeSet<Shelf>,
        twice: &BTreeSet<Shelf>,
    ) -> Finding {
        let Some(place) = self.place(&level.location()) else {
            let gone = self.gone(&level.key, sent, doubt, wanted);
            return gone.map_or(Finding::Elsewhere, Finding::Errand);
        };
        if twice
            .iter()
            .any(|shelf| shelf.sku == level.sku && shelf.place == *place)
        {
            return Finding::Refused {
                unplaced: unplaced(level, TWICE),
                in_this_run: false,
            };
        }
        let same = sent.filter(|sent| sent.sku == level.sku && sent.place == *place && sent.quantity == level.quantity);
        if let Some(same) = same.filter(|_| doubt.is_none())
            && let Some(known) = self.known(level, same)
        {
            return known;
        }
        Finding::Errand(Errand {
            key: level.key.clone(),
            shown: Some((level.clone(), place.clone())),
            // Where everything is told again, every name is looked at again.
            anew: self.whole || !sent.is_some_and(|sent| sent.stands_as(&level.sku, place)),
            empty: self.to_empty(sent, doubt, wanted),
        })
    }

    /// What is known of a level that is just as it was when the desk was last told; `None` where it is told again nevertheless.
    fn known(&self, level: &Level, sent: &SentLevel) -> Option<Finding> {
        let in_this_run = sent.at >= self.began;
        if self.whole && !in_this_run {
            return None;
        }
        match &sent.refused {
            None if in_this_run => Some(Finding::Told),
            None => Some(Finding::Unchanged),
            Some(why) if !in_this_run && !UNKNOWN.iter().any(|code| why.ends_with(code)) => None,
            Some(_) if self.now.duration_since(sent.at) >= TRIED_AGAIN => None,
            Some(why) => {
                let unplaced = unplaced(level, why);
                Some(Finding::Refused { unplaced, in_this_run })
            }
        }
    }

    /// What is to be done about a level that the ERP does not show, or not where the connection names a place.
    fn gone(
        &self,
        key: &LevelKey,
        sent: Option<&SentLevel>,
        doubt: Option<&Doubt>,
        wanted: &BTreeSet<Shelf>,
    ) -> Option<Errand> {
        let told = sent.is_some_and(|sent| !sent.place.is_empty());
        (told || doubt.is_some()).then(|| Errand {
            key: key.clone(),
            shown: None,
            anew: false,
            empty: self.to_empty(sent, doubt, wanted),
        })
    }

    /// Under what a level may still be shown, but for what is to be shown anyway and for places that are not ours any more.
    fn to_empty(&self, sent: Option<&SentLevel>, doubt: Option<&Doubt>, wanted: &BTreeSet<Shelf>) -> Vec<Shelf> {
        let sent = sent.filter(|sent| sent.refused.is_none() && sent.quantity > Decimal::ZERO);
        let sent = sent.map(|sent| (&sent.sku, &sent.place));
        let doubt = doubt.map(|doubt| (&doubt.sku, &doubt.place));
        let shelves: BTreeSet<Shelf> = sent
            .into_iter()
            .chain(doubt)
            .filter(|(_, place)| self.policy.places.values().any(|ours| ours == *place))
            .map(|(sku, place)| Shelf {
                sku: sku.clone(),
                place: place.clone(),
            })
            .collect();
        shelves.difference(wanted).cloned().collect()
    }
}

/// A level that the desk does not take.
pub(super) fn unplaced(level: &Level, why: &str) -> Unplaced {
    Unplaced {
        sku: level.sku.clone(),
        location: level.location(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::connection::{Schedule, StockMeasure};

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    fn key(item: u64, location: u64) -> LevelKey {
        LevelKey { item, location }
    }

    fn level(item: u64, location: u64, sku: &str, quantity: Decimal) -> Level {
        Level {
            key: key(item, location),
            sku: sku.to_owned(),
            quantity,
        }
    }

    fn sent(item: u64, location: u64, sku: &str, place: &str, quantity: Decimal) -> SentLevel {
        SentLevel {
            key: key(item, location),
            sku: sku.to_owned(),
            place: place.to_owned(),
            quantity,
            at: at(0),
            refused: None,
        }
    }

    fn policy(places: &[(&str, &str)]) -> StockPolicy {
        StockPolicy {
            schedule: Schedule {
                expression: "rate(1 day)".to_owned(),
                time_zone: "UTC".to_owned(),
            },
            places: places
                .iter()
                .map(|(location, place)| (LocationId::new(*location), (*place).to_owned()))
                .collect(),
            measure: StockMeasure::OnHand,
            assemblies: true,
            condition: None,
        }
    }

    struct Known<'a> {
        levels: &'a [Level],
        sent: &'a [SentLevel],
        doubts: &'a [Doubt],
    }

    fn entries(known: &Known<'_>, places: &[(&str, &str)], whole: bool) -> Vec<Entry> {
        let policy = policy(places);
        let page = Page {
            levels: known.levels,
            sent: known.sent,
            doubts: known.doubts,
            policy: &policy,
            whole,
            began: at(24),
            now: at(25),
        };
        page.entries(&LevelKey::FIRST, &LevelKey::LAST)
    }

    fn errands(levels: &[Level], sent: &[SentLevel], places: &[(&str, &str)]) -> Vec<(Option<String>, Vec<String>)> {
        let doubts = &[];
        let known = Known { levels, sent, doubts };
        told(&entries(&known, places, false))
    }

    /// What is shown, and what is emptied.
    fn told(entries: &[Entry]) -> Vec<(Option<String>, Vec<String>)> {
        let errands = entries.iter().filter_map(Entry::errand);
        let words = |errand: &Errand| {
            let shown = errand.shown.as_ref();
            let shown = shown.map(|(level, place)| format!("{}@{place}={}", level.sku, level.quantity));
            let empty = errand
                .empty
                .iter()
                .map(|shelf| format!("{}@{}", shelf.sku, shelf.place));
            (shown, empty.collect())
        };
        errands.map(words).collect()
    }

    fn shows(text: &str) -> (Option<String>, Vec<String>) {
        (Some(text.to_owned()), Vec::new())
    }

    const TWO: &[(&str, &str)] = &[("1", "P1"), ("2", "P2")];

    /// P44: what has not changed is not told, by quantity, SKU and place.
    #[test]
    fn only_what_changed_is_an_errand() {
        let levels = [
            level(1, 1, "A", dec!(5)),
            level(1, 2, "A", dec!(6)),
            level(2, 1, "B", dec!(7.0)),
            level(3, 9, "C", dec!(1)),
        ];
        let books = [
            sent(1, 1, "A", "P1", dec!(5)),
            sent(1, 2, "A", "P2", dec!(4)),
            sent(2, 1, "B", "P1", dec!(7)),
        ];
        assert_eq!(errands(&levels, &books, TWO), [shows("A@P2=6")]);
        let doubts = &[];
        let known = Known {
            levels: &levels,
            sent: &books,
            doubts,
        };
        let found: Vec<Finding> = entries(&known, TWO, false)
            .into_iter()
            .map(|entry| entry.finding)
            .collect();
        assert!(matches!(
            found.as_slice(),
            [
                Finding::Unchanged,
                Finding::Errand(_),
                Finding::Unchanged,
                Finding::Elsewhere
            ]
        ));
        assert_eq!(
            told(&entries(&known, TWO, true)).len(),
            3,
            "all is told again where that is asked for"
        );
    }

    #[test]
    fn what_the_erp_shows_no_more_is_told_as_nothing_once() {
        let books = [sent(1, 1, "A", "P1", dec!(5)), sent(2, 1, "B", "P1", dec!(0))];
        let gone = errands(&[], &books, TWO);
        assert_eq!(gone, [(None, vec!["A@P1".to_owned()]), (None, Vec::new())]);
        let doubts = &[];
        let known = Known {
            levels: &[],
            sent: &books,
            doubts,
        };
        let kept: Vec<SentLevel> = entries(&known, TWO, false)
            .iter()
            .filter_map(|entry| Some(entry.errand()?.kept(at(25), None)))
            .collect();
        assert!(errands(&[], &kept, TWO).is_empty());
        let back = errands(&[level(1, 1, "A", dec!(0))], &kept, TWO);
        assert_eq!(
            back,
            [shows("A@P1=0")],
            "whatever the desk shows meanwhile, it is told what there is"
        );
    }

    #[test]
    fn another_sku_empties_the_old_one_unless_somebody_else_has_it() {
        let books = [sent(1, 1, "A", "P1", dec!(5)), sent(2, 1, "B", "P1", dec!(6))];
        let renamed = errands(&[level(1, 1, "C", dec!(5)), level(2, 1, "B", dec!(6))], &books, TWO);
        assert_eq!(renamed, [(Some("C@P1=5".to_owned()), vec!["A@P1".to_owned()])]);
        let exchanged = errands(&[level(1, 1, "B", dec!(5)), level(2, 1, "A", dec!(6))], &books, TWO);
        assert_eq!(exchanged, [shows("B@P1=5"), shows("A@P1=6")]);
    }

    #[test]
    fn places_that_were_exchanged_are_told_and_not_emptied() {
        let levels = [level(1, 1, "A", dec!(5)), level(1, 2, "A", dec!(6))];
        let books = [sent(1, 1, "A", "P1", dec!(5)), sent(1, 2, "A", "P2", dec!(6))];
        let exchanged = errands(&levels, &books, &[("1", "P2"), ("2", "P1")]);
        assert_eq!(exchanged, [shows("A@P2=5"), shows("A@P1=6")]);
        let moved = errands(&levels, &books, &[("1", "P3"), ("2", "P2")]);
        assert_eq!(
            moved,
            [shows("A@P3=5")],
            "a place that is not ours any more is left alone"
        );
        let left = errands(&levels, &books, &[("1", "P1")]);
        assert_eq!(
            left,
            [(None, Vec::new())],
            "and so is one that is not named any more; it is forgotten"
        );
    }

    #[test]
    fn what_was_refused_is_tried_again_when_it_changed_or_the_next_day() {
        let refused = |hours: i64, why: &str| SentLevel {
            at: at(25 - hours),
            refused: Some(why.to_owned()),
            ..sent(1, 1, "A", "P1", dec!(5))
        };
        let unknown = |hours| refused(hours, "nobody knows it (unknown-sku)");
        let same = [level(1, 1, "A", dec!(5))];
        assert!(errands(&same, &[unknown(6)], TWO).is_empty());
        assert_eq!(errands(&same, &[unknown(23)], TWO), [shows("A@P1=5")]);
        assert_eq!(
            errands(&same, &[refused(2, "not now (unspecified)")], TWO),
            [shows("A@P1=5")],
            "by the next run"
        );
        assert!(
            errands(&same, &[refused(1, "not now (unspecified)")], TWO).is_empty(),
            "and not by this one again"
        );
        let other = |sku: &str, quantity| errands(&[level(1, 1, sku, quantity)], &[unknown(1)], TWO);
        assert_eq!(other("A", dec!(4)), [shows("A@P1=4")]);
        assert_eq!(other("B", dec!(5)), [shows("B@P1=5")]);
    }

    /// P44: two items under one name would overwrite each other: neither is told, and both are named.
    #[test]
    fn two_items_under_one_name_in_one_place_are_not_told() {
        let levels = [
            level(1, 1, "A", dec!(5)),
            level(1, 2, "A", dec!(6)),
            level(2, 1, "A", dec!(7)),
        ];
        let (sent, doubts) = (&[], &[]);
        let known = Known {
            levels: &levels,
            sent,
            doubts,
        };
        let found = entries(&known, TWO, false);
        assert_eq!(told(&found), [shows("A@P2=6")]);
        let unplaced = |entry: &Entry| match &entry.finding {
            Finding::Refused { unplaced, .. } => Some(unplaced.why.contains("two items")),
            _ => None,
        };
        assert_eq!(found.iter().filter_map(unplaced).collect::<Vec<_>>(), [true, true]);
    }

    /// P44: a place of which nothing is listed any more, or most of a page that is gone, is a loss of sight and no stock of nothing.
    #[test]
    fn a_place_that_vanishes_is_a_loss_of_sight() {
        let books: Vec<SentLevel> = (1..=30)
            .flat_map(|item| [(item, 1, "P1"), (item, 2, "P2")])
            .map(|(item, place, shelf)| sent(item, place, &format!("S{item}"), shelf, dec!(5)))
            .collect();
        let listed = |is_listed: &dyn Fn(u64, u64) -> bool| {
            let levels: Vec<Level> = books
                .iter()
                .filter(|sent| is_listed(sent.key.item, sent.key.location))
                .map(|sent| level(sent.key.item, sent.key.location, &sent.sku, dec!(5)))
                .collect();
            let (doubts, sent) = (&[], books.as_slice());
            let levels = levels.as_slice();
            entries(&Known { levels, sent, doubts }, TWO, false)
        };
        let lost = |is_listed: &dyn Fn(u64, u64) -> bool| lost_from_sight(&listed(is_listed), true);
        assert_eq!(lost(&|_, _| true), None);
        assert_eq!(lost(&|item, _| item > 5), None, "five items are gone");
        assert!(lost(&|_, place| place == 1).is_some_and(|what| what.contains("location 2")));
        assert!(lost(&|item, _| item > 20).is_some_and(|what| what.contains("40 of 60")));
        let few = listed(&|item, place| place == 1 || item > 25);
        assert_eq!(
            lost_from_sight(&few, false),
            None,
            "others of the place are still listed"
        );
    }

    /// P44: what was being told when a worker died is told again, though the ERP has come back to what the books say.
    #[test]
    fn what_nobody_heard_the_end_of_is_told_again() {
        let levels = [level(1, 1, "A", dec!(5))];
        let books = [sent(1, 1, "A", "P1", dec!(5))];
        let doubt = |sku: &str| Doubt {
            key: key(1, 1),
            sku: sku.to_owned(),
            place: "P1".to_owned(),
        };
        let again = |levels: &[Level], sent: &[SentLevel], doubt: Doubt| {
            let doubts = &[doubt];
            told(&entries(&Known { levels, sent, doubts }, TWO, false))
        };
        assert_eq!(again(&levels, &books, doubt("A")), [shows("A@P1=5")]);
        let renamed = again(&levels, &books, doubt("B"));
        assert_eq!(renamed, [(Some("A@P1=5".to_owned()), vec!["B@P1".to_owned()])]);
        assert_eq!(again(&[], &[], doubt("A")), [(None, vec!["A@P1".to_owned()])]);
    }

    #[test]
    fn a_full_page_ends_with_a_whole_item() {
        let levels: Vec<Level> = [(1, 1), (1, 2), (2, 1), (2, 2)]
            .map(|(item, place)| level(item, place, "A", dec!(1)))
            .into();
        let full = whole_items(levels.clone(), 4);
        assert_eq!(
            (full.levels.len(), full.to, full.next),
            (2, key(1, u64::MAX), Some(key(1, 2)))
        );
        let last = whole_items(levels.clone(), 5);
        assert_eq!((last.levels.len(), last.to, last.next), (4, LevelKey::LAST, None));
        let nothing = whole_items(Vec::new(), 5);
        assert_eq!((nothing.to, nothing.next), (LevelKey::LAST, None));
    }

    /// P44: of an item in more places than a page holds nothing is known beyond what was read: the rest of it is not gone.
    #[test]
    fn an_item_that_fills_a_page_is_dealt_with_as_far_as_it_was_read() {
        let levels: Vec<Level> = [1, 2].map(|place| level(1, place, "A", dec!(1))).into();
        let cut = whole_items(levels, 2);
        assert_eq!(
            (cut.levels.len(), &cut.to, &cut.next),
            (2, &key(1, 2), &Some(key(1, 2)))
        );
        let books = [sent(1, 1, "A", "P1", dec!(1)), sent(1, 3, "A", "P3", dec!(9))];
        let policy = policy(&[("1", "P1"), ("2", "P2"), ("3", "P3")]);
        let page = Page {
            levels: &cut.levels,
            sent: &books,
            doubts: &[],
            policy: &policy,
            whole: false,
            began: at(24),
            now: at(25),
        };
        assert_eq!(told(&page.entries(&LevelKey::FIRST, &cut.to)), [shows("A@P2=1")]);
    }
}
