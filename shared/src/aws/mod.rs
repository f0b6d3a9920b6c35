//! The ports on AWS, nothing more: no decision about a job is made here.
//!
//! [`Dynamo`] implements everything that is state; the queue, the bucket, the secrets and the key have a type each.

mod blobs;
mod clock;
mod dynamo;
mod labels;
mod queue;
mod seal;
mod secrets;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

pub use blobs::Blobs;
pub use clock::{RandomNonces, SystemClock};
pub use dynamo::{Change, DUE_SHARDS, Dynamo};
pub use labels::Bucket;
pub use queue::ShipmentsQueue;
pub use seal::{DataKey, DataKeys, Envelopes, KmsKeys};
pub use secrets::SecretsManager;

use crate::ports::StoreError;
use clock::random;

/// What went wrong, by the service's code and words; never a body, which may hold personal data.
fn failure<E: ProvideErrorMetadata, R>(what: &str, error: &SdkError<E, R>) -> StoreError {
    let why = match error {
        SdkError::ServiceError(error) => said(error.err()),
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "the service cannot be reached".to_owned(),
        SdkError::ResponseError(_) => "the answer cannot be read".to_owned(),
        SdkError::ConstructionFailure(_) => "the request cannot be built".to_owned(),
        _ => "an error of an unknown kind".to_owned(),
    };
    StoreError(format!("{what}: {why}"))
}

fn said(error: &impl ProvideErrorMetadata) -> String {
    let code = error.code().unwrap_or("an error without a code");
    match error.message() {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    }
}
