//! Events of orders that a script in the customer's account sends (`examples/netsuite/waybill_order_event.js`): who sent a
//! request, and which orders it names. Pure.
//!
//! An event is a hint: the order is read again, so that a forged or repeated one costs a reading and nothing else.

use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::domain::DocumentId;
use crate::ports::{Hook, HookKeys, Inbound, PushedNews};

/// The header with the HMAC-SHA256 over timestamp, full stop and body.
const SIGNATURE: &str = "x-waybill-signature";

/// The header with the time at which it was signed.
const TIMESTAMP: &str = "x-waybill-timestamp";

/// How far that time may be from ours: an old request cannot be sent again for ever.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The most events that one request may bring; the poll finds what is beyond.
const MOST: usize = 20;

/// The most digits of an internal id.
const LONGEST_ID: usize = 18;

/// Whether a request comes from who knows a key of the hook. Where the hook has no key, its address alone is the secret.
pub fn is_genuine(_hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> bool {
    keys.keys.is_empty() || is_signed(keys, inbound, now).unwrap_or(false)
}

fn is_signed(keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> Option<bool> {
    let stamp = inbound.header(TIMESTAMP)?.trim();
    if now.duration_since(moment(stamp)?).unsigned_abs() > TOLERANCE.unsigned_abs() {
        return Some(false);
    }
    let signature = signature(inbound.header(SIGNATURE)?.trim())?;
    let message = [stamp.as_bytes(), b".", &inbound.body].concat();
    // Every key is tried, whichever fits: the time that it takes says nothing.
    let fitting = keys.keys.iter().filter(|key| {
        let key = key.expose_secret().as_bytes();
        let verified = hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), &message, &signature);
        !key.is_empty() && verified.is_ok()
    });
    Some(fitting.count() > 0)
}

/// Seconds since 1970, or ISO 8601.
fn moment(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok(),
        Err(_) => text.parse().ok(),
    }
}

/// Hexadecimal or base64, by its length.
fn signature(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    match bytes.len() {
        64 => HEXLOWER_PERMISSIVE.decode(bytes).ok(),
        44 => BASE64.decode(bytes).ok(),
        43 => BASE64_NOPAD.decode(bytes).ok(),
        _ => None,
    }
}

/// Which orders a body says have changed: one event or a list of them, each `{"type", "id", "event", "lastModified"}`.
pub fn read(body: &str) -> Vec<PushedNews> {
    match serde_json::from_str(body) {
        Ok(Value::Array(events)) if events.is_empty() => vec![nothing("an empty list of events")],
        Ok(Value::Array(events)) => events.iter().take(MOST).map(news).collect(),
        Ok(event) => vec![news(&event)],
        Err(_) => vec![nothing("a body that is not JSON")],
    }
}

fn news(event: &Value) -> PushedNews {
    let Some(record) = event.get("type").and_then(Value::as_str) else {
        return nothing("an event that does not name its record's type");
    };
    let document = match record.trim().to_ascii_lowercase().as_str() {
        "salesorder" | "salesord" => DocumentId::sales_order,
        "itemfulfillment" | "itemship" => DocumentId::fulfilment,
        _ => return nothing("an event of a record that is no sales order and no item fulfilment"),
    };
    match event.get("id").and_then(internal_id) {
        Some(id) => PushedNews::Changed(document(id)),
        None => nothing("an event without an internal id"),
    }
}

fn internal_id(id: &Value) -> Option<String> {
    let text = match id {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let legal = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    legal.then_some(text)
}

fn nothing(why: &str) -> PushedNews {
    PushedNews::Nothing { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    const BODY: &str = r#"{"type":"salesorder","id":"5012","event":"edit","lastModified":"2026-03-02T14:00:00Z"}"#;

    fn now() -> Timestamp {
        "2026-03-02T14:00:00Z".parse().unwrap()
    }

    fn hook() -> Hook {
        serde_json::from_value(json!({
            "digest": "d", "system": "netsuite", "tenant": "acme", "credential": "waybill/dev/acme/netsuite",
            "secret": "waybill/dev/acme/hook-netsuite", "connections": [], "created_at": "2026-01-01T00:00:00Z"
        }))
        .unwrap()
    }

    fn keys(keys: &[&str]) -> HookKeys {
        serde_json::from_value(json!({ "id": "0123456789abcdef0123456789abcdef", "keys": keys })).unwrap()
    }

    fn mac(key: &str, stamp: &str, body: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        hmac::sign(&key, format!("{stamp}.{body}").as_bytes()).as_ref().to_vec()
    }

    fn inbound(headers: &[(&str, &str)], body: &str) -> Inbound {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Inbound {
            hook: SecretString::from("0123456789abcdef0123456789abcdef"),
            headers: headers.iter().map(header).collect(),
            body: body.as_bytes().to_vec(),
            source: None,
        }
    }

    fn genuine(known: &[&str], stamp: &str, signature: &str, body: &str) -> bool {
        let inbound = inbound(&[(TIMESTAMP, stamp), (SIGNATURE, signature)], body);
        is_genuine(&hook(), &keys(known), &inbound, now())
    }

    /// P3: an event counts only if it is signed with a key of the hook, over its own body, lately.
    #[test]
    fn only_a_request_that_is_signed_lately_with_a_known_key_is_genuine() {
        let second = now().as_second();
        let at = |offset: i64| (second + offset).to_string();
        let hex = |key: &str, stamp: &str| HEXLOWER.encode(&mac(key, stamp, BODY));
        let stamp = at(0);
        assert!(genuine(&["k1"], &stamp, &hex("k1", &stamp), BODY));
        assert!(genuine(&["k1"], &stamp, &hex("k1", &stamp).to_uppercase(), BODY));
        assert!(genuine(&["k1"], &stamp, &BASE64.encode(&mac("k1", &stamp, BODY)), BODY));
        assert!(genuine(
            &["k1"],
            &stamp,
            &BASE64_NOPAD.encode(&mac("k1", &stamp, BODY)),
            BODY
        ));
        let iso = "2026-03-02T09:03:00-05:00";
        assert!(genuine(&["k1"], iso, &hex("k1", iso), BODY));
        for (offset, stands) in [(-300, true), (300, true), (-301, false), (301, false)] {
            assert_eq!(
                genuine(&["k1"], &at(offset), &hex("k1", &at(offset)), BODY),
                stands,
                "{offset}"
            );
        }
        assert!(!genuine(&["k1"], &stamp, &hex("k2", &stamp), BODY), "another key");
        assert!(
            !genuine(&["k1"], &stamp, &hex("k1", &stamp), &BODY.replace("5012", "5013")),
            "another body"
        );
        assert!(!genuine(&["k1"], &at(1), &hex("k1", &stamp), BODY), "another time");
        for text in ["", "zz", &"0".repeat(64), &"z".repeat(64), &"\u{e9}".repeat(32)] {
            assert!(!genuine(&["k1"], &stamp, text, BODY), "{text:?}");
        }
        for stamp in ["", "soon", "9223372036854775807", "-9223372036854775808", "1e9"] {
            assert!(!genuine(&["k1"], stamp, &hex("k1", stamp), BODY), "{stamp:?}");
        }
        let bare = inbound(&[], BODY);
        assert!(!is_genuine(&hook(), &keys(&["k1"]), &bare, now()));
    }

    #[test]
    fn during_a_rotation_either_key_is_good_and_an_empty_one_is_none() {
        let stamp = now().as_second().to_string();
        let signed = |key: &str| HEXLOWER.encode(&mac(key, &stamp, BODY));
        for key in ["new", "old"] {
            assert!(genuine(&["new", "old"], &stamp, &signed(key), BODY));
        }
        assert!(!genuine(&["new"], &stamp, &signed("old"), BODY));
        assert!(!genuine(&[""], &stamp, &signed(""), BODY));
    }

    #[test]
    fn without_a_key_the_address_is_the_secret() {
        assert!(is_genuine(&hook(), &keys(&[]), &inbound(&[], BODY), now()));
    }

    /// P3: an event names the order that is to be read again.
    #[test]
    fn an_event_or_a_list_of_them_names_orders() {
        let changed = |id: &str| PushedNews::Changed(DocumentId::sales_order(id));
        assert_eq!(read(BODY), [changed("5012")]);
        for (record, id) in [
            ("salesOrder", json!("7")),
            ("SalesOrd", json!(7)),
            (" SALESORDER ", json!(" 7 ")),
        ] {
            assert_eq!(read(&json!({ "type": record, "id": id }).to_string()), [changed("7")]);
        }
        let fulfilment = PushedNews::Changed(DocumentId::fulfilment("9"));
        assert_eq!(read(r#"{"type":"itemFulfillment","id":"9"}"#), [fulfilment]);
        let list = json!([{ "type": "salesorder", "id": 1 }, { "type": "invoice", "id": 2 }, 3, null]);
        let told = read(&list.to_string());
        assert_eq!((told.len(), &told[0]), (4, &changed("1")));
        assert!(told[1..].iter().all(|one| matches!(one, PushedNews::Nothing { .. })));
        let many: Vec<Value> = (1..=150).map(|id| json!({ "type": "salesorder", "id": id })).collect();
        let told = read(&json!(many).to_string());
        assert_eq!((told.len(), told.last()), (20, Some(&changed("20"))));
    }

    #[test]
    fn whatever_else_comes_is_nothing_and_says_why_without_its_content() {
        let ids = [
            json!("50/12"),
            json!(""),
            json!(-1),
            json!(1.5),
            json!("1".repeat(19)),
            json!("\u{664}\u{662}"),
            json!({ "id": 1 }),
            Value::Null,
        ];
        let bodies = ids.map(|id| json!({ "type": "salesorder", "id": id }).to_string());
        let others = [
            "",
            "[]",
            "{}",
            "true",
            "<xml/>",
            "{\"type\":1,\"id\":\"1\"}",
            "{\"id\":\"1\"}",
        ]
        .map(str::to_owned);
        let deep = ["[".repeat(100_000)];
        for body in bodies.into_iter().chain(others).chain(deep) {
            let told = read(&body);
            assert!(matches!(told.as_slice(), [PushedNews::Nothing { .. }]), "{told:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_too_much(body in any::<Vec<u8>>(), stamp in ".*", signature in ".*") {
            let inbound = Inbound { body, ..inbound(&[(TIMESTAMP, &stamp), (SIGNATURE, &signature)], "") };
            prop_assert!(!is_genuine(&hook(), &keys(&["k1"]), &inbound, now()));
            let told = read(&String::from_utf8_lossy(&inbound.body));
            prop_assert!(!told.is_empty() && told.len() <= MOST);
        }
    }
}
