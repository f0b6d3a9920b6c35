//! Stock goes out: what lies where, as the ERP counts it, is shown by the desk, whatever happens in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tests::desk::{DeskWorld, Ending, Invoked};
use tests::world::Failure;
use waybill::domain::{ConnectionId, DocumentId, LevelKey, Refusal, SentLevel, StockRun, ToldGoods};
use waybill::flows::stock::Stock;
use waybill::ports::{Clock, CustomersRun, DeskStory, DeskWrite, StockBooks, StockMessage, StoreError};

/// So many items in the two places that the connection names.
fn fill(world: &DeskWorld, items: u64) {
    for item in 1..=items {
        for location in [1, 2] {
            world
                .erp
                .has(item, location, &format!("SKU-{item}"), item % 90 + location);
        }
    }
}

/// P44: of 50,000 levels every one is told once, then only those that have changed, and then none.
#[tokio::test]
async fn of_fifty_thousand_levels_only_changes_are_told() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 25_000);
    world.erp.has(7, 9, "SKU-7", 3);
    let first = world.tell_stock().await?;
    assert_eq!((first.read, first.told, first.elsewhere), (50_001, 50_000, 1));
    assert_eq!(world.desk.set_since(), 50_000);
    assert!(world.differences().is_empty());

    for item in (1..25_000).step_by(180) {
        world.erp.has(item, 2, &format!("SKU-{item}"), 1_000);
    }
    let second = world.tell_stock().await?;
    assert_eq!(
        (second.round.number, second.read, second.changed, second.told),
        (2, 50_001, 139, 139)
    );
    assert_eq!(world.desk.set_since(), 139);
    assert!(world.differences().is_empty());

    let third = world.tell_stock().await?;
    assert_eq!((third.read, third.changed, world.desk.set_since()), (50_001, 0, 0));
    assert_eq!(world.erp.writes.load(Ordering::Relaxed), 0);
    Ok(())
}

/// P44: a kill in the middle of 50,000 levels, and another, and a third: the run goes on without a gap, and little is told twice.
#[tokio::test]
async fn a_kill_in_the_middle_of_fifty_thousand_levels_leaves_no_gap() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 25_000);
    world.tell_stock().await?;
    world.desk.set_since();
    for item in (1..25_000).step_by(25) {
        world.erp.has(item, 1, &format!("SKU-{item}"), 2_000);
    }
    world.stock().begin(&world.id()?, false).await?;
    let mut kills = 0;
    for (step, ending) in [
        (9, Ending::Before),
        (130, Ending::After),
        (401, Ending::AnswerLost),
        (77, Ending::After),
    ] {
        world.steps.end_at(step, ending);
        for _ in 0..40 {
            match world.invoke().await? {
                Some(Invoked::Done) => {}
                Some(_) => {
                    kills += 1;
                    break;
                }
                None => world.clock.turn(SignedDuration::from_secs(30)),
            }
        }
    }
    world.steps.be_fine();
    world.work().await?;
    let run = world.stock_run().await?;
    assert!(kills >= 3, "{kills}");
    assert!(run.round.is_complete() && run.round.number == 2);
    assert_eq!((run.read, run.changed, run.told), (50_000, 1_000, 1_000));
    assert!(world.differences().is_empty(), "{:?}", world.differences());
    let set = world.desk.set_since();
    assert!(
        (1_000..1_100).contains(&set),
        "{set} levels were told for 1,000 that changed"
    );
    Ok(())
}

/// A world whose desk was told of everything, and an ERP in which since then all kinds of things have changed.
async fn changed_world() -> Result<DeskWorld, Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 30);
    world.erp.has(31, 1, "GONE", 8);
    world.erp.has(32, 1, "OLD", 9);
    world.erp.has(33, 1, "X", 11);
    world.erp.has(34, 1, "Y", 12);
    world.tell_stock().await?;
    world.desk.set_since();
    for item in 1..=25 {
        world.erp.has(item, 1, &format!("SKU-{item}"), 500 + item);
    }
    world.erp.drop_level(31, 1);
    world.erp.has(32, 1, "NEW", 9);
    world.erp.has(33, 1, "Y", 11);
    world.erp.has(34, 1, "X", 12);
    world.stock().begin(&world.id()?, false).await?;
    Ok(world)
}

/// P44: wherever a worker dies, before or after what it does or without hearing of it, between a telling and its keeping as well:
/// the run ends without a gap, and what the desk shows is right in the end, also where the ERP went back meanwhile to what the desk
/// was told before.
#[tokio::test]
async fn crash_wherever_a_worker_dies_the_desk_shows_what_the_erp_counts() -> Result<(), Failure> {
    let fine = changed_world().await?;
    fine.steps.end_at(u64::MAX, Ending::Before);
    fine.work().await?;
    let steps = fine.steps.count();
    assert!(steps > 35, "{steps}");
    assert!(fine.differences().is_empty(), "{:?}", fine.differences());
    for ending in [Ending::Before, Ending::After, Ending::AnswerLost] {
        for step in 0..steps {
            for goes_back in [false, true] {
                let world = changed_world().await?;
                world.steps.end_at(step, ending);
                world.invoke().await?;
                world.steps.be_fine();
                if goes_back {
                    fill(&world, 25);
                    world.erp.has(32, 1, "OLD", 9);
                    world.erp.has(33, 1, "X", 11);
                    world.erp.has(34, 1, "Y", 12);
                }
                world.work().await?;
                let run = world.stock_run().await?;
                let story = format!("{ending:?} at step {step}, back: {goes_back}");
                assert!(run.round.is_complete() && run.round.number == 2, "{story}: {run:?}");
                if !goes_back {
                    assert!(world.differences().is_empty(), "{story}: {:?}", world.differences());
                }
                let next = world.tell_stock().await?;
                assert!(next.round.is_complete() && next.round.number == 3, "{story}");
                assert!(world.differences().is_empty(), "{story}: {:?}", world.differences());
            }
        }
    }
    Ok(())
}

/// Two workers on one run: one goes on, the other stops, and nothing is told twice.
#[tokio::test]
async fn of_two_workers_on_one_run_one_goes_on() -> Result<(), Failure> {
    let world = changed_world().await?;
    let (one, other, id) = (world.stock(), world.stock(), world.id()?);
    let deadline = world.clock.now() + SignedDuration::from_secs(120);
    let (first, second) = tokio::join!(one.go_on(&id, deadline), other.go_on(&id, deadline));
    first?;
    second?;
    let told = world.desk.set_since();
    world.work().await?;
    assert!(world.stock_run().await?.round.is_complete() && world.differences().is_empty());
    let all = told + world.desk.set_since();
    assert_eq!(
        all,
        25 + 1 + 2 + 2,
        "as many as changed, one gone, one with another name, two that exchanged theirs"
    );
    Ok(())
}

/// Near the limit nothing sleeps: the run says why it waits, and goes on when the desk's hint says so.
#[tokio::test]
async fn near_the_limit_the_run_waits_in_the_queue() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(50)?;
    fill(&world, 60);
    world.stock().begin(&world.id()?, false).await?;
    world.invoke().await?;
    let run = world.stock_run().await?;
    assert_eq!(run.round.stopped.as_deref(), Some("the desk's limit of calls is near"));
    let waits = run
        .round
        .waits_until
        .map(|until| until.duration_since(world.clock.now()));
    assert!(
        waits.is_some_and(|waits| waits < SignedDuration::from_secs(60)),
        "{waits:?}"
    );
    assert!(world.store.receive_stock().is_none(), "not before the hint says so");
    assert_eq!(world.desk.set_since(), 50);
    world.work().await?;
    assert!(world.differences().is_empty());
    let run = world.stock_run().await?;
    assert_eq!((run.told, world.desk.set_since(), run.round.stopped), (120, 70, None));
    Ok(())
}

/// P44: a SKU that the desk does not know is reported once, with its place, and tried again when it changed, the next day, or when
/// somebody asks for all.
#[tokio::test]
async fn an_unknown_sku_is_reported_and_not_asked_for_every_day() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 10);
    world.desk.knows("SKU-4", false);
    let run = world.tell_stock().await?;
    assert_eq!((run.changed, run.told, run.unplaced_in_all), (20, 18, 2));
    let named: Vec<(&str, &str)> = run
        .unplaced
        .iter()
        .map(|one| (one.sku.as_str(), one.location.as_str()))
        .collect();
    assert_eq!(named, [("SKU-4", "1"), ("SKU-4", "2")]);
    assert!(run.unplaced[0].why.contains("unknown-sku"), "{:?}", run.unplaced);
    world.desk.set_since();

    world.clock.turn(SignedDuration::from_hours(6));
    let run = world.tell_stock().await?;
    assert_eq!(
        (world.desk.set_since(), run.changed, run.unplaced_in_all),
        (0, 0, 2),
        "it is known, and still told of"
    );

    world.erp.has(4, 1, "SKU-4", 77);
    world.tell_stock().await?;
    assert_eq!(world.desk.set_since(), 1, "it changed");

    world.desk.knows("SKU-4", true);
    world.clock.turn(SignedDuration::from_hours(17));
    world.tell_stock().await?;
    assert_eq!(
        world.desk.set_since(),
        1,
        "a day has passed for the one that did not change"
    );
    world.stock().begin(&world.id()?, true).await?;
    world.work().await?;
    assert_eq!(world.desk.set_since(), 20, "all of it was asked for");
    assert!(world.differences().is_empty());
    Ok(())
}

/// What somebody changed at the desk by hand is put right by a run of everything, and by no other.
#[tokio::test]
async fn a_run_of_everything_puts_right_what_was_recounted_at_the_desk() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 30);
    world.tell_stock().await?;
    world.desk.recount("SKU-3", "P1", 999);
    world.tell_stock().await?;
    assert_eq!(world.differences().len(), 1);
    world.desk.set_since();
    world.stock().begin(&world.id()?, true).await?;
    // It dies on its way: what it told in this run is not told a third time.
    world.steps.end_at(40, Ending::After);
    world.work().await?;
    assert!(world.differences().is_empty());
    let set = world.desk.set_since();
    assert!((60..=84).contains(&set), "{set}");
    Ok(())
}

/// A plan without inventory ends the run with words, and nothing is remembered as refused.
#[tokio::test]
async fn a_desk_without_inventory_ends_the_run_with_words() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 30);
    world.desk.has_no_inventory(true);
    let run = world.tell_stock().await?;
    assert!(!run.round.is_under_way() && !run.round.is_complete());
    assert!(run.round.stopped.is_some_and(|why| why.contains("no inventory")));
    assert!(world.desk.set_since() <= 4, "not every level is tried");
    world.desk.has_no_inventory(false);
    let run = world.tell_stock().await?;
    assert_eq!((run.round.number, run.told), (2, 60));
    assert!(world.differences().is_empty());

    world.erp.refuse(Some(Refusal::new(
        "INVALID_PARAMETER",
        "the condition names no field of an item",
    )));
    let run = world.tell_stock().await?;
    assert!(run.round.stopped.is_some_and(|why| why.contains("names no field")));
    Ok(())
}

/// P44: what a worker was telling when it died is not forgotten where the run is given up after that.
#[tokio::test]
async fn what_was_in_doubt_when_a_run_was_given_up_is_told_by_the_next() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 3);
    world.tell_stock().await?;
    world.erp.has(2, 1, "SKU-2", 900);
    world.stock().begin(&world.id()?, false).await?;
    // The run is read and taken, the page's books are read, the intent is written: then the desk is told.
    world.steps.end_at(4, Ending::After);
    assert_eq!(world.invoke().await?, Some(Invoked::Died));
    assert_eq!(world.differences(), Vec::<String>::new(), "the desk has heard of it");
    fill(&world, 3);
    world.erp.refuse(Some(Refusal::new(
        "INSUFFICIENT_PERMISSION",
        "the role may not see items",
    )));
    world.work().await?;
    assert!(world.stock_run().await?.round.stopped.is_some());
    world.erp.refuse(None);
    let run = world.tell_stock().await?;
    assert_eq!((run.round.number, run.told), (3, 1));
    assert!(world.differences().is_empty(), "{:?}", world.differences());
    Ok(())
}

/// An ERP that lists nothing at all does not empty the desk, unless somebody says that it is so.
#[tokio::test]
async fn an_erp_that_lists_nothing_does_not_empty_the_desk() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 5);
    world.tell_stock().await?;
    world.desk.set_since();
    world.erp.list_nothing();
    let run = world.tell_stock().await?;
    assert!(run.round.stopped.is_some_and(|why| why.contains("--all")));
    assert_eq!(world.desk.set_since(), 0);
    world.stock().begin(&world.id()?, true).await?;
    world.work().await?;
    assert_eq!(world.desk.set_since(), 10);
    assert!(world.differences().is_empty());
    Ok(())
}

/// P44: a place that the ERP lists no more is not emptied at the desk, unless somebody says that it is so.
#[tokio::test]
async fn a_place_that_the_erp_lists_no_more_is_not_emptied() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 30);
    world.tell_stock().await?;
    world.desk.set_since();
    for item in 1..=30 {
        world.erp.drop_level(item, 2);
    }
    let run = world.tell_stock().await?;
    let why = run.round.stopped.unwrap_or_default();
    assert!(why.contains("location 2") && why.contains("--all"), "{why}");
    assert_eq!(world.desk.set_since(), 0);
    world.stock().begin(&world.id()?, true).await?;
    world.work().await?;
    assert!(world.differences().is_empty(), "{:?}", world.differences());
    Ok(())
}

/// P46: a tick while a run is under way begins no second one; a run whose message was lost is taken up after two hours.
#[tokio::test]
async fn a_tick_goes_on_with_a_run_that_stands_still() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(20)?;
    fill(&world, 30);
    let id = world.id()?;
    assert!(world.stock().begin(&id, false).await?.new);
    world.invoke().await?;
    world.store.tables().desks.queue.clear();
    for hour in 1..=3 {
        let begun = world.stock().begin(&id, false).await?;
        assert_eq!(
            (begun.run, begun.new, begun.queued),
            (1, false, hour == 3),
            "after {} hours",
            hour - 1
        );
        world
            .clock
            .turn(SignedDuration::from_hours(1) + SignedDuration::from_secs(1));
    }
    world.work().await?;
    assert!(world.stock_run().await?.round.is_complete() && world.differences().is_empty());
    Ok(())
}

/// A begin whose message could not be sent is made good by the scheduler's second try.
#[tokio::test]
async fn a_run_whose_first_message_was_lost_is_queued_by_the_next_try() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 3);
    let id = world.id()?;
    world.steps.end_at(2, Ending::AnswerLost);
    assert!(
        world.stock().begin(&id, false).await.is_err(),
        "the answer to the sending was lost"
    );
    world.store.tables().desks.queue.clear();
    let begun = world.stock().begin(&id, false).await?;
    assert_eq!((begun.run, begun.new, begun.queued), (1, false, true));
    world.work().await?;
    assert!(world.differences().is_empty());
    Ok(())
}

/// Paused in the middle: nothing is told; resumed, the next tick goes on at once where the run was.
#[tokio::test]
async fn a_paused_connection_tells_nothing_and_goes_on_where_it_was() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(40)?;
    fill(&world, 30);
    let id = world.id()?;
    world.stock().begin(&id, false).await?;
    world.invoke().await?;
    world.configure(|connection| connection.paused = true);
    world.work().await?;
    let run = world.stock_run().await?;
    assert!(run.round.stopped.is_some_and(|why| why.contains("connection resume")));
    assert_eq!(world.desk.set_since(), 40);
    assert!(world.stock().begin(&id, false).await?.stopped.is_some());
    world.configure(|connection| connection.paused = false);
    assert!(world.stock().begin(&id, false).await?.queued);
    world.work().await?;
    assert_eq!((world.stock_run().await?.round.number, world.desk.set_since()), (1, 20));
    assert!(world.differences().is_empty());
    Ok(())
}

/// Two locations that share a place would overwrite each other: nothing is told, and somebody is told why.
#[tokio::test]
async fn two_locations_in_one_place_are_refused_in_words() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 3);
    world.configure(|connection| {
        for place in connection.stock.iter_mut().flat_map(|stock| stock.places.values_mut()) {
            *place = "P1".to_owned();
        }
    });
    let begun = world.stock().begin(&world.id()?, false).await?;
    assert!(begun.stopped.is_some_and(|why| why.contains("P1")));
    assert_eq!(world.store.receive_stock(), None);
    Ok(())
}

/// Two places that are exchanged in the connection's file are told anew, without a moment in which one of them stays empty.
#[tokio::test]
async fn places_that_are_exchanged_are_told_anew() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 40);
    world.tell_stock().await?;
    world.desk.set_since();
    world.configure(|connection| {
        for (location, place) in connection.stock.iter_mut().flat_map(|stock| &mut stock.places) {
            *place = if location.as_str() == "1" { "P2" } else { "P1" }.to_owned();
        }
    });
    let run = world.tell_stock().await?;
    assert_eq!((run.told, world.desk.set_since()), (80, 80));
    let shown = world.desk.shows();
    for item in 1..=40_u64 {
        let at = |place: &str| shown.get(&(format!("SKU-{item}"), place.to_owned())).copied();
        let quantity = |location: u64| Some(Decimal::from(item % 90 + location));
        assert_eq!((at("P2"), at("P1")), (quantity(1), quantity(2)), "SKU-{item}");
    }
    Ok(())
}

/// A SKU that another item, read earlier, has taken over is not emptied when the item that had it is gone, pages away.
#[tokio::test]
async fn a_sku_that_another_item_has_taken_over_is_not_emptied() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(10_000)?;
    fill(&world, 600);
    world.erp.has(900, 1, "WANDERS", 40);
    world.tell_stock().await?;
    world.erp.drop_level(900, 1);
    world.erp.has(3, 1, "WANDERS", 41);
    world.tell_stock().await?;
    assert!(world.differences().is_empty(), "{:?}", world.differences());
    Ok(())
}

/// Books whose index by SKU has not heard of anything yet.
struct Lagging(waybill::memory::Memory);

#[async_trait::async_trait]
impl StockBooks for Lagging {
    async fn stock_run(&self, id: &ConnectionId) -> Result<StockRun, StoreError> {
        self.0.stock_run(id).await
    }

    async fn write_stock_run(&self, id: &ConnectionId, run: &StockRun) -> Result<bool, StoreError> {
        self.0.write_stock_run(id, run).await
    }

    async fn sent(&self, id: &ConnectionId, from: &LevelKey, to: &LevelKey) -> Result<Vec<SentLevel>, StoreError> {
        self.0.sent(id, from, to).await
    }

    async fn sent_as(&self, _id: &ConnectionId, _sku: &str) -> Result<Vec<SentLevel>, StoreError> {
        Ok(Vec::new())
    }

    async fn keep_sent(&self, id: &ConnectionId, levels: &[SentLevel]) -> Result<(), StoreError> {
        self.0.keep_sent(id, levels).await
    }

    async fn customers_run(&self, id: &ConnectionId) -> Result<CustomersRun, StoreError> {
        self.0.customers_run(id).await
    }

    async fn write_customers_run(&self, id: &ConnectionId, run: &CustomersRun) -> Result<bool, StoreError> {
        self.0.write_customers_run(id, run).await
    }

    async fn told_goods(&self, id: &ConnectionId, order: &DocumentId) -> Result<ToldGoods, StoreError> {
        self.0.told_goods(id, order).await
    }

    async fn keep_told_goods(
        &self,
        id: &ConnectionId,
        order: &DocumentId,
        goods: &ToldGoods,
    ) -> Result<(), StoreError> {
        self.0.keep_told_goods(id, order, goods).await
    }

    async fn keep_story(&self, story: DeskStory<'_>, page: u64, writes: &[DeskWrite]) -> Result<(), StoreError> {
        self.0.keep_story(story, page, writes).await
    }

    async fn story(&self, story: DeskStory<'_>, pages: u16) -> Result<Vec<DeskWrite>, StoreError> {
        self.0.story(story, pages).await
    }
}

/// The same where the books do not find yet under what name the other item was told a moment ago.
#[tokio::test]
async fn a_sku_that_was_taken_over_a_moment_ago_is_not_emptied() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(10_000)?;
    fill(&world, 600);
    world.erp.has(900, 1, "WANDERS", 40);
    world.tell_stock().await?;
    world.erp.drop_level(900, 1);
    world.erp.has(3, 1, "WANDERS", 41);
    let (id, deadline) = (world.id()?, world.clock.now() + SignedDuration::from_mins(10));
    let stock = Stock {
        books: Arc::new(Lagging(world.store.clone())),
        ..world.stock()
    };
    stock.begin(&id, false).await?;
    stock.go_on(&id, deadline).await?;
    assert!(world.stock_run().await?.round.is_complete());
    assert!(world.differences().is_empty(), "{:?}", world.differences());
    Ok(())
}

/// The same where the invocation that told the other item has ended in between: that is known for a run, not for an invocation.
#[tokio::test]
async fn what_was_taken_over_is_known_in_the_next_invocation() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(10_000)?;
    fill(&world, 600);
    world.erp.has(900, 1, "WANDERS", 40);
    world.tell_stock().await?;
    world.erp.drop_level(900, 1);
    world.erp.has(3, 1, "WANDERS", 41);
    let (id, stock) = (
        world.id()?,
        Stock {
            books: Arc::new(Lagging(world.store.clone())),
            ..world.stock()
        },
    );
    stock.begin(&id, false).await?;
    let mut invocations = 0;
    while world.stock_run().await?.round.is_under_way() {
        // Room for little more than one page.
        let deadline = world.clock.now() + world.timing.call + SignedDuration::from_millis(100);
        stock.go_on(&id, deadline).await?;
        invocations += 1;
        assert!(invocations < 50, "there is no end to it");
    }
    assert!(invocations > 1);
    assert!(world.differences().is_empty(), "{:?}", world.differences());
    Ok(())
}

/// P44: two items that bear one SKU in one place are named wherever they are read, pages apart as well, and neither overwrites the
/// other; whichever comes to be alone is told.
#[tokio::test]
async fn two_items_of_one_sku_are_noticed_pages_apart() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(10_000)?;
    fill(&world, 600);
    world.erp.has(2, 1, "TWIN", 20);
    world.erp.has(900, 1, "TWIN", 90);
    let shown = |world: &DeskWorld| world.desk.shows().get(&("TWIN".to_owned(), "P1".to_owned())).copied();
    let named = |run: &StockRun| -> Vec<(String, bool)> {
        let about = |one: &waybill::domain::Unplaced| (one.sku.clone(), one.why.contains("item 2 has this SKU"));
        run.unplaced.iter().map(about).collect()
    };
    let run = world.tell_stock().await?;
    assert_eq!(named(&run), [("TWIN".to_owned(), true)]);
    assert_eq!(shown(&world), Some(20.into()));
    world.erp.has(900, 1, "TWIN", 91);
    let run = world.tell_stock().await?;
    assert_eq!((named(&run).len(), shown(&world)), (1, Some(20.into())));

    // One that is read before the one that the desk shows.
    world.erp.has(1, 1, "SKU-600", 7);
    let run = world.tell_stock().await?;
    assert!(
        run.unplaced
            .iter()
            .any(|one| one.sku == "SKU-600" && one.why.contains("item 600")),
        "{:?}",
        run.unplaced
    );
    assert_eq!(
        world
            .desk
            .shows()
            .get(&("SKU-600".to_owned(), "P1".to_owned()))
            .copied(),
        Some((600 % 90 + 1).into())
    );

    world.erp.has(2, 1, "SINGLE", 20);
    world.erp.has(1, 1, "SKU-1", 2);
    let run = world.tell_stock().await?;
    assert_eq!(run.unplaced_in_all, 0, "{:?}", run.unplaced);
    assert!(world.differences().is_empty(), "{:?}", world.differences());
    Ok(())
}

/// Telling of stock and of customers gives way to what ships.
#[tokio::test]
async fn whoever_tells_gives_way_to_what_ships() -> Result<(), Failure> {
    for stock in [true, false] {
        let world = DeskWorld::start()?;
        fill(&world, 1);
        if stock {
            world.tell_stock().await?;
        } else {
            world.tell_customers().await?;
        }
        assert!(world.desk.gave_way.load(Ordering::Relaxed), "stock: {stock}");
    }
    Ok(())
}

/// A run says who asked for it.
#[tokio::test]
async fn a_run_says_who_asked_for_it() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    fill(&world, 1);
    world.stock().begin_for(Some("ada"), &world.id()?, true).await?;
    world.work().await?;
    assert_eq!(world.stock_run().await?.round.by.as_deref(), Some("ada"));
    assert_eq!(world.tell_stock().await?.round.by, None);
    Ok(())
}

/// P53: what the desk shows is never older than the schedule's interval and the time that a run takes, and the run says how old it
/// had become at worst.
#[tokio::test]
async fn what_the_desk_shows_is_never_older_than_a_day_and_a_run() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    let day = SignedDuration::from_hours(24);
    let began = world.clock.now();
    let hour = |at: Timestamp| u64::try_from(at.duration_since(began).as_hours()).unwrap_or(0);
    for number in 0..4 {
        let tick = began + day * number;
        world.clock.set(tick.max(world.clock.now()));
        world.stock().begin(&world.id()?, false).await?;
        // Everything moves every hour: a quantity says in which hour it was counted.
        while world.stock_run().await?.round.is_under_way() {
            for item in 1..=1_500 {
                world.erp.has(item, 1, &format!("SKU-{item}"), hour(world.clock.now()));
            }
            if world.invoke().await?.is_none() {
                world.clock.turn(SignedDuration::from_secs(10));
            }
        }
        let run = world.stock_run().await?;
        let took = world.clock.now().duration_since(tick);
        assert!(took > SignedDuration::from_mins(5), "{took}");
        if number == 0 {
            assert_eq!(run.worst_age_seconds, None);
            continue;
        }
        let most = (day + took).as_secs();
        let worst = run.worst_age_seconds.and_then(|age| i64::try_from(age).ok());
        assert!(
            worst.is_some_and(|worst| worst > day.as_secs() && worst <= most),
            "{worst:?} against {most}"
        );
        let counted = world.desk.shows().into_values().min().unwrap_or_default();
        let oldest = Decimal::from(hour(tick));
        assert!(
            counted >= oldest,
            "something was counted in hour {counted}, before this run began in hour {oldest}"
        );
    }
    Ok(())
}

/// P52: orders go from the desk to the ERP and stock the other way: nothing of this writes to the ERP.
#[tokio::test]
async fn nothing_is_written_to_the_erp() -> Result<(), Failure> {
    let world = changed_world().await?;
    world
        .erp
        .enter(tests::desk::open_order("5012", "778", tests::morning()));
    world.tell_stock().await?;
    let run = world.tell_customers().await?;
    assert_eq!(run.made, 1);
    assert!(world.erp.reads.load(Ordering::Relaxed) > 2);
    assert_eq!(world.erp.writes.load(Ordering::Relaxed), 0);
    Ok(())
}

/// A message that is not ours goes to the dead letters with the reason; one of a connection that is gone is done with.
#[tokio::test]
async fn a_message_that_is_not_ours_is_put_aside() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    let deadline = world.clock.now() + SignedDuration::from_secs(120);
    world
        .outward()
        .deliver(r#"{"job":"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}"#, deadline)
        .await?;
    let letters = world.store.tables().dead_letters.clone();
    assert!(
        matches!(letters.as_slice(), [(_, reason)] if reason.contains("neither stock nor customers")),
        "{letters:?}"
    );
    for message in [
        StockMessage::Stock("gone".parse()?),
        StockMessage::Customers("gone".parse()?),
    ] {
        world
            .outward()
            .deliver(&serde_json::to_string(&message)?, deadline)
            .await?;
    }
    assert_eq!(world.store.stock_run(&"gone".parse()?).await?.round.version, 0);
    Ok(())
}
