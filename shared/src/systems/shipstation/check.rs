//! `connection check`: everything that the connection needs is tried without changing anything, and each failure says what to
//! do. What ShipStation cannot do at all is said plainly.

use std::collections::BTreeSet;

use serde_json::Value;

use super::account::Api;
use super::client::{ShipStation, body};
use super::convert::{self, query};
use super::wire::lenient::read_text;
use crate::ports::{CallError, Finding, Obstacle};

/// Where keys are made.
const KEYS: &str = "ShipStation > Settings > Account > API Settings";

/// No list of places or stores is longer.
const MOST_PAGES: usize = 20;

pub(super) async fn check(desk: &ShipStation) -> Vec<Finding> {
    let access = access(desk).await;
    let usable = access.result.is_ok();
    let mut findings = vec![access];
    if !usable {
        return findings;
    }
    findings.push(fulfilments(desk).await);
    findings.extend(stores(desk).await);
    findings.extend(stock(desk).await);
    findings.extend(orders(desk).await);
    findings.push(deliveries(desk));
    findings
}

fn finding(what: impl Into<String>, result: Result<String, String>) -> Finding {
    Finding {
        what: what.into(),
        result,
    }
}

/// The key, by reading what every connection reads.
async fn access(desk: &ShipStation) -> Finding {
    let path = match desk.account.api {
        Api::V2 => query("/v2/labels", &[("page", "1"), ("page_size", "1")]),
        Api::V1 => query("/shipments", &[("page", "1"), ("pageSize", "1")]),
    };
    let result = match desk.get("check-labels", path).await {
        Ok(_) => Ok(format!(
            "accepted by the {} API; shipments are readable",
            desk.account.api.name()
        )),
        Err(CallError::Later(later)) if later.obstacle == Obstacle::Unauthorised => Err(wrong_key(desk.account.api)),
        Err(CallError::Refused(refusal)) if is_plan(&refusal.code) => Err(format!(
            "ShipStation does not let the key in ({refusal}): see whether the plan includes the API"
        )),
        Err(error) => Err(advice(&error)),
    };
    finding(
        format!("the key for ShipStation's {} API", desk.account.api.name()),
        result,
    )
}

fn wrong_key(api: Api) -> String {
    let (expected, other) = match api {
        Api::V2 => (
            "api_key, a key of the V2 API",
            "the key and secret of V1 are not accepted there",
        ),
        Api::V1 => ("key and secret of the V1 API", "a key of V2 is not accepted there"),
    };
    format!(
        "ShipStation refuses the key. This connection (api = \"{}\") wants {expected}; {other}. Make one under {KEYS}, and enter it \
         with `waybill secret set`",
        api.name().to_ascii_lowercase()
    )
}

fn is_plan(code: &str) -> bool {
    [
        "forbidden",
        "subscription_inactive",
        "invalid_billing_plan",
        "trial_expired",
        "status-403",
    ]
    .contains(&code)
}

fn advice(error: &CallError) -> String {
    match error {
        CallError::Later(later) => format!("ShipStation gives no answer at the moment ({later}). Try again later"),
        CallError::Refused(refusal) => format!("ShipStation refuses: {refusal}"),
    }
}

async fn fulfilments(desk: &ShipStation) -> Finding {
    let path = match desk.account.api {
        Api::V2 => query("/v2/fulfillments", &[("page", "1"), ("page_size", "1")]),
        Api::V1 => query("/fulfillments", &[("page", "1"), ("pageSize", "1")]),
    };
    let result = desk.get("check-fulfilments", path).await;
    let result = result.map(|_| "readable".to_owned()).map_err(|error| advice(&error));
    finding("orders marked as shipped with other labels", result)
}

/// The connection's stores: V1 lists them, V2 does not.
async fn stores(desk: &ShipStation) -> Vec<Finding> {
    let named: BTreeSet<String> = desk
        .stores
        .iter()
        .cloned()
        .chain(desk.store().map(convert::store))
        .collect();
    if named.is_empty() {
        return Vec::new();
    }
    match desk.account.api {
        Api::V1 => listed_stores(desk, &named).await,
        Api::V2 => {
            let mut findings = Vec::new();
            for store in &named {
                findings.push(orders_of_store(desk, store).await);
            }
            findings
        }
    }
}

async fn listed_stores(desk: &ShipStation, named: &BTreeSet<String>) -> Vec<Finding> {
    let list: Result<Value, CallError> = match desk.get("check-stores", "/stores".to_owned()).await {
        Ok(answer) => body(&answer),
        Err(error) => Err(error),
    };
    let list = match list {
        Ok(list) => list,
        Err(error) => return vec![finding("the stores", Err(advice(&error)))],
    };
    let stores: Vec<(String, String)> = list.as_array().into_iter().flatten().filter_map(store).collect();
    let each = named.iter().map(|id| {
        let known = stores.iter().find(|(known, _)| known == id);
        let result = match known {
            Some((_, name)) => Ok(name.clone()),
            None => Err(format!(
                "ShipStation has no such store; it has {}",
                stores
                    .iter()
                    .map(|(id, name)| format!("{id} ({name})"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        };
        finding(format!("store {id}"), result)
    });
    each.collect()
}

fn store(store: &Value) -> Option<(String, String)> {
    let id = store.get("storeId").and_then(read_text)?;
    Some((id, store.get("storeName").and_then(read_text).unwrap_or_default()))
}

async fn orders_of_store(desk: &ShipStation, store: &str) -> Finding {
    let id = format!("se-{store}");
    let fields = [("store_id", id.as_str()), ("page", "1"), ("page_size", "1")];
    let result = match desk.get("check-store", query("/v2/shipments", &fields)).await {
        Ok(answer) => {
            let page: Result<Value, CallError> = body(&answer);
            let total = page.ok().and_then(|page| page.get("total").and_then(read_text));
            match total.as_deref() {
                Some("0") => {
                    Ok("it has no orders (V2 does not list stores, so that a wrong number looks the same)".to_owned())
                }
                Some(total) => Ok(format!("it has {total} orders")),
                None => Ok("asked for; the answer does not say how many orders it has".to_owned()),
            }
        }
        Err(error) => Err(advice(&error)),
    };
    finding(format!("store {store}"), result)
}

/// The inventory and each place that the connection names.
async fn stock(desk: &ShipStation) -> Vec<Finding> {
    let Some(policy) = &desk.stock else { return Vec::new() };
    if desk.account.api == Api::V1 {
        let words =
            "the V1 API has no inventory: stock is told with api = \"v2\" and a key of V2, or leave [stock] out";
        return vec![finding("stock", Err(words.to_owned()))];
    }
    let inventory = desk
        .get("check-inventory", query("/v2/inventory", &[("limit", "1")]))
        .await;
    let inventory = match inventory {
        Ok(_) => Ok("the Inventory API answers".to_owned()),
        Err(CallError::Refused(refusal)) => Err(format!(
            "ShipStation keeps no inventory that this key may see ({refusal}): the plan needs the Inventory API add-on"
        )),
        Err(error) => Err(advice(&error)),
    };
    let usable = inventory.is_ok();
    let mut findings = vec![finding("the inventory", inventory)];
    if !usable {
        return findings;
    }
    let places = match places(desk).await {
        Ok(places) => places,
        Err(error) => {
            findings.push(finding("the inventory's locations", Err(advice(&error))));
            return findings;
        }
    };
    for (location, place) in &policy.places {
        let known = places.iter().find(|(id, _)| id == place);
        let result = match known {
            Some((_, name)) => Ok(name.clone()),
            None => Err(format!(
                "there is no such inventory location (an inventory location is not a ship-from warehouse); there are {}",
                places
                    .iter()
                    .map(|(id, name)| format!("{id} ({name})"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        };
        findings.push(finding(
            format!("the inventory location {place}, for the ERP's location {location}"),
            result,
        ));
    }
    let words = "ShipStation makes no products by its API: an SKU that it does not know is reported and left out, until it is imported \
                 there";
    findings.push(finding("SKUs", Ok(words.to_owned())));
    findings
}

async fn places(desk: &ShipStation) -> Result<Vec<(String, String)>, CallError> {
    let mut places = Vec::new();
    let mut path = query("/v2/inventory_locations", &[("limit", "500")]);
    for _ in 0..MOST_PAGES {
        let list: Value = body(&desk.get("check-places", path).await?)?;
        let here = list.get("inventory_locations").and_then(Value::as_array);
        places.extend(here.into_iter().flatten().filter_map(|place| {
            let id = place.get("inventory_location_id").and_then(read_text)?;
            Some((id, place.get("name").and_then(read_text).unwrap_or_default()))
        }));
        let next = list.pointer("/links/next/href").and_then(Value::as_str);
        let next = next.and_then(|next| url::Url::parse(next).ok());
        // Only the path is taken, to the connection's own host.
        match next {
            Some(next) if next.path().ends_with("/v2/inventory_locations") => {
                path = format!("/v2/inventory_locations?{}", next.query().unwrap_or_default());
            }
            _ => break,
        }
    }
    Ok(places)
}

/// What is done about customers, and what is not.
async fn orders(desk: &ShipStation) -> Vec<Finding> {
    let Some(policy) = &desk.customers else {
        return Vec::new();
    };
    let words = "ShipStation lets nobody write its customers: names, addresses, telephones and mail of a customer reach it with open \
                 orders, when one is placed and when the customer changes; orders that were shipped or cancelled keep what they say";
    let mut findings = vec![finding("customers", Ok(words.to_owned()))];
    if policy.make_orders && desk.account.api == Api::V2 {
        let result = desk.warehouse().await;
        let result = result
            .map(|warehouse| format!("orders are made to leave {warehouse}"))
            .map_err(|error| advice(&error));
        findings.push(finding("the ship-from warehouse of orders that are made", result));
    }
    findings
}

/// Whether deliveries are told.
fn deliveries(desk: &ShipStation) -> Finding {
    let words = match desk.account.api {
        Api::V2 => {
            "parcels are followed by their labels; of a tracking number that was entered by hand only the delivery is told"
        }
        Api::V1 => "the V1 API tells no deliveries: parcels are not followed, and the ERP shows that they were shipped",
    };
    finding("deliveries", Ok(words.to_owned()))
}
