//! What a version left in the table in the middle of its work, taken up by today's code: the moment at which one version takes over
//! from another is a crash like any other, but what is found then was written by other code.
//!
//! `tests/fixtures/state/<version>/` holds one file for each such moment: a job's life was stopped after every call of the store, the
//! carrier and the ERP. After a release, record what it leaves beside what the ones before left:
//! `RECORD=v2 cargo test --workspace --test crash record_what_is_left -- --ignored`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::database::TABLE;
use super::*;

/// One item in DynamoDB's own JSON.
type Item = BTreeMap<String, serde_json::Value>;

/// A moment: the table, and what others know.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Left {
    at: Timestamp,
    bought: BTreeMap<String, Vec<String>>,
    written: BTreeMap<String, u32>,
    items: Vec<Item>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/state")
}

fn plain(value: &AttributeValue) -> serde_json::Value {
    match value {
        AttributeValue::N(number) => serde_json::json!({ "N": number }),
        AttributeValue::B(bytes) => serde_json::json!({ "B": BASE64.encode(bytes.as_ref()) }),
        other => serde_json::json!({ "S": other.as_s().unwrap() }),
    }
}

fn attribute(value: &serde_json::Value) -> AttributeValue {
    match (value["N"].as_str(), value["B"].as_str()) {
        (Some(number), _) => AttributeValue::N(number.to_owned()),
        (_, Some(bytes)) => AttributeValue::B(Blob::new(BASE64.decode(bytes.as_bytes()).unwrap())),
        _ => AttributeValue::S(value["S"].as_str().unwrap().to_owned()),
    }
}

async fn items(deployment: &Deployment) -> Vec<Item> {
    let scan = deployment.store.client.scan().table_name(TABLE).send().await.unwrap();
    let mut items: Vec<Item> = scan
        .items()
        .iter()
        .map(|item| item.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        .collect();
    items.sort_by_key(key);
    items
}

fn key(item: &Item) -> String {
    format!("{} {}", item["pk"]["S"], item["sk"]["S"])
}

impl Deployment {
    fn is_dead(&self) -> bool {
        lock(&self.plan.mishap).is_none()
    }

    /// Works until the worker dies after the nth call, and says what it leaves; `None` where all was done before.
    async fn left(&self) -> Option<Left> {
        let id = JobId::of(&self.connection.id, &DocumentId::sales_order("1"), 1);
        for _ in 0..5 {
            self.poll().await;
            if !self.is_dead() {
                self.work(&id).await;
            }
            if self.is_dead() {
                let items = items(self).await;
                let books = lock(&self.outside.books);
                return Some(Left {
                    at: self.store.clock.now(),
                    bought: books.bought.clone(),
                    written: books.written.clone(),
                    items,
                });
            }
            self.store.clock.turn(SignedDuration::from_mins(20));
        }
        None
    }

    /// Finds what was left.
    async fn take_up(&self, left: &Left) {
        for item in &left.items {
            let item: HashMap<String, AttributeValue> = item
                .iter()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect();
            let put = self.store.client.put_item().table_name(TABLE).set_item(Some(item));
            put.send().await.unwrap();
        }
        *lock(&self.outside.books) = Books {
            bought: left.bought.clone(),
            written: left.written.clone(),
        };
        let turned = left.at.duration_since(self.store.clock.now());
        self.store.clock.turn(turned);
    }
}

/// Records what today's code leaves, under a version's name.
#[tokio::test]
#[ignore = "writes files"]
async fn record_what_is_left() {
    let folder = folder().join(std::env::var("RECORD").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let (mut before, mut number) = (None, 0);
    for nth in 1.. {
        // The same nonces every time, so that equal moments are equal.
        DRAWN.store(0, Ordering::Relaxed);
        let deployment = Deployment::new(Some((nth, Mishap::DiesAfter))).await;
        let Some(left) = deployment.left().await else { break };
        // A call that only reads leaves what the one before left.
        if before.as_ref().is_some_and(|before: &Left| {
            (&before.items, &before.bought, &before.written) == (&left.items, &left.bought, &left.written)
        }) {
            continue;
        }
        number += 1;
        let text = serde_json::to_string_pretty(&left).unwrap();
        std::fs::write(folder.join(format!("{number:02}.json")), text + "\n").unwrap();
        before = Some(left);
    }
}

/// P20: wherever an earlier version stopped, today's code finishes what it began: one shipment, one write-back, and every item that
/// was there is there still.
#[tokio::test]
async fn today_finishes_what_an_earlier_version_began() {
    // What the other version drew is never drawn again.
    DRAWN.fetch_add(1_000_000, Ordering::Relaxed);
    let (mut moments, mut under_way) = (0, 0);
    for version in std::fs::read_dir(folder()).unwrap() {
        let version = version.unwrap().path();
        if !version.is_dir() {
            continue;
        }
        for moment in std::fs::read_dir(&version).unwrap() {
            let file = moment.unwrap().path();
            let what = file.display().to_string();
            let left: Left = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
            let deployment = Deployment::new(None).await;
            deployment.take_up(&left).await;
            let job = deployment.settle().await;
            let job = job.unwrap_or_else(|| panic!("{what}: nothing came of it"));
            deployment.judge(&job, &what).await;
            let kept: BTreeSet<String> = items(&deployment).await.iter().map(key).collect();
            let lost: Vec<String> = left.items.iter().map(key).filter(|key| !kept.contains(key)).collect();
            assert!(lost.is_empty(), "{what}: {lost:?}");
            moments += 1;
            under_way += usize::from(left.written.is_empty() && !left.bought.is_empty());
        }
    }
    assert!(
        moments >= 8 && under_way >= 1,
        "{moments} moments, {under_way} of them between purchase and write-back"
    );
    println!("taken up from earlier versions: {moments} moments");
}
