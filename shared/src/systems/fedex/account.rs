//! What a connection says about its FedEx account: hosts, credentials and the options that only FedEx knows.

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::convert::{is_packaging, is_phone};
use crate::connection::{AddressPolicy, Addressed, Environment, Mistake, SystemSettings, UnknownPurchase, Usual};
use crate::domain::{AccountRule, LabelFormat, Rate, Refusal};
use crate::http::{RATE_ALLOWED, rate_of};
use crate::systems::hosts::Hosts;

const HOSTS: Hosts = Hosts {
    vendor: "FedEx",
    production: "apis.fedex.com",
    sandbox: "apis-sandbox.fedex.com",
};

/// The account of FedEx's own samples: the sandbox answers for it, and nobody is billed.
const SAMPLE_ACCOUNT: &str = "740561073";

const NINE_DIGITS: &str = "nine digits";

/// The account as the adapter uses it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Nine digits.
    pub(crate) number: String,
    /// Scheme and host, and a path prefix where a proxy needs one.
    pub(crate) base: Url,
    /// Whether the host is that of real orders.
    pub(crate) is_production: bool,
    pub(crate) options: Options,
}

/// What only FedEx knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// How parcels come to FedEx, `pickupType`.
    pub(crate) pickup_type: String,
    /// The stock that labels are printed on, where it is not the usual one of their format.
    pub(crate) label_stock: Option<String>,
    /// Ground Economy: the hub, where the account has one.
    pub(crate) smart_post_hub: Option<String>,
    /// Ground Economy: what travels.
    pub(crate) smart_post_indicia: String,
    /// The telephone that is named for receivers who have none: FedEx takes no address without.
    pub(crate) receiver_phone: Option<String>,
    /// How many calls a developer project may make.
    pub(crate) rate_limit: Option<Rate>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pickup_type: PICKUP_TYPES[0].to_owned(),
            label_stock: None,
            smart_post_hub: None,
            smart_post_indicia: "PARCEL_SELECT".to_owned(),
            receiver_phone: None,
            rate_limit: Rate::new(1400, SignedDuration::from_secs(10)),
        }
    }
}

/// What a connection file that says nothing means here: addresses are used as they stand, an account may be named
/// elsewhere, and what cannot be found is held, for at FedEx an absence proves nothing.
pub(crate) fn usual() -> Usual {
    Usual {
        is_desk: false,
        needs_account: false,
        package: "YOUR_PACKAGING",
        address: AddressPolicy::AsIs,
        unknown_purchase: UnknownPurchase::Hold,
    }
}

/// Everything that is wrong with a connection that ships with FedEx, at once, with whole paths.
pub fn mistakes(addressed: &Addressed<'_>) -> Vec<Mistake> {
    let (settings, environment) = (addressed.settings, addressed.environment);
    let mut mistakes = Mistakes::default();
    let account = read(settings, environment);
    for mistake in account.as_ref().err().into_iter().flatten() {
        mistakes.0.push(Mistake {
            path: format!("carrier.{}", mistake.path),
            ..mistake.clone()
        });
    }
    if settings.account.trim().is_empty() && !needs_no_account(addressed) {
        mistakes.0.push(Mistake::missing(
            "carrier.account",
            "the FedEx account of nine digits, here or in rows of [[accounts]]; only a sandbox does without",
        ));
    }
    wrong_accounts(addressed.accounts, &mut mistakes);
    wrong_labels(addressed, &mut mistakes);
    if !is_packaging(&addressed.packing.package.code) {
        mistakes.add(
            "packing.package",
            format!("{:?} is not a packaging of FedEx", addressed.packing.package.code),
            "YOUR_PACKAGING for the customer's own box, FEDEX_ENVELOPE, FEDEX_PAK, FEDEX_BOX, FEDEX_TUBE ...",
        );
    }
    if addressed.unknown_purchase == UnknownPurchase::Recreate {
        mistakes.add(
            "unknown_purchase",
            "is \"recreate\", and at FedEx an absence proves nothing: a label appears in its tracking late or \
             never, so a second one \
             would be bought",
            "\"hold\", the default here: a person decides",
        );
    }
    mistakes.0
}

fn needs_no_account(addressed: &Addressed<'_>) -> bool {
    addressed.environment == Environment::Sandbox || !addressed.accounts.is_empty()
}

fn wrong_accounts(accounts: &[AccountRule], mistakes: &mut Mistakes) {
    for (index, rule) in accounts.iter().enumerate() {
        let row = format!("accounts #{}", index + 1);
        if !is_account(&rule.account.number) {
            let wrong = format!("{:?} is not a FedEx account number", rule.account.number);
            mistakes.add(&format!("{row}.account"), wrong, NINE_DIGITS);
        }
        if let Some(merchant) = &rule.account.merchant {
            let wrong = format!("is {merchant:?}, and FedEx knows no merchants");
            mistakes.add(&format!("{row}.merchant_id"), wrong, "nothing");
        }
    }
}

fn wrong_labels(addressed: &Addressed<'_>, mistakes: &mut Mistakes) {
    let sold = sold_as(addressed.label);
    if let Err(refusal) = &sold {
        mistakes.add("label.format", refusal.message.clone(), "zpl, epl, pdf or png");
    }
    let stock = addressed.settings.options.get("label_stock").and_then(Value::as_str);
    if let (Ok(sold), Some(stock)) = (sold, stock)
        && let Err(refusal) = stock_for(sold, Some(stock))
    {
        mistakes.add(
            "carrier.options.label_stock",
            refusal.message,
            "a stock that fits label.format",
        );
    }
}

/// Whether a secret has the shape of FedEx's credentials; the refusal never holds its content.
///
/// # Errors
/// In plain words, what is missing.
pub fn check_secret(body: &SecretString) -> Result<(), Refusal> {
    credentials(body).map(|_| ())
}

/// The keys of a project at developer.fedex.com.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) api_key: String,
    pub(crate) secret_key: SecretString,
}

/// The projects of a connection.
pub(crate) struct Credentials {
    /// Ship, Rate and Address Validation.
    pub(crate) ship: Credential,
    /// Track, where a project of its own has it.
    pub(crate) track: Option<Credential>,
}

#[derive(Deserialize)]
struct SecretShape {
    api_key: String,
    secret_key: SecretString,
    track_api_key: Option<String>,
    track_secret_key: Option<SecretString>,
}

pub(crate) fn credentials(body: &SecretString) -> Result<Credentials, Refusal> {
    // The parser's own words may quote the secret and are not repeated.
    let shape: Option<SecretShape> = serde_json::from_str(body.expose_secret()).ok();
    shape.and_then(projects).ok_or_else(|| {
        Refusal::new(
            "secret",
            "the FedEx secret must be JSON with the texts api_key and secret_key of the project at developer.fedex.com, \
             and where \
             Track has a project of its own, track_api_key and track_secret_key both: enter it again",
        )
    })
}

fn projects(shape: SecretShape) -> Option<Credentials> {
    let track = match (shape.track_api_key, shape.track_secret_key) {
        (None, None) => None,
        (key, secret) => Some(pair(key?, secret?)?),
    };
    Some(Credentials {
        ship: pair(shape.api_key, shape.secret_key)?,
        track,
    })
}

fn pair(api_key: String, secret_key: SecretString) -> Option<Credential> {
    let legal = is_printable(&api_key) && is_printable(secret_key.expose_secret());
    legal.then_some(Credential { api_key, secret_key })
}

fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

/// Reads the settings, or names every mistake, its path below the system's own settings. An account that is missing
/// here stands in for nothing outside of a sandbox: rows of the connection name one for each shipment.
pub(crate) fn read(settings: &SystemSettings, environment: Environment) -> Result<Account, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let given = settings.account.trim();
    if !given.is_empty() && !is_account(given) {
        let wrong = format!("{:?} is not a FedEx account number", settings.account);
        mistakes.add("account", wrong, NINE_DIGITS);
    }
    if settings.secret.trim().is_empty() {
        mistakes.add(
            "secret",
            "the name of the secret is missing",
            "the name under which the FedEx credentials are kept",
        );
    }
    let base = HOSTS.base(settings, environment);
    let base = base
        .map_err(|(wrong, allowed)| mistakes.add("base_url", wrong, &allowed))
        .ok();
    let options = OptionReader::read(&settings.options, &mut mistakes);
    let number = match environment {
        Environment::Sandbox if given.is_empty() => SAMPLE_ACCOUNT,
        _ => given,
    };
    match base {
        Some(base) if mistakes.0.is_empty() => Ok(Account {
            number: number.to_owned(),
            is_production: environment == Environment::Production,
            base,
            options,
        }),
        _ => Err(mistakes.0),
    }
}

/// Nine digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 9 && text.chars().all(|c| c.is_ascii_digit())
}

/// FedEx's name of a format in which it sells labels.
pub(crate) fn sold_as(format: LabelFormat) -> Result<&'static str, Refusal> {
    match format {
        LabelFormat::Zpl => Ok("ZPLII"),
        LabelFormat::Epl => Ok("EPL2"),
        LabelFormat::Pdf => Ok("PDF"),
        LabelFormat::Png => Ok("PNG"),
        LabelFormat::Spl | LabelFormat::Gif => Err(Refusal::new(
            "label",
            format!(
                "FedEx sells no labels as {}: choose zpl, epl, pdf or png as the connection's label format",
                format.extension().to_uppercase()
            ),
        )),
    }
}

/// The stock for labels of a format: paper for documents and pictures, rolls for printers.
pub(crate) fn stock_for(sold_as: &str, given: Option<&str>) -> Result<String, Refusal> {
    let (kind, usual) = match sold_as {
        "PDF" | "PNG" => ("PAPER_", "PAPER_4X6"),
        _ => ("STOCK_", "STOCK_4X6"),
    };
    match given {
        None => Ok(usual.to_owned()),
        Some(stock) if stock.starts_with(kind) => Ok(stock.to_owned()),
        Some(stock) => Err(Refusal::new(
            "label_stock",
            format!("labels as {sold_as} are not printed on {stock}: name a stock that begins with {kind}, or none"),
        )),
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

const KNOWN: [&str; 6] = [
    "pickup_type",
    "label_stock",
    "smart_post_hub",
    "smart_post_indicia",
    "receiver_phone",
    "rate_limit",
];

const PICKUP_TYPES: [&str; 3] = [
    "USE_SCHEDULED_PICKUP",
    "CONTACT_FEDEX_TO_SCHEDULE",
    "DROPOFF_AT_FEDEX_LOCATION",
];

const STOCKS: [&str; 18] = [
    "PAPER_4X6",
    "PAPER_4X675",
    "PAPER_4X8",
    "PAPER_4X9",
    "PAPER_7X475",
    "PAPER_85X11_BOTTOM_HALF_LABEL",
    "PAPER_85X11_TOP_HALF_LABEL",
    "PAPER_LETTER",
    "STOCK_4X6",
    "STOCK_4X675",
    "STOCK_4X675_LEADING_DOC_TAB",
    "STOCK_4X675_TRAILING_DOC_TAB",
    "STOCK_4X8",
    "STOCK_4X85_TRAILING_DOC_TAB",
    "STOCK_4X9",
    "STOCK_4X9_LEADING_DOC_TAB",
    "STOCK_4X9_TRAILING_DOC_TAB",
    "STOCK_4X105_TRAILING_DOC_TAB",
];

const INDICIA: [&str; 4] = [
    "PARCEL_SELECT",
    "MEDIA_MAIL",
    "PRESORTED_BOUND_PRINTED_MATTER",
    "PRESORTED_STANDARD",
];

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
                "is not an option of FedEx",
                &KNOWN.join(", "),
            );
        }
        OptionReader { fields, mistakes }.options()
    }

    fn options(mut self) -> Options {
        let standard = Options::default();
        let phone = "a telephone number of 10 to 15 digits";
        Options {
            pickup_type: self
                .choice("pickup_type", &PICKUP_TYPES)
                .unwrap_or(standard.pickup_type),
            label_stock: self.choice("label_stock", &STOCKS),
            smart_post_hub: self.text("smart_post_hub", is_hub, "the hub's four digits"),
            smart_post_indicia: self
                .choice("smart_post_indicia", &INDICIA)
                .unwrap_or(standard.smart_post_indicia),
            receiver_phone: self.text("receiver_phone", is_phone, phone),
            rate_limit: self.rate_limit().or(standard.rate_limit),
        }
    }

    fn wrong(&mut self, name: &str, value: &Value, allowed: &str) {
        let wrong = format!("{value} is not allowed");
        self.mistakes.add(&format!("options.{name}"), wrong, allowed);
    }

    fn text(&mut self, name: &str, legal: fn(&str) -> bool, allowed: &str) -> Option<String> {
        let value = self.fields.get(name)?;
        let text = value.as_str().map(str::trim).filter(|text| legal(text));
        if text.is_none() {
            self.wrong(name, value, allowed);
        }
        text.map(str::to_owned)
    }

    fn choice(&mut self, name: &str, allowed: &[&str]) -> Option<String> {
        let value = self.fields.get(name)?;
        let text = value.as_str().filter(|text| allowed.contains(text));
        if text.is_none() {
            self.wrong(name, value, &allowed.join(", "));
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
}

fn is_hub(text: &str) -> bool {
    text.len() == 4 && text.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(options: Value) -> SystemSettings {
        SystemSettings {
            system: "fedex".into(),
            account: "700257037".into(),
            secret: "waybill/test/acme/fedex".into(),
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
        let account = read(settings, environment).ok()?;
        account.base.host_str().map(str::to_owned)
    }

    /// P26: each environment has its own host, and neither reaches the other's, not even when it is allowed by name.
    #[test]
    fn a_sandbox_connection_can_never_reach_the_production_host() {
        let own = |environment| host(&settings(Value::Null), environment);
        assert_eq!(own(Environment::Production).as_deref(), Some("apis.fedex.com"));
        assert_eq!(own(Environment::Sandbox).as_deref(), Some("apis-sandbox.fedex.com"));
        assert_eq!(own(Environment::Local), None);
        for (environment, base) in [
            (Environment::Sandbox, "https://apis.fedex.com"),
            (Environment::Local, "https://APIS.fedex.com/"),
            (Environment::Production, "https://apis-sandbox.fedex.com"),
            (Environment::Sandbox, "https://example.com"),
            (Environment::Production, "http://proxy.example.com"),
            (Environment::Production, "https://user:secret@apis.fedex.com"),
        ] {
            let settings = at(base, &["apis.fedex.com", "apis-sandbox.fedex.com", "proxy.example.com"]);
            let mistakes = read(&settings, environment).unwrap_err();
            assert_eq!(mistakes.len(), 1, "{environment:?} {base}");
            assert_eq!(mistakes[0].path, "base_url");
        }
        let local = at("http://127.0.0.1:1", &[]);
        assert_eq!(host(&local, Environment::Local).as_deref(), Some("127.0.0.1"));
        assert_eq!(host(&local, Environment::Sandbox), None);
        let proxied = at("https://proxy.example.com/fedex", &["proxy.example.com"]);
        assert_eq!(
            host(&proxied, Environment::Production).as_deref(),
            Some("proxy.example.com")
        );
    }

    /// P57: an account is nine digits, and without one only the sandbox of FedEx's own samples is reached.
    #[test]
    fn an_account_is_nine_digits_and_a_sandbox_needs_none_of_its_own() {
        let with = |account: &str, environment| {
            let settings = SystemSettings {
                account: account.into(),
                ..settings(Value::Null)
            };
            read(&settings, environment).map(|account| account.number)
        };
        assert_eq!(with("700257037", Environment::Production).unwrap(), "700257037");
        assert_eq!(with("", Environment::Sandbox).unwrap(), SAMPLE_ACCOUNT);
        assert_eq!(
            with("", Environment::Production).unwrap(),
            "",
            "rows of the connection name one"
        );
        for bad in ["70025703", "7002570370", "70025703A", "A1B2C3"] {
            let mistakes = with(bad, Environment::Sandbox).unwrap_err();
            assert_eq!((mistakes.len(), mistakes[0].path.as_str()), (1, "account"), "{bad}");
        }
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let broken = SystemSettings {
            account: "12345".into(),
            secret: " ".into(),
            ..settings(
                json!({"pickup_type": "02", "label_stock": "PAPER_A4", "smart_post_hub": "53",
                "smart_post_indicia": "LETTER", "receiver_phone": "555", "rate_limit": 5, "colour": "purple"}),
            )
        };
        let mistakes = read(&broken, Environment::Local).unwrap_err();
        let paths: Vec<String> = mistakes.into_iter().map(|mistake| mistake.path).collect();
        assert_eq!(
            paths,
            [
                "account",
                "secret",
                "base_url",
                "options.colour",
                "options.pickup_type",
                "options.label_stock",
                "options.smart_post_hub",
                "options.smart_post_indicia",
                "options.receiver_phone",
                "options.rate_limit"
            ]
        );
    }

    /// P61: without a word the published limit is kept, and another one can be named.
    #[test]
    fn the_published_limit_is_kept_unless_another_is_named() {
        let limit = |options| {
            read(&settings(options), Environment::Production)
                .unwrap()
                .options
                .rate_limit
        };
        assert_eq!(limit(json!({})), Rate::new(1400, SignedDuration::from_secs(10)));
        let named = json!({"rate_limit": {"calls": 500, "seconds": 10}});
        assert_eq!(limit(named), Rate::new(500, SignedDuration::from_secs(10)));
    }

    #[test]
    fn labels_go_on_the_stock_of_their_format() {
        let sold = |format| sold_as(format).map_err(|refusal| refusal.code);
        assert_eq!(sold(LabelFormat::Zpl), Ok("ZPLII"));
        assert_eq!(sold(LabelFormat::Epl), Ok("EPL2"));
        assert_eq!(sold(LabelFormat::Gif), Err("label".to_owned()));
        assert_eq!(sold(LabelFormat::Spl), Err("label".to_owned()));
        assert_eq!(stock_for("ZPLII", None).unwrap(), "STOCK_4X6");
        assert_eq!(stock_for("PNG", None).unwrap(), "PAPER_4X6");
        assert_eq!(stock_for("PDF", Some("PAPER_LETTER")).unwrap(), "PAPER_LETTER");
        assert_eq!(
            stock_for("ZPLII", Some("PAPER_LETTER")).unwrap_err().code,
            "label_stock"
        );
    }

    /// P69: a secret that is not what it should be is refused, and never quoted.
    #[test]
    fn a_malformed_secret_is_refused_without_being_quoted() {
        for bad in [
            "hunter2",
            r#"{"api_key":"hunter2"}"#,
            r#"{"api_key":"hunter2","secret_key":""}"#,
            r#"{"api_key":"a","secret_key":"b","track_api_key":"hunter2"}"#,
            r#"{"api_key":"a","secret_key":"b","track_secret_key":"hunter2"}"#,
        ] {
            let refusal = check_secret(&SecretString::from(bad)).unwrap_err();
            assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
        }
        let read = |text: &str| credentials(&SecretString::from(text)).ok().unwrap();
        let one = read(r#"{"api_key":"a","secret_key":"b"}"#);
        assert!(one.ship.api_key == "a" && one.track.is_none());
        let two = read(r#"{"api_key":"a","secret_key":"b","track_api_key":"c","track_secret_key":"d"}"#);
        assert_eq!(two.track.map(|track| track.api_key).as_deref(), Some("c"));
    }
}
