//! The whole of Waybill in one process: the real flows and adapters over the ports in memory, the simulators over HTTP, and
//! one clock that all of them share and a story turns.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;
use simulators::clock::Clock as Hands;
use simulators::faults::Fault;
use simulators::netsuite::books::OrderBook;
use simulators::netsuite::people::{NewLine, NewOrder};
use simulators::netsuite::world::{Basics, World as Account};
use simulators::netsuite::{self, NetSuite, keys::KeyKind, refusal::Refusal};
use simulators::requests::RequestRecord;
use simulators::server::{Base, Serving};
use simulators::ups::{self, Ups};
use waybill::connection::{Connection, FieldMap};
use waybill::domain::{ConnectionId, DocumentId, JobId};
use waybill::flows::label_link::{Keyring, LabelLink, SealedLinks};
use waybill::flows::reconcile::{Patience, Reconcile};
use waybill::flows::remembered::Remembered;
use waybill::flows::{advance::Advance, deliver::Deliver, operate::Operate, plan::Plan, poll, refresh, sweep};
use waybill::http::{self, SharedTokens};
use waybill::job::{HoldReason, Job, Timing};
use waybill::memory::{AlwaysWorks, CountedNonces, Memory, Vault};
use waybill::ports::{AuditEntry, Clock, Secrets, Systems};
use waybill::systems::{Registry, Renewal};

use crate::tracking::Shelves;
use crate::{connection, morning};

/// Why a story broke off.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The connection that every story begins with.
pub const CONNECTION: &str = "acme-netsuite-ups";

/// The simulators' clock as Waybill reads it.
#[derive(Debug, Clone)]
pub struct SharedClock(pub Hands);

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// Waybill and the systems around it.
pub struct World {
    /// The time of everybody.
    pub clock: Hands,
    /// The carrier.
    pub ups: Ups,
    /// The ERP.
    pub netsuite: NetSuite,
    /// Everything that Waybill stores.
    pub store: Memory,
    /// Where parcels lie: in the same store, unless a story puts them elsewhere.
    pub shelves: Shelves,
    /// Secrets and seals.
    pub vault: Arc<Vault>,
    /// The times that the rules speak of.
    pub timing: Timing,
    registry: Registry,
    nonces: Arc<CountedNonces>,
    urls: (String, String),
    _serving: (Serving, Serving),
}

/// The name of the secret with the keys of label links.
pub const LABEL_KEYS: &str = "waybill/test/label-links-waybill";

/// The key with which every story begins.
pub const LABEL_KEY: &str = "a-key-of-label-links-that-nobody-guesses";

/// What the connection writes into the order.
pub fn fields() -> FieldMap {
    let field = |name: &str| Some(format!("custbody_waybill_{name}"));
    FieldMap {
        tracking: field("tracking"),
        label_link: None,
        cost: field("cost"),
        service: field("service"),
        status: field("status"),
        status_at: field("status_at"),
        place: field("place"),
        signed_by: field("signed_by"),
        estimated_delivery: field("estimated"),
        problem: field("problem"),
    }
}

impl World {
    /// Both simulators as they usually are, and one connection that ships and writes back both ways.
    ///
    /// # Errors
    /// When a simulator cannot be started.
    pub async fn start() -> Result<Self, Failure> {
        Self::start_with(ups::Options::default(), netsuite::options::Options::default()).await
    }

    /// The same with other habits of the simulators.
    ///
    /// # Errors
    /// When a simulator cannot be started.
    pub async fn start_with(ups: ups::Options, netsuite: netsuite::options::Options) -> Result<Self, Failure> {
        let clock = Hands::frozen(morning());
        let base = || Base {
            clock: clock.clone(),
            ..Base::default()
        };
        let ups = Ups::start(ups, base(), 0).await?;
        let netsuite = NetSuite::start(netsuite, base(), 0).await?;
        let shared: Arc<dyn Clock> = Arc::new(SharedClock(clock.clone()));
        let store = Memory::new(shared.clone(), Arc::new(AlwaysWorks));
        let (vault, nonces) = (Arc::new(Vault::default()), Arc::new(CountedNonces::default()));
        let timing = Timing::default();
        let world = Self {
            registry: registry(&store, &vault, &nonces, shared, &timing)?,
            urls: (netsuite.url, ups.url),
            _serving: (netsuite.serving, ups.serving),
            ups: ups.ups,
            netsuite: netsuite.netsuite,
            clock,
            shelves: Shelves::memory(&store),
            store,
            vault,
            timing,
            nonces,
        };
        world.hand_out_secrets().await?;
        world.connect(CONNECTION, |_| {})?;
        Ok(world)
    }

    /// From now on nobody waits longer than this for an answer: real time, like that of the faults that delay one.
    ///
    /// # Errors
    /// When a client cannot be built.
    pub fn be_impatient(&mut self, call: SignedDuration) -> Result<(), Failure> {
        self.timing.call = call;
        let clock = Arc::new(SharedClock(self.clock.clone()));
        self.registry = registry(&self.store, &self.vault, &self.nonces, clock, &self.timing)?;
        Ok(())
    }

    async fn hand_out_secrets(&self) -> Result<(), Failure> {
        let key = self
            .netsuite
            .make_certificate(KeyKind::P256, "certificate-1", "client-1")?;
        let netsuite = json!({
            "kind": "client-credentials", "client_id": "client-1", "certificate_id": "certificate-1",
            "private_key": key.private_pem, "algorithm": "ES256"
        });
        let ups = json!({ "client_id": "ups-client", "client_secret": "ups-secret" });
        self.secret("waybill/test/acme/netsuite", &netsuite).await?;
        self.secret("waybill/test/acme/ups", &ups).await?;
        self.secret(LABEL_KEYS, &json!({ "key": LABEL_KEY })).await
    }

    /// Enters a secret.
    ///
    /// # Errors
    /// Never here.
    pub async fn secret(&self, name: &str, body: &serde_json::Value) -> Result<(), Failure> {
        Ok(self.vault.write(name, &SecretString::from(body.to_string())).await?)
    }

    /// Adds a connection to the simulators, changed as the story needs it.
    ///
    /// # Errors
    /// When the name is not one.
    pub fn connect(&self, id: &str, change: impl FnOnce(&mut Connection)) -> Result<ConnectionId, Failure> {
        let mut connection = connection(id)?;
        connection.erp.base_url = Some(self.urls.0.parse()?);
        connection.carrier.base_url = Some(self.urls.1.parse()?);
        connection.write_back.fields = fields();
        change(&mut connection);
        let id = connection.id.clone();
        self.store.tables().connections.insert(id.clone(), connection);
        Ok(id)
    }

    /// Changes the connection that every story begins with.
    pub fn configure(&self, change: impl FnOnce(&mut Connection)) {
        let mut tables = self.store.tables();
        let own = tables
            .connections
            .values_mut()
            .find(|one| one.id.as_str() == CONNECTION);
        if let Some(own) = own {
            change(own);
        }
    }

    // ---- the time --------------------------------------------------------------------------------------------------

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Turns everybody's clock on; nothing happens by itself.
    pub fn turn(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    // ---- what people do --------------------------------------------------------------------------------------------

    /// What the account started with.
    pub fn basics(&self) -> Basics {
        self.netsuite.basics()
    }

    /// An order that ships without more ado: so many pumps to New York.
    pub fn plain(&self, pumps: u32) -> NewOrder {
        NewOrder::to(new_york(), vec![NewLine::of(self.basics().light, pumps)])
    }

    /// A person enters an order; answers its internal id.
    ///
    /// # Errors
    /// When the account refuses it.
    pub fn enter(&self, order: NewOrder) -> Result<u64, Failure> {
        self.person(|account, now| account.add_order(order, now))
    }

    /// A person does something in the ERP.
    ///
    /// # Errors
    /// When the account refuses it.
    pub fn person<T>(&self, act: impl FnOnce(&mut Account, Timestamp) -> Result<T, Refusal>) -> Result<T, Failure> {
        self.netsuite.act(act).map_err(|refusal| format!("{refusal:?}").into())
    }

    // ---- what goes wrong -------------------------------------------------------------------------------------------

    /// Something goes wrong at the carrier.
    pub fn ups_fault(&self, fault: Fault) {
        self.ups.base().faults.add(fault);
    }

    /// Something goes wrong at the ERP.
    pub fn netsuite_fault(&self, fault: Fault) {
        self.netsuite.base.faults.add(fault);
    }

    // ---- what Waybill does -----------------------------------------------------------------------------------------

    pub(crate) fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::new(SharedClock(self.clock.clone()))
    }

    pub(crate) fn port(&self) -> Arc<Memory> {
        Arc::new(self.store.clone())
    }

    pub(crate) fn nonces(&self) -> Arc<CountedNonces> {
        self.nonces.clone()
    }

    /// The systems as the flows open them.
    pub fn systems(&self) -> Arc<dyn Systems> {
        Arc::new(self.registry.clone())
    }

    /// The registry itself.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The poller.
    pub fn poller(&self) -> poll::Poll {
        poll::Poll {
            connections: self.port(),
            systems: self.systems(),
            cursors: self.port(),
            documents: self.port(),
            jobs: self.port(),
            stories: self.port(),
            queue: self.port(),
            clock: self.shared_clock(),
            nonces: self.nonces.clone(),
            timing: self.timing.clone(),
        }
    }

    /// The worker.
    pub fn worker(&self) -> Advance {
        Advance {
            jobs: self.port(),
            documents: self.port(),
            controls: self.port(),
            connections: self.port(),
            systems: self.systems(),
            labels: self.port(),
            links: Arc::new(self.label_links()),
            spending: self.port(),
            queue: self.port(),
            clock: self.shared_clock(),
            nonces: self.nonces.clone(),
            timing: self.timing.clone(),
        }
    }

    /// What makes links to labels.
    pub fn label_links(&self) -> SealedLinks {
        SealedLinks {
            api: Some(crate::tracking::API.to_owned()),
            keyring: self.keyring(),
        }
    }

    /// What opens links to labels, in a process that has just begun.
    pub fn label_door(&self) -> LabelLink {
        LabelLink {
            jobs: self.port(),
            door: self.port(),
            keyring: self.keyring(),
            clock: self.shared_clock(),
        }
    }

    fn keyring(&self) -> Keyring {
        Keyring {
            secrets: self.vault.clone(),
            name: LABEL_KEYS.to_owned(),
            clock: self.shared_clock(),
            read: Remembered::default(),
        }
    }

    /// The worker behind its queue.
    pub fn deliver(&self) -> Deliver {
        Deliver {
            advance: self.worker(),
            dead_letters: self.port(),
        }
    }

    /// The sweeper.
    pub fn sweeper(&self) -> sweep::Sweep {
        sweep::Sweep {
            due: self.port(),
            directory: self.port(),
            jobs: self.port(),
            queue: self.port(),
            clock: self.shared_clock(),
            nonces: self.nonces.clone(),
            timing: self.timing.clone(),
        }
    }

    /// Who compares all sides.
    pub fn reconciler(&self) -> Reconcile {
        self.reconciler_over(self.port())
    }

    /// The same over another view of the store.
    pub fn reconciler_over(&self, store: Arc<Memory>) -> Reconcile {
        Reconcile {
            connections: store.clone(),
            systems: self.systems(),
            cursors: store.clone(),
            documents: store.clone(),
            jobs: store.clone(),
            directory: store.clone(),
            runs: store.clone(),
            queue: store,
            clock: self.shared_clock(),
            nonces: self.nonces.clone(),
            timing: self.timing.clone(),
            patience: Patience::default(),
        }
    }

    /// The operator's desk.
    pub fn operator(&self) -> Operate {
        Operate {
            jobs: self.port(),
            documents: self.port(),
            connections: self.port(),
            systems: self.systems(),
            queue: self.port(),
            clock: self.shared_clock(),
            nonces: self.nonces.clone(),
            timing: self.timing.clone(),
        }
    }

    /// What would ship.
    pub fn planner(&self) -> Plan {
        Plan {
            systems: self.systems(),
            documents: self.port(),
        }
    }

    /// The token refresher.
    pub fn refresher(&self) -> refresh::Refresh {
        let renewal = Renewal {
            registry: self.registry.clone(),
            connections: self.port(),
            in_use: self.port(),
        };
        refresh::Refresh {
            tokens: Arc::new(renewal),
            clock: self.shared_clock(),
        }
    }

    /// The process ends and another one begins: what it remembered is gone.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn restart(&mut self) -> Result<(), Failure> {
        let clock = self.shared_clock();
        self.registry = registry(&self.store, &self.vault, &self.nonces, clock, &self.timing)?;
        Ok(())
    }

    /// Polls the story's connection as its schedule does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn poll(&self) -> Result<poll::Report, Failure> {
        self.poll_for(&CONNECTION.parse()?).await
    }

    /// Polls one connection.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn poll_for(&self, id: &ConnectionId) -> Result<poll::Report, Failure> {
        let deadline = self.now() + SignedDuration::from_mins(1);
        Ok(self.poller().run(id, deadline).await?)
    }

    /// Works off every message that is visible now; answers how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn work(&self) -> Result<usize, Failure> {
        let (worker, mut messages) = (self.worker(), 0);
        while let Some(job) = self.store.receive() {
            worker.run(&job).await?;
            messages += 1;
        }
        Ok(messages)
    }

    /// Polls once and works off what that brought.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn poll_and_work(&self) -> Result<(), Failure> {
        self.poll().await?;
        self.work().await?;
        Ok(())
    }

    /// Lets so much time pass, with everything that falls due in it done when it is due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pass(&self, time: SignedDuration) -> Result<(), Failure> {
        let end = self.now() + time;
        loop {
            self.sweeper().run().await?;
            self.work().await?;
            self.let_them_finish().await;
            match self.next_due() {
                Some(due) if due <= end => self.clock.set(due.max(self.now() + SignedDuration::from_secs(1))),
                _ => break,
            }
        }
        self.clock.set(end);
        Ok(())
    }

    /// Whoever still works on a request that nobody waits for any more is done before time passes: a call that is late is late
    /// by real time, which the clock of the stories does not know.
    async fn let_them_finish(&self) {
        while self.ups.base().requests.running() + self.netsuite.base.requests.running() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let tables = self.store.tables();
        let due = tables.jobs.values().filter_map(|job| job.due_at);
        due.chain(tables.queue.iter().map(|message| message.visible_at)).min()
    }

    // ---- what came of it -------------------------------------------------------------------------------------------

    /// The jobs of an order, by unit.
    pub fn jobs(&self, order: u64) -> Vec<Job> {
        self.jobs_of_document(|job| job.document == DocumentId::sales_order(order.to_string()))
    }

    /// The jobs of a connection's document, by unit.
    pub fn jobs_of(&self, connection: &ConnectionId, document: &DocumentId) -> Vec<Job> {
        self.jobs_of_document(|job| job.connection == *connection && job.document == *document)
    }

    fn jobs_of_document(&self, which: impl Fn(&Job) -> bool) -> Vec<Job> {
        let tables = self.store.tables();
        let mut jobs: Vec<Job> = tables.jobs.values().filter(|job| which(job)).cloned().collect();
        jobs.sort_by_key(|job| job.unit);
        jobs
    }

    /// Where the carrier answers.
    pub fn ups_url(&self) -> &str {
        &self.urls.1
    }

    /// The only job of an order.
    ///
    /// # Errors
    /// When there is none or several.
    pub fn job(&self, order: u64) -> Result<Job, Failure> {
        match <[Job; 1]>::try_from(self.jobs(order)) {
            Ok([job]) => Ok(job),
            Err(jobs) => Err(format!("order {order} has {} jobs", jobs.len()).into()),
        }
    }

    /// Why the only job of an order is held, in the enum's word and in plain words.
    ///
    /// # Errors
    /// When it is not held, or is not the only one.
    pub fn held(&self, order: u64) -> Result<(HoldReason, String), Failure> {
        let job = self.job(order)?;
        let hold = job.hold.as_ref().map(|hold| (hold.reason, hold.message.clone()));
        hold.ok_or_else(|| format!("the job of order {order} is not held: {job:?}").into())
    }

    /// A job's story.
    pub fn story(&self, job: &JobId) -> Vec<AuditEntry> {
        self.store.tables().audit.get(job).cloned().unwrap_or_default()
    }

    /// What the carrier says that it billed and did not void.
    pub fn billed(&self) -> Vec<ups::Shipment> {
        let mut shipments = self.ups.read_books().shipments;
        shipments.retain(|shipment| !shipment.is_voided());
        shipments
    }

    /// How often the carrier was asked for something, answered or not.
    pub fn asked_ups(&self, operation: &str) -> u64 {
        self.ups.base().requests.count(operation)
    }

    /// How often the ERP was asked for something, answered or not.
    pub fn asked_netsuite(&self, operation: &str) -> u64 {
        self.netsuite.base.requests.count(operation)
    }

    /// The requests of the carrier's latest 5,000 for one operation, oldest first.
    pub fn ups_requests(&self, operation: &str) -> Vec<RequestRecord> {
        self.ups.base().requests.latest(Some(operation))
    }

    /// The ERP's page of an order.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn page(&self, order: u64) -> Result<OrderBook, Failure> {
        let mut books = self.netsuite.books();
        let found = std::mem::take(&mut books.orders).into_values();
        let mut found = found.filter(|one| one.id == order);
        found.next().ok_or_else(|| format!("there is no order {order}").into())
    }

    /// What a custom field of an order says, as text; empty where it says nothing.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn field(&self, order: u64, name: &str) -> Result<String, Failure> {
        let page = self.page(order)?;
        let value = page.custom_fields.get(&format!("custbody_waybill_{name}"));
        Ok(match value {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        })
    }
}

fn registry(
    store: &Memory,
    vault: &Arc<Vault>,
    nonces: &Arc<CountedNonces>,
    clock: Arc<dyn Clock>,
    timing: &Timing,
) -> Result<Registry, Failure> {
    let store = Arc::new(store.clone());
    let tokens = SharedTokens::new(store.clone(), vault.clone(), clock.clone(), nonces.clone());
    let timeout = Duration::try_from(timing.call)?;
    let registry = Registry::new(http::client()?, clock, timeout, Arc::new(tokens), store, vault.clone());
    Ok(registry.with_api(Some(crate::tracking::API.parse()?)))
}

/// An address in the ERP's words.
pub fn place(who: &str, street: &str, city: &str, state: &str, zip: &str, country: &str) -> netsuite::model::Address {
    netsuite::model::Address {
        addressee: who.to_owned(),
        attention: "Receiving".to_owned(),
        addr1: street.to_owned(),
        city: city.to_owned(),
        state: state.to_owned(),
        zip: zip.to_owned(),
        country: country.to_owned(),
        phone: "2125550142".to_owned(),
        ..netsuite::model::Address::default()
    }
}

/// An address that the carrier knows as it is written.
pub fn new_york() -> netsuite::model::Address {
    place("Hudson Supply Co", "350 5th Ave", "New York", "NY", "10118", "US")
}
