//! Items as every version of the code so far has stored them, each file a table: they stay readable for ever. The first holds
//! jobs, tokens and limits; those after it runs, notes, windows, turns, health and what ends a job as well; those from the third on
//! parcels, events, promises, what ERPs were told, hooks and webhooks too; from the fourth on long bodies are packed,
//! parcels have their events with them, and webhooks stand in no index.
//!
//! After a change of a shape, record the new one beside the old ones:
//! `RECORD=void-step cargo test --workspace --test store record_the_shapes -- --ignored`.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use data_encoding::BASE64;
use jiff::SignedDuration;
use rust_decimal::dec;
use waybill::aws::Change;
use waybill::connection::Connection;
use waybill::domain::{
    Address, AddressVerdict, CarrierShipmentId, Cover, DeliveryStatus, Earlier, Ending, Estimate, Gap, GapKind, Health,
    Holding, JobId, ListEntry, Listed, Milestone, Money, Nonce, Outage, Rate, Reconciliation, Refusal, Run, Stage,
    Stretch, Suspect, Tally, Telling, TrackedParcel, TrackingEvent, Trouble, Units, fold,
};
use waybill::job::{
    Attempt, Closing, DuplicateCheck, Extra, Flag, Forgotten, Hold, HoldReason, Job, Look, Step, VoidWish, Voiding,
    Wait, WriteBackRef,
};
use waybill::ports::{
    Captures, Connections, Covers, Cursor, Cursors, Directory, Documents, Hook, Hooks, Jobs, Limits, Parcels,
    RefreshLease, Save, Saved, ScanProgress, SealedToken, Spending, State, Tellings, TokenKey, TokenRequests,
    TokenStore, TokensInUse, Turn,
};

use crate::database::{Store, TABLE};
use crate::samples::{admitted, bought, connection, connection_id, entry, exchange, next, start, units};
use crate::tracking::{captured, event, parcel, webhook};

type Attributes = BTreeMap<String, serde_json::Value>;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/store/shapes")
}

fn key() -> TokenKey {
    TokenKey {
        system: "ups".to_owned(),
        credential: "waybill/test/acme/ups".to_owned(),
        client: "client-digest".to_owned(),
        merchant: None,
        connection: connection_id(),
    }
}

fn attempt() -> Attempt {
    Attempt {
        number: 1,
        owner: Nonce::new("owner"),
        at: start(),
        until: start() + SignedDuration::from_mins(5),
    }
}

/// A job in the middle of everything that can be remembered about it.
fn eventful(job: &Job) -> Save {
    let mut save = next(job, "eventful");
    let look = Look {
        at: start(),
        control: true,
    };
    save.job.address = Step::Done(AddressVerdict::Ambiguous {
        candidates: vec![Address::default()],
    });
    save.job.purchase = Step::Unknown {
        attempt: attempt(),
        since: start(),
        looks: vec![look],
    };
    save.job.extras = vec![
        Extra {
            shipment: CarrierShipmentId::new("1Z7"),
            voiding: Voiding::Todo { at: start() },
        },
        Extra {
            shipment: CarrierShipmentId::new("1Z8"),
            voiding: Voiding::Refused("too late".to_owned()),
        },
    ];
    save.job.attempts = 1;
    save.job.bought_again = true;
    save.job.duplicate_check = Some(DuplicateCheck { at: start() });
    save.job.wait = Some(Wait::new(start(), "busy"));
    save.job.hold = Some(Hold {
        reason: HoldReason::UnknownPurchase,
        message: "nobody knows".to_owned(),
        since: start(),
        again_at: start(),
        under: None,
    });
    save.job.flag = Flag::Wanted {
        text: Some("nobody knows".to_owned()),
        at: start(),
        tries: 2,
        refusals: 0,
    };
    save.audit = vec![waybill::ports::AuditEntry {
        exchanges: vec![exchange("{}".to_owned())],
        ..entry("eventful")
    }];
    save
}

fn shipped(job: &Job) -> Save {
    let mut save = next(job, "shipped");
    save.job.purchase = bought("1Z1");
    save.job.write_back = Step::Done(WriteBackRef {
        place: "item fulfilment 7".to_owned(),
        id: Some("7".to_owned()),
    });
    save.job.due_at = None;
    save
}

fn refused(job: &Job) -> Save {
    let mut save = next(job, "refused");
    save.job.purchase = Step::Refused(Refusal::new("120100", "no"));
    save.job.write_back = Step::NotNeeded("never".to_owned());
    save
}

/// One of everything that is stored.
async fn fill(store: &Store) {
    let dynamo = &store.dynamo;
    let change = Change {
        connection: Connection {
            version: 1,
            ..connection()
        },
        audit: entry("applied"),
    };
    assert!(dynamo.store_connection(&change).await.unwrap());
    dynamo.set_brake(Some("stocktaking"), "Jo", start()).await.unwrap();
    let progress = ScanProgress {
        since: start(),
        candidate: start(),
        after: Some("7".to_owned()),
        began: None,
        settled: BTreeMap::new(),
    };
    let cursor = Cursor {
        version: 1,
        settled: BTreeMap::new(),
        published: Some(start()),
        scan: Some(progress),
    };
    assert!(dynamo.advance(&connection_id(), "orders", &cursor).await.unwrap());
    for (order, change) in [("1", eventful as fn(&Job) -> Save), ("2", shipped), ("3", refused)] {
        let new = admitted(order, &format!("admit-{order}"));
        assert!(dynamo.admit(&units(&new), std::slice::from_ref(&new)).await.unwrap());
        Jobs::save(dynamo.as_ref(), &change(&new.job)).await.unwrap();
    }
    let lease = RefreshLease {
        owner: Nonce::new("o"),
        until: start() + SignedDuration::from_mins(1),
    };
    let token = SealedToken {
        sealed: "c2VhbGVk".to_owned(),
        client: "client-digest".to_owned(),
        issued_at: start(),
        expires_at: start() + SignedDuration::from_hours(1),
    };
    assert!(dynamo.lease(&key(), 0, &lease, start()).await.unwrap());
    assert!(
        TokenStore::save(dynamo.as_ref(), &key(), &Nonce::new("o"), 1, &token)
            .await
            .unwrap()
    );
    dynamo.mark_used(&key(), start()).await.unwrap();
    let requests = TokenRequests {
        version: 1,
        at: vec![start()],
    };
    assert!(dynamo.write_requests("ups", "client-digest", &requests).await.unwrap());
    let minute = std::time::Duration::from_secs(60);
    dynamo.lease_slot("netsuite:1", 1, minute).await.unwrap();
    dynamo
        .pause("ups:A1B2C3", start() + SignedDuration::from_mins(1))
        .await
        .unwrap();
    assert!(
        dynamo
            .reserve(&connection(), &Money::new(dec!(40), "USD"), start())
            .await
            .unwrap()
    );
}

fn place() -> WriteBackRef {
    WriteBackRef {
        place: "item fulfilment 7".to_owned(),
        id: Some("7".to_owned()),
    }
}

/// A job that a person had voided, with the note that its document is to be read again.
fn voided(job: &Job) -> Save {
    let mut save = next(job, "voided");
    let by = "ann".to_owned();
    save.job.void = Some(VoidWish {
        kept: None,
        by: by.clone(),
        at: start(),
        voiding: Voiding::Done,
        shipment: bought("1Z4").done().cloned(),
        shown: Some(place()),
    });
    save.job.closed = Some(Closing::Voided { by });
    save.units = Some(Units {
        version: 2,
        ..units(&admitted("4", ""))
    });
    save
}

/// A job without its person, whose flag the ERP refuses and whose write-back was put right.
fn forgotten(job: &Job) -> Save {
    let mut save = next(job, "forgotten");
    save.job.forgotten = Some(Forgotten {
        by: "ann".to_owned(),
        at: start(),
    });
    save.job.flag = Flag::Refused(Some("no weight".to_owned()));
    save.job.put_right = 2;
    save
}

fn gap() -> Gap {
    Gap {
        job: Some(id("4")),
        tracking_number: Some("1Z4".to_owned()),
        since: Some(start()),
        ..Gap::new(GapKind::NotListed, "why", "what")
    }
}

fn run() -> Run {
    let stretch = Stretch {
        from: start(),
        to: start() + SignedDuration::from_hours(1),
    };
    Run {
        number: 7,
        started_at: start(),
        finished_at: Some(start()),
        stage: Stage::Carrier {
            stretch,
            page: Some("2".to_owned()),
        },
        shipped_since: start(),
        listed_since: Some(start()),
        erp_is_blind: true,
        list_is_blind: true,
        tally: Tally {
            unreadable: 1,
            ..Tally::default()
        },
        gaps: 2,
        held: 1,
        pages: vec![1],
        step: 3,
        failures: 1,
        suspects: vec![Suspect {
            reference: id("4"),
            tracking_number: "1Z4".to_owned(),
            on: "2026-03-02".parse().ok(),
        }],
        notes: vec!["so".to_owned()],
        before: Some(Earlier {
            number: 6,
            pages: vec![2],
            started_at: start(),
        }),
    }
}

fn reconciliation() -> Reconciliation {
    Reconciliation {
        version: 1,
        run: Some(run()),
        held_until: Some(start()),
        due_at: Some(start()),
    }
}

fn health() -> Health {
    Health {
        calls: 2,
        effects: 3,
        outage: Some(Outage {
            trouble: Trouble::Effects,
            since: start(),
            reason: "status 503".to_owned(),
            probes: 1,
            probe_at: start(),
        }),
    }
}

fn rate() -> Rate {
    Rate::new(3, SignedDuration::from_secs(60)).unwrap()
}

/// The first turn that is given at the only slot of an account.
fn first_turn() -> jiff::Timestamp {
    Holding::default().turn(1, None, start())
}

/// One of everything that the first shapes lack.
async fn fill_more(store: &Store) {
    let dynamo = &store.dynamo;
    for (order, change) in [("4", voided as fn(&Job) -> Save), ("5", forgotten)] {
        let new = admitted(order, &format!("admit-{order}"));
        assert!(dynamo.admit(&units(&new), std::slice::from_ref(&new)).await.unwrap());
        let saved = Jobs::save(dynamo.as_ref(), &change(&new.job)).await.unwrap();
        assert_eq!(saved, Saved::Done);
    }
    let connection = connection_id();
    let runs: &dyn waybill::ports::Reconciliations = dynamo.as_ref();
    assert!(runs.advance(&connection, &reconciliation()).await.unwrap());
    runs.keep(&connection, &run()).await.unwrap();
    runs.keep_gaps(&connection, 7, 1, &[gap()]).await.unwrap();
    let said = |voided| ListEntry {
        reference: None,
        shipment: None,
        tracking_numbers: vec!["1Z4".to_owned()],
        on: None,
        voided,
    };
    runs.note_listed(&connection, &[said(false), said(true)]).await.unwrap();
    assert!(dynamo.write_health("ups:A1B2C3", 0, &health()).await.unwrap());
    while dynamo.reserve_call("ups:A1B2C3", &rate()).await.unwrap().is_none() {}
    let minute = std::time::Duration::from_secs(60);
    assert_eq!(
        dynamo.lease_slot("netsuite:1", 1, minute).await.unwrap(),
        Turn::At(first_turn())
    );
}

fn delivered() -> TrackingEvent {
    TrackingEvent {
        description: Some("Left at dock".to_owned()),
        signed_by: Some("QUILL".to_owned()),
        estimate: Some(estimate()),
        ..event(start(), Milestone::Delivered)
    }
}

fn estimate() -> Estimate {
    Estimate {
        date: "2026-03-04".parse().unwrap(),
        until: "19:00".parse().ok(),
    }
}

/// A parcel with everything that can be remembered about it.
fn followed() -> TrackedParcel {
    let mut parcel = parcel("1Z4");
    parcel.enlisted = true;
    parcel.progress = fold(&[delivered()]);
    parcel.pushed_until = Some(start());
    parcel.polled_at = Some(start());
    parcel.failures = 1;
    parcel.hints.insert("20260302090000 1Z4 D".to_owned());
    parcel.untold_since = Some(start());
    parcel.tell_at = Some(start());
    parcel.queued_until = Some(start());
    parcel.ended = Some((Ending::GivenUp, start()));
    parcel
}

fn promise() -> Cover {
    Cover {
        key: parcel("1Z4").key,
        version: 1,
        until: Some(start()),
        renew_at: start(),
        failures: 1,
        refused: Some("TA0001: no".to_owned()),
    }
}

fn told() -> Telling {
    Telling {
        version: 1,
        told: DeliveryStatus::of([followed().progress.as_ref()]),
        writing: Some((Nonce::new("n"), start())),
        doubtful_until: Some(start()),
        failures: 1,
    }
}

fn hook() -> Hook {
    Hook {
        networks: vec!["203.0.113.0/24".to_owned()],
        retires_at: Some(start()),
        ..crate::tracking::hook("digest")
    }
}

/// One of everything that is stored of parcels on their way and of webhooks.
async fn fill_tracking(store: &Store) {
    let dynamo = &store.dynamo;
    let minded = followed().minded_by(Some(&webhook("small")), Some(start()));
    assert!(dynamo.record(&minded.with_events(vec![delivered()])).await.unwrap());
    assert!(dynamo.write_cover(&promise()).await.unwrap());
    let document = followed().document;
    assert!(
        dynamo
            .write_telling(&connection_id(), &document, &told())
            .await
            .unwrap()
    );
    dynamo.write_hook(&hook()).await.unwrap();
    dynamo
        .capture(&captured(&webhook("small"), "{}"), start())
        .await
        .unwrap();
}

/// Records what the code stores today, under a name.
#[tokio::test]
#[ignore = "writes a file"]
async fn record_the_shapes() {
    let store = Store::new().await;
    fill(&store).await;
    fill_more(&store).await;
    fill_tracking(&store).await;
    let scan = store.client.scan().table_name(TABLE).send().await.unwrap();
    let plain = |value: &AttributeValue| match value {
        AttributeValue::N(number) => serde_json::json!({ "N": number }),
        AttributeValue::L(_) | AttributeValue::M(_) => panic!("no item has such an attribute: {value:?}"),
        AttributeValue::B(bytes) => serde_json::json!({ "B": BASE64.encode(bytes.as_ref()) }),
        other => serde_json::json!({ "S": other.as_s().unwrap() }),
    };
    let mut items: Vec<Attributes> = scan
        .items()
        .iter()
        .map(|item| item.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        .collect();
    items.sort_by_key(|item| format!("{} {}", item["pk"], item["sk"]));
    let name = std::env::var("RECORD").unwrap();
    let text = serde_json::to_string_pretty(&items).unwrap();
    std::fs::write(folder().join(format!("{name}.json")), text + "\n").unwrap();
}

async fn restore(store: &Store, file: &std::path::Path) {
    let items: Vec<Attributes> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for item in items {
        let attribute = |value: serde_json::Value| match (value["N"].as_str(), value["B"].as_str()) {
            (Some(number), _) => AttributeValue::N(number.to_owned()),
            (_, Some(bytes)) => AttributeValue::B(Blob::new(BASE64.decode(bytes.as_bytes()).unwrap())),
            _ => AttributeValue::S(value["S"].as_str().unwrap().to_owned()),
        };
        let item: HashMap<String, AttributeValue> =
            item.into_iter().map(|(name, value)| (name, attribute(value))).collect();
        let put = store.client.put_item().table_name(TABLE).set_item(Some(item));
        put.send().await.unwrap();
    }
}

fn id(order: &str) -> JobId {
    admitted(order, "").job.id
}

async fn reads_everything(store: &Store) {
    let dynamo = &store.dynamo;
    let job = dynamo.load(&id("1")).await.unwrap().unwrap();
    let wanted = eventful(&admitted("1", "admit-1").job).job;
    assert_eq!((&job.purchase, &job.extras), (&wanted.purchase, &wanted.extras));
    assert_eq!(
        (&job.address, &job.duplicate_check),
        (&wanted.address, &wanted.duplicate_check)
    );
    assert_eq!((&job.hold, &job.flag), (&wanted.hold, &wanted.flag));
    assert_eq!(job.wait.map(|wait| wait.reason), wanted.wait.map(|wait| wait.reason));
    let shipped = dynamo.load(&id("2")).await.unwrap().unwrap();
    assert_eq!((State::of(&shipped), shipped.purchase), (State::Shipped, bought("1Z1")));
    let refused = dynamo.load(&id("3")).await.unwrap().unwrap();
    assert!(matches!(refused.purchase, Step::Refused(_)));
    assert_eq!(
        dynamo.snapshot(&id("1"), 1).await.unwrap(),
        Some(admitted("1", "").snapshot)
    );
    let story = dynamo.audit(&id("1")).await.unwrap();
    let texts: Vec<&str> = story.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["admitted", "eventful"]);
    assert_eq!(story[1].exchanges[0].request, "POST /ship");
    let (_, units) = dynamo.numbered("SO1").await.unwrap().into_iter().next().unwrap();
    assert_eq!(units.units[0].job, id("1"));
    let held = dynamo.in_state(&connection_id(), State::Held, 9).await.unwrap();
    assert_eq!(held.len(), 1);
    let gate = dynamo.gate(&connection_id()).await.unwrap().unwrap();
    assert_eq!(
        (gate.connection.version, gate.brake.as_deref()),
        (1, Some("stocktaking"))
    );
    let cursor = dynamo.cursor(&connection_id(), "orders").await.unwrap();
    assert_eq!(cursor.scan.unwrap().after.as_deref(), Some("7"));
    let token = dynamo.read(&key()).await.unwrap().unwrap();
    assert_eq!(token.token.unwrap().sealed, "c2VhbGVk");
    assert_eq!(dynamo.in_use(start()).await.unwrap().len(), 1);
    assert_eq!(dynamo.requests("ups", "client-digest").await.unwrap().at, [start()]);
    let minute = std::time::Duration::from_secs(60);
    // The test's nonces begin anew: the first one is the recorded owner's own.
    let leased = async |account| dynamo.lease_slot(account, 1, minute).await.unwrap();
    assert!(matches!(leased("elsewhere:1").await, Turn::Now(_)));
    assert!(matches!(leased("netsuite:1").await, Turn::At(_)));
    assert!(dynamo.standing("ups:A1B2C3").await.unwrap().paused.is_some());
    assert!(
        !dynamo
            .reserve(&connection(), &Money::new(dec!(61), "USD"), start())
            .await
            .unwrap()
    );
}

async fn reads_more(store: &Store) {
    let dynamo = &store.dynamo;
    let job = dynamo.load(&id("4")).await.unwrap().unwrap();
    let wanted = voided(&admitted("4", "admit-4").job).job;
    assert_eq!((job.void, job.closed), (wanted.void, wanted.closed));
    let job = dynamo.load(&id("5")).await.unwrap().unwrap();
    let wanted = forgotten(&admitted("5", "admit-5").job).job;
    assert_eq!(
        (job.forgotten, job.flag, job.put_right),
        (wanted.forgotten, wanted.flag, wanted.put_right)
    );
    let connection = connection_id();
    let notes = dynamo.to_reread(&connection, 9).await.unwrap();
    assert!(
        matches!(notes.as_slice(), [note] if note.mark == Nonce::new("voided")),
        "{notes:?}"
    );
    let runs: &dyn waybill::ports::Reconciliations = dynamo.as_ref();
    assert_eq!(runs.standing(&connection).await.unwrap(), reconciliation());
    assert_eq!(
        runs.unfinished(start(), 9).await.unwrap(),
        std::slice::from_ref(&connection)
    );
    assert_eq!(runs.run(&connection, 7).await.unwrap(), Some(run()));
    assert_eq!(runs.gaps(&connection, 7, 1).await.unwrap(), [gap()]);
    let listed = runs.listed(&connection, &["1Z4".to_owned()]).await.unwrap();
    let both = Listed {
        sold: true,
        voided: true,
    };
    assert_eq!(listed.get("1Z4"), Some(&both));
    let standing = Limits::standing(dynamo.as_ref(), "ups:A1B2C3").await.unwrap();
    assert_eq!((standing.version, standing.health), (1, health()));
    let next = dynamo.reserve_call("ups:A1B2C3", &rate()).await.unwrap();
    assert_eq!(next, Some(rate().window(start()).ends), "the window is used up");
    // The test's nonces begin anew: the first one is the recorded owner's own.
    let minute = std::time::Duration::from_secs(60);
    dynamo.lease_slot("elsewhere:2", 1, minute).await.unwrap();
    let turn = dynamo.lease_slot("netsuite:1", 1, minute).await.unwrap();
    assert_eq!(turn, Turn::At(Holding::default().turn(1, Some(first_turn()), start())));
}

async fn reads_tracking(store: &Store) {
    let dynamo = &store.dynamo;
    let key = followed().key;
    let parcel = dynamo.parcels(std::slice::from_ref(&key)).await.unwrap().remove(0);
    // Earlier versions kept events beside their parcel.
    let bare = TrackedParcel {
        events: Vec::new(),
        gathered: false,
        minded: None,
        ..parcel
    };
    assert_eq!(bare, followed());
    assert_eq!(dynamo.events(&key).await.unwrap(), [delivered()]);
    assert_eq!(dynamo.covers(std::slice::from_ref(&key)).await.unwrap(), [promise()]);
    assert_eq!(dynamo.given_up(&connection_id(), 9).await.unwrap(), [key]);
    let document = followed().document;
    assert_eq!(dynamo.telling(&connection_id(), &document).await.unwrap(), told());
    assert_eq!(dynamo.hook("digest").await.unwrap(), Some(hook()));
    assert_eq!(dynamo.hooks().await.unwrap(), [hook()]);
    let mut due = Vec::new();
    for shard in 0..waybill::aws::TRACKING_SHARDS {
        due.extend(dynamo.due_captures(shard, start(), None, 9).await.unwrap().keys);
    }
    let id = due.first().unwrap();
    assert!(["small".to_owned(), webhook("small")].contains(id), "{id}");
    assert_eq!(dynamo.captured(id).await.unwrap(), Some(captured(id, "{}")));
    dynamo
        .capture_again(id, start() + SignedDuration::from_mins(1))
        .await
        .unwrap();
    dynamo.dealt_with(id).await.unwrap();
    assert_eq!(dynamo.captured(id).await.unwrap(), None);
    for shard in 0..waybill::aws::TRACKING_SHARDS {
        let due = dynamo.due_parcels(shard, start(), None, 9).await.unwrap().keys.len();
        let promises = dynamo.due_covers(shard, start(), 9).await.unwrap().len();
        assert_eq!(due, promises, "one shard has both, the others neither");
    }
}

#[tokio::test]
async fn items_of_every_shape_so_far_are_read() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let store = Store::new().await;
        restore(&store, &file).await;
        if !file.ends_with("first.json") {
            reads_more(&store).await;
        }
        if !file.ends_with("first.json") && !file.ends_with("second.json") {
            reads_tracking(&store).await;
        }
        reads_everything(&store).await;
    }
}
