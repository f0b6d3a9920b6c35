//! What only PeopleSoft knows of a connection's settings. Nearly everything is the customer's to name.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, dec};
use serde_json::Value;
use url::Url;

use super::queries::{self, Kind, Query};
use super::service::Service;
use crate::connection::Mistake;
use crate::domain::{Length, WeightUnit};
use crate::http::ClientAuthentication;

/// The fewest and the most of a standard unit that another can be.
const FEWEST: Decimal = dec!(0.0001);
const MOST: Decimal = dec!(1_000_000);

/// Every key that there is.
const KEYS: &str = "ca_certificate, private_network, gateway, node, query_service, query_owner, connected, max_rows, \
                    business_units, documents, time_zone, datetime_format, strip_correlation, queries, columns, prompts, \
                    statuses, weight_units, length_units, unit_conversions, concurrency, identity_url, token_path, scope, \
                    client_authentication, timeout_seconds, lost_request_minutes, text_limit, status_text, write";

/// What only PeopleSoft knows, of `SystemSettings::options`.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// PEM of authorities that are trusted beside the public ones.
    pub(super) certificates: Option<String>,
    /// Whether the host may lie in a private network.
    pub(super) private: bool,
    /// The gateway's path segment.
    pub(super) gateway: String,
    /// The database's default local node; case-sensitive.
    pub(super) node: String,
    /// The query service's alias with its version.
    pub(super) query_service: String,
    /// Whose queries they are, as the address spells it.
    pub(super) query_owner: String,
    /// What `isconnectedquery` says.
    pub(super) connected: String,
    /// The most rows that one query is asked for.
    pub(super) max_rows: u16,
    /// The business units whose documents ship, in order.
    pub(super) business_units: Vec<String>,
    /// The kinds of documents that ship, in order.
    pub(super) documents: Vec<Kind>,
    /// The database server's.
    pub(super) time_zone: TimeZone,
    /// How prompts and written times are spelt.
    pub(super) datetime_format: String,
    /// Whether `A.PO_ID` is `PO_ID`.
    pub(super) strip_correlation: bool,
    /// Names of queries, by our key.
    pub(super) queries: BTreeMap<String, String>,
    /// Names of columns, by ours.
    pub(super) columns: BTreeMap<String, String>,
    /// Names of prompts, by ours.
    pub(super) prompts: BTreeMap<String, String>,
    /// Codes of statuses, by their long names in lower case.
    pub(super) statuses: BTreeMap<String, String>,
    /// Units of weight, by the customer's codes in upper case.
    pub(super) weight_units: BTreeMap<String, WeightUnit>,
    /// Units of length, by the customer's codes in upper case.
    pub(super) length_units: BTreeMap<String, Length>,
    /// How many of the item's standard unit one of another is: by `ITEM/UNIT`, `UNIT:STANDARD` or `UNIT`.
    pub(super) unit_conversions: BTreeMap<String, Decimal>,
    /// How many requests of ours may be under way at once.
    pub(super) concurrency: u16,
    /// The customer's identity provider, where tokens are asked for.
    pub(super) identity_url: Option<Url>,
    /// The path of the token address.
    pub(super) token_path: String,
    pub(super) scope: Option<String>,
    pub(super) client_authentication: ClientAuthentication,
    /// The longest that one call may take; `None` is what the whole fleet allows.
    pub(super) timeout: Option<Duration>,
    /// For how long a request whose answer was lost may still be worked on.
    pub(super) lost_request: Duration,
    /// The most characters that a text column takes.
    pub(super) text_limit: usize,
    /// What the status says once the shipment is bought.
    pub(super) status_text: String,
    /// The service that writes.
    pub(super) write: Service,
}

impl Default for Options {
    fn default() -> Self {
        let statuses = [
            ("approved", "A"),
            ("complete", "C"),
            ("completed", "C"),
            ("closed", "C"),
            ("dispatched", "D"),
            ("denied", "DA"),
            ("initial", "I"),
            ("line denied", "LD"),
            ("open", "O"),
            ("pending approval", "PA"),
            ("pending", "P"),
            ("pending cancel", "PX"),
            ("canceled", "X"),
            ("cancelled", "X"),
        ];
        let weights = [
            ("LB", WeightUnit::Lb),
            ("LBS", WeightUnit::Lb),
            ("OZ", WeightUnit::Oz),
            ("KG", WeightUnit::Kg),
            ("KGS", WeightUnit::Kg),
            ("G", WeightUnit::G),
            ("GM", WeightUnit::G),
            ("GR", WeightUnit::G),
        ];
        let lengths = [("IN", Length::In), ("INCH", Length::In), ("CM", Length::Cm)];
        Self {
            certificates: None,
            private: false,
            gateway: "PSIGW".to_owned(),
            node: "PSFT_EP".to_owned(),
            query_service: "ExecuteQuery.v1".to_owned(),
            query_owner: "public".to_owned(),
            connected: "n".to_owned(),
            max_rows: 1000,
            business_units: Vec::new(),
            documents: vec![Kind::PurchaseOrder],
            time_zone: TimeZone::UTC,
            datetime_format: "%Y-%m-%d %H:%M:%S".to_owned(),
            strip_correlation: true,
            queries: BTreeMap::new(),
            columns: BTreeMap::new(),
            prompts: BTreeMap::new(),
            statuses: statuses.map(|(text, code)| (text.to_owned(), code.to_owned())).into(),
            weight_units: weights.map(|(code, unit)| (code.to_owned(), unit)).into(),
            length_units: lengths.map(|(code, unit)| (code.to_owned(), unit)).into(),
            unit_conversions: BTreeMap::new(),
            concurrency: 2,
            identity_url: None,
            token_path: "/oauth2/token".to_owned(),
            scope: None,
            client_authentication: ClientAuthentication::Basic,
            timeout: None,
            lost_request: Duration::from_secs(15 * 60),
            text_limit: 254,
            status_text: "Label created".to_owned(),
            write: Service::default(),
        }
    }
}

impl Options {
    /// Reads the options; what is wrong goes to `mistakes` and keeps its default.
    pub(super) fn read(value: &Value, mistakes: &mut Vec<Mistake>) -> Self {
        let mut options = Self::default();
        let empty = serde_json::Map::new();
        let table = match value {
            Value::Null => &empty,
            Value::Object(table) => table,
            _ => {
                mistakes.push(Mistake::new("erp.options", "this is not a table", "a table"));
                &empty
            }
        };
        for (key, value) in table {
            if key == "write" {
                options.write = Service::read(value, mistakes);
            } else if let Err(allowed) = options.set(key, value) {
                let wrong = match key.as_str() {
                    "ca_certificate" => "this is no certificate".to_owned(),
                    _ => refused(key, value, KEYS),
                };
                mistakes.push(Mistake::new(format!("erp.options.{key}"), wrong, allowed));
            }
        }
        for (key, allowed) in [
            (
                "business_units",
                "the business units whose documents ship, like [\"US001\"]",
            ),
            (
                "time_zone",
                "the database server's IANA time zone, such as \"America/Chicago\"",
            ),
        ] {
            if !table.contains_key(key) {
                mistakes.push(Mistake::missing(format!("erp.options.{key}"), allowed));
            }
        }
        options
    }

    /// Sets one option, or says what is allowed.
    fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
        match key {
            "ca_certificate" => {
                self.certificates = Some(
                    text.ok_or("PEM texts, beginning with -----BEGIN CERTIFICATE-----")?
                        .to_owned(),
                );
            }
            "private_network" => self.private = value.as_bool().ok_or("true or false")?,
            "gateway" => self.gateway = segment(text, "the gateway's path segment, such as \"PSIGW\"")?,
            "node" => self.node = segment(text, "the default local node of the database, such as \"PSFT_EP\"")?,
            "query_service" => self.query_service = segment(text, "an alias with its version: \"ExecuteQuery.v1\"")?,
            "query_owner" => self.query_owner = one_of(text, &["public", "PUBLIC", "private", "PRIVATE"])?,
            "connected" => self.connected = one_of(text, &["n", "N"])?,
            "max_rows" => self.max_rows = whole(value, 2, 10_000)?,
            "business_units" => self.business_units = business_units(value)?,
            "documents" => self.documents = documents(value)?,
            "time_zone" => {
                let zone = text.and_then(|name| TimeZone::get(name).ok());
                self.time_zone = zone.ok_or("an IANA time zone, such as \"America/Chicago\"")?;
            }
            "datetime_format" => self.datetime_format = datetime_format(text)?,
            "strip_correlation" => self.strip_correlation = value.as_bool().ok_or("true or false")?,
            "queries" => self.queries = renamed(value, &query_keys(), is_segment)?,
            "columns" => {
                self.columns = renamed(
                    value,
                    &known(|query| [query.columns, query.sometimes, query.optional].concat()),
                    |_| true,
                )?
            }
            "prompts" => self.prompts = renamed(value, &known(|query| query.prompts.to_vec()), is_prompt)?,
            "statuses" => self.statuses.extend(statuses(value)?),
            "weight_units" => self.weight_units.extend(units(value, weight_unit, "lb, oz, kg or g")?),
            "length_units" => self.length_units.extend(units(value, length_unit, "in or cm")?),
            "unit_conversions" => self.unit_conversions = conversions(value)?,
            _ => return self.set_access(key, value, text),
        }
        Ok(())
    }

    fn set_access(&mut self, key: &str, value: &Value, text: Option<&str>) -> Result<(), String> {
        match key {
            "concurrency" => self.concurrency = whole(value, 1, 20)?,
            "identity_url" => {
                let url = text.and_then(|text| Url::parse(text).ok());
                let plain = url.filter(|url| url.query().is_none() && url.fragment().is_none() && url.has_host());
                self.identity_url =
                    Some(plain.ok_or("the address of the identity provider like \"https://login.example.com\"")?);
            }
            "token_path" => {
                let path = text.filter(|text| text.starts_with('/') && !text.contains(['#', ' ']));
                self.token_path = path.ok_or("a path that begins with /")?.to_owned();
            }
            "scope" => self.scope = Some(text.ok_or("the scope as the identity provider shows it")?.to_owned()),
            "client_authentication" => {
                self.client_authentication = match text {
                    Some("basic") => ClientAuthentication::Basic,
                    Some("form") => ClientAuthentication::Form,
                    _ => return Err("\"basic\" or \"form\"".to_owned()),
                };
            }
            "timeout_seconds" => self.timeout = Some(Duration::from_secs(whole(value, 10, 120)?.into())),
            "lost_request_minutes" => self.lost_request = Duration::from_secs(60 * u64::from(whole(value, 1, 1440)?)),
            "text_limit" => self.text_limit = whole(value, 20, 4000)?.into(),
            "status_text" => {
                let fits = text.filter(|text| text.chars().count() <= 100);
                self.status_text = fits.ok_or("a text of 1 to 100 characters")?.to_owned();
            }
            _ => return Err(KEYS.to_owned()),
        }
        Ok(())
    }

    /// The name of a query.
    pub(super) fn query<'a>(&'a self, query: &'a Query) -> &'a str {
        self.queries.get(query.key).map_or(query.name, String::as_str)
    }

    /// The customer's name of a column.
    pub(super) fn column<'a>(&'a self, column: &'a str) -> &'a str {
        self.columns.get(column).map_or(column, String::as_str)
    }

    /// The customer's name of a prompt.
    pub(super) fn prompt<'a>(&'a self, prompt: &'a str) -> &'a str {
        self.prompts.get(prompt).map_or(prompt, String::as_str)
    }

    /// The code of a status that stands as a code or as its long name; `None` for a text that is neither.
    pub(super) fn status_code(&self, text: &str) -> Option<String> {
        let known = self.statuses.get(&text.to_lowercase());
        let is_code = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase());
        known.cloned().or_else(|| is_code.then(|| text.to_owned()))
    }
}

/// Why a key's value is not taken. Under a key that nobody knows, or within a table, a secret may stand: it is not repeated.
pub(super) fn refused(key: &str, value: &Value, known: &str) -> String {
    if !known.split(", ").any(|known| known == key) {
        "there is no option of this name".to_owned()
    } else if value.is_object() || value.is_array() {
        "this is not allowed here".to_owned()
    } else {
        format!("{value} is not allowed here")
    }
}

/// Whether a text can be one segment of a path as it stands.
pub(super) fn is_segment(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !text.is_empty() && text.bytes().all(legal) && !text.starts_with('.')
}

fn is_prompt(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn segment(text: Option<&str>, allowed: &str) -> Result<String, String> {
    let text = text.filter(|text| is_segment(text));
    text.map(str::to_owned).ok_or_else(|| allowed.to_owned())
}

fn one_of(text: Option<&str>, words: &[&str]) -> Result<String, String> {
    let word = text.filter(|text| words.contains(text));
    word.map(str::to_owned)
        .ok_or_else(|| format!("one of {}", words.join(", ")))
}

fn whole(value: &Value, least: u16, most: u16) -> Result<u16, String> {
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
    let fits = number.filter(|number| (least..=most).contains(number));
    fits.ok_or_else(|| format!("a whole number from {least} to {most}"))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array().filter(|list| !list.is_empty())?;
    list.iter()
        .map(|one| one.as_str().map(|text| text.trim().to_owned()))
        .collect()
}

fn business_units(value: &Value) -> Result<Vec<String>, String> {
    let legal = |unit: &String| {
        (1..=5).contains(&unit.len()) && unit.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let units = texts(value).filter(|units| units.iter().all(legal));
    let mut units = units.ok_or("a list of business units of 1 to 5 letters and digits like [\"US001\"]")?;
    units.sort();
    units.dedup();
    Ok(units)
}

fn documents(value: &Value) -> Result<Vec<Kind>, String> {
    let named = |words: Vec<String>| {
        words
            .iter()
            .map(|word| Kind::named(word))
            .collect::<Option<Vec<Kind>>>()
    };
    let mut kinds = texts(value)
        .and_then(named)
        .ok_or("a list of \"purchase-orders\" and \"requisitions\"")?;
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

fn datetime_format(text: Option<&str>) -> Result<String, String> {
    let sample = DateTime::constant(2026, 11, 1, 1, 2, 3, 0);
    let agrees = |format: &&str| {
        let written = strtime::format(format, sample).ok();
        let read = written.as_ref().and_then(|text| DateTime::strptime(*format, text).ok());
        read == Some(sample) && written.is_some_and(|text| !text.contains(','))
    };
    let format = text.filter(agrees);
    format.map(str::to_owned).ok_or_else(|| {
        "strftime like \"%Y-%m-%d %H:%M:%S\" or \"%Y-%m-%d-%H.%M.%S.000000\", to the second and without a comma"
            .to_owned()
    })
}

fn query_keys() -> Vec<&'static str> {
    queries::ALL.iter().map(|query| query.key).collect()
}

fn known(names: impl Fn(&Query) -> Vec<&'static str>) -> Vec<&'static str> {
    let mut all: Vec<&str> = queries::ALL.iter().flat_map(|query| names(query)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// A table of our names to the customer's.
fn renamed(value: &Value, ours: &[&str], legal: impl Fn(&str) -> bool) -> Result<BTreeMap<String, String>, String> {
    let allowed = || format!("a table of {} to the name that the customer gives it", ours.join(", "));
    let table = value.as_object().ok_or_else(allowed)?;
    let entry = |(key, value): (&String, &Value)| {
        let theirs = value
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty() && legal(text))?;
        ours.contains(&key.as_str()).then(|| (key.clone(), theirs.to_owned()))
    };
    let entries: Option<BTreeMap<String, String>> = table.iter().map(entry).collect();
    entries.ok_or_else(allowed)
}

fn statuses(value: &Value) -> Result<BTreeMap<String, String>, String> {
    let allowed = "a table of a status's long name to its code like { Dispatched = \"D\" }";
    let table = value.as_object().ok_or(allowed)?;
    let entry = |(text, code): (&String, &Value)| {
        let code = code
            .as_str()
            .map(str::trim)
            .filter(|code| (1..=4).contains(&code.len()))?;
        Some((text.trim().to_lowercase(), code.to_owned()))
    };
    let entries: Option<BTreeMap<String, String>> = table.iter().map(entry).collect();
    entries.ok_or_else(|| allowed.to_owned())
}

fn units<T>(value: &Value, named: impl Fn(&str) -> Option<T>, words: &str) -> Result<BTreeMap<String, T>, String> {
    let allowed = || format!("a table of the customer's codes to {words}");
    let table = value.as_object().ok_or_else(allowed)?;
    let entry = |(code, unit): (&String, &Value)| Some((code.trim().to_uppercase(), named(unit.as_str()?)?));
    let entries: Option<BTreeMap<String, T>> = table.iter().map(entry).collect();
    entries.ok_or_else(allowed)
}

fn weight_unit(text: &str) -> Option<WeightUnit> {
    match text {
        "lb" => Some(WeightUnit::Lb),
        "oz" => Some(WeightUnit::Oz),
        "kg" => Some(WeightUnit::Kg),
        "g" => Some(WeightUnit::G),
        _ => None,
    }
}

fn length_unit(text: &str) -> Option<Length> {
    match text {
        "in" => Some(Length::In),
        "cm" => Some(Length::Cm),
        _ => None,
    }
}

fn conversions(value: &Value) -> Result<BTreeMap<String, Decimal>, String> {
    let allowed = "a table of \"UNIT\", \"UNIT:STANDARD\" or \"ITEM/UNIT\" to how many of the item's standard unit it is, \
                   like { CS = 12 }";
    let table = value.as_object().ok_or(allowed)?;
    let entry = |(unit, count): (&String, &Value)| {
        let text = count.as_str().map(str::to_owned).unwrap_or_else(|| count.to_string());
        let count: Decimal = text.trim().parse().ok()?;
        (FEWEST..=MOST)
            .contains(&count)
            .then(|| (unit.trim().to_uppercase(), count))
    };
    let entries: Option<BTreeMap<String, Decimal>> = table.iter().map(entry).collect();
    entries.ok_or_else(|| allowed.to_owned())
}
