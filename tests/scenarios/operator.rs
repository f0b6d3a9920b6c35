//! What an operator says: void, resolve, forget, replay; and what is offered again once a unit has given its quantity back.

use jiff::SignedDuration;
use simulators::faults::{Fault, FaultKind};
use simulators::netsuite::people::{NewLine, NewOrder};
use tests::world::{CONNECTION, Failure, World, new_york, place};
use waybill::connection::UnknownPurchase;
use waybill::domain::{CarrierShipmentId, Nonce, Quantities, Refusal, UnitPhase};
use waybill::flows::operate::{OperateError, Word};
use waybill::job::{Attempt, Closing, Hold, HoldReason, Job, Look, Step, VoidWish, Voiding, Wait};

/// After which held orders were read again.
const AGAIN: SignedDuration = SignedDuration::from_mins(16);

/// One order whose shipment is bought while the ERP is too busy to be written to for so long.
async fn bought_and_not_written_back(world: &World, seconds: u64) -> Result<u64, Failure> {
    let busy = FaultKind::Status {
        code: 429,
        retry_after: Some(seconds),
    };
    world.netsuite_fault(Fault::new("transform", busy).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let job = world.job(order)?;
    assert!(
        job.purchase.done().is_some() && job.write_back.done().is_none(),
        "{job:?}"
    );
    Ok(order)
}

async fn shipped(world: &World) -> Result<u64, Failure> {
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert!(world.job(order)?.write_back.done().is_some());
    Ok(order)
}

/// The carrier voids nothing any more.
fn void_window_ends(world: &World) {
    world.ups.configure(|options| options.void_window_days = 0);
    world.turn(SignedDuration::from_secs(1));
}

fn notes(world: &World) -> usize {
    world.store.tables().rereads.len()
}

fn phases(world: &World) -> Vec<UnitPhase> {
    let tables = world.store.tables();
    let units = tables.units.values().flat_map(|units| &units.units);
    units.map(|unit| unit.phase).collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, OperateError>) -> String {
    match result {
        Err(OperateError::Refused(words)) => words,
        other => format!("not refused: {other:?}"),
    }
}

/// A void that the carrier refuses must not touch the ERP, and gives nothing back: the unit would ship twice.
#[tokio::test]
async fn a_refused_void_changes_nothing_and_the_job_goes_on_as_shipped() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = bought_and_not_written_back(&world, 60).await?;
    void_window_ends(&world);
    let id = world.job(order)?.id;
    world.operator().void(&id, "ann").await?;
    world.work().await?;
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::VoidRefused);
    assert!(message.contains("190102") && message.contains("Release"), "{message}");
    world.pass(AGAIN).await?;
    assert_eq!(world.field(order, "problem")?, message);
    world.poll_and_work().await?;
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (1, 0));
    assert_eq!(phases(&world), [UnitPhase::Open], "nothing is given back");

    world.operator().release(&id, "ann", HoldReason::VoidRefused).await?;
    world.pass(AGAIN).await?;
    assert!(world.job(order)?.finished());
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (1, 1));
    assert_eq!(
        (world.asked_ups("ship"), world.field(order, "problem")?.as_str()),
        (1, "")
    );
    let story = world.story(&id);
    assert!(
        story
            .iter()
            .any(|entry| entry.by == "ann" && entry.text.contains("wants the shipment void"))
    );
    Ok(())
}

/// The same after the write-back: what the ERP shows stays as it is.
#[tokio::test]
async fn a_void_refused_after_the_write_back_leaves_the_fulfilment() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = shipped(&world).await?;
    void_window_ends(&world);
    let (id, before) = (world.job(order)?.id, world.page(order)?.fulfilments);
    world.operator().void(&id, "ann").await?;
    world.work().await?;
    assert_eq!(world.held(order)?.0, HoldReason::VoidRefused);
    assert_eq!(
        (world.page(order)?.fulfilments, phases(&world)),
        (before, vec![UnitPhase::WrittenBack])
    );
    world.operator().release(&id, "ann", HoldReason::VoidRefused).await?;
    world.work().await?;
    assert!(world.job(order)?.finished());
    assert_eq!((world.field(order, "problem")?.as_str(), world.billed().len()), ("", 1));
    Ok(())
}

/// The answer to a void is lost: it is tried until it is answered, and "already voided" is done.
#[tokio::test]
async fn a_void_whose_answer_was_lost_is_tried_until_it_is_answered() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = bought_and_not_written_back(&world, 60).await?;
    world.ups_fault(Fault::new("void", FaultKind::DropAfter).at_most(1));
    let id = world.job(order)?.id;
    world.operator().void(&id, "ann").await?;
    let twice = world.operator().void(&id, "bob").await;
    assert!(refusal(twice).contains("ann wants it void already"));
    world.work().await?;
    let job = world.job(order)?;
    assert!(
        job.void_pending() && job.closed.is_none(),
        "nobody has answered: {job:?}"
    );
    assert_eq!(phases(&world), [UnitPhase::Open]);

    world.pass(SignedDuration::from_mins(5)).await?;
    assert_eq!(world.job(order)?.closed, Some(Closing::Voided { by: "ann".to_owned() }));
    assert_eq!((world.asked_ups("void"), world.billed().len()), (2, 0));
    world.poll().await?;
    world.pass(SignedDuration::from_mins(5)).await?;
    assert_eq!((world.billed().len(), world.jobs(order).len()), (1, 2));
    assert_eq!(phases(&world), [UnitPhase::Closed, UnitPhase::WrittenBack]);
    Ok(())
}

/// Somebody has voided it at the carrier's own site: that is what was wanted.
#[tokio::test]
async fn a_shipment_that_is_void_already_ends_its_job() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = bought_and_not_written_back(&world, 3600).await?;
    let connection = world.store.tables().connections.values().next().cloned().unwrap();
    let opened = world.systems().open(&connection).await?;
    let bought = world
        .job(order)?
        .purchase
        .done()
        .map(|shipment| shipment.id.clone())
        .unwrap();
    opened.carrier.void(&bought).await?;
    world.operator().void(&world.job(order)?.id, "ann").await?;
    world.work().await?;
    assert!(matches!(world.job(order)?.closed, Some(Closing::Voided { .. })));
    Ok(())
}

/// A write-back whose answer was lost is settled before the carrier is asked; then the ERP says what a person must delete, and
/// once that is done the order ships anew, once.
#[tokio::test]
async fn a_void_waits_for_a_lost_write_back_and_says_what_to_delete() -> Result<(), Failure> {
    let world = World::start().await?;
    world.netsuite_fault(Fault::new("transform", FaultKind::DropAfter).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let id = world.job(order)?.id;
    assert!(matches!(world.job(order)?.write_back, Step::Unknown { .. }));
    world.operator().void(&id, "ann").await?;
    world.work().await?;
    assert_eq!(world.asked_ups("void"), 0, "first it is known whether the ERP shows it");

    world.pass(SignedDuration::from_mins(30)).await?;
    let job = world.job(order)?;
    assert!(matches!(job.closed, Some(Closing::Voided { .. })), "{job:?}");
    let (reason, message) = world.held(order)?;
    assert_eq!(reason, HoldReason::VoidStillShown);
    let [fulfilment] = <[_; 1]>::try_from(world.page(order)?.fulfilments).unwrap();
    assert!(
        message.contains(&format!("item fulfilment {}", fulfilment.id)),
        "{message}"
    );
    assert_eq!(world.field(order, "problem")?, message);
    assert_eq!((phases(&world), world.billed().len()), (vec![UnitPhase::Closed], 0));
    world.poll_and_work().await?;
    assert_eq!(world.jobs(order).len(), 1, "the ERP still says that it is fulfilled");

    world.person(|account, now| {
        account.remove_fulfilment(fulfilment.id, now);
        Ok(())
    })?;
    world.pass(AGAIN).await?;
    assert!(
        world.jobs(order)[0].finished(),
        "it is seen that the ERP does not show it any more"
    );
    world.poll_and_work().await?;
    world.pass(AGAIN).await?;
    assert_eq!((world.jobs(order).len(), world.billed().len()), (2, 1));
    assert_eq!(
        world.page(order)?.fulfilments[0].tracking_numbers,
        [world.billed()[0].id.clone()]
    );
    assert_eq!(world.field(order, "problem")?, "");
    Ok(())
}

/// A write-back that never arrived is not repeated either: once it can no longer come, the void goes on.
#[tokio::test]
async fn a_void_waits_out_a_write_back_that_never_arrived() -> Result<(), Failure> {
    let world = World::start().await?;
    world.netsuite_fault(Fault::new("transform", FaultKind::DropBefore).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.operator().void(&world.job(order)?.id, "ann").await?;
    world.work().await?;
    assert_eq!(world.asked_ups("void"), 0);
    world.pass(SignedDuration::from_hours(2)).await?;
    let job = world.job(order)?;
    assert!(
        job.finished() && matches!(job.closed, Some(Closing::Voided { .. })),
        "{job:?}"
    );
    assert_eq!((world.billed().len(), world.asked_netsuite("transform")), (0, 1));
    Ok(())
}

/// A unit that gives its quantity back is offered again although nobody touches the order.
#[tokio::test]
async fn what_is_given_back_is_offered_again_though_nobody_touches_the_order() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = bought_and_not_written_back(&world, 60).await?;
    // Longer ago than a scan reads back; that nobody works on it meanwhile keeps it from being written back.
    world.store.tables().queue.clear();
    world.turn(SignedDuration::from_hours(1));
    let other = shipped(&world).await?;
    world.poll().await?;
    world.operator().void(&world.job(order)?.id, "ann").await?;
    world.work().await?;
    assert_eq!(notes(&world), 1);
    let report = world.poll().await?;
    assert_eq!((report.admitted, world.jobs(order).len()), (1, 2));
    assert_eq!(notes(&world), 0, "it was dealt with");
    assert_eq!(world.poll().await?.admitted, 0);
    world.work().await?;
    world.pass(SignedDuration::from_hours(3)).await?;
    assert_eq!(
        (
            world.page(order)?.fulfilments.len(),
            world.page(other)?.fulfilments.len()
        ),
        (1, 1)
    );
    Ok(())
}

/// An ERP that cannot be read leaves the note to the next poll.
#[tokio::test]
async fn a_note_outlives_an_erp_that_cannot_be_read() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = bought_and_not_written_back(&world, 60).await?;
    world.operator().void(&world.job(order)?.id, "ann").await?;
    world.work().await?;
    // The ERP has asked for a minute's peace, which lasts still.
    assert!(world.poll().await?.stopped.is_some());
    assert_eq!((notes(&world), world.jobs(order).len()), (1, 1));
    world.turn(SignedDuration::from_mins(5));
    world.poll().await?;
    assert_eq!((notes(&world), world.jobs(order).len()), (0, 2));
    Ok(())
}

/// A world in which an answer was lost and nobody has found the shipment yet.
async fn lost(kind: FaultKind) -> Result<(World, u64), Failure> {
    let world = World::start().await?;
    shipped(&world).await?;
    world.turn(SignedDuration::from_hours(1));
    world.configure(|connection| connection.unknown_purchase = UnknownPurchase::Hold);
    world.ups_fault(Fault::new("ship", kind).at_most(1));
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;
    assert!(matches!(world.job(order)?.purchase, Step::Unknown { .. }));
    Ok((world, order))
}

fn newest(world: &World) -> String {
    world
        .billed()
        .last()
        .map(|shipment| shipment.id.clone())
        .unwrap_or_default()
}

/// P20: a person found the shipment of a lost answer: it becomes the job's, with its labels, and is written back.
#[tokio::test]
async fn a_lost_purchase_is_settled_by_its_tracking_number() -> Result<(), Failure> {
    let (world, order) = lost(FaultKind::DropAfter).await?;
    let (id, number) = (world.job(order)?.id, newest(&world));
    let spelt = format!(" {} {} ", &number[..6].to_lowercase(), &number[6..]);
    let job = world
        .operator()
        .resolve(&id, "ann", &Word::Tracking(vec![spelt]))
        .await?;
    assert_eq!(
        job.purchase.done().map(|shipment| shipment.id.as_str()),
        Some(number.as_str())
    );
    world.work().await?;
    let job = world.job(order)?;
    assert!(job.finished() && !job.labels.done().unwrap().is_empty(), "{job:?}");
    assert_eq!(world.page(order)?.fulfilments[0].tracking_numbers, [number]);
    assert_eq!(world.billed().len(), 2, "nothing was bought again");
    let said = world.story(&id).into_iter().find(|entry| entry.by == "ann").unwrap();
    assert!(
        said.text.contains("the carrier shows it") && !said.exchanges.is_empty(),
        "{said:?}"
    );
    let again = world.operator().resolve(&id, "ann", &Word::NotCreated).await;
    assert!(refusal(again).contains("it is known what was bought"));
    Ok(())
}

/// A blind look for a second shipment has left nothing in hand and no attempt to wait for: a person's fact is taken all the same.
#[tokio::test]
async fn a_shipment_is_adopted_although_no_attempt_waits_for_it() -> Result<(), Failure> {
    let (world, order) = lost(FaultKind::DropAfter).await?;
    let (id, number, now) = (world.job(order)?.id, newest(&world), world.now());
    world.store.tables().jobs.entry(id.clone()).and_modify(|job| {
        job.purchase = Step::Todo;
        job.hold = Some(Hold {
            reason: HoldReason::UnknownPurchase,
            message: "nobody knows".to_owned(),
            since: now,
            again_at: now + AGAIN,
            under: None,
        });
    });
    let said = refusal(world.operator().resolve(&id, "ann", &Word::NotCreated).await);
    assert!(said.contains(&format!("`waybill job release {id}`")), "{said}");
    let word = Word::Tracking(vec![number.clone()]);
    world.operator().resolve(&id, "ann", &word).await?;
    world.work().await?;
    let job = world.job(order)?;
    assert!(job.hold.is_none() && job.write_back.done().is_some(), "{job:?}");
    assert_eq!(world.page(order)?.fulfilments[0].tracking_numbers, [number]);
    assert_eq!(world.billed().len(), 2, "nothing was bought again");
    Ok(())
}

/// A number that cannot be right is refused in words that say what to do, and nothing changes.
#[tokio::test]
async fn a_number_that_cannot_be_right_is_refused() -> Result<(), Failure> {
    let (world, order) = lost(FaultKind::DropAfter).await?;
    let id = world.job(order)?.id;
    let (theirs, ours) = (world.billed()[0].id.clone(), newest(&world));
    let before = world.job(order)?;
    let say = |numbers: &[&str]| Word::Tracking(numbers.iter().map(|number| (*number).to_owned()).collect());
    let operator = world.operator();
    let wrong_check = format!("{}{}", &ours[..17], (ours.as_bytes()[17] - b'0' + 1) % 10);
    for (numbers, words) in [
        (vec!["1Z/..."], "write it as it stands on the label"),
        (vec![wrong_check.as_str()], "look at the label again"),
        (vec![theirs.as_str()], "belongs to job"),
        (vec![ours.as_str(), theirs.as_str()], "of one shipment only"),
    ] {
        let said = refusal(operator.resolve(&id, "ann", &say(&numbers)).await);
        assert!(said.contains(words), "{numbers:?}: {said}");
    }
    let connection = world.store.tables().connections.values().next().cloned().unwrap();
    let opened = world.systems().open(&connection).await?;
    opened.carrier.void(&CarrierShipmentId::new(ours.as_str())).await?;
    let said = refusal(operator.resolve(&id, "ann", &say(&[&ours])).await);
    assert!(said.contains("is void") && said.contains("--not-created"), "{said}");
    world.ups_fault(Fault::new("label_recovery", FaultKind::Html503).at_most(1));
    let unasked = operator.resolve(&id, "ann", &say(&[&ours])).await;
    assert!(matches!(unasked, Err(OperateError::Unasked(_))), "{unasked:?}");
    assert_eq!(world.job(order)?, before);
    Ok(())
}

/// The carrier does not know the number (yet): the person's word stands.
#[tokio::test]
async fn a_number_that_the_carrier_does_not_know_stands_by_the_persons_word() -> Result<(), Failure> {
    let (world, order) = lost(FaultKind::DropBefore).await?;
    let (id, number) = (world.job(order)?.id, "1Z999AA10123456784");
    let word = Word::Tracking(vec![number.to_owned()]);
    let job = world.operator().resolve(&id, "ann", &word).await?;
    let shipment = job.purchase.done().unwrap();
    assert_eq!(shipment.id.as_str(), number);
    assert!(shipment.remarks[0].contains("by the word of ann"), "{shipment:?}");
    Ok(())
}

/// P20: a person says that nothing was bought: it is bought, through the usual gates, and a look for duplicates is owed.
#[tokio::test]
async fn a_lost_purchase_that_was_not_made_is_bought_by_a_persons_word() -> Result<(), Failure> {
    let (world, order) = lost(FaultKind::DropBefore).await?;
    world.pass(SignedDuration::from_hours(2)).await?;
    assert_eq!(world.held(order)?.0, HoldReason::UnknownPurchase);
    let id = world.job(order)?.id;
    world.operator().resolve(&id, "ann", &Word::NotCreated).await?;
    world.work().await?;
    let job = world.job(order)?;
    assert!(
        job.write_back.done().is_some() && job.duplicate_check.is_some(),
        "{job:?}"
    );
    world.pass(SignedDuration::from_hours(10)).await?;
    assert!(world.job(order)?.finished());
    assert_eq!(world.billed().len(), 2);
    Ok(())
}

/// P20: a wrong word is noticed: what was bought after all is found, voided and reported.
#[tokio::test]
async fn a_wrong_word_is_noticed_and_its_second_shipment_voided() -> Result<(), Failure> {
    let (world, order) = lost(FaultKind::DropAfter).await?;
    let id = world.job(order)?.id;
    world.operator().resolve(&id, "ann", &Word::NotCreated).await?;
    world.work().await?;
    assert_eq!(world.billed().len(), 3);
    world.pass(SignedDuration::from_hours(10)).await?;
    let job = world.job(order)?;
    assert!(job.finished(), "{job:?}");
    assert_eq!((world.billed().len(), world.page(order)?.fulfilments.len()), (2, 1));
    let story = world.story(&id);
    assert!(
        story.iter().any(|entry| entry.text.contains("which was bought twice")),
        "the void is reported"
    );
    Ok(())
}

/// What is not unknown is not resolved.
#[tokio::test]
async fn what_is_not_unknown_is_refused_in_words() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    let id = world.job(order)?.id;
    let said = refusal(world.operator().resolve(&id, "ann", &Word::NotCreated).await);
    assert!(said.contains("nothing was asked of the carrier"), "{said}");
    let now = world.now();
    world.store.tables().jobs.values_mut().for_each(|job| {
        job.purchase = Step::Started(attempt(now, SignedDuration::from_mins(5)));
    });
    let said = refusal(world.operator().resolve(&id, "ann", &Word::NotCreated).await);
    assert!(said.contains("wait until"), "{said}");
    world.turn(SignedDuration::from_mins(6));
    let job = world.operator().resolve(&id, "ann", &Word::NotCreated).await?;
    assert!(matches!(job.purchase, Step::Todo) && job.duplicate_check.is_some());
    Ok(())
}

fn attempt(at: jiff::Timestamp, lease: SignedDuration) -> Attempt {
    Attempt {
        number: 1,
        owner: Nonce::new("somebody"),
        at,
        until: at + lease,
    }
}

/// P24: a forgotten job leaves no name, address or telephone number in tables or labels; numbers, money and decisions stay.
#[tokio::test]
async fn a_forgotten_job_leaves_nobody_to_be_found() -> Result<(), Failure> {
    let world = World::start().await?;
    let ambiguous = place("Prudence Quill", "221 Main St", "Galena", "IL", "61036", "US");
    let order = world.enter(NewOrder {
        address: ambiguous,
        ..world.plain(1)
    })?;
    world.poll_and_work().await?;
    let id = world.job(order)?.id;
    let early = refusal(world.operator().forget(&id, "ann").await);
    assert!(early.contains("its address is still needed"), "{early}");
    world.person(|account, now| {
        let here = place("Prudence Quill", "350 5th Ave", "New York", "NY", "10118", "US");
        account.edit_address(order, here, now)
    })?;
    world.pass(AGAIN).await?;
    let before = world.job(order)?;
    assert!(before.finished(), "{before:?}");
    let people = ["prudence", "quill", "350 5th", "221 main", "221 n main", "2125550142"];
    let found = |world: &World| -> Vec<&str> {
        let dump = dump(world);
        people.into_iter().filter(|word| dump.contains(word)).collect()
    };
    assert!(found(&world).len() >= 4, "they are there before: {:?}", found(&world));

    for _ in 0..2 {
        world.operator().forget(&id, "ann").await?;
        world.work().await?;
        assert_eq!(found(&world), Vec::<&str>::new());
    }
    let after = world.job(order)?;
    assert_eq!(
        (&after.purchase, &after.quote, &after.write_back),
        (&before.purchase, &before.quote, &before.write_back)
    );
    assert_eq!(
        (after.number.as_str(), after.finished()),
        (before.number.as_str(), true)
    );
    let story = world.story(&id);
    assert_eq!(
        story.iter().filter(|entry| entry.by == "ann").count(),
        1,
        "who did it is on record, once"
    );
    assert!(
        story.iter().any(|entry| entry.text.contains("intends to buy")),
        "what was decided stays"
    );
    Ok(())
}

/// Everything that is stored, in lower case; labels as text.
fn dump(world: &World) -> String {
    let mut tables = world.store.tables().clone();
    let labels = std::mem::take(&mut tables.labels).into_values();
    let labels: Vec<String> = labels
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    format!("{tables:?} {labels:?}").to_lowercase()
}

/// Every state that the ledger knows, made from a job that is bought and written back.
fn every_state(job: &Job, now: jiff::Timestamp) -> Vec<Job> {
    let started = || attempt(now, SignedDuration::from_mins(5));
    let look = Look { at: now, control: true };
    let unknown = Step::Unknown {
        attempt: started(),
        since: now,
        looks: vec![look],
    };
    let lost_write = Step::Unknown {
        attempt: started(),
        since: now,
        looks: Vec::new(),
    };
    let open = Job {
        purchase: Step::Todo,
        labels: Step::Todo,
        write_back: Step::Todo,
        due_at: Some(now),
        ..job.clone()
    };
    let bought = Job {
        purchase: job.purchase.clone(),
        ..open.clone()
    };
    let wish = VoidWish {
        kept: None,
        by: "ann".to_owned(),
        at: now,
        voiding: Voiding::Todo { at: now },
        shipment: None,
        shown: None,
    };
    let waits = Wait {
        until: now + AGAIN,
        reason: "busy".to_owned(),
        tries: 0,
        parked_since: None,
    };
    let mut states = vec![
        job.clone(),
        Job {
            purchase: Step::Started(started()),
            ..open.clone()
        },
        Job {
            purchase: unknown,
            ..open.clone()
        },
        Job {
            purchase: Step::Refused(Refusal::new("1", "no")),
            ..open.clone()
        },
        Job {
            wait: Some(waits),
            ..open.clone()
        },
        Job {
            closed: Some(Closing::Voided { by: "ann".to_owned() }),
            due_at: None,
            ..open.clone()
        },
        Job {
            labels: job.labels.clone(),
            write_back: Step::Started(started()),
            ..bought.clone()
        },
        Job {
            labels: job.labels.clone(),
            write_back: lost_write,
            ..bought.clone()
        },
        Job {
            void: Some(wish),
            ..bought.clone()
        },
        bought.clone(),
        open.clone(),
    ];
    use HoldReason::*;
    let reasons = [
        Rejected,
        BadAddress,
        MissingData,
        ChangedAfterLabel,
        UnknownPurchase,
        DuplicateCheckBlind,
        LabelLost,
        WriteBackRefused,
        WriteBackInDoubt,
        ExtraToVoid,
        VoidRefused,
        VoidStillShown,
        Person,
        Brake,
    ];
    let hold = |reason| Hold {
        reason,
        message: "why".to_owned(),
        since: now,
        again_at: now + AGAIN,
        under: None,
    };
    states.extend(reasons.into_iter().flat_map(|reason| {
        [&open, &bought].map(|job| Job {
            hold: Some(hold(reason)),
            ..job.clone()
        })
    }));
    states
}

/// P20: replaying is safe in every state of the ledger: it brings a worker's visit and changes nothing by itself.
#[tokio::test]
async fn replaying_in_any_state_is_a_workers_visit_and_nothing_else() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = shipped(&world).await?;
    let job = world.job(order)?;
    for state in every_state(&job, world.now()) {
        world.store.tables().jobs.insert(state.id.clone(), state.clone());
        world.store.tables().queue.clear();
        let before = world.store.tables().clone();
        world.operator().replay(&state.id, "ann").await?;
        let after = world.store.tables().clone();
        assert_eq!(
            (&after.jobs, &after.units, &after.audit),
            (&before.jobs, &before.units, &before.audit)
        );
        assert_eq!((&after.snapshots, &after.spent), (&before.snapshots, &before.spent));
        let queued: Vec<_> = after.queue.iter().map(|message| &message.job).collect();
        assert_eq!(queued, [&state.id], "one message, which names the job and nothing else");
    }
    Ok(())
}

/// Two held units of one order share a field: it shows both, and clearing one leaves the other's.
#[tokio::test]
async fn two_held_units_share_the_problem_field() -> Result<(), Failure> {
    let world = World::start().await?;
    let pump = world.basics().light;
    let nowhere = place("Ida", "1 Nowhere Lane", "Galena", "IL", "61036", "US");
    let ghost = place("Pat Quill", "4100 Subway Canyon Rd", "Bisbee", "AZ", "85603", "US");
    let lines = vec![NewLine::of(pump, 1).to(nowhere), NewLine::of(pump, 2).to(ghost)];
    let order = world.enter(NewOrder::to(new_york(), lines))?;
    world.poll_and_work().await?;
    let jobs = world.jobs(order);
    assert_eq!(jobs.iter().filter(|job| job.hold.is_some()).count(), 2, "{jobs:?}");
    let shown = world.field(order, "problem")?;
    assert!(shown.contains("unit 1: ") && shown.contains("unit 2: "), "{shown}");

    world
        .operator()
        .release(&jobs[0].id, "ann", HoldReason::BadAddress)
        .await?;
    world.work().await?;
    world.pass(SignedDuration::from_mins(5)).await?;
    let left = jobs[1].hold.as_ref().map(|hold| hold.message.clone());
    assert!(world.jobs(order)[0].write_back.done().is_some());
    assert_eq!(Some(world.field(order, "problem")?), left, "the other one's stands");
    Ok(())
}

/// A reading that has expired by retention is read again; nothing fails and nothing is forgotten.
#[tokio::test]
async fn a_job_whose_reading_has_expired_goes_on() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(2))?;
    world.poll().await?;
    world.store.tables().snapshots.clear();
    world.work().await?;
    let job = world.job(order)?;
    assert!(job.finished() && job.write_back.done().is_some(), "{job:?}");

    let late = bought_and_not_written_back(&world, 60).await?;
    world.store.tables().snapshots.clear();
    world.pass(AGAIN).await?;
    assert_eq!(world.page(late)?.fulfilments.len(), 1);
    assert_eq!(world.page(late)?.fulfilments[0].lines.len(), 1);

    let gasket = world.basics().unweighed;
    let held = world.enter(NewOrder::to(new_york(), vec![NewLine::of(gasket, 2)]))?;
    world.poll_and_work().await?;
    world.store.tables().snapshots.clear();
    world.pass(AGAIN).await?;
    assert_eq!(world.held(held)?.0, HoldReason::MissingData);
    world
        .operator()
        .release(&world.job(held)?.id, "ann", HoldReason::MissingData)
        .await?;
    Ok(())
}

/// The arithmetic of a void after the write-back: offered again only once the ERP does not show it any more.
#[test]
fn nothing_is_allotted_twice_while_a_void_shipment_is_still_shown() {
    use rust_decimal::dec;
    use waybill::domain::{DocumentId, JobId, LineId, Unit, Units};
    let line = LineId::new("1");
    let unit = |number, quantity, phase| Unit {
        number,
        job: JobId::of(&CONNECTION.parse().unwrap(), &DocumentId::sales_order("1"), number),
        quantities: Quantities::from([(line.clone(), quantity)]),
        phase,
        tracking_numbers: Vec::new(),
        terms: None,
        reported: None,
    };
    let order = |fulfilled| {
        let mut order = tests::order("1", vec![tests::line("1", dec!(5), dec!(5))]);
        order.lines[0].fulfilled = fulfilled;
        order.lines[0].ready = dec!(5) - fulfilled;
        order
    };
    let units = |phase| Units {
        version: 2,
        units: vec![unit(1, dec!(3), phase), unit(2, dec!(2), UnitPhase::WrittenBack)],
        ..Units::none(DocumentId::sales_order("1"), "SO1")
    };
    let free = |phase, fulfilled| {
        let allotments = units(phase).allottable(&order(fulfilled), &[], &[]);
        allotments.first().map(|one| one.quantities[&line])
    };
    assert_eq!(free(UnitPhase::WrittenBack, dec!(5)), None);
    assert_eq!(
        free(UnitPhase::WrittenBack, dec!(2)),
        None,
        "deleted before the void is done: not yet"
    );
    assert_eq!(free(UnitPhase::Closed, dec!(5)), None, "void, and still shown");
    assert_eq!(free(UnitPhase::Closed, dec!(2)), Some(dec!(3)), "void, and deleted");
}
