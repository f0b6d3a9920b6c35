//! PeopleSoft FSCM: purchase orders and requisitions that wait to be shipped, and a record of the customer's own in which it
//! stands that they were.
//!
//! Follows Oracle's PeopleBooks (PeopleTools 8.63: Query Access Services, `QAS_EXECUTEQRY_REST_GET`; Integration Broker's REST
//! listening connector) on <https://docs.oracle.com>; where live systems differ from them, what live systems do.
//! A PeopleSoft offers nothing until its customer has built and activated it: the queries are ours to name
//! (`examples/peoplesoft/queries.toml`, in code `queries`), the service that writes is the customer's (`service`).
//!
//! Quirks that shape the code:
//! - Live addresses end in two segments and a flag that the documents spell otherwise (`/JSON/NONFILE`, `json_resp=true`).
//! - Prompts are two lists with commas, so that a value with a comma cannot be asked for. A prompt that is misspelt may give no
//!   rows, or all of them: rows are held against what was asked, and `check` asks for what cannot be.
//! - There are no pages and rows may be cut off silently: a scan goes on behind the last key until nothing more comes.
//! - Times are those of the database server's clock on the wall, without an offset.
//! - Rows carry a correlation (`A.PO_ID`) or not, codes or their long names, numbers or texts; nothing is one blank.
//! - Ids keep their leading zeros. Items, vendors and locations belong to a set (SETID) that the document's rows name, and
//!   have a row for each effective date; the newest that is not yet to come decides, also where it closes.
//! - Countries have three letters.
//! - Errors come inside a 200 (`IBResponse`), as a page of the web server, or as an empty 500.
//! - A password that is wrong a few times locks the user: nothing is repeated after a 401.

mod account;
mod check;
mod client;
mod convert;
mod credentials;
mod needs;
mod options;
mod queries;
mod reading;
mod service;
mod wire;
mod writing;

pub use account::mistakes;
pub use client::PeopleSoft;
pub use credentials::check_secret;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
