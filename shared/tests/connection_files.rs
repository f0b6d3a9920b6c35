//! The connection files that ship with the project are read as a customer's would be.

use std::path::Path;

use waybill::connection::{AddressPolicy, Connection, Environment, Shipper, UnknownPurchase, list, parse};
use waybill::domain::{Cadence, Choice, LocationId, Payer, Supplier, account_of};
use waybill::systems::check::Checks;
use waybill::systems::fedex::{is_packaging, service_name};

fn text(path: &str) -> Result<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))
}

fn read(text: &str) -> Result<Connection, String> {
    parse(text, "dev", &Checks).map_err(|mistakes| list(&mistakes))
}

/// A file for a stack on one machine.
fn read_locally(text: &str) -> Result<Connection, String> {
    parse(text, "local", &Checks).map_err(|mistakes| list(&mistakes))
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

/// The example with these commented keys opened.
fn opened(text: &str, keys: &[&str]) -> String {
    let open = |line: &str| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let is_key = keys.iter().any(|key| bare.starts_with(&format!("{key} = ")));
        if is_key { bare.to_owned() } else { line.to_owned() }
    };
    text.lines().map(open).collect::<Vec<_>>().join("\n")
}

/// What an example comments out is its default, or legal.
fn is_valid_opened(path: &str, keys: &[&str]) -> Result<(), String> {
    let text = text(path)?;
    let connection = read(&opened(&text, keys))?;
    let plain = read(&text)?;
    assert_eq!(
        connection,
        Connection {
            select: connection.select.clone(),
            carrier: connection.carrier.clone(),
            erp: connection.erp.clone(),
            write_back: connection.write_back.clone(),
            ..plain.clone()
        }
    );
    assert!(connection.carrier.base_url.is_some(), "{path}");
    assert_eq!(connection.erp.base_url, plain.erp.base_url, "{path}");
    Ok(())
}

/// The keys that every example comments out.
const COMMON: [&str; 8] = [
    "unknown_purchase",
    "quote_valid_minutes",
    "retention_days",
    "secret",
    "unit",
    "allow_host",
    "base_url",
    "rate_limit",
];

#[test]
fn what_the_examples_comment_out_is_valid_too() {
    let netsuite = [
        COMMON.as_slice(),
        &[
            "condition",
            "concurrency",
            "ready_quantity",
            "ship_status",
            "trigger",
            "to",
            "label_link",
        ],
    ]
    .concat();
    is_valid_opened("examples/connections/netsuite-ups.toml", &netsuite).unwrap();
    let fedex = [
        COMMON.as_slice(),
        &[
            "concurrency",
            "ready_quantity",
            "ship_status",
            "pickup_type",
            "label_stock",
        ],
        &["smart_post_hub", "smart_post_indicia", "receiver_phone"],
    ]
    .concat();
    is_valid_opened("examples/connections/netsuite-fedex.toml", &fedex).unwrap();
    let fusion = [
        "condition",
        "additions",
        "token_path",
        "audience",
        "framework_version",
        "rest_version",
        "time_literal",
        "page",
        "concurrency",
        "locations",
        "segment_separator",
        "item_organization",
        "weight_units",
        "length_units",
        "unit_conversions",
        "flex_level",
        "flex_context",
        "tell",
        "change_order",
        "lost_request_minutes",
        "text_limit",
        "cost_as_text",
        "fields",
        "store_only",
        "note",
        "place",
        "signed_by",
        "estimated_delivery",
    ];
    is_valid_opened(
        "examples/connections/fusion-ups.toml",
        &[COMMON.as_slice(), &fusion].concat(),
    )
    .unwrap();
    let peoplesoft = [
        "additions",
        "datetime_format",
        "private_network",
        "gateway",
        "node",
        "query_service",
        "query_owner",
        "max_rows",
        "concurrency",
        "queries",
        "columns",
        "prompts",
        "strip_correlation",
        "statuses",
        "weight_units",
        "length_units",
        "unit_conversions",
        "identity_url",
        "token_path",
        "scope",
        "client_authentication",
        "lost_request_minutes",
        "text_limit",
        "status_text",
        "fields",
        "store_only",
    ];
    is_valid_opened(
        "examples/connections/peoplesoft-ups.toml",
        &[COMMON.as_slice(), &peoplesoft].concat(),
    )
    .unwrap();
}

/// P55, P57: addresses are used as they stand, an account is named, and what cannot be found is held.
#[test]
fn the_example_of_fedex_says_what_fedex_needs() {
    let connection = read(&text("examples/connections/netsuite-fedex.toml").unwrap()).unwrap();
    assert!(connection.paused);
    assert_eq!(
        (connection.carrier.system.as_str(), connection.carrier.account.as_str()),
        ("fedex", "700257037")
    );
    assert_eq!(connection.address, AddressPolicy::AsIs);
    assert_eq!(connection.unknown_purchase, UnknownPurchase::Hold);
    assert!(is_packaging(&connection.packing.package.code));
    let named = connection
        .service
        .allowed
        .iter()
        .chain(connection.service.by_ship_method.values());
    for service in named {
        assert!(service_name(service).is_some(), "{service}");
    }
}

/// The example of FedEx with one piece of it written otherwise; the paths of what is wrong then.
fn wrong_with(from: &str, to: &str) -> Vec<String> {
    let example = text("examples/connections/netsuite-fedex.toml").unwrap_or_default();
    assert!(example.contains(from), "{from}");
    let mistakes = parse(&example.replacen(from, to, 1), "dev", &Checks)
        .err()
        .unwrap_or_default();
    mistakes.into_iter().map(|mistake| mistake.path).collect()
}

/// P57: FedEx needs an account, its own or those of rows; only a sandbox does without.
#[test]
fn a_connection_to_fedex_without_an_account_is_refused_outside_of_a_sandbox() {
    let account = "account = \"700257037\"\n";
    assert!(wrong_with(account, "").is_empty(), "a sandbox needs none");
    let example = text("examples/connections/netsuite-fedex.toml").unwrap();
    let production = example.replace("environment = \"sandbox\"", "environment = \"production\"");
    let production = production.replace("account = \"1234567_SB1\"", "account = \"1234567\"");
    assert!(read(&production).is_ok());
    let without = production.replace(account, "");
    let told = read(&without).unwrap_err();
    assert!(told.contains("carrier.account: is missing"), "{told}");
    let with_rows = format!("{without}\n[[accounts]]\naccount = \"700211111\"\n");
    assert!(read(&with_rows).is_ok());
    let bad_rows = format!("{without}\n[[accounts]]\naccount = \"A1B2C3\"\nmerchant_id = \"A1B2C3\"\n");
    let told = read(&bad_rows).unwrap_err();
    assert!(
        told.contains("accounts #1.account") && told.contains("accounts #1.merchant_id"),
        "{told}"
    );
}

#[test]
fn what_fedex_cannot_do_is_told_with_its_place_in_the_file() {
    assert_eq!(
        wrong_with("account = \"700257037\"", "account = \"A1B2C3\""),
        ["carrier.account"]
    );
    assert_eq!(
        wrong_with("# unknown_purchase = \"hold\"", "unknown_purchase = \"recreate\""),
        ["unknown_purchase"]
    );
    assert_eq!(wrong_with("format = \"zpl\"", "format = \"gif\""), ["label.format"]);
    assert_eq!(
        wrong_with("package = \"YOUR_PACKAGING\"", "package = \"02\""),
        ["packing.package"]
    );
    assert_eq!(
        wrong_with("# label_stock = \"STOCK_4X6\"", "label_stock = \"PAPER_4X6\""),
        ["carrier.label_stock"]
    );
    assert_eq!(
        wrong_with("# pickup_type", "merchant_id = \"A1B2C3\"\n# pickup_type"),
        ["carrier.merchant_id"]
    );
}

/// What a file that says nothing means depends on the carrier.
#[test]
fn a_silent_file_means_to_each_carrier_what_is_usual_there() {
    let silent = |path: &str| {
        let text = text(path).unwrap();
        let text = text
            .replace("policy = \"as-is\"\n", "")
            .replace("policy = \"accept-formatting\"\n", "");
        let text = text
            .replace("package = \"YOUR_PACKAGING\"\n", "")
            .replace("package = \"02\"\n", "");
        let read = read(&text).unwrap();
        (read.address, read.unknown_purchase, read.packing.package.code)
    };
    let fedex = (AddressPolicy::AsIs, UnknownPurchase::Hold, "YOUR_PACKAGING".to_owned());
    assert_eq!(silent("examples/connections/netsuite-fedex.toml"), fedex);
    let ups = (
        AddressPolicy::AcceptFormatting,
        UnknownPurchase::Recreate,
        "02".to_owned(),
    );
    assert_eq!(silent("examples/connections/netsuite-ups.toml"), ups);
}

/// P29, P32: suppliers ship, and who pays is looked up by supplier and cost centre.
#[test]
fn the_examples_of_purchase_orders_say_who_ships_and_who_pays() {
    for (name, supplier_id, cost_centre) in [("fusion", "300100000001", "540"), ("peoplesoft", "0000000042", "41000")] {
        let connection = read(&text(&format!("examples/connections/{name}-ups.toml")).unwrap()).unwrap();
        assert!(connection.paused);
        assert_eq!(connection.erp.system, name);
        assert_eq!(connection.ship_from.of, Shipper::Supplier);
        assert!(!connection.write_back.fulfilment && connection.write_back.fields.tracking.is_some());
        assert_eq!(connection.select.rules.len(), 2);
        let supplier = |named: &str| Supplier {
            number: None,
            id: supplier_id.to_owned(),
            name: Some(named.to_owned()),
            site: None,
            address: None,
        };
        let row = |named: &str, centre: &str| account_of(&connection.accounts, Some(&supplier(named)), Some(centre));
        let number = |named, centre| row(named, centre).unwrap().unwrap().account.number.as_str();
        assert_eq!(number("Lake Michigan Pumps LLC", cost_centre), "D4E5F6");
        assert_eq!(number("Lake Michigan Pumps LLC", "999"), "A1B2C3");
        let paid = row("Chesapeake Valve Co", "999").unwrap().unwrap();
        assert!(matches!(paid.payer, Some(Payer::ThirdParty { .. })), "{paid:?}");
    }
}

#[test]
fn the_local_connections_are_valid_once_the_simulators_addresses_stand_in_them() {
    for system in ["netsuite", "fusion", "peoplesoft"] {
        let template = text(&format!("local/connections/{system}-ups.toml")).unwrap();
        let unfilled: Vec<String> = parse(&template, "local", &Checks)
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|mistake| mistake.path)
            .collect();
        let addresses = ["erp.base_url".to_owned(), "carrier.base_url".to_owned()];
        assert!(addresses.iter().all(|path| unfilled.contains(path)), "{unfilled:?}");
        let filled = template
            .replace(&format!("@{}_URL@", system.to_uppercase()), "http://127.0.0.1:4001")
            .replace("@UPS_URL@", "http://127.0.0.1:4002");
        let connection = read_locally(&filled).unwrap();
        // Simulators are called in the clear, which no other stack does.
        let elsewhere = read(&filled).unwrap_err();
        assert!(
            elsewhere.contains("environment: is \"local\", and this stack is dev"),
            "{elsewhere}"
        );
        assert_eq!(connection.id.as_str(), format!("acme-{system}-ups"));
        assert_eq!(connection.environment, Environment::Local);
        assert_eq!(connection.tracking.every, jiff::SignedDuration::from_mins(5));
        assert!(connection.write_back.fields.tells_deliveries());
        assert_eq!(connection.carrier.account, "A1B2C3");
        assert_eq!(
            connection.carrier.base_url.as_ref().and_then(url::Url::port),
            Some(4002)
        );
    }
}

/// The connections of the demo share UPS's credential, so that one hook serves them all.
#[test]
fn the_local_connections_share_the_credential_of_the_carrier() {
    let secrets = ["netsuite", "fusion", "peoplesoft"].map(|system| {
        let template = text(&format!("local/connections/{system}-ups.toml")).unwrap();
        let filled = template
            .replace(&format!("@{}_URL@", system.to_uppercase()), "http://127.0.0.1:4001")
            .replace("@UPS_URL@", "http://127.0.0.1:4002");
        read_locally(&filled).unwrap().carrier.secret
    });
    assert_eq!(secrets, ["waybill/local/acme/ups"; 3]);
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
