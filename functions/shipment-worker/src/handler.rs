//! A batch of messages, each with a job's id and nothing else: dealt with side by side, each answered for itself.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent};
use waybill::flows::deliver::Deliver;

/// Leaves time to store what a carrier answers last, some carriers give a label only once; never more than an eighth of the
/// invocation.
const MARGIN: SignedDuration = SignedDuration::from_secs(15);

/// Deals with every message of the batch; only those that the store or the queue would not let us deal with come again.
pub(crate) async fn handle(deliver: &Deliver, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let ends = Duration::from_millis(event.context.deadline);
    let ends = Timestamp::UNIX_EPOCH + SignedDuration::try_from(ends)?;
    let left = ends.duration_since(deliver.advance.clock.now());
    let answered_by = ends - MARGIN.min(left / 8);
    let messages = event.payload.records;
    let outcomes = join_all(messages.iter().map(|message| one(deliver, message, answered_by))).await;
    let failed = messages.into_iter().zip(outcomes).filter(|(_, done)| !done);
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .filter_map(|(message, _)| message.message_id)
        .map(failure)
        .collect();
    Ok(response)
}

/// Whether the message has been dealt with.
async fn one(deliver: &Deliver, message: &SqsMessage, answered_by: Timestamp) -> bool {
    match deliver
        .run(message.body.as_deref().unwrap_or_default(), answered_by)
        .await
    {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(message_id = message.message_id, %error, "not dealt with; the message comes again");
            false
        }
    }
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}
