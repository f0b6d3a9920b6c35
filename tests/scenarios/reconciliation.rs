//! What does not agree between the ERP, the jobs and the carrier is found, named, mended by the very command that was named,
//! and gone at the next run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::SignedDuration;
use simulators::faults::{Fault, FaultKind};
use simulators::netsuite::people::NewOrder;
use simulators::{netsuite, ups};
use tests::world::{CONNECTION, Failure, World, place};
use waybill::domain::{ConnectionId, Gap, GapKind, JobId, Units};
use waybill::flows::reconcile::Report;
use waybill::job::{HoldReason, Job};
use waybill::memory::{Fate, Memory, Switch};
use waybill::ports::{AuditEntry, Directory, JobPage, Reconciliations, State, Steps, StoreError};

const QUARTER: SignedDuration = SignedDuration::from_mins(16);
const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn start() -> Result<World, Failure> {
    start_with(ups::Options::default()).await
}

/// A world in which the carrier's own list is turned on.
async fn start_with(ups: ups::Options) -> Result<World, Failure> {
    let world = World::start_with(ups, netsuite::options::Options::default()).await?;
    world.configure(|connection| connection.carrier.options = serde_json::json!({ "quantum_view": "OutboundXML" }));
    Ok(world)
}

/// A run from its beginning to its end, and what it found.
async fn reconcile(world: &World) -> Result<(Report, Vec<Gap>), Failure> {
    let id = CONNECTION.parse()?;
    let report = world
        .reconciler()
        .run(&id, world.now() + SignedDuration::from_mins(2))
        .await?;
    assert!(report.complete, "{report:?}");
    let gaps = gaps_of(world, report.run).await?;
    assert_eq!(u64::try_from(gaps.len())?, report.gaps);
    Ok((report, gaps))
}

/// The only gap of a run.
async fn the_gap(world: &World) -> Result<Gap, Failure> {
    let (_, gaps) = reconcile(world).await?;
    match <[Gap; 1]>::try_from(gaps) {
        Ok([gap]) => Ok(gap),
        Err(gaps) => Err(format!("{} gaps: {gaps:#?}", gaps.len()).into()),
    }
}

/// The number that people know an order by.
fn number_of(world: &World, order: u64) -> Result<String, Failure> {
    let books = world.netsuite.books();
    let found = books.orders.iter().find(|(_, page)| page.id == order);
    Ok(found.map(|(number, _)| number.clone()).ok_or("no such order")?)
}

/// The gaps of a run that is finished.
async fn gaps_of(world: &World, number: u32) -> Result<Vec<Gap>, Failure> {
    let id = CONNECTION.parse()?;
    let run = world.store.run(&id, number).await?.ok_or("the run was not kept")?;
    let mut gaps = Vec::new();
    for step in &run.pages {
        gaps.extend(world.store.gaps(&id, number, *step).await?);
    }
    Ok(gaps)
}

async fn no_gap(world: &World) -> Result<(), Failure> {
    let (report, gaps) = reconcile(world).await?;
    assert!(gaps.is_empty(), "{report:?} {gaps:#?}");
    Ok(())
}

/// One order that is shipped and written back, and the time that an ordinary processing may take.
async fn shipped(world: &World) -> Result<(u64, JobId), Failure> {
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let job = world.job(order)?;
    assert!(job.finished(), "{job:?}");
    Ok((order, job.id))
}

#[tokio::test]
async fn where_all_agree_nothing_is_named() -> Result<(), Failure> {
    let world = start().await?;
    no_gap(&world).await?;
    shipped(&world).await?;
    no_gap(&world).await?;
    world.pass(DAY).await?;
    let (report, gaps) = reconcile(&world).await?;
    assert_eq!(gaps, Vec::new());
    assert_eq!(
        (report.tally.jobs, report.tally.listed, report.notes.len()),
        (1, 1, 0),
        "{report:?}"
    );
    world.pass(DAY).await?;
    no_gap(&world).await
}

/// An order that no poll would bring any more, because the poller has passed its time: `order admit` ships it.
#[tokio::test]
async fn an_order_that_was_overlooked_is_admitted_by_its_number() -> Result<(), Failure> {
    let world = start().await?;
    shipped(&world).await?;
    world.turn(SignedDuration::from_hours(3));
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.turn(QUARTER);
    let late = world.enter(world.plain(2))?;
    world.person(|account, now| account.backdate(late, SignedDuration::from_hours(1), now))?;
    world.poll_and_work().await?;
    assert!(world.jobs(late).is_empty(), "the poller has passed it");

    let gap = the_gap(&world).await?;
    let number = number_of(&world, late)?;
    assert_eq!(
        (gap.kind, gap.number.as_deref()),
        (GapKind::NotAdmitted, Some(number.as_str()))
    );
    let command = format!("`waybill order admit {number} --connection {CONNECTION}`");
    assert_eq!(gap.mend, command);

    let admitted = world
        .poller()
        .admit_number(&CONNECTION.parse()?, &number, "ann")
        .await?;
    assert_eq!((admitted.admitted, admitted.complete), (1, true), "{admitted:?}");
    let again = world
        .poller()
        .admit_number(&CONNECTION.parse()?, &number, "ann")
        .await?;
    assert_eq!(again.admitted, 0, "said twice it ships once");
    assert_eq!(
        world.story(&world.job(late)?.id)[0].by,
        "ann",
        "it is recorded who did it"
    );
    world.work().await?;
    assert!(world.job(late)?.finished());
    no_gap(&world).await
}

/// What a void has given back waits for the next poll, which a note makes read the document: it is no gap meanwhile.
#[tokio::test]
async fn what_the_next_poll_reads_again_is_no_gap() -> Result<(), Failure> {
    let world = start().await?;
    let busy = FaultKind::Status {
        code: 429,
        retry_after: Some(3600),
    };
    world.netsuite_fault(Fault::new("transform", busy).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let job = world.job(order)?;
    assert!(
        job.purchase.done().is_some() && job.write_back.done().is_none(),
        "{job:?}"
    );
    world.turn(SignedDuration::from_hours(3));
    world.enter(world.plain(1))?;
    world.poll().await?;
    world.operator().void(&job.id, "ann").await?;
    world.work().await?;
    assert_eq!(world.store.tables().rereads.len(), 1, "{:?}", world.job(order));
    no_gap(&world).await?;
    world.poll_and_work().await?;
    assert_eq!((world.jobs(order).len(), world.store.tables().rereads.len()), (2, 0));
    no_gap(&world).await
}

/// What is being processed, or was entered after the poller's latest scan, is no gap.
#[tokio::test]
async fn what_the_next_poll_brings_is_no_gap() -> Result<(), Failure> {
    let world = start().await?;
    shipped(&world).await?;
    world.turn(SignedDuration::from_hours(2));
    let order = world.enter(world.plain(1))?;
    world.turn(QUARTER * 2);
    no_gap(&world).await?;
    world.turn(DAY);
    let gap = the_gap(&world).await?;
    assert_eq!(
        gap.kind,
        GapKind::NotAdmitted,
        "a poller that stands still is noticed after a day"
    );
    world.poll_and_work().await?;
    assert!(world.job(order)?.finished());
    no_gap(&world).await
}

/// A paused connection is reconciled too; that its orders wait is said and is no gap.
#[tokio::test]
async fn a_paused_connection_says_that_orders_wait() -> Result<(), Failure> {
    let world = start().await?;
    world.configure(|connection| connection.paused = true);
    world.enter(world.plain(1))?;
    world.turn(DAY * 2);
    let (report, gaps) = reconcile(&world).await?;
    assert!(
        gaps.is_empty() && report.notes.iter().any(|note| note.contains("connection plan")),
        "{report:?}"
    );
    let number = world.netsuite.books().orders.keys().next().cloned().unwrap_or_default();
    let refused = world
        .poller()
        .admit_number(&CONNECTION.parse()?, &number, "ann")
        .await?;
    assert!(refused.stopped.is_some_and(|why| why.contains("paused")));
    Ok(())
}

/// A second shipment under a job's reference is billed and known to nobody: it is named with its number, and stays named.
#[tokio::test]
async fn a_shipment_that_no_job_knows_is_named_until_it_is_void() -> Result<(), Failure> {
    let world = start().await?;
    let (_, job) = shipped(&world).await?;
    let own = world.billed()[0].id.clone();
    let stray = world.ups.copy(&own, job.as_str()).ok_or("no copy")?;
    world.turn(QUARTER);
    let gap = the_gap(&world).await?;
    assert_eq!((gap.kind, gap.job.as_ref()), (GapKind::StrayShipment, Some(&job)));
    assert_eq!(gap.tracking_number.as_deref(), Some(stray.as_str()));
    assert!(gap.mend.contains(&stray) || gap.reason.contains(&stray), "{gap:?}");

    for _ in 0..3 {
        world.turn(DAY * 3);
        assert_eq!(
            the_gap(&world).await?.tracking_number.as_deref(),
            Some(stray.as_str()),
            "it stays named"
        );
    }
    assert!(world.ups.void_by_hand(&stray));
    world.turn(QUARTER);
    no_gap(&world).await
}

/// A shipment under a reference that is nobody's here, and one that is not ours at all.
#[tokio::test]
async fn a_shipment_of_a_job_that_does_not_exist_is_named_and_a_strangers_is_counted() -> Result<(), Failure> {
    let world = start().await?;
    shipped(&world).await?;
    let own = world.billed()[0].id.clone();
    let lost = world.ups.copy(&own, "ABCDEFGHIJKLMNOPQRSTUVWXYZ").ok_or("no copy")?;
    world.ups.copy(&own, "Somebody else's order").ok_or("no copy")?;
    world.turn(QUARTER);
    let (report, gaps) = reconcile(&world).await?;
    let [gap] = gaps.as_slice() else {
        return Err(format!("{gaps:#?}").into());
    };
    assert_eq!((gap.kind, report.tally.foreign), (GapKind::StrayShipment, 1));
    assert!(
        gap.reason.contains(&lost) && gap.reason.contains("does not exist here"),
        "{gap:?}"
    );
    assert!(world.ups.void_by_hand(&lost));
    world.turn(QUARTER);
    no_gap(&world).await
}

/// A purchase that nobody knows of is on the carrier's list: the number is told with the command that takes it.
#[tokio::test]
async fn the_list_answers_a_purchase_that_is_held_as_unknown() -> Result<(), Failure> {
    let world = start_with(ups::Options {
        index_lag_s: 100 * 24 * 3600,
        ..ups::Options::default()
    })
    .await?;
    world.ups_fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.pass(DAY).await?;
    assert_eq!(world.held(order)?.0, HoldReason::UnknownPurchase);
    let bought = world.billed()[0].id.clone();
    let (_, gaps) = reconcile(&world).await?;
    let stray = gaps
        .iter()
        .find(|gap| gap.kind == GapKind::StrayShipment)
        .ok_or("not named")?;
    let command = format!("`waybill job resolve {} --tracking {bought}`", world.job(order)?.id);
    assert_eq!(stray.mend, command);
    let held = gaps.iter().find(|gap| gap.kind == GapKind::Held).ok_or("not named")?;
    assert!(held.mend.contains("job resolve"), "{held:?}");
    assert_eq!(gaps.len(), 2);
    Ok(())
}

/// What a job holds for bought and the carrier does not list; while the list may be behind, that proves nothing.
#[tokio::test]
async fn a_shipment_that_the_carrier_does_not_list_is_named_once_the_list_had_time() -> Result<(), Failure> {
    let behind = |days: u32| ups::Options {
        quantum_view_lag_s: days * 24 * 3600,
        ..ups::Options::default()
    };
    let world = start_with(behind(30)).await?;
    let (order, job) = shipped(&world).await?;
    world.turn(SignedDuration::from_hours(11));
    no_gap(&world).await?;
    world.turn(SignedDuration::from_hours(2));
    let gap = the_gap(&world).await?;
    assert_eq!((gap.kind, gap.job.as_ref()), (GapKind::NotListed, Some(&job)));
    for _ in 0..3 {
        world.turn(DAY * 2);
        assert_eq!(the_gap(&world).await?.kind, GapKind::NotListed, "it stays named");
    }
    assert!(gap.mend.contains(&format!("`waybill job void {job}`")), "{gap:?}");
    world.operator().void(&job, "ann").await?;
    world.work().await?;
    assert!(world.job(order)?.closed.is_some());
    no_gap(&world).await?;

    let world = start_with(behind(2)).await?;
    shipped(&world).await?;
    world.turn(SignedDuration::from_hours(13));
    assert_eq!(the_gap(&world).await?.kind, GapKind::NotListed);
    world.turn(DAY * 2);
    no_gap(&world).await
}

/// Somebody voids a shipment at the carrier: the job still says that it ships.
#[tokio::test]
async fn a_shipment_voided_at_the_carrier_is_named_and_ended_by_the_command() -> Result<(), Failure> {
    let world = start().await?;
    let (order, job) = shipped(&world).await?;
    world.turn(QUARTER);
    assert!(world.ups.void_by_hand(&world.billed()[0].id));
    world.turn(QUARTER);
    let gap = the_gap(&world).await?;
    assert_eq!((gap.kind, gap.job.as_ref()), (GapKind::VoidedAtCarrier, Some(&job)));
    assert!(gap.mend.starts_with(&format!("`waybill job void {job}`")), "{gap:?}");
    world.operator().void(&job, "ann").await?;
    world.work().await?;
    assert!(world.job(order)?.closed.is_some());
    no_gap(&world).await?;
    // The ERP still shows it: that is the next thing to mend, and it is named too.
    world.pass(QUARTER).await?;
    let gap = the_gap(&world).await?;
    assert_eq!(
        (gap.kind, world.held(order)?.0),
        (GapKind::Held, HoldReason::VoidStillShown)
    );
    assert!(gap.mend.contains(&format!("`waybill job release {job}`")), "{gap:?}");
    world
        .operator()
        .release(&job, "ann", HoldReason::VoidStillShown)
        .await?;
    world.work().await?;
    no_gap(&world).await
}

/// P25: an edit of a field of the ERP that is ours is put right, reported, and gone at the next run; so is what we made there
/// and somebody deleted.
#[tokio::test]
async fn an_edit_of_what_is_ours_is_put_right_and_reported() -> Result<(), Failure> {
    let world = start().await?;
    let (order, job) = shipped(&world).await?;
    let number = world.field(order, "tracking")?;
    let edits: [(&str, GapKind); 2] = [("1ZWRONG", GapKind::WriteBackChanged), ("", GapKind::WriteBackChanged)];
    for (text, kind) in edits {
        world.turn(QUARTER);
        world.person(|account, now| {
            account.set_order_field(order, "custbody_waybill_tracking", text.into(), "person", now);
            Ok(())
        })?;
        let (report, gaps) = reconcile(&world).await?;
        let [gap] = gaps.as_slice() else {
            return Err(format!("{gaps:#?}").into());
        };
        assert_eq!(
            (gap.kind, gap.job.as_ref(), report.tally.put_right),
            (kind, Some(&job), 1)
        );
        world.pass(QUARTER).await?;
        assert!(world.field(order, "tracking")?.contains(&number));
        no_gap(&world).await?;
    }
    let fulfilment = world.page(order)?.fulfilments[0].id;
    world.person(|account, now| {
        account.remove_fulfilment(fulfilment, now);
        Ok(())
    })?;
    let gap = the_gap(&world).await?;
    assert_eq!((gap.kind, gap.job.as_ref()), (GapKind::WriteBackGone, Some(&job)));
    world.pass(QUARTER).await?;
    let page = world.page(order)?;
    assert_eq!(page.fulfilments.len(), 1, "made again, once");
    assert_eq!(page.fulfilments[0].external_id.as_deref(), Some(job.as_str()));
    assert_eq!(world.billed().len(), 1, "nothing is bought for it");
    let story = world.story(&job);
    assert!(
        story.iter().any(|entry| entry.text.contains("gone from the ERP")),
        "{story:?}"
    );
    no_gap(&world).await
}

/// P25: a workflow that changes our field each time is not fought for ever: after three times it is reported with its reason,
/// and nothing is written until a person says so.
#[tokio::test]
async fn what_is_changed_again_and_again_is_left_to_a_person() -> Result<(), Failure> {
    let world = start().await?;
    let (order, job) = shipped(&world).await?;
    let number = world.field(order, "tracking")?;
    let disturb = || {
        world.person(|account, now| {
            account.set_order_field(order, "custbody_waybill_tracking", "1ZWRONG".into(), "workflow", now);
            Ok(())
        })
    };
    for _ in 0..3 {
        world.pass(DAY).await?;
        disturb()?;
        assert_eq!(reconcile(&world).await?.0.tally.put_right, 1);
        world.pass(QUARTER).await?;
        assert!(world.field(order, "tracking")?.contains(&number));
    }
    disturb()?;
    let writes = world.story(&job).len();
    for _ in 0..3 {
        world.pass(DAY).await?;
        world.poll_and_work().await?;
        let (report, gaps) = reconcile(&world).await?;
        let [gap] = gaps.as_slice() else {
            return Err(format!("{gaps:#?}").into());
        };
        assert_eq!((gap.kind, report.tally.put_right), (GapKind::WriteBackChanged, 0));
        assert!(
            gap.reason.contains("3 times") && gap.reason.contains("keeps changing it"),
            "{gap:?}"
        );
        assert!(gap.mend.contains(&format!("`waybill job replay {job}`")), "{gap:?}");
    }
    assert_eq!(world.field(order, "tracking")?, "1ZWRONG");
    assert_eq!(world.story(&job).len(), writes, "nothing is written any more");

    world.operator().replay(&job, "ann").await?;
    world.work().await?;
    assert!(world.field(order, "tracking")?.contains(&number));
    assert!(
        world.story(&job).iter().any(|entry| entry.by == "ann"),
        "it is recorded who did it"
    );
    world.pass(QUARTER).await?;
    no_gap(&world).await?;
    disturb()?;
    assert_eq!(
        reconcile(&world).await?.0.tally.put_right,
        1,
        "a person's word begins the count anew"
    );
    Ok(())
}

/// What we made is gone from an order that does not want it any more: reported, and left to a person.
#[tokio::test]
async fn what_is_gone_from_a_cancelled_order_is_a_persons_to_decide() -> Result<(), Failure> {
    let world = start().await?;
    let (order, job) = shipped(&world).await?;
    let fulfilment = world.page(order)?.fulfilments[0].id;
    world.person(|account, now| {
        account.remove_fulfilment(fulfilment, now);
        account.cancel(order, now)
    })?;
    world.pass(QUARTER).await?;
    let (report, gaps) = reconcile(&world).await?;
    let [gap] = gaps.as_slice() else {
        return Err(format!("{gaps:#?}").into());
    };
    assert_eq!((gap.kind, report.tally.put_right), (GapKind::WriteBackGone, 0));
    world.pass(DAY * 2).await?;
    assert!(world.page(order)?.fulfilments.is_empty());
    assert_eq!(the_gap(&world).await?.kind, GapKind::WriteBackGone, "it stays named");
    world.operator().void(&job, "ann").await?;
    world.work().await?;
    no_gap(&world).await
}

/// A gap that rests on a side that cannot be read stands as it was found, and is judged again once it can.
#[tokio::test]
async fn a_gap_does_not_go_away_because_nobody_could_look() -> Result<(), Failure> {
    let world = start().await?;
    let (_, job) = shipped(&world).await?;
    assert!(world.ups.void_by_hand(&world.billed()[0].id));
    world.turn(QUARTER);
    assert_eq!(the_gap(&world).await?.kind, GapKind::VoidedAtCarrier);
    let option = |name: &str| serde_json::json!({ "quantum_view": name });
    world.configure(|connection| connection.carrier.options = option("Misspelt"));
    for _ in 0..2 {
        world.turn(DAY * 2);
        let (_, gaps) = reconcile(&world).await?;
        let kinds: Vec<GapKind> = gaps.iter().map(|gap| gap.kind).collect();
        assert_eq!(kinds, [GapKind::NotCompared, GapKind::VoidedAtCarrier], "{gaps:#?}");
    }
    world.configure(|connection| connection.carrier.options = option("OutboundXML"));
    world.turn(DAY);
    assert_eq!(the_gap(&world).await?.kind, GapKind::VoidedAtCarrier);
    world.operator().void(&job, "ann").await?;
    world.work().await?;
    no_gap(&world).await
}

/// A held job is named with what ends its hold.
#[tokio::test]
async fn a_held_job_is_named_with_what_ends_it() -> Result<(), Failure> {
    let world = start().await?;
    let order = world.enter(NewOrder {
        address: place("Ida", "1 Nowhere Lane", "Galena", "IL", "61036", "US"),
        ..world.plain(1)
    })?;
    world.poll_and_work().await?;
    no_gap(&world).await?;
    world.pass(QUARTER).await?;
    let job = world.job(order)?.id;
    let (report, gaps) = reconcile(&world).await?;
    let [gap] = gaps.as_slice() else {
        return Err(format!("{gaps:#?}").into());
    };
    assert_eq!((gap.kind, gap.job.as_ref()), (GapKind::Held, Some(&job)));
    assert_eq!((report.gaps, report.held), (1, 1), "it is counted apart");
    assert!(gap.mend.contains(&format!("`waybill job release {job}`")), "{gap:?}");
    world.operator().release(&job, "ann", HoldReason::BadAddress).await?;
    world.work().await?;
    no_gap(&world).await
}

/// A table in which one job cannot be read.
struct OneUnreadable(Arc<Memory>, JobId);

impl OneUnreadable {
    fn hide(&self, mut page: JobPage) -> JobPage {
        let all = page.jobs.len();
        page.jobs.retain(|job| job.id != self.1);
        page.unreadable.extend((page.jobs.len() < all).then(|| self.1.clone()));
        page
    }
}

#[async_trait]
impl Directory for OneUnreadable {
    async fn in_state(&self, connection: &ConnectionId, state: State, limit: u16) -> Result<Vec<Job>, StoreError> {
        self.0.in_state(connection, state, limit).await
    }

    async fn walk(&self, connection: &ConnectionId, steps: &Steps, limit: u16) -> Result<JobPage, StoreError> {
        Ok(self.hide(self.0.walk(connection, steps, limit).await?))
    }

    async fn these(&self, ids: &[JobId]) -> Result<JobPage, StoreError> {
        Ok(self.hide(self.0.these(ids).await?))
    }

    async fn numbered(&self, number: &str) -> Result<Vec<(ConnectionId, Units)>, StoreError> {
        Directory::numbered(self.0.as_ref(), number).await
    }

    async fn audit(&self, id: &JobId) -> Result<Vec<AuditEntry>, StoreError> {
        self.0.audit(id).await
    }
}

/// A job that cannot be read is named with what to do, also where the carrier's list names it, and the others are compared all the same.
#[tokio::test]
async fn a_job_that_cannot_be_read_is_named_and_the_others_are_compared() -> Result<(), Failure> {
    let world = start().await?;
    let (order, broken) = shipped(&world).await?;
    shipped(&world).await?;
    world.turn(DAY);
    let mut reconciler = world.reconciler();
    reconciler.directory = Arc::new(OneUnreadable(Arc::new(world.store.clone()), broken.clone()));
    let deadline = world.now() + SignedDuration::from_mins(2);
    let report = reconciler.run(&CONNECTION.parse()?, deadline).await?;
    assert!(report.complete, "{report:?}");
    assert_eq!((report.tally.jobs, report.tally.unreadable), (1, 1));
    let gaps = gaps_of(&world, report.run).await?;
    assert_eq!(gaps.len(), 2, "{gaps:#?}");
    for gap in &gaps {
        assert_eq!((gap.kind, gap.job.as_ref()), (GapKind::Unreadable, Some(&broken)));
        assert!(gap.mend.contains(&format!("`waybill job replay {broken}`")), "{gap:?}");
    }
    let number = world.job(order)?.purchase.done().map(|bought| bought.id.to_string());
    assert!(
        number.is_some() && gaps.iter().any(|gap| gap.tracking_number == number),
        "the one that is listed: {gaps:#?}"
    );
    Ok(())
}

/// Jobs that nobody has looked at, and looks for duplicates that nobody made, while the sweeper stood still.
#[tokio::test]
async fn what_is_overdue_is_named_and_a_replay_mends_it() -> Result<(), Failure> {
    let world = start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    world.store.tables().queue.clear();
    world.turn(SignedDuration::from_hours(2));
    let job = world.job(order)?.id;
    let gap = the_gap(&world).await?;
    assert_eq!(
        (gap.kind, &gap.mend),
        (GapKind::Overdue, &format!("`waybill job replay {job}`"))
    );
    world.operator().replay(&job, "ann").await?;
    world.work().await?;
    assert!(world.job(order)?.finished());
    no_gap(&world).await?;

    // Four looks that saw nothing, a second purchase, and then the sweeper stops.
    world.turn(SignedDuration::from_hours(1));
    world.ups_fault(Fault::new("ship", FaultKind::DropBefore).at_most(1));
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(3)).await?;
    assert!(world.job(order)?.duplicate_check.is_some());
    world.turn(SignedDuration::from_hours(9));
    let job = world.job(order)?.id;
    let (_, gaps) = reconcile(&world).await?;
    let kinds: Vec<GapKind> = gaps.iter().map(|gap| gap.kind).collect();
    assert_eq!(kinds, [GapKind::DuplicateCheckOverdue], "{gaps:#?}");
    world.operator().replay(&job, "ann").await?;
    world.work().await?;
    no_gap(&world).await
}

/// Without the carrier's list the report says so in words and how to turn it on.
#[tokio::test]
async fn a_list_that_is_not_turned_on_is_said_never_silent() -> Result<(), Failure> {
    let world = World::start().await?;
    shipped(&world).await?;
    world.ups.forget(&world.billed()[0].id);
    world.turn(DAY);
    let (report, gaps) = reconcile(&world).await?;
    assert_eq!(gaps, Vec::new());
    let note = report.notes.first().ok_or("nothing is said")?;
    assert!(note.contains("not compared") && note.contains("quantum_view"), "{note}");
    assert_eq!(world.asked_ups("quantum_view"), 0);
    Ok(())
}

/// A side that cannot be read is a gap of its own, with the reason, and the rest is still compared.
#[tokio::test]
async fn a_side_that_cannot_be_read_is_named() -> Result<(), Failure> {
    let world = start().await?;
    shipped(&world).await?;
    world.turn(DAY);
    world.configure(|connection| connection.carrier.options = serde_json::json!({ "quantum_view": "Misspelt" }));
    let gap = the_gap(&world).await?;
    assert_eq!(gap.kind, GapKind::NotCompared);
    assert!(
        gap.reason.contains("Subscription name is not found") && gap.mend.contains("connection check"),
        "{gap:?}"
    );
    world.configure(|connection| connection.carrier.options = serde_json::json!({ "quantum_view": "OutboundXML" }));
    no_gap(&world).await?;

    shipped(&world).await?;
    world.turn(DAY);
    world.netsuite_fault(Fault::new("suiteql", FaultKind::Html503));
    let id = CONNECTION.parse()?;
    let mut report = Report::default();
    for _ in 0..40 {
        report = world
            .reconciler()
            .run(&id, world.now() + SignedDuration::from_mins(2))
            .await?;
        if report.complete {
            break;
        }
        assert!(report.stopped.is_some(), "{report:?}");
        world.turn(SignedDuration::from_mins(4));
    }
    assert!(
        report.complete && report.gaps == 1 && report.tally.jobs == 1,
        "{report:?}"
    );
    world.netsuite.base.faults.clear();
    no_gap(&world).await
}

/// P18: the carrier's list is walked by its bookmarks over windows of at most seven days, whoever has read it before and in
/// whatever shape it comes.
#[tokio::test]
async fn the_carriers_list_is_read_whole_whoever_has_read_it_before() -> Result<(), Failure> {
    for collapse_single in [false, true] {
        let world = start_with(ups::Options {
            collapse_single,
            quantum_view_files_per_page: 1,
            quantum_view_events_per_file: 2,
            ..ups::Options::default()
        })
        .await?;
        for _ in 0..7 {
            world.enter(world.plain(1))?;
        }
        world.poll_and_work().await?;
        world.turn(DAY);
        for _ in 0..2 {
            let asked = world.asked_ups("quantum_view");
            let (report, gaps) = reconcile(&world).await?;
            assert_eq!((report.tally.listed, gaps.len()), (7, 0), "{report:?} {gaps:#?}");
            assert_eq!(world.asked_ups("quantum_view") - asked, 4, "four files, a page each");
        }
        world.turn(DAY * 30);
        let (report, gaps) = reconcile(&world).await?;
        assert_eq!(
            (report.tally.listed, gaps.len()),
            (0, 0),
            "after a long pause: {report:?} {gaps:#?}"
        );
    }
    Ok(())
}

/// More than a thousand jobs and documents are walked through without loss, in as many invocations as it takes.
#[tokio::test]
async fn a_thousand_jobs_are_walked_through_without_loss() -> Result<(), Failure> {
    let world = start_with(ups::Options {
        quantum_view_files_per_page: 20,
        ..ups::Options::default()
    })
    .await?;
    for _ in 0..1050 {
        world.enter(world.plain(1))?;
    }
    let report = world.poll().await?;
    assert_eq!(report.admitted, 1050);
    world.store.tables().queue.clear();
    world.turn(SignedDuration::from_hours(2));
    let (report, gaps) = reconcile(&world).await?;
    assert_eq!((report.tally.documents, report.tally.jobs), (1050, 1050), "{report:?}");
    let named: BTreeSet<&JobId> = gaps.iter().filter_map(|gap| gap.job.as_ref()).collect();
    assert_eq!((named.len(), gaps.len()), (1050, 1050), "each once");
    assert!(gaps.iter().all(|gap| gap.kind == GapKind::Overdue));
    Ok(())
}

/// A run that is longer than an invocation goes on at the next tick, and the daily beginning begins each connection once.
#[tokio::test]
async fn a_run_goes_on_at_the_next_tick() -> Result<(), Failure> {
    let world = start().await?;
    shipped(&world).await?;
    world.turn(DAY);
    let reconciler = world.reconciler();
    reconciler.begin_all().await?;
    reconciler.begin_all().await?;
    let reports = reconciler.go_on(world.now()).await?;
    assert!(reports.is_empty(), "no time was left: {reports:?}");
    world.turn(SignedDuration::from_mins(1));
    let reports = reconciler.go_on(world.now() + SignedDuration::from_mins(1)).await?;
    assert!(
        matches!(reports.as_slice(), [one] if one.complete && one.run == 1),
        "{reports:?}"
    );
    let reports = reconciler.go_on(world.now() + SignedDuration::from_mins(1)).await?;
    assert!(reports.is_empty(), "{reports:?}");

    // A connection that was removed under way, and one of the same name after it.
    reconciler.begin_all().await?;
    let id: waybill::domain::ConnectionId = CONNECTION.parse()?;
    let removed = world.store.tables().connections.remove(&id);
    let reports = reconciler.go_on(world.now() + SignedDuration::from_mins(1)).await?;
    assert!(
        reports[0]
            .stopped
            .as_ref()
            .is_some_and(|why| why.contains("does not exist"))
    );
    world.store.tables().connections.extend(removed.map(|one| (id, one)));
    assert!(reconcile(&world).await?.0.complete);
    Ok(())
}

/// Loses the answer of one call of the store, whose effect has happened; the worker gives up there.
struct LosesOne {
    left: Mutex<usize>,
}

#[async_trait]
impl Switch for LosesOne {
    async fn before(&self, _call: &'static str) -> Fate {
        let mut left = self.left.lock().unwrap();
        *left = left.wrapping_sub(1);
        if *left == usize::MAX {
            Fate::LoseAnswer
        } else {
            Fate::Work
        }
    }
}

/// A worker that gives up anywhere in a run: another goes on where it was, and the same is found.
#[tokio::test]
async fn crash_anywhere_in_a_run_loses_nothing() -> Result<(), Failure> {
    let mut points = 0;
    for point in 0.. {
        let world = start_with(ups::Options {
            quantum_view_files_per_page: 1,
            quantum_view_events_per_file: 1,
            ..ups::Options::default()
        })
        .await?;
        let (order, job) = shipped(&world).await?;
        let own = world.billed()[0].id.clone();
        let stray = world.ups.copy(&own, job.as_str()).ok_or("no copy")?;
        world.turn(QUARTER);
        world.person(|account, now| {
            account.set_order_field(order, "custbody_waybill_tracking", "1ZWRONG".into(), "person", now);
            Ok(())
        })?;
        let switch = LosesOne {
            left: Mutex::new(point),
        };
        let store = Arc::new(world.store.behind(Arc::new(switch)));
        let deadline = world.now() + SignedDuration::from_mins(2);
        let ran = world.reconciler_over(store).run(&CONNECTION.parse()?, deadline).await;
        world.turn(SignedDuration::from_mins(10));
        let standing = world.store.standing(&CONNECTION.parse()?).await?;
        if standing.run.is_none_or(|run| !run.is_finished()) {
            reconcile(&world).await?;
        }
        let mut gaps = gaps_of(&world, 1).await?;
        gaps.sort_by_key(|gap| gap.kind);
        let kinds: Vec<GapKind> = gaps.iter().map(|gap| gap.kind).collect();
        assert_eq!(
            kinds,
            [GapKind::StrayShipment, GapKind::WriteBackChanged],
            "point {point}: {gaps:#?}"
        );
        assert_eq!(gaps[0].tracking_number.as_deref(), Some(stray.as_str()));
        world.pass(QUARTER).await?;
        // What was not put right because of the crash is by the run after.
        reconcile(&world).await?;
        world.pass(QUARTER).await?;
        assert!(world.job(order)?.finished(), "point {point}");
        assert!(world.field(order, "tracking")?.contains(&own), "point {point}");
        points = point;
        if ran.is_ok() {
            break;
        }
    }
    println!("{points} points");
    assert!(points > 20, "{points}");
    Ok(())
}
