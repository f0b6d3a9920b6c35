//! What the logs tell of an order: every decision about it, by its ids, and nothing of who receives it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use rust_decimal::dec;
use simulators::netsuite::model::WeightUnit;
use simulators::netsuite::people::{NewLine, NewOrder};
use tests::world::{CONNECTION, Failure, World, new_york};

use crate::fedex::Lines;

/// A line: what it says, and its fields.
struct Said {
    message: String,
    fields: BTreeMap<String, String>,
}

/// Every line, in order; a line begins with what it says.
fn said(lines: &Lines) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    for (name, value) in lines.text().lines().filter_map(|line| line.split_once('=')) {
        let value = value.trim_matches('"').to_owned();
        match (name, all.last_mut()) {
            ("message", _) => all.push(Said {
                message: value,
                fields: BTreeMap::new(),
            }),
            (_, Some(said)) => {
                said.fields.insert(name.to_owned(), value);
            }
            (_, None) => {}
        }
    }
    all
}

/// What was recorded of a job: the outcomes, each with the hold under which the job was left.
fn recorded(lines: &Lines, job: &str) -> Vec<String> {
    let of_job = |said: &&Said| said.message == "recorded" && said.fields.get("job").is_some_and(|one| one == job);
    let all = said(lines);
    let outcomes = all.iter().filter(of_job).map(|said| {
        let hold = said.fields.get("hold").map(|hold| format!(" ({hold})"));
        format!("{}{}", said.fields["outcome"], hold.unwrap_or_default())
    });
    outcomes.collect()
}

fn fields_of(lines: &Lines, message: &str) -> Vec<BTreeMap<String, String>> {
    let all = said(lines).into_iter();
    all.filter(|said| said.message == message)
        .map(|said| said.fields)
        .collect()
}

/// P24: an order is found, found not ready, held, released, bought, written back and put right, and each of it is a line with the
/// job, the connection or the order's number. None says who receives it.
#[tokio::test]
async fn every_decision_about_an_order_is_a_line_without_a_person() -> Result<(), Failure> {
    let lines = Lines::default();
    let _listening = lines.listen();
    let world = World::start().await?;
    let gasket = world.basics().unweighed;
    let plain = world.enter(world.plain(1))?;
    let held = world.enter(NewOrder::to(new_york(), vec![NewLine::of(gasket, 2)]))?;
    let unapproved = world.enter(NewOrder {
        pending_approval: true,
        ..world.plain(1)
    })?;
    world.poll_and_work().await?;

    let admitted = fields_of(&lines, "admitted");
    let jobs: Vec<&str> = admitted.iter().map(|fields| fields["job"].as_str()).collect();
    let (shipped, waits) = (world.job(plain)?, world.job(held)?);
    assert_eq!(jobs, [shipped.id.as_str(), waits.id.as_str()]);
    assert!(admitted.iter().all(|fields| fields["connection"] == CONNECTION));
    assert_eq!(admitted[0]["order"], shipped.number);
    let not_ready = fields_of(&lines, "not ready to ship");
    assert_eq!(not_ready.len(), 1);
    assert!(world.jobs(unapproved).is_empty() && !not_ready[0]["reason"].is_empty());
    assert_eq!(
        recorded(&lines, shipped.id.as_str()),
        ["intended", "bought", "write-back intended", "written back"]
    );
    assert_eq!(
        recorded(&lines, waits.id.as_str()),
        ["held (MissingData)", "flagged (MissingData)"]
    );

    world.person(|account, _| account.weigh_item(gasket, Some(dec!(3)), WeightUnit::Lb))?;
    world.pass(SignedDuration::from_mins(16)).await?;
    let of_the_held: Vec<String> = recorded(&lines, waits.id.as_str()).into_iter().skip(2).collect();
    assert_eq!(
        of_the_held,
        [
            "released",
            "flagged",
            "intended",
            "bought",
            "write-back intended",
            "written back"
        ]
    );
    let swept = fields_of(&lines, "due: queued again");
    assert!(
        swept.iter().any(|fields| fields["job"] == waits.id.as_str()),
        "{swept:?}"
    );

    world.turn(SignedDuration::from_mins(5));
    world.person(|account, now| {
        account.set_order_field(plain, "custbody_waybill_tracking", "1ZWRONG".into(), "person", now);
        Ok(())
    })?;
    world.poll_and_work().await?;
    let owed = fields_of(&lines, "its write-back is owed again");
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0]["job"], shipped.id.as_str());

    let text = lines.text();
    let address = new_york();
    for personal in [
        &address.addressee,
        &address.attention,
        &address.addr1,
        &address.phone,
        &address.zip,
    ] {
        assert!(!text.contains(personal.as_str()), "{personal}");
    }
    Ok(())
}
