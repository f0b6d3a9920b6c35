//! Reading what FedEx sends in more shapes than it documents: one or many, text or number, truth values as texts,
//! objects where texts were. A field that cannot be read is missing; it never makes the rest unreadable.

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

/// A text, whether it was sent as text, number or truth value; blank is missing.
pub(crate) fn text<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    Ok(read_text(Value::deserialize(source)?))
}

/// A list of texts.
pub(crate) fn texts<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    Ok(elements(Value::deserialize(source)?)
        .into_iter()
        .filter_map(read_text)
        .collect())
}

/// A truth value, whether it was sent as one or as a text; `None` where it is neither.
pub(crate) fn truth<'de, D: Deserializer<'de>>(source: D) -> Result<Option<bool>, D::Error> {
    Ok(read_truth(&Value::deserialize(source)?))
}

pub(crate) fn read_one<T: DeserializeOwned>(value: Value) -> Option<T> {
    match value {
        Value::Array(items) => items.into_iter().next().and_then(read_one),
        value => serde_json::from_value(value).ok(),
    }
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

fn elements(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        one => vec![one],
    }
}

/// Up to here a fraction keeps all its digits.
const EXACT: f64 = 1e15;

fn read_text(value: Value) -> Option<String> {
    let raw = match value {
        Value::String(text) => text,
        // A number that was written without a point and does not fit has lost its digits.
        Value::Number(number) if number.as_f64().is_some_and(|size| size.abs() >= EXACT) && number.is_f64() => {
            return None;
        }
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Array(items) => return items.into_iter().next().and_then(read_text),
        Value::Null | Value::Object(_) => return None,
    };
    let clean = raw.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A tracking number that has lost digits is none.
    #[test]
    fn numbers_are_texts_as_long_as_every_digit_is_kept() {
        let read = |text: &str| read_text(serde_json::from_str(text).unwrap());
        assert_eq!(read("794953530017").as_deref(), Some("794953530017"));
        assert_eq!(read("21.45").as_deref(), Some("21.45"));
        assert_eq!(read("9261290100130739000000"), None);
        assert_eq!(read("[\" x \", 1]").as_deref(), Some("x"));
        assert_eq!(read("{}"), None);
    }

    #[test]
    fn truth_is_told_in_two_ways() {
        let read = |value: Value| read_truth(&value);
        assert_eq!((read(json!(true)), read(json!("TRUE"))), (Some(true), Some(true)));
        assert_eq!((read(json!(false)), read(json!("false"))), (Some(false), Some(false)));
        assert_eq!((read(json!("yes")), read(json!(1))), (None, None));
    }
}
