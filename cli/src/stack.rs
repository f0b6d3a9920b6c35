//! Finds the deployed stack by its outputs, and opens the library's ports on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use jiff::SignedDuration;
use serde_json::Value;
use waybill::aws::{Bucket, Dynamo, Envelopes, KmsKeys, RandomNonces, SecretsManager, ShipmentsQueue, SystemClock};
use waybill::connection::Connection;
use waybill::domain::ConnectionId;
use waybill::flows::label_link::{Keyring, SealedLinks};
use waybill::flows::operate::Operate;
use waybill::flows::poll::Poll;
use waybill::flows::remembered::Remembered;
use waybill::http::SharedTokens;
use waybill::job::Timing;
use waybill::ports::{Connections, Gate};
use waybill::systems::Registry;

use crate::Common;
use crate::output::Failure;

/// A deployed stack.
pub(crate) struct Stack {
    name: String,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    config: SdkConfig,
}

impl Stack {
    /// The stack that the command line names.
    pub(crate) async fn find(common: &Common) -> Result<Self, Failure> {
        let name = common.stack.clone().ok_or_else(|| {
            Failure::new("no stack is named: say --stack NAME or set WAYBILL_STACK (`sam list stack-outputs` knows it)")
        })?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let client = aws_sdk_cloudformation::Client::new(&config);
        let answer = client.describe_stacks().stack_name(&name).send().await;
        let answer = answer.map_err(|error| said(&format!("the stack {name} cannot be found"), &error))?;
        let stack = answer.stacks().first();
        let stack = stack.ok_or_else(|| Failure::new(format!("there is no stack {name} in this region")))?;
        let outputs = stack
            .outputs()
            .iter()
            .map(|output| (output.output_key(), output.output_value()));
        let parameters = stack.parameters().iter();
        let parameters = parameters.map(|parameter| (parameter.parameter_key(), parameter.parameter_value()));
        Ok(Self {
            outputs: named(outputs),
            parameters: named(parameters),
            name,
            config,
        })
    }

    /// One of the stack's outputs.
    pub(crate) fn output(&self, key: &str) -> Result<&str, Failure> {
        self.outputs.get(key).map(String::as_str).ok_or_else(|| {
            let name = &self.name;
            Failure::new(format!(
                "the stack {name} has no output {key}: is it a Waybill stack of this version? Deploy it again"
            ))
        })
    }

    pub(crate) fn stage(&self) -> Result<&str, Failure> {
        self.output("Stage")
    }

    pub(crate) fn bucket(&self) -> Result<Arc<Bucket>, Failure> {
        let client = aws_sdk_s3::Client::from_conf(
            aws_sdk_s3::config::Builder::from(&self.config)
                .force_path_style(self.config.endpoint_url().is_some())
                .build(),
        );
        Ok(Arc::new(Bucket::new(client, self.output("Bucket")?)))
    }

    pub(crate) fn store(&self) -> Result<Arc<Dynamo>, Failure> {
        let client = aws_sdk_dynamodb::Client::new(&self.config);
        let (clock, nonces) = (Arc::new(SystemClock), Arc::new(RandomNonces));
        let table = self.output("Table")?;
        Ok(Arc::new(Dynamo::new(client, table, self.bucket()?, clock, nonces)))
    }

    pub(crate) fn queue(&self) -> Result<Arc<ShipmentsQueue>, Failure> {
        let client = aws_sdk_sqs::Client::new(&self.config);
        Ok(Arc::new(ShipmentsQueue::new(client, self.output("ShipmentsQueue")?)))
    }

    pub(crate) fn secrets(&self) -> Result<SecretsManager, Failure> {
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        Ok(SecretsManager::new(client, self.output("SecretPrefix")?))
    }

    /// Runs the function that an output names, waits for it, and answers what it answered.
    pub(crate) async fn invoke(&self, output: &str, what: &str, input: &Value) -> Result<Value, Failure> {
        let client = aws_sdk_lambda::Client::new(&self.config);
        let request = client.invoke().function_name(self.output(output)?);
        let answer = request.payload(Blob::new(input.to_string())).send().await;
        let answer = answer.map_err(|error| said(&format!("{what} cannot be invoked"), &error))?;
        let payload = answer.payload().map(|blob| blob.as_ref()).unwrap_or_default();
        let report: Value = serde_json::from_slice(payload).unwrap_or_default();
        if answer.function_error().is_none() {
            return Ok(report);
        }
        let told = report.get("errorMessage").and_then(Value::as_str);
        let told = told.unwrap_or("no message");
        Err(Failure::new(format!("{what} failed: {told}. Its log says more")))
    }

    pub(crate) fn scheduler(&self) -> aws_sdk_scheduler::Client {
        aws_sdk_scheduler::Client::new(&self.config)
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// Opens ERPs and carriers from here, with the tokens and limits of the fleet.
    pub(crate) fn systems(&self) -> Result<Registry, Failure> {
        let (store, clock, nonces) = (self.store()?, Arc::new(SystemClock), Arc::new(RandomNonces));
        let client = waybill::http::client();
        let client = client.map_err(|error| Failure::new(format!("the HTTP client cannot be built: {error}")))?;
        let keys = KmsKeys::new(aws_sdk_kms::Client::new(&self.config), self.output("Key")?);
        let sealer = Arc::new(Envelopes::new(Arc::new(keys), clock.clone()));
        let tokens = Arc::new(SharedTokens::new(store.clone(), sealer, clock.clone(), nonces));
        let timeout = self.timing().call.unsigned_abs();
        let secrets = Arc::new(self.secrets()?);
        let api = self.outputs.get("Api").and_then(|api| api.parse().ok());
        Ok(Registry::new(client, clock, timeout, tokens, store, secrets).with_api(api))
    }

    /// What an operator does to jobs.
    pub(crate) fn operate(&self) -> Result<Operate, Failure> {
        let store = self.store()?;
        Ok(Operate {
            jobs: store.clone(),
            documents: store.clone(),
            connections: store,
            systems: Arc::new(self.systems()?),
            queue: self.queue()?,
            clock: Arc::new(SystemClock),
            nonces: Arc::new(RandomNonces),
            timing: self.timing(),
        })
    }

    /// Makes links to labels.
    pub(crate) fn label_links(&self) -> Result<SealedLinks, Failure> {
        let keyring = Keyring {
            secrets: Arc::new(self.secrets()?),
            name: self.output("LabelKeys")?.to_owned(),
            clock: Arc::new(SystemClock),
            read: Remembered::default(),
        };
        Ok(SealedLinks {
            api: Some(self.output("Api")?.to_owned()),
            keyring,
        })
    }

    /// Admits what is ready to ship.
    pub(crate) fn poll(&self) -> Result<Poll, Failure> {
        let store = self.store()?;
        Ok(Poll {
            connections: store.clone(),
            systems: Arc::new(self.systems()?),
            cursors: store.clone(),
            documents: store.clone(),
            jobs: store.clone(),
            stories: store,
            queue: self.queue()?,
            clock: Arc::new(SystemClock),
            nonces: Arc::new(RandomNonces),
            timing: self.timing(),
        })
    }

    /// The times that this stack was deployed with.
    pub(crate) fn timing(&self) -> Timing {
        timing(&self.parameters)
    }

    /// A connection with the brake.
    pub(crate) async fn gate(&self, id: &ConnectionId) -> Result<Gate, Failure> {
        let gate = self.store()?.gate(id).await?;
        gate.ok_or_else(|| {
            Failure::new(format!(
                "there is no connection {id}: `waybill connection list` shows all"
            ))
        })
    }

    /// One connection, or all of them.
    pub(crate) async fn connections(&self, id: Option<&ConnectionId>) -> Result<Vec<Connection>, Failure> {
        match id {
            Some(id) => Ok(vec![self.gate(id).await?.connection]),
            None => Ok(self.store()?.connections().await?),
        }
    }
}

fn named<'a>(pairs: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>) -> BTreeMap<String, String> {
    pairs
        .filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned())))
        .collect()
}

fn timing(parameters: &BTreeMap<String, String>) -> Timing {
    let usual = Timing::default();
    let parse = |text: &str| text.trim().parse().ok().map(SignedDuration::from_secs);
    let seconds = |key: &str, usual| parameters.get(key).and_then(|text| parse(text)).unwrap_or(usual);
    let looks = parameters.get("LookScheduleSeconds");
    let looks: Option<Vec<_>> = looks.and_then(|texts| texts.split(',').map(parse).collect());
    Timing {
        lease: seconds("LeaseSeconds", usual.lease),
        call: seconds("CallTimeoutSeconds", usual.call),
        snapshot_age: seconds("SnapshotMaxAgeSeconds", usual.snapshot_age),
        held: seconds("HeldRereadSeconds", usual.held),
        retry: seconds("RetrySeconds", usual.retry),
        duplicate_check: seconds("DuplicateCheckSeconds", usual.duplicate_check),
        erp_window: parameters.get("ErpWindowSeconds").and_then(|text| parse(text)),
        looks: looks.unwrap_or(usual.looks),
        ..usual
    }
}

/// What AWS said when something failed, in words.
pub(crate) fn said<E: ProvideErrorMetadata, R>(what: &str, error: &SdkError<E, R>) -> Failure {
    let why = match error {
        SdkError::ServiceError(error) => {
            let error = error.err();
            let code = error.code().unwrap_or("an error without a code");
            format!("{code}: {}", error.message().unwrap_or("no message"))
        }
        SdkError::TimeoutError(_) => "no answer in time; say it again".to_owned(),
        SdkError::DispatchFailure(_) => {
            "AWS cannot be reached; check the network, the region, the credentials and AWS_ENDPOINT_URL".to_owned()
        }
        SdkError::ConstructionFailure(_) => {
            "the request cannot be built; check the region and the credentials".to_owned()
        }
        _ => "the answer cannot be read; say it again".to_owned(),
    };
    Failure::new(format!("{what}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_times_are_those_that_the_stack_was_deployed_with() {
        let deployed = [
            ("LeaseSeconds", "9"),
            ("LookScheduleSeconds", "1, 2,3,4"),
            ("HeldRereadSeconds", "x"),
        ];
        let timing = timing(&named(
            deployed.into_iter().map(|(key, value)| (Some(key), Some(value))),
        ));
        assert_eq!(timing.lease, SignedDuration::from_secs(9));
        assert_eq!(timing.looks, [1, 2, 3, 4].map(SignedDuration::from_secs));
        assert_eq!(timing.held, Timing::default().held);
    }
}
