//! The queue of jobs on SQS: a key and nothing else. The message group of a standard queue makes it fair between
//! tenants.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;

use super::failure;
use crate::domain::{JobId, TenantId};
use crate::ports::{Queue, StoreError};

/// The longest delay that SQS knows, in seconds.
const LONGEST_DELAY: u64 = 900;

/// A queue, reached by a client.
pub struct ShipmentsQueue {
    client: Client,
    url: String,
}

impl ShipmentsQueue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

#[async_trait]
impl Queue for ShipmentsQueue {
    async fn send(&self, job: &JobId, tenant: &TenantId, delay: Duration) -> Result<(), StoreError> {
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body(job))
            .message_group_id(tenant.as_str())
            .delay_seconds(seconds(delay));
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| failure("queueing a job", &error))
    }
}

fn body(job: &JobId) -> String {
    serde_json::json!({ "job": job }).to_string()
}

/// Rounded up, so that nobody looks too early.
fn seconds(delay: Duration) -> i32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds.min(LONGEST_DELAY)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_rounded_up_and_capped() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(60)), 60);
        assert_eq!(seconds(Duration::from_secs(3600)), 900);
    }

    #[test]
    fn a_message_is_a_key_and_nothing_else() {
        let job: JobId = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".parse().unwrap();
        assert_eq!(body(&job), r#"{"job":"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}"#);
    }
}
