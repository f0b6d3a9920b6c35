//! What an operator does to a job: replay, hold, release, void, resolve, forget. Each is recorded with who did it.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{CarrierShipmentId, Consignment, DocumentId, Gone, JobId, Shipment, ShippedParcel, Snapshot};
use crate::flows::advance::reading_or_quantities;
use crate::flows::despatches::{Again, intake};
use crate::flows::halt::Halt;
use crate::flows::write::Pen;
use crate::job::{Closing, HoldReason, IllegalOutcome, Job, Outcome, SnapshotRef, Step, Timing};
use crate::ports::{
    AuditEntry, CallError, Carrier, Clock, Connections, Documents, Exchange, Gate, Jobs, Meant, Nonces, Opened, Queue,
    Saved, StoreError, Systems,
};

/// How often a word that rests on nothing is said again when the job changed meanwhile.
const TRIES: usize = 5;

/// The ports that operating needs.
#[derive(Clone)]
pub struct Operate {
    /// Jobs.
    pub jobs: Arc<dyn Jobs>,
    /// Units.
    pub documents: Arc<dyn Documents>,
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// ERPs.
    pub systems: Arc<dyn Systems>,
    /// The queue of jobs.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// The times that the rules speak of.
    pub timing: Timing,
}

/// What a person says of a purchase whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The carrier sold it; the tracking numbers of its parcels, the lead first.
    Tracking(Vec<String>),
    /// Nothing was bought.
    NotCreated,
}

/// A word to be recorded.
struct Said<'a> {
    by: &'a str,
    text: &'a str,
    exchanges: Vec<Exchange>,
}

impl<'a> Said<'a> {
    fn plain(by: &'a str, text: &'a str) -> Self {
        Self {
            by,
            text,
            exchanges: Vec::new(),
        }
    }
}

/// Why an operator's word was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// There is no such job.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// The job's state does not allow it.
    #[error("{0}")]
    NotNow(IllegalOutcome),
    /// It makes no sense; why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The order could not be read, and a release must rest on it as it stands.
    #[error("the order could not be read: {0}")]
    Unreadable(CallError),
    /// The carrier could not be asked.
    #[error("the carrier could not be asked for it: {0}. Nothing was changed; say it again later")]
    Unasked(CallError),
    /// The job changed faster than the word could be recorded.
    #[error("the job is changing; say it again in a moment")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Halt> for OperateError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Side(error) => Self::Unreadable(error),
            Halt::Store(error) => Self::Store(error),
        }
    }
}

impl Operate {
    /// Queues the job. Always safe: a worker does what the ledger allows, and nothing twice. Where the write-back was put right
    /// in vain so often that nobody does it any more, it is written again.
    pub async fn replay(&self, id: &JobId, by: &str) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        let mut undone = job.clone();
        if undone
            .apply(Outcome::PutRightByPerson, self.clock.now(), &self.timing)
            .is_ok()
        {
            let said = Said::plain(
                by,
                "wants the write-back written again, although it was changed each time",
            );
            return self.say(id, &said, |_| Outcome::PutRightByPerson).await;
        }
        self.queue.send(&job.id, &job.tenant, Duration::ZERO).await?;
        Ok(job)
    }

    /// Holds the job until a person releases it.
    pub async fn hold(&self, id: &JobId, by: &str, why: &str) -> Result<Job, OperateError> {
        let message = format!("held by {by}: {why}");
        if self.load(id).await?.is_unmatched() {
            let text = "no order is known for it, so that nothing is done about it: there is nothing to hold";
            return Err(OperateError::Refused(text.to_owned()));
        }
        self.say(id, &Said::plain(by, &message), |_| Outcome::HeldByPerson {
            message: message.clone(),
        })
        .await
    }

    /// Ends the hold that the person saw. A job whose label is bought goes on as shipped; one that is not goes on with the order as it stands.
    pub async fn release(&self, id: &JobId, by: &str, ends: HoldReason) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        if job.is_unmatched() && ends == HoldReason::Unmatched {
            let said = Said::plain(by, "says that the ERP need not hear of it: closed");
            let closing = Closing::LeftAside { by: by.to_owned() };
            return self.say(id, &said, |_| Outcome::ClosedByPerson(closing.clone())).await;
        }
        if job.over() || job.is_unmatched() {
            return self.release_what_is_over(&job, by, ends).await;
        }
        let (outcome, stored) = match self.read(&job).await? {
            Ok(reading) => {
                let changed = reading.hash != job.snapshot.hash;
                let same = SnapshotRef {
                    read_at: reading.read_at,
                    ..job.snapshot.clone()
                };
                let snapshot = if changed { SnapshotRef::from(&reading) } else { same };
                (Outcome::ReleasedByPerson { ends, snapshot }, changed.then_some(reading))
            }
            Err(gone) => (Outcome::ClosedByPerson(Closing::Order(gone)), None),
        };
        // A snapshot is numbered after the job as it was read: said again, it is read again.
        match self
            .try_to_say(&job, &Said::plain(by, "released"), outcome, stored)
            .await?
        {
            Some(job) => Ok(job),
            None => Err(OperateError::Busy),
        }
    }

    /// Nothing of the order matters to it any more.
    async fn release_what_is_over(&self, job: &Job, by: &str, ends: HoldReason) -> Result<Job, OperateError> {
        let snapshot = job.snapshot.clone();
        let outcome = Outcome::ReleasedByPerson { ends, snapshot };
        let said = self
            .try_to_say(job, &Said::plain(by, "released"), outcome, None)
            .await?;
        said.ok_or(OperateError::Busy)
    }

    /// Wants the job's shipment void. Once the carrier has voided it the job ends and its quantity is given back, so that it
    /// ships anew if the order wants it; a carrier that refuses changes nothing.
    pub async fn void(&self, id: &JobId, by: &str) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        if let Some(wish) = job.void.as_ref().filter(|_| job.void_pending()) {
            return Err(OperateError::Refused(format!(
                "{} wants it void already; the carrier is asked",
                wish.by
            )));
        }
        self.say(id, &Said::plain(by, "wants the shipment void"), |_| {
            Outcome::VoidWished { by: by.to_owned() }
        })
        .await
    }

    /// Settles a purchase whose answer was lost by a person's word. A shipment is asked for at the carrier where that is
    /// possible, and becomes the job's; nothing bought means that it is bought again, with a look for duplicates owed.
    pub async fn resolve(&self, id: &JobId, by: &str, word: &Word) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        let attempt = match is_in_doubt_without_attempt(&job) {
            true => None,
            false => Some(self.unknown_attempt(&job)?),
        };
        match (word, attempt) {
            (Word::Tracking(numbers), _) => self.adopt(&job, by, numbers).await,
            (Word::NotCreated, None) => Err(OperateError::Refused(format!(
                "no attempt of it waits for an answer: `waybill job release {id}` says that nothing was bought, and buys again"
            ))),
            (Word::NotCreated, _) if job.over() => Err(OperateError::Refused(
                "the job has ended, nothing is bought for it any more: there is nothing to resolve".to_owned(),
            )),
            (Word::NotCreated, Some(attempt)) => {
                let text = format!("says that attempt {attempt} bought nothing: it is bought again");
                self.say(id, &Said::plain(by, &text), |_| Outcome::NotCreated { attempt })
                    .await
            }
        }
    }

    /// Says to which order belongs what people shipped at a desk and no order was known for. It becomes a unit of that order, as if
    /// it had been matched by itself, and this job ends.
    pub async fn resolve_order(&self, id: &JobId, by: &str, number: &str) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        if !job.is_unmatched() {
            let text = format!(
                "it is no shipment without an order: it is a job of {} ({})",
                job.number, job.document
            );
            return Err(OperateError::Refused(text));
        }
        let gate = self.gate(&job).await?;
        let systems = self.systems.open(&gate.connection).await;
        let systems = systems.map_err(OperateError::Unreadable)?;
        let placed = self.place(&job, by, number, (&gate, &systems)).await;
        systems.close().await;
        let (matched, order) = placed?;
        let text = format!("says that it belongs to {order}: it is job {matched} from now on");
        let said = Said {
            exchanges: systems.recorder.drain(),
            ..Said::plain(by, &text)
        };
        let closing = Closing::Matched { job: matched };
        self.say(id, &said, |_| Outcome::ClosedByPerson(closing.clone())).await
    }

    async fn place(
        &self,
        job: &Job,
        by: &str,
        number: &str,
        (gate, systems): (&Gate, &Opened),
    ) -> Result<(JobId, String), OperateError> {
        let Some(desk) = &systems.desk else {
            let text = format!("nobody ships at a desk for {} any more", gate.connection.id);
            return Err(OperateError::Refused(text));
        };
        let documents = systems.source.numbered(number).await;
        let documents = documents.map_err(OperateError::Unreadable)?;
        let meant = Meant {
            document: only(documents, number, &gate.connection.erp.system)?,
            number: number.to_owned(),
            by: "its number",
            sure: true,
        };
        let intake = intake!(self, &gate.connection, systems, desk);
        match intake.take_for(job, meant, by).await? {
            Again::Matched { job, order } => Ok((job, order)),
            Again::Unfit(why) => Err(OperateError::Refused(why)),
            Again::Voided => Err(OperateError::Refused(
                "it is void at the desk: nothing was shipped. The job ends by itself".to_owned(),
            )),
        }
    }

    /// Ends every link to the job's labels that was given out; links that are made from now on open them.
    pub async fn revoke_label_links(&self, id: &JobId, by: &str) -> Result<Job, OperateError> {
        let said = Said::plain(by, "revoked the links to the labels");
        self.say(id, &said, |_| Outcome::LabelLinksRevoked).await
    }

    /// Erases the job's personal data; numbers, money and decisions stay. Doing it again is harmless.
    pub async fn forget(&self, id: &JobId, by: &str) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        if let Some(why) = why_not_forget(&job) {
            return Err(OperateError::Refused(why));
        }
        // Erased first: what is on record is true, and said again it erases what a crash has left.
        self.jobs.erase(id).await?;
        if job.forgotten.is_some() {
            return Ok(job);
        }
        let said = Said::plain(by, "erased the personal data and the labels");
        self.say(id, &said, |_| Outcome::Forgotten { by: by.to_owned() }).await
    }

    /// What releasing would do, in plain words.
    pub fn release_means(job: &Job) -> &'static str {
        match job.hold.as_ref().map(|hold| hold.reason) {
            None => "the job is not held",
            Some(HoldReason::UnknownPurchase) => {
                "you say that nothing was bought: the shipment is bought again, which bills"
            }
            Some(HoldReason::DuplicateCheckBlind) => "you say that there is only one shipment",
            Some(HoldReason::ChangedAfterLabel) => {
                "the shipment is written back as it was bought, although the order has changed"
            }
            Some(HoldReason::Addition) => "what the order asks for beyond what was shipped is bought and shipped too",
            Some(HoldReason::LabelLost) => "the label is asked for once more",
            Some(HoldReason::WriteBackRefused | HoldReason::WriteBackInDoubt) => {
                "the write-back is looked for, and written if it is not there"
            }
            Some(HoldReason::BadAddress) => {
                "the order's address is accepted as it stands, unless it has changed meanwhile, and a shipment is bought"
            }
            Some(HoldReason::Unmatched) => {
                "you say that the ERP need not hear of what was shipped, or shows it already: the job is closed, and nothing is written"
            }
            Some(HoldReason::ExtraToVoid) => "voiding the extra shipment is tried once more",
            Some(HoldReason::VoidRefused) => "the job goes on as shipped; its shipment is not voided",
            Some(HoldReason::VoidStillShown) => {
                "you say that the ERP no longer shows the void shipment, or that it does not matter"
            }
            Some(HoldReason::Rejected | HoldReason::MissingData | HoldReason::Person | HoldReason::Brake) => {
                "the order is read again and the job goes on, which may buy a shipment"
            }
        }
    }

    /// The attempt whose answer was lost, or why nothing is unknown.
    fn unknown_attempt(&self, job: &Job) -> Result<u32, OperateError> {
        let now = self.clock.now();
        let known = match &job.purchase {
            Step::Unknown { attempt, .. } => return Ok(attempt.number),
            Step::Started(attempt) if attempt.until <= now => return Ok(attempt.number),
            Step::Started(attempt) => {
                format!(
                    "a worker may still be buying it: wait until {}, then say it again",
                    attempt.until
                )
            }
            Step::Done(shipment) => format!(
                "it is known what was bought: shipment {}. `waybill job void {}` voids it",
                shipment.id, job.id
            ),
            Step::Refused(refusal) => format!("it is known that nothing was bought: the carrier said no ({refusal})"),
            Step::Todo | Step::NotNeeded(_) => {
                "nothing was asked of the carrier: there is nothing to resolve".to_owned()
            }
        };
        Err(OperateError::Refused(known))
    }

    /// Takes a shipment for the job's own. It is a fact about money: what was adopted first stays, any other is voided.
    async fn adopt(&self, job: &Job, by: &str, numbers: &[String]) -> Result<Job, OperateError> {
        let numbers = tidy(numbers)?;
        let systems = self.open(job).await?;
        let carrier = systems.carrier_under(job.account.as_ref());
        let carrier = carrier.map_err(|refusal| OperateError::Refused(refusal.to_string()))?;
        let asked = ask(carrier.as_ref(), &numbers).await?;
        let seen = if asked.is_some() {
            "the carrier shows it"
        } else {
            "the carrier could not be asked for it"
        };
        let shipment = asked.map_or_else(|| by_word(&numbers, by), Ok)?;
        self.refuse_what_is_taken(job, &shipment, &numbers).await?;
        let text = format!("says that shipment {} is this job's; {seen}", shipment.id);
        let said = Said {
            by,
            text: &text,
            exchanges: systems.recorder.drain(),
        };
        self.say(&job.id, &said, |_| Outcome::Found {
            shipments: vec![shipment.clone()],
        })
        .await
    }

    async fn refuse_what_is_taken(
        &self,
        job: &Job,
        shipment: &Shipment,
        numbers: &[String],
    ) -> Result<(), OperateError> {
        if job.extras.iter().any(|extra| extra.shipment == shipment.id) {
            let text = format!(
                "shipment {} of this job was given up and is voided: it cannot be used",
                shipment.id
            );
            return Err(OperateError::Refused(text));
        }
        let ids = numbers.iter().map(|number| CarrierShipmentId::new(number.as_str()));
        for id in ids.chain([shipment.id.clone()]) {
            let mut owners = self.jobs.with_shipment(&job.connection, &id).await?.into_iter();
            if let Some(other) = owners.find(|owner| *owner != job.id) {
                let text = format!(
                    "shipment {id} belongs to job {other}: `waybill job show {other}` tells more. Check the number"
                );
                return Err(OperateError::Refused(text));
            }
        }
        Ok(())
    }

    async fn gate(&self, job: &Job) -> Result<Gate, OperateError> {
        let gone = || OperateError::Store(StoreError(format!("connection {} does not exist", job.connection)));
        self.connections.gate(&job.connection).await?.ok_or_else(gone)
    }

    async fn open(&self, job: &Job) -> Result<Opened, OperateError> {
        let gate = self.gate(job).await?;
        let opened = self.systems.open(&gate.connection).await;
        opened.map_err(OperateError::Unreadable)
    }

    async fn load(&self, id: &JobId) -> Result<Job, OperateError> {
        self.jobs
            .load(id)
            .await?
            .ok_or_else(|| OperateError::NoSuchJob(id.clone()))
    }

    /// The order as it stands now, as far as this job ships it.
    async fn read(&self, job: &Job) -> Result<Result<Snapshot, Gone>, OperateError> {
        let number = job.snapshot.number;
        let before = reading_or_quantities(self.jobs.as_ref(), self.documents.as_ref(), job, number).await?;
        let systems = self.open(job).await?;
        let read_at = self.clock.now();
        let orders = systems.source.read(std::slice::from_ref(&job.document)).await;
        systems.close().await;
        let orders = orders.map_err(OperateError::Unreadable)?;
        let units = self
            .documents
            .units(&job.connection, std::slice::from_ref(&job.document))
            .await?;
        let beside = |order| {
            units
                .first()
                .map(|units| units.shipped_beside(job.unit, order))
                .unwrap_or_default()
        };
        let now = orders
            .first()
            .map(|order| Consignment::of(order, &before.consignment.quantities(), &beside(order)));
        Ok(match now.unwrap_or(Err(Gone::Cancelled)) {
            Ok(consignment) => Ok(Snapshot::new(before.number + 1, read_at, consignment)),
            // What was bought is written back whatever became of the order.
            Err(_) if job.purchase.done().is_some() => Ok(Snapshot {
                read_at,
                hash: job.snapshot.hash.clone(),
                ..before
            }),
            Err(gone) => Err(gone),
        })
    }

    async fn say(&self, id: &JobId, said: &Said<'_>, outcome: impl Fn(&Job) -> Outcome) -> Result<Job, OperateError> {
        for _ in 0..TRIES {
            let job = self.load(id).await?;
            if let Some(job) = self.try_to_say(&job, said, outcome(&job), None).await? {
                return Ok(job);
            }
        }
        Err(OperateError::Busy)
    }

    /// Records a word on the job as it was read; `None` if it has changed since.
    async fn try_to_say(
        &self,
        before: &Job,
        said: &Said<'_>,
        outcome: Outcome,
        snapshot: Option<Snapshot>,
    ) -> Result<Option<Job>, OperateError> {
        let now = self.clock.now();
        let entry = AuditEntry {
            exchanges: said.exchanges.clone(),
            ..AuditEntry::new(now, said.by, said.text)
        };
        let pen = Pen {
            now,
            nonces: self.nonces.as_ref(),
            timing: &self.timing,
            under: None,
        };
        let documents = self.documents.as_ref();
        let written = pen.write_whole(documents, before, outcome, entry, snapshot).await?;
        let save = written.map_err(OperateError::NotNow)?;
        if self.jobs.save(&save).await? != Saved::Done {
            return Ok(None);
        }
        self.queue.send(&save.job.id, &save.job.tenant, Duration::ZERO).await?;
        Ok(Some(save.job))
    }
}

/// The one document of a number.
fn only(documents: Vec<DocumentId>, number: &str, erp: &str) -> Result<DocumentId, OperateError> {
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(OperateError::Refused(format!("{erp} has no order {number}"))),
        _ => Err(OperateError::Refused(format!(
            "{erp} has several documents {number}: give the order a number of its own there"
        ))),
    }
}

/// Whether nobody knows what was bought although no attempt waits for an answer: the look for a second shipment was blind, and
/// the job had none in hand.
fn is_in_doubt_without_attempt(job: &Job) -> bool {
    let reason = job.hold.as_ref().map(|hold| hold.reason);
    let nothing_known = job.purchase.open_attempt().is_none() && job.purchase.done().is_none();
    reason == Some(HoldReason::UnknownPurchase) && nothing_known
}

/// Why a job's personal data is still needed.
fn why_not_forget(job: &Job) -> Option<String> {
    let why = match &job.hold {
        _ if job.finished() => return None,
        Some(hold) => format!("it is held ({})", hold.message),
        None if job.over() => "a void, a flag or a look for duplicates is still owed".to_owned(),
        None => "it has not shipped yet".to_owned(),
    };
    Some(format!(
        "{why}: its address is still needed. It can be forgotten once nothing is left to do"
    ))
}

/// The numbers as carriers write them, each once.
fn tidy(numbers: &[String]) -> Result<Vec<String>, OperateError> {
    let mut tidied: Vec<String> = Vec::new();
    for number in numbers {
        let bare: String = number.chars().filter(|c| !c.is_whitespace()).collect();
        let bare = bare.to_ascii_uppercase();
        if !(6..=40).contains(&bare.len()) || !bare.chars().all(|c| c.is_ascii_alphanumeric()) {
            let text =
                format!("{number:?} is no tracking number: write it as it stands on the label, letters and digits");
            return Err(OperateError::Refused(text));
        }
        if !tidied.contains(&bare) {
            tidied.push(bare);
        }
    }
    Ok(tidied)
}

/// The shipment to which all the numbers belong, if the carrier knows any of them.
async fn ask(carrier: &dyn Carrier, numbers: &[String]) -> Result<Option<Shipment>, OperateError> {
    let mut known: Option<Shipment> = None;
    for number in numbers {
        if known.as_ref().is_some_and(|shipment| holds(shipment, number)) {
            continue;
        }
        let asked = carrier.shipment(&CarrierShipmentId::new(number.as_str())).await;
        let asked = asked.map_err(|error| match error {
            CallError::Refused(refusal) => OperateError::Refused(refusal.message),
            later @ CallError::Later(_) => OperateError::Unasked(later),
        })?;
        known = known.or(asked);
    }
    match &known {
        Some(shipment) => {
            if let Some(stranger) = numbers.iter().find(|number| !holds(shipment, number)) {
                let text = format!(
                    "{stranger} is no parcel of shipment {}: name the parcels of one shipment only",
                    shipment.id
                );
                return Err(OperateError::Refused(text));
            }
        }
        None => tracing::warn!(
            parcels = ?numbers,
            "the carrier knows none of these numbers: the person's word stands"
        ),
    }
    Ok(known)
}

fn holds(shipment: &Shipment, number: &str) -> bool {
    shipment.id.as_str() == number || shipment.tracking_numbers().any(|known| known == number)
}

fn by_word(numbers: &[String], by: &str) -> Result<Shipment, OperateError> {
    let lead = numbers
        .first()
        .ok_or_else(|| OperateError::Refused("no tracking number was said".to_owned()))?;
    Ok(Shipment {
        id: CarrierShipmentId::new(lead.as_str()),
        parcels: numbers
            .iter()
            .map(|number| ShippedParcel {
                tracking_number: number.clone(),
            })
            .collect(),
        service: None,
        cost: None,
        remarks: vec![format!("by the word of {by}; the carrier could not be asked for it")],
    })
}
