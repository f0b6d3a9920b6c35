//! What a connection says about its pod: the pod's and the identity domain's hosts, and what may be selected and written.

use url::Url;

use super::options::{Options, STATUSES};
use crate::connection::{
    Addressed, Connection, Environment, FieldMap, Mistake, Selection, SystemSettings, WriteBackPolicy, WriteBackTarget,
};

/// Everything of a connection that this system reads, valid.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) base: Url,
    pub(super) options: Options,
}

impl Settings {
    /// Reads them, or says everything that is wrong.
    pub(super) fn of(connection: &Connection) -> Result<Self, Vec<Mistake>> {
        validate(&Addressed::erp(connection))
    }
}

/// Everything that is wrong with what a connection says about Oracle Fusion Cloud ERP, at once.
pub fn mistakes(addressed: &Addressed<'_>) -> Vec<Mistake> {
    validate(addressed).err().unwrap_or_default()
}

fn validate(addressed: &Addressed<'_>) -> Result<Settings, Vec<Mistake>> {
    let (environment, erp) = (addressed.environment, addressed.settings);
    let mut mistakes = Vec::new();
    account(&erp.account, &mut mistakes);
    let base = base(environment, erp, &mut mistakes);
    let options = Options::read(&erp.options, &mut mistakes);
    identity(environment, erp, &options, &mut mistakes);
    selection(addressed.select, &mut mistakes);
    write_back(addressed.write_back, &mut mistakes);
    match base {
        Some(base) if mistakes.is_empty() => Ok(Settings { base, options }),
        _ => Err(mistakes),
    }
}

fn account(name: &str, mistakes: &mut Vec<Mistake>) {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
        let allowed = "the pod's name, such as what its host begins with: letters, digits, -, _ and .";
        mistakes.push(Mistake::new(
            "erp.account",
            format!("{name:?} is no name of a pod"),
            allowed,
        ));
    }
}

fn base(environment: Environment, erp: &SystemSettings, mistakes: &mut Vec<Mistake>) -> Option<Url> {
    let Some(base) = &erp.base_url else {
        let allowed = "the pod's address, such as \"https://acme.fa.us2.oraclecloud.com\"";
        mistakes.push(Mistake::missing("erp.base_url", allowed));
        return None;
    };
    reachable(environment, erp, base, ("erp.base_url", ".oraclecloud.com"), mistakes);
    world(environment, erp, base, mistakes);
    Some(base.clone())
}

fn identity(environment: Environment, erp: &SystemSettings, options: &Options, mistakes: &mut Vec<Mistake>) {
    if let Some(identity) = &options.identity_url {
        let own = ("erp.options.identity_url", ".identity.oraclecloud.com");
        reachable(environment, erp, identity, own, mistakes);
    }
}

/// Whether a host is the vendor's own or allowed by name, and nothing is sent in the clear.
fn reachable(
    environment: Environment,
    erp: &SystemSettings,
    url: &Url,
    (path, domain): (&str, &str),
    mistakes: &mut Vec<Mistake>,
) {
    let local = environment == Environment::Local;
    let host = url.host_str().unwrap_or_default();
    if !(local || host.ends_with(domain) || is_allowed(erp, host)) {
        let allowed = format!("a host that ends in {domain}, or one in erp.allow_host, or environment = \"local\"");
        mistakes.push(Mistake::new(
            path,
            format!("{host} is not one of Oracle's hosts"),
            allowed,
        ));
    }
    if url.scheme() != "https" && !(local && url.scheme() == "http") {
        let wrong = format!("{} would send credentials in the clear", url.scheme());
        mistakes.push(Mistake::new(path, wrong, "https"));
    }
}

fn is_allowed(erp: &SystemSettings, host: &str) -> bool {
    erp.allow_host.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
}

/// Oracle names test pods so that they can be told: `acme-test.fa...`, `fa-acme-dev1-saasfaprod1.fa...`.
fn world(environment: Environment, erp: &SystemSettings, base: &Url, mistakes: &mut Vec<Mistake>) {
    let host = base.host_str().unwrap_or_default();
    if is_allowed(erp, host) {
        return;
    }
    let pod = host.split('.').next().unwrap_or_default();
    let of_tests = |word: &str| {
        word == "test"
            || word
                .strip_prefix("dev")
                .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match (environment, pod.split('-').skip(1).any(of_tests)) {
        (Environment::Production, true) => mistakes.push(Mistake::new(
            "erp.base_url",
            format!("{host} is a test pod, and the connection is production"),
            "a production pod, or environment = \"sandbox\", or the host in erp.allow_host",
        )),
        (Environment::Sandbox, false) => mistakes.push(Mistake::new(
            "erp.base_url",
            format!("{host} is a production pod, and the connection is sandbox"),
            "a pod whose name has -test or -dev1, or environment = \"production\", or the host in erp.allow_host",
        )),
        _ => {}
    }
}

fn selection(select: &Selection, mistakes: &mut Vec<Mistake>) {
    for status in &select.statuses {
        if !STATUSES.contains(&status.trim().to_uppercase().as_str()) {
            mistakes.push(Mistake::new(
                "select.statuses",
                format!("{status:?} is no status code of an order"),
                STATUSES.join(", "),
            ));
        }
    }
    if select.rules.is_empty() && select.condition.is_none() {
        let allowed = "[[select.rules]] or select.condition: only orders that ask for this carrier may ship";
        mistakes.push(Mistake::missing("select.rules", allowed));
    }
    if let Some(wrong) = select.condition.as_deref().and_then(wrong_condition) {
        let allowed = "one expression on the order's header, such as Carrier = 'UPS'";
        mistakes.push(Mistake::new("select.condition", wrong, allowed));
    }
}

/// Why a text cannot stand in parentheses within a filter of ours.
fn wrong_condition(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("it is empty");
    }
    let (mut depth, mut quoted) = (0i32, None);
    for letter in text.chars() {
        match (letter, quoted) {
            ('\'' | '"', None) => quoted = Some(letter),
            (letter, Some(mark)) if letter == mark => quoted = None,
            (_, Some(_)) => {}
            (';', None) => return Some("it has a ;"),
            (letter, None) if letter.is_control() => return Some("it has a control character"),
            ('(', None) => depth += 1,
            (')', None) => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return Some("it closes a parenthesis that it did not open");
        }
    }
    (depth != 0 || quoted.is_some()).then_some("a parenthesis or a quotation mark is not closed")
}

/// The notes of an order that may be written.
pub(super) const NOTES: [&str; 2] = ["NoteToReceiver", "NoteToSupplier"];

fn write_back(policy: &WriteBackPolicy, mistakes: &mut Vec<Mistake>) {
    if policy.fulfilment {
        let allowed = "false: Fusion receives what a supplier has shipped, and makes no fulfilment";
        mistakes.push(Mistake::new(
            "write_back.fulfilment",
            "there is none in Fusion",
            allowed,
        ));
    }
    if policy.to == WriteBackTarget::Invoice {
        let wrong = "what Fusion bills is not written to";
        mistakes.push(Mistake::new("write_back.to", wrong, "\"order\""));
    }
    if policy.fields.label_link.is_some() {
        let wrong = "Fusion is not given links to labels";
        mistakes.push(Mistake::new("write_back.fields.label_link", wrong, "nothing"));
    }
    if let Some(note) = policy.note.as_deref().filter(|note| !NOTES.contains(note)) {
        let wrong = format!("{note:?} is no note of an order");
        mistakes.push(Mistake::new("write_back.note", wrong, NOTES.join(" or ")));
    }
    for (what, field) in named(&policy.fields) {
        let mut letters = field.chars();
        let begins = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic());
        if !(begins && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')) {
            mistakes.push(Mistake::new(
                format!("write_back.fields.{what}"),
                format!("{field:?} is no segment of a flexfield"),
                "a segment's API name, such as trackingNumber",
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
    use crate::connection::SelectionRule;
    use crate::systems::fusion::fixture;

    fn wrong(change: impl FnOnce(&mut Connection)) -> Vec<String> {
        let mut connection = fixture::connection();
        change(&mut connection);
        let found = mistakes(&Addressed::erp(&connection));
        found.into_iter().map(|mistake| mistake.path).collect()
    }

    /// P26: a sandbox connection never reaches a production pod, nor the other way round, and no other host.
    #[test]
    fn a_connection_reaches_only_the_world_that_it_names() {
        let at = |environment, base: Option<&str>, allowed: &[&str]| {
            wrong(|connection| {
                connection.environment = environment;
                connection.erp.base_url = base.map(|base| base.parse().unwrap());
                connection.erp.allow_host = allowed.iter().map(|host| (*host).to_owned()).collect();
            })
        };
        let none: Vec<String> = Vec::new();
        let (real, test) = (
            "https://acme.fa.us2.oraclecloud.com",
            "https://acme-test.fa.us2.oraclecloud.com",
        );
        assert_eq!(at(Environment::Production, Some(real), &[]), none);
        assert_eq!(at(Environment::Sandbox, Some(test), &[]), none);
        assert_eq!(at(Environment::Production, Some(test), &[]), ["erp.base_url"]);
        assert_eq!(at(Environment::Sandbox, Some(real), &[]), ["erp.base_url"]);
        let stage = "https://fa-acme-dev1-saasfaprod1.fa.ocs.oraclecloud.com";
        assert_eq!(at(Environment::Sandbox, Some(stage), &[]), none);
        assert_eq!(
            at(Environment::Production, Some("https://erp.acme.example"), &[]),
            ["erp.base_url"]
        );
        assert_eq!(
            at(
                Environment::Production,
                Some("https://erp.acme.example"),
                &["erp.acme.example"]
            ),
            none
        );
        assert_eq!(
            at(Environment::Production, Some("http://acme.fa.us2.oraclecloud.com"), &[]),
            ["erp.base_url"]
        );
        assert_eq!(
            at(
                Environment::Production,
                Some("https://evil.example/.oraclecloud.com"),
                &[]
            ),
            ["erp.base_url"]
        );
        assert_eq!(at(Environment::Production, None, &[]), ["erp.base_url"]);
        assert_eq!(at(Environment::Local, Some("http://127.0.0.1:4000"), &[]), none);
    }

    #[test]
    fn an_identity_domain_is_oracles_own_or_named() {
        let at = |environment, url: &str, allowed: &[&str]| {
            wrong(|connection| {
                connection.environment = environment;
                connection.erp.base_url = Some("https://acme.fa.us2.oraclecloud.com".parse().unwrap());
                connection.erp.allow_host = allowed.iter().map(|host| (*host).to_owned()).collect();
                connection.erp.options = json!({ "identity_url": url });
            })
        };
        let none: Vec<String> = Vec::new();
        let path = ["erp.options.identity_url"];
        assert_eq!(
            at(Environment::Production, "https://idcs-0a.identity.oraclecloud.com", &[]),
            none
        );
        assert_eq!(
            at(
                Environment::Production,
                "https://idcs-0a.identity.oraclecloud.com/x",
                &[]
            ),
            path
        );
        assert_eq!(at(Environment::Production, "https://login.acme.example", &[]), path);
        assert_eq!(
            at(
                Environment::Production,
                "https://login.acme.example",
                &["login.acme.example"]
            ),
            none
        );
        assert_eq!(
            at(Environment::Production, "http://idcs-0a.identity.oraclecloud.com", &[]),
            path
        );
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_place() {
        let told = wrong(|connection| {
            connection.erp.account = "evil/".to_owned();
            connection.erp.options = json!({
                "framework_version": 1, "page": 500, "locations": "map", "flex_level": "line", "tell": "sometimes",
                "change_order": {"submit": "x"}, "weight_units": {"LBS": "stone"}, "unit_conversions": {"BOX": 0},
                "time_literal": "today", "cost_centre_segment": 0, "colour": "red", "procurement_bu": []
            });
            connection.select.statuses = vec!["open".to_owned(), "SHIPPED".to_owned()];
            connection.select.rules = Vec::new();
            connection.write_back.fulfilment = true;
            connection.write_back.note = Some("Description".to_owned());
            connection.write_back.fields.cost = Some("2nd; DROP".to_owned());
        });
        let expected = [
            "erp.account",
            "erp.options.change_order",
            "erp.options.colour",
            "erp.options.cost_centre_segment",
            "erp.options.flex_level",
            "erp.options.framework_version",
            "erp.options.page",
            "erp.options.procurement_bu",
            "erp.options.tell",
            "erp.options.time_literal",
            "erp.options.unit_conversions",
            "erp.options.weight_units",
            "erp.options.location_map",
            "select.statuses",
            "select.rules",
            "write_back.fulfilment",
            "write_back.note",
            "write_back.fields.cost",
        ];
        assert_eq!(told, expected);
    }

    /// P29: a connection that would ship every order there is is no connection.
    #[test]
    fn only_flagged_orders_ship() {
        let rule = SelectionRule {
            carrier: vec!["UPS".to_owned()],
            ..SelectionRule::default()
        };
        let with = |rules: Vec<SelectionRule>, condition: Option<&str>| {
            wrong(|connection| {
                connection.select.rules = rules;
                connection.select.condition = condition.map(str::to_owned);
            })
        };
        assert_eq!(with(Vec::new(), None), ["select.rules"]);
        assert!(with(vec![rule], None).is_empty());
        assert!(with(Vec::new(), Some("Carrier = 'UPS'")).is_empty());
    }

    #[test]
    fn a_condition_cannot_leave_its_parentheses() {
        for text in [
            "Description = 'a) or (b'",
            "Carrier = 'UPS' and (Total > 5 or Total is null)",
        ] {
            assert_eq!(wrong_condition(text), None, "{text}");
        }
        for text in ["", "A = 1; B = 2", "(A = 1", "A = 'a", "A = 1) or (1 = 1"] {
            assert!(wrong_condition(text).is_some(), "{text:?}");
        }
    }
}
