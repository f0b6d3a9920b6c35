//! V2: `/v2/...`, as in ShipStation's OpenAPI file and, for fulfilments, updates and the newer events, its documentation.
//!
//! Quirks: an order is a shipment; most changes answer 204 without a body; creating answers 200 with `has_errors` where
//! it failed; an unknown filter is overlooked; the file's 404 of a label or a batch has no body.

mod batches;
mod catalogue;
mod fulfillments;
mod inventory;
mod labels;
mod reading;
mod shape;
mod shipments;
mod webhooks;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use http::{Method, StatusCode};

use super::ShipStation;
use super::answer::Refusal;
pub(super) use reading::{blank, decimal};
pub(super) use shape::tracked;

/// The routes.
pub(super) fn routes(shipstation: &ShipStation) -> Router<ShipStation> {
    Router::new()
        .route("/v2/shipments", get(shipments::list).post(shipments::create))
        .route("/v2/shipments/{id}", get(shipments::get).put(shipments::update))
        .route(
            "/v2/shipments/external_shipment_id/{key}",
            get(shipments::by_external_id),
        )
        .route("/v2/shipments/{id}/cancel", put(shipments::cancel))
        .route(
            "/v2/shipments/{id}/tags/{name}",
            post(shipments::tag).delete(shipments::untag),
        )
        .route("/v2/tags", get(catalogue::tags))
        .route("/v2/labels", get(labels::list))
        .route("/v2/labels/shipment/{id}", post(labels::create))
        .route("/v2/labels/{id}", get(labels::get))
        .route("/v2/labels/{id}/track", get(labels::track))
        .route("/v2/labels/{id}/void", put(labels::void))
        .route("/v2/labels/{id}/return", post(labels::returns))
        .route("/v2/fulfillments", get(fulfillments::list).post(fulfillments::create))
        .route("/v2/batches", get(batches::list))
        .route("/v2/batches/{id}", get(batches::get))
        .route("/v2/carriers", get(catalogue::carriers))
        .route("/v2/carriers/{id}/services", get(catalogue::services))
        .route("/v2/warehouses", get(catalogue::warehouses))
        .route("/v2/warehouses/{id}", get(catalogue::warehouse))
        .route("/v2/products", get(catalogue::products))
        .route("/v2/environment/webhooks", get(webhooks::list).post(webhooks::create))
        .route(
            "/v2/environment/webhooks/{id}",
            get(webhooks::get).put(webhooks::update).delete(webhooks::delete),
        )
        .merge(of_the_add_on().layer(from_fn_with_state(shipstation.clone(), subscribed)))
}

/// What only an account with the Inventory add-on has.
fn of_the_add_on() -> Router<ShipStation> {
    Router::new()
        .route("/v2/inventory", get(inventory::levels).post(inventory::change))
        .route(
            "/v2/inventory_warehouses",
            get(inventory::warehouses).post(inventory::add_warehouse),
        )
        .route(
            "/v2/inventory_warehouses/{id}",
            get(inventory::warehouse)
                .put(inventory::rename_warehouse)
                .delete(inventory::remove_warehouse),
        )
        .route(
            "/v2/inventory_locations",
            get(inventory::locations).post(inventory::add_location),
        )
        .route(
            "/v2/inventory_locations/{id}",
            get(inventory::location)
                .put(inventory::rename_location)
                .delete(inventory::remove_location),
        )
}

async fn subscribed(State(shipstation): State<ShipStation>, request: Request, next: Next) -> Response {
    if shipstation.state().options.inventory {
        return next.run(request).await;
    }
    let message = "the account has no inventory";
    Refusal::v2(
        StatusCode::FORBIDDEN,
        "account_status",
        "subscription_inactive",
        message,
    )
    .into_response()
}

/// The name of an operation, from the path behind `v2/`.
pub(super) fn operation(method: &Method, path: &str) -> &'static str {
    let steps: Vec<&str> = path.split('/').collect();
    match (method.as_str(), steps.as_slice()) {
        ("GET", ["shipments"]) => "v2_shipments",
        ("POST", ["shipments"]) => "v2_create_shipments",
        ("GET", ["shipments", "external_shipment_id", _]) => "v2_shipment_by_external_id",
        ("GET", ["shipments", _]) => "v2_shipment",
        ("PUT", ["shipments", _]) => "v2_update_shipment",
        ("PUT", ["shipments", _, "cancel"]) => "v2_cancel_shipment",
        (_, ["shipments", _, "tags", _]) => "v2_tag",
        ("GET", ["tags"]) => "v2_tags",
        ("GET", ["labels"]) => "v2_labels",
        ("POST", ["labels", "shipment", _]) => "v2_create_label",
        ("GET", ["labels", _]) => "v2_label",
        ("GET", ["labels", _, "track"]) => "v2_track",
        ("PUT", ["labels", _, "void"]) => "v2_void",
        ("POST", ["labels", _, "return"]) => "v2_return",
        ("GET", ["fulfillments"]) => "v2_fulfillments",
        ("POST", ["fulfillments"]) => "v2_create_fulfillments",
        ("GET", ["batches", ..]) => "v2_batch",
        ("GET", ["carriers", ..]) => "v2_carriers",
        ("GET", ["warehouses", ..]) => "v2_warehouses",
        ("GET", ["products"]) => "v2_products",
        ("GET", ["inventory"]) => "v2_inventory",
        ("POST", ["inventory"]) => "v2_change_inventory",
        (_, ["inventory_warehouses", ..]) => "v2_inventory_warehouses",
        (_, ["inventory_locations", ..]) => "v2_inventory_locations",
        (_, ["environment", "webhooks", ..]) => "v2_webhooks",
        _ => "unknown",
    }
}
