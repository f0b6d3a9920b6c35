//! A purchase: the exact request, and what came back, in one answer or in several while FedEx goes on making it.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::customs::{self, is_abroad};
use super::label;
use super::parcel::{Boxed, load, suits};
use super::party::{Role, party, payment};
use super::{account, day, left_out, refuse};
use crate::domain::{
    CarrierShipmentId, LARGEST_NUMBER, LabelFormat, LabelImage, Money, Refusal, Shipment, ShipmentRequest,
    ShippedParcel,
};
use crate::ports::Purchased;
use crate::systems::fedex::account::{Account, sold_as, stock_for};
use crate::systems::fedex::wire::answer::{
    self, Alert, Completed, CompletedPackage, Document, Piece, RateDetail, Rating, TrackingId,
};
use crate::systems::fedex::wire::request;

/// So many parcels are answered at once; more are made while we wait.
const AT_ONCE: usize = 40;
const MOST_PARCELS: usize = 300;
pub(super) const REFERENCE: usize = 30;
/// Under which key a draft remembers what was left out of it. It is never sent.
const REMARKS: &str = "remarks";
const GROUND_ECONOMY: &str = "SMART_POST";

/// The draft of a shipment: the body of Ship v1, and beside it what was left out of it; or what a person must change
/// before FedEx can be asked.
pub(crate) fn ship(own: &Account, wanted: &ShipmentRequest) -> Result<Value, Refusal> {
    let body = request::Ship {
        label_response_options: "LABEL",
        processing_option_type: (wanted.parcels.len() > AT_ONCE).then_some("ALLOW_ASYNCHRONOUS"),
        account_number: account(&own.number)?,
        requested_shipment: shipment(own, wanted)?,
    };
    let mut draft = serde_json::to_value(body).map_err(|_| refuse("request", "the request cannot be written"))?;
    let left_out = left_out::left_out(own, wanted);
    if let (Value::Object(fields), false) = (&mut draft, left_out.is_empty()) {
        fields.insert(REMARKS.to_owned(), json!(left_out));
    }
    Ok(draft)
}

/// What is sent of a draft.
pub(crate) fn sent(draft: &Value) -> Value {
    let mut body = draft.clone();
    if let Value::Object(fields) = &mut body {
        fields.remove(REMARKS);
    }
    body
}

/// What was left out of a draft, in plain words.
fn remarked(draft: &Value) -> impl Iterator<Item = String> {
    let remarks = draft.get(REMARKS).and_then(Value::as_array).into_iter().flatten();
    remarks.filter_map(|remark| remark.as_str().map(str::to_owned))
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
    let fits = |text: &&String| !text.trim().is_empty() && !is_long(text, REFERENCE);
    let own = reference("CUSTOMER_REFERENCE", wanted.reference.as_str());
    let purchase = wanted.customer_reference.as_ref().filter(fits);
    let order = Some(&wanted.order_number).filter(fits);
    [own]
        .into_iter()
        .chain(purchase.map(|number| reference("P_O_NUMBER", number)))
        .chain(order.map(|number| reference("INVOICE_NUMBER", number)))
        .collect()
}

/// Whether FedEx would not take a text of this length.
pub(super) fn is_long(text: &str, most: usize) -> bool {
    text.trim().chars().count() > most
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

/// What was bought by one answer.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn purchased(body: &[u8], draft: &Value) -> Option<Purchased> {
    let mut sold = Sold::default();
    sold.hear(body);
    sold.purchased(draft)
}

/// What FedEx has told of a purchase so far.
#[derive(Default)]
pub(crate) struct Sold {
    shipments: Vec<answer::Shipment>,
    alerts: Vec<Alert>,
}

impl Sold {
    /// Takes in an answer.
    pub(crate) fn hear(&mut self, body: &[u8]) {
        if let Some(ship) = answer::output::<answer::Ship>(body) {
            self.shipments.extend(ship.transaction_shipments);
            self.alerts.extend(ship.alerts);
        }
    }

    /// Whether every parcel that was asked for is named, and has its label.
    pub(crate) fn is_whole(&self, draft: &Value) -> bool {
        self.purchased(draft).is_some_and(|bought| {
            let labels = bought.labels.iter().filter(|label| label.tracking_number.is_some());
            bought.shipment.parcels.len().min(labels.count()) >= wanted(draft)
        })
    }

    /// What was bought: identifiers first, the rest as far as it can be read. `None` if no shipment is named.
    ///
    /// Where not every parcel is named there are no labels: some of them would pass for all, and the order would leave
    /// with a part of its parcels.
    pub(crate) fn purchased(&self, draft: &Value) -> Option<Purchased> {
        let id = self.shipments.iter().find_map(id)?;
        let (own, others): (Vec<_>, Vec<_>) = self
            .shipments
            .iter()
            .partition(|sold| self::id(sold).is_none_or(|other| other == id));
        let mut numbers = numbers(&own);
        if numbers.is_empty() {
            numbers.push(id.clone());
        }
        let only = match numbers.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        let (told, all) = (numbers.len(), wanted(draft));
        let alerts = own.iter().flat_map(|sold| &sold.alerts).chain(&self.alerts);
        let mut remarks: Vec<String> = remarked(draft).chain(remarks(alerts)).collect();
        remarks.extend(others.iter().filter_map(|sold| self::id(sold)).map(|other| {
            format!("FedEx names shipment {other} in the same answer: look in FedEx Ship Manager what it is")
        }));
        if told < all {
            remarks.push(format!(
                "FedEx told of {told} of the {all} parcels of this shipment and of no further labels: void it and ship \
                 again, or print them in FedEx Ship Manager"
            ));
        }
        let shipment = Shipment {
            id: CarrierShipmentId::new(id),
            parcels: numbers
                .into_iter()
                .map(|tracking_number| ShippedParcel { tracking_number })
                .collect(),
            service: service_bought(&own, draft),
            cost: own
                .iter()
                .find_map(|sold| sold.completed_shipment_detail.as_ref().and_then(cost)),
            remarks,
        };
        let labels = if told < all {
            Vec::new()
        } else {
            labels(&own, only.as_ref(), asked(draft))
        };
        Some(Purchased { shipment, labels })
    }
}

/// How many parcels a draft asks for.
fn wanted(draft: &Value) -> usize {
    let items = draft
        .pointer("/requestedShipment/requestedPackageLineItems")
        .and_then(Value::as_array);
    let of_item = |item: &Value| item.get("groupPackageCount").and_then(Value::as_u64).unwrap_or(1);
    let all: u64 = items.into_iter().flatten().map(of_item).sum();
    usize::try_from(all).unwrap_or(usize::MAX)
}

fn id(sold: &answer::Shipment) -> Option<String> {
    let completed = sold.completed_shipment_detail.as_ref();
    let detail = completed.and_then(|completed| completed.master_tracking_id.as_ref()?.tracking_number.clone());
    let of_pieces = || {
        sold.piece_responses
            .iter()
            .find_map(|piece| piece.master_tracking_number.clone())
    };
    let first = || numbers(&[sold]).into_iter().next();
    sold.master_tracking_number
        .clone()
        .or(detail)
        .or_else(of_pieces)
        .or_else(first)
}

/// The tracking numbers in the order of the request, each once: of the parcels as they are answered or as they were completed, whichever
/// are more; else of the documents.
fn numbers(sold: &[&answer::Shipment]) -> Vec<String> {
    let place = |text: Option<&String>| text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(u32::MAX);
    let mut pieces: Vec<&Piece> = sold.iter().flat_map(|sold| &sold.piece_responses).collect();
    pieces.sort_by_key(|piece| place(piece.package_sequence_number.as_ref()));
    let named: Vec<String> = once(pieces.into_iter().filter_map(number_of_piece));
    let completed = sold.iter().filter_map(|sold| sold.completed_shipment_detail.as_ref());
    let mut details: Vec<&CompletedPackage> = completed
        .flat_map(|completed| &completed.completed_package_details)
        .collect();
    details.sort_by_key(|detail| place(detail.sequence_number.as_ref()));
    let detailed: Vec<String> = once(
        details
            .into_iter()
            .filter_map(|detail| own_number(&detail.tracking_ids)),
    );
    let most = if detailed.len() > named.len() { detailed } else { named };
    if !most.is_empty() {
        return most;
    }
    let documents = sold.iter().flat_map(|sold| &sold.shipment_documents);
    once(documents.filter_map(|document| document.tracking_number.clone()))
}

/// Each once, in their order.
fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
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

fn service_bought(sold: &[&answer::Shipment], draft: &Value) -> Option<String> {
    let asked = draft.pointer("/requestedShipment/serviceType").and_then(Value::as_str);
    let told = sold.iter().find_map(|sold| sold.service_type.clone());
    told.or_else(|| asked.map(str::to_owned))
}

fn asked(draft: &Value) -> LabelFormat {
    let code = draft
        .pointer("/requestedShipment/labelSpecification/imageType")
        .and_then(Value::as_str);
    code.and_then(label::format).unwrap_or(LabelFormat::Pdf)
}

/// The labels and papers; where there is only one parcel, a label that names none is its own.
fn labels(sold: &[&answer::Shipment], only: Option<&String>, asked: LabelFormat) -> Vec<LabelImage> {
    let of_piece = |piece: &Piece| {
        let number = number_of_piece(piece).or_else(|| only.cloned());
        let papers: Vec<LabelImage> = label::papers(&piece.package_documents).collect();
        let labels = label::of_parcel(&piece.package_documents, number.as_ref(), asked);
        labels.into_iter().chain(papers)
    };
    let pieces = sold.iter().flat_map(|sold| &sold.piece_responses);
    let mut all: Vec<LabelImage> = pieces.flat_map(of_piece).collect();
    let documents = || sold.iter().flat_map(|sold| &sold.shipment_documents);
    if all.iter().all(|label| label.tracking_number.is_none()) {
        let of_document = |document: &Document| {
            let own = document.tracking_number.as_ref().or(only);
            label::of_parcel(std::slice::from_ref(document), own, asked)
        };
        all.extend(documents().flat_map(of_document));
    }
    all.extend(sold.iter().flat_map(|sold| label::papers(&sold.shipment_documents)));
    // A parcel that several answers tell of has one label.
    let mut labelled: Vec<String> = Vec::new();
    let first = |label: &LabelImage| match &label.tracking_number {
        Some(number) if labelled.contains(number) => false,
        Some(number) => {
            labelled.push(number.clone());
            true
        }
        None => true,
    };
    once(all.into_iter().filter(first))
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
