//! What a browser would see first: the status that an address is answered with, following nobody.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use crate::failure::{Outcome, While};

/// How long an answer may take: a function that starts takes its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// The status with which this address is answered.
///
/// # Errors
/// Nobody answers in time. The address is not told: it may be a secret.
pub async fn status(address: &str) -> Outcome<u16> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(Policy::none())
        .no_proxy()
        .dns_resolver(Loopback);
    let client = client.build().doing("making a client")?;
    let answer = client.get(address).send().await.map_err(reqwest::Error::without_url);
    Ok(answer.doing("opening a link to a label")?.status().as_u16())
}

/// Finds names under `.localhost`, by which the emulator tells its APIs apart, on this machine.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            if name == "localhost" || name.ends_with(".localhost") {
                let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
                return Ok(Box::new(std::iter::once(here)) as Addrs);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
