//! The schedule's input says nothing; the answer says what was renewed.

use lambda_runtime::{Error, LambdaEvent};
use serde::de::IgnoredAny;
use waybill::flows::refresh::{Refresh, Report};

/// Renews every token in use that ends soon.
pub(crate) async fn handle(refresh: &Refresh, _event: LambdaEvent<IgnoredAny>) -> Result<Report, Error> {
    let report = refresh.run().await?;
    tracing::info!(ending = report.ending, renewed = report.renewed, failed = report.failures.len(), "refreshed");
    Ok(report)
}
