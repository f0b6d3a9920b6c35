//! Requests of Ship v1, Rates and Transit Times v1 and Address Validation v1.

use serde::Serialize;
use serde_json::Number;

/// An account, wrapped as FedEx wants it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AccountNumber {
    pub(crate) value: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Money {
    pub(crate) amount: Number,
    pub(crate) currency: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Weight {
    pub(crate) units: &'static str,
    pub(crate) value: Number,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Dimensions {
    pub(crate) length: u16,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) units: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reference {
    pub(crate) customer_reference_type: &'static str,
    pub(crate) value: String,
}

// ---- parties -----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Party {
    pub(crate) contact: Contact,
    pub(crate) address: Address,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contact {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) person_name: Option<String>,
    pub(crate) company_name: String,
    pub(crate) phone_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone_extension: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email_address: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Address {
    pub(crate) street_lines: Vec<String>,
    pub(crate) city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_or_province_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postal_code: Option<String>,
    pub(crate) country_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) residential: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    pub(crate) payment_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payor: Option<Payor>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payor {
    pub(crate) responsible_party: ResponsibleParty,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResponsibleParty {
    pub(crate) account_number: AccountNumber,
}

// ---- Ship --------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ship {
    pub(crate) label_response_options: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) processing_option_type: Option<&'static str>,
    pub(crate) account_number: AccountNumber,
    pub(crate) requested_shipment: RequestedShipment,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestedShipment {
    pub(crate) shipper: Party,
    pub(crate) recipients: Vec<Party>,
    pub(crate) ship_datestamp: String,
    pub(crate) service_type: String,
    pub(crate) packaging_type: String,
    pub(crate) pickup_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_weight: Option<Number>,
    pub(crate) shipping_charges_payment: Payment,
    pub(crate) label_specification: LabelSpecification,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smart_post_info_detail: Option<SmartPost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customs_clearance_detail: Option<CustomsClearance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipping_document_specification: Option<ShippingDocuments>,
    pub(crate) requested_package_line_items: Vec<Package>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LabelSpecification {
    pub(crate) image_type: &'static str,
    pub(crate) label_stock_type: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SmartPost {
    pub(crate) hub_id: String,
    pub(crate) indicia: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Package {
    pub(crate) sequence_number: usize,
    pub(crate) group_package_count: u8,
    pub(crate) weight: Weight,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dimensions: Option<Dimensions>,
    pub(crate) customer_references: Vec<Reference>,
}

// ---- papers ------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomsClearance {
    pub(crate) duties_payment: Payment,
    pub(crate) is_document_only: bool,
    pub(crate) total_customs_value: Money,
    pub(crate) commercial_invoice: CommercialInvoice,
    pub(crate) commodities: Vec<Commodity>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommercialInvoice {
    pub(crate) shipment_purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) terms_of_sale: Option<String>,
    pub(crate) customer_references: Vec<Reference>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Commodity {
    pub(crate) description: String,
    pub(crate) country_of_manufacture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) harmonized_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) part_number: Option<String>,
    pub(crate) number_of_pieces: u32,
    pub(crate) quantity: u32,
    pub(crate) quantity_units: &'static str,
    pub(crate) unit_price: Money,
    pub(crate) customs_value: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<Weight>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShippingDocuments {
    pub(crate) shipping_document_types: Vec<&'static str>,
    pub(crate) commercial_invoice_detail: CommercialInvoiceDetail,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommercialInvoiceDetail {
    pub(crate) document_format: DocumentFormat,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DocumentFormat {
    pub(crate) stock_type: &'static str,
    pub(crate) doc_type: &'static str,
}

// ---- results and cancellation ------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Results {
    pub(crate) account_number: AccountNumber,
    pub(crate) job_id: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancel {
    pub(crate) account_number: AccountNumber,
    pub(crate) tracking_number: String,
    pub(crate) sender_country_code: String,
    pub(crate) deletion_control: &'static str,
}

// ---- Rates -------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rate {
    pub(crate) account_number: AccountNumber,
    pub(crate) rate_request_control_parameters: RateControl,
    pub(crate) requested_shipment: RatedShipment,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RateControl {
    pub(crate) return_transit_times: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RatedShipment {
    pub(crate) shipper: Place,
    pub(crate) recipient: Place,
    pub(crate) ship_date_stamp: String,
    pub(crate) pickup_type: String,
    pub(crate) packaging_type: String,
    pub(crate) rate_request_type: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_weight: Option<Number>,
    pub(crate) total_package_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smart_post_info_detail: Option<SmartPost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customs_clearance_detail: Option<RatedCustoms>,
    pub(crate) requested_package_line_items: Vec<RatedPackage>,
}

/// What is priced across a border: Rates knows less of customs than Ship.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RatedCustoms {
    pub(crate) commodities: Vec<Commodity>,
}

/// Where a parcel is priced from or to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Place {
    pub(crate) address: RatedAddress,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RatedAddress {
    pub(crate) city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_or_province_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postal_code: Option<String>,
    pub(crate) country_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) residential: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RatedPackage {
    pub(crate) group_package_count: u8,
    pub(crate) weight: Weight,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dimensions: Option<Dimensions>,
}

// ---- Address Validation ------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Validate {
    pub(crate) addresses_to_validate: Vec<AddressToValidate>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct AddressToValidate {
    pub(crate) address: ValidatedAddress,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValidatedAddress {
    pub(crate) street_lines: Vec<String>,
    pub(crate) city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_or_province_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postal_code: Option<String>,
    pub(crate) country_code: String,
}
