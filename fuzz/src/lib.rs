//! What the targets share: requests, hooks and events out of arbitrary bytes.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use waybill::domain::{CarrierCode, Estimate, Meaning, Milestone, Spot, TrackingEvent};
use waybill::ports::{Hook, HookKeys, Inbound};

/// The moment at which everything comes.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_772_460_000).expect("a moment")
}

/// A hook of a system.
pub fn hook(system: &str) -> Hook {
    let hook = serde_json::json!({
        "digest": "d", "system": system, "tenant": "acme", "credential": "c", "secret": "s", "connections": ["acme"],
        "created_at": "2026-01-01T00:00:00Z"
    });
    serde_json::from_value(hook).expect("a hook")
}

/// The keys that a hook's secret holds.
pub fn keys(secret: &str) -> HookKeys {
    serde_json::from_str(secret).expect("keys")
}

/// A request: the values of the headers that matter, a header of any name, and whatever remains for a body.
#[derive(Debug)]
pub struct Sent {
    values: [Option<String>; 3],
    other: (String, String),
    /// The body.
    pub body: Vec<u8>,
}

impl<'a> Arbitrary<'a> for Sent {
    /// Of bytes that begin with `{` or `[` all are the body, so that a corpus of bodies can be read.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let text = matches!(bytes.peek_bytes(1), Some([b'{' | b'[']));
        let values = if text {
            Default::default()
        } else {
            Arbitrary::arbitrary(bytes)?
        };
        let other = if text {
            Default::default()
        } else {
            Arbitrary::arbitrary(bytes)?
        };
        let body = bytes.bytes(bytes.len())?.to_vec();
        Ok(Self { values, other, body })
    }
}

impl Sent {
    /// The request with its values under these names.
    pub fn inbound(&self, names: &[&str; 3]) -> Inbound {
        let known = names.iter().zip(&self.values);
        let known = known.filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)));
        Inbound {
            hook: "00".to_owned().into(),
            headers: known.chain([self.other.clone()]).collect(),
            body: self.body.clone(),
            source: None,
        }
    }
}

/// Events of one parcel, many of them at the same moments and of the same kinds.
#[derive(Debug)]
pub struct Happened(pub Vec<TrackingEvent>);

impl<'a> Arbitrary<'a> for Happened {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let mut events = Vec::new();
        while !bytes.is_empty() && events.len() < 24 {
            events.push(event(bytes)?);
        }
        Ok(Self(events))
    }
}

fn event(bytes: &mut Unstructured<'_>) -> Result<TrackingEvent> {
    let nanosecond = if bytes.ratio(1, 8)? { 1 } else { 0 };
    Ok(TrackingEvent {
        at: Timestamp::new(now().as_second() + i64::from(bytes.int_in_range(0..=7)?), nanosecond).expect("a moment"),
        meaning: match bytes.int_in_range(0..=11)? {
            10 => Meaning::Told,
            11 => Meaning::Unknown,
            place => Meaning::Reached(Milestone::ALL[place]),
        },
        code: CarrierCode {
            kind: word(bytes)?,
            code: word(bytes)?,
            status: word(bytes)?,
        },
        description: word(bytes)?,
        spot: Spot {
            city: word(bytes)?,
            state: word(bytes)?,
            country: word(bytes)?,
        },
        signed_by: word(bytes)?,
        estimate: estimate(bytes)?,
    })
}

fn word(bytes: &mut Unstructured<'_>) -> Result<Option<String>> {
    let words = [None, Some(""), Some("A"), Some("B"), Some("#")];
    Ok(bytes.choose(&words)?.map(str::to_owned))
}

fn estimate(bytes: &mut Unstructured<'_>) -> Result<Option<Estimate>> {
    let day = bytes.int_in_range(0..=3)?;
    let until = bytes.ratio(1, 2)?.then(|| Time::constant(20, 0, 0, 0));
    Ok((day > 0).then(|| Estimate {
        date: Date::constant(2026, 3, day),
        until,
    }))
}
