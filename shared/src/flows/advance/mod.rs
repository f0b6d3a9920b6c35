//! Advances one job as far as it goes now: load, ask the ledger what comes next, do one effect, record what happened.

mod expired;
mod held;
mod images;
mod lookup;
mod matching;
mod prepare;
mod purchase;
mod record;
mod write_back;

use std::sync::Arc;

pub(crate) use expired::reading_or_quantities;

use record::Ledger;

use jiff::Timestamp;

use crate::connection::Connection;
use crate::domain::{JobId, Refusal, Snapshot, Units};
use crate::job::{Job, Next, Outcome, Timing};
use crate::ports::{
    Carrier, Clock, Connections, Controls, Documents, Gate, Jobs, LabelLinks, Labels, Later, Nonces, Obstacle, Opened,
    Queue, Spending, StoreError, Systems,
};

/// The most steps of one job in one invocation: far more than any job takes, so that a mistake cannot spin.
const MOST_STEPS: usize = 64;

/// The ports that advancing needs.
#[derive(Clone)]
pub struct Advance {
    /// Jobs.
    pub jobs: Arc<dyn Jobs>,
    /// Units.
    pub documents: Arc<dyn Documents>,
    /// Known shipments.
    pub controls: Arc<dyn Controls>,
    /// Connections and the brake.
    pub connections: Arc<dyn Connections>,
    /// ERPs and carriers.
    pub systems: Arc<dyn Systems>,
    /// The label store.
    pub labels: Arc<dyn Labels>,
    /// The links to it for people.
    pub links: Arc<dyn LabelLinks>,
    /// The spending cap.
    pub spending: Arc<dyn Spending>,
    /// The queue of jobs.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// The times that the rules speak of.
    pub timing: Timing,
}

/// What became of a visit to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// The job has come as far as it can now.
    Paid,
    /// There is no such job.
    NoSuchJob,
}

/// Whether to go on with the job in this invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Onward {
    /// Ask the ledger again.
    Go,
    /// Nothing more now.
    Rest,
}

/// One job in one invocation.
struct Run<'a> {
    ledger: Ledger<'a>,
    gate: Gate,
    systems: Opened,
    /// By when the carrier must have answered a purchase.
    answered_by: Option<Timestamp>,
}

impl Advance {
    /// Advances the job until it is finished or must wait. Harmless to call at any time and any number of times.
    ///
    /// # Errors
    /// Only when the store fails: the message is then delivered again.
    pub async fn run(&self, id: &JobId) -> Result<Visit, StoreError> {
        self.run_until(id, None).await
    }

    /// The same in an invocation that ends: a purchase is begun, and waited for, only if its answer comes by `answered_by`, so that
    /// time is left to store what it brings.
    ///
    /// # Errors
    /// Only when the store fails: the message is then delivered again.
    pub async fn run_until(&self, id: &JobId, answered_by: Option<Timestamp>) -> Result<Visit, StoreError> {
        let Some(job) = self.jobs.load(id).await? else {
            return Ok(Visit::NoSuchJob);
        };
        if matches!(job.next(self.clock.now(), &self.timing), Next::Finished | Next::Wait(_)) {
            return Ok(Visit::Paid);
        }
        if let Some(run) = self.begin(job, answered_by).await? {
            run.finish().await?;
        }
        Ok(Visit::Paid)
    }

    /// Opens what the job needs, or records why that must wait.
    async fn begin(&self, job: Job, answered_by: Option<Timestamp>) -> Result<Option<Run<'_>>, StoreError> {
        let Some(gate) = self.connections.gate(&job.connection).await? else {
            tracing::error!(job = %job.id, connection = %job.connection, "the job's connection does not exist");
            return Ok(None);
        };
        let mut ledger = Ledger::of(self, job);
        ledger.under = Some(gate.connection.version);
        match self.systems.open(&gate.connection).await {
            Ok(systems) => {
                ledger.recorder = systems.recorder.clone();
                Ok(Some(Run {
                    ledger,
                    gate,
                    systems,
                    answered_by,
                }))
            }
            Err(error) if ledger.job.hold.is_some() => {
                ledger
                    .record(Outcome::StillHeld, format!("the systems cannot be opened: {error}"))
                    .await?;
                Ok(None)
            }
            Err(error) => {
                ledger.wait_for(&error).await?;
                Ok(None)
            }
        }
    }
}

impl Run<'_> {
    async fn finish(mut self) -> Result<(), StoreError> {
        let outcome = self.steps().await;
        self.systems.close().await;
        outcome
    }

    async fn steps(&mut self) -> Result<(), StoreError> {
        for _ in 0..MOST_STEPS {
            if self.step().await? == Onward::Rest {
                return Ok(());
            }
        }
        tracing::error!(job = %self.ledger.job.id, "the job took more steps than any job takes");
        Ok(())
    }

    async fn step(&mut self) -> Result<Onward, StoreError> {
        let next = self.ledger.job.next(self.ledger.now(), &self.ledger.ports.timing);
        tracing::debug!(job = %self.ledger.job.id, next = next.name(), "next");
        match next {
            Next::Finished | Next::Wait(_) => Ok(Onward::Rest),
            Next::Void(shipment) => self.void(shipment).await,
            Next::CheckForDuplicates => self.check_for_duplicates().await,
            Next::Flag(text) => self.flag(text).await,
            Next::Reread => self.reread_held().await,
            Next::Prepare => self.prepare().await,
            Next::Expire => {
                self.ledger
                    .record(
                        Outcome::Expired,
                        "the lease of a purchase ended without an answer: it is looked up",
                    )
                    .await
            }
            Next::Look => self.look().await,
            Next::FetchLabels => self.fetch_labels().await,
            Next::LookForWriteBack => self.look_for_write_back().await,
            Next::LookWhetherShown => self.look_whether_shown().await,
        }
    }

    /// The carrier under the account that the latest purchase was asked for.
    fn carrier(&self) -> Result<Arc<dyn Carrier>, Later> {
        let account = self.ledger.job.account.as_ref();
        let unknown = |refusal: Refusal| Later::new(Obstacle::OurStore, refusal.to_string());
        self.systems.carrier_under(account).map_err(unknown)
    }

    fn connection(&self) -> &Connection {
        &self.gate.connection
    }

    /// A reading of the job, or as much of it as outlives retention.
    async fn snapshot(&self, number: u32) -> Result<Snapshot, StoreError> {
        let ports = self.ledger.ports;
        reading_or_quantities(ports.jobs.as_ref(), ports.documents.as_ref(), &self.ledger.job, number).await
    }

    /// The document's units.
    async fn units(&self) -> Result<Units, StoreError> {
        let units = self
            .ledger
            .ports
            .documents
            .units(
                &self.ledger.job.connection,
                std::slice::from_ref(&self.ledger.job.document),
            )
            .await?;
        let job = &self.ledger.job;
        let none = || Units::none(job.document.clone(), job.number.clone());
        Ok(units.into_iter().next().unwrap_or_else(none))
    }
}
