//! Models of the systems outside Waybill: what the demo and the tests run against.
//!
//! A simulator is not a script of canned answers. It keeps books as the real system does (what was ordered, what was
//! billed, which tokens were given out), checks credentials and requests as strictly as the vendor's documents say, and
//! answers in the vendor's own shapes. Whoever asks afterwards what really happened asks its books.
//!
//! All of them stand on one base: a [`clock`] that a test can turn, a [`faults`] plan that makes exchanges go wrong on
//! the wire, a [`server`] that applies it to real connections, and the same [`control`] routes.

// The vendors' records are long, and `json!` recurses for each field.
#![recursion_limit = "256"]

mod carriers;
pub mod clock;
pub mod control;
pub mod faults;
pub mod fedex;
pub mod fusion;
pub mod netsuite;
pub mod peoplesoft;
pub mod requests;
pub mod server;
pub mod shipstation;
pub mod ups;
