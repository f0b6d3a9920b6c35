//! An order as it stands while it is being changed, and the requests that change it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::flexfields::{Flex, Place, Row};
use super::links::{etag, key};
use super::wishes::{Plan, Wish};
use crate::domain::Refusal;
use crate::systems::fusion::options::Level;
use crate::systems::fusion::query;
use crate::systems::fusion::wire::{PurchaseOrder, Segments, as_text};

/// What becomes of an order's change order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::systems::fusion) enum Change {
    /// There is none.
    None,
    /// Somebody is writing one.
    Incomplete,
    /// It was submitted and is not in force yet.
    Waiting,
    /// An approver has said no; it stands until somebody deletes it or submits it again.
    Rejected,
}

/// What a row of `draftPurchaseOrders` says of the order's change order.
pub(in crate::systems::fusion) fn state(order: &PurchaseOrder) -> Change {
    let status = order.change_status.as_ref().or(order.status.as_ref());
    let status = status.map(|status| status.trim().to_uppercase()).unwrap_or_default();
    match status.as_str() {
        "INCOMPLETE" | "WITHDRAWN" => Change::Incomplete,
        "REJECTED" | "RETURNED" => Change::Rejected,
        "PENDING SUPPLIER ACKNOWLEDGMENT" => Change::None,
        _ if status.starts_with("PENDING") => Change::Waiting,
        _ => Change::None,
    }
}

/// Of several rows of one order the one in which a change is under way.
pub(in crate::systems::fusion) fn most_urgent(rows: Vec<PurchaseOrder>) -> Option<PurchaseOrder> {
    rows.into_iter().min_by_key(|row| match state(row) {
        Change::Incomplete | Change::Rejected => 0,
        Change::Waiting => 1,
        Change::None => 2,
    })
}

/// An order as it stands in force or as a draft.
#[derive(Debug, Clone)]
pub(in crate::systems::fusion) struct Stand {
    /// Its path.
    pub(in crate::systems::fusion) path: String,
    /// Its state, for `If-Match`.
    pub(in crate::systems::fusion) etag: Option<String>,
    /// What becomes of its change order.
    pub(in crate::systems::fusion) change: Change,
    /// The flexfields that are meant.
    pub(in crate::systems::fusion) flexes: Vec<Flex>,
    /// Flexfields of the same level that are not meant and were not read.
    pub(in crate::systems::fusion) unread: Vec<Place>,
    /// Flexfields of the same level that are not meant, once they were read.
    pub(in crate::systems::fusion) beside: Vec<Flex>,
    /// What the order, its lines and its schedules show, by what each is.
    pub(super) parts: BTreeMap<String, Segments>,
    note: Option<String>,
}

impl Stand {
    /// An order of a resource; its flexfields are still to be read.
    pub(in crate::systems::fusion) fn of(resource: &str, order: &PurchaseOrder, plan: &Plan) -> Result<Self, Refusal> {
        let key = key(&order.links, Some(&plan.order));
        let key = key.ok_or_else(|| Refusal::new("write-back-impossible", "the order has neither a link nor an id"))?;
        let note = plan.wish.note().and_then(|note| match note.attribute() {
            "NoteToSupplier" => order.note_to_supplier.clone(),
            _ => order.note_to_receiver.clone(),
        });
        Ok(Self {
            path: format!("{resource}/{key}"),
            etag: etag(&order.links),
            change: state(order),
            flexes: Vec::new(),
            unread: Vec::new(),
            beside: Vec::new(),
            parts: parts(order),
            note,
        })
    }

    /// Where the flexfields that are meant stand below an order; the others of their level are kept in mind.
    ///
    /// # Errors
    /// When a schedule that is meant is no longer there.
    pub(in crate::systems::fusion) fn places(
        &mut self,
        order: &PurchaseOrder,
        plan: &Plan,
    ) -> Result<Vec<Place>, Refusal> {
        let places = self.all_places(order, plan);
        if !plan.wish.has_segments() {
            self.unread = places;
            return Ok(Vec::new());
        }
        let means = |place: &Place| {
            plan.level == Level::Header || plan.schedules.is_empty() || plan.schedules.contains(&place.owner)
        };
        let (meant, others): (Vec<Place>, Vec<Place>) = places.into_iter().partition(means);
        self.unread = others;
        let is_there = |id: &String| meant.iter().any(|place| place.owner == *id);
        let gone = plan.schedules.iter().find(|id| !is_there(id));
        match gone.filter(|_| plan.level == Level::Schedule) {
            Some(gone) => Err(Refusal::new(
                "write-back-impossible",
                format!("schedule {gone} is no longer part of the order"),
            )),
            None => Ok(meant),
        }
    }

    fn all_places(&self, order: &PurchaseOrder, plan: &Plan) -> Vec<Place> {
        if plan.level == Level::Header {
            return vec![Place {
                path: format!("{}/child/DFF", self.path),
                owner: plan.order.clone(),
            }];
        }
        super::orders::schedules(order)
            .filter_map(|(line, schedule)| {
                let owner = query::id(schedule.id.as_deref()?).ok()?.to_string();
                let line = key(&line.links, line.id.as_deref())?;
                let below = key(&schedule.links, schedule.id.as_deref())?;
                let path = format!("{}/child/lines/{line}/child/schedules/{below}/child/DFF", self.path);
                Some(Place { path, owner })
            })
            .collect()
    }

    /// The same order as a draft that has not been made yet: it is reached by the order's id.
    pub(in crate::systems::fusion) fn for_draft(self, resource: &str, order: &str) -> Self {
        let (in_force, path) = (self.path, format!("{resource}/{order}"));
        let moved = |flex: Flex| Flex {
            path: flex.path.replacen(&in_force, &path, 1),
            row: flex.row.map(|row| Row { etag: None, ..row }),
            ..flex
        };
        Self {
            flexes: self.flexes.into_iter().map(moved).collect(),
            etag: None,
            change: Change::None,
            path,
            ..self
        }
    }

    /// The rows that a wish means.
    fn meant<'a>(&'a self, wish: &'a Wish) -> impl Iterator<Item = (usize, &'a Flex)> {
        let some = self.flexes.iter().any(|flex| wish.means(flex.segments()));
        let rows = self.flexes.iter().enumerate();
        rows.filter(move |(_, flex)| !some || wish.means(flex.segments()))
    }

    /// Whether all of it stands there.
    pub(in crate::systems::fusion) fn shows(&self, wish: &Wish) -> bool {
        self.says_note(wish) && self.meant(wish).all(|(_, flex)| wish.is_shown(flex.segments()))
    }

    /// What the first flexfield that is meant says in a segment.
    pub(in crate::systems::fusion) fn said(&self, field: &str) -> Option<Value> {
        self.flexes.iter().find_map(|flex| flex.segments()?.get(field).cloned())
    }

    /// What every flexfield that a wish means says in a segment.
    pub(in crate::systems::fusion) fn all_said<'a>(
        &'a self,
        wish: &'a Wish,
        field: &'a str,
    ) -> impl Iterator<Item = String> + 'a {
        self.meant(wish)
            .filter_map(move |(_, flex)| flex.segments()?.get(field).and_then(as_text))
    }

    fn says_note(&self, wish: &Wish) -> bool {
        wish.note().is_none_or(|note| note.is_said(self.note.as_deref()))
    }

    /// The requests that write what does not stand there yet, in order.
    pub(in crate::systems::fusion) fn requests(&self, wish: &Wish) -> Result<Vec<Request>, Refusal> {
        let mut requests = Vec::new();
        for (index, flex) in self.meant(wish).filter(|_| wish.has_segments()) {
            if wish.is_shown(flex.segments()) && !self.is_only_partly_shown(wish, flex) {
                continue;
            }
            flex.is_writable()?;
            let body = wish.segments(flex.segments())?;
            let etag = flex
                .row
                .as_ref()
                .and_then(|row| row.etag.clone())
                .or_else(|| self.etag.clone());
            requests.push(Request {
                of: Some(index),
                create: flex.row.is_none(),
                path: match &flex.row {
                    Some(row) => format!("{}/{}", flex.path, row.key),
                    None => flex.path.clone(),
                },
                body: Value::Object(body),
                etag,
            });
        }
        if let Some(note) = wish.note().filter(|note| !note.is_said(self.note.as_deref())) {
            let text = note.beside(self.note.as_deref())?;
            let mut body = Map::new();
            body.insert(
                note.attribute().to_owned(),
                if text.is_empty() { Value::Null } else { json!(text) },
            );
            requests.push(Request {
                of: None,
                create: false,
                path: self.path.clone(),
                body: Value::Object(body),
                etag: self.etag.clone(),
            });
        }
        Ok(requests)
    }

    /// A wish whose note alone is recognised has segments beside it that nothing shows.
    fn is_only_partly_shown(&self, wish: &Wish, flex: &Flex) -> bool {
        let untold = wish.segments(flex.segments()).is_ok_and(|body| {
            body.iter()
                .any(|(name, ours)| flex.segments().and_then(|row| row.get(name)).and_then(as_text) != as_text(ours))
        });
        untold && wish.is_recognised_by_note_alone() && !self.says_note(wish)
    }
}

/// What an order, its lines and its schedules show.
fn parts(order: &PurchaseOrder) -> BTreeMap<String, Segments> {
    let name = |what: &str, id: &Option<String>| format!("{what} {}", id.as_deref().unwrap_or("without an id"));
    let mut parts = BTreeMap::from([("order".to_owned(), order.shown.clone())]);
    for line in &order.lines.items {
        parts.insert(name("line", &line.id), line.shown.clone());
    }
    for (_, schedule) in super::orders::schedules(order) {
        parts.insert(name("schedule", &schedule.id), schedule.shown.clone());
    }
    parts
}

/// One request of a change.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems::fusion) struct Request {
    /// The flexfield by its position; `None` is the note.
    pub(in crate::systems::fusion) of: Option<usize>,
    /// Whether the row is made.
    pub(in crate::systems::fusion) create: bool,
    /// Path.
    pub(in crate::systems::fusion) path: String,
    /// The body as it is sent.
    pub(in crate::systems::fusion) body: Value,
    /// What must still stand there.
    pub(in crate::systems::fusion) etag: Option<String>,
}
