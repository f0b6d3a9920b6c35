//! Writes our facts into the ERP again where somebody has changed them: the carrier's facts are ours, the order is theirs.
//!
//! The poller does it when it meets the document, the reconciliation when it compares.

use std::time::Duration;

use crate::domain::JobId;
use crate::flows::write::Pen;
use crate::job::{Outcome, Timing};
use crate::ports::{AuditEntry, Clock, Documents, Jobs, Nonces, Queue, Saved, StoreError};

/// The ports that this needs.
pub(crate) struct PutRight<'a> {
    /// Jobs.
    pub(crate) jobs: &'a dyn Jobs,
    /// Their units.
    pub(crate) documents: &'a dyn Documents,
    /// The queue of jobs.
    pub(crate) queue: &'a dyn Queue,
    /// The time.
    pub(crate) clock: &'a dyn Clock,
    /// Nonces.
    pub(crate) nonces: &'a dyn Nonces,
    /// The times of the ledger.
    pub(crate) timing: &'a Timing,
}

impl PutRight<'_> {
    /// Owes the job's write-back anew, and says why in its story; `false` if the job does not allow it, because it was done in
    /// vain too often, or somebody is at work on it, who will be looked at again.
    pub(crate) async fn write_again(&self, id: &JobId, why: &str) -> Result<bool, StoreError> {
        let Some(before) = self.jobs.load(id).await? else {
            return Ok(false);
        };
        let now = self.clock.now();
        let pen = Pen {
            now,
            nonces: self.nonces,
            timing: self.timing,
            under: None,
        };
        let text = format!("{why}: it is written again (for the {}. time)", before.put_right + 1);
        let entry = AuditEntry::new(now, "waybill", text);
        let written = pen
            .write_whole(self.documents, &before, Outcome::Disturbed, entry, None)
            .await?;
        let Ok(save) = written else {
            return Ok(false);
        };
        if self.jobs.save(&save).await? != Saved::Done {
            return Ok(false);
        }
        tracing::info!(job = %id, reason = why, "its write-back is owed again");
        self.queue.send(&save.job.id, &save.job.tenant, Duration::ZERO).await?;
        Ok(true)
    }
}
