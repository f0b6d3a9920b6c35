//! What a document is known by: its kind, business unit and id; and the order in which a scan meets them.

use crate::domain::DocumentId;
use crate::systems::peoplesoft::queries::Kind;

/// What the ids of requisitions begin with. A scan goes on behind the text of an id, and a purchase order and a requisition may
/// have the same business unit and number.
const REQUISITION: &str = "REQ:";

/// One document. Its order is that of a scan: by kind, then by business unit; ids are ordered by PeopleSoft.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::systems::peoplesoft) struct Key {
    pub(in crate::systems::peoplesoft) kind: Kind,
    pub(in crate::systems::peoplesoft) business_unit: String,
    /// With its leading zeros.
    pub(in crate::systems::peoplesoft) id: String,
}

impl Key {
    /// A document of this kind.
    pub(in crate::systems::peoplesoft) fn new(kind: Kind, business_unit: &str, id: &str) -> Self {
        Self {
            kind,
            business_unit: business_unit.to_owned(),
            id: id.to_owned(),
        }
    }

    /// The key of a document; `None` where it is none of PeopleSoft.
    pub(in crate::systems::peoplesoft) fn of(document: &DocumentId) -> Option<Self> {
        let kind = Kind::of(document.kind)?;
        let text = document.id.strip_prefix(REQUISITION).unwrap_or(&document.id);
        Self::within(kind, text)
    }

    /// The key behind which a scan goes on.
    pub(in crate::systems::peoplesoft) fn of_text(text: &str) -> Option<Self> {
        match text.strip_prefix(REQUISITION) {
            Some(text) => Self::within(Kind::Requisition, text),
            None => Self::within(Kind::PurchaseOrder, text),
        }
    }

    fn within(kind: Kind, text: &str) -> Option<Self> {
        let (business_unit, id) = text.split_once('.')?;
        (is_key(business_unit) && is_key(id)).then(|| Self::new(kind, business_unit, id))
    }

    /// The document: `US001.0000079262`, or `REQ:US001.0000000123`.
    pub(in crate::systems::peoplesoft) fn document(&self) -> DocumentId {
        let text = format!("{}.{}", self.business_unit, self.id);
        match self.kind {
            Kind::PurchaseOrder => DocumentId::purchase_order(text),
            Kind::Requisition => DocumentId::requisition(format!("{REQUISITION}{text}")),
        }
    }
}

/// Whether a text can be a part of a key, and so a prompt's value: prompts are parted by commas, and points alone lead elsewhere
/// in a path. Everything else is encoded where it stands.
pub(in crate::systems::peoplesoft) fn is_key(text: &str) -> bool {
    let plain = text.chars().all(|c| !c.is_control() && c != ',') && text.trim() == text;
    (1..=30).contains(&text.chars().count()) && plain && text.chars().any(|c| c != '.')
}

/// The business unit that a person's number names, where it names one of these, and the ids that it can mean.
pub(in crate::systems::peoplesoft) fn numbers<'a>(number: &'a str, units: &[String]) -> (Option<&'a str>, Vec<String>) {
    let number = number.trim();
    let named = number
        .split_once('/')
        .map(|(unit, id)| (unit.trim(), id.trim()))
        .filter(|(unit, _)| units.iter().any(|known| known == unit));
    let (business_unit, id) = named.map_or((None, number), |(unit, id)| (Some(unit), id));
    if !is_key(id) {
        return (business_unit, Vec::new());
    }
    let mut ids = vec![id.to_owned()];
    // People leave the leading zeros out.
    if id.len() < 10 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        ids.push(format!("{id:0>10}"));
    }
    (business_unit, ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_documents_of_one_number_are_two_and_keep_their_zeros() {
        let order = Key::new(Kind::PurchaseOrder, "US001", "0000079262");
        let requisition = Key::new(Kind::Requisition, "US001", "0000079262");
        assert_eq!(order.document(), DocumentId::purchase_order("US001.0000079262"));
        for key in [&order, &requisition] {
            assert_eq!(Key::of(&key.document()).as_ref(), Some(key));
            assert_eq!(Key::of_text(&key.document().id).as_ref(), Some(key));
        }
        assert_ne!(order.document().id, requisition.document().id);
        assert!(order < requisition);
        for foreign in [
            DocumentId::sales_order("US001.1"),
            DocumentId::purchase_order("US001"),
            DocumentId::purchase_order("US001.1,2"),
            DocumentId::purchase_order("US001..."),
            DocumentId::purchase_order("US001. "),
        ] {
            assert_eq!(Key::of(&foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_person_may_name_the_business_unit_and_leave_zeros_out() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let units = ids(&["US001"]);
        let numbers = |number| numbers(number, &units);
        assert_eq!(numbers("A/7 %"), (None, ids(&["A/7 %"])), "no unit of ours");
        assert_eq!(numbers("79262"), (None, ids(&["79262", "0000079262"])));
        assert_eq!(numbers("US001/0000079262"), (Some("US001"), ids(&["0000079262"])));
        assert_eq!(numbers("PO-7"), (None, ids(&["PO-7"])));
        assert_eq!(numbers("1,2"), (None, ids(&[])));
    }
}
