//! The ports in memory, with a crash switch.
//!
//! [`Memory`] keeps the same promises as the table and the queue: version-checked transactions, compare-and-set, messages that
//! may come twice. A [`Switch`] stands before every call, so that a test decides when a call may go on, whether its answer is
//! lost, and who never comes back from it.

mod desks;
mod reconciliations;
mod shared;
mod tokens;
mod tracking;
mod vault;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::connection::Connection;
use crate::domain::{
    CarrierShipmentId, ConnectionId, DocumentId, Health, Holding, JobId, LabelFormat, LabelImage, LabelRef, Money,
    Nonce, Personal, Rate, Snapshot, TenantId, Units, Walk,
};
use crate::job::{Job, history};
use crate::ports::{
    AccountStanding, AuditEntry, Clock, Connections, Control, Controls, Cursor, Cursors, DeadLetters, Directory,
    Documents, Due, DuePage, Gate, Handing, JobPage, Jobs, LabelDoor, LabelLinks, Labels, Limits, NewJob, Nonces,
    Queue, Reread, Save, Saved, Slot, Spending, State, Steps, StoreError, TokenRequests, Turn,
};
pub use desks::{Desks, OrderBook};
pub use reconciliations::Reconciled;
pub use shared::Shared;
pub use tokens::TokenRow;
pub use tracking::Tracked;
pub use vault::Vault;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It works.
    Work,
    /// It works, and its answer is lost.
    LoseAnswer,
    /// It works, and the worker dies of it.
    Vanish,
}

/// Stands before every call of the store. A call that never returns from here is a worker that died.
#[async_trait]
pub trait Switch: Send + Sync {
    /// Decides on a call, by its name.
    async fn before(&self, call: &'static str) -> Fate;
}

/// Lets every call work.
pub struct AlwaysWorks;

#[async_trait]
impl Switch for AlwaysWorks {
    async fn before(&self, _call: &'static str) -> Fate {
        Fate::Work
    }
}

/// A clock that a test turns.
#[derive(Debug, Clone)]
pub struct TurnedClock(Arc<Mutex<Timestamp>>);

impl TurnedClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Turns it on by `by`.
    pub fn turn(&self, by: jiff::SignedDuration) {
        *lock(&self.0) += by;
    }

    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.0) = now;
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

/// Nonces that are counted.
#[derive(Debug, Default)]
pub struct CountedNonces(Mutex<u64>);

impl Nonces for CountedNonces {
    fn nonce(&self) -> Nonce {
        let mut count = lock(&self.0);
        *count += 1;
        Nonce::new(format!("nonce-{count}"))
    }
}

/// A message in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The job.
    pub job: JobId,
    /// The customer, between whom the queue is fair.
    pub tenant: TenantId,
    /// Before this nobody receives it.
    pub visible_at: Timestamp,
}

/// Everything that is stored. What is large is shared by copies until it is written.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Jobs by id.
    pub jobs: Shared<BTreeMap<JobId, Job>>,
    /// Snapshots by job and number.
    pub snapshots: Shared<BTreeMap<(JobId, u32), Snapshot>>,
    /// Stories by job.
    pub audit: Shared<BTreeMap<JobId, Vec<AuditEntry>>>,
    /// Units by connection and document.
    pub units: Shared<BTreeMap<(ConnectionId, DocumentId), Units>>,
    /// Documents to be read again, with the write that said so.
    pub rereads: BTreeMap<(ConnectionId, DocumentId), Nonce>,
    /// Connections by id.
    pub connections: Shared<BTreeMap<ConnectionId, Connection>>,
    /// Why every purchase is stopped, if it is.
    pub brake: Option<String>,
    /// Cursors by connection and kind.
    pub cursors: BTreeMap<(ConnectionId, String), Cursor>,
    /// Reconciliations.
    pub reconciled: Reconciled,
    /// Messages, in the order in which they were sent.
    pub queue: VecDeque<Message>,
    /// When each customer was served last, counted in messages.
    pub served: BTreeMap<TenantId, u64>,
    /// Parcels on their way, and webhooks.
    pub tracked: Tracked,
    /// What desks were told of stock and customers.
    pub desks: Desks,
    /// Messages that nobody can work on, each with its reason.
    pub dead_letters: Vec<(String, String)>,
    /// For how many days at least each label is kept.
    pub labels_kept: BTreeMap<String, u32>,
    /// Labels by key.
    pub labels: BTreeMap<String, Vec<u8>>,
    /// Spent amounts by connection and hour.
    pub spent: BTreeMap<(ConnectionId, i64), Money>,
    /// Slots by account and number: owner and end of the lease.
    pub slots: BTreeMap<(String, u16), (Nonce, Timestamp)>,
    /// How long slots are held, and the last turn that was given, by account.
    pub turns: BTreeMap<String, (Holding, Option<Timestamp>)>,
    /// Pauses by account.
    pub pauses: BTreeMap<String, Timestamp>,
    /// How accounts fare, with the count of the writes.
    pub health: BTreeMap<String, (u64, Health)>,
    /// The latest window of each account's rate, and the calls taken in it.
    pub windows: BTreeMap<String, (i64, u32)>,
    /// Tokens by owner.
    pub tokens: BTreeMap<String, TokenRow>,
    /// Token requests by system and client.
    pub token_requests: BTreeMap<(String, String), TokenRequests>,
}

/// The store in memory.
#[derive(Clone)]
pub struct Memory {
    tables: Arc<Mutex<Tables>>,
    switch: Arc<dyn Switch>,
    clock: Arc<dyn Clock>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>, switch: Arc<dyn Switch>) -> Self {
        Self {
            tables: Arc::default(),
            switch,
            clock,
        }
    }

    /// The same store behind another switch.
    pub fn behind(&self, switch: Arc<dyn Switch>) -> Self {
        Self { switch, ..self.clone() }
    }

    /// What is stored, to read and to arrange.
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }

    /// Takes the next message that may be received now, as a fair queue gives it: the oldest one of the customer who has
    /// waited longest for his turn.
    pub fn receive(&self) -> Option<JobId> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let index = tables.fairest(now)?;
        let message = tables.queue.remove(index)?;
        let turns = tables.served.values().max().copied().unwrap_or_default();
        tables.served.insert(message.tenant, turns + 1);
        Some(message.job)
    }

    async fn pass(&self, call: &'static str) -> Fate {
        self.switch.before(call).await
    }
}

async fn answered<T>(fate: Fate, answer: T) -> Result<T, StoreError> {
    match fate {
        Fate::Work => Ok(answer),
        Fate::LoseAnswer => Err(StoreError("the answer was lost".to_owned())),
        Fate::Vanish => std::future::pending().await,
    }
}

impl Tables {
    /// The place in the queue of the oldest visible message of the customer who was served least recently.
    fn fairest(&self, now: Timestamp) -> Option<usize> {
        let served = |tenant: &TenantId| self.served.get(tenant).copied().unwrap_or_default();
        let mut best: Option<(u64, usize)> = None;
        let visible = self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, message)| message.visible_at <= now);
        for (index, message) in visible {
            let turn = served(&message.tenant);
            if best.is_none_or(|(first, _)| turn < first) {
                best = Some((turn, index));
            }
        }
        best.map(|(_, index)| index)
    }

    fn save(&mut self, save: &Save) -> Saved {
        match self.jobs.get(&save.job.id) {
            Some(current) if current.version + 1 != save.job.version => {
                return if current.last_write == save.job.last_write {
                    Saved::Done
                } else {
                    Saved::Conflict(Box::new(current.clone()))
                };
            }
            _ => {}
        }
        if let Some(units) = &save.units {
            let key = (save.job.connection.clone(), units.document.clone());
            if self.units.get(&key).map_or(0, |current| current.version) + 1 != units.version {
                return Saved::UnitsConflict;
            }
            self.units.insert(key, units.clone());
        }
        for note in save.rereads() {
            self.rereads
                .insert((save.job.connection.clone(), note.document), note.mark);
        }
        self.tracked.follow(&save.parcels);
        self.put(&save.job, save.snapshot.as_ref(), &save.audit);
        Saved::Done
    }

    fn reread(&mut self, key: (ConnectionId, DocumentId), mark: &Nonce) {
        if self.rereads.get(&key) == Some(mark) {
            self.rereads.remove(&key);
        }
    }

    fn erase(&mut self, id: &JobId) {
        let mut personal = Personal::default();
        let readings = self.snapshots.iter_mut().filter(|((job, _), _)| job == id);
        for (_, snapshot) in readings {
            personal.learn(&snapshot.consignment.ship_to);
            *snapshot = snapshot.without_person();
        }
        if let Some(verdict) = self.jobs.get(id).and_then(|job| job.address.done()) {
            personal.learn_verdict(verdict);
        }
        let changes = self
            .audit
            .get(id)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.change.as_ref());
        changes.for_each(|change| history::learn(change, &mut personal));
        for entry in self.audit.get_mut(id).into_iter().flatten() {
            *entry = entry.without_person(&personal);
        }
        self.tracked.erase(id);
        let prefix = format!("labels/{id}/");
        self.labels.retain(|key, _| !key.starts_with(&prefix));
    }

    fn put(&mut self, job: &Job, snapshot: Option<&Snapshot>, audit: &[AuditEntry]) {
        if let Some(snapshot) = snapshot {
            self.snapshots
                .insert((job.id.clone(), snapshot.number), snapshot.clone());
        }
        self.audit.entry(job.id.clone()).or_default().extend_from_slice(audit);
        self.jobs.insert(job.id.clone(), job.clone());
    }

    fn advance(&mut self, key: (ConnectionId, String), cursor: &Cursor) -> bool {
        let fits = self.cursors.get(&key).map_or(0, |current| current.version) + 1 == cursor.version;
        if fits {
            self.cursors.insert(key, cursor.clone());
        }
        fits
    }

    fn admit(&mut self, units: &Units, jobs: &[NewJob], earlier: &[Units]) -> bool {
        let Some(first) = jobs.first() else { return false };
        let connection = &first.job.connection;
        let all = || earlier.iter().chain([units]);
        if !all().all(|units| self.follows(connection, units)) {
            return false;
        }
        for units in all() {
            self.units
                .insert((connection.clone(), units.document.clone()), units.clone());
        }
        for new in jobs {
            self.put(&new.job, Some(&new.snapshot), std::slice::from_ref(&new.audit));
        }
        true
    }

    fn restate(&mut self, connection: &ConnectionId, units: &Units) -> bool {
        let follows = self.follows(connection, units);
        if follows {
            self.units
                .insert((connection.clone(), units.document.clone()), units.clone());
        }
        follows
    }

    /// Whether nobody has written the document's units since they were read.
    fn follows(&self, connection: &ConnectionId, units: &Units) -> bool {
        let key = (connection.clone(), units.document.clone());
        self.units.get(&key).map_or(0, |current| current.version) + 1 == units.version
    }
}

#[async_trait]
impl Jobs for Memory {
    async fn load(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let fate = self.pass("load").await;
        let job = self.tables().jobs.get(id).cloned();
        answered(fate, job).await
    }

    async fn snapshot(&self, id: &JobId, number: u32) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.tables().snapshots.get(&(id.clone(), number)).cloned())
    }

    async fn save(&self, save: &Save) -> Result<Saved, StoreError> {
        let fate = self.pass("save").await;
        let saved = self.tables().save(save);
        answered(fate, saved).await
    }

    async fn with_shipment(
        &self,
        connection: &ConnectionId,
        shipment: &CarrierShipmentId,
    ) -> Result<Vec<JobId>, StoreError> {
        let tables = self.tables();
        let has = |job: &&Job| job.purchase.done().is_some_and(|bought| bought.id == *shipment);
        let own = tables.jobs.values().filter(|job| job.connection == *connection);
        Ok(own.filter(has).map(|job| job.id.clone()).collect())
    }

    async fn erase(&self, id: &JobId) -> Result<(), StoreError> {
        let fate = self.pass("erase").await;
        self.tables().erase(id);
        answered(fate, ()).await
    }
}

#[async_trait]
impl Documents for Memory {
    async fn units(&self, connection: &ConnectionId, documents: &[DocumentId]) -> Result<Vec<Units>, StoreError> {
        let fate = self.pass("units").await;
        let of = |document: &DocumentId| {
            let stored = self
                .tables()
                .units
                .get(&(connection.clone(), document.clone()))
                .cloned();
            stored.unwrap_or_else(|| Units::none(document.clone(), ""))
        };
        let units = documents.iter().map(of).collect();
        answered(fate, units).await
    }

    async fn admit_from(&self, units: &Units, jobs: &[NewJob], earlier: &[Units]) -> Result<bool, StoreError> {
        let fate = self.pass("admit").await;
        let admitted = self.tables().admit(units, jobs, earlier);
        answered(fate, admitted).await
    }

    async fn restate(&self, connection: &ConnectionId, units: &Units) -> Result<bool, StoreError> {
        let fate = self.pass("restate").await;
        let restated = self.tables().restate(connection, units);
        answered(fate, restated).await
    }

    async fn to_reread(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<Reread>, StoreError> {
        let fate = self.pass("to_reread").await;
        let rereads = self.tables().rereads.clone();
        let own = rereads.into_iter().filter(|((of, _), _)| of == connection);
        let notes = own.map(|((_, document), mark)| Reread { document, mark });
        answered(fate, notes.take(usize::from(limit)).collect()).await
    }

    async fn reread_later(
        &self,
        connection: &ConnectionId,
        document: &DocumentId,
        mark: &Nonce,
    ) -> Result<(), StoreError> {
        let fate = self.pass("reread_later").await;
        let key = (connection.clone(), document.clone());
        self.tables().rereads.insert(key, mark.clone());
        answered(fate, ()).await
    }

    async fn reread(&self, connection: &ConnectionId, note: &Reread) -> Result<(), StoreError> {
        let fate = self.pass("reread").await;
        self.tables()
            .reread((connection.clone(), note.document.clone()), &note.mark);
        answered(fate, ()).await
    }
}

#[async_trait]
impl Due for Memory {
    async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<JobId>, StoreError> {
        let tables = self.tables();
        let all = tables.jobs.values().map(|job| (job.id.clone(), job.due_at));
        tracking::due((shard, now), after, limit, all)
    }
}

#[async_trait]
impl Directory for Memory {
    async fn in_state(&self, connection: &ConnectionId, state: State, limit: u16) -> Result<Vec<Job>, StoreError> {
        let tables = self.tables();
        let matching = tables
            .jobs
            .values()
            .filter(|job| job.connection == *connection && State::from(*job) == state);
        let mut matching: Vec<Job> = matching.cloned().collect();
        matching.sort_by_key(|job| std::cmp::Reverse(job.updated_at));
        matching.truncate(usize::from(limit));
        Ok(matching)
    }

    async fn walk(&self, connection: &ConnectionId, steps: &Steps, limit: u16) -> Result<JobPage, StoreError> {
        let tables = self.tables();
        let state = match steps.walk {
            Walk::Open => State::Open,
            Walk::Held => State::Held,
            Walk::Shipped => State::Shipped,
        };
        let within = |job: &Job| {
            steps
                .within
                .is_none_or(|within| (within.from..=within.to).contains(&job.updated_at))
        };
        let after = |job: &Job| steps.after.as_deref().is_none_or(|after| job.id.as_str() > after);
        let own = |job: &&Job| job.connection == *connection && State::of(job) == state;
        let matching = tables.jobs.values().filter(own).filter(|job| within(job) && after(job));
        let jobs: Vec<Job> = matching.take(usize::from(limit)).cloned().collect();
        let full = jobs.len() >= usize::from(limit);
        let next = jobs.last().filter(|_| full).map(|job| job.id.to_string());
        Ok(JobPage {
            jobs,
            next,
            ..JobPage::default()
        })
    }

    async fn these(&self, ids: &[JobId]) -> Result<JobPage, StoreError> {
        let tables = self.tables();
        let jobs = ids.iter().filter_map(|id| tables.jobs.get(id)).cloned();
        Ok(JobPage {
            jobs: jobs.collect(),
            ..JobPage::default()
        })
    }

    async fn numbered(&self, number: &str) -> Result<Vec<(ConnectionId, Units)>, StoreError> {
        let tables = self.tables();
        let matching = tables.units.iter().filter(|(_, units)| units.number == number);
        Ok(matching
            .map(|((connection, _), units)| (connection.clone(), units.clone()))
            .collect())
    }

    async fn audit(&self, id: &JobId) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(self.tables().audit.get(id).cloned().unwrap_or_default())
    }
}

#[async_trait]
impl Controls for Memory {
    async fn control(&self, job: &Job) -> Result<Option<Control>, StoreError> {
        let tables = self.tables();
        let shipped = tables
            .jobs
            .values()
            .filter(|other| other.connection == job.connection && other.id != job.id && other.account == job.account);
        let known = shipped.filter_map(|job| job.purchase.done().map(|shipment| (job, shipment)));
        let newest = known.max_by_key(|(job, _)| job.updated_at);
        Ok(newest.map(|(job, shipment)| Control {
            reference: job.id.clone(),
            shipment: shipment.id.clone(),
            bought_at: job.updated_at,
        }))
    }
}

#[async_trait]
impl Connections for Memory {
    async fn gate(&self, id: &ConnectionId) -> Result<Option<Gate>, StoreError> {
        let tables = self.tables();
        let connection = tables.connections.get(id).cloned();
        Ok(connection.map(|connection| Gate {
            connection,
            brake: tables.brake.clone(),
        }))
    }

    async fn ids(&self) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(self.tables().connections.keys().cloned().collect())
    }
}

#[async_trait]
impl Cursors for Memory {
    async fn cursor(&self, connection: &ConnectionId, kind: &str) -> Result<Cursor, StoreError> {
        let fate = self.pass("cursor").await;
        let cursor = self
            .tables()
            .cursors
            .get(&(connection.clone(), kind.to_owned()))
            .cloned();
        answered(fate, cursor.unwrap_or_default()).await
    }

    async fn advance(&self, connection: &ConnectionId, kind: &str, cursor: &Cursor) -> Result<bool, StoreError> {
        let fate = self.pass("advance").await;
        let fits = self.tables().advance((connection.clone(), kind.to_owned()), cursor);
        answered(fate, fits).await
    }
}

#[async_trait]
impl Queue for Memory {
    async fn send(&self, job: &JobId, tenant: &TenantId, delay: Duration) -> Result<(), StoreError> {
        let fate = self.pass("send").await;
        let delay = jiff::SignedDuration::try_from(delay).unwrap_or_default();
        let message = Message {
            job: job.clone(),
            tenant: tenant.clone(),
            visible_at: self.clock.now() + delay,
        };
        self.tables().queue.push_back(message);
        answered(fate, ()).await
    }
}

#[async_trait]
impl DeadLetters for Memory {
    async fn keep(&self, body: &str, reason: &str) -> Result<(), StoreError> {
        self.tables().dead_letters.push((body.to_owned(), reason.to_owned()));
        Ok(())
    }
}

#[async_trait]
impl Labels for Memory {
    async fn put(&self, job: &JobId, index: usize, label: &LabelImage, days: u32) -> Result<LabelRef, StoreError> {
        let fate = self.pass("put label").await;
        let key = format!("labels/{job}/{}", label.file_name(index));
        self.tables().labels.insert(key.clone(), label.bytes.clone());
        self.tables().labels_kept.insert(key.clone(), days);
        let stored = LabelRef {
            tracking_number: label.tracking_number.clone(),
            format: label.format,
            key,
        };
        answered(fate, stored).await
    }

    async fn stored(&self, job: &JobId, number: &str, format: LabelFormat) -> Result<Option<LabelRef>, StoreError> {
        let fate = self.pass("stored label").await;
        let label = LabelImage::named(number, format);
        let key = format!("labels/{job}/{}", label.file_name(0));
        let kept = self.tables().labels.contains_key(&key);
        let stored = kept.then_some(LabelRef {
            tracking_number: label.tracking_number,
            format,
            key,
        });
        answered(fate, stored).await
    }

    async fn get(&self, label: &LabelRef) -> Result<Vec<u8>, StoreError> {
        let bytes = self.tables().labels.get(&label.key).cloned();
        bytes.ok_or_else(|| StoreError(format!("there is no label {}", label.key)))
    }
}

/// Links that say whose they are and until when; who needs real ones seals them.
#[async_trait]
impl LabelLinks for Memory {
    async fn link(&self, job: &Job, until: Timestamp) -> Result<Option<String>, StoreError> {
        let link = || {
            let (id, generation) = (&job.id, job.label_generation);
            format!("https://labels.example/{id}/{generation}/{}", until.as_second())
        };
        Ok((!job.shown_labels().is_empty()).then(link))
    }
}

/// Addresses that say what they open, how, and until when.
#[async_trait]
impl LabelDoor for Memory {
    async fn open(&self, label: &LabelRef, handing: &Handing, moment: Duration) -> Result<String, StoreError> {
        let fate = self.pass("open label").await;
        let until = self.clock.now().as_second().saturating_add_unsigned(moment.as_secs());
        let Handing {
            content_type,
            disposition,
        } = handing;
        let address = format!(
            "https://store.example/{}?until={until}#{content_type}; {disposition}",
            label.key
        );
        answered(fate, address).await
    }
}

#[async_trait]
impl Spending for Memory {
    async fn reserve(&self, connection: &Connection, amount: &Money, now: Timestamp) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let key = (connection.id.clone(), now.as_second().div_euclid(3600));
        let spent = tables
            .spent
            .entry(key)
            .or_insert_with(|| Money::new(rust_decimal::Decimal::ZERO, &amount.currency));
        let fits = spent.amount + amount.amount <= connection.spend_cap_per_hour.amount;
        if fits {
            spent.amount += amount.amount;
        }
        Ok(fits)
    }
}

#[async_trait]
impl Limits for Memory {
    async fn lease_slot(&self, account: &str, cap: u16, lease: Duration) -> Result<Turn, StoreError> {
        let now = self.clock.now();
        let until = now + jiff::SignedDuration::try_from(lease).unwrap_or_default();
        let mut tables = self.tables();
        let free = |number: &u16| {
            tables
                .slots
                .get(&(account.to_owned(), *number))
                .is_none_or(|(_, until)| *until <= now)
        };
        let Some(number) = (0..cap).find(free) else {
            let (holding, last) = tables.turns.entry(account.to_owned()).or_default();
            let turn = holding.turn(cap, *last, now);
            *last = Some(turn);
            return Ok(Turn::At(turn));
        };
        let owner = Nonce::new(format!("slot-{number}-{until}"));
        tables
            .slots
            .insert((account.to_owned(), number), (owner.clone(), until));
        Ok(Turn::Now(Slot {
            account: account.to_owned(),
            number,
            owner,
            since: now,
        }))
    }

    async fn extend_slot(&self, slot: &Slot, lease: Duration) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = now + jiff::SignedDuration::try_from(lease).unwrap_or_default();
        let mut tables = self.tables();
        let key = (slot.account.clone(), slot.number);
        let ours = |(owner, until): &(Nonce, Timestamp)| *owner == slot.owner || *until <= now;
        let free = tables.slots.get(&key).is_none_or(ours);
        if free {
            tables.slots.insert(key, (slot.owner.clone(), until));
        }
        Ok(free)
    }

    async fn free_slot(&self, slot: Slot) -> Result<(), StoreError> {
        let held = self.clock.now().duration_since(slot.since);
        let mut tables = self.tables();
        let (holding, _) = tables.turns.entry(slot.account.clone()).or_default();
        *holding = holding.after(held);
        let key = (slot.account, slot.number);
        if tables.slots.get(&key).is_some_and(|(owner, _)| *owner == slot.owner) {
            tables.slots.remove(&key);
        }
        Ok(())
    }

    async fn standing(&self, account: &str) -> Result<AccountStanding, StoreError> {
        let (tables, now) = (self.tables(), self.clock.now());
        let (version, health) = tables.health.get(account).cloned().unwrap_or_default();
        Ok(AccountStanding {
            paused: tables.pauses.get(account).copied().filter(|until| *until > now),
            version,
            health,
        })
    }

    async fn pause(&self, account: &str, until: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let pause = tables.pauses.entry(account.to_owned()).or_insert(until);
        *pause = until.max(*pause);
        Ok(())
    }

    async fn write_health(&self, account: &str, version: u64, health: &Health) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let fits = tables.health.get(account).map_or(0, |(version, _)| *version) == version;
        if fits {
            tables.health.insert(account.to_owned(), (version + 1, health.clone()));
        }
        Ok(fits)
    }

    async fn reserve_call(&self, account: &str, rate: &Rate) -> Result<Option<Timestamp>, StoreError> {
        let window = rate.window(self.clock.now());
        let mut tables = self.tables();
        let taken = tables.windows.entry(account.to_owned()).or_default();
        if taken.0 != window.number {
            *taken = (window.number, 0);
        }
        taken.1 += 1;
        Ok((taken.1 > window.room).then_some(window.ends))
    }
}
