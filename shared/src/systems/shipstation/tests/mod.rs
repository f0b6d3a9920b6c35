//! What ShipStation is asked and how its answers are read, against fixtures and a ShipStation within this process.

mod check;
mod despatches;
mod here;
mod hooks;
mod hostile;
mod limits;
mod orders;
mod pushes;
mod stock;
mod tracking;
mod v1;
mod voids;

use rust_decimal::{Decimal, dec};
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::domain::{
    Address, Customer, DeskOrder, DeskOrderLine, Despatch, DocumentId, LineId, Money, Stretch, Weight,
};
use crate::ports::ShippingDesk;

/// A file below `tests/fixtures/shipstation`, without its ending.
fn fixture(name: &str) -> Value {
    let path = format!(
        "{}/../tests/fixtures/shipstation/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A connection of people who ship in ShipStation.
fn connection(options: &Value) -> Connection {
    let address = json!({"name": "", "lines": [], "city": "", "country": ""});
    serde_json::from_value(json!({
        "id": "acme-netsuite-shipstation", "tenant": "acme", "environment": "production", "version": 1, "paused": false,
        "start_from": "2026-01-01T00:00:00Z",
        "schedule": {"expression": "rate(5 minutes)", "time_zone": "UTC"},
        "spend_cap_per_hour": {"amount": "0", "currency": "USD"},
        "erp": {"system": "netsuite", "account": "1234567", "secret": "waybill/dev/acme/netsuite", "base_url": null,
                "allow_host": [], "options": {}},
        "carrier": {"system": "shipstation", "account": "acme", "secret": "waybill/dev/acme/shipstation",
                    "base_url": null, "allow_host": [], "options": options},
        "select": {"statuses": [], "ship_methods": [], "condition": null, "rules": []},
        "ship_from": {"default": address, "locations": {}, "of": "location"},
        "packing": {"rule": "per-order", "package": {"code": "", "dimensions": null, "tare": null},
                    "maximum_weight": {"value": "150", "unit": "lb"}, "unit": "lb"},
        "service": {"allowed": [], "choice": "cheapest", "by_ship_method": {}},
        "billing": {"transport": {"payer": "shipper"}, "duties": null},
        "label": "zpl",
        "customs": {"reason": "", "terms": null, "description": "", "origin_country": null},
        "address": "as-is", "unknown_purchase": "hold",
        "write_back": {"fulfilment": true, "fields": {"tracking": null, "cost": null, "service": null, "status": null,
                       "problem": null}},
        "quote_valid_minutes": 60, "retention_days": 90
    }))
    .unwrap()
}

/// What a page tells of, with everything that can be said of it.
async fn in_full(desk: &dyn ShippingDesk, told: &[Despatch]) -> Vec<Despatch> {
    let mut all = Vec::new();
    for one in told {
        all.push(desk.in_full(one).await.unwrap());
    }
    all
}

/// The twentieth of November.
fn that_day() -> Stretch {
    Stretch {
        from: "2026-11-20T00:00:00Z".parse().unwrap(),
        to: "2026-11-21T00:00:00Z".parse().unwrap(),
    }
}

fn line(line: &str, sku: &str, quantity: Decimal, price: Decimal) -> DeskOrderLine {
    DeskOrderLine {
        line: LineId::new(line),
        sku: sku.into(),
        name: None,
        quantity,
        unit_price: Some(Money::new(price, "USD")),
        weight: Some(Weight::pounds(dec!(0.5))),
    }
}

/// The open order of the fixtures, as the ERP states it now: the customer has moved.
fn open_order() -> DeskOrder {
    let customer = Customer {
        id: "77".into(),
        number: "C-778".into(),
        name: "Quist Instruments".into(),
        company: Some("Quist Instruments".into()),
        emails: vec!["orders@quist.example".into(), "nora@example.com".into()],
        phones: vec!["+1 503 555 0199".into()],
        above: vec![("C-1".into(), "Quist Holding".into())],
        fields: [(
            "custom_field1".to_owned(),
            "Quist Holding / Quist Instruments".to_owned(),
        )]
        .into(),
    };
    DeskOrder {
        document: DocumentId::sales_order("1"),
        number: "SO-1001".into(),
        ordered_at: "2026-11-19T08:00:00Z".parse().unwrap(),
        modified: "2026-11-20T08:00:00Z".parse().unwrap(),
        ship_to: Address {
            name: "Quist Instruments".into(),
            attention: Some("Nora Quist".into()),
            lines: vec!["9 Burnside Ave".into()],
            city: "Portland".into(),
            state: Some("OR".into()),
            postal_code: Some("97209".into()),
            country: "US".into(),
            ..Address::default()
        },
        bill_to: None,
        currency: Some("USD".into()),
        ship_method: Some("Ground".into()),
        lines: vec![
            line("11", "FM-20", dec!(2), dec!(49.50)),
            line("12", "GK-1", dec!(10), dec!(0.80)),
        ],
        open: true,
        customer,
    }
}
