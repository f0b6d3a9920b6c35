//! Started by the HTTP API: opens a label for whoever holds a link to it.
//!
//! A function of its own, although `order-status` is as public: it reads one job by its id and one folder of the bucket, and
//! neither may be given to a function that does not need it.

mod handler;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use waybill::config::Config;
use waybill::deployment::Deployment;
use waybill::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_environment()?;
    telemetry::start(config.log_level, env!("CARGO_CRATE_NAME"), &config.metrics);
    let deployment = Deployment::open(config).await;
    let link = deployment.label_link();
    run(service_fn(|event: LambdaEvent<_>| {
        let trace = event.context.xray_trace_id.clone();
        telemetry::invocation(trace, handler::handle(&link, event))
    }))
    .await
}
