//! What nobody should send to a hook: every body of `tests/fixtures/hostile`, and those that are too large for a file, through the
//! receiver and the worker.

use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::fedex::signature;
use tests::fedex::seeing_at_once;
use tests::shipstation::{Api, HOOK as SHIPSTATION_HOOK, Shop};
use tests::tracking::{CREDENTIAL, NETSUITE_HOOK, UPS_HOOK, Ways};
use tests::world::{Failure, World};
use waybill::domain::Milestone;
use waybill::ports::Inbound;

use crate::fedex::{TOKEN, hook};

/// A body and what it is called.
type Named = (String, Vec<u8>);

/// The bodies of a folder; texts with `mark` replaced.
fn bodies(system: &str, mark: &str, by: &str) -> Result<Vec<Named>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/hostile")
        .join(system);
    let mut bodies = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let body = match String::from_utf8(fs::read(&path)?) {
            Ok(text) => text.replace(mark, by).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        bodies.push((path.display().to_string(), body));
    }
    bodies.sort();
    Ok(bodies)
}

/// Bodies that no file should hold.
fn large(number: &str) -> Vec<Named> {
    let event = |time: String, photo: String| {
        json!({
            "trackingNumber": number, "activityStatus": { "type": "Q", "code": "ZZ" }, "gmtActivityDate": "20260302",
            "gmtActivityTime": time, "deliveryPhoto": photo
        })
    };
    let time = |second: usize| format!("{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60);
    let events: Vec<Value> = (0..10_000).map(|second| event(time(second), String::new())).collect();
    let bodies = [
        ("a photograph", event(String::new(), "A".repeat(1_400_000)).to_string()),
        ("ten thousand events", Value::from(events).to_string()),
        ("lists without end", "[".repeat(1_000_000)),
        ("objects without end", r#"{"activityStatus":"#.repeat(100_000)),
        ("ten thousand lists", format!("[{}[]]", "[],".repeat(10_000))),
        (
            "a word without end",
            format!("{{\"trackingNumber\":\"{}\"}}", "1Z".repeat(1_000_000)),
        ),
    ];
    bodies.map(|(name, body)| (name.to_owned(), body.into_bytes())).into()
}

/// The header by which a sender is known.
type Header = (String, String);

fn credential(_body: &[u8]) -> Header {
    ("credential".to_owned(), CREDENTIAL.to_owned())
}

/// Sends each, has it worked off, and sees that it was answered and dealt with.
async fn send(
    world: &World,
    hook: &str,
    known_by: &(dyn Fn(&[u8]) -> Header + Sync),
    bodies: Vec<Named>,
) -> Result<(), Failure> {
    for (name, body) in bodies {
        let inbound = Inbound {
            hook: hook.to_owned().into(),
            headers: vec![known_by(&body)],
            body,
            source: None,
        };
        assert_eq!(world.receiver().run(inbound).await.status, 200, "{name}");
        world.track().await?;
        assert_eq!(undone(world), 0, "{name} is dealt with");
        assert!(world.store.tables().dead_letters.is_empty(), "{name}");
    }
    Ok(())
}

/// How many webhooks are due still, but for those that mind a parcel until its news are told.
fn undone(world: &World) -> usize {
    let tables = world.store.tables();
    let minds = |id: &str| tables.tracked.parcels.values().any(|parcel| parcel.is_minded_by(id));
    let captures = tables.tracked.captures.iter();
    captures.filter(|(id, (_, due))| due.is_some() && !minds(id)).count()
}

/// Whatever is sent to UPS's hook, no parcel moves by it, and what it says of one that is followed has UPS asked at most.
#[tokio::test]
async fn what_is_sent_to_upss_hook_moves_no_parcel_wrongly() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.follow(SignedDuration::from_mins(2), Ways::Both).await?;
    let parcel = world.parcels(order)[0].clone();
    assert_eq!(parcel.milestone(), Some(Milestone::LabelCreated));
    let files = bodies("ups", "@PARCEL@", &parcel.key.number)?;
    assert!(files.len() > 50, "only {} bodies were read", files.len());
    send(&world, UPS_HOOK, &credential, files).await?;
    send(&world, UPS_HOOK, &credential, large(&parcel.key.number)).await?;
    let stands = || (world.parcels(order).len(), world.parcels(order)[0].milestone());
    assert_eq!(stands(), (1, Some(Milestone::LabelCreated)));
    let events = world.events(&parcel.key).len();
    assert!(events < 200, "{events} events of one parcel were kept");
    world.follow(SignedDuration::from_hours(1), Ways::Both).await?;
    assert_eq!(
        stands(),
        (1, Some(Milestone::LabelCreated)),
        "UPS was asked, and says the same"
    );
    Ok(())
}

/// P65: whatever is sent to FedEx's hook under its own signature, no parcel moves by it, and what it says of one that is followed has
/// FedEx asked at most.
#[tokio::test]
async fn what_is_sent_to_fedexs_hook_moves_no_parcel_wrongly() -> Result<(), Failure> {
    let world = World::start().await?;
    let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
    hook(&world, &depot, UPS_HOOK, "fedex", TOKEN, &[]).await?;
    let order = world.enter(world.plain(1))?;
    world.poll_for(&depot.id).await?;
    world.work().await?;
    world.follow(SignedDuration::from_mins(2), Ways::PollOnly).await?;
    let parcel = world.parcels(order)[0].clone();
    let stands = || (world.parcels(order).len(), world.parcels(order)[0].milestone());
    assert_eq!(stands(), (1, Some(Milestone::LabelCreated)));
    let signed = |body: &[u8]| ("fdx-signature".to_owned(), signature(TOKEN, body));
    let number = &parcel.key.number;
    let files = bodies("fedex", "@PARCEL@", number)?;
    assert!(files.len() > 50, "only {} bodies were read", files.len());
    for bodies in [files, bodies("ups", "@PARCEL@", number)?, large(number)] {
        send(&world, UPS_HOOK, &signed, bodies).await?;
    }
    assert_eq!(stands(), (1, Some(Milestone::LabelCreated)));
    let events = world.events(&parcel.key).len();
    assert!(events < 200, "{events} events of one parcel were kept");
    world.follow(SignedDuration::from_hours(1), Ways::PollOnly).await?;
    assert_eq!(
        stands(),
        (1, Some(Milestone::LabelCreated)),
        "FedEx was asked, and says the same"
    );
    Ok(())
}

/// Whatever is sent to NetSuite's hook, no order is admitted by it.
#[tokio::test]
async fn what_is_sent_to_netsuites_hook_admits_no_order() -> Result<(), Failure> {
    let world = World::start().await?;
    world.hook(NETSUITE_HOOK, "netsuite", &[]);
    let keys = json!({ "id": NETSUITE_HOOK });
    world.secret("waybill/test/acme/netsuite-hook", &keys).await?;
    let order = world.enter(world.plain(1))?;
    let files = bodies("netsuite", "@ORDER@", &order.to_string())?;
    assert!(files.len() > 30, "only {} bodies were read", files.len());
    send(&world, NETSUITE_HOOK, &credential, files).await?;
    send(&world, NETSUITE_HOOK, &credential, large("1")).await?;
    assert!(world.jobs(order).is_empty());
    world.poll_and_work().await?;
    assert_eq!(world.jobs(order).len(), 1, "the poll goes on as ever");
    Ok(())
}

/// P41: whatever is sent to ShipStation's hook where nothing is signed, no pointer leads anywhere but to ShipStation, nothing is asked
/// there for it, and nothing is admitted or parked; what people ship goes on as ever.
#[tokio::test]
async fn what_is_sent_to_shipstations_hook_is_followed_nowhere() -> Result<(), Failure> {
    let shop = Shop::start(Api::V1).await?;
    let files = bodies("shipstation", "@DESK@", &shop.url)?;
    assert!(files.len() > 50, "only {} bodies were read", files.len());
    send(&shop.world, SHIPSTATION_HOOK, &credential, files).await?;
    send(&shop.world, SHIPSTATION_HOOK, &credential, large("SO-1")).await?;
    let asked: usize = shop.books().traffic.values().map(|traffic| traffic.calls).sum();
    assert_eq!(asked, 0, "nothing of it is followed");
    assert!(shop.world.store.tables().jobs.is_empty());
    let order = shop.ordered()?;
    shop.ship(&order.number)?;
    shop.pass(SignedDuration::from_mins(20)).await?;
    assert_eq!(shop.fulfilled(order.id)?.len(), 1, "people ship as ever");
    Ok(())
}
