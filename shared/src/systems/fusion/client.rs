//! The calls, and nothing that could be decided without them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use url::Url;

use super::account::Settings;
use super::check;
use super::convert::{self, ItemKey, Known, PlaceKey, Plan};
use super::credentials::Credentials;
use super::options::Tell;
use super::query;
use super::token::AssertionMint;
use super::wire::{Item, Page, Supplier};
use super::writing::{self, Footing};
use crate::connection::{Connection, Environment, Selection, Shipper, WriteBackPolicy};
use crate::domain::{Address, DeliveryStatus, DocumentId, JobId, Milestone, Order, Refusal};
use crate::http::{
    self as web, Answer, Authorise, Basic, Bearer, Call, ClientAuthentication, ClientCredentials, Endpoint, Lane, Lost,
    Slots,
};
use crate::ports::{
    CallError, DocumentHead, Draft, EffectError, Finding, Later, Mint, Obstacle, OrderSource, Permit, Scan, TokenKey,
    Told, WriteBack, WriteBackRef, Written,
};
use crate::systems::Ports;

/// How long everybody pauses after a 429 that gives no hint.
const PAUSE: Duration = Duration::from_secs(10);

/// One pod through one connection.
pub struct Fusion {
    pub(super) endpoint: Endpoint,
    pub(super) auth: Arc<dyn Authorise>,
    mint: Option<Arc<dyn Mint>>,
    pub(super) account: String,
    pub(super) settings: Settings,
    pub(super) select: Selection,
    pub(super) policy: WriteBackPolicy,
    /// Whether goods leave the supplier, so that its address is asked for.
    pub(super) from_supplier: bool,
    /// The suppliers that the table of accounts names.
    pub(super) account_suppliers: Vec<String>,
    pub(super) seen: Mutex<Seen>,
}

/// What orders refer to, looked up once.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) places: BTreeMap<PlaceKey, Known<Address>>,
    pub(super) items: BTreeMap<ItemKey, Known<Item>>,
    pub(super) suppliers: BTreeMap<String, Known<Supplier>>,
}

/// How calls are authorised, and how a token for them is made, where it takes one.
type Access = (Arc<dyn Authorise>, Option<Arc<dyn Mint>>);

impl Fusion {
    /// Opens a connection's account. What is wrong with the connection or its secret is said at once.
    ///
    /// # Errors
    /// What is wrong with the connection or its secret.
    pub fn new(connection: &Connection, secret: &SecretString, ports: Ports) -> Result<Self, Refusal> {
        let settings = Settings::of(connection).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            Refusal::new("connection-malformed", texts.join("; "))
        })?;
        let credentials = Credentials::parse(secret)?;
        let account = connection.erp.account.clone();
        let slots = Some(Slots::new(settings.options.concurrency));
        let endpoint = endpoint(&settings.base, &format!("fusion:{account}"), slots, &ports);
        let (auth, mint) = authorisation(connection, credentials, &settings, &ports)?;
        Ok(Self {
            endpoint,
            auth,
            mint,
            account,
            settings,
            select: connection.select.clone(),
            policy: connection.write_back.clone(),
            from_supplier: connection.ship_from.of == Shipper::Supplier,
            account_suppliers: connection
                .accounts
                .iter()
                .filter_map(|row| row.supplier.clone())
                .collect(),
            seen: Mutex::default(),
        })
    }

    /// How a token of this connection is made, for the refresher; a user with a password has none.
    pub fn mint(&self) -> Option<Arc<dyn Mint>> {
        self.mint.clone()
    }
}

fn endpoint(base: &Url, way: &str, slots: Option<Slots>, ports: &Ports) -> Endpoint {
    Endpoint {
        client: ports.client.clone(),
        system: "fusion",
        base: base.clone(),
        vendor_ids: &["x-oracle-dms-ecid"],
        clock: ports.clock.clone(),
        recorder: ports.recorder.clone(),
        timeout: ports.timeout,
        lane: Lane {
            limits: ports.limits.clone(),
            account: way.to_owned(),
            slots,
            rate: None,
            counted_as: None,
            lease: ports.timeout * 4,
            pause: PAUSE,
            lockout: None,
            forbids: None,
        },
    }
}

fn authorisation(
    connection: &Connection,
    credentials: Credentials,
    settings: &Settings,
    ports: &Ports,
) -> Result<Access, Refusal> {
    let client = credentials.client();
    let options = &settings.options;
    let giver = credentials.giver(options);
    if settings.base.scheme() != "https" && connection.environment != Environment::Local {
        return Err(Refusal::new(
            "connection-malformed",
            "credentials are not sent in the clear",
        ));
    }
    let identity = || {
        let Some(identity) = &options.identity_url else {
            let words =
                "the secret is one of OAuth, and erp.identity_url does not say which identity domain gives tokens";
            return Err(Refusal::new("connection-malformed", words));
        };
        let way = format!("fusion-token:{}", connection.erp.account);
        Ok(endpoint(identity, &way, None, ports))
    };
    let mint: Arc<dyn Mint> = match credentials {
        Credentials::Basic(user) => {
            let basic = Basic {
                user: user.user,
                password: user.password,
            };
            return Ok((Arc::new(basic), None));
        }
        Credentials::Client(client) => Arc::new(ClientCredentials {
            endpoint: identity()?,
            path: options.token_path.clone(),
            client: Basic {
                user: client.client_id,
                password: client.client_secret,
            },
            authentication: ClientAuthentication::Basic,
            scope: options.scope.clone(),
        }),
        Credentials::JwtAssertion(assertion) => Arc::new(AssertionMint::new(
            identity()?,
            assertion,
            options.token_path.clone(),
            options.audience.clone(),
            options.scope.clone(),
        )?),
    };
    let key = TokenKey {
        system: "fusion".to_owned(),
        credential: format!("{}@{}", connection.erp.secret, giver),
        client,
        merchant: None,
        connection: connection.id.clone(),
    };
    let bearer = Bearer::new(key, ports.tokens.clone(), mint.clone());
    Ok((Arc::new(bearer), Some(mint)))
}

pub(super) fn unreadable(what: &str) -> CallError {
    CallError::Later(Later::new(Obstacle::Unreachable, format!("{what} cannot be read")))
}

// ---- calls -------------------------------------------------------------------------------------------------------

impl Fusion {
    /// The path of a resource of procurement or supply chain.
    pub(super) fn resource(&self, name: &str) -> String {
        format!("/fscmRestApi/resources/{}/{name}", self.settings.options.rest_version)
    }

    /// The path of a resource of human capital management.
    pub(super) fn hcm_resource(&self, name: &str) -> String {
        format!("/hcmRestApi/resources/{}/{name}", self.settings.options.rest_version)
    }

    /// A call in the version of the framework that this software speaks.
    pub(super) fn call(&self, operation: &'static str, method: Method, path: String) -> Call {
        let version = self.settings.options.framework_version.to_string();
        Call::new(operation, method, path).header("rest-framework-version", version)
    }

    /// Sends, unless the account is full.
    pub(super) async fn send(&self, call: &Call, permit: Option<Permit>) -> Result<Answer, Lost> {
        no_login_page(self.endpoint.send(call, self.auth.as_ref(), permit).await)
    }

    /// From here on this is a scan, or a person's question, which has no queue to go back to. Work on a single order leaves
    /// one slot free for these.
    pub(super) fn scan(&self) {
        self.endpoint.lane.slots.iter().for_each(Slots::claim_last);
    }

    /// A call that changes nothing.
    pub(super) async fn ask(&self, call: &Call) -> Result<Answer, CallError> {
        web::read(self.send(call, None).await, convert::envelope)
    }

    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: String,
    ) -> Result<Page<T>, CallError> {
        let answer = self.ask(&self.call(operation, Method::GET, path)).await?;
        serde_json::from_slice(&answer.body).map_err(|_| unreadable(operation))
    }
}

/// A page is no answer of Fusion's, whatever its status says.
fn no_login_page(result: Result<Answer, Lost>) -> Result<Answer, Lost> {
    let answer = result?;
    match answer.status {
        200..=299 if is_page(&answer) => {
            let words = "a page instead of an answer: a login page or a gateway's";
            Err(Lost::Unknown(words.to_owned()))
        }
        _ => Ok(answer),
    }
}

fn is_page(answer: &Answer) -> bool {
    let start = answer.body.trim_ascii_start();
    let begins = |with: &[u8]| {
        start
            .get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    begins(b"<!doctype html") || begins(b"<html")
}

// ---- the port ----------------------------------------------------------------------------------------------------

#[async_trait]
impl OrderSource for Fusion {
    async fn changed(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.scan();
        self.heads(scan).await
    }

    async fn waiting(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.heads(scan).await
    }

    async fn read(&self, documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        let mut orders = Vec::with_capacity(documents.len());
        for document in documents {
            orders.extend(self.read_one(document).await?);
        }
        Ok(orders)
    }

    async fn numbered(&self, number: &str) -> Result<Vec<DocumentId>, CallError> {
        self.scan();
        let query = query::numbered(number, &self.settings.options).map_err(CallError::Refused)?;
        self.ids(&query).await
    }

    async fn find(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        if self.policy.store_only {
            return Ok(Written::Whole(place("our own store")));
        }
        let plan = convert::shipped(write_back, &self.policy, &self.settings.options).map_err(CallError::Refused)?;
        if plan.wish.is_empty() {
            return Ok(Written::Whole(place("nowhere: the connection writes nothing back")));
        }
        Ok(match self.footing(&plan).await? {
            Footing::InForce => Written::Whole(place(written(&plan))),
            Footing::Waiting => Written::Whole(place("change order waiting for approval")),
            Footing::Ours(_) => Written::Partly(place("a change order that is not submitted")),
            Footing::Rejected { .. } => Written::Partly(place("a change order that an approver has rejected")),
            Footing::Theirs(_) | Footing::Free { .. } => Written::Nothing,
        })
    }

    async fn made(&self, _jobs: &[JobId]) -> Result<Option<BTreeSet<JobId>>, CallError> {
        Ok(None)
    }

    fn draft(&self, write_back: &WriteBack<'_>, _found: &Written) -> Result<Draft, Refusal> {
        let plan = convert::shipped(write_back, &self.policy, &self.settings.options)?;
        let body = serde_json::to_value(plan)
            .map_err(|_| Refusal::new("write-back-impossible", "the write-back cannot be written down"))?;
        Ok(Draft {
            operation: "fusion.change-order".to_owned(),
            body,
        })
    }

    async fn write_back(&self, draft: &Draft, permit: Permit) -> Result<WriteBackRef, EffectError> {
        let foreign = |_| EffectError::Rejected(Refusal::new("foreign-draft", "this draft is not one of Fusion"));
        let plan: Plan = serde_json::from_value(draft.body.clone()).map_err(foreign)?;
        if self.policy.store_only || plan.wish.is_empty() {
            return Ok(place("our own store"));
        }
        self.carry_out(&plan, Some(permit)).await?;
        Ok(place(written(&plan)))
    }

    async fn flag(&self, document: &DocumentId, problem: Option<&str>) -> Result<(), CallError> {
        let plan = convert::problem(document, problem, &self.policy, &self.settings.options);
        let plan = plan.map_err(CallError::Refused)?;
        if self.policy.store_only || plan.wish.is_empty() {
            return Ok(());
        }
        self.carry_out(&plan, None).await.map_err(writing::as_call_error)
    }

    async fn tell(&self, document: &DocumentId, status: &DeliveryStatus, permit: Permit) -> Result<Told, EffectError> {
        let options = &self.settings.options;
        let plan = convert::delivery(document, status, &self.policy, options).map_err(EffectError::Rejected)?;
        if self.policy.store_only || plan.wish.is_empty() || options.tell == Tell::Never {
            return Ok(Told::NotWanted);
        }
        if options.tell == Tell::End && !is_end(status) && !self.takes_back_an_end(&plan).await? {
            return Ok(Told::NotWanted);
        }
        let told = self.carry_out(&plan, Some(permit)).await;
        told.map(|()| Told::Shown).map_err(|error| match error {
            EffectError::Rejected(refusal) => EffectError::Rejected(convert::told_nothing(document, &refusal)),
            other => other,
        })
    }

    async fn check(&self) -> Vec<Finding> {
        self.scan();
        check::check(self).await
    }

    /// An order with many schedules takes many calls: what was read is stored early.
    fn reads_at_once(&self) -> u16 {
        20
    }

    fn lost_request_window(&self) -> Option<Duration> {
        Some(self.settings.options.lost_request)
    }

    async fn close(&self) {
        self.endpoint.lane.close().await;
    }
}

fn place(words: impl Into<String>) -> WriteBackRef {
    WriteBackRef {
        place: words.into(),
        id: None,
    }
}

fn written(plan: &Plan) -> &'static str {
    match (plan.wish.has_segments(), plan.wish.note().is_some()) {
        (true, true) => "flexfields and a note of the order",
        (true, false) => "flexfields of the order",
        (false, _) => "a note of the order",
    }
}

/// Whether a delivery has come to an end. That a parcel is not followed any more has no mark of its own in a status: what the
/// domain writes then is recognised by what it would write.
fn is_end(status: &DeliveryStatus) -> bool {
    matches!(status.milestone, Milestone::Delivered | Milestone::Returned)
        || DeliveryStatus::given_up(untold(status)).text == status.text
}

/// The status before anybody gave up, if its words say that somebody did.
fn untold(status: &DeliveryStatus) -> DeliveryStatus {
    let suffix = DeliveryStatus::given_up(DeliveryStatus {
        text: String::new(),
        ..status.clone()
    });
    let text = status.text.strip_suffix(&suffix.text).unwrap_or(&status.text);
    DeliveryStatus {
        text: text.to_owned(),
        ..status.clone()
    }
}

/// Whether words that stand in an order are those of an end.
pub(super) fn says_end(text: &str) -> bool {
    [Milestone::Delivered, Milestone::Returned]
        .iter()
        .any(|end| end.words() == text)
}
