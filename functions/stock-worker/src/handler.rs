//! A batch of messages, each with the connection whose stock or customers are to be told: gone on with side by side until the
//! invocation's time is nearly up, each answered for itself.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent};
use waybill::flows::outward::Outward;

/// Leaves time to keep what was told; a call that is under way is thought of already.
const MARGIN: SignedDuration = SignedDuration::from_millis(1_500);

/// Goes on with every message of the batch; only those that the store or the queue would not let us go on with come again.
pub(crate) async fn handle(outward: &Outward, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let ends = Timestamp::UNIX_EPOCH + SignedDuration::try_from(Duration::from_millis(event.context.deadline))?;
    let deadline = ends - MARGIN;
    let messages = event.payload.records;
    let outcomes = join_all(messages.iter().map(|message| one(outward, message, deadline))).await;
    let failed = messages.into_iter().zip(outcomes).filter(|(_, done)| !done);
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .filter_map(|(message, _)| message.message_id)
        .map(failure)
        .collect();
    Ok(response)
}

/// Whether the message has been dealt with.
async fn one(outward: &Outward, message: &SqsMessage, deadline: Timestamp) -> bool {
    match outward
        .deliver(message.body.as_deref().unwrap_or_default(), deadline)
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
