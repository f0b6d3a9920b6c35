//! Street validation: the question, and a verdict that never takes FedEx's spelling for the customer's.
//!
//! It is advice, and off unless a connection asks for it. Truth values arrive as such or as texts.

use super::party::state_code;
use crate::domain::{Address, AddressVerdict, Correction};
use crate::http::Answer;
use crate::ports::{CallError, Later, Obstacle};
use crate::systems::fedex::wire::answer::{self, Addresses, ResolvedAddress};
use crate::systems::fedex::wire::request::{AddressToValidate, Validate, ValidatedAddress};
use crate::systems::spelling::{Spelling, spelling};

const NOT_FOUND: &str = "STANDARDIZED.ADDRESS.NOTFOUND";

/// The question. Names are left out: they do not decide the place.
pub(crate) fn question(address: &Address) -> Validate {
    let lines = address.lines.iter().map(|line| line.trim().to_owned());
    let postal_code = address
        .postal_code
        .as_deref()
        .map(str::trim)
        .filter(|code| !code.is_empty());
    Validate {
        addresses_to_validate: vec![AddressToValidate {
            address: ValidatedAddress {
                street_lines: lines.filter(|line| !line.is_empty()).collect(),
                city: address.city.trim().to_owned(),
                state_or_province_code: state_code(address, &address.country),
                postal_code: postal_code.map(str::to_owned),
                country_code: address.country.clone(),
            },
        }],
    }
}

/// What FedEx says of an address.
pub(crate) fn verdict(given: &Address, result: Result<Answer, CallError>) -> Result<AddressVerdict, CallError> {
    match result {
        Ok(answer) => judge(given, &answer),
        Err(CallError::Refused(refusal)) if refusal.code == NOT_FOUND => Ok(AddressVerdict::NotFound),
        Err(error) => Err(error),
    }
}

fn judge(given: &Address, answer: &Answer) -> Result<AddressVerdict, CallError> {
    let unreadable = || {
        CallError::Later(Later::new(
            Obstacle::Unreachable,
            "the answer of address validation cannot be read",
        ))
    };
    let addresses: Addresses = answer::output(&answer.body).ok_or_else(unreadable)?;
    let resolved = addresses.resolved_addresses;
    let best = resolved.first().ok_or_else(unreadable)?;
    let candidates: Vec<Address> = resolved.iter().filter_map(|one| place(given, one)).collect();
    let is = |attribute| best.is(attribute) == Some(true);
    if best.is("CountrySupported") == Some(false) {
        Ok(AddressVerdict::NotCovered)
    } else if is("MultipleMatches") || is("SuiteRequiredButMissing") || is("InvalidSuiteNumber") {
        Ok(AddressVerdict::Ambiguous { candidates })
    } else if is_confirmed(best) {
        candidates
            .into_iter()
            .next()
            .map(|address| compare(given, address))
            .ok_or_else(unreadable)
    } else if best.is("Resolved").is_none() && best.attribute("AddressType").is_none() {
        Err(unreadable())
    } else {
        Ok(AddressVerdict::NotFound)
    }
}

/// Whether FedEx stands by the address: found, in its standard form, and where it knows delivery points, at one.
fn is_confirmed(address: &ResolvedAddress) -> bool {
    let found = address.is("Resolved").or_else(|| address.is("Matched")) == Some(true);
    let standard = address
        .attribute("AddressType")
        .is_none_or(|kind| kind == "STANDARDIZED");
    found && standard && address.is("DPV") != Some(false)
}

fn compare(given: &Address, address: Address) -> AddressVerdict {
    let residential = address.residential;
    let correction = match spelling(given, &address) {
        Spelling::Same => return AddressVerdict::Valid { residential },
        Spelling::Formatted => Correction::Formatting,
        Spelling::Different => Correction::Substance,
    };
    AddressVerdict::Corrected {
        address,
        correction,
        residential,
    }
}

/// A resolved address as ours: the place as FedEx writes it, the people as they were given.
fn place(given: &Address, resolved: &ResolvedAddress) -> Option<Address> {
    let parsed = resolved.parsed_postal_code.as_ref();
    let parsed = parsed.and_then(|code| match (&code.base, &code.add_on) {
        (Some(base), Some(more)) => Some(format!("{base}-{more}")),
        (base, _) => base.clone(),
    });
    let country = resolved.country_code.clone().unwrap_or_else(|| given.country.clone());
    let state = resolved.state_or_province_code.clone();
    Some(Address {
        lines: Some(resolved.street_lines_token.clone()).filter(|lines| !lines.is_empty())?,
        city: resolved.city.clone()?,
        state: match (country.as_str(), state.as_deref()) {
            ("CA", Some("PQ")) => Some("QC".to_owned()),
            (_, None) => given.state.clone(),
            _ => state,
        },
        postal_code: resolved.postal_code.clone().or(parsed),
        country,
        residential: residential(resolved.classification.as_deref()),
        ..given.clone()
    })
}

fn residential(class: Option<&str>) -> Option<bool> {
    match class {
        Some("BUSINESS") => Some(false),
        Some("RESIDENTIAL") => Some(true),
        _ => None,
    }
}
