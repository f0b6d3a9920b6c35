//! A connection, orders and jobs as the tests need them.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use waybill::connection::Connection;
use waybill::domain::{
    Address, CarrierShipmentId, ConnectionId, Consignment, ConsignmentLine, DocumentId, LineId, Nonce, Shipment,
    ShippedParcel, Snapshot, TenantId, Unit, UnitPhase, Units,
};
use waybill::job::{Admission, Job, Step};
use waybill::ports::{AuditEntry, Exchange, NewJob, Save};

pub(crate) fn start() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

pub(crate) fn connection_id() -> ConnectionId {
    "acme-netsuite-ups".parse().unwrap()
}

pub(crate) fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

pub(crate) fn connection() -> Connection {
    let address = serde_json::json!({"name": "Acme", "lines": ["1 Main St"], "city": "Atlanta", "country": "US"});
    let system = |system: &str| {
        serde_json::json!({
            "system": system, "account": "1", "secret": format!("waybill/test/acme/{system}"),
            "base_url": null, "allow_host": [], "options": {},
        })
    };
    let connection = serde_json::json!({
        "id": "acme-netsuite-ups", "tenant": "acme", "environment": "local", "version": 1, "paused": true,
        "start_from": "2026-03-01T00:00:00Z",
        "schedule": {"expression": "rate(5 minutes)", "time_zone": "UTC"},
        "spend_cap_per_hour": {"amount": "100.00", "currency": "USD"},
        "erp": system("netsuite"), "carrier": system("ups"),
        "select": {"statuses": [], "ship_methods": [], "condition": null},
        "ship_from": {"default": address, "locations": {}},
        "packing": {
            "rule": "per-order", "package": {"code": "02", "dimensions": null, "tare": null},
            "maximum_weight": {"value": "150", "unit": "lb"}, "unit": "lb",
        },
        "service": {"allowed": [], "choice": "cheapest", "by_ship_method": {}},
        "billing": {"transport": {"payer": "shipper"}, "duties": null},
        "label": "zpl",
        "customs": {"reason": "SALE", "terms": null, "description": "goods", "origin_country": null},
        "address": "exact", "unknown_purchase": "recreate",
        "write_back": {
            "fulfilment": true,
            "fields": {"tracking": null, "cost": null, "service": null, "status": null, "problem": null},
        },
        "quote_valid_minutes": 30, "retention_days": 90,
    });
    serde_json::from_value(connection).unwrap()
}

pub(crate) fn snapshot(order: &str) -> Snapshot {
    let line = ConsignmentLine {
        line: LineId::new("1"),
        sku: "BOLT".to_owned(),
        description: None,
        quantity: Decimal::from(3),
        weight: None,
        unit_price: None,
        origin_country: None,
        tariff_code: None,
        dimensions: None,
        cost_centre: None,
        flaw: None,
    };
    let consignment = Consignment {
        document: DocumentId::sales_order(order),
        number: format!("SO{order}"),
        customer_reference: None,
        ship_method: None,
        ship_to: Address {
            name: "Jo".to_owned(),
            city: "Reno".to_owned(),
            ..Address::default()
        },
        location: None,
        bill_to: None,
        supplier: None,
        lines: vec![line],
    };
    Snapshot::new(1, start(), consignment)
}

/// The first unit of an order as a job, by a write of this nonce.
pub(crate) fn admitted(order: &str, write: &str) -> NewJob {
    let snapshot = snapshot(order);
    let (connection, tenant, write) = (connection_id(), tenant(), Nonce::new(write));
    let job = Job::admit(
        Admission {
            connection,
            tenant,
            unit: 1,
            write,
        },
        &snapshot,
        start(),
    );
    NewJob {
        job,
        snapshot,
        audit: entry("admitted"),
    }
}

pub(crate) fn units(new: &NewJob) -> Units {
    let unit = Unit {
        number: 1,
        job: new.job.id.clone(),
        quantities: new.snapshot.consignment.quantities(),
        phase: UnitPhase::Open,
        tracking_numbers: Vec::new(),
        terms: None,
        reported: None,
    };
    let none = Units::none(new.job.document.clone(), new.job.number.clone());
    Units {
        version: 1,
        units: vec![unit],
        ..none
    }
}

pub(crate) fn entry(text: &str) -> AuditEntry {
    AuditEntry::new(start(), "waybill", text)
}

pub(crate) fn exchange(received: String) -> Exchange {
    Exchange {
        at: start(),
        system: "ups".to_owned(),
        operation: "ship".to_owned(),
        base: "https://onlinetools.ups.com".to_owned(),
        request: "POST /ship".to_owned(),
        headers: Vec::new(),
        vendor_ids: Vec::new(),
        sent: None,
        status: Some(200),
        received,
        milliseconds: 12,
    }
}

/// The job's next write, by this nonce and a minute later.
pub(crate) fn next(job: &Job, write: &str) -> Save {
    let mut job = job.clone();
    job.version += 1;
    job.last_write = Nonce::new(write);
    job.updated_at += SignedDuration::from_mins(1);
    Save {
        job,
        audit: vec![entry(write)],
        snapshot: None,
        units: None,
        parcels: Vec::new(),
    }
}

pub(crate) fn bought(number: &str) -> Step<Shipment> {
    Step::Done(Shipment {
        id: CarrierShipmentId::new(number),
        parcels: vec![ShippedParcel {
            tracking_number: number.to_owned(),
        }],
        service: None,
        cost: None,
        remarks: Vec::new(),
    })
}
