//! Times as each API writes and reads them: V2 in UTC, V1 in Pacific time without an offset and with seven digits of a
//! fraction.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A time as V2 writes it.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A time to the second, as signatures carry it.
pub(super) fn utc_second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as V1 writes it.
pub(super) fn pacific(at: Timestamp) -> String {
    let local = at.to_zoned(zone());
    let fraction = local.subsec_nanosecond() / 100;
    format!("{}.{fraction:07}", local.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// A day as V1 writes it.
pub(super) fn pacific_day(at: Timestamp) -> String {
    at.to_zoned(zone()).strftime("%Y-%m-%d").to_string()
}

/// A day as V2 writes it: midnight.
pub(super) fn utc_day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT00:00:00Z").to_string()
}

/// Reads a time of V2: ISO 8601 with an offset, or a date.
pub(super) fn read_utc(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let day: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
        day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp())
    })
}

/// Reads a time of V1: Pacific, without an offset; one with an offset is none.
pub(super) fn read_pacific(text: &str) -> Option<Timestamp> {
    let after_date = text.get(10..).unwrap_or_default();
    if after_date.contains(['Z', 'z', '+', '-', '[']) {
        return None;
    }
    let local: DateTime = text.parse().ok()?;
    local.to_zoned(zone()).ok().map(|local| local.timestamp())
}

fn zone() -> TimeZone {
    TimeZone::get("America/Los_Angeles").unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_moment_in_both_hands() {
        let at: Timestamp = "2026-11-20T16:46:27.125Z".parse().unwrap();
        assert_eq!(utc(at), "2026-11-20T16:46:27.125Z");
        assert_eq!(pacific(at), "2026-11-20T08:46:27.1250000");
        assert_eq!(
            pacific("2026-11-20T16:46:27Z".parse().unwrap()),
            "2026-11-20T08:46:27.0000000"
        );
        assert_eq!(read_pacific(&pacific(at)), Some(at));
        assert_eq!(read_utc(&utc(at)), Some(at));
        let summer: Timestamp = "2026-07-01T06:59:59Z".parse().unwrap();
        assert_eq!(pacific_day(summer), "2026-06-30", "seven hours in summer");
        assert_eq!(read_pacific("2026-06-30 23:59:59"), Some(summer));
    }

    #[test]
    fn an_offset_is_no_pacific_time() {
        for text in ["2026-11-20T08:46:27Z", "2026-11-20T08:46:27-08:00", "soon"] {
            assert_eq!(read_pacific(text), None, "{text}");
        }
        assert_eq!(read_pacific("2026-11-20"), read_utc("2026-11-20T08:00:00Z"));
    }
}
