//! Filters in the expressions of `REST-Framework-Version` 2 and later, and paths that carry them.

use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded::byte_serialize;

use super::options::Options;
use crate::connection::Selection;
use crate::domain::Refusal;

/// A text as a literal; a quotation mark is doubled.
///
/// # Errors
/// When it holds what no literal can.
pub(super) fn literal(text: &str) -> Result<String, Refusal> {
    if text.is_empty()
        || text
            .chars()
            .any(|letter| letter.is_control() || matches!(letter, '"' | '\\' | ';'))
    {
        let words = "an empty text, or one with a quotation mark, a backslash, a semicolon or a control character, cannot \
                     be asked for in Fusion";
        return Err(Refusal::new("cannot-be-asked", words));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// An id, which goes into filters and paths and is nothing but digits.
///
/// # Errors
/// When it is something else.
pub(super) fn id(text: &str) -> Result<i64, Refusal> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let digits = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { whole.parse().ok() } else { None };
    number.ok_or_else(|| Refusal::new("not-an-id", "this is not an id of Fusion"))
}

/// The attribute has this text.
pub(super) fn equals(attribute: &str, text: &str) -> Result<String, Refusal> {
    Ok(format!("{attribute} = {}", literal(text)?))
}

fn one_of(attribute: &str, texts: &[String]) -> Result<String, Refusal> {
    let each: Result<Vec<String>, Refusal> = texts.iter().map(|text| equals(attribute, text)).collect();
    Ok(format!("({})", each?.join(" or ")))
}

/// Orders in a status that ships, of the configured business units, that meet the connection's own condition; modified at or
/// after `since`, with an id above `after`.
pub(super) fn window(
    since: Timestamp,
    after: Option<&str>,
    select: &Selection,
    options: &Options,
) -> Result<String, Refusal> {
    let since = lower_end(since, &options.time_literal);
    let mut parts = vec![format!("LastUpdateDate >= '{since}'")];
    if let Some(after) = after {
        parts.push(format!("POHeaderId > {}", id(after)?));
    }
    parts.push(one_of("StatusCode", &options.ready(select))?);
    if !options.procurement_bu.is_empty() {
        parts.push(one_of("ProcurementBU", &options.procurement_bu)?);
    }
    parts.extend(select.condition.as_ref().map(|condition| format!("({condition})")));
    Ok(parts.join(" and "))
}

/// The lower end as the pod takes it. A literal that names but a day may be a day of another time zone than ours.
fn lower_end(since: Timestamp, template: &str) -> String {
    let written = |at: Timestamp| at.strftime(template).to_string();
    let names_hours = written(Timestamp::UNIX_EPOCH) != written(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
    let earlier = since.checked_sub(SignedDuration::from_hours(24)).unwrap_or(since);
    written(if names_hours { since } else { earlier })
}

/// Orders with this number, of the configured business units.
pub(super) fn numbered(number: &str, options: &Options) -> Result<String, Refusal> {
    let mut parts = vec![equals("OrderNumber", number)?];
    if !options.procurement_bu.is_empty() {
        parts.push(one_of("ProcurementBU", &options.procurement_bu)?);
    }
    Ok(parts.join(" and "))
}

/// The order with this id, if it meets the connection's own condition.
pub(super) fn selected(order: i64, condition: &str) -> String {
    format!("POHeaderId = {order} and ({condition})")
}

/// A path with its query, encoded to the last letter: a `+` would be read as a blank.
pub(super) fn path(resource: &str, parameters: &[(&str, &str)]) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    format!("{resource}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select() -> Selection {
        Selection {
            condition: Some("Carrier = 'UPS' or Carrier = 'UPS Freight'".to_owned()),
            ..Selection::default()
        }
    }

    /// P28: the window is closed at its lower end, walks by the key, and a condition cannot widen it.
    #[test]
    fn a_window_walks_by_the_key_and_keeps_a_condition_in_its_parentheses() {
        let mut options = Options::default();
        let since = "2026-02-01T10:15:30.75Z".parse().unwrap();
        let query = window(since, Some("300100123456789"), &select(), &options).unwrap();
        assert_eq!(
            query,
            "LastUpdateDate >= '2026-02-01T10:15:30+00:00' and POHeaderId > 300100123456789 and (StatusCode = 'OPEN') and \
             (Carrier = 'UPS' or Carrier = 'UPS Freight')"
        );
        options.procurement_bu = vec!["O'Neill BU".to_owned(), "US1".to_owned()];
        options.time_literal = "%Y-%m-%d".to_owned();
        let query = window(since, None, &Selection::default(), &options).unwrap();
        assert_eq!(
            query,
            "LastUpdateDate >= '2026-01-31' and (StatusCode = 'OPEN') and (ProcurementBU = 'O''Neill BU' or ProcurementBU = 'US1')"
        );
        assert!(window(since, Some("1 or 1 = 1"), &select(), &options).is_err());
    }

    #[test]
    fn what_cannot_be_quoted_is_not_asked() {
        assert_eq!(literal("PO-1'x").unwrap(), "'PO-1''x'");
        for text in ["", "a\"b", "a\\", "a;b", "a\nb"] {
            assert!(literal(text).is_err(), "{text:?}");
        }
        assert_eq!(id("300100123456789"), Ok(300_100_123_456_789));
        assert!(id("1/2").is_err() && id("").is_err() && id("-1").is_err());
    }

    #[test]
    fn a_plus_survives_the_address() {
        let path = path(
            "/x",
            &[("q", "A >= '2026-02-01T00:00:00+00:00' and B = 'a&b'"), ("limit", "5")],
        );
        assert_eq!(
            path,
            "/x?q=A%20%3E%3D%20%272026-02-01T00%3A00%3A00%2B00%3A00%27%20and%20B%20%3D%20%27a%26b%27&limit=5"
        );
    }
}
