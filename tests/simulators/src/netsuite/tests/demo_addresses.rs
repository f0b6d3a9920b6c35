//! The demo's addresses are judged by the simulated UPS as their kinds say.

use super::*;
use crate::netsuite::demo::DemoKind;
use crate::ups::{self, Ups};

struct Judge {
    running: ups::Running,
    http: Client,
    token: String,
}

impl Judge {
    async fn new() -> Self {
        let running = Ups::start(ups::Options::default(), Base::default(), 0).await.unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        let request = http
            .post(format!("{}/security/v1/oauth/token", running.url))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .basic_auth("ups-client", Some("ups-secret"))
            .body("grant_type=client_credentials");
        let (_, body) = read(request.send().await.unwrap()).await;
        let token = body["access_token"].as_str().unwrap().to_owned();
        Self { running, http, token }
    }

    /// `ValidAddress`, `AmbiguousAddress` or `NoCandidates`.
    async fn verdict(&self, address: &Address) -> &'static str {
        let key = json!({
            "AddressLine": [address.addr1], "PoliticalDivision2": address.city, "PoliticalDivision1": address.state,
            "PostcodePrimaryLow": address.zip, "CountryCode": address.country,
        });
        let request = self
            .http
            .post(format!("{}/api/addressvalidation/v2/1", self.running.url))
            .bearer_auth(&self.token)
            .json(&json!({ "XAVRequest": { "AddressKeyFormat": key } }));
        let (_, body) = read(request.send().await.unwrap()).await;
        let given = |name: &&str| body["XAVResponse"].get(format!("{name}Indicator")).is_some();
        ["ValidAddress", "AmbiguousAddress", "NoCandidates"]
            .into_iter()
            .find(given)
            .unwrap_or("none")
    }
}

/// A demo order is held for its address exactly if its kind says so, and its correction is good.
#[tokio::test]
async fn each_kind_is_judged_as_it_says() {
    let judge = Judge::new().await;
    for seed in 0..4 {
        for one in demo_orders(30, seed) {
            let expected = match one.kind {
                DemoKind::International => continue,
                DemoKind::InvalidAddress | DemoKind::EditedWhileHeld => "NoCandidates",
                DemoKind::AmbiguousAddress => "AmbiguousAddress",
                _ => "ValidAddress",
            };
            assert_eq!(
                judge.verdict(&one.order.address).await,
                expected,
                "{:?} {:?}",
                one.kind,
                one.order.address
            );
            if let Some(right) = &one.correction {
                assert_eq!(judge.verdict(right).await, "ValidAddress", "{right:?}");
            }
        }
    }
}
