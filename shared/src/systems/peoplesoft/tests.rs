//! The adapter against a PeopleSoft in this process.
