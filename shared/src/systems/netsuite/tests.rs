//! The adapter over real HTTP, against a NetSuite that somebody has started: `WAYBILL_NETSUITE_URL` names it.
//! Without that address these tests say so and pass; the contract suite runs the same operations against our simulator.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::dec;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::connection::Connection;
use crate::domain::*;
use crate::http as web;
use crate::ports::*;

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[derive(Default)]
struct Shared {
    token: Mutex<Option<Token>>,
    secrets: Mutex<BTreeMap<String, String>>,
}

#[async_trait]
impl Tokens for Shared {
    async fn bearer(&self, key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError> {
        let held = self.token.lock().unwrap().clone();
        match held {
            Some(token) => Ok(token),
            None => self.renew(key, 0, mint).await,
        }
    }

    async fn renew(&self, _key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        let minted = mint.mint().await?;
        let now = Timestamp::now();
        let expires_at = now + SignedDuration::try_from(minted.lives_for).unwrap();
        let token = Token {
            secret: minted.secret,
            version: failed + 1,
            issued_at: now,
            expires_at,
        };
        *self.token.lock().unwrap() = Some(token.clone());
        Ok(token)
    }
}

#[async_trait]
impl Limits for Shared {
    async fn lease_slot(&self, account: &str, _cap: u16, _lease: Duration) -> Result<Option<Slot>, StoreError> {
        let owner: Nonce = serde_json::from_value(json!("test")).unwrap();
        Ok(Some(Slot {
            account: account.to_owned(),
            number: 0,
            owner,
        }))
    }
    async fn free_slot(&self, _slot: Slot) -> Result<(), StoreError> {
        Ok(())
    }
    async fn paused(&self, _account: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
    async fn pause(&self, _account: &str, _until: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Secrets for Shared {
    async fn read(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        Ok(self.secrets.lock().unwrap().get(name).map(|body| body.clone().into()))
    }
    async fn write(&self, name: &str, body: &SecretString) -> Result<(), StoreError> {
        self.secrets
            .lock()
            .unwrap()
            .insert(name.to_owned(), body.expose_secret().to_owned());
        Ok(())
    }
}

fn connection(base: Url) -> Connection {
    let mut connection = fixture::connection();
    connection.erp.base_url = Some(base);
    connection
}

struct Bench {
    netsuite: NetSuite,
    recorder: Recorder,
    base: Url,
    shared: Arc<Shared>,
}

impl Bench {
    fn new(base: &Url, secret: &Value, change: impl FnOnce(&mut Connection)) -> Self {
        let mut connection = connection(base.clone());
        change(&mut connection);
        let (shared, recorder) = (Arc::new(Shared::default()), Recorder::default());
        let ports = Ports {
            client: web::client().unwrap(),
            clock: Arc::new(Now),
            recorder: recorder.clone(),
            timeout: Duration::from_secs(20),
            tokens: shared.clone(),
            limits: shared.clone(),
            secrets: shared.clone(),
        };
        let netsuite = NetSuite::new(&connection, &secret.to_string().into(), ports).unwrap();
        Self {
            netsuite,
            recorder,
            base: base.clone(),
            shared,
        }
    }

    async fn control(&self, name: &str, body: Value) -> Value {
        control(&self.base, name, Some(body)).await
    }
}

async fn control(base: &Url, name: &str, body: Option<Value>) -> Value {
    let url = base.join(&format!("/_control/{name}")).unwrap();
    let client = reqwest::Client::new();
    let request = match body {
        Some(body) => client.post(url).json(&body),
        None => client.get(url),
    };
    request.send().await.unwrap().json().await.unwrap()
}

fn permit() -> Permit {
    Permit {
        until: Timestamp::now() + SignedDuration::from_mins(5),
    }
}

async fn key(base: &Url, alg: &str) -> Value {
    let pair = control(
        base,
        "keypair",
        Some(json!({"alg": alg, "kid": alg, "client_id": "waybill"})),
    )
    .await;
    json!({"kind": "client-credentials", "client_id": "waybill", "certificate_id": alg,
           "private_key": pair["private_key_pem"], "algorithm": alg})
}

fn shipment(numbers: &[&str]) -> Shipment {
    Shipment {
        id: CarrierShipmentId::new(numbers[0]),
        parcels: numbers
            .iter()
            .map(|n| serde_json::from_value(json!({"tracking_number": n})).unwrap())
            .collect(),
        service: Some("03".to_owned()),
        cost: Some(Money::new(dec!(12.34), "USD")),
        remarks: Vec::new(),
    }
}

/// The whole way: scan, read, write a part back, the rest, flag; and what another NetSuite noted of it.
#[tokio::test]
async fn an_order_goes_the_whole_way_against_a_netsuite_of_somebody_else() {
    let Ok(base) = std::env::var("WAYBILL_NETSUITE_URL") else {
        eprintln!("WAYBILL_NETSUITE_URL names no NetSuite: nothing was tried");
        return;
    };
    let base: Url = base.parse().unwrap();
    control(&base, "reset", Some(json!({}))).await;
    control(&base, "config", Some(json!({"tz_offset_minutes": -480}))).await;
    let secret = key(&base, "PS256").await;
    let bench = Bench::new(&base, &secret, |_| {});
    let began = Timestamp::now();
    bench.control("seed", json!({"orders": 30, "seed": 3})).await;
    let waiting = bench.control("order", json!({"status": "A"})).await;
    let order = bench
        .control("order", json!({"lines": [[201, 5, 6], [202, 2, 7], [205, 1, 6]]}))
        .await;
    let id = order["id"].to_string();

    let mut scan = Scan {
        since: began - SignedDuration::from_hours(1),
        after: None,
        limit: 7,
    };
    let mut heads = Vec::new();
    loop {
        let page = bench.netsuite.changed(&scan).await.unwrap();
        let complete = page.len() < 7;
        scan.after = page.last().map(|head| head.document.id.clone());
        heads.extend(page);
        if complete {
            break;
        }
    }
    assert_eq!(heads.len(), 32);
    let newest = heads.iter().find(|head| head.document.id == id).unwrap();
    let age = began.duration_since(newest.modified).abs();
    assert!(age < SignedDuration::from_secs(60), "the order's time is {age:?} off");

    let documents: Vec<DocumentId> = heads.into_iter().map(|head| head.document).collect();
    let orders = bench.netsuite.read(&documents).await.unwrap();
    assert_eq!(orders.len(), 32);
    assert!(
        orders
            .iter()
            .all(|order| order.ship_to.phone.is_some() && !order.ship_to.lines.is_empty())
    );
    let pending = orders
        .iter()
        .find(|order| order.document.id == waiting["id"].to_string())
        .unwrap();
    assert!(matches!(&pending.standing, Standing::Waiting(reason) if reason.contains("Pending Approval")));

    let found = orders.iter().find(|order| order.document.id == id).unwrap();
    eprintln!("{found:#?}");
    assert_eq!(
        bench.netsuite.numbered(&found.number).await.unwrap(),
        [found.document.clone()]
    );
    let first = BTreeMap::from([(found.lines[0].id.clone(), dec!(2))]);
    write(&bench, found, &first, 1, &["1Z0001", "1Z0002"]).await;

    let again = bench
        .netsuite
        .read(std::slice::from_ref(&found.document))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(again.lines[0].fulfilled, dec!(2));
    let rest: Quantities = again
        .lines
        .iter()
        .filter(|l| l.location == again.lines[0].location)
        .map(|l| (l.id.clone(), l.remaining()))
        .collect();
    write(&bench, &again, &rest, 2, &["1Z0003"]).await;

    bench
        .netsuite
        .flag(&found.document, Some("The weight is missing"))
        .await
        .unwrap();
    bench
        .netsuite
        .flag(&found.document, Some("The weight is missing"))
        .await
        .unwrap();
    bench.netsuite.flag(&found.document, None).await.unwrap();

    let findings = bench.netsuite.check().await;
    for finding in &findings {
        eprintln!("{}: {:?}", finding.what, finding.result);
    }
    assert!(findings.iter().all(|finding| finding.result.is_ok()));

    for alg in ["ES256", "ES384"] {
        let secret = key(&base, alg).await;
        let bench = Bench::new(&base, &secret, |_| {});
        assert_eq!(bench.netsuite.read(&documents).await.unwrap().len(), 32);
        assert!(bench.shared.token.lock().unwrap().is_some());
    }
    let tba = json!({"kind": "token-based", "consumer_key": "tba-consumer", "consumer_secret": "tba-consumer-secret",
                     "token_id": "tba-token", "token_secret": "tba-token-secret"});
    let bench = Bench::new(&base, &tba, |_| {});
    assert_eq!(bench.netsuite.read(&documents).await.unwrap().len(), 32);
    let last = bench
        .netsuite
        .read(std::slice::from_ref(&found.document))
        .await
        .unwrap()
        .remove(0);
    let rest: Quantities = last
        .lines
        .iter()
        .filter(|l| l.remaining() > dec!(0))
        .map(|l| (l.id.clone(), l.remaining()))
        .collect();
    write(&bench, &last, &rest, 3, &["1Z0004"]).await;
    let last = bench
        .netsuite
        .read(std::slice::from_ref(&found.document))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(last.standing, Standing::Closed);

    let stats = control(&base, "stats", None).await;
    eprintln!("fulfilments: {:#}", stats["fulfilments"]);
    eprintln!("fields: {:#}", stats["order_custom_fields"]);
    eprintln!("duplicates: {:#}", stats["duplicates"]);
    eprintln!("notes: {:#}", stats["notes"]);
    assert!(
        stats["notes"].as_object().is_none_or(|notes| notes.is_empty())
            && stats["notes"].as_array().is_none_or(Vec::is_empty)
    );
}

async fn write(bench: &Bench, order: &Order, quantities: &Quantities, unit: u32, numbers: &[&str]) {
    let consignment = Consignment::of(order, quantities, &Quantities::new()).unwrap();
    let shipment = shipment(numbers);
    let job = JobId::of(&"acme-netsuite-ups".parse().unwrap(), &order.document, unit);
    let write_back = WriteBack {
        job: &job,
        order,
        consignment: &consignment,
        shipment: &shipment,
        quote: None,
        labels: &[],
    };
    let found = bench.netsuite.find(&write_back).await.unwrap();
    assert_eq!(found, Written::Nothing);
    let draft = bench.netsuite.draft(&write_back, &found).unwrap();
    let done = bench.netsuite.write_back(&draft, permit()).await.unwrap();
    assert_eq!(
        bench.netsuite.find(&write_back).await.unwrap(),
        Written::Whole(done.clone())
    );
    // The same request again is refused as a duplicate, or the lines are no longer open; both leave one fulfilment.
    let again = bench.netsuite.write_back(&draft, permit()).await;
    eprintln!("again: {again:?}");
    assert!(!bench.recorder.drain().is_empty());
}
