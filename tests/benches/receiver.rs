//! How many webhooks one process takes: the function's own handler and flow over ports in memory, so without what AWS adds.
//!
//! `cargo receiver-bench` sends as fast as it is answered, `--rate 500` so many a second and no more; `--seconds 30` goes on for
//! longer, `--json` prints one JSON document. It is a bench target that runs in the profile of the tests: `cargo bench` would build
//! everything again, the AWS SDK among it.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Context, LambdaEvent};
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::world::Failure;
use waybill::flows::receive::Receive;
use waybill::flows::remembered::Remembered;
use waybill::http;
use waybill::memory::{AlwaysWorks, CountedNonces, Memory, TurnedClock, Vault};
use waybill::ports::{Hook, Secrets, TrackingMessage};
use waybill::systems::shipstation::PublishedKeys;
use waybill::systems::webhooks::Vendors;

#[path = "../../functions/webhook-receiver/src/handler.rs"]
mod handler;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many requests are under way at once.
const AT_ONCE: usize = 64;

/// One in so many events brings a photograph.
const PHOTO_EVERY: usize = 50;

/// The size of a photograph, as it is sent.
const PHOTO: usize = 300 * 1024;

/// The address that is called.
const HOOK: &str = "0123456789abcdef0123456789abcdef";

/// What UPS sends along.
const CREDENTIAL: &str = "opaque-credential";

/// What is asked of a run.
struct Asked {
    seconds: u64,
    /// How many requests a second; as fast as they are answered where it is not said.
    rate: Option<NonZeroU32>,
    json: bool,
}

impl Asked {
    fn of(arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut asked = Self {
            seconds: 10,
            rate: None,
            json: false,
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => asked.json = true,
                "--rate" => asked.rate = Some(arguments.next().ok_or("--rate needs a number")?.parse()?),
                "--seconds" => asked.seconds = arguments.next().ok_or("--seconds needs a number")?.parse()?,
                // `cargo receiver-bench -- --json` hands on the second pair of dashes too.
                "--bench" | "--" => {}
                other => return Err(format!("{other:?} is none of --seconds, --rate and --json").into()),
            }
        }
        Ok(asked)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let asked = Asked::of(std::env::args().skip(1))?;
    let bench = Arc::new(Bench::new().await?);
    let began = Instant::now();
    let end = began + Duration::from_secs(asked.seconds);
    let clients: Vec<_> = (0..AT_ONCE)
        .map(|client| tokio::spawn(bench.clone().send_until(end, client, asked.rate)))
        .collect();
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await??);
    }
    let seen = Seen::of(latencies, began.elapsed())?;
    let line = if asked.json {
        seen.json().to_string()
    } else {
        seen.words()
    };
    Ok(writeln!(io::stdout(), "{line}")?)
}

/// The function and what is sent to it.
struct Bench {
    receive: Arc<Receive>,
    store: Memory,
    plain: Vec<u8>,
    photo: Vec<u8>,
}

impl Bench {
    async fn new() -> Result<Self, Failure> {
        let clock = Arc::new(TurnedClock::at(tests::morning()));
        let store = Memory::new(clock.clone(), Arc::new(AlwaysWorks));
        let vault = Arc::new(Vault::default());
        let keys = json!({ "id": HOOK, "keys": [CREDENTIAL] }).to_string();
        vault.write("hook", &SecretString::from(keys)).await?;
        let hook: Hook = serde_json::from_value(json!({
            "digest": Hook::digest_of(HOOK), "system": "ups", "tenant": "acme", "credential": "ups", "secret": "hook",
            "connections": ["acme-netsuite-ups"], "created_at": tests::morning()
        }))?;
        store.tables().tracked.hooks.insert(hook.digest.clone(), hook);
        let port = Arc::new(store.clone());
        let receive = Receive {
            hooks: port.clone(),
            webhooks: Arc::new(Vendors),
            secrets: vault,
            signing_keys: Arc::new(PublishedKeys::new(http::client()?, clock.clone(), None)),
            captures: port.clone(),
            queue: port,
            clock,
            nonces: Arc::new(CountedNonces::default()),
            found: Remembered::default(),
            read: Remembered::default(),
        };
        Ok(Self {
            receive: Arc::new(receive),
            store,
            plain: request("")?,
            photo: request(&"A".repeat(PHOTO))?,
        })
    }

    /// Sends one request after the other; answers how long each took since it was due.
    async fn send_until(
        self: Arc<Self>,
        end: Instant,
        client: usize,
        rate: Option<NonZeroU32>,
    ) -> Result<Vec<Duration>, Failure> {
        let (mut latencies, began) = (Vec::new(), Instant::now());
        while Instant::now() < end {
            let number = client + latencies.len() * AT_ONCE;
            let due = match rate {
                Some(rate) => began + Duration::from_secs_f64(number as f64 / f64::from(rate.get())),
                None => Instant::now(),
            };
            tokio::time::sleep_until(due.into()).await;
            let status = tokio::spawn(self.clone().send(number.is_multiple_of(PHOTO_EVERY))).await??;
            latencies.push(due.elapsed());
            if status != 200 {
                return Err(format!("a webhook was answered with {status}").into());
            }
            self.forget();
        }
        Ok(latencies)
    }

    /// One request, from the bytes that the runtime is handed.
    async fn send(self: Arc<Self>, photo: bool) -> Result<i64, Failure> {
        let bytes = if photo { &self.photo } else { &self.plain };
        let event: ApiGatewayV2httpRequest = serde_json::from_slice(bytes)?;
        let response = handler::handle(&self.receive, LambdaEvent::new(event, Context::default())).await?;
        Ok(response.status_code)
    }

    /// Takes a message with its webhook away, so that a long run does not fill the memory.
    fn forget(&self) {
        if let Some(TrackingMessage::Hook(id)) = self.store.receive_tracking() {
            self.store.tables().tracked.captures.remove(&id);
        }
    }
}

/// A request as the gateway hands it over, with an event of 1 KB and a photograph.
fn request(photo: &str) -> Result<Vec<u8>, Failure> {
    let event = json!({
        "trackingNumber": "1ZA1B2C30312345678", "localActivityDate": "20260302", "localActivityTime": "051433",
        "activityLocation": { "city": "RENO", "stateProvince": "NV", "postalCode": "89502", "country": "US" },
        "activityStatus": { "type": "I", "code": "DP", "description": "Departed from Facility", "descriptionCode": "005" },
        "scheduledDeliveryDate": "20260303", "actualDeliveryDate": "", "actualDeliveryTime": "",
        "gmtActivityDate": "20260302", "gmtActivityTime": "111433", "gmtOffset": "-06.00",
        "remarks": "x".repeat(500), "deliveryPhoto": photo
    });
    let mut request: Value = serde_json::from_str(include_str!("../../events/webhook-receiver.json"))?;
    let fields = [
        ("/pathParameters/hook", json!(HOOK)),
        ("/headers/credential", json!(CREDENTIAL)),
        ("/body", json!(event.to_string())),
    ];
    for (pointer, value) in fields {
        *request.pointer_mut(pointer).ok_or("the event has another shape")? = value;
    }
    Ok(serde_json::to_vec(&request)?)
}

/// What was seen.
struct Seen {
    elapsed: Duration,
    latencies: Vec<Duration>,
    max: Duration,
}

impl Seen {
    fn of(mut latencies: Vec<Duration>, elapsed: Duration) -> Result<Self, Failure> {
        latencies.sort_unstable();
        let max = *latencies.last().ok_or("nothing was answered")?;
        Ok(Self {
            elapsed,
            latencies,
            max,
        })
    }

    fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// How long it took at most for so many in a hundred, in milliseconds.
    fn within(&self, percent: usize) -> f64 {
        let at = self.latencies.len() * percent / 100;
        milliseconds(self.latencies.get(at).copied().unwrap_or(self.max))
    }

    fn words(&self) -> String {
        format!(
            "{:.0} requests/s, {AT_ONCE} at once for {:.1} s: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            self.per_second(),
            self.elapsed.as_secs_f64(),
            self.within(50),
            self.within(99),
            milliseconds(self.max),
        )
    }

    fn json(&self) -> Value {
        json!({
            "requests": self.latencies.len(), "seconds": self.elapsed.as_secs_f64(), "at_once": AT_ONCE,
            "per_second": self.per_second(), "p50_ms": self.within(50), "p99_ms": self.within(99),
            "max_ms": milliseconds(self.max),
        })
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
