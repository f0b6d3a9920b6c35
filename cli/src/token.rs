//! `waybill token ...`: access tokens in use, and how often they were asked for. Never a token itself.

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use waybill::domain::ConnectionId;
use waybill::ports::{TokenInUse, TokenRequests, TokenStore, TokensInUse};

use crate::Common;
use crate::output::{Answer, Failure, table, when};
use crate::stack::Stack;

/// Requests are counted over any stretch of this length.
const COUNTED: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Lists the tokens used within a day, with the requests of their client over 24 hours
    #[command(after_help = "Examples:\n  waybill token list\n  waybill token list --json")]
    List,
}

/// A token without its content.
#[derive(Debug, Serialize)]
struct Shown {
    system: String,
    credential: String,
    merchant: Option<String>,
    connection: ConnectionId,
    version: u64,
    issued_at: Timestamp,
    expires_at: Timestamp,
    used_at: Timestamp,
    requests_24h: usize,
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let Verb::List = verb;
    let (stack, now) = (Stack::find(common).await?, Timestamp::now());
    let store = stack.store()?;
    let mut tokens = Vec::new();
    for token in store.in_use(now - COUNTED).await? {
        let requests = store.requests(&token.key.system, &token.key.client).await?;
        tokens.push(shown(token, &requests, now));
    }
    let header = [
        "system",
        "credential",
        "merchant",
        "connection",
        "issued",
        "ends",
        "used",
        "requests/24h",
    ];
    let text = table(header, tokens.iter().map(row));
    Answer::new(&tokens, text)
}

fn shown(token: TokenInUse, requests: &TokenRequests, now: Timestamp) -> Shown {
    let counted = |at: &&Timestamp| now.duration_since(**at) < COUNTED;
    Shown {
        system: token.key.system,
        credential: token.key.credential,
        merchant: token.key.merchant,
        connection: token.key.connection,
        version: token.version,
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        used_at: token.used_at,
        requests_24h: requests.at.iter().filter(counted).count(),
    }
}

fn row(token: &Shown) -> [String; 8] {
    [
        token.system.clone(),
        token.credential.clone(),
        token.merchant.clone().unwrap_or_default(),
        token.connection.to_string(),
        when(token.issued_at),
        when(token.expires_at),
        when(token.used_at),
        token.requests_24h.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::ports::TokenKey;

    #[test]
    fn requests_of_the_last_day_are_counted_and_the_clients_digest_is_not_shown() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-08-02T12:00:00Z");
        let token = TokenInUse {
            key: TokenKey {
                system: "ups".to_owned(),
                credential: "waybill/dev/acme/ups".to_owned(),
                client: "d1g3st".to_owned(),
                merchant: None,
                connection: "acme".parse().unwrap(),
            },
            version: 3,
            issued_at: now,
            expires_at: now,
            used_at: now,
        };
        let requests = TokenRequests {
            version: 2,
            at: vec![at("2026-08-01T11:00:00Z"), at("2026-08-01T13:00:00Z"), now],
        };
        let shown = shown(token, &requests, now);
        assert_eq!(shown.requests_24h, 2);
        assert!(!serde_json::to_string(&shown).unwrap().contains("d1g3st"));
    }
}
