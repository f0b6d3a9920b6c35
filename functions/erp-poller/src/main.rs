//! Started by the schedules of one connection: finds what is ready to ship and admits it as jobs; begins to tell a desk of stock, or
//! of customers.

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
    let flows = (deployment.poll(), deployment.stock(), deployment.customers());
    run(service_fn(|event: LambdaEvent<_>| {
        let trace = event.context.xray_trace_id.clone();
        telemetry::invocation(trace, handler::handle((&flows.0, &flows.1, &flows.2), event))
    }))
    .await
}
