//! The schedule's input says nothing, an operator's may say that lists are to be read now; the answer says what the round found.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use waybill::flows::track_poll::{Lists, Report, TrackPoll};

/// What the schedule, or an operator, says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Input {
    #[serde(default)]
    lists: Lists,
}

/// Leaves time for the calls in hand and to store what they told, though never more than half of the invocation's.
const MARGIN: SignedDuration = SignedDuration::from_secs(40);

/// Makes a round until it is done or the invocation's time is nearly up.
pub(crate) async fn handle(poll: &TrackPoll, event: LambdaEvent<Input>) -> Result<Report, Error> {
    let ends = Duration::from_millis(event.context.deadline);
    let ends = Timestamp::UNIX_EPOCH + SignedDuration::try_from(ends)?;
    let left = ends.duration_since(poll.track.clock.now());
    let report = poll.run(event.payload.lists, ends - MARGIN.min(left / 2)).await?;
    tracing::info!(
        webhooks = report.webhooks,
        parcels = report.parcels,
        lists = report.lists,
        moved = report.moved,
        stopped = report.stopped.len(),
        "made the round"
    );
    Ok(report)
}
