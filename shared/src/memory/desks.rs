//! What desks were told of stock and customers, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Memory, Shared, answered};
use crate::domain::{ConnectionId, LevelKey, SentLevel, StockRun, TenantId};
use crate::ports::{CustomersRun, StockBooks, StockMessage, StockQueue, StoreError};

/// Everything that is stored of what desks were told.
#[derive(Debug, Clone, Default)]
pub struct Desks {
    /// Runs of stock.
    pub stock_runs: BTreeMap<ConnectionId, StockRun>,
    /// Runs of customers.
    pub customers_runs: BTreeMap<ConnectionId, CustomersRun>,
    /// What was last told.
    pub sent: Shared<BTreeMap<(ConnectionId, LevelKey), SentLevel>>,
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
            let all = tables.desks.sent.iter();
            let own = all.filter(|((id, _), level)| id == connection && level.sku == sku && !level.place.is_empty());
            own.map(|(_, level)| level.clone()).collect()
        };
        answered(fate, levels).await
    }

    async fn keep_sent(&self, connection: &ConnectionId, levels: &[SentLevel]) -> Result<(), StoreError> {
        let fate = self.pass("keep_sent").await;
        for level in levels {
            let key = (connection.clone(), level.key.clone());
            self.tables().desks.sent.insert(key, level.clone());
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
