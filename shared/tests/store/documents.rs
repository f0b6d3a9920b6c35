//! Documents: admission as one transaction, and the race for it.

use waybill::domain::{DespatchId, DocumentId, PassedOn, Quantities, Units};
use waybill::ports::{Directory, Documents, Jobs, NewJob};

use crate::database::{Fault, Store};
use crate::samples::{admitted, connection_id, units};

#[tokio::test]
async fn units_come_in_the_order_asked_and_unknown_documents_have_none() {
    let store = Store::new().await;
    let new = admitted("2", "admit");
    assert!(
        store
            .dynamo
            .admit(&units(&new), std::slice::from_ref(&new))
            .await
            .unwrap()
    );
    let documents: Vec<DocumentId> = (0..150)
        .map(|number| DocumentId::sales_order(number.to_string()))
        .collect();
    let found = store.dynamo.units(&connection_id(), &documents).await.unwrap();
    let order: Vec<&DocumentId> = found.iter().map(|units| &units.document).collect();
    assert_eq!(order, documents.iter().collect::<Vec<_>>());
    assert_eq!(found[2], units(&new));
    assert_eq!((found[3].version, found[3].units.len()), (0, 0));
}

#[tokio::test]
async fn of_two_admissions_of_one_document_one_wins() {
    let store = Store::new().await;
    let (ours, theirs) = (admitted("5012", "ours"), admitted("5012", "theirs"));
    let (here, there) = (store.another(), store.another());
    let (our_units, their_units) = (units(&ours), units(&theirs));
    let (a, b) = futures::join!(
        here.admit(&our_units, std::slice::from_ref(&ours)),
        there.admit(&their_units, std::slice::from_ref(&theirs)),
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a != b, "one of them wins: {a} {b}");
    let winner = if a { ours } else { theirs };
    let stored = store.dynamo.load(&winner.job.id).await.unwrap().unwrap();
    assert_eq!(stored.last_write, winner.job.last_write);
    assert_eq!(store.dynamo.audit(&winner.job.id).await.unwrap().len(), 1);
}

/// The name of a despatch that became a unit.
fn name_of(new: &NewJob) -> Units {
    let name = Units::none(DocumentId::despatch(&DespatchId::new("label:se-1")), "");
    let named = name.passing_on(PassedOn {
        document: new.job.document.clone(),
        unit: 1,
        quantities: Quantities::new(),
    });
    Units { version: 1, ..named }
}

/// P43: what people shipped once is one order's unit, whoever takes it for whichever order at the same time; the loser leaves nothing.
#[tokio::test]
async fn of_two_orders_that_take_one_despatch_one_wins() {
    let store = Store::new().await;
    let (ours, theirs) = (admitted("5012", "ours"), admitted("5013", "theirs"));
    let (here, there) = (store.another(), store.another());
    let (our_units, their_units) = (units(&ours), units(&theirs));
    let (our_name, their_name) = ([name_of(&ours)], [name_of(&theirs)]);
    let (a, b) = futures::join!(
        here.admit_from(&our_units, std::slice::from_ref(&ours), &our_name),
        there.admit_from(&their_units, std::slice::from_ref(&theirs), &their_name),
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a != b, "one of them wins: {a} {b}");
    let (winner, loser) = if a { (ours, theirs) } else { (theirs, ours) };
    assert!(store.dynamo.load(&winner.job.id).await.unwrap().is_some());
    assert!(store.dynamo.load(&loser.job.id).await.unwrap().is_none());
    let asked = [loser.job.document.clone(), name_of(&winner).document];
    let found = store.dynamo.units(&connection_id(), &asked).await.unwrap();
    assert_eq!((found[0].version, &found[1]), (0, &name_of(&winner)));
    assert!(
        store.dynamo.numbered("").await.unwrap().is_empty(),
        "a name has no number"
    );
}

#[tokio::test]
async fn an_admission_whose_answer_was_lost_knows_its_own_echo() {
    let store = Store::new().await;
    let new = admitted("5012", "ours");
    store.faults.strike(Fault::Lost, 3);
    store
        .dynamo
        .admit(&units(&new), std::slice::from_ref(&new))
        .await
        .unwrap_err();
    assert!(
        store
            .another()
            .admit(&units(&new), std::slice::from_ref(&new))
            .await
            .unwrap()
    );
    let late = admitted("5012", "late");
    assert!(
        !store
            .dynamo
            .admit(&units(&late), std::slice::from_ref(&late))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_job_that_its_document_does_not_name_is_reported_and_not_written_over() {
    let store = Store::new().await;
    let new = admitted("5012", "ours");
    assert!(
        store
            .dynamo
            .admit(&units(&new), std::slice::from_ref(&new))
            .await
            .unwrap()
    );
    let again = admitted("5012", "theirs");
    let elsewhere = Units {
        document: DocumentId::sales_order("9999"),
        ..units(&again)
    };
    let error = store
        .dynamo
        .admit(&elsewhere, std::slice::from_ref(&again))
        .await
        .unwrap_err();
    assert!(error.0.contains("do not name"), "{error}");
}

#[tokio::test]
async fn an_admission_beyond_one_transaction_is_refused_as_a_whole() {
    let store = Store::new().await;
    let jobs: Vec<NewJob> = (0..34).map(|number| admitted(&number.to_string(), "ours")).collect();
    let error = store.dynamo.admit(&units(&jobs[0]), &jobs).await.unwrap_err();
    assert!(error.0.contains("do not fit"), "{error}");
    assert_eq!(store.dynamo.load(&jobs[0].job.id).await.unwrap(), None);
    assert!(store.dynamo.admit(&units(&jobs[0]), &jobs[..33]).await.unwrap());
}

#[tokio::test]
async fn a_document_is_found_by_the_number_that_people_know() {
    let store = Store::new().await;
    for order in ["5012", "5013"] {
        let new = admitted(order, order);
        let same: Units = Units {
            number: "SO-1".to_owned(),
            ..units(&new)
        };
        assert!(store.dynamo.admit(&same, std::slice::from_ref(&new)).await.unwrap());
    }
    let found = store.dynamo.numbered("SO-1").await.unwrap();
    let documents: Vec<(String, String)> = found
        .iter()
        .map(|(connection, units)| (connection.to_string(), units.document.id.clone()))
        .collect();
    let here = |id: &str| ("acme-netsuite-ups".to_owned(), id.to_owned());
    assert_eq!(documents, [here("5012"), here("5013")]);
    assert!(store.dynamo.numbered("SO-2").await.unwrap().is_empty());
}
