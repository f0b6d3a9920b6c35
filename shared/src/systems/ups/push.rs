//! Where Track Alert pushes to, and for how long it promises that: a subscription lasts 14 days, is renewed by asking again,
//! and names at most 100 packages.

use std::fmt;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::ports::{HookKeys, Push};

pub(super) const PUSH: Push = Push {
    batch: 100,
    lasts: SignedDuration::from_hours(14 * 24),
    renew_before: SignedDuration::from_hours(24),
};

pub(super) const OFF: &str = "it is off: set `track_alert` under `[carrier]` of the connection's file to \"v1\" (every subscription \
     names our address) or \"v2\" (our address is registered at developer.ups.com)";

pub(super) const NO_HOOK: &str = "there is no address that UPS could push to: make one with `waybill hook create CONNECTION \
     --carrier`, and see that the public address of our own API is configured";

/// The address of a hook, and what UPS sends along to prove who it is. Both are secrets.
#[derive(Clone)]
pub struct PushTarget {
    /// The address.
    pub url: Url,
    /// What UPS sends in the header `credential`; without it nothing can be pushed.
    pub credential: Option<SecretString>,
}

impl PushTarget {
    /// The target by the public base address of our API and the body of the hook's secret, the newest key for credential; `None`
    /// where the body is not a hook's.
    pub fn new(api: &Url, secret: &SecretString) -> Option<Self> {
        let keys: HookKeys = serde_json::from_str(secret.expose_secret()).ok()?;
        let id = keys.id.expose_secret();
        let legal = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let address = format!("{}/hooks/{id}", api.as_str().trim_end_matches('/'));
        let url = Url::parse(&address).ok().filter(|_| legal)?;
        let credential = keys.keys.first().filter(|key| !key.expose_secret().is_empty()).cloned();
        Some(Self { url, credential })
    }

    /// Both as the request names them.
    pub(super) fn parts(&self) -> (&str, &str) {
        let credential = self.credential.as_ref().map_or("", |secret| secret.expose_secret());
        (self.url.as_str(), credential)
    }
}

impl fmt::Debug for PushTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushTarget").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(api: &str, secret: &str) -> Option<PushTarget> {
        PushTarget::new(&api.parse().unwrap(), &SecretString::from(secret))
    }

    #[test]
    fn the_address_is_that_of_the_hook_below_our_api_and_the_newest_key_goes_with_it() {
        let secret = r#"{"id":"00ff","keys":["new","old"],"token_key":"t"}"#;
        for api in [
            "https://api.example.com",
            "https://api.example.com/",
            "https://api.example.com/prod/",
        ] {
            let target = target(api, secret).unwrap();
            let (url, credential) = target.parts();
            assert_eq!(
                (url, credential),
                (format!("{}/hooks/00ff", api.trim_end_matches('/')).as_str(), "new")
            );
            assert!(!format!("{target:?}").contains("00ff"));
        }
        assert!(target("https://a", r#"{"id":"00ff"}"#).unwrap().credential.is_none());
        for other in ["", "{}", r#"{"id":""}"#, r#"{"id":"../x","keys":["k"]}"#] {
            assert!(target("https://a", other).is_none(), "{other}");
        }
    }
}
