//! Writing the shipment back: look for our own reference first, and where a lost request may still be under way, wait out
//! the ERP's worst case before anyone repeats it.

use jiff::{SignedDuration, Timestamp};

use super::record::{Beside, Recorded};
use super::{Onward, Run};
use crate::connection::VoidedAtDesk;
use crate::domain::{Consignment, LabelRef, Order, Quantities, Shipment, Snapshot};
use crate::flows::label_link::good_until;
use crate::job::{HoldReason, Outcome, Step, Wait};
use crate::ports::{
    CallError, Draft, EffectError, MAKES_NOTHING, Permit, StoreError, WriteBack, WriteBackRef, Written,
};

/// How often a write-back is sent whose answer is lost and which does not arrive: what goes on so is no accident any more.
const MOST_LOST_WRITES: u32 = 4;

/// How often the ERP is looked at where the connection's schedule names no interval.
const POLLED_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// How far the looks for what a write-back waits for are apart at last.
const SELDOM: SignedDuration = SignedDuration::from_hours(1);

/// What a write-back needs to know, read once per look.
struct Facts {
    order: Order,
    shipped: Snapshot,
    shipment: Shipment,
    labels: Vec<LabelRef>,
    /// Made once it is to be written: a look recognises nothing by it.
    label_link: Option<String>,
}

impl Run<'_> {
    /// Looks for the write-back; intends and sends it if it is not there and may be.
    pub(super) async fn look_for_write_back(&mut self) -> Result<Onward, StoreError> {
        let Some(shipment) = self.ledger.job.purchase.done().cloned() else {
            return Ok(Onward::Go);
        };
        let mut facts = match self.facts(shipment).await? {
            Ok(Some(facts)) => facts,
            Ok(None) => return self.without_order().await,
            Err(error) => return self.wait_or_stay(&error).await,
        };
        let found = match self.systems.source.find(&self.to_write(&facts)).await {
            Ok(Written::Whole(reference)) => {
                let text = format!("the ERP shows it: {}", reference.place);
                return self.ledger.record(Outcome::WrittenBack(reference), text).await;
            }
            Ok(found) => found,
            Err(error) => return self.wait_or_stay(&error).await,
        };
        if self.ledger.job.void_pending() {
            return self.settle_before_void(found).await;
        }
        if let Some(onward) = self.reason_not_to_write(&facts, &found).await? {
            return Ok(onward);
        }
        if let Written::NotYet(what) = found {
            return self.park(&what).await;
        }
        if let Written::NoRoom(reference) = found {
            let text = format!("the ERP has no room for it, and does not show it: {}", reference.place);
            return self.ledger.record(Outcome::WrittenBack(reference), text).await;
        }
        facts.label_link = self.label_link().await?;
        match self.systems.source.draft(&self.to_write(&facts), &found) {
            Ok(draft) => self.intend_write_back(draft).await,
            Err(refusal) => {
                let text = format!("cannot be written back: {refusal}");
                self.ledger.record(Outcome::WriteBackRefused { refusal }, text).await
            }
        }
    }

    /// What it is to be written to is not there: the job waits for it, which is no failure, however long it lasts. It is looked
    /// for as often as the ERP is polled at first, and ever more seldom.
    async fn park(&mut self, what: &str) -> Result<Onward, StoreError> {
        let (now, job) = (self.ledger.now(), &self.ledger.job);
        let bought = job.budgeted_at.unwrap_or(job.created_at);
        let every = self.connection().schedule.interval().unwrap_or(POLLED_EVERY);
        let wait = every.max(now.duration_since(bought) / 2).min(SELDOM);
        let since = job.parked_since().unwrap_or(now);
        let text = format!("shipped; {what}");
        self.ledger
            .record(Outcome::Waits(Wait::parked(now + wait, text.clone(), since)), text)
            .await
    }

    async fn facts(&self, shipment: Shipment) -> Result<Result<Option<Facts>, CallError>, StoreError> {
        let job = &self.ledger.job;
        let shipped = self.snapshot(job.purchased_from.unwrap_or(job.snapshot.number)).await?;
        let labels = job.labels.done().cloned().unwrap_or_default();
        let orders = self.systems.source.read(std::slice::from_ref(&job.document)).await;
        let facts = |order| Facts {
            order,
            shipped,
            shipment,
            labels,
            label_link: None,
        };
        Ok(orders.map(|orders| orders.into_iter().next().map(facts)))
    }

    /// Where people open the labels, if the connection wants that written.
    async fn label_link(&self) -> Result<Option<String>, StoreError> {
        let connection = self.connection();
        if connection.write_back.fields.label_link.is_none() {
            return Ok(None);
        }
        let job = &self.ledger.job;
        let until = good_until(job, connection.link_days());
        self.ledger.ports.links.link(job, until).await
    }

    async fn without_order(&mut self) -> Result<Onward, StoreError> {
        if self.ledger.job.void_pending() {
            return self
                .ledger
                .record(
                    Outcome::NotWritten,
                    "the order no longer exists: nothing was written back",
                )
                .await;
        }
        let message = "the order no longer exists, but its label was bought";
        self.hold_in_doubt(HoldReason::ChangedAfterLabel, message).await
    }

    /// A void waits until it is known whether the ERP shows the shipment; nothing is written any more.
    async fn settle_before_void(&mut self, found: Written) -> Result<Onward, StoreError> {
        if let Written::Partly(reference) | Written::Whole(reference) = found {
            let text = format!("the ERP shows a part of it: {}", reference.place);
            return self.ledger.record(Outcome::WrittenBack(reference), text).await;
        }
        match self.still_under_way().await? {
            Some(onward) => Ok(onward),
            None => {
                let text = "the write-back is not in the ERP and can no longer come";
                self.ledger.record(Outcome::NotWritten, text).await
            }
        }
    }

    /// Looks whether the ERP still shows a shipment that is void.
    pub(super) async fn look_whether_shown(&mut self) -> Result<Onward, StoreError> {
        let wish = self.ledger.job.void.clone();
        let Some((shipment, shown)) = wish.and_then(|wish| wish.shipment.zip(wish.shown)) else {
            return self
                .ledger
                .record(Outcome::StillHeld, "still held: only a person ends this")
                .await;
        };
        let (outcome, text) = match self.shows(shipment.clone(), &shown).await? {
            // What is gone may have left its numbers on the document, or a try to undo it was broken off.
            Ok(is_shown) if self.is_undone() => self.unmake(&shipment, &shown, is_shown).await,
            Ok(true) => (Outcome::StillHeld, "the ERP still shows the void shipment".to_owned()),
            Ok(false) => not_shown(),
            Err(error) => (
                Outcome::StillHeld,
                format!("could not look whether the ERP shows it: {error}"),
            ),
        };
        self.ledger.record(outcome, text).await
    }

    /// Whether what the desk voids is taken away in the ERP too.
    fn is_undone(&self) -> bool {
        let policy = self.connection().desk.as_ref().map(|desk| desk.voided);
        self.ledger.job.at_desk.is_some() && policy == Some(VoidedAtDesk::Undo)
    }

    /// Whether a void has just left something in the ERP that is taken away at once: nobody need look at it.
    pub(super) fn is_to_be_undone(&self) -> bool {
        let reason = self.ledger.job.hold.as_ref().map(|hold| hold.reason);
        self.is_undone() && reason == Some(HoldReason::VoidStillShown)
    }

    /// Takes away what was made in the ERP for a shipment that is void, and whatever is left of it.
    async fn unmake(&self, shipment: &Shipment, shown: &WriteBackRef, is_shown: bool) -> (Outcome, String) {
        let job = &self.ledger.job;
        match self.systems.source.unmake(&job.id, &job.document, shipment).await {
            Ok(()) if !is_shown => not_shown(),
            Err(CallError::Refused(refusal)) if !is_shown && refusal.code == MAKES_NOTHING => not_shown(),
            Ok(()) => {
                let text = format!("took {} away from the ERP, for its shipment is void", shown.place);
                (Outcome::NotShown, text)
            }
            Err(CallError::Refused(refusal)) => {
                let text = format!("the ERP does not let us take {} away: {refusal}", shown.place);
                (Outcome::StillShown { refusal }, text)
            }
            Err(later @ CallError::Later(_)) => {
                let text = format!("{} could not be taken away yet: {later}", shown.place);
                (Outcome::StillHeld, text)
            }
        }
    }

    /// Where something was made in the ERP, that is what counts: an order's fields may name other shipments as well.
    async fn shows(&self, shipment: Shipment, shown: &WriteBackRef) -> Result<Result<bool, CallError>, StoreError> {
        let facts = match self.facts(shipment).await? {
            Ok(Some(facts)) => facts,
            Ok(None) => return Ok(Ok(false)),
            Err(error) => return Ok(Err(error)),
        };
        let found = self.systems.source.find(&self.to_write(&facts)).await;
        Ok(found.map(|found| match found {
            Written::Whole(there) | Written::Partly(there) => shown.id.is_none() || there.id.is_some(),
            Written::Place { .. } | Written::NoRoom(_) | Written::Nothing | Written::NotYet(_) => false,
        }))
    }

    fn to_write<'a>(&'a self, facts: &'a Facts) -> WriteBack<'a> {
        WriteBack {
            job: &self.ledger.job.id,
            order: &facts.order,
            consignment: &facts.shipped.consignment,
            shipment: &facts.shipment,
            quote: self.ledger.job.quote.done(),
            labels: &facts.labels,
            label_link: facts.label_link.as_deref(),
        }
    }

    /// Under a hold the look is only repeated later; otherwise the job waits.
    async fn wait_or_stay(&mut self, error: &CallError) -> Result<Onward, StoreError> {
        match (&self.ledger.job.hold, error) {
            (Some(_), _) => {
                self.ledger
                    .record(
                        Outcome::StillHeld,
                        format!("could not look for the write-back: {error}"),
                    )
                    .await
            }
            (None, _) => self.ledger.wait_for(error).await,
        }
    }

    /// Why a write-back that is not there must not be written now.
    async fn reason_not_to_write(&mut self, facts: &Facts, found: &Written) -> Result<Option<Onward>, StoreError> {
        let untouched = !matches!(found, Written::Partly(_) | Written::Whole(_));
        // What people shipped is written as they shipped it.
        let ours = self.ledger.job.at_desk.is_none();
        if untouched && ours && self.changed_since_label(facts) {
            let message =
                "the order changed after its label was bought: release the job to write it back as shipped, or void it";
            return self
                .hold_in_doubt(HoldReason::ChangedAfterLabel, message)
                .await
                .map(Some);
        }
        if let Some(onward) = self.still_under_way().await? {
            return Ok(Some(onward));
        }
        let lost = self
            .ledger
            .job
            .write_back
            .open_attempt()
            .map_or(0, |attempt| attempt.number);
        if lost >= MOST_LOST_WRITES {
            let message = format!(
                "the write-back was sent {lost} times, its answer was lost each time, and it is not in the ERP: look at the last exchange in `waybill job audit {}`, mend what refuses it, then release",
                self.ledger.job.id
            );
            return self
                .hold_in_doubt(HoldReason::WriteBackInDoubt, &message)
                .await
                .map(Some);
        }
        Ok(None)
    }

    /// What to do while a lost request may still be under way; `None` once it cannot.
    async fn still_under_way(&mut self) -> Result<Option<Onward>, StoreError> {
        let Some(until) = self.lost_until() else {
            return Ok(None);
        };
        let Some(until) = until else {
            let message = "a write-back's answer was lost and nobody can say when it is safe to repeat it: look at the order, then release";
            return self
                .hold_in_doubt(HoldReason::WriteBackInDoubt, message)
                .await
                .map(Some);
        };
        if self.ledger.now() >= until {
            return Ok(None);
        }
        let look_at = until.min(self.ledger.now() + self.ledger.ports.timing.retry);
        let outcome = match &self.ledger.job.write_back {
            Step::Started(_) => Outcome::WriteBackUnknown { until, look_at },
            _ => Outcome::Waits(Wait::new(look_at, "the ERP may still be working on a lost write-back")),
        };
        self.ledger
            .record(outcome, "not in the ERP yet; a lost request may still be under way")
            .await
            .map(Some)
    }

    /// Until when a request of ours may still be under way: `None` if none was lost, `Some(None)` if nobody knows.
    fn lost_until(&self) -> Option<Option<Timestamp>> {
        match &self.ledger.job.write_back {
            Step::Started(attempt) => Some(self.window().map(|window| attempt.until + window)),
            Step::Unknown { since, .. } => Some(Some(*since)),
            Step::Todo | Step::NotNeeded(_) | Step::Done(_) | Step::Refused(_) => None,
        }
    }

    fn window(&self) -> Option<SignedDuration> {
        let vendor = || {
            self.systems
                .source
                .lost_request_window()
                .and_then(|window| SignedDuration::try_from(window).ok())
        };
        self.ledger.ports.timing.erp_window.or_else(vendor)
    }

    fn changed_since_label(&self, facts: &Facts) -> bool {
        let quantities = facts.shipped.consignment.quantities();
        // Older units do not matter any more: what was bought is what is written.
        let now = Consignment::of(&facts.order, &quantities, &Quantities::new());
        now.map_or(true, |now| now.content_hash() != self.ledger.job.snapshot.hash)
    }

    async fn hold_in_doubt(&mut self, reason: HoldReason, message: &str) -> Result<Onward, StoreError> {
        if self.ledger.job.hold.as_ref().is_some_and(|hold| hold.reason == reason) {
            return self
                .ledger
                .record(Outcome::StillHeld, "still held: only a person ends this")
                .await;
        }
        let outcome = Outcome::Held {
            reason,
            message: message.to_owned(),
            snapshot: None,
            address: None,
        };
        self.ledger.record(outcome, format!("held: {message}")).await
    }

    async fn intend_write_back(&mut self, draft: Draft) -> Result<Onward, StoreError> {
        let owner = self.ledger.ports.nonces.nonce();
        let beside = Beside {
            draft: Some(draft.clone()),
            snapshot: None,
        };
        let text = "intends to write the shipment back".to_owned();
        match self
            .ledger
            .write(Outcome::WriteBackIntended { owner }, text, beside)
            .await?
        {
            Recorded::Stands => self.write_back(&draft).await,
            not_ours => Ok(not_ours.onward()),
        }
    }

    async fn write_back(&mut self, draft: &Draft) -> Result<Onward, StoreError> {
        let Step::Started(attempt) = self.ledger.job.write_back.clone() else {
            return Ok(Onward::Go);
        };
        match self
            .systems
            .source
            .write_back(draft, Permit { until: attempt.until })
            .await
        {
            Ok(reference) => {
                let text = format!("written back: {}", reference.place);
                self.ledger.record(Outcome::WrittenBack(reference), text).await
            }
            Err(EffectError::Rejected(refusal)) => {
                let text = format!("the ERP refused the write-back: {refusal}");
                self.ledger.record(Outcome::WriteBackRefused { refusal }, text).await
            }
            Err(EffectError::NotSent(later)) => {
                let wait = self.ledger.wait(&later);
                let text = format!("the write-back was not sent: {}", wait.reason);
                self.ledger.record(Outcome::WriteBackNotSent { wait }, text).await
            }
            Err(EffectError::Unknown(reason)) => {
                let text = format!("nobody knows what became of the write-back ({reason}): it is looked for");
                self.lose_write_back(text).await
            }
        }
    }

    async fn lose_write_back(&mut self, text: String) -> Result<Onward, StoreError> {
        let now = self.ledger.now();
        match self.window() {
            Some(window) => {
                let look_at = now + self.ledger.ports.timing.retry.min(window);
                self.ledger
                    .record(
                        Outcome::WriteBackUnknown {
                            until: now + window,
                            look_at,
                        },
                        text,
                    )
                    .await
            }
            // The intent stands until its lease ends; only then is the look that leads to a hold worth anything.
            None => Ok(Onward::Rest),
        }
    }
}

fn not_shown() -> (Outcome, String) {
    let text = "the ERP does not show the void shipment any more".to_owned();
    (Outcome::NotShown, text)
}
