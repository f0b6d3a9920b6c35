//! Customers go out: what the ERP knows of them stands on their open orders at the desk.

use jiff::SignedDuration;
use tests::desk::{DeskWorld, Ending, open_order};
use tests::morning;
use tests::world::Failure;
use waybill::ports::{Clock, StockBooks};

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// P45: open orders are made and changed at the desk with the customer's data, the accounts above it included; what has not changed
/// costs no call.
#[tokio::test]
async fn a_customer_that_changed_is_told_on_its_open_orders() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    for number in 1..=250 {
        world
            .erp
            .enter(open_order(&format!("{number:04}"), "778", morning() - hours(1)));
    }
    let run = world.tell_customers().await?;
    assert_eq!((run.read, run.made, world.desk.placed_since()), (250, 250, 250));
    let shown = world.desk.order("0007").ok_or("it is not there")?;
    assert_eq!(shown.customer.above, [("C-1".to_owned(), "Buyer Holding".to_owned())]);
    assert_eq!(
        shown.customer.fields.get("custom_field1").map(String::as_str),
        Some("C-1 Buyer Holding")
    );

    world.clock.turn(SignedDuration::from_mins(10));
    let run = world.tell_customers().await?;
    assert_eq!(
        (run.unchanged, world.desk.placed_since()),
        (run.read, 0),
        "nothing has changed"
    );

    world.clock.turn(hours(1));
    let changed = world.clock.now() - SignedDuration::from_mins(3);
    for number in [3, 9] {
        let mut order = open_order(&format!("{number:04}"), "778", changed);
        order.customer.phones = vec!["410-555-9999".to_owned()];
        order.customer.above = vec![("C-2".to_owned(), "Another Holding".to_owned())];
        world.erp.enter(order);
    }
    let run = world.tell_customers().await?;
    assert_eq!((run.changed, run.made, world.desk.placed_since()), (2, 0, 2));
    let shown = world.desk.order("0009").ok_or("it is not there")?;
    assert_eq!(
        (shown.customer.phones[0].as_str(), shown.customer.above[0].0.as_str()),
        ("410-555-9999", "C-2")
    );
    Ok(())
}

/// P45: where the connection makes no orders, only those that stand at the desk are changed.
#[tokio::test]
async fn a_connection_that_makes_no_orders_changes_those_that_are_there() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    world.erp.enter(open_order("1", "778", morning() - hours(1)));
    world.tell_customers().await?;
    world.configure(|connection| {
        if let Some(customers) = &mut connection.customers {
            customers.make_orders = false;
        }
    });
    world.clock.turn(hours(1));
    let mut order = open_order("1", "778", world.clock.now() - hours(1));
    order.customer.name = "Renamed LLC".to_owned();
    world.erp.enter(order);
    world.erp.enter(open_order("2", "778", world.clock.now() - hours(1)));
    let run = world.tell_customers().await?;
    assert_eq!((run.changed, run.made, run.absent), (1, 0, 1));
    assert!(world.desk.order("2").is_none());
    assert_eq!(
        world.desk.order("1").map(|order| order.customer.name).as_deref(),
        Some("Renamed LLC")
    );
    Ok(())
}

/// P45: an order that the desk refuses is named with the desk's words and stops no other; one that was shipped stays as it is.
#[tokio::test]
async fn an_order_that_is_refused_stops_no_other() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    for number in 1..=20 {
        let mut order = open_order(&format!("{number:02}"), "778", morning() - hours(1));
        if number == 5 {
            order.ship_to.lines.clear();
        }
        world.erp.enter(order);
    }
    world.desk.ship("07");
    let run = world.tell_customers().await?;
    assert_eq!((run.read, run.made, run.fixed, run.refused_in_all), (20, 18, 1, 1));
    assert_eq!(run.refused[0].number, "SO05");
    assert!(run.refused[0].why.contains("no street"), "{:?}", run.refused);
    world.desk.placed_since();
    world.erp.enter(open_order(
        "05",
        "778",
        world.clock.now() - SignedDuration::from_mins(1),
    ));
    let run = world.tell_customers().await?;
    assert_eq!(
        (run.made, run.refused_in_all, world.desk.placed_since()),
        (1, 0, 1),
        "mended, and told alone"
    );
    Ok(())
}

/// P45: an order that is refused, or is not at the desk yet, is tried by every run until it is settled, though the ERP changes nothing
/// of it any more.
#[tokio::test]
async fn what_could_not_be_settled_is_tried_again() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    let entered = morning() - hours(1);
    world.erp.enter(open_order("1", "778", entered));
    let mut broken = open_order("2", "778", entered);
    broken.ship_to.lines.clear();
    world.erp.enter(broken);
    for tries in 1..=3 {
        let run = world.tell_customers().await?;
        assert_eq!(
            (run.refused_in_all, world.desk.placed_since()),
            (1, if tries == 1 { 2 } else { 1 }),
            "{run:?}"
        );
        assert_eq!(run.refused[0].number, "SO2", "it is named every time");
        // Long after what a scan sees again.
        world.clock.turn(hours(24));
        world.erp.enter(open_order("3", "778", world.clock.now() - hours(1)));
        world.tell_customers().await?;
        world.desk.placed_since();
    }
    world.erp.enter(open_order("2", "778", entered));
    let run = world.tell_customers().await?;
    assert_eq!(
        (run.made, run.refused_in_all, run.unsettled.len()),
        (1, 0, 0),
        "{run:?}"
    );
    assert!(world.desk.order("2").is_some());

    // The shop brings an order of its own to the desk a day later.
    world.configure(|connection| {
        if let Some(customers) = &mut connection.customers {
            customers.make_orders = false;
        }
    });
    world.erp.enter(open_order("4", "778", world.clock.now() - hours(1)));
    assert_eq!(world.tell_customers().await?.absent, 1);
    world.clock.turn(hours(24));
    assert_eq!(world.tell_customers().await?.absent, 1, "it is looked for again");
    world.clock.turn(hours(72));
    world.tell_customers().await?;
    assert_eq!(world.tell_customers().await?.absent, 0, "and not for ever");
    Ok(())
}

/// Orders that cannot be told cost a reading for each page of them, and the run goes on behind them.
#[tokio::test]
async fn orders_that_cannot_be_told_are_passed_page_by_page() -> Result<(), Failure> {
    use std::sync::atomic::Ordering;
    let world = DeskWorld::start()?;
    for number in 1..=450 {
        let mut order = open_order(&format!("{number:04}"), "778", morning() - hours(1));
        order.lines.clear();
        world.erp.enter(order);
    }
    world.erp.enter(open_order("0451", "778", morning() - hours(1)));
    let run = world.tell_customers().await?;
    assert_eq!((run.read, run.made), (1, 1), "{run:?}");
    let reads = world.erp.reads.load(Ordering::Relaxed);
    assert_eq!(reads, 5, "pages of a hundred");
    Ok(())
}

/// What a run remembers of settled orders stays short while it is under way: it is one item of a table.
#[tokio::test]
async fn what_is_remembered_stays_short_during_a_scan() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(300)?;
    for number in 1..=600 {
        let modified = morning() - SignedDuration::from_mins(1_300 - 2 * number);
        world.erp.enter(open_order(&format!("{number:04}"), "778", modified));
    }
    world.customers().begin(&world.id()?, false).await?;
    world.invoke().await?;
    let run = world.store.customers_run(&world.id()?).await?;
    let scan = run.cursor.scan.as_ref().ok_or("no scan is under way")?;
    assert!(run.read >= 290, "{}", run.read);
    assert!(scan.settled.len() < 50, "{} are remembered", scan.settled.len());
    world.work().await?;
    let run = world.store.customers_run(&world.id()?).await?;
    assert_eq!((run.read, run.made), (600, 600));
    Ok(())
}

/// P45: wherever a worker dies, every order stands at the desk as the ERP has it in the end.
#[tokio::test]
async fn crash_wherever_a_worker_dies_every_order_is_told() -> Result<(), Failure> {
    let start = async || {
        let world = DeskWorld::start()?;
        for number in 1..=25 {
            world
                .erp
                .enter(open_order(&format!("{number:02}"), "778", morning() - hours(1)));
        }
        world.customers().begin(&world.id()?, false).await?;
        Ok::<DeskWorld, Failure>(world)
    };
    let fine = start().await?;
    fine.steps.end_at(u64::MAX, Ending::Before);
    fine.work().await?;
    let steps = fine.steps.count();
    assert!(steps > 25, "{steps}");
    for ending in [Ending::Before, Ending::After, Ending::AnswerLost] {
        for step in 0..steps {
            let world = start().await?;
            world.steps.end_at(step, ending);
            world.invoke().await?;
            world.steps.be_fine();
            let mut order = open_order("12", "778", world.clock.now());
            order.customer.name = "Renamed meanwhile LLC".to_owned();
            world.erp.enter(order);
            world.work().await?;
            let run = world.store.customers_run(&world.id()?).await?;
            assert!(
                run.round.is_complete() && run.round.number == 1,
                "{ending:?} at {step}: {run:?}"
            );
            world.clock.turn(hours(1));
            world.tell_customers().await?;
            for number in 1..=25 {
                let id = format!("{number:02}");
                let shown = world
                    .desk
                    .order(&id)
                    .ok_or(format!("{id} after {ending:?} at {step}"))?;
                let renamed = shown.customer.name == "Renamed meanwhile LLC";
                assert_eq!(renamed, number == 12, "{id} after {ending:?} at {step}");
            }
        }
    }
    Ok(())
}

/// Near the desk's limit the run waits in the queue and goes on where it was.
#[tokio::test]
async fn near_the_limit_the_run_waits_and_goes_on() -> Result<(), Failure> {
    let world = DeskWorld::with_limit(40)?;
    for number in 1..=130 {
        world
            .erp
            .enter(open_order(&format!("{number:03}"), "778", morning() - hours(1)));
    }
    world.customers().begin(&world.id()?, false).await?;
    world.invoke().await?;
    let run = world.store.customers_run(&world.id()?).await?;
    assert!(run.round.stopped.is_some() && run.round.waits_until.is_some());
    assert_eq!((run.read, run.made), (40, 40));
    world.work().await?;
    let run = world.store.customers_run(&world.id()?).await?;
    assert_eq!((run.read, run.made, world.desk.placed_since()), (130, 130, 130));
    Ok(())
}

/// All is told again where somebody asks for that, and orders from before the connection's beginning are left alone.
#[tokio::test]
async fn all_is_told_again_where_that_is_asked_for() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    world.erp.enter(open_order("1", "778", morning() - hours(23)));
    world.erp.enter(open_order("2", "778", morning() - hours(25)));
    world.tell_customers().await?;
    world.clock.turn(hours(48));
    world.tell_customers().await?;
    assert_eq!(world.desk.placed_since(), 1);
    world.customers().begin(&world.id()?, true).await?;
    world.work().await?;
    let run = world.store.customers_run(&world.id()?).await?;
    assert_eq!((run.read, run.same, world.desk.placed_since()), (1, 1, 1));
    Ok(())
}

/// P45: the goods of an order that we made follow the ERP, more or fewer, until people change or split it at the desk: from then on they
/// are left alone and the order is named, and the customer is told all the same.
#[tokio::test]
async fn goods_follow_the_erp_until_people_change_them() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    let tell = async |quantity: u32, name: &str| {
        world.clock.turn(hours(1));
        let mut order = open_order("1", "778", world.clock.now() - SignedDuration::from_mins(1));
        order.lines[0].quantity = quantity.into();
        name.clone_into(&mut order.customer.name);
        world.erp.enter(order);
        world.tell_customers().await
    };
    let there = || {
        let order = world.desk.order("1").ok_or("it is not there")?;
        Ok::<_, Failure>((order.lines[0].quantity, order.customer.name))
    };
    for quantity in [5, 7, 3, 7] {
        let run = tell(quantity, "Buyer LLC").await?;
        assert_eq!((run.refused_in_all, there()?.0), (0, quantity.into()));
    }
    world.desk.change("1", |order| order.lines[0].quantity = 4.into());
    for (quantity, name) in [(9, "Renamed LLC"), (2, "Renamed again LLC")] {
        let run = tell(quantity, name).await?;
        assert_eq!(run.refused_in_all, 1, "{run:?}");
        assert_eq!(there()?, (4.into(), name.to_owned()));
    }
    // What the ERP wants happens to be what is there: that does not make it ours.
    assert_eq!(tell(4, "Buyer LLC").await?.refused_in_all, 0);
    assert_eq!(tell(9, "Buyer LLC").await?.refused_in_all, 1);
    assert_eq!(there()?.0, 4.into());
    world.desk.change("1", |order| order.lines[0].quantity = 7.into());
    assert_eq!(tell(10, "Buyer LLC").await?.refused_in_all, 0, "they put it back");
    assert_eq!(there()?.0, 10.into());
    Ok(())
}

/// P45: wherever a worker dies between the desk and the books, the goods of an order stay ours, whatever the ERP wants by then.
#[tokio::test]
async fn crash_wherever_a_worker_dies_the_goods_follow_the_erp() -> Result<(), Failure> {
    let start = async || {
        let world = DeskWorld::start()?;
        world.erp.enter(open_order("1", "778", morning() - hours(1)));
        world.tell_customers().await?;
        world.clock.turn(hours(1));
        let mut more = open_order("1", "778", world.clock.now());
        more.lines[0].quantity = 7.into();
        world.erp.enter(more);
        world.erp.enter(open_order("2", "778", world.clock.now()));
        world.customers().begin(&world.id()?, false).await?;
        Ok::<DeskWorld, Failure>(world)
    };
    let fine = start().await?;
    fine.steps.end_at(u64::MAX, Ending::Before);
    fine.work().await?;
    let steps = fine.steps.count();
    assert!(steps > 10, "{steps}");
    for ending in [Ending::Before, Ending::After, Ending::AnswerLost] {
        for step in 0..steps {
            for goes_back in [false, true] {
                let world = start().await?;
                world.steps.end_at(step, ending);
                world.invoke().await?;
                world.steps.be_fine();
                let wanted: u32 = if goes_back { 1 } else { 9 };
                for id in ["1", "2"] {
                    let mut order = open_order(id, "778", world.clock.now());
                    order.lines[0].quantity = wanted.into();
                    world.erp.enter(order);
                }
                world.work().await?;
                world.clock.turn(hours(1));
                let run = world.tell_customers().await?;
                let story = format!("{ending:?} at step {step}, back: {goes_back}: {run:?}");
                assert_eq!(run.refused_in_all, 0, "{story}");
                for id in ["1", "2"] {
                    let order = world
                        .desk
                        .order(id)
                        .ok_or_else(|| format!("{id} is not there: {story}"))?;
                    assert_eq!(order.lines[0].quantity, wanted.into(), "{id}: {story}");
                }
            }
        }
    }
    Ok(())
}
