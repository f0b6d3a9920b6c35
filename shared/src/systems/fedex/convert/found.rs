//! Track as a look-up: which shipments carry our reference, and which parcels belong together.
//!
//! Each package is found by itself. Package 1 has the number of the whole shipment; the others name it, or only say
//! which of how many they are, or not even that. Parcels of one shipment must never pass for several: all but one
//! would be voided as extra, and with it the whole shipment. So a package stands for a shipment of its own only where
//! FedEx says that it does.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};

use super::error::is_transient;
use super::event::number;
use super::milestone::is_cancelled;
use super::news::{is_absence, later, newest, says_absent, utc_day};
use crate::domain::{JobId, Refusal};
use crate::http::Answer;
use crate::ports::CallError;
use crate::systems::fedex::wire::tracking::{
    self as wire, AskedNumber, ByMaster, ByReference, Identifier, Output, Reference, TrackResult,
};

/// How long ago a shipment may have been made that is looked for: FedEx's own assumption.
const DAYS: i64 = 30;

/// The number of the whole shipment among a package's identifiers.
const MASTER: &str = "STANDARD_MPS";

/// A question for the shipments of an account that carry a reference. No kind of reference is named: with the account
/// every kind is looked through, and under which kind ours is kept depends on the service.
pub(crate) fn by_reference<'a>(reference: &'a str, account: &'a str, today: Timestamp) -> ByReference<'a> {
    let today = utc_day(today);
    let end = today.saturating_add(1.day()).to_string();
    ByReference {
        // Where they stand is enough.
        include_detailed_scans: false,
        references_information: Reference {
            value: reference,
            account_number: account,
            ship_date_begin: today.saturating_sub(DAYS.days()).to_string(),
            ship_date_end: end.clone(),
            ship_date_end_date: end,
        },
    }
}

/// A question for all packages of a shipment.
pub(crate) fn by_master(number: &str) -> ByMaster<'_> {
    ByMaster {
        include_detailed_scans: false,
        master_tracking_number_info: wire::Asked {
            tracking_number_info: AskedNumber {
                tracking_number: number,
            },
            ship_date_begin: None,
            ship_date_end: None,
        },
        associated_type: MASTER,
    }
}

/// A package that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its number.
    pub(crate) number: String,
    /// The number of the whole shipment, where it is told.
    pub(crate) lead: Option<String>,
    /// Which of the shipment's packages it is.
    pub(crate) sequence: Option<u32>,
    /// How many there are, where it is told.
    pub(crate) count: Option<u32>,
    /// Whether its label was cancelled.
    pub(crate) cancelled: bool,
    /// References and other numbers that it shows, whatever they are called.
    references: Vec<String>,
}

impl Piece {
    /// A package by what Track tells of it.
    pub(crate) fn of(result: &TrackResult) -> Option<Self> {
        let own = number(result.number()?)?;
        let package = result.package_details.clone().unwrap_or_default();
        let sequence = counted(package.sequence_number);
        // A count that is less than the place of a package counts something else.
        let count = counted(package.count).filter(|count| sequence.is_none_or(|sequence| sequence <= *count));
        let status = result.latest_status_detail.clone().unwrap_or_default();
        Some(Self {
            lead: match (count, sequence) {
                (Some(1), _) | (_, Some(1)) => Some(own.clone()),
                _ => master(result),
            },
            sequence,
            count,
            cancelled: is_cancelled(status.code.as_deref()) || is_cancelled(status.derived_code.as_deref()),
            references: references(result),
            number: own,
        })
    }

    /// Whether it carries our reference, under whichever name: that depends on the service. What does not show it may be
    /// somebody else's, as in FedEx's sandbox, which answers what it likes.
    pub(crate) fn carries(&self, reference: &JobId) -> bool {
        let ours = |shown: &String| shown.trim().eq_ignore_ascii_case(reference.as_str());
        self.references.iter().any(ours)
    }
}

/// A count from one on.
fn counted(text: Option<String>) -> Option<u32> {
    text?.trim().parse().ok().filter(|count| *count > 0)
}

fn identifiers(result: &TrackResult) -> &[Identifier] {
    let info = result.additional_tracking_info.as_ref();
    info.map_or(&[], |info| info.package_identifiers.as_slice())
}

fn values(identifier: &Identifier) -> impl Iterator<Item = &String> {
    identifier.values.iter().chain(&identifier.value)
}

/// One number alone: a list would be that of the packages.
fn master(result: &TrackResult) -> Option<String> {
    let mut own = identifiers(result)
        .iter()
        .filter(|one| one.r#type.as_deref() == Some(MASTER))
        .flat_map(values);
    match (own.next(), own.next()) {
        (Some(one), None) => number(one),
        _ => None,
    }
}

fn references(result: &TrackResult) -> Vec<String> {
    identifiers(result).iter().flat_map(values).cloned().collect()
}

/// The packages that an answer tells of, each once; none where it says that there is none. A refusal stays one;
/// whatever else says neither is "later".
pub(crate) fn pieces(answer: Result<Answer, CallError>) -> Result<Vec<Piece>, CallError> {
    match answer {
        Ok(answer) => {
            let output = wire::output(&answer.body);
            read(&output.ok_or_else(|| later("the answer of tracking cannot be read"))?)
        }
        Err(CallError::Refused(refusal)) if is_absence(&refusal.code) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The package of a number that was asked for: of several that go by it, the newest.
pub(crate) fn piece(answer: Result<Answer, CallError>, number: &str) -> Result<Option<Piece>, CallError> {
    let output = match &answer {
        Ok(answer) => wire::output(&answer.body),
        Err(CallError::Refused(refusal)) if !is_absence(&refusal.code) => {
            return Err(CallError::Refused(refusal.clone()));
        }
        Err(_) => None,
    };
    let own = output.and_then(|output| newest(&output, number));
    match own.as_ref().and_then(Piece::of) {
        Some(piece) => Ok(Some(piece)),
        None => match pieces(answer)?.is_empty() {
            true => Ok(None),
            false => Err(later(
                "tracking tells of another parcel than the one that was asked for",
            )),
        },
    }
}

fn read(output: &Output) -> Result<Vec<Piece>, CallError> {
    let results = || {
        output
            .complete_track_results
            .iter()
            .flat_map(|complete| &complete.track_results)
    };
    let mut pieces: Vec<Piece> = Vec::new();
    for piece in results()
        .filter(|result| result.fault().is_none())
        .filter_map(Piece::of)
    {
        match pieces.iter_mut().find(|known| known.number == piece.number) {
            // A number that was used again: what is alive counts.
            Some(known) if known.cancelled => *known = piece,
            Some(_) => {}
            None => pieces.push(piece),
        }
    }
    let mut faults = results().filter_map(TrackResult::fault);
    match faults.find(|(code, _)| !is_absence(code)) {
        _ if !pieces.is_empty() => Ok(pieces),
        Some((code, words)) if is_transient(code) => Err(later(format!("{words} ({code})"))),
        Some((code, words)) => Err(CallError::Refused(Refusal::new(code, words))),
        None if says_absent(output) || results().any(|result| result.fault().is_some()) => Ok(pieces),
        None => Err(later("the answer of tracking tells of no parcel")),
    }
}

/// Packages that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// The number of the whole shipment, where it is known.
    pub(crate) lead: Option<String>,
    /// How many packages there are, where it is told.
    pub(crate) count: Option<u32>,
    /// Those that are known, in their order.
    pub(crate) pieces: Vec<Piece>,
}

impl Group {
    fn begun(piece: Piece) -> Self {
        Self {
            lead: piece.lead.clone(),
            count: piece.count,
            pieces: vec![piece],
        }
    }

    /// Whether every package is known, and the number of the whole. How many there are must be told for that.
    pub(crate) fn is_whole(&self) -> bool {
        self.lead.is_some() && self.count.is_some_and(|count| self.pieces.len() >= whole(count))
    }

    /// Whether it was cancelled: FedEx cancels all packages of a shipment, and its first shows that first.
    pub(crate) fn is_cancelled(&self) -> bool {
        let of_lead = |piece: &&Piece| Some(&piece.number) == self.lead.as_ref();
        let lead = self.pieces.iter().find(of_lead);
        lead.is_some_and(|lead| lead.cancelled) || self.pieces.iter().all(|piece| piece.cancelled)
    }

    /// Its packages that were not cancelled.
    pub(crate) fn numbers(&self) -> Vec<String> {
        let alive = self.pieces.iter().filter(|piece| !piece.cancelled);
        alive.map(|piece| piece.number.clone()).collect()
    }

    /// The same with what FedEx names as packages of the same shipment: all of them, or the others. Where that cannot
    /// be, it is left as it is.
    pub(crate) fn with(self, others: Vec<Piece>) -> Self {
        let mut pieces = self.pieces.clone();
        for other in others {
            if !pieces.iter().any(|known| known.number == other.number) {
                pieces.push(other);
            }
        }
        pieces.sort_by_key(|piece| (piece.sequence, piece.number.clone()));
        let mut leads: Vec<&String> = pieces.iter().filter_map(|piece| piece.lead.as_ref()).collect();
        leads.dedup();
        let twice = pieces.windows(2).any(|pair| match pair {
            [one, next] => one.sequence.is_some() && one.sequence == next.sequence,
            _ => false,
        });
        let mut counts: Vec<u32> = pieces
            .iter()
            .filter_map(|piece| piece.count)
            .chain(self.count)
            .collect();
        counts.sort_unstable();
        counts.dedup();
        let count = counts.first().copied();
        let many = count.is_some_and(|count| pieces.len() > whole(count));
        if twice || many || leads.len() > 1 || counts.len() > 1 {
            return self;
        }
        Self {
            lead: self.lead.clone().or_else(|| leads.first().map(|lead| (*lead).clone())),
            count,
            pieces,
        }
    }

    /// Whether a loose package can only be one that is missing here.
    fn lacks(&self, piece: &Piece) -> bool {
        let taken = |known: &Piece| known.sequence == piece.sequence;
        let alike = piece.count.is_some() && self.count == piece.count && piece.sequence.is_some();
        alike && !self.is_whole() && !self.pieces.iter().any(taken)
    }
}

fn whole(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Packages by the shipment that they belong to, as far as they say so. One that does not say joins the only shipment
/// that lacks it, and else stands by itself.
pub(crate) fn grouped(pieces: Vec<Piece>) -> Vec<Group> {
    let (led, mut loose): (Vec<Piece>, Vec<Piece>) = pieces.into_iter().partition(|piece| piece.lead.is_some());
    let mut groups: BTreeMap<Option<String>, Group> = BTreeMap::new();
    for piece in led {
        match groups.get_mut(&piece.lead) {
            Some(group) => {
                group.count = group.count.max(piece.count);
                group.pieces.push(piece);
            }
            None => {
                groups.insert(piece.lead.clone(), Group::begun(piece));
            }
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    let alike = |pieces: &[Piece], piece: &Piece| {
        let same = |other: &&Piece| (other.count, other.sequence) == (piece.count, piece.sequence);
        pieces.iter().filter(same).count() > 1
    };
    let ambiguous: Vec<bool> = loose.iter().map(|piece| alike(&loose, piece)).collect();
    let mut left = Vec::new();
    for (piece, ambiguous) in loose.drain(..).zip(ambiguous) {
        let mut lacking: Vec<&mut Group> = groups.iter_mut().filter(|group| group.lacks(&piece)).collect();
        match lacking.as_mut_slice() {
            [only] if !ambiguous => only.pieces.push(piece),
            _ => left.push(piece),
        }
    }
    groups.extend(left.into_iter().map(Group::begun));
    for group in &mut groups {
        group.pieces.sort_by_key(|piece| (piece.sequence, piece.number.clone()));
    }
    groups
}
