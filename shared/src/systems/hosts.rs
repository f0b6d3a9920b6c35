//! The hosts of a vendor whose test system is another host: which of them a connection may reach, and which others.

use url::Url;

use crate::connection::{Environment, SystemSettings};

/// A vendor's two worlds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hosts {
    /// What people call the vendor.
    pub(super) vendor: &'static str,
    /// The host of real orders.
    pub(super) production: &'static str,
    /// The host of the test system.
    pub(super) sandbox: &'static str,
}

/// What is wrong with an address, and what is allowed.
pub(super) type Wrong = (String, String);

impl Hosts {
    /// The address that a connection of this environment reaches.
    pub(super) fn base(&self, settings: &SystemSettings, environment: Environment) -> Result<Url, Wrong> {
        let own = match environment {
            Environment::Production => Some(self.production),
            Environment::Sandbox => Some(self.sandbox),
            Environment::Local => None,
        };
        match (&settings.base_url, own) {
            (Some(url), own) => self.another(url, own, &settings.allow_host),
            (None, Some(host)) => {
                Url::parse(&format!("https://{host}")).map_err(|_| wrong("is not an address", "a host"))
            }
            (None, None) => Err(wrong(
                "is missing",
                "the address of a simulator: a local connection has no host of its own",
            )),
        }
    }

    /// Another address than the vendor's own: any but the vendor's other world under `local`, else only an allowed
    /// host.
    fn another(&self, url: &Url, own: Option<&str>, allow: &[String]) -> Result<Url, Wrong> {
        let host = url.host_str().unwrap_or_default();
        let plain = url.scheme() == "http" && (own.is_none() || is_loopback(url));
        let bare =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if host.is_empty() || !bare || !(url.scheme() == "https" || plain) {
            return Err(wrong(
                "is not a plain https address",
                "https://host, without user, query or fragment",
            ));
        }
        // An allowed host is never the vendor's other world: a sandbox must not reach production by a slip.
        let other_world = [self.production, self.sandbox].contains(&host) && own != Some(host);
        if other_world {
            return Err(wrong(
                &format!("belongs to another environment of {}", self.vendor),
                "the host of the connection's own environment",
            ));
        }
        if own.is_none() || own == Some(host) || allow.iter().any(|allowed| allowed.eq_ignore_ascii_case(host)) {
            Ok(url.clone())
        } else {
            Err(wrong(
                &format!("is not {}'s host of this environment", self.vendor),
                "leave it out, or name its host in allow_host",
            ))
        }
    }
}

fn wrong(wrong: &str, allowed: &str) -> Wrong {
    (wrong.to_owned(), allowed.to_owned())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
