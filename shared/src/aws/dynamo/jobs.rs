//! `JOB#id`: the job, its snapshots and its story, written in one transaction.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Dynamo;
use super::keys::{AUDIT, Key, ORDER, due_shard, job_of, shipment_key, sortable, state_shard};
use super::table::{Guard, Item, SCHEMA, Search, Transacted, Verdict, Write, body, request_token, text, with_body};
use super::table::{to_body, to_item};
use crate::aws::blobs::Keep;
use crate::domain::{CarrierShipmentId, ConnectionId, JobId, Nonce, Personal, Snapshot};
use crate::job::{Job, history};
use crate::ports::{AuditEntry, Jobs, Save, Saved, StoreError};

/// What takes more than this (an entry's calls, a webhook's body) is kept outside the table.
pub(super) const INLINE: usize = 64 * 1024;

/// For how many days calls are kept outside the table where the connection's retention is not known.
const KEPT: u32 = 400;

/// How many parcels begin to be followed in the job's own transaction.
const PARCELS: usize = 80;

#[derive(Serialize)]
struct JobItem<'a> {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    last_write: &'a Nonce,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_shard: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    state_shard: String,
    state_at: String,
    /// The shipment that it bought: by it a person's number is known to be another job's.
    #[serde(skip_serializing_if = "Option::is_none")]
    number_key: Option<String>,
    body: String,
}

#[derive(Serialize)]
struct SnapshotItem<'a> {
    pk: String,
    sk: String,
    schema: u32,
    hash: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    body: String,
}

#[derive(Serialize, Deserialize)]
struct AuditItem {
    pk: String,
    sk: String,
    schema: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exchanges_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    body: String,
}

#[async_trait]
impl Jobs for Dynamo {
    async fn load(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.get(&Key::job(id)).await?.map(|item| body(&item)).transpose()
    }

    async fn snapshot(&self, id: &JobId, number: u32) -> Result<Option<Snapshot>, StoreError> {
        let item = self.get(&Key::order(id, number)).await?;
        item.map(|item| body(&item)).transpose()
    }

    async fn save(&self, save: &Save) -> Result<Saved, StoreError> {
        let (parcels, surplus) = save.parcels.split_at(save.parcels.len().min(PARCELS));
        self.follow(surplus).await?;
        let mut writes = self.writes(save).await?;
        for parcel in parcels {
            writes.push(self.parcel_write(parcel).await?);
        }
        let own = [save.job.id.as_str(), save.job.last_write.as_str()];
        let numbers = parcels.iter().map(|parcel| parcel.key.number.as_str());
        let token = request_token(own.into_iter().chain(numbers));
        match self.transact(&token, &writes).await? {
            Transacted::Done => Ok(Saved::Done),
            Transacted::Refused(verdicts) => self.refused(save, verdicts).await,
        }
    }

    async fn with_shipment(
        &self,
        connection: &ConnectionId,
        shipment: &CarrierShipmentId,
    ) -> Result<Vec<JobId>, StoreError> {
        let search = Search::index("number", "number_key", shipment_key(connection, shipment));
        let keys = self.search(&search).await?;
        Ok(keys.iter().filter_map(|key| job_of(text(key, "pk")?)).collect())
    }

    async fn erase(&self, id: &JobId) -> Result<(), StoreError> {
        self.erase_tracking(id).await?;
        self.erase_items(id).await?;
        self.blobs.delete_under(&format!("labels/{id}/")).await?;
        self.blobs.delete_under(&format!("audit/{id}/")).await
    }
}

impl Dynamo {
    async fn writes(&self, save: &Save) -> Result<Vec<Write>, StoreError> {
        let job = &save.job;
        let expires_at = self.expiry(save).await?;
        let mut writes = vec![job_write(job, Guard::before(job.version))?];
        if let Some(units) = &save.units {
            writes.push(super::documents::units_write(&job.connection, units)?);
        }
        for note in save.rereads() {
            writes.push(super::documents::reread_write(&job.connection, &note)?);
        }
        if let Some(snapshot) = &save.snapshot {
            writes.push(snapshot_write(&job.id, snapshot, expires_at)?);
        }
        for (number, entry) in save.audit.iter().enumerate() {
            writes.push(self.audit_write(job, number, entry, expires_at).await?);
        }
        Ok(writes)
    }

    async fn expiry(&self, save: &Save) -> Result<Option<i64>, StoreError> {
        if save.audit.is_empty() && save.snapshot.is_none() {
            return Ok(None);
        }
        self.expires_at(&save.job).await
    }

    /// When personal data that is written with this job expires, by the connection's retention; in Unix seconds.
    pub(super) async fn expires_at(&self, job: &Job) -> Result<Option<i64>, StoreError> {
        let days = self.retention(&job.connection).await?;
        Ok(days.map(|days| job.updated_at.as_second() + i64::from(days) * 24 * 60 * 60))
    }

    /// The calls of a big entry go to the bucket first: an object without an entry is harmless, the reverse is not. Its
    /// key carries the write's own nonce, so that two writers of one version do not overwrite each other.
    pub(super) async fn audit_write(
        &self,
        job: &Job,
        number: usize,
        entry: &AuditEntry,
        expires_at: Option<i64>,
    ) -> Result<Write, StoreError> {
        let key = Key::audit(&job.id, job.version, number);
        let (mut text, mut exchanges_at) = (to_body(entry)?, None);
        if text.len() > INLINE && !entry.exchanges.is_empty() {
            let at = format!(
                "audit/{}/{:010}-{number:03}-{}.json",
                job.id,
                job.version,
                job.last_write.as_str()
            );
            let keep = Keep::at_least(self.retention(&job.connection).await?.unwrap_or(KEPT));
            self.blobs
                .keep(&at, to_body(&entry.exchanges)?.into_bytes(), "application/json", keep)
                .await?;
            text = to_body(&AuditEntry {
                exchanges: Vec::new(),
                ..entry.clone()
            })?;
            exchanges_at = Some(at);
        }
        let item = AuditItem {
            pk: key.pk,
            sk: key.sk,
            schema: SCHEMA,
            exchanges_at,
            expires_at,
            body: text,
        };
        Ok(Write {
            item: to_item(&item)?,
            guard: Guard::Free,
        })
    }

    /// An entry of the story, with its calls from wherever they are; calls that have expired are missing.
    pub(super) async fn audit_entry(&self, item: &Item) -> Result<AuditEntry, StoreError> {
        let mut entry: AuditEntry = body(item)?;
        let Some(key) = text(item, "exchanges_at") else {
            return Ok(entry);
        };
        if let Some(bytes) = self.blobs.get(key).await? {
            let exchanges = serde_json::from_slice(&bytes);
            entry.exchanges = exchanges.map_err(|error| StoreError(format!("{key} cannot be read: {error}")))?;
        }
        Ok(entry)
    }

    /// A guard did not hold. The job's own is asked first: if what stands there is this very write, its answer was lost
    /// and it is done. The units' comes next, the parcels' last.
    async fn refused(&self, save: &Save, verdicts: Vec<Verdict>) -> Result<Saved, StoreError> {
        let refused = |verdict: Option<&Verdict>| matches!(verdict, Some(Verdict::Refused(_)));
        if !refused(verdicts.first()) {
            if save.units.is_some() && refused(verdicts.get(1)) {
                return Ok(Saved::UnitsConflict);
            }
            return self.save_without_followed(save, &verdicts).await;
        }
        let standing = match verdicts.into_iter().next() {
            Some(Verdict::Refused(Some(item))) => body(&item)?,
            _ => self.standing(&save.job.id).await?,
        };
        if standing.last_write == save.job.last_write {
            Ok(Saved::Done)
        } else {
            Ok(Saved::Conflict(Box::new(standing)))
        }
    }

    /// A number that is followed already must not stop the job that has shipped it: carriers' test systems give the same one
    /// to everybody.
    async fn save_without_followed(&self, save: &Save, verdicts: &[Verdict]) -> Result<Saved, StoreError> {
        let asked = save.parcels.len().min(PARCELS);
        let (_, asked) = verdicts.split_at(verdicts.len().saturating_sub(asked));
        let mut verdicts = asked.iter();
        let mut parcels = save.parcels.clone();
        parcels.retain(|_| !matches!(verdicts.next(), Some(Verdict::Refused(_))));
        if parcels.len() == save.parcels.len() {
            return Err(StoreError(format!("a write of job {} was refused", save.job.id)));
        }
        tracing::warn!(job = %save.job.id, "a tracking number of the job is followed already");
        let save = Save {
            parcels,
            ..save.clone()
        };
        Box::pin(self.save(&save)).await
    }

    /// What the readings and the verdict said of a person is learnt before it is erased; said again, it may be gone already.
    async fn erase_items(&self, id: &JobId) -> Result<(), StoreError> {
        let mut personal = Personal::default();
        if let Some(verdict) = self.load(id).await?.as_ref().and_then(|job| job.address.done()) {
            personal.learn_verdict(verdict);
        }
        let items = self.search(&Search::beginning(Key::job(id).pk, ORDER)).await?;
        let readings = items.iter().map(body::<Snapshot>).collect::<Result<Vec<_>, _>>()?;
        readings
            .iter()
            .for_each(|reading| personal.learn(&reading.consignment.ship_to));
        // The story first, while it is still known what to strike from it.
        self.erase_story(id, personal).await?;
        for (item, reading) in items.into_iter().zip(&readings) {
            self.rewrite(item, to_body(&reading.without_person())?).await?;
        }
        Ok(())
    }

    async fn erase_story(&self, id: &JobId, mut personal: Personal) -> Result<(), StoreError> {
        let items = self.search(&Search::beginning(Key::job(id).pk, AUDIT)).await?;
        let entries = items.iter().map(body::<AuditEntry>).collect::<Result<Vec<_>, _>>()?;
        let changes = entries.iter().filter_map(|entry| entry.change.as_ref());
        changes.for_each(|change| history::learn(change, &mut personal));
        for (mut item, entry) in items.into_iter().zip(&entries) {
            item.remove("exchanges_at");
            self.rewrite(item, to_body(&entry.without_person(&personal))?).await?;
        }
        Ok(())
    }

    async fn rewrite(&self, item: Item, body: String) -> Result<(), StoreError> {
        let (item, guard) = (with_body(item, &body), Guard::Free);
        self.put(&Write { item, guard }).await.map(|_| ())
    }

    async fn standing(&self, id: &JobId) -> Result<Job, StoreError> {
        let job = self.load(id).await?;
        job.ok_or_else(|| StoreError(format!("there is no job {id} to replace")))
    }
}

pub(super) fn job_write(job: &Job, guard: Guard) -> Result<Write, StoreError> {
    let key = Key::job(&job.id);
    let item = JobItem {
        pk: key.pk,
        sk: key.sk,
        schema: SCHEMA,
        version: job.version,
        last_write: &job.last_write,
        due_shard: job.due_at.map(|_| due_shard(&job.id)),
        due_at: job.due_at.map(sortable),
        state_shard: state_shard(job),
        state_at: sortable(job.updated_at),
        number_key: job
            .purchase
            .done()
            .map(|shipment| shipment_key(&job.connection, &shipment.id)),
        body: to_body(job)?,
    };
    Ok(Write {
        item: to_item(&item)?,
        guard,
    })
}

pub(super) fn snapshot_write(id: &JobId, snapshot: &Snapshot, expires_at: Option<i64>) -> Result<Write, StoreError> {
    let key = Key::order(id, snapshot.number);
    let (hash, body) = (snapshot.hash.as_str(), to_body(snapshot)?);
    let item = SnapshotItem {
        pk: key.pk,
        sk: key.sk,
        schema: SCHEMA,
        hash,
        expires_at,
        body,
    };
    Ok(Write {
        item: to_item(&item)?,
        guard: Guard::Free,
    })
}
