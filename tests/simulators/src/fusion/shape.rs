//! How rows become answers: filters, order, pages, chosen fields, expanded children, links; by framework version.
//!
//! Quirks: `fields` outranks `expand`; `onlyData` removes the links, and with them the only place that has the key;
//! children are bare arrays before version 3 and collection objects from it.

use super::options::Options;
use super::query::{self, Condition};
use super::refusal::Refusal;
use super::resources::{Kind, Resource};
use aws_lc_rs::digest;
use data_encoding::HEXUPPER;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DEFAULT_LIMIT: usize = 25;

/// An item of a resource with its children. Times stand in it exactly, whatever is printed.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) resource: &'static Resource,
    pub(super) key: String,
    pub(super) id: i64,
    pub(super) version: u64,
    pub(super) attributes: Map<String, Value>,
    pub(super) children: BTreeMap<&'static str, Vec<Node>>,
}

impl Node {
    /// The entity tag, without quotes.
    pub(super) fn tag(&self) -> String {
        let text = format!(
            "{} {} {} {}",
            self.resource.name,
            self.id,
            self.version,
            Value::Object(self.attributes.clone())
        );
        hash(&text, 20)
    }
}

/// An opaque name: so many bytes of a digest in hexadecimal.
pub(super) fn hash(text: &str, bytes: usize) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    HEXUPPER.encode(digest.as_ref().get(..bytes).unwrap_or_default())
}

/// What a request wants to see.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) version: u32,
    pub(super) only_data: bool,
    pub(super) filter: Option<Condition>,
    pub(super) order: Vec<(String, bool)>,
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) total: bool,
    /// Chosen attributes by path; the item's own stand under the empty one.
    fields: Option<BTreeMap<String, BTreeSet<String>>>,
    expanded: BTreeSet<String>,
}

impl Wanted {
    /// Reads the parameters of a request for `resource`.
    pub(super) fn read(
        parameters: &BTreeMap<String, String>,
        version: u32,
        resource: &'static Resource,
        options: &Options,
    ) -> Result<Self, Refusal> {
        let get = |name: &str| parameters.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let number = |name: &str, default: usize| match get(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| Refusal::bad(format!("URL request parameter {name} is not a number."))),
        };
        if get("finder").is_some() {
            return Err(Refusal::bad(
                "URL request parameter finder names no finder of the resource.",
            ));
        }
        let flag = |name: &str| get(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let fields = get("fields")
            .map(|text| read_fields(text, resource, options))
            .transpose()?;
        let expanded = match (get("expand"), &fields) {
            (Some(text), None) => read_expand(text, resource)?,
            _ => BTreeSet::new(),
        };
        let order = get("orderBy")
            .map(|text| read_order(text, resource, options))
            .transpose()?;
        Ok(Self {
            version,
            only_data: flag("onlyData"),
            filter: get("q").map(|text| query::parse(text, version)).transpose()?,
            order: order.unwrap_or_default(),
            limit: number("limit", DEFAULT_LIMIT)?.min(options.max_limit),
            offset: number("offset", 0)?,
            total: flag("totalResults"),
            fields,
            expanded,
        })
    }
}

fn read_fields(
    text: &str,
    resource: &'static Resource,
    options: &Options,
) -> Result<BTreeMap<String, BTreeSet<String>>, Refusal> {
    let mut chosen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for group in text.split(';').filter(|group| !group.trim().is_empty()) {
        let (path, names) = group.split_once(':').unwrap_or(("", group));
        let path = path.trim();
        let at = if path.is_empty() {
            Some(resource)
        } else {
            resource.at(path)
        };
        let at = at.ok_or_else(|| Refusal::bad(format!("URL request parameter fields names no child {path}.")))?;
        for name in names.split(',').map(str::trim) {
            if !at.has(name, options) {
                return Err(Refusal::bad(format!(
                    "URL request parameter fields names no attribute {name}."
                )));
            }
            chosen.entry(path.to_owned()).or_default().insert(name.to_owned());
        }
    }
    Ok(chosen)
}

fn read_expand(text: &str, resource: &'static Resource) -> Result<BTreeSet<String>, Refusal> {
    let mut expanded = BTreeSet::new();
    for path in text.split(',').map(str::trim) {
        if path == "all" {
            expanded.extend(resource.children.iter().map(|(name, _)| (*name).to_owned()));
            continue;
        }
        if resource.at(path).is_none() {
            return Err(Refusal::bad(format!(
                "URL request parameter expand names no child {path}."
            )));
        }
        let ends = path.match_indices('.').map(|(end, _)| end).chain([path.len()]);
        expanded.extend(ends.filter_map(|end| path.get(..end).map(str::to_owned)));
    }
    Ok(expanded)
}

fn read_order(text: &str, resource: &'static Resource, options: &Options) -> Result<Vec<(String, bool)>, Refusal> {
    let read = |part: &str| {
        let (name, direction) = part.split_once(':').unwrap_or((part, "asc"));
        let descends = match direction.trim() {
            "asc" => false,
            "desc" => true,
            _ => return Err(Refusal::bad("URL request parameter orderBy has no such direction.")),
        };
        let known = resource.known(name.trim(), options).is_some();
        known
            .then(|| (name.trim().to_owned(), descends))
            .ok_or_else(|| Refusal::bad(format!("URL request parameter orderBy names no attribute {name}.")))
    };
    text.split(',').map(read).collect()
}

pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|text| text.parse().ok())
}

/// Puts rows into the wanted order; rows that nobody orders come in the order of their keys, which means nothing.
pub(super) fn sort(nodes: &mut [Node], wanted: &Wanted) {
    nodes.sort_by(|one, other| {
        let by = |(name, descends): &(String, bool)| {
            let null = Value::Null;
            let value = one.attributes.get(name).unwrap_or(&null);
            let against = other.attributes.get(name).unwrap_or(&null);
            let kind = one
                .resource
                .attribute(name)
                .map_or(Kind::Text, |attribute| attribute.kind);
            let found = match kind {
                Kind::Integer | Kind::Number => decimal(value).cmp(&decimal(against)),
                Kind::Time => time(value).cmp(&time(against)),
                _ => value.as_str().cmp(&against.as_str()),
            };
            if *descends { found.reverse() } else { found }
        };
        let wanted_order = wanted.order.iter().map(by).find(|found| found.is_ne());
        wanted_order.unwrap_or_else(|| hash(&one.key, 4).cmp(&hash(&other.key, 4)))
    });
}

/// Draws items and collections.
#[derive(Debug)]
pub(super) struct Printer<'a> {
    pub(super) options: &'a Options,
    pub(super) wanted: &'a Wanted,
}

impl Printer<'_> {
    /// A collection of rows that are already filtered and ordered; `url` is its own.
    pub(super) fn collection(&self, nodes: &[Node], url: &str) -> Value {
        let wanted = self.wanted;
        let page: Vec<Value> = nodes
            .iter()
            .skip(wanted.offset)
            .take(wanted.limit)
            .map(|node| self.item(node, "", &format!("{url}/{}", node.key)))
            .collect();
        let mut body = json!({
            "count": page.len(),
            "hasMore": wanted.offset + page.len() < nodes.len(),
            "limit": wanted.limit,
            "offset": wanted.offset,
            "items": page,
        });
        if let Some(fields) = body.as_object_mut() {
            if wanted.total {
                fields.insert("totalResults".into(), json!(nodes.len()));
            }
            let name = url.rsplit('/').next().unwrap_or_default();
            let links = json!([{ "rel": "self", "href": url, "name": name, "kind": "collection" }]);
            fields.insert("links".into(), links);
        }
        body
    }

    /// An item; `path` is where it hangs below the requested resource.
    pub(super) fn item(&self, node: &Node, path: &str, url: &str) -> Value {
        let chosen = self.wanted.fields.as_ref().map(|fields| fields.get(path));
        let is_chosen = |name: &str| match chosen {
            None => true,
            Some(names) => names.is_some_and(|names| names.contains(name)),
        };
        let mut shown: Map<String, Value> = node
            .attributes
            .iter()
            .filter(|(name, _)| is_chosen(name) && !self.options.lacks(node.resource.name, name))
            .map(|(name, value)| (name.clone(), self.printed(node, name, value)))
            .collect();
        for (name, _) in node.resource.children {
            let below = if path.is_empty() {
                (*name).to_owned()
            } else {
                format!("{path}.{name}")
            };
            if self.opens(&below) {
                let children = node.children.get(name).map(Vec::as_slice).unwrap_or_default();
                shown.insert(
                    (*name).to_owned(),
                    self.children(children, &below, &format!("{url}/child/{name}")),
                );
            }
        }
        if !self.wanted.only_data {
            shown.insert("links".into(), links(node, url));
        }
        Value::Object(shown)
    }

    fn printed(&self, node: &Node, name: &str, value: &Value) -> Value {
        let is_time = node.resource.attribute(name).is_some_and(|one| one.kind == Kind::Time);
        match time(value).filter(|_| is_time) {
            Some(at) => json!(self.options.print(at)),
            None => value.clone(),
        }
    }

    fn opens(&self, path: &str) -> bool {
        let below = format!("{path}.");
        match &self.wanted.fields {
            Some(fields) => fields.keys().any(|named| named == path || named.starts_with(&below)),
            None => self.wanted.expanded.contains(path),
        }
    }

    fn children(&self, nodes: &[Node], path: &str, url: &str) -> Value {
        let draw = |node: &Node| self.item(node, path, &format!("{url}/{}", node.key));
        if self.wanted.version < 3 {
            return Value::Array(nodes.iter().map(draw).collect());
        }
        let limit = self.options.child_limit;
        let items: Vec<Value> = nodes.iter().take(limit).map(draw).collect();
        let mut body = json!({
            "count": items.len(),
            "hasMore": nodes.len() > items.len(),
            "limit": limit,
            "offset": 0,
            "items": items,
        });
        if let Some(fields) = body.as_object_mut().filter(|_| !self.wanted.only_data) {
            let name = url.rsplit('/').next().unwrap_or_default();
            let links = json!([{ "rel": "self", "href": url, "name": name, "kind": "collection" }]);
            fields.insert("links".into(), links);
        }
        body
    }
}

fn links(node: &Node, url: &str) -> Value {
    let name = node.resource.name;
    let mut links = vec![
        json!({ "rel": "self", "href": url, "name": name, "kind": "item", "properties": { "changeIndicator": node.tag() } }),
        json!({ "rel": "canonical", "href": url, "name": name, "kind": "item" }),
    ];
    links.extend(node.resource.children.iter().map(
        |(child, _)| json!({ "rel": "child", "href": format!("{url}/child/{child}"), "name": child, "kind": "collection" }),
    ));
    Value::Array(links)
}
