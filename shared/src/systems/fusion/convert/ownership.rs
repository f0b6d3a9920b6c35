//! Whose a change order is. What it changes tells it: ours changes nothing but the fields that the connection names as ours.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::Stand;
use super::flexfields::{Flex, context_of};
use super::wishes::says;
use crate::systems::fusion::wire::{Segments, as_text};

/// Attributes with one of these in their name change by themselves when a change order is made or goes its way.
const BY_ITSELF: [&str; 16] = [
    "Status",
    "LastUpdate",
    "Creat",
    "Revision",
    "ChangeOrder",
    "Version",
    "Total",
    "Tax",
    "Submi",
    "Approv",
    "Communicat",
    "Received",
    "Billed",
    "Accepted",
    "Rejected",
    "UniqID",
];

/// Whose a change order is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::systems::fusion) enum Whose {
    /// It changes fields of ours and nothing else.
    Ours {
        /// Those fields.
        fields: BTreeSet<String>,
    },
    /// It changes something else, or nothing that can be seen.
    Buyers {
        /// What, in words without values.
        what: String,
    },
}

/// The fields that a connection names as ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::systems::fusion) struct Own {
    /// Segments of flexfields.
    pub(in crate::systems::fusion) segments: BTreeSet<String>,
    /// The order's note.
    pub(in crate::systems::fusion) note: Option<String>,
    /// The context beside the segments.
    pub(in crate::systems::fusion) context: Option<String>,
}

/// Whose the change order is that leads from what is in force to a draft.
pub(in crate::systems::fusion) fn whose(in_force: &Stand, draft: &Stand, own: &Own) -> Whose {
    let mut found = Differences::default();
    found.parts(&in_force.parts, &draft.parts, own.note.as_deref());
    let all = |stand: &Stand| -> Vec<Flex> { stand.flexes.iter().chain(&stand.beside).cloned().collect() };
    found.flexes(&all(in_force), &all(draft), own);
    match (found.ours.is_empty(), found.theirs.is_empty()) {
        (false, true) => Whose::Ours { fields: found.ours },
        (_, false) => Whose::Buyers {
            what: format!("it changes {}", found.theirs.into_iter().collect::<Vec<_>>().join(", ")),
        },
        (true, true) => Whose::Buyers {
            what: "nothing that it changes can be seen".to_owned(),
        },
    }
}

#[derive(Default)]
struct Differences {
    ours: BTreeSet<String>,
    theirs: BTreeSet<String>,
}

impl Differences {
    fn parts(&mut self, there: &BTreeMap<String, Segments>, draft: &BTreeMap<String, Segments>, note: Option<&str>) {
        for (part, then) in there {
            match draft.get(part) {
                Some(now) => self.attributes(then, now, note),
                None => self.add(false, &format!("{part}, which it does not show")),
            }
        }
        for part in draft.keys().filter(|part| !there.contains_key(*part)) {
            self.add(false, &format!("{part}, which is new"));
        }
    }

    /// What both show of a part.
    fn attributes(&mut self, then: &Segments, now: &Segments, note: Option<&str>) {
        for (name, before) in then {
            let Some(after) = now.get(name).filter(|_| !changes_by_itself(name)) else {
                continue;
            };
            if !says(as_text(after), as_text(before)) {
                self.add(note == Some(name.as_str()), name);
            }
        }
    }

    fn flexes(&mut self, there: &[Flex], draft: &[Flex], own: &Own) {
        for now in draft {
            let then = there.iter().find(|flex| flex.owner == now.owner);
            self.rows(then.map_or(&[][..], |flex| &flex.all), &now.all, own);
        }
    }

    fn rows(&mut self, then: &[Segments], now: &[Segments], own: &Own) {
        if then.len() <= 1 && now.len() <= 1 {
            return self.segments(then.first(), now.first(), own);
        }
        let of =
            |rows: &[Segments], context: &Option<String>| rows.iter().find(|row| context_of(row) == *context).cloned();
        let contexts: BTreeSet<Option<String>> = then.iter().chain(now).map(context_of).collect();
        for context in contexts {
            self.segments(of(then, &context).as_ref(), of(now, &context).as_ref(), own);
        }
    }

    fn segments(&mut self, then: Option<&Segments>, now: Option<&Segments>, own: &Own) {
        let said = |row: Option<&Segments>, name: &str| row.and_then(|row| row.get(name)).and_then(as_text);
        let names: BTreeSet<&String> = then.into_iter().chain(now).flat_map(Segments::keys).collect();
        for name in names {
            let (before, after) = (said(then, name), said(now, name));
            let is_key = name.eq_ignore_ascii_case("POHeaderId") || name == "LineLocationId";
            if is_key || says(after.clone(), before) {
                continue;
            }
            let context = name.starts_with("__FLEX_Context");
            let ours = match context {
                true => own.context.is_some() && (name != "__FLEX_Context" || after == own.context),
                false => own.segments.contains(name),
            };
            self.add(ours, name);
        }
    }

    fn add(&mut self, ours: bool, name: &str) {
        let fields = if ours { &mut self.ours } else { &mut self.theirs };
        fields.insert(name.to_owned());
    }
}

fn changes_by_itself(name: &str) -> bool {
    BY_ITSELF.iter().any(|part| name.contains(part))
}
