//! Times as Track writes them: `2026-11-24T16:30:00-05:00`, the same without the offset, or a day alone. A time without
//! its offset is one of the place where it happened, and no moment.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;

/// A time as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When {
    /// The moment, where the offset is told.
    pub(super) at: Option<Timestamp>,
    /// At the place.
    pub(super) local: DateTime,
    /// Whether it is a day alone.
    pub(super) is_day: bool,
}

/// Reads a time; what cannot be is none.
pub(super) fn when(text: Option<&str>) -> Option<When> {
    let pieces = Pieces::parse(text?.trim()).ok()?;
    let local = DateTime::from_parts(pieces.date(), pieces.time().unwrap_or(Time::midnight()));
    let offset = pieces.to_numeric_offset().filter(|_| pieces.time().is_some());
    Some(When {
        at: offset.and_then(|offset| offset.to_timestamp(local).ok()),
        local,
        is_day: pieces.time().is_none(),
    })
}

/// The day at the place.
pub(super) fn day(text: Option<&str>) -> Option<Date> {
    when(text).map(|when| when.local.date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        when(Some(text))?.at.map(|at| at.to_string())
    }

    /// P64: a time counts by the offset beside it.
    #[test]
    fn times_with_an_offset_are_moments() {
        for text in [
            "2026-11-24T16:30:00-05:00",
            "2026-11-24T16:30:00-0500",
            " 2026-11-24T21:30:00Z ",
            "2026-11-24T21:30:00.000+00:00",
            "2026-11-24 22:30:00+01:00",
        ] {
            assert_eq!(at(text).as_deref(), Some("2026-11-24T21:30:00Z"), "{text}");
        }
    }

    #[test]
    fn times_without_one_are_local_only() {
        for text in ["2026-11-24T16:30:00", "2026-11-24 16:30:00"] {
            let when = when(Some(text)).unwrap();
            assert_eq!(
                (when.at, when.local.to_string().as_str()),
                (None, "2026-11-24T16:30:00")
            );
        }
        assert_eq!(at("2026-11-24"), None);
        assert_eq!(day(Some("2026-11-24")).unwrap().to_string(), "2026-11-24");
    }

    #[test]
    fn what_cannot_be_is_no_time() {
        for text in ["", "soon", "2026-13-01T00:00:00Z", "2026-11-24T25:00:00Z", "24.11.2026"] {
            assert_eq!(when(Some(text)), None, "{text}");
        }
        assert_eq!(when(None), None);
    }
}
