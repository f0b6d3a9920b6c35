//! The adapter at a server of canned answers, for the stories about Track.

use serde_json::{Value, json};

pub(super) use super::reference;
use super::stub::{Asked, Stub};
use crate::systems::fedex::FedEx;

/// The account that the questions name.
const ACCOUNT: &str = "700257037";

/// Three parcels of one shipment, and one of another.
pub(super) const ONE: &str = "794953535000";
pub(super) const TWO: &str = "794953535011";
pub(super) const THREE: &str = "794953535022";
pub(super) const OTHER: &str = "794953536006";

/// A fixture about the job whose reference is looked for.
pub(super) fn fixture(name: &str) -> Value {
    let text = super::fixture(name).to_string();
    serde_json::from_str(&text.replace("THE-REFERENCE", reference().as_str())).unwrap()
}

/// A server that gives out tokens, and answers questions to Track.
pub(super) async fn track(answers: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> (FedEx, Stub) {
    let token = json!({ "access_token": "t-1", "token_type": "bearer", "expires_in": 3599, "scope": "CXS" });
    let stub = Stub::new(move |asked| match asked.line.contains("/oauth/") {
        true => (200, token.to_string()),
        false => answers(asked),
    })
    .await;
    (stub.under(ACCOUNT), stub)
}
