//! What a parcel's life costs: every write of it to the table is counted as DynamoDB bills it, so that nobody makes it dear
//! again.

#[path = "../../shared/tests/store/database.rs"]
#[allow(dead_code, reason = "the store's own tests use the rest")]
mod database;

use jiff::SignedDuration;
use simulators::ups::EventKind;
use tests::tracking::{Shelves, Ways};
use tests::world::{Failure, World};
use waybill::domain::{Ending, ParcelKey, TrackedParcel};
use waybill::ports::Parcels as _;

use database::Store;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A world whose parcels lie in a table of their own.
struct Counted {
    world: World,
    store: Store,
    key: ParcelKey,
}

impl Counted {
    /// An order has shipped, and its parcel is followed from now on.
    async fn start(push: bool) -> Result<Self, Failure> {
        let (mut world, store) = (World::start().await?, Store::new().await);
        if push {
            world.push_by("v1").await?;
        }
        let order = world.enter(world.plain(1))?;
        world.poll_and_work().await?;
        let parcel = world.parcels(order).remove(0);
        world.store.tables().tracked.parcels.clear();
        world.shelves = Shelves::of(store.dynamo.clone());
        let key = parcel.key.clone();
        assert!(store.dynamo.record(&parcel).await?);
        Ok(Self { world, store, key })
    }

    async fn parcel(&self) -> Result<TrackedParcel, Failure> {
        let found = self.store.dynamo.parcels(std::slice::from_ref(&self.key)).await?;
        Ok(found.into_iter().next().ok_or("nobody follows the parcel")?)
    }

    async fn pass(&self, time: SignedDuration) -> Result<(), Failure> {
        self.world.follow(time, Ways::Both).await
    }

    async fn happens(&self, events: &[EventKind]) -> Result<(), Failure> {
        self.world.turn(HOUR);
        assert!(self.world.ups.happen(&self.key.number, events));
        self.pass(SignedDuration::from_mins(5)).await
    }

    /// The units that were written since the last stage, which may be so many at most.
    fn stage(&self, name: &str, most: f64) -> f64 {
        let written = self.store.meter.take();
        let units: f64 = written.values().map(|written| written.units).sum();
        assert!(units > 0.0 && units <= most, "{name}: {units} of {most}\n{written:#?}");
        units
    }
}

/// A pushed parcel on its way for four days: what each stage of its life may write. Slots at the ERP come to it, two units for each time
/// that it is told.
#[tokio::test]
async fn a_pushed_parcels_life_has_its_price() -> Result<(), Failure> {
    let life = Counted::start(true).await?;
    let mut all = life.stage("followed", 2.0);
    life.pass(SignedDuration::from_mins(5)).await?;
    // Enlisted: 3. Promised: 4. Asked: 1. Told, and due for the next question: 6.
    all += life.stage("enlisted, promised, asked and told of its label", 14.0);
    for (name, event, most) in [
        // Captured, heard and done with: 3. Told: 4.
        ("picked up", EventKind::PickedUp, 7.0),
        ("departed", EventKind::Departed, 7.0),
        ("arrived", EventKind::Arrived, 7.0),
        ("departed again", EventKind::Departed, 7.0),
        ("arrived again", EventKind::Arrived, 7.0),
        // Two webhooks, told as one.
        ("delayed", EventKind::WeatherDelay, 10.0),
        ("out for delivery", EventKind::OutForDelivery, 7.0),
    ] {
        life.happens(&[event]).await?;
        all += life.stage(name, most);
    }
    life.pass(HOUR * 73).await?;
    all += life.stage("three days without news", 11.0);
    life.happens(&[EventKind::Delivered]).await?;
    all += life.stage("delivered", 9.0);
    life.world.turn(HOUR * 24 * 14);
    life.pass(HOUR).await?;
    all += life.stage("nothing is promised any more", 2.0);
    let parcel = life.parcel().await?;
    assert_eq!(parcel.ended.map(|(why, _)| why), Some(Ending::Final));
    assert_eq!(parcel.events.len(), 10, "{:?}", parcel.events);
    assert!(all <= 90.0, "{all}");
    Ok(())
}

/// A parcel of which nothing is pushed: what a question may write that finds nothing.
#[tokio::test]
async fn a_question_has_its_price() -> Result<(), Failure> {
    let life = Counted::start(false).await?;
    life.stage("followed", 2.0);
    life.pass(SignedDuration::from_mins(5)).await?;
    life.stage("asked and told of its label", 8.0);
    let asked = life.world.asked_ups("track");
    life.pass(HOUR * 12).await?;
    let questions = u32::try_from(life.world.asked_ups("track") - asked)?;
    assert!(questions >= 11, "{questions}");
    // One of them may have waited for longer than a round, which is noted.
    life.stage("questions", f64::from(questions).mul_add(3.0, 1.0));
    Ok(())
}
