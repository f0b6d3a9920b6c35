//! Cancelling: what FedEx has already is answered with a no inside HTTP 200.

use serde_json::{Value, json};

use super::super::EventKind;
use super::{ACCOUNT, CANCEL, Stage, code, domestic, shipment};

fn outcome(answer: &(u16, Value)) -> (u16, &Value) {
    (answer.0, &answer.1["output"]["cancelledShipment"])
}

#[tokio::test]
async fn a_shipment_that_fedex_does_not_have_is_cancelled_once() {
    let stage = Stage::prompt().await;
    let number = stage.shipped("SO-7").await;
    assert_eq!(outcome(&stage.cancel(&number).await), (200, &json!(true)));
    assert_eq!(outcome(&stage.cancel(&number).await), (200, &json!(false)));
    let books = stage.books();
    assert_eq!(books.cancelled, [number.as_str()]);
    assert!(books.unvoided("SO-7").is_empty() && books.shipments[0].is_cancelled());
    assert_eq!(stage.tracked(&number).await["latestStatusDetail"]["code"], "CA");
}

#[tokio::test]
async fn a_tendered_shipment_is_not_cancelled() {
    let stage = Stage::plain().await;
    let number = stage.shipped("SO-7").await;
    assert!(stage.fedex().happen(&number, &[EventKind::PickedUp]));
    assert_eq!(outcome(&stage.cancel(&number).await), (200, &json!(false)));
    assert_eq!(stage.books().unvoided("SO-7"), [number]);
}

#[tokio::test]
async fn one_number_cancels_every_package() {
    let stage = Stage::prompt().await;
    let mut body = domestic("SO-7");
    body["requestedShipment"]["requestedPackageLineItems"][0]["groupPackageCount"] = json!(3);
    let (_, answer) = stage.ship(&body).await;
    let last = shipment(&answer)["pieceResponses"][2]["trackingNumber"]
        .as_str()
        .unwrap();
    let master = shipment(&answer)["masterTrackingNumber"].as_str().unwrap();
    assert_eq!(outcome(&stage.cancel(master).await), (200, &json!(true)));
    assert_eq!(stage.tracked(last).await["latestStatusDetail"]["code"], "CA");
}

#[tokio::test]
async fn who_or_what_is_wrong_is_refused() {
    let stage = Stage::plain().await;
    let number = stage.shipped("SO-7").await;
    let (status, answer) = stage.cancel("794999999999").await;
    assert_eq!((status, code(&answer)), (400, "TRACKINGNUMBER.ENTERED.INVALID"));
    let other = json!({ "accountNumber": { "value": "222222222" }, "trackingNumber": number });
    let (status, answer) = stage.put(CANCEL, &other).await;
    assert_eq!((status, code(&answer)), (400, "SHIPMENT.USER.UNAUTHORIZED"));
    let one = json!({ "accountNumber": { "value": ACCOUNT }, "trackingNumber": number,
        "deletionControl": "DELETE_ONE_PACKAGE" });
    assert_eq!(code(&stage.put(CANCEL, &one).await.1), "DELETIONCONTROL.INVALID");
    let nothing = json!({ "accountNumber": { "value": ACCOUNT } });
    assert_eq!(
        code(&stage.put(CANCEL, &nothing).await.1),
        "TRACKING.TRACKINGNUMBER.EMPTY"
    );
    let nobody = json!({ "trackingNumber": number });
    assert_eq!(
        code(&stage.put(CANCEL, &nobody).await.1),
        "ACCOUNTNUMBER.REGISTRATION.REQUIRED"
    );
    assert_eq!(stage.post(CANCEL, &other).await.0, 405, "cancelling is a PUT");
    assert!(stage.books().cancelled.is_empty());
}

#[tokio::test]
async fn the_words_stand_where_the_options_say() {
    let stage = Stage::plain().await;
    let number = stage.shipped("SO-7").await;
    assert!(stage.cancel(&number).await.1["output"]["message"].is_string());
    stage.fedex().configure(|options| options.old_cancel_message = true);
    let (_, answer) = stage.cancel(&number).await;
    assert!(answer["output"]["successMessage"].is_string() && answer["output"].get("message").is_none());
}

#[tokio::test]
async fn people_work_beside_the_product() {
    let stage = Stage::prompt().await;
    let number = stage.shipped("SO-7").await;
    assert!(stage.fedex().happen(&number, &[EventKind::PickedUp]));
    let copy = stage.fedex().copy(&number, "SO-8").unwrap();
    assert_eq!(
        stage.tracked(&copy).await["latestStatusDetail"]["code"],
        "OC",
        "it has not travelled"
    );
    assert_eq!(stage.books().unvoided("SO-8"), [copy.as_str()]);
    assert!(stage.fedex().cancel_by_hand(&copy) && !stage.fedex().cancel_by_hand("1"));
    assert!(stage.books().unvoided("SO-8").is_empty());
    stage.fedex().forget(&number);
    assert!(stage.books().unvoided("SO-7").is_empty());
    assert_eq!(stage.fedex().billed_after(0).len(), 1);
}
