//! Looking into a request's JSON by path, as tolerantly as UPS does and FedEx often: one or many, blank as missing.

use serde_json::Value;

/// What stands at a path of keys parted by dots.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |inner, key| inner.get(key))
        .filter(|found| !found.is_null())
}

/// The text at a path; blank is missing.
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    at(value, path)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// The text at a path as an owned string, empty when missing.
pub(crate) fn owned(value: &Value, path: &str) -> String {
    text(value, path).unwrap_or_default().to_owned()
}

/// Whether the key is there at all, whatever its value: what a presence indicator means.
pub(crate) fn present(value: &Value, path: &str) -> bool {
    at(value, path).is_some()
}

/// The elements at a path: an array's, or the one value that stands there instead.
pub(crate) fn many<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    match at(value, path) {
        Some(Value::Array(elements)) => elements.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// The non-blank texts at a path, one or many.
pub(crate) fn texts(value: &Value, path: &str) -> Vec<String> {
    let elements = many(value, path).into_iter().filter_map(Value::as_str);
    elements
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The first value inside that is neither text nor a container: UPS takes strings only.
pub(crate) fn first_non_text(value: &Value) -> Option<&Value> {
    match value {
        Value::String(_) => None,
        Value::Array(elements) => elements.iter().find_map(first_non_text),
        Value::Object(fields) => fields.values().find_map(first_non_text),
        other => Some(other),
    }
}
