//! What is read: collections, items and what lies below them, and the description of a resource.
//!
//! Quirks: data that a user may not see is absent, not forbidden; a flexfield's row cannot be read by itself.

use super::Inner;
use super::answer::{Answer, COLLECTION, DESCRIPTION, ITEM};
use super::call::{Call, Found, walk};
use super::filter::Reach;
use super::model::Order;
use super::nodes::View;
use super::options::LocationShape;
use super::refusal::Refusal;
use super::resources::{FLAT_LOCATIONS, ITEMS, LOCATIONS, Resource, SUPPLIERS};
use super::route::Collection;
use super::shape::{self, Node, Printer, Wanted};
use super::{filter, masters, nodes};
use serde_json::json;

impl Inner {
    fn resource(&self, of: Collection) -> &'static Resource {
        match of {
            Collection::Orders(view) => view.resource(),
            Collection::Locations if self.world.options.location_shape == LocationShape::Flat => &FLAT_LOCATIONS,
            Collection::Locations => &LOCATIONS,
            Collection::Suppliers => &SUPPLIERS,
            Collection::Items => &ITEMS,
        }
    }

    pub(super) fn describe(&self, of: Collection) -> Answer {
        let resource = self.resource(of);
        let body = json!({ "Resources": { resource.name: resource.describe(&self.world.options) } });
        Answer::of(DESCRIPTION, body)
    }

    /// The rows of a collection that the user sees, in the order of their ids; of orders only the headers, and those out of
    /// `reach` left away.
    fn rows<'a>(&'a self, of: Collection, reach: Reach, call: &'a Call<'_>) -> Box<dyn Iterator<Item = Node> + 'a> {
        let world = &self.world;
        match of {
            Collection::Orders(view) => {
                let deep = world.options.child_filters;
                let within = move |order: &&Order| {
                    reach.holds(nodes::last_updated(world, order, view)) && sees(order, view, call)
                };
                let orders = reach.ids().into_iter().flat_map(|ids| world.orders.range(ids));
                let orders = orders.map(|(_, order)| order).filter(within);
                Box::new(orders.map(move |order| nodes::order(world, order, view, deep)))
            }
            Collection::Locations => Box::new(world.locations.values().map(|one| masters::location(world, one))),
            Collection::Suppliers => Box::new(world.suppliers.values().map(|one| masters::supplier(world, one))),
            Collection::Items => Box::new(world.items.values().map(|one| masters::item(world, one))),
        }
    }

    pub(super) fn read(&self, of: Collection, url: &str, path: &[String], call: &Call<'_>) -> Result<Answer, Refusal> {
        let [key, rest @ ..] = path else {
            let url = format!("{}{url}", call.base(self.world.options.link_base.as_ref()));
            let resource = self.resource(of);
            let wanted = Wanted::read(&call.parameters(), call.version, resource, &self.world.options)?;
            let rows = self.rows(of, Reach::of(wanted.filter.as_ref(), &self.world.options), call);
            return self.list(rows, resource, &url, call, |node| self.deepened(node, of));
        };
        let top = self.item(of, key, call)?;
        let url = self.url(url, &top, rest, call);
        match walk(&top, rest, self.world.options.id_keys)? {
            Found::Children { resource, nodes, .. } => {
                self.list(nodes.iter().cloned(), resource, &url, call, |node| node)
            }
            Found::Item(node) if node.resource.flexfield.is_some() => Err(Refusal::missing()),
            Found::Item(node) => self.shown(node, &url, call),
        }
    }

    fn list(
        &self,
        rows: impl Iterator<Item = Node>,
        resource: &'static Resource,
        url: &str,
        call: &Call<'_>,
        deepened: impl Fn(Node) -> Node,
    ) -> Result<Answer, Refusal> {
        let options = &self.world.options;
        let wanted = Wanted::read(&call.parameters(), call.version, resource, options)?;
        let mut passed = Vec::new();
        // Orders come by id: who asks for them so needs no more than one beyond the page.
        let enough = match wanted.order.first() {
            Some((name, false)) if name == "POHeaderId" && !wanted.total => wanted.offset.saturating_add(wanted.limit),
            _ => usize::MAX,
        };
        if let Some(condition) = &wanted.filter {
            filter::check(condition, resource, options)?;
        }
        for row in rows {
            let let_through = wanted
                .filter
                .as_ref()
                .map(|condition| filter::passes(condition, &row, options));
            if let_through.transpose()?.unwrap_or(true) {
                passed.push(row);
            }
            if passed.len() > enough {
                break;
            }
        }
        shape::sort(&mut passed, &wanted);
        let on_page = wanted.offset..wanted.offset.saturating_add(wanted.limit);
        let rows = passed.into_iter().enumerate();
        let rows: Vec<Node> = rows
            .map(|(index, row)| if on_page.contains(&index) { deepened(row) } else { row })
            .collect();
        let printer = Printer {
            options,
            wanted: &wanted,
        };
        Ok(Answer::of(COLLECTION, printer.collection(&rows, url)))
    }

    fn deepened(&self, node: Node, of: Collection) -> Node {
        match (of, self.world.orders.get(&node.id)) {
            (Collection::Orders(view), Some(order)) => nodes::order(&self.world, order, view, true),
            _ => node,
        }
    }

    /// The item of that key, with everything below it.
    pub(super) fn item(&self, of: Collection, key: &str, call: &Call<'_>) -> Result<Node, Refusal> {
        let by_id = self.world.options.id_keys;
        let found = match of {
            Collection::Orders(view) => {
                let named = |order: &&Order| {
                    nodes::order_key(&self.world, order, view) == key || (by_id && order.id.to_string() == key)
                };
                let id = nodes::id_in(key).or_else(|| key.parse().ok());
                let order = id.and_then(|id| self.world.orders.get(&id));
                let seen = order.filter(|order| sees(order, view, call)).filter(named);
                seen.map(|order| nodes::order(&self.world, order, view, true))
            }
            _ => self
                .rows(of, Reach::of(None, &self.world.options), call)
                .find(|row| row.key == key),
        };
        found.ok_or_else(Refusal::missing)
    }

    pub(super) fn url(&self, collection: &str, top: &Node, rest: &[String], call: &Call<'_>) -> String {
        let base = call.base(self.world.options.link_base.as_ref());
        let mut url = format!("{base}{collection}/{}", top.key);
        for part in rest {
            url.push('/');
            url.push_str(part);
        }
        url
    }

    pub(super) fn shown(&self, node: &Node, url: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let options = &self.world.options;
        let wanted = Wanted::read(&call.parameters(), call.version, node.resource, options)?;
        let printer = Printer {
            options,
            wanted: &wanted,
        };
        Ok(Answer {
            tag: Some(node.tag()),
            ..Answer::of(ITEM, printer.item(node, "", url))
        })
    }
}

/// Whether the user sees an order in a resource.
fn sees(order: &Order, view: View, call: &Call<'_>) -> bool {
    call.user.sees(order.business_unit)
        && order.created <= call.seen_until()
        && (view == View::Draft || order.status.finished())
}
