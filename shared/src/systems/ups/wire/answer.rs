//! Answers, as far as they are read. Every field is optional and read leniently: what matters is checked by `convert`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::lenient;

/// The object under the key `root` of a JSON body; invalid characters within texts do not make it unreadable.
pub(crate) fn body<T: DeserializeOwned>(body: &[u8], root: &str) -> Option<T> {
    let value: Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
    lenient::read_one(value.get(root)?.clone())
}

/// A JSON body that is an object itself.
pub(crate) fn bare<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    object(serde_json::from_str(&String::from_utf8_lossy(body)).ok()?)
}

/// The objects of a JSON text that is one, or a list of them; `None` where it is neither.
pub(crate) fn objects(text: &str) -> Option<Vec<Value>> {
    match serde_json::from_str(text).ok()? {
        Value::Array(items) => Some(items),
        one @ Value::Object(_) => Some(vec![one]),
        _ => None,
    }
}

/// One of these objects; whatever else it is, is none.
pub(crate) fn object<T: DeserializeOwned>(value: Value) -> Option<T> {
    value.is_object().then(|| lenient::read_one(value)).flatten()
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Coded {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) description: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Charge {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) currency_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) monetary_value: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NegotiatedCharges {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) total_charge: Option<Charge>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Response {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) alert: Vec<Coded>,
}

// ---- OAuth -------------------------------------------------------------------------------------------------------

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Token {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) access_token: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) expires_in: Option<String>,
}

// ---- Shipping ----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Ship {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) response: Option<Response>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) shipment_results: Option<ShipmentResults>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ShipmentResults {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_identification_number: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) package_results: Vec<PackageResult>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) shipment_charges: Option<ShipmentCharges>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) negotiated_rate_charges: Option<NegotiatedCharges>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) form: Vec<Form>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) control_log_receipt: Vec<Image>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ShipmentCharges {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) total_charges: Option<Charge>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PackageResult {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) shipping_label: Option<Image>,
}

/// A label or paper; Shipping says `ImageFormat` where Label Recovery says `LabelImageFormat`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Image {
    #[serde(deserialize_with = "lenient::one", alias = "LabelImageFormat")]
    pub(crate) image_format: Option<Coded>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) graphic_image: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Form {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) image: Option<Image>,
}

// ---- Void --------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Void {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) summary_result: Option<VoidStatus>,
    #[serde(deserialize_with = "lenient::many", alias = "PackageLevelResult")]
    pub(crate) package_level_results: Vec<PackageVoid>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct VoidStatus {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) status: Option<Coded>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PackageVoid {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) status: Option<Coded>,
}

// ---- Label Recovery ----------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Recovery {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_identification_number: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) label_results: Vec<LabelResult>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) tracking_candidate: Vec<TrackingCandidate>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct LabelResult {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) label_image: Option<Image>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TrackingCandidate {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
}

// ---- Rating ------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Rate {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) rated_shipment: Vec<RatedShipment>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RatedShipment {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) service: Option<Coded>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) total_charges: Option<Charge>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) negotiated_rate_charges: Option<NegotiatedCharges>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) time_in_transit: Option<TimeInTransit>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) guaranteed_delivery: Option<GuaranteedDelivery>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct GuaranteedDelivery {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) scheduled_delivery_date: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TimeInTransit {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) service_summary: Option<ServiceSummary>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ServiceSummary {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) estimated_arrival: Option<EstimatedArrival>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct EstimatedArrival {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) arrival: Option<Arrival>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Arrival {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) date: Option<String>,
}

// ---- Address Validation ------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AddressAnswer {
    #[serde(deserialize_with = "lenient::present")]
    pub(crate) valid_address_indicator: bool,
    #[serde(deserialize_with = "lenient::present")]
    pub(crate) ambiguous_address_indicator: bool,
    #[serde(deserialize_with = "lenient::present")]
    pub(crate) no_candidates_indicator: bool,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) address_classification: Option<Coded>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) candidate: Vec<Candidate>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Candidate {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) address_classification: Option<Coded>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) address_key_format: Option<AddressKey>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AddressKey {
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) address_line: Vec<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) political_division2: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) political_division1: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) postcode_primary_low: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) postcode_extended_low: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) country_code: Option<String>,
}

// ---- Quantum View ------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct QuantumView {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) response: Option<QuantumViewResponse>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) quantum_view_events: Option<QuantumViewEvents>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) bookmark: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct QuantumViewResponse {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) response_status_code: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) error: Vec<QuantumViewError>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct QuantumViewError {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) error_severity: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) error_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) error_description: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) minimum_retry_seconds: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct QuantumViewEvents {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) subscription_events: Vec<SubscriptionEvents>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SubscriptionEvents {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) subscription_file: Vec<SubscriptionFile>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SubscriptionFile {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) file_name: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) manifest: Vec<Manifest>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) origin: Vec<Scan>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) exception: Vec<Scan>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) delivery: Vec<Scan>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) generic: Vec<Generic>,
}

/// An origin scan, an exception or a delivery, as far as they are alike.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Scan {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) time: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) reason_code: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Manifest {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) reference_number: Vec<ReferenceNumber>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) pickup_date: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) package: Vec<ManifestPackage>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) lead_shipment_tracking_number: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ManifestPackage {
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) activity: Vec<DatedActivity>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) reference_number: Vec<ReferenceNumber>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ReferenceNumber {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) value: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct DatedActivity {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) time: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Generic {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) activity_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) shipment_reference_number: Vec<ReferenceNumber>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) package_reference_number: Vec<ReferenceNumber>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) activity: Option<DatedActivity>,
}
