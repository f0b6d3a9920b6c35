//! EventBridge Scheduler's input names the connection, and what its ERP is asked for; the answer says what was found or begun.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};
use waybill::domain::ConnectionId;
use waybill::flows::customers::Customers;
use waybill::flows::outward::Begun;
use waybill::flows::poll::{Poll, Report};
use waybill::flows::stock::Stock;

/// What the schedule says.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    connection: ConnectionId,
    #[serde(default)]
    what: What,
    /// Whether everything is told again, whether it changed or not.
    #[serde(default)]
    all: bool,
    /// Who asks, where a person does.
    by: Option<String>,
}

/// What the ERP is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    /// Documents that are ready to ship.
    #[default]
    Orders,
    /// Stock, to be told to the desk.
    Stock,
    /// Customers, to be told to the desk.
    Customers,
}

/// What came of it: the ERP was read, or a run was begun or is under way.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Done {
    Polled(Report),
    Begun(Begun),
}

/// Leaves time to store the page in hand.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// How long a limit lasts at most that is waited for: a poll has no queue, and the next one may be minutes away.
const SHORT: Duration = Duration::from_secs(15);

/// Polls the connection until its scan is complete or the invocation's time is nearly up; or begins a run, which workers go on with.
pub(crate) async fn handle(
    (poll, stock, customers): (&Poll, &Stock, &Customers),
    event: LambdaEvent<Input>,
) -> Result<Done, Error> {
    let ends = Timestamp::UNIX_EPOCH + SignedDuration::try_from(Duration::from_millis(event.context.deadline))?;
    let (input, by) = (&event.payload, event.payload.by.as_deref());
    let connection = &input.connection;
    match input.what {
        What::Orders => {
            let mut report = poll.run(connection, ends - MARGIN).await?;
            while let Some(wait) = report.limited_for.filter(|wait| is_worth(poll, *wait, ends)) {
                tokio::time::sleep(wait).await;
                report = report.and(poll.run(connection, ends - MARGIN).await?);
            }
            tracing::info!(%connection, seen = report.seen, admitted = report.admitted, complete = report.complete, stopped = report.stopped, "polled");
            Ok(Done::Polled(report))
        }
        What::Stock => Ok(Done::Begun(stock.begin_for(by, connection, input.all).await?)),
        What::Customers => Ok(Done::Begun(customers.begin_for(by, connection, input.all).await?)),
    }
}

/// Whether it is waited for: more than the margin must be left after it.
fn is_worth(poll: &Poll, wait: Duration, ends: Timestamp) -> bool {
    let after = SignedDuration::try_from(wait).map(|wait| poll.clock.now() + wait + MARGIN * 2);
    !wait.is_zero() && wait <= SHORT && after.is_ok_and(|after| after < ends)
}
