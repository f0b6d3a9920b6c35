//! Where a reading of several lists stands, as one text: the same text means the same place, in any process.

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// What was labelled in ShipStation: V2's labels, V1's shipments.
    Labels,
    /// What was marked as shipped.
    Fulfilments,
}

/// A row of a page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) list: List,
    /// Counted from 1.
    pub(crate) page: u32,
    /// How many rows of the page were dealt with.
    pub(crate) row: usize,
}

impl Place {
    /// Where a reading begins.
    pub(crate) const FIRST: Self = Self {
        list: List::Labels,
        page: 1,
        row: 0,
    };

    /// The place of a text; nothing where it is none of ours.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let list = match parts.next()? {
            "labels" => List::Labels,
            "fulfilments" => List::Fulfilments,
            _ => return None,
        };
        let (page, row) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        (parts.next().is_none() && page >= 1).then_some(Self { list, page, row })
    }

    /// The text of the place.
    pub(crate) fn text(self) -> String {
        let list = match self.list {
            List::Labels => "labels",
            List::Fulfilments => "fulfilments",
        };
        format!("{list}:{}:{}", self.page, self.row)
    }

    /// The beginning of the next page, or of the next list.
    pub(crate) fn after(self, is_last: bool) -> Option<Self> {
        match (is_last, self.list) {
            (false, list) => Some(Self {
                list,
                page: self.page + 1,
                row: 0,
            }),
            (true, List::Labels) => Some(Self {
                list: List::Fulfilments,
                page: 1,
                row: 0,
            }),
            (true, List::Fulfilments) => None,
        }
    }
}

/// A path with a query.
pub(crate) fn query(path: &str, fields: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_by_its_text() {
        for list in [List::Labels, List::Fulfilments] {
            let place = Place { list, page: 7, row: 12 };
            assert_eq!(Place::read(&place.text()), Some(place));
        }
        for text in [
            "",
            "labels",
            "labels:1",
            "labels:0:0",
            "labels:1:0:0",
            "orders:1:0",
            "labels:x:0",
            "labels:1:-1",
        ] {
            assert_eq!(Place::read(text), None, "{text}");
        }
        let last = Place::FIRST.after(true).unwrap();
        assert_eq!((last.list, last.page, last.row), (List::Fulfilments, 1, 0));
        assert_eq!(last.after(true), None);
        assert_eq!(Place::FIRST.after(false).unwrap().page, 2);
    }
}
