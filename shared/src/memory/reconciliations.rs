//! Reconciliations in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Memory, answered};
use crate::domain::{ConnectionId, Gap, ListEntry, Listed, Reconciliation, Run};
use crate::ports::{Reconciliations, StoreError};

/// Everything that is stored of reconciliations, by connection.
#[derive(Debug, Clone, Default)]
pub struct Reconciled {
    /// The run in hand.
    pub standing: BTreeMap<ConnectionId, Reconciliation>,
    /// Runs by number.
    pub runs: BTreeMap<(ConnectionId, u32), Run>,
    /// Gaps by run and step.
    pub gaps: BTreeMap<(ConnectionId, u32, u32), Vec<Gap>>,
    /// What the carrier's list said, by parcel.
    pub listed: BTreeMap<(ConnectionId, String), Listed>,
}

#[async_trait]
impl Reconciliations for Memory {
    async fn standing(&self, connection: &ConnectionId) -> Result<Reconciliation, StoreError> {
        let fate = self.pass("standing").await;
        let standing = self.tables().reconciled.standing.get(connection).cloned();
        answered(fate, standing.unwrap_or_default()).await
    }

    async fn advance(&self, connection: &ConnectionId, standing: &Reconciliation) -> Result<bool, StoreError> {
        let fate = self.pass("advance_run").await;
        let fits = {
            let mut tables = self.tables();
            let all = &mut tables.reconciled.standing;
            let fits = all.get(connection).map_or(0, |current| current.version) + 1 == standing.version;
            if fits {
                all.insert(connection.clone(), standing.clone());
            }
            fits || all.get(connection) == Some(standing)
        };
        answered(fate, fits).await
    }

    async fn unfinished(&self, now: Timestamp, limit: u16) -> Result<Vec<ConnectionId>, StoreError> {
        let tables = self.tables();
        let due = tables
            .reconciled
            .standing
            .iter()
            .filter_map(|(id, standing)| Some((standing.due_at?, id.clone())));
        let mut due: Vec<_> = due.filter(|(at, _)| *at <= now).collect();
        due.sort();
        Ok(due.into_iter().take(usize::from(limit)).map(|(_, id)| id).collect())
    }

    async fn keep_gaps(&self, connection: &ConnectionId, run: u32, step: u32, gaps: &[Gap]) -> Result<(), StoreError> {
        let fate = self.pass("keep_gaps").await;
        let key = (connection.clone(), run, step);
        self.tables().reconciled.gaps.insert(key, gaps.to_vec());
        answered(fate, ()).await
    }

    async fn gaps(&self, connection: &ConnectionId, run: u32, step: u32) -> Result<Vec<Gap>, StoreError> {
        let gaps = self
            .tables()
            .reconciled
            .gaps
            .get(&(connection.clone(), run, step))
            .cloned();
        Ok(gaps.unwrap_or_default())
    }

    async fn keep(&self, connection: &ConnectionId, run: &Run) -> Result<(), StoreError> {
        let fate = self.pass("keep_run").await;
        let key = (connection.clone(), run.number);
        self.tables().reconciled.runs.insert(key, run.clone());
        answered(fate, ()).await
    }

    async fn run(&self, connection: &ConnectionId, number: u32) -> Result<Option<Run>, StoreError> {
        Ok(self
            .tables()
            .reconciled
            .runs
            .get(&(connection.clone(), number))
            .cloned())
    }

    async fn runs(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<Run>, StoreError> {
        let tables = self.tables();
        let all = tables.reconciled.runs.iter().rev();
        let own = all.filter(|((id, _), _)| id == connection).map(|(_, run)| run.clone());
        Ok(own.take(usize::from(limit)).collect())
    }

    async fn note_listed(&self, connection: &ConnectionId, entries: &[ListEntry]) -> Result<(), StoreError> {
        let fate = self.pass("note_listed").await;
        {
            let mut tables = self.tables();
            for entry in entries {
                for number in &entry.tracking_numbers {
                    let key = (connection.clone(), number.clone());
                    let known = tables.reconciled.listed.entry(key).or_default();
                    known.voided |= entry.voided;
                    known.sold |= !entry.voided;
                }
            }
        }
        answered(fate, ()).await
    }

    async fn listed(
        &self,
        connection: &ConnectionId,
        tracking_numbers: &[String],
    ) -> Result<BTreeMap<String, Listed>, StoreError> {
        let tables = self.tables();
        let said = |number: &String| {
            let listed = tables.reconciled.listed.get(&(connection.clone(), number.clone()))?;
            Some((number.clone(), *listed))
        };
        Ok(tracking_numbers.iter().filter_map(said).collect())
    }
}
