//! The schedule's input says nothing; the answer says what was promised.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent};
use serde::de::IgnoredAny;
use waybill::flows::renew::{Renew, Report};

/// Leaves time for the calls in hand and to store what they told, though never more than half of the invocation's.
const MARGIN: SignedDuration = SignedDuration::from_secs(40);

/// Asks for every promise that is due until it is done or the invocation's time is nearly up.
pub(crate) async fn handle(renew: &Renew, event: LambdaEvent<IgnoredAny>) -> Result<Report, Error> {
    let ends = Duration::from_millis(event.context.deadline);
    let ends = Timestamp::UNIX_EPOCH + SignedDuration::try_from(ends)?;
    let left = ends.duration_since(renew.track.clock.now());
    let report = renew.run(ends - MARGIN.min(left / 2)).await?;
    tracing::info!(
        due = report.due,
        promised = report.promised,
        refused = report.refused,
        failed = report.failed,
        ended = report.ended,
        "asked for promises"
    );
    Ok(report)
}
