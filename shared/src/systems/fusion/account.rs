//! What a connection says about Oracle Fusion Cloud ERP.

use secrecy::SecretString;

use crate::connection::{Addressed, Mistake};
use crate::domain::Refusal;

/// Everything that is wrong with what a connection says about Oracle Fusion Cloud ERP, at once.
pub fn mistakes(_addressed: &Addressed<'_>) -> Vec<Mistake> {
    Vec::new()
}

/// Whether a secret's body has one of the shapes that there are.
pub fn check_secret(_secret: &SecretString) -> Result<(), Refusal> {
    Ok(())
}
