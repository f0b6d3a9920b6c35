//! EventBridge Scheduler's input names the connection; the answer says what was found.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use waybill::domain::ConnectionId;
use waybill::flows::poll::{Poll, Report};

/// What the schedule says.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    connection: ConnectionId,
}

/// Leaves time to store the page in hand.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// Polls the connection until its scan is complete or the invocation's time is nearly up.
pub(crate) async fn handle(poll: &Poll, event: LambdaEvent<Input>) -> Result<Report, Error> {
    let ends = Timestamp::UNIX_EPOCH + SignedDuration::try_from(Duration::from_millis(event.context.deadline))?;
    let id = event.payload.connection;
    let report = poll.run(&id, ends - MARGIN).await?;
    tracing::info!(connection = %id, seen = report.seen, admitted = report.admitted, complete = report.complete, stopped = report.stopped, "polled");
    Ok(report)
}
