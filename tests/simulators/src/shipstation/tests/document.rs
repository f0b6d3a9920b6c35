//! V2's answers against the vendor's own OpenAPI file, where it lies: in the folder that `WAYBILL_SPECS` names, or in
//! `shared/specs` beside the project. Where it does not, these tests say so on the terminal and judge nothing.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::super::{Buy, Options, Scan, TrackCodes};
use super::{Stage, v2_order};

/// Where the file itself is wrong, or older than the API: by the documentation, a sample or the file's own words.
const KNOWN: &[&str] = &[
    // Typed as an id there; it is a word such as `ups`.
    "carrier_code",
    // The file wants an offset; it is local time by the documentation.
    "carrier_occurred_at",
    // Newer than the file.
    "GET webhooks name: unknown",
    "GET webhooks store_id: unknown",
    "GET webhooks event: enum",
    "POST webhooks name: unknown",
    "POST webhooks store_id: unknown",
    "POST webhooks event: enum",
];

fn file() -> Option<Value> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs");
    let folder = std::env::var_os("WAYBILL_SPECS").map_or_else(beside, PathBuf::from);
    let path = folder.join("shipstation/shipstation-v2-openapi.yaml");
    let Ok(text) = std::fs::read_to_string(&path) else {
        let absent = format!("\nNOT JUDGED: {} is not there; set WAYBILL_SPECS\n", path.display());
        // Straight to the terminal: the harness swallows what a test prints that does not fail.
        let _ = std::io::stderr().write_all(absent.as_bytes());
        return None;
    };
    Some(yaml_serde::from_str(&text).unwrap())
}

/// A schema with everything that `allOf` and references bring together.
#[derive(Default)]
struct Gathered<'a> {
    kind: Option<&'a str>,
    fields: Map<String, Value>,
    required: Vec<&'a str>,
    closed: bool,
    nullable: bool,
    words: Option<&'a Vec<Value>>,
    items: Option<&'a Value>,
    shortest: u64,
    is_id: bool,
    format: Option<&'a str>,
}

fn gather<'a>(file: &'a Value, schema: &'a Value, into: &mut Gathered<'a>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        into.is_id |= pointer.ends_with("/se_id");
        gather(file, file.pointer(pointer).unwrap(), into);
        return;
    }
    into.kind = into.kind.or(schema["type"].as_str());
    into.closed |= schema["additionalProperties"] == json!(false);
    into.nullable |= schema["x-nullable"] == json!(true) || schema["nullable"] == json!(true);
    into.words = into.words.or(schema["enum"].as_array());
    into.items = into.items.or(schema.get("items"));
    into.format = into.format.or(schema["format"].as_str());
    into.shortest = into.shortest.max(schema["minLength"].as_u64().unwrap_or(0));
    if let Some(fields) = schema["properties"].as_object() {
        into.fields.extend(fields.clone());
    }
    let required = schema["required"].as_array().into_iter().flatten();
    into.required.extend(required.filter_map(Value::as_str));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        gather(file, part, into);
    }
}

/// Where a value is not as the schema says, each place once.
fn judge(file: &Value, schema: &Value, value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let mut rule = Gathered::default();
    gather(file, schema, &mut rule);
    let mut flaw = |what: &str| {
        found.insert(format!("{path}: {what}"));
    };
    match value {
        // Required label fields may in truth be null, and so may most others: absent and null are the same to callers.
        Value::Null => {}
        Value::Object(fields) => {
            if rule.kind.is_some_and(|kind| kind != "object") {
                flaw("no object");
            }
            for name in rule.required.iter().filter(|name| !fields.contains_key(**name)) {
                flaw(&format!("misses {name}"));
            }
            for (name, inner) in fields {
                let inside = format!("{} {name}", path.split(' ').take(2).collect::<Vec<_>>().join(" "));
                match rule.fields.get(name) {
                    Some(schema) => judge(file, schema, inner, &inside, found),
                    None if rule.closed || !rule.fields.is_empty() => {
                        found.insert(format!("{inside}: unknown"));
                    }
                    None => {}
                }
            }
        }
        Value::Array(values) => match rule.items {
            Some(items) => values.iter().for_each(|inner| judge(file, items, inner, path, found)),
            None => flaw("no array"),
        },
        Value::String(text) => {
            if rule.kind.is_some_and(|kind| kind != "string") {
                flaw("no text");
            }
            if rule.words.is_some_and(|words| !words.contains(value)) {
                flaw("enum");
            }
            if rule.is_id && !text.starts_with("se-") {
                flaw("no id");
            }
            if rule.format == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
                flaw("no time");
            }
            if (text.chars().count() as u64) < rule.shortest {
                flaw("too short");
            }
        }
        Value::Number(number) => {
            let whole = number.is_i64() || number.is_u64();
            if rule
                .kind
                .is_some_and(|kind| kind != "number" && !(kind == "integer" && whole))
            {
                flaw("no number");
            }
        }
        Value::Bool(_) => {
            if rule.kind.is_some_and(|kind| kind != "boolean") {
                flaw("no truth value");
            }
        }
    }
}

/// Judges one answer; `name` is what it is called in a complaint.
fn compare(file: &Value, name: &str, method: &Method, path: &str, value: &Value) -> Vec<String> {
    let operation = &file["paths"][path][method.as_str().to_lowercase()];
    let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} is not in the file");
    let mut found = BTreeSet::new();
    judge(file, schema, value, &format!("{method} {name}"), &mut found);
    let known = |flaw: &String| {
        let mut all = KNOWN.iter();
        all.any(|one| flaw == one || flaw.split([' ', ':']).any(|word| word == *one))
    };
    found.into_iter().filter(|flaw| !known(flaw)).collect()
}

#[tokio::test]
async fn answers_are_as_the_vendors_file_says() {
    let Some(file) = file() else { return };
    let stage = Stage::new(Options {
        track_codes: TrackCodes::Long,
        ..Options::default()
    })
    .await;
    let mut flaws = Vec::new();
    let body = json!({ "shipments": [v2_order("SO-0", "key-0")] });
    let (_, created) = stage.v2(Method::POST, "/v2/shipments", &body).await;
    flaws.extend(compare(&file, "shipments", &Method::POST, "/v2/shipments", &created));
    stage.entered("SO-1", &[("W-1", 3)]);
    let bought = stage.shipstation().buy(&Buy::part_of("SO-1", &[("W-1", 1)])).unwrap();
    let (label, part) = (format!("se-{}", bought.label), format!("se-{}", bought.part));
    for scan in [Scan::Accepted, Scan::Exception, Scan::Delivered] {
        stage.shipstation().scan(&label, scan).unwrap();
    }
    let tag = format!("/v2/shipments/{part}/tags/rush");
    let (_, tagged) = stage.v2(Method::POST, &tag, &json!({})).await;
    let template = "/v2/shipments/{shipment_id}/tags/{tag_name}";
    flaws.extend(compare(&file, "tag", &Method::POST, template, &tagged));
    let hook = json!({ "event": "label_created_v2", "url": "https://waybill.example.com/" });
    let (_, hooked) = stage.v2(Method::POST, "/v2/environment/webhooks", &hook).await;
    flaws.extend(compare(
        &file,
        "webhooks",
        &Method::POST,
        "/v2/environment/webhooks",
        &hooked,
    ));
    stage.shipstation().count("W-1", 5101, 5);
    let batch = format!("se-{}", bought.batch);
    for (name, template, id) in [
        ("shipments", "/v2/shipments", ""),
        ("shipment", "/v2/shipments/{shipment_id}", part.as_str()),
        (
            "external",
            "/v2/shipments/external_shipment_id/{external_shipment_id}",
            "key-0",
        ),
        ("labels", "/v2/labels", ""),
        ("label", "/v2/labels/{label_id}", &label),
        ("track", "/v2/labels/{label_id}/track", &label),
        ("batch", "/v2/batches/{batch_id}", &batch),
        ("webhooks", "/v2/environment/webhooks", ""),
        ("carriers", "/v2/carriers", ""),
        ("warehouses", "/v2/warehouses", ""),
        ("products", "/v2/products", ""),
        ("inventory", "/v2/inventory", ""),
        ("locations", "/v2/inventory_locations", ""),
        ("containers", "/v2/inventory_warehouses", ""),
        (
            "container",
            "/v2/inventory_warehouses/{inventory_warehouse_id}",
            "se-5001",
        ),
        ("tags", "/v2/tags", ""),
    ] {
        let (before, rest) = template.split_once('{').unwrap_or((template, ""));
        let after = rest.split_once('}').map_or("", |(_, after)| after);
        let answer = stage.seen(&format!("{before}{id}{after}")).await;
        flaws.extend(compare(&file, name, &Method::GET, template, &answer));
    }
    stage.shipstation().void(&label).unwrap_err();
    let void = format!("/v2/labels/{label}/void");
    let (_, refused) = stage.v2(Method::PUT, &void, &json!({})).await;
    flaws.extend(compare(
        &file,
        "void",
        &Method::PUT,
        "/v2/labels/{label_id}/void",
        &refused,
    ));
    assert!(flaws.is_empty(), "{flaws:#?}");
}

#[tokio::test]
async fn refusals_are_as_the_vendors_file_says() {
    let Some(file) = file() else { return };
    let stage = Stage::plain().await;
    let schema = json!({ "$ref": "#/components/schemas/error_response_body" });
    for path in [
        "/v2/shipments/se-7",
        "/v2/shipments?created_at_start=soon",
        "/v2/labels/x",
        "/v2/nothing",
    ] {
        let (status, answer) = stage.v2_get(path).await;
        assert!(status >= 400, "{path}");
        let mut found = BTreeSet::new();
        judge(&file, &schema, &answer, "GET refusal", &mut found);
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}

/// The judge itself is judged: it must see what is wrong.
#[test]
fn what_is_not_as_the_file_says_is_seen() {
    let file = json!({ "components": { "schemas": {
        "se_id": { "type": "string" },
        "thing": { "type": "object", "additionalProperties": false, "required": ["id", "at"], "properties": {
            "id": { "allOf": [{ "$ref": "#/components/schemas/se_id" }] },
            "at": { "type": "string", "format": "date-time" },
            "kind": { "type": "string", "enum": ["a"] },
            "count": { "type": "integer" } } } } } });
    let schema = json!({ "$ref": "#/components/schemas/thing" });
    let mut found = BTreeSet::new();
    let value = json!({ "id": "7", "kind": "b", "count": 1.5, "more": true });
    judge(&file, &schema, &value, "GET thing", &mut found);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            "GET thing count: no number",
            "GET thing id: no id",
            "GET thing kind: enum",
            "GET thing more: unknown",
            "GET thing: misses at"
        ]
    );
}
