//! Connections, the brake and cursors.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use waybill::aws::Change;
use waybill::connection::Connection;
use waybill::ports::{Connections, Cursor, Cursors};

use crate::database::Store;
use crate::samples::{connection, connection_id, entry, start};

fn change(version: u64, text: &str) -> Change {
    Change {
        connection: Connection {
            version,
            ..connection()
        },
        audit: entry(text),
    }
}

#[tokio::test]
async fn a_change_of_a_connection_is_versioned_and_told() {
    let store = Store::new().await;
    let (dynamo, id) = (&store.dynamo, connection_id());
    assert!(dynamo.gate(&id).await.unwrap().is_none());
    assert!(dynamo.store_connection(&change(1, "applied")).await.unwrap());
    assert!(dynamo.store_connection(&change(2, "resumed by Jo")).await.unwrap());
    assert!(!dynamo.store_connection(&change(2, "resumed by Al")).await.unwrap());
    assert_eq!(dynamo.gate(&id).await.unwrap().unwrap().connection.version, 2);
    assert_eq!(dynamo.connections().await.unwrap(), [change(2, "").connection]);
    assert!(!dynamo.remove_connection(&id, 1, &entry("too late")).await.unwrap());
    assert!(dynamo.remove_connection(&id, 2, &entry("removed")).await.unwrap());
    assert!(dynamo.gate(&id).await.unwrap().is_none());
    assert!(dynamo.connections().await.unwrap().is_empty());
    let story = dynamo.connection_audit(&id).await.unwrap();
    let texts: Vec<&str> = story.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["applied", "resumed by Jo", "removed"]);
}

#[tokio::test]
async fn the_brake_stands_at_every_gate_until_it_is_taken_off() {
    let store = Store::new().await;
    assert!(store.dynamo.store_connection(&change(1, "applied")).await.unwrap());
    let brake = async || store.dynamo.gate(&connection_id()).await.unwrap().unwrap().brake;
    assert_eq!(brake().await, None);
    store
        .dynamo
        .set_brake(Some("labels are misprinted"), "Jo", start())
        .await
        .unwrap();
    assert_eq!(brake().await.as_deref(), Some("labels are misprinted"));
    store.dynamo.set_brake(None, "Jo", start()).await.unwrap();
    assert_eq!(brake().await, None);
}

/// Whoever has just read the brake does not read it again within a second, whichever connection he visits; then it stops him.
#[tokio::test]
async fn a_process_believes_the_brake_for_a_second() {
    let store = Store::new().await;
    let (operator, worker) = (&store.dynamo, store.another());
    assert!(operator.store_connection(&change(1, "applied")).await.unwrap());
    let brake = async || worker.gate(&connection_id()).await.unwrap().unwrap().brake;
    assert_eq!(brake().await, None);
    operator.set_brake(Some("wrong prices"), "Jo", start()).await.unwrap();
    assert_eq!(brake().await, None, "it was read in this very second");
    assert_eq!(worker.brake().await.unwrap().as_deref(), Some("wrong prices"));
    store.clock.turn(SignedDuration::from_millis(999));
    assert_eq!(brake().await, None);
    store.clock.turn(SignedDuration::from_millis(1));
    assert_eq!(brake().await.as_deref(), Some("wrong prices"));
    operator.set_brake(None, "Jo", start()).await.unwrap();
    assert_eq!(brake().await.as_deref(), Some("wrong prices"));
    store.clock.turn(SignedDuration::from_secs(1));
    assert_eq!(brake().await, None);
}

#[tokio::test]
async fn a_cursor_moves_for_one_poller_only() {
    let store = Store::new().await;
    let (dynamo, id) = (&store.dynamo, connection_id());
    assert_eq!(dynamo.cursor(&id, "orders").await.unwrap(), Cursor::default());
    let first = Cursor {
        version: 1,
        settled: BTreeMap::new(),
        published: Some(start()),
        scan: None,
    };
    assert!(dynamo.advance(&id, "orders", &first).await.unwrap());
    assert!(dynamo.advance(&id, "orders", &first).await.unwrap(), "its own echo");
    let stale = Cursor {
        published: None,
        ..first.clone()
    };
    assert!(!dynamo.advance(&id, "orders", &stale).await.unwrap());
    assert_eq!(dynamo.cursor(&id, "orders").await.unwrap(), first);
    assert_eq!(dynamo.cursor(&id, "stock").await.unwrap(), Cursor::default());
}
