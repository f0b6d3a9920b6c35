//! `waybill connection ...`: what customers configure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::aws::{Change, SystemClock};
use waybill::connection::{Connection, parse};
use waybill::domain::{ConnectionId, Trouble};
use waybill::flows::plan::{Plan, Planned};
use waybill::flows::plan_desk::{Count, DeskPlan, PlannedAtDesk, PlannedDespatch};
use waybill::ports::{
    AccountStanding, AuditEntry, CallError, Connections, Directory, Finding, Limits, Recorder, Secrets, State, Systems,
};
use waybill::systems::check::Checks;
use waybill::systems::netsuite::{Account, Authorisation, NetSuite};
use waybill::systems::{System, account_of, ways_of};

use crate::Common;
use crate::desk_hook;
use crate::hook;
use crate::output::{self, Answer, Failure, facts, note, table, when};
use crate::portal;
use crate::schedule;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Validates a file and stores it; a new connection is paused
    #[command(after_help = "Examples:
  waybill connection apply examples/connections/netsuite-ups.toml
  waybill connection apply acme.toml --by ada --json

Every mistake of the file is told at once. A connection that exists keeps running, or stays paused.")]
    Apply {
        /// The TOML file
        file: PathBuf,
    },
    /// Lists all connections
    #[command(after_help = "Examples:\n  waybill connection list\n  waybill connection list --json")]
    List,
    /// Shows everything that a connection says
    #[command(after_help = "Examples:\n  waybill connection show acme-netsuite-ups")]
    Show { id: ConnectionId },
    /// Tries secrets, hosts, keys and permissions without touching an order
    #[command(after_help = "Examples:\n  waybill connection check acme-netsuite-ups")]
    Check { id: ConnectionId },
    /// Gets a person's consent in the browser, for NetSuite's authorization code grant
    #[command(after_help = "Examples:
  waybill connection authorize acme-netsuite-ups

Open the page that is shown, consent, and paste the address to which the browser was sent back (it need not load). The
secret must be of the kind authorization-code; the refresh token is stored in it.")]
    Authorize { id: ConnectionId },
    /// Shows what would ship if it were started now; where people ship themselves, what would be taken in and told
    #[command(after_help = "Examples:\n  waybill connection plan acme-netsuite-ups --most 20")]
    Plan {
        id: ConnectionId,
        /// The most documents to show
        #[arg(long, default_value_t = 50, value_name = "NUMBER")]
        most: usize,
    },
    /// Polls the ERP now and tells what came of it
    #[command(after_help = "Examples:\n  waybill connection poll acme-netsuite-ups")]
    Poll { id: ConnectionId },
    /// Stops it: nothing more is read or bought until it is resumed; what is bought already is still written back
    #[command(after_help = "Examples:\n  waybill connection pause acme-netsuite-ups --by ada")]
    Pause { id: ConnectionId },
    /// Starts it: from now on it buys shipments, or passes on what people ship at the carrier's own desk
    #[command(
        after_help = "Examples:\n  waybill connection resume acme-netsuite-ups\n  waybill connection resume acme-netsuite-ups --yes --by ada"
    )]
    Resume { id: ConnectionId },
    /// Removes it with its schedule; its jobs and their story stay
    #[command(after_help = "Examples:\n  waybill connection remove acme-netsuite-ups --yes")]
    Remove { id: ConnectionId },
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Apply { file } => apply(&stack, common, &file).await,
        Verb::List => list(&stack).await,
        Verb::Show { id } => show(&stack, &id).await,
        Verb::Check { id } => check(&stack, &id).await,
        Verb::Authorize { id } => authorize(&stack, &id).await,
        Verb::Plan { id, most } => plan(&stack, &id, most).await,
        Verb::Poll { id } => poll(&stack, &id).await,
        Verb::Pause { id } => pause(&stack, common, &id).await,
        Verb::Resume { id } => resume(&stack, common, &id).await,
        Verb::Remove { id } => remove(&stack, common, &id).await,
    }
}

async fn apply(stack: &Stack, common: &Common, file: &Path) -> Result<Answer, Failure> {
    let shown = file.display().to_string();
    let text =
        std::fs::read_to_string(file).map_err(|error| Failure::new(format!("{shown} cannot be read: {error}")))?;
    let written =
        parse(&text, stack.stage()?, &Checks).map_err(|mistakes| Failure::Mistakes { file: shown, mistakes })?;
    let before = stack.store()?.gate(&written.id).await?.map(|gate| gate.connection);
    let (connection, text) = succeed(written, before.as_ref())?;
    let twice = match before {
        None => may_ship_again(&connection, &stack.connections(None).await?),
        Some(_) => None,
    };
    let text = with(text, twice);
    if before.as_ref() != Some(&connection) {
        store(stack, common, &connection, &format!("applied {}", file.display())).await?;
    }
    schedule::put(stack, &connection).await?;
    let hooks = hook::follow_connections(stack).await?;
    let missing = hook::missing(&connection, &hooks);
    let document = json!({ "connection": connection, "change": text, "to_do": missing });
    Answer::new(&document, with(text, missing))
}

/// A text with what is to be said beside it.
fn with(text: String, more: Option<String>) -> String {
    match more {
        Some(more) => format!("{text}\n{more}"),
        None => text,
    }
}

/// What is to be looked at where another connection of the same account ships the same goods as other documents.
fn may_ship_again(new: &Connection, others: &[Connection]) -> Option<String> {
    let account = account_of(&new.erp);
    let same = |one: &&Connection| account_of(&one.erp) == account;
    let elsewise = |one: &&Connection| one.desk.is_none() && trigger(one) != trigger(new);
    let other = others.iter().find(|one| same(one) && elsewise(one))?;
    let (id, other_id) = (&new.id, &other.id);
    Some(format!(
        "{other_id} ships of the same account by erp.trigger = {:?}, and {id} by {:?}: goods that {other_id} has shipped are other documents \
         for {id}, which ships them again if both select them. {id} starts from {}: let that be no earlier than the moment of the switch, \
         and look at `connection plan {id}` before you resume it",
        trigger(other),
        trigger(new),
        new.start_from,
    ))
}

/// What makes goods ship, where an ERP knows more than one way.
fn trigger(connection: &Connection) -> &str {
    let said = connection.erp.options.get("trigger");
    said.and_then(Value::as_str).unwrap_or("ready")
}

/// What a file makes of the connection that stands there, and the sentence that tells it.
fn succeed(written: Connection, before: Option<&Connection>) -> Result<(Connection, String), Failure> {
    let id = written.id.clone();
    let Some(before) = before else {
        let text = format!("{id} is new and paused: `waybill connection check {id}`, then `plan`, then `resume`");
        return Ok((Connection { version: 1, ..written }, text));
    };
    let identity = |one: &Connection| (one.tenant.clone(), one.erp.system.clone(), one.erp.account.clone());
    if identity(&written) != identity(before) {
        return Err(Failure::new(format!(
            "{id} belongs to tenant {} and {} account {}, and its orders are known by it: give the file another id",
            before.tenant, before.erp.system, before.erp.account
        )));
    }
    if trigger(&written) != trigger(before) {
        return Err(Failure::new(format!(
            "{id} ships by erp.trigger = {:?}, and under another trigger the same goods would be other documents and ship again. Pause {id}, \
             give the file another id and start_from at the moment of the switch (an earlier one ships again what {id} has shipped), and look at \
             `connection plan` before you resume it",
            trigger(before)
        )));
    }
    let kept = Connection {
        version: before.version,
        paused: before.paused,
        ..written
    };
    let state = state(&kept);
    if kept == *before {
        return Ok((
            kept,
            format!("{id} stays as it is: {state}, version {}", before.version),
        ));
    }
    let version = before.version + 1;
    Ok((
        Connection { version, ..kept },
        format!("{id} is changed: {state}, version {version}"),
    ))
}

fn state(connection: &Connection) -> &'static str {
    if connection.paused { "paused" } else { "running" }
}

async fn store(stack: &Stack, common: &Common, connection: &Connection, text: &str) -> Result<(), Failure> {
    let audit = entry(common, text)?;
    let connection = connection.clone();
    let change = Change { connection, audit };
    if stack.store()?.store_connection(&change).await? {
        return Ok(());
    }
    Err(Failure::new(
        "the connection changed meanwhile; look at it and say it again",
    ))
}

/// Writes into a connection's story what somebody is about to do that its file does not say.
pub(crate) async fn record(stack: &Stack, common: &Common, id: &ConnectionId, text: &str) -> Result<(), Failure> {
    let before = stack.gate(id).await?.connection;
    let version = before.version + 1;
    store(stack, common, &Connection { version, ..before }, text).await
}

fn entry(common: &Common, text: &str) -> Result<AuditEntry, Failure> {
    Ok(AuditEntry::new(Timestamp::now(), common.by()?, text))
}

async fn list(stack: &Stack) -> Result<Answer, Failure> {
    let connections = stack.connections(None).await?;
    let row = |one: &Connection| {
        [
            one.id.to_string(),
            one.tenant.to_string(),
            state(one).to_owned(),
            format!("{} {}", one.erp.system, one.erp.account),
            format!("{} {}", one.carrier.system, one.carrier.account),
            format!("{} {}", one.schedule.expression, one.schedule.time_zone),
            one.version.to_string(),
        ]
    };
    let header = ["connection", "tenant", "state", "erp", "carrier", "schedule", "version"];
    let text = table(header, connections.iter().map(row));
    Answer::new(&connections, text)
}

async fn show(stack: &Stack, id: &ConnectionId) -> Result<Answer, Failure> {
    let gate = stack.gate(id).await?;
    let changes = stack.store()?.connection_audit(id).await?;
    let rows = changes
        .iter()
        .map(|entry| [when(entry.at), entry.by.clone(), entry.text.clone()]);
    let accounts = accounts(stack, &gate.connection).await?;
    let told: Vec<String> = accounts
        .iter()
        .map(|(account, how)| format!("{account} {how}"))
        .collect();
    let text = format!(
        "{}\n\n{}\n\n{}",
        facts(&gate.connection),
        told.join("\n"),
        table(["changed", "by", "what"], rows)
    );
    Answer::new(
        &json!({ "connection": gate.connection, "brake": gate.brake, "accounts": accounts, "changes": changes }),
        text,
    )
}

/// How the connection's two accounts fare, and whatever else of its ways stands still.
async fn accounts(stack: &Stack, connection: &Connection) -> Result<BTreeMap<String, String>, Failure> {
    let store = stack.store()?;
    let both = [&connection.erp, &connection.carrier].map(account_of);
    let mut accounts = BTreeMap::new();
    for way in ways_of(connection) {
        let standing = store.standing(&way).await?;
        if both.contains(&way) || stands_still(&standing, Timestamp::now()) {
            accounts.insert(way, fares(&standing));
        }
    }
    Ok(accounts)
}

fn stands_still(standing: &AccountStanding, now: Timestamp) -> bool {
    standing.health.outage.is_some() || standing.paused.is_some_and(|until| until > now)
}

fn fares(standing: &AccountStanding) -> String {
    match (&standing.health.outage, standing.paused) {
        (Some(outage), _) => {
            let what = match outage.trouble {
                Trouble::Everything => "does not answer",
                Trouble::Effects => "loses or refuses purchases and writes",
                Trouble::Credential => "refuses our credential",
            };
            let (since, probe) = (when(outage.since), when(outage.probe_at));
            format!(
                "{what} since {since} ({}): nothing is sent but a probe, the next one at {probe}",
                outage.reason
            )
        }
        (None, Some(until)) => format!("is paused until {}", when(until)),
        (None, None) => "works, as far as we know".to_owned(),
    }
}

async fn check(stack: &Stack, id: &ConnectionId) -> Result<Answer, Failure> {
    let connection = stack.gate(id).await?.connection;
    let findings = match stack.systems()?.open(&connection).await {
        Ok(opened) => {
            note(&format!(
                "asking {} and {} ...",
                connection.erp.system, connection.carrier.system
            ));
            let mut findings = opened.source.check().await;
            findings.extend(opened.carrier.check().await);
            findings.extend(desk_hook::check(stack, &connection, &opened).await?);
            let soon = connection.tracking.words(opened.carrier.pace());
            findings.extend(soon.map(how_soon));
            opened.close().await;
            findings
        }
        Err(error) => vec![unopened(&error)],
    };
    verdicts(&findings)
}

fn verdicts(findings: &[Finding]) -> Result<Answer, Failure> {
    let row = |finding: &Finding| {
        let (verdict, text) = match &finding.result {
            Ok(seen) => ("ok", seen),
            Err(wrong) => ("WRONG", wrong),
        };
        [finding.what.clone(), verdict.to_owned(), text.clone()]
    };
    let text = table(
        ["check", "verdict", "what was seen, or what to do"],
        findings.iter().map(row),
    );
    let failed = findings.iter().any(|finding| finding.result.is_err());
    Ok(Answer::new(&findings, text)?.failed_if(failed))
}

fn how_soon(words: String) -> Finding {
    Finding {
        what: "how soon news of parcels are shown".to_owned(),
        result: Ok(words),
    }
}

fn unopened(error: &CallError) -> Finding {
    Finding {
        what: "reading the secrets and opening both systems".to_owned(),
        result: Err(error.to_string()),
    }
}

async fn authorize(stack: &Stack, id: &ConnectionId) -> Result<Answer, Failure> {
    let connection = stack.gate(id).await?.connection;
    let (erp, secrets) = (&connection.erp, stack.secrets()?);
    if System::named(&erp.system) != Some(System::NetSuite) {
        return Err(Failure::new(format!(
            "{} needs no consent: enter its secret with `waybill secret set`",
            erp.system
        )));
    }
    let body = secrets.read(&erp.secret).await?;
    let body = body.ok_or_else(|| {
        Failure::new(format!(
            "there is no secret {0}: enter it with `waybill secret set {0}`",
            erp.secret
        ))
    })?;
    let account = Account::parse(&erp.account).map_err(|error| Failure::new(error.to_string()))?;
    let consent = Authorisation::begin(account, body).map_err(|refusal| Failure::new(refusal.to_string()))?;
    let page = consent.url().map_err(|refusal| Failure::new(refusal.to_string()))?;
    let redirect = output::prompt(&format!(
        "Open this page and consent:\n\n{page}\n\nThe address that the browser came to: "
    ))?;
    let code = consent
        .code(&redirect)
        .map_err(|error| Failure::new(error.to_string()))?;
    let ports = stack.systems()?.ports(&Recorder::default());
    let endpoint =
        NetSuite::token_endpoint(&connection, &ports).map_err(|refusal| Failure::new(refusal.to_string()))?;
    let renewed = consent.exchange(&code, &endpoint).await;
    let renewed = renewed.map_err(|error| Failure::new(format!("{error}. Nothing was stored; begin again")))?;
    secrets.set(&erp.secret, &renewed).await?;
    Answer::new(
        &json!({ "connection": id, "secret": erp.secret, "authorised": true }),
        format!("{id} is authorised: the refresh token is stored in {}", erp.secret),
    )
}

async fn plan(stack: &Stack, id: &ConnectionId, most: usize) -> Result<Answer, Failure> {
    let connection = stack.gate(id).await?.connection;
    if connection.desk.is_some() {
        return plan_at_desk(stack, &connection, most).await;
    }
    let plan = Plan {
        systems: Arc::new(stack.systems()?),
        documents: stack.store()?,
    };
    note(&format!(
        "reading {} since {} ...",
        connection.erp.system,
        when(connection.start_from)
    ));
    let planned = plan.run(&connection, most).await;
    let planned =
        planned.map_err(|error| Failure::new(format!("{error}. `waybill connection check {id}` tries every part")))?;
    let row = |one: &Planned| {
        [
            one.number.clone(),
            one.units.to_string(),
            one.parcels.to_string(),
            one.remarks.join("; "),
        ]
    };
    let text = table(["order", "units", "parcels", "remarks"], planned.iter().map(row));
    Answer::new(&planned, text)
}

/// People ship themselves: what they shipped would be taken in, and what the ERP knows be told.
async fn plan_at_desk(stack: &Stack, connection: &Connection, most: usize) -> Result<Answer, Failure> {
    let (id, desk) = (&connection.id, &connection.carrier.system);
    let plan = DeskPlan {
        systems: Arc::new(stack.systems()?),
        documents: stack.store()?,
        clock: Arc::new(SystemClock),
    };
    note(&format!(
        "reading what was shipped in {desk} since {} ...",
        when(connection.start_from)
    ));
    let planned = plan.run(connection, most).await;
    let planned =
        planned.map_err(|error| Failure::new(format!("{error}. `waybill connection check {id}` tries every part")))?;
    Answer::new(&planned, at_desk_in_words(connection, &planned))
}

fn at_desk_in_words(connection: &Connection, planned: &PlannedAtDesk) -> String {
    let (desk, erp) = (&connection.carrier.system, &connection.erp.system);
    let mut parts = vec![format!(
        "People ship in {desk}, and nothing is bought. Nothing of this was written; since {} they shipped:",
        when(connection.start_from)
    )];
    let row = |one: &PlannedDespatch| {
        [
            one.despatch.clone(),
            one.order.clone(),
            when(one.made),
            one.becomes.clone(),
        ]
    };
    let header = ["shipped", "under the number", "made", "becomes"];
    parts.push(match planned.despatches.is_empty() {
        true => "nothing".to_owned(),
        false => table(header, planned.despatches.iter().map(row)),
    });
    parts.extend(planned.more.as_ref().map(|more| format!("There may be more: {more}.")));
    if let Some(stock) = &planned.stock {
        parts.push(counted(
            &format!("{desk} would be told of {} level(s) of {erp}'s stock", stock.told),
            stock,
        ));
    }
    if let Some(orders) = &planned.orders {
        let made = connection.customers.as_ref().is_some_and(|policy| policy.make_orders);
        let how = if made {
            "made or kept up to date"
        } else {
            "kept up to date where they are there"
        };
        parts.push(counted(
            &format!(
                "{} open order(s) that changed since then would be {how} in {desk}",
                orders.told
            ),
            orders,
        ));
    }
    parts.join("\n\n")
}

fn counted(words: &str, count: &Count) -> String {
    let elsewhere = match count.elsewhere {
        0 => String::new(),
        some => format!("; {some} lie in places that the connection does not name"),
    };
    let more = count.more.as_ref();
    let more = more.map_or_else(String::new, |more| format!(". There may be more: {more}"));
    format!("{words}{elsewhere}{more}.")
}

async fn poll(stack: &Stack, id: &ConnectionId) -> Result<Answer, Failure> {
    stack.gate(id).await?;
    let report = stack
        .invoke("PollerFunction", "the poller", &json!({ "connection": id }))
        .await?;
    let stopped = report.get("stopped").is_some_and(Value::is_string);
    let text = facts(&report);
    Ok(Answer::new(&report, text)?.failed_if(stopped))
}

async fn pause(stack: &Stack, common: &Common, id: &ConnectionId) -> Result<Answer, Failure> {
    let connection = stack.gate(id).await?.connection;
    turn(stack, common, connection, true).await
}

async fn resume(stack: &Stack, common: &Common, id: &ConnectionId) -> Result<Answer, Failure> {
    let connection = stack.gate(id).await?.connection;
    if connection.paused {
        common.confirm(&what_begins(&connection))?;
    }
    turn(stack, common, connection, false).await
}

/// What a connection does from the moment it is resumed.
fn what_begins(connection: &Connection) -> String {
    let Connection { id, erp, carrier, .. } = connection;
    let since = when(connection.start_from);
    if connection.desk.is_none() {
        return format!(
            "{id} buys shipments at {} account {} for orders modified since {since}, up to {} an hour",
            carrier.system, carrier.account, connection.spend_cap_per_hour
        );
    }
    let told = match (&connection.stock, &connection.customers) {
        (None, None) => String::new(),
        (Some(_), None) => format!(", and sets stock at {}", carrier.system),
        (None, Some(_)) => format!(", and tells {} of customers", carrier.system),
        (Some(_), Some(_)) => format!(", and sets stock and tells of customers at {}", carrier.system),
    };
    format!(
        "{id} makes fulfilments at {} account {} of what was shipped at {} account {} since {since}{told}; it buys nothing",
        erp.system, erp.account, carrier.system, carrier.account
    )
}

async fn turn(stack: &Stack, common: &Common, before: Connection, paused: bool) -> Result<Answer, Failure> {
    let changed = before.paused != paused;
    let version = before.version + u64::from(changed);
    let connection = Connection {
        paused,
        version,
        ..before
    };
    if changed {
        store(stack, common, &connection, if paused { "paused" } else { "resumed" }).await?;
    }
    schedule::put(stack, &connection).await?;
    let text = format!("{} is {}", connection.id, state(&connection));
    Answer::new(
        &json!({ "connection": connection.id, "paused": paused, "version": version, "changed": changed }),
        text,
    )
}

async fn remove(stack: &Stack, common: &Common, id: &ConnectionId) -> Result<Answer, Failure> {
    let (connection, store) = (stack.gate(id).await?.connection, stack.store()?);
    let open = store.in_state(id, State::Open, 100).await?.len() + store.in_state(id, State::Held, 100).await?.len();
    common.confirm(&format!(
        "{id}, its schedule and the keys of its portal are removed; {open} of its jobs are open or held and will stand still"
    ))?;
    schedule::remove(stack, id).await?;
    portal::end(stack, &connection).await?;
    if !store
        .remove_connection(id, connection.version, &entry(common, "removed")?)
        .await?
    {
        return Err(Failure::new(
            "the connection changed meanwhile; look at it and say it again",
        ));
    }
    let unused = hook::unused(&hook::follow_connections(stack).await?);
    Answer::new(
        &json!({ "removed": id, "unfinished_jobs": open, "to_do": unused }),
        with(format!("{id} is removed"), unused),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Connection {
        let text = include_str!("../../examples/connections/netsuite-ups.toml");
        parse(text, "dev", &Checks).unwrap_or_else(|mistakes| panic!("{}", waybill::connection::list(&mistakes)))
    }

    #[test]
    fn a_new_connection_is_paused_and_its_next_steps_are_told() {
        let (connection, text) = succeed(file(), None).unwrap();
        assert!(connection.paused && connection.version == 1);
        assert!(text.contains("connection check acme-netsuite-ups"), "{text}");
    }

    #[test]
    fn a_running_connection_keeps_running_when_its_file_changes() {
        let running = Connection {
            paused: false,
            version: 4,
            ..file()
        };
        let changed = Connection {
            retention_days: 90,
            ..file()
        };
        let (connection, text) = succeed(changed, Some(&running)).unwrap();
        assert!(!connection.paused && connection.version == 5, "{text}");
        let (same, text) = succeed(file(), Some(&running)).unwrap();
        assert_eq!(same, running, "{text}");
    }

    #[test]
    fn what_is_to_be_done_next_is_a_line_of_its_own() {
        let mut pushed = file();
        pushed.carrier.options = json!({ "track_alert": "v1" });
        let (connection, text) = succeed(pushed, None).unwrap();
        let text = with(text, hook::missing(&connection, &[]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[1].contains("`waybill hook create acme-netsuite-ups --carrier`"),
            "{text}"
        );
        assert_eq!(with("done".to_owned(), None), "done");
    }

    /// P27: what cannot be opened or is not allowed is told with what to do, and the command fails.
    #[test]
    fn one_thing_that_is_wrong_fails_the_check_and_says_what_to_do() {
        let fine = Finding {
            what: "a token".to_owned(),
            result: Ok("issued".to_owned()),
        };
        let why = "there is no secret waybill/dev/acme/ups: enter it with `waybill secret set waybill/dev/acme/ups`";
        let missing = unopened(&CallError::Refused(waybill::domain::Refusal::new("no-secret", why)));
        let (out, failed) = verdicts(&[fine.clone(), missing]).unwrap().for_people();
        assert!(
            failed && out.contains("issued") && out.contains("WRONG") && out.contains(why),
            "{out}"
        );
        let (_, failed) = verdicts(&[fine]).unwrap().for_people();
        assert!(!failed);
    }

    /// Where people ship themselves the plan speaks of nothing that is bought.
    #[test]
    fn the_plan_of_a_desk_tells_what_is_taken_in_and_told() {
        let text = include_str!("../../examples/connections/netsuite-shipstation.toml");
        let desk = parse(text, "dev", &Checks).unwrap();
        let count = |told, elsewhere, more: Option<&str>| Count {
            told,
            elsewhere,
            more: more.map(str::to_owned),
        };
        let planned = PlannedAtDesk {
            despatches: vec![PlannedDespatch {
                despatch: "label:se-7 (1Z999AA10123456784)".to_owned(),
                order: "SO-1".to_owned(),
                made: Timestamp::UNIX_EPOCH,
                becomes: "a unit of SO-1, found by its number".to_owned(),
            }],
            more: Some("only 1 are shown".to_owned()),
            stock: Some(count(12, 3, None)),
            orders: Some(count(4, 0, Some("there are more"))),
        };
        let words = at_desk_in_words(&desk, &planned);
        for part in [
            "nothing is bought",
            "a unit of SO-1, found by its number",
            "only 1 are shown",
            "12 level(s)",
            "3 lie in places",
            "4 open order(s)",
            "there are more",
        ] {
            assert!(words.contains(part), "{part}: {words}");
        }
        let nothing = PlannedAtDesk {
            despatches: Vec::new(),
            more: None,
            stock: None,
            orders: None,
        };
        let words = at_desk_in_words(&desk, &nothing);
        assert!(words.ends_with("nothing") && !words.contains("open order"), "{words}");
    }

    /// P52: who resumes a connection is told what it does then: buying, or at a desk where people ship, passing on.
    #[test]
    fn what_begins_is_told_before_it_begins() {
        let buys = what_begins(&file());
        assert!(buys.contains("buys shipments at ups account A1B2C3"), "{buys}");
        assert!(buys.contains("up to 500.00 USD an hour"), "{buys}");
        let text = include_str!("../../examples/connections/netsuite-shipstation.toml");
        let desk = parse(text, "dev", &Checks).unwrap();
        let (stock, customers) = (desk.stock.clone(), desk.customers.clone());
        let told = |stock, customers| {
            what_begins(&Connection {
                stock,
                customers,
                ..desk.clone()
            })
        };
        let passes_on = told(stock.clone(), customers.clone());
        for word in [
            "makes fulfilments at netsuite account 1234567 of what was shipped at shipstation account acme since",
            "sets stock and tells of customers at shipstation",
            "buys nothing",
        ] {
            assert!(passes_on.contains(word), "{passes_on}");
        }
        assert!(!passes_on.contains("USD"), "{passes_on}");
        assert!(told(stock, None).contains("sets stock at shipstation; it buys nothing"));
        assert!(told(None, customers).contains("tells shipstation of customers;"));
        assert!(!told(None, None).contains(", and"));
    }

    #[test]
    fn a_connection_cannot_become_somebody_elses() {
        let before = file();
        let mut other = file();
        other.erp.account = "7654321_SB1".to_owned();
        assert!(succeed(other, Some(&before)).is_err());
        let other = Connection {
            tenant: "zenith".parse().unwrap(),
            ..file()
        };
        assert!(succeed(other, Some(&before)).is_err());
    }

    /// Under a new id the same goods would ship again: whoever makes one is told, where another trigger ships them.
    #[test]
    fn a_new_id_for_the_same_goods_is_remarked() {
        let by = |id: &str, trigger: &str| {
            let mut connection = file();
            connection.id = id.parse().unwrap();
            connection.erp.options = json!({ "trigger": trigger });
            connection
        };
        let others = [by("acme", "ready"), by("acme-two", "ready")];
        let told = may_ship_again(&by("acme-new", "fulfilment-shipped"), &others).unwrap();
        for word in [
            "acme ships of the same account",
            "ships them again",
            "connection plan acme-new",
        ] {
            assert!(told.contains(word), "{told}");
        }
        let mut spelt = by("acme-new", "fulfilment-shipped");
        spelt.erp.account = spelt.erp.account.to_ascii_lowercase();
        assert!(
            may_ship_again(&spelt, &others).is_some(),
            "an account is the same in small letters"
        );
        assert_eq!(may_ship_again(&by("acme-new", "ready"), &others), None);
        let mut elsewhere = by("acme-new", "fulfilment-shipped");
        elsewhere.erp.account = "7654321_SB1".to_owned();
        assert_eq!(may_ship_again(&elsewhere, &others), None);
    }

    #[test]
    fn what_makes_goods_ship_stays_for_ever() {
        let by = |trigger: Option<&str>| {
            let mut connection = file();
            connection.erp.options = trigger.map_or(json!({}), |trigger| json!({ "trigger": trigger }));
            connection
        };
        let refused = succeed(by(Some("fulfilment-shipped")), Some(&by(None))).unwrap_err();
        for word in [
            "another id",
            "start_from at the moment of the switch",
            "ships again",
            "connection plan",
        ] {
            assert!(refused.to_string().contains(word), "{refused}");
        }
        assert!(succeed(by(Some("ready")), Some(&by(None))).is_ok());
        assert!(succeed(by(None), Some(&by(Some("order-shipped")))).is_err());
    }
}
