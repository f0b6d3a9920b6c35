//! What a function is made of: a `main.rs` that composes, a `handler.rs` that translates, and a real event that it takes.

use std::fs;
use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::{Context, LambdaEvent};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tests::desk::{self, DeskWorld};
use tests::world::{CONNECTION, Failure, World};
use waybill::flows::order_status::portal_secret;
use waybill::flows::receive::Receive;
use waybill::memory::Memory;
use waybill::ports::{Connections, Hook, LabelLinks, TrackingMessage};

use crate::sources::project;

#[path = "../../functions/erp-poller/src/handler.rs"]
mod erp_poller;
#[path = "../../functions/job-sweeper/src/handler.rs"]
mod job_sweeper;
#[path = "../../functions/label-link/src/handler.rs"]
mod label_link;
#[path = "../../functions/order-status/src/handler.rs"]
mod order_status;
#[path = "../../functions/shipment-worker/src/handler.rs"]
mod shipment_worker;
#[path = "../../functions/stock-worker/src/handler.rs"]
mod stock_worker;
#[path = "../../functions/subscription-renewer/src/handler.rs"]
mod subscription_renewer;
#[path = "../../functions/token-refresher/src/handler.rs"]
mod token_refresher;
#[path = "../../functions/tracking-poller/src/handler.rs"]
mod tracking_poller;
#[path = "../../functions/tracking-worker/src/handler.rs"]
mod tracking_worker;
#[path = "../../functions/webhook-receiver/src/handler.rs"]
mod webhook_receiver;

/// The functions whose events are sent below.
const SENT: [&str; 11] = [
    "erp-poller",
    "job-sweeper",
    "label-link",
    "order-status",
    "shipment-worker",
    "stock-worker",
    "subscription-renewer",
    "token-refresher",
    "tracking-poller",
    "tracking-worker",
    "webhook-receiver",
];

fn event<T: DeserializeOwned>(function: &str) -> Result<LambdaEvent<T>, Failure> {
    let text = fs::read_to_string(project().join(format!("events/{function}.json")))?;
    with_deadline(serde_json::from_str(&text)?)
}

fn with_deadline<T>(payload: T) -> Result<LambdaEvent<T>, Failure> {
    let mut context = Context::default();
    context.deadline = u64::try_from((tests::morning() + jiff::SignedDuration::from_hours(1)).as_millisecond())?;
    Ok(LambdaEvent::new(payload, context))
}

fn lines_over(text: &str, most: usize) -> Option<usize> {
    Some(text.lines().count()).filter(|lines| *lines > most)
}

#[test]
fn every_function_is_small_and_has_its_event() {
    let functions = fs::read_dir(project().join("functions")).unwrap();
    let mut names: Vec<String> = functions
        .map(|one| one.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, SENT, "a new function needs its event, and a test that sends it");
    for name in names {
        let folder = project().join("functions").join(&name).join("src");
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(
            lines_over(&text("main.rs"), 30),
            None,
            "{name}: main.rs composes and nothing else"
        );
        assert_eq!(
            lines_over(&text("handler.rs"), 80),
            None,
            "{name}: handler.rs translates and nothing else"
        );
        assert!(
            project().join(format!("events/{name}.json")).exists(),
            "{name} has no event"
        );
    }
    assert_eq!(lines_over("a\nb\nc", 2), Some(3));
}

/// P1, P2: the poller's event polls the connection that it names, and the worker's batch ships what that found.
#[tokio::test]
async fn the_schedules_event_polls_and_the_queues_batch_ships() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    let desk = DeskWorld::start()?;
    let others = (desk.stock(), desk.customers());
    let done = erp_poller::handle((&world.poller(), &others.0, &others.1), event("erp-poller")?).await?;
    let erp_poller::Done::Polled(report) = done else {
        return Err("it was asked for orders".into());
    };
    assert_eq!((report.admitted, report.complete), (1, true));
    assert_eq!(world.job(order)?.connection.as_str(), CONNECTION);

    let batch: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(project().join("events/shipment-worker.json"))?)?;
    let mut batch = batch;
    let job = world.job(order)?.id;
    batch["Records"][0]["body"] = serde_json::json!({ "job": job }).to_string().into();
    let response = shipment_worker::handle(&world.deliver(), with_deadline(serde_json::from_value(batch)?)?).await?;
    assert!(response.batch_item_failures.is_empty());
    assert_eq!(world.billed().len(), 1);
    let letters = world.store.tables().dead_letters.clone();
    let known = r#"{"job":"OB3XG5DVNZXW64DFOJ2HA3DPNU"}"#;
    assert_eq!(
        letters,
        [(known.to_owned(), "the job that it names does not exist".to_owned())]
    );
    Ok(())
}

/// P44, P46: the schedules' events begin runs, and the queue's batch tells the desk of what they found.
#[tokio::test]
async fn the_schedules_events_begin_runs_and_the_queues_batch_tells_the_desk() -> Result<(), Failure> {
    let world = DeskWorld::start()?;
    world.erp.has(7, 1, "W-1", 12);
    world.erp.enter(desk::open_order("5012", "778", tests::morning()));
    let flows = (world.poller(), world.stock(), world.customers());
    for name in ["erp-poller-stock", "erp-poller-customers"] {
        let done = erp_poller::handle((&flows.0, &flows.1, &flows.2), event(name)?).await?;
        let answer = serde_json::to_value(&done)?;
        assert_eq!(
            answer,
            json!({ "run": 1, "new": true, "queued": true, "stopped": null }),
            "{name}"
        );
    }
    let done = stock_worker::handle(&world.outward(), event("stock-worker")?).await?;
    assert!(done.batch_item_failures.is_empty());
    assert_eq!(world.desk.shows().len(), 1);
    assert!(world.desk.order("5012").is_some());
    let mut batch = json_of("stock-worker")?;
    batch["Records"][1]["body"] = "not a message".into();
    let done = stock_worker::handle(&world.outward(), with_deadline(serde_json::from_value(batch)?)?).await?;
    assert!(done.batch_item_failures.is_empty(), "it must not come again");
    assert_eq!(world.store.tables().dead_letters.len(), 1);
    Ok(())
}

/// What is not ours goes to the dead letters with the reason, at once and for good; the others of its batch are done.
#[tokio::test]
async fn a_message_that_is_not_ours_is_put_aside_and_never_stops_its_batch() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    let text = fs::read_to_string(project().join("events/shipment-worker.json"))?;
    let mut batch: serde_json::Value = serde_json::from_str(&text)?;
    batch["Records"][0]["body"] = "not a message".into();
    batch["Records"][1]["body"] = serde_json::json!({ "job": world.job(order)?.id }).to_string().into();
    let response = shipment_worker::handle(&world.deliver(), with_deadline(serde_json::from_value(batch)?)?).await?;
    assert!(response.batch_item_failures.is_empty(), "it must not come again");
    let letters = world.store.tables().dead_letters.clone();
    let reason = "it does not name a job, as our messages do";
    assert_eq!(letters, [("not a message".to_owned(), reason.to_owned())]);
    assert_eq!(world.billed().len(), 1);
    Ok(())
}

/// The daily event begins and goes on with reconciliations, the minute's goes on with what is left, and one names a connection.
#[tokio::test]
async fn the_daily_event_reconciles_and_the_tick_goes_on() -> Result<(), Failure> {
    let world = World::start().await?;
    let flows = (world.sweeper(), world.reconciler());
    let send = |event| job_sweeper::handle((&flows.0, &flows.1), 5_000, event);
    let done = send(event("job-sweeper-reconcile")?).await?;
    assert!(matches!(done.reconciled.as_slice(), [one] if one.complete && one.run == 1));
    flows.1.begin_all().await?;
    let done = send(event("job-sweeper")?).await?;
    assert!(matches!(done.reconciled.as_slice(), [one] if one.complete && one.run == 2));
    let named = serde_json::json!({ "task": "reconcile", "connection": CONNECTION });
    let done = send(with_deadline(serde_json::from_value(named)?)?).await?;
    assert!(done.swept.is_none() && done.reconciled[0].run == 3);
    Ok(())
}

/// The sweeper's event queues what is due again, and the refresher's renews what is in use.
#[tokio::test]
async fn the_sweepers_and_the_refreshers_events_do_their_work() -> Result<(), Failure> {
    let world = World::start().await?;
    world.enter(world.plain(1))?;
    world.poll().await?;
    world.store.tables().queue.clear();
    let flows = (world.sweeper(), world.reconciler());
    let done = job_sweeper::handle((&flows.0, &flows.1), 5_000, event("job-sweeper")?).await?;
    assert_eq!(done.swept.map(|swept| (swept.due, swept.requeued)), Some((1, 1)));
    world.work().await?;

    world.turn(jiff::SignedDuration::from_mins(58));
    let refreshed = token_refresher::handle(&Arc::new(world.refresher()), event("token-refresher")?).await?;
    assert_eq!(
        (refreshed.ending, refreshed.renewed, refreshed.failures),
        (2, 2, Vec::new())
    );
    Ok(())
}

fn port(world: &World) -> Arc<Memory> {
    Arc::new(world.store.clone())
}

/// The hook that an event is sent to, with these keys.
async fn hook(world: &World, event: &Value, keys: Value) -> Result<(), Failure> {
    let id = event["pathParameters"]["hook"].as_str().unwrap_or_default();
    let digest = Hook::digest_of(id);
    let secret = format!("waybill/test/acme/hook-{}", &digest[..8]);
    let mut body = keys;
    body["id"] = id.into();
    world.secret(&secret, &body).await?;
    let hook = json!({
        "digest": digest, "system": "ups", "tenant": "acme", "credential": "waybill/test/acme/ups", "secret": secret,
        "connections": [CONNECTION], "created_at": world.now(),
    });
    world
        .store
        .tables()
        .tracked
        .hooks
        .insert(digest, serde_json::from_value(hook)?);
    Ok(())
}

fn json_of(function: &str) -> Result<Value, Failure> {
    let text = fs::read_to_string(project().join(format!("events/{function}.json")))?;
    Ok(serde_json::from_str(&text)?)
}

async fn push(receive: &Receive, event: Value) -> Result<(i64, Value), Failure> {
    let event: ApiGatewayV2httpRequest = serde_json::from_value(event)?;
    said(webhook_receiver::handle(receive, with_deadline(event)?).await?)
}

/// The answer as the gateway reads it.
fn said(response: ApiGatewayV2httpResponse) -> Result<(i64, Value), Failure> {
    let response = serde_json::to_value(response)?;
    assert_eq!(response["headers"]["content-type"], "application/json");
    let body = response["body"].as_str().unwrap_or_default();
    Ok((
        response["statusCode"].as_i64().unwrap_or_default(),
        serde_json::from_str(body)?,
    ))
}

/// A genuine push is captured byte for byte and queued, whatever its headers' case and however the gateway sends its body; any
/// other is told nothing.
#[tokio::test]
async fn a_push_is_captured_and_queued() -> Result<(), Failure> {
    let world = World::start().await?;
    let receive = world.receiver();
    let event = json_of("webhook-receiver")?;
    hook(&world, &event, json!({ "keys": [event["headers"]["credential"]] })).await?;
    assert_eq!(push(&receive, event.clone()).await?.0, 200);
    let mut encoded = event.clone();
    encoded["headers"] = json!({ "Credential": event["headers"]["credential"] });
    encoded["body"] = "eyJ0cmFja2luZ051bWJlciI6IjFaMSJ9".into();
    encoded["isBase64Encoded"] = true.into();
    assert_eq!(push(&receive, encoded.clone()).await?.0, 200);
    let captures: Vec<String> = world
        .store
        .tables()
        .tracked
        .captures
        .values()
        .map(|(captured, _)| captured.body.clone())
        .collect();
    let sent = event["body"].as_str().unwrap_or_default();
    assert!(captures.contains(&sent.to_owned()) && captures.contains(&"{\"trackingNumber\":\"1Z1\"}".to_owned()));
    assert!(matches!(world.store.receive_tracking(), Some(TrackingMessage::Hook(_))));

    encoded["body"] = "not base64".into();
    assert_eq!(push(&receive, encoded).await?.0, 400);
    let mut stranger = event.clone();
    stranger["headers"]["credential"] = "guessed".into();
    let refused = push(&receive, stranger.clone()).await?;
    stranger["pathParameters"] = Value::Null;
    assert_eq!(push(&receive, stranger).await?, refused, "both are the same 401");
    assert_eq!((refused.0, world.store.tables().tracked.captures.len()), (401, 2));
    Ok(())
}

/// A vendor that asks for a token first gets one, and its push with that token is genuine.
#[tokio::test]
async fn a_token_is_given_and_taken() -> Result<(), Failure> {
    let world = World::start().await?;
    let receive = world.receiver();
    let event = json_of("webhook-receiver-token")?;
    let keys = json!({ "keys": ["ups-secret"], "client_id": "ups-client", "token_key": "signs" });
    hook(&world, &event, keys).await?;
    let (status, token) = push(&receive, event).await?;
    assert_eq!(status, 200);
    let mut event = json_of("webhook-receiver")?;
    assert_eq!(push(&receive, event.clone()).await?.0, 401);
    event["headers"]["x-api-key"] = "ups-client".into();
    event["headers"]["authorization"] = format!("Bearer {}", token["access_token"].as_str().unwrap_or_default()).into();
    assert_eq!(push(&receive, event).await?.0, 200);
    Ok(())
}

/// Each message of a batch is dealt with by itself; what is not ours is put aside.
#[tokio::test]
async fn a_batch_of_news_is_dealt_with() -> Result<(), Failure> {
    let world = World::start().await?;
    let mut batch = json_of("tracking-worker")?;
    let done =
        tracking_worker::handle(&world.tracker(), with_deadline(serde_json::from_value(batch.clone())?)?).await?;
    assert!(done.batch_item_failures.is_empty());
    batch["Records"][0]["body"] = "not a message".into();
    let done = tracking_worker::handle(&world.tracker(), with_deadline(serde_json::from_value(batch)?)?).await?;
    assert!(done.batch_item_failures.is_empty(), "it must not come again");
    let letters = world.store.tables().dead_letters.clone();
    assert!(letters.iter().any(|(body, _)| body == "not a message"), "{letters:?}");
    Ok(())
}

/// The minute's events make the round and ask for promises.
#[tokio::test]
async fn the_minutes_events_make_the_round_and_ask_for_promises() -> Result<(), Failure> {
    let world = World::start().await?;
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let poll = world.track_poller();
    let report = tracking_poller::handle(&poll, event("tracking-poller")?).await?;
    assert_eq!(report.parcels, 1, "the shipped order's parcel is looked at: {report:?}");
    let renew = world.renewer();
    let report = subscription_renewer::handle(&renew, event("subscription-renewer")?).await?;
    assert_eq!(report.failed, 0);
    Ok(())
}

/// A portal with its key learns how an order fares; without it, not even whether there is such an order.
#[tokio::test]
async fn a_portal_is_answered() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let status = world.portal();
    let ask = async |event: Value| {
        let event: ApiGatewayV2httpRequest = serde_json::from_value(event)?;
        said(order_status::handle(&status, with_deadline(event)?).await?)
    };
    let mut event = json_of("order-status")?;
    event["pathParameters"]["number"] = world.job(order)?.number.into();
    assert_eq!(ask(event.clone()).await?.0, 404);
    let gate = port(&world).gate(&CONNECTION.parse()?).await?;
    let name = gate.map(|gate| portal_secret(&gate.connection)).unwrap_or_default();
    world.secret(&name, &json!({ "keys": ["3q2-7wPortalKey"] })).await?;
    // That there was no key is believed for a moment.
    world.turn(jiff::SignedDuration::from_secs(3));
    let (code, answer) = ask(event.clone()).await?;
    assert_eq!((code, &answer["order"]), (200, &event["pathParameters"]["number"]));
    event["headers"]
        .as_object_mut()
        .map(|headers| headers.remove("x-api-key"));
    event["headers"]["authorization"] = "Bearer 3q2-7wPortalKey".into();
    assert_eq!(ask(event.clone()).await?.0, 200);
    event["headers"]["authorization"] = "Basic 3q2-7wPortalKey".into();
    assert_eq!(ask(event.clone()).await?.0, 404);

    // Whoever asks too often is told when to come back, as HTTP says it.
    event["headers"]["authorization"] = "Bearer 3q2-7wPortalKey".into();
    let mut answer = Value::Null;
    for _ in 0..=300 {
        let event: ApiGatewayV2httpRequest = serde_json::from_value(event.clone())?;
        answer = serde_json::to_value(order_status::handle(&status, with_deadline(event)?).await?)?;
    }
    assert_eq!(answer["statusCode"], 429);
    let seconds = answer["headers"]["retry-after"].as_str().map(str::parse::<u32>);
    assert!(matches!(seconds, Some(Ok(1..=60))), "{answer}");
    Ok(())
}

/// P56: a browser that follows a link is led to the label, told to keep nothing, and tells nobody where it came from; a link that
/// opens nothing is a page that loads and runs nothing.
#[tokio::test]
async fn a_label_link_is_followed() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let door = world.label_door();
    let follow = async |event: Value| {
        let event: ApiGatewayV2httpRequest = serde_json::from_value(event)?;
        let answer = label_link::handle(&door, with_deadline(event)?).await?;
        Ok::<Value, Failure>(serde_json::to_value(answer)?)
    };
    let event = json_of("label-link")?;
    let dead = follow(event.clone()).await?;
    assert_eq!(dead["statusCode"], 404);
    assert_eq!(dead["headers"]["content-type"], "text/html; charset=utf-8");
    let policy = dead["headers"]["content-security-policy"].as_str().unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(dead["body"].as_str().unwrap_or_default().starts_with("<!doctype html>"));

    let job = world.job(order)?;
    let until = world.now() + jiff::SignedDuration::from_hours(1);
    let link = world.label_links().link(&job, until).await?.ok_or("no link")?;
    let mut live = event.clone();
    live["pathParameters"] = json!({ "token": link.rsplit('/').next() });
    let opened = follow(live.clone()).await?;
    assert_eq!((&opened["statusCode"], &opened["body"]), (&302.into(), &Value::Null));
    let address = opened["headers"]["location"].as_str().unwrap_or_default();
    assert!(address.contains(job.id.as_str()), "{address}");
    live["pathParameters"]["number"] = "1".into();
    assert_eq!(follow(live.clone()).await?["headers"]["location"], address);
    live["pathParameters"]["number"] = "2".into();
    assert_eq!(follow(live).await?, dead);
    for answer in [&opened, &dead] {
        for (header, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer["headers"][header], value, "{header}");
        }
    }
    let mut nobody = event;
    nobody["pathParameters"] = Value::Null;
    assert_eq!(follow(nobody).await?, dead);
    Ok(())
}
