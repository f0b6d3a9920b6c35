//! Names, streets, telephones and payers in the lengths that UPS takes. Nothing is cut: what does not fit is refused with
//! the field that a person must shorten or fill in.

use super::refuse;
use crate::domain::{Address, Payer, Refusal};
use crate::systems::lines::fit;
use crate::systems::ups::account::is_account;
use crate::systems::ups::wire::request;

const NAME: usize = 35;
const LINE: usize = 35;
const LINES: usize = 3;
const CITY: usize = 30;
const POSTAL_CODE: usize = 9;

/// Countries whose telephone numbers are area code and seven digits.
const NANP: [&str; 4] = ["US", "PR", "CA", "VI"];
/// Countries where UPS wants a state, province or county.
const WITH_STATE: [&str; 4] = ["US", "CA", "VN", "IE"];

/// Whose address it is, for the words of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Shipper,
    ShipFrom,
    ShipTo,
}

impl Role {
    fn field(self, name: &str) -> String {
        let role = match self {
            Self::Shipper => "shipper",
            Self::ShipFrom => "ship_from",
            Self::ShipTo => "ship_to",
        };
        format!("{role}.{name}")
    }

    fn words(self) -> &'static str {
        match self {
            Self::Shipper => "the shipper's address",
            Self::ShipFrom => "the ship-from address",
            Self::ShipTo => "the ship-to address",
        }
    }

    fn refuse(self, field: &str, what: &str) -> Refusal {
        refuse(&self.field(field), format!("{} {what}", self.words()))
    }
}

/// What a shipment needs of a party beyond name and street.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contact {
    /// Sent where there is any.
    Optional,
    /// A person and a telephone, as across a border.
    Required,
    /// Nothing, as when prices are asked for.
    None,
}

/// A party of a shipment.
pub(super) fn party(role: Role, address: &Address, contact: Contact) -> Result<request::Party, Refusal> {
    let (attention_name, phone) = match contact {
        Contact::None => (None, None),
        Contact::Optional => (attention(role, address)?, phone(address)),
        Contact::Required => (
            Some(required_attention(role, address)?),
            Some(required_phone(role, address)?),
        ),
    };
    Ok(request::Party {
        name: short(role, "name", &address.name, NAME)?,
        attention_name,
        phone,
        shipper_number: None,
        address: place(role, address)?,
    })
}

fn place(role: Role, address: &Address) -> Result<request::Address, Refusal> {
    let country_code = country(role, &address.country)?;
    Ok(request::Address {
        address_line: street(role, &address.lines)?,
        city: short(role, "city", &address.city, CITY)?,
        state_province_code: state(role, address, &country_code)?,
        postal_code: postal_code(role, address, &country_code)?,
        residential_address_indicator: None,
        country_code,
    })
}

fn short(role: Role, field: &str, text: &str, most: usize) -> Result<String, Refusal> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(role.refuse(field, &format!("has no {field}: enter it"))),
        long if long > most => Err(role.refuse(
            field,
            &format!("has a {field} of {long} characters and UPS takes {most}: shorten it"),
        )),
        _ => Ok(text.to_owned()),
    }
}

fn attention(role: Role, address: &Address) -> Result<Option<String>, Refusal> {
    let given = address
        .attention
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    given.map(|name| short(role, "attention", name, NAME)).transpose()
}

fn required_attention(role: Role, address: &Address) -> Result<String, Refusal> {
    attention(role, address)?.ok_or_else(|| {
        role.refuse(
            "attention",
            "names no contact person, which UPS needs for this shipment: enter the attention name",
        )
    })
}

fn country(role: Role, country: &str) -> Result<String, Refusal> {
    let code = country.trim().to_ascii_uppercase();
    if code.len() == 2 && code.chars().all(|c| c.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(role.refuse("country", "has no country code of two letters: enter it"))
    }
}

/// The state where UPS wants one; elsewhere only a code that fits, because a state's name is no code.
fn state(role: Role, address: &Address, country: &str) -> Result<Option<String>, Refusal> {
    let given = address
        .state
        .as_deref()
        .map(str::trim)
        .filter(|state| !state.is_empty());
    let fits = |state: &&str| {
        if country == "US" || country == "CA" {
            state.len() == 2
        } else {
            state.len() <= 5
        }
    };
    let code = given.filter(fits).map(str::to_ascii_uppercase);
    if code.is_none() && WITH_STATE.contains(&country) {
        return Err(role.refuse("state", "has no state or province code: enter the code, not the name"));
    }
    Ok(code)
}

fn postal_code(role: Role, address: &Address, country: &str) -> Result<Option<String>, Refusal> {
    let given = address
        .postal_code
        .as_deref()
        .map(str::trim)
        .filter(|code| !code.is_empty());
    let Some(given) = given else {
        return match country {
            "US" | "PR" | "CA" => Err(role.refuse("postal_code", "has no postal code: enter it")),
            _ => Ok(None),
        };
    };
    let code = plain_postal_code(given, country);
    let legal = match country {
        "US" | "PR" => matches!(code.len(), 5 | 9) && code.chars().all(|c| c.is_ascii_digit()),
        _ => code.chars().count() <= POSTAL_CODE,
    };
    if legal {
        Ok(Some(code))
    } else {
        Err(role.refuse("postal_code", "has a postal code that UPS does not take: correct it"))
    }
}

fn plain_postal_code(given: &str, country: &str) -> String {
    match country {
        "US" | "PR" | "CA" => given
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .collect::<String>()
            .to_uppercase(),
        _ => given.to_owned(),
    }
}

// ---- streets -----------------------------------------------------------------------------------------------------

fn street(role: Role, lines: &[String]) -> Result<Vec<String>, Refusal> {
    let given: Vec<&str> = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect();
    if given.is_empty() {
        return Err(role.refuse("lines", "has no street: enter it"));
    }
    fit(&given, LINE, LINES).ok_or_else(|| {
        role.refuse(
            "lines",
            &format!("has a street that does not fit {LINES} lines of {LINE} characters: shorten or abbreviate it"),
        )
    })
}

// ---- telephones --------------------------------------------------------------------------------------------------

fn required_phone(role: Role, address: &Address) -> Result<request::Phone, Refusal> {
    phone(address).ok_or_else(|| {
        let wanted = if NANP.contains(&address.country.as_str()) {
            "ten digits"
        } else {
            "at most 15 digits"
        };
        role.refuse(
            "phone",
            &format!("has no usable telephone number, which UPS needs for this shipment: enter one of {wanted}"),
        )
    })
}

/// Digits only; what is no telephone number in its country is left out.
fn phone(address: &Address) -> Option<request::Phone> {
    let given = address.phone.as_deref()?;
    let (main, rest) = given.split_at(given.find(char::is_alphabetic).unwrap_or(given.len()));
    let number = national(&digits(&main.replace("(0)", "")), &address.country)?;
    let extension = Some(digits(rest)).filter(|extension| (1..=4).contains(&extension.len()));
    let extension = extension.filter(|extension| number.len() + extension.len() <= 15);
    Some(request::Phone { number, extension })
}

fn national(digits: &str, country: &str) -> Option<String> {
    if NANP.contains(&country) {
        let number = digits
            .strip_prefix('1')
            .filter(|rest| rest.len() == 10)
            .unwrap_or(digits);
        (number.len() == 10).then(|| number.to_owned())
    } else {
        (5..=15).contains(&digits.len()).then(|| digits.to_owned())
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

// ---- payers ------------------------------------------------------------------------------------------------------

/// A charge of `kind` (01 transport, 02 duties and taxes) and who bears it.
pub(super) fn charge(
    kind: &'static str,
    payer: &Payer,
    account: &str,
    receiver_country: &str,
) -> Result<request::ShipmentCharge, Refusal> {
    let mut charge = request::ShipmentCharge {
        r#type: kind,
        ..Default::default()
    };
    match payer {
        Payer::Shipper => {
            charge.bill_shipper = Some(request::BillShipper {
                account_number: account.to_owned(),
            })
        }
        Payer::Receiver { account, postal_code } => {
            let postal_code = payer_postal_code("receiver", postal_code.as_deref(), receiver_country)?;
            charge.bill_receiver = Some(request::BillOther {
                account_number: payer_account("receiver", account)?,
                address: postal_code.map(|code| request::PayerAddress {
                    postal_code: Some(code),
                    country_code: None,
                }),
            });
        }
        Payer::ThirdParty {
            account,
            postal_code,
            country,
        } => {
            let postal_code = payer_postal_code("third party", postal_code.as_deref(), country)?;
            let address = request::PayerAddress {
                postal_code,
                country_code: Some(country.clone()),
            };
            let account_number = payer_account("third party", account)?;
            charge.bill_third_party = Some(request::BillOther {
                account_number,
                address: Some(address),
            });
        }
    }
    Ok(charge)
}

fn payer_account(who: &str, account: &str) -> Result<String, Refusal> {
    let number = account.trim().to_ascii_uppercase();
    if is_account(&number) {
        Ok(number)
    } else {
        Err(refuse(
            "billing.account",
            format!("the {who}'s UPS account number is not six letters or digits: correct it"),
        ))
    }
}

/// The postal code of the account's address: accounts of the United States and Canada are not billed without it.
fn payer_postal_code(who: &str, given: Option<&str>, country: &str) -> Result<Option<String>, Refusal> {
    let code = given
        .map(|code| plain_postal_code(code.trim(), country))
        .filter(|code| !code.is_empty());
    match &code {
        None if ["US", "CA", "PR"].contains(&country) => Err(refuse(
            "billing.postal_code",
            format!("the postal code of the {who}'s UPS account is missing: enter it as UPS knows it"),
        )),
        Some(code) if code.chars().count() > POSTAL_CODE => Err(refuse(
            "billing.postal_code",
            format!("the postal code of the {who}'s UPS account is too long: correct it"),
        )),
        _ => Ok(code),
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
        assert_eq!(read("+1 (678) 555-1234", "US"), Some(("6785551234".into(), None)));
        assert_eq!(
            read("678.555.1234 ext. 12", "US"),
            Some(("6785551234".into(), Some("12".into())))
        );
        assert_eq!(read("555-1234", "US"), None);
        assert_eq!(read("+49 (0)30 123456", "DE"), Some(("4930123456".into(), None)));
        assert_eq!(read("1234567890123456", "DE"), None);
    }
}
