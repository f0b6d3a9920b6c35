//! Parcels that FedEx carries: asked for together, as often at the end as at the beginning, and pushed where somebody
//! pays for that.
//!
//! What is told here are the rounds, the messages and what the ERP shows. So the parcels are shipped by the usual
//! carrier and then followed as FedEx's, by a desk that answers Track as the story goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulators::clock::Clock as Hands;
use tests::tracking::{UPS_HOOK, Ways};
use tests::world::{CONNECTION, Failure, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use waybill::domain::{Ending, Milestone, TrackedParcel};
use waybill::ports::{Inbound, TrackingMessage};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The key that a person entered in FedEx's portal.
const TOKEN: &str = "Wb1-a-token-of-the-portal-000";

/// Who answers Track.
#[derive(Clone)]
struct Desk {
    clock: Hands,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    /// What happened to each parcel, by FedEx's code.
    scans: BTreeMap<String, Vec<(Timestamp, &'static str)>>,
    /// When it was asked, and for how many.
    questions: Vec<(Timestamp, usize)>,
    /// A number with which the whole question is refused.
    refused: Option<String>,
    /// Whether it is there at all.
    closed: bool,
}

impl Desk {
    async fn open(clock: Hands) -> Result<(Self, String), Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let desk = Self {
            clock,
            books: Arc::default(),
        };
        let serving = desk.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let desk = serving.clone();
                tokio::spawn(async move { desk.serve(stream).await });
            }
        });
        Ok((desk, url))
    }

    fn books<T>(&self, what: impl FnOnce(&mut Books) -> T) -> T {
        what(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something happens to a parcel now.
    fn happens(&self, number: &str, code: &'static str) {
        let now = self.clock.now();
        self.books(|books| books.scans.entry(number.to_owned()).or_default().push((now, code)));
    }

    /// For how many it was asked in each question since.
    fn sizes_since(&self, since: Timestamp) -> Vec<usize> {
        self.books(|books| {
            let since = books.questions.iter().filter(|(at, _)| *at >= since);
            since.map(|(_, size)| *size).collect()
        })
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let (line, body) = request(&mut stream).await?;
        let (status, answer) = match line.contains("/oauth/token") {
            true => (200, json!({ "access_token": "t", "expires_in": 3599 })),
            false => self.track(&serde_json::from_str(&body).ok()?),
        };
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n");
        let answer = format!("{head}content-length: {}\r\n\r\n{answer}", answer.len());
        stream.write_all(answer.as_bytes()).await.ok()
    }

    fn track(&self, question: &Value) -> (u16, Value) {
        let asked = question
            .get("trackingInfo")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let number = |one: &Value| {
            one.pointer("/trackingNumberInfo/trackingNumber")?
                .as_str()
                .map(str::to_owned)
        };
        let numbers: Vec<String> = asked.iter().filter_map(number).collect();
        let now = self.clock.now();
        self.books(|books| {
            books.questions.push((now, numbers.len()));
            let refused = books.refused.as_ref().is_some_and(|refused| numbers.contains(refused));
            if books.closed {
                return (
                    503,
                    json!({ "errors": [{ "code": "SERVICE.UNAVAILABLE.ERROR", "message": "not now" }] }),
                );
            }
            if refused {
                let error = json!({ "code": "TRACKINGNUMBER.ENTERED.INVALID", "message": "not a number" });
                return (400, json!({ "errors": [error] }));
            }
            let results: Vec<Value> = numbers.iter().map(|number| books.complete(number)).collect();
            (200, json!({ "output": { "completeTrackResults": results } }))
        })
    }
}

impl Books {
    fn complete(&self, number: &str) -> Value {
        let scan = |(at, code): &(Timestamp, &'static str)| json!({ "date": at.to_string(), "eventType": code });
        let result = match self.scans.get(number) {
            Some(scans) => json!({
                "trackingNumberInfo": { "trackingNumber": number },
                "scanEvents": scans.iter().rev().map(scan).collect::<Vec<_>>(),
                "deliveryDetails": { "signedByName": "SMITH" },
            }),
            None => json!({
                "trackingNumberInfo": { "trackingNumber": number },
                "error": { "code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "not known" },
            }),
        };
        json!({ "trackingNumber": number, "trackResults": [result] })
    }
}

async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0_u8; 8192];
        let read = stream.read(&mut chunk).await.ok()?;
        bytes.extend_from_slice(chunk.get(..read)?);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0_usize) || read == 0 {
            return Some((head.lines().next()?.to_owned(), body.to_owned()));
        }
    }
}

/// So many orders that have shipped, whose parcels are FedEx's from now on; each order with its parcel's number.
async fn shipped(orders: u32) -> Result<(World, Desk, Vec<(u64, String)>), Failure> {
    let world = World::start().await?;
    let mut entered = Vec::new();
    for _ in 0..orders {
        entered.push(world.enter(world.plain(1))?);
    }
    world.poll_and_work().await?;
    let (desk, url) = Desk::open(world.clock.clone()).await?;
    let base = url.parse()?;
    world.configure(|connection| {
        connection.carrier.system = "fedex".to_owned();
        connection.carrier.account = "740561073".to_owned();
        connection.carrier.secret = "waybill/test/acme/fedex".to_owned();
        connection.carrier.base_url = Some(base);
        connection.carrier.options = json!({});
    });
    let keys = json!({ "api_key": "l7-key", "secret_key": "s3cret" });
    world.secret("waybill/test/acme/fedex", &keys).await?;
    let mut parcels = Vec::new();
    for order in entered {
        let parcel = parcel(&world, order)?;
        parcels.push((order, parcel.key.number));
    }
    Ok((world, desk, parcels))
}

fn parcel(world: &World, order: u64) -> Result<TrackedParcel, Failure> {
    let mut parcels = world.parcels(order).into_iter();
    Ok(parcels.next().ok_or("nobody follows a parcel")?)
}

/// How long it takes until the order shows this, looked at every minute.
async fn shown_after(world: &World, order: u64, text: &str) -> Result<SignedDuration, Failure> {
    let since = world.now();
    while world.field(order, "status")? != text {
        if world.now().duration_since(since) > HOUR * 3 {
            return Err(format!("the order never shows {text:?}").into());
        }
        world.follow(MINUTE, Ways::PollOnly).await?;
    }
    Ok(world.now().duration_since(since))
}

/// P64: parcels that are due together are asked for by thirties, each is told by itself, and those that have arrived
/// are not asked for any more.
#[tokio::test]
async fn parcels_that_are_due_together_are_asked_for_in_one_call() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(45).await?;
    let start = world.now();
    for (_, number) in &parcels {
        desk.happens(number, "OC");
    }
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    assert_eq!(desk.sizes_since(start), [30, 15], "as soon as they had shipped");
    let since = world.now();
    for (_, number) in parcels.iter().take(40) {
        desk.happens(number, "DL");
    }
    world.follow(HOUR, Ways::PollOnly).await?;
    assert_eq!(desk.sizes_since(since), [30, 15]);
    for (place, (order, _)) in parcels.iter().enumerate() {
        let status = if place < 40 { "Delivered" } else { "Label created" };
        assert_eq!(world.field(*order, "status")?, status, "{place}");
    }
    let since = world.now();
    world.follow(HOUR * 3, Ways::PollOnly).await?;
    let sizes = desk.sizes_since(since);
    assert!(
        sizes.len() >= 3 && sizes.iter().all(|size| *size == 5),
        "what has arrived is left alone: {sizes:?}"
    );
    Ok(())
}

/// P66: whatever its age, a delivery is shown in the ERP within the hour, at worst one that happens just after FedEx
/// was asked.
#[tokio::test]
async fn a_delivery_is_shown_within_the_hour_however_old_the_parcel_is() -> Result<(), Failure> {
    for age in [HOUR * 2, DAY * 5, DAY * 20] {
        let (world, desk, parcels) = shipped(1).await?;
        let (order, number) = parcels.first().cloned().ok_or("one")?;
        desk.happens(&number, "PU");
        world.follow(age, Ways::PollOnly).await?;
        let asked = desk.books(|books| books.questions.len());
        while desk.books(|books| books.questions.len()) == asked {
            world.follow(MINUTE, Ways::PollOnly).await?;
        }
        desk.happens(&number, "DL");
        let late = shown_after(&world, order, "Delivered").await?;
        assert!(late <= HOUR, "{age:#}: {late:#}");
        assert!(
            late > MINUTE * 50,
            "the worst case was not the one that was looked at: {late:#}"
        );
        assert_eq!(world.field(order, "signed_by")?, "SMITH");
    }
    Ok(())
}

/// P64: the cadence is the connection's own.
#[tokio::test]
async fn the_cadence_is_the_connections_own() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(1).await?;
    let (_, number) = parcels.first().cloned().ok_or("one")?;
    desk.happens(&number, "PU");
    for (every, least, most) in [(MINUTE * 15, 6, 10), (HOUR * 4, 0, 1)] {
        world.configure(|connection| connection.tracking.every = every);
        world.follow(HOUR, Ways::PollOnly).await?;
        let since = world.now();
        world.follow(HOUR * 2, Ways::PollOnly).await?;
        let asked = desk.sizes_since(since).len();
        assert!((least..=most).contains(&asked), "{every:#}: {asked}");
    }
    Ok(())
}

/// P64: while FedEx is away each parcel is asked for again by its own patience, and nothing is lost; a number that
/// FedEx refuses does not harm the others.
#[tokio::test]
async fn a_question_that_fails_harms_no_parcel() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(6).await?;
    for (_, number) in &parcels {
        desk.happens(number, "PU");
    }
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    desk.books(|books| books.closed = true);
    world.follow(HOUR, Ways::PollOnly).await?;
    let failing: Vec<TrackedParcel> = parcels
        .iter()
        .map(|(order, _)| parcel(&world, *order))
        .collect::<Result<_, _>>()?;
    assert!(
        failing.iter().all(|parcel| parcel.failures > 0),
        "each has its own count"
    );
    let times: std::collections::BTreeSet<_> = failing.iter().map(|parcel| parcel.next_poll).collect();
    assert!(times.len() > 1, "and its own time: {times:?}");

    let (refused_order, refused) = parcels.first().cloned().ok_or("six")?;
    for (_, number) in &parcels {
        desk.happens(number, "DL");
    }
    desk.books(|books| (books.closed, books.refused) = (false, Some(refused)));
    world.follow(HOUR * 2, Ways::PollOnly).await?;
    for (order, _) in parcels.iter().skip(1) {
        let parcel = parcel(&world, *order)?;
        assert_eq!(parcel.ended.map(|(why, _)| why), Some(Ending::Final), "{parcel:?}");
        assert_eq!(world.field(*order, "status")?, "Delivered");
    }
    let alone = parcel(&world, refused_order)?;
    assert_eq!((alone.milestone(), alone.ended), (Some(Milestone::PickedUp), None));
    desk.books(|books| books.refused = None);
    world.follow(HOUR, Ways::PollOnly).await?;
    assert_eq!(world.field(refused_order, "status")?, "Delivered");
    Ok(())
}

/// P64: a message names keys and nothing else, so that late, double and foreign ones are harmless.
#[tokio::test]
async fn messages_of_several_parcels_are_harmless() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(3).await?;
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    let keys: Vec<_> = parcels
        .iter()
        .map(|(order, _)| parcel(&world, *order).map(|parcel| parcel.key))
        .collect::<Result<_, _>>()?;
    let asked = desk.books(|books| books.questions.len());
    let message = serde_json::to_string(&TrackingMessage::Parcels(keys.clone()))?;
    world.tracker().deliver(&message).await?;
    assert_eq!(desk.books(|books| books.questions.len()), asked, "none of them is due");

    world.turn(HOUR);
    let mut foreign = keys.clone();
    let mut unknown = keys.first().cloned().ok_or("three")?;
    unknown.number = "794900000000".to_owned();
    foreign.push(unknown.clone());
    unknown.connection = "somebody-else".parse()?;
    foreign.push(unknown);
    let since = world.now();
    let message = serde_json::to_string(&TrackingMessage::Parcels(foreign))?;
    world.tracker().deliver(&message).await?;
    world.tracker().deliver(&message).await?;
    assert_eq!(desk.sizes_since(since), [3], "once, and for those that are followed");
    world.tracker().deliver(r#"{"parcels":[]}"#).await?;
    Ok(())
}

/// A connection that pauses is left alone by the whole message, and its parcels are found again.
#[tokio::test]
async fn parcels_of_a_paused_connection_wait() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(3).await?;
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    world.configure(|connection| connection.paused = true);
    let since = world.now();
    world.follow(HOUR * 2, Ways::PollOnly).await?;
    assert_eq!(desk.sizes_since(since), [0_usize; 0]);
    world.configure(|connection| connection.paused = false);
    for (_, number) in &parcels {
        desk.happens(number, "DL");
    }
    world.follow(HOUR, Ways::PollOnly).await?;
    for (order, _) in &parcels {
        assert_eq!(world.field(*order, "status")?, "Delivered");
    }
    Ok(())
}

fn signature(body: &str) -> String {
    let digest = hmac(TOKEN.as_bytes(), body.as_bytes());
    BASE64.encode(&digest)
}

/// FedEx pushes some scans of a parcel, signed with this header; answers the status.
async fn push(world: &World, number: &str, scans: &[(Timestamp, &str)], signed: impl Fn(&str) -> String) -> u16 {
    let scan = |(at, code): &(Timestamp, &str)| json!({ "date": at.to_string(), "eventType": code });
    let body = json!({
        "trackingNumberInfo": { "trackingNumber": number },
        "scanEvents": scans.iter().map(scan).collect::<Vec<_>>(),
    });
    let body = body.to_string();
    let inbound = Inbound {
        hook: UPS_HOOK.to_owned().into(),
        headers: vec![("fdx-signature".to_owned(), signed(&body))],
        body: body.into_bytes(),
        source: None,
    };
    world.receiver().run(inbound).await.status
}

/// P65: pushes come late, twice and in any order, and lead to what polling leads to, only sooner; who does not know the
/// token is not listened to; polling goes on all the while.
#[tokio::test]
async fn pushes_come_sooner_and_polling_goes_on() -> Result<(), Failure> {
    let (world, desk, parcels) = shipped(1).await?;
    let (order, number) = parcels.first().cloned().ok_or("one")?;
    let keys = json!({ "id": UPS_HOOK, "keys": ["Wb1-another-token-0000000000", TOKEN] });
    world.secret("waybill/test/acme/fedex-hook", &keys).await?;
    world.hook(UPS_HOOK, "fedex", &[]);
    desk.happens(&number, "PU");
    world.follow(MINUTE * 2, Ways::PollOnly).await?;
    assert_eq!(world.field(order, "status")?, "Picked up");

    let (loaded, delivered) = (world.now() - MINUTE * 3 + HOUR, world.now() - MINUTE + HOUR);
    world.turn(HOUR - MINUTE * 10);
    world.turn(MINUTE * 10);
    assert_eq!(
        push(&world, &number, &[(delivered, "DL")], |_| signature("something else")).await,
        401
    );
    for scans in [
        vec![(delivered, "DL")],
        vec![(loaded, "OD")],
        vec![(delivered, "DL"), (loaded, "OD")],
    ] {
        assert_eq!(push(&world, &number, &scans, signature).await, 200);
    }
    world.track().await?;
    world.turn(SignedDuration::from_secs(10));
    world.track().await?;
    assert_eq!(world.field(order, "status")?, "Delivered", "within seconds");
    let parcel = parcel(&world, order)?;
    assert_eq!(
        world.events(&parcel.key).len(),
        3,
        "picked up, loaded, delivered, each once"
    );
    assert_eq!(parcel.milestone(), Some(Milestone::Delivered));

    let since = world.now();
    world.follow(HOUR * 3, Ways::PollOnly).await?;
    assert!(!desk.sizes_since(since).is_empty(), "FedEx is asked all the same");
    assert_eq!(world.field(order, "status")?, "Delivered");
    assert_eq!(parcel.key.connection.as_str(), CONNECTION);
    Ok(())
}

/// HMAC-SHA256 by its definition, from the digest alone.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let padded = |with: u8| block.iter().map(move |byte| byte ^ with).collect::<Vec<u8>>();
    let inner = sha256(&[padded(0x36), message.to_vec()].concat());
    sha256(&[padded(0x5c), inner].concat())
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    let text = waybill::domain::ContentHash::of(bytes).as_str().to_owned();
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap_or_default()
}
