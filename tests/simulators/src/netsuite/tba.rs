//! Token-based authentication: OAuth 1.0a (RFC 5849) with HMAC-SHA256, as NetSuite uses it.
//!
//! Quirks: the realm is the account id in upper case and is not signed; query parameters are; a JSON body is not.

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use std::collections::BTreeMap;

/// The parameters of an `Authorization: OAuth ...` header, decoded.
pub type Parameters = BTreeMap<String, String>;

/// Reads the header; `None` when it is not an OAuth 1.0 header.
pub fn parse(header: &str) -> Option<Parameters> {
    let fields = header.strip_prefix("OAuth ")?;
    fields.split(',').map(parameter).collect()
}

fn parameter(field: &str) -> Option<(String, String)> {
    let (name, value) = field.trim().split_once('=')?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    Some((decode(name), decode(value)))
}

/// The text that is signed. `url` is without its query, `query` as it was sent.
pub fn base_string(method: &str, url: &str, query: &str, oauth: &Parameters) -> String {
    let signed = oauth
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "realm" | "oauth_signature"));
    let mut pairs: Vec<(String, String)> = signed.map(|(name, value)| (encode(name), encode(value))).collect();
    let parts = query.split('&').filter(|part| !part.is_empty());
    pairs.extend(parts.map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (encode(&decode(name)), encode(&decode(value)))
    }));
    pairs.sort();
    let joined: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!(
        "{}&{}&{}",
        method.to_ascii_uppercase(),
        encode(url),
        encode(&joined.join("&"))
    )
}

/// The signature of a base string, in Base64.
pub fn sign(base: &str, consumer_secret: &str, token_secret: &str) -> String {
    BASE64.encode(hmac::sign(&key(consumer_secret, token_secret), base.as_bytes()).as_ref())
}

/// Whether a signature fits a base string.
pub fn verify(base: &str, consumer_secret: &str, token_secret: &str, signature: &str) -> bool {
    let Ok(signature) = BASE64.decode(signature.as_bytes()) else {
        return false;
    };
    hmac::verify(&key(consumer_secret, token_secret), base.as_bytes(), &signature).is_ok()
}

fn key(consumer_secret: &str, token_secret: &str) -> hmac::Key {
    let text = format!("{}&{}", encode(consumer_secret), encode(token_secret));
    hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())
}

/// RFC 3986: everything but letters, digits and `-._~` becomes `%XX`.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, code.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSUMER_SECRET: &str = "d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5";
    const TOKEN_SECRET: &str = "c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295";

    fn oauth() -> Parameters {
        parse(concat!(
            "OAuth realm=\"123456\", ",
            "oauth_consumer_key=\"ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4\",",
            "oauth_token=\"2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc\",",
            "oauth_signature_method=\"HMAC-SHA256\",oauth_timestamp=\"1508242306\",",
            "oauth_nonce=\"fjaLirsIcCGVZWzBX0pg\",oauth_version=\"1.0\",oauth_signature=\"x%3D\""
        ))
        .unwrap()
    }

    fn signature(method: &str, url: &str, query: &str) -> String {
        sign(
            &base_string(method, url, query, &oauth()),
            CONSUMER_SECRET,
            TOKEN_SECRET,
        )
    }

    /// The vendor's published example, and one with query parameters.
    #[test]
    fn golden_vectors() {
        let employee = "https://123456.suitetalk.api.netsuite.com/services/rest/record/v1/employee/40";
        assert_eq!(
            signature("GET", employee, ""),
            "B5OIWznZ2YP0OB7VrJrGkYsTh+8H+5T9Hag+o92q0zY="
        );
        let restlet = "https://123456.restlets.api.netsuite.com/app/site/hosting/restlet.nl";
        let query = "script=6&deploy=1&customParam=someValue&testParam=someOtherValue";
        assert_eq!(
            signature("POST", restlet, query),
            "+KK4SKNgz4ZiILGLwOMtfYlgcXSy1eis8ldE9X90azQ="
        );
        let suiteql = "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/query/v1/suiteql";
        let signed = signature("POST", suiteql, "limit=1000&offset=0");
        assert_eq!(signed, "AB8T1f3fBe4sHDZCO6ABBHmXOi8XzsG393LuEHdOA/E=");
    }

    #[test]
    fn a_changed_request_does_not_verify() {
        let url = "https://123456.suitetalk.api.netsuite.com/services/rest/record/v1/employee/40";
        let signature = "B5OIWznZ2YP0OB7VrJrGkYsTh+8H+5T9Hag+o92q0zY=";
        let check = |method, query| {
            verify(
                &base_string(method, url, query, &oauth()),
                CONSUMER_SECRET,
                TOKEN_SECRET,
                signature,
            )
        };
        assert!(check("GET", ""));
        assert!(!check("DELETE", ""));
        assert!(!check("GET", "expandSubResources=true"));
    }
}
