//! The only place that opens sockets to vendors.
//!
//! It sends one call with its authorisation, within its permit and the account's limits, records the exchange without
//! credentials, and says what a failure means. Redirects are never followed, bodies are bounded, answers may be gzipped.

mod classify;
mod client;
mod document;
mod lane;
mod oauth;
mod redact;
mod session;
mod token;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

pub use classify::{Lost, VendorError, effect, read};
pub use client::{Client, Network, client, client_when_needed, is_private};
#[cfg(any(test, feature = "testing"))]
pub use client::{Fate, Vendor};
pub use document::document;
pub use lane::{Lane, RATE_ALLOWED, Slots, rate_of};
pub use oauth::{ClientAuthentication, ClientCredentials, issued};
pub use session::{Authorise, Basic, Bearer, Unauthorised};
pub use token::SharedTokens;

use crate::domain::{Asking, Readiness};
use crate::ports::{CallError, Clock, Exchange, Later, Obstacle, Permit, Recorder};
use crate::telemetry;

/// The longest wait that a vendor may ask for, in seconds: after an hour we ask again.
const LONGEST_WAIT: u64 = 3600;

/// One request to a vendor.
#[derive(Debug, Clone)]
pub struct Call {
    /// What is asked, for the audit and the logs (`ship`).
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// Path and query, beginning with `/`, already encoded.
    pub path: String,
    /// Headers beside authorisation and content type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

impl Call {
    /// A call without headers or body.
    pub fn new(operation: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self {
            operation,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Body::Empty,
        }
    }

    /// The same call with a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same call with a JSON body.
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Body::Json(body.to_string());
        self
    }

    /// The same call with a body of this media type.
    pub fn text(mut self, media: impl Into<String>, text: impl Into<String>) -> Self {
        self.body = Body::Text {
            media: media.into(),
            text: text.into(),
        };
        self
    }

    /// The same call with a form; a form may hold credentials, and is recorded without them.
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = Body::Form(
            url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish(),
        );
        self
    }
}

/// What a call carries.
#[derive(Clone)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(String),
    /// A text of another media type, or JSON under another name.
    Text {
        /// The content type.
        media: String,
        /// The text.
        text: String,
    },
    /// A form, recorded without its credentials.
    Form(String),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Json(_) => "json",
            Self::Text { .. } => "text",
            Self::Form(_) => "form",
        })
    }
}

/// What a vendor answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON, where it is.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// How long the vendor asks to wait, where it says so in seconds: by the usual header, else by the one that tells when its count
    /// begins anew.
    pub fn retry_after(&self) -> Option<Duration> {
        self.seconds("retry-after").or_else(|| self.limit_reset())
    }

    /// When the vendor's count of calls begins anew, where it says so in seconds from now.
    pub fn limit_reset(&self) -> Option<Duration> {
        // What is larger is a time, not a number of seconds from now.
        self.seconds("x-rate-limit-reset")
            .filter(|wait| wait.as_secs() < LONGEST_WAIT)
    }

    fn seconds(&self, header: &str) -> Option<Duration> {
        let seconds: u64 = self.header(header)?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
    }
}

/// One vendor's address as one connection reaches it.
#[derive(Clone)]
pub struct Endpoint {
    /// The pooled client.
    pub client: Client,
    /// The system, for the audit.
    pub system: &'static str,
    /// Scheme, host and path prefix.
    pub base: Url,
    /// Where the vendor names the exchange: headers of an answer in lower case, and with a leading `/` fields of its body.
    pub vendor_ids: &'static [&'static str],
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where exchanges are recorded.
    pub recorder: Recorder,
    /// The longest that one call may take.
    pub timeout: Duration,
    /// The account's shared limits.
    pub lane: Lane,
}

impl Endpoint {
    /// Sends a call. A 401 is answered by one new authorisation and one more try, if the permit still allows it.
    ///
    /// The answer of any status is `Ok`; [`read`] and [`effect`] say what it means.
    pub async fn send(&self, call: &Call, auth: &dyn Authorise, permit: Option<Permit>) -> Result<Answer, Lost> {
        let asking = if permit.is_some() { Asking::Effect } else { Asking::Read };
        let pass = self.lane.enter(asking, self.clock.now()).await.map_err(Lost::NotSent)?;
        let result = self.send_authorised(call, auth, permit, pass.may_renew).await;
        self.lane
            .leave(pass, &self.lane.lesson(&result), self.clock.now())
            .await;
        if let Ok(answer) = &result {
            self.lane.heed(answer, self.clock.now()).await;
        }
        result
    }

    /// Whether a purchase may be prepared, as far as the fleet knows; nothing is sent.
    pub async fn ready(&self) -> Result<Readiness, CallError> {
        self.lane.ready(self.clock.now()).await
    }

    async fn send_authorised(
        &self,
        call: &Call,
        auth: &dyn Authorise,
        permit: Option<Permit>,
        may_renew: bool,
    ) -> Result<Answer, Lost> {
        let answer = self.send_once(call, auth, permit).await?;
        if is_refused(answer.status) && may_renew && auth.renew().await.map_err(not_authorised)? {
            return self.send_once(call, auth, permit).await;
        }
        Ok(answer)
    }

    async fn send_once(&self, call: &Call, auth: &dyn Authorise, permit: Option<Permit>) -> Result<Answer, Lost> {
        let url = self.url(call)?;
        let authorisation = auth.header(&call.method, &url).await.map_err(not_authorised)?;
        let request = self.request(call, url, authorisation)?;
        self.lane.count(self.clock.now()).await.map_err(Lost::NotSent)?;
        self.check(permit)?;
        let (at, began) = (self.clock.now(), Instant::now());
        let result = self.client.exchange(request).await;
        self.record(call, at, began, &result);
        result
    }

    fn url(&self, call: &Call) -> Result<Url, Lost> {
        let text = format!("{}{}", self.base.as_str().trim_end_matches('/'), call.path);
        let url = Url::parse(&text).map_err(|_| unsendable("the address cannot be built"))?;
        if url.host() == self.base.host() {
            Ok(url)
        } else {
            Err(unsendable("the address leads to another host"))
        }
    }

    fn request(
        &self,
        call: &Call,
        url: Url,
        authorisation: Option<(&'static str, String)>,
    ) -> Result<reqwest::Request, Lost> {
        let request = self.client.request(call.method.clone(), url)?;
        let mut request = request.timeout(self.timeout);
        if !call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            request = request.header("accept", "application/json");
        }
        for (name, value) in call.headers.iter().chain(&authorisation) {
            request = request.header(*name, value);
        }
        let request = match &call.body {
            Body::Empty => request,
            Body::Json(text) => request.header("content-type", "application/json").body(text.clone()),
            Body::Text { media, text } => request.header("content-type", media).body(text.clone()),
            Body::Form(text) => request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(text.clone()),
        };
        request.build().map_err(|_| unsendable("the request cannot be built"))
    }

    /// The last thing before sending: the call must end before the lease does.
    fn check(&self, permit: Option<Permit>) -> Result<(), Lost> {
        let longest = jiff::SignedDuration::try_from(self.timeout).unwrap_or(jiff::SignedDuration::MAX);
        match permit {
            Some(permit)
                if self
                    .clock
                    .now()
                    .checked_add(longest)
                    .is_ok_and(|end| end >= permit.until) =>
            {
                Err(Lost::NotSent(Later::new(
                    Obstacle::LeaseTooShort,
                    "too little of the lease is left to begin the call",
                )))
            }
            _ => Ok(()),
        }
    }

    fn count(&self, status: Option<u16>) {
        telemetry::count_of(self.system, "Calls", 1);
        if let Some(trouble) = trouble(status) {
            telemetry::count_of(self.system, trouble, 1);
        }
    }

    fn named_by_vendor(&self, answer: &Answer) -> Vec<(String, String)> {
        let given = |name: &&str| match name.strip_prefix('/') {
            Some(field) => {
                let body = answer.json()?;
                Some((field.to_owned(), body.get(field)?.as_str()?.to_owned()))
            }
            None => Some(((*name).to_owned(), answer.header(name)?.to_owned())),
        };
        self.vendor_ids.iter().filter_map(given).collect()
    }

    fn record(&self, call: &Call, at: jiff::Timestamp, began: Instant, result: &Result<Answer, Lost>) {
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (status, received) = match result {
            Ok(answer) if matches!(call.body, Body::Form(_)) => (Some(answer.status), redact::answer(&answer.body)),
            Ok(answer) => (
                Some(answer.status),
                redact::json(&String::from_utf8_lossy(&answer.body)),
            ),
            Err(lost) => (None, lost.to_string()),
        };
        tracing::info!(
            system = self.system,
            operation = call.operation,
            status,
            milliseconds,
            "called"
        );
        self.count(status);
        let sent = match &call.body {
            Body::Json(text) | Body::Text { text, .. } => Some(redact::json(text)),
            Body::Empty => None,
            Body::Form(text) => Some(redact::form(text)),
        };
        let (system, operation) = (self.system.to_owned(), call.operation.to_owned());
        let headers = call.headers.iter();
        self.recorder.record(Exchange {
            at,
            system,
            operation,
            base: self.base.as_str().trim_end_matches('/').to_owned(),
            request: format!("{} {}", call.method, call.path),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            sent,
            status,
            vendor_ids: result
                .as_ref()
                .map(|answer| self.named_by_vendor(answer))
                .unwrap_or_default(),
            received,
            milliseconds,
        });
    }
}

/// Under which name a call is counted beside all calls: what a vendor refuses for a reason of its trade is no failure of it.
fn trouble(status: Option<u16>) -> Option<&'static str> {
    match status {
        Some(429) => Some("CallsThrottled"),
        None | Some(403 | 500..) => Some("CallErrors"),
        Some(status) if is_refused(status) => Some("CallErrors"),
        Some(_) => None,
    }
}

/// Whether the answer refuses the credential: a redirect leads to a login page, and is never followed.
fn is_refused(status: u16) -> bool {
    status == 401 || (300..400).contains(&status)
}

fn unsendable(why: &str) -> Lost {
    Lost::NotSent(Later::new(Obstacle::Unreachable, why))
}

fn not_authorised(error: CallError) -> Lost {
    match error {
        CallError::Later(later) => Lost::NotSent(later),
        CallError::Refused(refusal) => Lost::NotSent(Later::new(Obstacle::Unauthorised, refusal.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::trouble;

    #[test]
    fn a_refusal_of_the_trade_is_no_failure_of_the_vendor() {
        assert_eq!([200, 400, 404, 422].map(|status| trouble(Some(status))), [None; 4]);
        let failed = [302, 401, 403, 500, 503].map(|status| trouble(Some(status)));
        assert_eq!(failed, [Some("CallErrors"); 5]);
        assert_eq!(
            (trouble(None), trouble(Some(429))),
            (Some("CallErrors"), Some("CallsThrottled"))
        );
    }
}
