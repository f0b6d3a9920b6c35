//! People ship at a desk of their own: what happens there reaches the simulated NetSuite, each parcel once.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::SignedDuration;
use rust_decimal::{Decimal, dec};
use simulators::faults::{Fault, FaultKind};
use simulators::netsuite::books::FulfilmentBook;
use simulators::netsuite::people::{NewLine, NewOrder};
use tests::counter::{DeskWorld, LIMIT_IS_OVER, STORE, UNASKABLE};
use tests::world::{CONNECTION, Failure, new_york, place};
use waybill::connection::VoidedAtDesk;
use waybill::domain::{DeskOrderRef, DespatchId, DespatchStanding, GapKind, JobId};
use waybill::flows::operate::OperateError;
use waybill::flows::poll::Followed;
use waybill::job::{Closing, HoldReason, Job, Step, TRIED_FOR};
use waybill::memory::{Fate, Switch};
use waybill::ports::{Cursors, Later, Obstacle};

/// What goes on for a while.
const A_WHILE: SignedDuration = SignedDuration::from_mins(20);

/// An order of ten light items and five heavy ones, in the ERP and at the desk.
fn ordered(story: &DeskWorld) -> Result<(u64, DeskOrderRef), Failure> {
    let basics = story.world.basics();
    let lines = vec![NewLine::of(basics.light, 10), NewLine::of(basics.heavy, 5)];
    let order = story.world.enter(NewOrder::to(new_york(), lines))?;
    let number = number(story, order)?;
    Ok((order, story.desk.order(&number, STORE)))
}

fn number(story: &DeskWorld, order: u64) -> Result<String, Failure> {
    let number = story
        .world
        .person(|account, _| Ok(account.orders.get(&order).map(|order| order.tran_id.clone())))?;
    number.ok_or_else(|| "there is no such order".into())
}

fn skus(story: &DeskWorld) -> Result<(String, String), Failure> {
    let basics = story.world.basics();
    let found = story.world.person(|account, _| {
        let sku = |id| account.items.get(&id).map(|item| item.sku.clone());
        Ok(sku(basics.light).zip(sku(basics.heavy)))
    })?;
    found.ok_or_else(|| "there are no such items".into())
}

/// What the ERP's fulfilments of an order hold, oldest first: quantities of its two lines, and the tracking numbers.
fn fulfilled(story: &DeskWorld, order: u64) -> Result<Vec<(Decimal, Decimal, Vec<String>)>, Failure> {
    let page = story.world.page(order)?;
    let lines: Vec<u32> = page.lines.keys().copied().collect();
    let of = |made: &FulfilmentBook, line: usize| {
        let quantity = lines.get(line).and_then(|line| made.lines.get(line));
        quantity.copied().unwrap_or_default().normalize()
    };
    let made = page.fulfilments.iter();
    Ok(made
        .map(|made| (of(made, 0), of(made, 1), made.tracking_numbers.clone()))
        .collect())
}

fn held(job: &Job) -> Result<(HoldReason, String), Failure> {
    let hold = job.hold.as_ref().map(|hold| (hold.reason, hold.message.clone()));
    hold.ok_or_else(|| format!("it is not held: {job:?}").into())
}

/// The only parked despatch.
fn parked(story: &DeskWorld) -> Result<Job, Failure> {
    match <[Job; 1]>::try_from(story.parked()) {
        Ok([job]) => Ok(job),
        Err(jobs) => Err(format!("{} despatches are parked", jobs.len()).into()),
    }
}

// ---- once --------------------------------------------------------------------------------------------------------

/// P41, P43: the same webhook five times, and polls beside it, are one unit and one fulfilment, with everything of it.
#[tokio::test]
async fn the_same_webhook_five_times_is_one_fulfilment() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, heavy) = skus(&story)?;
    let label = story.desk.label(
        &at_desk,
        "1Z0001",
        &[(&light, dec!(4)), (&heavy, dec!(5))],
        story.world.now(),
    );
    for _ in 0..5 {
        story.webhook(&label).await?;
        story.world.turn(SignedDuration::from_secs(1));
    }
    story.work().await?;
    story.poll().await?;
    story.work().await?;
    story.pass(A_WHILE).await?;
    assert_eq!(
        fulfilled(&story, order)?,
        [(dec!(4), dec!(5), vec!["1Z0001".to_owned()])]
    );
    assert!(story.parked().is_empty(), "it is known, and nothing is tried again");
    let job = story.world.job(order)?;
    assert_eq!(job.id, JobId::of(&CONNECTION.parse()?, &job.document, 1));
    assert!(job.finished(), "{job:?}");
    assert_eq!(story.world.asked_netsuite("transform"), 1);
    assert!(story.world.netsuite.books().duplicates.is_empty());
    let told = story.world.story(&job.id);
    assert!(told[0].text.contains(label.as_str()), "{}", told[0].text);
    assert!(!told[0].exchanges.is_empty(), "the calls that led to it are on record");
    Ok(())
}

/// P43: two parts of one order that travel apart are two fulfilments, each with its own lines, quantities and number.
#[tokio::test]
async fn two_partial_shipments_are_two_fulfilments() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, heavy) = skus(&story)?;
    let now = story.world.now();
    story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(4)), (&heavy, dec!(5))], now);
    story.world.turn(SignedDuration::from_mins(1));
    story.poll().await?;
    story.work().await?;
    story.desk.label(&at_desk, "1Z0002", &[(&light, dec!(6))], now);
    story.pass(A_WHILE).await?;
    assert_eq!(
        fulfilled(&story, order)?,
        [
            (dec!(4), dec!(5), vec!["1Z0001".to_owned()]),
            (dec!(6), dec!(0), vec!["1Z0002".to_owned()])
        ]
    );
    Ok(())
}

/// P43: both at once: the second is admitted although the first is not written yet, and takes nothing of it.
#[tokio::test]
async fn two_parts_shipped_at_once_do_not_take_each_others_goods() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let now = story.world.now();
    story.desk.label(&at_desk, "1Z0001", &[(&light, dec!(7))], now);
    story.desk.label(&at_desk, "1Z0002", &[(&light, dec!(3))], now);
    let third = story.desk.label(&at_desk, "1Z0003", &[(&light, dec!(1))], now);
    story.poll().await?;
    assert_eq!(story.world.jobs(order).len(), 2);
    let (reason, message) = held(&parked(&story)?)?;
    assert_eq!(reason, HoldReason::Unmatched);
    assert!(
        message.contains(third.as_str()) && message.contains("has 0 of it left"),
        "{message}"
    );
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 2);
    Ok(())
}

/// P43: the label event and the fulfilment event of one parcel are joined by its tracking number, in either order.
#[tokio::test]
async fn the_two_events_of_one_parcel_are_one_fulfilment() -> Result<(), Failure> {
    for label_first in [true, false] {
        let story = DeskWorld::start().await?;
        let (order, at_desk) = ordered(&story)?;
        let (light, _) = skus(&story)?;
        let (now, goods) = (story.world.now(), [(light.as_str(), dec!(3))]);
        let label = story.desk.label(&at_desk, "1Z 0001", &goods, now);
        let part = story.desk.fulfilment(&at_desk, "1z0001", &goods, now);
        let events = if label_first { [&label, &part] } else { [&part, &label] };
        for event in events.iter().chain(&events) {
            story.follow(event).await?;
        }
        story.work().await?;
        story.pass(A_WHILE).await?;
        assert_eq!(
            story.world.page(order)?.fulfilments.len(),
            1,
            "label first: {label_first}"
        );
        assert!(story.parked().is_empty());
    }
    Ok(())
}

/// P43: a tracking number that another order's parcel has as well joins nothing: carriers give numbers again, and orders may travel
/// together.
#[tokio::test]
async fn a_tracking_number_of_another_order_joins_nothing() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let ((one, at_one), (two, at_two)) = (ordered(&story)?, ordered(&story)?);
    let (light, _) = skus(&story)?;
    let (now, goods) = (story.world.now(), [(light.as_str(), dec!(3))]);
    story.desk.label(&at_one, "1Z0001", &goods, now);
    story.desk.fulfilment(&at_two, "1Z0001", &goods, now);
    story.pass(A_WHILE).await?;
    for order in [one, two] {
        assert_eq!(story.world.page(order)?.fulfilments.len(), 1, "order {order}");
    }
    Ok(())
}

/// P43: a number that parcels of two orders share joins each parcel with its own other telling, whichever was told of last.
#[tokio::test]
async fn a_shared_tracking_number_joins_each_with_its_own() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let ((one, at_one), (two, at_two)) = (ordered(&story)?, ordered(&story)?);
    let (light, _) = skus(&story)?;
    let (now, goods) = (story.world.now(), [(light.as_str(), dec!(3))]);
    for at_desk in [&at_one, &at_two] {
        story.desk.label(at_desk, "1Z0001", &goods, now);
    }
    story.poll().await?;
    for at_desk in [&at_one, &at_two] {
        story.desk.fulfilment(at_desk, "1Z0001", &goods, now);
    }
    story.pass(A_WHILE).await?;
    for order in [one, two] {
        assert_eq!(story.world.page(order)?.fulfilments.len(), 1, "order {order}");
    }
    Ok(())
}

/// P41: a webhook that is lost costs time only: the poll finds what was shipped; and what is known costs the desk and the ERP no
/// question beyond the list itself.
#[tokio::test]
async fn a_lost_webhook_is_found_by_the_poll() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    for number in 1..=5 {
        let tracking = format!("1Z000{number}");
        story
            .desk
            .label(&at_desk, &tracking, &[(&light, dec!(2))], story.world.now());
    }
    let report = story.poll().await?;
    assert_eq!((report.seen, report.admitted, report.complete), (5, 5, true));
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 5);

    let read = story.world.asked_netsuite("suiteql");
    story.desk.books().asked = 0;
    let report = story.poll().await?;
    assert_eq!((report.seen, report.admitted, report.complete), (0, 0, true));
    assert_eq!(story.world.asked_netsuite("suiteql"), read);
    assert_eq!(story.desk.books().asked, 3, "three pages of its list");
    assert_eq!(story.desk.books().opened, 5, "each was opened once");
    story.world.turn(SignedDuration::from_mins(15));
    story.desk.books().asked = 0;
    story.poll().await?;
    assert_eq!(story.desk.books().asked, 4, "three pages of its list, one of voids");
    Ok(())
}

/// P43: voids are read to the end although each poll gets only so far: the next one goes on where it stopped, and the newest, which
/// comes last, is heard of.
#[tokio::test]
async fn the_newest_void_is_reached_however_many_there_are() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let goods = [(light.as_str(), dec!(2))];
    let made = story.world.now();
    for number in 1..=6 {
        let never = story.desk.label(&at_desk, &format!("1Z100{number}"), &goods, made);
        story.desk.void(&never);
    }
    let label = story.desk.label(&at_desk, "1Z0001", &goods, made);
    story.pass(A_WHILE * 2).await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
    // Nothing of it is in sight of the list of what was shipped any more, and the desk lets every poll ask for two pages.
    story.world.turn(SignedDuration::from_hours(48));
    story.desk.void(&label);
    for _ in 0..6 {
        story.world.turn(SignedDuration::from_mins(5));
        story.desk.books().answers = Some(3);
        story.poll().await?;
    }
    story.desk.books().answers = None;
    story.work().await?;
    let job = story.world.job(order)?;
    assert!(matches!(job.closed, Some(Closing::Voided { .. })), "{job:?}");
    Ok(())
}

/// A reading that never ends forgets what its next one will not see again: the store takes no cursor of any size.
#[tokio::test]
async fn a_long_reading_does_not_outgrow_its_cursor() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (_, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let made = story.world.now();
    for number in 1..=6 {
        let tracking = format!("1Z000{number}");
        story.desk.label(&at_desk, &tracking, &[(&light, dec!(1))], made);
    }
    story.world.turn(SignedDuration::from_hours(5));
    story.desk.books().answers = Some(2);
    let report = story.poll().await?;
    assert_eq!((report.admitted, report.complete), (4, false), "{report:?}");
    let id = CONNECTION.parse()?;
    let cursor = story.world.store.cursor(&id, "despatches").await?;
    let scan = cursor.scan.ok_or("the reading is over")?;
    assert!(scan.settled.is_empty(), "{scan:?}");
    story.desk.books().answers = None;
    let report = story.poll().await?;
    assert_eq!((report.admitted, report.complete), (2, true), "{report:?}");
    Ok(())
}

/// P49: where the desk's limit ends in the middle of a page the next poll goes on behind what was dealt with, though that is old and
/// none of the connection's business: it would otherwise ask for the same few each time.
#[tokio::test]
async fn a_page_that_meets_the_limit_goes_on_where_it_stopped() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let (made, goods) = (story.world.now(), [(light.as_str(), dec!(1))]);
    for number in 1..=3 {
        let foreign = story.desk.order(&format!("X{number}"), "elsewhere");
        story.desk.label(&foreign, &format!("1Z100{number}"), &goods, made);
    }
    story.desk.label(&at_desk, "1Z0001", &goods, made);
    story.world.turn(SignedDuration::from_hours(5));
    for _ in 0..4 {
        story.desk.books().opens = Some(1);
        story.poll().await?;
    }
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
    assert_eq!(story.desk.books().opened, 4, "each was opened once");
    Ok(())
}

/// P41: a desk that does not answer is asked again, and nothing is lost.
#[tokio::test]
async fn what_cannot_be_fetched_is_fetched_later() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let label = story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
    story.desk.books().fails = 2;
    assert_eq!(
        story.follow(&label).await?,
        Followed::Later(Later::new(Obstacle::Unreachable, "503"))
    );
    story.webhook(&label).await?;
    story.work().await?;
    assert!(story.world.jobs(order).is_empty());
    story.world.turn(SignedDuration::from_mins(1));
    story.work().await?;
    assert_eq!(
        story.world.page(order)?.fulfilments.len(),
        1,
        "the webhook was opened again"
    );
    let open = story
        .world
        .store
        .tables()
        .tracked
        .captures
        .values()
        .any(|(_, due)| due.is_some());
    assert!(!open, "it was dealt with");
    Ok(())
}

/// P41: a pointer to many is followed for a while; the rest is the poll's, and nothing is lost.
#[tokio::test]
async fn a_pointer_to_many_is_followed_for_a_while() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let label = |number: u32| {
        let (tracking, goods) = (format!("1Z000{number}"), [(light.as_str(), dec!(2))]);
        story.desk.label(&at_desk, &tracking, &goods, story.world.now())
    };
    let pointer: Vec<String> = (1..=5).map(|number| label(number).to_string()).collect();
    let followed = story
        .poller()
        .follow(&CONNECTION.parse()?, &pointer.join(","), story.world.now())
        .await?;
    let Followed::Done(report) = followed else {
        return Err(format!("{followed:?}").into());
    };
    assert_eq!((report.seen, report.admitted, report.complete), (1, 1, false));
    story.poll().await?;
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 5);
    Ok(())
}

/// P41: what the desk is still at work on is looked at again, and holds nothing else back.
#[tokio::test]
async fn a_label_that_is_being_made_is_waited_for() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let now = story.world.now();
    let slow = story.desk.label(&at_desk, "1Z0001", &[(&light, dec!(2))], now);
    story.desk.change(&slow, |label| {
        label.standing = DespatchStanding::Pending("processing".to_owned())
    });
    story.desk.label(&at_desk, "1Z0002", &[(&light, dec!(1))], now);
    let back = story.desk.label(&at_desk, "1Z0003", &[(&light, dec!(1))], now);
    story.desk.change(&back, |label| {
        label.standing = DespatchStanding::Beside("a return".to_owned())
    });
    story.pass(SignedDuration::from_hours(3)).await?;
    assert_eq!(fulfilled(&story, order)?.len(), 1);
    story
        .desk
        .change(&slow, |label| label.standing = DespatchStanding::Shipped);
    story.pass(A_WHILE).await?;
    assert_eq!(fulfilled(&story, order)?.len(), 2);
    assert!(story.parked().is_empty(), "a return is nobody's business");
    Ok(())
}

/// P41: what the desk does not get done with within a day, or of which it uses a word that nobody knows, is held for a person and not
/// dropped; once it is done it is written by itself.
#[tokio::test]
async fn a_label_that_is_never_done_is_held() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let slow = story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
    story.desk.change(&slow, |label| {
        label.standing = DespatchStanding::Pending("manifested".to_owned())
    });
    story.pass(SignedDuration::from_hours(23)).await?;
    assert!(story.parked().is_empty());
    story.pass(SignedDuration::from_hours(2)).await?;
    let (reason, message) = held(&parked(&story)?)?;
    assert_eq!(reason, HoldReason::Unmatched);
    assert!(
        message.contains("manifested") && message.contains("job release"),
        "{message}"
    );
    assert!(story.world.jobs(order).is_empty(), "its status is not guessed");
    story
        .desk
        .change(&slow, |label| label.standing = DespatchStanding::Shipped);
    story.pass(SignedDuration::from_hours(5)).await?;
    assert_eq!(fulfilled(&story, order)?.len(), 1);
    Ok(())
}

// ---- which order -------------------------------------------------------------------------------------------------

/// P42: what names no order is held with candidates, and is written by itself once the order is there.
#[tokio::test]
async fn what_fits_no_order_is_held_until_one_does() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (like, _) = ordered(&story)?;
    story
        .world
        .person(|account, now| account.change_order(like, now, |order| order.other_ref_num = "WEB-77".to_owned()))?;
    let (light, _) = skus(&story)?;
    let at_desk = story.desk.order("WEB-77", STORE);
    let label = story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
    story.poll().await?;
    story.webhook(&label).await?;
    story.work().await?;
    let job = parked(&story)?;
    let (reason, message) = held(&job)?;
    assert_eq!(reason, HoldReason::Unmatched);
    let candidate = number(&story, like)?;
    assert!(
        message.contains(&candidate) && message.contains("job resolve"),
        "{message}"
    );
    assert!(story.world.jobs(like).is_empty());

    // A person enters the order under its number.
    let late = story.world.enter(story.world.plain(2))?;
    story
        .world
        .person(|account, now| account.change_order(late, now, |order| order.tran_id = "WEB-77".to_owned()))?;
    story.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(story.world.page(late)?.fulfilments.len(), 1);
    let matched = story.world.job(late)?.id;
    let job = parked(&story)?;
    assert_eq!(job.closed, Some(Closing::Matched { job: matched }));
    assert!(job.finished(), "{job:?}");
    Ok(())
}

/// P42: what fits no order is tried again by itself for thirty days; then it stays held, in words that say so, and neither the desk nor
/// the ERP is asked any more, until a person says what it is, or the connection is changed.
#[tokio::test]
async fn what_fits_no_order_is_not_tried_for_ever() -> Result<(), Failure> {
    for by_person in [true, false] {
        let story = DeskWorld::start().await?;
        let (light, _) = skus(&story)?;
        let at_desk = story.desk.order("WEB-88", STORE);
        let goods = [(light.as_str(), dec!(2))];
        story.desk.label(&at_desk, "1Z0001", &goods, story.world.now());
        story.poll().await?;
        let asked = || (story.desk.books().asked, story.world.asked_netsuite("suiteql"));
        days(&story, 29).await?;
        let (reason, message) = held(&parked(&story)?)?;
        assert_eq!(reason, HoldReason::Unmatched);
        assert!(message.ends_with("it is tried again by itself"), "{message}");
        let before = asked();
        days(&story, 3).await?;
        assert_ne!(asked(), before, "it was tried for the last time");
        let before = asked();
        days(&story, 10).await?;
        assert_eq!(asked(), before, "nobody is asked any more");
        let job = parked(&story)?;
        let (reason, message) = held(&job)?;
        assert_eq!(reason, HoldReason::Unmatched);
        assert!(
            message.contains("it was tried for 30 days, and is tried by itself no more")
                && message.contains("job resolve"),
            "{message}"
        );
        assert!(!message.contains("tried again"), "{message}");
        assert!(job.is_left_unmatched() && !job.finished(), "a person still sees it");

        let late = story.world.enter(story.world.plain(2))?;
        let number = number(&story, late)?;
        if by_person {
            story.operator().resolve_order(&job.id, "ann", &number).await?;
        } else {
            story
                .world
                .person(|account, now| account.change_order(late, now, |order| order.tran_id = "WEB-88".to_owned()))?;
            days(&story, 3).await?;
            assert!(story.world.jobs(late).is_empty(), "nobody looks");
            story.world.configure(|connection| connection.version += 1);
            days(&story, 3).await?;
        }
        story.work().await?;
        assert_eq!(story.world.page(late)?.fulfilments.len(), 1, "by a person: {by_person}");
        assert!(matches!(parked(&story)?.closed, Some(Closing::Matched { .. })));
    }
    Ok(())
}

/// Lets so many days pass in which nobody polls, with everything that falls due done every few hours.
async fn days(story: &DeskWorld, days: i64) -> Result<(), Failure> {
    for _ in 0..days * 4 {
        story.world.turn(SignedDuration::from_hours(6));
        story.sweeper().run().await?;
        story.work().await?;
    }
    Ok(())
}

/// P42: a desk that refuses to say what was shipped, or shows it no more, when it is tried for the last time leaves it held in words that
/// say what to do, and is not asked again.
#[tokio::test]
async fn what_the_desk_shows_no_more_is_left_in_words() -> Result<(), Failure> {
    for (refuses, words) in [(true, "cannot be asked any more"), (false, "does not know")] {
        let story = DeskWorld::start().await?;
        let (light, _) = skus(&story)?;
        let at_desk = story.desk.order("WEB-89", STORE);
        let label = story
            .desk
            .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
        story.poll().await?;
        days(&story, 20).await?;
        let (_, message) = held(&parked(&story)?)?;
        assert!(message.ends_with("it is tried again by itself"), "{message}");
        if refuses {
            story.desk.books().forgets.insert(label);
        } else {
            story.desk.lose(&label);
        }
        days(&story, 12).await?;
        let job = parked(&story)?;
        let (_, message) = held(&job)?;
        assert!(message.contains(words) && message.contains("job release"), "{message}");
        assert!(
            job.is_left_unmatched() && job.hold.is_some_and(|hold| hold.since >= job.created_at + TRIED_FOR),
            "refuses: {refuses}"
        );
        let before = story.desk.books().asked;
        days(&story, 5).await?;
        assert_eq!(story.desk.books().asked, before, "refuses: {refuses}");
    }
    Ok(())
}

/// P49: where the desk says when it may be asked again, a parked despatch is tried then, and not only when its hold is looked at next.
#[tokio::test]
async fn a_limit_is_waited_for_as_long_as_it_lasts() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (light, _) = skus(&story)?;
    let at_desk = story.desk.order("WEB-90", STORE);
    story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
    story.poll().await?;
    days(&story, 10).await?;
    let due = parked(&story)?.due_at.ok_or("it is not looked at")?;
    story.world.clock.set(due);
    story.desk.books().answers = Some(0);
    story.sweeper().run().await?;
    story.work().await?;
    story.desk.books().answers = None;
    let job = parked(&story)?;
    assert!(job.wait.is_some(), "{job:?}");
    let waits = job.due_at.ok_or("it is not looked at")?.duration_since(due);
    let hint = SignedDuration::try_from(LIMIT_IS_OVER)?;
    assert!(
        (hint..hint * 4).contains(&waits),
        "it waits {waits} where the desk said {hint}"
    );
    story.world.turn(waits);
    let before = story.desk.books().asked;
    story.sweeper().run().await?;
    story.work().await?;
    assert_eq!(story.desk.books().asked, before + 1, "it was tried");
    let job = parked(&story)?;
    assert!(job.wait.is_none(), "what it waited for was there: {job:?}");
    let order = story.world.enter(story.world.plain(2))?;
    story
        .world
        .person(|account, now| account.change_order(order, now, |order| order.tran_id = "WEB-90".to_owned()))?;
    days(&story, 3).await?;
    assert!(matches!(parked(&story)?.closed, Some(Closing::Matched { .. })));
    assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
    Ok(())
}

/// P42: a person says which order it is; who said so is on record, and it is written once.
#[tokio::test]
async fn a_person_says_which_order_it_is() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, _) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let at_desk = story.desk.order("by telephone", STORE);
    let now = story.world.now();
    story.desk.label(&at_desk, "1Z0001", &[(&light, dec!(2))], now);
    story.poll().await?;
    let job = parked(&story)?.id;
    let operator = story.operator();
    let refused = operator.resolve_order(&job, "ann", "SO-NONE").await;
    assert!(matches!(refused, Err(OperateError::Refused(_))), "{refused:?}");
    operator.resolve_order(&job, "ann", &number(&story, order)?).await?;
    let again = operator.resolve_order(&job, "ann", &number(&story, order)?).await;
    assert!(matches!(again, Err(OperateError::Refused(_))), "{again:?}");
    // The other telling of the parcel comes later, and is known.
    story.desk.fulfilment(&at_desk, "1Z0001", &[(&light, dec!(2))], now);
    story.pass(A_WHILE).await?;
    assert_eq!(
        fulfilled(&story, order)?,
        [(dec!(2), dec!(0), vec!["1Z0001".to_owned()])]
    );
    assert!(matches!(parked(&story)?.closed, Some(Closing::Matched { .. })));
    assert!(story.world.story(&job).iter().any(|entry| entry.by == "ann"));
    Ok(())
}

/// P42: what the ERP need not hear of is closed by a person's word, and stays closed.
#[tokio::test]
async fn a_person_closes_what_the_erp_need_not_hear_of() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (light, _) = skus(&story)?;
    let at_desk = story.desk.order("a gift", STORE);
    story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
    story.poll().await?;
    let job = parked(&story)?.id;
    story.operator().release(&job, "ann", HoldReason::Unmatched).await?;
    story.pass(SignedDuration::from_hours(2)).await?;
    let job = parked(&story)?;
    assert_eq!(job.closed, Some(Closing::LeftAside { by: "ann".to_owned() }));
    assert!(job.finished(), "{job:?}");
    assert_eq!(story.world.asked_netsuite("transform"), 0);
    Ok(())
}

/// P42: a number that two of our stores have is a person's to decide; a store that is not ours is left alone.
#[tokio::test]
async fn a_number_of_two_stores_is_held_and_foreign_stores_are_left_alone() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    story.desk.books().numbers_repeat = true;
    story.policy(|policy| policy.stores = vec![STORE.to_owned(), "shop".to_owned()]);
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let (now, goods) = (story.world.now(), [(light.as_str(), dec!(2))]);
    let foreign = story.desk.order(&at_desk.number, "elsewhere");
    story.desk.label(&foreign, "1Z0001", &goods, now);
    let report = story.poll().await?;
    assert_eq!((report.seen, report.admitted, report.parked), (1, 0, 0));
    story.desk.label(&at_desk, "1Z0002", &goods, now);
    let report = story.poll().await?;
    assert_eq!(
        (report.admitted, report.parked),
        (1, 0),
        "the foreign store does not count"
    );

    story.desk.order(&at_desk.number, "shop");
    story.desk.label(&at_desk, "1Z0003", &goods, now);
    let report = story.poll().await?;
    assert_eq!((report.admitted, report.parked), (0, 1));
    let (_, message) = held(&parked(&story)?)?;
    assert!(
        message.contains("several stores") && message.contains("shop, web"),
        "{message}"
    );
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
    Ok(())
}

/// P42: what is shipped for an order that is closed, cancelled or fulfilled by hand is held in words that say what to do, and goods
/// that the order does not have by their SKU.
#[tokio::test]
async fn what_an_order_does_not_take_is_held_in_words() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (light, _) = skus(&story)?;
    let goods = [(light.as_str(), dec!(2))];
    let now = story.world.now();
    let (closed, at_closed) = ordered(&story)?;
    story.world.person(|account, now| account.close(closed, now))?;
    let (cancelled, at_cancelled) = ordered(&story)?;
    story.world.person(|account, now| account.cancel(cancelled, now))?;
    let (by_hand, at_by_hand) = ordered(&story)?;
    story
        .world
        .person(|account, now| account.fulfil_by_hand(by_hand, Some("1ZHAND"), now))?;
    let (other, at_other) = ordered(&story)?;
    let expected = [
        (&at_closed, "closed"),
        (&at_cancelled, "cancelled"),
        (&at_by_hand, "as fulfilled already"),
    ];
    let mut labels: Vec<(DespatchId, &str)> = Vec::new();
    for (index, (at_desk, words)) in expected.into_iter().enumerate() {
        let tracking = format!("1Z000{index}");
        labels.push((story.desk.label(at_desk, &tracking, &goods, now), words));
    }
    labels.push((
        story.desk.label(&at_other, "1Z0009", &[("BUNDLE-1", dec!(1))], now),
        "BUNDLE-1",
    ));
    story.poll().await?;
    story.work().await?;
    for (label, words) in &labels {
        let parked = story.parked();
        let job = parked.iter().find(|job| job.document.id == label.as_str());
        let (reason, message) = held(job.ok_or("it is not parked")?)?;
        assert_eq!(reason, HoldReason::Unmatched);
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(story.world.asked_netsuite("transform"), 0);
    assert!(story.world.jobs(other).is_empty());
    // The closed order is opened again.
    story.world.person(|account, now| account.reopen(closed, now))?;
    story.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(story.world.page(closed)?.fulfilments.len(), 1);
    assert_eq!(story.world.page(by_hand)?.fulfilments.len(), 1, "by hand only");
    Ok(())
}

/// P42: one despatch that the ERP refuses to be asked for keeps no other one waiting.
#[tokio::test]
async fn one_that_nobody_can_be_asked_for_does_not_stop_the_others() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let (now, goods) = (story.world.now(), [(light.as_str(), dec!(2))]);
    let unaskable = story.desk.order(UNASKABLE, STORE);
    story.desk.label(&unaskable, "1Z0001", &goods, now);
    story.desk.label(&at_desk, "1Z0002", &goods, now);
    let report = story.poll().await?;
    assert_eq!((report.admitted, report.parked, report.complete), (1, 1, true));
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
    let (_, message) = held(&parked(&story)?)?;
    assert!(message.contains("no such search"), "{message}");
    Ok(())
}

/// P43: what does not say what is in it is the whole order where it can be nothing else, and a person's otherwise.
#[tokio::test]
async fn what_does_not_say_its_contents_is_never_guessed() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let ((whole, at_whole), (part, at_part)) = (ordered(&story)?, ordered(&story)?);
    let now = story.world.now();
    story.desk.ship("fulfilment", &at_whole, "1Z0001", None, now);
    story.desk.ship("fulfilment", &at_part, "1Z0002", None, now);
    story.desk.ship("fulfilment", &at_part, "1Z0003", None, now);
    story.pass(A_WHILE).await?;
    assert_eq!(
        fulfilled(&story, whole)?,
        [(dec!(10), dec!(5), vec!["1Z0001".to_owned()])]
    );
    assert_eq!(story.world.page(part)?.fulfilments.len(), 0);
    assert_eq!(story.parked().len(), 2);
    let (_, message) = held(&story.parked()[0])?;
    assert!(message.contains("does not say what is in it"), "{message}");
    Ok(())
}

/// P52: an order of a connection whose people ship themselves is never bought for, whatever asks for it.
#[tokio::test]
async fn nothing_is_bought_for_people_who_ship_themselves() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let connection = CONNECTION.parse()?;
    story.pass(A_WHILE).await?;
    let asked = story.poller().admit_number(&connection, &at_desk.number, "ann").await?;
    assert!(asked.stopped.is_some_and(|why| why.contains("people ship")), "by hand");
    let document = waybill::domain::DocumentId::sales_order(order.to_string());
    let told = story.poller().admit_document(&connection, &document).await?;
    assert!(told.stopped.is_some(), "by an event of the ERP");
    assert!(story.world.jobs(order).is_empty());
    let (light, _) = skus(&story)?;
    story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
    story.pass(A_WHILE).await?;
    let job = story.world.job(order)?;
    assert!(matches!(job.quote, Step::NotNeeded(_)) && job.attempts == 0);
    assert_eq!(story.desk.books().asked_to_ship, 0);
    assert_eq!(story.world.asked_ups("ship"), 0);
    Ok(())
}

/// What was made before the connection's beginning, or while it is paused, is left alone; the latter is found once it goes on.
#[tokio::test]
async fn a_pause_loses_nothing_and_old_parcels_stay_old() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let ((old, at_old), (new, at_new)) = (ordered(&story)?, ordered(&story)?);
    let (light, _) = skus(&story)?;
    let goods = [(light.as_str(), dec!(2))];
    let before = story.world.now() - SignedDuration::from_hours(48);
    let ancient = story.desk.label(&at_old, "1Z0001", &goods, before);
    story.follow(&ancient).await?;
    story.world.configure(|connection| connection.paused = true);
    let label = story.desk.label(&at_new, "1Z0002", &goods, story.world.now());
    story.webhook(&label).await?;
    story.pass(SignedDuration::from_hours(2)).await?;
    assert!(story.world.jobs(new).is_empty());
    story.world.configure(|connection| connection.paused = false);
    story.pass(A_WHILE).await?;
    assert_eq!(story.world.page(new)?.fulfilments.len(), 1);
    assert!(story.world.jobs(old).is_empty() && story.parked().is_empty());
    Ok(())
}

/// P42: what people shipped is written as they shipped it, although the order was changed before it was written.
#[tokio::test]
async fn what_people_shipped_is_written_as_shipped() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let busy = FaultKind::Status {
        code: 429,
        retry_after: Some(60),
    };
    story.world.netsuite_fault(Fault::new("transform", busy).at_most(1));
    story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
    story.poll().await?;
    story.work().await?;
    assert!(fulfilled(&story, order)?.is_empty());
    let elsewhere = place("Hudson Supply Co", "233 S Wacker Dr", "Chicago", "IL", "60606", "US");
    story
        .world
        .person(|account, now| account.edit_address(order, elsewhere, now))?;
    story.pass(A_WHILE).await?;
    assert_eq!(
        fulfilled(&story, order)?,
        [(dec!(2), dec!(0), vec!["1Z0001".to_owned()])]
    );
    Ok(())
}

// ---- voids -------------------------------------------------------------------------------------------------------

/// P43: a label that is voided at the desk after the ERP was told is flagged there, until nobody shows it any more; its goods may
/// ship anew.
#[tokio::test]
async fn a_void_is_flagged_until_the_erp_shows_it_no_more() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, heavy) = skus(&story)?;
    let goods = [(light.as_str(), dec!(10)), (heavy.as_str(), dec!(5))];
    let label = story.desk.label(&at_desk, "1Z0001", &goods, story.world.now());
    story.pass(A_WHILE).await?;
    let made = story.world.page(order)?.fulfilments[0].id;
    // The list of what was made does not reach back so far any more.
    story.pass(SignedDuration::from_hours(1)).await?;
    story.desk.void(&label);
    story.pass(A_WHILE).await?;
    let (reason, message) = held(&story.world.job(order)?)?;
    assert_eq!(reason, HoldReason::VoidStillShown);
    assert_eq!(story.world.field(order, "problem")?, message);
    assert!(matches!(&story.world.job(order)?.closed, Some(Closing::Voided { by }) if by == "shipstation"));
    assert_eq!(story.world.page(order)?.fulfilments.len(), 1, "nobody took it away");

    story
        .world
        .person(|account, now| account.delete_fulfilment(made, now))?;
    story.pass(SignedDuration::from_hours(1)).await?;
    assert!(story.world.job(order)?.finished());
    assert_eq!(story.world.field(order, "problem")?, "");
    // A label bought again is another despatch.
    story.desk.label(&at_desk, "1Z0002", &goods, story.world.now());
    story.pass(A_WHILE).await?;
    assert_eq!(
        fulfilled(&story, order)?,
        [(dec!(10), dec!(5), vec!["1Z0002".to_owned()])]
    );
    assert_eq!(story.world.jobs(order).len(), 2);
    Ok(())
}

/// P43: where the part of the order is void at the desk and its label is not, the parcel travels.
#[tokio::test]
async fn a_part_that_is_void_is_not_its_label() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let (now, goods) = (story.world.now(), [(light.as_str(), dec!(2))]);
    let label = story.desk.label(&at_desk, "1Z0001", &goods, now);
    let part = story.desk.fulfilment(&at_desk, "1Z0001", &goods, now);
    story.pass(A_WHILE).await?;
    story.desk.void(&part);
    story.pass(A_WHILE).await?;
    let job = story.world.job(order)?;
    assert!(job.closed.is_none() && job.void.is_none(), "{job:?}");
    story.desk.void(&label);
    story.pass(A_WHILE).await?;
    assert!(matches!(story.world.job(order)?.closed, Some(Closing::Voided { .. })));
    Ok(())
}

/// P43: or it is taken away again, by policy; what the ERP does not let us take away is held with its words.
#[tokio::test]
async fn a_void_is_undone_by_policy() -> Result<(), Failure> {
    for keeps in [None, Some("it is invoiced".to_owned())] {
        let story = DeskWorld::start().await?;
        story.policy(|policy| policy.voided = VoidedAtDesk::Undo);
        story.desk.books().keeps = keeps.clone();
        let (order, at_desk) = ordered(&story)?;
        let (light, _) = skus(&story)?;
        let label = story
            .desk
            .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
        story.pass(A_WHILE).await?;
        assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
        story.desk.void(&label);
        story.webhook(&label).await?;
        story.work().await?;
        let job = story.world.job(order)?;
        match &keeps {
            None => {
                assert_eq!(story.world.page(order)?.fulfilments.len(), 0);
                story.pass(A_WHILE).await?;
                assert!(story.world.job(order)?.finished(), "{job:?}");
                assert_eq!(story.world.field(order, "problem")?, "");
            }
            Some(words) => {
                let (reason, message) = held(&job)?;
                assert_eq!(reason, HoldReason::VoidStillShown);
                assert!(message.contains(words), "{message}");
                assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
            }
        }
        story.pass(SignedDuration::from_hours(2)).await?;
        let wishes = story.world.story(&job.id);
        let wished = wishes.iter().filter(|entry| entry.by == "shipstation").count();
        assert_eq!(wished, 1, "a void is told of once");
    }
    Ok(())
}

/// P43: a label that is void before the ERP was told of it never reaches it; one that is parked ends.
#[tokio::test]
async fn a_void_before_the_erp_heard_of_it_ends_it() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    let (now, goods) = (story.world.now(), [(light.as_str(), dec!(2))]);
    let never = story.desk.label(&at_desk, "1Z0001", &goods, now);
    story.desk.void(&never);
    let unmatched = story.desk.order("nowhere", STORE);
    let parked_label = story.desk.label(&unmatched, "1Z0002", &goods, now);
    // This one is admitted, and void before it is written.
    let busy = FaultKind::Status {
        code: 429,
        retry_after: Some(600),
    };
    story.world.netsuite_fault(Fault::new("transform", busy).at_most(1));
    let quick = story.desk.label(&at_desk, "1Z0003", &goods, now);
    story.poll().await?;
    story.work().await?;
    story.desk.void(&parked_label);
    story.desk.void(&quick);
    story.pass(SignedDuration::from_hours(1)).await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 0);
    let job = story.world.job(order)?;
    assert!(
        job.finished() && matches!(job.closed, Some(Closing::Voided { .. })),
        "{job:?}"
    );
    let job = parked(&story)?;
    assert!(
        job.finished() && matches!(job.closed, Some(Closing::Voided { .. })),
        "{job:?}"
    );
    Ok(())
}

/// Has something happen just before a call of the store, once.
struct Between<F> {
    call: &'static str,
    happens: Mutex<Option<F>>,
}

#[async_trait]
impl<F: Future<Output = Result<(), Failure>> + Send> Switch for Between<F> {
    async fn before(&self, call: &'static str) -> Fate {
        let happens = self.happens.lock().ok().filter(|_| call == self.call);
        let happens = happens.and_then(|mut happens| happens.take());
        if let Some(happens) = happens {
            let happened = happens.await;
            assert!(happened.is_ok(), "{happened:?}");
        }
        Fate::Work
    }
}

fn before<F>(call: &'static str, happens: F) -> Arc<dyn Switch>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let happens = Mutex::new(Some(happens));
    Arc::new(Between { call, happens })
}

/// P43: a label is voided while its parked job is being matched: whichever of the two is stored first, the order's job hears of it.
#[tokio::test]
async fn a_void_that_meets_a_matching_is_not_lost() -> Result<(), Failure> {
    for void_first in [true, false] {
        let story = Arc::new(DeskWorld::start().await?);
        let (order, _) = ordered(&story)?;
        let (light, _) = skus(&story)?;
        let at_desk = story.desk.order("by telephone", STORE);
        let label = story
            .desk
            .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
        story.poll().await?;
        let job = parked(&story)?.id;
        let (other, number, desk) = (story.clone(), number(&story, order)?, story.desk.clone());
        let id = CONNECTION.parse()?;
        if void_first {
            story.world.person(|account, now| {
                account.change_order(order, now, |order| order.tran_id = "by telephone".to_owned())
            })?;
            story.world.turn(SignedDuration::from_hours(1));
            let meanwhile = before("admit", async move {
                desk.void(&label);
                other.poll().await.map(|_| ())
            });
            let store = story.world.store.behind(meanwhile);
            story.worker_over(&store).run(&job).await?;
        } else {
            let seen = label.clone();
            story.desk.void(&label);
            let meanwhile = before("save", async move {
                // Whoever matches it has read it a moment before.
                desk.change(&seen, |label| label.standing = DespatchStanding::Shipped);
                other.operator().resolve_order(&job, "ann", &number).await?;
                desk.void(&seen);
                Ok(())
            });
            let store = story.world.store.behind(meanwhile);
            story
                .poller_over(&store)
                .follow(&id, label.as_str(), story.world.now() + A_WHILE)
                .await?;
        }
        story.pass(SignedDuration::from_hours(1)).await?;
        let job = story.world.job(order)?;
        assert!(
            matches!(job.closed, Some(Closing::Voided { .. })),
            "void first: {void_first}: {job:?}"
        );
    }
    Ok(())
}

// ---- crashes, replay, reconciliation -----------------------------------------------------------------------------

/// P51: the write to NetSuite dies after it took effect; replayed as often as anybody likes there is one fulfilment.
#[tokio::test]
async fn a_killed_write_is_replayed_to_one_fulfilment() -> Result<(), Failure> {
    for fault in [FaultKind::DropAfter, FaultKind::DropBefore] {
        let story = DeskWorld::start().await?;
        let (order, at_desk) = ordered(&story)?;
        let (light, _) = skus(&story)?;
        story
            .world
            .netsuite_fault(Fault::new("transform", fault.clone()).at_most(1));
        story
            .desk
            .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
        story.poll().await?;
        story.work().await?;
        let job = story.world.job(order)?.id;
        for _ in 0..3 {
            story.operator().replay(&job, "ann").await?;
            story.work().await?;
        }
        story.pass(SignedDuration::from_hours(2)).await?;
        assert_eq!(story.world.page(order)?.fulfilments.len(), 1, "{fault:?}");
        assert!(story.world.job(order)?.finished());
        assert!(story.world.netsuite.books().duplicates.is_empty());
    }
    Ok(())
}

/// P51: a unit whose message is lost between its admission and the queue is found by the sweeper.
#[tokio::test]
async fn a_lost_message_costs_time_only() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    story
        .desk
        .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
    story.poll().await?;
    story.world.store.tables().queue.clear();
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 0);
    story.sweeper().run().await?;
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
    Ok(())
}

/// P41: what neither a webhook nor a poll brought the reconciliation finds, takes in and names; the order book of the ERP is
/// nothing that waits to be shipped.
#[tokio::test]
async fn the_reconciliation_takes_in_what_nobody_told_of() -> Result<(), Failure> {
    let story = DeskWorld::start().await?;
    let (order, at_desk) = ordered(&story)?;
    let (light, _) = skus(&story)?;
    story.pass(SignedDuration::from_hours(3)).await?;
    // It appears late, with an old date: behind the poll's back.
    let made = story.world.now() - SignedDuration::from_hours(2);
    let label = story.desk.label(&at_desk, "1Z0001", &[(&light, dec!(2))], made);
    story.pass(SignedDuration::from_hours(1)).await?;
    assert!(story.world.jobs(order).is_empty());

    let id = CONNECTION.parse()?;
    let deadline = story.world.now() + SignedDuration::from_hours(1);
    let report = story.reconciler().run(&id, deadline).await?;
    assert!(report.complete, "{report:?}");
    assert_eq!(report.gaps, 1, "{report:?}");
    let gaps: Vec<_> = story
        .world
        .store
        .tables()
        .reconciled
        .gaps
        .values()
        .flatten()
        .cloned()
        .collect();
    assert_eq!(gaps[0].kind, GapKind::NotAdmitted);
    assert!(gaps[0].reason.contains(label.as_str()), "{}", gaps[0].reason);
    story.work().await?;
    assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
    let again = story.reconciler().run(&id, deadline).await?;
    assert_eq!(again.gaps, 0, "{again:?}");
    Ok(())
}

/// Parcels of a desk that tells how they fare are followed like all others; those of one that does not are nobody's burden.
#[tokio::test]
async fn parcels_are_followed_where_the_desk_tells_how_they_fare() -> Result<(), Failure> {
    for tells in [true, false] {
        let story = DeskWorld::start().await?;
        story.desk.books().tells_deliveries = tells;
        let (order, at_desk) = ordered(&story)?;
        let (light, _) = skus(&story)?;
        story
            .desk
            .label(&at_desk, "1Z0001", &[(&light, dec!(2))], story.world.now());
        story.pass(A_WHILE).await?;
        assert_eq!(story.world.page(order)?.fulfilments.len(), 1);
        assert_eq!(story.world.parcels(order).len(), usize::from(tells));
    }
    Ok(())
}
