//! What Track Alert pushes: one event in a request, without an id and without an order. `descriptionCode` is the status that
//! Tracking calls `statusCode`; blanks mean that nothing is told; a tracking number may begin with a blank.

use std::collections::BTreeSet;

use serde_json::Value;

use super::event::{Telling, number};
use super::moment::{Told, date, time};
use crate::domain::Estimate;
use crate::ports::PushedNews;
use crate::systems::ups::wire::answer;
use crate::systems::ups::wire::tracking::PushedEvent;

/// The most events of one request that are read, and the most parcels of which the others are hints: UPS sends one.
const MOST: usize = 100;

/// What a body tells: one thing for each event in it.
pub(crate) fn pushed(body: &str) -> Vec<PushedNews> {
    let Some(mut objects) = answer::objects(body) else {
        return vec![nothing("neither an event nor a list of events")];
    };
    if objects.is_empty() {
        return vec![nothing("a list without events")];
    }
    let others = objects.split_off(objects.len().min(MOST));
    let told = objects.into_iter().map(answer::object).map(one);
    told.chain(hints(others)).collect()
}

/// Events that are too many to be read: the carrier is asked once for each of their parcels.
fn hints(objects: Vec<Value>) -> impl Iterator<Item = PushedNews> {
    let events = objects.into_iter().filter_map(answer::object::<PushedEvent>);
    let numbers: BTreeSet<String> = events
        .filter_map(|event| number(event.tracking_number.as_deref()?))
        .collect();
    let hint = |number| PushedNews::Hinted {
        number,
        why: "too many events came at once".to_owned(),
    };
    numbers.into_iter().take(MOST).map(hint)
}

fn one(event: Option<PushedEvent>) -> PushedNews {
    let Some(event) = event else {
        return nothing("something that is no event");
    };
    let Some(number) = event.tracking_number.as_deref().and_then(number) else {
        return nothing("an event without a tracking number that can be one");
    };
    let Some(status) = &event.activity_status else {
        let why = "the event says nothing of what happened".to_owned();
        return PushedNews::Hinted { number, why };
    };
    let telling = Telling {
        kind: status.r#type.as_deref(),
        code: status.code.as_deref(),
        status: status.description_code.as_deref(),
        description: status.description.as_deref(),
        place: event.activity_location.as_ref(),
        told: Told {
            gmt_date: event.gmt_activity_date.as_deref(),
            gmt_time: event.gmt_activity_time.as_deref(),
            date: event.local_activity_date.as_deref(),
            time: event.local_activity_time.as_deref(),
            offset: event.gmt_offset.as_deref(),
        },
        received_by: event.received_by.as_deref(),
        estimate: estimate(&event),
    };
    match telling.event() {
        Some(event) => PushedNews::Happened {
            number,
            event: Box::new(event),
        },
        None => PushedNews::Hinted {
            number,
            why: "the time of the event cannot be read".to_owned(),
        },
    }
}

/// Once it is delivered the end of the window is the time of delivery.
fn estimate(event: &PushedEvent) -> Option<Estimate> {
    if event.actual_delivery_date.is_some() {
        return None;
    }
    Some(Estimate {
        date: date(event.scheduled_delivery_date.as_deref()?)?,
        until: event.delivery_end_time.as_deref().and_then(time),
    })
}

fn nothing(why: &str) -> PushedNews {
    PushedNews::Nothing { why: why.to_owned() }
}
