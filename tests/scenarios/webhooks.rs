//! Webhooks as they come: from whom they must, from whom they claim to, and with whatever is in them.

use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::netsuite::options::EventHook;
use simulators::ups::EventKind;
use tests::tracking::{API, CREDENTIAL, NETSUITE_HOOK, UPS_HOOK, Ways};
use tests::world::{CONNECTION, Failure, World};
use waybill::domain::Milestone;
use waybill::flows::order_status::{Ask, portal_secret};
use waybill::flows::receive::{LARGEST, Reply};
use waybill::ports::Inbound;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn inbound(hook: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Inbound {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Inbound {
        hook: hook.to_owned().into(),
        headers: headers.collect(),
        body: body.into(),
        source: Some("203.0.113.9".to_owned()),
    }
}

fn genuine(body: impl Into<Vec<u8>>) -> Inbound {
    inbound(UPS_HOOK, &[("credential", CREDENTIAL)], body)
}

fn event(number: &str, changes: Value) -> String {
    let mut event = json!({
        "trackingNumber": number, "localActivityDate": "20260302", "localActivityTime": "100000",
        "activityLocation": { "city": "CHARLOTTE", "stateProvince": "NC", "postalCode": "28209", "country": "US" },
        "activityStatus": { "type": "I", "code": "DP", "description": "Departed", "descriptionCode": "005" },
        "gmtActivityDate": "20260302", "gmtActivityTime": "150000", "gmtOffset": "-05.00"
    });
    if let (Value::Object(event), Value::Object(changes)) = (&mut event, changes) {
        event.extend(changes);
    }
    event.to_string()
}

async fn shipped(world: &World) -> Result<(u64, String), Failure> {
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    world.follow(SignedDuration::from_mins(2), Ways::Both).await?;
    let parcel = world
        .parcels(order)
        .into_iter()
        .next()
        .ok_or("nobody follows a parcel")?;
    Ok((order, parcel.key.number))
}

/// An address that there is not, a wrong key and no key are answered alike, before anybody looks into the body; what is too large is
/// not taken at all.
#[tokio::test]
async fn strangers_learn_nothing() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let receiver = world.receiver();
    let refused = receiver
        .run(inbound(UPS_HOOK, &[("credential", "guess")], "{not json"))
        .await;
    assert_eq!(refused.status, 401);
    let strangers = [
        inbound("00000000000000000000000000000000", &[("credential", CREDENTIAL)], "{}"),
        inbound(UPS_HOOK, &[], "{}"),
        inbound(UPS_HOOK, &[("credential", "")], "{}"),
        inbound("", &[("credential", CREDENTIAL)], "{}"),
        inbound(UPS_HOOK, &[("authorization", CREDENTIAL)], "{}"),
    ];
    for stranger in strangers {
        assert_eq!(receiver.run(stranger).await, refused);
    }
    assert_eq!(receiver.run(genuine(vec![b'x'; LARGEST + 1])).await.status, 413);
    assert!(
        world.store.tables().tracked.captures.is_empty(),
        "nothing of it is kept"
    );
    assert_eq!(receiver.run(genuine("{}")).await.status, 200);
    assert_eq!(world.store.tables().tracked.captures.len(), 1);
    Ok(())
}

/// During a rotation the old and the new value are taken, afterwards only the new one; an address that was replaced is answered until
/// it retires.
#[tokio::test]
async fn a_rotation_loses_no_push() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let keys = |keys: &[&str]| json!({ "id": UPS_HOOK, "keys": keys });
    world
        .secret("waybill/test/acme/ups-hook", &keys(&["new", CREDENTIAL]))
        .await?;
    let receiver = world.receiver();
    for key in ["new", CREDENTIAL] {
        assert_eq!(
            receiver
                .run(inbound(UPS_HOOK, &[("credential", key)], "{}"))
                .await
                .status,
            200
        );
    }
    world.secret("waybill/test/acme/ups-hook", &keys(&["new"])).await?;
    // A process believes for a minute what it has read.
    world.turn(SignedDuration::from_secs(61));
    assert_eq!(receiver.run(genuine("{}")).await.status, 401);

    let digest = waybill::ports::Hook::digest_of(UPS_HOOK);
    let retires_at = world.now() + HOUR;
    if let Some(hook) = world.store.tables().tracked.hooks.get_mut(&digest) {
        hook.retires_at = Some(retires_at);
    }
    let new = inbound(UPS_HOOK, &[("credential", "new")], "{}");
    world.turn(HOUR / 2);
    assert_eq!(receiver.run(new.clone()).await.status, 200);
    world.turn(HOUR);
    assert_eq!(receiver.run(new).await.status, 401);
    Ok(())
}

/// UPS's second generation: a token for its client id and secret, and events with that token and its client id only.
#[tokio::test]
async fn the_second_generation_asks_for_a_token_first() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v2").await?;
    let receiver = world.receiver();
    let ask = |secret: &str| {
        inbound(
            UPS_HOOK,
            &[],
            format!("grant_type=client_credentials&client_id=ups-portal&client_secret={secret}"),
        )
    };
    assert_eq!(receiver.token(ask("guess")).await.status, 401);
    let answer: Value = serde_json::from_str(&receiver.token(ask(CREDENTIAL)).await.body)?;
    let bearer = format!("Bearer {}", answer["access_token"].as_str().ok_or("no token")?);
    let with = |token: &str, client: &str| inbound(UPS_HOOK, &[("authorization", token), ("x-api-key", client)], "{}");
    assert_eq!(receiver.run(with(&bearer, "ups-portal")).await.status, 200);
    assert_eq!(receiver.run(with(&bearer, "another")).await.status, 401);
    assert_eq!(receiver.run(with("Bearer x.y", "ups-portal")).await.status, 401);
    assert_eq!(
        receiver
            .run(inbound(UPS_HOOK, &[("credential", CREDENTIAL)], "{}"))
            .await
            .status,
        401
    );
    world.turn(HOUR * 2);
    assert_eq!(
        receiver.run(with(&bearer, "ups-portal")).await.status,
        401,
        "tokens end"
    );
    Ok(())
}

/// P3: an event of NetSuite is a hint: with the right signature the order is read and becomes one job, however often it comes; with a
/// wrong one, or from elsewhere, it is refused and there is none.
#[tokio::test]
async fn an_event_of_netsuite_admits_the_order_once() -> Result<(), Failure> {
    let world = World::start().await?;
    world.hook(NETSUITE_HOOK, "netsuite", &["203.0.113.0/24"]);
    world
        .secret(
            "waybill/test/acme/netsuite-hook",
            &json!({ "id": NETSUITE_HOOK, "keys": ["api-secret"] }),
        )
        .await?;
    let url = format!("{API}/hooks/{NETSUITE_HOOK}");
    let hooked = |key: &str| {
        Some(EventHook {
            url: url.clone(),
            key: Some(key.to_owned()),
        })
    };
    world.person(|account, _| {
        account.options.event_hook = hooked("a-guess");
        Ok(())
    })?;
    let send = async |source: &str| -> Result<Vec<Reply>, Failure> {
        let mut replies = Vec::new();
        for push in world.netsuite.due_events() {
            for _ in 0..2 {
                let headers: Vec<(&str, &str)> = push
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let mut request = inbound(NETSUITE_HOOK, &headers, push.body.clone());
                request.source = Some(source.to_owned());
                replies.push(world.receiver().run(request).await);
            }
        }
        world.track().await?;
        Ok(replies)
    };
    let first = world.enter(world.plain(1))?;
    assert!(
        send("203.0.113.9").await?.iter().all(|reply| reply.status == 401),
        "a wrong signature"
    );
    world.person(|account, _| {
        account.options.event_hook = hooked("api-secret");
        Ok(())
    })?;
    let second = world.enter(world.plain(1))?;
    assert!(
        send("198.51.100.1").await?.iter().all(|reply| reply.status == 401),
        "from elsewhere"
    );
    assert!(world.jobs(first).is_empty() && world.jobs(second).is_empty());
    let third = world.enter(world.plain(1))?;
    let replies = send("203.0.113.9").await?;
    assert!(
        replies.len() >= 2 && replies.iter().all(|reply| reply.status == 200),
        "{replies:?}"
    );
    assert_eq!(world.jobs(third).len(), 1);
    world.poll_and_work().await?;
    assert_eq!(
        [first, second, third].map(|order| world.jobs(order).len()),
        [1, 1, 1],
        "the poll finds the others"
    );
    Ok(())
}

/// A push can be faster than our own save: what it told is there once the parcel is followed.
#[tokio::test]
async fn news_of_a_parcel_that_nobody_follows_yet_are_kept() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let order = world.enter(world.plain(1))?;
    // The label is bought, and the write-back waits for the ERP.
    world.netsuite_fault(simulators::faults::Fault::new(
        "transform",
        simulators::faults::FaultKind::Status {
            code: 429,
            retry_after: None,
        },
    ));
    world.poll_and_work().await?;
    let number = world.billed()[0].id.clone();
    assert!(world.parcels(order).is_empty());
    assert_eq!(
        world.receiver().run(genuine(event(&number, json!({})))).await.status,
        200
    );
    world.track().await?;
    world.netsuite.base.faults.clear();
    world.pass(HOUR).await?;
    world.follow(SignedDuration::from_mins(5), Ways::Both).await?;
    assert_eq!(world.parcels(order)[0].milestone(), Some(Milestone::InTransit));
    assert_eq!(
        world.field(order, "status")?,
        "In transit",
        "{:?} {:?} {}",
        world.parcels(order),
        world.telling(order),
        world.now()
    );
    Ok(())
}

/// Another customer's parcel is not moved by a push to somebody else's hook.
#[tokio::test]
async fn a_push_moves_no_parcel_of_another_credential() -> Result<(), Failure> {
    let world = World::start().await?;
    let (order, number) = shipped(&world).await?;
    world.connect("other-netsuite-ups", |connection| {
        connection.carrier.secret = "waybill/test/other/ups".to_owned()
    })?;
    world.hook("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ups", &[]);
    let digest = waybill::ports::Hook::digest_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    if let Some(hook) = world.store.tables().tracked.hooks.get_mut(&digest) {
        hook.connections = vec!["other-netsuite-ups".parse()?];
        hook.secret = "waybill/test/other/ups-hook".to_owned();
    }
    world
        .secret(
            "waybill/test/other/ups-hook",
            &json!({ "id": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "keys": [CREDENTIAL] }),
        )
        .await?;
    let push = inbound(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        &[("credential", CREDENTIAL)],
        event(&number, json!({})),
    );
    assert_eq!(world.receiver().run(push).await.status, 200);
    world.track().await?;
    assert_eq!(world.parcels(order)[0].milestone(), Some(Milestone::LabelCreated));
    Ok(())
}

/// Whatever is in a webhook, it is answered with 200, kept, and breaks nothing; a time that cannot be moves nothing, and has the
/// carrier asked.
#[tokio::test]
async fn hostile_bodies_are_kept_and_harmless() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = shipped(&world).await?;
    let photo = "A".repeat(1_400_000);
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"null".to_vec(),
        b"[[[[[[[[".to_vec(),
        vec![0xff, 0xfe, 0x00, 0x7b],
        "[".repeat(100_000).into_bytes(),
        event("", json!({})).into_bytes(),
        event("1Z'; DROP TABLE", json!({})).into_bytes(),
        event(
            &number,
            json!({ "gmtActivityDate": "99999999", "gmtActivityTime": "999999" }),
        )
        .into_bytes(),
        event(&number, json!({ "gmtActivityDate": "19700101" })).into_bytes(),
        event(&number, json!({ "gmtActivityDate": "20991231" })).into_bytes(),
        event(&number, json!({ "activityStatus": null, "gmtActivityTime": null })).into_bytes(),
        event(
            &number,
            json!({ "activityStatus": { "type": 7, "code": ["x"], "descriptionCode": {} } }),
        )
        .into_bytes(),
        event(
            &number,
            json!({ "activityStatus": { "type": "Q", "code": "ZZ", "descriptionCode": "999" } }),
        )
        .into_bytes(),
        event(&number, json!({ "deliveryPhoto": photo })).into_bytes(),
    ];
    for body in bodies {
        assert_eq!(world.receiver().run(genuine(body)).await.status, 200);
    }
    world.track().await?;
    let (mut kept, mut minding) = (0, Vec::new());
    for (id, (_, due)) in &world.store.tables().tracked.captures {
        match due {
            None => kept += 1,
            Some(_) => minding.push(id.clone()),
        }
    }
    assert_eq!(
        kept, 10,
        "what is of no use is kept, that of which an event came is not"
    );
    let parcel = world.parcels(order).remove(0);
    assert!(
        minding.len() == 1 && parcel.is_minded_by(&minding[0]),
        "{minding:?} {parcel:?}"
    );
    assert!(world.store.tables().dead_letters.is_empty());
    let asked = world.asked_ups("track");
    world.follow(SignedDuration::from_mins(2), Ways::Both).await?;
    assert!(
        world.asked_ups("track") > asked,
        "a time that cannot be has the carrier asked"
    );
    assert_eq!(
        world.parcels(order)[0].milestone(),
        Some(Milestone::InTransit),
        "the photograph's event counts"
    );
    let unknown = world.events(&world.parcels(order)[0].key);
    assert!(
        unknown.iter().any(|event| event.code.code.as_deref() == Some("ZZ")),
        "unknown codes are kept"
    );
    Ok(())
}

/// A webhook whose message is lost is found when it is due, and one that was captured twice is one event.
#[tokio::test]
async fn a_lost_message_costs_latency_only() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = shipped(&world).await?;
    for _ in 0..3 {
        world.receiver().run(genuine(event(&number, json!({})))).await;
    }
    world.store.tables().tracked.queue.clear();
    world.follow(SignedDuration::from_mins(5), Ways::Both).await?;
    assert_eq!(world.field(order, "status")?, "In transit");
    assert_eq!(world.events(&world.parcels(order)[0].key).len(), 2);
    Ok(())
}

/// What a webhook told is told to the ERP a moment later. Whoever dies before that, or after it and before the webhook is done with,
/// costs latency: nothing is lost, and nothing told twice.
#[tokio::test]
async fn a_webhook_minds_its_parcel_until_the_erp_was_told() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = shipped(&world).await?;
    let told = || -> Result<usize, Failure> {
        let page = world.page(order)?;
        Ok(page.history_of("custbody_waybill_status").len())
    };
    let captures = || world.store.tables().tracked.captures.clone();
    let (before, known) = (world.parcels(order).remove(0), told()?);
    world.receiver().run(genuine(event(&number, json!({})))).await;
    world.track().await?;
    let heard = world.parcels(order).remove(0);
    let left = captures();
    let (id, _) = left.first_key_value().ok_or("nobody minds the parcel")?;
    assert!(heard.is_minded_by(id) && heard.tell_at.is_some(), "{heard:?}");
    assert_eq!(
        heard.due_at(),
        before.due_at(),
        "its entry in the index stays where it was"
    );
    assert_eq!(told()?, known);

    // The message about the parcel is lost: the webhook is due, and brings another.
    world.store.tables().tracked.queue.clear();
    world.follow(SignedDuration::from_mins(5), Ways::Both).await?;
    assert_eq!(
        (world.field(order, "status")?.as_str(), told()?),
        ("In transit", known + 1)
    );
    assert!(captures().is_empty(), "it is done with");
    let after = world.parcels(order).remove(0);
    assert_eq!((after.due_at(), after.minded), (before.due_at(), None));

    // Whoever told it died before the webhook was done with.
    world.store.tables().tracked.captures.extend(left.clone());
    world.follow(SignedDuration::from_mins(5), Ways::Both).await?;
    assert!(captures().is_empty());
    assert_eq!((told()?, world.events(&heard.key).len()), (known + 1, 2));
    Ok(())
}

/// P40: a portal with the connection's key sees shipments, parcels and milestones, and nothing else about the customer; without it
/// nobody learns whether there is such an order.
#[tokio::test]
async fn a_portal_sees_milestones_and_nothing_else() -> Result<(), Failure> {
    let world = World::start().await?;
    world.push_by("v1").await?;
    let (order, number) = shipped(&world).await?;
    for kind in [EventKind::PickedUp, EventKind::Delivered] {
        world.turn(HOUR);
        world.ups.happen(&number, &[kind]);
        world.follow(SignedDuration::from_mins(2), Ways::Both).await?;
    }
    let (name, portal) = (world.job(order)?.number, world.portal());
    let secret = portal_secret(&tests::connection(CONNECTION)?);
    world
        .secret(&secret, &json!({ "keys": ["portal-key", "the-old-one"] }))
        .await?;
    let ask = async |connection: &str, number: &str, key: Option<&str>| {
        portal
            .run(Ask {
                connection: connection.to_owned(),
                number: number.to_owned(),
                key: key.map(|key| key.to_owned().into()),
            })
            .await
    };
    let answer = ask(CONNECTION, &name, Some("portal-key")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let shown: Value = serde_json::from_str(&answer.body)?;
    assert_eq!(
        (&shown["order"], &shown["milestone"]),
        (&json!(name), &json!("delivered"))
    );
    let parcel = &shown["shipments"][0]["parcels"][0];
    assert_eq!(parcel["tracking_number"], json!(number));
    let milestones: Vec<&str> = parcel["milestones"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["milestone"].as_str())
        .collect();
    assert_eq!(milestones, ["label-created", "picked-up", "delivered"]);
    for personal in ["Hudson", "350 5th", "10118", "2125550142", "New York"] {
        assert!(!answer.body.contains(personal), "{personal}: {}", answer.body);
    }
    assert_eq!(
        ask(CONNECTION, &name, Some("the-old-one")).await.status,
        200,
        "both keys during a rotation"
    );
    let nothing = ask(CONNECTION, "SO-of-nobody", Some("portal-key")).await;
    assert_eq!(nothing.status, 404);
    for (connection, number, key) in [
        (CONNECTION, name.as_str(), Some("a-guess")),
        (CONNECTION, name.as_str(), None),
        ("another", name.as_str(), Some("portal-key")),
        ("../../etc", name.as_str(), Some("portal-key")),
        (CONNECTION, "", Some("portal-key")),
    ] {
        assert_eq!(
            ask(connection, number, key).await,
            nothing,
            "{connection} {number:?} {key:?}"
        );
    }
    let mut last = 200;
    for _ in 0..400 {
        last = ask(CONNECTION, &name, Some("portal-key")).await.status;
    }
    assert_eq!(last, 429);
    world.turn(SignedDuration::from_mins(1));
    assert_eq!(ask(CONNECTION, &name, Some("portal-key")).await.status, 200);
    Ok(())
}
