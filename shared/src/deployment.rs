//! A deployment put together: the flows over the ports on AWS. The only place that knows both.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::Aws;
use crate::config::Config;
use crate::flows::advance::Advance;
use crate::flows::deliver::Deliver;
use crate::flows::operate::Operate;
use crate::flows::plan::Plan;
use crate::flows::poll::Poll;
use crate::flows::refresh::Refresh;
use crate::flows::sweep::Sweep;
use crate::http::{self, SharedTokens};
use crate::ports::Systems;
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
    /// Opens what the environment names.
    ///
    /// # Errors
    /// When the HTTP client cannot be built, which only a broken machine causes.
    pub async fn open(config: Config) -> Result<Self, reqwest::Error> {
        let aws = Aws::open(&config).await;
        Self::over(config, aws)
    }

    /// The same over AWS clients that were made elsewhere.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn over(config: Config, aws: Aws) -> Result<Self, reqwest::Error> {
        let (store, clock) = (aws.dynamo.clone(), aws.clock.clone());
        let tokens = SharedTokens::new(store.clone(), aws.sealer.clone(), clock.clone(), aws.nonces.clone());
        let timeout = Duration::try_from(config.timing.call).unwrap_or(Duration::from_secs(30));
        let registry = Registry::new(
            http::client()?,
            clock,
            timeout,
            Arc::new(tokens),
            store,
            aws.secrets.clone(),
        );
        Ok(Self { config, aws, registry })
    }

    fn systems(&self) -> Arc<dyn Systems> {
        Arc::new(self.registry.clone())
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
            spending: store,
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
            jobs: store,
            queue: self.aws.queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
        }
    }

    /// Re-queues what is due.
    pub fn sweep(&self) -> Sweep {
        let store = self.aws.dynamo.clone();
        Sweep {
            due: store.clone(),
            jobs: store,
            queue: self.aws.queue.clone(),
            clock: self.aws.clock.clone(),
            nonces: self.aws.nonces.clone(),
            timing: self.config.timing.clone(),
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
