//! The shapes of an answer: the query service's JSON and XML, and the ways to fail inside HTTP 200.
//!
//! Quirks: the row number is an attribute turned into a key, `attr:rownumber`; XML of the type WEBROWSET has its values by
//! position only; a failure may wear HTTP 200.

use super::cells::Row;
use super::options::{ErrorForm, NoRows, Options};
use super::queries::{Column, Query};
use serde_json::{Map, Value, json};

/// What goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

pub(super) const JSON: &str = "application/json; charset=UTF-8";
pub(super) const XML: &str = "text/xml; charset=UTF-8";
pub(super) const HTML: &str = "text/html; charset=UTF-8";

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            kind: JSON,
            body: body.to_string(),
        }
    }

    pub(super) fn xml(status: u16, body: String) -> Self {
        Self {
            status,
            kind: XML,
            body,
        }
    }

    /// A page of the web server, which refuses before the gateway sees the request.
    pub(super) fn page(status: u16, title: &str) -> Self {
        Self {
            status,
            kind: HTML,
            body: format!(
                "<html><head><title>Error {status}--{title}</title></head><body><h2>{title}</h2></body></html>"
            ),
        }
    }

    /// The gateway's refusal.
    pub(super) fn gateway(status: u16, message: &str) -> Self {
        Self::xml(status, ib_response(message))
    }

    /// A failure inside HTTP 200.
    pub(super) fn failure(form: ErrorForm, status_word: &str, message: &str) -> Self {
        match form {
            ErrorForm::Json => Self::json(200, &json!({ "status": status_word, "message": message })),
            ErrorForm::IbResponse => Self::xml(200, ib_response(message)),
            ErrorForm::Fault => Self::xml(200, fault(message)),
        }
    }
}

/// How an answer is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutType {
    Json,
    WebRowSet,
    Xmlp,
}

impl OutType {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "JSON" => Some(Self::Json),
            "WEBROWSET" => Some(Self::WebRowSet),
            "XMLP" => Some(Self::Xmlp),
            _ => None,
        }
    }
}

/// The answer of a query that ran.
pub(super) fn rows(query: &Query, rows: &[Row], out: OutType, options: &Options) -> Reply {
    let kept = |(_, field): &&Column| !options.lacks(query.name, field);
    let columns: Vec<Column> = query.columns.iter().filter(kept).copied().collect();
    match out {
        OutType::Json => Reply::json(200, &json_rows(query, &columns, rows, options)),
        OutType::WebRowSet => Reply::xml(200, web_row_set(&columns, rows, options)),
        OutType::Xmlp => Reply::xml(200, xmlp(query, &columns, rows, options)),
    }
}

fn json_rows(query: &Query, columns: &[Column], rows: &[Row], options: &Options) -> Value {
    let name_key = if options.old_name_key {
        "queryname="
    } else {
        "queryname"
    };
    let mut body = Map::from_iter([
        ("numrows".to_owned(), json!(rows.len())),
        (name_key.to_owned(), json!(query.name)),
    ]);
    let numbered = rows.iter().enumerate();
    let mut printed: Vec<Value> = numbered
        .map(|(index, row)| json_row(index + 1, columns, row, options))
        .collect();
    match printed.len() {
        0 if options.no_rows == NoRows::Missing => {}
        1 if options.one_row_as_object => {
            body.insert("rows".to_owned(), printed.pop().unwrap_or_default());
        }
        _ => {
            body.insert("rows".to_owned(), Value::Array(printed));
        }
    }
    json!({ "status": "success", "data": { "query": body } })
}

fn json_row(number: usize, columns: &[Column], row: &Row, options: &Options) -> Value {
    let number = if options.numbers_as_strings {
        json!(number.to_string())
    } else {
        json!(number)
    };
    let mut printed = Map::from_iter([("attr:rownumber".to_owned(), number)]);
    for (record, field) in columns {
        let key = if options.prefixed_keys {
            format!("{record}.{field}")
        } else {
            (*field).to_owned()
        };
        let cell = row.iter().find(|(name, _)| name == field);
        printed.insert(key, cell.map_or(json!(" "), |(name, cell)| cell.json(name, options)));
    }
    Value::Object(printed)
}

fn texts<'a>(
    columns: &'a [Column],
    row: &'a Row,
    options: &'a Options,
) -> impl Iterator<Item = (&'static str, String)> + 'a {
    columns.iter().map(move |(_, field)| {
        let cell = row.iter().find(|(name, _)| name == field);
        (
            *field,
            escaped(&cell.map_or(String::new(), |(name, cell)| cell.text(name, options))),
        )
    })
}

fn web_row_set(columns: &[Column], rows: &[Row], options: &Options) -> String {
    let definitions: String = columns
        .iter()
        .enumerate()
        .map(|(index, (_, field))| {
            format!(
                "<column-definition><column-index>{}</column-index><column-label>{field}</column-label>\
                 <column-name>{field}</column-name></column-definition>",
                index + 1
            )
        })
        .collect();
    let data: String = rows
        .iter()
        .map(|row| {
            let values: String = texts(columns, row, options)
                .map(|(_, text)| format!("<columnValue>{text}</columnValue>"))
                .collect();
            format!("<currentRow>{values}</currentRow>")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?><QAS_GETQUERYRESULTS_RESP_MSG><webRowSet xmlns=\"http://java.sun.com/xml/ns/jdbc\">\
         <metadata><column-count>{}</column-count>{definitions}</metadata><data>{data}</data></webRowSet>\
         </QAS_GETQUERYRESULTS_RESP_MSG>",
        columns.len()
    )
}

fn xmlp(query: &Query, columns: &[Column], rows: &[Row], options: &Options) -> String {
    let data: String = rows
        .iter()
        .enumerate()
        .map(|(index, row)| {
            let fields: String = texts(columns, row, options)
                .map(|(field, text)| format!("<{field}>{text}</{field}>"))
                .collect();
            format!("<row rownumber=\"{}\">{fields}</row>", index + 1)
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?><query numrows=\"{}\" queryname=\"{}\">{data}</query>",
        rows.len(),
        query.name
    )
}

/// The gateway's error document.
pub(super) fn ib_response(message: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><IBResponse type=\"error\"><DefaultTitle>Integration Broker Response</DefaultTitle>\
         <StatusCode>20</StatusCode><MessageSet>158</MessageSet><MessageID>10001</MessageID>\
         <DefaultMessage>{}</DefaultMessage><MessageParameters/></IBResponse>",
        escaped(message)
    )
}

fn fault(message: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><SOAP-ENV:Fault xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <faultcode>SOAP-ENV:Server</faultcode><faultstring>{}</faultstring></SOAP-ENV:Fault>",
        escaped(message)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
