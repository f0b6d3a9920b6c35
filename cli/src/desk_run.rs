//! What `waybill stock ...` and `waybill customers ...` share: a run is begun in the stack, by the function that its schedule starts,
//! and workers go on with it; from here it is looked at.

use std::time::{Duration, Instant};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use waybill::domain::{ConnectionId, Round};
use waybill::flows::outward::Begun;
use waybill::ports::{DeskCall, DeskStory, DeskWrite, Outgoing, StockBooks};

use crate::output::{Failure, note, table, when};
use crate::stack::Stack;

/// How long to wait between two looks at a run.
const AGAIN: Duration = Duration::from_secs(2);

/// How many pages of a run's story are shown, of some twenty entries each.
const PAGES: u16 = 100;

/// How a run is begun.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The connection
    pub(crate) connection: ConnectionId,
    /// Tell everything again, whether it changed or not
    #[arg(long)]
    pub(crate) all: bool,
    /// Wait until the run has ended, for so many minutes at most
    #[arg(long, value_name = "MINUTES", num_args = 0..=1, require_equals = true, default_missing_value = "60",
          value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub(crate) wait: Option<u32>,
}

/// Which run is shown.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The connection
    pub(crate) connection: ConnectionId,
    /// Show as well what the run wrote, by which calls
    #[arg(long)]
    pub(crate) story: bool,
}

/// Until when a run is waited for.
pub(crate) struct Patience {
    minutes: u32,
    until: Instant,
}

impl Run {
    /// `None` where nobody waits.
    pub(crate) fn patience(&self) -> Option<Patience> {
        let minutes = self.wait?;
        let until = Instant::now() + Duration::from_secs(u64::from(minutes) * 60);
        Some(Patience { minutes, until })
    }
}

impl Patience {
    /// Tells how far a run has come, and waits a moment, as long as there is patience for it.
    pub(crate) async fn pause(&self, what: &str, run: &Run, progress: &str) -> Result<(), Failure> {
        if Instant::now() >= self.until {
            return Err(self.ends(what, &run.connection, progress));
        }
        note(progress);
        tokio::time::sleep(AGAIN).await;
        Ok(())
    }

    fn ends(&self, what: &str, connection: &ConnectionId, progress: &str) -> Failure {
        let minutes = self.minutes;
        Failure::new(format!(
            "after {minutes} min it is still under way, and goes on in the stack ({progress}). How far it is: `waybill {what} show \
             {connection}`; to wait longer: `waybill {what} run {connection} --wait=MINUTES`"
        ))
    }
}

/// A run's story.
pub(crate) async fn story(
    stack: &Stack,
    of: Outgoing,
    connection: &ConnectionId,
    run: u32,
) -> Result<Vec<DeskWrite>, Failure> {
    let story = DeskStory { connection, of, run };
    Ok(stack.store()?.story(story, PAGES).await?)
}

/// A run's story as a table.
pub(crate) fn written(story: &[DeskWrite]) -> String {
    if story.is_empty() {
        return "nothing was written, or it is longer ago than stories are kept".to_owned();
    }
    let call = |call: &DeskCall| {
        let status = call.status.map_or("no answer".to_owned(), |status| status.to_string());
        let ids: String = call.ids.iter().map(|id| format!(" {id}")).collect();
        format!("{} {status}{ids}", call.request)
    };
    let row = |one: &DeskWrite| {
        let calls: Vec<String> = one.calls.iter().map(call).collect();
        [when(one.at), one.of.clone(), one.what.clone(), calls.join("; ")]
    };
    table(["when", "what", "was", "by"], story.iter().map(row))
}

/// Begins a run, or finds the one that is under way.
pub(crate) async fn begin(stack: &Stack, what: &str, run: &Run, by: &str) -> Result<Begun, Failure> {
    stack.gate(&run.connection).await?;
    let input = json!({ "connection": run.connection, "what": what, "all": run.all, "by": by });
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

/// How a run stands, in words.
pub(crate) fn standing(round: &Round) -> String {
    let (Some(began), number) = (round.began, round.number) else {
        return "never begun".to_owned();
    };
    let asked = round.by.as_ref().map(|by| format!(" (asked for by {by})"));
    let number = format!("{number}{}", asked.unwrap_or_default());
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
        let asked = Round {
            by: Some("ada".to_owned()),
            ..begun
        };
        assert!(standing(&asked).starts_with("run 1 (asked for by ada), under way"));
        assert!(!rests(&taken, 1) && rests(&taken, 0) && rests(&taken.over(at(2), None), 1));
    }

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        run: Run,
    }

    /// Nobody waits without end: whoever waited in vain is told where to look later.
    #[tokio::test]
    async fn a_run_is_waited_for_as_long_as_somebody_says() {
        use clap::Parser;
        let run = |words: &str| Line::try_parse_from(words.split(' ')).map(|line| line.run);
        assert_eq!(run("run acme").map(|run| run.wait).ok(), Some(None));
        assert_eq!(run("run acme --wait").map(|run| run.wait).ok(), Some(Some(60)));
        assert_eq!(run("run --wait acme").map(|run| run.wait).ok(), Some(Some(60)));
        assert_eq!(run("run acme --wait=5").map(|run| run.wait).ok(), Some(Some(5)));
        assert!(run("run acme --wait=0").is_err());
        let run = run("run acme --wait=5").unwrap();
        let spent = Patience {
            minutes: 5,
            until: Instant::now(),
        };
        let failure = spent.pause("stock", &run, "run 3: 7 levels read").await.unwrap_err();
        let words = format!("{failure:?}");
        assert!(
            words.contains("waybill stock show acme") && words.contains("after 5 min"),
            "{words}"
        );
    }

    #[test]
    fn a_story_names_the_calls_and_what_came_of_them() {
        let call = |status| DeskCall {
            request: "PUT /v2/shipments/se-1".to_owned(),
            status,
            ids: vec!["req-7".to_owned()],
        };
        let story = [DeskWrite {
            at: at(0),
            of: "SO5012".to_owned(),
            what: "changed".to_owned(),
            calls: vec![call(Some(204)), call(None)],
        }];
        let text = written(&story);
        for part in [
            "SO5012",
            "changed",
            "PUT /v2/shipments/se-1 204 req-7",
            "no answer req-7",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(written(&[]).contains("nothing was written"));
    }
}
