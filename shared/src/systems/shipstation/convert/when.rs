//! Times: V2's are UTC; V1's are Pacific time and do not say so.

use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::{Stretch, earliest, wall_time};

/// Pacific time by its rule since 2007, before which there was no ShipStation: no database of zones is needed for it.
pub(super) const PACIFIC: &str = "PST8PDT,M3.2.0,M11.1.0";

/// For how long a clock on a wall may show times a second time.
const FOLD: SignedDuration = SignedDuration::from_hours(3);

/// How far what a filter lets through may lie outside of it before the filter was not read at all.
const FAR: SignedDuration = SignedDuration::from_hours(25);

fn zone() -> TimeZone {
    TimeZone::posix(PACIFIC).unwrap_or(TimeZone::UTC)
}

/// A time of V2.
pub(crate) fn utc(text: Option<&str>) -> Option<Timestamp> {
    moment(text, &TimeZone::UTC)
}

/// A time of V1; of the two that a clock shows alike when it is set back, the earlier.
pub(crate) fn pacific(text: Option<&str>) -> Option<Timestamp> {
    moment(text, &zone())
}

fn moment(text: Option<&str>, zone: &TimeZone) -> Option<Timestamp> {
    let pieces = Pieces::parse(text?.trim()).ok()?;
    let wall = DateTime::from_parts(pieces.date(), pieces.time().unwrap_or(Time::midnight()));
    match pieces.to_numeric_offset() {
        Some(offset) => offset.to_timestamp(wall).ok(),
        None => earliest(zone, wall),
    }
}

/// A stretch as V2's filters want it.
pub(crate) fn utc_stretch(stretch: Stretch) -> (String, String) {
    let text = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    // Filters know whole seconds: what was made within the last one is asked for.
    (text(stretch.from), text(stretch.to + SignedDuration::from_secs(1)))
}

/// A stretch as V1's filters want it: wide enough to miss nothing where the clock is set back within it.
pub(crate) fn pacific_stretch(stretch: Stretch) -> (String, String) {
    let zone = zone();
    let text = |wall: DateTime| wall.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let end = stretch.to + SignedDuration::from_secs(1);
    let shown = zone.to_datetime(end);
    let earlier = zone.to_datetime(end - FOLD).checked_add(FOLD).unwrap_or(shown);
    (text(wall_time(&zone, stretch.from)), text(shown.max(earlier)))
}

/// Whether something that a filter let through shows that the filter was not read.
pub(crate) fn is_far_outside(at: Timestamp, stretch: Stretch) -> bool {
    stretch.from.duration_since(at) > FAR || at.duration_since(stretch.to) > FAR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// V1 writes Pacific time without its offset, in summer and in winter.
    #[test]
    fn times_of_v1_are_pacific() {
        let read = |text| pacific(Some(text)).map(|at| at.to_string());
        assert_eq!(
            read("2015-06-29T08:46:27.0000000").as_deref(),
            Some("2015-06-29T15:46:27Z")
        );
        assert_eq!(
            read("2026-11-20T08:46:27.0000000").as_deref(),
            Some("2026-11-20T16:46:27Z")
        );
        assert_eq!(read("2026-11-20").as_deref(), Some("2026-11-20T08:00:00Z"));
        assert_eq!(
            read("2026-11-20T08:46:27-05:00").as_deref(),
            Some("2026-11-20T13:46:27Z")
        );
        assert_eq!(read("soon"), None);
        assert_eq!(pacific(None), None);
    }

    /// An hour that is shown twice is taken for the first time, and one that is skipped is a moment all the same.
    #[test]
    fn hours_that_come_twice_or_never_are_moments() {
        let read = |text| pacific(Some(text)).map(|at| at.to_string());
        assert_eq!(read("2026-11-01T01:30:00").as_deref(), Some("2026-11-01T08:30:00Z"));
        let skipped = pacific(Some("2026-03-08T02:30:00")).unwrap();
        let hour = SignedDuration::from_hours(1);
        assert!(
            (skipped.duration_since(at("2026-03-08T10:00:00Z"))).abs() <= hour,
            "{skipped}"
        );
    }

    #[test]
    fn times_of_v2_are_utc_with_or_without_saying_so() {
        let read = |text| utc(Some(text)).map(|at| at.to_string());
        for text in [
            "2026-11-20T10:00:00Z",
            "2026-11-20T10:00:00",
            "2026-11-20T11:00:00.000+01:00",
        ] {
            assert_eq!(read(text).as_deref(), Some("2026-11-20T10:00:00Z"), "{text}");
        }
    }

    /// Whatever was made within a stretch is within the filter, though the clock was set back meanwhile.
    #[test]
    fn a_stretch_over_the_hour_that_comes_twice_misses_nothing() {
        let zone = zone();
        let quarter = SignedDuration::from_mins(15);
        let mut from = at("2026-11-01T06:00:00Z");
        while from < at("2026-11-01T12:00:00Z") {
            for steps in 1..12 {
                let to = from + quarter * steps;
                let (begin, end) = pacific_stretch(Stretch { from, to });
                let mut made = from;
                while made <= to {
                    let shown = zone.to_datetime(made).strftime("%Y-%m-%d %H:%M:%S").to_string();
                    assert!(
                        begin <= shown && shown <= end,
                        "{shown} is not within {begin} and {end}"
                    );
                    made += quarter;
                }
            }
            from += quarter;
        }
    }

    #[test]
    fn what_lies_far_outside_shows_that_a_filter_was_not_read() {
        let stretch = Stretch {
            from: at("2026-11-20T00:00:00Z"),
            to: at("2026-11-21T00:00:00Z"),
        };
        assert!(!is_far_outside(at("2026-11-19T23:00:00Z"), stretch));
        assert!(!is_far_outside(at("2026-11-21T01:00:00Z"), stretch));
        assert!(is_far_outside(at("2026-11-18T00:00:00Z"), stretch));
        assert!(is_far_outside(at("2026-11-23T00:00:00Z"), stretch));
    }
}
