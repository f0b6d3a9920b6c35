//! Changing an order: one change order, which is submitted, or deleted when Fusion does not take it.
//!
//! What stands in force is looked at first, then the draft. A change order that carries our own tracking numbers is ours and
//! is only submitted; any other belongs to a buyer and is waited for, never submitted and never deleted.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::client::Fusion;
use super::convert::{self, Change, Flex, Plan, Request, Row, Stand};
use super::query;
use super::wire::{ActionResult, Page, PurchaseOrder};
use crate::domain::Refusal;
use crate::http as web;
use crate::ports::{CallError, EffectError, Later, Obstacle, Permit};

const ITEM: &str = "application/vnd.oracle.adf.resourceitem+json";
const ACTION: &str = "application/vnd.oracle.adf.action+json";

/// When a buyer's change order is looked at again.
const BUYERS_TIME: Duration = Duration::from_secs(15 * 60);

/// Where a change begins.
pub(super) enum Footing {
    /// It stands in force already.
    InForce,
    /// It stands in a change order that was submitted.
    Waiting,
    /// It stands, or a part of it, in a change order of ours that was not submitted.
    Ours(Stand),
    /// A change order of somebody else is in the way.
    Theirs(Stand),
    /// Nothing is in the way.
    Free(Stand),
}

/// Fusion has taken nothing, because what was read before has changed.
struct Stale;

impl Fusion {
    /// Where a change begins.
    pub(super) async fn footing(&self, plan: &Plan) -> Result<Footing, CallError> {
        let wish = &plan.wish;
        let in_force = self.in_force(plan).await?;
        let shown = in_force.shows(wish);
        if shown && wish.has_numbers() {
            return Ok(Footing::InForce);
        }
        let draft = self.draft_of(plan, in_force).await?;
        Ok(match draft.change {
            Change::Waiting if draft.shows(wish) => Footing::Waiting,
            Change::Waiting => Footing::Theirs(draft),
            _ if shown => Footing::InForce,
            Change::Incomplete if draft.shows(wish) || draft.shows_some(wish) => Footing::Ours(draft),
            Change::Incomplete => Footing::Theirs(draft),
            Change::None => Footing::Free(draft),
        })
    }

    /// Makes the change, unless it is there.
    pub(super) async fn carry_out(&self, plan: &Plan, permit: Option<Permit>) -> Result<(), EffectError> {
        match self.footing(plan).await.map_err(before_writing)? {
            Footing::InForce | Footing::Waiting => Ok(()),
            Footing::Theirs(stand) => Err(EffectError::NotSent(in_the_way(stand.change))),
            Footing::Ours(stand) => self.change(plan, stand, true, permit).await,
            Footing::Free(stand) => self.change(plan, stand, false, permit).await,
        }
    }

    /// Writes what does not stand in the draft yet, and submits. `ours` says whether a change order of ours stands already.
    async fn change(
        &self,
        plan: &Plan,
        mut stand: Stand,
        ours: bool,
        permit: Option<Permit>,
    ) -> Result<(), EffectError> {
        let (mut made, mut done, mut stale) = (false, BTreeSet::new(), false);
        loop {
            let requests = stand.requests(&plan.wish).map_err(EffectError::Rejected);
            let requests = match requests {
                Ok(requests) => requests,
                Err(error) => return Err(self.failed(error, &stand, made, ours, permit).await),
            };
            let Some(request) = requests.into_iter().find(|request| !done.contains(&request.of)) else {
                break;
            };
            match self.put(&request, permit).await {
                Ok(Ok(())) => {
                    done.insert(request.of);
                    stale = false;
                    // The first write may have made another item of the order.
                    if !made {
                        made = true;
                        stand = self.draft_again(plan).await.map_err(not_submitted)?;
                    }
                }
                Ok(Err(Stale)) if !stale => {
                    stale = true;
                    stand = self.draft_again(plan).await.map_err(|error| match made {
                        true => not_submitted(error),
                        false => before_writing(error),
                    })?;
                    if stand.change != Change::None && !made && !ours {
                        return Err(EffectError::NotSent(in_the_way(stand.change)));
                    }
                }
                Ok(Err(Stale)) => {
                    let later = Later::new(Obstacle::Unreachable, "somebody changes the order at this moment");
                    return Err(self
                        .failed(EffectError::NotSent(later), &stand, made, ours, permit)
                        .await);
                }
                Err(error) => return Err(self.failed(error, &stand, made, ours, permit).await),
            }
        }
        match self.submit(&stand, permit).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(error, &stand, made, ours || made, permit).await),
        }
    }

    /// What a failure means once a change order of ours stands: it is deleted, because it would lock the order.
    async fn failed(
        &self,
        error: EffectError,
        stand: &Stand,
        made: bool,
        ours: bool,
        permit: Option<Permit>,
    ) -> EffectError {
        match error {
            EffectError::Rejected(refusal) if made || ours => match self.delete(stand, permit).await {
                Ok(()) => EffectError::Rejected(refusal),
                Err(error) => EffectError::Unknown(format!(
                    "Fusion refused the change ({refusal}), and the change order that was begun for it still stands ({error}): \
                     delete it in Fusion if it stays"
                )),
            },
            EffectError::NotSent(later) if made => {
                EffectError::Unknown(format!("a change order was made and is not submitted yet: {later}"))
            }
            other => other,
        }
    }

    async fn put(&self, request: &Request, permit: Option<Permit>) -> Result<Result<(), Stale>, EffectError> {
        let method = if request.create { Method::POST } else { Method::PATCH };
        let mut call = self
            .call("change-order", method, request.path.clone())
            .text(ITEM, request.body.to_string());
        if let Some(etag) = &request.etag {
            call = call.header("if-match", etag.clone());
        }
        let result = self.send(&call, permit).await;
        if result.as_ref().is_ok_and(|answer| answer.status == 412) {
            return Ok(Err(Stale));
        }
        web::effect(result, convert::envelope).map(|_| Ok(()))
    }

    async fn submit(&self, stand: &Stand, permit: Option<Permit>) -> Result<(), EffectError> {
        let orders = &self.settings.options.change_orders;
        let body = match &orders.bypass {
            Some(parameter) => json!({ parameter: "true" }),
            None => json!({}),
        };
        let path = format!("{}/action/{}", stand.path, orders.submit);
        self.act("submit", path, &body, permit).await
    }

    async fn delete(&self, stand: &Stand, permit: Option<Permit>) -> Result<(), EffectError> {
        let path = format!("{}/action/{}", stand.path, self.settings.options.change_orders.delete);
        self.act("delete-change-order", path, &json!({}), permit).await
    }

    /// An action says in its result what came of it, whatever its status.
    async fn act(
        &self,
        operation: &'static str,
        path: String,
        body: &serde_json::Value,
        permit: Option<Permit>,
    ) -> Result<(), EffectError> {
        let call = self.call(operation, Method::POST, path).text(ACTION, body.to_string());
        let answer = web::effect(self.send(&call, permit).await, convert::envelope)?;
        let result: Option<ActionResult> = serde_json::from_slice(&answer.body).ok();
        match result.and_then(|result| result.result) {
            Some(result) if result.eq_ignore_ascii_case("SUCCESS") => Ok(()),
            Some(result) => {
                let words: String = result.chars().take(300).collect();
                Err(EffectError::Rejected(Refusal::new(
                    "action-failed",
                    format!("{operation}: {words}"),
                )))
            }
            None => Err(EffectError::Unknown(format!(
                "{operation} was answered without a result"
            ))),
        }
    }

    // ---- how the order stands ------------------------------------------------------------------------------------

    async fn in_force(&self, plan: &Plan) -> Result<Stand, CallError> {
        let resource = self.resource("purchaseOrders");
        let rows = self.rows(&resource, plan).await?;
        let gone = || {
            CallError::Refused(Refusal::new(
                "order-gone",
                "the order is no longer to be seen in Fusion",
            ))
        };
        let row = rows.into_iter().next().ok_or_else(gone)?;
        self.stand(&resource, row, plan).await
    }

    /// The order's draft. Where the pod lists none until there is a change order, the order's id leads to it.
    async fn draft_of(&self, plan: &Plan, in_force: Stand) -> Result<Stand, CallError> {
        match self.listed_draft(plan).await? {
            Some(stand) => Ok(stand),
            None => Ok(in_force.for_draft(&self.resource("draftPurchaseOrders"), &plan.order)),
        }
    }

    async fn draft_again(&self, plan: &Plan) -> Result<Stand, CallError> {
        match self.listed_draft(plan).await? {
            Some(stand) => Ok(stand),
            None => {
                let in_force = self.in_force(plan).await?;
                Ok(in_force.for_draft(&self.resource("draftPurchaseOrders"), &plan.order))
            }
        }
    }

    async fn listed_draft(&self, plan: &Plan) -> Result<Option<Stand>, CallError> {
        let resource = self.resource("draftPurchaseOrders");
        match convert::most_urgent(self.rows(&resource, plan).await?) {
            Some(row) => self.stand(&resource, row, plan).await.map(Some),
            None => Ok(None),
        }
    }

    async fn rows(&self, resource: &str, plan: &Plan) -> Result<Vec<PurchaseOrder>, CallError> {
        let filter = format!("POHeaderId = {}", query::id(&plan.order).map_err(CallError::Refused)?);
        let mut parameters = vec![("q", filter.as_str()), ("limit", "25")];
        if plan.wish.has_segments() && plan.level == super::options::Level::Schedule {
            parameters.push(("expand", "lines.schedules"));
        }
        let page: Page<PurchaseOrder> = self.page("order-standing", query::path(resource, &parameters)).await?;
        Ok(page.items)
    }

    async fn stand(&self, resource: &str, row: PurchaseOrder, plan: &Plan) -> Result<Stand, CallError> {
        let row = self.completed(resource, row).await?;
        let mut stand = Stand::of(resource, &row, plan).map_err(CallError::Refused)?;
        for place in stand.places(&row, plan).map_err(CallError::Refused)? {
            let rows = self.flex_rows(&place.path).await?;
            stand.flexes.push(Flex {
                row: rows.into_iter().next().map(|segments| Row::of(segments, &place.owner)),
                path: place.path,
            });
        }
        if stand.etag.is_none() && resource.ends_with("draftPurchaseOrders") {
            stand.etag = self.etag_of(&stand.path).await?;
        }
        Ok(stand)
    }

    /// The state of an item whose link does not say it.
    async fn etag_of(&self, path: &str) -> Result<Option<String>, CallError> {
        let path = query::path(path, &[("fields", "POHeaderId")]);
        match self.ask(&self.call("order-state", Method::GET, path)).await {
            Ok(answer) => Ok(answer.header("etag").map(str::to_owned)),
            Err(CallError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn in_the_way(change: Change) -> Later {
    let words = match change {
        Change::Waiting => "another change order of this order waits for approval: ours comes after it",
        Change::Incomplete | Change::None => {
            "a buyer has begun a change order of this order: ours comes once that one is submitted or deleted"
        }
    };
    Later {
        reason: words.to_owned(),
        after: Some(BUYERS_TIME),
        obstacle: Obstacle::Unreachable,
    }
}

/// A failure before anything was written.
fn before_writing(error: CallError) -> EffectError {
    match error {
        CallError::Later(later) => EffectError::NotSent(later),
        CallError::Refused(refusal) => EffectError::Rejected(refusal),
    }
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
