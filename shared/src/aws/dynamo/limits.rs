//! `LIMIT#account`: leased slots and the shared pause.

use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::keys::{Key, SLOT, sortable};
use super::table::{Item, SCHEMA, Search, deleted, from_item, key_item, number, string, to_item, updated};
use super::{Dynamo, Seen};
use crate::aws::{failure, random};
use crate::domain::Nonce;
use crate::ports::{Limits, Slot, StoreError};

/// For how long a pause that was read is believed.
const SEEN: SignedDuration = SignedDuration::from_secs(1);

/// How long a pause stays in the table after its end, in seconds.
const KEPT: i64 = 24 * 60 * 60;

#[derive(Serialize, Deserialize)]
struct SlotItem {
    pk: String,
    sk: String,
    schema: u32,
    owner: Nonce,
    until: String,
}

#[derive(Deserialize)]
struct PauseItem {
    until: Timestamp,
}

#[async_trait]
impl Limits for Dynamo {
    /// A random slot is tried first, which is enough while the account is not busy; then those that are free.
    async fn lease_slot(&self, account: &str, cap: u16, lease: Duration) -> Result<Option<Slot>, StoreError> {
        let first = u16::try_from(random(u64::from(cap))).unwrap_or(0);
        if cap == 0 {
            return Ok(None);
        }
        if let Some(slot) = self.take_slot(account, first, lease).await? {
            return Ok(Some(slot));
        }
        for number in self.free_slots(account, cap, first).await? {
            if let Some(slot) = self.take_slot(account, number, lease).await? {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }

    async fn free_slot(&self, slot: Slot) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&Key::slot(&slot.account, slot.number))))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", string(slot.owner.as_str()));
        deleted(request.send().await).map(|_| ())
    }

    async fn paused(&self, account: &str) -> Result<Option<Timestamp>, StoreError> {
        let now = self.clock.now();
        let seen = self
            .pauses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(account)
            .copied();
        let until = match seen.filter(|seen| now.duration_since(seen.at).abs() < SEEN) {
            Some(seen) => seen.until,
            None => self.read_pause(account, now).await?,
        };
        Ok(until.filter(|until| *until > now))
    }

    async fn pause(&self, account: &str, until: Timestamp) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&Key::pause(account))))
            .update_expression("SET #schema = :schema, #until = :until, expires_at = :expires_at")
            .condition_expression("attribute_not_exists(#until) OR #until < :until")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":until", string(sortable(until)))
            .expression_attribute_values(":expires_at", number(until.as_second() + KEPT));
        updated(request.send().await)?;
        self.pauses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(account);
        Ok(())
    }
}

impl Dynamo {
    async fn take_slot(&self, account: &str, number: u16, lease: Duration) -> Result<Option<Slot>, StoreError> {
        let (now, key, owner) = (self.clock.now(), Key::slot(account, number), self.nonces.nonce());
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let (schema, until) = (SCHEMA, sortable(until));
        let item = to_item(&SlotItem {
            pk: key.pk,
            sk: key.sk,
            schema,
            owner: owner.clone(),
            until,
        })?;
        let taken = self.put_slot(item, &owner, now).await?;
        Ok(taken.then(|| Slot {
            account: account.to_owned(),
            number,
            owner,
        }))
    }

    /// The owner in the condition makes a put that is repeated after a lost answer succeed.
    async fn put_slot(&self, item: Item, owner: &Nonce, now: Timestamp) -> Result<bool, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR #until <= :now OR #owner = :owner")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":now", string(sortable(now)))
            .expression_attribute_values(":owner", string(owner.as_str()));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(failure("leasing a slot", &error)),
        }
    }

    /// Slots that nobody holds, beginning after `first`.
    async fn free_slots(&self, account: &str, cap: u16, first: u16) -> Result<Vec<u16>, StoreError> {
        let now = sortable(self.clock.now());
        let items = self.search(&Search::beginning(Key::pause(account).pk, SLOT)).await?;
        let slots = items
            .into_iter()
            .map(from_item::<SlotItem>)
            .collect::<Result<Vec<_>, _>>()?;
        let held: Vec<String> = slots
            .into_iter()
            .filter(|slot| slot.until > now)
            .map(|slot| slot.sk)
            .collect();
        let free = |number: &u16| !held.contains(&Key::slot(account, *number).sk);
        Ok((first..cap).chain(0..first).filter(free).collect())
    }

    async fn read_pause(&self, account: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let item = self.get(&Key::pause(account)).await?;
        let until = item.map(from_item::<PauseItem>).transpose()?.map(|pause| pause.until);
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.insert(account.to_owned(), Seen { at: now, until });
        Ok(until)
    }
}
