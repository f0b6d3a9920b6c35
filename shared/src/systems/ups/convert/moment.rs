//! Times as Tracking and Track Alert write them: `YYYYMMDD`, and `HHMMSS` that may have colons or have lost its leading zeros;
//! offsets as `-05:00` (Tracking) or `-04.00` (Track Alert). What cannot be is no time.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// A time in UTC and the same one where it happened, as far as they are told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told<'a> {
    /// The day in UTC.
    pub(super) gmt_date: Option<&'a str>,
    /// The time of day in UTC.
    pub(super) gmt_time: Option<&'a str>,
    /// The day at the place.
    pub(super) date: Option<&'a str>,
    /// The time of day at the place.
    pub(super) time: Option<&'a str>,
    /// How the place's clock stands to UTC.
    pub(super) offset: Option<&'a str>,
}

impl Told<'_> {
    /// The moment; a local time without its offset is none.
    pub(super) fn moment(self) -> Option<Timestamp> {
        self.by_gmt().or_else(|| self.by_offset())
    }

    fn by_gmt(self) -> Option<Timestamp> {
        let at = DateTime::from_parts(date(self.gmt_date?)?, time(self.gmt_time?)?);
        Offset::UTC.to_timestamp(at).ok()
    }

    fn by_offset(self) -> Option<Timestamp> {
        let at = DateTime::from_parts(date(self.date?)?, time(self.time?)?);
        offset(self.offset?)?.to_timestamp(at).ok()
    }
}

/// `20260126`, or `2026-01-26`.
pub(super) fn date(text: &str) -> Option<Date> {
    let digits: Vec<&str> = text.trim().split('-').collect();
    let digits = digits.concat();
    if digits.len() != 8 {
        return None;
    }
    let year = number(digits.get(..4)?)?;
    let month = number(digits.get(4..6)?)?;
    let day = number(digits.get(6..)?)?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `163000`, `74700`, `16:30:00`.
pub(super) fn time(text: &str) -> Option<Time> {
    let whole = text.trim().split('.').next().filter(|whole| !whole.is_empty())?;
    let padded = format!("{whole:0>6}");
    let parts: Vec<&str> = match whole.contains(':') {
        true => whole.split(':').collect(),
        false if padded.len() == 6 => vec![padded.get(..2)?, padded.get(2..4)?, padded.get(4..)?],
        false => return None,
    };
    let parts: Vec<i8> = parts.into_iter().map(small).collect::<Option<_>>()?;
    match parts.as_slice() {
        [hour, minute, second] => Time::new(*hour, *minute, *second, 0).ok(),
        [hour, minute] => Time::new(*hour, *minute, 0, 0).ok(),
        _ => None,
    }
}

/// `-05:00`, `-04.00`, `+0530`. A number has lost the zero at its end: `-3.3` is three and a half hours.
fn offset(text: &str) -> Option<Offset> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = match (text.split_once(':'), text.split_once('.')) {
        (Some((hours, minutes)), _) => (hours, minutes.to_owned()),
        (None, Some((hours, minutes))) => (hours, format!("{minutes:0<2}")),
        (None, None) if text.len() == 4 => (text.get(..2)?, text.get(2..)?.to_owned()),
        (None, None) => (text, "00".to_owned()),
    };
    let (hours, minutes) = (i32::from(small(hours)?), i32::from(small(&minutes)?));
    let legal = hours <= 23 && minutes < 60;
    legal
        .then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok())
        .flatten()
}

/// One or two digits.
fn small(text: &str) -> Option<i8> {
    let legal = (1..=2).contains(&text.len());
    legal
        .then(|| number(text))
        .flatten()
        .and_then(|value| i8::try_from(value).ok())
}

/// Digits and nothing else: a sign would be one too many.
fn number(text: &str) -> Option<i16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gmt(date: &str, time: &str) -> Option<String> {
        let told = Told {
            gmt_date: Some(date),
            gmt_time: Some(time),
            ..Told::default()
        };
        told.moment().map(|at| at.to_string())
    }

    fn local(date: &str, time: &str, offset: Option<&str>) -> Option<String> {
        let told = Told {
            date: Some(date),
            time: Some(time),
            offset,
            ..Told::default()
        };
        told.moment().map(|at| at.to_string())
    }

    #[test]
    fn times_are_read_with_colons_and_without_their_leading_zeros() {
        for (time, read) in [
            ("21:30:00", "2026-01-26T21:30:00Z"),
            ("213000", "2026-01-26T21:30:00Z"),
            ("74700", "2026-01-26T07:47:00Z"),
            ("7:47:00", "2026-01-26T07:47:00Z"),
            ("07:47", "2026-01-26T07:47:00Z"),
            ("5", "2026-01-26T00:00:05Z"),
            ("74700.0", "2026-01-26T07:47:00Z"),
        ] {
            assert_eq!(gmt("20260126", time).as_deref(), Some(read), "{time}");
        }
        assert_eq!(gmt("2026-01-26", "213000").as_deref(), Some("2026-01-26T21:30:00Z"));
    }

    #[test]
    fn what_cannot_be_is_no_time() {
        for time in [
            "",
            "246000",
            "0747001",
            "7h47",
            "-74700",
            "+74700",
            "1:2:3:4",
            "::",
            "é1:00",
            "٣٠٠٠٠٠",
        ] {
            assert_eq!(gmt("20260126", time), None, "{time}");
        }
        for date in [
            "",
            "20261301",
            "20260230",
            "260126",
            "2026012é",
            "+2026126",
            "20260126x",
            "------20260126x",
        ] {
            assert_eq!(gmt(date, "213000"), None, "{date}");
        }
    }

    /// P16: a local time counts by the offset beside it, in Tracking's form and in Track Alert's, and not without it.
    #[test]
    fn local_times_count_by_their_offset_and_not_without_it() {
        for (offset, read) in [
            ("-05:00", "2026-01-26T21:30:00Z"),
            ("-05.00", "2026-01-26T21:30:00Z"),
            ("-0500", "2026-01-26T21:30:00Z"),
            ("-5.0", "2026-01-26T21:30:00Z"),
            ("-5", "2026-01-26T21:30:00Z"),
            ("+05.30", "2026-01-26T11:00:00Z"),
            ("5.3", "2026-01-26T11:00:00Z"),
            ("+00:00", "2026-01-26T16:30:00Z"),
        ] {
            assert_eq!(
                local("20260126", "163000", Some(offset)).as_deref(),
                Some(read),
                "{offset}"
            );
        }
        for offset in [
            None,
            Some(""),
            Some("EST"),
            Some("-24:00"),
            Some("-05:61"),
            Some("--5"),
            Some("-5.000"),
            Some("é"),
        ] {
            assert_eq!(local("20260126", "163000", offset), None, "{offset:?}");
        }
    }
}
