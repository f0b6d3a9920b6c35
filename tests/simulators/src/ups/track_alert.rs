//! Track Alert (`POST /api/track/{v1|v2}/subscription/{standard|enhanced}/package`), by `UPSTrackAlert.yaml` and the files of its
//! first generation: whoever subscribes to a number is told what happens to the parcel from then on.
//!
//! Quirks: the first generation wants to know where events go, the second ignores that and looks it up in the portal; a key
//! whose list is empty is missing from the answer; if no number does, the answer is a 400 that still lists them; numbers that
//! UPS has never seen are as good as any; neither answer names a subscription, and none can be ended.

use axum::Json;
use axum::extract::{Path, State as Shared};
use serde_json::{Value, json};
use url::Url;

use super::Ups;
use super::answer::{Refusal, Reply, put};
use super::call::Call;
use super::model::State;
use super::read::{at, text};
use super::subscription::{Generation, Level, Terms, life};

/// The most numbers in a request.
const MOST: usize = 100;
/// The longest address of a webhook; UPS does not tell its own limit.
const LONGEST_URL: usize = 2048;
/// The types of events that can be asked for.
const TYPES: [&str; 4] = ["D", "I", "M", "X"];

/// A subscription of the first generation.
pub(super) async fn subscribe_v1(Shared(ups): Shared<Ups>, Path(level): Path<String>, call: Call) -> Reply {
    subscribe(&ups, Generation::V1, &level, &call)
}

/// A subscription of the second generation.
pub(super) async fn subscribe_v2(Shared(ups): Shared<Ups>, Path(level): Path<String>, call: Call) -> Reply {
    subscribe(&ups, Generation::V2, &level, &call)
}

fn subscribe(ups: &Ups, version: Generation, level: &str, call: &Call) -> Reply {
    check_headers(call)?;
    let level = level_of(level)?;
    check_form(&call.body)?;
    let terms = Terms {
        client: call.client.id.clone(),
        version,
        level,
        preferences: preferences_of(&call.body, level)?,
        destination: destination_of(&call.body, version)?,
    };
    let numbers = numbers_of(&call.body)?;
    let now = ups.now();
    let mut state = ups.state();
    state.progress(now);
    let (valid, invalid): (Vec<String>, Vec<String>) =
        numbers.into_iter().partition(|number| is_accepted(&state, number));
    let life = life(&state.options);
    for number in &valid {
        state.subscriptions.subscribe(number, &terms, now, life);
    }
    answer(&valid, &invalid)
}

fn check_headers(call: &Call) -> Result<(), Refusal> {
    let headers = [
        ("transId", 32, "VSS002", "VSS003"),
        ("transactionSrc", 512, "VSS004", "VSS006"),
    ];
    for (name, longest, missing, invalid) in headers {
        let value = call.headers.get(name).and_then(|value| value.to_str().ok());
        match value.map(str::len).unwrap_or_default() {
            0 => return Err(Refusal::bad(missing, format!("{name} is missing"))),
            length if length > longest => return Err(Refusal::bad(invalid, format!("{name} is not valid"))),
            _ => {}
        }
    }
    Ok(())
}

fn level_of(level: &str) -> Result<Level, Refusal> {
    match level {
        "standard" => Ok(Level::Standard),
        "enhanced" => Ok(Level::Enhanced),
        _ => Err(Refusal::bad("VSS930", "The type of subscription is not known")),
    }
}

fn check_form(body: &Value) -> Result<(), Refusal> {
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Refusal::bad("VSS110", "The subscription request is empty"));
    }
    match text(body, "locale") {
        Some("en_US") => {}
        Some(_) => return Err(Refusal::bad("VSS310", "The locale is not supported")),
        None => return Err(Refusal::bad("VSS300", "The locale is missing")),
    }
    let two_letters = |country: &str| country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    match at(body, "countryCode") {
        Some(country) if !country.as_str().is_some_and(two_letters) => {
            Err(Refusal::bad("VSS400", "The country code is not valid"))
        }
        _ => Ok(()),
    }
}

/// Only the enhanced level knows preferences; the other ignores them.
fn preferences_of(body: &Value, level: Level) -> Result<Vec<String>, Refusal> {
    let given = at(body, "eventPreferences").filter(|_| level == Level::Enhanced);
    let Some(given) = given else { return Ok(Vec::new()) };
    let wrong = || Refusal::bad("VSS414", "An event preference is not valid");
    let types: Vec<String> = serde_json::from_value(given.clone()).map_err(|_| wrong())?;
    if types.iter().all(|one| TYPES.contains(&one.as_str())) {
        Ok(types)
    } else {
        Err(wrong())
    }
}

/// Where events go and what UPS says there; the second generation does not look at it.
fn destination_of(body: &Value, version: Generation) -> Result<Option<(String, String)>, Refusal> {
    if version == Generation::V2 {
        return Ok(None);
    }
    let destination = at(body, "destination").filter(|destination| destination.is_object());
    let destination = destination.ok_or_else(|| Refusal::bad("VSS500", "The destination is missing"))?;
    let url = text(destination, "url").filter(|url| is_web_address(url));
    let url = url.ok_or_else(|| Refusal::bad("VSS600", "The URL is missing or not one"))?;
    if url.len() > LONGEST_URL {
        return Err(Refusal::bad("VSS610", "The URL is too long"));
    }
    let credential = text(destination, "credential");
    let credential = credential.ok_or_else(|| Refusal::bad("VSS700", "The credential is missing"))?;
    if text(destination, "credentialType").is_none() {
        return Err(Refusal::bad("VSS800", "The type of the credential is missing"));
    }
    Ok(Some((url.to_owned(), credential.to_owned())))
}

/// Plain HTTP will do here, where UPS wants HTTPS: local runs have nothing else.
fn is_web_address(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

fn numbers_of(body: &Value) -> Result<Vec<String>, Refusal> {
    let list = at(body, "trackingNumberList").and_then(Value::as_array);
    let list = list.filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| Refusal::bad("VSS200", "The list of tracking numbers is missing"))?;
    if list.len() > MOST {
        return Err(Refusal::bad(
            "VSS220",
            "No more than 100 tracking numbers are taken at once",
        ));
    }
    let numbers = list.iter().map(|number| number.as_str().map(str::to_owned));
    let numbers: Option<Vec<String>> = numbers.collect();
    numbers.ok_or_else(|| Refusal::bad("VSS000", "A tracking number is not a text"))
}

fn is_accepted(state: &State, number: &str) -> bool {
    let known = || state.with_number(number).is_some();
    is_followable(number) && (!state.options.refuse_unknown_numbers || known())
}

/// Whether a number has the form of a parcel of UPS or of Roadie; its check digit is not looked at.
fn is_followable(number: &str) -> bool {
    let clean = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let length = number.len();
    clean && (number.starts_with("1Z") && length == 18 || number.starts_with("1R") && matches!(length, 16 | 28))
}

fn answer(valid: &[String], invalid: &[String]) -> Reply {
    if valid.is_empty() {
        return Err(Refusal::bad("VSS210", "None of the tracking numbers is valid")
            .beside("invalidTrackingNumbers", json!(invalid)));
    }
    let mut answer = json!({ "validTrackingNumbers": valid });
    if !invalid.is_empty() {
        put(&mut answer, "invalidTrackingNumbers", json!(invalid));
    }
    Ok(Json(answer))
}
