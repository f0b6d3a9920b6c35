//! One invocation's part of a run.

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::Timestamp;

use rust_decimal::Decimal;

use super::page::{Entry, Errand, Finding, Page, Shelf, lost_from_sight, unplaced, whole_items};
use super::{PAGE, Stock};
use crate::connection::{Connection, StockPolicy};
use crate::domain::{Level, LevelKey, Nonce, SentLevel, StockRun};
use crate::flows::outward::Halt;
use crate::ports::{CallError, Desk, Opened};
use crate::telemetry;

/// How many levels are told before that is kept; an item's levels stay together.
const BATCH: usize = 20;

/// How many levels are told side by side.
const TOGETHER: usize = 4;

/// The desk's word for having no inventory at all.
const NO_INVENTORY: &str = "no-inventory";

/// A visit to a desk.
pub(super) struct Visit<'a> {
    pub(super) stock: &'a Stock,
    pub(super) connection: &'a Connection,
    pub(super) policy: &'a StockPolicy,
    pub(super) systems: &'a Opened,
    pub(super) desk: &'a Desk,
    pub(super) owner: Nonce,
    /// When the invocation must have ended.
    pub(super) deadline: Timestamp,
    pub(super) run: StockRun,
    /// Under what this visit has shown something: the books find it by its SKU only after a while.
    pub(super) shown: BTreeSet<Shelf>,
}

/// A stretch of the ERP's stock.
struct Stretch {
    entries: Vec<Entry>,
    from: LevelKey,
    to: LevelKey,
    /// Where the next one begins; `None` after the last.
    next: Option<LevelKey>,
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

    /// Whether there is time for one more call, as far as the invocation and the lock last.
    fn in_time(&self) -> Result<(), Halt> {
        let until = self.run.round.held.as_ref().map_or(self.deadline, |grip| grip.until);
        if self.stock.clock.now() + self.stock.timing.call < until.min(self.deadline) {
            Ok(())
        } else {
            Err(Halt::TimeUp)
        }
    }

    /// Moves the run on, unless somebody else did.
    async fn save(&mut self) -> Result<(), Halt> {
        let (now, lease) = (self.stock.clock.now(), self.stock.timing.lease);
        self.run.round = self.run.round.taken(&self.owner, now, lease);
        let books = &self.stock.books;
        if books.write_stock_run(&self.connection.id, &self.run).await? {
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
        self.systems.close().await;
        let (levels, last) = whole_items(levels?, PAGE);
        let from = after.as_ref().map_or(LevelKey::FIRST, LevelKey::successor);
        let next = levels.last().map(|level| level.key.clone()).filter(|_| !last);
        let to = next.as_ref().map_or(LevelKey::LAST, LevelKey::end_of_item);
        let sent = self.stock.books.sent(&self.connection.id, &from, &to).await?;
        if after.is_none() && levels.is_empty() && !self.run.round.whole && sent.iter().any(is_shown) {
            return Err(Halt::GivenUp(format!(
                "the ERP lists no stock at all, and the desk shows some: nothing was told. If there is none: `waybill stock run {} --all`",
                self.connection.id
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
                self.connection.id
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
        let mut kept = Vec::new();
        if !errands.is_empty() {
            self.in_time()?;
            self.run.telling.retain(|doubt| doubt.key > *last);
            self.run.telling.extend(errands.iter().map(|errand| errand.doubt()));
            self.save().await?;
            let halt = self.run_errands(&errands, stretch, &mut kept).await;
            self.stock.books.keep_sent(&self.connection.id, &kept).await?;
            self.systems.recorder.drain();
            self.note_told(&kept);
            self.run
                .telling
                .retain(|doubt| kept.iter().all(|sent| sent.key != doubt.key));
            halt?;
        }
        for entry in batch {
            self.tally(entry, &kept);
        }
        self.run.telling.retain(|doubt| doubt.key > *last);
        self.run.after = Some(last.clone());
        Ok(())
    }

    async fn run_errands(&self, errands: &[&Errand], stretch: &Stretch, kept: &mut Vec<SentLevel>) -> Result<(), Halt> {
        for some in errands.chunks(TOGETHER) {
            self.in_time()?;
            let done = join_all(some.iter().map(|errand| self.run_errand(errand, stretch))).await;
            let mut halt = None;
            for one in done {
                match one {
                    Ok(sent) => kept.push(sent),
                    Err(why) => halt = halt.or(Some(why)),
                }
            }
            halt.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    async fn run_errand(&self, errand: &Errand, stretch: &Stretch) -> Result<SentLevel, Halt> {
        let at = self.stock.clock.now();
        let refused = match &errand.shown {
            Some((level, place)) => self.set(level, place).await?,
            None => None,
        };
        for shelf in &errand.empty {
            if !self.is_used(shelf, stretch).await? {
                let nothing = Level {
                    key: errand.key.clone(),
                    sku: shelf.sku.clone(),
                    quantity: Decimal::ZERO,
                };
                // What the desk does not know it does not show.
                self.set(&nothing, &shelf.place).await?;
            }
        }
        Ok(errand.kept(at, refused))
    }

    /// Makes the desk show a level; in plain words why it does not take it.
    async fn set(&self, level: &Level, place: &str) -> Result<Option<String>, Halt> {
        match self.desk.desk.set_on_hand(level, place).await {
            Ok(()) => Ok(None),
            Err(CallError::Later(later)) => Err(Halt::Later(later)),
            Err(CallError::Refused(refusal)) if refusal.code == NO_INVENTORY => Err(Halt::GivenUp(refusal.to_string())),
            Err(CallError::Refused(refusal)) => Ok(Some(refusal.to_string())),
        }
    }

    /// Whether another level is shown under this name, beyond this stretch; within it that was seen to.
    async fn is_used(&self, shelf: &Shelf, stretch: &Stretch) -> Result<bool, Halt> {
        let sent = self.stock.books.sent_as(&self.connection.id, &shelf.sku).await?;
        let beyond = |sent: &&SentLevel| sent.key < stretch.from || sent.key > stretch.to;
        let mut others = sent.iter().filter(beyond);
        Ok(self.shown.contains(shelf) || others.any(|sent| sent.stands_as(&shelf.sku, &shelf.place)))
    }

    /// Says what the desk was told, and remembers under what it shows something now.
    fn note_told(&mut self, kept: &[SentLevel]) {
        count(kept);
        for sent in kept {
            tracing::info!(
                connection = %self.connection.id,
                run = self.run.round.number,
                item = sent.key.item,
                location = sent.key.location,
                place = sent.place,
                quantity = %sent.quantity,
                refused = sent.refused.is_some(),
                "a level was told to the desk"
            );
            if sent.stands_as(&sent.sku, &sent.place) {
                self.shown.insert(Shelf {
                    sku: sent.sku.clone(),
                    place: sent.place.clone(),
                });
            }
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
