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

/// How many there are, as reports say it.
fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
