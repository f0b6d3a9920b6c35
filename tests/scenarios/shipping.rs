//! An order's ordinary way, in all its shapes.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use rust_decimal::{Decimal, dec};
use simulators::netsuite::people::{NewLine, NewOrder};
use tests::world::{Failure, World, new_york, place};
use waybill::domain::{Choice, LocationId, ParcelRule};
use waybill::job::Step;

/// P1, P14: an order that is released for fulfilment is one shipment within one poll, and its number is on it.
#[tokio::test]
async fn one_order_ships_once_and_is_written_back() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(NewOrder {
        pending_approval: true,
        ..world.plain(2)
    })?;
    world.poll_and_work().await?;
    assert!(
        world.jobs(order).is_empty(),
        "an order that nobody has approved does not ship"
    );

    world.turn(SignedDuration::from_mins(5));
    world.person(|account, now| account.approve(order, now))?;
    world.poll_and_work().await?;
    let job = world.job(order)?;
    let [shipment] = <[_; 1]>::try_from(world.billed()).unwrap();
    assert!(shipment.id.starts_with("1Z"));
    assert!(shipment.has_reference(job.id.as_str()));
    assert_eq!(
        job.purchase.done().map(|bought| bought.id.as_str()),
        Some(shipment.id.as_str())
    );
    assert_eq!(world.asked_ups("ship"), 1);
    let page = world.page(order)?;
    assert_eq!(page.fulfilments.len(), 1);
    assert_eq!(page.fulfilments[0].tracking_numbers, std::slice::from_ref(&shipment.id));
    assert_eq!(page.fulfilments[0].external_id.as_deref(), Some(job.id.as_str()));
    assert_eq!(world.field(order, "tracking")?, shipment.id);
    assert_eq!(job.due_at, None, "nothing is left to do");

    world.turn(SignedDuration::from_mins(5));
    world.poll_and_work().await?;
    assert_eq!(
        (world.jobs(order).len(), world.billed().len()),
        (1, 1),
        "the next poll finds nothing new"
    );
    Ok(())
}

/// P4: what UPS gets is what the order and its items say, from the ERP's records to the label.
#[tokio::test]
async fn the_shipment_says_what_the_order_and_its_items_say() -> Result<(), Failure> {
    let world = World::start().await?;
    let basics = world.basics();
    let lines = vec![
        NewLine::of(basics.light, 2),
        NewLine::of(basics.assembly, 1),
        NewLine::of(basics.loose, 4),
        NewLine::of(basics.service, 1),
    ];
    let order = world.enter(NewOrder {
        other_ref_num: "PO-4711".to_owned(),
        ..NewOrder::to(new_york(), lines)
    })?;
    world.poll_and_work().await?;
    assert!(world.job(order)?.write_back.done().is_some());

    let [request] = <[_; 1]>::try_from(world.ups_requests("ship")).unwrap();
    let body: serde_json::Value = serde_json::from_str(&request.body)?;
    let weight = &body["ShipmentRequest"]["Shipment"]["Package"][0]["PackageWeight"];
    // Two pumps of 1.5 lb, a valve of 9 lb, four manuals of 6 oz; a service weighs nothing.
    assert_eq!(
        weight["Weight"].as_str().and_then(|text| text.parse().ok()),
        Some(dec!(13.5))
    );
    insta::assert_json_snapshot!("ship_request", body);
    Ok(())
}

/// P13: of five services the cheapest that keeps the date is bought; what it costs and its name are on the order.
#[tokio::test]
async fn the_cheapest_service_that_keeps_the_date_is_bought() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| {
        connection.service.allowed = ["03", "12", "02", "13", "01"].map(str::to_owned).to_vec();
        connection.service.choice = Choice::CheapestBy { days: 2 };
    });
    let far = place(
        "Shoreline Software Inc",
        "1600 Amphitheatre Pkwy",
        "Mountain View",
        "CA",
        "94043",
        "US",
    );
    let order = world.enter(NewOrder::to(far, vec![NewLine::of(world.basics().light, 2)]))?;
    world.poll_and_work().await?;

    let [shipment] = <[_; 1]>::try_from(world.billed()).unwrap();
    assert_eq!(
        shipment.service, "02",
        "Ground is cheaper and too late, Next Day Air is dearer"
    );
    let cost: Decimal = world.field(order, "cost")?.parse()?;
    assert_eq!(cost, shipment.charge);
    assert!(shipment.charge < shipment.list_charge, "the account's own price");
    assert_eq!(world.field(order, "service")?, "UPS 2nd Day Air");
    Ok(())
}

/// P15: the number goes where the customer wants it, and writing it again changes nothing.
#[tokio::test]
async fn the_tracking_number_goes_to_the_fulfilment_the_fields_or_both() -> Result<(), Failure> {
    for (fulfilment, with_fields) in [(true, false), (false, true), (true, true)] {
        let world = World::start().await?;
        world.configure(|connection| {
            connection.write_back.fulfilment = fulfilment;
            if !with_fields {
                connection.write_back.fields = Default::default();
            }
        });
        let order = world.enter(world.plain(1))?;
        world.poll_and_work().await?;
        let number = world.billed()[0].id.clone();
        let before = world.page(order)?;
        assert_eq!(before.fulfilments.len(), usize::from(fulfilment));
        assert_eq!(
            world.field(order, "tracking")?,
            if with_fields { number } else { String::new() }
        );

        // The same write-back once more, as after a crash between the write and its record.
        let mut job = world.job(order)?;
        (job.write_back, job.due_at) = (Step::Todo, Some(world.now()));
        world.store.tables().jobs.insert(job.id.clone(), job);
        world.pass(SignedDuration::from_mins(1)).await?;
        assert_eq!(world.page(order)?, before);
        assert!(world.job(order)?.write_back.done().is_some());
    }
    Ok(())
}

/// P15: three of five today and two next week are two shipments, and each fulfils exactly its own.
#[tokio::test]
async fn what_becomes_ready_later_ships_later_and_nothing_ships_twice() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(NewOrder::to(
        new_york(),
        vec![NewLine::of(world.basics().light, 5).committed(3)],
    ))?;
    world.poll().await?;
    world.turn(SignedDuration::from_mins(1));
    world.person(|account, now| account.commit(order, 1, dec!(1), now))?;
    world.poll().await?;
    assert_eq!(
        world.jobs(order).len(),
        2,
        "one more is committed while three wait to be labelled"
    );
    world.work().await?;
    world.turn(SignedDuration::from_hours(24 * 7));
    world.person(|account, now| account.commit(order, 1, dec!(1), now))?;
    world.poll_and_work().await?;

    let page = world.page(order)?;
    let quantities: Vec<_> = page.fulfilments.iter().map(|one| one.lines.clone()).collect();
    let of_line_one = |quantity: Decimal| BTreeMap::from([(1, quantity)]);
    assert_eq!(
        quantities,
        [of_line_one(dec!(3)), of_line_one(dec!(1)), of_line_one(dec!(1))]
    );
    let weights: Vec<_> = world
        .billed()
        .iter()
        .map(|one| one.packages[0].weight.parse().ok())
        .collect();
    assert_eq!(weights, [Some(dec!(4.5)), Some(dec!(1.5)), Some(dec!(1.5))]);
    assert_eq!(
        world.field(order, "tracking")?.split(", ").count(),
        3,
        "every number stays in the field"
    );
    assert!(world.netsuite.books().duplicates.is_empty());
    Ok(())
}

/// What leaves two places leaves in two shipments.
#[tokio::test]
async fn two_warehouses_are_two_shipments() -> Result<(), Failure> {
    let world = World::start().await?;
    let reno = place("Acme West", "800 Harbor Way", "Reno", "NV", "89502", "US");
    let west = world.person(|account, _| Ok(account.add_location("Reno", reno)))?;
    world.configure(|connection| {
        let mut address = connection.ship_from.default.clone();
        (address.lines, address.city) = (vec!["800 Harbor Way".to_owned()], "Reno".to_owned());
        (address.state, address.postal_code) = (Some("NV".to_owned()), Some("89502".to_owned()));
        let location = LocationId::new(west.to_string());
        connection.ship_from.locations.insert(location, address);
    });
    let basics = world.basics();
    let from_west = NewLine {
        location: Some(west),
        ..NewLine::of(basics.assembly, 1)
    };
    let order = world.enter(NewOrder::to(new_york(), vec![NewLine::of(basics.light, 1), from_west]))?;
    world.poll_and_work().await?;

    let mut origins: Vec<String> = world
        .billed()
        .iter()
        .map(|one| one.origin.city.to_uppercase())
        .collect();
    origins.sort();
    assert_eq!(origins, ["RENO", "TIMONIUM"]);
    let mut lines: Vec<Vec<u32>> = world
        .page(order)?
        .fulfilments
        .iter()
        .map(|one| one.lines.keys().copied().collect())
        .collect();
    lines.sort();
    assert_eq!(lines, [[1], [4]]);
    Ok(())
}

/// P14, P15: every parcel has its number, its label and its line in the fulfilment.
#[tokio::test]
async fn an_order_of_three_parcels_is_one_shipment_with_three_numbers() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| connection.packing.rule = ParcelRule::PerPiece);
    let order = world.enter(world.plain(3))?;
    world.poll_and_work().await?;

    let [shipment] = <[_; 1]>::try_from(world.billed()).unwrap();
    let mut numbers: Vec<String> = shipment
        .packages
        .iter()
        .map(|one| one.tracking_number.clone())
        .collect();
    let mut written = world.page(order)?.fulfilments[0].tracking_numbers.clone();
    numbers.sort();
    written.sort();
    assert_eq!((numbers.len(), &written), (3, &numbers));
    let job = world.job(order)?;
    let labels = job.labels.done().unwrap();
    assert_eq!(labels.len(), 3);
    assert!(
        labels
            .iter()
            .all(|label| !world.store.tables().labels[&label.key].is_empty())
    );
    Ok(())
}

/// P12: outside the US and Puerto Rico there is nothing to validate: the order ships with its invoice, and the job says so.
#[tokio::test]
async fn an_order_abroad_ships_with_its_invoice_and_without_address_validation() -> Result<(), Failure> {
    let world = World::start().await?;
    let toronto = place("Maple Tools Ltd", "150 King St W", "Toronto", "ON", "M5H 1J9", "CA");
    let order = world.enter(NewOrder::to(toronto, vec![NewLine::of(world.basics().assembly, 2)]))?;
    world.poll_and_work().await?;

    let [shipment] = <[_; 1]>::try_from(world.billed()).unwrap();
    assert_eq!(shipment.destination.country, "CA");
    assert_eq!(world.asked_ups("address_validation"), 0);
    let job = world.job(order)?;
    assert!(
        matches!(&job.address, Step::NotNeeded(reason) if reason.contains("country")),
        "{:?}",
        job.address
    );
    let body: serde_json::Value = serde_json::from_str(&world.ups_requests("ship")[0].body)?;
    let forms = &body["ShipmentRequest"]["Shipment"]["ShipmentServiceOptions"]["InternationalForms"];
    assert_eq!(forms["InvoiceNumber"].as_str(), Some(job.number.as_str()));
    assert_eq!(world.page(order)?.fulfilments.len(), 1);
    Ok(())
}
