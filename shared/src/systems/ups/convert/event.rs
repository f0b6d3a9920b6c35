//! What Tracking and Track Alert tell alike of an event, so that the same event is the same by either way.

use super::milestone::{capped, carrier_code, meaning};
use super::moment::Told;
use crate::domain::{Estimate, Meaning, Milestone, Spot, TrackingEvent};
use crate::systems::ups::wire::tracking::Place;

/// The most that is kept of a sentence or a name.
const WORDS: usize = 120;

/// No tracking number is longer.
const LONGEST: usize = 34;

/// An event as either of them tells it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Telling<'a> {
    pub(super) kind: Option<&'a str>,
    pub(super) code: Option<&'a str>,
    pub(super) status: Option<&'a str>,
    pub(super) description: Option<&'a str>,
    pub(super) place: Option<&'a Place>,
    pub(super) told: Told<'a>,
    pub(super) received_by: Option<&'a str>,
    pub(super) estimate: Option<Estimate>,
}

impl Telling<'_> {
    /// The event; `None` where its time cannot be read.
    pub(super) fn event(self) -> Option<TrackingEvent> {
        let code = carrier_code(self.kind, self.code, self.status);
        let meaning = meaning(&code);
        let delivered = meaning == Meaning::Reached(Milestone::Delivered);
        Some(TrackingEvent {
            at: self.told.moment()?,
            meaning,
            code,
            description: words(self.description),
            spot: self.place.map(spot).unwrap_or_default(),
            signed_by: words(self.received_by).filter(|_| delivered),
            estimate: self.estimate.filter(|_| !delivered),
        })
    }
}

/// A tracking number, upper case; it becomes a part of keys, so nothing but letters and digits is let in.
pub(super) fn number(text: &str) -> Option<String> {
    let text = text.trim();
    let legal = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    legal.then(|| text.to_ascii_uppercase())
}

/// A sentence or a name, no longer than anybody reads.
pub(super) fn words(text: Option<&str>) -> Option<String> {
    let text = capped(text?.trim(), WORDS);
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

fn spot(place: &Place) -> Spot {
    Spot {
        city: words(place.city.as_deref()),
        state: words(place.state_province.as_deref()),
        country: words(place.country_code.as_deref().or(place.country.as_deref())),
    }
}
