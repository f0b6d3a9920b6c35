//! Which token may be used and when a new one is asked for. Pure.

use jiff::Timestamp;

use crate::ports::{SealedToken, StoredToken, UNUSED_BEFORE};

/// What to do about a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision<'a> {
    /// This one is good.
    Use(&'a SealedToken, u64),
    /// Somebody is asking for a new one.
    Wait,
    /// Ask for a new one, if this is still the version.
    Mint(u64),
}

/// Decides for a caller of this client id to whom the token of version `failed` is of no use.
pub(super) fn decide<'a>(
    stored: Option<&'a StoredToken>,
    client: &str,
    failed: Option<u64>,
    now: Timestamp,
) -> Decision<'a> {
    let Some(stored) = stored else { return Decision::Mint(0) };
    let good = |token: &&SealedToken| {
        token.client == client && failed != Some(stored.version) && is_good(token.issued_at, token.expires_at, now)
    };
    match (stored.token.as_ref().filter(good), &stored.lease) {
        (Some(token), _) => Decision::Use(token, stored.version),
        (None, Some(lease)) if lease.until > now => Decision::Wait,
        (None, _) => Decision::Mint(stored.version),
    }
}

/// Whether a token outlives the next call: the last minute, or the last twentieth of a short life, is not used. The
/// refresher begins before that.
pub(super) fn is_good(issued_at: Timestamp, expires_at: Timestamp, now: Timestamp) -> bool {
    let life = expires_at.duration_since(issued_at);
    now < expires_at - (life / 20).min(UNUSED_BEFORE)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::Nonce;
    use crate::ports::{RefreshLease, TokenInUse};

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn stored(version: u64, leased_until: Option<i64>) -> StoredToken {
        let token = SealedToken {
            sealed: "x".to_owned(),
            client: "c".to_owned(),
            issued_at: at(0),
            expires_at: at(60),
        };
        let lease = leased_until.map(|minutes| RefreshLease {
            owner: Nonce::new("other"),
            until: at(minutes),
        });
        StoredToken {
            version,
            token: Some(token),
            lease,
            used_at: None,
        }
    }

    #[test]
    fn a_token_is_used_until_its_last_minute() {
        let token = stored(3, None);
        assert!(matches!(decide(Some(&token), "c", None, at(58)), Decision::Use(_, 3)));
        assert_eq!(decide(Some(&token), "c", None, at(59)), Decision::Mint(3));
        assert_eq!(decide(None, "c", None, at(0)), Decision::Mint(0));
    }

    #[test]
    fn only_the_version_that_failed_is_replaced() {
        let token = stored(3, None);
        assert_eq!(decide(Some(&token), "c", Some(3), at(1)), Decision::Mint(3));
        assert!(matches!(decide(Some(&token), "c", Some(2), at(1)), Decision::Use(_, 3)));
    }

    #[test]
    fn a_live_lease_is_waited_for_only_by_those_who_need_the_new_token() {
        let token = stored(3, Some(2));
        assert!(matches!(decide(Some(&token), "c", None, at(1)), Decision::Use(_, 3)));
        assert_eq!(decide(Some(&token), "c", Some(3), at(1)), Decision::Wait);
        assert_eq!(
            decide(Some(&token), "c", Some(3), at(2)),
            Decision::Mint(3),
            "whoever held it is gone"
        );
    }

    #[test]
    fn a_token_of_a_former_client_is_not_used() {
        assert_eq!(
            decide(Some(&stored(3, None)), "another", None, at(1)),
            Decision::Mint(3)
        );
    }

    #[test]
    fn the_refresher_comes_before_the_workers_have_to_wait() {
        let connection = "acme".parse().unwrap();
        let (system, credential, client) = ("ups".to_owned(), "s".to_owned(), "c".to_owned());
        let key = crate::ports::TokenKey {
            system,
            credential,
            client,
            merchant: None,
            connection,
        };
        let (issued_at, expires_at, used_at) = (at(0), at(60), at(0));
        let token = TokenInUse {
            key,
            version: 1,
            issued_at,
            expires_at,
            used_at,
        };
        assert!(!token.expires_soon(at(57)));
        assert!(token.expires_soon(at(58)) && is_good(issued_at, expires_at, at(58)));
    }
}
