//! `waybill order ...`: orders by the number that people know.

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use waybill::connection::{Additions, Connection};
use waybill::domain::{ConnectionId, DocumentId, Order, Quantities, Standing, UnitPhase, Units};
use waybill::flows::kin;
use waybill::job::Job;
use waybill::ports::{Directory, Documents, Gate, Jobs, Opened, Systems};

use crate::Common;
use crate::output::{Answer, Failure, note, when};
use crate::stack::Stack;
use crate::story;
use crate::tracking;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Tells why an order did or did not ship
    #[command(after_help = "Examples:
  waybill order explain SO5012
  waybill order explain SO5012 --connection acme-netsuite-ups --json")]
    Explain {
        /// The number that people know: the order's, or that of a fulfilment that ships as a document of its own
        number: String,
        /// Only by this connection
        #[arg(long, value_name = "ID")]
        connection: Option<ConnectionId>,
    },
    /// Reads an order now and admits what is ready of it, which buys shipments
    #[command(after_help = "Examples:
  waybill order admit SO5012
  waybill order admit SO5012 --connection acme-netsuite-ups --yes --by ada

Whenever it was modified, also before the connection's start_from. What is a job already is not admitted again.")]
    Admit {
        /// The number that people know
        number: String,
        /// By this connection, where several know the number
        #[arg(long, value_name = "ID")]
        connection: Option<ConnectionId>,
    },
}

/// What is known of an order by one connection.
#[derive(Debug, Serialize)]
struct Explained {
    connection: ConnectionId,
    told: Vec<String>,
    jobs: Vec<serde_json::Value>,
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Explain { number, connection } => explain(&stack, &number, connection.as_ref()).await,
        Verb::Admit { number, connection } => admit(&stack, common, &number, connection.as_ref()).await,
    }
}

async fn admit(
    stack: &Stack,
    common: &Common,
    number: &str,
    connection: Option<&ConnectionId>,
) -> Result<Answer, Failure> {
    let by = common.by()?;
    let connection = whose(stack, number, connection).await?;
    let id = &connection.id;
    common.confirm(&format!(
        "what is ready of order {number} is admitted by {id} and bought at {} account {}",
        connection.carrier.system, connection.carrier.account
    ))?;
    let report = stack.poll()?.admit_number(id, number, &by).await?;
    let text = match (&report.stopped, report.admitted) {
        (Some(why), _) => format!("nothing was admitted: {why}"),
        (None, 0) => format!("nothing of {number} is to be admitted: `waybill order explain {number}` says why"),
        (None, admitted) => {
            format!("admitted {admitted} unit(s) of {number}: `waybill order explain {number}` tells how far")
        }
    };
    Ok(Answer::new(&report, text)?.failed_if(report.stopped.is_some()))
}

/// The connection whose ERP knows the number.
async fn whose(stack: &Stack, number: &str, connection: Option<&ConnectionId>) -> Result<Connection, Failure> {
    let mut found = Vec::new();
    let systems = stack.systems()?;
    for one in stack.connections(connection).await? {
        note(&format!("asking {} of {} ...", one.erp.system, one.id));
        let opened = systems.open(&one).await;
        let documents = match &opened {
            Ok(opened) => {
                let documents = opened.source.numbered(number).await;
                opened.close().await;
                documents
            }
            Err(error) => Err(error.clone()),
        };
        match documents {
            Ok(documents) if documents.is_empty() => {}
            Ok(_) => found.push(one),
            Err(error) if connection.is_some() => return Err(Failure::new(error.to_string())),
            Err(error) => note(&format!("{} is left out: {error}", one.id)),
        }
    }
    let names: Vec<String> = found.iter().map(|one| one.id.to_string()).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::new(format!("no ERP knows an order {number}"))),
        _ => Err(Failure::new(format!(
            "several connections know an order {number}: say --connection with one of {}",
            names.join(", ")
        ))),
    }
}

async fn explain(stack: &Stack, number: &str, connection: Option<&ConnectionId>) -> Result<Answer, Failure> {
    let known = stack.store()?.numbered(number).await?;
    let mut explained = Vec::new();
    for one in stack.connections(connection).await? {
        let units: Vec<&Units> = known
            .iter()
            .filter(|(id, _)| *id == one.id)
            .map(|(_, units)| units)
            .collect();
        let gate = stack.gate(&one.id).await?;
        explained.push(by_connection(stack, &gate, number, &units).await?);
    }
    let told = |one: &Explained| format!("{}\n  {}", one.connection, one.told.join("\n  "));
    let text: Vec<String> = explained.iter().map(told).collect();
    if explained.is_empty() {
        return Err(Failure::new(
            "there is no connection yet: `waybill connection apply FILE` makes one",
        ));
    }
    Answer::new(
        &json!({ "number": number, "connections": explained }),
        text.join("\n\n"),
    )
}

async fn by_connection(stack: &Stack, gate: &Gate, number: &str, known: &[&Units]) -> Result<Explained, Failure> {
    let mut told = stops(gate);
    let mut jobs = Vec::new();
    let store = stack.store()?;
    let asked = ask_the_erp(stack, &gate.connection, number).await;
    let known = with_documents(stack, gate, known, asked.as_deref().unwrap_or_default()).await?;
    for units in &known {
        if known.len() > 1 {
            told.push(format!("As {}:", units.document));
        }
        for unit in &units.units {
            let job = store.load(&unit.job).await?;
            told.extend(about_unit(unit.number, unit.phase, &unit.quantities, job.as_ref()));
            if let Some(job) = &job {
                let parcels = tracking::of_job(stack, job).await?;
                told.extend(story::delivery(&parcels).iter().map(|line| format!("  {line}")));
            }
            jobs.extend(job.as_ref().map(crate::job::with_state));
        }
    }
    let erp = match asked {
        Ok(orders) => in_the_erp(stack, &gate.connection, number, &orders, &known).await,
        Err(failure) => Err(failure),
    };
    told.extend(erp.unwrap_or_else(|failure| vec![failure]));
    Ok(Explained {
        connection: gate.connection.id.clone(),
        told,
        jobs,
    })
}

/// What stops everything, whatever the order.
fn stops(gate: &Gate) -> Vec<String> {
    let paused = gate.connection.paused.then(|| {
        let id = &gate.connection.id;
        format!("The connection is paused: nothing happens until `waybill connection resume {id}`.")
    });
    let brake = gate
        .brake
        .as_ref()
        .map(|reason| format!("The brake is on ({reason}): nothing is bought until `waybill brake off`."));
    paused.into_iter().chain(brake).collect()
}

fn about_unit(number: u32, phase: UnitPhase, quantities: &Quantities, job: Option<&Job>) -> Vec<String> {
    let pieces: Vec<String> = quantities
        .iter()
        .map(|(line, quantity)| format!("{} of line {line}", quantity.normalize()))
        .collect();
    let phase = match phase {
        UnitPhase::Open => "open",
        UnitPhase::WrittenBack => "written back",
        UnitPhase::Closed => "closed",
    };
    let head = format!("Unit {number} ({}), {phase}.", pieces.join(", "));
    let standing = match job {
        Some(job) => story::standing(job),
        None => vec!["Its job is no longer kept.".to_owned()],
    };
    std::iter::once(head)
        .chain(standing.into_iter().map(|line| format!("  {line}")))
        .collect()
}

/// What is known under the number, and what is known of the documents that the ERP finds by it: a fulfilment is a document of
/// its own, and is known here under its order's number.
async fn with_documents(stack: &Stack, gate: &Gate, known: &[&Units], orders: &[Order]) -> Result<Vec<Units>, Failure> {
    let mut all: Vec<Units> = known.iter().map(|units| (*units).clone()).collect();
    let is_known = |order: &&Order| all.iter().any(|units| units.document == order.document);
    let others = orders.iter().filter(|order| !is_known(order));
    let others: Vec<DocumentId> = others.map(|order| order.document.clone()).collect();
    if !others.is_empty() {
        let units = stack.store()?.units(&gate.connection.id, &others).await?;
        all.extend(units.into_iter().filter(|units| !units.units.is_empty()));
    }
    Ok(all)
}

fn unasked(connection: &Connection, why: &str) -> String {
    format!("What {} says now is not known: {why}", connection.erp.system)
}

/// What the ERP has under the number now; an ERP that cannot be asked is told, and is no failure of the rest.
async fn ask_the_erp(stack: &Stack, connection: &Connection, number: &str) -> Result<Vec<Order>, String> {
    note(&format!("asking {} ...", connection.erp.system));
    let systems = stack.systems();
    let systems = systems.map_err(|failure| unasked(connection, &failure.to_string()))?;
    let opened = systems.open(connection).await;
    let opened = opened.map_err(|error| unasked(connection, &error.to_string()))?;
    let orders = read(&opened, number).await;
    opened.close().await;
    orders.map_err(|why| unasked(connection, &why))
}

/// What that means.
async fn in_the_erp(
    stack: &Stack,
    connection: &Connection,
    number: &str,
    orders: &[Order],
    known: &[Units],
) -> Result<Vec<String>, String> {
    if orders.is_empty() {
        let erp = &connection.erp.system;
        return Ok(vec![format!("{erp} has no document with number {number}.")]);
    }
    let store = stack.store();
    let store = store.map_err(|failure| unasked(connection, &failure.to_string()))?;
    let kin = kin::of(store.as_ref(), &connection.id, known, orders).await;
    let kin = kin.map_err(|error| unasked(connection, &error.to_string()))?;
    let known: Vec<&Units> = known.iter().collect();
    let about = |order: &Order| {
        let told = about_order(connection, order, &known, &kin);
        let which = (orders.len() > 1).then(|| format!("As {}:", order.document));
        which.into_iter().chain(told).collect::<Vec<String>>()
    };
    Ok(orders.iter().flat_map(about).collect())
}

async fn read(opened: &Opened, number: &str) -> Result<Vec<Order>, String> {
    let documents = opened
        .source
        .numbered(number)
        .await
        .map_err(|error| error.to_string())?;
    opened.source.read(&documents).await.map_err(|error| error.to_string())
}

/// Why what is not a unit yet is none, or that it becomes one.
fn about_order(connection: &Connection, order: &Order, known: &[&Units], kin: &[Units]) -> Vec<String> {
    let erp = &connection.erp.system;
    match &order.standing {
        Standing::Cancelled => return vec![format!("In {erp} it is cancelled.")],
        Standing::Closed => return vec![format!("In {erp} it is closed: there is nothing left to ship.")],
        Standing::Waiting(reason) => return vec![format!("In {erp} it does not ship now: {reason}.")],
        Standing::Ready => {}
    }
    if connection.desk.is_some() {
        return vec![about_open_order(connection, order)];
    }
    let none = Units::none(order.document.clone(), order.number.clone());
    let units = known
        .iter()
        .copied()
        .find(|units| units.document == order.document)
        .unwrap_or(&none);
    let more = units.allottable(order, &connection.accounts, kin).len();
    let remaining = order.lines.iter().any(|line| line.remaining() > line.ready);
    let mut told = Vec::new();
    if more > 0 {
        told.push(format!(
            "In {erp} it is ready to ship, and {more} more unit(s) are found at the next poll, if it was modified since {}.",
            when(connection.start_from)
        ));
    }
    let alone = units.allottable(order, &connection.accounts, &[]).len();
    if alone > more {
        let holders: Vec<String> = kin
            .iter()
            .filter(|kin| !kin.units.is_empty())
            .map(|kin| kin.number.clone())
            .collect();
        told.push(format!(
            "Some of its goods are shipped, or will be, as part of {}, which it came from or which came from it.",
            holders.join(", ")
        ));
    }
    if !units.additions(order).is_empty() && connection.select.additions(order.document.kind) == Additions::Hold {
        told.push("It asks for more than when a part of it was shipped: that is held for a person.".to_owned());
    }
    if remaining {
        told.push(format!(
            "In {erp} some of its quantity is not ready to ship (not committed yet)."
        ));
    }
    if told.is_empty() {
        told.push(format!("In {erp} nothing of it waits beside what is told above."));
    }
    told
}

/// An order that people ship themselves.
fn about_open_order(connection: &Connection, order: &Order) -> String {
    let (erp, desk) = (&connection.erp.system, &connection.carrier.system);
    match order.lines.iter().any(|line| !line.remaining().is_zero()) {
        true => format!(
            "In {erp} some of it is still to be shipped, which people do in {desk}; what they ship is written by itself."
        ),
        false => format!("In {erp} nothing of it waits to be shipped."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::tests::{held_for, shipped};
    use rust_decimal::dec;
    use waybill::connection::parse;
    use waybill::domain::{Address, LineId, OrderLine};
    use waybill::job::HoldReason;
    use waybill::systems::check::Checks;

    fn connection() -> Connection {
        let text = include_str!("../../examples/connections/netsuite-ups.toml");
        parse(text, "dev", &Checks).unwrap()
    }

    fn order(standing: Standing) -> Order {
        Order {
            document: DocumentId::sales_order("5012"),
            number: "SO5012".to_owned(),
            standing,
            tracking_shown: None,
            customer_reference: None,
            ship_method: None,
            currency: None,
            ship_to: Address::default(),
            bill_to: None,
            supplier: None,
            lines: vec![OrderLine {
                id: LineId::new("1"),
                sku: "BOLT".to_owned(),
                description: None,
                ordered: dec!(5),
                fulfilled: dec!(0),
                ready: dec!(3),
                shippable: true,
                weight: None,
                unit_price: None,
                origin_country: None,
                tariff_code: None,
                location: None,
                ship_to: None,
                dimensions: None,
                cost_centre: None,
                came_from: Vec::new(),
                flaw: None,
            }],
        }
    }

    #[test]
    fn an_order_that_nobody_shipped_says_why_in_the_erps_terms() {
        let told = |standing| about_order(&connection(), &order(standing), &[], &[]).join(" ");
        assert!(
            told(Standing::Waiting("ship method is not selected".to_owned())).contains("ship method is not selected")
        );
        assert!(told(Standing::Cancelled).contains("cancelled"));
        let ready = told(Standing::Ready);
        assert!(ready.contains("1 more unit(s) are found at the next poll"), "{ready}");
        assert!(ready.contains("not committed yet"), "{ready}");
    }

    #[test]
    fn each_unit_is_told_with_its_quantities_and_its_jobs_standing() {
        let quantities = Quantities::from([(LineId::new("1"), dec!(3))]);
        let told = about_unit(1, UnitPhase::WrittenBack, &quantities, Some(&shipped()));
        assert_eq!(told[0], "Unit 1 (3 of line 1), written back.");
        assert!(told[1].contains("1Z1"), "{told:?}");
        let held = held_for(HoldReason::BadAddress, "no such street");
        let told = about_unit(2, UnitPhase::Open, &quantities, Some(&held)).join("\n");
        assert!(told.contains("no such street"), "{told}");
    }

    #[test]
    fn a_pause_and_the_brake_come_first() {
        let gate = Gate {
            connection: connection(),
            brake: Some("wrong prices".to_owned()),
        };
        let told = stops(&gate);
        assert!(told[0].contains("connection resume acme-netsuite-ups"), "{told:?}");
        assert!(told[1].contains("wrong prices"), "{told:?}");
    }
}
