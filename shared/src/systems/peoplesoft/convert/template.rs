//! Texts with `{names}` in them, to be filled in: no language, only substitution with the escaping of the place.

use std::collections::BTreeMap;

/// What names an entry: usable in the path and in the body.
pub(in crate::systems::peoplesoft) const KEYS: &[&str] = &["business_unit", "doc_type", "doc_id", "entry"];

/// What an entry says: usable in the body. What an entry does not say is empty.
pub(in crate::systems::peoplesoft) const VALUES: &[&str] = &[
    "tracking",
    "carrier",
    "service",
    "cost",
    "currency",
    "status",
    "status_at",
    "place",
    "signed_by",
    "estimated_delivery",
    "problem",
    "flag",
];

/// How a value is written so that it stays a value where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::systems::peoplesoft) enum Escape {
    /// Within the quotation marks of JSON.
    Json,
    /// Within an element or an attribute of XML.
    Xml,
    /// A segment of a path, or a value of a query.
    Url,
    /// As it stands.
    None,
}

/// A text with names.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems::peoplesoft) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Name(String),
}

impl Escape {
    /// As a media type asks for.
    pub(in crate::systems::peoplesoft) fn of(media: &str) -> Self {
        let media = media.to_ascii_lowercase();
        if media.contains("json") {
            Self::Json
        } else if media.contains("xml") {
            Self::Xml
        } else if media.contains("form-urlencoded") {
            Self::Url
        } else {
            Self::None
        }
    }

    fn written(self, value: &str) -> String {
        match self {
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                inner.unwrap_or_default().to_owned()
            }
            Self::Xml => value
                .chars()
                .filter(|c| !c.is_control())
                .map(|c| match c {
                    '&' => "&amp;".to_owned(),
                    '<' => "&lt;".to_owned(),
                    '>' => "&gt;".to_owned(),
                    '"' => "&quot;".to_owned(),
                    '\'' => "&apos;".to_owned(),
                    other => other.to_string(),
                })
                .collect(),
            Self::Url => percent_encoded(value),
            Self::None => value.to_owned(),
        }
    }
}

/// A value as one part of an address: a blank is `%20`, because a `+` is a blank only in forms.
pub(in crate::systems::peoplesoft) fn percent_encoded(value: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    encoded.replace('+', "%20")
}

impl Template {
    /// A template that is known to be right: braces around anything else than a name are text.
    pub(in crate::systems::peoplesoft) fn plain(text: &str) -> Self {
        let mut parts = Vec::new();
        let (mut rest, mut plain) = (text, String::new());
        while let Some((before, after)) = rest.split_once('{') {
            plain.push_str(before);
            match after.split_once('}').filter(|(name, _)| is_name(name)) {
                Some((name, behind)) => {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    parts.push(Part::Name(name.to_owned()));
                    rest = behind;
                }
                None => {
                    plain.push('{');
                    rest = after;
                }
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Self(parts)
    }

    /// The template of a person's text.
    ///
    /// # Errors
    /// The first name that is not `known`.
    pub(in crate::systems::peoplesoft) fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let template = Self::plain(text);
        let unknown = template.0.iter().find_map(|part| match part {
            Part::Name(name) if !known.contains(&name.as_str()) => Some(name.clone()),
            _ => None,
        });
        unknown.map_or(Ok(template), Err)
    }

    /// The text with these values; a name without one is empty.
    pub(in crate::systems::peoplesoft) fn filled(&self, values: &BTreeMap<&str, String>, escape: Escape) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Name(name) => values
                .get(name.as_str())
                .map(|value| escape.written(value))
                .unwrap_or_default(),
        };
        self.0.iter().map(part).collect()
    }

    /// Fills it with an example, and with nothing, and sees whether the result can be read.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(in crate::systems::peoplesoft) fn tried(&self, media: &str) -> Result<(), String> {
        let escape = Escape::of(media);
        if escape != Escape::Json {
            return Ok(());
        }
        let example = [KEYS, VALUES].concat().into_iter();
        let full: BTreeMap<&str, String> = example
            .map(|name| (name, if name == "cost" { "12.5" } else { "a \"b\" \\ {c}" }.to_owned()))
            .collect();
        for values in [full, BTreeMap::new()] {
            let text = self.filled(&values, escape);
            if let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
                let filled = if values.is_empty() {
                    "without values"
                } else {
                    "with values"
                };
                return Err(format!(
                    "{filled} it is not JSON ({error}): every {{name}} stands in quotation marks"
                ));
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Template {
    /// As a person wrote it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Name(name) => write!(f, "{{{name}}}"),
        })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_a_value_wherever_it_stands() {
        let template = Template::parse(r#"{"T": "{tracking}", "P": {"a": "{place}"}}"#, VALUES).unwrap();
        let values = BTreeMap::from([("tracking", "1Z\"9\\".to_owned()), ("place", "{status}\n".to_owned())]);
        let json: serde_json::Value = serde_json::from_str(&template.filled(&values, Escape::Json)).unwrap();
        assert_eq!(json["T"], "1Z\"9\\");
        assert_eq!(json["P"]["a"], "{status}\n");
        let xml = Template::plain("<a b='{place}'>{place}</a>");
        let values = BTreeMap::from([("place", "<x> & 'y'".to_owned())]);
        let filled = xml.filled(&values, Escape::of("text/xml; charset=utf-8"));
        assert_eq!(
            filled,
            "<a b='&lt;x&gt; &amp; &apos;y&apos;'>&lt;x&gt; &amp; &apos;y&apos;</a>"
        );
        let path = Template::plain("/{doc_id}/x");
        let values = BTreeMap::from([("doc_id", "../a b?c".to_owned())]);
        assert_eq!(path.filled(&values, Escape::Url), "/..%2Fa%20b%3Fc/x");
        assert_eq!(path.to_string(), "/{doc_id}/x");
    }

    #[test]
    fn a_name_that_nobody_knows_and_a_text_that_is_no_json_are_found_before_anything_is_sent() {
        assert_eq!(Template::parse("{tracking} {colour}", VALUES), Err("colour".to_owned()));
        assert!(
            Template::plain(r#"{"T": {tracking}}"#)
                .tried("application/json")
                .is_err()
        );
        assert!(Template::plain(r#"{"C": {cost}}"#).tried("application/json").is_err());
        assert!(
            Template::plain(r#"{"T": "{tracking}"}"#)
                .tried("application/json")
                .is_ok()
        );
        assert!(Template::plain("T={tracking}").tried("text/plain").is_ok());
    }
}
