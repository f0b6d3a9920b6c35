//! Every reader of UPS's answers at once, for `fuzz/`: whatever UPS answers, each of them says what it makes of it.

use ::http::HeaderMap;
use bytes::Bytes;
use serde_json::json;

use super::{convert, token};
use crate::domain::{Address, LabelFormat};
use crate::http::{self as web, Answer};

/// The parcel that is asked for.
const NUMBER: &str = "1ZA1B2C30300000010";

/// Hands an answer to every reader; says how many of them understood it.
pub fn answers(status: u16, body: &[u8]) -> usize {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
    };
    let read = || web::read(Ok(answer.clone()), convert::envelope);
    let tracked = || web::read(Ok(answer.clone()), convert::track_envelope);
    let draft = json!({ "ShipmentRequest": { "LabelSpecification": { "LabelImageFormat": { "Code": "ZPL" } } } });
    let numbers = [NUMBER.to_owned(), "1ZA1B2C30300000029".to_owned()];
    let understood = [
        convert::verdict(&given(), read()).is_ok(),
        convert::offers(&answer).is_ok(),
        web::effect(Ok(answer.clone()), convert::envelope).is_ok(),
        convert::purchased(body, &draft).is_some(),
        convert::tracked(tracked()).is_ok(),
        convert::news(tracked(), NUMBER).is_ok(),
        convert::list_page(&answer, Some("bookmark")).is_ok(),
        convert::recovery(read()).is_ok(),
        convert::pictures(read(), LabelFormat::Zpl).is_ok(),
        convert::voided(read()).is_ok(),
        convert::subscribed(Ok(answer.clone()), &numbers).is_ok(),
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
        lines: vec!["12380 Morris Rd".to_owned(), "Suite 200".to_owned()],
        city: "Alpharetta".to_owned(),
        state: Some("GA".to_owned()),
        postal_code: Some("30005-4616".to_owned()),
        country: "US".to_owned(),
        ..Address::default()
    }
}
