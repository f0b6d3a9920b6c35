//! Times of a database server's clock on the wall.

use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::{earliest, wall_time};
use crate::systems::peoplesoft::options::Options;

/// How far before a window a time must lie to be no matter of clocks.
const SLACK: SignedDuration = SignedDuration::from_hours(4);

/// The spellings in which tools answer times, beside the one that is configured.
const SPELLINGS: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d-%H.%M.%S%.f",
    "%Y-%m-%d-%H.%M.%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
];

/// A time as a prompt takes it; `None` where it cannot be written.
pub(in crate::systems::peoplesoft) fn written(wall: DateTime, options: &Options) -> Option<String> {
    strtime::format(&options.datetime_format, wall).ok()
}

/// From when a scan asks, early enough to miss nothing where the clock is set back.
pub(in crate::systems::peoplesoft) fn prompt(at: Timestamp, options: &Options) -> Option<String> {
    written(wall_time(&options.time_zone, at), options)
}

/// A moment as the record shows it: by the server's clock.
pub(in crate::systems::peoplesoft) fn shown(at: Timestamp, options: &Options) -> Option<String> {
    written(options.time_zone.to_datetime(at), options)
}

/// The moment that a column names; of two, the earlier.
pub(in crate::systems::peoplesoft) fn moment(text: &str, options: &Options) -> Option<Timestamp> {
    match with_offset(text) {
        Some(at) => Some(at),
        None => earliest(&options.time_zone, wall(text, options)?),
    }
}

/// Whether a time lies before a window whatever the clocks did. One that cannot be read does not.
pub(in crate::systems::peoplesoft) fn is_certainly_before(text: &str, since: Timestamp, options: &Options) -> bool {
    let latest = |zone: &TimeZone, wall| zone.to_ambiguous_timestamp(wall).later().ok();
    let at = with_offset(text).or_else(|| latest(&options.time_zone, wall(text, options)?));
    at.is_some_and(|at| at.saturating_add(SLACK).is_ok_and(|at| at < since))
}

/// The time that a text names on the wall.
pub(in crate::systems::peoplesoft) fn wall(text: &str, options: &Options) -> Option<DateTime> {
    let text = text.trim();
    let configured = DateTime::strptime(&options.datetime_format, text).ok();
    let spelt = || {
        SPELLINGS
            .iter()
            .find_map(|spelling| DateTime::strptime(spelling, text).ok())
    };
    let day = || day(text).map(|date| date.at(0, 0, 0, 0));
    configured.or_else(spelt).or_else(day)
}

/// A day without a time.
pub(in crate::systems::peoplesoft) fn day(text: &str) -> Option<Date> {
    let text = text.trim();
    let date = text.get(..10).filter(|_| text.len() == 10)?;
    Date::strptime("%Y-%m-%d", date).ok()
}

fn with_offset(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(zone: &str) -> Options {
        Options {
            time_zone: TimeZone::get(zone).unwrap(),
            ..Options::default()
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// P70: prompts are in the server's zone, and what changes in the hour that its clock shows twice is asked for and kept.
    #[test]
    fn prompts_speak_the_servers_zone_across_a_change_of_the_clock() {
        let options = options("America/Chicago");
        let from = |text| prompt(at(text), &options).unwrap();
        assert_eq!(from("2026-07-01T12:00:00Z"), "2026-07-01 07:00:00");
        assert_eq!(from("2026-12-01T12:00:00Z"), "2026-12-01 06:00:00");
        // 2026-11-01 02:00 CDT becomes 01:00 CST: what changes at 07:10Z shows 01:10, before 01:50 CDT = 06:50Z.
        assert_eq!(from("2026-11-01T06:50:00Z"), "2026-11-01 00:50:00");
        assert_eq!(
            moment("2026-11-01 01:10:00", &options),
            Some(at("2026-11-01T06:10:00Z"))
        );
        assert!(!is_certainly_before(
            "2026-11-01 01:10:00",
            at("2026-11-01T06:50:00Z"),
            &options
        ));
        assert!(is_certainly_before(
            "2026-10-31 18:00:00",
            at("2026-11-01T06:50:00Z"),
            &options
        ));
        assert!(!is_certainly_before("long ago", at("2026-11-01T06:50:00Z"), &options));
        // A time that the clock skips in spring is a time all the same.
        assert!(moment("2026-03-08 02:30:00", &options).is_some());
    }

    #[test]
    fn a_time_is_read_in_every_spelling_that_tools_have() {
        let options = options("America/Chicago");
        for text in [
            "2026-07-01 07:00:00",
            "2026-07-01 07:00:00.000000",
            "2026-07-01-07.00.00.000000",
            "2026-07-01T07:00:00",
            "2026-07-01T07:00:00-05:00",
            "2026-07-01T12:00:00Z",
        ] {
            assert_eq!(moment(text, &options), Some(at("2026-07-01T12:00:00Z")), "{text}");
        }
        assert_eq!(moment("07/01/2026", &options), None);
        let dashed = Options {
            datetime_format: "%Y-%m-%d-%H.%M.%S.000000".to_owned(),
            ..options
        };
        assert_eq!(
            prompt(at("2026-07-01T12:00:00Z"), &dashed).unwrap(),
            "2026-07-01-07.00.00.000000"
        );
        assert_eq!(
            moment("2026-07-01-07.00.00.123456", &dashed),
            Some(at("2026-07-01T12:00:00.123456Z"))
        );
    }
}
