//! What only Fusion knows of a connection's settings.

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::connection::{Mistake, Selection};
use crate::domain::{Address, Length, WeightUnit};

/// The statuses of an order.
pub(super) const STATUSES: [&str; 12] = [
    "INCOMPLETE",
    "PENDING APPROVAL",
    "OPEN",
    "CLOSED FOR RECEIVING",
    "CLOSED FOR INVOICING",
    "CLOSED",
    "FINALLY CLOSED",
    "CANCELED",
    "ON HOLD",
    "REJECTED",
    "PENDING CHANGE APPROVAL",
    "PENDING SUPPLIER ACKNOWLEDGMENT",
];

/// Where an order's flexfields stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// At the order.
    Header,
    /// At each schedule.
    Schedule,
}

/// Which stages of a delivery are written: each is a change order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    Every,
    /// Only what a delivery came to in the end.
    End,
    Never,
}

/// How change orders are handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChangeOrders {
    /// The action that submits one.
    pub(super) submit: String,
    /// The action that deletes one that was not submitted.
    pub(super) delete: String,
    /// The parameter that asks for no approval, where none is to be asked for.
    pub(super) bypass: Option<String>,
}

/// What only Fusion knows, of `SystemSettings::options`.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// The identity domain's origin.
    pub(super) identity_url: Option<Url>,
    /// Where tokens are asked for.
    pub(super) token_path: String,
    /// The scope, as the identity domain shows it.
    pub(super) scope: Option<String>,
    /// For whom assertions are.
    pub(super) audience: String,
    pub(super) framework_version: u16,
    pub(super) rest_version: String,
    /// Business units whose orders ship; empty means all that can be seen.
    pub(super) procurement_bu: Vec<String>,
    /// How a moment is written in a filter, as `strftime` knows it, in UTC.
    pub(super) time_literal: String,
    /// The most rows of one answer.
    pub(super) page: u16,
    /// How many requests of ours may be under way at once in the pod.
    pub(super) concurrency: u16,
    /// Whether HCM is asked for locations that the map does not know.
    pub(super) ask_locations: bool,
    /// Locations by their code.
    pub(super) location_map: BTreeMap<String, Address>,
    /// The segment of the charge account that is the cost centre, counted from 1.
    pub(super) cost_centre_segment: Option<usize>,
    pub(super) segment_separator: String,
    /// The organization of items whose schedule names none.
    pub(super) item_organization: Option<String>,
    /// By Fusion's code or name, in upper case.
    pub(super) weight_units: BTreeMap<String, WeightUnit>,
    /// By Fusion's code or name, in upper case.
    pub(super) length_units: BTreeMap<String, Length>,
    /// Pieces of an item's primary unit in one unit of a line, by its code or name in upper case.
    pub(super) unit_conversions: BTreeMap<String, Decimal>,
    pub(super) flex_level: Level,
    /// The context that is written beside the segments.
    pub(super) flex_context: Option<String>,
    pub(super) change_orders: ChangeOrders,
    pub(super) tell: Tell,
    /// For how long Fusion may work on a request whose answer was lost.
    pub(super) lost_request: Duration,
    /// The most characters that a segment takes.
    pub(super) text_limit: usize,
    /// Whether the segment for the cost takes text instead of a number.
    pub(super) cost_as_text: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            identity_url: None,
            token_path: "/oauth2/v1/token".to_owned(),
            scope: None,
            audience: "https://identity.oraclecloud.com/".to_owned(),
            framework_version: 4,
            rest_version: "11.13.18.05".to_owned(),
            procurement_bu: Vec::new(),
            time_literal: "%Y-%m-%dT%H:%M:%S+00:00".to_owned(),
            page: 200,
            concurrency: 3,
            ask_locations: true,
            location_map: BTreeMap::new(),
            cost_centre_segment: None,
            segment_separator: "-".to_owned(),
            item_organization: None,
            weight_units: usual_weights(),
            length_units: usual_lengths(),
            unit_conversions: BTreeMap::new(),
            flex_level: Level::Header,
            flex_context: None,
            change_orders: ChangeOrders {
                submit: "submit".to_owned(),
                delete: "deleteChangeOrder".to_owned(),
                bypass: None,
            },
            tell: Tell::End,
            lost_request: Duration::from_secs(15 * 60),
            text_limit: 150,
            cost_as_text: false,
        }
    }
}

fn usual_weights() -> BTreeMap<String, WeightUnit> {
    let (lb, oz, kg, g) = (WeightUnit::Lb, WeightUnit::Oz, WeightUnit::Kg, WeightUnit::G);
    let named = [
        ("LBS", lb),
        ("LB", lb),
        ("POUND", lb),
        ("POUNDS", lb),
        ("OZ", oz),
        ("OUNCE", oz),
        ("OUNCES", oz),
        ("KG", kg),
        ("KGS", kg),
        ("KILOGRAM", kg),
        ("KILOGRAMS", kg),
        ("G", g),
        ("GM", g),
        ("GRAM", g),
        ("GRAMS", g),
    ];
    named.map(|(name, unit)| (name.to_owned(), unit)).into()
}

fn usual_lengths() -> BTreeMap<String, Length> {
    let named = [
        ("IN", Length::In),
        ("INCH", Length::In),
        ("INCHES", Length::In),
        ("CM", Length::Cm),
        ("CENTIMETER", Length::Cm),
        ("CENTIMETERS", Length::Cm),
        ("CENTIMETRE", Length::Cm),
    ];
    named.map(|(name, unit)| (name.to_owned(), unit)).into()
}

impl Options {
    /// The statuses in which an order ships.
    pub(super) fn ready(&self, select: &Selection) -> Vec<String> {
        if select.statuses.is_empty() {
            vec!["OPEN".to_owned()]
        } else {
            select
                .statuses
                .iter()
                .map(|status| status.trim().to_uppercase())
                .collect()
        }
    }

    /// Reads the options; what is wrong goes to `mistakes` and keeps its default.
    pub(super) fn read(value: &Value, mistakes: &mut Vec<Mistake>) -> Self {
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
        if !options.ask_locations && options.location_map.is_empty() {
            let allowed = "a table of location codes with an address each";
            mistakes.push(Mistake::missing("erp.options.location_map", allowed));
        }
        options
    }

    /// Sets one option, or says what is allowed.
    fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            "identity_url" | "token_path" | "scope" | "audience" => self.set_identity(key, value)?,
            "framework_version" => {
                self.framework_version = whole(value, 2, 9).ok_or("a whole number from 2 to 9")?;
            }
            "rest_version" => self.rest_version = word(value, ".").ok_or("such as \"11.13.18.05\" or \"latest\"")?,
            "procurement_bu" => self.procurement_bu = names(value).ok_or("a list of business units' names")?,
            "time_literal" => {
                self.time_literal =
                    template(value).ok_or("a strftime template in UTC, such as \"%Y-%m-%dT%H:%M:%S+00:00\"")?
            }
            "page" => self.page = whole(value, 1, 200).ok_or("a whole number from 1 to 200")?,
            "concurrency" => self.concurrency = whole(value, 1, 100).ok_or("a whole number from 1 to 100")?,
            "locations" => self.ask_locations = choice(value, &[("resource", true), ("map", false)])?,
            "location_map" => self.location_map = locations(value)?,
            "cost_centre_segment" => {
                let segment = whole(value, 1, 30).ok_or("a whole number from 1 to 30")?;
                self.cost_centre_segment = Some(segment.into());
            }
            "segment_separator" => {
                self.segment_separator = short(value, 3).ok_or("one to three characters, such as \"-\"")?;
            }
            "item_organization" => self.item_organization = Some(short(value, 18).ok_or("an organization's code")?),
            "weight_units" | "length_units" | "unit_conversions" => self.set_units(key, value)?,
            "flex_level" => {
                self.flex_level = choice(value, &[("header", Level::Header), ("schedule", Level::Schedule)])?;
            }
            "flex_context" => self.flex_context = Some(short(value, 80).ok_or("a context's code")?),
            "change_order" => self.change_orders = change_orders(value)?,
            "tell" => {
                self.tell = choice(
                    value,
                    &[("every", Tell::Every), ("end", Tell::End), ("never", Tell::Never)],
                )?
            }
            "lost_request_minutes" => {
                let minutes = whole(value, 1, 1440).ok_or("a whole number from 1 to 1440")?;
                self.lost_request = Duration::from_secs(u64::from(minutes) * 60);
            }
            "text_limit" => self.text_limit = whole(value, 20, 4000).ok_or("a whole number from 20 to 4000")?.into(),
            "cost_as_text" => self.cost_as_text = value.as_bool().ok_or("true or false")?,
            _ => return Err(KEYS.to_owned()),
        }
        Ok(())
    }

    fn set_identity(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            "identity_url" => {
                let origin = value.as_str().and_then(|text| Url::parse(text).ok()).filter(is_origin);
                let allowed = "the identity domain's origin, such as \"https://idcs-0123.identity.oraclecloud.com\"";
                self.identity_url = Some(origin.ok_or(allowed)?);
            }
            "token_path" => {
                let path =
                    short(value, 200).filter(|path| path.starts_with('/') && !path.contains(char::is_whitespace));
                self.token_path = path.ok_or("a path that begins with /")?;
            }
            "scope" => self.scope = Some(short(value, 1000).ok_or("a text, exactly as the identity domain shows it")?),
            _ => self.audience = short(value, 300).ok_or("a text")?,
        }
        Ok(())
    }

    fn set_units(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let upper = |(name, value): (&String, &Value)| (name.trim().to_uppercase(), value.clone());
        let table = value.as_object().ok_or("a table of Fusion's units, by code or name")?;
        let table = table.iter().map(upper);
        match key {
            "weight_units" => {
                let unit = |(name, value)| {
                    Ok::<_, &str>((
                        name,
                        serde_json::from_value(value)
                            .map_err(|_| "\"lb\", \"oz\", \"kg\" or \"g\" for each of Fusion's units")?,
                    ))
                };
                self.weight_units
                    .extend(table.map(unit).collect::<Result<Vec<_>, _>>()?);
            }
            "length_units" => {
                let unit = |(name, value)| {
                    Ok::<_, &str>((
                        name,
                        serde_json::from_value(value).map_err(|_| "\"in\" or \"cm\" for each of Fusion's units")?,
                    ))
                };
                self.length_units
                    .extend(table.map(unit).collect::<Result<Vec<_>, _>>()?);
            }
            _ => {
                let pieces = |(name, value)| Some((name, pieces(&value)?));
                let read: Option<Vec<_>> = table.map(pieces).collect();
                let allowed = "for each unit of a line how many pieces of the item's primary unit it holds, such as 12";
                self.unit_conversions.extend(read.ok_or(allowed)?);
            }
        }
        Ok(())
    }
}

const KEYS: &str = "identity_url, token_path, scope, audience, framework_version, rest_version, procurement_bu, \
                    time_literal, page, concurrency, locations, location_map, cost_centre_segment, segment_separator, \
                    item_organization, weight_units, length_units, unit_conversions, flex_level, flex_context, \
                    change_order, tell, lost_request_minutes, text_limit, cost_as_text";

fn whole(value: &Value, least: u16, most: u16) -> Option<u16> {
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok())?;
    (least..=most).contains(&number).then_some(number)
}

fn short(value: &Value, most: usize) -> Option<String> {
    let text = value.as_str().filter(|text| !text.trim().is_empty())?;
    (text.chars().count() <= most && !text.contains(char::is_control)).then(|| text.to_owned())
}

/// A text that may stand in a path.
fn word(value: &Value, beside: &str) -> Option<String> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || beside.contains(letter);
    short(value, 60).filter(|text| text.chars().all(legal))
}

fn names(value: &Value) -> Option<Vec<String>> {
    let names = value.as_array()?.iter().map(|name| {
        let name = short(name, 240)?;
        super::query::literal(&name).is_ok().then_some(name)
    });
    names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
}

fn choice<T: Copy>(value: &Value, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        words.join(" or ")
    })
}

fn template(value: &Value) -> Option<String> {
    let template = short(value, 60)?;
    let written = jiff::fmt::strtime::format(
        &template,
        &jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC),
    );
    let written = written.ok()?;
    (template.contains('%') && !written.contains('\'')).then_some(template)
}

fn is_origin(url: &Url) -> bool {
    url.has_host() && url.path() == "/" && url.query().is_none() && url.username().is_empty()
}

fn pieces(value: &Value) -> Option<Decimal> {
    let number: Decimal = super::wire::as_text(value)?.parse().ok()?;
    (number > Decimal::ZERO && number <= Decimal::from(1_000_000)).then_some(number)
}

fn locations(value: &Value) -> Result<BTreeMap<String, Address>, String> {
    let allowed = "for each location's code a table with name, lines, city, country and where there are state, \
                   postal_code, phone";
    let table = value.as_object().ok_or(allowed)?;
    let entry = |(code, value): (&String, &Value)| {
        let mut address: Address = serde_json::from_value(value.clone()).map_err(|_| allowed)?;
        address.country = address.country.to_uppercase();
        let whole = !address.name.trim().is_empty()
            && !address.lines.is_empty()
            && !address.city.trim().is_empty()
            && address.country.len() == 2;
        if whole {
            Ok((code.clone(), address))
        } else {
            Err(allowed)
        }
    };
    table.iter().map(entry).collect::<Result<_, _>>().map_err(str::to_owned)
}

fn change_orders(value: &Value) -> Result<ChangeOrders, String> {
    let allowed = "a table of submit_action, delete_action, bypass_approval (true or false) and bypass_parameter";
    let table = value.as_object().ok_or(allowed)?;
    let known = ["submit_action", "delete_action", "bypass_approval", "bypass_parameter"];
    if table.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(allowed.to_owned());
    }
    let named = |key: &str, usual: &str| match table.get(key) {
        Some(value) => word(value, "").ok_or(allowed),
        None => Ok(usual.to_owned()),
    };
    let bypass = match table.get("bypass_approval") {
        Some(value) => value.as_bool().ok_or(allowed)?,
        None => false,
    };
    let parameter = named("bypass_parameter", "bypassApprovalsFlag")?;
    Ok(ChangeOrders {
        submit: named("submit_action", "submit")?,
        delete: named("delete_action", "deleteChangeOrder")?,
        bypass: bypass.then_some(parameter),
    })
}
