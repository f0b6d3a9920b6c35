//! Started by schedules: queues again what is due, and reconciles every connection once a day.

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
    let (sweep, reconcile) = (deployment.sweep(), deployment.reconcile());
    let limit = deployment.config.sweep_limit;
    run(service_fn(|event: LambdaEvent<_>| {
        let trace = event.context.xray_trace_id.clone();
        telemetry::invocation(trace, handler::handle((&sweep, &reconcile), limit, event))
    }))
    .await
}
