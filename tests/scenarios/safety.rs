//! What can be proved afterwards, what must never be readable, and what must never be reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::BASE64;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde_json::Value;
use simulators::faults::{Fault, FaultKind};
use simulators::netsuite::keys::KeyKind;
use simulators::requests::RequestRecord;
use tests::world::{Failure, World};
use waybill::connection::Environment;
use waybill::domain::ParcelRule;
use waybill::flows::advance::Advance;
use waybill::job::{Step, history};
use waybill::memory::{Fate, Switch};
use waybill::ports::{AuditEntry, CallError, Exchange, Sealer, Secrets, Systems};

/// What one exchange was, by our audit or by the other side's log.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    host: String,
    headers: BTreeMap<String, String>,
    request: String,
    sent: String,
    status: Option<u16>,
}

/// Headers that every call has, by its body and the connection.
const OF_EVERY_CALL: [&str; 7] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
];

fn lower(headers: &[(String, String)]) -> BTreeMap<String, String> {
    let lower = |(name, value): &(String, String)| (name.to_lowercase(), value.clone());
    headers.iter().map(lower).collect()
}

pub(crate) fn ours(exchange: &Exchange) -> Told {
    Told {
        host: exchange.base.split("://").nth(1).unwrap_or_default().to_owned(),
        request: exchange.request.clone(),
        headers: lower(&exchange.headers),
        sent: exchange.sent.clone().unwrap_or_default(),
        status: exchange.status,
    }
}

pub(crate) fn theirs(record: &RequestRecord) -> Told {
    Told {
        host: record.headers.get("host").cloned().unwrap_or_default(),
        request: format!("{} {}", record.method, record.target),
        headers: record
            .headers
            .iter()
            .filter(|(name, _)| !OF_EVERY_CALL.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        sent: record.body.clone(),
        status: record.status,
    }
}

pub(crate) fn exchanges(world: &World, order: u64, system: &str) -> Result<Vec<Exchange>, Failure> {
    let story = world.story(&world.job(order)?.id);
    let mut calls: Vec<Exchange> = story.into_iter().flat_map(|entry| entry.exchanges).collect();
    calls.retain(|call| call.system == system && call.operation != "token");
    Ok(calls)
}

/// P22: from the audit alone every request and every answer of a job can be rebuilt, lost ones and look-ups included.
#[tokio::test]
async fn the_audit_tells_every_call_as_the_other_side_saw_it() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    world.netsuite_fault(Fault::new("transform", FaultKind::Status500After).at_most(1));
    let order = world.enter(world.plain(2))?;
    world.poll().await?;
    world.netsuite.base.requests.clear();
    world.work().await?;
    world.pass(SignedDuration::from_hours(3)).await?;
    assert!(world.job(order)?.finished());

    for (system, log) in [("ups", world.ups.base()), ("netsuite", &world.netsuite.base)] {
        let calls = exchanges(&world, order, system)?;
        let seen = log.requests.latest(None);
        let seen: Vec<Told> = seen.iter().filter(|one| one.operation != "token").map(theirs).collect();
        assert_eq!(calls.iter().map(ours).collect::<Vec<_>>(), seen, "{system}");
        assert!(
            calls
                .iter()
                .all(|call| call.status.is_none() || !call.received.is_empty() || call.sent.is_some())
        );
    }
    let bought = &world.billed()[0].id;
    let answers = exchanges(&world, order, "ups")?;
    assert!(
        answers.iter().any(|call| call.received.contains(bought.as_str())),
        "the answers themselves are kept"
    );
    let story = world.story(&world.job(order)?.id);
    let ship = story
        .iter()
        .find_map(|entry| entry.draft.as_ref().filter(|draft| draft.operation.contains("ship")));
    assert!(ship.is_some(), "the intent keeps the exact request");
    Ok(())
}

/// P22: what each write changed is kept, so that the job can be shown as it stood after any of them.
#[tokio::test]
async fn the_story_tells_how_the_job_stood_at_any_moment() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("ship", FaultKind::DropAfter).at_most(1));
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(3)).await?;
    let (job, story) = (world.job(order)?, world.story(&world.job(order)?.id));
    assert!(job.finished() && story.len() >= 5, "{story:?}");
    let stood = |entries: &[AuditEntry]| history::after(entries.iter().filter_map(|entry| entry.change.as_ref()));
    assert_eq!(stood(&story), Some(job));
    let first = stood(&story[..1]).unwrap();
    assert_eq!((&first.purchase, first.version), (&Step::Todo, 1));
    let lost = story
        .iter()
        .position(|entry| entry.text.contains("nobody knows"))
        .unwrap();
    let then = stood(&story[..=lost]).unwrap();
    assert!(matches!(then.purchase, Step::Unknown { .. }), "{:?}", then.purchase);
    assert_eq!(stood(&story[1..]), None, "without its beginning it cannot be told");
    Ok(())
}

/// P22, P24: neither the table nor the audit holds a credential or a token in a readable form.
#[tokio::test]
async fn nothing_secret_is_readable_in_what_is_stored() -> Result<(), Failure> {
    let world = World::start().await?;
    world.ups_fault(Fault::new("ship", FaultKind::ExpireTokens).at_most(1));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert!(world.job(order)?.write_back.done().is_some());

    let mut secrets = vec!["ups-secret".to_owned(), "Bearer ".to_owned(), "Basic ".to_owned()];
    let key = world.vault.read("waybill/test/acme/netsuite").await?.unwrap();
    let key: serde_json::Value = serde_json::from_str(key.expose_secret())?;
    let pem = key["private_key"].as_str().unwrap();
    secrets.extend(pem.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));
    let tokens = world.store.tables().tokens.clone();
    assert_eq!(tokens.len(), 2);
    for (owner, row) in &tokens {
        let token = row.stored.token.as_ref().unwrap();
        assert!(
            world.vault.open("another", &token.sealed).await.is_err(),
            "a seal opens for its owner only"
        );
        secrets.push(world.vault.open(owner, &token.sealed).await?.expose_secret().to_owned());
    }
    let mut stored = format!("{:?} {:?}", *world.store.tables(), world.vault);
    for entries in world.store.tables().audit.values() {
        stored.push_str(&serde_json::to_string(entries)?);
    }
    for secret in secrets {
        assert!(
            secret.len() > 5 && !stored.contains(&secret),
            "{} readable characters",
            secret.len()
        );
    }
    Ok(())
}

/// P24: a credential that is replaced is used within minutes, without a deployment and without losing an order.
#[tokio::test]
async fn a_rotated_credential_takes_over_within_minutes() -> Result<(), Failure> {
    let world = World::start().await?;
    world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let key = world
        .netsuite
        .make_certificate(KeyKind::P256, "certificate-2", "client-2")?;
    let rotated = serde_json::json!({
        "kind": "client-credentials", "client_id": "client-2", "certificate_id": "certificate-2",
        "private_key": key.private_pem, "algorithm": "ES256"
    });
    world.secret("waybill/test/acme/netsuite", &rotated).await?;
    world.turn(SignedDuration::from_mins(6));
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    assert!(world.job(order)?.write_back.done().is_some());
    let writes = world.netsuite.books().custom_field_writes;
    assert_eq!(writes.first().map(|write| write.by.as_str()), Some("client-1"));
    assert_eq!(writes.last().map(|write| write.by.as_str()), Some("client-2"));
    Ok(())
}

/// P26: a sandbox connection is never opened on a production host, whatever its file allows, and the other way round.
#[tokio::test]
async fn a_sandbox_connection_can_never_reach_production() -> Result<(), Failure> {
    let world = World::start().await?;
    let hosts = [
        (Environment::Sandbox, "https://onlinetools.ups.com", "1234567_SB1"),
        (Environment::Production, "https://wwwcie.ups.com", "1234567"),
        (Environment::Sandbox, "https://example.com", "1234567_SB1"),
    ];
    for (environment, host, account) in hosts {
        world.configure(|connection| {
            connection.environment = environment;
            connection.erp.account = account.to_owned();
            connection.erp.base_url = None;
            connection.carrier.base_url = host.parse().ok();
            connection.carrier.allow_host = ["onlinetools.ups.com", "wwwcie.ups.com"].map(str::to_owned).to_vec();
        });
        let gate = world.store.tables().connections[&tests::world::CONNECTION.parse()?].clone();
        let opened = world.registry().open(&gate).await;
        assert!(matches!(opened.err(), Some(CallError::Refused(_))), "{host}");
    }
    let order = world.enter(world.plain(1))?;
    let report = world.poll().await?;
    assert!(report.stopped.is_some() && world.jobs(order).is_empty(), "{report:?}");
    Ok(())
}

/// P25: the carrier's data never changes the order's own: only our fields and the fulfilment are new.
#[tokio::test]
async fn shipping_changes_nothing_of_the_order_itself() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(2))?;
    let before = world.netsuite.act(|account, _| account.orders[&order].clone());
    world.poll_and_work().await?;
    let after = world.netsuite.act(|account, _| account.orders[&order].clone());
    assert_eq!(
        (&before.ship_address, before.ship_method),
        (&after.ship_address, after.ship_method)
    );
    assert_eq!(
        (before.email, before.memo, before.other_ref_num),
        (after.email, after.memo, after.other_ref_num)
    );
    for (line, shipped) in before.lines.iter().zip(&after.lines) {
        assert_eq!(
            (line.item, line.quantity, line.closed),
            (shipped.item, shipped.quantity, shipped.closed)
        );
    }
    assert!(after.custom.keys().all(|field| field.starts_with("custbody_waybill_")));
    let client = |write: &simulators::netsuite::world::CustomFieldWrite| write.by == "client-1";
    assert!(world.netsuite.books().custom_field_writes.iter().all(client));
    Ok(())
}

/// P25: the tracking field is ours: our number is put back where a person has edited it, and the story says so.
#[tokio::test]
async fn an_edited_tracking_field_is_put_right_or_reported() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll_and_work().await?;
    let number = world.field(order, "tracking")?;
    world.turn(SignedDuration::from_mins(5));
    world.person(|account, now| {
        let field = "custbody_waybill_tracking";
        account.set_order_field(order, field, "1ZWRONG".into(), "person", now);
        Ok(())
    })?;
    world.poll_and_work().await?;
    world.pass(SignedDuration::from_hours(25)).await?;
    let shown = world.field(order, "tracking")?;
    assert!(
        shown.contains(&number),
        "our number stands again beside the person's: {shown:?}"
    );
    let story = world.story(&world.job(order)?.id);
    assert!(
        story
            .iter()
            .any(|entry| entry.text.contains("somebody changed the tracking number")),
        "{story:?}"
    );
    assert_eq!(world.page(order)?.fulfilments.len(), 1, "nothing else is written twice");
    Ok(())
}

/// P27: with the right credentials every finding is good; with a wrong one the finding says which and what to do, and no
/// order is touched.
#[tokio::test]
async fn a_check_of_real_systems_says_what_is_wrong_and_touches_nothing() -> Result<(), Failure> {
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    let before = world.page(order)?;
    let connection = world.store.tables().connections[&tests::world::CONNECTION.parse()?].clone();
    let opened = world.registry().open(&connection).await?;
    let findings = [opened.source.check().await, opened.carrier.check().await].concat();
    let bad: Vec<_> = findings.iter().filter(|finding| finding.result.is_err()).collect();
    assert!(bad.is_empty() && findings.len() >= 4, "{findings:?}");

    let other = World::start().await?;
    other
        .secret(
            "waybill/test/acme/ups",
            &serde_json::json!({ "client_id": "ups-client", "client_secret": "wrong" }),
        )
        .await?;
    let connection = other.store.tables().connections[&tests::world::CONNECTION.parse()?].clone();
    let opened = other.registry().open(&connection).await?;
    let findings = opened.carrier.check().await;
    let told = findings.iter().find_map(|finding| finding.result.as_ref().err());
    assert!(told.is_some_and(|told| told.contains("client")), "{findings:?}");
    assert_eq!(world.page(order)?, before);
    assert_eq!((world.asked_ups("ship"), other.asked_ups("ship")), (0, 0));
    Ok(())
}

/// P27: an app of UPS without the Shipping product is found before the first purchase is refused, and nothing is bought to find it.
#[tokio::test]
async fn a_check_finds_that_the_app_may_not_ship() -> Result<(), Failure> {
    let world = World::start().await?;
    let without = FaultKind::Status {
        code: 401,
        retry_after: None,
    };
    world.ups_fault(Fault::new("label_recovery", without));
    let connection = world.store.tables().connections[&tests::world::CONNECTION.parse()?].clone();
    let opened = world.registry().open(&connection).await?;
    let findings = opened.carrier.check().await;
    let wrong: Vec<_> = findings.iter().filter(|finding| finding.result.is_err()).collect();
    let [one] = wrong.as_slice() else {
        panic!("{findings:?}")
    };
    let told = one.result.as_ref().unwrap_err();
    assert!(told.contains("lacks the Shipping product"), "{told}");
    assert_eq!((world.asked_ups("label_recovery"), world.asked_ups("ship")), (2, 0));
    Ok(())
}

/// P22: a label that is kept stands in the audit by where it is kept, and from there the carrier's answer is whole again.
#[tokio::test]
async fn a_label_is_kept_once_and_the_answer_can_still_be_rebuilt() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| connection.packing.rule = ParcelRule::PerPiece);
    let order = world.enter(world.plain(2))?;
    world.poll_and_work().await?;
    let job = world.job(order)?;
    let kept = job.labels.done().cloned().unwrap_or_default();
    assert_eq!(kept.len(), 2, "{job:?}");
    let mut answer = bought_by(&world, order)?;
    for label in &kept {
        let image = BASE64.encode(&world.store.tables().labels[&label.key]);
        let begin = format!("(kept as {}: ", label.key);
        assert!(answer.contains(&begin) && !answer.contains(&image), "{answer}");
        let end = answer
            .split(&begin)
            .nth(1)
            .and_then(|rest| rest.split_inclusive(')').next());
        answer = answer.replace(&format!("{begin}{}", end.unwrap_or_default()), &image);
        assert_eq!(
            world.store.tables().labels_kept[&label.key],
            90,
            "as long as the connection says"
        );
    }
    let answer: Value = serde_json::from_str(&answer)?;
    let parcels = &answer["ShipmentResponse"]["ShipmentResults"]["PackageResults"];
    let images: Vec<Vec<u8>> = (0..2)
        .filter_map(|parcel| parcels[parcel]["ShippingLabel"]["GraphicImage"].as_str())
        .map(|image| BASE64.decode(image.as_bytes()).unwrap())
        .collect();
    let stored = kept.iter().map(|label| world.store.tables().labels[&label.key].clone());
    assert_eq!(images, stored.collect::<Vec<_>>());
    Ok(())
}

/// P20, P22: a label that could not be stored stays in the audit.
#[tokio::test]
async fn a_label_that_was_not_stored_stays_in_the_audit() -> Result<(), Failure> {
    struct Down;
    #[async_trait::async_trait]
    impl Switch for Down {
        async fn before(&self, call: &'static str) -> Fate {
            if call == "put label" {
                Fate::LoseAnswer
            } else {
                Fate::Work
            }
        }
    }
    let world = World::start().await?;
    let order = world.enter(world.plain(1))?;
    world.poll().await?;
    let down = Advance {
        labels: Arc::new(world.store.behind(Arc::new(Down))),
        ..world.worker()
    };
    down.run(&world.job(order)?.id).await?;
    assert!(world.job(order)?.purchase.done().is_some());
    let answer = bought_by(&world, order)?;
    let stored: Vec<Vec<u8>> = world.store.tables().labels.values().cloned().collect();
    assert_eq!(stored.len(), 1, "only its answers were lost");
    assert!(answer.contains(&BASE64.encode(&stored[0])), "{answer}");
    Ok(())
}

/// What UPS answered to the purchase, as the audit has it.
fn bought_by(world: &World, order: u64) -> Result<String, Failure> {
    let calls = exchanges(world, order, "ups")?;
    let ship = calls.into_iter().find(|call| call.operation == "ship");
    Ok(ship.ok_or("nothing was bought")?.received)
}
