//! Carries the pushes to Waybill over HTTP: once, with ten seconds' patience.

use std::time::Duration;

use super::{FedEx, Push, PushOutcome};
use crate::carriers::post::{client, described};

/// Sends what is due again and again, one push after the other, and notes in the books how each ended. Runs until it is
/// dropped.
pub async fn courier(fedex: FedEx, every: Duration) {
    let Some(http) = client() else { return };
    loop {
        for push in fedex.due_pushes() {
            let outcome = send(&http, &push).await.unwrap_or_else(PushOutcome::Failed);
            fedex.record_push(&push, outcome);
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
