//! What is told of a parcel, asked for or pushed, in the same words either way, so that the same event is the same.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::fmt::temporal::Pieces;

use super::milestone::{carrier_code, meaning};
use super::when::utc;
use crate::domain::{CarrierCode, Estimate, Meaning, Milestone, Refusal, Spot, TrackingEvent};
use crate::ports::{News, PushedNews};
use crate::systems::shipstation::wire::v2::{Event, Tracking};

/// The most that is kept of a sentence or a name.
const WORDS: usize = 120;

/// No tracking number is longer.
const LONGEST: usize = 40;

/// The most events of one parcel that are read of what is pushed.
const MOST: usize = 100;

/// A tracking number; it becomes a part of keys, so nothing but letters and digits is let in. Blanks between digits are how
/// people read it.
pub(crate) fn legal_number(text: &str) -> Result<String, Refusal> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let legal = (4..=LONGEST).contains(&plain.len()) && plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match legal {
        true => Ok(plain.to_ascii_uppercase()),
        false => Err(Refusal::new(
            "tracking-number",
            format!("{text:?} is no tracking number"),
        )),
    }
}

/// Everything that ShipStation tells of a parcel.
pub(crate) fn told(tracking: &Tracking) -> News {
    let newest = newest(&tracking.events);
    let mut news = News::default();
    for (index, event) in tracking.events.iter().enumerate() {
        let whole = (newest == Some(index)).then_some(tracking);
        match utc(event.occurred_at.as_deref()) {
            Some(at) => news.events.push(one(event, at, whole)),
            None => news.untimed += 1,
        }
    }
    deliver(&mut news, tracking);
    send_back(&mut news.events);
    news.estimate = estimate(tracking.estimated_delivery_date.as_deref());
    news
}

fn newest(events: &[Event]) -> Option<usize> {
    let timed = events
        .iter()
        .enumerate()
        .filter_map(|(index, event)| Some((utc(event.occurred_at.as_deref())?, index)));
    timed.max_by_key(|(at, _)| *at).map(|(_, index)| index)
}

/// An event; the newest has led to where the parcel stands, where it does not say so itself.
fn one(event: &Event, at: Timestamp, stands: Option<&Tracking>) -> TrackingEvent {
    let own = (event.status_detail_code.as_deref(), event.status_code.as_deref());
    let (detail, family) = match stands {
        Some(stands) if own == (None, None) => (stands.status_detail_code.as_deref(), stands.status_code.as_deref()),
        _ => own,
    };
    TrackingEvent {
        at,
        meaning: meaning(detail, family),
        code: carrier_code(event.event_code.as_deref(), own.0, own.1),
        description: words(event.description.as_deref()),
        spot: Spot {
            city: words(event.city_locality.as_deref()),
            state: words(event.state_province.as_deref()),
            country: words(event.country_code.as_deref()),
        },
        signed_by: words(event.signer.as_deref()),
        estimate: None,
    }
}

/// A parcel that stands as delivered without an event that says so: the day of its delivery is told beside.
fn deliver(news: &mut News, tracking: &Tracking) {
    let (detail, family) = (tracking.status_detail_code.as_deref(), tracking.status_code.as_deref());
    let code = carrier_code(None, detail, family);
    let arrived = meaning(detail, family) == Meaning::Reached(Milestone::Delivered);
    let known = news
        .events
        .iter()
        .any(|event| event.meaning == Meaning::Reached(Milestone::Delivered));
    if !arrived || known {
        return;
    }
    match utc(tracking.actual_delivery_date.as_deref()) {
        Some(at) => news.events.push(delivery(at, code)),
        None => news.untimed += 1,
    }
}

/// The news of a parcel of which nothing but its delivery is told.
pub(crate) fn delivered(at: Option<&str>) -> Option<News> {
    let at = utc(at)?;
    Some(News {
        events: vec![delivery(at, carrier_code(None, None, Some("DE")))],
        ..News::default()
    })
}

fn delivery(at: Timestamp, code: CarrierCode) -> TrackingEvent {
    TrackingEvent {
        at,
        meaning: Meaning::Reached(Milestone::Delivered),
        code,
        description: None,
        spot: Spot::default(),
        signed_by: None,
        estimate: None,
    }
}

/// What is delivered after it was sent back is back.
fn send_back(events: &mut [TrackingEvent]) {
    let returning = events
        .iter()
        .filter(|event| event.meaning == Meaning::Reached(Milestone::Returning));
    let Some(since) = returning.map(|event| event.at).min() else {
        return;
    };
    let delivered = |event: &&mut TrackingEvent| event.meaning == Meaning::Reached(Milestone::Delivered);
    for event in events.iter_mut().filter(delivered).filter(|event| event.at > since) {
        event.meaning = Meaning::Reached(Milestone::Returned);
    }
}

/// The day on which it is expected; a time of day that is midnight says nothing.
fn estimate(text: Option<&str>) -> Option<Estimate> {
    let pieces = Pieces::parse(text?.trim()).ok()?;
    Some(Estimate {
        date: pieces.date(),
        until: pieces.time().filter(|time| *time != Time::midnight()),
    })
}

/// A sentence or a name, no longer than anybody reads.
fn words(text: Option<&str>) -> Option<String> {
    let text: String = text?.trim().chars().take(WORDS).collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What is pushed of a parcel: one thing for each event.
pub(super) fn pushed(tracking: &Tracking) -> Vec<PushedNews> {
    let number = tracking.tracking_number.as_deref().map(legal_number);
    let Some(Ok(number)) = number else {
        return vec![PushedNews::Nothing {
            why: "a parcel without a tracking number that can be one".to_owned(),
        }];
    };
    let mut news = told(tracking);
    if let Some(newest) = news.events.iter_mut().max_by_key(|event| event.at) {
        newest.estimate = news.estimate;
    }
    let why = match (news.events.len(), news.untimed) {
        (0, _) => Some("it tells no event of the parcel"),
        (_, 1..) => Some("the time of an event cannot be read"),
        (MOST.., 0) => Some("too many events came at once"),
        _ => None,
    };
    let happened = |event: TrackingEvent| PushedNews::Happened {
        number: number.clone(),
        event: Box::new(event),
    };
    let mut all: Vec<PushedNews> = news.events.into_iter().take(MOST).map(happened).collect();
    all.extend(why.map(|why| PushedNews::Hinted {
        number: number.clone(),
        why: why.to_owned(),
    }));
    all
}
