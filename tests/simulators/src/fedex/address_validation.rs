//! Address validation (`POST /address/v1/addresses/resolve`): up to 100 addresses, answered in the order of the
//! request.
//!
//! Quirks: what cannot be resolved is no error but an answer whose attributes say so; attributes are flags in the file
//! and were seen as texts. Addresses outside the US and Puerto Rico come back as they are.

use axum::extract::State as Shared;
use serde_json::{Value, json};

use super::answer::{Output, Refusal, Reply, put, told};
use super::call::Call;
use super::strict::{Field, Kind, ensure, shape};
use super::{FedEx, Options};
use crate::carriers::addresses::{Class, Question, Standard, Verdict, judge};
use crate::carriers::read::{at, many, owned, text, texts};

const ROOT: &[Field] = &[
    ("inEffectAsOfTimestamp", Kind::Text),
    ("validateAddressControlParameters", Kind::Object),
    ("addressesToValidate", Kind::List),
];
const ENTRY: &[Field] = &[("address", Kind::Object), ("clientReferenceId", Kind::Text)];
const ADDRESS: &[Field] = &[
    ("streetLines", Kind::List),
    ("city", Kind::Text),
    ("stateOrProvinceCode", Kind::Text),
    ("postalCode", Kind::Text),
    ("countryCode", Kind::Text),
    ("urbanizationCode", Kind::Text),
    ("addressVerificationId", Kind::Text),
    ("residential", Kind::Flag),
];
const MOST_ADDRESSES: usize = 100;

/// Judges addresses.
pub(super) async fn resolve(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    shape(&call.body, "body", ROOT)?;
    let entries = many(&call.body, "addressesToValidate");
    let count = (1..=MOST_ADDRESSES).contains(&entries.len());
    ensure(
        count,
        "ADDRESSESTOVALIDATE.COUNT.INVALID",
        "There must be 1 to 100 addresses",
    )?;
    let options = fedex.state().options.clone();
    let resolved = entries.into_iter().map(|entry| resolved(entry, &options));
    let resolved = resolved.collect::<Result<Vec<_>, _>>()?;
    Ok(Output(json!({ "resolvedAddresses": resolved, "alerts": [] })))
}

fn resolved(entry: &Value, options: &Options) -> Result<Value, Refusal> {
    shape(entry, "addressesToValidate", ENTRY)?;
    let address = at(entry, "address").ok_or_else(|| missing("address"))?;
    shape(address, "addressesToValidate.address", ADDRESS)?;
    for key in ["streetLines", "city", "postalCode", "countryCode"] {
        if texts(address, key).is_empty() {
            return Err(missing(key));
        }
    }
    let verdict = verdict(address);
    let mut answer = match &verdict {
        Verdict::Valid(standard) => standardised(standard),
        Verdict::Ambiguous(_) | Verdict::Unknown => as_asked(address),
    };
    put(&mut answer, "attributes", attributes(address, &verdict, options));
    put(&mut answer, "customerMessage", messages(&verdict, options));
    put(
        &mut answer,
        "clientReferenceId",
        entry.get("clientReferenceId").cloned().unwrap_or_default(),
    );
    Ok(told(answer))
}

fn missing(what: &str) -> Refusal {
    Refusal::bad(
        format!("ADDRESS.{}.REQUIRED", what.to_uppercase()),
        format!("{what} is missing"),
    )
}

fn is_supported(address: &Value) -> bool {
    matches!(text(address, "countryCode"), Some("US" | "PR"))
}

fn verdict(address: &Value) -> Verdict {
    if !is_supported(address) {
        return Verdict::Unknown;
    }
    let island = text(address, "countryCode") == Some("PR");
    let state = text(address, "stateOrProvinceCode").unwrap_or(if island { "PR" } else { "" });
    judge(&Question {
        company: String::new(),
        lines: texts(address, "streetLines"),
        city: owned(address, "city"),
        state: state.to_owned(),
        zip: owned(address, "postalCode"),
    })
}

fn standardised(standard: &Standard) -> Value {
    let postal = format!("{}-{}", standard.zip, standard.extension);
    json!({
        "streetLinesToken": standard.lines,
        "city": standard.city,
        "stateOrProvinceCode": standard.state,
        "countryCode": if standard.state == "PR" { "PR" } else { "US" },
        "postalCode": postal,
        "parsedPostalCode": { "base": standard.zip, "addOn": standard.extension, "deliveryPoint": "" },
        "classification": class_name(standard.class),
        "postOfficeBox": false,
        "normalizedStatusNameDPV": true,
        "standardizedStatusNameMatchSource": "Postal",
        "resolutionMethodName": "USPS_VALIDATE",
        "ruralRouteHighwayContract": false,
        "generalDelivery": false,
        "cityToken": [{ "changed": false, "value": standard.city }],
        "postalCodeToken": { "changed": false, "value": postal },
    })
}

fn as_asked(address: &Value) -> Value {
    let postal = owned(address, "postalCode");
    json!({
        "streetLinesToken": texts(address, "streetLines"),
        "city": owned(address, "city"),
        "stateOrProvinceCode": text(address, "stateOrProvinceCode"),
        "countryCode": owned(address, "countryCode"),
        "postalCode": postal,
        "parsedPostalCode": { "base": postal, "addOn": "", "deliveryPoint": "" },
        "classification": "UNKNOWN",
        "postOfficeBox": false,
        "normalizedStatusNameDPV": false,
        "standardizedStatusNameMatchSource": "",
        "resolutionMethodName": "GENERIC_VALIDATE",
        "ruralRouteHighwayContract": false,
        "generalDelivery": false,
    })
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Unclassified => "UNKNOWN",
        Class::Commercial => "BUSINESS",
        Class::Residential => "RESIDENTIAL",
    }
}

fn attributes(address: &Value, verdict: &Verdict, options: &Options) -> Value {
    let valid = matches!(verdict, Verdict::Valid(_));
    let several = matches!(verdict, Verdict::Ambiguous(_));
    let flat = |one: &Standard| one.lines.iter().any(|line| line.contains(" APT "));
    let suite = matches!(verdict, Verdict::Ambiguous(found) if found.iter().all(flat));
    let flag = |holds: bool| {
        if options.attributes_as_text {
            Value::from(holds.to_string())
        } else {
            Value::from(holds)
        }
    };
    json!({
        "Resolved": flag(valid),
        "Matched": flag(valid),
        "DPV": flag(valid),
        "SuiteRequiredButMissing": flag(suite),
        "InvalidSuiteNumber": flag(false),
        "MultipleMatches": flag(several),
        "CountrySupported": flag(is_supported(address)),
        "POBox": flag(false),
        "AddressType": if valid { "STANDARDIZED" } else { "RAW" },
        "AddressPrecision": if valid { "STREET_ADDRESS" } else { "UNKNOWN" },
        "ResolutionInput": "RAW_ADDRESS",
    })
}

fn messages(verdict: &Verdict, options: &Options) -> Value {
    let message = match verdict {
        Verdict::Valid(_) => return json!([]),
        Verdict::Ambiguous(_) => ("MULTIPLE.MATCHES", "Several addresses could be meant"),
        Verdict::Unknown => (
            "STANDARDIZED.ADDRESS.NOTFOUND",
            "No standard form of the address was found",
        ),
    };
    if options.messages_as_text {
        json!([message.0])
    } else {
        json!([{ "code": message.0, "message": message.1 }])
    }
}
