//! What an ERP knows goes out to a desk: the messages of the stock queue, and what the telling of stock and of customers share.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::customers::Customers;
use super::stock::Stock;
use crate::domain::ConnectionId;
use crate::job::Timing;
use crate::ports::{CallError, DeadLetters, Gate, Later, StockMessage, StoreError};

/// Deals with messages of the stock queue.
#[derive(Clone)]
pub struct Outward {
    /// Tells of stock.
    pub stock: Stock,
    /// Tells of customers.
    pub customers: Customers,
    /// Messages that nobody can work on.
    pub dead_letters: Arc<dyn DeadLetters>,
}

impl Outward {
    /// Deals with the message of this body, until `deadline` is near.
    ///
    /// # Errors
    /// When the store or the queue fails: the message must then be delivered again.
    pub async fn deliver(&self, body: &str, deadline: Timestamp) -> Result<(), StoreError> {
        match serde_json::from_str(body) {
            Ok(StockMessage::Stock(id)) => self.stock.go_on(&id, deadline).await,
            Ok(StockMessage::Customers(id)) => self.customers.go_on(&id, deadline).await,
            Err(_) => {
                let reason = "it names neither stock nor customers of a connection, as our messages do";
                tracing::error!(reason, "a message goes to the dead letters");
                self.dead_letters.keep(body, reason).await
            }
        }
    }
}

/// What came of asking for a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The run.
    pub run: u32,
    /// Whether it is a new one; otherwise one was under way, and goes on.
    pub new: bool,
    /// Whether a message was sent for it.
    pub queued: bool,
    /// Why there is none, where there is none.
    pub stopped: Option<String>,
}

impl Begun {
    pub(super) fn not(why: String) -> Self {
        Self {
            stopped: Some(why),
            ..Self::default()
        }
    }
}

/// Why a visit ended before everything was told.
pub(super) enum Halt {
    /// Something stands in the way.
    Later(Later),
    /// The invocation has no more time.
    TimeUp,
    /// It makes no sense to go on; why, in plain words.
    GivenUp(String),
    /// Somebody else is at it.
    Lost,
    /// The store fails.
    Store(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Later(later) => Self::Later(later),
            CallError::Refused(refusal) => Self::GivenUp(refusal.to_string()),
        }
    }
}

/// The connection, or in plain words why nothing is told for it.
pub(super) fn told_of(id: &ConnectionId, gate: Option<Gate>) -> Result<Gate, String> {
    match gate {
        None => Err(format!("connection {id} does not exist")),
        Some(gate) if gate.connection.paused => {
            Err(format!("connection {id} is paused: `waybill connection resume {id}`"))
        }
        Some(gate) => Ok(gate),
    }
}

/// How long to wait for what stands in the way: as long as the other side asked, else as usual.
pub(super) fn delay(timing: &Timing, later: &Later) -> SignedDuration {
    let hint = later.after.and_then(|after| SignedDuration::try_from(after).ok());
    hint.unwrap_or(timing.retry).max(SignedDuration::from_secs(1))
}

/// The delay of a message.
pub(super) fn wait(delay: SignedDuration) -> Duration {
    Duration::try_from(delay).unwrap_or_default()
}
