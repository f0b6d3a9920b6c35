//! The flows over the DynamoDB code, on a DynamoDB with real semantics in process: for every call of the store, the carrier
//! and the ERP, the worker dies before it, dies of it, or loses its answer; then others carry on.

#[path = "../../shared/tests/store/database.rs"]
#[allow(dead_code, reason = "the store's own tests use the rest")]
mod database;

#[path = "upgrade.rs"]
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::dec;
use tokio::sync::Notify;
use waybill::aws::Dynamo;
use waybill::connection::Connection;
use waybill::domain::*;
use waybill::flows::advance::Advance;
use waybill::flows::poll::Poll as PollOrders;
use waybill::flows::sweep::Sweep;
use waybill::job::{Job, Timing, WriteBackRef};
use waybill::memory::{AlwaysWorks, Memory, TurnedClock};
use waybill::ports::*;

use super::desk::{Desk, lock};
use super::outside::{AlwaysKnown, Configured};
use super::store::Store as Constant;
use database::Store;

/// What happens at the call that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    DiesBefore,
    DiesAfter,
    LosesTheAnswer,
}

/// Counts calls, and lets one of them go wrong.
#[derive(Default)]
struct Plan {
    calls: AtomicUsize,
    mishap: Mutex<Option<(usize, Mishap)>>,
    died: Notify,
}

impl Plan {
    /// One call; `None` where its answer is lost. A call of which the worker dies never comes back.
    async fn call<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        let nth = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let mishap = lock(&self.mishap)
            .take_if(|(at, _)| *at == nth)
            .map(|(_, mishap)| mishap);
        if mishap == Some(Mishap::DiesBefore) {
            self.die().await;
        }
        let answer = call.await;
        match mishap {
            Some(Mishap::LosesTheAnswer) => None,
            Some(_) => {
                self.die().await;
                None
            }
            None => Some(answer),
        }
    }

    async fn die(&self) {
        self.died.notify_one();
        std::future::pending().await
    }

    async fn store<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let lost = || Err(StoreError("the answer was lost".to_owned()));
        self.call(call).await.unwrap_or_else(lost)
    }
}

struct Table {
    inner: Arc<Dynamo>,
    plan: Arc<Plan>,
}

#[async_trait]
impl Jobs for Table {
    async fn load(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.plan.store(self.inner.load(id)).await
    }

    async fn snapshot(&self, id: &JobId, number: u32) -> Result<Option<Snapshot>, StoreError> {
        self.plan.store(self.inner.snapshot(id, number)).await
    }

    async fn save(&self, save: &Save) -> Result<Saved, StoreError> {
        self.plan.store(Jobs::save(self.inner.as_ref(), save)).await
    }

    async fn with_shipment(
        &self,
        connection: &ConnectionId,
        shipment: &CarrierShipmentId,
    ) -> Result<Vec<JobId>, StoreError> {
        self.plan.store(self.inner.with_shipment(connection, shipment)).await
    }

    async fn erase(&self, id: &JobId) -> Result<(), StoreError> {
        self.plan.store(self.inner.erase(id)).await
    }
}

#[async_trait]
impl Documents for Table {
    async fn units(&self, connection: &ConnectionId, documents: &[DocumentId]) -> Result<Vec<Units>, StoreError> {
        self.plan.store(self.inner.units(connection, documents)).await
    }

    async fn admit_from(&self, units: &Units, jobs: &[NewJob], earlier: &[Units]) -> Result<bool, StoreError> {
        self.plan.store(self.inner.admit_from(units, jobs, earlier)).await
    }

    async fn reread_later(
        &self,
        connection: &ConnectionId,
        document: &DocumentId,
        mark: &Nonce,
    ) -> Result<(), StoreError> {
        self.plan
            .store(self.inner.reread_later(connection, document, mark))
            .await
    }

    async fn restate(&self, connection: &ConnectionId, units: &Units) -> Result<bool, StoreError> {
        self.plan.store(self.inner.restate(connection, units)).await
    }

    async fn to_reread(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<Reread>, StoreError> {
        self.plan.store(self.inner.to_reread(connection, limit)).await
    }

    async fn reread(&self, connection: &ConnectionId, note: &Reread) -> Result<(), StoreError> {
        self.plan.store(self.inner.reread(connection, note)).await
    }
}

#[async_trait]
impl Cursors for Table {
    async fn cursor(&self, connection: &ConnectionId, kind: &str) -> Result<Cursor, StoreError> {
        self.plan.store(self.inner.cursor(connection, kind)).await
    }

    async fn advance(&self, connection: &ConnectionId, kind: &str, cursor: &Cursor) -> Result<bool, StoreError> {
        let advance = Cursors::advance(self.inner.as_ref(), connection, kind, cursor);
        self.plan.store(advance).await
    }
}

/// The carrier's and the ERP's books.
#[derive(Default)]
struct Books {
    bought: BTreeMap<String, Vec<String>>,
    written: BTreeMap<String, u32>,
}

struct Outside {
    plan: Arc<Plan>,
    books: Mutex<Books>,
}

struct Handle(Arc<Outside>);

#[async_trait]
impl Systems for Handle {
    async fn open(&self, _connection: &Connection) -> Result<Opened, CallError> {
        Ok(Opened {
            source: Arc::new(Handle(self.0.clone())),
            carrier: Arc::new(Handle(self.0.clone())),
            desk: None,
            recorder: Recorder::default(),
        })
    }
}

fn later() -> CallError {
    CallError::Later(Later::new(Obstacle::Unreachable, "the answer was lost"))
}

fn unknown() -> EffectError {
    EffectError::Unknown("the answer was lost".to_owned())
}

fn shipment(id: &str) -> Shipment {
    Shipment {
        id: CarrierShipmentId::new(id),
        parcels: vec![ShippedParcel {
            tracking_number: id.to_owned(),
        }],
        service: None,
        cost: None,
        remarks: Vec::new(),
    }
}

fn label(id: &str) -> LabelImage {
    LabelImage {
        tracking_number: Some(id.to_owned()),
        format: LabelFormat::Zpl,
        bytes: b"^XA".to_vec(),
    }
}

fn place() -> WriteBackRef {
    WriteBackRef {
        place: "item fulfilment".to_owned(),
        id: None,
    }
}

#[async_trait]
impl Carrier for Handle {
    async fn validate(&self, _address: &Address) -> Result<AddressVerdict, CallError> {
        let verdict = async { Ok(AddressVerdict::NotCovered) };
        self.0.plan.call(verdict).await.unwrap_or_else(|| Err(later()))
    }

    async fn offers(&self, _request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        let offers = async {
            Ok(vec![Offer {
                service: "03".to_owned(),
                name: "Ground".to_owned(),
                cost: Money::new(dec!(9), "USD"),
                negotiated: false,
                arrives: None,
            }])
        };
        self.0.plan.call(offers).await.unwrap_or_else(|| Err(later()))
    }

    fn draft(&self, request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: "ship".to_owned(),
            body: serde_json::json!(request.reference.as_str()),
        })
    }

    async fn create(&self, draft: &Draft, _permit: Permit) -> Result<Purchased, EffectError> {
        let buy = async {
            let reference = draft.body.as_str().unwrap().to_owned();
            let mut books = lock(&self.0.books);
            let bought = books.bought.entry(reference.clone()).or_default();
            let id = format!("1Z{}{reference}", bought.len() + 1);
            bought.push(id.clone());
            Ok(Purchased {
                shipment: shipment(&id),
                labels: vec![label(&id)],
            })
        };
        self.0.plan.call(buy).await.unwrap_or_else(|| Err(unknown()))
    }

    async fn find(&self, reference: &JobId, control: Option<&Control>) -> Result<Sighting, CallError> {
        let find = async {
            let books = lock(&self.0.books);
            let found = books.bought.get(reference.as_str()).into_iter().flatten();
            Ok(Sighting {
                found: found.map(|id| shipment(id)).collect(),
                control_seen: control.is_some(),
            })
        };
        self.0.plan.call(find).await.unwrap_or_else(|| Err(later()))
    }

    async fn labels(&self, shipment: &Shipment, _format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        Ok(vec![label(shipment.id.as_str())])
    }

    async fn void(&self, _shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        panic!("nothing is to be voided here")
    }

    async fn shipment(&self, _id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        Ok(None)
    }

    fn listing(&self) -> Result<Listing, String> {
        Err("it has no list".to_owned())
    }

    async fn list(&self, _stretch: Stretch, _page: Option<&str>) -> Result<ListPage, CallError> {
        Ok(ListPage::default())
    }

    fn absence_proves(&self) -> bool {
        true
    }

    async fn track(&self, _number: &str) -> Result<Option<News>, CallError> {
        Ok(None)
    }

    fn push(&self) -> Result<Push, String> {
        Err("nothing is pushed here".to_owned())
    }

    async fn subscribe(&self, _numbers: &[String]) -> Result<Subscribed, CallError> {
        Ok(Subscribed::default())
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

#[async_trait]
impl OrderSource for Handle {
    async fn changed(&self, _scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        let heads = async {
            Ok(vec![DocumentHead {
                document: DocumentId::sales_order("1"),
                modified: tests::morning(),
            }])
        };
        self.0.plan.call(heads).await.unwrap_or_else(|| Err(later()))
    }

    async fn read(&self, _documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        let read = async {
            let mut line = tests::line("1", dec!(3), dec!(3));
            if !lock(&self.0.books).written.is_empty() {
                (line.fulfilled, line.ready) = (dec!(3), dec!(0));
            }
            Ok(vec![tests::order("1", vec![line])])
        };
        self.0.plan.call(read).await.unwrap_or_else(|| Err(later()))
    }

    async fn waiting(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.changed(scan).await
    }

    async fn made(&self, _jobs: &[JobId]) -> Result<Option<BTreeSet<JobId>>, CallError> {
        Ok(None)
    }

    async fn numbered(&self, _number: &str) -> Result<Vec<DocumentId>, CallError> {
        Ok(Vec::new())
    }

    async fn find(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        let find = async {
            let written = lock(&self.0.books).written.contains_key(write_back.job.as_str());
            Ok(if written {
                Written::Whole(place())
            } else {
                Written::Nothing
            })
        };
        self.0.plan.call(find).await.unwrap_or_else(|| Err(later()))
    }

    fn draft(&self, write_back: &WriteBack<'_>, _found: &Written) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: "transform".to_owned(),
            body: serde_json::json!(write_back.job.as_str()),
        })
    }

    async fn write_back(&self, draft: &Draft, _permit: Permit) -> Result<WriteBackRef, EffectError> {
        let write = async {
            let job = draft.body.as_str().unwrap().to_owned();
            *lock(&self.0.books).written.entry(job).or_default() += 1;
            Ok(place())
        };
        self.0.plan.call(write).await.unwrap_or_else(|| Err(unknown()))
    }

    async fn flag(&self, _document: &DocumentId, _problem: Option<&str>) -> Result<(), CallError> {
        Ok(())
    }

    async fn tell(
        &self,
        _document: &DocumentId,
        _status: &DeliveryStatus,
        _permit: Permit,
    ) -> Result<Told, EffectError> {
        Ok(Told::Shown)
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn lost_request_window(&self) -> Option<Duration> {
        Some(Duration::from_secs(300))
    }

    async fn close(&self) {}
}

/// Waybill over a table of its own.
struct Deployment {
    store: Store,
    plan: Arc<Plan>,
    outside: Arc<Outside>,
    connection: Connection,
}

impl Deployment {
    async fn new(mishap: Option<(usize, Mishap)>) -> Self {
        let plan = Arc::new(Plan {
            mishap: Mutex::new(mishap),
            ..Plan::default()
        });
        let outside = Arc::new(Outside {
            plan: plan.clone(),
            books: Mutex::default(),
        });
        let mut connection = tests::connection("acme").unwrap();
        connection.start_from = Timestamp::UNIX_EPOCH;
        Self {
            store: Store::new().await,
            plan,
            outside,
            connection,
        }
    }

    fn table(&self) -> Arc<Table> {
        Arc::new(Table {
            inner: self.store.dynamo.clone(),
            plan: self.plan.clone(),
        })
    }

    /// What always answers alike: labels, money and a queue that loses every message.
    fn constant(&self) -> Arc<Constant> {
        let clock = TurnedClock::at(self.store.clock.now());
        Arc::new(Constant {
            memory: Memory::new(Arc::new(clock.clone()), Arc::new(AlwaysWorks)),
            desk: Arc::new(Desk::new(clock)),
            broken: None,
            waits_for_units: false,
        })
    }

    fn systems(&self) -> Arc<dyn Systems> {
        Arc::new(Handle(self.outside.clone()))
    }

    async fn poll(&self) {
        let poll = PollOrders {
            connections: Arc::new(Configured(self.connection.clone())),
            systems: self.systems(),
            cursors: self.table(),
            documents: self.table(),
            jobs: self.table(),
            stories: Arc::new(self.constant().memory.clone()),
            queue: self.constant(),
            clock: self.store.clock.clone(),
            nonces: Arc::new(Ulids),
            timing: Timing::default(),
        };
        self.live(async { _ = poll.run(&self.connection.id, Timestamp::MAX).await })
            .await;
    }

    async fn work(&self, job: &JobId) {
        let constant = self.constant();
        let advance = Advance {
            jobs: self.table(),
            documents: self.table(),
            controls: Arc::new(AlwaysKnown::of(&self.connection.id)),
            connections: Arc::new(Configured(self.connection.clone())),
            systems: self.systems(),
            labels: constant.clone(),
            links: constant.clone(),
            spending: constant.clone(),
            queue: constant,
            clock: self.store.clock.clone(),
            nonces: Arc::new(Ulids),
            timing: Timing::default(),
        };
        self.live(async { _ = advance.run(job).await }).await;
    }

    async fn sweep(&self) {
        let sweep = Sweep {
            due: self.store.dynamo.clone(),
            directory: self.store.dynamo.clone(),
            jobs: self.table(),
            queue: self.constant(),
            clock: self.store.clock.clone(),
            nonces: Arc::new(Ulids),
            timing: Timing::default(),
        };
        self.live(async { _ = sweep.run().await }).await;
    }

    /// An invocation, which ends when its work does or when it dies.
    async fn live(&self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            () = self.plan.died.notified() => {}
        }
    }

    /// Everybody goes on until nothing is left to do.
    async fn settle(&self) -> Option<Job> {
        let id = JobId::of(&self.connection.id, &DocumentId::sales_order("1"), 1);
        for _ in 0..40 {
            self.poll().await;
            self.sweep().await;
            self.work(&id).await;
            let job = self.store.dynamo.load(&id).await.unwrap();
            if job.as_ref().is_some_and(Job::finished) {
                return job;
            }
            self.store.clock.turn(SignedDuration::from_mins(20));
        }
        None
    }
}

/// Nonces that nobody else has.
struct Ulids;

static DRAWN: AtomicUsize = AtomicUsize::new(0);

impl Nonces for Ulids {
    fn nonce(&self) -> Nonce {
        Nonce::new(format!("drawn-{}", DRAWN.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Deployment {
    /// One shipment, one write-back, and a story that tells it.
    async fn judge(&self, job: &Job, what: &str) {
        let bought = {
            let books = lock(&self.outside.books);
            let bought: Vec<&String> = books.bought.values().flatten().collect();
            let written: Vec<u32> = books.written.values().copied().collect();
            assert_eq!((bought.len(), written), (1, vec![1]), "{what}");
            bought[0].clone()
        };
        assert_eq!(job.purchase.done().unwrap().id.as_str(), bought, "{what}");
        let units = self
            .store
            .dynamo
            .units(&job.connection, std::slice::from_ref(&job.document));
        let units = units.await.unwrap().remove(0).units;
        let phases: Vec<UnitPhase> = units.iter().map(|unit| unit.phase).collect();
        assert_eq!(phases, [UnitPhase::WrittenBack], "{what}");
        let told = self.store.dynamo.audit(&job.id).await.unwrap();
        assert!(
            told.iter().any(|entry| entry.text.contains(&bought)),
            "{what}: {told:?}"
        );
        let intents = told.iter().filter_map(|entry| entry.draft.as_ref());
        let intents = intents.filter(|draft| draft.operation == "ship").count();
        assert_eq!(
            intents, job.attempts as usize,
            "{what}: every attempt was told before it was made"
        );
    }
}

async fn story(mishap: Option<(usize, Mishap)>) -> usize {
    let deployment = Deployment::new(mishap).await;
    let job = deployment.settle().await;
    let job = job.unwrap_or_else(|| panic!("{mishap:?}: nothing came of it"));
    deployment.judge(&job, &format!("{mishap:?}")).await;
    deployment.plan.calls.load(Ordering::Relaxed)
}

/// P20: wherever a worker dies or an answer is lost over the real table, one shipment, one write-back, nothing forgotten.
#[tokio::test]
async fn crash_over_dynamodb() {
    let calls = story(None).await;
    for nth in 1..=calls {
        for mishap in [Mishap::DiesBefore, Mishap::DiesAfter, Mishap::LosesTheAnswer] {
            story(Some((nth, mishap))).await;
        }
    }
    println!("crash over DynamoDB: {calls} calls, {} stories", calls * 3);
}
