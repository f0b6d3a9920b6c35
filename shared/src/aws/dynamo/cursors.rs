//! `CONN#id` / `CURSOR#kind`: where a scan stands.

use async_trait::async_trait;
use serde::Serialize;

use super::Dynamo;
use super::keys::Key;
use super::table::{Guard, SCHEMA, Transacted, Verdict, Write, body, to_body, to_item};
use crate::domain::ConnectionId;
use crate::ports::{Cursor, Cursors, StoreError};

#[derive(Serialize)]
struct CursorItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    body: String,
}

#[async_trait]
impl Cursors for Dynamo {
    async fn cursor(&self, connection: &ConnectionId, kind: &str) -> Result<Cursor, StoreError> {
        let item = self.get(&Key::cursor(connection, kind)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn advance(&self, connection: &ConnectionId, kind: &str, cursor: &Cursor) -> Result<bool, StoreError> {
        let (key, version) = (Key::cursor(connection, kind), cursor.version);
        let item = CursorItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            version,
            body: to_body(cursor)?,
        };
        let write = Write {
            item: to_item(&item)?,
            guard: Guard::before(version),
        };
        let Transacted::Refused(verdicts) = self.put(&write).await? else {
            return Ok(true);
        };
        // A cursor that says what we were writing is our own write, whose answer was lost; or as good as it.
        match verdicts.into_iter().next() {
            Some(Verdict::Refused(Some(item))) => Ok(body::<Cursor>(&item)? == *cursor),
            _ => Ok(false),
        }
    }
}
