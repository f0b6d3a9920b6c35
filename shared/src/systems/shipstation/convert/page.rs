//! Where a reading of several lists stands, as one text: the same text means the same place, in any process.

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// What was labelled in ShipStation: V2's labels, V1's shipments.
    Labels,
    /// What was marked as shipped.
    Fulfilments,
}

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) list: List,
    /// Counted from 1.
    pub(crate) page: u32,
}

impl Place {
    /// Where a reading begins.
    pub(crate) const FIRST: Self = Self {
        list: List::Labels,
        page: 1,
    };

    /// The place of a text; nothing where it is none of ours. Readings that were begun of old name a row of the page as well.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let list = match parts.next()? {
            "labels" => List::Labels,
            "fulfilments" => List::Fulfilments,
            _ => return None,
        };
        let page = parts.next()?.parse().ok()?;
        let row: Option<u32> = parts.next().map(str::parse).transpose().ok()?;
        let legal = page >= 1 && parts.next().is_none() && row.is_none_or(|row| row < 1_000);
        legal.then_some(Self { list, page })
    }

    /// The text of the place.
    pub(crate) fn text(self) -> String {
        let list = match self.list {
            List::Labels => "labels",
            List::Fulfilments => "fulfilments",
        };
        format!("{list}:{}", self.page)
    }

    /// The beginning of the next page, or of the next list.
    pub(crate) fn after(self, is_last: bool) -> Option<Self> {
        match (is_last, self.list) {
            (false, list) => Some(Self {
                list,
                page: self.page + 1,
            }),
            (true, List::Labels) => Some(Self {
                list: List::Fulfilments,
                page: 1,
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
            let place = Place { list, page: 7 };
            assert_eq!(Place::read(&place.text()), Some(place));
            assert_eq!(Place::read(&format!("{}:12", place.text())), Some(place));
        }
        for text in [
            "",
            "labels",
            "labels:0",
            "labels:0:0",
            "labels:1:0:0",
            "orders:1:0",
            "labels:x:0",
            "labels:1:-1",
        ] {
            assert_eq!(Place::read(text), None, "{text}");
        }
        let last = Place::FIRST.after(true).unwrap();
        assert_eq!((last.list, last.page), (List::Fulfilments, 1));
        assert_eq!(last.after(true), None);
        assert_eq!(Place::FIRST.after(false).unwrap().page, 2);
    }
}
