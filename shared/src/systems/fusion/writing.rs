//! Changing an order: one change order, which is submitted, or deleted when Fusion does not take it.
//!
//! What stands in force is looked at first, then the draft. A change order that changes nothing but our own fields is ours,
//! whoever of us began it: it is brought to what is wanted now and submitted, or deleted where nothing is wanted. Any other
//! belongs to a buyer and is waited for, never submitted and never deleted. What was sent proves nothing: before it is
//! submitted, the draft must show it.

use std::time::Duration;

use serde_json::Value;

use super::client::Fusion;
use super::convert::{Change, Own, Plan, Request, Stand, Whose, whose};
use super::standing::Acted;
use crate::domain::Refusal;
use crate::ports::{CallError, EffectError, Later, Obstacle, Permit};
use crate::systems::writing::before_writing;

/// When a buyer's change order, or one that waits for an approver, is looked at again.
const BUYERS_TIME: Duration = Duration::from_secs(15 * 60);

/// When another write of ours on the same order is through.
const OUR_TIME: Duration = Duration::from_secs(3);

/// How often a draft may go on not showing what was written into it.
const FRUITLESS: u8 = 2;

/// Where a change begins.
pub(super) enum Footing {
    /// It stands in force already.
    InForce,
    /// It stands in a change order that was submitted.
    Waiting,
    /// A change order of ours stands that was not submitted.
    Ours(Box<Begun>),
    /// A change order of ours was refused by an approver; `wanted` says whether it is the one that is wanted now.
    Rejected { draft: Box<Stand>, wanted: bool },
    /// What is in the way.
    Theirs(Later),
    /// Nothing is in the way.
    Free { in_force: Box<Stand>, draft: Box<Stand> },
}

/// A change order of ours that was not submitted.
pub(super) struct Begun {
    in_force: Stand,
    draft: Stand,
    /// What it changes.
    fields: std::collections::BTreeSet<String>,
}

/// Why a round of writing ended early.
enum Halt {
    /// Fusion has taken nothing more, because what was read before has changed.
    Stale,
    Failed(EffectError),
}

/// How far an attempt has come.
#[derive(Default)]
struct Attempt {
    /// Whether it has written something.
    wrote: bool,
    /// Whether the change order was there before, and ours.
    adopted: bool,
    /// Whether the first write could not say upon what it was based.
    unguarded: bool,
}

impl Fusion {
    /// Where a change begins.
    pub(super) async fn footing(&self, plan: &Plan) -> Result<Footing, CallError> {
        let wish = &plan.wish;
        let in_force = self.in_force(plan).await?;
        let shown = in_force.shows(wish);
        let Some(draft) = self.listed_draft(plan).await? else {
            let draft = in_force.clone().for_draft(&self.drafts(), &plan.order);
            return Ok(if shown { Footing::InForce } else { free(in_force, draft) });
        };
        match draft.change {
            Change::None | Change::Waiting if shown && wish.has_numbers() => Ok(Footing::InForce),
            Change::None if shown => Ok(Footing::InForce),
            // Some pods do not say in the draft's status that somebody is changing it.
            Change::None if draft.shows(wish) => self.begun(plan, in_force, draft).await,
            Change::None => Ok(free(in_force, draft)),
            Change::Waiting if draft.shows(wish) => Ok(if shown { Footing::InForce } else { Footing::Waiting }),
            Change::Waiting => Ok(Footing::Theirs(approval_in_the_way())),
            Change::Incomplete | Change::Rejected => self.begun(plan, in_force, draft).await,
        }
    }

    /// Whose the change order is that stands there, and what that means.
    async fn begun(&self, plan: &Plan, in_force: Stand, draft: Stand) -> Result<Footing, CallError> {
        let in_force = self.with_all_flexfields(in_force).await?;
        let draft = self.with_all_flexfields(draft).await?;
        Ok(match whose(&in_force, &draft, &self.own()) {
            Whose::Buyers { .. } if in_force.shows(&plan.wish) => Footing::InForce,
            Whose::Buyers { what } => Footing::Theirs(buyer_in_the_way(&what)),
            Whose::Ours { .. } if draft.change == Change::Rejected => Footing::Rejected {
                wanted: draft.shows(&plan.wish) && !in_force.shows(&plan.wish),
                draft: Box::new(draft),
            },
            Whose::Ours { fields } => Footing::Ours(Box::new(Begun {
                in_force,
                draft,
                fields,
            })),
        })
    }

    /// The fields that the connection names as ours.
    fn own(&self) -> Own {
        let segments = super::account::named(&self.policy.fields);
        Own {
            segments: segments.into_iter().map(|(_, field)| field.to_owned()).collect(),
            note: self.policy.note.clone(),
            context: self.settings.options.flex_context.clone(),
        }
    }

    /// Makes the change, unless it is there.
    pub(super) async fn carry_out(&self, plan: &Plan, permit: Option<Permit>) -> Result<(), EffectError> {
        match self.footing(plan).await.map_err(before_writing)? {
            Footing::InForce | Footing::Waiting => Ok(()),
            Footing::Theirs(later) => Err(EffectError::NotSent(later)),
            Footing::Rejected { draft, wanted } => Err(self.rejected(&draft, wanted, permit).await),
            Footing::Ours(begun) => self.finish(plan, *begun, permit).await,
            Footing::Free { in_force, draft } => self.change(plan, &in_force, *draft, Attempt::default(), permit).await,
        }
    }

    /// Whether the order shows that a delivery came to an end, which a second shipment makes untrue.
    pub(super) async fn takes_back_an_end(&self, plan: &Plan) -> Result<bool, EffectError> {
        let Some(field) = self.policy.fields.status.as_deref() else {
            return Ok(false);
        };
        let in_force = self.in_force(plan).await.map_err(before_writing)?;
        let mut said = in_force.all_said(&plan.wish, field);
        Ok(said.any(|text| super::client::says_end(&text)))
    }

    /// An approver has said no. What was refused is taken away, for it would lock the order, and is not submitted again.
    async fn rejected(&self, draft: &Stand, wanted: bool, permit: Option<Permit>) -> EffectError {
        match self.delete(draft, permit).await {
            Ok(()) if wanted => {
                let words = "an approver in Fusion has rejected the change order that carries this; it has been deleted: ask the \
                             approver, or let change orders of the integration's user pass, and then try again";
                EffectError::Rejected(Refusal::new("change-order-rejected", words))
            }
            Ok(()) => EffectError::NotSent(soon(
                "an approver in Fusion has rejected an earlier change order of ours; it has been deleted, and this one follows",
            )),
            Err(error) => error,
        }
    }

    /// Brings a change order of ours to what is wanted now.
    async fn finish(&self, plan: &Plan, begun: Begun, permit: Option<Permit>) -> Result<(), EffectError> {
        let Begun {
            in_force,
            draft,
            fields,
        } = begun;
        let wish = &plan.wish;
        let about = wish.fields();
        let nothing_else = fields.iter().all(|field| about.contains(field.as_str()));
        if in_force.shows(wish) && !draft.shows(wish) && nothing_else {
            return self.delete_if_ours(plan, permit).await;
        }
        let attempt = Attempt {
            adopted: true,
            ..Attempt::default()
        };
        let plan = self.without_old_problem(plan, &in_force, &fields);
        self.change(&plan, &in_force, draft, attempt, permit).await
    }

    /// A problem that never came into force is no longer one, unless it is what is wanted.
    fn without_old_problem(&self, plan: &Plan, in_force: &Stand, fields: &std::collections::BTreeSet<String>) -> Plan {
        let mut plan = plan.clone();
        if let Some(field) = self.policy.fields.problem.as_deref()
            && fields.contains(field)
            && plan.wish.has_segments()
        {
            plan.wish = plan.wish.with_reset(field, in_force.said(field).unwrap_or(Value::Null));
        }
        plan
    }

    /// Writes what does not stand in the draft yet, until the draft shows it, and submits.
    async fn change(
        &self,
        plan: &Plan,
        in_force: &Stand,
        mut stand: Stand,
        mut attempt: Attempt,
        permit: Option<Permit>,
    ) -> Result<(), EffectError> {
        let (mut stale, mut fruitless, mut open) = (false, 0, usize::MAX);
        loop {
            let requests = match stand.requests(&plan.wish) {
                Ok(requests) if requests.is_empty() => break,
                Ok(requests) => requests,
                Err(refusal) => {
                    return Err(self
                        .failed(EffectError::Rejected(refusal), plan, &stand, &attempt, permit)
                        .await);
                }
            };
            fruitless = if requests.len() < open { 0 } else { fruitless + 1 };
            open = requests.len();
            if fruitless >= FRUITLESS {
                return Err(self.failed(not_shown(), plan, &stand, &attempt, permit).await);
            }
            let (written, halt) = self.put_all(&requests, &mut attempt, permit).await;
            match halt {
                None => stale = false,
                Some(Halt::Failed(error)) => return Err(self.failed(error, plan, &stand, &attempt, permit).await),
                Some(Halt::Stale) if stale && written == 0 => {
                    let error = EffectError::NotSent(soon("somebody changes the order at this moment"));
                    return Err(self.failed(error, plan, &stand, &attempt, permit).await);
                }
                Some(Halt::Stale) => (stale, open) = (true, usize::MAX),
            }
            stand = self.draft_again(plan).await.map_err(|error| match attempt.wrote {
                true => not_submitted(error),
                false => before_writing(error),
            })?;
            if let Some(error) = self.meanwhile(in_force, &stand, &attempt) {
                return Err(error);
            }
        }
        self.submitted(plan, &stand, &attempt, permit).await
    }

    /// What somebody else has begun since the order was looked at.
    fn meanwhile(&self, in_force: &Stand, stand: &Stand, attempt: &Attempt) -> Option<EffectError> {
        let untouched = !attempt.wrote && !attempt.adopted && stand.change != Change::None;
        let mixed = attempt.wrote && attempt.unguarded && stand.change == Change::Incomplete;
        if !untouched && !mixed {
            return None;
        }
        match (whose(in_force, stand, &self.own()), untouched) {
            _ if untouched && stand.change == Change::Waiting => Some(EffectError::NotSent(approval_in_the_way())),
            (Whose::Ours { .. }, true) => Some(EffectError::NotSent(soon(
                "another write of ours to this order is under way: this one follows",
            ))),
            (Whose::Ours { .. }, false) => None,
            (Whose::Buyers { what }, true) => Some(EffectError::NotSent(buyer_in_the_way(&what))),
            (Whose::Buyers { what }, false) => Some(EffectError::Unknown(format!(
                "what was written stands in a change order that a buyer has begun ({what}): it is in force once the buyer submits \
                 that"
            ))),
        }
    }

    /// Sends requests until one fails. After the first write of an attempt the order is read again, because that may have made
    /// another item of it.
    async fn put_all(
        &self,
        requests: &[Request],
        attempt: &mut Attempt,
        permit: Option<Permit>,
    ) -> (usize, Option<Halt>) {
        let mut written = 0;
        for request in requests {
            match self.put(request, permit).await {
                Ok(true) => written += 1,
                Ok(false) => return (written, Some(Halt::Stale)),
                Err(error) => return (written, Some(Halt::Failed(error))),
            }
            if !attempt.wrote {
                attempt.wrote = true;
                attempt.unguarded = request.etag.is_none();
                break;
            }
        }
        (written, None)
    }

    /// Submits. Whatever Fusion says of that: what stands there afterwards tells whether it is done.
    async fn submitted(
        &self,
        plan: &Plan,
        stand: &Stand,
        attempt: &Attempt,
        permit: Option<Permit>,
    ) -> Result<(), EffectError> {
        let error = match self.submit(stand, permit).await {
            Ok(Acted::Done) => return Ok(()),
            Ok(Acted::Unsaid) => EffectError::Unknown("the submission was answered without a result".to_owned()),
            Err(EffectError::Rejected(refusal)) => EffectError::Rejected(refusal),
            Err(error) => return Err(self.failed(error, plan, stand, attempt, permit).await),
        };
        // Another worker of ours may have submitted it with its own.
        match self.footing(plan).await {
            Ok(Footing::InForce | Footing::Waiting) => Ok(()),
            _ => Err(self.failed(error, plan, stand, attempt, permit).await),
        }
    }

    /// What a failure means once a change order of ours stands: it is deleted, because it would lock the order.
    async fn failed(
        &self,
        error: EffectError,
        plan: &Plan,
        stand: &Stand,
        attempt: &Attempt,
        permit: Option<Permit>,
    ) -> EffectError {
        let made = attempt.wrote && !attempt.adopted && !attempt.unguarded;
        let deleted = match &error {
            EffectError::Rejected(_) if made => self.delete(stand, permit).await,
            EffectError::Rejected(_) if attempt.wrote || attempt.adopted => self.delete_if_ours(plan, permit).await,
            _ => Ok(()),
        };
        match (error, deleted) {
            (EffectError::Rejected(refusal), Err(error)) => EffectError::Unknown(format!(
                "Fusion refused the change ({refusal}), and the change order that was begun for it still stands ({error}): delete \
                 it in Fusion if it stays"
            )),
            (EffectError::NotSent(later), _) if attempt.wrote => {
                EffectError::Unknown(format!("a change order was made and is not submitted yet: {later}"))
            }
            (error, _) => error,
        }
    }

    /// Deletes a change order that is still ours and not submitted, as it stands at this moment.
    async fn delete_if_ours(&self, plan: &Plan, permit: Option<Permit>) -> Result<(), EffectError> {
        match self.footing(plan).await.map_err(not_submitted)? {
            Footing::Ours(begun) => self.delete(&begun.draft, permit).await,
            Footing::Rejected { draft, .. } => self.delete(&draft, permit).await,
            Footing::InForce | Footing::Waiting | Footing::Theirs(_) | Footing::Free { .. } => Ok(()),
        }
    }
}

fn free(in_force: Stand, draft: Stand) -> Footing {
    Footing::Free {
        in_force: Box::new(in_force),
        draft: Box::new(draft),
    }
}

fn approval_in_the_way() -> Later {
    Later {
        reason: "another change order of this order waits for approval: ours comes after it".to_owned(),
        after: Some(BUYERS_TIME),
        obstacle: Obstacle::Unreachable,
    }
}

fn buyer_in_the_way(what: &str) -> Later {
    Later {
        reason: format!(
            "a buyer has begun a change order of this order ({what}): ours comes once that one is submitted or deleted"
        ),
        after: Some(BUYERS_TIME),
        obstacle: Obstacle::Unreachable,
    }
}

fn soon(words: &str) -> Later {
    Later {
        reason: words.to_owned(),
        after: Some(OUR_TIME),
        obstacle: Obstacle::Unreachable,
    }
}

fn not_shown() -> EffectError {
    let words = "Fusion takes what is written and its draft does not show it: see with `waybill connection check` whether the \
                 segments take these values as they are";
    EffectError::Rejected(Refusal::new("draft-does-not-show", words))
}

/// A failure to read after something was written.
fn not_submitted(error: CallError) -> EffectError {
    EffectError::Unknown(format!("a change order was made and is not submitted yet: {error}"))
}

/// What is repeated until it is there.
pub(super) fn as_call_error(error: EffectError) -> CallError {
    match error {
        EffectError::Rejected(refusal) => CallError::Refused(refusal),
        EffectError::NotSent(later) => CallError::Later(later),
        EffectError::Unknown(reason) => CallError::Later(Later::new(Obstacle::Unreachable, reason)),
    }
}
