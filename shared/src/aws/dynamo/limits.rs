//! `LIMIT#account`: leased slots and the turns at them, the windows of a published rate, and how the account stands (the shared pause, its health).

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::keys::{Key, SLOT, sortable};
use super::table::{Item, SCHEMA, Search, deleted, from_item, key_item, number, string, to_body, to_item, updated};
use super::{Dynamo, Seen};
use crate::aws::{failure, random};
use crate::domain::{Health, Holding, Nonce, Rate, Window};
use crate::ports::{AccountStanding, Limits, Slot, StoreError, Turn};

/// For how long a standing that was read is believed; not so long while something was wrong, so that short pauses are kept.
const SEEN: SignedDuration = SignedDuration::from_secs(1);
const SEEN_IN_TROUBLE: SignedDuration = SignedDuration::from_millis(200);

/// How long a pause, or an account's health, stays in the table after it last mattered, in seconds.
const KEPT: i64 = 24 * 60 * 60;

/// How long a window of a rate stays in the table after its end, in seconds.
const WINDOW_KEPT: i64 = 60 * 60;

#[derive(Serialize, Deserialize)]
struct SlotItem {
    pk: String,
    sk: String,
    schema: u32,
    owner: Nonce,
    until: String,
}

#[derive(Deserialize)]
struct TurnItem {
    turn: Timestamp,
}

/// Everything beside the key may be missing: a pause was written before health was.
#[derive(Default, Deserialize)]
struct StandingItem {
    #[serde(default)]
    until: Option<Timestamp>,
    #[serde(default)]
    health_version: u64,
    #[serde(default)]
    health: Option<String>,
}

#[async_trait]
impl Limits for Dynamo {
    /// A random slot is tried first, which is enough while the account is not busy; then those that are free.
    async fn lease_slot(&self, account: &str, cap: u16, lease: Duration) -> Result<Turn, StoreError> {
        let first = u16::try_from(random(u64::from(cap))).unwrap_or(0);
        if let Some(slot) = self.take_slot(account, first, lease).await? {
            return Ok(Turn::Now(slot));
        }
        for number in self.free_slots(account, cap, first).await? {
            if let Some(slot) = self.take_slot(account, number, lease).await? {
                return Ok(Turn::Now(slot));
            }
        }
        self.give_turn(account, cap).await.map(Turn::At)
    }

    async fn extend_slot(&self, slot: &Slot, lease: Duration) -> Result<bool, StoreError> {
        self.hold_slot(slot, lease).await
    }

    async fn free_slot(&self, slot: Slot) -> Result<(), StoreError> {
        self.measure(&slot);
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

    async fn standing(&self, account: &str) -> Result<AccountStanding, StoreError> {
        let now = self.clock.now();
        let seen = self
            .standings()
            .get(account)
            .filter(|seen| seen.is_believed(now))
            .cloned();
        match seen {
            Some(seen) => Ok(seen.standing),
            None => self.read_standing(account, now).await,
        }
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
        self.standings().remove(account);
        Ok(())
    }

    async fn write_health(&self, account: &str, version: u64, health: &Health) -> Result<bool, StoreError> {
        let expires_at = self.clock.now().as_second() + KEPT;
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&Key::pause(account))))
            .update_expression(
                "SET #schema = :schema, health = :health, health_version = :next, expires_at = :expires_at",
            )
            .condition_expression("attribute_not_exists(health_version) OR health_version = :version")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":health", string(to_body(health)?))
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":next", number(version + 1))
            .expression_attribute_values(":expires_at", number(expires_at));
        let written = updated(request.send().await);
        self.standings().remove(account);
        written
    }

    async fn reserve_call(&self, account: &str, rate: &Rate) -> Result<Option<Timestamp>, StoreError> {
        let window = rate.window(self.clock.now());
        match self.spend(account, window.number) {
            Spent::One => return Ok(None),
            Spent::UsedUp => return Ok(Some(window.ends)),
            Spent::NothingReserved => {}
        }
        for chunk in [window.chunk, 1] {
            if self.reserve_chunk(account, &window, chunk).await? {
                self.keep_chunk(account, window.number, chunk - 1, false);
                return Ok(None);
            }
        }
        self.keep_chunk(account, window.number, 0, true);
        Ok(Some(window.ends))
    }
}

/// How often a turn is taken when others take theirs at the same time.
const TRIES: usize = 16;

impl Dynamo {
    fn holdings(&self) -> MutexGuard<'_, HashMap<String, Holding>> {
        self.holdings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measure(&self, slot: &Slot) {
        let held = self.clock.now().duration_since(slot.since);
        let mut holdings = self.holdings();
        let holding = holdings.entry(slot.account.clone()).or_default();
        *holding = holding.after(held);
    }

    /// A turn after the last that was given, by compare-and-set.
    async fn give_turn(&self, account: &str, cap: u16) -> Result<Timestamp, StoreError> {
        let holding = self.holdings().get(account).copied().unwrap_or_default();
        let mut turn = self.clock.now();
        for _ in 0..TRIES {
            let last = self.get(&Key::turn(account)).await?;
            let last = last.map(from_item::<TurnItem>).transpose()?.map(|item| item.turn);
            turn = holding.turn(cap, last, self.clock.now());
            if self.take_turn(account, last, turn).await? {
                return Ok(turn);
            }
        }
        Ok(turn)
    }

    async fn take_turn(&self, account: &str, last: Option<Timestamp>, turn: Timestamp) -> Result<bool, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&Key::turn(account))))
            .update_expression("SET #schema = :schema, turn = :turn, expires_at = :expires_at")
            .condition_expression("attribute_not_exists(turn) OR turn = :last")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":turn", string(turn.to_string()))
            .expression_attribute_values(":last", string(last.map(|last| last.to_string()).unwrap_or_default()))
            .expression_attribute_values(":expires_at", number(turn.as_second() + KEPT));
        updated(request.send().await)
    }
}

impl Seen {
    fn is_believed(&self, now: Timestamp) -> bool {
        let well = self.standing.paused.is_none() && self.standing.health == Health::default();
        now.duration_since(self.at).abs() < if well { SEEN } else { SEEN_IN_TROUBLE }
    }
}

/// What is left of a chunk that this process has reserved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    window: i64,
    left: u32,
    used_up: bool,
}

enum Spent {
    One,
    UsedUp,
    NothingReserved,
}

impl Dynamo {
    fn standings(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_standing(&self, account: &str, now: Timestamp) -> Result<AccountStanding, StoreError> {
        let item = self.get(&Key::pause(account)).await?;
        let item: StandingItem = item.map(from_item).transpose()?.unwrap_or_default();
        // Health that a newer version wrote in another shape is no reason to stand still.
        let health = item.health.and_then(|text| serde_json::from_str(&text).ok());
        let standing = AccountStanding {
            paused: item.until.filter(|until| *until > now),
            version: item.health_version,
            health: health.unwrap_or_default(),
        };
        let seen = Seen {
            at: now,
            standing: standing.clone(),
        };
        self.standings().insert(account.to_owned(), seen);
        Ok(standing)
    }

    /// Spends a call of the chunk that was reserved in this window; what is left of an earlier window is never used.
    fn spend(&self, account: &str, window: i64) -> Spent {
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        match chunks.get_mut(account).filter(|chunk| chunk.window == window) {
            Some(chunk) if chunk.left > 0 => {
                chunk.left -= 1;
                Spent::One
            }
            Some(chunk) if chunk.used_up => Spent::UsedUp,
            _ => Spent::NothingReserved,
        }
    }

    fn keep_chunk(&self, account: &str, window: i64, left: u32, used_up: bool) {
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        let others = chunks
            .get(account)
            .filter(|chunk| chunk.window == window)
            .map_or(0, |chunk| chunk.left);
        let left = left + others;
        chunks.insert(account.to_owned(), Chunk { window, left, used_up });
    }

    /// A lost answer that is tried again counts twice: the limit is never passed, and may be reached too early.
    async fn reserve_chunk(&self, account: &str, window: &Window, chunk: u32) -> Result<bool, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&Key::window(account, window.number))))
            .update_expression("SET #schema = :schema, expires_at = :expires_at ADD taken :chunk")
            .condition_expression("attribute_not_exists(taken) OR taken <= :room")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":expires_at", number(window.ends.as_second() + WINDOW_KEPT))
            .expression_attribute_values(":chunk", number(chunk))
            .expression_attribute_values(":room", number(window.room.saturating_sub(chunk)));
        updated(request.send().await)
    }
}

impl Dynamo {
    async fn take_slot(&self, account: &str, number: u16, lease: Duration) -> Result<Option<Slot>, StoreError> {
        let slot = Slot {
            account: account.to_owned(),
            number,
            owner: self.nonces.nonce(),
            since: self.clock.now(),
        };
        Ok(self.hold_slot(&slot, lease).await?.then_some(slot))
    }

    async fn hold_slot(&self, slot: &Slot, lease: Duration) -> Result<bool, StoreError> {
        let (now, key) = (self.clock.now(), Key::slot(&slot.account, slot.number));
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let item = to_item(&SlotItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            owner: slot.owner.clone(),
            until: sortable(until),
        })?;
        self.put_slot(item, &slot.owner, now).await
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
}
