//! The schedule's input says nothing; the answer says what was queued again.

use lambda_runtime::{Error, LambdaEvent};
use serde::de::IgnoredAny;
use waybill::flows::sweep::{Report, Sweep};

/// Queues again every job that is due.
pub(crate) async fn handle(sweep: &Sweep, _event: LambdaEvent<IgnoredAny>) -> Result<Report, Error> {
    let report = sweep.run().await?;
    tracing::info!(due = report.due, requeued = report.requeued, "swept");
    Ok(report)
}
