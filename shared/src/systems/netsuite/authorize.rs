//! The authorization code grant: a person consents in the browser, and the code that comes back becomes the first
//! refresh token. With PKCE (S256) and a state of our own.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::account::Account;
use super::token;
use crate::domain::Refusal;
use crate::http::Endpoint;
use crate::ports::CallError;

/// Why the address to which the browser was sent back is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorisationError {
    /// It is no address, or another than the redirect address.
    #[error("this is not the address to which NetSuite sent the browser back")]
    NotARedirect,
    /// It belongs to another attempt, or somebody made it up.
    #[error("the state is not ours: begin again")]
    ForeignState,
    /// The person, or NetSuite, said no.
    #[error("NetSuite answered {0}")]
    Denied(String),
    /// It holds no code.
    #[error("the address holds no code")]
    NoCode,
}

/// One attempt to get somebody's consent.
#[derive(Debug)]
pub struct Authorisation {
    account: Account,
    client_id: String,
    redirect_uri: String,
    body: SecretString,
    state: String,
    verifier: SecretString,
}

impl Authorisation {
    /// Begins for the secret's body, which must be of the kind `authorization-code`.
    pub fn begin(account: Account, body: SecretString) -> Result<Self, Refusal> {
        let delegated = token::delegated(&body)?;
        let (state, verifier) = (token::random_text()?, token::random_text()?);
        Ok(Self {
            account,
            client_id: delegated.client_id,
            redirect_uri: delegated.redirect_uri,
            body,
            state,
            verifier: verifier.into(),
        })
    }

    /// The page on which the person consents.
    pub fn url(&self) -> Result<Url, Refusal> {
        let challenge = digest::digest(&digest::SHA256, self.verifier.expose_secret().as_bytes());
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "rest_webservices"),
            ("state", &self.state),
            ("code_challenge", &BASE64URL_NOPAD.encode(challenge.as_ref())),
            ("code_challenge_method", "S256"),
        ];
        let page = format!("https://{}/app/login/oauth2/authorize.nl", self.account.app_host());
        Url::parse_with_params(&page, parameters)
            .map_err(|_| Refusal::new("authorisation-impossible", "the consent page's address cannot be built"))
    }

    /// The code in the address to which the browser was sent back.
    pub fn code(&self, redirect: &str) -> Result<SecretString, AuthorisationError> {
        let url = Url::parse(redirect.trim()).map_err(|_| AuthorisationError::NotARedirect)?;
        let expected = Url::parse(&self.redirect_uri).map_err(|_| AuthorisationError::NotARedirect)?;
        if (url.origin(), url.path()) != (expected.origin(), expected.path()) {
            return Err(AuthorisationError::NotARedirect);
        }
        let parameter = |wanted: &str| {
            url.query_pairs()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value)
        };
        let state = parameter("state").unwrap_or_default();
        verify_slices_are_equal(state.as_bytes(), self.state.as_bytes())
            .map_err(|_| AuthorisationError::ForeignState)?;
        if let Some(error) = parameter("error") {
            return Err(AuthorisationError::Denied(error.into_owned()));
        }
        let code = parameter("code")
            .filter(|code| !code.is_empty())
            .ok_or(AuthorisationError::NoCode)?;
        Ok(code.into_owned().into())
    }

    /// Exchanges the code and returns the secret's body with the refresh token in it, to be stored.
    pub async fn exchange(&self, code: &SecretString, endpoint: &Endpoint) -> Result<SecretString, CallError> {
        token::exchange(endpoint, &self.body, code, &self.verifier).await
    }
}
