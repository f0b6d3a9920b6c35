//! What the tests of this folder share.

use serde_json::json;

use crate::connection::Connection;

/// A connection to account 1234567_SB1 that writes everything back.
pub(super) fn connection() -> Connection {
    let address = json!({"name": "Acme", "lines": ["1 Dock Rd"], "city": "Atlanta", "state": "GA", "postal_code": "30301",
                         "country": "US", "phone": "4045550100"});
    serde_json::from_value(json!({
        "id": "acme-netsuite-ups", "tenant": "acme", "environment": "local", "version": 1, "paused": false,
        "start_from": "2026-01-01T00:00:00Z",
        "schedule": {"expression": "rate(5 minutes)", "time_zone": "UTC"},
        "spend_cap_per_hour": {"amount": "1000", "currency": "USD"},
        "erp": {"system": "netsuite", "account": "1234567_SB1", "secret": "waybill/dev/acme/netsuite", "base_url": null,
                "allow_host": [], "options": {}},
        "carrier": {"system": "ups", "account": "A1B2C3", "secret": "waybill/dev/acme/ups", "base_url": null,
                    "allow_host": [], "options": {}},
        "select": {"statuses": [], "ship_methods": [], "condition": null},
        "ship_from": {"default": address, "locations": {}},
        "packing": {"rule": "per-order", "package": {"code": "02", "dimensions": null, "tare": null},
                    "maximum_weight": {"value": "150", "unit": "lb"}, "unit": "lb"},
        "service": {"allowed": [], "choice": "cheapest", "by_ship_method": {}},
        "billing": {"transport": {"payer": "shipper"}, "duties": null},
        "label": "zpl",
        "customs": {"reason": "SALE", "terms": null, "description": "Parts", "origin_country": "US"},
        "address": "accept-formatting", "unknown_purchase": "recreate",
        "write_back": {"fulfilment": true, "fields": {"tracking": "custbody_ups_tracking", "cost": "custbody_ups_cost",
                       "service": "custbody_ups_service", "status": "custbody_ups_status",
                       "problem": "custbody_ups_problem"}},
        "quote_valid_minutes": 60, "retention_days": 90
    }))
    .unwrap()
}
