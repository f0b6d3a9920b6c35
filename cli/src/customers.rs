//! `waybill customers ...`: what a desk is told of customers on their open orders, how far that has come, and what it refuses.

use clap::Subcommand;
use serde_json::json;
use waybill::domain::ConnectionId;
use waybill::ports::{CustomersRun, DeskWrite, Outgoing, RefusedOrder, StockBooks};

use crate::Common;
use crate::desk_run::{self, begin, rests, standing};
use crate::output::{Answer, Failure, table};
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Tells the desk now of customers whose data, or whose open orders, have changed; a run that is under way goes on instead
    #[command(after_help = "Examples:
  waybill customers run acme-netsuite-shipstation
  waybill customers run acme-netsuite-shipstation --wait --json
  waybill customers run acme-netsuite-shipstation --all

The desk keeps no customers that anybody could write: it is told of them on their open orders. An order that it refused is told
again when it changes, or with --all.")]
    Run(desk_run::Run),
    /// Shows the last run: when it was, what it made and changed, which orders the desk refuses, and what it waits for
    #[command(after_help = "Examples:
  waybill customers show acme-netsuite-shipstation
  waybill customers show acme-netsuite-shipstation --story
  waybill customers show acme-netsuite-shipstation --json")]
    Show(desk_run::Show),
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Run(run) => tell(&stack, &run, &common.by()?).await,
        Verb::Show(desk_run::Show { connection, story }) => {
            stack.gate(&connection).await?;
            let run = stack.store()?.customers_run(&connection).await?;
            let written = match story {
                true => Some(desk_run::story(&stack, Outgoing::Customers, &connection, run.round.number).await?),
                false => None,
            };
            answer(&connection, &run, written.as_deref())
        }
    }
}

async fn tell(stack: &Stack, run: &desk_run::Run, by: &str) -> Result<Answer, Failure> {
    let (begun, store) = (begin(stack, "customers", run, by).await?, stack.store()?);
    let patience = run.patience();
    let mut standing = store.customers_run(&run.connection).await?;
    while let Some(patience) = patience.as_ref().filter(|_| !rests(&standing.round, begun.run)) {
        patience.pause("customers", run, &progress(&standing)).await?;
        standing = store.customers_run(&run.connection).await?;
    }
    let failed = standing.round.stopped.is_some() && rests(&standing.round, begun.run);
    Ok(answer(&run.connection, &standing, None)?.failed_if(failed))
}

fn progress(run: &CustomersRun) -> String {
    let read = format!(
        "run {}: {} orders read, {} made, {} changed",
        run.round.number, run.read, run.made, run.changed
    );
    match &run.round.stopped {
        Some(why) => format!("{read}; {why}"),
        None => read,
    }
}

/// The run without what the next one remembers of each order.
fn answer(connection: &ConnectionId, run: &CustomersRun, story: Option<&[DeskWrite]>) -> Result<Answer, Failure> {
    let mut shown = run.clone();
    shown.cursor.settled.clear();
    if let Some(scan) = &mut shown.cursor.scan {
        scan.settled.clear();
    }
    let mut text = told(connection, run);
    if let Some(story) = story {
        text = format!("{text}\n\n{}", desk_run::written(story));
    }
    Answer::new(&json!({ "connection": connection, "run": shown, "story": story }), text)
}

fn told(connection: &ConnectionId, run: &CustomersRun) -> String {
    if run.round.number == 0 {
        return format!("customers of {connection} were never told: `waybill customers run {connection}`");
    }
    let mut lines = vec![
        format!("{connection}: customers, {}", standing(&run.round)),
        format!(
            "  {} open orders read: {} unchanged since the desk was told, {} made there, {} changed there, {} the same there, \
             {} not there, {} that can be changed no more, {} refused",
            run.read, run.unchanged, run.made, run.changed, run.same, run.absent, run.fixed, run.refused_in_all
        ),
    ];
    if run.refused_in_all > 0 {
        lines.push(String::new());
        let row = |one: &RefusedOrder| [one.number.clone(), one.why.clone()];
        lines.push(table(["order", "why the desk refuses it"], run.refused.iter().map(row)));
        let named = u64::try_from(run.refused.len()).unwrap_or(u64::MAX);
        let more = run.refused_in_all.saturating_sub(named);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::ports::{Cursor, ScanProgress};

    #[test]
    fn a_run_is_told_with_every_order_that_the_desk_refuses() {
        let (id, at) = ("acme".parse().unwrap(), jiff::Timestamp::UNIX_EPOCH);
        assert!(told(&id, &CustomersRun::default()).contains("waybill customers run acme"));
        let settled = std::collections::BTreeMap::from([("sales-order 1".to_owned(), at)]);
        let mut run = CustomersRun {
            cursor: Cursor {
                settled: settled.clone(),
                scan: Some(ScanProgress {
                    since: at,
                    candidate: at,
                    after: None,
                    began: None,
                    settled,
                }),
                ..Cursor::default()
            },
            ..CustomersRun::default()
        };
        run.round = run.round.next(at, false);
        run.note_refused("SO5012", "it has no address".to_owned());
        let text = told(&id, &run);
        assert!(
            text.contains("SO5012") && text.contains("it has no address") && text.contains("1 refused"),
            "{text}"
        );
        let (out, _) = answer(&id, &run, None).unwrap().for_people();
        assert_eq!(out, text);
    }
}
