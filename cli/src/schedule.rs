//! A connection's schedules in EventBridge Scheduler, in the stack's group, for the poller: one by which its ERP is asked for orders,
//! and where its desk is told of stock or customers, one for each.
//!
//! A name has at most 64 of letters, digits, `-`, `_` and `.`; a connection's id has no `.`, so that no two schedules share one.

use aws_sdk_scheduler::error::BuildError;
use aws_sdk_scheduler::types::{
    DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use waybill::connection::{Connection, Schedule};
use waybill::domain::ConnectionId;

use crate::output::Failure;
use crate::stack::{Stack, said};

/// A poll that could not be started is not worth starting later than this: the next one comes by itself.
const OLDEST_SECONDS: i32 = 300;

/// What a schedule has the poller do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Orders,
    Stock,
    Customers,
}

const ALL: [What; 3] = [What::Orders, What::Stock, What::Customers];

impl What {
    fn name(self, id: &ConnectionId) -> String {
        match self {
            Self::Orders => id.to_string(),
            Self::Stock => format!("{id}.stock"),
            Self::Customers => format!("{id}.customers"),
        }
    }

    fn input(self, id: &ConnectionId) -> Value {
        match self {
            Self::Orders => json!({ "connection": id }),
            Self::Stock => json!({ "connection": id, "what": "stock" }),
            Self::Customers => json!({ "connection": id, "what": "customers" }),
        }
    }

    /// When that is, where the connection wants it at all.
    fn of(self, connection: &Connection) -> Option<&Schedule> {
        match self {
            Self::Orders => Some(&connection.schedule),
            Self::Stock => connection.stock.as_ref().map(|stock| &stock.schedule),
            Self::Customers => connection.customers.as_ref().map(|customers| &customers.schedule),
        }
    }
}

/// Makes the schedules what the connection says; they are disabled while the connection is paused.
pub(crate) async fn put(stack: &Stack, connection: &Connection) -> Result<(), Failure> {
    for what in ALL {
        match what.of(connection) {
            Some(schedule) => put_one(stack, connection, what, schedule).await?,
            None => remove_one(stack, &what.name(&connection.id)).await?,
        }
    }
    Ok(())
}

/// Removes the schedules; one that is not there is removed.
pub(crate) async fn remove(stack: &Stack, id: &ConnectionId) -> Result<(), Failure> {
    for what in ALL {
        remove_one(stack, &what.name(id)).await?;
    }
    Ok(())
}

async fn put_one(stack: &Stack, connection: &Connection, what: What, schedule: &Schedule) -> Result<(), Failure> {
    let (client, group, name) = (
        stack.scheduler(),
        stack.output("ScheduleGroup")?,
        what.name(&connection.id),
    );
    let target = target(stack, &what.input(&connection.id)).await?;
    let create = client
        .create_schedule()
        .name(&name)
        .group_name(group)
        .schedule_expression(&schedule.expression)
        .schedule_expression_timezone(&schedule.time_zone)
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
            let update = client
                .update_schedule()
                .name(&name)
                .group_name(group)
                .schedule_expression(&schedule.expression)
                .schedule_expression_timezone(&schedule.time_zone)
                .flexible_time_window(no_window()?)
                .target(target)
                .state(state(connection));
            let answer = update.send().await;
            answer
                .map(|_| ())
                .map_err(|error| said("the schedule cannot be changed", &error))
        }
        Err(error) => Err(said("the schedule cannot be made", &error)),
    }
}

async fn remove_one(stack: &Stack, name: &str) -> Result<(), Failure> {
    let request = stack.scheduler().delete_schedule().name(name);
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

async fn target(stack: &Stack, input: &Value) -> Result<Target, Failure> {
    let dead_letters = DeadLetterConfig::builder().arn(dead_letters(stack).await?).build();
    let retries = RetryPolicy::builder()
        .maximum_event_age_in_seconds(OLDEST_SECONDS)
        .maximum_retry_attempts(2)
        .build();
    let target = Target::builder()
        .arn(stack.output("PollerFunctionArn")?)
        .role_arn(stack.output("SchedulerRole")?)
        .input(input.to_string())
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

#[cfg(test)]
mod tests {
    use waybill::connection::{CustomersPolicy, StockPolicy};

    use super::*;

    fn connection() -> Connection {
        let text = include_str!("../../examples/connections/netsuite-ups.toml");
        waybill::connection::parse(text, "dev", &waybill::systems::check::Checks)
            .unwrap_or_else(|mistakes| panic!("{}", waybill::connection::list(&mistakes)))
    }

    fn daily(time_zone: &str) -> Schedule {
        Schedule {
            expression: "cron(0 3 * * ? *)".to_owned(),
            time_zone: time_zone.to_owned(),
        }
    }

    /// P46: orders, stock and customers have each their own cadence and time zone, under names that the scheduler takes.
    #[test]
    fn each_thing_has_its_own_schedule() {
        let mut connection = connection();
        assert_eq!(ALL.map(|what| what.of(&connection).is_some()), [true, false, false]);
        connection.id = "a".repeat(48).parse().unwrap();
        connection.stock = Some(StockPolicy {
            schedule: daily("America/Denver"),
            places: Default::default(),
            measure: Default::default(),
            assemblies: true,
            condition: None,
        });
        connection.customers = Some(CustomersPolicy {
            schedule: daily("Europe/Berlin"),
            make_orders: true,
            store: None,
            fields: Default::default(),
        });
        let zones = ALL.map(|what| what.of(&connection).map(|schedule| schedule.time_zone.clone()));
        assert_eq!(
            zones[1..],
            [Some("America/Denver".to_owned()), Some("Europe/Berlin".to_owned())]
        );
        for what in ALL {
            let name = what.name(&connection.id);
            let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            assert!(name.len() <= 64 && name.chars().all(legal), "{name}");
        }
        let inputs = ["erp-poller-stock", "erp-poller-customers"].map(|event| {
            let text = std::fs::read_to_string(format!("../events/{event}.json")).unwrap();
            serde_json::from_str::<Value>(&text).unwrap()
        });
        let id = "acme-netsuite-shipstation".parse().unwrap();
        assert_eq!([What::Stock.input(&id), What::Customers.input(&id)], inputs);
    }
}
