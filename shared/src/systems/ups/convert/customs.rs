//! Papers across a border: the commercial invoice and the invoice's total.

use rust_decimal::Decimal;

use super::party::{Contact, Role, party};
use super::{day, refuse};
use crate::domain::{Address, ConsignmentLine, Customs, Refusal, ShipmentRequest};
use crate::systems::lines::fit;
use crate::systems::ups::wire::request::{Code, Contacts, InternationalForms, Monetary, Product, ServiceOptions, Unit};

const DESCRIPTION: usize = 50;
const PRODUCT_LINE: usize = 35;
const PRODUCT_LINES: usize = 3;
const REFERENCE: usize = 35;
const REASON: usize = 20;
const QUANTITY: usize = 7;

const TERMS: [&str; 13] = [
    "CFR", "CIF", "CIP", "CPT", "DAF", "DDP", "DAP", "DEQ", "DES", "EXW", "FAS", "FCA", "FOB",
];

const EUROPEAN_UNION: [&str; 27] = [
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU", "MT",
    "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE",
];

const UNITED_STATES: [&str; 2] = ["US", "PR"];

/// Which border a shipment crosses, as far as its papers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    /// None.
    Domestic,
    /// Between states without customs between them.
    WithoutCustoms,
    /// A customs border.
    Customs,
}

pub(super) fn border(from: &Address, to: &Address) -> Border {
    let both_in = |union: &[&str]| {
        [from, to]
            .iter()
            .all(|address| union.contains(&address.country.as_str()))
    };
    if from.is_domestic_to(to) {
        Border::Domestic
    } else if both_in(&EUROPEAN_UNION) || both_in(&UNITED_STATES) {
        Border::WithoutCustoms
    } else {
        Border::Customs
    }
}

/// The customs data of a shipment that cannot do without.
pub(super) fn required(request: &ShipmentRequest) -> Result<&Customs, Refusal> {
    request.customs.as_ref().ok_or_else(|| {
        refuse(
            "customs",
            "the goods leave their customs territory and nothing is said for the papers: fill in [customs]",
        )
    })
}

/// What the goods are, in a few words.
pub(super) fn description(customs: &Customs) -> Result<String, Refusal> {
    text(
        "customs.description",
        "the description of the goods",
        &customs.description,
        DESCRIPTION,
    )
}

/// The total of the invoice in whole units, where UPS asks for it: from the United States to Canada and Puerto Rico.
pub(super) fn line_total(request: &ShipmentRequest) -> Result<Option<Monetary>, Refusal> {
    let asked = request.ship_from.country == "US" && ["CA", "PR"].contains(&request.ship_to.country.as_str());
    if !asked {
        return Ok(None);
    }
    let customs = required(request)?;
    let value = |line: &ConsignmentLine| Ok(price(customs, line)? * line.quantity);
    let total: Decimal = customs.goods.iter().map(value).sum::<Result<Decimal, Refusal>>()?;
    let whole = total.ceil().max(Decimal::ONE).normalize().to_string();
    if whole.len() > 8 {
        return Err(refuse(
            "customs.goods",
            "the goods are worth more than UPS takes in one shipment: divide the order",
        ));
    }
    Ok(Some(Monetary {
        currency_code: Some(currency(customs)?),
        monetary_value: whole,
    }))
}

/// The commercial invoice.
pub(super) fn invoice(request: &ShipmentRequest) -> Result<ServiceOptions, Refusal> {
    let customs = required(request)?;
    let currency_code = currency(customs)?;
    let products: Result<Vec<Product>, Refusal> = customs.goods.iter().map(|line| product(customs, line)).collect();
    let product = products?;
    if product.is_empty() {
        return Err(refuse("customs.goods", "the invoice names no goods"));
    }
    let order = request
        .customer_reference
        .clone()
        .filter(|text| (1..=REFERENCE).contains(&text.chars().count()));
    Ok(ServiceOptions {
        international_forms: InternationalForms {
            form_type: vec!["01"],
            invoice_number: text(
                "customs.invoice_number",
                "the invoice's number",
                &customs.invoice_number,
                REFERENCE,
            )?,
            invoice_date: day(customs.invoice_date),
            purchase_order_number: order,
            terms_of_shipment: customs.terms.as_deref().map(terms).transpose()?,
            reason_for_export: text("customs.reason", "the reason for export", &customs.reason, REASON)?,
            currency_code,
            contacts: Contacts {
                sold_to: party(Role::ShipTo, &request.ship_to, Contact::Required)?,
            },
            product,
        },
    })
}

fn text(field: &str, what: &str, given: &str, most: usize) -> Result<String, Refusal> {
    let given = given.trim();
    match given.chars().count() {
        0 => Err(refuse(field, format!("{what} is missing: enter it"))),
        long if long > most => Err(refuse(
            field,
            format!("{what} has {long} characters and UPS takes {most}: shorten it"),
        )),
        _ => Ok(given.to_owned()),
    }
}

fn terms(terms: &str) -> Result<String, Refusal> {
    let code = terms.trim().to_ascii_uppercase();
    if TERMS.contains(&code.as_str()) {
        Ok(code)
    } else {
        Err(refuse(
            "customs.terms",
            format!(
                "UPS does not know the terms {terms:?}: choose one of {}",
                TERMS.join(", ")
            ),
        ))
    }
}

fn currency(customs: &Customs) -> Result<String, Refusal> {
    let code = customs.currency.trim();
    if code.len() == 3 && code.chars().all(|c| c.is_ascii_uppercase()) {
        Ok(code.to_owned())
    } else {
        Err(refuse(
            "customs.currency",
            "the invoice has no currency of three letters: enter it",
        ))
    }
}

// ---- goods -------------------------------------------------------------------------------------------------------

fn product(customs: &Customs, line: &ConsignmentLine) -> Result<Product, Refusal> {
    Ok(Product {
        description: product_description(line)?,
        unit: Unit {
            number: quantity(line)?,
            unit_of_measurement: Code::new("PCS"),
            value: price(customs, line)?.normalize().to_string(),
        },
        commodity_code: tariff_code(line)?,
        part_number: Some(line.sku.clone()).filter(|sku| (1..=REFERENCE).contains(&sku.chars().count())),
        origin_country_code: origin(line)?,
    })
}

fn product_description(line: &ConsignmentLine) -> Result<Vec<String>, Refusal> {
    let words = line
        .description
        .as_deref()
        .map(str::trim)
        .filter(|words| !words.is_empty())
        .unwrap_or(&line.sku);
    fit(&[words], PRODUCT_LINE, PRODUCT_LINES)
        .filter(|lines| !lines.is_empty())
        .ok_or_else(|| {
            of_item(
                line,
                "description",
                &format!(
                    "a description that does not fit {PRODUCT_LINES} lines of {PRODUCT_LINE} characters: shorten it"
                ),
            )
        })
}

fn quantity(line: &ConsignmentLine) -> Result<String, Refusal> {
    let number = line.quantity.normalize();
    let text = number.to_string();
    if number.is_integer() && number > Decimal::ZERO && text.len() <= QUANTITY {
        Ok(text)
    } else {
        Err(of_item(
            line,
            "quantity",
            &format!("the quantity {text}, and an invoice counts whole pieces: correct it"),
        ))
    }
}

fn price(customs: &Customs, line: &ConsignmentLine) -> Result<Decimal, Refusal> {
    let price = line.unit_price.as_ref().filter(|price| price.amount > Decimal::ZERO);
    let price = price.ok_or_else(|| of_item(line, "unit_price", "no price above zero: enter what one is worth"))?;
    if price.currency != customs.currency {
        let words = format!(
            "a price in {} on an invoice in {}: use one currency",
            price.currency, customs.currency
        );
        return Err(of_item(line, "unit_price", &words));
    }
    let rounded = price.amount.round_dp(6);
    if rounded <= Decimal::ZERO || rounded.trunc().to_string().len() > 12 {
        return Err(of_item(
            line,
            "unit_price",
            "a price that UPS does not take: correct it",
        ));
    }
    Ok(rounded)
}

/// Letters and digits only; the dots of a printed tariff code are left out.
fn tariff_code(line: &ConsignmentLine) -> Result<Option<String>, Refusal> {
    let code: String = line
        .tariff_code
        .as_deref()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    match code.len() {
        0 => Ok(None),
        6..=15 => Ok(Some(code)),
        _ => Err(of_item(
            line,
            "tariff_code",
            "a tariff code that has not 6 to 15 letters and digits: correct it",
        )),
    }
}

fn origin(line: &ConsignmentLine) -> Result<String, Refusal> {
    let code = line
        .origin_country
        .as_deref()
        .unwrap_or_default()
        .trim()
        .to_ascii_uppercase();
    if code.len() == 2 && code.chars().all(|c| c.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(of_item(
            line,
            "origin_country",
            "no country of origin: enter its code of two letters",
        ))
    }
}

fn of_item(line: &ConsignmentLine, field: &str, what: &str) -> Refusal {
    refuse(&format!("item.{field}"), format!("item {} has {what}", line.sku))
}
