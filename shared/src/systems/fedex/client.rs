//! The calls: thin, one per operation, each classified by `http::read` or `http::effect` and read by `convert`.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::account::{self, Account};
use super::look::TRACKS_AT_ONCE;
use crate::connection::{Environment, SystemSettings};
use crate::domain::{
    Address, AddressVerdict, CarrierShipmentId, ConnectionId, JobId, LabelFormat, LabelImage, Offer, Pace, RateRequest,
    Refusal, Shipment, ShipmentRequest, Stretch,
};
use crate::http::{self, Answer, Basic, Bearer, Call, ClientAuthentication, ClientCredentials, Endpoint, Lane, Lost};
use crate::ports::{
    Asked, CallError, Carrier, Clock, Control, Draft, EffectError, Finding, LabelError, Limits, ListPage, Listing,
    Mint, News, Permit, Purchased, Push, Recorder, Sighting, Subscribed, TokenKey, Tokens, VoidError,
};

/// Everything that a FedEx adapter is built from.
pub struct Opening<'a> {
    /// The connection's settings of the carrier.
    pub settings: &'a SystemSettings,
    /// Which of FedEx's worlds.
    pub environment: Environment,
    /// The connection.
    pub connection: ConnectionId,
    /// The content of the secret.
    pub secret: &'a SecretString,
    /// The address from which the connection ships, for [`Carrier::check`].
    pub ship_from: Address,
    /// The pooled client.
    pub client: http::Client,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where exchanges are recorded.
    pub recorder: Recorder,
    /// The longest that one call may take.
    pub timeout: Duration,
    /// Tokens shared by the fleet.
    pub tokens: Arc<dyn Tokens>,
    /// Limits shared by the fleet.
    pub limits: Arc<dyn Limits>,
}

/// One FedEx account as one connection reaches it.
pub struct FedEx {
    pub(super) account: Account,
    pub(super) track: Project,
}

/// The project that has Track.
pub(super) struct Project {
    pub(super) endpoint: Endpoint,
    bearer: Bearer,
}

impl FedEx {
    /// Builds the adapter, or says what is wrong with the settings or the secret.
    pub fn new(opening: Opening<'_>) -> Result<Self, Refusal> {
        let account = account::read(opening.settings)?;
        let (api_key, secret_key) = account::credentials(opening.secret)?;
        let api = Endpoint {
            client: opening.client,
            system: "fedex",
            base: account.base.clone(),
            vendor_ids: &[],
            clock: opening.clock,
            recorder: opening.recorder,
            timeout: opening.timeout,
            lane: Lane {
                limits: opening.limits,
                account: format!("fedex:{}", account.number),
                slots: None,
                rate: None,
                lease: opening.timeout * 2,
                pause: Duration::from_secs(10),
                lockout: None,
            },
        };
        let mut tokens = api.clone();
        tokens.lane.account = "fedex-token:address".to_owned();
        let mint = ClientCredentials {
            endpoint: tokens,
            path: "/oauth/token".to_owned(),
            client: Basic {
                user: api_key,
                password: secret_key,
            },
            authentication: ClientAuthentication::Form,
            scope: None,
        };
        let key = TokenKey {
            system: "fedex".to_owned(),
            credential: opening.settings.secret.clone(),
            client: "project".to_owned(),
            merchant: None,
            connection: opening.connection,
        };
        Ok(Self {
            account,
            track: Project {
                bearer: Bearer::new(key, opening.tokens, Arc::new(mint)),
                endpoint: api,
            },
        })
    }

    /// Asks Track.
    pub(super) async fn ask_track(&self, call: Call) -> Result<Answer, Lost> {
        self.track.endpoint.send(&call, &self.track.bearer, None).await
    }

    /// How a token of a project is made, for the refresher: `track` names the tracking project, nothing the shipping one.
    pub fn mint_for(&self, _project: Option<&String>) -> Option<Arc<dyn Mint>> {
        None
    }
}

fn unwritten() -> Refusal {
    Refusal::new("unwritten", "not yet")
}

#[async_trait::async_trait]
impl Carrier for FedEx {
    async fn validate(&self, _address: &Address) -> Result<AddressVerdict, CallError> {
        Err(CallError::Refused(unwritten()))
    }

    async fn offers(&self, _request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        Err(CallError::Refused(unwritten()))
    }

    fn draft(&self, _request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Err(unwritten())
    }

    async fn create(&self, _draft: &Draft, _permit: Permit) -> Result<Purchased, EffectError> {
        Err(EffectError::Rejected(unwritten()))
    }

    async fn find(&self, draft_reference: &JobId, _control: Option<&Control>) -> Result<Sighting, CallError> {
        Ok(Sighting {
            found: self.by_reference(draft_reference).await?,
            control_seen: false,
        })
    }

    async fn labels(&self, _shipment: &Shipment, _format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        Err(LabelError::Gone(unwritten()))
    }

    async fn void(&self, _shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        Err(VoidError::Refused(unwritten()))
    }

    fn listing(&self) -> Result<Listing, String> {
        Err("FedEx keeps no list of shipments that can be asked for: jobs are looked up one by one".to_owned())
    }

    async fn list(&self, _stretch: Stretch, _page: Option<&str>) -> Result<ListPage, CallError> {
        Err(CallError::Refused(unwritten()))
    }

    async fn shipment(&self, id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        self.known(id).await
    }

    fn absence_proves(&self) -> bool {
        false
    }

    async fn track(&self, number: &str) -> Result<Option<News>, CallError> {
        self.news(number).await
    }

    async fn track_many(&self, asked: &[Asked<'_>]) -> Vec<Result<Option<News>, CallError>> {
        self.news_of(asked).await
    }

    fn tracks_at_once(&self) -> usize {
        TRACKS_AT_ONCE
    }

    fn pace(&self) -> Pace {
        Pace::Steady
    }

    fn push(&self) -> Result<Push, String> {
        Err("FedEx is told in its portal what to push, not by us".to_owned())
    }

    async fn subscribe(&self, _numbers: &[String]) -> Result<Subscribed, CallError> {
        Err(CallError::Refused(unwritten()))
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}
