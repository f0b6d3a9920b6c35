//! What a function is made of: a `main.rs` that composes, a `handler.rs` that translates, and a real event that it takes.

use std::fs;
use std::sync::Arc;

use lambda_runtime::{Context, LambdaEvent};
use serde::de::DeserializeOwned;
use tests::world::{CONNECTION, Failure, World};

use crate::sources::project;

#[path = "../../functions/erp-poller/src/handler.rs"]
mod erp_poller;
#[path = "../../functions/job-sweeper/src/handler.rs"]
mod job_sweeper;
#[path = "../../functions/shipment-worker/src/handler.rs"]
mod shipment_worker;
#[path = "../../functions/token-refresher/src/handler.rs"]
mod token_refresher;

/// The functions whose events are sent below.
const SENT: [&str; 4] = ["erp-poller", "job-sweeper", "shipment-worker", "token-refresher"];

fn event<T: DeserializeOwned>(function: &str) -> Result<LambdaEvent<T>, Failure> {
    let text = fs::read_to_string(project().join(format!("events/{function}.json")))?;
    with_deadline(serde_json::from_str(&text)?)
}

fn with_deadline<T>(payload: T) -> Result<LambdaEvent<T>, Failure> {
    let mut context = Context::default();
    context.deadline = u64::try_from((tests::morning() + jiff::SignedDuration::from_hours(1)).as_millisecond())?;
    Ok(LambdaEvent::new(payload, context))
}

fn lines_over(text: &str, most: usize) -> Option<usize> {
    Some(text.lines().count()).filter(|lines| *lines > most)
}

#[test]
fn every_function_is_small_and_has_its_event() {
    let functions = fs::read_dir(project().join("functions")).unwrap();
    let mut names: Vec<String> = functions
        .map(|one| one.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, SENT, "a new function needs its event, and a test that sends it");
    for name in names {
        let folder = project().join("functions").join(&name).join("src");
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(
            lines_over(&text("main.rs"), 30),
            None,
            "{name}: main.rs composes and nothing else"
        );
        assert_eq!(
            lines_over(&text("handler.rs"), 80),
            None,
            "{name}: handler.rs translates and nothing else"
        );
        assert!(
            project().join(format!("events/{name}.json")).exists(),
            "{name} has no event"
        );
    }
    assert_eq!(lines_over("a\nb\nc", 2), Some(3));
}

/// P1, P2: the poller's event polls the connection that it names, and the worker's batch ships what that found.
#[tokio::test]
async fn the_schedules_event_polls_and_the_queues_batch_ships() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    let report = erp_poller::handle(&world.poller(), event("erp-poller")?).await?;
    assert_eq!((report.admitted, report.complete), (1, true));
    assert_eq!(world.job(order)?.connection.as_str(), CONNECTION);

    let batch: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(project().join("events/shipment-worker.json"))?)?;
    let mut batch = batch;
    let job = world.job(order)?.id;
    batch["Records"][0]["body"] = serde_json::json!({ "job": job }).to_string().into();
    let response = shipment_worker::handle(&world.deliver(), with_deadline(serde_json::from_value(batch)?)?).await?;
    assert!(response.batch_item_failures.is_empty());
    assert_eq!(world.billed().len(), 1);
    let letters = world.store.tables().dead_letters.clone();
    let known = r#"{"job":"OB3XG5DVNZXW64DFOJ2HA3DPNU"}"#;
    assert_eq!(
        letters,
        [(known.to_owned(), "the job that it names does not exist".to_owned())]
    );
    Ok(())
}

/// What is not ours goes to the dead letters with the reason, at once and for good; the others of its batch are done.
#[tokio::test]
async fn a_message_that_is_not_ours_is_put_aside_and_never_stops_its_batch() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    let text = fs::read_to_string(project().join("events/shipment-worker.json"))?;
    let mut batch: serde_json::Value = serde_json::from_str(&text)?;
    batch["Records"][0]["body"] = "not a message".into();
    batch["Records"][1]["body"] = serde_json::json!({ "job": world.job(order)?.id }).to_string().into();
    let response = shipment_worker::handle(&world.deliver(), with_deadline(serde_json::from_value(batch)?)?).await?;
    assert!(response.batch_item_failures.is_empty(), "it must not come again");
    let letters = world.store.tables().dead_letters.clone();
    let reason = "it does not name a job, as our messages do";
    assert_eq!(letters, [("not a message".to_owned(), reason.to_owned())]);
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

/// The daily event begins and goes on with reconciliations, the minute's goes on with what is left, and one names a connection.
#[tokio::test]
async fn the_daily_event_reconciles_and_the_tick_goes_on() -> Result<(), Failure> {
    let world = World::start().await?;
    let flows = (world.sweeper(), world.reconciler());
    let send = |event| job_sweeper::handle((&flows.0, &flows.1), 5_000, event);
    let done = send(event("job-sweeper-reconcile")?).await?;
    assert!(matches!(done.reconciled.as_slice(), [one] if one.complete && one.run == 1));
    flows.1.begin_all().await?;
    let done = send(event("job-sweeper")?).await?;
    assert!(matches!(done.reconciled.as_slice(), [one] if one.complete && one.run == 2));
    let named = serde_json::json!({ "task": "reconcile", "connection": CONNECTION });
    let done = send(with_deadline(serde_json::from_value(named)?)?).await?;
    assert!(done.swept.is_none() && done.reconciled[0].run == 3);
    Ok(())
}

/// The sweeper's event queues what is due again, and the refresher's renews what is in use.
#[tokio::test]
async fn the_sweepers_and_the_refreshers_events_do_their_work() -> Result<(), Failure> {
    let world = World::start().await?;
    world.enter(world.plain(1))?;
    world.poll().await?;
    world.store.tables().queue.clear();
    let flows = (world.sweeper(), world.reconciler());
    let done = job_sweeper::handle((&flows.0, &flows.1), 5_000, event("job-sweeper")?).await?;
    assert_eq!(done.swept.map(|swept| (swept.due, swept.requeued)), Some((1, 1)));
    world.work().await?;

    world.turn(jiff::SignedDuration::from_mins(58));
    let refreshed = token_refresher::handle(&Arc::new(world.refresher()), event("token-refresher")?).await?;
    assert_eq!(
        (refreshed.ending, refreshed.renewed, refreshed.failures),
        (2, 2, Vec::new())
    );
    Ok(())
}
