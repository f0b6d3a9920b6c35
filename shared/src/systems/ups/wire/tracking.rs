//! What Tracking v1 answers and what Track Alert v1 and v2 take, answer and push, as far as it is read. Every field is
//! optional and read leniently, like those of [`super::answer`].

use serde::{Deserialize, Serialize};

use super::lenient;

// ---- Tracking ----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Track {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) shipment: Vec<TrackedShipment>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TrackedShipment {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) package: Vec<TrackedPackage>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) warnings: Vec<Warning>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Warning {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) code: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TrackedPackage {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) current_status: Option<TrackedStatus>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) activity: Vec<Activity>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) delivery_date: Vec<DeliveryDate>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) delivery_time: Option<DeliveryTime>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) delivery_information: Option<DeliveryInformation>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Activity {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) location: Option<Location>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) status: Option<TrackedStatus>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) time: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) gmt_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) gmt_time: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) gmt_offset: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TrackedStatus {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) description: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Location {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) address: Option<Place>,
}

/// A place: Tracking says `countryCode` beside `country`, Track Alert only `country`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Place {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) city: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) state_province: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) country: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) country_code: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeliveryDate {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) date: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeliveryTime {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) end_time: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeliveryInformation {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) received_by: Option<String>,
}

// ---- Track Alert: subscriptions ----------------------------------------------------------------------------------

/// A subscription of some packages; v2 has no destination.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionBody<'a> {
    pub(crate) locale: &'static str,
    pub(crate) country_code: &'static str,
    pub(crate) tracking_number_list: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<Destination<'a>>,
}

/// Where events are sent, and what is sent along to prove that they are UPS's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Destination<'a> {
    pub(crate) url: &'a str,
    pub(crate) credential_type: &'static str,
    pub(crate) credential: &'a str,
}

/// Which numbers were taken; either list may be missing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Subscriptions {
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) valid_tracking_numbers: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) invalid_tracking_numbers: Vec<String>,
}

// ---- Track Alert: events -----------------------------------------------------------------------------------------

/// An event as it is pushed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PushedEvent {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) local_activity_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) local_activity_time: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) activity_location: Option<Place>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) activity_status: Option<PushedStatus>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) scheduled_delivery_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) actual_delivery_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) gmt_activity_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) gmt_activity_time: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) gmt_offset: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) delivery_end_time: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) received_by: Option<String>,
}

/// The status of a pushed event; `descriptionCode` is in UPS's examples and not in its schema.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PushedStatus {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) description: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) description_code: Option<String>,
}
