//! Takes webhooks: who sends it is checked over the raw bytes, then it is captured, queued and answered. Nobody looks into it
//! here, so that whatever is in it cannot break anything, and the answer comes within milliseconds.
//!
//! An address that there is not and a wrong key are answered alike.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use core::net::IpAddr;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::ports::{
    Captured, Captures, Clock, Hook, HookKeys, Hooks, Inbound, Nonces, Secrets, StoreError, TrackingMessage,
    TrackingQueue, Webhooks,
};

/// The largest body that is taken, in bytes: a photograph of a delivery fits, in the form that vendors send it.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// How long a hook is remembered by a process: a rotation is noticed soon.
const REMEMBERED: SignedDuration = SignedDuration::from_secs(60);

/// When a webhook is queued again that nobody has dealt with.
const AGAIN: SignedDuration = SignedDuration::from_mins(2);

/// The ports that receiving needs.
pub struct Receive {
    /// Hooks.
    pub hooks: Arc<dyn Hooks>,
    /// What vendors' webhooks look like.
    pub webhooks: Arc<dyn Webhooks>,
    /// Their keys.
    pub secrets: Arc<dyn Secrets>,
    /// Where webhooks are captured.
    pub captures: Arc<dyn Captures>,
    /// The queue of those that were.
    pub queue: Arc<dyn TrackingQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// Hooks that were found lately.
    pub remembered: Remembered,
}

/// Hooks that were found lately, by the digest of their id, each with when it was.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<HashMap<String, (Timestamp, Hook)>>);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// A JSON document.
    pub body: String,
}

impl Reply {
    /// An answer of these words.
    pub fn says(status: u16, words: &str) -> Self {
        Self {
            status,
            body: serde_json::json!({ "message": words }).to_string(),
        }
    }

    fn unauthorised() -> Self {
        Self::says(401, "unauthorised")
    }
}

impl Receive {
    /// Takes a webhook.
    pub async fn run(&self, inbound: Inbound) -> Reply {
        if inbound.body.len() > LARGEST {
            return Reply::says(413, "too large");
        }
        let genuine = |hook: &Hook, keys: &HookKeys, now| self.webhooks.is_genuine(hook, keys, &inbound, now);
        match self.known(&inbound, genuine).await {
            Ok(Some((hook, true))) => self.keep(&hook, &inbound).await,
            Ok(_) => refused(),
            Err(error) => unavailable(&error),
        }
    }

    /// Gives a vendor the token with which it sends its webhooks.
    pub async fn token(&self, inbound: Inbound) -> Reply {
        if inbound.body.len() > LARGEST {
            return Reply::says(413, "too large");
        }
        let token = |hook: &Hook, keys: &HookKeys, now| self.webhooks.token(hook, keys, &inbound, now);
        match self.known(&inbound, token).await {
            Ok(Some((_, Some(token)))) => Reply {
                status: 200,
                body: token.to_string(),
            },
            Ok(_) => refused(),
            Err(error) => unavailable(&error),
        }
    }

    /// The hook of a request that comes from where it may, with what its keys say of it.
    async fn known<T>(
        &self,
        inbound: &Inbound,
        judge: impl FnOnce(&Hook, &HookKeys, Timestamp) -> T,
    ) -> Result<Option<(Hook, T)>, StoreError> {
        let now = self.clock.now();
        let digest = Hook::digest_of(inbound.hook.expose_secret());
        let Some(hook) = self.hook(&digest, now).await?.filter(|hook| hook.is_open(now)) else {
            return Ok(None);
        };
        if !comes_from(&hook.networks, inbound.source.as_deref()) {
            return Ok(None);
        }
        let Some(keys) = self.secrets.read(&hook.secret).await? else {
            tracing::error!(
                hook = short(&hook),
                "the hook's secret is missing: `waybill hook rotate` makes another"
            );
            return Ok(None);
        };
        let Some(keys) = keys_of(&keys) else {
            tracing::error!(
                hook = short(&hook),
                "the hook's secret cannot be read: `waybill hook rotate` makes another"
            );
            return Ok(None);
        };
        let judged = judge(&hook, &keys, now);
        Ok(Some((hook, judged)))
    }

    async fn hook(&self, digest: &str, now: Timestamp) -> Result<Option<Hook>, StoreError> {
        if let Some(hook) = self.remembered.get(digest, now) {
            return Ok(Some(hook));
        }
        let hook = self.hooks.hook(digest).await?;
        if let Some(hook) = &hook {
            self.remembered.put(hook, now);
        }
        Ok(hook)
    }

    /// Once it is captured it is not lost: if it cannot be queued it is found when it is due.
    async fn keep(&self, hook: &Hook, inbound: &Inbound) -> Reply {
        let now = self.clock.now();
        let captured = Captured {
            id: self.nonces.nonce().as_str().to_owned(),
            hook: hook.digest.clone(),
            system: hook.system.clone(),
            tenant: hook.tenant.clone(),
            at: now,
            body: String::from_utf8_lossy(&inbound.body).into_owned(),
        };
        if let Err(error) = self.captures.capture(&captured, now + AGAIN).await {
            return unavailable(&error);
        }
        let message = TrackingMessage::Hook(captured.id.clone());
        if let Err(error) = self.queue.send(&message, &captured.tenant, Duration::ZERO).await {
            tracing::warn!(capture = captured.id, %error, "not queued: it is found when it is due");
        }
        tracing::info!(
            capture = captured.id,
            hook = short(hook),
            system = hook.system,
            "captured"
        );
        Reply::says(200, "captured")
    }
}

impl Remembered {
    fn get(&self, digest: &str, now: Timestamp) -> Option<Hook> {
        let hooks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, hook) = hooks.get(digest)?;
        (now.duration_since(*at) < REMEMBERED).then(|| hook.clone())
    }

    fn put(&self, hook: &Hook, now: Timestamp) {
        let mut hooks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.insert(hook.digest.clone(), (now, hook.clone()));
    }
}

fn keys_of(secret: &SecretString) -> Option<HookKeys> {
    // The parser's own words may quote the secret and are not repeated.
    serde_json::from_str(secret.expose_secret()).ok()
}

/// As much of a hook as a log may hold.
fn short(hook: &Hook) -> &str {
    hook.digest.get(..8).unwrap_or_default()
}

fn refused() -> Reply {
    crate::telemetry::count("WebhooksRefused", 1);
    Reply::unauthorised()
}

fn unavailable(error: &StoreError) -> Reply {
    tracing::error!(%error, "a webhook was not captured");
    Reply::says(503, "try again")
}

/// Whether a caller is in one of these networks, if there are any.
fn comes_from(networks: &[String], source: Option<&str>) -> bool {
    if networks.is_empty() {
        return true;
    }
    let Some(source) = source.and_then(|text| text.parse::<IpAddr>().ok()) else {
        return false;
    };
    let inside = |text: &String| match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(network), _) => network.contains(&source),
        (_, Ok(address)) => address == source,
        _ => false,
    };
    networks.iter().any(inside)
}

#[cfg(test)]
mod tests {
    use super::comes_from;

    #[test]
    fn callers_are_held_against_networks_and_addresses() {
        let networks = [
            "203.0.113.0/24".to_owned(),
            "2001:db8::/32".to_owned(),
            "198.51.100.7".to_owned(),
        ];
        let from = |source| comes_from(&networks, source);
        assert!(from(Some("203.0.113.9")) && from(Some("2001:db8::1")) && from(Some("198.51.100.7")));
        assert!(!from(Some("203.0.114.9")) && !from(Some("198.51.100.8")) && !from(Some("nonsense")) && !from(None));
        assert!(comes_from(&[], None), "without a list everybody may call");
    }
}
