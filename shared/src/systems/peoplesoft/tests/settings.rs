//! What a connection may say, and where it may lead.

use super::*;

const NONE: [&str; 0] = [];

/// P72: any host, port and path prefix. P71: a password never travels in the clear.
#[test]
fn a_customers_own_address_is_taken_whole_and_only_by_https() {
    use Environment::{Local, Production, Sandbox};
    for base in [
        "https://erp.acme.example:8443/site/fs",
        "https://erp.acme.example:10443",
        "https://203.0.113.7:8000/a/b/c",
        "https://erp.acme.example/",
    ] {
        for environment in [Production, Sandbox] {
            assert_eq!(at(environment, base, false), NONE, "{base}");
        }
    }
    for environment in [Production, Sandbox] {
        assert_eq!(at(environment, "http://erp.acme.example:8000", false), ["erp.base_url"]);
        assert_eq!(at(environment, "http://10.1.2.3:8000", true), ["erp.base_url"]);
    }
    assert_eq!(at(Local, "http://127.0.0.1:4000/site", false), NONE);
    assert_eq!(
        at(Production, "https://erp.acme.example/site/PSIGW", false),
        ["erp.base_url"]
    );
    assert_eq!(
        at(Production, "https://user:word@erp.acme.example/", false),
        ["erp.base_url"]
    );
    assert_eq!(mistakes(|connection| connection.erp.base_url = None), ["erp.base_url"]);
}

/// P72: a customer's file does not lead into our own network, unless the connection says that the customer's is here.
#[test]
fn an_address_of_a_private_network_needs_a_word() {
    for base in [
        "https://10.1.2.3",
        "https://192.168.0.9:8443/fs",
        "https://127.0.0.1",
        "https://169.254.169.254",
        "https://100.64.0.1",
        "https://2130706433",
        "https://[::1]:8443",
        "https://[fd00::1]",
        "https://[::ffff:10.0.0.1]",
        "https://localhost:8443",
    ] {
        assert_eq!(at(Environment::Production, base, false), ["erp.base_url"], "{base}");
        assert_eq!(at(Environment::Production, base, true), NONE, "{base}");
        assert_eq!(at(Environment::Local, base, false), NONE, "{base}");
    }
    let identity = mistakes(|connection| {
        connection.erp.options["identity_url"] = json!("https://10.0.0.1");
    });
    assert_eq!(identity, ["erp.options.identity_url"]);
}

/// P72: an authority of the customer's own is trusted beside the public ones; what is none is told before anything is stored.
#[test]
fn a_private_authority_is_taken_and_a_malformed_one_is_a_mistake() {
    let with = |pem: &str| mistakes(|connection| connection.erp.options["ca_certificate"] = json!(pem));
    assert_eq!(with(fixture!("network/authority.pem")), NONE);
    for bad in [
        "",
        "hello",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert_eq!(with(bad), ["erp.options.ca_certificate"], "{bad:?}");
    }
    Bench::with(&basic(), Vec::new(), |connection| {
        connection.erp.options["ca_certificate"] = json!(fixture!("network/authority.pem"));
    });
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let told = mistakes(|connection| {
        connection.erp.account = "FS 92".to_owned();
        connection.erp.options = json!({
            "business_units": [], "max_rows": 1, "node": "a/b", "query_owner": "mine", "datetime_format": "%Y-%m-%d",
            "queries": {"colour": "X"}, "columns": {"PO_NR": "X"}, "prompts": {"LAST_KEY": "a,b"}, "documents": ["invoices"],
            "statuses": {"Sent": 1}, "weight_units": {"ST": "stone"}, "length_units": {"FT": "ft"},
            "unit_conversions": {"CS": 0}, "concurrency": 0, "colour": "red", "timeout_seconds": 5,
            "write": {"method": "DELETE", "path": "/{colour}", "body": "{\"T\": {tracking}}", "success": {"equals": "x"},
                      "flag_column": "lower", "colour": 1}
        });
        connection.select.rules.clear();
        connection.select.condition = Some("1 = 1".to_owned());
        connection.select.statuses = vec!["PO:Wunderbar".to_owned(), "X".to_owned()];
        connection.write_back.fulfilment = true;
        connection.write_back.note = Some("COMMENTS".to_owned());
        connection.write_back.fields.cost = Some("cost; DROP".to_owned());
    });
    let mut expected = [
        "erp.account",
        "erp.options.business_units",
        "erp.options.colour",
        "erp.options.columns",
        "erp.options.concurrency",
        "erp.options.datetime_format",
        "erp.options.documents",
        "erp.options.length_units",
        "erp.options.max_rows",
        "erp.options.node",
        "erp.options.prompts",
        "erp.options.queries",
        "erp.options.query_owner",
        "erp.options.statuses",
        "erp.options.time_zone",
        "erp.options.timeout_seconds",
        "erp.options.unit_conversions",
        "erp.options.weight_units",
        "erp.options.write.body",
        "erp.options.write.colour",
        "erp.options.write.flag_column",
        "erp.options.write.method",
        "erp.options.write.path",
        "erp.options.write.success",
        "select.condition",
        "select.rules",
        "select.statuses",
        "select.statuses",
        "write_back.fields.cost",
        "write_back.fulfilment",
        "write_back.note",
    ];
    expected.sort_unstable();
    let mut told = told;
    told.sort_unstable();
    assert_eq!(told, expected);
}

#[test]
fn a_connection_with_every_option_is_valid() {
    let none = mistakes(|connection| {
        connection.erp.options = json!({
            "business_units": ["US001"], "time_zone": "America/Chicago", "private_network": true, "gateway": "PSIGW",
            "node": "FS92PRD", "query_service": "ExecuteQuery.v1", "query_owner": "PUBLIC", "connected": "N", "max_rows": 500,
            "documents": ["requisitions", "purchase-orders"], "datetime_format": "%Y-%m-%d-%H.%M.%S.000000",
            "strip_correlation": false, "queries": {"item": "ACME_ITEM"}, "columns": {"PO_ID": "A.PO_ID"},
            "prompts": {"BUSINESS_UNIT": "BIND1"}, "statuses": {"Sent": "D"}, "weight_units": {"LBR": "lb"},
            "length_units": {"INH": "in"}, "unit_conversions": {"CS": 12, "10012/BX:EA": "2.5"}, "concurrency": 1,
            "identity_url": "https://login.acme.example/tenant", "token_path": "/oauth2/v2.0/token", "scope": "psft/.default",
            "client_authentication": "form", "timeout_seconds": 60, "lost_request_minutes": 30, "text_limit": 100, "status_text": "Label made",
            "write": {"service": "ACME_SHIP.v2", "path": "/{doc_type}/{doc_id}?bu={business_unit}&e={entry}",
                      "method": "PATCH", "media": "application/json", "body": "{\"T\": \"{tracking}\"}",
                      "success": [{"pointer": "/result", "equals": "OK"}], "errors": {"contains": "ORA-"},
                      "carrier_column": "", "currency_column": "", "flag_column": "FLG"}
        });
        connection.select.statuses = vec!["PO:Dispatched".to_owned(), "REQ:A".to_owned()];
    });
    assert_eq!(none, NONE);
}

/// P71: what stands under a name that nobody knows may be a password.
#[test]
fn the_value_of_an_unknown_option_is_not_repeated() {
    let mut connection = connection();
    connection.erp.options["password"] = json!("s3cret-word");
    connection.erp.options["columns"] = json!({"password": "s3cret-word"});
    connection.erp.options["write"] = json!({"password": "s3cret-word"});
    let told = super::super::mistakes(&Addressed::erp(&connection));
    assert_eq!(told.len(), 3);
    assert!(
        told.iter().all(|mistake| !mistake.to_string().contains("s3cret-word")),
        "{told:?}"
    );
}

#[test]
fn no_value_stands_in_the_key_or_in_the_column_of_another() {
    let with = |column: &str| mistakes(|connection| connection.write_back.fields.place = Some(column.to_owned()));
    for column in [
        "BUSINESS_UNIT",
        "DOC_TYPE",
        "DOC_ID",
        "ENTRY",
        "TRACKING",
        "CARRIER",
        "ERR_FLG",
    ] {
        assert!(
            with(column).iter().any(|path| path.starts_with("write_back.fields.")),
            "{column}"
        );
    }
    assert_eq!(with("WHERE_IT_IS"), NONE);
    let key = mistakes(|connection| connection.erp.options["write"] = json!({"carrier_column": "ENTRY"}));
    assert_eq!(key, ["erp.options.write.carrier_column"]);
}

/// P71: one secret at two identity providers, or for two scopes, makes two tokens.
#[test]
fn a_token_belongs_to_its_identity_provider_and_scope() {
    let secret = json!({"kind": "client-credentials", "client_id": "app", "client_secret": "s"});
    let credential = |identity: &str, scope: &str| {
        let bench = Bench::with(&secret, Vec::new(), |connection| {
            connection.erp.options["identity_url"] = json!(identity);
            connection.erp.options["scope"] = json!(scope);
            connection.erp.options["timeout_seconds"] = json!(90);
        });
        assert_eq!(bench.peoplesoft.endpoint.timeout.as_secs(), 90);
        crate::systems::peoplesoft::client::token_of(&bench.connection.erp.secret, &bench.peoplesoft.settings)
    };
    let one = credential("https://a.example", "psft");
    assert!(one.starts_with("waybill/dev/acme/peoplesoft@"), "{one}");
    assert_eq!(one, credential("https://a.example", "psft"));
    assert_ne!(one, credential("https://b.example", "psft"));
    assert_ne!(one, credential("https://a.example", "other"));
}

const FILE: &str = r#"
    id = "acme-peoplesoft-ups"
    tenant = "acme"
    environment = "production"
    start_from = "2026-08-01"

    [erp]
    system = "peoplesoft"
    account = "FS92PRD"
    base_url = "https://erp.acme.example:8443/site/fs"
    business_units = ["US001"]
    documents = ["purchase-orders", "requisitions"]
    time_zone = "America/Chicago"
    unit_conversions = { CS = 12, "10012/BX" = 2.5 }

    [erp.queries]
    purchase_orders = "ACME_PO_HDR"

    [erp.write]
    service = "ACME_SHIP.v1"
    success = [{ pointer = "/status", equals = "success" }]

    [carrier]
    system = "ups"
    account = "A1B2C3"

    [select]
    statuses = ["PO:D", "REQ:A"]
    [[select.rules]]
    carrier = "UPS"

    [ship_from]
    of = "supplier"
    [ship_from.default]
    name = "Acme"
    lines = ["1 Dock Road"]
    city = "Louisville"
    state = "KY"
    postal_code = "40213"
    country = "US"

    [billing.transport]
    payer = "shipper"

    [write_back.fields]
    tracking = "TRACKING"
    problem = "ERR_TEXT"
"#;

#[test]
fn a_file_as_a_person_writes_it_is_read_and_its_mistakes_are_told_where_they_stand() {
    let checks = crate::systems::check::Checks;
    let read = crate::connection::parse(FILE, "dev", &checks);
    let connection = read.unwrap_or_else(|mistakes| panic!("{}", crate::connection::list(&mistakes)));
    assert_eq!(connection.erp.secret, "waybill/dev/acme/peoplesoft");
    let wrong = FILE
        .replace("ACME_SHIP.v1", "a/b")
        .replace("time_zone = \"America/Chicago\"", "zone = 1");
    let mistakes = crate::connection::parse(&wrong, "dev", &checks).unwrap_err();
    let mut paths: Vec<&str> = mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["erp.time_zone", "erp.write.service", "erp.zone"]);
}
