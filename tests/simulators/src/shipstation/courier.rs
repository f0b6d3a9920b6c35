//! Carries the notices to Waybill over HTTP, with ten seconds' patience.

use std::time::Duration;

use super::{Push, PushOutcome, ShipStation};
use crate::carriers::post::{client, described};

/// Sends what is due again and again, one notice after the other, and notes in the books how each ended. Runs until it
/// is dropped.
pub async fn courier(shipstation: ShipStation, every: Duration) {
    let Some(http) = client() else { return };
    loop {
        for push in shipstation.due_pushes() {
            let outcome = send(&http, &push).await.unwrap_or_else(PushOutcome::Failed);
            shipstation.record_push(&push, outcome);
        }
        tokio::time::sleep(every).await;
    }
}

async fn send(http: &reqwest::Client, push: &Push) -> Result<PushOutcome, String> {
    let mut request = http.post(&push.url).body(push.body.clone());
    for (name, value) in &push.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(described)?;
    Ok(PushOutcome::Answered(answer.status().as_u16()))
}
