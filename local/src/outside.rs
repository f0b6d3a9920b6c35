//! The simulated outside systems, on the machine's clock.

use std::collections::BTreeMap;

use serde_json::json;
use simulators::netsuite::{self, keys::KeyKind};
use simulators::server::Base;
use simulators::ups;

use crate::failure::{Failure, Outcome, While};

/// Certificate and client of the simulated NetSuite.
const CERTIFICATE: &str = "demo-certificate";
const CLIENT: &str = "demo-client";

/// A simulated NetSuite and a simulated UPS that run.
pub struct Outside {
    /// The ERP.
    pub netsuite: netsuite::Running,
    /// The carrier.
    pub ups: ups::Running,
    netsuite_secret: serde_json::Value,
}

impl Outside {
    /// Starts both, UPS on this port (0 takes any free one), with a certificate registered at NetSuite.
    ///
    /// # Errors
    /// A port cannot be listened on, or no key can be made.
    pub async fn start(ups_port: u16) -> Outcome<Self> {
        let netsuite = netsuite::NetSuite::start(netsuite::options::Options::default(), Base::default(), 0).await;
        let netsuite = netsuite.doing("starting the simulated NetSuite")?;
        let ups = ups::Ups::start(ups::Options::default(), Base::default(), ups_port).await;
        let ups = ups.doing("starting the simulated UPS")?;
        let key = netsuite.netsuite.make_certificate(KeyKind::P256, CERTIFICATE, CLIENT);
        let key = key.map_err(|_| Failure::new("no key can be made for the simulated NetSuite"))?;
        let netsuite_secret = json!({
            "kind": "client-credentials",
            "client_id": CLIENT,
            "certificate_id": CERTIFICATE,
            "private_key": key.private_pem,
            "algorithm": "ES256",
        });
        Ok(Self {
            netsuite,
            ups,
            netsuite_secret,
        })
    }

    /// Where each answers, by its name.
    #[must_use]
    pub fn urls(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("netsuite".to_owned(), self.netsuite.url.clone()),
            ("ups".to_owned(), self.ups.url.clone()),
        ])
    }

    /// The credentials of each, by the system's name.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, serde_json::Value)> {
        let ups = json!({ "client_id": "ups-client", "client_secret": "ups-secret" });
        vec![("netsuite", self.netsuite_secret.clone()), ("ups", ups)]
    }

    /// Stops both.
    pub async fn stop(self) {
        self.netsuite.serving.stop().await;
        self.ups.serving.stop().await;
    }
}
