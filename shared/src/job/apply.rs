//! What a job becomes when something has happened: pure and exhaustive.

use jiff::{SignedDuration, Timestamp};

use super::{
    Attempt, Closing, DuplicateCheck, Extra, Flag, Forgotten, Hold, HoldReason, Job, Look, SnapshotRef, Step, Timing,
    VoidWish, Voiding, Wait, WriteBackRef,
};
use crate::domain::{
    AddressVerdict, CarrierShipmentId, DocumentKind, LabelRef, Nonce, Quote, Refusal, Shipment, Snapshot,
};
use crate::rules::{self, Rule};

/// Something that happened, to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A purchase is intended on this snapshot. After four counted absences this is the second purchase that the rules
    /// allow, and it owes a duplicate check.
    Intended {
        /// Who intends it.
        owner: Nonce,
        /// The snapshot that it rests on.
        snapshot: SnapshotRef,
        /// What the address check said.
        address: Step<AddressVerdict>,
        /// What was chosen.
        quote: Quote,
    },
    /// The lease ended without an answer.
    Expired,
    /// The answer was lost.
    Unknown {
        /// The attempt it is about.
        attempt: u32,
    },
    /// Provably nothing happened.
    NotSent {
        /// The attempt it is about.
        attempt: u32,
        /// When to try again, and why not now.
        wait: Wait,
    },
    /// The carrier said no.
    Rejected {
        /// The attempt it is about.
        attempt: u32,
        /// Its words.
        refusal: Refusal,
    },
    /// The carrier sold a shipment; its labels, if they could be kept.
    Bought {
        /// The shipment.
        shipment: Shipment,
        /// Its labels; `None` if they must be asked for again.
        labels: Option<Vec<LabelRef>>,
    },
    /// Looked, and found these.
    Found {
        /// Unvoided shipments that carry the reference.
        shipments: Vec<Shipment>,
    },
    /// Looked, and found nothing.
    Absent {
        /// Whether the look can see anything.
        control: bool,
        /// Whether an absence means anything to this carrier and this connection.
        may_recreate: bool,
    },
    /// Looked for duplicates.
    DuplicatesChecked {
        /// Unvoided shipments that carry the reference.
        shipments: Vec<Shipment>,
        /// Whether the look can see anything.
        control: bool,
    },
    /// The order no longer wants it.
    Closed(Closing),
    /// It cannot go on.
    Held {
        /// Why.
        reason: HoldReason,
        /// What a person should know and do.
        message: String,
        /// What was read meanwhile, where the hold rests on a newer reading.
        snapshot: Option<SnapshotRef>,
        /// What the address check said, where it was asked.
        address: Option<Step<AddressVerdict>>,
    },
    /// The hold still holds.
    StillHeld,
    /// The order was corrected, or a person said so: go on.
    Released {
        /// The reading to go on with.
        snapshot: SnapshotRef,
    },
    /// It must wait, before anything was intended.
    Waits(Wait),
    /// The labels are kept.
    LabelsKept(Vec<LabelRef>),
    /// The carrier gave labels, and they are not all there.
    LabelsIncomplete(Wait),
    /// A write-back is intended.
    WriteBackIntended {
        /// Who intends it.
        owner: Nonce,
    },
    /// A write-back's answer was lost and the ERP may still be working on it.
    WriteBackUnknown {
        /// Until when it may; before that it is looked for, but not written again.
        until: Timestamp,
        /// When to look first.
        look_at: Timestamp,
    },
    /// Provably not written.
    WriteBackNotSent {
        /// When to try again, and why not now.
        wait: Wait,
    },
    /// The ERP said no.
    WriteBackRefused {
        /// Its words.
        refusal: Refusal,
    },
    /// The ERP shows it.
    WrittenBack(WriteBackRef),
    /// A write-back whose answer was lost is not in the ERP and can no longer come; a void waited for that.
    NotWritten,
    /// A person changed a field of the ERP that is ours: it is written again, unless that was in vain too often.
    Disturbed,
    /// A person wants written again what was put right in vain.
    PutRightByPerson,
    /// The flag stands as asked.
    Flagged {
        /// What was written; `None` is cleared.
        text: Option<String>,
    },
    /// The flag could not be written now.
    FlagDelayed {
        /// When to try again.
        wait: Wait,
    },
    /// The ERP said no to the flag.
    FlagRefused {
        /// When to try again, unless it has said so too often.
        again_at: Timestamp,
    },
    /// An extra shipment is void, or the one that a person wanted void: then the job ends.
    Voided(CarrierShipmentId),
    /// A shipment could not be voided yet.
    VoidDelayed(CarrierShipmentId, Timestamp),
    /// The carrier does not void a shipment.
    VoidRefused(CarrierShipmentId, Refusal),
    /// The ERP does not show the void shipment any more.
    NotShown,
    /// The ERP still shows the void shipment, and does not let us take that away.
    StillShown {
        /// Its words.
        refusal: Refusal,
    },
    /// The order of a job that is held, or waits for what it is to be written to, was changed: it is looked at now.
    OrderChanged,
    /// A person's word on a hold.
    ReleasedByPerson {
        /// The hold that the person saw; a word about another one is not taken.
        ends: HoldReason,
        /// The reading that the person accepts.
        snapshot: SnapshotRef,
    },
    /// A person ends the hold of a job for which the order has nothing left.
    ClosedByPerson(Closing),
    /// A person holds it.
    HeldByPerson {
        /// Why.
        message: String,
    },
    /// A person wants the shipment void.
    VoidWished {
        /// Who.
        by: String,
    },
    /// A person says that an attempt whose answer was lost bought nothing.
    NotCreated {
        /// The attempt it is about.
        attempt: u32,
    },
    /// The job's personal data was erased.
    Forgotten {
        /// Who wanted it.
        by: String,
    },
    /// The links to the labels that were given out are to open nothing any more.
    LabelLinksRevoked,
    /// The sweeper queued the job again.
    Requeued {
        /// When to look again if nothing comes of it.
        due_at: Timestamp,
    },
}

/// An outcome that cannot follow from the step that stands there: somebody else was faster, or a rule was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a job whose purchase is {purchase} and write-back is {write_back} cannot become {outcome}")]
pub struct IllegalOutcome {
    /// What was to be recorded.
    pub outcome: &'static str,
    /// The purchase step's name.
    pub purchase: &'static str,
    /// The write-back step's name.
    pub write_back: &'static str,
}

/// After so many refusals nobody asks the ERP any more to show what it does not show.
const FLAG_REFUSALS: u32 = 8;

/// How far the looks at what only a person changes are apart at last.
const SELDOM: SignedDuration = SignedDuration::from_hours(24);

/// After so many answers without all labels nobody waits for the rest any more.
const LABEL_TRIES: u32 = 8;

const MAYBE_BOUGHT: &str = "nobody knows whether the carrier sold this shipment: look in the carrier's own list for the job \
                            id, void what is there, then release, which buys again";

const MAYBE_TWO: &str = "after buying again, nobody can see whether there are two shipments: look in the carrier's own list \
                         for the job id, void one if there are two, then release";

const UNMATCHED: &str = "no order is known for what was shipped: it is looked for again";

impl Outcome {
    /// A short name for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Intended { .. } => "intended",
            Self::Expired => "expired",
            Self::Unknown { .. } => "unknown",
            Self::NotSent { .. } => "not sent",
            Self::Rejected { .. } => "rejected",
            Self::Bought { .. } => "bought",
            Self::Found { .. } => "found",
            Self::Absent { .. } => "absent",
            Self::DuplicatesChecked { .. } => "duplicates checked",
            Self::Closed(_) => "closed",
            Self::Held { .. } => "held",
            Self::StillHeld => "still held",
            Self::Released { .. } => "released",
            Self::Waits(_) => "waits",
            Self::LabelsKept(_) => "labels kept",
            Self::LabelsIncomplete(_) => "labels incomplete",
            Self::WriteBackIntended { .. } => "write-back intended",
            Self::WriteBackUnknown { .. } => "write-back unknown",
            Self::WriteBackNotSent { .. } => "write-back not sent",
            Self::WriteBackRefused { .. } => "write-back refused",
            Self::WrittenBack(_) => "written back",
            Self::NotWritten => "not written",
            Self::Disturbed => "disturbed",
            Self::PutRightByPerson => "put right by a person",
            Self::Flagged { .. } => "flagged",
            Self::FlagDelayed { .. } => "flag delayed",
            Self::FlagRefused { .. } => "flag refused",
            Self::Voided(_) => "voided",
            Self::VoidDelayed(..) => "void delayed",
            Self::VoidRefused(..) => "void refused",
            Self::NotShown => "not shown",
            Self::StillShown { .. } => "still shown",
            Self::ReleasedByPerson { .. } => "released by a person",
            Self::ClosedByPerson(_) => "closed by a person",
            Self::HeldByPerson { .. } => "held by a person",
            Self::VoidWished { .. } => "void wished",
            Self::NotCreated { .. } => "not created",
            Self::Forgotten { .. } => "forgotten",
            Self::LabelLinksRevoked => "label links revoked",
            Self::OrderChanged => "order changed",
            Self::Requeued { .. } => "requeued",
        }
    }

    /// Whether it is still true of a job that somebody else wrote in between, and must be recorded all the same: a fact
    /// about money always; what names an attempt only while that attempt stands there without an answer; a flag that was
    /// written, because the document now shows it.
    pub fn survives_a_conflict(&self, current: &Job) -> bool {
        match self {
            Self::Bought { .. } | Self::Found { .. } => rules::holds(Rule::LateFacts),
            Self::Flagged { .. } => true,
            Self::Unknown { attempt } | Self::NotSent { attempt, .. } | Self::Rejected { attempt, .. } => {
                current.awaits(*attempt)
            }
            _ => false,
        }
    }
}

impl Job {
    /// Records an outcome. On an error nothing has changed.
    pub fn apply(&mut self, outcome: Outcome, now: Timestamp, timing: &Timing) -> Result<(), IllegalOutcome> {
        if !self.allows(&outcome, now, timing) {
            return Err(self.illegal(&outcome));
        }
        self.updated_at = now;
        match outcome {
            Outcome::Intended {
                owner,
                snapshot,
                address,
                quote,
            } => self.intend(owner, snapshot, address, quote, now, timing),
            Outcome::Expired => self.lose_answer(now),
            Outcome::Unknown { .. } => self.lose_answer(now),
            Outcome::NotSent { wait, .. } => self.undo_intent(wait),
            Outcome::Rejected { refusal, .. } => self.reject(refusal, now, timing),
            Outcome::Bought { shipment, labels } => self.record_purchase(shipment, labels, now),
            Outcome::Found { shipments } => self.adopt_all(shipments, now),
            Outcome::Absent { control, may_recreate } => self.miss(control, may_recreate, now, timing),
            Outcome::DuplicatesChecked { shipments, control } => self.check_duplicates(shipments, control, now, timing),
            Outcome::Closed(closing) | Outcome::ClosedByPerson(closing) => self.close(closing, now, timing),
            Outcome::Held {
                reason,
                message,
                snapshot,
                address,
            } => {
                if let Some(snapshot) = snapshot {
                    self.held_on = Some(snapshot.hash.clone());
                    self.stand_on(snapshot);
                }
                self.address = address.unwrap_or_else(|| self.address.clone());
                self.hold(reason, message, now, timing);
            }
            Outcome::StillHeld => {
                // What the next try waited for was there.
                self.wait = self.wait.take().filter(|_| !self.is_unmatched());
                self.postpone_hold(now, timing);
            }
            Outcome::OrderChanged => self.look_at_once(now),
            Outcome::Released { snapshot } => self.release(snapshot),
            Outcome::Waits(wait) => self.wait_under_hold(wait),
            Outcome::LabelsKept(labels) => self.labels = Step::Done(labels),
            Outcome::LabelsIncomplete(wait) => self.wait_for_labels(wait, now, timing),
            Outcome::WriteBackIntended { owner } => self.intend_write_back(owner, now, timing),
            Outcome::WriteBackUnknown { until, look_at } => self.lose_write_back(until, look_at),
            Outcome::WriteBackNotSent { wait } => {
                self.write_back = Step::Todo;
                self.wait_under_hold(wait);
            }
            Outcome::WriteBackRefused { refusal } => self.refuse_write_back(refusal, now, timing),
            Outcome::WrittenBack(reference) => self.finish_write_back(reference),
            Outcome::NotWritten => self.settle_write_back(),
            Outcome::Disturbed => {
                self.write_back = Step::Todo;
                self.put_right += 1;
            }
            Outcome::PutRightByPerson => {
                self.write_back = Step::Todo;
                self.put_right = 0;
            }
            Outcome::Flagged { text } => self.flag = text.map_or(Flag::Clear, Flag::Written),
            Outcome::FlagDelayed { wait } => self.delay_flag(&wait),
            Outcome::FlagRefused { again_at } => self.refuse_flag(again_at),
            Outcome::Voided(shipment) if self.is_to_be_void(&shipment) => self.end_by_void(now, timing),
            Outcome::Voided(shipment) => self.set_voiding(&shipment, Voiding::Done),
            Outcome::VoidDelayed(shipment, at) => self.set_voiding(&shipment, Voiding::Todo { at }),
            Outcome::VoidRefused(shipment, refusal) => self.refuse_void(&shipment, &refusal, now, timing),
            Outcome::NotShown => self.stop_showing(),
            Outcome::StillShown { refusal } => self.go_on_showing(&refusal, now, timing),
            Outcome::ReleasedByPerson { snapshot, .. } => self.release_by_person(snapshot, now, timing),
            Outcome::HeldByPerson { message } => self.hold(HoldReason::Person, message, now, timing),
            Outcome::VoidWished { by } => self.wish_void(by, now),
            Outcome::NotCreated { .. } => self.buy_again(now, timing),
            Outcome::Forgotten { by } => self.forget(by, now),
            Outcome::LabelLinksRevoked => self.label_generation = self.label_generation.saturating_add(1),
            Outcome::Requeued { due_at } => {
                self.due_at = Some(due_at);
                return Ok(());
            }
        }
        self.settle(now, timing);
        Ok(())
    }

    fn allows(&self, outcome: &Outcome, now: Timestamp, timing: &Timing) -> bool {
        let over = self.over();
        let bought = self.purchase.done().is_some();
        match outcome {
            Outcome::Intended { .. } => !over && self.hold.is_none() && self.may_intend(timing),
            Outcome::Expired => matches!(self.purchase, Step::Started(_)),
            Outcome::Unknown { attempt } | Outcome::NotSent { attempt, .. } | Outcome::Rejected { attempt, .. } => {
                self.awaits(*attempt)
            }
            Outcome::Absent { .. } => matches!(self.purchase, Step::Unknown { .. }) && !over,
            Outcome::DuplicatesChecked { .. } => self.duplicate_check.is_some(),
            Outcome::Closed(_) => {
                let ends = |reason: HoldReason| reason.ends_by_order() || reason == HoldReason::Addition;
                (!over && !bought && self.hold_reason().is_none_or(ends)) || self.is_unmatched()
            }
            Outcome::Held { .. } | Outcome::HeldByPerson { .. } => !over && !self.is_held_as_unknown(),
            Outcome::StillHeld => self.hold.is_some(),
            Outcome::OrderChanged => {
                self.hold_reason().is_some_and(HoldReason::ends_by_order) || self.parked_since().is_some()
            }
            Outcome::Released { .. } => !over && !bought && self.hold_reason().is_some_and(HoldReason::ends_by_order),
            // Nothing goes on without an order: it is matched, or closed.
            Outcome::ReleasedByPerson { ends, .. } => {
                self.hold_reason() == Some(*ends) && *ends != HoldReason::Unmatched
            }
            Outcome::ClosedByPerson(_) => (!over && !bought && self.hold.is_some()) || self.is_unmatched(),
            Outcome::Waits(_) => true,
            Outcome::LabelsKept(_) | Outcome::LabelsIncomplete(_) => bought && !over,
            Outcome::WriteBackIntended { .. } => {
                bought && !over && !self.is_unmatched() && self.hold_allows_write_back() && !self.void_pending()
            }
            Outcome::WriteBackUnknown { .. } | Outcome::WriteBackNotSent { .. } | Outcome::WriteBackRefused { .. } => {
                bought && !over
            }
            Outcome::WrittenBack(_) => bought && self.closed.is_none(),
            Outcome::NotWritten => self.void_pending() && self.write_back.open_attempt().is_some(),
            Outcome::Disturbed => self.stands_written() && !self.is_left_disturbed(),
            Outcome::PutRightByPerson => self.stands_written() && self.is_left_disturbed(),
            Outcome::Voided(id) | Outcome::VoidDelayed(id, _) | Outcome::VoidRefused(id, _) => {
                self.is_to_be_void(id) || self.extras.iter().any(|extra| extra.shipment == *id)
            }
            Outcome::NotShown | Outcome::StillShown { .. } => {
                self.void.as_ref().is_some_and(|wish| wish.shown.is_some())
            }
            Outcome::VoidWished { .. } => bought && self.closed.is_none() && !self.void_pending(),
            Outcome::NotCreated { attempt } => !over && self.is_unknown(*attempt, now),
            Outcome::Forgotten { .. } => self.finished(),
            Outcome::LabelLinksRevoked => self.labels.done().is_some(),
            Outcome::Requeued { .. } => self.due_at.is_some(),
            Outcome::FlagDelayed { .. } | Outcome::FlagRefused { .. } => self.flag_pending(),
            Outcome::Bought { .. } | Outcome::Found { .. } | Outcome::Flagged { .. } => true,
        }
    }

    /// Whether this attempt stands there without an answer.
    fn awaits(&self, attempt: u32) -> bool {
        let named = |open: &Attempt| open.number == attempt || !rules::holds(Rule::AttemptByAttempt);
        self.purchase.open_attempt().is_some_and(named)
    }

    /// Whether the write-back is to stand in the ERP.
    fn stands_written(&self) -> bool {
        self.write_back.done().is_some() && self.closed.is_none() && !self.void_pending()
    }

    /// A first purchase, or one after absences that may be believed.
    fn may_intend(&self, timing: &Timing) -> bool {
        match &self.purchase {
            Step::Todo => true,
            Step::Unknown { looks, .. } => looks.len() >= timing.looks.len() && looks.iter().all(|look| look.control),
            Step::NotNeeded(_) | Step::Started(_) | Step::Done(_) | Step::Refused(_) => false,
        }
    }

    /// Whether this attempt's answer was lost: a live lease may still bring it.
    fn is_unknown(&self, number: u32, now: Timestamp) -> bool {
        match &self.purchase {
            Step::Unknown { attempt, .. } => attempt.number == number,
            Step::Started(attempt) => attempt.number == number && attempt.until <= now,
            Step::Todo | Step::NotNeeded(_) | Step::Done(_) | Step::Refused(_) => false,
        }
    }

    /// Whether it is the shipment that a person wants void. Extras are others.
    fn is_to_be_void(&self, id: &CarrierShipmentId) -> bool {
        self.void_pending() && self.purchase.done().is_some_and(|shipment| shipment.id == *id)
    }

    fn hold_reason(&self) -> Option<HoldReason> {
        self.hold.as_ref().map(|hold| hold.reason)
    }

    /// This hold stands over any other.
    fn is_held_as_unknown(&self) -> bool {
        self.hold_reason().is_some_and(HoldReason::is_about_an_unknown_purchase)
    }

    fn hold_allows_write_back(&self) -> bool {
        self.hold_reason()
            .is_none_or(|reason| reason == HoldReason::WriteBackRefused)
    }

    fn illegal(&self, outcome: &Outcome) -> IllegalOutcome {
        IllegalOutcome {
            outcome: outcome.name(),
            purchase: name(&self.purchase),
            write_back: name(&self.write_back),
        }
    }

    fn intend(
        &mut self,
        owner: Nonce,
        snapshot: SnapshotRef,
        address: Step<AddressVerdict>,
        quote: Quote,
        now: Timestamp,
        timing: &Timing,
    ) {
        let believed_absences = matches!(self.purchase, Step::Unknown { .. });
        self.attempts += 1;
        let attempt = Attempt {
            number: self.attempts,
            owner,
            at: now,
            until: now + timing.lease,
        };
        if believed_absences || self.bought_again {
            self.owe_duplicate_check(attempt.until, timing);
        }
        self.purchased_from = Some(snapshot.number);
        self.terms = snapshot.terms.clone();
        self.held_on = None;
        self.budgeted_at = Some(now);
        self.snapshot = snapshot;
        self.address = address;
        self.account = quote.account.clone();
        self.quote = Step::Done(quote);
        self.purchase = Step::Started(attempt);
        self.wait = None;
    }

    fn owe_duplicate_check(&mut self, last_until: Timestamp, timing: &Timing) {
        self.bought_again = true;
        if !rules::holds(Rule::DuplicateCheck) {
            return;
        }
        self.duplicate_check = Some(DuplicateCheck {
            at: last_until + timing.duplicate_check,
        });
    }

    fn lose_answer(&mut self, now: Timestamp) {
        if !rules::holds(Rule::LookUp) {
            self.purchase = Step::Todo;
        }
        if let Some(attempt) = self.purchase.open_attempt().cloned() {
            self.purchase = Step::Unknown {
                attempt,
                since: now,
                looks: Vec::new(),
            };
        }
    }

    fn undo_intent(&mut self, wait: Wait) {
        self.purchase = Step::Todo;
        self.wait = Some(wait);
        self.hold = self
            .hold
            .take()
            .filter(|hold| !hold.reason.is_about_an_unknown_purchase());
    }

    fn reject(&mut self, refusal: Refusal, now: Timestamp, timing: &Timing) {
        let message = format!("the carrier refused the shipment: {refusal}");
        self.purchase = Step::Refused(refusal);
        if !self.over() {
            self.hold(HoldReason::Rejected, message, now, timing);
        }
    }

    fn record_purchase(&mut self, shipment: Shipment, labels: Option<Vec<LabelRef>>, now: Timestamp) {
        let first = self.purchase.done().is_none();
        let known = self.knows(&shipment);
        self.adopt(shipment, now);
        if let (true, false, Some(labels)) = (first, known, labels) {
            self.labels = Step::Done(labels);
        }
    }

    fn adopt_all(&mut self, shipments: Vec<Shipment>, now: Timestamp) {
        for shipment in shipments {
            self.adopt(shipment, now);
        }
    }

    /// Whether it is a shipment that the job has: by its id, or by a parcel, where a person named only that.
    fn knows(&self, shipment: &Shipment) -> bool {
        self.purchase.done().is_some_and(|known| known.is_same_as(shipment))
            || self.extras.iter().any(|extra| extra.shipment == shipment.id)
    }

    /// What a look tells of the shipment counts beyond what is known only where no parcel is missing in it: a carrier may show some
    /// of them, under the number of one.
    fn take_the_carriers_id(&mut self, shipment: Shipment) {
        match &mut self.purchase {
            Step::Done(known)
                if known.id != shipment.id && known.is_same_as(&shipment) && shipment.shows_all_of(known) =>
            {
                *known = shipment;
            }
            _ => {}
        }
    }

    /// The first shipment stays; every other one is to be voided. A shipment of a closed job reopens it as held.
    fn adopt(&mut self, shipment: Shipment, now: Timestamp) {
        if self.knows(&shipment) {
            self.take_the_carriers_id(shipment);
            return;
        }
        if self.purchase.done().is_some() {
            self.extras.push(Extra {
                shipment: shipment.id,
                voiding: Voiding::Todo { at: now },
            });
            return;
        }
        self.purchase = Step::Done(shipment);
        self.wait = None;
        let answered = |hold: &Hold| hold.reason.is_about_an_unknown_purchase() || hold.reason == HoldReason::Rejected;
        self.hold = self.hold.take().filter(|hold| !answered(hold));
        if self.closed.take().is_some() {
            let message =
                "a shipment turned up after the order was cancelled or closed: release it, or void it".to_owned();
            self.hold = Some(Hold {
                reason: HoldReason::ChangedAfterLabel,
                message,
                since: now,
                again_at: now,
                under: None,
            });
        }
    }

    fn miss(&mut self, control: bool, may_recreate: bool, now: Timestamp, timing: &Timing) {
        if self.is_held_as_unknown() {
            self.postpone_hold(now, timing);
        }
        let Step::Unknown { looks, .. } = &mut self.purchase else {
            return;
        };
        if looks.len() >= timing.looks.len() {
            return;
        }
        looks.push(Look {
            at: now,
            control: control || !rules::holds(Rule::ControlAtEachLook),
        });
        let believable = looks.iter().all(|look| look.control) && may_recreate;
        if looks.len() >= timing.looks.len() && !believable {
            self.hold(HoldReason::UnknownPurchase, MAYBE_BOUGHT.to_owned(), now, timing);
        }
    }

    fn check_duplicates(&mut self, shipments: Vec<Shipment>, control: bool, now: Timestamp, timing: &Timing) {
        let seen_nothing = shipments.is_empty();
        self.adopt_all(shipments, now);
        self.duplicate_check = None;
        self.wait = None;
        if seen_nothing && !control {
            let (reason, message) = self.blind_duplicate_check();
            self.hold(reason, message.to_owned(), now, timing);
        }
    }

    /// Without a purchase in hand, a look that can see nothing leaves the purchase itself unknown.
    fn blind_duplicate_check(&self) -> (HoldReason, &'static str) {
        if self.over() || self.purchase.done().is_some() {
            (HoldReason::DuplicateCheckBlind, MAYBE_TWO)
        } else {
            (HoldReason::UnknownPurchase, MAYBE_BOUGHT)
        }
    }

    fn close(&mut self, closing: Closing, now: Timestamp, timing: &Timing) {
        // An attempt that is under way, or whose answer was lost, may still turn up.
        if let Some(until) = self.purchase.open_attempt().map(|attempt| attempt.until) {
            self.owe_duplicate_check(until.max(now), timing);
        }
        self.closed = Some(closing);
        self.hold = None;
        self.wait = None;
    }

    fn hold(&mut self, reason: HoldReason, message: String, now: Timestamp, timing: &Timing) {
        self.wait = None;
        self.hold = Some(Hold {
            reason,
            message,
            since: now,
            again_at: now + timing.held,
            under: None,
        });
    }

    /// Where only a person changes anything, the looks that keep it from being forgotten become ever more seldom. What a person
    /// has said meanwhile is looked at soon.
    fn postpone_hold(&mut self, now: Timestamp, timing: &Timing) {
        let waiting = self.void_pending();
        if let Some(hold) = &mut self.hold {
            let longest = match hold.reason {
                _ if waiting => SignedDuration::ZERO,
                reason if reason.is_left_to_people() || reason == HoldReason::Unmatched => SELDOM,
                _ => SignedDuration::ZERO,
            };
            let held = now.duration_since(hold.since).min(longest);
            hold.again_at = now + held.max(timing.held);
        }
    }

    /// What held it back, or what it waits for, may have changed.
    fn look_at_once(&mut self, now: Timestamp) {
        if let Some(hold) = &mut self.hold {
            hold.again_at = now;
        } else if let Some(wait) = &mut self.wait {
            wait.until = now;
        }
    }

    fn release(&mut self, snapshot: SnapshotRef) {
        self.stand_on(snapshot);
        if matches!(self.purchase, Step::Refused(_)) {
            self.purchase = Step::Todo;
        }
        self.hold = None;
        self.wait = None;
    }

    /// Goes on with another reading: what was judged and priced by the one before no longer counts.
    fn stand_on(&mut self, snapshot: SnapshotRef) {
        // What an attempt asks for stands as it was asked for, until it is known what became of it.
        if self.purchase.open_attempt().is_some() {
            return;
        }
        if snapshot.hash != self.snapshot.hash && self.purchase.done().is_none() {
            self.address = Step::Todo;
            self.quote = Step::Todo;
        }
        self.snapshot = snapshot;
    }

    fn release_by_person(&mut self, snapshot: SnapshotRef, now: Timestamp, timing: &Timing) {
        let Some(hold) = self.hold.take() else { return };
        self.wait = None;
        match (&self.purchase, hold.reason) {
            (Step::Done(_), HoldReason::LabelLost) => {
                self.labels = Step::Todo;
                self.label_tries = 0;
            }
            // Under a refusal somebody may be writing at this moment: only what was refused is begun anew.
            (Step::Done(_), HoldReason::WriteBackRefused) if matches!(self.write_back, Step::Refused(_)) => {
                self.write_back = Step::Todo
            }
            (Step::Done(_), HoldReason::WriteBackInDoubt) => self.write_back = Step::Todo,
            (Step::Done(_), _) => {}
            // Nothing is bought for it any more, and the look for what turned up was made: the person's word settles it.
            (Step::Unknown { .. }, _) if self.closed.is_some() => self.purchase = Step::Todo,
            (Step::Unknown { .. }, reason) if reason.is_about_an_unknown_purchase() => self.buy_again(now, timing),
            (Step::Refused(_), _) => self.purchase = Step::Todo,
            (Step::Todo, HoldReason::BadAddress) if self.address.done().is_some() => {
                self.address = Step::NotNeeded("a person accepted it as it stands".to_owned());
            }
            (Step::Todo | Step::NotNeeded(_) | Step::Started(_) | Step::Unknown { .. }, _) => {}
        }
        if hold.reason == HoldReason::VoidStillShown {
            self.stop_showing();
        }
        self.stand_on(snapshot);
        self.retry_refused_voids(now);
    }

    /// By a person's word the attempt bought nothing. Should that be wrong, the duplicate check notices.
    fn buy_again(&mut self, now: Timestamp, timing: &Timing) {
        let Some(attempt) = self.purchase.open_attempt() else {
            return;
        };
        let until = attempt.until.max(now);
        self.owe_duplicate_check(until, timing);
        self.purchase = Step::Todo;
        self.wait = None;
        self.hold = self
            .hold
            .take()
            .filter(|hold| !hold.reason.is_about_an_unknown_purchase());
    }

    fn retry_refused_voids(&mut self, now: Timestamp) {
        for extra in &mut self.extras {
            if matches!(extra.voiding, Voiding::Refused(_)) {
                extra.voiding = Voiding::Todo { at: now };
            }
        }
    }

    /// Records the wish. What is held is looked at once more, so that a write-back under way is settled soon.
    fn wish_void(&mut self, by: String, now: Timestamp) {
        let shown = self.void.take().and_then(|earlier| earlier.shown);
        self.void = Some(VoidWish {
            by,
            at: now,
            voiding: Voiding::Todo { at: now },
            kept: None,
            shipment: None,
            shown,
        });
        if let Some(hold) = &mut self.hold {
            hold.again_at = now;
        }
    }

    /// The shipment that a person wanted void is void: the job ends. A doubt whether there is another one stays.
    fn end_by_void(&mut self, now: Timestamp, timing: &Timing) {
        let (Step::Done(shipment), Some(mut wish)) =
            (std::mem::replace(&mut self.purchase, Step::Todo), self.void.take())
        else {
            return;
        };
        self.extras.push(Extra {
            shipment: shipment.id.clone(),
            voiding: Voiding::Done,
        });
        wish.voiding = Voiding::Done;
        wish.shipment = Some(shipment);
        if let Step::Done(reference) = std::mem::replace(&mut self.write_back, Step::Todo) {
            wish.shown = Some(reference);
        }
        let doubt = self
            .hold
            .take()
            .filter(|hold| hold.reason.is_about_an_unknown_purchase());
        let by = wish.by.clone();
        self.void = Some(wish);
        self.close(Closing::Voided { by }, now, timing);
        self.hold = doubt;
    }

    /// A refused void changes nothing but the job's standing: it is held with the carrier's words.
    fn refuse_void(&mut self, shipment: &CarrierShipmentId, refusal: &Refusal, now: Timestamp, timing: &Timing) {
        let wished = self.is_to_be_void(shipment);
        self.set_voiding(shipment, Voiding::Refused(refusal.to_string()));
        if !wished {
            return;
        }
        let words = format!("the carrier does not void shipment {shipment}: {refusal}");
        if self.is_held_as_unknown() {
            self.postpone_hold(now, timing);
            if let Some(hold) = &mut self.hold {
                hold.message = format!("{MAYBE_TWO}. Besides, {words}");
            }
        } else {
            let message = format!("{words}. Release the job to let it go on as shipped");
            self.hold(HoldReason::VoidRefused, message, now, timing);
        }
    }

    fn stop_showing(&mut self) {
        if let Some(wish) = &mut self.void {
            wish.shown = None;
        }
        self.hold = self
            .hold
            .take()
            .filter(|hold| hold.reason != HoldReason::VoidStillShown);
    }

    /// A person must take it away; the hold says why.
    fn go_on_showing(&mut self, refusal: &Refusal, now: Timestamp, timing: &Timing) {
        if let Some(wish) = &mut self.void {
            wish.kept = Some(refusal.to_string());
        }
        self.postpone_hold(now, timing);
        if let (Some((_, message)), Some(hold)) = (self.left_to_people(), &mut self.hold)
            && hold.reason == HoldReason::VoidStillShown
        {
            hold.message = message;
        }
    }

    fn settle_write_back(&mut self) {
        self.write_back = Step::Todo;
        self.wait = None;
        self.hold = self
            .hold
            .take()
            .filter(|hold| hold.reason != HoldReason::WriteBackInDoubt);
    }

    fn wait_for_labels(&mut self, wait: Wait, now: Timestamp, timing: &Timing) {
        self.label_tries += 1;
        if self.label_tries < LABEL_TRIES {
            self.wait = Some(wait);
            return;
        }
        let message = format!(
            "the shipment exists but {}: `waybill job void {}` and it ships anew",
            wait.reason, self.id
        );
        self.hold(HoldReason::LabelLost, message, now, timing);
    }

    /// The verdict names people and places, the labels too; what was decided, bought and paid stays.
    fn forget(&mut self, by: String, now: Timestamp) {
        self.address = Step::NotNeeded("its personal data was erased".to_owned());
        self.forgotten = Some(Forgotten { by, at: now });
    }

    fn intend_write_back(&mut self, owner: Nonce, now: Timestamp, timing: &Timing) {
        let number = self.write_back.open_attempt().map_or(1, |attempt| attempt.number + 1);
        self.write_back = Step::Started(Attempt {
            number,
            owner,
            at: now,
            until: now + timing.lease,
        });
        self.wait = None;
    }

    /// `since` of an unknown write-back is the end of the window in which the ERP may still be working on it.
    fn lose_write_back(&mut self, until: Timestamp, look_at: Timestamp) {
        if let Some(attempt) = self.write_back.open_attempt().cloned() {
            self.write_back = Step::Unknown {
                attempt,
                since: until,
                looks: Vec::new(),
            };
            let reason = "the ERP may still be working on a write-back whose answer was lost";
            self.wait_under_hold(Wait::new(look_at, reason));
        }
    }

    /// Waits; a hold that is looked at by itself is not looked at before, or it would be looked at again and again.
    fn wait_under_hold(&mut self, wait: Wait) {
        if let Some(hold) = &mut self.hold {
            hold.again_at = hold.again_at.max(wait.until);
        }
        self.wait = Some(wait);
    }

    fn refuse_write_back(&mut self, refusal: Refusal, now: Timestamp, timing: &Timing) {
        let message = format!("the ERP refused the write-back: {refusal}");
        self.write_back = Step::Refused(refusal);
        if !self.is_held_as_unknown() && !self.void_pending() {
            self.hold(HoldReason::WriteBackRefused, message, now, timing);
        }
    }

    fn finish_write_back(&mut self, reference: WriteBackRef) {
        self.write_back = Step::Done(reference);
        self.wait = None;
        let answered = |reason| matches!(reason, HoldReason::WriteBackRefused | HoldReason::WriteBackInDoubt);
        self.hold = self.hold.take().filter(|hold| !answered(hold.reason));
    }

    fn set_voiding(&mut self, shipment: &CarrierShipmentId, voiding: Voiding) {
        let wished = self.is_to_be_void(shipment);
        match (wished, &mut self.void) {
            (true, Some(wish)) => wish.voiding = voiding,
            _ => self.set_extra(shipment, voiding),
        }
    }

    fn set_extra(&mut self, shipment: &CarrierShipmentId, voiding: Voiding) {
        if let Some(extra) = self.extras.iter_mut().find(|extra| extra.shipment == *shipment) {
            extra.voiding = voiding;
        }
    }

    fn delay_flag(&mut self, wait: &Wait) {
        if let Flag::Wanted { at, tries, .. } = &mut self.flag {
            (*at, *tries) = (wait.until, wait.tries);
        }
    }

    fn refuse_flag(&mut self, again_at: Timestamp) {
        let Flag::Wanted { text, at, refusals, .. } = &mut self.flag else {
            return;
        };
        (*at, *refusals) = (again_at, *refusals + 1);
        if *refusals >= FLAG_REFUSALS {
            self.flag = Flag::Refused(text.take());
        }
    }

    /// What follows from any outcome: what only a person can do is held once the rest is done; the flag follows the hold;
    /// an unfinished job is due.
    fn settle(&mut self, now: Timestamp, timing: &Timing) {
        if self.over()
            && self.hold.is_none()
            && !self.void_pending()
            && let Some((reason, message)) = self.left_to_people()
        {
            self.hold(reason, message, now, timing);
        }
        if self.is_unmatched() && self.hold.is_none() && !self.void_pending() {
            self.hold(HoldReason::Unmatched, UNMATCHED.to_owned(), now, timing);
            self.look_at_once(now);
        }
        self.want_flag(now);
        let forgotten = matches!(self.purchase, Step::Started(_)) && !rules::holds(Rule::DueWhenStarted);
        self.due_at = self.due(timing).filter(|_| !forgotten);
    }

    fn left_to_people(&self) -> Option<(HoldReason, String)> {
        let refused = |extra: &&Extra| matches!(extra.voiding, Voiding::Refused(_));
        if let Some(extra) = self.extras.iter().find(refused) {
            let message = format!(
                "the carrier does not void the extra shipment {}: void it there, then release",
                extra.shipment
            );
            return Some((HoldReason::ExtraToVoid, message));
        }
        let wish = self.void.as_ref()?;
        let (shipment, shown) = (wish.shipment.as_ref()?, wish.shown.as_ref()?);
        let kept = wish
            .kept
            .as_ref()
            .map(|why| format!(", and does not let us take it away ({why})"));
        let message = format!(
            "shipment {} is void, but the ERP still shows it{}: delete {} there, and what the order still wants ships anew",
            shipment.id,
            kept.unwrap_or_default(),
            shown.place
        );
        Some((HoldReason::VoidStillShown, message))
    }

    fn want_flag(&mut self, now: Timestamp) {
        // No document of the ERP is known that could show it.
        if self.document.kind == DocumentKind::Despatch {
            self.flag = Flag::Clear;
            return;
        }
        let text = self.problem();
        let stands = match &self.flag {
            Flag::Clear => text.is_none(),
            Flag::Written(written) => text.as_ref() == Some(written),
            Flag::Wanted { text: wanted, .. } | Flag::Refused(wanted) => text == *wanted,
        };
        if !stands {
            self.flag = Flag::Wanted {
                text,
                at: now,
                tries: 0,
                refusals: 0,
            };
        }
    }
}

fn name<T>(step: &Step<T>) -> &'static str {
    match step {
        Step::Todo => "to do",
        Step::NotNeeded(_) => "not needed",
        Step::Started(_) => "started",
        Step::Unknown { .. } => "unknown",
        Step::Done(_) => "done",
        Step::Refused(_) => "refused",
    }
}

impl SnapshotRef {
    /// Whether a snapshot is the one that is meant.
    pub fn is(&self, snapshot: &Snapshot) -> bool {
        self.hash == snapshot.hash
    }
}
