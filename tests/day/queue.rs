//! A fair queue for a hundred thousand messages: as the one of the ports in memory, but quick.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use waybill::domain::{JobId, TenantId};
use waybill::ports::{Clock, Queue, StoreError};

/// Messages by tenant, each from a moment on.
pub(crate) struct FairQueue {
    clock: Arc<dyn Clock>,
    fair: bool,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    sent: u64,
    turns: u64,
    /// One line for each tenant; one for everybody where the queue is not fair.
    by_tenant: BTreeMap<Option<TenantId>, Line>,
}

#[derive(Default)]
struct Line {
    served: u64,
    waiting: BTreeMap<(Timestamp, u64), JobId>,
}

impl FairQueue {
    /// An empty queue.
    pub(crate) fn new(clock: Arc<dyn Clock>, fair: bool) -> Self {
        Self {
            clock,
            fair,
            lines: Mutex::default(),
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job.
    pub(crate) fn put(&self, job: &JobId, tenant: &TenantId, after: SignedDuration) {
        let mut lines = self.lines();
        lines.sent += 1;
        let place = (self.clock.now() + after, lines.sent);
        let line = lines.by_tenant.entry(self.fair.then(|| tenant.clone())).or_default();
        line.waiting.insert(place, job.clone());
    }

    /// The next message: the first one of the tenant who was served least recently.
    pub(crate) fn receive(&self) -> Option<JobId> {
        let (now, mut lines) = (self.clock.now(), self.lines());
        lines.turns += 1;
        let turn = lines.turns;
        let visible = lines.by_tenant.values_mut().filter_map(|line| {
            let first = line.waiting.keys().next().copied().filter(|(at, _)| *at <= now)?;
            Some((line.served, first, line))
        });
        let (_, first, line) = visible.min_by_key(|(served, first, _)| (*served, *first))?;
        line.served = turn;
        line.waiting.remove(&first)
    }

    /// When the next message may be received.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let lines = self.lines();
        let first = |line: &Line| line.waiting.keys().next().map(|(at, _)| *at);
        lines.by_tenant.values().filter_map(first).min()
    }
}

#[async_trait]
impl Queue for FairQueue {
    async fn send(&self, job: &JobId, tenant: &TenantId, delay: Duration) -> Result<(), StoreError> {
        self.put(job, tenant, SignedDuration::try_from(delay).unwrap_or_default());
        Ok(())
    }
}
