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

fn item(key: Key, cursor: &Cursor) -> Result<CursorItem, StoreError> {
    Ok(CursorItem {
        pk: key.pk,
        sk: key.sk,
        schema: SCHEMA,
        version: cursor.version,
        body: to_body(cursor)?,
    })
}

#[async_trait]
impl Cursors for Dynamo {
    async fn cursor(&self, connection: &ConnectionId, kind: &str) -> Result<Cursor, StoreError> {
        let item = self.get(&Key::cursor(connection, kind)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn advance(&self, connection: &ConnectionId, kind: &str, cursor: &Cursor) -> Result<bool, StoreError> {
        let write = Write {
            item: to_item(&item(Key::cursor(connection, kind), cursor)?)?,
            guard: Guard::before(cursor.version),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::{SignedDuration, Timestamp};

    use super::super::table::Item;
    use super::*;
    use crate::ports::ScanProgress;

    /// A document every few thousandths of a second, none like the other.
    fn busy(documents: u64) -> BTreeMap<String, Timestamp> {
        let mut dice = 88_172_645_463_325_252_u64;
        let mut draw = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice
        };
        let document = |_| {
            let seconds = SignedDuration::from_secs(i64::try_from(draw() % 1200).unwrap());
            (
                format!("sales-order/{}", draw() % 90_000_000),
                Timestamp::UNIX_EPOCH + seconds,
            )
        };
        (0..documents).map(document).collect()
    }

    #[test]
    fn the_fullest_cursor_fits_into_an_item() {
        let scan = ScanProgress {
            since: Timestamp::UNIX_EPOCH,
            candidate: Timestamp::UNIX_EPOCH,
            after: None,
            began: None,
            settled: busy(40_000),
        };
        let settled = scan.still_in_sight(Timestamp::UNIX_EPOCH);
        assert!((10_000..30_000).contains(&settled.len()), "{}", settled.len());
        let other = ScanProgress {
            settled: busy(40_000),
            ..scan.clone()
        };
        let cursor = Cursor {
            version: 7,
            published: Some(Timestamp::UNIX_EPOCH),
            settled,
            scan: Some(ScanProgress {
                settled: other.still_in_sight(Timestamp::UNIX_EPOCH),
                ..scan
            }),
        };
        let item: Item = to_item(&item(Key::cursor(&"acme".parse().unwrap(), "orders"), &cursor).unwrap()).unwrap();
        let bytes = item["body"].as_b().unwrap().as_ref().len();
        assert!(bytes < 390_000, "{bytes}");
    }
}
