//! One step of a job, from nothing to a fact.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Nonce, Refusal};

/// An effect that was intended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1 within the step.
    pub number: u32,
    /// Who intends it.
    pub owner: Nonce,
    /// When it was intended.
    pub at: Timestamp,
    /// The lease: until then nobody else touches the step, and after it the effect is no longer begun.
    pub until: Timestamp,
}

/// One look at an effect whose answer was lost, that did not find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// Whether the positive control was seen at this same look.
    pub control: bool,
}

/// How far a step has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step<T> {
    /// Nothing has been tried, or nothing that was tried has happened.
    Todo,
    /// It is not needed; the reason in plain words.
    NotNeeded(String),
    /// It is intended and may be under way.
    Started(Attempt),
    /// It was intended and nobody knows whether it happened.
    Unknown {
        /// The intent.
        attempt: Attempt,
        /// Since when nobody knows.
        since: Timestamp,
        /// The looks that did not find it.
        looks: Vec<Look>,
    },
    /// It happened.
    Done(T),
    /// It was refused.
    Refused(Refusal),
}

impl<T> Step<T> {
    /// The fact, if there is one.
    pub fn done(&self) -> Option<&T> {
        match self {
            Self::Done(fact) => Some(fact),
            _ => None,
        }
    }

    /// The intent that has no answer yet.
    pub fn open_attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Started(attempt) | Self::Unknown { attempt, .. } => Some(attempt),
            _ => None,
        }
    }

    /// Whether it is intended by this owner and still has no answer.
    pub fn is_started_by(&self, owner: &Nonce) -> bool {
        matches!(self, Self::Started(attempt) if attempt.owner == *owner)
    }
}
