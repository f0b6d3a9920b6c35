//! `HOOK#digest`: where vendors push to; and what they pushed, as it came, for two weeks at most: `INBOUND#shard` until it is dealt
//! with, sorted by when that is due, so that it needs no index; `INBOUND#id` where nobody could make any use of it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use super::Dynamo;
use super::connections::body_item;
use super::jobs::INLINE;
use super::keys::{HOOKS, Key, capture_of, capture_partition, captured_by, captures, sortable};
use super::table::{
    Guard, Item, SCHEMA, Search, Write, body, key_item, request_token, string, text, to_body, to_item, updated,
};
use crate::domain::TenantId;
use crate::ports::{Captured, Captures, DuePage, Hook, Hooks, StoreError};

/// How long a webhook is kept, in seconds; the bucket's lifecycle says the same of the big ones' bodies.
const CAPTURED_KEPT: i64 = 14 * 24 * 60 * 60;

#[derive(Serialize)]
struct CaptureItem {
    pk: String,
    sk: String,
    schema: u32,
    due_at: String,
    expires_at: i64,
    /// Where the body is that is too big for the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_at: Option<String>,
    body: String,
}

#[async_trait]
impl Hooks for Dynamo {
    async fn hook(&self, digest: &str) -> Result<Option<Hook>, StoreError> {
        self.get(&Key::hook(digest)).await?.as_ref().map(body).transpose()
    }
}

impl Dynamo {
    /// Stores a hook over whatever is there.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn write_hook(&self, hook: &Hook) -> Result<(), StoreError> {
        let text = to_body(hook)?;
        let free = |item| Write {
            item,
            guard: Guard::Free,
        };
        let writes = [
            free(body_item(Key::hook(&hook.digest), 1, text.clone())?),
            free(body_item(Key::hook_entry(&hook.digest), 1, String::new())?),
        ];
        // The same hook written twice is two writes: between them it may have been another.
        let nonce = self.nonces.nonce();
        self.transact(&request_token([hook.digest.as_str(), nonce.as_str()]), &writes)
            .await
            .map(|_| ())
    }

    /// Nobody is listened to at this hook any more.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn remove_hook(&self, digest: &str) -> Result<(), StoreError> {
        self.delete(&Key::hook(digest)).await?;
        self.delete(&Key::hook_entry(digest)).await
    }

    /// Every hook, the oldest first.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn hooks(&self) -> Result<Vec<Hook>, StoreError> {
        let entries = self.search(&Search::partition(HOOKS)).await?;
        let digests = entries.iter().filter_map(|entry| text(entry, "sk"));
        let items = self.batch(digests.map(Key::hook)).await?;
        let mut hooks = items.iter().map(body::<Hook>).collect::<Result<Vec<_>, _>>()?;
        hooks.sort_by(|a, b| (a.created_at, &a.digest).cmp(&(b.created_at, &b.digest)));
        Ok(hooks)
    }
}

#[async_trait]
impl Captures for Dynamo {
    /// A big body goes to the bucket first: an object without an item is harmless, the reverse is not.
    async fn capture(&self, captured: &Captured, due_at: Timestamp) -> Result<(), StoreError> {
        let (mut text, mut raw_at) = (to_body(captured)?, None);
        if text.len() > INLINE {
            let at = format!("hooks/{}", captured.id);
            let raw = captured.body.clone().into_bytes();
            self.blobs.put(&at, raw, "application/octet-stream").await?;
            text = to_body(&Captured {
                body: String::new(),
                ..captured.clone()
            })?;
            raw_at = Some(at);
        }
        let key = Key::capture(&captured.id);
        let item = CaptureItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            due_at: sortable(due_at),
            expires_at: captured.at.as_second() + CAPTURED_KEPT,
            raw_at,
            body: text,
        };
        // An echo must not make due again what has been dealt with meanwhile.
        let write = Write {
            item: to_item(&item)?,
            guard: Guard::Absent,
        };
        self.put(&write).await.map(|_| ())
    }

    async fn captured(&self, id: &str) -> Result<Option<Captured>, StoreError> {
        let Some(item) = self.capture_item(id).await? else {
            return Ok(None);
        };
        let captured: Captured = body(&item)?;
        let Some(at) = text(&item, "raw_at") else {
            return Ok(Some(captured));
        };
        let raw = self.blobs.get(at).await?;
        Ok(raw.map(|raw| Captured {
            body: String::from_utf8_lossy(&raw).into_owned(),
            ..captured
        }))
    }

    async fn captured_for(&self, id: &str) -> Result<Option<TenantId>, StoreError> {
        let item = self.capture_item(id).await?;
        let captured: Option<Captured> = item.as_ref().map(body).transpose()?;
        Ok(captured.map(|captured| captured.tenant))
    }

    async fn dealt_with(&self, id: &str) -> Result<(), StoreError> {
        self.delete(&Key::capture(id)).await
    }

    /// It is put where it lies from now on before it is taken from where it is due.
    async fn of_no_use(&self, id: &str) -> Result<(), StoreError> {
        let Some(mut item) = self.get(&Key::capture(id)).await? else {
            return Ok(());
        };
        item.remove("due_shard");
        item.remove("due_at");
        item.extend(key_item(&Key::useless(id)));
        let guard = Guard::Free;
        self.put(&Write { item, guard }).await?;
        match Key::capture(id) == Key::useless(id) {
            true => Ok(()),
            false => self.delete(&Key::capture(id)).await,
        }
    }

    async fn due_captures(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<String>, StoreError> {
        let partition = captures(shard);
        let from = after.map(|after| {
            let (pk, sk) = (partition.clone(), after.to_owned());
            key_item(&Key { pk, sk })
        });
        let search = Search::partition(&partition).up_to("sk", captured_by(now));
        let search = search.due(sortable(now));
        let (items, last) = self.page(&search, Some(usize::from(limit)), from).await?;
        let own = |item: &Item| text(item, "sk").map(str::to_owned);
        let mut keys: Vec<String> = items.iter().filter_map(own).collect();
        if after.is_none() {
            let earlier = self.due_in(capture_partition(shard), now, limit).await?;
            keys.extend(earlier.iter().filter_map(|key| capture_of(text(key, "pk")?)));
        }
        let next = last.as_ref().and_then(own);
        Ok(DuePage { keys, next })
    }

    async fn capture_again(&self, id: &str, due_at: Timestamp) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&Key::capture(id))))
            .condition_expression("attribute_exists(due_at)")
            .update_expression("SET due_at = :due_at")
            .expression_attribute_values(":due_at", string(sortable(due_at)));
        updated(request.send().await).map(|_| ())
    }
}

impl Dynamo {
    async fn capture_item(&self, id: &str) -> Result<Option<Item>, StoreError> {
        match self.get(&Key::capture(id)).await? {
            None => self.get(&Key::useless(id)).await,
            found => Ok(found),
        }
    }
}
