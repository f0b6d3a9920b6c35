//! The ports on AWS, nothing more: no decision about a job is made here.
//!
//! [`Dynamo`] implements everything that is state; the queues, the bucket, the secrets and the key have a type each.

mod batch;
mod blobs;
mod clock;
mod connector;
mod dynamo;
mod labels;
mod queue;
mod seal;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

pub use batch::{JointSpending, SharedSlots};
pub use blobs::{Blobs, KEEP_DAYS, KEEP_TAG, Keep};
pub use clock::{RandomNonces, SystemClock};
pub use dynamo::{Change, DUE_SHARDS, Dynamo, TRACKING_SHARDS};
pub use labels::Bucket;
pub use queue::{DeadLetterQueue, DeskQueue, NewsQueue, ShipmentsQueue};
pub use seal::{DataKey, DataKeys, Envelopes, KmsKeys};
pub use secrets::SecretsManager;

use crate::config::Config;
use crate::ports::StoreError;
use clock::random;

/// Everything on AWS that a deployment has, opened once per process.
pub struct Aws {
    /// The machine's clock.
    pub clock: Arc<SystemClock>,
    /// The machine's random numbers.
    pub nonces: Arc<RandomNonces>,
    /// The table.
    pub dynamo: Arc<Dynamo>,
    /// The queue of jobs.
    pub queue: Arc<ShipmentsQueue>,
    /// Messages that nobody can work on.
    pub dead_letters: Arc<DeadLetterQueue>,
    /// The queue of webhooks and parcels.
    pub tracking_queue: Arc<NewsQueue>,
    /// Messages of that queue that nobody can work on.
    pub tracking_dead_letters: Arc<DeadLetterQueue>,
    /// The queue of what desks are to be told.
    pub stock_queue: Arc<DeskQueue>,
    /// Messages of that queue that nobody can work on.
    pub stock_dead_letters: Arc<DeadLetterQueue>,
    /// Labels, big audit bodies and big webhooks.
    pub bucket: Arc<Bucket>,
    /// Credentials.
    pub secrets: Arc<SecretsManager>,
    /// What seals tokens.
    pub sealer: Arc<Envelopes>,
}

impl Aws {
    /// Opens what the configuration names, with the credentials and the region of the environment.
    pub async fn open(config: &Config) -> Self {
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts())
            .http_client(connector::OneWay::new())
            .load()
            .await;
        Self::with(config, &sdk)
    }

    /// Opens what the configuration names.
    pub fn with(config: &Config, sdk: &SdkConfig) -> Self {
        let (clock, nonces) = (Arc::new(SystemClock), Arc::new(RandomNonces));
        let bucket = Arc::new(Bucket::new(s3(sdk), &config.bucket));
        let table = aws_sdk_dynamodb::Client::new(sdk);
        let keys = Arc::new(KmsKeys::new(aws_sdk_kms::Client::new(sdk), &config.key));
        let sqs = aws_sdk_sqs::Client::new(sdk);
        let dead_letters = DeadLetterQueue::new(sqs.clone(), &config.dead_letters);
        let queue = ShipmentsQueue::new(sqs.clone(), &config.shipments_queue);
        let tracking_dead_letters = DeadLetterQueue::new(sqs.clone(), &config.tracking_dead_letters);
        let tracking_queue = NewsQueue::new(sqs.clone(), &config.tracking_queue);
        let stock_dead_letters = DeadLetterQueue::new(sqs.clone(), &config.stock_dead_letters);
        let stock_queue = DeskQueue::new(sqs, &config.stock_queue);
        let secrets = SecretsManager::new(aws_sdk_secretsmanager::Client::new(sdk), &config.secret_prefix);
        Self {
            dynamo: Arc::new(Dynamo::new(
                table,
                &config.table,
                bucket.clone(),
                clock.clone(),
                nonces.clone(),
            )),
            queue: Arc::new(queue),
            dead_letters: Arc::new(dead_letters),
            tracking_queue: Arc::new(tracking_queue),
            tracking_dead_letters: Arc::new(tracking_dead_letters),
            stock_queue: Arc::new(stock_queue),
            stock_dead_letters: Arc::new(stock_dead_letters),
            secrets: Arc::new(secrets),
            sealer: Arc::new(Envelopes::new(keys, clock.clone())),
            bucket,
            clock,
            nonces,
        }
    }
}

/// An emulator at another endpoint has no name for each bucket.
pub fn s3(sdk: &SdkConfig) -> aws_sdk_s3::Client {
    let paths = sdk.endpoint_url().is_some();
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(sdk).force_path_style(paths).build())
}

/// A dead connection of a frozen function must cost seconds, not the invocation.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(20))
        .build()
}

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
