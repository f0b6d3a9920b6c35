//! Flexfields of orders and schedules: where they stand, and which of their rows is meant. There may be a row for each context.

use super::links::{etag, key};
use crate::domain::Refusal;
use crate::systems::fusion::wire::{Children, Link, Segments, as_text};

const CONTEXT: &str = "__FLEX_Context";

/// A row of a flexfield.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems::fusion) struct Row {
    /// What it says.
    pub(in crate::systems::fusion) segments: Segments,
    pub(super) key: String,
    pub(super) etag: Option<String>,
}

impl Row {
    /// A row of the flexfield of the order or the schedule with this id.
    pub(in crate::systems::fusion) fn of(segments: Segments, owner: &str) -> Self {
        let links: Children<Link> = segments
            .get("links")
            .and_then(|links| serde_json::from_value(links.clone()).ok())
            .unwrap_or_default();
        let named = ["PoHeaderId", "LineLocationId", "POHeaderId"];
        let id = named.iter().find_map(|name| segments.get(*name)).and_then(as_text);
        Self {
            key: key(&links, id.as_deref()).unwrap_or_else(|| owner.to_owned()),
            etag: etag(&links),
            segments,
        }
    }
}

/// Which flexfield of an order is meant: its path and the id of what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::systems::fusion) struct Place {
    pub(in crate::systems::fusion) path: String,
    pub(in crate::systems::fusion) owner: String,
}

/// A flexfield of an order or of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems::fusion) struct Flex {
    /// The path of its rows.
    pub(in crate::systems::fusion) path: String,
    /// The id of what it belongs to.
    pub(super) owner: String,
    /// The row that is meant, where somebody has written one.
    pub(in crate::systems::fusion) row: Option<Row>,
    /// All of its rows.
    pub(super) all: Vec<Segments>,
}

impl Flex {
    /// A flexfield with these rows, of which the one of a context is meant.
    pub(in crate::systems::fusion) fn of(place: Place, rows: Vec<Segments>, context: Option<&str>) -> Self {
        let meant = row_of(&rows, context);
        Self {
            row: meant.map(|segments| Row::of(segments.clone(), &place.owner)),
            path: place.path,
            owner: place.owner,
            all: rows,
        }
    }

    pub(super) fn segments(&self) -> Option<&Segments> {
        self.row.as_ref().map(|row| &row.segments)
    }

    /// Whether it may be written: what stands there in another context is somebody else's.
    ///
    /// # Errors
    /// Which context stands there.
    pub(super) fn is_writable(&self) -> Result<(), Refusal> {
        if self.row.is_some() || self.all.is_empty() {
            return Ok(());
        }
        let there: Vec<String> = self.all.iter().filter_map(context_of).collect();
        let words = format!(
            "the flexfield of {} is filled in the context {}, which is not that of this connection: choose the context in Fusion, \
             or name it in erp.flex_context",
            self.owner,
            there.join(", ")
        );
        Err(Refusal::new("write-back-impossible", words))
    }
}

/// The context of a row.
pub(super) fn context_of(row: &Segments) -> Option<String> {
    row.get(CONTEXT).and_then(as_text)
}

/// Of the rows of a flexfield the one of a context, or the one that has none. Where a connection names no context, its segments
/// are those that every context has, and a single row holds them, whatever its context.
pub(in crate::systems::fusion) fn row_of<'a>(rows: &'a [Segments], context: Option<&str>) -> Option<&'a Segments> {
    let own = rows.iter().find(|row| context_of(row).as_deref() == context);
    match (own, rows) {
        (Some(own), _) => Some(own),
        (None, [only]) if context.is_none() || context_of(only).is_none() => Some(only),
        _ => None,
    }
}
