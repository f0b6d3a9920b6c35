//! The calls, and nothing that could be decided without them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::connection::Connection;
use crate::domain::{DeliveryStatus, DocumentId, JobId, Order, Refusal};
use crate::ports::{
    CallError, DocumentHead, Draft, EffectError, Finding, Mint, OrderSource, Permit, Scan, WriteBack, WriteBackRef,
    Written,
};
use crate::systems::Ports;

/// One account through one connection.
pub struct Fusion {
    ports: Ports,
}

impl Fusion {
    /// Opens a connection's account. What is wrong with the connection or its secret is said at once.
    pub fn new(_connection: &Connection, _secret: &SecretString, ports: Ports) -> Result<Self, Refusal> {
        Ok(Self { ports })
    }

    /// How a token of this connection is made, for the refresher.
    pub fn mint(&self) -> Option<Arc<dyn Mint>> {
        let _ = &self.ports;
        None
    }
}

fn not_yet() -> Refusal {
    Refusal::new("not-yet", "this is not built yet")
}

#[async_trait]
impl OrderSource for Fusion {
    async fn changed(&self, _scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        Err(CallError::Refused(not_yet()))
    }

    async fn waiting(&self, _scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        Err(CallError::Refused(not_yet()))
    }

    async fn read(&self, _documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        Err(CallError::Refused(not_yet()))
    }

    async fn numbered(&self, _number: &str) -> Result<Vec<DocumentId>, CallError> {
        Err(CallError::Refused(not_yet()))
    }

    async fn find(&self, _write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        Err(CallError::Refused(not_yet()))
    }

    async fn made(&self, _jobs: &[JobId]) -> Result<Option<BTreeSet<JobId>>, CallError> {
        Ok(None)
    }

    fn draft(&self, _write_back: &WriteBack<'_>, _found: &Written) -> Result<Draft, Refusal> {
        Err(not_yet())
    }

    async fn write_back(&self, _draft: &Draft, _permit: Permit) -> Result<WriteBackRef, EffectError> {
        Err(EffectError::Rejected(not_yet()))
    }

    async fn flag(&self, _document: &DocumentId, _problem: Option<&str>) -> Result<(), CallError> {
        Err(CallError::Refused(not_yet()))
    }

    async fn tell(&self, _document: &DocumentId, _status: &DeliveryStatus, _permit: Permit) -> Result<(), EffectError> {
        Err(EffectError::Rejected(not_yet()))
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn lost_request_window(&self) -> Option<Duration> {
        None
    }

    async fn close(&self) {}
}
