//! A desk is told to push to a hook of ours, to another address of it, or to push no more.
//!
//! Whatever the desk pushes to others stays as it is. What it pushes to us already is left, so that saying it twice changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

use crate::domain::Refusal;
use crate::ports::{CallError, DeskEvent, DeskPush, Finding, Hook, ShippingDesk};

/// The addresses of a hook: the one that stands, and those that were before it. Of these only digests are known.
#[derive(Debug, Clone)]
pub struct OwnAddresses {
    below: String,
    digests: BTreeSet<String>,
}

impl OwnAddresses {
    /// Those of these hooks, below the public base address of our own API.
    pub fn of<'a>(api: &str, hooks: impl IntoIterator<Item = &'a Hook>) -> Self {
        Self {
            below: format!("{}/hooks/", api.trim_end_matches('/')),
            digests: hooks.into_iter().map(|hook| hook.digest.clone()).collect(),
        }
    }

    /// Whether nobody has made a hook.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    fn has(&self, push: &DeskPush) -> bool {
        let id = push.address.expose_secret().trim().strip_prefix(&self.below);
        id.is_some_and(|id| self.digests.contains(&Hook::digest_of(id)))
    }
}

/// What became of an event that a desk is to push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// It was pushed there already.
    Stands,
    /// It was, of one store: that is how somebody wants it.
    StandsFor(String),
    /// It is pushed there from now on.
    Told,
    /// It was pushed to an earlier address of ours, and is pushed there from now on.
    Moved,
    /// It is pushed to us no more.
    Ended,
    /// It could not be said now; why. Said again, it may be done.
    NotNow(String),
    /// The desk does not do it; why.
    Failed(String),
}

/// An event, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The desk's own word.
    pub event: String,
    /// What became of it.
    pub done: Done,
}

impl Outcome {
    /// Whether it is as it was wanted.
    pub fn is_done(&self) -> bool {
        !matches!(self.done, Done::Failed(_) | Done::NotNow(_))
    }

    /// Whether it may be done if it is said again.
    pub fn is_put_off(&self) -> bool {
        matches!(self.done, Done::NotNow(_))
    }

    /// In a line, without any address.
    pub fn in_words(&self) -> String {
        let event = &self.event;
        match &self.done {
            Done::Stands => format!("{event}: registered already"),
            Done::StandsFor(store) => format!("{event}: registered already, for the store {store} alone"),
            Done::Told => format!("{event}: registered"),
            Done::Moved => format!("{event}: moved to the new address"),
            Done::Ended => format!("{event}: taken away"),
            Done::NotNow(why) => format!("{event}: NOT done yet, {why}"),
            Done::Failed(why) => format!("{event}: NOT done, {why}"),
        }
    }
}

/// Has a desk push everything that it should to an address of ours; what led to an earlier one is moved.
///
/// # Errors
/// Where the desk does not say what it pushes: then nothing was changed.
pub async fn register(
    desk: &dyn ShippingDesk,
    own: &OwnAddresses,
    address: &SecretString,
) -> Result<Vec<Outcome>, CallError> {
    let there = desk.pushes().await?;
    let mut outcomes = Vec::new();
    for event in desk.pushable() {
        let ours: Vec<&DeskPush> = there
            .iter()
            .filter(|push| is_of(push, event) && own.has(push))
            .collect();
        let done = match lead_here(desk, event, &ours, address).await {
            Ok(done) => done,
            Err(CallError::Later(later)) => Done::NotNow(later.to_string()),
            Err(CallError::Refused(refusal)) => Done::Failed(refused(&refusal, event, &there, own)),
        };
        let event = event.name.to_owned();
        outcomes.push(Outcome { event, done });
    }
    Ok(outcomes)
}

fn is_of(push: &DeskPush, event: &DeskEvent) -> bool {
    push.event.eq_ignore_ascii_case(event.name)
}

fn leads_to(push: &DeskPush, address: &SecretString) -> bool {
    push.address.expose_secret().trim() == address.expose_secret()
}

/// Has an event pushed to the address. Somebody may want it of some stores only, and then has said so at the desk: that stays.
async fn lead_here(
    desk: &dyn ShippingDesk,
    event: &DeskEvent,
    ours: &[&DeskPush],
    address: &SecretString,
) -> Result<Done, CallError> {
    let mut stores: BTreeSet<Option<&str>> = BTreeSet::new();
    let (mut left_over, mut moved) = (Vec::new(), false);
    let (on, off): (Vec<&DeskPush>, Vec<&DeskPush>) = ours.iter().partition(|push| push.on);
    let (here, earlier): (Vec<&DeskPush>, Vec<&DeskPush>) = on.into_iter().partition(|push| leads_to(push, address));
    for push in here {
        if !stores.insert(push.store.as_deref()) {
            left_over.push(push);
        }
    }
    for push in earlier {
        if stores.insert(push.store.as_deref()) {
            desk.push_elsewhere(push, address).await?;
            moved = true;
        } else {
            left_over.push(push);
        }
    }
    // What somebody switched off would stand in the way of the same address.
    for push in off.into_iter().chain(left_over) {
        desk.push_no_more(push).await?;
    }
    if stores.is_empty() {
        return desk.push_to(event, address).await.map(|()| Done::Told);
    }
    let named: Vec<&str> = stores.iter().copied().flatten().collect();
    Ok(match (moved, stores.contains(&None)) {
        (true, _) => Done::Moved,
        (false, true) => Done::Stands,
        (false, false) => Done::StandsFor(named.join(", ")),
    })
}

/// Why the desk does not push it, and to whom it does.
fn refused(refusal: &Refusal, event: &DeskEvent, there: &[DeskPush], own: &OwnAddresses) -> String {
    let others = hosts(there.iter().filter(|push| is_of(push, event) && !own.has(push)));
    match others.is_empty() {
        true => refusal.to_string(),
        false => format!(
            "{refusal}. It is pushed to {} already: where the desk takes one address for an event, that one has to go first",
            others.into_iter().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The hosts alone: the rest of an address is secret, ours or not.
fn hosts<'a>(pushes: impl Iterator<Item = &'a DeskPush>) -> BTreeSet<String> {
    let host = |push: &DeskPush| Some(Url::parse(push.address.expose_secret()).ok()?.host_str()?.to_owned());
    pushes.filter_map(host).collect()
}

/// Has a desk push nothing to us any more, of whatever kind.
///
/// # Errors
/// Where the desk does not say what it pushes: then nothing was changed.
pub async fn end(desk: &dyn ShippingDesk, own: &OwnAddresses) -> Result<Vec<Outcome>, CallError> {
    let there = desk.pushes().await?;
    let mut ended: BTreeMap<String, Done> = BTreeMap::new();
    for push in there.iter().filter(|push| own.has(push)) {
        let done = match desk.push_no_more(push).await {
            Ok(()) => Done::Ended,
            Err(CallError::Later(later)) => Done::NotNow(later.to_string()),
            Err(CallError::Refused(refusal)) => Done::Failed(refusal.to_string()),
        };
        let known = ended.entry(push.event.clone()).or_insert_with(|| done.clone());
        if done != Done::Ended {
            *known = done;
        }
    }
    Ok(ended.into_iter().map(|(event, done)| Outcome { event, done }).collect())
}

/// Whether the desk pushes to us. Nothing is missed without, for its list is polled: it only comes later, so that nothing is wrong
/// unless somebody made a hook.
pub async fn check(desk: &dyn ShippingDesk, own: &OwnAddresses) -> Vec<Finding> {
    if desk.pushable().is_empty() {
        return Vec::new();
    }
    let there = match desk.pushes().await {
        Ok(there) => there,
        Err(error) => {
            return vec![Finding {
                what: "what the desk pushes".to_owned(),
                result: Err(error.to_string()),
            }];
        }
    };
    let findings = desk.pushable().iter().map(|event| Finding {
        what: format!("the webhook {}", event.name),
        result: is_pushed(event, &there, own),
    });
    findings.collect()
}

fn is_pushed(event: &DeskEvent, there: &[DeskPush], own: &OwnAddresses) -> Result<String, String> {
    let of_it = || there.iter().filter(|push| is_of(push, event));
    let ours = || of_it().filter(|push| own.has(push));
    let others = hosts(of_it().filter(|push| !own.has(push)));
    let beside = match others.is_empty() {
        true => String::new(),
        false => format!(
            " (it is pushed to {} too)",
            others.into_iter().collect::<Vec<_>>().join(", ")
        ),
    };
    if ours().any(|push| push.on && push.store.is_none()) {
        return Ok(format!("pushed to our hook{beside}"));
    }
    if let Some(store) = ours().filter(|push| push.on).find_map(|push| push.store.as_deref()) {
        return Ok(format!("pushed to our hook for the store {store} alone{beside}"));
    }
    let tells = event.tells;
    let off = match ours().next() {
        Some(_) => "switched off",
        None => "not pushed to us",
    };
    let words = format!(
        "{off}: {tells} are found by the poll all the same, later. `waybill hook create ID --carrier` makes a hook, and has them \
         pushed{beside}"
    );
    if own.is_empty() { Ok(words) } else { Err(words) }
}
