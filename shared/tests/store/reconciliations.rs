//! Runs, their gaps, what the carrier's list said, and walks through jobs.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use waybill::domain::{
    DocumentId, Gap, GapKind, JobId, ListEntry, Listed, Reconciliation, Run, Stage, Stretch, Suspect, Tally, Walk,
};
use waybill::job::{Hold, HoldReason, Job, Step, WriteBackRef};
use waybill::ports::{Directory, Documents, Jobs, Reconciliations, Saved, State, Steps};

use crate::database::{Fault, Store, TABLE};
use crate::samples::{admitted, bought, connection, connection_id, entry, next, start, units};

fn run(number: u32) -> Run {
    Run {
        number,
        started_at: start(),
        finished_at: None,
        stage: Stage::Erp { after: None },
        shipped_since: start(),
        listed_since: Some(start()),
        erp_is_blind: false,
        list_is_blind: false,
        tally: Tally::default(),
        gaps: 0,
        held: 0,
        pages: vec![1, 3],
        step: 3,
        failures: 0,
        suspects: vec![Suspect {
            reference: admitted("1", "").job.id,
            tracking_number: "1Z1".to_owned(),
            on: None,
        }],
        notes: vec!["so".to_owned()],
        before: None,
    }
}

fn standing(version: u64, due_in_minutes: Option<i64>) -> Reconciliation {
    Reconciliation {
        version,
        run: Some(run(7)),
        held_until: None,
        due_at: due_in_minutes.map(|minutes| start() + SignedDuration::from_mins(minutes)),
    }
}

#[tokio::test]
async fn one_worker_goes_on_with_a_run_and_a_lost_answer_is_known_for_what_it_is() {
    let store = Store::new().await;
    let (dynamo, id) = (&store.dynamo, connection_id());
    assert_eq!(dynamo.standing(&id).await.unwrap(), Reconciliation::default());
    assert!(
        Reconciliations::advance(dynamo.as_ref(), &id, &standing(1, Some(0)))
            .await
            .unwrap()
    );
    assert!(
        !Reconciliations::advance(dynamo.as_ref(), &id, &standing(1, Some(9)))
            .await
            .unwrap()
    );
    store.faults.strike(Fault::Lost, 1);
    assert!(
        Reconciliations::advance(dynamo.as_ref(), &id, &standing(2, Some(1)))
            .await
            .unwrap()
    );
    assert_eq!(dynamo.standing(&id).await.unwrap(), standing(2, Some(1)));
}

#[tokio::test]
async fn unfinished_runs_are_found_by_their_time_and_finished_ones_are_not() {
    let store = Store::new().await;
    let dynamo = store.dynamo.as_ref();
    let ids: Vec<waybill::domain::ConnectionId> = (0..5).map(|n| format!("c{n}").parse().unwrap()).collect();
    for (id, due) in ids.iter().zip([3, 1, 2, 60, 0]) {
        assert!(
            Reconciliations::advance(dynamo, id, &standing(1, Some(due)))
                .await
                .unwrap()
        );
    }
    assert!(
        Reconciliations::advance(dynamo, &ids[4], &standing(2, None))
            .await
            .unwrap()
    );
    let now = start() + SignedDuration::from_mins(10);
    let due = dynamo.unfinished(now, 9).await.unwrap();
    assert_eq!(due, [ids[1].clone(), ids[2].clone(), ids[0].clone()]);
    assert_eq!(dynamo.unfinished(now, 2).await.unwrap().len(), 2);
    let jobs = waybill::ports::Due::due(dynamo, 0, now, None, 9).await.unwrap();
    assert!(jobs.keys.is_empty(), "a reconciliation is no job");
}

#[tokio::test]
async fn runs_and_gaps_are_kept_for_the_connections_retention() {
    let store = Store::new().await;
    let (dynamo, id) = (store.dynamo.as_ref(), connection_id());
    let change = waybill::aws::Change {
        connection: waybill::connection::Connection {
            version: 1,
            ..connection()
        },
        audit: entry("applied"),
    };
    assert!(dynamo.store_connection(&change).await.unwrap());
    let ids = waybill::ports::Connections::ids(dynamo).await.unwrap();
    assert!(ids.len() == 1 && ids.contains(&id), "{ids:?}");
    let gap = |text: &str| Gap::new(GapKind::Held, text, "`waybill job release JOB`");
    dynamo
        .keep_gaps(&id, 7, 1, &[gap("first"), gap("second")])
        .await
        .unwrap();
    dynamo.keep_gaps(&id, 7, 1, &[gap("again")]).await.unwrap();
    assert_eq!(dynamo.gaps(&id, 7, 1).await.unwrap(), [gap("again")]);
    assert!(dynamo.gaps(&id, 7, 2).await.unwrap().is_empty());
    for number in [9, 10, 7] {
        dynamo.keep(&id, &run(number)).await.unwrap();
    }
    let newest = dynamo.runs(&id, 2).await.unwrap();
    assert_eq!(newest.iter().map(|run| run.number).collect::<Vec<_>>(), [10, 9]);
    assert_eq!(Reconciliations::run(dynamo, &id, 7).await.unwrap(), Some(run(7)));
    assert_eq!(Reconciliations::run(dynamo, &id, 8).await.unwrap(), None);
    let expected = (start() + SignedDuration::from_hours(90 * 24)).as_second().to_string();
    for sk in ["RUN#0000000007", "GAPS#0000000007#0000000001"] {
        let item = store.attributes(&format!("RECON#{id}"), sk).await;
        assert_eq!(item.get("expires_at"), Some(&expected), "{sk}");
    }
}

#[tokio::test]
async fn what_the_list_said_is_remembered_whatever_its_order() {
    let store = Store::new().await;
    let (dynamo, id) = (store.dynamo.as_ref(), connection_id());
    let entry = |numbers: std::ops::Range<u32>, voided| ListEntry {
        reference: None,
        shipment: None,
        tracking_numbers: numbers.map(|number| format!("1Z{number}")).collect(),
        on: None,
        voided,
    };
    let said = [
        entry(3..4, true),
        entry(0..60, false),
        entry(0..2, false),
        entry(5..6, true),
    ];
    for _ in 0..2 {
        dynamo.note_listed(&id, &said).await.unwrap();
    }
    dynamo.note_listed(&id, &[]).await.unwrap();
    let other = "another".parse().unwrap();
    dynamo.note_listed(&other, &[entry(99..100, false)]).await.unwrap();
    let asked: Vec<String> = (0..100).map(|number| format!("1Z{number}")).collect();
    let listed = dynamo.listed(&id, &asked).await.unwrap();
    let expected: BTreeMap<String, Listed> = (0..60)
        .map(|number| {
            let voided = number == 3 || number == 5;
            (format!("1Z{number}"), Listed { sold: true, voided })
        })
        .collect();
    assert_eq!(listed, expected);
}

async fn put(store: &Store, order: i64, change: impl FnOnce(&mut Job)) -> JobId {
    let new = admitted(&order.to_string(), &format!("admit-{order}"));
    let admitted = store.dynamo.admit(&units(&new), std::slice::from_ref(&new)).await;
    assert!(admitted.unwrap());
    let mut write = next(&new.job, &format!("write-{order}"));
    write.job.updated_at = start() + SignedDuration::from_mins(order);
    change(&mut write.job);
    assert_eq!(store.dynamo.save(&write).await.unwrap(), Saved::Done);
    write.job.id
}

async fn walked(store: &Store, walk: Walk, within: Option<Stretch>, limit: u16) -> Vec<JobId> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let steps = Steps { walk, within, after };
        let page = store.dynamo.walk(&connection_id(), &steps, limit).await.unwrap();
        assert!(page.jobs.len() <= usize::from(limit));
        ids.extend(page.jobs.into_iter().map(|job| job.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

#[tokio::test]
async fn a_walk_meets_every_job_once_whatever_the_size_of_its_pages() {
    let store = Store::new().await;
    let mut by_state: BTreeMap<State, BTreeSet<JobId>> = BTreeMap::new();
    let mut within = BTreeSet::new();
    for order in 0..120_i64 {
        let written = Step::Done(WriteBackRef {
            place: "item fulfilment 1".to_owned(),
            id: None,
        });
        let id = put(&store, order, |job| match order % 4 {
            0 => job.purchase = bought("1Z"),
            1 => {
                job.hold = Some(Hold {
                    reason: HoldReason::Person,
                    message: "by hand".to_owned(),
                    since: start(),
                    again_at: start(),
                    under: None,
                });
            }
            2 => (job.purchase, job.write_back) = (bought("1Z"), written),
            _ => {}
        });
        let id = id.await;
        let state = [State::Open, State::Held, State::Shipped, State::Open][usize::try_from(order % 4).unwrap()];
        if state == State::Shipped && (30..=80).contains(&order) {
            within.insert(id.clone());
        }
        by_state.entry(state).or_default().insert(id);
    }
    let walks = [
        (Walk::Open, State::Open),
        (Walk::Held, State::Held),
        (Walk::Shipped, State::Shipped),
    ];
    for (walk, state) in walks {
        for limit in [1, 7, 500] {
            let ids = walked(&store, walk, None, limit).await;
            assert_eq!(ids.len(), by_state[&state].len(), "{walk:?} by {limit}: each once");
            assert_eq!(
                ids.into_iter().collect::<BTreeSet<_>>(),
                by_state[&state],
                "{walk:?} by {limit}"
            );
        }
    }
    let at = |minute| start() + SignedDuration::from_mins(minute);
    let stretch = Stretch {
        from: at(30),
        to: at(80),
    };
    for limit in [2, 100] {
        let ids = walked(&store, Walk::Shipped, Some(stretch), limit).await;
        assert_eq!(
            ids.into_iter().collect::<BTreeSet<_>>(),
            within,
            "both ends belong to it"
        );
    }
}

/// One item that nobody can read does not keep a walk from the others, and is named.
#[tokio::test]
async fn a_walk_goes_on_past_a_job_that_cannot_be_read() {
    let store = Store::new().await;
    let mut ids = Vec::new();
    for order in 1..=3 {
        ids.push(put(&store, order, |_| {}).await);
    }
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let broken = store.client.update_item().table_name(TABLE);
    let broken = broken
        .key("pk", text(&format!("JOB#{}", ids[1])))
        .key("sk", text("STATE"));
    let broken = broken.update_expression("SET body = :body");
    let broken = broken.expression_attribute_values(":body", text(r#"{"from":"a later version"}"#));
    broken.send().await.unwrap();
    let (mut read, mut unreadable, mut after) = (BTreeSet::new(), Vec::new(), None);
    loop {
        let steps = Steps {
            walk: Walk::Open,
            within: None,
            after,
        };
        let page = store.dynamo.walk(&connection_id(), &steps, 1).await.unwrap();
        read.extend(page.jobs.into_iter().map(|job| job.id));
        unreadable.extend(page.unreadable);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(unreadable, [ids[1].clone()]);
    assert_eq!(read, BTreeSet::from([ids[0].clone(), ids[2].clone()]));
    let missing = JobId::of(&connection_id(), &DocumentId::sales_order("9"), 1);
    let asked = [ids.clone(), vec![missing]].concat();
    let page = store.dynamo.these(&asked).await.unwrap();
    let read: Vec<JobId> = page.jobs.into_iter().map(|job| job.id).collect();
    assert_eq!(
        (read, page.unreadable),
        (vec![ids[0].clone(), ids[2].clone()], vec![ids[1].clone()])
    );
}

/// What the first version stored, to the letter.
#[test]
fn what_the_first_version_stored_is_read_for_ever() {
    let gap = r#"{"kind":"not-admitted","number":"SO5012","document":{"kind":"sales-order","id":"5012"},
        "job":"KLSHTTVKGC3N3GKNGILJO6BCUJ","tracking_number":"1Z1","since":"2026-03-02T09:00:00Z",
        "reason":"why","mend":"what"}"#;
    let gap: Gap = serde_json::from_str(gap).unwrap();
    assert_eq!((gap.kind, gap.mend.as_str()), (GapKind::NotAdmitted, "what"));
    let stages = [
        r#"{"at":"erp","after":"7"}"#,
        r#"{"at":"carrier","stretch":{"from":"2026-03-02T09:00:00Z","to":"2026-03-03T09:00:00Z"},"page":null}"#,
        r#"{"at":"earlier","done":2}"#,
        r#"{"at":"strays"}"#,
        r#"{"at":"jobs","walk":"shipped","after":null}"#,
        r#"{"at":"done"}"#,
    ];
    for stage in stages {
        let standing = format!(
            r#"{{"version":3,"run":{{"number":7,"started_at":"2026-03-02T09:00:00Z","finished_at":null,"stage":{stage},
            "shipped_since":"2026-03-01T09:00:00Z","listed_since":null,
            "tally":{{"documents":1,"listed":2,"foreign":0,"jobs":3,"put_right":0}},"gaps":1,"pages":[1],"step":4,
            "suspects":[{{"reference":"KLSHTTVKGC3N3GKNGILJO6BCUJ","tracking_number":"1Z1"}}],
            "before":{{"number":6,"pages":[2],"started_at":"2026-03-01T09:00:00Z"}}}}}}"#
        );
        let standing: Reconciliation = serde_json::from_str(&standing).unwrap();
        assert_eq!(standing.run.unwrap().number, 7, "{stage}");
    }
}
