//! Parcels on their way, promises of carriers, what ERPs were told, hooks and webhooks.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use waybill::aws::{Change, TRACKING_SHARDS};
use waybill::domain::{
    CarrierCode, Cover, DeliveryStatus, DocumentId, Ending, Meaning, Milestone, ParcelKey, Shipment, ShippedParcel,
    Spot, Telling, TrackedParcel, TrackingEvent, Units, fold,
};
use waybill::job::{Job, Step};
use waybill::ports::{
    Captured, Captures, Covers, Documents, Hook, Hooks, Jobs, Parcels, Save, Saved, StoreError, Tellings,
};

use crate::database::{Fault, Store, TABLE};
use crate::samples::{admitted, bought, connection, connection_id, entry, next, start, tenant, units};

pub(crate) fn key(number: &str) -> ParcelKey {
    ParcelKey {
        connection: connection_id(),
        number: number.to_owned(),
    }
}

/// A parcel of order 4's job that is due at the start.
pub(crate) fn parcel(number: &str) -> TrackedParcel {
    let job = admitted("4", "").job;
    let parcel = serde_json::json!({
        "key": key(number), "tenant": tenant(), "job": job.id, "document": job.document, "order_number": job.number,
        "version": 1, "since": start(), "next_poll": start(),
    });
    serde_json::from_value(parcel).unwrap()
}

pub(crate) fn event(at: Timestamp, milestone: Milestone) -> TrackingEvent {
    TrackingEvent {
        at,
        meaning: Meaning::Reached(milestone),
        code: CarrierCode {
            kind: Some("D".to_owned()),
            code: Some("F4".to_owned()),
            status: Some("011".to_owned()),
        },
        description: None,
        spot: Spot {
            city: Some("Reno".to_owned()),
            ..Spot::default()
        },
        signed_by: None,
        estimate: None,
    }
}

pub(crate) fn hook(digest: &str) -> Hook {
    Hook {
        digest: digest.to_owned(),
        system: "ups".to_owned(),
        tenant: tenant(),
        credential: "waybill/test/acme/ups".to_owned(),
        secret: "waybill/test/acme/ups-hook".to_owned(),
        connections: vec![connection_id()],
        networks: Vec::new(),
        created_at: start(),
        retires_at: None,
    }
}

/// The id of a webhook that is due at the start.
pub(crate) fn webhook(name: &str) -> String {
    Captured::id_of(start(), &waybill::domain::Nonce::new(name))
}

pub(crate) fn captured(id: &str, body: &str) -> Captured {
    Captured {
        id: id.to_owned(),
        hook: "digest".to_owned(),
        system: "ups".to_owned(),
        tenant: tenant(),
        at: start(),
        body: body.to_owned(),
    }
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// So many events, a minute apart.
fn events(count: i64) -> Vec<TrackingEvent> {
    let at = |minute| start() + SignedDuration::from_mins(minute);
    (0..count)
        .map(|minute| event(at(minute), Milestone::InTransit))
        .collect()
}

fn moved(before: &TrackedParcel) -> TrackedParcel {
    TrackedParcel {
        version: before.version + 1,
        failures: before.failures + 1,
        ..before.clone()
    }
}

async fn apply_connection(store: &Store) {
    let change = Change {
        connection: connection(),
        audit: entry("applied"),
    };
    assert!(store.dynamo.store_connection(&change).await.unwrap());
}

async fn stored(store: &Store, number: &str) -> Option<TrackedParcel> {
    store.dynamo.parcels(&[key(number)]).await.unwrap().pop()
}

/// Whatever is due of all shards, at most so much of each.
async fn due<T>(ask: impl AsyncFn(u8) -> Result<Vec<T>, StoreError>) -> Vec<T> {
    let mut found = Vec::new();
    for shard in 0..TRACKING_SHARDS {
        found.extend(ask(shard).await.unwrap());
    }
    found
}

#[test]
fn the_flows_visit_every_shard() {
    assert_eq!(TRACKING_SHARDS, waybill::flows::sweep::SHARDS);
    assert_eq!(waybill::aws::DUE_SHARDS, waybill::flows::sweep::SHARDS);
}

#[tokio::test]
async fn a_parcel_and_its_events_come_back_as_they_were_written() {
    let store = Store::new().await;
    let first = parcel("1Z1");
    let happened = events(3);
    let first = first.with_events(happened.clone());
    assert!(store.dynamo.record(&first).await.unwrap());
    assert_eq!(stored(&store, "1Z1").await, Some(first));
    assert_eq!(store.dynamo.events(&key("1Z1")).await.unwrap(), happened);
    assert_eq!(stored(&store, "1Z2").await, None);
    let both = store.dynamo.parcels(&[key("1Z1"), key("1Z2"), key("1Z1")]).await;
    assert_eq!(both.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_records_on_one_version_the_second_leaves_nothing() {
    let store = Store::new().await;
    let first = parcel("1Z1");
    assert!(store.dynamo.record(&first).await.unwrap());
    let (ours, theirs) = (moved(&first), first.clone().asked_at(start() - hours(1)));
    let theirs = TrackedParcel { version: 2, ..theirs };
    let ours = ours.with_events(events(1));
    assert!(store.dynamo.record(&ours).await.unwrap());
    assert!(!store.dynamo.record(&theirs.with_events(events(5))).await.unwrap());
    assert!(!store.dynamo.record(&parcel("1Z1")).await.unwrap());
    assert_eq!(stored(&store, "1Z1").await, Some(ours));
    assert_eq!(store.dynamo.events(&key("1Z1")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_record_whose_answer_was_lost_knows_its_own_echo() {
    let store = Store::new().await;
    let first = parcel("1Z1");
    for happened in [events(0), events(2)] {
        let parcel = TrackedParcel {
            version: stored(&store, "1Z1").await.map_or(0, |parcel| parcel.version) + 1,
            ..first.clone().with_events(happened)
        };
        store.faults.strike(Fault::Lost, 3);
        store.dynamo.record(&parcel).await.unwrap_err();
        store.clock.turn(SignedDuration::from_secs(30));
        assert!(store.dynamo.record(&parcel).await.unwrap(), "its own echo");
        assert_eq!(stored(&store, "1Z1").await, Some(parcel));
    }
}

#[tokio::test]
async fn the_same_event_replaces_itself_even_within_one_request() {
    let store = Store::new().await;
    let first = event(start(), Milestone::Delivered);
    let named = TrackingEvent {
        signed_by: Some("QUILL".to_owned()),
        ..first.clone()
    };
    let both = [first.clone(), named.clone()];
    store.dynamo.set_aside(&key("1Z1"), &both).await.unwrap();
    assert_eq!(
        store.dynamo.events(&key("1Z1")).await.unwrap(),
        std::slice::from_ref(&named)
    );
    let seen = TrackingEvent {
        description: Some("DELIVERED".to_owned()),
        ..named
    };
    let parcel = parcel("1Z1").with_events(vec![seen.clone()]);
    assert!(store.dynamo.record(&parcel).await.unwrap());
    assert_eq!(
        store.dynamo.events(&key("1Z1")).await.unwrap(),
        [seen],
        "the parcel's own say more"
    );
}

/// News are one write of one unit, however many there were before: only what moves in the index costs more.
#[tokio::test]
async fn a_parcel_with_everything_that_happened_to_it_is_a_write_of_a_unit() {
    let store = Store::new().await;
    let first = parcel("1Z1");
    assert!(store.dynamo.record(&first).await.unwrap());
    store.meter.take();
    let heard = moved(&first).with_events(events(12));
    assert!(store.dynamo.record(&heard).await.unwrap());
    let written: Vec<(String, f64)> = store
        .meter
        .take()
        .into_iter()
        .map(|(what, one)| (what, one.units))
        .collect();
    assert_eq!(written, [("PutItem TRACK/STATE".to_owned(), 1.0)]);
}

/// What an earlier version kept as an item for each event is part of the parcel's story, whether today's code has written it or not.
#[tokio::test]
async fn more_events_than_any_parcel_has_are_stored() {
    let store = Store::new().await;
    let happened = events(250);
    store.dynamo.set_aside(&key("1Z1"), &happened[..200]).await.unwrap();
    let all = parcel("1Z1").with_events(happened[200..].to_vec());
    assert!(store.dynamo.record(&all).await.unwrap());
    assert_eq!(store.dynamo.events(&key("1Z1")).await.unwrap(), happened);
    let whole = TrackedParcel {
        version: 2,
        ..all.with_events(happened.clone())
    };
    assert!(store.dynamo.record(&whole).await.unwrap());
    assert_eq!(stored(&store, "1Z1").await.unwrap().events, happened);
    assert_eq!(store.dynamo.events(&key("1Z1")).await.unwrap(), happened);
}

#[tokio::test]
async fn events_that_were_faster_than_our_save_wait_for_their_parcel() {
    let store = Store::new().await;
    apply_connection(&store).await;
    let early = events(2);
    store.dynamo.set_aside(&key("1Z1"), &early).await.unwrap();
    assert_eq!(stored(&store, "1Z1").await, None);
    let aside = store
        .attributes("TRACK#acme-netsuite-ups#1Z1", &format!("EVENT#{}", early[0].key()))
        .await;
    let month = (start() + hours(30 * 24)).as_second().to_string();
    assert_eq!(aside["expires_at"], month);
    let late = event(start() + hours(9), Milestone::Delivered);
    let parcel = parcel("1Z1").with_events(vec![late.clone()]);
    assert!(store.dynamo.record(&parcel).await.unwrap());
    let all = store.dynamo.events(&key("1Z1")).await.unwrap();
    assert_eq!(all, [early, vec![late]].concat());
}

#[tokio::test]
async fn due_parcels_are_found_in_their_shard_the_longest_overdue_first() {
    let store = Store::new().await;
    let now = start();
    let mut expected = Vec::new();
    for turn in 0..40_i64 {
        let mut parcel = parcel(&format!("1Z{turn:03}"));
        parcel.next_poll = (turn % 4 != 0).then(|| now + SignedDuration::from_secs(100 - 7 * turn));
        parcel.tell_at = (turn % 5 == 0).then(|| now + SignedDuration::from_secs(50 - 5 * turn));
        assert!(store.dynamo.record(&parcel).await.unwrap());
        expected.extend(parcel.due_at().filter(|due| *due <= now).map(|due| (due, parcel.key)));
    }
    let at = |key: &ParcelKey| expected.iter().find(|(_, known)| known == key).unwrap().0;
    let mut found = due(async |shard| {
        let due = store.dynamo.due_parcels(shard, now, None, 100).await?.keys;
        assert!(due.iter().map(at).is_sorted());
        let one = store.dynamo.due_parcels(shard, now, None, 1).await?.keys;
        assert_eq!(one.first(), due.first());
        Ok(due)
    })
    .await;
    let mut expected: Vec<ParcelKey> = expected.into_iter().map(|(_, key)| key).collect();
    found.sort();
    expected.sort();
    assert!(expected.len() > 10);
    assert_eq!(found, expected);
}

/// One item that nobody can read hides no other, and is named; whoever needs all of them is told.
#[tokio::test]
async fn a_parcel_that_cannot_be_read_hides_no_other() {
    let store = Store::new().await;
    let keys = ["1Z1", "1Z2", "1Z3"].map(key);
    for number in ["1Z1", "1Z2"] {
        assert!(store.dynamo.record(&parcel(number)).await.unwrap());
    }
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let broken = store.client.update_item().table_name(TABLE);
    let broken = broken
        .key("pk", text(&format!("TRACK#{}", keys[0])))
        .key("sk", text("STATE"));
    let broken = broken.update_expression("SET body = :body");
    let broken = broken.expression_attribute_values(":body", text(r#"{"from":"a later version"}"#));
    broken.send().await.unwrap();
    let read = store.dynamo.readable(&keys).await.unwrap();
    assert_eq!(read.parcels, [parcel("1Z2")]);
    let [(unreadable, why)] = read.unreadable.as_slice() else {
        panic!("{:?}", read.unreadable);
    };
    assert_eq!(*unreadable, keys[0]);
    assert!(why.0.contains("cannot be read"), "{why}");
    assert!(store.dynamo.parcels(&keys).await.is_err());
    assert!(store.dynamo.parcels(&keys[1..]).await.is_ok());
}

/// Page by page nothing comes twice and nothing is left out, though many are due at the same moment and each page is written before
/// the next is read.
#[tokio::test]
async fn what_is_due_is_read_page_by_page_while_it_moves_on() {
    let store = Store::new().await;
    let mut expected = Vec::new();
    for turn in 0..60 {
        let mut parcel = parcel(&format!("1Z{turn:03}"));
        parcel.next_poll = Some(start() - hours(turn % 2));
        assert!(store.dynamo.record(&parcel).await.unwrap());
        expected.push(parcel.key);
    }
    let (mut found, mut pages) = (Vec::new(), 0);
    for shard in 0..TRACKING_SHARDS {
        let mut after = None;
        loop {
            let page = store
                .dynamo
                .due_parcels(shard, start(), after.as_deref(), 2)
                .await
                .unwrap();
            for mut parcel in store.dynamo.parcels(&page.keys).await.unwrap() {
                parcel.version += 1;
                parcel.queued_until = Some(start() + hours(1));
                assert!(store.dynamo.record(&parcel).await.unwrap());
            }
            found.extend(page.keys);
            (after, pages) = (page.next, pages + 1);
            if after.is_none() {
                break;
            }
        }
    }
    found.sort();
    assert_eq!(found, expected);
    assert!(pages > usize::from(TRACKING_SHARDS), "{pages}");
}

#[tokio::test]
async fn parcels_that_were_given_up_are_told_the_latest_first() {
    let store = Store::new().await;
    for (number, ending, hour) in [
        ("1Z1", Some(Ending::GivenUp), 1),
        ("1Z2", Some(Ending::GivenUp), 3),
        ("1Z3", Some(Ending::Final), 2),
        ("1Z4", None, 0),
        ("1Z5", Some(Ending::GivenUp), 2),
    ] {
        let mut parcel = parcel(number);
        parcel.ended = ending.map(|ending| (ending, start() + hours(hour)));
        parcel.next_poll = None;
        // To tell the ERP is due of a parcel that was given up as well.
        parcel.tell_at = (number == "1Z5").then(start);
        assert!(store.dynamo.record(&parcel).await.unwrap());
    }
    let given_up = |limit| store.dynamo.given_up(connection_id_ref(), limit);
    assert_eq!(given_up(9).await.unwrap(), ["1Z2", "1Z5", "1Z1"].map(key));
    assert_eq!(given_up(1).await.unwrap(), ["1Z2"].map(key));
    let told = due(async |shard| Ok(store.dynamo.due_parcels(shard, start(), None, 9).await?.keys)).await;
    assert_eq!(told, [key("1Z5")]);
    let mut found = stored(&store, "1Z2").await.unwrap();
    found.version += 1;
    found.ended = Some((Ending::Final, start() + hours(9)));
    assert!(store.dynamo.record(&found).await.unwrap());
    assert_eq!(given_up(9).await.unwrap(), ["1Z5", "1Z1"].map(key), "it came after all");
}

fn connection_id_ref() -> &'static waybill::domain::ConnectionId {
    static ID: std::sync::LazyLock<waybill::domain::ConnectionId> = std::sync::LazyLock::new(connection_id);
    &ID
}

/// P24: what may name who signed expires by the connection's retention; a parcel on its way does not.
#[tokio::test]
async fn what_names_a_person_expires_once_its_time_has_come() {
    let store = Store::new().await;
    apply_connection(&store).await;
    let pk = "TRACK#acme-netsuite-ups#1Z1";
    let named = TrackingEvent {
        signed_by: Some("QUILL".to_owned()),
        ..event(start(), Milestone::Delivered)
    };
    let first = parcel("1Z1").with_events(vec![named]);
    assert!(store.dynamo.record(&first).await.unwrap());
    assert_eq!(store.attributes(pk, "STATE").await.get("expires_at"), None);
    let kept = |from: Timestamp| (from + hours(90 * 24)).as_second().to_string();
    let mut ended = moved(&first);
    ended.ended = Some((Ending::Final, start() + hours(5)));
    assert!(store.dynamo.record(&ended).await.unwrap());
    let state = store.attributes(pk, "STATE").await;
    assert_eq!(
        (&state["expires_at"], state["schema"].as_str()),
        (&kept(start() + hours(5)), "1")
    );
    let document = DocumentId::sales_order("4");
    let telling = Telling {
        version: 1,
        ..Telling::default()
    };
    assert!(
        store
            .dynamo
            .write_telling(&connection_id(), &document, &telling)
            .await
            .unwrap()
    );
    let told = store
        .attributes(&format!("DOC#acme-netsuite-ups#{document}"), "TOLD")
        .await;
    assert_eq!(told["expires_at"], kept(start()));
}

/// P24: a parcel that is followed for longer than names are kept does not keep them: what happened to it stays without.
#[tokio::test]
async fn a_parcel_that_is_long_on_its_way_keeps_no_old_names() {
    let store = Store::new().await;
    apply_connection(&store).await;
    let named = TrackingEvent {
        signed_by: Some("QUILL".to_owned()),
        ..event(start(), Milestone::Delivered)
    };
    let first = parcel("1Z1").with_events(vec![named.clone()]);
    assert!(store.dynamo.record(&first).await.unwrap());
    store.clock.turn(hours(89 * 24));
    let second = moved(&first);
    assert!(store.dynamo.record(&second).await.unwrap());
    assert_eq!(
        stored(&store, "1Z1").await.unwrap().events,
        std::slice::from_ref(&named)
    );
    store.clock.turn(hours(2 * 24));
    let third = moved(&second);
    assert!(store.dynamo.record(&third).await.unwrap());
    assert!(store.dynamo.record(&third).await.unwrap(), "its own echo");
    assert_eq!(stored(&store, "1Z1").await.unwrap().events, [named.without_person()]);
}

#[tokio::test]
async fn promises_are_kept_by_version_and_found_when_they_are_due() {
    let store = Store::new().await;
    let cover = |number: &str, version, minutes| Cover {
        key: key(number),
        version,
        until: None,
        renew_at: start() + SignedDuration::from_mins(minutes),
        failures: 0,
        refused: None,
    };
    for (number, minutes) in [("1Z1", -5), ("1Z2", 5), ("1Z3", 0)] {
        assert!(store.dynamo.write_cover(&cover(number, 1, minutes)).await.unwrap());
    }
    let mut found = due(async |shard| store.dynamo.due_covers(shard, start(), 9).await).await;
    found.sort();
    assert_eq!(found, ["1Z1", "1Z3"].map(key));
    assert!(store.dynamo.write_cover(&cover("1Z1", 2, 60)).await.unwrap());
    assert!(
        store.dynamo.write_cover(&cover("1Z1", 2, 60)).await.unwrap(),
        "its own echo"
    );
    assert!(!store.dynamo.write_cover(&cover("1Z1", 2, 61)).await.unwrap());
    assert!(!store.dynamo.write_cover(&cover("1Z1", 1, 60)).await.unwrap());
    assert_eq!(
        store.dynamo.covers(&[key("1Z1"), key("1Z9")]).await.unwrap(),
        [cover("1Z1", 2, 60)]
    );
    store.dynamo.end_cover(&key("1Z3")).await.unwrap();
    store.dynamo.end_cover(&key("1Z3")).await.unwrap();
    let left = due(async |shard| store.dynamo.due_covers(shard, start(), 9).await).await;
    assert_eq!(left, []);
}

#[tokio::test]
async fn what_an_erp_was_told_is_kept_by_version() {
    let store = Store::new().await;
    let (id, document) = (connection_id(), DocumentId::sales_order("4"));
    assert_eq!(store.dynamo.telling(&id, &document).await.unwrap(), Telling::default());
    let telling = |version, failures| Telling {
        version,
        failures,
        ..Telling::default()
    };
    assert!(
        store
            .dynamo
            .write_telling(&id, &document, &telling(1, 0))
            .await
            .unwrap()
    );
    assert!(
        store
            .dynamo
            .write_telling(&id, &document, &telling(2, 1))
            .await
            .unwrap()
    );
    assert!(
        store
            .dynamo
            .write_telling(&id, &document, &telling(2, 1))
            .await
            .unwrap(),
        "its own echo"
    );
    assert!(
        !store
            .dynamo
            .write_telling(&id, &document, &telling(2, 2))
            .await
            .unwrap()
    );
    assert_eq!(store.dynamo.telling(&id, &document).await.unwrap(), telling(2, 1));
}

#[tokio::test]
async fn hooks_are_written_listed_and_removed() {
    let store = Store::new().await;
    assert_eq!(store.dynamo.hook("a").await.unwrap(), None);
    assert_eq!(store.dynamo.hooks().await.unwrap(), []);
    let (older, newer) = (
        hook("b"),
        Hook {
            created_at: start() + hours(1),
            ..hook("a")
        },
    );
    store.dynamo.write_hook(&newer).await.unwrap();
    store.dynamo.write_hook(&older).await.unwrap();
    let retired = Hook {
        retires_at: Some(start()),
        ..older
    };
    store.dynamo.write_hook(&retired).await.unwrap();
    assert_eq!(store.dynamo.hook("b").await.unwrap(), Some(retired.clone()));
    assert_eq!(store.dynamo.hooks().await.unwrap(), [retired, newer.clone()]);
    store.dynamo.remove_hook("b").await.unwrap();
    assert_eq!(store.dynamo.hooks().await.unwrap(), [newer]);
    assert_eq!(store.dynamo.hook("b").await.unwrap(), None);
}

async fn waiting(store: &Store) -> Vec<String> {
    due(async |shard| Ok(store.dynamo.due_captures(shard, start(), None, 9).await?.keys)).await
}

#[tokio::test]
async fn a_webhook_is_due_until_it_is_dealt_with() {
    let store = Store::new().await;
    let raw = captured(&webhook("h1"), "{\"trackingNumber\":\"1Z1\"}");
    let id = raw.id.as_str();
    store.dynamo.capture(&raw, start()).await.unwrap();
    assert_eq!(store.dynamo.captured(id).await.unwrap(), Some(raw.clone()));
    assert_eq!(waiting(&store).await, [id]);
    store.dynamo.capture_again(id, start() + hours(1)).await.unwrap();
    assert_eq!(waiting(&store).await, Vec::<String>::new());
    store.dynamo.capture_again(id, start()).await.unwrap();
    assert_eq!(waiting(&store).await, [id]);
    store.dynamo.dealt_with(id).await.unwrap();
    store.dynamo.dealt_with(id).await.unwrap();
    store.dynamo.capture_again(id, start()).await.unwrap();
    store.dynamo.of_no_use(id).await.unwrap();
    assert_eq!(waiting(&store).await, Vec::<String>::new());
    assert_eq!(store.dynamo.captured(id).await.unwrap(), None);
    assert_eq!(store.dynamo.captured_for(id).await.unwrap(), None);
}

#[tokio::test]
async fn webhooks_are_due_in_their_order_and_not_before_their_time() {
    let store = Store::new().await;
    let minute = SignedDuration::from_mins;
    for (minutes, later) in [(-3, 0), (-2, 9), (-1, 0), (1, 0)] {
        let due_at = start() + minute(minutes);
        let id = Captured::id_of(due_at, &waybill::domain::Nonce::new("N"));
        store.dynamo.capture(&captured(&id, "{}"), due_at).await.unwrap();
        if later > 0 {
            store.dynamo.capture_again(&id, start() + minute(later)).await.unwrap();
        }
    }
    let at = |minutes| Captured::id_of(start() + minute(minutes), &waybill::domain::Nonce::new("N"));
    let mut found = waiting(&store).await;
    found.sort();
    assert_eq!(found, [at(-3), at(-1)]);
    for shard in 0..TRACKING_SHARDS {
        let all = store.dynamo.due_captures(shard, start(), None, 9).await.unwrap();
        assert!(all.keys.is_sorted() && all.next.is_none());
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let one = store
                .dynamo
                .due_captures(shard, start(), after.as_deref(), 1)
                .await
                .unwrap();
            paged.extend(one.keys);
            after = one.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(paged, all.keys);
    }
}

#[tokio::test]
async fn a_webhook_of_no_use_is_kept_and_not_due() {
    let store = Store::new().await;
    let raw = captured(&webhook("h1"), "{\"trackingNumber\":\"1Z1\"}");
    store.dynamo.capture(&raw, start()).await.unwrap();
    for _ in 0..2 {
        store.dynamo.of_no_use(&raw.id).await.unwrap();
        assert_eq!(waiting(&store).await, Vec::<String>::new());
        assert_eq!(store.dynamo.captured(&raw.id).await.unwrap(), Some(raw.clone()));
    }
    let item = store.attributes(&format!("INBOUND#{}", raw.id), "RAW").await;
    assert_eq!(item["expires_at"], (start() + hours(14 * 24)).as_second().to_string());
    assert_eq!(item.get("due_at"), None);
}

#[tokio::test]
async fn a_big_webhook_is_kept_outside_and_read_back() {
    let store = Store::new().await;
    let big = captured(&webhook("h1"), &"{\"däta\":1}".repeat(20_000));
    store.dynamo.capture(&big, start()).await.unwrap();
    let kept = format!("hooks/{}", big.id);
    assert_eq!(store.objects.0.lock().unwrap().keys().collect::<Vec<_>>(), [&kept]);
    assert!(
        store.objects.1.lock().unwrap().is_empty(),
        "a webhook goes when all webhooks go"
    );
    assert!(store.dump().await.len() < 5_000);
    assert_eq!(store.dynamo.captured(&big.id).await.unwrap(), Some(big.clone()));
    store.dynamo.of_no_use(&big.id).await.unwrap();
    assert_eq!(store.dynamo.captured(&big.id).await.unwrap(), Some(big.clone()));
    store.objects.0.lock().unwrap().clear();
    assert_eq!(store.dynamo.captured(&big.id).await.unwrap(), None, "it has expired");
}

async fn admit(store: &Store, order: &str) -> Job {
    let new = admitted(order, &format!("admit-{order}"));
    let done = store.dynamo.admit(&units(&new), std::slice::from_ref(&new)).await;
    assert!(done.unwrap());
    new.job
}

/// The write that ships a job with these parcels.
fn shipping(job: &Job, write: &str, numbers: &[String]) -> Save {
    let shipped = |number: &String| ShippedParcel {
        tracking_number: number.clone(),
    };
    let mut save = next(job, write);
    save.job.purchase = match bought("1Z1") {
        Step::Done(shipment) => Step::Done(Shipment {
            parcels: numbers.iter().map(shipped).collect(),
            ..shipment
        }),
        other => other,
    };
    let own = |number: &String| TrackedParcel {
        job: job.id.clone(),
        document: job.document.clone(),
        ..parcel(number)
    };
    save.parcels = numbers.iter().map(own).collect();
    save
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("1Z{number:04}")).collect()
}

#[tokio::test]
async fn a_job_and_its_parcels_are_written_together_or_not_at_all() {
    let store = Store::new().await;
    let job = admit(&store, "4").await;
    let other = next(&job, "other");
    assert_eq!(store.dynamo.save(&other).await.unwrap(), Saved::Done);
    let late = shipping(&job, "late", &numbers(2));
    assert!(matches!(store.dynamo.save(&late).await.unwrap(), Saved::Conflict(_)));
    assert_eq!(stored(&store, "1Z0000").await, None);
    let mut right = shipping(&other.job, "right", &numbers(2));
    right.units = Some(Units {
        version: 9,
        ..units(&admitted("4", ""))
    });
    assert_eq!(store.dynamo.save(&right).await.unwrap(), Saved::UnitsConflict);
    assert_eq!(stored(&store, "1Z0000").await, None);
    right.units = right.units.map(|units| Units { version: 2, ..units });
    assert_eq!(store.dynamo.save(&right).await.unwrap(), Saved::Done);
    assert_eq!(store.dynamo.save(&right).await.unwrap(), Saved::Done, "its own echo");
    assert_eq!(stored(&store, "1Z0001").await.as_ref(), right.parcels.last());
    let due = due(async |shard| Ok(store.dynamo.due_parcels(shard, start(), None, 9).await?.keys)).await;
    assert_eq!(due.len(), 2);
}

#[tokio::test]
async fn more_parcels_than_a_transaction_holds_are_followed_all() {
    let store = Store::new().await;
    let job = admit(&store, "4").await;
    let save = shipping(&job, "shipped", &numbers(200));
    store.faults.strike(Fault::Lost, 3);
    store.dynamo.save(&save).await.unwrap_err();
    assert_eq!(store.dynamo.save(&save).await.unwrap(), Saved::Done);
    let keys: Vec<ParcelKey> = save.parcels.iter().map(|parcel| parcel.key.clone()).collect();
    assert_eq!(store.dynamo.parcels(&keys).await.unwrap().len(), 200);
    assert_eq!(store.dynamo.load(&job.id).await.unwrap(), Some(save.job));
}

/// Test systems of carriers give every shipment the same tracking number: a job that has shipped must be saved all the same.
#[tokio::test]
async fn a_number_that_is_followed_already_does_not_stop_its_job() {
    let store = Store::new().await;
    let (first, second) = (admit(&store, "4").await, admit(&store, "5").await);
    let one = shipping(&first, "one", &numbers(1));
    assert_eq!(store.dynamo.save(&one).await.unwrap(), Saved::Done);
    let mut two = shipping(&second, "two", &numbers(2));
    two.units = Some(Units {
        version: 2,
        ..units(&admitted("5", ""))
    });
    assert_eq!(store.dynamo.save(&two).await.unwrap(), Saved::Done);
    assert_eq!(store.dynamo.load(&second.id).await.unwrap(), Some(two.job));
    assert_eq!(stored(&store, "1Z0000").await.unwrap().job, first.id);
    assert_eq!(stored(&store, "1Z0001").await.unwrap().job, second.id);
}

/// P24: who signed is found nowhere once the job's person is erased; how far the parcel came stays.
#[tokio::test]
async fn an_erased_jobs_signatures_are_found_nowhere() {
    let store = Store::new().await;
    let (job, others) = (admit(&store, "4").await, admit(&store, "5").await);
    for (job, number, name) in [(&job, "1Z1", "Prudence Quill"), (&others, "1Z2", "Somebody Else")] {
        let save = shipping(job, number, &[number.to_owned()]);
        assert_eq!(store.dynamo.save(&save).await.unwrap(), Saved::Done);
        let delivered = TrackingEvent {
            signed_by: Some(name.to_owned()),
            description: Some(format!("Left with {name}")),
            ..event(start(), Milestone::Delivered)
        };
        let mut parcel = moved(&save.parcels[0]).with_events(vec![delivered.clone()]);
        parcel.progress = fold(std::slice::from_ref(&delivered));
        store.dynamo.set_aside(&parcel.key, &[delivered]).await.unwrap();
        assert!(store.dynamo.record(&parcel).await.unwrap());
        let telling = Telling {
            version: 1,
            told: DeliveryStatus::of([parcel.progress.as_ref()]),
            ..Telling::default()
        };
        let told = store
            .dynamo
            .write_telling(&connection_id(), &job.document, &telling)
            .await;
        assert!(told.unwrap());
    }
    for _ in 0..2 {
        store.dynamo.erase(&job.id).await.unwrap();
        let dump = store.dump().await;
        assert!(!dump.contains("Prudence Quill"));
        assert!(dump.contains("Somebody Else"));
    }
    let left = stored(&store, "1Z1").await.unwrap();
    assert_eq!((left.milestone(), left.version), (Some(Milestone::Delivered), 3));
    assert_eq!(store.dynamo.events(&key("1Z1")).await.unwrap().len(), 1);
    let told = store
        .dynamo
        .telling(&connection_id(), &job.document)
        .await
        .unwrap()
        .told
        .unwrap();
    assert_eq!((told.milestone, told.signed_by), (Milestone::Delivered, None));
}
