//! A purchase: the exact request, and what came back.

use rust_decimal::Decimal;
use serde_json::Value;

use super::customs::{self, Border};
use super::label::{format, picture, sold_as, specification};
use super::parcel::{Wording, load};
use super::party::{Contact, Role, charge, party};
use super::{day, refuse};
use crate::domain::{
    Address, CarrierShipmentId, LARGEST_NUMBER, LabelFormat, LabelImage, Money, Refusal, Shipment, ShipmentRequest,
    ShippedParcel,
};
use crate::ports::Purchased;
use crate::systems::ups::account::Account;
use crate::systems::ups::wire::answer::{self, Charge, Image, NegotiatedCharges, PackageResult, ShipmentResults};
use crate::systems::ups::wire::request;

const NEXT_DAY_AIR_EARLY: &str = "14";
const REFERENCE: usize = 35;

/// The account that ships, as a request names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) account: &'a Account,
}

impl Sender<'_> {
    /// The account's own address, where it is not the place that goods leave.
    pub(super) fn shipper(self, ship_from: &Address, contact: Contact) -> Result<request::Party, Refusal> {
        let (role, address) = match &self.account.options.shipper {
            Some(own) => (Role::Shipper, own),
            None => (Role::ShipFrom, ship_from),
        };
        let mut shipper = party(role, address, contact)?;
        shipper.shipper_number = Some(self.account.number.clone());
        Ok(shipper)
    }

    pub(super) fn rating_options(self) -> Option<request::RatingOptions> {
        let asked = self.account.options.negotiated_rates;
        asked.then_some(request::RatingOptions {
            negotiated_rates_indicator: request::Tag,
        })
    }
}

/// The body of Shipping v2409 for a shipment, or what a person must change before UPS can be asked.
pub(crate) fn ship(sender: Sender<'_>, wanted: &ShipmentRequest) -> Result<Value, Refusal> {
    let body = request::ShipBody {
        shipment_request: request::Ship {
            // The street was validated before; this checks state and postal code only.
            request: request::Request {
                request_option: Some("nonvalidate"),
                sub_version: "2205",
                transaction_reference: Some(request::TransactionReference {
                    customer_context: wanted.reference.to_string(),
                }),
            },
            shipment: shipment(sender, wanted)?,
            label_specification: specification(sold_as(wanted.label)?, sender.account.options.label_height),
        },
    };
    serde_json::to_value(body).map_err(|_| refuse("request", "the request cannot be written"))
}

fn shipment(sender: Sender<'_>, wanted: &ShipmentRequest) -> Result<request::Shipment, Refusal> {
    let border = customs::border(&wanted.ship_from, &wanted.ship_to);
    let sender_contact = if border == Border::Domestic {
        Contact::Optional
    } else {
        Contact::Required
    };
    let early = wanted.service == NEXT_DAY_AIR_EARLY;
    let receiver_contact = if early { Contact::Required } else { sender_contact };
    let on_packages = searchable_on_packages(&wanted.ship_from, &wanted.ship_to);
    let invoiced = border == Border::Customs;
    // Addresses first: what is wrong with them explains what is wrong with the rest.
    let ship_from = party(Role::ShipFrom, &wanted.ship_from, sender_contact)?;
    let ship_to = receiver(wanted, receiver_contact)?;
    Ok(request::Shipment {
        description: description(border, wanted)?,
        shipper: sender.shipper(&wanted.ship_from, sender_contact)?,
        ship_to,
        ship_from,
        payment_information: payment(sender, border, wanted)?,
        shipment_rating_options: sender.rating_options(),
        service: request::Code::new(service(&wanted.service)?),
        shipment_date: day(wanted.ship_date),
        reference_number: if on_packages { Vec::new() } else { references(wanted) },
        invoice_line_total: customs::line_total(wanted)?,
        shipment_service_options: if invoiced {
            Some(customs::invoice(wanted)?)
        } else {
            None
        },
        package: packages(wanted, on_packages)?,
    })
}

fn receiver(wanted: &ShipmentRequest, contact: Contact) -> Result<request::Party, Refusal> {
    let mut receiver = party(Role::ShipTo, &wanted.ship_to, contact)?;
    receiver.address.residential_address_indicator = residential(&wanted.ship_to);
    Ok(receiver)
}

pub(super) fn residential(address: &Address) -> Option<request::Tag> {
    (address.residential == Some(true)).then_some(request::Tag)
}

fn description(border: Border, wanted: &ShipmentRequest) -> Result<Option<String>, Refusal> {
    match border {
        Border::Domestic => Ok(None),
        Border::WithoutCustoms | Border::Customs => customs::description(customs::required(wanted)?).map(Some),
    }
}

fn service(code: &str) -> Result<String, Refusal> {
    if code.len() == 2 && code.chars().all(|c| c.is_ascii_alphanumeric()) {
        Ok(code.to_owned())
    } else {
        Err(refuse(
            "service",
            format!("{code:?} is no UPS service: a code has two characters, such as 03 for Ground"),
        ))
    }
}

/// Duties are named only where there is a customs border; without a word the receiver bears them.
fn payment(sender: Sender<'_>, border: Border, wanted: &ShipmentRequest) -> Result<request::Payment, Refusal> {
    let account = &sender.account.number;
    let country = &wanted.ship_to.country;
    let mut shipment_charge = vec![charge("01", &wanted.billing.transport, account, country)?];
    if let (Border::Customs, Some(payer)) = (border, &wanted.billing.duties) {
        shipment_charge.push(charge("02", payer, account, country)?);
    }
    Ok(request::Payment { shipment_charge })
}

fn packages(wanted: &ShipmentRequest, on_packages: bool) -> Result<Vec<request::Package>, Refusal> {
    let load = load(&wanted.parcels, Wording::Bare)?;
    let package = |boxed: super::parcel::Boxed| request::Package {
        packaging: request::Code::new(boxed.packaging),
        dimensions: boxed.dimensions,
        package_weight: boxed.weight,
        reference_number: if on_packages { references(wanted) } else { Vec::new() },
    };
    Ok(load.parcels.into_iter().map(package).collect())
}

/// References are searchable on packages within the United States and within Puerto Rico, else on the shipment.
fn searchable_on_packages(from: &Address, to: &Address) -> bool {
    from.country == to.country && ["US", "PR"].contains(&from.country.as_str())
}

/// Our own reference first, by which a lost purchase is found again; then what people know the order by.
fn references(wanted: &ShipmentRequest) -> Vec<request::Reference> {
    let fits = |text: &&String| (1..=REFERENCE).contains(&text.trim().chars().count());
    let customer = wanted
        .customer_reference
        .as_ref()
        .filter(fits)
        .map(|text| (Some("PO"), text));
    let order = Some(&wanted.order_number).filter(fits).map(|text| (None, text));
    let own = request::Reference {
        code: Some("TN"),
        value: wanted.reference.to_string(),
    };
    let second = customer.or(order);
    let second = second.map(|(code, text)| request::Reference {
        code,
        value: text.trim().to_owned(),
    });
    [own].into_iter().chain(second).collect()
}

// ---- the answer --------------------------------------------------------------------------------------------------

/// What was bought: identifiers first, the rest as far as it can be read. `None` if no shipment is named.
pub(crate) fn purchased(body: &[u8], draft: &Value) -> Option<Purchased> {
    let ship: answer::Ship = answer::body(body, "ShipmentResponse")?;
    let results = ship.shipment_results?;
    let parcels: Vec<ShippedParcel> = results.package_results.iter().filter_map(parcel).collect();
    // The shipment's number is that of its first parcel.
    let lead = parcels.first().map(|parcel| parcel.tracking_number.clone());
    let id = results.shipment_identification_number.clone().or(lead)?;
    let alerts = ship.response.map(|response| response.alert).unwrap_or_default();
    let labels = labels(&results, asked(draft));
    let shipment = Shipment {
        parcels: if parcels.is_empty() {
            vec![ShippedParcel {
                tracking_number: id.clone(),
            }]
        } else {
            parcels
        },
        id: CarrierShipmentId::new(id),
        service: draft
            .pointer("/ShipmentRequest/Shipment/Service/Code")
            .and_then(Value::as_str)
            .map(str::to_owned),
        cost: cost(&results),
        remarks: alerts.iter().filter_map(remark).collect(),
    };
    Some(Purchased { shipment, labels })
}

fn parcel(result: &PackageResult) -> Option<ShippedParcel> {
    result
        .tracking_number
        .clone()
        .map(|tracking_number| ShippedParcel { tracking_number })
}

fn asked(draft: &Value) -> LabelFormat {
    let code = draft
        .pointer("/ShipmentRequest/LabelSpecification/LabelImageFormat/Code")
        .and_then(Value::as_str);
    code.and_then(format).unwrap_or(LabelFormat::Gif)
}

fn labels(results: &ShipmentResults, asked: LabelFormat) -> Vec<LabelImage> {
    let of_parcel = |result: &PackageResult| {
        picture(
            result.shipping_label.as_ref()?,
            Some(result.tracking_number.clone()?),
            asked,
        )
    };
    let papers = results.form.iter().filter_map(|form| form.image.as_ref());
    let paper = |image: &Image| picture(image, None, LabelFormat::Pdf);
    let receipts = results.control_log_receipt.iter();
    results
        .package_results
        .iter()
        .filter_map(of_parcel)
        .chain(papers.filter_map(paper))
        .chain(receipts.filter_map(|image| picture(image, None, asked)))
        .collect()
}

fn cost(results: &ShipmentResults) -> Option<Money> {
    let published = results
        .shipment_charges
        .as_ref()
        .and_then(|charges| charges.total_charges.as_ref());
    negotiated(results.negotiated_rate_charges.as_ref()).or_else(|| money(published?))
}

pub(super) fn negotiated(charges: Option<&NegotiatedCharges>) -> Option<Money> {
    money(charges?.total_charge.as_ref()?)
}

pub(super) fn money(charge: &Charge) -> Option<Money> {
    let amount: Decimal = charge.monetary_value.as_deref()?.parse().ok()?;
    let amount = Some(amount).filter(|amount| amount.abs() <= LARGEST_NUMBER)?;
    Some(Money::new(amount, charge.currency_code.clone()?))
}

fn remark(alert: &answer::Coded) -> Option<String> {
    match (&alert.description, &alert.code) {
        (Some(words), Some(code)) => Some(format!("{words} ({code})")),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    }
}
