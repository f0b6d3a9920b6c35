//! How rows become answers: filters, order, pages, chosen fields, expanded children, links; by framework version.
//!
//! Quirks: `fields` outranks `expand`; `onlyData` removes the links, and with them the only place that has the key;
//! children are bare arrays before version 3 and collection objects from it.

use super::options::{Options, TimeLiteral};
use super::query::{self, Comparison, Condition, Test, fits};
use super::refusal::Refusal;
use super::resources::{Attribute, Kind, Resource};
use aws_lc_rs::digest;
use data_encoding::HEXUPPER;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
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
        let flag = |name: &str| get(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let fields = get("fields")
            .map(|text| read_fields(text, resource, options))
            .transpose()?;
        let expanded = match (get("expand"), &fields) {
            (Some(text), None) => read_expand(text, resource)?,
            _ => BTreeSet::new(),
        };
        let order = get("orderBy").map(|text| read_order(text, resource)).transpose()?;
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

fn read_order(text: &str, resource: &'static Resource) -> Result<Vec<(String, bool)>, Refusal> {
    let read = |part: &str| {
        let (name, direction) = part.split_once(':').unwrap_or((part, "asc"));
        let descends = match direction.trim() {
            "asc" => false,
            "desc" => true,
            _ => return Err(Refusal::bad("URL request parameter orderBy has no such direction.")),
        };
        let known = resource.attribute(name.trim()).is_some();
        known
            .then(|| (name.trim().to_owned(), descends))
            .ok_or_else(|| Refusal::bad(format!("URL request parameter orderBy names no attribute {name}.")))
    };
    text.split(',').map(read).collect()
}

/// Whether the filter can be asked of the resource at all; a fault in it is a fault even where there are no rows.
pub(super) fn check(condition: &Condition, resource: &'static Resource, options: &Options) -> Result<(), Refusal> {
    match condition {
        Condition::All(all) | Condition::Any(all) => all.iter().try_for_each(|one| check(one, resource, options)),
        Condition::Not(one) => check(one, resource, options),
        Condition::Test(test) => {
            let attribute = queried(&test.attribute, resource, options)?;
            test.values
                .iter()
                .try_for_each(|value| against(&Value::Null, value, attribute.kind, options).map(|_| ()))
        }
    }
}

fn queried(name: &str, resource: &'static Resource, options: &Options) -> Result<&'static Attribute, Refusal> {
    let found = match name.rsplit_once('.') {
        Some((path, name)) if options.child_filters => resource.at(path).and_then(|child| child.attribute(name)),
        Some(_) => None,
        None => resource.attribute(name),
    };
    let found =
        found.ok_or_else(|| Refusal::bad(format!("Attribute {name} in URL request parameter q is not known.")))?;
    if found.queryable && !options.not_queryable.contains(name) {
        Ok(found)
    } else {
        Err(Refusal::bad(format!(
            "Attribute {name} in URL request parameter q is not queryable."
        )))
    }
}

/// Whether the filter lets a row through.
pub(super) fn passes(condition: &Condition, node: &Node, options: &Options) -> Result<bool, Refusal> {
    match condition {
        Condition::All(all) => all
            .iter()
            .try_fold(true, |so_far, one| Ok(so_far && passes(one, node, options)?)),
        Condition::Any(all) => all
            .iter()
            .try_fold(false, |so_far, one| Ok(so_far || passes(one, node, options)?)),
        Condition::Not(one) => passes(one, node, options).map(|passed| !passed),
        Condition::Test(test) => tested(test, node, options),
    }
}

fn tested(test: &Test, node: &Node, options: &Options) -> Result<bool, Refusal> {
    let attribute = queried(&test.attribute, node.resource, options)?;
    let values = values_at(node, &test.attribute);
    let holds = |value: &Value| -> Result<bool, Refusal> {
        let compare = |literal: &String| against(value, literal, attribute.kind, options);
        let is = |wanted: &[Ordering]| -> Result<bool, Refusal> {
            let first = test.values.first().map(compare).transpose()?.flatten();
            Ok(first.is_some_and(|found| wanted.contains(&found)))
        };
        use Ordering::{Equal, Greater, Less};
        match test.comparison {
            Comparison::Equal => is(&[Equal]),
            Comparison::NotEqual => is(&[Less, Greater]),
            Comparison::Less => is(&[Less]),
            Comparison::LessOrEqual => is(&[Less, Equal]),
            Comparison::Greater => is(&[Greater]),
            Comparison::GreaterOrEqual => is(&[Greater, Equal]),
            Comparison::Null => Ok(value.is_null()),
            Comparison::NotNull => Ok(!value.is_null()),
            Comparison::Like(wildcard) => {
                let pattern = test.values.first().map(String::as_str).unwrap_or_default();
                Ok(value.as_str().is_some_and(|text| fits(text, pattern, wildcard)))
            }
            Comparison::In => test
                .values
                .iter()
                .try_fold(false, |so_far, one| Ok(so_far || compare(one)? == Some(Equal))),
            Comparison::Between => {
                let low = test.values.first().map(compare).transpose()?.flatten();
                let high = test.values.get(1).map(compare).transpose()?.flatten();
                Ok(matches!(low, Some(Greater | Equal)) && matches!(high, Some(Less | Equal)))
            }
        }
    };
    values
        .into_iter()
        .try_fold(false, |so_far, value| Ok(so_far || holds(value)?))
}

fn values_at<'a>(node: &'a Node, path: &str) -> Vec<&'a Value> {
    match path.split_once('.') {
        None => vec![node.attributes.get(path).unwrap_or(&Value::Null)],
        Some((child, rest)) => {
            let children = node.children.get(child).into_iter().flatten();
            children.flat_map(|one| values_at(one, rest)).collect()
        }
    }
}

/// How a value stands to a literal; `None` where the value is null.
fn against(value: &Value, literal: &str, kind: Kind, options: &Options) -> Result<Option<Ordering>, Refusal> {
    let unfit = || {
        Refusal::bad(format!(
            "The value {literal} in URL request parameter q has not the attribute's type."
        ))
    };
    Ok(match kind {
        Kind::Integer | Kind::Number => {
            let literal: Decimal = literal.parse().map_err(|_| unfit())?;
            decimal(value).map(|value| value.cmp(&literal))
        }
        Kind::Time => {
            let literal = time_literal(literal, options).ok_or_else(unfit)?;
            time(value).map(|value| value.cmp(&literal))
        }
        Kind::Day => {
            let literal: Date = literal.parse().map_err(|_| unfit())?;
            value
                .as_str()
                .and_then(|text| text.parse::<Date>().ok())
                .map(|value| value.cmp(&literal))
        }
        Kind::Text => value.as_str().map(|value| value.cmp(literal)),
    })
}

fn time_literal(text: &str, options: &Options) -> Option<Timestamp> {
    let day = || {
        text.parse::<Date>()
            .ok()
            .filter(|_| text.len() == 10)
            .and_then(|day| options.midnight(day))
    };
    let exact = || text.parse::<Timestamp>().ok();
    match options.time_literal {
        TimeLiteral::Any => day().or_else(exact),
        TimeLiteral::Offset => exact(),
        TimeLiteral::Day => day(),
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|text| text.parse().ok())
}

/// Puts rows into the wanted order; rows that nobody orders come in the order of their keys, which means nothing.
pub(super) fn sort(nodes: &mut [Node], wanted: &Wanted) {
    nodes.sort_by(|one, other| {
        let by = |(name, descends): &(String, bool)| {
            let null = Value::Null;
            let left = one.attributes.get(name).unwrap_or(&null);
            let right = other.attributes.get(name).unwrap_or(&null);
            let kind = one
                .resource
                .attribute(name)
                .map_or(Kind::Text, |attribute| attribute.kind);
            let found = match kind {
                Kind::Integer | Kind::Number => decimal(left).cmp(&decimal(right)),
                Kind::Time => time(left).cmp(&time(right)),
                _ => left.as_str().cmp(&right.as_str()),
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
        let shows = |name: &str| match chosen {
            None => true,
            Some(names) => names.is_some_and(|names| names.contains(name)),
        };
        let mut shown: Map<String, Value> = node
            .attributes
            .iter()
            .filter(|(name, _)| shows(name))
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
