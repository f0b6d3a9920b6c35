//! Reading requests strictly: a key that is not in the documents, or a value of another type, is refused.
//!
//! FedEx itself may overlook an unknown key; a caller that sends one means something that will not happen.

use serde_json::Value;

use super::answer::Refusal;

/// Whether a rule holds.
pub(super) type Checked = Result<(), Refusal>;

/// The type of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    Number,
    Integer,
    Flag,
    Object,
    List,
    /// A flag, or the text of one: the documents disagree.
    FlagOrText,
}

/// A key and the type of its value.
pub(super) type Field = (&'static str, Kind);

/// Refuses a value that is not an object with these fields, each of its type, and no others.
pub(super) fn shape(value: &Value, path: &str, fields: &[Field]) -> Checked {
    let Value::Object(found) = value else {
        return Err(Refusal::unreadable(path));
    };
    for (key, inner) in found {
        let known = fields.iter().find(|(name, _)| name == key);
        if !known.is_some_and(|(_, kind)| kind.takes(inner)) {
            return Err(Refusal::unreadable(&format!("{path}.{key}")));
        }
    }
    Ok(())
}

impl Kind {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Flag => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
            Self::FlagOrText => value.is_boolean() || matches!(value.as_str(), Some("true" | "false")),
        }
    }
}

/// Refuses with this code unless the rule holds.
pub(super) fn ensure(holds: bool, code: impl Into<String>, message: impl Into<String>) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(Refusal::bad(code, message))
    }
}

/// Whether a text is there and not longer than this.
pub(super) fn fits(text: Option<&str>, longest: usize) -> bool {
    text.is_some_and(|text| text.chars().count() <= longest)
}

/// Whether a text is an account number: nine digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 9 && text.bytes().all(|byte| byte.is_ascii_digit())
}
