//! Renews tokens that are in use before they expire, so that no order waits for one.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ports::{CallError, Later, Obstacle, StoreError, TokenInUse, TokenRefresh};

/// How long a run waits, all in all, where a vendor takes token requests one after another: not until the next run begins, a
/// minute later.
const PATIENCE: Duration = Duration::from_secs(50);

/// The longest wait for one request: whoever must wait longer waits for the next run.
const MOMENT: Duration = Duration::from_millis(1500);

/// How often one token is tried in a run.
const TRIES: u8 = 5;

/// The ports that refreshing needs.
#[derive(Clone)]
pub struct Refresh {
    /// Tokens in use.
    pub tokens: Arc<dyn TokenRefresh>,
}

/// What a refresh did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Tokens in use that end soon.
    pub ending: u64,
    /// Tokens that were renewed.
    pub renewed: u64,
    /// Why the others were not.
    pub failures: Vec<String>,
}

impl Refresh {
    /// Renews every token in use that ends soon; one that cannot be renewed does not stop the others.
    ///
    /// # Errors
    /// When the tokens in use cannot be listed.
    pub async fn run(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let mut patience = PATIENCE;
        for token in self.tokens.ending_soon().await? {
            report.ending += 1;
            let key = &token.key;
            match self.renew(&token, &mut patience).await {
                Ok(()) => report.renewed += 1,
                Err(error) => {
                    tracing::error!(system = key.system, connection = %key.connection, %error, "a token in use was not renewed");
                    report
                        .failures
                        .push(format!("{} of connection {}: {error}", key.system, key.connection));
                }
            }
        }
        Ok(report)
    }

    /// Renews one. A moment's wait for the vendor's next window is cheaper here than an order's wait for its token.
    async fn renew(&self, token: &TokenInUse, patience: &mut Duration) -> Result<(), CallError> {
        let mut result = self.tokens.refresh(token).await;
        for _ in 1..TRIES {
            let wait = result.as_ref().err().and_then(moment);
            let Some((wait, left)) = wait.and_then(|wait| Some((wait, patience.checked_sub(wait)?))) else {
                break;
            };
            *patience = left;
            tokio::time::sleep(wait).await;
            result = self.tokens.refresh(token).await;
        }
        result
    }
}

/// How long until the vendor's next window, where that is a moment.
fn moment(error: &CallError) -> Option<Duration> {
    match error {
        CallError::Later(Later {
            obstacle: Obstacle::Limited,
            after: Some(after),
            ..
        }) if *after <= MOMENT => Some((*after).max(Duration::from_millis(50))),
        _ => None,
    }
}
