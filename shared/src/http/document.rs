//! A document that a vendor publishes for everybody: it is asked for without a credential, belongs to no account and to no job.

use std::time::Duration;

use http::Method;
use url::Url;

use super::client::Client;
use super::{Answer, Lost, unsendable};

/// Asks for a published document.
///
/// # Errors
/// When no answer came; an answer of any status is `Ok`.
pub async fn document(client: &Client, url: &Url, timeout: Duration) -> Result<Answer, Lost> {
    let request = client.request(Method::GET, url.clone())?.timeout(timeout);
    let request = request.header("accept", "application/json").build();
    let request = request.map_err(|_| unsendable("the request cannot be built"))?;
    client.exchange(request).await
}
