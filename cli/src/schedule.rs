//! A connection's schedule in EventBridge Scheduler: one per connection, in the stack's group, for the poller.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::BuildError;
use aws_sdk_scheduler::types::{
    DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use waybill::connection::Connection;
use waybill::domain::ConnectionId;

use crate::output::Failure;
use crate::stack::{Stack, said};

/// A poll that could not be started is not worth starting later than this: the next one comes by itself.
const OLDEST_SECONDS: i32 = 300;

/// Makes the schedule what the connection says; it is disabled while the connection is paused.
pub(crate) async fn put(stack: &Stack, connection: &Connection) -> Result<(), Failure> {
    let (client, group) = (stack.scheduler(), stack.output("ScheduleGroup")?);
    let target = target(stack, &connection.id).await?;
    let create = client
        .create_schedule()
        .name(connection.id.as_str())
        .group_name(group)
        .schedule_expression(&connection.schedule.expression)
        .schedule_expression_timezone(&connection.schedule.time_zone)
        .flexible_time_window(no_window()?)
        .target(target.clone())
        .state(state(connection));
    match create.send().await {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_conflict_exception()) =>
        {
            update(&client, group, connection, target).await
        }
        Err(error) => Err(said("the schedule cannot be made", &error)),
    }
}

async fn update(client: &Client, group: &str, connection: &Connection, target: Target) -> Result<(), Failure> {
    let update = client
        .update_schedule()
        .name(connection.id.as_str())
        .group_name(group)
        .schedule_expression(&connection.schedule.expression)
        .schedule_expression_timezone(&connection.schedule.time_zone)
        .flexible_time_window(no_window()?)
        .target(target)
        .state(state(connection));
    let answer = update.send().await;
    answer
        .map(|_| ())
        .map_err(|error| said("the schedule cannot be changed", &error))
}

/// Removes the schedule; one that is not there is removed.
pub(crate) async fn remove(stack: &Stack, id: &ConnectionId) -> Result<(), Failure> {
    let request = stack.scheduler().delete_schedule().name(id.as_str());
    match request.group_name(stack.output("ScheduleGroup")?).send().await {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_not_found_exception()) =>
        {
            Ok(())
        }
        Err(error) => Err(said("the schedule cannot be removed", &error)),
    }
}

async fn target(stack: &Stack, id: &ConnectionId) -> Result<Target, Failure> {
    let dead_letters = DeadLetterConfig::builder().arn(dead_letters(stack).await?).build();
    let retries = RetryPolicy::builder()
        .maximum_event_age_in_seconds(OLDEST_SECONDS)
        .maximum_retry_attempts(2)
        .build();
    let target = Target::builder()
        .arn(stack.output("PollerFunctionArn")?)
        .role_arn(stack.output("SchedulerRole")?)
        .input(json!({ "connection": id }).to_string())
        .dead_letter_config(dead_letters)
        .retry_policy(retries);
    target.build().map_err(|error| incomplete(&error))
}

async fn dead_letters(stack: &Stack) -> Result<String, Failure> {
    let request = stack
        .sqs()
        .get_queue_attributes()
        .queue_url(stack.output("FailedInvocations")?);
    let answer = request.attribute_names(QueueAttributeName::QueueArn).send().await;
    let answer = answer.map_err(|error| said("the queue of failed runs cannot be read", &error))?;
    let arn = answer
        .attributes()
        .and_then(|all| all.get(&QueueAttributeName::QueueArn));
    arn.cloned()
        .ok_or_else(|| Failure::new("the queue of failed runs does not tell its ARN"))
}

fn no_window() -> Result<FlexibleTimeWindow, Failure> {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
    window.build().map_err(|error| incomplete(&error))
}

fn state(connection: &Connection) -> ScheduleState {
    if connection.paused {
        ScheduleState::Disabled
    } else {
        ScheduleState::Enabled
    }
}

fn incomplete(error: &BuildError) -> Failure {
    Failure::new(format!("the schedule is incomplete: {error}"))
}
