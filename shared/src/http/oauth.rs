//! OAuth 2.0 tokens as RFC 6749 and RFC 7523 describe them, for systems whose identity provider the customer chooses.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Answer, Authorise, Basic, Call, Endpoint, Lost, Unauthorised, VendorError, read};
use crate::domain::Refusal;
use crate::ports::{CallError, Later, Mint, Minted, Obstacle};

/// What is assumed where an answer does not say how long its token lives.
const SHORT_LIFE: Duration = Duration::from_secs(300);

/// How a client proves who it is to an identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// By HTTP Basic.
    Basic,
    /// By `client_id` and `client_secret` in the form.
    Form,
}

/// Makes tokens by client credentials.
pub struct ClientCredentials {
    /// The identity provider.
    pub endpoint: Endpoint,
    /// The token address's path, with its query where it has one.
    pub path: String,
    /// The client.
    pub client: Basic,
    /// How it proves who it is.
    pub authentication: ClientAuthentication,
    /// The scope, exactly as the identity provider shows it.
    pub scope: Option<String>,
}

#[async_trait]
impl Mint for ClientCredentials {
    async fn mint(&self) -> Result<Minted, CallError> {
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let auth: &dyn Authorise = match self.authentication {
            ClientAuthentication::Basic => &self.client,
            ClientAuthentication::Form => {
                fields.push(("client_id", &self.client.user));
                fields.push(("client_secret", self.client.password.expose_secret()));
                &Unauthorised
            }
        };
        let call = Call::new("token", Method::POST, self.path.clone()).form(&fields);
        issued(self.endpoint.send(&call, auth, None).await)
    }

    fn daily_limit(&self) -> Option<u32> {
        None
    }
}

/// The token of an answer; a wrong client, grant or scope is refused: trying it again only locks the client out.
///
/// # Errors
/// [`CallError::Refused`] with the provider's own words, or [`CallError::Later`].
pub fn issued(result: Result<Answer, Lost>) -> Result<Minted, CallError> {
    let refused = |answer: &Answer| match answer.status {
        400 | 401 | 403 => envelope(answer),
        _ => None,
    };
    if let Some(error) = result.as_ref().ok().and_then(refused) {
        return Err(CallError::Refused(error.refusal));
    }
    let answer = read(result, envelope)?;
    let body = answer.json().unwrap_or_default();
    let Some(token) = body
        .get("access_token")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty())
    else {
        let words = "the token answer names no token";
        return Err(CallError::Later(Later::new(Obstacle::Unreachable, words)));
    };
    let lives_for = body.get("expires_in").and_then(seconds);
    Ok(Minted {
        secret: SecretString::from(token),
        lives_for: lives_for.unwrap_or(SHORT_LIFE),
    })
}

fn seconds(value: &Value) -> Option<Duration> {
    let text = value
        .as_str()
        .map(str::to_owned)
        .or_else(|| value.as_number().map(ToString::to_string))?;
    let whole = text.split('.').next()?.parse().ok()?;
    Some(Duration::from_secs(whole)).filter(|life| !life.is_zero())
}

/// `{"error", "error_description"}`.
fn envelope(answer: &Answer) -> Option<VendorError> {
    let body = answer.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = text("error")?;
    let message = text("error_description").unwrap_or_else(|| "the identity provider gives no reason".to_owned());
    let transient = ["temporarily_unavailable", "server_error", "slow_down"].contains(&code.as_str());
    (!transient).then(|| VendorError {
        refusal: Refusal::new(code, message),
        transient: false,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, body: &'static str) -> Result<Answer, Lost> {
        Ok(Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        })
    }

    #[test]
    fn a_token_lives_as_long_as_the_provider_says_and_not_long_where_it_does_not() {
        let lives = |body| issued(answer(200, body)).unwrap().lives_for.as_secs();
        assert_eq!(lives(r#"{"access_token":"t","expires_in":3600}"#), 3600);
        assert_eq!(lives(r#"{"access_token":"t","expires_in":"3599.0"}"#), 3599);
        assert_eq!(lives(r#"{"access_token":"t"}"#), 300);
        assert!(matches!(issued(answer(200, "<html>")), Err(CallError::Later(_))));
    }

    #[test]
    fn a_wrong_client_is_refused_and_a_gateway_is_not_the_provider() {
        let refused = issued(answer(
            401,
            r#"{"error":"invalid_client","error_description":"no such client"}"#,
        ));
        assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.code == "invalid_client"));
        for (status, body) in [
            (401, "<html>"),
            (503, "{}"),
            (400, r#"{"error":"temporarily_unavailable"}"#),
        ] {
            assert!(
                matches!(issued(answer(status, body)), Err(CallError::Later(_))),
                "{status} {body}"
            );
        }
    }
}
