//! Quantum View as the carrier's own list: the outbound manifest, the notices that a shipment is void, and that something
//! happened to a parcel.
//!
//! A file counts as read once it was fetched by "unread"; a request that names a range of time gets the same files whenever
//! it is made. Failures come with HTTP 200 and status code 0. The files do not say in which zone their times are.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::{CarrierShipmentId, JobId, ListEntry, Refusal, Stretch};
use crate::http::Answer;
use crate::ports::{CallError, Later, ListPage, Moved, Obstacle};
use crate::systems::ups::wire::answer::{
    self, DatedActivity, Generic, Manifest, QuantumView, QuantumViewError, ReferenceNumber, Scan, SubscriptionFile,
};
use crate::systems::ups::wire::request::{
    DateTimeRange, QuantumView as Question, QuantumViewBody, QuantumViewHead, SubscriptionRequest, TransactionReference,
};

/// "Void for manifest" among the activities of other kinds.
const VOID: &str = "VM";

const FAILURE: &str = "0";

/// The request for a stretch of a subscription; the bookmark goes beside the original request.
pub(crate) fn list_request(subscription: &str, stretch: Stretch, bookmark: Option<&str>) -> QuantumViewBody {
    QuantumViewBody {
        quantum_view_request: Question {
            request: QuantumViewHead {
                transaction_reference: TransactionReference {
                    customer_context: "waybill".to_owned(),
                },
                request_action: "QVEvents",
            },
            subscription_request: vec![SubscriptionRequest {
                name: subscription.to_owned(),
                date_time_range: DateTimeRange {
                    begin_date_time: stamp(stretch.from),
                    end_date_time: stamp(stretch.to),
                },
            }],
            bookmark: bookmark.map(str::to_owned),
        },
    }
}

fn stamp(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string()
}

/// A page of the list. `bookmark` is the one that was asked with: the same again would never end.
pub(crate) fn list_page(answer: &Answer, bookmark: Option<&str>) -> Result<ListPage, CallError> {
    let view: QuantumView =
        answer::body(&answer.body, "QuantumViewResponse").ok_or_else(|| later("the answer cannot be read"))?;
    let response = view.response.unwrap_or_default();
    if response.response_status_code.as_deref() == Some(FAILURE) || !response.error.is_empty() {
        return Err(failed(&response.error));
    }
    let Some(events) = view.quantum_view_events else {
        return Err(later("the answer holds neither events nor an error"));
    };
    if view.bookmark.is_some() && view.bookmark.as_deref() == bookmark {
        return Err(later("the answer's bookmark is the one that was asked with"));
    }
    let files = || events.subscription_events.iter().flat_map(|one| &one.subscription_file);
    Ok(ListPage {
        entries: files().flat_map(entries).collect(),
        moved: files().flat_map(moved).collect(),
        next: view.bookmark,
    })
}

fn later(reason: &str) -> CallError {
    CallError::Later(Later::new(Obstacle::Unreachable, format!("Quantum View: {reason}")))
}

fn failed(errors: &[QuantumViewError]) -> CallError {
    let first = errors.first().cloned().unwrap_or_default();
    let words = first.error_description.unwrap_or_else(|| "no words given".to_owned());
    let code = first.error_code.unwrap_or_else(|| "no code".to_owned());
    let seconds = first.minimum_retry_seconds.and_then(|text| text.parse::<u64>().ok());
    let passes = first
        .error_severity
        .is_some_and(|word| word.eq_ignore_ascii_case("transient"));
    if passes || seconds.is_some() {
        return CallError::Later(Later {
            after: seconds.map(Duration::from_secs),
            ..Later::new(Obstacle::Unreachable, format!("Quantum View: {words} ({code})"))
        });
    }
    CallError::Refused(Refusal::new(code, format!("Quantum View: {words}")))
}

fn entries(file: &SubscriptionFile) -> Vec<ListEntry> {
    let sold = file.manifest.iter().map(sold);
    sold.chain(file.generic.iter().filter_map(voided)).collect()
}

fn sold(manifest: &Manifest) -> ListEntry {
    let of_parcels = manifest.package.iter().flat_map(|package| &package.reference_number);
    let activity = manifest.package.iter().find_map(|package| package.activity.first());
    let numbers = manifest.package.iter();
    ListEntry {
        reference: ours(of_parcels.chain(&manifest.reference_number)),
        shipment: manifest
            .lead_shipment_tracking_number
            .clone()
            .map(CarrierShipmentId::new),
        tracking_numbers: numbers.filter_map(|package| package.tracking_number.clone()).collect(),
        on: day(activity).or_else(|| date(manifest.pickup_date.as_deref())),
        voided: false,
    }
}

fn voided(generic: &Generic) -> Option<ListEntry> {
    if generic.activity_type.as_deref() != Some(VOID) {
        return None;
    }
    let references = generic.package_reference_number.iter();
    Some(ListEntry {
        reference: ours(references.chain(&generic.shipment_reference_number)),
        shipment: None,
        tracking_numbers: vec![generic.tracking_number.clone()?],
        on: day(generic.activity.as_ref()),
        voided: true,
    })
}

/// Everything that happened to parcels; that they were sold is no news.
fn moved(file: &SubscriptionFile) -> Vec<Moved> {
    let scanned = |kind: &'static str| {
        move |scan: &Scan| {
            let code = scan.reason_code.as_deref().or(scan.status_code.as_deref());
            let at = (scan.date.as_deref(), scan.time.as_deref());
            hinted(file, scan.tracking_number.as_deref(), at, &[Some(kind), code])
        }
    };
    let other = |generic: &Generic| {
        let activity = generic.activity.clone().unwrap_or_default();
        let at = (activity.date.as_deref(), activity.time.as_deref());
        let kind = [Some("generic"), generic.activity_type.as_deref()];
        hinted(file, generic.tracking_number.as_deref(), at, &kind)
    };
    let origins = file.origin.iter().filter_map(scanned("origin"));
    let exceptions = file.exception.iter().filter_map(scanned("exception"));
    let deliveries = file.delivery.iter().filter_map(scanned("delivery"));
    let others = file.generic.iter().filter_map(other);
    origins.chain(exceptions).chain(deliveries).chain(others).collect()
}

/// The hint begins with the time. Where none is told that of the file stands for it: it is the same whenever it is read.
fn hinted(
    file: &SubscriptionFile,
    number: Option<&str>,
    (date, time): (Option<&str>, Option<&str>),
    kind: &[Option<&str>],
) -> Option<Moved> {
    let told = date.and_then(|date| digits(&format!("{date}{:0>6}", time.unwrap_or_default())));
    let filed = || digits(&format!("20{}", file.file_name.as_deref()?.replace('_', "")));
    let at = told.or_else(filed).unwrap_or_else(|| "0".repeat(STAMP));
    let parts: Vec<&str> = kind.iter().copied().flatten().collect();
    Some(Moved {
        number: super::event::number(number?)?,
        hint: format!("{at} {}", parts.join(" ")),
    })
}

/// `YYYYMMDDHHMMSS`.
const STAMP: usize = 14;

/// The digits that a stamp begins with, if it has enough of them.
fn digits(text: &str) -> Option<String> {
    let stamp = text.get(..STAMP)?;
    stamp
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| stamp.to_owned())
}

/// Our reference, among those of the order's number and whatever else stands there.
fn ours<'a>(mut references: impl Iterator<Item = &'a ReferenceNumber>) -> Option<JobId> {
    references.find_map(|reference| reference.value.as_deref()?.parse().ok())
}

fn day(activity: Option<&DatedActivity>) -> Option<Date> {
    date(activity?.date.as_deref())
}

fn date(text: Option<&str>) -> Option<Date> {
    Date::strptime("%Y%m%d", text?).ok()
}
