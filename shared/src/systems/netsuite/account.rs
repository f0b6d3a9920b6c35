//! What a connection says about its NetSuite account: the account's id, its hosts, and what may be selected and written.

use std::fmt;

use url::Url;

use super::options::{Options, Trigger};
use crate::connection::{
    Addressed, Connection, Environment, FieldMap, Mistake, Selection, SystemSettings, WriteBackPolicy, WriteBackTarget,
};

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
        validate(&Addressed::erp(connection))
    }
}

/// Everything that is wrong with what a connection says about NetSuite, at once.
pub fn mistakes(addressed: &Addressed<'_>) -> Vec<Mistake> {
    validate(addressed).err().unwrap_or_default()
}

fn validate(addressed: &Addressed<'_>) -> Result<Settings, Vec<Mistake>> {
    let (environment, erp) = (addressed.environment, addressed.settings);
    let mut mistakes = Vec::new();
    let account = account(environment, &erp.account, &mut mistakes);
    let base = account
        .as_ref()
        .and_then(|account| base(environment, erp, account, &mut mistakes));
    let options = Options::read(&erp.options, &mut mistakes);
    selection(addressed.select, options.trigger, &mut mistakes);
    written(addressed.write_back, options.trigger, &mut mistakes);
    field_names(&addressed.write_back.fields, &mut mistakes);
    not_known_here(addressed, &mut mistakes);
    match (account, base) {
        (Some(account), Some(base)) if mistakes.is_empty() => Ok(Settings { account, base, options }),
        _ => Err(mistakes),
    }
}

/// What other ERPs know and NetSuite does not.
fn not_known_here(addressed: &Addressed<'_>, mistakes: &mut Vec<Mistake>) {
    if !addressed.select.rules.is_empty() {
        let allowed = "select.ship_methods and select.condition";
        mistakes.push(Mistake::new(
            "select.rules",
            "NetSuite is not asked by such rules",
            allowed,
        ));
    }
    if addressed.write_back.note.is_some() {
        let allowed = "fulfilment and fields";
        mistakes.push(Mistake::new(
            "write_back.note",
            "NetSuite is written to by fields",
            allowed,
        ));
    }
}

/// What cannot be written together with what makes goods ship, or to an invoice.
fn written(policy: &WriteBackPolicy, trigger: Trigger, mistakes: &mut Vec<Mistake>) {
    if policy.fulfilment && trigger != Trigger::Ready {
        let wrong = format!("people make the fulfilments where erp.trigger is {:?}", trigger.name());
        let allowed = "false; or erp.trigger = \"ready\", and Waybill makes them";
        mistakes.push(Mistake::new("write_back.fulfilment", wrong, allowed));
    }
    if policy.to == WriteBackTarget::Invoice && trigger == Trigger::Ready {
        let wrong = "where erp.trigger is \"ready\", labels are bought before people fulfil anything, so that nobody could tell which \
                     invoice bills what was shipped";
        let allowed = "\"order\"; or erp.trigger = \"fulfilment-shipped\" or \"order-shipped\" with write_back.fulfilment = false";
        mistakes.push(Mistake::new("write_back.to", wrong, allowed));
    }
    if policy.to == WriteBackTarget::Invoice && policy.fields.tracking.is_none() {
        let wrong = "is missing: by it an invoice that shows a shipment is recognised";
        mistakes.push(Mistake::new(
            "write_back.fields.tracking",
            wrong,
            "a custom body field of the invoice, such as custbody_tracking",
        ));
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

fn selection(select: &Selection, trigger: Trigger, mistakes: &mut Vec<Mistake>) {
    let (what, allowed) = match trigger {
        Trigger::Ready => (
            "an order ships",
            "B (pending fulfilment), D (partially fulfilled), E (pending billing, partially fulfilled)",
        ),
        Trigger::OrderShipped => (
            "something of an order has been fulfilled",
            "D (partially fulfilled), E (pending billing, partially fulfilled), F (pending billing), G (billed)",
        ),
        Trigger::FulfilmentShipped => ("a fulfilment ships", "C (shipped), B (packed), A (picked)"),
    };
    for status in &select.statuses {
        if !trigger.statuses().contains(&super::convert::status_letter(status)) {
            let wrong = format!("{status:?} is no status in which {what}");
            mistakes.push(Mistake::new("select.statuses", wrong, allowed));
        }
    }
    if let Some(wrong) = select.condition.as_deref().and_then(wrong_condition) {
        let allowed = "one SuiteQL condition on the sales order t, such as t.custbody_ship_by_ups = 'T'";
        mistakes.push(Mistake::new("select.condition", wrong, allowed));
    }
}

/// Why a text cannot stand in parentheses within a query of ours.
pub(super) fn wrong_condition(text: &str) -> Option<&'static str> {
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
                format!("{field:?} is no field of a document that may be written"),
                "a custom body field's id in lower case, such as custbody_ups_tracking",
            ));
        }
    }
}

/// The configured fields with the names under which they stand in the file.
pub(super) fn named(fields: &FieldMap) -> Vec<(&'static str, &str)> {
    let all = [
        ("tracking", &fields.tracking),
        ("label_link", &fields.label_link),
        ("cost", &fields.cost),
        ("service", &fields.service),
        ("status", &fields.status),
        ("status_at", &fields.status_at),
        ("place", &fields.place),
        ("signed_by", &fields.signed_by),
        ("estimated_delivery", &fields.estimated_delivery),
        ("problem", &fields.problem),
    ];
    let configured = all
        .into_iter()
        .filter_map(|(what, field)| Some((what, field.as_deref()?)));
    configured.collect()
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
        let found = mistakes(&Addressed::erp(&connection));
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
            connection.write_back.fields.place = Some("shipaddress".to_owned());
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
            "write_back.fields.place",
        ];
        assert_eq!(told, expected);
    }

    /// P54, P56: what makes goods ship must fit what is selected and what is written back.
    #[test]
    fn people_make_the_fulfilments_where_they_trigger_shipping() {
        let told = |trigger: &str, statuses: &[&str], change: &dyn Fn(&mut Connection)| {
            wrong(|connection| {
                connection.erp.options = json!({ "trigger": trigger });
                connection.select.statuses = statuses.iter().map(|status| (*status).to_owned()).collect();
                change(connection);
            })
        };
        let none: Vec<String> = Vec::new();
        let by_people = |connection: &mut Connection| connection.write_back.fulfilment = false;
        let on_invoice = |connection: &mut Connection| connection.write_back.to = WriteBackTarget::Invoice;
        assert_eq!(told("order-shipped", &[], &|_| {}), ["write_back.fulfilment"]);
        assert_eq!(told("order-shipped", &["D", "F", "SalesOrd:G"], &by_people), none);
        assert_eq!(told("order-shipped", &["B"], &by_people), ["select.statuses"]);
        assert_eq!(told("fulfilment-shipped", &["A", "ItemShip:B", "C"], &by_people), none);
        assert_eq!(told("fulfilment-shipped", &["D"], &by_people), ["select.statuses"]);
        assert_eq!(told("shipped", &[], &|_| {}), ["erp.options.trigger"]);
        assert_eq!(told("ready", &[], &on_invoice), ["write_back.to"]);
        let by_people_on_invoice = |connection: &mut Connection| {
            by_people(connection);
            on_invoice(connection);
        };
        assert_eq!(told("ready", &[], &by_people_on_invoice), ["write_back.to"]);
        assert_eq!(told("order-shipped", &[], &by_people_on_invoice), none);
        let without_number = |connection: &mut Connection| {
            (connection.write_back.to, connection.write_back.fulfilment) = (WriteBackTarget::Invoice, false);
            connection.write_back.fields.tracking = None;
            connection.write_back.fields.label_link = Some("url".to_owned());
        };
        let expected = ["write_back.fields.tracking", "write_back.fields.label_link"];
        assert_eq!(told("fulfilment-shipped", &[], &without_number), expected);
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
