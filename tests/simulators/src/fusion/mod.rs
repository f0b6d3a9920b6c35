//! A model of Oracle Fusion Cloud ERP behind its REST framework: purchase orders and their drafts, change orders,
//! flexfields, the master data that shipping needs, the identity domain, and the people who work in the same pod.
//!
//! Follows `reference/fusion.md`. What that page leaves open is a setting in [`options::Options`], so that a client can be
//! shown to live with either habit. Quirks are named in the module that has them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use simulators::fusion::{Fusion, access::User, options::Options, entering::NewOrder};
//!
//! let running = Fusion::start(Options::default(), Default::default(), 0).await?;
//! let fusion = running.fusion;
//! fusion.register(|access| access.register_user(User::named("waybill").with_password("secret")));
//! fusion.act(|world, now| world.add_order(NewOrder::pumps(2), now))?;
//! println!("{} {}", running.url, fusion.books().orders.len());
//! # Ok(()) }
//! ```

pub mod access;
mod answer;
mod bodies;
pub mod books;
mod call;
mod changes;
mod control;
pub mod demo;
pub mod entering;
mod filter;
mod masters;
pub mod model;
mod nodes;
pub mod options;
pub mod people;
mod query;
mod reading;
pub mod refusal;
mod resources;
mod route;
mod server;
mod shape;
#[cfg(test)]
mod tests;
pub mod world;
mod writing;

use crate::server::{Base, Local, Serving, local, serve};
use access::Access;
use books::{Books, Traffic};
use jiff::Timestamp;
use options::Options;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use world::{Basics, World};

/// A simulated pod; clones share it.
#[derive(Clone, Debug)]
pub struct Fusion {
    /// Clock, faults and request log.
    pub base: Base,
    inner: Arc<Mutex<Inner>>,
    start: Options,
}

#[derive(Debug)]
struct Inner {
    world: World,
    access: Access,
    traffic: Traffic,
    basics: Basics,
}

/// A pod that is being served: stops when dropped.
#[derive(Debug)]
pub struct Running {
    /// The pod itself, for books and people's acts in process.
    pub fusion: Fusion,
    /// Its base URL, which is the identity domain's as well.
    pub url: String,
    /// The server.
    pub serving: Serving,
}

impl Fusion {
    /// Starts a pod on 127.0.0.1; `port` 0 takes any free one.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn start(options: Options, base: Base, port: u16) -> io::Result<Running> {
        let fusion = Self::new(options, base);
        let serving = fusion.serve(port).await?;
        Ok(Running {
            url: serving.url(),
            fusion,
            serving,
        })
    }

    /// A pod with the basic master data, no orders and nobody who may come in.
    pub fn new(options: Options, base: Base) -> Self {
        Self {
            base,
            inner: Arc::new(Mutex::new(Inner::new(options.clone()))),
            start: options,
        }
    }

    /// Serves the pod on 127.0.0.1; port 0 takes any free one.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn serve(&self, port: u16) -> io::Result<Serving> {
        let routes = control::routes(self.clone()).merge(server::routes(self.clone()));
        serve(Arc::new(self.clone()), routes, self.base.clone(), port).await
    }

    /// How to ask the pod in this process, without sockets.
    pub fn here(&self) -> Local {
        let routes = control::routes(self.clone()).merge(server::routes(self.clone()));
        local(Arc::new(self.clone()), routes, self.base.clone())
    }

    /// Somebody acts in the pod: the closure gets the books and the time.
    pub fn act<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let now = self.base.clock.now();
        self.with(|inner| {
            inner.world.settle(now);
            act(&mut inner.world, now)
        })
    }

    /// Registers users, clients and certificates.
    pub fn register<T>(&self, act: impl FnOnce(&mut Access) -> T) -> T {
        self.with(|inner| act(&mut inner.access))
    }

    /// The master data that the pod started with.
    pub fn basics(&self) -> Basics {
        self.with(|inner| inner.basics)
    }

    /// Changes settings while the pod runs.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        self.with(|inner| change(&mut inner.world.options));
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
        let counts = self.base.requests.counts();
        let now = self.base.clock.now();
        self.with(|inner| {
            inner.world.settle(now);
            Books {
                orders: books::orders(&inner.world),
                tokens: inner.access.counts.clone(),
                requests: counts.by_operation,
                traffic: Traffic {
                    peak_concurrency: counts.peak_concurrency,
                    ..inner.traffic.clone()
                },
            }
        })
    }

    /// Back to the start: no orders, first settings, no tokens. Users, clients and certificates stay.
    pub fn reset(&self) {
        self.with(|inner| {
            let mut fresh = Inner::new(self.start.clone());
            fresh.access = std::mem::take(&mut inner.access);
            fresh.access.forget_tokens();
            *inner = fresh;
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn new(options: Options) -> Self {
        let (world, basics) = World::new(options);
        Self {
            world,
            access: Access::default(),
            traffic: Traffic::default(),
            basics,
        }
    }
}
