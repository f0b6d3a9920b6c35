//! Who may come in: PeopleSoft users with their passwords, permissions and row-level security, and the customer's identity
//! provider, whose tokens stand for such users.
//!
//! Quirks: user ids are upper-case and compared exactly; some wrong passwords in a row lock the account, and a locked one is
//! answered like a wrong password; a user may run a query and yet see only some business units.

use super::options::{Accepts, ClientAuth, Options};
use aws_lc_rs::rand;
use data_encoding::{BASE64, HEXLOWER};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The path of the identity provider's token endpoint.
pub const TOKEN_PATH: &str = "/idp/oauth2/token";

/// A service operation that a permission list can grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Running queries.
    Query,
    /// Writing X_SHIP_TRACK.
    Write,
}

/// A PeopleSoft user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `OPRID`, upper-case.
    pub oprid: String,
    /// The password.
    pub password: String,
    /// The service operations that the user's permission lists grant.
    pub permissions: BTreeSet<Permission>,
    /// The business units whose rows the user sees; `None`: all.
    #[serde(default)]
    pub business_units: Option<BTreeSet<String>>,
}

impl User {
    /// A user who may do everything and sees all rows.
    pub fn new(oprid: &str, password: &str) -> Self {
        Self {
            oprid: oprid.into(),
            password: password.into(),
            permissions: BTreeSet::from([Permission::Query, Permission::Write]),
            business_units: None,
        }
    }

    /// The same user with these permissions only.
    #[must_use]
    pub fn with_permissions(self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self {
            permissions: permissions.into_iter().collect(),
            ..self
        }
    }

    /// The same user, who sees the rows of these business units only.
    #[must_use]
    pub fn seeing(self, business_units: &[&str]) -> Self {
        Self {
            business_units: Some(business_units.iter().map(|unit| (*unit).to_owned()).collect()),
            ..self
        }
    }
}

/// Counts of what the token endpoint did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Tokens given out.
    pub issued: u64,
    /// Requests refused.
    pub refused: u64,
    /// When each token was given out.
    pub issued_at: Vec<Timestamp>,
}

/// The registered users and clients, and the tokens given out.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What the token endpoint did.
    pub counts: TokenCounts,
    users: BTreeMap<String, Account>,
    clients: BTreeMap<String, Client>,
    tokens: BTreeMap<String, Grant>,
}

#[derive(Debug, Clone)]
struct Account {
    user: User,
    failures: u32,
    locked: bool,
}

#[derive(Debug, Clone)]
struct Client {
    secret: String,
    oprid: String,
}

#[derive(Debug, Clone)]
struct Grant {
    oprid: String,
    until: Timestamp,
}

/// Who asks, as far as an operation has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) oprid: String,
    pub(super) permissions: BTreeSet<Permission>,
    pub(super) business_units: Option<BTreeSet<String>>,
}

/// A refused token request, in OAuth's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    /// `invalid_client`, `invalid_scope`, `invalid_request` or `unsupported_grant_type`.
    pub error: &'static str,
    /// Why, as the body says it.
    pub description: &'static str,
}

impl OAuthError {
    fn new(error: &'static str, description: &'static str) -> Self {
        Self { error, description }
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        json!({ "error": self.error, "error_description": self.description })
    }

    /// 401 where the client is not known, else 400.
    pub fn status(&self) -> u16 {
        if self.error == "invalid_client" { 401 } else { 400 }
    }
}

type Form = BTreeMap<String, String>;

impl Access {
    /// Registers a user, or replaces it; the account is not locked then.
    pub fn add_user(&mut self, user: User) {
        let account = Account {
            user,
            failures: 0,
            locked: false,
        };
        self.users.insert(account.user.oprid.clone(), account);
    }

    /// Registers a client of the identity provider; its tokens stand for the user.
    pub fn add_client(&mut self, client_id: &str, secret: &str, oprid: &str) {
        let client = Client {
            secret: secret.into(),
            oprid: oprid.into(),
        };
        self.clients.insert(client_id.into(), client);
    }

    /// Gives a user a new password; the old one is wrong from now on.
    pub fn change_password(&mut self, oprid: &str, password: &str) {
        if let Some(account) = self.users.get_mut(oprid) {
            account.user.password = password.into();
        }
    }

    /// An administrator unlocks the account.
    pub fn unlock(&mut self, oprid: &str) {
        if let Some(account) = self.users.get_mut(oprid) {
            account.failures = 0;
            account.locked = false;
        }
    }

    /// The locked accounts.
    pub fn locked(&self) -> Vec<String> {
        let locked = self.users.values().filter(|account| account.locked);
        locked.map(|account| account.user.oprid.clone()).collect()
    }

    /// The access tokens that were given out and not revoked.
    pub fn given(&self) -> Vec<String> {
        self.tokens.keys().cloned().collect()
    }

    /// Revokes every token given out so far.
    pub fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Forgets tokens, counts, wrong passwords and locks; users and clients stay.
    pub fn forget(&mut self) {
        self.tokens.clear();
        self.counts = TokenCounts::default();
        for account in self.users.values_mut() {
            account.failures = 0;
            account.locked = false;
        }
    }

    /// The token endpoint: answers the body of a 200.
    ///
    /// # Errors
    /// The refusal, for a 400 (401 for `invalid_client`).
    pub fn token(
        &mut self,
        form: &Form,
        authorization: &str,
        options: &Options,
        now: Timestamp,
    ) -> Result<Value, OAuthError> {
        let granted = self.grant(form, authorization, options);
        match granted {
            Ok(oprid) => Ok(self.issue(oprid, options, now)),
            Err(refused) => {
                self.counts.refused += 1;
                Err(refused)
            }
        }
    }

    fn grant(&self, form: &Form, authorization: &str, options: &Options) -> Result<String, OAuthError> {
        let stranger = || OAuthError::new("invalid_client", "Client authentication failed.");
        let (id, secret) = client_credentials(form, authorization, options.client_auth).ok_or_else(stranger)?;
        let client = self.clients.get(&id).filter(|client| client.secret == secret);
        let client = client.ok_or_else(stranger)?;
        match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {}
            None | Some("") => return Err(OAuthError::new("invalid_request", "grant_type is missing.")),
            Some(_) => {
                return Err(OAuthError::new(
                    "unsupported_grant_type",
                    "grant_type is not supported.",
                ));
            }
        }
        if options.scope.is_some() && form.get("scope") != options.scope.as_ref() {
            return Err(OAuthError::new("invalid_scope", "The scope is not granted."));
        }
        Ok(client.oprid.clone())
    }

    fn issue(&mut self, oprid: String, options: &Options, now: Timestamp) -> Value {
        let token = random();
        let life = SignedDuration::from_secs(options.token_life_s);
        let until = now.checked_add(life).unwrap_or(Timestamp::MAX);
        self.tokens.insert(token.clone(), Grant { oprid, until });
        self.counts.issued += 1;
        self.counts.issued_at.push(now);
        let expires_in = if options.expires_in_as_string {
            json!(options.token_life_s.to_string())
        } else {
            json!(options.token_life_s)
        };
        json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in })
    }

    /// Who asks; `None` for whoever may not come in.
    pub(super) fn admit(&mut self, authorization: &str, options: &Options, now: Timestamp) -> Option<Session> {
        if authorization.is_empty() {
            return options.silent_anonymous.then(Session::anonymous);
        }
        if let Some(token) = authorization.strip_prefix("Bearer ") {
            let grant = self.tokens.get(token.trim()).filter(|grant| now < grant.until)?;
            let account = self.users.get(&grant.oprid).filter(|account| !account.locked)?;
            return (options.accepts != Accepts::Basic).then(|| Session::of(&account.user));
        }
        let (oprid, password) = basic(authorization)?;
        if options.accepts == Accepts::Bearer {
            return None;
        }
        self.log_in(&oprid, &password, options)
    }

    fn log_in(&mut self, oprid: &str, password: &str, options: &Options) -> Option<Session> {
        let account = self.users.get_mut(oprid)?;
        if account.locked {
            return None;
        }
        if account.user.password == password {
            account.failures = 0;
            return Some(Session::of(&account.user));
        }
        account.failures += 1;
        account.locked = account.failures >= options.lock_after;
        None
    }
}

impl Session {
    fn of(user: &User) -> Self {
        Self {
            oprid: user.oprid.clone(),
            permissions: user.permissions.clone(),
            business_units: user.business_units.clone(),
        }
    }

    fn anonymous() -> Self {
        Self {
            oprid: "ANONYMOUS".into(),
            permissions: BTreeSet::from([Permission::Query]),
            business_units: Some(BTreeSet::new()),
        }
    }
}

fn client_credentials(form: &Form, authorization: &str, accepted: ClientAuth) -> Option<(String, String)> {
    let in_form = || Some((form.get("client_id")?.clone(), form.get("client_secret")?.clone()));
    match accepted {
        ClientAuth::Basic => basic(authorization),
        ClientAuth::Form => in_form(),
        ClientAuth::Either => basic(authorization).or_else(in_form),
    }
}

fn basic(authorization: &str) -> Option<(String, String)> {
    let encoded = authorization.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn random() -> String {
    let mut bytes = [0_u8; 32];
    // A random source that fails leaves zeroes: in a simulator two equal tokens are a wrong test, not a danger.
    let _ = rand::fill(&mut bytes);
    HEXLOWER.encode(&bytes)
}
