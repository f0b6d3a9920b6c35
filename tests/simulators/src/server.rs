//! Serves a simulator on a loopback port and makes its faults happen on real connections.
//!
//! Connections are served by hyper itself rather than by `axum::serve`: a service that returns an error makes hyper
//! close the connection without writing an answer, which is how a lost answer looks to a client.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::Clock;
use crate::control;
use crate::faults::{FaultKind, FaultPlan};
use crate::requests::{RequestLog, RequestRecord};

/// The largest request body that is read; a larger one closes the connection.
const BODY_LIMIT: usize = 64 * 1024 * 1024;
/// How long a stopping server waits for requests that are being worked on.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// What stands under this path is for tests and people: it is neither counted nor struck by faults.
const CONTROL: &str = "/_control/";

/// What the base asks of a simulator.
pub trait Simulator: Send + Sync + 'static {
    /// The name under which a request is counted and faults are planned; `unknown` for a path it does not serve.
    fn operation(&self, method: &Method, path: &str) -> &'static str;

    /// The body of an error answer with this status, in the vendor's form.
    fn error_body(&self, status: u16) -> Value;

    /// The same for an operation, where a vendor's APIs differ in that.
    fn error_body_of(&self, _operation: &str, status: u16) -> Value {
        self.error_body(status)
    }

    /// The content type and body of an error that comes inside HTTP 200, where the vendor has that habit.
    fn fault_document(&self) -> Option<(&'static str, String)> {
        None
    }

    /// Stops accepting every token given out so far.
    fn expire_tokens(&self);

    /// What really happened, as JSON.
    fn books(&self) -> Value;

    /// Back to the state of the start; clock, faults and request log are reset by the base.
    fn reset(&self);
}

/// What every simulator shares with its tests; clones share the same clock, plan and log.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The simulator's clock.
    pub clock: Clock,
    /// The faults in force.
    pub faults: FaultPlan,
    /// What was asked.
    pub requests: RequestLog,
}

/// How far back look-ups see during this exchange: in the request's extensions while
/// [`FaultKind::StaleLookup`] strikes.
#[derive(Clone, Copy, Debug)]
pub struct StaleBy(pub jiff::SignedDuration);

/// The answer of this exchange will be lost: in the request's extensions while [`FaultKind::DropAfter`] strikes.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLost;

/// A simulator that is being served. Dropping it stops the server without waiting.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, lets requests that are being worked on finish (for at most two seconds), closes connections.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
    }
}

/// Serves `routes` (the vendor's and any control routes of the simulator's own) on 127.0.0.1.
///
/// `port` 0 takes any free port. The common [`control`] routes are added here.
///
/// # Errors
/// When the port cannot be listened on.
pub async fn serve(simulator: Arc<dyn Simulator>, routes: Router, base: Base, port: u16) -> io::Result<Serving> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let routes = routes.merge(control::routes(simulator.clone(), base.clone()));
    let front = Arc::new(Front {
        simulator,
        base,
        routes: TowerToHyperService::new(routes),
    });
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::spawn(accept(listener, front, stopped));
    Ok(Serving {
        address,
        stop,
        accepting,
    })
}

/// A simulator in the same process: the same exchanges, faults and log, without sockets.
#[derive(Clone)]
pub struct Local(Arc<Front>);

/// Answers in this process; `routes` as for [`serve`].
pub fn local(simulator: Arc<dyn Simulator>, routes: Router, base: Base) -> Local {
    Local(Arc::new(Front {
        simulator,
        base,
        routes: TowerToHyperService::new(routes),
    }))
}

impl Local {
    /// One exchange; `None` where the connection would be closed without an answer. Whoever gives up waiting does not stop
    /// the vendor.
    pub async fn exchange(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let (parts, body) = request.into_parts();
        let exchange = tokio::spawn(self.0.clone().exchange(parts, body));
        let (parts, body) = exchange.await.ok()?.ok()?.into_parts();
        let body = to_bytes(body, BODY_LIMIT).await.ok()?;
        Some(Response::from_parts(parts, body))
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a simulator in this process")
    }
}

async fn accept(listener: TcpListener, front: Arc<Front>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, front.clone(), stopped.clone()));
                }
            }
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_PATIENCE, finished).await;
}

/// Serves one connection until either side closes it.
async fn converse(stream: TcpStream, front: Arc<Front>, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| front.clone().receive(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // An error here is a dropped exchange or a client that left: both are the other side's to notice.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// The exchange ends without an answer: the connection is closed.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection is closed without an answer")
    }
}

impl std::error::Error for Dropped {}

struct Front {
    simulator: Arc<dyn Simulator>,
    base: Base,
    routes: TowerToHyperService<Router>,
}

impl Front {
    async fn receive(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(Body::new(body), BODY_LIMIT).await.map_err(|_| Dropped)?;
        if parts.uri.path().starts_with(CONTROL) {
            return Ok(self.work(parts, body).await);
        }
        // A task of its own: hyper drops the service when the client leaves, but a vendor goes on working.
        tokio::spawn(self.exchange(parts, body)).await.unwrap_or(Err(Dropped))
    }

    /// One counted exchange with the faults that strike it.
    async fn exchange(self: Arc<Self>, mut parts: Parts, body: Bytes) -> Result<Response<Body>, Dropped> {
        let text = String::from_utf8_lossy(&body).into_owned();
        let operation = self.simulator.operation(&parts.method, parts.uri.path());
        let told = if text.is_empty() { parts.uri.path() } else { &text };
        let faults = self.base.faults.strike(operation, told);
        let in_flight = self.base.requests.begin(self.record(&parts, operation, text, &faults));
        self.suffer(&faults, &mut parts).await;
        let answer = match faults.iter().find(|fault| is_refusal(fault)) {
            Some(refusal) => self.refuse(operation, refusal)?,
            None => {
                let answer = self.work(parts, body).await;
                self.spoil(operation, answer, &faults).await?
            }
        };
        in_flight.answered(answer.status().as_u16());
        Ok(answer)
    }

    fn record(&self, parts: &Parts, operation: &str, body: String, faults: &[FaultKind]) -> RequestRecord {
        let headers = parts.headers.iter().filter(|(name, _)| *name != AUTHORIZATION);
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        RequestRecord {
            headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
            number: 0,
            at: self.base.clock.now(),
            operation: operation.to_owned(),
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            body,
            status: None,
            faults: faults.iter().map(|fault| format!("{fault:?}")).collect(),
        }
    }

    /// What strikes before the request is looked at but does not answer it.
    async fn suffer(&self, faults: &[FaultKind], parts: &mut Parts) {
        for fault in faults {
            match fault {
                FaultKind::Delay { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
                FaultKind::ExpireTokens => self.simulator.expire_tokens(),
                FaultKind::DropAfter => {
                    parts.extensions.insert(AnswerLost);
                }
                FaultKind::StaleLookup { seconds } => {
                    parts
                        .extensions
                        .insert(StaleBy(jiff::SignedDuration::from_secs(i64::from(*seconds))));
                }
                _ => {}
            }
        }
    }

    async fn work(&self, parts: Parts, body: Bytes) -> Response<Body> {
        let answer: Result<_, Infallible> = self.routes.call(Request::from_parts(parts, Body::from(body))).await;
        match answer {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }

    fn refuse(&self, operation: &str, refusal: &FaultKind) -> Result<Response<Body>, Dropped> {
        match refusal {
            FaultKind::Status { code, retry_after } => Ok(self.error(operation, *code, *retry_after)),
            FaultKind::Html503 => Ok(page(
                StatusCode::SERVICE_UNAVAILABLE,
                "503 Service Temporarily Unavailable",
            )),
            FaultKind::Html401 => Ok(page(StatusCode::UNAUTHORIZED, "401 Authorization Required")),
            FaultKind::LoginRedirect => Ok(login_redirect()),
            FaultKind::Empty { code } => Ok(empty(*code)),
            FaultKind::ErrorIn200 { .. } => Ok(self.error_in_200(operation)),
            _ => Err(Dropped),
        }
    }

    /// What becomes of the answer to a request that had its effect.
    async fn spoil(
        &self,
        operation: &str,
        answer: Response<Body>,
        faults: &[FaultKind],
    ) -> Result<Response<Body>, Dropped> {
        let mut answer = answer;
        for fault in faults {
            match fault {
                FaultKind::SlowAnswer { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
                FaultKind::DropAfter => return Err(Dropped),
                FaultKind::Status500After => answer = self.error(operation, 500, None),
                FaultKind::Unreadable => answer = unreadable(),
                FaultKind::ErrorIn200 { after_effect: true } => answer = self.error_in_200(operation),
                FaultKind::Gzip { told } => answer = compressed(answer, *told).await?,
                _ => {}
            }
        }
        Ok(answer)
    }

    fn error_in_200(&self, operation: &str) -> Response<Body> {
        let Some((kind, document)) = self.simulator.fault_document() else {
            return self.error(operation, 500, None);
        };
        let mut answer = Response::new(Body::from(document));
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer
    }

    fn error(&self, operation: &str, code: u16, retry_after: Option<u64>) -> Response<Body> {
        let mut answer = Response::new(Body::from(self.simulator.error_body_of(operation, code).to_string()));
        *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = retry_after {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

fn is_refusal(fault: &FaultKind) -> bool {
    matches!(
        fault,
        FaultKind::Status { .. }
            | FaultKind::Html503
            | FaultKind::Html401
            | FaultKind::LoginRedirect
            | FaultKind::Empty { .. }
            | FaultKind::ErrorIn200 { after_effect: false }
            | FaultKind::DropBefore
    )
}

fn empty(code: u16) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// A gateway's page.
fn page(status: StatusCode, title: &str) -> Response<Body> {
    let text = format!("<html><head><title>{title}</title></head><body></body></html>");
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}

/// The same answer with its body compressed, whether its headers tell it or not.
async fn compressed(answer: Response<Body>, told: bool) -> Result<Response<Body>, Dropped> {
    let (mut parts, body) = answer.into_parts();
    let plain = to_bytes(body, BODY_LIMIT).await.map_err(|_| Dropped)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).map_err(|_| Dropped)?;
    let packed = encoder.finish().map_err(|_| Dropped)?;
    parts.headers.remove(CONTENT_LENGTH);
    if told {
        parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(Response::from_parts(parts, Body::from(packed)))
}

fn login_redirect() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::FOUND;
    let page = HeaderValue::from_static("https://login.example.com/signin");
    answer.headers_mut().insert(LOCATION, page);
    answer
}

fn unreadable() -> Response<Body> {
    let mut answer = Response::new(Body::from(r#"{"Response":{"Sta"#));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
