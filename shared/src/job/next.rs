//! What comes next: a pure, exhaustive function of the ledger.

use jiff::{SignedDuration, Timestamp};

use super::{Flag, HoldReason, Job, Step, Timing, Voiding};
use crate::domain::CarrierShipmentId;

/// The one thing that a worker does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing, ever.
    Finished,
    /// Nothing before this.
    Wait(Timestamp),
    /// Void an extra shipment, or the one that a person wants void.
    Void(CarrierShipmentId),
    /// Look whether the ERP still shows a shipment that is void.
    LookWhetherShown,
    /// Look whether a second shipment has turned up.
    CheckForDuplicates,
    /// Write, or clear, the problem on the ERP's document.
    Flag(Option<String>),
    /// Read the held order again.
    Reread,
    /// Read the order if it is old, check the address, take a quote, and intend the purchase.
    Prepare,
    /// Record that an intent's lease has ended without an answer.
    Expire,
    /// Look for a purchase whose answer was lost.
    Look,
    /// Ask for the labels again.
    FetchLabels,
    /// Look for the write-back, and intend it if it is not there.
    LookForWriteBack,
}

impl Next {
    /// A short name for logs, without what it is about.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Wait(_) => "wait",
            Self::Void(_) => "void",
            Self::CheckForDuplicates => "check for duplicates",
            Self::Flag(_) => "flag",
            Self::Reread => "re-read",
            Self::Prepare => "prepare",
            Self::Expire => "expire",
            Self::Look => "look",
            Self::FetchLabels => "fetch labels",
            Self::LookForWriteBack => "look for the write-back",
            Self::LookWhetherShown => "look whether it is shown",
        }
    }
}

impl Job {
    /// What a worker does now.
    pub fn next(&self, now: Timestamp, timing: &Timing) -> Next {
        let agenda = self.agenda(timing);
        let soonest = agenda.iter().map(|(at, _)| *at).min();
        match (agenda.into_iter().find(|(at, _)| *at <= now), soonest) {
            (Some((_, next)), _) => next,
            (None, Some(at)) => Next::Wait(at),
            (None, None) => Next::Finished,
        }
    }

    /// When somebody must look at the job; `None` once it is finished.
    pub fn due(&self, timing: &Timing) -> Option<Timestamp> {
        self.agenda(timing)
            .into_iter()
            .map(|(at, _)| at.max(self.updated_at))
            .min()
    }

    /// By how much its turn was put off when it was last queued again; zero where something else was written of it since.
    pub fn put_off(&self, timing: &Timing) -> SignedDuration {
        let put_off = self.due_at.zip(self.due(timing));
        put_off.map_or(SignedDuration::ZERO, |(due_at, due)| due_at.duration_since(due))
    }

    /// Everything that is owed, the more urgent first, each with the earliest time at which it may be done.
    fn agenda(&self, timing: &Timing) -> Vec<(Timestamp, Next)> {
        let mut agenda = self.voids();
        agenda.extend(self.wished_void());
        agenda.extend(self.duplicate_look());
        agenda.extend(self.flag_to_write());
        match &self.hold {
            _ if self.void_pending() => {}
            Some(hold) => {
                agenda.extend(self.still_asked(timing));
                agenda.push((hold.again_at, self.under_hold(hold.reason)));
            }
            None if !self.over() => agenda.push(self.forward(timing)),
            None => {}
        }
        agenda
    }

    /// What goes on although the job is held: finding out about a purchase that is under way.
    fn still_asked(&self, timing: &Timing) -> Option<(Timestamp, Next)> {
        let next = self
            .purchase
            .open_attempt()
            .filter(|_| !self.over())
            .map(|_| self.forward(timing));
        next.filter(|(_, next)| matches!(next, Next::Expire | Next::Look))
    }

    fn voids(&self) -> Vec<(Timestamp, Next)> {
        let pending = self.extras.iter().filter_map(|extra| match &extra.voiding {
            Voiding::Todo { at } => Some((*at, Next::Void(extra.shipment.clone()))),
            Voiding::Done | Voiding::Refused(_) => None,
        });
        pending.collect()
    }

    /// What a person wants void, once a write-back that is under way is settled: looked for, never repeated.
    fn wished_void(&self) -> Option<(Timestamp, Next)> {
        let Voiding::Todo { at } = self.void.as_ref()?.voiding else {
            return None;
        };
        let shipment = self.purchase.done()?;
        let look_at = self.hold.as_ref().map_or(at, |hold| hold.again_at).max(self.open_at());
        Some(match &self.write_back {
            Step::Started(attempt) => (attempt.until.max(look_at), Next::LookForWriteBack),
            Step::Unknown { .. } => (look_at, Next::LookForWriteBack),
            Step::Todo | Step::NotNeeded(_) | Step::Done(_) | Step::Refused(_) => (at, Next::Void(shipment.id.clone())),
        })
    }

    /// Owed only once nothing is under way that could still buy.
    fn duplicate_look(&self) -> Option<(Timestamp, Next)> {
        let settled = self.over() || self.hold.is_some() || self.purchase.open_attempt().is_none();
        let check = self.duplicate_check.as_ref().filter(|_| settled)?;
        Some((check.at.max(self.open_at()), Next::CheckForDuplicates))
    }

    fn flag_to_write(&self) -> Option<(Timestamp, Next)> {
        match &self.flag {
            Flag::Wanted { text, at, .. } => Some((*at, Next::Flag(text.clone()))),
            Flag::Clear | Flag::Written(_) | Flag::Refused(_) => None,
        }
    }

    /// What is tried now and then while the job is held. Every hold is looked at, so that nothing is forgotten.
    fn under_hold(&self, reason: HoldReason) -> Next {
        match reason {
            // Without an order there is nothing to look at but whether one fits.
            _ if self.is_unmatched() => Next::Reread,
            HoldReason::UnknownPurchase if !self.over() => Next::Look,
            HoldReason::WriteBackRefused => Next::LookForWriteBack,
            HoldReason::VoidStillShown => Next::LookWhetherShown,
            HoldReason::UnknownPurchase
            | HoldReason::Unmatched
            | HoldReason::Rejected
            | HoldReason::BadAddress
            | HoldReason::MissingData
            | HoldReason::ChangedAfterLabel
            | HoldReason::Addition
            | HoldReason::DuplicateCheckBlind
            | HoldReason::LabelLost
            | HoldReason::WriteBackInDoubt
            | HoldReason::ExtraToVoid
            | HoldReason::VoidRefused
            | HoldReason::Person
            | HoldReason::Brake => Next::Reread,
        }
    }

    fn forward(&self, timing: &Timing) -> (Timestamp, Next) {
        let open = self.open_at();
        match &self.purchase {
            Step::Todo | Step::NotNeeded(_) => (open, Next::Prepare),
            Step::Started(attempt) => (attempt.until, Next::Expire),
            Step::Unknown { since, looks, .. } => match next_look(*since, looks, timing) {
                Some(at) => (at.max(open), Next::Look),
                None => (open, Next::Prepare),
            },
            Step::Refused(_) => (open, Next::Reread),
            Step::Done(_) => self.after_purchase(open),
        }
    }

    /// From when on the next call may be tried.
    fn open_at(&self) -> Timestamp {
        self.wait.as_ref().map_or(self.updated_at, |wait| wait.until)
    }

    fn after_purchase(&self, open: Timestamp) -> (Timestamp, Next) {
        if matches!(self.labels, Step::Todo) {
            return (open, Next::FetchLabels);
        }
        match &self.write_back {
            Step::Started(attempt) => (attempt.until.max(open), Next::LookForWriteBack),
            Step::Unknown { .. } | Step::Todo | Step::NotNeeded(_) | Step::Done(_) | Step::Refused(_) => {
                (open, Next::LookForWriteBack)
            }
        }
    }
}

/// When to look next, keeping the distances of the schedule when a look came late; `None` after the last.
fn next_look(since: Timestamp, looks: &[super::Look], timing: &Timing) -> Option<Timestamp> {
    let planned = *timing.looks.get(looks.len())?;
    let Some(last) = looks.last() else {
        return Some(since + planned);
    };
    let before = timing.looks.get(looks.len() - 1).copied().unwrap_or_default();
    Some((since + planned).max(last.at + (planned - before)))
}
