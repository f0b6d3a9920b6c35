//! Requests of Address Validation v2, Rating v2409, Shipping v2409, Label Recovery v1903 and Quantum View v3.

use serde::Serialize;

/// A tag whose presence is its meaning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag;

impl Serialize for Tag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}

/// A code without its description.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Code {
    pub(crate) code: String,
}

impl Code {
    pub(crate) fn new(code: impl Into<String>) -> Self {
        Self { code: code.into() }
    }
}

/// A code with the description that Rating requires beside it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described {
    pub(crate) code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Request {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_option: Option<&'static str>,
    pub(crate) sub_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transaction_reference: Option<TransactionReference>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TransactionReference {
    pub(crate) customer_context: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Phone {
    pub(crate) number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extension: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Address {
    pub(crate) address_line: Vec<String>,
    pub(crate) city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_province_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postal_code: Option<String>,
    pub(crate) country_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) residential_address_indicator: Option<Tag>,
}

/// Shipper, receiver, place of departure and buyer alike.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Party {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attention_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<Phone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipper_number: Option<String>,
    pub(crate) address: Address,
}

// ---- who pays ----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Payment {
    pub(crate) shipment_charge: Vec<ShipmentCharge>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ShipmentCharge {
    pub(crate) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bill_shipper: Option<BillShipper>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bill_receiver: Option<BillOther>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bill_third_party: Option<BillOther>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BillShipper {
    pub(crate) account_number: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BillOther {
    pub(crate) account_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<PayerAddress>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PayerAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) country_code: Option<String>,
}

// ---- parcels -----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Dimensions {
    pub(crate) unit_of_measurement: Described,
    pub(crate) length: String,
    pub(crate) width: String,
    pub(crate) height: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Weight {
    pub(crate) unit_of_measurement: Described,
    pub(crate) weight: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reference {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    pub(crate) value: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Monetary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency_code: Option<String>,
    pub(crate) monetary_value: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RatingOptions {
    pub(crate) negotiated_rates_indicator: Tag,
}

// ---- Shipping ----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ShipBody {
    pub(crate) shipment_request: Ship,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Ship {
    pub(crate) request: Request,
    pub(crate) shipment: Shipment,
    pub(crate) label_specification: LabelSpecification,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Shipment {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) shipper: Party,
    pub(crate) ship_to: Party,
    pub(crate) ship_from: Party,
    pub(crate) payment_information: Payment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipment_rating_options: Option<RatingOptions>,
    pub(crate) service: Code,
    pub(crate) shipment_date: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reference_number: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) invoice_line_total: Option<Monetary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipment_service_options: Option<ServiceOptions>,
    pub(crate) package: Vec<Package>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Package {
    pub(crate) packaging: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dimensions: Option<Dimensions>,
    pub(crate) package_weight: Weight,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reference_number: Vec<Reference>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LabelSpecification {
    #[serde(rename = "HTTPUserAgent", skip_serializing_if = "Option::is_none")]
    pub(crate) http_user_agent: Option<&'static str>,
    pub(crate) label_image_format: Code,
    pub(crate) label_stock_size: StockSize,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StockSize {
    pub(crate) height: &'static str,
    pub(crate) width: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ServiceOptions {
    pub(crate) international_forms: InternationalForms,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InternationalForms {
    pub(crate) form_type: Vec<&'static str>,
    pub(crate) invoice_number: String,
    pub(crate) invoice_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) purchase_order_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) terms_of_shipment: Option<String>,
    pub(crate) reason_for_export: String,
    pub(crate) currency_code: String,
    pub(crate) contacts: Contacts,
    pub(crate) product: Vec<Product>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Contacts {
    pub(crate) sold_to: Party,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Product {
    pub(crate) description: Vec<String>,
    pub(crate) unit: Unit,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commodity_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) part_number: Option<String>,
    pub(crate) origin_country_code: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Unit {
    pub(crate) number: String,
    pub(crate) unit_of_measurement: Code,
    pub(crate) value: String,
}

// ---- Rating ------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RateBody {
    pub(crate) rate_request: Rate,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rate {
    pub(crate) request: Request,
    pub(crate) pickup_type: Code,
    pub(crate) customer_classification: Code,
    pub(crate) shipment: RatedShipment,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RatedShipment {
    pub(crate) shipper: Party,
    pub(crate) ship_to: Party,
    pub(crate) ship_from: Party,
    pub(crate) payment_details: Payment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipment_rating_options: Option<RatingOptions>,
    pub(crate) shipment_total_weight: Weight,
    pub(crate) delivery_time_information: DeliveryTime,
    pub(crate) package: Vec<RatedPackage>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeliveryTime {
    pub(crate) package_bill_type: &'static str,
    pub(crate) pickup: Pickup,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Pickup {
    pub(crate) date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RatedPackage {
    pub(crate) packaging_type: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dimensions: Option<Dimensions>,
    pub(crate) package_weight: Weight,
}

// ---- Address Validation ------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
pub(crate) struct AddressBody {
    #[serde(rename = "XAVRequest")]
    pub(crate) request: AddressRequest,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AddressRequest {
    pub(crate) address_key_format: AddressKey,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AddressKey {
    pub(crate) address_line: Vec<String>,
    pub(crate) political_division2: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) political_division1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postcode_primary_low: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postcode_extended_low: Option<String>,
    pub(crate) country_code: String,
}

// ---- Label Recovery ----------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RecoveryBody {
    pub(crate) label_recovery_request: Recovery,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Recovery {
    pub(crate) request: Request,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label_specification: Option<LabelSpecification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracking_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_values: Option<ReferenceValues>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReferenceValues {
    pub(crate) reference_number: ReferenceValue,
    pub(crate) shipper_number: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReferenceValue {
    pub(crate) value: String,
}

// ---- Quantum View ------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QuantumViewBody {
    pub(crate) quantum_view_request: QuantumView,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QuantumView {
    pub(crate) request: QuantumViewHead,
    pub(crate) subscription_request: Vec<SubscriptionRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bookmark: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QuantumViewHead {
    pub(crate) transaction_reference: TransactionReference,
    pub(crate) request_action: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SubscriptionRequest {
    pub(crate) name: String,
    pub(crate) date_time_range: DateTimeRange,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DateTimeRange {
    pub(crate) begin_date_time: String,
    pub(crate) end_date_time: String,
}
