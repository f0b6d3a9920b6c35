//! Reading what ShipStation sends in more shapes than it documents: one or many, text or number, numbers as texts. A field
//! that cannot be read is missing; it never makes the rest unreadable.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An object, or the first of a list of them.
pub(crate) fn one<'de, D, T>(source: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(read_one(Value::deserialize(source)?))
}

/// A list, where a bare element is a list of one and nothing is an empty list.
pub(crate) fn many<'de, D, T>(source: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(elements(Value::deserialize(source)?)
        .into_iter()
        .filter_map(read_one)
        .collect())
}

/// The same, where that it is missing says something.
pub(crate) fn perhaps_many<'de, D, T>(source: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(match Value::deserialize(source)? {
        Value::Null => None,
        value => Some(elements(value).into_iter().filter_map(read_one).collect()),
    })
}

/// A text, whether it was sent as text or number; blank is missing.
pub(crate) fn text<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    Ok(read_text(&Value::deserialize(source)?))
}

/// A truth value, whether it was sent as one or as a text; `None` where it is neither.
pub(crate) fn truth<'de, D: Deserializer<'de>>(source: D) -> Result<Option<bool>, D::Error> {
    Ok(read_truth(&Value::deserialize(source)?))
}

/// A number, whether it was sent as one or as a text.
pub(crate) fn number<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Decimal>, D::Error> {
    Ok(read_number(&Value::deserialize(source)?))
}

fn read_one<T: DeserializeOwned>(value: Value) -> Option<T> {
    match value {
        Value::Array(items) => items.into_iter().next().and_then(read_one),
        value => serde_json::from_value(value).ok(),
    }
}

fn elements(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        one => vec![one],
    }
}

/// A text of a value; an id is a number in one API and a text in the other.
pub(crate) fn read_text(value: &Value) -> Option<String> {
    let raw = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let clean = raw.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

/// `true`, `"true"`, or neither.
pub(crate) fn read_truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A number, exact as it is written.
pub(crate) fn read_number(value: &Value) -> Option<Decimal> {
    let text = read_text(value)?;
    Decimal::from_str(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .ok()
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_texts_stand_for_each_other() {
        assert_eq!(read_text(&json!(12345678)).as_deref(), Some("12345678"));
        assert_eq!(read_text(&json!(" se-1 ")).as_deref(), Some("se-1"));
        assert_eq!(read_text(&json!(" ")), None);
        assert_eq!(read_number(&json!("9.50")), Some(dec!(9.50)));
        assert_eq!(read_number(&json!(2)), Some(dec!(2)));
        assert_eq!(read_number(&json!(1e2)), Some(dec!(100)));
        assert_eq!(read_number(&json!("two")), None);
        assert_eq!(read_truth(&json!("True")), Some(true));
        assert_eq!(read_truth(&json!(1)), None);
    }
}
