//! FedEx under the carriers' suite.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::dec;
use simulators::fedex::EventKind;
use tests::fedex::{Depot, seeing_at_once};
use tests::world::{Failure, World};
use tests::{customer, warehouse};
use waybill::domain::{Address, Billing, JobId, LabelFormat, Milestone, Parcel, Payer, ShipmentRequest, Weight};
use waybill::ports::{Carrier, Opened, Systems};

use crate::Mishap;
use crate::carriers::{Addresses, CarrierUnderTest, On};
use crate::ups::fault;

pub(crate) struct FedEx {
    world: World,
    depot: Depot,
    opened: Opened,
}

fn galena(line: &str) -> Address {
    Address {
        lines: vec![line.to_owned()],
        city: "Galena".to_owned(),
        state: Some("IL".to_owned()),
        postal_code: Some("61036".to_owned()),
        ..customer()
    }
}

fn event(milestone: Milestone) -> EventKind {
    match milestone {
        Milestone::LabelCreated => EventKind::LabelCreated,
        Milestone::Voided => EventKind::Voided,
        Milestone::PickedUp => EventKind::PickedUp,
        Milestone::InTransit => EventKind::Departed,
        Milestone::Exception => EventKind::WeatherDelay,
        Milestone::OutForDelivery => EventKind::OutForDelivery,
        Milestone::AvailableForPickup => EventKind::AtAccessPoint,
        Milestone::Returning => EventKind::Returning,
        Milestone::Delivered => EventKind::Delivered,
        Milestone::Returned => EventKind::Returned,
    }
}

#[async_trait]
impl CarrierUnderTest for FedEx {
    async fn start() -> Result<Self, Failure> {
        let world = World::start().await?;
        let depot = world.open_depot(seeing_at_once(), |_| {}).await?;
        let connection = world.store.tables().connections[&depot.id].clone();
        let opened = world.registry().open(&connection).await?;
        let test = Self { world, depot, opened };
        // Tokens are asked for once in a second at most, and here no time passes by itself.
        test.opened.carrier.track(&test.unknown_number()).await?;
        test.world.turn(SignedDuration::from_secs(2));
        Ok(test)
    }

    fn carrier(&self) -> &dyn Carrier {
        self.opened.carrier.as_ref()
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn strike(&self, on: On, mishap: Mishap) {
        let operations: &[&str] = match on {
            On::Create => &["ship"],
            On::Offers => &["rate"],
            // A shipment is looked for by its reference or by its number.
            On::Labels => &["track_reference", "track"],
            On::Void => &["cancel"],
            On::List | On::Track => &["track"],
        };
        operations
            .iter()
            .for_each(|operation| self.depot.fault(fault(operation, mishap)));
    }

    fn asked_to_sell(&self) -> u64 {
        self.depot.fedex.asked("ship")
    }

    fn sold(&self, reference: &JobId) -> usize {
        self.depot.fedex.read_books().unvoided(reference.as_str()).len()
    }

    fn comes_to(&self, number: &str, milestones: &[Milestone]) {
        let events: Vec<EventKind> = milestones.iter().copied().map(event).collect();
        self.world.turn(SignedDuration::from_mins(10));
        assert!(self.depot.fedex.happen(number, &events), "there is no parcel {number}");
    }

    fn unknown_number(&self) -> String {
        "794953539999".to_owned()
    }

    fn addresses(&self) -> Addresses {
        Addresses {
            good: customer(),
            ambiguous: galena("221 Main St"),
            unknown: galena("1 Nowhere Lane"),
            abroad: None,
        }
    }

    fn request(&self, reference: &JobId) -> ShipmentRequest {
        let parcel = Parcel {
            packaging: "YOUR_PACKAGING".to_owned(),
            weight: Weight::pounds(dec!(3)),
            dimensions: None,
            contents: Vec::new(),
        };
        ShipmentRequest {
            reference: reference.clone(),
            order_number: "SO1".to_owned(),
            customer_reference: None,
            ship_from: warehouse(),
            ship_to: customer(),
            parcels: vec![parcel.clone(), parcel],
            service: "FEDEX_GROUND".to_owned(),
            billing: Billing {
                transport: Payer::Shipper,
                duties: None,
            },
            label: LabelFormat::Zpl,
            ship_date: self.now().to_zoned(jiff::tz::TimeZone::UTC).date(),
            customs: None,
        }
    }
}
