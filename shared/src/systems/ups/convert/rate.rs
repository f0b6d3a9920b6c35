//! Prices and arrivals: Rating v2409 `Shop` with time in transit.

use jiff::civil::Date;

use super::day;
use super::parcel::{Boxed, Wording, load};
use super::party::{Contact, Role, charge, party};
use super::ship::{Sender, money, negotiated, residential};
use crate::domain::{Offer, RateRequest, Refusal};
use crate::http::Answer;
use crate::ports::{CallError, Later, Obstacle};
use crate::systems::ups::wire::answer::{self, RatedShipment, TimeInTransit};
use crate::systems::ups::wire::request;

const NON_DOCUMENT: &str = "03";

const SERVICES: [(&str, &str); 30] = [
    ("01", "UPS Next Day Air"),
    ("02", "UPS 2nd Day Air"),
    ("03", "UPS Ground"),
    ("07", "UPS Worldwide Express"),
    ("08", "UPS Worldwide Expedited"),
    ("11", "UPS Standard"),
    ("12", "UPS 3 Day Select"),
    ("13", "UPS Next Day Air Saver"),
    ("14", "UPS Next Day Air Early"),
    ("17", "UPS Worldwide Economy DDU"),
    ("54", "UPS Worldwide Express Plus"),
    ("59", "UPS 2nd Day Air A.M."),
    ("65", "UPS Worldwide Saver"),
    ("70", "UPS Access Point Economy"),
    ("71", "UPS Worldwide Express Freight Midday"),
    ("72", "UPS Worldwide Economy DDP"),
    ("74", "UPS Express 12:00"),
    ("75", "UPS Heavy Goods"),
    ("82", "UPS Today Standard"),
    ("83", "UPS Today Dedicated Courier"),
    ("84", "UPS Today Intercity"),
    ("85", "UPS Today Express"),
    ("86", "UPS Today Express Saver"),
    ("96", "UPS Worldwide Express Freight"),
    ("M2", "UPS First Class Mail"),
    ("M3", "UPS Priority Mail"),
    ("M4", "UPS Expedited Mail Innovations"),
    ("M5", "UPS Priority Mail Innovations"),
    ("M6", "UPS Economy Mail Innovations"),
    ("M7", "UPS Mail Innovations Returns"),
];

/// The name of a service by its code, where we know it; UPS often leaves the description empty.
pub fn service_name(code: &str) -> Option<&'static str> {
    SERVICES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

/// The body of Rating for what is asked, or what a person must change before UPS can be asked.
pub(crate) fn rate(sender: Sender<'_>, asked: &RateRequest) -> Result<request::RateBody, Refusal> {
    let options = &sender.account.options;
    Ok(request::RateBody {
        rate_request: request::Rate {
            request: request::Request {
                request_option: Some("Shop"),
                sub_version: "2409",
                transaction_reference: None,
            },
            pickup_type: request::Code::new(options.pickup_type.as_str()),
            customer_classification: request::Code::new(options.customer_classification.as_str()),
            shipment: shipment(sender, asked)?,
        },
    })
}

fn shipment(sender: Sender<'_>, asked: &RateRequest) -> Result<request::RatedShipment, Refusal> {
    let load = load(&asked.parcels, Wording::Described)?;
    let transport = charge(
        "01",
        &asked.billing.transport,
        &sender.account.number,
        &asked.ship_to.country,
    )?;
    let mut ship_to = place(party(Role::ShipTo, &asked.ship_to, Contact::None)?);
    ship_to.address.residential_address_indicator = residential(&asked.ship_to);
    Ok(request::RatedShipment {
        shipper: place(sender.shipper(&asked.ship_from, Contact::None)?),
        ship_to,
        ship_from: place(party(Role::ShipFrom, &asked.ship_from, Contact::None)?),
        payment_details: request::Payment {
            shipment_charge: vec![transport],
        },
        shipment_rating_options: sender.rating_options(),
        shipment_total_weight: load.total,
        delivery_time_information: request::DeliveryTime {
            package_bill_type: NON_DOCUMENT,
            pickup: request::Pickup {
                date: day(asked.ship_date),
                time: sender.account.options.pickup_time.clone(),
            },
        },
        package: load.parcels.into_iter().map(package).collect(),
    })
}

/// Rating takes states of two letters only.
fn place(mut party: request::Party) -> request::Party {
    party.address.state_province_code = party.address.state_province_code.filter(|state| state.len() == 2);
    party
}

fn package(boxed: Boxed) -> request::RatedPackage {
    request::RatedPackage {
        packaging_type: request::Code::new(boxed.packaging),
        dimensions: boxed.dimensions,
        package_weight: boxed.weight,
    }
}

/// Every offer that names a service and a price.
pub(crate) fn offers(answer: &Answer) -> Result<Vec<Offer>, CallError> {
    let unreadable = || CallError::Later(Later::new(Obstacle::Unreachable, "the answer of rating cannot be read"));
    let rate: answer::Rate = answer::body(&answer.body, "RateResponse").ok_or_else(unreadable)?;
    let offers: Vec<Offer> = rate.rated_shipment.iter().filter_map(offer).collect();
    if offers.is_empty() && !rate.rated_shipment.is_empty() {
        return Err(unreadable());
    }
    Ok(offers)
}

fn offer(rated: &RatedShipment) -> Option<Offer> {
    let named = rated.service.as_ref()?;
    let service = format!("{:0>2}", named.code.as_deref()?);
    let own = negotiated(rated.negotiated_rate_charges.as_ref());
    Some(Offer {
        name: named.description.clone().unwrap_or_else(|| name(&service)),
        negotiated: own.is_some(),
        cost: match own {
            Some(own) => own,
            None => money(rated.total_charges.as_ref()?)?,
        },
        arrives: arrival(rated),
        service,
    })
}

fn name(service: &str) -> String {
    service_name(service).map_or_else(|| format!("UPS service {service}"), str::to_owned)
}

fn arrival(rated: &RatedShipment) -> Option<Date> {
    let promised = rated
        .guaranteed_delivery
        .as_ref()
        .and_then(|delivery| delivery.scheduled_delivery_date.as_deref());
    rated
        .time_in_transit
        .as_ref()
        .and_then(estimated)
        .or_else(|| date(promised?))
}

fn estimated(transit: &TimeInTransit) -> Option<Date> {
    let arrival = transit
        .service_summary
        .as_ref()?
        .estimated_arrival
        .as_ref()?
        .arrival
        .as_ref()?;
    date(arrival.date.as_deref()?)
}

fn date(text: &str) -> Option<Date> {
    Date::strptime("%Y%m%d", text).ok()
}
