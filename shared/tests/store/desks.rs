//! What desks were told of stock, and the runs that tell it.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use waybill::domain::{DocumentId, Doubt, LevelKey, Nonce, SentLevel, StockRun, ToldGoods, ToldLine};
use waybill::ports::{CustomersRun, DeskCall, DeskStory, DeskWrite, Outgoing, StockBooks};

use crate::database::{Fault, Store};
use crate::samples::{connection_id, start};

fn key(item: u64, location: u64) -> LevelKey {
    LevelKey { item, location }
}

fn sent(item: u64, location: u64, sku: &str, quantity: u32) -> SentLevel {
    SentLevel {
        key: key(item, location),
        sku: sku.to_owned(),
        place: format!("P{location}"),
        quantity: Decimal::from(quantity),
        at: start(),
        refused: None,
    }
}

/// P44: one worker goes on with a run, and a lost answer is known for what it is.
#[tokio::test]
async fn one_worker_goes_on_with_a_run() {
    let store = Store::new().await;
    let (dynamo, id) = (store.dynamo.as_ref(), connection_id());
    assert_eq!(dynamo.stock_run(&id).await.unwrap(), StockRun::default());
    let begun = StockRun::default().next(start(), false);
    assert!(dynamo.write_stock_run(&id, &begun).await.unwrap());
    let taken = |owner: &str| {
        let lease = jiff::SignedDuration::from_mins(5);
        let mut run = StockRun {
            round: begun.round.taken(&Nonce::new(owner), start(), lease),
            after: Some(key(7, 1)),
            telling: vec![Doubt {
                key: key(8, 1),
                sku: "A".to_owned(),
                place: "P1".to_owned(),
            }],
            ..begun.clone()
        };
        run.read = 3;
        run
    };
    store.faults.strike(Fault::Lost, 1);
    assert!(
        dynamo.write_stock_run(&id, &taken("one")).await.unwrap(),
        "its own write"
    );
    assert!(!dynamo.write_stock_run(&id, &taken("other")).await.unwrap());
    assert_eq!(dynamo.stock_run(&id).await.unwrap(), taken("one"));

    let mut customers = CustomersRun::default();
    customers.round = customers.round.next(start(), true);
    assert!(dynamo.write_customers_run(&id, &customers).await.unwrap());
    customers.made = 7;
    assert!(!dynamo.write_customers_run(&id, &customers).await.unwrap());
    customers.round.version += 1;
    assert!(dynamo.write_customers_run(&id, &customers).await.unwrap());
    assert_eq!(dynamo.customers_run(&id).await.unwrap(), customers);
    assert_eq!(dynamo.stock_run(&id).await.unwrap().read, 3, "each has its own");
}

/// P44: what was told is found by a stretch of keys, both ends within, in the order of the ERP's numbers, and nothing else.
#[tokio::test]
async fn what_was_told_is_found_by_a_stretch_of_keys() {
    let store = Store::new().await;
    let (dynamo, id) = (store.dynamo.as_ref(), connection_id());
    let levels: Vec<SentLevel> = (1..=60)
        .flat_map(|item| [sent(item, 9, "A", 1), sent(item, 10, "A", 2)])
        .collect();
    dynamo.keep_sent(&id, &levels).await.unwrap();
    dynamo.keep_sent(&id, &[]).await.unwrap();
    dynamo
        .keep_sent(&"other".parse().unwrap(), &[sent(2, 9, "A", 5)])
        .await
        .unwrap();
    dynamo
        .write_stock_run(&id, &StockRun::default().next(start(), false))
        .await
        .unwrap();
    let found = dynamo.sent(&id, &LevelKey::FIRST, &LevelKey::LAST).await.unwrap();
    assert_eq!(found, levels);
    let stretch = dynamo.sent(&id, &key(9, 10), &key(11, 9)).await.unwrap();
    let keys: Vec<LevelKey> = stretch.into_iter().map(|level| level.key).collect();
    assert_eq!(keys, [key(9, 10), key(10, 9), key(10, 10), key(11, 9)]);
    let again = SentLevel {
        quantity: Decimal::from(77),
        refused: Some("it knows no such SKU".to_owned()),
        ..sent(9, 10, "B", 1)
    };
    dynamo.keep_sent(&id, std::slice::from_ref(&again)).await.unwrap();
    assert_eq!(dynamo.sent(&id, &key(9, 10), &key(9, 10)).await.unwrap(), [again]);
}

#[tokio::test]
async fn levels_are_found_by_the_sku_that_they_were_told_under() {
    let store = Store::new().await;
    let (dynamo, id) = (store.dynamo.as_ref(), connection_id());
    dynamo
        .keep_sent(&id, &[sent(1, 1, "A#1", 1), sent(2, 1, "A", 2), sent(3, 2, "A", 3)])
        .await
        .unwrap();
    dynamo
        .keep_sent(&"other".parse().unwrap(), &[sent(4, 1, "A", 5)])
        .await
        .unwrap();
    let under = async |sku: &str| {
        let found = dynamo.sent_as(&id, sku).await.unwrap();
        found.into_iter().map(|level| level.key.item).collect::<BTreeSet<_>>()
    };
    assert_eq!(under("A").await, BTreeSet::from([2, 3]));
    assert_eq!(under("A#1").await, BTreeSet::from([1]));
    let gone = SentLevel {
        place: String::new(),
        ..sent(2, 1, "A", 0)
    };
    dynamo.keep_sent(&id, &[gone, sent(3, 2, "B", 3)]).await.unwrap();
    assert!(under("A").await.is_empty());
    assert_eq!(under("B").await, BTreeSet::from([3]));
}

/// P45: what was told of an order's goods is known again, of each order of each connection.
#[tokio::test]
async fn what_was_told_of_an_orders_goods_is_known_again() {
    let store = Store::new().await;
    let (dynamo, id) = (store.dynamo.as_ref(), connection_id());
    let (order, other) = (DocumentId::sales_order("5012"), DocumentId::sales_order("501"));
    assert_eq!(dynamo.told_goods(&id, &order).await.unwrap(), ToldGoods::default());
    let line = |quantity: u32| ToldLine {
        line: "1".to_owned(),
        sku: "A".to_owned(),
        quantity: Decimal::from(quantity),
    };
    let telling = ToldGoods::default().telling(Some(&[line(5)]), &[line(7)]);
    dynamo.keep_told_goods(&id, &order, &telling).await.unwrap();
    assert_eq!(dynamo.told_goods(&id, &order).await.unwrap(), telling);
    let settled = telling.settled(&[line(7)]);
    dynamo.keep_told_goods(&id, &order, &settled).await.unwrap();
    assert_eq!(dynamo.told_goods(&id, &order).await.unwrap(), settled);
    assert_eq!(dynamo.told_goods(&id, &other).await.unwrap(), ToldGoods::default());
    let levels = dynamo.sent(&id, &LevelKey::FIRST, &LevelKey::LAST).await.unwrap();
    assert_eq!(levels, [], "it is no level");
}

/// A run's story is told in the order in which it was written, its end where it is long, and no other run's.
#[tokio::test]
async fn a_runs_story_is_told_in_order() {
    let store = Store::new().await;
    let (dynamo, id) = (store.dynamo.as_ref(), connection_id());
    let story = |of, run| DeskStory {
        connection: &id,
        of,
        run,
    };
    let write = |of: &str| DeskWrite {
        at: start(),
        of: of.to_owned(),
        what: "made".to_owned(),
        calls: vec![DeskCall {
            request: "POST /v2/shipments".to_owned(),
            status: Some(200),
            ids: vec!["req-1".to_owned()],
        }],
    };
    for (page, names) in [(9, ["A", "B"]), (10, ["C", "D"]), (101, ["E", "F"])] {
        let writes = names.map(write);
        dynamo
            .keep_story(story(Outgoing::Stock, 1), page, &writes)
            .await
            .unwrap();
    }
    dynamo
        .keep_story(story(Outgoing::Stock, 10), 1, &[write("X")])
        .await
        .unwrap();
    dynamo
        .keep_story(story(Outgoing::Customers, 1), 1, &[write("Y")])
        .await
        .unwrap();
    let told = async |of, run, pages| {
        let writes = dynamo.story(story(of, run), pages).await.unwrap();
        writes.into_iter().map(|write| write.of).collect::<String>()
    };
    assert_eq!(told(Outgoing::Stock, 1, 100).await, "ABCDEF");
    assert_eq!(told(Outgoing::Stock, 1, 2).await, "CDEF");
    assert_eq!(told(Outgoing::Customers, 1, 100).await, "Y");
    let whole = dynamo.story(story(Outgoing::Stock, 10), 1).await.unwrap();
    assert_eq!(whole, [write("X")]);
}
