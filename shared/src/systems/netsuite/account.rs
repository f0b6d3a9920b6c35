//! What a connection says about its NetSuite account: the account's id and hosts, the secret's shapes, and the options.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::HEXLOWER;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::connection::{Connection, Environment, FieldMap, Selection, SystemSettings};
use crate::domain::Refusal;

/// An account's id in its canonical spelling: upper case with an underscore (`1234567_SB1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account(String);

/// A text that is no account id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a NetSuite account id (allowed: letters and digits, then at most one _ with letters and digits)")]
pub struct AccountError(String);

impl Account {
    /// Takes an id in any case; nothing else may stand in it, because host names are built from it.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let legal = match text.split_once('_') {
            Some((number, suffix)) => word(number) && word(suffix),
            None => word(text),
        };
        if legal {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(AccountError(text.to_owned()))
        }
    }

    /// The id as a TBA realm wants it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host of REST calls and token requests.
    pub fn host(&self) -> String {
        format!("{}.suitetalk.api.netsuite.com", self.slug())
    }

    /// The host of the pages that people see, on which an application is authorised.
    pub fn app_host(&self) -> String {
        format!("{}.app.netsuite.com", self.slug())
    }

    /// Whether it is a sandbox, a release preview or a test drive: nothing in it is real.
    pub fn is_for_tests(&self) -> bool {
        let suffix = self.0.split_once('_').map_or("", |(_, suffix)| suffix);
        suffix.starts_with("SB") || suffix.starts_with("RP") || self.0.starts_with("TSTDRV")
    }

    fn slug(&self) -> String {
        self.0.to_ascii_lowercase().replace('_', "-")
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing that is wrong in a connection's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where it stands (`erp.account`).
    pub path: String,
    /// What is wrong.
    pub wrong: String,
    /// What is allowed.
    pub allowed: String,
}

impl Mistake {
    fn new(path: impl Into<String>, wrong: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            wrong: wrong.into(),
            allowed: allowed.into(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (allowed: {})", self.path, self.wrong, self.allowed)
    }
}

/// Which quantity of a line is ready to ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadyQuantity {
    /// What stock is committed to.
    Committed,
    /// Everything that has not been shipped.
    Remaining,
}

/// The sublist of a fulfilment that takes its packages; it depends on the ship method's carrier integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PackageSublist {
    Package,
    PackageUps,
    PackageFedex,
    PackageUsps,
}

impl PackageSublist {
    const ALL: [Self; 4] = [Self::Package, Self::PackageUps, Self::PackageFedex, Self::PackageUsps];

    /// The sublist's name in a fulfilment.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::PackageUps => "packageUps",
            Self::PackageFedex => "packageFedex",
            Self::PackageUsps => "packageUsps",
        }
    }

    /// What its fields' names end with.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Package => "",
            Self::PackageUps => "Ups",
            Self::PackageFedex => "FedEx",
            Self::PackageUsps => "Usps",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sublist| sublist.name() == name)
    }
}

/// What only NetSuite knows, of `SystemSettings::options`.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// How many requests of ours may be under way at once in the account.
    pub(super) concurrency: u16,
    pub(super) ready: ReadyQuantity,
    /// By ship method, id or name.
    pub(super) package_sublist: BTreeMap<String, PackageSublist>,
    /// The status of a new fulfilment: `A` picked, `B` packed, `C` shipped.
    pub(super) ship_status: String,
    /// The zone of the integration's user; measured where it is not given.
    pub(super) time_zone: Option<TimeZone>,
    /// Whether the field for the cost takes text instead of a number.
    pub(super) cost_as_text: bool,
    /// The most characters that a text field takes.
    pub(super) text_limit: usize,
    /// What the status field says once the shipment is bought.
    pub(super) status_text: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 3,
            ready: ReadyQuantity::Committed,
            package_sublist: BTreeMap::new(),
            ship_status: "C".to_owned(),
            time_zone: None,
            cost_as_text: false,
            text_limit: 300,
            status_text: "Label created".to_owned(),
        }
    }
}

impl Options {
    /// The sublist for an order's ship method.
    pub(super) fn sublist(&self, method: &[&str]) -> PackageSublist {
        let chosen = method.iter().find_map(|name| self.package_sublist.get(*name));
        chosen.copied().unwrap_or(PackageSublist::Package)
    }

    /// Reads the options; what is wrong goes to `mistakes` and keeps its default.
    fn read(value: &Value, mistakes: &mut Vec<Mistake>) -> Self {
        let mut options = Self::default();
        let empty = serde_json::Map::new();
        let table = match value {
            Value::Null => &empty,
            Value::Object(table) => table,
            _ => {
                mistakes.push(Mistake::new("erp.options", "this is not a table", "a table"));
                &empty
            }
        };
        for (key, value) in table {
            if let Err(allowed) = options.set(key, value) {
                mistakes.push(Mistake::new(
                    format!("erp.options.{key}"),
                    format!("{value} is not allowed here"),
                    allowed,
                ));
            }
        }
        options
    }

    /// Sets one option, or says what is allowed.
    fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let text = value.as_str();
        match key {
            "concurrency" => self.concurrency = whole(value, 1, 100).ok_or("a whole number from 1 to 100")?,
            "ready_quantity" => self.ready = text.and_then(ready).ok_or("\"committed\" or \"remaining\"")?,
            "package_sublist" => self.package_sublist = sublists(value)?,
            "ship_status" => {
                let status = text.filter(|text| ["A", "B", "C"].contains(text));
                self.ship_status = status
                    .ok_or("\"A\" (picked), \"B\" (packed) or \"C\" (shipped)")?
                    .to_owned();
            }
            "time_zone" => {
                let zone = text.and_then(|name| TimeZone::get(name).ok());
                self.time_zone = Some(zone.ok_or("an IANA time zone, such as \"America/Los_Angeles\"")?);
            }
            "cost_as_text" => self.cost_as_text = value.as_bool().ok_or("true or false")?,
            "text_limit" => self.text_limit = whole(value, 20, 4000).ok_or("a whole number from 20 to 4000")?.into(),
            "status_text" => {
                let text = text.map(str::trim).filter(|text| (1..=100).contains(&text.len()));
                self.status_text = text.ok_or("a text of 1 to 100 characters")?.to_owned();
            }
            _ => {
                return Err(
                    "concurrency, ready_quantity, package_sublist, ship_status, time_zone, cost_as_text, text_limit, \
                            status_text"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

fn whole(value: &Value, least: u16, most: u16) -> Option<u16> {
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok())?;
    (least..=most).contains(&number).then_some(number)
}

fn ready(text: &str) -> Option<ReadyQuantity> {
    match text {
        "committed" => Some(ReadyQuantity::Committed),
        "remaining" => Some(ReadyQuantity::Remaining),
        _ => None,
    }
}

fn sublists(value: &Value) -> Result<BTreeMap<String, PackageSublist>, String> {
    let allowed = "a table of ship methods (id or name) to package, packageUps, packageFedex or packageUsps";
    let table = value.as_object().ok_or(allowed)?;
    let entry = |(method, name): (&String, &Value)| {
        let sublist = name.as_str().and_then(PackageSublist::named).ok_or(allowed)?;
        Ok((method.clone(), sublist))
    };
    table.iter().map(entry).collect()
}

/// Everything of a connection that this system reads, valid.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) account: Account,
    pub(super) base: Url,
    pub(super) options: Options,
}

impl Settings {
    /// Reads them, or says everything that is wrong.
    pub(super) fn of(connection: &Connection) -> Result<Self, Vec<Mistake>> {
        let fields = &connection.write_back.fields;
        validate(connection.environment, &connection.erp, &connection.select, fields)
    }
}

/// Everything that is wrong with what a connection says about NetSuite, at once.
pub fn mistakes(environment: Environment, erp: &SystemSettings, select: &Selection, fields: &FieldMap) -> Vec<Mistake> {
    validate(environment, erp, select, fields).err().unwrap_or_default()
}

fn validate(
    environment: Environment,
    erp: &SystemSettings,
    select: &Selection,
    fields: &FieldMap,
) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let account = account(environment, &erp.account, &mut mistakes);
    let base = account
        .as_ref()
        .and_then(|account| base(environment, erp, account, &mut mistakes));
    let options = Options::read(&erp.options, &mut mistakes);
    selection(select, &mut mistakes);
    field_names(fields, &mut mistakes);
    match (account, base) {
        (Some(account), Some(base)) if mistakes.is_empty() => Ok(Settings { account, base, options }),
        _ => Err(mistakes),
    }
}

fn account(environment: Environment, text: &str, mistakes: &mut Vec<Mistake>) -> Option<Account> {
    let Ok(account) = Account::parse(text) else {
        let allowed = "the account id as NetSuite shows it, such as 1234567 or 1234567_SB1";
        mistakes.push(Mistake::new(
            "erp.account",
            format!("{text:?} is no account id"),
            allowed,
        ));
        return None;
    };
    match (environment, account.is_for_tests()) {
        (Environment::Production, true) => mistakes.push(Mistake::new(
            "erp.account",
            format!("{account} is a test account, and the connection is production"),
            "a production account, or environment = \"sandbox\"",
        )),
        (Environment::Sandbox, false) => mistakes.push(Mistake::new(
            "erp.account",
            format!("{account} is a production account, and the connection is sandbox"),
            "an account that ends in _SB or _RP with a number, or environment = \"production\"",
        )),
        _ => {}
    }
    Some(account)
}

fn base(environment: Environment, erp: &SystemSettings, account: &Account, mistakes: &mut Vec<Mistake>) -> Option<Url> {
    let Some(base) = &erp.base_url else {
        return Url::parse(&format!("https://{}", account.host())).ok();
    };
    let host = base.host_str().unwrap_or_default();
    let own = host == account.host();
    let local = environment == Environment::Local;
    if !(own || local || erp.allow_host.iter().any(|allowed| allowed == host)) {
        let allowed = format!(
            "{}, or the host in erp.allow_host, or environment = \"local\"",
            account.host()
        );
        mistakes.push(Mistake::new(
            "erp.base_url",
            format!("{host} is not the account's host"),
            allowed,
        ));
    }
    if base.scheme() != "https" && !local {
        let wrong = format!("{} would send credentials in the clear", base.scheme());
        mistakes.push(Mistake::new("erp.base_url", wrong, "https"));
    }
    Some(base.clone())
}

fn selection(select: &Selection, mistakes: &mut Vec<Mistake>) {
    for status in &select.statuses {
        if !["B", "D", "E"].contains(&super::convert::status_letter(status)) {
            mistakes.push(Mistake::new(
                "select.statuses",
                format!("{status:?} is no status in which an order ships"),
                "B (pending fulfilment), D (partially fulfilled), E (pending billing, partially fulfilled)",
            ));
        }
    }
    if let Some(wrong) = select.condition.as_deref().and_then(wrong_condition) {
        let allowed = "one SuiteQL condition on the sales order t, such as t.custbody_ship_by_ups = 'T'";
        mistakes.push(Mistake::new("select.condition", wrong, allowed));
    }
}

/// Why a text cannot stand in parentheses within a query of ours.
fn wrong_condition(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("it is empty");
    }
    if text.contains("--") || text.contains("/*") {
        return Some("it has a comment");
    }
    let (mut depth, mut quoted) = (0i32, false);
    for letter in text.chars() {
        match letter {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            ';' | '?' => return Some("it has a ; or a ?"),
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return Some("it closes a parenthesis that it did not open");
        }
    }
    (depth != 0 || quoted).then_some("a parenthesis or a quotation mark is not closed")
}

fn field_names(fields: &FieldMap, mistakes: &mut Vec<Mistake>) {
    for (what, field) in named(fields) {
        let rest = field.strip_prefix("custbody").unwrap_or_default();
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if rest.is_empty() || !rest.bytes().all(legal) {
            mistakes.push(Mistake::new(
                format!("write_back.fields.{what}"),
                format!("{field:?} is no field of a sales order that may be written"),
                "a custom body field's id in lower case, such as custbody_ups_tracking",
            ));
        }
    }
}

/// The configured fields with the names under which they stand in the file.
pub(super) fn named(fields: &FieldMap) -> Vec<(&'static str, &str)> {
    let all = [
        ("tracking", &fields.tracking),
        ("cost", &fields.cost),
        ("service", &fields.service),
        ("status", &fields.status),
        ("problem", &fields.problem),
    ];
    let configured = all
        .into_iter()
        .filter_map(|(what, field)| Some((what, field.as_deref()?)));
    configured.collect()
}

/// The secret's three shapes.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Credentials {
    /// OAuth 2.0 machine to machine with a certificate.
    ClientCredentials(Certificate),
    /// OAuth 1.0a. No new ones from NetSuite 2027.1 on.
    TokenBased(TokenBased),
    /// OAuth 2.0 on behalf of a person, with a refresh token that changes.
    AuthorizationCode(Delegated),
}

/// What `client-credentials` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Certificate {
    pub(super) client_id: String,
    /// The certificate's id in NetSuite, the assertion's `kid`.
    pub(super) certificate_id: String,
    /// PEM.
    pub(super) private_key: SecretString,
    pub(super) algorithm: Algorithm,
}

/// How an assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Algorithm {
    PS256,
    ES256,
    ES384,
}

/// What `token-based` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TokenBased {
    pub(super) consumer_key: String,
    pub(super) consumer_secret: SecretString,
    pub(super) token_id: String,
    pub(super) token_secret: SecretString,
}

/// What `authorization-code` holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Delegated {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    /// Missing until somebody has consented.
    pub(super) refresh_token: Option<SecretString>,
    pub(super) redirect_uri: String,
}

impl Credentials {
    /// Reads a secret's body. What is wrong is said without a word of what stands there.
    pub(super) fn parse(secret: &SecretString) -> Result<Self, Refusal> {
        let malformed = |what: String| Refusal::new("secret-malformed", format!("the NetSuite secret {what}"));
        let value: Value = serde_json::from_str(secret.expose_secret())
            .map_err(|_| malformed("is not a JSON object: enter it again with `waybill secret set`".to_owned()))?;
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let wanted: &[&str] = match kind {
            "client-credentials" => &["client_id", "certificate_id", "private_key", "algorithm"],
            "token-based" => &["consumer_key", "consumer_secret", "token_id", "token_secret"],
            "authorization-code" => &["client_id", "client_secret", "redirect_uri"],
            _ => {
                let kinds = "needs a kind: client-credentials, token-based or authorization-code";
                return Err(malformed(kinds.to_owned()));
            }
        };
        let given = |field: &&&str| {
            value
                .get(**field)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        let missing: Vec<&str> = wanted.iter().filter(|field| !given(field)).copied().collect();
        if !missing.is_empty() {
            return Err(malformed(format!("of kind {kind} lacks {}", missing.join(", "))));
        }
        let algorithm = "of kind client-credentials needs the algorithm PS256, ES256 or ES384";
        serde_json::from_value(value).map_err(|_| malformed(algorithm.to_owned()))
    }

    /// A digest of the client id, by which token requests are counted.
    pub(super) fn client(&self) -> String {
        let id = match self {
            Self::ClientCredentials(certificate) => &certificate.client_id,
            Self::TokenBased(token) => &token.consumer_key,
            Self::AuthorizationCode(delegated) => &delegated.client_id,
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, id.as_bytes());
        HEXLOWER.encode(digest.as_ref()).chars().take(16).collect()
    }
}

/// Whether a secret's body has one of the three shapes and a key that signs.
pub fn check_secret(secret: &SecretString) -> Result<(), Refusal> {
    match Credentials::parse(secret)? {
        Credentials::ClientCredentials(certificate) => super::token::signing_key(&certificate).map(|_| ()),
        Credentials::TokenBased(_) | Credentials::AuthorizationCode(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::systems::netsuite::fixture;

    /// P5: the account stands in the host, `123_SB1` as `123-sb1`; nothing else can get into it.
    #[test]
    fn the_host_follows_from_the_account() {
        for (text, canonical, host, for_tests) in [
            ("123_SB1", "123_SB1", "123-sb1", true),
            ("1234567_sb1", "1234567_SB1", "1234567-sb1", true),
            ("1234567_RP", "1234567_RP", "1234567-rp", true),
            ("tstdrv123", "TSTDRV123", "tstdrv123", true),
            ("1234567", "1234567", "1234567", false),
        ] {
            let account = Account::parse(text).unwrap();
            assert_eq!(account.as_str(), canonical);
            assert_eq!(account.host(), format!("{host}.suitetalk.api.netsuite.com"));
            assert_eq!(account.app_host(), format!("{host}.app.netsuite.com"));
            assert_eq!(account.is_for_tests(), for_tests, "{text}");
        }
        for text in [
            "",
            "_SB1",
            "123_",
            "123-sb1",
            "123_SB1_2",
            "evil.com/",
            "123.evil",
            "123 ",
            "1@2",
            "12\u{2161}",
        ] {
            assert!(Account::parse(text).is_err(), "{text:?}");
        }
    }

    fn wrong(change: impl FnOnce(&mut Connection)) -> Vec<String> {
        let mut connection = fixture::connection();
        change(&mut connection);
        let fields = &connection.write_back.fields;
        let found = mistakes(connection.environment, &connection.erp, &connection.select, fields);
        found.into_iter().map(|mistake| mistake.path).collect()
    }

    /// P26: a sandbox connection never reaches a production account, nor the other way round, and no other host.
    #[test]
    fn a_connection_reaches_only_the_world_that_it_names() {
        let at = |environment, account: &str, base: Option<&str>, allowed: &[&str]| {
            wrong(|connection| {
                connection.environment = environment;
                connection.erp.account = account.to_owned();
                connection.erp.base_url = base.map(|base| base.parse().unwrap());
                connection.erp.allow_host = allowed.iter().map(|host| (*host).to_owned()).collect();
            })
        };
        let none: Vec<String> = Vec::new();
        assert_eq!(at(Environment::Production, "1234567", None, &[]), none);
        assert_eq!(at(Environment::Production, "1234567_SB1", None, &[]), ["erp.account"]);
        assert_eq!(at(Environment::Sandbox, "1234567_SB1", None, &[]), none);
        assert_eq!(at(Environment::Sandbox, "1234567", None, &[]), ["erp.account"]);
        let production = "https://1234567.suitetalk.api.netsuite.com";
        assert_eq!(
            at(Environment::Sandbox, "1234567_SB1", Some(production), &[]),
            ["erp.base_url"]
        );
        assert_eq!(
            at(
                Environment::Sandbox,
                "1234567_SB1",
                Some("https://proxy.example"),
                &["proxy.example"]
            ),
            none
        );
        assert_eq!(
            at(
                Environment::Sandbox,
                "1234567_SB1",
                Some("http://proxy.example"),
                &["proxy.example"]
            ),
            ["erp.base_url"]
        );
        assert_eq!(
            at(Environment::Local, "1234567", Some("http://127.0.0.1:4000"), &[]),
            none
        );
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_place() {
        let told = wrong(|connection| {
            connection.erp.account = "evil.com/".to_owned();
            connection.erp.options = json!({
                "concurrency": 0, "ready_quantity": "all", "package_sublist": {"3901": "box"}, "ship_status": "X",
                "time_zone": "Mars/Olympus", "cost_as_text": 1, "text_limit": 5, "status_text": "", "colour": "red"
            });
            connection.select.statuses = vec!["B".to_owned(), "G".to_owned()];
            connection.select.condition = Some("1 = 1) OR (1 = 1".to_owned());
            connection.write_back.fields.cost = Some("memo; DROP".to_owned());
        });
        let expected = [
            "erp.account",
            "erp.options.colour",
            "erp.options.concurrency",
            "erp.options.cost_as_text",
            "erp.options.package_sublist",
            "erp.options.ready_quantity",
            "erp.options.ship_status",
            "erp.options.status_text",
            "erp.options.text_limit",
            "erp.options.time_zone",
            "select.statuses",
            "select.condition",
            "write_back.fields.cost",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_condition_cannot_leave_its_parentheses() {
        for text in [
            "t.memo = 'a) OR (b'",
            "t.custbody_x = 'T' AND (t.location = 6 OR t.location IS NULL)",
        ] {
            assert_eq!(wrong_condition(text), None, "{text}");
        }
        for text in [
            "",
            "1 = 1; DELETE",
            "t.id = ?",
            "(1 = 1",
            "t.memo = 'a",
            "1 = 1 -- x",
            "1 = 1 /* x",
        ] {
            assert!(wrong_condition(text).is_some(), "{text:?}");
        }
    }
}
