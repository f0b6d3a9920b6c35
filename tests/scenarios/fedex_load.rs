//! FedEx's limits with very many at once: tenants that all start cold behind one address, and a queue of thousands.
//!
//! Everybody is a process of its own over one shared table, and asks a FedEx in this process, so that the clock is turned instead of
//! waited for. Nobody counts but FedEx itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::dec;
use secrecy::SecretString;
use serde_json::json;
use simulators::clock::Clock as Hands;
use simulators::faults::{Fault, FaultKind};
use simulators::fedex::{FedEx, Options, Project};
use simulators::server::Local;
use tests::fedex::ship_with_fedex;
use tests::world::{Failure, SharedClock, World};
use tests::{customer, warehouse};
use waybill::connection::Connection;
use waybill::domain::{Billing, ConnectionId, DocumentId, JobId, LabelFormat, Parcel, Payer, RateRequest};
use waybill::domain::{ShipmentRequest, Weight};
use waybill::http::{self, Fate, SharedTokens, Vendor};
use waybill::job::{Backoff, draw};
use waybill::memory::CountedNonces;
use waybill::ports::{CallError, Carrier, Clock, EffectError, Later, Permit, Secrets, Systems};
use waybill::systems::Registry;

/// What an effect may take.
const LEASE: SignedDuration = SignedDuration::from_mins(15);

/// FedEx in this process: a call takes some turns of the scheduler and a moment of everybody's time.
struct Near {
    fedex: Local,
    clock: Hands,
}

#[async_trait]
impl Vendor for Near {
    async fn ask(&self, request: ::http::Request<Bytes>) -> Fate {
        tokio::task::yield_now().await;
        let answer = self.fedex.exchange(request).await;
        self.clock.advance(SignedDuration::from_millis(1));
        tokio::task::yield_now().await;
        answer.map_or(Fate::Broken, Fate::Answered)
    }
}

/// A fleet over one table, behind one address.
struct Fleet {
    world: World,
    fedex: FedEx,
    client: http::Client,
    nonces: Arc<CountedNonces>,
}

impl Fleet {
    async fn start(options: Options) -> Result<Self, Failure> {
        let world = World::start().await?;
        let base = simulators::server::Base {
            clock: world.clock.clone(),
            ..Default::default()
        };
        let (fedex, local) = FedEx::here(options, base);
        let near = Near {
            fedex: local,
            clock: world.clock.clone(),
        };
        Ok(Self {
            client: http::client()?.asking(Arc::new(near)),
            nonces: Arc::default(),
            fedex,
            world,
        })
    }

    /// A connection with keys and an account of its own.
    async fn tenant(&self, name: &str, account: usize) -> Result<Connection, Failure> {
        let secret = format!("waybill/test/{name}/fedex");
        let keys = json!({ "api_key": format!("{name}-key"), "secret_key": "fedex-secret" });
        let keys = SecretString::from(keys.to_string());
        self.world.vault.write(&secret, &keys).await?;
        let id = self.world.connect(&format!("{name}-netsuite-fedex"), |connection| {
            ship_with_fedex(connection);
            connection.carrier.account = (740_561_073 + account).to_string();
            connection.carrier.secret = secret;
            connection.carrier.base_url = "http://fedex.here".parse().ok();
        })?;
        let tables = self.world.store.tables();
        Ok(tables.connections.get(&id).cloned().ok_or("it was just made")?)
    }

    /// The connection as a process that has just begun reaches its carrier.
    async fn cold(&self, connection: &Connection) -> Result<Arc<dyn Carrier>, Failure> {
        let (store, clock) = (
            Arc::new(self.world.store.clone()),
            Arc::new(SharedClock(self.world.clock.clone())),
        );
        let (vault, nonces) = (self.world.vault.clone(), self.nonces.clone());
        let tokens = SharedTokens::new(store.clone(), vault.clone(), clock.clone(), nonces).without_rests();
        let (timeout, tokens) = (Duration::from_secs(30), Arc::new(tokens));
        let registry = Registry::new(self.client.clone(), clock, timeout, tokens, store, vault);
        Ok(registry.open(connection).await?.carrier)
    }

    fn clock(&self) -> SharedClock {
        SharedClock(self.world.clock.clone())
    }
}

fn parcel() -> Parcel {
    Parcel {
        packaging: "YOUR_PACKAGING".to_owned(),
        weight: Weight::pounds(dec!(3)),
        dimensions: None,
        contents: Vec::new(),
    }
}

const BILLING: Billing = Billing {
    transport: Payer::Shipper,
    duties: None,
};

fn prices(now: Timestamp) -> RateRequest {
    RateRequest {
        ship_from: warehouse(),
        ship_to: customer(),
        parcels: vec![parcel()],
        billing: BILLING,
        ship_date: now.to_zoned(jiff::tz::TimeZone::UTC).date(),
        customs: None,
    }
}

fn shipment(reference: &JobId, now: Timestamp) -> ShipmentRequest {
    ShipmentRequest {
        reference: reference.clone(),
        order_number: format!("SO {reference}"),
        customer_reference: None,
        ship_from: warehouse(),
        ship_to: customer(),
        parcels: vec![parcel()],
        service: "FEDEX_GROUND".to_owned(),
        billing: BILLING,
        label: LabelFormat::Zpl,
        ship_date: now.to_zoned(jiff::tz::TimeZone::UTC).date(),
        customs: None,
    }
}

/// Who waits, until when, and after how many tries.
#[derive(Default)]
struct Waiting {
    due: BTreeMap<(Timestamp, usize), u32>,
    visits: u32,
    /// How many came back in each tenth of a second.
    crowds: BTreeMap<i64, u32>,
}

impl Waiting {
    fn all(count: usize, now: Timestamp) -> Self {
        Self {
            due: (0..count).map(|one| ((now, one), 0)).collect(),
            ..Self::default()
        }
    }

    /// So many of those who are due; nobody's turn is missed while anybody waits.
    fn take(&mut self, most: usize, clock: &Hands) -> Vec<(usize, u32)> {
        if let Some(((first, _), _)) = self.due.first_key_value() {
            clock.set((*first).max(clock.now()));
        }
        let now = clock.now();
        let mut taken = Vec::new();
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > now || taken.len() == most {
                break;
            }
            let ((_, who), tries) = entry.remove_entry();
            self.visits += 1;
            if tries > 0 {
                *self.crowds.entry(now.as_millisecond() / 100).or_default() += 1;
            }
            taken.push((who, tries));
        }
        taken
    }

    /// It comes again as a job does.
    fn again(&mut self, who: usize, tries: u32, later: &Later, job: &JobId, now: Timestamp) {
        let hint = later.after.and_then(|after| SignedDuration::try_from(after).ok());
        let backoff = Backoff::default();
        let wait = backoff.wait(SignedDuration::from_mins(1), hint, tries, draw(job, u64::from(tries)));
        let wait = wait.max(SignedDuration::from_secs(1));
        self.due.insert((now + wait, who), backoff.counted(tries + 1));
    }
}

fn job(of: &ConnectionId, order: usize) -> JobId {
    JobId::of(of, &DocumentId::sales_order(order.to_string()), 1)
}

/// Lets everybody ask for prices until all have them; answers how often anybody came.
async fn price_everywhere(fleet: &Fleet, tenants: &[(ConnectionId, Arc<dyn Carrier>)]) -> Result<Waiting, Failure> {
    let clock = fleet.clock();
    let mut waiting = Waiting::all(tenants.len(), clock.now());
    while !waiting.due.is_empty() {
        let asking = waiting
            .take(usize::MAX, &fleet.world.clock)
            .into_iter()
            .map(async |(who, tries)| {
                let Some((id, carrier)) = tenants.get(who) else {
                    return Err("there is no such tenant".into());
                };
                match carrier.offers(&prices(clock.now())).await {
                    Ok(offers) if offers.is_empty() => Err("nothing is offered".into()),
                    Ok(_) => Ok(None),
                    Err(CallError::Later(later)) => Ok(Some((who, tries, later, id))),
                    Err(CallError::Refused(refusal)) => Err::<_, Failure>(refusal.to_string().into()),
                }
            });
        for outcome in join_all(asking).await {
            if let Some((who, tries, later, id)) = outcome? {
                waiting.again(who, tries, &later, &job(id, 1), clock.now());
            }
        }
    }
    Ok(waiting)
}

/// P60: five hundred tenants that start cold at once behind one address all get their tokens, and FedEx never sees more than three
/// requests in any second nor 119 in any two minutes; those who wait do not come back together. A 403 then stops all of them for ten
/// minutes, and nobody is shut out for longer.
#[tokio::test]
async fn five_hundred_cold_tenants_never_shut_out_their_address() -> Result<(), Failure> {
    let names: Vec<String> = (0..500).map(|one| format!("t{one}")).collect();
    let projects = names
        .iter()
        .map(|name| Project::everything(&format!("{name}-key"), "fedex-secret"));
    let fleet = Fleet::start(Options {
        projects: projects.collect(),
        ..Options::default()
    })
    .await?;
    let mut tenants = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let connection = fleet.tenant(name, number).await?;
        tenants.push((connection.id.clone(), fleet.cold(&connection).await?));
    }
    let began = fleet.world.now();
    let waited = price_everywhere(&fleet, &tenants).await?;
    let books = fleet.fedex.read_books();
    let traffic = &books.token_traffic;
    assert_eq!(
        (traffic.requests, traffic.refused, books.tokens.len()),
        (500, 0, 500),
        "{traffic:?}"
    );
    assert!(
        traffic.most_in_a_second <= 3 && traffic.most_in_120_s <= 119,
        "{traffic:?}"
    );
    let took = fleet.world.now().duration_since(began);
    assert!(took < SignedDuration::from_hours(1), "{took:#}");
    assert!(waited.visits < 500 * 20, "{} visits", waited.visits);
    let crowd = waited.crowds.values().max().copied().unwrap_or_default();
    assert!(crowd < 120, "{crowd} of 500 come back within a tenth of a second");

    // An hour later all of them need another token, and somebody else has used up the address.
    fleet.world.turn(SignedDuration::from_hours(2));
    let shut = FaultKind::Status {
        code: 403,
        retry_after: None,
    };
    fleet.fedex.base().faults.add(Fault::new("token", shut).at_most(1));
    price_everywhere(&fleet, &tenants).await?;
    let asked = fleet.fedex.base().requests.latest(Some("token"));
    let refused = asked
        .iter()
        .find(|one| one.status == Some(403))
        .ok_or("nobody was shut out")?;
    let next = asked
        .iter()
        .find(|one| one.number > refused.number)
        .ok_or("nobody asks again")?;
    let rest = next.at.duration_since(refused.at);
    assert!(rest >= SignedDuration::from_mins(10), "{rest:#} after a 403");
    let traffic = fleet.fedex.read_books().token_traffic;
    assert!(
        traffic.most_in_a_second <= 3 && traffic.most_in_120_s <= 119,
        "{traffic:?}"
    );
    assert_eq!(
        traffic.requests, 1000,
        "all but the one that was shut out at the door: {traffic:?}"
    );
    Ok(())
}

/// P61: fifty workers ship a queue of ten thousand: no ten seconds, wherever they begin, hold more than 1,400 transactions, FedEx
/// refuses none of them, and each order ships once.
#[tokio::test]
async fn ten_thousand_shipments_keep_the_limit_of_ten_seconds() -> Result<(), Failure> {
    const SHIPMENTS: usize = 10_000;
    let fleet = Fleet::start(Options {
        projects: vec![Project::everything("flood-key", "fedex-secret")],
        ..Options::default()
    })
    .await?;
    let connection = fleet.tenant("flood", 0).await?;
    let mut workers = Vec::new();
    for _ in 0..50 {
        workers.push(fleet.cold(&connection).await?);
    }
    let clock = fleet.clock();
    let began = clock.now();
    let mut waiting = Waiting::all(SHIPMENTS, began);
    let mut numbers = BTreeSet::new();
    while !waiting.due.is_empty() {
        let taken = waiting.take(workers.len(), &fleet.world.clock);
        let work = taken.into_iter().zip(&workers).map(async |((order, tries), worker)| {
            let reference = job(&connection.id, order);
            let draft = worker
                .draft(&shipment(&reference, clock.now()))
                .map_err(|refusal| refusal.to_string())?;
            let until = clock.now() + LEASE;
            match worker.create(&draft, Permit { until }).await {
                Ok(bought) => Ok((order, tries, reference, Ok(bought.shipment.id.to_string()))),
                Err(EffectError::NotSent(later)) => Ok((order, tries, reference, Err(later))),
                Err(error) => Err::<_, Failure>(error.to_string().into()),
            }
        });
        for outcome in join_all(work).await {
            let (order, tries, reference, result) = outcome?;
            match result {
                Ok(number) => {
                    numbers.insert(number);
                }
                Err(later) => waiting.again(order, tries, &later, &reference, clock.now()),
            }
        }
        // What a worker takes for a message that it puts back.
        fleet.world.turn(SignedDuration::from_millis(20));
    }
    let books = fleet.fedex.read_books();
    let traffic = books.traffic.get("flood-key").ok_or("nothing was asked")?;
    assert!(traffic.most_in_10_s <= 1_400, "{traffic:?}");
    assert_eq!(traffic.refused, 0, "{traffic:?}");
    assert_eq!(
        (books.shipments.len(), numbers.len(), books.duplicates.len()),
        (SHIPMENTS, SHIPMENTS, 0)
    );
    assert_eq!(books.token_traffic.requests, 1, "fifty processes share one token");
    // At 1,160 in ten seconds this takes a minute and a half at least.
    let took = clock.now().duration_since(began);
    assert!(
        took < SignedDuration::from_mins(40),
        "{took:#}, {} visits",
        waiting.visits
    );
    Ok(())
}
