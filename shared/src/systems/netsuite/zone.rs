//! The account's time zone: SuiteQL compares and prints times in the zone of the integration's user, not in UTC.
//!
//! Where the connection names the zone, its daylight saving is known. Otherwise the offset is measured by holding the
//! database's clock against the server's, which is right for times near now.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::domain::{earliest, wall_time};

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// The zone that `local`, the database's clock, shows at `now`, the server's: offsets are whole quarters of an hour.
pub(super) fn measured(local: &str, now: Timestamp) -> Option<TimeZone> {
    let local = parse(local)?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let quarter = 15.0 * 60.0;
    let quarters = (local.duration_since(now).as_secs_f64() / quarter).round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an offset is a small number; Offset checks it"
    )]
    let seconds = (quarters * quarter) as i32;
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

/// A time as the account's clock shows it, early enough to miss nothing where the clock is set back soon after.
pub(super) fn local(zone: &TimeZone, time: Timestamp) -> String {
    wall_time(zone, time).strftime(FORMAT).to_string()
}

/// The time that a text of the account's clock names; of two, the earlier.
pub(super) fn utc(zone: &TimeZone, text: &str) -> Option<Timestamp> {
    earliest(zone, parse(text)?)
}

fn parse(text: &str) -> Option<DateTime> {
    DateTime::strptime(FORMAT, text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_offset_is_measured_though_the_two_clocks_are_read_seconds_apart() {
        let zone = measured("2026-02-03 04:30:07", at("2026-02-03T12:30:01Z")).unwrap();
        assert_eq!(local(&zone, at("2026-02-03T12:00:00Z")), "2026-02-03 04:00:00");
        assert_eq!(utc(&zone, "2026-02-03 04:00:00"), Some(at("2026-02-03T12:00:00Z")));
        let india = measured("2026-02-03 18:00:00", at("2026-02-03T12:30:00Z")).unwrap();
        assert_eq!(local(&india, at("2026-02-03T00:00:00Z")), "2026-02-03 05:30:00");
        assert_eq!(measured("yesterday", at("2026-02-03T12:30:00Z")), None);
    }
}
