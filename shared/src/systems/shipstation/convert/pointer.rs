//! Where a webhook points: to ShipStation's own hosts and to lists of what was shipped, or nowhere. Whoever knows a hook's
//! address could name any other, and would be sent the customer's key.

use url::{Position, Url};

use crate::domain::Refusal;
use crate::systems::shipstation::account::{Account, Api};

/// What lies where a pointer leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// A list of labels (V2), or of shipments (V1).
    Labels,
    /// One label.
    Label,
    /// A list of fulfilments.
    Fulfilments,
}

/// A pointer that may be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    /// Scheme and host, and a proxy's path prefix.
    pub(crate) base: Url,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) holds: Holds,
}

impl Pointer {
    /// The whole address, by which a page of it is known.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.base.as_str().trim_end_matches('/'), self.path)
    }
}

/// Looks at a pointer before anything is sent.
pub(crate) fn follow(text: &str, account: &Account) -> Result<Pointer, Refusal> {
    let url = Url::parse(text.trim()).map_err(|_| foreign("is no address"))?;
    let base = base(&url, account)?;
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let prefix = account.base.path().trim_end_matches('/');
    let own = url.origin() == account.base.origin();
    let path = match own.then(|| path.strip_prefix(prefix)).flatten() {
        Some(rest) => rest,
        None => path,
    };
    let (path, holds) = match account.api {
        Api::V2 => of_v2(path)?,
        Api::V1 => of_v1(path)?,
    };
    Ok(Pointer { base, path, holds })
}

/// Under which base the pointer is asked for: its own where that is ShipStation's, the connection's where it goes by a proxy.
fn base(url: &Url, account: &Account) -> Result<Url, Refusal> {
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(foreign("is no plain address"));
    }
    if url.origin() == account.base.origin() {
        return Ok(account.base.clone());
    }
    let host = url.host_str().unwrap_or_default();
    let vendors = url.scheme() == "https" && url.port().is_none() && account.api.owns(host);
    match account.environment {
        crate::connection::Environment::Local => Err(foreign("leads to another host than the connection's base_url")),
        _ if !vendors => Err(foreign("leads to a host that is not ShipStation's")),
        _ if !account.is_vendors() => Ok(account.base.clone()),
        _ => Url::parse(&format!("https://{host}")).map_err(|_| foreign("is no address")),
    }
}

fn of_v2(path: &str) -> Result<(String, Holds), Refusal> {
    let (plain, has_query) = plain(path);
    let parts: Vec<&str> = plain.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["v2", "labels"] if has_query => Ok((path.to_owned(), Holds::Labels)),
        ["v2", "labels", id] if is_id(id) => Ok((path.to_owned(), Holds::Label)),
        ["v2", "fulfillments"] if has_query => Ok((path.to_owned(), Holds::Fulfilments)),
        // A batch only says how many labels it made.
        ["v2", "batches", id] if is_id(id) => Ok((format!("/v2/labels?batch_id={id}"), Holds::Labels)),
        _ => Err(elsewhere()),
    }
}

fn of_v1(path: &str) -> Result<(String, Holds), Refusal> {
    let (plain, has_query) = plain(path);
    match plain.trim_end_matches('/') {
        "/shipments" if has_query => Ok((with_items(path), Holds::Labels)),
        "/fulfillments" if has_query => Ok((path.to_owned(), Holds::Fulfilments)),
        _ => Err(elsewhere()),
    }
}

/// Without its query a list is everything that was ever shipped.
fn plain(path: &str) -> (&str, bool) {
    match path.split_once('?') {
        Some((plain, query)) => (plain, query.contains('=')),
        None => (path, false),
    }
}

/// The same path, asking for what is in the shipments: the webhook's own address leaves it out.
fn with_items(path: &str) -> String {
    let (plain, query) = path.split_once('?').unwrap_or((path, ""));
    let is_items = |field: &&str| {
        let name = field.split('=').next().unwrap_or_default();
        name.eq_ignore_ascii_case("includeShipmentItems")
    };
    let mut fields: Vec<&str> = query.split('&').filter(|field| !is_items(field)).collect();
    fields.push("includeShipmentItems=True");
    format!("{plain}?{}", fields.join("&"))
}

/// An id as V2 writes it.
fn is_id(text: &str) -> bool {
    text.starts_with("se-")
        && text.len() <= 25
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn foreign(why: &str) -> Refusal {
    Refusal::new(
        "foreign-pointer",
        format!("a webhook's address {why}: it is not followed, for whoever waits there would be sent the key"),
    )
}

fn elsewhere() -> Refusal {
    Refusal::new(
        "no-despatches",
        "a webhook's address leads to something that holds no shipments: it is not followed",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connection::{Environment, SystemSettings};
    use crate::systems::shipstation::account;

    fn account(api: &str, base: Option<&str>, environment: Environment) -> Account {
        let host = base.and_then(|base| Some(Url::parse(base).ok()?.host_str()?.to_owned()));
        let settings = SystemSettings {
            system: "shipstation".into(),
            account: "acme".into(),
            secret: "waybill/test/acme/shipstation".into(),
            base_url: base.map(|base| base.parse().unwrap()),
            allow_host: host.into_iter().collect(),
            options: json!({ "api": api }),
        };
        account::read(&settings, environment).unwrap()
    }

    fn led(account: &Account, text: &str) -> Result<(String, Holds), String> {
        let pointer = follow(text, account).map_err(|refusal| refusal.code)?;
        Ok((pointer.text(), pointer.holds))
    }

    /// P41: V2's pointers are followed exactly as they were sent.
    #[test]
    fn pointers_of_v2_lead_to_labels_and_fulfilments() {
        let v2 = account("v2", None, Environment::Production);
        for (text, holds) in [
            (
                "https://api.shipstation.com/v2/labels?batch_id=se-64616278&store_id=7",
                Holds::Labels,
            ),
            ("https://api.shipstation.com/v2/labels/se-1234567890", Holds::Label),
            (
                "https://api.shipstation.com/v2/fulfillments?fulfillment_id=se-16731019&shipment_id=se-412669417",
                Holds::Fulfilments,
            ),
        ] {
            assert_eq!(led(&v2, text), Ok((text.to_owned(), holds)));
        }
        assert_eq!(
            led(&v2, "https://api.shipstation.com/v2/batches/se-1234567890"),
            Ok((
                "https://api.shipstation.com/v2/labels?batch_id=se-1234567890".to_owned(),
                Holds::Labels
            ))
        );
    }

    /// P41: V1 names numbered hosts of its own, and leaves out what is in the shipments.
    #[test]
    fn pointers_of_v1_are_asked_for_with_what_is_in_the_shipments() {
        let v1 = account("v1", None, Environment::Production);
        assert_eq!(
            led(
                &v1,
                "https://ssapi6.shipstation.com/shipments?batchId=187980859&includeShipmentItems=False"
            ),
            Ok((
                "https://ssapi6.shipstation.com/shipments?batchId=187980859&includeShipmentItems=True".to_owned(),
                Holds::Labels
            ))
        );
        assert_eq!(
            led(&v1, "https://ssapi.shipstation.com/shipments?storeID=1&batchId=2"),
            Ok((
                "https://ssapi.shipstation.com/shipments?storeID=1&batchId=2&includeShipmentItems=True".to_owned(),
                Holds::Labels
            ))
        );
    }

    /// P41: a pointer to anywhere else is not followed, whatever it looks like.
    #[test]
    fn pointers_to_foreign_hosts_are_not_followed() {
        let v2 = account("v2", None, Environment::Production);
        for text in [
            "https://evil.example/v2/labels?batch_id=se-1",
            "http://api.shipstation.com/v2/labels?batch_id=se-1",
            "https://api.shipstation.com@evil.example/v2/labels?batch_id=se-1",
            "https://user:pass@api.shipstation.com/v2/labels?batch_id=se-1",
            "https://api.shipstation.com:8443/v2/labels?batch_id=se-1",
            "https://api.shipstation.com.evil.example/v2/labels?batch_id=se-1",
            "https://169.254.169.254/v2/labels?batch_id=se-1",
            "https://ssapi.shipstation.com/v2/labels?batch_id=se-1",
            "https://api.shipengine.com/v2/labels?batch_id=se-1",
            "https://api.shipstation.com\\@evil.example/v2/labels",
            "//api.shipstation.com/v2/labels?batch_id=se-1",
            "file:///etc/passwd",
            "",
        ] {
            let code = led(&v2, text).unwrap_err();
            assert!(code == "foreign-pointer" || code == "no-despatches", "{text}");
        }
        let v1 = account("v1", None, Environment::Production);
        for host in [
            "ssapi6.shipstation.com.evil.example",
            "xssapi6.shipstation.com",
            "ssapi-6.shipstation.com",
        ] {
            let text = format!("https://{host}/shipments?batchId=1");
            assert_eq!(led(&v1, &text), Err("foreign-pointer".to_owned()), "{host}");
        }
    }

    #[test]
    fn pointers_to_anything_but_shipments_are_not_followed() {
        let v2 = account("v2", None, Environment::Production);
        for path in [
            "/v2/labels",
            "/v2/labels/se-1/void",
            "/v2/labels/se-1/track",
            "/v2/labels/../inventory?x=1",
            "/v2/shipments?import_batch_id=b6ba2537",
            "/v2/environment/webhooks?x=1",
            "/v2/batches/se-1%2Fx",
            "/",
        ] {
            let led = led(&v2, &format!("https://api.shipstation.com{path}"));
            assert_eq!(led, Err("no-despatches".to_owned()), "{path}");
        }
        let v1 = account("v1", None, Environment::Production);
        for path in [
            "/shipments",
            "/orders?importBatch=1",
            "/webhooks?x=1",
            "/shipments/1?x=1",
        ] {
            let led = led(&v1, &format!("https://ssapi.shipstation.com{path}"));
            assert_eq!(led, Err("no-despatches".to_owned()), "{path}");
        }
    }

    #[test]
    fn a_local_connection_follows_only_to_its_simulator_and_a_proxied_one_through_its_proxy() {
        let local = account("v2", Some("http://127.0.0.1:9000"), Environment::Local);
        let here = "http://127.0.0.1:9000/v2/labels?batch_id=se-1";
        assert_eq!(led(&local, here), Ok((here.to_owned(), Holds::Labels)));
        for text in [
            "https://api.shipstation.com/v2/labels?batch_id=se-1",
            "http://127.0.0.1:9001/v2/labels?batch_id=se-1",
        ] {
            assert_eq!(led(&local, text), Err("foreign-pointer".to_owned()), "{text}");
        }
        let proxied = account("v2", Some("https://proxy.example/ss"), Environment::Production);
        for text in [
            "https://api.shipstation.com/v2/labels?batch_id=se-1",
            "https://proxy.example/ss/v2/labels?batch_id=se-1",
        ] {
            let through = "https://proxy.example/ss/v2/labels?batch_id=se-1".to_owned();
            assert_eq!(led(&proxied, text), Ok((through, Holds::Labels)), "{text}");
        }
    }
}
