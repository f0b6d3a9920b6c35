//! `waybill`, the operator's command: noun, then verb.
//!
//! What a person reads is a table on stdout; with `--json` it is exactly one JSON document there. Notes, questions and
//! progress go to stderr. 0 is done, 1 is a failure that says what to do, 2 is a wrong command line.

mod brake;
mod connection;
mod cost;
mod customers;
mod desk_run;
#[cfg(test)]
mod documented;
mod hook;
mod job;
mod keys;
mod label;
mod order;
mod output;
mod portal;
mod queue;
mod reconcile;
mod schedule;
mod secret;
mod stack;
mod stock;
mod story;
mod token;
mod tracking;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::output::{Answer, Failure};

/// Keeps an ERP and a carrier in step.
#[derive(Debug, Parser)]
#[command(
    name = "waybill",
    version,
    propagate_version = true,
    after_help = "Examples:
  waybill --stack waybill-dev connection apply netsuite-ups.toml
  waybill connection resume acme-netsuite-ups
  waybill order explain SO5012
  waybill tracking show SO5012
  waybill job list --state held --json

The stack is named by --stack or WAYBILL_STACK; region and credentials are found as the AWS tools find them."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    noun: Noun,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The CloudFormation stack
    #[arg(long, global = true, env = "WAYBILL_STACK", value_name = "NAME")]
    stack: Option<String>,
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
    /// Do not ask before spending, voiding or stopping
    #[arg(long, short, global = true)]
    yes: bool,
    /// Who does this, for the audit trail
    #[arg(long, global = true, env = "USER", hide_env_values = true, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Pairings of an ERP account and a carrier account
    #[command(subcommand)]
    Connection(connection::Verb),
    /// Credentials in Secrets Manager
    #[command(subcommand)]
    Secret(secret::Verb),
    /// The shipping of one unit of one order
    #[command(subcommand)]
    Job(job::Verb),
    /// The keys of links to labels
    #[command(subcommand)]
    Label(label::Verb),
    /// Orders by the number that people know
    #[command(subcommand)]
    Order(order::Verb),
    /// Parcels on their way
    #[command(subcommand)]
    Tracking(tracking::Verb),
    /// Addresses to which vendors push, and their keys
    #[command(subcommand)]
    Hook(hook::Verb),
    /// Keys with which a customer's portal asks how orders fare
    #[command(subcommand)]
    Portal(portal::Verb),
    /// The queues of jobs, of tracking and of stock, and their dead letters
    #[command(subcommand)]
    Queue(queue::Verb),
    /// Compares the ERP, the jobs and the carrier's own list
    #[command(subcommand)]
    Reconcile(reconcile::Verb),
    /// What desks are told of stock
    #[command(subcommand)]
    Stock(stock::Verb),
    /// What desks are told of customers, on their open orders
    #[command(subcommand)]
    Customers(customers::Verb),
    /// Access tokens in use
    #[command(subcommand)]
    Token(token::Verb),
    /// Stops every purchase at once
    #[command(subcommand)]
    Brake(brake::Verb),
    /// What shipments cost at AWS, by counted operations and published prices
    Cost(cost::Asked),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.common.json;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(Failure::new(format!(
            "the asynchronous runtime does not start: {error}"
        ))),
    };
    output::finish(outcome, json)
}

async fn run(cli: Cli) -> Result<Answer, Failure> {
    match cli.noun {
        Noun::Connection(verb) => connection::run(verb, &cli.common).await,
        Noun::Secret(verb) => secret::run(verb, &cli.common).await,
        Noun::Job(verb) => job::run(verb, &cli.common).await,
        Noun::Order(verb) => order::run(verb, &cli.common).await,
        Noun::Tracking(verb) => tracking::run(verb, &cli.common).await,
        Noun::Hook(verb) => hook::run(verb, &cli.common).await,
        Noun::Label(verb) => label::run(verb, &cli.common).await,
        Noun::Portal(verb) => portal::run(verb, &cli.common).await,
        Noun::Queue(verb) => queue::run(verb, &cli.common).await,
        Noun::Reconcile(verb) => reconcile::run(verb, &cli.common).await,
        Noun::Stock(verb) => stock::run(verb, &cli.common).await,
        Noun::Customers(verb) => customers::run(verb, &cli.common).await,
        Noun::Token(verb) => token::run(verb, &cli.common).await,
        Noun::Brake(verb) => brake::run(verb, &cli.common).await,
        Noun::Cost(asked) => cost::run(asked).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_of_the_design_is_understood() {
        let job = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for line in [
            "connection apply f.toml",
            "connection list",
            "connection show acme",
            "connection check acme",
            "connection authorize acme",
            "connection plan acme --most 5",
            "connection poll acme",
            "connection pause acme",
            "connection resume acme --yes",
            "connection remove acme --by ada",
            "secret set acme/ups --file ups.json",
            "secret list",
            "job list --connection acme --state held",
            "order explain SO5012 --connection acme",
            "order admit SO5012 --connection acme --yes",
            "reconcile run",
            "reconcile run --connection acme --json",
            "reconcile show",
            "reconcile show --connection acme --run 7",
            "queue list",
            "queue redrive",
            "tracking show 1Z999AA10123456784",
            "tracking show SO5012 --connection acme --json",
            "tracking poll",
            "tracking renew",
            "tracking stalled",
            "tracking stalled --connection acme --most 5",
            "hook create acme --carrier",
            "hook create acme --carrier --client-id acme-at-ups",
            "hook create acme --erp --network 203.0.113.0/24 --network 2001:db8::/32",
            "hook list",
            "hook show acme --carrier --yes",
            "hook rotate acme --erp",
            "hook rotate acme --carrier --address --keep-hours 0",
            "hook remove acme --carrier --yes",
            "hook remove --hook 1a2b3c4d",
            "label rotate-key",
            "label rotate-key --end-old --yes --by ada",
            "job label ABCDEFGHIJKLMNOPQRSTUVWXYZ --link",
            "job label ABCDEFGHIJKLMNOPQRSTUVWXYZ --revoke --yes",
            "portal create acme",
            "portal rotate acme --yes",
            "portal remove acme --yes --by ada",
            "stock run acme",
            "stock run acme --all --wait --json",
            "stock show acme",
            "customers run acme --wait",
            "customers show acme --json",
            "token list",
            "brake on --reason outage",
            "brake off",
            "brake show",
            "cost --shipments 1000000 --connections 40 --batch 5 --json",
        ] {
            assert!(parse(&format!("waybill {line}")).is_ok(), "{line}");
        }
        for verb in ["show", "audit", "label", "replay", "release", "void", "forget"] {
            assert!(parse(&format!("waybill job {verb} {job}")).is_ok(), "{verb}");
        }
        assert!(parse(&format!("waybill job audit {job} --at 2026-08-01T10:00:00Z")).is_ok());
        assert!(parse(&format!("waybill job audit {job} --lines")).is_ok());
        assert!(parse(&format!("waybill job hold {job} --reason stocktaking")).is_ok());
        for word in ["--not-created", "--tracking 1Z1", "--tracking 1Z1 --tracking 1Z2"] {
            assert!(parse(&format!("waybill job resolve {job} {word}")).is_ok(), "{word}");
        }
        for filter in [
            "--state open --older-than 60",
            "--connection acme --reason label-lost --dry-run",
        ] {
            assert!(parse(&format!("waybill job replay {filter}")).is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_wrong_command_line_is_a_usage_error() {
        for line in [
            "connection show Acme",
            "connection show",
            "job show 17",
            "job list --state lost",
            "job hold ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "connection frobnicate acme",
            "reconcile show --run 7",
            "tracking show",
            "stock run",
            "customers show",
            "hook create acme",
            "hook create acme --carrier --erp",
            "hook create acme --erp --client-id x",
            "hook create acme --carrier --network ups.com",
            "hook show --carrier",
            "hook remove --carrier",
            "hook remove acme",
            "hook remove acme --hook 1a2b3c4d",
            "portal create",
            "job label ABCDEFGHIJKLMNOPQRSTUVWXYZ --link --revoke",
            "job label ABCDEFGHIJKLMNOPQRSTUVWXYZ --link --out labels",
            "job replay",
            "job replay --reason sulking",
            "job resolve ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "job resolve ABCDEFGHIJKLMNOPQRSTUVWXYZ --not-created --tracking 1Z1",
        ] {
            let error = parse(&format!("waybill {line}")).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn every_command_has_examples() {
        fn without(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            let shown = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if command.get_subcommands().next().is_none() && !shown.contains("waybill ") {
                missing.push(path.clone());
            }
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                without(inner, &path, missing);
            }
        }
        let mut missing = Vec::new();
        without(&Cli::command(), "", &mut missing);
        assert!(missing.is_empty(), "{missing:?}");
    }
}
