//! The use cases, a file each. A flow holds a small struct of ports and knows no vendor, no AWS and no HTTP.

pub mod advance;
pub mod customers;
pub mod deliver;
pub mod desk_hook;
mod despatches;
mod halt;
pub mod kin;
pub mod label_link;
pub mod operate;
pub mod order_status;
pub mod outward;
pub mod plan;
pub mod plan_desk;
pub mod poll;
mod put_right;
pub mod receive;
pub mod reconcile;
pub mod refresh;
pub mod remembered;
pub mod renew;
mod rounds;
pub mod stock;
pub mod sweep;
pub mod track;
pub mod track_poll;
mod write;

use jiff::SignedDuration;

/// How long a message may be under way at most before another one is sent, whatever stands in the queue before it; of a job for as long
/// as its lease, where that is longer.
const LONGEST_UNDER_WAY: SignedDuration = SignedDuration::from_mins(15);

/// How many there are, as reports say it.
fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
