//! `RECON#connection`: the run in hand, the runs before with their gaps; and `LISTED#connection#number`: what the carrier's
//! list has said of a parcel, an item for each thing said, so that neither order nor repetition matters.
//!
//! An unfinished run stands in the index `due`, so that a tick finds it without looking at every connection.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use super::Dynamo;
use super::keys::{Key, RUN, SOLD, UNFINISHED, VOID, reconciled, reconciliations, sortable};
use super::table::{Guard, SCHEMA, Search, Transacted, Verdict, Write, body, text, to_body, to_item};
use crate::domain::{ConnectionId, Gap, ListEntry, Listed, Reconciliation, Run};
use crate::ports::{Reconciliations, StoreError};

/// How long what a list said is kept after it was read last, in seconds.
const LISTED_KEPT: i64 = 35 * 24 * 60 * 60;

/// How long runs are kept where the connection's retention is not known, in days.
const RUNS_KEPT: u32 = 90;

#[derive(Serialize)]
struct StandingItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_shard: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    body: String,
}

#[derive(Serialize)]
struct KeptItem {
    pk: String,
    sk: String,
    schema: u32,
    expires_at: i64,
    body: String,
}

#[derive(Serialize)]
struct ListedItem {
    pk: String,
    sk: String,
    schema: u32,
    expires_at: i64,
}

#[async_trait]
impl Reconciliations for Dynamo {
    async fn standing(&self, connection: &ConnectionId) -> Result<Reconciliation, StoreError> {
        let item = self.get(&Key::reconciliation(connection)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn advance(&self, connection: &ConnectionId, standing: &Reconciliation) -> Result<bool, StoreError> {
        let key = Key::reconciliation(connection);
        let item = StandingItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            version: standing.version,
            due_shard: standing.due_at.map(|_| UNFINISHED),
            due_at: standing.due_at.map(sortable),
            body: to_body(standing)?,
        };
        let write = Write {
            item: to_item(&item)?,
            guard: Guard::before(standing.version),
        };
        let Transacted::Refused(verdicts) = self.put(&write).await? else {
            return Ok(true);
        };
        // What says the same as ours is our own write, whose answer was lost; or as good as it.
        match verdicts.into_iter().next() {
            Some(Verdict::Refused(Some(item))) => Ok(body::<Reconciliation>(&item)? == *standing),
            _ => Ok(false),
        }
    }

    async fn unfinished(&self, now: Timestamp, limit: u16) -> Result<Vec<ConnectionId>, StoreError> {
        let keys = self.due_in(UNFINISHED.to_owned(), now, limit).await?;
        Ok(keys.iter().filter_map(|key| reconciled(text(key, "pk")?)).collect())
    }

    async fn keep_gaps(&self, connection: &ConnectionId, run: u32, step: u32, gaps: &[Gap]) -> Result<(), StoreError> {
        let key = Key::gaps(connection, run, step);
        self.keep_item(connection, key, to_body(&gaps)?).await
    }

    async fn gaps(&self, connection: &ConnectionId, run: u32, step: u32) -> Result<Vec<Gap>, StoreError> {
        let item = self.get(&Key::gaps(connection, run, step)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn keep(&self, connection: &ConnectionId, run: &Run) -> Result<(), StoreError> {
        let key = Key::run(connection, run.number);
        self.keep_item(connection, key, to_body(run)?).await
    }

    async fn run(&self, connection: &ConnectionId, number: u32) -> Result<Option<Run>, StoreError> {
        let item = self.get(&Key::run(connection, number)).await?;
        item.as_ref().map(body).transpose()
    }

    async fn runs(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<Run>, StoreError> {
        let search = Search::beginning(reconciliations(connection), RUN).backwards();
        let items = self.search(&search.limit(limit)).await?;
        items.iter().map(body).collect()
    }

    async fn note_listed(&self, connection: &ConnectionId, entries: &[ListEntry]) -> Result<(), StoreError> {
        let expires_at = self.clock.now().as_second() + LISTED_KEPT;
        let said = entries.iter().flat_map(|entry| {
            let said = if entry.voided { VOID } else { SOLD };
            entry.tracking_numbers.iter().map(move |number| (number.as_str(), said))
        });
        // The same key twice in one batch is refused.
        let said: BTreeSet<(&str, &str)> = said.collect();
        let item = |(number, said)| {
            let key = Key::listed(connection, number, said);
            to_item(&ListedItem {
                pk: key.pk,
                sk: key.sk,
                schema: SCHEMA,
                expires_at,
            })
        };
        self.put_all(said.into_iter().map(item).collect::<Result<_, _>>()?)
            .await
    }

    async fn listed(
        &self,
        connection: &ConnectionId,
        tracking_numbers: &[String],
    ) -> Result<BTreeMap<String, Listed>, StoreError> {
        let keys = tracking_numbers
            .iter()
            .flat_map(|number| [SOLD, VOID].map(|said| Key::listed(connection, number, said)));
        let prefix = Key::listed(connection, "", SOLD).pk;
        let mut listed: BTreeMap<String, Listed> = BTreeMap::new();
        for item in self.batch(keys).await? {
            let number = text(&item, "pk").and_then(|pk| pk.strip_prefix(&prefix));
            let (Some(number), Some(said)) = (number, text(&item, "sk")) else {
                continue;
            };
            let known = listed.entry(number.to_owned()).or_default();
            known.sold |= said == SOLD;
            known.voided |= said == VOID;
        }
        Ok(listed)
    }
}

impl Dynamo {
    async fn keep_item(&self, connection: &ConnectionId, key: Key, body: String) -> Result<(), StoreError> {
        let days = self.retention(connection).await?.unwrap_or(RUNS_KEPT);
        let item = KeptItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            expires_at: self.clock.now().as_second() + i64::from(days) * 24 * 60 * 60,
            body,
        };
        let write = Write {
            item: to_item(&item)?,
            guard: Guard::Free,
        };
        self.put(&write).await.map(|_| ())
    }
}
