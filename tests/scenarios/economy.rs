//! What an order costs: what a process that has shipped one before asks for to ship another, each call counted by whoever answers it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::SignedDuration;
use serde::Serialize;
use simulators::requests::RequestLog;
use tests::world::{Failure, World};
use waybill::domain::JobId;
use waybill::job::{Job, Step};
use waybill::memory::{Fate, Switch};

/// Counts the calls of the store by their names.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<BTreeMap<&'static str, u32>>>);

#[async_trait]
impl Switch for Counted {
    async fn before(&self, call: &'static str) -> Fate {
        *self.0.lock().unwrap().entry(call).or_default() += 1;
        Fate::Work
    }
}

impl Counted {
    fn of(&self, call: &str) -> u32 {
        self.0.lock().unwrap().get(call).copied().unwrap_or_default()
    }
}

fn asked(log: &RequestLog) -> Vec<String> {
    let asked = log.latest(None).into_iter();
    asked.map(|one| one.operation).collect()
}

/// One message, four writes of the job, three calls to the carrier, eight to the ERP, and no secret: each call stands for something
/// that nobody knows yet. What is written is a few kilobytes, each of which counts twice.
#[tokio::test]
async fn a_shipped_order_asks_for_no_more_than_it_needs() -> Result<(), Failure> {
    let mut world = World::start().await?;
    world.configure(|connection| {
        connection.write_back.fields.label_link = Some("custbody_waybill_label".to_owned());
    });
    let counted = Counted::default();
    world.store = world.store.behind(Arc::new(counted.clone()));
    let worker = world.worker();
    world.enter(world.plain(1))?;
    world.poll().await?;
    while let Some(job) = world.store.receive() {
        worker.run(&job).await?;
    }

    counted.0.lock().unwrap().clear();
    let (order, secrets) = (world.enter(world.plain(2))?, world.vault.readings());
    world.poll().await?;
    assert_eq!((counted.of("admit"), counted.of("send")), (1, 1));
    world.ups.base().requests.clear();
    world.netsuite.base.requests.clear();
    let id = world.store.receive().ok_or("no message")?;
    worker.run(&id).await?;

    let job = world.job(order)?;
    assert!(job.finished() && job.write_back.done().is_some(), "{job:?}");
    assert_eq!(counted.of("save"), 4, "two intents and two facts");
    assert_eq!(counted.of("send"), 1, "nobody is told of an order that is done");
    assert!(world.store.tables().queue.is_empty());
    assert_eq!(world.vault.readings(), secrets);
    assert_eq!(
        asked(&world.ups.base().requests),
        ["address_validation", "rate", "ship"]
    );
    let wanted = [
        "suiteql",
        "suiteql",
        "get_itemfulfillment",
        "get_salesorder",
        "transform",
        "get_salesorder",
        "patch_salesorder",
        "get_salesorder",
    ];
    assert_eq!(asked(&world.netsuite.base.requests), wanted);
    let page = world.page(order)?;
    assert_eq!(page.fulfilments.len(), 1);
    assert!(world.field(order, "label")?.contains("/labels/"));
    let story = world.story(&job.id);
    let story: Vec<usize> = story.iter().map(|entry| kilobytes(entry, 120)).collect();
    assert_eq!(story, [1, 3, 2, 2, 2], "admitted, two intents and two facts");
    assert_eq!(kilobytes(&job, 300), 2);
    Ok(())
}

/// The kilobytes begun of an item: its body as the table packs it, and about so many bytes of keys beside it.
fn kilobytes(body: &impl Serialize, beside: usize) -> usize {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&serde_json::to_vec(body).unwrap()).unwrap();
    (packed.finish().unwrap().len() + beside).div_ceil(1024)
}

/// Dies of the write that brings the job to this.
struct DiesOf {
    saves: Mutex<u32>,
    last: u32,
}

#[async_trait]
impl Switch for DiesOf {
    async fn before(&self, call: &'static str) -> Fate {
        if call != "save" {
            return Fate::Work;
        }
        let mut saves = self.saves.lock().unwrap();
        *saves += 1;
        if *saves == self.last { Fate::Vanish } else { Fate::Work }
    }
}

/// A worker takes the order's only message and dies after so many writes, before the effect that the last of them intends.
async fn died_after(world: &World, saves: u32, reached: impl Fn(&Job) -> bool) -> Result<(u64, JobId), Failure> {
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    let id = world.store.receive().ok_or("no message")?;
    let deadly = Arc::new(DiesOf {
        saves: Mutex::default(),
        last: saves,
    });
    let mut worker = world.worker();
    worker.jobs = Arc::new(world.store.behind(deadly));
    let written = async {
        while !world.store.tables().jobs.get(&id).is_some_and(&reached) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        worked = worker.run(&id) => Err(format!("it did not die: {worked:?}").into()),
        () = written => Ok((order, id)),
    }
}

/// The sweeper runs every minute, and what it queues is worked off.
async fn minutes(world: &World, minutes: i64) -> Result<(), Failure> {
    for _ in 0..minutes {
        world.turn(SignedDuration::from_mins(1));
        world.sweeper().run().await?;
        world.work().await?;
    }
    Ok(())
}

/// P20: no message waits for the end of a lease. A worker that died with an intent is followed by another within a minute of the
/// lease's end, because the job is due then and the sweeper looks every minute; and nobody touches it before.
#[tokio::test]
async fn who_dies_with_an_intent_is_followed_within_a_minute_of_its_lease() -> Result<(), Failure> {
    let world = World::start().await?;
    let lease = world.timing.lease.as_secs() / 60;
    // A shipment that the carrier is known to show.
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;

    let (order, _) = died_after(&world, 1, |job| matches!(job.purchase, Step::Started(_))).await?;
    assert!(world.store.tables().queue.is_empty(), "nothing is queued for it");
    minutes(&world, lease - 1).await?;
    assert!(
        matches!(world.job(order)?.purchase, Step::Started(_)),
        "the lease still holds"
    );
    minutes(&world, 2).await?;
    assert!(
        matches!(world.job(order)?.purchase, Step::Unknown { .. }),
        "it is looked up"
    );
    world.pass(SignedDuration::from_hours(8)).await?;
    assert!(world.job(order)?.finished());
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (2, 1));

    let (order, _) = died_after(&world, 3, |job| matches!(job.write_back, Step::Started(_))).await?;
    assert!(world.store.tables().queue.is_empty(), "nothing is queued for it");
    minutes(&world, lease + 1).await?;
    assert!(
        !matches!(world.job(order)?.write_back, Step::Started(_)),
        "it is looked for"
    );
    world.pass(SignedDuration::from_hours(1)).await?;
    assert!(world.job(order)?.finished());
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (3, 1));
    Ok(())
}
