//! Between our words and FedEx's, both ways, without I/O.

mod error;
mod event;
mod found;
mod milestone;
mod news;
mod pushed;
mod when;

pub(crate) use error::envelope;
pub(crate) use found::{Group, Piece, by_master, by_reference, grouped, piece, pieces};
pub(crate) use news::{by_numbers, is_about_a_number, legal_number, told};
pub(crate) use pushed::pushed;
