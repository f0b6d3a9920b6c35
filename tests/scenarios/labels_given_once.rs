//! Labels that a carrier gives once, with the purchase: what becomes of them when our own store fails or somebody dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use tests::fedex::{Depot, seeing_at_once};
use tests::world::{Failure, World};
use tokio::sync::Barrier;
use waybill::domain::ParcelRule;
use waybill::flows::advance::Advance;
use waybill::job::{HoldReason, Job};
use waybill::memory::{Fate, Switch};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What becomes of the calls of the label store, counted from 0, and of all others nothing.
struct Store<F> {
    calls: AtomicUsize,
    fate: F,
}

#[async_trait::async_trait]
impl<F: Fn(usize, &'static str) -> Fate + Send + Sync> Switch for Store<F> {
    async fn before(&self, call: &'static str) -> Fate {
        (self.fate)(self.calls.fetch_add(1, Ordering::SeqCst), call)
    }
}

/// A FedEx and an order of so many pumps that its connection has taken in, a parcel each.
async fn with_an_order(pumps: u32) -> Result<(World, Depot, u64), Failure> {
    let world = World::start().await?;
    let depot = world
        .open_depot(seeing_at_once(), |connection| {
            connection.packing.rule = ParcelRule::PerPiece
        })
        .await?;
    let order = world.enter(world.plain(pumps))?;
    world.poll_for(&depot.id).await?;
    Ok((world, depot, order))
}

/// The worker with a label store that behaves so.
fn worker(world: &World, fate: impl Fn(usize, &'static str) -> Fate + Send + Sync + 'static) -> Advance {
    let switch = Store {
        calls: AtomicUsize::new(0),
        fate,
    };
    Advance {
        labels: Arc::new(world.store.behind(Arc::new(switch))),
        ..world.worker()
    }
}

fn labels(world: &World, job: &Job) -> usize {
    let prefix = format!("labels/{}/", job.id);
    let tables = world.store.tables();
    tables.labels.keys().filter(|key| key.starts_with(&prefix)).count()
}

/// P20, P56: a label store that fails a few times loses no label.
#[tokio::test]
async fn a_store_that_fails_for_a_moment_loses_no_label() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(2).await?;
    let stumbles = worker(&world, |call, _| if call < 4 { Fate::LoseAnswer } else { Fate::Work });
    let job = world.job(order)?;
    stumbles.run(&job.id).await?;
    let job = world.job(order)?;
    assert!(job.finished(), "{job:?}");
    assert_eq!(job.labels.done().map(Vec::len), Some(2));
    assert_eq!((labels(&world, &job), depot.fedex.asked("ship")), (2, 1));
    Ok(())
}

/// The labels of several parcels are stored side by side: none waits for another.
#[tokio::test]
async fn the_labels_of_several_parcels_are_stored_side_by_side() -> Result<(), Failure> {
    struct Together(Barrier);
    #[async_trait::async_trait]
    impl Switch for Together {
        async fn before(&self, _call: &'static str) -> Fate {
            self.0.wait().await;
            Fate::Work
        }
    }
    let (world, _depot, order) = with_an_order(3).await?;
    let together = Advance {
        labels: Arc::new(world.store.behind(Arc::new(Together(Barrier::new(3))))),
        ..world.worker()
    };
    tokio::time::timeout(Duration::from_secs(8), together.run(&world.job(order)?.id)).await??;
    assert_eq!(world.job(order)?.labels.done().map(Vec::len), Some(3));
    Ok(())
}

/// P20, P63: a label store that is down for good loses the labels, never the purchase: it is recorded and held, and says what to do.
#[tokio::test]
async fn a_store_that_is_down_loses_no_purchase() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(1).await?;
    let down = worker(&world, |_, _| Fate::LoseAnswer);
    down.run(&world.job(order)?.id).await?;
    let [shipment] = <[_; 1]>::try_from(depot.billed()).unwrap();
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::LabelLost);
    assert!(message.contains("waybill job void"), "{message}");
    let job = world.job(order)?;
    let bought = job.purchase.done().map(|bought| bought.id.as_str().to_owned());
    assert_eq!(bought.as_deref(), Some(shipment.master.as_str()));
    assert_eq!(depot.fedex.asked("ship"), 1);
    Ok(())
}

/// P20, P63: a store that does not answer at all does not keep the purchase from being recorded while there is time.
#[tokio::test]
async fn a_store_that_never_answers_loses_no_purchase() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(1).await?;
    let silent = worker(&world, |_, call| {
        if call == "put label" {
            Fate::Vanish
        } else {
            Fate::LoseAnswer
        }
    });
    tokio::time::timeout(Duration::from_secs(20), silent.run(&world.job(order)?.id)).await??;
    assert_eq!(world.held(order)?.0, HoldReason::LabelLost);
    assert!(world.job(order)?.purchase.done().is_some());
    assert_eq!(depot.fedex.asked("ship"), 1);
    Ok(())
}

/// P20, P56, P63: a worker that dies after it has stored the labels, before the purchase is recorded: the shipment is found, and its
/// labels are too.
#[tokio::test]
async fn labels_that_were_stored_by_somebody_who_died_are_found() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(2).await?;
    let dies = worker(&world, |_, _| Fate::Vanish);
    let job = world.job(order)?;
    let stored = async {
        while labels(&world, &job) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        worked = dies.run(&job.id) => return Err(format!("it did not die: {worked:?}").into()),
        () = stored => {}
    }
    assert!(world.job(order)?.purchase.done().is_none());
    world.pass(HOUR * 26).await?;
    let job = world.job(order)?;
    assert!(job.finished() && job.hold.is_none(), "{job:?}");
    assert_eq!(job.labels.done().map(Vec::len), Some(2));
    assert_eq!((depot.billed().len(), depot.fedex.asked("ship")), (1, 1));
    Ok(())
}

/// A purchase whose answer could come too late to be stored in this invocation is not begun in it.
#[tokio::test]
async fn nothing_is_bought_at_the_very_end_of_an_invocation() -> Result<(), Failure> {
    let (world, depot, order) = with_an_order(1).await?;
    let job = world.job(order)?.id;
    let ends = world.now() + world.timing.call;
    world.worker().run_until(&job, Some(ends)).await?;
    assert_eq!((depot.fedex.asked("ship"), depot.billed().len()), (0, 0));
    assert!(world.job(order)?.hold.is_none());
    world.turn(SignedDuration::from_mins(5));
    let ends = world.now() + world.timing.call + SignedDuration::from_secs(1);
    world.worker().run_until(&job, Some(ends)).await?;
    assert!(world.job(order)?.finished());
    Ok(())
}
