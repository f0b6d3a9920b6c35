//! `waybill stock ...`: what a desk is told of stock, how far that has come, and what the desk does not take.

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::domain::{ConnectionId, StockRun};
use waybill::ports::{DeskWrite, Outgoing, StockBooks};

use crate::Common;
use crate::desk_run::{self, begin, long, rests, standing};
use crate::output::{Answer, Failure, table};
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Tells the desk now of all stock that has changed; a run that is under way goes on instead
    #[command(after_help = "Examples:
  waybill stock run acme-netsuite-shipstation
  waybill stock run acme-netsuite-shipstation --wait --json
  waybill stock run acme-netsuite-shipstation --all

What was begun goes on in the stack, at the pace that the desk allows, whether this command waits or not. --all tells everything
again: after somebody changed stock at the desk by hand, or made many SKUs known there.")]
    Run(desk_run::Run),
    /// Shows the last run: when it was, what it told, which SKUs the desk does not take, and what it waits for
    #[command(after_help = "Examples:
  waybill stock show acme-netsuite-shipstation
  waybill stock show acme-netsuite-shipstation --story
  waybill stock show acme-netsuite-shipstation --json")]
    Show(desk_run::Show),
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Run(run) => tell(&stack, &run, &common.by()?).await,
        Verb::Show(desk_run::Show { connection, story }) => {
            stack.gate(&connection).await?;
            let run = stack.store()?.stock_run(&connection).await?;
            let written = match story {
                true => Some(desk_run::story(&stack, Outgoing::Stock, &connection, run.round.number).await?),
                false => None,
            };
            answer(&connection, &run, written.as_deref(), desk_run::now())
        }
    }
}

async fn tell(stack: &Stack, run: &desk_run::Run, by: &str) -> Result<Answer, Failure> {
    let (begun, store) = (begin(stack, "stock", run, by).await?, stack.store()?);
    let patience = run.patience();
    let mut standing = store.stock_run(&run.connection).await?;
    while let Some(patience) = patience.as_ref().filter(|_| !rests(&standing.round, begun.run)) {
        patience.pause("stock", run, &progress(&standing)).await?;
        standing = store.stock_run(&run.connection).await?;
    }
    let failed = standing.round.stopped.is_some() && rests(&standing.round, begun.run);
    Ok(answer(&run.connection, &standing, None, desk_run::now())?.failed_if(failed))
}

fn progress(run: &StockRun) -> String {
    let read = format!(
        "run {}: {} levels read, {} changed, {} told",
        run.round.number, run.read, run.changed, run.told
    );
    match &run.round.stopped {
        Some(why) => format!("{read}; {why}"),
        None => read,
    }
}

fn answer(
    connection: &ConnectionId,
    run: &StockRun,
    story: Option<&[DeskWrite]>,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let age = run.age_seconds(now);
    let document: Value = json!({ "connection": connection, "run": run, "age_seconds": age, "story": story });
    let mut text = told(connection, run, age);
    if let Some(story) = story {
        text = format!("{text}\n\n{}", desk_run::written(story));
    }
    Answer::new(&document, text)
}

fn told(connection: &ConnectionId, run: &StockRun, age: Option<u64>) -> String {
    if run.round.number == 0 {
        return format!("stock of {connection} was never told: `waybill stock run {connection}`");
    }
    let mut lines = vec![
        format!("{connection}: stock, {}", standing(&run.round)),
        format!(
            "  {} levels read, {} changed, {} told, {} in places that the connection does not name",
            run.read, run.changed, run.told, run.elsewhere
        ),
    ];
    let age = age
        .and_then(|age| i64::try_from(age).ok())
        .map(SignedDuration::from_secs);
    lines.push(match age {
        Some(age) => format!("  nothing that the desk shows is older than {}", long(age)),
        None => "  the desk has not been told of everything yet".to_owned(),
    });
    if run.unplaced_in_all > 0 {
        lines.push(String::new());
        let row = |one: &waybill::domain::Unplaced| [one.sku.clone(), one.location.to_string(), one.why.clone()];
        lines.push(table(
            ["sku", "location", "why the desk does not take it"],
            run.unplaced.iter().map(row),
        ));
        let named = u64::try_from(run.unplaced.len()).unwrap_or(u64::MAX);
        let more = run.unplaced_in_all.saturating_sub(named);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::domain::{LocationId, Nonce, Unplaced};

    #[test]
    fn a_run_is_told_with_every_sku_that_the_desk_does_not_take() {
        let (id, at) = ("acme".parse().unwrap(), Timestamp::UNIX_EPOCH);
        assert!(told(&id, &StockRun::default(), None).contains("waybill stock run acme"));
        let mut run = StockRun::default().next(at, false);
        (run.read, run.changed, run.told) = (50_000, 12, 10);
        for number in 0..102 {
            run.note_unplaced(Unplaced {
                sku: format!("SKU-{number}"),
                location: LocationId::new("6"),
                why: "it knows no such SKU".to_owned(),
            });
        }
        let text = told(&id, &run, None);
        for part in [
            "50000 levels read",
            "SKU-0",
            "it knows no such SKU",
            "and 2 more",
            "not been told of everything",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        run.round = run
            .round
            .taken(&Nonce::new("a"), at, SignedDuration::from_mins(3))
            .over(at, None);
        let age = run.age_seconds(at + SignedDuration::from_hours(3));
        assert!(told(&id, &run, age).contains("older than 3 h 0 min"));
    }
}
