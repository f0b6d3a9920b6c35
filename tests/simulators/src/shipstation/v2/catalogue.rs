//! What changes seldom: carriers, ship-from warehouses, products and tags. All of it is only read.

use axum::extract::{Path, State as Shared};
use serde_json::{Value, json};

use super::super::ShipStation;
use super::super::answer::{Refusal, Reply, ok, read_se, request_id};
use super::super::asked::Asked;
use super::super::model::Product;
use super::super::times::utc;
use super::shape;

/// `GET /v2/carriers`.
pub(super) async fn carriers(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    let carriers: Vec<Value> = state.options.carriers.iter().map(shape::carrier).collect();
    // A success carries the members of an error as well, by the file and in truth.
    Ok(ok(
        json!({ "carriers": carriers, "request_id": request_id(), "errors": [] }),
    ))
}

/// `GET /v2/carriers/{id}/services`.
pub(super) async fn services(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    let mut carriers = state.options.carriers.iter();
    let carrier = carriers.find(|carrier| Some(carrier.id) == read_se(&id));
    let carrier = carrier.ok_or_else(|| Refusal::not_found("carrier"))?;
    Ok(ok(json!({ "services": shape::services(carrier) })))
}

/// `GET /v2/warehouses`.
pub(super) async fn warehouses(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    Ok(ok(
        json!({ "warehouses": [shape::warehouse(&state.options.warehouse)] }),
    ))
}

/// `GET /v2/warehouses/{id}`.
pub(super) async fn warehouse(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    let place = &state.options.warehouse;
    if read_se(&id) != Some(place.id) {
        return Err(Refusal::not_found("warehouse"));
    }
    Ok(ok(shape::warehouse(place)))
}

/// `GET /v2/tags`.
pub(super) async fn tags(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    let tags: Vec<Value> = state.tags.iter().map(|tag| json!({ "name": tag.name })).collect();
    Ok(ok(json!({ "tags": tags })))
}

/// `GET /v2/products`.
pub(super) async fn products(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let state = shipstation.state();
    asked.one_of("active", &["true", "false"])?;
    let active = |product: &Product| if product.active { "true" } else { "false" };
    let wanted = |product: &&Product| {
        asked.text("sku").is_none_or(|sku| sku == product.sku)
            && asked.within("name", &product.name)
            && asked.is("active", active(product))
    };
    let found: Vec<&Product> = state.products.values().filter(wanted).collect();
    asked.page("products", ("page_size", 100), 100, &found, |one| product(one))
}

fn product(product: &Product) -> Value {
    json!({
        "product_id": product.id,
        "sku": product.sku,
        "name": product.name,
        "upc": null,
        "price": { "currency": "usd", "amount": 0 },
        "fulfillment_sku": null,
        "create_date": utc(product.created_at),
        "modify_date": utc(product.created_at),
        "active": product.active,
        "warehouse_location": null,
        "aliases": [],
        "product_type": "standalone",
        "is_bundle": false,
        "bundle_components": [],
    })
}
