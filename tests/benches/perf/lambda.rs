//! A function as Lambda runs it: its own process with the template's environment, and a runtime interface that hands it events.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use tests::world::Failure;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use super::cloud::{SHIPMENTS, plain, read, serve};

/// The longest that a start, or one event, may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a function is told that an invocation may take.
const INVOCATION: Duration = Duration::from_secs(60);

/// What a function says to the runtime interface.
enum Said {
    /// It asks for its first event.
    Ready(Instant),
    /// It answers an event.
    Answer(Vec<u8>),
    /// It failed at an event, or could not start.
    Error(Vec<u8>),
}

struct Interface {
    events: Mutex<mpsc::Receiver<Vec<u8>>>,
    said: mpsc::Sender<Said>,
}

async fn speak(State(interface): State<Arc<Interface>>, request: Request) -> Response {
    let arrived = Instant::now();
    let Ok((parts, body)) = read(request).await else {
        return plain(StatusCode::BAD_REQUEST, Body::empty());
    };
    let path = parts.uri.path();
    if path.ends_with("/invocation/next") {
        let _ = interface.said.send(Said::Ready(arrived)).await;
        return match interface.events.lock().await.recv().await {
            Some(event) => invocation(event),
            None => plain(StatusCode::GONE, Body::empty()),
        };
    }
    let said = match path.ends_with("/response") {
        true => Said::Answer(body.to_vec()),
        false => Said::Error(body.to_vec()),
    };
    let _ = interface.said.send(said).await;
    plain(StatusCode::ACCEPTED, Body::empty())
}

fn invocation(event: Vec<u8>) -> Response {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = (since + INVOCATION).as_millis();
    let answer = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
        )
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:waybill",
        )
        .body(Body::from(event));
    answer.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, Body::empty()))
}

/// A function's process.
pub(crate) struct Function {
    child: Child,
    id: u32,
    events: mpsc::Sender<Vec<u8>>,
    said: mpsc::Receiver<Said>,
    logged: Arc<AtomicU64>,
    /// From the start of its process to its first request for an event.
    pub(crate) start: Duration,
}

impl Function {
    /// Starts a binary, with AWS at this address, and waits until it asks for an event.
    pub(crate) async fn start(binary: &Path, aws: &str) -> Result<Self, Failure> {
        let (events, receiver) = mpsc::channel(1);
        let (sender, said) = mpsc::channel(4);
        let interface = Interface {
            events: Mutex::new(receiver),
            said: sender,
        };
        let address = serve(Router::new().fallback(speak).with_state(Arc::new(interface))).await?;
        let mut command = command(binary, &address, aws);
        let began = Instant::now();
        let mut child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let logged = Arc::new(AtomicU64::new(0));
        if let Some(lines) = child.stdout.take() {
            tokio::spawn(drain(lines, logged.clone()));
        }
        let id = child.id().ok_or("a function ended at once")?;
        let mut function = Self {
            child,
            id,
            events,
            said,
            logged,
            start: Duration::ZERO,
        };
        function.start = function.ready().await?.duration_since(began);
        Ok(function)
    }

    async fn said(&mut self) -> Result<Said, Failure> {
        let said = timeout(PATIENCE, self.said.recv()).await;
        Ok(said
            .map_err(|_| "a function says nothing")?
            .ok_or("the interface is gone")?)
    }

    async fn ready(&mut self) -> Result<Instant, Failure> {
        match self.said().await? {
            Said::Ready(at) => Ok(at),
            Said::Answer(text) | Said::Error(text) => Err(String::from_utf8_lossy(&text).into()),
        }
    }

    /// Hands it one event; it is ready for the next one afterwards.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Value, Failure> {
        self.events.send(event.to_string().into_bytes()).await?;
        let answer = match self.said().await? {
            Said::Answer(answer) => serde_json::from_slice(&answer)?,
            Said::Error(text) => return Err(format!("a function failed: {}", String::from_utf8_lossy(&text)).into()),
            Said::Ready(_) => return Err("a function asks for an event before it has answered".into()),
        };
        self.ready().await?;
        Ok(answer)
    }

    /// Its process's id.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// How many bytes it has logged.
    pub(crate) fn logged(&self) -> u64 {
        self.logged.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        Ok(())
    }
}

async fn drain(mut lines: impl AsyncReadExt + Unpin, logged: Arc<AtomicU64>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = lines.read(&mut bytes).await {
        logged.fetch_add(u64::try_from(length).unwrap_or(0), Ordering::Relaxed);
    }
}

/// The binary with the variables that Lambda and the template give it.
fn command(binary: &Path, interface: &str, aws: &str) -> Command {
    let name = binary.file_name().unwrap_or_default();
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", interface.trim_start_matches("http://"))
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/waybill")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/03/02/[$LATEST]0123456789abcdef")
        .env("AWS_ENDPOINT_URL", aws)
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin")
        .env("WAYBILL_STAGE", "local")
        .env("WAYBILL_TABLE", "waybill")
        .env("WAYBILL_BUCKET", "waybill")
        .env("WAYBILL_KEY", "arn:aws:kms:us-east-1:123456789012:key/waybill")
        .env("WAYBILL_SHIPMENTS_QUEUE", SHIPMENTS)
        .env("WAYBILL_SECRET_PREFIX", "waybill/test/")
        .env("WAYBILL_METRICS", "Waybill/waybill")
        .env("WAYBILL_LABEL_KEYS", tests::world::LABEL_KEYS)
        .env("WAYBILL_API_URL", "https://a1b2c3.execute-api.us-east-1.amazonaws.com")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    credentials(&mut command);
    for queue in [
        "DEAD_LETTERS",
        "TRACKING_QUEUE",
        "TRACKING_DEAD_LETTERS",
        "STOCK_QUEUE",
        "STOCK_DEAD_LETTERS",
    ] {
        let url = format!("https://sqs.us-east-1.amazonaws.com/123456789012/{queue}");
        command.env(format!("WAYBILL_{queue}"), url);
    }
    command
}

/// As Lambda gives them: in the environment.
pub(crate) fn credentials(command: &mut Command) {
    command
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        .env("AWS_SESSION_TOKEN", "session");
}
