//! `/v2/batches`: labels that people bought together.

use axum::extract::{Path, State as Shared};
use http::StatusCode;

use super::super::ShipStation;
use super::super::answer::{Refusal, Reply, ok, read_se};
use super::super::asked::Asked;
use super::super::model::Batch;
use super::shape;

/// `GET /v2/batches`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let state = shipstation.state();
    let batches: Vec<&Batch> = state.batches.values().rev().collect();
    let shaped = |batch: &&Batch| shape::batch(asked.base(), batch);
    asked.page(
        "batches",
        ("page_size", 25),
        state.options.largest_page,
        &batches,
        shaped,
    )
}

/// `GET /v2/batches/{id}`.
pub(super) async fn get(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>, asked: Asked) -> Reply {
    let state = shipstation.state();
    let id = read_se(&id).ok_or_else(|| Refusal::invalid("invalid_identifier", "that is no id of a batch"))?;
    let batch = state.batches.get(&id);
    let batch = batch.ok_or_else(|| Refusal::empty(StatusCode::NOT_FOUND))?;
    Ok(ok(shape::batch(asked.base(), batch)))
}
