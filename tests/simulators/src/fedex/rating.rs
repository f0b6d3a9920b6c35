//! Rates and transit times (`POST /rate/v1/rates/quotes`).
//!
//! Quirks: `recipient` and `shipDateStamp` here, `recipients` and `shipDatestamp` in Ship; without a service every one
//! that goes there is told; the list price may stand before the account's.

use axum::extract::State as Shared;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::FedEx;
use super::answer::{Output, Refusal, Reply, number, put};
use super::call::Call;
use super::parties::{ADDRESS, address_of, is_residential, payer};
use super::prices::{
    Load, Quote, Service, YOUR_PACKAGING, account_price, days_in_words, every_service, goes, is_ground, is_packaging,
    quote, service_named,
};
use super::ship_rules::{account_of, check_size, load_of, packages_of};
use super::strict::{Checked, Field, Kind, ensure, shape};
use crate::carriers::places::{Address, needs_postal, postal_fits_country, zip_fits_state};
use crate::carriers::prices::business_days_after;
use crate::carriers::read::{at, many, present, text, texts};

const ROOT: &[Field] = &[
    ("accountNumber", Kind::Object),
    ("rateRequestControlParameters", Kind::Object),
    ("requestedShipment", Kind::Object),
    ("carrierCodes", Kind::List),
];
const SHIPMENT: &[Field] = &[
    ("shipper", Kind::Object),
    ("recipient", Kind::Object),
    ("serviceType", Kind::Text),
    ("emailNotificationDetail", Kind::Object),
    ("preferredCurrency", Kind::Text),
    ("rateRequestType", Kind::List),
    ("shipDateStamp", Kind::Text),
    ("pickupType", Kind::Text),
    ("requestedPackageLineItems", Kind::List),
    ("documentShipment", Kind::Flag),
    ("variableHandlingChargeDetail", Kind::Object),
    ("packagingType", Kind::Text),
    ("totalPackageCount", Kind::Integer),
    ("totalWeight", Kind::Number),
    ("shipmentSpecialServices", Kind::Object),
    ("customsClearanceDetail", Kind::Object),
    ("smartPostInfoDetail", Kind::Object),
    ("shippingChargesPayment", Kind::Object),
];
const PACKAGE: &[Field] = &[
    ("subPackagingType", Kind::Text),
    ("groupPackageCount", Kind::Integer),
    ("declaredValue", Kind::Object),
    ("weight", Kind::Object),
    ("dimensions", Kind::Object),
    ("variableHandlingChargeDetail", Kind::Object),
    ("packageSpecialServices", Kind::Object),
];
const RATE_TYPES: [&str; 5] = ["LIST", "INCENTIVE", "ACCOUNT", "PREFERRED", "RETAIL"];
const MOST_PACKAGES: usize = 100;

/// Quotes a shipment with one service or with every service that goes there.
pub(super) async fn quotes(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    // A day is over where the shipper is, in Honolulu ten hours after Greenwich.
    let today = (fedex.now() - SignedDuration::from_hours(10))
        .to_zoned(TimeZone::UTC)
        .date();
    let inquiry = Inquiry::of(&call, today)?;
    let details: Vec<Value> = inquiry
        .services()?
        .into_iter()
        .map(|service| inquiry.rated(service))
        .collect();
    Ok(Output(json!({
        "rateReplyDetails": details,
        "quoteDate": inquiry.ship_date.to_string(),
        "encoded": false,
        "alerts": [],
    })))
}

struct Inquiry<'a> {
    shipment: &'a Value,
    origin: Address,
    destination: Address,
    residential: bool,
    loads: Vec<Load>,
    ship_date: Date,
    transit: bool,
}

impl<'a> Inquiry<'a> {
    fn of(call: &'a Call, today: Date) -> Result<Self, Refusal> {
        let body = &call.body;
        shape(body, "body", ROOT)?;
        let account = account_of(body)?;
        ensure(
            call.project.may_use(&account),
            "SHIPMENT.USER.UNAUTHORIZED",
            "The account does not belong to the project",
        )?;
        ensure(
            many(body, "carrierCodes").len() <= 1,
            "CARRIERCODES.INVALID",
            "One carrier at a time",
        )?;
        let shipment = at(body, "requestedShipment");
        let shipment = shipment.ok_or_else(|| missing("REQUESTEDSHIPMENT"))?;
        shape(shipment, "requestedShipment", SHIPMENT)?;
        if present(shipment, "shippingChargesPayment") {
            payer(
                at(shipment, "shippingChargesPayment"),
                "SHIPPINGCHARGESPAYMENT",
                &account,
            )?;
        }
        check_words(shipment)?;
        let recipient = at(shipment, "recipient").ok_or_else(|| missing("RECIPIENT"))?;
        Ok(Self {
            shipment,
            origin: place(shipment, "shipper")?,
            destination: place(shipment, "recipient")?,
            residential: is_residential(recipient),
            loads: loads(shipment)?,
            ship_date: ship_date(shipment, today)?,
            transit: at(body, "rateRequestControlParameters.returnTransitTimes").and_then(Value::as_bool) == Some(true),
        })
    }

    fn services(&self) -> Result<Vec<&'static Service>, Refusal> {
        let asked = text(self.shipment, "serviceType");
        if asked.is_some_and(|name| service_named(name).is_none()) {
            return Err(Refusal::bad("SERVICETYPE.INVALID", "The service is not known"));
        }
        let wanted = |service: &&Service| asked.is_none_or(|name| name == service.code);
        let going = every_service().filter(wanted).filter(|service| self.offers(service));
        let going: Vec<_> = going.collect();
        ensure(
            !going.is_empty(),
            "SERVICETYPE.NOTAVAILABLE",
            "No such service goes there",
        )?;
        Ok(going)
    }

    fn offers(&self, service: &Service) -> bool {
        let own_packaging = text(self.shipment, "packagingType").is_none_or(|packaging| packaging == YOUR_PACKAGING);
        let meant_for_it = match service.code {
            "GROUND_HOME_DELIVERY" => self.residential,
            "FEDEX_GROUND" => !self.residential,
            "SMART_POST" => present(self.shipment, "smartPostInfoDetail") && self.loads.len() == 1,
            _ => true,
        };
        goes(service, &self.origin, &self.destination) && meant_for_it && (own_packaging || !is_ground(service))
    }

    fn rated(&self, service: &'static Service) -> Value {
        let quote = quote(service, &self.origin, &self.destination, &self.loads, self.residential);
        let arrival = business_days_after(self.ship_date, quote.business_days);
        let mut rated = json!({
            "serviceType": service.code,
            "serviceName": service.name,
            "packagingType": text(self.shipment, "packagingType").unwrap_or(YOUR_PACKAGING),
            "ratedShipmentDetails": self.details(&quote),
            "operationalDetail": {
                "transitTime": days_in_words(quote.business_days),
                "ineligibleForMoneyBackGuarantee": false,
            },
        });
        if self.transit {
            put(&mut rated, "commit", commit(&quote, arrival));
            if let Some(detail) = rated.get_mut("operationalDetail") {
                put(detail, "deliveryDate", arrival.to_string().into());
                put(detail, "commitDate", format!("{arrival}T{}", service.by).into());
            }
        }
        rated
    }

    fn details(&self, quote: &Quote) -> Vec<Value> {
        let asked = texts(self.shipment, "rateRequestType");
        let list = asked
            .iter()
            .any(|kind| kind == "LIST")
            .then(|| detail("LIST", quote.total(), quote));
        let account = asked.is_empty() || asked.iter().any(|kind| kind != "LIST");
        let account = account.then(|| detail("ACCOUNT", account_price(quote.total()), quote));
        list.into_iter().chain(account).collect()
    }
}

fn missing(what: &str) -> Refusal {
    Refusal::bad(format!("{what}.REQUIRED"), format!("{what} is missing"))
}

fn check_words(shipment: &Value) -> Checked {
    match text(shipment, "pickupType") {
        Some("CONTACT_FEDEX_TO_SCHEDULE" | "DROPOFF_AT_FEDEX_LOCATION" | "USE_SCHEDULED_PICKUP") => {}
        Some(_) => return Err(Refusal::bad("PICKUPTYPE.INVALID", "The kind of pickup is not known")),
        None => return Err(missing("PICKUPTYPE")),
    }
    let packaging = text(shipment, "packagingType");
    ensure(
        packaging.is_none_or(is_packaging),
        "PACKAGINGTYPE.INVALID",
        "The packaging is not known",
    )?;
    let known = texts(shipment, "rateRequestType")
        .iter()
        .all(|kind| RATE_TYPES.contains(&kind.as_str()));
    ensure(known, "RATEREQUESTTYPE.INVALID", "The type of rate is not known")
}

fn place(shipment: &Value, party: &str) -> Result<Address, Refusal> {
    let code = party.to_uppercase();
    let missing = || missing(&format!("{code}.ADDRESS"));
    let given = at(shipment, party).ok_or_else(missing)?;
    shape(given, party, &[("address", Kind::Object)])?;
    let address = at(given, "address").ok_or_else(missing)?;
    shape(address, party, ADDRESS)?;
    let address = address_of(address);
    let capitals = address.country.len() == 2 && address.country.bytes().all(|byte| byte.is_ascii_uppercase());
    ensure(
        capitals,
        format!("{code}.COUNTRYCODE.INVALID"),
        "The country is not known",
    )?;
    ensure(
        address.state.chars().count() <= 2,
        format!("{code}.ADDRESSSTATEORPROVINCECODE.MAXCHAREXCEEDED"),
        "The state has more than two letters",
    )?;
    let formed = !needs_postal(&address.country) || postal_fits_country(&address.postal, &address.country);
    let placed = address.country != "US" || address.state.is_empty() || zip_fits_state(&address.postal, &address.state);
    ensure(
        formed && placed,
        format!("{code}.POSTALCODE.INVALID"),
        "The postal code is not one of that place",
    )?;
    Ok(address)
}

fn loads(shipment: &Value) -> Result<Vec<Load>, Refusal> {
    let packages = packages_of(shipment)?;
    ensure(
        packages.len() <= MOST_PACKAGES,
        "PACKAGECOUNT.MAXEXCEEDED",
        "More than 100 packages",
    )?;
    packages.iter().try_for_each(|package| {
        shape(package, "requestedPackageLineItems", PACKAGE)?;
        check_size(package)
    })?;
    Ok(packages.into_iter().map(load_of).collect())
}

fn ship_date(shipment: &Value, today: Date) -> Result<Date, Refusal> {
    let Some(sent) = text(shipment, "shipDateStamp") else {
        return Ok(today);
    };
    let last = today.saturating_add(Span::new().days(10));
    let date = Date::strptime("%Y-%m-%d", sent).ok();
    let date = date.filter(|date| (today..=last).contains(date));
    date.ok_or_else(|| {
        Refusal::bad(
            "SHIPDATESTAMP.INVALID",
            "The day has passed, or is more than ten days ahead",
        )
    })
}

fn detail(kind: &str, net: Decimal, quote: &Quote) -> Value {
    json!({
        "rateType": kind,
        "ratedWeightMethod": "ACTUAL",
        "totalDiscounts": number(quote.total() - net),
        "totalBaseCharge": number(quote.sum(|package| package.base)),
        "totalNetCharge": number(net),
        "totalNetFedExCharge": number(net),
        "currency": "USD",
        "shipmentRateDetail": {
            "currency": "USD",
            "rateZone": quote.zone,
            "totalSurcharges": number(quote.sum(|package| package.fuel + package.options)),
            "fuelSurchargePercent": 16.5,
            "surCharges": [{
                "type": "FUEL",
                "description": "Fuel Surcharge",
                "amount": number(quote.sum(|package| package.fuel)),
            }],
            "totalBillingWeight": { "units": "LB", "value": number(quote.billing_pounds) },
        },
        "ratedPackages": [],
    })
}

fn commit(quote: &Quote, arrival: Date) -> Value {
    let days = days_in_words(quote.business_days);
    let day = match arrival.weekday() {
        Weekday::Monday => "MON",
        Weekday::Tuesday => "TUE",
        Weekday::Wednesday => "WED",
        Weekday::Thursday => "THU",
        Weekday::Friday => "FRI",
        Weekday::Saturday => "SAT",
        Weekday::Sunday => "SUN",
    };
    json!({
        "dateDetail": { "dayOfWeek": day, "dayFormat": format!("{arrival}T{}", quote.service.by) },
        "daysInTransit": days,
        "transitDays": { "minimumTransitTime": days, "description": days },
        "label": format!("Delivery by {arrival}"),
        "commitMessageDetails": "",
        "saturdayDelivery": false,
    })
}
