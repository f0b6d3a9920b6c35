//! What a simulator was asked: counts per operation, the latest requests, how many at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

/// Requests kept in full; older ones remain only as counts.
const KEPT: usize = 5_000;

/// One request, as it came in and as it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct RequestRecord {
    /// Its place in the order of arrival, from 1.
    pub number: u64,
    /// When it came, by the simulator's clock.
    pub at: Timestamp,
    /// The operation it asked for.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers by their names in lower case, but for the authorisation.
    #[serde(skip)]
    pub headers: BTreeMap<String, String>,
    /// The body as text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The HTTP status of the answer; `None` while it is being worked on and when the connection was dropped.
    pub status: Option<u16>,
    /// The faults that struck it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// Counts over all requests since the start or the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestCounts {
    /// Requests by operation.
    pub by_operation: BTreeMap<String, u64>,
    /// The most requests that were being worked on at once.
    pub peak_concurrency: u32,
}

/// The log of requests; clones share it.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    latest: VecDeque<RequestRecord>,
    counts: RequestCounts,
    running: u32,
    total: u64,
}

/// A request being worked on: ends, as dropped without an answer unless [`InFlight::answered`] said otherwise, when it
/// goes out of scope.
#[derive(Debug)]
pub(crate) struct InFlight {
    log: RequestLog,
    number: u64,
}

impl RequestLog {
    /// Notes a request that begins; `number` of the record is given here.
    pub(crate) fn begin(&self, mut record: RequestRecord) -> InFlight {
        let number = self.with(|entries| {
            entries.total += 1;
            record.number = entries.total;
            entries.running += 1;
            entries.counts.peak_concurrency = entries.counts.peak_concurrency.max(entries.running);
            *entries.counts.by_operation.entry(record.operation.clone()).or_default() += 1;
            entries.latest.push_back(record);
            if entries.latest.len() > KEPT {
                entries.latest.pop_front();
            }
            entries.total
        });
        InFlight {
            log: self.clone(),
            number,
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> RequestCounts {
        self.with(|entries| entries.counts.clone())
    }

    /// How many requests asked for `operation`.
    pub fn count(&self, operation: &str) -> u64 {
        self.with(|entries| entries.counts.by_operation.get(operation).copied().unwrap_or_default())
    }

    /// How many requests are being worked on now; their callers may have left.
    pub fn running(&self) -> u32 {
        self.with(|entries| entries.running)
    }

    /// The latest requests in the order of arrival, of one operation or of all.
    pub fn latest(&self, operation: Option<&str>) -> Vec<RequestRecord> {
        self.with(|entries| {
            let wanted = |record: &&RequestRecord| operation.is_none_or(|name| record.operation == name);
            entries.latest.iter().filter(wanted).cloned().collect()
        })
    }

    /// Forgets everything but the requests that are being worked on.
    pub fn clear(&self) {
        self.with(|entries| {
            entries.latest.clear();
            entries.counts = RequestCounts::default();
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Entries) -> T) -> T {
        act(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl InFlight {
    /// Notes the status of the answer.
    pub(crate) fn answered(&self, status: u16) {
        self.log.with(|entries| {
            if let Some(record) = entries
                .latest
                .iter_mut()
                .rev()
                .find(|record| record.number == self.number)
            {
                record.status = Some(status);
            }
        });
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.log
            .with(|entries| entries.running = entries.running.saturating_sub(1));
    }
}
