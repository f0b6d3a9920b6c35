//! `CONN#id`: connections as they stand, the story of their changes, and the brake.

use std::sync::PoisonError;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Dynamo;
use super::keys::{AUDIT, CONNECTIONS, Key};
use super::table::{Guard, Item, SCHEMA, Search, Transacted, Write, body, deleted, from_item, key_item};
use super::table::{number, request_token, text, to_body, to_item};
use crate::connection::Connection;
use crate::domain::ConnectionId;
use crate::ports::{AuditEntry, Connections, Gate, StoreError};

/// For how long a process believes what it read of the brake. It is one item, which every visit to every connection needs; and a
/// visit that began before the brake was pulled, which may be longer than this, buys anyway.
const BELIEVED: SignedDuration = SignedDuration::from_secs(1);

/// The brake as it was read.
pub(super) struct Brake {
    at: Timestamp,
    reason: Option<String>,
}

/// A change of a connection and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The connection as it shall stand, its version one more than what it replaces.
    pub connection: Connection,
    /// What to add to its story.
    pub audit: AuditEntry,
}

#[derive(Serialize)]
struct BodyItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    body: String,
}

#[derive(Serialize, Deserialize)]
struct BrakeItem {
    pk: String,
    sk: String,
    schema: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    by: String,
    at: Timestamp,
}

#[async_trait]
impl Connections for Dynamo {
    async fn gate(&self, id: &ConnectionId) -> Result<Option<Gate>, StoreError> {
        let (now, believed) = (self.clock.now(), self.believed_brake());
        let asked = believed.is_none().then(Key::brake);
        let items = self.batch(asked.into_iter().chain([Key::connection(id)])).await?;
        let (brakes, connections): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| text(item, "pk") == Some("BRAKE"));
        let brake = match believed {
            Some(reason) => reason,
            None => {
                let item = brakes.into_iter().next().map(from_item::<BrakeItem>).transpose()?;
                let reason = item.and_then(|brake| brake.reason);
                self.believe_brake(now, reason.clone());
                reason
            }
        };
        let Some(connection) = connections.first().map(body::<Connection>).transpose()? else {
            return Ok(None);
        };
        self.remember(&connection);
        Ok(Some(Gate { connection, brake }))
    }

    async fn ids(&self) -> Result<Vec<ConnectionId>, StoreError> {
        let entries = self.search(&Search::partition(CONNECTIONS)).await?;
        let id = |entry| text(entry, "sk")?.parse().ok();
        Ok(entries.iter().filter_map(id).collect())
    }
}

impl Dynamo {
    /// Stores a connection and its story's next entry; `false` if somebody else did in between.
    pub async fn store_connection(&self, change: &Change) -> Result<bool, StoreError> {
        let connection = &change.connection;
        let (id, version) = (&connection.id, connection.version);
        let guard = Guard::before(version);
        let entry = body_item(Key::connection_entry(id), version, String::new())?;
        let writes = [
            Write {
                item: body_item(Key::connection(id), version, to_body(connection)?)?,
                guard,
            },
            Write {
                item: entry,
                guard: Guard::Free,
            },
            Write {
                item: self.story_item(id, version, &change.audit)?,
                guard: Guard::Free,
            },
        ];
        let token = request_token([
            id.as_str(),
            &version.to_string(),
            &to_body(&(connection, &change.audit))?,
        ]);
        let done = self.transact(&token, &writes).await?;
        Ok(matches!(done, Transacted::Done))
    }

    /// Every connection, by name.
    pub async fn connections(&self) -> Result<Vec<Connection>, StoreError> {
        let ids = self.ids().await?;
        let items = self.batch(ids.iter().map(Key::connection)).await?;
        let mut connections = items.iter().map(body::<Connection>).collect::<Result<Vec<_>, _>>()?;
        connections.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(connections)
    }

    /// Removes a connection; its jobs, its cursor and its story stay. `false` if it is not at this version.
    pub async fn remove_connection(
        &self,
        id: &ConnectionId,
        version: u64,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        if !self.delete_version(&Key::connection(id), version).await? {
            return Ok(false);
        }
        let story = self.story_item(id, version + 1, audit)?;
        self.put(&Write {
            item: story,
            guard: Guard::Free,
        })
        .await?;
        self.delete(&Key::connection_entry(id)).await?;
        Ok(true)
    }

    /// The story of a connection's changes.
    pub async fn connection_audit(&self, id: &ConnectionId) -> Result<Vec<AuditEntry>, StoreError> {
        let items = self.search(&Search::beginning(Key::connection(id).pk, AUDIT)).await?;
        items.iter().map(body).collect()
    }

    /// Stops every purchase for a reason, or allows them again.
    pub async fn set_brake(&self, reason: Option<&str>, by: &str, at: Timestamp) -> Result<(), StoreError> {
        let key = Key::brake();
        let (schema, reason, by) = (SCHEMA, reason.map(str::to_owned), by.to_owned());
        let item = to_item(&BrakeItem {
            pk: key.pk,
            sk: key.sk,
            schema,
            reason,
            by,
            at,
        })?;
        self.put(&Write {
            item,
            guard: Guard::Free,
        })
        .await?;
        *self.brake.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Why every purchase is stopped, as this process read it a moment ago; `None` where it must be read.
    fn believed_brake(&self) -> Option<Option<String>> {
        let now = self.clock.now();
        let brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        let brake = brake
            .as_ref()
            .filter(|brake| now.duration_since(brake.at).abs() < BELIEVED)?;
        Some(brake.reason.clone())
    }

    fn believe_brake(&self, at: Timestamp, reason: Option<String>) {
        *self.brake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Brake { at, reason });
    }

    /// Why every purchase is stopped; `None` where nothing is. Read now, whatever was believed.
    pub async fn brake(&self) -> Result<Option<String>, StoreError> {
        let item = self.get(&Key::brake()).await?;
        let brake = item.map(from_item::<BrakeItem>).transpose()?;
        Ok(brake.and_then(|brake| brake.reason))
    }

    /// For how many days a connection keeps personal data; read once, then known from every [`Connections::gate`].
    pub(super) async fn retention(&self, id: &ConnectionId) -> Result<Option<u32>, StoreError> {
        let known = self
            .retentions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .copied();
        if known.is_some() {
            return Ok(known);
        }
        let item = self.get(&Key::connection(id)).await?;
        let connection = item.as_ref().map(body::<Connection>).transpose()?;
        Ok(connection.map(|connection| self.remember(&connection)))
    }

    fn remember(&self, connection: &Connection) -> u32 {
        let mut known = self.retentions.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(connection.id.clone(), connection.retention_days);
        connection.retention_days
    }

    fn story_item(&self, id: &ConnectionId, version: u64, audit: &AuditEntry) -> Result<Item, StoreError> {
        body_item(Key::connection_audit(id, version), version, to_body(audit)?)
    }

    async fn delete_version(&self, key: &Key, version: u64) -> Result<bool, StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key_item(key)))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(version));
        deleted(request.send().await)
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key_item(key)));
        deleted(request.send().await).map(|_| ())
    }
}

pub(super) fn body_item(key: Key, version: u64, body: String) -> Result<Item, StoreError> {
    to_item(&BodyItem {
        pk: key.pk,
        sk: key.sk,
        schema: SCHEMA,
        version,
        body,
    })
}
