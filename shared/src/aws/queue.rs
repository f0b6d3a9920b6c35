//! The queues on SQS, of jobs, of news of parcels and of what desks are to be told: a key and nothing else. The message group of a standard queue makes it
//! fair between tenants. Beside each the queue of its dead letters, which SQS fills too, after five failures.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    SendMessageBatchRequestEntry,
};
use serde::Serialize;

use super::failure;
use crate::domain::{JobId, TenantId};
use crate::ports::{DeadLetters, Message, Queue, StockMessage, StockQueue, StoreError, TrackingMessage, TrackingQueue};
use crate::telemetry;

/// The longest delay that SQS knows, in seconds.
const LONGEST_DELAY: u64 = 900;

/// How many messages one request may bring.
const TOGETHER: usize = 10;

/// How often messages are sent that a request left behind.
const TRIES: usize = 3;

/// The queue of jobs, reached by a client.
pub struct ShipmentsQueue(Sender);

impl ShipmentsQueue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self(Sender::new(client, url))
    }
}

#[async_trait]
impl Queue for ShipmentsQueue {
    async fn send(&self, job: &JobId, tenant: &TenantId, delay: Duration) -> Result<(), StoreError> {
        let message = Message { job: job.clone() };
        self.0.send("queueing a job", &message, tenant, delay).await
    }

    async fn send_all(&self, jobs: &[(JobId, TenantId)]) -> Result<(), StoreError> {
        let message = |(job, tenant): &(JobId, TenantId)| (Message { job: job.clone() }, tenant.clone());
        let messages: Vec<(Message, TenantId)> = jobs.iter().map(message).collect();
        self.0.send_all("queueing jobs", &messages).await
    }
}

/// The queue of webhooks and parcels that somebody should look at, reached by a client.
pub struct NewsQueue(Sender);

impl NewsQueue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self(Sender::new(client, url))
    }
}

#[async_trait]
impl TrackingQueue for NewsQueue {
    async fn send(&self, message: &TrackingMessage, tenant: &TenantId, delay: Duration) -> Result<(), StoreError> {
        self.0.send("queueing a parcel", message, tenant, delay).await
    }

    async fn send_all(&self, messages: &[(TrackingMessage, TenantId)]) -> Result<(), StoreError> {
        self.0.send_all("queueing parcels", messages).await
    }
}

/// The queue of what desks are to be told, reached by a client.
pub struct DeskQueue(Sender);

impl DeskQueue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self(Sender::new(client, url))
    }
}

#[async_trait]
impl StockQueue for DeskQueue {
    async fn send(&self, message: &StockMessage, tenant: &TenantId, delay: Duration) -> Result<(), StoreError> {
        self.0
            .send("queueing what a desk is to be told", message, tenant, delay)
            .await
    }
}

struct Sender {
    client: Client,
    url: String,
}

impl Sender {
    fn new(client: Client, url: impl Into<String>) -> Self {
        let url = url.into();
        Self { client, url }
    }

    async fn send(
        &self,
        what: &str,
        message: &(impl Serialize + Sync),
        tenant: &TenantId,
        delay: Duration,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body(message)?)
            .message_group_id(tenant.as_str())
            .delay_seconds(seconds(delay))
            .set_message_system_attributes(trace());
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| failure(what, &error))
    }

    async fn send_all(&self, what: &str, messages: &[(impl Serialize + Sync, TenantId)]) -> Result<(), StoreError> {
        for some in messages.chunks(TOGETHER) {
            self.send_together(what, entries(some)?).await?;
        }
        Ok(())
    }

    /// SQS takes or refuses each message of a request on its own; what it did not take is sent again.
    async fn send_together(&self, what: &str, mut left: Vec<SendMessageBatchRequestEntry>) -> Result<(), StoreError> {
        let mut why = String::new();
        for _ in 0..TRIES {
            let request = self.client.send_message_batch().queue_url(&self.url);
            let answer = request.set_entries(Some(left.clone())).send().await;
            let answer = answer.map_err(|error| failure(what, &error))?;
            let Some(first) = answer.failed().first() else {
                return Ok(());
            };
            first.code().clone_into(&mut why);
            left.retain(|entry| answer.failed().iter().any(|failed| failed.id() == entry.id()));
        }
        let count = left.len();
        Err(StoreError(format!("{what}: {count} messages were not taken: {why}")))
    }
}

/// Messages as one request brings them, each under its place.
fn entries<M: Serialize>(messages: &[(M, TenantId)]) -> Result<Vec<SendMessageBatchRequestEntry>, StoreError> {
    let entry = |(place, (message, tenant)): (usize, &(M, TenantId))| {
        SendMessageBatchRequestEntry::builder()
            .id(place.to_string())
            .message_body(body(message)?)
            .message_group_id(tenant.as_str())
            .set_message_system_attributes(trace())
            .build()
            .map_err(|error| StoreError(error.to_string()))
    };
    messages.iter().enumerate().map(entry).collect()
}

fn body(message: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(message).map_err(|error| StoreError(error.to_string()))
}

/// A queue of dead letters, reached by a client.
pub struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

#[async_trait]
impl DeadLetters for DeadLetterQueue {
    async fn keep(&self, body: &str, reason: &str) -> Result<(), StoreError> {
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason);
        let attribute = attribute.build().map_err(|error| StoreError(error.to_string()))?;
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            // SQS takes no message without a body.
            .message_body(if body.is_empty() { "(empty)" } else { body })
            .message_attributes("reason", attribute)
            .set_message_system_attributes(trace());
        let answer = request.send().await;
        answer
            .map(|_| ())
            .map_err(|error| failure("keeping a dead letter", &error))
    }
}

/// By what X-Ray joins whoever works on a message to the trace of whoever sent it: from a poll to the write-back.
fn trace() -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
    let header = MessageSystemAttributeValue::builder().data_type("String");
    let header = header.string_value(telemetry::trace_header()?).build().ok()?;
    Some(HashMap::from([(
        MessageSystemAttributeNameForSends::AwsTraceHeader,
        header,
    )]))
}

/// Rounded up, so that nobody looks too early.
fn seconds(delay: Duration) -> i32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds.min(LONGEST_DELAY)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ParcelKey;

    #[test]
    fn delays_are_rounded_up_and_capped() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(60)), 60);
        assert_eq!(seconds(Duration::from_secs(3600)), 900);
    }

    #[tokio::test]
    async fn what_an_invocation_sends_belongs_to_its_trace() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".to_owned();
        let sent = telemetry::invocation(Some(header.clone()), async { trace() })
            .await
            .unwrap();
        let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
        assert_eq!(sent[&name].string_value(), Some(header.as_str()));
        assert_eq!(trace(), None, "an operator's command belongs to none");
    }

    #[test]
    fn messages_of_one_request_are_told_apart_and_belong_to_their_tenants() {
        let messages: Vec<(TrackingMessage, TenantId)> = (0..TOGETHER)
            .map(|at| {
                let tenant = if at % 2 == 0 { "acme" } else { "globex" };
                (TrackingMessage::Hook(format!("h{at}")), tenant.parse().unwrap())
            })
            .collect();
        let entries = entries(&messages).unwrap();
        let ids: std::collections::BTreeSet<&str> = entries.iter().map(SendMessageBatchRequestEntry::id).collect();
        assert_eq!((entries.len(), ids.len()), (TOGETHER, TOGETHER));
        assert_eq!(entries[3].message_body(), r#"{"hook":"h3"}"#);
        assert_eq!(entries[3].message_group_id(), Some("globex"));
    }

    #[test]
    fn a_message_is_a_key_and_nothing_else() {
        let job: JobId = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".parse().unwrap();
        let message = Message { job };
        assert_eq!(body(&message).unwrap(), r#"{"job":"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}"#);
        let hook = TrackingMessage::Hook("h1".to_owned());
        assert_eq!(body(&hook).unwrap(), r#"{"hook":"h1"}"#);
        let parcel = TrackingMessage::Parcel(ParcelKey {
            connection: "acme".parse().unwrap(),
            number: "1Z1".to_owned(),
        });
        let text = body(&parcel).unwrap();
        assert_eq!(text, r#"{"parcel":{"connection":"acme","number":"1Z1"}}"#);
        assert_eq!(serde_json::from_str::<TrackingMessage>(&text).unwrap(), parcel);
        let stock = StockMessage::Stock("acme".parse().unwrap());
        assert_eq!(body(&stock).unwrap(), r#"{"stock":"acme"}"#);
        let key = |number: &str| ParcelKey {
            connection: "acme".parse().unwrap(),
            number: number.to_owned(),
        };
        let parcels = TrackingMessage::Parcels(vec![key("7949"), key("7950")]);
        let text = body(&parcels).unwrap();
        assert_eq!(
            text,
            r#"{"parcels":[{"connection":"acme","number":"7949"},{"connection":"acme","number":"7950"}]}"#
        );
        assert_eq!(serde_json::from_str::<TrackingMessage>(&text).unwrap(), parcels);
    }
}
