//! What a connection says about its FedEx account: hosts, credentials and the options that only FedEx knows.

use secrecy::SecretString;

use crate::connection::{Addressed, Mistake};
use crate::domain::Refusal;

/// What is wrong with a connection that ships with FedEx.
pub fn mistakes(_addressed: &Addressed<'_>) -> Vec<Mistake> {
    Vec::new()
}

/// Whether a secret has the shape of FedEx's credentials.
///
/// # Errors
/// In plain words, what is missing.
pub fn check_secret(_body: &SecretString) -> Result<(), Refusal> {
    Ok(())
}
