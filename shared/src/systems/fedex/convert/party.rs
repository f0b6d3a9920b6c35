//! Names, streets, telephones and payers in the lengths that FedEx takes. Nothing is cut, although FedEx itself
//! ignores silently what is too long: what does not fit is refused with the field that a person must shorten or fill
//! in. What fits goes as it stands.

use super::left_out::too_long;
use super::ship::is_long;
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

/// Words before an extension.
const EXTENSIONS: [&str; 8] = ["x", "ext", "extn", "extension", "#", "dw", "durchwahl", "poste"];

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
    let phone = phone(address).or_else(|| usable(stand_in?, &address.country));
    let phone = phone.ok_or_else(|| no_phone(role, address, stand_in))?;
    let email = filled(address.email.as_deref()).filter(|email| !is_long(email, EMAIL));
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

/// What is left out of a party.
pub(super) fn left_out(role: Role, address: &Address, stand_in: Option<&str>) -> Vec<String> {
    let email = filled(address.email.as_deref());
    let email = email.and_then(|email| too_long(&format!("e-mail address of {}", role.words()), email, EMAIL));
    let given = filled(address.phone.as_deref());
    let phone = match (given, phone(address)) {
        (Some(_), None) if stand_in.is_some() => Some(format!(
            "FedEx would not take the telephone number of {}: it was told carrier.receiver_phone instead",
            role.words()
        )),
        (Some(_), Some(phone)) if phone.is_without_its_extension => Some(format!(
            "the extension of the telephone number of {} is longer than the {EXTENSION} digits that FedEx takes: FedEx \
             was not told it",
            role.words()
        )),
        _ => None,
    };
    email.into_iter().chain(phone).collect()
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
    /// Whether it has one that is too long.
    is_without_its_extension: bool,
}

fn no_phone(role: Role, address: &Address, stand_in: Option<&str>) -> Refusal {
    let wanted = match is_nanp(&address.country) {
        true => "ten digits",
        false => "10 to 15 digits, with the country's code",
    };
    let or = match (role, stand_in) {
        (Role::ShipFrom, _) => "",
        (Role::ShipTo, None) => ", or name carrier.receiver_phone for receivers without one",
        (Role::ShipTo, Some(_)) => "; carrier.receiver_phone is none for that country either",
    };
    role.refuse(
        "phone",
        &format!("has no usable telephone number, which FedEx always needs: enter one of {wanted}{or}"),
    )
}

fn is_nanp(country: &str) -> bool {
    NANP.iter().any(|known| known.eq_ignore_ascii_case(country.trim()))
}

fn phone(address: &Address) -> Option<Phone> {
    usable(address.phone.as_deref()?, &address.country)
}

/// Whether a text holds a telephone number of some country.
pub(crate) fn is_phone(text: &str) -> bool {
    usable(text, "US").or_else(|| usable(text, "")).is_some()
}

/// The first telephone number of the country in a text, whatever words stand around it, and its extension. What is no
/// number in that country is none.
fn usable(text: &str, country: &str) -> Option<Phone> {
    let spoken = spoken(&text.replace("(0)", ""));
    let place = spoken
        .iter()
        .position(|(_, digits)| number_in(digits, country).is_some())?;
    let (_, digits) = spoken.get(place)?;
    let after = spoken.get(place + 1).filter(|(word, _)| is_extension(word));
    let extension = after
        .map(|(_, text)| self::digits(text))
        .filter(|digits| !digits.is_empty());
    let fitting = extension.clone().filter(|extension| extension.len() <= EXTENSION);
    Some(Phone {
        number: number_in(digits, country)?,
        is_without_its_extension: extension.is_some() && fitting.is_none(),
        extension: fitting,
    })
}

/// Each stretch of a text without letters, with the word before it.
fn spoken(text: &str) -> Vec<(String, String)> {
    let is_word = |c: char| c.is_alphabetic() || c == '#';
    let mut spoken = vec![(String::new(), String::new())];
    for c in text.chars() {
        match spoken.last_mut() {
            Some((word, rest)) if is_word(c) && rest.is_empty() => word.push(c),
            Some((_, rest)) if !is_word(c) => rest.push(c),
            _ => spoken.push((c.to_string(), String::new())),
        }
    }
    spoken
}

fn is_extension(word: &str) -> bool {
    let word = word.to_lowercase();
    EXTENSIONS.iter().any(|known| word == *known)
}

/// The number in a stretch of digits, as a whole or as the first of several.
fn number_in(text: &str, country: &str) -> Option<String> {
    let first = || {
        text.split([',', ';', '/', '|'])
            .find_map(|one| national(&digits(one), country))
    };
    national(&digits(text), country).or_else(first)
}

fn national(digits: &str, country: &str) -> Option<String> {
    if is_nanp(country) {
        // As it is dialled from elsewhere.
        let digits = digits.strip_prefix("00").unwrap_or(digits);
        let long = digits.strip_prefix('1').filter(|rest| rest.len() == 10);
        let number = long.unwrap_or(digits);
        (number.len() == 10).then(|| number.to_owned())
    } else {
        (10..=15).contains(&digits.len()).then(|| digits.to_owned())
    }
}

/// The digits of a text.
fn digits(text: &str) -> String {
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

    #[test]
    fn telephones_become_digits_as_their_country_writes_them() {
        let read = |given, country| usable(given, country).map(|phone| (phone.number, phone.extension));
        let plain = |number: &str| Some((number.to_owned(), None));
        assert_eq!(read("+1 (404) 555-0199", "US"), plain("4045550199"));
        assert_eq!(
            read("404.555.0199 ext. 7", "CA"),
            Some(("4045550199".to_owned(), Some("7".to_owned())))
        );
        assert_eq!(read("+49 (0)40 555 0177", "DE"), plain("49405550177"));
        assert_eq!(read("555-0199", "US"), None);
        assert_eq!(read("040 5550", "DE"), None, "FedEx takes no fewer than ten digits");
        assert_eq!(read("1-800-555-0199", " us "), plain("8005550199"));
    }

    /// A number is found among words, and what is not a number of the country is none.
    #[test]
    fn a_telephone_is_found_among_words() {
        let read = |given, country| usable(given, country).map(|phone| (phone.number, phone.extension));
        let with = |number: &str, extension: &str| Some((number.to_owned(), Some(extension.to_owned())));
        let plain = |number: &str| Some((number.to_owned(), None));
        assert_eq!(read("Tel: +49 (0)40 555 0177", "DE"), plain("49405550177"));
        assert_eq!(
            read("Tel.: 040/555 01 77 00, Durchwahl 12", "DE"),
            with("040555017700", "12")
        );
        assert_eq!(read("Office (404) 555-0100 x23", "US"), with("4045550100", "23"));
        assert_eq!(read("Jo: 404 555 0100 #7", "US"), with("4045550100", "7"));
        assert_eq!(read("Dock 4, phone 404-555-0100", "US"), plain("4045550100"));
        assert_eq!(read("404-555-0100 / 404-555-0101", "US"), plain("4045550100"));
        assert_eq!(read("404-555-0100 or cell 404-555-0101", "US"), plain("4045550100"));
        assert_eq!(
            read("404-555-0100 Room 12", "US"),
            plain("4045550100"),
            "a room is no extension"
        );
        assert_eq!(read("001 404 555 0100", "US"), plain("4045550100"));
        assert_eq!(read("Office 555-0100", "US"), None);
        assert_eq!(read("+49 40 555 0177", "US"), None);
        let long = usable("404-555-0100 ext 1234567", "US").unwrap();
        assert_eq!((long.extension, long.is_without_its_extension), (None, true));
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
