//! What is a gap and what is not: pure, from facts that were read to gaps with their reason and what mends them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Patience;
use crate::connection::Connection;
use crate::domain::{Gap, GapKind, JobId, ListEntry, Listed, Order, Run, Shipment, Standing, Suspect, Units};
use crate::job::{Hold, HoldReason, Job, Step, Voiding};
use crate::ports::{DocumentHead, State};

/// What every judgement rests on.
pub(super) struct Judge<'a> {
    /// The time.
    pub(super) now: Timestamp,
    /// From when on something counts.
    pub(super) patience: &'a Patience,
    /// The connection.
    pub(super) connection: &'a Connection,
    /// When the run began.
    pub(super) started_at: Timestamp,
    /// From when on the carrier's list is known without a break.
    pub(super) listed_since: Option<Timestamp>,
}

/// What the ERP shows of a job that is written back.
pub(super) struct Seen<'a> {
    /// Its document; `None` if there is none any more.
    pub(super) order: Option<&'a Order>,
    /// The document's units.
    pub(super) units: Option<&'a Units>,
    /// Whether what the write-back made is gone.
    pub(super) gone: bool,
}

/// Whether the list's entry is one of the job's shipments, those to be voided included.
pub(super) fn knows(job: &Job, entry: &ListEntry) -> bool {
    let own = |shipment: &Shipment| {
        entry.names(shipment.id.as_str()) || shipment.tracking_numbers().any(|number| entry.names(number))
    };
    let extra = job.extras.iter().any(|extra| entry.names(extra.shipment.as_str()));
    let wanted_void = job.void.as_ref().and_then(|wish| wish.shipment.as_ref());
    job.purchase.done().is_some_and(own) || wanted_void.is_some_and(own) || extra || is_voiding(job)
}

/// While the job voids extra shipments, whose parcels it does not know by number, none of its parcels is a stray.
fn is_voiding(job: &Job) -> bool {
    job.extras.iter().any(|extra| extra.voiding != Voiding::Done)
}

/// Whether the job stands as shipped and written back.
pub(super) fn is_written_back(job: &Job) -> bool {
    job.write_back.done().is_some() && job.closed.is_none()
}

/// Whether no walk of a run that looks back so far meets the job.
pub(super) fn falls_out_of_sight(job: &Job, shipped_since: Timestamp) -> bool {
    State::of(job) == State::Shipped && job.updated_at < shipped_since
}

/// Whether the side on which a gap of this kind rests cannot be read in this run, so that it stands as it was found; `None`
/// where the gap is looked at again by itself.
pub(super) fn rests_on_a_blind_side(kind: GapKind, run: &Run) -> Option<bool> {
    match kind {
        GapKind::NotListed | GapKind::VoidedAtCarrier => Some(run.list_is_blind),
        GapKind::WriteBackChanged | GapKind::WriteBackGone | GapKind::ChangedAfterShipment => Some(run.erp_is_blind),
        GapKind::NotAdmitted
        | GapKind::StrayShipment
        | GapKind::Overdue
        | GapKind::Parked
        | GapKind::Held
        | GapKind::DuplicateCheckOverdue
        | GapKind::NotCompared
        | GapKind::Unreadable => None,
    }
}

/// A job whose item this version cannot read.
pub(super) fn unreadable(id: &JobId) -> Gap {
    let reason = format!("the item of job {id} cannot be read by this version, so that nobody does anything about it");
    let mend = format!(
        "deploy the newest version; if it cannot read JOB#{id} either, take that item from a backup of the table. Then `waybill job replay {id}`"
    );
    Gap {
        job: Some(id.clone()),
        ..Gap::new(GapKind::Unreadable, reason, mend)
    }
}

/// A shipment that the carrier lists for a job whose item this version cannot read: whether it is the job's own nobody can say.
pub(super) fn listed_for_unreadable(suspect: &Suspect) -> Gap {
    let gap = unreadable(&suspect.reference);
    let number = &suspect.tracking_number;
    Gap {
        tracking_number: Some(number.clone()),
        reason: format!("the carrier lists shipment {number} for it, and {}", gap.reason),
        ..gap
    }
}

/// A field of ours always; what we made only while the order still asks for it. Nothing that was put right in vain.
pub(super) fn is_ours_to_put_right(job: &Job, gap: &Gap, seen: &Seen<'_>) -> bool {
    match gap.kind {
        _ if job.is_left_disturbed() => false,
        GapKind::WriteBackChanged => true,
        GapKind::WriteBackGone => seen.order.is_some_and(|order| order.standing == Standing::Ready),
        _ => false,
    }
}

/// Why a write-back is made again, for the job's story.
pub(super) fn why_again(gap: &Gap) -> String {
    let why = match gap.kind {
        GapKind::WriteBackGone => "what was written back is gone from the ERP",
        _ => "somebody changed the tracking number in the ERP",
    };
    why.to_owned()
}

fn of_job(job: &Job, gap: Gap) -> Gap {
    Gap {
        number: Some(job.number.clone()),
        document: Some(job.document.clone()),
        job: Some(job.id.clone()),
        ..gap
    }
}

impl Judge<'_> {
    // ---- documents -------------------------------------------------------------------------------------------------

    /// A document that is ready and has something that is no unit, and that no poll would bring any more.
    pub(super) fn not_admitted(
        &self,
        head: &DocumentHead,
        order: &Order,
        units: &Units,
        kin: &[Units],
        read_up_to: Option<Timestamp>,
    ) -> Option<Gap> {
        let age = self.started_at.duration_since(head.modified);
        let passed = read_up_to.is_some_and(|passed| head.modified < passed);
        let overlooked = age > self.patience.young && (passed || age > self.patience.unseen);
        let waits =
            order.standing == Standing::Ready && !units.allottable(order, &self.connection.accounts, kin).is_empty();
        if !(waits && overlooked) {
            return None;
        }
        let erp = &self.connection.erp.system;
        let reason = format!(
            "in {erp} it has been ready to ship since {} or later, and something of it is no job; no poll reads it again",
            head.modified
        );
        let mend = format!(
            "`waybill order admit {} --connection {}`",
            order.number, self.connection.id
        );
        Some(Gap {
            number: Some(order.number.clone()),
            document: Some(order.document.clone()),
            since: Some(head.modified),
            ..Gap::new(GapKind::NotAdmitted, reason, mend)
        })
    }

    // ---- the carrier's list ----------------------------------------------------------------------------------------

    /// A shipment under a reference of ours that is not void and that no job knows.
    pub(super) fn stray(&self, suspect: &Suspect, job: Option<&Job>) -> Option<Gap> {
        let number = &suspect.tracking_number;
        let day = suspect.on.map(|on| format!(" of {on}")).unwrap_or_default();
        let shown = format!("the carrier's list shows shipment {number}{day}");
        let entry = ListEntry {
            reference: None,
            shipment: None,
            tracking_numbers: vec![number.clone()],
            on: None,
            voided: false,
        };
        let gap = match job {
            Some(job) if knows(job, &entry) || self.is_being_looked_up(job) => return None,
            Some(job) => of_job(job, self.stray_of_job(job, &shown, number)),
            None => Gap {
                job: Some(suspect.reference.clone()),
                ..Gap::new(
                    GapKind::StrayShipment,
                    format!(
                        "{shown} under job {}, which does not exist here: another stage uses the account, or the job was lost",
                        suspect.reference
                    ),
                    format!("look {number} up at the carrier; if nobody ships it, void it there by hand"),
                )
            },
        };
        Some(Gap {
            tracking_number: Some(number.clone()),
            ..gap
        })
    }

    /// A purchase whose answer was just lost is being looked for.
    fn is_being_looked_up(&self, job: &Job) -> bool {
        let since = match &job.purchase {
            Step::Started(attempt) => attempt.at,
            Step::Unknown { since, .. } => *since,
            _ => return false,
        };
        job.hold.is_none() && self.now.duration_since(since) < self.patience.overdue * 2
    }

    fn stray_of_job(&self, job: &Job, shown: &str, number: &str) -> Gap {
        let id = &job.id;
        let by_hand = format!("look {number} up at the carrier; if nobody ships it, void it there by hand");
        let (why, mend) = match &job.purchase {
            Step::Started(_) | Step::Unknown { .. } => (
                "the job does not know whether it was bought".to_owned(),
                format!("`waybill job resolve {id} --tracking {number}`"),
            ),
            Step::Done(known) => (
                format!("the job knows only {}: this one is billed beside it", known.id),
                by_hand,
            ),
            _ => ("the job knows of no shipment".to_owned(), by_hand),
        };
        Gap::new(
            GapKind::StrayShipment,
            format!("{shown} under job {id}, and {why}"),
            mend,
        )
    }

    /// The shipment of a job that the list can be asked about: bought since the list is known, long enough ago.
    pub(super) fn bought<'j>(&self, job: &'j Job) -> Option<&'j Shipment> {
        let at = job.bought_at();
        let known = self.listed_since.is_some_and(|since| at >= since);
        let stands = job.closed.is_none() && !job.void_pending();
        job.purchase.done().filter(|_| known && stands)
    }

    /// A job's shipment against what the list has said of its parcels.
    pub(super) fn against_the_list(&self, job: &Job, listed: &BTreeMap<String, Listed>) -> Option<Gap> {
        let shipment = self.bought(job)?;
        let said = |number: &str| listed.get(number).copied().unwrap_or_default();
        let voided = shipment.tracking_numbers().find(|number| said(number).voided);
        let missing = shipment.tracking_numbers().find(|number| !said(number).sold);
        let age = self.started_at.duration_since(job.bought_at());
        let late = age > self.patience.listing && age < self.patience.named;
        let (kind, number, reason, mend) = match (voided, missing) {
            (Some(number), _) => (
                GapKind::VoidedAtCarrier,
                number,
                format!(
                    "the carrier's list shows {number} as void, and the job holds it for bought: somebody voided it there"
                ),
                format!(
                    "`waybill job void {}` ends the job too, and its quantity ships anew if the order still wants it",
                    job.id
                ),
            ),
            (None, Some(number)) if late => (
                GapKind::NotListed,
                number,
                format!("the job bought {number}, and the carrier's list does not show it"),
                format!(
                    "look {number} up at the carrier: if it travels, nothing is to be done; if not, `waybill job void {}`",
                    job.id
                ),
            ),
            _ => return None,
        };
        let gap = Gap {
            tracking_number: Some(number.to_owned()),
            since: Some(job.bought_at()),
            ..Gap::new(kind, reason, mend)
        };
        Some(of_job(job, gap))
    }

    // ---- the ERP ---------------------------------------------------------------------------------------------------

    /// A job that is written back against what the ERP shows now.
    pub(super) fn against_the_erp(&self, job: &Job, seen: &Seen<'_>) -> Option<Gap> {
        if self.started_at.duration_since(job.updated_at) < self.patience.young {
            return None;
        }
        let erp = &self.connection.erp.system;
        let explain = format!(
            "`waybill order explain {}`; `waybill job void {}`, if the parcel does not travel",
            job.number, job.id
        );
        let gap = match seen.order {
            None => Gap::new(
                GapKind::WriteBackGone,
                format!("in {erp} the document does not exist any more, and its parcel was bought"),
                explain,
            ),
            Some(order) if seen.gone => {
                let reason = format!("what was written back is gone from {erp}: somebody deleted it");
                match order.standing {
                    Standing::Ready => self.put_right(job, GapKind::WriteBackGone, reason),
                    _ => Gap::new(GapKind::WriteBackGone, reason, explain),
                }
            }
            Some(order) if self.is_changed(job, order, seen.units) => {
                let reason = format!("somebody changed the tracking number in {erp}, a field that is ours");
                self.put_right(job, GapKind::WriteBackChanged, reason)
            }
            Some(order) => self.changed_since_shipped(job, order, seen.units)?,
        };
        Some(of_job(job, gap))
    }

    /// A document that asks for something else than what was shipped for it: nothing is shipped again by itself.
    fn changed_since_shipped(&self, job: &Job, order: &Order, units: Option<&Units>) -> Option<Gap> {
        let changed = units?.changed_since_shipped(order);
        changed.iter().find(|(unit, _)| unit.job == job.id)?;
        let erp = &self.connection.erp.system;
        let reason =
            format!("in {erp} the document was changed after this was shipped, and asks for something else now");
        let mend = format!(
            "`waybill order explain {}`; `waybill job void {}` and its quantity ships anew, if the parcel does not travel",
            job.number, job.id
        );
        Some(Gap::new(GapKind::ChangedAfterShipment, reason, mend))
    }

    /// What is written again by itself, unless that was in vain too often: then it is left to a person.
    fn put_right(&self, job: &Job, kind: GapKind, reason: String) -> Gap {
        let void = format!("`waybill job void {}`", job.id);
        if !job.is_left_disturbed() {
            let mend = format!("it is written again by itself; {void} instead, if the parcel does not travel");
            return Gap::new(kind, reason, mend);
        }
        let reason = format!(
            "{reason}. It was written again {} times: somebody or something keeps changing it, and nothing is written any more",
            job.put_right
        );
        let mend = format!(
            "stop what changes it in {}, then `waybill job replay {}` writes it again; {void} instead, if the parcel does not travel",
            self.connection.erp.system, job.id
        );
        Gap::new(kind, reason, mend)
    }

    fn is_changed(&self, job: &Job, order: &Order, units: Option<&Units>) -> bool {
        let has_field = self.connection.write_back.fields.tracking.is_some();
        has_field && units.is_some_and(|units| units.disturbed(order).contains(&&job.id))
    }

    // ---- jobs by themselves ----------------------------------------------------------------------------------------

    /// What is wrong with a job whatever anybody else says.
    pub(super) fn job(&self, job: &Job) -> Vec<Gap> {
        let check = self.duplicate_check(job);
        // A look that is owed makes the job due as well: that is one gap, not two.
        let overdue = if check.is_none() { self.overdue(job) } else { None };
        let all = [self.held(job), self.parked(job), overdue, check];
        all.into_iter().flatten().map(|gap| of_job(job, gap)).collect()
    }

    fn held(&self, job: &Job) -> Option<Gap> {
        let hold = job.hold.as_ref()?;
        let old = self.now.duration_since(hold.since) >= self.patience.young;
        old.then(|| Gap {
            since: Some(hold.since),
            ..Gap::new(
                GapKind::Held,
                format!("it is held: {}", without_addresses(hold, job)),
                ends(hold.reason, job),
            )
        })
    }

    /// It waits for something that only a person in the ERP makes.
    fn parked(&self, job: &Job) -> Option<Gap> {
        let since = job.parked_since()?;
        let old = self.now.duration_since(since) >= self.patience.parked;
        let reason = job.wait.as_ref().map_or("", |wait| wait.reason.as_str());
        let mend = format!(
            "make what it waits for in {}; `waybill job void {}` instead, if the parcel does not travel",
            self.connection.erp.system, job.id
        );
        old.then(|| Gap {
            since: Some(since),
            ..Gap::new(GapKind::Parked, format!("since {since}: {reason}"), mend)
        })
    }

    fn overdue(&self, job: &Job) -> Option<Gap> {
        let late = job
            .due_at
            .filter(|due| self.now.duration_since(*due) > self.patience.overdue);
        let replay = format!("`waybill job replay {}`", job.id);
        if let Some(due) = late {
            let reason = format!("it has been due since {due}, and nobody has looked at it");
            return Some(Gap {
                since: Some(due),
                ..Gap::new(GapKind::Overdue, reason, replay)
            });
        }
        let age = self.now.duration_since(job.created_at);
        let parked = job.parked_since().is_some();
        let endless = State::of(job) == State::Open && !parked && age > self.patience.open;
        endless.then(|| {
            let waits = job
                .wait
                .as_ref()
                .map_or_else(String::new, |wait| format!(": {}", wait.reason));
            Gap {
                since: Some(job.created_at),
                ..Gap::new(
                    GapKind::Overdue,
                    format!("it has been at work since {} and does not end{waits}", job.created_at),
                    format!("`waybill order explain {}`, then {replay}", job.number),
                )
            }
        })
    }

    fn duplicate_check(&self, job: &Job) -> Option<Gap> {
        let check = job.duplicate_check.as_ref()?;
        let late = self.now.duration_since(check.at) > self.patience.overdue;
        late.then(|| Gap {
            since: Some(check.at),
            ..Gap::new(
                GapKind::DuplicateCheckOverdue,
                format!(
                    "it was bought again after a lost answer, and the look for a second shipment is owed since {}",
                    check.at
                ),
                format!("`waybill job replay {}`", job.id),
            )
        })
    }
}

/// Why a job is held. What the carrier knows of an address is personal, and stays with the job, where it can be erased.
fn without_addresses(hold: &Hold, job: &Job) -> String {
    match hold.reason {
        HoldReason::BadAddress => format!("its address does not stand; `waybill job show {}` tells why", job.id),
        _ => hold.message.clone(),
    }
}

/// What ends a hold.
fn ends(reason: HoldReason, job: &Job) -> String {
    let (id, number) = (&job.id, &job.number);
    let release = format!("`waybill job release {id}`");
    match reason {
        HoldReason::Rejected | HoldReason::BadAddress | HoldReason::MissingData => {
            format!("correct order {number} or its item in the ERP, which is seen by itself; or {release}")
        }
        HoldReason::UnknownPurchase if job.purchase.open_attempt().is_none() => format!(
            "look at the carrier, then `waybill job resolve {id} --tracking NUMBER`, or {release} if nothing was bought"
        ),
        HoldReason::UnknownPurchase => format!(
            "look at the carrier, then `waybill job resolve {id} --tracking NUMBER` or `waybill job resolve {id} --not-created`"
        ),
        HoldReason::DuplicateCheckBlind => {
            format!("look at the carrier for a second shipment of {number}; {release}, if there is none")
        }
        HoldReason::Addition => {
            format!("{release} buys and ships it too; or take it off order {number} in the ERP")
        }
        HoldReason::ChangedAfterLabel => {
            format!("{release} writes it back as it was bought; `waybill job void {id}` voids it")
        }
        HoldReason::LabelLost => format!("{release} asks for the label once more; `waybill job void {id}` voids it"),
        HoldReason::WriteBackRefused | HoldReason::WriteBackInDoubt => {
            format!("look at order {number} in the ERP, then {release}")
        }
        HoldReason::ExtraToVoid => format!("void the extra shipment at the carrier by hand, then {release}"),
        HoldReason::VoidRefused => {
            format!("void the shipment at the carrier by hand; or {release}, and the job goes on as shipped")
        }
        HoldReason::VoidStillShown => {
            format!(
                "take what was written back away from order {number} in the ERP, which is seen by itself; or {release}"
            )
        }
        HoldReason::Unmatched => format!(
            "`waybill job resolve {id} --order NUMBER` says which order it belongs to; {release} closes it, if the ERP need not hear of it"
        ),
        HoldReason::Person => release,
        HoldReason::Brake => "`waybill brake off`".to_owned(),
    }
}
