//! What a reconciliation is made of: a run that goes on where it was, and the gaps that it names.
//!
//! Everything here is stored and read again by later versions: fields are added with a default, never taken away.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CarrierShipmentId, DocumentId, JobId};

/// The longest reason or remedy that is kept, in characters: a page of gaps must fit into one item of the table.
const LONGEST_TEXT: usize = 300;

/// The most notes that a run keeps.
const MOST_NOTES: usize = 20;

/// The most shipments that a run keeps in mind until the carrier's whole list is read.
const MOST_SUSPECTS: usize = 500;

/// What does not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// The ERP has something ready to ship that is no job, or a desk has shipped something of which nobody told.
    NotAdmitted,
    /// The carrier shows a shipment under our reference that no job knows.
    StrayShipment,
    /// The carrier's own list lacks a shipment that a job holds for bought.
    NotListed,
    /// The carrier shows a shipment as voided that a job holds for bought.
    VoidedAtCarrier,
    /// Somebody changed a field of the ERP that is ours.
    WriteBackChanged,
    /// What we made in the ERP is gone.
    WriteBackGone,
    /// The document asks for something else than what was shipped for it.
    ChangedAfterShipment,
    /// A job is due and nobody does anything about it.
    Overdue,
    /// A job is shipped and has waited for days for what it is to be written to.
    Parked,
    /// A job is held.
    Held,
    /// A look for a second shipment is owed and was not made.
    DuplicateCheckOverdue,
    /// One of the sides could not be read, so that nothing was compared with it.
    NotCompared,
    /// A job's item cannot be read by this version, so that nothing is done about it.
    Unreadable,
}

impl GapKind {
    /// A few words for a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotAdmitted => "not admitted",
            Self::StrayShipment => "stray shipment",
            Self::NotListed => "not on the carrier's list",
            Self::VoidedAtCarrier => "voided at the carrier",
            Self::WriteBackChanged => "write-back changed",
            Self::WriteBackGone => "write-back gone",
            Self::ChangedAfterShipment => "changed after it shipped",
            Self::Overdue => "overdue",
            Self::Parked => "waits to be written",
            Self::Held => "held",
            Self::DuplicateCheckOverdue => "duplicate check overdue",
            Self::NotCompared => "not compared",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One thing that does not agree, with its reason and what mends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What does not agree.
    pub kind: GapKind,
    /// The number of the document that people know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentId>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    /// Since when, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why it is a gap, in plain words without personal data.
    pub reason: String,
    /// What mends it: a command, or what a person does.
    pub mend: String,
}

impl Gap {
    /// A gap of this kind.
    pub fn new(kind: GapKind, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            kind,
            number: None,
            document: None,
            job: None,
            tracking_number: None,
            since: None,
            reason: short(reason.into()),
            mend: short(mend.into()),
        }
    }
}

fn short(text: String) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((at, _)) => format!("{} ...", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// A stretch of time, both ends within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl Stretch {
    /// The part of it that one question may ask for.
    pub fn at_most(self, length: SignedDuration) -> Self {
        Self {
            to: self.to.min(self.from + length),
            ..self
        }
    }
}

/// One entry of a carrier's own list. What is missing was not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// Our reference, if it is one.
    pub reference: Option<JobId>,
    /// The number of the whole shipment, where the list says it.
    pub shipment: Option<CarrierShipmentId>,
    /// The parcels.
    pub tracking_numbers: Vec<String>,
    /// The day, by the carrier's clock.
    pub on: Option<Date>,
    /// Whether it says that the parcels are void, instead of that they were sold.
    pub voided: bool,
}

impl ListEntry {
    /// Whether it speaks of this shipment or parcel.
    pub fn names(&self, number: &str) -> bool {
        let whole = self.shipment.as_ref().map(CarrierShipmentId::as_str);
        whole == Some(number) || self.tracking_numbers.iter().any(|one| one == number)
    }
}

/// What the carrier's list has said of a parcel, whenever it said it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    /// It was sold.
    pub sold: bool,
    /// It is void.
    pub voided: bool,
}

/// A shipment on the carrier's list that no job knows. The notice that it is void may come later in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// The job that its reference names, whether there is one or not.
    pub reference: JobId,
    /// The parcel.
    pub tracking_number: String,
    /// The day on the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Date>,
}

/// Which jobs are walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Walk {
    /// Those that are at work.
    Open,
    /// Those that stand still.
    Held,
    /// Those that are written back, as far as the run looks back.
    Shipped,
}

impl Walk {
    /// The one after it.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Open => Some(Self::Held),
            Self::Held => Some(Self::Shipped),
            Self::Shipped => None,
        }
    }
}

/// Where a run stands: what its next step reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "at")]
pub enum Stage {
    /// Documents of the ERP that could ship.
    Erp {
        /// The last one whose page is done.
        after: Option<String>,
    },
    /// The carrier's own list.
    Carrier {
        /// What is still to be read.
        stretch: Stretch,
        /// The page within the part that is being read.
        page: Option<String>,
    },
    /// Gaps of the run before that would fall out of this one's sight.
    Earlier {
        /// How many of its pages are done.
        done: usize,
    },
    /// Shipments that no job seemed to know.
    Strays,
    /// Jobs.
    Jobs {
        /// Which.
        walk: Walk,
        /// The place in the walk.
        after: Option<String>,
    },
    /// Nothing is left to read.
    Done,
}

/// How much a run has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Documents of the ERP that could ship.
    pub documents: u64,
    /// Entries of the carrier's list.
    pub listed: u64,
    /// Of these, entries without a reference of ours.
    pub foreign: u64,
    /// Jobs.
    pub jobs: u64,
    /// Write-backs that were put right.
    pub put_right: u64,
    /// Jobs whose item could not be read.
    #[serde(default)]
    pub unreadable: u64,
}

/// One reconciliation of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Counted from 1 within the connection.
    pub number: u32,
    /// When it began: what is younger is not judged.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What its next step reads.
    pub stage: Stage,
    /// From when on it walks through shipped jobs.
    pub shipped_since: Timestamp,
    /// From when on the carrier's list has been read without a break; `None` where it has not.
    pub listed_since: Option<Timestamp>,
    /// Whether the ERP cannot be read, so that no job is compared with it.
    #[serde(default)]
    pub erp_is_blind: bool,
    /// Whether the carrier's list, which it has, cannot be read.
    #[serde(default)]
    pub list_is_blind: bool,
    /// How much it has read.
    pub tally: Tally,
    /// How many gaps it found.
    pub gaps: u64,
    /// How many of them are jobs that are held.
    #[serde(default)]
    pub held: u64,
    /// The pages of gaps that count, by the step that found them.
    pub pages: Vec<u32>,
    /// How many steps were made.
    pub step: u32,
    /// How often the step in hand has failed.
    #[serde(default)]
    pub failures: u32,
    /// Shipments to be judged once the whole list is read.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
    /// What else a person should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The run before, whose unmended gaps are looked at again.
    #[serde(default)]
    pub before: Option<Earlier>,
}

/// The run before, as far as this one needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Its number.
    pub number: u32,
    /// Its pages of gaps.
    pub pages: Vec<u32>,
    /// When it began.
    pub started_at: Timestamp,
}

impl Run {
    /// Whether nothing is left to read.
    pub fn is_finished(&self) -> bool {
        self.finished_at.is_some()
    }

    /// Adds a note, once.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = short(text.into());
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Keeps a shipment in mind until the whole list is read.
    pub fn suspect(&mut self, suspect: Suspect) {
        if self
            .suspects
            .iter()
            .any(|one| one.tracking_number == suspect.tracking_number)
        {
            return;
        }
        if self.suspects.len() < MOST_SUSPECTS {
            self.suspects.push(suspect);
        } else {
            self.note(format!(
                "more than {MOST_SUSPECTS} shipments of the carrier's list are known to no job: only so many are named"
            ));
        }
    }
}

/// Where the reconciliation of a connection stands: its newest run, and who is at work on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// 0 while nothing is stored.
    pub version: u64,
    /// The newest run, finished or not.
    pub run: Option<Run>,
    /// Until when one worker has the run to itself.
    #[serde(default)]
    pub held_until: Option<Timestamp>,
    /// When the run is to be gone on with; `None` once it is finished.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_gaps_fits_into_an_item() {
        let long = "é".repeat(100_000);
        let gap = Gap::new(GapKind::Held, long.clone(), long);
        let gap = Gap {
            number: Some("SO1".repeat(20)),
            ..gap
        };
        let bytes = serde_json::to_vec(&gap).unwrap().len();
        // The widest letters that are stored take twice these.
        assert!(bytes * 2 * 120 < 400 * 1024, "{bytes}");
    }
}
