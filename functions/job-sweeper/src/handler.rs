//! The schedules' input says which task; the answer says what came of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};
use waybill::domain::ConnectionId;
use waybill::flows::reconcile::{self, Reconcile};
use waybill::flows::sweep::{self, Sweep};

/// What the schedule, or an operator, says. Nothing at all is the tick of every minute.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Input {
    #[serde(default)]
    task: Task,
    /// The only connection to reconcile.
    connection: Option<ConnectionId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Task {
    /// Re-queues what is due, and goes on with reconciliations that are under way.
    #[default]
    Sweep,
    /// Begins reconciliations.
    Reconcile,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// What was re-queued.
    pub(crate) swept: Option<sweep::Report>,
    /// How far each reconciliation has come.
    pub(crate) reconciled: Vec<reconcile::Report>,
}

/// Leaves time for the calls of the step in hand and to store it, though never more than half of the invocation's.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Does the task of the event; a sweep queues so many jobs at most.
pub(crate) async fn handle(
    (sweep, reconcile): (&Sweep, &Reconcile),
    sweep_limit: u32,
    event: LambdaEvent<Input>,
) -> Result<Report, Error> {
    let ends = Duration::from_millis(event.context.deadline);
    let ends = Timestamp::UNIX_EPOCH + SignedDuration::try_from(ends)?;
    let left = ends.duration_since(reconcile.clock.now());
    let deadline = ends - MARGIN.min(left / 2);
    let Input { task, connection } = event.payload;
    let mut report = Report::default();
    report.reconciled = match (task, connection) {
        (Task::Reconcile, Some(id)) => vec![reconcile.run(&id, deadline).await?],
        (Task::Reconcile, None) => {
            reconcile.begin_all().await?;
            reconcile.go_on(deadline).await?
        }
        (Task::Sweep, _) => {
            // A sweep after an outage is long, and reconciling mostly waits for ERPs.
            let both = tokio::join!(sweep.at_most(sweep_limit, deadline), reconcile.go_on(deadline));
            let (swept, reconciled) = (both.0?, both.1?);
            tracing::info!(due = swept.due, requeued = swept.requeued, "swept");
            report.swept = Some(swept);
            reconciled
        }
    };
    Ok(report)
}
