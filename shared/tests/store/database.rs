//! One table in memory behind a loopback port, the bucket as a map, and answers that get lost on purpose.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
    BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use dynoxide::Database;
use jiff::{SignedDuration, Timestamp};
use waybill::aws::{Blobs, Dynamo, Keep};
use waybill::domain::Nonce;
use waybill::ports::{Clock, Nonces, StoreError};

pub(crate) const TABLE: &str = "waybill-test";

/// A clock that tests turn.
#[derive(Debug)]
pub(crate) struct Turned(Mutex<Timestamp>);

impl Turned {
    pub(crate) fn turn(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Nonces that count, over all processes of a test.
#[derive(Debug, Default)]
pub(crate) struct Counted(AtomicU64);

impl Nonces for Counted {
    fn nonce(&self) -> Nonce {
        Nonce::new(format!("nonce-{}", self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// The bucket as a map.
#[derive(Debug, Default)]
pub(crate) struct Objects(
    pub(crate) Mutex<BTreeMap<String, Vec<u8>>>,
    /// For how long each is kept that says so itself.
    pub(crate) Mutex<BTreeMap<String, Keep>>,
);

#[async_trait]
impl Blobs for Objects {
    async fn put(&self, key: &str, bytes: Vec<u8>, _content_type: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn keep(&self, key: &str, bytes: Vec<u8>, content_type: &str, keep: Keep) -> Result<(), StoreError> {
        self.1.lock().unwrap().insert(key.to_owned(), keep);
        self.put(key, bytes, content_type).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn delete_under(&self, prefix: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().retain(|key, _| !key.starts_with(prefix));
        Ok(())
    }
}

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Somebody else was writing: nothing happens.
    Conflict,
    /// It takes effect and its answer is lost, at each of the client's own tries.
    Lost,
}

/// Strikes the next writes, one fault for each attempt.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Mutex<VecDeque<Fault>>,
    striking: Mutex<Option<Fault>>,
    pub(crate) writes: AtomicU64,
    pub(crate) updates: AtomicU64,
}

impl Faults {
    pub(crate) fn strike(&self, fault: Fault, times: usize) {
        self.waiting.lock().unwrap().extend(std::iter::repeat_n(fault, times));
    }
}

#[derive(Debug)]
struct Striking(Arc<Faults>);

impl Intercept for Striking {
    fn name(&self) -> &'static str {
        "faults"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        let target = headers.get("x-amz-target").unwrap_or_default().to_owned();
        if target.ends_with(".UpdateItem") {
            self.0.updates.fetch_add(1, Ordering::Relaxed);
        }
        if !(target.ends_with(".TransactWriteItems") || target.ends_with(".PutItem")) {
            return Ok(());
        }
        self.0.writes.fetch_add(1, Ordering::Relaxed);
        let fault = self.0.waiting.lock().unwrap().pop_front();
        if fault == Some(Fault::Conflict) {
            headers.insert("x-amz-target", "DynamoDB_20120810.Nothing");
        }
        *self.0.striking.lock().unwrap() = fault;
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(fault) = self.0.striking.lock().unwrap().take() else {
            return Ok(());
        };
        let (status, body) = match fault {
            Fault::Conflict => (400, CONFLICT),
            Fault::Lost => (
                500,
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#,
            ),
        };
        *context.response_mut() = HttpResponse::new(status.try_into()?, body.into());
        Ok(())
    }
}

const CONFLICT: &str = r#"{
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
    "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]
}"#;

/// How often something was written, and for how many units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Written {
    pub(crate) times: u32,
    pub(crate) units: f64,
}

/// What writes cost, by what they did to what (`PutItem TRACK#/STATE`), as the database bills them: indexes and transactions
/// included.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    written: Mutex<BTreeMap<String, Written>>,
    asked: Mutex<VecDeque<String>>,
}

impl Meter {
    /// What was written since it was last asked.
    pub(crate) fn take(&self) -> BTreeMap<String, Written> {
        std::mem::take(&mut *self.written.lock().unwrap())
    }

    fn count(&self, what: String, answer: &serde_json::Value) {
        let consumed = &answer["ConsumedCapacity"];
        let parts = consumed.as_array().cloned().unwrap_or_else(|| vec![consumed.clone()]);
        let units: f64 = parts.iter().filter_map(|part| part["CapacityUnits"].as_f64()).sum();
        let mut written = self.written.lock().unwrap();
        let entry = written.entry(what).or_default();
        entry.times += 1;
        entry.units += units;
    }
}

/// The kinds of the items that a request writes: how their keys begin.
fn kinds(request: &serde_json::Value) -> Vec<String> {
    let kind = |key: &serde_json::Value| {
        let begins = |name: &str| {
            let text = key[name]["S"].as_str().unwrap_or_default();
            let words: String = text.chars().take_while(|letter| letter.is_ascii_uppercase()).collect();
            words
        };
        (!key.is_null()).then(|| format!("{}/{}", begins("pk"), begins("sk")))
    };
    let of = |write: &serde_json::Value| kind(&write["Item"]).or_else(|| kind(&write["Key"]));
    let actions = request["TransactItems"].as_array().cloned().unwrap_or_default();
    let actions = actions.iter().flat_map(|action| action.as_object().unwrap().values());
    let batch = request["RequestItems"].as_object().cloned().unwrap_or_default();
    let batch = batch.values().flat_map(|writes| writes.as_array().cloned().unwrap());
    let batch = batch.flat_map(|write| write.as_object().unwrap().clone().into_iter().map(|(_, write)| write));
    let mut kinds: Vec<String> = of(request).into_iter().collect();
    kinds.extend(actions.filter_map(of));
    kinds.extend(batch.collect::<Vec<_>>().iter().filter_map(of));
    kinds
}

#[derive(Debug)]
struct Metered(Arc<Meter>);

impl Metered {
    fn writes(target: &str) -> Option<&str> {
        let operation = target.rsplit('.').next()?;
        let writes = [
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "TransactWriteItems",
            "BatchWriteItem",
        ];
        writes.contains(&operation).then_some(operation)
    }
}

impl Intercept for Metered {
    fn name(&self) -> &'static str {
        "meter"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let Some(operation) = Self::writes(&target) else {
            return Ok(());
        };
        let mut asked: serde_json::Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        let what = format!("{operation} {}", kinds(&asked).join(" + "));
        self.0.asked.lock().unwrap().push_back(what);
        asked["ReturnConsumedCapacity"] = "TOTAL".into();
        let body = asked.to_string();
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = body.into();
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = serde_json::from_slice(context.response().body().bytes().unwrap_or_default());
        let answer: serde_json::Value = answer.unwrap_or_default();
        // Only writes are asked what they cost, and a test's reads do not fail.
        if (answer.get("ConsumedCapacity").is_some() || answer.get("__type").is_some())
            && let Some(what) = self.0.asked.lock().unwrap().pop_front()
        {
            self.0.count(what, &answer);
        }
        Ok(())
    }
}

/// A store with everything around it.
pub(crate) struct Store {
    pub(crate) dynamo: Arc<Dynamo>,
    pub(crate) client: Client,
    pub(crate) objects: Arc<Objects>,
    pub(crate) clock: Arc<Turned>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) meter: Arc<Meter>,
    nonces: Arc<Counted>,
}

impl Store {
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let database = Database::memory().unwrap();
        tokio::spawn(async move { dynoxide::server::serve_on(listener, database).await });
        let faults = Arc::new(Faults::default());
        let meter = Arc::new(Meter::default());
        let client = client(&endpoint, Arc::clone(&faults), Arc::clone(&meter));
        create_table(&client).await;
        let objects = Arc::new(Objects::default());
        let clock = Arc::new(Turned(Mutex::new("2026-03-02T09:00:00Z".parse().unwrap())));
        let nonces = Arc::new(Counted::default());
        let dynamo = Self::table(&client, &objects, &clock, &nonces);
        Self {
            dynamo: Arc::new(dynamo),
            client,
            objects,
            clock,
            faults,
            meter,
            nonces,
        }
    }

    /// The same table as another process sees it.
    pub(crate) fn another(&self) -> Arc<Dynamo> {
        Arc::new(Self::table(&self.client, &self.objects, &self.clock, &self.nonces))
    }

    fn table(client: &Client, objects: &Arc<Objects>, clock: &Arc<Turned>, nonces: &Arc<Counted>) -> Dynamo {
        Dynamo::new(client.clone(), TABLE, objects.clone(), clock.clone(), nonces.clone())
    }

    /// Everything that the table holds, as text; packed bodies too.
    pub(crate) async fn dump(&self) -> String {
        let scan = self.client.scan().table_name(TABLE).send().await.unwrap();
        let items = scan.items.unwrap();
        let items: Vec<BTreeMap<&str, String>> = items
            .iter()
            .map(|item| item.iter().map(|(name, value)| (name.as_str(), said(value))).collect())
            .collect();
        format!("{items:#?}")
    }

    /// The attributes of one item.
    pub(crate) async fn attributes(&self, pk: &str, sk: &str) -> BTreeMap<String, String> {
        let scan = self.client.scan().table_name(TABLE).send().await.unwrap();
        let items = scan.items.unwrap();
        let found = items
            .into_iter()
            .find(|item| said(&item["pk"]) == pk && said(&item["sk"]) == sk);
        found
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), said(value)))
            .collect()
    }
}

/// What an attribute says: of bytes, what they unpack to.
fn said(value: &AttributeValue) -> String {
    let Ok(packed) = value.as_b() else {
        return value.as_s().or_else(|_| value.as_n()).cloned().unwrap_or_default();
    };
    let mut text = String::new();
    let mut inflated = flate2::read::DeflateDecoder::new(&packed.as_ref()[1..]);
    inflated.read_to_string(&mut text).unwrap();
    text
}

fn client(endpoint: &str, faults: Arc<Faults>, meter: Arc<Meter>) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1)))
        .endpoint_url(endpoint)
        .interceptor(Striking(faults))
        .interceptor(Metered(meter))
        .build();
    Client::from_conf(config)
}

/// The table as the template makes it.
async fn create_table(client: &Client) {
    let names = [
        "pk",
        "sk",
        "due_shard",
        "due_at",
        "state_shard",
        "state_at",
        "number_key",
    ];
    let attributes = names.map(|name| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
    });
    let indexes = [
        index("due", "due_shard", "due_at"),
        index("state", "state_shard", "state_at"),
        index("number", "number_key", "sk"),
    ];
    let request = client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.to_vec()))
        .set_key_schema(Some(schema("pk", "sk")))
        .set_global_secondary_indexes(Some(indexes.to_vec()));
    request.send().await.unwrap();
}

fn index(name: &str, hash: &str, range: &str) -> GlobalSecondaryIndex {
    let keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let index = GlobalSecondaryIndex::builder().index_name(name);
    index
        .set_key_schema(Some(schema(hash, range)))
        .projection(keys)
        .build()
        .unwrap()
}

fn schema(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    let element = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    vec![element(hash, KeyType::Hash), element(range, KeyType::Range)]
}
