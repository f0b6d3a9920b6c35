//! The calls: thin, one per operation, each classified by `http::read` or `http::effect` and read by `convert`.

use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Serialize;

use super::account::{self, Account, Credential, TrackAlert};
use super::convert::{self, Sender};
use super::look::{includes, path_segment};
use super::push::{self, PUSH, PushTarget};
use super::token::{Issuer, client_digest, key};
use crate::connection::{Environment, Mistake, SystemSettings};
use crate::domain::{
    Address, AddressVerdict, CarrierAccount, CarrierShipmentId, ConnectionId, JobId, LabelFormat, LabelImage, Offer,
    RateRequest, Readiness, Refusal, Shipment, ShipmentRequest, Stretch,
};
use crate::http::{self, Answer, Bearer, Call, Endpoint, Lane, Lost};
use crate::ports::{
    CallError, Carrier, Clock, Control, Draft, EffectError, Finding, LabelError, Later, Limits, ListPage, Listing,
    Mint, News, Obstacle, Permit, Purchased, Push, Recorder, Sighting, Subscribed, TokenKey, Tokens, VoidError,
};

const OPERATION: &str = "ups.ship";
/// What the ways of an account into UPS are called.
const SHIPPING: &str = "ups";
const TRACKING: &str = "ups-tracking";
const ALERTS: &str = "ups-alerts";
/// Quantum View takes a week into the past. An hour less, for a run takes its time.
const LISTING: Listing = Listing {
    longest: SignedDuration::from_hours(7 * 24 - 1),
    reach: SignedDuration::from_hours(7 * 24 - 1),
};
/// Neither signatures nor pictures: only what happened.
const TRACKED: &str = "locale=en_US&returnSignature=false&returnMilestones=false&returnPOD=false";
/// UPS names no wait after a 429.
const PAUSE: Duration = Duration::from_secs(30);

/// Everything that a UPS adapter is built from.
pub struct Opening<'a> {
    /// The connection's settings of the carrier.
    pub settings: &'a SystemSettings,
    /// Which of UPS's worlds.
    pub environment: Environment,
    /// The connection.
    pub connection: ConnectionId,
    /// The content of the secret: `{"client_id", "client_secret"}`.
    pub secret: &'a SecretString,
    /// The address from which the connection ships, for [`Carrier::check`].
    pub ship_from: Address,
    /// The account's own address, where goods leave somebody else and the settings name none.
    pub shipper: Option<Address>,
    /// The accounts under which the connection ships beside its own.
    pub accounts: Vec<CarrierAccount>,
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
    /// Where Track Alert v1 pushes to, where there is such an address.
    pub hook: Option<PushTarget>,
}

/// The names of all ways of these accounts into UPS, as the fleet shares how they fare.
pub fn ways<'a>(accounts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let of = |number: &str| [SHIPPING, TRACKING, ALERTS].map(|way| format!("{way}:{number}"));
    accounts.flat_map(of).collect()
}

/// One UPS account as one connection reaches it.
pub struct Ups {
    pub(super) account: Account,
    /// Shipping: what orders wait for.
    pub(super) api: Endpoint,
    /// Tracking and Quantum View. A way of its own: whatever befalls it stops no shipment.
    tracking: Endpoint,
    /// Track Alert, likewise.
    alerts: Endpoint,
    bearer: Bearer,
    pub(super) tokens: Arc<dyn Tokens>,
    pub(super) mint: Arc<dyn Mint>,
    pub(super) key: TokenKey,
    pub(super) ship_from: Address,
    hook: Option<PushTarget>,
    credential: Credential,
    pub(super) accounts: Vec<CarrierAccount>,
}

impl Ups {
    /// Builds the adapter, or says what is wrong with the settings or the secret.
    pub fn new(opening: Opening<'_>) -> Result<Self, Refusal> {
        let mut account = account::read(opening.settings, opening.environment).map_err(|mistakes| words(&mistakes))?;
        account.options.shipper = account.options.shipper.or_else(|| opening.shipper.clone());
        let credential = account::credential(opening.secret)?;
        let key = key(
            &account,
            &opening.settings.secret,
            &credential.client_id,
            &opening.connection,
        );
        let way = endpoint(&opening, &account);
        let (ship_from, hook) = (opening.ship_from, opening.hook);
        Ok(Self {
            accounts: opening.accounts,
            ..Self::build(account, credential, key, &way, opening.tokens, ship_from, hook)
        })
    }

    fn build(
        account: Account,
        credential: Credential,
        key: TokenKey,
        any: &Endpoint,
        tokens: Arc<dyn Tokens>,
        ship_from: Address,
        hook: Option<PushTarget>,
    ) -> Self {
        let way = |name: &str, of: &str, rate| {
            let mut way = any.clone();
            way.lane.account = format!("{name}:{of}");
            way.lane.rate = rate;
            way
        };
        let rate = account.options.rate_limit;
        let mint: Arc<dyn Mint> = Arc::new(Issuer::new(
            way("ups-token", &client_digest(&credential.client_id), None),
            credential.clone(),
            account.options.merchant_id.clone(),
        ));
        Self {
            api: way(SHIPPING, &account.number, rate),
            tracking: way(TRACKING, &account.number, rate),
            alerts: way(ALERTS, &account.number, rate),
            bearer: Bearer::new(key.clone(), tokens.clone(), mint.clone()),
            tokens,
            ship_from,
            hook,
            mint,
            key,
            account,
            credential,
            accounts: Vec::new(),
        }
    }

    /// The same credential under another account.
    pub(super) fn of(&self, account: &CarrierAccount) -> Self {
        let merchant = account
            .merchant
            .clone()
            .or_else(|| self.account.options.merchant_id.clone());
        let own = Account {
            number: account.number.clone(),
            options: account::Options {
                merchant_id: merchant.clone(),
                ..self.account.options.clone()
            },
            ..self.account.clone()
        };
        let key = TokenKey {
            merchant,
            ..self.key.clone()
        };
        let (ship_from, hook) = (self.ship_from.clone(), self.hook.clone());
        Self::build(
            own,
            self.credential.clone(),
            key,
            &self.api,
            self.tokens.clone(),
            ship_from,
            hook,
        )
    }

    /// Under which key the fleet shares this connection's token.
    pub fn token_key(&self) -> &TokenKey {
        &self.key
    }

    /// How a token of this connection is made, for the refresher.
    pub fn mint(&self) -> Arc<dyn Mint> {
        self.mint.clone()
    }

    /// How a token of a merchant is made, under this app.
    pub fn mint_for(&self, merchant: Option<&String>) -> Arc<dyn Mint> {
        let account = CarrierAccount {
            number: self.account.number.clone(),
            merchant: merchant.cloned(),
        };
        self.of(&account).mint()
    }

    /// Where news are pushed to: nothing to name under v2; or why they cannot be.
    fn destination(&self) -> Result<Option<&PushTarget>, String> {
        match (self.account.options.track_alert, &self.hook) {
            (TrackAlert::Off, _) => Err(push::OFF.to_owned()),
            (TrackAlert::V2, Some(_)) => Ok(None),
            (TrackAlert::V1, Some(hook)) if hook.credential.is_some() => Ok(Some(hook)),
            (TrackAlert::V1 | TrackAlert::V2, _) => Err(push::NO_HOOK.to_owned()),
        }
    }

    fn sender(&self) -> Sender<'_> {
        Sender { account: &self.account }
    }

    pub(super) async fn send(&self, call: Call, permit: Option<Permit>) -> Result<Answer, Lost> {
        self.send_by(&self.api, call, permit).await
    }

    async fn send_by(&self, way: &Endpoint, call: Call, permit: Option<Permit>) -> Result<Answer, Lost> {
        let call = call
            .header("transId", transaction()?)
            .header("transactionSrc", "waybill");
        way.send(&call, &self.bearer, permit).await
    }

    pub(super) async fn read(&self, call: Call) -> Result<Answer, CallError> {
        http::read(self.send(call, None).await, convert::envelope)
    }
}

fn words(mistakes: &[Mistake]) -> Refusal {
    let each = mistakes.iter().map(ToString::to_string);
    Refusal::new(
        "settings",
        format!(
            "the UPS settings are not usable: {}",
            each.collect::<Vec<_>>().join("; ")
        ),
    )
}

/// The account's address; each way has a lane of its own.
fn endpoint(opening: &Opening<'_>, account: &Account) -> Endpoint {
    Endpoint {
        client: opening.client.clone(),
        system: "ups",
        base: account.base.clone(),
        vendor_ids: &["transid", "bkndtransid"],
        clock: opening.clock.clone(),
        recorder: opening.recorder.clone(),
        timeout: opening.timeout,
        lane: Lane {
            limits: opening.limits.clone(),
            account: String::new(),
            slots: None,
            rate: None,
            counted_as: None,
            lease: opening.timeout * 2,
            pause: PAUSE,
            lockout: None,
            forbids: None,
        },
    }
}

/// An id of 32 characters that no other request has.
fn transaction() -> Result<String, Lost> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| {
        Lost::NotSent(Later::new(
            Obstacle::Unreachable,
            "this machine gives no random numbers",
        ))
    })?;
    Ok(HEXLOWER.encode(&bytes))
}

pub(super) fn post(operation: &'static str, path: &str, body: &impl Serialize) -> Result<Call, Refusal> {
    let body = serde_json::to_value(body).map_err(|_| Refusal::new("request", "the request cannot be written"))?;
    Ok(Call::new(operation, Method::POST, path).json(&body))
}

#[async_trait::async_trait]
impl Carrier for Ups {
    fn under(&self, account: &CarrierAccount) -> Result<Arc<dyn Carrier>, Refusal> {
        Ok(Arc::new(self.of(account)))
    }

    async fn validate(&self, address: &Address) -> Result<AddressVerdict, CallError> {
        if !convert::covers(&address.country) {
            return Ok(AddressVerdict::NotCovered);
        }
        let call = post("validate", "/api/addressvalidation/v2/3", &convert::question(address));
        convert::verdict(address, self.read(call.map_err(CallError::Refused)?).await)
    }

    async fn ready(&self) -> Result<Readiness, CallError> {
        self.api.ready().await
    }

    async fn offers(&self, request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        let body = convert::rate(self.sender(), request).map_err(CallError::Refused)?;
        let call = post("rate", "/api/rating/v2409/Shop?additionalinfo=timeintransit", &body);
        convert::offers(&self.read(call.map_err(CallError::Refused)?).await?)
    }

    fn draft(&self, request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: OPERATION.to_owned(),
            body: convert::ship(self.sender(), request)?,
        })
    }

    async fn create(&self, draft: &Draft, permit: Permit) -> Result<Purchased, EffectError> {
        let call = Call::new("ship", Method::POST, "/api/shipments/v2409/ship").json(&draft.body);
        let answer = http::effect(self.send(call, Some(permit)).await, convert::envelope)?;
        convert::purchased(&answer.body, &draft.body)
            .ok_or_else(|| EffectError::Unknown("the answer names no shipment".to_owned()))
    }

    async fn find(&self, draft_reference: &JobId, control: Option<&Control>) -> Result<Sighting, CallError> {
        let control_seen = match control {
            Some(control) => self.sees(control).await.map_err(CallError::Later)?,
            None => false,
        };
        let found = self.look(draft_reference).await.map_err(CallError::Later)?;
        Ok(Sighting { found, control_seen })
    }

    async fn labels(&self, shipment: &Shipment, format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        let mut labels: Vec<LabelImage> = Vec::new();
        for number in shipment.tracking_numbers() {
            if !includes(&labels, number) {
                self.add_labels(&mut labels, number, format).await?;
            }
        }
        Ok(labels)
    }

    async fn void(&self, shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        let id = shipment.as_str().trim().to_ascii_uppercase();
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(VoidError::Refused(Refusal::new(
                "190100",
                format!("{id:?} is no UPS shipment number"),
            )));
        }
        let call = Call::new("void", Method::DELETE, format!("/api/shipments/v2409/void/cancel/{id}"));
        convert::voided(self.read(call).await)
    }

    fn listing(&self) -> Result<Listing, String> {
        if self.account.options.quantum_view.is_some() {
            return Ok(LISTING);
        }
        Err(
            "it is not turned on: subscribe to Quantum View's outbound files at ups.com for the app's user, and name the \
             subscription as `quantum_view` under `[carrier]` of the connection's file"
                .to_owned(),
        )
    }

    async fn list(&self, stretch: Stretch, page: Option<&str>) -> Result<ListPage, CallError> {
        let Some(subscription) = &self.account.options.quantum_view else {
            let words = "the connection names no Quantum View subscription";
            return Err(CallError::Refused(Refusal::new("quantum-view", words)));
        };
        let body = convert::list_request(subscription, stretch, page);
        let call = post("quantum-view", "/api/quantumview/v3/events", &body).map_err(CallError::Refused)?;
        let answer = self.send_by(&self.tracking, call, None).await;
        convert::list_page(&http::read(answer, convert::envelope)?, page)
    }

    async fn shipment(&self, id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        self.known(id.as_str()).await
    }

    fn absence_proves(&self) -> bool {
        true
    }

    async fn track(&self, number: &str) -> Result<Option<News>, CallError> {
        let number = number.trim();
        let legal = (7..=34).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !legal {
            let words = format!("{number:?} is no tracking number");
            return Err(CallError::Refused(Refusal::new("TV1002", words)));
        }
        let path = format!("/api/track/v1/details/{}?{TRACKED}", path_segment(number));
        let call = Call::new("track", Method::GET, path);
        let answer = self.send_by(&self.tracking, call, None).await;
        // Forbidden is who asks, whatever the number.
        if answer.as_ref().is_ok_and(|answer| answer.status == 403) {
            let words =
                "UPS lets this app track nothing (status 403): add the product Tracking to it at developer.ups.com";
            return Err(CallError::Later(Later::new(Obstacle::Unauthorised, words)));
        }
        convert::news(http::read(answer, convert::track_envelope), number)
    }

    fn push(&self) -> Result<Push, String> {
        self.destination().map(|_| PUSH)
    }

    async fn subscribe(&self, numbers: &[String]) -> Result<Subscribed, CallError> {
        let refused = |code: &str, words: String| CallError::Refused(Refusal::new(code, words));
        let destination = self.destination().map_err(|why| refused("track-alert", why))?;
        if numbers.is_empty() {
            return Ok(Subscribed::default());
        }
        if numbers.len() > PUSH.batch {
            let words = format!("{} numbers are too many for one subscription", numbers.len());
            return Err(refused("VSS220", words));
        }
        let version = if destination.is_some() { "v1" } else { "v2" };
        let path = format!("/api/track/{version}/subscription/standard/package");
        let parts = destination.map(PushTarget::parts);
        let body = convert::subscription(numbers, parts);
        let call = post("subscribe", &path, &body).map_err(CallError::Refused)?;
        convert::subscribed(self.send_by(&self.alerts, call, None).await, numbers)
    }

    async fn check(&self) -> Vec<Finding> {
        let token = self.check_token().await;
        let usable = token.result.is_ok();
        let mut findings = vec![token];
        if usable {
            findings.push(self.check_rating().await);
            findings.extend(self.check_accounts().await);
            findings.push(self.check_validation().await);
            findings.push(self.check_shipping().await);
            findings.extend(self.check_list().await);
            findings.push(self.check_track_alert());
        }
        findings
    }
}
