//! What one order asks for, taken down in its order: the yardstick asks the same of a server that gives the same answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use tests::world::Failure;

use super::cloud::{plain, read, serve, spoken};

/// One request, and what it was answered where that is not always the same.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// A request of a service of AWS that speaks JSON.
    Json {
        service: String,
        operation: String,
        body: Value,
        #[serde(skip)]
        answer: String,
    },
    /// An object for the bucket.
    Put { key: String, bytes: usize },
    /// A call of a vendor.
    Call {
        vendor: &'static str,
        method: String,
        path: String,
        headers: Vec<(String, String)>,
        body: String,
        #[serde(skip)]
        status: u16,
        #[serde(skip)]
        answer: String,
    },
}

impl Step {
    /// By what a request is known again, whatever the order of its fields.
    fn name(&self) -> String {
        match self {
            Self::Json {
                service,
                operation,
                body,
                ..
            } => json_name(&format!("{service}.{operation}"), body),
            Self::Put { .. } => "put".to_owned(),
            Self::Call {
                vendor, method, path, ..
            } => format!("{vendor} {method} {path}"),
        }
    }
}

/// Reads are known by what they read; to everything else there is one answer.
fn json_name(operation: &str, body: &Value) -> String {
    let key = body.get("Key").or_else(|| body.get("RequestItems"));
    format!("{operation} {}", key.cloned().unwrap_or_default())
}

/// What is taken down, while that is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Option<Vec<Step>>>>);

impl Notes {
    /// From now on everything is taken down.
    pub(crate) fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// What was taken down; from now on nothing is.
    pub(crate) fn end(&self) -> Vec<Step> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_default()
    }

    /// Takes a request down, if that is wanted.
    pub(crate) fn take_down(&self, step: impl FnOnce() -> Step) {
        if let Some(steps) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            steps.push(step());
        }
    }
}

/// Gives the answers of a script again.
#[derive(Clone)]
struct Prompter {
    /// Which vendor it is, or AWS.
    who: &'static str,
    answers: Arc<HashMap<String, (u16, String)>>,
}

/// Where the answers of a script are given again.
#[derive(Debug, Clone)]
pub(crate) struct Replayed {
    /// The address of AWS.
    pub(crate) aws: String,
    /// The address of the carrier.
    pub(crate) carrier: String,
    /// The address of the ERP.
    pub(crate) erp: String,
}

impl Replayed {
    /// Answers on three ports, as there are three sides.
    pub(crate) async fn serve(steps: &[Step]) -> Result<Self, Failure> {
        let answers = steps.iter().filter_map(|step| match step {
            Step::Json { answer, .. } => Some((step.name(), (200, answer.clone()))),
            Step::Call { status, answer, .. } => Some((step.name(), (*status, answer.clone()))),
            Step::Put { .. } => None,
        });
        let answers = Arc::new(answers.collect::<HashMap<_, _>>());
        let prompter = async |who| {
            let answers = answers.clone();
            serve(Router::new().fallback(prompt).with_state(Prompter { who, answers })).await
        };
        Ok(Self {
            aws: prompter("aws").await?,
            carrier: prompter("carrier").await?,
            erp: prompter("erp").await?,
        })
    }
}

async fn prompt(State(prompter): State<Prompter>, request: Request) -> Response {
    let Ok((parts, body)) = read(request).await else {
        return plain(StatusCode::BAD_REQUEST, Body::empty());
    };
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let name = match target.and_then(|target| target.split_once('.')) {
        Some((service, operation)) => {
            let service = if service.starts_with("DynamoDB") {
                "dynamodb"
            } else {
                "sqs"
            };
            json_name(
                &format!("{service}.{operation}"),
                &serde_json::from_slice(&body).unwrap_or_default(),
            )
        }
        None if prompter.who == "aws" => return plain(StatusCode::OK, Body::empty()),
        None => format!("{} {} {path}", prompter.who, parts.method),
    };
    match prompter.answers.get(&name) {
        Some((status, text)) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
            let mut response = spoken(status, text.clone());
            let json = http::HeaderValue::from_static("application/json");
            response.headers_mut().insert(http::header::CONTENT_TYPE, json);
            response
        }
        None => {
            eprintln!("nobody knows what was answered to {name}");
            spoken(
                StatusCode::BAD_REQUEST,
                json!({ "__type": "com.amazonaws#Unknown" }).to_string(),
            )
        }
    }
}
