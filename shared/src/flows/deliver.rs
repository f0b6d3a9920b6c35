//! A message of the queue: the job that it names is advanced. What names no job, or none that exists, is put aside with the
//! reason, because to deliver it again would change nothing.

use std::sync::Arc;

use jiff::Timestamp;

use super::advance::{Advance, Visit};
use crate::ports::{DeadLetters, Message, StoreError};

/// The ports that delivering needs.
#[derive(Clone)]
pub struct Deliver {
    /// Advances jobs.
    pub advance: Advance,
    /// Where messages go that nobody can work on.
    pub dead_letters: Arc<dyn DeadLetters>,
}

impl Deliver {
    /// Deals with the message of this body. What is bought must be answered by `answered_by`.
    ///
    /// # Errors
    /// When the store or the queue fails: the message must then be delivered again.
    pub async fn run(&self, body: &str, answered_by: Timestamp) -> Result<(), StoreError> {
        let Ok(Message { job }) = serde_json::from_str(body) else {
            return self.put_aside(body, "it does not name a job, as our messages do").await;
        };
        match self.advance.run_until(&job, Some(answered_by)).await? {
            Visit::Paid => Ok(()),
            Visit::NoSuchJob => self.put_aside(body, "the job that it names does not exist").await,
        }
    }

    async fn put_aside(&self, body: &str, reason: &str) -> Result<(), StoreError> {
        tracing::error!(reason, "a message goes to the dead letters");
        self.dead_letters.keep(body, reason).await
    }
}
