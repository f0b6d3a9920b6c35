//! The tenants of the day, the systems around them, and the fleet that works for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;
use simulators::clock::Clock as Hands;
use simulators::netsuite::keys::KeyKind;
use simulators::netsuite::people::{NewLine, NewOrder};
use simulators::netsuite::{self, NetSuite};
use simulators::server::Base;
use simulators::ups::{self, Ups};
use tests::world::{Failure, SharedClock, fields, new_york, place};
use tests::{connection, morning};
use waybill::domain::{ConnectionId, Health, JobId, Rate, TenantId};
use waybill::flows::{advance::Advance, poll::Poll, refresh::Refresh, sweep::Sweep};
use waybill::http::{self, SharedTokens};
use waybill::job::Timing;
use waybill::memory::{AlwaysWorks, CountedNonces, Memory, Vault};
use waybill::ports::{
    AccountStanding, CallError, Clock, Limits, Mint, Secrets, Slot, StoreError, Token, TokenKey, Tokens, Turn,
};
use waybill::systems::{Registry, Renewal};

use crate::dice::Dice;
use crate::network::Network;
use crate::queue::FairQueue;

/// Whose orders they are.
pub(crate) struct Tenant {
    /// His name.
    pub(crate) name: String,
    /// His connection.
    pub(crate) connection: ConnectionId,
    /// His ERP.
    pub(crate) netsuite: NetSuite,
}

/// Rules that a day may break, to show that it fails then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Whether an outage is noticed once for everybody.
    pub(crate) outages_are_noticed: bool,
    /// Whether the fleet shares its tokens.
    pub(crate) tokens_are_shared: bool,
    /// Whether tenants take turns in the queue.
    pub(crate) queue_is_fair: bool,
    /// How long a call takes.
    pub(crate) call: SignedDuration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            outages_are_noticed: true,
            tokens_are_shared: true,
            queue_is_fair: true,
            call: SignedDuration::from_millis(20),
        }
    }
}

/// Everything there is.
pub(crate) struct World {
    /// Everybody's clock.
    pub(crate) clock: Hands,
    /// The carrier.
    pub(crate) ups: Ups,
    /// The customers; the first one floods.
    pub(crate) tenants: Vec<Tenant>,
    /// What Waybill stores.
    pub(crate) store: Memory,
    /// The queue of jobs.
    pub(crate) queue: Arc<FairQueue>,
    /// One worker for each invocation that may run at once.
    pub(crate) workers: Vec<Arc<Advance>>,
    /// The poller.
    pub(crate) poller: Poll,
    /// The sweeper.
    pub(crate) sweeper: Sweep,
    /// The token refresher.
    pub(crate) refresher: Refresh,
}

/// The client id of a tenant at the carrier.
pub(crate) fn client_of(number: usize) -> String {
    format!("ups-client-{number}")
}

impl World {
    /// So many tenants and workers.
    pub(crate) async fn start(tenants: usize, workers: usize, rules: Rules, dice: Dice) -> Result<Self, Failure> {
        let clock = Hands::frozen(morning());
        let base = || Base {
            clock: clock.clone(),
            ..Base::default()
        };
        let clients = (0..tenants).map(|number| ups::Client {
            id: client_of(number),
            secret: "ups-secret".to_owned(),
            accounts: Vec::new(),
        });
        let options = ups::Options {
            clients: clients.collect(),
            // The day counts for itself, so that it sees who goes too far.
            token_limit_per_day: u32::MAX,
            ..ups::Options::default()
        };
        let (ups, local) = Ups::here(options, base());
        let mut hosts = BTreeMap::from([("ups.day".to_owned(), local)]);
        let shared: Arc<dyn Clock> = Arc::new(SharedClock(clock.clone()));
        let store = Memory::new(shared.clone(), Arc::new(AlwaysWorks));
        let vault = Arc::new(Vault::default());
        let mut all = Vec::new();
        for number in 0..tenants {
            let tenant = Tenant::open(number, base(), &store, &vault).await?;
            hosts.insert(format!("netsuite-{number}.day"), tenant.netsuite.here());
            all.push(tenant);
        }
        let network = Network {
            hosts,
            clock: clock.clone(),
            call: rules.call,
            dice: Arc::new(Mutex::new(dice)),
        };
        let fleet = Fleet {
            store: store.clone(),
            vault,
            nonces: Arc::default(),
            queue: Arc::new(FairQueue::new(shared.clone(), rules.queue_is_fair)),
            clock: shared,
            client: http::client()?.asking(Arc::new(network)),
            rules,
        };
        let registry = fleet.registry();
        let workers = (0..workers).map(|_| Arc::new(fleet.worker(fleet.registry()))).collect();
        Ok(Self {
            ups,
            tenants: all,
            workers,
            poller: fleet.poller(registry.clone()),
            sweeper: fleet.sweeper(),
            refresher: fleet.refresher(registry),
            queue: fleet.queue.clone(),
            store,
            clock,
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A person enters an order at a tenant's; answers its internal id.
    pub(crate) fn enter(&self, tenant: usize, at_a_bad_address: bool) -> Result<u64, Failure> {
        let netsuite = &self.tenants.get(tenant).ok_or("no such tenant")?.netsuite;
        let to = if at_a_bad_address {
            place("Ida", "1 Nowhere Lane", "Galena", "IL", "61036", "US")
        } else {
            new_york()
        };
        let order = NewOrder::to(to, vec![NewLine::of(netsuite.basics().light, 1)]);
        netsuite
            .act(|account, now| account.add_order(order, now))
            .map_err(|refusal| format!("{refusal:?}").into())
    }

    /// A person cancels an order; whether he still could.
    pub(crate) fn cancel(&self, tenant: usize, order: u64) -> bool {
        let netsuite = self.tenants.get(tenant).map(|tenant| &tenant.netsuite);
        netsuite.is_some_and(|netsuite| netsuite.act(|account, now| account.cancel(order, now)).is_ok())
    }
}

impl Tenant {
    async fn open(number: usize, base: Base, store: &Memory, vault: &Vault) -> Result<Self, Failure> {
        let name = if number == 0 {
            "flood".to_owned()
        } else {
            format!("small-{number}")
        };
        let account = format!("{}", 7_000_000 + number);
        let options = netsuite::options::Options {
            account: account.clone(),
            concurrency: 5,
            turns: 2,
            ..Default::default()
        };
        let netsuite = NetSuite::new(options, base).map_err(|refusal| format!("{refusal:?}"))?;
        let key = netsuite.make_certificate(KeyKind::P256, "certificate-1", "client-1")?;
        let erp = json!({
            "kind": "client-credentials", "client_id": "client-1", "certificate_id": "certificate-1",
            "private_key": key.private_pem, "algorithm": "ES256"
        });
        let carrier = json!({ "client_id": client_of(number), "client_secret": "ups-secret" });
        let mut connection = connection(&format!("{name}-netsuite-ups"))?;
        connection.tenant = name.parse::<TenantId>()?;
        connection.erp.account = account;
        connection.erp.base_url = Some(format!("http://netsuite-{number}.day").parse()?);
        connection.erp.secret = format!("waybill/day/{name}/netsuite");
        connection.erp.options = json!({ "time_zone": "America/Los_Angeles", "concurrency": 5 });
        connection.carrier.account = format!("A1B2C{number}");
        connection.carrier.base_url = Some("http://ups.day".parse()?);
        connection.carrier.secret = format!("waybill/day/{name}/ups");
        connection.write_back.fields = fields();
        for (secret, body) in [(&connection.erp.secret, erp), (&connection.carrier.secret, carrier)] {
            vault.write(secret, &SecretString::from(body.to_string())).await?;
        }
        let id = connection.id.clone();
        store.tables().connections.insert(id.clone(), connection);
        Ok(Self {
            name,
            connection: id,
            netsuite,
        })
    }
}

/// What every process of the fleet is made of.
struct Fleet {
    store: Memory,
    vault: Arc<Vault>,
    nonces: Arc<CountedNonces>,
    clock: Arc<dyn Clock>,
    client: http::Client,
    queue: Arc<FairQueue>,
    rules: Rules,
}

impl Fleet {
    fn port(&self) -> Arc<Memory> {
        Arc::new(self.store.clone())
    }

    /// A process of its own: its own cache of tokens over the shared store.
    fn registry(&self) -> Registry {
        // Rests are real time, which a day in seconds does not have.
        let shared = SharedTokens::new(self.port(), self.vault.clone(), self.clock.clone(), self.nonces.clone());
        let tokens: Arc<dyn Tokens> = if self.rules.tokens_are_shared {
            Arc::new(shared.without_rests())
        } else {
            Arc::new(ColdStarts(self.clock.clone()))
        };
        let limits: Arc<dyn Limits> = if self.rules.outages_are_noticed {
            self.port()
        } else {
            Arc::new(Heedless(self.store.clone()))
        };
        Registry::new(
            self.client.clone(),
            self.clock.clone(),
            Duration::from_secs(30),
            tokens,
            limits,
            self.vault.clone(),
        )
    }

    fn worker(&self, registry: Registry) -> Advance {
        Advance {
            jobs: self.port(),
            documents: self.port(),
            controls: self.port(),
            connections: self.port(),
            systems: Arc::new(registry),
            labels: self.port(),
            links: self.port(),
            spending: self.port(),
            queue: self.queue.clone(),
            clock: self.clock.clone(),
            nonces: self.nonces.clone(),
            timing: timing(),
        }
    }

    fn poller(&self, registry: Registry) -> Poll {
        Poll {
            connections: self.port(),
            systems: Arc::new(registry),
            cursors: self.port(),
            documents: self.port(),
            jobs: self.port(),
            stories: self.port(),
            queue: self.queue.clone(),
            clock: self.clock.clone(),
            nonces: self.nonces.clone(),
            timing: timing(),
        }
    }

    fn sweeper(&self) -> Sweep {
        Sweep {
            due: self.port(),
            directory: self.port(),
            jobs: self.port(),
            queue: self.queue.clone(),
            clock: self.clock.clone(),
            nonces: self.nonces.clone(),
            timing: timing(),
        }
    }

    fn refresher(&self, registry: Registry) -> Refresh {
        let renewal = Renewal {
            registry,
            connections: self.port(),
            in_use: self.port(),
        };
        Refresh {
            tokens: Arc::new(renewal),
            clock: self.clock.clone(),
        }
    }
}

/// The usual times; what was read is read again less often, because nothing is committed late on this day.
fn timing() -> Timing {
    Timing {
        overlap: SignedDuration::from_mins(2),
        ..Timing::default()
    }
}

/// Limits without a memory for outages.
struct Heedless(Memory);

#[async_trait]
impl Limits for Heedless {
    async fn lease_slot(&self, account: &str, cap: u16, lease: Duration) -> Result<Turn, StoreError> {
        self.0.lease_slot(account, cap, lease).await
    }

    async fn extend_slot(&self, slot: &Slot, lease: Duration) -> Result<bool, StoreError> {
        self.0.extend_slot(slot, lease).await
    }

    async fn free_slot(&self, slot: Slot) -> Result<(), StoreError> {
        self.0.free_slot(slot).await
    }

    async fn standing(&self, account: &str) -> Result<AccountStanding, StoreError> {
        let standing = self.0.standing(account).await?;
        Ok(AccountStanding {
            health: Health::default(),
            ..standing
        })
    }

    async fn pause(&self, account: &str, until: Timestamp) -> Result<(), StoreError> {
        self.0.pause(account, until).await
    }

    async fn write_health(&self, _account: &str, _version: u64, _health: &Health) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn reserve_call(&self, account: &str, rate: &Rate) -> Result<Option<Timestamp>, StoreError> {
        self.0.reserve_call(account, rate).await
    }
}

/// Tokens of processes that share nothing and remember nothing.
struct ColdStarts(Arc<dyn Clock>);

#[async_trait]
impl Tokens for ColdStarts {
    async fn bearer(&self, _key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError> {
        let (minted, issued_at) = (mint.mint().await?, self.0.now());
        let lives_for = SignedDuration::try_from(minted.lives_for).unwrap_or_default();
        Ok(Token {
            secret: minted.secret,
            version: 1,
            issued_at,
            expires_at: issued_at + lives_for,
        })
    }

    async fn renew(&self, key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        let token = self.bearer(key, mint).await?;
        Ok(Token {
            version: failed + 1,
            ..token
        })
    }
}

/// A message that is delivered again.
pub(crate) fn deliver_again(world: &World, job: &JobId, after: SignedDuration) {
    let tenant = world.store.tables().jobs.get(job).map(|job| job.tenant.clone());
    if let Some(tenant) = tenant {
        world.queue.put(job, &tenant, after);
    }
}
