//! The state in one DynamoDB table, a file for each kind of item.
//!
//! Every item has `pk`, `sk` and `schema`; what only the code reads stands in `body` as JSON (packed where it is long), so that numbers and
//! missing fields come back exactly as they were written; beside it stand the attributes that conditions and indexes
//! need. The indexes `due`, `state` and `number` hold keys only: whoever finds an item there reads it consistently.

mod body;
mod connections;
mod cursors;
mod desks;
mod directory;
mod documents;
mod due;
mod hooks;
mod jobs;
pub(super) mod keys;
mod limits;
mod reconciliations;
mod spending;
mod table;
mod tokens;
mod tracking;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::blobs::Blobs;
use crate::domain::{ConnectionId, Holding};
use crate::ports::{AccountStanding, Clock, Nonces};

pub use connections::Change;
pub use keys::{DUE_SHARDS, TRACKING_SHARDS};

/// The table, and every port that it implements.
pub struct Dynamo {
    client: Client,
    table: String,
    blobs: Arc<dyn Blobs>,
    clock: Arc<dyn Clock>,
    nonces: Arc<dyn Nonces>,
    retentions: Mutex<HashMap<ConnectionId, u32>>,
    standings: Mutex<HashMap<String, Seen>>,
    chunks: Mutex<HashMap<String, limits::Chunk>>,
    holdings: Mutex<HashMap<String, Holding>>,
    brake: Mutex<Option<connections::Brake>>,
}

/// How an account stood when it was read.
#[derive(Clone)]
struct Seen {
    at: Timestamp,
    standing: AccountStanding,
}

impl Dynamo {
    /// The table of this name; what is too big for an item goes to `blobs`.
    pub fn new(
        client: Client,
        table: impl Into<String>,
        blobs: Arc<dyn Blobs>,
        clock: Arc<dyn Clock>,
        nonces: Arc<dyn Nonces>,
    ) -> Self {
        Self {
            client,
            table: table.into(),
            blobs,
            clock,
            nonces,
            retentions: Mutex::default(),
            standings: Mutex::default(),
            chunks: Mutex::default(),
            holdings: Mutex::default(),
            brake: Mutex::default(),
        }
    }
}
