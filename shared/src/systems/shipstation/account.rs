//! What a connection says about its ShipStation account: which API, hosts, credentials and the options that only ShipStation
//! knows.

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::connection::{AddressPolicy, Addressed, Environment, Mistake, SystemSettings, UnknownPurchase, Usual};
use crate::domain::{Rate, Refusal};
use crate::http::{RATE_ALLOWED, rate_of};
use crate::systems::hosts::Hosts;

/// V2's one host serves both worlds: the key says which.
const V2: Hosts = Hosts {
    vendor: "ShipStation",
    production: "api.shipstation.com",
    sandbox: "api.shipstation.com",
};

const V1: Hosts = Hosts {
    vendor: "ShipStation",
    production: "ssapi.shipstation.com",
    sandbox: "ssapi.shipstation.com",
};

/// How a key of the test system begins.
const TEST: &str = "TEST_";

/// Which of ShipStation's two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// The one with labels, inventory and signed webhooks.
    V2,
    /// The older one.
    V1,
}

impl Api {
    /// As people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V2 => "V2",
            Self::V1 => "V1",
        }
    }

    fn hosts(self) -> Hosts {
        match self {
            Self::V2 => V2,
            Self::V1 => V1,
        }
    }

    /// The published number of calls in a minute.
    fn calls(self) -> u32 {
        match self {
            Self::V2 => 200,
            Self::V1 => 40,
        }
    }

    /// Whether a host is one of ShipStation's own for this API: V1's webhooks name numbered ones.
    pub(crate) fn owns(self, host: &str) -> bool {
        match self {
            Self::V2 => host == V2.production,
            Self::V1 => {
                let number = host
                    .strip_prefix("ssapi")
                    .and_then(|rest| rest.strip_suffix(".shipstation.com"));
                number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            }
        }
    }
}

/// How many calls of V1 one parcel may need in a row: the list and, of an order that was marked as shipped, its shipments, the orders of
/// its number, its fulfilments, and the order itself where it is none of these. The fewer, the shorter are the limit's windows, and the
/// more of the limit is used.
const V1_IN_A_ROW: u32 = 5;

/// Calls in a minute on the test system.
const TEST_CALLS: u32 = 20;

/// The account as the adapter uses it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) api: Api,
    /// Scheme and host, and a path prefix where a proxy needs one.
    pub(crate) base: Url,
    pub(crate) environment: Environment,
    /// The ship-from warehouse of orders that are made (V2 wants one).
    pub(crate) warehouse: Option<String>,
    /// The currency of V1's amounts, which it does not tell.
    pub(crate) currency: Option<String>,
    /// How many calls a key may make, where the connection says so.
    rate_limit: Option<Rate>,
}

impl Account {
    /// How many calls the key may make.
    pub(crate) fn rate(&self, credential: &Credential) -> Option<Rate> {
        let calls = match self.environment == Environment::Sandbox || credential.is_test() {
            true => TEST_CALLS,
            false => self.api.calls(),
        };
        let rate = self
            .rate_limit
            .or_else(|| Rate::new(calls, SignedDuration::from_secs(60)))?;
        Some(match self.api {
            Api::V2 => rate,
            Api::V1 => rate.with_room_for(V1_IN_A_ROW),
        })
    }

    /// Whether this is ShipStation's own address, not that of a proxy or a simulator.
    pub(crate) fn is_vendors(&self) -> bool {
        self.base.host_str().is_some_and(|host| self.api.owns(host))
    }
}

/// What a connection file that says nothing means here: nothing is bought, so that nothing is asked about buying.
pub(crate) fn usual() -> Usual {
    Usual {
        package: "package",
        address: AddressPolicy::AsIs,
        unknown_purchase: UnknownPurchase::Hold,
        is_desk: true,
        ..Usual::default()
    }
}

/// Everything that is wrong with a connection of people who ship in ShipStation, at once, with whole paths.
pub fn mistakes(addressed: &Addressed<'_>) -> Vec<Mistake> {
    let mut mistakes = Mistakes::default();
    let account = read(addressed.settings, addressed.environment);
    for mistake in account.as_ref().err().into_iter().flatten() {
        mistakes.0.push(Mistake {
            path: format!("carrier.{}", mistake.path),
            ..mistake.clone()
        });
    }
    if !addressed.accounts.is_empty() {
        mistakes.add(
            "accounts",
            "names accounts to ship under, and people choose them in ShipStation",
            "nothing",
        );
    }
    if addressed.desk.is_none() {
        mistakes.0.push(Mistake::missing(
            "desk",
            "how orders in ShipStation are matched: `named_by`, and what a void does",
        ));
    }
    if addressed.stock.is_some() && account.is_ok_and(|account| account.api == Api::V1) {
        mistakes.add(
            "stock",
            "is to be told, and ShipStation's V1 API has no inventory",
            "carrier.api = \"v2\" with a key of V2, or no [stock]",
        );
    }
    mistakes.0
}

/// Whether a secret has the shape of ShipStation's credentials; the refusal never holds its content.
///
/// # Errors
/// In plain words, what is missing.
pub fn check_secret(body: &SecretString) -> Result<(), Refusal> {
    let shape = shape(body)?;
    match shape.v2().is_some() || shape.v1().is_some() {
        true => Ok(()),
        false => Err(malformed()),
    }
}

/// The credential of an API.
#[derive(Clone)]
pub(crate) enum Credential {
    /// V2's one key.
    Key(SecretString),
    /// V1's key and secret.
    Pair {
        /// The user of HTTP Basic.
        key: String,
        /// Its password.
        secret: SecretString,
    },
}

impl Credential {
    /// What names it: calls are counted by it.
    pub(crate) fn public(&self) -> &str {
        match self {
            Self::Key(key) => key.expose_secret(),
            Self::Pair { key, .. } => key,
        }
    }

    /// Whether it is one of the test system.
    pub(crate) fn is_test(&self) -> bool {
        self.public().starts_with(TEST)
    }
}

#[derive(Deserialize)]
struct SecretShape {
    api_key: Option<SecretString>,
    key: Option<String>,
    secret: Option<SecretString>,
}

impl SecretShape {
    fn v2(&self) -> Option<Credential> {
        let key = self.api_key.as_ref()?;
        is_printable(key.expose_secret()).then(|| Credential::Key(key.clone()))
    }

    fn v1(&self) -> Option<Credential> {
        let (key, secret) = (self.key.as_ref()?, self.secret.as_ref()?);
        let legal = is_printable(key) && !key.contains(':') && is_printable(secret.expose_secret());
        legal.then(|| Credential::Pair {
            key: key.clone(),
            secret: secret.clone(),
        })
    }
}

fn shape(body: &SecretString) -> Result<SecretShape, Refusal> {
    // The parser's own words may quote the secret and are not repeated.
    serde_json::from_str(body.expose_secret()).map_err(|_| malformed())
}

fn malformed() -> Refusal {
    Refusal::new(
        "secret",
        "the ShipStation secret must be JSON with the text api_key (for the V2 API), or with the texts key and secret (for V1), or \
         with all three: enter it again",
    )
}

/// The credential that an account's API takes.
pub(crate) fn credential(account: &Account, body: &SecretString) -> Result<Credential, Refusal> {
    let shape = shape(body)?;
    let (own, needs, has_other) = match account.api {
        Api::V2 => (shape.v2(), "api_key, a key of the V2 API", shape.v1().is_some()),
        Api::V1 => (shape.v1(), "key and secret of the V1 API", shape.v2().is_some()),
    };
    let credential = own.ok_or_else(|| {
        let other = match has_other {
            true => "; it holds those of the other version, which are not interchangeable",
            false => "",
        };
        Refusal::new(
            "secret",
            format!(
                "the ShipStation secret lacks {needs}{other}: make one in ShipStation under Settings > Account > API Settings, \
                 and enter it again"
            ),
        )
    })?;
    of_this_world(account, &credential)?;
    Ok(credential)
}

/// One host serves V2's two worlds, so that the key alone keeps them apart.
fn of_this_world(account: &Account, credential: &Credential) -> Result<(), Refusal> {
    if account.api == Api::V1 {
        return Ok(());
    }
    match (account.environment, credential.is_test()) {
        (Environment::Sandbox, false) => Err(Refusal::new(
            "secret",
            "the connection is one of the sandbox, and the key is not: a sandbox key begins with TEST_",
        )),
        (Environment::Production, true) => Err(Refusal::new(
            "secret",
            "the connection is one of production, and the key is one of the sandbox (it begins with TEST_)",
        )),
        _ => Ok(()),
    }
}

fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

/// Reads the settings, or names every mistake, its path below the system's own settings.
pub(crate) fn read(settings: &SystemSettings, environment: Environment) -> Result<Account, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    if settings.secret.trim().is_empty() {
        mistakes.add(
            "secret",
            "the name of the secret is missing",
            "the name under which the ShipStation credentials are kept",
        );
    }
    let options = OptionReader::read(&settings.options, &mut mistakes);
    let base = options.api.hosts().base(settings, environment);
    let base = base
        .map_err(|(wrong, allowed)| mistakes.add("base_url", wrong, &allowed))
        .ok();
    if environment == Environment::Sandbox && options.api == Api::V1 {
        mistakes.add(
            "options.api",
            "is \"v1\", and ShipStation has no test system of its V1 API",
            "\"v2\" with a key that begins with TEST_, or environment = \"production\"",
        );
    }
    match base {
        Some(base) if mistakes.0.is_empty() => Ok(Account {
            api: options.api,
            base,
            environment,
            warehouse: options.warehouse,
            currency: options.currency,
            rate_limit: options.rate_limit,
        }),
        _ => Err(mistakes.0),
    }
}

#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, path: &str, wrong: impl Into<String>, allowed: &str) {
        self.0.push(Mistake::new(path, wrong, allowed));
    }
}

// ---- options -----------------------------------------------------------------------------------------------------

const KNOWN: [&str; 4] = ["api", "warehouse", "currency", "rate_limit"];

struct Options {
    api: Api,
    warehouse: Option<String>,
    currency: Option<String>,
    rate_limit: Option<Rate>,
}

struct OptionReader<'a> {
    fields: &'a Map<String, Value>,
    mistakes: &'a mut Mistakes,
}

impl OptionReader<'_> {
    fn read(value: &Value, mistakes: &mut Mistakes) -> Options {
        let none = Map::new();
        let fields = match value {
            Value::Null => &none,
            Value::Object(fields) => fields,
            _ => {
                mistakes.add("options", "is not a table", "a table of options");
                &none
            }
        };
        for unknown in fields.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
            mistakes.add(
                &format!("options.{unknown}"),
                "is not an option of ShipStation",
                &KNOWN.join(", "),
            );
        }
        OptionReader { fields, mistakes }.options()
    }

    fn options(mut self) -> Options {
        Options {
            api: self.api(),
            warehouse: self.warehouse(),
            currency: self.currency(),
            rate_limit: self.rate_limit(),
        }
    }

    fn api(&mut self) -> Api {
        let Some(value) = self.fields.get("api") else {
            return Api::V2;
        };
        match value.as_str() {
            Some("v2") => Api::V2,
            Some("v1") => Api::V1,
            _ => {
                self.wrong("api", value, "\"v2\" or \"v1\"");
                Api::V2
            }
        }
    }

    fn warehouse(&mut self) -> Option<String> {
        let value = self.fields.get("warehouse")?;
        let text = value.as_str().filter(|text| (1..=25).contains(&text.len()));
        if text.is_none() {
            self.wrong("warehouse", value, "the id of a ship-from warehouse, like \"se-123\"");
        }
        text.map(str::to_owned)
    }

    fn currency(&mut self) -> Option<String> {
        let value = self.fields.get("currency")?;
        let legal = |text: &&str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let text = value.as_str().filter(legal);
        if text.is_none() {
            self.wrong("currency", value, "the currency of ShipStation's costs, like \"USD\"");
        }
        text.map(str::to_owned)
    }

    fn rate_limit(&mut self) -> Option<Rate> {
        let value = self.fields.get("rate_limit")?;
        let rate = rate_of(value);
        if rate.is_none() {
            self.wrong("rate_limit", value, RATE_ALLOWED);
        }
        rate
    }

    fn wrong(&mut self, name: &str, value: &Value, allowed: &str) {
        self.mistakes
            .add(&format!("options.{name}"), format!("is {value}"), allowed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(options: Value) -> SystemSettings {
        SystemSettings {
            system: "shipstation".into(),
            account: "acme".into(),
            secret: "waybill/test/acme/shipstation".into(),
            base_url: None,
            allow_host: Vec::new(),
            options,
        }
    }

    fn at(base: &str, options: Value) -> SystemSettings {
        SystemSettings {
            base_url: Some(base.parse().unwrap()),
            ..settings(options)
        }
    }

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn each_api_has_its_own_host_and_limit() {
        let of = |options, environment| read(&settings(options), environment).unwrap();
        let key = |text: &str| Credential::Key(secret(text));
        let rate = |calls| Rate::new(calls, SignedDuration::from_secs(60));
        let v2 = of(json!({}), Environment::Production);
        assert_eq!((v2.api, v2.base.host_str()), (Api::V2, Some("api.shipstation.com")));
        assert_eq!(v2.rate(&key("live")), rate(200));
        let v1 = of(json!({"api": "v1"}), Environment::Production);
        assert_eq!((v1.api, v1.base.host_str()), (Api::V1, Some("ssapi.shipstation.com")));
        assert_eq!(v1.rate(&key("live")), rate(40).map(|rate| rate.with_room_for(5)));
        let sandbox = of(json!({}), Environment::Sandbox);
        assert_eq!(sandbox.rate(&key("TEST_x")), rate(20));
        let named = of(
            json!({"rate_limit": {"calls": 500, "seconds": 30}}),
            Environment::Production,
        );
        assert_eq!(named.rate(&key("live")), Rate::new(500, SignedDuration::from_secs(30)));
    }

    /// P41: only ShipStation's own hosts are its own.
    #[test]
    fn hosts_that_only_look_like_shipstations_are_not() {
        for host in [
            "ssapi.shipstation.com",
            "ssapi6.shipstation.com",
            "ssapi12.shipstation.com",
        ] {
            assert!(Api::V1.owns(host), "{host}");
            assert!(!Api::V2.owns(host), "{host}");
        }
        assert!(Api::V2.owns("api.shipstation.com"));
        for host in [
            "ssapix.shipstation.com",
            "ssapi6.shipstation.com.example.com",
            "evil-ssapi.shipstation.com",
            "shipstation.com",
            "ssapi.shipstation.org",
            "api.shipengine.com",
        ] {
            assert!(!Api::V1.owns(host) && !Api::V2.owns(host), "{host}");
        }
    }

    #[test]
    fn a_local_connection_can_never_reach_shipstation() {
        for base in ["https://api.shipstation.com", "https://ssapi.shipstation.com"] {
            for (api, own) in [
                ("v2", "https://api.shipstation.com"),
                ("v1", "https://ssapi.shipstation.com"),
            ] {
                let read = read(&at(base, json!({ "api": api })), Environment::Local);
                assert_eq!(read.is_err(), base == own, "{api} {base}");
            }
        }
        assert!(read(&at("http://127.0.0.1:1", json!({})), Environment::Local).is_ok());
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let broken = SystemSettings {
            secret: " ".into(),
            ..settings(json!({"api": "v3", "warehouse": 7, "currency": "dollar", "rate_limit": 5, "colour": "purple"}))
        };
        let mistakes = read(&broken, Environment::Local).unwrap_err();
        let paths: Vec<String> = mistakes.into_iter().map(|mistake| mistake.path).collect();
        let options = [
            "options.colour",
            "options.api",
            "options.warehouse",
            "options.currency",
            "options.rate_limit",
        ];
        assert_eq!(paths, [&["secret"], options.as_slice(), &["base_url"]].concat());
        let v1 = read(&settings(json!({"api": "v1"})), Environment::Sandbox).unwrap_err();
        assert_eq!(v1[0].path, "options.api");
    }

    #[test]
    fn a_malformed_secret_is_refused_without_being_quoted() {
        for bad in [
            "hunter2",
            r#"{"key":"hunter2"}"#,
            r#"{"secret":"hunter2"}"#,
            r#"{"api_key":""}"#,
            r#"{"key":"hun:ter2","secret":"hunter2"}"#,
        ] {
            let refusal = check_secret(&secret(bad)).unwrap_err();
            assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
        }
        assert!(check_secret(&secret(r#"{"api_key":"k"}"#)).is_ok());
        assert!(check_secret(&secret(r#"{"key":"k","secret":"s"}"#)).is_ok());
    }

    /// A key of the wrong version, and one of the wrong world, is told as what it is.
    #[test]
    fn a_key_of_the_wrong_version_or_world_is_refused_in_words() {
        let of = |options, environment, text: &str| {
            let account = read(&settings(options), environment).unwrap();
            credential(&account, &secret(text)).err().map(|refusal| refusal.message)
        };
        let pair = r#"{"key":"k","secret":"s"}"#;
        let words = of(json!({}), Environment::Production, pair).unwrap();
        assert!(words.contains("V2") && words.contains("other version"), "{words}");
        let words = of(json!({"api": "v1"}), Environment::Production, r#"{"api_key":"k"}"#).unwrap();
        assert!(words.contains("V1") && words.contains("other version"), "{words}");
        assert_eq!(of(json!({"api": "v1"}), Environment::Production, pair), None);
        for (environment, key, stands) in [
            (Environment::Production, "live", true),
            (Environment::Production, "TEST_x", false),
            (Environment::Sandbox, "TEST_x", true),
            (Environment::Sandbox, "live", false),
        ] {
            let refused = of(json!({}), environment, &format!(r#"{{"api_key":"{key}"}}"#));
            assert_eq!(refused.is_none(), stands, "{environment:?} {key}");
        }
    }
}
