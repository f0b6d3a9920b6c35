//! Jobs: versions, conflicts, echoes, the story and what is too big for it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use jiff::SignedDuration;
use waybill::aws::Keep;
use waybill::job::{Closing, Job};
use waybill::ports::{AuditEntry, Directory, Documents, Due, Jobs, Save, Saved};

use crate::database::{Fault, Store, TABLE};
use crate::samples::{admitted, bought, connection, connection_id, entry, exchange, next, start, units};

async fn admit(store: &Store, order: &str) -> Job {
    let new = admitted(order, &format!("admit-{order}"));
    assert!(
        store
            .dynamo
            .admit(&units(&new), std::slice::from_ref(&new))
            .await
            .unwrap()
    );
    new.job
}

async fn save(store: &Store, save: &Save) -> Saved {
    store.dynamo.save(save).await.unwrap()
}

#[tokio::test]
async fn a_job_comes_back_as_it_was_written() {
    let store = Store::new().await;
    let new = admitted("5012", "admit");
    assert!(
        store
            .dynamo
            .admit(&units(&new), std::slice::from_ref(&new))
            .await
            .unwrap()
    );
    assert_eq!(store.dynamo.load(&new.job.id).await.unwrap(), Some(new.job.clone()));
    assert_eq!(store.dynamo.snapshot(&new.job.id, 1).await.unwrap(), Some(new.snapshot));
    assert_eq!(store.dynamo.snapshot(&new.job.id, 2).await.unwrap(), None);
}

#[tokio::test]
async fn of_two_writes_on_one_version_the_second_is_shown_the_first() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    let (first, second) = (next(&job, "first"), next(&job, "second"));
    assert_eq!(save(&store, &first).await, Saved::Done);
    assert_eq!(
        save(&store, &second).await,
        Saved::Conflict(Box::new(first.job.clone()))
    );
    assert_eq!(store.dynamo.load(&job.id).await.unwrap(), Some(first.job));
    let story = store.dynamo.audit(&job.id).await.unwrap();
    assert_eq!(texts(&story), ["admitted", "first"], "the loser leaves no entry");
}

#[tokio::test]
async fn a_single_write_without_a_story_is_checked_like_any_other() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    let quiet = |write| Save {
        audit: Vec::new(),
        ..next(&job, write)
    };
    assert_eq!(save(&store, &quiet("first")).await, Saved::Done);
    assert_eq!(save(&store, &quiet("first")).await, Saved::Done, "its own echo");
    assert!(matches!(save(&store, &quiet("second")).await, Saved::Conflict(_)));
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_knows_its_own_echo() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    let write = next(&job, "write");
    // One attempt is lost and the client repeats it under the same request token.
    store.faults.strike(Fault::Lost, 1);
    assert_eq!(save(&store, &write).await, Saved::Done);
    // A whole save is lost: it may have taken effect, and saving it again says so.
    let second = next(&write.job, "second");
    store.faults.strike(Fault::Lost, 3);
    store.dynamo.save(&second).await.unwrap_err();
    assert_eq!(save(&store, &second).await, Saved::Done);
    // The same for a save without a request token.
    let quiet = Save {
        audit: Vec::new(),
        ..next(&second.job, "quiet")
    };
    store.faults.strike(Fault::Lost, 1);
    assert_eq!(save(&store, &quiet).await, Saved::Done);
    assert_eq!(store.dynamo.load(&job.id).await.unwrap().unwrap().version, 4);
    assert_eq!(
        texts(&store.dynamo.audit(&job.id).await.unwrap()),
        ["admitted", "write", "second"]
    );
}

#[tokio::test]
async fn an_echo_that_somebody_else_has_written_over_is_a_conflict() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    let ours = next(&job, "ours");
    store.faults.strike(Fault::Lost, 3);
    store.dynamo.save(&ours).await.unwrap_err();
    let theirs = next(&ours.job, "theirs");
    assert_eq!(save(&store, &theirs).await, Saved::Done);
    let quiet = Save {
        audit: Vec::new(),
        ..ours
    };
    assert_eq!(save(&store, &quiet).await, Saved::Conflict(Box::new(theirs.job)));
}

#[tokio::test]
async fn units_that_have_changed_are_told_apart_from_the_job() {
    let store = Store::new().await;
    let new = admitted("5012", "admit");
    let first = units(&new);
    assert!(store.dynamo.admit(&first, std::slice::from_ref(&new)).await.unwrap());
    let changed = |version| waybill::domain::Units {
        version,
        ..first.clone()
    };
    let on = |version, write| Save {
        units: Some(changed(version)),
        ..next(&new.job, write)
    };
    assert_eq!(save(&store, &on(3, "too new")).await, Saved::UnitsConflict);
    assert_eq!(save(&store, &on(1, "too old")).await, Saved::UnitsConflict);
    assert_eq!(
        store.dynamo.load(&new.job.id).await.unwrap().unwrap().version,
        1,
        "nothing was written"
    );
    assert_eq!(save(&store, &on(2, "right")).await, Saved::Done);
    assert!(
        matches!(save(&store, &on(2, "late")).await, Saved::Conflict(_)),
        "the job's own conflict comes first"
    );
}

#[tokio::test]
async fn a_transaction_that_meets_another_is_tried_again() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    store.faults.strike(Fault::Conflict, 2);
    assert_eq!(save(&store, &next(&job, "write")).await, Saved::Done);
    let before = store.faults.writes.load(Ordering::Relaxed);
    let written = store.dynamo.load(&job.id).await.unwrap().unwrap();
    store.faults.strike(Fault::Conflict, 6);
    let error = store.dynamo.save(&next(&written, "unlucky")).await.unwrap_err();
    assert!(error.0.contains("others were writing"), "{error}");
    assert_eq!(store.faults.writes.load(Ordering::Relaxed) - before, 6);
    assert_eq!(
        store.dynamo.load(&job.id).await.unwrap(),
        Some(written),
        "nothing was written"
    );
}

#[tokio::test]
async fn of_twenty_workers_on_one_version_one_wins_and_the_others_see_it() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    let saves: Vec<Save> = (0..20).map(|worker| next(&job, &format!("worker-{worker}"))).collect();
    let fleet: Vec<_> = (0..20).map(|_| store.another()).collect();
    let results = join_all(fleet.iter().zip(&saves).map(|(process, save)| process.save(save))).await;
    let results: Vec<Saved> = results.into_iter().map(Result::unwrap).collect();
    let winner = results.iter().position(|result| *result == Saved::Done).unwrap();
    let conflict = Saved::Conflict(Box::new(saves[winner].job.clone()));
    assert_eq!(results.iter().filter(|result| **result == conflict).count(), 19);
}

#[tokio::test]
async fn an_item_of_an_older_version_is_still_read() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    let mut body = serde_json::to_value(&job).unwrap();
    for since in ["bought_again", "label_tries", "void", "forgotten"] {
        body.as_object_mut().unwrap().remove(since).unwrap();
    }
    body["something_since_removed"] = "x".into();
    let old = [
        ("pk", format!("JOB#{}", job.id)),
        ("sk", "STATE".to_owned()),
        ("body", body.to_string()),
    ];
    let old = old.map(|(name, value)| (name.to_owned(), AttributeValue::S(value)));
    store
        .client
        .put_item()
        .table_name(TABLE)
        .set_item(Some(HashMap::from(old)))
        .send()
        .await
        .unwrap();
    assert_eq!(store.dynamo.load(&job.id).await.unwrap(), Some(job));
}

#[tokio::test]
async fn a_job_that_does_not_exist_cannot_be_replaced() {
    let store = Store::new().await;
    let new = admitted("5012", "never");
    let error = store.dynamo.save(&next(&new.job, "write")).await.unwrap_err();
    assert!(error.0.contains("there is no job"), "{error}");
}

#[tokio::test]
async fn the_story_is_told_in_its_order() {
    let store = Store::new().await;
    let mut job = admit(&store, "5012").await;
    for turn in 0..12 {
        let mut write = next(&job, &format!("{turn}a"));
        write.audit.push(entry(&format!("{turn}b")));
        assert_eq!(save(&store, &write).await, Saved::Done);
        job = write.job;
    }
    let story = store.dynamo.audit(&job.id).await.unwrap();
    let expected: Vec<String> = (0..12)
        .flat_map(|turn| [format!("{turn}a"), format!("{turn}b")])
        .collect();
    assert_eq!(texts(&story)[1..], expected);
}

#[tokio::test]
async fn calls_too_big_for_an_item_are_kept_outside_and_read_back() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    let mut write = next(&job, "a big answer");
    let big: String = "<label>".repeat(100_000);
    write.audit[0].exchanges = vec![exchange(big), exchange("small".to_owned())];
    assert_eq!(save(&store, &write).await, Saved::Done);
    assert_eq!(store.objects.0.lock().unwrap().len(), 1);
    assert!(store.dump().await.len() < 20_000);
    let story = store.dynamo.audit(&job.id).await.unwrap();
    assert_eq!(story[1], write.audit[0]);
    store.objects.0.lock().unwrap().clear();
    let story = store.dynamo.audit(&job.id).await.unwrap();
    assert_eq!(
        story[1].text, "a big answer",
        "expired calls do not take the decision with them"
    );
}

#[tokio::test]
async fn personal_data_expires_by_the_connections_retention_and_jobs_never() {
    let store = Store::new().await;
    let change = waybill::aws::Change {
        connection: connection(),
        audit: entry("applied"),
    };
    assert!(store.dynamo.store_connection(&change).await.unwrap());
    let job = admit(&store, "5012").await;
    let mut write = next(&job, "a big answer");
    write.audit[0].exchanges = vec![exchange("<label>".repeat(100_000))];
    assert_eq!(save(&store, &write).await, Saved::Done);
    let kept: Vec<Keep> = store.objects.1.lock().unwrap().values().copied().collect();
    assert_eq!(kept, [Keep::at_least(90)], "what is kept outside expires as well");
    let pk = format!("JOB#{}", job.id);
    let expected = (start() + SignedDuration::from_hours(90 * 24)).as_second().to_string();
    for sk in ["ORDER#1", "AUDIT#0000000001#000"] {
        assert_eq!(
            store.attributes(&pk, sk).await.get("expires_at"),
            Some(&expected),
            "{sk}"
        );
    }
    let state = store.attributes(&pk, "STATE").await;
    assert_eq!(state.get("expires_at"), None);
    assert_eq!(state["schema"], "1");
}

#[tokio::test]
async fn due_jobs_are_found_in_their_shard_the_longest_overdue_first() {
    let store = Store::new().await;
    let now = start();
    let mut expected = Vec::new();
    for order in 0..30_i64 {
        let job = admit(&store, &order.to_string()).await;
        let mut write = next(&job, &format!("wait-{order}"));
        write.job.due_at = (order % 3 != 0).then(|| now + SignedDuration::from_secs(100 - 10 * order));
        assert_eq!(save(&store, &write).await, Saved::Done);
        expected.extend(write.job.due_at.filter(|due| *due <= now).map(|due| (due, job.id)));
    }
    let mut found = Vec::new();
    for shard in 0..waybill::aws::DUE_SHARDS {
        let due = store.dynamo.due(shard, now, None, 100).await.unwrap().keys;
        let at = |id: &waybill::domain::JobId| expected.iter().find(|(_, known)| known == id).unwrap().0;
        let times: Vec<_> = due.iter().map(at).collect();
        assert!(times.is_sorted(), "{times:?}");
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = store.dynamo.due(shard, now, after.as_deref(), 1).await.unwrap();
            assert!(page.keys.len() <= 1);
            paged.extend(page.keys);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(paged, due);
        found.extend(due.into_iter().map(|id| (at(&id), id)));
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

fn texts(story: &[AuditEntry]) -> Vec<&str> {
    story.iter().map(|entry| entry.text.as_str()).collect()
}

/// A unit that gives its quantity back leaves a note in the same transaction; a later note is not taken for an earlier one.
#[tokio::test]
async fn a_closing_write_leaves_a_note_to_read_the_document_again() {
    let store = Store::new().await;
    let new = admitted("5012", "admit");
    let first = units(&new);
    assert!(store.dynamo.admit(&first, std::slice::from_ref(&new)).await.unwrap());
    let closing = |base: &Job, version, write| {
        let mut save = next(base, write);
        save.job.closed = Some(Closing::Voided { by: "ann".to_owned() });
        save.units = Some(waybill::domain::Units {
            version,
            ..first.clone()
        });
        save
    };
    let id = connection_id();
    assert_eq!(
        save(&store, &closing(&new.job, 3, "too new")).await,
        Saved::UnitsConflict
    );
    assert_eq!(
        store.dynamo.to_reread(&id, 10).await.unwrap(),
        [],
        "a refused write leaves none"
    );
    let closed = closing(&new.job, 2, "closed");
    assert_eq!(save(&store, &closed).await, Saved::Done);
    let notes = store.dynamo.to_reread(&id, 10).await.unwrap();
    assert_eq!(
        notes.iter().map(|note| &note.document).collect::<Vec<_>>(),
        [&new.job.document]
    );
    let again = closing(&closed.job, 3, "again");
    assert_eq!(save(&store, &again).await, Saved::Done);
    store.dynamo.reread(&id, &notes[0]).await.unwrap();
    let later = store.dynamo.to_reread(&id, 10).await.unwrap();
    assert_eq!(later.len(), 1, "the later note stays");
    store.dynamo.reread(&id, &later[0]).await.unwrap();
    store.dynamo.reread(&id, &later[0]).await.unwrap();
    assert_eq!(store.dynamo.to_reread(&id, 10).await.unwrap(), []);
    let quiet = next(&again.job, "without units");
    assert_eq!(save(&store, &quiet).await, Saved::Done);
    assert_eq!(store.dynamo.to_reread(&id, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_shipments_job_is_found_by_its_number() {
    let store = Store::new().await;
    let job = admit(&store, "5012").await;
    let shipment = waybill::domain::CarrierShipmentId::new("1Z1");
    assert_eq!(
        store.dynamo.with_shipment(&connection_id(), &shipment).await.unwrap(),
        []
    );
    let mut write = next(&job, "bought");
    write.job.purchase = bought("1Z1");
    assert_eq!(save(&store, &write).await, Saved::Done);
    let found = store.dynamo.with_shipment(&connection_id(), &shipment).await.unwrap();
    assert_eq!(found, [job.id]);
    assert!(
        store.dynamo.numbered("1Z1").await.unwrap().is_empty(),
        "it is no document's number"
    );
}

/// P24: what is erased is found nowhere in the table and the bucket; decisions, numbers and the digest stay.
#[tokio::test]
async fn an_erased_jobs_person_is_found_nowhere() {
    let store = Store::new().await;
    let mut new = admitted("5012", "admit");
    new.snapshot.consignment.ship_to.name = "Prudence Quill".to_owned();
    new.snapshot.consignment.ship_to.phone = Some("2125550142".to_owned());
    new.snapshot.consignment.ship_to.lines = vec!["350 5th Ave".to_owned()];
    assert!(
        store
            .dynamo
            .admit(&units(&new), std::slice::from_ref(&new))
            .await
            .unwrap()
    );
    let mut write = next(&new.job, "write");
    write.audit[0].text = "held: 350 5TH AVE is not known".to_owned();
    let big = format!("Prudence Quill {}", "x".repeat(100_000));
    write.audit[0].exchanges = vec![exchange(big)];
    write.audit.push(waybill::ports::AuditEntry {
        exchanges: vec![exchange("2125550142".to_owned())],
        ..entry("small")
    });
    assert_eq!(save(&store, &write).await, Saved::Done);
    let key = format!("labels/{}/1Z1.zpl", new.job.id);
    store.objects.0.lock().unwrap().insert(key, b"Prudence Quill".to_vec());
    let others = "labels/OTHER/1Z2.zpl".to_owned();
    store
        .objects
        .0
        .lock()
        .unwrap()
        .insert(others.clone(), b"Somebody Else".to_vec());
    let people = ["prudence", "quill", "350 5th", "2125550142"];
    for _ in 0..2 {
        store.dynamo.erase(&new.job.id).await.unwrap();
        let dump = store.dump().await.to_lowercase();
        for person in people {
            assert!(!dump.contains(person), "{person}");
        }
        assert_eq!(store.objects.0.lock().unwrap().keys().collect::<Vec<_>>(), [&others]);
    }
    let left = store.dynamo.snapshot(&new.job.id, 1).await.unwrap().unwrap();
    assert_eq!(
        (left.hash, left.consignment.lines),
        (new.snapshot.hash, new.snapshot.consignment.lines)
    );
    let story = store.dynamo.audit(&new.job.id).await.unwrap();
    assert_eq!(texts(&story), ["admitted", "held: (erased) is not known", "small"]);
    assert_eq!(
        story[2].exchanges[0].status,
        Some(200),
        "what was asked and answered is still told"
    );
    assert_eq!(store.dynamo.load(&new.job.id).await.unwrap(), Some(write.job));
}
