//! Tokens by OAuth client credentials: `POST /oauth/token` with the keys in the form, on the host that is called. A
//! token lives as long as `expires_in` says, about an hour.
//!
//! FedEx counts token requests by the public address from which they come: three in a second in a row, or one in
//! every second of two minutes, and the address is shut out for ten minutes, which is a 403 and says nothing of the
//! credential. The whole stack may leave through one address, so that all of its connections share one count and one
//! pause; how a credential fares is its own.
//!
//! FedEx answers a project that may have no token in the same way. So whether the address was let in since is noted as
//! the health of its name: a project that is refused again although another was let in is locked by itself, for longer
//! each time, and the others go on.

use std::time::Duration;

use ::http::Method;
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::account::{Account, Credential};
use super::convert::envelope;
use super::wire::answer;
use crate::domain::{ConnectionId, Health, Outage, Rate, Refusal, Trouble};
use crate::http::{Answer, Call, Endpoint, Lane, Unauthorised, read};
use crate::ports::{AccountStanding, CallError, Later, Mint, Minted, Obstacle, TokenKey};

/// Under which name every token request of the stack is counted, and paused.
pub(crate) const ADDRESS: &str = "fedex-token:address";

/// How long an address is shut out, from its last violation on.
const SHUT_OUT: SignedDuration = SignedDuration::from_mins(10);

/// How long a project is locked after its first 403, and after any later one at most. The first is longer than the
/// address is shut out, so that others find out first whether it is.
const LOCKED: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(15), SignedDuration::from_hours(1));

/// Why a project is locked.
const NO_TOKEN: &str = "FedEx answers this project's requests for tokens with 403: see at developer.fedex.com whether it is \
                        active";

/// Why nobody asks for a token.
const TURNED_AWAY: &str = "FedEx answers our address's requests for tokens with 403";

/// What belongs to the tracking project, where it is one of its own.
pub(crate) const TRACK: &str = "track";

/// One request in every window of 1.1 seconds: never more than three in a second, whenever they arrive, and 111 in
/// two minutes.
pub(crate) fn rate() -> Option<Rate> {
    Rate::new(3, SignedDuration::from_millis(1100))
}

/// Issues tokens for one project.
pub(crate) struct Issuer {
    pub(crate) endpoint: Endpoint,
    pub(crate) credential: Credential,
}

/// Under which key the fleet shares a project's token.
pub(crate) fn key(
    account: &Account,
    secret_name: &str,
    credential: &Credential,
    project: Option<&str>,
    connection: &ConnectionId,
) -> TokenKey {
    // One project may be used at both hosts, and each host issues its own tokens.
    let at = match account.base.host_str() {
        Some(host) if !account.is_production => format!("{secret_name}@{host}"),
        _ => secret_name.to_owned(),
    };
    TokenKey {
        system: "fedex".to_owned(),
        credential: at,
        client: project_digest(&credential.api_key),
        merchant: project.map(str::to_owned),
        connection: connection.clone(),
    }
}

/// An API key as it may stand in the table: enough of its digest to tell projects apart.
pub(crate) fn project_digest(api_key: &str) -> String {
    let mut text = HEXLOWER.encode(digest::digest(&digest::SHA256, api_key.as_bytes()).as_ref());
    text.truncate(16);
    text
}

impl Issuer {
    fn call(&self) -> Call {
        Call::new("token", Method::POST, "/oauth/token").form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.credential.api_key),
            ("client_secret", self.credential.secret_key.expose_secret()),
        ])
    }

    async fn standing(&self, of: &str) -> Result<AccountStanding, CallError> {
        let standing = self.endpoint.lane.limits.standing(of).await;
        standing.map_err(|error| CallError::Later(Later::our_store(&error)))
    }

    /// How our address stands, unless it is shut out.
    async fn let_in(&self) -> Result<AccountStanding, CallError> {
        let (address, now) = (self.standing(ADDRESS).await?, self.endpoint.clock.now());
        match address.paused.filter(|until| *until > now) {
            None => Ok(address),
            Some(until) => Err(shut_out(until.duration_since(now))),
        }
    }

    /// What a 403 comes to: this project is locked, and everybody is stopped unless only this project can be meant.
    async fn heed_the_no(&self, refused: Option<&Outage>, address: &AccountStanding) -> CallError {
        let now = self.endpoint.clock.now();
        let lock = self.lock(refused, now).await;
        if refused.is_some() && address.health.outage.is_none() {
            tracing::error!(
                account = self.endpoint.lane.account,
                minutes = lock.as_mins(),
                "FedEx gives this project no token"
            );
            return locked(lock);
        }
        self.stop_everybody(address, now).await;
        shut_out(SHUT_OUT)
    }

    /// Locks this project, longer each time; answers how long.
    async fn lock(&self, refused: Option<&Outage>, now: Timestamp) -> SignedDuration {
        let probes = refused.map_or(0, |outage| outage.probes.saturating_add(1));
        let (first, longest) = LOCKED;
        let lock = (first * 2_i32.pow(probes.min(8))).min(longest);
        let outage = Outage {
            trouble: Trouble::Credential,
            since: refused.map_or(now, |outage| outage.since),
            reason: NO_TOKEN.to_owned(),
            probes,
            probe_at: now + lock,
        };
        self.note(&self.endpoint.lane.account, Some(outage)).await;
        lock
    }

    /// Keeps everybody from asking for as long as our address is shut out: each further request would only prolong
    /// that.
    async fn stop_everybody(&self, address: &AccountStanding, now: Timestamp) {
        let until = now + SHUT_OUT;
        let everybody = Lane {
            account: ADDRESS.to_owned(),
            ..self.endpoint.lane.clone()
        };
        if address.health.outage.is_some() {
            everybody.pause_until(until).await;
        } else {
            everybody.stop_until(until, TURNED_AWAY).await;
            let outage = Outage {
                trouble: Trouble::Everything,
                since: now,
                reason: TURNED_AWAY.to_owned(),
                probes: 0,
                probe_at: until,
            };
            self.note(ADDRESS, Some(outage)).await;
        }
    }

    /// Shares how a project or the address fares; that it could not be shared harms nothing.
    async fn note(&self, of: &str, outage: Option<Outage>) {
        let health = Health {
            outage,
            ..Health::default()
        };
        let limits = &self.endpoint.lane.limits;
        let noted = match limits.standing(of).await {
            Ok(standing) => limits.write_health(of, standing.version, &health).await,
            Err(error) => Err(error),
        };
        if !noted.as_ref().is_ok_and(|noted| *noted) {
            tracing::warn!(account = of, error = ?noted, "how token requests fare could not be shared");
        }
    }
}

#[async_trait::async_trait]
impl Mint for Issuer {
    async fn ready(&self) -> Result<(), CallError> {
        self.let_in().await?;
        self.endpoint.ready().await.map(|_| ())
    }

    async fn mint(&self) -> Result<Minted, CallError> {
        let address = self.let_in().await?;
        let own = self.standing(&self.endpoint.lane.account).await?.health.outage;
        let refused = own.filter(|outage| outage.reason == NO_TOKEN);
        let result = self.endpoint.send(&self.call(), &Unauthorised, None).await;
        if result.as_ref().is_ok_and(|answer| answer.status == 403) {
            return Err(self.heed_the_no(refused.as_ref(), &address).await);
        }
        let answered = result.as_ref().is_ok_and(|answer| answer.status < 500);
        if answered && address.health.outage.is_some() {
            self.note(ADDRESS, None).await;
        }
        if let Some(refusal) = result.as_ref().ok().and_then(self::refused) {
            return Err(CallError::Refused(refusal));
        }
        minted(&read(result, envelope)?)
    }

    fn daily_limit(&self) -> Option<u32> {
        None
    }
}

fn shut_out(left: SignedDuration) -> CallError {
    CallError::Later(Later {
        reason: "FedEx has shut our address out of token requests for some minutes".to_owned(),
        after: Duration::try_from(left).ok(),
        obstacle: Obstacle::Limited,
    })
}

fn locked(left: SignedDuration) -> CallError {
    CallError::Later(Later {
        reason: NO_TOKEN.to_owned(),
        after: Duration::try_from(left).ok(),
        obstacle: Obstacle::Unauthorised,
    })
}

/// A wrong credential: asking again is useless. A page that is none of FedEx's own words is a gateway's, and says
/// nothing.
pub(super) fn refused(answer: &Answer) -> Option<Refusal> {
    let error = envelope(answer).filter(|error| !error.transient)?;
    matches!(answer.status, 400 | 401).then_some(error.refusal)
}

pub(super) fn minted(answer: &Answer) -> Result<Minted, CallError> {
    let token: Option<answer::Token> = answer::bare(&answer.body);
    let lifetime = |text: String| text.split('.').next().and_then(|whole| whole.parse::<u64>().ok());
    let parts = token.and_then(|token| Some((token.access_token?, token.expires_in.and_then(lifetime)?)));
    match parts {
        Some((secret, seconds)) if seconds > 0 => Ok(Minted {
            secret: SecretString::from(secret),
            lives_for: Duration::from_secs(seconds),
        }),
        _ => Err(CallError::Later(Later::new(
            Obstacle::Unreachable,
            "the token answer names no token or no lifetime",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// P60: whenever tokens are wished for, and however late within a window's length each request arrives, no
        /// second ever sees more than three of them and no two minutes more than 119.
        #[test]
        fn the_address_is_never_shut_out(
            gaps in proptest::collection::vec((0_i64..40, 0_i64..=100), 400..1500),
            phase in 0_i64..1100,
        ) {
            let rate = rate().unwrap();
            let (mut taken, mut arrivals) = (HashMap::new(), Vec::new());
            let mut now = 1_800_000_000_000 + phase;
            for (gap, late) in gaps {
                now += gap * 25;
                let window = rate.window(Timestamp::from_millisecond(now).unwrap());
                let used: &mut u32 = taken.entry(window.number).or_default();
                if *used < window.room {
                    *used += 1;
                    arrivals.push(now + 11 * late);
                }
            }
            arrivals.sort_unstable();
            let most_in = |length: i64| {
                let within = |(first, start): (usize, &i64)| {
                    arrivals[first..].iter().take_while(|at| **at - start < length).count()
                };
                arrivals.iter().enumerate().map(within).max().unwrap_or(0)
            };
            prop_assert!(most_in(1000) <= 3, "{} in a second", most_in(1000));
            prop_assert!(most_in(120_000) <= 119, "{} in two minutes", most_in(120_000));
        }
    }

    #[test]
    fn most_of_what_is_allowed_is_used() {
        let rate = rate().unwrap();
        let windows: std::collections::BTreeSet<i64> = (0..120_000)
            .map(|at| {
                rate.window(Timestamp::from_millisecond(1_800_000_000_000 + at).unwrap())
                    .number
            })
            .collect();
        assert!((100..=111).contains(&windows.len()), "{}", windows.len());
    }
}
