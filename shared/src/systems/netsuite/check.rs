//! What `connection check` tries: nothing of it touches a document. Each failure says what to do.

use http::Method;
use jiff::SignedDuration;
use serde_json::Value;

use super::account;
use super::client::NetSuite;
use super::convert::{self, Target};
use super::options::Trigger;
use super::suiteql;
use super::wire::{HeadRow, Page};
use crate::connection::WriteBackTarget;
use crate::domain::{DocumentId, Refusal, Standing};
use crate::ports::{CallError, Finding, Obstacle, OrderSource as _, Scan};

/// How far back an order to read is looked for.
const RECENT: SignedDuration = SignedDuration::from_hours(24 * 30);

pub(super) async fn check(netsuite: &NetSuite) -> Vec<Finding> {
    let mut findings = access(netsuite).await;
    if findings.iter().any(|finding| finding.result.is_err()) {
        return findings;
    }
    findings.push(clock(netsuite).await);
    let (documents, recent) = recent(netsuite).await;
    findings.push(documents);
    if let Some(document) = &recent {
        findings.push(whole_order(netsuite, document).await);
        if writes_orders(netsuite) {
            findings.push(record(netsuite, document).await);
        }
    }
    if netsuite.policy.to == WriteBackTarget::Invoice {
        findings.extend(invoices(netsuite).await);
    }
    if reads_costs(netsuite) {
        findings.push(costs(netsuite).await);
    }
    for (what, field) in account::named(&netsuite.policy.fields) {
        findings.push(custom_field(netsuite, what, field, recent.as_ref()).await);
    }
    if netsuite.policy.fulfilment {
        findings.push(fulfilments(netsuite).await);
    }
    findings.extend(netsuite.check_desk().await);
    findings
}

/// Whether anything is ever written to an order; where nothing is, it need not be editable.
fn writes_orders(netsuite: &NetSuite) -> bool {
    netsuite.policy.to == WriteBackTarget::Order || netsuite.policy.fields.problem.is_some()
}

/// Whether documents are read that have a second line for what each line's goods cost.
fn reads_costs(netsuite: &NetSuite) -> bool {
    let trigger = netsuite.settings.options.trigger;
    trigger == Trigger::FulfilmentShipped || netsuite.policy.to == WriteBackTarget::Invoice
}

/// Whether the lines of goods can be told from those lines, by a look at the lines of no document.
async fn costs(netsuite: &NetSuite) -> Finding {
    let result = match netsuite.lines(&["0"]).await {
        Ok(_) if netsuite.is_missing(suiteql::COSTS) => Err(NO_COSTS.to_owned()),
        Ok(_) => Ok("readable".to_owned()),
        Err(error) => Err(permission(&error, "Reports > SuiteAnalytics Workbook")),
    };
    finding("which lines of fulfilments and invoices are costs", result)
}

const NO_COSTS: &str = "SuiteQL does not know the column iscogs of transaction lines, so that the goods of a fulfilment or an invoice \
                        would be counted twice: nothing ships and no invoice is written to until it does. Turn on Setup > Company > \
                        Enable Features > Items & Inventory > Inventory, and see that the integration's role has Reports > \
                        SuiteAnalytics Workbook and sees the cost lines of Transactions > Item Fulfillment and Transactions > Invoice";

/// What this connection ships, in the words of NetSuite's pages.
fn documents(netsuite: &NetSuite) -> &'static str {
    match netsuite.settings.options.trigger {
        Trigger::FulfilmentShipped => "item fulfilments",
        Trigger::Ready | Trigger::OrderShipped => "sales orders",
    }
}

pub(super) fn finding(what: impl Into<String>, result: Result<String, String>) -> Finding {
    let what = what.into();
    Finding { what, result }
}

/// The credential, then the account's host with it.
async fn access(netsuite: &NetSuite) -> Vec<Finding> {
    let account = &netsuite.settings.account;
    let url = &netsuite.endpoint.base;
    let token = netsuite.auth.header(&Method::GET, url).await;
    let token = token
        .map(|_| "accepted".to_owned())
        .map_err(|error| why_no_token(&error));
    let host = url.host_str().unwrap_or_default().to_owned();
    let time = match &token {
        Ok(_) => netsuite
            .server_time()
            .await
            .map(|time| format!("the server's time is {time}")),
        Err(_) => return vec![finding(format!("the credential for NetSuite account {account}"), token)],
    };
    let time = time.map_err(|error| match &error {
        CallError::Later(later) if later.obstacle == Obstacle::Unauthorised => format!(
            "{error}: NetSuite does not accept the credential. Look at Setup > Users/Roles > View Login Audit Trail; the \
             role needs REST Web Services and Log in using OAuth 2.0 Access Tokens (or Log in using Access Tokens)"
        ),
        _ => format!("{error}: see whether {host} can be reached and erp.account is right"),
    });
    vec![
        finding(format!("the credential for NetSuite account {account}"), token),
        finding(format!("calling {host}"), time),
    ]
}

fn why_no_token(error: &CallError) -> String {
    let advice = match error {
        CallError::Refused(refusal) => match refusal.code.as_str() {
            "invalid_client" => {
                "client_id and certificate_id must stand together in Setup > Integration > OAuth 2.0 Client Credentials \
                 (M2M) Setup of this account; a sandbox refresh removes them"
            }
            "invalid_grant" => {
                "see that the certificate is the private key's, has not expired or been revoked, and is mapped to an \
                 active user and role; that the account is the right one; and that this machine's clock is right. A \
                 refresh token that has ended is renewed by `waybill connection authorize`"
            }
            "invalid_request" | "unsupported_grant_type" => {
                "see that the integration record allows Client Credentials (Machine to Machine) Grant, or Authorization \
                 Code Grant, as the secret's kind says"
            }
            _ => "enter the secret again with `waybill secret set`",
        },
        CallError::Later(_) => "see that the account's host can be reached and erp.account is right",
    };
    format!("{error}: {advice}")
}

async fn clock(netsuite: &NetSuite) -> Finding {
    let what = "the account's time zone";
    let measured = match netsuite.measure_zone().await {
        Ok(zone) => zone,
        Err(error) => return finding(what, Err(permission(&error, "Reports > SuiteAnalytics Workbook"))),
    };
    let now = netsuite.endpoint.clock.now();
    let seen = measured.to_offset(now);
    match &netsuite.settings.options.time_zone {
        Some(zone) if zone.to_offset(now) != seen => {
            let said = zone.to_offset(now);
            let text =
                format!("erp.options.time_zone stands at UTC{said}, the database at UTC{seen}: correct the option");
            finding(what, Err(text))
        }
        Some(_) => finding(what, Ok(format!("UTC{seen}, as erp.options.time_zone says"))),
        None => finding(what, Ok(format!("UTC{seen}, as measured"))),
    }
}

pub(super) fn permission(error: &CallError, needed: &str) -> String {
    format!("{error}: give the integration's role the permission {needed}")
}

/// Documents as a poll sees them, and one of them.
async fn recent(netsuite: &NetSuite) -> (Finding, Option<DocumentId>) {
    let what = format!("{} of the last 30 days by SuiteQL", documents(netsuite));
    let since = netsuite.endpoint.clock.now() - RECENT;
    let scan = Scan {
        since,
        after: None,
        limit: 1,
    };
    match netsuite.changed(&scan).await {
        Ok(heads) => match heads.into_iter().next() {
            Some(head) => (finding(what, Ok("readable".to_owned())), Some(head.document)),
            None => (finding(what, Err(none_visible(netsuite))), None),
        },
        Err(error) => {
            let condition = match &netsuite.select.condition {
                Some(_) => "; see also whether select.condition is a SuiteQL condition on t",
                None => "",
            };
            let advice = permission(&error, "Reports > SuiteAnalytics Workbook");
            (finding(what, Err(format!("{advice}{condition}"))), None)
        }
    }
}

fn none_visible(netsuite: &NetSuite) -> String {
    match netsuite.settings.options.trigger {
        Trigger::FulfilmentShipped => NO_FULFILMENT,
        Trigger::Ready | Trigger::OrderShipped => NO_ORDER,
    }
    .to_owned()
}

const NO_ORDER: &str = "no sales order is visible: either there is none that meets select.condition, or the integration's \
                        role may not see them (Transactions > Sales Order, Transactions > Find Transaction)";

const NO_FULFILMENT: &str = "no item fulfilment is visible: either nobody has made one lately, or the integration's role may not \
                             see them (Transactions > Item Fulfillment (View), Transactions > Sales Order (View), \
                             Transactions > Find Transaction)";

/// An order read as a poll reads it: the lines, the items and the address must be there.
async fn whole_order(netsuite: &NetSuite, document: &DocumentId) -> Finding {
    let orders = netsuite.read(std::slice::from_ref(document)).await;
    let result = match orders.map(|orders| orders.into_iter().next()) {
        Ok(Some(order)) if order.lines.is_empty() => Err(format!(
            "{} shows no lines of goods: either it has none, or the integration's role lacks Lists > Items",
            order.number
        )),
        Ok(Some(order)) if order.ship_to.lines.is_empty() && order.standing == Standing::Ready => Err(format!(
            "{} shows no shipping address: enter one, or give the role Lists > Customers",
            order.number
        )),
        Ok(Some(order)) => Ok(format!("{} with {} lines", order.number, order.lines.len())),
        Ok(None) => Err(none_visible(netsuite)),
        Err(error) => Err(permission(
            &error,
            "Lists > Items, Lists > Customers and Lists > Locations",
        )),
    };
    finding("an order with its lines, items and address", result)
}

/// The record service loads a record for editing even to show it, so that this needs the permission to edit.
async fn record(netsuite: &NetSuite, document: &DocumentId) -> Finding {
    let result = order_record(netsuite, document).await;
    let needed = "Transactions > Sales Order (Edit)";
    finding(
        "a sales order by the record service",
        result.map_err(|error| permission(&error, needed)),
    )
}

async fn order_record(netsuite: &NetSuite, document: &DocumentId) -> Result<String, CallError> {
    let Some(order) = netsuite.order_of(document).await? else {
        return Ok("not tried: the fulfilment's order is gone".to_owned());
    };
    let path = convert::record_path(Target::Order, &order.id).map_err(CallError::Refused)?;
    let record = netsuite.get::<Value>("sales-order", format!("{path}?fields=tranId"));
    record.await.map(|_| "readable".to_owned())
}

/// An invoice by SuiteQL, and the same by the record service, which loads it for editing.
async fn invoices(netsuite: &NetSuite) -> Vec<Finding> {
    let (by_query, by_record) = ("invoices by SuiteQL", "an invoice by the record service");
    let page: Result<Page<HeadRow>, CallError> = netsuite.query(&suiteql::any_invoice(), 1).await;
    let id = match page {
        Ok(page) => page.items.into_iter().find_map(|row| row.id),
        Err(error) => {
            let advice = permission(
                &error,
                "Transactions > Invoice (Edit) and Transactions > Find Transaction",
            );
            return vec![finding(by_query, Err(advice))];
        }
    };
    let Some(id) = id else {
        return vec![finding(by_query, Ok(NO_INVOICE.to_owned()))];
    };
    let result = match convert::record_path(Target::Invoice, &id) {
        Ok(path) => {
            let record = netsuite.get::<Value>("invoice-fields", format!("{path}?fields=tranId"));
            record.await
        }
        Err(refusal) => Err(CallError::Refused(refusal)),
    };
    let result = result.map(|_| "readable".to_owned());
    let result = result.map_err(|error| permission(&error, "Transactions > Invoice (Edit)"));
    vec![finding(by_query, Ok("readable".to_owned())), finding(by_record, result)]
}

const NO_INVOICE: &str = "none is visible: if there are invoices, give the integration's role Transactions > Invoice (Edit) and \
                          Transactions > Find Transaction";

/// A look for a fulfilment that nobody has made.
async fn fulfilments(netsuite: &NetSuite) -> Finding {
    let needed = "Transactions > Item Fulfillment (Full)";
    let result = netsuite.fulfilment("waybill-connection-check").await;
    let result = result
        .map(|_| "readable".to_owned())
        .map_err(|error| permission(&error, needed));
    finding("item fulfilments by the record service", result)
}

async fn custom_field(netsuite: &NetSuite, what: &str, field: &str, order: Option<&DocumentId>) -> Finding {
    let id = order.map_or("0", |document| document.id.as_str());
    let rows: Result<Page<HeadRow>, CallError> = netsuite.query(&suiteql::field(field, id), 1).await;
    let result = match rows {
        Ok(_) => Ok(field.to_owned()),
        Err(CallError::Refused(refusal)) => Err(no_field(holder(netsuite, what), what, field, &refusal)),
        Err(error) => Err(error.to_string()),
    };
    finding(format!("the field for {what}"), result)
}

/// Whose field it is; a problem always stands on the order.
fn holder(netsuite: &NetSuite, what: &str) -> &'static str {
    match netsuite.policy.to {
        WriteBackTarget::Invoice if what != "problem" => "invoices",
        WriteBackTarget::Invoice | WriteBackTarget::Order => "sales orders",
    }
}

fn no_field(holder: &str, what: &str, field: &str, refusal: &Refusal) -> String {
    if convert::unknown_identifier(refusal).as_deref() == Some(field) {
        format!(
            "the account has no field {field}: make it (Customization > Lists, Records & Fields > Transaction Body Fields, \
             applied to {holder}, shown to the role), or correct write_back.fields.{what}"
        )
    } else {
        refusal.to_string()
    }
}
