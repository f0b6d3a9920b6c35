//! What a call asks: its query, its body, and where the caller found ShipStation.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::ShipStation;
use super::answer::{Api, Refusal, Reply, ok, read_se};
use super::times::{read_pacific, read_utc};
use crate::server::StaleBy;

/// A call but for its body.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) api: Api,
    path: String,
    base: String,
    query: BTreeMap<String, String>,
    /// How far behind lists are during this call.
    stale: SignedDuration,
}

impl FromRequestParts<ShipStation> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shipstation: &ShipStation) -> Result<Self, Infallible> {
        let path = parts.uri.path().to_owned();
        let api = if path.starts_with("/v2/") { Api::V2 } else { Api::V1 };
        let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
        let own = shipstation.state().options.v2_base.clone();
        let base = own.unwrap_or_else(|| format!("http://{}", host.unwrap_or("localhost")));
        let query = parts.uri.query().unwrap_or_default();
        let stale = parts
            .extensions
            .get::<StaleBy>()
            .map_or(SignedDuration::ZERO, |by| by.0);
        Ok(Self {
            api,
            path,
            base,
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            stale,
        })
    }
}

impl Asked {
    /// The address that links begin with.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// A parameter that is not blank.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.query
            .get(name)
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
    }

    /// Whether a parameter, if it is given, is this value, whatever the case of its letters.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.text(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
    }

    /// Whether a parameter, if it is given, is contained in this value, whatever the case of its letters.
    pub(super) fn within(&self, name: &str, value: &str) -> bool {
        self.text(name)
            .is_none_or(|wanted| value.to_lowercase().contains(&wanted.to_lowercase()))
    }

    /// A parameter that is a time.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        let read = match self.api {
            Api::V1 => read_pacific,
            Api::V2 => read_utc,
        };
        let Some(text) = self.text(name) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| Refusal::parameter(self.api, name))
    }

    /// A parameter that is an id in the form of that API.
    pub(super) fn id(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let read = match self.api {
            Api::V1 => text.parse().ok(),
            Api::V2 => read_se(text),
        };
        read.map(Some).ok_or_else(|| Refusal::parameter(self.api, name))
    }

    /// A parameter that is a store: V2 takes it with and without `se-`.
    pub(super) fn store(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let bare = text.strip_prefix("se-").unwrap_or(text);
        bare.parse().map(Some).map_err(|_| Refusal::parameter(self.api, name))
    }

    /// A parameter that is one of these words.
    pub(super) fn one_of<'a>(&'a self, name: &str, words: &[&str]) -> Result<Option<&'a str>, Refusal> {
        match self.text(name) {
            Some(word) if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) => {
                Err(Refusal::parameter(self.api, name))
            }
            other => Ok(other),
        }
    }

    /// A span of time: its first and its last moment both belong to it.
    pub(super) fn span(&self, start: &str, end: &str) -> Result<Span, Refusal> {
        Ok(Span {
            from: self.time(start)?,
            to: self.time(end)?,
        })
    }

    /// What happened after this is not seen yet.
    pub(super) fn seen_until(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.stale).unwrap_or(now)
    }

    /// Whether the order is from the latest to the first.
    pub(super) fn descends(&self, usual: bool) -> Result<bool, Refusal> {
        let name = if self.api == Api::V2 { "sort_dir" } else { "sortDir" };
        let word = self.one_of(name, &["asc", "desc"])?;
        Ok(word.map_or(usual, |word| word.eq_ignore_ascii_case("desc")))
    }

    fn count(&self, name: &str, usual: usize, most: usize) -> Result<usize, Refusal> {
        let Some(text) = self.text(name) else { return Ok(usual) };
        let count = text.parse().ok().filter(|count| (1..=most).contains(count));
        count.ok_or_else(|| Refusal::parameter(self.api, name))
    }

    /// A page of a list of V2, under this name; `size` is the parameter that says how many fit, and how many usually do.
    /// Only what is on the page is shaped.
    pub(super) fn page<T>(
        &self,
        name: &str,
        size: (&str, usize),
        most: usize,
        all: &[T],
        shape: impl Fn(&T) -> Value,
    ) -> Reply {
        let per_page = self.count(size.0, size.1, most)?;
        let page = self.count("page", 1, usize::MAX)?;
        let pages = all.len().div_ceil(per_page).max(1);
        let total = all.len();
        let shown = shown(all, page, per_page, shape);
        let link = |wanted: usize| json!({ "href": self.link_to(wanted) });
        let links = json!({
            "first": link(1),
            "last": link(pages),
            "prev": if page > 1 { link(page - 1) } else { json!({}) },
            "next": if page < pages { link(page + 1) } else { json!({}) },
        });
        let mut body = Map::new();
        body.insert(name.to_owned(), shown.into());
        for (key, value) in [("total", total), ("page", page), ("pages", pages)] {
            body.insert(key.to_owned(), value.into());
        }
        body.insert("links".to_owned(), links);
        Ok(ok(Value::Object(body)))
    }

    fn link_to(&self, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.query.iter().filter(|(name, _)| *name != "page") {
            query.append_pair(name, value);
        }
        query.append_pair("page", &page.to_string());
        format!("{}{}?{}", self.base, self.path, query.finish())
    }

    /// A page of a list of V1, under this name.
    pub(super) fn v1_page<T>(&self, name: &str, most: usize, all: &[T], shape: impl Fn(&T) -> Value) -> Reply {
        let per_page = self.count("pageSize", 100, most)?;
        let page = self.count("page", 1, usize::MAX)?;
        let mut body = Map::new();
        let total = all.len();
        let shown = shown(all, page, per_page, shape);
        body.insert(name.to_owned(), shown.into());
        for (key, value) in [("total", total), ("page", page), ("pages", total.div_ceil(per_page))] {
            body.insert(key.to_owned(), value.into());
        }
        Ok(ok(Value::Object(body)))
    }
}

/// What is on a page, shaped.
fn shown<T>(all: &[T], page: usize, per_page: usize, shape: impl Fn(&T) -> Value) -> Vec<Value> {
    let before = (page - 1).saturating_mul(per_page);
    all.iter().skip(before).take(per_page).map(shape).collect()
}

/// A span of time that may be open at both ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Span {
    /// Whether a moment lies in it.
    pub(super) fn has(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to)
    }

    /// Whether there is a moment and it lies in it; without a bound, whether or not there is one.
    pub(super) fn has_any(&self, at: Option<Timestamp>) -> bool {
        match at {
            Some(at) => self.has(at),
            None => self.from.is_none() && self.to.is_none(),
        }
    }
}

/// The JSON object of a body.
pub(super) fn object(api: Api, body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ if api == Api::V1 => Err(Refusal::v1(StatusCode::BAD_REQUEST, "The request is invalid.")),
        _ if body.is_empty() => Err(Refusal::invalid("request_body_required", "a body is required")),
        _ => Err(Refusal::invalid("invalid_object", "the body is not a JSON object")),
    }
}

/// The first key that is none of these.
pub(super) fn unknown_key<'a>(fields: &'a Map<String, Value>, known: &[&str]) -> Option<&'a str> {
    let known: BTreeSet<&str> = known.iter().copied().collect();
    fields.keys().map(String::as_str).find(|key| !known.contains(key))
}

/// A text that is not blank.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let text = fields.get(key)?.as_str()?.trim();
    Some(text).filter(|text| !text.is_empty())
}

/// The same, owned.
pub(super) fn owned(fields: &Map<String, Value>, key: &str) -> Option<String> {
    text(fields, key).map(str::to_owned)
}

/// Whether there is something other than null.
pub(super) fn given(fields: &Map<String, Value>, key: &str) -> bool {
    fields.get(key).is_some_and(|value| !value.is_null())
}
