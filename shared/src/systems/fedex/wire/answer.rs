//! Answers of Authorization, Ship, Rates and Address Validation, as far as they are read. Every field is optional and
//! read leniently: what matters is checked by `convert`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::lenient;

/// What stands under `output` of a JSON body; invalid characters within texts do not make it unreadable.
pub(crate) fn output<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let value: Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
    lenient::read_one(value.get("output")?.clone())
}

/// A JSON body that is an object itself.
pub(crate) fn bare<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let value: Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
    value.is_object().then(|| lenient::read_one(value)).flatten()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Token {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) access_token: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) expires_in: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Alert {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) message: Option<String>,
}

// ---- Ship --------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Ship {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) transaction_shipments: Vec<Shipment>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) alerts: Vec<Alert>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) job_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Shipment {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) master_tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) service_type: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) piece_responses: Vec<Piece>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) shipment_documents: Vec<Document>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) completed_shipment_detail: Option<Completed>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) alerts: Vec<Alert>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Piece {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) master_tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) package_sequence_number: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) package_documents: Vec<Document>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Document {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) content_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) doc_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) encoded_label: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Completed {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) master_tracking_id: Option<TrackingId>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) completed_package_details: Vec<CompletedPackage>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) shipment_rating: Option<Rating>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CompletedPackage {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) sequence_number: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) tracking_ids: Vec<TrackingId>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TrackingId {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_id_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Rating {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) actual_rate_type: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) shipment_rate_details: Vec<RateDetail>,
}

/// A price: Ship has its currency beside the amount, Rates within `shipmentRateDetail`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RateDetail {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) rate_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) currency: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) total_net_charge: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) total_net_fed_ex_charge: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) shipment_rate_detail: Option<CurrencyDetail>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CurrencyDetail {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) currency: Option<String>,
}

// ---- Cancel ------------------------------------------------------------------------------------------------------

/// What became of a cancellation; older answers say `successMessage` where newer ones say `message`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Cancelled {
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) cancelled_shipment: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) success_message: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) alerts: Vec<Alert>,
}

// ---- Rates -------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Rates {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) rate_reply_details: Vec<RateReply>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RateReply {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) service_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) service_name: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) rated_shipment_details: Vec<RateDetail>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) commit: Option<Commit>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) operational_detail: Option<Operational>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Commit {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) date_detail: Option<DateDetail>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) days_in_transit: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) transit_days: Option<TransitDays>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DateDetail {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) day_format: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TransitDays {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) minimum_transit_time: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Operational {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) delivery_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) commit_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) transit_time: Option<String>,
}

// ---- Address Validation ------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Addresses {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) resolved_addresses: Vec<ResolvedAddress>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ResolvedAddress {
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) street_lines_token: Vec<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) city: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) state_or_province_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) country_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) postal_code: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) parsed_postal_code: Option<PostalCode>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) classification: Option<String>,
    /// Truth values and texts by names that FedEx adds to.
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) attributes: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PostalCode {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) base: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) add_on: Option<String>,
}

impl ResolvedAddress {
    /// An attribute as a truth value, where it is there and is one.
    pub(crate) fn is(&self, attribute: &str) -> Option<bool> {
        self.attributes.as_ref()?.get(attribute).and_then(lenient::read_truth)
    }

    /// An attribute as a text.
    pub(crate) fn attribute(&self, attribute: &str) -> Option<&str> {
        self.attributes.as_ref()?.get(attribute)?.as_str()
    }
}
