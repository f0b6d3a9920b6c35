//! Track Alert of the simulated UPS: subscribing over HTTP, and the pushes that follow.

#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use simulators::clock::Clock;
use simulators::faults::{Fault, FaultKind};
use simulators::server::Base;
use simulators::ups::{Client, EventKind, Options, Push, PushOutcome, Running, Ups, V2Hook, courier};

const V1: &str = "/track/v1/subscription/standard/package";
const V2: &str = "/track/v2/subscription/standard/package";
const UNKNOWN: &str = "1Z999AA10123456784";

struct Caller {
    running: Running,
    http: reqwest::Client,
    token: String,
}

fn tuesday() -> Timestamp {
    "2026-07-21T14:00:00Z".parse().unwrap()
}

/// Tokens outlive the days that subscriptions take.
fn long_lived(options: Options) -> Options {
    Options {
        token_life_s: 90 * 24 * 3600,
        ..options
    }
}

async fn start(options: Options) -> Caller {
    let base = Base {
        clock: Clock::frozen(tuesday()),
        ..Base::default()
    };
    let running = Ups::start(long_lived(options), base, 0).await.unwrap();
    let mut caller = Caller {
        running,
        http: reqwest::Client::new(),
        token: String::new(),
    };
    caller.token = caller.token_of("ups-client", "ups-secret").await;
    caller
}

impl Caller {
    async fn token_of(&self, id: &str, secret: &str) -> String {
        let request = self.http.post(format!("{}/security/v1/oauth/token", self.running.url));
        let request = request
            .basic_auth(id, Some(secret))
            .body("grant_type=client_credentials");
        read(request).await.1["access_token"].as_str().unwrap().to_owned()
    }

    fn call(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api{path}", self.running.url);
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(&self.token);
        request
            .header("transId", "0123456789abcdef")
            .header("transactionSrc", "waybill")
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        read(self.call("POST", path).json(body)).await
    }

    async fn subscribe(&self, number: &str) {
        let (status, answer) = self.post(V1, &v1(&[number])).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn shipped(&self, reference: &str) -> String {
        let (status, answer) = self.post("/shipments/v2409/ship", &domestic(reference)).await;
        assert_eq!(status, 200, "{answer}");
        let results = &answer["ShipmentResponse"]["ShipmentResults"];
        results["ShipmentIdentificationNumber"].as_str().unwrap().to_owned()
    }

    /// A shipped parcel that is followed since a minute after the label.
    async fn followed(&self) -> String {
        let number = self.shipped("SO-1").await;
        self.advance(60);
        self.subscribe(&number).await;
        number
    }

    fn ups(&self) -> &Ups {
        &self.running.ups
    }

    fn advance(&self, seconds: i64) {
        self.ups().base().clock.advance(SignedDuration::from_secs(seconds));
    }

    /// An event a minute later.
    fn later(&self, number: &str, kind: EventKind) {
        self.advance(60);
        assert!(self.ups().happen(number, &[kind]));
    }

    /// What is due now, as the kinds of events.
    fn due(&self) -> Vec<EventKind> {
        kinds(&self.ups().due_pushes())
    }
}

fn kinds(pushes: &[Push]) -> Vec<EventKind> {
    pushes.iter().map(|push| push.attempt_of.kind).collect()
}

fn body(push: &Push) -> Value {
    serde_json::from_str(&push.body).unwrap()
}

fn header<'a>(push: &'a Push, name: &str) -> Option<&'a str> {
    let found = push.headers.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str())
}

async fn read(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

fn code(answer: &Value) -> &str {
    answer["response"]["errors"][0]["code"]
        .as_str()
        .unwrap_or("no error code")
}

fn v2(numbers: &[&str]) -> Value {
    json!({ "locale": "en_US", "countryCode": "US", "trackingNumberList": numbers })
}

fn v1(numbers: &[&str]) -> Value {
    let mut request = v2(numbers);
    request["destination"] = json!({ "url": "https://hooks.example.com/ups", "credentialType": "Bearer",
        "credential": "only-we-know" });
    request
}

fn domestic(reference: &str) -> Value {
    let from = json!({ "AddressLine": ["2311 York Rd"], "City": "Timonium", "StateProvinceCode": "MD",
        "PostalCode": "21093", "CountryCode": "US" });
    let to = json!({ "AddressLine": ["12380 Morris Rd"], "City": "Alpharetta", "StateProvinceCode": "GA",
        "PostalCode": "30005", "CountryCode": "US" });
    let package = json!({ "Packaging": { "Code": "02" },
        "Dimensions": { "UnitOfMeasurement": { "Code": "IN" }, "Length": "10", "Width": "8", "Height": "6" },
        "PackageWeight": { "UnitOfMeasurement": { "Code": "LBS" }, "Weight": "5" },
        "ReferenceNumber": [{ "Code": "IK", "Value": reference }] });
    json!({ "ShipmentRequest": {
        "Request": { "RequestOption": "nonvalidate", "SubVersion": "2205" },
        "Shipment": {
            "Description": "Machine parts",
            "Shipper": { "Name": "Acme Inc", "AttentionName": "Dock", "Phone": { "Number": "4105551234" },
                "ShipperNumber": "A1B2C3", "Address": from },
            "ShipTo": { "Name": "Buyer LLC", "AttentionName": "Jo Buyer", "Phone": { "Number": "6785551234" },
                "Address": to },
            "PaymentInformation": { "ShipmentCharge": [
                { "Type": "01", "BillShipper": { "AccountNumber": "A1B2C3" } }] },
            "Service": { "Code": "03" },
            "Package": [package] },
        "LabelSpecification": { "LabelImageFormat": { "Code": "ZPL" },
            "LabelStockSize": { "Height": "6", "Width": "4" } } } })
}

#[tokio::test]
async fn an_answer_tells_the_valid_numbers_from_the_invalid_and_leaves_out_an_empty_list() {
    let ups = start(Options::default()).await;
    let known = ups.shipped("SO-1").await;
    let roadie = "1R00000000000000";
    let (status, answer) = ups.post(V1, &v1(&[&known, UNKNOWN, roadie])).await;
    assert_eq!(
        (status.as_u16(), answer),
        (200, json!({ "validTrackingNumbers": [known, UNKNOWN, roadie] }))
    );
    let (status, answer) = ups.post(V2, &v2(&["1Z1234567$8", &known])).await;
    assert_eq!(
        (status.as_u16(), answer),
        (
            200,
            json!({ "validTrackingNumbers": [known], "invalidTrackingNumbers": ["1Z1234567$8"] })
        )
    );
    let (status, answer) = ups.post(V2, &v2(&["1Z1234567$8"])).await;
    assert_eq!((status.as_u16(), code(&answer)), (400, "VSS210"));
    assert_eq!(answer["invalidTrackingNumbers"], json!(["1Z1234567$8"]));

    ups.ups().configure(|options| options.refuse_unknown_numbers = true);
    let (_, answer) = ups.post(V2, &v2(&[UNKNOWN, &known])).await;
    assert_eq!(
        answer,
        json!({ "validTrackingNumbers": [known], "invalidTrackingNumbers": [UNKNOWN] })
    );
}

#[tokio::test]
async fn numbers_are_judged_by_their_form_alone() {
    let ups = start(Options::default()).await;
    let good = ["1Z999AA10123456785", "1R00000000000000", "1RABCDEFGHIJKLMNOPQRSTUVWXYZ"];
    let bad = [
        "1Z1234567$8",
        "1z999AA10123456784",
        "1Z999AA1012345678",
        "1R000000000000000",
        "",
    ];
    let (_, answer) = ups.post(V2, &v2(&[&good[..], &bad[..]].concat())).await;
    assert_eq!(
        answer,
        json!({ "validTrackingNumbers": good, "invalidTrackingNumbers": bad })
    );
}

#[tokio::test]
async fn each_mistake_has_its_code_and_subscribes_nothing() {
    let ups = start(Options::default()).await;
    let long_url = format!("https://hooks.example.com/{}", "x".repeat(3000));
    let mistakes = [
        ("/locale", Value::Null, "VSS300"),
        ("/locale", json!("de_DE"), "VSS310"),
        ("/countryCode", json!("us"), "VSS400"),
        ("/trackingNumberList", Value::Null, "VSS200"),
        ("/trackingNumberList", json!([]), "VSS200"),
        ("/trackingNumberList", json!(vec![UNKNOWN; 101]), "VSS220"),
        ("/trackingNumberList", json!([7]), "VSS000"),
        ("/trackingNumberList", json!(["7"]), "VSS210"),
        ("/destination", Value::Null, "VSS500"),
        ("/destination/url", json!(" "), "VSS600"),
        ("/destination/url", json!("hooks"), "VSS600"),
        ("/destination/url", json!(long_url), "VSS610"),
        ("/destination/credential", json!(""), "VSS700"),
        ("/destination/credentialType", Value::Null, "VSS800"),
        ("", json!({}), "VSS110"),
    ];
    for (path, wrong, expected) in mistakes {
        let mut request = v1(&[UNKNOWN]);
        *request.pointer_mut(path).unwrap() = wrong;
        let (status, answer) = ups.post(V1, &request).await;
        assert_eq!((status.as_u16(), code(&answer)), (400, expected), "{path}");
    }
    let mut enhanced = v2(&[UNKNOWN]);
    enhanced["eventPreferences"] = json!(["D", "U"]);
    for (path, expected) in [
        ("/track/v2/subscription/enhanced/package", "VSS414"),
        ("/track/v2/subscription/express/package", "VSS930"),
    ] {
        assert_eq!(code(&ups.post(path, &enhanced).await.1), expected);
    }
    assert!(ups.ups().read_books().subscriptions.is_empty());
    assert_eq!(ups.post(V1, &v1(&[UNKNOWN; 100])).await.0, 200);
}

#[tokio::test]
async fn a_subscription_needs_a_token_and_both_headers_and_can_be_struck_by_faults() {
    let ups = start(Options::default()).await;
    let bare = || {
        let url = format!("{}/api{V2}", ups.running.url);
        ups.http.post(url).json(&v2(&[UNKNOWN]))
    };
    assert_eq!(read(bare()).await.0, 401);
    let known = || bare().bearer_auth(&ups.token);
    assert_eq!(code(&read(known()).await.1), "VSS002");
    let long = "x".repeat(33);
    assert_eq!(code(&read(known().header("transId", long)).await.1), "VSS003");
    assert_eq!(code(&read(known().header("transId", "1")).await.1), "VSS004");
    let source = known().header("transId", "1").header("transactionSrc", "x".repeat(513));
    assert_eq!(code(&read(source).await.1), "VSS006");

    for (operation, path) in [("subscribe_v1", V1), ("subscribe_v2", V2)] {
        let busy = FaultKind::Status {
            code: 500,
            retry_after: None,
        };
        ups.ups().base().faults.add(Fault::new(operation, busy).at_most(1));
        assert_eq!(ups.post(path, &v1(&[UNKNOWN])).await.0, 500);
        assert_eq!(ups.post(path, &v1(&[UNKNOWN])).await.0, 200);
        assert!(ups.ups().read_books().requests.by_operation[operation] >= 2);
    }
}

#[tokio::test]
async fn a_push_tells_what_happened_since_the_subscription_and_no_history() {
    let ups = start(Options::default()).await;
    let number = ups.shipped("SO-1").await;
    ups.later(&number, EventKind::PickedUp);
    ups.subscribe(&number).await;
    ups.later(&number, EventKind::Departed);
    ups.later(&number, EventKind::Delivered);
    let pushes = ups.ups().due_pushes();
    assert_eq!(kinds(&pushes), [EventKind::Departed, EventKind::Delivered]);
    let [departed, delivered] = pushes.as_slice() else {
        panic!("not two pushes")
    };
    assert_eq!(
        (departed.number.as_str(), departed.url.as_str()),
        (number.as_str(), "https://hooks.example.com/ups")
    );
    assert_eq!(header(departed, "Content-Type"), Some("application/json"));
    assert_eq!(header(departed, "User-Agent"), Some("UPSPubSubTrackingService"));
    assert_eq!(header(departed, "credential"), Some("only-we-know"));
    assert!(departed.oauth.is_none() && header(departed, "x-api-key").is_none());
    assert_eq!(
        body(departed),
        json!({ "trackingNumber": number, "localActivityDate": "20260721", "localActivityTime": "100200",
            "activityLocation": { "city": "TIMONIUM", "stateProvince": "MD", "postalCode": "", "country": "US" },
            "activityStatus": { "type": "I", "code": "DP", "description": "On the Way", "descriptionCode": "005" },
            "scheduledDeliveryDate": "20260724", "actualDeliveryDate": "", "actualDeliveryTime": "",
            "gmtActivityDate": "20260721", "gmtActivityTime": "140200", "gmtOffset": "-04.00",
            "deliveryStartTime": "", "deliveryEndTime": "", "deliveryTimeDescription": "end of day",
            "deliveryPhoto": "", "alternateTrackingNumber": "", "receivedBy": "" })
    );
    assert_eq!(
        body(delivered),
        json!({ "trackingNumber": number, "localActivityDate": "20260721", "localActivityTime": "100300",
            "activityLocation": { "city": "ALPHARETTA", "stateProvince": "GA", "postalCode": "30005", "country": "US" },
            "activityStatus": { "type": "D", "code": "FS", "description": "Delivered", "descriptionCode": "011" },
            "scheduledDeliveryDate": "20260724", "actualDeliveryDate": "20260721", "actualDeliveryTime": "100300",
            "gmtActivityDate": "20260721", "gmtActivityTime": "140300", "gmtOffset": "-04.00",
            "deliveryStartTime": "", "deliveryEndTime": "", "deliveryTimeDescription": "",
            "deliveryPhoto": "", "alternateTrackingNumber": "", "receivedBy": "SMITH" })
    );
    assert!(ups.due().is_empty(), "nothing is sent again");
}

#[tokio::test]
async fn pushes_and_tracking_use_the_same_types_and_codes() {
    let ups = start(Options::default()).await;
    let number = ups.followed().await;
    let happened = [
        EventKind::PickedUp,
        EventKind::Arrived,
        EventKind::OutForDelivery,
        EventKind::Attempted,
        EventKind::Refused,
        EventKind::Returning,
        EventKind::Returned,
    ];
    for kind in happened {
        ups.later(&number, kind);
    }
    let pushed = ups.ups().due_pushes();
    assert_eq!(kinds(&pushed), happened);
    let (_, tracked) = read(ups.call("GET", &format!("/track/v1/details/{number}"))).await;
    let activity = tracked["trackResponse"]["shipment"][0]["package"][0]["activity"].clone();
    let scans = activity.as_array().unwrap().iter().rev().skip(1);
    for (push, scan) in pushed.iter().map(body).zip(scans) {
        let (told, seen) = (&push["activityStatus"], &scan["status"]);
        assert_eq!(
            [&told["type"], &told["code"], &told["descriptionCode"]],
            [&seen["type"], &seen["code"], &seen["statusCode"]]
        );
        assert_eq!(
            (&push["gmtActivityDate"], &push["localActivityTime"]),
            (&scan["gmtDate"], &scan["time"])
        );
    }
}

#[tokio::test]
async fn labels_made_and_voided_are_pushed_with_no_place_but_the_country() {
    let ups = start(Options::default()).await;
    let guesses: Vec<String> = (0..10).map(|check| format!("1ZA1B2C3030000001{check}")).collect();
    let guesses: Vec<&str> = guesses.iter().map(String::as_str).collect();
    assert_eq!(ups.post(V1, &v1(&guesses)).await.0, 200);
    let number = ups.shipped("SO-1").await;
    ups.advance(60);
    let path = format!("/shipments/v2409/void/cancel/{number}");
    assert_eq!(read(ups.call("DELETE", &path)).await.0, 200);
    let pushes = ups.ups().due_pushes();
    assert_eq!(kinds(&pushes), [EventKind::LabelCreated, EventKind::Voided]);
    let told: Vec<_> = pushes
        .iter()
        .map(|push| body(push)["activityStatus"]["type"].clone())
        .collect();
    assert_eq!(told, ["M", "MV"]);
    assert_eq!(
        body(&pushes[1])["activityLocation"],
        json!({ "city": "", "stateProvince": "", "postalCode": "", "country": "US" })
    );
}

#[tokio::test]
async fn a_subscription_lives_fourteen_days_and_asking_again_extends_it() {
    let ups = start(Options::default()).await;
    let number = ups.followed().await;
    let day = 24 * 3600;
    ups.advance(13 * day);
    ups.subscribe(&number).await;
    ups.advance(13 * day);
    ups.later(&number, EventKind::PickedUp);
    assert_eq!(ups.due(), [EventKind::PickedUp], "extended");
    ups.advance(2 * day);
    ups.later(&number, EventKind::Departed);
    ups.subscribe(&number).await;
    assert!(ups.due().is_empty(), "the gap is never told");
    ups.later(&number, EventKind::Arrived);
    assert_eq!(ups.due(), [EventKind::Arrived]);

    let books = ups.ups().read_books();
    let [subscription] = books.subscriptions.as_slice() else {
        panic!("not one subscription")
    };
    assert_eq!(subscription.log.len(), 3);
    assert_eq!(subscription.began_at, subscription.latest_at);
    assert_eq!(subscription.latest_at, subscription.log[2]);
    assert_eq!(
        subscription.expires_at,
        subscription.latest_at + SignedDuration::from_hours(14 * 24)
    );
    let told = serde_json::to_value(subscription).unwrap();
    assert_eq!(
        (&told["client"], &told["version"], &told["level"]),
        (&json!("ups-client"), &json!("v1"), &json!("standard"))
    );
    assert!(!told.to_string().contains("only-we-know"));
}

#[tokio::test]
async fn a_subscription_may_live_for_seconds_only() {
    let ups = start(Options {
        subscription_life_s: Some(90),
        ..Options::default()
    })
    .await;
    let number = ups.followed().await;
    ups.later(&number, EventKind::PickedUp);
    ups.later(&number, EventKind::Departed);
    assert_eq!(ups.due(), [EventKind::PickedUp]);
}

#[tokio::test]
async fn a_delivery_is_pushed_and_ends_the_subscription() {
    let ups = start(Options::default()).await;
    let number = ups.followed().await;
    ups.later(&number, EventKind::Delivered);
    ups.later(&number, EventKind::Damaged);
    assert_eq!(ups.due(), [EventKind::Delivered]);
    let books = ups.ups().read_books();
    assert_eq!(
        books.subscriptions[0].ended_at,
        Some(tuesday() + SignedDuration::from_secs(120))
    );
}

#[tokio::test]
async fn parcels_that_move_by_themselves_are_pushed_at_their_times() {
    let ups = start(Options {
        auto_progress_s: Some(100),
        ..Options::default()
    })
    .await;
    let number = ups.shipped("SO-1").await;
    ups.advance(150);
    ups.subscribe(&number).await;
    assert!(ups.due().is_empty(), "the pick-up is history");
    ups.advance(100);
    assert_eq!(ups.due(), [EventKind::Departed]);
    ups.advance(1000);
    let pushes = ups.ups().due_pushes();
    assert_eq!(
        kinds(&pushes),
        [EventKind::Arrived, EventKind::OutForDelivery, EventKind::Delivered]
    );
    assert_eq!(pushes[2].attempt_of.at, tuesday() + SignedDuration::from_secs(500));
}

#[tokio::test]
async fn what_the_control_route_makes_happen_is_pushed_too() {
    let ups = start(Options::default()).await;
    let number = ups.followed().await;
    ups.advance(60);
    let url = format!("{}/_control/events", ups.running.url);
    let events = json!({ "number": number, "events": ["picked_up", "departed"] });
    assert_eq!(read(ups.http.post(url).json(&events)).await.0, 200);
    let pushes = ups.ups().due_pushes();
    assert_eq!(kinds(&pushes), [EventKind::PickedUp, EventKind::Departed]);
    assert_eq!(body(&pushes[0])["gmtActivityTime"], "140159");
}

#[tokio::test]
async fn pushes_are_lost_doubled_and_overtaken_as_told_and_the_same_every_time() {
    let once = async || {
        let ups = start(Options {
            push_lose_every: Some(3),
            push_twice_every: Some(2),
            push_late_every: Some(4),
            push_late_s: 90,
            push_delay_s: 10,
            ..Options::default()
        })
        .await;
        let number = ups.followed().await;
        let mut sent = Vec::new();
        for kind in [
            EventKind::PickedUp,
            EventKind::Departed,
            EventKind::Arrived,
            EventKind::Attempted,
            EventKind::OutForDelivery,
        ] {
            ups.later(&number, kind);
            sent.extend(ups.due());
        }
        ups.advance(9);
        sent.extend(ups.due());
        ups.advance(1);
        sent.extend(ups.due());
        ups.advance(100);
        sent.extend(ups.due());
        let pushes = ups.ups().read_books().pushes;
        assert_eq!((pushes.sent, pushes.lost), (6, 1));
        assert_eq!(pushes.latest[0].event.kind, EventKind::Arrived);
        assert_eq!(pushes.latest[0].outcome, PushOutcome::Lost);
        sent
    };
    let sent = once().await;
    assert_eq!(
        sent,
        [
            EventKind::PickedUp,
            EventKind::Departed,
            EventKind::Departed,
            EventKind::OutForDelivery,
            EventKind::Attempted,
            EventKind::Attempted,
        ]
    );
    assert_eq!(sent, once().await);
}

#[tokio::test]
async fn nothing_is_pushed_while_pushing_is_off() {
    let ups = start(Options {
        push: false,
        ..Options::default()
    })
    .await;
    let number = ups.followed().await;
    ups.later(&number, EventKind::PickedUp);
    ups.ups().configure(|options| options.push = true);
    ups.later(&number, EventKind::Departed);
    assert_eq!(ups.due(), [EventKind::Departed]);
}

#[tokio::test]
async fn only_a_delivery_carries_the_photo() {
    let ups = start(Options {
        photo_bytes: 30_000,
        ..Options::default()
    })
    .await;
    let number = ups.followed().await;
    ups.later(&number, EventKind::OutForDelivery);
    ups.later(&number, EventKind::Delivered);
    let pushes = ups.ups().due_pushes();
    let photos: Vec<usize> = pushes
        .iter()
        .map(|push| {
            let photo = body(push)["deliveryPhoto"].as_str().unwrap().to_owned();
            data_encoding::BASE64.decode(photo.as_bytes()).unwrap().len()
        })
        .collect();
    assert_eq!(photos, [0, 30_000]);
}

#[tokio::test]
async fn a_delay_is_an_exception_and_an_updated_date() {
    let ups = start(Options::default()).await;
    let number = ups.followed().await;
    ups.later(&number, EventKind::WeatherDelay);
    let pushes = ups.ups().due_pushes();
    let told: Vec<Value> = pushes.iter().map(body).collect();
    let status = |push: &Value| {
        let status = &push["activityStatus"];
        json!([status["type"], status["code"], status["descriptionCode"]])
    };
    assert_eq!(status(&told[0]), json!(["X", "WX", "032"]));
    assert_eq!(status(&told[1]), json!(["U", "UP", "154"]));
    assert_eq!(pushes[1].attempt_of.r#type, "U");
    assert_eq!(told[1]["scheduledDeliveryDate"], "20260727", "over the weekend");
    let (_, tracked) = read(ups.call("GET", &format!("/track/v1/details/{number}"))).await;
    assert_eq!(
        tracked["trackResponse"]["shipment"][0]["package"][0]["deliveryDate"],
        json!([{ "type": "SDD", "date": "20260724" }, { "type": "RDD", "date": "20260727" }])
    );
}

#[tokio::test]
async fn an_enhanced_subscription_tells_only_what_was_asked_for() {
    let ups = start(Options::default()).await;
    let number = ups.shipped("SO-1").await;
    ups.advance(60);
    let mut request = v1(&[&number]);
    request["eventPreferences"] = json!(["D", "X"]);
    let path = "/track/v1/subscription/enhanced/package";
    assert_eq!(ups.post(path, &request).await.0, 200);
    for kind in [EventKind::PickedUp, EventKind::WeatherDelay, EventKind::Delivered] {
        ups.later(&number, kind);
    }
    assert_eq!(ups.due(), [EventKind::WeatherDelay, EventKind::Delivered]);
}

#[tokio::test]
async fn every_client_is_told_what_it_subscribed_to() {
    let client = |id: &str, secret: &str| Client {
        id: id.into(),
        secret: secret.into(),
        accounts: Vec::new(),
    };
    let mut ups = start(Options {
        clients: vec![client("ups-client", "ups-secret"), client("another", "other-secret")],
        ..Options::default()
    })
    .await;
    let number = ups.followed().await;
    ups.token = ups.token_of("another", "other-secret").await;
    let mut request = v1(&[&number]);
    request["destination"]["url"] = "https://another.example.com".into();
    assert_eq!(ups.post(V1, &request).await.0, 200);
    ups.later(&number, EventKind::PickedUp);
    let pushes = ups.ups().due_pushes();
    let urls: Vec<&str> = pushes.iter().map(|push| push.url.as_str()).collect();
    assert_eq!(urls, ["https://another.example.com", "https://hooks.example.com/ups"]);
}

#[tokio::test]
async fn the_second_generation_goes_where_the_portal_says_and_ignores_a_destination() {
    let ups = start(Options::default()).await;
    let number = ups.shipped("SO-1").await;
    ups.advance(60);
    assert_eq!(ups.post(V2, &v1(&[&number])).await.0, 200);
    ups.later(&number, EventKind::PickedUp);
    assert!(ups.due().is_empty(), "nothing is registered");
    assert_eq!(ups.ups().read_books().pushes.lost, 1);

    let hook = V2Hook {
        url: "https://portal.example.com/ups".into(),
        x_api_key: Some("a-key".into()),
        ..V2Hook::default()
    };
    ups.ups().configure(|options| options.v2_hook = Some(hook.clone()));
    ups.later(&number, EventKind::Departed);
    let pushes = ups.ups().due_pushes();
    assert_eq!(kinds(&pushes), [EventKind::Departed]);
    assert_eq!(
        (pushes[0].url.as_str(), pushes[0].oauth.as_ref()),
        (hook.url.as_str(), Some(&hook))
    );
    assert_eq!(header(&pushes[0], "x-api-key"), Some("a-key"));
    assert_eq!(header(&pushes[0], "credential"), None);
}

// The other side of the courier.

/// A request that the webhook heard.
#[derive(Clone)]
struct Request {
    path: &'static str,
    headers: BTreeMap<String, String>,
    body: String,
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Request>>>);

impl Heard {
    fn note(&self, path: &'static str, headers: &HeaderMap, body: String) {
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        let headers = headers.collect();
        self.0.lock().unwrap().push(Request { path, headers, body });
    }

    fn of(&self, path: &str) -> Vec<Request> {
        let heard = self.0.lock().unwrap();
        heard.iter().filter(|request| request.path == path).cloned().collect()
    }
}

/// A webhook on a port of its own: `/hook` takes, `/wall` refuses, `/token` gives out tokens for 100 seconds.
async fn webhook() -> (u16, Heard) {
    async fn hook(State(heard): State<Heard>, headers: HeaderMap, body: String) -> StatusCode {
        heard.note("hook", &headers, body);
        StatusCode::OK
    }
    async fn wall(State(heard): State<Heard>, headers: HeaderMap, body: String) -> StatusCode {
        heard.note("wall", &headers, body);
        StatusCode::UNAUTHORIZED
    }
    async fn token(State(heard): State<Heard>, headers: HeaderMap, body: String) -> axum::Json<Value> {
        heard.note("token", &headers, body);
        let number = heard.of("token").len();
        axum::Json(json!({ "access_token": format!("token-{number}"), "expires_in": "100" }))
    }
    let heard = Heard::default();
    let routes = Router::new()
        .route("/hook", post(hook))
        .route("/wall", post(wall))
        .route("/token", post(token))
        .with_state(heard.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (port, heard)
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come to pass");
}

#[tokio::test]
async fn the_courier_finds_names_under_localhost_and_notes_how_each_push_ended() {
    let ups = start(Options::default()).await;
    let (port, heard) = webhook().await;
    let running = tokio::spawn(courier(ups.ups().clone(), Duration::from_millis(5)));
    let host = format!("abc123.execute-api.localhost:{port}");
    let number = ups.shipped("SO-1").await;
    let pushes = || ups.ups().read_books().pushes;
    for (path, kind) in [("hook", EventKind::PickedUp), ("wall", EventKind::Departed)] {
        let mut request = v1(&[&number]);
        request["destination"]["url"] = format!("http://{host}/{path}").into();
        assert_eq!(ups.post(V1, &request).await.0, 200);
        ups.later(&number, kind);
        until("the push", || heard.of(path).len() == 1).await;
    }
    let mut request = v1(&[&number]);
    request["destination"]["url"] = "http://nobody.localhost:1/".into();
    assert_eq!(ups.post(V1, &request).await.0, 200);
    ups.later(&number, EventKind::Arrived);
    until("the failure", || pushes().failed == 1).await;

    let Request { headers, body, .. } = heard.of("hook").remove(0);
    assert_eq!(headers["host"], host);
    assert_eq!(headers["credential"], "only-we-know");
    assert_eq!(headers["user-agent"], "UPSPubSubTrackingService");
    assert_eq!(headers["content-type"], "application/json");
    assert!(!headers.contains_key("authorization"));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["trackingNumber"], number);

    let pushes = pushes();
    assert_eq!(
        (pushes.sent, pushes.delivered, pushes.refused, pushes.failed),
        (3, 1, 1, 1)
    );
    let statuses: Vec<_> = pushes
        .latest
        .iter()
        .map(|entry| (entry.event.kind, entry.status))
        .collect();
    assert_eq!(
        statuses,
        [
            (EventKind::PickedUp, Some(200)),
            (EventKind::Departed, Some(401)),
            (EventKind::Arrived, None)
        ]
    );
    running.abort();
}

#[tokio::test]
async fn the_courier_keeps_its_token_until_it_expires() {
    let (port, heard) = webhook().await;
    let hook = V2Hook {
        url: format!("http://127.0.0.1:{port}/hook"),
        token_url: Some(format!("http://auth.localhost:{port}/token")),
        client_id: "ups-at-ours".into(),
        client_secret: "hush".into(),
        x_api_key: None,
    };
    let ups = start(Options {
        v2_hook: Some(hook),
        ..Options::default()
    })
    .await;
    let running = tokio::spawn(courier(ups.ups().clone(), Duration::from_millis(5)));
    let number = ups.shipped("SO-1").await;
    assert_eq!(ups.post(V2, &v2(&[&number])).await.0, 200);
    for (count, kind) in [
        (1, EventKind::PickedUp),
        (2, EventKind::Departed),
        (3, EventKind::Arrived),
    ] {
        ups.later(&number, kind);
        until("the push", || ups.ups().read_books().pushes.delivered == count).await;
    }
    let told: Vec<_> = heard.of("hook").into_iter().map(|one| one.headers).collect();
    let tokens: Vec<&str> = told.iter().map(|headers| headers["authorization"].as_str()).collect();
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
    assert!(told.iter().all(|headers| headers["x-api-key"] == "ups-at-ours"));
    let Request {
        headers: asked, body, ..
    } = heard.of("token").remove(0);
    assert_eq!(body, "grant_type=client_credentials");
    assert_eq!(asked["content-type"], "application/x-www-form-urlencoded");
    let basic = data_encoding::BASE64.encode(b"ups-at-ours:hush");
    assert_eq!(asked["authorization"], format!("Basic {basic}"));
    running.abort();
}

#[tokio::test]
async fn a_push_without_a_token_is_not_sent_and_counts_as_failed() {
    let (port, heard) = webhook().await;
    let hook = V2Hook {
        url: format!("http://127.0.0.1:{port}/hook"),
        token_url: Some(format!("http://127.0.0.1:{port}/wall")),
        ..V2Hook::default()
    };
    let ups = start(Options {
        v2_hook: Some(hook),
        ..Options::default()
    })
    .await;
    let running = tokio::spawn(courier(ups.ups().clone(), Duration::from_millis(5)));
    let number = ups.shipped("SO-1").await;
    assert_eq!(ups.post(V2, &v2(&[&number])).await.0, 200);
    ups.later(&number, EventKind::PickedUp);
    let pushes = || ups.ups().read_books().pushes;
    until("the failure", || pushes().failed == 1).await;
    assert_eq!(
        pushes().latest[0].outcome,
        PushOutcome::Failed("no token: HTTP 401".into())
    );
    assert!(heard.of("hook").is_empty());
    running.abort();
}

#[tokio::test]
async fn a_test_in_process_notes_how_its_pushes_ended_and_only_the_latest_200_are_kept() {
    let ups = start(Options::default()).await;
    let number = ups.followed().await;
    for _ in 0..205 {
        ups.later(&number, EventKind::Arrived);
    }
    for push in ups.ups().due_pushes() {
        ups.ups().record_push(&push, PushOutcome::Answered(204));
    }
    let pushes = ups.ups().read_books().pushes;
    assert_eq!((pushes.delivered, pushes.latest.len()), (205, 200));
    let (_, books) = read(ups.http.get(format!("{}/_control/books", ups.running.url))).await;
    assert_eq!(books["pushes"]["delivered"], 205);
    assert_eq!(books["pushes"]["latest"][0]["status"], 204);
    assert_eq!(books["subscriptions"][0]["number"], number);
}
