//! Renews tokens that are in use before they expire, so that no order waits for one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ports::{StoreError, TokenRefresh};

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
        for token in self.tokens.ending_soon().await? {
            report.ending += 1;
            let key = &token.key;
            match self.tokens.refresh(&token).await {
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
}
