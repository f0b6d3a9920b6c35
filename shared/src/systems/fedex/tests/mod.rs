//! What FedEx is asked and how its answers are read, against fixtures; the calls, against a server of canned answers.

mod answers;
mod calls;
mod hostile;
mod lookups;
mod pushed;
mod requests;
mod stub;
mod tokens;
mod tracker;
mod tracking;

use jiff::civil::date;
use rust_decimal::{Decimal, dec};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::account::{self, Account};
use crate::connection::{Environment, SystemSettings};
use crate::domain::{
    Address, Billing, ConsignmentLine, Customs, Dimensions, DocumentId, JobId, LabelFormat, Length, LineId, Money,
    Parcel, Payer, RateRequest, ShipmentRequest, Weight,
};

/// A file below `tests/fixtures/fedex`, without its ending.
fn fixture(name: &str) -> Value {
    let path = format!("{}/../tests/fixtures/fedex/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn settings(base: Option<&str>, options: Value) -> SystemSettings {
    SystemSettings {
        system: "fedex".into(),
        account: "700257037".into(),
        secret: "waybill/test/acme/fedex".into(),
        base_url: base.map(|base| base.parse().unwrap()),
        allow_host: Vec::new(),
        options,
    }
}

/// The keys of one project for everything.
fn secret() -> SecretString {
    SecretString::from(r#"{"api_key":"l7-ship","secret_key":"s3cret"}"#)
}

/// The keys of two projects.
fn two_secrets() -> SecretString {
    SecretString::from(
        r#"{"api_key":"l7-ship","secret_key":"s3cret","track_api_key":"l7-track","track_secret_key":"0ther"}"#,
    )
}

fn account(options: Value) -> Account {
    account::read(&settings(None, options), Environment::Production).unwrap()
}

fn plain() -> Account {
    account(json!({}))
}

fn reference() -> JobId {
    JobId::of(
        &"acme-netsuite-fedex".parse().unwrap(),
        &DocumentId::sales_order("5012"),
        1,
    )
}

fn address(name: &str, street: &str, town: (&str, &str, &str, &str), phone: &str) -> Address {
    let (city, state, postal_code, country) = town;
    Address {
        name: name.into(),
        attention: Some("Jo Miller".into()),
        lines: vec![street.into()],
        city: city.into(),
        state: (!state.is_empty()).then(|| state.into()),
        postal_code: Some(postal_code.into()),
        country: country.into(),
        phone: Some(phone.into()),
        ..Address::default()
    }
}

fn depot() -> Address {
    address(
        "Acme Sensors Inc",
        "410 Harbor Ave",
        ("Baltimore", "MD", "21230", "US"),
        "410-555-0100",
    )
}

fn buyer() -> Address {
    Address {
        lines: vec!["77 Peachtree Walk".into(), "Suite 4".into()],
        residential: Some(true),
        email: Some("lab@example.com".into()),
        ..address(
            "Blue Ridge Labs",
            "",
            ("Atlanta", "GA", "30309-1234", "US"),
            "+1 (404) 555-0199 ext. 7",
        )
    }
}

fn canadian() -> Address {
    address(
        "Laval Optique Inc",
        "12 rue des Pins",
        ("Laval", "QC", "H7N 0B2", "CA"),
        "514 555 0123",
    )
}

fn german() -> Address {
    address(
        "Messtechnik Nord GmbH",
        "Hafenstrasse 9",
        ("Hamburg", "Hamburg (Land)", "20457", "DE"),
        "+49 (0)40 555 0177",
    )
}

fn parcel(pounds: Decimal) -> Parcel {
    Parcel {
        packaging: "YOUR_PACKAGING".into(),
        weight: Weight::pounds(pounds),
        dimensions: Some(Dimensions {
            length: dec!(8),
            width: dec!(11.5),
            height: dec!(6),
            unit: Length::In,
        }),
        contents: Vec::new(),
    }
}

fn customs() -> Customs {
    let line = |sku: &str, description: &str, quantity, price| ConsignmentLine {
        line: LineId::new(sku),
        sku: sku.into(),
        description: Some(description.into()),
        quantity,
        weight: Some(Weight::pounds(dec!(1.25))),
        unit_price: Some(Money::new(price, "USD")),
        origin_country: Some("US".into()),
        tariff_code: Some("9026.20.40".into()),
        dimensions: None,
        cost_centre: None,
        flaw: None,
    };
    Customs {
        description: "Pressure sensors".into(),
        reason: "SALE".into(),
        terms: Some("DAP".into()),
        invoice_number: "SO-5012".into(),
        invoice_date: date(2026, 11, 20),
        currency: "USD".into(),
        goods: vec![
            line("PS-10", "Pressure sensor 0-10 bar", dec!(3), dec!(120.5)),
            line("CAL-1", "Calibration certificate", dec!(1), dec!(15)),
        ],
    }
}

fn domestic() -> ShipmentRequest {
    ShipmentRequest {
        reference: reference(),
        order_number: "SO-5012".into(),
        customer_reference: Some("PO-4711".into()),
        ship_from: depot(),
        ship_to: buyer(),
        parcels: vec![parcel(dec!(4.91))],
        service: "GROUND_HOME_DELIVERY".into(),
        billing: Billing {
            transport: Payer::Shipper,
            duties: None,
        },
        label: LabelFormat::Zpl,
        ship_date: date(2026, 11, 20),
        customs: None,
    }
}

fn to_canada() -> ShipmentRequest {
    ShipmentRequest {
        ship_to: canadian(),
        service: "FEDEX_GROUND".into(),
        customs: Some(customs()),
        ..domestic()
    }
}

fn to_germany() -> ShipmentRequest {
    ShipmentRequest {
        ship_to: german(),
        service: "FEDEX_INTERNATIONAL_PRIORITY".into(),
        label: LabelFormat::Pdf,
        customs: Some(customs()),
        customer_reference: None,
        parcels: vec![parcel(dec!(4.91)), parcel(dec!(12))],
        billing: Billing {
            transport: Payer::Shipper,
            duties: Some(Payer::Shipper),
        },
        ..domestic()
    }
}

fn rating() -> RateRequest {
    RateRequest {
        ship_from: depot(),
        ship_to: buyer(),
        parcels: vec![parcel(dec!(4.91)), parcel(dec!(2))],
        billing: Billing {
            transport: Payer::Shipper,
            duties: None,
        },
        ship_date: date(2026, 11, 20),
        customs: None,
    }
}
