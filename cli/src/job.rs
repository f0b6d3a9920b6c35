//! `waybill job ...`: the shipping of one unit of one order.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::json;
use waybill::domain::{ConnectionId, JobId, LabelRef};
use waybill::flows::operate::{Operate, OperateError};
use waybill::job::{Job, history};
use waybill::ports::{AuditEntry, Directory, Jobs, Labels, State};

use crate::Common;
use crate::output::{Answer, Failure, facts, table, when};
use crate::stack::Stack;
use crate::story;

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
    /// Saves a job's labels and papers as files
    #[command(after_help = "Examples:\n  waybill job label ABCDEFGHIJKLMNOPQRSTUVWXYZ --out labels/")]
    Label {
        id: JobId,
        /// The folder for the files
        #[arg(long, default_value = ".", value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Has a worker look at it now; always safe, nothing happens twice
    #[command(after_help = "Examples:\n  waybill job replay ABCDEFGHIJKLMNOPQRSTUVWXYZ")]
    Replay { id: JobId },
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
    /// Voids the shipment and ends the job
    #[command(after_help = "Examples:\n  waybill job void ABCDEFGHIJKLMNOPQRSTUVWXYZ --yes --by ada")]
    Void { id: JobId },
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
        Verb::Label { id, out } => label(&stack, &id, &out).await,
        Verb::Replay { id } => replay(&stack, &id).await,
        Verb::Hold { id, reason } => hold(&stack, common, &id, &reason).await,
        Verb::Release { id } => release(&stack, common, &id).await,
        Verb::Void { id } => void(&stack, common, &id).await,
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
    let every = [State::Held, State::Open, State::Shipped, State::Closed];
    let states = state.map_or(every.to_vec(), |state| vec![state.into()]);
    let store = stack.store()?;
    let mut jobs = Vec::new();
    for connection in stack.connections(connection).await? {
        for state in &states {
            jobs.extend(store.in_state(&connection.id, *state, most).await?);
        }
    }
    let text = table(
        ["job", "connection", "order", "unit", "state", "since", "standing"],
        jobs.iter().map(row),
    );
    Answer::new(&jobs.iter().map(with_state).collect::<Vec<_>>(), text)
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
    let standing = story::standing(&job);
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
        &json!({ "state": story::state(&job), "standing": standing, "job": job }),
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
    let document = json!({ "at": at, "state": story::state(&job), "standing": standing, "job": job, "story": entries });
    Answer::new(&document, text)
}

async fn label(stack: &Stack, id: &JobId, out: &Path) -> Result<Answer, Failure> {
    let job = load(stack, id).await?;
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

/// The order's number and the parcel's, without anything that a file system could take for a path.
fn file_name(job: &Job, index: usize, label: &LabelRef) -> String {
    let part = label
        .tracking_number
        .clone()
        .unwrap_or_else(|| format!("papers-{}", index + 1));
    let name = format!("{}-{part}", job.number);
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .collect();
    format!("{safe}.{}", label.format.extension())
}

fn refused(error: OperateError) -> Failure {
    match error {
        OperateError::Store(error) => error.into(),
        OperateError::NoSuchJob(id) => Failure::new(format!("there is no job {id}")),
        other => Failure::new(format!("{other}. `waybill job show` tells where it stands")),
    }
}

async fn replay(stack: &Stack, id: &JobId) -> Result<Answer, Failure> {
    let job = stack.operate()?.replay(id).await.map_err(refused)?;
    done(&job, "is queued: a worker looks at it now")
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
        "{} unit {}: the shipment {} is voided at the carrier and the job ends; if the ERP still wants the goods \
         shipped, they become a new unit",
        job.number, job.unit, shipment.id
    ))?;
    let job = stack.operate()?.void(id, &by).await.map_err(refused)?;
    done(&job, "ends; its shipment is being voided")
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
    use crate::story::tests::shipped;
    use waybill::domain::LabelFormat;

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
    fn a_program_reads_the_state_in_a_word() {
        let document = with_state(&shipped());
        assert_eq!(document["state"], "shipped");
        assert_eq!(document["job"]["number"], "SO5012");
    }
}
