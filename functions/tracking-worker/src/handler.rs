//! A batch of messages, each with the key of a webhook or of a parcel, or the keys of some parcels of one connection:
//! dealt with side by side, each answered for itself.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use waybill::flows::track::Track;

/// Deals with every message of the batch; only those that the store or the queue would not let us deal with come again.
pub(crate) async fn handle(track: &Track, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let messages = event.payload.records;
    let outcomes = join_all(messages.iter().map(|message| one(track, message))).await;
    let failed = messages.into_iter().zip(outcomes).filter(|(_, done)| !done);
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .filter_map(|(message, _)| message.message_id)
        .map(failure)
        .collect();
    Ok(response)
}

/// Whether the message has been dealt with.
async fn one(track: &Track, message: &SqsMessage) -> bool {
    match track.deliver(message.body.as_deref().unwrap_or_default()).await {
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
