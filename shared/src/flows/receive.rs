//! Takes webhooks: who sends it is checked over the raw bytes, then it is captured, queued and answered. Nobody looks into it
//! here, so that whatever is in it cannot break anything, and the answer comes within milliseconds.
//!
//! An address that there is not and a wrong key are answered alike.

use std::sync::Arc;
use std::time::Duration;

use core::net::IpAddr;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::remembered::Remembered;
use crate::ports::{
    Captured, Captures, Clock, Hook, HookKeys, Hooks, Inbound, Nonces, Secrets, SigningKeys, StoreError,
    TrackingMessage, TrackingQueue, Webhooks,
};
use crate::telemetry;

/// The largest body that is taken, in bytes: a photograph of a delivery fits, in the form that vendors send it.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// The length of a hook's id, in hexadecimal digits.
const ID: usize = 32;

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
    /// The keys that vendors publish.
    pub signing_keys: Arc<dyn SigningKeys>,
    /// Where webhooks are captured.
    pub captures: Arc<dyn Captures>,
    /// The queue of those that were.
    pub queue: Arc<dyn TrackingQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// Hooks that were found lately, by the digest of their id.
    pub found: Remembered<Hook>,
    /// Their keys that were read lately, by the name of the secret.
    pub read: Remembered<HookKeys>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// A JSON document.
    pub body: String,
    /// After how many seconds it is worth asking again, where that is known.
    pub retry_after: Option<i64>,
}

impl Reply {
    /// An answer of these words.
    pub fn says(status: u16, words: &str) -> Self {
        Self {
            status,
            body: serde_json::json!({ "message": words }).to_string(),
            retry_after: None,
        }
    }

    fn unauthorised() -> Self {
        Self::says(401, "unauthorised")
    }
}

/// By what a request proves who sends it.
enum Proof {
    /// The hook's own keys, which it has shown.
    Own,
    /// A key that the vendor publishes, by its id: whether it signed is still to be seen.
    Vendors(String),
}

impl Receive {
    /// Takes a webhook.
    pub async fn run(&self, inbound: Inbound) -> Reply {
        if inbound.body.len() > LARGEST {
            return Reply::says(413, "too large");
        }
        let proof = |hook: &Hook, keys: &HookKeys, now| self.proof(hook, keys, &inbound, now);
        match self.known(&inbound, proof).await {
            Ok(Some((hook, Proof::Own))) => self.keep(&hook, &inbound).await,
            Ok(Some((hook, Proof::Vendors(id)))) => self.verified(&hook, &id, &inbound).await,
            Ok(None) => Reply::unauthorised(),
            Err(error) => unavailable(&error),
        }
    }

    /// By what the request proves who sends it, if it may be genuine.
    fn proof(&self, hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> Option<Proof> {
        match self.webhooks.signed_by(hook, keys, inbound, now) {
            Some(id) => Some(Proof::Vendors(id)),
            None => self.webhooks.is_genuine(hook, keys, inbound, now).then_some(Proof::Own),
        }
    }

    /// Takes a webhook that the vendor's published key has signed. While that key cannot be had nobody is turned away for good.
    async fn verified(&self, hook: &Hook, id: &str, inbound: &Inbound) -> Reply {
        match self.signing_keys.signing_key(&hook.system, id).await {
            Ok(Some(key)) if self.webhooks.is_signed(hook, &key, inbound) => self.keep(hook, inbound).await,
            Ok(_) => {
                refused(hook);
                Reply::unauthorised()
            }
            Err(error) => {
                telemetry::count("WebhooksNotCaptured", 1);
                tracing::error!(hook = short(hook), %error, "the vendor's signing key cannot be had");
                Reply::says(503, "try again")
            }
        }
    }

    /// Gives a vendor the token with which it sends its webhooks.
    pub async fn token(&self, inbound: Inbound) -> Reply {
        if inbound.body.len() > LARGEST {
            return Reply::says(413, "too large");
        }
        let token = |hook: &Hook, keys: &HookKeys, now| self.webhooks.token(hook, keys, &inbound, now);
        match self.known(&inbound, token).await {
            Ok(Some((hook, token))) => {
                tracing::info!(hook = short(&hook), system = hook.system, "gave the vendor a token");
                Reply {
                    status: 200,
                    body: token.to_string(),
                    retry_after: None,
                }
            }
            Ok(None) => Reply::unauthorised(),
            Err(error) => unavailable(&error),
        }
    }

    /// The hook of a request that comes from where it may and has a right key, with what its keys say of it.
    async fn known<T>(
        &self,
        inbound: &Inbound,
        judge: impl Fn(&Hook, &HookKeys, Timestamp) -> Option<T>,
    ) -> Result<Option<(Hook, T)>, StoreError> {
        let now = self.clock.now();
        let id = inbound.hook.expose_secret();
        if id.len() != ID || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let digest = Hook::digest_of(id);
        let Some(hook) = self.hook(&digest, now).await?.filter(|hook| hook.is_open(now)) else {
            return Ok(None);
        };
        let judged = match comes_from(&hook.networks, inbound.source.as_deref()) {
            true => self.judged(&hook, judge, now).await?,
            false => None,
        };
        if judged.is_none() {
            refused(&hook);
        }
        Ok(judged.map(|judged| (hook, judged)))
    }

    /// Before anybody is turned away by keys that were read a while ago, they are read again: they may have been rotated.
    async fn judged<T>(
        &self,
        hook: &Hook,
        judge: impl Fn(&Hook, &HookKeys, Timestamp) -> Option<T>,
        now: Timestamp,
    ) -> Result<Option<T>, StoreError> {
        let known = self.read.believed(&hook.secret, now);
        if let Some(judged) = known.and_then(|keys| judge(hook, &keys, now)) {
            return Ok(Some(judged));
        }
        if self.read.fresh(&hook.secret, now).is_some() {
            return Ok(None);
        }
        let keys = self.secrets.read(&hook.secret).await?;
        let Some(keys) = keys.as_ref().and_then(keys_of) else {
            tracing::error!(
                hook = short(hook),
                "the hook's secret is missing or cannot be read: `waybill hook rotate` makes another"
            );
            return Ok(None);
        };
        self.read.put(&hook.secret, keys.clone(), now);
        Ok(judge(hook, &keys, now))
    }

    async fn hook(&self, digest: &str, now: Timestamp) -> Result<Option<Hook>, StoreError> {
        if let Some(hook) = self.found.believed(digest, now) {
            return Ok(Some(hook));
        }
        let hook = self.hooks.hook(digest).await?;
        if let Some(hook) = &hook {
            self.found.put(digest, hook.clone(), now);
        }
        Ok(hook)
    }

    /// Once it is captured it is not lost: if it cannot be queued it is found when it is due.
    async fn keep(&self, hook: &Hook, inbound: &Inbound) -> Reply {
        let now = self.clock.now();
        let due_at = now + AGAIN;
        let captured = Captured {
            id: Captured::id_of(due_at, &self.nonces.nonce()),
            hook: hook.digest.clone(),
            system: hook.system.clone(),
            tenant: hook.tenant.clone(),
            at: now,
            body: String::from_utf8_lossy(&inbound.body).into_owned(),
        };
        if let Err(error) = self.captures.capture(&captured, due_at).await {
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

fn keys_of(secret: &SecretString) -> Option<HookKeys> {
    // The parser's own words may quote the secret and are not repeated.
    serde_json::from_str(secret.expose_secret()).ok()
}

/// As much of a hook as a log may hold.
fn short(hook: &Hook) -> &str {
    hook.digest.get(..8).unwrap_or_default()
}

fn refused(hook: &Hook) {
    telemetry::count("WebhooksRefused", 1);
    tracing::warn!(hook = short(hook), "a request to the hook was refused");
}

fn unavailable(error: &StoreError) -> Reply {
    telemetry::count("WebhooksNotCaptured", 1);
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
