//! `waybill job ...`: the shipping of one unit of one order.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use waybill::domain::{CarrierShipmentId, ConnectionId, JobId};
use waybill::flows::label_link::{self, file_name};
use waybill::flows::operate::{Operate, OperateError, Word};
use waybill::job::{Closing, HoldReason, Job, Step, history};
use waybill::ports::{AuditEntry, Directory, Jobs, LabelLinks, Labels, State};

use crate::Common;
use crate::output::{Answer, Failure, facts, note, table, when};
use crate::stack::Stack;
use crate::story;
use crate::tracking;

/// After how many queued jobs the progress is told.
const PROGRESS: usize = 50;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Lists jobs, newest first
    #[command(after_help = "Examples:
  waybill job list
  waybill job list --connection acme-netsuite-ups --state held --json")]
    List {
        /// Only of this connection
        #[arg(long, value_name = "ID")]
        connection: Option<ConnectionId>,
        /// Only in this state
        #[arg(long)]
        state: Option<Wanted>,
        /// The most jobs of each connection and state
        #[arg(long, default_value_t = 50, value_name = "NUMBER")]
        most: u16,
    },
    /// Shows where a job stands and what happens next
    #[command(after_help = "Examples:\n  waybill job show ABCDEFGHIJKLMNOPQRSTUVWXYZ")]
    Show { id: JobId },
    /// Tells a job's story in time order, with every call
    #[command(after_help = "Examples:
  waybill job audit ABCDEFGHIJKLMNOPQRSTUVWXYZ
  waybill job audit ABCDEFGHIJKLMNOPQRSTUVWXYZ --full
  waybill job audit ABCDEFGHIJKLMNOPQRSTUVWXYZ --at 2026-08-01T10:00:00Z
  waybill job audit ABCDEFGHIJKLMNOPQRSTUVWXYZ --lines > story.jsonl")]
    Audit {
        id: JobId,
        /// Show headers and bodies of requests and answers
        #[arg(long)]
        full: bool,
        /// Show the job as it stood at this moment, and its story up to it
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        /// Print the whole story as JSON lines, an entry each
        #[arg(long, conflicts_with_all = ["full", "json"])]
        lines: bool,
    },
    /// Saves a job's labels and papers as files, or prints a link that opens them
    #[command(after_help = "Examples:
  waybill job label ABCDEFGHIJKLMNOPQRSTUVWXYZ --out labels/
  waybill job label ABCDEFGHIJKLMNOPQRSTUVWXYZ --link
  waybill job label ABCDEFGHIJKLMNOPQRSTUVWXYZ --revoke --by ada

A link opens the labels for whoever has it, for as long as the connection's [label] link_days says. A shipment that is void
and a job whose personal data was erased have none.")]
    Label {
        id: JobId,
        /// The folder for the files
        #[arg(long, default_value = ".", value_name = "FOLDER", conflicts_with_all = ["link", "revoke"])]
        out: PathBuf,
        /// Print a new link; those that were given out still open
        #[arg(long)]
        link: bool,
        /// End every link that was given out, the one in the ERP too
        #[arg(long, conflicts_with = "link")]
        revoke: bool,
    },
    /// Has a worker look at jobs now; always safe, nothing happens twice
    #[command(after_help = "Examples:
  waybill job replay ABCDEFGHIJKLMNOPQRSTUVWXYZ
  waybill job replay --state open --older-than 60
  waybill job replay --connection acme-netsuite-ups --reason write-back-refused --dry-run

Jobs are named, or chosen by a filter; several filters narrow each other. In no state does it change more than a worker's
next visit would; but a write-back that somebody kept changing, and that is left alone since, is written again.")]
    Replay(Chosen),
    /// Holds it until a person releases it
    #[command(
        after_help = "Examples:\n  waybill job hold ABCDEFGHIJKLMNOPQRSTUVWXYZ --reason \"customer called\" --by ada"
    )]
    Hold {
        id: JobId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Ends a hold, by a person's word
    #[command(after_help = "Examples:
  waybill job release ABCDEFGHIJKLMNOPQRSTUVWXYZ
  waybill job release ABCDEFGHIJKLMNOPQRSTUVWXYZ --yes --by ada

What it means depends on the hold and is told before it is done; it may buy a shipment.")]
    Release { id: JobId },
    /// Has the carrier void the shipment, and then ends the job
    #[command(
        after_help = "Examples:\n  waybill job void ABCDEFGHIJKLMNOPQRSTUVWXYZ --yes --by ada

The job ends once the carrier has voided it; what the order still wants then ships anew. A carrier that refuses changes
nothing: the job is held with its words, and `waybill job release` lets it go on as shipped."
    )]
    Void { id: JobId },
    /// Says what became of a purchase whose answer was lost, or which order a shipment belongs to
    #[command(after_help = "Examples:
  waybill job resolve ABCDEFGHIJKLMNOPQRSTUVWXYZ --tracking 1Z999AA10123456784 --by ada
  waybill job resolve ABCDEFGHIJKLMNOPQRSTUVWXYZ --tracking 1Z999AA10123456784 --tracking 1Z204E380338943508
  waybill job resolve ABCDEFGHIJKLMNOPQRSTUVWXYZ --not-created --yes --by ada
  waybill job resolve ABCDEFGHIJKLMNOPQRSTUVWXYZ --order SO5012 --by ada

--tracking takes the shipment for the job's own: the carrier is asked for it, its labels are fetched, it is written back.
--not-created buys again; should something have been bought after all, a later look finds and voids it.
--order is for what people shipped at a desk of their own (ShipStation) and no order was known for: it becomes a unit of
that order and is written to the ERP.")]
    Resolve {
        id: JobId,
        #[command(flatten)]
        word: Settled,
    },
    /// Erases a finished job's personal data and labels
    #[command(
        after_help = "Examples:\n  waybill job forget ABCDEFGHIJKLMNOPQRSTUVWXYZ --yes --by ada

Names, addresses, telephone numbers, the bodies of calls and the labels go; numbers, money and decisions stay."
    )]
    Forget { id: JobId },
}

/// Which jobs are meant: by name, or by what they have in common.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// These jobs
    #[arg(value_name = "JOB", required_unless_present_any = ["connection", "state", "reason", "older_than"])]
    ids: Vec<JobId>,
    /// Only of this connection
    #[arg(long, value_name = "ID")]
    connection: Option<ConnectionId>,
    /// Only in this state
    #[arg(long)]
    state: Option<Wanted>,
    /// Only held for this reason, as `job show` says it (bad-address, label-lost, ...)
    #[arg(long, value_name = "HOLDREASON", value_parser = hold_reason)]
    reason: Option<HoldReason>,
    /// Only those to which nothing has happened for so many minutes
    #[arg(long, value_name = "MINUTES")]
    older_than: Option<u32>,
    /// The most jobs of each connection and state
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    most: u16,
    /// Only tell which jobs would be replayed
    #[arg(long)]
    dry_run: bool,
}

/// What a person says of a lost answer.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Settled {
    /// It was bought: a tracking number of each parcel, the lead first
    #[arg(long, value_name = "NUMBER")]
    tracking: Vec<String>,
    /// Nothing was bought
    #[arg(long)]
    not_created: bool,
    /// What people shipped themselves belongs to the order of this number
    #[arg(long, value_name = "NUMBER")]
    order: Option<String>,
}

fn hold_reason(text: &str) -> Result<HoldReason, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// A state, as a person asks for it.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Wanted {
    Open,
    Held,
    Shipped,
    Closed,
}

impl From<Wanted> for State {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Open => Self::Open,
            Wanted::Held => Self::Held,
            Wanted::Shipped => Self::Shipped,
            Wanted::Closed => Self::Closed,
        }
    }
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::List {
            connection,
            state,
            most,
        } => list(&stack, connection.as_ref(), state, most).await,
        Verb::Show { id } => show(&stack, &id).await,
        Verb::Audit { id, full, at, lines } => audit(&stack, &id, at, &Telling { full, lines }).await,
        Verb::Label { id, link: true, .. } => link(&stack, &id).await,
        Verb::Label { id, revoke: true, .. } => revoke(&stack, common, &id).await,
        Verb::Label { id, out, .. } => label(&stack, &id, &out).await,
        Verb::Replay(chosen) => replay(&stack, common, &chosen).await,
        Verb::Hold { id, reason } => hold(&stack, common, &id, &reason).await,
        Verb::Release { id } => release(&stack, common, &id).await,
        Verb::Void { id } => void(&stack, common, &id).await,
        Verb::Resolve { id, word } => resolve(&stack, common, &id, &word).await,
        Verb::Forget { id } => forget(&stack, common, &id).await,
    }
}

async fn load(stack: &Stack, id: &JobId) -> Result<Job, Failure> {
    let job = stack.store()?.load(id).await?;
    job.ok_or_else(|| {
        Failure::new(format!(
            "there is no job {id}: `waybill order explain NUMBER` finds an order's jobs"
        ))
    })
}

async fn list(
    stack: &Stack,
    connection: Option<&ConnectionId>,
    state: Option<Wanted>,
    most: u16,
) -> Result<Answer, Failure> {
    let jobs = find(stack, connection, state.map(State::from), most).await?;
    let text = table(
        ["job", "connection", "order", "unit", "state", "since", "standing"],
        jobs.iter().map(row),
    );
    Answer::new(&jobs.iter().map(with_state).collect::<Vec<_>>(), text)
}

async fn find(
    stack: &Stack,
    connection: Option<&ConnectionId>,
    state: Option<State>,
    most: u16,
) -> Result<Vec<Job>, Failure> {
    let every = [State::Held, State::Open, State::Shipped, State::Closed];
    let states = state.map_or(every.to_vec(), |state| vec![state]);
    let store = stack.store()?;
    let mut jobs = Vec::new();
    for connection in stack.connections(connection).await? {
        for state in &states {
            jobs.extend(store.in_state(&connection.id, *state, most).await?);
        }
    }
    Ok(jobs)
}

fn row(job: &Job) -> [String; 7] {
    [
        job.id.to_string(),
        job.connection.to_string(),
        job.number.clone(),
        job.unit.to_string(),
        story::state(job).to_owned(),
        when(job.updated_at),
        story::summary(job),
    ]
}

/// The ledger with its state in a word, so that programs need not derive it.
pub(crate) fn with_state(job: &Job) -> serde_json::Value {
    json!({ "state": story::state(job), "summary": story::summary(job), "job": job })
}

async fn show(stack: &Stack, id: &JobId) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
    let parcels = tracking::of_job(stack, &job).await?;
    let mut standing = story::standing(&job);
    standing.extend(story::delivery(&parcels));
    let text = format!(
        "{} unit {} of {} is {}.\n{}\n\n{}",
        job.number,
        job.unit,
        job.connection,
        story::state(&job),
        standing.join("\n"),
        facts(&job)
    );
    Answer::new(
        &json!({ "state": story::state(&job), "standing": standing, "job": job, "parcels": parcels }),
        text,
    )
}

/// How a story is printed.
struct Telling {
    full: bool,
    lines: bool,
}

async fn audit(stack: &Stack, id: &JobId, at: Option<Timestamp>, telling: &Telling) -> Result<Answer, Failure> {
    load(stack, id).await?;
    let mut entries = stack.store()?.audit(id).await?;
    if let Some(at) = at {
        entries.retain(|entry| entry.at <= at);
        return as_it_stood(id, at, &entries, telling);
    }
    Answer::new(&entries, told(&entries, telling)?)
}

fn told(entries: &[AuditEntry], telling: &Telling) -> Result<String, Failure> {
    if !telling.lines {
        return Ok(story::told(entries, telling.full));
    }
    let lines = entries.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
    lines
        .map(|lines| lines.join("\n"))
        .map_err(|error| Failure::new(format!("the story cannot be written as JSON: {error}")))
}

fn as_it_stood(id: &JobId, at: Timestamp, entries: &[AuditEntry], telling: &Telling) -> Result<Answer, Failure> {
    if entries.is_empty() {
        let at = when(at);
        return Err(Failure::new(format!(
            "at {at} nothing was known of {id}: say a later --at"
        )));
    }
    let Some(job) = history::after(entries.iter().filter_map(|entry| entry.change.as_ref())) else {
        return Err(Failure::new(format!(
            "the beginning of the story of {id} is not kept any more, so it cannot be said how it stood; without --at \
             what is kept is told"
        )));
    };
    let standing = story::standing(&job);
    let document = json!({ "at": at, "state": story::state(&job), "standing": standing, "job": job, "story": entries });
    if telling.lines {
        return Answer::new(&document, told(entries, telling)?);
    }
    let text = format!(
        "At {} {} unit {} was {}.\n{}\n\n{}\n\n{}",
        when(at),
        job.number,
        job.unit,
        story::state(&job),
        standing.join("\n"),
        facts(&job),
        told(entries, telling)?
    );
    Answer::new(&document, text)
}

async fn label(stack: &Stack, id: &JobId, out: &Path) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
    if let Some(forgotten) = &job.forgotten {
        return Err(Failure::new(format!(
            "the labels of {id} are no longer kept: {} had its personal data erased at {}",
            forgotten.by,
            when(forgotten.at)
        )));
    }
    let Some(labels) = job.labels.done().filter(|labels| !labels.is_empty()) else {
        let state = story::state(&job);
        return Err(Failure::new(format!(
            "{id} has no labels; it is {state}: {}",
            story::summary(&job)
        )));
    };
    let unwritten = |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", out.display()));
    std::fs::create_dir_all(out).map_err(unwritten)?;
    let bucket = stack.bucket()?;
    let mut files = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let file = out.join(file_name(&job, index, label));
        let bytes = Labels::get(bucket.as_ref(), label).await?;
        std::fs::write(&file, bytes).map_err(unwritten)?;
        files.push(file.display().to_string());
    }
    Answer::new(&json!({ "job": id, "files": files }), files.join("\n"))
}

async fn link(stack: &Stack, id: &JobId) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
    let days = stack.gate(&job.connection).await?.connection.link_days();
    let until = label_link::after(Timestamp::now(), days);
    let link = stack.label_links()?.link(&job, until).await?;
    let link = link.ok_or_else(|| Failure::new(no_link(&job)))?;
    Answer::new(
        &json!({ "job": id, "link": link, "until": until }),
        format!(
            "{link}\n\nWhoever has it opens the labels of {} until {}. `waybill job label {id} --revoke` ends it before.",
            job.number,
            when(until)
        ),
    )
}

/// Why there is nothing to link to.
fn no_link(job: &Job) -> String {
    let (id, summary) = (&job.id, story::summary(job));
    match &job.forgotten {
        Some(forgotten) => {
            let at = when(forgotten.at);
            format!(
                "the labels of {id} are no longer kept: {} had its personal data erased at {at}",
                forgotten.by
            )
        }
        None => format!(
            "{id} has no labels that may be used; it is {}: {summary}",
            story::state(job)
        ),
    }
}

async fn revoke(stack: &Stack, common: &Common, id: &JobId) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
    if job.labels.done().is_none() {
        return Err(Failure::new(format!("{}: there is no link to end", no_link(&job))));
    }
    let by = common.by()?;
    common.confirm(&format!(
        "{} unit {}: every link to its labels that was given out, the one in the ERP too, opens nothing any more",
        job.number, job.unit
    ))?;
    let job = stack.operate()?.revoke_label_links(id, &by).await.map_err(refused)?;
    done(
        &job,
        &format!("has no open links any more; `waybill job label {id} --link` prints a new one"),
    )
}

fn refused(error: OperateError) -> Failure {
    match error {
        OperateError::Store(error) => error.into(),
        OperateError::NoSuchJob(id) => Failure::new(format!("there is no job {id}")),
        refused @ (OperateError::Refused(_) | OperateError::Unasked(_)) => Failure::new(refused.to_string()),
        other => Failure::new(format!("{other}. `waybill job show` tells where it stands")),
    }
}

async fn replay(stack: &Stack, common: &Common, chosen: &Chosen) -> Result<Answer, Failure> {
    let jobs = choose(stack, chosen).await?;
    if !chosen.dry_run {
        let (operate, by) = (stack.operate()?, common.by()?);
        for (number, job) in jobs.iter().enumerate() {
            operate.replay(&job.id, &by).await.map_err(refused)?;
            if (number + 1) % PROGRESS == 0 || number + 1 == jobs.len() {
                note(&format!("queued {} of {}", number + 1, jobs.len()));
            }
        }
    }
    let head = match (jobs.len(), chosen.dry_run) {
        (0, _) => "No job is like that.".to_owned(),
        (many, true) => format!("{many} job(s) would be queued:"),
        (many, false) => format!("{many} job(s) are queued, and a worker looks at them now:"),
    };
    let rows = table(
        ["job", "connection", "order", "unit", "state", "since", "standing"],
        jobs.iter().map(row),
    );
    let replayed: Vec<_> = jobs.iter().map(with_state).collect();
    Answer::new(
        &json!({ "dry_run": chosen.dry_run, "jobs": replayed }),
        format!("{head}\n{rows}"),
    )
}

async fn choose(stack: &Stack, chosen: &Chosen) -> Result<Vec<Job>, Failure> {
    let mut jobs = Vec::new();
    if chosen.ids.is_empty() {
        // A finished job has nothing to replay; a reason is one of a hold.
        let state = chosen.state.map(State::from).or(chosen.reason.map(|_| State::Held));
        jobs = find(stack, chosen.connection.as_ref(), state, chosen.most).await?;
    } else {
        for id in &chosen.ids {
            jobs.push(load(stack, id).await?);
        }
    }
    jobs.retain(|job| chosen.takes(job, Timestamp::now()));
    Ok(jobs)
}

impl Chosen {
    /// Whether a job is meant. One that is finished is meant only by its name or its state.
    fn takes(&self, job: &Job, now: Timestamp) -> bool {
        let named = !self.ids.is_empty() || self.state.is_some() || job.due_at.is_some();
        let connection = self.connection.as_ref().is_none_or(|id| job.connection == *id);
        let state = self.state.is_none_or(|state| State::of(job) == state.into());
        let held = job.hold.as_ref().map(|hold| hold.reason);
        let reason = self.reason.is_none_or(|reason| held == Some(reason));
        let idle = self
            .older_than
            .map(|minutes| SignedDuration::from_mins(i64::from(minutes)));
        let old = idle.is_none_or(|idle| now.duration_since(job.updated_at) >= idle);
        named && connection && state && reason && old
    }
}

async fn hold(stack: &Stack, common: &Common, id: &JobId, reason: &str) -> Result<Answer, Failure> {
    let job = stack
        .operate()?
        .hold(id, &common.by()?, reason)
        .await
        .map_err(refused)?;
    done(&job, "is held")
}

async fn release(stack: &Stack, common: &Common, id: &JobId) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
    let Some(ends) = job.hold.as_ref().map(|hold| hold.reason) else {
        let state = story::state(&job);
        return Err(Failure::new(format!(
            "{id} is not held, it is {state}: there is nothing to release"
        )));
    };
    let by = common.by()?;
    common.confirm(&format!(
        "{} unit {}: {}",
        job.number,
        job.unit,
        Operate::release_means(&job)
    ))?;
    let job = stack.operate()?.release(id, &by, ends).await.map_err(refused)?;
    done(&job, "is released")
}

async fn void(stack: &Stack, common: &Common, id: &JobId) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
    let Some(shipment) = job.purchase.done().filter(|_| job.closed.is_none()) else {
        let summary = story::summary(&job);
        return Err(Failure::new(format!(
            "{id} has no shipment to void: {summary}. `waybill job hold` stops it"
        )));
    };
    let by = common.by()?;
    common.confirm(&format!(
        "{} unit {}: {}",
        job.number,
        job.unit,
        voiding_means(&job, &shipment.id)
    ))?;
    let job = stack.operate()?.void(id, &by).await.map_err(refused)?;
    done(
        &job,
        "is to be void: the carrier is asked now, and the job ends once it has voided the shipment",
    )
}

/// What voiding does, in plain words.
fn voiding_means(job: &Job, shipment: &CarrierShipmentId) -> String {
    let after = match &job.write_back {
        Step::Done(place) => format!(
            "; the ERP still shows it afterwards: delete {} there, and what the order still wants ships anew",
            place.place
        ),
        _ => "; if the order still wants the goods, they become a new unit".to_owned(),
    };
    format!(
        "the shipment {shipment} is voided at the carrier and then the job ends{after}. If the carrier refuses, nothing changes \
         and the job is held"
    )
}

async fn resolve(stack: &Stack, common: &Common, id: &JobId, settled: &Settled) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
    let by = common.by()?;
    if let Some(number) = &settled.order {
        return resolve_order(stack, common, &job, (&by, number)).await;
    }
    let (word, means) = match settled.tracking.as_slice() {
        [] => (
            Word::NotCreated,
            "you say that nothing was bought: it is bought again, which bills".to_owned(),
        ),
        numbers => (
            Word::Tracking(numbers.to_vec()),
            format!(
                "{} is taken for this job's shipment, and written back",
                numbers.join(", ")
            ),
        ),
    };
    common.confirm(&format!("{} unit {}: {means}", job.number, job.unit))?;
    let job = stack.operate()?.resolve(id, &by, &word).await.map_err(refused)?;
    match job.purchase.done() {
        Some(shipment) => done(&job, &format!("has shipment {}; a worker goes on now", shipment.id)),
        None => done(&job, "is bought again; later it is looked whether two were bought"),
    }
}

async fn resolve_order(
    stack: &Stack,
    common: &Common,
    job: &Job,
    (by, number): (&str, &str),
) -> Result<Answer, Failure> {
    common.confirm(&format!(
        "what was shipped for {} at the desk becomes a unit of order {number}, and is written to the ERP",
        job.number
    ))?;
    let job = stack
        .operate()?
        .resolve_order(&job.id, by, number)
        .await
        .map_err(refused)?;
    match &job.closed {
        Some(Closing::Matched { job: matched }) => done(
            &job,
            &format!("belongs to {number}: `waybill job show {matched}` tells how that goes on"),
        ),
        _ => done(&job, &format!("belongs to {number}")),
    }
}

async fn forget(stack: &Stack, common: &Common, id: &JobId) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
    let by = common.by()?;
    common.confirm(&format!(
        "{} unit {}: its address, names, telephone numbers, labels and the bodies of its calls are erased for good",
        job.number, job.unit
    ))?;
    let job = stack.operate()?.forget(id, &by).await.map_err(refused)?;
    note(
        "Earlier versions of objects that you may not delete go by the bucket's lifecycle (30 days), the table's backups by \
         point-in-time recovery (35 days), and what the ERP and the carrier know is theirs.",
    );
    done(&job, "is forgotten: its numbers, money and decisions stay")
}

fn done(job: &Job, what: &str) -> Result<Answer, Failure> {
    Answer::new(
        &with_state(job),
        format!("{} unit {} ({}) {what}", job.number, job.unit, job.id),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::tests::{held_for, shipped};
    use waybill::domain::{LabelFormat, LabelRef};

    #[test]
    fn a_labels_file_is_named_by_order_and_parcel_and_stays_in_its_folder() {
        let label = |number: Option<&str>| LabelRef {
            tracking_number: number.map(str::to_owned),
            format: LabelFormat::Zpl,
            key: "labels/x/0.zpl".to_owned(),
        };
        assert_eq!(file_name(&shipped(), 0, &label(Some("1Z1"))), "SO5012-1Z1.zpl");
        assert_eq!(file_name(&shipped(), 1, &label(None)), "SO5012-papers-2.zpl");
        let job = Job {
            number: "../../etc/x".to_owned(),
            ..shipped()
        };
        assert_eq!(file_name(&job, 0, &label(Some("1Z1"))), "______etc_x-1Z1.zpl");
    }

    #[test]
    fn whoever_has_no_link_is_told_why() {
        let held = held_for(HoldReason::Rejected, "no");
        assert!(
            no_link(&held).contains("has no labels that may be used; it is held"),
            "{}",
            no_link(&held)
        );
        let forgotten = Job {
            forgotten: Some(waybill::job::Forgotten {
                by: "ann".to_owned(),
                at: held.updated_at,
            }),
            ..shipped()
        };
        assert!(
            no_link(&forgotten).contains("ann had its personal data erased"),
            "{}",
            no_link(&forgotten)
        );
    }

    fn chosen() -> Chosen {
        Chosen {
            ids: Vec::new(),
            connection: None,
            state: None,
            reason: None,
            older_than: None,
            most: 10,
            dry_run: true,
        }
    }

    #[test]
    fn a_filter_takes_what_is_like_that_and_no_finished_job_unless_asked() {
        let held = held_for(HoldReason::LabelLost, "gone");
        let now = held.updated_at + SignedDuration::from_mins(30);
        let by = |reason, older_than| Chosen {
            reason,
            older_than,
            ..chosen()
        };
        assert!(by(Some(HoldReason::LabelLost), Some(30)).takes(&held, now));
        assert!(!by(Some(HoldReason::LabelLost), Some(31)).takes(&held, now));
        assert!(!by(Some(HoldReason::Rejected), None).takes(&held, now));
        assert!(
            !by(None, Some(1)).takes(&shipped(), now),
            "nothing is left to do for it"
        );
        let asked = Chosen {
            state: Some(Wanted::Shipped),
            ..chosen()
        };
        assert!(asked.takes(&shipped(), now) && !asked.takes(&held, now));
        assert!(hold_reason("write-back-in-doubt").is_ok());
        assert!(
            hold_reason("sulking").unwrap_err().contains("write-back-in-doubt"),
            "what is allowed is said"
        );
    }

    #[test]
    fn voiding_says_what_a_person_must_do_in_the_erp() {
        let told = voiding_means(&shipped(), &CarrierShipmentId::new("1Z1"));
        assert!(
            told.contains("delete item fulfilment 77") && told.contains("1Z1"),
            "{told}"
        );
    }

    #[test]
    fn a_program_reads_the_state_in_a_word() {
        let document = with_state(&shipped());
        assert_eq!(document["state"], "shipped");
        assert_eq!(document["job"]["number"], "SO5012");
    }
}
