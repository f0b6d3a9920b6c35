//! The calls, and nothing that could be decided without them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::account::Settings;
use super::check;
use super::convert::Reference;
use super::credentials::{Credentials, digest};
use super::needs::Needs;
use crate::connection::{Connection, Selection, WriteBackPolicy};
use crate::domain::{DeliveryStatus, DocumentId, JobId, Order, ParcelRule, Refusal};
use crate::http::{Answer, Authorise, Basic, Bearer, Call, Client, ClientCredentials, Endpoint, Lane, Lost, Slots};
use crate::ports::{
    CallError, DocumentHead, Draft, EffectError, Finding, Mint, OrderSource, Permit, Scan, TokenKey, Told, WriteBack,
    WriteBackRef, Written,
};
use crate::systems::{Ports, account_of};

/// How long a refused password is not tried again: PeopleSoft locks an account after a few wrong ones, whatever time lies between.
const LOCKOUT: Duration = Duration::from_secs(3600);

/// How long everybody pauses after a 429 of a gateway in front; PeopleSoft itself knows none.
const PAUSE: Duration = Duration::from_secs(10);

/// One database through one connection.
pub struct PeopleSoft {
    pub(super) endpoint: Endpoint,
    pub(super) auth: Arc<dyn Authorise>,
    mint: Option<Arc<dyn Mint>>,
    pub(super) settings: Settings,
    pub(super) select: Selection,
    pub(super) policy: WriteBackPolicy,
    /// The carrier, as the record names it.
    pub(super) carrier: String,
    /// The columns that it cannot do without.
    pub(super) needs: Needs,
    /// What shares a parcel, and so a tracking number.
    pub(super) packing: ParcelRule,
    /// Locations, vendors and items that this piece of work has read already.
    pub(super) known: Mutex<Reference>,
}

/// How calls are authorised, and how a token for them is made, where it takes one.
type Access = (Arc<dyn Authorise>, Option<Arc<dyn Mint>>);

/// A token that somebody else has made.
struct StaticToken(SecretString);

#[async_trait]
impl Authorise for StaticToken {
    async fn header(&self, _method: &Method, _url: &Url) -> Result<Option<(&'static str, String)>, CallError> {
        let value = format!("Bearer {}", self.0.expose_secret());
        Ok(Some(("authorization", value)))
    }
}

impl PeopleSoft {
    /// Opens a connection's database. What is wrong with the connection or its secret is said at once.
    ///
    /// # Errors
    /// Why it cannot be opened; the words hold nothing of the secret.
    pub fn new(connection: &Connection, secret: &SecretString, ports: Ports) -> Result<Self, Refusal> {
        let settings = Settings::of(connection).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            Refusal::new("connection-malformed", texts.join("; "))
        })?;
        let credentials = Credentials::parse(secret)?;
        let client = client(&settings, &ports)?;
        let account = account_of(&connection.erp);
        let ports = Ports {
            timeout: settings.options.timeout.unwrap_or(ports.timeout),
            ..ports
        };
        let endpoint = Endpoint {
            client: client.clone(),
            system: "peoplesoft",
            base: settings.base.clone(),
            vendor_ids: &[],
            clock: ports.clock.clone(),
            recorder: ports.recorder.clone(),
            timeout: ports.timeout,
            lane: Lane {
                lockout: credentials.locks_out().then_some(LOCKOUT),
                ..lane(account, Some(Slots::new(settings.options.concurrency)), &ports)
            },
        };
        let (auth, mint) = authorisation(connection, credentials, &settings, client, &ports)?;
        let needs = Needs::of(connection, &settings.options);
        Ok(Self {
            endpoint,
            auth,
            mint,
            select: connection.select.clone(),
            policy: connection.write_back.clone(),
            carrier: connection.carrier.system.to_uppercase(),
            packing: connection.packing.rule,
            known: Mutex::default(),
            needs,
            settings,
        })
    }

    /// How a token of this connection is made, for the refresher; Basic and a token of somebody else's have none.
    pub fn mint(&self) -> Option<Arc<dyn Mint>> {
        self.mint.clone()
    }

    /// Sends, unless the account is full.
    pub(super) async fn send(&self, call: &Call, permit: Option<Permit>) -> Result<Answer, Lost> {
        self.endpoint.send(call, self.auth.as_ref(), permit).await
    }

    /// From here on this is a scan, or a person's question, which has no queue to go back to. Work on a single document leaves
    /// one slot free for these.
    fn scan(&self) {
        self.endpoint.lane.slots.iter().for_each(Slots::claim_last);
    }
}

/// The pooled client, or one for the customer's own network.
fn client(settings: &Settings, ports: &Ports) -> Result<Client, Refusal> {
    if settings.network.private && settings.network.certificates.is_none() {
        return Ok(ports.client.clone());
    }
    let unusable = |words| Refusal::new("connection-malformed", words);
    ports.client.within(&settings.network).map_err(unusable)
}

fn lane(account: String, slots: Option<Slots>, ports: &Ports) -> Lane {
    Lane {
        limits: ports.limits.clone(),
        account,
        slots,
        rate: None,
        counted_as: None,
        lease: ports.timeout * 4,
        pause: PAUSE,
        lockout: None,
        forbids: None,
    }
}

/// What a token was made from: one secret at two identity providers, or for two scopes, makes two.
pub(super) fn token_of(secret: &str, settings: &Settings) -> String {
    let options = &settings.options;
    let identity = options.identity_url.as_ref().map_or("", Url::as_str);
    let scope = options.scope.as_deref().unwrap_or_default();
    format!(
        "{secret}@{}",
        digest(&[identity, &options.token_path, scope].join("\n"), 8)
    )
}

fn authorisation(
    connection: &Connection,
    credentials: Credentials,
    settings: &Settings,
    client: Client,
    ports: &Ports,
) -> Result<Access, Refusal> {
    let key = TokenKey {
        system: "peoplesoft".to_owned(),
        credential: token_of(&connection.erp.secret, settings),
        client: credentials.client(),
        merchant: None,
        connection: connection.id.clone(),
    };
    let application = match credentials {
        Credentials::Basic(user) => {
            let basic = Basic {
                user: user.user,
                password: user.password,
            };
            return Ok((Arc::new(basic), None));
        }
        Credentials::Bearer(fixed) => return Ok((Arc::new(StaticToken(fixed.token)), None)),
        Credentials::OAuth(application) => application,
    };
    let options = &settings.options;
    let Some(identity) = options.identity_url.clone() else {
        let words = "the secret is of kind client-credentials, and erp.identity_url does not say where tokens are made";
        return Err(Refusal::new("connection-malformed", words));
    };
    let mint: Arc<dyn Mint> = Arc::new(ClientCredentials {
        endpoint: Endpoint {
            client,
            system: "peoplesoft",
            base: identity,
            vendor_ids: &[],
            clock: ports.clock.clone(),
            recorder: ports.recorder.clone(),
            timeout: ports.timeout,
            // A way of its own: tokens are asked for while a slot is held.
            lane: lane(format!("{}:token", account_of(&connection.erp)), None, ports),
        },
        path: options.token_path.clone(),
        client: Basic {
            user: application.client_id,
            password: application.client_secret,
        },
        authentication: options.client_authentication,
        scope: options.scope.clone(),
    });
    let bearer = Bearer::new(key, ports.tokens.clone(), mint.clone());
    Ok((Arc::new(bearer), Some(mint)))
}

#[async_trait]
impl OrderSource for PeopleSoft {
    async fn changed(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.scan();
        self.heads(scan, |_, _| true).await
    }

    async fn waiting(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        let (select, options) = (&self.select, &self.settings.options);
        self.heads(scan, |kind, row| super::convert::may_ship(kind, row, select, options))
            .await
    }

    async fn read(&self, documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        let mut orders = Vec::with_capacity(documents.len());
        // One after another: the work holds one slot, and that is one call at a time.
        for document in documents {
            orders.extend(self.read_one(document).await?);
        }
        Ok(orders)
    }

    async fn numbered(&self, number: &str) -> Result<Vec<DocumentId>, CallError> {
        self.scan();
        self.look_up(number).await
    }

    async fn find(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        self.look_for(write_back).await
    }

    async fn made(&self, _jobs: &[JobId]) -> Result<Option<BTreeSet<JobId>>, CallError> {
        Ok(None)
    }

    fn draft(&self, write_back: &WriteBack<'_>, _found: &Written) -> Result<Draft, Refusal> {
        self.plan(write_back)
    }

    async fn write_back(&self, draft: &Draft, permit: Permit) -> Result<WriteBackRef, EffectError> {
        self.write(draft, permit).await
    }

    async fn flag(&self, document: &DocumentId, problem: Option<&str>) -> Result<(), CallError> {
        self.show_problem(document, problem).await
    }

    async fn tell(&self, document: &DocumentId, status: &DeliveryStatus, permit: Permit) -> Result<Told, EffectError> {
        self.show_delivery(document, status, permit).await.map(|()| Told::Shown)
    }

    /// A document takes two calls and more, one after another.
    fn reads_at_once(&self) -> u16 {
        20
    }

    async fn check(&self) -> Vec<Finding> {
        self.scan();
        check::check(self).await
    }

    fn lost_request_window(&self) -> Option<Duration> {
        Some(self.settings.options.lost_request)
    }

    async fn close(&self) {
        self.endpoint.lane.close().await;
    }
}
