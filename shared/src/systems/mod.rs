//! Every outside system: one folder each, and the registry that opens them. A new system is a folder, a variant of
//! [`System`] and its arms here.

pub mod check;
pub mod fedex;
pub mod fusion;
mod hosts;
mod lines;
pub mod netsuite;
pub mod peoplesoft;
mod secret;
pub mod shipstation;
mod spelling;
#[cfg(test)]
mod stub;
pub mod ups;
pub mod webhooks;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::connection::{AddressPolicy, Connection, Shipper, SystemSettings};
use crate::domain::Refusal;
use crate::http::Client;
use crate::ports::{
    CallError, Carrier, Clock, Connections, Desk, Later, Limits, Mint, Opened, OrderSource, Recorder, Secrets,
    StoreError, Systems, TokenInUse, TokenKey, TokenRefresh, Tokens, TokensInUse,
};
use secret::{CachedSecrets, FromSecrets};

/// Every outside system, by the name that connections use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Oracle NetSuite.
    NetSuite,
    /// Oracle Fusion Cloud ERP.
    Fusion,
    /// Oracle PeopleSoft.
    PeopleSoft,
    /// United Parcel Service.
    Ups,
    /// Federal Express.
    FedEx,
    /// ShipStation, where people ship.
    ShipStation,
}

impl System {
    /// The system of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "netsuite" => Some(Self::NetSuite),
            "fusion" => Some(Self::Fusion),
            "peoplesoft" => Some(Self::PeopleSoft),
            "ups" => Some(Self::Ups),
            "fedex" => Some(Self::FedEx),
            "shipstation" => Some(Self::ShipStation),
            _ => None,
        }
    }
}

/// Under which name the fleet shares what it knows of a connection's account: its limits and how it fares.
///
/// Where the account's name is the customer's own choice, its address tells it from another customer's of the same name; where all
/// have one address, the customer's own secrets do.
pub fn account_of(settings: &SystemSettings) -> String {
    let account = settings.account.trim().to_ascii_uppercase().replace('-', "_");
    if System::named(&settings.system) == Some(System::ShipStation) {
        let owner = settings.secret.rsplit_once('/').map_or("", |(owner, _)| owner);
        return format!("{}:{account}@{owner}", settings.system);
    }
    let named_by_the_vendor = matches!(
        System::named(&settings.system),
        Some(System::NetSuite | System::Ups | System::FedEx)
    );
    match settings.base_url.as_ref().filter(|_| !named_by_the_vendor) {
        Some(base) => format!("{}:{account}@{}", settings.system, base.authority()),
        None => format!("{}:{account}", settings.system),
    }
}

/// The names of all ways into the two accounts of a connection under which the fleet shares how they fare, those of
/// [`account_of`] first.
pub fn ways_of(connection: &Connection) -> Vec<String> {
    let carrier = &connection.carrier;
    let rows = connection.accounts.iter().map(|rule| rule.account.number.as_str());
    let own = Some(carrier.account.trim()).filter(|number| !number.is_empty());
    let accounts = own.into_iter().chain(rows);
    let others = match System::named(&carrier.system) {
        Some(System::FedEx) => fedex::ways(accounts),
        Some(System::Ups) => ups::ways(accounts),
        _ => Vec::new(),
    };
    let mut ways = vec![account_of(&connection.erp), account_of(carrier)];
    for way in others {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

/// What an ERP's adapter is built upon.
#[derive(Clone)]
pub struct Ports {
    /// The pooled client.
    pub client: Client,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where exchanges are recorded.
    pub recorder: Recorder,
    /// The longest that one call may take.
    pub timeout: Duration,
    /// Tokens of the fleet.
    pub tokens: Arc<dyn Tokens>,
    /// Limits of the fleet.
    pub limits: Arc<dyn Limits>,
    /// Where a refresh token that has changed is kept.
    pub secrets: Arc<dyn Secrets>,
}

/// For how long a token counts as in use after a call.
const IN_USE: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// What every adapter is built upon.
#[derive(Clone)]
pub struct Registry {
    client: Client,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    tokens: Arc<dyn Tokens>,
    limits: Arc<dyn Limits>,
    secrets: Arc<CachedSecrets>,
    api: Option<Url>,
}

impl Registry {
    /// A registry over one pooled client; no call takes longer than `timeout`.
    pub fn new(
        client: Client,
        clock: Arc<dyn Clock>,
        timeout: Duration,
        tokens: Arc<dyn Tokens>,
        limits: Arc<dyn Limits>,
        secrets: Arc<dyn Secrets>,
    ) -> Self {
        let secrets = Arc::new(CachedSecrets::new(secrets, clock.clone()));
        Self {
            client,
            clock,
            timeout,
            tokens,
            limits,
            secrets,
            api: None,
        }
    }

    /// The same registry, which knows the public base address of our own API: vendors push to hooks below it.
    #[must_use]
    pub fn with_api(self, api: Option<Url>) -> Self {
        Self { api, ..self }
    }

    /// The keys by which vendors sign what they push, which are read from the vendor's own address; on a machine of one's own, from
    /// `elsewhere`.
    pub fn published_keys(&self, elsewhere: Option<Url>) -> shipstation::PublishedKeys {
        shipstation::PublishedKeys::new(self.client.clone(), self.clock.clone(), elsewhere)
    }

    /// The same registry, which remembers no secret that was read before now.
    #[must_use]
    pub fn with_fresh_secrets(&self) -> Self {
        Self {
            secrets: Arc::new(self.secrets.forgetful()),
            ..self.clone()
        }
    }

    async fn source(&self, connection: &Connection, recorder: &Recorder) -> Result<Arc<dyn OrderSource>, CallError> {
        match System::named(&connection.erp.system) {
            Some(System::NetSuite) => Ok(Arc::new(self.netsuite(connection, recorder).await?)),
            Some(System::Fusion) => Ok(Arc::new(self.fusion(connection, recorder).await?)),
            Some(System::PeopleSoft) => Ok(Arc::new(self.peoplesoft(connection, recorder).await?)),
            Some(System::Ups | System::FedEx | System::ShipStation) | None => Err(not_a("ERP", &connection.erp)),
        }
    }

    async fn carrier(&self, connection: &Connection, recorder: &Recorder) -> Result<Arc<dyn Carrier>, CallError> {
        match System::named(&connection.carrier.system) {
            Some(System::Ups) => Ok(Arc::new(self.ups(connection, recorder).await?)),
            Some(System::FedEx) => Ok(Arc::new(self.fedex(connection, recorder).await?)),
            Some(System::NetSuite | System::Fusion | System::PeopleSoft | System::ShipStation) | None => {
                Err(not_a("carrier that sells", &connection.carrier))
            }
        }
    }

    async fn netsuite(&self, connection: &Connection, recorder: &Recorder) -> Result<netsuite::NetSuite, CallError> {
        let secret = self.secret(&connection.erp).await?;
        netsuite::NetSuite::new(connection, &secret, self.ports(recorder)).map_err(CallError::Refused)
    }

    async fn fusion(&self, connection: &Connection, recorder: &Recorder) -> Result<fusion::Fusion, CallError> {
        let secret = self.secret(&connection.erp).await?;
        fusion::Fusion::new(connection, &secret, self.ports(recorder)).map_err(CallError::Refused)
    }

    async fn peoplesoft(
        &self,
        connection: &Connection,
        recorder: &Recorder,
    ) -> Result<peoplesoft::PeopleSoft, CallError> {
        let secret = self.secret(&connection.erp).await?;
        peoplesoft::PeopleSoft::new(connection, &secret, self.ports(recorder)).map_err(CallError::Refused)
    }

    /// What an ERP's adapter, and the authorisation of one, is built upon.
    pub fn ports(&self, recorder: &Recorder) -> Ports {
        Ports {
            client: self.client.clone(),
            clock: self.clock.clone(),
            recorder: recorder.clone(),
            timeout: self.timeout,
            tokens: self.tokens(),
            limits: self.limits.clone(),
            secrets: self.secrets.clone(),
        }
    }

    async fn ups(&self, connection: &Connection, recorder: &Recorder) -> Result<ups::Ups, CallError> {
        let secret = self.secret(&connection.carrier).await?;
        let opening = ups::Opening {
            settings: &connection.carrier,
            environment: connection.environment,
            connection: connection.id.clone(),
            secret: &secret,
            ship_from: connection.ship_from.default.clone(),
            accounts: connection.accounts.iter().map(|row| row.account.clone()).collect(),
            shipper: (connection.ship_from.of == Shipper::Supplier).then(|| connection.ship_from.default.clone()),
            client: self.client.clone(),
            clock: self.clock.clone(),
            recorder: recorder.clone(),
            timeout: self.timeout,
            tokens: self.tokens(),
            limits: self.limits.clone(),
            hook: self.hook(&connection.carrier).await,
        };
        ups::Ups::new(opening).map_err(CallError::Refused)
    }

    async fn fedex(&self, connection: &Connection, recorder: &Recorder) -> Result<fedex::FedEx, CallError> {
        let secret = self.secret(&connection.carrier).await?;
        let opening = fedex::Opening {
            settings: &connection.carrier,
            environment: connection.environment,
            connection: connection.id.clone(),
            secret: &secret,
            ship_from: connection.ship_from.default.clone(),
            accounts: connection.accounts.iter().map(|row| row.account.clone()).collect(),
            validates: connection.address != AddressPolicy::AsIs,
            client: self.client.clone(),
            clock: self.clock.clone(),
            recorder: recorder.clone(),
            timeout: self.timeout,
            tokens: self.tokens(),
            limits: self.limits.clone(),
        };
        fedex::FedEx::new(opening).map_err(CallError::Refused)
    }

    async fn shipstation(
        &self,
        connection: &Connection,
        recorder: &Recorder,
    ) -> Result<shipstation::ShipStation, CallError> {
        let secret = self.secret(&connection.carrier).await?;
        shipstation::ShipStation::new(connection, &secret, self.ports(recorder)).map_err(CallError::Refused)
    }

    /// Where people ship at a desk, each side is asked for two things: documents and stock, parcels and what people shipped.
    async fn open_with_desk(&self, connection: &Connection, recorder: Recorder) -> Result<Opened, CallError> {
        let erp = match System::named(&connection.erp.system) {
            Some(System::NetSuite) => Arc::new(self.netsuite(connection, &recorder).await?),
            _ => return Err(not_a("ERP beside a shipping desk", &connection.erp)),
        };
        let desk = Arc::new(self.shipstation(connection, &recorder).await?);
        Ok(Opened {
            source: erp.clone(),
            carrier: desk.clone(),
            desk: Some(Desk { desk, source: erp }),
            recorder,
        })
    }

    /// Where the carrier pushes news to, where it must be told. Whatever is wrong with that only means that nothing is pushed:
    /// nobody ships less for it.
    async fn hook(&self, settings: &SystemSettings) -> Option<ups::PushTarget> {
        let api = self.api.as_ref().filter(|_| ups::needs_hook(settings))?;
        match self.secrets.read(&hook_secret(&settings.secret)).await {
            Ok(secret) => ups::PushTarget::new(api, &secret?),
            Err(error) => {
                tracing::warn!(%error, "the hook's secret cannot be read");
                None
            }
        }
    }

    fn tokens(&self) -> Arc<dyn Tokens> {
        Arc::new(FromSecrets {
            tokens: self.tokens.clone(),
            secrets: self.secrets.clone(),
        })
    }

    async fn secret(&self, settings: &SystemSettings) -> Result<SecretString, CallError> {
        let secret = self.secrets.read(&settings.secret).await.map_err(our_store)?;
        secret.ok_or_else(|| {
            let words = format!(
                "there is no secret {0}: enter it with `waybill secret set {0}`",
                settings.secret
            );
            CallError::Refused(Refusal::new("no-secret", words))
        })
    }

    /// How a token of a connection's system is made, where it has one.
    async fn mint(&self, connection: &Connection, key: &TokenKey) -> Result<Option<Arc<dyn Mint>>, CallError> {
        let recorder = Recorder::default();
        match System::named(&key.system) {
            Some(System::NetSuite) => Ok(self.netsuite(connection, &recorder).await?.mint()),
            Some(System::Fusion) => Ok(self.fusion(connection, &recorder).await?.mint()),
            Some(System::PeopleSoft) => Ok(self.peoplesoft(connection, &recorder).await?.mint()),
            Some(System::Ups) => Ok(Some(
                self.ups(connection, &recorder).await?.mint_for(key.merchant.as_ref()),
            )),
            Some(System::FedEx) => Ok(self.fedex(connection, &recorder).await?.mint_for(key.merchant.as_ref())),
            // ShipStation's keys are sent as they are.
            Some(System::ShipStation) | None => Ok(None),
        }
    }
}

#[async_trait]
impl Systems for Registry {
    async fn open(&self, connection: &Connection) -> Result<Opened, CallError> {
        let recorder = Recorder::default();
        if System::named(&connection.carrier.system) == Some(System::ShipStation) {
            return self.open_with_desk(connection, recorder).await;
        }
        let source = self.source(connection, &recorder).await?;
        let carrier = self.carrier(connection, &recorder).await?;
        Ok(Opened {
            source,
            carrier,
            desk: None,
            recorder,
        })
    }

    fn tracks_at_once(&self, connection: &Connection) -> usize {
        match System::named(&connection.carrier.system) {
            Some(System::FedEx) => fedex::TRACKS_AT_ONCE,
            Some(System::Ups | System::NetSuite | System::Fusion | System::PeopleSoft | System::ShipStation) | None => {
                1
            }
        }
    }
}

/// Renews tokens in use, with the credentials of the connection that used each last.
pub struct Renewal {
    /// Opens the systems.
    pub registry: Registry,
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// What is in use.
    pub in_use: Arc<dyn TokensInUse>,
}

#[async_trait]
impl TokenRefresh for Renewal {
    async fn ending_soon(&self) -> Result<Vec<TokenInUse>, StoreError> {
        let now = self.registry.clock.now();
        let mut tokens = self.in_use.in_use(now - IN_USE).await?;
        tokens.retain(|token| token.expires_soon(now));
        Ok(tokens)
    }

    async fn refresh(&self, token: &TokenInUse) -> Result<(), CallError> {
        let gate = self.connections.gate(&token.key.connection).await.map_err(our_store)?;
        let Some(gate) = gate else { return Ok(()) };
        if let Some(mint) = self.registry.mint(&gate.connection, &token.key).await? {
            self.registry
                .tokens()
                .renew(&token.key, token.version, mint.as_ref())
                .await?;
        }
        Ok(())
    }
}

/// The name of the secret of a credential's hook.
pub fn hook_secret(credential: &str) -> String {
    format!("{credential}-hook")
}

fn not_a(role: &str, settings: &SystemSettings) -> CallError {
    let words = format!("{} is not an {role} that this version knows", settings.system);
    CallError::Refused(Refusal::new("unknown-system", words))
}

fn our_store(error: StoreError) -> CallError {
    CallError::Later(Later::our_store(&error))
}
