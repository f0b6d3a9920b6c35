//! What every API call goes through before its own rules: the bearer token, the quotas, the capability, the form of the
//! body.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use jiff::SignedDuration;
use serde_json::Value;

use super::answer::{Refusal, customer_transaction};
use super::{Capability, FedEx, Project};
use crate::server::StaleBy;

/// An authenticated call.
pub(super) struct Call {
    pub(super) project: Project,
    /// The JSON body.
    pub(super) body: Value,
    /// The body as sent.
    pub(super) raw: Bytes,
    /// What the caller calls the transaction.
    pub(super) transaction: Option<String>,
    /// How far behind look-ups are during this call.
    pub(super) stale: SignedDuration,
    /// Where the caller found FedEx, for links.
    pub(super) host: String,
}

impl FromRequest<FedEx> for Call {
    type Rejection = Refusal;

    async fn from_request(request: Request, fedex: &FedEx) -> Result<Self, Refusal> {
        let headers = request.headers().clone();
        let capability = Capability::of(request.uri().path());
        let project = fedex.admit(&headers, capability)?;
        let stale = request.extensions().get::<StaleBy>();
        let stale = stale.map_or(SignedDuration::ZERO, |by| by.0);
        let raw = Bytes::from_request(request, fedex)
            .await
            .map_err(|_| Refusal::bad("BAD.REQUEST.ERROR", "The request is too large"))?;
        Ok(Self {
            project,
            body: json_of(&headers, &raw)?,
            raw,
            transaction: customer_transaction(&headers),
            stale,
            host: header(&headers, "host").unwrap_or("localhost").to_owned(),
        })
    }
}

impl FedEx {
    /// The project whose token the call carries, if the token is good, the quotas leave room and the project may do
    /// this.
    fn admit(&self, headers: &HeaderMap, capability: Capability) -> Result<Project, Refusal> {
        let now = self.now();
        let mut state = self.state();
        let token = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| Refusal::unauthorised("The access token is missing"))?;
        let holder = state.holder(token, now);
        let project = holder.ok_or_else(|| Refusal::unauthorised("The access token expired or is not known"))?;
        state.count_call(&project.key, capability, now)?;
        if project.capabilities.contains(&capability) {
            Ok(project)
        } else {
            Err(Refusal::forbidden())
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn json_of(headers: &HeaderMap, raw: &Bytes) -> Result<Value, Refusal> {
    let kind = header(headers, "content-type").unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("application/json") {
        return Err(Refusal::bad(
            "BAD.REQUEST.ERROR",
            "The content type must be application/json",
        ));
    }
    let body: Option<Value> = serde_json::from_slice(raw).ok();
    body.filter(Value::is_object)
        .ok_or_else(|| Refusal::bad("BAD.REQUEST.ERROR", "The body is not a JSON object"))
}
