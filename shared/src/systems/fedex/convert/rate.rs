//! Prices and arrivals: Rates and Transit Times v1, for all services at once.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::customs::{self, is_abroad};
use super::parcel::{Boxed, load};
use super::party::{Role, payment, priced};
use super::ship::{hub, money};
use super::{account, day};
use crate::domain::{Offer, RateRequest, Refusal};
use crate::http::Answer;
use crate::ports::{CallError, Later, Obstacle};
use crate::systems::fedex::account::Account;
use crate::systems::fedex::wire::answer::{self, RateDetail, RateReply};
use crate::systems::fedex::wire::request;

const MOST_PARCELS: usize = 100;

const SERVICES: [(&str, &str); 15] = [
    ("FEDEX_GROUND", "FedEx Ground"),
    ("GROUND_HOME_DELIVERY", "FedEx Home Delivery"),
    ("SMART_POST", "FedEx Ground Economy"),
    ("FEDEX_EXPRESS_SAVER", "FedEx Express Saver"),
    ("FEDEX_2_DAY", "FedEx 2Day"),
    ("FEDEX_2_DAY_AM", "FedEx 2Day A.M."),
    ("STANDARD_OVERNIGHT", "FedEx Standard Overnight"),
    ("PRIORITY_OVERNIGHT", "FedEx Priority Overnight"),
    ("FIRST_OVERNIGHT", "FedEx First Overnight"),
    ("INTERNATIONAL_FIRST", "FedEx International First"),
    ("FEDEX_INTERNATIONAL_PRIORITY", "FedEx International Priority"),
    (
        "FEDEX_INTERNATIONAL_PRIORITY_EXPRESS",
        "FedEx International Priority Express",
    ),
    ("INTERNATIONAL_PRIORITY", "FedEx International Priority"),
    ("INTERNATIONAL_ECONOMY", "FedEx International Economy"),
    ("FEDEX_INTERNATIONAL_CONNECT_PLUS", "FedEx International Connect Plus"),
];

/// FedEx counts days in words.
const COUNTS: [&str; 20] = [
    "ONE",
    "TWO",
    "THREE",
    "FOUR",
    "FIVE",
    "SIX",
    "SEVEN",
    "EIGHT",
    "NINE",
    "TEN",
    "ELEVEN",
    "TWELVE",
    "THIRTEEN",
    "FOURTEEN",
    "FIFTEEN",
    "SIXTEEN",
    "SEVENTEEN",
    "EIGHTEEN",
    "NINETEEN",
    "TWENTY",
];

/// The name of a service by its code, where we know it.
pub fn service_name(code: &str) -> Option<&'static str> {
    SERVICES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

/// The body of Rates for what is asked, or what a person must change before FedEx can be asked.
///
/// Who else may pay is not said: FedEx prices for the account that asks, and refuses others.
pub(crate) fn rate(own: &Account, asked: &RateRequest) -> Result<request::Rate, Refusal> {
    // What a payer lacks is told before anything is priced.
    payment(&asked.billing.transport)?;
    let shipper = priced(Role::ShipFrom, &asked.ship_from)?;
    let recipient = priced(Role::ShipTo, &asked.ship_to)?;
    let load = load(&asked.parcels, MOST_PARCELS)?;
    let abroad = is_abroad(&asked.ship_from, &asked.ship_to);
    let goods = asked.customs.as_ref().filter(|_| abroad);
    let goods = goods
        .map(|customs| customs::commodities(customs, load.system))
        .transpose()?;
    Ok(request::Rate {
        account_number: account(&own.number)?,
        rate_request_control_parameters: request::RateControl {
            return_transit_times: true,
        },
        requested_shipment: request::RatedShipment {
            shipper,
            recipient,
            ship_date_stamp: day(asked.ship_date),
            pickup_type: own.options.pickup_type.clone(),
            packaging_type: load.packaging.clone(),
            rate_request_type: vec!["ACCOUNT", "LIST"],
            total_weight: abroad.then(|| load.pounds()).transpose()?,
            total_package_count: load.parcels.len(),
            smart_post_info_detail: hub(own),
            customs_clearance_detail: goods.map(|commodities| request::RatedCustoms { commodities }),
            requested_package_line_items: load.parcels.into_iter().map(package).collect(),
        },
    })
}

fn package(boxed: Boxed) -> request::RatedPackage {
    request::RatedPackage {
        group_package_count: 1,
        weight: boxed.weight,
        dimensions: boxed.dimensions,
    }
}

/// Every offer that names a service and a price.
pub(crate) fn offers(answer: &Answer, ship_date: Date) -> Result<Vec<Offer>, CallError> {
    let unreadable = || CallError::Later(Later::new(Obstacle::Unreachable, "the answer of rating cannot be read"));
    let rates: answer::Rates = answer::output(&answer.body).ok_or_else(unreadable)?;
    let offers: Vec<Offer> = rates
        .rate_reply_details
        .iter()
        .filter_map(|reply| offer(reply, ship_date))
        .collect();
    if offers.is_empty() && !rates.rate_reply_details.is_empty() {
        return Err(unreadable());
    }
    Ok(offers)
}

fn offer(reply: &RateReply, ship_date: Date) -> Option<Offer> {
    let service = reply.service_type.clone()?;
    let priced = |wanted: &str| {
        let is = |detail: &&RateDetail| detail.rate_type.as_deref().is_some_and(|kind| kind.contains(wanted));
        reply.rated_shipment_details.iter().find(is).and_then(money)
    };
    let own = priced("ACCOUNT");
    let named = reply.service_name.as_deref().map(|name| name.replace(['®', '™'], ""));
    Some(Offer {
        name: named.unwrap_or_else(|| service_name(&service).map_or_else(|| service.clone(), str::to_owned)),
        negotiated: own.is_some(),
        cost: own.or_else(|| priced("LIST"))?,
        arrives: arrival(reply, ship_date),
        service,
    })
}

/// The day that FedEx names, else the one that its count of business days comes to.
fn arrival(reply: &RateReply, ship_date: Date) -> Option<Date> {
    let (commit, detail) = (reply.commit.as_ref(), reply.operational_detail.as_ref());
    let named = [
        commit.and_then(|commit| commit.date_detail.as_ref()?.day_format.as_deref()),
        detail.and_then(|detail| detail.delivery_date.as_deref()),
        detail.and_then(|detail| detail.commit_date.as_deref()),
    ];
    let counted = [
        commit.and_then(|commit| commit.days_in_transit.as_deref()),
        commit.and_then(|commit| commit.transit_days.as_ref()?.minimum_transit_time.as_deref()),
        detail.and_then(|detail| detail.transit_time.as_deref()),
    ];
    let day = named.into_iter().flatten().find_map(date);
    day.or_else(|| after(ship_date, counted.into_iter().flatten().find_map(count)?))
}

fn date(text: &str) -> Option<Date> {
    Date::strptime("%Y-%m-%d", text.get(..10)?).ok()
}

/// `TWO_DAYS` is 2.
fn count(words: &str) -> Option<usize> {
    let number = words.strip_suffix("_DAYS").or_else(|| words.strip_suffix("_DAY"))?;
    COUNTS.iter().position(|known| *known == number).map(|place| place + 1)
}

fn after(ship_date: Date, business_days: usize) -> Option<Date> {
    let mut day = ship_date;
    for _ in 0..business_days {
        day = next_business_day(day)?;
    }
    Some(day)
}

fn next_business_day(day: Date) -> Option<Date> {
    let next = day.checked_add(1.day()).ok()?;
    match next.weekday() {
        Weekday::Saturday => next.checked_add(2.days()).ok(),
        Weekday::Sunday => next.checked_add(1.day()).ok(),
        _ => Some(next),
    }
}
