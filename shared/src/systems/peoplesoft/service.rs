//! The service that writes: the customer's own, so that its address, its body and what it answers are the customer's to say.

use serde_json::Value;

use super::convert::template::{self, Template};
use super::options::{is_segment, refused};
use crate::connection::Mistake;

/// How the service is called, and by what its answers are told apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Service {
    /// Its alias with its version.
    pub(super) name: String,
    /// What follows the alias in the address.
    pub(super) path: Template,
    /// `PUT`, `POST` or `PATCH`.
    pub(super) method: String,
    /// The content type.
    pub(super) media: String,
    /// The body; `None` is a JSON object of the columns.
    pub(super) body: Option<Template>,
    /// All of which a success shows; none means that after each write the record is looked at.
    pub(super) success: Vec<Predicate>,
    /// Each of which is an error.
    pub(super) errors: Vec<Predicate>,
    /// The column of the carrier's name; `None` is not sent.
    pub(super) carrier_column: Option<String>,
    /// The column of the cost's currency; `None` is not sent.
    pub(super) currency_column: Option<String>,
    /// The column that says `Y` where there is a problem; `None` is not sent.
    pub(super) flag_column: Option<String>,
}

/// What may be said of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Predicate {
    /// A place of a JSON answer (RFC 6901) says exactly this.
    Equals { pointer: String, text: String },
    /// The answer holds this text.
    Contains(String),
}

/// Every key that there is.
const KEYS: &str = "service, path, method, media, body, success, errors, carrier_column, currency_column, flag_column";

impl Default for Service {
    fn default() -> Self {
        Self {
            name: "X_SHIP_TRACK.v1".to_owned(),
            path: Template::plain("/{business_unit}/{doc_type}/{doc_id}/{entry}"),
            method: "PUT".to_owned(),
            media: "application/json".to_owned(),
            body: None,
            success: Vec::new(),
            errors: Vec::new(),
            carrier_column: Some("CARRIER".to_owned()),
            currency_column: Some("CURRENCY_CD".to_owned()),
            flag_column: Some("ERR_FLG".to_owned()),
        }
    }
}

impl Service {
    /// Reads `write`; what is wrong goes to `mistakes` and keeps its default.
    pub(super) fn read(value: &Value, mistakes: &mut Vec<Mistake>) -> Self {
        let mut service = Self::default();
        let Some(table) = value.as_object() else {
            mistakes.push(Mistake::new("erp.options.write", "this is no table", "a table"));
            return service;
        };
        for (key, value) in table {
            if let Err(allowed) = service.set(key, value) {
                let wrong = refused(key, value, KEYS);
                mistakes.push(Mistake::new(format!("erp.options.write.{key}"), wrong, allowed));
            }
        }
        if let Some(Err(wrong)) = service.body.as_ref().map(|body| body.tried(&service.media)) {
            let allowed = "a text that is JSON once its {names} are filled in, or another media";
            mistakes.push(Mistake::new("erp.options.write.body", wrong, allowed));
        }
        service
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let text = value.as_str();
        match key {
            "service" => {
                let name = text.filter(|text| is_segment(text));
                self.name = name
                    .ok_or("an alias with its version like \"X_SHIP_TRACK.v1\"")?
                    .to_owned();
            }
            "path" => {
                let path = text.filter(|text| is_path(text)).ok_or(PATH)?;
                self.path = Template::parse(path, template::KEYS).map_err(|name| unknown(&name, template::KEYS))?;
            }
            "method" => {
                let method = text.filter(|text| ["PUT", "POST", "PATCH"].contains(text));
                self.method = method.ok_or("PUT, POST or PATCH")?.to_owned();
            }
            "media" => {
                let media = text.filter(|text| text.contains('/') && !text.chars().any(char::is_control));
                self.media = media.ok_or("a content type like \"application/json\"")?.to_owned();
            }
            "body" => {
                let body = text
                    .filter(|text| !text.trim().is_empty())
                    .ok_or("a text with {names} in it")?;
                let all = [template::KEYS, template::VALUES].concat();
                self.body = Some(Template::parse(body, &all).map_err(|name| unknown(&name, &all))?);
            }
            "success" => self.success = predicates(value)?,
            "errors" => self.errors = predicates(value)?,
            "carrier_column" => self.carrier_column = column(text)?,
            "currency_column" => self.currency_column = column(text)?,
            "flag_column" => self.flag_column = column(text)?,
            _ => return Err(KEYS.to_owned()),
        }
        Ok(())
    }
}

const PATH: &str =
    "a path that begins with / and has {business_unit}, {doc_type}, {doc_id} and {entry} where they belong";

fn is_path(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_graphic() && !matches!(c, '#' | '\\' | '"' | '<' | '>');
    text.starts_with('/') && !text.starts_with("//") && !text.contains("..") && text.chars().all(legal)
}

fn unknown(name: &str, known: &[&str]) -> String {
    format!("{{{name}}} is none of {}", known.join(", "))
}

/// Whether a text can be a column of a record.
pub(super) fn is_column(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.bytes().all(legal)
}

/// The key of the record, which no value may stand in.
pub(super) const RECORD_KEY: [&str; 4] = ["BUSINESS_UNIT", "DOC_TYPE", "DOC_ID", "ENTRY"];

fn column(text: Option<&str>) -> Result<Option<String>, String> {
    match text {
        Some("") => Ok(None),
        Some(text) if is_column(text) && !RECORD_KEY.contains(&text) => Ok(Some(text.to_owned())),
        _ => Err("a column like \"CARRIER\", or \"\" where there is none".to_owned()),
    }
}

fn predicates(value: &Value) -> Result<Vec<Predicate>, String> {
    let one = std::slice::from_ref(value);
    let list = value.as_array().map_or(one, Vec::as_slice);
    let all: Option<Vec<Predicate>> = list.iter().map(predicate).collect();
    all.ok_or_else(|| {
        "one or more of { pointer = \"/status\", equals = \"success\" } and { contains = \"a text\" }".to_owned()
    })
}

fn predicate(value: &Value) -> Option<Predicate> {
    let table = value.as_object()?;
    let field = |name: &str| table.get(name);
    match table.len() {
        1 => {
            let text = field("contains")?.as_str().filter(|text| !text.is_empty())?;
            Some(Predicate::Contains(text.to_owned()))
        }
        2 => {
            let pointer = field("pointer")?.as_str().filter(|text| text.starts_with('/'))?;
            Some(Predicate::Equals {
                pointer: pointer.to_owned(),
                text: plain(field("equals")?)?,
            })
        }
        _ => None,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

impl Predicate {
    /// Whether an answer is like that.
    pub(super) fn holds(&self, body: &[u8]) -> bool {
        match self {
            Self::Contains(text) => String::from_utf8_lossy(body).contains(text.as_str()),
            Self::Equals { pointer, text } => serde_json::from_slice::<Value>(body)
                .ok()
                .and_then(|json| json.pointer(pointer).and_then(plain))
                .is_some_and(|there| there == *text),
        }
    }
}
