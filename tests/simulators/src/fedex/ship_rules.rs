//! The rules of a ship request: what FedEx refuses, in the order in which it looks. Like FedEx, the first fault found
//! is the one told.
//!
//! Codes without a published form follow the style of those that have one.

use jiff::Span;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use super::answer::Refusal;
use super::customs::{check_customs, decimal};
use super::parties::{address_of, check_party, is_residential, payer};
use super::prices::{Load, Service, YOUR_PACKAGING, goes, is_ground, is_packaging, service_named};
use super::strict::{Checked, Field, Kind, ensure, is_account, shape};
use crate::carriers::places::Address;
use crate::carriers::read::{at, many, owned, text};

/// Packages that one answer can hold.
const MOST_SYNCHRONOUS: usize = 40;
/// Packages of a shipment at all.
const MOST_PACKAGES: usize = 300;

const ROOT: &[Field] = &[
    ("mergeLabelDocOption", Kind::Text),
    ("requestedShipment", Kind::Object),
    ("labelResponseOptions", Kind::Text),
    ("accountNumber", Kind::Object),
    ("shipAction", Kind::Text),
    ("processingOptionType", Kind::Text),
    ("oneLabelAtATime", Kind::Flag),
];
const SHIPMENT: &[Field] = &[
    ("shipDatestamp", Kind::Text),
    ("totalDeclaredValue", Kind::Object),
    ("shipper", Kind::Object),
    ("recipients", Kind::List),
    ("soldTo", Kind::Object),
    ("recipientLocationNumber", Kind::Text),
    ("pickupType", Kind::Text),
    ("serviceType", Kind::Text),
    ("packagingType", Kind::Text),
    ("totalWeight", Kind::Number),
    ("origin", Kind::Object),
    ("shippingChargesPayment", Kind::Object),
    ("shipmentSpecialServices", Kind::Object),
    ("emailNotificationDetail", Kind::Object),
    ("expressFreightDetail", Kind::Object),
    ("variableHandlingChargeDetail", Kind::Object),
    ("customsClearanceDetail", Kind::Object),
    ("smartPostInfoDetail", Kind::Object),
    ("blockInsightVisibility", Kind::Flag),
    ("labelSpecification", Kind::Object),
    ("shippingDocumentSpecification", Kind::Object),
    ("rateRequestType", Kind::List),
    ("preferredCurrency", Kind::Text),
    ("totalPackageCount", Kind::Integer),
    ("masterTrackingId", Kind::Object),
    ("requestedPackageLineItems", Kind::List),
];
const PACKAGE: &[Field] = &[
    ("sequenceNumber", Kind::Integer),
    ("subPackagingType", Kind::Text),
    ("customerReferences", Kind::List),
    ("declaredValue", Kind::Object),
    ("weight", Kind::Object),
    ("dimensions", Kind::Object),
    ("groupPackageCount", Kind::Integer),
    ("itemDescriptionForClearance", Kind::Text),
    ("contentRecord", Kind::List),
    ("itemDescription", Kind::Text),
    ("variableHandlingChargeDetail", Kind::Object),
    ("packageSpecialServices", Kind::Object),
];
const WEIGHT: &[Field] = &[("units", Kind::Text), ("value", Kind::Number)];
const DIMENSIONS: &[Field] = &[
    ("length", Kind::Number),
    ("width", Kind::Number),
    ("height", Kind::Number),
    ("units", Kind::Text),
];
const LABEL: &[Field] = &[
    ("labelFormatType", Kind::Text),
    ("labelOrder", Kind::Text),
    ("customerSpecifiedDetail", Kind::Object),
    ("printedLabelOrigin", Kind::Object),
    ("labelStockType", Kind::Text),
    ("labelRotation", Kind::Text),
    ("imageType", Kind::Text),
    ("labelPrintingOrientation", Kind::Text),
    ("returnedDispositionDetail", Kind::Text),
    ("resolution", Kind::Integer),
];
const REFERENCE: &[Field] = &[("customerReferenceType", Kind::Text), ("value", Kind::Text)];
const REFERENCE_TYPES: [&str; 6] = [
    "CUSTOMER_REFERENCE",
    "DEPARTMENT_NUMBER",
    "INVOICE_NUMBER",
    "P_O_NUMBER",
    "INTRACOUNTRY_REGULATORY_REFERENCE",
    "RMA_ASSOCIATION",
];
const PAPER: [&str; 8] = [
    "PAPER_4X6",
    "PAPER_4X675",
    "PAPER_4X8",
    "PAPER_4X9",
    "PAPER_7X475",
    "PAPER_85X11_BOTTOM_HALF_LABEL",
    "PAPER_85X11_TOP_HALF_LABEL",
    "PAPER_LETTER",
];
const STOCK: [&str; 10] = [
    "STOCK_4X6",
    "STOCK_4X675",
    "STOCK_4X675_LEADING_DOC_TAB",
    "STOCK_4X675_TRAILING_DOC_TAB",
    "STOCK_4X8",
    "STOCK_4X9",
    "STOCK_4X9_LEADING_DOC_TAB",
    "STOCK_4X9_TRAILING_DOC_TAB",
    "STOCK_4X85_TRAILING_DOC_TAB",
    "STOCK_4X105_TRAILING_DOC_TAB",
];

/// The parts of a request that its rules and its booking need.
pub(super) struct Draft<'a> {
    pub(super) shipment: &'a Value,
    pub(super) account: String,
    pub(super) billed_to: String,
    pub(super) service: &'static Service,
    pub(super) origin: Address,
    pub(super) destination: Address,
    pub(super) recipient: &'a Value,
    /// Every package, an item for several as often as it stands for.
    pub(super) packages: Vec<&'a Value>,
    pub(super) ship_date: Date,
}

impl<'a> Draft<'a> {
    /// The parts of a request that passes every rule.
    pub(super) fn of(body: &'a Value, today: Date) -> Result<Self, Refusal> {
        shape(body, "body", ROOT)?;
        let account = account_of(body)?;
        let shipment = at(body, "requestedShipment");
        let shipment = shipment.ok_or_else(|| required("requestedShipment"))?;
        shape(shipment, "requestedShipment", SHIPMENT)?;
        let recipient = check_parties(shipment)?;
        let service = check_service(shipment, recipient)?;
        let origin = at(shipment, "origin.address").or(at(shipment, "shipper.address"));
        let billed_to = check_payment(shipment, service, &account)?;
        let draft = Self {
            shipment,
            billed_to,
            service,
            origin: origin.map(address_of).unwrap_or_default(),
            destination: at(recipient, "address").map(address_of).unwrap_or_default(),
            recipient,
            packages: packages_of(shipment)?,
            ship_date: ship_date(shipment, today)?,
            account,
        };
        draft.check()?;
        Ok(draft)
    }

    /// Whether it crosses a border: Puerto Rico lies beyond one.
    fn is_abroad(&self) -> bool {
        self.origin.territory() != self.destination.territory()
    }

    pub(super) fn is_residential(&self) -> bool {
        is_residential(self.recipient)
    }

    fn check(&self) -> Checked {
        ensure(
            goes(self.service, &self.origin, &self.destination),
            "SERVICETYPE.NOTAVAILABLE",
            "The service does not go there",
        )?;
        check_label(self.shipment)?;
        for package in many(self.shipment, "requestedPackageLineItems") {
            check_package(package, self.service, &self.origin)?;
        }
        self.check_counts()?;
        check_customs(self.shipment, self.is_abroad(), &self.account)
    }

    fn check_counts(&self) -> Checked {
        let systems: Vec<_> = self
            .packages
            .iter()
            .map(|package| text(package, "weight.units"))
            .collect();
        let same = systems.iter().all(|system| Some(system) == systems.first());
        ensure(same, "PACKAGE.WEIGHT.UNITS.INVALID", "Units of weight are mixed")?;
        let said = at(self.shipment, "totalPackageCount").and_then(Value::as_u64);
        let said = said.and_then(|said| usize::try_from(said).ok());
        ensure(
            said.is_none_or(|said| said == self.packages.len()),
            "TOTALPACKAGECOUNT.MISMATCH",
            "There are more or fewer packages than it says",
        )?;
        let alone = self.service.code != "SMART_POST" || self.packages.len() == 1;
        ensure(
            alone,
            "PACKAGECOUNT.INVALID",
            "Ground Economy takes one package at a time",
        )
    }
}

/// Refuses what only the create call has: how it answers and how it works.
pub(super) fn check_processing(body: &Value, packages: usize) -> Result<Processing, Refusal> {
    match text(body, "labelResponseOptions") {
        Some("LABEL" | "URL_ONLY") => {}
        Some(_) => return Err(invalid("labelResponseOptions")),
        None => return Err(required("labelResponseOptions")),
    }
    if !matches!(text(body, "mergeLabelDocOption"), None | Some("NONE")) {
        return Err(invalid("mergeLabelDocOption"));
    }
    if !matches!(text(body, "shipAction"), None | Some("CONFIRM")) {
        return Err(invalid("shipAction"));
    }
    if at(body, "oneLabelAtATime").and_then(Value::as_bool) == Some(true) {
        return Err(invalid("oneLabelAtATime"));
    }
    let may_wait = match text(body, "processingOptionType") {
        None | Some("SYNCHRONOUS_ONLY") => false,
        Some("ALLOW_ASYNCHRONOUS") => true,
        Some(_) => return Err(invalid("processingOptionType")),
    };
    let most = if may_wait { MOST_PACKAGES } else { MOST_SYNCHRONOUS };
    ensure(
        packages <= most,
        "PACKAGECOUNT.MAXEXCEEDED",
        format!("More than {most} packages"),
    )?;
    Ok(Processing {
        by_link: text(body, "labelResponseOptions") == Some("URL_ONLY"),
        may_wait,
        too_many_to_wait: packages > MOST_SYNCHRONOUS,
    })
}

/// How the create call is to be answered.
pub(super) struct Processing {
    /// Documents come as links.
    pub(super) by_link: bool,
    /// It may be answered with a job.
    pub(super) may_wait: bool,
    /// It must be.
    pub(super) too_many_to_wait: bool,
}

fn required(field: &str) -> Refusal {
    Refusal::bad(
        format!("{}.REQUIRED", field.to_uppercase()),
        format!("{field} is missing"),
    )
}

fn invalid(field: &str) -> Refusal {
    Refusal::bad(
        format!("{}.INVALID", field.to_uppercase()),
        format!("{field} is not known or not possible"),
    )
}

/// The account in a request.
pub(super) fn account_of(body: &Value) -> Result<String, Refusal> {
    let account = owned(body, "accountNumber.value");
    ensure(
        is_account(&account),
        "ACCOUNTNUMBER.REGISTRATION.REQUIRED",
        "An account number of nine digits is needed",
    )?;
    Ok(account)
}

/// The one recipient, if shipper and recipient can be such.
fn check_parties(shipment: &Value) -> Result<&Value, Refusal> {
    let shipper = at(shipment, "shipper").ok_or_else(|| required("shipper"))?;
    check_party(shipper, "SHIPPER", "requestedShipment.shipper")?;
    let recipients = many(shipment, "recipients");
    let [recipient] = recipients.as_slice() else {
        return Err(Refusal::bad("RECIPIENTS.COUNT.INVALID", "There must be one recipient"));
    };
    check_party(recipient, "RECIPIENT", "requestedShipment.recipients[0]")?;
    Ok(*recipient)
}

fn check_service(shipment: &Value, recipient: &Value) -> Result<&'static Service, Refusal> {
    let name = text(shipment, "serviceType").ok_or_else(|| required("serviceType"))?;
    let service = service_named(name).ok_or_else(|| invalid("serviceType"))?;
    let packaging = text(shipment, "packagingType").ok_or_else(|| required("packagingType"))?;
    let fits = is_packaging(packaging) && (packaging == YOUR_PACKAGING || !is_ground(service));
    ensure(
        fits,
        "PACKAGINGTYPE.INVALID",
        "The packaging is not known or not one of the service",
    )?;
    match text(shipment, "pickupType") {
        Some("CONTACT_FEDEX_TO_SCHEDULE" | "DROPOFF_AT_FEDEX_LOCATION" | "USE_SCHEDULED_PICKUP") => {}
        Some(_) => return Err(invalid("pickupType")),
        None => return Err(required("pickupType")),
    }
    ensure(
        service.code != "GROUND_HOME_DELIVERY" || is_residential(recipient),
        "RECIPIENT.RESIDENTIAL.REQUIRED",
        "Home Delivery goes to homes only",
    )?;
    let told = text(shipment, "smartPostInfoDetail.hubId").and(text(shipment, "smartPostInfoDetail.indicia"));
    ensure(
        service.code != "SMART_POST" || told.is_some(),
        "SMARTPOSTINFODETAIL.REQUIRED",
        "Ground Economy needs its hub and indicia",
    )?;
    Ok(service)
}

fn check_payment(shipment: &Value, service: &Service, account: &str) -> Result<String, Refusal> {
    let payment = at(shipment, "shippingChargesPayment");
    let payer = payer(payment, "SHIPPINGCHARGESPAYMENT", account)?;
    let collect = text(shipment, "shippingChargesPayment.paymentType") == Some("COLLECT");
    ensure(
        !collect || is_ground(service),
        "PAYMENTTYPE.INVALID",
        "Only Ground is collected from the recipient",
    )?;
    Ok(payer)
}

fn ship_date(shipment: &Value, today: Date) -> Result<Date, Refusal> {
    let Some(sent) = text(shipment, "shipDatestamp") else {
        return Ok(today);
    };
    let date = Date::strptime("%Y-%m-%d", sent).map_err(|_| invalid("shipDatestamp"))?;
    if date > today.saturating_add(Span::new().days(10)) {
        return Err(invalid("shipDatestamp"));
    }
    // A day that has passed silently becomes today.
    Ok(date.max(today))
}

fn check_label(shipment: &Value) -> Checked {
    let label = at(shipment, "labelSpecification").ok_or_else(|| required("labelSpecification"))?;
    shape(label, "labelSpecification", LABEL)?;
    let image = text(label, "imageType").ok_or_else(|| required("imageType"))?;
    let stock = text(label, "labelStockType").ok_or_else(|| required("labelStockType"))?;
    let fits = match image {
        "PDF" | "PNG" => PAPER.contains(&stock),
        "ZPLII" | "EPL2" => STOCK.contains(&stock),
        _ => return Err(invalid("imageType")),
    };
    ensure(
        fits,
        "LABELSTOCKTYPE.INVALID",
        "The stock is not one for that kind of image",
    )?;
    let format = text(label, "labelFormatType");
    if !matches!(format, None | Some("COMMON2D" | "LABEL_DATA_ONLY")) {
        return Err(invalid("labelFormatType"));
    }
    match at(label, "resolution").map(Value::as_i64) {
        None | Some(Some(203)) => Ok(()),
        Some(Some(300)) if image == "ZPLII" => Ok(()),
        Some(_) => Err(invalid("resolution")),
    }
}

/// Every package: an item with a count stands for so many alike.
pub(super) fn packages_of(shipment: &Value) -> Result<Vec<&Value>, Refusal> {
    let items = many(shipment, "requestedPackageLineItems");
    if items.is_empty() {
        return Err(required("requestedPackageLineItems"));
    }
    let mut packages = Vec::new();
    for item in items {
        let count = count_of(item)?;
        packages.extend(std::iter::repeat_n(item, count));
    }
    Ok(packages)
}

/// How many packages an item stands for.
fn count_of(item: &Value) -> Result<usize, Refusal> {
    let Some(count) = at(item, "groupPackageCount") else {
        return Ok(1);
    };
    if !count.is_i64() && !count.is_u64() {
        return Err(Refusal::unreadable("requestedPackageLineItems.groupPackageCount"));
    }
    let count = count.as_u64().and_then(|count| usize::try_from(count).ok());
    count
        .filter(|count| (1..=999).contains(count))
        .ok_or_else(|| invalid("groupPackageCount"))
}

fn check_package(package: &Value, service: &Service, origin: &Address) -> Checked {
    shape(package, "requestedPackageLineItems", PACKAGE)?;
    check_size(package)?;
    let longest = if is_ground(service) { 30 } else { 40 };
    for reference in many(package, "customerReferences") {
        check_reference(reference, longest, origin)?;
    }
    Ok(())
}

fn check_reference(reference: &Value, longest: usize, origin: &Address) -> Checked {
    shape(reference, "customerReferences", REFERENCE)?;
    let kind = text(reference, "customerReferenceType").unwrap_or_default();
    let known =
        REFERENCE_TYPES.contains(&kind) && (kind != "INTRACOUNTRY_REGULATORY_REFERENCE" || origin.country == "BR");
    ensure(
        known,
        "CUSTOMERREFERENCETYPE.INVALID",
        "The type of reference is not known",
    )?;
    let value = text(reference, "value").ok_or_else(|| required("customerReferences.value"))?;
    let longest = match kind {
        "CUSTOMER_REFERENCE" => longest,
        "RMA_ASSOCIATION" => 20,
        _ => 30,
    };
    ensure(
        value.chars().count() <= longest,
        "CUSTOMERREFERENCE.MAXCHAREXCEEDED",
        format!("A reference of that type has at most {longest} characters"),
    )
}

/// Refuses a weight or a size that FedEx does not carry.
pub(super) fn check_size(package: &Value) -> Checked {
    let weight = at(package, "weight").ok_or_else(|| required("weight"))?;
    shape(weight, "weight", WEIGHT)?;
    ensure(
        matches!(text(weight, "units"), Some("LB" | "KG")),
        "PACKAGE.WEIGHT.UNITS.INVALID",
        "Weights are in LB or KG",
    )?;
    if let Some(dimensions) = at(package, "dimensions") {
        shape(dimensions, "dimensions", DIMENSIONS)?;
        let whole = |side: &&str| {
            at(dimensions, side)
                .and_then(Value::as_i64)
                .is_some_and(|side| (1..=999).contains(&side))
        };
        let sized = ["length", "width", "height"].iter().all(whole);
        let units = matches!(text(dimensions, "units"), Some("IN" | "CM"));
        ensure(
            sized && units,
            "PACKAGE.DIMENSION.ERROR",
            "Dimensions are whole numbers from 1 to 999, in IN or CM",
        )?;
    }
    let load = load_of(package);
    ensure(
        load.pounds > Decimal::ZERO,
        "PACKAGE.WEIGHT.INVALID",
        "A package weighs something",
    )?;
    let light = load.pounds <= Decimal::from(150);
    ensure(
        light,
        "PACKAGE.WEIGHT.MAXEXCEEDED",
        "A package weighs no more than 150 pounds",
    )?;
    let [longest, middle, shortest] = load.inches;
    let girth = longest + (middle + shortest) * Decimal::TWO;
    ensure(
        longest <= Decimal::from(119) && girth <= Decimal::from(165),
        "PACKAGE.DIMENSION.ERROR",
        "The package is too long or too big around",
    )
}

/// A package's weight in pounds and its sides in inches.
pub(super) fn load_of(package: &Value) -> Load {
    let weight = decimal(package, "weight.value").unwrap_or_default();
    let pounds = if text(package, "weight.units") == Some("KG") {
        (weight * Decimal::new(220_462, 5)).round_dp(2)
    } else {
        weight
    };
    let metric = text(package, "dimensions.units") == Some("CM");
    let mut inches = ["length", "width", "height"].map(|side| {
        let size = decimal(package, &format!("dimensions.{side}")).unwrap_or_default();
        if metric {
            (size / Decimal::new(254, 2)).round_dp(2)
        } else {
            size
        }
    });
    inches.sort_by(|one, other| other.cmp(one));
    Load { pounds, inches }
}
