//! The rules of what crosses a border: needed there, and refused where it is none.

use rust_decimal::Decimal;
use serde_json::Value;

use super::answer::Refusal;
use super::parties::payer;
use super::strict::{Checked, Field, Kind, ensure, shape};
use crate::carriers::read::{at, many, owned, present, text, texts};

const CUSTOMS: &[Field] = &[
    ("regulatoryControls", Kind::List),
    ("brokers", Kind::List),
    ("commercialInvoice", Kind::Object),
    ("freightOnValue", Kind::Text),
    ("dutiesPayment", Kind::Object),
    ("commodities", Kind::List),
    ("isDocumentOnly", Kind::Flag),
    ("recipientCustomsId", Kind::Object),
    ("customsOption", Kind::Object),
    ("importerOfRecord", Kind::Object),
    ("generatedDocumentLocale", Kind::Text),
    ("exportDetail", Kind::Object),
    ("totalCustomsValue", Kind::Object),
    ("partiesToTransactionAreRelated", Kind::Flag),
    ("declarationStatementDetail", Kind::Object),
    ("insuranceCharge", Kind::Object),
];
const COMMODITY: &[Field] = &[
    ("unitPrice", Kind::Object),
    ("additionalMeasures", Kind::List),
    ("numberOfPieces", Kind::Integer),
    ("quantity", Kind::Integer),
    ("quantityUnits", Kind::Text),
    ("customsValue", Kind::Object),
    ("countryOfManufacture", Kind::Text),
    ("cIMarksAndNumbers", Kind::Text),
    ("harmonizedCode", Kind::Text),
    ("description", Kind::Text),
    ("name", Kind::Text),
    ("weight", Kind::Object),
    ("exportLicenseNumber", Kind::Text),
    ("exportLicenseExpirationDate", Kind::Text),
    ("partNumber", Kind::Text),
    ("purpose", Kind::Text),
    ("usmcaDetail", Kind::Object),
];
const PURPOSES: [&str; 6] = [
    "GIFT",
    "NOT_SOLD",
    "PERSONAL_EFFECTS",
    "REPAIR_AND_RETURN",
    "SAMPLE",
    "SOLD",
];
const MOST_COMMODITIES: usize = 999;
const MOST_ON_AN_INVOICE: usize = 99;
const INVOICE: &str = "COMMERCIAL_INVOICE";

/// Refuses customs details that do not do, or that are missing or out of place.
pub(super) fn check_customs(shipment: &Value, abroad: bool, account: &str) -> Checked {
    let Some(customs) = at(shipment, "customsClearanceDetail") else {
        let message = "What crosses a border needs customs details";
        return ensure(!abroad, "CUSTOMSCLEARANCEDETAIL.REQUIRED", message);
    };
    ensure(
        abroad,
        "CUSTOMSCLEARANCEDETAIL.NOTALLOWED",
        "What crosses no border needs no customs details",
    )?;
    shape(customs, "customsClearanceDetail", CUSTOMS)?;
    let weighed = at(shipment, "totalWeight").is_some();
    ensure(
        weighed,
        "TOTALWEIGHT.REQUIRED",
        "What crosses a border needs its total weight",
    )?;
    let duties = at(customs, "dutiesPayment");
    // Duties are collected from a receiver who has no account.
    let collected =
        duties.is_some_and(|duties| text(duties, "paymentType") == Some("RECIPIENT") && at(duties, "payor").is_none());
    if !collected {
        payer(duties, "DUTIESPAYMENT", account)?;
    }
    check_invoice(customs)?;
    check_commodities(customs)?;
    check_documents(shipment, many(customs, "commodities").len())
}

/// Whether FedEx is to print the commercial invoice.
pub(super) fn wants_invoice(shipment: &Value) -> bool {
    texts(shipment, "shippingDocumentSpecification.shippingDocumentTypes")
        .iter()
        .any(|kind| kind == INVOICE)
}

fn check_invoice(customs: &Value) -> Checked {
    let Some(invoice) = at(customs, "commercialInvoice") else {
        return Ok(());
    };
    let purpose = text(invoice, "shipmentPurpose");
    ensure(
        purpose.is_none_or(|purpose| PURPOSES.contains(&purpose)),
        "SHIPMENTPURPOSE.INVALID",
        "The purpose is not known",
    )?;
    let terms = text(invoice, "termsOfSale");
    ensure(
        terms.is_none_or(|terms| terms.len() == 3),
        "TERMSOFSALE.INVALID",
        "Terms of sale have three letters",
    )
}

fn check_commodities(customs: &Value) -> Checked {
    let commodities = many(customs, "commodities");
    ensure(
        !commodities.is_empty(),
        "COMMODITIES.REQUIRED",
        "There are no commodities",
    )?;
    let few = commodities.len() <= MOST_COMMODITIES;
    ensure(few, "COMMODITIES.MAXEXCEEDED", "There are too many commodities")?;
    let mut sum = Decimal::ZERO;
    for commodity in commodities {
        sum += worth(commodity)?;
    }
    let total = amount(customs, "totalCustomsValue").filter(|total| *total >= sum);
    let total = total.filter(|_| text(customs, "totalCustomsValue.currency").is_some_and(|code| code.len() == 3));
    ensure(
        total.is_some(),
        "TOTALCUSTOMSVALUE.INVALID",
        "The total value is missing or less than the commodities'",
    )
}

/// A commodity's value, if the commodity is described as it must be.
fn worth(commodity: &Value) -> Result<Decimal, Refusal> {
    shape(commodity, "commodities", COMMODITY)?;
    let missing = |key: &str| Refusal::bad(format!("COMMODITY.{}.REQUIRED", key.to_uppercase()), "It is missing");
    for key in ["description", "countryOfManufacture", "quantityUnits"] {
        text(commodity, key).ok_or_else(|| missing(key))?;
    }
    let quantity = at(commodity, "quantity")
        .and_then(Value::as_i64)
        .filter(|quantity| *quantity > 0);
    let quantity = quantity.ok_or_else(|| missing("quantity"))?;
    let weight = decimal(commodity, "weight.value").filter(|weight| *weight > Decimal::ZERO);
    let unit = text(commodity, "weight.units").filter(|unit| matches!(*unit, "LB" | "KG"));
    weight.and(unit).ok_or_else(|| missing("weight"))?;
    let each = amount(commodity, "unitPrice").ok_or_else(|| missing("unitPrice"))?;
    let value = amount(commodity, "customsValue").ok_or_else(|| missing("customsValue"))?;
    let code = text(commodity, "harmonizedCode").map_or(6, str::len);
    ensure(
        (6..=14).contains(&code),
        "COMMODITY.HARMONIZEDCODE.INVALID",
        "It has an odd length",
    )?;
    ensure(
        (each * Decimal::from(quantity) - value).abs() <= Decimal::new(1, 2) * Decimal::from(quantity),
        "COMMODITY.CUSTOMSVALUE.INVALID",
        "The value is not the price times the quantity",
    )?;
    Ok(value)
}

fn check_documents(shipment: &Value, commodities: usize) -> Checked {
    if !wants_invoice(shipment) {
        return Ok(());
    }
    let format = "shippingDocumentSpecification.commercialInvoiceDetail.documentFormat";
    let formed = text(shipment, &format!("{format}.stockType")) == Some("PAPER_LETTER")
        && text(shipment, &format!("{format}.docType")) == Some("PDF");
    ensure(formed, "DOCUMENTFORMAT.INVALID", "An invoice is a PDF on paper")?;
    let purposed = present(shipment, "customsClearanceDetail.commercialInvoice.shipmentPurpose");
    ensure(purposed, "SHIPMENTPURPOSE.REQUIRED", "An invoice states its purpose")?;
    let few = commodities <= MOST_ON_AN_INVOICE;
    ensure(few, "COMMODITIES.MAXEXCEEDED", "An invoice has room for 99 commodities")
}

/// An amount that is a number and has a currency.
fn amount(value: &Value, key: &str) -> Option<Decimal> {
    let currency = owned(value, &format!("{key}.currency"));
    decimal(value, &format!("{key}.amount")).filter(|_| currency.len() == 3)
}

/// The number at a path.
pub(super) fn decimal(value: &Value, path: &str) -> Option<Decimal> {
    let Value::Number(number) = at(value, path)? else {
        return None;
    };
    let text = number.to_string();
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
}
