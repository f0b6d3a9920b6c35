//! What `connection check` tries: nothing of it touches a document. Each failure says what to do.

use http::Method;
use serde_json::Value;

use super::account;
use super::client::NetSuite;
use super::convert;
use super::suiteql;
use super::wire::{HeadRow, Page};
use crate::domain::Refusal;
use crate::ports::{CallError, Finding, Obstacle};

/// Tables with a column of each, and the permission that shows them.
const TABLES: [(&str, &str, &str); 4] = [
    ("transactionline", "id", "Transactions > Sales Order"),
    ("item", "id", "Lists > Items"),
    ("customer", "id", "Lists > Customers"),
    ("transactionShippingAddress", "nkey", "Transactions > Sales Order"),
];

pub(super) async fn check(netsuite: &NetSuite) -> Vec<Finding> {
    let access = access(netsuite).await;
    let reached = access.iter().all(|finding| finding.result.is_ok());
    let mut findings = access;
    if reached {
        findings.push(clock(netsuite).await);
        findings.push(orders(netsuite).await);
        for (table, column, permission) in TABLES {
            findings.push(one_row(netsuite, table, column, permission).await);
        }
        for (what, field) in account::named(&netsuite.policy.fields) {
            findings.push(custom_field(netsuite, what, field).await);
        }
        findings.push(record(netsuite, "salesOrder", "Transactions > Sales Order (Edit)").await);
        if netsuite.policy.fulfilment {
            findings.push(record(netsuite, "itemFulfillment", "Transactions > Item Fulfillment (Full)").await);
        }
    }
    findings
}

fn finding(what: impl Into<String>, result: Result<String, String>) -> Finding {
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

fn permission(error: &CallError, needed: &str) -> String {
    format!("{error}: give the integration's role the permission {needed}")
}

fn seen(rows: Result<Page<HeadRow>, CallError>, nothing: &str, needed: &str) -> Result<String, String> {
    match rows {
        Ok(page) if page.items.is_empty() => Err(nothing.to_owned()),
        Ok(_) => Ok("readable".to_owned()),
        Err(error) => Err(permission(&error, needed)),
    }
}

async fn orders(netsuite: &NetSuite) -> Finding {
    let condition = netsuite.select.condition.as_deref();
    let rows = netsuite.query(&suiteql::one_order("tranid", condition), 1).await;
    let nothing = "no sales order is visible: either there is none that meets select.condition, or the integration's role \
                   may not see them (Transactions > Sales Order)";
    let result = match rows {
        Err(CallError::Refused(refusal)) if condition.is_some() => Err(format!(
            "{refusal}: see whether select.condition is a SuiteQL condition on t, and the role has the \
                         permission Reports > SuiteAnalytics Workbook"
        )),
        rows => seen(rows, nothing, "Reports > SuiteAnalytics Workbook"),
    };
    finding("sales orders by SuiteQL", result)
}

async fn one_row(netsuite: &NetSuite, table: &str, column: &str, needed: &str) -> Finding {
    let rows = netsuite.query(&suiteql::one_row(table, column), 1).await;
    let nothing = format!("no row is visible: either there is none, or the integration's role lacks {needed}");
    finding(format!("{table} by SuiteQL"), seen(rows, &nothing, needed))
}

async fn custom_field(netsuite: &NetSuite, what: &str, field: &str) -> Finding {
    let rows: Result<Page<HeadRow>, CallError> = netsuite.query(&suiteql::one_order(field, None), 1).await;
    let result = match rows {
        Ok(_) => Ok(field.to_owned()),
        Err(CallError::Refused(refusal)) => Err(no_field(what, field, &refusal)),
        Err(error) => Err(error.to_string()),
    };
    finding(format!("the field for {what}"), result)
}

fn no_field(what: &str, field: &str, refusal: &Refusal) -> String {
    if convert::unknown_identifier(refusal).is_some() {
        format!(
            "the account has no field {field}: make it (Customization > Lists, Records & Fields > Transaction Body Fields, \
             applied to sales orders, shown to the role), or correct write_back.fields.{what}"
        )
    } else {
        refusal.to_string()
    }
}

async fn record(netsuite: &NetSuite, kind: &str, needed: &str) -> Finding {
    let path = format!("/services/rest/record/v1/{kind}?limit=1");
    let result: Result<Value, CallError> = netsuite.get("list", path).await;
    let result = result
        .map(|_| "readable".to_owned())
        .map_err(|error| permission(&error, needed));
    finding(format!("{kind} by the record service"), result)
}
