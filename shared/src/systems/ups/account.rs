//! What a connection says about its UPS account: hosts, credentials and the options that only UPS knows.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::connection::{Addressed, Environment, Mistake, SystemSettings};
use crate::domain::{AccountRule, Address, Rate, Refusal};
use crate::http::{RATE_ALLOWED, rate_of};
use crate::systems::hosts::Hosts;

const PRODUCTION: &str = "onlinetools.ups.com";
const SANDBOX: &str = "wwwcie.ups.com";
const HOSTS: Hosts = Hosts {
    vendor: "UPS",
    production: PRODUCTION,
    sandbox: SANDBOX,
};

/// The account as the adapter uses it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Six letters or digits, upper case.
    pub(crate) number: String,
    /// Scheme and host, and a path prefix where a proxy needs one.
    pub(crate) base: Url,
    pub(crate) options: Options,
}

/// What only UPS knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// Sent as `x-merchant-id` with token requests.
    pub(crate) merchant_id: Option<String>,
    /// Whether the account's own prices are asked for.
    pub(crate) negotiated_rates: bool,
    /// `PickupType.Code` of Rating.
    pub(crate) pickup_type: String,
    /// `CustomerClassification.Code` of Rating.
    pub(crate) customer_classification: String,
    /// When parcels are handed over, `HHMM`; UPS assumes a time of its own where there is none.
    pub(crate) pickup_time: Option<String>,
    /// Inches; labels are always four wide.
    pub(crate) label_height: LabelHeight,
    /// The account's own address, where it is not the place that goods leave.
    pub(crate) shipper: Option<Address>,
    /// The name of the Quantum View subscription that lists what the account ships.
    pub(crate) quantum_view: Option<String>,
    /// How news of parcels are pushed.
    pub(crate) track_alert: TrackAlert,
    /// How many calls the account takes; UPS publishes no figure.
    pub(crate) rate_limit: Option<Rate>,
}

/// The generations of Track Alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TrackAlert {
    /// Nothing is pushed.
    #[default]
    Off,
    /// Every subscription names our address and what proves who calls it.
    V1,
    /// Our address and how to get a token there are registered at UPS's portal.
    V2,
}

/// The stock heights that UPS knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LabelHeight {
    Six,
    Eight,
}

impl LabelHeight {
    pub(crate) fn inches(self) -> &'static str {
        match self {
            Self::Six => "6",
            Self::Eight => "8",
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            merchant_id: None,
            negotiated_rates: true,
            pickup_type: "01".to_owned(),
            customer_classification: "00".to_owned(),
            pickup_time: None,
            label_height: LabelHeight::Six,
            shipper: None,
            quantum_view: None,
            track_alert: TrackAlert::Off,
            rate_limit: None,
        }
    }
}

/// Everything that is wrong with what a connection says about UPS, at once, with whole paths.
pub fn mistakes(addressed: &Addressed<'_>) -> Vec<Mistake> {
    let own = validate(addressed.settings, addressed.environment).into_iter();
    let own = own.map(|mistake| Mistake {
        path: format!("carrier.{}", mistake.path),
        ..mistake
    });
    own.chain(wrong_accounts(addressed.accounts)).collect()
}

fn wrong_accounts(accounts: &[AccountRule]) -> impl Iterator<Item = Mistake> {
    let wrong = |key: &str, row: usize, text: &str| {
        let path = format!("accounts #{}.{key}", row + 1);
        Mistake::new(
            path,
            format!("{text:?} is not a UPS account number"),
            "six letters or digits",
        )
    };
    accounts.iter().enumerate().flat_map(move |(row, rule)| {
        let number = Some(&rule.account.number).filter(|number| !is_account(number));
        let merchant = rule.account.merchant.as_ref().filter(|merchant| !is_account(merchant));
        let number = number.map(|number| wrong("account", row, number));
        number
            .into_iter()
            .chain(merchant.map(|merchant| wrong("merchant_id", row, merchant)))
    })
}

/// Every mistake in the settings at once, its path below the system's own settings (`options.merchant_id`); empty if
/// there is none.
pub fn validate(settings: &SystemSettings, environment: Environment) -> Vec<Mistake> {
    read(settings, environment).err().unwrap_or_default()
}

/// Whether a secret has the shape `{"client_id": "...", "client_secret": "..."}`; the refusal never holds its content.
pub fn check_secret(secret: &SecretString) -> Result<(), Refusal> {
    credential(secret).map(|_| ())
}

/// The client id and secret of an app at developer.ups.com.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
}

#[derive(Deserialize)]
struct SecretShape {
    client_id: String,
    client_secret: SecretString,
}

pub(crate) fn credential(secret: &SecretString) -> Result<Credential, Refusal> {
    // The parser's own words may quote the secret and are not repeated.
    let shape: Option<SecretShape> = serde_json::from_str(secret.expose_secret()).ok();
    shape
        .filter(|shape| is_printable(&shape.client_id) && is_printable(shape.client_secret.expose_secret()))
        .map(|shape| Credential { client_id: shape.client_id, client_secret: shape.client_secret })
        .ok_or_else(|| {
            Refusal::new(
                "secret",
                "the UPS secret must be JSON with the texts client_id and client_secret of the app at developer.ups.com: enter it again",
            )
        })
}

fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

/// Reads the settings, or names every mistake.
pub(crate) fn read(settings: &SystemSettings, environment: Environment) -> Result<Account, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let number = settings.account.trim().to_ascii_uppercase();
    if !is_account(&number) {
        mistakes.add(
            "account",
            format!("{:?} is not a UPS account number", settings.account),
            "six letters or digits",
        );
    }
    if settings.secret.trim().is_empty() {
        mistakes.add(
            "secret",
            "the name of the secret is missing",
            "the name under which the UPS credentials are kept",
        );
    }
    let base = HOSTS.base(settings, environment);
    let base = base
        .map_err(|(wrong, allowed)| mistakes.add("base_url", wrong, &allowed))
        .ok();
    let options = OptionReader::read(&settings.options, &mut mistakes);
    match base {
        Some(base) if mistakes.0.is_empty() => Ok(Account { number, base, options }),
        _ => Err(mistakes.0),
    }
}

/// Six letters or digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 6 && text.chars().all(|c| c.is_ascii_alphanumeric())
}

#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, path: &str, wrong: impl Into<String>, allowed: &str) {
        self.0.push(Mistake::new(path, wrong, allowed));
    }
}

// ---- options -----------------------------------------------------------------------------------------------------

const KNOWN: [&str; 10] = [
    "merchant_id",
    "negotiated_rates",
    "pickup_type",
    "customer_classification",
    "pickup_time",
    "label_height",
    "shipper",
    "quantum_view",
    TRACK_ALERT,
    "rate_limit",
];

const TRACK_ALERT: &str = "track_alert";

/// Whether the hook of a connection's credential is needed to open it: Track Alert v1 names it in every subscription.
pub(crate) fn needs_hook(settings: &SystemSettings) -> bool {
    let track_alert = settings.options.get(TRACK_ALERT).and_then(Value::as_str);
    matches!(track_alert, Some("v1" | "v2"))
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
                "is not an option of UPS",
                &KNOWN.join(", "),
            );
        }
        OptionReader { fields, mistakes }.options()
    }

    fn options(mut self) -> Options {
        let standard = Options::default();
        let merchant = self.text("merchant_id", is_account, "six letters or digits");
        Options {
            merchant_id: merchant.map(|id| id.to_ascii_uppercase()),
            negotiated_rates: self.truth("negotiated_rates").unwrap_or(standard.negotiated_rates),
            pickup_type: self
                .choice("pickup_type", &["01", "03", "06", "07", "19", "20"])
                .unwrap_or(standard.pickup_type),
            customer_classification: self
                .choice("customer_classification", &["00", "01", "04", "05", "06", "53"])
                .unwrap_or(standard.customer_classification),
            pickup_time: self.text("pickup_time", is_time, "a time of day as HHMM"),
            label_height: self.label_height().unwrap_or(standard.label_height),
            shipper: self.shipper(),
            quantum_view: self.text(
                "quantum_view",
                is_subscription,
                "the name of a Quantum View subscription, 1 to 21 characters",
            ),
            track_alert: self.track_alert(),
            rate_limit: self.rate_limit(),
        }
    }

    fn track_alert(&mut self) -> TrackAlert {
        match self.choice(TRACK_ALERT, &["v1", "v2", "off"]).as_deref() {
            Some("v1") => TrackAlert::V1,
            Some("v2") => TrackAlert::V2,
            _ => TrackAlert::Off,
        }
    }

    fn text(&mut self, name: &str, legal: fn(&str) -> bool, allowed: &str) -> Option<String> {
        let value = self.fields.get(name)?;
        let text = value.as_str().map(str::trim).filter(|text| legal(text));
        if text.is_none() {
            self.mistakes
                .add(&format!("options.{name}"), format!("{value} is not allowed"), allowed);
        }
        text.map(str::to_owned)
    }

    fn choice(&mut self, name: &str, allowed: &[&str]) -> Option<String> {
        let value = self.fields.get(name)?;
        let text = value.as_str().filter(|text| allowed.contains(text));
        if text.is_none() {
            self.mistakes.add(
                &format!("options.{name}"),
                format!("{value} is not allowed"),
                &allowed.join(", "),
            );
        }
        text.map(str::to_owned)
    }

    fn truth(&mut self, name: &str) -> Option<bool> {
        let value = self.fields.get(name)?;
        if !value.is_boolean() {
            self.mistakes.add(
                &format!("options.{name}"),
                format!("{value} is not allowed"),
                "true or false",
            );
        }
        value.as_bool()
    }

    fn label_height(&mut self) -> Option<LabelHeight> {
        let value = self.fields.get("label_height")?;
        let height = match value.as_u64() {
            Some(6) => Some(LabelHeight::Six),
            Some(8) => Some(LabelHeight::Eight),
            _ => None,
        };
        if height.is_none() {
            self.mistakes.add(
                "options.label_height",
                format!("{value} is not allowed"),
                "6 or 8 (inches)",
            );
        }
        height
    }

    fn rate_limit(&mut self) -> Option<Rate> {
        let value = self.fields.get("rate_limit")?;
        let rate = rate_of(value);
        if rate.is_none() {
            let wrong = format!("{value} is not allowed");
            self.mistakes.add("options.rate_limit", wrong, RATE_ALLOWED);
        }
        rate
    }

    fn shipper(&mut self) -> Option<Address> {
        let value = self.fields.get("shipper")?;
        let address = serde_json::from_value(value.clone()).ok();
        if address.is_none() {
            self.mistakes.add(
                "options.shipper",
                "is not a whole address",
                "name, lines, city, state, postal_code, country, and phone and attention for shipments across a border",
            );
        }
        address
    }
}

fn is_subscription(text: &str) -> bool {
    (1..=21).contains(&text.len()) && text.chars().all(|c| c == ' ' || c.is_ascii_graphic())
}

fn is_time(text: &str) -> bool {
    let digits = text.len() == 4 && text.chars().all(|c| c.is_ascii_digit());
    let part = |range| text.get(range).and_then(|part: &str| part.parse::<u8>().ok());
    digits && part(0..2).is_some_and(|hour| hour < 24) && part(2..4).is_some_and(|minute| minute < 60)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(options: Value) -> SystemSettings {
        SystemSettings {
            system: "ups".into(),
            account: "A1B2C3".into(),
            secret: "waybill/test/acme/ups".into(),
            base_url: None,
            allow_host: Vec::new(),
            options,
        }
    }

    fn at(base: &str, allow: &[&str]) -> SystemSettings {
        SystemSettings {
            base_url: Some(base.parse().unwrap()),
            allow_host: allow.iter().map(|host| (*host).to_owned()).collect(),
            ..settings(Value::Null)
        }
    }

    fn host(settings: &SystemSettings, environment: Environment) -> Option<String> {
        read(settings, environment)
            .ok()
            .and_then(|account| account.base.host_str().map(str::to_owned))
    }

    /// P7: the merchant id is six letters or digits; five and seven are refused before anything is stored.
    #[test]
    fn a_merchant_id_of_five_or_seven_characters_is_refused() {
        for bad in ["A1B2C", "A1B2C3D", "A1B-C3", ""] {
            let mistakes = validate(&settings(json!({"merchant_id": bad})), Environment::Production);
            assert_eq!(mistakes.len(), 1, "{bad}");
            assert_eq!(mistakes[0].path, "options.merchant_id");
            assert_eq!(mistakes[0].allowed, "six letters or digits");
        }
        let account = read(&settings(json!({"merchant_id": "a1b2c3"})), Environment::Production).unwrap();
        assert_eq!(account.options.merchant_id.as_deref(), Some("A1B2C3"));
        assert_eq!(
            read(&settings(json!({})), Environment::Production)
                .unwrap()
                .options
                .merchant_id,
            None
        );
    }

    /// P26: each environment has its own host, and neither reaches the other's, not even when it is allowed by name.
    #[test]
    fn a_sandbox_connection_can_never_reach_the_production_host() {
        assert_eq!(
            host(&settings(Value::Null), Environment::Production).as_deref(),
            Some(PRODUCTION)
        );
        assert_eq!(
            host(&settings(Value::Null), Environment::Sandbox).as_deref(),
            Some(SANDBOX)
        );
        for (environment, base) in [
            (Environment::Sandbox, "https://onlinetools.ups.com"),
            (Environment::Sandbox, "https://ONLINETOOLS.UPS.COM/"),
            (Environment::Local, "https://onlinetools.ups.com"),
            (Environment::Production, "https://wwwcie.ups.com"),
            (Environment::Sandbox, "https://example.com"),
            (Environment::Production, "http://proxy.example.com"),
            (Environment::Production, "https://user:secret@onlinetools.ups.com"),
        ] {
            let settings = at(base, &[PRODUCTION, SANDBOX, "proxy.example.com"]);
            let mistakes = validate(&settings, environment);
            assert_eq!(mistakes.len(), 1, "{environment:?} {base}");
            assert_eq!(mistakes[0].path, "base_url");
        }
    }

    /// P26: another host is reached only under `local` or where it is named.
    #[test]
    fn another_host_needs_local_or_a_name_in_allow_host() {
        assert_eq!(
            host(&at("http://127.0.0.1:1", &[]), Environment::Local).as_deref(),
            Some("127.0.0.1")
        );
        assert_eq!(host(&at("http://127.0.0.1:1", &[]), Environment::Sandbox), None);
        let proxied = at("https://proxy.example.com/ups", &["proxy.example.com"]);
        assert_eq!(
            host(&proxied, Environment::Production).as_deref(),
            Some("proxy.example.com")
        );
        assert_eq!(host(&settings(Value::Null), Environment::Local), None);
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let broken = SystemSettings {
            account: "12345".into(),
            secret: " ".into(),
            ..settings(
                json!({"merchant_id": 5, "pickup_type": "02", "label_height": 7, "negotiated_rates": "yes",
                "pickup_time": "2460", "shipper": {"name": "x"}, "colour": "brown", "track_alert": "v3"}),
            )
        };
        let paths: Vec<String> = validate(&broken, Environment::Local)
            .into_iter()
            .map(|mistake| mistake.path)
            .collect();
        assert_eq!(
            paths,
            [
                "account",
                "secret",
                "base_url",
                "options.colour",
                "options.merchant_id",
                "options.negotiated_rates",
                "options.pickup_type",
                "options.pickup_time",
                "options.label_height",
                "options.shipper",
                "options.track_alert"
            ]
        );
    }

    #[test]
    fn track_alert_is_off_unless_it_is_asked_for() {
        let read =
            |options| read(&settings(options), Environment::Production).map(|account| account.options.track_alert);
        assert_eq!(read(json!({})), Ok(TrackAlert::Off));
        assert_eq!(read(json!({"track_alert": "off"})), Ok(TrackAlert::Off));
        assert_eq!(read(json!({"track_alert": "v1"})), Ok(TrackAlert::V1));
        assert_eq!(read(json!({"track_alert": "v2"})), Ok(TrackAlert::V2));
        let mistakes = read(json!({"track_alert": true})).unwrap_err();
        assert_eq!(mistakes[0].path, "options.track_alert");
        assert_eq!(mistakes[0].allowed, "v1, v2, off");
        for pushed in ["v1", "v2"] {
            assert!(needs_hook(&settings(json!({"track_alert": pushed}))));
        }
        for other in [Value::Null, json!({}), json!({"track_alert": "off"}), json!("v1")] {
            assert!(!needs_hook(&settings(other.clone())), "{other}");
        }
    }

    #[test]
    fn a_malformed_secret_is_refused_without_being_quoted() {
        for bad in [
            "hunter2",
            r#"{"client_id":"hunter2"}"#,
            r#"{"client_id":"hunter2","client_secret":""}"#,
        ] {
            let refusal = check_secret(&SecretString::from(bad)).unwrap_err();
            assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
        }
        assert!(check_secret(&SecretString::from(r#"{"client_id":"a","client_secret":"b"}"#)).is_ok());
    }
}
