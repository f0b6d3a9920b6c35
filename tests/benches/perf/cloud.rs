//! AWS as the functions ask for it, answered at once: the table, the queues, the bucket, the secrets and the key behind one address.
//! Every request is counted; what one order asks for can be taken down, to be asked again by the yardstick.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt;
use bytes::Bytes;
use data_encoding::BASE64;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::world::Failure;
use tokio::net::TcpListener;

use super::script::{Notes, Step};
use super::table::{Refused, Table};

/// The largest body that is read.
const MOST: usize = 64 * 1024 * 1024;

/// The queue of jobs.
pub(crate) const SHIPMENTS: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/shipments";

/// Serves whatever answers requests on a free port of this machine; answers its address.
pub(crate) async fn serve(router: Router) -> Result<String, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    // A socket that waits for more to send would be measured, and not the function.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

/// A request as it came.
pub(crate) async fn read(request: Request) -> Result<(http::request::Parts, Bytes), axum::Error> {
    let (parts, body) = request.into_parts();
    Ok((parts, to_bytes(body, MOST).await?))
}

/// How often what was asked for.
pub(crate) type Counts = BTreeMap<String, u64>;

/// What stands behind the address.
#[derive(Default)]
struct Inside {
    table: Table,
    secrets: HashMap<String, String>,
    jobs: Vec<String>,
    counts: Counts,
}

/// AWS.
#[derive(Clone, Default)]
pub(crate) struct Cloud {
    inside: Arc<Mutex<Inside>>,
    notes: Notes,
}

impl Cloud {
    /// AWS with nothing in it, which takes down what it is asked for while that is wanted.
    pub(crate) fn new(notes: Notes) -> Self {
        Self {
            notes,
            ..Self::default()
        }
    }

    /// Answers on a free port.
    pub(crate) async fn serve(&self) -> Result<String, Failure> {
        serve(Router::new().fallback(answer).with_state(self.clone())).await
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inside) -> T) -> T {
        act(&mut self.inside.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores a secret.
    pub(crate) fn keep_secret(&self, name: &str, body: &Value) {
        self.with(|inside| inside.secrets.insert(name.to_owned(), body.to_string()));
    }

    /// The messages of the jobs' queue, which is empty afterwards.
    pub(crate) fn take_jobs(&self) -> Vec<String> {
        self.with(|inside| std::mem::take(&mut inside.jobs))
    }

    /// How often what was asked for since it was asked last.
    pub(crate) fn take_counts(&self) -> Counts {
        self.with(|inside| std::mem::take(&mut inside.counts))
    }
}

async fn answer(State(cloud): State<Cloud>, request: Request) -> Response {
    let Ok((parts, body)) = read(request).await else {
        return plain(StatusCode::BAD_REQUEST, Body::empty());
    };
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    match target.and_then(|target| target.split_once('.')) {
        Some((service, operation)) => {
            let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
            let answered = cloud.ask(service, operation, &asked);
            let (status, text) = match &answered {
                Ok(answer) => (StatusCode::OK, answer.to_string()),
                Err(refused) => (StatusCode::BAD_REQUEST, refusal(refused)),
            };
            cloud.notes.take_down(|| Step::Json {
                service: short(service).to_owned(),
                operation: operation.to_owned(),
                body: asked,
                answer: text.clone(),
            });
            spoken(status, text)
        }
        None => cloud.object(&parts, &body),
    }
}

/// The service in one word.
fn short(service: &str) -> &str {
    match service {
        "AmazonSQS" => "sqs",
        "secretsmanager" => "secrets",
        "TrentService" => "kms",
        dynamo if dynamo.starts_with("DynamoDB_") => "dynamodb",
        other => other,
    }
}

impl Cloud {
    fn ask(&self, service: &str, operation: &str, asked: &Value) -> Result<Value, Refused> {
        let service = short(service);
        self.with(|inside| {
            *inside.counts.entry(format!("{service}.{operation}")).or_default() += 1;
            match (service, operation) {
                ("dynamodb", operation) => inside.table.ask(operation, asked),
                ("sqs", "SendMessage") => Ok(inside.send(asked.get("QueueUrl"), asked)),
                ("sqs", "SendMessageBatch") => Ok(inside.send_all(asked)),
                ("secrets", "GetSecretValue") => inside.secret(asked),
                ("kms", "GenerateDataKey") => Ok(data_key()),
                ("kms", "Decrypt") => Ok(json!({ "KeyId": "key", "Plaintext": BASE64.encode(&[7; 32]) })),
                _ => Err(Refused {
                    code: "UnknownOperationException",
                    body: json!({ "message": format!("the stand-in does not know {service}.{operation}") }),
                }),
            }
        })
    }

    fn object(&self, parts: &http::request::Parts, body: &Bytes) -> Response {
        self.with(|inside| *inside.counts.entry(format!("s3.{}", parts.method)).or_default() += 1);
        match parts.method {
            Method::PUT => {
                let path = parts.uri.path().to_owned();
                self.notes.take_down(|| Step::Put {
                    key: path.split('/').skip(2).collect::<Vec<_>>().join("/"),
                    bytes: body.len(),
                });
                plain(StatusCode::OK, Body::empty())
            }
            Method::GET => {
                let none = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
                plain(StatusCode::NOT_FOUND, Body::from(none))
            }
            _ => plain(StatusCode::NO_CONTENT, Body::empty()),
        }
    }
}

impl Inside {
    fn send_all(&mut self, asked: &Value) -> Value {
        let entries = asked
            .get("Entries")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let sent = entries.iter().map(|entry| {
            let told = self.send(asked.get("QueueUrl"), entry);
            json!({ "Id": entry.get("Id"), "MessageId": told.get("MessageId"), "MD5OfMessageBody": "" })
        });
        json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": [] })
    }

    fn send(&mut self, queue: Option<&Value>, message: &Value) -> Value {
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        // What is to be looked at later is counted, and not delivered.
        let later = message
            .get("DelaySeconds")
            .and_then(Value::as_u64)
            .is_some_and(|seconds| seconds > 0);
        if queue.and_then(Value::as_str) == Some(SHIPMENTS) && !later {
            self.jobs.extend(text("MessageBody").map(str::to_owned));
        }
        json!({ "MessageId": "5fea7756-0ea4-451a-a703-a558b933e274", "MD5OfMessageBody": "" })
    }

    fn secret(&self, asked: &Value) -> Result<Value, Refused> {
        let name = asked.get("SecretId").and_then(Value::as_str).unwrap_or_default();
        let Some(secret) = self.secrets.get(name) else {
            return Err(Refused {
                code: "ResourceNotFoundException",
                body: json!({ "Message": "there is no such secret" }),
            });
        };
        Ok(json!({ "Name": name, "SecretString": secret, "VersionId": "1" }))
    }
}

fn data_key() -> Value {
    json!({ "KeyId": "key", "Plaintext": BASE64.encode(&[7; 32]), "CiphertextBlob": BASE64.encode(&[9; 184]) })
}

fn refusal(refused: &Refused) -> String {
    let mut body = refused.body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("__type".to_owned(), json!(format!("com.amazonaws#{}", refused.code)));
    }
    body.to_string()
}

/// An answer of the services that speak JSON.
pub(crate) fn spoken(status: StatusCode, text: String) -> Response {
    let mut response = plain(status, Body::from(text));
    let json = http::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

/// An answer without a content type.
pub(crate) fn plain(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let id = http::HeaderValue::from_static("TYV3KZ0J6ZQ0Q5N7");
    response.headers_mut().insert("x-amzn-requestid", id);
    response
}
