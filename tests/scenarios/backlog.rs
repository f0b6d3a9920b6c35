//! More is due than anybody works off: what waits is queued again, ever more seldom, so that messages do not heap up; and all of them
//! may be lost.

use jiff::{SignedDuration, Timestamp};
use simulators::faults::{Fault, FaultKind};
use simulators::ups::EventKind;
use tests::tracking::Ways;
use tests::world::{Failure, World};
use waybill::job::Job;
use waybill::ports::TrackingMessage;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The longest that anything waits for another message.
const LONGEST: SignedDuration = SignedDuration::from_mins(17);

/// Lets so much time pass, a minute at a time, in which nobody works; answers when another message was sent in it.
async fn unworked(
    world: &World,
    time: SignedDuration,
    minute: impl AsyncFn() -> Result<(), Failure>,
    messages: impl Fn() -> usize,
) -> Result<Vec<Timestamp>, Failure> {
    let (end, mut sent, mut known) = (world.now() + time, Vec::new(), messages());
    while world.now() < end {
        world.turn(MINUTE);
        minute().await?;
        if messages() > known {
            known = messages();
            sent.push(world.now());
        }
    }
    Ok(sent)
}

/// The first messages come soon, and each further one at the latest after twice the time that the one before took, and within a quarter of an hour.
fn assert_made_up_for(since: Timestamp, sent: &[Timestamp], soon: SignedDuration) {
    let (mut before, mut most) = (since, soon);
    for at in sent {
        let took = at.duration_since(before);
        assert!(took <= most + MINUTE && took <= LONGEST, "{took:#}: {sent:?}");
        (before, most) = (*at, soon.max(took * 2));
    }
    assert!(sent.len() > 2, "{sent:?}");
}

fn parcel_messages(world: &World) -> usize {
    let tables = world.store.tables();
    let messages = tables.tracked.queue.iter();
    messages
        .filter(|(one, _)| matches!(one, TrackingMessage::Parcel(_)))
        .count()
}

/// A parcel to which nobody comes for six hours is queued some thirty times, and not a hundred and eighty; of all its messages one is enough.
#[tokio::test]
async fn parcels_that_wait_for_a_worker_do_not_fill_the_queue() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    let parcel = world.parcels(order).remove(0);
    assert!(world.ups.happen(&parcel.key.number, &[EventKind::Delivered]));
    let due = parcel.due_at().ok_or("it is asked for")?;
    world.turn(due.duration_since(world.now()));
    let round = async || world.make_the_round().await.map(|_| ());
    let sent = unworked(&world, HOUR * 6, round, || parcel_messages(&world)).await?;
    assert!(sent.len() <= 30, "{}: {sent:?}", sent.len());
    assert_made_up_for(due, &sent, MINUTE * 2);
    world.store.tables().tracked.queue.clear();
    let again = unworked(&world, LONGEST, round, || parcel_messages(&world)).await?;
    assert!(!again.is_empty(), "all were lost, and another was sent");
    world.follow(MINUTE * 5, Ways::PollOnly).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    Ok(())
}

/// So is a webhook.
#[tokio::test]
async fn webhooks_that_wait_for_a_worker_do_not_fill_the_queue() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.follow(MINUTE * 2, Ways::Both).await?;
    let number = world.parcels(order).remove(0).key.number;
    assert_eq!(world.send_news(&number, "D", "FS", "011").await?, 200);
    let came = world.now();
    let webhooks = || {
        let tables = world.store.tables();
        let messages = tables.tracked.queue.iter();
        messages
            .filter(|(one, _)| matches!(one, TrackingMessage::Hook(_)))
            .count()
    };
    assert_eq!(webhooks(), 1);
    let round = async || world.make_the_round().await.map(|_| ());
    let sent = unworked(&world, HOUR * 6, round, webhooks).await?;
    assert!(sent.len() <= 30, "{}: {sent:?}", sent.len());
    assert_made_up_for(came, &sent, MINUTE * 2);
    world.store.tables().tracked.queue.clear();
    assert!(!unworked(&world, LONGEST, round, webhooks).await?.is_empty());
    world.follow(MINUTE * 5, Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "Delivered");
    Ok(())
}

/// So is a job; and once somebody has worked on it, a message that is lost is made up for as soon as ever.
#[tokio::test]
async fn jobs_that_wait_for_a_worker_do_not_fill_the_queue() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    let came = world.now();
    let jobs = || world.store.tables().queue.len();
    let sweep = async || Ok(world.sweeper().run().await.map(|_| ())?);
    let sent = unworked(&world, HOUR * 6, sweep, jobs).await?;
    assert!(sent.len() <= 30, "{}: {sent:?}", sent.len());
    assert_made_up_for(came, &sent, world.timing.lease);
    world.store.tables().queue.clear();
    assert!(!unworked(&world, LONGEST, sweep, jobs).await?.is_empty());
    world.ups_fault(Fault::new("rate", FaultKind::Html503).at_most(1));
    world.work().await?;
    world.store.tables().queue.clear();
    let worked = world.now();
    let again = unworked(&world, LONGEST, sweep, jobs).await?;
    let soon = world.timing.lease.max(world.timing.retry * 2) + MINUTE;
    let first = again.first().ok_or("another is sent")?;
    assert!(first.duration_since(worked) <= soon, "{again:?}");
    world.work().await?;
    assert!(world.jobs(order).iter().all(Job::finished));
    Ok(())
}
