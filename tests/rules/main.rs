//! The rules of the project's own text: who may know whom, which promises are shown, what a function is made of.
//!
//! Each rule is a function from sources to what breaks it, and is shown to find what it is there for.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod members;
#[cfg(test)]
mod modules;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod sources;
