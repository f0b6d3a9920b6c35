//! A parcel of which a desk tells twice, whose workers die at every call of the store, lose every answer, and overtake each other:
//! the order has one unit of it and the ERP one fulfilment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use rust_decimal::dec;
use simulators::netsuite::people::{NewLine, NewOrder};
use tests::counter::{DeskWorld, STORE};
use tests::world::{CONNECTION, Failure, new_york};
use tokio::sync::Notify;
use waybill::domain::{DeskOrderRef, DespatchId};
use waybill::memory::{Fate, Memory, Switch};

/// More calls of the store than anything here makes.
const MOST_CALLS: usize = 200;

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    DiesBefore,
    DiesAfter,
    LosesTheAnswer,
}

/// Lets calls work but for one.
struct OneMishap {
    calls: AtomicUsize,
    at: usize,
    mishap: Mishap,
    dead: Notify,
}

#[async_trait]
impl Switch for OneMishap {
    async fn before(&self, _call: &'static str) -> Fate {
        if self.calls.fetch_add(1, Ordering::SeqCst) + 1 != self.at {
            return Fate::Work;
        }
        match self.mishap {
            Mishap::LosesTheAnswer => Fate::LoseAnswer,
            Mishap::DiesAfter => {
                self.dead.notify_one();
                Fate::Vanish
            }
            Mishap::DiesBefore => {
                self.dead.notify_one();
                std::future::pending().await
            }
        }
    }
}

/// Stands still before one call until somebody else is done.
struct StandsStill {
    calls: AtomicUsize,
    at: usize,
    there: Notify,
    go_on: Notify,
}

#[async_trait]
impl Switch for StandsStill {
    async fn before(&self, _call: &'static str) -> Fate {
        if self.calls.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            self.there.notify_one();
            self.go_on.notified().await;
        }
        Fate::Work
    }
}

struct Story {
    desk: DeskWorld,
    order: u64,
    label: DespatchId,
    part: DespatchId,
}

impl Story {
    /// An order of ten, of which four travel in one parcel; `matched` where the desk's order names it.
    async fn begin(matched: bool) -> Result<Self, Failure> {
        let desk = DeskWorld::start().await?;
        let light = desk.world.basics().light;
        let lines = vec![NewLine::of(light, 10)];
        let order = desk.world.enter(NewOrder::to(new_york(), lines))?;
        let (number, sku) = desk.world.person(|account, _| {
            let number = account.orders.get(&order).map(|order| order.tran_id.clone());
            let sku = account.items.get(&light).map(|item| item.sku.clone());
            Ok((number.unwrap_or_default(), sku.unwrap_or_default()))
        })?;
        let at_desk: DeskOrderRef = desk.desk.order(if matched { &number } else { "LATER" }, STORE);
        let (now, goods) = (desk.world.now(), [(sku.as_str(), dec!(4))]);
        let label = desk.desk.label(&at_desk, "1Z0001", &goods, now);
        let part = desk.desk.fulfilment(&at_desk, "1Z0001", &goods, now);
        Ok(Self {
            desk,
            order,
            label,
            part,
        })
    }

    /// The ERP's order gets the number by which the desk knows it.
    fn name_the_order(&self) -> Result<(), Failure> {
        let order = self.order;
        self.desk
            .world
            .person(|account, now| account.change_order(order, now, |order| order.tran_id = "LATER".to_owned()))
    }

    /// Both tellings, a poll, and whatever comes of them.
    async fn happen(&self, store: &Memory) -> Result<(), Failure> {
        let poller = self.desk.poller_over(store);
        let id = CONNECTION.parse()?;
        let deadline = self.desk.world.now() + SignedDuration::from_mins(1);
        poller.follow(&id, self.label.as_str(), deadline).await?;
        self.work(store).await?;
        poller.follow(&id, self.part.as_str(), deadline).await?;
        poller.run(&id, deadline).await?;
        self.work(store).await
    }

    async fn work(&self, store: &Memory) -> Result<(), Failure> {
        let worker = self.desk.worker_over(store);
        while let Some(job) = store.receive() {
            worker.run(&job).await?;
        }
        Ok(())
    }

    /// Everything goes on without mishap, and is judged.
    async fn settle(&self, context: &str) -> Result<(), Failure> {
        // What a call came to whose caller died is settled after its lease.
        self.desk.pass(SignedDuration::from_hours(1)).await?;
        self.desk.follow(&self.label).await?;
        self.desk.follow(&self.part).await?;
        self.desk.pass(SignedDuration::from_hours(1)).await?;
        let page = self.desk.world.page(self.order)?;
        let made: Vec<_> = page
            .fulfilments
            .iter()
            .map(|made| made.lines.values().copied().sum::<rust_decimal::Decimal>().normalize())
            .collect();
        assert_eq!(made, [dec!(4)], "{context}");
        assert!(self.desk.world.netsuite.books().duplicates.is_empty(), "{context}");
        let job = self.desk.world.job(self.order)?;
        assert!(job.finished(), "{context}: {job:?}");
        for parked in self.desk.parked() {
            assert!(parked.finished(), "{context}: {parked:?}");
        }
        Ok(())
    }
}

/// Has one mishap at each call in turn, until there is none to have it at.
async fn at_every_call(matched: bool, mishap: Mishap) -> Result<usize, Failure> {
    for at in 1..MOST_CALLS {
        let story = Story::begin(matched).await?;
        if !matched {
            let store = story.desk.world.store.clone();
            story.happen(&store).await?;
            story.name_the_order()?;
            story.desk.world.turn(SignedDuration::from_mins(20));
            story.desk.sweeper().run().await?;
        }
        let switch = Arc::new(OneMishap {
            calls: AtomicUsize::new(0),
            at,
            mishap,
            dead: Notify::new(),
        });
        let store = story.desk.world.store.behind(switch.clone());
        tokio::select! {
            // An answer that is lost is an error, and the message comes again.
            _ = story.happen(&store) => {}
            () = switch.dead.notified() => {}
        }
        story
            .settle(&format!("{mishap:?} at call {at}, matched: {matched}"))
            .await?;
        if switch.calls.load(Ordering::SeqCst) < at {
            return Ok(at);
        }
    }
    Err("it never ends".into())
}

/// P43, P51: whoever dies wherever: one unit, one fulfilment.
#[tokio::test]
async fn crash_despatch_at_every_call() -> Result<(), Failure> {
    for mishap in [Mishap::DiesBefore, Mishap::DiesAfter, Mishap::LosesTheAnswer] {
        let calls = at_every_call(true, mishap).await?;
        assert!(calls > 10, "{calls} calls are too few to prove anything");
    }
    Ok(())
}

/// P42: the same while a parked despatch becomes a unit of the order that fits at last.
#[tokio::test]
async fn crash_despatch_that_was_parked() -> Result<(), Failure> {
    for mishap in [Mishap::DiesBefore, Mishap::DiesAfter, Mishap::LosesTheAnswer] {
        let calls = at_every_call(false, mishap).await?;
        assert!(calls > 10, "{calls} calls are too few to prove anything");
    }
    Ok(())
}

/// P43: the two tellings of one parcel at the same time: one stands still before each of its calls while the other goes from its
/// beginning to its end.
#[tokio::test]
async fn crash_despatch_told_twice_at_once() -> Result<(), Failure> {
    let id = CONNECTION.parse()?;
    for at in 1..MOST_CALLS {
        let story = Story::begin(true).await?;
        let switch = Arc::new(StandsStill {
            calls: AtomicUsize::new(0),
            at,
            there: Notify::new(),
            go_on: Notify::new(),
        });
        let slow = story.desk.poller_over(&story.desk.world.store.behind(switch.clone()));
        let quick = story.desk.poller_over(&story.desk.world.store);
        let (one, two) = (story.label.as_str(), story.part.as_str());
        let deadline = story.desk.world.now() + SignedDuration::from_mins(1);
        let overtakes = async {
            tokio::select! {
                () = switch.there.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
            }
            let told = quick.follow(&id, two, deadline).await;
            switch.go_on.notify_one();
            told
        };
        let (slow, quick) = tokio::join!(slow.follow(&id, one, deadline), overtakes);
        slow?;
        quick?;
        assert_eq!(story.desk.world.jobs(story.order).len(), 1, "overtaken at call {at}");
        story.settle(&format!("overtaken at call {at}")).await?;
        if switch.calls.load(Ordering::SeqCst) < at {
            return Ok(());
        }
    }
    Err("it never ends".into())
}
