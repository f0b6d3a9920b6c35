//! The connection files that ship with the project are read as a customer's would be.

use std::path::Path;

use waybill::connection::{Connection, Environment, list, parse};
use waybill::domain::{Cadence, Choice, LocationId};
use waybill::systems::check::Checks;

fn text(path: &str) -> Result<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))
}

fn read(text: &str) -> Result<Connection, String> {
    parse(text, "dev", &Checks).map_err(|mistakes| list(&mistakes))
}

#[test]
fn the_example_is_valid_and_says_what_it_seems_to_say() {
    let connection = read(&text("examples/connections/netsuite-ups.toml").unwrap()).unwrap();
    assert!(connection.paused);
    assert_eq!(connection.environment, Environment::Sandbox);
    assert_eq!(connection.schedule.time_zone, "America/Chicago");
    assert_eq!(connection.service.choice, Choice::CheapestBy { days: 5 });
    assert_eq!(connection.ship_from.at(Some(&LocationId::new("6"))).city, "Reno");
    assert_eq!(connection.ship_from.at(None).city, "Louisville");
    assert!(connection.write_back.fulfilment);
    assert_eq!(connection.tracking, Cadence::default());
    let fields = connection.write_back.fields;
    assert_eq!(fields.estimated_delivery.as_deref(), Some("custbody_waybill_estimated"));
    assert!(fields.status_at.is_some() && fields.place.is_some() && fields.signed_by.is_some());
}

#[test]
fn what_the_example_comments_out_is_valid_too() {
    let text = text("examples/connections/netsuite-ups.toml").unwrap();
    let defaults = [
        "unknown_purchase",
        "quote_valid_minutes",
        "retention_days",
        "secret",
        "unit",
        "condition",
        "allow_host",
        "base_url",
    ];
    let open = |line: &str| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let is_key = defaults.iter().any(|key| bare.starts_with(&format!("{key} = ")));
        if is_key { bare.to_owned() } else { line.to_owned() }
    };
    let opened: Vec<String> = text.lines().map(open).collect();
    let connection = read(&opened.join("\n")).unwrap();
    assert_eq!(
        connection,
        Connection {
            select: connection.select.clone(),
            carrier: connection.carrier.clone(),
            ..read(&text).unwrap()
        }
    );
    assert!(connection.select.condition.is_some() && connection.carrier.base_url.is_some());
}

#[test]
fn the_local_connection_is_valid_once_the_simulators_addresses_stand_in_it() {
    let template = text("local/connections/netsuite-ups.toml").unwrap();
    let unfilled: Vec<String> = parse(&template, "local", &Checks)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|mistake| mistake.path)
        .collect();
    assert_eq!(unfilled, ["erp.base_url", "carrier.base_url"]);
    let filled = template
        .replace("@NETSUITE_URL@", "http://127.0.0.1:4001")
        .replace("@UPS_URL@", "http://127.0.0.1:4002");
    let connection = read(&filled).unwrap();
    assert_eq!(connection.environment, Environment::Local);
    assert_eq!(connection.tracking.every, jiff::SignedDuration::from_mins(5));
    assert!(connection.write_back.fields.tells_deliveries());
    assert_eq!(
        connection.carrier.base_url.as_ref().and_then(url::Url::port),
        Some(4002)
    );
}

/// P7, P26: what only a system knows is judged by that system, and told with its place in the file.
#[test]
fn the_systems_find_their_own_mistakes_in_a_file() {
    let example = text("examples/connections/netsuite-ups.toml").unwrap();
    let broken = example
        .replace("# merchant_id = \"A1B2C3\"", "merchant_id = \"12345\"")
        .replace(
            "account = \"1234567_SB1\"",
            "account = \"1234567\"\nconcurrency = 0\ncolour = \"red\"",
        )
        .replace("custbody_waybill_cost", "memo");
    let mistakes = parse(&broken, "dev", &Checks).err().unwrap_or_default();
    let mut paths: Vec<String> = mistakes.into_iter().map(|mistake| mistake.path).collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "carrier.merchant_id",
            "erp.account",
            "erp.colour",
            "erp.concurrency",
            "write_back.fields.cost"
        ]
    );
}
