//! Addresses, from either API.

use crate::domain::Address;
use crate::systems::shipstation::wire::{v1, v2};

/// The company with the person there, or the person.
fn names(person: Option<&String>, company: Option<&String>) -> (String, Option<String>) {
    match (person, company) {
        (Some(person), Some(company)) if person != company => (company.clone(), Some(person.clone())),
        (person, company) => (company.or(person).cloned().unwrap_or_default(), None),
    }
}

fn lines(lines: [&Option<String>; 3]) -> Vec<String> {
    lines.into_iter().flatten().cloned().collect()
}

/// V2's.
pub(super) fn of_v2(address: &v2::Address) -> Address {
    let (name, attention) = names(address.name.as_ref(), address.company_name.as_ref());
    Address {
        name,
        attention,
        lines: lines([&address.address_line1, &address.address_line2, &address.address_line3]),
        city: address.city_locality.clone().unwrap_or_default(),
        state: address.state_province.clone(),
        postal_code: address.postal_code.clone(),
        country: address.country_code.as_deref().unwrap_or_default().to_ascii_uppercase(),
        phone: address.phone.clone(),
        email: address.email.clone(),
        residential: match address.address_residential_indicator.as_deref() {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        },
    }
}

/// V1's.
pub(super) fn of_v1(address: &v1::Address) -> Address {
    let (name, attention) = names(address.name.as_ref(), address.company.as_ref());
    Address {
        name,
        attention,
        lines: lines([&address.street1, &address.street2, &address.street3]),
        city: address.city.clone().unwrap_or_default(),
        state: address.state.clone(),
        postal_code: address.postal_code.clone(),
        country: address.country.as_deref().unwrap_or_default().to_ascii_uppercase(),
        phone: address.phone.clone(),
        email: None,
        residential: address.residential,
    }
}
