//! The real adapters over HTTP: every call of a story, every way in which an exchange goes wrong, at its first and at its
//! second occurrence. After the dust settles there is one unvoided shipment, one fulfilment that names it, and an end.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use simulators::faults::{Fault, FaultKind, When};
use tests::world::{Failure, World};
use waybill::job::{Closing, HoldReason, Job};

/// How long a caller waits for an answer where answers are late, and how late they are then: real time. The caller has left
/// for good before the answer comes, and a busy machine does not make the other calls late.
const PATIENCE: SignedDuration = SignedDuration::from_millis(300);
const LATE: u64 = 450;

/// Looks, a second purchase and the look for a duplicate of it.
const EVERYTHING: SignedDuration = SignedDuration::from_hours(10);

/// The other side of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Carrier,
    Erp,
}

/// What the day is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// An order ships.
    Plain,
    /// The purchase's answer is lost, so that it is looked up and its label asked for again.
    Lost,
    /// A person has the label voided before the ERP could be told.
    Voided,
}

/// Every way in which an exchange goes wrong. An answer that comes late is only late here: somebody still waits for it.
fn kinds() -> Vec<FaultKind> {
    let status = |code| FaultKind::Status {
        code,
        retry_after: None,
    };
    vec![
        FaultKind::Delay { ms: 20 },
        FaultKind::SlowAnswer { ms: 20 },
        FaultKind::Html503,
        FaultKind::DropBefore,
        FaultKind::DropAfter,
        FaultKind::Status500After,
        FaultKind::Unreadable,
        FaultKind::StaleLookup { seconds: 7200 },
        FaultKind::ExpireTokens,
        status(401),
        status(429),
        FaultKind::Status {
            code: 429,
            retry_after: Some(2),
        },
        status(500),
        status(503),
    ]
}

/// A world in which one shipment is known, so that a look can be believed.
async fn begin() -> Result<World, Failure> {
    let world = World::start().await?;
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.turn(SignedDuration::from_hours(6));
    assert_eq!(world.billed().len(), 1);
    Ok(world)
}

fn plan(world: &World, side: Side, fault: Fault) {
    match side {
        Side::Carrier => world.ups_fault(fault),
        Side::Erp => world.netsuite_fault(fault),
    }
}

/// How often the fault that is tried has struck.
fn strikes(world: &World, side: Side, kind: &FaultKind) -> u32 {
    let faults = match side {
        Side::Carrier => world.ups.base().faults.report(),
        Side::Erp => world.netsuite.base.faults.report(),
    };
    let tried = faults.iter().filter(|report| report.fault.kind == *kind);
    tried.map(|report| report.strikes).max().unwrap_or_default()
}

/// Polls and works until nothing is left to do.
async fn settle(world: &World) -> Result<(), Failure> {
    for _ in 0..2 {
        world.poll_and_work().await?;
        world.pass(EVERYTHING).await?;
    }
    Ok(())
}

/// One story with one fault; answers how often the fault struck.
async fn tell(story: Story, side: Side, operation: &str, kind: FaultKind, nth: u32) -> Result<u32, Failure> {
    let world = begin().await?;
    tell_in(&world, story, side, operation, kind, nth).await
}

/// The same where the caller does not wait for what is late, and the other side works on without him.
async fn tell_late(story: Story, side: Side, operation: &str, kind: FaultKind, nth: u32) -> Result<u32, Failure> {
    let mut world = begin().await?;
    world.be_impatient(PATIENCE)?;
    tell_in(&world, story, side, operation, kind, nth).await
}

async fn tell_in(
    world: &World,
    story: Story,
    side: Side,
    operation: &str,
    kind: FaultKind,
    nth: u32,
) -> Result<u32, Failure> {
    if story == Story::Lost {
        world.ups_fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    }
    if story == Story::Voided {
        let busy = FaultKind::Status {
            code: 429,
            retry_after: Some(600),
        };
        world.netsuite_fault(Fault::new("transform", busy).at_most(1));
    }
    plan(world, side, Fault::new(operation, kind.clone()).when(When::nth([nth])));
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;
    if story == Story::Voided {
        let job = world.job(order)?;
        world.operator().void(&job.id, "ann").await?;
    }
    settle(world).await?;
    let jobs = world.jobs(order);
    for job in jobs.iter().filter(|job| job.hold.is_some()) {
        help(world, job).await?;
    }
    settle(world).await?;
    judge(world, order, story)?;
    Ok(strikes(world, side, &kind))
}

/// A person looks at what is held, and says that it may go on.
async fn help(world: &World, job: &Job) -> Result<(), Failure> {
    let books = world.ups.read_books();
    let live = books.unvoided(job.id.as_str()).len();
    let reason = job.hold.as_ref().map(|hold| hold.reason);
    let untrue = reason == Some(HoldReason::UnknownPurchase) && live > 0;
    if untrue {
        return Err(format!("held as unknown though a look would have found it: {job:?}").into());
    }
    if let Some(reason) = reason {
        world.operator().release(&job.id, "ann", reason).await?;
    }
    Ok(())
}

fn judge(world: &World, order: u64, story: Story) -> Result<(), Failure> {
    let books = world.ups.read_books();
    let jobs = world.jobs(order);
    let page = world.page(order)?;
    let mut shipped = Vec::new();
    for job in &jobs {
        let live = books.unvoided(job.id.as_str());
        let voided = matches!(job.closed, Some(Closing::Voided { .. }));
        if !job.finished() || live.len() != usize::from(!voided) {
            return Err(format!("{live:?} at the carrier, and {job:?}").into());
        }
        shipped.extend(live.iter().cloned());
    }
    let told: Vec<String> = page
        .fulfilments
        .iter()
        .flat_map(|one| one.tracking_numbers.clone())
        .collect();
    if shipped.len() != 1 || told != shipped {
        return Err(format!("{shipped:?} shipped, {told:?} told").into());
    }
    let expected = if story == Story::Voided { 2 } else { 1 };
    if jobs.len() != expected {
        return Err(format!("{} units", jobs.len()).into());
    }
    Ok(())
}

/// What is wrong with a story of an answer that nobody waits for, if anything is.
async fn late(story: Story, side: Side, operation: &str, kind: FaultKind) -> Option<String> {
    match tell_late(story, side, operation, kind.clone(), 1).await {
        Ok(0) => Some(format!("{story:?} {operation} {kind:?}: never met")),
        Ok(_) => None,
        Err(why) => Some(format!("{story:?} {operation} {kind:?}: {why}")),
    }
}

/// Tells every story twice: the caller leaves before the effect, and after it.
async fn tell_all_late(stories: &[(Story, Side, &'static str)]) {
    let mut wrong = Vec::new();
    for (story, side, operation) in stories {
        let before = late(*story, *side, operation, FaultKind::Delay { ms: LATE });
        let after = late(*story, *side, operation, FaultKind::SlowAnswer { ms: LATE });
        let (before, after) = tokio::join!(before, after);
        wrong.extend(before.into_iter().chain(after));
    }
    let told = stories.len() * 2;
    println!("crash matrix: {told} stories of answers that nobody waits for");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// P20: whoever stops waiting before the other side has begun, or before its answer comes, ships once and writes back once.
#[tokio::test]
async fn crash_matrix_of_timeouts() {
    tell_all_late(&[
        (Story::Plain, Side::Carrier, "token"),
        (Story::Plain, Side::Carrier, "rate"),
        (Story::Plain, Side::Carrier, "ship"),
        (Story::Lost, Side::Carrier, "track_reference"),
        (Story::Lost, Side::Carrier, "label_recovery"),
        (Story::Voided, Side::Carrier, "void"),
        (Story::Plain, Side::Erp, "suiteql"),
        (Story::Plain, Side::Erp, "transform"),
        (Story::Plain, Side::Erp, "patch_salesorder"),
    ])
    .await;
}

/// Tells every story; a call that no story makes, and a fault that never strikes, are mistakes of this test.
async fn tell_all(stories: &[(Story, Side, &'static str)]) {
    let mut struck: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut told = 0_u32;
    for (story, side, operation) in stories {
        for kind in kinds() {
            for nth in [1, 2] {
                told += 1;
                match tell(*story, *side, operation, kind.clone(), nth).await {
                    Ok(strikes) => *struck.entry(operation).or_default() += strikes,
                    Err(why) => wrong.push(format!("{story:?} {operation} {kind:?} {nth}: {why}")),
                }
            }
        }
    }
    println!("crash matrix: {told} stories, strikes by operation: {struck:?}");
    assert!(
        wrong.is_empty(),
        "{} of {told} stories:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let missed: Vec<_> = struck.iter().filter(|(_, strikes)| **strikes == 0).collect();
    assert!(missed.is_empty(), "never met: {missed:?}");
}

/// P20: whatever goes wrong in an exchange with UPS, once, an order ships once.
#[tokio::test]
async fn crash_matrix_of_the_carrier() {
    let plain = ["token", "address_validation", "rate", "ship"];
    let plain = plain.map(|operation| (Story::Plain, Side::Carrier, operation));
    tell_all(&plain).await;
}

/// P20: the same while a lost purchase is looked up, and while a shipment is voided.
#[tokio::test]
async fn crash_matrix_of_looks_and_voids() {
    let lost = ["track_reference", "track", "label_recovery"];
    let lost = lost.map(|operation| (Story::Lost, Side::Carrier, operation));
    tell_all(&lost).await;
    tell_all(&[(Story::Voided, Side::Carrier, "void")]).await;
}

/// P20: whatever goes wrong in an exchange with NetSuite, once, an order ships once and is written back once.
#[tokio::test]
async fn crash_matrix_of_the_erp() {
    let operations = [
        "token",
        "suiteql",
        "transform",
        "patch_salesorder",
        "get_itemfulfillment",
    ];
    let stories = operations.map(|operation| (Story::Plain, Side::Erp, operation));
    tell_all(&stories).await;
}
