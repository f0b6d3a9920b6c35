//! Track (`POST /track/v1/...`): by numbers, by a reference, and the packages of a master.
//!
//! Quirks: what is not found is told inside HTTP 200, per number; a recycled number has several results; the data of a
//! new label comes late; the file and the samples disagree on the key of the last ship date, and Track names references
//! otherwise than Ship.

use axum::extract::State as Shared;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};

use super::answer::{Output, Refusal, Reply, put};
use super::call::Call;
use super::model::{Package, Shipment, State};
use super::strict::{Checked, Field, Kind, ensure, is_account, shape};
use super::track_view::View;
use super::{Alerts, EndDate, FedEx};
use crate::carriers::read::{at, many, owned, text};

const MOST_NUMBERS: usize = 30;
const NUMBERS: &[Field] = &[("includeDetailedScans", Kind::Flag), ("trackingInfo", Kind::List)];
const INFO: &[Field] = &[
    ("shipDateBegin", Kind::Text),
    ("shipDateEnd", Kind::Text),
    ("trackingNumberInfo", Kind::Object),
];
const NUMBER: &[Field] = &[
    ("trackingNumber", Kind::Text),
    ("carrierCode", Kind::Text),
    ("trackingNumberUniqueId", Kind::Text),
];
const REFERENCES: &[Field] = &[
    ("includeDetailedScans", Kind::Flag),
    ("referencesInformation", Kind::Object),
];
const REFERENCE: &[Field] = &[
    ("type", Kind::Text),
    ("value", Kind::Text),
    ("accountNumber", Kind::Text),
    ("carrierCode", Kind::Text),
    ("shipDateBegin", Kind::Text),
    ("shipDateEnd", Kind::Text),
    ("shipDateEndDate", Kind::Text),
    ("destinationCountryCode", Kind::Text),
    ("destinationPostalCode", Kind::Text),
];
const ASSOCIATED: &[Field] = &[
    ("includeDetailedScans", Kind::Flag),
    ("masterTrackingNumberInfo", Kind::Object),
    ("associatedType", Kind::Text),
    ("pagingDetails", Kind::Object),
];
const REFERENCE_TYPES: [&str; 16] = [
    "BILL_OF_LADING",
    "COD_RETURN_TRACKING_NUMBER",
    "CUSTOMER_AUTHORIZATION_NUMBER",
    "CUSTOMER_REFERENCE",
    "DEPARTMENT",
    "DOCUMENT_AIRWAY_BILL",
    "GROUND_SHIPMENT_ID",
    "GROUP_MPS",
    "INTERNATIONAL_DISTRIBUTION",
    "INTRACOUNTRY_REGULATORY_REFERENCE",
    "INVOICE",
    "PARTNER_CARRIER_NUMBER",
    "PART_NUMBER",
    "PURCHASE_ORDER",
    "RETURN_MATERIALS_AUTHORIZATION",
    "SHIPPER_REFERENCE",
];

/// Up to thirty numbers.
pub(super) async fn by_numbers(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    shape(&call.body, "body", NUMBERS)?;
    let detailed = at(&call.body, "includeDetailedScans").and_then(Value::as_bool);
    let detailed = detailed.ok_or_else(|| Refusal::bad("INCLUDEDETAILEDSCANS.REQUIRED", "It is missing"))?;
    let infos = many(&call.body, "trackingInfo");
    ensure(!infos.is_empty(), EMPTY, "A tracking number is needed")?;
    ensure(
        infos.len() <= MOST_NUMBERS,
        "TRACKING.TRACKINGNUMBERS.MAXEXCEEDED",
        "More than 30 tracking numbers",
    )?;
    infos.iter().try_for_each(|info| check_info(info))?;
    let (now, state) = (fedex.now(), fedex.current());
    let asked = Asked {
        state: &state,
        call: &call,
        now,
        detailed,
        nested: false,
    };
    let named = |refused: &String| {
        infos
            .iter()
            .any(|info| owned(info, "trackingNumberInfo.trackingNumber") == *refused)
    };
    ensure(
        !state.options.refused_numbers.iter().any(named),
        "TRACKINGNUMBER.ENTERED.INVALID",
        "A tracking number is not one",
    )?;
    let results = infos
        .into_iter()
        .map(|info| asked.by_number(info))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Output(asked.output(results)))
}

/// The packages with a reference.
pub(super) async fn by_reference(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    shape(&call.body, "body", REFERENCES)?;
    let reference = at(&call.body, "referencesInformation");
    let reference = reference.ok_or_else(|| Refusal::bad("REFERENCESINFORMATION.REQUIRED", "It is missing"))?;
    shape(reference, "referencesInformation", REFERENCE)?;
    let (now, state) = (fedex.now(), fedex.current());
    let detailed = at(&call.body, "includeDetailedScans").and_then(Value::as_bool) == Some(true);
    let asked = Asked {
        state: &state,
        call: &call,
        now,
        detailed,
        nested: !state.options.flat_locations,
    };
    let wanted = Wanted::of(reference, &call, state.options.end_date, now)?;
    Ok(Output(asked.output(asked.by_reference(&wanted))))
}

/// The other packages of a master's shipment.
pub(super) async fn associated(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    shape(&call.body, "body", ASSOCIATED)?;
    let master = at(&call.body, "masterTrackingNumberInfo");
    let master = master.ok_or_else(|| Refusal::bad(EMPTY, "A master's tracking number is needed"))?;
    check_info(master)?;
    let kind = text(&call.body, "associatedType");
    ensure(
        matches!(kind, Some("STANDARD_MPS" | "GROUP_MPS" | "OUTBOUND_LINK_TO_RETURN")),
        "ASSOCIATEDTYPE.INVALID",
        "The kind of association is missing or not known",
    )?;
    let (now, state) = (fedex.now(), fedex.current());
    let asked = Asked {
        state: &state,
        call: &call,
        now,
        detailed: at(&call.body, "includeDetailedScans").and_then(Value::as_bool) == Some(true),
        nested: !state.options.flat_locations,
    };
    let number = owned(master, "trackingNumberInfo.trackingNumber");
    let mut children = asked.children(&number);
    if kind != Some("STANDARD_MPS") || children.is_empty() {
        children = vec![not_found(&number, "TRACKING.TRACKINGNUMBER.NOTFOUND")];
    }
    Ok(Output(asked.output(children)))
}

const EMPTY: &str = "TRACKING.TRACKINGNUMBER.EMPTY";

fn check_info(info: &Value) -> Checked {
    shape(info, "trackingInfo", INFO)?;
    let number = at(info, "trackingNumberInfo").ok_or_else(|| Refusal::bad(EMPTY, "A tracking number is needed"))?;
    shape(number, "trackingNumberInfo", NUMBER)?;
    let given = text(number, "trackingNumber").is_some();
    ensure(given, EMPTY, "A tracking number is needed")
}

/// A question to Track and all that is needed to answer it.
struct Asked<'a> {
    state: &'a State,
    call: &'a Call,
    now: Timestamp,
    detailed: bool,
    nested: bool,
}

impl Asked<'_> {
    fn view(&self) -> View<'_> {
        View {
            options: &self.state.options,
            detailed: self.detailed,
            nested: self.nested,
        }
    }

    fn knows(&self, shipment: &Shipment, package: &Package) -> bool {
        self.state.is_indexed(shipment, package, self.now, self.call.stale)
    }

    /// One element of `completeTrackResults` for a number.
    fn by_number(&self, info: &Value) -> Result<Value, Refusal> {
        let number = owned(info, "trackingNumberInfo.trackingNumber");
        let from = date(info, "shipDateBegin")?.unwrap_or(Date::MIN);
        let to = date(info, "shipDateEnd")?.unwrap_or(Date::MAX);
        let unique = text(info, "trackingNumberInfo.trackingNumberUniqueId");
        let found = self.state.with_number(&number).filter(|shipment| {
            let same = unique.is_none_or(|id| id == shipment.unique_id(&number));
            same && (from..=to).contains(&shipment.ship_date)
        });
        let results: Vec<Value> = found
            .flat_map(|shipment| self.packages(shipment, |package| package.tracking_number == number))
            .map(|(shipment, package)| self.view().result(shipment, package))
            .collect();
        Ok(if results.is_empty() {
            not_found(&number, "TRACKING.TRACKINGNUMBER.NOTFOUND")
        } else {
            json!({ "trackingNumber": number, "trackResults": results })
        })
    }

    fn by_reference(&self, wanted: &Wanted<'_>) -> Vec<Value> {
        let found = self
            .state
            .with_reference(wanted.value)
            .filter(|shipment| wanted.takes(shipment));
        let results: Vec<Value> = found
            .flat_map(|shipment| self.packages(shipment, |package| wanted.names(&self.view(), shipment, package)))
            .map(|(shipment, package)| self.complete(shipment, package))
            .collect();
        if results.is_empty() {
            vec![not_found("", "TRACKING.REFERENCENUMBER.NOTFOUND")]
        } else {
            results
        }
    }

    fn children(&self, master: &str) -> Vec<Value> {
        let shipment = self
            .state
            .with_number(master)
            .find(|shipment| shipment.master == master);
        let children = shipment.into_iter().flat_map(|shipment| {
            let packages = self.packages(shipment, |package| package.tracking_number != master);
            packages
                .into_iter()
                .map(|(shipment, package)| self.complete(shipment, package))
        });
        children.collect()
    }

    fn packages<'s>(
        &self,
        shipment: &'s Shipment,
        wanted: impl Fn(&Package) -> bool,
    ) -> Vec<(&'s Shipment, &'s Package)> {
        let known = shipment
            .packages
            .iter()
            .filter(|package| wanted(package) && self.knows(shipment, package));
        known.map(|package| (shipment, package)).collect()
    }

    fn complete(&self, shipment: &Shipment, package: &Package) -> Value {
        let result = self.view().result(shipment, package);
        json!({ "trackingNumber": package.tracking_number, "trackResults": [result] })
    }

    fn output(&self, results: Vec<Value>) -> Value {
        let missing = results
            .iter()
            .any(|result| result.pointer("/trackResults/0/error").is_some());
        let mut output = json!({ "completeTrackResults": results });
        match (self.state.options.alerts, missing) {
            (Alerts::Text, false) => {}
            (Alerts::Text, true) => {
                put(
                    &mut output,
                    "alerts",
                    "TRACKING.DATA.NOTFOUND -  Tracking data unavailable".into(),
                );
            }
            (Alerts::Array, false) => put(&mut output, "alerts", json!([])),
            (Alerts::Array, true) => {
                let alert = json!({ "code": "TRACKING.DATA.NOTFOUND", "alertType": "WARNING",
                    "message": "Tracking data unavailable" });
                put(&mut output, "alerts", json!([alert]));
            }
        }
        output
    }
}

fn not_found(number: &str, code: &str) -> Value {
    let error = json!({ "code": code, "message": "Nothing is known of it; correct it and try again" });
    json!({
        "trackingNumber": number,
        "trackResults": [{
            "trackingNumberInfo": { "trackingNumber": number, "trackingNumberUniqueId": "", "carrierCode": "" },
            "error": error,
        }],
    })
}

fn date(value: &Value, key: &str) -> Result<Option<Date>, Refusal> {
    let Some(text) = text(value, key) else {
        return Ok(None);
    };
    let date = Date::strptime("%Y-%m-%d", text);
    date.map(Some)
        .map_err(|_| Refusal::bad(format!("{}.INVALID", key.to_uppercase()), "The date is not one"))
}

/// What a question by reference is after.
struct Wanted<'a> {
    value: &'a str,
    kind: Option<&'a str>,
    account: Option<&'a str>,
    carrier: Option<&'a str>,
    destination: Option<(&'a str, &'a str)>,
    from: Date,
    to: Date,
}

impl<'a> Wanted<'a> {
    fn of(reference: &'a Value, call: &Call, end: EndDate, now: Timestamp) -> Result<Self, Refusal> {
        let value = text(reference, "value");
        let value = value.ok_or_else(|| Refusal::bad("TRACKING.REFERENCEVALUE.EMPTY", "A reference is needed"))?;
        let kind = text(reference, "type");
        ensure(
            kind.is_none_or(|kind| REFERENCE_TYPES.contains(&kind)),
            "TRACKING.REFERENCETYPE.INVALID",
            "The type of reference is not one of Track's",
        )?;
        let (account, carrier) = (text(reference, "accountNumber"), text(reference, "carrierCode"));
        let destination = text(reference, "destinationCountryCode").zip(text(reference, "destinationPostalCode"));
        let by_account = account.is_some_and(|account| is_account(account) && call.project.may_use(account));
        let by_destination = account.is_none() && kind.and(carrier).and(destination).is_some();
        ensure(
            by_account || by_destination,
            "TRACKING.REFERENCEINFORMATION.INVALID",
            "A reference goes with an account of the project, or with type, carrier and destination",
        )?;
        let today = now.to_zoned(TimeZone::UTC).date();
        Ok(Self {
            value,
            kind,
            account,
            carrier,
            destination,
            from: date(reference, "shipDateBegin")?.unwrap_or(today.saturating_sub(Span::new().days(30))),
            to: end_of(reference, end)?.unwrap_or(today.saturating_add(Span::new().days(1))),
        })
    }

    fn takes(&self, shipment: &Shipment) -> bool {
        let place = &shipment.destination;
        self.account.is_none_or(|account| account == shipment.account)
            && self.carrier.is_none_or(|carrier| carrier == shipment.carrier_code)
            && self
                .destination
                .is_none_or(|there| there == (place.country.as_str(), place.postal.as_str()))
            && (self.from..=self.to).contains(&shipment.ship_date)
    }

    fn names(&self, view: &View<'_>, shipment: &Shipment, package: &Package) -> bool {
        let mut references = package
            .references
            .iter()
            .filter(|reference| reference.value == self.value);
        references.any(|reference| {
            self.kind
                .is_none_or(|kind| kind == view.kind_in_track(shipment, &reference.kind))
        })
    }
}

fn end_of(reference: &Value, end: EndDate) -> Result<Option<Date>, Refusal> {
    let (samples, file) = ("shipDateEnd", "shipDateEndDate");
    match end {
        EndDate::ShipDateEnd => date(reference, samples),
        EndDate::ShipDateEndDate => date(reference, file),
        EndDate::Either => Ok(date(reference, samples)?.or(date(reference, file)?)),
    }
}
