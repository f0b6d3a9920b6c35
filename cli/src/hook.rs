//! `waybill hook ...`: the addresses to which vendors push, and the keys by which they prove who they are.
//!
//! An address is as good as a key: it is printed where it is made and where it is asked for, and nowhere else. A hook belongs to
//! a credential, so that all connections that use the credential share it.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waybill::aws::TRACKING_SHARDS;
use waybill::connection::{Connection, SystemSettings};
use waybill::domain::{ConnectionId, Cover};
use waybill::ports::{Covers, Hook, Secrets};
use waybill::systems::{System, hook_secret};

use crate::Common;
use crate::connection;
use crate::desk_hook::{self, Told};
use crate::keys::{key, random, rotated, sealed};
use crate::output::{Answer, Failure, note, table, when};
use crate::stack::Stack;

/// How much of a digest is shown.
const SHORT: usize = 8;

/// For how long UPS sends what a subscription named (v1).
const SUBSCRIPTION: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The longest address that FedEx's portal takes.
const FEDEX_ADDRESS: usize = 200;

/// What FedEx's portal wants of a key beside its length: capitals, small letters and digits. What follows it is random.
const FEDEX_KEY: &str = "Wb1";

/// After which no function remembers an earlier body of a secret.
const SECRETS_KEPT: SignedDuration = SignedDuration::from_mins(6);

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Makes an address to which a vendor pushes, and its keys; they are shown once
    #[command(after_help = "Examples:
  waybill hook create acme-netsuite-ups --carrier
  waybill hook create acme-netsuite-ups --carrier --client-id acme-at-ups
  waybill hook create acme-netsuite-ups --erp --network 203.0.113.0/24
  waybill hook create acme-netsuite-fedex --carrier --network 20.65.16.22/31

UPS v1 needs nothing more than track_alert = \"v1\" in the connection's file. With --client-id it is for UPS v2, and what is to be
registered at developer.ups.com is printed. NetSuite's script parameters are printed. For FedEx what is to be entered in its portal
is printed, and what pushes cost there. ShipStation is told by its own API; said again, only what is missing there is registered.
Connections that use the same credential share one hook.")]
    Create {
        #[command(flatten)]
        whose: Whose,
        /// The client id with which UPS asks for a token (Track Alert v2)
        #[arg(long, value_name = "ID", value_parser = client_id, conflicts_with = "erp")]
        client_id: Option<String>,
        /// Only callers of this network are listened to; may be repeated
        #[arg(long = "network", value_name = "CIDR", value_parser = network)]
        networks: Vec<String>,
    },
    /// Lists hooks, without their addresses
    #[command(after_help = "Examples:\n  waybill hook list\n  waybill hook list --json")]
    List,
    /// Shows the whole address again, which is a secret
    #[command(after_help = "Examples:
  waybill hook show acme-netsuite-ups --carrier
  waybill hook show acme-netsuite-ups --erp --yes")]
    Show {
        #[command(flatten)]
        whose: Whose,
    },
    /// Makes another key, and with --address another address; the old ones stay good for a while
    #[command(after_help = "Examples:
  waybill hook rotate acme-netsuite-ups --erp --by ada
  waybill hook rotate acme-netsuite-ups --carrier --address --yes
  waybill hook rotate acme-netsuite-ups --carrier --address --keep-hours 0

The old key stays beside the new one until the next rotation, the old address for --keep-hours. UPS v1 goes on sending what
a subscription named until it is renewed, at most 14 days later: that is what is kept if you say nothing. With --keep-hours 0
(the secret leaked) the old ones end at once, and UPS v1 is asked within minutes to push to the new ones.")]
    Rotate {
        #[command(flatten)]
        whose: Whose,
        /// Make another address too
        #[arg(long)]
        address: bool,
        /// For how long the old address is still answered; 0 ends the old key at once too
        #[arg(long, value_name = "HOURS", default_value_t = 336)]
        keep_hours: u32,
    },
    /// Ends a hook: nobody is listened to at its address any more
    #[command(after_help = "Examples:
  waybill hook remove acme-netsuite-ups --carrier --yes --by ada
  waybill hook remove --hook 1a2b3c4d

--hook names one that `waybill hook list` shows; it is for hooks that no connection uses any more.")]
    Remove {
        /// A connection that uses it
        #[arg(value_name = "CONNECTION", required_unless_present = "hook", conflicts_with = "hook")]
        id: Option<ConnectionId>,
        #[command(flatten)]
        meant: Meant,
    },
}

/// Whose hook is meant.
#[derive(Debug, Args)]
pub(crate) struct Whose {
    /// A connection that uses it
    #[arg(value_name = "CONNECTION")]
    id: ConnectionId,
    #[command(flatten)]
    side: Side,
}

/// Which of a connection's two systems pushes.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Side {
    /// Its carrier: news of parcels
    #[arg(long)]
    carrier: bool,
    /// Its ERP: orders that were saved
    #[arg(long)]
    erp: bool,
}

/// Which hook is to end.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Meant {
    /// That of the connection's carrier
    #[arg(long)]
    carrier: bool,
    /// That of the connection's ERP
    #[arg(long)]
    erp: bool,
    /// The one that the list shows by this name
    #[arg(long, value_name = "HOOK")]
    hook: Option<String>,
}

impl Whose {
    fn settings<'a>(&self, connection: &'a Connection) -> &'a SystemSettings {
        side(self.side.carrier, connection)
    }

    /// The flag that names the side.
    fn flag(&self) -> &'static str {
        flag(self.side.carrier)
    }
}

fn side(carrier: bool, connection: &Connection) -> &SystemSettings {
    if carrier { &connection.carrier } else { &connection.erp }
}

fn flag(carrier: bool) -> &'static str {
    if carrier { "--carrier" } else { "--erp" }
}

fn client_id(text: &str) -> Result<String, String> {
    let text = text.trim();
    let legal = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != ':');
    legal
        .then(|| text.to_owned())
        .ok_or_else(|| "a client id is visible characters without spaces and colons".to_owned())
}

fn network(text: &str) -> Result<String, String> {
    let legal = text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok();
    legal.then(|| text.to_owned()).ok_or_else(|| {
        "a network is written like 203.0.113.0/24 or 2001:db8::/32, an address like 203.0.113.7".to_owned()
    })
}

/// The body of a hook's secret. It is never printed as a whole, and has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
struct Body {
    id: String,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_key: Option<String>,
    /// Whether the vendor signs nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unsigned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated_at: Option<Timestamp>,
}

impl Body {
    fn new(system: &str, client_id: Option<String>) -> Result<Self, Failure> {
        let token_key = client_id.as_ref().map(|_| key()).transpose()?;
        Ok(Self {
            id: random::<16>()?,
            keys: vec![key_for(system)?],
            client_id,
            token_key,
            unsigned: false,
            rotated_at: None,
        })
    }

    /// The body that stands there; `None` where there is none that is a hook's.
    fn read(text: &str) -> Option<Self> {
        let body: Self = serde_json::from_str(text).ok()?;
        (!body.id.is_empty()).then_some(body)
    }

    /// The same with another key, and with another address where one is wanted; `unsigned` as the connection is now.
    fn turned(&self, system: &str, turn: Turn, now: Timestamp, unsigned: bool) -> Result<Self, Failure> {
        let id = if turn.address { random::<16>()? } else { self.id.clone() };
        let token_key = match &self.token_key {
            // What signs our own tokens changes only with a leak: UPS would be refused until it asks for another token.
            Some(_) if !turn.keep => Some(key()?),
            kept => kept.clone(),
        };
        Ok(Self {
            id,
            keys: rotated(&self.keys, key_for(system)?, turn.keep),
            client_id: self.client_id.clone(),
            token_key,
            unsigned,
            rotated_at: Some(now),
        })
    }

    fn digest(&self) -> String {
        Hook::digest_of(&self.id)
    }

    /// Until when UPS may still send the key that another rotation drops.
    fn in_use_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.rotated_at? + SUBSCRIPTION;
        (self.keys.len() > 1 && self.client_id.is_none() && until > now).then_some(until)
    }
}

/// A key as a system takes it.
fn key_for(system: &str) -> Result<String, Failure> {
    let key = key()?;
    Ok(match System::named(system) {
        Some(System::FedEx) => format!("{FEDEX_KEY}{key}"),
        _ => key,
    })
}

/// What a rotation changes.
#[derive(Debug, Clone, Copy)]
struct Turn {
    address: bool,
    keep: bool,
}

/// By which of the vendors' ways news come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    UpsV1,
    UpsV2,
    NetSuite,
    FedEx,
    ShipStation,
}

impl Way {
    fn of(system: &str, client_id: Option<&str>) -> Result<Self, Failure> {
        match (System::named(system), client_id) {
            (Some(System::Ups), None) => Ok(Self::UpsV1),
            (Some(System::Ups), Some(_)) => Ok(Self::UpsV2),
            (Some(System::NetSuite), _) => Ok(Self::NetSuite),
            (Some(System::FedEx), None) => Ok(Self::FedEx),
            (Some(System::ShipStation), None) => Ok(Self::ShipStation),
            (Some(System::ShipStation), Some(_)) => Err(Failure::new(
                "ShipStation asks for no token: say nothing of a client id, V2 signs with its own published key",
            )),
            (Some(System::FedEx), Some(_)) => Err(Failure::new(
                "FedEx asks for no token: say nothing of a client id, its pushes are signed",
            )),
            (Some(System::Fusion | System::PeopleSoft) | None, _) => {
                Err(Failure::new(format!("{system} pushes nothing that this version knows")))
            }
        }
    }

    /// Whether the vendor pushes to whatever a subscription of ours has named.
    fn has_subscriptions(self) -> bool {
        matches!(self, Self::UpsV1 | Self::UpsV2)
    }
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Create {
            whose,
            client_id,
            networks,
        } => create(&stack, common, &whose, client_id, networks).await,
        Verb::List => list(&stack).await,
        Verb::Show { whose } => show(&stack, common, &whose).await,
        Verb::Rotate {
            whose,
            address,
            keep_hours,
        } => rotate(&stack, common, &whose, address, keep_hours).await,
        Verb::Remove { id, meant } => remove(&stack, common, id.as_ref(), &meant).await,
    }
}

async fn create(
    stack: &Stack,
    common: &Common,
    whose: &Whose,
    client_id: Option<String>,
    networks: Vec<String>,
) -> Result<Answer, Failure> {
    let connection = stack.gate(&whose.id).await?.connection;
    let settings = whose.settings(&connection);
    let way = Way::of(&settings.system, client_id.as_deref())?;
    let (store, api) = (stack.store()?, stack.output("Api")?);
    if let Some(hook) = store
        .hooks()
        .await?
        .iter()
        .find(|hook| hook.credential == settings.secret)
    {
        return match way {
            Way::ShipStation => register_again(stack, common, &connection, whose).await,
            _ => Err(exists(hook, whose)),
        };
    }
    let body = Body {
        unsigned: signs_nothing(settings),
        ..Body::new(&settings.system, client_id)?
    };
    if way == Way::FedEx {
        fits_fedex(api, &body)?;
    }
    let hook = Hook {
        digest: body.digest(),
        system: settings.system.clone(),
        tenant: connection.tenant.clone(),
        credential: settings.secret.clone(),
        secret: hook_secret(&settings.secret),
        connections: users(&settings.secret, &stack.connections(None).await?),
        networks,
        created_at: Timestamp::now(),
        retires_at: None,
    };
    record(
        stack,
        common,
        &hook,
        &format!("made the hook {} of {}", short(&hook), hook.credential),
    )
    .await?;
    // The hook first: what is pushed to an address that the carrier was told must not meet nobody.
    store.write_hook(&hook).await?;
    stack.secrets()?.set(&hook.secret, &sealed(&body)?).await?;
    let head = format!(
        "the hook {} of {} is made, for {}",
        short(&hook),
        hook.credential,
        names(&hook.connections)
    );
    let told = match way {
        Way::ShipStation => {
            let own = std::slice::from_ref(&hook);
            Some(desk_hook::register(stack, &connection, own, &address_below(api, &body.id)).await)
        }
        _ => None,
    };
    let shown = Shown {
        api,
        hook: &hook,
        body: &body,
        told: told.as_ref(),
    };
    shown.answer(&head, way, whose)
}

/// What is missing at the desk is registered; the hook stays what it is, and its address is not shown.
async fn register_again(
    stack: &Stack,
    common: &Common,
    connection: &Connection,
    whose: &Whose,
) -> Result<Answer, Failure> {
    let found = Found::of(stack, whose).await?;
    let known = found.body.as_ref();
    let own = known.and_then(|body| Some((body, found.hooks.iter().find(|hook| hook.digest == body.digest())?)));
    let Some((body, hook)) = own else {
        return Err(unreadable(&found, whose));
    };
    let text = format!(
        "registered the hook {} of {} where it was not",
        short(hook),
        hook.credential
    );
    record(stack, common, hook, &text).await?;
    let address = address_below(stack.output("Api")?, &body.id);
    let told = desk_hook::register(stack, connection, &found.hooks, &address).await;
    let mut text = format!(
        "the hook {} of {} was made before; at {}:\n{}",
        short(hook),
        hook.credential,
        hook.system,
        told.in_words()
    );
    if !told.is_whole() {
        text.push_str(&format!(
            "\n\nWhat is not done there can be done by hand: `waybill hook show {} {}` shows the address.",
            whose.id,
            whose.flag()
        ));
    }
    Answer::new(&json!({ "hook": listed(hook), "registered": told.outcomes }), text)
}

/// ShipStation's V1 signs nothing: a hook for it is known by its address alone.
fn signs_nothing(settings: &SystemSettings) -> bool {
    let v1 = settings.options.get("api").and_then(serde_json::Value::as_str) == Some("v1");
    System::named(&settings.system) == Some(System::ShipStation) && v1
}

/// FedEx's portal takes no longer address.
fn fits_fedex(api: &str, body: &Body) -> Result<(), Failure> {
    let length = address_below(api, &body.id).chars().count();
    if length <= FEDEX_ADDRESS {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the hook's address would have {length} characters, and FedEx takes {FEDEX_ADDRESS}: give the stack's API a shorter \
         name (ApiUrl). Nothing was done"
    )))
}

fn address_below(api: &str, id: &str) -> String {
    format!("{}/hooks/{id}", api.trim_end_matches('/'))
}

fn exists(hook: &Hook, whose: &Whose) -> Failure {
    let (id, flag) = (&whose.id, whose.flag());
    Failure::new(format!(
        "{} has the hook {} already, for {}: `waybill hook show {id} {flag}` shows its address, `waybill hook rotate {id} {flag}` makes \
         another key, with --address another address too",
        hook.credential,
        short(hook),
        names(&hook.connections)
    ))
}

/// A hook with everything that is secret about it, as it is printed once.
struct Shown<'a> {
    api: &'a str,
    hook: &'a Hook,
    body: &'a Body,
    /// What the carrier was told of it, where it can be told.
    told: Option<&'a Told>,
}

impl Shown<'_> {
    fn address(&self) -> String {
        address_below(self.api, &self.body.id)
    }

    fn token_address(&self) -> String {
        format!("{}/token", self.address())
    }

    fn key(&self) -> &str {
        self.body.keys.first().map_or("", String::as_str)
    }

    /// Tells a new key; the address stays what it is and is not shown.
    fn answer_key(&self, head: &str, way: Way) -> Result<Answer, Failure> {
        let key = self.key();
        let what = match way {
            Way::UpsV1 => "Nothing is to be entered anywhere: UPS is told with the next subscriptions.",
            Way::UpsV2 => "Enter it as the client secret at developer.ups.com, under \"Manage Webhook Credentials\".",
            Way::NetSuite => "Enter it as the password of the API secret, in NetSuite's Setup > Company > API Secrets.",
            Way::FedEx => {
                "Enter it as the security token of the webhook project at developer.fedex.com: what FedEx signs by the old one is \
                 refused unless this rotation keeps it."
            }
            Way::ShipStation => {
                "Nothing is to be entered anywhere: ShipStation signs with its own published key, or not at all. A leaked address is \
                 replaced by `--address`."
            }
        };
        let text = format!("{head}\n\nkey  {key}\n\n{what} It is not shown again.");
        Answer::new(&json!({ "hook": listed(self.hook), "key": key }), text)
    }

    fn answer(&self, head: &str, way: Way, whose: &Whose) -> Result<Answer, Failure> {
        let text = format!(
            "{head}\n\n{}\n\nWhoever knows the address can send to it, so keep it to yourself. The key is not shown again; the address is, \
             by `waybill hook show {} {}`.",
            self.what_to_do(way),
            whose.id,
            whose.flag()
        );
        let document = json!({
            "hook": listed(self.hook),
            "address": self.address(),
            "token_address": (way == Way::UpsV2).then(|| self.token_address()),
            "client_id": self.body.client_id,
            "key": self.key(),
            "registered": self.told.map(|told| &told.outcomes),
        });
        Answer::new(&document, text)
    }

    fn what_to_do(&self, way: Way) -> String {
        match self.told {
            Some(told) if told.is_whole() => {
                let (address, lines) = (self.address(), told.in_words());
                format!(
                    "address  {address}\n\nNothing is to be entered anywhere: {} was told.\n{lines}",
                    self.hook.system
                )
            }
            Some(told) => format!(
                "{} was told where to push:\n{}\n\nWhat is not done there is to be done by hand. {}",
                self.hook.system,
                told.in_words(),
                self.by_hand(way)
            ),
            None => self.by_hand(way),
        }
    }

    fn by_hand(&self, way: Way) -> String {
        let (address, key) = (self.address(), self.key());
        match way {
            Way::UpsV1 => format!(
                "address  {address}\nkey      {key}\n\nNothing is to be entered anywhere: with track_alert = \"v1\" under [carrier] of the \
                 connection's file, UPS is told both with every subscription."
            ),
            Way::UpsV2 => format!(
                "At developer.ups.com, under \"Manage Webhook Credentials\" (developer.ups.com/update-webhook), register:\n  \
                 URL            {address}\n  token URL      {}\n  client id      {}\n  client secret  {key}\nand set \
                 track_alert = \"v2\" under [carrier] of the connection's file.",
                self.token_address(),
                self.body.client_id.as_deref().unwrap_or_default(),
            ),
            Way::NetSuite => format!(
                "In NetSuite, Setup > Company > API Secrets, an API secret `custsecret_waybill` with this password, allowed for the script and \
                 for the host of the address:\n  {key}\nParameters of the script examples/netsuite/waybill_order_event.js:\n  \
                 custscript_waybill_url     {address}\n  custscript_waybill_secret  custsecret_waybill\n  custscript_waybill_user    the \
                 internal id of the employee as whom Waybill writes"
            ),
            Way::FedEx => format!(
                "At developer.fedex.com, in a project for webhooks (Advanced Integrated Visibility, by account number, with its tracking \
                 events), enter:\n  URL             {address}\n  security token  {key}\n\
                 FedEx charges a monthly fee for each tracking number, to an account that is billed in the United States; the project \
                 names the shipping account, which can be in one such project only. Its pushes come from 20.65.16.22/31: with --network \
                 20.65.16.22/31 nobody else is listened to. FedEx is asked as before, whatever it pushes: pushed news only come sooner."
            ),
            Way::ShipStation if self.body.unsigned => format!(
                "Register with ShipStation's V1 API (POST /webhooks/subscribe, or Settings > Integrations > Webhooks) for the events \
                 SHIP_NOTIFY and FULFILLMENT_SHIPPED this target URL:\n  {address}\nV1 signs nothing: the address alone is the secret."
            ),
            Way::ShipStation => format!(
                "Register with ShipStation's V2 API (POST /v2/environment/webhooks) for the events label_created_v2, \
                 fulfillment_shipped_v2 and track_event_v2 this URL:\n  {address}\nShipStation signs what it sends; what is not signed \
                 is refused."
            ),
        }
    }
}

/// A hook as a list may show it: nothing in it leads to its address.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    hook: &'a str,
    system: &'a str,
    credential: &'a str,
    connections: &'a [ConnectionId],
    networks: &'a [String],
    created_at: Timestamp,
    retires_at: Option<Timestamp>,
}

fn listed(hook: &Hook) -> Listed<'_> {
    Listed {
        hook: short(hook),
        system: &hook.system,
        credential: &hook.credential,
        connections: &hook.connections,
        networks: &hook.networks,
        created_at: hook.created_at,
        retires_at: hook.retires_at,
    }
}

async fn list(stack: &Stack) -> Result<Answer, Failure> {
    let hooks = stack.store()?.hooks().await?;
    answer_list(&hooks)
}

fn answer_list(hooks: &[Hook]) -> Result<Answer, Failure> {
    let row = |hook: &Hook| {
        let networks = if hook.networks.is_empty() {
            "all".to_owned()
        } else {
            hook.networks.join(", ")
        };
        [
            short(hook).to_owned(),
            hook.system.clone(),
            hook.credential.clone(),
            names(&hook.connections),
            networks,
            when(hook.created_at),
            hook.retires_at.map(when).unwrap_or_default(),
        ]
    };
    let header = [
        "hook",
        "system",
        "credential",
        "connections",
        "networks",
        "created",
        "retires",
    ];
    let text = table(header, hooks.iter().map(row));
    Answer::new(&hooks.iter().map(listed).collect::<Vec<_>>(), text)
}

async fn show(stack: &Stack, common: &Common, whose: &Whose) -> Result<Answer, Failure> {
    let found = Found::of(stack, whose).await?;
    let Some(body) = &found.body else {
        return Err(unreadable(&found, whose));
    };
    let digest = body.digest();
    let hook = found
        .hooks
        .iter()
        .find(|hook| hook.digest == digest)
        .unwrap_or(&found.hook);
    common.confirm(&format!(
        "the whole address of the hook {} is shown; whoever sees it can send to it",
        short(hook)
    ))?;
    let shown = Shown {
        api: stack.output("Api")?,
        hook,
        body,
        told: None,
    };
    let v2 = Way::of(&hook.system, body.client_id.as_deref())? == Way::UpsV2;
    let (address, token_address) = (shown.address(), v2.then(|| shown.token_address()));
    let text = match &token_address {
        Some(token) => format!("{address}\n{token}"),
        None => address.clone(),
    };
    let document = json!({ "hook": listed(hook), "address": address, "token_address": token_address });
    Answer::new(&document, text)
}

fn unreadable(found: &Found, whose: &Whose) -> Failure {
    Failure::new(format!(
        "the secret {} is not there or is no hook's: `waybill hook rotate {} {}` makes another address and key",
        found.secret,
        whose.id,
        whose.flag()
    ))
}

/// What is there for a credential: its hooks, and the body of their secret.
struct Found {
    hooks: Vec<Hook>,
    /// The newest that is not to retire.
    hook: Hook,
    secret: String,
    body: Option<Body>,
    /// Whether what comes is signed by nothing, as the connection's file stands now.
    unsigned: bool,
}

impl Found {
    async fn of(stack: &Stack, whose: &Whose) -> Result<Self, Failure> {
        let connection = stack.gate(&whose.id).await?.connection;
        let settings = whose.settings(&connection);
        let (credential, unsigned) = (&settings.secret, signs_nothing(settings));
        let all = stack.store()?.hooks().await?;
        let hooks: Vec<Hook> = all.into_iter().filter(|hook| hook.credential == *credential).collect();
        let Some(hook) = newest(&hooks).cloned() else {
            return Err(Failure::new(format!(
                "{credential} has no hook: `waybill hook create {} {}` makes one",
                whose.id,
                whose.flag()
            )));
        };
        let secret = hook.secret.clone();
        let text = stack.secrets()?.read(&secret).await?;
        let body = text.and_then(|text| Body::read(text.expose_secret()));
        Ok(Self {
            hooks,
            hook,
            secret,
            body,
            unsigned,
        })
    }
}

fn newest(hooks: &[Hook]) -> Option<&Hook> {
    let standing = hooks.iter().rev().find(|hook| hook.retires_at.is_none());
    standing.or(hooks.last())
}

async fn rotate(
    stack: &Stack,
    common: &Common,
    whose: &Whose,
    address: bool,
    keep_hours: u32,
) -> Result<Answer, Failure> {
    let found = Found::of(stack, whose).await?;
    let now = Timestamp::now();
    let known = found
        .body
        .as_ref()
        .is_some_and(|body| found.hooks.iter().any(|hook| hook.digest == body.digest()));
    let turn = Turn {
        address: address || !known,
        keep: keep_hours > 0,
    };
    let retires_at = now + SignedDuration::from_hours(i64::from(keep_hours));
    let api = stack.output("Api")?;
    common.confirm(&rotation_means(&found, turn, retires_at, now))?;
    let body = match &found.body {
        Some(body) => body.turned(&found.hook.system, turn, now, found.unsigned)?,
        None => Body {
            unsigned: found.unsigned,
            ..Body::new(&found.hook.system, None)?
        },
    };
    let hook = if turn.address {
        Hook {
            digest: body.digest(),
            created_at: now,
            retires_at: None,
            ..found.hook.clone()
        }
    } else {
        let own = found.hooks.iter().find(|hook| hook.digest == body.digest());
        own.unwrap_or(&found.hook).clone()
    };
    let what = if turn.address { "address and key" } else { "key" };
    record(
        stack,
        common,
        &hook,
        &format!("rotated {what} of the hook of {}", hook.credential),
    )
    .await?;
    let store = stack.store()?;
    if turn.address {
        store.write_hook(&hook).await?;
    }
    stack.secrets()?.set(&found.secret, &sealed(&body)?).await?;
    let way = Way::of(&hook.system, body.client_id.as_deref())?;
    // Before the old address ends: nothing is pushed to nobody in between.
    let told = match way {
        Way::ShipStation if turn.address => {
            let connection = stack.gate(&whose.id).await?.connection;
            let own: Vec<Hook> = found.hooks.iter().chain([&hook]).cloned().collect();
            Some(desk_hook::register(stack, &connection, &own, &address_below(api, &body.id)).await)
        }
        _ => None,
    };
    let leave = leave(&found.hooks, &hook.digest, retires_at, now);
    for hook in &leave.retiring {
        store.write_hook(hook).await?;
    }
    for digest in &leave.over {
        store.remove_hook(digest).await?;
    }
    let shown = Shown {
        api,
        hook: &hook,
        body: &body,
        told: told.as_ref(),
    };
    let mut head = format!("the hook {} of {} has a new {what}", short(&hook), hook.credential);
    if way.has_subscriptions() && !turn.keep {
        let again = subscribe_again(stack, &hook, now).await?;
        head.push_str(&format!(
            "; UPS is told within minutes for {again} parcel(s) on their way"
        ));
    }
    if turn.address {
        shown.answer(&head, way, whose)
    } else {
        shown.answer_key(&head, way)
    }
}

/// Has every subscription asked for again that names what has ended; answers how many there are.
async fn subscribe_again(stack: &Stack, hook: &Hook, now: Timestamp) -> Result<usize, Failure> {
    let (store, at) = (stack.store()?, now + SECRETS_KEPT);
    note("looking for subscriptions that name what has ended ...");
    let mut again = 0;
    for shard in 0..TRACKING_SHARDS {
        let mut keys = store.due_covers(shard, now + SUBSCRIPTION, u16::MAX).await?;
        keys.retain(|key| hook.connections.contains(&key.connection));
        for cover in store.covers(&keys).await? {
            let sooner = Cover {
                version: cover.version + 1,
                renew_at: at,
                ..cover
            };
            again += usize::from(store.write_cover(&sooner).await?);
        }
    }
    Ok(again)
}

fn rotation_means(found: &Found, turn: Turn, retires_at: Timestamp, now: Timestamp) -> String {
    let what = if turn.address { "address and key" } else { "key" };
    let mut means = format!("the hook of {} gets another {what}", found.hook.credential);
    if found.body.is_none() {
        means.push_str(
            ", because its secret is not there or is no hook's (a client id of UPS v2 is not known then: better remove the hook and \
             create it)",
        );
    }
    if !turn.keep {
        means.push_str("; the old ones end at once, and what is still sent with them is refused");
        return means;
    }
    means.push_str("; the old key is accepted until the next rotation");
    if turn.address {
        means.push_str(&format!(", the old address until {}", when(retires_at)));
    }
    let ups = System::named(&found.hook.system) == Some(System::Ups);
    if let Some(until) = found
        .body
        .as_ref()
        .filter(|_| ups)
        .and_then(|body| body.in_use_until(now))
    {
        means.push_str(&format!(
            "; the key before it ends now, though UPS may send it until {} for parcels whose subscription names it",
            when(until)
        ));
    }
    means
}

/// What becomes of the other addresses of a credential.
#[derive(Debug, Default, PartialEq)]
struct Leave {
    /// They are answered until they retire.
    retiring: Vec<Hook>,
    /// They are not answered any more.
    over: Vec<String>,
}

/// Every address but the one of this digest retires, none later than it was to; those that are closed go.
fn leave(hooks: &[Hook], digest: &str, retires_at: Timestamp, now: Timestamp) -> Leave {
    let mut leave = Leave::default();
    for hook in hooks.iter().filter(|hook| hook.digest != digest) {
        let sooner = hook.retires_at.is_none_or(|own| own > retires_at);
        if !hook.is_open(now) {
            leave.over.push(hook.digest.clone());
        } else if sooner {
            leave.retiring.push(Hook {
                retires_at: Some(retires_at),
                ..hook.clone()
            });
        }
    }
    leave
}

async fn remove(stack: &Stack, common: &Common, id: Option<&ConnectionId>, meant: &Meant) -> Result<Answer, Failure> {
    let store = stack.store()?;
    let all = store.hooks().await?;
    let credential = match (id, &meant.hook) {
        (Some(id), _) => side(meant.carrier, &stack.gate(id).await?.connection).secret.clone(),
        (None, Some(name)) => named(&all, name)?.credential.clone(),
        (None, None) => return Err(Failure::new("say a connection, or --hook with the name of a hook")),
    };
    let hooks: Vec<&Hook> = all.iter().filter(|hook| hook.credential == credential).collect();
    let Some(newest) = hooks.last() else {
        return Err(Failure::new(format!(
            "{credential} has no hook: there is nothing to remove"
        )));
    };
    common.confirm(&format!(
        "nobody is listened to any more at the hook of {credential}, which {} use(s), and its keys are lost for good",
        names(&newest.connections)
    ))?;
    record(stack, common, newest, &format!("removed the hook of {credential}")).await?;
    let told = end_at_desk(stack, id.or(newest.connections.first()), &hooks).await;
    for hook in &hooks {
        store.remove_hook(&hook.digest).await?;
    }
    // Without an id it is no hook's body: nobody is accepted, and no carrier is told an address.
    stack.secrets()?.set(&newest.secret, &sealed(&json!({}))?).await?;
    // Nothing is pushed any more: the renewer finds no hook, and has the carrier asked instead.
    subscribe_again(stack, newest, Timestamp::now()).await?;
    let removed: Vec<Listed<'_>> = hooks.iter().map(|hook| listed(hook)).collect();
    let mut text = format!("the hook of {credential} is removed, and its keys are gone");
    if let Some(told) = &told {
        text.push_str(&format!("; at {}:\n{}", newest.system, told.in_words()));
        if !told.is_whole() {
            text.push_str(
                "\nWhat is left there, under its webhooks, is to be taken away by hand: nobody answers it any more.",
            );
        }
    }
    let ended = told.as_ref().map(|told| &told.outcomes);
    Answer::new(&json!({ "removed": removed, "ended": ended }), text)
}

/// Whoever was told by its own API to push is told to push no more.
async fn end_at_desk(stack: &Stack, of: Option<&ConnectionId>, hooks: &[&Hook]) -> Option<Told> {
    let at_desk = hooks
        .iter()
        .all(|hook| System::named(&hook.system) == Some(System::ShipStation));
    if !at_desk {
        return None;
    }
    let Some(id) = of else {
        return Some(Told::nothing("no connection uses the hook any more"));
    };
    let connection = match stack.gate(id).await {
        Ok(gate) => gate.connection,
        Err(error) => return Some(Told::nothing(error)),
    };
    let hooks: Vec<Hook> = hooks.iter().map(|hook| (*hook).clone()).collect();
    Some(desk_hook::end(stack, &connection, &hooks).await)
}

/// The hooks of a connection's carrier.
pub(crate) async fn of_carrier(stack: &Stack, connection: &Connection) -> Result<Vec<Hook>, Failure> {
    let mut hooks = stack.store()?.hooks().await?;
    hooks.retain(|hook| hook.credential == connection.carrier.secret);
    Ok(hooks)
}

fn named<'a>(hooks: &'a [Hook], name: &str) -> Result<&'a Hook, Failure> {
    let mut found = hooks
        .iter()
        .filter(|hook| name.len() >= SHORT && hook.digest.starts_with(name));
    match (found.next(), found.next()) {
        (Some(hook), None) => Ok(hook),
        _ => Err(Failure::new(format!(
            "there is no hook {name}: `waybill hook list` shows all"
        ))),
    }
}

/// As much of a hook as may be shown.
fn short(hook: &Hook) -> &str {
    hook.digest.get(..SHORT).unwrap_or(&hook.digest)
}

fn names(connections: &[ConnectionId]) -> String {
    let names: Vec<&str> = connections.iter().map(ConnectionId::as_str).collect();
    if names.is_empty() {
        "no connection".to_owned()
    } else {
        names.join(", ")
    }
}

/// The connections that use a credential.
fn users(credential: &str, connections: &[Connection]) -> Vec<ConnectionId> {
    let uses = |one: &&Connection| {
        [&one.erp, &one.carrier]
            .iter()
            .any(|settings| settings.secret == credential)
    };
    connections.iter().filter(uses).map(|one| one.id.clone()).collect()
}

/// Writes into the story of each connection that uses a hook what is about to be done to it.
async fn record(stack: &Stack, common: &Common, hook: &Hook, text: &str) -> Result<(), Failure> {
    common.by()?;
    let standing = stack.connections(None).await?;
    for id in users(&hook.credential, &standing) {
        connection::record(stack, common, &id, text).await?;
    }
    Ok(())
}

/// Makes the hooks' lists of connections what the connections say now; answers all hooks as they stand then.
pub(crate) async fn follow_connections(stack: &Stack) -> Result<Vec<Hook>, Failure> {
    let store = stack.store()?;
    let mut hooks = store.hooks().await?;
    if hooks.is_empty() {
        return Ok(hooks);
    }
    let connections = store.connections().await?;
    for hook in &mut hooks {
        let users = users(&hook.credential, &connections);
        if hook.connections != users {
            hook.connections = users;
            store.write_hook(hook).await?;
        }
    }
    Ok(hooks)
}

/// What is to be done so that the carrier pushes, where the file wants that and nobody has made a hook.
pub(crate) fn missing(connection: &Connection, hooks: &[Hook]) -> Option<String> {
    let wanted = connection.carrier.options.get("track_alert").and_then(Value::as_str);
    let wanted = matches!(wanted, Some("v1" | "v2"));
    let made = hooks.iter().any(|hook| hook.credential == connection.carrier.secret);
    let id = &connection.id;
    (wanted && !made).then(|| {
        format!(
            "The carrier has no address yet to push news of parcels to: `waybill hook create {id} --carrier` makes one."
        )
    })
}

/// Hooks that no connection uses any more.
pub(crate) fn unused(hooks: &[Hook]) -> Option<String> {
    let unused: Vec<&str> = hooks
        .iter()
        .filter(|hook| hook.connections.is_empty())
        .map(short)
        .collect();
    (!unused.is_empty()).then(|| {
        format!(
            "No connection uses the hook(s) {} any more: `waybill hook remove --hook NAME` ends one.",
            unused.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::connection::parse;
    use waybill::flows::desk_hook::{Done, Outcome};
    use waybill::systems::check::Checks;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn connection(id: &str) -> Connection {
        let text = include_str!("../../examples/connections/netsuite-ups.toml");
        let connection = parse(text, "dev", &Checks).unwrap();
        Connection {
            id: id.parse().unwrap(),
            ..connection
        }
    }

    fn hook(id: &str, created_at: &str, retires_at: Option<&str>) -> Hook {
        Hook {
            digest: Hook::digest_of(id),
            system: "ups".to_owned(),
            tenant: "acme".parse().unwrap(),
            credential: "waybill/dev/acme/ups".to_owned(),
            secret: "waybill/dev/acme/ups-hook".to_owned(),
            connections: vec!["acme-netsuite-ups".parse().unwrap()],
            networks: Vec::new(),
            created_at: at(created_at),
            retires_at: retires_at.map(at),
        }
    }

    fn whose(carrier: bool) -> Whose {
        Whose {
            id: "acme-netsuite-ups".parse().unwrap(),
            side: Side { carrier, erp: !carrier },
        }
    }

    fn told(client_id: Option<&str>, system: &str) -> (Body, String) {
        let body = Body::new(system, client_id.map(str::to_owned)).unwrap();
        let hook = Hook {
            system: system.to_owned(),
            ..hook(&body.id, "2026-03-01T00:00:00Z", None)
        };
        let shown = Shown {
            api: "https://api.example.com/",
            hook: &hook,
            body: &body,
            told: None,
        };
        let way = Way::of(system, client_id).unwrap();
        let (text, _) = shown
            .answer("made", way, &whose(system != "netsuite"))
            .unwrap()
            .for_people();
        (body, text)
    }

    #[test]
    fn a_new_hook_is_told_once_with_what_to_do_with_it() {
        let (body, text) = told(None, "ups");
        let address = format!("https://api.example.com/hooks/{}", body.id);
        assert!(text.contains(&address) && text.contains(&body.keys[0]), "{text}");
        assert!(text.contains("Nothing is to be entered anywhere"), "{text}");
        assert!(text.contains("waybill hook show acme-netsuite-ups --carrier"), "{text}");
        let (body, text) = told(Some("acme-at-ups"), "ups");
        assert!(text.contains(&format!("/hooks/{}/token", body.id)), "{text}");
        assert!(text.contains("acme-at-ups") && text.contains(&body.keys[0]), "{text}");
        let token_key = body.token_key.unwrap();
        assert!(!text.contains(&token_key), "nobody needs what signs our own tokens");
        let (body, text) = told(None, "netsuite");
        assert!(
            text.contains("custscript_waybill_url") && text.contains(&body.keys[0]),
            "{text}"
        );
        assert!(text.contains("hook show acme-netsuite-ups --erp"), "{text}");
    }

    /// P65: for FedEx it is told what to enter where, what that costs and under which conditions; the key is one that
    /// its portal takes, and so is the address.
    #[test]
    fn what_fedex_wants_is_told_with_what_it_costs() {
        let (body, text) = told(None, "fedex");
        let key = body.keys.first().unwrap();
        assert!((26..=100).contains(&key.len()), "{key}");
        for class in [char::is_ascii_uppercase, char::is_ascii_lowercase, char::is_ascii_digit] {
            assert!(key.chars().any(|c| class(&c)), "{key}");
        }
        let address = format!("https://api.example.com/hooks/{}", body.id);
        for told in [
            address.as_str(),
            key.as_str(),
            "for each tracking number",
            "billed in the United States",
            "one such project only",
            "--network 20.65.16.22/31",
            "waybill hook show acme-netsuite-ups --carrier",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
        let long = format!("https://{}.example.com", "a".repeat(180));
        assert!(fits_fedex("https://api.example.com/prod/", &body).is_ok());
        let refused = fits_fedex(&long, &body).unwrap_err().to_string();
        assert!(
            refused.contains("FedEx takes 200") && !refused.contains(&body.id),
            "{refused}"
        );
        assert!(Way::of("fedex", Some("a-client")).is_err());
        let turn = Turn {
            address: false,
            keep: true,
        };
        let turned = body.turned("fedex", turn, at("2026-03-01T00:00:00Z"), false).unwrap();
        assert!(turned.keys.iter().all(|key| key.starts_with(FEDEX_KEY)) && turned.keys.len() == 2);
    }

    /// P41: where the carrier was told by its own API nothing is left to enter; where it was not, what is to be done by hand is told
    /// with the reason, whichever of ShipStation's APIs it is.
    #[test]
    fn what_a_desk_was_told_is_not_asked_of_a_person() {
        let outcome = |done| Outcome {
            event: "label_created_v2".to_owned(),
            done,
        };
        let told = |outcomes: Vec<Outcome>, unsigned: bool| {
            let body = Body {
                unsigned,
                ..Body::new("shipstation", None).unwrap()
            };
            let hook = Hook {
                system: "shipstation".to_owned(),
                ..hook(&body.id, "2026-03-01T00:00:00Z", None)
            };
            let told = Told::of(outcomes);
            let shown = Shown {
                api: "https://api.example.com",
                hook: &hook,
                body: &body,
                told: Some(&told),
            };
            let (text, _) = shown
                .answer("made", Way::ShipStation, &whose(true))
                .unwrap()
                .for_people();
            (format!("https://api.example.com/hooks/{}", body.id), text)
        };
        let (address, text) = told(vec![outcome(Done::Told)], false);
        assert!(
            text.contains(&address) && text.contains("Nothing is to be entered anywhere"),
            "{text}"
        );
        assert!(
            text.contains("label_created_v2: registered") && !text.contains("POST"),
            "{text}"
        );
        for (unsigned, by_hand) in [
            (false, "POST /v2/environment/webhooks"),
            (true, "POST /webhooks/subscribe"),
        ] {
            let failed = Done::Failed("no such event".to_owned());
            let (address, text) = told(vec![outcome(failed)], unsigned);
            for part in [address.as_str(), by_hand, "NOT done, no such event", "by hand"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }

    #[test]
    fn another_key_is_told_without_the_address() {
        for (system, client_id) in [
            ("ups", None),
            ("ups", Some("acme-at-ups")),
            ("netsuite", None),
            ("fedex", None),
        ] {
            let body = Body::new(system, client_id.map(str::to_owned)).unwrap();
            let shown = Shown {
                api: "https://api.example.com",
                hook: &hook(&body.id, "2026-03-01T00:00:00Z", None),
                body: &body,
                told: None,
            };
            let answer = shown.answer_key("turned", Way::of(system, client_id).unwrap()).unwrap();
            let (text, _) = answer.for_people();
            assert!(text.contains(&body.keys[0]) && !text.contains(&body.id), "{text}");
        }
    }

    /// The receiver and the UPS adapter read what is written here.
    #[test]
    fn a_hooks_secret_is_one_that_the_library_reads() {
        let body = Body::new("ups", Some("acme-at-ups".to_owned())).unwrap();
        let keys: waybill::ports::HookKeys = serde_json::from_str(sealed(&body).unwrap().expose_secret()).unwrap();
        assert_eq!(keys.id.expose_secret(), body.id);
        assert_eq!(keys.client_id.as_deref(), Some("acme-at-ups"));
        assert!(keys.keys.len() == 1 && keys.token_key.is_some());
        assert_eq!(body.id.len(), 32, "128 bits in hexadecimal");
        assert!(Body::read("{}").is_none() && Body::read("hunter2").is_none());
    }

    /// V1 signs nothing and V2 everything: a rotation goes by the connection as it is now, not as it was when the hook was made.
    #[test]
    fn a_rotation_asks_for_signatures_where_there_are_some() {
        let turn = Turn {
            address: false,
            keep: true,
        };
        let now = at("2026-03-01T00:00:00Z");
        for (before, now_unsigned) in [(true, false), (false, true)] {
            let body = Body {
                unsigned: before,
                ..Body::new("shipstation", None).unwrap()
            };
            let turned = body.turned("shipstation", turn, now, now_unsigned).unwrap();
            assert_eq!(turned.unsigned, now_unsigned);
        }
    }

    #[test]
    fn a_rotation_changes_the_key_and_only_if_wanted_the_address() {
        let (first, now) = (Body::new("ups", None).unwrap(), at("2026-03-01T00:00:00Z"));
        let turn = Turn {
            address: false,
            keep: true,
        };
        let second = first.turned("ups", turn, now, false).unwrap();
        assert_eq!(second.id, first.id);
        assert_eq!(second.keys[1], first.keys[0]);
        let third = second
            .turned("ups", Turn { address: true, ..turn }, now, false)
            .unwrap();
        assert_ne!(third.id, first.id);
        assert_eq!(third.keys.len(), 2, "the third-oldest key is dropped");
        assert!(!third.keys.contains(&first.keys[0]));
        let leaked = third.turned("ups", Turn { keep: false, ..turn }, now, false).unwrap();
        assert_eq!(leaked.keys.len(), 1);
    }

    #[test]
    fn what_signs_our_tokens_changes_only_with_a_leak() {
        let (first, now) = (
            Body::new("ups", Some("x".to_owned())).unwrap(),
            at("2026-03-01T00:00:00Z"),
        );
        let turned = |keep| first.turned("ups", Turn { address: false, keep }, now, false).unwrap();
        assert_eq!(turned(true).token_key, first.token_key);
        assert_ne!(turned(false).token_key, first.token_key);
        assert_eq!(turned(false).client_id.as_deref(), Some("x"));
    }

    #[test]
    fn a_second_rotation_within_a_subscriptions_life_is_told_with_what_it_breaks() {
        let now = at("2026-03-01T00:00:00Z");
        let turn = Turn {
            address: false,
            keep: true,
        };
        let body = Body::new("ups", None).unwrap().turned("ups", turn, now, false).unwrap();
        let own = hook(&body.id, "2026-01-01T00:00:00Z", None);
        let found = Found {
            hooks: vec![own.clone()],
            hook: own,
            secret: "s".to_owned(),
            body: Some(body.clone()),
            unsigned: false,
        };
        let soon = rotation_means(&found, turn, now, at("2026-03-02T00:00:00Z"));
        assert!(soon.contains("UPS may send it until 2026-03-15"), "{soon}");
        let later = rotation_means(&found, turn, now, at("2026-03-20T00:00:00Z"));
        assert!(!later.contains("UPS may send it"), "{later}");
        for text in [soon, later] {
            assert!(!text.contains(&body.id) && !text.contains(&body.keys[0]), "{text}");
        }
    }

    #[test]
    fn old_addresses_retire_and_go_once_they_are_closed() {
        let now = at("2026-03-10T00:00:00Z");
        let hooks = [
            hook("closed", "2026-01-01T00:00:00Z", Some("2026-03-01T00:00:00Z")),
            hook("closing", "2026-02-01T00:00:00Z", Some("2026-03-12T00:00:00Z")),
            hook("standing", "2026-03-01T00:00:00Z", None),
            hook("new", "2026-03-10T00:00:00Z", None),
        ];
        let left = leave(&hooks, &Hook::digest_of("new"), at("2026-03-24T00:00:00Z"), now);
        assert_eq!(left.over, [Hook::digest_of("closed")]);
        let retiring: Vec<(&str, Option<Timestamp>)> = left
            .retiring
            .iter()
            .map(|hook| (hook.digest.as_str(), hook.retires_at))
            .collect();
        let standing = Hook::digest_of("standing");
        assert_eq!(retiring, [(standing.as_str(), Some(at("2026-03-24T00:00:00Z")))]);
        let at_once = leave(&hooks, &Hook::digest_of("new"), now, now);
        assert_eq!(at_once.retiring.len(), 2, "what was to close later closes now");
        assert_eq!(
            newest(&hooks).map(|hook| hook.digest.clone()),
            Some(Hook::digest_of("new"))
        );
    }

    #[test]
    fn lists_and_refusals_never_lead_to_an_address() {
        let id = "00112233445566778899aabbccddeeff";
        let hook = hook(id, "2026-03-01T00:00:00Z", None);
        let document = serde_json::to_string(&listed(&hook)).unwrap();
        let (text, _) = answer_list(std::slice::from_ref(&hook)).unwrap().for_people();
        let refusal = exists(&hook, &whose(true)).to_string();
        for text in [&document, &text, &refusal] {
            assert!(text.contains(short(&hook)), "{text}");
            assert!(!text.contains(id) && !text.contains(&hook.digest), "{text}");
        }
        assert!(
            refusal.contains("hook rotate acme-netsuite-ups --carrier") && refusal.contains("hook show"),
            "{refusal}"
        );
    }

    #[test]
    fn a_hook_is_named_by_what_the_list_shows() {
        let hooks = [
            hook("a", "2026-03-01T00:00:00Z", None),
            hook("b", "2026-03-01T00:00:00Z", None),
        ];
        assert_eq!(named(&hooks, short(&hooks[1])).ok(), Some(&hooks[1]));
        for name in ["", "12", "zzzzzzzz"] {
            assert!(named(&hooks, name).is_err(), "{name}");
        }
    }

    #[test]
    fn connections_of_one_credential_share_its_hook() {
        let mut other = connection("zenith");
        other.carrier.secret = "waybill/dev/zenith/ups".to_owned();
        let all = [connection("acme-netsuite-ups"), connection("acme-east"), other];
        let names = |credential| {
            users(credential, &all)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("waybill/dev/acme/ups"), ["acme-netsuite-ups", "acme-east"]);
        assert_eq!(names("waybill/dev/zenith/ups"), ["zenith"]);
        assert_eq!(
            names("waybill/dev/acme/netsuite").len(),
            3,
            "the ERP's credential has a hook of its own"
        );
    }

    #[test]
    fn a_connection_that_wants_pushes_is_told_how_to_get_an_address() {
        let mut wanting = connection("acme-netsuite-ups");
        wanting.carrier.options = json!({ "track_alert": "v1" });
        let told = missing(&wanting, &[]).unwrap();
        assert!(
            told.contains("`waybill hook create acme-netsuite-ups --carrier`"),
            "{told}"
        );
        assert!(missing(&wanting, &[hook("a", "2026-03-01T00:00:00Z", None)]).is_none());
        wanting.carrier.options = json!({ "track_alert": "off" });
        assert!(missing(&wanting, &[]).is_none());
        let left = Hook {
            connections: Vec::new(),
            ..hook("a", "2026-03-01T00:00:00Z", None)
        };
        assert!(unused(&[left]).unwrap().contains("hook remove --hook"));
    }

    #[test]
    fn networks_and_client_ids_are_checked_before_anything_is_made() {
        assert!(
            network("203.0.113.0/24").is_ok() && network("2001:db8::/32").is_ok() && network("198.51.100.7").is_ok()
        );
        assert!(network("203.0.113.0/33").is_err() && network("ups.com").is_err());
        assert!(client_id("acme-at-ups").is_ok());
        assert!(client_id("").is_err() && client_id("a:b").is_err() && client_id("a b").is_err());
    }
}
