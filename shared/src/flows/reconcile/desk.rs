//! Where people ship at a desk of their own, its list of what they shipped is the other side: what of it is neither a unit nor
//! parked was told of by no webhook and found by no poll. It is taken in now, and named.

use super::Work;
use super::steps::{Found, Stepped};
use crate::domain::{Despatch, DespatchStanding, Gap, GapKind, JobId, Run, Stage, Stretch};
use crate::flows::count;
use crate::flows::despatches::{Taken, intake};
use crate::flows::poll::DESPATCHES;
use crate::ports::{Desk, Despatched, Opened, StoreError};

impl Work<'_> {
    /// The desk's list, from as far back as the run before began; nothing of the ERP waits to be shipped by us.
    pub(super) fn go_to_the_desk(&self, run: &mut Run) {
        let patience = &self.flow.patience;
        let before = run.before.as_ref().map(|before| before.started_at);
        let from = before.map_or(run.started_at - patience.first, |before| {
            before - patience.listing_overlap
        });
        run.listed_since = None;
        run.stage = Stage::Carrier {
            stretch: Stretch {
                from: from.max(self.gate.connection.start_from).min(run.started_at),
                to: run.started_at,
            },
            page: None,
        };
    }

    /// A page of the desk's list.
    pub(super) async fn desks_list(
        &self,
        mut run: Run,
        (stretch, page): (Stretch, Option<String>),
        (opened, desk): (&Opened, &Desk),
    ) -> Stepped {
        let asked = Despatched::Made(stretch);
        let listed = desk.desk.despatched(asked, page.as_deref()).await?;
        run.tally.listed += count(listed.despatches.len());
        let poller = self.flow.cursors.cursor(self.id, DESPATCHES).await?;
        let passed = poller.published.map(|published| published - self.flow.timing.overlap);
        let intake = intake!(self.flow, &self.gate.connection, opened, desk);
        let mut gaps = Vec::new();
        for despatch in &listed.despatches {
            let age = run.started_at.duration_since(despatch.created_at);
            let patience = &self.flow.patience;
            let by_the_poll = passed.is_some_and(|passed| despatch.created_at < passed);
            let overlooked = age > patience.young && (by_the_poll || age > patience.unseen);
            // A void is told to whoever has the parcel; what the desk does not get done with is held.
            if !overlooked || matches!(despatch.standing, DespatchStanding::Beside(_)) {
                continue;
            }
            if self.gate.connection.paused {
                run.note(format!(
                    "the connection is paused: what people ship is read once it goes on, `waybill connection resume {}`",
                    self.id
                ));
                break;
            }
            if let Taken::Admitted(job) | Taken::Parked(job) = intake.take(despatch).await? {
                gaps.push(self.told_by_nobody(despatch, job).await?);
            }
        }
        run.stage = match listed.next {
            Some(page) => Stage::Carrier {
                stretch,
                page: Some(page),
            },
            None => Stage::Earlier { done: 0 },
        };
        Ok(Found {
            run,
            gaps,
            again: Vec::new(),
        })
    }

    async fn told_by_nobody(&self, despatch: &Despatch, job: JobId) -> Result<Gap, StoreError> {
        // The list need not say of which order it is; the job does.
        let taken_in = self.flow.jobs.load(&job).await?.and_then(|taken_in| taken_in.at_desk);
        let order = taken_in.map_or_else(|| despatch.order.clone(), |at_desk| at_desk.order);
        let desk = &self.gate.connection.carrier.system;
        let done = match &despatch.standing {
            DespatchStanding::Pending(status) => format!("still says {status:?} of"),
            _ => "shipped".to_owned(),
        };
        let reason = format!(
            "{desk} {done} {} at {}, and neither a webhook nor a poll brought it: it was taken in now",
            despatch.in_words(),
            despatch.created_at
        );
        let mend =
            format!("nothing, or what `waybill job show {job}` says; `waybill hook list` shows whether webhooks come");
        let tracking_number = despatch.shipment.tracking_numbers().next().map(str::to_owned);
        Ok(Gap {
            number: Some(order.name().to_owned()),
            job: Some(job),
            tracking_number,
            since: Some(despatch.created_at),
            ..Gap::new(GapKind::NotAdmitted, reason, mend)
        })
    }
}
