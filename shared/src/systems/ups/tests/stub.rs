//! The adapter at a server of canned answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{depot, secret, settings};
use crate::connection::Environment;
use crate::http;
use crate::ports::Recorder;
pub(super) use crate::systems::stub::{Asked, Noon, Stub};
use crate::systems::stub::{Kept, Unlimited};
use crate::systems::ups::{Opening, PushTarget, Ups};

impl Stub {
    /// An adapter that reaches this server.
    pub(super) fn ups(&self, options: Value) -> Ups {
        self.ups_with(options, None, Recorder::default())
    }

    /// The same with a hook and a recorder of the test's own.
    pub(super) fn ups_with(&self, options: Value, hook: Option<PushTarget>, recorder: Recorder) -> Ups {
        let settings = settings(Some(&self.url), options);
        Ups::new(Opening {
            settings: &settings,
            environment: Environment::Local,
            connection: "acme-netsuite-ups".parse().unwrap(),
            secret: &secret(),
            ship_from: depot(),
            shipper: None,
            accounts: Vec::new(),
            client: http::client().unwrap(),
            clock: Arc::new(Noon),
            recorder,
            timeout: Duration::from_secs(5),
            tokens: Arc::new(Kept::default()),
            limits: Arc::new(Unlimited),
            hook,
        })
        .unwrap()
    }
}
