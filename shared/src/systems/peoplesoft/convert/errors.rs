//! What went wrong, in whatever shape it comes: an `IBResponse`, a fault, a page of the web server, or JSON; with any status.

use serde_json::Value;

use crate::domain::Refusal;
use crate::http::{Answer, VendorError};

/// What stands for a code where a service tells an error in JSON without one.
const SERVICE: &str = "error";

/// How long the other side's words may be.
const LONGEST: usize = 200;

/// What an error means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::systems::peoplesoft) enum Class {
    /// The user may not.
    Denied,
    /// Something is not built, not active or named otherwise.
    Setup,
    /// What was sent is wrong.
    Invalid,
    /// It is there already.
    Duplicate,
    /// It may work later.
    Passing,
    /// Nobody can tell.
    Unclear,
}

/// An error as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::systems::peoplesoft) struct Fault {
    pub(in crate::systems::peoplesoft) class: Class,
    /// Message set and number, where they are told, and the words.
    pub(in crate::systems::peoplesoft) refusal: Refusal,
}

impl Class {
    /// Whether asking again changes nothing.
    pub(in crate::systems::peoplesoft) fn is_final(self) -> bool {
        matches!(self, Self::Denied | Self::Setup | Self::Invalid)
    }
}

/// The words by which errors are told apart; the first class that has one of them counts.
const WORDS: [(Class, &[&str]); 5] = [
    (Class::Duplicate, &["duplicate", "already exists", "unique constraint"]),
    (
        Class::Passing,
        &[
            "unavailable",
            "timed out",
            "timeout",
            "try again",
            "deadlock",
            "inconsistent with",
            "conflicts with",
            "could not connect",
            "connection",
            "is down",
            "no available application server",
            "jolt",
            "tuxedo",
        ],
    ),
    (
        Class::Denied,
        &[
            "not authorized",
            "not authorised",
            "unauthorized",
            "security",
            "permission",
            "access denied",
            "no access",
        ],
    ),
    (
        Class::Setup,
        &[
            "not active",
            "inactive",
            "not found",
            "does not exist",
            "no such",
            "unknown",
            "not defined",
            "unable to find",
            "could not find",
            "invalid query",
            "invalid service operation",
            "prompt",
        ],
    ),
    (
        Class::Invalid,
        &[
            "invalid",
            "not valid",
            "required",
            "must be",
            "edit error",
            "too long",
            "out of range",
        ],
    ),
];

fn class_of(words: &str) -> Class {
    let words = words.to_lowercase();
    let known = WORDS
        .iter()
        .find(|(_, known)| known.iter().any(|word| words.contains(word)));
    known.map_or(Class::Unclear, |(class, _)| *class)
}

/// The error that a body tells; `None` where it tells none.
pub(in crate::systems::peoplesoft) fn fault(body: &[u8]) -> Option<Fault> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.chars().next()? {
        '<' => of_markup(text),
        '{' => of_json(&serde_json::from_str(text).ok()?),
        _ => None,
    }
}

impl Fault {
    /// Whether a write that was answered by it has certainly not happened, and will not when it is repeated: what the service
    /// says in JSON is its own last word, unless it says that the entry is there, or that the obstacle passes.
    pub(in crate::systems::peoplesoft) fn ends_a_write(&self) -> bool {
        self.class.is_final() || (self.class == Class::Unclear && self.refusal.code == SERVICE)
    }
}

/// The other side's own words on one line, whatever they are; none where it sent nothing or a page. `hidden` is what we sent and
/// nobody else should read.
pub(in crate::systems::peoplesoft) fn told(body: &[u8], hidden: &[String]) -> Option<String> {
    let said = match fault(body) {
        Some(fault) => fault.refusal.to_string(),
        None => String::from_utf8_lossy(body).into_owned(),
    };
    let plain: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let longest_first = {
        let mut all: Vec<&String> = hidden.iter().filter(|text| !text.trim().is_empty()).collect();
        all.sort_by_key(|text| std::cmp::Reverse(text.len()));
        all
    };
    let open = longest_first
        .into_iter()
        .fold(plain, |said, text| said.replace(text.as_str(), "..."));
    let line = open.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| line.chars().take(LONGEST).collect())
}

/// An error of a write, for [`crate::http::effect`].
pub(in crate::systems::peoplesoft) fn write_envelope(answer: &Answer) -> Option<VendorError> {
    let fault = fault(&answer.body)?;
    Some(VendorError {
        transient: !fault.ends_a_write(),
        refusal: fault.refusal,
    })
}

/// An error of a call that changes nothing, for [`crate::http::read`].
pub(in crate::systems::peoplesoft) fn envelope(answer: &Answer) -> Option<VendorError> {
    let fault = fault(&answer.body)?;
    Some(VendorError {
        transient: !fault.class.is_final(),
        refusal: fault.refusal,
    })
}

fn of_markup(text: &str) -> Option<Fault> {
    let lower = text.to_ascii_lowercase();
    if let Some((_, rest)) = lower.split_once("<ibresponse") {
        let tag = rest.split('>').next().unwrap_or_default();
        if tag.contains("success") {
            return None;
        }
        let part = |tag: &str| element(text, tag).unwrap_or_default();
        return Some(ib_response(
            &part("MessageSet"),
            &part("MessageID"),
            &part("DefaultMessage"),
        ));
    }
    if lower.contains("<html") || lower.contains("<!doctype html") {
        let words = "a page of a web server instead of an answer";
        return Some(Fault {
            class: Class::Unclear,
            refusal: Refusal::new("html", words),
        });
    }
    let is_fault = lower.contains("fault>") || lower.contains("fault ") || lower.contains("<error");
    is_fault.then(|| {
        let told = ["faultstring", "Text", "DefaultMessage", "message", "error"];
        let words = told
            .iter()
            .find_map(|tag| element(text, tag))
            .unwrap_or_else(|| "a fault without words".to_owned());
        told_as("fault", &words)
    })
}

/// The text of the first element of this name, whatever its prefix.
fn element(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, behind) = after.split_once('>')?;
        let full = tag.split([' ', '/']).next().unwrap_or_default();
        if full.rsplit(':').next() == Some(name) && !tag.ends_with('/') {
            let inner = behind.split('<').next().unwrap_or_default();
            let inner = inner.trim();
            if !inner.is_empty() {
                return Some(unescaped(inner));
            }
        }
        rest = behind;
    }
    None
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

fn of_json(json: &Value) -> Option<Fault> {
    let field = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| json.get(*name))
            .filter(|value| says_something(value))
    };
    if let Some(response) = field(&["IBResponse"]) {
        let part = |name: &str| response.get(name).map(words).unwrap_or_default();
        return Some(ib_response(
            &part("MessageSet"),
            &part("MessageID"),
            &part("DefaultMessage"),
        ));
    }
    let told = field(&["Fault", "fault", "error", "errors", "Error", "Errors"]);
    let status = json.get("status").and_then(Value::as_str).map(str::to_lowercase);
    let failed = status.is_some_and(|status| ["error", "failed", "failure", "fail", "fault"].contains(&status.trim()));
    if told.is_none() && !failed {
        return None;
    }
    let said = told
        .or_else(|| field(&["message", "detail", "data"]))
        .map(words)
        .filter(|words| !words.is_empty());
    Some(told_as(
        SERVICE,
        &said.unwrap_or_else(|| "an error without words".to_owned()),
    ))
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

/// The words of an error, wherever in it they stand.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) => {
            let all: Vec<String> = list.iter().map(words).filter(|words| !words.is_empty()).collect();
            all.join("; ")
        }
        Value::Object(fields) => {
            let known = [
                "message",
                "Message",
                "faultstring",
                "DefaultMessage",
                "detail",
                "description",
                "text",
                "error",
            ];
            let told = known.iter().filter_map(|name| fields.get(*name));
            told.map(words).find(|words| !words.is_empty()).unwrap_or_default()
        }
        Value::Null | Value::Bool(_) => String::new(),
    }
}

fn ib_response(set: &str, id: &str, message: &str) -> Fault {
    let words = if message.is_empty() {
        "Integration Broker gives no reason"
    } else {
        message
    };
    let code = match (set.is_empty(), id.is_empty()) {
        (false, false) => format!("{set},{id}"),
        _ => "IBResponse".to_owned(),
    };
    told_as(&code, words)
}

fn told_as(code: &str, words: &str) -> Fault {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    Fault {
        class: class_of(&line),
        refusal: Refusal::new(code, line.chars().take(LONGEST).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!("../../../../../tests/fixtures/peoplesoft/errors/", $name))
        };
    }

    #[test]
    fn an_error_is_one_whatever_its_shape_and_what_it_means_is_in_its_words() {
        let read = |body: &[u8]| {
            let fault = fault(body).unwrap();
            (fault.class, fault.refusal.code)
        };
        assert_eq!(read(fixture!("security.xml")), (Class::Denied, "158,10721".to_owned()));
        assert_eq!(read(fixture!("not_active.xml")), (Class::Setup, "158,10722".to_owned()));
        assert_eq!(read(fixture!("handler.xml")), (Class::Unclear, "158,10001".to_owned()));
        assert_eq!(read(fixture!("query.json")), (Class::Setup, "error".to_owned()));
        assert_eq!(read(fixture!("fault.xml")).0, Class::Passing);
        assert_eq!(read(fixture!("page.html")), (Class::Unclear, "html".to_owned()));
        assert_eq!(read(fixture!("rejected.json")), (Class::Invalid, "error".to_owned()));
        assert_eq!(read(fixture!("duplicate.json")).0, Class::Duplicate);
        let json = br#"{"IBResponse": {"StatusCode": 20, "MessageSet": 158, "MessageID": 10721, "DefaultMessage": "not authorized"}}"#;
        assert_eq!(read(json), (Class::Denied, "158,10721".to_owned()));
        for well in [
            &b""[..],
            b"[]",
            b"{\"status\": \"success\"}",
            b"{\"errors\": [], \"error\": null}",
            b"{\"errors\": 0}",
            b"<IBResponse type=\"success\"><StatusCode>0</StatusCode></IBResponse>",
            b"<ok/>",
            b"{\"STATUS\": \"Label created\"}",
        ] {
            assert_eq!(fault(well), None);
        }
    }
}
