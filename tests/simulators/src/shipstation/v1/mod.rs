//! V1, the older API: `/orders`, `/shipments` and their kin, by its documentation.
//!
//! Quirks: all times are Pacific, without an offset; an order is written whole, so what is left out is lost; `orderNumber`
//! finds what begins with it; lines of a shipment come only when asked for; the customers can only be read.

mod customers;
mod fulfillments;
mod orders;
mod reading;
mod shape;
mod shipments;
mod stores;
mod webhooks;

use axum::Router;
use axum::routing::{delete, get, post};
use http::Method;

use super::ShipStation;

/// The routes.
pub(super) fn routes() -> Router<ShipStation> {
    Router::new()
        .route("/orders", get(orders::list))
        .route("/orders/createorder", post(orders::create))
        .route("/orders/createorders", post(orders::create_many))
        .route("/orders/markasshipped", post(orders::mark_as_shipped))
        .route("/orders/holduntil", post(orders::hold_until))
        .route("/orders/restorefromhold", post(orders::restore_from_hold))
        .route("/orders/addtag", post(orders::add_tag))
        .route("/orders/removetag", post(orders::remove_tag))
        .route("/orders/{id}", get(orders::get).delete(orders::delete))
        .route("/shipments", get(shipments::list))
        .route("/shipments/voidlabel", post(shipments::void_label))
        .route("/fulfillments", get(fulfillments::list))
        .route("/customers", get(customers::list))
        .route("/customers/{id}", get(customers::get))
        .route("/stores", get(stores::stores))
        .route("/warehouses", get(stores::warehouses))
        .route("/carriers", get(stores::carriers))
        .route("/accounts/listtags", get(stores::tags))
        .route("/webhooks", get(webhooks::list))
        .route("/webhooks/subscribe", post(webhooks::subscribe))
        .route("/webhooks/{id}", delete(webhooks::unsubscribe))
}

/// The name of an operation.
pub(super) fn operation(method: &Method, path: &str) -> &'static str {
    let steps: Vec<&str> = path.split('/').collect();
    match (method.as_str(), steps.as_slice()) {
        ("GET", ["orders"]) => "v1_orders",
        ("POST", ["orders", "createorder"]) => "v1_create_order",
        ("POST", ["orders", "createorders"]) => "v1_create_orders",
        ("POST", ["orders", "markasshipped"]) => "v1_mark_as_shipped",
        ("POST", ["orders", "holduntil" | "restorefromhold"]) => "v1_hold",
        ("POST", ["orders", "addtag" | "removetag"]) => "v1_tag",
        ("GET", ["orders", _]) => "v1_order",
        ("DELETE", ["orders", _]) => "v1_delete_order",
        ("GET", ["shipments"]) => "v1_shipments",
        ("POST", ["shipments", "voidlabel"]) => "v1_void",
        ("GET", ["fulfillments"]) => "v1_fulfillments",
        ("GET", ["customers"]) => "v1_customers",
        ("GET", ["customers", _]) => "v1_customer",
        ("GET", ["stores" | "warehouses" | "carriers"]) => "v1_stores",
        ("GET", ["accounts", "listtags"]) => "v1_tags",
        (_, ["webhooks", ..]) => "v1_webhooks",
        _ => "unknown",
    }
}
