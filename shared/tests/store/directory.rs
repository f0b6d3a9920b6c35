//! Jobs by state, and the control of look-ups.

use jiff::SignedDuration;
use waybill::domain::{CarrierAccount, JobId};
use waybill::job::{Closing, Hold, HoldReason, Job, Step, WriteBackRef};
use waybill::ports::{Controls, Directory, Documents, Jobs, Saved, State};

use crate::database::Store;
use crate::samples::{admitted, bought, connection_id, next, start, units};

async fn put(store: &Store, order: i64, change: impl FnOnce(&mut Job)) -> Job {
    let new = admitted(&order.to_string(), &format!("admit-{order}"));
    assert!(
        store
            .dynamo
            .admit(&units(&new), std::slice::from_ref(&new))
            .await
            .unwrap()
    );
    let mut write = next(&new.job, &format!("write-{order}"));
    write.job.updated_at += SignedDuration::from_mins(order);
    change(&mut write.job);
    assert_eq!(store.dynamo.save(&write).await.unwrap(), Saved::Done);
    write.job
}

fn held() -> Hold {
    Hold {
        reason: HoldReason::Person,
        message: "by hand".to_owned(),
        since: start(),
        again_at: start(),
        under: None,
    }
}

fn written() -> Step<WriteBackRef> {
    Step::Done(WriteBackRef {
        place: "item fulfilment 1".to_owned(),
        id: None,
    })
}

async fn ids(store: &Store, state: State, limit: u16) -> Vec<JobId> {
    let jobs = store.dynamo.in_state(&connection_id(), state, limit).await.unwrap();
    jobs.into_iter().map(|job| job.id).collect()
}

#[tokio::test]
async fn jobs_are_listed_by_state_newest_first_over_all_shards() {
    let store = Store::new().await;
    let mut open = Vec::new();
    for order in 1..=12 {
        open.push(
            put(&store, order, |job| {
                job.purchase = if order % 2 == 0 { bought("1Z") } else { Step::Todo }
            })
            .await
            .id,
        );
    }
    let held = put(&store, 20, |job| job.hold = Some(held())).await.id;
    let shipped = put(&store, 21, |job| {
        (job.purchase, job.write_back) = (bought("1Z9"), written())
    })
    .await
    .id;
    let voided = Closing::Voided { by: "Jo".to_owned() };
    let closed = put(&store, 22, |job| job.closed = Some(voided)).await.id;
    open.reverse();
    assert_eq!(ids(&store, State::Open, 50).await, open);
    assert_eq!(ids(&store, State::Open, 3).await, open[..3]);
    assert_eq!(ids(&store, State::Held, 50).await, [held]);
    assert_eq!(ids(&store, State::Shipped, 50).await, [shipped]);
    assert_eq!(ids(&store, State::Closed, 50).await, [closed]);
}

#[tokio::test]
async fn the_control_is_the_newest_known_shipment_of_another_job() {
    let store = Store::new().await;
    let unbought = put(&store, 1, |_| ()).await;
    assert_eq!(store.dynamo.control(&unbought).await.unwrap(), None);
    let old = put(&store, 2, |job| {
        (job.purchase, job.write_back) = (bought("1ZOLD"), written())
    })
    .await;
    let new = put(&store, 3, |job| job.purchase = bought("1ZNEW")).await;
    let voided = Closing::Voided { by: "Jo".to_owned() };
    put(&store, 4, |job| {
        (job.purchase, job.closed) = (bought("1ZVOID"), Some(voided))
    })
    .await;
    let control = async |job: &Job| {
        let control = store.dynamo.control(job).await.unwrap().unwrap();
        (control.reference, control.shipment.to_string())
    };
    assert_eq!(control(&unbought).await, (new.id.clone(), "1ZNEW".to_owned()));
    assert_eq!(
        control(&new).await,
        (old.id, "1ZOLD".to_owned()),
        "never the job itself"
    );
    let elsewhere = Job {
        connection: "other".parse().unwrap(),
        ..new.clone()
    };
    assert_eq!(store.dynamo.control(&elsewhere).await.unwrap(), None);
    let account = |number: &str| {
        Some(CarrierAccount {
            number: number.to_owned(),
            merchant: None,
        })
    };
    let under_another = Job {
        account: account("B1B1B1"),
        ..new.clone()
    };
    assert_eq!(
        store.dynamo.control(&under_another).await.unwrap(),
        None,
        "another account's shipment proves nothing"
    );
    let east = put(&store, 5, |job| {
        (job.purchase, job.account) = (bought("1ZEAST"), account("B1B1B1"))
    })
    .await;
    assert_eq!(control(&under_another).await, (east.id, "1ZEAST".to_owned()));
}
