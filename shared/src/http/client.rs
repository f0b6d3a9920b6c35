//! The client that every vendor is reached by: pooled connections, or in tests a vendor in the same process.

use std::collections::HashMap;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

#[cfg(any(test, feature = "testing"))]
use async_trait::async_trait;
#[cfg(any(test, feature = "testing"))]
use bytes::Bytes;
use bytes::BytesMut;
use flate2::read::GzDecoder;
use http::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, redirect};
use url::Url;

use super::{Answer, Lost, classify};
use crate::ports::{Later, Obstacle};

/// The most that an answer may hold; a label of many parcels is a few megabytes.
const BODY_CAP: usize = 32 * 1024 * 1024;

/// Reaches vendors; adapters carry it and never use it themselves.
#[derive(Debug, Clone)]
pub struct Client {
    /// Empty until it is needed, where nobody has made it before.
    network: Arc<OnceLock<reqwest::Client>>,
    /// Clients of customers' networks, so that their connections are pooled from one piece of work to the next.
    within: Arc<Mutex<HashMap<Network, reqwest::Client>>>,
    #[cfg(any(test, feature = "testing"))]
    here: Option<Here>,
}

/// What a customer's own network asks for beyond the public one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Network {
    /// Certificates in PEM of authorities that are trusted beside the public ones.
    pub certificates: Option<String>,
    /// Whether addresses of private networks may be reached; without it a name that leads to one is refused.
    pub private: bool,
}

/// A pooled client for all vendors of one process.
pub fn client() -> reqwest::Result<Client> {
    Ok(over(OnceLock::from(builder().build()?)))
}

/// The same, but made when it is first needed: to read the certificates that a machine trusts takes longer than everything else that
/// a function does before its first event, and many a function calls no vendor.
pub fn client_when_needed() -> Client {
    over(OnceLock::new())
}

fn over(network: OnceLock<reqwest::Client>) -> Client {
    Client {
        network: Arc::new(network),
        within: Arc::default(),
        #[cfg(any(test, feature = "testing"))]
        here: None,
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        // A frozen function wakes with dead connections: an idle one is not trusted for long.
        .pool_idle_timeout(Duration::from_secs(15))
        .tcp_nodelay(true)
        .no_proxy()
        .user_agent(concat!("waybill/", env!("CARGO_PKG_VERSION")))
}

/// Whether an address belongs to a private network, to this machine or to nobody.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => embedded_v4(v6).map_or_else(|| is_private_v6(v6), is_private_v4),
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [first, second, third, _] = v4.octets();
    let carrier_grade = first == 100 && (64..128).contains(&second);
    let protocols = first == 192 && second == 0 && third == 0;
    let benchmarks = first == 198 && (18..20).contains(&second);
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_multicast()
        || first == 0
        || first >= 240
        || carrier_grade
        || protocols
        || benchmarks
}

fn is_private_v6(v6: Ipv6Addr) -> bool {
    let [first, ..] = v6.segments();
    let site_local = first & 0xffc0 == 0xfec0;
    v6.is_loopback()
        || v6.is_unspecified()
        || v6.is_multicast()
        || v6.is_unique_local()
        || v6.is_unicast_link_local()
        || site_local
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, 6to4 or NAT64.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = v6.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (first, second) {
        (0x2002, _) => Some(of(second, third)),
        (0x64, 0xff9b) => Some(of(seventh, eighth)),
        (0, 0) if third == 0 && fourth == 0 && fifth == 0 && (sixth == 0xffff || (sixth == 0 && seventh != 0)) => {
            Some(of(seventh, eighth))
        }
        _ => None,
    }
}

/// Finds only public addresses: a name in a customer's file must not lead into our own network.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.into_iter().filter(|address| !is_private(address.ip())).collect();
            if public.is_empty() {
                return Err("the name leads to a private network, which the connection does not allow".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn for_network(network: &Network) -> Result<reqwest::Client, String> {
    let unreadable = |_| "the certificate is no PEM (-----BEGIN CERTIFICATE-----)".to_owned();
    let mut builder = builder();
    if let Some(pem) = &network.certificates {
        let certificates = Certificate::from_pem_bundle(pem.as_bytes()).map_err(unreadable)?;
        if certificates.is_empty() {
            return Err("the certificate is no PEM (-----BEGIN CERTIFICATE-----)".to_owned());
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if !network.private {
        builder = builder.dns_resolver(Arc::new(PublicOnly));
    }
    builder.build().map_err(unreadable)
}

impl Client {
    /// A client of its own for a customer's network, the same one for the same network.
    ///
    /// # Errors
    /// When its certificates cannot be read, in plain words.
    pub fn within(&self, network: &Network) -> Result<Self, String> {
        let mut known = self.within.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match known.get(network) {
            Some(client) => client.clone(),
            None => known.entry(network.clone()).or_insert(for_network(network)?).clone(),
        };
        Ok(Self {
            network: Arc::new(OnceLock::from(client)),
            within: self.within.clone(),
            #[cfg(any(test, feature = "testing"))]
            here: self.here.clone(),
        })
    }

    fn network(&self) -> Result<&reqwest::Client, Lost> {
        if let Some(network) = self.network.get() {
            return Ok(network);
        }
        let made = builder().build().map_err(|error| {
            let reason = format!("this machine makes no HTTP client: {error}");
            Lost::NotSent(Later::new(Obstacle::OurStore, reason))
        })?;
        Ok(self.network.get_or_init(|| made))
    }

    pub(super) fn request(&self, method: Method, url: Url) -> Result<reqwest::RequestBuilder, Lost> {
        Ok(self.network()?.request(method, url))
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn exchange(&self, request: reqwest::Request) -> Result<Answer, Lost> {
        #[cfg(any(test, feature = "testing"))]
        if let Some(here) = &self.here {
            return ask(here, request).await.map(unzipped);
        }
        let response = self.network()?.execute(request).await;
        let mut response = response.map_err(|error| classify::transport(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| classify::broken_off(&error))? {
            if body.len() + chunk.len() > BODY_CAP {
                return Err(Lost::Unknown(
                    "the answer is larger than any that is expected".to_owned(),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(unzipped(Answer {
            status,
            headers,
            body: body.freeze(),
        }))
    }
}

/// How a gzip stream begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Some vendors send gzip without saying so: a body that is one is read; one that only looks like it stays as it came.
fn unzipped(answer: Answer) -> Answer {
    if !answer.body.starts_with(&GZIP) {
        return answer;
    }
    let mut plain = Vec::new();
    let most = u64::try_from(BODY_CAP).unwrap_or(u64::MAX);
    let read = GzDecoder::new(answer.body.as_ref()).take(most).read_to_end(&mut plain);
    match read {
        Ok(length) if length < BODY_CAP => Answer {
            body: plain.into(),
            ..answer
        },
        _ => answer,
    }
}

// ---- a vendor in the same process --------------------------------------------------------------------------------

/// What became of a request to a vendor in the same process.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug)]
pub enum Fate {
    /// It was answered.
    Answered(http::Response<Bytes>),
    /// Nobody could be reached.
    NoConnection,
    /// The connection was closed without an answer.
    Broken,
}

/// A vendor in the same process: the same requests and answers, without sockets.
#[cfg(any(test, feature = "testing"))]
#[async_trait]
pub trait Vendor: Send + Sync {
    /// Answers a request, or does not.
    async fn ask(&self, request: http::Request<Bytes>) -> Fate;
}

#[cfg(any(test, feature = "testing"))]
#[derive(Clone)]
struct Here(Arc<dyn Vendor>);

#[cfg(any(test, feature = "testing"))]
impl std::fmt::Debug for Here {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a vendor in this process")
    }
}

#[cfg(any(test, feature = "testing"))]
impl Client {
    /// The same client, but every request goes to this vendor.
    #[must_use]
    pub fn asking(self, vendor: Arc<dyn Vendor>) -> Self {
        Self {
            here: Some(Here(vendor)),
            ..self
        }
    }
}

#[cfg(any(test, feature = "testing"))]
async fn ask(here: &Here, request: reqwest::Request) -> Result<Answer, Lost> {
    let unbuildable = || Lost::Unknown("the request cannot be passed on".to_owned());
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let mut passed = http::Request::builder()
        .method(request.method())
        .uri(request.url().as_str())
        .header("host", request.url().authority())
        .body(Bytes::copy_from_slice(body))
        .map_err(|_| unbuildable())?;
    passed.headers_mut().extend(request.headers().clone());
    match here.0.ask(passed).await {
        Fate::Answered(answer) => Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.into_body(),
        }),
        Fate::NoConnection => Err(Lost::NotSent(Later::new(Obstacle::Unreachable, "no connection"))),
        Fate::Broken => Err(Lost::Unknown("the connection broke".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderMap;

    use super::*;

    /// FedEx was seen to send gzip without saying so, errors included.
    #[test]
    fn a_body_that_is_gzip_without_saying_so_is_read() {
        let read = |body: Vec<u8>| {
            let answer = Answer {
                status: 400,
                headers: HeaderMap::new(),
                body: Bytes::from(body),
            };
            unzipped(answer).body.to_vec()
        };
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(br#"{"errors":[]}"#).unwrap();
        let zipped = zipped.finish().unwrap();
        assert_eq!(read(zipped.clone()), br#"{"errors":[]}"#);
        let broken = zipped[..zipped.len() / 2].to_vec();
        assert_eq!(read(broken.clone()), broken, "what cannot be unzipped stays as it came");
        assert_eq!(read(b"{}".to_vec()), b"{}");
    }

    /// P72: whatever way a private address is written, it is one.
    #[test]
    fn private_addresses_are_known_in_every_spelling() {
        let private = |text: &str| is_private(text.parse().unwrap());
        for text in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "198.18.0.1",
            "192.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "fec0::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "::10.0.0.1",
        ] {
            assert!(private(text), "{text}");
        }
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "2002:808:808::",
        ] {
            assert!(!private(text), "{text}");
        }
    }
}
