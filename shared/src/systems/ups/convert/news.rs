//! Everything that Track by number tells of a parcel: its activities, newest first, and when it is expected.

use super::event::{Telling, words};
use super::moment::{Told, date, time};
use super::track::found;
use crate::domain::{Estimate, Meaning, Milestone, TrackingEvent};
use crate::http::Answer;
use crate::ports::{CallError, News};
use crate::systems::ups::wire::tracking::{Activity, TrackedPackage};

/// The day of delivery: it is no estimate any more.
const DELIVERED: &str = "DEL";

/// Days on which it is expected; a later decision counts before the first.
const EXPECTED: [&str; 2] = ["RDD", "SDD"];

/// What is told of the parcel of this number; of the others of its shipment nothing. `None` if UPS knows nothing of it.
pub(crate) fn news(result: Result<Answer, CallError>, number: &str) -> Result<Option<News>, CallError> {
    let shipments = found(result)?;
    let mut packages = shipments.iter().flat_map(|shipment| &shipment.package);
    Ok(packages.find(|package| is_of(package, number)).map(told))
}

fn is_of(package: &TrackedPackage, number: &str) -> bool {
    let own = package.tracking_number.as_deref();
    own.is_some_and(|own| own.eq_ignore_ascii_case(number.trim()))
}

fn told(package: &TrackedPackage) -> News {
    let mut events: Vec<TrackingEvent> = package.activity.iter().filter_map(event).collect();
    sign(&mut events, package);
    News {
        untimed: package.activity.len() - events.len(),
        events,
        estimate: estimate(package),
    }
}

fn event(activity: &Activity) -> Option<TrackingEvent> {
    let status = activity.status.clone().unwrap_or_default();
    let place = activity
        .location
        .as_ref()
        .and_then(|location| location.address.as_ref());
    let telling = Telling {
        kind: status.r#type.as_deref(),
        code: status.code.as_deref(),
        status: status.status_code.as_deref(),
        description: status.description.as_deref(),
        place,
        told: Told {
            gmt_date: activity.gmt_date.as_deref(),
            gmt_time: activity.gmt_time.as_deref(),
            date: activity.date.as_deref(),
            time: activity.time.as_deref(),
            offset: activity.gmt_offset.as_deref(),
        },
        received_by: None,
        estimate: None,
    };
    telling.event()
}

/// The name of who took it stands beside the activities: it belongs to the newest delivery.
fn sign(events: &mut [TrackingEvent], package: &TrackedPackage) {
    let delivery = package.delivery_information.as_ref();
    let name = delivery.and_then(|delivery| words(delivery.received_by.as_deref()));
    let delivered = events
        .iter_mut()
        .filter(|event| event.meaning == Meaning::Reached(Milestone::Delivered));
    if let Some(newest) = delivered.max_by_key(|event| event.at) {
        newest.signed_by = name;
    }
}

fn estimate(package: &TrackedPackage) -> Option<Estimate> {
    let of = |kind: &str| {
        let mut dates = package.delivery_date.iter();
        dates.find(|date| date.r#type.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(kind)))
    };
    if of(DELIVERED).is_some() {
        return None;
    }
    let expected = EXPECTED.into_iter().find_map(|kind| date(of(kind)?.date.as_deref()?))?;
    let hours = package.delivery_time.as_ref();
    let hours = hours.filter(|hours| hours.r#type.as_deref() != Some(DELIVERED));
    Some(Estimate {
        date: expected,
        until: hours.and_then(|hours| time(hours.end_time.as_deref()?)),
    })
}
