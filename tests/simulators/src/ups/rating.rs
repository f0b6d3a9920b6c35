//! Rates and time in transit (`POST /api/rating/v2409/{Rate|Shop|Ratetimeintransit|Shoptimeintransit}`), by
//! `Rating.yaml`.
//!
//! Quirks: the package key is `PackagingType` here, not `Packaging`; the time-in-transit options need
//! `ShipmentTotalWeight` and `DeliveryTimeInformation`; negotiated charges come only when asked for.

use axum::extract::{Path, State as Shared};
use jiff::civil::{Date, Weekday};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Ups;
use super::answer::{Refusal, Reply, head, put, shaped};
use super::call::Call;
use super::places::{Address, zip_fits_state};
use super::prices::{Load, PackagePrice, Quote, Service, business_days_after, money, quote, services};
use super::read::{at, many, owned, present, text, texts};
use super::ship_rules::{load_of, longest_sides};

/// Rates a shipment with one service or with every service that goes there.
pub(super) async fn rate(Shared(ups): Shared<Ups>, Path(option): Path<String>, call: Call) -> Reply {
    let wants = Wants::of(&option, &call)?;
    let request = at(&call.body, "RateRequest").ok_or_else(|| Refusal::missing("RateRequest"))?;
    let inquiry = Inquiry::of(request, &call, &wants)?;
    let chosen = inquiry.services(request, &wants)?;
    let options = &ups.state().options;
    let rated = chosen
        .into_iter()
        .map(|service| inquiry.rated(service, options.negotiated_rates));
    let rated: Vec<Value> = rated.collect();
    Ok(shaped(
        json!({ "RateResponse": { "Response": head(request, &[]), "RatedShipment": rated } }),
        options,
    ))
}

struct Wants {
    every_service: bool,
    transit: bool,
}

impl Wants {
    fn of(option: &str, call: &Call) -> Result<Self, Refusal> {
        let (every_service, transit) = match option.to_lowercase().as_str() {
            "rate" => (false, false),
            "shop" => (true, false),
            "ratetimeintransit" => (false, true),
            "shoptimeintransit" => (true, true),
            _ => return Err(Refusal::bad("20006", "The requested action is invalid")),
        };
        let asked = call
            .parameter("additionalinfo")
            .is_some_and(|info| info.eq_ignore_ascii_case("timeintransit"));
        Ok(Self {
            every_service,
            transit: transit || asked,
        })
    }
}

struct Inquiry {
    origin: Address,
    destination: Address,
    residential: bool,
    negotiated: bool,
    loads: Vec<Load>,
    /// The pickup's date and time, and the bill type, when time in transit is asked for.
    pickup: Option<(Date, String, String)>,
}

impl Inquiry {
    fn of(request: &Value, call: &Call, wants: &Wants) -> Result<Self, Refusal> {
        let shipment = at(request, "Shipment").ok_or_else(|| Refusal::missing("Shipment"))?;
        check_account(shipment, call)?;
        let shipper = address_of(shipment, "Shipper.Address", "111100")?;
        let destination = address_of(shipment, "ShipTo.Address", "111101")?;
        let origin = if present(shipment, "ShipFrom") {
            address_of(shipment, "ShipFrom.Address", "111102")?
        } else {
            shipper
        };
        let pickup = if wants.transit {
            Some(pickup_of(shipment)?)
        } else {
            None
        };
        Ok(Self {
            origin,
            destination,
            residential: present(shipment, "ShipTo.Address.ResidentialAddressIndicator"),
            negotiated: present(shipment, "ShipmentRatingOptions.NegotiatedRatesIndicator"),
            loads: loads_of(shipment)?,
            pickup,
        })
    }

    fn services(&self, request: &Value, wants: &Wants) -> Result<Vec<&'static Service>, Refusal> {
        let unavailable = || {
            Refusal::bad(
                "111210",
                "The requested service is unavailable between the selected locations.",
            )
        };
        let mut going: Vec<_> = services(&self.origin, &self.destination).collect();
        if !wants.every_service {
            let code = text(request, "Shipment.Service.Code")
                .ok_or_else(|| Refusal::bad("111100", "The requested service is invalid"))?;
            going.retain(|service| service.code == code);
        }
        if going.is_empty() {
            Err(unavailable())
        } else {
            Ok(going)
        }
    }

    fn rated(&self, service: &'static Service, grants_negotiated: bool) -> Value {
        let quote = quote(service, &self.origin, &self.destination, &self.loads, self.residential);
        let mut rated = json!({
            "Service": { "Code": service.code, "Description": service.name },
            "Zone": quote.zone,
            "RatedShipmentAlert": self.alerts(grants_negotiated),
            "BillingWeight": weight(quote.billing_pounds),
            "TransportationCharges": money(quote.sum(PackagePrice::transportation)),
            "BaseServiceCharge": money(quote.sum(|package| package.base)),
            "ItemizedCharges": [itemised_fuel(quote.sum(|package| package.fuel))],
            "ServiceOptionsCharges": money(quote.sum(|package| package.options)),
            "TotalCharges": money(quote.total()),
        });
        if self.negotiated && grants_negotiated {
            put(
                &mut rated,
                "NegotiatedRateCharges",
                json!({ "TotalCharge": money(quote.negotiated()) }),
            );
        }
        put(
            &mut rated,
            "RatedPackage",
            quote.packages.iter().map(rated_package).collect(),
        );
        if let Some(days) = guaranteed(&quote) {
            put(&mut rated, "GuaranteedDelivery", days);
        }
        if let Some(pickup) = &self.pickup {
            put(&mut rated, "TimeInTransit", time_in_transit(&quote, pickup));
        }
        rated
    }

    fn alerts(&self, grants_negotiated: bool) -> Vec<Value> {
        let mut alerts = vec![
            json!({ "Code": "110971", "Description": "Your invoice may vary from the displayed reference rates" }),
        ];
        if self.negotiated && !grants_negotiated {
            alerts.push(json!({ "Code": "110900", "Description": "User Id and Shipper Number combination is not qualified to receive negotiated rates" }));
        }
        alerts
    }
}

fn check_account(shipment: &Value, call: &Call) -> Result<(), Refusal> {
    match text(shipment, "Shipper.ShipperNumber") {
        Some(account) if !call.client.may_use(account) => {
            Err(Refusal::bad("111580", "The shipper number cannot be used by this user"))
        }
        _ => Ok(()),
    }
}

fn address_of(shipment: &Value, path: &str, code: &'static str) -> Result<Address, Refusal> {
    let found = at(shipment, path).ok_or_else(|| Refusal::missing(path))?;
    let address = Address {
        lines: texts(found, "AddressLine"),
        city: owned(found, "City"),
        state: owned(found, "StateProvinceCode"),
        postal: owned(found, "PostalCode"),
        country: owned(found, "CountryCode"),
    };
    if address.country.len() != 2 {
        return Err(Refusal::missing(&format!("{path}.CountryCode")));
    }
    let checked = address.country == "US" && !address.state.is_empty();
    if checked && !zip_fits_state(&address.postal, &address.state) {
        return Err(Refusal::bad(
            code,
            format!("The postal code {} is invalid for {}", address.postal, address.state),
        ));
    }
    Ok(address)
}

fn loads_of(shipment: &Value) -> Result<Vec<Load>, Refusal> {
    let packages = many(shipment, "Package");
    if packages.is_empty() {
        return Err(Refusal::missing("Package"));
    }
    packages.into_iter().map(checked_load).collect()
}

fn checked_load(package: &Value) -> Result<Load, Refusal> {
    text(package, "PackagingType.Code")
        .ok_or_else(|| Refusal::bad("111010", "Packaging type is missing or invalid"))?;
    for unit in ["PackageWeight.UnitOfMeasurement", "Dimensions.UnitOfMeasurement"] {
        if present(package, unit) && text(package, &format!("{unit}.Code")).is_none() {
            return Err(Refusal::missing(unit));
        }
    }
    let load = load_of(package).map_err(|_| Refusal::bad("111036", "Missing or invalid weight or dimensions"))?;
    if load.pounds <= Decimal::ZERO {
        return Err(Refusal::bad("111030", "Packages must weigh more than zero."));
    }
    if load.pounds > Decimal::from(150) {
        return Err(Refusal::bad(
            "111035",
            "The maximum per package weight is 150.00 pounds.",
        ));
    }
    let (longest, girth) = longest_sides(&load);
    if longest > Decimal::from(108) {
        return Err(Refusal::bad("111050", "The length exceeds the maximum of 108 inches"));
    }
    if girth > Decimal::from(165) {
        return Err(Refusal::bad(
            "111055",
            "Package exceeds the maximum size total constraints of 165 inches",
        ));
    }
    Ok(load)
}

fn pickup_of(shipment: &Value) -> Result<(Date, String, String), Refusal> {
    let refuse = || Refusal::bad("111549", "The time in transit information is missing or invalid");
    text(shipment, "ShipmentTotalWeight.Weight").ok_or_else(refuse)?;
    let information = at(shipment, "DeliveryTimeInformation").ok_or_else(refuse)?;
    let bill_type = text(information, "PackageBillType").ok_or_else(refuse)?;
    let date = text(information, "Pickup.Date").ok_or_else(refuse)?;
    let date = Date::strptime("%Y%m%d", date).map_err(|_| refuse())?;
    Ok((
        date,
        text(information, "Pickup.Time").unwrap_or("1000").to_owned(),
        bill_type.to_owned(),
    ))
}

/// A weight with its unit.
fn weight(pounds: Decimal) -> Value {
    json!({ "UnitOfMeasurement": { "Code": "LBS", "Description": "Pounds" }, "Weight": format!("{pounds:.1}") })
}

fn itemised_fuel(amount: Decimal) -> Value {
    let mut charge = money(amount);
    put(&mut charge, "Code", "375".into());
    charge
}

fn rated_package(package: &PackagePrice) -> Value {
    json!({
        "BaseServiceCharge": money(package.base),
        "TransportationCharges": money(package.transportation()),
        "ServiceOptionsCharges": money(package.options),
        "TotalCharges": money(package.total()),
        "Weight": format!("{:.1}", package.billing_pounds),
        "BillingWeight": weight(package.billing_pounds),
    })
}

fn guaranteed(quote: &Quote) -> Option<Value> {
    let timed = quote.service.by != "230000";
    timed.then(|| {
        let hours = quote.service.by.get(..2).unwrap_or_default();
        let minutes = quote.service.by.get(2..4).unwrap_or_default();
        let by = format!("{hours}:{minutes}");
        json!({ "BusinessDaysInTransit": quote.business_days.to_string(), "DeliveryByTime": by })
    })
}

fn time_in_transit(quote: &Quote, pickup: &(Date, String, String)) -> Value {
    let (date, time, bill_type) = pickup;
    let arrival = business_days_after(*date, quote.business_days);
    let total_days = date.until(arrival).map_or(0, |span| span.get_days());
    json!({
        "PickupDate": date.strftime("%Y%m%d").to_string(),
        "PackageBillType": bill_type,
        "ServiceSummary": {
            "Service": { "Description": quote.service.name },
            "EstimatedArrival": {
                "Arrival": { "Date": arrival.strftime("%Y%m%d").to_string(), "Time": quote.service.by },
                "BusinessDaysInTransit": quote.business_days.to_string(),
                "Pickup": { "Date": date.strftime("%Y%m%d").to_string(), "Time": format!("{time:0<6}") },
                "DayOfWeek": day_name(arrival.weekday()),
                "TotalTransitDays": total_days.to_string(),
            },
            "SaturdayDelivery": "0",
        },
    })
}

fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MON",
        Weekday::Tuesday => "TUE",
        Weekday::Wednesday => "WED",
        Weekday::Thursday => "THU",
        Weekday::Friday => "FRI",
        Weekday::Saturday => "SAT",
        Weekday::Sunday => "SUN",
    }
}
