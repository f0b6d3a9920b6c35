//! What of a request and its answer may be kept: everything but the credentials. Pure.

use serde_json::Value;

/// What stands where a credential stood.
const HIDDEN: &str = "(credential)";

/// The fields of a token request that are no credential (RFC 6749, RFC 7523); every other one is taken for one.
const PLAIN_FIELDS: [&str; 5] = [
    "grant_type",
    "scope",
    "client_assertion_type",
    "redirect_uri",
    "token_type_hint",
];

/// The fields of an answer that hold, or may hold, a credential.
const CREDENTIAL_WORDS: [&str; 6] = ["token", "secret", "assertion", "password", "jwt", "key"];

/// The fields of an answer that sound like a credential and are none.
const PLAIN_WORDS: [&str; 2] = ["token_type", "key_type"];

/// A form without its credentials.
pub(super) fn form(text: &str) -> String {
    let shown = url::form_urlencoded::parse(text.as_bytes()).map(|(name, value)| {
        let plain = PLAIN_FIELDS.contains(&name.as_ref());
        format!("{name}={}", if plain { value.as_ref() } else { HIDDEN })
    });
    shown.collect::<Vec<_>>().join("&")
}

/// A token request's answer without its credentials; what is no JSON may be anything and is not kept.
pub(super) fn answer(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(json) => without_credentials(json).to_string(),
        Err(_) => format!("({} bytes that are no JSON, not kept)", body.len()),
    }
}

/// The field of a JSON body in which a credential of ours is told to a vendor.
const OWN_CREDENTIAL: &str = "credential";

/// A JSON body without our own credentials: an object with one says where and how somebody gets in, and nothing of it is kept.
pub(super) fn json(text: &str) -> String {
    if !text.contains("\"credential\"") {
        return text.to_owned();
    }
    match serde_json::from_str(text) {
        Ok(json) => without_ways_in(json).to_string(),
        Err(_) => format!("({} bytes that are no JSON, not kept)", text.len()),
    }
}

fn without_ways_in(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key(OWN_CREDENTIAL) => HIDDEN.into(),
        Value::Object(fields) => {
            let shown = fields.into_iter().map(|(name, value)| (name, without_ways_in(value)));
            Value::Object(shown.collect())
        }
        Value::Array(values) => values.into_iter().map(without_ways_in).collect(),
        other => other,
    }
}

fn without_credentials(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let shown = fields.into_iter().map(|(name, value)| {
                let value = if is_credential(&name) {
                    HIDDEN.into()
                } else {
                    without_credentials(value)
                };
                (name, value)
            });
            Value::Object(shown.collect())
        }
        Value::Array(values) => values.into_iter().map(without_credentials).collect(),
        other => other,
    }
}

fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !PLAIN_WORDS.contains(&name.as_str()) && CREDENTIAL_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_request_is_kept_without_its_credentials() {
        let form =
            form("grant_type=client_credentials&client_assertion=eyJhbGciOi&scope=rest_webservices&unheard_of=x");
        let hidden = "client_assertion=(credential)&scope=rest_webservices&unheard_of=(credential)";
        assert_eq!(form, format!("grant_type=client_credentials&{hidden}"));
    }

    #[test]
    fn its_answer_is_kept_without_the_token() {
        let kept = answer(
            br#"{"access_token":"eyJ0","token_type":"Bearer","expires_in":"3599","more":[{"refreshToken":"r"}]}"#,
        );
        assert!(!kept.contains("eyJ0") && !kept.contains("\"r\""), "{kept}");
        assert!(
            kept.contains("\"token_type\":\"Bearer\"") && kept.contains("3599"),
            "{kept}"
        );
        assert_eq!(answer(b"<html>eyJ0</html>"), "(17 bytes that are no JSON, not kept)");
    }

    /// P22: where vendors are told to call us, neither the address nor what lets them in is kept.
    #[test]
    fn a_destination_with_a_credential_is_kept_as_a_mention() {
        let sent = r#"{"locale":"en_US","trackingNumberList":["1Z"],"destination":{"url":"https://a/hooks/00ff","credentialType":"Bearer","credential":"s3cret"}}"#;
        let kept = json(sent);
        assert!(!kept.contains("s3cret") && !kept.contains("00ff"), "{kept}");
        assert_eq!(
            kept,
            r#"{"destination":"(credential)","locale":"en_US","trackingNumberList":["1Z"]}"#
        );
        assert_eq!(
            json(r#"[{"credential":"s3cret"},{"a": 1}]"#),
            r#"["(credential)",{"a":1}]"#
        );
        assert_eq!(
            json(r#"{"credential":"s3cret""#),
            "(22 bytes that are no JSON, not kept)"
        );
        let other = r#"{"a": 1, "credentialType": "Bearer"}"#;
        assert_eq!(json(other), other);
    }

    #[test]
    fn a_refusal_is_kept_whole() {
        let refusal = r#"{"response":{"errors":[{"code":"10401","message":"ClientId is Invalid"}]}}"#;
        assert_eq!(answer(refusal.as_bytes()), refusal);
    }
}
