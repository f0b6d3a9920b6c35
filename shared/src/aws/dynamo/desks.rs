//! `DESK#connection`: what a desk was last told of each level, an item each, and the runs that tell it of stock and customers.
//!
//! A connection has one partition, because a page of levels is read by one query between two keys: 500 levels of some 250 bytes are
//! a tenth of a megabyte. It is written no faster than the desk takes calls. Levels never expire: without them everything would be
//! told again. A level that is shown stands in the index `number` under its SKU, which is asked before a name is emptied. Beside them
//! stand what was told of orders' goods, and the runs' stories, which do expire.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Dynamo;
use super::keys::{Key, desk_books, desk_story, level, sku_key};
use super::table::{Guard, Item, SCHEMA, Search, Transacted, Verdict, Write, body, text, to_body, to_item};
use crate::domain::{ConnectionId, DocumentId, LevelKey, SentLevel, StockRun, ToldGoods};
use crate::ports::{CustomersRun, DeskStory, DeskWrite, StockBooks, StoreError};

/// How long it is known what a desk was told of an order's goods, in seconds: longer than orders stay open. Whoever is told nothing of
/// it leaves the goods alone.
const GOODS_KEPT: i64 = 400 * 24 * 60 * 60;

/// How long a run's story is kept, in seconds.
const STORY_KEPT: i64 = 90 * 24 * 60 * 60;

#[derive(Serialize)]
struct RunItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    body: String,
}

#[derive(Serialize)]
struct LevelItem {
    pk: String,
    sk: String,
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    number_key: Option<String>,
    body: String,
}

/// What is kept for a while.
#[derive(Serialize)]
struct PassingItem {
    pk: String,
    sk: String,
    schema: u32,
    expires_at: i64,
    body: String,
}

#[async_trait]
impl StockBooks for Dynamo {
    async fn stock_run(&self, connection: &ConnectionId) -> Result<StockRun, StoreError> {
        let item = self.get(&Key::stock_run(connection)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn write_stock_run(&self, connection: &ConnectionId, run: &StockRun) -> Result<bool, StoreError> {
        self.write_round(Key::stock_run(connection), run.round.version, run)
            .await
    }

    async fn sent(
        &self,
        connection: &ConnectionId,
        from: &LevelKey,
        to: &LevelKey,
    ) -> Result<Vec<SentLevel>, StoreError> {
        let search = Search::partition(&desk_books(connection)).between("sk", level(from), level(to));
        self.search(&search).await?.iter().map(body).collect()
    }

    async fn sent_as(&self, connection: &ConnectionId, sku: &str) -> Result<Vec<SentLevel>, StoreError> {
        let found = Search::index("number", "number_key", sku_key(connection, sku));
        let key = |item: &Item| {
            let (pk, sk) = (text(item, "pk")?.to_owned(), text(item, "sk")?.to_owned());
            Some(Key { pk, sk })
        };
        let keys: Vec<Key> = self.search(&found).await?.iter().filter_map(key).collect();
        let levels = self.batch(keys).await?;
        let levels: Vec<SentLevel> = levels.iter().map(body).collect::<Result<_, _>>()?;
        // The index may be a moment behind.
        Ok(levels
            .into_iter()
            .filter(|level| level.sku == sku && !level.place.is_empty())
            .collect())
    }

    async fn keep_sent(&self, connection: &ConnectionId, levels: &[SentLevel]) -> Result<(), StoreError> {
        let item = |level: &SentLevel| {
            let key = Key::level(connection, &level.key);
            to_item(&LevelItem {
                pk: key.pk,
                sk: key.sk,
                schema: SCHEMA,
                number_key: (!level.place.is_empty()).then(|| sku_key(connection, &level.sku)),
                body: to_body(level)?,
            })
        };
        self.put_all(levels.iter().map(item).collect::<Result<_, _>>()?).await
    }

    async fn customers_run(&self, connection: &ConnectionId) -> Result<CustomersRun, StoreError> {
        let item = self.get(&Key::customers_run(connection)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn write_customers_run(&self, connection: &ConnectionId, run: &CustomersRun) -> Result<bool, StoreError> {
        self.write_round(Key::customers_run(connection), run.round.version, run)
            .await
    }

    async fn told_goods(&self, connection: &ConnectionId, order: &DocumentId) -> Result<ToldGoods, StoreError> {
        let item = self.get(&Key::told_goods(connection, order)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn keep_told_goods(
        &self,
        connection: &ConnectionId,
        order: &DocumentId,
        goods: &ToldGoods,
    ) -> Result<(), StoreError> {
        self.keep_for(Key::told_goods(connection, order), GOODS_KEPT, to_body(goods)?)
            .await
    }

    async fn keep_story(&self, story: DeskStory<'_>, page: u64, writes: &[DeskWrite]) -> Result<(), StoreError> {
        self.keep_for(Key::desk_story(story, page), STORY_KEPT, to_body(&writes)?)
            .await
    }

    async fn story(&self, story: DeskStory<'_>, pages: u16) -> Result<Vec<DeskWrite>, StoreError> {
        let search = Search::beginning(desk_books(story.connection), &desk_story(story));
        let mut found = self.search(&search.backwards().limit(pages)).await?;
        found.reverse();
        let pages: Vec<Vec<DeskWrite>> = found.iter().map(body).collect::<Result<_, _>>()?;
        Ok(pages.into_iter().flatten().collect())
    }
}

impl Dynamo {
    async fn keep_for(&self, key: Key, seconds: i64, body: String) -> Result<(), StoreError> {
        let item = to_item(&PassingItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            expires_at: self.clock.now().as_second() + seconds,
            body,
        })?;
        let guard = Guard::Free;
        self.put(&Write { item, guard }).await.map(|_| ())
    }

    async fn write_round<T>(&self, key: Key, version: u64, run: &T) -> Result<bool, StoreError>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let item = RunItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            version,
            body: to_body(run)?,
        };
        let write = Write {
            item: to_item(&item)?,
            guard: Guard::before(version),
        };
        let Transacted::Refused(verdicts) = self.put(&write).await? else {
            return Ok(true);
        };
        // What says the same as ours is our own write, whose answer was lost: whoever is at a run has a nonce of its own.
        match verdicts.into_iter().next() {
            Some(Verdict::Refused(Some(item))) => Ok(body::<T>(&item)? == *run),
            _ => Ok(false),
        }
    }
}
