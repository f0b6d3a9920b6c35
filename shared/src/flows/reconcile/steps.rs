//! The steps of a run: each reads one page of one side, has it compared, and says what the next step reads.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::compare::{self, Judge, Seen};
use super::{AT_ONCE, Work, after_walk};
use crate::domain::{
    DocumentId, Gap, GapKind, JobId, ListEntry, Listed, Order, Run, Stage, Stretch, Suspect, Units, Walk,
};
use crate::flows::count;
use crate::flows::halt::Halt;
use crate::flows::kin;
use crate::flows::poll::CURSOR;
use crate::job::Job;
use crate::ports::{CallError, JobPage, Opened, Scan, Steps, StoreError};

/// How many documents a step reads.
const DOCUMENTS: u16 = 250;

/// How many notes of documents that the next poll reads again a step reads: more never wait.
const NOTES: u16 = 1_000;

/// How many jobs a step reads.
const JOBS: u16 = 100;

/// What a step found, and the run after it.
pub(super) struct Found {
    /// The run, its stage being what the next step reads.
    pub(super) run: Run,
    /// What does not agree.
    pub(super) gaps: Vec<Gap>,
    /// Jobs whose write-back is to be made again, and why.
    pub(super) again: Vec<(JobId, String)>,
}

impl Found {
    fn nothing(run: Run) -> Self {
        Self {
            run,
            gaps: Vec::new(),
            again: Vec::new(),
        }
    }
}

/// What a step came to: the ERP or the carrier may fail, and so may the store.
pub(super) type Stepped = Result<Found, Halt>;

impl Work<'_> {
    /// Makes the step that the run's stage names.
    pub(super) async fn step(&self, run: Run) -> Stepped {
        match run.stage.clone() {
            Stage::Erp { after } => self.documents(run, after).await,
            Stage::Carrier { stretch, page } => self.carriers_list(run, stretch, page).await,
            Stage::Earlier { done } => self.gaps_of_before(run, done).await,
            Stage::Strays => self.strays(run).await,
            Stage::Jobs { walk, after } => self.jobs(run, walk, after).await,
            Stage::Done => Ok(Found::nothing(run)),
        }
    }

    fn opened(&self) -> Result<&Opened, CallError> {
        self.opened.as_ref().map_err(Clone::clone)
    }

    fn judge(&self, run: &Run) -> Judge<'_> {
        Judge {
            now: self.now(),
            patience: &self.flow.patience,
            connection: &self.gate.connection,
            started_at: run.started_at,
            listed_since: run.listed_since,
        }
    }

    // ---- the ERP's documents ---------------------------------------------------------------------------------------

    async fn documents(&self, mut run: Run, after: Option<String>) -> Stepped {
        if self.gate.connection.desk.is_some() {
            self.go_to_the_desk(&mut run);
            return Ok(Found::nothing(run));
        }
        let source = &self.opened()?.source;
        let connection = &self.gate.connection;
        let limit = DOCUMENTS.min(source.reads_at_once().max(1));
        let scan = Scan {
            since: connection.start_from,
            after,
            limit,
        };
        let heads = source.waiting(&scan).await?;
        let documents: Vec<DocumentId> = heads.iter().map(|head| head.document.clone()).collect();
        let poller = self.flow.cursors.cursor(self.id, CURSOR).await?;
        let orders = source.read(&documents).await?;
        // Units last, unlike the poller: what is admitted in between is then among them and does not look like a gap; and notes
        // before units, for a note goes only once its document's units stand.
        let noted = self.flow.documents.to_reread(self.id, NOTES).await?;
        let units = self.flow.documents.units(self.id, &documents).await?;
        let kin = kin::of(self.flow.documents.as_ref(), self.id, &units, &orders).await?;
        let units: BTreeMap<&DocumentId, &Units> = units.iter().map(|units| (&units.document, units)).collect();
        let judge = self.judge(&run);
        let read_up_to = poller.published.map(|published| published - self.flow.timing.overlap);
        let mut gaps = Vec::new();
        let mut unpaused = 0_u64;
        for head in &heads {
            let order = orders.iter().find(|order| order.document == head.document);
            let (Some(order), Some(units)) = (order, units.get(&head.document)) else {
                continue;
            };
            // The next poll reads it again.
            if noted.iter().any(|note| note.document == head.document) {
                continue;
            }
            match judge.not_admitted(head, order, units, &kin, read_up_to) {
                Some(_) if connection.paused => unpaused += 1,
                Some(gap) => gaps.push(gap),
                None => {}
            }
        }
        if unpaused > 0 {
            run.note(format!(
                "the connection is paused, and documents wait to be admitted: `waybill connection plan {}` shows them",
                self.id
            ));
        }
        run.tally.documents += count(heads.len());
        let last = heads.last().map(|head| head.document.id.clone());
        match last.filter(|_| heads.len() >= usize::from(limit)) {
            Some(last) => run.stage = Stage::Erp { after: Some(last) },
            None => self.go_to_the_carrier(&mut run),
        }
        Ok(Found {
            run,
            gaps,
            again: Vec::new(),
        })
    }

    // ---- the carrier's own list ------------------------------------------------------------------------------------

    /// From the end of what was read before, with an overlap; from as far back as it goes where nothing was.
    pub(super) fn go_to_the_carrier(&self, run: &mut Run) {
        let carrier = &self.gate.connection.carrier.system;
        let listing = match &self.opened {
            Ok(opened) => opened.carrier.listing(),
            // The next step meets the error and deals with it.
            Err(_) => Ok(crate::ports::Listing {
                longest: self.flow.patience.first,
                reach: self.flow.patience.first,
            }),
        };
        let listing = match listing {
            Ok(listing) => listing,
            Err(why) => {
                run.note(format!("{carrier}'s own list was not compared: {why}"));
                run.listed_since = None;
                run.stage = Stage::Earlier { done: 0 };
                return;
            }
        };
        let patience = &self.flow.patience;
        let to = run.started_at;
        let earliest = to - listing.reach.min(patience.first);
        let before = run
            .before
            .as_ref()
            .map(|before| before.started_at - patience.listing_overlap);
        let unbroken = before.filter(|before| run.listed_since.is_some() && *before >= earliest);
        let from = unbroken.unwrap_or(earliest);
        let since = run.listed_since.filter(|_| unbroken.is_some()).unwrap_or(from);
        run.listed_since = Some(since.max(to - patience.remembered));
        run.stage = Stage::Carrier {
            stretch: Stretch { from, to },
            page: None,
        };
    }

    async fn carriers_list(&self, mut run: Run, stretch: Stretch, page: Option<String>) -> Stepped {
        let opened = self.opened()?;
        if let Some(desk) = &opened.desk {
            return self.desks_list(run, (stretch, page), (opened, desk)).await;
        }
        let carrier = &opened.carrier;
        let Ok(listing) = carrier.listing() else {
            self.go_to_the_carrier(&mut run);
            return Ok(Found::nothing(run));
        };
        let asked = stretch.at_most(listing.longest);
        let answer = carrier.list(asked, page.as_deref()).await?;
        self.flow.runs.note_listed(self.id, &answer.entries).await?;
        run.tally.listed += count(answer.entries.len());
        run.tally.foreign += count(answer.entries.iter().filter(|entry| entry.reference.is_none()).count());
        let sold: Vec<(&ListEntry, &JobId)> = answer
            .entries
            .iter()
            .filter(|entry| !entry.voided)
            .filter_map(|entry| Some((entry, entry.reference.as_ref()?)))
            .collect();
        for chunk in sold.chunks(AT_ONCE) {
            let references: Vec<JobId> = chunk.iter().map(|(_, reference)| (*reference).clone()).collect();
            let jobs = self.flow.directory.these(&references).await?.jobs;
            for (entry, reference) in chunk {
                let job = jobs.iter().find(|job| job.id == **reference);
                self.suspect(&mut run, entry, reference, job);
            }
        }
        let rest = Stretch {
            from: asked.to,
            to: stretch.to,
        };
        run.stage = match answer.next {
            Some(page) => Stage::Carrier {
                stretch,
                page: Some(page),
            },
            None if rest.from < rest.to => Stage::Carrier {
                stretch: rest,
                page: None,
            },
            None => Stage::Earlier { done: 0 },
        };
        Ok(Found::nothing(run))
    }

    fn suspect(&self, run: &mut Run, entry: &ListEntry, reference: &JobId, job: Option<&Job>) {
        let elsewhere = job.is_some_and(|job| job.connection != *self.id);
        let whole = entry.shipment.as_ref().map(|shipment| shipment.as_str().to_owned());
        let number = whole.or_else(|| entry.tracking_numbers.first().cloned());
        let Some(tracking_number) = number else { return };
        if !elsewhere && !job.is_some_and(|job| compare::knows(job, entry)) {
            run.suspect(Suspect {
                reference: reference.clone(),
                tracking_number,
                on: entry.on,
            });
        }
    }

    /// Judged once the whole list is read, for a notice that a shipment is void comes after the shipment.
    async fn strays(&self, mut run: Run) -> Stepped {
        let suspects = std::mem::take(&mut run.suspects);
        let numbers: Vec<String> = suspects.iter().map(|one| one.tracking_number.clone()).collect();
        let listed = self.flow.runs.listed(self.id, &numbers).await?;
        let references: Vec<JobId> = suspects.iter().map(|suspect| suspect.reference.clone()).collect();
        let JobPage { jobs, unreadable, .. } = self.flow.directory.these(&references).await?;
        let mut gaps = Vec::new();
        for suspect in &suspects {
            if listed.get(&suspect.tracking_number).is_some_and(|listed| listed.voided) {
                continue;
            }
            if unreadable.contains(&suspect.reference) {
                gaps.push(compare::listed_for_unreadable(suspect));
            } else {
                let job = jobs.iter().find(|job| job.id == suspect.reference);
                gaps.extend(self.judge(&run).stray(suspect, job));
            }
        }
        run.stage = Stage::Jobs {
            walk: Walk::Open,
            after: None,
        };
        Ok(Found {
            run,
            gaps,
            again: Vec::new(),
        })
    }

    // ---- the run before --------------------------------------------------------------------------------------------

    /// Gaps that nothing else of this run would look at again: a gap must not go away because time passes.
    async fn gaps_of_before(&self, mut run: Run, done: usize) -> Stepped {
        let page = run
            .before
            .as_ref()
            .and_then(|before| Some((before.number, *before.pages.get(done)?)));
        let Some((number, page)) = page else {
            run.stage = Stage::Strays;
            return Ok(Found::nothing(run));
        };
        let gaps = self.flow.runs.gaps(self.id, number, page).await?;
        let (mut jobs, mut carried): (BTreeMap<JobId, Job>, Vec<Gap>) = (BTreeMap::new(), Vec::new());
        for gap in gaps {
            let Some(id) = &gap.job else { continue };
            if let (GapKind::StrayShipment, Some(number)) = (gap.kind, &gap.tracking_number) {
                run.suspect(Suspect {
                    reference: id.clone(),
                    tracking_number: number.clone(),
                    on: None,
                });
                continue;
            }
            let Some(blind) = compare::rests_on_a_blind_side(gap.kind, &run) else {
                continue;
            };
            let JobPage {
                jobs: read, unreadable, ..
            } = self.flow.directory.these(std::slice::from_ref(id)).await?;
            if !unreadable.is_empty() {
                carried.push(gap);
                continue;
            }
            let Some(job) = read.into_iter().find(|job| job.closed.is_none()) else {
                continue;
            };
            if blind {
                carried.push(gap);
            } else if compare::falls_out_of_sight(&job, run.shipped_since) {
                jobs.insert(job.id.clone(), job);
            }
        }
        let jobs: Vec<Job> = jobs.into_values().collect();
        let mut found = self.compared(run, &jobs).await?;
        found.gaps.extend(carried);
        found.run.stage = Stage::Earlier { done: done + 1 };
        Ok(found)
    }

    // ---- jobs ------------------------------------------------------------------------------------------------------

    async fn jobs(&self, run: Run, walk: Walk, after: Option<String>) -> Stepped {
        let within = (walk == Walk::Shipped).then_some(Stretch {
            from: run.shipped_since,
            to: run.started_at,
        });
        let steps = Steps { walk, within, after };
        let page = self.flow.directory.walk(self.id, &steps, JOBS).await?;
        let mut found = self.compared(run, &page.jobs).await?;
        found.run.tally.jobs += count(page.jobs.len());
        found.run.tally.unreadable += count(page.unreadable.len());
        found.gaps.extend(page.unreadable.iter().map(compare::unreadable));
        found.run.stage = match page.next {
            Some(after) => Stage::Jobs {
                walk,
                after: Some(after),
            },
            None => after_walk(walk),
        };
        Ok(found)
    }

    /// Jobs against the carrier's list and against what the ERP shows now.
    async fn compared(&self, mut run: Run, jobs: &[Job]) -> Stepped {
        let judge = self.judge(&run);
        let listed = self.what_the_list_says(&judge, jobs).await?;
        let shown = self.what_the_erp_shows(&run, jobs).await?;
        let (mut gaps, mut again) = (Vec::new(), Vec::new());
        for job in jobs {
            gaps.extend(judge.job(job));
            gaps.extend(judge.against_the_list(job, &listed));
            let Some((seen, gap)) = shown
                .seen(job)
                .and_then(|seen| judge.against_the_erp(job, &seen).map(|gap| (seen, gap)))
            else {
                continue;
            };
            if compare::is_ours_to_put_right(job, &gap, &seen) {
                run.tally.put_right += 1;
                again.push((job.id.clone(), compare::why_again(&gap)));
            }
            gaps.push(gap);
        }
        Ok(Found { run, gaps, again })
    }

    async fn what_the_list_says(
        &self,
        judge: &Judge<'_>,
        jobs: &[Job],
    ) -> Result<BTreeMap<String, Listed>, StoreError> {
        let judged = jobs.iter().filter_map(|job| judge.bought(job));
        let numbers: Vec<String> = judged
            .flat_map(|shipment| shipment.tracking_numbers().map(str::to_owned))
            .collect();
        if numbers.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.flow.runs.listed(self.id, &numbers).await
    }

    async fn what_the_erp_shows(&self, run: &Run, jobs: &[Job]) -> Result<Shown, Halt> {
        let written: Vec<&Job> = jobs.iter().filter(|job| compare::is_written_back(job)).collect();
        if written.is_empty() || run.erp_is_blind {
            return Ok(Shown::default());
        }
        let source = &self.opened()?.source;
        let mut documents: Vec<DocumentId> = written.iter().map(|job| job.document.clone()).collect();
        documents.sort();
        documents.dedup();
        let ids: Vec<JobId> = written.iter().map(|job| job.id.clone()).collect();
        // Units first: what is written in between is then seen in the ERP and not missed.
        let units = self.flow.documents.units(self.id, &documents).await?;
        let orders = source.read(&documents).await?;
        let made = source.made(&ids).await?;
        Ok(Shown {
            read_at: Some(self.now()),
            orders: by_document(orders, |order| &order.document),
            units: by_document(units, |units| &units.document),
            gone: made.map(|made| ids.into_iter().filter(|id| !made.contains(id)).collect()),
        })
    }
}

/// What the ERP shows of a page of jobs.
#[derive(Default)]
struct Shown {
    read_at: Option<Timestamp>,
    orders: BTreeMap<DocumentId, Order>,
    units: BTreeMap<DocumentId, Units>,
    /// Jobs whose write-back made something that is not there any more; `None` where it makes nothing.
    gone: Option<Vec<JobId>>,
}

impl Shown {
    /// What it shows of one job; `None` where the ERP was not asked.
    fn seen(&self, job: &Job) -> Option<Seen<'_>> {
        self.read_at.filter(|_| compare::is_written_back(job))?;
        Some(Seen {
            order: self.orders.get(&job.document),
            units: self.units.get(&job.document),
            gone: self.gone.as_ref().is_some_and(|gone| gone.contains(&job.id)),
        })
    }
}

fn by_document<T>(all: Vec<T>, document: impl Fn(&T) -> &DocumentId) -> BTreeMap<DocumentId, T> {
    all.into_iter().map(|one| (document(&one).clone(), one)).collect()
}
