//! Oracle's scalar functions for SQLite: conversions of dates and texts, NVL and its like.
//!
//! Dates are kept as `YYYY-MM-DD HH:MM:SS` in the account's time zone, so that they sort as text.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, ToSpan};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

/// Adds the functions to a connection.
pub(super) fn register(db: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("NVL", 2, flags, first_present)?;
    db.create_scalar_function("NVL2", 3, flags, |args| {
        pick(args, if is_null(args, 0) { 2 } else { 1 })
    })?;
    db.create_scalar_function("DECODE", -1, flags, decode)?;
    db.create_scalar_function("TO_CHAR", 1, flags, |args| Ok(text(args, 0)))?;
    db.create_scalar_function("TO_CHAR", 2, flags, to_char)?;
    db.create_scalar_function("TO_NUMBER", 1, flags, to_number)?;
    db.create_scalar_function("TO_DATE", 2, flags, to_date)?;
    db.create_scalar_function("TO_TIMESTAMP", 2, flags, to_date)?;
    db.create_scalar_function("TRUNC", 1, flags, trunc)?;
    db.create_scalar_function("GREATEST", -1, flags, |args| extreme(args, true))?;
    db.create_scalar_function("LEAST", -1, flags, |args| extreme(args, false))?;
    db.create_scalar_function("NS_TIME", 1, flags, |args| Ok(text(args, 0)))?;
    db.create_scalar_function("NS_DATE", 1, flags, account_date)?;
    db.create_scalar_function("NS_SHIFT", 2, flags, shift)?;
    db.create_scalar_function("NS_STATUS", 2, flags, status_code)
}

fn raw<'a>(args: &'a Context<'_>, index: usize) -> ValueRef<'a> {
    if index < args.len() {
        args.get_raw(index)
    } else {
        ValueRef::Null
    }
}

fn is_null(args: &Context<'_>, index: usize) -> bool {
    matches!(raw(args, index), ValueRef::Null)
}

fn pick(args: &Context<'_>, index: usize) -> Result<Value> {
    Ok(raw(args, index).into())
}

fn first_present(args: &Context<'_>) -> Result<Value> {
    pick(args, usize::from(is_null(args, 0)))
}

fn text(args: &Context<'_>, index: usize) -> Option<String> {
    shown(raw(args, index))
}

/// A value as SuiteQL prints it; `None` for NULL.
pub(super) fn shown(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(whole) => Some(whole.to_string()),
        ValueRef::Real(real) => Some(real.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn failed(why: String) -> Error {
    Error::UserFunctionError(why.into())
}

fn decode(args: &Context<'_>) -> Result<Value> {
    let wanted = text(args, 0);
    let mut index = 1;
    while index + 1 < args.len() {
        if text(args, index) == wanted {
            return pick(args, index + 1);
        }
        index += 2;
    }
    pick(args, index)
}

fn extreme(args: &Context<'_>, greatest: bool) -> Result<Value> {
    let mut best = 0;
    for index in 1..args.len() {
        let (one, other) = (real(args, index), real(args, best));
        if if greatest { one > other } else { one < other } {
            best = index;
        }
    }
    pick(args, best)
}

fn real(args: &Context<'_>, index: usize) -> Option<f64> {
    text(args, index)?.parse().ok()
}

fn to_number(args: &Context<'_>) -> Result<Option<f64>> {
    match text(args, 0) {
        None => Ok(None),
        Some(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| failed(format!("Invalid number '{text}'"))),
    }
}

fn trunc(args: &Context<'_>) -> Result<Value> {
    match raw(args, 0) {
        ValueRef::Real(real) => Ok(Value::Real(real.trunc())),
        ValueRef::Text(bytes) => {
            let date = String::from_utf8_lossy(bytes);
            Ok(stored(&date).map_or(Value::Text(date.clone().into_owned()), |at| {
                Value::Text(canonical(DateTime::from_parts(at.date(), Time::midnight())))
            }))
        }
        other => Ok(other.into()),
    }
}

fn shift(args: &Context<'_>) -> Result<Option<String>> {
    let (Some(date), Some(days)) = (text(args, 0).as_deref().and_then(stored), real(args, 1)) else {
        return Ok(None);
    };
    #[allow(clippy::cast_possible_truncation)]
    let seconds = (days * 86_400.0).round() as i64;
    let span: Span = seconds.seconds();
    date.checked_add(span)
        .map(|at| Some(canonical(at)))
        .map_err(|why| failed(why.to_string()))
}

fn status_code(args: &Context<'_>) -> Result<Option<String>> {
    let (Some(kind), Some(status)) = (text(args, 0), text(args, 1)) else {
        return Ok(None);
    };
    Ok(Some(if status.contains(':') {
        status
    } else {
        format!("{kind}:{status}")
    }))
}

/// A bare string where a date is wanted: it must be in the account's date format.
fn account_date(args: &Context<'_>) -> Result<Option<String>> {
    let Some(text) = text(args, 0) else { return Ok(None) };
    let read = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p"]
        .iter()
        .find_map(|f| DateTime::strptime(f, &text).ok());
    let day = || {
        Date::strptime("%m/%d/%Y", &text)
            .ok()
            .map(|day| day.to_datetime(Time::midnight()))
    };
    match read.or_else(day) {
        Some(at) => Ok(Some(canonical(at))),
        None => Err(failed(format!(
            "Invalid date: '{text}' is not in the account's date format"
        ))),
    }
}

fn to_char(args: &Context<'_>) -> Result<Option<String>> {
    let (Some(value), Some(format)) = (text(args, 0), text(args, 1)) else {
        return Ok(None);
    };
    let Some(at) = stored(&value) else {
        return Ok(Some(value));
    };
    let printed = strftime_format(&format).map(|format| at.strftime(&format).to_string());
    printed
        .map(Some)
        .ok_or_else(|| failed(format!("Invalid date format '{format}'")))
}

fn to_date(args: &Context<'_>) -> Result<Option<String>> {
    let (Some(value), Some(format)) = (text(args, 0), text(args, 1)) else {
        return Ok(None);
    };
    let pattern = strftime_format(&format).ok_or_else(|| failed(format!("Invalid date format '{format}'")))?;
    let read = DateTime::strptime(&pattern, &value).ok();
    let day = || {
        Date::strptime(&pattern, &value)
            .ok()
            .map(|day| day.to_datetime(Time::midnight()))
    };
    match read.or_else(day) {
        Some(at) => Ok(Some(canonical(at))),
        None => Err(failed(format!("Invalid date '{value}' for format '{format}'"))),
    }
}

/// The form in which dates are kept.
pub(super) fn canonical(at: DateTime) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads the form in which dates are kept.
pub(super) fn stored(text: &str) -> Option<DateTime> {
    DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()
}

/// A date column that was not formatted comes in the account's date format, without the time of day.
pub(super) fn account_format(text: &str) -> String {
    stored(text).map_or_else(|| text.to_owned(), |at| at.strftime("%-m/%-d/%Y").to_string())
}

/// Oracle's format words, longest first, and what they are in `strftime`.
const WORDS: [(&str, &str); 17] = [
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("YYYY", "%Y"),
    ("RRRR", "%Y"),
    ("MONTH", "%B"),
    ("MON", "%b"),
    ("DAY", "%A"),
    ("DY", "%a"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("MM", "%m"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("HH", "%I"),
    ("YY", "%y"),
    ("AM", "%p"),
    ("PM", "%p"),
];

/// `YYYY-MM-DD"T"HH24:MI:SS` as `%Y-%m-%dT%H:%M:%S`; `None` for a word that is not known.
fn strftime_format(oracle: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = oracle;
    while let Some(first) = rest.chars().next() {
        let upper = rest.to_ascii_uppercase();
        if let Some((word, code)) = WORDS.iter().find(|(word, _)| upper.starts_with(word)) {
            out.push_str(code);
            rest = rest.get(word.len()..)?;
        } else if first == '"' {
            let (literal, after) = rest.get(1..)?.split_once('"')?;
            out.push_str(&literal.replace('%', "%%"));
            rest = after;
        } else if first.is_alphanumeric() {
            return None;
        } else {
            out.push(first);
            rest = rest.get(first.len_utf8()..)?;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oracle_formats_are_understood() {
        assert_eq!(
            strftime_format("YYYY-MM-DD\"T\"HH24:MI:SS").unwrap(),
            "%Y-%m-%dT%H:%M:%S"
        );
        assert_eq!(strftime_format("mm/dd/yyyy hh:mi am").unwrap(), "%m/%d/%Y %I:%M %p");
        assert_eq!(strftime_format("YYYY-QQ"), None);
    }
}
