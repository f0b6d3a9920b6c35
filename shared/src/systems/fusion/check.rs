//! What `connection check` tries: nothing of it touches a document. Each failure says what to do.

use std::collections::BTreeMap;

use http::Method;
use jiff::SignedDuration;
use serde_json::Value;

use super::account;
use super::client::Fusion;
use super::convert::Change;
use super::options::Level;
use super::query;
use super::wire::{Page, Segments, as_text};
use crate::domain::{DocumentId, Order, Standing};
use crate::ports::{CallError, Finding, Obstacle, OrderSource as _, Scan};

/// How far back an order to read is looked for.
const RECENT: SignedDuration = SignedDuration::from_hours(24 * 90);

pub(super) async fn check(fusion: &Fusion) -> Vec<Finding> {
    let mut findings = access(fusion).await;
    if findings.iter().any(|finding| finding.result.is_err()) {
        return findings;
    }
    findings.extend(attributes(fusion).await);
    findings.extend(referred_to(fusion).await);
    let (scan, recent) = recent(fusion).await;
    findings.push(scan);
    if let Some(document) = &recent {
        findings.push(whole_order(fusion, document).await);
        if !fusion.policy.store_only {
            findings.push(draft(fusion, document).await);
        }
    }
    findings
}

fn finding(what: impl Into<String>, result: Result<String, String>) -> Finding {
    let what = what.into();
    Finding { what, result }
}

/// The credential, then the pod with it.
async fn access(fusion: &Fusion) -> Vec<Finding> {
    let url = &fusion.endpoint.base;
    let what = format!("the credential for Fusion pod {}", fusion.account);
    let token = fusion.auth.header(&Method::GET, url).await;
    if let Err(error) = token {
        return vec![finding(what, Err(why_no_token(&error)))];
    }
    let accepted = match fusion.mint() {
        Some(_) => "a token was issued",
        None => "there is a user and a password",
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let parameters = [("limit", "1"), ("fields", "POHeaderId,OrderNumber")];
    let path = query::path(&fusion.resource("purchaseOrders"), &parameters);
    let page: Result<Page<Value>, CallError> = fusion.page("check", path).await;
    let reached = match page {
        Ok(page) if page.items.is_empty() => Err(NOTHING_TO_SEE.to_owned()),
        Ok(_) => Ok("purchase orders can be read".to_owned()),
        Err(error) => Err(why_not_in(&error, fusion, &host)),
    };
    vec![
        finding(what, Ok(accepted.to_owned())),
        finding(format!("purchase orders of {host}"), reached),
    ]
}

const NOTHING_TO_SEE: &str = "Fusion answers, and shows no purchase order at all. It hides silently what a user may not see: give \
                              the integration's user a role with the privilege View Purchase Order, and data access to the \
                              procurement business unit (Manage Data Access for Users, or Manage Procurement Agents)";

fn why_no_token(error: &CallError) -> String {
    let advice = match error {
        CallError::Refused(refusal) => match refusal.code.as_str() {
            "invalid_client" => {
                "client_id and client_secret must be those of a confidential application that is active"
            }
            "invalid_scope" => {
                "copy erp.scope from the application's Add Scope panel, to the letter: audience and scope stand together \
                 without a blank"
            }
            "invalid_grant" | "unsupported_grant_type" | "unauthorized_client" => {
                "the application must allow the grant that the secret's kind names, in the identity domain of the pod itself; \
                 an assertion's certificate must be uploaded under certificate_alias, and its user must exist"
            }
            _ => "see erp.identity_url, erp.scope and the secret",
        },
        CallError::Later(_) => "see whether erp.identity_url can be reached and is the pod's own identity domain",
    };
    format!("{error}: {advice}")
}

fn why_not_in(error: &CallError, fusion: &Fusion, host: &str) -> String {
    match error {
        CallError::Later(later) if later.obstacle == Obstacle::Unauthorised => {
            let advice = match fusion.mint() {
                Some(_) => {
                    "the token is good and Fusion does not take it: erp.scope must be this pod's, and with client credentials \
                     there must be a Fusion user whose name is the client id"
                }
                None => "see that the password has not expired and that the pod lets users in by Basic authentication",
            };
            format!("{error}: {advice}")
        }
        CallError::Refused(_) => {
            format!("{error}: give the integration's user a role with the privilege View Purchase Order Web Service")
        }
        CallError::Later(_) => format!("{error}: see whether {host} can be reached and lets this network in"),
    }
}

// ---- what orders refer to ------------------------------------------------------------------------------------------

/// The resources that orders refer to, each by itself: a role may see orders and none of these.
async fn referred_to(fusion: &Fusion) -> Vec<Finding> {
    let mut findings = Vec::new();
    if fusion.settings.options.ask_locations {
        let advice =
            "give the integration's role the privilege to view locations in HCM, or set erp.locations = \"map\"";
        findings.push(
            probe(
                fusion,
                "locations",
                fusion.hcm_resource("locationsV2"),
                "LocationId",
                advice,
            )
            .await,
        );
    }
    let advice =
        "give the integration's role the privilege Get Item, and access to the organizations that receive goods";
    findings.push(probe(fusion, "items", fusion.resource("itemsV2"), "ItemId", advice).await);
    if fusion.asks_suppliers() {
        let advice = "give the integration's role the privilege View Supplier: the connection names suppliers, or ships from them";
        findings.push(probe(fusion, "suppliers", fusion.resource("suppliers"), "SupplierId", advice).await);
    }
    findings
}

async fn probe(fusion: &Fusion, what: &str, resource: String, field: &str, advice: &str) -> Finding {
    let path = query::path(&resource, &[("limit", "1"), ("fields", field)]);
    let page: Result<Page<Value>, CallError> = fusion.page("check", path).await;
    let result = match page {
        Ok(page) if page.items.is_empty() => Err(format!("Fusion answers, and shows none: {advice}")),
        Ok(_) => Ok("readable".to_owned()),
        Err(error) => Err(format!("{error}: {advice}")),
    };
    finding(what, result)
}

// ---- attributes --------------------------------------------------------------------------------------------------

/// The segments that are written and the fields that rules ask for, as the pod describes its own resources.
async fn attributes(fusion: &Fusion) -> Vec<Finding> {
    let written: Vec<(&str, &str)> = account::named(&fusion.policy.fields);
    let asked: Vec<&str> = fusion.select.fields().collect();
    if written.is_empty() && asked.is_empty() {
        return Vec::new();
    }
    let drafts = match written.is_empty() {
        true => Ok(BTreeMap::new()),
        false => described(fusion, "draftPurchaseOrders", Some(fusion.settings.options.flex_level)).await,
    };
    let orders = match asked.is_empty() {
        true => Ok(BTreeMap::new()),
        false => described(fusion, "purchaseOrders", None).await,
    };
    let level = match fusion.settings.options.flex_level {
        Level::Header => "purchase order headers",
        Level::Schedule => "purchase order schedules",
    };
    let write = written.iter().map(|(what, field)| {
        let result = drafts
            .clone()
            .and_then(|known| may_be_written(&known, field, what, level));
        finding(format!("the segment for {what}"), result)
    });
    let ask = asked.iter().map(|field| {
        let result = orders.clone().and_then(|known| match known.contains_key(*field) {
            true => Ok((*field).to_owned()),
            false => Err(format!(
                "purchase orders have no attribute and no segment {field}: correct select.rules, or deploy the flexfield"
            )),
        });
        finding(format!("the field {field} of the rules"), result)
    });
    write.chain(ask).collect()
}

fn may_be_written(known: &BTreeMap<String, bool>, field: &str, what: &str, level: &str) -> Result<String, String> {
    match known.get(field) {
        Some(true) => Ok(field.to_owned()),
        Some(false) => Err(format!(
            "{field} may not be updated: make the segment updatable, or name another"
        )),
        None => Err(format!(
            "there is no segment {field}: make and deploy it (Manage Descriptive Flexfields, for {level}), or correct \
             write_back.fields.{what}"
        )),
    }
}

/// Every attribute that a resource and its children have, or the flexfield of a level alone, and whether it may be updated.
async fn described(fusion: &Fusion, name: &str, level: Option<Level>) -> Result<BTreeMap<String, bool>, String> {
    let path = format!("{}/describe", fusion.resource(name));
    let call = fusion.call("describe", Method::GET, path);
    let answer = fusion.ask(&call).await;
    let answer = answer.map_err(|error| format!("{name} cannot be described: {error}"))?;
    let body = answer
        .json()
        .ok_or_else(|| format!("the description of {name} cannot be read"))?;
    let mut known = BTreeMap::new();
    let flexfield = level.and_then(|level| flexfield_of(body.pointer(&format!("/Resources/{name}"))?, level));
    collect(flexfield.unwrap_or(&body), &mut known);
    if known.is_empty() {
        return Err(format!(
            "the description of {name} names no attributes: the role may not see the resource"
        ));
    }
    Ok(known)
}

/// The flexfield of a level: a segment of the order's is none of the schedules'.
fn flexfield_of(resource: &Value, level: Level) -> Option<&Value> {
    resource.pointer(match level {
        Level::Header => "/children/DFF",
        Level::Schedule => "/children/lines/children/schedules/children/DFF",
    })
}

fn collect(value: &Value, known: &mut BTreeMap<String, bool>) {
    match value {
        Value::Object(fields) => {
            for attribute in fields.get("attributes").and_then(Value::as_array).into_iter().flatten() {
                let name = attribute.get("name").and_then(as_text);
                let updatable = attribute.get("updatable").and_then(as_text).as_deref() != Some("false");
                if let Some(name) = name {
                    *known.entry(name).or_insert(false) |= updatable;
                }
            }
            fields.values().for_each(|below| collect(below, known));
        }
        Value::Array(items) => items.iter().for_each(|below| collect(below, known)),
        _ => {}
    }
}

// ---- an order ----------------------------------------------------------------------------------------------------

/// Orders as a poll sees them, and one of them.
async fn recent(fusion: &Fusion) -> (Finding, Option<DocumentId>) {
    let what = "purchase orders of the last 90 days that may ship";
    let scan = Scan {
        since: fusion.endpoint.clock.now() - RECENT,
        after: None,
        limit: 1,
    };
    match fusion.heads(&scan).await {
        Ok(heads) => match heads.into_iter().next() {
            Some(head) => (finding(what, Ok("readable".to_owned())), Some(head.document)),
            None => {
                let words = "there is none in the statuses, business units and the condition of this connection: make one and \
                             check again, so that it is seen to be read whole";
                (finding(what, Err(words.to_owned())), None)
            }
        },
        Err(error) => {
            let words = format!(
                "{error}: see whether select.condition is an expression on the order's header, and whether erp.time_literal is \
                 what this pod takes for LastUpdateDate"
            );
            (finding(what, Err(words)), None)
        }
    }
}

/// An order read as a poll reads it: its schedules, their locations and items must be there.
async fn whole_order(fusion: &Fusion, document: &DocumentId) -> Finding {
    let orders = fusion.read(std::slice::from_ref(document)).await;
    let result = match orders.map(|orders| orders.into_iter().next()) {
        Ok(Some(order)) => whole(&order),
        Ok(None) => Err("the order is gone again: check once more".to_owned()),
        Err(error) => Err(format!(
            "{error}: the role must read purchase orders with lines, schedules and distributions"
        )),
    };
    finding("an order with its schedules, locations and items", result)
}

fn whole(order: &Order) -> Result<String, String> {
    let number = &order.number;
    if order.lines.is_empty() {
        return Err(format!(
            "{number} shows no schedules: the role must read lines and schedules"
        ));
    }
    if let Some(flaw) = order.lines.iter().find_map(|line| line.flaw.as_ref()) {
        return Err(format!("{number}: {flaw}"));
    }
    match &order.standing {
        Standing::Ready => Ok(format!("{number} with {} schedules", order.lines.len())),
        Standing::Waiting(reason) => Ok(format!(
            "{number} with {} schedules; it does not ship: {reason}",
            order.lines.len()
        )),
        Standing::Cancelled | Standing::Closed => Ok(format!("{number}, which does not ship any more")),
    }
}

/// The draft of an order, through which everything is written.
async fn draft(fusion: &Fusion, document: &DocumentId) -> Finding {
    let filter = format!("POHeaderId = {}", document.id);
    let path = query::path(
        &fusion.resource("draftPurchaseOrders"),
        &[("q", filter.as_str()), ("limit", "1")],
    );
    let page: Result<Page<Segments>, CallError> = fusion.page("check", path).await;
    let result = match page {
        Ok(page) => Ok(match page.items.first().map(state) {
            None | Some(Change::None) => "readable".to_owned(),
            Some(_) => "readable; a change order of it is under way, and a write would wait for that".to_owned(),
        }),
        Err(error) => Err(format!(
            "{error}: give the integration's user a role with the privilege Edit Purchase Order (or set write_back.store_only)"
        )),
    };
    finding("the draft of an order, for change orders", result)
}

fn state(row: &Segments) -> Change {
    serde_json::from_value(Value::Object(row.clone())).map_or(Change::None, |order| super::convert::state(&order))
}
