//! The calls: thin, one per operation, each classified by `http::read` or `http::effect` and read by `convert`.

use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use super::account::{self, Account, Credential, is_account};
use super::convert::{self, Sold, Void};
use super::look::TRACKS_AT_ONCE;
use super::token::{self, ADDRESS, Issuer, TRACK, project_digest};
use crate::connection::{Environment, Mistake, SystemSettings};
use crate::domain::{
    Address, AddressVerdict, CarrierAccount, CarrierShipmentId, ConnectionId, JobId, LabelFormat, LabelImage, Offer,
    Pace, Rate, RateRequest, Readiness, Refusal, Shipment, ShipmentRequest, Stretch,
};
use crate::http::{self, Answer, Bearer, Call, Endpoint, Lane, Lost};
use crate::ports::{
    Asked, CallError, Carrier, Clock, Control, Draft, EffectError, Finding, LabelError, Later, Limits, ListPage,
    Listing, Mint, News, Obstacle, Permit, Purchased, Push, Recorder, Sighting, Subscribed, TokenKey, Tokens,
    VoidError,
};

const OPERATION: &str = "fedex.ship";
/// What the ways of an account into its projects are called.
const SHIPPING: &str = "fedex";
const TRACKING: &str = "fedex-track";
/// The window in which FedEx counts calls: after a 429 it is over when it has passed once.
const PAUSE: Duration = Duration::from_secs(10);
/// The rests between questions after a shipment that FedEx makes while we wait, in milliseconds: twenty seconds in all.
const RESTS: [u64; 5] = [1_000, 2_000, 4_000, 6_000, 7_000];

/// Everything that a FedEx adapter is built from.
pub struct Opening<'a> {
    /// The connection's settings of the carrier.
    pub settings: &'a SystemSettings,
    /// Which of FedEx's worlds.
    pub environment: Environment,
    /// The connection.
    pub connection: ConnectionId,
    /// The content of the secret: `{"api_key", "secret_key"}`, and `{"track_api_key", "track_secret_key"}` where
    /// Track is in a project of its own.
    pub secret: &'a SecretString,
    /// The address from which the connection ships, for [`Carrier::check`] and cancellations.
    pub ship_from: Address,
    /// The accounts under which the connection ships beside its own.
    pub accounts: Vec<CarrierAccount>,
    /// Whether the connection has addresses validated.
    pub validates: bool,
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

/// A developer project as the connection reaches it.
pub(super) struct Project {
    /// What its lanes are called before the account's number.
    way: &'static str,
    pub(super) endpoint: Endpoint,
    pub(super) key: TokenKey,
    pub(super) mint: Arc<dyn Mint>,
    pub(super) tokens: Arc<dyn Tokens>,
    bearer: Bearer,
}

impl Project {
    fn new(way: &'static str, endpoint: Endpoint, key: TokenKey, mint: Arc<dyn Mint>, tokens: Arc<dyn Tokens>) -> Self {
        Self {
            way,
            bearer: Bearer::new(key.clone(), tokens.clone(), mint.clone()),
            endpoint,
            key,
            mint,
            tokens,
        }
    }

    /// The same project as it serves another account: how that fares is its own, what is counted is the project's.
    fn serving(&self, account: &CarrierAccount) -> Self {
        let (mut endpoint, key) = (self.endpoint.clone(), self.key.clone());
        endpoint.lane.account = format!("{}:{}", self.way, account.number);
        Self::new(self.way, endpoint, key, self.mint.clone(), self.tokens.clone())
    }

    /// The same project, where a 403 refuses whoever asks. Elsewhere a 403 is the answer to one question: a cancellation, a look-up or an
    /// address may be refused while purchases are not.
    fn refusing_everybody(&self) -> Self {
        let mut endpoint = self.endpoint.clone();
        endpoint.lane.forbids = Some(convert::forbids);
        let (key, mint, tokens) = (self.key.clone(), self.mint.clone(), self.tokens.clone());
        Self::new(self.way, endpoint, key, mint, tokens)
    }

    /// Sends a call under a name of our own by which FedEx finds it. A quota that is used up was told before anything
    /// was done, and so was a 403.
    async fn send(&self, call: Call, permit: Option<Permit>) -> Result<Answer, Lost> {
        let call = call
            .header("x-locale", "en_US")
            .header("x-customer-transaction-id", transaction()?);
        let answer = self.endpoint.send(&call, &self.bearer, permit).await?;
        let words = || {
            let error = convert::envelope(&answer);
            error.map(|error| format!(": {}", error.refusal)).unwrap_or_default()
        };
        if self.endpoint.lane.is_forbidden(&answer) {
            let reason = format!(
                "FedEx does not let this project, or this account, ask for it{}",
                words()
            );
            return Err(Lost::NotSent(Later::new(Obstacle::Unauthorised, reason)));
        }
        let now = self.endpoint.clock.now();
        let Some(quota) = convert::quota(&answer, now) else {
            return Ok(answer);
        };
        if quota.is_daily {
            let lane = &self.endpoint.lane;
            lane.stop_until(quota.ends, "FedEx's quota of the day is used up").await;
        }
        Err(Lost::NotSent(Later {
            reason: format!("FedEx takes no more calls until {}{}", quota.ends, words()),
            after: quota.left(now),
            obstacle: Obstacle::Limited,
        }))
    }
}

/// The names of all ways of these accounts into FedEx, as the fleet shares how they fare, and of the address from which tokens are asked
/// for.
pub fn ways<'a>(accounts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let of = |number: &str| [SHIPPING, TRACKING].map(|way| format!("{way}:{number}"));
    accounts.flat_map(of).chain([ADDRESS.to_owned()]).collect()
}

/// One FedEx account as one connection reaches it.
pub struct FedEx {
    pub(super) account: Account,
    /// Ship, Rates and Address Validation: what orders wait for.
    pub(super) ship: Project,
    /// The same for purchases and prices, which every order asks for alike: who may not ask for one is no order's fault.
    sell: Project,
    /// Track. A way of its own: whatever befalls it stops no shipment.
    pub(super) track: Project,
    pub(super) ship_from: Address,
    pub(super) accounts: Vec<CarrierAccount>,
    pub(super) validates: bool,
    pub(super) rests: &'static [u64],
}

impl FedEx {
    /// Builds the adapter, or says what is wrong with the settings or the secret.
    pub fn new(opening: Opening<'_>) -> Result<Self, Refusal> {
        let account = account::read(opening.settings, opening.environment).map_err(|mistakes| words(&mistakes))?;
        let credentials = account::credentials(opening.secret)?;
        let own = credentials.track.as_ref().map(|_| TRACK);
        let tracking = credentials.track.unwrap_or_else(|| credentials.ship.clone());
        let ship = project(&opening, &account, &credentials.ship, SHIPPING, None);
        Ok(Self {
            sell: ship.refusing_everybody(),
            ship,
            track: project(&opening, &account, &tracking, TRACKING, own),
            ship_from: opening.ship_from,
            accounts: opening.accounts,
            validates: opening.validates,
            rests: &RESTS,
            account,
        })
    }

    /// The same credential under another account.
    pub(super) fn of(&self, account: &CarrierAccount) -> Self {
        Self {
            account: Account {
                number: account.number.clone(),
                ..self.account.clone()
            },
            ship: self.ship.serving(account),
            sell: self.sell.serving(account),
            track: self.track.serving(account),
            ship_from: self.ship_from.clone(),
            accounts: Vec::new(),
            validates: self.validates,
            rests: self.rests,
        }
    }

    /// How a token of a project is made, for the refresher: `track` names the tracking project, nothing the shipping
    /// one.
    pub fn mint_for(&self, project: Option<&String>) -> Option<Arc<dyn Mint>> {
        let known = [&self.ship, &self.track];
        let of = known.into_iter().find(|known| known.key.merchant.as_ref() == project);
        of.map(|project| project.mint.clone())
    }

    /// Whether Track has a project of its own.
    pub(super) fn tracks_by_itself(&self) -> bool {
        self.track.key.merchant.is_some()
    }

    /// Asks Track.
    pub(super) async fn ask_track(&self, call: Call) -> Result<Answer, Lost> {
        self.track.send(call, None).await
    }

    async fn read(&self, call: Call) -> Result<Answer, CallError> {
        http::read(self.ship.send(call, None).await, convert::envelope)
    }

    /// What FedEx makes while we wait: asked for a few times, as long as the permit lasts, until all of it is told. What
    /// is not told by then may come all the same, and what is told is bought.
    async fn await_job(&self, job: &str, draft: &Value, permit: Permit, mut sold: Sold) -> Sold {
        for rest in self.rests.iter().map(|rest| Duration::from_millis(*rest)) {
            if sold.is_whole(draft) || !self.may_wait(rest, permit) {
                break;
            }
            tokio::time::sleep(rest).await;
            let Ok(call) = post("results", "/ship/v1/shipments/results", &convert::results(draft, job)) else {
                break;
            };
            // A refusal may only mean that it is too early, and a lost answer loses nothing.
            if let Ok(answer) = http::read(self.ship.send(call, None).await, convert::envelope) {
                sold.hear(&answer.body);
            }
        }
        sold
    }

    /// Whether a rest and the call after it end before the permit does.
    fn may_wait(&self, rest: Duration, permit: Permit) -> bool {
        let endpoint = &self.ship.endpoint;
        let needed = rest.saturating_add(endpoint.timeout);
        let needed = SignedDuration::try_from(needed).unwrap_or(SignedDuration::MAX);
        endpoint
            .clock
            .now()
            .checked_add(needed)
            .is_ok_and(|end| end < permit.until)
    }

    /// A shipment that FedEx does not cancel may be cancelled already.
    async fn not_cancelled(&self, number: &str, refusal: Refusal) -> Result<(), VoidError> {
        match self.is_cancelled(number).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(CallError::Refused(_)) => Err(VoidError::Refused(refusal)),
            Err(CallError::Later(later)) => Err(VoidError::Later(later)),
        }
    }
}

fn words(mistakes: &[Mistake]) -> Refusal {
    let each = mistakes.iter().map(ToString::to_string);
    Refusal::new(
        "settings",
        format!(
            "the FedEx settings are not usable: {}",
            each.collect::<Vec<_>>().join("; ")
        ),
    )
}

/// A project with a lane of its own for the account. Calls are counted by project, so that both ways into one share a
/// count; token requests are counted by address.
fn project(
    opening: &Opening<'_>,
    account: &Account,
    credential: &Credential,
    way: &'static str,
    merchant: Option<&str>,
) -> Project {
    let digest = project_digest(&credential.api_key);
    let endpoint = |lane: String, rate: Option<Rate>, counted_as: String| Endpoint {
        client: opening.client.clone(),
        system: "fedex",
        base: account.base.clone(),
        vendor_ids: &["/transactionId"],
        clock: opening.clock.clone(),
        recorder: opening.recorder.clone(),
        timeout: opening.timeout,
        lane: Lane {
            limits: opening.limits.clone(),
            account: lane,
            slots: None,
            rate,
            counted_as: Some(counted_as),
            lease: opening.timeout * 2,
            pause: PAUSE,
            lockout: None,
            forbids: None,
        },
    };
    let mint = Arc::new(Issuer {
        endpoint: endpoint(format!("fedex-token:{digest}"), token::rate(), ADDRESS.to_owned()),
        credential: credential.clone(),
    });
    let secret_name = &opening.settings.secret;
    let key = token::key(account, secret_name, credential, merchant, &opening.connection);
    let (lane, rate) = (format!("{way}:{}", account.number), account.options.rate_limit);
    let endpoint = endpoint(lane, rate, format!("fedex:{digest}"));
    Project::new(way, endpoint, key, mint, opening.tokens.clone())
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
    with_body(operation, Method::POST, path, body)
}

fn with_body(operation: &'static str, method: Method, path: &str, body: &impl Serialize) -> Result<Call, Refusal> {
    let body = serde_json::to_value(body).map_err(|_| Refusal::new("request", "the request cannot be written"))?;
    Ok(Call::new(operation, method, path).json(&body))
}

fn refused(code: &str, words: &str) -> CallError {
    CallError::Refused(Refusal::new(code, words))
}

#[async_trait::async_trait]
impl Carrier for FedEx {
    fn under(&self, account: &CarrierAccount) -> Result<Arc<dyn Carrier>, Refusal> {
        if !is_account(&account.number) {
            let words = format!("{:?} is not a FedEx account number of nine digits", account.number);
            return Err(Refusal::new("accounts", words));
        }
        Ok(Arc::new(self.of(account)))
    }

    async fn validate(&self, address: &Address) -> Result<AddressVerdict, CallError> {
        let call = post("validate", "/address/v1/addresses/resolve", &convert::question(address));
        convert::verdict(address, self.read(call.map_err(CallError::Refused)?).await)
    }

    async fn ready(&self) -> Result<Readiness, CallError> {
        self.ship.endpoint.ready().await
    }

    async fn offers(&self, request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        let body = convert::rate(&self.account, request).map_err(CallError::Refused)?;
        let call = post("rate", "/rate/v1/rates/quotes", &body).map_err(CallError::Refused)?;
        let answer = http::read(self.sell.send(call, None).await, convert::envelope)?;
        convert::offers(&answer, request.ship_date)
    }

    fn draft(&self, request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: OPERATION.to_owned(),
            body: convert::ship(&self.account, request)?,
        })
    }

    async fn create(&self, draft: &Draft, permit: Permit) -> Result<Purchased, EffectError> {
        let call = Call::new("ship", Method::POST, "/ship/v1/shipments").json(&convert::sent(&draft.body));
        let answer = http::effect(self.sell.send(call, Some(permit)).await, convert::envelope)?;
        let mut sold = Sold::default();
        sold.hear(&answer.body);
        let job = convert::job(&answer.body);
        if let Some(job) = &job {
            sold = self.await_job(job, &draft.body, permit, sold).await;
        }
        sold.purchased(&draft.body).ok_or_else(|| {
            EffectError::Unknown(match job {
                Some(job) => format!("FedEx makes the shipment as its job {job}, and it is not ready yet"),
                None => "the answer names no shipment".to_owned(),
            })
        })
    }

    async fn find(&self, draft_reference: &JobId, _control: Option<&Control>) -> Result<Sighting, CallError> {
        Ok(Sighting {
            found: self.by_reference(draft_reference).await?,
            control_seen: false,
        })
    }

    async fn labels(&self, _shipment: &Shipment, _format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        let words = "FedEx gives a label once, with the purchase: void the shipment and ship again, or print it in \
                     FedEx Ship Manager";
        Err(LabelError::Gone(Refusal::new("label-given-once", words)))
    }

    async fn void(&self, shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        let number = shipment.as_str();
        if !convert::is_number(number) {
            let words = format!("{number:?} is no FedEx tracking number");
            return Err(VoidError::Refused(Refusal::new(
                "TRACKINGNUMBER.ENTERED.INVALID",
                words,
            )));
        }
        let body = convert::cancel(&self.account, &self.ship_from, number).map_err(VoidError::Refused)?;
        let call = with_body("cancel", Method::PUT, "/ship/v1/shipments/cancel", &body);
        match self.read(call.map_err(VoidError::Refused)?).await {
            Ok(answer) => match convert::cancelled(&answer) {
                Void::Done => Ok(()),
                Void::NotDone(refusal) => self.not_cancelled(number, refusal).await,
                Void::Unclear => Err(VoidError::Later(Later::new(
                    Obstacle::Unreachable,
                    "the answer to the cancellation cannot be read",
                ))),
            },
            Err(CallError::Refused(refusal)) => self.not_cancelled(number, refusal).await,
            Err(CallError::Later(later)) => Err(VoidError::Later(later)),
        }
    }

    fn listing(&self) -> Result<Listing, String> {
        Err("FedEx keeps no list of shipments that can be asked for: jobs are looked up one by one".to_owned())
    }

    async fn list(&self, _stretch: Stretch, _page: Option<&str>) -> Result<ListPage, CallError> {
        Err(refused(
            "no-list",
            "FedEx keeps no list of shipments that can be asked for",
        ))
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
        Err(refused(
            "no-subscription",
            "FedEx is told in its portal what to push, not by us",
        ))
    }

    async fn check(&self) -> Vec<Finding> {
        let tokens = self.check_tokens().await;
        let usable = tokens.iter().all(|finding| finding.result.is_ok());
        let mut findings = tokens;
        if usable {
            findings.extend(self.check_ratings().await);
            findings.extend(self.check_tracking().await);
            findings.extend(self.check_validation().await);
            findings.push(self.check_labels());
        }
        findings
    }
}
