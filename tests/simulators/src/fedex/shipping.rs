//! Creating shipments (`POST /ship/v1/shipments`): one call that checks and bills; and what hangs on it, the results of
//! asynchronous jobs and the validation of a request without an effect.
//!
//! Quirks: there is no idempotency of any kind, so the same request twice is two billed shipments;
//! `x-customer-transaction-id` is only echoed; more than 40 packages are answered with a job.

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State as Shared;
use data_encoding::HEXLOWER;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::answer::{Output, Refusal, Reply, number, put};
use super::call::Call;
use super::customs::{decimal, wants_invoice};
use super::labels::Printer;
use super::model::{Job, Package, Reference, Shipment, State};
use super::prices::{self, PackagePrice, Quote, account_price, quote};
use super::ship_rules::{Draft, account_of, check_processing, load_of};
use super::strict::{Kind, shape};
use super::{Event, EventKind, FedEx, NotReady};
use crate::carriers::read::{at, many, owned, text};

/// Checks and bills a shipment and answers with its labels, or with the job that makes them.
pub(super) async fn ship(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    let now = fedex.now();
    let draft = Draft::of(&call.body, now.to_zoned(TimeZone::UTC).date())?;
    let processing = check_processing(&call.body, draft.packages.len())?;
    let mut state = fedex.state();
    check_accounts(&state, &draft, &call)?;
    let loads: Vec<_> = draft.packages.iter().map(|package| load_of(package)).collect();
    let residential = draft.is_residential();
    let quote = quote(draft.service, &draft.origin, &draft.destination, &loads, residential);
    let shipment = book(&mut state, &draft, &call, &quote, now);
    let link = processing.by_link.then(|| call.host.clone());
    let answer = answered(&mut state, &draft, &shipment, &quote, link, now);
    let waits = processing.too_many_to_wait || (processing.may_wait && state.options.always_asynchronous);
    if waits {
        let job = begin(&mut state, &shipment, answer, now);
        return Ok(Output(
            json!({ "transactionShipments": [], "alerts": [], "jobId": job }),
        ));
    }
    Ok(Output(json!({ "transactionShipments": [answer], "alerts": [] })))
}

/// What an asynchronous shipment came to, once it has.
pub(super) async fn results(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    shape(
        &call.body,
        "body",
        &[("accountNumber", Kind::Object), ("jobId", Kind::Text)],
    )?;
    let account = account_of(&call.body)?;
    let id = text(&call.body, "jobId").ok_or_else(|| Refusal::bad("JOBID.REQUIRED", "jobId is missing"))?;
    let (now, state) = (fedex.now(), fedex.state());
    let job = state
        .jobs
        .get(id)
        .filter(|job| job.account == account && call.project.may_use(&account));
    let job = job.ok_or_else(|| Refusal::bad("JOBID.INVALID", "There is no such job").naming("jobId", id))?;
    if now >= job.ready_at.saturating_add(call.stale).unwrap_or(Timestamp::MAX) {
        return Ok(Output(json!({ "transactionShipments": job.shipments, "alerts": [] })));
    }
    match state.options.not_ready {
        NotReady::Empty => Ok(Output(json!({ "transactionShipments": [], "alerts": [] }))),
        NotReady::Refused => Err(Refusal::bad("JOBID.NOTREADY", "The job is still at work").naming("jobId", id)),
    }
}

/// Checks a request of one package without an effect.
pub(super) async fn validate(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    let draft = Draft::of(&call.body, fedex.now().to_zoned(TimeZone::UTC).date())?;
    check_accounts(&fedex.state(), &draft, &call)?;
    if draft.packages.len() > 1 {
        return Err(Refusal::bad(
            "PACKAGECOUNT.INVALID",
            "Only one package can be validated",
        ));
    }
    let alert = alert("SHIPMENT.VALIDATION.SUCCESS", "The shipment is valid");
    Ok(Output(json!({ "alerts": [alert] })))
}

fn check_accounts(state: &State, draft: &Draft<'_>, call: &Call) -> Result<(), Refusal> {
    if !call.project.may_use(&draft.account) {
        return Err(Refusal::bad(
            "SHIPMENT.USER.UNAUTHORIZED",
            "The account does not belong to the project",
        ));
    }
    if state.options.unbillable_accounts.contains(&draft.billed_to) {
        return Err(
            Refusal::bad("ACCOUNTNUMBER.NOTBILLABLE", "The account cannot be billed")
                .naming("accountNumber", &draft.billed_to),
        );
    }
    Ok(())
}

fn book(state: &mut State, draft: &Draft<'_>, call: &Call, quote: &Quote, now: Timestamp) -> Shipment {
    let packages: Vec<Package> = draft
        .packages
        .iter()
        .map(|package| parcel(state, draft, package, now))
        .collect();
    let master = packages.first().map(|package| package.tracking_number.clone());
    let contact = |key: &str| text(draft.recipient, key);
    let shipment = Shipment {
        serial: state.next_serial(),
        master: master.unwrap_or_default(),
        account: draft.account.clone(),
        billed_to: draft.billed_to.clone(),
        service: draft.service.code,
        carrier_code: prices::carrier_code(draft.service),
        transaction: call.transaction.clone(),
        origin: draft.origin.clone(),
        destination: draft.destination.clone(),
        recipient: contact("contact.personName")
            .or(contact("contact.companyName"))
            .unwrap_or_default()
            .to_owned(),
        packages,
        ship_date: draft.ship_date,
        business_days: quote.business_days,
        list_charge: quote.total(),
        charge: account_price(quote.total()),
        request_hash: HEXLOWER.encode(digest(&SHA256, &call.raw).as_ref()),
        billed_at: now,
        cancelled_at: None,
    };
    state.bill(shipment.clone());
    shipment
}

fn parcel(state: &mut State, draft: &Draft<'_>, package: &Value, now: Timestamp) -> Package {
    let references = many(package, "customerReferences")
        .into_iter()
        .map(|reference| Reference {
            kind: owned(reference, "customerReferenceType"),
            value: owned(reference, "value"),
        });
    Package {
        tracking_number: state.next_number(),
        weight: decimal(package, "weight.value").unwrap_or_default(),
        weight_unit: owned(package, "weight.units"),
        references: references.collect(),
        events: vec![Event {
            kind: EventKind::LabelCreated,
            at: now,
            place: draft.origin.clone(),
        }],
    }
}

fn begin(state: &mut State, shipment: &Shipment, answer: Value, now: Timestamp) -> String {
    let life = SignedDuration::from_secs(i64::from(state.options.job_s));
    let id = format!("89s{:05}233ae24ff31", shipment.serial);
    let job = Job {
        account: shipment.account.clone(),
        ready_at: now.saturating_add(life).unwrap_or(Timestamp::MAX),
        shipments: json!([answer]),
    };
    state.jobs.insert(id.clone(), job);
    id
}

/// The element of `transactionShipments`; `link` is the host for links in place of documents.
fn answered(
    state: &mut State,
    draft: &Draft<'_>,
    shipment: &Shipment,
    quote: &Quote,
    link: Option<String>,
    now: Timestamp,
) -> Value {
    let image = owned(draft.shipment, "labelSpecification.imageType");
    let mut printer = Printer::new(&mut state.documents, link, now);
    let labels: Vec<Value> = shipment
        .packages
        .iter()
        .map(|package| printer.label(&image, shipment, package))
        .collect();
    let documents = if wants_invoice(draft.shipment) {
        vec![printer.invoice(shipment)]
    } else {
        Vec::new()
    };
    let pieces = (1_u32..)
        .zip(&shipment.packages)
        .zip(&quote.packages)
        .zip(labels)
        .zip(&draft.packages);
    let pieces: Vec<Value> = pieces
        .map(|((((place, package), price), label), asked)| {
            let mut piece = piece(shipment, place, package, price, label);
            // References come back only where the number of packages was given.
            if at(asked, "groupPackageCount").is_some() {
                put(&mut piece, "customerReferences", references(package));
            }
            if state.options.old_names {
                rename(&mut piece, "listRateAmount", "netListRateAmount");
                rename(&mut piece, "codCollectionAmount", "codcollectionAmount");
            }
            piece
        })
        .collect();
    let mut answer = json!({
        "masterTrackingNumber": shipment.master,
        "serviceType": shipment.service,
        "serviceName": draft.service.name,
        "serviceCategory": prices::category(draft.service),
        "shipDatestamp": shipment.ship_date.to_string(),
        "pieceResponses": pieces,
        "completedShipmentDetail": completed(draft, shipment, quote, state.options.omit_rates),
        "alerts": alerts(draft),
    });
    if !documents.is_empty() {
        put(&mut answer, "shipmentDocuments", documents.into());
    }
    answer
}

fn rename(piece: &mut Value, from: &str, to: &str) {
    if let Value::Object(fields) = piece
        && let Some(value) = fields.remove(from)
    {
        fields.insert(to.to_owned(), value);
    }
}

fn piece(shipment: &Shipment, place: u32, package: &Package, price: &PackagePrice, label: Value) -> Value {
    json!({
        "masterTrackingNumber": shipment.master,
        "trackingNumber": package.tracking_number,
        "packageSequenceNumber": place,
        "trackingIdType": "FEDEX",
        "netChargeAmount": number(account_price(price.total())),
        "baseRateAmount": number(price.base),
        "listRateAmount": number(price.total()),
        "netDiscountAmount": number(price.total() - account_price(price.total())),
        "codCollectionAmount": 0.0,
        "additionalChargesDiscount": 0.0,
        "deliveryTimestamp": shipment.promised().to_string(),
        "packageDocuments": [label],
    })
}

fn references(package: &Package) -> Value {
    let told = package
        .references
        .iter()
        .map(|reference| json!({ "customerReferenceType": reference.kind, "value": reference.value }));
    told.collect()
}

fn completed(draft: &Draft<'_>, shipment: &Shipment, quote: &Quote, without_rates: bool) -> Value {
    let packages = (1_u32..).zip(&shipment.packages).map(|(place, package)| {
        json!({
            "sequenceNumber": place,
            "trackingIds": [tracking_id(&package.tracking_number)],
            "packageRating": { "packageRateDetails": [] },
        })
    });
    let service = draft.service;
    let mut completed = json!({
        "usDomestic": shipment.origin.country == "US" && shipment.destination.country == "US",
        "carrierCode": shipment.carrier_code,
        "masterTrackingId": tracking_id(&shipment.master),
        "serviceDescription": {
            "serviceType": service.code,
            "code": prices::number_of(service),
            "names": [{ "type": "long", "encoding": "utf-8", "value": service.name }],
        },
        "operationalDetail": {
            "transitTime": prices::days_in_words(quote.business_days),
            "deliveryDate": shipment.promised().to_string(),
            "commitDate": shipment.promised().to_string(),
        },
        "completedPackageDetails": packages.collect::<Vec<_>>(),
    });
    if !without_rates {
        put(&mut completed, "shipmentRating", rating(quote));
    }
    completed
}

fn tracking_id(number: &str) -> Value {
    json!({ "trackingIdType": "FEDEX", "formId": "0201", "trackingNumber": number })
}

fn rating(quote: &Quote) -> Value {
    let rate = |kind: &str, net: Decimal| {
        json!({
            "rateType": kind,
            "currency": "USD",
            "rateZone": quote.zone,
            "totalNetCharge": number(net),
            "totalNetFedExCharge": number(net),
            "totalBaseCharge": number(quote.sum(|package| package.base)),
            "totalSurcharges": number(quote.sum(|package| package.fuel + package.options)),
            "totalBillingWeight": { "units": "LB", "value": number(quote.billing_pounds) },
        })
    };
    json!({
        "actualRateType": "PAYOR_ACCOUNT_SHIPMENT",
        // The list price comes first: whoever takes the first is told the wrong one.
        "shipmentRateDetails": [
            rate("PAYOR_LIST_SHIPMENT", quote.total()),
            rate("PAYOR_ACCOUNT_SHIPMENT", account_price(quote.total())),
        ],
    })
}

fn alerts(draft: &Draft<'_>) -> Vec<Value> {
    let ground_to_a_home = draft.service.code == "FEDEX_GROUND" && draft.is_residential();
    let told = ground_to_a_home.then(|| alert("SHIPMENT.RESIDENTIAL.NOTE", "Home Delivery is meant for homes"));
    told.into_iter().collect()
}

fn alert(code: &str, message: &str) -> Value {
    json!({ "code": code, "alertType": "NOTE", "message": message })
}
