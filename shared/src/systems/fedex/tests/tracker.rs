//! The adapter at a server of canned answers, for the stories about Track.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

pub(super) use super::reference;
use super::{depot, secret, settings};
use crate::connection::{Environment, SystemSettings};
use crate::http;
use crate::ports::Recorder;
use crate::systems::fedex::{FedEx, Opening};
use crate::systems::stub::{Asked, Kept, Noon, Stub, Unlimited};

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
    (fedex(&stub, ACCOUNT), stub)
}

/// What was asked beside tokens.
pub(super) fn questions(stub: &Stub) -> Vec<Asked> {
    let mut asked = stub.asked();
    asked.retain(|asked| !asked.line.contains("/oauth/"));
    asked
}

pub(super) fn fedex(stub: &Stub, account: &str) -> FedEx {
    let settings = SystemSettings {
        account: account.into(),
        ..settings(Some(&stub.url), json!({}))
    };
    FedEx::new(Opening {
        settings: &settings,
        environment: Environment::Local,
        connection: "acme-netsuite-fedex".parse().unwrap(),
        secret: &secret(),
        ship_from: depot(),
        accounts: Vec::new(),
        validates: false,
        client: http::client().unwrap(),
        clock: Arc::new(Noon),
        recorder: Recorder::default(),
        timeout: Duration::from_secs(5),
        tokens: Arc::new(Kept::default()),
        limits: Arc::new(Unlimited),
    })
    .unwrap()
}
