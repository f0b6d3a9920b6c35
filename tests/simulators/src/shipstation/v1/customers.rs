//! `/customers`: profiles, which can only be read.

use axum::extract::{Path, State as Shared};

use super::super::ShipStation;
use super::super::answer::{Refusal, Reply, ok};
use super::super::asked::Asked;
use super::super::model::{Customer, Id};
use super::shape;

/// `GET /customers`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let state = shipstation.state();
    let sort_by = asked.one_of("sortBy", &["Name", "ModifyDate", "CreateDate"])?;
    let wanted = |customer: &&Customer| {
        asked.is("stateCode", &customer.address.state) && asked.is("countryCode", &customer.address.country)
    };
    let mut found: Vec<&Customer> = state.customers.values().filter(wanted).collect();
    match sort_by.map(str::to_ascii_lowercase).as_deref() {
        Some("modifydate") => found.sort_by_key(|customer| customer.modified_at),
        Some("createdate") => found.sort_by_key(|customer| customer.created_at),
        _ => found.sort_by(|one, other| one.address.name.cmp(&other.address.name)),
    }
    if asked.descends(false)? {
        found.reverse();
    }
    asked.v1_page("customers", state.options.largest_page, &found, |one| {
        shape::customer(one)
    })
}

/// `GET /customers/{id}`.
pub(super) async fn get(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let state = shipstation.state();
    let customer = id.parse().ok().and_then(|id: Id| state.customers.get(&id));
    Ok(ok(shape::customer(customer.ok_or_else(Refusal::v1_not_found)?)))
}
