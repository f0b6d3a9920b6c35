//! Deploys `infra/template.yaml` as `sam deploy` would: the zips go to a bucket, the template's `CodeUri`s are pointed at
//! them, and a change set creates the stack.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::types::{Capability, ChangeSetStatus, ChangeSetType, Parameter, Stack, StackStatus};
use aws_sdk_dynamodb::types::{TimeToLiveSpecification, TimeToLiveStatus};
use tokio::time::sleep;

use crate::aws;
use crate::failure::{Failure, Outcome, While};
use crate::functions::Package;
use crate::place::Place;
use crate::progress::Line;
use crate::template::Template;

/// The name of every local stack.
pub const STACK: &str = "waybill-local";
const ARTIFACTS: &str = "waybill-artifacts";
const TEMPLATE: &str = "template.json";
const CHANGE_SET: &str = "create";

/// The template's times, short enough to watch. They keep the order that the template asks for: a call is shorter than the
/// function's timeout, and a lease longer.
pub const SHORT_TIMES: [(&str, &str); 12] = [
    ("CallTimeoutSeconds", "3"),
    ("WorkerTimeoutSeconds", "8"),
    ("LeaseSeconds", "10"),
    ("VisibilityTimeoutSeconds", "12"),
    ("SnapshotMaxAgeSeconds", "5"),
    ("HeldRereadSeconds", "2"),
    ("RetrySeconds", "1"),
    ("LookScheduleSeconds", "1,2,3,4"),
    ("DuplicateCheckSeconds", "4"),
    ("ErpWindowSeconds", "3"),
    ("TellAfterSeconds", "1"),
    ("TrackingBatchSeconds", "1"),
];

/// Names the address of the API that carriers are told, where it is not the stack's own: a relay in between.
const API_URL: &str = "WAYBILL_LOCAL_API_URL";

/// The outputs of a stack by name.
pub type Outputs = BTreeMap<String, String>;

/// Creates the stack from the template and waits until it stands. The simulated ShipStation answers at `desk`, a port of this
/// machine: there it publishes the keys by which it signs.
///
/// # Errors
/// A part of the stack cannot be created: the failure names it with CloudFormation's reason.
pub async fn deploy(place: &Place, packages: &[Package], endpoint: &str, desk: u16, line: &Line) -> Outcome<Outputs> {
    let config = aws::config(endpoint);
    line.at("uploading the functions");
    upload(&config, packages).await?;
    line.at("creating the stack");
    let template = upload_template(&config, packaged_template(place)?).await?;
    let cloudformation = CloudFormation::new(&config);
    create_change_set(&cloudformation, &format!("{endpoint}/{template}"), desk).await?;
    wait_for_change_set(&cloudformation).await?;
    let execute = cloudformation
        .execute_change_set()
        .stack_name(STACK)
        .change_set_name(CHANGE_SET);
    execute.send().await.doing("executing the change set")?;
    let outputs = outputs(&wait_for_stack(&cloudformation).await?);
    turn_on_expiry(&config, &outputs).await?;
    Ok(outputs)
}

async fn upload(config: &SdkConfig, packages: &[Package]) -> Outcome<()> {
    let s3 = aws::s3(config);
    s3.create_bucket()
        .bucket(ARTIFACTS)
        .send()
        .await
        .doing("creating the bucket of the functions' zips")?;
    for package in packages {
        let bytes = tokio::fs::read(&package.zip).await.doing("reading a function's zip")?;
        let object = s3
            .put_object()
            .bucket(ARTIFACTS)
            .key(format!("{}.zip", package.binary))
            .body(bytes.into());
        object
            .send()
            .await
            .doing(format_args!("uploading {}", package.binary))?;
    }
    Ok(())
}

/// Puts the template beside the zips, as `sam deploy` does: CloudFormation takes 51,200 bytes of it in a request, and a million
/// from a bucket. Answers its place below S3's address.
async fn upload_template(config: &SdkConfig, template: String) -> Outcome<String> {
    let object = aws::s3(config).put_object().bucket(ARTIFACTS).key(TEMPLATE);
    let object = object.body(template.into_bytes().into());
    object.send().await.doing("uploading the template")?;
    Ok(format!("{ARTIFACTS}/{TEMPLATE}"))
}

fn packaged_template(place: &Place) -> Outcome<String> {
    let path = place.template();
    let yaml = std::fs::read_to_string(&path).doing(format_args!("reading {}", path.display()))?;
    Ok(Template::parse(&yaml)?.packaged(ARTIFACTS).json().to_string())
}

fn parameters(desk: u16) -> Vec<Parameter> {
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };
    let fixed = [
        ("Stage", "local"),
        ("Architecture", architecture),
        ("LogLevel", "debug"),
        ("WorkerConcurrency", "4"),
        ("TrackingConcurrency", "4"),
        ("StockConcurrency", "4"),
    ];
    let parameter =
        |(name, value): (&str, &str)| Parameter::builder().parameter_key(name).parameter_value(value).build();
    let told = std::env::var(API_URL).ok();
    let told = told.iter().map(|url| ("ApiUrl", url.as_str()));
    let keys = format!("http://127.0.0.1:{desk}/jwks");
    fixed
        .into_iter()
        .chain(SHORT_TIMES)
        .chain(told)
        .chain([("SigningKeysUrl", keys.as_str())])
        .map(parameter)
        .collect()
}

async fn create_change_set(cloudformation: &CloudFormation, template: &str, desk: u16) -> Outcome<()> {
    let request = cloudformation
        .create_change_set()
        .stack_name(STACK)
        .change_set_name(CHANGE_SET)
        .change_set_type(ChangeSetType::Create)
        .template_url(template)
        .set_parameters(Some(parameters(desk)))
        .capabilities(Capability::CapabilityIam)
        .capabilities(Capability::CapabilityAutoExpand);
    request.send().await.doing("creating the change set")?;
    Ok(())
}

async fn wait_for_change_set(cloudformation: &CloudFormation) -> Outcome<()> {
    loop {
        let describe = cloudformation
            .describe_change_set()
            .stack_name(STACK)
            .change_set_name(CHANGE_SET);
        let change_set = describe.send().await.doing("reading the change set")?;
        match change_set.status() {
            Some(ChangeSetStatus::CreateComplete) => return Ok(()),
            Some(ChangeSetStatus::Failed) => {
                let reason = change_set.status_reason().unwrap_or("no reason given");
                return Err(Failure::new(format!("the template is refused: {reason}")));
            }
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn wait_for_stack(cloudformation: &CloudFormation) -> Outcome<Stack> {
    loop {
        let answer = cloudformation
            .describe_stacks()
            .stack_name(STACK)
            .send()
            .await
            .doing("reading the stack")?;
        let stack = answer
            .stacks()
            .first()
            .ok_or_else(|| Failure::new("the stack is gone"))?;
        match stack.stack_status() {
            Some(StackStatus::CreateComplete) => return Ok(stack.clone()),
            Some(StackStatus::CreateInProgress | StackStatus::ReviewInProgress) => {
                sleep(Duration::from_millis(100)).await;
            }
            status => return Err(refused_parts(cloudformation, status).await),
        }
    }
}

async fn refused_parts(cloudformation: &CloudFormation, status: Option<&StackStatus>) -> Failure {
    let status = status.map_or("unknown", StackStatus::as_str);
    let Ok(answer) = cloudformation.describe_stack_events().stack_name(STACK).send().await else {
        return Failure::new(format!("the stack cannot be created ({status})"));
    };
    let failed = answer.stack_events().iter().filter(|event| {
        event
            .resource_status()
            .is_some_and(|status| status.as_str().ends_with("FAILED"))
    });
    let reasons: Vec<String> = failed
        .map(|event| {
            let part = event.logical_resource_id().unwrap_or("?");
            format!(
                "  {part}: {}",
                event.resource_status_reason().unwrap_or("no reason given")
            )
        })
        .collect();
    Failure::new(format!(
        "the stack cannot be created ({status})\n{}",
        reasons.join("\n")
    ))
}

fn outputs(stack: &Stack) -> Outputs {
    let pair = |output: &aws_sdk_cloudformation::types::Output| {
        Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
    };
    stack.outputs().iter().filter_map(pair).collect()
}

/// MiniStack ignores the template's `TimeToLiveSpecification`.
async fn turn_on_expiry(config: &SdkConfig, outputs: &Outputs) -> Outcome<()> {
    let table = outputs
        .get("Table")
        .ok_or_else(|| Failure::new("the stack has no output Table"))?;
    let dynamodb = aws_sdk_dynamodb::Client::new(config);
    let describe = dynamodb
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await
        .doing("reading the table's expiry")?;
    let status = describe
        .time_to_live_description()
        .and_then(|expiry| expiry.time_to_live_status());
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let expiry = TimeToLiveSpecification::builder()
        .attribute_name("expires_at")
        .enabled(true)
        .build();
    let update = dynamodb.update_time_to_live().table_name(table);
    let expiry = expiry.doing("describing the table's expiry")?;
    update
        .time_to_live_specification(expiry)
        .send()
        .await
        .doing("turning on the table's expiry")?;
    Ok(())
}
