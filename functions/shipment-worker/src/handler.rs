//! A batch of messages, each with a job's id and nothing else: dealt with side by side, each answered for itself.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use waybill::flows::deliver::Deliver;

/// Deals with every message of the batch; only those that the store or the queue would not let us deal with come again.
pub(crate) async fn handle(deliver: &Deliver, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let messages = event.payload.records;
    let outcomes = join_all(messages.iter().map(|message| one(deliver, message))).await;
    let failed = messages.into_iter().zip(outcomes).filter(|(_, done)| !done);
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .filter_map(|(message, _)| message.message_id)
        .map(failure)
        .collect();
    Ok(response)
}

/// Whether the message has been dealt with.
async fn one(deliver: &Deliver, message: &SqsMessage) -> bool {
    match deliver.run(message.body.as_deref().unwrap_or_default()).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(message = message.message_id, %error, "not dealt with; the message comes again");
            false
        }
    }
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}
