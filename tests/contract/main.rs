//! What every carrier and every ERP owes to the flows, over HTTP against its simulator.
//!
//! A new system implements [`carriers::CarrierUnderTest`] or [`erps::ErpUnderTest`] in a file of its own and adds its line
//! below; the suites themselves name no vendor.

#[cfg(test)]
mod carriers;
#[cfg(test)]
mod erps;
#[cfg(test)]
mod fedex;
#[cfg(test)]
mod fusion;
#[cfg(test)]
mod netsuite;
#[cfg(test)]
mod netsuite_desk;
#[cfg(test)]
mod peoplesoft;
#[cfg(test)]
mod shipstation;
#[cfg(test)]
mod ups;

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The connection ends before anything has happened.
    LostBefore,
    /// It happens; the answer is lost.
    LostAfter,
    /// It happens; the answer says that the server failed.
    FailedAfter,
    /// It happens; the answer cannot be read.
    Unreadable,
    /// A gateway's page instead of an answer; nothing happens.
    Gateway,
    /// Too many requests, come back in so many seconds.
    Busy(Option<u64>),
    /// Whatever token is sent, it is refused.
    Unauthorised,
    /// The tokens given out so far have ended.
    TokenEnded,
}

carriers::suite!(with_ups: crate::ups::Ups);
carriers::suite!(with_fedex: crate::fedex::FedEx);
erps::suite!(with_netsuite: crate::netsuite::NetSuite);
erps::suite!(with_fusion: crate::fusion::Fusion);
erps::suite!(with_peoplesoft: crate::peoplesoft::PeopleSoft);
