//! Carries Track Alert's pushes to Waybill over HTTP, as UPS does: once, with ten seconds' patience, never again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::push::{Push, PushOutcome};
use super::{Ups, V2Hook};
use crate::carriers::post::{client, described};

/// Sends what is due again and again, one push after the other, and notes in the books how each ended. Runs until it is dropped.
pub async fn courier(ups: Ups, every: Duration) {
    let Some(http) = client() else { return };
    let mut courier = Courier {
        ups,
        http,
        tokens: BTreeMap::new(),
    };
    loop {
        for push in courier.ups.due_pushes() {
            let outcome = courier.send(&push).await.unwrap_or_else(PushOutcome::Failed);
            courier.ups.record_push(&push, outcome);
        }
        tokio::time::sleep(every).await;
    }
}

struct Courier {
    ups: Ups,
    http: reqwest::Client,
    /// Tokens with their ends, by where and by whom they were asked for.
    tokens: BTreeMap<(String, String), (String, Timestamp)>,
}

impl Courier {
    async fn send(&mut self, push: &Push) -> Result<PushOutcome, String> {
        let mut request = self.http.post(&push.url).body(push.body.clone());
        for (name, value) in &push.headers {
            request = request.header(name, value);
        }
        for (name, value) in self.authority(push.oauth.as_ref()).await? {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(described)?;
        Ok(PushOutcome::Answered(answer.status().as_u16()))
    }

    /// The headers that a token brings, if the webhook wants one.
    async fn authority(&mut self, hook: Option<&V2Hook>) -> Result<Vec<(&'static str, String)>, String> {
        let Some((hook, token_url)) = hook.and_then(|hook| Some((hook, hook.token_url.as_deref()?))) else {
            return Ok(Vec::new());
        };
        let token = self.token(hook, token_url).await?;
        let mut headers = vec![("authorization", format!("Bearer {token}"))];
        if hook.x_api_key.is_none() {
            headers.push(("x-api-key", hook.client_id.clone()));
        }
        Ok(headers)
    }

    async fn token(&mut self, hook: &V2Hook, token_url: &str) -> Result<String, String> {
        let now = self.ups.now();
        let place = (token_url.to_owned(), hook.client_id.clone());
        if let Some((token, _)) = self.tokens.get(&place).filter(|(_, end)| now < *end) {
            return Ok(token.clone());
        }
        let (token, life) = self.new_token(hook, token_url).await?;
        let end = now.saturating_add(life).unwrap_or(Timestamp::MAX);
        self.tokens.insert(place, (token.clone(), end));
        Ok(token)
    }

    async fn new_token(&self, hook: &V2Hook, token_url: &str) -> Result<(String, SignedDuration), String> {
        let request = self.http.post(token_url);
        let request = request.basic_auth(&hook.client_id, Some(&hook.client_secret));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request.body("grant_type=client_credentials").send().await;
        let answer = answer.map_err(|error| format!("no token: {}", described(error)))?;
        if !answer.status().is_success() {
            return Err(format!("no token: HTTP {}", answer.status().as_u16()));
        }
        let answer: Value = answer.json().await.map_err(|_| "no token: not JSON".to_owned())?;
        token_in(&answer).ok_or_else(|| "no token in the answer".to_owned())
    }
}

/// The token and how long it lives; one that does not say lives for this once.
fn token_in(answer: &Value) -> Option<(String, SignedDuration)> {
    let token = answer.get("access_token")?.as_str()?.to_owned();
    let life = answer.get("expires_in");
    let seconds = life.and_then(|life| life.as_i64().or_else(|| life.as_str()?.parse().ok()));
    Some((token, SignedDuration::from_secs(seconds.unwrap_or_default())))
}
