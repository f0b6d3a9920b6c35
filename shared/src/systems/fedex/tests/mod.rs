//! How Track is asked and how its answers are read, against fixtures; the calls, against a server of canned answers.

mod lookups;
mod pushed;
mod tracker;
mod tracking;
