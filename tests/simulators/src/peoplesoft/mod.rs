//! A model of a customer's PeopleSoft FSCM behind its Integration Broker: queries run over REST, one custom write service,
//! users and an identity provider, and the people who work in the same installation.
//!
//! PeopleSoft offers nothing to others until the customer builds it, so this is what `examples/peoplesoft/queries.toml` asks
//! an analyst to build. Where the reference could not verify a habit, [`options::Options`] decides, so that a client can be
//! shown to live with either. Quirks are named in the module that has them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use simulators::peoplesoft::{PeopleSoft, access::User, demo, options::Options};
//!
//! let running = PeopleSoft::start(Options::default(), Default::default(), 0).await?;
//! let peoplesoft = running.peoplesoft;
//! peoplesoft.register(|access| access.add_user(User::new("WAYBILL", "secret")));
//! peoplesoft.act(|world, now| demo::demo_orders(20, 1).iter().try_for_each(|one| one.enter(world, now).map(|_| ())))?;
//! println!("{} {}", running.url, peoplesoft.books().documents.len());
//! # Ok(()) }
//! ```

pub mod access;
pub mod acts;
mod answer;
pub mod basics;
pub mod books;
mod cells;
mod control;
pub mod define;
pub mod demo;
pub mod model;
pub mod options;
pub mod people;
mod prompts;
mod queries;
mod selection;
mod server;
#[cfg(test)]
mod tests;
pub mod track;
pub mod world;

use crate::server::{Base, Local, Serving, local, serve};
use access::Access;
use axum::Router;
use books::{Books, Traffic};
use jiff::Timestamp;
use options::Options;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use world::World;

/// A simulated installation; clones share it.
#[derive(Clone, Debug)]
pub struct PeopleSoft {
    /// Clock, faults and request log.
    pub base: Base,
    inner: Arc<Mutex<Inner>>,
    start: Options,
}

#[derive(Debug, Default)]
struct Inner {
    world: World,
    access: Access,
    traffic: Traffic,
}

/// An installation that is being served: stops when dropped.
#[derive(Debug)]
pub struct Running {
    /// The installation itself, for books and people's acts in process.
    pub peoplesoft: PeopleSoft,
    /// Its base URL; the service operations lie under [`Options::services`], the token endpoint under [`access::TOKEN_PATH`].
    pub url: String,
    /// The server.
    pub serving: Serving,
}

impl PeopleSoft {
    /// Starts an installation on 127.0.0.1; `port` 0 takes any free one.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn start(options: Options, base: Base, port: u16) -> io::Result<Running> {
        let peoplesoft = Self::new(options, base);
        let serving = peoplesoft.serve(port).await?;
        Ok(Running {
            url: serving.url(),
            peoplesoft,
            serving,
        })
    }

    /// An installation with the basic business units, vendors, locations and items, and no documents.
    pub fn new(options: Options, base: Base) -> Self {
        Self {
            base,
            inner: Arc::new(Mutex::new(Inner::new(options.clone()))),
            start: options,
        }
    }

    /// Serves the installation on 127.0.0.1; port 0 takes any free one.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn serve(&self, port: u16) -> io::Result<Serving> {
        serve(Arc::new(self.clone()), self.routes(), self.base.clone(), port).await
    }

    /// How to ask the installation in this process, without sockets.
    pub fn here(&self) -> Local {
        local(Arc::new(self.clone()), self.routes(), self.base.clone())
    }

    fn routes(&self) -> Router {
        control::routes(self.clone()).merge(server::routes(self.clone()))
    }

    /// Somebody acts in the installation: the closure gets the database and the time.
    pub fn act<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let now = self.base.clock.now();
        self.with(|inner| {
            inner.world.settle(now);
            act(&mut inner.world, now)
        })
    }

    /// Registers users and clients of the identity provider.
    pub fn register<T>(&self, act: impl FnOnce(&mut Access) -> T) -> T {
        self.with(|inner| act(&mut inner.access))
    }

    /// Changes settings while the installation runs.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        self.with(|inner| change(&mut inner.world.options));
    }

    /// The tokens that are good still, or were until their time was over.
    pub fn tokens(&self) -> Vec<String> {
        self.with(|inner| inner.access.given())
    }

    /// Revokes every token given out so far.
    pub fn expire_tokens(&self) {
        self.with(|inner| inner.access.expire_tokens());
    }

    /// What really happened.
    pub fn books(&self) -> Books {
        let now = self.base.clock.now();
        let requests = self.base.requests.counts().by_operation;
        self.with(|inner| {
            inner.world.settle(now);
            books::of(&inner.world, &inner.access, &inner.traffic, requests)
        })
    }

    /// Back to the start: no documents, first settings, no tokens or locks. Registered users and clients stay.
    pub fn reset(&self) {
        self.with(|inner| {
            let mut fresh = Inner::new(self.start.clone());
            fresh.access = std::mem::take(&mut inner.access);
            fresh.access.forget();
            *inner = fresh;
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn new(options: Options) -> Self {
        let mut world = World::new(options);
        basics::define(&mut world);
        Self {
            world,
            ..Self::default()
        }
    }
}
