//! A purchase: the exact request, and what came back.

use rust_decimal::Decimal;
use serde_json::Value;

use super::customs::{self, is_abroad};
use super::label;
use super::parcel::{Boxed, load, suits};
use super::party::{Role, party, payment};
use super::{account, day, refuse};
use crate::domain::{
    CarrierShipmentId, LARGEST_NUMBER, LabelFormat, LabelImage, Money, Refusal, Shipment, ShipmentRequest,
    ShippedParcel,
};
use crate::ports::Purchased;
use crate::systems::fedex::account::{Account, sold_as, stock_for};
use crate::systems::fedex::wire::answer::{self, Alert, Completed, Document, Piece, RateDetail, Rating, TrackingId};
use crate::systems::fedex::wire::request;

/// So many parcels are answered at once; more are made while we wait.
const AT_ONCE: usize = 40;
const MOST_PARCELS: usize = 300;
const REFERENCE: usize = 30;
const GROUND_ECONOMY: &str = "SMART_POST";

/// The body of Ship v1 for a shipment, or what a person must change before FedEx can be asked.
pub(crate) fn ship(own: &Account, wanted: &ShipmentRequest) -> Result<Value, Refusal> {
    let body = request::Ship {
        label_response_options: "LABEL",
        processing_option_type: (wanted.parcels.len() > AT_ONCE).then_some("ALLOW_ASYNCHRONOUS"),
        account_number: account(&own.number)?,
        requested_shipment: shipment(own, wanted)?,
    };
    serde_json::to_value(body).map_err(|_| refuse("request", "the request cannot be written"))
}

fn shipment(own: &Account, wanted: &ShipmentRequest) -> Result<request::RequestedShipment, Refusal> {
    let options = &own.options;
    // Addresses first: what is wrong with them explains what is wrong with the rest.
    let shipper = party(Role::ShipFrom, &wanted.ship_from, None)?;
    let recipient = party(Role::ShipTo, &wanted.ship_to, options.receiver_phone.as_deref())?;
    let load = load(&wanted.parcels, MOST_PARCELS)?;
    let service_type = service(&wanted.service)?;
    suits(&service_type, &load.packaging)?;
    let abroad = is_abroad(&wanted.ship_from, &wanted.ship_to);
    let duties = wanted.billing.duties.as_ref();
    let cleared = abroad.then(|| customs::clearance(customs::required(wanted.customs.as_ref())?, duties, load.system));
    let sold = sold_as(wanted.label)?;
    Ok(request::RequestedShipment {
        shipper,
        recipients: vec![recipient],
        ship_datestamp: day(wanted.ship_date),
        smart_post_info_detail: ground_economy(own, &service_type)?,
        service_type,
        packaging_type: load.packaging.clone(),
        pickup_type: options.pickup_type.clone(),
        total_weight: abroad.then(|| load.pounds()).transpose()?,
        shipping_charges_payment: payment(&wanted.billing.transport)?,
        label_specification: request::LabelSpecification {
            image_type: sold,
            label_stock_type: stock_for(sold, options.label_stock.as_deref())?,
        },
        shipping_document_specification: abroad.then(customs::papers),
        customs_clearance_detail: cleared.transpose()?,
        requested_package_line_items: packages(load.parcels, wanted),
    })
}

fn service(code: &str) -> Result<String, Refusal> {
    let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if !code.is_empty() && code.chars().all(legal) {
        Ok(code.to_owned())
    } else {
        Err(refuse(
            "service",
            format!(
                "{code:?} is no FedEx service: a code is in capitals, such as FEDEX_GROUND or GROUND_HOME_DELIVERY"
            ),
        ))
    }
}

/// What Ground Economy wants to know beside the rest.
fn ground_economy(own: &Account, service: &str) -> Result<Option<request::SmartPost>, Refusal> {
    if service != GROUND_ECONOMY {
        return Ok(None);
    }
    hub(own).map(Some).ok_or_else(|| {
        refuse(
            "carrier.smart_post_hub",
            "FedEx Ground Economy (SMART_POST) is sold by hub: name the account's as smart_post_hub under [carrier]",
        )
    })
}

/// The hub of the account, where it has one.
pub(super) fn hub(own: &Account) -> Option<request::SmartPost> {
    Some(request::SmartPost {
        hub_id: own.options.smart_post_hub.clone()?,
        indicia: own.options.smart_post_indicia.clone(),
    })
}

/// One item for each parcel, and one parcel in each item: a count in every item is multiplied.
fn packages(parcels: Vec<Boxed>, wanted: &ShipmentRequest) -> Vec<request::Package> {
    let package = |(place, boxed): (usize, Boxed)| request::Package {
        sequence_number: place,
        group_package_count: 1,
        weight: boxed.weight,
        dimensions: boxed.dimensions,
        customer_references: references(wanted),
    };
    (1..).zip(parcels).map(package).collect()
}

/// Our own reference first, by which a lost purchase is found again; then what people know the order by.
fn references(wanted: &ShipmentRequest) -> Vec<request::Reference> {
    let reference = |customer_reference_type, value: &str| request::Reference {
        customer_reference_type,
        value: value.trim().to_owned(),
    };
    let fits = |text: &&String| (1..=REFERENCE).contains(&text.trim().chars().count());
    let own = reference("CUSTOMER_REFERENCE", wanted.reference.as_str());
    let purchase = wanted.customer_reference.as_ref().filter(fits);
    let order = Some(&wanted.order_number).filter(fits);
    [own]
        .into_iter()
        .chain(purchase.map(|number| reference("P_O_NUMBER", number)))
        .chain(order.map(|number| reference("INVOICE_NUMBER", number)))
        .collect()
}

// ---- the answer --------------------------------------------------------------------------------------------------

/// The job under which FedEx goes on making the shipment, where the answer names one.
pub(crate) fn job(body: &[u8]) -> Option<String> {
    answer::output::<answer::Ship>(body)?.job_id
}

/// Asks what has become of a job.
pub(crate) fn results(draft: &Value, job: &str) -> request::Results {
    let number = draft.pointer("/accountNumber/value").and_then(Value::as_str);
    request::Results {
        account_number: request::AccountNumber {
            value: number.unwrap_or_default().to_owned(),
        },
        job_id: job.to_owned(),
    }
}

/// What was bought: identifiers first, the rest as far as it can be read. `None` if no shipment is named.
pub(crate) fn purchased(body: &[u8], draft: &Value) -> Option<Purchased> {
    let ship: answer::Ship = answer::output(body)?;
    let named = ship
        .transaction_shipments
        .iter()
        .find_map(|sold| Some((sold, id(sold)?)));
    let (sold, id) = named?;
    let mut numbers = numbers(sold);
    if numbers.is_empty() {
        numbers.push(id.clone());
    }
    let shipment = Shipment {
        id: CarrierShipmentId::new(id),
        parcels: numbers
            .into_iter()
            .map(|tracking_number| ShippedParcel { tracking_number })
            .collect(),
        service: service_bought(sold, draft),
        cost: sold.completed_shipment_detail.as_ref().and_then(cost),
        remarks: remarks(sold.alerts.iter().chain(&ship.alerts)),
    };
    Some(Purchased {
        shipment,
        labels: labels(sold, asked(draft)),
    })
}

fn id(sold: &answer::Shipment) -> Option<String> {
    let completed = sold.completed_shipment_detail.as_ref();
    let detail = completed.and_then(|completed| completed.master_tracking_id.as_ref()?.tracking_number.clone());
    let of_pieces = || {
        sold.piece_responses
            .iter()
            .find_map(|piece| piece.master_tracking_number.clone())
    };
    let first = || numbers(sold).into_iter().next();
    sold.master_tracking_number
        .clone()
        .or(detail)
        .or_else(of_pieces)
        .or_else(first)
}

/// The tracking numbers in the order of the request, from whichever part of the answer names them.
fn numbers(sold: &answer::Shipment) -> Vec<String> {
    let place = |text: Option<&String>| text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(u32::MAX);
    let mut pieces: Vec<&Piece> = sold.piece_responses.iter().collect();
    pieces.sort_by_key(|piece| place(piece.package_sequence_number.as_ref()));
    let named: Vec<String> = pieces.into_iter().filter_map(number_of_piece).collect();
    if !named.is_empty() {
        return named;
    }
    let mut details: Vec<_> = sold
        .completed_shipment_detail
        .iter()
        .flat_map(|completed| &completed.completed_package_details)
        .collect();
    details.sort_by_key(|detail| place(detail.sequence_number.as_ref()));
    let detailed: Vec<String> = details
        .into_iter()
        .filter_map(|detail| own_number(&detail.tracking_ids))
        .collect();
    if !detailed.is_empty() {
        return detailed;
    }
    let documents = sold
        .shipment_documents
        .iter()
        .filter_map(|document| document.tracking_number.clone());
    let mut from_documents: Vec<String> = documents.collect();
    from_documents.dedup();
    from_documents
}

fn number_of_piece(piece: &Piece) -> Option<String> {
    let of_document = || {
        piece
            .package_documents
            .iter()
            .find_map(|document| document.tracking_number.clone())
    };
    piece.tracking_number.clone().or_else(of_document)
}

/// Of several numbers of a parcel FedEx's own: Ground Economy names one of the postal service beside it.
fn own_number(ids: &[TrackingId]) -> Option<String> {
    let own = ids.iter().find(|id| id.tracking_id_type.as_deref() != Some("USPS"));
    own.or_else(|| ids.first())?.tracking_number.clone()
}

fn service_bought(sold: &answer::Shipment, draft: &Value) -> Option<String> {
    let asked = draft.pointer("/requestedShipment/serviceType").and_then(Value::as_str);
    sold.service_type.clone().or_else(|| asked.map(str::to_owned))
}

fn asked(draft: &Value) -> LabelFormat {
    let code = draft
        .pointer("/requestedShipment/labelSpecification/imageType")
        .and_then(Value::as_str);
    code.and_then(label::format).unwrap_or(LabelFormat::Pdf)
}

fn labels(sold: &answer::Shipment, asked: LabelFormat) -> Vec<LabelImage> {
    let of_piece = |piece: &Piece| {
        let number = number_of_piece(piece);
        let papers: Vec<LabelImage> = label::papers(&piece.package_documents).collect();
        let labels = label::of_parcel(&piece.package_documents, number.as_ref(), asked);
        labels.into_iter().chain(papers)
    };
    let mut all: Vec<LabelImage> = sold.piece_responses.iter().flat_map(of_piece).collect();
    if all.iter().all(|label| label.tracking_number.is_none()) {
        let of_document = |document: &Document| label::of_parcel(std::slice::from_ref(document), None, asked);
        all.extend(sold.shipment_documents.iter().flat_map(of_document));
    }
    all.extend(label::papers(&sold.shipment_documents));
    all
}

// ---- money -------------------------------------------------------------------------------------------------------

fn cost(completed: &Completed) -> Option<Money> {
    let rating = completed.shipment_rating.as_ref()?;
    money(what_the_account_pays(rating)?)
}

/// The account's own price: list prices stand beside it, and may even be called the actual ones.
fn what_the_account_pays(rating: &Rating) -> Option<&RateDetail> {
    let details = &rating.shipment_rate_details;
    let actual = rating.actual_rate_type.as_deref();
    let of = |wanted: &dyn Fn(&str) -> bool| {
        let mut fitting = details
            .iter()
            .filter(|detail| detail.rate_type.as_deref().is_some_and(wanted));
        fitting.next()
    };
    let only = || match details.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    of(&|kind| Some(kind) == actual && kind.contains("ACCOUNT"))
        .or_else(|| of(&|kind| kind.contains("PAYOR_ACCOUNT")))
        .or_else(|| of(&|kind| kind.contains("ACCOUNT")))
        .or_else(|| of(&|kind| Some(kind) == actual))
        .or_else(only)
}

/// An amount with its currency, where both are there.
pub(super) fn money(detail: &RateDetail) -> Option<Money> {
    let text = detail
        .total_net_charge
        .as_ref()
        .or(detail.total_net_fed_ex_charge.as_ref())?;
    let amount: Decimal = text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())?;
    let amount = Some(amount).filter(|amount| amount.abs() <= LARGEST_NUMBER)?;
    let within = || detail.shipment_rate_detail.as_ref()?.currency.clone();
    Some(Money::new(amount, detail.currency.clone().or_else(within)?))
}

/// What FedEx remarked, each remark once.
pub(super) fn remarks<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Vec<String> {
    let mut remarks: Vec<String> = Vec::new();
    for alert in alerts {
        let remark = match (&alert.message, &alert.code) {
            (Some(words), Some(code)) => format!("{words} ({code})"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => continue,
        };
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }
    remarks
}
