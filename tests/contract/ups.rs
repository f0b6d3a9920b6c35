//! UPS under the carriers' suite.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::dec;
use simulators::faults::{Fault, FaultKind};
use simulators::ups::EventKind;
use tests::world::{CONNECTION, Failure, World};
use tests::{customer, warehouse};
use waybill::domain::{Address, Billing, JobId, LabelFormat, Milestone, Parcel, Payer, ShipmentRequest, Weight};
use waybill::ports::{Carrier, Opened, Push, Systems};

use crate::Mishap;
use crate::carriers::{Addresses, CarrierUnderTest, On};

pub(crate) struct Ups {
    world: World,
    opened: Opened,
}

/// A mishap as the simulators know it, and whether it meets every call.
pub(crate) fn fault(operation: &str, mishap: Mishap) -> Fault {
    let kind = match mishap {
        Mishap::LostBefore => FaultKind::DropBefore,
        Mishap::LostAfter => FaultKind::DropAfter,
        Mishap::FailedAfter => FaultKind::Status500After,
        Mishap::Unreadable => FaultKind::Unreadable,
        Mishap::Gateway => FaultKind::Html503,
        Mishap::Busy(retry_after) => FaultKind::Status { code: 429, retry_after },
        Mishap::TokenEnded => FaultKind::ExpireTokens,
        Mishap::Unauthorised => {
            let refused = FaultKind::Status {
                code: 401,
                retry_after: None,
            };
            return Fault::new(operation, refused);
        }
    };
    Fault::new(operation, kind).at_most(1)
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

/// What happens to a parcel that comes so far.
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
impl CarrierUnderTest for Ups {
    async fn start() -> Result<Self, Failure> {
        let world = World::start().await?;
        world.configure(|connection| connection.carrier.options = serde_json::json!({ "quantum_view": "OutboundXML" }));
        let connection = world.store.tables().connections[&CONNECTION.parse()?].clone();
        let opened = world.registry().open(&connection).await?;
        Ok(Self { world, opened })
    }

    fn carrier(&self) -> &dyn Carrier {
        self.opened.carrier.as_ref()
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn strike(&self, on: On, mishap: Mishap) {
        let operation = match on {
            On::Create => "ship",
            On::Offers => "rate",
            On::Labels => "label_recovery",
            On::Void => "void",
            On::List => "quantum_view",
            On::Track => "track",
        };
        self.world.ups_fault(fault(operation, mishap));
    }

    fn asked_to_sell(&self) -> u64 {
        self.world.asked_ups("ship")
    }

    fn sold(&self, reference: &JobId) -> usize {
        self.world.ups.read_books().unvoided(reference.as_str()).len()
    }

    fn comes_to(&self, number: &str, milestones: &[Milestone]) {
        let events: Vec<EventKind> = milestones.iter().copied().map(event).collect();
        // The simulator's events are a second apart and never before those that were.
        self.world.turn(SignedDuration::from_mins(10));
        assert!(self.world.ups.happen(number, &events), "there is no parcel {number}");
    }

    fn unknown_number(&self) -> String {
        "1ZA1B2C30399999995".to_owned()
    }

    fn addresses(&self) -> Addresses {
        let abroad = Address {
            lines: vec!["150 King St W".to_owned()],
            city: "Toronto".to_owned(),
            state: Some("ON".to_owned()),
            postal_code: Some("M5H 1J9".to_owned()),
            country: "CA".to_owned(),
            ..customer()
        };
        Addresses {
            good: customer(),
            ambiguous: galena("221 Main St"),
            unknown: galena("1 Nowhere Lane"),
            abroad: Some(abroad),
        }
    }

    fn request(&self, reference: &JobId) -> ShipmentRequest {
        let parcel = Parcel {
            packaging: "02".to_owned(),
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
            service: "03".to_owned(),
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

/// P17: Track Alert v1 needs an address of ours and what its secret says; whatever is missing, the connection opens, and the
/// carrier says what to do.
#[tokio::test]
async fn news_are_pushed_where_there_is_a_hook() -> Result<(), Failure> {
    let world = World::start().await?;
    let pushes = async |api: Option<&str>, version: &str| -> Result<Result<Push, String>, Failure> {
        world.configure(|connection| connection.carrier.options = serde_json::json!({ "track_alert": version }));
        let connection = world.store.tables().connections[&CONNECTION.parse()?].clone();
        let registry = world.registry().clone().with_api(api.map(str::parse).transpose()?);
        Ok(registry.open(&connection).await?.carrier.push())
    };
    let api = Some("https://api.example.com/");
    assert!(pushes(api, "v1").await?.is_err(), "there is no secret");
    let body = serde_json::json!({ "id": "00ff", "keys": ["key"] });
    world.secret("waybill/test/acme/ups-hook", &body).await?;
    assert_eq!(pushes(api, "v1").await?.map(|push| push.batch), Ok(100));
    assert!(pushes(None, "v1").await?.is_err(), "nobody knows our address");
    assert_eq!(pushes(api, "v2").await?.map(|push| push.batch), Ok(100));
    assert!(pushes(api, "off").await?.is_err());
    world
        .secret("waybill/test/acme/ups-hook", &serde_json::json!({ "keys": 7 }))
        .await?;
    world.turn(SignedDuration::from_mins(6));
    assert!(pushes(api, "v1").await?.is_err(), "the secret is no hook's");
    Ok(())
}
