//! How single values of a connection file are spelt: `"150 lb"`, `"500 USD"`, `"10x8x6 in"`, `"5 minutes"`.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use rust_decimal::Decimal;
use toml::Value;
use url::Url;

use super::{
    Additions, AddressPolicy, Environment, NamedBy, Shipper, StockMeasure, UnknownPurchase, VoidedAtDesk,
    WriteBackTarget,
};
use crate::domain::{
    ConnectionId, Dimensions, LARGEST_NUMBER, LabelFormat, Length, Money, ParcelRule, TenantId, Weight, WeightUnit,
};

/// How a value is read, and what a person is told to write. `None` is a value that is spelt otherwise.
pub(super) struct Spelling<T> {
    pub(super) allowed: &'static str,
    pub(super) read: fn(&Value) -> Option<T>,
}

const NAME: &str = "1 to 48 of a-z, 0-9 and -, beginning with a letter or digit";

pub(super) const CONNECTION_ID: Spelling<ConnectionId> = Spelling {
    allowed: NAME,
    read: parsed,
};

pub(super) const TENANT_ID: Spelling<TenantId> = Spelling {
    allowed: NAME,
    read: parsed,
};

pub(super) const TEXT: Spelling<String> = Spelling {
    allowed: "a text in quotation marks that is not empty",
    read: |value| text(value).map(str::to_owned),
};

pub(super) const TEXTS: Spelling<Vec<String>> = Spelling {
    allowed: "a list of texts like [\"a\", \"b\"]",
    read: |value| {
        value
            .as_array()?
            .iter()
            .map(|one| text(one).map(str::to_owned))
            .collect()
    },
};

pub(super) const ONE_OR_MORE: Spelling<Vec<String>> = Spelling {
    allowed: "a text like \"UPS\", or a list of texts of which one is enough",
    read: |value| match text(value) {
        Some(text) => Some(vec![text.to_owned()]),
        None => (TEXTS.read)(value).filter(|texts| !texts.is_empty()),
    },
};

pub(super) const SHIPPER: Spelling<Shipper> = Spelling {
    allowed: "\"location\" (we ship) or \"supplier\" (the supplier ships, from its own address)",
    read: known,
};

pub(super) const WRITE_BACK_TARGET: Spelling<WriteBackTarget> = Spelling {
    allowed: "\"order\" or \"invoice\"",
    read: known,
};

pub(super) const NAMED_BY: Spelling<Vec<NamedBy>> = Spelling {
    allowed: "a list of \"number\", \"external-id\" and \"customer-reference\", the surest first",
    read: |value| {
        let named: Vec<NamedBy> = value.as_array()?.iter().map(known).collect::<Option<_>>()?;
        (!named.is_empty()).then_some(named)
    },
};

pub(super) const VOIDED_AT_DESK: Spelling<VoidedAtDesk> = Spelling {
    allowed: "\"flag\" (a person takes the fulfilment away) or \"undo\" (Waybill does)",
    read: known,
};

pub(super) const VOIDS_DAYS: Spelling<u32> = Spelling {
    allowed: "a number of days from 1 to 90",
    read: |value| whole(value, 1, 90)?.try_into().ok(),
};

pub(super) const STOCK_MEASURE: Spelling<StockMeasure> = Spelling {
    allowed: "\"on-hand\" or \"available\"",
    read: known,
};

pub(super) const ADDITIONS: Spelling<Additions> = Spelling {
    allowed: "\"ship\" or \"hold\"",
    read: known,
};

pub(super) const LINES: Spelling<Vec<String>> = Spelling {
    allowed: "one to three street lines like [\"1 Dock Road\", \"Gate 4\"]",
    read: |value| (TEXTS.read)(value).filter(|lines| (1..=3).contains(&lines.len())),
};

pub(super) const YES_OR_NO: Spelling<bool> = Spelling {
    allowed: "true or false",
    read: Value::as_bool,
};

pub(super) const COUNTRY: Spelling<String> = Spelling {
    allowed: "a country code of two capital letters (ISO 3166-1) like \"US\"",
    read: |value| capitals(text(value)?, 2),
};

pub(super) const ADDRESS_OF_A_HOST: Spelling<Url> = Spelling {
    allowed: "an http or https address like \"https://api.example.com\"",
    read: |value| {
        let url = Url::parse(text(value)?).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
    },
};

pub(super) const MONEY: Spelling<Money> = Spelling {
    allowed: "an amount above zero with its currency like \"500 USD\"",
    read: money,
};

pub(super) const WEIGHT: Spelling<Weight> = Spelling {
    allowed: "a weight like \"150 lb\" or \"30 kg\"",
    read: weight,
};

pub(super) const WEIGHT_UNIT: Spelling<WeightUnit> = Spelling {
    allowed: "one of \"lb\", \"oz\", \"kg\", \"g\"",
    read: |value| weight_unit(text(value)?),
};

pub(super) const DIMENSIONS: Spelling<Dimensions> = Spelling {
    allowed: "length x width x height with a unit like \"10x8x6 in\" or \"25x20x15 cm\"",
    read: dimensions,
};

pub(super) const ENVIRONMENT: Spelling<Environment> = Spelling {
    allowed: "one of \"production\", \"sandbox\", \"local\"",
    read: known,
};

pub(super) const PARCEL_RULE: Spelling<ParcelRule> = Spelling {
    allowed: "one of \"per-order\", \"per-line\", \"per-piece\"",
    read: known,
};

pub(super) const LABEL_FORMAT: Spelling<LabelFormat> = Spelling {
    allowed: "one of \"zpl\", \"epl\", \"spl\", \"gif\", \"pdf\", \"png\"",
    read: known,
};

pub(super) const ADDRESS_POLICY: Spelling<AddressPolicy> = Spelling {
    allowed: "one of \"exact\", \"accept-formatting\", \"as-is\"",
    read: known,
};

pub(super) const UNKNOWN_PURCHASE: Spelling<UnknownPurchase> = Spelling {
    allowed: "one of \"recreate\", \"hold\"",
    read: known,
};

pub(super) const CHOOSE: Spelling<String> = Spelling {
    allowed: "one of \"cheapest\", \"fastest\", \"cheapest-by\"",
    read: |value| one_of(value, &["cheapest", "fastest", "cheapest-by"]),
};

pub(super) const PAYER: Spelling<String> = Spelling {
    allowed: "one of \"shipper\", \"receiver\", \"third-party\"",
    read: |value| one_of(value, &["shipper", "receiver", "third-party"]),
};

pub(super) const INCOTERM: Spelling<String> = Spelling {
    allowed: "an Incoterm of three capital letters like \"DAP\"",
    read: |value| capitals(text(value)?, 3),
};

pub(super) const DAYS: Spelling<u16> = Spelling {
    allowed: "a number of days from 1 to 60",
    read: |value| whole(value, 1, 60)?.try_into().ok(),
};

pub(super) const RETENTION: Spelling<u32> = Spelling {
    allowed: "a number of days from 30 to 3650",
    read: |value| whole(value, 30, 3650)?.try_into().ok(),
};

pub(super) const LINK_DAYS: Spelling<u32> = Spelling {
    allowed: "a number of days from 1 to 3650, at most retention_days",
    read: |value| whole(value, 1, 3650)?.try_into().ok(),
};

pub(super) const QUOTE_MINUTES: Spelling<u32> = Spelling {
    allowed: "a number of minutes from 1 to 1440",
    read: |value| whole(value, 1, 1440)?.try_into().ok(),
};

/// A rate as EventBridge Scheduler spells it.
pub(super) const EVERY: Spelling<String> = Spelling {
    allowed: "a cadence like \"5 minutes\", \"1 hour\" or \"1 day\"",
    read: |value| rate(text(value)?),
};

pub(super) const ASKING_EVERY: Spelling<SignedDuration> = Spelling {
    allowed: "a cadence from \"5 minutes\" to \"24 hours\" like \"30 minutes\" or \"1 hour\"",
    read: |value| {
        let every = span(text(value)?)?;
        (SignedDuration::from_mins(5)..=SignedDuration::from_hours(24))
            .contains(&every)
            .then_some(every)
    },
};

/// Nobody can be asked for longer: UPS keeps what it knows of a parcel for 120 days.
pub(super) const GIVING_UP: Spelling<SignedDuration> = Spelling {
    allowed: "a number of days from 1 to 120",
    read: |value| Some(SignedDuration::from_hours(24 * whole(value, 1, 120)?)),
};

/// A calendar as EventBridge Scheduler spells it.
pub(super) const CRON: Spelling<String> = Spelling {
    allowed: "the six fields of EventBridge Scheduler (minute hour day month weekday year), one of day and weekday \
              being ?, like \"0/10 6-20 ? * MON-FRI *\"",
    read: |value| cron(text(value)?),
};

pub(super) const TIME_ZONE: Spelling<TimeZone> = Spelling {
    allowed: "an IANA time zone like \"America/Chicago\"",
    read: |value| TimeZone::get(text(value)?).ok(),
};

pub(super) const MOMENT: Spelling<Moment> = Spelling {
    allowed: "a date like \"2026-08-01\" or a time with its offset like \"2026-08-01T06:00:00Z\"",
    read: moment,
};

/// A point in time, or a day that begins where a time zone says.
pub(super) enum Moment {
    Instant(Timestamp),
    Day(Date),
}

impl Moment {
    pub(super) fn in_zone(self, zone: TimeZone) -> Option<Timestamp> {
        match self {
            Self::Instant(at) => Some(at),
            Self::Day(day) => DateTime::from(day).to_zoned(zone).ok().as_ref().map(Zoned::timestamp),
        }
    }
}

fn moment(value: &Value) -> Option<Moment> {
    let written = match value {
        Value::Datetime(time) => time.to_string(),
        other => text(other)?.to_owned(),
    };
    let instant = || written.parse().ok().map(Moment::Instant);
    let day = || Date::strptime("%Y-%m-%d", &written).ok().map(Moment::Day);
    instant().or_else(day)
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn parsed<T: FromStr>(value: &Value) -> Option<T> {
    text(value)?.parse().ok()
}

/// The variant of an enum that is stored under the same word.
fn known<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(text(value)?.into()).ok()
}

fn one_of(value: &Value, words: &[&str]) -> Option<String> {
    let text = text(value)?;
    words.contains(&text).then(|| text.to_owned())
}

fn whole(value: &Value, least: i64, most: i64) -> Option<i64> {
    value.as_integer().filter(|number| (least..=most).contains(number))
}

fn capitals(text: &str, length: usize) -> Option<String> {
    (text.len() == length && text.chars().all(|c| c.is_ascii_uppercase())).then(|| text.to_owned())
}

/// A number above zero and what follows it.
fn quantity(value: &Value) -> Option<(Decimal, &str)> {
    let text = text(value)?;
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at_checked(end)?;
    let number = Decimal::from_str(number)
        .ok()
        .filter(|number| *number > Decimal::ZERO && *number <= LARGEST_NUMBER)?;
    Some((number, unit.trim()))
}

fn money(value: &Value) -> Option<Money> {
    let (amount, currency) = quantity(value)?;
    Some(Money::new(amount, capitals(currency, 3)?))
}

fn weight(value: &Value) -> Option<Weight> {
    let (value, unit) = quantity(value)?;
    Some(Weight {
        value,
        unit: weight_unit(unit)?,
    })
}

fn weight_unit(text: &str) -> Option<WeightUnit> {
    match text.to_ascii_lowercase().as_str() {
        "lb" | "lbs" => Some(WeightUnit::Lb),
        "oz" => Some(WeightUnit::Oz),
        "kg" => Some(WeightUnit::Kg),
        "g" => Some(WeightUnit::G),
        _ => None,
    }
}

fn dimensions(value: &Value) -> Option<Dimensions> {
    let text = text(value)?.to_ascii_lowercase();
    let (sides, unit) = match text.strip_suffix("in") {
        Some(sides) => (sides, Length::In),
        None => (text.strip_suffix("cm")?, Length::Cm),
    };
    let sides: Option<Vec<Decimal>> = sides
        .split('x')
        .map(|side| side.trim().parse().ok().filter(|side| *side > Decimal::ZERO))
        .collect();
    let [length, width, height] = sides?.try_into().ok()?;
    Some(Dimensions {
        length,
        width,
        height,
        unit,
    })
}

/// A number above zero with a unit of time in the singular: `5 minutes` is 5 and `minute`.
fn cadence(text: &str) -> Option<(u32, &str)> {
    let (number, unit) = text.split_once(' ')?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    let unit = unit.trim();
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    matches!(unit, "minute" | "hour" | "day").then_some((number, unit))
}

fn rate(text: &str) -> Option<String> {
    let (number, unit) = cadence(text)?;
    let plural = if number == 1 { "" } else { "s" };
    Some(format!("rate({number} {unit}{plural})"))
}

fn span(text: &str) -> Option<SignedDuration> {
    let (number, unit) = cadence(text)?;
    let minutes = match unit {
        "minute" => 1,
        "hour" => 60,
        _ => 24 * 60,
    };
    Some(SignedDuration::from_mins(i64::from(number) * minutes))
}

fn cron(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix("cron(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(text);
    let fields: Vec<&str> = bare.split_whitespace().collect();
    let [_, _, day, _, weekday, _] = fields.as_slice() else {
        return None;
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "*?,-/#".contains(c);
    let one_open = (*day == "?") != (*weekday == "?");
    (one_open && bare.chars().all(|c| legal(c) || c == ' ')).then(|| format!("cron({})", fields.join(" ")))
}
