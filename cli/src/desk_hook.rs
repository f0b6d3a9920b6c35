//! A shipping desk is told of a hook by its own API, so that nobody has to enter an address in its settings. What it does not do is
//! told with what is to be done by hand.

use std::time::Duration;

use secrecy::SecretString;
use waybill::connection::Connection;
use waybill::flows::desk_hook::{self, Outcome, OwnAddresses};
use waybill::ports::{CallError, Finding, Hook, Obstacle, Opened, ShippingDesk, Systems};

use crate::hook::of_carrier;
use crate::output::{Failure, note};
use crate::stack::Stack;

/// How often it is said, and how long in between: near its limit a desk takes a few calls at a time.
const TRIES: u32 = 4;
const BETWEEN: Duration = Duration::from_secs(10);

/// What the desk did.
pub(crate) struct Told {
    pub(crate) outcomes: Vec<Outcome>,
    /// Why nothing was even asked of it, or it did not say what it pushes.
    trouble: Option<String>,
}

impl Told {
    /// It was told; what came of it.
    pub(crate) fn of(outcomes: Vec<Outcome>) -> Self {
        Self {
            outcomes,
            trouble: None,
        }
    }

    /// It was not told; why.
    pub(crate) fn nothing(trouble: impl ToString) -> Self {
        Self {
            outcomes: Vec::new(),
            trouble: Some(trouble.to_string()),
        }
    }

    /// Whether all is as it was wanted.
    pub(crate) fn is_whole(&self) -> bool {
        self.trouble.is_none() && self.outcomes.iter().all(Outcome::is_done)
    }

    /// A line for each event, or why there is none.
    pub(crate) fn in_words(&self) -> String {
        if let Some(trouble) = &self.trouble {
            return format!("  it could not be told: {trouble}");
        }
        let lines: Vec<String> = self
            .outcomes
            .iter()
            .map(|one| format!("  {}", one.in_words()))
            .collect();
        match lines.is_empty() {
            true => "  it pushes nothing to us".to_owned(),
            false => lines.join("\n"),
        }
    }
}

/// Has the connection's desk push to an address; what led to others of these hooks is moved.
pub(crate) async fn register(stack: &Stack, connection: &Connection, hooks: &[Hook], address: &str) -> Told {
    let address = SecretString::from(address.to_owned());
    note(&format!("telling {} where to push ...", connection.carrier.system));
    at_desk(stack, connection, hooks, async |desk, own| {
        desk_hook::register(desk, own, &address).await
    })
    .await
}

/// Has the connection's desk push to none of these hooks any more.
pub(crate) async fn end(stack: &Stack, connection: &Connection, hooks: &[Hook]) -> Told {
    note(&format!("telling {} to push no more ...", connection.carrier.system));
    at_desk(stack, connection, hooks, async |desk, own| {
        desk_hook::end(desk, own).await
    })
    .await
}

async fn at_desk(
    stack: &Stack,
    connection: &Connection,
    hooks: &[Hook],
    tell: impl AsyncFn(&dyn ShippingDesk, &OwnAddresses) -> Result<Vec<Outcome>, CallError>,
) -> Told {
    let (api, systems) = match (stack.output("Api"), stack.systems()) {
        (Ok(api), Ok(systems)) => (api, systems),
        (Err(error), _) | (_, Err(error)) => return Told::nothing(error),
    };
    let opened = match systems.open(connection).await {
        Ok(opened) => opened,
        Err(error) => return Told::nothing(error),
    };
    let Some(desk) = opened.desk.as_ref() else {
        return Told::nothing(format!("nobody ships at a desk for {}", connection.id));
    };
    let (own, mut tries) = (OwnAddresses::of(api, hooks), 1);
    loop {
        let told = tell(desk.desk.as_ref(), &own).await;
        if tries < TRIES && is_put_off(&told) {
            tries += 1;
            note("not all of it now; once more in ten seconds ...");
            tokio::time::sleep(BETWEEN).await;
            continue;
        }
        return match told {
            Ok(outcomes) => Told::of(outcomes),
            Err(trouble) => Told::nothing(trouble),
        };
    }
}

/// Whether it may be done if it is said again, which changes nothing of what was done.
fn is_put_off(told: &Result<Vec<Outcome>, CallError>) -> bool {
    match told {
        Ok(outcomes) => outcomes.iter().any(Outcome::is_put_off),
        Err(error) => matches!(error, CallError::Later(later) if later.obstacle == Obstacle::Limited),
    }
}

/// Whether the connection's desk pushes to its hook.
pub(crate) async fn check(stack: &Stack, connection: &Connection, opened: &Opened) -> Result<Vec<Finding>, Failure> {
    let Some(desk) = &opened.desk else {
        return Ok(Vec::new());
    };
    let hooks = of_carrier(stack, connection).await?;
    let own = OwnAddresses::of(stack.output("Api")?, &hooks);
    Ok(desk_hook::check(desk.desk.as_ref(), &own).await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::flows::desk_hook::Done;

    fn outcome(event: &str, done: Done) -> Outcome {
        let event = event.to_owned();
        Outcome { event, done }
    }

    #[test]
    fn what_the_desk_does_not_do_is_told_beside_what_it_did() {
        let told = Told::of(vec![
            outcome("label_created_v2", Done::Told),
            outcome("track_event_v2", Done::Failed("no such event".to_owned())),
        ]);
        let words = told.in_words();
        assert!(!told.is_whole());
        assert!(words.contains("label_created_v2: registered"), "{words}");
        assert!(words.contains("track_event_v2: NOT done, no such event"), "{words}");
        let nothing = Told::nothing("there is no secret");
        assert!(!nothing.is_whole() && nothing.in_words().contains("there is no secret"));
        let ended = Told::of(Vec::new());
        assert!(ended.is_whole() && ended.in_words().contains("pushes nothing to us"));
    }
}
