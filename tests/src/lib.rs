//! What the tests share: a connection, an order, and the outside world as a model.

pub mod counter;
pub mod desk;
pub mod fedex;
pub mod fusion;
pub mod peoplesoft;
pub mod shipstation;
pub mod tracking;
pub mod world;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::{Decimal, dec};
use waybill::connection::{
    AddressPolicy, Connection, CustomsPolicy, Environment, Schedule, Selection, ShipFrom, Shipper, SystemSettings,
    UnknownPurchase, WriteBackPolicy,
};
use waybill::domain::{
    Address, Billing, Cadence, Choice, DocumentId, LabelFormat, LineId, LocationId, Money, Order, OrderLine,
    PackageType, Packing, ParcelRule, Payer, ServicePolicy, Standing, Weight, WeightUnit,
};

/// The moment at which every story begins.
pub fn morning() -> Timestamp {
    "2026-03-02T14:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn address(name: &str, line: &str, city: &str, state: &str, postal_code: &str) -> Address {
    Address {
        name: name.to_owned(),
        attention: Some("Dock".to_owned()),
        lines: vec![line.to_owned()],
        city: city.to_owned(),
        state: Some(state.to_owned()),
        postal_code: Some(postal_code.to_owned()),
        country: "US".to_owned(),
        phone: Some("4105551234".to_owned()),
        email: None,
        residential: None,
    }
}

/// Where everything leaves.
pub fn warehouse() -> Address {
    address("Acme Inc", "2311 York Rd", "Timonium", "MD", "21093")
}

/// Where everything goes.
pub fn customer() -> Address {
    address("Buyer LLC", "12380 Morris Rd", "Alpharetta", "GA", "30005")
}

/// A connection that ships everything in one parcel, makes fulfilments, and is not paused.
pub fn connection(id: &str) -> Result<Connection, waybill::domain::IdError> {
    Ok(Connection {
        id: id.parse()?,
        tenant: "acme".parse()?,
        environment: Environment::Local,
        version: 1,
        paused: false,
        start_from: morning() - jiff::SignedDuration::from_hours(24),
        schedule: Schedule {
            expression: "rate(5 minutes)".to_owned(),
            time_zone: "America/New_York".to_owned(),
        },
        spend_cap_per_hour: Money::new(dec!(1_000_000), "USD"),
        erp: system("netsuite", "1234567_SB1"),
        carrier: system("ups", "A1B2C3"),
        select: Selection::default(),
        ship_from: ShipFrom {
            default: warehouse(),
            locations: BTreeMap::new(),
            of: Shipper::Location,
        },
        packing: Packing {
            rule: ParcelRule::PerOrder,
            package: PackageType {
                code: "02".to_owned(),
                dimensions: None,
                tare: None,
            },
            maximum_weight: Weight::pounds(dec!(150)),
            unit: WeightUnit::Lb,
        },
        service: ServicePolicy {
            allowed: Vec::new(),
            choice: Choice::Cheapest,
            by_ship_method: BTreeMap::new(),
        },
        billing: Billing {
            transport: Payer::Shipper,
            duties: None,
        },
        accounts: Vec::new(),
        label: LabelFormat::Zpl,
        label_link_days: 80,
        customs: CustomsPolicy {
            reason: "SALE".to_owned(),
            terms: None,
            description: "Machine parts".to_owned(),
            origin_country: Some("US".to_owned()),
        },
        address: AddressPolicy::AcceptFormatting,
        unknown_purchase: UnknownPurchase::Recreate,
        write_back: WriteBackPolicy {
            fulfilment: true,
            ..WriteBackPolicy::default()
        },
        tracking: Cadence::default(),
        desk: None,
        stock: None,
        customers: None,
        quote_valid_minutes: 60,
        retention_days: 90,
    })
}

fn system(system: &str, account: &str) -> SystemSettings {
    SystemSettings {
        system: system.to_owned(),
        account: account.to_owned(),
        secret: format!("waybill/test/acme/{system}"),
        base_url: None,
        allow_host: Vec::new(),
        options: serde_json::Value::Null,
    }
}

/// A line of goods of two pounds a piece.
pub fn line(id: &str, ordered: Decimal, ready: Decimal) -> OrderLine {
    OrderLine {
        id: LineId::new(id),
        sku: format!("SKU-{id}"),
        description: Some("Ball valve".to_owned()),
        ordered,
        fulfilled: Decimal::ZERO,
        ready,
        shippable: true,
        weight: Some(Weight::pounds(dec!(2))),
        unit_price: Some(Money::new(dec!(23), "USD")),
        origin_country: Some("US".to_owned()),
        tariff_code: None,
        location: Some(LocationId::new("6")),
        ship_to: None,
        dimensions: None,
        cost_centre: None,
        came_from: Vec::new(),
        flaw: None,
    }
}

/// An order that is ready to ship.
pub fn order(id: &str, lines: Vec<OrderLine>) -> Order {
    Order {
        document: DocumentId::sales_order(id),
        number: format!("SO{id}"),
        standing: Standing::Ready,
        customer_reference: None,
        tracking_shown: None,
        ship_method: None,
        currency: Some("USD".to_owned()),
        ship_to: customer(),
        bill_to: None,
        supplier: None,
        lines,
    }
}
