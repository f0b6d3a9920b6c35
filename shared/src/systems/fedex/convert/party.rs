//! Names, streets, telephones and payers in the lengths that FedEx takes. Nothing is cut, although FedEx itself
//! ignores silently what is too long: what does not fit is refused with the field that a person must shorten or fill
//! in. What fits goes as it stands.

use super::{account, refuse};
use crate::domain::{Address, Payer, Refusal};
use crate::systems::fedex::account::is_account;
use crate::systems::fedex::wire::request;
use crate::systems::lines::fit;

const NAME: usize = 35;
const LINE: usize = 35;
const LINES: usize = 3;
const CITY: usize = 35;
const POSTAL_CODE: usize = 10;
const EMAIL: usize = 80;
const EXTENSION: usize = 6;

/// Countries whose telephone numbers are area code and seven digits.
const NANP: [&str; 4] = ["US", "PR", "CA", "VI"];
/// Countries where FedEx wants a state or province.
const WITH_STATE: [&str; 3] = ["US", "CA", "PR"];
/// Countries whose states FedEx takes; elsewhere a code longer than its own two letters is refused.
const WITH_STATE_TAKEN: [&str; 4] = ["US", "CA", "PR", "MX"];

/// Whose address it is, for the words of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    ShipFrom,
    ShipTo,
}

impl Role {
    fn field(self, name: &str) -> String {
        let role = match self {
            Self::ShipFrom => "ship_from",
            Self::ShipTo => "ship_to",
        };
        format!("{role}.{name}")
    }

    fn words(self) -> &'static str {
        match self {
            Self::ShipFrom => "the ship-from address",
            Self::ShipTo => "the ship-to address",
        }
    }

    fn refuse(self, field: &str, what: &str) -> Refusal {
        refuse(&self.field(field), format!("{} {what}", self.words()))
    }
}

/// A party of a shipment; `stand_in` is the telephone for one who has none.
pub(super) fn party(role: Role, address: &Address, stand_in: Option<&str>) -> Result<request::Party, Refusal> {
    let phone = phone(address).or_else(|| stand_in.map(|number| Phone::plain(digits(number))));
    let phone = phone.ok_or_else(|| no_phone(role, address))?;
    let email = filled(address.email.as_deref()).filter(|email| email.chars().count() <= EMAIL);
    let attention = filled(address.attention.as_deref());
    Ok(request::Party {
        contact: request::Contact {
            person_name: attention.map(|name| short(role, "attention", name, NAME)).transpose()?,
            company_name: short(role, "name", &address.name, NAME)?,
            phone_number: phone.number,
            phone_extension: phone.extension,
            email_address: email.map(str::to_owned),
        },
        address: place(role, address)?,
    })
}

fn place(role: Role, address: &Address) -> Result<request::Address, Refusal> {
    let country_code = country(role, &address.country)?;
    Ok(request::Address {
        street_lines: street(role, &address.lines)?,
        city: short(role, "city", &address.city, CITY)?,
        state_or_province_code: state(role, address, &country_code)?,
        postal_code: postal_code(role, address, &country_code)?,
        residential: address.residential,
        country_code,
    })
}

/// A place as it is priced: the street does not matter.
pub(super) fn priced(role: Role, address: &Address) -> Result<request::Place, Refusal> {
    let country_code = country(role, &address.country)?;
    Ok(request::Place {
        address: request::RatedAddress {
            city: short(role, "city", &address.city, CITY)?,
            state_or_province_code: state(role, address, &country_code)?,
            postal_code: postal_code(role, address, &country_code)?,
            residential: address.residential,
            country_code,
        },
    })
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn short(role: Role, field: &str, text: &str, most: usize) -> Result<String, Refusal> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(role.refuse(field, &format!("has no {field}: enter it"))),
        long if long > most => Err(role.refuse(
            field,
            &format!("has a {field} of {long} characters and FedEx takes {most}: shorten it"),
        )),
        _ => Ok(text.to_owned()),
    }
}

fn country(role: Role, country: &str) -> Result<String, Refusal> {
    let code = country.trim().to_ascii_uppercase();
    if code.len() == 2 && code.chars().all(|c| c.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(role.refuse("country", "has no country code of two letters: enter it"))
    }
}

/// The state where FedEx takes one, in its own spelling.
fn state(role: Role, address: &Address, country: &str) -> Result<Option<String>, Refusal> {
    let code = state_code(address, country);
    if code.is_none() && WITH_STATE.contains(&country) {
        return Err(role.refuse("state", "has no state or province code: enter the code, not the name"));
    }
    Ok(code)
}

/// The code of a state as FedEx writes it, where it takes one: Quebec is `PQ` there.
pub(super) fn state_code(address: &Address, country: &str) -> Option<String> {
    let given = filled(address.state.as_deref()).map(str::to_ascii_uppercase);
    let code = given.or_else(|| (country == "PR").then(|| "PR".to_owned()));
    let code = code.filter(|code| code.len() == 2 && WITH_STATE_TAKEN.contains(&country))?;
    match (country, code.as_str()) {
        ("CA", "QC") => Some("PQ".to_owned()),
        _ => Some(code),
    }
}

fn postal_code(role: Role, address: &Address, country: &str) -> Result<Option<String>, Refusal> {
    let Some(given) = filled(address.postal_code.as_deref()) else {
        return match WITH_STATE.contains(&country) {
            true => Err(role.refuse("postal_code", "has no postal code: enter it")),
            false => Ok(None),
        };
    };
    let digits = digits(given).len();
    let legal = match country {
        "US" | "PR" => matches!(digits, 5 | 9) && given.chars().all(|c| c.is_ascii_digit() || c == '-'),
        _ => given.chars().count() <= POSTAL_CODE,
    };
    if legal {
        Ok(Some(given.to_owned()))
    } else {
        Err(role.refuse("postal_code", "has a postal code that FedEx does not take: correct it"))
    }
}

/// The lines as they stand, where they fit; else wrapped at blanks without losing a word.
fn street(role: Role, lines: &[String]) -> Result<Vec<String>, Refusal> {
    let given: Vec<&str> = lines.iter().filter_map(|line| filled(Some(line))).collect();
    if given.is_empty() {
        return Err(role.refuse("lines", "has no street: enter it"));
    }
    if given.len() <= LINES && given.iter().all(|line| line.chars().count() <= LINE) {
        return Ok(given.into_iter().map(str::to_owned).collect());
    }
    fit(&given, LINE, LINES).ok_or_else(|| {
        role.refuse(
            "lines",
            &format!("has a street that does not fit {LINES} lines of {LINE} characters: shorten or abbreviate it"),
        )
    })
}

// ---- telephones --------------------------------------------------------------------------------------------------

#[derive(Debug, PartialEq, Eq)]
struct Phone {
    number: String,
    extension: Option<String>,
}

impl Phone {
    fn plain(number: String) -> Self {
        Self {
            number,
            extension: None,
        }
    }
}

fn no_phone(role: Role, address: &Address) -> Refusal {
    let wanted = match NANP.contains(&address.country.as_str()) {
        true => "ten digits",
        false => "10 to 15 digits, with the country's code",
    };
    let or = match role {
        Role::ShipFrom => "",
        Role::ShipTo => ", or name carrier.receiver_phone for receivers without one",
    };
    role.refuse(
        "phone",
        &format!("has no usable telephone number, which FedEx always needs: enter one of {wanted}{or}"),
    )
}

/// Digits only; what is no telephone number in its country is left out.
fn phone(address: &Address) -> Option<Phone> {
    let given = address.phone.as_deref()?;
    let (main, rest) = given.split_at(given.find(char::is_alphabetic).unwrap_or(given.len()));
    let number = national(&digits(&main.replace("(0)", "")), &address.country)?;
    let extension = Some(digits(rest)).filter(|extension| (1..=EXTENSION).contains(&extension.len()));
    Some(Phone { number, extension })
}

fn national(digits: &str, country: &str) -> Option<String> {
    if NANP.contains(&country) {
        let long = digits.strip_prefix('1').filter(|rest| rest.len() == 10);
        let number = long.unwrap_or(digits);
        (number.len() == 10).then(|| number.to_owned())
    } else {
        (10..=15).contains(&digits.len()).then(|| digits.to_owned())
    }
}

/// The digits of a text.
pub(crate) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

// ---- payers ------------------------------------------------------------------------------------------------------

/// Who bears a charge; the account that ships is not named again.
pub(super) fn payment(payer: &Payer) -> Result<request::Payment, Refusal> {
    let (payment_type, who, number) = match payer {
        Payer::Shipper => {
            return Ok(request::Payment {
                payment_type: "SENDER",
                payor: None,
            });
        }
        Payer::Receiver { account, .. } => ("RECIPIENT", "receiver", account),
        Payer::ThirdParty { account, .. } => ("THIRD_PARTY", "third party", account),
    };
    let number = number.trim();
    if !is_account(number) {
        return Err(refuse(
            "billing.account",
            format!("the {who}'s FedEx account number is not nine digits: correct it"),
        ));
    }
    Ok(request::Payment {
        payment_type,
        payor: Some(request::Payor {
            responsible_party: request::ResponsibleParty {
                account_number: account(number)?,
            },
        }),
    })
}

/// Who bears duties and taxes: without a word, the receiver.
pub(super) fn duties(payer: Option<&Payer>) -> Result<request::Payment, Refusal> {
    match payer {
        Some(payer) => payment(payer),
        None => Ok(request::Payment {
            payment_type: "RECIPIENT",
            payor: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(phone: &str, country: &str) -> Address {
        Address {
            phone: Some(phone.into()),
            country: country.into(),
            ..Address::default()
        }
    }

    #[test]
    fn telephones_become_digits_as_their_country_writes_them() {
        let read = |given, country| phone(&address(given, country)).map(|phone| (phone.number, phone.extension));
        let plain = |number: &str| Some((number.to_owned(), None));
        assert_eq!(read("+1 (404) 555-0199", "US"), plain("4045550199"));
        assert_eq!(
            read("404.555.0199 ext. 7", "CA"),
            Some(("4045550199".to_owned(), Some("7".to_owned())))
        );
        assert_eq!(read("+49 (0)40 555 0177", "DE"), plain("49405550177"));
        assert_eq!(read("555-0199", "US"), None);
        assert_eq!(read("040 5550", "DE"), None, "FedEx takes no fewer than ten digits");
    }

    /// P55: lines that fit go byte for byte as they stand; longer ones are wrapped at blanks, and never cut.
    #[test]
    fn a_street_that_fits_is_not_touched() {
        let written = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            street(Role::ShipTo, &lines).map_err(|refusal| refusal.code)
        };
        let odd = ["12  main  st.", "c/o  O'Brien & Söhne", "#4"];
        assert_eq!(written(&odd).unwrap(), odd);
        assert_eq!(
            written(&["12 Main St", "Fl 2", "Ste 4", "Rear"]).unwrap(),
            ["12 Main St Fl 2 Ste 4 Rear"]
        );
        assert_eq!(written(&["x".repeat(36).as_str()]), Err("ship_to.lines".to_owned()));
        assert_eq!(written(&[" "]), Err("ship_to.lines".to_owned()));
    }

    #[test]
    fn states_go_only_where_fedex_takes_them_and_quebec_is_pq() {
        let code = |state: &str, country: &str| {
            let address = Address {
                state: Some(state.into()),
                ..Address::default()
            };
            state_code(&address, country)
        };
        assert_eq!(code("qc", "CA").as_deref(), Some("PQ"));
        assert_eq!(code("TN", "US").as_deref(), Some("TN"));
        assert_eq!(code("NL", "MX").as_deref(), Some("NL"));
        assert_eq!(code("NSW", "AU"), None);
        assert_eq!(code("BY", "DE"), None);
        assert_eq!(code("Tennessee", "US"), None);
    }
}
