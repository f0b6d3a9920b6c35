//! A batch of messages, each with a job's id and nothing else: advanced side by side, each answered for itself.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use waybill::domain::JobId;
use waybill::flows::advance::Advance;

/// What a message says.
#[derive(Debug, Deserialize)]
struct Message {
    job: JobId,
}

/// Advances every job of the batch; only the messages whose job could not be stored come again.
pub(crate) async fn handle(advance: &Advance, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let messages = event.payload.records;
    let outcomes = join_all(messages.iter().map(|message| one(advance, message))).await;
    let failed = messages.into_iter().zip(outcomes).filter(|(_, done)| !done);
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.filter_map(|(message, _)| message.message_id).map(failure).collect();
    Ok(response)
}

/// Whether the message has been dealt with.
async fn one(advance: &Advance, message: &SqsMessage) -> bool {
    let body = message.body.as_deref().unwrap_or_default();
    let Ok(Message { job }) = serde_json::from_str(body) else {
        tracing::error!(message = message.message_id, "a message names no job; it goes to the dead letters");
        return false;
    };
    match advance.run(&job).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(job.id = %job, %error, "not advanced; the message comes again");
            false
        }
    }
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}
