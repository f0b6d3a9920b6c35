//! The ERP and the carrier behind addresses of this machine: the project's simulators, with a connection between them. Before the ERP
//! may stand any number of old orders, which are shown to whoever asks for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulators::netsuite::NetSuite;
use simulators::netsuite::keys::KeyKind;
use simulators::netsuite::options::Options;
use simulators::netsuite::people::{NewLine, NewOrder};
use simulators::server::{Base, Local};
use simulators::ups::{self, Ups};
use tests::world::{CONNECTION, Failure, fields, new_york};
use waybill::aws::{Blobs, Change, Dynamo, Keep, RandomNonces, SystemClock};
use waybill::ports::{AuditEntry, Cursor, Cursors, StoreError};

use super::cloud::{Cloud, Counts, plain, read, serve};
use super::script::{Notes, Step};

/// The hours that the ERP's clock is behind.
const BEHIND: SignedDuration = SignedDuration::from_hours(-8);

/// More than work side by side.
const SLOTS: u32 = 64;

/// A vendor's front: it counts, and takes down what is asked.
#[derive(Clone)]
struct Front {
    vendor: &'static str,
    inside: Local,
    notes: Notes,
    counts: Arc<Mutex<Counts>>,
    old: Arc<Mutex<Archive>>,
}

/// Orders that were there before: their ids count from 1, and each was modified a little later than the one before.
#[derive(Default)]
struct Archive {
    orders: u64,
    latest: Timestamp,
    bytes: u64,
}

impl Front {
    fn new(vendor: &'static str, inside: Local, notes: Notes) -> Self {
        Self {
            vendor,
            inside,
            notes,
            counts: Arc::default(),
            old: Arc::default(),
        }
    }

    async fn serve(&self) -> Result<String, Failure> {
        serve(Router::new().fallback(pass_on).with_state(self.clone())).await
    }

    fn count(&self, operation: String) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(operation).or_default() += 1;
    }

    fn take_counts(&self) -> Counts {
        std::mem::take(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn pass_on(State(front): State<Front>, request: Request) -> Response {
    let Ok((parts, body)) = read(request).await else {
        return plain(StatusCode::BAD_REQUEST, Body::empty());
    };
    front.count(operation(&parts));
    let mut passed = http::Request::new(body.clone());
    *passed.method_mut() = parts.method.clone();
    *passed.uri_mut() = parts.uri.clone();
    *passed.headers_mut() = parts.headers.clone();
    let Some(answer) = front.inside.exchange(passed).await else {
        return plain(StatusCode::BAD_GATEWAY, Body::empty());
    };
    let (head, answered) = answer.into_parts();
    let answered = front.with_old_ones(&parts, &body, answered);
    front
        .notes
        .take_down(|| step(front.vendor, &parts, &body, head.status, &answered));
    let mut response = Response::new(Body::from(answered));
    *response.status_mut() = head.status;
    let kept = head
        .headers
        .into_iter()
        .filter(|(name, _)| name.as_ref().is_none_or(|name| name != "content-length"));
    response.headers_mut().extend(kept);
    response
}

/// What is asked, without what differs from order to order.
fn operation(parts: &Parts) -> String {
    let path = parts.uri.path();
    let shape: Vec<&str> = path
        .split('/')
        .map(|part| if is_id(part) { "*" } else { part })
        .collect();
    format!("{} {}", parts.method, shape.join("/"))
}

fn is_id(part: &str) -> bool {
    let counted = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // By our own id of the job.
    counted || part.starts_with("eid:")
}

fn step(vendor: &'static str, parts: &Parts, body: &Bytes, status: StatusCode, answer: &Bytes) -> Step {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let own = ["host", "content-length"];
    let headers = parts.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let headers = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    Step::Call {
        vendor,
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        headers: headers.collect(),
        body: text(body),
        status: status.as_u16(),
        answer: text(answer),
    }
}

impl Front {
    /// The rows of an answer with those of the old orders that the question's bounds let in, as a page of the account would show them.
    fn with_old_ones(&self, parts: &Parts, body: &Bytes, answer: Bytes) -> Bytes {
        let mut old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
        let merged = merge(&old, parts, body, &answer).unwrap_or(answer);
        old.bytes += u64::try_from(body.len() + merged.len()).unwrap_or(0);
        merged
    }
}

fn merge(old: &Archive, parts: &Parts, body: &Bytes, answer: &Bytes) -> Option<Bytes> {
    if old.orders == 0 || !parts.uri.path().ends_with("/suiteql") {
        return None;
    }
    let asked: Value = serde_json::from_slice(body).ok()?;
    let bounds = asked.get("q")?.as_str()?.contains("t.lastmodifieddate >= TO_DATE(?");
    let [since, after] = asked.get("params")?.as_array()?.as_slice() else {
        return None;
    };
    let limit = parts
        .uri
        .query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix("limit="))?;
    let limit: usize = limit.parse().ok()?;
    if !bounds {
        return None;
    }
    let (since, after) = (since.as_str()?, after.as_str()?.parse::<u64>().ok()?);
    let first = old.first_since(since).max(after + 1);
    let row = |id: u64| json!({ "links": [], "id": id.to_string(), "modified": old.modified(id) });
    let let_in = (first..=old.orders).map(row);
    let mut page: Value = serde_json::from_slice(answer).ok()?;
    let own = page.get("items")?.as_array()?.clone();
    let rows: Vec<Value> = let_in.chain(own).take(limit).collect();
    page.as_object_mut()?.insert("count".to_owned(), json!(rows.len()));
    page.as_object_mut()?.insert("items".to_owned(), json!(rows));
    Some(Bytes::from(page.to_string()))
}

impl Archive {
    /// The first order that was modified at this time of the account's clock, or later.
    fn first_since(&self, since: &str) -> u64 {
        let (mut first, mut end) = (1, self.orders + 1);
        while first < end {
            let middle = first.midpoint(end);
            match self.modified(middle).as_str() < since {
                true => first = middle + 1,
                false => end = middle,
            }
        }
        first
    }

    /// When an order was modified, as the account writes it.
    fn modified(&self, id: u64) -> String {
        let earlier = i64::try_from(self.orders - id).unwrap_or(i64::MAX);
        let at = self.latest - SignedDuration::from_millis(earlier) + BEHIND;
        at.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// Objects that nobody stores here.
struct NoBlobs;

#[async_trait]
impl Blobs for NoBlobs {
    async fn put(&self, _key: &str, _bytes: Vec<u8>, _content_type: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn keep(&self, _key: &str, _bytes: Vec<u8>, _content_type: &str, _keep: Keep) -> Result<(), StoreError> {
        Ok(())
    }

    async fn get(&self, _key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn delete_under(&self, _prefix: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Everything around the functions.
pub(crate) struct Outside {
    /// AWS.
    pub(crate) cloud: Cloud,
    /// The address of AWS.
    pub(crate) aws: String,
    /// What is taken down of all sides.
    pub(crate) notes: Notes,
    netsuite: NetSuite,
    ups: Ups,
    erp: Front,
    carrier: Front,
    dynamo: Dynamo,
}

impl Outside {
    /// All sides, and a connection.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let notes = Notes::default();
        let cloud = Cloud::new(notes.clone());
        let aws = cloud.serve().await?;
        let options = Options {
            concurrency: SLOTS,
            ..Options::default()
        };
        let netsuite = NetSuite::new(options, Base::default()).map_err(|refusal| format!("{refusal:?}"))?;
        let (ups, asked) = Ups::here(ups::Options::default(), Base::default());
        let outside = Self {
            erp: Front::new("erp", netsuite.here(), notes.clone()),
            carrier: Front::new("carrier", asked, notes.clone()),
            dynamo: dynamo(&aws),
            cloud,
            aws,
            notes,
            netsuite,
            ups,
        };
        outside.hand_out_secrets()?;
        outside.connect().await?;
        Ok(outside)
    }

    fn hand_out_secrets(&self) -> Result<(), Failure> {
        let key = self
            .netsuite
            .make_certificate(KeyKind::P256, "certificate-1", "client-1");
        let key = key.map_err(|_| "no key can be made")?;
        let erp = json!({
            "kind": "client-credentials", "client_id": "client-1", "certificate_id": "certificate-1",
            "private_key": key.private_pem, "algorithm": "ES256"
        });
        let carrier = json!({ "client_id": "ups-client", "client_secret": "ups-secret" });
        self.cloud.keep_secret("waybill/test/acme/netsuite", &erp);
        self.cloud.keep_secret("waybill/test/acme/ups", &carrier);
        let keys = json!({ "key": tests::world::LABEL_KEY });
        self.cloud.keep_secret(tests::world::LABEL_KEYS, &keys);
        Ok(())
    }

    async fn connect(&self) -> Result<(), Failure> {
        let mut connection = tests::connection(CONNECTION)?;
        connection.start_from = Timestamp::now() - SignedDuration::from_hours(24);
        connection.erp.base_url = Some(self.erp.serve().await?.parse()?);
        connection.erp.options = json!({ "concurrency": SLOTS });
        connection.carrier.base_url = Some(self.carrier.serve().await?.parse()?);
        connection.write_back.fields = fields();
        let audit = AuditEntry::new(Timestamp::now(), "perf", "connected");
        let change = Change { connection, audit };
        match self.dynamo.store_connection(&change).await? {
            true => Ok(()),
            false => Err("the connection could not be stored".into()),
        }
    }

    /// People enter orders.
    pub(crate) fn enter(&self, orders: usize) -> Result<(), Failure> {
        let pump = self.netsuite.basics().light;
        for _ in 0..orders {
            let order = NewOrder::to(new_york(), vec![NewLine::of(pump, 2)]);
            let entered = self.netsuite.act(|account, now| account.add_order(order, now));
            entered.map_err(|refusal| format!("{refusal:?}"))?;
        }
        Ok(())
    }

    /// So many orders are old, and the connection was polled after the last of them: it looks at what came later.
    pub(crate) async fn grow_old(&self, orders: u64) -> Result<(), Failure> {
        let latest = Timestamp::now() - SignedDuration::from_hours(2);
        *self.erp.old.lock().unwrap_or_else(PoisonError::into_inner) = Archive {
            orders,
            latest,
            bytes: 0,
        };
        let (id, kind) = (CONNECTION.parse()?, "orders");
        let before = self.dynamo.cursor(&id, kind).await?;
        let polled = Cursor {
            version: before.version + 1,
            published: Some(Timestamp::now() - SignedDuration::from_hours(1)),
            ..Cursor::default()
        };
        match self.dynamo.advance(&id, kind, &polled).await? {
            true => Ok(()),
            false => Err("the cursor could not be set".into()),
        }
    }

    /// How often the carrier was asked for what since it was asked last.
    pub(crate) fn take_carrier_calls(&self) -> Counts {
        self.carrier.take_counts()
    }

    /// How often the ERP was asked for what since it was asked last.
    pub(crate) fn take_erp_calls(&self) -> Counts {
        self.erp.take_counts()
    }

    /// How many bytes the ERP was sent and has answered since it was asked last.
    pub(crate) fn take_erp_bytes(&self) -> u64 {
        std::mem::take(&mut self.erp.old.lock().unwrap_or_else(PoisonError::into_inner).bytes)
    }

    /// How many shipments the carrier has billed.
    pub(crate) fn billed(&self) -> usize {
        self.ups.billed_after(0).len()
    }

    /// The numbers of all parcels.
    pub(crate) fn parcels(&self) -> Vec<String> {
        let shipments = self.ups.billed_after(0).into_iter();
        shipments
            .flat_map(|shipment| shipment.packages)
            .map(|package| package.tracking_number)
            .collect()
    }

    /// How many orders have their fulfilment.
    pub(crate) fn written(&self) -> usize {
        let books = self.netsuite.books();
        let fulfilled = books.orders.values().filter(|order| !order.fulfilments.is_empty());
        fulfilled.count()
    }
}

fn dynamo(aws: &str) -> Dynamo {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "perf"))
        .endpoint_url(aws)
        .build();
    let client = aws_sdk_dynamodb::Client::from_conf(config);
    Dynamo::new(
        client,
        "waybill",
        Arc::new(NoBlobs),
        Arc::new(SystemClock),
        Arc::new(RandomNonces),
    )
}

/// The calls of all operations.
pub(crate) fn all(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}
