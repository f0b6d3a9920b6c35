//! What can be set about the simulated pod: what customers set up themselves, and the habits that the vendor's documents
//! leave open, so that a client can be shown to live with either.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a request without valid credentials is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginAnswer {
    /// 401 with a page.
    Html,
    /// 401 with the error body of the framework.
    Json,
    /// 302 to the login page.
    Redirect,
}

/// What happens to a submitted change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It is applied at once.
    AtOnce,
    /// It waits for a person.
    ByPerson,
    /// The approvers need so long.
    After {
        /// Seconds of the pod's clock.
        seconds: u32,
    },
}

/// What the draft resource makes of a parameter that bypasses approvals, which is documented for the other resource only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bypass {
    /// Refused as unknown.
    Refused,
    /// Accepted without effect.
    Ignored,
    /// The change is applied at once.
    Honoured,
}

/// Which literals a timestamp may be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeLiteral {
    /// A time with offset or a day.
    Any,
    /// A time with offset only.
    Offset,
    /// A day only.
    Day,
}

/// Where `locationsV2` has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationShape {
    /// In the child `addresses`.
    Child,
    /// In attributes of the location itself.
    Flat,
}

/// Where a descriptive flexfield hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// On the order.
    Header,
    /// On each schedule.
    Schedule,
}

/// What a segment of a flexfield holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// Text of at most so many characters.
    Text(usize),
    /// A number.
    Number,
    /// A day, `2026-03-05`.
    Day,
}

/// A segment of a flexfield, as the customer has defined it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The name in requests and answers.
    pub api_name: String,
    /// The name that people see; refusals name this one.
    pub prompt: String,
    /// What it holds.
    pub kind: SegmentKind,
}

/// A flexfield with its segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flexfield {
    /// Where it hangs.
    pub level: Level,
    /// The contexts that the segments need; empty when they are global.
    #[serde(default)]
    pub contexts: Vec<String>,
    /// Its segments.
    pub segments: Vec<Segment>,
}

/// The settings of a simulated pod. All of them can be changed while it runs (`POST /_control/options`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The scope that the identity domain gives tokens for: audience and scope without a space between.
    pub scope: String,
    /// The life of an access token, in seconds.
    pub token_life_s: i64,
    /// Whether a client with client credentials needs a Fusion user of its own name; without such a need it may do all.
    pub client_user_required: bool,
    /// What a request without valid credentials is answered.
    pub login_answer: LoginAnswer,
    /// The first framework version whose errors are JSON.
    pub json_errors_from: u32,
    /// How the server prints timestamps: `UTC`, an offset such as `-08:00`, or an IANA zone.
    pub time_zone: String,
    /// Whether timestamps are printed with milliseconds.
    pub milliseconds: bool,
    /// Which literals a timestamp may be compared with.
    pub time_literal: TimeLiteral,
    /// The most items of a page.
    pub max_limit: usize,
    /// The most children that an expanded collection shows, from framework version 3.
    pub child_limit: usize,
    /// Whether `POHeaderId` works as an item's key, beside the hash.
    pub id_keys: bool,
    /// Whether a draft gets another key when a change order is begun.
    pub rekey_on_change: bool,
    /// Whether `q` may name attributes of children.
    pub child_filters: bool,
    /// Attributes that cannot be queried here, although the others can.
    pub not_queryable: BTreeSet<String>,
    /// Attributes that this pod has not, as `schedules.Carrier`: they are neither shown nor known.
    pub absent: BTreeSet<String>,
    /// Operations that nobody may do; they are answered with 403.
    pub denied: BTreeSet<String>,
    /// The host and scheme that links name; the ones of the request when left out.
    pub link_base: Option<String>,
    /// Whether the translated `Status` reads German.
    pub german: bool,
    /// Whether a draft with an incomplete change order shows `INCOMPLETE` rather than the order's status.
    pub draft_shows_change: bool,
    /// Whether an order whose change waits for approval shows `PENDING CHANGE APPROVAL`.
    pub order_shows_pending: bool,
    /// Whether writing to a change order moves the order's own `LastUpdateDate`.
    pub change_touches_order: bool,
    /// What happens to a submitted change.
    pub approval: Approval,
    /// What a parameter that bypasses approvals does.
    pub bypass: Bypass,
    /// Where `locationsV2` has the address.
    pub location_shape: LocationShape,
    /// The flexfields that the customer has defined.
    pub flexfields: Vec<Flexfield>,
    /// The carriers that the customer has set up.
    pub carriers: Vec<String>,
    /// How long every authenticated request takes, in milliseconds of real time.
    pub latency_ms: u64,
    /// How many turns of the scheduler every authenticated request takes.
    pub turns: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scope: "urn:opc:resource:fa:instanceid=1234567urn:opc:resource:consumer::all".into(),
            token_life_s: 3600,
            client_user_required: true,
            login_answer: LoginAnswer::Html,
            json_errors_from: 4,
            time_zone: "UTC".into(),
            milliseconds: false,
            time_literal: TimeLiteral::Any,
            max_limit: 500,
            child_limit: 500,
            id_keys: false,
            rekey_on_change: false,
            child_filters: false,
            not_queryable: BTreeSet::new(),
            absent: BTreeSet::new(),
            denied: BTreeSet::new(),
            link_base: None,
            german: false,
            draft_shows_change: true,
            order_shows_pending: true,
            change_touches_order: false,
            approval: Approval::AtOnce,
            bypass: Bypass::Ignored,
            location_shape: LocationShape::Child,
            flexfields: vec![flexfield(Level::Header), flexfield(Level::Schedule)],
            carriers: ["UPS", "FedEx", "Hill Country Freight"].map(str::to_owned).to_vec(),
            latency_ms: 0,
            turns: 0,
        }
    }
}

/// The same segments at each level: a customer that gives Waybill everything.
fn flexfield(level: Level) -> Flexfield {
    use SegmentKind::{Day, Number, Text};
    let segments = [
        ("trackingNumber", "Tracking Number", Text(150)),
        ("shipStatus", "Shipping Status", Text(80)),
        ("shipError", "Shipping Problem", Text(150)),
        ("shipService", "Shipping Service", Text(80)),
        ("shipCost", "Shipping Cost", Number),
        ("shipDate", "Shipped On", Day),
        ("deliveredAt", "Delivered At", Text(80)),
        ("labelReference", "Label", Text(150)),
        ("waybillJob", "Waybill Job", Text(40)),
        ("waybillWrite", "Waybill Write", Text(80)),
    ];
    Flexfield {
        level,
        contexts: Vec::new(),
        segments: segments
            .map(|(api_name, prompt, kind)| Segment {
                api_name: api_name.into(),
                prompt: prompt.into(),
                kind,
            })
            .to_vec(),
    }
}

impl Options {
    /// The flexfield of that level, where the customer has defined one.
    pub fn flexfield(&self, level: Level) -> Option<&Flexfield> {
        self.flexfields.iter().find(|one| one.level == level)
    }

    /// Whether the pod has not this attribute of a resource.
    pub fn lacks(&self, resource: &str, attribute: &str) -> bool {
        !self.absent.is_empty() && self.absent.contains(&format!("{resource}.{attribute}"))
    }

    /// A time as the server prints it.
    pub fn print(&self, at: Timestamp) -> String {
        let local: Zoned = at.to_zoned(self.zone());
        let form = if self.milliseconds {
            "%Y-%m-%dT%H:%M:%S%.3f%:z"
        } else {
            "%Y-%m-%dT%H:%M:%S%:z"
        };
        local.strftime(form).to_string()
    }

    /// The day on which the server sees a time.
    pub fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone()).date()
    }

    /// When the day begins for the server.
    pub fn midnight(&self, day: Date) -> Option<Timestamp> {
        day.to_zoned(self.zone()).ok().map(|zoned| zoned.timestamp())
    }

    fn zone(&self) -> TimeZone {
        fixed(&self.time_zone)
            .map(TimeZone::fixed)
            .or_else(|| TimeZone::get(&self.time_zone).ok())
            .unwrap_or(TimeZone::UTC)
    }
}

/// The offset that a text such as `-08:00` names.
fn fixed(text: &str) -> Option<Offset> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
    Offset::from_seconds(sign * minutes * 60).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_prints_in_its_own_zone() {
        let print = |zone: &str, at: &str| {
            let options = Options {
                time_zone: zone.into(),
                ..Options::default()
            };
            options.print(at.parse().unwrap())
        };
        assert_eq!(print("UTC", "2026-02-01T10:15:00Z"), "2026-02-01T10:15:00+00:00");
        assert_eq!(print("-08:00", "2026-02-01T10:15:00Z"), "2026-02-01T02:15:00-08:00");
        assert_eq!(
            print("America/New_York", "2026-02-01T10:15:00Z"),
            "2026-02-01T05:15:00-05:00"
        );
        assert_eq!(
            print("America/New_York", "2026-07-01T10:15:00Z"),
            "2026-07-01T06:15:00-04:00"
        );
    }
}
