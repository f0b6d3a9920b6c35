//! `waybill reconcile ...`: what does not agree between the ERP, the jobs and the carrier, and what mends it.
//!
//! The comparison runs in the stack, by the function that makes it daily, so that a person and the schedule never do it twice.

use std::time::Duration;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use waybill::aws::Dynamo;
use waybill::domain::{ConnectionId, Gap, Run};
use waybill::flows::reconcile::Report;
use waybill::ports::Reconciliations;

use crate::Common;
use crate::output::{Answer, Failure, note, table, when};
use crate::stack::Stack;

/// How long to wait before a run that cannot go on is looked at again, and for how long in all.
const AGAIN: Duration = Duration::from_secs(5);
const PATIENCE: jiff::SignedDuration = jiff::SignedDuration::from_mins(30);

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Compares now and names every gap with its reason and what mends it
    #[command(after_help = "Examples:
  waybill reconcile run
  waybill reconcile run --connection acme-netsuite-ups --json

A run that is under way is gone on with. Gaps are an answer and a failure: with gaps the exit code is 1, without 0.
What a person changed in a field of the ERP that is ours is put right by the way, and reported.")]
    Run {
        /// Only this connection
        #[arg(long, value_name = "ID")]
        connection: Option<ConnectionId>,
    },
    /// Shows what the newest run found, or another one
    #[command(after_help = "Examples:
  waybill reconcile show
  waybill reconcile show --connection acme-netsuite-ups --run 7

The exit code is 0 whatever was found.")]
    Show {
        /// Only this connection
        #[arg(long, value_name = "ID")]
        connection: Option<ConnectionId>,
        /// This run instead of the newest
        #[arg(long, value_name = "NUMBER", requires = "connection")]
        run: Option<u32>,
    },
}

/// A run with its gaps.
#[derive(Debug, Serialize)]
struct Shown {
    connection: ConnectionId,
    run: Option<Run>,
    gaps: Vec<Gap>,
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Run { connection } => reconcile(&stack, connection.as_ref()).await,
        Verb::Show { connection, run } => show(&stack, connection.as_ref(), run).await,
    }
}

async fn reconcile(stack: &Stack, connection: Option<&ConnectionId>) -> Result<Answer, Failure> {
    let store = stack.store()?;
    let mut all = Vec::new();
    for id in ids(stack, connection).await? {
        let report = to_the_end(stack, &id).await?;
        let run = Reconciliations::run(store.as_ref(), &id, report.run).await?;
        all.push(shown(&store, id, run).await?);
    }
    let found = all.iter().any(|one| !one.gaps.is_empty());
    Ok(answer(&all)?.failed_if(found))
}

/// Invokes the function until the run is finished.
async fn to_the_end(stack: &Stack, id: &ConnectionId) -> Result<Report, Failure> {
    let began = Timestamp::now();
    loop {
        note(&format!("comparing {id} ..."));
        let input = json!({ "task": "reconcile", "connection": id });
        let answer = stack.invoke("SweeperFunction", "the reconciliation", &input).await?;
        let report = read(&answer)?;
        if report.complete {
            return Ok(report);
        }
        note(&progress(&report));
        if Timestamp::now().duration_since(began) > PATIENCE {
            return Err(Failure::new(format!(
                "run {} of {id} takes long and goes on by itself: `waybill reconcile show --connection {id}` tells how far",
                report.run
            )));
        }
        if report.stopped.is_some() {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn read(answer: &Value) -> Result<Report, Failure> {
    let report = answer.pointer("/reconciled/0").cloned().unwrap_or_default();
    serde_json::from_value(report)
        .map_err(|_| Failure::new("the function gave no report: is the stack of this version? Deploy it again"))
}

fn progress(report: &Report) -> String {
    let tally = &report.tally;
    let read = format!(
        "run {}: {} documents, {} entries of the carrier's list, {} jobs, {} gaps so far",
        report.run, tally.documents, tally.listed, tally.jobs, report.gaps
    );
    match &report.stopped {
        Some(why) => format!("{read}; {why}"),
        None => read,
    }
}

async fn show(stack: &Stack, connection: Option<&ConnectionId>, number: Option<u32>) -> Result<Answer, Failure> {
    let store = stack.store()?;
    let mut all = Vec::new();
    for id in ids(stack, connection).await? {
        let run = match number {
            Some(number) => {
                let run = Reconciliations::run(store.as_ref(), &id, number).await?;
                let absent = || Failure::new(format!("run {number} of {id} is not kept, or not finished"));
                Some(run.ok_or_else(absent)?)
            }
            None => store.standing(&id).await?.run,
        };
        all.push(shown(&store, id, run).await?);
    }
    answer(&all)
}

async fn ids(stack: &Stack, connection: Option<&ConnectionId>) -> Result<Vec<ConnectionId>, Failure> {
    let connections = stack.connections(connection).await?;
    if connections.is_empty() {
        return Err(Failure::new(
            "there is no connection yet: `waybill connection apply FILE` makes one",
        ));
    }
    Ok(connections.into_iter().map(|one| one.id).collect())
}

async fn shown(store: &Dynamo, connection: ConnectionId, run: Option<Run>) -> Result<Shown, Failure> {
    let mut gaps = Vec::new();
    for step in run.iter().flat_map(|run| &run.pages) {
        let number = run.as_ref().map_or(0, |run| run.number);
        gaps.extend(store.gaps(&connection, number, *step).await?);
    }
    Ok(Shown { connection, run, gaps })
}

fn answer(all: &[Shown]) -> Result<Answer, Failure> {
    let texts: Vec<String> = all.iter().map(told).collect();
    Answer::new(&all, texts.join("\n\n"))
}

fn told(shown: &Shown) -> String {
    let Some(run) = &shown.run else {
        return format!(
            "{0} was never reconciled: `waybill reconcile run --connection {0}`",
            shown.connection
        );
    };
    let ended = match run.finished_at {
        Some(at) => format!("ended {}", when(at)),
        None => format!("under way since {}", when(run.started_at)),
    };
    let gaps = match run.gaps {
        0 => "all agree".to_owned(),
        gaps => format!("gaps: {gaps}"),
    };
    let head = format!("{}, run {}, {ended}: {gaps}", shown.connection, run.number);
    let tally = &run.tally;
    let read = format!(
        "  compared {} documents, {} entries of the carrier's list ({} of them not ours), {} jobs",
        tally.documents, tally.listed, tally.foreign, tally.jobs
    );
    let notes = run.notes.iter().map(|note| format!("  {note}"));
    let mut lines: Vec<String> = [head, read].into_iter().chain(notes).collect();
    if !shown.gaps.is_empty() {
        lines.push(String::new());
        lines.push(table(
            ["gap", "order", "job", "why", "what mends it"],
            shown.gaps.iter().map(row),
        ));
    }
    lines.join("\n")
}

fn row(gap: &Gap) -> [String; 5] {
    [
        gap.kind.words().to_owned(),
        gap.number.clone().unwrap_or_default(),
        gap.job.as_ref().map(ToString::to_string).unwrap_or_default(),
        gap.reason.clone(),
        gap.mend.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::domain::{GapKind, Stage, Tally};

    fn finished(gaps: u64) -> Run {
        let at: Timestamp = "2026-03-02T04:40:00Z".parse().unwrap();
        Run {
            number: 7,
            started_at: at,
            finished_at: Some(at),
            stage: Stage::Done,
            shipped_since: at,
            listed_since: None,
            erp_is_blind: false,
            list_is_blind: false,
            tally: Tally {
                documents: 12,
                ..Tally::default()
            },
            gaps,
            held: 0,
            pages: Vec::new(),
            step: 0,
            failures: 0,
            suspects: Vec::new(),
            notes: vec!["ups's own list was not compared: it is not turned on".to_owned()],
            before: None,
        }
    }

    #[test]
    fn a_run_is_told_with_what_was_not_compared_and_each_gap_with_what_mends_it() {
        let gap = Gap {
            number: Some("SO5012".to_owned()),
            ..Gap::new(
                GapKind::NotAdmitted,
                "it is no job",
                "`waybill order admit SO5012 --connection acme`",
            )
        };
        let shown = Shown {
            connection: "acme".parse().unwrap(),
            run: Some(finished(1)),
            gaps: vec![gap],
        };
        let text = told(&shown);
        for part in [
            "run 7",
            "gaps: 1",
            "12 documents",
            "not compared",
            "SO5012",
            "`waybill order admit SO5012",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let quiet = Shown {
            run: Some(finished(0)),
            gaps: Vec::new(),
            ..shown
        };
        assert!(told(&quiet).contains("all agree"));
        let never = Shown { run: None, ..quiet };
        assert!(told(&never).contains("waybill reconcile run --connection acme"));
    }

    #[test]
    fn a_report_is_read_from_the_functions_answer() {
        let report = Report {
            run: 3,
            complete: true,
            ..Report::default()
        };
        let answer = json!({ "swept": null, "reconciled": [report] });
        assert_eq!(read(&answer).unwrap(), report);
        assert!(read(&json!({ "due": 3 })).is_err());
    }
}
