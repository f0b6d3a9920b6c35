//! What people shipped at a desk of their own becomes units of the ERP's orders, one for each despatch.
//!
//! A despatch is known by documents of its own: one under its id, one under each of its tracking numbers. They are written in the
//! same transaction as the unit, so that however often, by whomever and in whichever words a parcel is told of, it is admitted
//! once. What fits no order is parked as a held job of its own document, and tried again now and then; once an order fits, it
//! is that order's unit.

mod contents;
mod known;
mod words;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::connection::Connection;
use crate::domain::{
    Consignment, DeskOrderRef, Despatch, DespatchId, DespatchStanding, JobId, Order, PassedOn, Quantities, Snapshot,
    Standing, Unit, UnitPhase, Units,
};
use crate::flows::halt::Halt;
use crate::flows::write::Pen;
use crate::job::{Admission, AtDesk, Job, Outcome, Timing};
use crate::ports::{
    AuditEntry, CallError, Clock, Desk, Documents, Jobs, Meant, NewJob, Nonces, Opened, Queue, Saved, StoreError,
};
use crate::telemetry;
use contents::Unfit;
use known::Known;

/// How often a despatch is read again when somebody else was faster.
const TRIES: usize = 8;

/// For how long the desk may be at work on a despatch; then a person is told of it.
pub(super) const PENDING: SignedDuration = SignedDuration::from_hours(24);

/// What taking despatches in needs.
pub(super) struct Intake<'a> {
    /// The connection.
    pub(super) connection: &'a Connection,
    /// Its systems.
    pub(super) systems: &'a Opened,
    /// Its desk.
    pub(super) desk: &'a Desk,
    /// Jobs.
    pub(super) jobs: &'a dyn Jobs,
    /// Units.
    pub(super) documents: &'a dyn Documents,
    /// The queue of jobs.
    pub(super) queue: &'a dyn Queue,
    /// The time.
    pub(super) clock: &'a dyn Clock,
    /// Nonces.
    pub(super) nonces: &'a dyn Nonces,
    /// The times of the ledger.
    pub(super) timing: &'a Timing,
}

/// What taking despatches in needs, out of the ports of a flow, whichever others that has.
macro_rules! intake {
    ($flow:expr, $connection:expr, $systems:expr, $desk:expr) => {
        $crate::flows::despatches::Intake {
            connection: $connection,
            systems: $systems,
            desk: $desk,
            jobs: $flow.jobs.as_ref(),
            documents: $flow.documents.as_ref(),
            queue: $flow.queue.as_ref(),
            clock: $flow.clock.as_ref(),
            nonces: $flow.nonces.as_ref(),
            timing: &$flow.timing,
        }
    };
}
pub(super) use intake;

/// What became of a despatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is a new unit of an order.
    Admitted(JobId),
    /// It fits no order: it is parked.
    Parked(JobId),
    /// It was known already.
    Known(JobId),
    /// It was known, and is void now: its job was told so.
    Voided(JobId),
    /// The desk is still at work on it: it is looked at later.
    Pending,
    /// It is none of the connection's business; why.
    LeftAlone(String),
}

/// What became of a parked despatch when it was tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Again {
    /// It is a unit of an order: this job.
    Matched {
        /// The order's job.
        job: JobId,
        /// The order's number.
        order: String,
    },
    /// It still fits none; why.
    Unfit(String),
    /// The desk has voided it.
    Voided,
}

/// What taking a despatch in came to: the desk or the ERP may fail, and so may the store.
pub(super) type Took<T> = Result<T, Halt>;

/// How an admission ended.
enum Fitted {
    /// It is this job of the order of this number now.
    Admitted(JobId, String),
    /// Somebody else was faster: everything is read again.
    Contested,
    /// It does not fit; why.
    Unfit(Unfit),
}

/// An order, by whose word it is the despatch's.
struct Match {
    meant: Meant,
    by: String,
}

impl Intake<'_> {
    /// Sees to it that the ERP hears of what a page of the desk's tells of, once, or hears that it is void. The desk is only asked for
    /// more where nobody knows of it.
    pub(super) async fn take(&self, told: &Despatch) -> Took<Taken> {
        if let Some(left) = self.left_alone(told) {
            return Ok(left);
        }
        let known = self.known(told).await?;
        if let Some(taken) = self.heard_of(told, &known).await? {
            return Ok(taken);
        }
        let despatch = self.in_full(told).await?;
        match self.left_alone(&despatch) {
            Some(left) => Ok(left),
            None => self.take_in(&despatch).await,
        }
    }

    /// What is refused must not keep all behind it waiting: it is taken as far as it is told.
    async fn in_full(&self, told: &Despatch) -> Result<Despatch, CallError> {
        match self.desk.desk.in_full(told).await {
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(despatch = %told.id, code = refusal.code, "the desk does not say what is in it");
                Ok(told.clone())
            }
            asked => asked,
        }
    }

    async fn take_in(&self, despatch: &Despatch) -> Took<Taken> {
        for _ in 0..TRIES {
            let known = self.known(despatch).await?;
            if let Some(taken) = self.heard_of(despatch, &known).await? {
                return Ok(taken);
            }
            match self.fit(despatch, &known, None).await? {
                Fitted::Admitted(job, _) => return Ok(Taken::Admitted(job)),
                Fitted::Contested => {}
                Fitted::Unfit(why) => {
                    if let Some(job) = self.park(despatch, &known, &why).await? {
                        return Ok(Taken::Parked(job));
                    }
                }
            }
        }
        Err(self.too_fast(&despatch.id).into())
    }

    /// Tries a parked despatch again, as the desk and the ERP stand now.
    pub(super) async fn try_again(&self, parked: &Job) -> Took<Again> {
        self.place(parked, None).await
    }

    /// Takes a parked despatch for an order by a person's word.
    pub(super) async fn take_for(&self, parked: &Job, meant: Meant, by: &str) -> Took<Again> {
        let named = Match {
            meant,
            by: format!("by the word of {by}"),
        };
        self.place(parked, Some(&named)).await
    }

    async fn place(&self, parked: &Job, named: Option<&Match>) -> Took<Again> {
        let id = DespatchId::new(parked.document.id.as_str());
        let Some(despatch) = self.desk.desk.despatch(&id, order_of(parked)).await? else {
            return Ok(Again::Unfit(self.not_at_the_desk(&id, &parked.id)));
        };
        for _ in 0..TRIES {
            let known = self.known(&despatch).await?;
            if let Some((order, job)) = known.admitted(&self.connection.id) {
                self.pass_on_void(&parked.id, &job).await?;
                return Ok(Again::Matched { job, order });
            }
            match &despatch.standing {
                DespatchStanding::Voided => return Ok(Again::Voided),
                DespatchStanding::Beside(what) => return Ok(Again::Unfit(self.beside(what, &parked.id))),
                DespatchStanding::Shipped | DespatchStanding::Pending(_) => {}
            }
            // Only in full it may say of which store it is; a person's word stands all the same.
            if let (None, Some(store)) = (named, self.foreign_store(&despatch)) {
                let why = Unfit::Refused(format!("it is of store {store}, which is not this connection's"));
                return Ok(Again::Unfit(self.in_words(&despatch, &why, parked)));
            }
            match self.fit(&despatch, &known, named).await? {
                Fitted::Admitted(job, order) => {
                    self.pass_on_void(&parked.id, &job).await?;
                    return Ok(Again::Matched { job, order });
                }
                Fitted::Contested => {}
                Fitted::Unfit(why) => return Ok(Again::Unfit(self.in_words(&despatch, &why, parked))),
            }
        }
        Err(self.too_fast(&despatch.id).into())
    }

    /// Admits a despatch as a unit of the order that it means, or of the one that a person named. What the ERP refuses to be asked for
    /// one despatch must not keep all others waiting: that one is parked.
    async fn fit(&self, despatch: &Despatch, known: &Known, named: Option<&Match>) -> Took<Fitted> {
        if let (DespatchStanding::Pending(status), None) = (&despatch.standing, named) {
            return Ok(Fitted::Unfit(Unfit::Unfinished(status.clone())));
        }
        let fitted = match named {
            Some(named) => self.admit(despatch, known, named).await,
            None => self.fit_what_is_meant(despatch, known).await,
        };
        match fitted {
            Err(Halt::Side(CallError::Refused(refusal))) => Ok(Fitted::Unfit(Unfit::Refused(refusal.to_string()))),
            other => other,
        }
    }

    async fn fit_what_is_meant(&self, despatch: &Despatch, known: &Known) -> Took<Fitted> {
        match self.meant(&despatch.order).await? {
            Ok(meant) => self.admit(despatch, known, &meant).await,
            Err(unfit) => Ok(Fitted::Unfit(unfit)),
        }
    }

    fn too_fast(&self, id: &DespatchId) -> StoreError {
        StoreError(format!("despatch {id} changes faster than it can be written"))
    }

    /// What is none of the connection's business, or not yet.
    fn left_alone(&self, despatch: &Despatch) -> Option<Taken> {
        match &despatch.standing {
            DespatchStanding::Pending(_) if self.is_young(despatch) => Some(Taken::Pending),
            DespatchStanding::Beside(what) => Some(Taken::LeftAlone(what.clone())),
            _ if despatch.created_at < self.connection.start_from => {
                Some(Taken::LeftAlone("made before the connection's start_from".to_owned()))
            }
            _ => {
                let store = self.foreign_store(despatch)?;
                Some(Taken::LeftAlone(format!("store {store} is not the connection's")))
            }
        }
    }

    /// The store that it is known to be of, where that is none of the connection's.
    fn foreign_store<'d>(&self, despatch: &'d Despatch) -> Option<&'d str> {
        let stores = &self.connection.desk.as_ref()?.stores;
        let store = despatch.order.store.as_ref()?;
        (!stores.is_empty() && !stores.contains(store)).then_some(store.as_str())
    }

    fn is_young(&self, despatch: &Despatch) -> bool {
        self.clock.now().duration_since(despatch.created_at) < PENDING
    }

    // ---- what is known already -------------------------------------------------------------------------------------

    /// What is known already, or void before anybody knew of it; `None` where the ERP is to hear of it.
    async fn heard_of(&self, despatch: &Despatch, known: &Known) -> Took<Option<Taken>> {
        match known.job(&self.connection.id) {
            Some(job) => self.heard_again(despatch, known, job).await.map(Some),
            None if despatch.standing == DespatchStanding::Voided => {
                Ok(Some(Taken::LeftAlone("void before the ERP heard of it".to_owned())))
            }
            None => Ok(None),
        }
    }

    /// The same parcel in other words, or once more, or void.
    async fn heard_again(&self, despatch: &Despatch, known: &Known, job: JobId) -> Took<Taken> {
        self.note_another_name(known).await?;
        if despatch.standing != DespatchStanding::Voided {
            return Ok(Taken::Known(job));
        }
        let Some(own) = self.jobs.load(&job).await? else {
            return Ok(Taken::Known(job));
        };
        match self.is_void(despatch, &own).await {
            Ok(true) => {}
            Ok(false) => return Ok(Taken::Known(job)),
            // Nobody knows whether it is void, and nobody else shall wait for that: it is looked at again.
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(%job, despatch = %despatch.id, code = refusal.code, "the desk does not say whether it is void");
                return Ok(Taken::Pending);
            }
            Err(later) => return Err(later.into()),
        }
        let mut told = self.wish_void(own).await?;
        // Somebody may have matched it in between: then it is the order's job that must hear of it.
        let now = self.known(despatch).await?.job(&self.connection.id);
        if let Some(matched) = now.filter(|now| *now != job)
            && let Some(matched) = self.jobs.load(&matched).await?
        {
            told |= self.wish_void(matched).await?;
        }
        Ok(match told {
            true => Taken::Voided(job),
            false => Taken::Known(job),
        })
    }

    /// Whoever told a parked despatch's job of a void while it was being matched did not know of the order's job.
    async fn pass_on_void(&self, parked: &JobId, matched: &JobId) -> Result<(), StoreError> {
        let wish = self.jobs.load(parked).await?.and_then(|parked| parked.void);
        if wish.is_some_and(|wish| wish.by == self.connection.carrier.system)
            && let Some(matched) = self.jobs.load(matched).await?
        {
            self.wish_void(matched).await?;
        }
        Ok(())
    }

    /// An order's part may be void at the desk while its label is not: the shipment that the job has decides.
    async fn is_void(&self, despatch: &Despatch, job: &Job) -> Result<bool, CallError> {
        let Some(shipment) = job.purchase.done() else {
            return Ok(false);
        };
        if shipment.id.as_str() == despatch.id.as_str() {
            return Ok(true);
        }
        let own = DespatchId::new(shipment.id.as_str());
        let own = self.desk.desk.despatch(&own, order_of(job)).await?;
        Ok(own.is_some_and(|own| own.standing == DespatchStanding::Voided))
    }

    /// Tells the job that the desk has voided its shipment; `false` where it knows that, or has ended.
    async fn wish_void(&self, mut job: Job) -> Result<bool, StoreError> {
        let by = self.connection.carrier.system.clone();
        for _ in 0..TRIES {
            let now = self.clock.now();
            let pen = Pen {
                now,
                nonces: self.nonces,
                timing: self.timing,
                under: None,
            };
            let entry = AuditEntry::new(now, by.as_str(), "the shipment was voided at the desk");
            let Ok(save) = pen.write(&job, Outcome::VoidWished { by: by.clone() }, Some(entry)) else {
                return Ok(false);
            };
            match self.jobs.save(&save).await? {
                Saved::Done => {
                    self.call_for(&save.job).await;
                    return Ok(true);
                }
                Saved::Conflict(current) => job = *current,
                Saved::UnitsConflict => {}
            }
        }
        Err(StoreError(format!(
            "job {} changes faster than it can be written",
            job.id
        )))
    }

    // ---- which order -----------------------------------------------------------------------------------------------

    /// The one order that the desk's order means, or why there is none.
    async fn meant(&self, order: &DeskOrderRef) -> Result<Result<Match, Unfit>, CallError> {
        let mut meant = self.desk.source.meant(order).await?;
        let Some(only) = meant.pop() else {
            return Ok(Err(Unfit::NoOrder(self.desk.source.alike(order).await?)));
        };
        if !meant.is_empty() {
            meant.push(only);
            return Ok(Err(Unfit::SeveralOrders(meant)));
        }
        if self.desk.desk.numbers_repeat() && !only.sure {
            let stores = self.stores_with(&order.number).await?;
            if stores.len() > 1 {
                return Ok(Err(Unfit::SeveralStores(stores)));
            }
        }
        let by = format!("by {}", only.by);
        Ok(Ok(Match { meant: only, by }))
    }

    /// The stores of ours that have an order of this number.
    async fn stores_with(&self, number: &str) -> Result<Vec<String>, CallError> {
        let own = self
            .connection
            .desk
            .as_ref()
            .map_or(&[][..], |policy| policy.stores.as_slice());
        let orders = self.desk.desk.numbered(number).await?;
        let store = |order: DeskOrderRef| order.store.unwrap_or_else(|| "without a name".to_owned());
        let mut stores: Vec<String> = orders.into_iter().map(store).collect();
        stores.retain(|store| own.is_empty() || own.contains(store));
        stores.sort();
        stores.dedup();
        Ok(stores)
    }

    // ---- the order's unit ------------------------------------------------------------------------------------------

    /// Admits a despatch as a unit of an order. Its units are read before the order, and change only by compare-and-set, together
    /// with the documents by which the despatch is known.
    async fn admit(&self, despatch: &Despatch, known: &Known, named: &Match) -> Took<Fitted> {
        let document = &named.meant.document;
        let units = self
            .documents
            .units(&self.connection.id, std::slice::from_ref(document))
            .await?;
        let units = units
            .into_iter()
            .next()
            .unwrap_or_else(|| Units::none(document.clone(), ""));
        let read_at = self.clock.now();
        let orders = self.systems.source.read(std::slice::from_ref(document)).await?;
        let Some(order) = orders.into_iter().find(|order| order.document == *document) else {
            return Ok(Fitted::Unfit(Unfit::NotShown(named.meant.number.clone())));
        };
        let whole = match &despatch.lines {
            Some(lines) if !lines.is_empty() => false,
            _ => self.is_all_of_it(despatch, &units, &order).await?,
        };
        let quantities = match contents::of(despatch, &order, &units, whole) {
            Ok(quantities) => quantities,
            Err(unfit) => return Ok(Fitted::Unfit(unfit)),
        };
        let snapshot = Snapshot::new(1, read_at, Consignment::despatched(&order, &quantities));
        let number = units.next_number();
        let job = self.new_job(despatch, &snapshot, number);
        let text = words::admitted(
            &self.connection.carrier.system,
            despatch,
            &named.by,
            &order,
            number,
            &quantities,
        );
        let after = with_unit(&units, &order, &job, quantities);
        let names = known.naming(PassedOn {
            document: order.document.clone(),
            unit: number,
            quantities: Quantities::new(),
        });
        let new = self.told(job, snapshot, text);
        if !self
            .documents
            .admit_from(&after, std::slice::from_ref(&new), &names)
            .await?
        {
            return Ok(Fitted::Contested);
        }
        let id = self.begin(&new).await;
        telemetry::count("DespatchesAdmitted", 1);
        Ok(Fitted::Admitted(id, order.number))
    }

    /// Whether a despatch that does not say what is in it can only be the whole order.
    async fn is_all_of_it(&self, despatch: &Despatch, units: &Units, order: &Order) -> Result<bool, CallError> {
        let untouched = order.lines.iter().all(|line| line.fulfilled.is_zero()) && !units.is_under_way();
        if !untouched || order.standing != Standing::Ready {
            return Ok(false);
        }
        let all = self.desk.desk.despatches_of(&despatch.order).await?;
        let own = despatch.parcels();
        let other = |one: &Despatch| {
            let counts = matches!(one.standing, DespatchStanding::Shipped | DespatchStanding::Pending(_));
            let same = one.id == despatch.id || one.parcels().iter().any(|parcel| own.contains(parcel));
            counts && !same
        };
        Ok(all.is_some_and(|all| !all.iter().any(other)))
    }

    fn new_job(&self, despatch: &Despatch, snapshot: &Snapshot, unit: u32) -> Job {
        let admission = Admission {
            connection: self.connection.id.clone(),
            tenant: self.connection.tenant.clone(),
            unit,
            write: self.nonces.nonce(),
        };
        let at_desk = AtDesk {
            desk: self.connection.carrier.system.clone(),
            order: despatch.order.clone(),
            followed: self.desk.desk.tells_deliveries(),
        };
        let bought = (despatch.shipment.clone(), at_desk);
        Job::despatched(admission, snapshot, bought, despatch.created_at, self.clock.now())
    }

    fn told(&self, job: Job, snapshot: Snapshot, text: String) -> NewJob {
        let entry = AuditEntry {
            exchanges: self.systems.recorder.drain(),
            ..AuditEntry::new(self.clock.now(), "waybill", text)
        };
        let audit = entry.changing(None, &job);
        NewJob { job, snapshot, audit }
    }

    async fn begin(&self, new: &NewJob) -> JobId {
        self.call_for(&new.job).await;
        new.job.id.clone()
    }

    async fn call_for(&self, job: &Job) {
        if let Err(error) = self.queue.send(&job.id, &job.tenant, Duration::ZERO).await {
            tracing::warn!(job = %job.id, %error, "not queued: the sweeper will find it");
        }
    }

    // ---- what fits no order ----------------------------------------------------------------------------------------

    /// Parks a despatch under a document of its own; `None` if somebody else was faster.
    async fn park(&self, despatch: &Despatch, known: &Known, why: &Unfit) -> Result<Option<JobId>, StoreError> {
        let now = self.clock.now();
        let snapshot = Snapshot::new(1, now, Consignment::of_despatch(despatch));
        let job = self.new_job(despatch, &snapshot, 1);
        let message = self.in_words(despatch, why, &job);
        let text = format!("held: {message}");
        let job = job.unmatched(message, now, self.timing);
        let own = known.own();
        let after = with_parked(own, despatch.order.name(), &job, snapshot.consignment.quantities());
        let new = self.told(job, snapshot, text);
        let parcels = known.naming_parcels();
        let jobs = std::slice::from_ref(&new);
        if !self.documents.admit_from(&after, jobs, &parcels).await? {
            return Ok(None);
        }
        tracing::warn!(job = %new.job.id, connection = %self.connection.id, despatch = %despatch.id, reason = why.name(), "a despatch fits no order");
        telemetry::count("DespatchesParked", 1);
        Ok(Some(new.job.id))
    }
}

/// The desk's order that a job's shipment is of.
fn order_of(job: &Job) -> Option<&DeskOrderRef> {
    job.at_desk.as_ref().map(|desk| &desk.order)
}

/// The order's units with one more.
fn with_unit(units: &Units, order: &Order, job: &Job, quantities: Quantities) -> Units {
    let mut after = Units {
        version: units.version + 1,
        number: order.number.clone(),
        ordered: order.lines.iter().map(|line| (line.id.clone(), line.ordered)).collect(),
        ..units.clone()
    };
    after.units.push(open(job, quantities));
    after
}

/// A despatch's own document with its parked job.
fn with_parked(own: &Units, number: &str, job: &Job, quantities: Quantities) -> Units {
    Units {
        version: own.version + 1,
        number: number.to_owned(),
        units: vec![open(job, quantities)],
        ..own.clone()
    }
}

fn open(job: &Job, quantities: Quantities) -> Unit {
    Unit {
        number: job.unit,
        job: job.id.clone(),
        quantities,
        phase: UnitPhase::Open,
        tracking_numbers: Vec::new(),
        terms: None,
        reported: None,
    }
}

/// By when a despatch, or a void of it, is remembered: under another standing it is looked at anew.
pub(super) fn remembered_as(despatch: &Despatch) -> (String, Timestamp) {
    let void = match despatch.standing {
        DespatchStanding::Voided => "#void",
        _ => "",
    };
    (format!("{}{void}", despatch.id), despatch.created_at)
}
