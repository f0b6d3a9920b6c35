//! What Advanced Integrated Visibility pushes: news of parcels in the words of Track, in an envelope or bare, which of
//! a parcel's events are in it depending on what the project was made for. There is no document of it: results are
//! looked for wherever they stand. Events come late, twice and in any order; each carries its own time and code.

use std::collections::BTreeSet;

use super::event::{self, number};
use crate::domain::TrackingEvent;
use crate::ports::PushedNews;
use crate::systems::fedex::wire::tracking::{TrackResult, results};

/// The most parcels of one request that are read, and the most events of one parcel.
const MOST: usize = 100;

/// What a body tells: one thing for each event in it.
pub(crate) fn pushed(body: &str) -> Vec<PushedNews> {
    let Some(results) = results(body, MOST) else {
        return vec![nothing("no JSON")];
    };
    if results.is_empty() {
        return vec![nothing("no parcel is in it")];
    }
    let mut hinted = BTreeSet::new();
    let told = results.iter().flat_map(one);
    // Of a parcel one hint is enough.
    let once = |news: &PushedNews| match news {
        PushedNews::Hinted { number, .. } => hinted.insert(number.clone()),
        _ => true,
    };
    told.filter(once).collect()
}

fn one(result: &TrackResult) -> Vec<PushedNews> {
    let Some(number) = result.number().and_then(number) else {
        return vec![nothing("a parcel without a tracking number that can be one")];
    };
    let mut news = event::told(result);
    if let Some(newest) = news.events.iter_mut().max_by_key(|event| event.at) {
        newest.estimate = news.estimate;
    }
    let why = match (news.events.len(), news.untimed) {
        (0, 0) => Some("it tells no event of the parcel"),
        (_, 1..) => Some("the time of an event cannot be read"),
        (MOST.., 0) => Some("too many events came at once"),
        _ => None,
    };
    let happened = |event: TrackingEvent| PushedNews::Happened {
        number: number.clone(),
        event: Box::new(event),
    };
    let mut told: Vec<PushedNews> = news.events.into_iter().take(MOST).map(happened).collect();
    told.extend(why.map(|why| PushedNews::Hinted {
        number: number.clone(),
        why: why.to_owned(),
    }));
    told
}

fn nothing(why: &str) -> PushedNews {
    PushedNews::Nothing { why: why.to_owned() }
}
