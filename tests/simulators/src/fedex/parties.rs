//! The rules of those who send, receive and pay.
//!
//! Quirks: FedEx reads no more than three street lines and says nothing of the rest; a state of more than two letters
//! is refused in any country; Quebec is `PQ`.

use serde_json::Value;

use super::answer::Refusal;
use super::strict::{Checked, Field, Kind, ensure, fits, is_account, shape};
use crate::carriers::places::{Address, needs_postal, postal_fits_country, zip_fits_state};
use crate::carriers::read::{at, many, owned, text, texts};

const PARTY: &[Field] = &[
    ("address", Kind::Object),
    ("contact", Kind::Object),
    ("tins", Kind::List),
    ("deliveryInstructions", Kind::Text),
];
/// The fields of an address.
pub(super) const ADDRESS: &[Field] = &[
    ("streetLines", Kind::List),
    ("city", Kind::Text),
    ("stateOrProvinceCode", Kind::Text),
    ("postalCode", Kind::Text),
    ("countryCode", Kind::Text),
    ("residential", Kind::Flag),
];
const CONTACT: &[Field] = &[
    ("personName", Kind::Text),
    ("companyName", Kind::Text),
    ("phoneNumber", Kind::Text),
    ("phoneExtension", Kind::Text),
    ("emailAddress", Kind::Text),
];
const PAYMENT: &[Field] = &[("paymentType", Kind::Text), ("payor", Kind::Object)];

/// The street lines that FedEx reads.
const LINES_READ: usize = 3;

/// Refuses a shipper or recipient that cannot be one; `name` begins the codes.
pub(super) fn check_party(party: &Value, name: &str, path: &str) -> Checked {
    shape(party, path, PARTY)?;
    let missing = |what: &str| Refusal::bad(format!("{name}.{what}.REQUIRED"), format!("{path}: {what} is missing"));
    let contact = at(party, "contact").ok_or_else(|| missing("CONTACT"))?;
    let address = at(party, "address").ok_or_else(|| missing("ADDRESS"))?;
    shape(contact, &format!("{path}.contact"), CONTACT)?;
    shape(address, &format!("{path}.address"), ADDRESS)?;
    check_contact(contact, name, text(address, "countryCode").unwrap_or_default())?;
    check_lines(address, name)?;
    check_region(&address_of(address), name)
}

fn check_contact(contact: &Value, name: &str, country: &str) -> Checked {
    let (person, company) = (text(contact, "personName"), text(contact, "companyName"));
    let named = person.or(company).is_some();
    ensure(
        named,
        format!("{name}.PERSONNAME.REQUIRED"),
        "A person or a company is needed",
    )?;
    for (key, longest) in [
        ("personName", 70),
        ("companyName", 35),
        ("phoneExtension", 6),
        ("emailAddress", 80),
    ] {
        let given = text(contact, key);
        let code = format!("{name}.{}.MAXCHAREXCEEDED", key.to_uppercase());
        ensure(
            given.is_none() || fits(given, longest),
            code,
            format!("{key} is too long"),
        )?;
    }
    let phone = owned(contact, "phoneNumber");
    ensure(
        !phone.is_empty(),
        format!("{name}.PHONENUMBER.REQUIRED"),
        "A phone number is needed",
    )?;
    ensure(
        is_phone(&phone, country),
        format!("{name}.PHONENUMBER.INVALID"),
        "The phone number is not one of that country",
    )
}

/// Ten digits in the US and Canada, with or without their 1 in front; ten to fifteen elsewhere.
fn is_phone(phone: &str, country: &str) -> bool {
    let american = matches!(country, "US" | "CA" | "PR");
    let plain = if american {
        let without_plus = phone
            .strip_prefix('+')
            .filter(|rest| rest.starts_with('1'))
            .unwrap_or(phone);
        let without_one = without_plus.strip_prefix('1').filter(|rest| rest.len() == 10);
        without_one.unwrap_or(without_plus)
    } else {
        phone
    };
    let length = if american { 10..=10 } else { 10..=15 };
    length.contains(&plain.len()) && plain.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_lines(address: &Value, name: &str) -> Checked {
    let lines = many(address, "streetLines");
    ensure(
        !lines.is_empty(),
        format!("{name}.STREETLINES.REQUIRED"),
        "A street line is needed",
    )?;
    let full = lines
        .iter()
        .all(|line| line.as_str().is_some_and(|line| !line.trim().is_empty()));
    ensure(full, format!("{name}.STREETLINES.INVALID"), "A street line is empty")?;
    let short = lines.iter().all(|line| fits(line.as_str(), 35));
    ensure(
        short,
        format!("{name}.STREETLINES.MAXCHAREXCEEDED"),
        "A street line is longer than 35",
    )?;
    let city = text(address, "city");
    ensure(city.is_some(), format!("{name}.CITY.REQUIRED"), "A city is needed")?;
    ensure(
        fits(city, 35),
        format!("{name}.CITY.MAXCHAREXCEEDED"),
        "The city is longer than 35",
    )
}

fn check_region(address: &Address, name: &str) -> Checked {
    let country = address.country.as_str();
    let capitals = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    ensure(
        capitals(country),
        format!("{name}.COUNTRYCODE.INVALID"),
        "The country is not known",
    )?;
    let state = address.state.as_str();
    let code = format!("{name}.ADDRESSSTATEORPROVINCECODE.MAXCHAREXCEEDED");
    ensure(state.chars().count() <= 2, code, "The state has more than two letters")?;
    if matches!(country, "US" | "CA" | "PR") {
        let code = format!("{name}.STATEORPROVINCECODE.REQUIRED");
        ensure(!state.is_empty(), code, "A state is needed there")?;
    }
    let good = state.is_empty() || (capitals(state) && (country != "CA" || state != "QC"));
    ensure(
        good,
        format!("{name}.STATEORPROVINCECODE.INVALID"),
        "The state is not known",
    )?;
    check_postal(address, name)
}

fn check_postal(address: &Address, name: &str) -> Checked {
    let country = address.country.as_str();
    let needed = needs_postal(country);
    ensure(
        !needed || !address.postal.is_empty(),
        format!("{name}.POSTALCODE.REQUIRED"),
        "A postal code is needed there",
    )?;
    let formed = !needed || (postal_fits_country(&address.postal, country) && address.postal.len() <= 10);
    let placed = country != "US" || address.state.is_empty() || zip_fits_state(&address.postal, &address.state);
    ensure(
        formed && placed,
        format!("{name}.POSTALCODE.INVALID"),
        "The postal code is not one of that place",
    )
}

/// The address as FedEx keeps it: three lines of it.
pub(super) fn address_of(address: &Value) -> Address {
    Address {
        lines: texts(address, "streetLines").into_iter().take(LINES_READ).collect(),
        city: owned(address, "city"),
        state: owned(address, "stateOrProvinceCode"),
        postal: owned(address, "postalCode"),
        country: owned(address, "countryCode"),
    }
}

/// Whether an address in this element is somebody's home.
pub(super) fn is_residential(party: &Value) -> bool {
    at(party, "address.residential").and_then(Value::as_bool) == Some(true)
}

/// The account that pays, by a payment of `what`; the shipper's where the sender pays.
pub(super) fn payer(payment: Option<&Value>, what: &str, shipper: &str) -> Result<String, Refusal> {
    let required = || Refusal::bad(format!("{what}.REQUIRED"), "Nobody is said to pay");
    let payment = payment.ok_or_else(required)?;
    shape(payment, what, PAYMENT)?;
    let account = text(payment, "payor.responsibleParty.accountNumber.value");
    match text(payment, "paymentType") {
        Some("SENDER") if account.is_none_or(|account| account == shipper) => Ok(shipper.to_owned()),
        Some("SENDER") => Err(Refusal::bad(
            "ACCOUNT.NUMBER.MISMATCH",
            "The sender pays, but the payor's account is not the shipper's",
        )),
        Some("RECIPIENT" | "THIRD_PARTY" | "COLLECT") => {
            let account = account.filter(|account| is_account(account));
            account.map(str::to_owned).ok_or_else(|| {
                Refusal::bad(
                    "PAYOR.ACCOUNTNUMBER.REQUIRED",
                    "Whoever else pays needs an account of nine digits",
                )
            })
        }
        _ => Err(Refusal::bad(
            "PAYMENTTYPE.INVALID",
            "The payment type is missing or not known",
        )),
    }
}
