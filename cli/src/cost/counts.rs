//! What was counted while a deployment ran, as `cargo demo` writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::output::Failure;

/// What one run did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// The command that made it.
    pub(crate) made_by: String,
    /// Shipments that were written back.
    pub(crate) shipped: u64,
    /// Queues that a function polls.
    pub(crate) queues: u32,
    pub(crate) alarms: u32,
    pub(crate) dashboards: u32,
    /// Names of metrics of our own that were seen.
    pub(crate) metrics: u32,
    /// By the function's name in the template.
    pub(crate) functions: BTreeMap<String, Function>,
}

/// What starts a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trigger {
    /// Messages, so that it runs as often as there is work.
    Queue,
    /// Somebody who asks by HTTP.
    Request,
    /// A schedule of the template.
    Schedule,
    /// A schedule per connection.
    Connection,
}

/// What one function did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Function {
    pub(crate) trigger: Trigger,
    /// How often its schedule runs it in thirty days; none where none does.
    #[serde(default)]
    pub(crate) runs_per_month: u64,
    pub(crate) invocations: u64,
    /// Messages of a queue that it was given.
    pub(crate) messages: u64,
    pub(crate) seconds: f64,
    pub(crate) memory_mb: u32,
    pub(crate) log_bytes: u64,
    /// Calls to an ERP or a carrier.
    pub(crate) vendor_calls: u64,
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    /// By service and operation: `sqs:SendMessage`.
    pub(crate) calls: BTreeMap<String, u64>,
}

impl Function {
    /// Calls of a service whose operation begins with one of these.
    pub(crate) fn calls_of(&self, service: &str, operations: &[&str]) -> f64 {
        let calls = self.calls.iter().filter(|(name, _)| {
            let operation = name.strip_prefix(service).and_then(|rest| rest.strip_prefix(':'));
            operation.is_some_and(|operation| operations.iter().any(|begins| operation.starts_with(begins)))
        });
        calls.map(|(_, count)| number(*count)).sum()
    }
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^53")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

impl Counts {
    /// The counts that came with this version.
    pub(crate) fn of_this_version() -> Result<Self, Failure> {
        Self::parse(include_bytes!("counts.json"), "counts.json of this version")
    }

    pub(crate) fn parse(json: &[u8], name: &str) -> Result<Self, Failure> {
        let counts: Self = serde_json::from_slice(json)
            .map_err(|error| Failure::new(format!("{name} does not look like what `cargo demo` writes: {error}")))?;
        if counts.shipped == 0 {
            return Err(Failure::new(format!(
                "{name} tells of a run in which nothing shipped; take one in which something did"
            )));
        }
        Ok(counts)
    }
}
