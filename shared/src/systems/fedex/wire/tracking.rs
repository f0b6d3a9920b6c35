//! What Track v1 takes and answers, by number, by reference and for a shipment of several packages, and what Advanced
//! Integrated Visibility pushes, which is told in the same words. Every field of an answer is optional and read
//! leniently.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lenient;

/// How deep an object is looked for in what is pushed.
const DEEP: usize = 12;

// ---- what is asked -----------------------------------------------------------------------------------------------

/// A question for some numbers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ByNumbers<'a> {
    pub(crate) include_detailed_scans: bool,
    pub(crate) tracking_info: Vec<Asked<'a>>,
}

/// A number, and within which days it was shipped.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked<'a> {
    pub(crate) tracking_number_info: AskedNumber<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ship_date_begin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ship_date_end: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AskedNumber<'a> {
    pub(crate) tracking_number: &'a str,
}

/// A question for a reference.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ByReference<'a> {
    pub(crate) include_detailed_scans: bool,
    pub(crate) references_information: Reference<'a>,
}

/// A reference of an account's shipments. The schema calls the last day `shipDateEndDate`, the sample beside it
/// `shipDateEnd`: it is sent under both names, for which of them is read is not said, and each of them is documented.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reference<'a> {
    pub(crate) value: &'a str,
    pub(crate) account_number: &'a str,
    pub(crate) ship_date_begin: String,
    pub(crate) ship_date_end: String,
    pub(crate) ship_date_end_date: String,
}

/// A question for all packages of a shipment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ByMaster<'a> {
    pub(crate) include_detailed_scans: bool,
    pub(crate) master_tracking_number_info: Asked<'a>,
    pub(crate) associated_type: &'static str,
}

// ---- what is answered --------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Output {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) complete_track_results: Vec<Complete>,
    /// A text, or a list of alerts.
    pub(crate) alerts: Value,
}

/// Everything that goes by one number: several results where FedEx has used it again.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Complete {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) track_results: Vec<TrackResult>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TrackResult {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) tracking_number_info: Option<NumberInfo>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) additional_tracking_info: Option<AdditionalInfo>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) latest_status_detail: Option<StatusDetail>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) date_and_times: Vec<DateAndTime>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) scan_events: Vec<Scan>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) package_details: Option<PackageDetails>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) delivery_details: Option<DeliveryDetails>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) estimated_delivery_time_window: Option<TimeWindow>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) standard_transit_time_window: Option<TimeWindow>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) error: Option<Fault>,
}

impl TrackResult {
    /// The number that it is about.
    pub(crate) fn number(&self) -> Option<&str> {
        self.tracking_number_info.as_ref()?.tracking_number.as_deref()
    }

    /// The fault that stands in the place of news.
    pub(crate) fn fault(&self) -> Option<(&str, &str)> {
        let fault = self.error.as_ref()?;
        let words = fault.message.as_deref().unwrap_or("no words given");
        Some((fault.code.as_deref()?, words))
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NumberInfo {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AdditionalInfo {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) package_identifiers: Vec<Identifier>,
}

/// A reference of a package, or the number of its shipment: `value` in the document, `values` in what was captured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Identifier {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) value: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) values: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StatusDetail {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) derived_code: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DateAndTime {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) date_time: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Scan {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) event_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) event_description: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) exception_description: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) derived_status_code: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) scan_location: Option<Place>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Place {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) city: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) state_or_province_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) country_code: Option<String>,
}

/// Which package of how many.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PackageDetails {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) sequence_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) count: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeliveryDetails {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) received_by_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) signed_by_name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TimeWindow {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) window: Option<TimeRange>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TimeRange {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) ends: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fault {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) message: Option<String>,
}

/// What stands under `output`; `None` where the body is no answer of Track. Invalid characters within texts do not make
/// it unreadable.
pub(crate) fn output(body: &[u8]) -> Option<Output> {
    let value: Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
    let output = value.get("output").filter(|output| output.is_object())?;
    serde_json::from_value(output.clone()).ok()
}

/// Every result in a body, wherever it stands in it, at most so many; `None` where the body is no JSON.
pub(crate) fn results(body: &str, most: usize) -> Option<Vec<TrackResult>> {
    let mut found = Vec::new();
    collect(serde_json::from_str(body).ok()?, DEEP, most, &mut found);
    Some(found)
}

fn collect(value: Value, deep: usize, most: usize, found: &mut Vec<TrackResult>) {
    if deep == 0 || found.len() >= most {
        return;
    }
    match value {
        Value::Object(fields) if fields.contains_key("trackingNumberInfo") => {
            found.extend(serde_json::from_value::<TrackResult>(Value::Object(fields)));
        }
        Value::Object(fields) => {
            for inner in fields.into_iter().map(|(_, inner)| inner) {
                collect(inner, deep - 1, most, found);
            }
        }
        Value::Array(items) => {
            for inner in items {
                collect(inner, deep - 1, most, found);
            }
        }
        _ => {}
    }
}
