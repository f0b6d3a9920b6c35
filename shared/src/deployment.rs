//! A deployment put together: the flows over the ports on AWS. The only place that knows both.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::{Aws, JointSpending, SharedSlots};
use crate::config::Config;
use crate::flows::advance::Advance;
use crate::flows::customers::Customers;
use crate::flows::deliver::Deliver;
use crate::flows::label_link::{Keyring, LabelLink, SealedLinks};
use crate::flows::operate::Operate;
use crate::flows::order_status::OrderStatus;
use crate::flows::outward::Outward;
use crate::flows::plan::Plan;
use crate::flows::poll::Poll;
use crate::flows::receive::Receive;
use crate::flows::reconcile::{Patience, Reconcile};
use crate::flows::refresh::Refresh;
use crate::flows::remembered::Remembered;
use crate::flows::renew::Renew;
use crate::flows::stock::Stock;
use crate::flows::sweep::Sweep;
use crate::flows::track::Track;
use crate::flows::track_poll::TrackPoll;
use crate::http::{self, SharedTokens};
use crate::ports::Systems;
use crate::systems::webhooks::Vendors;
use crate::systems::{Registry, Renewal};

/// Everything that one process needs, opened once.
pub struct Deployment {
    /// What the environment says.
    pub config: Config,
    /// The ports on AWS.
    pub aws: Aws,
    /// The outside systems.
    pub registry: Registry,
}

impl Deployment {
    /// Opens what the environment names. What reaches anybody is made when it is first needed.
    pub async fn open(config: Config) -> Self {
        let aws = Aws::open(&config).await;
        Self::assembled(config, aws, http::client_when_needed())
    }

    /// The same over AWS clients that were made elsewhere.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn over(config: Config, aws: Aws) -> Result<Self, reqwest::Error> {
        Ok(Self::assembled(config, aws, http::client()?))
    }

    fn assembled(config: Config, aws: Aws, client: http::Client) -> Self {
        let (store, clock) = (aws.dynamo.clone(), aws.clock.clone());
        let tokens = SharedTokens::new(store.clone(), aws.sealer.clone(), clock.clone(), aws.nonces.clone());
        let timeout = Duration::try_from(config.timing.call).unwrap_or(Duration::from_secs(30));
        let limits = Arc::new(SharedSlots::new(store, clock.clone()));
        let secrets = aws.secrets.clone();
        let registry = Registry::new(client, clock, timeout, Arc::new(tokens), limits, secrets);
        let api = config.api.as_deref().and_then(|api| api.parse().ok());
        let registry = registry.with_api(api);
        Self { config, aws, registry }
    }

    /// The systems for whoever asks for no pushes: the secret of a hook is not read for them.
    fn systems(&self) -> Arc<dyn Systems> {
        Arc::new(self.registry.clone().with_api(None))
    }

    /// Advances jobs.
    pub fn advance(&self) -> Advance {
        let store = self.aws.dynamo.clone();
        Advance {
            jobs: store.clone(),
            documents: store.clone(),
            controls: store.clone(),
            connections: store.clone(),
            systems: self.systems(),
            labels: self.aws.bucket.clone(),
            links: Arc::new(self.label_links()),
            spending: Arc::new(JointSpending::new(store)),
            queue: self.aws.queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
        }
    }

    /// Deals with messages of the queue.
    pub fn deliver(&self) -> Deliver {
        Deliver {
            advance: self.advance(),
            dead_letters: self.aws.dead_letters.clone(),
        }
    }

    /// Polls ERPs.
    pub fn poll(&self) -> Poll {
        let store = self.aws.dynamo.clone();
        Poll {
            connections: store.clone(),
            systems: self.systems(),
            cursors: store.clone(),
            documents: store.clone(),
            jobs: store.clone(),
            stories: store,
            queue: self.aws.queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
        }
    }

    /// Tells desks of stock.
    pub fn stock(&self) -> Stock {
        let store = self.aws.dynamo.clone();
        Stock {
            connections: store.clone(),
            systems: self.systems(),
            books: store,
            queue: self.aws.stock_queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
        }
    }

    /// Tells desks of customers.
    pub fn customers(&self) -> Customers {
        let store = self.aws.dynamo.clone();
        Customers {
            connections: store.clone(),
            systems: self.systems(),
            books: store,
            queue: self.aws.stock_queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
        }
    }

    /// Deals with messages of the stock queue.
    pub fn outward(&self) -> Outward {
        Outward {
            stock: self.stock(),
            customers: self.customers(),
            dead_letters: self.aws.stock_dead_letters.clone(),
        }
    }

    /// Re-queues what is due.
    pub fn sweep(&self) -> Sweep {
        let store = self.aws.dynamo.clone();
        Sweep {
            due: store.clone(),
            directory: store.clone(),
            jobs: store,
            queue: self.aws.queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
        }
    }

    /// Compares all sides.
    pub fn reconcile(&self) -> Reconcile {
        let store = self.aws.dynamo.clone();
        Reconcile {
            connections: store.clone(),
            systems: self.systems(),
            cursors: store.clone(),
            documents: store.clone(),
            jobs: store.clone(),
            directory: store.clone(),
            runs: store,
            queue: self.aws.queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
            patience: Patience::default(),
        }
    }

    /// Renews tokens.
    pub fn refresh(&self) -> Refresh {
        let store = self.aws.dynamo.clone();
        let renewal = Renewal {
            registry: self.registry.clone(),
            connections: store.clone(),
            in_use: store,
        };
        Refresh {
            tokens: Arc::new(renewal),
            clock: self.aws.clock.clone(),
        }
    }

    /// Takes webhooks.
    pub fn receive(&self) -> Receive {
        let store = self.aws.dynamo.clone();
        Receive {
            hooks: store.clone(),
            webhooks: Arc::new(Vendors),
            secrets: self.aws.secrets.clone(),
            signing_keys: Arc::new(self.registry.published_keys(self.config.signing_keys.clone())),
            captures: store,
            queue: self.aws.tracking_queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            found: Remembered::default(),
            read: Remembered::default(),
        }
    }

    /// Deals with messages of the tracking queue.
    pub fn track(&self) -> Track {
        let store = self.aws.dynamo.clone();
        Track {
            parcels: store.clone(),
            covers: store.clone(),
            tellings: store.clone(),
            documents: store.clone(),
            controls: store.clone(),
            connections: store.clone(),
            systems: Arc::new(self.registry.clone()),
            captures: store.clone(),
            hooks: store,
            webhooks: Arc::new(Vendors),
            poll: self.poll(),
            queue: self.aws.tracking_queue.clone(),
            dead_letters: self.aws.tracking_dead_letters.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
            tell_after: self.config.tell_after,
        }
    }

    /// Makes the round of parcels, webhooks and carriers' lists.
    pub fn track_poll(&self) -> TrackPoll {
        let store = self.aws.dynamo.clone();
        TrackPoll {
            track: self.track(),
            cursors: store.clone(),
            runs: store,
        }
    }

    /// Asks for promises to push news. Made for each run: a promise must name no key that was rotated before.
    pub fn renew(&self) -> Renew {
        Renew {
            track: Track {
                systems: Arc::new(self.registry.with_fresh_secrets()),
                ..self.track()
            },
            covers: self.aws.dynamo.clone(),
        }
    }

    /// Answers how orders fare.
    pub fn order_status(&self) -> OrderStatus {
        let store = self.aws.dynamo.clone();
        OrderStatus {
            connections: store.clone(),
            directory: store.clone(),
            parcels: store.clone(),
            secrets: self.aws.secrets.clone(),
            limits: store,
            clock: self.aws.clock.clone(),
            read: Remembered::default(),
        }
    }

    /// Makes links to labels.
    pub fn label_links(&self) -> SealedLinks {
        SealedLinks {
            api: self.config.api.clone(),
            keyring: self.keyring(),
        }
    }

    /// Opens links to labels.
    pub fn label_link(&self) -> LabelLink {
        LabelLink {
            jobs: self.aws.dynamo.clone(),
            door: self.aws.bucket.clone(),
            keyring: self.keyring(),
            clock: self.aws.clock.clone(),
        }
    }

    fn keyring(&self) -> Keyring {
        Keyring {
            secrets: self.aws.secrets.clone(),
            name: self.config.label_keys.clone(),
            clock: self.aws.clock.clone(),
            read: Remembered::default(),
        }
    }

    /// What an operator does to jobs.
    pub fn operate(&self) -> Operate {
        let store = self.aws.dynamo.clone();
        Operate {
            jobs: store.clone(),
            documents: store.clone(),
            connections: store,
            systems: self.systems(),
            queue: self.aws.queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
        }
    }

    /// What would ship.
    pub fn plan(&self) -> Plan {
        Plan {
            systems: self.systems(),
            documents: self.aws.dynamo.clone(),
        }
    }
}
