//! A request as its handlers see it: who asks, in which version, for what below an item.

use super::access::{Form, User};
use super::refusal::Refusal;
use super::resources::Resource;
use super::shape::Node;
use crate::server::StaleBy;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HOST, IF_MATCH};
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use url::form_urlencoded;

/// A request that has come in, with what its handlers need.
pub(super) struct Call<'a> {
    pub(super) parts: &'a Parts,
    pub(super) body: &'a [u8],
    pub(super) user: &'a User,
    pub(super) version: u32,
    pub(super) now: Timestamp,
}

impl Call<'_> {
    pub(super) fn parameters(&self) -> Form {
        pairs(self.parts.uri.query().unwrap_or_default().as_bytes())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        text(&self.parts.headers, name)
    }

    pub(super) fn base(&self, link_base: Option<&String>) -> String {
        link_base.map_or_else(|| format!("http://{}", self.header(HOST.as_str())), Clone::clone)
    }

    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            _ => Err(Refusal::bad("The request body is not a JSON object.")),
        }
    }

    pub(super) fn must_be(&self, kinds: &[&'static str]) -> Result<(), Refusal> {
        let kind = self
            .header(CONTENT_TYPE.as_str())
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if kinds.iter().any(|one| kind.eq_ignore_ascii_case(one)) {
            Ok(())
        } else {
            Err(Refusal::media(kinds.first().copied().unwrap_or_default()))
        }
    }

    /// The request is for the item as it stands, or for whatever stands there.
    pub(super) fn matches(&self, node: &Node) -> Result<(), Refusal> {
        let wanted = self.header(IF_MATCH.as_str());
        let tag = node.tag();
        let fits = |one: &str| one == "*" || one.trim_start_matches("W/").trim_matches('"') == tag;
        if wanted.is_empty() || wanted.split(',').map(str::trim).any(fits) {
            Ok(())
        } else {
            Err(Refusal::stale())
        }
    }

    pub(super) fn seen_until(&self) -> Timestamp {
        let stale = self.parts.extensions.get::<StaleBy>();
        stale
            .and_then(|stale| self.now.checked_sub(stale.0).ok())
            .unwrap_or(self.now)
    }
}

/// What lies at a path below an item.
pub(super) enum Found<'a> {
    Item(&'a Node),
    Children {
        owner: &'a Node,
        resource: &'static Resource,
        nodes: &'a [Node],
    },
}

pub(super) fn walk<'a>(node: &'a Node, path: &[String], by_id: bool) -> Result<Found<'a>, Refusal> {
    let [child, name, rest @ ..] = path else {
        return if path.is_empty() {
            Ok(Found::Item(node))
        } else {
            Err(Refusal::missing())
        };
    };
    let resource = node
        .resource
        .child(name)
        .filter(|_| child == "child")
        .ok_or_else(Refusal::missing)?;
    let nodes = node.children.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
    let [key, rest @ ..] = rest else {
        return Ok(Found::Children {
            owner: node,
            resource,
            nodes,
        });
    };
    let named = |one: &&Node| one.key == *key || (by_id && one.id.to_string() == *key);
    walk(nodes.iter().find(named).ok_or_else(Refusal::missing)?, rest, by_id)
}

pub(super) fn pairs(text: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The version that a request names; the oldest one where it names none.
pub(super) fn framework_version(headers: &HeaderMap) -> Option<u32> {
    match text(headers, "REST-Framework-Version").trim() {
        "" => Some(1),
        given => given.parse().ok().filter(|version| (1..=9).contains(version)),
    }
}
