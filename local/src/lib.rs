//! The whole deployment on one machine: the project's own SAM template on MiniStack, an AWS emulator.
//!
//! In reading order: [`prerequisites`] says what the machine lacks, [`venv`] installs MiniStack, [`functions`] builds and
//! zips the Lambda functions, [`ministack`] runs the emulator, [`deploy`] creates the stack from `infra/template.yaml`, which [`template`] reads, and
//! [`stack`] puts these together: up, down, status. [`place`] knows the folders, [`aws`] the emulator's clients,
//! [`progress`] tells a person what happens, [`failure`] what went wrong.
//!
//! The demo: [`outside`] runs the simulated systems, of which each ERP is a [`pairing`] with its people and a [`carrier`],
//! [`operator`] the `waybill` command; [`mishaps`] befall the carriers, [`books`] say what came of it, [`counts`] what it took, and [`table`] shows it; [`chaos`] kills functions
//! meanwhile, and [`confidential`] says what the functions' logs must not hold. [`visit`] opens links as a browser does, [`play`] lets a person be the people.
//!
//! `local/README.md` says what the emulator cannot do like AWS.

pub mod aws;
pub mod books;
pub mod carrier;
pub mod chaos;
pub mod confidential;
pub mod counts;
pub mod deploy;
pub mod failure;
pub mod functions;
pub mod ministack;
pub mod mishaps;
pub mod operator;
pub mod outside;
pub mod pairing;
pub mod place;
pub mod play;
pub mod prerequisites;
pub mod progress;
pub mod signals;
pub mod stack;
pub mod table;
pub mod template;
pub mod venv;
pub mod visit;
