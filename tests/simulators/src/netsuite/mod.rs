//! A model of a NetSuite account behind SuiteTalk REST (2026.1): sales orders, item fulfilments, SuiteQL, the three
//! ways to authenticate, and the people who work in the same account.
//!
//! Where the vendor's documents and public sources disagree or are silent, [`options::Options`] decides, so that a
//! client can be shown to live with either habit. Quirks are named in the module that has them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use simulators::netsuite::{NetSuite, demo, options::Options};
//!
//! let running = NetSuite::start(Options::default(), Default::default(), 0).await?;
//! let netsuite = running.netsuite;
//! let key = netsuite.make_certificate(Default::default(), "certificate-1", "client-1")?;
//! netsuite.act(|world, now| demo::demo_orders(20, 1).into_iter().try_for_each(|one| one.enter(world, now).map(|_| ())))?;
//! println!("{} {}", running.url, netsuite.books().orders.len());
//! # drop(key); Ok(()) }
//! ```

pub mod access;
pub mod body;
pub mod books;
mod control;
pub mod demo;
pub mod events;
mod fulfil;
pub mod keys;
pub mod model;
pub mod options;
pub mod people;
pub mod records;
pub mod refusal;
mod server;
pub mod stock;
pub mod suiteql;
pub mod tba;
#[cfg(test)]
mod tests;
pub mod world;

use crate::server::{Base, Local, Serving, local, serve};
use access::Access;
use books::{Books, Traffic};
use events::EventPush;
use jiff::Timestamp;
use keys::{KeyKind, KeyRefused, MadeKey, PublicKey};
use options::Options;
use refusal::Refusal;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use suiteql::Engine;
use world::{Basics, World};

/// A simulated account; clones share it.
#[derive(Clone, Debug)]
pub struct NetSuite {
    /// Clock, faults and request log.
    pub base: Base,
    inner: Arc<Mutex<Inner>>,
    slots: Slots,
    start: Options,
}

#[derive(Debug)]
struct Inner {
    world: World,
    engine: Engine,
    access: Access,
    traffic: Traffic,
    basics: Basics,
}

/// An account that is being served: stops when dropped.
#[derive(Debug)]
pub struct Running {
    /// The account itself, for books and people's acts in process.
    pub netsuite: NetSuite,
    /// Its base URL; the services lie under `/services/rest`.
    pub url: String,
    /// The server.
    pub serving: Serving,
}

impl NetSuite {
    /// Starts an account on 127.0.0.1; `port` 0 takes any free one.
    ///
    /// # Errors
    /// When the query engine cannot be set up or the port cannot be listened on.
    pub async fn start(options: Options, base: Base, port: u16) -> io::Result<Running> {
        let netsuite = Self::new(options, base).map_err(io::Error::other)?;
        let serving = netsuite.serve(port).await?;
        Ok(Running {
            url: serving.url(),
            netsuite,
            serving,
        })
    }

    /// An account with the basic items and no orders.
    ///
    /// # Errors
    /// When the query engine cannot be set up.
    pub fn new(options: Options, base: Base) -> Result<Self, Refusal> {
        let inner = Inner::new(options.clone())?;
        Ok(Self {
            base,
            inner: Arc::new(Mutex::new(inner)),
            slots: Slots::default(),
            start: options,
        })
    }

    /// Serves the account on 127.0.0.1; port 0 takes any free one.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn serve(&self, port: u16) -> io::Result<Serving> {
        let routes = control::routes(self.clone()).merge(server::routes(self.clone()));
        serve(Arc::new(self.clone()), routes, self.base.clone(), port).await
    }

    /// How to ask the account in this process, without sockets.
    pub fn here(&self) -> Local {
        let routes = control::routes(self.clone()).merge(server::routes(self.clone()));
        local(Arc::new(self.clone()), routes, self.base.clone())
    }

    /// Somebody acts in the account: the closure gets the books and the time.
    pub fn act<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let now = self.base.clock.now();
        self.with(|inner| act(&mut inner.world, now))
    }

    /// Registers integrations and their credentials.
    pub fn register<T>(&self, act: impl FnOnce(&mut Access) -> T) -> T {
        self.with(|inner| act(&mut inner.access))
    }

    /// Makes a key pair and registers its public key as a certificate of the integration.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn make_certificate(&self, kind: KeyKind, kid: &str, client_id: &str) -> Result<MadeKey, KeyRefused> {
        let made = keys::generate(kind).map_err(|_| KeyRefused::Unreadable)?;
        let public = PublicKey::from_pem(&made.public_pem)?;
        self.register(|access| access.register_certificate(kid, client_id, public));
        Ok(made)
    }

    /// The items, warehouse and ship methods that the account started with.
    pub fn basics(&self) -> Basics {
        self.with(|inner| inner.basics)
    }

    /// Changes settings while the account runs.
    ///
    /// # Errors
    /// When the query engine cannot be set up again.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) -> Result<(), Refusal> {
        self.with(|inner| {
            change(&mut inner.world.options);
            inner.engine = Engine::new(&mut inner.world)?;
            Ok(())
        })
    }

    /// The tokens that are good still, or were until their time was over.
    pub fn tokens(&self) -> Vec<String> {
        self.with(|inner| inner.access.given())
    }

    /// Access tokens given out so far stop working.
    pub fn expire_tokens(&self) {
        self.with(|inner| inner.access.expire_tokens());
    }

    /// What really happened.
    pub fn books(&self) -> Books {
        self.with(|inner| {
            let traffic = Traffic {
                peak_concurrency: self.slots.peak(),
                ..inner.traffic.clone()
            };
            books::of(&inner.world, inner.access.counts.clone(), traffic)
        })
    }

    /// What the customer's script would post now: one event for each time that a person entered or changed an order, oldest first,
    /// each once. Nothing where no script is deployed.
    pub fn due_events(&self) -> Vec<EventPush> {
        let now = self.base.clock.now();
        self.with(|inner| events::due(&mut inner.world, now))
    }

    /// Back to the start: no orders, first settings, no tokens. Registered integrations stay.
    ///
    /// # Errors
    /// When the query engine cannot be set up again; nothing has changed then.
    pub fn reset(&self) -> Result<(), Refusal> {
        self.with(|inner| {
            let mut fresh = Inner::new(self.start.clone())?;
            fresh.access = std::mem::take(&mut inner.access);
            fresh.access.forget_tokens();
            *inner = fresh;
            Ok(())
        })?;
        self.slots.forget();
        Ok(())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn new(options: Options) -> Result<Self, Refusal> {
        let (mut world, basics) = World::new(options);
        let engine = Engine::new(&mut world)?;
        Ok(Self {
            world,
            engine,
            access: Access::default(),
            traffic: Traffic::default(),
            basics,
        })
    }
}

/// Counts the requests in progress.
#[derive(Clone, Debug, Default)]
struct Slots {
    busy: Arc<AtomicU32>,
    peak: Arc<AtomicU32>,
}

/// A request in progress; ends when dropped.
#[derive(Debug)]
struct Slot(Arc<AtomicU32>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slots {
    /// A slot, unless the account is at its limit.
    fn take(&self, limit: u32) -> Option<Slot> {
        let more = |busy: u32| (busy < limit).then_some(busy + 1);
        let before = self.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        self.peak.fetch_max(before + 1, Ordering::SeqCst);
        Some(Slot(self.busy.clone()))
    }

    fn peak(&self) -> u32 {
        self.peak.load(Ordering::SeqCst)
    }

    fn forget(&self) {
        self.peak.store(0, Ordering::SeqCst);
    }
}
