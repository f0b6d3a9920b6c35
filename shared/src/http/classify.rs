//! What a failure means: the three words that decide money.

use std::error::Error as _;

use super::Answer;
use crate::domain::Refusal;
use crate::ports::{CallError, EffectError, Later, Obstacle};

/// A call that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Provably not processed.
    #[error("not sent: {0}")]
    NotSent(Later),
    /// Something may have happened.
    #[error("lost: {0}")]
    Unknown(String),
}

/// A vendor's error as its envelope states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorError {
    /// The vendor's code and words.
    pub refusal: Refusal,
    /// Whether the vendor says that the same request may work later.
    pub transient: bool,
}

/// What became of a call that costs money or writes. `envelope` reads the vendor's error envelope, if the body is one.
pub fn effect(
    result: Result<Answer, Lost>,
    envelope: impl Fn(&Answer) -> Option<VendorError>,
) -> Result<Answer, EffectError> {
    let answer = result.map_err(|lost| match lost {
        Lost::NotSent(later) => EffectError::NotSent(later),
        Lost::Unknown(reason) => EffectError::Unknown(reason),
    })?;
    match answer.status {
        200..=299 => Ok(answer),
        300..=399 | 401 | 429 => Err(EffectError::NotSent(later(&answer, envelope(&answer)))),
        400..=499 => match envelope(&answer) {
            Some(VendorError {
                refusal,
                transient: false,
            }) => Err(EffectError::Rejected(refusal)),
            _ => Err(EffectError::Unknown(format!(
                "status {} without a final word",
                answer.status
            ))),
        },
        status => Err(EffectError::Unknown(format!("status {status}"))),
    }
}

/// What became of a call that changes nothing.
pub fn read(
    result: Result<Answer, Lost>,
    envelope: impl Fn(&Answer) -> Option<VendorError>,
) -> Result<Answer, CallError> {
    let answer = result.map_err(|lost| match lost {
        Lost::NotSent(later) => CallError::Later(later),
        Lost::Unknown(reason) => CallError::Later(Later::new(Obstacle::Unreachable, reason)),
    })?;
    if let 200..=299 = answer.status {
        return Ok(answer);
    }
    match (answer.status, envelope(&answer)) {
        (300..=399 | 401 | 429, error) => Err(CallError::Later(later(&answer, error))),
        (
            400..=499,
            Some(VendorError {
                refusal,
                transient: false,
            }),
        ) => Err(CallError::Refused(refusal)),
        (_, error) => Err(CallError::Later(later(&answer, error))),
    }
}

fn later(answer: &Answer, error: Option<VendorError>) -> Later {
    let obstacle = match answer.status {
        300..=399 | 401 => Obstacle::Unauthorised,
        429 => Obstacle::Limited,
        _ => Obstacle::Unreachable,
    };
    let words = error.map(|error| format!(": {}", error.refusal)).unwrap_or_default();
    let led_away = match answer.status {
        300..=399 => ": it leads to a login page, so the credential is not accepted",
        _ => "",
    };
    Later {
        reason: format!("status {}{led_away}{words}", answer.status),
        after: answer.retry_after(),
        obstacle,
    }
}

/// A failure before any answer: only what failed while connecting was provably not processed.
pub(super) fn transport(error: &reqwest::Error) -> Lost {
    if error.is_connect() || error.is_builder() {
        Lost::NotSent(Later::new(
            Obstacle::Unreachable,
            format!("no connection: {}", root(error)),
        ))
    } else if error.is_timeout() {
        Lost::Unknown("no answer in time".to_owned())
    } else {
        Lost::Unknown(format!("the connection broke: {}", root(error)))
    }
}

/// An answer that broke off.
pub(super) fn broken_off(error: &reqwest::Error) -> Lost {
    Lost::Unknown(format!("the answer broke off: {}", root(error)))
}

/// The innermost cause, which never names the URL.
fn root(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|error| error.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "no cause given".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn redirect() -> Result<Answer, Lost> {
        Ok(Answer {
            status: 302,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"<html>"),
        })
    }

    #[test]
    fn a_redirect_is_a_refused_credential_and_nothing_was_done() {
        let Err(EffectError::NotSent(later)) = effect(redirect(), |_| None) else {
            panic!("a redirect is not sent")
        };
        assert_eq!(later.obstacle, Obstacle::Unauthorised);
        assert!(later.reason.contains("login page"), "{}", later.reason);
        let read = read(redirect(), |_| None);
        assert!(matches!(read, Err(CallError::Later(later)) if later.obstacle == Obstacle::Unauthorised));
    }
}
