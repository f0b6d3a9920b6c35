//! The adapter at a server of canned answers, for the stories about Track.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};

use crate::connection::{Environment, SystemSettings};
use crate::domain::{Address, DocumentId, JobId};
use crate::http;
use crate::ports::Recorder;
use crate::systems::fedex::{FedEx, Opening};
use crate::systems::stub::{Asked, Kept, Noon, Stub, Unlimited};

/// Three parcels of one shipment, and one of another.
pub(super) const ONE: &str = "794953535000";
pub(super) const TWO: &str = "794953535011";
pub(super) const THREE: &str = "794953535022";
pub(super) const OTHER: &str = "794953536006";

/// A file below `tests/fixtures/fedex`, without its ending.
pub(super) fn fixture(name: &str) -> Value {
    let path = format!("{}/../tests/fixtures/fedex/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let text = text.replace("THE-REFERENCE", reference().as_str());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(super) fn reference() -> JobId {
    JobId::of(
        &"acme-netsuite-fedex".parse().unwrap(),
        &DocumentId::sales_order("5012"),
        1,
    )
}

/// A server that gives out tokens, and answers questions to Track.
pub(super) async fn track(answers: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> (FedEx, Stub) {
    let token = json!({ "access_token": "t-1", "token_type": "bearer", "expires_in": 3599, "scope": "CXS" });
    let stub = Stub::new(move |asked| match asked.line.contains("/oauth/") {
        true => (200, token.to_string()),
        false => answers(asked),
    })
    .await;
    (fedex(&stub, "740561073"), stub)
}

/// What was asked beside tokens.
pub(super) fn questions(stub: &Stub) -> Vec<Asked> {
    let mut asked = stub.asked();
    asked.retain(|asked| !asked.line.contains("/oauth/"));
    asked
}

pub(super) fn fedex(stub: &Stub, account: &str) -> FedEx {
    let settings = SystemSettings {
        system: "fedex".into(),
        account: account.into(),
        secret: "waybill/test/acme/fedex".into(),
        base_url: Some(stub.url.parse().unwrap()),
        allow_host: Vec::new(),
        options: json!({}),
    };
    FedEx::new(Opening {
        settings: &settings,
        environment: Environment::Local,
        connection: "acme-netsuite-fedex".parse().unwrap(),
        secret: &SecretString::from(r#"{"api_key":"l7key","secret_key":"s3cret"}"#),
        ship_from: Address::default(),
        client: http::client().unwrap(),
        clock: Arc::new(Noon),
        recorder: Recorder::default(),
        timeout: Duration::from_secs(5),
        tokens: Arc::new(Kept::default()),
        limits: Arc::new(Unlimited),
    })
    .unwrap()
}
