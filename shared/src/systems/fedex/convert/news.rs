//! Track by number: what is asked, and what the answer tells of each parcel.
//!
//! FedEx gives its numbers again. So it is asked for shipments of a span of days around ours, and where several go by
//! one number, or one of another time, the one counts that was shipped nearest to ours. "Not found" stands inside a
//! 200; a number of which the answer says nothing was not answered.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::error::is_transient;
use super::event::{self, dates, number};
use super::when::{day, when};
use crate::domain::Refusal;
use crate::http::Answer;
use crate::ports::{Asked, CallError, Later, News, Obstacle};
use crate::systems::fedex::wire::tracking::{self as wire, AskedNumber, ByNumbers, Output, TrackResult};

/// How many days before the ERP was told a parcel may have been shipped, and how many later it may be handed over.
const DAYS: i64 = 60;

/// Dates that say when a shipment began, the most telling first.
const BEGAN: [&str; 4] = ["SHIP", "ACTUAL_TENDER", "ACTUAL_PICKUP", "SHIPMENT_DATA_RECEIVED"];

/// A question for some numbers, each with the days within which it was shipped, where that is known.
pub(crate) fn by_numbers<'a>(asked: &[(&'a str, Option<Timestamp>)], today: Timestamp) -> ByNumbers<'a> {
    let info = |(number, shipped): &(&'a str, Option<Timestamp>)| question(number, *shipped, today);
    ByNumbers {
        include_detailed_scans: true,
        tracking_info: asked.iter().map(info).collect(),
    }
}

fn question(number: &str, shipped: Option<Timestamp>, today: Timestamp) -> wire::Asked<'_> {
    let window = shipped.map(|shipped| window(shipped, today));
    wire::Asked {
        tracking_number_info: AskedNumber {
            tracking_number: number,
        },
        ship_date_begin: window.map(|(begin, _)| begin.to_string()),
        ship_date_end: window.map(|(_, end)| end.to_string()),
    }
}

/// The days within which what we know to have shipped then may have been shipped by FedEx's calendar. It assumes
/// tomorrow itself where it is told no last day, and is told none later.
fn window(shipped: Timestamp, today: Timestamp) -> (Date, Date) {
    let (shipped, today) = (utc_day(shipped), utc_day(today));
    let end = shipped.saturating_add(DAYS.days()).min(today.saturating_add(1.day()));
    (begin(shipped), end.max(shipped))
}

fn begin(shipped: Date) -> Date {
    shipped.saturating_sub(DAYS.days())
}

pub(super) fn utc_day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// A number as FedEx's can be, without the blanks in it.
pub(crate) fn legal_number(text: &str) -> Result<String, Refusal> {
    let refused = || {
        Refusal::new(
            "TRACKINGNUMBER.ENTERED.INVALID",
            format!("{text:?} is no tracking number"),
        )
    };
    number(text).filter(|number| number.len() >= 8).ok_or_else(refused)
}

/// Whether a refusal is about the numbers that were asked for, not about who asks.
pub(crate) fn is_about_a_number(refusal: &Refusal) -> bool {
    refusal.code.starts_with("TRACKING")
}

/// What befell a question, as it is told of each number in it. What is refused and not because of a number says nothing
/// of any: who may not ask today may ask tomorrow, and the parcels are still on their way.
pub(crate) fn of_a_number(error: CallError) -> Result<Option<News>, CallError> {
    match error {
        CallError::Refused(refusal) if is_absence(&refusal.code) => Ok(None),
        CallError::Refused(refusal) if !is_about_a_number(&refusal) => Err(CallError::Later(Later::new(
            Obstacle::Unauthorised,
            format!("FedEx does not let us ask for parcels: {refusal}"),
        ))),
        error => Err(error),
    }
}

/// What the answer tells of each parcel that was asked for, in their order.
pub(crate) fn told(answer: &Answer, asked: &[Asked<'_>]) -> Vec<Result<Option<News>, CallError>> {
    let output = wire::output(&answer.body);
    let each = asked.iter().map(|one| match &output {
        Some(output) => of(output, one, asked.len() == 1),
        None => Err(later("the answer of tracking cannot be read")),
    });
    each.collect()
}

fn of(output: &Output, asked: &Asked<'_>, alone: bool) -> Result<Option<News>, CallError> {
    let all = results(output, asked.number);
    let (faulty, good): (Vec<&TrackResult>, Vec<&TrackResult>) =
        all.into_iter().partition(|result| result.fault().is_some());
    if !good.is_empty() {
        return Ok(nearest(good, utc_day(asked.shipped)).map(event::told));
    }
    match faulty.iter().find_map(|result| result.fault()) {
        Some((code, _)) if is_absence(code) => Ok(None),
        Some((code, words)) if is_transient(code) => Err(later(format!("{words} ({code})"))),
        Some((code, words)) => of_a_number(CallError::Refused(Refusal::new(code, words))),
        None if alone && says_absent(output) => Ok(None),
        None => Err(later("the answer of tracking says nothing of the parcel")),
    }
}

/// Everything that goes by a number.
fn results<'a>(output: &'a Output, number: &str) -> Vec<&'a TrackResult> {
    let is_own = |own: Option<&str>| own.is_some_and(|own| own.trim().eq_ignore_ascii_case(number));
    let complete = output.complete_track_results.iter();
    let each = complete.flat_map(|complete| {
        let whole = is_own(complete.tracking_number.as_deref());
        complete.track_results.iter().map(move |result| (whole, result))
    });
    each.filter(|(whole, result)| result.number().map_or(*whole, |own| is_own(Some(own))))
        .map(|(_, result)| result)
        .collect()
}

/// Of several parcels that go by one number, the one that was shipped nearest to this day; none that had been shipped
/// long before.
fn nearest(results: Vec<&TrackResult>, shipped: Date) -> Option<&TrackResult> {
    let possible = |result: &&TrackResult| began(result).is_none_or(|began| began >= begin(shipped));
    let distance = |result: &TrackResult| {
        let days = began(result).map(|began| days_between(began, shipped));
        days.unwrap_or(i32::MAX)
    };
    let possible = results.into_iter().filter(possible);
    possible.min_by_key(|result| (distance(result), std::cmp::Reverse(last_scan(result))))
}

/// Of several, the one that was shipped or scanned last.
pub(super) fn newest(output: &Output, number: &str) -> Option<TrackResult> {
    let all = results(output, number);
    let good = all.into_iter().filter(|result| result.fault().is_none());
    good.max_by_key(|result| {
        (
            last_scan(result).map(|at| at.date()).max(began(result)),
            last_scan(result),
        )
    })
    .cloned()
}

/// The day on which a shipment began, at its place.
fn began(result: &TrackResult) -> Option<Date> {
    let dated = BEGAN.iter().find_map(|kind| dates(result, kind).find_map(day));
    let scans = || {
        result
            .scan_events
            .iter()
            .filter_map(|scan| day(scan.date.as_deref()))
            .min()
    };
    dated.or_else(scans)
}

fn last_scan(result: &TrackResult) -> Option<jiff::civil::DateTime> {
    let scans = result.scan_events.iter();
    scans.filter_map(|scan| Some(when(scan.date.as_deref())?.local)).max()
}

fn days_between(one: Date, other: Date) -> i32 {
    one.duration_until(other)
        .as_hours()
        .abs()
        .try_into()
        .unwrap_or(i32::MAX)
}

/// Whether a code says that nothing goes by the number or reference, yet.
pub(super) fn is_absence(code: &str) -> bool {
    code.starts_with("TRACKING.") && (code.ends_with("NOTFOUND") || code.ends_with("NOT.FOUND"))
}

/// Whether the alerts beside the results say that there is nothing; they are a text or a list.
pub(super) fn says_absent(output: &Output) -> bool {
    output.alerts.to_string().contains("NOTFOUND")
}

pub(super) fn later(reason: impl Into<String>) -> CallError {
    CallError::Later(Later::new(Obstacle::Unreachable, reason))
}
