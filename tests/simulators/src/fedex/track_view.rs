//! What Track tells of a parcel.
//!
//! Quirks: look-ups by reference and of associated packages put a scan's place deeper than those by number; counts and
//! weights are texts; times are local ones with or without their offset; references stand under `values`, or `value`;
//! the latest scan comes first.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{number, put};
use super::journey::wording;
use super::model::{Package, Shipment};
use super::{Address, Event, EventKind, Identifiers, Options};
use crate::carriers::journey::SIGNED_BY;

/// How a result is told.
pub(super) struct View<'a> {
    pub(super) options: &'a Options,
    /// Every scan is told, not the latest alone.
    pub(super) detailed: bool,
    /// A scan's place lies deeper, as look-ups by reference and of associated packages tell it.
    pub(super) nested: bool,
}

impl View<'_> {
    /// One element of `trackResults`.
    pub(super) fn result(&self, shipment: &Shipment, package: &Package) -> Value {
        let number = &package.tracking_number;
        let scans = package
            .events
            .iter()
            .rev()
            .take(if self.detailed { usize::MAX } else { 1 });
        let place = shipment.packages.iter().position(|one| one.tracking_number == *number);
        let mut result = json!({
            "trackingNumberInfo": {
                "trackingNumber": number,
                "trackingNumberUniqueId": shipment.unique_id(number),
                "carrierCode": shipment.carrier_code,
            },
            "additionalTrackingInfo": {
                "nickname": "",
                "hasAssociatedShipments": shipment.packages.len() > 1,
                "packageIdentifiers": self.identifiers(shipment, package),
            },
            "scanEvents": scans.map(|event| self.scan(event)).collect::<Vec<_>>(),
            "dateAndTimes": self.dates(shipment, package),
            "packageDetails": {
                "sequenceNumber": self.count(place.unwrap_or_default() + 1),
                "count": self.count(shipment.packages.len()),
                "weightAndDimensions": { "weight": [self.weight(package)] },
            },
            "shipmentDetails": { "beforePossessionStatus": !package.is_scanned() },
            "serviceDetail": { "type": shipment.service, "description": shipment.service },
            "shipperInformation": { "address": place_of(&shipment.origin) },
            "recipientInformation": { "address": place_of(&shipment.destination) },
            "deliveryDetails": delivery(shipment, package),
        });
        if let Some(latest) = package.events.last() {
            put(&mut result, "latestStatusDetail", status(latest));
        }
        result
    }

    fn identifiers(&self, shipment: &Shipment, package: &Package) -> Vec<Value> {
        let told = package.references.iter().map(|reference| {
            let kind = self.kind_in_track(shipment, &reference.kind);
            let mut identifier = json!({ "type": kind, "trackingNumberUniqueId": "", "carrierCode": "" });
            let (key, value) = match self.options.identifiers {
                Identifiers::Values => ("values", json!([reference.value])),
                Identifiers::ValueArray => ("value", json!([reference.value])),
                Identifiers::ValueText => ("value", json!(reference.value)),
            };
            put(&mut identifier, key, value);
            identifier
        });
        told.collect()
    }

    /// Track's name for a type of reference; others than Ship's.
    pub(super) fn kind_in_track(&self, shipment: &Shipment, kind: &str) -> &'static str {
        let express = shipment.carrier_code == "FDXE";
        match kind {
            "CUSTOMER_REFERENCE" if express && self.options.reference_type_by_service => "SHIPPER_REFERENCE",
            "CUSTOMER_REFERENCE" => "CUSTOMER_REFERENCE",
            "P_O_NUMBER" => "PURCHASE_ORDER",
            "INVOICE_NUMBER" => "INVOICE",
            "DEPARTMENT_NUMBER" => "DEPARTMENT",
            "RMA_ASSOCIATION" => "RETURN_MATERIALS_AUTHORIZATION",
            _ => "INTRACOUNTRY_REGULATORY_REFERENCE",
        }
    }

    fn scan(&self, event: &Event) -> Value {
        let words = wording(event.kind);
        // Scans know fewer coarse codes than the status: out for delivery is still in transit.
        let (derived, name) = if words.derived == "OD" {
            ("IT", "In transit")
        } else {
            (words.derived, words.status)
        };
        let (code, description) = words.exception;
        let mut scan = json!({
            "date": self.time(event.at, &event.place),
            "eventType": words.code,
            "eventDescription": words.description,
            "exceptionCode": code,
            "exceptionDescription": description,
            "derivedStatusCode": derived,
            "derivedStatus": name,
        });
        if self.nested {
            let place = json!({ "locationId": "", "locationContactAndAddress": { "address": scanned_at(event) } });
            put(&mut scan, "scanLocation", place);
        } else {
            put(&mut scan, "scanLocation", scanned_at(event));
            put(&mut scan, "locationType", location_type(event.kind).into());
        }
        scan
    }

    fn dates(&self, shipment: &Shipment, package: &Package) -> Vec<Value> {
        let happened = |kind: EventKind, name: &str| {
            let event = package.events.iter().find(|event| event.kind == kind)?;
            Some(json!({ "type": name, "dateTime": self.time(event.at, &event.place) }))
        };
        let day = |name: &str, date: jiff::civil::Date, place: &Address| {
            let at = date.to_zoned(place.time_zone()).map(|zoned| zoned.timestamp());
            json!({ "type": name, "dateTime": self.time(at.unwrap_or(shipment.billed_at), place) })
        };
        let delivered = happened(EventKind::Delivered, "ACTUAL_DELIVERY");
        let delivered = delivered.or_else(|| happened(EventKind::Returned, "ACTUAL_DELIVERY"));
        let expected = delivered
            .is_none()
            .then(|| day("ESTIMATED_DELIVERY", shipment.promised(), &shipment.destination));
        let mut dates: Vec<Value> = delivered.into_iter().chain(expected).collect();
        dates.extend(happened(EventKind::PickedUp, "ACTUAL_PICKUP"));
        dates.push(day("SHIP", shipment.ship_date, &shipment.origin));
        dates
    }

    /// A time as Track writes it.
    fn time(&self, at: Timestamp, place: &Address) -> String {
        let form = if self.options.dates_without_offset {
            "%Y-%m-%dT%H:%M:%S"
        } else {
            "%Y-%m-%dT%H:%M:%S%:z"
        };
        at.to_zoned(place.time_zone()).strftime(form).to_string()
    }

    fn count(&self, count: usize) -> Value {
        if self.options.numbers_as_numbers {
            count.into()
        } else {
            count.to_string().into()
        }
    }

    fn weight(&self, package: &Package) -> Value {
        let value = if self.options.numbers_as_numbers {
            number(package.weight)
        } else {
            format!("{:.1}", package.weight).into()
        };
        json!({ "value": value, "unit": package.weight_unit })
    }
}

fn status(event: &Event) -> Value {
    let words = wording(event.kind);
    let (reason, description) = words.exception;
    let mut status = json!({
        "code": words.code,
        "derivedCode": words.derived,
        "statusByLocale": words.status,
        "description": words.description,
        "scanLocation": scanned_at(event),
    });
    if !reason.is_empty() {
        let detail =
            json!({ "reason": reason, "reasonDescription": description, "action": "", "actionDescription": "" });
        put(&mut status, "ancillaryDetails", json!([detail]));
    }
    if event.kind == EventKind::WeatherDelay {
        put(
            &mut status,
            "delayDetail",
            json!({ "status": "DELAYED", "type": "WEATHER" }),
        );
    }
    status
}

/// Where a scan was made; what is about the label only names its country.
fn scanned_at(event: &Event) -> Value {
    if event.kind.is_about_billing() {
        return json!({ "countryCode": event.place.country });
    }
    place_of(&event.place)
}

fn place_of(address: &Address) -> Value {
    json!({
        "city": address.city.to_uppercase(),
        "stateOrProvinceCode": address.state,
        "postalCode": address.postal,
        "countryCode": address.country,
        "residential": false,
    })
}

fn location_type(kind: EventKind) -> &'static str {
    match kind {
        EventKind::LabelCreated | EventKind::Voided => "CUSTOMER",
        EventKind::PickedUp => "PICKUP_LOCATION",
        EventKind::OutForDelivery => "VEHICLE",
        EventKind::Delivered | EventKind::Returned | EventKind::Attempted | EventKind::Refused => "DELIVERY_LOCATION",
        _ => "FEDEX_FACILITY",
    }
}

fn delivery(shipment: &Shipment, package: &Package) -> Value {
    let attempts = package
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Attempted)
        .count();
    let mut delivery = json!({ "deliveryAttempts": attempts.to_string(), "deliveryToday": false });
    if package.events.iter().any(|event| event.kind == EventKind::Delivered) {
        put(&mut delivery, "receivedByName", SIGNED_BY.into());
        put(&mut delivery, "signedByName", SIGNED_BY.into());
        put(&mut delivery, "actualDeliveryAddress", place_of(&shipment.destination));
        put(&mut delivery, "locationDescription", "Receptionist/Front Desk".into());
    }
    delivery
}
