//! Started by messages of the `tracking` queue: applies news of parcels, and tells ERPs.

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
    let track = deployment.track();
    run(service_fn(|event: LambdaEvent<_>| {
        let trace = event.context.xray_trace_id.clone();
        telemetry::invocation(trace, handler::handle(&track, event))
    }))
    .await
}
