//! How an order stands, in force and as a draft, and the requests and actions on its draft.

use http::Method;
use serde_json::json;

use super::client::Fusion;
use super::convert::{self, Flex, Plan, Request, Stand};
use super::query;
use super::wire::{ActionResult, Page, PurchaseOrder};
use crate::domain::Refusal;
use crate::http as web;
use crate::ports::{CallError, EffectError, Permit};

const ITEM: &str = "application/vnd.oracle.adf.resourceitem+json";
const ACTION: &str = "application/vnd.oracle.adf.action+json";

/// What an action came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acted {
    /// Fusion says that it is done.
    Done,
    /// Fusion does not say what came of it.
    Unsaid,
}

impl Fusion {
    /// Sends a write; `false` where Fusion has taken nothing, because what was read before has changed.
    pub(super) async fn put(&self, request: &Request, permit: Option<Permit>) -> Result<bool, EffectError> {
        let method = if request.create { Method::POST } else { Method::PATCH };
        let mut call = self
            .call("change-order", method, request.path.clone())
            .text(ITEM, request.body.to_string());
        if let Some(etag) = &request.etag {
            call = call.header("if-match", etag.clone());
        }
        let result = self.send(&call, permit).await;
        if result.as_ref().is_ok_and(|answer| answer.status == 412) {
            return Ok(false);
        }
        web::effect(result, convert::envelope).map(|_| true)
    }

    pub(super) async fn submit(&self, stand: &Stand, permit: Option<Permit>) -> Result<Acted, EffectError> {
        let orders = &self.settings.options.change_orders;
        let body = match &orders.bypass {
            Some(parameter) => json!({ parameter: "true" }),
            None => json!({}),
        };
        let path = format!("{}/action/{}", stand.path, orders.submit);
        self.act("submit", path, &body, permit).await
    }

    /// Deletes a change order that was not submitted.
    pub(super) async fn delete(&self, stand: &Stand, permit: Option<Permit>) -> Result<(), EffectError> {
        let path = format!("{}/action/{}", stand.path, self.settings.options.change_orders.delete);
        match self.act("delete-change-order", path, &json!({}), permit).await? {
            Acted::Done => Ok(()),
            Acted::Unsaid => {
                let words = "the deletion of a change order was answered without a result: it is looked at again";
                Err(EffectError::Unknown(words.to_owned()))
            }
        }
    }

    /// An action says in its result what came of it, whatever its status.
    async fn act(
        &self,
        operation: &'static str,
        path: String,
        body: &serde_json::Value,
        permit: Option<Permit>,
    ) -> Result<Acted, EffectError> {
        let call = self.call(operation, Method::POST, path).text(ACTION, body.to_string());
        let answer = web::effect(self.send(&call, permit).await, convert::envelope)?;
        let result: Option<ActionResult> = serde_json::from_slice(&answer.body).ok();
        match result.and_then(|result| result.result) {
            Some(result) if result.eq_ignore_ascii_case("SUCCESS") => Ok(Acted::Done),
            Some(result) => {
                let words: String = result.chars().take(300).collect();
                Err(EffectError::Rejected(Refusal::new(
                    "action-failed",
                    format!("{operation}: {words}"),
                )))
            }
            None => Ok(Acted::Unsaid),
        }
    }

    // ---- how the order stands ------------------------------------------------------------------------------------

    pub(super) fn drafts(&self) -> String {
        self.resource("draftPurchaseOrders")
    }

    pub(super) async fn in_force(&self, plan: &Plan) -> Result<Stand, CallError> {
        let resource = self.resource("purchaseOrders");
        let rows = self.rows(&resource, &plan.order).await?;
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
    pub(super) async fn draft_again(&self, plan: &Plan) -> Result<Stand, CallError> {
        match self.listed_draft(plan).await? {
            Some(stand) => Ok(stand),
            None => {
                let in_force = self.in_force(plan).await?;
                Ok(in_force.for_draft(&self.drafts(), &plan.order))
            }
        }
    }

    pub(super) async fn listed_draft(&self, plan: &Plan) -> Result<Option<Stand>, CallError> {
        let resource = self.drafts();
        match convert::most_urgent(self.rows(&resource, &plan.order).await?) {
            Some(row) => self.stand(&resource, row, plan).await.map(Some),
            None => Ok(None),
        }
    }

    /// The rows of an order, with their lines and schedules: what a change order changes may stand in each.
    pub(super) async fn rows(&self, resource: &str, order: &str) -> Result<Vec<PurchaseOrder>, CallError> {
        let filter = format!("POHeaderId = {}", query::id(order).map_err(CallError::Refused)?);
        let parameters = [("q", filter.as_str()), ("limit", "25"), ("expand", "lines.schedules")];
        let page: Page<PurchaseOrder> = self.page("order-standing", query::path(resource, &parameters)).await?;
        Ok(page.items)
    }

    async fn stand(&self, resource: &str, row: PurchaseOrder, plan: &Plan) -> Result<Stand, CallError> {
        let row = self.completed(resource, row).await?;
        let mut stand = Stand::of(resource, &row, plan).map_err(CallError::Refused)?;
        for place in stand.places(&row, plan).map_err(CallError::Refused)? {
            stand.flexes.push(self.flex(place).await?);
        }
        if stand.etag.is_none() && resource.ends_with("draftPurchaseOrders") {
            stand.etag = self.etag_of(&stand.path).await?;
        }
        Ok(stand)
    }

    async fn flex(&self, place: convert::Place) -> Result<Flex, CallError> {
        let rows = self.flex_rows(&place.path).await?;
        Ok(Flex::of(place, rows, self.settings.options.flex_context.as_deref()))
    }

    /// The same with the flexfields that are not meant, which tell whose a change order is.
    pub(super) async fn with_all_flexfields(&self, mut stand: Stand) -> Result<Stand, CallError> {
        for place in std::mem::take(&mut stand.unread) {
            stand.beside.push(self.flex(place).await?);
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
