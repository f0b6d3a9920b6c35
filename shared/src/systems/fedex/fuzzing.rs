//! Every reader of FedEx's answers at once, for `fuzz/`: whatever FedEx answers, each of them says what it makes of it.

use ::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::{convert, token};
use crate::domain::Address;
use crate::http::{self as web, Answer};
use crate::ports::Asked;

/// The parcel that is asked for.
const NUMBER: &str = "794953535000";

/// Hands an answer to every reader; says how many of them understood it.
pub fn answers(status: u16, body: &[u8]) -> usize {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
    };
    let read = || web::read(Ok(answer.clone()), convert::envelope);
    let draft = json!({ "requestedShipment": {
        "labelSpecification": { "imageType": "ZPLII" },
        "requestedPackageLineItems": [{ "groupPackageCount": 1 }, { "groupPackageCount": 1 }],
    } });
    let asked = [NUMBER, "794953535011"].map(|number| Asked {
        number,
        shipped: Timestamp::UNIX_EPOCH,
    });
    let pieces = convert::pieces(read());
    let shipments = pieces.clone().map(convert::grouped).unwrap_or_default();
    let understood = [
        convert::verdict(&given(), read()).is_ok(),
        convert::offers(&answer, Date::constant(2026, 11, 20)).is_ok(),
        web::effect(Ok(answer.clone()), convert::envelope).is_ok(),
        convert::purchased(body, &draft).is_some(),
        convert::job(body).is_some(),
        convert::cancelled(&answer) != convert::Void::Unclear,
        convert::quota(&answer, Timestamp::UNIX_EPOCH).is_some(),
        convert::told(&answer, &asked).iter().any(Result::is_ok),
        pieces.is_ok(),
        shipments.iter().any(convert::Group::is_whole),
        convert::piece(read(), NUMBER).is_ok(),
        token::minted(&answer).is_ok(),
        token::refused(&answer).is_some(),
        convert::is_number(&String::from_utf8_lossy(body)),
    ];
    understood.into_iter().filter(|understood| *understood).count()
}

/// The address that validation was asked about.
fn given() -> Address {
    Address {
        name: "Buyer LLC".to_owned(),
        lines: vec!["77 Peachtree Walk".to_owned(), "Suite 4".to_owned()],
        city: "Atlanta".to_owned(),
        state: Some("GA".to_owned()),
        postal_code: Some("30309-1234".to_owned()),
        country: "US".to_owned(),
        ..Address::default()
    }
}
