//! The demo's addresses are judged by the simulated UPS as their kinds say.

use super::*;
use crate::fusion::demo::{DemoKind, demo_orders};
use crate::fusion::model::Address;
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

    async fn finds_valid(&self, address: &Address) -> bool {
        let key = json!({
            "AddressLine": [address.line1], "PoliticalDivision2": address.city, "PoliticalDivision1": address.state,
            "PostcodePrimaryLow": address.postal_code, "CountryCode": address.country,
        });
        let request = self
            .http
            .post(format!("{}/api/addressvalidation/v2/1", self.running.url))
            .bearer_auth(&self.token)
            .json(&json!({ "XAVRequest": { "AddressKeyFormat": key } }));
        let (_, body) = read(request.send().await.unwrap()).await;
        body["XAVResponse"].get("ValidAddressIndicator").is_some()
    }
}

/// A demo order is held for its address exactly if its kind says so, and its correction is good.
#[tokio::test]
async fn each_kind_is_judged_as_it_says() {
    let judge = Judge::new().await;
    for seed in 0..4 {
        for one in demo_orders(24, seed) {
            let wrong = one.kind == DemoKind::WrongAddress;
            assert_eq!(judge.finds_valid(&one.place.address).await, !wrong, "{:?}", one.place);
            assert!(judge.finds_valid(&one.supplier.1).await, "{:?}", one.supplier);
            for other in one.second.iter().map(|place| &place.address).chain(&one.correction) {
                assert!(judge.finds_valid(other).await, "{other:?}");
            }
        }
    }
}
