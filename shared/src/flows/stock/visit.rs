//! One invocation's part of a run.

use rust_decimal::Decimal;

use super::page::{Cut, Entry, Errand, Finding, Page, Shelf, lost_from_sight, taken_by, unplaced, whole_items};
use super::{PAGE, Stock};
use crate::connection::StockPolicy;
use crate::domain::{Level, LevelKey, Refusal, SentLevel, ShownAnew, StockRun};
use crate::flows::outward::Halt;
use crate::flows::rounds::{self, Telling, Work};
use crate::ports::{CallError, Desk, DeskCall, DeskStory, DeskWrite, Outgoing};
use crate::telemetry;

/// How many levels are told before that is kept; an item's levels stay together.
const BATCH: usize = 20;

/// The desk's word for having no inventory at all.
const NO_INVENTORY: &str = "no-inventory";

/// A visit to a desk.
pub(super) struct Visit<'a> {
    pub(super) stock: &'a Stock,
    pub(super) work: &'a Work<'a>,
    pub(super) policy: &'a StockPolicy,
    pub(super) desk: &'a Desk,
    pub(super) run: StockRun,
}

/// A stretch of the ERP's stock.
struct Stretch {
    entries: Vec<Entry>,
    from: LevelKey,
    to: LevelKey,
    /// Where the next one begins; `None` after the last.
    next: Option<LevelKey>,
}

impl Stretch {
    /// Whether a level is none of this stretch.
    fn is_beyond(&self, key: &LevelKey) -> bool {
        *key < self.from || *key > self.to
    }
}

/// What came of some errands.
#[derive(Default)]
struct Told {
    kept: Vec<SentLevel>,
    story: Vec<DeskWrite>,
}

impl Visit<'_> {
    pub(super) async fn tell_all(&mut self) -> Result<(), Halt> {
        loop {
            self.in_time()?;
            let stretch = self.read().await?;
            for batch in batches(&stretch.entries) {
                self.tell(batch, &stretch).await?;
            }
            let Some(next) = stretch.next else { return Ok(()) };
            self.run.after = Some(next);
            self.save().await?;
        }
    }

    fn in_time(&self) -> Result<(), Halt> {
        rounds::in_time(&self.stock.ports(), &self.run.round, self.work.deadline)
    }

    /// Moves the run on, unless somebody else did.
    async fn save(&mut self) -> Result<(), Halt> {
        let (now, lease) = (self.stock.clock.now(), self.stock.timing.lease);
        self.run.round = self.run.round.taken(&self.work.owner, now, lease);
        let books = &self.stock.books;
        if books.write_stock_run(&self.work.connection.id, &self.run).await? {
            Ok(())
        } else {
            Err(Halt::Lost)
        }
    }

    /// Reads what comes after what was dealt with, and what the desk was told of it.
    async fn read(&mut self) -> Result<Stretch, Halt> {
        let after = self.run.after.clone();
        let levels = self.desk.source.levels(after.as_ref(), PAGE).await;
        // Others may need the slot while the desk is told.
        self.work.systems.close().await;
        let Cut { levels, to, next } = whole_items(levels?, PAGE);
        let from = after.as_ref().map_or(LevelKey::FIRST, LevelKey::successor);
        let sent = self.stock.books.sent(&self.work.connection.id, &from, &to).await?;
        if after.is_none() && levels.is_empty() && !self.run.round.whole && sent.iter().any(is_shown) {
            return Err(Halt::GivenUp(format!(
                "the ERP lists no stock at all, and the desk shows some: nothing was told. If there is none: `waybill stock run {} --all`",
                self.work.connection.id
            )));
        }
        let now = self.stock.clock.now();
        let page = Page {
            levels: &levels,
            sent: &sent,
            doubts: &self.run.telling,
            policy: self.policy,
            whole: self.run.round.whole,
            began: self.run.round.began.unwrap_or(now),
            now,
        };
        let entries = page.entries(&from, &to);
        let all = after.is_none() && next.is_none();
        if let Some(lost) = lost_from_sight(&entries, all).filter(|_| !self.run.round.whole) {
            return Err(Halt::GivenUp(format!(
                "the ERP no more lists {lost} that the desk shows: they were not told as nothing, nor anything after them. See whether \
                 the integration's role still sees that place; if there is nothing: `waybill stock run {} --all`",
                self.work.connection.id
            )));
        }
        Ok(Stretch {
            entries,
            from,
            to,
            next,
        })
    }

    /// Does what is to be done about some levels, keeps that, and counts them as dealt with.
    async fn tell(&mut self, batch: &[Entry], stretch: &Stretch) -> Result<(), Halt> {
        let Some(last) = batch.last().map(|entry| &entry.key) else {
            return Ok(());
        };
        let errands: Vec<&Errand> = batch.iter().filter_map(Entry::errand).collect();
        let mut told = Told::default();
        if !errands.is_empty() {
            self.in_time()?;
            self.run.telling.retain(|doubt| doubt.key > *last);
            self.run.telling.extend(errands.iter().map(|errand| errand.doubt()));
            self.save().await?;
            let halt = self.run_errands(&errands, stretch, &mut told).await;
            self.stock.books.keep_sent(&self.work.connection.id, &told.kept).await?;
            self.keep_story(&told.story).await?;
            self.note_told(&told.kept);
            self.run
                .telling
                .retain(|doubt| told.kept.iter().all(|sent| sent.key != doubt.key));
            halt?;
        }
        for entry in batch {
            self.tally(entry, &told.kept);
        }
        self.run.telling.retain(|doubt| doubt.key > *last);
        self.run.after = Some(last.clone());
        Ok(())
    }

    /// Levels are told one after another: the share of the desk's calls that stock has is used up all the same, and each call is known
    /// for what it told.
    async fn run_errands(&mut self, errands: &[&Errand], stretch: &Stretch, told: &mut Told) -> Result<(), Halt> {
        for errand in errands {
            let done = self.run_errand(errand, stretch).await;
            let exchanges = self.work.systems.recorder.drain();
            let calls = DeskCall::among(&exchanges, &self.work.connection.carrier.system);
            if !calls.is_empty() {
                told.story.push(self.written(errand, done.as_ref().ok(), calls));
            }
            let sent = done?;
            if sent.stands_as(&sent.sku, &sent.place) && errand.anew {
                self.run.note_shown_anew(ShownAnew {
                    key: sent.key.clone(),
                    sku: sent.sku.clone(),
                    place: sent.place.clone(),
                });
            }
            told.kept.push(sent);
        }
        Ok(())
    }

    async fn run_errand(&self, errand: &Errand, stretch: &Stretch) -> Result<SentLevel, Halt> {
        let at = self.stock.clock.now();
        let refused = match &errand.shown {
            Some((level, place)) => self.show(level, place, errand.anew, stretch).await?,
            None => None,
        };
        for shelf in &errand.empty {
            if !self.is_used(&errand.key, shelf, stretch).await? {
                let nothing = Level {
                    key: errand.key.clone(),
                    sku: shelf.sku.clone(),
                    quantity: Decimal::ZERO,
                };
                let stays = self
                    .set(&nothing, &shelf.place)
                    .await?
                    .filter(|refusal| !is_unknown(refusal));
                if let (Some(refusal), None) = (&stays, &errand.shown) {
                    return Ok(errand.still_shown(at, shelf, refusal.to_string()));
                }
            }
        }
        Ok(errand.kept(at, refused))
    }

    /// Makes the desk show a level, unless its name is another one's.
    async fn show(&self, level: &Level, place: &str, anew: bool, stretch: &Stretch) -> Result<Option<String>, Halt> {
        if anew && let Some(other) = self.same_name(level, place, stretch).await? {
            return Ok(Some(taken_by(&other)));
        }
        Ok(self.set(level, place).await?.map(|refusal| refusal.to_string()))
    }

    /// Another level, read before or to be read yet, that the desk shows under the same name and that the ERP still has so; within the
    /// stretch that was seen to.
    async fn same_name(&self, level: &Level, place: &str, stretch: &Stretch) -> Result<Option<LevelKey>, Halt> {
        let shown = &mut self.run.shown_anew.iter().rev();
        let is_other = |one: &&ShownAnew| one.sku == level.sku && one.place == place && stretch.is_beyond(&one.key);
        if let Some(other) = shown.find(is_other) {
            return Ok(Some(other.key.clone()));
        }
        let sent = self.stock.books.sent_as(&self.work.connection.id, &level.sku).await?;
        for other in sent {
            if !stretch.is_beyond(&other.key) || !other.stands_as(&level.sku, place) {
                continue;
            }
            // What was read before in this run is known to be so.
            if other.key < stretch.from || self.still_has(&other).await? {
                return Ok(Some(other.key));
            }
        }
        Ok(None)
    }

    /// Whether the ERP still has a level under its SKU.
    async fn still_has(&self, sent: &SentLevel) -> Result<bool, Halt> {
        self.in_time()?;
        let levels = self.desk.source.levels(Some(&sent.key.predecessor()), 1).await;
        self.work.systems.close().await;
        let same = |level: &Level| level.key == sent.key && level.sku == sent.sku;
        Ok(levels?.first().is_some_and(same))
    }

    /// Makes the desk show a level; in plain words why it does not take it.
    async fn set(&self, level: &Level, place: &str) -> Result<Option<Refusal>, Halt> {
        self.in_time()?;
        match self.desk.desk.set_on_hand(level, place).await {
            Ok(()) => Ok(None),
            Err(CallError::Later(later)) => Err(Halt::Later(later)),
            Err(CallError::Refused(refusal)) if refusal.code == NO_INVENTORY => Err(Halt::GivenUp(refusal.to_string())),
            Err(CallError::Refused(refusal)) => Ok(Some(refusal)),
        }
    }

    /// Whether another level is shown under this name, beyond this stretch; within it that was seen to.
    async fn is_used(&self, own: &LevelKey, shelf: &Shelf, stretch: &Stretch) -> Result<bool, Halt> {
        let same = |one: &ShownAnew| one.key != *own && one.sku == shelf.sku && one.place == shelf.place;
        if self.run.shown_anew.iter().any(same) {
            return Ok(true);
        }
        let sent = self.stock.books.sent_as(&self.work.connection.id, &shelf.sku).await?;
        let mut others = sent.iter().filter(|sent| stretch.is_beyond(&sent.key));
        Ok(others.any(|sent| sent.stands_as(&shelf.sku, &shelf.place)))
    }

    /// An entry of the run's story.
    fn written(&self, errand: &Errand, sent: Option<&SentLevel>, calls: Vec<DeskCall>) -> DeskWrite {
        let empty = errand.empty.first().map(|shelf| (&shelf.sku, &shelf.place));
        let shown = errand.shown.as_ref().map(|(level, place)| (&level.sku, place));
        let (sku, place) = shown.or(empty).unzip();
        let what = match (sent, &errand.shown) {
            (None, _) => "not known".to_owned(),
            (Some(sent), _) if sent.refused.is_some() => "refused".to_owned(),
            (Some(_), Some((level, _))) => format!("set to {}", level.quantity.normalize()),
            (Some(_), None) => "set to 0: the ERP shows it no more".to_owned(),
        };
        DeskWrite {
            at: self.stock.clock.now(),
            of: format!(
                "{} in {}",
                sku.map_or("", String::as_str),
                place.map_or("", String::as_str)
            ),
            what,
            calls,
        }
    }

    /// Keeps what was written as a page of the run's story; each write of the run has a version of its own.
    async fn keep_story(&self, story: &[DeskWrite]) -> Result<(), Halt> {
        if story.is_empty() {
            return Ok(());
        }
        let round = &self.run.round;
        let whose = DeskStory {
            connection: &self.work.connection.id,
            of: Outgoing::Stock,
            run: round.number,
        };
        Ok(self.stock.books.keep_story(whose, round.version, story).await?)
    }

    /// Says what the desk was told.
    fn note_told(&self, kept: &[SentLevel]) {
        count(kept);
        for sent in kept {
            tracing::info!(
                connection = %self.work.connection.id,
                run = self.run.round.number,
                item = sent.key.item,
                location = sent.key.location,
                place = sent.place,
                quantity = %sent.quantity,
                refused = sent.refused.is_some(),
                "a level was told to the desk"
            );
        }
    }

    fn tally(&mut self, entry: &Entry, kept: &[SentLevel]) {
        let run = &mut self.run;
        run.read += u64::from(entry.read);
        match &entry.finding {
            Finding::Elsewhere => run.elsewhere += 1,
            Finding::Unchanged => {}
            Finding::Told => {
                run.changed += 1;
                run.told += 1;
            }
            Finding::Refused { unplaced, in_this_run } => {
                run.changed += u64::from(*in_this_run);
                run.note_unplaced(unplaced.clone());
            }
            Finding::Errand(errand) => {
                run.elsewhere += u64::from(entry.read && errand.shown.is_none());
                let does = errand.shown.is_some() || !errand.empty.is_empty();
                run.changed += u64::from(does);
                let refused = kept
                    .iter()
                    .find(|sent| sent.key == entry.key)
                    .and_then(|sent| sent.refused.as_ref());
                match (&errand.shown, refused) {
                    (Some((level, _)), Some(why)) => run.note_unplaced(unplaced(level, why)),
                    _ => run.told += u64::from(does),
                }
            }
        }
    }
}

/// Levels in parts of so many errands; an item's levels stay together, for what they were called may be another's name now.
fn batches(entries: &[Entry]) -> Vec<&[Entry]> {
    let (mut batches, mut begins, mut errands, mut at) = (Vec::new(), 0, 0, 0);
    for item in entries.chunk_by(|one, next| one.key.item == next.key.item) {
        at += item.len();
        errands += item.iter().filter_map(Entry::errand).count();
        if errands >= BATCH || at == entries.len() {
            batches.extend(entries.get(begins..at));
            (begins, errands) = (at, 0);
        }
    }
    batches
}

/// Whether the desk shows some of it, as far as it was told.
fn is_shown(sent: &SentLevel) -> bool {
    sent.quantity > Decimal::ZERO && !sent.place.is_empty() && sent.refused.is_none()
}

fn count(kept: &[SentLevel]) {
    let refused = kept.iter().filter(|sent| sent.refused.is_some()).count();
    let told = kept.len() - refused;
    for (metric, count) in [("StockTold", told), ("StockRefused", refused)] {
        if count > 0 {
            telemetry::count(metric, u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}

/// What the desk does not know it does not show.
fn is_unknown(refusal: &Refusal) -> bool {
    matches!(refusal.code.as_str(), "unknown-sku" | "unknown-place")
}
