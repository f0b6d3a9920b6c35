//! The demo's locations are judged by the simulated UPS as their kinds say.

use super::super::demo::{DemoKind, demo_orders};
use super::*;
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

    async fn is_valid(&self, address: &Address) -> bool {
        let key = json!({
            "AddressLine": [address.lines[0]], "PoliticalDivision2": address.city,
            "PoliticalDivision1": address.state, "PostcodePrimaryLow": address.postal, "CountryCode": "US",
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

/// The basic locations and every correction are good; what is corrected is not.
#[tokio::test]
async fn each_location_is_judged_as_its_kind_says() {
    let judge = Judge::new().await;
    let world = PeopleSoft::new(Options::default(), Base::default()).act(|world, _| world.clone());
    for (key, history) in &world.locations {
        assert!(judge.is_valid(&history.all()[0].value.address).await, "{key:?}");
    }
    for one in (0..4).flat_map(|seed| demo_orders(30, seed)) {
        if one.kind == DemoKind::WrongAddress {
            assert!(!judge.is_valid(&one.location.unwrap().1.address).await);
            assert!(judge.is_valid(&one.correction.unwrap().address).await);
        }
    }
}
