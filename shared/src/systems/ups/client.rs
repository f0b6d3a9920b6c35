//! The calls: thin, one per operation, each classified by `http::read` or `http::effect` and read by `convert`.

use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rust_decimal::dec;
use secrecy::SecretString;
use serde::Serialize;

use super::account::{self, Account};
use super::convert::{self, Recovered, Recovery, Sender, Tracked};
use super::token::{Issuer, client_digest, key};
use crate::connection::{Environment, SystemSettings};
use crate::domain::{
    Address, AddressVerdict, Billing, CarrierShipmentId, ConnectionId, JobId, LabelFormat, LabelImage, Offer, Parcel,
    Payer, RateRequest, Refusal, Shipment, ShipmentRequest, ShippedParcel, Weight, WeightUnit,
};
use crate::http::{self, Answer, Bearer, Call, Endpoint, Lane, Lost};
use crate::ports::{
    CallError, Carrier, Clock, Control, Draft, EffectError, Finding, LabelError, Later, Limits, Mint, Obstacle, Permit,
    Purchased, Recorder, Sighting, TokenKey, Tokens, VoidError,
};

const OPERATION: &str = "ups.ship";
/// UPS names no wait after a 429.
const PAUSE: Duration = Duration::from_secs(30);
/// Tracking looks 14 days back unless it is told otherwise.
const TRACK_WINDOW: SignedDuration = SignedDuration::from_hours(13 * 24);

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
    /// The pooled client.
    pub client: reqwest::Client,
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

/// One UPS account as one connection reaches it.
pub struct Ups {
    account: Account,
    api: Endpoint,
    bearer: Bearer,
    tokens: Arc<dyn Tokens>,
    mint: Arc<dyn Mint>,
    key: TokenKey,
    ship_from: Address,
}

impl Ups {
    /// Builds the adapter, or says what is wrong with the settings or the secret.
    pub fn new(opening: Opening<'_>) -> Result<Self, Refusal> {
        let account = account::read(opening.settings, opening.environment).map_err(|mistakes| words(&mistakes))?;
        let credential = account::credential(opening.secret)?;
        let key = key(
            &account,
            &opening.settings.secret,
            &credential.client_id,
            &opening.connection,
        );
        let lane = format!("ups:{}", account.number);
        let token_lane = format!("ups-token:{}", client_digest(&credential.client_id));
        let mint: Arc<dyn Mint> = Arc::new(Issuer::new(
            endpoint(&opening, &account, token_lane),
            credential,
            account.options.merchant_id.clone(),
        ));
        Ok(Self {
            api: endpoint(&opening, &account, lane),
            bearer: Bearer::new(key.clone(), opening.tokens.clone(), mint.clone()),
            tokens: opening.tokens,
            ship_from: opening.ship_from,
            mint,
            key,
            account,
        })
    }

    /// Under which key the fleet shares this connection's token.
    pub fn token_key(&self) -> &TokenKey {
        &self.key
    }

    /// How a token of this connection is made, for the refresher.
    pub fn mint(&self) -> Arc<dyn Mint> {
        self.mint.clone()
    }

    fn sender(&self) -> Sender<'_> {
        Sender { account: &self.account }
    }

    async fn send(&self, call: Call, permit: Option<Permit>) -> Result<Answer, Lost> {
        let call = call
            .header("transId", transaction()?)
            .header("transactionSrc", "waybill");
        self.api.send(&call, &self.bearer, permit).await
    }

    async fn read(&self, call: Call) -> Result<Answer, CallError> {
        http::read(self.send(call, None).await, convert::envelope)
    }
}

fn words(mistakes: &[account::Mistake]) -> Refusal {
    let each = mistakes
        .iter()
        .map(|mistake| format!("{} {} (allowed: {})", mistake.path, mistake.wrong, mistake.allowed));
    Refusal::new(
        "settings",
        format!(
            "the UPS settings are not usable: {}",
            each.collect::<Vec<_>>().join("; ")
        ),
    )
}

fn endpoint(opening: &Opening<'_>, account: &Account, lane: String) -> Endpoint {
    Endpoint {
        client: opening.client.clone(),
        system: "ups",
        base: account.base.clone(),
        clock: opening.clock.clone(),
        recorder: opening.recorder.clone(),
        timeout: opening.timeout,
        lane: Lane {
            limits: opening.limits.clone(),
            account: lane,
            slots: None,
            lease: opening.timeout,
            pause: PAUSE,
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

fn post(operation: &'static str, path: &str, body: &impl Serialize) -> Result<Call, Refusal> {
    let body = serde_json::to_value(body).map_err(|_| Refusal::new("request", "the request cannot be written"))?;
    Ok(Call::new(operation, Method::POST, path).json(&body))
}

#[async_trait::async_trait]
impl Carrier for Ups {
    async fn validate(&self, address: &Address) -> Result<AddressVerdict, CallError> {
        if !convert::covers(&address.country) {
            return Ok(AddressVerdict::NotCovered);
        }
        let call = post("validate", "/api/addressvalidation/v2/3", &convert::question(address));
        convert::verdict(address, self.read(call.map_err(CallError::Refused)?).await)
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
            let had = |labels: &[LabelImage]| {
                labels
                    .iter()
                    .any(|label| label.tracking_number.as_deref() == Some(number))
            };
            if had(&labels) {
                continue;
            }
            labels.extend(self.recover_labels(number, format).await?);
            // A document holds the labels of all parcels and comes with the first.
            if !had(&labels) && !(format == LabelFormat::Pdf && !labels.is_empty()) {
                let reason = format!("the label of {number} was not in the answer");
                return Err(LabelError::Later(Later::new(Obstacle::Unreachable, reason)));
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

    fn absence_proves(&self) -> bool {
        true
    }

    async fn check(&self) -> Vec<Finding> {
        let token = self.check_token().await;
        let usable = token.result.is_ok();
        let mut findings = vec![token];
        if usable {
            findings.push(self.check_rating().await);
            findings.push(self.check_validation().await);
        }
        findings
    }
}

// ---- looking for shipments ---------------------------------------------------------------------------------------

impl Ups {
    /// Whether Label Recovery knows the control's reference.
    ///
    /// Tracking alone is no proof of sight: it shows what has been scanned, and what is looked for may be a label that
    /// nobody has scanned yet.
    async fn sees(&self, control: &Control) -> Result<bool, Later> {
        let recovery = self.recover_reference(&control.reference).await?;
        let tracked = self
            .track_reference(&control.reference, Some(control.bought_at))
            .await?;
        let seen = recovery != Recovery::Absent;
        if !seen && !tracked.is_empty() {
            tracing::warn!(
                account = self.account.number,
                "the control is tracked but its label is not recoverable"
            );
        }
        Ok(seen)
    }

    /// The unvoided shipments that carry a reference, by Label Recovery or by Tracking.
    async fn look(&self, reference: &JobId) -> Result<Vec<Shipment>, Later> {
        let recovery = self.recover_reference(reference).await?;
        let tracked = self.track_reference(reference, None).await?;
        let mut seen: Vec<Seen> = Vec::new();
        match &recovery {
            Recovery::Shipment(recovered) => add(&mut seen, Some(Seen::confirmed(recovered.clone()))),
            Recovery::Candidates(numbers) => {
                for number in numbers {
                    add(&mut seen, self.resolve(std::slice::from_ref(number)).await?);
                }
            }
            Recovery::Exists(_) | Recovery::Voided | Recovery::Absent => {}
        }
        for shipment in tracked.iter().filter(|shipment| !shipment.voided) {
            if !seen.iter().any(|known| holds(&known.shipment, &shipment.numbers)) {
                add(&mut seen, self.resolve(&shipment.numbers).await?);
            }
        }
        let alive = self.alive(seen, &tracked).await?;
        told_apart(alive, &recovery)
    }

    /// The shipment that some parcels belong to, by its own number. Where the label cannot be had, the first parcel
    /// stands for the shipment: a shipment that exists must not be lost because its label is.
    async fn resolve(&self, numbers: &[String]) -> Result<Option<Seen>, Later> {
        let Some(first) = numbers.first() else { return Ok(None) };
        match self.recover_number(first).await? {
            Recovery::Shipment(recovered) => self.complete(recovered, first).await.map(Seen::confirmed).map(Some),
            Recovery::Voided => Ok(None),
            Recovery::Candidates(_) | Recovery::Exists(_) | Recovery::Absent => {
                Ok(Some(Seen::by_parcels(numbers, first)))
            }
        }
    }

    /// A parcel that is not the lead recovers only its own label; the lead recovers all.
    async fn complete(&self, recovered: Recovered, asked: &str) -> Result<Recovered, Later> {
        if recovered.id == asked {
            return Ok(recovered);
        }
        match self.recover_number(&recovered.id).await? {
            Recovery::Shipment(whole) if whole.id == recovered.id => Ok(whole),
            _ => Ok(recovered),
        }
    }

    /// Without those that tracking shows as voided.
    async fn alive(&self, seen: Vec<Seen>, tracked: &[Tracked]) -> Result<Vec<Seen>, Later> {
        let mut alive = Vec::new();
        for seen in seen {
            let shown = tracked.iter().find(|tracked| holds(&seen.shipment, &tracked.numbers));
            let voided = match shown {
                Some(tracked) => tracked.voided,
                None => self.is_voided(&seen.shipment).await?,
            };
            if !voided {
                alive.push(seen);
            }
        }
        Ok(alive)
    }

    async fn is_voided(&self, shipment: &Shipment) -> Result<bool, Later> {
        let path = format!(
            "/api/track/v1/details/{}?locale=en_US",
            path_segment(shipment.id.as_str())
        );
        let tracked = self.track(Call::new("track", Method::GET, path)).await?;
        Ok(!tracked.is_empty() && tracked.iter().all(|shipment| shipment.voided))
    }

    async fn recover_reference(&self, reference: &JobId) -> Result<Recovery, Later> {
        self.recover("recover", &convert::by_reference(reference, &self.account.number))
            .await
    }

    async fn recover_number(&self, number: &str) -> Result<Recovery, Later> {
        let body = convert::by_number(number, None, self.account.options.label_height).map_err(unwritable)?;
        self.recover("recover", &body).await
    }

    async fn recover(&self, operation: &'static str, body: &impl Serialize) -> Result<Recovery, Later> {
        let call = post(operation, "/api/labels/v1903/recovery", body).map_err(unwritable)?;
        convert::recovery(self.read(call).await)
    }

    async fn recover_labels(&self, number: &str, format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        let body = convert::by_number(number, Some(format), self.account.options.label_height);
        let call = body
            .and_then(|body| post("label", "/api/labels/v1903/recovery", &body))
            .map_err(LabelError::Gone)?;
        convert::pictures(self.read(call).await, format)
    }

    async fn track_reference(&self, reference: &JobId, since: Option<Timestamp>) -> Result<Vec<Tracked>, Later> {
        let mut path = format!(
            "/api/track/v1/reference/details/{reference}?locale=en_US&refNumType=SmallPackage&shipperNum={}",
            self.account.number
        );
        if let Some(from) = since.filter(|since| self.api.clock.now().duration_since(*since) > TRACK_WINDOW) {
            path.push_str(&format!("&fromPickUpDate={}", day_before(from).strftime("%Y%m%d")));
        }
        self.track(Call::new("track", Method::GET, path)).await
    }

    async fn track(&self, call: Call) -> Result<Vec<Tracked>, Later> {
        convert::tracked(http::read(self.send(call, None).await, convert::track_envelope))
    }
}

/// A shipment of a look-up.
struct Seen {
    shipment: Shipment,
    /// Whether UPS said that this is the number of the whole shipment.
    confirmed: bool,
}

impl Seen {
    fn confirmed(recovered: Recovered) -> Self {
        Self {
            shipment: recovered.shipment(),
            confirmed: true,
        }
    }

    fn by_parcels(numbers: &[String], lead: &str) -> Self {
        let shipment = Shipment {
            id: CarrierShipmentId::new(lead),
            parcels: numbers
                .iter()
                .map(|number| ShippedParcel {
                    tracking_number: number.clone(),
                })
                .collect(),
            service: None,
            cost: None,
            remarks: vec![format!(
                "UPS did not confirm that {lead} is the number of the whole shipment"
            )],
        };
        Self {
            shipment,
            confirmed: false,
        }
    }
}

fn add(all: &mut Vec<Seen>, seen: Option<Seen>) {
    if let Some(seen) = seen.filter(|seen| all.iter().all(|known| known.shipment.id != seen.shipment.id)) {
        all.push(seen);
    }
}

/// What was seen, if it can be told apart. Parcels of one shipment must never pass for several shipments: all but one
/// would be voided as extra.
fn told_apart(alive: Vec<Seen>, recovery: &Recovery) -> Result<Vec<Shipment>, Later> {
    let unclear = alive.len() > 1 && alive.iter().any(|seen| !seen.confirmed);
    let reason = match recovery {
        Recovery::Exists(refusal) if alive.is_empty() => {
            format!("UPS knows the reference but does not say which shipment it is: {refusal}")
        }
        _ if unclear => "UPS shows several parcels and does not say which belong together".to_owned(),
        _ => return Ok(alive.into_iter().map(|seen| seen.shipment).collect()),
    };
    Err(Later::new(Obstacle::Unreachable, reason))
}

/// Whether one of these parcels belongs to a shipment.
fn holds(shipment: &Shipment, numbers: &[String]) -> bool {
    numbers
        .iter()
        .any(|number| shipment.id.as_str() == number || shipment.tracking_numbers().any(|known| known == number))
}

fn day_before(at: Timestamp) -> Date {
    let day = at.to_zoned(TimeZone::UTC).date();
    day.yesterday().unwrap_or(day)
}

fn path_segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn unwritable(refusal: Refusal) -> Later {
    Later::new(Obstacle::Unreachable, refusal.to_string())
}

// ---- checking ----------------------------------------------------------------------------------------------------

impl Ups {
    async fn check_token(&self) -> Finding {
        let result = match self.tokens.bearer(&self.key, self.mint.as_ref()).await {
            Ok(token) => Ok(format!("a token was issued, good until {}", token.expires_at)),
            Err(CallError::Refused(refusal)) => Err(format!(
                "UPS refuses the credential: {refusal}. Compare client id and secret with the app at developer.ups.com, check that the app belongs to this environment, and enter them again{}",
                if self.account.options.merchant_id.is_some() {
                    "; a blocked or foreign merchant_id is refused here too"
                } else {
                    ""
                }
            )),
            Err(CallError::Later(later)) => {
                Err(format!("no token could be had at the moment: {later}. Try again later"))
            }
        };
        Finding {
            what: "ask UPS for a token".to_owned(),
            result,
        }
    }

    async fn check_rating(&self) -> Finding {
        let result = match self.offers(&self.sample()).await {
            Ok(offers) => Ok(format!(
                "{} services are offered to account {}",
                offers.len(),
                self.account.number
            )),
            Err(error) => Err(advice("Rating", &error)),
        };
        Finding {
            what: "ask for the price of a small parcel, without buying it".to_owned(),
            result,
        }
    }

    async fn check_validation(&self) -> Finding {
        let result = match self.validate(&self.ship_from).await {
            Ok(AddressVerdict::NotCovered) => Ok(format!(
                "UPS validates streets in the United States and Puerto Rico only; addresses in {} are used as they stand",
                self.ship_from.country
            )),
            Ok(AddressVerdict::Valid { .. }) => Ok("the ship-from address is valid as it stands".to_owned()),
            Ok(_) => Ok("address validation answers; UPS writes the ship-from address differently".to_owned()),
            Err(error) => Err(advice("Address Validation", &error)),
        };
        Finding {
            what: "validate the ship-from address".to_owned(),
            result,
        }
    }

    /// A parcel to oneself: it is priced, never bought.
    fn sample(&self) -> RateRequest {
        let metric = !["US", "PR"].contains(&self.ship_from.country.as_str());
        let unit = if metric { WeightUnit::Kg } else { WeightUnit::Lb };
        RateRequest {
            ship_from: self.ship_from.clone(),
            ship_to: self.ship_from.clone(),
            parcels: vec![Parcel {
                packaging: "02".to_owned(),
                weight: Weight { value: dec!(1), unit },
                dimensions: None,
                contents: Vec::new(),
            }],
            billing: Billing {
                transport: Payer::Shipper,
                duties: None,
            },
            ship_date: self.api.clock.now().to_zoned(TimeZone::UTC).date(),
        }
    }
}

/// What to do about a call that failed although a token was issued.
fn advice(product: &str, error: &CallError) -> String {
    match error {
        CallError::Later(later) if later.obstacle == Obstacle::Unauthorised => format!(
            "UPS refuses the token here ({later}). Most often the app lacks the {product} product: add it to the app at developer.ups.com"
        ),
        CallError::Later(later) => format!("UPS gives no answer at the moment ({later}). Try again later"),
        CallError::Refused(refusal) if ["250002", "250003", "10403"].contains(&refusal.code.as_str()) => format!(
            "UPS does not let this app in ({refusal}). Add the {product} product to the app at developer.ups.com, and check that its user may use the account"
        ),
        CallError::Refused(refusal) if ["111580", "120100", "120121", "120122"].contains(&refusal.code.as_str()) => {
            format!(
                "UPS does not accept the account number for this app ({refusal}). Check `account`, and add the account to the user's profile at ups.com"
            )
        }
        CallError::Refused(refusal) => format!("UPS refuses: {refusal}. Correct what it names in the connection"),
    }
}
