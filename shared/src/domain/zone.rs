//! A clock on a wall: times without an offset, as databases of ERPs print and compare them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How long after a time a clock may still be set back so that a later change carries an earlier local time.
const FOLD: SignedDuration = SignedDuration::from_hours(3);

/// A time as the zone's clock shows it, early enough to miss nothing where the clock is set back soon after.
pub fn wall_time(zone: &TimeZone, time: Timestamp) -> DateTime {
    let then = zone.to_datetime(time);
    let later = zone.to_datetime(time + FOLD).checked_sub(FOLD).unwrap_or(then);
    then.min(later)
}

/// The time that the zone's clock names; of two, the earlier.
pub fn earliest(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(wall).earlier().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P70: what changes in the hour that a clock shows twice is not missed.
    #[test]
    fn nothing_is_missed_where_the_clock_is_set_back() {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // 2026-11-01 02:00 PDT becomes 01:00 PST: what changes at 09:10Z shows 01:10, before 01:50 PDT = 08:50Z.
        let since = wall_time(&zone, at("2026-11-01T08:50:00Z"));
        let changed = zone.to_datetime(at("2026-11-01T09:10:00Z"));
        assert!(since <= changed, "{since} is after {changed}");
        assert_eq!(earliest(&zone, changed), Some(at("2026-11-01T08:10:00Z")));
        let summer = at("2026-07-01T12:00:00Z");
        assert_eq!(wall_time(&zone, summer).to_string(), "2026-07-01T05:00:00");
    }
}
