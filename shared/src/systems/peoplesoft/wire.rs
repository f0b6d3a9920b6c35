//! The query service's answers, read tolerantly: one row or many, numbers or texts, with a correlation or without.

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::options::Options;
use crate::domain::LARGEST_NUMBER;

/// One row: its columns by our names; a blank is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row(BTreeMap<String, Option<String>>);

impl Row {
    /// What a column says; `None` where it is blank or missing.
    pub(super) fn get(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_deref()
    }

    /// The same, of one's own.
    pub(super) fn text(&self, column: &str) -> Option<String> {
        self.get(column).map(str::to_owned)
    }

    /// Whether the column is there at all.
    pub(super) fn has(&self, column: &str) -> bool {
        self.0.contains_key(column)
    }

    /// A column as a number that means something in trade.
    pub(super) fn number(&self, column: &str) -> Option<Decimal> {
        number(self.get(column)?)
    }

    /// A column as a number that counts lines: `1.0` is `1`.
    pub(super) fn ordinal(&self, column: &str) -> Option<String> {
        let text = self.get(column)?;
        Some(number(text).map_or_else(|| text.to_owned(), |number| number.to_string()))
    }

    /// Every column that says something.
    pub(super) fn said(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(|(column, value)| Some((column.as_str(), value.as_deref()?)))
    }
}

/// A number, without needless noughts. Commas part thousands and nothing else: `1,5` is none.
pub(super) fn number(text: &str) -> Option<Decimal> {
    if text.contains(',') && !has_thousands(text) {
        return None;
    }
    let plain = text.replace(',', "");
    let number = Decimal::from_str(&plain)
        .or_else(|_| Decimal::from_scientific(&plain))
        .ok()?;
    Some(number.normalize()).filter(|number| number.abs() <= LARGEST_NUMBER)
}

/// Whether every comma of a number stands before three digits: `-1,234,567.5`.
fn has_thousands(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.trim_start_matches(['-', '+']).split(',');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups
        .next()
        .is_some_and(|group| (1..=3).contains(&group.len()) && digits(group));
    first && !fraction.contains(',') && groups.all(|group| group.len() == 3 && digits(group))
}

/// What an answer of the query service shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) rows: Vec<Row>,
    /// Whether it counts more rows than it shows.
    pub(super) counts_more: bool,
}

/// The rows of an answer; `None` where it is none of the query service, or shows rows that nobody can read.
pub(super) fn shown(body: &[u8], options: &Options) -> Option<Shown> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let said_well = answer
        .get("status")
        .and_then(Value::as_str)
        .is_none_or(|status| status.trim().eq_ignore_ascii_case("success"));
    let found = [answer.pointer("/data/query"), answer.get("query"), answer.get("data")];
    let query = found.into_iter().flatten().next();
    match query {
        _ if !said_well => None,
        Some(query) => {
            let rows = listed(query.get("rows").or_else(|| query.get("row")), options)?;
            let counts_more = counted(query)? > rows.len();
            Some(Shown { rows, counts_more })
        }
        // Nothing found is told by some tools in this way.
        None => answer.get("status").map(|_| Shown::default()),
    }
}

/// How many rows an answer says that it has; none where it does not say.
fn counted(query: &Value) -> Option<usize> {
    match query.get("numrows").and_then(text) {
        Some(count) => count.parse().ok(),
        None => Some(0),
    }
}

/// The rows, each of which must be one that can be read: a row that is left out may be the one that counts.
fn listed(rows: Option<&Value>, options: &Options) -> Option<Vec<Row>> {
    match rows {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => Some(Vec::new()),
        Some(Value::Array(rows)) => rows.iter().map(|row| one(row, options)).collect(),
        Some(Value::Object(inner)) => match inner.get("row") {
            Some(row) => listed(Some(row), options),
            None if inner.is_empty() => Some(Vec::new()),
            None => Some(vec![rows.and_then(|row| one(row, options))?]),
        },
        Some(_) => None,
    }
}

/// The rows of an answer that is one.
#[cfg(test)]
pub(super) fn rows(body: &[u8], options: &Options) -> Option<Vec<Row>> {
    shown(body, options).map(|shown| shown.rows)
}

fn one(row: &Value, options: &Options) -> Option<Row> {
    let columns: &Map<String, Value> = row.as_object()?;
    let named = columns.iter().filter(|(key, _)| !key.starts_with("attr:"));
    let row: BTreeMap<String, Option<String>> = named.map(|(key, value)| (ours(key, options), text(value))).collect();
    (!row.is_empty()).then_some(Row(row))
}

/// Our name of a column that the customer names as it likes.
fn ours(key: &str, options: &Options) -> String {
    let stripped = match (options.strip_correlation, key.split_once('.')) {
        (true, Some((correlation, field))) if is_correlation(correlation) => field,
        _ => key,
    };
    let mut renamed = options.columns.iter();
    let ours = renamed.find(|(_, theirs)| *theirs == key || *theirs == stripped);
    ours.map_or(stripped, |(ours, _)| ours.as_str()).to_owned()
}

/// PSQuery names its records `A`, `B`, and so on, and after `Z` with a digit.
fn is_correlation(text: &str) -> bool {
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_uppercase());
    first && text.len() <= 2 && letters.all(|c| c.is_ascii_alphanumeric())
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => if *yes { "Y" } else { "N" }.to_owned(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(answer: &Value) -> Option<Vec<Row>> {
        rows(answer.to_string().as_bytes(), &Options::default())
    }

    #[test]
    fn one_row_or_many_with_a_correlation_or_without_and_nothing_are_all_read() {
        let many = json!({"status": "success", "data": {"query": {"numrows": 2, "queryname=": "Q", "rows": [
            {"attr:rownumber": 1, "A.PO_ID": "0000079262", "C.QTY_PO": 2, "A1.PO_REF": " "},
            {"attr:rownumber": 2, "PO_ID": "0000079263", "QTY_PO": "3.5000"}]}}});
        let rows = read(&many).unwrap();
        assert_eq!(rows[0].get("PO_ID"), Some("0000079262"));
        assert_eq!((rows[0].get("PO_REF"), rows[0].has("PO_REF")), (None, true));
        assert_eq!(rows[0].number("QTY_PO"), Some(Decimal::from(2)));
        assert_eq!(rows[1].ordinal("QTY_PO").as_deref(), Some("3.5"));
        assert!(!rows[0].has("attr:rownumber"));
        let one = json!({"status": "SUCCESS", "data": {"query": {"rows": {"A.PO_ID": "1"}}}});
        assert_eq!(read(&one).unwrap().len(), 1);
        for nothing in [
            json!({"status": "success", "data": {"query": {"numrows": 0}}}),
            json!({"status": "success", "data": {"query": {"numrows": 0, "rows": []}}}),
            json!({"status": "success", "data": {"query": {"numrows": 0, "rows": ""}}}),
            json!({"status": "success"}),
        ] {
            assert_eq!(read(&nothing), Some(Vec::new()), "{nothing}");
        }
        for none in [
            json!({"status": "error", "data": {"query": {"rows": []}}}),
            json!({"status": "success", "data": {"query": {"numrows": 1, "rows": "1 row"}}}),
            json!({"status": "success", "data": {"query": {"numrows": 2, "rows": [{"A.PO_ID": "1"}, "2"]}}}),
            json!({"status": "success", "data": {"query": {"numrows": "many", "rows": []}}}),
            json!({"status": "success", "data": {"query": {"rows": 7}}}),
            json!({}),
            json!([1]),
        ] {
            assert_eq!(read(&none), None, "{none}");
        }
    }

    /// What is cut off silently is told by the count, where there is one.
    #[test]
    fn an_answer_that_counts_more_rows_than_it_shows_says_so() {
        let counts_more = |answer: &Value| {
            shown(answer.to_string().as_bytes(), &Options::default())
                .unwrap()
                .counts_more
        };
        let row = json!({"A.PO_ID": "1"});
        assert!(counts_more(
            &json!({"data": {"query": {"numrows": "3", "rows": [row, row]}}})
        ));
        assert!(counts_more(&json!({"data": {"query": {"numrows": 1}}})));
        assert!(!counts_more(
            &json!({"data": {"query": {"numrows": 2, "rows": [row, row]}}})
        ));
        assert!(!counts_more(&json!({"data": {"query": {"rows": row}}})));
    }

    #[test]
    fn a_comma_parts_thousands_and_nothing_else() {
        for (text, value) in [
            ("1,234.5", Some("1234.5")),
            ("-12,345,678", Some("-12345678")),
            ("1234.50", Some("1234.5")),
            ("1,5", None),
            ("1.234,5", None),
            ("12,34", None),
            ("1234,567", None),
            (",123", None),
        ] {
            assert_eq!(
                number(text).map(|number| number.to_string()).as_deref(),
                value,
                "{text}"
            );
        }
    }

    #[test]
    fn the_customers_own_names_become_ours() {
        let options = Options {
            columns: [
                ("PO_ID".to_owned(), "Order Number".to_owned()),
                ("QTY_PO".to_owned(), "C.QTY".to_owned()),
            ]
            .into(),
            ..Options::default()
        };
        let answer = json!({"data": {"query": {"rows": [{"Order Number": "7", "C.QTY": 1, "B.CITY": "Reno"}]}}});
        let rows = rows(answer.to_string().as_bytes(), &options).unwrap();
        let said: Vec<(&str, &str)> = rows[0].said().collect();
        assert_eq!(said, [("CITY", "Reno"), ("PO_ID", "7"), ("QTY_PO", "1")]);
    }
}
