//! What Track and the webhook tell alike of an event, so that the same event is the same by either way.
//!
//! A time without its offset is no moment, and nothing is guessed from the name of the place. Where the same event is told a second
//! time with its offset, as a scan or among the dates beside the scans, it is that one; where another scan of the same place tells its
//! offset, that is the offset. A delivery is a fact whenever it was: where nothing tells its moment, it follows whatever came before.

use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use super::milestone::{carrier_code, is_cancelled, is_delivered, meaning};
use super::when::{When, when};
use crate::domain::{Estimate, Meaning, Milestone, Spot, TrackingEvent};
use crate::ports::News;
use crate::systems::fedex::wire::tracking::{DateAndTime, Place, Scan, TimeWindow, TrackResult};

/// The most that is kept of a sentence or a name.
const WORDS: usize = 120;

/// No tracking number is longer.
const LONGEST: usize = 34;

const RETURNING: Meaning = Meaning::Reached(Milestone::Returning);

/// The dates beside the scans that name the moment of an event, by the event's code.
const DATED: &[(&str, &str)] = &[
    ("DL", "ACTUAL_DELIVERY"),
    ("PU", "ACTUAL_PICKUP"),
    ("OC", "SHIPMENT_DATA_RECEIVED"),
];

/// A tracking number; it becomes a part of keys, so nothing but letters and digits is let in. Blanks between digits are
/// how people read it.
pub(super) fn number(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let legal = (1..=LONGEST).contains(&plain.len()) && plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    legal.then(|| plain.to_ascii_uppercase())
}

/// Everything that a result tells of its parcel.
pub(super) fn told(result: &TrackResult) -> News {
    let mut events = Vec::with_capacity(result.scan_events.len());
    let mut untimed = 0;
    let back = Back::of(result);
    for scan in &result.scan_events {
        match moment(scan, result) {
            Moment::Certain(at) => events.push(back.seen(event(scan, at), when(scan.date.as_deref()))),
            Moment::Told => {}
            Moment::Uncertain => untimed += 1,
        }
    }
    sign(&mut events, result);
    News {
        events,
        untimed,
        estimate: estimate(result),
    }
}

/// When a scan happened.
enum Moment {
    Certain(Timestamp),
    /// The same scan is told with its offset elsewhere.
    Told,
    Uncertain,
}

fn moment(scan: &Scan, result: &TrackResult) -> Moment {
    let Some(own) = when(scan.date.as_deref()) else {
        return Moment::Uncertain;
    };
    if let Some(at) = own.at {
        return Moment::Certain(at);
    }
    let same = |other: &&Scan| other.event_type == scan.event_type;
    let twins = result.scan_events.iter().filter(same);
    let mut timed = twins.filter_map(|other| when(other.date.as_deref()));
    if timed.any(|other| other.at.is_some() && other.local == own.local) {
        return Moment::Told;
    }
    let moment = dated(scan, own, result).or_else(|| at_the_place(scan, own, result));
    let moment = moment.or_else(|| after_the_others(scan, own, result));
    moment.map_or(Moment::Uncertain, Moment::Certain)
}

/// By the clock of the place, where another scan there tells its offset: of several, the one that was nearest.
fn at_the_place(scan: &Scan, own: When, result: &TrackResult) -> Option<Timestamp> {
    let place = spot(scan.scan_location.as_ref()?);
    // A country, and a state too, may have several clocks, and a day has none.
    if place.city.is_none() || own.is_day {
        return None;
    }
    let there = |other: &&Scan| other.scan_location.as_ref().map(spot).as_ref() == Some(&place);
    let told = result.scan_events.iter().filter(there);
    let timed = told.filter_map(|other| when(other.date.as_deref()).filter(|other| other.at.is_some()));
    let nearest = timed.min_by_key(|other| other.local.duration_until(own.local).abs())?;
    let offset = nearest.local.duration_until(own.local);
    nearest.at?.checked_add(offset).ok()
}

/// For a delivery: the moment after the last scan of which is certain that it came before.
fn after_the_others(scan: &Scan, own: When, result: &TrackResult) -> Option<Timestamp> {
    if scan_meaning(scan) != Meaning::Reached(Milestone::Delivered) {
        return None;
    }
    let others = result
        .scan_events
        .iter()
        .filter_map(|other| when(other.date.as_deref()));
    let before = others
        .filter(|other| other.local <= own.local)
        .filter_map(|other| other.at);
    before.max()?.checked_add(SignedDuration::from_secs(1)).ok()
}

/// The date beside the scans that is of the same event at the same local time, with its offset.
fn dated(scan: &Scan, own: When, result: &TrackResult) -> Option<Timestamp> {
    let code = scan.event_type.as_deref()?;
    let (_, kind) = DATED.iter().find(|(known, _)| *known == code)?;
    let mut dates = dates(result, kind).filter_map(when);
    dates.find(|date| date.at.is_some() && date.local == own.local)?.at
}

/// The dates beside the scans that are of a kind.
pub(super) fn dates<'a>(result: &'a TrackResult, kind: &'a str) -> impl Iterator<Item = Option<&'a str>> {
    let of_kind = move |date: &&DateAndTime| date.r#type.as_deref() == Some(kind);
    let dates = result.date_and_times.iter().filter(of_kind);
    dates.map(|date| date.date_time.as_deref())
}

fn event(scan: &Scan, at: Timestamp) -> TrackingEvent {
    let code = carrier_code(scan.event_type.as_deref(), scan.derived_status_code.as_deref());
    TrackingEvent {
        at,
        meaning: meaning(&code),
        code,
        description: description(scan),
        spot: scan.scan_location.as_ref().map(spot).unwrap_or_default(),
        signed_by: None,
        estimate: None,
    }
}

/// What happened, and what was wrong about it.
fn description(scan: &Scan) -> Option<String> {
    let event = words(scan.event_description.as_deref());
    match (event, words(scan.exception_description.as_deref())) {
        (Some(event), Some(exception)) if event != exception => words(Some(&format!("{event}: {exception}"))),
        (event, exception) => event.or(exception),
    }
}

/// Since when a parcel goes back, as a moment and by the clocks of the places where it was scanned: a scan that is no
/// moment still says that the parcel goes back, and whoever awaits it must not be told that it has arrived.
struct Back {
    since: Option<Timestamp>,
    local: Option<DateTime>,
}

impl Back {
    fn of(result: &TrackResult) -> Self {
        let returning = result.scan_events.iter().filter(|scan| scan_meaning(scan) == RETURNING);
        let times: Vec<When> = returning.filter_map(|scan| when(scan.date.as_deref())).collect();
        Self {
            since: times.iter().filter_map(|time| time.at).min(),
            local: times
                .iter()
                .filter(|time| time.at.is_none())
                .map(|time| time.local)
                .min(),
        }
    }

    /// What is delivered after it was sent back is back.
    fn seen(&self, event: TrackingEvent, told: Option<When>) -> TrackingEvent {
        let after = self.since.is_some_and(|since| event.at > since);
        let locally = || self.local.zip(told).is_some_and(|(since, told)| told.local > since);
        if event.meaning == Meaning::Reached(Milestone::Delivered) && (after || locally()) {
            return TrackingEvent {
                meaning: Meaning::Reached(Milestone::Returned),
                ..event
            };
        }
        event
    }
}

fn scan_meaning(scan: &Scan) -> Meaning {
    meaning(&carrier_code(
        scan.event_type.as_deref(),
        scan.derived_status_code.as_deref(),
    ))
}

/// The name of who took it stands beside the scans: it belongs to the newest delivery.
fn sign(events: &mut [TrackingEvent], result: &TrackResult) {
    let Some(delivery) = &result.delivery_details else {
        return;
    };
    let name = words(delivery.signed_by_name.as_deref()).or_else(|| words(delivery.received_by_name.as_deref()));
    let delivered = |event: &&mut TrackingEvent| event.meaning == Meaning::Reached(Milestone::Delivered);
    if let Some(newest) = events.iter_mut().filter(delivered).max_by_key(|event| event.at) {
        newest.signed_by = name;
    }
}

/// When it is expected at the place where it goes: by the window of this very parcel, by the day that stands among the
/// dates, by what the service promises.
fn estimate(result: &TrackResult) -> Option<Estimate> {
    if has_arrived(result) {
        return None;
    }
    let ends = [
        end(result.estimated_delivery_time_window.as_ref()),
        dates(result, "ESTIMATED_DELIVERY").next().flatten(),
        end(result.standard_transit_time_window.as_ref()),
    ];
    let ends = ends.into_iter().find_map(when)?.local;
    let until = ends.time();
    Some(Estimate {
        date: ends.date(),
        until: (until != Time::midnight()).then_some(until),
    })
}

fn end(window: Option<&TimeWindow>) -> Option<&str> {
    window?.window.as_ref()?.ends.as_deref()
}

fn has_arrived(result: &TrackResult) -> bool {
    let status = result.latest_status_detail.as_ref();
    let code = status.and_then(|status| status.code.as_deref());
    is_delivered(code) || is_cancelled(code) || dates(result, "ACTUAL_DELIVERY").next().is_some()
}

/// A sentence or a name, no longer than anybody reads.
fn words(text: Option<&str>) -> Option<String> {
    let text: String = text?.trim().chars().take(WORDS).collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

fn spot(place: &Place) -> Spot {
    Spot {
        city: words(place.city.as_deref()),
        state: words(place.state_or_province_code.as_deref()),
        country: words(place.country_code.as_deref()),
    }
}
