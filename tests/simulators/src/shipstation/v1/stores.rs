//! What changes seldom: stores, ship-from warehouses, carriers and tags.

use axum::extract::State as Shared;
use serde_json::{Value, json};

use super::super::ShipStation;
use super::super::answer::{Reply, ok};

/// `GET /stores`.
pub(super) async fn stores(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    let stores = state.options.stores.iter().map(|store| {
        json!({
            "storeId": store.id,
            "storeName": store.name,
            "marketplaceId": 0,
            "marketplaceName": store.marketplace,
            "accountName": null,
            "email": null,
            "integrationUrl": null,
            "active": true,
            "companyName": "Acme Inc",
            "phone": "",
            "publicEmail": "",
            "website": "",
            "refreshDate": null,
            "lastRefreshAttempt": null,
            "createDate": "2025-01-01T00:00:00.0000000",
            "modifyDate": "2025-01-01T00:00:00.0000000",
            "autoRefresh": false,
        })
    });
    Ok(ok(Value::Array(stores.collect())))
}

/// `GET /warehouses`.
pub(super) async fn warehouses(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    let place = &state.options.warehouse;
    let address = json!({
        "name": place.address.name,
        "company": place.address.company,
        "street1": place.address.line(0),
        "street2": place.address.line(1),
        "street3": place.address.line(2),
        "city": place.address.city,
        "state": place.address.state,
        "postalCode": place.address.postal_code,
        "country": place.address.country,
        "phone": place.address.phone,
        "residential": place.address.residential,
    });
    Ok(ok(json!([{
        "warehouseId": place.id,
        "warehouseName": place.name,
        "originAddress": address,
        "returnAddress": address,
        "createDate": "2025-01-01T00:00:00.0000000",
        "isDefault": true,
    }])))
}

/// `GET /carriers`.
pub(super) async fn carriers(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    let carriers = state.options.carriers.iter().map(|carrier| {
        json!({
            "name": carrier.name,
            "code": carrier.code,
            "accountNumber": "A1B2C3",
            "requiresFundedAccount": false,
            "balance": 0,
            "nickname": carrier.name,
            "shippingProviderId": carrier.id,
            "primary": carrier.code == "ups",
        })
    });
    Ok(ok(Value::Array(carriers.collect())))
}

/// `GET /accounts/listtags`.
pub(super) async fn tags(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    let tags = state.tags.iter();
    let tags = tags.map(|tag| json!({ "tagId": tag.id, "name": tag.name, "color": "#FFFFFF" }));
    Ok(ok(Value::Array(tags.collect())))
}
