//! What customs wants to know, across a border only: within one country FedEx takes the same data for a mistake.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::left_out::too_long;
use super::parcel::System;
use super::party::duties;
use super::ship::is_long;
use super::{number, refuse};
use crate::domain::{Address, ConsignmentLine, Customs, Payer, Refusal, Weight};
use crate::systems::fedex::wire::request;

const DESCRIPTION: usize = 450;
const INVOICE_NUMBER: usize = 30;
const GOODS: usize = 999;
const PART_NUMBER: usize = 35;
const MOST_PIECES: u32 = 9_999;

/// Our words for why goods leave, and FedEx's.
const PURPOSES: [(&str, &str); 9] = [
    ("SALE", "SOLD"),
    ("SOLD", "SOLD"),
    ("GIFT", "GIFT"),
    ("SAMPLE", "SAMPLE"),
    ("REPAIR", "REPAIR_AND_RETURN"),
    ("REPAIR_AND_RETURN", "REPAIR_AND_RETURN"),
    ("NOT_SOLD", "NOT_SOLD"),
    ("NOT SOLD", "NOT_SOLD"),
    ("PERSONAL_EFFECTS", "PERSONAL_EFFECTS"),
];

/// Whether a shipment crosses a border, as FedEx sees it.
pub(super) fn is_abroad(from: &Address, to: &Address) -> bool {
    !from.is_domestic_to(to)
}

/// The customs data of a shipment that cannot do without.
pub(super) fn required(customs: Option<&Customs>) -> Result<&Customs, Refusal> {
    customs.ok_or_else(|| {
        refuse(
            "customs",
            "the goods cross a border and nothing is said for the papers: fill in [customs]",
        )
    })
}

/// What is cleared: the goods, their worth, the invoice and who bears the duties.
pub(super) fn clearance(
    customs: &Customs,
    payer: Option<&Payer>,
    system: System,
) -> Result<request::CustomsClearance, Refusal> {
    let commodities = commodities(customs, system)?;
    let worth = customs.goods.iter().map(|line| Ok(worth(customs, line)?.0));
    let total: Decimal = worth.sum::<Result<Decimal, Refusal>>()?;
    Ok(request::CustomsClearance {
        duties_payment: duties(payer)?,
        is_document_only: false,
        total_customs_value: money(total, &currency(customs)?)?,
        commercial_invoice: invoice(customs)?,
        commodities,
    })
}

/// The goods, as they are cleared and as they are priced.
pub(super) fn commodities(customs: &Customs, system: System) -> Result<Vec<request::Commodity>, Refusal> {
    let currency = currency(customs)?;
    if customs.goods.is_empty() || customs.goods.len() > GOODS {
        let many = customs.goods.len();
        let words = format!("the papers name {many} goods, and FedEx takes 1 to {GOODS}");
        return Err(refuse("customs.goods", words));
    }
    let goods = customs.goods.iter();
    goods.map(|line| commodity(customs, line, &currency, system)).collect()
}

/// What is left out of the goods.
pub(super) fn left_out(customs: &Customs) -> impl Iterator<Item = String> {
    let number = |line: &ConsignmentLine| too_long(&format!("number of item {}", line.sku), &line.sku, PART_NUMBER);
    customs.goods.iter().filter_map(number)
}

/// What the commercial invoice says beside the goods.
fn invoice(customs: &Customs) -> Result<request::CommercialInvoice, Refusal> {
    let number = customs.invoice_number.trim();
    if !(1..=INVOICE_NUMBER).contains(&number.chars().count()) {
        return Err(refuse(
            "customs.invoice_number",
            format!("the invoice's number has not 1 to {INVOICE_NUMBER} characters: correct it"),
        ));
    }
    Ok(request::CommercialInvoice {
        shipment_purpose: purpose(&customs.reason)?,
        terms_of_sale: customs.terms.as_deref().map(terms).transpose()?,
        customer_references: vec![request::Reference {
            customer_reference_type: "INVOICE_NUMBER",
            value: number.to_owned(),
        }],
    })
}

/// The papers that FedEx is to make.
pub(super) fn papers() -> request::ShippingDocuments {
    request::ShippingDocuments {
        shipping_document_types: vec!["COMMERCIAL_INVOICE"],
        commercial_invoice_detail: request::CommercialInvoiceDetail {
            document_format: request::DocumentFormat {
                stock_type: "PAPER_LETTER",
                doc_type: "PDF",
            },
        },
    }
}

fn purpose(reason: &str) -> Result<&'static str, Refusal> {
    let given = reason.trim().to_ascii_uppercase();
    let known = PURPOSES.iter().find(|(ours, _)| *ours == given);
    known.map(|(_, theirs)| *theirs).ok_or_else(|| {
        refuse(
            "customs.reason",
            format!(
                "FedEx does not know the reason {reason:?}: choose SALE, GIFT, SAMPLE, REPAIR, NOT_SOLD or \
                 PERSONAL_EFFECTS"
            ),
        )
    })
}

fn terms(terms: &str) -> Result<String, Refusal> {
    capitals(terms).ok_or_else(|| refuse("customs.terms", format!("{terms:?} is no Incoterm of three letters")))
}

fn currency(customs: &Customs) -> Result<String, Refusal> {
    capitals(&customs.currency).ok_or_else(|| {
        refuse(
            "customs.currency",
            "the invoice has no currency of three letters: enter it",
        )
    })
}

fn capitals(text: &str) -> Option<String> {
    let code = text.trim().to_ascii_uppercase();
    (code.len() == 3 && code.chars().all(|c| c.is_ascii_uppercase())).then_some(code)
}

fn money(amount: Decimal, currency: &str) -> Result<request::Money, Refusal> {
    Ok(request::Money {
        amount: number(amount)?,
        currency: currency.to_owned(),
    })
}

// ---- goods -------------------------------------------------------------------------------------------------------

fn commodity(
    customs: &Customs,
    line: &ConsignmentLine,
    currency: &str,
    system: System,
) -> Result<request::Commodity, Refusal> {
    let pieces = pieces(line)?;
    let (total, price) = worth(customs, line)?;
    let together = |one: Weight| Weight {
        value: one.value * line.quantity,
        ..one
    };
    Ok(request::Commodity {
        description: description(line)?,
        country_of_manufacture: origin(line)?,
        harmonized_code: tariff_code(line)?,
        part_number: Some(line.sku.clone()).filter(|sku| !sku.trim().is_empty() && !is_long(sku, PART_NUMBER)),
        number_of_pieces: pieces,
        quantity: pieces,
        quantity_units: "PCS",
        unit_price: money(price, currency)?,
        customs_value: money(total, currency)?,
        weight: line.weight.map(|one| system.weight(together(one))).transpose()?,
    })
}

fn description(line: &ConsignmentLine) -> Result<String, Refusal> {
    let words = line
        .description
        .as_deref()
        .map(str::trim)
        .filter(|words| !words.is_empty());
    let words = words.unwrap_or(line.sku.trim());
    match words.chars().count() {
        0 => Err(of_item(line, "description", "no description: enter it")),
        long if long > DESCRIPTION => Err(of_item(
            line,
            "description",
            &format!("a description of {long} characters and FedEx takes {DESCRIPTION}: shorten it"),
        )),
        _ => Ok(words.to_owned()),
    }
}

fn pieces(line: &ConsignmentLine) -> Result<u32, Refusal> {
    let whole = Some(line.quantity.normalize()).filter(Decimal::is_integer);
    let pieces = whole.and_then(|whole| whole.to_u32());
    pieces
        .filter(|pieces| (1..=MOST_PIECES).contains(pieces))
        .ok_or_else(|| {
            let words = format!(
                "the quantity {}, and an invoice counts 1 to {MOST_PIECES} whole pieces: correct it",
                line.quantity
            );
            of_item(line, "quantity", &words)
        })
}

/// What all pieces are worth, and one.
fn worth(customs: &Customs, line: &ConsignmentLine) -> Result<(Decimal, Decimal), Refusal> {
    let price = line.unit_price.as_ref().filter(|price| price.amount > Decimal::ZERO);
    let price = price.ok_or_else(|| of_item(line, "unit_price", "no price above zero: enter what one is worth"))?;
    if price.currency != customs.currency {
        let words = format!(
            "a price in {} on an invoice in {}: use one currency",
            price.currency, customs.currency
        );
        return Err(of_item(line, "unit_price", &words));
    }
    let one = price.amount.round_dp(6);
    match one.checked_mul(line.quantity) {
        Some(all) if one > Decimal::ZERO => Ok((all.round_dp(2), one)),
        _ => Err(of_item(
            line,
            "unit_price",
            "a price that FedEx does not take: correct it",
        )),
    }
}

/// Letters and digits only; the dots of a printed tariff code are left out.
fn tariff_code(line: &ConsignmentLine) -> Result<Option<String>, Refusal> {
    let code = line.tariff_code.as_deref().unwrap_or_default();
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    match code.len() {
        0 => Ok(None),
        4..=15 => Ok(Some(code)),
        _ => Err(of_item(
            line,
            "tariff_code",
            "a tariff code that has not 4 to 15 letters and digits: correct it",
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
