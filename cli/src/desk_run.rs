//! What `waybill stock ...` and `waybill customers ...` share: a run is begun in the stack, by the function that its schedule starts,
//! and workers go on with it; from here it is looked at.

use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use waybill::domain::{ConnectionId, Round};
use waybill::flows::outward::Begun;

use crate::output::{Failure, note, when};
use crate::stack::Stack;

/// How long to wait between two looks at a run.
const AGAIN: Duration = Duration::from_secs(2);

/// How a run is begun.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The connection
    pub(crate) connection: ConnectionId,
    /// Tell everything again, whether it changed or not
    #[arg(long)]
    pub(crate) all: bool,
    /// Wait until the run has ended
    #[arg(long)]
    pub(crate) wait: bool,
}

/// Begins a run, or finds the one that is under way.
pub(crate) async fn begin(stack: &Stack, what: &str, run: &Run) -> Result<Begun, Failure> {
    stack.gate(&run.connection).await?;
    let input = json!({ "connection": run.connection, "what": what, "all": run.all });
    let answer = stack.invoke("PollerFunction", "the poller", &input).await?;
    let begun: Begun = serde_json::from_value(answer)
        .map_err(|_| Failure::new("the function began nothing: is the stack of this version? Deploy it again"))?;
    if let Some(why) = begun.stopped {
        return Err(Failure::new(why));
    }
    if !begun.new {
        let all = if run.all { "; say --all again after it" } else { "" };
        note(&format!("run {} is under way and goes on{all}", begun.run));
    }
    Ok(begun)
}

/// Whether a run of this number need not be waited for any more: it has ended, or nobody goes on with it.
pub(crate) fn rests(round: &Round, number: u32) -> bool {
    let is_left = round.touched.is_none() && round.stopped.is_some();
    round.number > number || !round.is_under_way() || is_left
}

/// Tells how far a run has come, and waits a moment.
pub(crate) async fn pause(progress: &str) {
    note(progress);
    tokio::time::sleep(AGAIN).await;
}

/// How a run stands, in words.
pub(crate) fn standing(round: &Round) -> String {
    let (Some(began), number) = (round.began, round.number) else {
        return "never begun".to_owned();
    };
    match (round.ended, &round.stopped) {
        (Some(ended), None) => format!(
            "run {number}, ended {} after {}",
            when(ended),
            long(ended.duration_since(began))
        ),
        (Some(ended), Some(why)) => format!("run {number}, GIVEN UP {}: {why}", when(ended)),
        (None, stopped) => {
            let since = format!("run {number}, under way since {}", when(began));
            match (stopped, round.waits_until) {
                (Some(why), Some(until)) => format!("{since}, waits until {}: {why}", when(until)),
                (Some(why), None) => format!("{since}, stands still: {why}"),
                (None, _) => since,
            }
        }
    }
}

/// A length of time as people say it.
pub(crate) fn long(time: SignedDuration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// The time now, for ages.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::domain::Nonce;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_run_is_told_with_what_it_waits_for() {
        assert_eq!(standing(&Round::default()), "never begun");
        let begun = Round::default().next(at(0), false);
        let taken = begun.taken(&Nonce::new("a"), at(1), SignedDuration::from_mins(3));
        assert_eq!(standing(&taken), "run 1, under way since 1970-01-01 00:00:00 UTC");
        let waits = standing(&taken.waiting(at(2), Some(at(4)), Some("the limit is near".to_owned())));
        assert!(
            waits.ends_with("waits until 1970-01-01 00:04:00 UTC: the limit is near"),
            "{waits}"
        );
        let paused = taken.resting("it is paused".to_owned());
        assert!(standing(&paused).contains("stands still: it is paused") && rests(&paused, 1));
        assert!(standing(&taken.over(at(250), None)).ends_with("after 4 h 10 min"));
        assert!(standing(&taken.over(at(2), Some("no add-on".to_owned()))).contains("GIVEN UP"));
        assert!(!rests(&taken, 1) && rests(&taken, 0) && rests(&taken.over(at(2), None), 1));
    }
}
