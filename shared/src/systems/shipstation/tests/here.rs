//! A ShipStation within this process: answers by a function, and remembers what it was asked, host and all.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::connection;
use crate::connection::Connection;
use crate::http::{self as web, Fate, SharedTokens, Vendor};
use crate::memory::{AlwaysWorks, CountedNonces, Memory, TurnedClock, Vault};
use crate::ports::Recorder;
use crate::systems::Ports;
use crate::systems::shipstation::ShipStation;

/// When everything happens.
pub(super) const NOON: &str = "2026-11-21T12:00:00Z";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Method, host, path and query, which is decoded.
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn has(&self, part: &str) -> bool {
        self.line.contains(part)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// A field of the query.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let (_, query) = self.line.split_once('?')?;
        let mut fields = query.split('&').filter_map(|field| field.split_once('='));
        fields
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.to_owned())
    }
}

/// An answer: status, headers, body.
pub(super) struct Said(
    pub(super) u16,
    pub(super) Vec<(&'static str, String)>,
    pub(super) String,
);

pub(super) fn ok(body: &Value) -> Said {
    Said(200, Vec::new(), body.to_string())
}

pub(super) fn status(status: u16, body: &Value) -> Said {
    Said(status, Vec::new(), body.to_string())
}

/// Nothing is there.
pub(super) fn nothing() -> Said {
    let error = json!({"error_source": "ShipStation", "error_type": "validation", "error_code": "not_found", "message": "Not found"});
    status(404, &json!({ "errors": [error] }))
}

/// No rows.
pub(super) fn empty(list: &str) -> Said {
    ok(&json!({ list: [], "total": 0, "page": 1, "pages": 0, "links": {"next": {}} }))
}

type Answers = dyn Fn(&Asked) -> Said + Send + Sync;

/// ShipStation.
pub(super) struct Here {
    answers: Box<Answers>,
    asked: Mutex<Vec<Asked>>,
}

#[async_trait]
impl Vendor for Here {
    async fn ask(&self, request: Request<Bytes>) -> Fate {
        let uri = request.uri();
        let query: Vec<String> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let path = uri.path().replace("%3A", ":");
        let asked = Asked {
            line: format!("{} {host}{path}?{}", request.method(), query.join("&")),
            headers: request.headers().clone(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
        };
        self.asked.lock().unwrap().push(asked.clone());
        let Said(status, headers, body) = (self.answers)(&asked);
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        Fate::Answered(response.body(Bytes::from(body)).unwrap())
    }
}

/// ShipStation with those who call it.
pub(super) struct World {
    pub(super) here: Arc<Here>,
    pub(super) clock: TurnedClock,
    pub(super) store: Memory,
    pub(super) recorder: Recorder,
}

impl World {
    pub(super) fn new(answers: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let clock = TurnedClock::at(NOON.parse().unwrap());
        Self {
            here: Arc::new(Here {
                answers: Box::new(answers),
                asked: Mutex::default(),
            }),
            store: Memory::new(Arc::new(clock.clone()), Arc::new(AlwaysWorks)),
            clock,
            recorder: Recorder::default(),
        }
    }

    /// The lines of what was asked.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.here.asked.lock().unwrap().clone()
    }

    /// What was asked with this method.
    pub(super) fn sent(&self, method: &str) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(|asked| asked.line.starts_with(method));
        asked
    }

    /// An adapter of V2.
    pub(super) fn v2(&self) -> ShipStation {
        self.open(&connection(&json!({})))
    }

    /// An adapter of V1 that is allowed more than the usual 40 calls a minute: what is told here is told without waiting.
    pub(super) fn v1(&self) -> ShipStation {
        let plenty = json!({"calls": 4000, "seconds": 60});
        self.open(&connection(
            &json!({"api": "v1", "currency": "USD", "rate_limit": plenty}),
        ))
    }

    /// An adapter of V1 with the usual limit.
    pub(super) fn usual_v1(&self) -> ShipStation {
        self.open(&connection(&json!({"api": "v1", "currency": "USD"})))
    }

    pub(super) fn open(&self, connection: &Connection) -> ShipStation {
        let secret = SecretString::from(r#"{"api_key":"s3cret-v2","key":"user","secret":"s3cret-v1"}"#);
        ShipStation::new(connection, &secret, self.ports()).unwrap()
    }

    fn ports(&self) -> Ports {
        let (store, clock) = (Arc::new(self.store.clone()), Arc::new(self.clock.clone()));
        let (vault, nonces) = (Arc::new(Vault::default()), Arc::new(CountedNonces::default()));
        Ports {
            client: web::client().unwrap().asking(self.here.clone()),
            clock: clock.clone(),
            recorder: self.recorder.clone(),
            timeout: Duration::from_secs(20),
            tokens: Arc::new(SharedTokens::new(store.clone(), vault.clone(), clock, nonces)),
            limits: store,
            secrets: vault,
        }
    }
}
