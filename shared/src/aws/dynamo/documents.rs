//! `DOC#connection#kind#id`: the units of a document, and their admission as jobs.

use std::collections::HashMap;

use async_trait::async_trait;
use serde::Serialize;

use super::Dynamo;
use super::jobs::{job_write, snapshot_write};
use super::keys::{Key, REREAD, number_key};
use super::table::{Guard, Item, SCHEMA, Search, Transacted, Verdict, Write, body, deleted, key_item, request_token};
use super::table::{string, text, to_body, to_item};
use crate::domain::{ConnectionId, DocumentId, JobId, Nonce, Units};
use crate::job::Job;
use crate::ports::{Documents, NewJob, Reread, StoreError};

#[derive(Serialize)]
struct UnitsItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    number_key: Option<String>,
    body: String,
}

#[async_trait]
impl Documents for Dynamo {
    async fn units(&self, connection: &ConnectionId, documents: &[DocumentId]) -> Result<Vec<Units>, StoreError> {
        let items = self
            .batch(documents.iter().map(|document| Key::units(connection, document)))
            .await?;
        let stored = items.iter().map(body::<Units>).collect::<Result<Vec<_>, _>>()?;
        let stored: HashMap<&DocumentId, &Units> = stored.iter().map(|units| (&units.document, units)).collect();
        let none = |document: &DocumentId| Units::none(document.clone(), "");
        let units = |document| {
            stored
                .get(document)
                .map_or_else(|| none(document), |units| (*units).clone())
        };
        Ok(documents.iter().map(units).collect())
    }

    async fn admit_from(&self, units: &Units, jobs: &[NewJob], earlier: &[Units]) -> Result<bool, StoreError> {
        let Some(connection) = jobs.first().map(|new| &new.job.connection) else {
            return Err(StoreError("no job is to be admitted".to_owned()));
        };
        let mut writes = self.admission(connection, units, jobs).await?;
        for earlier in earlier {
            writes.push(units_write(connection, earlier)?);
        }
        let version = units.version.to_string();
        let texts = jobs
            .iter()
            .map(|new| new.job.last_write.as_str())
            .chain([version.as_str()]);
        match self.transact(&request_token(texts), &writes).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(verdicts) if is_about_a_job(&verdicts, earlier.len()) => {
                let text = format!(
                    "a job of {} exists that the document's units do not name",
                    units.document
                );
                Err(StoreError(text))
            }
            Transacted::Refused(_) => self.is_echo(connection, units, jobs).await,
        }
    }

    async fn restate(&self, connection: &ConnectionId, units: &Units) -> Result<bool, StoreError> {
        let write = units_write(connection, units)?;
        let (document, version) = (units.document.to_string(), units.version.to_string());
        let token = request_token([connection.as_str(), document.as_str(), version.as_str()]);
        match self.transact(&token, &[write]).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(_) => {
                let standing = self.units(connection, std::slice::from_ref(&units.document)).await?;
                Ok(standing.first() == Some(units))
            }
        }
    }

    async fn to_reread(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<Reread>, StoreError> {
        let search = Search::beginning(Key::connection(connection).pk, REREAD).limit(limit);
        let items = self.search(&search).await?;
        let note = |item: &Item| {
            let mark = text(item, "mark").ok_or_else(|| StoreError("a note has no mark".to_owned()))?;
            Ok(Reread {
                document: body(item)?,
                mark: Nonce::new(mark),
            })
        };
        items.iter().map(note).collect()
    }

    async fn reread_later(
        &self,
        connection: &ConnectionId,
        document: &DocumentId,
        mark: &Nonce,
    ) -> Result<(), StoreError> {
        let note = Reread {
            document: document.clone(),
            mark: mark.clone(),
        };
        self.put(&reread_write(connection, &note)?).await.map(|_| ())
    }

    async fn reread(&self, connection: &ConnectionId, note: &Reread) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&Key::reread(connection, &note.document))))
            .condition_expression("mark = :mark")
            .expression_attribute_values(":mark", string(note.mark.as_str()));
        deleted(request.send().await).map(|_| ())
    }
}

impl Dynamo {
    async fn admission(
        &self,
        connection: &ConnectionId,
        units: &Units,
        jobs: &[NewJob],
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = vec![units_write(connection, units)?];
        for new in jobs {
            let expires_at = self.expires_at(&new.job).await?;
            writes.push(job_write(&new.job, Guard::Absent)?);
            writes.push(snapshot_write(&new.job.id, &new.snapshot, expires_at)?);
            writes.push(self.audit_write(&new.job, 0, &new.audit, expires_at).await?);
        }
        Ok(writes)
    }

    /// Whether what stands there is this very admission, whose answer was lost.
    async fn is_echo(&self, connection: &ConnectionId, units: &Units, jobs: &[NewJob]) -> Result<bool, StoreError> {
        let standing = self.units(connection, std::slice::from_ref(&units.document)).await?;
        if standing.first() != Some(units) {
            return Ok(false);
        }
        let items = self.batch(jobs.iter().map(|new| Key::job(&new.job.id))).await?;
        let stored = items.iter().map(body::<Job>).collect::<Result<Vec<_>, _>>()?;
        let writes: HashMap<&JobId, &Nonce> = stored.iter().map(|job| (&job.id, &job.last_write)).collect();
        Ok(jobs
            .iter()
            .all(|new| writes.get(&new.job.id) == Some(&&new.job.last_write)))
    }
}

/// Whether all units would have fitted, those of the earlier documents at the end included, so that a job stands in the way.
fn is_about_a_job(verdicts: &[Verdict], earlier: usize) -> bool {
    let fits = |verdict: &Verdict| matches!(verdict, Verdict::Fits);
    verdicts.first().is_some_and(fits) && verdicts.iter().rev().take(earlier).all(fits)
}

#[derive(Serialize)]
struct RereadItem<'a> {
    pk: String,
    sk: String,
    schema: u32,
    mark: &'a str,
    body: String,
}

/// The note of a document that is to be read again, over any earlier one.
pub(super) fn reread_write(connection: &ConnectionId, note: &Reread) -> Result<Write, StoreError> {
    let key = Key::reread(connection, &note.document);
    let item = RereadItem {
        pk: key.pk,
        sk: key.sk,
        schema: SCHEMA,
        mark: note.mark.as_str(),
        body: to_body(&note.document)?,
    };
    Ok(Write {
        item: to_item(&item)?,
        guard: Guard::Free,
    })
}

pub(super) fn units_write(connection: &ConnectionId, units: &Units) -> Result<Write, StoreError> {
    let key = Key::units(connection, &units.document);
    let item = UnitsItem {
        pk: key.pk,
        sk: key.sk,
        schema: SCHEMA,
        version: units.version,
        // Units that only note what became of a document are not looked for by its number.
        number_key: (!units.number.is_empty()).then(|| number_key(&units.number)),
        body: to_body(units)?,
    };
    Ok(Write {
        item: to_item(&item)?,
        guard: Guard::before(units.version),
    })
}
