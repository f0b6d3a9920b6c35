//! What desks were told of stock and customers, in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Memory, Shared, answered};
use crate::domain::{ConnectionId, DocumentId, LevelKey, SentLevel, StockRun, TenantId, ToldGoods, ToldLine};
use crate::ports::{
    CustomersRun, DeskStory, DeskWrite, GoodsBook, Outgoing, StockBooks, StockMessage, StockQueue, StoreError,
};

/// Levels by the SKU under which they were last told.
type BySku = BTreeMap<(ConnectionId, String), BTreeSet<LevelKey>>;

/// Pages of stories by run and number.
type Stories = BTreeMap<(ConnectionId, Outgoing, u32, u64), Vec<DeskWrite>>;

/// Everything that is stored of what desks were told.
#[derive(Debug, Clone, Default)]
pub struct Desks {
    /// Runs of stock.
    pub stock_runs: BTreeMap<ConnectionId, StockRun>,
    /// Runs of customers.
    pub customers_runs: BTreeMap<ConnectionId, CustomersRun>,
    /// What was last told.
    pub sent: Shared<BTreeMap<(ConnectionId, LevelKey), SentLevel>>,
    /// The same by SKU, the SKUs of before among them.
    by_sku: Shared<BySku>,
    /// What was told of the goods of orders.
    pub goods: BTreeMap<(ConnectionId, DocumentId), ToldGoods>,
    /// The runs' stories.
    pub stories: Shared<Stories>,
    /// Messages with the time before which nobody receives them, in the order in which they were sent.
    pub queue: VecDeque<(StockMessage, Timestamp)>,
}

impl Memory {
    /// Takes the next message about stock or customers that may be received now.
    pub fn receive_stock(&self) -> Option<StockMessage> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let queue = &mut tables.desks.queue;
        let index = queue.iter().position(|(_, visible_at)| *visible_at <= now)?;
        queue.remove(index).map(|(message, _)| message)
    }
}

#[async_trait]
impl StockBooks for Memory {
    async fn stock_run(&self, connection: &ConnectionId) -> Result<StockRun, StoreError> {
        let fate = self.pass("stock_run").await;
        let run = self.tables().desks.stock_runs.get(connection).cloned();
        answered(fate, run.unwrap_or_default()).await
    }

    async fn write_stock_run(&self, connection: &ConnectionId, run: &StockRun) -> Result<bool, StoreError> {
        let fate = self.pass("write_stock_run").await;
        let fits = {
            let mut tables = self.tables();
            let runs = &mut tables.desks.stock_runs;
            let fits = runs.get(connection).map_or(0, |current| current.round.version) + 1 == run.round.version;
            if fits {
                runs.insert(connection.clone(), run.clone());
            }
            fits || runs.get(connection) == Some(run)
        };
        answered(fate, fits).await
    }

    async fn sent(
        &self,
        connection: &ConnectionId,
        from: &LevelKey,
        to: &LevelKey,
    ) -> Result<Vec<SentLevel>, StoreError> {
        let fate = self.pass("sent").await;
        let (from, to) = ((connection.clone(), from.clone()), (connection.clone(), to.clone()));
        let levels = self
            .tables()
            .desks
            .sent
            .range(from..=to)
            .map(|(_, level)| level.clone())
            .collect();
        answered(fate, levels).await
    }

    async fn sent_as(&self, connection: &ConnectionId, sku: &str) -> Result<Vec<SentLevel>, StoreError> {
        let fate = self.pass("sent_as").await;
        let levels = {
            let tables = self.tables();
            let keys = tables.desks.by_sku.get(&(connection.clone(), sku.to_owned()));
            let level = |key: &LevelKey| tables.desks.sent.get(&(connection.clone(), key.clone()));
            let known = keys.into_iter().flatten().filter_map(level);
            known
                .filter(|level| level.sku == sku && !level.place.is_empty())
                .cloned()
                .collect()
        };
        answered(fate, levels).await
    }

    async fn keep_sent(&self, connection: &ConnectionId, levels: &[SentLevel]) -> Result<(), StoreError> {
        let fate = self.pass("keep_sent").await;
        for level in levels {
            let key = (connection.clone(), level.key.clone());
            let mut tables = self.tables();
            let name = (connection.clone(), level.sku.clone());
            tables.desks.by_sku.entry(name).or_default().insert(level.key.clone());
            tables.desks.sent.insert(key, level.clone());
        }
        answered(fate, ()).await
    }

    async fn customers_run(&self, connection: &ConnectionId) -> Result<CustomersRun, StoreError> {
        let fate = self.pass("customers_run").await;
        let run = self.tables().desks.customers_runs.get(connection).cloned();
        answered(fate, run.unwrap_or_default()).await
    }

    async fn write_customers_run(&self, connection: &ConnectionId, run: &CustomersRun) -> Result<bool, StoreError> {
        let fate = self.pass("write_customers_run").await;
        let fits = {
            let mut tables = self.tables();
            let runs = &mut tables.desks.customers_runs;
            let fits = runs.get(connection).map_or(0, |current| current.round.version) + 1 == run.round.version;
            if fits {
                runs.insert(connection.clone(), run.clone());
            }
            fits || runs.get(connection) == Some(run)
        };
        answered(fate, fits).await
    }

    async fn told_goods(&self, connection: &ConnectionId, order: &DocumentId) -> Result<ToldGoods, StoreError> {
        let fate = self.pass("told_goods").await;
        let key = (connection.clone(), order.clone());
        let goods = self.tables().desks.goods.get(&key).cloned();
        answered(fate, goods.unwrap_or_default()).await
    }

    async fn keep_told_goods(
        &self,
        connection: &ConnectionId,
        order: &DocumentId,
        goods: &ToldGoods,
    ) -> Result<(), StoreError> {
        let fate = self.pass("keep_told_goods").await;
        let key = (connection.clone(), order.clone());
        self.tables().desks.goods.insert(key, goods.clone());
        answered(fate, ()).await
    }

    async fn keep_story(&self, story: DeskStory<'_>, page: u64, writes: &[DeskWrite]) -> Result<(), StoreError> {
        let fate = self.pass("keep_story").await;
        let key = (story.connection.clone(), story.of, story.run, page);
        self.tables().desks.stories.insert(key, writes.to_vec());
        answered(fate, ()).await
    }

    async fn story(&self, story: DeskStory<'_>, pages: u16) -> Result<Vec<DeskWrite>, StoreError> {
        let fate = self.pass("story").await;
        let writes = {
            let tables = self.tables();
            let key = |page: u64| (story.connection.clone(), story.of, story.run, page);
            let mut found: Vec<_> = tables
                .desks
                .stories
                .range(key(0)..=key(u64::MAX))
                .rev()
                .take(usize::from(pages))
                .collect();
            found.reverse();
            found.into_iter().flat_map(|(_, writes)| writes.clone()).collect()
        };
        answered(fate, writes).await
    }
}

#[async_trait]
impl StockQueue for Memory {
    async fn send(&self, message: &StockMessage, _tenant: &TenantId, delay: Duration) -> Result<(), StoreError> {
        let fate = self.pass("send_stock").await;
        let delay = jiff::SignedDuration::try_from(delay.min(Duration::from_secs(900))).unwrap_or_default();
        let visible_at = self.clock.now() + delay;
        self.tables().desks.queue.push_back((message.clone(), visible_at));
        answered(fate, ()).await
    }
}

/// The book of one order's goods.
#[derive(Debug, Default)]
pub struct OrderBook(Mutex<ToldGoods>);

impl OrderBook {
    /// A book that knows that the desk heard of these.
    pub fn heard(goods: &[ToldLine]) -> Self {
        Self(Mutex::new(ToldGoods {
            heard: Some(goods.to_vec()),
            doubt: None,
        }))
    }

    /// What it knows.
    pub fn goods(&self) -> ToldGoods {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The desk shows what is wanted.
    pub fn settle(&self, wanted: &[ToldLine]) {
        self.keep(self.goods().settled(wanted));
    }

    fn keep(&self, goods: ToldGoods) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = goods;
    }
}

#[async_trait]
impl GoodsBook for OrderBook {
    fn are_told(&self, there: &[ToldLine]) -> bool {
        self.goods().are(there)
    }

    async fn tell(&self, there: Option<&[ToldLine]>, wanted: &[ToldLine]) -> Result<(), StoreError> {
        self.keep(self.goods().telling(there, wanted));
        Ok(())
    }
}
