//! What a connection says about its PeopleSoft: where it stands, what may be selected and what is written.

use url::{Host, Url};

use super::options::Options;
use super::service::{RECORD_KEY, is_column};
use crate::connection::{
    Addressed, Connection, Environment, FieldMap, Mistake, Selection, WriteBackPolicy, WriteBackTarget,
};
use crate::http::{Network, is_private};

/// Everything of a connection that this system reads, valid.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The database's name, for people and for shared limits.
    pub(super) account: String,
    /// Scheme, host, port and path prefix, up to the gateway.
    pub(super) base: Url,
    /// What the customer's network asks for.
    pub(super) network: Network,
    pub(super) options: Options,
}

impl Settings {
    /// Reads them, or says everything that is wrong.
    pub(super) fn of(connection: &Connection) -> Result<Self, Vec<Mistake>> {
        validate(&Addressed::erp(connection))
    }

    /// What an address begins with, after the base: the gateway, its connector and the node.
    pub(super) fn connector(&self) -> String {
        format!("/{}/RESTListeningConnector/{}", self.options.gateway, self.options.node)
    }
}

/// Everything that is wrong with what a connection says about PeopleSoft, at once.
pub fn mistakes(addressed: &Addressed<'_>) -> Vec<Mistake> {
    let mut mistakes = validate(addressed).err().unwrap_or_default();
    let certificates = addressed.settings.options.get("ca_certificate");
    let pem = certificates
        .and_then(serde_json::Value::as_str)
        .filter(|pem| !pem.trim().is_empty());
    if let Some(pem) = pem {
        certificate(pem, &mut mistakes);
    }
    mistakes
}

fn validate(addressed: &Addressed<'_>) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let settings = addressed.settings;
    let account = account(&settings.account, &mut mistakes);
    let options = Options::read(&settings.options, &mut mistakes);
    let local = addressed.environment == Environment::Local;
    let reach = Reach {
        local,
        private: options.private || local,
    };
    let base = match &settings.base_url {
        Some(base) => {
            reach.judge("erp.base_url", base, &mut mistakes);
            prefix(base, &options, &mut mistakes);
            Some(base.clone())
        }
        None => {
            let allowed = "the address of the web server, up to the gateway: https://erp.example.com:8443/site";
            mistakes.push(Mistake::missing("erp.base_url", allowed));
            None
        }
    };
    if let Some(identity) = &options.identity_url {
        reach.judge("erp.options.identity_url", identity, &mut mistakes);
    }
    let network = Network {
        certificates: options.certificates.clone(),
        private: reach.private,
    };
    selection(addressed.select, &options, &mut mistakes);
    written(addressed.write_back, &options, &mut mistakes);
    match base {
        Some(base) if mistakes.is_empty() => Ok(Settings {
            account,
            base,
            network,
            options,
        }),
        _ => Err(mistakes),
    }
}

fn account(text: &str, mistakes: &mut Vec<Mistake>) -> String {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !(1..=30).contains(&text.len()) || !text.bytes().all(legal) {
        mistakes.push(Mistake::new(
            "erp.account",
            format!("{text:?} is no name of a database"),
            "the database's name in letters, digits, - and _, such as FS92PRD",
        ));
    }
    text.trim().to_ascii_uppercase()
}

/// Which hosts may be reached, and how.
#[derive(Clone, Copy)]
struct Reach {
    local: bool,
    private: bool,
}

impl Reach {
    fn judge(self, path: &str, url: &Url, mistakes: &mut Vec<Mistake>) {
        if url.scheme() != "https" && !self.local {
            let wrong = format!("{} would send credentials in the clear", url.scheme());
            mistakes.push(Mistake::new(path, wrong, "https"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            let allowed = "scheme, host, port and path; credentials stand in the secret";
            mistakes.push(Mistake::new(path, "it holds more than an address", allowed));
        }
        if !self.private && leads_inside(url) {
            let host = url.host_str().unwrap_or_default();
            mistakes.push(Mistake::new(
                path,
                format!("{host} belongs to a private network"),
                "a public host, or private_network = true where Waybill stands in the customer's network",
            ));
        }
    }
}

fn leads_inside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(v4)) => is_private(v4.into()),
        Some(Host::Ipv6(v6)) => is_private(v6.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

fn prefix(base: &Url, options: &Options, mistakes: &mut Vec<Mistake>) {
    let mut segments = base.path().split('/');
    if segments.any(|segment| segment.eq_ignore_ascii_case(&options.gateway)) {
        let wrong = format!("it goes on to the gateway {}", options.gateway);
        let allowed = "the address up to the gateway: https://erp.example.com:8443/site; its name is erp.gateway";
        mistakes.push(Mistake::new("erp.base_url", wrong, allowed));
    }
}

/// Opening a connection says the same of a certificate; here it is told beside everything else.
fn certificate(pem: &str, mistakes: &mut Vec<Mistake>) {
    let network = Network {
        certificates: Some(pem.to_owned()),
        private: true,
    };
    let Ok(client) = crate::http::client() else { return };
    if let Err(wrong) = client.within(&network) {
        let allowed = "PEM texts of the authorities that signed the server's certificate";
        mistakes.push(Mistake::new("erp.options.ca_certificate", wrong, allowed));
    }
}

fn selection(select: &Selection, options: &Options, mistakes: &mut Vec<Mistake>) {
    if select.rules.is_empty() {
        mistakes.push(Mistake::new(
            "select.rules",
            "is missing, so that every purchase order would ship",
            "rules that say which orders ship through the carrier: [[select.rules]] with carrier = \"UPS\"",
        ));
    }
    if let Some(field) = select.fields().find(|field| !is_column(field)) {
        mistakes.push(Mistake::new(
            "select.rules",
            format!("{field:?} is no column of a query"),
            "columns of the query of lines in capital letters, such as SHIP_TYPE_ID",
        ));
    }
    if select.condition.is_some() {
        let wrong = "PeopleSoft is asked by queries of its own, which hold their criteria themselves";
        mistakes.push(Mistake::new("select.condition", wrong, "select.rules"));
    }
    for status in &select.statuses {
        if super::convert::wanted_status(status, options).is_none() {
            mistakes.push(Mistake::new(
                "select.statuses",
                format!("{status:?} is no status"),
                "a code or a name, with PO: or REQ: before it where it is of one kind only: D, Dispatched, PO:D, REQ:A",
            ));
        }
    }
    for kind in &options.documents {
        let wanted = super::convert::wanted_statuses(*kind, select, options);
        if wanted.iter().any(|code| matches!(code.as_str(), "X" | "PX" | "C")) {
            mistakes.push(Mistake::new(
                "select.statuses",
                format!("a {} that is canceled or complete does not ship", kind.words()),
                "statuses like D (dispatched) and A (approved)",
            ));
        }
    }
}

fn written(policy: &WriteBackPolicy, options: &Options, mistakes: &mut Vec<Mistake>) {
    if policy.fulfilment {
        let wrong = "PeopleSoft's receipts are not made by Waybill";
        mistakes.push(Mistake::new(
            "write_back.fulfilment",
            wrong,
            "write_back.fields, or store_only = true",
        ));
    }
    if policy.to == WriteBackTarget::Invoice {
        let wrong = "what PeopleSoft bills is not written to";
        mistakes.push(Mistake::new("write_back.to", wrong, "\"order\""));
    }
    if policy.fields.label_link.is_some() {
        let wrong = "PeopleSoft is not given links to labels";
        mistakes.push(Mistake::new("write_back.fields.label_link", wrong, "nothing"));
    }
    if policy.note.is_some() {
        let wrong = "PeopleSoft is written to by columns of a record";
        mistakes.push(Mistake::new(
            "write_back.note",
            wrong,
            "write_back.fields, or store_only = true",
        ));
    }
    let write = &options.write;
    let beside = [&write.carrier_column, &write.currency_column, &write.flag_column];
    let mut taken: Vec<&str> = beside.into_iter().flatten().map(String::as_str).collect();
    for (what, column) in named(&policy.fields) {
        let path = format!("write_back.fields.{what}");
        if !is_column(column) {
            mistakes.push(Mistake::new(
                path,
                format!("{column:?} is no column"),
                "a column of the record that the service writes, in capital letters, such as TRACKING",
            ));
        } else if RECORD_KEY.contains(&column) {
            let wrong = format!("{column} is a part of the record's key");
            mistakes.push(Mistake::new(path, wrong, "a column of the record beside its key"));
        } else if taken.contains(&column) {
            let wrong = format!("{column} is written twice");
            let allowed =
                "a column of its own; erp.write.carrier_column, currency_column and flag_column take one each, or \"\"";
            mistakes.push(Mistake::new(path, wrong, allowed));
        }
        taken.push(column);
    }
}

/// The configured fields with the names under which they stand in the file.
pub(super) fn named(fields: &FieldMap) -> Vec<(&'static str, &str)> {
    let all = [
        ("tracking", &fields.tracking),
        ("cost", &fields.cost),
        ("service", &fields.service),
        ("status", &fields.status),
        ("status_at", &fields.status_at),
        ("place", &fields.place),
        ("signed_by", &fields.signed_by),
        ("estimated_delivery", &fields.estimated_delivery),
        ("problem", &fields.problem),
    ];
    let configured = all
        .into_iter()
        .filter_map(|(what, field)| Some((what, field.as_deref()?)));
    configured.collect()
}
