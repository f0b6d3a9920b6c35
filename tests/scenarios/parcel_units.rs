//! What a parcel's life costs: every write of it to the table is counted as DynamoDB bills it, so that nobody makes it dear
//! again.

#[path = "../../shared/tests/store/database.rs"]
#[allow(dead_code, reason = "the store's own tests use the rest")]
mod database;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use simulators::ups::EventKind;
use tests::tracking::{Shelves, Ways};
use tests::world::{Failure, World};
use waybill::domain::{Ending, ParcelKey, TrackedParcel};
use waybill::ports::Parcels as _;

use database::{Store, Written};

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

    /// The units that were written since the last stage, each write said with them.
    fn stage(&self, name: &str) -> f64 {
        let written = self.store.meter.take();
        let units = total(&written);
        println!("{name}: {units}");
        for (what, Written { times, units }) in written {
            println!("    {units:>5} in {times:>2} x {what}");
        }
        units
    }
}

fn total(written: &BTreeMap<String, Written>) -> f64 {
    written.values().map(|written| written.units).sum()
}

/// A pushed parcel on its way for four days: what each stage of its life writes, told step by step. Slots at the ERP come to it, two
/// units for each time that it is told.
#[tokio::test]
async fn a_pushed_parcels_life_has_its_price() -> Result<(), Failure> {
    let life = Counted::start(true).await?;
    let mut units = vec![life.stage("followed")];
    life.pass(SignedDuration::from_mins(5)).await?;
    units.push(life.stage("enlisted, promised, asked and told of its label"));
    for (name, event) in [
        ("picked up", EventKind::PickedUp),
        ("departed", EventKind::Departed),
        ("arrived", EventKind::Arrived),
        ("departed again", EventKind::Departed),
        ("arrived again", EventKind::Arrived),
        ("delayed", EventKind::WeatherDelay),
        ("out for delivery", EventKind::OutForDelivery),
    ] {
        life.happens(&[event]).await?;
        units.push(life.stage(name));
    }
    life.pass(HOUR * 73).await?;
    units.push(life.stage("three days without news"));
    life.happens(&[EventKind::Delivered]).await?;
    units.push(life.stage("delivered"));
    life.pass(HOUR * 24 * 20).await?;
    units.push(life.stage("afterwards"));
    let parcel = life.parcel().await?;
    assert_eq!(parcel.ended.map(|(why, _)| why), Some(Ending::Final));
    println!("together: {}", units.iter().sum::<f64>());
    Ok(())
}

/// A parcel of which nothing is pushed, asked for every hour.
#[tokio::test]
async fn a_question_has_its_price() -> Result<(), Failure> {
    let life = Counted::start(false).await?;
    life.pass(SignedDuration::from_mins(5)).await?;
    life.stage("enlisted");
    life.pass(HOUR * 24).await?;
    life.stage("a day of questions");
    Ok(())
}
